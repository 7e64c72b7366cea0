"""Dates in light are found where they are added to a picture, however they are turned; clean pictures have none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import threads
from inpaintkit.benchmarks.studies import _unseen, clean, film_dates
from inpaintkit.find import digits
from inpaintkit.find.stamp import find_stamp
from inpaintkit.find.stamp_light import Light

# Left, top, right and bottom of each segment in a digit 10 wide and 18 high.
BARS = ((1, 0, 9, 2), (8, 1, 10, 9), (8, 9, 10, 17), (1, 16, 9, 18), (0, 9, 2, 17), (0, 1, 2, 9), (1, 8, 9, 10))
LIT = {"0": (0, 1, 2, 3, 4, 5), "1": (1, 2), "2": (0, 1, 3, 4, 6), "5": (0, 2, 3, 5, 6), "7": (0, 1, 2)}
RED = (0.9, 0.05, 0.02)


def date(words="25 10 02", times=2):
    """Coverage of digits 18 times ``times`` px high, with a gap of six tenths of a digit between them."""
    canvas = np.zeros((18, 16 * len(words) - 6), np.float32)
    for index, letter in enumerate(words):
        for number in LIT.get(letter, ()):
            left, top, right, bottom = BARS[number]
            canvas[top:bottom, 16 * index + left : 16 * index + right] = 1
    return np.kron(canvas, np.ones((times, times), np.float32))


def lit(picture, ink, top, left, colour=RED, glow=2.0):
    """The picture with light added, and where the digits are."""
    cover = np.zeros(picture.shape[:2], np.float32)
    cover[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    light = cv2.GaussianBlur(cover, (0, 0), 1) + 0.3 * cv2.GaussianBlur(cover, (0, 0), glow)
    return np.minimum(picture + 0.6 * light[..., None] * np.array(colour, np.float32), 1), cover > 0


def noise(shape=(200, 400), seed=0):
    return np.random.default_rng(seed).normal(0.4, 0.06, (*shape, 3)).clip(0, 1).astype(np.float32)


def photograph(name="coffee"):
    return getattr(skimage.data, name)().astype(np.float32) / 255


def near(mask, reach=3):
    side = 2 * reach + 1
    return cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0


def recall(found, truth):
    return (truth & near(found)).sum() / truth.sum()


def precision(found, truth):
    return (found & near(truth)).sum() / found.sum()


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_light_on_noise_is_found_however_it_is_turned(turn):
    picture, truth = lit(noise(), date(), 80, 60)
    assert not find_stamp(noise())[0].any()
    picture, truth = (np.ascontiguousarray(np.rot90(each, turn)) for each in (picture, truth))
    labels = np.zeros(truth.shape, np.int32)
    found, confidence = find_stamp(picture, labels=labels)
    assert recall(found, truth) > 0.95
    assert precision(found, truth) > 0.9
    assert ((confidence > 0) == found).all()
    assert ((labels == 1) == found).all()


@pytest.mark.parametrize(("times", "colour"), [(1, RED), (2, (0.9, 0.4, 0)), (3, (0.3, 0.9, 0.1)), (4, (0.9, 0.7, 0))])
def test_light_on_a_photograph_is_found_at_any_height_and_in_any_colour(times, colour):
    ink = date(times=times)
    picture, truth = lit(photograph(), ink, 390 - ink.shape[0], 20, colour, glow=2 * times)
    found, _ = find_stamp(picture)
    assert recall(found, truth) > 0.9
    assert precision(found, truth) > 0.7


def test_digits_too_faint_to_be_seen_one_by_one_are_carried_by_their_row():
    picture, truth = lit(noise(), date() * 0.22, 80, 60)
    assert recall(find_stamp(picture)[0], truth) > 0.8
    alone, _ = lit(noise(), date("2") * 0.22, 80, 60)
    assert not find_stamp(alone)[0].any()


def test_opaque_digits_are_found():
    picture = photograph("chelsea")
    ink = date()
    box = picture[200 : 200 + ink.shape[0], 30 : 30 + ink.shape[1]]
    box += ink[..., None] * (np.array([1, 0.5, 0.1], np.float32) - box)
    truth = np.zeros(picture.shape[:2], np.bool_)
    truth[200 : 200 + ink.shape[0], 30 : 30 + ink.shape[1]] = ink > 0
    found, _ = find_stamp(picture)
    assert recall(found, truth) > 0.9
    assert precision(found, truth) > 0.9


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_clean_photographs_have_none(name):
    assert not find_stamp(photograph(name))[0].any()


@pytest.mark.parametrize("turn", [0, 1])
def test_a_line_longer_than_a_date_and_its_parts_are_none(turn):
    words = "25 10 02 25 10 02 25 10 02"
    picture, _ = lit(noise((200, 900)), date(words), 80, 40)
    assert not find_stamp(np.ascontiguousarray(np.rot90(picture, turn)))[0].any()
    shorter, truth = lit(noise((200, 900)), date("2002 10 25"), 80, 40)
    assert recall(find_stamp(np.ascontiguousarray(np.rot90(shorter, turn)))[0], np.rot90(truth, turn)) > 0.95


def test_a_row_of_lamps_is_none():
    picture = noise((200, 500)) * 0.5
    cover = np.zeros((200, 500), np.float32)
    for x in range(20, 500, 36):
        cv2.circle(cover, (x, 100), 8, 1, -1, cv2.LINE_AA)
    light = cv2.GaussianBlur(cover, (0, 0), 1) + 0.3 * cv2.GaussianBlur(cover, (0, 0), 6)
    assert not find_stamp(np.minimum(picture + light[..., None] * np.array(RED, np.float32), 1))[0].any()


def test_a_row_of_which_no_digit_can_be_read_is_none():
    fences = clean.patterns(1, {"posts": _unseen.DRAWN["posts"]}, 102)
    (_, fence), *_ = fences
    mask, _ = find_stamp(fence.astype(np.float32) / 255)  # one of its rows fits digits that hardly show
    assert not mask.any()


def test_grey_pictures_have_none():
    picture, _ = lit(noise(), date(), 80, 60)
    assert not find_stamp(picture.mean(axis=2, keepdims=True))[0].any()


def test_acting_asks_for_more_than_proposing():
    faint, truth = lit(noise(), date() * 0.15, 80, 60)
    assert recall(find_stamp(faint)[0], truth) > 0.5
    assert not find_stamp(faint, act=True)[0].any()
    assert not find_stamp(faint, sensitivity=0)[0].any()
    strong, truth = lit(noise(), date(), 80, 60)
    assert recall(find_stamp(strong, act=True)[0], truth) > 0.95


def test_result_does_not_depend_on_threads():
    picture, _ = lit(photograph(), date(), 350, 20)
    with threads.limit(1):
        one = find_stamp(picture)
    with threads.limit(4):
        four = find_stamp(picture)
    assert all((first == second).all() for first, second in zip(one, four, strict=True))


@pytest.mark.parametrize("seed", [1, 6, 18])
def test_drawn_dates_after_jpeg_are_found(seed):
    case = film_dates.dated(skimage.data.coffee(), size=32, seed=seed)
    found, _ = find_stamp(case.pixels.astype(np.float32) / 255)
    assert recall(found, case.digits) > 0.8
    assert precision(found & ~case.around, case.digits) > 0.7


def test_light_is_what_the_colours_across_it_do_not_predict():
    """Green and blue determine the red of the background, by a polynomial; the light is what is added to it."""
    rng = np.random.default_rng(0)
    green, blue = rng.random((2, 60, 80))
    red = 0.1 + 0.5 * green + 0.2 * blue * blue - 0.1 * green * blue
    added = np.zeros((60, 80))
    added[20:26, 30:50] = 0.3
    pixels = np.stack([red + added, green, blue], axis=2).astype(np.float32)
    excess, _ = Light.over(pixels, np.array([1.0, 0, 0])).split(pixels)
    np.testing.assert_allclose(excess, added, atol=2e-3)


def test_the_likeliest_digit_is_that_with_the_most_log_odds():
    """Each lit segment brings its stroke less 1.8, each unlit one 0.6 less its stroke."""
    rng = np.random.default_rng(1)
    upright, level = rng.uniform(0, 4, (2, 40, 50)).astype(np.float32)
    y, x = 20, 25
    seen = []
    for (down, right), (_, _, stands) in zip(digits.places(11, 0.19, 0), digits.SEGMENTS, strict=True):
        seen.append(float((upright if stands else level)[y + down, x + right]))
    known = [(0, 1, 2, 3, 4, 5), (1, 2), (0, 1, 3, 4, 6), (0, 1, 2, 3, 6), (1, 2, 5, 6), (0, 2, 3, 5, 6)]
    known += [(0, 2, 3, 4, 5, 6), (0, 1, 2), tuple(range(7)), (0, 1, 2, 3, 5, 6)]
    turned = [tuple({0: 3, 1: 4, 2: 5, 3: 0, 4: 1, 5: 2, 6: 6}[number] for number in digit) for digit in known]
    odds = max(
        sum(value - 1.8 if number in digit else 0.6 - value for number, value in enumerate(seen))
        for digit in known + turned
    )
    assert digits.likeliest(upright, level, 11)[y, x] == pytest.approx(max(odds, 0), abs=1e-4)
