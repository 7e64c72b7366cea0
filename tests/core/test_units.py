"""A picture's range, and that its units do not matter: fill(s x + t) = s fill(x) + t for s > 0."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from inpaintkit import damage, inpaint, methods
from inpaintkit.picture import Picture, Span, span_of
from inpaintkit.picture.span import _counted as levels_counted

QUICK = [name for name, row in methods().items() if not row.own_threads and not row.surround]
NOTHING = np.zeros((100, 100), bool)


def span(image, hole=None, channels=None) -> Span:
    return span_of(Picture.of(image, channels), np.zeros(image.shape[:2], bool) if hole is None else hole)


# ---- the range


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "int64", "float16", "float64"])
def test_the_range_is_that_of_the_known_colours_whatever_the_type(dtype):
    image = np.tile(np.arange(20, 120).astype(dtype), (100, 1))
    hole = NOTHING.copy()
    hole[0, :50] = True
    image[hole] = 127
    assert span(image, hole) == Span(20, 99, 1, 99)


def test_a_thousandth_of_the_values_may_lie_beyond_either_end():
    image = np.repeat(np.arange(100.0), 100).reshape(100, 100)
    image[0, :10], image[99, :10] = -1e9, 1e9
    assert span(image).offset == 0
    assert span(image).scale == 99
    image[0, :11] = -1e9
    assert span(image).offset == -1e9


def test_rare_values_set_the_range_where_all_others_are_alike():
    image = np.full((100, 100), 5, np.float32)
    assert span(image) == Span(5, 1)
    image[7, 7] = 9
    assert span(image) == Span(5, 4)


@pytest.mark.parametrize("shape", [(700, 800), (3, 200_000)])
def test_a_rare_colour_of_a_large_picture_is_found_where_the_sample_misses_it(shape):
    image = np.full(shape, 5, np.uint8)
    hole = np.zeros(shape, bool)
    image[1, 3], image[2, 8], hole[2, 8] = 9, 200, True
    assert span(image, hole) == Span(5, 4)


def test_a_large_picture_with_little_known_is_read_where_it_is_known():
    image = np.random.default_rng(0).integers(0, 255, (600, 700)).astype(np.uint8)
    hole = np.ones(image.shape, bool)
    hole[300:302, 100:300] = False
    image[~hole] = np.arange(400) % 100 + 7
    assert span(image, hole) == Span(7, 99, 1, 99)


def test_the_sample_of_a_large_picture_is_fair():
    """Columns and rows of dots do not fall into step with it."""
    image = np.zeros((1024, 1024), np.float32)
    image[::8] += 1
    image[:, ::8] += 2
    image += np.linspace(0, 0.5, 1024, dtype=np.float32)
    found, full = span(image), np.percentile(image, (0.1, 99.9))
    assert (found.offset, found.offset + found.scale) == pytest.approx(full, abs=0.01)


def test_what_is_transparent_and_opacity_itself_do_not_set_the_range():
    image = np.random.default_rng(0).random((50, 50, 4), np.float32) / 2
    image[0, 0] = (50, 50, 50, 0)
    image[..., 3][1:] = 1
    assert span(image).scale < 0.5
    assert span(image, channels="bands").scale > 0.9


def test_nothing_known_has_a_range_all_the_same():
    assert span(np.zeros((3, 3, 4), np.uint8)) == Span(0, 1)


@pytest.mark.parametrize("levels", [8, 9, 20, 60, 250])
@pytest.mark.parametrize(("dtype", "scale", "offset"), [("uint8", 1, 0), ("uint16", 16, 100), ("float32", 1e-4, 0.01)])
def test_the_step_is_that_of_the_levels(levels, dtype, scale, offset):
    image = (np.random.default_rng(0).integers(0, levels + 1, (99, 99)) * scale + offset).astype(dtype)
    found = span(image)
    assert found.step == pytest.approx(scale, rel=1e-2)
    assert found.even == (levels if levels > 14 else 0)


@pytest.mark.parametrize("image", [np.random.default_rng(0).random((99, 99)), np.tri(99) * 255, np.eye(9) + np.tri(9)])
def test_floats_without_levels_and_drawings_of_a_few_colours_have_no_step(image):
    assert span(image).step < 1e-3
    assert span(image).even == 0


def test_values_too_far_apart_to_measure_are_refused():
    image = np.array([[-1e308, 1e308, 0.0]])
    with pytest.raises(ValueError, match=r"from -1e\+308 to 1e\+308, too far apart to measure: scale them down"):
        span(image)


# ---- the law


@pytest.fixture(scope="module")
def case():
    image = skimage.data.astronaut()[30:110, 170:250]
    return image, damage.text((80, 80), size=18, seed=1) | damage.scratches((80, 80), number=2, max_width=3, seed=1)


TWINS = {
    "a float from 0 to 1": ("float32", 1 / 255, 0),
    "half a float": ("float16", 1 / 255, 0),
    "12 bits in 16": ("uint16", 16, 200),
    "reflectance": ("float32", 0.02 / 255, 0.01),
    "millimetres": ("int16", 40, -5000),
    "below 0": ("float64", 1 / 255, -300),
    "tiny": ("float32", 1e-6 / 255, 0),
    "huge": ("float32", 1e6 / 255, 0),
    "32 bits": ("uint32", 1_000_000, 10**9),
    "64 bits": ("int64", 10**12, -(10**15)),
}


@pytest.mark.parametrize("method", ["auto", *QUICK, "patchmatch", "criminisi"])
def test_a_picture_in_other_units_is_filled_the_same(case, method):
    image, hole = case
    if method in ("patchmatch", "criminisi"):
        hole = np.zeros_like(hole)
        hole[30:45, 30:50] = True
    expected = inpaint(image.astype(np.float64), hole, method)
    assert np.abs(inpaint(image, hole, method) - expected.clip(0, 255)).max() <= 0.501
    for name, (dtype, scale, offset) in TWINS.items():
        values = image.astype(np.float64) * scale + offset
        other = (np.rint(values) if dtype[0] in "ui" else values).astype(dtype)
        result = inpaint(other, hole, method)
        assert np.array_equal(result[~hole], other[~hole])
        wanted = expected * scale + offset
        if dtype[0] in "ui":
            wanted = wanted.clip(np.iinfo(dtype).min, np.iinfo(dtype).max)
        away = np.abs(result.astype(np.float64) - wanted)[hole].max(axis=1) / scale / 255
        rounding = 0.5 / scale / 255 if dtype[0] in "ui" else 0
        assert (away > 1e-3 + rounding).mean() <= 1e-3, name


@settings(max_examples=12, deadline=None)
@given(
    scale=st.floats(-6, 6).map(lambda power: 10.0**power),
    offset=st.floats(-100, 100),
    channels=st.sampled_from([1, 3, 4, 5]),
    levels=st.sampled_from([0, 20, 256]),
    seed=st.integers(0, 2**16),
)
@pytest.mark.parametrize("method", [name for name in QUICK if name not in ("ple", "tv", "navier_stokes")])
def test_any_scale_and_offset(method, scale, offset, channels, levels, seed):
    rng = np.random.default_rng(seed)
    waves = sum(np.outer(np.sin(rng.normal() * np.arange(24)), np.cos(rng.normal() * np.arange(24))) for _ in range(4))
    image = waves[..., None] * rng.random(channels) + 0.1 * rng.random((24, 24, channels))
    if levels:
        image = np.rint(image * levels)
    if channels == 4:
        image[..., 3] = rng.random((24, 24)) / 2 + 0.5
    moved = image * scale + offset * scale
    if channels == 4:
        moved[..., 3] = image[..., 3]
    hole = rng.random((24, 24)) < 0.2
    result, expected = inpaint(moved, hole, method), inpaint(image, hole, method)
    colours = slice(0, 3) if channels == 4 else slice(None)
    away = np.abs(result[..., colours] / scale - offset - expected[..., colours]).max()
    assert away <= 1e-3 * np.ptp(image[..., colours])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_nothing_is_clipped_but_at_the_ends_of_the_type(dtype, toy):
    image = np.tile(np.linspace(0, 1, 16), (16, 1))
    image = (image * (200 if dtype[0] == "u" else 1)).astype(dtype)
    hole = np.zeros((16, 16), bool)
    hole[8, 8] = True
    far = inpaint(image, hole, toy(lambda problem: np.full_like(problem.image, 1.2)))[8, 8]
    assert far == pytest.approx(240 if dtype[0] == "u" else 1.2, abs=1e-5)
    assert inpaint(image, hole, "toy")[8, 8] == far


def test_what_stands_for_noise_is_no_finer_than_the_pictures_levels(toy):
    steps = []

    def noted(problem):
        steps.append(problem.step)
        return problem.image

    method = toy(noted)
    rng = np.random.default_rng(0)
    hole = np.zeros((40, 40), bool)
    hole[20, 20] = True
    for dtype, levels, low in (("uint8", 20, 100), ("uint8", 255, 0), ("uint16", 4095, 0)):
        image = rng.integers(low, low + levels + 1, (40, 40)).astype(dtype)
        image[0, :4], image[1, :4] = low, low + levels
        inpaint(image, hole, method)
        inpaint(image.astype(np.float64) / 1e3, hole, method)
    assert steps[::2] == pytest.approx([1 / 20, 1 / 255, 1 / 4095], rel=0.02)
    assert steps[1::2] == pytest.approx(steps[::2])


@pytest.mark.parametrize("method", ["telea", "ple", "fsr", "auto"])
def test_hot_pixels_far_away_leave_a_fill_alone(case, method):
    image, hole = case
    hot = image.astype(np.float32)
    hot[0, 0] = 1e7
    expected = inpaint(image.astype(np.float32), hole, method)
    assert np.abs(inpaint(hot, hole, method) - expected)[hole][20:].mean() < 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_the_levels_of_any_type_are_counted_in_order(dtype):
    values = np.random.default_rng(0).integers(0, 90, (500, 3)).astype(dtype)
    levels, counts = levels_counted(values)
    assert levels.dtype == dtype
    assert levels.tolist() == sorted(set(values.ravel().tolist()))
    assert counts.tolist() == [int((values == level).sum()) for level in levels]
