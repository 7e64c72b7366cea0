"""What a folder's run takes for pictures, what it never writes over, and what it says at the end."""

from __future__ import annotations

import json
import os
import shutil
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import tifffile

from inpaintkit import batch, damage, inpaint, read, write
from inpaintkit.batch import planning
from inpaintkit.errors import InpaintWarning

CAT = skimage.data.chelsea()
HOLE = damage.scratches((60, 80), number=3, max_width=2, seed=1)
MASK = HOLE.astype(np.uint8) * 255


def piece(number: int) -> np.ndarray:
    return CAT[number : number + 60, 3 * number : 3 * number + 80].copy()


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    inpaint(piece(0), HOLE, "telea")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with two photos and a mask for both among them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "b.png", piece(1))
    write(tmp_path / "in" / "c.png", piece(2))
    write(tmp_path / "in" / "a_stamp.png", MASK)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


LINE = ["fill", "in", "--mask", "in/a_stamp.png", "--method", "telea"]


@pytest.mark.parametrize("spelled", ["in/a_stamp.png", "in/../in/a_stamp.png", "soft.png", "hard.png", "absolute"])
def test_the_mask_in_the_folder_is_no_photo_under_whatever_name(run, here, spelled):
    before = contents(here)
    (here / "soft.png").symlink_to(here / "in" / "a_stamp.png")
    os.link(here / "in" / "a_stamp.png", here / "hard.png")
    mask = here / "in" / "a_stamp.png" if spelled == "absolute" else spelled
    status, _, err = run("fill", "in", "--mask", mask, "--method", "telea", "--in-place")
    assert (status, err) == (0, "2 done, 0 skipped, 0 failed\n")
    after = contents(here)
    assert after["in/a_stamp.png"] == before["in/a_stamp.png"]
    for number, name in ((1, "b.png"), (2, "c.png")):
        assert np.array_equal(read(here / "in" / name), inpaint(piece(number), HOLE, "telea"))
        assert after[f"in/{name}.orig"] == before[f"in/{name}"]
    assert run("fill", "in", "--mask", mask, "--method", "telea", "--in-place")[2] == "0 done, 2 skipped, 0 failed\n"


def test_masks_of_a_methods_options_logs_and_options_are_no_photos(run, here):
    write(here / "in" / "barriers.png", np.zeros_like(MASK))
    (here / "in" / "options.toml").write_text('method = "oliveira"\nbarriers = "in/barriers.png"\n')
    line = ["fill", "in", "--mask", "in/a_stamp.png", "--config", "in/options.toml", "-o", "out"]
    line += ["--log", "in/log.jsonl"]
    status, _, err = run(*line)
    assert (status, err.splitlines()[-1]) == (0, "2 done, 0 skipped, 0 failed")  # a first fill on a machine compiles
    assert sorted(contents(here / "out")) == ["b.png", "c.png"]
    assert run(*line)[2] == "0 done, 2 skipped, 0 failed\n"  # with the log there by now


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["-o", "out", "--log", "in/b.png"], "a picture's name"),
        (["-o", "out", "--log", "in/a_stamp.png"], "is also an input"),
        (["-o", "out", "--log", "new.png"], "a picture's name"),
        (["--in-place", "--log", "in/b.png.orig"], "a picture's name"),
        (["-o", "out", "--log", "notes.txt"], "holds no lines of JSON"),
        (["-o", "out", "--log", "picture"], "holds no lines of JSON"),
        (["-o", "out", "--log", "pretty.json"], "holds no lines of JSON"),
        (["-o", "out", "--log", "in"], "is also an input"),
        (["-o", "out", "--log", "elsewhere"], "is a folder: name a file"),
        (["-o", "out", "--log", "none/log.jsonl"], "there is no folder none"),
        (["-o", "out", "--save-config", "in/b.png"], "a picture's name"),
        (["-o", "out", "--save-config", "in/a_stamp.png"], "is also an input"),
        (["-o", "out", "--save-config", "notes.txt"], "is not a TOML file"),
        (["-o", "out", "--save-config", "picture"], "is not a TOML file"),
        (["-o", "out", "--save-config", "project.toml"], "'project', which is no option of fill"),
        (["-o", "out", "--config", "options.toml", "--save-config", "options.toml"], "is also an input"),
        (["-o", "out", "--log", "new", "--save-config", "./new"], "is named twice"),
        (["-o", "out", "--log", "out"], "is named twice"),
        (["-o", "notes.txt"], "is a file, and in is a folder"),
    ],
)
def test_logs_and_options_never_replace_anything_else(run, here, more, message):
    (here / "notes.txt").write_text("what I must not forget: [ ]\n")
    (here / "pretty.json").write_text('{\n  "a": 1\n}\n')
    (here / "project.toml").write_text('[project]\nname = "mine"\n')
    (here / "options.toml").write_text("dilate = 1\n")
    (here / "elsewhere").mkdir()
    shutil.copy(here / "in" / "b.png", here / "picture")
    before = contents(here)
    status, out, err = run(*LINE, *more)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert contents(here) == before


