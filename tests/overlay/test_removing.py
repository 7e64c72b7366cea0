"""A given overlay taken off: exact where it can be, untouched elsewhere, whatever the pixels are made of."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image as PILImage

from inpaintkit import Overlay, inpaint, remove_overlay
from inpaintkit.overlay import Stored
from inpaintkit.testing import as_dtype

INK = np.array([250.0, 230.0, 40.0])


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(skimage.data.chelsea()[40:136, 60:188])


def lettered(shape, text="Ferry 24", thickness=5):
    """The opacity of letters with soft edges, as a renderer makes them: levels of 255."""
    canvas = np.zeros((shape[0] * 4, shape[1] * 4), np.uint8)
    cv2.putText(canvas, text, (20, 200), cv2.FONT_HERSHEY_SIMPLEX, 3.6, 255, thickness * 4, cv2.LINE_AA)
    cover = cv2.resize(canvas, shape[::-1], interpolation=cv2.INTER_AREA)
    return (cover / 255).astype(np.float32)


def psnr(one, other, where):
    return float(10 * np.log10(255**2 / np.mean(np.square(one.astype(float) - other)[where])))


@pytest.mark.parametrize(
    ("mode", "seen"),
    [
        ("cover", (1 - 0.25) * 80 + 0.25 * 240),  # 120
        ("add", 80 + 0.25 * 240),  # 140
        ("multiply", 80 * (1 - 0.25 * (1 - 51 / 255))),  # 80 * 0.8 = 64
    ],
)
def test_worked_by_hand(mode, seen):
    assert seen in (120, 140, 64)
    picture, opacity = np.full((9, 9), 80, np.uint8), np.zeros((9, 9))
    picture[4, 3:6], opacity[4, 3:6] = seen, 0.25
    mark = Overlay(opacity, [51.0 if mode == "multiply" else 240.0], mode=mode)
    assert (remove_overlay(picture, overlay=mark) == 80).all()


def test_layers_come_off_from_the_top():
    below, above = 100 * (1 - 0.5), 0.75 * 50 + 0.25 * 250  # a black shadow halves 100; then ink
    picture, opacity = np.full((9, 9), 100.0), np.zeros((9, 9))
    opacity[2:5, 2:5] = 1
    picture[2:5, 2:5] = above
    shadow = Overlay(0.5 * opacity, [0.0])
    mark = Overlay(0.25 * opacity, [250.0], under=(shadow,))
    assert below == 50
    assert np.abs(remove_overlay(picture, overlay=mark) - 100).max() < 1e-9


@pytest.mark.parametrize("mode", ["cover", "add", "multiply"])
@pytest.mark.parametrize("scale", [1, 1 / 255, 1e4])
def test_exact_in_floats_of_any_range(photo, mode, scale):
    truth, ink = photo * scale, INK * scale
    white = 1.0 if scale < 1 else np.percentile(truth, 99.9) - np.percentile(truth, 0.1)
    a = (0.9 * lettered(photo.shape[:2])[..., None]).astype(np.float32).astype(np.float64)
    seen = {"cover": (1 - a) * truth + a * ink, "add": truth + a * ink, "multiply": truth * (1 - a * (1 - ink / white))}
    if scale < 1:
        seen["add"] = np.minimum(seen["add"], 1.0)
    found = remove_overlay(seen[mode], overlay=Overlay(a[..., 0], ink, mode=mode))
    off = np.abs(found - truth) * (seen[mode] < 1 if scale < 1 else 1)  # light that is cut off is lost
    assert off.max() < (2e-2 if mode == "multiply" and scale >= 1 else 1e-6) * np.ptp(truth)


def test_exact_wherever_zero_lies(photo):
    truth, ink = photo * 1e4 - 7e5, INK * 1e4 - 7e5
    a = (0.9 * lettered(photo.shape[:2])[..., None]).astype(np.float32).astype(np.float64)
    found = remove_overlay((1 - a) * truth + a * ink, overlay=Overlay(a[..., 0], ink))
    assert np.abs(found - truth).max() < 1e-6 * np.ptp(truth)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_every_kind_comes_back_as_it_came(photo, dtype, channels):
    pixels = np.concatenate([photo, photo[..., :1], photo[..., 2:]], axis=2)[..., :channels]
    alpha = channels in (2, 4)
    a = 0.6 * lettered(photo.shape[:2])
    truth = as_dtype(pixels, dtype).astype(np.float64)
    ink = np.resize(INK, channels - alpha) / 255 * (1 if truth.max() <= 1 else np.iinfo(dtype).max)
    if alpha:
        truth[..., -1] = as_dtype(np.full(photo.shape[:2], 200, np.uint8), dtype)
    seen = truth.copy()
    seen[..., : len(ink)] = (1 - a[..., None]) * truth[..., : len(ink)] + a[..., None] * ink
    seen = np.rint(seen).astype(dtype) if np.dtype(dtype).kind != "f" else seen.astype(dtype)
    before = seen.copy()
    result = remove_overlay(seen, overlay=Overlay(a, ink), method="fsr")
    assert (result.dtype, result.shape) == (seen.dtype, seen.shape)
    assert np.array_equal(result[a == 0], seen[a == 0])
    assert not alpha or np.array_equal(result[..., -1], seen[..., -1])
    assert np.array_equal(seen, before)
    exact = 2.0**-20 if np.dtype(dtype).itemsize > 2 else 2.0**-8  # opacity is float32
    rounding = exact * truth.max() if np.dtype(dtype).kind == "f" else 3  # a half over 1 - 0.6, and a half
    assert np.abs(result - truth).max() <= rounding


def test_flat_and_pil_pictures(photo):
    a = 0.5 * lettered(photo.shape[:2])
    grey = np.rint((1 - a) * photo[..., 0] + a * 255).astype(np.uint8)
    flat = remove_overlay(grey, overlay=Overlay(a, [255.0]))
    pil = remove_overlay(PILImage.fromarray(grey), overlay=Overlay(a, [255.0]))
    assert flat.shape == grey.shape
    assert pil.mode == "L"
    assert np.array_equal(np.asarray(pil), flat)


def test_opaque_letters_gain_decibels_over_the_exact_mask(photo):
    a = lettered(photo.shape[:2])
    seen = np.rint((1 - a[..., None]) * photo + a[..., None] * INK).astype(np.uint8)
    result, info = remove_overlay(seen, overlay=Overlay(a, INK), method="fsr", return_info=True)
    assert psnr(result, photo, a > 0) > psnr(inpaint(seen, a > 0, "fsr"), photo, a > 0) + 2
    assert (info.weight[a == 1] < 0.5).all()
    assert (info.weight[(a > 0) & (a < 0.5)] > 0.9).all()
    assert info.divided + info.filled == np.count_nonzero(a)
    assert np.array_equal(info.fill.mask, info.weight < 0.5)


def test_a_saturated_channel_follows_the_others():
    y, x = np.mgrid[:64, :64]
    light = 130 + 60 * np.sin(x / 5) * np.cos(y / 7)
    photo = np.rint(np.stack([light, 0.8 * light, 0.5 * light], axis=2)).astype(np.uint8)
    a = np.zeros((64, 64), np.float32)
    a[24:40, 8:56] = 1
    glow = np.array([160.0, 60.0, 10.0])
    seen = np.minimum(np.rint(photo + a[..., None] * glow), 255).astype(np.uint8)
    lost = (seen[..., 0] == 255) & (a > 0)
    assert 0.5 < lost.mean() / (a > 0).mean() < 0.95
    result = remove_overlay(seen, overlay=Overlay(a, glow, mode="add"), method="harmonic")
    assert np.array_equal(result[..., 1:], photo[..., 1:])
    assert np.array_equal(result[a == 0], seen[a == 0])
    filled = inpaint(seen, a > 0, "harmonic")
    assert psnr(result[..., 0], photo[..., 0], lost) > psnr(filled[..., 0], photo[..., 0], lost) + 10


@pytest.mark.parametrize("quality", [95, 85])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_letters_that_were_stored_with_the_picture(photo, quality, subsampling):
    def jpeg(pixels):
        file = io.BytesIO()
        PILImage.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling)
        return PILImage.open(file)

    a = lettered(photo.shape[:2])
    seen = jpeg(np.rint((1 - a[..., None]) * photo + a[..., None] * INK).astype(np.uint8))
    sampling = (2, 2) if subsampling == "4:2:0" else (1, 1)
    stored = Stored.of_tables([seen.quantization[0], seen.quantization[1]], sampling)
    seen, truth = np.asarray(seen), np.asarray(jpeg(photo))
    result = remove_overlay(seen, overlay=Overlay(a, INK), stored=stored, method="fsr")
    best = max(psnr(inpaint(seen, a > 0, "fsr", dilate=grown), truth, a > 0) for grown in (0, 1, 2))
    assert psnr(result, truth, a > 0) > best + (1 if quality == 95 else 0.3)
    far = cv2.dilate((a > 0).astype(np.uint8), np.ones((2 * sampling[0] + 1,) * 2)) == 0
    assert np.array_equal(result[far], seen[far])
    assert sampling == (2, 2) or np.array_equal(result[a == 0], seen[a == 0])


def test_colours_that_were_cut_off_leave_no_ghost():
    """Beside red, the blue of yellow letters falls below 0 where colour has bled: equations with it are wrong."""
    photo = np.full((64, 96, 3), (170, 34, 6), np.uint8)
    a = lettered(photo.shape[:2])
    file = io.BytesIO()
    PILImage.fromarray(np.rint((1 - a[..., None]) * photo + a[..., None] * INK).astype(np.uint8)).save(
        file, "JPEG", quality=95, subsampling="4:2:0"
    )
    seen = PILImage.open(file)
    stored = Stored.of_tables([seen.quantization[0], seen.quantization[1]], (2, 2))
    result = remove_overlay(np.asarray(seen), overlay=Overlay(a, INK), stored=stored, method="fsr")
    assert np.asarray(seen)[..., 2].min() == 0
    assert psnr(result[..., 2], photo[..., 2], a > 0) > 30


def test_the_number_of_threads_does_not_matter(photo):
    a = lettered(photo.shape[:2])
    seen = np.rint((1 - a[..., None]) * photo + a[..., None] * INK).astype(np.uint8)
    one, two = (remove_overlay(seen, overlay=Overlay(a, INK), method="fsr", threads=n) for n in (1, 2))
    assert np.array_equal(one, two)


def test_a_list_gives_a_list(photo):
    a = 0.5 * lettered(photo.shape[:2])
    other = photo[::-1]
    seen = [np.rint((1 - a[..., None]) * one + a[..., None] * INK).astype(np.uint8) for one in (photo, other)]
    mark = Overlay(a, INK)
    found = remove_overlay(seen, overlay=mark)
    assert all(np.array_equal(one, remove_overlay(each, overlay=mark)) for one, each in zip(found, seen, strict=True))


def test_what_cannot_be_used_is_refused(photo):
    good = np.zeros(photo.shape[:2])
    for words, opacity, more in [
        ("goes from 0 to 2: expected 0 to 1", good + 2 * np.eye(*good.shape), {}),
        (r"shape \(3,\): expected \(H, W\)", np.zeros(3), {}),
        ("choose one of cover, add, multiply", good, {"mode": "burn"}),
        ("make them alike", good, {"deviation": good[:5]}),
    ]:
        with pytest.raises(ValueError, match=words):
            Overlay(opacity, INK, **more)
    with pytest.raises(ValueError, match=r"overlay is \(96, 100\), image is \(96, 128\)"):
        remove_overlay(photo, overlay=Overlay(good[:, :100], INK))
    with pytest.raises(ValueError, match="colour has 1 channels, the picture 3"):
        remove_overlay(photo, overlay=Overlay(good, [3.0]))
    with pytest.raises(ValueError, match="leave them out"):
        remove_overlay(photo, good, overlay=Overlay(good, INK))
    with pytest.raises(TypeError, match="expected an Overlay"):
        remove_overlay(photo, overlay=good)
    with pytest.raises(ValueError, match="hides the whole picture"):
        remove_overlay(photo, overlay=Overlay(good + 1, INK))
