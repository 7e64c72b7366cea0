"""Log-odds, confidence, what sensitivity asks for, and polarity, with answers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from inpaintkit.find import scoring


def test_even_odds_are_a_confidence_of_one_half():
    assert scoring.confidence(0.0) == 0.5
    assert scoring.confidence(np.log([3, 1 / 3])) == pytest.approx([0.75, 0.25])


def test_features_are_weighted_by_name():
    weights = {"contrast": 2.0, "slope": -1.0}
    features = {"slope": np.array([1.0, 0.0]), "contrast": np.array([1.0, 2.0]), "not weighted": np.array([9.0, 9.0])}
    assert scoring.weighted(weights, features).tolist() == [1.0, 4.0]


def test_more_sensitivity_asks_for_less():
    assert scoring.threshold(0.5, 3.0, 6.0) == 3.0
    assert scoring.threshold(0.0, 3.0, 6.0) - scoring.threshold(1.0, 3.0, 6.0) == 6.0


def test_damage_is_bright_in_the_picture_of_its_polarity():
    white, black, red = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0)
    bright, dark = scoring.polarities(np.array([[white, black, red]], np.float32))
    assert bright.tolist() == [[1, 0, 0]]
    assert dark.tolist() == [[0, 1, 0]]


def test_only_similar_things_nearby_make_a_crowd():
    rows = columns = np.array([10, 14, 18, 300])
    contrast = np.array([0.5, 0.5, 0.1, 0.5])
    count = scoring.crowding(rows, columns, contrast, np.ones(4, bool), (400, 400))
    assert count.tolist() == [2, 2, 3, 1]  # the weak one sees all three, the strong ones do not see it
