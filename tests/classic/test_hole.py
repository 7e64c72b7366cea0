"""What iterating methods begin with: connected parts beside scipy's, and the first fill by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage

from inpaintkit.classic._hole import components, onion
from inpaintkit.classic.oliveira import oliveira
from inpaintkit.classic.tv import tv
from inpaintkit.problem import Problem

EVEN = np.ones((3, 3), np.float32)


@pytest.mark.parametrize("share", [0, 0.05, 0.3, 0.6, 1])
def test_parts_are_those_of_scipy_in_raster_order(share):
    hole = np.random.default_rng(3).random((40, 50)) < share
    order, start = components(hole)
    assert np.array_equal(np.sort(order), np.flatnonzero(hole))
    labels, number = ndimage.label(hole, np.ones((3, 3)))
    assert len(start) == number + 1
    parts = [order[first:last] for first, last in itertools.pairwise(start)]
    assert all((np.diff(part) > 0).all() for part in parts)
    found = {frozenset(part.tolist()) for part in parts}
    assert found == {frozenset(np.flatnonzero(labels == n + 1).tolist()) for n in range(number)}


def test_layers_take_what_has_a_colour_by_then():
    """A row of five: first its ends, each from three known pixels, then the next two, last the middle one from both."""
    image = np.full((1, 9, 1), 0.5, np.float32)
    image[0, :2], image[0, 7:] = 0.25, 1
    hole, known = np.zeros((2, 1, 9), bool)
    hole[0, 2:7] = True
    known[0, [1, 7]] = True
    filled, coloured = onion(image, hole, known, EVEN)
    assert filled[0, 2:7, 0].tolist() == [0.25, 0.25, 0.625, 1, 1]
    assert np.array_equal(coloured, hole | known)


def test_weights_void_pixels_and_what_no_layer_reaches():
    image = np.arange(25, dtype=np.float32).reshape(5, 5, 1)
    hole, known = np.zeros((2, 5, 5), bool)
    hole[1, 1] = hole[4, 4] = True
    known[0, 0] = known[1, 0] = True  # 0 and 5; all else is void
    weights = np.arange(1, 10, dtype=np.float32).reshape(3, 3)
    filled, coloured = onion(image, hole, known, weights)
    assert filled[1, 1, 0] == pytest.approx((1 * 0 + 4 * 5) / 5)
    assert coloured[1, 1]
    assert not coloured[4, 4]
    assert np.array_equal(filled[~hole], image[~hole])


def test_equal_colours_give_exactly_that_colour():
    value = np.float32(0.1)
    image = np.full((9, 9, 3), value)
    hole = np.zeros((9, 9), bool)
    hole[2:7, 2:7] = True
    filled, _ = onion(np.where(hole[..., None], np.float32(0.5), image), hole, ~hole, EVEN / 7)
    assert (filled == value).all()


@pytest.mark.parametrize("method", [tv, oliveira])
@pytest.mark.parametrize("low", [0.0, 1e-40, 1e-12, 1.0])
@pytest.mark.parametrize("high", [1e-38, 1e-6, 1.0, 1e6])
def test_no_range_of_colours_overflows(method, low, high):
    rng = np.random.default_rng(0)
    image = (low + high * rng.random((20, 20, 3))).astype(np.float32)
    hole = rng.random((20, 20)) < 0.3
    filled = method(Problem.create(image, hole))
    assert image.min() <= filled.min()
    assert filled.max() <= image.max() * (1 + 1e-6)


@pytest.mark.parametrize("method", [tv, oliveira])
def test_a_crop_without_a_hole_stays_as_it_is(method):
    image = np.random.default_rng(0).random((6, 7, 2)).astype(np.float32)
    assert np.array_equal(method(Problem.create(image, np.zeros((6, 7), bool))), image)
