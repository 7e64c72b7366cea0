"""Lines straightened: the axis through points, the feet of a ridge and its levels, with answers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from inpaintkit.find import strips
from inpaintkit.find.following import follow


def bar(slope=0.0, width=4.0, edge=1.0, shape=(60, 120)):
    """A bright bar, 0.9 on 0.3, whose axis is y = 30 + slope (x - 60), with straight edges ``edge`` px wide."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    away = np.abs(y - 30 - slope * (x - 60)) / np.hypot(1, slope)
    return np.asarray(0.3 + 0.6 * np.clip((width / 2 - away) / edge + 0.5, 0, 1), np.float32)


def axis_of(slope=0.0, gap=()):
    x = np.array([x for x in range(20, 100) if x not in gap], float)
    return strips.axes(30 + slope * (x - 60), x, np.zeros(len(x), np.int64), 1)


def test_the_axis_runs_through_its_points_and_bridges_gaps():
    axis = axis_of(0.5, gap=range(50, 65))
    assert axis.y == pytest.approx(30 + 0.5 * (axis.x - 60), abs=0.05)
    assert axis.down / axis.right == pytest.approx(0.5, abs=0.01)
    assert np.hypot(np.diff(axis.y), np.diff(axis.x)) == pytest.approx(strips.STEP, abs=0.01)
    assert not axis.held.all()
    assert axis.held[[0, -1]].all()


@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_feet_and_levels_of_a_bar(slope):
    axis, picture = axis_of(slope), bar(slope)
    seen = strips.strip(picture, axis, 1)
    foot = strips.feet(axis, seen, 1)
    assert foot == pytest.approx(
        np.tile([-2.5, 2.5], (len(foot), 1)), abs=0.6
    )  # half of 4 px and of the edge; readings are between pixels
    level = strips.levels(seen, foot, 1)
    assert level == pytest.approx(np.tile([0.9, 0.3, 0.3], (len(level), 1)), abs=0.02)
    assert strips.asymmetry(axis, seen, foot, 1) == pytest.approx([0], abs=0.02)


def test_halves_that_differ():
    picture = bar()
    picture[30:34] = np.where(picture[30:34] > 0.5, 0.6, picture[30:34])  # one half at half the contrast
    axis = axis_of()
    seen = strips.strip(picture, axis, 1)
    foot = np.tile(np.float32([-2.5, 2.5]), (len(axis.y), 1))
    assert strips.asymmetry(axis, seen, foot, 1)[0] > 0.3


def test_followed_to_the_end_of_the_bar_and_no_farther():
    picture = bar()
    picture[:, 110:] = 0.3
    axis = axis_of()
    foot = np.tile(np.float32([-2.5, 2.5]), (len(axis.y), 1))
    more, feet = follow(picture, axis, foot, np.array([1.0]), np.array([0.9]), 1)
    assert more.y == pytest.approx(np.full(len(more.y), 30), abs=0.6)
    assert more.x.min() < 8
    assert 101 < more.x.max() < 112
    assert len(feet) == len(more.y)
