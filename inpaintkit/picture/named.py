"""Masks by name, which the picture itself gives: what is not opaque, not finite, or marked as missing."""

from __future__ import annotations

import numbers
import warnings
from typing import Any

import numpy as np

from inpaintkit.errors import EmptyMaskWarning
from inpaintkit.picture.pixels import Picture
from inpaintkit.problem import Mask

NAMED = ("alpha", "nan", "nodata")


def named_hole(name: str, picture: Picture, nodata: Any = None) -> Mask:
    """The pixels that a name stands for, bool (H, W); a warning where there are none.

    "alpha": whatever is not fully opaque. "nan": NaN or infinite in any channel. "nodata": the value ``nodata`` in any
    channel, alpha not counted; NaN means "nan". What is fully transparent has no value, so it is never missing.

    Raises ValueError or TypeError that names what came, what is needed and how to get there.
    """
    if name not in NAMED:
        raise ValueError(
            f"mask is {name!r}: the masks by name are {', '.join(map(repr, NAMED))}; read a file with read_mask(path)"
        )
    if name == "alpha":
        hole, lack = _not_opaque(picture), "every pixel is fully opaque"
    elif name == "nan" or np.isnan(_checked(nodata)):
        hole, lack = _not_finite(picture), f"no pixel of {picture.pixels.dtype} is NaN or infinite"
    else:
        hole, lack = _equal(picture, nodata)
    if not hole.any():
        warnings.warn(f"{lack}, so nothing is filled", EmptyMaskWarning, stacklevel=4)
    return hole


def left_missing(pixels: Any, channels: Any, nodata: float, hole: Mask) -> int:
    """The number of pixels outside a hole that have a file's value for missing pixels in every channel."""
    picture = Picture.of(pixels, channels)
    colours = picture.pixels[..., :-1] if picture.alpha else picture.pixels
    value = _as_held(nodata, colours.dtype)
    return (
        0
        if value is None
        else int(np.count_nonzero(_seen(np.asarray((colours == value).all(axis=2)), picture) & ~hole))
    )


def _not_opaque(picture: Picture) -> Mask:
    if not picture.alpha:
        raise ValueError("mask is 'alpha', but the image has no alpha channel: pass a mask array")
    return np.ascontiguousarray(picture.pixels[..., -1] < picture.opaque)


def _not_finite(picture: Picture) -> Mask:
    if picture.pixels.dtype.kind != "f":
        return np.zeros(picture.shape, np.bool_)
    return _seen(np.asarray(~np.isfinite(picture.pixels).all(axis=2)), picture)


def _equal(picture: Picture, nodata: Any) -> tuple[Mask, str]:
    """Where a channel has the value as the picture's type holds it, and what to say where none has."""
    colours = picture.pixels[..., :-1] if picture.alpha else picture.pixels
    value = _as_held(nodata, colours.dtype)
    if value is None:
        return np.zeros(picture.shape, np.bool_), f"nodata is {nodata}, which {colours.dtype} cannot hold"
    return _seen(np.asarray((colours == value).any(axis=2)), picture), f"no pixel has nodata's value, {nodata}"


def _seen(hole: Mask, picture: Picture) -> Mask:
    return hole & (picture.pixels[..., -1] != 0) if picture.alpha else hole


def _checked(nodata: Any) -> Any:
    if nodata is None:
        raise ValueError("mask is 'nodata': pass nodata, the value of missing pixels (--nodata V), e.g. nodata=-9999")
    if isinstance(nodata, (bool, np.bool_)) or not isinstance(nodata, (numbers.Real, np.number)):
        raise TypeError(f"nodata is {nodata!r}: give a number, e.g. nodata=-9999")
    return nodata


def _as_held(value: Any, dtype: np.dtype[Any]) -> Any:
    """A number as a type holds it, rounded as GDAL's tag is for floats; None where it cannot."""
    if dtype.kind != "f":
        limits = np.iinfo(dtype)
        return int(value) if np.isfinite(value) and value == int(value) and limits.min <= value <= limits.max else None
    with np.errstate(over="ignore"):
        held = dtype.type(value)
    return held if np.isfinite(held) or np.isinf(value) else None
