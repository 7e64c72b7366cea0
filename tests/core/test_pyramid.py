"""The masked pyramid, held against dense matrices that halve."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inpaintkit.problem import NEUTRAL
from inpaintkit.pyramid import masked_pyramid, upsampled

EVERY = {"min_known": 1, "min_side": 1}  # coarsen as far as there is anything known and anything to fill


@st.composite
def scenes(draw):
    """A picture of odd and even sides, known but for patches of hole and void."""
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    known, hole = np.ones(shape, bool), np.zeros(shape, bool)
    for _ in range(draw(st.integers(1, 4))):
        top, left = draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))
        patch = slice(top, top + draw(st.integers(1, 20))), slice(left, left + draw(st.integers(1, 20)))
        known[patch], hole[patch] = False, draw(st.booleans())
    image = np.random.default_rng(draw(st.integers(0, 99))).uniform(-1, 5, (*shape, draw(st.integers(1, 4))))
    return image.astype(np.float32), known, hole


def halving(n):
    """k = [1 3 3 1] / 8 at every second pixel as a dense matrix (ceil(n / 2), n)."""
    distance = np.abs(np.arange(n) - (2 * np.arange(-(-n // 2)) + 0.5)[:, None])  # 0.5, 1.5, ... fine pixels
    return np.select([distance < 1, distance < 2], [3 / 8, 1 / 8], 0.0)


def test_a_halving_by_hand():
    image = np.array([0.2, 0.4, 9, 0.8, 0, 0], np.float32).reshape(6, 1, 1)
    hole = np.array([0, 0, 1, 0, 1, 1], bool)[:, None]
    # weights (3 + 3) / (3 + 3 + 1), (1 + 3) / (1 + 3 + 3 + 1) and 1 / (1 + 3 + 3)
    means = [(3 * 0.2 + 3 * 0.4) / 6, (0.4 + 3 * 0.8) / 4, 0.5]
    for min_weight, number in ((0.5, 2), (0.51, 1)):
        coarse = masked_pyramid(image, ~hole, hole, min_weight=min_weight, **EVERY)[1]
        assert coarse.known[:, 0].tolist() == ([True] * number + [False] * 3)[:3]
        np.testing.assert_array_equal(coarse.hole, ~coarse.known)
        np.testing.assert_allclose(coarse.image[:, 0, 0], (means[:number] + [0.5] * 3)[:3], rtol=1e-6)


@given(scenes(), st.sampled_from([0.25, 0.5, 0.51, 1.0]))
@settings(max_examples=150, deadline=None)
def test_every_level_is_the_weighted_mean_of_the_finest_known_pixels(scene, min_weight):
    image, known, hole = scene
    finest, *coarser = masked_pyramid(image, known, hole, min_weight=min_weight, **EVERY)
    np.testing.assert_array_equal(finest.image, np.where(known[..., None], image, NEUTRAL))
    down, across = np.eye(known.shape[0]), np.eye(known.shape[1])
    for level in coarser:
        hole = halving(len(down)) @ hole @ halving(len(across)).T > 0
        down, across = halving(len(down)) @ down, halving(len(across)) @ across
        weight = down @ known @ across.T
        share = weight / np.outer(down.sum(1), across.sum(1))
        close = np.abs(share - min_weight) < 1e-12  # rounding decides there
        assert ((level.known == (share >= min_weight)) | close).all()
        hole &= ~level.known
        np.testing.assert_array_equal(level.hole, hole)
        sums = np.einsum("yh,hwc,xw->yxc", down, np.where(known[..., None], image, 0), across)
        mean = np.where(level.known[..., None], sums / np.maximum(weight, 1e-12)[..., None], NEUTRAL)
        np.testing.assert_allclose(level.image, mean, atol=1e-5)


@given(scenes(), st.floats(0.05, 1))
@settings(max_examples=150, deadline=None)
def test_the_parent_of_a_hole_pixel_is_to_be_filled_or_known(scene, min_weight):
    pyramid = masked_pyramid(*scene, min_weight=min_weight, **EVERY)
    for fine, coarse in pairwise(pyramid):
        assert coarse.known.shape == tuple((n + 1) // 2 for n in fine.known.shape)
        y, x = np.nonzero(fine.hole)
        assert (coarse.hole | coarse.known)[y // 2, x // 2].all()
        assert not (coarse.hole & coarse.known).any()
        assert coarse.hole.any()
        assert coarse.known.any()


@given(scenes())
@settings(max_examples=100, deadline=None)
def test_a_constant_stays_exact_down_the_pyramid_and_up_again(scene):
    _, known, hole = scene
    colours = np.random.default_rng(0).uniform(0, 4, 64).astype(np.float32)
    pyramid = masked_pyramid(np.tile(colours, (*hole.shape, 1)), known, hole, **EVERY)
    for level in pyramid:
        assert (level.image[level.known] == colours).all()
        assert (level.image[~level.known] == NEUTRAL).all()
    for fine, coarse in pairwise(pyramid):
        filled = np.where((coarse.known | coarse.hole)[..., None], colours, np.float32(np.nan))
        guess = upsampled(filled[..., :4], fine.hole.shape)
        assert (guess[fine.hole] == colours[:4]).all()  # no void leaks into a hole


def test_what_lies_under_the_hole_never_leaks():
    image = np.random.default_rng(1).random((40, 50, 3), np.float32)
    hole = np.zeros((40, 50), bool)
    hole[9:31, 13:44] = True
    poisoned = np.where(hole[..., None], np.float32(np.nan), image)
    before = image.copy()
    clean, dirty = (masked_pyramid(picture, ~hole, hole) for picture in (image, poisoned))
    assert len(clean) == len(dirty) == 3
    for one, other in zip(clean, dirty, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
    clean[0].image[:] = 0
    np.testing.assert_array_equal(image, before)


def square(side, hole):
    """Known but for a centred square of ``hole`` pixels."""
    known = np.ones((side, side), bool)
    rim = (side - hole) // 2
    known[rim : rim + hole, rim : rim + hole] = False
    return np.zeros((side, side, 1), np.float32), known, ~known


@pytest.mark.parametrize(
    ("side", "hole", "asked", "sides"),
    [
        (64, 32, {}, [64, 32, 16, 8]),  # 4 would be shorter than 8
        (64, 32, {"min_side": 16}, [64, 32, 16]),
        (64, 32, {"min_side": 17}, [64, 32]),
        (64, 32, {"levels": 2}, [64, 32]),
        (64, 32, {"levels": 1}, [64]),
        (64, 32, {"min_known": 64 * 64 - 32 * 32}, [64]),
        (64, 1, {}, [64]),  # a quarter or less of every kernel: the hole would vanish
        (64, 4, {}, [64, 32]),  # 2 pixels wide in the next level, gone in the one after
        (63, 31, {}, [63, 32, 16, 8]),
        (64, 0, {}, [64]),
        (64, 64, {"min_known": 0}, [64]),  # nothing is known
    ],
)
def test_the_pyramid_ends_in_time(side, hole, asked, sides):
    pyramid = masked_pyramid(*square(side, hole), **asked)
    assert [level.hole.shape[0] for level in pyramid] == sides
    assert all(np.count_nonzero(level.known) >= asked.get("min_known", 16) for level in pyramid[1:])


@pytest.mark.parametrize("asked", [{"levels": 0}, {"min_weight": 0}, {"min_weight": 1.5}])
def test_impossible_demands_are_named(asked):
    ((name, value),) = asked.items()
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        masked_pyramid(*square(16, 4), **asked)


def test_doubling_is_bilinear_between_parents_centres():
    line = np.array([[0, 1, 3]], np.float32)[..., None]
    np.testing.assert_array_equal(upsampled(line, (1, 6))[0, :, 0], [0, 0.25, 0.75, 1.5, 2.5, 3])
    np.testing.assert_array_equal(upsampled(line, (2, 5))[1, :, 0], [0, 0.25, 0.75, 1.5, 2.5])


@pytest.mark.parametrize("shape", [(32, 48), (31, 47)])
def test_a_ramp_comes_back_in_place(shape):
    y, x = np.mgrid[: shape[0], : shape[1]]
    ramp = np.stack([x / 64, y / 64], axis=2).astype(np.float32)
    hole = (abs(y - 15) < 6) & (abs(x - 20) < 6)
    coarse = masked_pyramid(ramp, ~hole, hole)[1]
    far = (abs(y - 15) > 11) | (abs(x - 20) > 11)  # masked means lean away from the hole, cut kernels from the edge
    far[:4] = far[-4:] = far[:, :4] = far[:, -4:] = False
    np.testing.assert_allclose(upsampled(coarse.image, shape)[far], ramp[far], atol=1e-6)


def test_doubling_needs_the_next_finer_shape():
    with pytest.raises(ValueError, match="3 x 4 pixels is not half of 7 x 8"):
        upsampled(np.zeros((3, 4, 1), np.float32), (7, 8))


def test_tall_picture_is_halved_alike_in_all_its_rows() -> None:
    """Rows are worked on in bands; at their borders no row is lost or counted twice."""
    image = np.random.default_rng(0).random((1043, 9, 1)).astype(np.float32)
    hole = np.zeros(image.shape[:2], bool)
    hole[500:520, 3:6] = True
    coarse = masked_pyramid(image, ~hole, hole, levels=2, min_known=1, min_side=1)[1]
    weights = np.zeros((522, 1043)), np.zeros((5, 9))
    for weight in weights:
        for row in range(len(weight)):
            for tap, share in zip(range(2 * row - 1, 2 * row + 3), (1, 3, 3, 1), strict=True):
                if 0 <= tap < weight.shape[1]:
                    weight[row, tap] = share
    down, across = weights
    mean = (down @ (image[..., 0] * ~hole) @ across.T) / np.maximum(down @ ~hole @ across.T, 1e-9)
    assert np.allclose(coarse.image[coarse.known, 0], mean[coarse.known], atol=1e-6)
    assert coarse.known.sum() > 2500
