"""Standard input and output in place of files: nothing but the picture goes out, whole or not at all."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import numpy as np
import pytest
import skimage.data
from PIL import Image

from inpaintkit import cli, damage, inpaint, read, write

PHOTO = skimage.data.chelsea()[:60, :80]
HOLE = damage.text(PHOTO.shape[:2], size=14, seed=2)


class _Pipe(io.TextIOWrapper):
    """Standard input or output as a pipe."""

    def __init__(self, data=b""):
        super().__init__(io.BytesIO(data))


@pytest.fixture
def piped(monkeypatch, capsys):
    """Run the command with bytes on standard input: status, bytes on standard output, stderr."""

    def call(data, *arguments):
        out = _Pipe()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", _Pipe(data))
            patch.setattr(sys, "stdout", out)
            with pytest.raises(SystemExit) as left:
                cli.main([str(argument) for argument in arguments])
        return left.value.code, out.buffer.getvalue(), capsys.readouterr().err

    return call


@pytest.fixture
def here(tmp_path, monkeypatch):
    write(tmp_path / "photo.png", PHOTO)
    write(tmp_path / "mask.png", HOLE.astype(np.uint8) * 255)
    monkeypatch.chdir(tmp_path)
    inpaint(PHOTO, HOLE, "telea")  # a first fill compiles, and says so
    return tmp_path


def content(name):
    with open(name, "rb") as file:
        return file.read()


def test_a_photo_from_a_pipe_into_a_file(piped, here):
    done = piped(content("photo.png"), "fill", "-", "--mask", "mask.png", "-o", "out.png", "--method", "telea")
    assert done == (0, b"", "")
    assert np.array_equal(read("out.png"), inpaint(PHOTO, HOLE, "telea"))


def test_a_mask_from_a_pipe(piped, here):
    done = piped(content("mask.png"), "fill", "photo.png", "--mask", "-", "-o", "out.png", "--method", "telea")
    assert done == (0, b"", "")
    assert np.array_equal(read("out.png"), inpaint(PHOTO, HOLE, "telea"))


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("png", "PNG"),
        ("PNG", "PNG"),
        ("tiff", "TIFF"),
        ("tif", "TIFF"),
        ("webp", "WEBP"),
        ("bmp", "BMP"),
        ("jpg", "JPEG"),
    ],
)
def test_a_result_into_a_pipe_is_the_picture_alone(piped, here, word, name):
    line = ["fill", "-", "--mask", "mask.png", "-o", "-", "--format", word, "--method", "telea", "-v"]
    status, out, err = piped(content("photo.png"), *line)
    assert status == 0
    assert "telea" in err  # the report of -v goes there
    with Image.open(io.BytesIO(out)) as image:
        assert image.format == name
        if name != "JPEG":
            assert np.array_equal(np.asarray(image), inpaint(PHOTO, HOLE, "telea"))


def test_metadata_goes_through_the_pipe(piped, here):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    Image.fromarray(PHOTO).save("photo.jpg", exif=exif, quality=90)
    line = ["fill", "-", "--mask", "mask.png", "-o", "-", "--format", "png", "--method", "telea"]
    status, out, _ = piped(content("photo.jpg"), *line)
    assert status == 0
    with Image.open(io.BytesIO(out)) as image:
        assert image.getexif()[0x010F] == "Maker"


def test_nothing_found_gives_the_file_itself(piped, here):
    Image.new("RGB", (64, 48), "grey").save("plain.jpg", quality=61)
    line = ["fill", "-", "--find", "text", "-o", "-", "--format", "jpeg"]
    status, out, err = piped(content("plain.jpg"), *line)
    assert (status, out) == (0, content("plain.jpg"))
    assert "standard input: no text found" in err


def test_masks_and_sheets_in_pipes(piped, here):
    status, out, _ = piped(content("mask.png"), "mask", "grow", "-", "--radius", 2, "-o", "-")
    assert status == 0
    grown = np.asarray(Image.open(io.BytesIO(out)))
    assert piped(content("mask.png"), "mask", "grow", "mask.png", "--radius", 2, "-o", "grown.png")[:2] == (0, b"")
    assert np.array_equal(grown, np.asarray(Image.open("grown.png")))
    status, out, _ = piped(content("photo.png"), "mask", "rect", "2,3,10,9", "--like", "-", "-o", "-")
    drawn = np.asarray(Image.open(io.BytesIO(out)))
    assert drawn.shape == PHOTO.shape[:2]
    assert (drawn > 0).sum() == 90
    status, out, _ = piped(out, "mask", "combine", "-", "mask.png", "-o", "-")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(out))) > 0, (drawn > 0) | HOLE)
    line = ["compare", "-", "--mask", "mask.png", "--methods", "telea", "-o", "-", "--format", "png"]
    status, out, _ = piped(content("photo.png"), *line)
    assert status == 0
    assert Image.open(io.BytesIO(out)).width > 2 * PHOTO.shape[1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("fill - --mask mask.png -o -", "-o - has no name that says the format: add --format png"),
        ("fill - --mask mask.png -o - --format gif", "'gif' is not one of"),
        ("fill - --mask mask.png -o out.png --format png", "--format goes with -o -"),
        ("fill - --mask - -o out.png", "standard input holds one picture"),
        ("mask combine - - -o out.png", "standard input holds one picture"),
        ("fill - --mask mask.png --in-place", "--in-place needs a file"),
        ("fill . --mask mask.png -o - --format png", "is a folder: name a folder for the results, not -"),
        ("fill - --mask none.png -o - --format png", "none.png: no such file"),
        ("fill - --mask mask.png -o no/out.png", "no is not a folder"),
        ("compare - --mask mask.png --methods telea -o -", "-o - has no name"),
        ("fill photo16.png --mask mask.png -o - --format jpeg", "standard output: JPEG cannot hold 16 bits"),
    ],
)
def test_errors_are_one_line_and_nothing_goes_out(piped, here, line, message):
    write("photo16.png", PHOTO.astype(np.uint16))
    status, out, err = piped(content("photo.png"), *line.split())
    assert (status, out) == (2, b"")
    assert err.count("\n") == 1
    assert message in err
    assert not (here / "out.png").exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "standard input is not a picture that can be read"),
        (b"GIF89a" + bytes(20), "standard input is a GIF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "standard input: damaged picture file"),
    ],
)
def test_what_comes_in_is_checked(piped, here, data, message):
    status, out, err = piped(data, "fill", "-", "--mask", "mask.png", "-o", "-", "--format", "png")
    assert (status, out) == (2, b"")
    assert err.count("\n") == 1
    assert message in err


def test_an_error_in_the_fill_leaves_the_pipe_empty(piped, here, monkeypatch):
    monkeypatch.setattr("inpaintkit.api.inpaint", lambda *_, **__: 1 / 0)
    status, out, err = piped(content("photo.png"), "fill", "-", "--mask", "mask.png", "-o", "-", "--format", "png")
    assert (status, out, err) == (2, b"", "inpaintkit: division by zero\n")


def command(line, **options):
    return subprocess.run([sys.executable, "-m", "inpaintkit", *line.split()], capture_output=True, **options)


def test_closed_streams_are_refused(here, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    status, _, err = run("mask", "invert", "-", "-o", "out.png")
    assert (status, err.count("\n")) == (2, 1)
    assert "standard input, which is closed" in err
    line = [sys.executable, "-m", "inpaintkit", *"mask invert mask.png -o -".split()]
    done = subprocess.run(line, stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1))
    assert done.returncode == 2
    assert b"standard output, which is closed" in done.stderr


def test_between_processes(here):
    done = command("fill - --mask mask.png -o - --format png --method telea", input=content("photo.png"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(done.stdout))), inpaint(PHOTO, HOLE, "telea"))
    with open("/dev/full", "wb") as full:
        line = [sys.executable, "-m", "inpaintkit", *"mask invert - -o -".split()]
        done = subprocess.run(line, input=content("mask.png"), stdout=full, stderr=subprocess.PIPE)
    expected = b"inpaintkit: standard output cannot be written: No space left on device; free some space"
    assert done.returncode == 2
    assert done.stderr.startswith(expected)
    assert done.stderr.count(b"\n") == 1


def test_terminals_are_refused(here):
    ours, theirs = pty.openpty()
    line = [sys.executable, "-m", "inpaintkit", "mask", "invert"]
    try:
        done = subprocess.run([*line, "-", "-o", "out.png"], stdin=theirs, capture_output=True)
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"- is standard input, which is a terminal: pipe a picture into the command" in done.stderr
        done = subprocess.run([*line, "mask.png", "-o", "-"], stdout=theirs, stderr=subprocess.PIPE)
        assert done.returncode == 2
        assert b"-o - is standard output, which is a terminal: pipe it on, or name a file" in done.stderr
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_mask_from_a_pipe_serves_a_folder_in_every_process(run, here, monkeypatch):
    (here / "in").mkdir()
    for name in "ab":
        write(here / "in" / f"{name}.png", PHOTO)
    with (here / "mask.png").open() as file:  # a buffered reader, which no process can hand to another
        monkeypatch.setattr(sys, "stdin", file)
        status, _, err = run("fill", "in", "--mask", "-", "--method", "telea", "-o", "out", "--jobs", 2)
    assert (status, err) == (0, "2 done, 0 skipped, 0 failed\n")
    assert np.array_equal(read(here / "out" / "b.png"), inpaint(PHOTO, HOLE, "telea"))
