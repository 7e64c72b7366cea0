"""Masks drawn, picked, combined and grown: by hand on grids, by comparison, and as a user types them."""

from __future__ import annotations

import re
import warnings
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from inpaintkit import InpaintWarning, masks, read, write
from inpaintkit.files import read_mask
from inpaintkit.picture import Picture, hole_of, mask_of

HOLES = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12))
GRID = st.integers(-6, 18)
HALVES = st.integers(-12, 36).map(lambda twice: twice / 2)
POINT = st.tuples(GRID, GRID)


def grid(*rows: str) -> np.ndarray:
    return np.array([[letter == "#" for letter in row] for row in rows])


def try_drawing(draw, shape, *arguments):
    """The mask; none of its pixels where the shape lies outside."""
    try:
        return draw(shape, *arguments)
    except ValueError:  # which message it has, the tests of errors tell
        return np.zeros(shape, bool)


def test_shapes_by_hand():
    assert np.array_equal(masks.rect((3, 5), (1, 1, 3, 1)), grid(".....", ".###.", "....."))
    assert np.array_equal(masks.ellipse((4, 4), (0, 0, 4, 4)), grid(".##.", "####", "####", ".##."))
    assert np.array_equal(
        masks.ellipse((5, 7), (0, 0, 7, 5)), grid(".#####.", "#######", "#######", "#######", ".#####.")
    )
    assert np.array_equal(
        masks.polygon((5, 5), [(2, 0), (4, 2), (2, 4), (0, 2)]), grid("..#..", ".###.", "#####", ".###.", "..#..")
    )
    assert np.array_equal(  # a star's middle is enclosed twice, a bow tie's sides once
        masks.polygon((3, 5), [(0, 0), (4, 2), (4, 0), (0, 2)]), grid("#...#", "#####", "#...#")
    )
    assert np.array_equal(masks.stroke((3, 5), [(1, 1), (3, 1)], 1), grid(".....", ".###.", "....."))
    assert np.array_equal(masks.stroke((3, 5), [(1, 1), (3, 1)], 2), grid(".###.", "#####", ".###."))
    assert np.array_equal(masks.stroke((3, 5), [(2, 1)], 3), grid(".###.", ".###.", ".###."))
    assert np.array_equal(masks.stroke((4, 4), [(0, 0), (3, 3)], 1), np.eye(4, dtype=bool))
    assert np.array_equal(masks.stroke((2, 4), [(0, 0), (3, 0), (3, 1)], 1), grid("####", "...#"))


def test_what_lies_outside_is_cut_off():
    assert np.array_equal(masks.rect((2, 4), (-3, -1, 5, 2)), grid("##..", "...."))
    assert np.array_equal(masks.ellipse((2, 4), (-2, -2, 4, 4)), grid("##..", "#..."))
    assert np.array_equal(masks.polygon((2, 4), [(-9, 0), (1, 0), (1, 9), (-9, 9)]), grid("##..", "##.."))
    assert np.array_equal(masks.stroke((2, 4), [(-9, 1), (1, 1)], 1), grid("....", "##.."))
    for draw, where in (
        (masks.rect, (4, 0, 5, 5)),
        (masks.rect, (-5, 0, 5, 5)),
        (masks.ellipse, (0, -3, 3, 3)),
        (masks.polygon, [(5, 0), (9, 0), (9, 9)]),
    ):
        with pytest.raises(ValueError, match="covers no pixel of a picture 4 wide and 2 high"):
            draw((2, 4), where)
    with pytest.raises(ValueError, match="covers no pixel"):
        masks.stroke((2, 4), [(9, 9), (12, 9)], 3)


