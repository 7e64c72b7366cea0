"""Picture files in and out: pixels as they are stored, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage
from PIL import ImageOps, UnidentifiedImageError

from inpaintkit.picture import Picture

READABLE = (".png", ".jpg", ".jpeg")
_PNG = b"\x89PNG\r\n\x1a\n"


def read(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Pixels of a PNG or JPEG file: (H, W) grey or (H, W, C); uint8, or uint16 for a 16-bit PNG.

    A palette becomes RGB or RGBA; a camera's orientation is applied.

    Raises
    ------
    FileNotFoundError, ValueError : no such file, or not a picture that can be read.
    """
    path = Path(path)
    with _opened(path) as image:
        if _is_deep_colour(path):  # Pillow would give these as 8-bit
            pixels = cv2.imread(os.fspath(path), cv2.IMREAD_UNCHANGED)
            if pixels is None:
                raise ValueError(f"{path}: damaged picture file")
            return np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[..., _swapped(pixels.shape[2])])
        try:
            upright = ImageOps.exif_transpose(image)
            if upright.mode == "CMYK":
                raise ValueError(f"{path} is CMYK: convert it to RGB with its profile first")
            if upright.mode == "P":
                upright = upright.convert("RGBA" if "transparency" in upright.info else "RGB")
            picture = Picture.of(upright).pixels
        except (OSError, SyntaxError) as error:
            raise ValueError(f"{path}: damaged picture file ({error})") from error
    return picture[..., 0] if picture.shape[2] == 1 else picture


def read_mask(path: str | os.PathLike[str]) -> NDArray[Any]:
    """A mask file's pixels as ``inpaint`` takes them: white is hole. Colour is taken for grey where all agree nearly.

    A JPEG mask may differ a little between channels; one that is coloured is an error, as ``inpaint`` says.
    """
    pixels = read(path)
    if pixels.ndim == 3 and pixels.shape[2] == 3 and np.ptp(pixels.astype(np.int32), axis=2).max() <= 48:
        return pixels[..., 1]
    return pixels


def write(path: str | os.PathLike[str], image: Any) -> None:
    """Write pixels as ``read`` gives them (or a PIL image) to a PNG or JPEG file, chosen by its name.

    The file appears whole or not at all: it is written beside its place and then renamed.

    Raises
    ------
    ValueError : a name or pixels the format cannot hold; nothing is converted silently.
    """
    path = Path(path)
    if path.suffix.lower() not in READABLE:
        raise ValueError(f"{path}: the name must end in one of {', '.join(READABLE)}")
    picture = Picture.of(image)
    pixels = picture.pixels
    if pixels.dtype.name not in ("uint8", "uint16"):
        raise ValueError(f"{path}: {pixels.dtype} pixels do not fit; convert to uint8 or uint16 first")
    jpeg = path.suffix.lower() != ".png"
    if jpeg and (picture.alpha or pixels.dtype != np.uint8):
        what = "an alpha channel" if picture.alpha else "16 bits"
        raise ValueError(f"{path}: JPEG cannot hold {what}; name the output .png")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is not a folder: make it first")
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        _save(Path(name), pixels, jpeg=jpeg)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp makes it private
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _save(path: Path, pixels: NDArray[Any], *, jpeg: bool) -> None:
    channels = pixels.shape[2]
    if pixels.dtype == np.uint16 and channels > 1:
        if channels == 2:
            raise ValueError("16-bit grey with alpha cannot be written: drop alpha, or convert to RGBA")
        done, data = cv2.imencode(".png", pixels[..., _swapped(channels)])
        if not done:
            raise ValueError("the picture could not be encoded")
        path.write_bytes(data.tobytes())
        return
    image = PILImage.fromarray(pixels[..., 0] if channels == 1 else pixels)
    if jpeg:
        image.save(path, quality=95, subsampling=0)
    else:
        image.save(path)


def _opened(path: Path) -> PILImage.Image:
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a picture file")
    try:
        image = PILImage.open(path)
    except UnidentifiedImageError:
        raise ValueError(f"{path} is not a picture that can be read") from None
    except PILImage.DecompressionBombError as error:
        raise ValueError(f"{path}: {error}") from error
    if image.format not in ("PNG", "JPEG", "MPO"):
        raise ValueError(f"{path} is {image.format}: needed is PNG or JPEG")
    return image


def _is_deep_colour(path: Path) -> bool:
    """Whether a PNG stores 16 bits of colour or of grey with alpha (header: depth at byte 24, colour type at 25)."""
    with path.open("rb") as file:
        head = file.read(26)
    return head.startswith(_PNG) and len(head) == 26 and head[24] == 16 and head[25] != 0


def _swapped(channels: int) -> list[int]:
    """OpenCV's blue, green, red to red, green, blue, and back."""
    return [2, 1, 0, 3][:channels]
