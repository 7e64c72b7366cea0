"""Sheets: any picture that can be filled can be shown, before and after on one scale."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from inpaintkit.sheet import Display, before_and_after, masked, proposed, sheet

PHOTO = skimage.data.chelsea()[:60, :80]


def shown(pixels, **more):
    """As the page has it, RGB."""
    return Display.of(pixels, **more).rgba(pixels)[..., :3]


def test_8_bits_are_shown_as_they_are():
    assert np.array_equal(shown(PHOTO), PHOTO)
    assert np.array_equal(shown(PHOTO[..., 0]), PHOTO[..., [0, 0, 0]])
    assert np.array_equal(shown(PHOTO // 50), PHOTO // 50)
    assert np.array_equal(shown(PHOTO[..., 0] > 100)[..., 1], (PHOTO[..., 0] > 100) * 255)


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [("uint16", 257), ("uint32", 16843009), ("float16", 1 / 255), ("float32", 1 / 255), ("float64", 1 / 255)],
)
def test_a_picture_in_its_types_full_range_looks_like_the_8_bit_one(dtype, scale):
    pixels = (PHOTO * np.float64(scale)).astype(dtype)
    assert np.abs(shown(pixels).astype(int) - PHOTO).max() <= 1


@pytest.mark.parametrize(
    ("dtype", "scale", "offset"),
    [
        ("uint16", 16, 0),  # 12 bits
        ("uint16", 3, 1000),
        ("int16", 10, -1500),
        ("int32", 1000, -70000),
        ("int64", 10**6, 0),
        ("uint64", 10**6, 0),
        ("int8", 0.4, -50),
        ("float32", 8e-5, 0.01),  # reflectances
        ("float32", 4, 300),
        ("float64", 1e6, -1e9),
        ("float64", 1e-9, 0),
    ],
)
def test_in_other_units_it_is_stretched(dtype, scale, offset):
    """By the robust range, so equal to the 8-bit picture stretched so."""
    pixels = (PHOTO * np.float64(scale) + offset).astype(dtype)
    low, high = np.percentile(pixels.astype(float), (0.1, 99.9))
    expected = ((pixels.astype(float) - low) / (high - low)).clip(0, 1) * 255
    assert np.abs(shown(pixels) - expected).max() <= 1
    assert np.ptp(shown(pixels)) > 240


def test_what_is_missing_or_hot_does_not_set_the_scale():
    heights = np.linspace(200, 900, 4800).reshape(60, 80)
    expected = shown(heights)
    for wrong in (-32768.0, np.nan, np.inf, -np.inf, 1e30):
        hole = np.zeros((60, 80), bool)
        hole[10:30, 10:40] = True
        pixels = np.where(hole, wrong, heights)
        seen = shown(pixels, hole=hole)
        assert np.abs(seen[~hole].astype(int) - expected[~hole]).max() <= 3
        assert seen[hole].min() == seen[hole].max() == (255 if wrong > 0 else 0)
    hot = heights.copy()
    hot[0, :4] = 1e6
    assert np.abs(shown(hot)[1:].astype(int) - expected[1:]).max() <= 3


@pytest.mark.parametrize(
    "pixels", [np.full((5, 6), 7.0), np.full((5, 6), np.nan), np.zeros((5, 6), np.int16), np.zeros((1, 1))]
)
def test_a_picture_without_contrast_is_one_colour(pixels):
    assert np.ptp(shown(pixels)) == 0
    assert np.ptp(shown(pixels, hole=np.ones(pixels.shape, bool))) == 0


@pytest.mark.parametrize(
    ("count", "channels", "first", "alpha"),
    [
        (1, None, 1, False),
        (2, None, 1, True),
        (2, "bands", 1, False),
        (3, None, 3, False),
        (3, "alpha", 1, True),
        (4, None, 3, True),
        (4, "bands", 3, False),
        (5, None, 3, False),
        (7, "alpha", 3, True),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_bands(count, channels, first, alpha, dtype):
    """One or two bands are grey, of more the first three are colours."""
    bands = np.random.default_rng(0).integers(0, 256, (20, 30, count))
    pixels = {"uint8": bands, "uint16": bands * 257, "float32": bands / 255}[dtype].astype(dtype)
    seen = Display.of(pixels, channels=channels).rgba(pixels)
    assert seen.shape == (20, 30, 4)
    for channel in range(3):
        assert np.array_equal(seen[..., channel], bands[..., channel if first == 3 else 0])
    assert np.array_equal(seen[..., 3], bands[..., -1] if alpha else np.full((20, 30), 255))


def test_inputs_stay_as_they_are():
    pixels = (PHOTO / 255).astype(np.float32)
    pixels[3, 4] = np.nan
    before, hole = pixels.copy(), np.isnan(pixels[..., 0])
    before_and_after(pixels, hole, pixels)
    masked(pixels, hole)
    proposed(pixels, hole)
    assert np.array_equal(pixels, before, equal_nan=True)


def test_before_and_after_share_their_scale():
    before = np.linspace(0.01, 0.03, 4800).reshape(60, 80)
    hole = np.zeros((60, 80), bool)
    hole[20:30, 20:60] = True
    after = np.where(hole, 0.03, before)
    before = np.where(hole, 1e9, before)
    page = before_and_after(before, hole, after, caption="telea")
    width, top = 80 + 12, 34 + 12
    cells = [page[top : top + 60, 12 + i * width : 12 + i * width + 80] for i in range(3)]
    assert page.shape == (60 + 34 + 24, 3 * width + 12, 3)
    assert np.array_equal(cells[0][~hole], cells[2][~hole])
    assert np.array_equal(cells[1], np.where(hole[..., None], 255, 0).repeat(3, axis=2))
    assert cells[2][hole].min() >= 250
    assert np.ptp(cells[0][~hole]) > 240


def test_a_large_picture_is_shown_smaller():
    before = np.zeros((30, 4000), np.uint8)
    before[:, ::3] = 255
    page = before_and_after(before, before > 0, before)
    assert page.shape[1] < 3 * 1600
    assert abs(int(page[50, 300, 0]) - 85) <= 1  # a third of each three pixels is white


def test_a_caption_wider_than_its_picture_is_not_cut():
    dot = np.zeros((2, 2), np.uint8)
    narrow, wide = (sheet([(caption, dot)] * 2) for caption in ("a", "a caption of many words"))
    assert wide.shape[1] > narrow.shape[1] + 200
    assert (wide[:46] < 128).any(axis=(0, 2))[-60:].any()


def test_what_a_mask_marks_is_magenta():
    hole = np.zeros((60, 80), bool)
    hole[5:9] = True
    for pixels in (PHOTO, PHOTO[..., 0] / 255, PHOTO.astype(np.int16) * 9):
        seen = masked(pixels, hole)
        assert (seen[hole] == (255, 0, 255, 255)).all()
        tinted = proposed(pixels, hole).astype(int)
        assert (tinted[hole][:, 0] > tinted[hole][:, 1] + 150).all()
