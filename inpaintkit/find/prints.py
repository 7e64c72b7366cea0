"""The print itself: its tone curve from black to paper, and what departs from it in tint.

A monochrome print, toned or yellowed, has one colour for each brightness. Where a print has faded unevenly its curve
shifts from place to place, so what counts is how far a pixel is off it beyond its surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.problem import Image

_LUMA = (0.299, 0.587, 0.114)
_BINS = 64  # of brightness
_FEW = 40  # samples in a bin; fewer, and the curve is drawn across it
_SAMPLES = 1 << 18  # pixels that the curve is measured on
_AROUND = 65  # px: the side of the square whose tint is the local one
_MOST = 0.9  # of the pixels: the rest may show what the print lies on
_CLIP = 0.05  # what is further off the curve counts as so much in its surroundings' tint


@dataclass(frozen=True, eq=False)
class Print:
    """A picture as a print.

    Attributes
    ----------
    bright : float32 (H, W) in [0, 1].
    tint : float32 (H, W), how far each pixel is off the tone curve beyond its surroundings, range of the picture 1.
    black, white : brightness of its darkest and of its lightest half percent.
    toned : how colourful its curve is.
    coloured : how far off the curve nine tenths of its pixels are at most.
    """

    bright: Image
    tint: Image
    black: float
    white: float
    toned: float
    coloured: float

    @classmethod
    def of(cls, image: Image) -> Print:
        """A picture (H, W, C), C = 1 or 3, float32 in [0, 1]."""
        if image.shape[2] == 1:
            bright = np.ascontiguousarray(image[..., 0])
            black, white = np.quantile(_sample(bright), [0.005, 0.995])
            return cls(bright, np.zeros_like(bright), float(black), float(white), 0.0, 0.0)
        bright = np.ascontiguousarray(cv2.transform(image, np.array([_LUMA], np.float32)))
        chroma = np.asarray(cv2.transform(image, np.array([[1, -1, 0], [0, -1, 1]], np.float32)), np.float32)
        black, white = np.quantile(_sample(bright), [0.005, 0.995])
        curve = _curve(_sample(bright), _sample(chroma))
        off = _off(bright, chroma, curve)
        length = np.asarray(np.sqrt(np.square(off).sum(axis=2)), np.float32)
        coloured = float(np.quantile(_sample(length), _MOST))
        used = np.bincount(_bin(_sample(bright)), minlength=_BINS) / max(1, len(_sample(bright)))
        toned = float(used @ np.sqrt(np.square(curve).sum(axis=1)))
        return cls(bright, _beyond_surroundings(off, length), float(black), float(white), toned, coloured)


def _sample(values: Image) -> Image:
    """Some of a picture's pixels, (N,) or (N, C), evenly."""
    step = max(1, round((values.shape[0] * values.shape[1] / _SAMPLES) ** 0.5))
    part = values[::step, ::step]
    return part.reshape(-1, *part.shape[2:])


def _bin(bright: Image) -> NDArray[np.int64]:
    return np.asarray((bright * (_BINS - 1) + 0.5).astype(np.int64))


def _curve(bright: Image, chroma: Image) -> Image:
    """The median chroma of each brightness, float32 (_BINS, 2). bright : (N,); chroma : (N, 2)."""
    bins = _bin(bright)
    order = np.argsort(bins, kind="stable")
    edges = np.searchsorted(bins[order], np.arange(_BINS + 1))
    there = np.flatnonzero(np.diff(edges) >= min(_FEW, len(bright) // _BINS))
    medians = np.array([np.median(chroma[order[edges[b] : edges[b + 1]]], axis=0) for b in there])
    return np.stack([np.interp(np.arange(_BINS), there, medians[:, c]) for c in range(2)], axis=1).astype(np.float32)


def _off(bright: Image, chroma: Image, curve: Image) -> Image:
    """How far each pixel is off the curve, (H, W, 2), noise of single pixels smoothed away."""
    place = bright * np.float32(_BINS - 1)
    low = np.minimum(place.astype(np.int32), _BINS - 2)
    share = (place - low)[..., None]
    expected = curve[low] * (1 - share) + curve[low + 1] * share
    return np.asarray(cv2.blur(chroma - expected, (3, 3)), np.float32)


def _beyond_surroundings(off: Image, length: Image) -> Image:
    """The length of what is off the curve, less what the surroundings are off on the mean: (H, W)."""
    shrunk = off * np.minimum(1, _CLIP / np.maximum(length, 1e-6))[..., None]
    local = cv2.blur(shrunk, (_AROUND, _AROUND), borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.sqrt(np.square(off - local).sum(axis=2)), np.float32)
