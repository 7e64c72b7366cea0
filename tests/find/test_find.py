"""find_mask: its options, where it may propose, its errors, and the commands that find and fill."""

from __future__ import annotations

import json
from contextlib import nullcontext

import numpy as np
import pytest
import skimage.data
from PIL import Image

import inpaintkit
from inpaintkit import find_mask, inpaint, masks, read, write
from inpaintkit.benchmarks.studies import damage
from inpaintkit.damage import text
from inpaintkit.errors import LargeFindError
from inpaintkit.files import read_mask
from inpaintkit.find import KINDS, dust

STYLE = damage.Style(24, "pillow", (255, 232, 60))


@pytest.fixture(scope="module")
def captioned():
    """A photograph with a caption, and where that changed it."""
    photo = skimage.data.chelsea()[40:200, 60:360]
    damaged, truth, _ = damage.caption(photo, lines=1, style=STYLE, seed=3)
    return photo, damaged, truth


@pytest.fixture
def album(tmp_path, captioned):
    """A folder of two pictures with captions and one without; a JPEG would not survive being written again."""
    photo, damaged, _ = captioned
    (tmp_path / "in" / "sub").mkdir(parents=True)
    write(tmp_path / "in" / "a.png", damaged)
    write(tmp_path / "in" / "sub" / "b.png", damaged)
    Image.fromarray(photo).save(tmp_path / "in" / "clean.jpg", quality=80)
    return tmp_path


def test_a_found_mask_covers_the_caption_and_its_info_describes_it(captioned):
    photo, damaged, truth = captioned
    mask, info = find_mask(damaged, return_info=True)
    assert (mask.dtype, mask.shape) == (np.bool_, truth.shape)
    assert np.count_nonzero(mask & truth) > 0.8 * np.count_nonzero(truth)
    assert (info.kind, info.pixels) == ("text", np.count_nonzero(mask))
    assert info.share == info.pixels / mask.size
    assert info.pieces >= 4
    assert info.confidence.dtype == np.float32
    assert np.array_equal(info.confidence > 0, mask)
    assert info.confidence.max() <= 1
    assert str(info).startswith(f"text: {info.pixels} px")
    assert np.array_equal(find_mask(damaged), mask)
    repaired = inpaint(damaged, mask, "telea")
    assert np.square(repaired - photo.astype(float)).mean() < 0.2 * np.square(damaged - photo.astype(float)).mean()


def test_any_picture_that_inpaint_takes(captioned):
    _, damaged, truth = captioned
    mask = find_mask(damaged)
    assert np.array_equal(find_mask(Image.fromarray(damaged)), mask)
    assert np.array_equal(find_mask(damaged.astype(np.uint16) * 257), mask)
    assert np.array_equal(find_mask(damaged / np.float32(255)), mask)
    grey = find_mask(damaged[..., 1])
    assert np.count_nonzero(grey & truth) > 0.8 * np.count_nonzero(truth)


def test_nothing_is_proposed_where_the_picture_is_transparent(captioned):
    _, damaged, truth = captioned
    alpha = np.full((*truth.shape, 1), 255, np.uint8)
    alpha[:, :150] = 0
    mask = find_mask(np.dstack([damaged, alpha]))
    assert not mask[:, :150].any()
    assert np.count_nonzero(mask & truth) > 0.8 * np.count_nonzero(truth[:, 150:])


def test_inside_and_exclude(captioned):
    _, damaged, _ = captioned
    mask = find_mask(damaged)
    box = (100, 0, 100, 160)
    drawn = masks.rect(mask.shape, box)
    assert np.array_equal(find_mask(damaged, inside=box), mask & drawn)
    assert np.array_equal(find_mask(damaged, exclude=box), mask & ~drawn)
    assert np.array_equal(find_mask(damaged, exclude=[box, (-5, -5, 60, 400)]), mask & ~drawn & (np.arange(300) >= 55))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "colour"])
