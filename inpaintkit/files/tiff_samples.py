"""A TIFF's samples as they are stored: its strips or tiles, decompressed one by one, each bounded and whole."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from inpaintkit.files import tiff_images
from inpaintkit.files.decoding import Pixels, RefusedError
from inpaintkit.files.tiff_images import INSTEAD, word

if TYPE_CHECKING:
    from tifffile import TiffPage

_BYTES = {  # compression -> imagecodecs' name, of those that give bytes
    1: "",
    5: "lzw",
    8: "deflate",
    32946: "deflate",
    32773: "packbits",
    34925: "lzma",
    **dict.fromkeys((50000, 34926), "zstd"),
}
_FAX = {2: "ccittrle", 3: "ccittfax3", 4: "ccittfax4"}
_YCBCR = 6


@dataclass(frozen=True)
class _Segment:
    """A strip or tile: where it lies in the file and in the picture, and the size it promises."""

    index: int
    plane: int
    top: int
    left: int
    rows: int  # in the picture
    columns: int
    height: int  # as stored: a tile at the border is larger than what shows of it
    width: int

    def sizes(self, sheet: TiffPage) -> list[tuple[int, int]]:
        """What a picture in its place may measure: as stored, or as much as shows, or a full strip."""
        heights = self.height, self.rows, sheet.rowsperstrip
        return [(height, width) for height in heights for width in (self.width, self.columns) if height]


def check(sheet: TiffPage) -> None:
    """Raise RefusedError where the page's samples cannot be read, or not truly; the message names the reason."""
    codec = _codec(sheet)
    if codec is None:
        raise RefusedError(f"is compressed by {word(sheet.compression)}, {INSTEAD}")
    _check_type(sheet)
    if sheet.compression in tiff_images.CODECS:
        tiff_images.check(sheet)
    elif codec in _FAX.values():
        if sheet.bitspersample * sheet.samplesperpixel != 1:
            what = f"{sheet.samplesperpixel} x {sheet.bitspersample} bits compressed by {word(sheet.compression)}"
            raise RefusedError(f"holds {what}, {INSTEAD}")
    elif sheet.predictor not in _predictors(sheet):
        raise RefusedError(f"is compressed with predictor {word(sheet.predictor)}, {INSTEAD}")
    if _raw_subsampled(sheet) and (sheet.planarconfig != 1 or sheet.bitspersample != 8 or sheet.predictor != 1):
        raise RefusedError("holds subsampled YCbCr in an unusual layout: convert it to RGB")


def _check_type(sheet: TiffPage) -> None:
    """Integers of any depth and floats of whole bytes, all alike."""
    dtype, bits = sheet.dtype, sheet.bitspersample
    if dtype is None or dtype.kind not in "buif" or not isinstance(bits, int) or (dtype.kind in "if" and bits % 8):
        what = f"{word(sheet.sampleformat)} samples of {bits} bits"
        raise RefusedError(f"holds {what}: expected integers or floats, all of one kind")
    if dtype.kind == "f" and bits != 8 * dtype.itemsize:
        raise RefusedError(f"holds floats of {bits} bits: save it with 16, 32 or 64")
    if sheet.imagedepth != 1:
        raise RefusedError(f"holds a volume of {sheet.imagedepth} layers: save the layer to repair by itself")


def _predictors(sheet: TiffPage) -> tuple[int, ...]:
    """None (1), differences along the row (2), and those of floats' sorted bytes (3), where they are defined."""
    assert sheet.dtype is not None
    if _is_packed(sheet):
        return (1,)
    return (1, 2, 3) if sheet.dtype.kind == "f" else (1, 2)


def _is_packed(sheet: TiffPage) -> bool:
    """Whether samples are no whole number of bytes."""
    assert sheet.dtype is not None
    return bool(sheet.bitspersample != 8 * sheet.dtype.itemsize)


def is_jpeg(file: IO[bytes], sheet: TiffPage) -> bool:
    """Whether the first strip is a whole JPEG: those of old (compression 6) may lie about in pieces."""
    file.seek(sheet.dataoffsets[0] if sheet.dataoffsets else 0)
    return file.read(2) == b"\xff\xd8"


