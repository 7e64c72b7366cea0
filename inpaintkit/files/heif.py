"""HEIF (HEIC) and AVIF: pixels at their own depth, upright, and what else the file says."""

from __future__ import annotations

import re
from typing import IO, Any

import numpy as np
from PIL import AvifImagePlugin, features

from inpaintkit.errors import MissingExtraError
from inpaintkit.files.code_points import with_colours
from inpaintkit.files.decoding import Decoded, RefusedError, at_full_range, channels_of, check_size, chosen, or_damaged
from inpaintkit.files.metadata import Metadata, of_parts, of_pillow
from inpaintkit.files.silence import quiet

_MISSING = 'is a HEIC, which needs pillow-heif: pip install "inpaintkit[heif]"'
_PREMULTIPLIED = "holds premultiplied alpha: save it with straight alpha"


def decode_heif(file: IO[bytes], *, page: int | None, max_pixels: int) -> Decoded:
    """The picture asked for; thumbnails, depth and gain maps are no pages. The library turns it upright.

    Raises
    ------
    MissingExtraError : pillow-heif is not installed.
    RefusedError : with a reason. Any other exception means a damaged file.
    """
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingExtraError(_MISSING) from error
    container = pillow_heif.open_heif(file, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    image = container[chosen(len(container), page)]
    check_size(image.size, max_pixels)
    if image.premultiplied_alpha:
        raise RefusedError(_PREMULTIPLIED)
    info: dict[str, Any] = image.info
    pixels = at_full_range(np.asarray(image), info["bit_depth"])
    metadata, _ = or_damaged(lambda: (_of_heif(info), 1))
    colours = info.get("nclx_profile") or {}
    points = (int(colours.get("color_primaries", 1)), int(colours.get("transfer_characteristics", 13)))
    metadata = with_colours(metadata, *points, grey=pixels.ndim == 2)
    return Decoded(pixels, metadata, channels=channels_of(pixels), pages=len(container))


def decode_avif(file: IO[bytes], *, page: int | None, max_pixels: int) -> Decoded:
    """A still picture: Pillow reads what is said of it, but its pixels to 8 bits only, so imagecodecs reads these."""
    import imagecodecs

    if not features.check("avif"):
        raise RefusedError("is an AVIF, which this build of Pillow does not read: install Pillow from its wheel")
    with quiet():
        image = AvifImagePlugin.AvifImageFile(file)
        check_size(image.size, max_pixels)
        if image.n_frames > 1:
            raise RefusedError(f"is an animation of {image.n_frames} frames: save the frame as PNG")
        chosen(1, page)
        metadata, orientation = or_damaged(lambda: of_pillow(image))
    file.seek(0)
    data = file.read()
    pixels = np.asarray(imagecodecs.avif_decode(data))
    if pixels.shape[:2] != image.size[::-1]:
        raise ValueError("its parts disagree on its size")
    pixels = at_full_range(pixels, 8 if pixels.dtype == np.uint8 else _depth(data))
    metadata = with_colours(metadata, *_code_points(data), grey=pixels.ndim == 2)
    return Decoded(pixels, metadata, orientation, channels_of(pixels))


def _depth(data: bytes) -> int:
    """Bits of an AVIF of more than 8, from the first such configuration of its codec (AV1 in ISOBMFF, 2.3.3)."""
    deep = re.search(rb"av1C\x81.([\x40-\x7f\xc0-\xff])", data, re.DOTALL)
    return 12 if deep and deep[1][0] & 0x20 else 10


def _code_points(data: bytes) -> tuple[int, int]:
    """Primaries and transfer that the first colour box of an AVIF names; those of sRGB without one."""
    box = re.search(rb"colrnclx(..)(..)", data, re.DOTALL)
    return (int.from_bytes(box[1], "big"), int.from_bytes(box[2], "big")) if box else (1, 13)


def _of_heif(info: dict[str, Any]) -> Metadata:
    xmp = info.get("xmp")
    return of_parts(info.get("icc_profile"), info.get("exif"), xmp.rstrip(b"\0") if xmp else None)
