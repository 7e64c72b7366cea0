"""PNG and JPEG in and out: bit for bit where the format allows, whole or not at all, clear words where not."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest
from PIL import Image

from inpaintkit import files, read, read_mask, write

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 2), (5, 7, 3), (5, 7, 4)])
def test_png_keeps_every_bit(tmp_path, shape, dtype):
    pixels = RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    path = tmp_path / "a.png"
    if dtype == np.uint16 and shape[-1] == 2:
        with pytest.raises(ValueError, match="16-bit grey with alpha"):
            write(path, pixels)
        return
    write(path, pixels)
    back = read(path)
    assert back.dtype == dtype
    assert np.array_equal(back, pixels)


def test_jpeg_stays_close(tmp_path):
    y, x = np.mgrid[:64, :64]
    pixels = np.stack([y * 3, x * 3, 255 - y - x], axis=2).astype(np.uint8)
    write(tmp_path / "a.jpg", pixels)
    assert np.abs(read(tmp_path / "a.jpg").astype(int) - pixels).max() <= 6


def test_colours_keep_their_order(tmp_path):
    red = np.zeros((2, 2, 3), np.uint16)
    red[..., 0] = 65535
    write(tmp_path / "red.png", red)
    assert cv2.imread(str(tmp_path / "red.png"))[0, 0].tolist() == [0, 0, 255]


def test_a_palette_becomes_colours_and_orientation_is_applied(tmp_path):
    colours = np.zeros((4, 6, 3), np.uint8)
    colours[0, 0] = (255, 0, 0)
    Image.fromarray(colours).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "p.png")
    assert np.array_equal(read(tmp_path / "p.png"), colours)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    Image.fromarray(colours).save(tmp_path / "o.png", exif=exif)
    turned = read(tmp_path / "o.png")
    assert turned.shape == (6, 4, 3)
    assert np.array_equal(turned, np.rot90(colours, -1))


def test_masks_from_colour_files(tmp_path):
    grey = RNG.integers(0, 256, (8, 8)).astype(np.uint8)
    nearly = np.repeat(grey[..., None], 3, axis=2)
    nearly[0, 0] = (120, 128, 131)  # what a JPEG makes of grey
    write(tmp_path / "m.png", nearly)
    assert np.array_equal(read_mask(tmp_path / "m.png"), nearly[..., 1])
    write(tmp_path / "c.png", np.full((2, 2, 3), (255, 0, 0), np.uint8))
    assert read_mask(tmp_path / "c.png").shape == (2, 2, 3)


def test_what_cannot_be_read_is_told(tmp_path):
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    write(tmp_path / "whole.png", RNG.integers(0, 256, (64, 64, 3)).astype(np.uint8))
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:3000])
    Image.new("CMYK", (4, 4)).save(tmp_path / "c.jpg")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.bmp")
    for name, message in {
        "text.png": "not a picture",
        "empty.png": "not a picture",
        "half.png": "damaged",
        "c.jpg": "CMYK",
        "a.bmp": "is BMP: needed is PNG or JPEG",
        "none.png": "no such file",
        ".": "is a folder",
    }.items():
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            read(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "pixels", "message"),
    [
        ("a.jpg", np.zeros((2, 2, 4), np.uint8), "alpha"),
        ("a.jpeg", np.zeros((2, 2), np.uint16), "16 bits"),
        ("a.png", np.zeros((2, 2)), "float64 pixels"),
        ("a.gif", np.zeros((2, 2), np.uint8), "must end in"),
        ("no/a.png", np.zeros((2, 2), np.uint8), "not a folder"),
    ],
)
def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path, name, pixels, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        write(tmp_path / name, pixels)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write(path, np.zeros((2, 2), np.uint8))
    before = path.read_bytes()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(path, np.ones((2, 2), np.uint8))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_written_file_has_ordinary_permissions(tmp_path):
    write(tmp_path / "a.png", np.zeros((2, 2), np.uint8))
    (tmp_path / "b").touch()
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "b").stat().st_mode
