"""Captions, keywords and credits of IPTC-IIM: in Photoshop's resources, in a TIFF's tag, in a PNG's text.

IPTC-IIM 4.2 is a row of datasets: the byte 0x1C, numbers of record and dataset, a length, a value. Preview pictures may
be among them, and never go along.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from inpaintkit.files.previews import holds_picture, unpacked

if TYPE_CHECKING:
    from tifffile import TiffPage

TAG, _RESOURCES = 33723, 34377  # TIFF tags: IPTC as it is; Photoshop's resources
_NUMBER = 1028  # of the resource that holds IPTC
_PHOTOSHOP = b"Photoshop 3.0\0"  # begins a JPEG's segments of resources
_SIGNATURES = (b"8BIM", b"AgHg", b"PHUT", b"DCSR", b"MeSa")  # of resources, by the program that wrote them
_PREVIEWS = {(2, 200), (2, 201), (2, 202)}  # a preview's format, version and data
_OBJECT = (7, 8, 9)  # records that hold, and count, the data of a whole picture
_PROFILES = ("iptc", "8bim", "app13")  # in a PNG's text
_TEXT = "Raw profile type iptc"


def of_resources(data: bytes) -> bytes | None:
    """IPTC in a row of Photoshop's image resources."""
    at, found = 0, b""
    while data[at : at + 4] in _SIGNATURES and at + 12 <= len(data):
        number, name = struct.unpack_from(">HB", data, at + 4)
        at += 6 + (name + 2) // 2 * 2  # the name with its length fills up to an even number
        size = int.from_bytes(data[at : at + 4], "big")
        if number == _NUMBER:
            found += data[at + 4 : at + 4 + size]
        at += 4 + size
        if size % 2 and data[at : at + 4] not in _SIGNATURES:  # some writers forget to fill up
            at += 1
    return found or None


def of_jpeg(segments: Iterable[tuple[str, bytes]]) -> bytes | None:
    """IPTC in a JPEG's segments, names and contents; what is longer than a segment goes on in the next."""
    return of_resources(b"".join(body.removeprefix(_PHOTOSHOP) for name, body in segments if _is_photoshop(name, body)))


def of_page(sheet: TiffPage) -> bytes | None:
    """IPTC in a TIFF's page."""
    data = _stored(sheet, TAG)
    if data is None:
        return of_resources(_stored(sheet, _RESOURCES) or b"")
    if data[:1] != b"\x1c" and data[3:4] == b"\x1c":  # 32-bit numbers, which some programs turn
        count = len(data) // 4
        data = struct.pack(f"<{count}I", *struct.unpack_from(f">{count}I", data))
    return data


def of_exif(tags: MutableMapping[Any, Any]) -> bytes | None:
    """IPTC in EXIF, which is no place for it: it is taken out."""
    found = tags.pop(TAG, None)
    return found if isinstance(found, bytes) else None


def of_text(text: dict[str, str]) -> tuple[dict[str, str], bytes | None]:
    """A PNG's text without IPTC, and IPTC: ImageMagick and others hold it in resources, some as it is."""
    kept, found = {}, None
    for key, value in text.items():
        kind, data = unpacked(key, value)
        data = data.removeprefix(_PHOTOSHOP)
        iptc = None
        if kind in _PROFILES:
            iptc = data if data[:1] == b"\x1c" else of_resources(data)
        if iptc is None:
            kept[key] = value
        found = found or iptc
    return kept, found


def without_pictures(data: bytes | None) -> tuple[bytes | None, tuple[str, ...]]:
    """IPTC without pictures, and in words what cannot be read of it."""
    if not data:
        return None, ()
    at, kept = 0, b""
    while data[at : at + 1] == b"\x1c":
        head = data[at : at + 5].ljust(5, b"\0")
        record, number, size = struct.unpack(">xBBH", head)
        start = at + 5
        if size & 0x8000:  # an extended dataset: the length of the length
            start += size & 0x7FFF
            size = int.from_bytes(data[at + 5 : start], "big") if start - at < 14 else len(data)
        end = start + size
        if end > len(data):
            break
        is_picture = record in _OBJECT or (record, number) in _PREVIEWS or holds_picture(data[start:end])
        kept += b"" if is_picture else data[at:end]
        at = end
    lost = ("what is damaged of its IPTC is left out",) if data[at:].strip(b"\0") else ()
    return kept or None, lost


def to_text(data: bytes) -> tuple[str, str]:
    """Key and value of a PNG's text, as ImageMagick and Exiv2 write them: resources in hexadecimal digits."""
    resource = _resource(data)
    digits = "\n".join(re.findall(".{1,72}", resource.hex()))
    return _TEXT, f"\niptc\n{len(resource):8}\n{digits}\n"


def into_jpeg(jpeg: bytes, data: bytes) -> bytes:
    """The file with a segment of IPTC after those at its head, APP0 and APP1."""
    body = _PHOTOSHOP + _resource(data)
    at = 2
    while jpeg[at : at + 2] in (b"\xff\xe0", b"\xff\xe1"):
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return jpeg[:at] + b"\xff\xed" + struct.pack(">H", 2 + len(body)) + body + jpeg[at:]


def _is_photoshop(name: str, body: bytes) -> bool:
    return name == "APP13" and body.startswith(_PHOTOSHOP)


def _resource(data: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", _NUMBER, 0, len(data)) + data + b"\0" * (len(data) % 2)


def _stored(sheet: TiffPage, code: int) -> bytes | None:
    """A tag's bytes as they lie in the file: its type says nothing here."""
    tag = sheet.tags.get(code)
    if tag is None:
        return None
    sheet.parent.filehandle.seek(tag.valueoffset)
    return bytes(sheet.parent.filehandle.read(tag.valuebytecount))
