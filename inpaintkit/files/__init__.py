"""Picture files in and out: pixels as they are stored, metadata kept, each file written whole or not at all."""

from __future__ import annotations

import errno
import io
import numbers
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit import atomic
from inpaintkit.errors import InpaintWarning, MissingExtraError
from inpaintkit.files import formats
from inpaintkit.files.decoding import RefusedError
from inpaintkit.files.kinds import FORMATS, READABLE, kind, unwritable, written_as
from inpaintkit.files.metadata import Metadata
from inpaintkit.files.png import MAX_LEVEL
from inpaintkit.files.streams import Stream
from inpaintkit.picture import Picture, mask_of
from inpaintkit.problem import Mask

__all__ = [
    "FORMATS",
    "READABLE",
    "Loaded",
    "Metadata",
    "Stream",
    "check",
    "copy",
    "is_picture",
    "load",
    "max_pixels",
    "read",
    "read_mask",
    "unwritable",
    "write",
    "written_as",
]

_MAX_PIXELS = 178_956_970  # where Pillow, too, speaks of a decompression bomb
_REMEDIES = {
    errno.ENOSPC: "free some space, or name another disk",
    errno.EDQUOT: "free some space, or name another disk",
    errno.EROFS: "name another disk",
    errno.EACCES: "change its permissions, or name another folder",
    errno.EPERM: "change its permissions, or name another folder",
}

Source = str | os.PathLike[str] | IO[bytes] | Stream  # a path, or a file open for reading bytes
Target = str | os.PathLike[str] | IO[bytes] | Stream


@dataclass(frozen=True, eq=False)
class Loaded:
    """A file's content: ``pixels`` as ``read`` gives them, its ``format``, and ``metadata`` to write along.

    ``channels`` is "alpha" where the last channel is opacity, and "bands" where none is; ``nodata`` is the value that
    stands for missing pixels, where the file names one; ``pages`` is how many the file has.
    """

    pixels: NDArray[Any]
    format: str
    metadata: Metadata
    channels: Literal["alpha", "bands"] = "bands"
    nodata: float | None = None
    pages: int = 1

    def growth(self, asked: Any) -> Any:
        """``inpaint``'s ``dilate``: instead of "auto" how far colours have bled, where the file says it."""
        return self.metadata.growth if asked == "auto" and self.metadata.growth is not None else asked


def load(path: Source, *, page: int | None = None) -> Loaded:
    """Pixels and metadata of a picture file, which is recognised by its content, not by its name.

    Read are PNG, JPEG, TIFF, WebP, BMP, AVIF and JPEG XL; HEIC (HEIF), PSD and DNG with the extras ``heif``, ``psd``
    and ``raw``, the last two flattened. The pixels are (H, W) grey or (H, W, C) grey + alpha, RGB or RGBA; uint8 or
    uint16 (10 and 12 bits are stretched to 16), floats from a JPEG XL or a PSD, and from a TIFF any type and any number
    of bands, of which ``channels`` of the result says whether the last is alpha. A palette becomes RGB or RGBA, CMYK
    becomes sRGB by its profile, and a camera's orientation is applied.

    Parameters
    ----------
    path : where the file is, or a file that is open for reading bytes, which is read to its end.
    page : which page of a file that has several, counted from 1.

    Raises
    ------
    FileNotFoundError, OSError : no such file, or it cannot be read.
    MissingExtraError : the format needs an extra that is not installed.
    ValueError : not a picture, a damaged one, several pages without ``page``, or more pixels than
        ``INPAINTKIT_MAX_PIXELS`` (179 million by default).
    """
    path = _place(path)
    if isinstance(path, Path):
        _check_source(path)
    try:
        with _opened(path) as file:
            name = kind(file)
            decoded = formats.decode(file, name, page=page, max_pixels=max_pixels())
    except RefusedError as error:
        raise ValueError(f"{path} {error}") from None
    except MissingExtraError as error:
        raise MissingExtraError(f"{path} {error}") from None
    except MemoryError:
        raise ValueError(f"{path}: there is not enough memory to read it") from None
    except Exception as error:  # whatever a decoder raises
        if isinstance(error, OSError) and error.errno is not None:
            raise _explained(error, f"{path} cannot be read") from error
        raise ValueError(f"{path}: damaged picture file ({_line(error)})") from error
    pixels, metadata = decoded.pixels, decoded.metadata
    if metadata.damaged:
        warnings.warn(f"{path}: its metadata cannot be read and is left out", InpaintWarning, stacklevel=2)
    for note in metadata.notes:
        warnings.warn(f"{path}: {note}", InpaintWarning, stacklevel=2)
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    return Loaded(pixels, name, metadata, decoded.channels, decoded.nodata, decoded.pages)


