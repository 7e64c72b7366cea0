"""Scratches are found where they are drawn, as wide as they are; edges, grain and photographs are left alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import inpaint, threads
from inpaintkit.benchmarks.studies import damage
from inpaintkit.find.scratches import find_scratches


def film(shape=(300, 400), grain=0.03, seed=0):
    """Grain on a soft gradient."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), 0.6)
    return (np.linspace(0.35, 0.55, shape[1]) + grain * noise / noise.std())[..., None].astype(np.float32)


def scratched(image, way, *, width=2.5, edge=1.5, to=0.95, strength=0.8):
    """The picture with one scratch, and every pixel of it."""
    way = np.array(way, float)
    steps = np.linspace(0, len(way) - 1, 4000)
    fine = np.stack([np.interp(steps, np.arange(len(way)), way[:, axis]) for axis in (0, 1)], axis=1)
    cover = damage.ridge(image.shape[:2], fine, np.full(4000, strength), width, edge)
    return image + cover[..., None] * (np.float32(to) - image), cover > 0


def as_floats(photo):
    image = photo.astype(np.float32) / 255
    return image[..., None] if image.ndim == 2 else image


def recall(found, truth):
    return (found & truth).sum() / truth.sum()


def precision(found, truth):
    return (found & (cv2.dilate(truth.astype(np.uint8), np.ones((5, 5))) > 0)).sum() / found.sum()


@pytest.mark.parametrize("angle", range(0, 180, 18))
@pytest.mark.parametrize("to", [0.95, 0.05])
def test_straight_at_any_angle_on_grain(angle, to):
    x, y = 120 * np.cos(np.radians(angle)), 120 * np.sin(np.radians(angle))
    image, truth = scratched(film(), [(200 - x, 150 - y), (200 + x, 150 + y)], to=to)
    found, confidence = find_scratches(image)
    assert recall(found, truth) > 0.9
    assert precision(found, truth) > 0.95
    assert ((confidence > 0) == found).all()
    assert confidence.max() <= 1


@pytest.mark.parametrize("width", [1, 2, 3, 5, 7])
def test_as_wide_as_it_is(width):
    image, truth = scratched(film(), [(30, 60), (370, 200)], width=width)
    found, _ = find_scratches(image)
    assert recall(found, truth) > 0.85
    assert found.sum() < 1.35 * truth.sum()


def test_curved_and_broken():
    t = np.linspace(0, 1, 60)
    bow = np.stack([60 + 280 * t, 220 - 130 * np.sin(2 * t)], axis=1)
    image, truth = scratched(film(), bow)
    assert recall(find_scratches(image)[0], truth) > 0.9
    image, truth = film(), np.zeros((300, 400), bool)
    for start in range(40, 340, 30):
        image, piece = scratched(image, [(start, 60 + start / 2), (start + 21, 70.5 + start / 2)])
        truth |= piece
    assert recall(find_scratches(image)[0], truth) > 0.8


def test_colour_pictures_too():
    photo = skimage.data.chelsea()[:, :400]
    image, truth = scratched(as_floats(photo), [(20, 30), (380, 140)])
    found, _ = find_scratches(image)
    assert recall(found, truth) > 0.85


@pytest.mark.parametrize("seed", range(3))
def test_the_repair_removes_nearly_all_of_it(seed):
    photo = skimage.data.moon()
    damaged, _ = damage.scratched(photo, seed=seed)
    found, _ = find_scratches(as_floats(damaged))
    repaired = inpaint(damaged, found)
    assert np.square(repaired.astype(float) - photo).mean() < 0.03 * np.square(damaged.astype(float) - photo).mean()


def test_what_is_no_scratch():
    assert not find_scratches(np.full((200, 200, 3), 0.4, np.float32))[0].any()
    assert not find_scratches(film())[0].any()
    edge = film()
    edge[:, 200:] += 0.4
    assert not find_scratches(edge)[0].any()
    broad = film()
    broad[120:170] += 0.4
    assert not find_scratches(broad)[0].any()
    assert find_scratches(as_floats(skimage.data.gravel()))[0].mean() < 0.001


def test_sensitivity_is_a_dial():
    damaged, _ = damage.scratched(skimage.data.coffee(), seed=1)
    share = [find_scratches(as_floats(damaged), sensitivity=s)[0].mean() for s in (0, 0.25, 0.5, 0.75, 1)]
    assert share == sorted(share)
    assert share[0] < share[-1]


def test_small_pictures_and_threads():
    for shape in ((1, 1, 1), (3, 50, 3), (33, 20, 1)):
        found, confidence = find_scratches(np.random.default_rng(0).random(shape, np.float32))
        assert found.shape == confidence.shape == shape[:2]
    damaged, _ = damage.scratched(skimage.data.coffee(), seed=2)
    image = as_floats(damaged)
    before = image.copy()
    results = []
    for count in (1, 2):
        with threads.limit(count):
            results.append(find_scratches(image))
    assert np.array_equal(image, before)
    assert all(np.array_equal(one, other) for one, other in zip(*results, strict=True))


def test_what_a_scratch_is_and_a_wire_is_not():
    """The same line: grey and colour on the same ground; alone, and as one of many that run beside it."""
    ground = np.repeat(film(), 3, axis=2)
    way = [(20, 40), (380, 180)]
    white, truth = scratched(ground, way, to=0.95)
    assert recall(find_scratches(white)[0], truth) > 0.9
    red, _ = scratched(ground, way, to=np.array([0.95, 0.55, 0.55], np.float32))
    assert not find_scratches(red)[0].any()
    bars = film()
    for left in range(20, 400, 12):
        bars, _ = scratched(bars, [(left, 20), (left, 280)])
    assert not find_scratches(bars)[0].any()


def test_a_scratch_is_followed_through_a_crossing_to_its_end():
    image, first = scratched(film(), [(20, 150), (380, 150)], to=0.95)
    image, second = scratched(image, [(200, 20), (200, 280)], to=0.05)
    found, _ = find_scratches(image)
    assert recall(found, first | second) > 0.95
    assert recall(found[:, 20:40], first[:, 20:40]) > 0.8


def test_a_weak_line_counts_where_another_is_beyond_doubt():
    weak, truth = scratched(film(), [(300, 60), (352, 90)], strength=0.3)
    both, _ = scratched(weak, [(20, 200), (380, 270)])
    alone, beside = find_scratches(weak)[0], find_scratches(both)[0]
    assert recall(alone, truth) == 0
    assert recall(beside, truth) > 0.8
