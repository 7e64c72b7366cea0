"""HEIC, AVIF and JPEG XL in: their own depth, upright once, with all they say; and which files are refused by name."""

from __future__ import annotations

import io
import re
import struct
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps

from inpaintkit import batch, read, write
from inpaintkit.errors import InpaintWarning, MissingExtraError
from inpaintkit.files import FORMATS, READABLE, load, written_as

RNG = np.random.default_rng(9)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" dc:title="kept"/></x:xmpmeta>'
BLOCKS = np.kron(RNG.integers(0, 256, (4, 6, 3)), np.ones((16, 16, 1))).astype(np.uint8)  # 64 x 96, no symmetry
P3, PQ, IDENTITY = 12, 16, 0  # code points


def camera(orientation=1):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "Maker"
    exif.get_ifd(0x8769)[0x9003] = "2001:02:03 04:05:06"
    return exif


def heic(pixels, mode="RGB", **options):
    file = io.BytesIO()
    coding = {"quality": -1, "chroma": 444} | options
    pillow_heif.encode(mode, pixels.shape[1::-1], np.ascontiguousarray(pixels).tobytes(), file, **coding)
    return file.getvalue()


def avif(pixels, bits=8, **options):
    layout = "400" if pixels.ndim == 2 else "444"
    return imagecodecs.avif_encode(pixels, level=100, bitspersample=bits, pixelformat=layout, **options)


def jxl(pixels, **options):
    return imagecodecs.jpegxl_encode(pixels, lossless=True, **options)


def loaded(folder, data):
    (folder / "a").write_bytes(data)
    return load(folder / "a")


def stretched(pixels, bits):
    """Whole numbers of some bits as 16, by the rule itself."""
    return np.round(pixels * (65535 / ((1 << bits) - 1))).astype(np.uint16)


def every_value(bits, shape):
    """Noise that holds the least and the largest value."""
    pixels = RNG.integers(0, 1 << bits, shape).astype(np.uint8 if bits == 8 else np.uint16)
    pixels.flat[:2] = 0, (1 << bits) - 1
    return pixels


SHAPES = [(32, 48), (32, 48, 3), (32, 48, 4)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_avif_comes_at_its_own_depth(tmp_path, bits, shape):
    pixels = every_value(bits, shape)
    found = loaded(tmp_path, avif(pixels, bits, matrix=IDENTITY if len(shape) == 3 else None))
    assert found.format == "AVIF"
    assert np.array_equal(found.pixels, pixels if bits == 8 else stretched(pixels, bits))
    assert found.channels == ("alpha" if shape[2:] == (4,) else "bands")


@pytest.mark.parametrize(("mode", "shape"), [("L", (32, 48)), ("RGB", (32, 48, 3)), ("RGBA", (32, 48, 4))])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_heic_comes_at_its_own_depth(tmp_path, bits, mode, shape):
    pixels = every_value(bits, shape)
    found = loaded(tmp_path, heic(pixels, mode if bits == 8 else f"{'I' if mode == 'L' else mode};{bits}"))
    assert found.format == "HEIF"
    expected, unit = (pixels, 1) if bits == 8 else (stretched(pixels, bits), 65535 / ((1 << bits) - 1))
    assert found.pixels.dtype == expected.dtype
    assert np.abs(found.pixels.astype(int) - expected).max() <= (unit + 1) * (mode != "L")  # YCbCr rounds colours
    assert len(np.unique(found.pixels)) > min(1000, 0.99 * len(np.unique(pixels)))  # not cut to 8 bits


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32])
def test_jpeg_xl_without_loss_is_equal(tmp_path, dtype, channels):
    shape = (32, 48, channels) if channels > 1 else (32, 48)
    if np.dtype(dtype).kind == "f":
        pixels = RNG.uniform(0.001, 1, shape).astype(dtype)  # libjxl rounds halves below 6e-5
    else:
        pixels = RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    found = loaded(tmp_path, jxl(pixels))
    assert found.format == "JPEG XL"
    assert found.pixels.dtype == dtype
    assert np.array_equal(found.pixels, pixels)
    assert found.channels == ("alpha" if channels in (2, 4) else "bands")


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_jpeg_xl_of_few_bits_is_stretched(tmp_path, bits):
    pixels = every_value(bits, (32, 48, 3))
    assert np.array_equal(loaded(tmp_path, jxl(pixels, bitspersample=bits)).pixels, stretched(pixels, bits))


