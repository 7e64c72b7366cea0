"""Objects clicked at, and the wand: traced outlines of photographs, drawn scenes, any kind of picture, errors."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from PIL import Image

from inpaintkit import masks
from inpaintkit.box import Box
from inpaintkit.selection.looks import gap
from inpaintkit.selection.views import View

# Outlines traced on the photographs at 200 %.
CUP = [(173, 105), (178, 80), (190, 58), (205, 43), (225, 30), (250, 21), (280, 18), (310, 19), (340, 27), (365, 40)]
CUP += [(385, 57), (398, 75), (406, 98), (407, 115), (402, 140), (398, 160), (390, 180), (384, 205), (375, 225)]
CUP += [(362, 240), (345, 252), (328, 268), (315, 278), (300, 283), (280, 284), (262, 282), (255, 268), (240, 285)]
CUP += [(225, 303), (212, 306), (200, 299), (197, 285), (203, 262), (212, 240), (200, 215), (185, 195), (177, 170)]
EYE = [(137, 112), (139, 102), (144, 94), (151, 88), (160, 86), (170, 86), (180, 88), (190, 91), (197, 97), (202, 105)]
EYE += [(205, 113), (205, 122), (203, 131), (196, 141), (184, 144), (174, 145), (164, 143), (155, 139), (147, 131)]
COFFEE = [(203, 150), (212, 125), (225, 106), (245, 98), (280, 95), (310, 98), (335, 107), (355, 122), (366, 140)]
COFFEE += [(370, 162), (355, 175), (330, 187), (300, 192), (265, 189), (240, 180), (220, 165)]
ROCKET = [(311, 175), (310, 150), (313, 138), (319, 128), (323, 126), (328, 128), (332, 138), (334, 150), (333, 175)]
ROCKET += [(331, 180), (331, 406), (314, 406), (314, 240), (313, 180)]


@pytest.fixture
def scene():
    """A textured wall with a plain disc on it; where the disc is."""
    rng = np.random.default_rng(0)
    wall = 90 + 12 * rng.standard_normal((240, 320, 3))
    y, x = np.mgrid[:240, :320]
    disc = (x - 200) ** 2 + (y - 100) ** 2 <= 40**2
    wall[disc] = (200, 60, 40) + 6 * rng.standard_normal((np.count_nonzero(disc), 3))
    return wall.clip(0, 255).astype(np.uint8), disc


def overlap(one, other):
    """Intersection over union."""
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


def test_one_click_anywhere_on_a_disc_selects_it(scene):
    picture, disc = scene
    for point in ((200, 100), (180, 85), (225, 110)):
        mask = masks.object_at(picture, [point])
        assert (mask.dtype, mask.shape) == (np.bool_, disc.shape)
        assert overlap(mask, disc) > 0.95
    assert np.array_equal(masks.object_at(picture, [(225, 110)]), mask)


def test_any_kind_of_picture(scene):
    picture, disc = scene
    alpha = np.dstack([picture, np.full(disc.shape, 255, np.uint8)])
    dark = (picture[..., 0].astype(np.uint16) + 3) * 4  # grey, 12 bits in 16
    for image in (picture.astype(np.uint16) * 257, picture / np.float32(255), picture * 40.0 - 900, alpha, dark):
        assert overlap(masks.object_at(image, [(195, 105)]), disc) > 0.9
    assert overlap(masks.object_at(Image.fromarray(picture), [(195, 105)]), disc) > 0.95


def test_a_second_point_adds_a_part_and_a_point_outside_takes_one_away():
    picture = np.full((200, 300), 60, np.uint8)
    picture[60:140, 60:140] = 150
    picture[60:140, 140:220] = 230
    left, right = np.zeros(picture.shape, np.bool_), np.zeros(picture.shape, np.bool_)
    left[60:140, 60:140] = right[60:140, 140:220] = True
    assert overlap(masks.object_at(picture, [(100, 100), (180, 100)]), left | right) > 0.95
    assert overlap(masks.object_at(picture, [(100, 100)], outside=[(180, 100)]), left) > 0.95
    assert overlap(masks.object_at(picture, [(100, 100)], box=(50, 50, 95, 100)), left) > 0.9


def test_a_large_picture_is_selected_to_the_pixel_along_its_outline():
    picture = np.full((1200, 1500, 3), 70, np.uint8)
    y, x = np.mgrid[:1200, :1500]
    disc = (x - 750) ** 2 + (y - 600) ** 2 <= 400**2
    picture[disc] = 180
    mask = masks.object_at(picture, [(700, 650)])
    assert np.count_nonzero(mask ^ disc) < 500  # of an outline of 2500 px


def test_what_cannot_be_selected_is_said(scene):
    picture, _ = scene
    with pytest.raises(ValueError, match=r"points is empty: give X, Y"):
        masks.object_at(picture, [])
    with pytest.raises(ValueError, match=r"320,5 is outside a picture 320 wide and 240 high"):
        masks.object_at(picture, [(320, 5)])
    with pytest.raises(ValueError, match=r"in points and in outside"):
        masks.object_at(picture, [(20, 5)], outside=[(20, 5)])
    with pytest.raises(ValueError, match=r"20,5 is not in the box"):
        masks.object_at(picture, [(20, 5)], box=(100, 100, 20, 20))
    with pytest.raises(ValueError, match=r"nothing around 20,5 looks like an object"):
        masks.object_at(np.full((60, 60), 7, np.uint8), [(20, 5)])


def test_the_wand_takes_a_share_of_the_range_of_any_type():
    levels = np.array([[0, 10, 30, 10, 200]], np.uint8)
    expected = [[True, True, False, True, False]]
    pictures = (levels, levels.astype(np.uint16) * 257, levels / 255, levels * 4.0 - 400, levels.astype(np.int32))
    for picture in pictures:
        assert masks.wand(picture, (0, 0), tolerance=0.06, connected=False).tolist() == expected
        assert masks.wand(picture, (0, 0), tolerance=0.06).tolist() == [[True, True, False, False, False]]
    assert masks.wand(levels, (2, 0), tolerance=0).tolist() == [[False, False, True, False, False]]
    bands = np.stack([levels] * 5 + [levels[:, ::-1]], axis=2)  # every band counts
    assert masks.wand(bands, (1, 0), tolerance=0, connected=False).tolist() == [[False, True, False, True, False]]


def test_the_wand_leaves_out_what_has_no_colour():
    picture = np.array([[[50, 255], [50, 0], [50, 255]]], np.uint8)
    assert masks.wand(picture, (0, 0)).tolist() == [[True, False, False]]
    with pytest.raises(ValueError, match=r"the pixel at 1,0 has no colour"):
        masks.wand(picture, (1, 0))
    floats = np.array([[0.5, np.nan, 0.5]])
    assert masks.wand(floats, (0, 0), connected=False).tolist() == [[True, False, True]]
    with pytest.raises(ValueError, match=r"tolerance is 2"):
        masks.wand(floats, (0, 0), tolerance=2)
    with pytest.raises(ValueError, match=r"point is 3,0, outside a picture 3 wide and 1 high"):
        masks.wand(floats, (3, 0))


@pytest.mark.parametrize(
    ("name", "outline", "clicks", "least"),
    [
        ("coffee", CUP, [(290, 130), (300, 235)], 0.75),
        ("coffee", CUP, [(300, 235), (290, 130)], 0.75),  # the first alone gives the saucer
        ("chelsea", EYE, [(155, 115)], 0.75),
        ("rocket", ROCKET, [(322, 150), (322, 380)], 0.75),
    ],
)
def test_two_clicks_at_most_select_what_was_traced(name, outline, clicks, least):
    photo = getattr(skimage.data, name)()
    mask = masks.object_at(photo, clicks)
    assert overlap(mask, masks.polygon(photo.shape[:2], outline)) > least


@pytest.mark.parametrize("point", [(282, 143), (352, 155), (322, 121)])
def test_a_click_beside_what_is_wanted_leaves_it_whole(point):
    photo = skimage.data.coffee()
    surface = masks.polygon(photo.shape[:2], COFFEE)
    wide = masks.object_at(photo, [point])
    assert overlap(wide, surface) < 0.5  # all within the rim of the cup
    assert overlap(masks.object_at(photo, [point], outside=[(294, 57)]), surface) > 0.85


def test_a_region_that_ends_where_no_edge_is_has_a_gap_in_its_outline():
    bar = np.full((120, 160, 1), 30, np.float32)
    bar[50:70, 20:140] = 70
    view = View(Box.of_shape((120, 160)), (120, 160), (120, 160), bar)
    whole, half = np.zeros((120, 160), np.uint8), np.zeros((120, 160), np.uint8)
    whole[50:70, 20:140] = half[50:70, 20:80] = 1
    assert gap(view, whole) > -0.5  # an edge all around
    assert gap(view, half) < -2.0  # none where it is cut
