"""Strips and tiles of a TIFF that are pictures by themselves: JPEG, JPEG 2000, WebP, PNG, JPEG XL, LERC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inpaintkit.files.decoding import Pixels, RefusedError, check_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tifffile import TiffPage

CODECS = {  # compression -> imagecodecs' name
    **dict.fromkeys((6, 7, 33007), "jpeg"),
    **dict.fromkeys((34712, 33004, 33005), "jpeg2k"),
    **dict.fromkeys((50001, 34927), "webp"),
    **dict.fromkeys((50002, 52546), "jpegxl"),
    34933: "png",
    34887: "lerc",
}
_HELD = {  # what these hold truly: others come back changed, or not at all
    "jpeg": ("uint8", "uint16"),
    "jpeg2k": ("uint8", "int8", "uint16", "int16"),
    "webp": ("uint8",),
    "png": ("uint8", "uint16"),
    "jpegxl": ("uint8", "uint16", "float32"),
    "lerc": ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"),
}
_PACKED = ("jpeg", "jpeg2k", "jpegxl")  # these hold depths such as 10 or 12 bits as well
_SIZES = {"webp": (3, 4), "png": (1, 2, 3, 4)}  # samples a pixel, where not any number
_YCBCR = 6  # TIFF's PhotometricInterpretation
_OPAQUE = 255
INSTEAD = "which is not read here: save it with deflate or LZW"


def word(code: object) -> str:
    """TIFF's name for a code, where there is one."""
    return str(getattr(code, "name", code))


def check(sheet: TiffPage) -> None:
    """Raise RefusedError where such a picture does not hold the page's samples truly."""
    codec = CODECS[sheet.compression]
    assert sheet.dtype is not None
    samples = sheet.samplesperpixel if sheet.planarconfig == 1 else 1
    packed = sheet.bitspersample != 8 * sheet.dtype.itemsize
    fits = samples in _SIZES.get(codec, (samples,)) and (not packed or codec in _PACKED)
    if sheet.dtype.name not in _HELD[codec] or not fits:
        what = f"{samples} x {sheet.dtype.name}" + f" of {sheet.bitspersample} bits" * packed
        raise RefusedError(f"holds {what} compressed by {word(sheet.compression)}, {INSTEAD}")


def decode(data: bytes, sizes: Sequence[tuple[int, int]], sheet: TiffPage) -> Pixels:
    """Pixels (rows, columns, samples) of a strip or tile that may have one of some sizes, the likeliest first.

    Raises
    ------
    ValueError : it is damaged, cut short, or of another size; of that more is not allocated.
    """
    codec = CODECS[sheet.compression]
    if codec == "jpeg" and b"\xff\xd9" not in data[-4096:].rstrip(b"\0")[-64:]:
        raise ValueError("a strip is cut short")  # the decoder would fill it up with grey
    if codec == "png":
        check_sums(data)
    if codec == "lerc":
        return _lerc(data, sizes[0], sheet)
    assert sheet.dtype is not None
    samples = sheet.samplesperpixel if sheet.planarconfig == 1 else 1
    wrong: Exception | None = None
    if codec == "jpeg2k":  # its decoder takes memory before it compares
        sizes = [size for size in sizes if size == _size_of_jpeg2000(data)]
    for size in dict.fromkeys(sizes):
        out = np.empty(size + ((samples,) if samples > 1 else ()), sheet.dtype.newbyteorder("="))
        try:
            return _decoded(codec, data, sheet, out).reshape(*size, samples)
        except ValueError as error:
            if "out." not in str(error):
                raise
            wrong = error
    raise ValueError(f"a strip holds another size or type of picture ({wrong})")


def _decoded(codec: str, data: bytes, sheet: TiffPage, out: Pixels) -> Pixels:
    import imagecodecs

    options: dict[str, Any] = {}
    if codec == "webp":
        options = {"hasalpha": out.shape[2] == 4}
    elif codec == "jpeg":
        from tifffile import TIFF

        options = {"tables": sheet.jpegtables, "bitspersample": sheet.bitspersample, **_jpeg_colours(sheet)}
        return np.asarray(TIFF.DECOMPRESSORS[7](data, out=out, **options))
    return np.asarray(getattr(imagecodecs, f"{codec}_decode")(data, out=out, **options))


def _jpeg_colours(sheet: TiffPage) -> dict[str, int]:
    """What a JPEG's samples are and become: YCbCr is turned into RGB, everything else is left alone."""
    rgb, cmyk = 2, 5
    if sheet.planarconfig != 1 or sheet.samplesperpixel not in (3, 4):
        return {}
    if sheet.samplesperpixel == 4:
        return {"outcolorspace": 4} if sheet.photometric == cmyk else {}
    if sheet.photometric == _YCBCR or (sheet.photometric == rgb and sheet.is_jfif):
        return {"outcolorspace": rgb}  # JFIF is YCbCr, whatever the page says
    return {"colorspace": rgb, "outcolorspace": rgb}


def _size_of_jpeg2000(data: bytes) -> tuple[int, int] | None:
    """Height and width by the first marker of the stream."""
    at = data.find(b"\xff\x4f\xff\x51")
    if at < 0 or len(data) < at + 24:
        return None
    right, bottom, left, top = (int.from_bytes(data[at + n : at + n + 4], "big") for n in (8, 12, 16, 20))
    return bottom - top, right - left


def _lerc(data: bytes, size: tuple[int, int], sheet: TiffPage) -> Pixels:
    """LERC keeps apart which pixels are valid: floats that are not were NaN, and opacity may be kept so alone."""
    import imagecodecs

    assert sheet.dtype is not None
    samples = sheet.samplesperpixel if sheet.planarconfig == 1 else 1
    (height, width), dtype = size, sheet.dtype.newbyteorder("=")
    shapes = [(height, width, samples), (samples, height, width), (height, width, samples - 1)]
    wrong: Exception | None = None
    for shape in shapes[: 1 if samples == 1 else 3]:
        try:
            out = np.empty(tuple(side for at, side in enumerate(shape) if side > 1 or at != 2), dtype)
            found, valid = imagecodecs.lerc_decode(data, masks=True, out=out)
        except ValueError as error:
            if "out." not in str(error):
                raise
            wrong = error
            continue
        found = np.asarray(found).reshape(shape)
        valid = np.ones((height, width), bool) if valid is None else np.asarray(valid)
        if shape == shapes[2]:
            return np.dstack([found, np.where(valid, _OPAQUE, 0).astype(dtype)])
        if dtype.kind == "f":
            found[~(valid if valid.shape == shape else np.broadcast_to(valid.reshape(height, width, 1), shape))] = (
                np.nan
            )
        return found if shape == shapes[0] else np.moveaxis(found, 0, 2)
    raise ValueError(f"a strip holds another size or type of picture ({wrong})")
