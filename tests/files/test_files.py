"""Picture files in and out: bit for bit where the format allows, whole or not at all, clear words where not."""

from __future__ import annotations

import errno
import io
import os
import struct

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational

from inpaintkit import files, read, read_mask, write
from inpaintkit.errors import InpaintWarning
from inpaintkit.files import load

RNG = np.random.default_rng(0)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY = SRGB[:16] + b"GRAY" + SRGB[20:]
XMP = b'<x:xmpmeta><rdf tiff:Orientation="6"/></x:xmpmeta>'


def noise(shape, dtype=np.uint8):
    """Every value a type can have, and colours under a transparent pixel."""
    if np.dtype(dtype).kind == "f":
        return RNG.normal(size=shape).astype(dtype)
    pixels = RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    if len(shape) == 3 and shape[2] in (2, 4):
        pixels[:2, :, -1] = 0
    return pixels


def camera(orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0x9003] = "2001:02:03 04:05:06"
    exif.get_ifd(0x8769)[0x829A] = IFDRational(1, 2)
    exif.get_ifd(0x8825)[1] = "N"
    parsed = Image.Exif()  # Pillow writes groups into a TIFF only where they were read
    parsed.load(exif.tobytes())
    parsed[0x013B] = "Ärtist".encode()
    return parsed


LOSSLESS = [
    *[("a.png", shape, dtype) for shape in ((5, 7), (5, 7, 3), (5, 7, 4)) for dtype in (np.uint8, np.uint16)],
    ("a.png", (5, 7, 2), np.uint8),
    *[
        (name, shape, dtype)
        for name in ("a.tif", "a.TIFF")
        for shape in ((5, 7), (5, 7, 2), (5, 7, 3), (5, 7, 4))
        for dtype in (np.uint8, np.uint16, np.float16, np.float32, np.float64)
    ],
    ("a.webp", (5, 7, 3), np.uint8),
    ("a.webp", (5, 7, 4), np.uint8),
    ("a.bmp", (5, 7), np.uint8),
    ("a.bmp", (5, 7, 3), np.uint8),
]


@pytest.mark.parametrize(("name", "shape", "dtype"), LOSSLESS)
def test_lossless_formats_keep_every_bit(tmp_path, name, shape, dtype):
    pixels = noise(shape, dtype)
    path = tmp_path / name
    write(path, pixels)
    back = read(path)
    assert back.dtype == dtype
    assert np.array_equal(back, pixels)
    if name.lower().endswith("tiff"):
        assert np.array_equal(tifffile.imread(path), pixels)


def test_grey_in_webp_comes_back_as_equal_channels(tmp_path):
    grey, alpha = noise((5, 7)), noise((5, 7, 2))
    write(tmp_path / "a.webp", grey)
    assert np.array_equal(read(tmp_path / "a.webp"), np.repeat(grey[..., None], 3, axis=2))
    write(tmp_path / "a.webp", alpha)
    assert np.array_equal(read(tmp_path / "a.webp"), alpha[..., [0, 0, 0, 1]])


def test_jpeg_stays_close_with_full_colour(tmp_path):
    y, x = np.mgrid[:64, :64]
    pixels = np.stack([y * 3, x * 3, 255 - y - x], axis=2).astype(np.uint8)
    write(tmp_path / "a.jpg", pixels)
    assert np.abs(read(tmp_path / "a.jpg").astype(int) - pixels).max() <= 6
    with Image.open(tmp_path / "a.jpg") as image:
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("coding", [{"quality": 61, "subsampling": 1}, {"quality": 30, "progressive": True}])
def test_jpeg_to_jpeg_keeps_tables_and_subsampling(tmp_path, mode, coding):
    source, out = tmp_path / "a.jpg", tmp_path / "b.jpeg"
    Image.fromarray(noise((32, 48, 3))).convert(mode).save(source, comment="held", **coding)
    loaded = load(source)
    write(out, loaded.pixels, like=loaded)
    with Image.open(source) as before, Image.open(out) as after:
        assert after.quantization == before.quantization
        assert mode == "L" or [layer[1:3] for layer in after.layer] == [layer[1:3] for layer in before.layer]
        assert after.info.get("progressive") == before.info.get("progressive")
        assert after.info["comment"] == b"held"


