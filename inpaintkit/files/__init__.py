"""Picture files in and out: pixels as they are stored, what else a file told kept, written whole or not at all."""

from __future__ import annotations

import errno
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit.errors import InpaintWarning
from inpaintkit.files import atomic, formats
from inpaintkit.files.metadata import Metadata
from inpaintkit.picture import Picture

READABLE = tuple(formats.FORMATS)
_MOST = 178_956_970  # pixels: where Pillow, too, speaks of a decompression bomb
_NEEDED = "PNG, JPEG, TIFF, WebP or BMP"
_CURES = {
    errno.ENOSPC: "free some space, or name another disk",
    errno.EDQUOT: "free some space, or name another disk",
    errno.EROFS: "name another disk",
    errno.EACCES: "change its permissions, or name another folder",
    errno.EPERM: "change its permissions, or name another folder",
}


@dataclass(frozen=True, eq=False)
class Loaded:
    """What a file held: ``pixels`` as ``read`` gives them, its ``format``, and ``metadata`` for what is written."""

    pixels: NDArray[Any]
    format: str
    metadata: Metadata


def load(path: str | os.PathLike[str], *, page: int | None = None) -> Loaded:
    """Pixels and metadata of a PNG, JPEG, TIFF, WebP or BMP file, told by what it holds and not by its name.

    The pixels are (H, W) grey or (H, W, C) grey + alpha, RGB or RGBA; uint8 or uint16, and floats of a TIFF. A palette
    becomes RGB or RGBA, CMYK becomes sRGB by its profile, and a camera's orientation is applied.

    Parameters
    ----------
    page : which one of a file that holds several, counted from 1.

    Raises
    ------
    FileNotFoundError, OSError : no such file, or it cannot be read.
    ValueError : not a picture, a damaged one, one of several pages without ``page``, or more pixels than
        ``INPAINTKIT_MAX_PIXELS`` (179 million where it is not set).
    """
    path = Path(path)
    most = _most_pixels()
    _check_source(path)
    try:
        with path.open("rb") as file:
            name = formats.kind(file.read(16))
            if name is None:
                raise formats.RefusedError(f"is not a picture that can be read: needed is {_NEEDED}")
            file.seek(0)
            pixels, metadata = formats.decode(file, name, page=page, most=most)
    except formats.RefusedError as error:
        raise ValueError(f"{path} {error}") from None
    except MemoryError:
        raise ValueError(f"{path}: more memory is needed than there is") from None
    except Exception as error:  # whatever a decoder stumbles over
        if isinstance(error, OSError) and error.errno is not None:
            raise _told(error, f"{path} cannot be read") from error
        raise ValueError(f"{path}: damaged picture file ({_line(error)})") from error
    if metadata.damaged:
        warnings.warn(f"{path}: its metadata cannot be read and is left out", InpaintWarning, stacklevel=2)
    return Loaded(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels, name, metadata)


def read(path: str | os.PathLike[str], *, page: int | None = None) -> NDArray[Any]:
    """Pixels of a picture file, as ``load`` tells: (H, W) grey or (H, W, C); uint8, uint16 or, from a TIFF, floats."""
    return load(path, page=page).pixels


def read_mask(path: str | os.PathLike[str]) -> NDArray[Any]:
    """A mask file's pixels as ``inpaint`` takes them: white is hole. Colour is taken for grey where all agree nearly.

    A JPEG mask may differ a little between channels; one that is coloured is an error, as ``inpaint`` says.
    """
    pixels = read(path)
    if pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype.kind == "u":
        nearly = 48 * (np.iinfo(pixels.dtype).max // 255)
        if np.ptp(pixels.astype(np.int32), axis=2).max() <= nearly:
            return pixels[..., 1]
    return pixels


def write(path: str | os.PathLike[str], image: Any, *, like: Loaded | None = None) -> None:
    """Write pixels as ``read`` gives them (or a PIL image) in the format its name tells.

    The file appears whole or not at all: it is written beside its place, flushed to the disk, and then renamed.

    Parameters
    ----------
    like : what the picture was made of: its colour profile, EXIF, resolution and text go along as far as the format
        holds them, and from JPEG to JPEG the quantisation and subsampling. Without it nothing is told, and a JPEG has
        quality 95 without subsampling.

    Raises
    ------
    ValueError : a name or pixels the format cannot hold; nothing is converted silently.
    OSError : a folder or file that cannot be written, a symbolic link, a full disk.
    """
    path = Path(path)
    name, pixels = _checked(path, image)
    data = _encoded(path, name, pixels, like.metadata if like else Metadata())
    try:
        atomic.write_bytes(path, data)
    except OSError as error:
        raise _told(error, f"{path} cannot be written") from error


def check(path: str | os.PathLike[str], image: Any) -> None:
    """Raise what ``write`` would raise of the name, the place and the pixels: worth knowing before a long fill."""
    _checked(Path(path), image)


def _checked(path: Path, image: Any) -> tuple[str, NDArray[Any]]:
    """The format, and pixels (H, W, C) that it can hold."""
    name = formats.FORMATS.get(path.suffix.lower())
    if name is None:
        raise ValueError(f"{path}: the name must end in one of {', '.join(READABLE)}")
    pixels = Picture.of(image).pixels
    _check_target(path)
    try:
        formats.check(name, pixels)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return name, pixels


def _encoded(path: Path, name: str, pixels: NDArray[Any], metadata: Metadata) -> bytes:
    try:
        return formats.encode(name, pixels, metadata)
    except Exception as error:  # what came with the source must not cost the picture
        if metadata == Metadata():
            raise ValueError(f"{path}: the picture cannot be encoded ({_line(error)})") from error
        warnings.warn(
            f"{path}: the source's metadata cannot be written and is left out ({_line(error)})",
            InpaintWarning,
            stacklevel=3,
        )
        return _encoded(path, name, pixels, Metadata())


def copy(source: Path, target: Path) -> None:
    """A file as it is under another name, whole or not at all."""
    _check_target(target)
    atomic.write_bytes(target, source.read_bytes())


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


def _most_pixels() -> int:
    told = os.environ.get("INPAINTKIT_MAX_PIXELS", str(_MOST))
    if not told.isdecimal() or int(told) < 1:
        raise ValueError(f"INPAINTKIT_MAX_PIXELS is {told!r}: set a number of pixels, e.g. {_MOST}")
    return int(told)


def _told(error: OSError, what: str) -> OSError:
    """The same kind of error, in one line that says how to go on."""
    cure = _CURES.get(error.errno or 0)
    told = type(error)(f"{what}: {error.strerror or _line(error)}{f'; {cure}' if cure else ''}")
    told.errno = error.errno
    return told


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
