"""Linear systems of the harmonic and biharmonic fills: A u = b over the hole, with the known colours around it.

L is the Laplacian of the graph whose vertices are the hole's and the known pixels and whose edges join neighbours in
rows and columns, so that the picture's edge and void pixels are insulated. The fill minimises u . L^p u, p = 1 or 2,
hence A = (L^p)_HH and b = -(L^p)_HK u_K: for p = 1 every hole pixel is the mean of its neighbours, for p = 2 it is the
13-point stencil 20, -8, 2, 1. A is symmetric and positive definite where every part of the hole touches something
known; pixels amid void ones take the nearest known colour instead.

Parts of the hole that are narrow, as letters and scratches are, are factorised directly, at a cost that grows with the
square of their width. What is left is solved by conjugate gradients in float64 with a multigrid cycle in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from inpaintkit.arrays import Array, Bool1, F64x1, F64x2, I32x1, I64x1
from inpaintkit.classic._cholesky import Factor, factorise
from inpaintkit.classic._hole import base_colour
from inpaintkit.classic._multigrid import PAD, Multigrid
from inpaintkit.distance import nearest_known, unreachable
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask, Problem, Step

_EXACT = 1e-9  # of a weight's distance from 1: what is nearer is exact


class Solution(NamedTuple):
    """``values``: float64 (n, C), of the hole in raster order; ``change``: the largest in the last iteration."""

    values: F64x2
    iterations: int
    change: float
    converged: bool


class Elliptic:
    """The system of one hole, ready to be solved for any colours.

    Parameters
    ----------
    hole, known : bool (H, W), never both.
        Every hole pixel touches a known one, directly or through the hole (none is ``unreachable``).
    power : p, 1 for harmonic, 2 for biharmonic.
    pull : float64 (n,), 0 or more: how strongly each hole pixel is drawn towards a colour of its own, in units of its
        diagonal coefficient; None: not at all.
    """

    def __init__(self, hole: Mask, known: Mask, power: int, pull: F64x1 | None = None) -> None:
        self.power = power
        around = np.pad(hole | known, PAD)
        inside = np.pad(hole, PAD)
        self._grid = around.shape
        self._at = np.flatnonzero(inside)
        offsets, which, table = _stencils(around, self._at, power, pull)
        self._offsets, self._which, self._table = offsets, which, table
        self._factor: Factor | None
        self._factor, narrow = factorise(inside, which, table, offsets)
        self._wide = np.flatnonzero(~narrow)
        self._multigrid = None
        if len(self._wide):
            rest = np.zeros(inside.size, bool)
            rest[self._at[self._wide]] = True
            self._multigrid = Multigrid(rest.reshape(inside.shape), around, which[self._wide], table, offsets, power)

    def right_side(self, image: Array, known: Mask) -> F64x2:
        """b, float64 (n, C), for the colours of ``known``; ``image`` (H, W, C) is read nowhere else."""
        grid = np.zeros((*self._grid, image.shape[2]))
        np.copyto(grid[PAD:-PAD, PAD:-PAD], image, where=known[..., None])
        right = np.empty((len(self._at), image.shape[2]))
        _gather_kernel(right, grid.reshape(-1, image.shape[2]), self._at, self._which, self._table, self._offsets)
        return np.negative(right, out=right)

    def drawn(self, right: F64x2, colours: F64x2, pull: F64x1) -> F64x2:
        """b with each hole pixel drawn towards its own of the ``colours`` (n, C)."""
        diagonal = self._table[self._which, len(self._offsets) // 2]
        drawn: F64x2 = right + (diagonal * pull / (1 + pull))[:, None] * colours
        return drawn

    def solve(
        self,
        right: F64x2,
        *,
        start: F64x2 | None = None,
        tolerance: float = 1e-5,
        max_iterations: int = 100,
        progress: Callable[[Step], None] | None = None,
    ) -> Solution:
        """u of A u = ``right`` (n, C), iterated until no pixel moves by more than ``tolerance``."""
        values = np.empty_like(right)
        if self._factor is not None:
            self._factor.solve(right, values)
        if self._multigrid is None:
            return Solution(values, 0, 0.0, True)
        first = None if start is None else start[self._wide]
        part, iterations, change = self._multigrid.solve(right[self._wide], first, tolerance, max_iterations, progress)
        values[self._wide] = part
        return Solution(values, iterations, change, change <= tolerance)


def fill(problem: Problem, power: int, tolerance: float = 1e-5) -> Image:
    """The crop with its hole filled, to within ``tolerance``; notes what the iteration did.

    A constant stays exactly constant. A known pixel of weight w below 1 becomes w times its colour and the rest what
    its surroundings say.
    """
    image, partly = problem.image, problem.doubtful(1)
    known = problem.known & ~partly
    worth = problem.known if problem.weight is None else problem.known & (problem.weight > 0)
    if not worth.any():
        raise ContextError("nothing is known around the hole: pass fallback=True (--fallback) for a plain fill")
    filled = image.copy()
    cut_off = unreachable((problem.hole | partly) & ~worth, worth)
    if cut_off.any():
        filled[cut_off] = nearest_known(image, worth, cut_off)
    hole = (problem.hole | partly) & ~cut_off
    if not hole.any():
        return filled
    pull = None
    if problem.weight is not None:
        weight = np.where(partly, problem.weight, 0)[hole].astype(np.float64)
        pull = weight / np.maximum(1 - weight, _EXACT)
    system = Elliptic(hole, known, power, pull)
    base = base_colour(image, worth)
    right = system.right_side(image - base, known)
    if pull is not None:
        right = system.drawn(right, (image - base)[hole].astype(np.float64), pull)
    solved = system.solve(right, tolerance=tolerance, progress=problem.report)
    problem.note(iterations=solved.iterations, residual=solved.change, converged=solved.converged)
    filled[hole] = (solved.values + base).astype(np.float32)
    return filled


def softened(problem: Problem) -> Problem:
    """The problem without weights: known pixels have the plate's colours, those worth less than a half are hole."""
    if problem.weight is None:
        return problem
    return problem.without_weight(fill(replace(problem, _report=None, _facts={}), power=2))


