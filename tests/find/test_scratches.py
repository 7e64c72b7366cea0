"""Scratches are found where they are drawn, as wide as they are; edges, grain and photographs are left alone."""

from __future__ import annotations

import itertools

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
    """The picture with one scratch along points X, Y, and every pixel of it."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    away = np.full(image.shape[:2], np.inf)
    for (x0, y0), (x1, y1) in itertools.pairwise(way):
        along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2)
        along = along.clip(0, 1)
        away = np.minimum(away, np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)))
    cover = (strength * np.clip((width / 2 - away) / edge + 0.5, 0, 1)).astype(np.float32)
    return image + cover[..., None] * (np.float32(to) - image), cover > 0


def as_floats(photo):
    image = photo.astype(np.float32) / 255
    return image[..., None] if image.ndim == 2 else image


def recall(found, truth):
    return (found & truth).sum() / truth.sum()


def precision(found, truth):
    return (found & (cv2.dilate(truth.astype(np.uint8), np.ones((5, 5))) > 0)).sum() / found.sum()


@pytest.mark.parametrize(("angle", "to"), [(0, 0.95), (20, 0.05), (45, 0.95), (75, 0.95), (90, 0.05), (130, 0.05)])
def test_straight_at_any_angle_on_grain(angle, to):
    x, y = 120 * np.cos(np.radians(angle)), 120 * np.sin(np.radians(angle))
    image, truth = scratched(film(), [(200 - x, 150 - y), (200 + x, 150 + y)], to=to)
    found, confidence = find_scratches(image)
    assert recall(found, truth) > 0.8
    assert precision(found, truth) > 0.8
    assert ((confidence > 0) == found).all()
    assert confidence.max() <= 1


@pytest.mark.parametrize("width", [1, 3, 7])
def test_as_wide_as_it_is(width):
    image, truth = scratched(film(), [(30, 60), (370, 200)], width=width)
    found, _ = find_scratches(image)
    assert recall(found, truth) > 0.8
    assert found.sum() < 1.5 * truth.sum()


def test_curved_and_broken():
    t = np.linspace(0, 1, 20)
    bow = np.stack([60 + 280 * t, 220 - 130 * np.sin(2 * t)], axis=1)
    image, truth = scratched(film(), bow)
    assert recall(find_scratches(image)[0], truth) > 0.8
    image, truth = film(), np.zeros((300, 400), bool)
    for start in range(40, 340, 30):
        image, piece = scratched(image, [(start, 60 + start / 2), (start + 21, 70.5 + start / 2)])
        truth |= piece
    assert recall(find_scratches(image)[0], truth) > 0.7


def test_colour_pictures_too():
    photo = skimage.data.chelsea()[:, :400]
    image, truth = scratched(as_floats(photo), [(20, 30), (380, 140)])
    found, _ = find_scratches(image)
    assert recall(found, truth) > 0.8


def test_the_repair_removes_most_of_it():
    photo = skimage.data.moon()[100:400, 100:400]
    damaged, _ = damage.scratched(photo, number=4, seed=21)
    repaired = inpaint(damaged, find_scratches(as_floats(damaged))[0], "telea").astype(float)
    assert np.square(repaired - photo).mean() < 0.25 * np.square(damaged.astype(float) - photo).mean()


def test_what_is_not_a_scratch():
    assert not find_scratches(np.full((200, 200, 3), 0.4, np.float32))[0].any()
    assert not find_scratches(film())[0].any()
    edge = film()
    edge[:, 200:] += 0.4
    assert not find_scratches(edge)[0].any()
    broad = film()
    broad[120:170] += 0.4
    assert not find_scratches(broad)[0].any()
    assert find_scratches(as_floats(skimage.data.gravel()[:300, :300]))[0].mean() < 0.005


def test_more_sensitivity_proposes_no_less():
    damaged, _ = damage.scratched(skimage.data.coffee()[:250, :300], seed=1)
    share = [find_scratches(as_floats(damaged), sensitivity=s)[0].mean() for s in (0, 0.5, 1)]
    assert share == sorted(share)
    assert share[0] < share[-1]


def test_small_pictures_and_threads():
    for shape in ((1, 1, 1), (3, 50, 3), (33, 20, 1)):
        found, confidence = find_scratches(np.random.default_rng(0).random(shape, np.float32))
        assert found.shape == confidence.shape == shape[:2]
    damaged, _ = damage.scratched(skimage.data.coffee()[:250, :300], seed=2)
    image = as_floats(damaged)
    before = image.copy()
    results = []
    for count in (1, 2):
        with threads.limit(count):
            results.append(find_scratches(image))
    assert np.array_equal(image, before)
    assert all(np.array_equal(one, other) for one, other in zip(*results, strict=True))


def test_what_a_scratch_is_and_a_wire_is_not():
    """The same line: grey and colour on the same background; alone, and as one of many that run beside it."""
    background = np.repeat(film(), 3, axis=2)
    way = [(20, 40), (380, 180)]
    white, truth = scratched(background, way, to=0.95)
    assert recall(find_scratches(white)[0], truth) > 0.8
    red, _ = scratched(background, way, to=np.array([0.95, 0.55, 0.55], np.float32))
    assert not find_scratches(red)[0].any()
    bars = film()
    for left in range(20, 400, 12):
        bars, _ = scratched(bars, [(left, 20), (left, 280)])
    assert not find_scratches(bars)[0].any()


def test_a_scratch_is_followed_through_a_crossing_to_its_end():
    image, first = scratched(film(), [(20, 150), (380, 150)], to=0.95)
    image, second = scratched(image, [(200, 20), (200, 280)], to=0.05)
    found, _ = find_scratches(image)
    assert recall(found, first | second) > 0.8
    assert recall(found[:, 20:40], first[:, 20:40]) > 0.5


def test_a_weak_line_counts_where_another_is_beyond_doubt():
    weak, truth = scratched(film(), [(300, 60), (352, 90)], strength=0.3)
    both, _ = scratched(weak, [(20, 200), (380, 270)])
    alone, beside = find_scratches(weak)[0], find_scratches(both)[0]
    assert recall(alone, truth) == 0
    assert recall(beside, truth) > 0.5
