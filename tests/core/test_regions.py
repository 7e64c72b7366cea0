"""Splitting a hole into regions, held against the definition by distances between all pixels."""

from __future__ import annotations

import math
import tracemalloc
from unittest.mock import patch

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from inpaintkit import regions
from inpaintkit.box import Box
from inpaintkit.regions import split

masks = st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32), st.floats(0, 0.5)).map(
    lambda given: np.random.default_rng(given[2]).random(given[:2]) < given[3] ** 2
)


def components(mask, reach):
    """The definition: hole pixels linked by steps of at most ``reach`` rows and columns; 0 outside, else a number."""
    pixels = np.argwhere(mask)
    labels = np.zeros(mask.shape, int)
    if len(pixels):
        labels[mask] = 1 + connected_components(cdist(pixels, pixels, "chebyshev") <= reach)[1]
    return labels


def owners(mask, found):
    """Which region owns each hole pixel, -1 outside; asserts that exactly one does and that counts are right."""
    owner = np.full(mask.shape, -1)
    for number, region in enumerate(found):
        own = region.own()
        assert own.dtype == bool
        assert region.pixels == np.count_nonzero(own) > 0
        assert (owner[region.crop.slices][own] == -1).all()
        owner[region.crop.slices][own] = number
    np.testing.assert_array_equal(owner >= 0, mask)
    return owner


def margins(inside, crop, shape):
    """Whether each side of the crop (top, left, bottom, right) is the picture's, and its distance to ``inside``."""
    at_edge = (crop.top == 0, crop.left == 0, crop.bottom == shape[0], crop.right == shape[1])
    rows, columns = np.nonzero(inside.any(1))[0], np.nonzero(inside.any(0))[0]
    return at_edge, (rows[0], columns[0], inside.shape[0] - 1 - rows[-1], inside.shape[1] - 1 - columns[-1])