def stored(file: IO[bytes], sheet: TiffPage, missing: float) -> tuple[Pixels, int]:
    """(H, W, S) samples of a page that has passed ``check``, in native byte order, and how many segments are absent.

    A segment without place and length is sparse, as GDAL writes it: its pixels are ``missing``.

    Raises
    ------
    ValueError : a segment is missing, cut short, or holds more than it may.
    """
    assert sheet.dtype is not None
    shape = (sheet.imagelength, sheet.imagewidth, sheet.samplesperpixel)
    samples = np.empty(shape, np.uint8 if sheet.dtype.kind == "b" else sheet.dtype.newbyteorder("="))
    decode, absent = _decoder(sheet), 0
    for segment in _segments(sheet):
        at, count = sheet.dataoffsets[segment.index], sheet.databytecounts[segment.index]
        there = slice(segment.top, segment.top + segment.rows), slice(segment.left, segment.left + segment.columns)
        planes = slice(None) if sheet.planarconfig == 1 else slice(segment.plane, segment.plane + 1)
        target = samples[(*there, planes)]
        if at == count == 0:
            target[:] = missing
            absent += 1
            continue
        file.seek(at)
        data = file.read(count)
        if not data or len(data) < count:
            raise ValueError("pixels are missing")
        found = decode(data, segment)
        if found.dtype != samples.dtype or found.shape[2] != target.shape[2]:
            raise ValueError(f"a strip holds {found.shape[2]} x {found.dtype}, the page {sheet.dtype}")
        target[:] = found[: segment.rows, : segment.columns]
    return samples, absent


def _codec(sheet: TiffPage) -> str | None:
    for names in (_BYTES, _FAX, tiff_images.CODECS):
        if sheet.compression in names:
            return names[sheet.compression]
    return None


def _segments(sheet: TiffPage) -> Iterator[_Segment]:
    """Every strip or tile; raises ValueError where the file lists too few."""
    height, width = sheet.imagelength, sheet.imagewidth
    tall, wide = (sheet.tilelength, sheet.tilewidth) if sheet.is_tiled else (sheet.rowsperstrip, width)
    if tall < 1 or wide < 1:
        raise ValueError("its strips have no rows")
    down, across = math.ceil(height / tall), math.ceil(width / wide)
    planes = 1 if sheet.planarconfig == 1 else sheet.samplesperpixel
    if min(len(sheet.dataoffsets), len(sheet.databytecounts)) < planes * down * across:
        raise ValueError("strips are missing")
    for index in range(planes * down * across):
        top, left = index // across % down * tall, index % across * wide
        rows, columns = min(tall, height - top), min(wide, width - left)
        yield _Segment(
            index, index // (down * across), top, left, rows, columns, tall if sheet.is_tiled else rows, wide
        )


def _decoder(sheet: TiffPage) -> Any:
    """The function (data, segment) -> (rows, columns, samples) for the page's compression."""
    codec = _codec(sheet)
    if codec in _FAX.values():
        return lambda data, segment: _fax(data, segment, sheet)
    if sheet.compression in tiff_images.CODECS:
        return lambda data, segment: tiff_images.decode(data, segment.sizes(sheet), sheet)
    if _raw_subsampled(sheet):
        return lambda data, segment: _subsampled(data, segment, sheet)
    return lambda data, segment: _plain(data, segment, sheet)


def _raw_subsampled(sheet: TiffPage) -> bool:
    """Whether chroma has fewer samples than luma, in the TIFF's own layout."""
    return sheet.photometric == _YCBCR and sheet.is_subsampled and _codec(sheet) in _BYTES.values()


# Bytes


