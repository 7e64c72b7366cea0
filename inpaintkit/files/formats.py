"""The picture formats: pixels and metadata out of an open file, and into bytes."""

from __future__ import annotations

import io
import logging
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from PIL import Image as PILImage

from inpaintkit.errors import InpaintWarning
from inpaintkit.files.metadata import GROUPS, Metadata, of_pillow, of_tiff, png_chunks, png_colour

if TYPE_CHECKING:
    from tifffile import TiffPage

Pixels = NDArray[Any]

FORMATS = {
    **dict.fromkeys((".jpg", ".jpeg"), "JPEG"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    ".png": "PNG",
    ".webp": "WebP",
    ".bmp": "BMP",
}
_PNG = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
_IEND = b"\0\0\0\0IEND\xaeB`\x82"
_STARTS = {
    _PNG: "PNG",
    b"\xff\xd8\xff": "JPEG",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF"),
    b"BM": "BMP",
}
_PLUGINS: dict[str, Any] = {  # taken by name: PIL.Image.open has a limit of its own, and many more formats
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
}
_DEPTHS = {  # what each can hold
    **dict.fromkeys(("JPEG", "WebP", "BMP"), ("uint8",)),
    "PNG": ("uint8", "uint16"),
    "TIFF": ("uint8", "uint16", "float16", "float32", "float64"),
}
_MAX_SIDE = {"JPEG": 65500, "WebP": 16383}  # pixels
_UPRIGHT = {  # orientation -> how to turn the pixels upright
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels.swapaxes(0, 1)[:, ::-1],
    7: lambda pixels: pixels.swapaxes(0, 1)[::-1, ::-1],
    8: lambda pixels: pixels.swapaxes(0, 1)[::-1],
}
_STORED, _DEFLATE, _PACKBITS = 1, (8, 32946), 32773  # TIFF compressions that need no library beside tifffile
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2  # TIFF's words for what samples mean
_LOCK = threading.RLock()


class RefusedError(ValueError):
    """The file is sound but cannot be read here; the message says why. Any other exception means a damaged file."""


def kind(head: bytes) -> str | None:
    """The format that a file's first bytes show."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return next((name for start, name in _STARTS.items() if head.startswith(start)), None)


def decode(file: IO[bytes], name: str, *, page: int | None, max_pixels: int) -> tuple[Pixels, Metadata]:
    """Upright pixels, (H, W) or (H, W, C), and metadata of an open file of at most ``max_pixels``.

    Raises
    ------
    RefusedError : with a reason. Any other exception means a damaged file.
    """
    pixels, metadata, orientation = (_tiff if name == "TIFF" else _plain)(file, name, page=page, max_pixels=max_pixels)
    return np.ascontiguousarray(_UPRIGHT[orientation](pixels)), metadata


def check(name: str, pixels: Pixels) -> None:
    """Raise ValueError where a format cannot hold the pixels, (H, W, C); nothing is converted silently."""
    channels = pixels.shape[2]
    if pixels.dtype.name not in _DEPTHS[name]:
        instead = "name the output .tif" if pixels.dtype.kind == "f" else "name the output .png or .tif"
        fitting = " or ".join(_DEPTHS[name])
        what = "16 bits" if pixels.dtype == np.uint16 else f"{pixels.dtype} pixels"
        raise ValueError(f"{name} cannot hold {what}; {instead}, or convert to {fitting} first")
    if name in ("JPEG", "BMP") and channels in (2, 4):
        raise ValueError(f"{name} cannot hold an alpha channel; name the output .png")
    if name == "PNG" and channels == 2 and pixels.dtype == np.uint16:
        raise ValueError(
            "16-bit grey with alpha cannot be written: drop alpha, convert to RGBA, or name the output .tif"
        )
    if max(pixels.shape[:2]) > _MAX_SIDE.get(name, 1 << 31):
        raise ValueError(f"{name} holds {_MAX_SIDE[name]} pixels a side, not {max(pixels.shape)}; name the output .png")


def encode(name: str, pixels: Pixels, metadata: Metadata) -> bytes:
    """A file's bytes for pixels, (H, W, C), that have passed ``check``."""
    channels = pixels.shape[2]
    if name == "TIFF":
        return _tiff_bytes(pixels, metadata)
    if name == "PNG":
        return _png_bytes(pixels, metadata)
    options: dict[str, Any]
    if name == "JPEG":
        options = metadata.to_jpeg(channels)
    elif name == "WebP":
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


def _plain(file: IO[bytes], name: str, *, page: int | None, max_pixels: int) -> tuple[Pixels, Metadata, int]:
    """Read any format but TIFF."""
    with _quiet():
        image = _PLUGINS[name](file)
        check_size(image.size, max_pixels)
        frames = getattr(image, "n_frames", 1) if name in ("WebP", "PNG") else 1
        number = _chosen(frames, page)
        if number:
            image.seek(number)
    image.load()
    with _quiet():
        metadata, orientation = _or_damaged(lambda: of_pillow(image))
    if name != "PNG":
        return _array(image, metadata.icc), _without_cmyk(metadata, image), orientation
    file.seek(0)
    data = file.read()
    _check_sums(data)
    metadata = replace(metadata, png_colour=png_colour(data))
    if data[24] < 16:
        return _array(image, metadata.icc), metadata, orientation
    if number:
        raise RefusedError("is animated at 16 bits, of which only page 1 can be read: save the others by themselves")
    return _deep_png(data), metadata, orientation


def _check_sums(data: bytes) -> None:
    """Compare the checksums of the chunks that make pixels: Pillow does not, and OpenCV would print a complaint."""
    for name, chunk in png_chunks(data):
        if name in _PIXELS and zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            raise ValueError(f"{name.decode()} has a wrong checksum")


def _deep_png(data: bytes) -> Pixels:
    """16 bits as they are stored; Pillow gives colours as 8 bits. It has checked that the file is whole."""
    parts = [chunk for name, chunk in png_chunks(data) if name in _PIXELS]  # without what would turn or tint the pixels
    return _through_cv2(b"".join((_PNG, *parts, _IEND)), 0)


def _tiff(file: IO[bytes], name: str, *, page: int | None, max_pixels: int) -> tuple[Pixels, Metadata, int]:
    """Read up to 8 bits with Pillow, more with tifffile, or with OpenCV where the compression needs it."""
    import tifffile

    with _quiet():
        tif = tifffile.TiffFile(file)
        number = _chosen(len(tif.pages), page)
        sheet = tif.pages[number].aspage()
        check_size((sheet.imagewidth, sheet.imagelength), max_pixels)
        check_size((sheet.tilewidth or 1, sheet.tilelength or 1), max_pixels)
        if len(sheet.dataoffsets) < np.prod(sheet.chunked):  # they would be read as zeros
            raise ValueError("strips are missing")
        metadata, orientation = _or_damaged(
            lambda: of_tiff(file, sheet.offset, endian=tif.byteorder, big=tif.is_bigtiff)
        )
        if int(np.max(sheet.bitspersample)) > 8:
            return _deep_tiff(file, sheet, number), metadata, orientation
        file.seek(0)
        image = TiffImagePlugin.TiffImageFile(file)
        image.seek(number)
        image.load()
    return _array(image, metadata.icc), _without_cmyk(metadata, image), 1  # Pillow turns a TIFF itself


def _deep_tiff(file: IO[bytes], sheet: TiffPage, number: int) -> Pixels:
    _check_deep(sheet)
    simple = sheet.compression in (_STORED, *_DEFLATE, _PACKBITS) and sheet.predictor in (1, 2)
    if not simple:
        if sheet.photometric == _WHITE_IS_ZERO:
            raise RefusedError(
                f"holds 16 bits, white as 0, compressed by {_word(sheet.compression)}: save it uncompressed"
            )
        file.seek(0)
        pixels = _through_cv2(file.read(), number)
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
    if kind not in _DEPTHS["TIFF"]:
        raise RefusedError(f"holds {kind} samples of {sheet.bitspersample} bits: expected {', '.join(_DEPTHS['TIFF'])}")
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


def _through_cv2(data: bytes, number: int) -> Pixels:
    logs: Any = getattr(cv2.utils, "logging", cv2)  # where OpenCV 5 and 4 keep it
    with _quiet():
        level = logs.setLogLevel(0)
        try:
            done, pages = cv2.imdecodemulti(
                np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED, range=(number, number + 1)
            )
        finally:
            logs.setLogLevel(level)
    if not done or not pages:
        raise ValueError("its pixels cannot be decoded")
    return _swapped(pages[0])


def _or_damaged(reads: Callable[[], tuple[Metadata, int]]) -> tuple[Metadata, int]:
    """A picture's metadata and orientation; where these are damaged, the pixels alone may still be read."""
    try:
        return reads()
    except Exception:
        return Metadata(damaged=True), 1


def _array(image: PILImage.Image, icc: bytes | None) -> Pixels:
    """Pixels of up to 8 bits."""
    mode = image.mode
    if mode == "CMYK":
        image = _rgb_of_cmyk(image, icc)
    elif mode in ("P", "PA", "L", "RGB") and "transparency" in image.info:
        image = image.convert("LA" if mode == "L" else "RGBA")
    elif mode in ("P", "PA", "1"):
        image = image.convert({"P": "RGB", "PA": "RGBA", "1": "L"}[mode])
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        raise RefusedError(f"holds {mode} pixels: convert it to grey or RGB first")
    return np.asarray(image)


def _rgb_of_cmyk(image: PILImage.Image, icc: bytes | None) -> PILImage.Image:
    if not icc:
        raise RefusedError("is CMYK without a profile, so its colours are unknown: convert it to RGB first")
    from PIL import ImageCms

    made = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    if made is None:  # happens only in place
        raise ValueError("its colours cannot be converted")
    return made


def _without_cmyk(metadata: Metadata, image: PILImage.Image) -> Metadata:
    """Metadata without the profile of inks, which no longer describes pixels that became sRGB."""
    return replace(metadata, icc=None) if image.mode == "CMYK" else metadata


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


def _chosen(pages: int, page: int | None) -> int:
    """Index of the page asked for, counted from 1."""
    if page is None:
        if pages > 1:
            raise RefusedError(f"holds {pages} pages: choose one with page=1 to {pages} (--page)")
        return 0
    if not 1 <= page <= pages:
        raise RefusedError(f"holds {pages} page{'s' * (pages > 1)}, page is {page}: choose 1 to {pages}")
    return page - 1


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what libraries print about a damaged file, which we report in one line. One thread at a time."""
    logs = [logging.getLogger(name) for name in ("tifffile", "PIL.TiffImagePlugin")]
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = [log.disabled for log in logs]
        try:
            for log in logs:
                log.disabled = True
            yield
        finally:
            for log, disabled in zip(logs, before, strict=True):
                log.disabled = disabled


# Writing


def _saved(pixels: Pixels, name: str, options: dict[str, Any]) -> bytes:
    image = PILImage.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def _png_bytes(pixels: Pixels, metadata: Metadata) -> bytes:
    channels = pixels.shape[2]
    options = metadata.to_png(channels)
    colour = metadata.png_colour if channels > 2 or metadata.icc == metadata.fits(channels) else b""
    if pixels.dtype == np.uint8:
        return _with_chunks(_saved(pixels, "PNG", options), colour)
    done, data = cv2.imencode(".png", _swapped(pixels))
    if not done:
        raise ValueError("the picture could not be encoded")
    small = _saved(np.zeros((1, 1, channels), np.uint8), "PNG", options)  # Pillow writes what OpenCV cannot
    replaced = (b"IHDR", b"IDAT", b"IEND")
    chunks = [chunk for name, chunk in png_chunks(small) if name not in replaced]
    return _with_chunks(data.tobytes(), b"".join((colour, *chunks)))


def _with_chunks(png: bytes, chunks: bytes) -> bytes:
    """The file with further chunks after its header."""
    return png[:33] + chunks + png[33:]


def _tiff_bytes(pixels: Pixels, metadata: Metadata) -> bytes:
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


def _swapped(pixels: Pixels) -> Pixels:
    """Pixels with red and blue swapped: OpenCV's order to ours, and back."""
    return pixels if pixels.ndim == 2 or pixels.shape[2] < 3 else pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
