"""Hairs and dirt: what is measured on a candidate, that threads are found whole, and that a clean picture has none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import find_mask, threads
from inpaintkit.find import flecks
from inpaintkit.find.dust import find_dust


def hairs(picture: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A photograph with eight white threads on it, and where they lie."""
    rng = np.random.default_rng(seed)
    cover = np.zeros(picture.shape[:2], np.uint8)
    turn = np.linspace(0, 2.2, 24)
    for _ in range(8):
        radius, start = rng.uniform(18, 40), rng.uniform(0, 6)
        middle = rng.uniform(30, 0.9 * np.array(picture.shape[1::-1]))
        points = middle + radius * np.stack([np.cos(start + turn), np.sin(start + turn)], axis=1)
        cv2.polylines(cover, [np.rint(points).astype(np.int32)], False, 255, 4, cv2.LINE_AA)
    share = cv2.GaussianBlur(cover, (0, 0), 0.7)[..., None] / 255 * 0.8
    return np.rint(picture * (1 - share) + 245 * share).astype(np.uint8), cover > 127


def test_a_strip_is_measured():
    picture = np.full((120, 160), 0.2, np.float32)
    picture[20:24, 10:40] = 0.6
    found = flecks.candidates(picture, 1 - picture)
    assert len(found.boxes) == 2 * 5  # by each disc, at each level
    assert (found.boxes == (10, 20, 30, 4)).all()
    measured = {name: values[0] for name, values in flecks.features(found).items()}
    area, width = 120, 4
    assert np.exp(measured["area"]) == pytest.approx(area)
    assert np.exp(measured["width"]) == pytest.approx(width, rel=0.05)
    assert np.exp(measured["length"]) == pytest.approx(area / width**2, rel=0.1)
    assert np.exp(measured["contrast"]) == pytest.approx(0.4)
    assert measured["cover"] == pytest.approx(0.4 / (flecks.WHITE - 0.2))
    assert measured["sharp"] == pytest.approx(1)
    for name in ("varied", "uneven", "rivals", "tint", "brighter"):
        assert measured[name] == pytest.approx(0, abs=1e-3)
    assert found.pixels(0)[1].sum() == area


def test_what_is_beside_a_strip_is_a_rival():
    picture = np.full((120, 160), 0.2, np.float32)
    picture[20:24, 10:40] = picture[27:29, 10:40] = 0.6
    measured = flecks.features(flecks.candidates(picture, 1 - picture))
    # The ring of the upper strip is 2 px wide around 36 x 10, and two of its 40 x 2 below lie on the lower strip.
    assert 0.1 < max(measured["rivals"]) < 0.4
    assert max(measured["varied"]) > 0.3


@pytest.mark.parametrize("dark", [False, True])
def test_hairs_are_found_whole_and_a_photograph_without_them_has_none(dark):
    photo = skimage.data.chelsea()[:, :400]
    photo = 255 - photo if dark else photo
    damaged, truth = hairs(255 - photo if dark else photo, 4)
    damaged = 255 - damaged if dark else damaged
    found = find_mask(damaged, "dust")
    assert np.count_nonzero(found & truth) > 0.9 * np.count_nonzero(truth)
    assert np.count_nonzero(found & (cv2.dilate(truth.astype(np.uint8), np.ones((7, 7))) > 0)) > 0.65 * found.sum()
    assert find_mask(photo, "dust").mean() < 0.012


def test_acting_needs_better_odds_and_threads_change_nothing():
    damaged, _ = hairs(skimage.data.chelsea()[:, :400], 4)
    image = damaged.astype(np.float32) / 255
    with threads.limit(1):
        proposed, acted = (find_dust(image, act=act)[1] for act in (False, True))
    with threads.limit(2):
        np.testing.assert_array_equal(proposed, find_dust(image)[1])
    assert 0 < np.count_nonzero(acted) <= np.count_nonzero(proposed)
    assert acted[acted > 0].min() > 0.88  # log-odds of 2
    assert proposed[proposed > 0].min() > 0.5


def test_a_large_picture_is_searched_at_half_its_size_or_less():
    damaged, truth = hairs(skimage.data.chelsea()[:, :400], 4)
    large = damaged.repeat(4, axis=0).repeat(4, axis=1).astype(np.float32) / 255
    found = flecks.flecks_in(large, 0.5) > 0
    assert found.shape == large.shape[:2]
    assert found[2::4, 2::4][truth].mean() > 0.7


@pytest.mark.parametrize("pitch", [10, 14, 18])
def test_stripes_all_over_a_picture_are_no_hairs(pitch):
    y, x = np.mgrid[:200, :300]
    picture = np.where(np.sin(2 * np.pi * (x + 25 * np.sin(y / 30)) / pitch) > 0, 0.85, 0.15)
    picture[:30] = picture[-30:] = picture[:, :30] = picture[:, -30:] = 0.5
    picture += np.random.default_rng(3).normal(0, 0.02, picture.shape)
    image = np.clip(picture, 0, 1)[..., None].astype(np.float32)
    assert np.count_nonzero(flecks.flecks_in(image, 0.5)) < 0.01 * picture.size


def test_what_the_border_cuts_needs_better_odds():
    whole = np.full((200, 260), 0.3, np.float32)
    cv2.line(whole, (20, 60), (70, 90), 0.9, 4, cv2.LINE_AA)
    cut = whole[:, 40:]
    scored = [flecks.odds(flecks.candidates(each, 1 - each), each.shape) for each in (whole, np.ascontiguousarray(cut))]
    assert scored[0].max() - scored[1].max() > 1
