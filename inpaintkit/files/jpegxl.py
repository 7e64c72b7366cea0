"""JPEG XL: imagecodecs gives the pixels; what is said of them stands in the codestream's header and in boxes.

The header is read bit by bit as ISO/IEC 18181-1 lays it out, lowest bit first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import IO

import numpy as np

from inpaintkit.files.code_points import with_colours
from inpaintkit.files.decoding import Decoded, RefusedError, at_full_range, channels_of, check_size, chosen, or_damaged
from inpaintkit.files.metadata import Metadata, of_parts

_BARE = b"\xff\x0a"  # a codestream without boxes
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}  # width to height
_MAX_BOX = 1 << 26  # bytes that a box may unpack to
_ALPHA, _SPOT, _BLACK, _CFA = 0, 2, 4, 5  # kinds of extra channels
_RGB, _GREY, _CUSTOM = 0, 1, 2  # colour spaces; a white or primaries that are given in full
_D65, _SRGB = 1, 13


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    bits: int = 8
    is_float: bool = False
    animated: bool = False
    extras: tuple[tuple[int, bool], ...] = ()  # kind, and whether it is premultiplied alpha
    grey: bool = False
    code_points: tuple[int, int] | None = (1, _SRGB)  # primaries and transfer; None: a profile


def decode(file: IO[bytes], *, page: int | None, max_pixels: int) -> Decoded:
    """A still picture, which the library turns upright; whole numbers at 8 or 16 bits, floats as they are.

    Raises
    ------
    RefusedError : with a reason. Any other exception means a damaged file.
    """
    import imagecodecs

    data = file.read()
    boxes = list(_boxes(data))
    header = _header(b"".join(body for name, body in boxes if name in (b"jxlc", b"jxlp")))
    check_size((header.width, header.height), max_pixels)
    _check(header)
    chosen(1, page)
    pixels = np.asarray(imagecodecs.jpegxl_decode(data))
    if pixels.shape[:2] not in ((header.height, header.width), (header.width, header.height)):
        raise ValueError("its parts disagree on its size")
    if not header.is_float and pixels.dtype.kind == "u":
        pixels = at_full_range(pixels, header.bits)
    metadata, _ = or_damaged(lambda: (_metadata(boxes), 1))
    if header.code_points:
        metadata = with_colours(metadata, *header.code_points, grey=header.grey)
    else:
        metadata = replace(metadata, notes=("its colour profile cannot be read and is left out",))
    return Decoded(pixels, metadata, channels=channels_of(pixels))


def _check(header: _Header) -> None:
    if header.animated:
        raise RefusedError("is an animation: save the frame as PNG")
    kinds = [kind for kind, _ in header.extras]
    if _BLACK in kinds:
        raise RefusedError("is CMYK: convert it to RGB first")
    if kinds not in ([], [_ALPHA]):
        raise RefusedError(f"holds {len(kinds)} channels besides its colours: flatten it, or save it as TIFF")
    if any(premultiplied for _, premultiplied in header.extras):
        raise RefusedError("holds premultiplied alpha: save it with straight alpha")
    if header.bits > 16 and not header.is_float:
        raise RefusedError(f"holds whole numbers of {header.bits} bits: save it at 16 bits")


def _metadata(boxes: list[tuple[bytes, bytes]]) -> Metadata:
    """EXIF and XMP, which may be packed by Brotli; the orientation of EXIF does not count here."""
    import imagecodecs

    found: dict[bytes, bytes] = {}
    for name, body in boxes:
        if name == b"brob":
            name, body = body[:4], bytes(imagecodecs.brotli_decode(body[4:], out=_MAX_BOX))
        found.setdefault(name, body)
    exif = found.get(b"Exif")
    if exif:  # it begins with the place of its header
        exif = exif[4 + int.from_bytes(exif[:4], "big") :]
    return of_parts(None, exif, found.get(b"xml "))


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each box; parts of a codestream come without their numbers."""
    if data.startswith(_BARE):
        yield b"jxlc", data
        return
    at = 0
    while at + 8 <= len(data):
        size, name, start = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = int.from_bytes(data[start : start + 8], "big"), start + 8
        end = at + size if size else len(data)
        if end < start:
            raise ValueError("a box has no end")
        yield name, data[start + 4 * (name == b"jxlp") : end]
        at = end


