"""``compat.cv2.inpaint`` beside OpenCV's own function, and our methods through its arguments."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

import inpaintkit
from conftest import boxed, riddled_to_the_border
from inpaintkit import damage
from inpaintkit.compat import cv2 as compat

FLAGS = {"ns": cv2.INPAINT_NS, "telea": cv2.INPAINT_TELEA}


@pytest.fixture
def photo():
    return skimage.data.astronaut()[100:160, 150:230].copy()


@pytest.fixture
def mask():
    return damage.scratches((60, 80), number=3, seed=1).astype(np.uint8) * 255


def test_the_module_is_not_opencv_and_has_its_flags():
    assert compat is not cv2
    assert compat.cv2 is cv2
    assert (compat.INPAINT_NS, compat.INPAINT_TELEA) == (cv2.INPAINT_NS, cv2.INPAINT_TELEA) == (0, 1)


def test_opencvs_tutorial(tmp_path):
    """OpenCV's tutorial: read a picture and its mask in grey, fill with radius 3, by either flag."""
    messed = skimage.data.coffee()[:120, :160, ::-1].copy()
    strokes = damage.scratches(messed.shape[:2], number=4, max_width=5, seed=3)
    messed[strokes] = 0
    assert cv2.imwrite(str(tmp_path / "messi_2.jpg"), messed)
    assert cv2.imwrite(str(tmp_path / "mask2.png"), strokes.astype(np.uint8) * 255)
    img = cv2.imread(str(tmp_path / "messi_2.jpg"))
    mask = cv2.imread(str(tmp_path / "mask2.png"), cv2.IMREAD_GRAYSCALE)
    for flag in (cv2.INPAINT_TELEA, cv2.INPAINT_NS):
        assert np.array_equal(compat.inpaint(img, mask, 3, flag), cv2.inpaint(img, mask, 3, flag))


def test_opencvs_sample_paints_on_the_picture():
    """OpenCV's sample: white strokes are drawn on picture and mask, and the mask is the hole."""
    img = skimage.data.chelsea()[:100, :140, ::-1].copy()
    mark = np.zeros(img.shape[:2], np.uint8)
    for canvas, white in ((img, (255, 255, 255)), (mark, 255)):
        cv2.line(canvas, (10, 20), (120, 70), white, 5)
    res = compat.inpaint(img, mark, 3, compat.INPAINT_TELEA)
    assert np.array_equal(res, cv2.inpaint(img, mark, 3, cv2.INPAINT_TELEA))


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("radius", [-2, 0, 0.4, 1, 2.5, 3, 7])
@pytest.mark.parametrize("kind", ["uint8", "uint8 x 1", "uint8 x 3", "uint16", "float32"])
@pytest.mark.parametrize("white", [1, 7, 255])
def test_pixels_are_opencvs(photo, mask, flag, radius, kind, white):
    src = photo if kind == "uint8 x 3" else photo[..., :1] if kind == "uint8 x 1" else photo[..., 0]
    src = {"uint16": src.astype(np.uint16) * 211, "float32": src.astype(np.float32) / 37}.get(kind, src)
    hole = np.where(mask > 0, white, 0).astype(np.uint8)
    before = src.copy(), hole.copy()
    result = compat.inpaint(src, hole, radius, FLAGS[flag])
    assert np.array_equal(result, cv2.inpaint(src, hole, radius, FLAGS[flag]))
    assert result.dtype == src.dtype
    assert np.array_equal(src, before[0])
    assert np.array_equal(hole, before[1])


@pytest.mark.filterwarnings("ignore:the mask hides:inpaintkit.InpaintWarning")
@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    channels=st.sampled_from([1, 3]),
    radius=st.floats(0.5, 9),
    seed=st.integers(0, 2**16),
)
def test_our_opencv_variants_agree_with_the_flags(shape, channels, radius, seed):
    """By name with ``variant="opencv"`` the pixels are ours and the same."""
    image, hole = riddled_to_the_border(shape, channels, True, seed)
    mask = hole.astype(np.uint8)
    for name, flag in (("telea", cv2.INPAINT_TELEA), ("navier_stokes", cv2.INPAINT_NS)):
        ours = compat.inpaint(image, mask, radius, name, variant="opencv")
        assert np.array_equal(ours, compat.inpaint(image, mask, radius, flag).reshape(image.shape))


