"""Which format a file has, by its content and never by its name; which formats are read, and which are written."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from inpaintkit.files.decoding import RefusedError
from inpaintkit.files.streams import Stream

FORMATS = {  # ending -> the format that is written under it
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jif", ".jfif"), "JPEG"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    ".png": "PNG",
    ".webp": "WebP",
    ".bmp": "BMP",
}
READ_ONLY = {  # ending -> the format that is read, but not written
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIF"),
    ".avif": "AVIF",
    ".jxl": "JPEG XL",
    **dict.fromkeys((".psd", ".psb"), "PSD"),
    ".dng": "DNG",
}
READABLE = (*FORMATS, *READ_ONLY)  # endings of the pictures of a folder

_STARTS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF"),
    b"BM": "BMP",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"8BPS": "PSD",
}
_BRANDS = {  # of a file that begins with a box called ftyp, most telling first
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"mif1"), "HEIF"),
}
_SEQUENCES = (b"hevc", b"hevx", b"msf1")  # as the main brand
_DEVELOP = "develop it to a 16-bit TIFF, or convert it to DNG"
_REFUSED = {  # start -> what the file is, and how to go on
    b"GIF8": "a GIF, frames of at most 256 colours: save the frame as PNG",
    b"v/1\x01": "an OpenEXR picture: convert it to a TIFF of floats",
    b"#?RADIANCE": "a Radiance HDR picture: convert it to a TIFF of floats",
    b"#?RGBE": "a Radiance HDR picture: convert it to a TIFF of floats",
    b"\0\0\0\x0cjP  \r\n\x87\n": "a JPEG 2000 picture: convert it to PNG or TIFF",
    b"\xffO\xffQ": "a JPEG 2000 picture: convert it to PNG or TIFF",
    b"II\xbc\x01": "a JPEG XR picture: convert it to PNG or TIFF",
    b"%PDF": "a PDF document: export the page as PNG",
    b"%!PS": "a PostScript document: export the page as PNG",
    b"\xc5\xd0\xd3\xc6": "an EPS drawing: export it as PNG",
    b"\0\0\1\0": "an icon (ICO): save one of its pictures as PNG",
    b"gimp xcf": "a GIMP picture (XCF): export it as PNG or TIFF",
    b"FUJIFILMCCD-RAW": f"a camera raw file (RAF): {_DEVELOP}",
    **dict.fromkeys((b"IIRO", b"IIRS", b"MMOR"), f"a camera raw file (ORF): {_DEVELOP}"),
    b"IIU\0": f"a camera raw file (RW2): {_DEVELOP}",
    b"FOVb": f"a camera raw file (X3F): {_DEVELOP}",
    b"\x8aMNG": "an MNG animation: save the frame as PNG",
    b"qoif": "a QOI picture: convert it to PNG",
    b"DDS ": "a DDS texture: convert it to PNG",
    b"SIMPLE  =": "a FITS picture: convert it to a TIFF of floats",
    b"\x93NUMPY": "a NumPy array: load it with numpy and call inpaintkit.inpaint",
    b"PK\3\4": "a ZIP archive: unpack the picture, or export it as PNG",
}
_EXPECTED = "PNG, JPEG, TIFF, WebP, BMP, HEIC, AVIF, JPEG XL, PSD or DNG"
_SUB_IFDS, _PHOTOMETRIC, _DNG_VERSION = 330, 262, 50706  # TIFF tags
_SENSOR = 32803  # the photometric tag of a sensor's pixels, each of one colour


def kind(file: IO[bytes]) -> str:
    """The format that an open file's content shows; the place in the file is kept.

    Raises
    ------
    RefusedError : it is of no format that is read; where it is one that is known, the message names it.
    """
    start = file.tell()
    try:
        return _kind(file)
    finally:
        file.seek(start)


def written_as(path: Path) -> Path:
    """The name for the repaired picture: the same, or with the ending .png where the format is only read."""
    return path if path.suffix.lower() in FORMATS else path.with_suffix(".png")


def unwritable(path: Path | Stream) -> str:
    """Why a picture cannot be written under a name that is not in ``FORMATS``."""
    name = READ_ONLY.get(path.suffix.lower())
    if name:
        return f"{path}: {name} is read, but not written: name the output .png or .tif"
    return f"{path}: the name must end in one of {', '.join(FORMATS)}"


def _kind(file: IO[bytes]) -> str:
    head = file.read(1024)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        return _of_brands(head)
    name = next((name for start, name in _STARTS.items() if head.startswith(start)), None)
    if name == "TIFF":
        return _of_tags(file, head)
    if name is None:
        raise RefusedError(f"is {_known(head)}")
    return name


def _of_brands(head: bytes) -> str:
    """HEIF or AVIF, by the brands in the first box: the main one, then those it is compatible with."""
    box = head[8 : int.from_bytes(head[:4], "big")]
    brands = [box[at : at + 4] for at in range(0, len(box), 4) if at != 4]  # the second word is a version
    if brands and brands[0] == b"crx ":
        raise RefusedError(f"is a camera raw file (CR3): {_DEVELOP}")
    if brands and brands[0] in _SEQUENCES:
        raise RefusedError("is a HEIF of moving pictures: save the frame as PNG")
    found = next((_BRANDS[brand] for brand in _BRANDS if brand in brands), None)
    if found is None:
        raise RefusedError("is a film (MP4 or MOV): save the frame as PNG")
    return found


def _known(head: bytes) -> str:
    """What a file is that is not read."""
    for start, what in _REFUSED.items():
        if head.startswith(start):
            return what
    if re.match(rb"P[1-7]\s", head) or re.match(rb"P[Ff]\s", head):
        return "a PNM picture: convert it to PNG or TIFF"
    if re.match(rb"\s*(<\?xml|<!--|<!DOCTYPE svg|<svg|\xef\xbb\xbf)", head) and b"<svg" in head:
        return "an SVG drawing: export it as PNG"
    if head[128:132] == b"DICM":
        return "a DICOM picture: convert it to a 16-bit TIFF"
    return f"not a picture that can be read: expected {_EXPECTED}"


def _of_tags(file: IO[bytes], head: bytes) -> str:
    """TIFF, or DNG, which begins like one; other raw files do so, too, and show a thumbnail as their first page."""
    if head[8:10] == b"CR":
        raise RefusedError(f"is a camera raw file (CR2): {_DEVELOP}")
    try:
        first, *others = _directories(file, head)
    except (struct.error, ValueError):
        return "TIFF"  # whose reader says what is damaged
    if _DNG_VERSION in first:
        return "DNG"
    if any(_SENSOR in tags.get(_PHOTOMETRIC, ()) for tags in (first, *others)):
        raise RefusedError(f"is a camera raw file: {_DEVELOP}")
    return "TIFF"


def _directories(file: IO[bytes], head: bytes) -> Iterator[dict[int, tuple[int, ...]]]:
    """Tags and whole numbers of a TIFF's first directory, then of the directories below it."""
    order, big = "<" if head[:1] == b"I" else ">", head[2:4] in (b"+\0", b"\0+")
    (at,) = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)
    first = _directory(file, at, order, big)
    yield first
    for below in first.get(_SUB_IFDS, ())[:16]:
        yield _directory(file, below, order, big)


def _directory(file: IO[bytes], at: int, order: str, big: bool) -> dict[int, tuple[int, ...]]:
    counts, entry, width = ("Q", "HHQ", 8) if big else ("H", "HHI", 4)
    letters = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # the types of whole numbers
    file.seek(at)
    (number,) = struct.unpack(order + counts, file.read(struct.calcsize("=" + counts)))
    size = struct.calcsize("=" + entry)
    tags = {}
    table = file.read(min(number, 4096) * (size + width))
    for place in range(0, len(table) - size - width + 1, size + width):
        tag, code, count = struct.unpack_from(order + entry, table, place)
        if code not in letters or not 1 <= count <= 64:
            continue
        form = f"{order}{count}{letters[code]}"
        value = table[place + size : place + size + width]
        if struct.calcsize(form) > width:
            file.seek(struct.unpack(order + ("Q" if big else "I"), value)[0])
            value = file.read(struct.calcsize(form))
        if len(value) >= struct.calcsize(form):
            tags[tag] = struct.unpack_from(form, value)
    return tags