@given(masks, st.integers(1, 6), st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_an_unshared_region_is_one_component_in_raster_order(mask, reach, context):
    found = split(mask, reach=reach, context=context, share=False)
    labels, owner = components(mask, reach), owners(mask, found)
    pairs = np.unique(np.stack([owner[mask], labels[mask]]), axis=1)
    assert pairs.shape[1] == len(found) == labels.max()
    firsts = [np.flatnonzero(owner == number)[0] for number in range(len(found))]
    assert firsts == sorted(firsts)
    for region in found:
        at_edge, margin = margins(region.own(), region.crop, mask.shape)
        assert all(m == context or (edge and m < context) for edge, m in zip(at_edge, margin, strict=True))
        np.testing.assert_array_equal(region.hole(mask, region.own()), region.own())


@given(masks, st.integers(1, 4), st.sampled_from([1, 5, 12]))
@settings(max_examples=150, deadline=None)
def test_a_shared_region_is_a_union_of_small_components_in_one_square(mask, reach, shared):
    with patch.object(regions, "SHARED", shared):
        found = split(mask, reach=reach, context=2)
    alone = split(mask, reach=reach, context=2, share=False)
    labels, owner = components(mask, reach), owners(mask, found)
    assert len(np.unique(np.stack([owner[mask], labels[mask]]), axis=1).T) == len(alone)  # one owner per component
    assert sum(region.pixels for region in found) == np.count_nonzero(mask)
    firsts = [np.flatnonzero(owner == number)[0] for number in range(len(found))]
    assert firsts == sorted(firsts)
    for number, region in enumerate(found):
        if len(np.unique(labels[owner == number])) > 1:
            height, width = np.ptp(np.argwhere(owner == number), axis=0) + 1
            assert max(height, width) <= 2 * shared
        assert (region.crop.bottom - region.crop.top) <= np.ptp(np.argwhere(owner == number)[:, 0]) + 1 + 2 * 2


@pytest.mark.parametrize(("gap", "together"), [(3, True), (4, False)])
@pytest.mark.parametrize("across", [False, True])
def test_reach_counts_pixels_between_centres(gap, together, across):
    mask = np.zeros((9, 9), bool)
    mask[2, 1] = mask[2, 1 + gap] = True
    if across:
        mask = mask.T.copy()
    assert len(split(mask, reach=3, share=False)) == (1 if together else 2)


def test_close_small_regions_share_a_crop_and_far_ones_do_not():
    mask = np.zeros((40, 700), bool)
    mask[10, [20, 60, 400, 420]] = True
    shared = split(mask, context=3)
    assert [region.crop for region in shared] == [Box(17, 7, 47, 7), Box(397, 7, 27, 7)]
    assert [region.pixels for region in shared] == [2, 2]
    assert len(split(mask, share=False)) == 4


@given(masks, st.integers(3, 9), st.integers(0, 4))
@settings(max_examples=150, deadline=None)
def test_small_cuts_partition_the_hole_and_see_their_surroundings(mask, cut, context):
    check_cut(mask, cut, context, reach=2, area=30, side=6)


@pytest.mark.parametrize("cut", [3, 6, 12])
def test_strokes_are_cut_into_pieces_that_partition_the_hole(cut):
    strokes = np.zeros((90, 110), np.uint8)
    cv2.polylines(strokes, [np.array([[5, 5], [100, 30], [20, 60], [105, 85]])], False, 1)
    cv2.line(strokes, (0, 40), (109, 40), 1)
    assert check_cut(strokes.astype(bool), cut, context=2, reach=1, area=500, side=20) > 4


def check_cut(mask, cut, context, reach, area, side):
    """The promises of cutting, with limits small enough for small masks; gives the number of pieces."""
    with patch.multiple(regions, CUT_AREA=area, CUT_SIDE=side):
        found = split(mask, reach=reach, cut=cut, context=context, share=False)
    owners(mask, found)
    whole = components(mask, reach)
    pieces = [region for region in found if region.piece is not None]
    for region in pieces:
        own = region.own()
        hole = region.hole(mask, own)
        top, left = region.crop.top, region.crop.left
        np.testing.assert_array_equal(hole & ~mask[region.crop.slices], False)
        pixels = np.argwhere(mask) - (top, left)
        near = cdist(pixels, np.argwhere(own), "chebyshev").min(1) <= cut
        assert hole[tuple(pixels[near].T)].all()
        at_edge, margin = margins(hole, region.crop, mask.shape)
        assert all(edge or m >= context for edge, m in zip(at_edge, margin, strict=True))
        assert len(np.unique(whole[region.crop.slices][own])) == 1  # pieces are cut from one region
    for number in np.unique([whole[r.crop.slices][r.own()][0] for r in pieces]):
        deep = cv2.erode((whole == number).astype(np.uint8), np.ones((3, 3), np.uint8), iterations=cut // 3)
        assert not deep.any()  # a thick hole is never cut
    return len(pieces)


@pytest.mark.parametrize(("thickness", "cut"), [(8, True), (9, False)])  # 9 pixels: the middle is 5 deep, 12 / 3 < 5
def test_only_thin_regions_are_cut(thickness, cut):
    mask = np.zeros((600, 600), bool)
    mask[100:500, 100:500] = True
    mask[100 + thickness : 500 - thickness, 100 + thickness : 500 - thickness] = False
    found = split(mask, cut=12, context=7)
    assert (len(found) > 4) == cut
    assert len({region.piece is None for region in found}) == 1
    owners(mask, found)


@pytest.mark.parametrize(("thickness", "cut"), [(4, True), (5, False)])
def test_nothing_known_lies_beyond_the_pictures_edge(thickness, cut):
    mask = np.zeros((500, 900), bool)
    mask[:thickness] = mask[:, :thickness] = True  # as deep as thick
    assert (len(split(mask, cut=12)) > 1) == cut


def test_a_thick_middle_keeps_the_whole_region_whole():
    mask = np.zeros((500, 900), bool)
    mask[250:253, 20:880] = mask[20:480, 450:453] = True
    assert len(split(mask, cut=12)) > 1
    mask[240:260, 600:620] = True
    assert [region.piece for region in split(mask, cut=12)] == [None]


def test_small_and_dense_holes_are_not_cut():
    mask = np.zeros((800, 800), bool)
    mask[10:13, 10:200] = True  # small
    mask[300:700, 300:700] = np.arange(400) % 3 != 0  # thin stripes, but no crop would be much smaller
    assert [region.piece for region in split(mask, reach=2, cut=12)] == [None, None]


def test_an_empty_mask_has_no_regions_and_a_full_one_has_one():
    assert split(np.zeros((30, 41), bool)) == []
    (region,) = split(np.ones((30, 41), bool), context=5)
    assert region.crop == Box(0, 0, 41, 30)
    assert region.own().all()


def test_text_over_a_large_picture_stays_many_small_crops():
    page = np.zeros((3000, 4000), np.uint8)
    for row in range(80, 3000, 90):
        cv2.putText(page, "the quick brown fox jumps " * 8, (20, row), cv2.FONT_HERSHEY_SIMPLEX, 1.3, 1, 3)
    mask = page.astype(bool)
    found = split(mask, reach=5, context=7, cut=20)
    sides = [(r.crop.bottom - r.crop.top, r.crop.right - r.crop.left) for r in found]
    assert max(max(side) for side in sides) <= 2 * regions.SHARED + 2 * 7
    assert len(found) > 100
    owners(mask, found)


def test_a_scratch_across_a_large_picture_costs_what_the_scratch_costs():
    picture = np.zeros((3000, 4000), np.uint8)
    cv2.line(picture, (3, 2), (3990, 2995), 1, 3)
    mask = picture.astype(bool)
    split(mask, cut=20)  # compiled now, if not before
    tracemalloc.start()
    try:
        found = split(mask, reach=5, context=7, cut=20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < mask.size / 8
    assert sum(region.crop.area for region in found) < mask.size / 8
    owners(mask, found)


def test_a_box_grows_inside_the_picture_and_indexes_what_it_names():
    inner, outer = Box.from_edges(3, 2, 9, 5), Box.from_edges(0, 1, 12, 8)
    assert inner.area == 18
    assert inner.grown(2, (6, 30)) == (1, 0, 10, 6)
    numbers = np.arange(200).reshape(10, 20)
    np.testing.assert_array_equal(numbers[outer.slices][inner.within(outer)], numbers[2:5, 3:9])


def test_a_method_that_copies_gets_a_crop_with_enough_to_copy_from():
    mask = np.zeros((1000, 1000), bool)
    mask[400:500, 400:500] = True
    (region,) = split(mask, context=10, surround=1.5)
    assert region.crop == Box(400 - 160, 400 - 160, 420, 420)
    (region,) = split(mask, context=10, surround=math.inf)
    assert region.crop == Box(0, 0, 1000, 1000)
    (region,) = split(mask, context=10, surround=0.1)  # 20 px around 100 x 100: 9,600 known, where 30,000 are wanted
    assert region.crop == Box(400 - 80, 400 - 80, 260, 260)
    mask[:, 520:] = mask[:, :380] = True  # another region's hole is nothing to copy from; nor is there more
    crops = [region.crop for region in split(mask, context=10, surround=1.0) if region.pixels == 10000]
    assert crops[0].bottom - crops[0].top > 300


@pytest.mark.parametrize("shape", [(1, 0), (0, 1), (0, 0)])
def test_a_mask_without_pixels_has_no_regions(shape):
    assert split(np.zeros(shape, bool), context=1) == []
