"""Tags of a TIFF that say where the picture lies and what its numbers are: kept as they are for a TIFF made from it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_PLACE = (33550, 33922, 34264, 34735, 34736, 34737, 50844)  # GeoTIFF's, and GDAL's camera model
_GDAL, NODATA, _IMAGEJ = 42112, 42113, (50838, 50839)
_UNIT, _ACROSS, _DOWN = 296, 282, 283  # of resolution
_NAMES = {
    **dict.fromkeys(_PLACE, "its place on the map (GeoTIFF)"),
    _GDAL: "GDAL's metadata",
    NODATA: "the value of missing pixels (nodata)",
    **dict.fromkeys(_IMAGEJ, "ImageJ's metadata"),
}
_GROUPS = {34665: (40965,), 34853: ()}  # EXIF's and GPS' directories, and which of their tags point to further ones
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 18: 8}  # bytes
Tag = tuple[int, int, int, bytes, bool]  # code, type, count, little-endian bytes, once: as tifffile writes it
Resolution = tuple[tuple[int, int], tuple[int, int], int]  # across, down, TIFF's number of the unit (1: none)


@dataclass(frozen=True)
class Kept:
    """Tags to write along, the resolution as fractions, and which of a page's descriptions are of no use alone."""

    tags: tuple[Tag, ...] = ()
    resolution: Resolution | None = None
    dropped: frozenset[int] = field(default=frozenset())

    @property
    def names(self) -> list[str]:
        """What other formats than TIFF cannot hold, in words."""
        found = list(dict.fromkeys(_NAMES[code] for code, *_ in self.tags))
        if (
            self.resolution
            and self.resolution[2] == 1
            and self.resolution[:2] not in (((1, 1), (1, 1)), ((72, 1), (72, 1)))
        ):
            found.append("a resolution without unit")
        return found


def kept(tif: TiffFile, sheet: TiffPage, *, turned: bool, sideways: bool, pages: int) -> tuple[Kept, list[str]]:
    """What goes along, and what does not in words; ``turned``: the pixels no longer lie as the tags say."""
    tags, lost = [], []
    for code in (*_PLACE, _GDAL, NODATA, *_IMAGEJ):
        if code not in sheet.tags:
            continue
        if turned and code in _PLACE:
            lost.append(f"{_NAMES[code]} is left out: the picture is stored turned, and stands upright here")
        elif code in _IMAGEJ and pages > 1:
            lost.append(f"{_NAMES[code]} is left out: it is about all {pages} pages")
        elif tag := _raw(tif, sheet, code):
            tags.append(tag)
    series = pages > 1 and (sheet.is_imagej or sheet.is_ome or sheet.is_shaped)
    if series and not any("about all" in text for text in lost):
        lost.append(f"its description is left out: it is about all {pages} pages")
    untrue = series or (sideways and sheet.is_shaped)  # tifffile's description states the sides
    dropped = frozenset({270}) if untrue else frozenset()
    return Kept(tuple(tags), _resolution(sheet, sideways=sideways), dropped), list(dict.fromkeys(lost))


def nodata(sheet: TiffPage) -> float | None:
    """The value of missing pixels as GDAL writes it, in words of its own."""
    value = sheet.tags.valueof(NODATA)
    try:
        return float(str(value).strip("\0 ").replace(",", ".")) if value is not None else None
    except ValueError:
        return None


def filler(sheet: TiffPage) -> float:
    """What stands where GDAL stored nothing: the value of missing pixels if the type holds it, else 0."""
    value, dtype = nodata(sheet), sheet.dtype
    if value is None or dtype is None:
        return 0
    if dtype.kind == "f":
        return value
    return value if np.can_cast(np.min_scalar_type(int(value)) if value.is_integer() else "f8", dtype) else 0


def with_nodata(found: Kept, value: float | None) -> Kept:
    """The same tags with another value of missing pixels, or none."""
    tags = [tag for tag in found.tags if tag[0] != NODATA]
    if value is not None:
        text = f"{value:.17g}".encode() + b"\0"
        tags.append((NODATA, 2, len(text), text, True))
    return Kept(tuple(tags), found.resolution, found.dropped)