def test_a_jpeg_of_other_channels_still_takes_the_tables(tmp_path):
    for mode, other in (("L", (16, 16, 3)), ("RGB", (16, 16))):
        Image.new(mode, (16, 16)).save(tmp_path / "a.jpg", quality=50)
        write(tmp_path / "b.jpg", noise(other), like=load(tmp_path / "a.jpg"))
        assert read(tmp_path / "b.jpg").shape == other


def save_source(path, pixels, orientation):
    """A file with all its format can tell, made without inpaintkit."""
    exif = camera(orientation)
    suffix = path.suffix
    if suffix == ".tif" and pixels.dtype != np.uint8:
        tags = [(274, 3, 1, orientation, True), (271, 2, 6, "Maker", True), (700, 1, len(XMP), XMP, True)]
        options = {"resolution": (118, 118), "resolutionunit": "CENTIMETER", "photometric": "rgb", "metadata": None}
        tifffile.imwrite(path, pixels, description="a scan", iccprofile=SRGB, extratags=tags, **options)
    elif suffix == ".png":
        texts = PngInfo()
        texts.add_text("Title", "a title")
        texts.add_itxt("Note", "Grüße 猫", "de", "Notiz")
        texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
        Image.new("RGB", pixels.shape[1::-1]).save(small := io.BytesIO(), "PNG")
        image = Image.fromarray(pixels) if pixels.dtype == np.uint8 else Image.open(small)
        image.save(path, pnginfo=texts, exif=exif, dpi=(300, 300), icc_profile=SRGB)
        if pixels.dtype != np.uint8:  # the deep pixels, set between its chunks
            deep = cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()
            shallow = path.read_bytes()
            path.write_bytes(deep[:33] + shallow[33 : shallow.index(b"IDAT") - 4] + deep[33:])
    else:
        extra = {".tif": {}, ".webp": {"lossless": True}}.get(suffix, {"quality": 90})
        options = {} if suffix == ".bmp" else {"exif": exif, "icc_profile": SRGB, "xmp": XMP}
        if suffix == ".tif":
            options.pop("xmp")
        Image.fromarray(pixels).save(path, dpi=(300, 300), **options, **extra)


SOURCES = [
    *((".png", np.uint8), (".png", np.uint16), (".jpg", np.uint8), (".webp", np.uint8)),
    *((".tif", np.uint8), (".tif", np.uint16), (".tif", np.float32)),
]


@pytest.mark.parametrize(("suffix", "dtype"), SOURCES)
@pytest.mark.parametrize("orientation", [1, 6])
def test_metadata_survives_and_orientation_is_applied_once(tmp_path, suffix, dtype, orientation):
    source, out = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    pixels = noise((16, 24, 3), dtype)
    save_source(source, pixels, orientation)
    loaded = load(source)
    assert loaded.pixels.dtype == dtype
    if suffix != ".jpg":
        assert np.array_equal(loaded.pixels, pixels if orientation == 1 else np.rot90(pixels, -1))
    write(out, loaded.pixels, like=loaded)
    again = load(out)
    assert again.pixels.shape == loaded.pixels.shape  # not turned a second time
    if suffix != ".jpg":
        assert np.array_equal(again.pixels, loaded.pixels)
    if suffix == ".tif":
        check_tiff(out, deep=dtype != np.uint8)
        return
    with Image.open(out) as image:
        image.load()
        assert image.info["icc_profile"] == SRGB
        exif = image.getexif()
        assert exif.get(0x0112, 1) == 1
        assert (exif[0x010F], exif[0x013B]) == ("Maker", "Ärtist".encode().decode("latin-1"))
        assert exif.get_ifd(0x8769)[0x9003] == "2001:02:03 04:05:06"
        assert exif.get_ifd(0x8825)[1] == "N"
        if suffix != ".webp":
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)
        if suffix == ".png":
            assert (image.text["Title"], image.text["Note"]) == ("a title", "Grüße 猫")
            assert (image.text["Note"].lang, image.text["Note"].tkey) == ("de", "Notiz")
        xmp = image.info["xmp"]
        assert xmp == XMP.replace(b"6", b"1")