def read(path: Source, *, page: int | None = None) -> NDArray[Any]:
    """Pixels of a picture file, see ``load``: (H, W) grey or (H, W, C); uint8, uint16 or, from a TIFF, floats.

    Where ``inpaint`` would take the last of the file's plain bands for opacity, a warning says what to pass.
    """
    loaded = load(path, page=page)
    bands = loaded.pixels.shape[2:]
    if loaded.channels == "bands" and bands in ((2,), (4,)):
        text = f'{path}: none of its {bands[0]} bands is alpha: pass channels="bands" to inpaint'
        warnings.warn(text, InpaintWarning, stacklevel=2)
    return loaded.pixels


def is_picture(path: Path) -> bool:
    """Whether a file begins like one of a format that can be read."""
    try:
        with path.open("rb") as file:
            kind(file)
    except RefusedError:
        return False
    return True


def read_mask(path: Source) -> Mask:
    """A mask file's hole, bool (H, W), as its painter or labeller meant it.

    Hole is what is white (half range and above), be it opaque or painted on transparency; what has the one value
    beside 0; and what has the one colour on black or on transparency, as in a file of labels. A file that could be
    meant otherwise is refused with the commands that make a mask of it.

    Raises
    ------
    FileNotFoundError, OSError, ValueError : as ``load``, and for a mask that is not clear.
    """
    path = _place(path)
    loaded = load(path)
    lossless = loaded.format in ("PNG", "BMP", "TIFF") or (loaded.format == "WebP" and not loaded.metadata.sampling)
    try:
        pixels = loaded.pixels
        if pixels.size and (pixels == pixels[:1, :1]).all() and lossless:
            with _opened(path) as file, PILImage.open(file) as image:  # several labels may have one colour
                return mask_of(image if image.mode == "P" else pixels, path=str(path))
        return mask_of(pixels, path=str(path), lossy=not lossless)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def write(
    path: Target,
    image: Any,
    *,
    like: Loaded | None = None,
    backup: Path | None = None,
    format: str | None = None,
    png_level: int | None = None,
) -> None:
    """Write pixels as ``read`` gives them, or a PIL image, in the format that the name says.

    The file appears whole or not at all: it is written beside its place, flushed to the disk, and then renamed.
    Nothing goes into an open file before all of the picture is there.

    Parameters
    ----------
    path : where the file shall be, or a file that is open for writing bytes.
    format : what goes into an open file, which has no name that says it: png, jpeg, tiff, webp or bmp.
    like : the file that the picture was made from: its colour profile, EXIF, resolution and text are written along, as
        far as the format holds them, and from JPEG to JPEG the quantisation and subsampling. Without it there is no
        metadata, and a JPEG has quality 95 without subsampling.
    backup : a further name for the file that is replaced, where there is none of that name yet: given to it when the
        new one is on the disk.
    png_level : how much time to spend on a smaller PNG: 0 none at all, 12 the most; None: 5, or 1 where
        that makes it hardly larger. Other formats have none.

    Raises
    ------
    ValueError : the name is of no format, or its format cannot hold the pixels; nothing is converted silently. A level
        out of range, or for another format than PNG.
    OSError : the folder or the file cannot be written, is a symbolic link, or the disk is full.
    """
    path = _place(path, format)
    name, picture = _checked(path, image, like)
    if png_level is not None:
        _check_level(path, name, png_level)
    data = _encoded(path, name, picture, like.metadata if like else Metadata(), png_level)
    try:
        if isinstance(path, Stream):
            path.write(data)
        else:
            atomic.write_bytes(path, data, backup=backup)
    except OSError as error:
        raise _explained(error, f"{path} cannot be written") from error


def check(path: Target, image: Any, *, like: Loaded | None = None, format: str | None = None) -> None:
    """Raise what ``write`` would raise about the name, the folder and the pixels: good to know before a long fill."""
    _checked(_place(path, format), image, like)