def test_acting_takes_no_more_than_is_proposed(kind):
    photo = skimage.data.astronaut()[:200, 250:450]
    for damaged in (photo, damage.caption(photo, lines=1, style=STYLE, seed=1)[0], damage.dusty(photo, seed=2)[0]):
        proposed = find_mask(damaged, kind)
        acted, info = find_mask(damaged, kind, purpose="act", accept_large=True, return_info=True)
        assert not (acted & ~proposed).any()
        assert info.purpose == "act"
        assert all(one.mode == ("add" if one.kind == "stamp" else "cover") for one in info.found)
        assert all(np.isclose(one.odds, one.confidence / (1 - one.confidence)) for one in info.found)


def test_faint_dust_is_proposed_and_not_acted_on():
    photo = skimage.data.astronaut()[:200, 250:450]
    damaged, _ = damage.dusty(photo, seed=2)
    assert 0 < find_mask(damaged, "dust", purpose="act").sum() < find_mask(damaged, "dust").sum()


def test_much_text_is_acted_on_only_when_it_is_accepted(captioned):
    photo, _, _ = captioned
    page = photo.copy()
    page[text(photo.shape[:2], size=20, share=0.12, seed=1)] = (255, 232, 60)
    proposed = find_mask(page)
    assert proposed.mean() > 0.08
    with pytest.raises(LargeFindError, match=r"^\d+\.\d% .*text \d+\.\d%.*8%.*--accept-large.*exclude[^\n]*$"):
        find_mask(page, purpose="act")
    accepted = find_mask(page, purpose="act", accept_large=True)
    assert np.array_equal(accepted, find_mask(page, purpose="act", inside=(0, 0, 300, 160)))
    assert accepted.mean() > 0.08
    everything = find_mask(page, "colour", colour=(255, 232, 60), sensitivity=0.9, purpose="act")
    assert everything.mean() > 0.08
    with pytest.raises(ValueError, match="propose"):
        find_mask(page, purpose="repair")


def test_what_is_hardly_damage_by_its_own_odds_is_not_acted_on(monkeypatch):
    doubtful = np.zeros((40, 50), np.bool_)
    doubtful[10:14, 20:30] = True
    picture = np.full((40, 50, 3), 120, np.uint8)
    for odds, refused in ((0.6, False), (0.3, True)):
        sure = np.where(doubtful, np.float32(odds), np.float32(0))
        monkeypatch.setattr(dust, "find_dust", lambda image, sure=sure, **_: (doubtful.copy(), sure))
        assert np.array_equal(find_mask(picture, "dust", purpose="act", accept_large=True), doubtful)
        with pytest.raises(LargeFindError, match="by its own odds only 30%") if refused else nullcontext():
            find_mask(picture, "dust", purpose="act")


def test_more_sensitivity_proposes_no_less():
    damaged, _, _ = damage.caption(skimage.data.coffee()[:200, :300], size=18, seed=4)
    shares = [find_mask(damaged, sensitivity=sensitivity).mean() for sensitivity in (0, 0.5, 1)]
    assert shares == sorted(shares)