def check_tiff(path, *, deep):
    with tifffile.TiffFile(path) as tif:
        (page,) = tif.pages
        assert page.iccprofile == SRGB
        assert page.tags.get(274) is None
        assert page.tags[271].value == "Maker"
        assert page.get_resolution("INCH") == pytest.approx((299.72, 299.72) if deep else (300, 300))
        if deep:
            assert page.description == "a scan"
            assert page.tags[700].value == XMP.replace(b"6", b"1")
        else:
            assert page.tags[34665].value["DateTimeOriginal"] == "2001:02:03 04:05:06"
            assert page.tags[34665].value["ExposureTime"] == (1, 2)
            assert page.tags[34853].value["GPSLatitudeRef"] == "N"


def test_every_orientation_stands_upright(tmp_path):
    pixels = noise((3, 5, 3))
    for orientation in range(1, 9):
        for name in ("a.png", "a.tif"):
            Image.fromarray(pixels).save(tmp_path / name, exif=camera(orientation))
            with Image.open(tmp_path / "a.png") as image:
                assert np.array_equal(read(tmp_path / name), np.asarray(ImageOps.exif_transpose(image)))


@pytest.mark.parametrize("target", ["b.png", "b.jpg", "b.tif", "b.webp", "b.bmp"])
@pytest.mark.parametrize(("suffix", "dtype"), [*SOURCES[:1], *SOURCES[2:5], (".bmp", np.uint8)])
def test_metadata_goes_from_format_to_format(tmp_path, suffix, dtype, target):
    save_source(tmp_path / f"a{suffix}", noise((16, 24, 3), dtype), 3)
    loaded, out = load(tmp_path / f"a{suffix}"), tmp_path / target
    if target == "b.bmp" and suffix != ".bmp":
        with pytest.warns(InpaintWarning, match="colour profile"):
            write(out, loaded.pixels, like=loaded)
    else:
        write(out, loaded.pixels, like=loaded)
    back = load(out)
    if target != "b.jpg":
        assert np.array_equal(back.pixels, loaded.pixels)
    if suffix != ".webp":
        assert back.metadata.dpi == pytest.approx((300, 300), rel=1e-3)
    if suffix != ".bmp" and target != "b.bmp":
        assert back.metadata.icc == SRGB
        assert back.metadata.ifd()[0x010F] == "Maker"
        assert back.metadata.ifd().get_ifd(0x8769)[0x9003] == "2001:02:03 04:05:06"
    if {suffix, target[1:]} <= {".jpg", ".png", ".webp"}:
        assert back.metadata.xmp == XMP.replace(b"6", b"1")


def test_a_png_keeps_what_it_says_of_its_colours(tmp_path):
    gamma = bytes.fromhex("00000004 67414d41 0000b18f 0bfc6105")
    for dtype in (np.uint8, np.uint16):
        plain = cv2.imencode(".png", noise((4, 4, 3), dtype))[1].tobytes()
        (tmp_path / "a.png").write_bytes(plain[:33] + gamma + plain[33:])
        write(tmp_path / "b.png", read(tmp_path / "a.png"), like=load(tmp_path / "a.png"))
        with Image.open(tmp_path / "b.png") as image:
            assert image.info["gamma"] == 0.45455


