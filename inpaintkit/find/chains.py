"""Chains: the tops of ridges, linked point by point along their directions, and what each chain shows across itself.

A chain ends where nothing goes on within a few pixels in its direction; branches that leave it sharply are chains of
their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import Array, F32x2, F64x1, I32x1, I32x2, I64x1, U8x2
from inpaintkit.find.ridges import COSINE, DIRECTIONS, SINE, Ridges
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image
from inpaintkit.sampling import bilinear_kernel
from inpaintkit.union_find import lead_kernel, unite_kernel

_AHEAD = 4  # px of an octave that a gap may have
_TURN = 3  # steps of direction by which a chain may turn from point to point
_REACH = 6  # px of an octave that are read across, on each side
_ALONG = 2  # samples on each side, an octave's pixel apart, that a reading is the mean of

# Columns of what is measured at each point.
CORE, LEFT, RIGHT, OUTER_LEFT, OUTER_RIGHT, FROM, TO, STEP, TINT, SIDE_TINT = range(10)
MEASURES = 10


@dataclass(frozen=True, eq=False)
class Chains:
    """Points of linked ridges.

    Attributes
    ----------
    unit : pixels of the picture in one of the octave's.
    row, column : float64 (N,), in pixels of the picture.
    way : int64 (N,), direction.
    strength : float32 (N,), the response over the texture's.
    chain : int64 (N,), the chain of each point, from 0 without a gap.
    """

    unit: int
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    way: NDArray[np.int64]
    strength: NDArray[np.float32]
    chain: NDArray[np.int64]

    @property
    def count(self) -> int:
        """How many chains there are."""
        return int(self.chain.max(initial=-1)) + 1

    def part(self, which: NDArray[np.bool_]) -> Chains:
        """Some of the points, chains numbered anew."""
        numbers = np.unique(self.chain[which], return_inverse=True)[1]
        return Chains(self.unit, self.row[which], self.column[which], self.way[which], self.strength[which], numbers)

    def sums(self, values: Array) -> NDArray[np.float64]:
        """The sum of values (N,) over each chain."""
        return np.asarray(np.bincount(self.chain, values, minlength=self.count), np.float64)

    def means(self, values: Array) -> NDArray[np.float64]:
        """The mean of values (N,) over each chain."""
        number = np.bincount(self.chain, minlength=self.count)
        return np.asarray(self.sums(values) / np.maximum(number, 1), np.float64)


@kernel()
def _top_kernel(
    response: F32x2, way: U8x2, texture: F32x2, lowest: float, sine: F64x1, cosine: F64x1, top: I32x2
) -> None:
    """Number the pixels, row by row, whose response exceeds their neighbours' across the line: from 0, -1 elsewhere."""
    height, width = response.shape
    number = 0
    for i in range(height):
        for j in range(width):
            top[i, j] = -1
            here = response[i, j]
            if here < lowest * texture[i, j]:
                continue
            k = way[i, j]
            down, right = round(cosine[k]), round(-sine[k])
            one_i, one_j, other_i, other_j = i + down, j + right, i - down, j - right
            if 0 <= one_i < height and 0 <= one_j < width and response[one_i, one_j] > here:
                continue
            if 0 <= other_i < height and 0 <= other_j < width and response[other_i, other_j] >= here:
                continue
            top[i, j] = number
            number += 1


@kernel()
def _link_kernel(
    top: I32x2, rows: I64x1, columns: I64x1, way: I64x1, sine: F64x1, cosine: F64x1, parent: I32x1
) -> None:
    """Unite each point with the nearest that goes on in its direction."""
    height, width = top.shape
    for point in range(len(rows)):
        k = way[point]
        for forth in (-1, 1):
            found = False
            for s in range(1, _AHEAD + 1):
                for t in range(-1, 2):
                    i = round(rows[point] + forth * s * sine[k] + t * cosine[k])
                    j = round(columns[point] + forth * s * cosine[k] - t * sine[k])
                    if not (0 <= i < height and 0 <= j < width) or top[i, j] < 0 or top[i, j] == point:
                        continue
                    turn = abs(way[top[i, j]] - k)
                    if min(turn, DIRECTIONS - turn) <= _TURN:
                        unite_kernel(parent, point, top[i, j])
                        found = True
                if found:
                    break
    lead_kernel(parent)


