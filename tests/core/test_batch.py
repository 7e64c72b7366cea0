"""Folders: masks are matched, paths kept, bad files survived, killed runs resumed to the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from inpaintkit import batch, damage, inpaint, read, write

CAT = skimage.data.chelsea()
HOLE = damage.scratches((60, 80), number=3, max_width=2, seed=1)
MASK = HOLE.astype(np.uint8) * 255


def piece(number: int) -> np.ndarray:
    """One of many different small photographs."""
    return CAT[number : number + 60, 3 * number : 3 * number + 80].copy()


def tree(folder: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, MASK if "mask" in str(name) else piece(number))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """A first fill on a machine compiles, and says so: before the tests that look at what is printed."""
    inpaint(piece(0), HOLE)
    inpaint(piece(0), HOLE, "telea")


@pytest.fixture
def album(tmp_path):
    """Photographs in subfolders, a mask for each, a name with a space and letters from elsewhere."""
    tree(tmp_path / "in", ["a.png", "sub/b.jpg", "sub/deep/ça va 日本.png"])
    tree(tmp_path / "masks", ["a.png", "sub/b_mask.png", "sub/deep/ça va 日本_mask000.png"])
    for path in (tmp_path / "masks").rglob("*.png"):
        write(path, MASK)
    return tmp_path


def matched(folder: Path, masks: Path) -> dict[str, str]:
    jobs, failed = batch.plan(folder, masks, Path("out"))
    assert all(job.output == Path("out") / job.photo.relative_to(folder) for job in jobs)
    found = {str(job.photo.relative_to(folder)): str(job.mask.relative_to(masks)) for job in jobs}
    return found | {str(Path(outcome.photo).relative_to(folder)): outcome.error for outcome in failed}


def test_masks_are_matched_by_relative_path_then_by_unique_stem(tmp_path):
    tree(tmp_path / "in", ["a.png", "sub/a.png", "sub/b.jpg", "c.png", "d.png"])
    tree(tmp_path / "masks", ["a.png", "sub/a_mask.png", "b_mask000.png", "x/d.png", "y/d.png"])
    found = matched(tmp_path / "in", tmp_path / "masks")
    assert found.pop("c.png").endswith("masks: name it c.png or c_mask.png")
    assert "has 2 masks" in found.pop("d.png")
    assert found == {"a.png": "a.png", "sub/a.png": "sub/a_mask.png", "sub/b.jpg": "b_mask000.png"}


def test_masks_may_lie_beside_their_pictures(tmp_path):
    tree(
        tmp_path, ["a.png", "a_mask.png", "b.jpg", "b_mask000.png", "masked_ball.png", "masked_ball_mask.png", "e.png"]
    )
    write(tmp_path / "e.jpg", piece(0))  # a second picture of that stem is no mask
    found = matched(tmp_path, tmp_path)
    assert "has no mask" in found.pop("e.png")
    assert "has no mask" in found.pop("e.jpg")
    assert found == {"a.png": "a_mask.png", "b.jpg": "b_mask000.png", "masked_ball.png": "masked_ball_mask.png"}


def test_mask_and_output_folders_inside_the_input_are_not_pictures(tmp_path):
    tree(tmp_path, ["a.png", "masks/a.png", "out/a.png", ".hidden/x.png", ".part.png"])
    jobs, failed = batch.plan(tmp_path, tmp_path / "masks", tmp_path / "out")
    assert [job.photo.name for job in jobs] == ["a.png"]
    assert failed == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_folder_is_filled_with_its_paths_kept_and_done_files_skipped(run, album, jobs):
    line = ["fill", album / "in", "--mask", album / "masks", "-o", album / "out", "--jobs", jobs, "--method", "telea"]
    status, out, err = run(*line)
    assert (status, out, err) == (0, "", "3 done, 0 skipped, 0 failed\n")
    assert set(contents(album / "out")) == set(contents(album / "in"))
    for name in ("a.png", "sub/deep/ça va 日本.png"):
        assert np.array_equal(read(album / "out" / name), inpaint(read(album / "in" / name), HOLE, "telea"))
    before = contents(album / "out")
    (album / "out" / "a.png").write_bytes(b"kept as it is")
    assert run(*line)[2] == "0 done, 3 skipped, 0 failed\n"
    assert (album / "out" / "a.png").read_bytes() == b"kept as it is"
    assert run(*line, "--overwrite")[2] == "3 done, 0 skipped, 0 failed\n"
    assert contents(album / "out") == before


def test_a_bad_file_stops_no_other(run, album):
    (album / "in" / "sub" / "b.jpg").write_text("not a picture")
    write(album / "in" / "lonely.png", piece(9))
    log = album / "log.jsonl"
    line = ["fill", album / "in", "--mask", album / "masks", "-o", album / "out", "--log", log]
    status, out, err = run(*line)
    assert (status, out) == (1, "")
    lines = err.splitlines()
    assert lines[-1] == "2 done, 0 skipped, 2 failed"
    assert any("b.jpg" in text and "not a picture" in text for text in lines)
    assert any("lonely.png has no mask" in text for text in lines)
    logged = [json.loads(text) for text in log.read_text("utf-8").splitlines()]
    assert sorted(entry["status"] for entry in logged) == ["done", "done", "failed", "failed"]
    done = next(entry for entry in logged if entry["photo"].endswith("a.png"))
    assert done["method"] == "auto"
    assert done["pixels"] == np.count_nonzero(HOLE)
    assert done["seconds"] > 0
    assert run(*line)[0] == 1
    assert len(log.read_text("utf-8").splitlines()) == 8


def test_one_mask_for_all_is_scaled_only_when_asked(run, tmp_path):
    tree(tmp_path / "in", ["a.png", "b.png"])
    write(tmp_path / "in" / "b.png", CAT[:120, :160])
    write(tmp_path / "stamp.png", MASK)
    line = ["fill", tmp_path / "in", "--mask", tmp_path / "stamp.png", "-o", tmp_path / "out", "--method", "telea"]
    status, _, err = run(*line)
    assert status == 1
    assert "b.png: mask is (60, 80), image is (120, 160): resize one" in err
    assert run(*line, "--resize-mask")[0] == 0
    expected = inpaint(CAT[:120, :160], np.repeat(np.repeat(HOLE, 2, axis=0), 2, axis=1), "telea")
    assert np.array_equal(read(tmp_path / "out" / "b.png"), expected)


@pytest.mark.parametrize("inverted", [False, True])
def test_no_thin_line_of_a_larger_mask_is_lost(run, tmp_path, inverted):
    write(tmp_path / "a.png", CAT[:120, :160])
    lines = np.zeros((480, 640), bool)
    lines[5::44, 20:-20] = True
    write(tmp_path / "mask.png", (lines ^ inverted).astype(np.uint8) * 255)
    line = ["fill", tmp_path / "a.png", "--mask", tmp_path / "mask.png", "-o", tmp_path / "out.png", "--resize-mask"]
    assert run(*line, "--method", "telea", *["--invert-mask"] * inverted)[0] == 0
    expected = inpaint(CAT[:120, :160], lines.reshape(120, 4, 160, 4).any(axis=(1, 3)), "telea")
    assert np.array_equal(read(tmp_path / "out.png"), expected)


def test_a_dry_run_reports_and_does_nothing(run, album):
    before = contents(album)
    line = ["fill", album / "in", "--mask", album / "masks", "-o", album / "out", "--dry-run", "--log", album / "log"]
    status, out, _ = run(*line)
    assert status == 0
    assert out.count(" -> ") == 3
    assert f"{album}/in/a.png -> {album}/out/a.png (mask {album}/masks/a.png)" in out
    status, out, _ = run(
        "fill", album / "in/a.png", "--mask", album / "masks/a.png", "-o", album / "x.png", "--dry-run"
    )
    assert (status, out.count(" -> ")) == (0, 1)
    assert contents(album) == before


def test_in_place_keeps_the_original_and_starts_from_it_again(run, album):
    photo = album / "in" / "a.png"
    original = photo.read_bytes()
    line = ["fill", photo, "--mask", album / "masks/a.png", "--in-place", "--method", "telea"]
    assert run(*line)[0] == 0
    assert (album / "in" / "a.png.orig").read_bytes() == original
    assert np.array_equal(read(photo), inpaint(piece(0), HOLE, "telea"))
    once = photo.read_bytes()
    assert run(*line)[0] == 0  # from the original, not from the result
    assert photo.read_bytes() == once
    assert (album / "in" / "a.png.orig").read_bytes() == original
    line = ["fill", album / "in", "--mask", album / "masks", "--in-place", "--method", "telea"]
    assert run(*line)[2] == "2 done, 1 skipped, 0 failed\n"
    assert run(*line)[2] == "0 done, 3 skipped, 0 failed\n"


def test_in_place_works_without_hard_links(album, monkeypatch):
    monkeypatch.setattr(batch.os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    photo = album / "in" / "a.png"
    original = photo.read_bytes()
    batch.repair(batch.Job(photo, album / "masks/a.png", photo), batch.Settings("telea"))
    assert (album / "in" / "a.png.orig").read_bytes() == original
    assert photo.read_bytes() != original


def test_options_are_saved_and_taken_back(run, album):
    photo, mask, config = album / "in/a.png", album / "masks/a.png", album / "options.toml"
    line = ["fill", photo, "-o", album / "one.png"]
    chosen = ["--method", "telea", "--radius", 3, "--variant", "paper", "--dilate", 1, "--mask", mask]
    assert run(*line, *chosen, "--save-config", config)[0] == 0
    assert run("fill", photo, "-o", album / "two.png", "--config", config)[0] == 0
    assert contents(album)["one.png"] == contents(album)["two.png"]
    assert run("fill", photo, "-o", album / "three.png", "--config", config, "--radius", 9)[0] == 0
    assert np.array_equal(
        read(album / "three.png"), inpaint(read(photo), HOLE, "telea", radius=9, variant="paper", dilate=1)
    )
    config.write_text("paint = 3")
    status, _, err = run(*line, "--mask", mask, "--config", config)
    assert (status, "no option 'paint'" in err) == (2, True)
    config.write_text("paint = ")
    assert run(*line, "--mask", mask, "--config", config)[0] == 2
    config.write_text('resize-mask = true\nmethod = "auto"')
    assert run(*line, "--mask", mask, "--config", config)[0] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["-o", "in"], "also an input"),
        (["-o", "out", "--in-place"], "either an output with -o, or --in-place"),
        ([], "either an output with -o, or --in-place"),
        (["-o", "out", "--jobs", "0"], "--jobs is 0"),
    ],
)
def test_what_would_lose_pictures_is_refused(run, album, monkeypatch, change, message):
    monkeypatch.chdir(album)
    status, _, err = run("fill", "in", "--mask", "masks", *change)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1


def test_an_empty_folder_is_an_error(run, tmp_path):
    (tmp_path / "in").mkdir()
    status, _, err = run("fill", tmp_path / "in", "--mask", "alpha", "-o", tmp_path / "out")
    assert (status, "hold no picture" in err, err.count("\n")) == (2, True, 1)


def deadly(job: batch.Job, settings: batch.Settings) -> batch.Outcome:
    """Fill, but die of one picture."""
    if job.photo.name == "a.png":
        os._exit(7)
    return batch.Outcome(str(job.photo), str(job.output), "done")


def test_a_worker_that_dies_takes_only_its_own_file(album, monkeypatch):
    monkeypatch.setattr(batch, "attempt", deadly)
    jobs, _ = batch.plan(album / "in", "alpha", album / "out")
    outcomes = list(batch.run(jobs, batch.Settings(), workers=2))
    assert {outcome.photo for outcome in outcomes} == {str(job.photo) for job in jobs}
    (failed,) = (outcome for outcome in outcomes if outcome.status == "failed")
    assert (failed.photo, failed.error) == (str(album / "in" / "a.png"), "its process died")


KILLED = """
import os, signal, sys
flushed = []

