"""Checks of the mask that callers pass: any mask, turned into the pixels to fill."""

from __future__ import annotations

import warnings
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit.distance import distance_to
from inpaintkit.errors import EmptyMaskWarning, InvertedMaskWarning, LargeMaskWarning
from inpaintkit.picture.named import named_hole
from inpaintkit.picture.paint import Paint
from inpaintkit.picture.pixels import Picture, Pixels, array_of
from inpaintkit.problem import Mask


def hole_of(mask: Any, picture: Picture, *, invert: bool = False, nodata: Any = None) -> Mask:
    """The pixels to fill as bool (H, W), of a mask or of a name: "alpha", "nan", or "nodata" with its value.

    It may share the mask's memory, and is never written to.

    Raises ValueError or TypeError that names what came, what is needed and how to get there.
    """
    named = isinstance(mask, str)
    if nodata is not None and not (named and mask == "nodata"):
        raise ValueError(f"nodata is {nodata!r}, which needs mask='nodata' (--mask nodata) to fill these pixels")
    hole = named_hole(mask, picture, nodata) if named else mask_of(mask)
    if named and invert:
        raise ValueError(f"mask is {mask!r} and inverted: what is missing or transparent cannot be filled from")
    if hole.shape != picture.shape:
        raise ValueError(f"mask is {hole.shape}, image is {picture.shape}: {how_to_match(hole.shape, picture.shape)}")
    return ~hole if invert else hole


def mask_of(mask: Any, *, path: str | PathLike[str] | None = None, lossy: bool = False) -> Mask:
    """A mask array or PIL image as bool (H, W), True in the hole; it may share the mask's memory.

    ``path`` names the file it was read from, for messages; in a ``lossy`` one no value is exact.

    Raises ValueError or TypeError that names what came, what is needed and how to get there.
    """
    return Paint(_pixels_of(mask), path, lossy).hole()


def _pixels_of(mask: Any) -> Pixels:
    """The colours of a mask; the labels, where a palette has one colour for several."""
    if not isinstance(mask, PILImage.Image):
        return array_of(mask, "mask")
    if mask.mode.startswith("I"):
        return np.asarray(mask)
    colours = array_of(mask, "mask")
    if mask.mode == "P" and (colours == colours[:1, :1]).all():
        return np.asarray(mask)
    return colours


def how_to_match(size: tuple[int, ...], wanted: tuple[int, int]) -> str:
    """What to do about a mask or the like whose size is not the picture's."""
    turned = (
        "; the sides are swapped: one of the two may lack the rotation that a camera noted, turn it by 90 degrees"
        if size[:2] == wanted[::-1]
        else ""
    )
    return f"resize one to match the other, e.g. with masks.resize(mask, image.shape[:2]) (--resize-mask){turned}"


def check_share(hole: Mask, *, by_name: bool = False) -> int:
    """Number of hole pixels; ValueError where no pixel is known, a warning where none or more than half are hole.

    A mask that the picture itself gives ``by_name`` cannot be the wrong way round, and has been warned of where empty.
    """
    pixels = int(np.count_nonzero(hole))
    if pixels == hole.size:
        remedy = (
            "the picture needs some that are neither missing nor transparent"
            if by_name
            else "mark only the damage, or pass invert_mask=True (--invert-mask) if the mask marks what to keep"
        )
        raise ValueError(f"the mask hides all {hole.size} pixels, so nothing is known to fill from: {remedy}")
    if not pixels and not by_name:
        warnings.warn("the mask marks no pixel, so nothing is filled", EmptyMaskWarning, stacklevel=3)
    elif pixels > hole.size / 2 and not by_name:
        border = np.concatenate([hole[0], hole[-1], hole[:, 0], hole[:, -1]])
        inverted = border.mean() >= 0.9  # what is to be repaired seldom runs along the whole border
        warnings.warn(
            f"the mask hides {pixels / hole.size:.0%} of the picture{' and its border' * bool(inverted)}; if it marks "
            "what to keep, pass invert_mask=True (--invert-mask)",
            InvertedMaskWarning if inverted else LargeMaskWarning,
            stacklevel=3,
        )
    return pixels


def grow(hole: Mask, radius: int) -> Mask:
    """The hole grown by ``radius`` pixels in every direction (a disc)."""
    from inpaintkit.regions import split  # not above: see ``growth``

    grown = hole.copy()
    for region in split(hole, context=radius):
        grown[region.crop.slices] |= distance_to(region.own()) <= radius
    return grown


def scaled(pixels: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """A mask or labels (H, W) scaled to ``shape``: each pixel gets the largest value that it covers, in part or whole.

    So a pixel is hole if and only if its area overlaps a hole pixel's, at any ratio, and no line is lost.
    """
    for size, wanted in zip(pixels.shape, shape, strict=True):  # pixels are boxes: rows first, then columns
        index = np.arange(wanted)
        first, last = index * size // wanted, -(-(index + 1) * size // wanted) - 1
        largest = pixels[first]
        for step in range(1, int((last - first).max()) + 1):
            np.maximum(largest, pixels[np.minimum(first + step, last)], out=largest)
        pixels = np.ascontiguousarray(largest.T)
    return pixels