def test_logs_and_options_of_earlier_runs_are_continued_and_replaced(run, here):
    line = [*LINE, "-o", "out", "--log", "log.jsonl", "--save-config", "options.toml"]
    assert run(*line)[0] == 0
    whole = (here / "log.jsonl").read_bytes()
    (here / "log.jsonl").write_bytes(whole[:20])  # killed amid the first line
    assert run(*line)[0] == 0
    lines = (here / "log.jsonl").read_text("utf-8").splitlines()
    assert lines[0] == whole[:20].decode()
    assert [json.loads(text)["status"] for text in lines[1:]] == ["skipped", "skipped"]
    assert run("fill", "in", "--config", "options.toml", "-o", "out", "--log", "/dev/null")[0] == 0


@pytest.mark.parametrize(
    "line",
    [
        ["fill", "in/b.png", "--mask", "in/a_stamp.png", "-o", "text.png"],
        ["compare", "in/b.png", "--mask", "in/a_stamp.png", "--methods", "telea", "-o", "text.png"],
        ["demo", "--method", "telea", "-o", "text.png"],
        ["mask", "rect", "1,1,5,5", "--size", "9x9", "-o", "text.png"],
        ["mask", "invert", "in/a_stamp.png", "-o", "text.png"],
        ["mask", "find", "in/b.png", "-o", "m.png", "--preview", "text.png"],
        ["mask", "find", "in/b.png", "-o", "m.png", "--preview", "./m.png"],
        ["mask", "find", "in/b.png", "-o", "m.png", "--preview", "in/../in/b.png"],
        ["mask", "find", "in/b.png", "-o", "m.png", "--preview", "seen.txt"],
    ],
    ids=lambda line: " ".join(line[:2]),
)
def test_an_output_replaces_no_input_and_nothing_but_pictures(run, here, line):
    (here / "text.png").write_text("no picture, whatever its name says")
    before = contents(here)
    status, out, err = run(*line)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert contents(here) == before


def test_an_output_folder_that_holds_inputs_loses_none(run, here):
    shutil.copy(here / "in" / "a_stamp.png", here / "b.png")  # the mask has the name of the first result
    before = contents(here)
    status, _, err = run("fill", "in", "--mask", "b.png", "-o", ".", "--overwrite", "--method", "telea")
    assert status == 1
    assert "b.png, to be written for in/b.png, is also the input b.png: name another output" in err
    assert before.items() <= contents(here).items()


def test_masks_beside_their_pictures_are_passed_over_in_every_mode(run, here):
    write(here / "in" / "b_mask.png", MASK)
    for more in (["--find", "dust"], ["--mask", "in/a_stamp.png"]):
        status, out, err = run("fill", "in", *more, "-o", "out", "--dry-run")
        assert (status, out.count(" -> ")) == (0, 3 if "--find" in more else 2)
        assert err == "inpaintkit: passed over, named like the mask of another picture: 1 (in/b_mask.png)\n"
    write(here / "in" / "c_mask.png", MASK)
    (here / "in" / "a_stamp.png").unlink()
    assert run("fill", "in", "--mask", "in", "-o", "out", "--dry-run")[1:] == (
        "in/b.png -> out/b.png (mask in/b_mask.png)\nin/c.png -> out/c.png (mask in/c_mask.png)\n",
        "",
    )


