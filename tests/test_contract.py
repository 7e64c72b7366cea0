"""Promises that hold for every method of the registry, each held to its own row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import inpaintkit
from inpaintkit import ContextError, inpaint, registry
from inpaintkit.problem import Problem

METHODS = {"auto": registry.find("auto"), **inpaintkit.methods()}
DTYPES = ("uint8", "uint16", "float16", "float32", "float64")


def fill(image, mask, row, **more):
    """``inpaint`` with the row's options for test cases."""
    return inpaint(image, mask, row.name, **{**row.quick, **more})


pytestmark = pytest.mark.filterwarnings("ignore:the mask hides:inpaintkit.InpaintWarning")


@pytest.fixture(params=METHODS)
def row(request):
    return METHODS[request.param]


def as_dtype(pixels: np.ndarray, dtype: str) -> np.ndarray:
    """The same picture in the full range of another type."""
    scale = {"uint8": 1, "uint16": 257}.get(dtype, 1 / 255)
    return (pixels * np.float64(scale)).astype(dtype)


def full(dtype: np.dtype) -> float:
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_known_pixels_survive_and_the_hole_is_filled_in_kind(row, dtype, channels, photo, scratch):
    image, hole = as_dtype(photo(row.trial, channels), dtype), scratch(row.trial)
    damaged = np.where(hole[..., None], image.dtype.type(full(image.dtype)), image)
    result = fill(damaged, hole, row)
    assert result.dtype == image.dtype
    assert result.shape == image.shape
    assert np.array_equal(result[~hole], damaged[~hole])
    assert np.isfinite(result).all()
    mean = damaged[~hole].astype(float).mean(axis=0)
    error = np.abs(result[hole].astype(float) - image[hole]).mean()
    assert error < 0.7 * np.abs(mean - image[hole]).mean()


def test_a_thin_hole_is_filled_better_than_by_the_mean_colour(row, photo, scratch):
    image, hole = photo(row.trial), scratch(row.trial)
    result = fill(image, hole, row)
    mean = image[~hole].mean(axis=0)
    assert np.square(result[hole] - image[hole].astype(float)).mean() < 0.5 * np.square(mean - image[hole]).mean()


def test_two_dimensional_and_pil_pictures_come_back_as_they_came(row, photo, scratch):
    image, hole = photo(row.trial, 1), scratch(row.trial)
    flat = fill(image[..., 0], hole, row)
    assert flat.shape == hole.shape
    assert np.array_equal(flat, fill(image, hole, row)[..., 0])
    for mode in ("L", "LA", "RGB", "RGBA"):
        pil = Image.fromarray(photo(row.trial)).convert(mode)
        filled = fill(pil, Image.fromarray(hole), row)
        assert (filled.mode, filled.size) == (mode, pil.size)
        assert np.array_equal(np.asarray(filled), fill(np.asarray(pil), hole, row))


def test_inputs_are_left_alone_whatever_their_memory_layout(row, photo, scratch):
    image, hole = photo(row.trial), scratch(row.trial)
    expected = fill(image, hole, row)
    strided = np.asfortranarray(np.repeat(image, 2, axis=1))[:, ::2]
    reverse = image[::-1][::-1]
    mask = np.repeat(hole, 2, axis=0)[::2]
    mask.flags.writeable = False
    clear = np.dstack([image, np.where(hole, 0, 255).astype(np.uint8)])
    opaque = fill(clear, "alpha", row)
    for view in (np.asfortranarray(clear), np.repeat(clear, 2, axis=1)[:, ::2]):
        assert np.array_equal(fill(view, "alpha", row), opaque)
    for view in (strided, reverse):
        before = view.copy()
        assert np.array_equal(fill(view, mask, row), expected)
        assert np.array_equal(view, before)
    assert np.array_equal(mask, hole)


def test_the_same_seed_gives_the_same_picture_on_any_number_of_threads(row, photo, scratch):
    piece, hole = photo(row.trial), scratch(row.trial)
    image = np.concatenate([piece, np.full((600, *piece.shape[1:]), 128, np.uint8), piece])
    hole = np.concatenate([hole, np.zeros((600, row.trial), bool), hole])
    first, info = fill(image, hole, row, seed=3, threads=1, return_info=True)
    assert np.array_equal(first, fill(image, hole, row, seed=3, threads=1))
    if row.needs != "prior":
        assert len(info.regions) > 1 or row.scope == "picture"  # so that two threads have something to share
        assert np.array_equal(first, fill(image, hole, row, seed=3, threads=2))


def test_an_empty_mask_gives_a_copy(row, photo):
    image = photo(row.trial)
    result, info = fill(image, np.zeros(image.shape[:2], bool), row, return_info=True)
    assert np.array_equal(result, image)
    assert not np.shares_memory(result, image)
    assert info.regions == ()


@pytest.mark.parametrize("rows", [slice(0, 3), slice(9, 12), slice(-3, None)])
@pytest.mark.parametrize("columns", [slice(0, 3), slice(9, 12), slice(-3, None)])
def test_holes_at_every_border_and_corner(row, rows, columns, photo):
    image = photo(row.trial).copy()
    truth = image[rows, columns].astype(float)
    hole = np.zeros(image.shape[:2], bool)
    hole[rows, columns] = True
    image[hole] = (255, 0, 255)
    result = fill(image, hole, row)
    assert np.array_equal(result[~hole], image[~hole])
    assert np.abs(result[rows, columns] - truth).mean() < 0.5 * np.abs(image[rows, columns] - truth).mean()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2), (3, 2)])