def test_a_grey_profile_stays_off_colours(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png", icc_profile=GREY)
    like = load(tmp_path / "a.png")
    write(tmp_path / "b.png", like.pixels, like=like)
    write(tmp_path / "c.png", noise((4, 4, 3)), like=like)
    assert load(tmp_path / "b.png").metadata.icc == GREY
    assert load(tmp_path / "c.png").metadata.icc is None


def test_without_like_there_is_no_metadata(tmp_path):
    for suffix in (".png", ".jpg", ".tif", ".webp"):
        write(tmp_path / f"a{suffix}", noise((4, 4, 3)))
        found = load(tmp_path / f"a{suffix}").metadata
        assert (found.icc, found.exif, found.xmp, found.text, found.comment) == (None, None, None, {}, None)


def inks():
    """A profile of four inks, of which any darkens the paper to nothing: a table of two entries a side, in Lab."""
    steps, paper = bytes(range(256)), bytes((255, 128, 128)) + bytes((0, 128, 128)) * 15
    unit = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + unit + steps * 4 + paper + steps * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    body = struct.pack(">I", 2)
    body += b"A2B0" + struct.pack(">II", 156, len(table)) + b"wtpt" + struct.pack(">II", 156 + len(table), len(white))
    body += table + white
    head = struct.pack(">I4sI4s4s4s", 128 + len(body), b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head + bytes(128 - len(head)) + body


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_is_converted_by_its_profile_or_refused(tmp_path, name):
    ink = Image.new("CMYK", (16, 16))
    ink.paste((0, 255, 0, 0), (0, 0, 16, 8))
    ink.save(tmp_path / name)
    with pytest.raises(ValueError, match=r"is CMYK without a profile.*convert it to RGB"):
        read(tmp_path / name)
    ink.save(tmp_path / name, icc_profile=SRGB)  # not one for inks
    with pytest.raises(ValueError, match="damaged"):
        read(tmp_path / name)
    ink.save(tmp_path / name, icc_profile=inks(), **({"quality": 95} if name == "a.jpg" else {}))
    loaded = load(tmp_path / name)
    assert loaded.pixels.shape == (16, 16, 3)
    assert loaded.pixels[:8].max() < 5  # without a profile magenta would stay magenta
    assert loaded.pixels[8:].min() > 250
    assert loaded.metadata.icc is None
    write(tmp_path / "b.jpg", loaded.pixels, like=loaded)
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.mode == "RGB"


def test_palettes_and_transparent_colours(tmp_path):
    colours = np.zeros((4, 6, 3), np.uint8)
    colours[0, 0] = (255, 0, 0)
    palette = Image.fromarray(colours).convert("P", palette=Image.Palette.ADAPTIVE)
    for name in ("p.png", "p.bmp", "p.tif"):
        palette.save(tmp_path / name)
        assert np.array_equal(read(tmp_path / name), colours)
    palette.save(tmp_path / "p.png", transparency=palette.getpixel((0, 0)))
    assert read(tmp_path / "p.png")[0, 0].tolist() == [255, 0, 0, 0]
    Image.fromarray(colours).save(tmp_path / "t.png", transparency=(255, 0, 0))
    assert read(tmp_path / "t.png")[0, :2].tolist() == [[255, 0, 0, 0], [0, 0, 0, 255]]
    Image.new("1", (3, 3), 1).save(tmp_path / "b.tif", compression="group4")
    assert read(tmp_path / "b.tif").tolist() == [[255] * 3] * 3


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib", "predictor": True, "tile": (16, 16)},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"planarconfig": "separate"},
    ],
)
def test_deep_tiff_in_its_layouts(tmp_path, options, channels):
    pixels = noise((20, 30, channels), np.uint16)
    stored = pixels[..., 0] if channels == 1 else pixels
    if "planarconfig" in options and channels > 1:
        stored = np.moveaxis(pixels, 2, 0)
    elif channels > 1:
        options = options | {"planarconfig": "contig"}
    else:
        options = {key: value for key, value in options.items() if key != "planarconfig"}
    colour = "rgb" if channels > 2 else "minisblack"
    alpha = ["unassalpha"] if channels in (2, 4) else None
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=colour, extrasamples=alpha, **options)
    assert np.array_equal(read(tmp_path / "a.tif"), pixels[..., 0] if channels == 1 else pixels)


@pytest.mark.parametrize(("dtype", "packing"), [(np.uint8, 5), (np.uint16, 5), (np.float32, 5), (np.uint16, 32773)])
def test_tiff_by_lzw_and_packbits(tmp_path, dtype, packing):
    pixels = noise((20, 30, 3), dtype)
    data = cv2.imencode(".tif", pixels, [cv2.IMWRITE_TIFF_COMPRESSION, packing])[1].tobytes()
    (tmp_path / "a.tif").write_bytes(data)
    assert np.array_equal(read(tmp_path / "a.tif"), pixels[..., ::-1])


