"""Dust is found where it is drawn; grain, edges, lines and texture are left alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import damage, threads
from inpaintkit.find_dust import find_dust


def film(shape=(240, 320)):
    """Grain, standard deviation 8 of 255, on grey."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, shape), (0, 0), 0.6)
    return np.clip(np.rint(110 + 8 * noise / noise.std()), 0, 255).astype(np.uint8)


def as_floats(photo):
    image = photo.astype(np.float32) / 255
    return image[..., None] if image.ndim == 2 else image


@pytest.mark.parametrize("seed", range(4))
def test_spots_on_grain(seed):
    damaged, truth = damage.dusty(film(), number=25, seed=seed)
    found, confidence = find_dust(as_floats(damaged))
    strong = cv2.absdiff(damaged, film()) > 30
    assert (found & strong).sum() > 0.75 * strong.sum()
    near = cv2.dilate(truth.astype(np.uint8), np.ones((5, 5))) > 0
    assert (found & near).sum() > 0.95 * found.sum()
    assert ((confidence > 0) == found).all()
    assert confidence.max() <= 1


def test_a_spot_by_hand():
    picture = np.full((60, 60, 3), (0.7, 0.2, 0.2), np.float32)
    spot = (slice(20, 24), slice(30, 35))
    picture[spot] = 0.95
    picture[19, 30:35] = (0.76, 0.35, 0.35)  # a fifth of it: its soft edge
    expected = np.zeros((60, 60), bool)
    expected[19:24, 30:35] = True
    assert np.array_equal(find_dust(picture)[0], expected)


def test_what_is_no_dust():
    assert not find_dust(np.full((80, 80, 1), 0.4, np.float32))[0].any()
    edge, line = film(), film()
    edge[:, 160:] += 100
    line[100:104] = 240
    large = cv2.circle(film(), (160, 120), 14, 240, -1)
    for picture in (film(), edge, line, large, skimage.data.grass()):
        assert find_dust(as_floats(picture))[0].mean() < 0.002


def test_sensitivity_is_a_dial():
    damaged, _ = damage.dusty(skimage.data.coffee(), seed=1)
    share = [find_dust(as_floats(damaged), sensitivity=s)[0].mean() for s in (0, 0.25, 0.5, 0.75, 1)]
    assert share == sorted(share)
    assert share[0] < share[-1]


def test_small_pictures_and_threads():
    for shape in ((1, 1, 1), (3, 50, 3), (20, 20, 1)):
        found, confidence = find_dust(np.random.default_rng(0).random(shape, np.float32))
        assert found.shape == confidence.shape == shape[:2]
    image = as_floats(damage.dusty(skimage.data.coffee(), seed=2)[0])
    before = image.copy()
    results = []
    for count in (1, 2):
        with threads.limit(count):
            results.append(find_dust(image))
    assert np.array_equal(image, before)
    assert all(np.array_equal(one, other) for one, other in zip(*results, strict=True))


def test_the_dust_of_a_picture_is_of_one_colour():
    """Eight white spots tell what dust is here: one that is grey, or red, is less likely to be of it."""
    picture = np.full((120, 160, 3), 0.3, np.float32)
    for left in range(10, 90, 10):
        picture[20:24, left : left + 4] = 0.95
    picture[60:64, 40:44] = 0.5
    picture[60:64, 120:124] = (0.95, 0.5, 0.5)
    found, confidence = find_dust(picture)
    assert found[20:24, 10:14].all()
    assert found[20:24, 80:84].all()
    assert confidence[61, 41] < confidence[21, 11]
    assert confidence[61, 121] < confidence[21, 11]
