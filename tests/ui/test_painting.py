"""Strokes become the masks that ``inpaintkit.masks`` draws, exactly; undo and redo walk one history without end."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from served import noise

import inpaintkit
from inpaintkit import masks
from inpaintkit.box import Box
from inpaintkit.ui.events import drawn, pixels

SHAPE = (90, 120)
STROKES = {
    "inside": {"type": "stroke", "points": [[20, 30], [60.5, 41.25], [80, 12]], "width": 7},
    "dot": {"type": "stroke", "points": [[33.3, 44.7]], "width": 12.4},
    "over the edge": {"type": "stroke", "points": [[-30.25, -8], [140, 95]], "width": 21},
    "odd fractions": {"type": "stroke", "points": [[10.1, 3.9], [70.7, 3.9], [70.7, 66.6]], "width": 7.8},
    "rectangle": {"type": "rect", "box": [-5, 10, 40, 33]},
    "ellipse": {"type": "ellipse", "box": [70, 50, 81, 60]},
    "lasso": {"type": "polygon", "points": [[10, 10], [100.5, 20], [60, 80], [-20, 55.125]]},
}


def expected(event):
    """The whole picture's mask, from the library."""
    if event["type"] == "stroke":
        return masks.stroke(SHAPE, event["points"], event["width"])
    if event["type"] == "polygon":
        return masks.polygon(SHAPE, event["points"])
    return getattr(masks, event["type"])(SHAPE, event["box"])


@pytest.mark.parametrize("name", STROKES)
def test_a_stroke_is_the_librarys_mask(page, name):
    change = page.post(f"{page.photo}/events", STROKES[name])
    wanted = expected(STROKES[name])
    np.testing.assert_array_equal(page.mask(page.photo), wanted)
    rows, columns = np.nonzero(wanted)
    box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    assert change["mask"]["pixels"] == np.count_nonzero(wanted)
    assert change["mask"]["share"] == pytest.approx(wanted.mean())
    assert change["mask"]["box"] == change["changed"]["mask"] == box
    tile = page.tile(page.photo, "mask")
    np.testing.assert_array_equal(tile[..., 3], np.where(wanted, 255, 0))


@pytest.mark.parametrize("seed", range(20))
def test_a_stroke_drawn_in_its_box_is_that_of_the_whole_picture(seed):
    rng = np.random.default_rng(seed)
    places = rng.uniform((-40, -40), (160, 130), (rng.integers(1, 6), 2))
    points = (np.rint(places * 4) / 4 if seed % 2 else np.round(places, 1)).tolist()  # quarters, and what is rounded
    event = {"type": "stroke", "points": points, "width": float(rng.integers(1, 60)) / 2 + 0.5}
    try:
        wanted = expected(event)
    except ValueError:  # no pixel
        with pytest.raises(ValueError, match="covers no pixel"):
            drawn(event, SHAPE)
        return
    box, part = drawn(event, SHAPE)
    found = np.zeros(SHAPE, bool)
    found[box.slices] = part
    np.testing.assert_array_equal(found, wanted)