def _stencils(around: Mask, at: I64x1, power: int, pull: F64x1 | None = None) -> tuple[I64x1, I32x1, F64x2]:
    """Offsets (K,) in the padded grid, each unknown's row of the table, and the table (m, K) of coefficients.

    Row 0 is the stencil amid open pixels; others belong to pixels near the picture's edge or void pixels, or to such as
    are drawn towards a colour of their own.
    """
    reach = np.arange(-power, power + 1)
    dy, dx = (grid.reshape(-1) for grid in np.meshgrid(reach, reach, indexing="ij"))
    diamond = np.abs(dy) + np.abs(dx) <= power
    offsets = (dy * around.shape[1] + dx)[diamond]
    element = diamond.reshape(len(reach), len(reach)).astype(np.uint8)
    ordinary = cv2.erode(around.view(np.uint8), element, borderValue=0).reshape(-1)[at] > 0
    special = np.flatnonzero(~ordinary if pull is None else ~ordinary | (pull > 0))
    which = np.zeros(len(at), np.int32)
    which[special] = np.arange(1, len(special) + 1)
    table = np.zeros((len(special) + 1, len(offsets)))
    amid = np.ones((7, 7), bool)
    for rows, grid, places in ((table[:1], amid, np.array([24])), (table[1:], around, at[special])):
        width, row = grid.shape[1], np.empty((2 * power + 1, 2 * power + 1))
        step = np.array([-width, -1, 1, width])
        _table_kernel(rows, grid.reshape(-1), width, places, step, dy[diamond], dx[diamond], power, row)
    if pull is not None:
        table[1:, len(offsets) // 2] *= 1 + pull[special]
    return offsets, which, table


@kernel()
def _table_kernel(
    table: F64x2, flat: Bool1, width: int, at: I64x1, step: I64x1, dy: I64x1, dx: I64x1, power: int, row: F64x2
) -> None:
    """Rows of L^power at the flat indices ``at``, coefficient by offset. ``row`` is room."""
    for n in range(len(at)):
        p = at[n]
        row[:] = 0
        for first in range(-1, 4):
            s = p if first < 0 else p + step[first]
            if not flat[s]:
                continue
            weight = 1.0
            if power == 2:
                weight = -1.0 if first >= 0 else 0.0
                if first < 0:
                    for side in range(4):
                        weight += flat[p + step[side]]
            elif first >= 0:
                break
            y, x = s // width - p // width + power, s % width - p % width + power
            degree = 0
            for side in range(4):
                q = s + step[side]
                if flat[q]:
                    degree += 1
                    row[q // width - p // width + power, q % width - p % width + power] -= weight
            row[y, x] += weight * degree
        for k in range(len(dy)):
            table[n, k] = row[dy[k] + power, dx[k] + power]


@kernel()
def _gather_kernel(out: F64x2, grid: F64x2, at: I64x1, which: I32x1, table: F64x2, offsets: I64x1) -> None:
    """out (n, C) = sum over k of table[which, k] grid[at + offset k]."""
    channels = out.shape[1]
    for n in range(len(at)):
        out[n] = 0
        for k in range(len(offsets)):
            weight = table[which[n], k]
            for c in range(channels):
                out[n, c] += weight * grid[at[n] + offsets[k], c]
