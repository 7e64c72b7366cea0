"""The print itself: its tone curve from black to paper, and what departs from it in tint.

A monochrome print, toned or yellowed, has one colour for each brightness. Where a print has faded unevenly its curve
shifts from place to place, so what counts is how far a pixel is off it beyond its surroundings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.problem import Image

_AXES = np.array([[0.299, 0.587, 0.114], [1, -1, 0], [0, -1, 1]], np.float32)  # brightness, and chroma twice
_BINS = 64  # of brightness
_FEW = 40  # samples in a bin; fewer, and the curve is drawn across it
_SAMPLES = 1 << 18  # pixels that the curve is measured on
_AROUND = 65  # px: the side of the square whose tint is the local one
_LIGHTEST = 0.92  # of the pixels are darker than where the light tones are held to go on
_BARE = 0.5  # of the mean tone: what has less may be bare paper
_MOST = 0.9  # of the pixels: the rest may show what the print lies on
_COARSE = 4  # px: surroundings are measured by squares of that side
_ROWS = 128  # px: of a strip that one thread works on
_OUTER = 0.15  # of the height or width: so deep the mount around a print may be
_STEP = 0.05  # from a mount to the print, at least, and
_SPREADS = 4  # times the mount's own standard deviation
_STRAIGHT = 0.9  # of the border's length has that step
_INWARD = slice(1, 7)  # px beyond the step: what is compared with the mount
_CLIP = 0.05  # what is further off the curve counts as so much in its surroundings' tint


@dataclass(frozen=True, eq=False)
class Print:
    """A picture as a print.

    Attributes
    ----------
    bright : float32 (H, W) in [0, 1].
    tint : float32 (H, W), how far each pixel is off the tone curve beyond its surroundings, range of the picture 1.
    toneless : float32 (H, W), how far each pixel with hardly any tone is off the curve as its light tones go on.
    black, white : brightness of its darkest and of its lightest half percent.
    toned : how colourful its curve is.
    coloured : how far off the curve nine tenths of its pixels are at most.
    margins : px from the top, bottom, left and right to the straight border of the print; 0 where it has no mount.
    """

    bright: Image
    tint: Image
    toneless: Image
    black: float
    white: float
    toned: float
    coloured: float
    margins: tuple[int, int, int, int]

    @classmethod
    def of(cls, image: Image) -> Print:
        """A picture (H, W, C), C = 1 or 3, float32 in [0, 1]."""
        if image.shape[2] == 1:
            bright = np.ascontiguousarray(image[..., 0])
            black, white = np.quantile(_sample(bright), [0.005, 0.995])
            nothing = np.zeros_like(bright)
            return cls(bright, nothing, nothing, float(black), float(white), 0.0, 0.0, _margins(bright))
        bright = np.empty(image.shape[:2], np.float32)
        off: Image = np.empty((*image.shape[:2], 2), np.float32)
        toneless, chroma = np.empty_like(bright), np.empty_like(off)
        small = np.asarray(cv2.transform(_sample(image)[None], _AXES), np.float32)[0]  # (N, 3)
        black, white = np.quantile(small[:, 0], [0.005, 0.995])
        curve = _curve(small[:, 0], small[:, 1:])
        used = np.bincount(_bin(small[:, 0]), minlength=_BINS) / len(small)
        toned = float(used @ np.sqrt(np.square(curve).sum(axis=1)))
        held = curve.copy()  # what is lighter may be bare paper, with a curve of its own
        last = _bin(np.quantile(small[:, :1], [_LIGHTEST]).astype(np.float32))[0]
        held[last:] = held[last]

        def strip(rows: slice) -> None:
            axes = np.asarray(cv2.transform(image[rows], _AXES), np.float32)
            bright[rows] = axes[..., 0]
            off[rows] = _off(axes[..., 0], axes[..., 1:], curve)
            x, y = cv2.split(_off(axes[..., 0], axes[..., 1:], held))
            toneless[rows] = cv2.magnitude(x, y)
            chroma[rows] = axes[..., 1:]

        _in_strips(strip, len(image))
        off = np.asarray(cv2.blur(off, (3, 3)), np.float32)
        toneless = np.asarray(cv2.blur(toneless, (3, 3)), np.float32)
        toneless[cv2.magnitude(*cv2.split(cv2.blur(chroma, (5, 5)))) > _BARE * toned] = 0
        coloured = float(np.quantile(np.sqrt(np.square(_sample(off)).sum(axis=1)), _MOST))
        return cls(
            bright, _beyond_surroundings(off), toneless, float(black), float(white), toned, coloured, _margins(bright)
        )


def _in_strips(work: Callable[[slice], None], height: int) -> None:
    threads.run(work, [slice(top, top + _ROWS) for top in range(0, height, _ROWS)])


def _sample(values: Image) -> Image:
    """Some of a picture's pixels, (N,) or (N, C), evenly."""
    step = max(1, round((values.shape[0] * values.shape[1] / _SAMPLES) ** 0.5))
    part = values[::step, ::step]
    return part.reshape(-1, *part.shape[2:])