def _plain(data: bytes, segment: _Segment, sheet: TiffPage) -> Pixels:
    """Samples one after the other, packed where their depth is no whole number of bytes."""
    import imagecodecs

    assert sheet.dtype is not None
    bits, dtype = int(sheet.bitspersample), sheet.dtype
    samples = sheet.samplesperpixel if sheet.planarconfig == 1 else 1
    a_row = math.ceil(segment.width * samples * bits / 8)
    raw = _unpacked(data, a_row * segment.height, a_row * segment.rows, sheet)
    shape = (-1, segment.width, samples)
    if _is_packed(sheet):
        kind = np.uint8 if dtype.kind == "b" else dtype.newbyteorder("=")
        run = segment.width * samples
        return np.asarray(imagecodecs.packints_decode(raw, kind, bits, runlen=run)).reshape(shape)
    if sheet.predictor == 3:  # bytes of all numbers, sorted by their weight
        sorted_bytes = np.frombuffer(raw, dtype.newbyteorder("=")).reshape(shape)
        return np.asarray(imagecodecs.floatpred_decode(sorted_bytes, axis=-2))
    found = (
        np.frombuffer(raw, dtype.newbyteorder(sheet.parent.byteorder)).astype(dtype.newbyteorder("=")).reshape(shape)
    )
    if sheet.predictor == 2:  # differences between neighbours in a row, as integers whatever the type
        whole = found.view(f"u{dtype.itemsize}")
        np.cumsum(whole, axis=1, dtype=whole.dtype, out=whole)
    return found


def _unpacked(data: bytes, size: int, needed: int, sheet: TiffPage) -> bytes:
    """At most ``size`` bytes and at least ``needed``; raises ValueError where there are more or fewer."""
    import imagecodecs

    if sheet.fillorder == 2:
        data = bytes(imagecodecs.bitorder_decode(data))
    codec = _codec(sheet)
    if codec:
        room = max(size, _room(sheet))
        try:
            data = getattr(imagecodecs, f"{codec}_decode")(data, out=room)
        except Exception as error:
            if "SPACE" in str(error) or "too small" in str(error) or "TOO_SMALL" in str(error):
                raise ValueError("a strip inflates to more than it may hold") from None
            raise
    if len(data) < needed:
        raise ValueError("a strip is cut short")
    return bytes(data[: needed if len(data) < size else size])


def _room(sheet: TiffPage) -> int:
    """Bytes of a full strip: some writers fill up the last one, though fewer rows of it show."""
    if sheet.is_tiled:
        return 0
    samples = sheet.samplesperpixel if sheet.planarconfig == 1 else 1
    return sheet.rowsperstrip * math.ceil(sheet.imagewidth * samples * int(sheet.bitspersample) / 8)


def _subsampled(data: bytes, segment: _Segment, sheet: TiffPage) -> Pixels:
    """YCbCr in blocks of h x v lumas, a Cb and a Cr: (rows, columns, 3), each chroma repeated over its block."""
    h, v = sheet.subsampling or (2, 2)
    across, down = math.ceil(segment.width / h), math.ceil(segment.height / v)
    size = across * down * (h * v + 2)
    shown = across * math.ceil(segment.rows / v) * (h * v + 2)
    raw = _unpacked(data, size, shown, sheet)
    blocks = np.frombuffer(raw[: len(raw) // (across * (h * v + 2)) * across * (h * v + 2)], np.uint8)
    blocks = blocks.reshape(-1, across, h * v + 2)
    luma = blocks[..., :-2].reshape(-1, across, v, h).swapaxes(1, 2).reshape(-1, across * h)
    chroma = blocks[..., -2:].repeat(v, axis=0).repeat(h, axis=1)
    return np.dstack([luma, chroma])[:, : segment.width]


def _fax(data: bytes, segment: _Segment, sheet: TiffPage) -> Pixels:
    """Two tones, 0 and 1."""
    import imagecodecs

    if sheet.fillorder == 2:
        data = bytes(imagecodecs.bitorder_decode(data))
    options = {"t4options": sheet.tags.valueof(292) or 0} if sheet.compression == 3 else {}
    decode = getattr(imagecodecs, f"{_FAX[sheet.compression]}_decode")
    lines = np.asarray(decode(data, segment.height, segment.width, **options))
    for more in (b"\xff", b"\xaa"):  # the decoder fills up with white what is missing; these are codes of black runs
        longer = decode(data + more * (segment.width + 8), segment.height, segment.width, **options)
        if (longer != lines).any():
            raise ValueError("a strip is cut short")
    return lines.astype(np.uint8)[..., None]
