"""The picture formats: pixels and metadata out of an open file, and into bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import IO, Any

import numpy as np
from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL import Image as PILImage

from inpaintkit.errors import InpaintWarning
from inpaintkit.files import heif, iptc, jpegxl, png, psd, raw, tiff
from inpaintkit.files.decoding import (
    PNG_PIXELS,
    UPRIGHT,
    Decoded,
    Pixels,
    RefusedError,
    array,
    channels_of,
    check_size,
    check_sums,
    chosen,
    or_damaged,
    through_cv2,
    without_cmyk,
)
from inpaintkit.files.metadata import Metadata, of_pillow, png_chunks, png_colour
from inpaintkit.files.silence import quiet

_IEND = b"\0\0\0\0IEND\xaeB`\x82"
_PLUGINS: dict[str, Any] = {  # taken by name: PIL.Image.open has a limit of its own, and many more formats
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
_DECODERS: dict[str, Callable[..., Decoded]] = {
    "TIFF": tiff.decode,
    "HEIF": heif.decode_heif,
    "AVIF": heif.decode_avif,
    "JPEG XL": jpegxl.decode,
    "PSD": psd.decode,
    "DNG": raw.decode,
}
_DEPTHS = {  # what each can hold
    **dict.fromkeys(("JPEG", "WebP", "BMP"), ("uint8",)),
    "PNG": ("uint8", "uint16"),
    "TIFF": tiff.DTYPES,
}
_MAX_SIDE = {"JPEG": 65500, "WebP": 16383}  # pixels


def decode(file: IO[bytes], name: str, *, page: int | None, max_pixels: int) -> Decoded:
    """An open file of at most ``max_pixels``, its pixels turned upright.

    Raises
    ------
    RefusedError : with a reason. Any other exception means a damaged file.
    """
    if name in _DECODERS:
        decoded = _DECODERS[name](file, page=page, max_pixels=max_pixels)
    else:
        pixels, metadata, orientation, pages = _plain(file, name, page=page, max_pixels=max_pixels)
        decoded = Decoded(pixels, metadata, orientation, channels_of(pixels), pages=pages)
    upright = np.ascontiguousarray(UPRIGHT[decoded.orientation](decoded.pixels))
    return replace(decoded, pixels=upright, orientation=1)


def check(name: str, pixels: Pixels, *, alpha: bool) -> None:
    """Raise ValueError where a format cannot hold the pixels, (H, W, C); nothing is converted silently.

    ``alpha`` says whether the last channel is opacity.
    """
    channels = pixels.shape[2]
    if pixels.dtype.name not in _DEPTHS[name]:
        png = pixels.dtype.name in _DEPTHS["PNG"]
        instead = "name the output .png or .tif" if png else "name the output .tif"
        fitting = " or ".join(_DEPTHS[name])
        what = "16 bits" if pixels.dtype == np.uint16 else f"{pixels.dtype} pixels"
        raise ValueError(f"{name} cannot hold {what}; {instead}, or convert to {fitting} first")
    if name != "TIFF" and channels - alpha not in (1, 3):
        bands = f"{channels - alpha} bands{' and alpha' * alpha}"
        raise ValueError(f"{name} cannot hold {bands}: it knows grey and RGB; name the output .tif")
    if name in ("JPEG", "BMP") and alpha:
        raise ValueError(f"{name} cannot hold an alpha channel; name the output .png")
    if name == "PNG" and channels == 2 and pixels.dtype == np.uint16:
        raise ValueError(
            "16-bit grey with alpha cannot be written: drop alpha, convert to RGBA, or name the output .tif"
        )
    if max(pixels.shape[:2]) > _MAX_SIDE.get(name, 1 << 31):
        raise ValueError(f"{name} holds {_MAX_SIDE[name]} pixels a side, not {max(pixels.shape)}; name the output .png")


def encode(name: str, pixels: Pixels, metadata: Metadata, *, alpha: bool, level: int | None = None) -> bytes:
    """A file's bytes for pixels, (H, W, C), that have passed ``check``; ``level`` is of a PNG's compression."""
    channels = pixels.shape[2]
    if name == "TIFF":
        return tiff.encode(pixels, metadata, alpha=alpha)
    if metadata.tiff and metadata.tiff.names:
        lost = ", ".join(metadata.tiff.names)
        text = f"{name} cannot hold what the TIFF says of {lost}, which is left out; name the output .tif"
        warnings.warn(text, InpaintWarning, stacklevel=4)
    if name == "PNG":
        return _png_bytes(pixels, metadata, level)
    options: dict[str, Any]
    if name == "JPEG":
        options = metadata.to_jpeg(channels)
        captions = options.pop("iptc", None)
        jpeg = _saved(pixels, name, options)
        return iptc.into_jpeg(jpeg, captions) if captions else jpeg
    if metadata.iptc:
        text = f"{name} cannot hold IPTC (captions, keywords), which is left out; name the output .png, .jpg or .tif"
        warnings.warn(text, InpaintWarning, stacklevel=4)
    if name == "WebP":
        options = metadata.to_webp(channels) | {"lossless": True, "exact": True}  # exact: colours under alpha 0 stay
    else:
        if metadata.fits(channels):
            warnings.warn(
                "BMP cannot hold the colour profile, which is left out; name the output .png",
                InpaintWarning,
                stacklevel=3,
            )
        options = {"dpi": metadata.dpi} if metadata.dpi else {}
    return _saved(pixels, name, options)


# Reading


def _plain(file: IO[bytes], name: str, *, page: int | None, max_pixels: int) -> tuple[Pixels, Metadata, int, int]:
    """Read a format that Pillow reads: pixels, metadata, orientation, and how many pages the file has."""
    with quiet():
        image = _PLUGINS[name](file)
        check_size(image.size, max_pixels)
        frames = getattr(image, "n_frames", 1) if name in ("WebP", "PNG") else 1
        number = chosen(frames, page)
        if number:
            image.seek(number)
    if name == "PNG":
        return (*_png(file, image, number), frames)
    image.load()
    with quiet():
        metadata, orientation = or_damaged(lambda: of_pillow(image))
    if name == "WebP" and not _is_lossless_webp(file):
        metadata = replace(metadata, sampling=(2, 2))
    if name == "BMP" and image.mode == "1" and _bits_of_bmp(file) > 1:
        file.seek(0)  # Pillow takes a palette of black and white for single bits
        grey = through_cv2(file.read(), 0)
        return grey if grey.ndim == 2 else grey[..., 0], metadata, orientation, frames
    return array(image, metadata.icc), without_cmyk(metadata, image), orientation, frames


def _png(file: IO[bytes], image: PILImage.Image, number: int) -> tuple[Pixels, Metadata, int]:
    """Read a PNG that Pillow has opened."""
    at = file.tell()  # where Pillow goes on
    file.seek(0)
    data = file.read()
    file.seek(at)
    pixels = png.plain_pixels(data)
    if pixels is not None:
        with quiet():
            image = PngImagePlugin.PngImageFile(io.BytesIO(png.without_pixels(data)))
    image.load()
    with quiet():
        metadata, orientation = or_damaged(lambda: of_pillow(image))
    check_sums(data)
    metadata = replace(metadata, png_colour=png_colour(data))
    if pixels is not None:
        return pixels, metadata, orientation
    if data[24] < 16:
        return array(image, metadata.icc), metadata, orientation
    if number:
        raise RefusedError("is animated at 16 bits, of which only page 1 can be read: save the others by themselves")
    return _deep_png(data), metadata, orientation


def _is_lossless_webp(file: IO[bytes]) -> bool:
    """Whether the pixels of a WebP file are stored without loss: in a chunk VP8L."""
    file.seek(0)
    data, at = file.read(), 12
    while at + 8 <= len(data) and data[at : at + 4] not in (b"VP8L", b"VP8 "):
        at += 8 + (int.from_bytes(data[at + 4 : at + 8], "little") + 1) // 2 * 2  # chunks begin at even bytes
    return data[at : at + 4] == b"VP8L"


def _bits_of_bmp(file: IO[bytes]) -> int:
    """Bits of a pixel; OS/2's short header has them further ahead."""
    file.seek(14)
    head = file.read(16)
    return int.from_bytes(head[10:12] if head[0] == 12 else head[14:16], "little")


def _deep_png(data: bytes) -> Pixels:
    """16 bits as they are stored; Pillow gives colours as 8 bits. It has checked that the file is whole."""
    parts = [
        chunk for name, chunk in png_chunks(data) if name in PNG_PIXELS
    ]  # without what would turn or tint the pixels
    return through_cv2(b"".join((png.SIGNATURE, *parts, _IEND)), 0)


# Writing


def _saved(pixels: Pixels, name: str, options: dict[str, Any]) -> bytes:
    image = PILImage.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def _png_bytes(pixels: Pixels, metadata: Metadata, level: int | None) -> bytes:
    channels = pixels.shape[2]
    colour = metadata.png_colour if channels > 2 or metadata.icc == metadata.fits(channels) else b""
    small = _saved(np.zeros((1, 1, channels), np.uint8), "PNG", metadata.to_png(channels))  # for what it says
    chunks = [chunk for name, chunk in png_chunks(small) if name not in (b"IHDR", b"IDAT", b"IEND")]
    return png.encode(pixels, level=level, chunks=b"".join((colour, *chunks)))
