"""No small picture of what was removed goes along: wherever a file may hold one, none reaches any output."""

from __future__ import annotations

import base64
import io
import re
import struct
import zlib

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from test_flattened import RGB, psd, resource

from inpaintkit import write
from inpaintkit.errors import InpaintWarning
from inpaintkit.files import load
from inpaintkit.files.previews import holds_picture, without_previews

pillow_heif.register_heif_opener()
RNG = np.random.default_rng(5)
TARGETS = ("b.png", "b.jpg", "b.tif", "b.webp", "b.bmp")


def jpeg(seed):
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


MARKER = jpeg(77)
INSIDE = MARKER[-200:-20]  # of the compressed pixels: in no other file
BASE64 = base64.b64encode(MARKER).decode()
WRAPPED = "&#xA;".join(re.findall(".{1,76}", BASE64))


def entries(order, at, tags):
    """A TIFF directory at a place in a file: tag -> (type, count, bytes); what is longer than 4 bytes follows."""
    fields, after = b"", b""
    rest = at + 2 + 12 * len(tags) + 4
    for tag, (code, count, value) in sorted(tags.items()):
        if len(value) > 4:
            value, after = struct.pack(order + "I", rest + len(after)), after + value + b"\0" * (len(value) % 2)
        fields += struct.pack(order + "HHI", tag, code, count) + value.ljust(4, b"\0")
    return struct.pack(order + "H", len(tags)) + fields, after


def exif_with(place, order="<"):
    """An EXIF block with a camera, a date, and the marker in one place, as the camera writes it."""
    note = b"Maker\0" + MARKER if place == "note" else b"Maker\0plain"
    comment = b"ASCII\0\0\0" + (MARKER if place == "comment" else b"a word")
    group = {
        0x9003: (2, 20, b"2001:02:03 04:05:06\0"),
        0x927C: (7, len(note), note),
        0x9286: (7, len(comment), comment),
    }
    first = {0x010F: (2, 6, b"Maker\0"), 0x8769: (4, 1, b"\0\0\0\0")}
    if place == "photoshop":
        first[34377] = (7, len(resources()), resources())
    if place == "signed":
        first[0xC4A5] = (6, len(MARKER), MARKER)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    fields, after = entries(order, 8, first)
    below = 8 + len(fields) + 4 + len(after)
    first[0x8769] = (4, 1, struct.pack(order + "I", below))
    fields, after = entries(order, 8, first)
    group_fields, group_after = entries(order, below, group)
    body = group_fields + b"\0\0\0\0" + group_after
    if place == "ifd1":
        second = below + len(body)
        after_ifd1 = second + 2 + 12 * 3 + 4
        thumbnail, _ = entries(
            order,
            second,
            {
                0x0103: (3, 1, struct.pack(order + "H", 6)),
                0x0201: (4, 1, struct.pack(order + "I", after_ifd1)),
                0x0202: (4, 1, struct.pack(order + "I", len(MARKER))),
            },
        )
        return head + fields + struct.pack(order + "I", second) + after + body + thumbnail + b"\0\0\0\0" + MARKER
    return head + fields + b"\0\0\0\0" + after + body


def resources():
    """Photoshop's image resources: two thumbnails, ids 1036 and 1033."""
    header = struct.pack(">IIIIIIHH", 1, 16, 16, 48, 768, len(MARKER), 24, 1)
    body = header + MARKER + b"\0" * (len(MARKER) % 2)
    return b"".join(b"8BIM" + struct.pack(">HHI", number, 0, len(header + MARKER)) + body for number in (1036, 1033))