def test_white_as_zero_is_turned_about(tmp_path):
    pixels = noise((5, 7), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    assert np.array_equal(read(tmp_path / "a.tif"), 65535 - pixels)


def test_one_page_of_several(tmp_path):
    pages = noise((3, 5, 7, 3)), noise((3, 5, 7, 3), np.uint16)
    for stack in pages:
        tifffile.imwrite(tmp_path / "a.tif", stack, photometric="rgb")
        with pytest.raises(ValueError, match=r"holds 3 pages: choose one with page=1 to 3"):
            read(tmp_path / "a.tif")
        for page in (0, 4):
            with pytest.raises(ValueError, match=f"page is {page}: choose 1 to 3"):
                read(tmp_path / "a.tif", page=page)
        assert np.array_equal(read(tmp_path / "a.tif", page=2), stack[1])
    if hasattr(cv2, "imencodemulti"):  # OpenCV 5
        lzw = cv2.imencodemulti(".tif", list(pages[1]), [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1].tobytes()
        (tmp_path / "a.tif").write_bytes(lzw)
        assert np.array_equal(read(tmp_path / "a.tif", page=3), pages[1][2][..., ::-1])
    write(tmp_path / "a.png", pages[0][0])
    assert np.array_equal(read(tmp_path / "a.png", page=1), pages[0][0])
    frames = [Image.fromarray(page) for page in pages[0]]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    with pytest.raises(ValueError, match="holds 3 pages"):
        read(tmp_path / "a.webp")
    assert read(tmp_path / "a.webp", page=2).shape[:2] == (5, 7)


def test_colours_keep_their_order(tmp_path):
    red = np.zeros((2, 2, 3), np.uint16)
    red[..., 0] = 65535
    write(tmp_path / "red.png", red)
    assert cv2.imread(str(tmp_path / "red.png"))[0, 0].tolist() == [0, 0, 255]


def test_content_decides_and_not_the_name(tmp_path):
    pixels = noise((4, 4, 3), np.uint16)
    write(tmp_path / "a.tif", pixels)
    os.rename(tmp_path / "a.tif", tmp_path / "猫.png")
    assert load(tmp_path / "猫.png").format == "TIFF"
    assert np.array_equal(read(tmp_path / "猫.png"), pixels)


def test_masks_from_colour_files(tmp_path):
    grey = noise((8, 8))
    nearly = np.repeat(grey[..., None], 3, axis=2)
    nearly[0, 0] = (120, 128, 131)  # what a JPEG makes of grey
    write(tmp_path / "m.png", nearly)
    assert np.array_equal(read_mask(tmp_path / "m.png"), nearly[..., 1] >= 128)


def test_what_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    write(tmp_path / "whole.png", noise((64, 64, 3)))
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:3000])
    Image.new("RGB", (4, 4)).save(tmp_path / "a.gif")
    tifffile.imwrite(tmp_path / "i.tif", np.zeros((4, 4), np.complex64))
    tifffile.imwrite(
        tmp_path / "m.tif", np.zeros((4, 4, 4), np.float32), photometric="rgb", extrasamples=["assocalpha"]
    )
    os.mkfifo(tmp_path / "pipe.png")
    for name, message in {
        "text.png": "is not a picture that can be read: expected PNG, JPEG, TIFF, WebP, BMP, HEIC, AVIF",
        "empty.png": "not a picture",
        "a.gif": "is a GIF, .*save the frame as PNG",
        "half.png": "damaged",
        "i.tif": "holds COMPLEXIEEEFP samples of 64 bits: expected integers or floats",
        "m.tif": "premultiplied",
        "none.png": "no such file",
        "pipe.png": "not an ordinary file",
        ".": "is a folder",
    }.items():
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            read(tmp_path / name)


def test_a_disk_that_fails_is_explained(tmp_path, monkeypatch):
    write(tmp_path / "a.png", noise((4, 4)))

    def fail(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files.Path, "open", fail)
    with pytest.raises(PermissionError, match=r"a\.png cannot be read: Permission denied; change its permissions"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "pixels", "message"),
    [
        ("a.jpg", np.zeros((2, 2, 4), np.uint8), r"JPEG cannot hold an alpha channel; name the output \.png"),
        ("a.jpeg", np.zeros((2, 2), np.uint16), r"JPEG cannot hold 16 bits; name the output \.png or \.tif"),
        ("a.png", np.zeros((2, 2)), r"PNG cannot hold float64 pixels; name the output \.tif, or convert to uint8"),
        ("a.png", np.zeros((2, 2, 2), np.uint16), "16-bit grey with alpha"),
        ("a.bmp", np.zeros((2, 2, 2), np.uint8), "BMP cannot hold an alpha"),
        ("a.webp", np.zeros((2, 2, 3), np.uint16), "WebP cannot hold 16 bits"),
        ("a.webp", np.zeros((1, 16384, 3), np.uint8), "WebP holds 16383 pixels a side"),
        ("a.gif", np.zeros((2, 2), np.uint8), r"must end in one of \.jpg"),
        ("no/a.png", np.zeros((2, 2), np.uint8), "not a folder"),
    ],
)
def test_what_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path, name, pixels, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        write(tmp_path / name, pixels)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        files.check(tmp_path / name, pixels)
    assert list(tmp_path.iterdir()) == []


