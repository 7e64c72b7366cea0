"""PNG out: what other decoders read from it, how large it is, and its level."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data as pictures

from inpaintkit.files import load, png, read, write
from inpaintkit.files.metadata import png_chunks


def noise(shape, dtype=np.uint8):
    return np.random.default_rng(1).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def size_by_pillow(pixels):
    Image.fromarray(pixels).save(file := io.BytesIO(), "PNG")
    return len(file.getvalue())


@pytest.mark.parametrize("level", [0, 1, 5, 12])
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 7, 2), (40, 3, 3), (6, 500, 4)])
def test_other_decoders_read_the_same_pixels(shape, level):
    for pixels in (noise(shape), np.zeros(shape, np.uint8), noise(shape) // 128 * 255):
        with Image.open(io.BytesIO(png.encode(pixels, level=level))) as image:
            assert np.array_equal(np.asarray(image).reshape(shape), pixels)
    if shape[2] != 2:  # OpenCV makes grey with alpha RGBA
        deep = noise(shape, np.uint16)
        found = cv2.imdecode(np.frombuffer(png.encode(deep, level=level), np.uint8), cv2.IMREAD_UNCHANGED)
        assert found.dtype == np.uint16
        assert np.array_equal(found.reshape(shape), deep[..., [2, 1, 0, 3][: shape[2]]] if shape[2] > 2 else deep)


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def file_of(rows, colour, *, width, depth=8, before=b"", after=b"", interlace=0, packed=zlib.compress):
    """A PNG of rows that begin with the number of their filter."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, interlace))
    data = packed(b"".join(rows))
    parts = [chunk(b"IDAT", data[at : at + 200]) for at in range(0, len(data), 200)]
    return b"".join((png.SIGNATURE, header, before, *parts, after, chunk(b"IEND", b"")))


def filtered_rows(channels, width=21, height=15):
    return [bytes([row % 5]) + noise((width * channels,)).tobytes() for row in range(height)]


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_plain_kinds_have_pillows_pixels_and_all_that_the_file_says(colour, channels):
    gamma = chunk(b"gAMA", struct.pack(">I", 30000))
    said = chunk(b"pHYs", struct.pack(">IIB", 4000, 4000, 1)) + chunk(b"tEXt", b"Title\0before")
    turned = chunk(b"eXIf", b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0")
    data = file_of(
        filtered_rows(channels), colour, width=21, before=gamma + said, after=turned + chunk(b"tEXt", b"Author\0after")
    )
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image)
    assert np.array_equal(png.plain_pixels(data), pixels)
    small = png.without_pixels(data)
    with Image.open(io.BytesIO(small)) as image:
        assert image.size == (1, 1)
    loaded = load(io.BytesIO(data))
    assert np.array_equal(loaded.pixels, pixels[::-1, ::-1])
    assert loaded.metadata.text == {"Title": "before", "Author": "after"}
    assert loaded.metadata.dpi == pytest.approx((101.6, 101.6))
    assert loaded.metadata.png_colour == gamma


def test_other_kinds_are_left_to_pillow():
    palette = chunk(b"PLTE", bytes(range(256)) * 3)
    clear = chunk(b"tRNS", bytes(6))
    wide = [b"\0" + noise((6 * 21,)).tobytes()] * 4
    others = [
        file_of(filtered_rows(1), 3, width=21, before=palette),
        file_of(filtered_rows(3), 2, width=21, before=clear),
        file_of(wide, 2, width=21, depth=16),
        file_of([bytes(4)] * 3, 0, width=21, depth=1),
        b"",
        png.SIGNATURE,
    ]
    Image.new("RGB", (9, 9)).save(
        file := io.BytesIO(), "PNG", save_all=True, append_images=[Image.new("RGB", (9, 9), 1)]
    )
    assert all(png.plain_pixels(data) is None for data in (*others, file.getvalue()))


@pytest.mark.parametrize(
    "packed",
    [
        lambda rows: zlib.compress(rows[:-30]),
        lambda rows: zlib.compress(rows)[:-4] + b"none",
        lambda rows: zlib.compress(b"\x09" + rows[1:]),
    ],
)
def test_what_libpng_cannot_read_is_one_error_and_nothing_else(packed, capfd, caplog):
    data = file_of(filtered_rows(3), 2, width=21, packed=packed)
    with pytest.raises(ValueError, match="damaged picture file"):
        load(io.BytesIO(data))
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_what_libpng_only_warns_of_is_read_in_silence(capfd, caplog):
    data = file_of(filtered_rows(3), 2, width=21, packed=lambda rows: zlib.compress(rows + bytes(500)))
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(load(io.BytesIO(data)).pixels, np.asarray(image))
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_bands_of_rows_and_several_chunks_make_the_same_picture(monkeypatch):
    photo = pictures.astronaut()[:90, :100]
    whole = png.encode(photo)
    monkeypatch.setattr(png, "_BAND", 1000)
    assert png.encode(photo) == whole
    monkeypatch.setattr(png, "_MAX_CHUNK", 1000)
    cut = png.encode(photo)
    assert [name for name, _ in png_chunks(cut)].count(b"IDAT") > 10
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(cut))), photo)


