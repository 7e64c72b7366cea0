"""What letters cover beside themselves: bars whose outline, shadow and edge are known pixel by pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inpaintkit.box import Box
from inpaintkit.find.text_cover import holes
from inpaintkit.find.text_style import Letters

GREY, YELLOW = 150, (255, 232, 60)
BARS = [(40, left, 70, left + 8) for left in range(40, 240, 24)]  # letters 30 px high


def bars() -> np.ndarray:
    core = np.zeros((120, 280), np.bool_)
    for top, left, bottom, right in BARS:
        core[top:bottom, left:right] = True
    return core


def line(core: np.ndarray, colour=YELLOW) -> Letters:
    rows, columns = np.nonzero(core)
    box = Box.from_edges(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    return Letters(Box.of_shape(core.shape), box, core, np.array(colour, np.float64), float(box.bottom - box.top))


def background(noise: float = 0.0) -> np.ndarray:
    return np.clip(np.random.default_rng(0).normal(GREY, noise, (120, 280, 1)).repeat(3, axis=2), 0, 255).astype(
        np.uint8
    )


def disc(mask: np.ndarray, radius: float) -> np.ndarray:
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return away <= radius


def shifted(mask: np.ndarray, down: int, right: int) -> np.ndarray:
    return np.roll(mask, (down, right), (0, 1))


@pytest.mark.parametrize("noise", [0, 12])
@pytest.mark.parametrize("radius", [1, 3])
def test_an_outline_is_covered_to_its_last_pixel(radius, noise):
    core = bars()
    outline = disc(core, radius)
    picture = background(noise)
    picture[outline] = (0, 0, 0)
    picture[core] = YELLOW
    (hole,) = holes(picture, [line(core)])
    assert not (outline & ~hole).any()
    assert not (hole & ~disc(outline, 1.5)).any()  # and no more than an edge beyond


@pytest.mark.parametrize("way", [(3, 4), (-4, 2), (0, 5)])
def test_a_shadow_is_covered_wherever_it_falls(way):
    core = bars()
    shadow = shifted(core, *way)
    picture = background(8)
    picture[shadow] = (0, 0, 0)
    picture[core] = YELLOW
    (hole,) = holes(picture, [line(core)])
    assert not ((core | shadow) & ~hole).any()
    assert not (hole & ~disc(core | shadow, 2)).any()


def test_a_shadow_that_a_black_background_hides_in_one_place_is_known_from_the_rest():
    core = bars()
    shadow = shifted(core, 4, 4)
    picture = background()
    picture[:, 200:] = 0
    picture[shadow] = (0, 0, 0)
    picture[core] = YELLOW
    (hole,) = holes(picture, [line(core)])
    assert not (shadow & ~hole).any()


def test_beside_a_pixel_that_a_letter_covers_in_part_there_is_nothing_of_it():
    core = bars()
    picture = background(10)
    picture[core] = YELLOW
    rights = np.zeros_like(core)
    for top, _, bottom, right in BARS:
        rights[top:bottom, right - 1] = True
    half = (np.array(YELLOW) * 0.5 + GREY * 0.5).astype(np.uint8)
    picture[rights] = half
    (hole,) = holes(picture, [line(core)])
    beyond, before = shifted(rights, 0, 1), shifted(core & ~shifted(core, 0, 1), 0, -1)
    assert (hole & beyond).sum() < 0.2 * beyond.sum()  # but where the noise looks like the letter
    assert (hole & before).sum() == before.sum()  # the left column is full: the next one may be covered in part


def test_texture_beside_letters_is_no_outline():
    core = bars()
    picture = background(45)
    picture[core] = YELLOW
    (hole,) = holes(picture, [line(core)])
    assert not (hole & ~disc(core, 1.5)).any()


def test_a_shadow_taken_for_letters_of_their_own_adds_nothing():
    core = bars()
    shadow = shifted(core, 4, 4) & ~core
    picture = background(6)
    picture[shadow] = (10, 10, 10)
    picture[core] = YELLOW
    both = holes(picture, [line(shadow, (10, 10, 10)), line(core)])
    assert not (shadow & ~(both[0] | both[1])).any()
    assert not ((both[0] | both[1]) & ~disc(core | shadow, 2)).any()


def test_grey_pictures_have_outlines_as_well():
    core = bars()
    outline = disc(core, 2)
    picture = background(8)[..., :1].copy()
    picture[outline] = 0
    picture[core] = 240
    (hole,) = holes(picture, [line(core, (240,))])
    assert not (outline & ~hole).any()
    assert not (hole & ~disc(outline, 1.5)).any()


def test_no_letters_no_holes():
    assert holes(background(), []) == []