def test_what_is_passed_over_is_said_once_with_a_count(run, here, monkeypatch):
    for name in ("1.txt", "2.txt", "3.CR2", "4", ".hidden.png", "b.png.orig", ".inpaintkit-0-1-2"):
        (here / "in" / name).touch()
    (here / "in" / ".git").mkdir()
    (here / "in" / ".git" / "x.png").touch()
    (here / "other").mkdir()
    write(here / "other" / "x.png", piece(0))
    (here / "in" / "linked").symlink_to(here / "other")
    (here / "in" / "soft.png").symlink_to(here / "other" / "x.png")
    (here / "in" / "locked").mkdir()
    scandir, locked = os.scandir, ["in/locked"]

    def refusing(path):
        if str(path) in locked:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    line = [*LINE, "-o", "out", "--log", "log.jsonl"]
    status, _, err = run(*line)
    assert status == 0
    assert err.splitlines() == [
        "inpaintkit: passed over, hidden folders: 1 (in/.git)",
        "inpaintkit: passed over, linked folders: 1 (in/linked)",
        "inpaintkit: passed over, hidden files: 1 (in/.hidden.png)",
        "inpaintkit: passed over, other endings: 4 (in/1.txt, in/2.txt, in/3.CR2 and 1 more)",
        "inpaintkit: passed over, folders that cannot be read (Permission denied): 1 (in/locked)",
        "3 done, 0 skipped, 0 failed",
    ]
    last = json.loads((here / "log.jsonl").read_text("utf-8").splitlines()[-1])
    assert last["status"] == "summary"
    assert "passed over, other endings: 4 (in/1.txt, in/2.txt, in/3.CR2, in/4)" in last["warnings"]
    assert "4 (in/1.txt, in/2.txt, in/3.CR2, in/4)" in run(*line, "-v")[2]
    assert run(*line, "-q")[2] == ""
    locked.append("in")
    assert run(*line)[2] == "inpaintkit: in cannot be read: Permission denied\n"


def test_pictures_that_share_a_mask_or_an_output_are_noticed(run, here, monkeypatch):
    write(here / "in" / "b.jpg", piece(1))
    write(here / "in" / "B.png", piece(3))
    (here / "masks").mkdir()
    for name in ("b.png", "c.png", "B.png", "a_stamp.png"):
        write(here / "masks" / name, MASK)
    line = ["fill", "in", "--mask", "masks", "-o", "out", "--method", "telea"]
    status, out, err = run(*line, "--dry-run")
    assert (status, out.count(" -> ")) == (0, 5)
    assert err == "inpaintkit: pictures that share a mask: 2 (in/b.jpg, in/b.png)\n"
    monkeypatch.setattr(planning, "_ignores_case", lambda folder: True)
    status, _, err = run(*line, "--dry-run")
    assert status == 1
    assert "in/b.png and in/B.png would be one file in out, where upper and lower case are the same" in err


def test_doubtful_masks_are_said_once_each_kind(run, here):
    (here / "masks").mkdir()
    wide = np.zeros_like(MASK)
    wide[5:55, 5:75] = 255
    masks = {"a.png": 255 - MASK, "b.png": 0 * MASK, "c.png": wide, "d.png": 0 * MASK, "e.png": MASK}
    for name, mask in masks.items():
        write(here / "masks" / name, mask)
        write(here / "in" / name, piece(3))
    (here / "in" / "a_stamp.png").unlink()
    line = ["fill", "in", "--mask", "masks", "-o", "out", "--method", "telea", "--log", "log.jsonl"]
    status, _, err = run(*line)
    assert status == 0
    assert err.splitlines() == [
        "inpaintkit: the mask looks inverted: 1 (in/a.png)",
        "inpaintkit: the mask marks nothing: 2 (in/b.png, in/d.png)",
        "inpaintkit: the mask hides more than half of the picture: 1 (in/c.png)",
        "5 done, 0 skipped, 0 failed",
    ]
    last = json.loads((here / "log.jsonl").read_text("utf-8").splitlines()[-1])
    assert (last["status"], len(last["warnings"])) == ("summary", 3)
    assert run(*line)[2] == "0 done, 5 skipped, 0 failed\n"