def test_a_stroke_allocates_as_much_as_its_box_and_not_as_the_picture():
    import tracemalloc

    event = {"type": "stroke", "points": [[2000, 1500], [2100, 1550]], "width": 40}
    tracemalloc.start()
    drawn(event, (3000, 4000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000  # the picture has twelve million


def test_erasing_growing_shrinking_inverting_and_clearing(page):
    wanted = expected(STROKES["inside"])
    page.post(f"{page.photo}/events", STROKES["inside"])
    for event, change in (
        ({**STROKES["lasso"], "mode": "erase"}, lambda mask: mask & ~expected(STROKES["lasso"])),
        ({"type": "grow", "radius": 4}, lambda mask: masks.grow(mask, 4)),
        ({**STROKES["over the edge"]}, lambda mask: mask | expected(STROKES["over the edge"])),
        ({"type": "shrink", "radius": 3}, lambda mask: masks.shrink(mask, 3)),
        ({"type": "invert"}, lambda mask: ~mask),
        ({"type": "shrink", "radius": 2}, lambda mask: masks.shrink(mask, 2)),
        ({"type": "grow", "radius": 1}, lambda mask: masks.grow(mask, 1)),
        ({"type": "clear"}, np.zeros_like),
    ):
        answer = page.post(f"{page.photo}/events", event)
        wanted = change(wanted)
        np.testing.assert_array_equal(page.mask(page.photo), wanted, err_msg=str(event))
        assert answer["mask"]["pixels"] == np.count_nonzero(wanted)


def test_undo_and_redo_walk_through_every_state_and_a_new_stroke_cuts_what_lay_ahead(page):
    states = [page.mask(page.photo)]
    for event in (*STROKES.values(), {"type": "invert"}, {"type": "grow", "radius": 2}, {"type": "clear"}):
        page.post(f"{page.photo}/events", event)
        states.append(page.mask(page.photo))
    for wanted in states[-2::-1]:
        page.post(f"{page.photo}/undo")
        np.testing.assert_array_equal(page.mask(page.photo), wanted)
    assert page.post(f"{page.photo}/undo")["cursor"] == 0
    for wanted in states[1:]:
        page.post(f"{page.photo}/redo")
        np.testing.assert_array_equal(page.mask(page.photo), wanted)
    page.post(f"{page.photo}/undo")
    page.post(f"{page.photo}/undo")
    change = page.post(f"{page.photo}/events", STROKES["dot"])
    assert change["cursor"] == change["count"] == len(states) - 2
    assert page.post(f"{page.photo}/redo")["cursor"] == change["cursor"]


def test_the_wand_takes_what_has_the_colour(open_page, tmp_path):
    picture = np.full((40, 60, 3), 120, np.uint8)
    picture[5:15, 5:15] = picture[20:30, 40:50] = (200, 40, 40)
    inpaintkit.write(tmp_path / "signs.png", picture)
    page = open_page(tmp_path / "signs.png")
    page.post(f"{page.photo}/events", {"type": "wand", "point": [7, 7], "tolerance": 0.1, "connected": True})
    wanted = np.zeros((40, 60), bool)
    wanted[5:15, 5:15] = True
    np.testing.assert_array_equal(page.mask(page.photo), wanted)
    page.post(f"{page.photo}/events", {"type": "wand", "point": [7, 7], "tolerance": 0.1, "connected": False})
    wanted[20:30, 40:50] = True
    np.testing.assert_array_equal(page.mask(page.photo), wanted)
    page.post(f"{page.photo}/events", {"type": "wand", "point": [45, 25], "tolerance": 0, "mode": "erase"})
    wanted[20:30, 40:50] = False
    np.testing.assert_array_equal(page.mask(page.photo), wanted)


def test_a_click_selects_an_object_and_further_places_change_it(open_page, tmp_path):
    picture = np.full((120, 160), 60, np.uint8)
    picture[40:80, 30:70], picture[40:80, 70:110] = 140, 230
    inpaintkit.write(tmp_path / "blocks.png", picture)
    page = open_page(tmp_path / "blocks.png")
    for places in ([[50, 60, 1], [90, 60, 1]], [[50, 60, 1], [90, 60, 0]]):
        page.post(f"{page.photo}/events", {"type": "clear"})
        page.post(f"{page.photo}/events", {"type": "object", "points": places, "box": None})
        inside, outside = ([place[:2] for place in places if place[2] == side] for side in (1, 0))
        np.testing.assert_array_equal(page.mask(page.photo), masks.object_at(picture, inside, outside=outside))


def test_a_guide_is_a_layer_of_its_own(page):
    page.post(f"{page.photo}/events", {**STROKES["rectangle"], "layer": "source"})
    page.post(f"{page.photo}/events", {**STROKES["dot"], "layer": "guide:2"})
    assert not page.mask(page.photo).any()
    np.testing.assert_array_equal(page.mask(page.photo, "source"), expected(STROKES["rectangle"]))
    np.testing.assert_array_equal(page.mask(page.photo, "guide:2"), expected(STROKES["dot"]))
    for name in ("sources", "guide", "guide:0", "guide:x", "radius"):
        assert page.refused(f"{page.photo}/events", {**STROKES["dot"], "layer": name})[0] == 422


def test_masks_and_strokes_leave_and_come_back(page):
    for event in (STROKES["lasso"], {"type": "grow", "radius": 2}, {**STROKES["dot"], "mode": "erase"}):
        page.post(f"{page.photo}/events", event)
    wanted = page.mask(page.photo)
    file = page.http.get(f"/api{page.photo}/download?what=mask").content
    strokes = page.get(f"{page.photo}/download?what=strokes")
    page.post(f"{page.photo}/events", {"type": "clear"})
    page.post(f"{page.photo}/strokes", {"events": strokes["events"][:3]})
    np.testing.assert_array_equal(page.mask(page.photo), wanted)
    page.post(f"{page.photo}/events", {"type": "invert"})
    answer = page.http.post(f"/api{page.photo}/mask", files={"file": ("m.png", file)}, data={"how": "replace"})
    assert answer.status_code == 200
    np.testing.assert_array_equal(page.mask(page.photo), wanted)
    added = masks.rect(SHAPE, (0, 0, 10, 10))
    content = io.BytesIO()
    inpaintkit.write(content, added.astype(np.uint8) * np.uint8(255), format="png")
    page.http.post(f"/api{page.photo}/mask", files={"file": ("m.png", content.getvalue())}, data={"how": "add"})
    np.testing.assert_array_equal(page.mask(page.photo), wanted | added)
    small = io.BytesIO()
    inpaintkit.write(small, np.full((5, 5), 255, np.uint8), format="png")
    answer = page.http.post(f"/api{page.photo}/mask", files={"file": ("m.png", small.getvalue())})
    assert answer.status_code == 422
    assert "(5, 5), the photo is (90, 120)" in answer.json()["error"]


WRONG = [
    [],
    "stroke",
    {},
    {"type": "fill", "method": "telea"},
    {"type": "mask"},
    {"type": "stroke", "points": [[1, 1]]},
    {"type": "stroke", "points": [[1, 1]], "width": "7"},
    {"type": "stroke", "points": [[1, 1]], "width": True},
    {"type": "stroke", "points": [[1, 1]], "width": 1e300},
    {"type": "stroke", "points": [], "width": 3},
    {"type": "stroke", "points": [[1, None]], "width": 3},
    {"type": "stroke", "points": {"x": 1}, "width": 3},
    {"type": "stroke", "points": [[1e18, 1]], "width": 3},
    {"type": "stroke", "points": [[500, 500]], "width": 3},
    {"type": "stroke", "points": [[1, 1]], "width": 3, "mode": "xor"},
    {"type": "stroke", "points": [[1, 1]], "width": 3, "layer": "../mask"},
    {"type": "rect", "box": [1.5, 2, 3, 4]},
    {"type": "rect", "box": [1, 2, 3]},
    {"type": "ellipse", "box": [500, 2, 3, 3]},
    {"type": "polygon", "points": [[1, 1], [2, 2]]},
    {"type": "grow", "radius": -1},
    {"type": "grow", "radius": 1.5},
    {"type": "grow", "radius": "2"},
    {"type": "wand", "point": [1, 1], "tolerance": 7},
    {"type": "wand", "point": [1, 1], "tolerance": "a"},
    {"type": "wand", "point": [500, 1], "tolerance": 0.1},
    {"type": "wand", "point": "1,1", "tolerance": 0.1},
    {"type": "object", "points": [[1, 1]]},
    {"type": "object", "points": [[500, 1, 1]]},
    {"type": "object", "points": [[1, 1, 0]]},
    {"type": "pieces", "find": "0"},
    *(
        {"type": "object", "points": points}
        for points in ([], [[58, 45]], [[58, 45, 2]], [[9, 9, 0]], [["a", 1, 1]], 7)
    ),
]


def test_an_event_that_cannot_be_meant_is_one_line_and_leaves_no_trace(page):
    before = page.get(page.photo)
    for event in WRONG:
        status, error = page.refused(f"{page.photo}/events", event)
        assert status in (409, 422), event
        assert error
        assert page.get(page.photo) == before, event


def test_a_body_that_is_no_json_is_one_line(page):
    answer = page.http.post(f"/api{page.photo}/events", content=b"{")
    assert (answer.status_code, answer.json()) == (400, {"error": "the body is not JSON"})
    deep = page.http.post(f"/api{page.photo}/events", content=b"[" * 100_000)
    assert deep.status_code == 400


def test_of_a_picture_of_any_kind_the_mask_is_painted(open_page, tmp_path):
    inpaintkit.write(tmp_path / "grey.tif", noise(dtype="float32", channels=1))
    page = open_page(tmp_path / "grey.tif")
    about = page.get(page.photo)
    assert (about["dtype"], about["channels"], about["grey"], about["alpha"]) == ("float32", 1, True, False)
    page.post(f"{page.photo}/events", STROKES["ellipse"])
    np.testing.assert_array_equal(page.mask(page.photo), expected(STROKES["ellipse"]))


def test_strokes_make_the_same_mask_again_whatever_they_were_selected_with(open_page, tmp_path):
    picture = noise()
    picture[10:40, 20:70] = 90
    inpaintkit.write(tmp_path / "photo.png", picture)
    page = open_page(tmp_path / "photo.png")
    loaded = io.BytesIO()
    inpaintkit.write(loaded, np.where(noise(channels=1) > 127, np.uint8(255), np.uint8(0)), format="png")
    page.post(f"{page.photo}/events", STROKES["dot"])
    page.http.post(f"/api{page.photo}/mask", files={"file": ("m.png", loaded.getvalue())}, data={"how": "replace"})
    page.post(f"{page.photo}/events", {"type": "wand", "point": [30, 20], "tolerance": 0.05, "mode": "erase"})
    page.post(f"{page.photo}/events", {"type": "object", "points": [[40, 25, 1]], "layer": "source"})
    found = page.job(page.post(f"{page.photo}/find", {"kind": "colour", "colour": "#5a5a5a"}))["result"]
    assert found["count"]
    page.post(f"{page.photo}/events", {"type": "pieces", "find": found["find"], "layer": "guide:1"})
    page.post(f"{page.photo}/events", {"type": "shrink", "radius": 1, "layer": "guide:1"})
    names = ("mask", "source", "guide:1")
    wanted = [page.mask(page.photo, name) for name in names]
    assert all(mask.any() for mask in wanted)
    assert not wanted[0][12:38, 22:68].any()
    strokes = page.get(f"{page.photo}/download?what=strokes")
    for _ in range(7):
        page.post(f"{page.photo}/undo")
    assert not any(page.mask(page.photo, name).any() for name in names)
    page.post(f"{page.photo}/strokes", strokes)
    for name, mask in zip(names, wanted, strict=True):
        np.testing.assert_array_equal(page.mask(page.photo, name), mask)


def test_what_a_fill_left_painted_is_among_the_strokes(page):
    for left in (10, 60):
        page.post(f"{page.photo}/events", {"type": "rect", "box": [left, 20, 30, 30]})
    page.job(page.post(f"{page.photo}/fill", {"method": "telea", "box": [0, 0, 50, 90]}))
    page.post(f"{page.photo}/events", STROKES["dot"])
    wanted = page.mask(page.photo)
    np.testing.assert_array_equal(wanted, masks.rect(SHAPE, (60, 20, 30, 30)) | expected(STROKES["dot"]))
    strokes = page.get(f"{page.photo}/download?what=strokes")
    page.post(f"{page.photo}/events", {"type": "clear"})
    page.post(f"{page.photo}/strokes", strokes)
    np.testing.assert_array_equal(page.mask(page.photo), wanted)


def test_pixels_of_another_photo_are_put_where_they_were(page):
    corner = np.zeros((4, 6), bool)
    corner[::2, ::3] = True
    event = pixels("mask", Box(SHAPE[1] - 3, SHAPE[0] - 2, 6, 4), corner)
    page.post(f"{page.photo}/events", event)
    wanted = np.zeros(SHAPE, bool)
    wanted[-2, -3] = True  # what else it marks lies outside
    np.testing.assert_array_equal(page.mask(page.photo), wanted)
    for wrong, text in (
        ({"box": [500, 500, 6, 4]}, "cover no pixel"),
        ({"box": [0, 0, 5, 4]}, "png is (4, 6), box is (4, 5)"),
        ({"png": "é"}, "no base64"),
        ({"png": "AAAA"}, "png"),
        ({"png": 7}, "no base64"),
    ):
        status, error = page.refused(f"{page.photo}/events", {**event, **wrong})
        assert (status, text in error) == (422, True), error


def test_a_change_comes_with_the_pixels_that_are_seen_now(page):
    page.post(f"{page.photo}/events", STROKES["dot"])
    change = page.post(f"{page.photo}/events", STROKES["lasso"])
    left, top, width, height = change["changed"]["mask"]
    sent = np.asarray(Image.open(io.BytesIO(base64.b64decode(change["pixels"]["mask"]))))
    tile = page.tile(page.photo, "mask")
    np.testing.assert_array_equal(sent, tile[top : top + height, left : left + width])
    page.job(page.post(f"{page.photo}/fill", {"method": "telea"}))
    change = page.post(f"{page.photo}/undo")
    left, top, width, height = change["changed"]["picture"]
    sent = np.asarray(Image.open(io.BytesIO(base64.b64decode(change["pixels"]["picture"]))))
    np.testing.assert_array_equal(sent, page.tile(page.photo, "now")[top : top + height, left : left + width])


def test_a_selection_is_shown_before_it_is_made(open_page, tmp_path):
    picture = np.full((40, 1300, 3), 120, np.uint8)
    picture[5:15, 1000:1013] = (200, 40, 40)
    inpaintkit.write(tmp_path / "sign.png", picture)
    page = open_page(tmp_path / "sign.png")
    event = {"type": "wand", "point": [1005, 7], "tolerance": 0.1}
    before = page.get(page.photo)
    for level, box in ((0, "1000,5,13,10"), (1, "1000,4,14,12")):
        answer = page.http.post(f"/api{page.photo}/select", json={**event, "level": level})
        assert answer.headers["x-box"] == box
        left, top, width, height = map(int, box.split(","))
        shown = np.asarray(Image.open(io.BytesIO(answer.content)))[..., 3]
        assert shown.shape == (height >> level, width >> level)
        wanted = (picture[top : top + height, left : left + width, 0] == 200).reshape(*shown.shape[:1], 1 << level, -1)
        np.testing.assert_array_equal(shown > 0, wanted.reshape(*wanted.shape[:2], -1, 1 << level).any(axis=(1, 3)))
    assert page.get(page.photo) == before
    page.post(f"{page.photo}/events", event)
    np.testing.assert_array_equal(page.mask(page.photo), picture[..., 0] == 200)
    for wrong in (STROKES["dot"], {**event, "level": 9}, {**event, "level": "1"}, {**event, "point": [-1, 0]}):
        assert page.refused(f"{page.photo}/select", wrong)[0] == 422


def test_a_selection_that_was_shown_is_not_worked_out_again_unless_the_picture_has_changed(page, monkeypatch):
    from inpaintkit.ui import desk

    event, asked, wand = {"type": "wand", "point": [3, 3], "tolerance": 0.2}, [], masks.wand
    monkeypatch.setattr(desk.masks, "wand", lambda *given, **more: asked.append(given) or wand(*given, **more))
    page.http.post(f"/api{page.photo}/select", json=event)
    page.post(f"{page.photo}/events", event)
    assert len(asked) == 1
    np.testing.assert_array_equal(page.mask(page.photo), wand(asked[0][0], (3, 3), tolerance=0.2))
    page.job(page.post(f"{page.photo}/fill", {"method": "telea"}))
    page.post(f"{page.photo}/events", event)
    assert len(asked) == 2
