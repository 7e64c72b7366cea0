"""The harmonic fill: answers by hand and by an independent solver."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from scipy import ndimage

from inpaintkit import ContextError, damage, inpaint
from inpaintkit.benchmarks.protocols import drop
from inpaintkit.classic.harmonic import harmonic
from inpaintkit.problem import Problem


def test_a_lone_pixel_is_the_mean_of_its_four_neighbours():
    image = np.array([[9, 1, 9], [2, 5, 4], [9, 7, 9]], np.float32)[..., None]
    hole = np.zeros((3, 3), bool)
    hole[1, 1] = True
    assert harmonic(Problem.create(image, hole))[1, 1, 0] == (1 + 2 + 4 + 7) / 4


def test_a_void_neighbour_is_no_neighbour():
    image = np.array([[9, 1, 9], [2, 5, 4], [9, 7, 9]], np.float32)[..., None]
    hole, known = np.zeros((3, 3), bool), np.ones((3, 3), bool)
    hole[1, 1] = True
    known[1, 1] = known[0, 1] = False
    assert harmonic(Problem.create(image, hole, known))[1, 1, 0] == pytest.approx((2 + 4 + 7) / 3)


def test_beyond_the_last_known_pixel_of_a_row_colours_stay():
    image = np.array([[7, 7, 0.25, 7, 7, 7, 1.25, 7]], np.float32)[..., None]
    hole = np.array([[1, 1, 0, 1, 1, 1, 0, 1]], bool)
    expected = [0.25, 0.25, 0.25, 0.5, 0.75, 1.0, 1.25, 1.25]
    np.testing.assert_allclose(harmonic(Problem.create(image, hole))[0, :, 0], expected, atol=1e-7)


def test_every_pixel_of_the_fill_is_the_mean_of_its_neighbours():
    photo = skimage.data.astronaut()[:200, 100:330].astype(np.float32) / 255
    hole = damage.text((200, 230), size=30, seed=1) | drop((200, 230), share=0.3, seed=1)
    hole[50:140, 60:180] = True
    filled = harmonic(Problem.create(photo, hole)).astype(np.float64)
    mean = sum(ndimage.correlate1d(filled, [0.25, 0, 0.25], axis=axis, mode="nearest") for axis in (0, 1))
    assert np.abs(filled - mean)[hole].max() < 2e-5


def test_it_stays_within_the_rims_range():
    photo = skimage.data.astronaut()
    hole = damage.text(photo.shape[:2], size=60, seed=1)
    filled = inpaint(photo.astype(np.float64) / 255, hole, "harmonic")
    known = photo[~hole] / 255
    assert filled[hole].min() >= known.min() - 1e-6
    assert filled[hole].max() <= known.max() + 1e-6


def test_pixels_amid_transparent_ones_take_the_nearest_colour():
    image = np.zeros((9, 9, 4), np.uint8)
    image[:, :2] = (10, 20, 30, 255)
    hole = np.zeros((9, 9), bool)
    hole[4, 1] = hole[4, 3] = True  # the second touches nothing known
    assert np.array_equal(inpaint(image, hole, "harmonic")[hole], [(10, 20, 30, 255)] * 2)


def test_nothing_known_is_an_error():
    with pytest.raises(ContextError, match="fallback"):
        harmonic(Problem.create(np.zeros((8, 8, 1), np.float32), np.ones((8, 8), bool)))