def test_any_name_gives_one_line_and_a_log_that_can_be_read(run, here):
    odd = [b"line\nend.png", b"bytes\xff.png", "ça va 日本.png".encode(), b"tab\tand \x1b[31m.png", b"  .png"]
    for name in odd:
        shutil.copy(here / "in" / "b.png", os.path.join(os.fsencode(here / "in"), name))
    broken = os.path.join(os.fsencode(here / "in"), b"not\n\xffa picture.png")
    Path(os.fsdecode(broken)).write_text("no")
    line = [*LINE, "-o", "out", "--log", "log.jsonl"]
    status, out, err = run(*line, "--dry-run")
    assert (status, out.count("\n")) == (0, len(odd) + 3)
    assert "in/line\\nend.png -> out/line\\nend.png" in out
    assert "in/bytes\\udcff.png" in out
    status, _, err = run(*line)
    assert (status, len(err.splitlines())) == (1, 2)
    assert err.splitlines()[-1] == f"{len(odd) + 2} done, 0 skipped, 1 failed"
    assert {os.fsencode(path.name) for path in (here / "out").iterdir()} == {*odd, b"b.png", b"c.png"}
    texts = (here / "log.jsonl").read_text("utf-8").splitlines()
    assert {os.fsencode(json.loads(text)["photo"]) for text in texts} >= {b"in/" + name for name in odd}
    assert run(*line)[2].splitlines()[-1] == f"0 done, {len(odd) + 2} skipped, 1 failed"


def test_long_names_are_filled_while_they_leave_room(run, here):
    name = "n" * 251 + ".png"  # 255 bytes, as long as a name can be
    shutil.copy(here / "in" / "b.png", here / "in" / name)
    assert run(*LINE, "-o", "out")[2] == "3 done, 0 skipped, 0 failed\n"
    before = (here / "in" / name).read_bytes()
    status, _, err = run(*LINE, "--in-place")
    assert status == 1
    assert len(err.splitlines()) == 2
    assert "File name too long" in err
    assert err.splitlines()[-1] == "2 done, 0 skipped, 1 failed"
    assert (here / "in" / name).read_bytes() == before
    status, _, err = run("fill", here / "in" / name, "--mask", here / "in/a_stamp.png", "--in-place")
    assert (status, err.count("\n"), "File name too long" in err) == (2, 1, True)


def test_folders_that_cannot_be_written_or_vanish_give_a_line_each(run, here, monkeypatch):
    (here / "out").write_text("a file where the folder should be")
    status, _, err = run(*LINE, "-o", "out/deeper")
    assert (status, err.splitlines()[-1]) == (1, "0 done, 0 skipped, 2 failed")
    assert err.count("out/deeper: Not a directory") == 2
    mkdir = os.mkdir

    def refused(path, *more):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        mkdir(path, *more)

    monkeypatch.setattr(os, "mkdir", refused)
    status, _, err = run(*LINE, "-o", "locked")
    assert (status, err.count("locked: Permission denied"), len(err.splitlines())) == (1, 2, 3)
    load = batch.load

    def vanishing(path, **more):
        shutil.rmtree(here / "in", ignore_errors=True)
        return load(path, **more)

    monkeypatch.setattr(batch, "load", vanishing)
    status, _, err = run(*LINE, "-o", "results")
    assert (status, err.splitlines()[-1]) == (1, "0 done, 0 skipped, 2 failed")
    assert err.count("no such file") == 2
    status, _, err = run(*LINE, "-o", "results")
    assert (status, err.count("\n"), "in: no such file or folder" in err) == (2, 1, True)


@pytest.mark.parametrize("more", [["--find", "dust"], ["--mask", "in/a_stamp.png"]])
@pytest.mark.parametrize("where", [["-o", "out"], ["--in-place"]])
def test_a_dry_run_says_what_a_run_then_does(run, here, more, where):
    line = ["fill", "in", *more, *where, "--method", "telea"]
    before = contents(here)
    shown = run(*line, "--dry-run", "--save-config", "options.toml", "--log", "log.jsonl")[1]
    assert contents(here) == before
    number = shown.count(" -> ")
    assert number == (3 if "--find" in more else 2)
    assert run(*line)[2].startswith(f"{number} done, 0 skipped, 0 failed")
    done = contents(here)
    shown = run(*line, "--dry-run")[1]
    assert shown.count(" (done)") == (number if "-o" in where or "--mask" in more else 0)
    assert run(*line, "--dry-run", "--overwrite")[1].count(" (done)") == 0
    assert run(*line, "--overwrite")[2].startswith(f"{number} done, 0 skipped, 0 failed")
    assert contents(here) == done


