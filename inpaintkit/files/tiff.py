"""TIFF: pixels and metadata out of an open file, and into bytes."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import IO, TYPE_CHECKING

import numpy as np
from PIL import TiffImagePlugin

from inpaintkit.files import iptc, tiff_colours, tiff_samples, tiff_tags
from inpaintkit.files.decoding import (
    Decoded,
    Pixels,
    RefusedError,
    array,
    channels_of,
    check_size,
    chosen,
    or_damaged,
    without_cmyk,
)
from inpaintkit.files.metadata import GROUPS, TURNED, Metadata, of_tiff, with_iptc
from inpaintkit.files.silence import quiet
from inpaintkit.files.tiff_colours import Layout
from inpaintkit.files.tiff_images import word
from inpaintkit.files.tiff_tags import Kept

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

DTYPES = (
    *("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "float32", "float64"),
)
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_SUB_IFDS = 330
_LIBTIFF = (6, 32809)  # compressions that only libtiff, in Pillow, knows: JPEG in pieces, ThunderScan
_MAX_VALUES = 4  # a pixel, where there are as many pixels as allowed


def decode(file: IO[bytes], *, page: int | None, max_pixels: int) -> Decoded:
    """One page: colours as grey or RGB, other bands as they are, opacity last."""
    import tifffile

    with quiet():
        tif = tifffile.TiffFile(file)
        pages, notes = _pages(tif)
        number = pages[chosen(len(pages), page)]
        sheet = tif.pages[number].aspage()
        _check_bounds(sheet, max_pixels)
        metadata, _ = or_damaged(lambda: of_tiff(file, sheet.offset, endian=tif.byteorder, big=tif.is_bigtiff))
        metadata = with_iptc(metadata, iptc.of_page(sheet))
        orientation = _orientation(sheet)
        if sheet.compression in _LIBTIFF and not tiff_samples.is_jpeg(file, sheet):
            return replace(_by_libtiff(file, sheet, number, metadata), pages=len(pages))
        tiff_samples.check(sheet)
        tiff_colours.check(sheet)
        missing = tiff_tags.filler(sheet)
        samples, absent = tiff_samples.stored(file, sheet, missing)
        pixels, layout = tiff_colours.meant(samples, sheet, metadata.icc)
        if absent:
            notes.append(f"{absent} of its tiles or strips are not stored (sparse) and read as {missing:g}")
        if _SUB_IFDS in sheet.tags:
            notes.append("left out: the smaller copies that belong to its page")
        images = max(len(pages), _images(tif))
        if images > len(pages):
            notes.append(f"only the first of ImageJ's {images} images is read: save them as pages of their own")
        kept, nodata, lost = _tags(tif, sheet, orientation, images)
    if layout.converted:  # the profile, if there was one, was of the inks
        metadata = replace(metadata, icc=None)
    metadata = replace(metadata, tiff=kept, layout=layout, notes=(*metadata.notes, *notes, *lost))
    return Decoded(pixels, metadata, orientation, "bands" if layout.alpha is None else "alpha", nodata, len(pages))


def encode(pixels: Pixels, metadata: Metadata, *, alpha: bool) -> bytes:
    """A file's bytes for pixels (H, W, C), laid out like the TIFF that they were read from, if they were."""
    import tifffile

    before = metadata.layout
    layout = before if before and before.fits(pixels, alpha) else Layout.of(pixels, alpha)
    samples = layout.samples(pixels)
    count = samples.shape[2]
    if count == 1:
        samples = samples[..., 0]
    elif layout.planar:
        samples = np.moveaxis(samples, 2, 0)
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        samples,
        byteorder="<",
        photometric=layout.photometric,
        planarconfig=None if count == 1 else "separate" if layout.planar else "contig",
        extrasamples=layout.extras or None,
        compression="zlib",
        predictor=pixels.dtype.kind in "ui" and pixels.dtype.itemsize <= 4,  # what tifffile has predictors for
        **metadata.to_tiff(count),
    )
    file.seek(0)
    with quiet(), tifffile.TiffFile(file) as tif:  # it complains of values of missing pixels that are rounded
        tags = tif.pages[0].aspage().tags
        places = {} if tif.is_bigtiff else {code: tags[code - 1].offset for code in GROUPS if code - 1 in tags}
    metadata.add_groups(file, places)
    return file.getvalue()


