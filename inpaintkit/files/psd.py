"""Photoshop documents (PSD, PSB), flattened: the picture that Photoshop stores beside the layers."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import IO, Any, Literal

import numpy as np
from PIL import Image as PILImage

from inpaintkit.errors import MissingExtraError
from inpaintkit.files.decoding import Decoded, Pixels, RefusedError, check_size, chosen, or_damaged, rgb_of_cmyk
from inpaintkit.files.metadata import Metadata, of_parts
from inpaintkit.files.silence import quiet

_MISSING = 'is a Photoshop document, which needs psd-tools: pip install "inpaintkit[psd]"'
_BITMAP, _GREY, _INDEXED, _RGB, _CMYK, _DUOTONE = 0, 1, 2, 3, 4, 8  # colour modes
_COLOURS = {_BITMAP: 1, _GREY: 1, _INDEXED: 1, _RGB: 3, _CMYK: 4, _DUOTONE: 1}  # channels of each
_DTYPES = {8: ">u1", 16: ">u2", 32: ">f4"}
_STORED, _PACKBITS, _ZIP = 0, 1, 2  # compressions
_RESOLUTION, _IPTC, _ICC, _ALPHA_NUMBERS, _VERSION, _EXIF, _XMP = 1005, 1028, 1039, 1053, 1057, 1058, 1060  # resources


def decode(file: IO[bytes], *, page: int | None, max_pixels: int) -> Decoded:
    """The stored composite; ink becomes sRGB by the document's profile, transparency alpha.

    Raises
    ------
    MissingExtraError : psd-tools is not installed.
    RefusedError : with a reason. Any other exception means a damaged file.
    """
    try:
        from psd_tools.psd import PSD
        from psd_tools.psd.header import FileHeader
    except ImportError as error:
        raise MissingExtraError(_MISSING) from error
    with quiet():
        header = FileHeader.read(file)
        check_size((header.width, header.height), max_pixels)
        chosen(1, page)
        file.seek(0)
        document: Any = PSD.read(file)
    mode = int(header.color_mode)
    if mode not in _COLOURS:
        raise RefusedError(f"is a Photoshop document in {header.color_mode.name}: convert it to RGB")
    resources = document.image_resources
    version = resources.get_data(_VERSION)
    if version is not None and not version.has_composite:
        raise RefusedError("holds layers only: save it with 'Maximize Compatibility', which adds the flattened picture")
    planes = _planes(document.image_data, header)
    metadata, _ = or_damaged(lambda: (_metadata(resources), 1))
    colours, metadata = _colours(planes[..., : _COLOURS[mode]], mode, document, metadata)
    transparency = _transparency(document, mode)
    alpha = planes[..., _COLOURS[mode]] if transparency else None
    left = planes.shape[2] - _COLOURS[mode] - (alpha is not None)
    if left:
        note = f"{left} further channel{'s' * (left > 1)} (saved selections or spot inks) are left out"
        metadata = replace(metadata, notes=(*metadata.notes, note))
    if alpha is None:
        return Decoded(colours, metadata)
    if transparency == "on white":
        colours = _without_white(colours, alpha)
    return Decoded(np.dstack([colours, alpha.astype(colours.dtype)]), metadata, channels="alpha")


def _planes(stored: Any, header: Any) -> Pixels:
    """The composite's channels as they are stored, (H, W, C)."""
    shape = (header.channels, header.height, header.width)
    row = -(-header.width * header.depth // 8)  # bytes
    data = _unpacked(stored, header, row * header.height * header.channels)
    if header.depth == 1:
        bits = np.unpackbits(np.frombuffer(data, np.uint8).reshape(*shape[:2], row), axis=2, count=header.width)
        return np.moveaxis((1 - bits) * np.uint8(255), 0, 2)  # 1 is black
    values = np.frombuffer(data, _DTYPES[header.depth]).reshape(shape)
    return np.moveaxis(values, 0, 2).astype(values.dtype.newbyteorder("="))


def _unpacked(stored: Any, header: Any, size: int) -> bytes:
    """The composite's bytes, of which there must be exactly so many."""
    import imagecodecs

    data, compression = bytes(stored.data), int(stored.compression)
    if compression == _PACKBITS:  # after the length of each row
        table = header.height * header.channels * (2 if header.version == 1 else 4)
        data = bytes(imagecodecs.packbits_decode(data[table:], out=size + 1))
    elif compression == _ZIP:
        data = zlib.decompressobj().decompress(data, size + 1)
    elif compression != _STORED:
        raise RefusedError("stores its flattened picture packed by prediction: save it anew")
    if len(data) != size:
        raise ValueError(f"its picture has {len(data)} bytes instead of {size}")
    return data


def _metadata(resources: Any) -> Metadata:
    """Profile, EXIF, XMP, IPTC and resolution; its thumbnails are resources of other numbers."""
    found = of_parts(*(_bytes(resources.get_data(number)) for number in (_ICC, _EXIF, _XMP, _IPTC)))
    resolution = resources.get_data(_RESOLUTION)
    if resolution is None or resolution.horizontal <= 0 or resolution.vertical <= 0:
        return found
    return replace(found, dpi=(resolution.horizontal / 65536, resolution.vertical / 65536))  # always an inch


def _bytes(data: Any) -> bytes | None:
    return bytes(data) if isinstance(data, (bytes, bytearray, memoryview)) and data else None


def _colours(planes: Pixels, mode: int, document: Any, metadata: Metadata) -> tuple[Pixels, Metadata]:
    """Grey (H, W) or RGB (H, W, 3), and metadata without a profile of inks."""
    if mode == _INDEXED:
        palette = np.frombuffer(document.color_mode_data.value, np.uint8)[:768].reshape(3, 256).T
        return palette[planes[..., 0]], metadata
    if mode == _CMYK:
        return _rgb_of_ink(planes, metadata.icc), replace(metadata, icc=None)
    return (planes if mode == _RGB else planes[..., 0]), metadata


def _rgb_of_ink(planes: Pixels, icc: bytes | None) -> Pixels:
    """sRGB of CMYK, which a document stores with 0 as full ink."""
    if planes.dtype == np.uint8:
        return np.asarray(rgb_of_cmyk(PILImage.fromarray(255 - planes, "CMYK"), icc))
    if planes.dtype != np.uint16 or not icc:
        raise RefusedError("is CMYK of floats or without a profile: convert it to RGB first")
    import imagecodecs

    inks = np.ascontiguousarray(65535 - planes)
    made = imagecodecs.cms_transform(
        inks, icc, imagecodecs.cms_profile("srgb"), colorspace="cmyk", outcolorspace="rgb", outdtype=np.uint16
    )
    return np.asarray(made)


def _transparency(document: Any, mode: int) -> Literal["on white", "straight", ""]:
    """How the first channel after the colours says how opaque the composite is: "" where it is a saved selection.

    What is composed of layers is stored on white. A document without layers and without numbers for its channels is
    another program's, which stores the colours as they are.
    """
    if document.header.channels <= _COLOURS[mode]:
        return ""
    layers = document.layer_and_mask_information.layer_info
    count = layers.layer_count if layers is not None else 0
    numbers = document.image_resources.get_data(_ALPHA_NUMBERS)
    if count < 0 or (numbers and numbers[0] == 0):
        return "on white"
    return "" if numbers or count else "straight"


def _without_white(colours: Pixels, alpha: Pixels) -> Pixels:
    """Colours, (H, W, C), that give the stored ones on white with this alpha, (H, W)."""
    full = 1.0 if colours.dtype.kind == "f" else float(np.iinfo(colours.dtype).max)
    colours = colours.reshape(*alpha.shape, -1)
    share = (alpha / full)[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        bare = np.where(share > 0, (colours - full * (1 - share)) / share, full)
    if colours.dtype.kind == "u":
        bare = np.rint(np.clip(bare, 0, full))
    return np.where(share == 1, colours, bare).astype(colours.dtype)