def test_lossy_jpeg_xl_and_a_jpeg_inside_one(tmp_path):
    file = io.BytesIO()
    Image.fromarray(BLOCKS).save(file, "JPEG", quality=95, exif=camera(6))
    for data in (imagecodecs.jpegxl_encode(BLOCKS, level=95), imagecodecs.jpegxl_encode_jpeg(file.getvalue())):
        found = loaded(tmp_path, data)
        upright = BLOCKS if found.pixels.shape == BLOCKS.shape else np.rot90(BLOCKS, -1)
        assert np.abs(found.pixels.astype(int) - upright).mean() < 6
    assert found.pixels.shape == (96, 64, 3)  # turned once
    assert found.metadata.ifd()[0x010F] == "Maker"
    assert 0x0112 not in found.metadata.ifd()


# JPEG XL's header, bit by bit


def bits_of(*fields):
    """(value, bits) pairs, lowest bit first, filled up to a byte."""
    number = at = 0
    for value, width in fields:
        number |= value << at
        at += width
    return number.to_bytes(-(-at // 8), "little")


SMALL = [(1, 1), (64 // 8 - 1, 5), (4, 3)]  # 64 pixels high, in eighths, and half as wide again
EIGHT = [(0, 1), (0, 2)]  # bits
PLAIN = [(0, 2)]  # no further channel
SRGB_COLOURS = [(1, 1)]
WHITE = [(0, 1), (0, 1), (0, 2), (1, 2)]  # spelled out: no profile, RGB, D65
P3_COLOURS = [*WHITE, (2, 2), (9, 4), (0, 1), (2, 2), (11, 4), (1, 2)]  # with the transfer of sRGB


def header(*, orientation=None, animation=False, depth=EIGHT, extras=PLAIN, colours=SRGB_COLOURS):
    """The start of a codestream of 64 x 96 pixels that are not XYB."""
    special = orientation is not None or animation
    fields = [*SMALL, (0, 1), (int(special), 1)]
    if special:
        fields += [((orientation or 1) - 1, 3), (0, 1), (0, 1), (int(animation), 1)]
        if animation:
            fields += [(0, 2), (0, 2), (0, 2), (0, 1)]
    fields += [*depth, (1, 1), *extras, (0, 1), *colours]
    if special:
        fields += [(1, 1)]  # tone mapping as usual
    return b"\xff\x0a" + bits_of(*fields, (0, 2), (1, 1))


def restarted(**options):
    """A file of BLOCKS whose header says something else."""
    data = imagecodecs.jpegxl_encode(BLOCKS, lossless=True, usecontainer=False)
    assert data.startswith(header())
    return header(**options) + data[len(header()) :]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_xl_stands_upright(tmp_path, orientation):
    found = loaded(tmp_path, restarted(orientation=orientation)).pixels
    expected = np.asarray(ImageOps.exif_transpose(with_exif(BLOCKS, orientation)))
    assert np.array_equal(found, expected)


def with_exif(pixels, orientation):
    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = orientation
    return image


def test_what_jpeg_xl_holds_that_is_refused(tmp_path):
    alpha = [(1, 2), (0, 1), (0, 2), (0, 1), (0, 2), (0, 2), (0, 2), (1, 1)]  # one, spelled out, premultiplied
    black = [(1, 2), (0, 1), (2, 2), (2, 4), (0, 1), (0, 2), (0, 2), (0, 2)]
    depth_map = [(1, 2), (0, 1), (1, 2), (0, 1), (0, 2), (0, 2), (0, 2)]
    deep = [(0, 1), (3, 2), (23, 6)]
    for options, message in (
        ({"animation": True}, "is an animation: save the frame as PNG"),
        ({"extras": alpha}, "premultiplied alpha"),
        ({"extras": black}, "is CMYK"),
        ({"extras": depth_map}, "1 channels besides its colours"),
        ({"depth": deep}, "whole numbers of 24 bits"),
    ):
        with pytest.raises(ValueError, match=message):
            loaded(tmp_path, restarted(**options))
    frames = imagecodecs.jpegxl_encode(np.stack([BLOCKS, BLOCKS[::-1]]), lossless=True)
    with pytest.raises(ValueError, match="is an animation"):
        loaded(tmp_path, frames)


def box(name, body):
    return struct.pack(">I", 8 + len(body)) + name + body


def contained(*boxes, codestream=None):
    """A JPEG XL file of boxes."""
    start = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    return start + b"".join(boxes) + box(b"jxlc", codestream or restarted())


@pytest.mark.parametrize("packed", [False, True])
def test_jpeg_xl_keeps_exif_and_xmp(tmp_path, packed):
    exif = camera(8).tobytes().removeprefix(b"Exif\0\0")
    boxes = [(b"Exif", struct.pack(">I", 0) + exif), (b"xml ", XMP)]
    if packed:
        boxes = [(b"brob", name + imagecodecs.brotli_encode(body)) for name, body in boxes]
    metadata = loaded(tmp_path, contained(*(box(*given) for given in boxes))).metadata
    assert metadata.ifd()[0x010F] == "Maker"
    assert metadata.ifd().get_ifd(0x8769)[0x9003] == "2001:02:03 04:05:06"
    assert metadata.xmp == XMP.replace(b"6", b"1")
    assert metadata.icc is None


def test_jpeg_xl_of_other_colours(tmp_path):
    found = loaded(tmp_path, restarted(colours=P3_COLOURS))
    assert np.array_equal(found.pixels, BLOCKS)
    check_p3(found.metadata.icc)
    packed = [(0, 1), (1, 1), (0, 2)]  # an ICC profile
    with pytest.raises(ValueError, match="damaged"):  # the file holds no picture
        loaded(tmp_path, restarted(colours=packed))
    gamma = [*WHITE, (1, 2), (1, 1), (5000000, 24), (1, 2)]
    with pytest.warns(InpaintWarning, match="a: its colour profile cannot be read and is left out"):
        assert np.array_equal(loaded(tmp_path, restarted(colours=gamma)).pixels, BLOCKS)


def check_p3(icc):
    """A profile says Display P3: its red is redder than all of sRGB."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    to_srgb = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    shown = ImageCms.applyTransform(Image.new("RGB", (1, 1), (200, 100, 100)), to_srgb)
    expected = (215, 93, 97)  # by the matrices of SMPTE EG 432-1 and IEC 61966-2-1
    assert np.abs(np.subtract(shown.getpixel((0, 0)), expected)).max() <= 1


def test_a_size_is_refused_by_the_header(tmp_path, monkeypatch):
    monkeypatch.setenv("INPAINTKIT_MAX_PIXELS", "99")
    for data in (restarted(), avif(BLOCKS), heic(BLOCKS)):
        with pytest.raises(ValueError, match="has 96 x 64 pixels, more than 99"):
            loaded(tmp_path, data)


# HEIF and AVIF


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(tmp_path, kind, orientation):
    pillow_heif.register_heif_opener()
    coding = {"quality": -1, "chroma": 444} if kind == "HEIF" else {"quality": 100, "subsampling": "4:4:4"}
    Image.fromarray(BLOCKS).save(tmp_path / "b", kind, exif=camera(orientation).tobytes(), **coding)
    found = load(tmp_path / "b")
    expected = np.asarray(ImageOps.exif_transpose(with_exif(BLOCKS, orientation)))
    assert np.abs(found.pixels.astype(int) - expected).max() <= 3
    write(tmp_path / "c.png", found.pixels, like=found)
    again = load(tmp_path / "c.png")
    assert np.array_equal(again.pixels, found.pixels)
    assert again.metadata.ifd()[0x010F] == "Maker"


@pytest.mark.parametrize("target", ["b.png", "b.jpg", "b.tif", "b.webp"])
@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_profile_exif_and_xmp_go_along(tmp_path, kind, target):
    pillow_heif.register_heif_opener()
    Image.fromarray(BLOCKS).save(tmp_path / "a", kind, exif=camera().tobytes(), xmp=XMP, icc_profile=SRGB)
    found = load(tmp_path / "a")
    assert found.metadata.xmp == XMP.replace(b"6", b"1")
    write(tmp_path / target, found.pixels, like=found)
    back = load(tmp_path / target).metadata
    assert back.icc == SRGB
    assert back.ifd()[0x010F] == "Maker"
    assert back.ifd().get_ifd(0x8769)[0x9003] == "2001:02:03 04:05:06"
    assert back.xmp == XMP.replace(b"6", b"1")


def test_colours_by_numbers_become_a_profile(tmp_path):
    found = loaded(tmp_path, avif(BLOCKS, primaries=P3, transfer=13, matrix=IDENTITY))
    assert np.array_equal(found.pixels, BLOCKS)
    check_p3(found.metadata.icc)
    assert loaded(tmp_path, avif(BLOCKS, primaries=P3, transfer=13)).metadata.icc == found.metadata.icc
    assert loaded(tmp_path, avif(BLOCKS, primaries=1, transfer=13)).metadata.icc is None
    image = pillow_heif.from_bytes("RGB", (96, 64), BLOCKS.tobytes())
    image.save(file := io.BytesIO(), color_primaries=P3, transfer_characteristics=13)
    check_p3(loaded(tmp_path, file.getvalue()).metadata.icc)


def test_high_dynamic_range_is_said_in_a_png_and_warned_of(tmp_path):
    pixels = every_value(10, (32, 48, 3))
    with pytest.warns(InpaintWarning, match=r"its colours \(HDR by PQ\) fit no profile: write a PNG"):
        found = loaded(tmp_path, avif(pixels, 10, primaries=9, transfer=PQ, matrix=IDENTITY))
    assert np.array_equal(found.pixels, stretched(pixels, 10))
    write(tmp_path / "b.png", found.pixels, like=found)
    assert struct.pack(">I", 4) + b"cICP" + bytes((9, PQ, 0, 1)) in (tmp_path / "b.png").read_bytes()


def test_pages_of_heic(tmp_path):
    container = pillow_heif.from_bytes("RGB", (96, 64), BLOCKS.tobytes())
    container.save(file := io.BytesIO(), quality=-1, chroma=444, thumbnails=[32])
    assert loaded(tmp_path, file.getvalue()).pixels.shape == (64, 96, 3)  # a thumbnail is no page
    small = np.ascontiguousarray(BLOCKS[::2, ::2])
    container.add_frombytes("RGB", (48, 32), small.tobytes())
    container.save(file := io.BytesIO(), quality=-1, chroma=444)
    with pytest.raises(ValueError, match=r"holds 2 pages: choose one with page=1 to 2 \(.*fill --page N\), or save it"):
        loaded(tmp_path, file.getvalue())
    assert np.abs(read(tmp_path / "a", page=2).astype(int) - small).max() <= 1
    assert read(tmp_path / "a", page=1).shape == (64, 96, 3)
    with pytest.raises(ValueError, match="page is 3: choose 1 to 2"):
        read(tmp_path / "a", page=3)


def test_animated_avif_is_refused(tmp_path):
    frames = [Image.fromarray(BLOCKS), Image.fromarray(BLOCKS[::-1])]
    frames[0].save(tmp_path / "a", "AVIF", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match="is an animation of 2 frames: save the frame as PNG"):
        load(tmp_path / "a")


def test_premultiplied_alpha_is_refused(tmp_path):
    with pytest.raises(ValueError, match="premultiplied alpha: save it with straight alpha"):
        loaded(tmp_path, heic(every_value(8, (32, 48, 4)), "RGBa"))


def test_without_the_extra_the_message_names_it(tmp_path, monkeypatch):
    data = heic(BLOCKS)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(
        MissingExtraError, match=r'a is a HEIC, which needs .*: pip install "inpaintkit\[heif\]"'
    ) as caught:
        loaded(tmp_path, data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [heic, avif, jxl, restarted])
def test_a_file_cut_short_is_damaged(tmp_path, make):
    data = make(BLOCKS) if make is not restarted else make()
    for end in (20, len(data) // 2, len(data) - 30):
        with pytest.raises(ValueError, match=r"a: damaged picture file|is not a picture") as caught:
            loaded(tmp_path, data[:end])
        assert "\n" not in str(caught.value)


# What is recognised, and what is written


def test_names_say_what_is_written(tmp_path):
    assert {written_as(Path(f"a{ending}")).suffix for ending in READABLE} == set(FORMATS)
    assert written_as(Path("x/a.HEIC")) == Path("x/a.png")
    assert written_as(Path("x/a.JFIF")) == Path("x/a.JFIF")
    for ending in (".jfif", ".jpe", ".jif", ".JPEG"):
        write(tmp_path / f"a{ending}", BLOCKS)
        assert load(tmp_path / f"a{ending}").format == "JPEG"
    for ending, name in ((".heic", "HEIF"), (".avif", "AVIF"), (".jxl", "JPEG XL")):
        with pytest.raises(ValueError, match=rf"a\{ending}: {name} is read, but not written: name the output \.png or"):
            write(tmp_path / f"a{ending}", BLOCKS)


def tiff_of_a_sensor():
    """As a camera writes its raw files: a thumbnail first, the sensor's pixels in a directory below it."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tif:
        tif.write(np.zeros((8, 8, 3), np.uint8), photometric="rgb", subfiletype=1, subifds=1, metadata=None)
        tif.write(np.zeros((16, 16), np.uint16), photometric=32803, metadata=None)
    return file.getvalue()


def gif():
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "GIF")
    return file.getvalue()


REFUSED = {
    "GIF": (gif(), "is a GIF, .*: save the frame as PNG"),
    "EXR": (b"v/1\x01" + bytes(60), "is an OpenEXR picture: convert it to a TIFF"),
    "HDR": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "is a Radiance HDR picture"),
    "JP2": (imagecodecs.jpeg2k_encode(BLOCKS, codecformat="jp2"), "is a JPEG 2000 picture: convert"),
    "J2K": (imagecodecs.jpeg2k_encode(BLOCKS, codecformat="j2k"), "is a JPEG 2000 picture"),
    "JXR": (imagecodecs.jpegxr_encode(BLOCKS), "is a JPEG XR picture"),
    "SVG": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG drawing"),
    "bare SVG": (b'\n<svg width="4" height="4"></svg>', "is an SVG drawing: export it as PNG"),
    "PDF": (b"%PDF-1.7\n", "is a PDF document: export the page as PNG"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "is a PostScript document"),
    "ICO": (b"\0\0\1\0\1\0\x10\x10" + bytes(40), r"is an icon \(ICO\)"),
    "CR2": (b"II*\0\x10\0\0\0CR\2\0" + bytes(40), r"is a camera raw file \(CR2\): develop it"),
    "CR3": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", r"is a camera raw file \(CR3\)"),
    "NEF": (tiff_of_a_sensor(), "is a camera raw file: develop it to a 16-bit TIFF"),
    "HEIF sequence": (b"\0\0\0\x1cftyphevc\0\0\0\0msf1mif1heic", "is a HEIF of moving pictures: save the frame"),
    "RAF": (b"FUJIFILMCCD-RAW 0201" + bytes(40), r"is a camera raw file \(RAF\)"),
    "ORF": (b"IIRO\x08\0\0\0" + bytes(40), r"is a camera raw file \(ORF\)"),
    "RW2": (b"IIU\0\x18\0\0\0" + bytes(40), r"is a camera raw file \(RW2\)"),
    "MP4": (b"\0\0\0\x18ftypisom\0\0\2\0isommp42", "is a film"),
    "XCF": (b"gimp xcf v011\0", "is a GIMP picture"),
    "PNM": (b"P6\n4 4\n255\n" + bytes(48), "is a PNM picture"),
    "DICOM": (bytes(128) + b"DICM", "is a DICOM picture"),
    "FITS": (b"SIMPLE  =                    T", "is a FITS picture"),
    "NPY": (b"\x93NUMPY\1\0", "is a NumPy array"),
    "ZIP": (b"PK\3\4" + bytes(20), "is a ZIP archive"),
    "text": (b"a picture it is not", "is not a picture that can be read: expected PNG, .*HEIC, AVIF"),
    "empty": (b"", "is not a picture that can be read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_formats_are_refused_by_name(tmp_path, name):
    data, message = REFUSED[name]
    (tmp_path / "photo.png").write_bytes(data)
    with pytest.raises(ValueError, match=rf"photo\.png {message}") as caught:
        load(tmp_path / "photo.png")
    assert "\n" not in str(caught.value)
    assert "damaged" not in str(caught.value)


def test_sound_files_are_still_their_own_kind(tmp_path):
    for ending in (".png", ".jpg", ".tif", ".webp", ".bmp"):
        write(tmp_path / f"a{ending}", BLOCKS)
        (tmp_path / f"a{ending}").rename(tmp_path / "a.dat")
        assert load(tmp_path / "a.dat").format == FORMATS[ending]
    for order in "<>":
        for big in (False, True):
            deep = BLOCKS.astype(np.uint16)
            tifffile.imwrite(tmp_path / "a.tif", deep, byteorder=order, bigtiff=big, photometric="rgb")
            assert load(tmp_path / "a.tif").format == "TIFF"


def test_open_files_in_place_of_paths(tmp_path):
    for ending, name in (("png", "PNG"), ("jpeg", "JPEG"), ("tiff", "TIFF"), ("webp", "WebP"), ("bmp", "BMP")):
        write(file := io.BytesIO(), BLOCKS, format=ending)
        file.seek(0)
        assert load(file).format == name
        file.seek(0)
        assert read(file).shape == BLOCKS.shape
    with pytest.raises(ValueError, match="has no ending that says the format: give format='png'"):
        write(io.BytesIO(), BLOCKS)
    with pytest.raises(ValueError, match="give format='png', jpeg, tiff, webp or bmp"):
        write(io.BytesIO(), BLOCKS, format="gif")
    with pytest.raises(ValueError, match="its ending says the format"):
        write(tmp_path / "a.png", BLOCKS, format="png")
    with pytest.raises(ValueError, match="the open file gives text: open it for bytes"):
        read(io.StringIO("text"))
    with pytest.raises(ValueError, match="the open file is not a picture"):
        read(io.BytesIO(b"text"))


def test_a_folder_of_pictures_that_are_only_read(tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    (photos / "a.heic").write_bytes(heic(BLOCKS))
    (photos / "b.JXL").write_bytes(jxl(BLOCKS.astype(np.uint16) * 257))
    (photos / "c.jfif").write_bytes((photos / "a.heic").read_bytes())  # the content decides
    (photos / "d.avif").write_bytes(avif(BLOCKS))
    write(photos / "d.png", BLOCKS)
    hole = np.zeros(BLOCKS.shape[:2], np.uint8)
    hole[20:24, 30:60] = 255
    write(tmp_path / "mask.png", hole)
    jobs, failed = batch.plan(photos, tmp_path / "mask.png", out)
    assert [job.output.name for job in jobs] == ["a.png", "b.png", "c.jfif", "d.png"]
    assert [Path(outcome.photo).name for outcome in failed] == ["d.png"]  # two of one name: neither is lost silently
    done = list(batch.run(jobs, batch.Settings("telea")))
    assert [outcome.status for outcome in done] == ["done"] * 4, done
    assert read(out / "b.png").dtype == np.uint16
    assert np.array_equal(read(out / "b.png")[hole == 0], (BLOCKS.astype(np.uint16) * 257)[hole == 0])
    assert np.array_equal(read(out / "a.png")[hole == 0], read(photos / "a.heic")[hole == 0])
    assert {outcome.status for outcome in batch.run(jobs, batch.Settings("telea"))} == {"skipped"}


def test_in_place_what_cannot_be_written_fails_with_the_way_out(tmp_path):
    (tmp_path / "a.heic").write_bytes(heic(BLOCKS))
    write(tmp_path / "b.png", BLOCKS)
    jobs, failed = batch.plan(tmp_path, "alpha", None)
    assert [job.photo.name for job in jobs] == ["b.png"]
    assert [outcome.status for outcome in failed] == ["failed"]
    expected = r"a\.heic: HEIF is read, but not written: name the output \.png or \.tif, in a folder named with -o"
    assert re.search(expected, failed[0].error)
