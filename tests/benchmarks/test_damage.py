"""Drawn damage: the truth is what changed, a seed says everything, soft edges are as wide as they should be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import skimage.data

from inpaintkit.benchmarks.studies import damage

DRAWN = {
    "caption": lambda photo, seed: damage.caption(photo, size=20, seed=seed)[:2],
    "date stamp": lambda photo, seed: damage.date_stamp(photo, size=20, seed=seed),
    "scratches": lambda photo, seed: damage.scratched(photo, number=4, seed=seed),
    "dust": lambda photo, seed: damage.dusty(photo, number=20, seed=seed),
}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("photo", [skimage.data.chelsea()[:160, :240], skimage.data.camera()[:160, :240]])
def test_the_truth_is_what_changed(name, photo):
    before = photo.copy()
    damaged, truth = DRAWN[name](photo, 3)
    assert np.array_equal(photo, before)
    assert damaged.dtype == np.uint8
    assert damaged.shape == photo.shape
    assert np.array_equal(truth, (damaged != photo).reshape(160, 240, -1).any(axis=2))
    assert 20 < truth.sum() < truth.size / 2
    again, _ = DRAWN[name](photo, 3)
    other, _ = DRAWN[name](photo, 4)
    assert np.array_equal(damaged, again)
    assert not np.array_equal(damaged, other)


@pytest.mark.parametrize("name", DRAWN)
def test_any_size_of_photograph_will_do(name):
    for shape in ((1, 1), (8, 300), (40, 9, 3)):
        damaged, truth = DRAWN[name](np.full(shape, 90, np.uint8), 0)
        assert damaged.shape == shape
        assert truth.shape == shape[:2]


@pytest.mark.parametrize("name", DRAWN)
def test_a_photograph_of_another_kind_is_refused(name):
    for photo in (np.zeros((20, 20, 3)), np.zeros((20, 20, 4), np.uint8)):
        with pytest.raises(ValueError, match="expected uint8"):
            DRAWN[name](photo, 0)


def test_every_font_draws_words_about_as_high_as_asked():
    assert {"opencv simplex", "opencv sans", "pillow"} <= set(damage.fonts())
    for name, ink in damage.fonts().items():
        for size in (8, 20, 200):
            cover = ink("Hand", size)
            assert cover.max() > 0.6, name
            assert 0.5 * size < cover.shape[0] < 1.1 * size, (name, size)


def test_a_style_is_what_it_says():
    photo = np.full((80, 400, 3), 100, np.uint8)
    style = damage.Style(40, "pillow", (255, 0, 0))
    plain, words, used = damage.caption(photo, style=style, lines=1, seed=2)
    assert used == style
    assert (plain == (255, 0, 0)).all(axis=2).sum() > 0.5 * words.sum()
    faint, _, _ = damage.caption(photo, style=dataclasses.replace(style, opacity=0.9), lines=1, seed=2)
    assert faint[words].reshape(-1, 3)[:, 0].max() == round(100 + 0.9 * 155)
    for more in ({"outline": 3}, {"shadow": 3}, {"shadow": 3, "blur": 1.0}):
        _, larger, _ = damage.caption(photo, style=dataclasses.replace(style, **more), lines=1, seed=2)
        assert (larger >= words).all()
        assert larger.sum() > 1.1 * words.sum()


def test_a_font_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="font is 'gothic': choose one of opencv simplex"):
        damage.caption(np.zeros((9, 9), np.uint8), style=damage.Style(8, "gothic", (0, 0, 0)))


def test_a_drawn_colour_can_be_read():
    photo = skimage.data.coffee()
    for seed in range(5):
        _, _, style = damage.caption(photo, size=24, seed=seed)
        plain = dataclasses.replace(style, outline=0, shadow=0, opacity=1.0)
        damaged, truth, _ = damage.caption(photo, style=plain, seed=seed)
        ink = truth & (damaged == style.colour).all(axis=2)
        assert np.percentile(np.abs(photo[ink].astype(int) - style.colour).max(axis=1), 30) >= 64


def test_a_scratchs_profile_by_hand():
    way = np.stack([np.arange(0, 20, 0.25), np.full(80, 5.0)], axis=1)
    cover = damage.ridge((11, 20), way, np.ones(80), width=4, edge=2)
    # Half coverage 2 px from the middle, nothing from 3 px on.
    assert cover[:, 10].tolist() == [0, 0, 0, 0.5, 1, 1, 1, 0.5, 0, 0, 0]


def test_a_word_looks_the_same_whatever_was_drawn_before():
    fonts = {name: draw for name, draw in damage.fonts().items() if name.startswith("opencv")}
    words, sizes = ("Quebec zebra", "journey 2024", "Kyoto", "1950"), (8, 12, 16, 24, 36, 60, 100, 200)
    rng, seen = np.random.default_rng(1), {}
    for _ in range(1000):
        case = str(rng.choice(list(fonts))), str(rng.choice(words)), int(rng.choice(sizes))
        cover = fonts[case[0]](*case[1:])
        assert np.array_equal(seen.setdefault(case, cover), cover), case