def fsync(descriptor):
    flushed.append(descriptor)
    if len(flushed) == 3:  # after the first picture and its folder: the second picture
        os.kill(os.getpid(), signal.SIGKILL)

os.fsync = fsync
from inpaintkit.cli import main
main(sys.argv[1:])
"""


def test_a_run_that_was_killed_leaves_whole_files_and_is_finished_by_the_next(run, album):
    line = ["fill", album / "in", "--mask", album / "masks", "--method", "telea"]
    assert run(*line, "-o", album / "undisturbed")[0] == 0
    expected = contents(album / "undisturbed")
    command = [sys.executable, "-c", KILLED, *map(str, line), "-o", str(album / "killed")]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    there = contents(album / "killed")
    (half,) = there.keys() - expected.keys()
    assert "/.inpaintkit-" in f"/{half}"  # it was amid writing the second picture
    assert there.items() - {(half, there[half])} == {("a.png", expected["a.png"])}
    assert run(*line, "-o", album / "killed")[2] == "2 done, 1 skipped, 0 failed\n"
    assert contents(album / "killed") == expected  # and nothing half-written is left behind


def test_palette_and_grey_pictures_go_through_a_folder(run, tmp_path):
    (tmp_path / "in").mkdir()
    Image.fromarray(piece(1)).convert("P").save(tmp_path / "in" / "p.png")
    Image.fromarray(piece(1)).convert("L").save(tmp_path / "in" / "g.png")
    write(tmp_path / "m.png", MASK)
    line = ["fill", tmp_path / "in", "--mask", tmp_path / "m.png", "-o", tmp_path / "out", "--method", "telea"]
    assert run(*line)[0] == 0
    assert read(tmp_path / "out" / "p.png").shape == (60, 80, 3)
    assert read(tmp_path / "out" / "g.png").shape == (60, 80)


def test_a_folder_of_sheets(run, album):
    """Beside the results, which are the same; and where it lies among the photographs it is none of them."""
    line = ["fill", album / "in", "--mask", album / "masks", "--method", "telea", "-o"]
    assert run(*line, album / "plain")[0] == 0
    for _ in range(2):
        status, _, err = run(*line, album / "out", "--compare", album / "in/sheets", "--overwrite")
        assert (status, err) == (0, "3 done, 0 skipped, 0 failed\n")
    assert contents(album / "out") == contents(album / "plain")
    sheets = album / "in/sheets"
    assert set(contents(sheets)) == {"a.png.png", "sub/b.jpg.png", "sub/deep/ça va 日本.png.png"}
    assert np.array_equal(read(sheets / "a.png.png")[46:106, 12:92], read(album / "in/a.png"))
    status, _, err = run(*line, album / "out", "--compare", album / "masks/a.png")
    assert status == 2
    assert "name a folder of sheets" in err


def test_a_worker_loads_no_finder_until_it_is_to_find():
    code = "import sys, inpaintkit.batch; sys.exit('inpaintkit.find' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_process_that_hands_out_files_loads_no_compiler():
    line = "import sys, inpaintkit.batch; print({'numba', 'skimage', 'scipy', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", line], capture_output=True, check=True).stdout.strip() == b"set()"
