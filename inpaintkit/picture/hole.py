"""Checks of the mask that callers pass: any mask, turned into the pixels to fill."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from inpaintkit.distance import distance_to
from inpaintkit.errors import InpaintWarning
from inpaintkit.picture.pixels import Picture, Pixels, array_of
from inpaintkit.problem import Mask
from inpaintkit.regions import split


def hole_of(mask: Any, picture: Picture, *, invert: bool = False) -> Mask:
    """The pixels to fill as bool (H, W): ``"alpha"`` for every pixel that is not fully opaque, or a mask.

    It may share the mask's memory, and is never written to.

    Raises ValueError or TypeError that names what came, what is needed and how to get there.
    """
    if isinstance(mask, str):
        if mask != "alpha":
            raise ValueError(f"mask is {mask!r}: the only mask by name is 'alpha'; read a file with read_mask(path)")
        if not picture.alpha:
            raise ValueError("mask is 'alpha', but the image has no alpha channel: pass a mask array")
        if invert:
            raise ValueError("mask is 'alpha' and inverted: opaque pixels cannot be filled from transparent ones")
        hole: Mask = np.ascontiguousarray(picture.pixels[..., -1] < picture.opaque)
    else:
        hole = mask_of(mask)
    if hole.shape != picture.shape:
        raise ValueError(f"mask is {hole.shape}, image is {picture.shape}: resize one to match the other")
    return ~hole if invert else hole


def mask_of(mask: Any) -> Mask:
    """A mask array or PIL image as bool (H, W), True in the hole; it may share the mask's memory.

    Raises ValueError or TypeError that names what came, what is needed and how to get there.
    """
    return _binary(_one_channel(array_of(mask, "mask")))


def check_share(hole: Mask, *, from_alpha: bool = False) -> int:
    """Number of hole pixels; ValueError where no pixel is known, a warning where more than half are hole.

    A mask taken ``from_alpha`` cannot be the wrong way round, so it earns no warning.
    """
    pixels = int(np.count_nonzero(hole))
    if pixels == hole.size:
        raise ValueError(
            f"the mask hides all {hole.size} pixels, so nothing is known to fill from: "
            "mark only the damage, or pass invert_mask=True if the mask marks what to keep"
        )
    if not from_alpha and pixels > hole.size / 2:
        warnings.warn(
            f"the mask hides {pixels / hole.size:.0%} of the picture; if it marks what to keep, "
            "pass invert_mask=True (--invert-mask)",
            InpaintWarning,
            stacklevel=3,
        )
    return pixels


def grow(hole: Mask, radius: int) -> Mask:
    """The hole grown by ``radius`` pixels in every direction (a disc)."""
    grown = hole.copy()
    for region in split(hole, context=radius):
        grown[region.crop.slices] |= distance_to(region.own()) <= radius
    return grown


def _one_channel(mask: Pixels) -> Pixels:
    if mask.ndim == 2:
        return mask
    if mask.ndim != 3 or not 1 <= mask.shape[2] <= 4:
        raise ValueError(f"mask has shape {mask.shape}: expected (H, W), (H, W, 1) or equal channels")
    if mask.shape[2] in (2, 4):  # an editor's grey + alpha or RGBA mask: fine as long as alpha says nothing
        if mask.size and not mask[..., -1].min() == mask[..., -1].max() > 0:
            raise ValueError("mask has a transparent alpha channel: pass mask[..., -1] or a mask without alpha")
        mask = mask[..., :-1]
    if mask.dtype.kind == "f" and np.isnan(mask).any():
        return mask[..., 0] * np.nan  # refused for what it holds, not for channels that differ
    if (mask != mask[..., :1]).any():
        raise ValueError(f"mask has {mask.shape[2]} channels that differ: pass one channel, white where to fill")
    return mask[..., 0]


def _binary(mask: Pixels) -> Mask:
    if mask.dtype == np.bool_:
        return np.ascontiguousarray(mask)
    if mask.size == 0:
        return np.zeros(mask.shape, np.bool_)
    if mask.dtype.kind == "f":
        low, high = float(mask.min()), float(mask.max())
        if not (low >= 0 and high <= 1):  # NaN fails too
            raise ValueError(f"mask holds floats in [{low:g}, {high:g}]: expected [0, 1] with hole at 0.5 and above")
        return np.asarray(mask >= 0.5, order="C")
    if mask.dtype.kind not in "ui":
        raise TypeError(f"mask has dtype {mask.dtype}: expected bool, integers or floats in [0, 1]")
    low, high = int(mask.min()), int(mask.max())
    if low >= 0 and high <= 1:
        return np.asarray(mask == 1, order="C")
    if mask.dtype.name not in ("uint8", "uint16"):
        raise ValueError(
            f"mask holds {mask.dtype} values in [{low}, {high}]: expected bool, 0 and 1, or uint8/uint16 with hole "
            "at half range and above; convert with mask > threshold"
        )
    half = np.iinfo(mask.dtype).max // 2
    if 0 < high <= half:
        warnings.warn(
            f"the mask's values reach {high} only, below half of {mask.dtype}'s range, so nothing is hole; "
            "pass mask > 0 if every value above 0 is meant",
            InpaintWarning,
            stacklevel=4,
        )
    return np.asarray(mask > half, order="C")
