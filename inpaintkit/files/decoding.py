"""What the decoders share: refusals, bounds, silence, and Pillow's pixels."""

from __future__ import annotations

import io
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit.files.metadata import Metadata, png_chunks
from inpaintkit.files.silence import quiet

Pixels = NDArray[Any]

UPRIGHT = {  # orientation -> how to turn the pixels upright
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels.swapaxes(0, 1)[:, ::-1],
    7: lambda pixels: pixels.swapaxes(0, 1)[::-1, ::-1],
    8: lambda pixels: pixels.swapaxes(0, 1)[::-1],
}
PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")  # chunks that make pixels
_LOCK = threading.Lock()
_levels: list[int] = []  # OpenCV's level as it was, once for every thread that decodes


class RefusedError(ValueError):
    """The file is sound but cannot be read here; the message says why. Any other exception means a damaged file."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """What a decoder gives: pixels as stored, (H, W) or (H, W, C), and what they are.

    ``channels`` is "alpha" where the last channel is opacity; ``nodata`` is the value that stands for missing pixels;
    ``pages`` is how many the file has.
    """

    pixels: Pixels
    metadata: Metadata
    orientation: int = 1
    channels: Literal["alpha", "bands"] = "bands"
    nodata: float | None = None
    pages: int = 1


def channels_of(pixels: Pixels) -> Literal["alpha", "bands"]:
    """What the last channel is in formats that know grey, RGB, and either with alpha."""
    return "alpha" if pixels.ndim == 3 and pixels.shape[2] in (2, 4) else "bands"


def or_damaged(reads: Callable[[], tuple[Metadata, int]]) -> tuple[Metadata, int]:
    """A picture's metadata and orientation; where these are damaged, the pixels alone may still be read."""
    try:
        with quiet():
            return reads()
    except Exception:
        return Metadata(damaged=True), 1


def array(image: PILImage.Image, icc: bytes | None) -> Pixels:
    """Pixels of up to 8 bits."""
    mode = image.mode
    if mode == "CMYK":
        image = rgb_of_cmyk(image, icc)
    elif mode in ("P", "PA", "L", "RGB") and "transparency" in image.info:
        image = image.convert("LA" if mode == "L" else "RGBA")
    elif mode in ("P", "PA", "1"):
        image = image.convert({"P": "RGB", "PA": "RGBA", "1": "L"}[mode])
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        raise RefusedError(f"holds {mode} pixels: convert it to grey or RGB first")
    return np.asarray(image)


def rgb_of_cmyk(image: PILImage.Image, icc: bytes | None) -> PILImage.Image:
    """sRGB of inks, by their profile."""
    if not icc:
        raise RefusedError("is CMYK without a profile, so its colours are unknown: convert it to RGB first")
    from PIL import ImageCms

    made = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    if made is None:  # happens only in place
        raise ValueError("its colours cannot be converted")
    return made


def without_cmyk(metadata: Metadata, image: PILImage.Image) -> Metadata:
    """Metadata without the profile of inks, which no longer describes pixels that became sRGB."""
    return replace(metadata, icc=None) if image.mode == "CMYK" else metadata


def at_full_range(pixels: Pixels, depth: int) -> Pixels:
    """Whole numbers of ``depth`` bits stretched to 8 or 16: white is 255 or 65535, and no two values become one."""
    largest = np.iinfo(pixels.dtype).max
    if (1 << depth) - 1 == largest:
        return pixels
    table = (np.arange(1 << depth) * largest * 2 + (1 << depth) - 1) // (2 * ((1 << depth) - 1))
    return table.astype(pixels.dtype)[np.minimum(pixels, (1 << depth) - 1)]


def check_size(size: tuple[int, int], max_pixels: int) -> None:
    """Refuse a header that promises too many pixels, before they are allocated."""
    width, height = size
    if width < 1 or height < 1:
        raise ValueError(f"{width} x {height} pixels")
    if width * height > max_pixels:
        raise RefusedError(
            f"has {width} x {height} pixels, more than {max_pixels}: "
            "if you trust the file, set INPAINTKIT_MAX_PIXELS to as many"
        )


def chosen(pages: int, page: int | None) -> int:
    """Index of the page asked for, counted from 1."""
    if page is None:
        if pages > 1:
            raise RefusedError(
                f"holds {pages} pages: choose one with page=1 to {pages} (for a photo: fill --page N), "
                "or save it as a file of its own"
            )
        return 0
    if not 1 <= page <= pages:
        raise RefusedError(f"holds {pages} page{'s' * (pages > 1)}, page is {page}: choose 1 to {pages}")
    return page - 1


def through_cv2(data: bytes, number: int) -> Pixels:
    """A file's page, counted from 0, as OpenCV decodes it, in our order of colours."""
    with _silent_cv2():
        done, pages = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED, range=(number, number + 1))
    if not done or not pages:
        raise ValueError("its pixels cannot be decoded")
    return swapped(pages[0])


@contextmanager
def _silent_cv2() -> Iterator[None]:
    """OpenCV without its own log, whose level belongs to the process: the last of several threads puts it back."""
    logs: Any = getattr(cv2.utils, "logging", cv2)  # where OpenCV 5 and 4 keep it
    with _LOCK:
        _levels.append(_levels[0] if _levels else logs.setLogLevel(0))
    try:
        yield
    finally:
        with _LOCK:
            level = _levels.pop()
            if not _levels:
                logs.setLogLevel(level)


def swapped(pixels: Pixels) -> Pixels:
    """Pixels with red and blue swapped: OpenCV's order to ours, and back."""
    return pixels if pixels.ndim == 2 or pixels.shape[2] < 3 else pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]


def check_sums(data: bytes) -> None:
    """Compare the checksums of the chunks that make pixels: Pillow does not, and OpenCV would print a complaint."""
    for name, chunk in png_chunks(data):
        if name in PNG_PIXELS and zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            raise ValueError(f"{name.decode()} has a wrong checksum")
