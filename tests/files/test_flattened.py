"""Photoshop documents and digital negatives, read flattened."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from psd_tools import PSDImage
from test_files import inks

from inpaintkit import read, write
from inpaintkit.errors import InpaintWarning, MissingExtraError
from inpaintkit.files import load

RNG = np.random.default_rng(11)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY, INDEXED, RGB, CMYK, LAB = 1, 2, 3, 4, 9
STORED, PACKED, ZIP = 0, 1, 2
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="1" dc:title="kept"/></x:xmpmeta>'


def resource(number, data):
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)


def psd(pixels, mode, *, resources=(), layers=0, packing=STORED, palette=b"", version=1):
    """A document as the specification lays it out; ``layers`` below 0 says that transparency follows the colours."""
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    height, width, channels = pixels.shape
    depth = pixels.dtype.itemsize * 8
    data = b"8BPS" + struct.pack(">H6xHIIHH", version, channels, height, width, depth, mode)
    data += struct.pack(">I", len(palette)) + palette
    block = b"".join(resource(*given) for given in resources)
    data += struct.pack(">I", len(block)) + block
    long = ">Q" if version == 2 else ">I"
    if layers:
        record = struct.pack(">4iH", 0, 0, 0, 0, 0) + b"8BIMnorm" + struct.pack(">4BI", 255, 0, 0, 0, 12)
        record += struct.pack(">II", 0, 0) + b"\0\0\0\0"
        info = struct.pack(">h", layers) + record
        info += b"\0" * (-len(info) % 4)
        section = struct.pack(long, len(info)) + info + struct.pack(">I", 0)
        data += struct.pack(long, len(section)) + section
    else:
        data += struct.pack(long, 0)
    planes = np.ascontiguousarray(np.moveaxis(pixels, 2, 0)).astype(pixels.dtype.newbyteorder(">"))
    if packing == PACKED:
        rows = [bytes(imagecodecs.packbits_encode(row.tobytes())) for plane in planes for row in plane]
        stored = b"".join(struct.pack(">H" if version == 1 else ">I", len(row)) for row in rows) + b"".join(rows)
    else:
        stored = zlib.compress(planes.tobytes()) if packing == ZIP else planes.tobytes()
    return data + struct.pack(">H", packing) + stored


def loaded(folder, data):
    (folder / "a").write_bytes(data)
    return load(folder / "a")


def noise(shape, dtype):
    if np.dtype(dtype).kind == "f":
        return RNG.random(shape).astype(dtype)
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("packing", [STORED, PACKED, ZIP])
@pytest.mark.parametrize("mode", [GREY, RGB])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_document_is_equal_to_its_composite(tmp_path, dtype, mode, packing, version):
    pixels = noise((13, 18, 3) if mode == RGB else (13, 18), dtype)
    found = loaded(tmp_path, psd(pixels, mode, packing=packing, version=version))
    assert (found.format, found.channels) == ("PSD", "bands")
    assert found.pixels.dtype == dtype
    assert np.array_equal(found.pixels, pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("mode", [GREY, RGB])
def test_transparency_is_alpha_and_the_white_below_is_taken_out(tmp_path, mode, dtype):
    colours = noise((13, 18, 3 if mode == RGB else 1), dtype)
    full = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    alpha = noise((13, 18), dtype)
    alpha[:3] = full
    share = (alpha / full)[..., None]
    stored = colours * share + full * (1 - share)
    stored = (np.rint(stored) if full > 1 else stored).astype(dtype)
    found = loaded(tmp_path, psd(np.dstack([stored, alpha]), mode, layers=-1))
    assert found.channels == "alpha"
    assert np.array_equal(found.pixels[..., -1], alpha)
    assert np.array_equal(found.pixels[:3, :, :-1], colours[:3])  # opaque: exactly
    seen = share[..., 0] > 0.25
    off = np.abs(found.pixels[..., :-1].astype(float) - colours)[seen]
    assert off.max() <= (2.01 if full > 1 else 1e-5)  # half a level, divided by the opacity


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_alpha_of_a_document_without_layers_is_straight(tmp_path, dtype):
    pixels = noise((13, 18, 4), dtype)
    found = loaded(tmp_path, psd(pixels, RGB))
    assert found.channels == "alpha"
    assert np.array_equal(found.pixels, pixels)


def test_documents_that_psd_tools_writes(tmp_path):
    for mode in ("L", "RGB", "RGBA"):
        pixels = noise((13, 18, len(mode)) if len(mode) > 1 else (13, 18), np.uint8)
        PSDImage.frompil(Image.fromarray(pixels)).save(tmp_path / "b.psd")
        assert np.array_equal(read(tmp_path / "b.psd"), pixels)


def test_saved_selections_are_left_out_with_a_word(tmp_path):
    pixels = noise((13, 18, 5), np.uint8)
    with pytest.warns(InpaintWarning, match=r"a: 2 further channels \(saved selections or spot inks\) are left out"):
        found = loaded(tmp_path, psd(pixels, RGB, layers=1))
    assert np.array_equal(found.pixels, pixels[..., :3])
    with pytest.warns(InpaintWarning, match="1 further channel "):
        found = loaded(tmp_path, psd(pixels[..., :4], RGB, resources=[(1053, struct.pack(">I", 7))]))
    assert np.array_equal(found.pixels, pixels[..., :3])


def test_palettes_and_bitmaps(tmp_path):
    numbers, palette = noise((13, 18), np.uint8), noise((3, 256), np.uint8)
    found = loaded(tmp_path, psd(numbers, INDEXED, palette=palette.tobytes()))
    assert np.array_equal(found.pixels, palette.T[numbers])
    bits = RNG.random((5, 11)) < 0.5
    data = psd(np.packbits(bits, axis=1), 0)
    data = data[:18] + struct.pack(">IH", 11, 1) + data[24:]  # eleven columns of one bit
    assert np.array_equal(loaded(tmp_path, data).pixels, np.where(bits, 0, 255))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_ink_becomes_srgb_by_its_profile(tmp_path, dtype):
    full = np.iinfo(dtype).max
    pixels = np.full((6, 8, 4), full, dtype)  # no ink
    pixels[:3, :, 1] = 0  # magenta, which this profile makes black
    found = loaded(tmp_path, psd(pixels, CMYK, resources=[(1039, inks())]))
    assert found.pixels.shape == (6, 8, 3)
    assert found.pixels.dtype == dtype
    assert found.pixels[:3].max() < 0.02 * full
    assert found.pixels[3:].min() > 0.98 * full
    assert found.metadata.icc is None
    with pytest.raises(ValueError, match=r"CMYK .*without a profile"):
        loaded(tmp_path, psd(pixels, CMYK))


def test_what_a_document_says_goes_along(tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    said = [
        (1005, struct.pack(">I2HI2H", 300 << 16, 1, 1, 300 << 16, 1, 1)),
        (1039, SRGB),
        (1058, exif.tobytes().removeprefix(b"Exif\0\0")),
        (1060, XMP),
    ]
    pixels = noise((13, 18, 3), np.uint16)
    found = loaded(tmp_path, psd(pixels, RGB, resources=said))
    assert np.array_equal(found.pixels, pixels)  # a document stands upright
    write(tmp_path / "b.png", found.pixels, like=found)
    back = load(tmp_path / "b.png").metadata
    assert (back.icc, back.xmp) == (SRGB, XMP)
    assert back.ifd()[0x010F] == "Maker"
    assert 0x0112 not in back.ifd()
    assert back.dpi == pytest.approx((300, 300), abs=0.01)


def test_documents_that_are_refused(tmp_path, monkeypatch):
    pixels = noise((13, 18, 3), np.uint8)
    bare = struct.pack(">IB", 1, 0) + struct.pack(">I", 0) * 2 + struct.pack(">I", 1)
    for data, message in (
        (psd(pixels, LAB), "is a Photoshop document in LAB: convert it to RGB"),
        (psd(pixels, RGB, resources=[(1057, bare)]), "holds layers only: save it with 'Maximize Compatibility'"),
        (psd(pixels, RGB)[:-5], "damaged picture file"),
        (psd(pixels, RGB, packing=PACKED)[:-5], "damaged picture file"),
        (psd(pixels, RGB, packing=ZIP)[:-9], "damaged picture file"),
        (psd(pixels, RGB)[:20], "damaged picture file"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            loaded(tmp_path, data)
        assert "\n" not in str(caught.value)
    monkeypatch.setenv("INPAINTKIT_MAX_PIXELS", "99")
    with pytest.raises(ValueError, match="has 18 x 13 pixels, more than 99"):
        loaded(tmp_path, psd(pixels, RGB))


# Digital negatives


def dng(colours, *, orientation=1, shape=(64, 96), byteorder="<", tags=()):
    """A sensor's picture of three upright stripes, each of one linear colour, as a camera without a lens sees them."""
    scene = np.repeat(np.asarray(colours, float), shape[1] // 3, axis=0)[None].repeat(shape[0], axis=0)
    row, column = np.indices(shape) % 2
    filters = np.where(row == column, 2 * row, 1)  # red, green / green, blue
    seen = np.take_along_axis(scene, filters[..., None], axis=2)[..., 0]
    unit = (10000, 10000)
    matrix = [3.2404542, -1.5371385, -0.4985314, -0.9692660, 1.8760108, 0.0415560, 0.0556434, -0.2040259, 1.0572252]
    described = [
        *tags,
        (50706, 1, 4, bytes((1, 4, 0, 0)), True),
        (50707, 1, 4, bytes((1, 1, 0, 0)), True),
        (50708, 2, 5, "Test", True),
        (271, 2, 6, "Maker", True),
        (272, 2, 5, "Test", True),
        (274, 3, 1, orientation, True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes((0, 1, 1, 2)), True),
        (50714, 3, 1, 0, True),
        (50717, 3, 1, 65535, True),
        (50721, 10, 9, tuple(part for value in matrix for part in (round(value * 10000), 10000)), True),
        (50728, 5, 3, (*unit, *unit, *unit), True),
        (50778, 3, 1, 21, True),  # D65, whose XYZ the matrix takes to the camera's colours
    ]
    file = io.BytesIO()
    samples = np.round(seen * 65535).astype(np.uint16)
    with tifffile.TiffWriter(file, byteorder=byteorder) as tif:
        tif.write(samples, photometric=32803, extratags=described, metadata=None, subfiletype=0, software=False)
    return file.getvalue()


STRIPES = [(0.5, 0.1, 0.1), (0.1, 0.5, 0.1), (0.2, 0.2, 0.2)]  # linear sRGB


def srgb(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_negative_is_developed_to_srgb(tmp_path, byteorder):
    found = loaded(tmp_path, dng(STRIPES, byteorder=byteorder))
    assert (found.format, found.channels) == ("DNG", "bands")
    assert found.pixels.dtype == np.uint16
    assert found.pixels.shape == (64, 96, 3)
    for stripe, colour in enumerate(STRIPES):
        inside = found.pixels[8:-8, 32 * stripe + 8 : 32 * stripe + 24].reshape(-1, 3) / 65535
        assert np.abs(np.median(inside, axis=0) - srgb(np.array(colour))).max() < 0.02
    assert found.metadata.ifd()[0x010F] == "Maker"
    assert found.metadata.icc is None


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_negative_stands_upright_once(tmp_path, orientation):
    upright = loaded(tmp_path, dng(STRIPES)).pixels
    found = loaded(tmp_path, dng(STRIPES, orientation=orientation))
    assert np.array_equal(found.pixels, np.rot90(upright, {1: 0, 3: 2, 6: -1, 8: 1}[orientation]))
    write(tmp_path / "b.tif", found.pixels, like=found)
    assert np.array_equal(read(tmp_path / "b.tif"), found.pixels)


def test_a_negative_that_is_damaged_or_too_large(tmp_path, monkeypatch):
    for end in (5000, 12000, -100):
        with pytest.raises(ValueError, match="a: damaged picture file") as caught:
            loaded(tmp_path, dng(STRIPES)[:end])
        assert "\n" not in str(caught.value)
    monkeypatch.setenv("INPAINTKIT_MAX_PIXELS", "99")
    with pytest.raises(ValueError, match="has 96 x 64 pixels, more than 99"):
        loaded(tmp_path, dng(STRIPES))


@pytest.mark.parametrize(("module", "extra", "make"), [("psd_tools.psd", "psd", psd), ("rawpy", "raw", dng)])
def test_without_the_extra_the_message_names_it(tmp_path, monkeypatch, module, extra, make):
    data = make(noise((4, 4, 3), np.uint8), RGB) if make is psd else make(STRIPES)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf'a is a .* needs .*: pip install "inpaintkit\[{extra}\]"') as caught:
        loaded(tmp_path, data)
    assert "\n" not in str(caught.value)