XMP = (
    '<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="r"><rdf:Description '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" dc:title="kept" tiff:Orientation="1" {attribute}>{element}'
    "<xmp:Rating>4</xmp:Rating></rdf:Description></rdf:RDF></x:xmpmeta>"
)
THUMBNAILS = (
    "<{0}:Thumbnails><rdf:Alt><rdf:li rdf:parseType='Resource'><xmpGImg:format>JPEG</xmpGImg:format>"
    "<xmpGImg:image>{1}</xmpGImg:image></rdf:li></rdf:Alt></{0}:Thumbnails>"
)
PACKETS = {
    "thumbnails": XMP.format(attribute="", element=THUMBNAILS.format("xmp", WRAPPED)),
    "old-prefix": XMP.format(attribute="", element=THUMBNAILS.format("xap", BASE64)),
    "attribute": XMP.format(attribute=f'GImage:Mime="image/jpeg" GImage:Data="{BASE64}"', element=""),
    "element": XMP.format(attribute="", element=f"<GDepth:Data>\n  {BASE64}\n</GDepth:Data>"),
}


def as_jpeg(*segments, **options):
    """A photograph with further segments after its first."""
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "JPEG", quality=95, **options)
    data = file.getvalue()
    inserted = b"".join(b"\xff" + bytes((code,)) + struct.pack(">H", len(body) + 2) + body for code, body in segments)
    return data[:2] + inserted + data[2:]


def as_png(*texts, zipped=False, **options):
    info = PngInfo()
    for key, value in texts:
        info.add_text(key, value, zip=zipped)
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "PNG", pnginfo=info, **options)
    return file.getvalue()


def as_webp(**options):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "WEBP", lossless=True, **options)
    return file.getvalue()


def as_tiff(*tags, pixels=None, **options):
    file = io.BytesIO()
    pixels = PIXELS if pixels is None else pixels
    tifffile.imwrite(file, pixels, photometric="rgb", metadata=None, extratags=list(tags), **options)
    return file.getvalue()


def as_tiff_with_exif(place):
    """Pillow's TIFF, whose EXIF group holds the marker."""
    exif = Image.Exif()
    exif.load(exif_with(place))
    exif.get_ifd(0x8769)
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "TIFF", exif=exif)
    return file.getvalue()


def as_profile(kind, data):
    """A profile in a PNG's text, as ImageMagick writes it."""
    digits = "\n".join(re.findall(".{1,72}", data.hex()))
    return f"Raw profile type {kind}", f"\n{kind}\n{len(data):8}\n{digits}\n"


def extended(packet):
    """A segment of XMP beyond 64 KB."""
    name = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32
    return name + struct.pack(">II", len(packet), 0) + packet


PIXELS = RNG.integers(0, 256, (24, 32, 3)).astype(np.uint8)
EXIF_PLACES = ("ifd1", "note", "comment", "photoshop", "signed")
APP1, APP2, APP11, APP13, COM = 0xE1, 0xE2, 0xEB, 0xED, 0xFE
EXIF_HEAD, XMP_HEAD = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"


