"""Pictures opened and seen: every type in tiles, at full size exactly, and smaller ones as means of what is there."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image
from served import noise

import inpaintkit
from inpaintkit.sheet import Display
from inpaintkit.ui.changes import Patch
from inpaintkit.ui.tiles import Pyramid, coverage, level_count, level_shape, tile_box


def upload(page, name, data):
    answer = page.http.post("/api/photos", files={"file": (name, data)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def saved(picture, format, **more):
    content = io.BytesIO()
    Image.fromarray(picture).save(content, format, **more)
    return content.getvalue()


@pytest.mark.parametrize(
    ("dtype", "channels", "alpha"),
    [("uint8", 3, False), ("uint8", 4, True), ("uint16", 3, False), ("uint8", 1, False), ("uint8", 2, True)],
)
def test_a_png_is_shown_as_it_is(open_page, tmp_path, dtype, channels, alpha):
    picture = noise(dtype=dtype, channels=channels)
    inpaintkit.write(tmp_path / "a.png", picture)
    page = open_page(tmp_path / "a.png")
    about = page.get(page.photo)
    assert (about["width"], about["height"], about["dtype"]) == (120, 90, dtype)
    assert (about["channels"], about["alpha"], about["grey"]) == (channels, alpha, channels < 3)
    assert (about["format"], about["levels"]) == ("PNG", 1)
    shown = Display.of(picture).rgba(picture)
    np.testing.assert_array_equal(page.tile(page.photo, "now"), shown if alpha else shown[..., :3])


@pytest.mark.parametrize(("dtype", "channels"), [("float32", 3), ("float32", 1), ("int16", 5), ("uint16", 7)])
def test_a_tiff_of_any_type_is_shown_stretched(open_page, tmp_path, dtype, channels):
    picture = noise(dtype=dtype, channels=channels) / (40 if dtype == "float32" else 1)
    picture = picture.astype(dtype)
    inpaintkit.write(tmp_path / "a.tif", picture)
    page = open_page(tmp_path / "a.tif")
    wanted = Display.of(picture, channels="bands").rgba(picture)[..., :3]
    assert np.ptp(wanted) > 200
    np.testing.assert_array_equal(page.tile(page.photo, "now"), wanted)


@pytest.mark.parametrize("format", ["JPEG", "WebP", "BMP", "TIFF", "AVIF"])
def test_what_is_dropped_on_the_page_is_opened_by_its_content(open_page, format):
    page = open_page(None)
    about = upload(page, "dropped.png", saved(noise(), format))
    assert (about["format"], about["name"]) == (format, "dropped.png")
    assert page.get("/state")["photos"][0]["id"] == about["id"]
    small = Image.open(io.BytesIO(page.http.get(f"/api/photos/{about['id']}/thumbnail.png").content))
    assert small.size == (120, 90)


def test_what_is_no_picture_is_one_line_and_is_not_kept(open_page):
    page = open_page(None)
    for data in (b"", b"text", saved(noise(), "PNG")[:500]):
        answer = page.http.post("/api/photos", files={"file": ("what.png", data)})
        assert answer.status_code == 422
        assert answer.json()["error"].startswith("what.png")
    assert page.get("/state")["photos"] == []
    assert page.http.post("/api/photos", data={"file": "what.png"}).status_code in (400, 422)
    assert page.http.post("/api/photos", json={"path": "a.png"}).status_code == 403
    for path in ("", "/tiles/now/0/0/0", "/thumbnail.png"):
        assert page.http.get(f"/api/photos/none{path}").status_code == 404


def test_a_picture_of_several_tiles_is_whole_at_every_level(open_page, tmp_path):
    y, x = np.mgrid[:700, :1300]
    picture = np.dstack([x // 6, y // 3, (x + y) // 8]).astype(np.uint8)  # smooth, for the JPEGs
    inpaintkit.write(tmp_path / "a.png", picture)
    page = open_page(tmp_path / "a.png")
    assert page.get(page.photo)["levels"] == 3
    level = picture.astype(float)
    for number in range(3):
        height, width = -(-700 >> number), -(-1300 >> number)
        rows, columns = range(-(-height // 512)), range(-(-width // 512))
        shown = np.vstack([np.hstack([page.tile(page.photo, "now", number, x, y) for x in columns]) for y in rows])
        assert shown.shape == (height, width, 3)
        if number == 0:
            np.testing.assert_array_equal(shown, picture)
        else:  # a JPEG
            level = np.pad(level, ((0, level.shape[0] % 2), (0, level.shape[1] % 2), (0, 0)), mode="edge")
            level = level.reshape(height, 2, width, 2, 3).mean(axis=(1, 3))
            assert np.abs(shown - level).max() < 5
        path = f"/api{page.photo}/tiles/now/{number}/{columns[-1] + 1}/0"
        assert page.http.get(path).status_code == 404
    assert page.http.get(f"/api{page.photo}/tiles/none/0/0/0").status_code == 404


@pytest.mark.parametrize("channels", [3, 4])
def test_a_change_brings_all_levels_up_to_date_as_if_they_were_made_anew(channels):
    rng = np.random.default_rng(0)
    pixels = noise(1100, 1410, channels=channels)
    display = Display.of(pixels)
    pyramid = Pyramid(pixels, display)
    shape = pyramid.shape
    levels = level_count(shape)
    for level in range(levels):
        pyramid.part(level, tile_box(shape, level, 0, 0))
    hole = np.zeros(shape, bool)
    for x, y in rng.integers(0, 1000, (6, 2)):
        hole[y : y + 37, x : x + 61] = True
    after = pixels.copy()
    after[hole] = noise(1100, 1410, channels=channels, seed=1)[hole]
    patch, fresh = Patch.of(pixels, after, hole), Pyramid(after, display)
    tiles = [
        (level, tile_box(shape, level, x, y))
        for level in range(levels)
        for y in range(-(-level_shape(shape, level)[0] // 512))
        for x in range(-(-level_shape(shape, level)[1] // 512))
    ]
    for level, box in tiles:
        np.testing.assert_array_equal(
            pyramid.patched(level, box, patch), fresh.part(level, box), err_msg=f"{level} {box}"
        )
    old = Pyramid(pixels.copy(), display)
    before = pyramid.copy()
    patch.put(pixels)
    np.testing.assert_array_equal(pixels, after)
    for cell in patch.cells.values():
        pyramid.renew(cell.box)
    for level, box in tiles:
        np.testing.assert_array_equal(pyramid.part(level, box), fresh.part(level, box))
        np.testing.assert_array_equal(pyramid.patched(level, box, patch, undo=True), old.part(level, box))
        if level:
            np.testing.assert_array_equal(before.part(level, box), old.part(level, box))


def test_before_is_what_was_opened_at_every_level_whoever_looked_first(open_page, tmp_path):
    inpaintkit.write(tmp_path / "a.png", noise(600, 1100))
    page = open_page(tmp_path / "a.png")
    page.post(f"{page.photo}/events", {"type": "rect", "box": [480, 100, 90, 70]})
    page.job(page.post(f"{page.photo}/fill", {"method": "harmonic"}))  # before any level was looked at
    with page.desk.shelf.use(page.photo.rpartition("/")[2]) as photo:
        original = Pyramid(noise(600, 1100), photo.display)
        for level in range(3):
            box = tile_box((600, 1100), level, 0, 0)
            np.testing.assert_array_equal(photo.before(level, box), original.part(level, box))
            assert (photo.now.part(level, box) != original.part(level, box)).any()


def test_transparent_pixels_lend_no_colour_to_a_smaller_picture():
    pixels = np.zeros((1024, 1024, 4), np.uint8)
    pixels[::2, ::2] = (200, 100, 50, 255)
    pixels[1::2] = (0, 255, 0, 0)
    shown = Pyramid(pixels, Display.of(pixels)).part(1, tile_box((1024, 1024), 1, 0, 0))
    assert (shown == (200, 100, 50, 64)).all()


def test_no_thin_line_of_a_mask_is_lost_when_it_is_shown_smaller():
    mask = np.zeros((3000, 4000), bool)
    mask[1001] = True
    for level in range(level_count(mask.shape)):
        box = tile_box(mask.shape, level, 0, (1001 >> level) // 512)
        opacity = coverage(mask, level, box)[..., 3]
        row = (1001 >> level) - box.top
        assert (opacity[row] >= 96).all()
        assert np.count_nonzero(opacity.any(axis=1)) == 1


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.png", "b.png", "sub/c.jpg", "a_repaired.png", "b_mask.png"):
        inpaintkit.write(folder / name, noise())
    (folder / "notes.txt").write_text("no picture")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def test_a_folder_is_listed_with_what_is_done(open_page, folder):
    page = open_page(folder)
    listed = page.get("/state")["folder"]
    assert listed["name"] == "photos"
    assert [(photo["name"], photo["done"]) for photo in listed["photos"]] == [
        ("a.png", True),
        ("b.png", False),
        ("broken.png", False),
        ("sub/c.jpg", False),
    ]
    ids = {photo["name"]: photo["id"] for photo in listed["photos"]}
    path = f"/photos/{ids['b.png']}"
    assert page.picture(f"{path}/thumbnail.png").shape == (90, 120, 3)
    assert page.http.get(f"/api/photos/{ids['broken.png']}/thumbnail.png").status_code == 422
    assert page.http.get(f"/api/photos/{ids['broken.png']}").status_code == 422
    page.post(f"{path}/events", {"type": "rect", "box": [40, 30, 20, 16]})
    assert [photo["unsaved"] for photo in page.get("/state")["folder"]["photos"]] == [False, True, False, False]
    page.post(f"{path}/save", {"where": "in_place"})
    state = page.get("/state")["folder"]["photos"]
    assert [(photo["done"], photo["unsaved"]) for photo in state][1] == (True, False)


def test_a_thumbnail_shows_what_was_done_also_when_the_photo_is_no_longer_in_memory(open_page, folder):
    page = open_page(folder)
    ids = {photo["name"]: photo["id"] for photo in page.get("/state")["folder"]["photos"]}
    path = f"/photos/{ids['b.png']}"
    before = page.picture(f"{path}/thumbnail.png")
    page.post(f"{path}/events", {"type": "rect", "box": [40, 30, 20, 16]})
    page.job(page.post(f"{path}/fill", {"method": "harmonic"}))
    after = page.picture(f"{path}/thumbnail.png")
    assert (after != before).any()
    page.close()
    page = open_page(folder)
    np.testing.assert_array_equal(page.picture(f"{path}/thumbnail.png"), after)
    assert page.desk.shelf.is_open(ids["b.png"]) is None


def test_photos_that_nobody_uses_leave_the_memory_and_come_back_as_they_were(open_page, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(6):
        inpaintkit.write(folder / f"{number}.png", noise(seed=number))
    page = open_page(folder)
    ids = [photo["id"] for photo in page.get("/state")["folder"]["photos"]]
    for name in ids:
        page.post(f"/photos/{name}/events", {"type": "rect", "box": [40, 30, 20, 16]})
    assert [page.desk.shelf.is_open(name) is not None for name in ids] == [False] * 3 + [True] * 3
    assert page.mask(f"/photos/{ids[0]}").sum() == 320


def test_what_reading_warned_of_is_a_notice(open_page, tmp_path):
    content = io.BytesIO()
    Image.fromarray(noise()).save(content, "PNG", exif=b"Exif\0\0broken")
    (tmp_path / "a.png").write_bytes(content.getvalue())
    page = open_page(tmp_path / "a.png")
    assert [notice for notice in page.get(page.photo)["notices"] if "metadata cannot be read" in notice]


def scan(path, pages):
    """A TIFF of several pages."""
    with tifffile.TiffWriter(path) as file:
        for page in pages:
            file.write(page, photometric="rgb")


@pytest.mark.parametrize("sent", [False, True])
def test_each_page_of_a_file_is_a_photo_of_its_own(open_page, tmp_path, sent):
    pages = [noise(seed=seed) for seed in range(3)]
    scan(tmp_path / "scan.tif", pages)
    page = open_page(None if sent else tmp_path / "scan.tif")
    data = (tmp_path / "scan.tif").read_bytes()
    photo = f"/photos/{upload(page, 'scan.tif', data)['id']}" if sent else page.photo
    about = page.get(photo)
    assert (about["page"], about["pages"], about["can"]["in_place"]) == (1, 3, False)
    second = f"{photo}-page-2"
    page.post(f"{second}/events", {"type": "rect", "box": [10, 10, 20, 20]})
    assert page.get(second)["page"] == 2
    assert page.get(second)["file"] == about["id"] == about["file"]
    assert not page.mask(photo).any()
    for number, which in enumerate((photo, second, f"{photo}-page-3")):
        np.testing.assert_array_equal(page.tile(which, "now"), pages[number])
    page.job(page.post(f"{second}/fill", {"method": "telea"}))
    assert [each["unsaved"] for each in page.get("/state")["photos"]] == [True]
    mask = np.zeros((90, 120), bool)
    mask[10:30, 10:30] = True
    wanted = inpaintkit.inpaint(pages[1], mask, "telea")
    np.testing.assert_array_equal(page.picture(f"{second}/download?what=picture&format=png"), wanted)
    if not sent:
        assert page.post(f"{second}/save", {"where": "beside"})["path"] == "scan_repaired_page2.tif"
        np.testing.assert_array_equal(inpaintkit.read(tmp_path / "scan_repaired_page2.tif"), wanted)
        assert page.refused(f"{second}/save", {"where": "in_place"})[0] == 409
    page.close()
    page = open_page(None if sent else tmp_path / "scan.tif")
    np.testing.assert_array_equal(page.tile(second, "now"), wanted)
    for name in ("-page-0", "-page-1", "-page-x", "-page-02", "-page-2-page-3"):
        assert page.http.get(f"/api{photo}{name}").status_code == 404, name
    assert page.http.get(f"/api{photo}-page-4").status_code == 422


def test_a_page_of_an_animation_is_not_saved_over_all_of_it(open_page, tmp_path):
    frames = [Image.fromarray(noise(seed=seed)) for seed in range(2)]
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:], lossless=True)
    page = open_page(tmp_path / "moving.webp")
    about = page.get(page.photo)
    assert (about["pages"], about["can"]["in_place"]) == (2, False)
    np.testing.assert_array_equal(page.tile(f"{page.photo}-page-2", "now"), noise(seed=1))
