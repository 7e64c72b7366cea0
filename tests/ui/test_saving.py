"""What leaves the page: known pixels bit for bit; in place, beside, as a download, by a run over the folder."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from served import noise, registered, takes_files

import inpaintkit
from inpaintkit import files, masks

SPOT = {"type": "rect", "box": [40, 30, 20, 16]}
HOLE = masks.rect((90, 120), (40, 30, 20, 16))


def fill(page, photo=None):
    photo = photo or page.photo
    page.post(f"{photo}/events", SPOT)
    page.job(page.post(f"{photo}/fill", {"method": "telea"}))


def test_in_place_the_original_is_kept_and_the_history_goes_on_from_it(open_page, photo_file):
    original = photo_file.read_bytes()
    page = open_page(photo_file)
    fill(page)
    answer = page.post(f"{page.photo}/save", {"where": "in_place"})
    backup = photo_file.with_name("photo.png.orig")
    assert (answer["path"], answer["backup"], answer["saved"], answer["warnings"]) == (
        "photo.png",
        backup.name,
        True,
        [],
    )
    assert backup.read_bytes() == original
    found = inpaintkit.read(photo_file)
    np.testing.assert_array_equal(found, inpaintkit.inpaint(noise(), HOLE, "telea"))
    np.testing.assert_array_equal(found[~HOLE], noise()[~HOLE])
    page.post(f"{page.photo}/events", {"type": "rect", "box": [0, 0, 9, 9]})
    assert page.get(page.photo)["saved"] is False
    page.job(page.post(f"{page.photo}/fill", {"method": "telea"}))
    page.post(f"{page.photo}/save", {"where": "in_place"})
    assert backup.read_bytes() == original
    for _ in range(2):  # restarted, and restarted again
        page.close()
        page = open_page(photo_file)
        about = page.get(page.photo)
        assert (about["cursor"], about["saved"], about["notices"]) == (4, True, [])
        np.testing.assert_array_equal(page.tile(page.photo, "before"), noise())
        np.testing.assert_array_equal(page.tile(page.photo, "now"), inpaintkit.read(photo_file))
    for _ in range(4):
        page.post(f"{page.photo}/undo")
    np.testing.assert_array_equal(page.tile(page.photo, "now"), noise())
    page.post(f"{page.photo}/save", {"where": "in_place"})
    np.testing.assert_array_equal(inpaintkit.read(photo_file), noise())


def test_a_save_that_was_cut_off_between_its_steps_loses_nothing(open_page, photo_file, monkeypatch):
    from inpaintkit.ui import saving

    page = open_page(photo_file)
    fill(page)

    def killed(*_, **__):
        raise OSError("the disk is gone")

    monkeypatch.setattr(saving.atomic, "write_bytes", killed)
    assert page.refused(f"{page.photo}/save", {"where": "in_place"})[0] == 422
    assert page.get(page.photo)["saved"] is False
    monkeypatch.undo()
    page.close()
    monkeypatch.setenv("INPAINTKIT_SESSIONS", str(photo_file.parent / "sessions"))
    page = open_page(photo_file)
    about = page.get(page.photo)
    assert (about["count"], about["notices"], about["saved"]) == (2, [], False)


def test_another_pictures_backup_is_not_taken_for_this_ones(page, photo_file):
    inpaintkit.write(photo_file.with_name("other.png"), np.zeros((50, 50, 3), np.uint8))
    photo_file.with_name("other.png").rename(photo_file.with_name("photo.png.orig"))
    fill(page)
    before = photo_file.read_bytes()
    status, error = page.refused(f"{page.photo}/save", {"where": "in_place"})
    assert status == 409
    assert "was kept from another picture" in error
    assert photo_file.read_bytes() == before


def test_saved_is_a_matter_of_where_the_history_stands(page):
    assert page.get(page.photo)["saved"] is True
    fill(page)
    page.post(f"{page.photo}/save", {"where": "beside"})
    assert [page.post(f"{page.photo}/{way}")["saved"] for way in ("undo", "redo", "undo", "undo")] == [
        False,
        True,
        False,
        False,
    ]


def test_beside_a_file_that_is_not_ours_stays(page, photo_file):
    theirs = photo_file.with_name("photo_repaired.png")
    inpaintkit.write(theirs, noise(seed=3))
    kept = theirs.read_bytes()
    fill(page)
    assert page.post(f"{page.photo}/save", {"where": "beside"})["path"] == "photo_repaired_2.png"
    assert page.post(f"{page.photo}/save", {"where": "beside"})["path"] == "photo_repaired_2.png"  # ours, replaced
    assert page.refused(f"{page.photo}/save", {"where": "beside", "name": "photo_repaired.png"})[0] == 409
    assert page.refused(f"{page.photo}/save", {"where": "beside", "name": "photo.png"})[0] == 409
    assert theirs.read_bytes() == kept
    named = page.post(f"{page.photo}/save", {"where": "beside", "name": "Straße 1.tif"})
    np.testing.assert_array_equal(files.read(photo_file.with_name(named["path"]))[~HOLE], noise()[~HOLE])
    assert page.post(f"{page.photo}/save", {"where": "beside", "format": "webp"})["path"] == "photo_repaired.webp"


@pytest.mark.parametrize("format", ["png", "jpeg", "tiff", "webp", "bmp"])
def test_every_format_can_be_downloaded(page, format):
    fill(page)
    answer = page.http.get(f"/api{page.photo}/download?what=picture&format={format}")
    image = Image.open(io.BytesIO(answer.content))
    assert image.format == format.upper()
    assert answer.headers["content-type"] == f"image/{format}"
    assert "attachment" in answer.headers["content-disposition"]
    if format != "jpeg":
        np.testing.assert_array_equal(np.asarray(image), inpaintkit.inpaint(noise(), HOLE, "telea"))
    assert page.get(page.photo)["saved"] is True


def test_a_jpeg_keeps_what_it_says_and_is_said_to_be_stored_anew(open_page, tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "a cat"
    Image.fromarray(noise()).save(tmp_path / "a.jpg", quality=90, dpi=(300, 300), exif=exif)
    page = open_page(tmp_path / "a.jpg")
    fill(page)
    answer = page.post(f"{page.photo}/save", {"where": "in_place"})
    assert [text for text in answer["warnings"] if text.startswith("JPEG stores every picture anew")]
    with Image.open(tmp_path / "a.jpg") as image:
        assert (image.info["dpi"], image.getexif()[0x010E]) == ((300, 300), "a cat")


def test_what_a_format_cannot_hold_is_not_offered_and_is_one_line(open_page, tmp_path):
    inpaintkit.write(tmp_path / "a.tif", noise(dtype="float32"))
    page = open_page(tmp_path / "a.tif")
    assert page.get(page.photo)["can"] == {"in_place": True, "beside": True, "formats": ["tiff"]}
    status, error = page.refused(f"{page.photo}/save", {"where": "beside", "format": "png"})
    assert status == 422
    assert "float32" in error
    for asked in ({"where": "elsewhere"}, {"where": "beside", "format": "gif"}, {"where": "beside", "format": 1}):
        assert page.refused(f"{page.photo}/save", asked)[0] == 422
    assert page.http.get(f"/api{page.photo}/download?what=all").status_code == 422


def test_what_is_only_read_is_saved_as_png(open_page, tmp_path):
    Image.fromarray(noise()).save(tmp_path / "a.avif")
    page = open_page(tmp_path / "a.avif")
    known = inpaintkit.read(tmp_path / "a.avif")
    fill(page)
    assert page.get(page.photo)["can"]["in_place"] is False
    assert page.refused(f"{page.photo}/save", {"where": "in_place"})[0] == 409
    assert page.post(f"{page.photo}/save", {"where": "beside"})["path"] == "a_repaired.png"
    np.testing.assert_array_equal(inpaintkit.read(tmp_path / "a_repaired.png")[~HOLE], known[~HOLE])


@pytest.fixture
def dusty():
    """Grey paper with three specks."""
    picture = np.full((120, 160, 3), 128, np.uint8) + noise(120, 160) // 64
    for x, y in ((30, 30), (80, 60), (130, 95)):
        picture[y - 2 : y + 3, x - 2 : x + 3] = 250
    return picture.astype(np.uint8)


def test_pieces_are_found_and_accepted_or_dropped(open_page, tmp_path, dusty):
    inpaintkit.write(tmp_path / "a.png", dusty)
    page = open_page(tmp_path / "a.png")
    asked = {"kind": "dust", "sensitivity": 0.7}
    result = page.job(page.post(f"{page.photo}/find", asked))["result"]
    mask, info = inpaintkit.find_mask(dusty, "dust", sensitivity=0.7, return_info=True)
    assert (result["count"], result["accepted"], result["pixels"]) == (3, 3, np.count_nonzero(mask))
    by_place = {tuple(piece["box"]): piece for piece in result["pieces"]}
    assert set(by_place) == {tuple(piece.box) for piece in info.found}
    find = f"{page.photo}/find/{result['find']}"
    shown = page.tile(page.photo, f"find-{result['find']}")
    np.testing.assert_array_equal(shown[..., 3] > 0, mask)
    assert (shown[60, 80] == shown[30, 30]).all()
    answer = page.post(find, {"toggle": [80.4, 59.7]})
    assert (answer["accepted"], answer["changed"]) == (2, list(next(box for box in by_place if 70 < box[0] < 90)))
    shown = page.tile(page.photo, f"find-{result['find']}")
    assert (shown[60, 80] != shown[30, 30]).any()
    assert page.post(find, {"toggle": [5, 110]})["changed"] is None
    first = next(piece["id"] for piece in result["pieces"] if piece["box"][0] < 40)
    assert page.post(find, {"drop": [first], "accept": []})["accepted"] == 1
    page.post(f"{page.photo}/events", {"type": "pieces", "find": result["find"]})
    wanted = mask.copy()
    wanted[:, :100] = False
    np.testing.assert_array_equal(page.mask(page.photo), wanted)
    assert page.post(find, {"threshold": 0})["accepted"] == 3
    assert page.post(find, {"threshold": 1.1})["accepted"] == 0
    assert page.refused(f"{page.photo}/events", {"type": "pieces", "find": result["find"]})[0] == 422
    for wrong in ({"drop": [0]}, {"accept": [4]}, {"accept": "1"}, {"toggle": [1]}, {"threshold": "x"}):
        assert page.refused(find, wrong)[0] == 422
    assert page.refused(f"{page.photo}/find/none", {"threshold": 1})[0] == 404
    page.post(f"{page.photo}/undo")
    assert not page.mask(page.photo).any()


def test_a_search_that_cannot_be_meant_or_finds_too_much_says_so(page):
    job = page.over(page.post(f"{page.photo}/find", {"kind": "smoke"}))
    assert (job["state"], "choose one of text" in job["error"]) == ("failed", True)
    job = page.over(page.post(f"{page.photo}/find", {"kind": "dust", "sensitivity": 2}))
    assert "expected 0 (only clear cases) to 1" in job["error"]
    assert "there is no 'path'" in page.over(page.post(f"{page.photo}/find", {"path": "x"}))["error"]
    job = page.job(page.post(f"{page.photo}/find", {"kind": "colour", "pick": [3, 3], "sensitivity": 0.2}))
    assert job["result"]["count"] >= 1


@pytest.fixture
def folder(tmp_path, dusty):
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.png", "sub/b.png"):
        inpaintkit.write(folder / name, dusty)
    inpaintkit.write(folder / "small.png", dusty[:60, :80])
    return folder


def first(page):
    return next(photo["id"] for photo in page.get("/state")["folder"]["photos"] if photo["name"] == "a.png")


def test_the_same_is_done_with_the_folder(open_page, folder, dusty):
    page = open_page(folder)
    name = first(page)
    assert page.refused("/folder/fill", {"from": name, "use": "mask"})[0] == 409
    page.post(f"/photos/{name}/events", SPOT)
    settings = {"method": "telea", "options": {"radius": 3}}
    job = page.job(page.post("/folder/fill", {"from": name, "use": "mask", "settings": settings}))
    result = job["result"]
    assert (result["done"], result["skipped"], [failure["photo"] for failure in result["failed"]]) == (
        2,
        0,
        ["small.png"],
    )
    assert "(60, 80)" in result["failed"][0]["error"]
    hole = masks.rect((120, 160), SPOT["box"])
    wanted = inpaintkit.inpaint(dusty, hole, "telea", radius=3.0)
    for relative in ("a.png", "sub/b.png"):
        np.testing.assert_array_equal(inpaintkit.read(folder / "repaired" / relative), wanted)
        np.testing.assert_array_equal(inpaintkit.read(folder / relative), dusty)
    state = {photo["name"]: photo["done"] for photo in page.get("/state")["folder"]["photos"]}
    assert state == {"a.png": True, "small.png": False, "sub/b.png": True}
    asked = {"from": name, "use": "mask", "settings": settings, "resize_mask": True}
    result = page.job(page.post("/folder/fill", asked))["result"]
    assert (result["done"], result["skipped"], result["failed"]) == (1, 2, [])
    assert [warning["photo"] for warning in result["warnings"]] == []


def test_a_search_is_done_with_the_folder_in_place(open_page, folder, dusty):
    page = open_page(folder)
    asked = {
        "use": "find",
        "find": {"kind": "dust", "sensitivity": 0.7},
        "where": "in_place",
        "settings": {"method": "telea"},
    }
    result = page.job(page.post("/folder/fill", asked))["result"]
    assert (result["done"], result["failed"]) == (3, [])
    mask = inpaintkit.find_mask(dusty, "dust", sensitivity=0.7)
    wanted = inpaintkit.inpaint(dusty, mask, "telea", dilate="auto")
    np.testing.assert_array_equal(inpaintkit.read(folder / "a.png"), wanted)
    np.testing.assert_array_equal(files.read(io.BytesIO((folder / "a.png.orig").read_bytes())), dusty)
    assert page.refused("/folder/fill", {"use": "all"})[0] == 422
    asked["settings"] = {"method": "files", "options": {"weights": "/etc/passwd"}}
    with registered("files", takes_files):
        assert "may name a file" in page.refused("/folder/fill", asked)[1]


def test_strokes_outlive_a_run_over_the_folder_in_place(open_page, folder, dusty):
    page = open_page(folder)
    photo = f"/photos/{first(page)}"
    page.post(f"{photo}/events", SPOT)
    page.job(page.post("/folder/fill", {"from": first(page), "use": "mask", "where": "in_place"}))
    assert "has changed on the disk since it was opened" in page.get(photo)["notices"][0]
    page.close()
    page = open_page(folder)
    about = page.get(photo)
    assert about["cursor"] == 1
    assert about["notices"] == ["a.png was repaired elsewhere since: what is shown here begins with a.png.orig"]
    np.testing.assert_array_equal(page.tile(photo, "before"), dusty)
    page.post(f"{photo}/save", {"where": "in_place"})
    np.testing.assert_array_equal(inpaintkit.read(folder / "a.png"), dusty)
    page.close()
    page = open_page(folder)
    assert (page.get(photo)["cursor"], page.get(photo)["notices"]) == (1, [])


def test_without_a_folder_nothing_is_done_with_one(page):
    page.post(f"{page.photo}/events", SPOT)
    asked = {"from": page.photo.rpartition("/")[2], "use": "mask"}
    assert "no folder was opened" in page.refused("/folder/fill", asked)[1]


def test_methods_are_listed_with_their_options(page):
    with registered("files", takes_files):
        listed = {method["name"]: method for method in page.get("/methods")}
    assert next(iter(listed)) == "auto"
    assert set(listed) == {"auto", "files", *inpaintkit.methods()}
    options = {option["name"]: option for option in listed["patchmatch"]["options"]}
    assert (options["source"]["kind"], options["guide"]["kind"], options["patch"]["kind"]) == ("layer", "labels", "int")
    assert "pixels" in options["patch"]["help"]
    assert listed["patchmatch"]["copies"]
    assert listed["patchmatch"]["stochastic"]
    quality = listed["auto"]["options"][0]
    assert (quality["kind"], quality["choices"], quality["default"]) == (
        "choice",
        ["fast", "balanced", "best"],
        "balanced",
    )
    assert [option["name"] for option in listed["files"]["options"]] == ["weights"]  # a path is nothing for a page