def sources():
    """Name -> a file with the marker in one place."""
    found = {}
    for place in EXIF_PLACES:
        for order in "<>":
            found[f"jpeg exif {place} {order}"] = as_jpeg((APP1, EXIF_HEAD + exif_with(place, order)))
        found[f"png exif {place}"] = as_png(exif=exif_with(place))
        found[f"webp exif {place}"] = as_webp(exif=exif_with(place))
        found[f"png raw exif {place}"] = as_png(as_profile("exif", EXIF_HEAD + exif_with(place)), zipped=True)
    for name, packet in PACKETS.items():
        found[f"jpeg xmp {name}"] = as_jpeg((APP1, XMP_HEAD + packet.encode()))
        found[f"png xmp {name}"] = as_png(("XML:com.adobe.xmp", packet))
        found[f"png raw xmp {name}"] = as_png(as_profile("xmp", packet.encode()), zipped=True)
        found[f"webp xmp {name}"] = as_webp(xmp=packet.encode())
        raw = packet.encode()
        found[f"tiff xmp {name}"] = as_tiff((700, 1, len(raw), raw, True))
        found[f"tiff16 xmp {name}"] = as_tiff((700, 1, len(raw), raw, True), pixels=PIXELS.astype(np.uint16))
    wide = PACKETS["thumbnails"].encode("utf-16")
    found["webp xmp utf-16"] = as_webp(xmp=wide)
    found["jpeg photoshop"] = as_jpeg((APP13, b"Photoshop 3.0\0" + resources()))
    preview = b"\x1c\2\xca" + struct.pack(">H", len(MARKER)) + MARKER  # dataset 2:202
    found["jpeg iptc"] = as_jpeg((APP13, b"Photoshop 3.0\0" + resource(1028, preview)))
    found["tiff iptc"] = as_tiff((33723, 7, len(preview), preview, True))
    found["png iptc"] = as_png(as_profile("iptc", resource(1028, preview)), zipped=True)
    found["jpeg jumbf"] = as_jpeg((APP11, b"JP\0\1\0\0\0\1" + MARKER))
    found["jpeg comment"] = as_jpeg((COM, MARKER))
    found["jpeg jfxx"] = as_jpeg((0xE0, b"JFXX\0\x10" + MARKER))
    found["jpeg trailer"] = as_jpeg() + MARKER
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "MPO", save_all=True, append_images=[Image.open(io.BytesIO(MARKER))])
    found["jpeg mpf"] = file.getvalue() + MARKER
    found["png 8bim"] = as_png(as_profile("8bim", resources()), zipped=True)
    found["png base64"] = as_png(("thumbnail", BASE64), zipped=True)
    found["png wrapped"] = as_png(("thumbnail", "\n".join(re.findall(".{1,60}", BASE64))))
    found["png latin"] = as_png(("thumbnail", MARKER.replace(b"\0", b"\1").decode("latin-1")))
    found["tiff photoshop"] = as_tiff((34377, 7, len(resources()), resources(), True))
    found["tiff described"] = as_tiff((270, 2, len(BASE64) + 1, BASE64, True))
    for place in ("note", "comment"):
        found[f"tiff exif {place}"] = as_tiff_with_exif(place)
    return found


def modern_sources():
    """The same of formats that are only read."""
    found = {}
    image = Image.fromarray(PIXELS)
    for place in EXIF_PLACES:
        for kind in ("HEIF", "AVIF"):
            image.save(file := io.BytesIO(), kind, exif=EXIF_HEAD + exif_with(place))
            found[f"{kind} exif {place}"] = file.getvalue()
        found[f"jxl exif {place}"] = as_jxl(box(b"Exif", b"\0\0\0\0" + exif_with(place)))
        found[f"psd exif {place}"] = as_psd((1058, exif_with(place)))
    for name, packet in PACKETS.items():
        for kind in ("HEIF", "AVIF"):
            image.save(file := io.BytesIO(), kind, xmp=packet.encode())
            found[f"{kind} xmp {name}"] = file.getvalue()
        found[f"jxl xmp {name}"] = as_jxl(box(b"xml ", packet.encode()))
        found[f"psd xmp {name}"] = as_psd((1060, packet.encode()))
    found["psd thumbnail"] = as_psd((1036, struct.pack(">IIIIIIHH", 1, 16, 16, 48, 768, 0, 24, 1) + MARKER))
    found["jxl jumbf"] = as_jxl(box(b"jumb", MARKER))
    return found


def as_psd(*resources):
    return psd(PIXELS, RGB, resources=resources)


def box(name, body):
    return struct.pack(">I", 8 + len(body)) + name + body


def as_jxl(*boxes):
    codestream = imagecodecs.jpegxl_encode(PIXELS, lossless=True, usecontainer=False)
    start = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    return start + b"".join(boxes) + box(b"jxlc", codestream)


SOURCES = sources() | modern_sources()


def everything(data):
    """A file's bytes, and what its packed parts hold."""
    parts = [data]
    if data.startswith(b"\x89PNG"):
        at = 8
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
            start = body.find(b"\x78")
            while name in (b"zTXt", b"iTXt") and start >= 0:
                try:
                    parts.append(zlib.decompress(body[start:]))
                    break
                except zlib.error:
                    start = body.find(b"\x78", start + 1)
            at += 12 + size
    return b"\0".join(parts)


