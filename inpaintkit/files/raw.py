"""Digital negatives (DNG), developed: camera's white balance, sRGB, 16 bits, no brightening."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import IO

import numpy as np

from inpaintkit.errors import MissingExtraError
from inpaintkit.files import iptc
from inpaintkit.files.decoding import Decoded, RefusedError, check_size, chosen, or_damaged
from inpaintkit.files.metadata import Metadata, of_tiff, with_iptc

_MISSING = 'is a DNG, which needs rawpy: pip install "inpaintkit[raw]"'
_SRGB_GAMMA = (2.4, 12.92)  # exponent and slope near black, IEC 61966-2-1


def decode(file: IO[bytes], *, page: int | None, max_pixels: int) -> Decoded:
    """The picture that the sensor's values make, (H, W, 3) uint16, which the library turns upright.

    Raises
    ------
    MissingExtraError : rawpy is not installed.
    RefusedError : with a reason. Any other exception means a damaged file.
    """
    try:
        import rawpy
    except ImportError as error:
        raise MissingExtraError(_MISSING) from error
    chosen(1, page)
    metadata, _ = or_damaged(lambda: _metadata(file))
    file.seek(0)
    try:
        with rawpy.imread(io.BytesIO(file.read())) as negative:
            check_size((negative.sizes.raw_width, negative.sizes.raw_height), max_pixels)
            pixels = negative.postprocess(
                use_camera_wb=True,
                no_auto_bright=True,
                output_bps=16,
                output_color=rawpy.ColorSpace.sRGB,
                gamma=_SRGB_GAMMA,
            )
    except (rawpy.LibRawFileUnsupportedError, rawpy.NotSupportedError) as error:
        raise RefusedError("is a DNG of a kind that LibRaw does not read: develop it to a 16-bit TIFF") from error
    except rawpy.LibRawError as error:  # whose text is bytes
        raise ValueError(error.args[0].decode() if error.args else "LibRaw") from error
    return Decoded(np.asarray(pixels), metadata)


def _metadata(file: IO[bytes]) -> tuple[Metadata, int]:
    """What the first directory says of the camera; its profile is of a preview."""
    import tifffile

    file.seek(0)
    tif = tifffile.TiffFile(file)
    sheet = tif.pages[0].aspage()
    metadata, orientation = of_tiff(file, sheet.offset, endian=tif.byteorder, big=tif.is_bigtiff)
    return with_iptc(replace(metadata, icc=None), iptc.of_page(sheet)), orientation