def test_files_are_about_as_small_as_pillows_and_smaller_at_higher_levels():
    photos = [pictures.coffee()[:256, :256], pictures.chelsea()[:256, :256], pictures.camera()[:256, :256]]
    drawings = [np.where(pictures.camera() > 100, np.uint8(255), np.uint8(0))[:256, :256], pictures.page()]
    for pixels in (*photos, *drawings):
        sizes = [len(png.encode(np.atleast_3d(pixels), level=level)) for level in (0, 1, 5, 12)]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] > pixels.nbytes
        assert len(png.encode(np.atleast_3d(pixels))) <= 1.05 * size_by_pillow(pixels)


def test_the_level_is_1_where_5_would_hardly_make_a_file_smaller():
    grain = pictures.astronaut()[:256, :256]
    assert png.encode(grain) == png.encode(grain, level=1)
    assert len(png.encode(grain)) <= 1.02 * len(png.encode(grain, level=5))
    plain = pictures.retina()[:400, :400]
    assert png.encode(plain) == png.encode(plain, level=5)
    assert len(png.encode(plain)) < 0.95 * len(png.encode(plain, level=1))


def test_large_files_are_read_as_small_ones(monkeypatch):
    data = png.encode(noise((60, 40, 3)))
    unpacked = png.plain_pixels(data)
    monkeypatch.setattr(png, "_AT_ONCE", 1000)
    assert np.array_equal(png.plain_pixels(data), unpacked)


@pytest.mark.parametrize("rows", [11, 9])
def test_more_rows_or_fewer_than_the_header_says_are_left_to_pillow(rows):
    data = png.encode(noise((10, 40, 3)))
    head = data[:16] + struct.pack(">II", 40, rows) + data[24:29]
    data = head + struct.pack(">I", zlib.crc32(head[12:])) + data[33:]
    assert png.plain_pixels(data) is None
    assert np.array_equal(load(io.BytesIO(data)).pixels, np.asarray(Image.open(io.BytesIO(data))))


def test_a_level_is_for_png_alone_and_in_range(tmp_path):
    photo = pictures.chelsea()[:64, :64]
    for level in (0, 12):
        write(tmp_path / f"{level}.png", photo, png_level=level)
        assert np.array_equal(read(tmp_path / f"{level}.png"), photo)
    assert (tmp_path / "0.png").stat().st_size > 1.2 * (tmp_path / "12.png").stat().st_size
    for level in (-1, 13, 2.5, True):
        with pytest.raises(ValueError, match=r"png_level is .*: give a whole number from 0, fastest, to 12, smallest"):
            write(tmp_path / "a.png", photo, png_level=level)
    with pytest.raises(ValueError, match=r"a\.jpg: png_level \(--png-level\) is for PNG, not for JPEG"):
        write(tmp_path / "a.jpg", photo, png_level=5)


def test_the_commands_level_reaches_the_file_and_leaves_other_formats_alone(tmp_path, run):
    photos, mask = tmp_path / "photos", np.zeros((64, 64), np.uint8)
    photos.mkdir()
    mask[30:33, 5:60] = 255
    write(tmp_path / "mask.png", mask)
    write(photos / "a.png", pictures.chelsea()[:64, :64])
    write(photos / "b.jpg", pictures.chelsea()[:64, :64])
    line = ["--mask", tmp_path / "mask.png", "--method", "telea", "-q"]
    for level in (0, 9):
        assert run("fill", photos, "-o", tmp_path / str(level), "--png-level", level, *line)[0] == 0
    assert (tmp_path / "0" / "a.png").stat().st_size > 1.2 * (tmp_path / "9" / "a.png").stat().st_size
    assert (tmp_path / "0" / "b.jpg").read_bytes() == (tmp_path / "9" / "b.jpg").read_bytes()
    status, _, said = run("fill", photos / "b.jpg", "-o", tmp_path / "b.jpg", "--png-level", 0, *line)
    assert status == 2
    assert "--png-level is for PNG: leave it out, or name an output that ends in .png" in said
    assert not (tmp_path / "b.jpg").exists()


def test_16_bits_keep_what_is_said_of_them(tmp_path):
    Image.new("I;16", (8, 6)).save(tmp_path / "a.png", dpi=(200, 200))
    like = load(tmp_path / "a.png")
    write(tmp_path / "b.png", noise((6, 8), np.uint16), like=like)
    assert np.array_equal(read(tmp_path / "b.png"), noise((6, 8), np.uint16))
    assert load(tmp_path / "b.png").metadata.dpi == pytest.approx((200, 200), abs=0.1)