@given(GRID, GRID, st.integers(1, 12), st.integers(1, 12))
@settings(deadline=None)
def test_a_rectangle_is_a_polygon_and_an_ellipse_fits_into_it(left, top, width, height):
    right, bottom = left + width - 1, top + height - 1
    drawn = try_drawing(masks.rect, (13, 13), (left, top, width, height))
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    assert np.array_equal(try_drawing(masks.polygon, (13, 13), corners), drawn)
    wide = np.pad(np.zeros((13, 13), bool), 30)
    wide[30 + top : 31 + bottom, 30 + left : 31 + right] = masks.ellipse((height, width), (0, 0, width, height))
    assert np.array_equal(try_drawing(masks.ellipse, (13, 13), (left, top, width, height)), wide[30:-30, 30:-30])


@given(st.integers(1, 40), st.integers(1, 40))
@settings(deadline=None)
def test_an_ellipse_is_symmetric_and_of_its_area(width, height):
    drawn = masks.ellipse((height, width), (0, 0, width, height))
    assert drawn[0].any() or width % 2 == 0  # the tip of an even one lies between two pixels
    assert drawn[:, 0].any() or height % 2 == 0
    assert abs(drawn.sum() - np.pi / 4 * width * height) <= (width + height) / 2
    assert np.array_equal(drawn, drawn[::-1])
    assert np.array_equal(drawn, drawn[:, ::-1])
    assert np.array_equal(drawn.T, masks.ellipse((width, height), (0, 0, height, width)))


@given(st.lists(st.tuples(HALVES, HALVES), min_size=3, max_size=7))
@settings(deadline=None)
def test_a_polygon_holds_what_opencv_finds_inside_it_or_on_its_outline(points):
    contour = np.array(points, np.float32)
    x, y = np.meshgrid(np.arange(13), np.arange(13))
    inside = [
        cv2.pointPolygonTest(contour, (float(a), float(b)), False) >= 0 for a, b in zip(x.flat, y.flat, strict=True)
    ]
    assert np.array_equal(try_drawing(masks.polygon, (13, 13), points), np.reshape(inside, (13, 13)))


@given(st.lists(st.tuples(HALVES, HALVES), min_size=1, max_size=4), st.integers(2, 12).map(lambda twice: twice / 2))
@settings(deadline=None)
def test_a_stroke_holds_what_is_near_its_line(points, width):
    y, x = np.mgrid[:13, :13].astype(np.float64)
    near = np.full((13, 13), np.inf)
    for (x0, y0), (x1, y1) in zip(points, points[1:] or points, strict=False):
        length2 = (x1 - x0) ** 2 + (y1 - y0) ** 2
        share = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / max(length2, 1e-9), 0, 1)
        near = np.minimum(near, np.hypot(x0 + share * (x1 - x0) - x, y0 + share * (y1 - y0) - y))
    drawn = try_drawing(masks.stroke, (13, 13), points, width)
    assert drawn[near < width / 2 - 1e-9].all()
    assert not drawn[near > width / 2 + 1e-9].any()


def test_a_long_stroke_tile_by_tile_has_neither_gap_nor_spill():
    drawn = masks.stroke((700, 900), [(5, 5), (890, 690)], 11)
    y, x = np.mgrid[:700, :900]
    aside = np.abs((x - 5) * 685 - (y - 5) * 885) / np.hypot(685, 885)
    along = ((x - 5) * 885 + (y - 5) * 685) / np.hypot(685, 885)
    middle = (along > 0) & (along < np.hypot(685, 885))
    assert np.array_equal(drawn[middle], aside[middle] <= 5.5)


def test_alpha_becomes_a_mask():
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[..., 3] = [[0, 127, 128], [254, 255, 255]]
    assert np.array_equal(masks.from_alpha(rgba), grid("###", "#.."))
    assert np.array_equal(masks.from_alpha(rgba), hole_of("alpha", Picture.of(rgba)))
    assert np.array_equal(masks.from_alpha(rgba, opacity=0.5), grid("##.", "..."))
    assert np.array_equal(masks.from_alpha(Image.fromarray(rgba)), masks.from_alpha(rgba))
    assert np.array_equal(masks.from_alpha(rgba / np.float32(255)), masks.from_alpha(rgba))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("colour", ["#ff3300", "255,51,0", "#f30", "rgb(255, 51, 0)", (255, 51, 0)])
