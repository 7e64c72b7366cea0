"""Lines of text: letters side by side, judged by how far they stand out, how many they are and how alike.

Heights and distances are in pixels, colours and contrasts in levels, 0 to 255; a table of letters is one of
``letters``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import Array, F64x2, I64x1
from inpaintkit.box import Box
from inpaintkit.find.letters import (
    AREA,
    BOTTOM,
    COLOUR,
    CONTRAST,
    LEFT,
    PEAK,
    RIGHT,
    RIM,
    SHARP,
    SPREAD,
    THICKNESS,
    TOP,
    Table,
)
from inpaintkit.find.scoring import Labels, weighted
from inpaintkit.kernels import kernel
from inpaintkit.problem import Mask
from inpaintkit.union_find import lead_kernel, unite_kernel

# A logistic regression over lines found in scikit-image's photographs with captions drawn on them and without, rounded.
WEIGHTS = {
    "contrast": 6.0,  # log of the mean contrast over 100 levels
    "size": 0.8,  # log of the number of letters, each counted height / 20 px times where it is higher than that
    "tops": 1.2,  # share of letters that begin on one level, times the log of their number
    "bottoms": 1.5,  # the same of letters that end on one level
    "slope": -2.0,  # of the line, px per px
    "unevenness": -5.5,  # standard deviation of the log of the strokes' widths, 0.5 at most
    "spread": -0.2,  # standard deviation of the colour within letters, levels, 2 at least
    "thin": -3.4,  # 1 where strokes are too thin for a uniform colour
    "constant": 0.4,
}
# Set by hand.
MAX_LINES = 2000  # of a layer, and of a picture: the likeliest ones are looked at
_PURITY = 4.0  # log-odds per unit of the logarithm of a line's purity
_IMPURE, _PURE = 0.4, 0.8  # purity below which a line is rejected, and above which it counts as pure
_SINGLE, _SINGLE_HEIGHT = -4.5, 50  # log-odds of a single letter, and the height, px, at which it adds no more to them

_MIN_HEIGHT, _MAX_HEIGHT = 4, 260  # px; the latter is a letter of 200 px with ascender and descender
_MAX_WIDTH = 6  # times its height: letters that touch each other
_MAX_LETTERS = 1000  # of a line: more are a texture
_MIN_STROKE, _MAX_STROKE = 0.035, 0.5  # times its height
_MAX_THICKNESS = 2.25  # times its stroke: a blob is twice as thick as it is wide on the mean
_MIN_SHARP = 0.75  # share of a letter's rim
_SHARPEST = 0.9  # share of a line's rim that has to be sharp
_MIN_CONTRAST = 28  # levels
_MAX_SPREAD = 16  # levels
_MAX_SLOPE, _MAX_BEND = 0.5, 0.6  # of a line; the latter times its height


@dataclass(frozen=True)
class Line:
    """Letters side by side: the rows of their table, and what they have in common.

    Attributes
    ----------
    members : the letters' rows.
    box : of them all.
    height : of a letter, px.
    colour : (C,), levels.
    contrast : mean, levels.
    features : what ``WEIGHTS`` are for.
    score : log-odds for it being a line of text.
    """

    members: NDArray[np.intp]
    box: Box
    height: float
    colour: NDArray[np.float64]
    contrast: float
    features: dict[str, float]
    score: float


@kernel()
def _lines_kernel(letters: F64x2, order: I64x1, start: I64x1, tolerance: float, channels: int) -> I64x1:
    """For each letter the number of its line: neighbours side by side, of like height, stroke, colour and position.

    order, start : the letters by bands of ``_MAX_HEIGHT`` rows and, in a band, from left to right; where each begins.
    """
    parent = np.arange(len(letters))
    bands = len(start) - 1
    for band in range(bands):
        for a in range(start[band], start[band + 1]):
            i = order[a]
            high = letters[i, BOTTOM] - letters[i, TOP]
            for beside in range(max(band - 1, 0), min(band + 2, bands)):  # a letter reaches no further than one band
                first, last = start[beside], start[beside + 1]
                while first < last:  # the leftmost that is not left of this one
                    half = (first + last) // 2
                    if letters[order[half], LEFT] < letters[i, LEFT]:
                        first = half + 1
                    else:
                        last = half
                for b in range(first, start[beside + 1]):
                    j = order[b]
                    if letters[j, LEFT] - letters[i, RIGHT] > 5.1 * high:  # those further right only lie further away
                        break
                    if i != j and _beside_kernel(letters, i, j, tolerance, channels):
                        unite_kernel(parent, i, j)
    lead_kernel(parent)
    return parent


@kernel(inline=True)
def _beside_kernel(letters: F64x2, i: int, j: int, tolerance: float, channels: int) -> bool:
    """Whether a letter j, to the right of i, is its neighbour in a line."""
    gap = letters[j, LEFT] - letters[i, RIGHT]
    high, other = letters[i, BOTTOM] - letters[i, TOP], letters[j, BOTTOM] - letters[j, TOP]
    tall = max(high, other)
    shared = min(letters[i, BOTTOM], letters[j, BOTTOM]) - max(letters[i, TOP], letters[j, TOP])
    if tall > 2.3 * min(high, other) or shared < 0.5 * min(high, other):
        return False
    off = 0.0
    for z in range(channels):
        off = max(off, abs(letters[i, COLOUR + z] - letters[j, COLOUR + z]))
    # Digits of a date stand far apart, but are of one height, on one line and in one colour.
    far = 2.2 if shared > 0.9 * tall and off < 0.4 * tolerance else 1.6 if tall < 40 else 1.3
    if off > tolerance or gap > far * tall:
        return False
    stroke = max(2 * letters[i, AREA] / letters[i, RIM], 1.0)
    thick = max(2 * letters[j, AREA] / letters[j, RIM], 1.0)
    return bool(max(stroke, thick) <= 2.2 * min(stroke, thick))


def joined(table: Table, channels: int, tolerance: float, min_score: float) -> list[Line]:
    """Lines among the rows of a table that look like letters, without those that cannot score ``min_score``.

    tolerance : levels by which the colours of two letters side by side may differ.
    """
    rows = np.flatnonzero(_letterlike(table))
    letters = table[rows]
    band = (letters[:, TOP] // _MAX_HEIGHT).astype(np.int64)
    by_band = np.lexsort((letters[:, LEFT], band))
    start = np.searchsorted(band[by_band], np.arange(band.max(initial=-1) + 2))
    line = _lines_kernel(letters, by_band, start, tolerance, channels)
    order = np.argsort(line, kind="stable")
    if not len(order):
        return []
    first = np.flatnonzero(np.diff(line[order], prepend=-1))
    count = np.diff(first, append=len(order))
    rim, sharp, contrast = (np.add.reduceat(letters[order, column], first) for column in (RIM, SHARP, CONTRAST))
    tallest = np.maximum.reduceat((letters[:, BOTTOM] - letters[:, TOP])[order], first)
    at_most = weighted(WEIGHTS, _features(contrast / rim, count, count * np.maximum(1, tallest / 20)))
    possible = np.where((sharp > _SHARPEST * rim) & (count <= _MAX_LETTERS), at_most, -np.inf)
    best = np.sort(np.argsort(-possible, kind="stable")[:MAX_LINES])
    return [
        _line(letters[order[start : start + size]], rows[order[start : start + size]], channels)
        for start, size, score in zip(first[best], count[best], possible[best], strict=True)
        if score >= min_score
    ]


def _letterlike(table: Table) -> Mask:
    """Which rows of a table may be letters by their shape, rim and colour."""
    high, wide = table[:, BOTTOM] - table[:, TOP], table[:, RIGHT] - table[:, LEFT]
    rim = np.maximum(table[:, RIM], 1)
    stroke = 2 * table[:, AREA] / rim
    fits = (table[:, AREA] > 0) & (high >= _MIN_HEIGHT) & (high <= _MAX_HEIGHT) & (wide <= _MAX_WIDTH * high)
    fits &= (stroke >= _MIN_STROKE * high) & (stroke <= _MAX_STROKE * high)
    fits &= (table[:, SHARP] > _MIN_SHARP * rim) & (table[:, CONTRAST] > _MIN_CONTRAST * rim)
    fits &= table[:, SPREAD] < _MAX_SPREAD
    fits &= table[:, THICKNESS] <= np.maximum(_MAX_THICKNESS * stroke, 5)
    return np.asarray(fits)


def _line(letters: Table, members: NDArray[np.intp], channels: int) -> Line:
    colours, weights = letters[:, COLOUR : COLOUR + channels], letters[:, AREA]
    colour = np.array([_median(colours[:, z], weights) for z in range(channels)])
    contrast = float(letters[:, CONTRAST].sum() / letters[:, RIM].sum())
    top, left = (int(letters[:, k].min()) for k in (TOP, LEFT))
    bottom, right = (int(letters[:, k].max()) for k in (BOTTOM, RIGHT))
    height = _median(letters[:, BOTTOM] - letters[:, TOP], letters[:, RIM])
    slope, bend = _course(letters)
    features = _features(
        contrast,
        len(letters),
        len(letters) * max(1.0, height / 20),
        *(_level(letters[:, end], letters[:, LEFT], slope, height) for end in (TOP, BOTTOM)),
        slope=abs(slope),
        unevenness=float(np.std(np.log(letters[:, AREA] / letters[:, RIM]))),
        spread=float(np.average(letters[:, SPREAD], weights=weights)),
        thin=bool(letters[:, PEAK].any()),
    )
    score = -np.inf
    if abs(slope) < _MAX_SLOPE and bend < _MAX_BEND * height:
        score = weighted(WEIGHTS, features)
        if len(letters) == 1:
            score += np.log(height / _SINGLE_HEIGHT) + _SINGLE
    return Line(members, Box.from_edges(left, top, right, bottom), height, colour, contrast, features, float(score))


def _features(
    contrast: Array | float,
    count: Array | int,
    size: Array | float,
    tops: float = 1,
    bottoms: float = 1,
    *,
    slope: float = 0,
    unevenness: float = 0,
    spread: float = 0,
    thin: bool = False,
) -> dict[str, Any]:
    """What speaks for and against lines; as it is, the best that lines of a contrast and of a size can have."""
    return {
        "contrast": np.log(contrast / 100),
        "size": np.log(size),
        "tops": tops * np.log(count),
        "bottoms": bottoms * np.log(count),
        "slope": slope,
        "unevenness": min(unevenness, 0.5),
        "spread": max(spread, 2),
        "thin": thin,
        "constant": 1,
    }


def _course(letters: Table) -> tuple[float, float]:
    """Slope of a line, and how far its letters' middles are off it on the mean; a speck beside them bends none."""
    size = letters[:, RIM] / letters[:, RIM].sum()
    middle = (letters[:, TOP] + letters[:, BOTTOM]) / 2
    along = letters[:, LEFT] - (size * letters[:, LEFT]).sum()
    slope = float((size * along * middle).sum() / max((size * along**2).sum(), 1))
    off = middle - slope * along - (size * middle).sum()
    return slope, float(np.sqrt((size * off**2).sum()))