@pytest.mark.parametrize("other", [piece(150), piece(2)[:50], piece(2)[..., 0]])
def test_a_new_picture_beside_an_old_backup_is_not_replaced(run, here, other):
    line = ["fill", "in/b.png", "--mask", "in/a_stamp.png", "--in-place", "--method", "telea"]
    assert run(*line)[0] == 0
    once = contents(here)
    assert run(*line)[0] == 0  # the repaired picture is alike
    assert contents(here) == once
    write(here / "in" / "b.png", other)
    before = contents(here)
    status, _, err = run(*line)
    assert (status, err.count("\n")) == (2, 1)
    assert "in/b.png.orig was kept from another picture than in/b.png: move one of them elsewhere" in err
    assert contents(here) == before
    assert run(*LINE, "--in-place", "--overwrite")[2].splitlines()[-1] == "1 done, 0 skipped, 1 failed"
    assert contents(here).items() >= before.items() - {("in/c.png", before["in/c.png"])}


def test_what_is_no_picture_is_taken_for_no_backup(run, here):
    (here / "in" / "b.png.orig").write_text("a patch that did not apply")
    before = contents(here)
    status, _, err = run(*LINE, "--in-place")
    assert (status, err.splitlines()[-1]) == (1, "1 done, 0 skipped, 1 failed")
    assert "in/b.png.orig is not a picture, so no original can be kept under its name: move it elsewhere" in err
    assert contents(here)["in/b.png"] == before["in/b.png"]


def test_umlauts_are_alike_however_a_system_stores_them(run, here):
    shutil.rmtree(here / "in")
    names = "Ü.png", "Ü_mask.png"
    for folder, forms in (("in/a", ("NFC", "NFD")), ("in/b", ("NFD", "NFC"))):
        (here / folder).mkdir(parents=True)
        photo, mask = (unicodedata.normalize(form, name) for form, name in zip(forms, names, strict=True))
        write(here / folder / photo, piece(1))
        write(here / folder / mask, MASK)
    write(here / "all.png", MASK)
    for mask in ("in", "all.png"):
        status, _, err = run("fill", "in", "--mask", mask, "-o", f"out of {mask}", "--method", "telea")
        assert (status, err.splitlines()[-1]) == (0, "2 done, 0 skipped, 0 failed")


def test_no_page_is_lost_in_place(run, here):
    tifffile.imwrite(here / "scan.tif", np.stack([piece(1), piece(2)]), photometric="rgb")
    before = contents(here)
    line = ["fill", "scan.tif", "--mask", "in/a_stamp.png", "--method", "telea", "--page", 2]
    status, _, err = run(*line, "--in-place")
    assert (status, err.count("\n"), contents(here)) == (2, 1, before)
    assert "scan.tif holds 2 pages, of which only page 2 would be left: name an output with -o" in err
    assert run(*line, "-o", "two.tif")[0] == 0
    assert np.array_equal(read(here / "two.tif")[~HOLE], piece(2)[~HOLE])
    assert run("fill", "two.tif", *line[2:-2], "--page", 1, "--in-place")[0] == 0


def test_a_picture_with_nothing_to_fill_stays_as_it_is(run, here):
    write(here / "empty.png", 0 * MASK)
    write(here / "in" / "b.jpg", piece(1))
    before = contents(here)
    line = ["fill", "in", "--mask", "empty.png", "--method", "telea"]
    for where in (["-o", "out"], ["--in-place"]):
        assert run(*line, *where)[2].splitlines()[0] == (
            "inpaintkit: the mask marks nothing: 4 (in/a_stamp.png, in/b.jpg, in/b.png and 1 more)"
        )
    assert contents(here / "out") == contents(here / "in")
    assert {name: data for name, data in contents(here).items() if not name.startswith("out")} == before


