"""Captions and keywords of IPTC go along from format to format, without the previews among them."""

from __future__ import annotations

import io
import re
import struct
import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image, IptcImagePlugin
from PIL.PngImagePlugin import PngInfo
from test_flattened import RGB, STRIPES, dng, psd, resource

from inpaintkit import write
from inpaintkit.errors import InpaintWarning
from inpaintkit.files import load

PIXELS = np.random.default_rng(3).integers(0, 256, (16, 24, 3)).astype(np.uint8)
PHOTOSHOP = b"Photoshop 3.0\0"


def dataset(record, number, value, *, extended=False):
    size = struct.pack(">HI", 0x8004, len(value)) if extended else struct.pack(">H", len(value))
    return b"\x1c" + bytes((record, number)) + size + value


CAPTION = "Gläser auf dem Tisch".encode()
KEPT = b"".join(
    (
        dataset(1, 90, b"\x1b%G"),
        dataset(2, 0, b"\0\4"),
        dataset(2, 120, CAPTION),
        dataset(2, 25, b"glass"),
        dataset(2, 25, b"table"),
    )
)
BITMAP = b"of what was removed" * 20  # without the first bytes of any format
PREVIEWS = b"".join(
    (
        dataset(2, 200, b"\0\1"),
        dataset(2, 201, b"\0\1"),
        dataset(2, 202, BITMAP, extended=True),
        dataset(7, 90, struct.pack(">I", len(BITMAP))),
        dataset(8, 10, BITMAP),
        dataset(9, 10, struct.pack(">I", len(BITMAP))),
    )
)
CAPTIONS = KEPT + PREVIEWS + dataset(2, 5, b"Glasses")
RIGHT = KEPT + dataset(2, 5, b"Glasses")


def with_segments(*bodies):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "JPEG", quality=95, exif=exif(), xmp=b"<x:xmpmeta/>")
    data = file.getvalue()
    inserted = b"".join(b"\xff\xed" + struct.pack(">H", len(body) + 2) + body for body in bodies)
    return data[:20] + inserted + data[20:]  # after APP0


def exif(tag=0x010F, value="Maker"):
    tags = Image.Exif()
    tags[tag] = value
    return tags.tobytes()


def as_tiff(*tags, byteorder="<", **options):
    file = io.BytesIO()
    tifffile.imwrite(
        file, PIXELS, photometric="rgb", metadata=None, extratags=list(tags), byteorder=byteorder, **options
    )
    return file.getvalue()


def as_png(kind, data):
    digits = "\n".join(re.findall(".{1,72}", data.hex()))
    info = PngInfo()
    info.add_text(f"Raw profile type {kind}", f"\n{kind}\n{len(data):8}\n{digits}\n", zip=True)
    return saved("PNG", pnginfo=info)


def saved(kind, **options):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, kind, **options)
    return file.getvalue()


def sources():
    """Name -> a file that holds CAPTIONS."""
    whole = resource(1005, b"\0" * 16) + resource(1028, CAPTIONS) + resource(1061, b"\1" * 16)
    named = b"8BIM" + struct.pack(">H", 1028) + b"\4name\0" + struct.pack(">I", len(CAPTIONS)) + CAPTIONS
    unfilled = b"8BIM" + struct.pack(">HHI", 1061, 0, 3) + b"odd"
    padded = CAPTIONS + b"\0" * (-len(CAPTIONS) % 4)
    found = {
        "jpeg": with_segments(PHOTOSHOP + whole),
        "jpeg named": with_segments(PHOTOSHOP + named),
        "jpeg unfilled": with_segments(PHOTOSHOP + unfilled + whole),
        "jpeg in two": with_segments(PHOTOSHOP + whole[:150], b"Adobe_CM\0", PHOTOSHOP + whole[150:]),
        "jpeg, of another program": with_segments(PHOTOSHOP + b"MeSa" + whole[4:]),
        "tiff resources": as_tiff((34377, 7, len(whole), whole, True)),
        "psd": psd(PIXELS, RGB, resources=[(1028, CAPTIONS)]),
        "webp exif": saved("WEBP", lossless=True, exif=exif(33723, CAPTIONS)),
        "avif exif": saved("AVIF", quality=100, exif=exif(33723, CAPTIONS)),
        "png iptc": as_png("iptc", CAPTIONS),
        "png iptc resources": as_png("iptc", whole),
        "png 8bim": as_png("8bim", whole),
        "png app13": as_png("APP13", PHOTOSHOP + whole),
    }
    found["dng"] = dng(STRIPES, tags=[(33723, 1, len(CAPTIONS), CAPTIONS, True)])
    for order in "<>":
        found[f"bigtiff {order}"] = as_tiff((33723, 7, len(CAPTIONS), CAPTIONS, True), byteorder=order, bigtiff=True)
        found[f"tiff {order}"] = as_tiff((33723, 7, len(CAPTIONS), CAPTIONS, True), byteorder=order)
        found[f"tiff bytes {order}"] = as_tiff((33723, 1, len(CAPTIONS), CAPTIONS, True), byteorder=order)
        for turned in "<>":
            numbers = struct.unpack(f"{turned}{len(padded) // 4}I", padded)
            found[f"tiff long {order}{turned}"] = as_tiff((33723, 4, len(numbers), numbers, True), byteorder=order)
    return found


SOURCES = sources()


