"""Nearest-neighbour fields beside brute force, with every option."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from inpaintkit import threads
from inpaintkit.classic.patchmatch import nearest_neighbours


@pytest.fixture(scope="module")
def pictures():
    photo = skimage.data.astronaut().astype(np.float64)
    return photo[:72, 100:180], photo[40:130, 60:170]


def windows(picture: np.ndarray, side: int) -> np.ndarray:
    """Every patch as a row."""
    patches = np.lib.stride_tricks.sliding_window_view(picture, (side, side), (0, 1))
    return patches.reshape(-1, picture.shape[2] * side * side)


def brute(a: np.ndarray, b: np.ndarray, side: int) -> np.ndarray:
    """Mean squared difference, summed over channels, of every patch of a (rows) to every patch of b (columns)."""
    p, q = windows(a, side), windows(b, side)
    return ((p**2).sum(1)[:, None] + (q**2).sum(1)[None] - 2 * p @ q.T) / side**2


def inner(values: np.ndarray, side: int) -> np.ndarray:
    """What a field holds for the patches inside, one row each."""
    before, after = side // 2, (side - 1) // 2
    return values[before : values.shape[0] - after, before : values.shape[1] - after].reshape(-1, values.shape[2])


@pytest.mark.parametrize(("side", "iterations", "ratio"), [(7, 5, 1.1), (7, 12, 1.04), (4, 8, 1.15), (11, 8, 1.05)])
def test_distances_are_those_of_the_found_patches_and_near_the_least(pictures, side, iterations, ratio):
    a, b = pictures
    every = brute(a, b, side)
    field = nearest_neighbours(a, b, patch=side, iterations=iterations)
    row, column = inner(field.row, side)[:, 0] - side // 2, inner(field.column, side)[:, 0] - side // 2
    found = every[np.arange(len(every)), row * (b.shape[1] - side + 1) + column]
    distance = inner(field.distance, side)[:, 0]
    assert np.allclose(distance, found, rtol=1e-4, atol=0.01)
    assert distance.mean() < ratio * every.min(axis=1).mean()
    outside = np.ones(a.shape[:2], bool)
    outside[side // 2 : a.shape[0] - (side - 1) // 2, side // 2 : a.shape[1] - (side - 1) // 2] = False
    assert (field.row[outside] == -1).all()
    assert np.isinf(field.distance[outside]).all()
    assert not np.isinf(field.distance[~outside]).any()


def test_k_neighbours_are_different_in_order_and_near_the_least(pictures):
    a, b = pictures
    least = np.sort(brute(a, b, 7), axis=1)[:, :4]
    field = nearest_neighbours(a, b, k=4, iterations=8)
    distance = inner(field.distance, 7)
    assert (np.diff(distance, axis=1) >= 0).all()
    places = np.sort(inner(field.row, 7) * 1000 + inner(field.column, 7), axis=1)
    assert (np.diff(places, axis=1) > 0).all()
    assert (distance.mean(axis=0) < 1.03 * least.mean(axis=0)).all()


def test_patches_of_one_pixel_find_equal_pixels():
    a = np.arange(30).reshape(5, 6)
    field = nearest_neighbours(a, a[::-1], patch=1, iterations=30)
    assert np.array_equal(field.row[..., 0], np.tile(np.arange(5)[::-1, None], 6))
    assert (field.distance == 0).all()


def test_a_turned_a_mirrored_and_an_enlarged_picture_are_found(pictures):
    a, _ = pictures
    turned = nearest_neighbours(a, np.rot90(a), rotations=4, iterations=10)
    inside = np.s_[5:-5, 5:-5]
    assert turned.distance[inside].max() < 1e-3
    assert (turned.angle[inside] == 90).all()
    y, x = 20, 30  # np.rot90 brings (y, x) to (width - 1 - x, y)
    assert (turned.row[y, x, 0], turned.column[y, x, 0]) == (a.shape[1] - 1 - x, y)

    mirrored = nearest_neighbours(a, a[:, ::-1], mirror=True, iterations=10)
    assert mirrored.distance[inside].max() < 1e-3
    assert mirrored.mirrored[inside].all()
    assert (mirrored.column[20, 30, 0], mirrored.row[20, 30, 0]) == (a.shape[1] - 1 - 30, 20)

    y, x = np.mgrid[:60, :60]
    wave = 100 * np.sin(0.3 * x + 0.02 * y**1.5)
    finer = 100 * np.sin(0.15 * (xx := np.mgrid[:120, :120])[1] + 0.02 * (xx[0] / 2) ** 1.5)
    scaled = nearest_neighbours(wave, finer, scales=(2.0,), iterations=12)
    plain = nearest_neighbours(wave, finer, iterations=12)
    assert (scaled.scale[inside] == 2).mean() > 0.9
    assert scaled.distance[inside].mean() < 0.05 * plain.distance[inside].mean()


def test_unknown_pixels_do_not_count(pictures):
    a, b = pictures
    rng = np.random.default_rng(1)
    known_a, known_b = rng.random(a.shape[:2]) < 0.8, rng.random(b.shape[:2]) < 0.8
    field = nearest_neighbours(a, b, known_a=known_a, known_b=known_b)
    garbage_a, garbage_b = a.copy(), b.copy()
    garbage_a[~known_a], garbage_b[~known_b] = np.nan, 1e9
    again = nearest_neighbours(garbage_a, garbage_b, known_a=known_a, known_b=known_b)
    assert np.array_equal(field.row, again.row)
    assert np.array_equal(field.distance, again.distance)
    y, x = 30, 40
    r, c = field.row[y, x, 0], field.column[y, x, 0]
    here, there = np.s_[y - 3 : y + 4, x - 3 : x + 4], np.s_[r - 3 : r + 4, c - 3 : c + 4]
    both = known_a[here] & known_b[there]
    assert field.distance[y, x, 0] == pytest.approx(((a[here] - b[there])[both] ** 2).sum() / both.sum(), rel=1e-4)
    nothing = nearest_neighbours(a, b, known_b=np.zeros_like(known_b))
    assert (nothing.row == -1).all()


def test_the_field_does_not_depend_on_threads_but_on_the_seed(pictures):
    photo = skimage.data.astronaut()[:200, :200]  # many tiles
    fields = []
    for count, seed in ((1, 0), (2, 0), (3, 0), (2, 1)):
        with threads.limit(count):
            fields.append(nearest_neighbours(photo, photo[::-1], iterations=2, k=2, rotations=3, seed=seed))
    for other in fields[1:3]:
        assert np.array_equal(fields[0].row, other.row)
        assert np.array_equal(fields[0].angle, other.angle)
        assert np.array_equal(fields[0].distance, other.distance)
    assert not np.array_equal(fields[0].row, fields[3].row)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch": 0}, "patch is 0: expected 1 or more"),
        ({"k": 0}, "k is 0"),
        ({"iterations": 0}, "iterations is 0"),
        ({"rotations": 0}, "rotations is 0"),
        ({"scales": (0.5, -1)}, "expected numbers above 0"),
        ({"rotations": 200, "mirror": True}, "400 poses: at most 256"),
        ({"patch": 80}, "a is 72 x 80: smaller than a patch of 80 x 80"),
        ({"known_a": np.ones((3, 3), bool)}, r"known_a is \(3, 3\), a is \(72, 80\)"),
    ],
)
def test_what_cannot_be_is_refused(pictures, options, message):
    with pytest.raises(ValueError, match=message):
        nearest_neighbours(*pictures, **options)
    with pytest.raises(ValueError, match="3 channels and b 1"):
        nearest_neighbours(pictures[0], pictures[1][..., 0])