def _place(path: Target, format: str | None = None) -> Path | Stream:
    """A path, or an open file with the ending that a format's name is."""
    if isinstance(path, Stream):
        return path
    if isinstance(path, (str, os.PathLike)):
        if format is not None:
            raise ValueError(f"{path}: its ending says the format, so give no format={format!r}")
        return Path(path)
    return Stream(path, str(getattr(path, "name", "the open file")), f".{format}" if format else "")


@contextmanager
def _opened(path: Path | Stream) -> Iterator[IO[bytes]]:
    """The file, open at its beginning."""
    if isinstance(path, Stream):
        yield io.BytesIO(path.content)
        return
    with path.open("rb") as file:
        yield file


def _checked(path: Path | Stream, image: Any, like: Loaded | None) -> tuple[str, Picture]:
    """The format, and a picture that it can hold."""
    name = FORMATS.get(path.suffix.lower())
    if name is None and isinstance(path, Stream):
        raise ValueError(f"{path} has no ending that says the format: give format='png', jpeg, tiff, webp or bmp")
    if name is None:
        raise ValueError(unwritable(path))
    picture = _like(image, like)
    if isinstance(path, Path):
        _check_target(path)
    try:
        formats.check(name, picture.pixels, alpha=picture.alpha)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return name, picture


def _like(image: Any, like: Loaded | None) -> Picture:
    """The picture with its channels as those of the file that it was made from, where it has as many."""
    picture = Picture.of(image)
    before = like.pixels.shape[2] if like and like.pixels.ndim == 3 else 1
    return Picture.of(picture.pixels, like.channels) if like and picture.pixels.shape[2] == before else picture


def _check_level(path: Path | Stream, name: str, level: int) -> None:
    if name != "PNG":
        raise ValueError(f"{path}: png_level (--png-level) is for PNG, not for {name}: leave it out, or name a .png")
    if isinstance(level, bool) or not isinstance(level, numbers.Integral) or not 0 <= level <= MAX_LEVEL:
        raise ValueError(f"png_level is {level!r}: give a whole number from 0, fastest, to {MAX_LEVEL}, smallest")


def _encoded(path: Path | Stream, name: str, picture: Picture, metadata: Metadata, level: int | None) -> bytes:
    try:
        return formats.encode(name, picture.pixels, metadata, alpha=picture.alpha, level=level)
    except Exception as error:  # bad metadata must not cost the picture
        if metadata == Metadata():
            raise ValueError(f"{path}: the picture cannot be encoded ({_line(error)})") from error
        warnings.warn(
            f"{path}: the source's metadata cannot be written and is left out ({_line(error)})",
            InpaintWarning,
            stacklevel=3,
        )
        return _encoded(path, name, picture, Metadata(), level)


def copy(source: Path | Stream, target: Path | Stream) -> None:
    """Copy a file as it is to another place, whole or not at all."""
    data = source.content if isinstance(source, Stream) else source.read_bytes()
    if isinstance(target, Stream):
        target.write(data)
    else:
        _check_target(target)
        atomic.write_bytes(target, data)


def _check_source(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a picture file")
    if not path.is_file():
        raise ValueError(f"{path} is not an ordinary file: save the picture to one first")


def _check_target(path: Path) -> None:
    if path.is_symlink():
        raise OSError(f"{path} is a symbolic link to {path.resolve()}: name that file instead")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is not a folder: make it first")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file")
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is not an ordinary file: name another")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"{path} is read-only: change its permissions, or name another file")


def max_pixels() -> int:
    """How many pixels a picture may have: ``INPAINTKIT_MAX_PIXELS``, or 179 million."""
    value = os.environ.get("INPAINTKIT_MAX_PIXELS", str(_MAX_PIXELS))
    if not value.isdecimal() or int(value) < 1:
        raise ValueError(f"INPAINTKIT_MAX_PIXELS is {value!r}: set a number of pixels, e.g. {_MAX_PIXELS}")
    return int(value)


def _explained(error: OSError, what: str) -> OSError:
    """The same kind of error, in one line that says how to go on."""
    remedy = _REMEDIES.get(error.errno or 0)
    explained = type(error)(f"{what}: {error.strerror or _line(error)}{f'; {remedy}' if remedy else ''}")
    explained.errno = error.errno
    return explained


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