def test_a_colour_near_one_given_or_picked():
    photo = np.full((20, 30, 3), 100, np.uint8)
    photo[5:8, 5:10] = (200, 30, 30)
    photo[5:8, 20:25] = (215, 40, 20)
    red, both = np.zeros((20, 30), bool), np.zeros((20, 30), bool)
    red[5:8, 5:10] = both[5:8, 5:10] = both[5:8, 20:25] = True
    assert np.array_equal(find_mask(photo, "colour", colour="200,30,30", sensitivity=0), red)
    assert np.array_equal(find_mask(photo, "colour", pick=(5, 5)), both)
    assert np.array_equal(find_mask(photo, "colour", pick=(5, 5), connected=True), red)
    assert find_mask(photo, "colour", colour="black", sensitivity=0.5).sum() == 0
    assert np.array_equal(find_mask(photo.astype(np.float32) / 255, "colour", pick=(5, 5), sensitivity=0), red)
    _, info = find_mask(photo, "colour", pick=(5, 5), return_info=True)
    assert info.confidence[5, 5] == 1 > info.confidence[5, 20] > 0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"kind": "texts"}, "kind is 'texts': choose one of text, stamp, scratches, dust, cracks, colour, auto"),
        ({"sensitivity": 1.5}, "sensitivity is 1.5"),
        ({"sensitivity": "high"}, "sensitivity is 'high'"),
        ({"inside": (0, 0, 5)}, "LEFT, TOP, WIDTH, HEIGHT"),
        ({"inside": (90, 0, 5, 5)}, "covers no pixel"),
        ({"exclude": [(0, 0, 0, 5)]}, "LEFT, TOP, WIDTH, HEIGHT"),
        ({"pick": (1, 1)}, "are for kind 'colour', not 'text'"),
        ({"kind": "colour"}, "needs either a colour"),
        ({"kind": "colour", "colour": "red", "pick": (1, 1)}, "needs either a colour"),
        ({"kind": "colour", "colour": "rod"}, "expected #rrggbb"),
        ({"kind": "colour", "colour": "red", "connected": True}, "connected needs pick"),
        ({"kind": "colour", "pick": (50, 1)}, "outside a picture 40 wide and 30 high"),
        ({"kind": "colour", "pick": (0.5, 1)}, "whole pixels"),
    ],
)
def test_errors_state_what_is_needed(asked, message):
    with pytest.raises(ValueError, match=message):
        find_mask(np.zeros((30, 40, 3), np.uint8), **asked)


def test_invalid_and_tiny_pictures():
    with pytest.raises(ValueError, match="1 known pixel that is NaN"):
        find_mask(np.where(np.arange(100).reshape(10, 10) == 5, np.nan, 0.5))
    with pytest.raises(TypeError, match="dtype complex64"):
        find_mask(np.zeros((5, 5), np.complex64))
    assert not find_mask(np.zeros((1, 1), np.uint8)).any()
    assert not find_mask(np.zeros((3, 700, 3), np.uint8)).any()


def test_the_command_finds_and_shows(run, tmp_path, captioned):
    _, damaged, _ = captioned
    photo, mask, seen = (tmp_path / name for name in ("photo.png", "mask.png", "seen.jpg"))
    write(photo, damaged)
    status, out, err = run("mask", "find", photo, "-o", mask, "--preview", seen, "--inside", "-5,0,200,160")
    assert (status, out, err.count("\n")) == (0, "", 1)
    assert f"{mask}: text: " in err
    assert np.array_equal(read_mask(mask) > 0, find_mask(damaged, inside=(-5, 0, 200, 160)))
    assert read(seen).shape == damaged.shape
    assert run("mask", "find", photo, "--kind", "colour", "--pick", "3,4", "-o", mask)[0] == 0
    assert np.array_equal(read_mask(mask) > 0, find_mask(damaged, "colour", pick=(3, 4)))
    assert (
        run("mask", "find", photo, "-o", mask, "--inside", "0,0,1,1")[2]
        == f"{mask}: nothing found, the mask is empty\n"
    )
    assert run("mask", "find", photo, "-o", mask, "--preview", photo)[0] == 2
    assert run("mask", "find", photo, "-o", mask, "--kind", "rust")[0] == 2


def test_fill_finds_and_fills_at_once(run, tmp_path, captioned):
    _, damaged, _ = captioned
    write(tmp_path / "a.png", damaged)
    line = ["fill", tmp_path / "a.png", "--find", "text", "-o", tmp_path / "out.png", "--method", "telea"]
    line += ["--sensitivity", 0.4]
    assert run(*line) == (0, "", "")
    acted = find_mask(damaged, sensitivity=0.4, purpose="act")
    assert np.array_equal(read(tmp_path / "out.png"), inpaint(damaged, acted, "telea"))
    assert "(mask found: text)" in run(*line, "--dry-run")[1]


