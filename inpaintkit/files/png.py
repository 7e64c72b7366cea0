"""PNG out: libpng filters the rows, libdeflate compresses them; several times as fast as libpng's own compression.

In: libdeflate and libpng read the plain kinds, those of 8 bits, in less than half of Pillow's time.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit.files.metadata import png_chunks
from inpaintkit.files.silence import quiet

MAX_LEVEL = 12

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> the header's type of colour
_CHANNELS = {colour: channels for channels, colour in _COLOUR.items()}
_PLAIN = b"\0\2\4\6"  # types of colour without a palette
_NONE, _PAETH, _ALL = 0x08, 0x80, 0xF8  # libpng's masks of filters; of several it takes the best for each row
_CHEAPER = 0.985  # choosing for each row takes half as long again: it must save so much
_FAST, _USUAL = 1, 5  # levels where none is given: the first takes half the time of the other,
_AS_SMALL = 1.02  # and is taken where files become at most so many times as large, as those of grainy photographs do
_BANDS, _ROWS = 8, 4  # that are compressed with every filter to see which is best
_AT_ONCE = 2**24  # bytes of filtered rows that may lie in memory three times
_BAND = 2**18  # pixels filtered at a time: libpng's copies are as large as what it is given
_MAX_CHUNK = 2**30  # bytes; a chunk holds less than twice as many


def plain_pixels(data: bytes) -> NDArray[np.uint8] | None:
    """Pixels (H, W) or (H, W, C) of a whole file of 8 bits, row after row, in grey or colours that need no palette.

    None for other kinds, and where libpng finds anything wrong: Pillow then says what.
    """
    import imagecodecs

    names = [name for name, _ in png_chunks(data)]
    first = names.index(b"IDAT") if b"IDAT" in names else 0
    count = names.count(b"IDAT")
    is_plain = data[24:25] == b"\x08" and data[25:26] in _PLAIN and data[26:29] == b"\0\0\0"
    if not is_plain or b"tRNS" in names or b"acTL" in names or names[first : first + count] != [b"IDAT"] * count:
        return None
    try:
        with quiet():
            return np.asarray(imagecodecs.png_decode(_unpacked(data)))
    except Exception:
        return None


def _unpacked(data: bytes) -> bytes:
    """The file with its rows inflated, which libdeflate does in a third of libpng's time; a large one as it is."""
    import imagecodecs

    width, height = struct.unpack(">II", data[16:24])
    size = height * (1 + width * _CHANNELS[data[25]])
    if size > _AT_ONCE:
        return data
    packed = b"".join(chunk[8:-4] for name, chunk in png_chunks(data) if name == b"IDAT")
    rows = imagecodecs.deflate_decode(packed, out=size)
    if len(rows) != size:
        raise ValueError(f"{len(rows)} bytes of pixels instead of {size}")
    body = memoryview(imagecodecs.deflate_encode(rows, 0))
    return b"".join((data[:33], _chunk(b"IDAT", body), _chunk(b"IEND", b"")))  # 33: signature and header


def without_pixels(data: bytes) -> bytes:
    """The same file but of one pixel, as fast to read as what it says besides."""
    pixel = np.zeros((1, 1, _CHANNELS[data[25]]), np.uint8)
    header, body, _ = (chunk for _, chunk in png_chunks(encode(pixel, level=0)))
    parts, at = [SIGNATURE], len(SIGNATURE)
    for name, chunk in png_chunks(data):
        at += len(chunk)
        if name == b"IHDR":
            parts.append(header)
        elif name != b"IDAT":
            parts.append(chunk)
        elif body:
            parts.append(body)
            body = b""
    return b"".join((*parts, data[at:]))


def encode(pixels: NDArray[Any], *, level: int | None = None, chunks: bytes = b"") -> bytes:
    """A PNG file of pixels (H, W, C), uint8 or uint16, with further chunks before its pixels.

    ``level`` is libdeflate's: 0 does not compress, 12 makes the smallest files; None: 5, or 1 where that gains little.
    """
    import imagecodecs

    kind, level = _filter_and_level(pixels, level)
    rows = max(1, _BAND // pixels.shape[1])
    height, width, channels = pixels.shape
    filtered: Any = np.empty((height, 1 + width * channels * pixels.itemsize), np.uint8)
    for top in range(0, height, rows):
        filtered[top : top + rows] = _filtered(pixels, top, min(top + rows, height), kind)
    packed = memoryview(imagecodecs.deflate_encode(filtered, level))
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, _COLOUR[channels], 0, 0, 0))
    data = (_chunk(b"IDAT", packed[at : at + _MAX_CHUNK]) for at in range(0, len(packed), _MAX_CHUNK))
    return b"".join((SIGNATURE, header, chunks, *data, _chunk(b"IEND", b"")))


def _filter_and_level(pixels: NDArray[Any], level: int | None) -> tuple[int, int]:
    """The mask of filters that makes a sample of the rows smallest, and the level: as given, or as the sample shows.

    No filter is best for flat drawings, Paeth's for photographs.
    """
    import imagecodecs

    if level == 0:
        return _NONE, 0
    tops = np.unique(np.linspace(0, max(0, len(pixels) - _ROWS), _BANDS, dtype=int))
    above = min(1, len(pixels) - 1)
    rows = tops[:, None] + np.arange(-above, min(_ROWS, len(pixels)))  # each band after the row above it
    some, filtered, sizes = pixels[np.maximum(rows, 0).reshape(-1)], {}, {}
    some[:above] = 0  # above the first row, as the filters take it
    for kind in (_PAETH, _NONE, _ALL):
        filtered[kind] = _filtered(some, 0, len(some), kind).reshape(*rows.shape, -1)[:, above:].tobytes()
        sizes[kind] = len(imagecodecs.deflate_encode(filtered[kind], _FAST))
    best = min((_PAETH, _NONE), key=sizes.__getitem__)
    best = _ALL if sizes[_ALL] < _CHEAPER * sizes[best] else best
    if level is None:
        usual = len(imagecodecs.deflate_encode(filtered[best], _USUAL))
        level = _FAST if sizes[best] <= _AS_SMALL * usual else _USUAL
    return best, level


def _filtered(pixels: NDArray[Any], top: int, bottom: int, kind: int) -> NDArray[np.uint8]:
    """Rows ``top`` to ``bottom`` as libpng filters them, each after the number of its filter: (rows, 1 + bytes)."""
    import imagecodecs

    above = min(top, 1)  # a row is filtered against the one above it
    part = np.ascontiguousarray(pixels[top - above : bottom])
    png = bytes(imagecodecs.png_encode(part[..., 0] if part.shape[2] == 1 else part, level=0, filter=kind))
    packed = b"".join(chunk[8:-4] for name, chunk in png_chunks(png) if name == b"IDAT")
    a_row = 1 + pixels.shape[1] * pixels.shape[2] * pixels.itemsize
    found = imagecodecs.deflate_decode(packed, out=(bottom - top + above) * a_row)
    return np.frombuffer(found, np.uint8).reshape(-1, a_row)[above:]


def _chunk(name: bytes, body: bytes | memoryview) -> bytes:
    checksum = zlib.crc32(body, zlib.crc32(name))
    return b"".join((struct.pack(">I", len(body)), name, body, struct.pack(">I", checksum)))
