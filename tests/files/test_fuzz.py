"""Damaged files: each is read or refused in one line, and nothing else happens. ``.ci/evidence`` damages more."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from test_flattened import PACKED, RGB, STRIPES, dng, psd

from inpaintkit import read, write
from inpaintkit.files import load

MUTATIONS = 60  # of each kind of file


def seeds():
    """Kind -> a sound file with metadata and enough structure to damage."""
    rng = np.random.default_rng(3)
    smooth = cv2.resize(rng.integers(0, 256, (6, 8, 3)).astype(np.uint8), (40, 30))
    deep = smooth.astype(np.uint16) * 257
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8769)[0x9003] = "2001:02:03 04:05:06"
    text = PngInfo()
    text.add_text("Title", "a title", zip=True)

    def pillow(pixels, kind, **options):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind, **options)
        return file.getvalue()

    def heic(pixels):
        file = io.BytesIO()
        pillow_heif.encode("RGB", pixels.shape[1::-1], pixels.tobytes(), file, quality=90)
        return file.getvalue()

    def tiff(pixels, **options):
        file = io.BytesIO()
        tifffile.imwrite(file, pixels, photometric="rgb", resolution=(300, 300), **options)
        return file.getvalue()

    return {
        "png8": pillow(smooth, "PNG", exif=exif, pnginfo=text, dpi=(300, 300)),
        "png16": cv2.imencode(".png", deep)[1].tobytes(),
        "jpeg": pillow(smooth, "JPEG", exif=exif, comment="held", dpi=(300, 300)),
        "tiff8": pillow(smooth, "TIFF", exif=exif, compression="tiff_lzw"),
        "tiff8-plain": tiff(smooth),
        "tiff16": tiff(deep, compression="zlib", predictor=True, tile=(16, 16)),
        "tiff16-lzw": cv2.imencode(".tif", deep, [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1].tobytes(),
        "tiff-float": tiff(deep.astype(np.float32), rowsperstrip=4),
        "tiff-planes": tiff(np.moveaxis(deep, 2, 0), planarconfig="separate", compression="zstd", predictor=True),
        "tiff-lzma": tiff(deep, compression="lzma"),
        "tiff-packbits": tiff(smooth, compression="packbits"),
        "tiff-jpeg": tiff(smooth, compression="jpeg", subsampling=(2, 2), tile=(16, 16)),
        "tiff-jpeg2000": tiff(deep, compression="jpeg2000"),
        "tiff-webp": tiff(smooth, compression="webp"),
        "tiff-png": tiff(smooth, compression="png"),
        "tiff-jpegxl": tiff(smooth, compression="jpegxl"),
        "tiff-lerc": tiff(deep, compression="lerc"),
        "tiff-fax": pillow(smooth[..., 0] > 99, "TIFF", compression="group4"),
        "tiff-palette": pillow(smooth[..., 0], "TIFF", compression="tiff_lzw"),
        "webp": pillow(smooth, "WEBP", exif=exif, lossless=True),
        "webp-lossy": pillow(smooth, "WEBP", exif=exif),
        "bmp": pillow(smooth, "BMP", dpi=(300, 300)),
        "avif": pillow(smooth, "AVIF", exif=exif),
        "avif10": imagecodecs.avif_encode(deep >> 6, level=100, bitspersample=10),
        "heic": heic(smooth),
        "jxl": imagecodecs.jpegxl_encode(smooth, lossless=True),
        "jxl16": imagecodecs.jpegxl_encode(deep, lossless=True),
        "jxl-lossy": imagecodecs.jpegxl_encode(smooth, level=80),
        "psd": psd(smooth, RGB, resources=[(1058, exif.tobytes()[6:])], packing=PACKED),
        "dng": dng(STRIPES, shape=(24, 36)),
    }


def damaged(whole, rng):
    """One of the ways a file breaks: cut short, bits turned, a field gone wild, a piece lost or doubled."""
    data = bytearray(whole)
    way = rng.integers(6)
    at = int(rng.integers(4, len(data)))
    if way == 0:
        return bytes(data[:at])
    if way == 1:
        for place in rng.integers(4, len(data), rng.integers(1, 12)):
            data[place] ^= 1 << rng.integers(8)
    elif way == 2:
        data[int(rng.integers(4, min(120, len(data))))] = rng.integers(256)
    elif way == 3:
        wild = int(rng.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF, len(data)]))
        at = min(at, len(data) - 4) if rng.integers(2) else int(rng.integers(4, 100))
        data[at : at + 4] = struct.pack(rng.choice(["<I", ">I"]), wild)
    elif way == 4:
        del data[at : at + int(rng.integers(1, 60))]
    else:
        data[at:at] = data[at : at + int(rng.integers(1, 60))]
    return bytes(data)


def fuzz(kind, folder, mutations):
    """Read damaged files of a kind; returns how many were refused."""
    rng = np.random.default_rng(list(kind.encode()))
    whole = seeds()[kind]
    path = Path(folder) / "a"
    refused = 0
    for _ in range(mutations):
        path.write_bytes(damaged(whole, rng))
        try:
            pixels = load(path).pixels
        except (ValueError, OSError) as error:
            refused += 1
            if "\n" in str(error) or not str(error).startswith(str(path)):
                raise AssertionError(f"not one line about the file: {error}") from error
        else:
            assert pixels.dtype.kind in "uif", pixels.dtype
            assert pixels.ndim in (2, 3), pixels.shape
            assert pixels.size > 0, pixels.shape
    return refused


def run(folder, mutations):
    """Damage files of every kind, with no more memory than an honest reader needs; prints how many were refused."""
    import faulthandler
    import resource

    faulthandler.enable()
    faulthandler.dump_traceback_later(600, exit=True)  # a reader that hangs
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    warnings.filterwarnings("ignore", "[^\n]*its metadata cannot be read")
    for kind in seeds():
        print(kind, fuzz(kind, folder, int(mutations)), flush=True)


def refused(folder, mutations):
    """Kind -> damaged files that were refused, and what C libraries printed; in a process that may crash."""
    code = (
        f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r}); import test_fuzz; test_fuzz.run(*sys.argv[1:])"
    )
    done = subprocess.run([sys.executable, "-c", code, folder, str(mutations)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    found = {kind: int(number) for kind, number in map(str.split, done.stdout.splitlines())}
    return found, done.stderr.splitlines()


def test_damaged_files_are_read_or_refused(tmp_path):
    found, printed = refused(tmp_path, MUTATIONS)
    assert found.keys() == seeds().keys()
    assert min(found.values()) > MUTATIONS // 20
    libraries = ("tempfile.tif: ", "unknown file: ")  # libtiff, in Pillow; LibRaw
    assert [line for line in printed if not line.startswith(libraries)] == []


def png_of(width, height, data):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["png", "tiff", "bmp", "jpeg", "webp"])
def test_more_pixels_than_one_would_expect_are_refused_by_the_header(tmp_path, monkeypatch, kind):
    if kind == "png":
        data = png_of(60000, 60000, zlib.compress(bytes(100)))
    elif kind == "tiff":
        file = io.BytesIO()
        tifffile.imwrite(file, shape=(4, 4), dtype=np.uint16, photometric="minisblack")
        file.seek(0)
        with tifffile.TiffFile(file, mode="r+b") as tif:
            for tag in ("ImageWidth", "ImageLength"):
                tif.pages[0].tags[tag].overwrite(60000, dtype=4)
        data = file.getvalue()
    elif kind == "bmp":
        file = io.BytesIO()
        Image.new("RGB", (4, 4)).save(file, "BMP")
        data = file.getvalue()[:18] + struct.pack("<ii", 60000, 60000) + file.getvalue()[26:]
    else:
        monkeypatch.setenv("INPAINTKIT_MAX_PIXELS", "99")
        file = io.BytesIO()
        Image.new("RGB", (10, 10)).save(file, kind)
        data = file.getvalue()
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(ValueError, match=r"has \d+ x \d+ pixels, more than \d+: .*set INPAINTKIT_MAX_PIXELS"):
        read(tmp_path / "a")


def test_the_bound_can_be_lifted(tmp_path, monkeypatch):
    write(tmp_path / "a.png", np.zeros((20, 20), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert read(tmp_path / "a.png").shape == (20, 20)  # ours decides, not Pillow's
    for wrong in ("many", "0", "-1", ""):
        monkeypatch.setenv("INPAINTKIT_MAX_PIXELS", wrong)
        with pytest.raises(ValueError, match=f"INPAINTKIT_MAX_PIXELS is '{wrong}': set a number"):
            read(tmp_path / "a.png")
    monkeypatch.setenv("INPAINTKIT_MAX_PIXELS", "400")
    assert read(tmp_path / "a.png").shape == (20, 20)


def test_a_strip_that_inflates_without_end_is_refused(tmp_path):
    bomb = zlib.compress(bytes(1 << 24), 9)
    file = io.BytesIO()
    tifffile.imwrite(file, iter([bomb]), shape=(4, 4), dtype=np.uint16, compression="zlib", photometric="minisblack")
    (tmp_path / "a.tif").write_bytes(file.getvalue())
    with pytest.raises(ValueError, match="inflates to more than it may hold"):
        read(tmp_path / "a.tif")


def test_a_chain_of_pages_without_end_ends(tmp_path):
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((4, 4), np.uint16), photometric="minisblack")
    data = bytearray(file.getvalue())
    first = int.from_bytes(data[4:8], "little")
    after = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")
    data[after : after + 4] = data[4:8]  # the next page is this one
    (tmp_path / "a.tif").write_bytes(data)
    assert read(tmp_path / "a.tif").shape == (4, 4)