def test_a_colour_becomes_a_mask_in_every_type(dtype, colour):
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0] = (255, 51, 0)
    pixels[0, 2] = (250, 53, 3)
    scale = {"uint8": 1, "uint16": 257}.get(dtype, 1 / 255)
    image = (pixels * np.float64(scale)).astype(dtype)
    assert np.array_equal(masks.from_colour(image, colour), grid("##.", "..."))
    assert np.array_equal(masks.from_colour(image, colour, tolerance=4.5), grid("##.", "..."))
    assert np.array_equal(masks.from_colour(image, colour, tolerance=5.5), grid("###", "..."))


def test_grey_and_transparent_pixels():
    grey = np.array([[0, 255, 128]], np.uint8)
    assert np.array_equal(masks.from_colour(grey, "white"), grid(".#."))
    assert np.array_equal(masks.from_colour(grey, (120, 128, 128), tolerance=8), grid("..#"))
    clear = np.dstack([grey, np.array([[255, 0, 255]], np.uint8)])
    with pytest.warns(InpaintWarning, match="the nearest differs by 127"):
        assert not masks.from_colour(clear, "white").any()
    with pytest.warns(InpaintWarning, match="every pixel is transparent"):
        assert not masks.from_colour(clear[:, 1:2], "white").any()
    patchy = np.array([[np.nan, 1.0]], np.float32)
    assert np.array_equal(masks.from_colour(patchy, "white", tolerance=300), grid(".#"))


def test_only_the_connected_area_around_a_point():
    red = grid("##..#", "..#.#", "....#")
    image = np.where(red[..., None], np.array([255, 0, 0], np.uint8), np.uint8(40))
    assert np.array_equal(masks.from_colour(image, "red", connected=(2, 1)), grid("##...", "..#..", "....."))
    assert np.array_equal(masks.from_colour(image, "red", connected=(4, 0)), grid("....#", "....#", "....#"))
    with pytest.raises(ValueError, match="the pixel at 3,2 is 215 from the colour"):
        masks.from_colour(image, "red", connected=(3, 2))


@given(st.integers(1, 4), st.data())
@settings(deadline=None)
def test_combining_is_numpys_logic(number, data):
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=6))
    parts = [data.draw(hnp.arrays(np.bool_, shape)) for _ in range(number)]
    kept = [part.copy() for part in parts]
    count = np.sum(parts, axis=0)
    assert np.array_equal(masks.combine(*parts), count > 0)
    assert np.array_equal(masks.combine(*parts, how="intersection"), count == number)
    assert np.array_equal(masks.combine(*parts, how="difference"), parts[0] & (count == 1))
    assert np.array_equal(masks.combine(*parts, how="exclusive"), count % 2 == 1)
    assert not any(np.shares_memory(masks.combine(*parts, how=how), parts[0]) for how in masks.HOW)
    assert all(np.array_equal(part, before) for part, before in zip(parts, kept, strict=True))


def test_growing_and_shrinking_by_hand():
    dot = grid(".....", ".....", "..#..", ".....", ".....")
    disc = grid("..#..", ".###.", "#####", ".###.", "..#..")
    assert np.array_equal(masks.grow(dot, 2), disc)
    assert np.array_equal(masks.shrink(disc, 1), grid(".....", "..#..", ".###.", "..#..", "....."))
    assert np.array_equal(masks.shrink(grid("####.", "####."), 1), grid("###..", "###.."))  # the border takes nothing


@given(HOLES, st.integers(0, 5))
@settings(deadline=None)
def test_grown_then_shrunk_covers_and_shrunk_then_grown_is_covered(hole, radius):
    assert not (hole & ~masks.shrink(masks.grow(hole, radius), radius)).any()
    assert not (masks.grow(masks.shrink(hole, radius), radius) & ~hole).any()
    assert np.array_equal(masks.shrink(hole, radius), masks.invert(masks.grow(masks.invert(hole), radius)))
    assert np.array_equal(masks.grow(hole, 0), hole)