def test_in_a_folder_a_picture_in_which_nothing_is_found_is_copied(run, album):
    log = album / "log.jsonl"
    line = ["fill", album / "in", "--find", "text", "-o", album / "out", "--log", log, "--method", "telea"]
    status, out, err = run(*line, "--jobs", 2)
    assert (status, out, err) == (0, "", "3 done, 0 skipped, 0 failed; in 1 nothing was found\n")
    for name in ("a.png", "sub/b.png"):
        photo = read(album / "in" / name)
        assert np.array_equal(read(album / "out" / name), inpaint(photo, find_mask(photo, purpose="act"), "telea"))
    assert (album / "out" / "clean.jpg").read_bytes() == (album / "in" / "clean.jpg").read_bytes()
    entries = {entry["photo"][-9:]: entry for entry in map(json.loads, log.read_text("utf-8").splitlines())}
    assert "no text found" in entries["clean.jpg"]["warnings"][0]
    assert entries["clean.jpg"]["pixels"] == 0
    assert run(*line)[2] == "0 done, 3 skipped, 0 failed\n"
    status, _, err = run("fill", album / "in" / "clean.jpg", "--find", "text", "-o", album / "clean.png")
    assert (status, err.count("\n")) == (0, 1)
    assert "no text found" in err
    assert np.array_equal(read(album / "clean.png"), read(album / "in" / "clean.jpg"))


def test_a_folder_reports_what_is_too_much_and_accepts_it_in_another_run(run, album):
    page = read(album / "in" / "a.png")
    page[text(page.shape[:2], size=20, share=0.15, seed=1)] = (255, 232, 60)
    write(album / "in" / "page.png", page)
    log = album / "log.jsonl"
    line = ["fill", album / "in", "--find", "text", "-o", album / "out", "--method", "telea", "--log", log]
    status, _, err = run(*line)
    assert status == 1
    assert "page.png: " in err
    assert "--accept-large" in err
    assert err.endswith("3 done, 0 skipped, 1 failed; in 1 nothing was found\n")
    failed = [entry for entry in map(json.loads, log.read_text("utf-8").splitlines()) if entry["status"] == "failed"]
    assert [entry["photo"][-8:] for entry in failed] == ["page.png"]
    assert "of the picture passes for damage" in failed[0]["error"]
    assert not (album / "out" / "page.png").exists()
    assert run(*line, "--accept-large")[::2] == (0, "1 done, 3 skipped, 0 failed\n")
    mask = find_mask(page, purpose="act", accept_large=True)
    assert np.array_equal(read(album / "out" / "page.png"), inpaint(page, mask, "telea"))
    assert run("fill", album / "in" / "page.png", "--mask", "alpha", "--accept-large", "-o", album / "x.png")[0] == 2
    proposal = album / "m.png"
    assert run("mask", "find", album / "in" / "page.png", "-o", proposal)[0] == 0
    assert run("mask", "find", album / "in" / "page.png", "-o", proposal, "--purpose", "act")[0] == 2
    shown = run("mask", "find", album / "in" / "page.png", "-o", proposal, "--purpose", "act", "--accept-large")
    assert shown[0] == 0
    assert np.array_equal(read_mask(proposal), mask)


def test_in_place_leaves_a_picture_alone_in_which_nothing_is_found(run, album):
    clean = album / "in" / "clean.jpg"
    before, written = clean.read_bytes(), clean.stat().st_mtime_ns
    assert run("fill", album / "in", "--find", "text", "--in-place", "--method", "telea")[0] == 0
    assert (clean.read_bytes(), clean.stat().st_mtime_ns) == (before, written)
    assert sorted(path.name for path in (album / "in").iterdir()) == ["a.png", "a.png.orig", "clean.jpg", "sub"]