def _pages(tif: TiffFile) -> tuple[list[int], list[str]]:
    """Numbers of the directories that are pictures of their own, and in words what the others are."""
    kinds = []
    for number in range(len(tif.pages)):
        try:
            kinds.append(int(tif.pages[number].aspage().subfiletype))
        except Exception:  # damaged: an error once it is asked for
            kinds.append(0)
    full = [number for number, kind in enumerate(kinds) if not kind & (_REDUCED | _MASK)]
    if not full:
        return list(range(len(kinds))), []
    masks = sum(bool(kind & _MASK and not kind & _REDUCED) for kind in kinds)
    copies = len(kinds) - len(full) - masks
    parts = ["its smaller copies (overviews)"] * bool(copies) + ["its mask of valid pixels"] * bool(masks)
    return full, [f"left out: {' and '.join(parts)}"] if parts else []


def _images(tif: TiffFile) -> int:
    """How many pictures ImageJ says there are: it may write a stack behind a single page."""
    try:
        return int((tif.imagej_metadata or {}).get("images", 1)) if tif.is_imagej else 1
    except (TypeError, ValueError):
        return 1


def _orientation(sheet: TiffPage) -> int:
    """How the pixels are stored; 1 where the file says nothing that it may say."""
    value = sheet.tags.valueof(274)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _check_bounds(sheet: TiffPage, max_pixels: int) -> None:
    """Refuse what a header promises too much of, before it is allocated."""
    width, height, bands = sheet.imagewidth, sheet.imagelength, sheet.samplesperpixel
    check_size((width, height), max_pixels)
    check_size((sheet.tilewidth or 1, sheet.tilelength or 1), max_pixels)
    if bands < 1:
        raise ValueError("it has no samples")
    if width * height * bands > _MAX_VALUES * max_pixels:
        raise RefusedError(
            f"has {width} x {height} pixels of {bands} bands, more than {_MAX_VALUES * max_pixels} values: "
            f"if you trust the file, set INPAINTKIT_MAX_PIXELS to {math.ceil(width * height * bands / _MAX_VALUES)}"
        )


def _by_libtiff(file: IO[bytes], sheet: TiffPage, number: int, metadata: Metadata) -> Decoded:
    """What only libtiff reads, up to 8 bits; Pillow turns the picture upright itself."""
    try:
        file.seek(0)
        image = TiffImagePlugin.TiffImageFile(file)
        image.seek(number)
        image.load()
    except Exception:
        name = word(sheet.compression)
        raise RefusedError(f"is compressed by {name}, which cannot be read here: save it with deflate or LZW") from None
    pixels = array(image, metadata.icc)
    return Decoded(pixels, without_cmyk(metadata, image), 1, channels_of(pixels))


def _tags(tif: TiffFile, sheet: TiffPage, orientation: int, pages: int) -> tuple[Kept, float | None, list[str]]:
    """Tags to write along, the pixels' value where they are missing, and what is lost in words."""
    try:
        kept, lost = tiff_tags.kept(tif, sheet, turned=orientation > 1, sideways=orientation in TURNED, pages=pages)
        stored = tiff_tags.nodata(sheet)
    except Exception:
        return Kept(), None, ["its tags cannot be read and are left out"]
    if stored is None:
        return kept, None, lost
    nodata = tiff_colours.nodata_of(stored, sheet)
    if not tiff_colours.keeps_values(sheet):
        kept = tiff_tags.with_nodata(kept, nodata)
    if nodata is None:
        lost.append(f"its value of missing pixels, {stored:g}, is left out: its samples become colours")
    return kept, nodata, lost
