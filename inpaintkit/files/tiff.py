"""TIFF: pixels and metadata out of an open file, and into bytes."""

from __future__ import annotations

import io
import zlib
from typing import IO, TYPE_CHECKING

import numpy as np
from PIL import TiffImagePlugin

from inpaintkit.files.decoding import (
    Decoded,
    Pixels,
    RefusedError,
    array,
    channels_of,
    check_size,
    chosen,
    or_damaged,
    quiet,
    through_cv2,
    without_cmyk,
)
from inpaintkit.files.metadata import GROUPS, Metadata, of_tiff

if TYPE_CHECKING:
    from tifffile import TiffPage

DTYPES = ("uint8", "uint16", "float16", "float32", "float64")
_STORED, _DEFLATE, _PACKBITS = 1, (8, 32946), 32773  # TIFF compressions that need no library beside tifffile
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2  # TIFF's words for what samples mean


def decode(file: IO[bytes], *, page: int | None, max_pixels: int) -> Decoded:
    """Read up to 8 bits with Pillow, more with tifffile, or with OpenCV where the compression needs it."""
    import tifffile

    with quiet():
        tif = tifffile.TiffFile(file)
        number = chosen(len(tif.pages), page)
        sheet = tif.pages[number].aspage()
        check_size((sheet.imagewidth, sheet.imagelength), max_pixels)
        check_size((sheet.tilewidth or 1, sheet.tilelength or 1), max_pixels)
        if len(sheet.dataoffsets) < np.prod(sheet.chunked):  # they would be read as zeros
            raise ValueError("strips are missing")
        metadata, orientation = or_damaged(
            lambda: of_tiff(file, sheet.offset, endian=tif.byteorder, big=tif.is_bigtiff)
        )
        if int(np.max(sheet.bitspersample)) > 8:
            pixels = _deep_tiff(file, sheet, number)
            return Decoded(pixels, metadata, orientation, channels_of(pixels))
        file.seek(0)
        image = TiffImagePlugin.TiffImageFile(file)
        image.seek(number)
        image.load()
    pixels = array(image, metadata.icc)
    return Decoded(pixels, without_cmyk(metadata, image), 1, channels_of(pixels))  # Pillow turns a TIFF itself


def _deep_tiff(file: IO[bytes], sheet: TiffPage, number: int) -> Pixels:
    _check_deep(sheet)
    simple = sheet.compression in (_STORED, *_DEFLATE, _PACKBITS) and sheet.predictor in (1, 2)
    if not simple:
        if sheet.photometric == _WHITE_IS_ZERO:
            raise RefusedError(
                f"holds 16 bits, white as 0, compressed by {_word(sheet.compression)}: save it uncompressed"
            )
        file.seek(0)
        pixels = through_cv2(file.read(), number)
        if pixels.dtype != sheet.dtype or pixels.shape[:2] != (sheet.imagelength, sheet.imagewidth):
            raise RefusedError(
                f"is compressed by {_word(sheet.compression)}, which hides its pixels: save it with deflate"
            )
        return pixels
    end = file.seek(0, io.SEEK_END)
    for at, count in zip(sheet.dataoffsets, sheet.databytecounts, strict=True):
        if count == 0 or at + count > end:  # tifffile would give zeros
            raise ValueError("pixels are missing")
    if sheet.compression in _DEFLATE:
        _check_inflated(file, sheet)
    pixels = sheet.asarray().astype(sheet.dtype.newbyteorder("="), copy=False)  # type: ignore[union-attr]
    pixels = pixels.reshape(sheet.shape)
    if sheet.samplesperpixel > 1 and sheet.planarconfig == 2:
        pixels = np.moveaxis(pixels, 0, 2)
    if sheet.photometric == _WHITE_IS_ZERO:
        pixels = np.iinfo(pixels.dtype).max - pixels
    return pixels


def _check_deep(sheet: TiffPage) -> None:
    kind = "unknown" if sheet.dtype is None else sheet.dtype.name
    if kind not in DTYPES:
        raise RefusedError(f"holds {kind} samples of {sheet.bitspersample} bits: expected {', '.join(DTYPES)}")
    meanings = (_BLACK_IS_ZERO, _RGB) if kind.startswith("float") else (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB)
    if sheet.photometric not in meanings or not 1 <= sheet.samplesperpixel <= 4 or sheet.imagedepth != 1:
        raise RefusedError(
            f"holds {sheet.samplesperpixel} samples of {kind}, {_word(sheet.photometric)}: "
            "convert it to grey or RGB, or to 8 bits"
        )
    if 1 in sheet.extrasamples:
        raise RefusedError(f"holds {kind} with premultiplied alpha: save it with straight alpha")


def _word(code: int) -> str:
    """TIFF's name for a code, where there is one."""
    return str(getattr(code, "name", code))


def _check_inflated(file: IO[bytes], sheet: TiffPage) -> None:
    """Refuse a strip or tile that inflates to more than it may hold; tifffile would inflate it to any size."""
    max_bytes = int(np.prod(sheet.chunks)) * sheet.bitspersample // 8
    for at, count in zip(sheet.dataoffsets, sheet.databytecounts, strict=True):
        file.seek(at)
        stream = zlib.decompressobj()
        rest, size = file.read(count), 0
        while rest and not stream.eof:
            size += len(stream.decompress(rest, 1 << 20))
            rest = stream.unconsumed_tail
            if size > max_bytes:
                raise ValueError("a strip inflates to more than it may hold")


def encode(pixels: Pixels, metadata: Metadata) -> bytes:
    """A file's bytes for pixels (H, W, C)."""
    import tifffile

    channels = pixels.shape[2]
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        pixels if channels > 1 else pixels[..., 0],
        byteorder="<",
        photometric="rgb" if channels > 2 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="zlib",
        predictor=pixels.dtype.kind == "u",
        **metadata.to_tiff(channels),
    )
    file.seek(0)
    with tifffile.TiffFile(file) as tif:
        tags = tif.pages[0].aspage().tags
        places = {} if tif.is_bigtiff else {code: tags[code - 1].offset for code in GROUPS if code - 1 in tags}
    metadata.add_groups(file, places)
    return file.getvalue()