def test_keywords_are_opencvs_and_dst_is_filled(photo, mask):
    expected = cv2.inpaint(photo, mask, 3, cv2.INPAINT_NS)
    for flags in (compat.INPAINT_NS, "coherence"):
        dst = np.zeros_like(photo)
        result = compat.inpaint(src=photo, inpaintMask=mask, inpaintRadius=3, flags=flags, dst=dst)
        assert result is dst
        known = mask == 0
        assert np.array_equal(dst[known], photo[known])
        assert np.array_equal(dst, expected) == (flags == compat.INPAINT_NS)
    again = photo.copy()
    compat.inpaint(again, mask, 3, "coherence", again)
    assert np.array_equal(again, compat.inpaint(photo, mask, 3, "coherence"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"flags": 2}, "INPAINT_TELEA"),
        ({"src": np.zeros((60, 80, 4), np.uint8)}, "8-bit"),
        ({"src": np.zeros((60, 80, 3), np.uint16)}, "8-bit"),
        ({"src": np.zeros((60, 80))}, "8-bit"),
        ({"inpaintMask": np.ones((60, 80), bool)}, "mask"),
        ({"inpaintMask": np.ones((60, 79), np.uint8)}, "[Ss]ize"),
    ],
)
def test_what_opencv_refuses_it_refuses_itself(photo, mask, change, words):
    with pytest.raises(cv2.error, match=words):
        compat.inpaint(**{"src": photo, "inpaintMask": mask, "inpaintRadius": 3, "flags": 1} | change)


@pytest.mark.parametrize("name", ["fsr", "telea", "criminisi"])
def test_a_method_by_name_fills_as_inpaint_does(photo, mask, name):
    """Blue first outside, red first inside: ``criminisi`` compares patches in CIE Lab."""
    options = {"radius": 4} if name == "telea" else {}
    expected = inpaintkit.inpaint(photo, mask > 0, name, **options)
    result = compat.inpaint(photo[..., ::-1], mask, 4, name)
    assert np.array_equal(result[..., ::-1], expected)
    assert result.flags.c_contiguous


@pytest.mark.parametrize("white", [1, 3, 127, 255])
@pytest.mark.parametrize("kind", [bool, np.uint8, np.int32, np.float32])
def test_whatever_is_not_zero_is_hole_by_name_too(photo, mask, white, kind):
    hole = np.where(mask > 0, white, 0).astype(kind)
    expected = compat.inpaint(photo, mask, 3, "harmonic")
    assert np.array_equal(compat.inpaint(photo, hole, 3, "harmonic"), expected)


@pytest.mark.parametrize("shape", [(60, 80, 4), (60, 80, 1), (60, 80)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_by_name_all_pictures_are_taken(photo, mask, shape, dtype):
    pixels = np.dstack([photo, np.full((60, 80), 255, np.uint8)]) if shape[2:] == (4,) else photo[..., 0].reshape(shape)
    src = (pixels / 255).astype(dtype) if dtype.startswith("f") else pixels.astype(dtype)
    result = compat.inpaint(src, mask, 3, "coherence")
    assert (result.shape, result.dtype) == (src.shape, src.dtype)
    assert np.array_equal(result[mask == 0], src[mask == 0])


def test_options_go_to_the_method(photo, mask):
    first, second = (compat.inpaint(photo, mask, 3, "patchmatch", seed=seed) for seed in (0, 1))
    assert not np.array_equal(first, second)
    clipped = compat.inpaint(photo, mask, 1000, "telea")
    assert np.array_equal(clipped, compat.inpaint(photo, mask, 100, "telea"))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"flags": "criminsi"}, ValueError, "no method 'criminsi': choose one of auto, telea"),
        ({"flags": 1, "seed": 3}, TypeError, "seed: options are for methods by name, and flags is 1"),
        ({"flags": "telea", "tolerance": 3}, TypeError, "telea has no option 'tolerance'"),
        ({"flags": "telea", "inpaintMask": np.ones((3, 4), np.uint8)}, ValueError, "resize one to match"),
        ({"flags": "telea", "dst": np.zeros((3, 4))}, ValueError, "make them alike"),
    ],
)
def test_errors_name_the_way_out(photo, mask, arguments, error, words):
    with pytest.raises(error, match=words):
        compat.inpaint(**{"src": photo, "inpaintMask": mask, "inpaintRadius": 3} | arguments)


def test_a_mask_without_hole_or_without_picture(photo):
    for flags in (0, 1, "telea"):
        assert np.array_equal(compat.inpaint(photo, np.zeros((60, 80), np.uint8), 3, flags), photo)
    with pytest.raises(ValueError, match="nothing is known"):
        compat.inpaint(photo, boxed((60, 80), 0, 0, 60, 80), 3, "telea")
