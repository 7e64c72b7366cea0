"""What a picture file says besides its pixels: colour profile, EXIF, resolution, text, and a JPEG's own settings."""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Any

from PIL import Image as PILImage
from PIL import JpegImagePlugin, PngImagePlugin
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from inpaintkit.errors import InpaintWarning
from inpaintkit.files import further, iptc
from inpaintkit.files.previews import drop_previews, holds_picture, split_text, without_previews
from inpaintkit.files.tiff_tags import Kept, classic

if TYPE_CHECKING:
    from inpaintkit.files.tiff_colours import Layout
from inpaintkit.picture import growth_stored

GROUPS: tuple[int, ...] = (IFD.Exif, IFD.GPSInfo)
_XMP, _ICC = 700, 34675  # TIFF tags
_XMP_TEXT = "XML:com.adobe.xmp"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"  # begins the segments of a JPEG's XMP beyond 64 KB
_POINTERS = {Base.SubIFDs, Base.JpegIFOffset, Base.JpegIFByteCount}  # to previews, which are not carried
TURNED = (5, 6, 7, 8)  # orientations that swap width and height
_KEPT = {  # tags of a TIFF page that describe the picture, not the layout of the file
    *(Base.DocumentName, Base.ImageDescription, Base.Make, Base.Model, Base.PageName, Base.Software, Base.DateTime),
    *(Base.Artist, Base.HostComputer, Base.Copyright, Base.Rating),
    *(Base.XPTitle, Base.XPComment, Base.XPAuthor, Base.XPKeywords, Base.XPSubject),
    *GROUPS,
}
_PNG_COLOUR = (b"gAMA", b"cHRM", b"sRGB", b"cICP")  # what a PNG says about its colours besides a profile
_PER_INCH = {2: 1.0, 3: 2.54}  # TIFF's units of resolution: inch, centimetre
_LUMA_SUM = 3688  # of the standard's table K.1, which is quality 50
_MAX_SEGMENT = {"exif": 65533, "xmp": 65504, "comment": 65533, "iptc": 65506}  # bytes that a JPEG can hold of each


@dataclass(frozen=True)
class Metadata:
    """Without an orientation (the pixels are upright) and without previews (they would show what was removed)."""

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None  # datasets of IPTC-IIM: captions, keywords, credits
    dpi: tuple[float, float] | None = None
    text: dict[str, str] = field(default_factory=dict)  # a PNG's
    comment: bytes | None = None  # a JPEG's
    tables: dict[int, list[int]] | None = None  # a JPEG's quantisation
    subsampling: int = 0  # as Pillow counts: 0 is 4:4:4
    progressive: bool = False
    sampling: tuple[int, int] | None = None  # across and down, pixels that share a colour; None without loss or unknown
    png_colour: bytes = b""  # chunks as they are in the file
    damaged: bool = False  # there was more that could not be read
    tiff: Kept | None = None  # a TIFF's tags
    layout: Layout | None = None  # how a TIFF held its samples
    notes: tuple[str, ...] = ()  # what else could not be read, and what to do about it

    def fits(self, channels: int) -> bytes | None:
        """The colour profile, unless it is for grey and the picture has colours."""
        grey_for_colour = self.icc is not None and self.icc[16:20] == b"GRAY" and channels > 2
        return None if grey_for_colour else self.icc

    @property
    def growth(self) -> int | None:
        """By how many pixels colours have bled in the file; None where only the pixels may tell."""
        return growth_stored(self.sampling, _quality(self.tables)) if self.sampling else None

    def ifd(self) -> PILImage.Exif:
        """The EXIF tags, parsed."""
        exif = PILImage.Exif()
        if self.exif:
            exif.load(self.exif)
        return exif

    def to_png(self, channels: int) -> dict[str, Any]:
        """Options of Pillow's PNG writer."""
        texts = PngImagePlugin.PngInfo()
        for key, value in self.text.items():
            texts.add_text(key, value)
        if self.comment and "Comment" not in self.text:
            texts.add_text("Comment", self.comment.decode("utf-8", "replace"))
        if self.xmp:
            texts.add_itxt(_XMP_TEXT, self.xmp.decode("utf-8", "replace"))
        if self.iptc:
            texts.add_text(*iptc.to_text(self.iptc), zip=True)
        return self._common(channels, "dpi", "exif") | {"pnginfo": texts}

    def to_jpeg(self, channels: int) -> dict[str, Any]:
        """Options of Pillow's JPEG writer, and ``iptc``: the source's own tables, or quality 95 without subsampling."""
        options = self._common(channels, "dpi", "exif", "xmp", "comment", "iptc")
        if "comment" not in options and "Comment" in self.text:
            options["comment"] = self.text["Comment"].encode()
        for name, max_size in _MAX_SEGMENT.items():
            size = len(options.get(name, b""))
            if size > max_size:
                del options[name]
                text = f"JPEG holds {max_size} bytes of {name}, not {size}, which are left out; name the output .png"
                warnings.warn(text, InpaintWarning, stacklevel=4)
        coding = {"qtables": self.tables} if self.tables else {"quality": 95}
        return options | coding | {"subsampling": self.subsampling, "progressive": self.progressive}

    def to_webp(self, channels: int) -> dict[str, Any]:
        """Options of Pillow's WebP writer. WebP has no place for the resolution but EXIF."""
        options = self._common(channels, "exif", "xmp")
        if self.dpi:
            exif = self.ifd()
            exif[Base.ResolutionUnit], exif[Base.XResolution], exif[Base.YResolution] = 2, *self.dpi
            options["exif"] = _bytes(exif)
        return options

    def to_tiff(self, channels: int) -> dict[str, Any]:
        """Options of tifffile's writer; the groups of EXIF are added by ``add_groups``."""
        options: dict[str, Any] = {"metadata": None, "software": False}
        kept = self.tiff or Kept()
        if kept.resolution:
            options |= {"resolution": kept.resolution[:2], "resolutionunit": kept.resolution[2]}
        elif self.dpi:
            options |= {"resolution": self.dpi, "resolutionunit": "INCH"}
        tags: list[tuple[int, int, int | None, Any, bool]] = [*kept.tags]
        exif = self.ifd()
        for tag in sorted((_KEPT & set(exif)) - kept.dropped):
            value = exif[tag]
            if tag in GROUPS:
                tags.append((tag - 1, 4, 1, 0, True))  # tifffile drops the real tag: see add_groups
            elif isinstance(value, bytes):
                tags.append((tag, 1, len(value), value, True))
            elif isinstance(value, str):
                raw = value.encode("latin-1") + b"\0"  # as Pillow decoded it
                tags.append((tag, 2, len(raw), raw, True))
        for tag, kind, block in ((_XMP, 1, self.xmp), (iptc.TAG, 7, self.iptc), (_ICC, 7, self.fits(channels))):
            if block:
                tags.append((tag, kind, len(block), block, True))
        return options | {"extratags": tags}

    def add_groups(self, file: IO[bytes], places: dict[int, int]) -> None:
        """Append EXIF's own groups to a little-endian TIFF; ``places`` says where each one's placeholder is."""
        exif = self.ifd()
        for tag, place in places.items():
            at = file.seek(0, io.SEEK_END)
            at += file.write(b"\0" * (at % 2))
            group = ImageFileDirectory_v2()
            for key, value in exif.get_ifd(tag).items():
                group[key] = _raw(value)
            file.write(group.tobytes(at))
            file.seek(place)
            file.write(struct.pack("<HHII", tag, 4, 1, at))

    def _common(self, channels: int, *names: str) -> dict[str, Any]:
        options = {name: value for name in names if (value := getattr(self, name))}
        profile = self.fits(channels)
        return options | ({"icc_profile": profile} if profile else {})


