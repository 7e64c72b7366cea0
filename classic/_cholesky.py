"""Direct solves of a hole's narrow parts: reverse Cuthill-McKee order and a Cholesky factor inside its envelope.

Numbered from one end to the other (Cuthill and McKee 1969, George 1971), a pixel of a letter or a scratch has all its
neighbours within some two widths of its own number. So has the factor, which costs width^2 per pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inpaintkit.arrays import Bool1, F64x1, F64x2, I32x1, I64x1, U8x1
from inpaintkit.kernels import kernel
from inpaintkit.problem import Mask

_MAX_WIDTH = 90  # mean width of the envelope up to which a direct solve is the quicker one
_MAX_VALUES = 1 << 25  # of a factor, 256 MB; parts that come after that are left to multigrid


@dataclass(frozen=True, eq=False)
class Factor:
    """The factor's rows: unknown ``order[i]``, columns ``first[i]`` to i, values from ``start[i]`` on."""

    order: I32x1
    first: I32x1
    start: I64x1
    values: F64x1

    def solve(self, right: F64x2, result: F64x2) -> None:
        """Put the solution for ``right`` (n, C) into ``result`` (n, C) at the factor's unknowns."""
        _substitute_kernel(self.order, self.first, self.start, self.values, right, result)


def factorise(inside: Mask, which: I32x1, table: F64x2, offsets: I64x1) -> tuple[Factor | None, Bool1]:
    """The factor of all narrow parts, None where there is none, and which unknowns it solves for, bool (n,).

    Parameters
    ----------
    inside : bool (H, W), the unknowns, with a frame wide enough for the stencils.
    which, table, offsets : coefficients of unknown i at offset k: table[which[i], k]; symmetric.
    """
    at = np.flatnonzero(inside)
    number = np.zeros(inside.size, np.int32)
    number[at] = np.arange(1, len(at) + 1)  # unknown i has i + 1
    order, first, place, queue = np.full((4, len(at)), -1, np.int32)
    narrow, seen = np.zeros(len(at), np.bool_), np.zeros(len(at), np.uint8)
    shape = float(_MAX_WIDTH), _MAX_VALUES
    done = _order_kernel(at, number, which, table, offsets, *shape, order, first, place, queue, narrow, seen)
    if not done:
        return None, narrow
    order, first = order[:done].copy(), first[:done].copy()
    start = np.zeros(len(order) + 1, np.int64)
    np.cumsum(np.arange(len(order)) - first + 1, out=start[1:])
    values = np.zeros(start[-1])
    place.fill(-1)
    place[order] = np.arange(done)
    _factor_kernel(at, number, which, table, offsets, order, first, start, values, place)
    return Factor(order, first, start, values), narrow


@kernel()
def _order_kernel(
    at: I64x1,
    number: I32x1,
    which: I32x1,
    table: F64x2,
    offsets: I64x1,
    max_width: float,
    max_values: int,
    order: I32x1,
    first: I32x1,
    place: I32x1,
    queue: I32x1,
    narrow: Bool1,
    seen: U8x1,
) -> int:
    """Narrow parts one after the other, each in reverse Cuthill-McKee ``order``; the ``first`` column of each row.

    ``narrow`` says who is in. ``place`` is that in the order, -1 at first, ``queue`` is room; all have one for each
    unknown. Returns how many are in.
    """
    done, values = 0, 0
    for seed in range(len(at)):
        if seen[seed] == 2:
            continue
        begin, stop = seed, 0
        for sweep in range(1, 3):  # the last of a first search is one end of the part: number from there
            queue[0] = begin
            seen[begin] = sweep
            head, stop = 0, 1
            while head < stop:
                i = queue[head]
                head += 1
                for k in range(len(offsets)):
                    j = number[at[i] + offsets[k]] - 1
                    if j >= 0 and seen[j] < sweep and table[which[i], k] != 0:
                        seen[j] = sweep
                        queue[stop] = j
                        stop += 1
            begin = queue[stop - 1]
        for n in range(stop):
            i = queue[stop - 1 - n]
            order[done + n] = i
            place[i] = done + n
        total = 0
        for n in range(done, done + stop):
            i = order[n]
            lowest = n
            for k in range(len(offsets)):
                j = number[at[i] + offsets[k]] - 1
                if j >= 0 and table[which[i], k] != 0:
                    lowest = min(lowest, place[j])
            first[n] = lowest
            total += n - lowest
        if total <= max_width * stop and values + total + stop <= max_values:
            values += total + stop
            for n in range(done, done + stop):
                narrow[order[n]] = True
            done += stop
    return done


@kernel(fastmath=True)  # dot products in any order
def _factor_kernel(
    at: I64x1,
    number: I32x1,
    which: I32x1,
    table: F64x2,
    offsets: I64x1,
    order: I32x1,
    first: I32x1,
    start: I64x1,
    values: F64x1,
    place: I32x1,
) -> None:
    """Cholesky by rows: L[i, j] = (A[i, j] - L[i, :j] . L[j, :j]) / L[j, j]; the diagonal holds its reciprocal.

    ``place`` is an unknown's place in ``order``, -1 where it has none.
    """
    for i in range(len(order)):
        n = order[i]
        row = values[start[i] : start[i + 1]]
        low = first[i]
        for k in range(len(offsets)):
            other = number[at[n] + offsets[k]] - 1
            if other >= 0 and table[which[n], k] != 0 and place[other] <= i:
                row[place[other] - low] = table[which[n], k]
        for j in range(low, i):
            begin = max(low, first[j])
            total = row[j - low]
            shift = start[j] - first[j]
            mine, theirs = row[begin - low : j - low], values[shift + begin : shift + j]
            for k in range(len(mine)):
                total -= mine[k] * theirs[k]
            row[j - low] = total * values[shift + j]
        total = row[i - low]
        for k in range(i - low):
            total -= row[k] * row[k]
        row[i - low] = 1 / np.sqrt(total)


@kernel(fastmath=True)
def _substitute_kernel(order: I32x1, first: I32x1, start: I64x1, values: F64x1, right: F64x2, result: F64x2) -> None:
    """Forward and backward substitution, channel by channel."""
    work = np.empty(len(order))
    for c in range(right.shape[1]):
        for i in range(len(order)):
            shift = start[i] - first[i]
            total = right[order[i], c]
            row, above = values[start[i] : shift + i], work[first[i] : i]
            for k in range(len(row)):
                total -= row[k] * above[k]
            work[i] = total * values[shift + i]
        for i in range(len(order) - 1, -1, -1):
            shift = start[i] - first[i]
            work[i] *= values[shift + i]
            total = work[i]
            row, above = values[start[i] : shift + i], work[first[i] : i]
            for k in range(len(row)):
                above[k] -= row[k] * total
            result[order[i], c] = total