def shown(data):
    """Whether a file holds the marker in any of its dresses."""
    whole = everything(data)
    runs = [run.decode() for run in re.findall(rb"[0-9a-f]{200,}", re.sub(rb"\s", b"", whole))]
    packed = [bytes.fromhex(digits[: len(digits) // 2 * 2]) for run in runs for digits in (run, run[1:])]
    for part in (whole, *packed):
        letters = re.sub(rb"\s|&#xA;", b"", part.replace(b"\0", b""))  # UTF-16, too, and lines joined
        if INSIDE in part or INSIDE.replace(b"\0", b"\1") in part or BASE64.encode()[-200:-20] in letters:
            return True
    return False


@pytest.mark.parametrize("name", SOURCES)
def test_the_search_would_find_it(name):
    assert shown(SOURCES[name])


@pytest.mark.filterwarnings("ignore:.*(extended XMP|colour profile|further picture)")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SOURCES)
def test_no_preview_reaches_the_output(tmp_path, name, target):
    (tmp_path / "a").write_bytes(SOURCES[name])
    loaded = load(tmp_path / "a")
    pixels = loaded.pixels if loaded.pixels.dtype == np.uint8 or target in ("b.png", "b.tif") else PIXELS
    write(tmp_path / target, pixels, like=loaded)
    data = (tmp_path / target).read_bytes()
    assert not shown(data)
    back = load(tmp_path / target)
    assert not back.metadata.damaged
    if "xmp" in name and target != "b.bmp":
        assert back.metadata.xmp is not None
        for kept in (b'dc:title="kept"', b"<xmp:Rating>4</xmp:Rating>"):
            assert kept in back.metadata.xmp
    if " exif " in name and target != "b.bmp" and not name.startswith("tiff"):
        group = back.metadata.ifd().get_ifd(0x8769)
        assert group[0x9003] == "2001:02:03 04:05:06"
        assert ("note" in name) != (group.get(0x927C) == b"Maker\0plain")
        assert ("comment" in name) != (group.get(0x9286) == b"ASCII\0\0\0a word")


def test_an_extension_of_xmp_is_left_out_with_a_word(tmp_path):
    packet = PACKETS["attribute"].replace('dc:title="kept"', 'xmpNote:HasExtendedXMP="0123" dc:title="kept"')
    short = re.sub(r'GImage:Data="[^"]*"', "", packet).encode()
    data = as_jpeg((APP1, XMP_HEAD + short), (APP1, extended(packet.encode())))
    (tmp_path / "a.jpg").write_bytes(data)
    assert shown(data)
    with pytest.warns(InpaintWarning, match=r"a\.jpg: its extended XMP is left out"):
        loaded = load(tmp_path / "a.jpg")
    for target in TARGETS:
        write(tmp_path / target, loaded.pixels, like=loaded)
        assert not shown((tmp_path / target).read_bytes())
    assert b"HasExtendedXMP" not in loaded.metadata.xmp
    assert b'dc:title="kept"' in loaded.metadata.xmp


def test_xmp_that_hides_a_picture_is_left_out_with_a_word(tmp_path):
    packet = XMP.format(attribute="", element=f"<a:b><![CDATA[{BASE64}]]></a:b>").encode()
    for name, data in (("a.webp", as_webp(xmp=packet)), ("a.tif", as_tiff((700, 1, len(packet), packet, True)))):
        (tmp_path / name).write_bytes(data)
        with pytest.warns(InpaintWarning, match=rf"{name}: its XMP holds a picture that cannot be taken out"):
            loaded = load(tmp_path / name)
        write(tmp_path / "b.png", loaded.pixels, like=loaded)
        assert not shown((tmp_path / "b.png").read_bytes())


def test_xmp_without_previews_is_left_as_it_is():
    packet = XMP.format(attribute='photoshop:Note="/9j/ is no picture"', element="<a:b>iVBORw0KGgo</a:b>").encode()
    assert without_previews(packet) == packet
    assert without_previews(None) is None


def test_what_is_short_or_only_begins_alike_is_no_picture():
    for harmless in (b"", b"/9j/", b"a path/9j/of letters", b"\xff\xd8", b"ffd8ff", b"plain words" * 50):
        assert not holds_picture(harmless)
    for picture in (MARKER, b"..." + MARKER, MARKER[1:], BASE64.encode(), MARKER.hex().encode(), b"\x89PNG\r\n\x1a\n"):
        assert holds_picture(picture)