def datasets(data):
    """Pillow's own reading of a JPEG or a TIFF, or of a PNG's profile."""
    with Image.open(io.BytesIO(data)) as image:
        if image.format != "PNG":
            return IptcImagePlugin.getiptcinfo(image)
        digits = re.sub(r"\s", "", image.text["Raw profile type iptc"].split("\n", 3)[3])
        assert int(image.text["Raw profile type iptc"].split("\n", 3)[2]) == len(digits) // 2
        return IptcImagePlugin.getiptcinfo(Image.open(io.BytesIO(with_segments(PHOTOSHOP + bytes.fromhex(digits)))))


@pytest.mark.parametrize("target", ["b.jpg", "b.tif", "b.png"])
@pytest.mark.parametrize("name", SOURCES)
def test_captions_go_along(tmp_path, name, target):
    (tmp_path / "a").write_bytes(SOURCES[name])
    loaded = load(tmp_path / "a")
    assert loaded.metadata.iptc == RIGHT
    write(tmp_path / target, loaded.pixels if loaded.pixels.dtype == np.uint8 else PIXELS, like=loaded)
    data = (tmp_path / target).read_bytes()
    assert BITMAP[:19] not in data
    found = datasets(data)
    assert found[2, 120] == CAPTION
    assert found[2, 25] == [b"glass", b"table"]
    assert set(found) == {(1, 90), (2, 0), (2, 120), (2, 25), (2, 5)}
    assert load(tmp_path / target).metadata.iptc == RIGHT


def test_a_jpeg_gets_one_segment_after_its_head_and_the_same_pixels(tmp_path):
    (tmp_path / "a.jpg").write_bytes(SOURCES["jpeg"])
    loaded = load(tmp_path / "a.jpg")
    write(tmp_path / "b.jpg", loaded.pixels, like=loaded)
    data = (tmp_path / "b.jpg").read_bytes()
    body = PHOTOSHOP + resource(1028, RIGHT)
    segment = b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
    assert data.count(b"Photoshop 3.0") == data.count(segment) == 1
    names = [name for name, _ in Image.open(tmp_path / "b.jpg").applist]
    assert names == ["APP0", "APP1", "APP1", "APP13"]
    (tmp_path / "plain.jpg").write_bytes(with_segments())
    plain = load(tmp_path / "plain.jpg")
    write(tmp_path / "c.jpg", plain.pixels, like=plain)
    assert data.replace(segment, b"") == (tmp_path / "c.jpg").read_bytes()


@pytest.mark.parametrize(("target", "name"), [("b.webp", "WebP"), ("b.bmp", "BMP")])
def test_what_cannot_hold_captions_says_so(tmp_path, target, name):
    (tmp_path / "a.jpg").write_bytes(SOURCES["jpeg"])
    loaded = load(tmp_path / "a.jpg")
    said = rf"{name} cannot hold IPTC \(captions, keywords\), which is left out; name the output \.png, \.jpg or \.tif"
    with pytest.warns(InpaintWarning, match=said) as caught:
        write(tmp_path / target, loaded.pixels, like=loaded)
    assert len(caught) == 1
    (tmp_path / "plain.jpg").write_bytes(with_segments())
    plain = load(tmp_path / "plain.jpg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write(tmp_path / target, plain.pixels, like=plain)


def test_captions_beyond_a_segment_are_left_out_of_a_jpeg_with_a_word(tmp_path):
    for size, fits in ((65506, True), (65507, False)):
        filled = b"".join(dataset(2, 120, b"a" * 995) for _ in range(65)) + dataset(2, 120, b"b" * (size - 65005))
        (tmp_path / "a.tif").write_bytes(as_tiff((33723, 7, len(filled), filled, True)))
        loaded = load(tmp_path / "a.tif")
        assert loaded.metadata.iptc == filled
        if fits:
            write(tmp_path / "b.jpg", loaded.pixels, like=loaded)
            assert load(tmp_path / "b.jpg").metadata.iptc == filled
        else:
            with pytest.warns(InpaintWarning, match="JPEG holds 65506 bytes of iptc, not 65507, which are left out"):
                write(tmp_path / "b.jpg", loaded.pixels, like=loaded)
            assert load(tmp_path / "b.jpg").metadata.iptc is None


@pytest.mark.parametrize("end", [1, 4, len(dataset(2, 25, b"glass")) - 1])
def test_damaged_captions_are_kept_up_to_the_damage_with_a_word(tmp_path, end):
    cut = KEPT + dataset(2, 25, b"glass")[:end]
    (tmp_path / "a.jpg").write_bytes(with_segments(PHOTOSHOP + resource(1028, cut)))
    with pytest.warns(InpaintWarning, match=r"a\.jpg: what is damaged of its IPTC is left out"):
        assert load(tmp_path / "a.jpg").metadata.iptc == KEPT


def test_a_long_dataset_is_kept_as_it_is(tmp_path):
    long = dataset(2, 120, b"word " * 4, extended=True) + dataset(2, 5, b"Glasses")
    (tmp_path / "a.jpg").write_bytes(with_segments(PHOTOSHOP + resource(1028, long)))
    assert load(tmp_path / "a.jpg").metadata.iptc == long


def test_resources_without_captions_are_none(tmp_path):
    (tmp_path / "a.jpg").write_bytes(with_segments(PHOTOSHOP + resource(1005, b"\0" * 16), b"Adobe_CM\0"))
    assert load(tmp_path / "a.jpg").metadata.iptc is None
    (tmp_path / "a.jpg").write_bytes(with_segments(PHOTOSHOP + resource(1028, PREVIEWS)))
    assert load(tmp_path / "a.jpg").metadata.iptc is None