def test_metadata_never_costs_the_picture(tmp_path, monkeypatch):
    texts = PngInfo()
    texts.add_text("Comment", "x" * 70000)
    Image.new("RGB", (4, 4), "red").save(tmp_path / "a.png", pnginfo=texts)
    like = load(tmp_path / "a.png")
    with pytest.warns(InpaintWarning, match=r"JPEG holds 65533 bytes of comment, not 70000, .*name the output \.png"):
        write(tmp_path / "a.jpg", like.pixels, like=like)
    assert load(tmp_path / "a.jpg").metadata.comment is None
    real = files.formats.encode

    def encode(name, pixels, metadata, **options):
        return real(name, pixels, metadata, **options) if metadata == files.Metadata() else 1 / 0

    monkeypatch.setattr(files.formats, "encode", encode)
    with pytest.warns(InpaintWarning, match=r"metadata cannot be written and is left out \(division by zero\)"):
        write(tmp_path / "b.png", like.pixels, like=like)
    assert np.array_equal(read(tmp_path / "b.png"), like.pixels)
    monkeypatch.setattr(files.formats, "encode", lambda *_, **__: 1 / 0)
    with pytest.raises(ValueError, match=r"b\.png: the picture cannot be encoded"):
        write(tmp_path / "b.png", like.pixels)


@pytest.mark.parametrize(
    ("broken", "error", "message"),
    [
        (KeyboardInterrupt("stop"), KeyboardInterrupt, "stop"),
        (OSError(errno.ENOSPC, "No space left on device"), OSError, "a.png cannot be written: No space .*; free some"),
        (OSError(errno.EROFS, "Read-only file system"), OSError, "Read-only file system; name another disk"),
        (PermissionError(errno.EACCES, "Permission denied"), PermissionError, "Permission denied; change its perm"),
    ],
)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, broken, error, message, step):
    path = tmp_path / "a.png"
    write(path, np.zeros((2, 2), np.uint8))
    before = path.read_bytes()

    def stop(*_, **__):
        raise broken

    monkeypatch.setattr(files.os, step, stop)
    with pytest.raises(error, match=message) as caught:
        write(path, np.ones((2, 2), np.uint8))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.png"]


def test_pipes_are_refused(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(OSError, match="not an ordinary file"):
        write(tmp_path / "a.png", np.zeros((2, 2), np.uint8))


def test_the_file_is_flushed_before_it_takes_its_place(tmp_path, monkeypatch):
    done = []
    for step in ("fsync", "replace"):
        real = getattr(os, step)
        monkeypatch.setattr(files.os, step, lambda *given, step=step, real=real: (done.append(step), real(*given))[1])
    write(tmp_path / "a.tif", np.zeros((2, 2), np.uint8))
    assert done == ["fsync", "replace", "fsync"]


def test_links_folders_and_read_only_files_are_refused(tmp_path, monkeypatch):
    pixels = noise((2, 2))
    write(tmp_path / "real.png", pixels)
    before = (tmp_path / "real.png").read_bytes()
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OSError, match=r"link\.png is a symbolic link to .*real\.png: name that file"):
        write(tmp_path / "link.png", pixels + 1)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write(tmp_path / "folder.png", pixels)
    monkeypatch.setattr(files.os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match=r"real\.png is read-only"):
        write(tmp_path / "real.png", pixels + 1)
    assert (tmp_path / "real.png").read_bytes() == before
    assert np.array_equal(read(tmp_path / "link.png"), pixels)


def test_permissions_are_ordinary_or_as_they_were(tmp_path):
    write(tmp_path / "a.png", np.zeros((2, 2), np.uint8))
    (tmp_path / "b").touch()
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "b").stat().st_mode
    os.chmod(tmp_path / "a.png", 0o640)
    write(tmp_path / "a.png", np.ones((2, 2), np.uint8))
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640
