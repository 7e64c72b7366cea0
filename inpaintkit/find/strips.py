"""Lines straightened: a smooth axis through scattered points, and what a picture shows across it, node by node.

points -> their principal direction -> a median per step along it -> a parabola around each node -> readings across

A foot is where the edge of a ridge ends; the core is the middle of the ridge, the background what lies next to its
feet. Lengths are in pixels of the picture, or, where it says so, of an octave: ``unit`` of the picture's make one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import Array, Bool1, F32x1, F32x2, F64x1, F64x2, I64x1
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image
from inpaintkit.sampling import bilinear_kernel

Positions = NDArray[np.float64]
Indices = NDArray[np.int64]

STEP = 4  # px of an octave from node to node
_READINGS = 0.5  # px of an octave from reading to reading, but no more than 1 px
_REACH = 9  # px of an octave that are read on each side
_NEAR = 6  # nodes on each side that a parabola is fitted to
_MIN_HELD = 5  # of them with points, or it looks further
_OUTLIER = 1.5  # px of an octave: what is farther off the first parabola hardly counts in the second
_MAX_OFF = 3  # px of an octave: the top of a ridge is no farther from the axis than half of that
_BESIDE = 2  # px of an octave next to a foot that show the background
_FOLD = 15  # readings of a mean profile on each side of its middle
_FOLDED = 1.5  # half widths that these reach
_WINDOW = 10  # nodes on each side that a width is averaged over


@dataclass(frozen=True, eq=False)
class Axes:
    """Nodes along lines, in the order of the lines and along each.

    Attributes
    ----------
    line : int64 (M,), the line of each node, from 0.
    y, x : float64 (M,), where it lies, in pixels.
    down, right : float64 (M,), the unit vector along.
    held : bool (M,), whether points lie there; the axis bridges gaps.
    """

    line: Indices
    y: Positions
    x: Positions
    down: Positions
    right: Positions
    held: NDArray[np.bool_]

    def medians(self, values: Array) -> Array:
        """The median of values (M,) at each line's nodes that hold points: (L,)."""
        return medians(values[self.held], self.line[self.held])

    def means(self, values: Array) -> NDArray[np.float64]:
        """The mean of values (M,) at each line's nodes that hold points: (L,)."""
        line = self.line[self.held]
        return np.asarray(np.bincount(line, values[self.held]) / np.maximum(np.bincount(line), 1))

    def part(self, which: NDArray[np.bool_]) -> Axes:
        """Some of the nodes, lines numbered as before."""
        return Axes(*(getattr(self, field.name)[which] for field in fields(self)))

    def joined(self, more: Axes) -> Axes:
        """These nodes and more of them."""
        both = ((getattr(self, field.name), getattr(more, field.name)) for field in fields(self))
        return Axes(*(np.concatenate(pair) for pair in both))


