"""Dust is found where it is drawn; grain, edges, lines and texture are left alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import threads
from inpaintkit.benchmarks.studies import damage
from inpaintkit.find.dust import find_dust


def film(shape=(240, 320)):
    """Grain, standard deviation 8 of 255, on grey."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, shape), (0, 0), 0.6)
    return np.clip(np.rint(110 + 8 * noise / noise.std()), 0, 255).astype(np.uint8)


def as_floats(photo):
    image = photo.astype(np.float32) / 255
    return image[..., None] if image.ndim == 2 else image


@pytest.mark.parametrize("seed", [30, 31])
def test_spots_on_grain(seed):
    damaged, truth = damage.dusty(film(), number=25, seed=seed)
    found, confidence = find_dust(as_floats(damaged))
    strong = cv2.absdiff(damaged, film()) > 30
    assert (found & strong).sum() > 0.6 * strong.sum()
    near = cv2.dilate(truth.astype(np.uint8), np.ones((5, 5))) > 0
    assert (found & near).sum() > 0.8 * found.sum()
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


def test_what_is_not_dust():
    assert not find_dust(np.full((80, 80, 1), 0.4, np.float32))[0].any()
    edge, line = film(), film()
    edge[:, 160:] += 100
    line[100:104] = 240
    large = cv2.circle(film(), (160, 120), 14, 240, -1)
    for picture in (film(), edge, line, large, skimage.data.grass()[:250, :250]):
        assert find_dust(as_floats(picture))[0].mean() < 0.005


def test_more_sensitivity_proposes_no_less():
    damaged, _ = damage.dusty(skimage.data.coffee()[:250, :300], seed=1)
    share = [find_dust(as_floats(damaged), sensitivity=s)[0].mean() for s in (0, 0.5, 1)]
    assert share == sorted(share)
    assert share[0] < share[-1]


def test_small_pictures_and_threads():
    for shape in ((1, 1, 1), (3, 50, 3), (20, 20, 1)):
        found, confidence = find_dust(np.random.default_rng(0).random(shape, np.float32))
        assert found.shape == confidence.shape == shape[:2]
    image = as_floats(damage.dusty(skimage.data.coffee()[:250, :300], seed=2)[0])
    before = image.copy()
    results = []
    for count in (1, 2):
        with threads.limit(count):
            results.append(find_dust(image))
    assert np.array_equal(image, before)
    assert all(np.array_equal(one, other) for one, other in zip(*results, strict=True))


def test_the_dust_of_a_picture_has_one_colour():
    """Eight white spots show what dust is like here: a grey one and a red one are less likely to be dust."""
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


def test_a_spot_on_an_edge_and_one_among_stripes():
    """Neither stands alone, but from either side each covers most of the way to white, 0.9 at all of its pixels."""
    picture = np.full((160, 200, 1), 0.2, np.float32)
    picture[:, 100:] = 0.6
    picture[60:100, 20:60:8] = picture[60:100, 21:60:8] = 0.35
    truth = np.zeros((160, 200), bool)
    spots = [(20, 98), (78, 38), *((130, 10 + 20 * k) for k in range(9))]
    for y, x in spots:
        cv2.circle(canvas := np.zeros(truth.shape, np.uint8), (x, y), 3, 1, -1)
        truth |= canvas > 0
    picture[truth] = 0.1 * picture[truth] + 0.9 * 0.95
    found, _ = find_dust(picture)
    for y, x in spots:
        assert found[y - 3 : y + 4, x - 3 : x + 4][truth[y - 3 : y + 4, x - 3 : x + 4]].all()
    assert not found[60:90, 60:].any()  # the edge itself


@pytest.mark.parametrize(("level", "kind"), [(0, "black"), (255, "white")])
def test_dust_may_be_quite_black_or_white(level, kind):
    photo = film()
    for k in range(12):
        cv2.circle(photo, (20 + 25 * k, 120), 2, level, -1, cv2.LINE_AA)
    found, _ = find_dust(as_floats(photo))
    assert found[120, 20:320:25].mean() > 0.8, kind
    assert found.mean() < 0.02


def test_bright_spots_beside_dark_dust_belong_to_the_picture():
    picture = np.full((120, 200, 1), 0.5, np.float32)
    picture[20:24, 100:104] = 0.95
    alone, before = find_dust(picture)
    for left in range(10, 190, 15):
        picture[80:84, left : left + 4] = 0.1
    found, confidence = find_dust(picture)
    assert alone[20:24, 100:104].all()
    assert found[80:84, 10:14].all()
    assert confidence[21, 101] < min(before[21, 101], confidence[81, 11])
