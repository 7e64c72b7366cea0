"""Weights of known pixels: what they mean, worked by hand, and how a call hands them to its methods."""

from __future__ import annotations

import numpy as np
import pytest

from inpaintkit import damage, registry, testing
from inpaintkit.filling import Call
from inpaintkit.picture import Picture
from inpaintkit.problem import Problem

HEED = [name for name, row in registry.methods().items() if row.weights]


def test_these_methods_heed_weights():
    assert set(HEED) >= {"fsr", "ple", "harmonic", "biharmonic", "tv", "navier_stokes", "transport"}


def test_a_membrane_between_a_colour_and_its_surroundings():
    # u1 = (0 + u2) / 2 and, of weight 1/4, u2 = (u1 + u3) / 2 * 3/4 + 8/4, u3 = (u2 + 4) / 2: u2 = 22/5.
    line = np.array([[0, 9, 8, 9, 4]], np.float32)[..., None]
    hole = np.array([[False, True, False, True, False]])
    weight = np.array([[1, 0, 0.25, 0, 1]], np.float32)
    filled = registry.find("harmonic").load()(Problem.create(line, hole, weight=weight))
    assert filled[0, [1, 3], 0] == pytest.approx([2.2, 4.2], abs=1e-6)


def test_a_constant_stays_exactly_so():
    weight = np.random.default_rng(0).random((24, 24), np.float32)
    hole = testing.scratch(24)
    constant = np.full((24, 24, 3), 0.37, np.float32)
    for name in ("harmonic", "fsr"):
        filled = registry.find(name).load()(Problem.create(constant, hole, weight=weight))
        assert np.abs(filled - constant)[hole].max() <= registry.find(name).constant_tol


@pytest.mark.parametrize("name", ["fsr", "telea"])
def test_a_call_hands_them_on(name):
    photo = testing.photograph(64)
    hole = damage.scratches((64, 64), number=2, max_width=2, seed=1)
    worthless = np.roll(hole, 1, axis=1) & ~hole
    row = registry.find(name)
    values = row.options({})

    def filled(picture, hole, weight):
        result = picture.copy()
        Call(Picture(picture, False), hole, 0, "cpu", None, weight=weight).fill(row, values, result)
        return result

    wrong = np.where(worthless[..., None], 255 - photo, photo)
    plain = filled(photo, hole, None)
    assert np.array_equal(plain, filled(photo, hole, np.ones(hole.shape, np.float32)))
    weighed = filled(wrong, hole, np.where(worthless, np.float32(0), np.float32(1)))
    assert np.array_equal(weighed[~hole], wrong[~hole])
    error, believed = (
        np.abs(fill[hole].astype(int) - photo[hole]).mean() for fill in (weighed, filled(wrong, hole, None))
    )
    assert error < np.abs(plain[hole].astype(int) - photo[hole]).mean() * 2 < believed


def test_what_is_no_weight_is_refused():
    with pytest.raises(ValueError, match="from 0 to 1"):
        Problem.create(np.zeros((4, 4, 3)), np.eye(4, dtype=bool), weight=np.full((4, 4), 2, np.float32))
