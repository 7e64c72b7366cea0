"""``inpaintkit overlay``: a mark learnt from a folder and taken off its pictures, run after run."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import Overlay, read, remove_overlay, write
from inpaintkit.overlay.marks import read_mark, write_mark
from inpaintkit.picture import Picture

SIDES, OPACITY, INK = (60, 80), 0.5, 250.0


@pytest.fixture(scope="module")
def cover():
    canvas = np.zeros((SIDES[0] * 4, SIDES[1] * 4), np.uint8)
    cv2.putText(canvas, "OK", (40, 190), cv2.FONT_HERSHEY_SIMPLEX, 5.4, 255, 30, cv2.LINE_AA)
    return cv2.resize(canvas, SIDES[::-1], interpolation=cv2.INTER_AREA) / 255


@pytest.fixture
def album(tmp_path, cover):
    """Eight pictures with a mark in a folder, the pictures without it, and a mask that is wider."""
    folder, clean = tmp_path / "in", []
    for index, name in enumerate(("astronaut", "coffee", "chelsea", "rocket") * 2):
        row, column = 40 + 110 * (index // 4), 30 + 45 * index
        photo = np.ascontiguousarray(getattr(skimage.data, name)()[row : row + 60, column : column + 80, :3])
        seen = (1 - OPACITY * cover[..., None]) * photo + OPACITY * cover[..., None] * INK
        clean.append(photo)
        (folder / "sub").mkdir(parents=True, exist_ok=True)
        write(folder / ("sub" if index % 2 else "") / f"{index}.png", seen.round().astype(np.uint8))
    wide = cv2.dilate((cover > 0).astype(np.uint8), np.ones((5, 5)))
    write(tmp_path / "mask.png", wide * 255)
    return folder, clean


def error(folder, clean, where):
    pictures = [read(path) for path in sorted(folder.rglob("*.png"), key=lambda path: path.name)]
    return float(np.sqrt(np.mean(np.square(np.array(pictures, float) - clean)[:, where])))


def test_a_mark_is_estimated_corrected_and_taken_off(run, album, cover, tmp_path):
    folder, clean = album
    mark, mask = str(tmp_path / "mark.png"), str(tmp_path / "mask.png")
    arguments = ("--mask", mask, "-o", mark, "--preview", str(tmp_path / "seen.png"))
    status, out, err = run("overlay", "estimate", str(folder), *arguments)
    assert (status, out) == (0, "")
    assert "learnt from 8 pictures" in err
    assert read(tmp_path / "seen.png").shape[2] == 3
    pixels = read(mark)
    assert pixels.dtype == np.uint16
    assert np.abs(pixels[..., 3] / 65535 - OPACITY * cover)[cover == 1].mean() < 0.03
    before = error(folder, clean, cover > 0)
    line = ("overlay", "remove", str(folder), "--overlay", mark, "-o", str(tmp_path / "out"), "--method", "fsr")
    status, out, err = run(*line, "--log", str(tmp_path / "log.jsonl"))
    assert (status, out) == (0, "")
    assert "8 done, 0 skipped, 0 failed" in err
    assert error(tmp_path / "out", clean, cover > 0) < before / 5
    lines = [json.loads(text) for text in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {entry["mask"] for entry in lines} == {mark}
    (tmp_path / "out" / "0.png").unlink()  # as if the run had been killed before
    assert "1 done, 7 skipped, 0 failed" in run(*line)[2]
    one = tmp_path / "one.png"
    assert run("overlay", "remove", str(folder / "0.png"), "--overlay", mark, "-o", str(one), "--method", "fsr")[0] == 0
    assert (read(one) == read(tmp_path / "out" / "0.png")).all()


def test_a_killed_run_is_finished_by_the_next(run, album, cover, tmp_path):
    folder, _ = album
    line = ["overlay", "remove", str(folder), "--mask", str(tmp_path / "mask.png"), "--method", "fsr"]
    assert run(*line, "-o", str(tmp_path / "whole"))[0] == 0
    code = """if True:
        import os, sys
        from inpaintkit import batch, cli
        done, repair = [], batch.repair
        def killed(*arguments):
            if len(done) == 3:
                os._exit(9)
            done.append(repair(*arguments))
            return done[-1]
        batch.repair = killed
        cli.main(sys.argv[1:])
    """
    stopped = subprocess.run([sys.executable, "-c", code, *line, "-o", str(tmp_path / "out")], capture_output=True)
    assert stopped.returncode == 9, stopped.stderr
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3
    status, _, err = run(*line, "-o", str(tmp_path / "out"))
    assert status == 0
    assert "5 done, 3 skipped, 0 failed" in err
    for path in (tmp_path / "whole").rglob("*.png"):
        assert (read(path) == read(tmp_path / "out" / path.relative_to(tmp_path / "whole"))).all()


def test_a_mark_that_shifts_is_taken_off(run, album, cover, tmp_path):
    _, clean = album
    shifts = [(0, 0), (2, -1), (-2, 0), (1, 2)]
    for number, shift in enumerate(shifts):
        opacity = OPACITY * np.roll(cover, shift, (0, 1))[..., None]
        seen = ((1 - opacity) * clean[number] + opacity * INK).round().astype(np.uint8)
        (tmp_path / "shifted").mkdir(exist_ok=True)
        write(tmp_path / "shifted" / f"{number}.png", seen)
    mark = tmp_path / "mark.png"
    write_mark(mark, Overlay((OPACITY * cover).astype(np.float32), [INK] * 3), 255.0)
    line = ("overlay", "remove", str(tmp_path / "shifted"), "--overlay", str(mark), "--method", "fsr")
    assert run(*line, "-o", str(tmp_path / "out"), "--align", "2")[0] == 0
    for number, photo in enumerate(clean[: len(shifts)]):
        assert np.abs(read(tmp_path / "out" / f"{number}.png").astype(int) - photo).max() <= 2


def test_one_picture_s_own_overlay_is_taken_off(run, album, cover, tmp_path):
    photo, mask, out = str(album[0] / "0.png"), str(tmp_path / "mask.png"), tmp_path / "out.png"
    told = ("--colour", "250,250,250", "--mode", "cover")
    assert run("overlay", "remove", photo, "--mask", mask, *told, "--method", "fsr", "-o", str(out))[0] == 0
    expected = remove_overlay(read(photo), read(mask), colour=[INK] * 3, mode="cover", method="fsr")
    assert (read(out) == expected).all()
    assert (expected != read(photo)).any()
    plain = tmp_path / "plain.png"
    write(plain, np.full((*SIDES, 3), 90, np.uint8))
    status, _, err = run("overlay", "remove", str(plain), *told, "-o", str(tmp_path / "same.png"))
    assert status == 0
    assert "in 1 nothing was found" in err
    assert (read(tmp_path / "same.png") == read(plain)).all()


def test_a_mark_s_file_gives_the_same_overlay(tmp_path):
    rng = np.random.default_rng(0)
    for ink in (np.array([250.0, 20.5, 3.0]), rng.uniform(0, 255, (9, 7, 3))):
        opacity = np.where(rng.random((9, 7)) < 0.5, 0, rng.random((9, 7))).astype(np.float32)
        write_mark(tmp_path / "mark.png", Overlay(opacity, ink), 255.0)
        again = read_mark(tmp_path / "mark.png", Picture.of(np.zeros((9, 7, 3), np.uint8)))
        assert np.abs(again.opacity - opacity).max() <= 0.5 / 65535 + 1e-7
        assert ((again.opacity == 0) == (np.rint(opacity * 65535) == 0)).all()
        assert (
            np.abs(again.colour - ink)[(again.opacity > 0) if ink.ndim == 3 else ...].max() <= 0.5 * 255 / 65535 + 1e-9
        )
        write_mark(tmp_path / "again.png", again, 255.0)
        assert (read(tmp_path / "again.png") == read(tmp_path / "mark.png")).all()


def test_what_cannot_be_done_is_said_in_a_line(run, album, tmp_path):
    folder, _ = album
    write(tmp_path / "small.png", np.zeros((5, 5, 4), np.uint8))
    write(tmp_path / "plain.png", np.zeros((60, 80, 3), np.uint8))
    one, out = str(folder / "0.png"), str(tmp_path / "out.png")
    (tmp_path / "empty").mkdir()
    for arguments, message in [
        (("estimate", one, "-o", out), "is one picture: give the folder of a series"),
        (("estimate", str(tmp_path / "none"), "-o", out), "no such folder"),
        (("estimate", str(tmp_path / "empty"), "-o", out), "two pictures or more, and there are 0"),
        (("estimate", str(folder), "-o", str(tmp_path / "out.jpg")), "name the output .png"),
        (("remove", one, "--gain", "-o", out), "--gain is for a series"),
        (("remove", one, "--align", "2", "-o", out), "--align is for a series"),
        (("remove", str(folder), "--align", "-2", "-o", out), "'--align': -2 is not in the range"),
        (("remove", str(folder), "-o", one), "is a file"),
        (("remove", one, "--overlay", one, "-o", one), "is also an input"),
        (("remove", one, "--overlay", str(tmp_path / "small.png"), "-o", out), "the picture 80 x 60"),
        (("remove", one, "--overlay", str(tmp_path / "plain.png"), "-o", out), "has no opacity"),
        (("remove", one, "--overlay", str(tmp_path / "small.png"), "--gain", "-o", out), "--gain is for an overlay"),
        (("remove", one, "--overlay", str(tmp_path / "small.png"), "--jobs", "0", "-o", out), "--jobs is 0"),
    ]:
        status, printed, err = run("overlay", *arguments)
        assert status != 0
        assert printed == ""
        assert message in " ".join(err.split())
        assert "Traceback" not in err
    assert not (tmp_path / "out.png").exists()