def medians(values: Array, groups: Indices) -> Array:
    """The median of each group's values (the upper one of two), groups numbered from 0 without a gap."""
    order = np.lexsort((values, groups))
    count = np.bincount(groups)
    first = np.cumsum(count) - count
    middle: Array = values[order[first + count // 2]] if len(values) else values
    return middle


@kernel()
def _parabola_kernel(first: I64x1, aside: F64x1, held: Bool1, limit: float, smooth: F64x1, slope: F64x1) -> None:
    """Fit a parabola around each node to what lies near it, twice: the second time without what is far off.

    first : (L + 1,), where each line's nodes begin; aside : (M,), in steps; limit : how far off counts.
    """
    fitted = np.zeros(len(aside))
    for line in range(len(first) - 1):
        start, stop = first[line], first[line + 1]
        for turn in range(2):
            for node in range(start, stop):
                near = _NEAR
                count = 0
                while True:
                    count = 0
                    for other in range(max(start, node - near), min(stop, node + near + 1)):
                        count += held[other]
                    if count >= _MIN_HELD or near >= stop - start:
                        break
                    near *= 2
                s0, s1, s2, s3, s4, t0, t1, t2 = 1e-9, 0.0, 1e-6, 0.0, 1e-3, 0.0, 0.0, 0.0
                for other in range(max(start, node - near), min(stop, node + near + 1)):
                    if not held[other]:
                        continue
                    d = other - node
                    weight = 1 - abs(d) / (near + 1)
                    if turn and abs(aside[other] - smooth[other]) > limit:
                        weight *= 0.02
                    s0 += weight
                    s1 += weight * d
                    s2 += weight * d * d
                    s3 += weight * d**3
                    s4 += weight * d**4
                    t0 += weight * aside[other]
                    t1 += weight * d * aside[other]
                    t2 += weight * d * d * aside[other]
                det = s0 * (s2 * s4 - s3 * s3) - s1 * (s1 * s4 - s3 * s2) + s2 * (s1 * s3 - s2 * s2)
                a = t0 * (s2 * s4 - s3 * s3) - s1 * (t1 * s4 - s3 * t2) + s2 * (t1 * s3 - s2 * t2)
                b = s0 * (t1 * s4 - s3 * t2) - t0 * (s1 * s4 - s3 * s2) + s2 * (s1 * t2 - t1 * s2)
                slope[node] = b / det
                fitted[node] = a / det
            smooth[start:stop] = fitted[start:stop]


def axes(y: Positions, x: Positions, lines: Indices, unit: int) -> Axes:
    """A smooth axis along each line's points; ``unit`` is the pixels in one of the octave's."""
    count = np.bincount(lines)
    y0, x0 = np.bincount(lines, y) / count, np.bincount(lines, x) / count
    away_y, away_x = y - y0[lines], x - x0[lines]
    yy, xx, xy = (np.bincount(lines, part) for part in (away_y * away_y, away_x * away_x, away_x * away_y))
    turn = np.arctan2(2 * xy, xx - yy) / 2
    cosine, sine = np.cos(turn), np.sin(turn)
    along = (away_x * cosine[lines] + away_y * sine[lines]) / (STEP * unit)
    aside = (away_y * cosine[lines] - away_x * sine[lines]) / (STEP * unit)
    begin = np.full(len(count), np.inf)
    end = np.full(len(count), -np.inf)
    np.minimum.at(begin, lines, along)
    np.maximum.at(end, lines, along)
    nodes = np.floor(end - begin).astype(np.int64) + 1
    first = np.concatenate([[0], np.cumsum(nodes)])
    line = np.repeat(np.arange(len(count)), nodes)
    which = first[lines] + np.floor(along - begin[lines]).astype(np.int64)
    present, group = np.unique(which, return_inverse=True)
    held = np.zeros(first[-1], np.bool_)
    held[present] = True
    raw, smooth, slope = np.zeros(first[-1]), np.zeros(first[-1]), np.zeros(first[-1])
    raw[present] = medians(aside, group)
    _parabola_kernel(first, raw, held, _OUTLIER / STEP, smooth, slope)
    u = (np.arange(first[-1]) - first[line] + 0.5 + begin[line]) * STEP * unit
    v = smooth * STEP * unit
    norm = np.hypot(1, slope)
    c, s = cosine[line], sine[line]
    return Axes(
        line,
        y0[line] + u * s + v * c,
        x0[line] + u * c - v * s,
        (s + slope * c) / norm,
        (c - slope * s) / norm,
        held,
    )


@kernel()
def _strip_kernel(
    image: F32x2, y: F64x1, x: F64x1, down: F64x1, right: F64x1, unit: int, step: float, strip: F32x2
) -> None:
    """Read a picture across each node, averaged along as far as half way to its neighbours.

    image : float32 (H, W); step : px between readings; strip : float32 (M, 2 N + 1).
    """
    span = strip.shape[1] // 2
    for node in range(len(y)):
        for t in range(-span, span + 1):
            total, count = np.float32(0), 0
            for s in range(STEP):
                ahead = (s + 0.5 - STEP / 2) * unit
                row = y[node] + ahead * down[node] + t * step * right[node]
                column = x[node] + ahead * right[node] - t * step * down[node]
                value = bilinear_kernel(image, row, column)
                if not np.isnan(value):
                    total += value
                    count += 1
            strip[node, t + span] = total / count if count else np.nan


def reading(unit: int) -> float:
    """Pixels from reading to reading."""
    return max(_READINGS, unit * _READINGS / 2)


def strip(picture: Image, axis: Axes, unit: int) -> Image:
    """What a picture (H, W) shows across each node: float32 (M, 2 N + 1), NaN outside of it."""
    step = reading(unit)
    seen = np.zeros((len(axis.y), 2 * int(_REACH * unit / step) + 1), np.float32)
    _strip_kernel(picture, axis.y, axis.x, axis.down, axis.right, unit, step, seen)
    return seen


@kernel()
def _foot_kernel(line: I64x1, held: Bool1, seen: F32x2, side: int, foot: F32x2) -> None:
    """Where each node's ridge ends on both sides, in readings, from the profile averaged over nodes around.

    side : readings within which its top lies; foot : float32 (M, 2).
    """
    nodes, readings = seen.shape
    span = readings // 2
    profile = np.zeros(readings, np.float32)
    for node in range(nodes):
        for t in range(readings):
            total, count = np.float32(0), 0
            for other in range(max(0, node - _WINDOW), min(nodes, node + _WINDOW + 1)):
                if line[other] == line[node] and held[other] and not np.isnan(seen[other, t]):
                    total += seen[other, t]
                    count += 1
            profile[t] = total / count if count else np.nan
        top = span
        for t in range(span - side // 2, span + side // 2 + 1):
            if profile[t] > profile[top]:
                top = t
        for way in (-1, 1):
            low, at = profile[top], 1
            for t in range(1, 2 * side + 1):
                if profile[top + way * t] < low:
                    low, at = profile[top + way * t], t
                elif t > at + 3:
                    break  # it rises again: something else
            foot[node, (way + 1) // 2] = top - span + way * edge_kernel(profile, top, way, at, np.float64(low))


@kernel()
def edge_kernel(profile: F32x1, top: int, way: int, at: int, low: float) -> float:
    """Readings from the top of a ridge to where its edge on one side ends, if the edge is straight.

    at : readings from the top to the lowest one, where it is certain to have ended; low : that one's brightness,
    float32 or, for differences that are not rounded, float64.
    """
    contrast = profile[top] - np.float32(low)
    half = _crossing_kernel(profile, top, way, at, low, 0.5 * contrast)
    nearly = _crossing_kernel(profile, top, way, at, low, 0.2 * contrast)
    return min(half + (nearly - half) * 5 / 3, at)


@kernel()
def _crossing_kernel(profile: F32x1, top: int, way: int, at: int, low: float, above: float) -> float:
    """Readings from the top to where a profile falls to a level ``above`` its lowest."""
    t = 0
    while t < at and profile[top + way * (t + 1)] > low + above:
        t += 1
    drop = profile[top + way * t] - profile[top + way * (t + 1)]
    return t + (profile[top + way * t] - low - above) / drop if drop > 0 else float(t)


def feet(axis: Axes, seen: Image, unit: int) -> Image:
    """Where the ridge along each axis ends on both sides, in pixels aside: float32 (M, 2)."""
    foot = np.zeros((len(axis.y), 2), np.float32)
    step = reading(unit)
    _foot_kernel(axis.line, axis.held, seen, int(_MAX_OFF * unit / step), foot)
    return foot * np.float32(step)


@kernel()
def _level_kernel(seen: F32x2, foot: F32x2, beside: int, level: F32x2) -> None:
    """Brightness of each node's core and of the background next to both feet.

    foot : float32 (M, 2), in readings; beside : readings that count as next to it; level : float32 (M, 3), the core's
    and both sides', NaN outside of the picture.
    """
    nodes, readings = seen.shape
    span = readings // 2
    for node in range(nodes):
        low, high = foot[node, 0] + span, foot[node, 1] + span
        half = max(1.0, 0.2 * (high - low))
        left, right = int(np.floor(low)), int(np.ceil(high))
        first, last = int(np.ceil((low + high) / 2 - half)), int(np.floor((low + high) / 2 + half))
        level[node, 0] = _mean_kernel(seen[node], first, last)
        level[node, 1] = _mean_kernel(seen[node], left - beside, left)
        level[node, 2] = _mean_kernel(seen[node], right, right + beside)


@kernel()
def _mean_kernel(values: F32x1, first: int, last: int) -> np.float32:
    """The mean of the readings from ``first`` to ``last`` that lie in the picture, NaN where none does."""
    total, count = np.float32(0), 0
    for t in range(max(0, first), min(len(values) - 1, last) + 1):
        if not np.isnan(values[t]):
            total += values[t]
            count += 1
    return total / count if count else np.float32(np.nan)


def levels(seen: Image, foot: Image, unit: int) -> Image:
    """Brightness of each node's core and of the background next to both of its feet, NaN outside: float32 (M, 3)."""
    level = np.zeros((len(seen), 3), np.float32)
    step = reading(unit)
    _level_kernel(seen, foot / np.float32(step), int(_BESIDE * unit / step), level)
    return level


@kernel()
def _fold_kernel(line: I64x1, held: Bool1, seen: F32x2, foot: F32x2, profile: F64x2, number: F64x1) -> None:
    """Add up what the nodes of each line show across, ``_FOLDED`` half widths to both sides of the middle.

    foot : float32 (M, 2), in readings; profile : (L, 2 N + 1), of each line; number : (L,), nodes added.
    """
    readings = seen.shape[1]
    around = profile.shape[1] // 2
    for node in range(len(line)):
        half = max((foot[node, 1] - foot[node, 0]) / 2, 1.0)
        middle = (foot[node, 0] + foot[node, 1]) / 2 + readings // 2
        inside = middle - _FOLDED * half >= 0 and middle + _FOLDED * half < readings - 1
        if not (held[node] and inside) or np.isnan(seen[node]).any():
            continue
        for t in range(2 * around + 1):
            at = middle + (t - around) / around * _FOLDED * half
            i = int(at)
            profile[line[node], t] += seen[node, i] + (at - i) * (seen[node, i + 1] - seen[node, i])
        number[line[node]] += 1


def asymmetry(axis: Axes, seen: Image, foot: Image, unit: int) -> Array:
    """By how much the halves of each line's mean profile differ, as a share of its contrast, 1 at most: (L,)."""
    lines = int(axis.line.max(initial=-1)) + 1
    profile, number = np.zeros((lines, 2 * _FOLD + 1)), np.zeros(lines)
    _fold_kernel(axis.line, axis.held, seen, foot / np.float32(reading(unit)), profile, number)
    profile /= np.maximum(number, 1)[:, None]
    beside = _FOLD // 3  # readings outside of each foot
    left, right = profile[:, :beside].mean(axis=1), profile[:, -beside:].mean(axis=1)
    tilt = (right - left)[:, None] * np.linspace(-0.5, 0.5, 2 * _FOLD + 1) * (2 * _FOLD + 1) / (2 * _FOLD + 1 - beside)
    contrast = np.maximum(profile[:, _FOLD - 2 : _FOLD + 3].mean(axis=1) - (left + right) / 2, 1e-3)
    ridge = (profile - tilt)[:, beside:-beside]
    return np.asarray(np.minimum(np.abs(ridge - ridge[:, ::-1]).mean(axis=1) / contrast, 1))