def test_tiny_pictures_are_filled_or_lack_context(row, shape):
    image = np.full((*shape, 3), 90, np.uint8)
    nothing = np.zeros(shape, bool)
    assert np.array_equal(fill(image, nothing, row), image)
    with pytest.raises(ValueError, match="hides all"):
        fill(image, ~nothing, row)
    if nothing.size > 1:
        hole = nothing.copy()
        hole.flat[0] = True
        result = fill(np.where(hole[..., None], np.uint8(0), image), hole, row, fallback=True)
        assert np.abs(result.astype(float) - 90).max() <= 255 * row.constant_tol


def without_context(row, side: int) -> tuple[np.ndarray, np.ndarray]:
    """A hole amid transparent pixels; what is known lies in the far corner, and is less than the method needs."""
    image = np.zeros((side, side, 4), np.uint8)
    hole = np.zeros((side, side), bool)
    hole[1:3, 1:3] = True
    known = max(1, min(row.min_known - 1, 4))
    image[-1, -known:] = (10, 200, 30, 255)
    return image, hole


def test_too_little_context_is_an_error_or_a_plain_fill(row):
    image, hole = without_context(row, 400)
    with pytest.raises(ContextError, match="fallback"):
        fill(image, hole, row)
    result, info = fill(image, hole, row, fallback=True, return_info=True)
    assert np.array_equal(result[~hole], image[~hole])
    assert np.abs(result[hole].astype(int) - (10, 200, 30, 255)).max() <= 1
    assert len(info.fallbacks) == 1
    assert info.fallbacks[0].fallback


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0.0, 0.37, 1.0])
def test_a_constant_picture_stays_as_constant_as_promised(row, dtype, value, scratch):
    kind = np.dtype(dtype)
    constant = kind.type(value * full(kind))
    hole = scratch(row.trial)
    image = np.full((row.trial, row.trial, 3), constant)
    result = fill(np.where(hole[..., None], kind.type(0), image), hole, row)
    rounding = np.finfo(np.float32).eps if dtype == "float64" else 0  # methods work in float32
    assert np.abs(result.astype(float) - float(constant)).max() <= full(kind) * (row.constant_tol + rounding)


def test_high_dynamic_range_survives(row, photo, scratch):
    image, hole = photo(row.trial).astype(np.float32) * 40 - 500, scratch(row.trial)
    result = fill(np.where(hole[..., None], np.float32(np.nan), image), hole, row)
    assert np.array_equal(result[~hole], image[~hole])
    plain = fill(photo(row.trial), hole, row)
    assert np.abs(result[hole] - (plain[hole] * 40.0 - 500)).mean() < 0.02 * np.ptp(image)


def test_transparent_pixels_give_no_colour_and_an_alpha_mask_makes_the_result_opaque(row, photo, scratch):
    image, hole = photo(row.trial, 4).copy(), scratch(row.trial)
    image[: row.trial // 3] = (255, 0, 255, 0)  # what an eraser leaves behind
    hole[: row.trial // 3] = False  # a hole amid it may lie out of a method's reach;
    hole[2:, row.trial // 2] = True  # this one leads out of it
    expected = fill(np.where((image[..., 3:] == 0), np.uint8(0), image), hole, row)
    opaque = image[..., 3] > 0
    assert np.array_equal(fill(image, hole, row)[opaque], expected[opaque])

    image = photo(row.trial, 4).copy()
    image[hole] = (255, 0, 255, 100)
    result = fill(image, "alpha", row)
    assert (result[..., 3] == 255).all()
    colours = fill(image[..., :3], hole, row)
    assert np.abs(result[..., :3].astype(int) - colours).max() <= 255 * row.constant_tol


@pytest.mark.parametrize("row", inpaintkit.methods().values(), ids=lambda row: row.name)
def test_a_method_fills_a_problem_directly_and_leaves_it_alone(row, photo, scratch):
    image, hole = photo(row.trial).astype(np.float32) / 255, scratch(row.trial)
    problem = Problem.create(image, hole)
    before = [array.copy() for array in (problem.image, problem.hole, problem.known)]
    filled = row.load()(problem, **row.quick)
    assert filled.shape == image.shape
    assert filled.dtype == np.float32
    for array, copy in zip((problem.image, problem.hole, problem.known), before, strict=True):
        assert np.array_equal(array, copy)


def test_bad_options_are_named(row, photo, scratch):
    image, hole = photo(row.trial), scratch(row.trial)
    with pytest.raises(TypeError, match=f"{row.name} has no option 'colour'"):
        fill(image, hole, row, colour=1)
    for name, parameter in row.parameters().items():
        for wrong in (object(), float("nan")):
            with pytest.raises(ValueError, match=f"option {name} is"):
                fill(image, hole, row, **{name: wrong})
        assert np.array_equal(
            fill(image, hole, row, **{name: row.quick.get(name, parameter.default)}), fill(image, hole, row)
        )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    height=st.integers(1, 24),
    width=st.integers(1, 24),
    channels=st.integers(1, 4),
    dtype=st.sampled_from(DTYPES),
    share=st.floats(0, 0.9),
    seed=st.integers(0, 2**16),
)
def test_any_shape_type_and_mask(row, height, width, channels, dtype, share, seed):
    rng = np.random.default_rng(seed)
    image = as_dtype(rng.integers(0, 256, (height, width, channels)), dtype)
    hole = rng.random((height, width)) < share
    hole[rng.integers(height), rng.integers(width)] = False
    try:
        result = fill(image, hole, row)
    except ContextError:
        result = fill(image, hole, row, fallback=True)
    assert result.dtype == image.dtype
    assert np.array_equal(result[~hole], image[~hole])
    assert np.isfinite(result).all()
    again = fill(image, hole, row, fallback=True, threads=1)
    assert np.array_equal(result, again)