class _Bits:
    """Numbers out of a stream of bits."""

    def __init__(self, data: bytes) -> None:
        self._number, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def u(self, bits: int) -> int:
        if bits > self._left:
            raise ValueError("its header is cut short")
        value = self._number & ((1 << bits) - 1)
        self._number, self._left = self._number >> bits, self._left - bits
        return value

    def flag(self) -> bool:
        return self.u(1) == 1

    def u32(self, *choices: tuple[int, int]) -> int:
        """One of four: so many bits, and what is added to them."""
        bits, offset = choices[self.u(2)]
        return self.u(bits) + offset

    def enum(self) -> int:
        return self.u32((0, 0), (0, 1), (4, 2), (6, 18))


def _header(codestream: bytes) -> _Header:
    if not codestream.startswith(_BARE):
        raise ValueError("it holds no codestream")
    bits = _Bits(codestream[2:4096])
    width, height = _size(bits)
    if bits.flag():  # all else as usual
        return _Header(width, height)
    if bits.flag():
        bits.u(3)  # orientation, which the library heeds
        if bits.flag():
            _size(bits)  # for display
        if bits.flag():
            _preview(bits)
        if bits.flag():
            return _Header(width, height, animated=True)
    depth, is_float = _depth(bits)
    bits.flag()  # whether 16-bit buffers suffice
    extras = tuple(_extra(bits) for _ in range(bits.u32((0, 0), (0, 1), (4, 2), (12, 1))))
    bits.flag()  # whether it is stored as XYB
    grey, points = _colours(bits)
    return _Header(width, height, depth, is_float, extras=extras, grey=grey, code_points=points)


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.flag()

    def side() -> int:
        return 8 * (bits.u(5) + 1) if small else bits.u32((9, 1), (13, 1), (18, 1), (30, 1))

    return _with_ratio(bits, side)


def _preview(bits: _Bits) -> None:
    eighths = bits.flag()

    def side() -> int:
        return (
            8 * bits.u32((0, 16), (0, 32), (5, 1), (9, 33))
            if eighths
            else bits.u32((6, 1), (8, 65), (10, 321), (12, 1345))
        )

    _with_ratio(bits, side)


def _with_ratio(bits: _Bits, side: Callable[[], int]) -> tuple[int, int]:
    height = side()
    ratio = bits.u(3)
    if not ratio:
        return side(), height
    across, down = _RATIOS[ratio]
    return height * across // down, height


def _depth(bits: _Bits) -> tuple[int, bool]:
    if bits.flag():
        depth = bits.u32((0, 32), (0, 16), (0, 24), (6, 1))
        bits.u(4)  # bits of the exponent
        return depth, True
    return bits.u32((0, 8), (0, 10), (0, 12), (6, 1)), False


def _extra(bits: _Bits) -> tuple[int, bool]:
    """A further channel: its kind, and whether it is premultiplied alpha."""
    if bits.flag():
        return _ALPHA, False
    kind = bits.enum()
    _depth(bits)
    bits.u32((0, 0), (0, 3), (0, 4), (3, 1))  # its scale
    bits.u(8 * bits.u32((0, 0), (4, 0), (5, 16), (10, 48)))  # its name
    premultiplied = kind == _ALPHA and bits.flag()
    if kind == _SPOT:
        bits.u(4 * 16)
    elif kind == _CFA:
        bits.u32((0, 1), (2, 0), (4, 3), (8, 19))
    return kind, premultiplied


def _colours(bits: _Bits) -> tuple[bool, tuple[int, int] | None]:
    """Whether it is grey, and the numbers of primaries and transfer: None where an ICC profile or values are given."""
    if bits.flag():
        return False, (1, _SRGB)
    has_profile, space = bits.flag(), bits.enum()
    if has_profile or space not in (_RGB, _GREY):
        return space == _GREY, None
    white = bits.enum()
    if white == _CUSTOM:
        _chromaticities(bits, 1)
    primaries = 1 if space == _GREY else bits.enum()
    if space != _GREY and primaries == _CUSTOM:
        _chromaticities(bits, 3)
    has_gamma = bits.flag()
    transfer = bits.u(24) if has_gamma else bits.enum()
    in_full = white != _D65 or primaries == _CUSTOM or has_gamma
    return space == _GREY, None if in_full else (primaries, transfer)


def _chromaticities(bits: _Bits, pairs: int) -> None:
    for _ in range(2 * pairs):
        bits.u32((19, 0), (19, 524288), (20, 1048576), (21, 2097152))
