"""An overlay estimated from one picture: against letters drawn with known ink and opacity."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from inpaintkit import estimate_overlay, inpaint, remove_overlay
from inpaintkit.overlay import Stored
from inpaintkit.overlay.bleeding import gap
from inpaintkit.overlay.opacity import Evidence
from inpaintkit.overlay.quantised import stored_seen
from inpaintkit.overlay.reaching import passed_over
from inpaintkit.overlay.repeats import shared
from inpaintkit.picture import Picture, grow

YELLOW, WHITE = (250, 230, 40), (255, 255, 255)
LINES = (
    "Morning ferry, 24 March",
    "Quiet harbour, 08:35",
    "Lamps went out; Kiel",
    "Big Dog vs. Lynx 7-2",
    "An old mill (CH)",
)


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(skimage.data.chelsea()[20:164, 60:252])


def cover(shape, size):
    """What lines of type cover, as a renderer makes it, float64 (H, W)."""
    canvas = PILImage.new("L", shape[1::-1], 0)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(size)
    for number, top in enumerate(range(6, shape[0] - size, 3 * size // 2)):
        draw.text((6, top), LINES[number % len(LINES)], font=font, fill=255)
    return np.asarray(canvas) / 255


def over(photo, opacity, ink):
    share = opacity[..., None] if photo.ndim == 3 else opacity
    return np.rint((1 - share) * photo + share * np.array(ink, float)).astype(np.uint8)


def jpeg(pixels, quality, subsampling):
    file = io.BytesIO()
    PILImage.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    image = PILImage.open(file)
    return np.asarray(image), image.quantization


def psnr(one, other, where):
    return float(10 * np.log10(255**2 / np.mean(np.square(one.astype(float) - other)[where])))


def test_ink_and_opacity_of_soft_letters(photo):
    opacity = cover(photo.shape, 20)
    seen, letters = over(photo, opacity, YELLOW), opacity > 0
    overlay = estimate_overlay(seen, letters)
    (style,) = overlay.info.styles
    assert style.opacity == 1
    np.testing.assert_allclose(style.colour, YELLOW, atol=1)
    assert np.sqrt(np.mean(np.square(overlay.opacity - opacity)[letters])) < 0.02  # as fine as five levels of 255
    gain = psnr(remove_overlay(seen, letters, method="fsr"), photo, letters)
    assert gain > psnr(inpaint(seen, letters, "fsr"), photo, letters) + 3


def test_letters_without_a_covered_core():
    photo = np.ascontiguousarray(skimage.data.astronaut()[180:324, 20:212])  # backgrounds of many colours
    opacity = 0.75 * cv2.GaussianBlur(cover(photo.shape, 16), (0, 0), 0.8)
    opacity[opacity < 1 / 255] = 0
    seen, letters = over(photo, opacity, YELLOW), opacity > 0
    assert opacity.max() < 0.75
    overlay = estimate_overlay(seen, letters)
    np.testing.assert_allclose(overlay.info.styles[0].colour, YELLOW, atol=4)
    assert np.sqrt(np.mean(np.square(overlay.opacity - opacity)[letters])) < 0.02


@pytest.mark.parametrize(("ink", "least"), [(YELLOW, 10), (WHITE, 4)])
def test_half_transparent_ink(photo, ink, least):
    opacity = 0.5 * cover(photo.shape, 24)
    seen, letters = over(photo, opacity, ink), opacity > 0
    removed, info = remove_overlay(seen, letters, method="fsr", return_info=True)
    assert info.overlay.info.styles[0].opacity == pytest.approx(0.5, abs=0.02)
    assert psnr(removed, photo, letters) > psnr(inpaint(seen, letters, "fsr"), photo, letters) + least


def test_a_wide_mask_is_made_narrower(photo):
    opacity = cover(photo.shape, 24)
    seen, letters = over(photo, opacity, YELLOW), opacity > 0
    wide = grow(letters, 3)
    exact, removed = (remove_overlay(seen, mask, method="fsr") for mask in (letters, wide))
    assert psnr(removed, photo, letters) > psnr(exact, photo, letters) - 0.5
    np.testing.assert_array_equal(removed[~wide], seen[~wide])
    assert (removed != photo).any(axis=2)[wide & ~letters].mean() < 0.2


def test_grey_letters_are_no_worse_than_filled(photo):
    grey = np.rint(photo @ [0.299, 0.587, 0.114]).astype(np.uint8)
    opacity = cover(grey.shape, 20)
    seen, letters = over(grey, opacity, 255), opacity > 0
    assert psnr(remove_overlay(seen, letters, method="fsr"), grey, letters) > psnr(
        inpaint(seen, letters, "fsr"), grey, letters
    )


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_letters_in_a_jpeg(photo, subsampling):
    opacity = cover(photo.shape, 24)
    letters = opacity > 0
    (seen, _), (clean, _) = (jpeg(p, 95, subsampling) for p in (over(photo, opacity, YELLOW), photo))
    best = max(psnr(inpaint(seen, grow(letters, by), "fsr"), clean, letters) for by in (0, 1, 2))
    removed, info = remove_overlay(seen, letters, method="fsr", return_info=True)
    assert psnr(removed, clean, letters) > best + 1.5
    assert (info.overlay.chroma is not None) == (subsampling == "4:2:0")


def fine_grain(tint):
    """A smooth picture with fine grain, which fills tell well, and the ripples of a JPEG hide."""
    rng = np.random.default_rng(5)
    slope = np.linspace(-25, 25, 192)[None, :, None]
    return np.clip(np.array(tint, float) + slope + rng.normal(0, 2, (112, 192, 1)), 0, 255).round().astype(np.uint8)


@pytest.mark.parametrize(("ink", "quality", "subsampling"), [(YELLOW, 85, "4:4:4"), (WHITE, 95, "4:2:0")])
def test_letters_in_a_jpeg_of_a_smooth_picture_are_no_worse_than_filled(ink, quality, subsampling):
    plain = fine_grain((190, 90, 60))
    opacity = cover(plain.shape, 16)
    letters = opacity > 0
    (seen, tables), (clean, _) = (jpeg(p, quality, subsampling) for p in (over(plain, opacity, ink), plain))
    stored = Stored.of_tables([tables[0], tables[1]], (2, 2) if subsampling == "4:2:0" else (1, 1))
    best = max(psnr(inpaint(seen, grow(letters, by), "fsr"), clean, letters) for by in (0, 1, 2))
    for told in (None, stored):
        assert psnr(remove_overlay(seen, letters, method="fsr", stored=told), clean, letters) > best - 0.1


def test_letters_as_bright_as_what_is_beneath_are_taken_off():
    plain = fine_grain((120, 120, 120))
    opacity = cover(plain.shape, 16)
    letters = opacity > 0
    (seen, _), (clean, _) = (jpeg(p, 85, "4:2:0") for p in (over(plain, opacity, (225, 85, 60)), plain))
    removed = remove_overlay(seen, letters, method="fsr")
    assert psnr(removed, clean, letters) > psnr(seen, clean, letters) + 10


def test_a_jpeg_says_how_it_was_stored(photo, tmp_path):
    mask = np.zeros(photo.shape[:2], np.bool_)
    mask[60:64, 40:140] = True
    path = tmp_path / "photo.jpg"
    PILImage.fromarray(photo).save(path, quality=90, subsampling="4:2:0")
    image = PILImage.open(path)
    stored = Stored.of_tables([image.quantization[0], image.quantization[1]], (2, 2))
    assert Stored.of_file(path) == stored
    for picture in (image, [path], [image]):
        assert estimate_overlay(picture, mask).info.stored == stored
    PILImage.fromarray(photo).save(tmp_path / "photo.png")
    assert Stored.of_file(tmp_path / "photo.png") is None


def test_two_inks(photo):
    opacity = cover(photo.shape, 20)
    ink = np.where((np.arange(photo.shape[0]) < 66)[:, None, None], YELLOW, (20, 40, 160))
    seen, letters = over(photo, opacity, ink), opacity > 0
    overlay = estimate_overlay(seen, letters)
    assert overlay.colour.shape == photo.shape
    assert np.sqrt(np.mean(np.square(overlay.opacity - opacity)[letters])) < 0.03


def test_where_nothing_lies_the_mask_is_filled_and_said_to_be_ambiguous(photo):
    hole = np.zeros(photo.shape[:2], np.bool_)
    hole[60:64, 40:140] = True
    overlay = estimate_overlay(photo, hole)
    assert [box.shape for box in overlay.info.ambiguous] == [(4, 100)]
    np.testing.assert_array_equal(overlay.opacity, hole.astype(np.float32))
    np.testing.assert_array_equal(remove_overlay(photo, hole, method="fsr"), inpaint(photo, hole, "fsr"))


def test_letters_are_filled_where_they_would_hardly_stand_out():
    bright = np.linspace(150, 350, 192).clip(0, 253)[None, :, None]
    sky = np.clip(np.random.default_rng(3).normal(bright, 1.2, (96, 192, 3)), 0, 255).round().astype(np.uint8)
    opacity = cover(sky.shape, 24)
    seen, mask = over(sky, opacity, WHITE), opacity > 0
    overlay = estimate_overlay(seen, mask)
    lost = mask & (np.arange(192) > 120)
    assert overlay.info.ambiguous
    assert (overlay.opacity[lost] == 1).mean() > 0.95
    assert abs(overlay.opacity - opacity)[mask & (np.arange(192) < 60)].mean() < 0.05
    result = remove_overlay(seen, overlay=overlay, method="fsr")
    assert psnr(result, sky, lost) > psnr(inpaint(seen, mask, "fsr"), sky, lost) - 0.1


def test_how_far_luma_and_colours_differ():
    opacity, half = np.zeros((8, 8)), np.zeros((4, 4))
    opacity[2:4, 2:4] = [[1, 1], [0, 0]]  # 0.5 on the mean, and 0 is said
    assert gap(opacity, half, opacity > 0) == 0.5


@pytest.mark.parametrize("quality", [85, 95])
def test_steps_of_a_jpeg_by_its_pixels(photo, quality):
    opacity = cover(photo.shape, 20)
    seen, tables = jpeg(over(photo, opacity, YELLOW), quality, "4:4:4")
    luma = seen @ [0.299, 0.587, 0.114]
    found = stored_seen(luma[..., None], opacity > 0, bled=False)
    assert found is not None
    assert found.luma == pytest.approx(Stored.of_tables([tables[0]]).luma, rel=0.35)
    assert stored_seen(over(photo, opacity, YELLOW)[..., :1].astype(float), opacity > 0, bled=False) is None


def test_equal_letters_share_what_is_known_of_them():
    rng = np.random.default_rng(1)
    letter = np.clip(rng.normal(0.8, 0.3, (7, 5)), 0.6, 1)
    truth = np.zeros((40, 90))
    for left in range(8):
        truth[10:17, 5 + 10 * left : 10 + 10 * left] = letter
    hole = truth > 0
    noisy = truth[hole] + rng.normal(0, 0.06, np.count_nonzero(hole))
    nothing = np.zeros(noisy.shape)
    own = Evidence(noisy, np.full(noisy.shape, 0.06), nothing, nothing)
    found = shared(own, truth, hole, 1.0)
    error = np.sqrt(np.mean(np.square(found.share - truth[hole])))
    assert error == pytest.approx(0.06 / 8**0.5, rel=0.3)
    np.testing.assert_allclose(found.deviation, 0.06 / 8**0.5, rtol=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"colour": (1, 2)}, "expected 3 finite numbers"),
        ({"mode": "screen"}, "mode is 'screen'"),
        ({"mask": np.ones((144, 192), bool)}, "covers the whole picture"),
    ],
)
def test_errors(photo, call, message):
    mask = np.zeros(photo.shape[:2], np.bool_)
    mask[3:6, 3:6] = True
    with pytest.raises(ValueError, match=message):
        estimate_overlay(photo, **{"mask": mask} | call)


def test_what_the_finder_passed_over_is_reached_by_its_style(photo):
    opacity = cover(photo.shape, 20)
    seen, letters = over(photo, opacity, YELLOW), opacity > 0
    stops = np.zeros_like(letters)
    stops[44:57, 162:165] = True  # a colon, which is left out of the mask
    part = grow(letters & ~stops, 2) & ~stops
    found = passed_over(Picture.of(seen, None), part, estimate_overlay(seen, part))
    assert grow(found, 2)[letters & stops].all()
    assert not found[~grow(letters, 1)].any()