@given(HOLES)
@settings(deadline=None)
def test_inverted_twice_is_the_same(hole):
    assert np.array_equal(masks.invert(masks.invert(hole)), hole)
    assert not (masks.invert(hole) & hole).any()
    assert np.array_equal(mask_of(hole.astype(np.uint8) * 255), hole)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: masks.rect((3, 4, 3), (0, 0, 1, 1)), r"shape is \(3, 4, 3\): expected \(height, width\)"),
        (lambda: masks.rect((0, 4), (0, 0, 1, 1)), r"shape is \(0, 4\)"),
        (lambda: masks.rect((3, 4), (0, 0, 1)), r"box is \(0, 0, 1\): expected LEFT, TOP, WIDTH, HEIGHT"),
        (lambda: masks.rect((3, 4), (0, 0.5, 1, 1)), "whole pixels"),
        (lambda: masks.ellipse((3, 4), (0, 0, 0, 1)), "width and height 1 or more"),
        (lambda: masks.ellipse((3, 4), (0, 0, 10**30, 1)), "box is"),
        (lambda: masks.polygon((3, 4), [(0, 0), (1, 1)]), "a polygon needs 3 or more X, Y pairs"),
        (lambda: masks.polygon((3, 4), [(0, 0), (1, 1), (2,)]), "a polygon needs"),
        (lambda: masks.polygon((3, 4), [(0, 0), (1, 1), (np.inf, 0)]), "expected finite X, Y"),
        (lambda: masks.polygon((3, 4), np.zeros((99, 3))), r"\.\.\.: a polygon needs"),
        (lambda: masks.stroke((3, 4), [], 3), "a stroke needs 1 or more"),
        (lambda: masks.stroke((3, 4), [(0, 0)], 0.5), "width is 0.5"),
        (lambda: masks.stroke((3, 4), [(0, 0)], np.nan), "width is nan"),
        (lambda: masks.from_alpha(np.zeros((2, 2, 3), np.uint8)), "3 channels and no alpha"),
        (lambda: masks.from_alpha(np.zeros((2, 2, 4), np.uint8), opacity=0), "opacity is 0"),
        (lambda: masks.from_colour(np.zeros((2, 2)), "redd"), "colour is 'redd': expected #rrggbb"),
        (lambda: masks.from_colour(np.zeros((2, 2)), "#ff000080"), "colour is '#ff000080'"),
        (lambda: masks.from_colour(np.zeros((2, 2)), (0, 0, 256)), r"colour is \(0, 0, 256\)"),
        (lambda: masks.from_colour(np.zeros((2, 2)), "red", tolerance=-1), "tolerance is -1"),
        (lambda: masks.from_colour(np.zeros((2, 2)), "black", connected=(2, 0)), "outside a picture 2 wide"),
        (lambda: masks.from_colour(np.zeros((2, 2)), "black", connected=(0.5, 0)), "whole pixels"),
        (lambda: masks.combine(), "combine got no mask"),
        (lambda: masks.combine(np.zeros((2, 2)), np.zeros((2, 3))), r"mask 2 is \(2, 3\), the first is \(2, 2\)"),
        (lambda: masks.combine(np.zeros((2, 2)), how="or"), "choose one of union, intersection"),
        (lambda: masks.grow(np.zeros((2, 2)), -1), "radius is -1"),
        (lambda: masks.shrink(np.zeros((2, 2)), 1.5), "radius is 1.5"),
        (lambda: masks.invert(np.full((2, 2), 7.0)), r"mask holds floats in \[7, 7\]"),
    ],
)
def test_errors_say_what_is_needed(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A photograph 30 wide and 20 high with a red and a clear corner, and two masks."""
    photo = np.full((20, 30, 4), 255, np.uint8)
    photo[:5, :5, :3] = (255, 0, 0)
    photo[-4:, -4:, 3] = 0
    write(tmp_path / "photo.png", photo)
    write(tmp_path / "a.png", masks.rect((20, 30), (2, 2, 10, 10)).astype(np.uint8) * 255)
    write(tmp_path / "b.png", masks.rect((20, 30), (6, 6, 10, 10)).astype(np.uint8) * 255)
    monkeypatch.chdir(tmp_path)
    return tmp_path


SHAPE = (20, 30)
A, B = masks.rect(SHAPE, (2, 2, 10, 10)), masks.rect(SHAPE, (6, 6, 10, 10))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rect 3,4,10,5 --like photo.png", masks.rect(SHAPE, (3, 4, 10, 5))),
        ("rect -3,-4,10,8 --size 30x20", masks.rect(SHAPE, (-3, -4, 10, 8))),
        ("rect 20,15,4,4 --onto a.png", A | masks.rect(SHAPE, (20, 15, 4, 4))),
        ("ellipse 3,4,10,5 --size 30X20", masks.ellipse(SHAPE, (3, 4, 10, 5))),
        ("polygon -.5,1 9,2.5 4,15 --size 30x20", masks.polygon(SHAPE, [(-0.5, 1), (9, 2.5), (4, 15)])),
        ("stroke 3,4 20,9 -8,15 --width 3 --like a.png", masks.stroke(SHAPE, [(3, 4), (20, 9), (-8, 15)], 3)),
        ("from-alpha photo.png", masks.rect(SHAPE, (26, 16, 4, 4))),
        ("from-colour photo.png red", masks.rect(SHAPE, (0, 0, 5, 5))),
        ("from-colour photo.png #f00505 --tolerance 15 --connected 4,4", masks.rect(SHAPE, (0, 0, 5, 5))),
        ("from-colour photo.png 255,255,255", ~masks.rect(SHAPE, (0, 0, 5, 5)) & ~masks.rect(SHAPE, (26, 16, 4, 4))),
        ("combine a.png b.png", A | B),
        ("combine a.png b.png --how intersection", A & B),
        ("combine a.png b.png --how difference", A & ~B),
        ("combine a.png b.png --how exclusive", A ^ B),
        ("grow a.png --radius 3", masks.grow(A, 3)),
        ("shrink a.png --radius 3", masks.rect(SHAPE, (5, 5, 4, 4))),
        ("invert a.png", ~A),
    ],
)
def test_commands_write_what_the_functions_give(run, folder, line, expected):
    assert run("mask", *line.split(), "-o", "out.png") == (0, "", "")
    assert np.array_equal(read("out.png"), expected.astype(np.uint8) * 255)


def test_a_mask_may_be_added_to_in_place(run, folder):
    for x in (20, 24):
        assert run("mask", "rect", f"{x},0,2,2", "--onto", "a.png", "-o", "a.png")[0] == 0
    expected = A | masks.rect(SHAPE, (20, 0, 2, 2)) | masks.rect(SHAPE, (24, 0, 2, 2))
    assert np.array_equal(mask_of(read_mask("a.png")), expected)


def test_an_empty_pick_is_a_warning(run, folder):
    status, _, err = run("mask", "from-colour", "photo.png", "blue", "-o", "out.png")
    assert status == 0
    assert err.startswith("inpaintkit: warning: no pixel is within 0 of the colour blue")
    assert not read("out.png").any()


def test_help_names_every_subcommand(run):
    status, out, _ = run("mask", "--help")
    assert status == 0
    assert "top left" in out
    for name in "rect ellipse polygon stroke from-alpha from-colour combine grow shrink invert".split():
        assert f"  {name} " in out
        assert run("mask", name, "--help")[0] == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("rect 40,4,10,5 --like photo.png", "covers no pixel of a picture 30 wide and 20 high"),
        ("rect 4,10,5 --like photo.png", "'4,10,5' is not LEFT,TOP,WIDTH,HEIGHT in whole pixels"),
        ("rect -4,x,5,5 --like photo.png", "'-4,x,5,5' is not LEFT"),
        ("rect 3,4,10,5", "give one of --like PHOTO, --size WxH and --onto MASK"),
        ("rect 3,4,10,5 --like photo.png --size 3x3", "give one of --like"),
        ("rect 3,4,10,5 --siez 3x3", "No such option '--siez'|No such option: --siez"),
        ("rect 3,4,10,5 --size 30", "'30' is not WxH"),
        ("rect 3,4,10,5 --size 30x0", "has no pixels"),
        ("rect 3,4,10,5 --like photo.png -o photo.png", "also an input"),
        ("rect 3,4,10,5 --like photo.png -o out.jpg", "name the output .png"),
        ("rect 3,4,10,5 --like none.png", "no such file"),
        ("polygon 1,2 3,4 --like photo.png", "a polygon needs 3 or more"),
        ("stroke 1,2 3,4 --like photo.png", "Missing option '--width'"),
        ("from-alpha a.png", "no alpha"),
        ("from-colour photo.png redd", "colour is 'redd'"),
        ("from-colour photo.png red --connected 9,9", "255 from the colour"),
        ("combine a.png b.png --how or", "not one of 'union', 'intersection'"),
        ("combine a.png b.png -o b.png", "also an input"),
        ("combine", "Missing argument"),
        ("grow a.png --radius -1", "radius is -1"),
        ("shrink a.png", "Missing option '--radius'"),
        ("draw", "No such command"),
    ],
)
def test_bad_lines_are_one_line_and_status_2(run, folder, line, message):
    before = sorted(path.name for path in folder.iterdir())
    words = line.split()
    status, out, err = run("mask", *words, *([] if "-o" in words else ["-o", "out.png"]))
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("inpaintkit: ")
    assert re.search(message, err)
    assert sorted(path.name for path in folder.iterdir()) == before


def touched(mask, shape):
    """By definition: whether a pixel's area overlaps a hole pixel's, every edge a fraction of the whole."""
    edges = [[Fraction(i, n) for i in range(n + 1)] for n in (*mask.shape, *shape)]
    result = np.zeros(shape, bool)
    for (y, x), _ in np.ndenumerate(result):
        result[y, x] = any(
            edges[0][r] < edges[2][y + 1]
            and edges[0][r + 1] > edges[2][y]
            and edges[1][c] < edges[3][x + 1]
            and edges[1][c + 1] > edges[3][x]
            for r, c in np.argwhere(mask)
        )
    return result


SIDES = st.tuples(st.integers(1, 13), st.integers(1, 13))


@given(hnp.arrays(np.bool_, SIDES, elements=st.sampled_from([False, False, True])), SIDES)
@settings(max_examples=150, deadline=None)
@pytest.mark.filterwarnings("ignore:the mask is .* stretched:inpaintkit.InpaintWarning")
def test_a_resized_hole_is_whatever_the_hole_touches(mask, shape):
    before = mask.copy()
    resized = masks.resize(mask, shape)
    assert resized.dtype == bool
    np.testing.assert_array_equal(resized, touched(mask, shape))
    np.testing.assert_array_equal(mask, before)
    np.testing.assert_array_equal(masks.resize(mask * np.uint8(255), shape), resized)


@pytest.mark.parametrize("scale", [0.1, 0.25, 0.3, 0.5, 0.77, 1, 1.5, 2.3, 4])
def test_no_thin_line_is_lost(scale):
    """Each line of a grid on a scan, one or two pixels wide, is still there across the whole picture."""
    scan = np.zeros((400, 600), bool)
    scan[7::40] = scan[8::80] = True
    shape = round(400 * scale), round(600 * scale)
    resized = masks.resize(scan, shape)
    for row in np.flatnonzero(scan.any(axis=1)):
        assert resized[int((row + 0.5) * shape[0] / 400)].all()


def test_a_resized_mask_is_stretched_with_a_warning_only():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        masks.resize(np.ones((301, 400)), (75, 100))  # a side's rounding
    with pytest.warns(InpaintWarning, match=r"is \(300, 400\) and is stretched to \(300, 300\)$"):
        masks.resize(np.ones((300, 400)), (300, 300))
    with pytest.warns(InpaintWarning, match="its sides are swapped: turn it by 90 degrees"):
        masks.resize(np.ones((300, 400)), (400, 300))
    for shape in ((0, 3), (3,), (3, 4, 3), (2.5, 3)):
        with pytest.raises(ValueError, match="shape is"):
            masks.resize(np.ones((3, 4)), shape)
    with pytest.raises(ValueError, match="it has no pixels"):
        masks.resize(np.ones((0, 4)), (3, 4))


# ---- whatever is passed: a mask, or the promised error in one line

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.integers(-3, 20),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=4),
    st.sampled_from([b"ab", {}, {1, 2}, object(), np.float32(3), np.int8(-2), np.nan, 10**400, "red", "1,2", "#fff"]),
    hnp.arrays(st.sampled_from([np.float64, np.int16, np.bool_, np.uint8]), hnp.array_shapes(min_dims=0, max_side=4)),
)
ANYTHING = st.one_of(ODD, st.lists(ODD, max_size=5), st.lists(st.lists(st.integers(-3, 9), max_size=3), max_size=4))
SIZE, BOX, MASK_OR = (
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(*[st.integers(-2, 9)] * 4),
    HOLES | ANYTHING,
)
PICTURES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))) | ANYTHING
CALLS = st.one_of(
    st.tuples(st.just(masks.rect), st.tuples(SIZE | ANYTHING, BOX | ANYTHING)),
    st.tuples(st.just(masks.ellipse), st.tuples(SIZE | ANYTHING, BOX | ANYTHING)),
    st.tuples(st.just(masks.polygon), st.tuples(SIZE | ANYTHING, ANYTHING)),
    st.tuples(st.just(masks.stroke), st.tuples(SIZE | ANYTHING, ANYTHING, st.integers(1, 5) | ANYTHING)),
    st.tuples(st.just(lambda image, value: masks.from_alpha(image, opacity=value)), st.tuples(PICTURES, ANYTHING)),
    st.tuples(
        st.just(lambda image, colour, off, at: masks.from_colour(image, colour, tolerance=off, connected=at)),
        st.tuples(PICTURES, st.just("red") | ANYTHING, st.just(300) | ANYTHING, st.none() | SIZE | ANYTHING),
    ),
    st.tuples(
        st.just(lambda first, other, how: masks.combine(first, other, how=how)),
        st.tuples(MASK_OR, MASK_OR, st.sampled_from(masks.HOW) | ANYTHING),
    ),
    st.tuples(st.just(masks.grow), st.tuples(MASK_OR, st.integers(0, 5) | ANYTHING)),
    st.tuples(st.just(masks.shrink), st.tuples(MASK_OR, st.integers(0, 5) | ANYTHING)),
    st.tuples(st.just(masks.resize), st.tuples(MASK_OR, SIZE | ANYTHING)),
    st.tuples(st.just(masks.invert), st.tuples(MASK_OR)),
    st.tuples(st.just(masks.combine), st.tuples(MASK_OR)),
)


STARTS = "box|points|shape|width|opacity|tolerance|colour|connected|how|mask|radius|image|the|combine"


@given(CALLS)
@settings(max_examples=800, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_every_function_gives_a_mask_or_the_error_it_promises(call):
    function, arguments = call
    mask, message = np.zeros((1, 1), bool), ""
    try:
        mask = function(*arguments)
    except MemoryError:  # a shape that is only too large
        pass
    except (ValueError, TypeError) as error:
        message = str(error)
    assert isinstance(mask, np.ndarray)
    assert (mask.dtype, mask.ndim) == (bool, 2)
    assert re.fullmatch(f"(({STARTS}) .+)?", message)
