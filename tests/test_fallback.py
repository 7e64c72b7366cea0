"""The harmonic fill, held against a dense solve and answers by hand."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inpaintkit import fallback
from inpaintkit.fallback import harmonic_fill


@pytest.fixture(params=[10**9, 0], ids=["direct", "conjugate gradients"])
def solver(request):
    with patch.object(fallback, "_DIRECT", request.param):
        yield


@st.composite
def damaged(draw):
    """A picture with at least one known pixel; what lies elsewhere is not a number."""
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    known = draw(arrays(bool, shape))
    known[draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))] = True
    image = draw(arrays(np.float32, (*shape, draw(st.integers(1, 4))), elements=st.floats(-1, 4, width=16)))
    return np.where(known[..., None], image, np.float32(np.nan)), known


def dense_fill(image, known):
    """One equation per pixel: the known ones keep their colour, the others are the mean of their neighbours."""
    height, width = known.shape
    matrix, right = np.eye(known.size), np.where(known[..., None], image, 0).reshape(known.size, -1).astype(float)
    for y, x in np.argwhere(~known):
        near = [(y + dy, x + dx) for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))]
        near = [v * width + u for v, u in near if 0 <= v < height and 0 <= u < width]
        matrix[y * width + x, near] = -1 / len(near)
    return np.linalg.solve(matrix, right).reshape(image.shape)


@given(damaged())
@settings(max_examples=80, deadline=None)
@pytest.mark.parametrize("most", [10**9, 0])
def test_the_fill_equals_a_dense_solve(most, scene):
    image, known = scene
    before = image.copy()
    with patch.object(fallback, "_DIRECT", most):
        filled = harmonic_fill(image, known)
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(filled[known], image[known])
    np.testing.assert_allclose(filled, dense_fill(image, known), atol=2e-3 if most == 0 else 1e-5)


def test_a_line_between_two_colours_is_a_ramp_and_beyond_them_flat(solver):
    image = np.array([[7, 0.25, 7, 7, 7, 1.25, 7, 7]], np.float32)[..., None]
    known = np.array([[0, 1, 0, 0, 0, 1, 0, 0]], bool)
    expected = [0.25, 0.25, 0.5, 0.75, 1.0, 1.25, 1.25, 1.25]
    np.testing.assert_allclose(harmonic_fill(image, known)[0, :, 0], expected, atol=1e-4)


def test_a_hole_of_one_pixel_is_the_mean_of_its_four_neighbours(solver):
    image = np.array([[9, 1, 9], [2, 5, 4], [9, 7, 9]], np.float32)[..., None]
    known = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)
    assert harmonic_fill(image, known)[1, 1, 0] == pytest.approx((1 + 2 + 4 + 7) / 4)


def test_a_large_hole_keeps_a_ramp(solver):
    ramp = np.tile(np.linspace(0, 1, 150, dtype=np.float32)[:, None, None], (1, 160, 2))
    known = np.zeros((150, 160), bool)
    known[0] = known[-1] = True
    filled = harmonic_fill(np.where(known[..., None], ramp, np.float32(0.5)), known)
    np.testing.assert_allclose(filled, ramp, atol=0.5 / 255)


def test_without_a_hole_the_fill_is_a_copy():
    image = np.random.default_rng(0).random((4, 5, 3), np.float32)
    filled = harmonic_fill(image, np.ones((4, 5), bool))
    assert not np.shares_memory(filled, image)
    np.testing.assert_array_equal(filled, image)