def _margins(bright: Image) -> tuple[int, int, int, int]:
    """How far in the border of the print is, from the top, bottom, left and right."""
    across = bright.T
    return _margin(bright), _margin(bright[::-1]), _margin(across), _margin(across[::-1])


def _margin(bright: Image) -> int:
    """The last row above which everything is alike and below which nearly everything is lighter, or darker; else 0."""
    limit, tenth = int(_OUTER * len(bright)), bright.shape[1] // 10
    part = bright[: limit + _INWARD.stop, tenth : bright.shape[1] - tenth : max(1, bright.shape[1] // 256)]
    depth = 0
    for row in range(2, limit):
        outside = part[: row - 1]
        step = part[row + _INWARD.start : row + _INWARD.stop].mean(axis=0) - outside.mean()
        least = max(_STEP, _SPREADS * float(outside.std()))
        if max(np.mean(step > least), np.mean(step < -least)) > _STRAIGHT:
            depth = row
    return depth


def _bin(bright: Image) -> NDArray[np.int64]:
    return np.asarray((bright * (_BINS - 1) + 0.5).astype(np.int64))


def _curve(bright: Image, chroma: Image) -> Image:
    """The median chroma of each brightness, float32 (_BINS, 2). bright : (N,); chroma : (N, 2)."""
    bins = _bin(bright)
    order = np.argsort(bins, kind="stable")
    edges = np.searchsorted(bins[order], np.arange(_BINS + 1))
    there = np.flatnonzero(np.diff(edges) >= max(1, min(_FEW, len(bright) // _BINS)))
    medians = np.array([np.median(chroma[order[edges[b] : edges[b + 1]]], axis=0) for b in there])
    return np.stack([np.interp(np.arange(_BINS), there, medians[:, c]) for c in range(2)], axis=1).astype(np.float32)


def _off(bright: Image, chroma: Image, curve: Image) -> Image:
    """How far each pixel is off the curve, (H, W, 2)."""
    place = bright * np.float32(_BINS - 1)
    low = np.minimum(place.astype(np.int32), _BINS - 2)
    share = (place - low)[..., None]
    below = curve[low]
    return np.asarray(chroma - below - (curve[low + 1] - below) * share, np.float32)


def _beyond_surroundings(off: Image) -> Image:
    """The length of what is off the curve, less what the surroundings are off on the mean: (H, W)."""
    height, width = off.shape[:2]
    size = max(1, round(width / _COARSE)), max(1, round(height / _COARSE))
    coarse = np.asarray(cv2.resize(off, size, interpolation=cv2.INTER_AREA), np.float32)
    length = np.sqrt(np.square(coarse).sum(axis=2, keepdims=True))
    coarse *= np.minimum(1, _CLIP / np.maximum(length, 1e-6))
    around = cv2.blur(coarse, (_AROUND // _COARSE,) * 2, borderType=cv2.BORDER_REFLECT)
    local = np.asarray(cv2.resize(around, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    tint: Image = np.empty((height, width), np.float32)

    def strip(rows: slice) -> None:
        x, y = cv2.split(off[rows] - local[rows])
        tint[rows] = cv2.magnitude(x, y)

    _in_strips(strip, height)
    return tint
