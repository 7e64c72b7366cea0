"""Distances to the rim, held against the distances between all pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist

from inpaintkit.distance import distance_to, rim_distance

masks = arrays(bool, st.tuples(st.integers(1, 25), st.integers(1, 25)), elements=st.booleans())


@given(masks)
@settings(max_examples=150, deadline=None)
def test_the_distance_is_the_shortest_one(target):
    distance = distance_to(target)
    assert distance.dtype == np.float32
    pixels = np.argwhere(np.ones_like(target))
    shortest = cdist(pixels, np.argwhere(target)).min(1, initial=np.inf).reshape(target.shape)
    np.testing.assert_array_equal(distance, shortest.astype(np.float32))


@pytest.mark.parametrize("width", [900, 1300])  # within and beyond what float32 squares can tell apart
def test_the_distance_stays_exact_across_a_large_crop(width):
    target = np.zeros((700, width), bool)
    target[3, 5] = target[690, 20] = True
    y, x = np.mgrid[:700, :width]
    shortest = np.minimum(np.hypot(y - 3, x - 5), np.hypot(y - 690, x - 20))
    np.testing.assert_array_equal(distance_to(target), shortest.astype(np.float32))


@given(masks, st.data())
@settings(max_examples=100, deadline=None)
def test_depth_is_zero_outside_the_hole_and_counts_from_the_known_pixels_only(hole, data):
    known = data.draw(arrays(bool, hole.shape)) & ~hole
    depth = rim_distance(hole, known)
    assert depth.dtype == np.float32
    assert (depth[~hole] == 0).all()
    nearest = cdist(np.argwhere(hole), np.argwhere(known)).min(1, initial=np.inf)
    np.testing.assert_array_equal(depth[hole], nearest.astype(np.float32))
    np.testing.assert_array_equal(rim_distance(hole), rim_distance(hole, ~hole))


def test_depth_by_hand_beside_the_crops_edge():
    hole = np.array([[1, 1, 1, 0], [1, 1, 1, 0]], bool)
    assert rim_distance(hole).tolist() == [[3, 2, 1, 0], [3, 2, 1, 0]]  # the edge is no rim
    only = np.array([[0, 0, 0, 0], [0, 0, 0, 1]], bool)
    np.testing.assert_allclose(rim_distance(hole, only), [[10**0.5, 5**0.5, 2**0.5, 0], [3, 2, 1, 0]], rtol=1e-6)


def test_where_nothing_is_known_the_hole_is_infinitely_deep():
    assert (rim_distance(np.ones((3, 4), bool)) == np.inf).all()