def _level(ends: NDArray[np.float64], left: NDArray[np.float64], slope: float, height: float) -> float:
    """The share of letters that begin or end on the level where most do, which is straight or goes with the line."""
    near = max(1.0, 0.06 * height)
    levels = ends, ends - slope * left
    return max(float((np.abs(level[:, None] - level) <= near).mean(axis=1).max()) for level in levels)


def _median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The weighted median."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def purified(table: Table, found: list[Line]) -> list[Line]:
    """Lines without letters among other things of their colour, which count against the rest as well."""
    by_top = np.argsort(table[:, TOP])
    tops = table[by_top, TOP]
    pure = []
    for line in found:
        near = 2 + line.height / 10
        rows = slice(*np.searchsorted(tops, (line.box.top - near, line.box.bottom + near + 1)))
        pure.append(_purified(table, line, by_top[rows], near))
    return pure


def _purified(table: Table, line: Line, rows: NDArray[np.intp], near: float) -> Line:
    """A line without letters that have as much else beside them. rows : of the table, at its height."""
    box, letters, beside_it = line.box, table[line.members], table[rows]
    there = (
        (beside_it[:, BOTTOM] <= box.bottom + near)
        & (beside_it[:, LEFT] >= box.left - near)
        & (beside_it[:, RIGHT] <= box.right + near)
        & (beside_it[:, BOTTOM] - beside_it[:, TOP] >= 0.15 * line.height)
    )
    own = np.isin(rows, line.members)
    there |= own
    others, own = beside_it[there], own[there]
    beside = np.ones((len(letters), len(others)), np.bool_)
    for first, last in ((TOP, BOTTOM), (LEFT, RIGHT)):
        middle = (others[:, first] + others[:, last]) / 2
        beside &= (middle >= letters[:, None, first] - near) & (middle <= letters[:, None, last] + near)
    share = (beside * own) @ others[:, RIM] / (beside @ others[:, RIM])
    clean = share >= 0.5
    if not clean.any():
        return replace(line, score=-np.inf)
    if not clean.all():
        line = _line(letters[clean], line.members[clean], len(line.colour))
    purity = np.average(share[clean], weights=letters[clean, RIM])
    return replace(line, score=line.score + _PURITY * np.log(min((purity - _IMPURE) / (_PURE - _IMPURE), 1)))


