"""The door: every picture and mask that is welcome, and what is said to the others."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.spatial.distance import cdist

from inpaintkit.errors import InpaintWarning
from inpaintkit.picture import Picture, check_share, grow, hole_of

HOLE = np.array([[0, 1, 0], [1, 1, 0]], bool)
BLANK = Picture.of(np.zeros((2, 3), np.uint8))
FULL = {
    **{f"{sign}int{bits}": np.iinfo(f"{sign}int{bits}").max for sign in ("u", "") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": 1.0 for bits in (16, 32, 64)},
}


def refused(error, *parts):
    """Raises ``error`` with every part in its message, in this order."""
    return pytest.raises(error, match="(?s)" + ".*".join(re.escape(part) for part in parts))


def channels(*planes):
    return np.stack(planes, axis=2)


# ---- pictures


@pytest.mark.parametrize(("dtype", "full"), FULL.items())
@pytest.mark.parametrize(
    ("shape", "alpha"),
    [((2, 3), 0), ((2, 3, 1), 0), ((2, 3, 2), 1), ((2, 3, 3), 0), ((2, 3, 4), 1), ((2, 3, 5), 0), ((2, 3, 12), 0)],
)
def test_pictures_of_every_type_and_number_of_channels_are_taken_as_they_are(dtype, full, shape, alpha):
    image = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    picture = Picture.of(image)
    assert np.shares_memory(picture.pixels, image)  # nothing is copied at the door
    assert picture.pixels.shape == (*shape, 1)[:3]
    assert picture.pixels.dtype == dtype
    assert (picture.shape, picture.alpha, picture.opaque) == ((2, 3), bool(alpha), full)


@pytest.mark.parametrize(
    ("mode", "shape", "dtype"),
    [
        ("1", (2, 3, 1), "uint8"),
        ("L", (2, 3, 1), "uint8"),
        ("LA", (2, 3, 2), "uint8"),
        ("P", (2, 3, 3), "uint8"),
        ("RGB", (2, 3, 3), "uint8"),
        ("RGBA", (2, 3, 4), "uint8"),
        ("I;16", (2, 3, 1), "uint16"),
        ("I", (2, 3, 1), "int32"),
        ("F", (2, 3, 1), "float32"),
    ],
)
def test_pil_pictures_become_arrays(mode, shape, dtype):
    picture = Picture.of(Image.new(mode, (3, 2), 1))
    assert (picture.pixels.shape, picture.pixels.dtype) == (shape, dtype)


def test_pil_pixels_keep_their_values():
    values = np.array([[0, 1, 258], [300, 40000, 65535]], np.uint16)
    np.testing.assert_array_equal(Picture.of(Image.fromarray(values)).pixels[..., 0], values)
    palette = Image.new("P", (1, 1), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert Picture.of(palette).pixels.tolist() == [[[10, 20, 30]]]
    palette.info["transparency"] = 1
    assert Picture.of(palette).pixels.tolist() == [[[10, 20, 30, 0]]]


@pytest.mark.parametrize(
    ("image", "error", "came", "needed"),
    [
        (np.zeros((2, 3), bool), TypeError, "dtype bool", "uint8, uint16, uint32, uint64, int8,"),
        (np.zeros((2, 3), "M8[s]"), TypeError, "dtype datetime64[s]", "image.astype"),
        (np.zeros((2, 3), np.complex64), TypeError, "dtype complex64", "image.astype"),
        ("photo.png", TypeError, "image is str", "read(path)"),
        (None, TypeError, "image is NoneType", "numpy array or a PIL image"),
        (np.zeros(3, np.uint8), ValueError, "shape (3,)", "(H, W) or (H, W, C)"),
        (np.zeros((2, 3, 0), np.uint8), ValueError, "shape (2, 3, 0)", "no pixels"),
        (np.zeros((1, 2, 3, 3), np.uint8), ValueError, "shape (1, 2, 3, 3)", "(H, W, C)"),
        (np.zeros((0, 3, 3), np.uint8), ValueError, "shape (0, 3, 3)", "no pixel"),
        (Image.new("CMYK", (3, 2)), ValueError, "image has PIL mode CMYK", "image.convert('RGB')"),
    ],
)
def test_other_pictures_are_refused_with_what_came_and_what_is_needed(image, error, came, needed):
    with refused(error, came, needed):
        Picture.of(image)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_known_pixel_that_is_no_number_is_located(bad, dtype):
    image = np.zeros((2, 3, 3), dtype)
    image[HOLE] = bad
    picture = Picture.of(image)
    picture.check_known(HOLE)  # under the mask anything goes
    image[1, 2, 1] = image[0, 2, 0] = bad
    with refused(ValueError, "2 known pixels", "row 0, column 2", "mask | ~np.isfinite(image)"):
        picture.check_known(HOLE)


@pytest.mark.parametrize("value", [-0.25, 1.5])
def test_a_float_alpha_outside_0_to_1_is_an_error_where_it_is_known(value):
    image = np.ones((2, 3, 4), np.float32)
    image[1, 1, 3] = value
    Picture.of(image).check_known(HOLE)
    low, high = sorted([value, 1])
    with refused(ValueError, f"alpha lies in [{low:g}, {high:g}]", "[0, 1]", "channels='bands'"):
        Picture.of(image).check_known(~HOLE)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 7])
def test_the_last_channel_is_what_the_caller_says(number):
    image = np.zeros((2, 3, number), np.uint8)
    assert Picture.of(image, "bands").alpha is False
    assert Picture.of(image, "bands").colours == number
    if number > 1:
        picture = Picture.of(image, "alpha")
        assert (picture.alpha, picture.colours) == (True, number - 1)
    else:
        with refused(ValueError, "one channel", "'bands'"):
            Picture.of(image, "alpha")
    with refused(ValueError, "channels is 'rgb'", "'alpha', 'bands'"):
        Picture.of(image, "rgb")


def test_a_negative_alpha_is_no_alpha():
    image = np.full((2, 3, 4), 100, np.int16)
    image[1, 2, 3] = -1
    with refused(ValueError, "alpha lies in [-1, 100]", "0 or more", "channels='bands'"):
        Picture.of(image).check_known(HOLE)
    Picture.of(image, "bands").check_known(HOLE)
    Picture.of(image).check_known(~HOLE)


def test_what_is_fully_transparent_may_be_no_number():
    image = np.ones((2, 3, 4), np.float32)
    image[0, 0] = (np.nan, np.inf, 0, 0)
    Picture.of(image).check_known(HOLE)
    image[0, 0, 3] = 0.5
    with refused(ValueError, "1 known pixel that is", "mask | ~np.isfinite(image)", "mask='nan'", "--mask nan"):
        Picture.of(image).check_known(HOLE)


# ---- masks


@pytest.mark.parametrize(
    "mask",
    [
        HOLE,
        HOLE[..., None],
        np.asfortranarray(HOLE),
        HOLE[::-1, ::-1].copy()[::-1, ::-1],
        HOLE.tolist(),
        *(HOLE.astype(dtype) for dtype in ("int8", "uint8", "uint16", "int32", "uint32", "int64")),
        np.where(HOLE, np.uint8(128), np.uint8(127)),
        np.where(HOLE, np.uint8(255), np.uint8(0)),
        np.where(HOLE, np.uint8(200), np.uint8(1)),
        np.where(HOLE, np.uint16(32768), np.uint16(32767)),
        *(np.where(HOLE, 0.5, 0.4995).astype(dtype) for dtype in ("float16", "float32", "float64")),
        HOLE.astype(float),
        HOLE * np.int64(255),
        HOLE * np.int32(2),
        HOLE * 255.0,
        channels(HOLE, HOLE) * np.uint8(255),
        channels(HOLE, HOLE, HOLE, HOLE * 0.5),
        channels(HOLE, HOLE, HOLE),
        channels(HOLE, np.ones_like(HOLE)),
        channels(*[np.where(HOLE, np.uint8(255), np.uint8(0))] * 3, np.full((2, 3), 255, np.uint8)),
        channels(*[np.where(HOLE, np.uint16(65535), np.uint16(0))], np.full((2, 3), 65535, np.uint16)),
        channels(*[HOLE.astype(np.float32)] * 3, np.ones((2, 3), np.float32)),
        *(Image.fromarray(HOLE).convert(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        Image.fromarray(HOLE.astype(np.float32)),
        Image.fromarray(np.where(HOLE, np.uint16(65535), np.uint16(0))),
        Image.fromarray(np.where(HOLE, np.int32(65535), np.int32(0))),
    ],
)
@pytest.mark.filterwarnings("ignore:the mask holds 0 and [0-9.]+ only:inpaintkit.InpaintWarning")
def test_a_mask_in_any_welcome_form_is_the_same_hole(mask):
    hole = hole_of(mask, BLANK)
    assert hole.dtype == bool
    assert hole.flags.c_contiguous
    np.testing.assert_array_equal(hole, HOLE)
    np.testing.assert_array_equal(hole_of(mask, BLANK, invert=True), ~HOLE)


@pytest.mark.parametrize(
    ("mask", "error", "came", "needed"),
    [
        (np.arange(6).reshape(2, 3) * 20000, ValueError, "int64 values in [0, 100000]", "mask > threshold"),
        (-HOLE.astype(np.int8), ValueError, "int8 values in [-1, 0]", "half range and above"),
        (HOLE * 200.0 + 1, ValueError, "floats in [1, 201]", "[0, 1] with hole at 0.5 and above"),
        (HOLE - 0.25, ValueError, "floats in [-0.25, 0.75]", "[0, 1]"),
        (np.where(HOLE, np.nan, 0), ValueError, "mask holds NaN", "pass np.isnan(mask)"),
        (np.where(HOLE, 1, np.nan), ValueError, "mask holds NaN", "np.nan_to_num(mask)"),
        (HOLE.astype(complex), TypeError, "dtype complex128", "bool, integers or floats"),
        ("mask.png", ValueError, "'mask.png'", "read_mask(path)"),
        ("alpha", ValueError, "no alpha channel", "mask array"),
        (None, TypeError, "mask is NoneType", "numpy array or a PIL image"),
        (HOLE.T, ValueError, "mask is (3, 2), image is (2, 3)", "resize one to match the other"),
        (HOLE.T, ValueError, "the sides are swapped", "turn it by 90 degrees"),
        (HOLE[:, :2], ValueError, "mask is (2, 2)", "masks.resize(mask, image.shape[:2]) (--resize-mask)"),
        (np.zeros((0, 3), np.uint8), ValueError, "mask is (0, 3), image is (2, 3)", "resize"),
        (HOLE[0], ValueError, "shape (3,)", "(H, W), (H, W, 1) or equal channels"),
        (channels(*[HOLE] * 5), ValueError, "shape (2, 3, 5)", "(H, W, 1) or equal channels"),
        (HOLE[None, ..., None], ValueError, "shape (1, 2, 3, 1)", "(H, W)"),
        (channels(HOLE, HOLE, ~HOLE), ValueError, "3 channels that differ", "masks.from_colour(mask, (255,255,0))"),
        (channels(~HOLE, HOLE) * np.uint8(255), ValueError, "dark paint", "masks.invert(masks.from_alpha(mask))"),
        (channels(HOLE, HOLE, HOLE, HOLE * 0), ValueError, "transparent alpha", "paint on it"),
        (Image.new("HSV", (3, 2)), ValueError, "mask has PIL mode HSV", "convert"),
    ],
)
def test_other_masks_are_refused_with_what_came_and_what_is_needed(mask, error, came, needed):
    with refused(error, came, needed):
        hole_of(mask, BLANK)


@given(arrays(np.uint8, (4, 5)).filter(lambda grey: len(np.unique(grey)) > 2 and np.unique(grey)[-2] > 127))
@settings(max_examples=50, deadline=None)
def test_grey_masks_are_split_at_half_range_in_either_depth(grey):
    picture = Picture.of(grey)
    np.testing.assert_array_equal(hole_of(grey, picture), grey >= 128)
    np.testing.assert_array_equal(hole_of(grey * np.uint16(257), picture), grey >= 128)


@pytest.mark.parametrize(("dtype", "full"), FULL.items())
def test_with_the_alpha_mask_whatever_is_not_opaque_is_hole(dtype, full):
    image = np.zeros((2, 3, 4), dtype)
    less = full - max(1, full // 255) if full > 1 else 254 / 255
    image[..., 3] = np.array([[full, less, full], [0, full // 2, full]], dtype)
    np.testing.assert_array_equal(hole_of("alpha", Picture.of(image)), HOLE)


def kind_of_warning(hole):
    with pytest.warns(InpaintWarning) as caught:
        check_share(hole)
    return caught[0].category.kind


def test_a_mask_that_hides_everything_is_an_error_and_one_that_hides_most_or_nothing_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_share(HOLE) == 3  # exactly half
        assert check_share(np.ones_like(HOLE) & (np.arange(3) > 0), by_name=True) == 4
    with pytest.warns(InpaintWarning, match=r"hides 67% of the picture.*invert_mask=True"):
        assert check_share(HOLE | [True, False, False]) == 4
    with pytest.warns(InpaintWarning, match="marks no pixel, so nothing is filled"):
        assert check_share(np.zeros_like(HOLE)) == 0
    with refused(ValueError, "all 6 pixels", "invert_mask=True"):
        check_share(np.ones_like(HOLE))


def test_the_kinds_of_doubtful_masks_differ():
    inner = np.zeros((40, 60), bool)
    inner[3:-3, 3:-3] = True
    scratched = np.ones((40, 60), bool)
    scratched[:, 20:22] = scratched[30] = False  # a mask of two scratches, inverted
    assert kind_of_warning(inner & False) == "marks nothing"
    assert kind_of_warning(inner) == "hides more than half of the picture"
    assert kind_of_warning(scratched) == "looks inverted"


@given(arrays(bool, st.tuples(st.integers(1, 15), st.integers(1, 15))), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_a_hole_grows_by_a_disc(hole, radius):
    before = hole.copy()
    away = cdist(np.argwhere(np.ones_like(hole)), np.argwhere(hole)).min(1, initial=np.inf).reshape(hole.shape)
    np.testing.assert_array_equal(grow(hole, radius), away <= radius)
    np.testing.assert_array_equal(hole, before)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.full((2, 2, 3), np.nan), "mask holds NaN"),
        (np.dstack([np.full((2, 2, 3), 1 << 17), np.full((2, 2), 255)]), "mask holds int64 values"),
        ([[1, 0], [1]], "mask is list: pass a numpy array"),
    ],
)
def test_a_mask_is_refused_for_its_true_fault(mask, message):
    with pytest.raises((ValueError, TypeError), match=message):
        hole_of(mask, Picture.of(np.zeros((2, 2), np.uint8)))
