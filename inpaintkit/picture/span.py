"""The range of a picture's known colours, read from a sample, so that its numbers mean the same in any units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit.picture.pixels import Picture, Pixels
from inpaintkit.problem import Mask

_ROBUST = 0.001  # share of the values at either end that may lie beyond: a few hot pixels must not set the range
_SAMPLE = 2**16  # places that are looked at, enough for such a share
_ENOUGH = 2**10  # of them that are known; with fewer all known pixels are looked for
_GOLDEN = (5**0.5 - 1) / 2  # multiples of it lie evenly, and never in step with rows, columns or dots
_MAX_STEP = 1 / 8  # of the range: in a picture of fewer levels they are its colours, not what rounding made of others
_UNEVEN = 0.25  # of the step: no farther from whole numbers of it are levels that rounding to half floats has moved
_CHANCE = 16  # levels, so many of which do not lie so by chance
_STRIPE = 256  # rows that are read at once where the whole picture must be


@dataclass(frozen=True)
class Span:
    """The range of the known colours, in the caller's units.

    Attributes
    ----------
    offset, scale : lower end and width. A thousandth of the values lies below, and as many above. The ends are values
        of the picture itself, so that the span of s x + t is s times that of x, moved by t.
    step : the smallest difference of two of the picture's levels: one in photographs of whole numbers, all but 0 where
        floats have no levels; 0 in drawings of a few colours.
    even : the number of steps in the range where all levels are whole numbers of them, else 0.
    """

    offset: float
    scale: float
    step: float = 0.0
    even: int = 0


def span_of(picture: Picture, hole: Mask) -> Span:
    """The span of a picture's known pixels. Which ones are looked at depends on their places alone."""
    levels, counts = _counted(_sampled(picture, hole))
    if len(levels) < 2:  # of one colour, as far as the sample shows
        levels, counts = _extremes(picture, hole, levels)
    if len(levels) == 0:  # nothing is known
        return Span(0.0, 1.0)
    beyond = int(_ROBUST * counts.sum())
    low = levels[np.searchsorted(np.cumsum(counts), beyond, side="right")]
    high = levels[len(levels) - 1 - np.searchsorted(np.cumsum(counts[::-1]), beyond, side="right")]
    if low == high:  # all but a few are alike: those few are the picture
        low, high = levels[0], levels[-1]
    if low == high:
        return Span(float(low), 1.0)
    scale = _difference(high, low)
    if not np.isfinite(scale):
        raise ValueError(f"image's known values go from {low:g} to {high:g}, too far apart to measure: scale them down")
    return Span(float(low), scale, *_steps(levels.astype(np.float64) - float(low), scale))


def _counted(values: Pixels) -> tuple[Pixels, NDArray[np.int64]]:
    """The levels there are, in order, and how often each occurs."""
    if values.dtype.kind != "u" or values.dtype.itemsize > 2:
        return np.unique(values, return_counts=True)
    counts = np.bincount(values.reshape(-1))  # no sorting
    levels = np.flatnonzero(counts)
    return levels.astype(values.dtype), counts[levels]


def _steps(values: NDArray[np.float64], scale: float) -> tuple[float, int]:
    """``step`` and ``even`` of a span of the given width, from the levels, sorted and counted from its lower end."""
    gaps = np.diff(values)
    gaps = gaps[gaps > 0]  # large whole numbers may be one float
    if not len(gaps) or gaps.min() > _MAX_STEP * scale:
        return 0.0, 0
    step = float(gaps[gaps < 1.5 * gaps.min()].mean())  # rounding to floats evens out
    number = round(scale / step)
    steps = values / (scale / number)
    even = len(values) >= _CHANCE and bool(np.abs(steps - np.rint(steps)).max() < _UNEVEN)
    return (scale / number if even else float(gaps.min())), number if even else 0


def _difference(high: Any, low: Any) -> float:
    if np.issubdtype(type(high), np.integer):
        return float(int(high) - int(low))
    with np.errstate(over="ignore"):
        return float(np.float64(high) - np.float64(low))


def _sampled(picture: Picture, hole: Mask) -> Pixels:
    """Colours (n, C) of known pixels: of all of a small picture's, else at some 65,000 places."""
    size = hole.size
    places = np.arange(size) if size <= _SAMPLE else _spread(size)
    found = _colours(picture, hole, places)
    if size > _SAMPLE and len(found) < _ENOUGH:
        known = np.flatnonzero(~hole if not picture.alpha else ~hole & (picture.pixels[..., -1] > 0))
        found = _colours(picture, hole, known if len(known) <= _SAMPLE else known[_spread(len(known))])
    return found


@lru_cache(maxsize=4)  # pictures of a folder are often of one size
def _spread(size: int) -> NDArray[np.int64]:
    """Places all over a line of the given length, without chance."""
    places = np.sort((np.arange(_SAMPLE) * _GOLDEN % 1 * size).astype(np.int64))  # as they lie in memory
    places.flags.writeable = False
    return places


def _colours(picture: Picture, hole: Mask, places: NDArray[np.int64]) -> Pixels:
    """The colours of those of the places that are known and not transparent."""
    found: Pixels
    if hole.flags.c_contiguous and picture.pixels.flags.c_contiguous:
        known = places[~hole.reshape(-1)[places]]
        found = picture.pixels.reshape(-1, picture.pixels.shape[2]).take(known, axis=0)
    else:  # what is not in one piece would be copied as a whole
        rows, columns = np.divmod(places, hole.shape[1])
        inside = ~hole[rows, columns]
        found = picture.pixels[rows[inside], columns[inside]]
    if picture.alpha:
        found = found[found[:, -1] > 0, :-1]
    return found.astype(np.float64) if found.dtype == np.float16 else found


def _extremes(picture: Picture, hole: Mask, levels: Pixels) -> tuple[Pixels, NDArray[np.int64]]:
    """The values of the sample, and the smallest and the largest of all known pixels."""
    ends = [levels]
    for top in range(0, len(hole), _STRIPE):
        stripe = picture.pixels[top : top + _STRIPE]
        colours = stripe[..., : picture.colours]
        if levels.size and (colours == levels[0]).all():
            continue
        known = ~hole[top : top + _STRIPE]
        if picture.alpha:
            known &= stripe[..., -1] > 0
        some = colours[known]
        if some.size:
            ends.append(np.array([some.min(), some.max()]))
    found = np.unique(np.concatenate(ends))
    return found, np.ones(len(found), np.int64)
