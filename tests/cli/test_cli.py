"""The command, as a user types it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import numpy as np
import pytest
import skimage.data
from PIL import Image

from inpaintkit import cli, damage, inpaint, read, write
from inpaintkit.files import read_mask

PHOTO = skimage.data.chelsea()[:80, :120]
HOLE = damage.text(PHOTO.shape[:2], size=18, seed=1)


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """A first fill on a machine compiles, and says so: before the tests that look at what is printed."""
    inpaint(PHOTO, HOLE)
    inpaint(PHOTO, HOLE, "telea", variant="opencv")


@pytest.fixture
def files(tmp_path):
    write(tmp_path / "photo.png", PHOTO)
    write(tmp_path / "mask.png", HOLE.astype(np.uint8) * 255)
    return tmp_path, PHOTO, HOLE


def test_fill_is_the_same_door_as_python(run, files):
    folder, photo, hole = files
    line = [folder / "photo.png", "--mask", folder / "mask.png", "-o", folder / "out.png"]
    assert run("fill", *line) == (0, "", "")
    assert np.array_equal(read(folder / "out.png"), inpaint(photo, hole))
    assert run("fill", *line, "--method", "telea", "--radius", 3, "--variant", "opencv", "--threads", 1)[0] == 0
    assert np.array_equal(read(folder / "out.png"), inpaint(photo, hole, "telea", radius=3, variant="opencv"))
    assert run("fill", *line, "--method", "telea", "--invert-mask", "--dilate", 2, "--feather", 1.5)[0] == 0
    with pytest.warns(UserWarning, match="hides"):
        expected = inpaint(photo, ~hole, "telea", dilate=2, feather=1.5)
    assert np.array_equal(read(folder / "out.png"), expected)


def test_alpha_as_the_mask_and_jpeg(run, files):
    folder, photo, hole = files
    rgba = np.dstack([photo, np.where(hole, 0, 255).astype(np.uint8)])
    write(folder / "rgba.png", rgba)
    line = ["--method", "telea", "--mask"]
    assert run("fill", folder / "rgba.png", *line, "alpha", "-o", folder / "out.png")[0] == 0
    assert np.array_equal(read(folder / "out.png"), inpaint(rgba, "alpha", "telea"))
    assert (read(folder / "out.png")[..., 3] == 255).all()
    write(folder / "photo.jpg", photo)
    Image.fromarray(hole).convert("RGB").save(folder / "mask.jpg")
    out = folder / "out.jpg"
    assert run("fill", folder / "photo.jpg", *line, folder / "mask.jpg", "-o", out)[0] == 0
    expected = inpaint(read(folder / "photo.jpg"), read_mask(folder / "mask.jpg"), "telea")
    assert np.abs(read(out).astype(int) - expected).mean() < 2


def test_verbose_reports_what_was_done(run, files):
    folder, *_ = files
    status, out, err = run("fill", folder / "photo.png", "--mask", folder / "mask.png", "-o", folder / "o.png", "-v")
    assert (status, out) == (0, "")
    assert "auto: " in err
    assert "regions" in err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"photo": "none.png"}, "no such file"),
        ({"mask": "none.png"}, "no such file"),
        ({"mask": "small.png"}, r"mask is \(5, 5\), image is \(80, 120\): resize one"),
        ({"mask": "alpha"}, "no alpha channel"),
        ({"mask": "photo.png"}, "photo.png is named as photo and as mask"),
        ({"output": "photo.png"}, "also an input"),
        ({"output": "out.gif"}, "must end in"),
        ({"output": "no/out.png"}, "is not a folder"),
        ({"more": ["--method", "tela"]}, "choose one of auto, telea"),
        ({"more": ["--method", "telea", "--radius", "wide"]}, "'wide' is not a valid float"),
        ({"more": ["--method", "telea", "--radius", "1000"]}, "expected 1 to 100"),
        ({"more": ["--method", "telea", "--variant", "fast"]}, "'fast' is not one of"),
        ({"more": ["--paint", "1"]}, "No such option"),
        ({"more": ["--threads", "0"]}, "threads is 0"),
        ({"more": ["--device", "gpu"]}, "'gpu' is not one of 'auto', 'cpu'"),
        ({"photo": "mask.png", "mask": "white.png"}, "hides all"),
    ],
)
def test_errors_are_one_line_and_status_2(run, files, monkeypatch, change, message):
    folder, *_ = files
    write(folder / "small.png", np.zeros((5, 5), np.uint8))
    write(folder / "white.png", np.full((80, 120), 255, np.uint8))
    monkeypatch.chdir(folder)
    photo, mask, output = (change.get(key, key + ".png") for key in ("photo", "mask", "output"))
    status, out, err = run("fill", photo, "--mask", mask, "-o", output, *change.get("more", []))
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("inpaintkit: ")
    assert __import__("re").search(message, err)
    assert not (folder / "output.png").exists()


def test_an_unforeseen_error_is_one_line_too(run, files, monkeypatch):
    folder, *_ = files
    monkeypatch.setattr("inpaintkit.files.load", lambda path: 1 / 0)
    line = ["fill", folder / "photo.png", "--mask", folder / "mask.png", "-o", folder / "out.png"]
    assert run(*line) == (2, "", "inpaintkit: division by zero\n")
    with pytest.raises(ZeroDivisionError):
        cli.main([*map(str, line), "-v"])


def test_compare_writes_a_labelled_sheet(run, files):
    folder, *_ = files
    line = [folder / "photo.png", "--mask", folder / "mask.png", "-o", folder / "sheet.png"]
    assert run("compare", *line, "--methods", "telea,harmonic")[0] == 0
    height, width, _ = read(folder / "sheet.png").shape
    assert width > 3 * 120
    assert 80 < height < 160
    assert run("compare", *line, "--methods", "telea,nothing")[0] == 2
    assert run("compare", *line, "--methods", ",")[0] == 2


def test_fill_shows_before_mask_and_after(run, files):
    folder, photo, hole = files
    line = [folder / "photo.png", "--mask", folder / "mask.png", "--method", "telea", "--dilate", 1, "-o"]
    assert run("fill", *line, folder / "plain.png")[0] == 0
    assert run("fill", *line, folder / "out.png", "--compare", folder / "sheet.png") == (0, "", "")
    assert (folder / "out.png").read_bytes() == (folder / "plain.png").read_bytes()
    height, width = hole.shape
    page = read(folder / "sheet.png")
    cells = [page[46 : 46 + height, 12 + i * (width + 12) : 12 + i * (width + 12) + width] for i in range(3)]
    filled = inpaint(photo, hole, "telea", dilate=1, return_info=True)[1].mask
    assert np.array_equal(cells[0], photo)
    assert np.array_equal(cells[1][..., 0] == 255, filled)
    assert filled.sum() > hole.sum()
    assert np.array_equal(cells[2], read(folder / "out.png"))


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        ("photo.png", "is also an input: name another sheet"),
        ("mask.png", "is also an input: name another sheet"),
        ("out.png", "is also the output"),
        ("sheet.gif", "must end in one of"),
    ],
)
def test_a_sheet_takes_no_files_place(run, files, sheet, words):
    folder, *_ = files
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    line = ["fill", folder / "photo.png", "--mask", folder / "mask.png", "-o", folder / "out.png"]
    status, _, err = run(*line, "--compare", folder / sheet)
    assert status == 2
    assert words in err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_demo_repairs_what_it_damaged(run, tmp_path):
    status, out, _ = run("demo", "-o", tmp_path / "demo.png", "--method", "telea")
    assert status == 0
    assert str(tmp_path / "demo.png") in out
    sheet = read(tmp_path / "demo.png").astype(int)
    cat = skimage.data.chelsea()
    top, left = 46, 12
    width = cat.shape[1] + 12
    cells = [sheet[top : top + cat.shape[0], left + i * width : left + i * width + cat.shape[1]] for i in range(3)]
    damaged, mask, repaired = cells
    hole = mask[..., 0] > 127
    assert np.array_equal(repaired[~hole], cat[~hole])
    assert np.square(repaired - cat)[hole].mean() < 0.02 * np.square(damaged - cat)[hole].mean()


def test_on_a_terminal_there_is_a_bar(files):
    folder, *_ = files
    line = [sys.executable, "-m", "inpaintkit", "fill", "photo.png", "--mask", "mask.png", "-o", "out.png"]
    line += ["--method", "telea"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(line, cwd=folder, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # the terminal closed with the process
            pass
    os.close(ours)
    assert process.returncode == 0
    assert b"%" in shown
    assert b"out.png: telea: " in shown


def test_a_page_of_a_file_with_several(run, files):
    folder, photo, hole = files
    pages = [Image.fromarray(photo), Image.fromarray(photo[::-1].copy())]
    pages[0].save(folder / "scans.tif", save_all=True, append_images=pages[1:])
    line = ["fill", folder / "scans.tif", "--mask", folder / "mask.png", "-o", folder / "page.tif", "--method", "telea"]
    status, _, err = run(*line)
    assert (status, err.count("\n")) == (2, 1)
    assert "page" in err
    assert run(*line, "--page", 2)[0] == 0
    assert np.array_equal(read(folder / "page.tif"), inpaint(photo[::-1], hole, "telea"))
    assert run(*line, "--page", 3)[0] == 2


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint16", "int16"])
def test_a_comparison_shows_any_type_as_it_looks(run, files, dtype):
    folder, photo, _ = files
    whole = {"uint16": 257, "int16": 40}.get(dtype, 1 / 255)
    write(folder / "photo.tif", (photo.astype(np.float64) * whole).astype(dtype))
    line = ["--mask", folder / "mask.png", "--methods", "telea,harmonic"]
    for name in ("photo.png", "photo.tif"):
        assert run("compare", folder / name, *line, "-o", folder / f"sheet-{name}.png")[0] == 0
    shown, expected = (read(folder / f"sheet-{name}.png") for name in ("photo.tif", "photo.png"))
    assert shown.shape == expected.shape
    rows = slice(46, 46 + photo.shape[0])  # below the captions, which hold times
    tolerance = 24 if dtype == "int16" else 2  # of signed numbers nobody knows which are black and white
    assert np.abs(shown[rows].astype(int) - expected[rows]).mean() < tolerance
    assert shown[rows].std() > 40
