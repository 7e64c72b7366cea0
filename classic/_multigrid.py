"""Conjugate gradients preconditioned by multigrid, for powers of the Laplacian over holes of any shape.

A coarse unknown stands at every second row and column where the finer grid has one. Its influence P is linear (p = 1)
or a cubic B-spline (p = 2), cut off outside the hole, and coarse systems are P^T A P (Galerkin): what the hole's shape
does to the fine system, it does to the coarse ones. Linear P is not enough for p = 2, where kinks cost energy. A cycle
smooths by two Chebyshev steps and visits every grid but the finest twice (W); without that the iterations grow with
the hole, as 13, 22, 41 for boxes of 150, 600, 1200 pixels instead of 9, 9, 11. The cycle works in float32, all else in
float64. U. Trottenberg, C. W. Oosterlee and A. Schueller, Multigrid, Academic Press 2001.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import local

import cv2
import numpy as np

from inpaintkit import threads
from inpaintkit.arrays import Array, Bool1, Bool2, F32x1, F32x2, I32x1, I64x1
from inpaintkit.kernels import kernel
from inpaintkit.problem import Mask, Step

Values = Array  # (n, C), n unknowns in raster order, float64 outside the cycle and float32 inside

PAD = 3  # px of zeros around every grid: the reach of the largest stencil, and more than P needs
_TAPS = {  # P along a line
    1: np.array([1 / 2, 1, 1 / 2], np.float32),
    2: np.array([1 / 8, 4 / 8, 6 / 8, 4 / 8, 1 / 8], np.float32),
}
_RADIUS = {1: 1, 2: 3}  # of coarse stencils
_SMOOTHED = {1: 4.0, 2: 10.0}  # the smoother damps eigenvalues down to the largest over this
_DIRECT = 200  # unknowns up to which a grid is solved by its inverse
_RIDDLED = 0.2  # share of unknowns amid others below which a hole is riddled
_LARGE = 40_000  # unknowns from which channels are solved for in pairs, one thread each
_LANES = 4  # channels at most that are solved for side by side
_USUAL = 12  # iterations that are expected, for the progress bar


class Multigrid:
    """A system over a hole.

    Parameters
    ----------
    inside, around : bool (H, W), unknowns and open (unknown or known) pixels, with a frame of PAD pixels of False.
    which, table, offsets : unknown i's coefficient at offset k of the flat grid is table[which[i], k], symmetric; row
        0 is the stencil of most unknowns.
    power : 1 or 2.
    """

    def __init__(self, inside: Mask, around: Mask, which: I32x1, table: Values, offsets: I64x1, power: int) -> None:
        self._table = table
        self._levels = [_Level(inside, around, which, table.astype(np.float32), offsets, power)]
        while (coarse := self._levels[-1].coarsened()) is not None:
            self._levels.append(coarse)

    def solve(
        self,
        right: Values,
        start: Values | None,
        tolerance: float,
        max_iterations: int,
        progress: Callable[[Step], None] | None = None,
    ) -> tuple[Values, int, float]:
        """u, float64 (n, C), of A u = ``right``, the number of iterations, and the largest change in the last one."""
        together = 2 if len(right) >= _LARGE else _LANES
        groups = [slice(c, c + together) for c in range(0, right.shape[1], together)]

        def part(group: slice) -> tuple[Values, int, float]:
            begin = None if start is None else np.ascontiguousarray(start[:, group])
            report = progress if group == groups[0] else None
            return self._iterate(np.ascontiguousarray(right[:, group]), begin, tolerance, max_iterations, report)

        parts, iterations, changes = zip(*threads.run(part, groups), strict=True)
        return np.concatenate(parts, axis=1), max(iterations), max(changes)

    def _iterate(
        self,
        right: Values,
        start: Values | None,
        tolerance: float,
        max_iterations: int,
        progress: Callable[[Step], None] | None,
    ) -> tuple[Values, int, float]:
        """Conjugate gradients, channel by channel but side by side."""
        fine = self._levels[0]
        u = np.zeros_like(right) if start is None else start.copy()
        residual = right.copy() if start is None else right - fine.times(u, self._table)
        direction = np.zeros_like(right)
        before = np.zeros(right.shape[1])
        change, done = 0.0, 0
        for done in range(1, max_iterations + 1):
            z = self._cycle(0, residual.astype(np.float32))
            now = np.einsum("nc,nc->c", residual, z, dtype=np.float64)
            direction *= _ratio(now, before)
            direction += z
            before = now
            moved = fine.times(direction, self._table)
            step = _ratio(now, np.einsum("nc,nc->c", direction, moved))
            moved *= step
            residual -= moved
            np.multiply(direction, step, out=moved)
            u += moved
            change = float(max(moved.max(), -moved.min()))
            if progress is not None:
                progress(Step(done, max(done + 1, _USUAL)))
            if change <= tolerance:
                break
        return u, done, change

    def _cycle(self, number: int, right: Values) -> Values:
        level = self._levels[number]
        if level.inverse is not None:
            return level.inverse @ right
        u = np.zeros_like(right)
        level.smooth(u, right.copy())
        if level.next is None:
            return u
        for _ in range(2 if number else 1):
            correction = self._cycle(number + 1, level.restrict(right - level.times(u)))
            level.prolong(correction, u)
            level.smooth(u, right - level.times(u))
        return u


@dataclass(eq=False)
class _Level:
    """One grid: its unknowns in raster order, as runs of the padded grid; vectors are float32 (n, C)."""

    inside: Mask
    around: Mask
    which: I32x1
    table: F32x2
    offsets: I64x1
    power: int
    inverse: Values | None = None
    next: _Level | None = None
    _own: local = field(default_factory=local)  # each thread's grids

    def __post_init__(self) -> None:
        self.width = self.inside.shape[1]
        edges = np.diff(self.inside.reshape(-1).view(np.int8), prepend=0)
        self.starts, self.stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        self.number = np.cumsum(self.inside, dtype=np.int32)  # 1 to n, 0 for what is no unknown
        self.number[~self.inside.reshape(-1)] = 0
        diagonal = self.table[:, len(self.offsets) // 2]
        self.reciprocal = (1 / diagonal)[self.which, None]
        largest = float(np.max(np.abs(self.table).sum(axis=1) / diagonal))  # eigenvalue of A / diagonal (Gershgorin)
        smallest = largest / _SMOOTHED[self.power]  # that the smoother has to damp
        self.theta, self.delta = (largest + smallest) / 2, (largest - smallest) / 2
        if len(self.which) <= _DIRECT:
            self.inverse = self._inverted()

    def _inverted(self) -> Values:
        at = np.flatnonzero(self.inside)
        near = self.number[at[:, None] + self.offsets] - 1
        matrix = np.zeros((len(at), len(at)))
        row, k = np.nonzero(near >= 0)
        matrix[row, near[row, k]] = self.table[self.which[row], k]
        inverse: Values = np.linalg.inv(matrix).astype(np.float32)
        return inverse

    def times(self, u: Values, table: Values | None = None) -> Values:
        """A u."""
        table = self.table if table is None else table
        out = np.empty_like(u)
        runs = (self.starts, self.stops)
        _times_kernel(out.reshape(-1), self._spread(u), *runs, self.which, table, self.offsets, u.shape[1])
        return out

    def smooth(self, u: Values, residual: Values) -> None:
        """Two Chebyshev steps on ``u``, in place; its ``residual`` is used up."""
        sigma = self.theta / self.delta
        step = residual * self.reciprocal
        step *= np.float32(1 / self.theta)
        u += step
        residual -= self.times(step)
        rho = 1 / (2 * sigma - 1 / sigma)
        step *= np.float32(rho / sigma)
        step += np.float32(2 * rho / self.delta) * self.reciprocal * residual
        u += step

    def restrict(self, residual: Values) -> Values:
        """P^T residual."""
        assert self.next is not None
        below, channels = self.next, residual.shape[1]
        out = np.empty((len(below.which), channels), np.float32)
        spread = self._spread(residual * self.share)
        taps = _TAPS[self.power]
        _restrict_kernel(out, spread, below.starts, below.stops, taps, below.width, self.width, channels)
        return out

    def prolong(self, correction: Values, u: Values) -> None:
        """u += P correction."""
        assert self.next is not None
        spread = self.next._spread(correction)
        taps = _TAPS[self.power]
        _prolong_kernel(u, spread, self.share, self.starts, self.stops, taps, self.width, self.next.width, u.shape[1])

    def _spread(self, u: Values) -> Array:
        """u in its places of the padded grid, zeros elsewhere: (H * W * C,); the next call overwrites it."""
        grids, key = (
            vars(self._own),
            f"{u.dtype.char}{u.shape[1]}",
        )  # a type's whole name takes longer than a small grid
        if key not in grids:
            grids[key] = np.zeros(self.inside.size * u.shape[1] + 3, u.dtype)  # 3: the last of four lanes
        grid: Array = grids[key]
        _spread_kernel(grid, self.starts, self.stops, u.reshape(-1), u.shape[1])
        return grid

    def coarsened(self) -> _Level | None:
        """The next grid, with the system P^T A P; None where this one is solved directly or nothing is left to solve.

        Far from the hole's rim all coefficients are the same: they are worked out once and stand in row 0.
        """
        inside, around = _halved(self._to_coarsen()), _halved(self.around)
        if self.inverse is not None or not inside.any():
            return None
        taps, radius = _TAPS[self.power], _RADIUS[self.power]
        width = inside.shape[1]
        at = np.flatnonzero(inside)
        below = ((at // width - PAD) * 2 + PAD) * self.width + (at % width - PAD) * 2 + PAD
        self.share = np.empty((len(self.which), 1), np.float32)  # makes weights sum to one beside the picture's edge
        _share_kernel(self.share[:, 0], self.inside, around, taps)
        deep = self._amid_equals(len(taps) // 2)[below]
        rows = np.concatenate([np.flatnonzero(deep)[:1], np.flatnonzero(~deep)])
        which = np.zeros(len(at), np.int32)
        which[rows] = np.arange(len(rows))
        dy, dx = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        offsets = (dy * width + dx).reshape(-1)
        table = np.empty((len(rows), len(offsets)), np.float32)
        _galerkin_kernel(
            table,
            at[rows],
            inside,
            self.number,
            self.share[:, 0],
            self.which,
            self.table,
            self.offsets,
            taps,
            radius,
            self.width,
        )
        self.next = _Level(inside, around, which, table, offsets, self.power)
        return self.next

    def _to_coarsen(self) -> Mask:
        """Unknowns that may stand on the next grid: all, or in a riddled hole those whose neighbours are all unknown.

        Where pixels are lost singly or in small clusters, smoothing does it all and coarse stencils cost most.
        """
        amid = np.asarray(cv2.erode(self.inside.view(np.uint8), np.ones((3, 3), np.uint8)), np.bool_)
        return amid if np.count_nonzero(amid) < _RIDDLED * len(self.which) else self.inside

    def _amid_equals(self, reach: int) -> Bool1:
        """Where all that P^T A P reads has the common coefficients: (H * W,)."""
        equal = self.inside.astype(np.uint8)
        equal[self.inside] = (self.which == 0) & (self.share[:, 0] == 1)
        side = 2 * (2 * reach + int(np.rint(self.offsets[-1] / self.width))) + 1
        deep = cv2.erode(equal, np.ones((side, side), np.uint8), borderValue=0)
        return np.asarray(deep, np.bool_).reshape(-1)


def _halved(mask: Mask) -> Mask:
    """Every second row and column, framed anew."""
    return np.pad(mask[PAD:-PAD:2, PAD:-PAD:2], PAD)


def _ratio(over: Values, under: Values) -> Values:
    """over / under, 0 where nothing is left to divide by."""
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)


@kernel()
def _share_kernel(share: F32x1, inside: Bool2, around: Bool2, taps: F32x1) -> None:
    """One over the weights that open coarse pixels have at each unknown."""
    reach = len(taps) // 2
    n = 0
    for y in range(PAD, inside.shape[0] - PAD):
        for x in range(PAD, inside.shape[1] - PAD):
            if not inside[y, x]:
                continue
            total = np.float32(0)
            i, j = y - PAD, x - PAD
            for v in range((i - reach + 1) // 2, (i + reach) // 2 + 1):
                for u in range((j - reach + 1) // 2, (j + reach) // 2 + 1):
                    if around[v + PAD, u + PAD]:
                        total += taps[i - 2 * v + reach] * taps[j - 2 * u + reach]
            share[n] = 1 / total if total > 0 else np.float32(1)
            n += 1


@kernel()
def _spread_kernel(grid: Array, starts: I64x1, stops: I64x1, values: Array, channels: int) -> None:
    """Put the values of the unknowns, run after run, into their places of the grid."""
    n = 0
    for run in range(len(starts)):
        for t in range(starts[run] * channels, stops[run] * channels):
            grid[t] = values[n]
            n += 1


@kernel()
def _times_kernel(
    out: Array, grid: Array, starts: I64x1, stops: I64x1, which: I32x1, table: Array, offsets: I64x1, channels: int
) -> None:
    """out = A u; unknowns in a row with the same coefficients are worked on together."""
    zero = out.dtype.type(0)
    fours = len(offsets) // 4 * 4
    n = 0
    for run in range(len(starts)):
        at, stop = starts[run], stops[run]
        while at < stop:
            row = which[n]
            length = 1
            while at + length < stop and which[n + length] == row:
                length += 1
            size = length * channels
            part = out[n * channels : n * channels + size]
            if size < 32:  # four lanes per unknown, whatever the number of channels: vectors without a loop
                for i in range(at, at + length):
                    a = b = c = d = zero
                    for k in range(len(offsets)):
                        weight = table[row, k]
                        near = (i + offsets[k]) * channels
                        a += weight * grid[near]
                        b += weight * grid[near + 1]
                        c += weight * grid[near + 2]
                        d += weight * grid[near + 3]
                    to = (i - at) * channels
                    part[to] = a
                    if channels > 1:
                        part[to + 1] = b
                    if channels > 2:
                        part[to + 2] = c
                    if channels > 3:
                        part[to + 3] = d
            else:
                part[:] = 0
                for k in range(0, fours, 4):  # four at a time, for a sum costs less than to fetch and put it back
                    a, b, c, d = table[row, k], table[row, k + 1], table[row, k + 2], table[row, k + 3]
                    one = grid[(at + offsets[k]) * channels :]
                    two = grid[(at + offsets[k + 1]) * channels :]
                    three = grid[(at + offsets[k + 2]) * channels :]
                    four = grid[(at + offsets[k + 3]) * channels :]
                    for t in range(size):
                        part[t] += a * one[t] + b * two[t] + c * three[t] + d * four[t]
                for k in range(fours, len(offsets)):
                    a = table[row, k]
                    one = grid[(at + offsets[k]) * channels :]
                    for t in range(size):
                        part[t] += a * one[t]
            at += length
            n += length


@kernel()
def _restrict_kernel(
    out: F32x2, grid: F32x1, starts: I64x1, stops: I64x1, taps: F32x1, coarse: int, fine: int, channels: int
) -> None:
    """Sums of fine values under each coarse unknown: down the columns first, then along the row."""
    reach = len(taps) // 2
    n = 0
    for run in range(len(starts)):
        length = stops[run] - starts[run]
        i, j = starts[run] // coarse - PAD, starts[run] % coarse - PAD
        first = (2 * i + PAD) * fine + 2 * j + PAD - reach
        line = np.zeros((2 * length - 1 + 2 * reach) * channels, np.float32)
        for v in range(-reach, reach + 1):
            weight = taps[v + reach]
            row = grid[(first + v * fine) * channels :]
            for t in range(len(line)):
                line[t] += weight * row[t]
        for m in range(length):
            for c in range(channels):
                total = np.float32(0)
                for u in range(2 * reach + 1):
                    total += taps[u] * line[(2 * m + u) * channels + c]
                out[n, c] = total
            n += 1


@kernel()
def _prolong_kernel(
    u: F32x2,
    grid: F32x1,
    share: F32x2,
    starts: I64x1,
    stops: I64x1,
    taps: F32x1,
    fine: int,
    coarse: int,
    channels: int,
) -> None:
    """Add to each fine unknown its coarse neighbours, in the grid of width ``coarse``: columns first, then rows."""
    reach = len(taps) // 2
    n = 0
    for run in range(len(starts)):
        i, j = starts[run] // fine - PAD, starts[run] % fine - PAD
        length = stops[run] - starts[run]
        first, last = (j - reach + 1) // 2, (j + length - 1 + reach) // 2
        line = np.zeros((last + 1 - first) * channels, np.float32)
        for y in range((i - reach + 1) // 2, (i + reach) // 2 + 1):
            weight = taps[i - 2 * y + reach]
            row = grid[((y + PAD) * coarse + first + PAD) * channels :]
            for t in range(len(line)):
                line[t] += weight * row[t]
        for at in range(j, j + length):
            for x in range((at - reach + 1) // 2, (at + reach) // 2 + 1):
                weight = share[n, 0] * taps[at - 2 * x + reach]
                for c in range(channels):
                    u[n, c] += weight * line[(x - first) * channels + c]
            n += 1


@kernel()
def _galerkin_kernel(
    table: F32x2,
    at: I64x1,
    inside: Bool2,
    number: I32x1,
    share: F32x1,
    which: I32x1,
    coefficients: F32x2,
    offsets: I64x1,
    taps: F32x1,
    radius: int,
    fine: int,
) -> None:
    """P^T A P at the coarse unknowns ``at``, a row of ``table`` each."""
    reach = len(taps) // 2
    side = 2 * radius + 1
    row = np.empty((side, side))
    for m in range(len(at)):
        i, j = at[m] // inside.shape[1] - PAD, at[m] % inside.shape[1] - PAD
        row[:] = 0
        for v in range(-reach, reach + 1):
            for u in range(-reach, reach + 1):
                p = (2 * i + v + PAD) * fine + 2 * j + u + PAD
                n = number[p] - 1
                if n < 0:
                    continue
                outer = taps[v + reach] * taps[u + reach] * share[n]
                for k in range(len(offsets)):
                    q = p + offsets[k]
                    other = number[q] - 1
                    if other < 0:
                        continue
                    inner = outer * coefficients[which[n], k] * share[other]
                    y, x = q // fine - PAD, q % fine - PAD
                    for w in range((y - reach + 1) // 2, (y + reach) // 2 + 1):
                        for z in range((x - reach + 1) // 2, (x + reach) // 2 + 1):
                            if inside[w + PAD, z + PAD]:
                                row[w - i + radius, z - j + radius] += (
                                    inner * taps[y - 2 * w + reach] * taps[x - 2 * z + reach]
                                )
        for k in range(side * side):
            table[m, k] = row[k // side, k % side]