def of_pillow(image: PILImage.Image) -> tuple[Metadata, int]:
    """Metadata of an open picture, and the orientation its pixels are stored in."""
    info = image.info
    exif = image.getexif()
    captions = iptc.of_exif(exif)
    kept, orientation = _settled(exif)
    found: dict[str, Any] = {
        "icc": info.get("icc_profile"),
        "exif": kept,
        "dpi": _dpi(info.get("dpi")) or _density(exif),
    }
    xmp = info.get("xmp")
    notes: tuple[str, ...] = ()
    if isinstance(image, PngImagePlugin.PngImageFile):
        text = dict(image.text)
        packet = text.pop(_XMP_TEXT, "").encode()
        text, in_text = iptc.of_text(text)
        captions = in_text or captions
        found["text"], packed = split_text(text)
        xmp = packet or xmp or packed
    elif isinstance(image, JpegImagePlugin.JpegImageFile):
        captions = iptc.of_jpeg(image.applist) or captions
        comment = info.get("comment")
        found["comment"] = None if comment and holds_picture(comment) else comment
        found["sampling"] = _sampling(image)
        if any(segment.startswith(_EXTENSION) for name, segment in image.applist if name == "APP1"):
            notes = ("its extended XMP is left out",)
        notes += further.left_out(image)
        if image.mode != "CMYK" and sorted(image.quantization) == list(range(len(image.quantization))):
            found["tables"] = {key: list(table) for key, table in image.quantization.items()}
            found["subsampling"] = max(0, JpegImagePlugin.get_sampling(image))  # what Pillow has no number for: 4:4:4
            found["progressive"] = bool(info.get("progressive"))
    return with_iptc(_with_xmp(Metadata(**found, notes=notes), xmp), captions), orientation


def _sampling(image: JpegImagePlugin.JpegImageFile) -> tuple[int, int]:
    """How many of a JPEG's pixels share a value of colour, across and down."""
    layers = [(across, down) for _, across, down, _ in image.layer[:3]]
    finest, coarsest = ([choose(factors) for factors in zip(*layers, strict=True)] for choose in (max, min))
    return finest[0] // coarsest[0], finest[1] // coarsest[1]


