"""Text is found where it is drawn, in any size and style; nothing where nothing was written."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import find_mask, threads
from inpaintkit.benchmarks.studies import clean, damage
from inpaintkit.box import Box
from inpaintkit.find.lines import Line
from inpaintkit.find.text import FoundLine, chosen, find_text
from inpaintkit.masks import grow

YELLOW, RED, BLACK = (255, 232, 60), (230, 30, 30), (0, 0, 0)


def captioned(style: damage.Style, photo: np.ndarray | None = None, seed: int = 1):
    photo = skimage.data.chelsea()[:240, :380] if photo is None else photo
    return damage.caption(photo, lines=2, style=style, seed=seed)[:2]


def measured(mask: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Recall of every changed pixel, and precision with a tolerance of 2 px."""
    return np.count_nonzero(mask & truth) / truth.sum(), np.count_nonzero(mask & grow(truth, 2)) / max(1, mask.sum())


@pytest.mark.parametrize("size", [12, 24, 60, 100])
def test_captions_of_every_size(size):
    damaged, truth = captioned(damage.Style(size, "pillow", YELLOW), seed=31)
    recall, precision = measured(find_mask(damaged), truth)
    assert recall > 0.8
    assert precision > 0.8


@pytest.mark.parametrize(
    "look",
    [
        {"colour": RED},
        {"colour": BLACK},
        {"colour": (30, 200, 60), "opacity": 0.85},
        {"colour": (255, 255, 255), "outline": 2},
        {"colour": YELLOW, "shadow": 2},
        {"colour": YELLOW, "outline": 2, "shadow": 2, "blur": 0.8},
        {"colour": (230, 230, 230), "font": "opencv simplex"},
    ],
)
def test_any_hue_with_outline_shadow_and_less_than_full_opacity(look):
    style = damage.Style(32, **{"font": "pillow", **look})
    damaged, truth = captioned(style, seed=32)
    recall, precision = measured(find_mask(damaged), truth)
    assert recall > 0.8
    assert precision > 0.8


def test_an_outline_and_a_shadow_belong_to_the_hole():
    flat = np.full((120, 400, 3), 120, np.uint8)
    damaged, truth = captioned(damage.Style(40, "pillow", YELLOW, outline=3, shadow=3), flat)
    mask = find_mask(damaged)
    assert np.count_nonzero(truth & ~mask) < 0.02 * truth.sum()  # on a uniform background nearly all can be seen
    assert np.count_nonzero(mask & ~grow(truth, 1)) < 0.1 * truth.sum()


def test_grey_pictures_and_a_date_stamp():
    damaged, truth = captioned(damage.Style(28, "pillow", (255, 255, 255)), skimage.data.coins())
    assert measured(find_mask(damaged), truth)[0] > 0.8
    damaged, truth = damage.date_stamp(skimage.data.rocket()[100:, 200:], size=28, seed=1)
    recall, precision = measured(find_mask(damaged), truth)
    assert recall > 0.3  # the faint end of the glow stays
    assert precision > 0.5


def test_photographs_without_text_are_left_alone():
    for photo in (skimage.data.chelsea(), skimage.data.coins(), skimage.data.moon()[:300, :300]):
        assert find_mask(photo).mean() < 0.02


def test_letters_on_a_uniform_background_keep_one_ring_and_no_more():
    flat = np.full((60, 220, 3), 90, np.uint8)
    ink = np.zeros((60, 220), np.uint8)
    cv2.putText(ink, "EFHILT", (10, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 255, 4)
    flat[ink > 0] = (250, 240, 40)
    mask, confidence = find_text(flat.astype(np.float32) / 255)
    assert np.array_equal(mask, grow(ink > 0, 1))
    assert np.array_equal(confidence > 0, mask)
    assert confidence.max() <= 1


def test_the_same_on_any_number_of_threads():
    damaged, _ = captioned(damage.Style(24, "pillow", RED))
    masks = []
    for count in (1, 3):
        with threads.limit(count):
            masks.append(find_mask(damaged))
    assert np.array_equal(*masks)


def test_the_overlaid_page(data):
    photo = cv2.cvtColor(cv2.imread(str(data("text_overlay/new.png"))), cv2.COLOR_BGR2RGB)
    drawn = cv2.imread(str(data("text_overlay/new_mask.png")), cv2.IMREAD_GRAYSCALE) > 127
    mask = find_mask(photo)
    assert np.count_nonzero(mask & drawn) > 0.9 * drawn.sum()
    grown = grow(drawn, 1)
    assert np.count_nonzero(mask & grown) > 0.8 * np.count_nonzero(mask | grown)


@pytest.mark.parametrize(
    ("top", "colour", "score", "kept"),
    [
        (150, 30, 3.5, False),  # doubtful, of another colour, far away
        (150, 240, 3.5, True),  # of the same style as the caption
        (45, 30, 3.5, True),  # touches it: its shadow, perhaps
        (150, 30, 6.0, True),  # beyond doubt by itself
    ],
)
def test_beside_a_certain_caption_a_doubtful_line_must_be_related_to_it(top, colour, score, kept):
    def found(top, colour, score):
        box = Box(20, top, 100, 20)
        line = Line(np.arange(5), box, 20.0, np.full(3, float(colour)), 100.0, {}, score)
        return FoundLine(line, box, np.ones((20, 100), bool))

    pixels = np.full((200, 150, 3), 128, np.uint8)
    lines = [found(top, colour, score), found(20, 240, 30.0)]
    assert [line.score for line in chosen(pixels, lines, needed=2.9)] == [30.0] + [score] * kept
    assert len(chosen(pixels, lines[:1], needed=2.9)) == 1  # where it is the only one, it stays


@pytest.mark.parametrize("name", ["slats", "books", "zebra", "windows"])
def test_what_is_alike_at_like_distances_is_no_text(name):
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        drawn = clean._photographed(clean.DRAWN[name](rng), rng)
        assert find_mask(drawn).mean() <= 0.003
        assert find_mask(drawn, purpose="act").mean() <= 0.0005
