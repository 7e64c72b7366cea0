"""The benchmark of time over sizes and hole ratios: what the table holds, not how fast anything is."""

from __future__ import annotations

import pytest

from inpaintkit.benchmarks import speed
from inpaintkit.benchmarks.speed import Timed, exponent, grid, grid_plot, grid_table


def test_the_exponent_is_one_where_time_goes_with_the_pixels():
    assert exponent([10, 20, 40], [0.1, 0.4, 1.6]) == pytest.approx(1)
    assert exponent([10, 20, 40], [0.1, 0.2, 0.4]) == pytest.approx(0.5)


def test_the_table_holds_medians_growth_and_who_failed():
    found = [Timed("a", side, 0.1, 0.12, [9.0], [side**2.0, 1e9, 1.0], 100.0) for side in (10, 20)]
    found.append(Timed("b", 10, 0.1, 0.12, [], [], 0.0, "ValueError: no"))
    text = grid_table(found)
    assert "| a | 10 | 12.0% | 100.000 s (1.000 to 1000000000.000) | 9.000 s" in text
    assert "| b | 10 | 12.0% | ValueError: no | | |" in text
    assert "| a | 1.00 |" in text
    assert "| b | nan |" in text
    assert grid_plot(found).count("<svg") == 1


def test_methods_and_peers_run_in_processes_of_their_own_and_a_failing_one_is_named(monkeypatch):
    monkeypatch.setattr(speed, "PEERS", {"cv2": speed.PEERS["cv2 telea r=5"], "bad": ("", "raise ValueError('no')")})
    steps = []
    found = grid(["telea"], [64], [0.1], 1, progress=steps.append)
    assert [one.name for one in found] == ["telea", "cv2", "bad"]
    assert [len(one.warm) for one in found] == [1, 1, 0]
    assert found[2].reason == "ValueError: no"
    assert all(one.peak > 10 and min(one.cold + one.warm) > 0 for one in found[:2])
    assert steps[-1].done == steps[-1].total == 3