@kernel()
def _measure_kernel(
    bright: F32x2,
    tint: F32x2,
    sign: float,
    unit: int,
    rows: F64x1,
    columns: F64x1,
    way: I64x1,
    sine: F64x1,
    cosine: F64x1,
    measured: F32x2,
) -> None:
    """Read the profile across each point, the mean of a few samples along, and measure it; see the columns above."""
    reach = _REACH * unit
    profile = np.empty(2 * reach + 1, np.float32)
    for point in range(len(rows)):
        y, x, down, right = rows[point], columns[point], sine[way[point]], cosine[way[point]]
        for t in range(-reach, reach + 1):
            profile[reach + t] = np.float32(sign) * _along_kernel(bright, y, x, down, right, t, unit)
        top = reach
        for t in range(reach - unit, reach + unit + 1):
            if profile[t] > profile[top]:
                top = t
        core = profile[top]
        left, outer_left = _side_kernel(profile, top, -1, unit)
        right_side, outer_right = _side_kernel(profile, top, 1, unit)
        measured[point, CORE], measured[point, LEFT], measured[point, RIGHT] = core, left, right_side
        measured[point, OUTER_LEFT], measured[point, OUTER_RIGHT] = outer_left, outer_right
        steepest = np.float32(0)
        for forth in (-1, 1):
            half = (core + (left if forth < 0 else right_side)) / 2
            t = top
            while 0 < t + forth < len(profile) - 1 and profile[t + forth] > half:
                t += forth
            drop = profile[t] - profile[t + forth] if 0 <= t + forth < len(profile) else np.float32(0)
            end = t - reach + forth * (0.5 if drop <= 0 else min(1.0, max(0.0, (profile[t] - half) / drop)))
            measured[point, FROM if forth < 0 else TO] = end
        for t in range(1, len(profile)):
            steepest = max(steepest, abs(profile[t] - profile[t - 1]))
        measured[point, STEP] = steepest
        measured[point, TINT] = _along_kernel(tint, y, x, down, right, top - reach, unit)
        one = _along_kernel(tint, y, x, down, right, top - reach - 4 * unit, unit)
        other = _along_kernel(tint, y, x, down, right, top - reach + 4 * unit, unit)
        measured[point, SIDE_TINT] = max(one, other)


@kernel(inline=True)
def _side_kernel(profile: Array, top: int, forth: int, unit: int) -> tuple[np.float32, np.float32]:
    """The lowest reading next to the core, and the mean of what lies beyond."""
    low, outer, count = profile[top], np.float32(0), 0
    for away in range(1, 5 * unit + 1):
        t = top + forth * away
        if not 0 <= t < len(profile):
            break
        if away <= 4 * unit:
            low = min(low, profile[t])
        if away >= 4 * unit:
            outer += profile[t]
            count += 1
    return low, outer / np.float32(count) if count else low


@kernel()
def _along_kernel(image: F32x2, y: float, x: float, down: float, right: float, aside: float, unit: int) -> np.float32:
    """The mean along a short stretch that runs ``aside`` px beside a point; the nearest pixel's outside."""
    total = np.float32(0)
    height, width = image.shape
    for s in range(-_ALONG, _ALONG + 1):
        i = min(max(y + s * unit * down + aside * right, 0.0), height - 1.001)
        j = min(max(x + s * unit * right - aside * down, 0.0), width - 1.001)
        total += bilinear_kernel(image, i, j)
    return total / np.float32(2 * _ALONG + 1)


def chains(found: Ridges, polarity: int, lowest: float, min_sum: float) -> Chains:
    """The chains of light (polarity 0) or dark (1) ridges.

    lowest : what a point needs, in terms of the texture; min_sum : what a chain's points must add up to beyond that.
    """
    response, way = found.response[polarity], found.way[polarity]
    top: NDArray[np.int32] = np.empty(response.shape, np.int32)
    _top_kernel(response, way, found.texture, lowest, SINE, COSINE, top)
    rows, columns = np.nonzero(top >= 0)
    directions = way[rows, columns].astype(np.int64)
    parent = np.arange(len(rows), dtype=np.int32)
    _link_kernel(top, rows, columns, directions, SINE, COSINE, parent)
    strength = response[rows, columns] / found.texture[rows, columns]
    total = np.bincount(parent, strength - lowest, minlength=len(parent))[parent]
    keep = total >= min_sum
    centre = [np.asarray((where[keep] + 0.5) * found.unit - 0.5, np.float64) for where in (rows, columns)]
    numbers = np.unique(parent[keep], return_inverse=True)[1].astype(np.int64)
    return Chains(found.unit, centre[0], centre[1], directions[keep], strength[keep], numbers)


def measured(chain: Chains, bright: Image, tint: Image, polarity: int) -> Image:
    """What each point shows across its chain, float32 (N, MEASURES); brightness is negative for dark ones."""
    result = np.zeros((len(chain.row), MEASURES), np.float32)
    sign = -1.0 if polarity else 1.0
    _measure_kernel(bright, tint, sign, chain.unit, chain.row, chain.column, chain.way, SINE, COSINE, result)
    return result