def _quality(tables: dict[int, list[int]] | None) -> float | None:
    """The quality whose luma table has the same sum as a JPEG's, as the Independent JPEG Group counts."""
    if not tables:
        return None
    scale = sum(tables[0]) / _LUMA_SUM * 100
    return 100 - scale / 2 if scale < 100 else 5000 / scale


def of_parts(icc: bytes | None, exif: bytes | None, xmp: bytes | None, captions: bytes | None = None) -> Metadata:
    """Metadata of a format whose decoder turns the pixels upright, so that EXIF's own orientation does not count."""
    tags = PILImage.Exif()
    if exif:
        tags.load(exif)
    density = _density(tags)
    captions = captions or iptc.of_exif(tags)
    kept, _ = _settled(tags)
    return with_iptc(_with_xmp(Metadata(icc=icc, exif=kept, dpi=density), xmp), captions)


def of_tiff(file: IO[bytes], offset: int, *, endian: str, big: bool) -> tuple[Metadata, int]:
    """Metadata of the TIFF page whose directory lies at ``offset``, but for IPTC, and its orientation."""
    if big:
        file, offset = io.BytesIO(classic(file, offset, endian)), 8
    exif = PILImage.Exif()
    exif.endian = endian
    exif.load_from_fp(file, offset)
    icc, xmp, density = exif.get(_ICC), exif.get(_XMP), _density(exif)
    orientation = exif.get(Base.Orientation, 1)
    for tag in set(exif) - _KEPT:
        del exif[tag]
    exif.endian = "<"  # as it is written from here on
    kept, _ = _settled(exif)
    return _with_xmp(Metadata(icc=icc, exif=kept, dpi=density), xmp), _checked(orientation)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """A PNG's chunks: name, and all its bytes."""
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at:end]
        at = end


def png_colour(data: bytes) -> bytes:
    """The chunks that say what a PNG's colours mean where it has no profile."""
    return b"".join(chunk for name, chunk in png_chunks(data) if name in _PNG_COLOUR)


def _settled(exif: PILImage.Exif) -> tuple[bytes | None, int]:
    """EXIF as bytes for upright pixels, and the orientation it had."""
    orientation = _checked(exif.pop(Base.Orientation, 1))
    for tag in _POINTERS & set(exif):
        del exif[tag]
    for tags in (exif, *(exif.get_ifd(group) for group in (*GROUPS, IFD.Interop) if group in exif)):
        drop_previews(tags)
    if orientation in TURNED:
        group = exif.get_ifd(IFD.Exif)
        sides = [group.pop(tag, None) for tag in (Base.ExifImageHeight, Base.ExifImageWidth)]
        group |= {
            tag: side
            for tag, side in zip((Base.ExifImageWidth, Base.ExifImageHeight), sides, strict=True)
            if side is not None
        }
    return (_bytes(exif) if len(exif) else None), orientation


def _bytes(exif: PILImage.Exif) -> bytes:
    """As Pillow writes it, without turning letters beyond ASCII into question marks."""
    for entries in (exif, *(exif.get_ifd(tag) for tag in GROUPS if tag in exif)):
        for key, value in list(entries.items()):
            entries[key] = _raw(value)
    return exif.tobytes()


def _raw(value: Any) -> Any:
    """Text beyond ASCII as the bytes it was read from."""
    return value.encode("latin-1") if isinstance(value, str) and not value.isascii() else value


def _checked(orientation: Any) -> int:
    return orientation if orientation in range(1, 9) else 1


def _density(exif: PILImage.Exif) -> tuple[float, float] | None:
    per_inch = _PER_INCH.get(exif.get(Base.ResolutionUnit, 2))
    across, down = exif.get(Base.XResolution), exif.get(Base.YResolution)
    return _dpi((float(across) * per_inch, float(down) * per_inch)) if per_inch and across and down else None


def _dpi(pair: Any) -> tuple[float, float] | None:
    """Dots per inch, across and down, where the file has valid ones."""
    if pair is None:
        return None
    across, down = (float(side) for side in pair)
    return (across, down) if 0 < across < 1e6 and 0 < down < 1e6 else None


def with_iptc(metadata: Metadata, captions: bytes | None) -> Metadata:
    """Metadata and IPTC, without previews."""
    kept, notes = iptc.without_pictures(captions)
    return replace(metadata, iptc=kept, notes=(*metadata.notes, *notes))


def _with_xmp(metadata: Metadata, xmp: bytes | None) -> Metadata:
    """Metadata and XMP, whose orientation is reset to upright, without previews."""
    kept = without_previews(xmp)
    if kept:
        return replace(metadata, xmp=re.sub(rb'(tiff:Orientation(?:="|>))[2-8]', rb"\g<1>1", kept))
    lost = ("its XMP holds a picture that cannot be taken out of it, and is left out",) if xmp else ()
    return replace(metadata, notes=(*metadata.notes, *lost))