def test_options_of_a_search_are_saved_and_the_command_line_overrides_the_file(run, album):
    photo, config = album / "in" / "a.png", album / "options.toml"
    line = ["fill", photo, "-o", album / "one.png", "--find", "text", "--method", "telea"]
    assert run(*line, "--exclude", "0,0,90,160", "--exclude", "250,0,9,9", "--save-config", config)[0] == 0
    assert run("fill", photo, "-o", album / "two.png", "--config", config)[0] == 0
    assert (album / "one.png").read_bytes() == (album / "two.png").read_bytes()
    write(album / "mask.png", np.zeros((160, 300), np.uint8))
    line = ["fill", photo, "-o", album / "three.png", "--config", config]
    assert run(*line, "--mask", album / "mask.png")[0] == 0
    assert np.array_equal(read(album / "three.png"), read(photo))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--find", "text", "--mask", "alpha"], "exclude each other"),
        ([], "where to fill"),
        (["--find", "rust"], "not one of 'text', 'stamp'"),
        (["--find", "colour"], "needs either a colour"),
        (["--mask", "alpha", "--pick", "1,1"], "--pick needs --find"),
        (["--find", "text", "--invert-mask"], "--invert-mask needs --mask"),
        (["--find", "text", "--inside", "1,2"], "LEFT,TOP,WIDTH,HEIGHT"),
    ],
)
def test_errors_of_the_command_are_one_line(run, tmp_path, more, message):
    write(tmp_path / "a.png", np.zeros((9, 9, 3), np.uint8))
    status, _, err = run("fill", tmp_path / "a.png", "-o", tmp_path / "o.png", *more)
    assert (status, err.count("\n")) == (2, 1)
    assert message in err


def test_the_names_are_public():
    assert inpaintkit.find_mask is find_mask
    assert inpaintkit.FindInfo.__name__ == "FindInfo"


def test_what_is_found_is_counted_as_a_person_would(captioned):
    _, damaged, _ = captioned
    mask, info = find_mask(damaged, return_info=True)
    assert np.array_equal(info.labels > 0, mask)
    assert [one.number for one in info.found] == list(range(1, info.labels.max() + 1))
    assert sum(one.pixels for one in info.found) == info.pixels
    assert len(info.found) < info.pieces / 3  # lines, not letters
    for one in info.found:
        own = info.labels == one.number
        rows, columns = np.nonzero(own)
        box = (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
        assert (one.kind, one.box, one.pixels) == ("text", box, np.count_nonzero(own))
        assert one.confidence == pytest.approx(info.confidence[own].mean(), abs=1e-6)


def test_a_broken_scratch_is_one_thing_and_one_that_crosses_it_another():
    photo = np.full((200, 300, 3), 90, np.uint8)
    photo[:, 100:103] = 240
    photo[96:104, 100:103] = 90
    photo[150:153, 10:290] = 240
    info = find_mask(photo, "scratches", return_info=True)[1]
    assert [one.kind for one in info.found] == ["scratches", "scratches"]
    upright = info.labels[40, 101]
    assert info.labels[190, 101] == upright
    assert info.labels[151, 30] == info.labels[151, 250] not in (0, upright)


def test_a_few_patches_are_counted_one_by_one_and_a_thousand_crumbs_by_squares():
    photo = np.zeros((400, 400, 3), np.uint8)
    photo[100:300, 100:300] = (255, 0, 0)
    few, many = photo.copy(), photo.copy()
    few[10, 10:40:10] = (255, 0, 0)
    many[4:90:3, ::4] = (255, 0, 0)  # 2900 crumbs
    info = find_mask(few, "colour", colour="red", return_info=True)[1]
    assert sorted(one.pixels for one in info.found) == [1, 1, 1, 200 * 200]
    info = find_mask(many, "colour", colour="red", return_info=True)[1]
    assert info.pieces == 2901
    assert len(info.found) <= 200
    assert {one.kind for one in info.found} == {"colour"}
    assert max(one.pixels for one in info.found) == 200 * 200  # what is large stays one by itself
    assert max(max(one.box[2:]) for one in info.found if one.pixels < 200 * 200) <= 64


def test_auto_says_of_what_kind_each_thing_is():
    photo = damage.scratched(skimage.data.coffee(), number=3, seed=2)[0]
    photo = damage.caption(photo, lines=1, style=STYLE, seed=3)[0]
    info = find_mask(photo, "auto", return_info=True)[1]
    mask = find_mask(photo, "auto")
    assert np.array_equal(info.labels > 0, mask)
    assert {"text", "scratches"} <= {one.kind for one in info.found} <= {"text", "stamp", "scratches", "dust"}
    assert find_mask(np.zeros((40, 40), np.uint8), return_info=True)[1].found == ()
