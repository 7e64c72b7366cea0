"""``auto`` on pictures of few levels: no new level comes out, and what repeats stays in step."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import inpaint, masks
from inpaintkit.classic._shifts import shifts
from inpaintkit.damage import text
from inpaintkit.files import read, read_mask
from inpaintkit.problem import Problem

SHAPE = (160, 200)
ROWS, COLUMNS = np.indices(SHAPE)


def stroke(spread):
    hole = np.zeros(SHAPE, np.bool_)
    hole[60 : 60 + spread, 30:170] = hole[30:130, 90 : 90 + spread] = True
    return hole


def dots(pitch, angle, tone):
    across, down = (
        np.cos(2 * np.pi / pitch * (COLUMNS * np.cos(turn) + ROWS * np.sin(turn)))
        for turn in np.deg2rad((angle, angle + 90))
    )
    spot = across + down
    return np.where(np.searchsorted(np.sort(spot, axis=None), spot) / spot.size < tone, 255, 0).astype(np.uint8)


def bilevel_page():
    """Words drawn in hard black."""
    page = np.full(SHAPE, 255, np.uint8)
    for row in range(7):
        cv2.putText(page, "nine hundred men"[row:], (4, 20 + 22 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0, 2)
    return np.where(page > 127, 255, 0).astype(np.uint8)


def pixel_art():
    """A tile of four colours, repeated."""
    tile = np.random.default_rng(3).integers(0, 4, (10, 8))
    colours = np.array([(20, 12, 28), (208, 70, 72), (109, 170, 44), (222, 238, 214)], np.uint8)
    return colours[np.tile(tile, (16, 25))]


# Whatever repeats exactly has one right answer: itself.
EXACT = {
    "checkerboard": np.where((ROWS // 8 + COLUMNS // 8) % 2, 255, 0).astype(np.uint8),
    "one pixel's checkerboard": np.where((ROWS + COLUMNS) % 2, 255, 0).astype(np.uint8),
    "stripes": np.where(COLUMNS % 9 < 4, 0, 255).astype(np.uint8),
    "slanting stripes": np.where((2 * ROWS + COLUMNS) % 12 < 5, 30, 220).astype(np.uint8),
    "bricks": np.where((ROWS % 12 < 2) | ((COLUMNS + 15 * (ROWS // 12 % 2)) % 30 < 2), 215, 120).astype(np.uint8),
    "labels": ((ROWS // 10 + COLUMNS // 12) % 4).astype(np.uint8),
    "three levels": ((ROWS // 7 % 3) * 100 + 20).astype(np.uint8),
    "dots upright": np.where((ROWS % 8 - 3.5) ** 2 + (COLUMNS % 8 - 3.5) ** 2 < 6, 0, 255).astype(np.uint8),
    "pixel art": pixel_art(),
    "one bit": (ROWS // 6 + COLUMNS // 6) % 2 == 0,
}


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("spread", [4, 24])
@pytest.mark.parametrize("kind", ["as it is", "uint16", "float", "other units"])
def test_what_repeats_is_continued_exactly(name, spread, kind):
    picture = EXACT[name]
    if picture.dtype == np.bool_:
        picture = picture.astype(np.uint8) * 255
    convert = {
        "as it is": lambda pixels: pixels,
        "uint16": lambda pixels: pixels.astype(np.uint16) * 257,
        "float": lambda pixels: (pixels / 255).astype(np.float32),
        "other units": lambda pixels: pixels * 0.037 - 12,
    }[kind]
    picture, hole = convert(picture), stroke(spread)
    damaged = picture.copy()
    damaged[hole] = picture.max()
    filled, info = inpaint(damaged, hole, return_info=True)
    assert {region.method for region in info.regions} == {"copies"}
    np.testing.assert_allclose(filled, picture, atol=1e-5 * np.ptp(picture) if picture.dtype.kind == "f" else 0)


@pytest.mark.parametrize("angle", [0, 15, 30, 45])
@pytest.mark.parametrize("pitch", [5, 8, 11])
def test_two_tones_in_two_tones_out_and_dots_in_step(angle, pitch):
    page = dots(pitch, angle, 0.2 + 0.5 * COLUMNS / SHAPE[1])
    hole = text(SHAPE, size=28, share=0.12, seed=1)
    filled = inpaint(np.where(hole, 255, page).astype(np.uint8), hole)
    assert set(np.unique(filled)) == {0, 255}
    assert (filled != page)[hole].mean() < 0.1  # by chance half, or a third


def test_a_page_of_two_tones():
    page = bilevel_page()
    hole = masks.rect(SHAPE, (0, 70, 200, 3))
    filled = inpaint(page, hole)
    assert set(np.unique(filled)) == {0, 255}
    assert (filled != page)[hole].mean() < 0.2


def test_the_printed_page(data):
    page, truth = (read(data(f"bugs/screentone/{name}.png")) for name in ("tone", "tone_truth"))
    hole = read_mask(data("bugs/screentone/tone_mask.png")) > 0
    filled = inpaint(page, hole).reshape(*hole.shape, -1)[hole].astype(float)
    right = truth.reshape(*hole.shape, -1)[hole].astype(float)
    assert ((filled > 25) & (filled < 230)).mean() < 0.01
    assert np.sqrt(np.square(filled - right).mean()) < 50


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "coins", "camera", "moon"])
def test_photographs_are_filled_as_ever(name):
    photo = getattr(skimage.data, name)()[60:220, 60:260]
    _, info = inpaint(photo, stroke(4), quality="fast", return_info=True)
    assert "copies" not in {region.method for region in info.regions}


@pytest.mark.parametrize(
    "picture",
    [
        np.full(SHAPE, 90, np.uint8),  # one level
        (3 + np.random.default_rng(0).integers(0, 6, SHAPE)).astype(np.uint8)
        + (ROWS < 9) * np.uint8(200),  # a dark sky
        (120 + COLUMNS // 40).astype(np.uint8) + (ROWS < 9) * np.uint8(100),  # a bright one, no noise
    ],
)
def test_shades_of_one_colour_are_no_levels(picture):
    _, info = inpaint(picture, stroke(4), quality="fast", return_info=True)
    assert "copies" not in {region.method for region in info.regions}


@pytest.mark.parametrize("levels", [12, 20])
def test_a_photograph_in_fog_is_no_drawing(levels):
    photo = np.rint(90 + skimage.data.retina()[600:760, 600:800].astype(float) * levels / 255).astype(np.uint8)
    _, info = inpaint(photo, stroke(6), return_info=True)
    assert "copies" not in {region.method for region in info.regions}


def test_an_object_cut_out_on_white_is_a_photograph():
    photo = skimage.data.chelsea()[60:220, 60:260].copy()
    photo[:, :120] = 255
    _, info = inpaint(photo, masks.rect(SHAPE, (20, 70, 120, 4)), quality="fast", return_info=True)
    assert "copies" not in {region.method for region in info.regions}


def test_shifts_copy_and_mix_nothing():
    rng = np.random.default_rng(5)
    image = rng.random((40, 50, 3), np.float32)
    hole = np.zeros((40, 50), np.bool_)
    hole[10:30, 15:35] = True
    fill = shifts(Problem.create(image, hole))
    known = {tuple(colour) for colour in image[~hole]}
    assert {tuple(colour) for colour in fill[hole]} <= known
    assert np.array_equal(fill[~hole], image[~hole])


def test_where_no_shift_reaches_the_nearest_colour_stands():
    image, hole = np.zeros((9, 9, 1), np.float32), np.ones((9, 9), np.bool_)
    hole[0, 0] = False
    image[0, 0] = 0.25
    assert (shifts(Problem.create(image, hole)) == 0.25).all()