def core(labels: Labels, table: Table, line: Line, near: float) -> Mask:
    """The letters of a line and the pieces of its colour in it: dots, commas, what stands apart from a letter.

    near : levels that a piece's colour may be off the line's.
    """
    box, reach = line.box, 0.3 * line.height
    letters = table[line.members]
    stroke = 2 * letters[:, AREA].sum() / letters[:, RIM].sum()
    rim = np.maximum(table[:, RIM], 1)
    channels = len(line.colour)
    largest = np.maximum(table[:, BOTTOM] - table[:, TOP], table[:, RIGHT] - table[:, LEFT])
    dot = (largest <= 2.5 * stroke + 2) & (table[:, TOP] >= box.top - 2.5 * reach)  # of an i where none is as high
    inside = (
        ((table[:, TOP] >= box.top - reach) | dot)
        & (table[:, BOTTOM] <= box.bottom + 1.5 * reach)
        & (table[:, LEFT] >= box.left - reach)
        & (table[:, RIGHT] <= box.right + reach)
        & (table[:, SHARP] >= 0.9 * rim)
        & (table[:, CONTRAST] >= max(35, 0.6 * line.contrast) * rim)
        & (2 * table[:, AREA] >= 0.4 * stroke * rim)
        & (np.abs(table[:, COLOUR : COLOUR + channels] - line.colour).max(axis=1) <= near)
    )
    inside[line.members] = True
    inside[0] = False
    within: Mask = inside[labels]
    return within
