"""Fronts: arrival times worked by hand, against distances, and their order."""

from __future__ import annotations

import numpy as np
import pytest

from inpaintkit import threads
from inpaintkit.classic import _march as module
from inpaintkit.classic._march import march, measure


def disc(side: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - side // 2
    return y**2 + x**2 <= radius**2


def test_a_half_plane_is_reached_row_by_row():
    hole = np.zeros((6, 5), bool)
    hole[2:] = True
    for front in (march(hole, ~hole, 3), measure(hole, ~hole)):
        assert np.allclose(front.arrival[:, 2], [-1, 0, 1, 2, 3, 4])
        assert np.array_equal(np.sort(front.order), np.flatnonzero(hole))
        assert (np.diff(front.arrival.reshape(-1)[front.order]) >= 0).all()


def test_a_corner_pixel_solves_the_quadratic():
    hole = np.zeros((4, 4), bool)
    hole[1:, 1:] = True
    arrival = march(hole, ~hole, 2).arrival
    assert arrival[1, 1] == pytest.approx(np.sqrt(0.5))  # both neighbours at 0: 2 T^2 = 1
    one = np.sqrt(0.5)
    assert arrival[1, 2] == pytest.approx((one + np.sqrt(2 - one**2)) / 2)  # neighbours at 0 and sqrt(1/2)


def test_fast_marching_approaches_the_distance_on_both_sides():
    hole = disc(61, 20)
    marched, measured = march(hole, ~hole, 8), measure(hole, ~hole)
    assert np.abs(marched.arrival - measured.arrival)[hole].max() < 1.5
    near = ~hole & (measured.arrival > -7)
    assert np.abs(marched.arrival - measured.arrival)[near].max() < 1.5
    assert marched.arrival.min() == -8


def test_the_measured_order_sorts_distances_exactly_with_ties_in_raster_order():
    hole = disc(41, 15) & ~disc(41, 4)
    front = measure(hole, ~hole)
    expected = np.argsort(front.arrival.reshape(-1)[np.flatnonzero(hole)], kind="stable")
    assert np.array_equal(front.order, np.flatnonzero(hole)[expected])


def test_no_front_starts_from_transparent_pixels():
    hole = np.zeros((7, 9), bool)
    hole[2:5, 1:4] = True  # known around it
    hole[2:5, 6:8] = True  # nothing known around it
    known = ~hole
    known[:, 4:] = False
    assert len(march(hole, known, 2).order) == 9


def test_equal_distances_can_take_turns():
    hole = np.zeros((4, 9), bool)
    hole[1:] = True
    assert measure(hole, ~hole).order.tolist() == list(range(9, 36))
    turns = [5, 1, 7, 3, 6, 2, 0, 8, 4]  # columns of row 1 by (3 + x) % 8 in the order 0 4 2 6 1 5 3 7
    assert measure(hole, ~hole, interleave=(0, 0)).order[:9].tolist() == [9 + x for x in turns]
    shifted = measure(hole[:, 2:], ~hole[:, 2:], interleave=(0, 2)).order[:7]  # a crop's pixels keep their turns
    assert shifted.tolist() == [7 + x - 2 for x in turns if x >= 2]


@pytest.mark.parametrize("outside", [1, 7, 15, 16, 40])
@pytest.mark.parametrize("side", [3, 24, 60])  # px: of the box in the hole, less and more than what is looked at nearby
def test_distances_up_to_a_bound_are_those_without_one(outside, side):
    """Brute force: the least distance to all pixels of the other kind."""
    rng = np.random.default_rng(side)
    hole = rng.random((70, 90)) < 0.01
    hole[5 : 5 + side, 20 : 20 + side] = True
    known = ~hole & (rng.random(hole.shape) < 0.95)
    rows, columns = np.indices(hole.shape)

    def away(target):
        y, x = np.nonzero(target)
        squares = (rows[..., None] - y) ** 2 + (columns[..., None] - x) ** 2
        return np.sqrt(squares.min(axis=2).astype(np.float32))

    arrival = np.where(known, 1 - away(hole), away(known))
    front = measure(hole, known, outside=outside)
    near = ~known | (arrival >= -outside)
    np.testing.assert_array_equal(front.arrival[near], arrival[near])
    assert (front.arrival[~near] < -outside).all()
    places = np.flatnonzero(hole)
    assert front.order.tolist() == places[np.argsort(arrival.reshape(-1)[places], kind="stable")].tolist()


def test_the_steps_that_threads_share_leave_every_pixel_what_it_would_see_one_after_another(monkeypatch):
    monkeypatch.setattr(module, "_MANY", 0)
    monkeypatch.setattr(module, "_WORTH", 0)
    hole = np.random.default_rng(6).random((90, 40)) < 0.6
    hole[30:41, 8:30] = True
    front, reach = measure(hole, ~hole, interleave=(0, 0)), 7
    turns = module.Turns(front.begins, hole.shape[1], reach)
    with threads.limit(1):
        assert not module._steps(front.order, turns, 1)
    with threads.limit(2):
        steps = module._steps(front.order, turns, 1)
    assert sum(len(parts) > 1 for parts in steps) > len(steps) / 3
    assert np.array_equal(np.sort(np.concatenate([part for parts in steps for part in parts])), np.flatnonzero(hole))
    place, step, part, turn = (np.empty(hole.size, int) for _ in range(4))
    place[front.order] = np.arange(len(front.order))
    for number, parts in enumerate(steps):
        for index, pixels in enumerate(parts):
            step[pixels], part[pixels], turn[pixels] = number, index, np.arange(len(pixels))
    row = np.flatnonzero(hole) // hole.shape[1]
    for p in np.flatnonzero(hole)[::7]:
        near = np.flatnonzero(hole)[np.abs(row - p // hole.shape[1]) <= reach]
        before = near[place[near] < place[p]]
        done = (step[before] < step[p]) | ((part[before] == part[p]) & (turn[before] < turn[p]))
        assert (done & (step[before] <= step[p])).all()
        after = near[place[near] > place[p]]
        assert ((step[after] > step[p]) | ((part[after] == part[p]) & (turn[after] > turn[p]))).all()
        assert (step[after] >= step[p]).all()