def test_the_log_of_a_single_file_has_its_line(run, here):
    line = ["fill", "in/b.png", "--mask", "in/a_stamp.png", "-o", "b.png", "--method", "telea", "--log", "log.jsonl"]
    assert run(*line)[0] == 0
    (entry,) = [json.loads(text) for text in (here / "log.jsonl").read_text("utf-8").splitlines()]
    assert (entry["photo"], entry["output"], entry["status"]) == ("in/b.png", "b.png", "done")
    assert entry["pixels"] == np.count_nonzero(HOLE)


def test_what_a_killed_command_left_goes_with_the_next(run, here, monkeypatch):
    left = here / "out"
    left.mkdir()
    for number, line in enumerate(
        (
            ["mask", "invert", "in/a_stamp.png", "-o", "out/m.png"],
            ["compare", "in/b.png", "--mask", "in/a_stamp.png", "--methods", "telea", "-o", "out/sheet.png"],
            ["fill", "in/b.png", "--mask", "in/a_stamp.png", "-o", "out/b.png", "--method", "telea"],
            ["fill", "in", "--mask", "in/a_stamp.png", "-o", "results", "--compare", "out", "--method", "telea"],
        )
    ):
        name = left / f".inpaintkit-0-1-{number}"
        name.touch()
        os.utime(name, (1, 1))  # very old, so nobody can be writing it
        assert run(*line)[0] == 0
        assert not name.exists()


def test_two_pictures_with_one_result_are_told_apart(run, here):
    for name in ("b.heic", "b.avif"):
        (here / "in" / name).touch()
    jobs, failed = batch.plan(here / "in", "alpha", here / "out")
    assert [(job.photo.name, job.output.name) for job in jobs] == [
        ("a_stamp.png", "a_stamp.png"),
        ("b.avif", "b.png"),
        ("c.png", "c.png"),
    ]
    assert [Path(outcome.photo).name for outcome in failed] == ["b.heic", "b.png"]
    for outcome in failed:
        assert f"{outcome.photo} and {here}/in/b.avif would both be written to {here}/out/b.png" in outcome.error


def test_whether_upper_and_lower_case_are_one(here):
    assert not planning._ignores_case(here / "in")
    assert not planning._ignores_case(here / "none" / "deeper")
    (here / "one").mkdir()
    (here / "one" / "name").touch()
    os.link(here / "one" / "name", here / "one" / "NAME")  # as it looks where they are
    assert planning._ignores_case(here / "one")
    assert planning._ignores_case(here / "one" / "none" / "deeper")


@pytest.mark.parametrize(("option", "name"), [("--save-config", "options.toml"), ("--log", "log.jsonl")])
def test_logs_and_options_that_cannot_be_written_are_named(run, here, monkeypatch, option, name):
    plain = Path.open

    def opened(path, mode="r", *more, **options):
        if path.parent == here / "disk" and set(mode) & set("wxa"):
            raise OSError(30, "Read-only file system", str(path))
        return plain(path, mode, *more, **options)

    (here / "disk").mkdir()
    monkeypatch.setattr(Path, "open", opened)
    status, _, err = run(*LINE, "-o", "out", option, here / "disk" / name)
    assert (status, err) == (2, f"inpaintkit: {here}/disk/{name} cannot be written: Read-only file system\n")
    assert not (here / "out").exists()


def test_other_warnings_are_grouped_without_names_and_numbers(run, here, monkeypatch):
    def warns(path, *more, **options):
        if "stamp" not in str(path):
            number = len(str(path))
            warnings.warn(f"{path}: {number} of its tags are strange, uint8 too", InpaintWarning, stacklevel=2)
            warnings.warn("something else", UserWarning, stacklevel=2)
        return load(path, *more, **options)

    load = batch.load
    monkeypatch.setattr(batch, "load", warns)
    shutil.copy(here / "in" / "b.png", here / "in" / "a longer name.png")
    assert run(*LINE, "-o", "out")[2].splitlines() == [
        "inpaintkit: N of its tags are strange, uint8 too: 3 (in/a longer name.png, in/b.png, in/c.png)",
        "inpaintkit: something else: 3 (in/a longer name.png, in/b.png, in/c.png)",
        "3 done, 0 skipped, 0 failed",
    ]