def _raw(tif: TiffFile, sheet: TiffPage, code: int) -> Tag | None:
    """A tag's bytes, turned to little-endian; None for a type unknown to TIFF."""
    tag = sheet.tags[code]
    if code in _IMAGEJ:
        return _imagej(sheet, code)
    sizes = {1: "u1", 2: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 11: "f4", 12: "f8", 16: "u8"}
    kind = sizes.get(int(tag.dtype))
    if kind is None:
        return None
    tif.filehandle.seek(tag.valueoffset)
    data = tif.filehandle.read(tag.valuebytecount)
    little = np.frombuffer(data, tif.byteorder + kind).astype("<" + kind).tobytes()
    return code, int(tag.dtype), tag.count, little, True


def _imagej(sheet: TiffPage, code: int) -> Tag | None:
    """ImageJ's own block has its byte order inside: it is written anew from what it says."""
    from tifffile import imagej_metadata_tag

    value = sheet.tags.valueof(50839)
    if not isinstance(value, dict):
        return None
    return next((tag for tag in imagej_metadata_tag(value, "<") if tag[0] == code), None)


def _resolution(sheet: TiffPage, *, sideways: bool) -> Resolution | None:
    across, down = sheet.tags.valueof(_ACROSS), sheet.tags.valueof(_DOWN)
    unit: Any = sheet.tags.valueof(_UNIT, 2)  # inch, where the file does not say
    if not (_fraction(across) and _fraction(down)) or int(unit) not in (1, 2, 3):
        return None
    pair = (down, across) if sideways else (across, down)
    return (*pair, int(unit))


def _fraction(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and min(value) > 0


def classic(file: IO[bytes], offset: int, endian: str) -> bytes:
    """The tags of a BigTIFF's directory, and of EXIF's groups in it, as a classic TIFF without a picture.

    Pillow, which reads EXIF, does not know a BigTIFF's pointers of 64 bits, nor any that is big-endian.
    """
    head = struct.pack(endian + "2sHI", b"II" if endian == "<" else b"MM", 42, 8)
    return head + _moved(file, offset, 8, tuple(_GROUPS), endian)


def _moved(file: IO[bytes], offset: int, at: int, groups: tuple[int, ...], endian: str) -> bytes:
    """A directory of 64 bits as one of 32 bits that begins ``at`` a place, followed by its values and groups."""
    file.seek(offset)
    (count,) = struct.unpack(endian + "Q", file.read(8))
    entries = [struct.unpack(endian + "HHQ8s", file.read(20)) for _ in range(count)]
    found = {code: (kind, number, _value(file, kind, number, value, endian)) for code, kind, number, value in entries}
    found = {code: entry for code, entry in found.items() if entry[2] and (code in groups or entry[0] <= 12)}
    at += 2 + 12 * len(found) + 4
    lines, blocks = [], b""
    for code, (kind, number, data) in found.items():
        if code in groups:
            place = int.from_bytes(data, "little" if endian == "<" else "big")
            kind, number, data = 4, 1, _moved(file, place, at + len(blocks), _GROUPS.get(code, ()), endian)
        inline = code not in groups and len(data) <= 4
        pointer = data.ljust(4, b"\0") if inline else struct.pack(endian + "I", at + len(blocks))
        lines.append(struct.pack(endian + "HHI4s", code, kind, number, pointer))
        blocks += b"" if inline else data + b"\0" * (len(data) % 2)
    return struct.pack(endian + "H", len(lines)) + b"".join(lines) + bytes(4) + blocks


def _value(file: IO[bytes], kind: int, number: int, value: bytes, endian: str) -> bytes:
    """The bytes of an entry of 64 bits; none where the type is unknown or the file ends before."""
    size = number * _SIZES.get(kind, 0)
    if size > len(value):
        file.seek(*struct.unpack(endian + "Q", value))
        value = file.read(size)
    return value[:size] if len(value) >= size else b""
