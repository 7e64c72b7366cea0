"""Seams of a fill that was copied pixel by pixel: hidden by a Poisson equation (Pérez, Gangnet and Blake 2003).

Where two neighbours were not copied together, their difference misses by m the slope that they have where they come
from. The correction e that minimises the sum over pairs of (difference of e + m)^2 is 0 on the rim and turns seams into
slow changes. An m that is large beside the slopes around it is left out: an edge stands there, which would be smeared.
doi:10.1145/882262.882269
"""

from __future__ import annotations

import cv2
import numpy as np

from inpaintkit.arrays import Array, Bool2, F32x2, F32x3, I32x1, I32x2, I32x3
from inpaintkit.classic._elliptic import Elliptic
from inpaintkit.classic._nnf import bounds
from inpaintkit.distance import unreachable
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask, Problem

_EDGE, _USUAL = 0.02, 14.0  # a seam of more than 0.02 of the range and 14 usual slopes is an edge
_ROUNDING = 5.0  # of the picture's steps: no smaller seam is an edge
_AROUND = 25  # px, side of the square whose mean slope is the usual one


def around(hole: Mask, known: Mask, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the hole and ``margin`` pixels around it: all that its distances and linear systems need.

    That is the whole picture where a hole pixel touches one that is neither hole nor known.
    """
    rows, columns = bounds(hole)
    near = (
        slice(max(0, rows.start - margin), rows.stop + margin),
        slice(max(0, columns.start - margin), columns.stop + margin),
    )
    rim = cv2.dilate(hole[near].view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return near if (hole | known)[near][rim].all() else (slice(0, hole.shape[0]), slice(0, hole.shape[1]))


def summed(plane: Array, side: int) -> Image:
    """Sums over squares of ``side``, float32; nothing lies beyond the edge."""
    values = plane.view(np.uint8) if plane.dtype == np.bool_ else plane.astype(np.float32, copy=False)
    sums = cv2.boxFilter(values, cv2.CV_32F, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(sums, np.float32)


def shifts(hole: Mask, origin: I32x1) -> I32x3:
    """Rows and columns from each hole pixel to the one it was copied from, (H, W, 2); 0 where none was.

    Parameters
    ----------
    origin : flat index of the pixel that each of the hole's was copied from, in raster order; -1 for none.
    """
    at = np.flatnonzero(hole)
    there = np.where(origin < 0, at, origin)
    moved = np.zeros((*hole.shape, 2), np.int32)
    moved[hole] = np.stack(np.divmod(there, hole.shape[1]), axis=1) - np.stack(np.divmod(at, hole.shape[1]), axis=1)
    return moved


def blended(problem: Problem, filled: Image, origin: I32x1) -> Image:
    """The fill with its seams hidden; changed in place.

    Parameters
    ----------
    filled : float32 (H, W, C), the crop, its hole copied.
    origin : as ``shifts`` takes it.
    """
    near = around(problem.hole, problem.known, 2)
    known, hole = problem.known[near], problem.hole[near]
    hole = hole & ~unreachable(hole, known)
    if not hole.any():
        return filled
    wanted = _misses(problem, filled, origin, near)[hole]
    if wanted.any():
        system = Elliptic(hole, known, power=1)
        filled[near][hole] += system.solve(wanted.astype(np.float64), tolerance=1e-3).values.astype(np.float32)
    return filled


def _misses(problem: Problem, filled: Image, origin: I32x1, near: tuple[slice, slice]) -> Image:
    """The right side of e's equations, (h, w, C) over the rows and columns ``near``."""
    rows, columns = near
    height, width = problem.hole.shape
    here = np.arange(height, dtype=np.int32)[rows, None] * np.int32(width) + np.arange(width, dtype=np.int32)[columns]
    place: I32x2 = np.where(problem.known[near], here, np.int32(-1))
    place[problem.hole[near]] = origin
    total = np.zeros((*place.shape, filled.shape[2]), np.float32)
    edge = max(_EDGE, _ROUNDING * problem.step)
    for dy, dx in ((1, 0), (0, 1)):
        miss, slope, together = _seams_kernel(filled, problem.known, place, rows.start, columns.start, dy, dx)
        usual = summed(slope, _AROUND) / np.maximum(summed(together, _AROUND), 1)
        size = np.sqrt(np.mean(miss**2, axis=2)) / (edge + _USUAL * usual)
        miss /= (1 + size**4)[..., None]
        total += miss
        total[dy:, dx:] -= miss[: miss.shape[0] - dy, : miss.shape[1] - dx]
    return total


@kernel()
def _seams_kernel(
    filled: F32x3, known: Bool2, place: I32x2, top: int, left: int, dy: int, dx: int
) -> tuple[F32x3, F32x2, F32x2]:
    """For each pixel and its neighbour (dy, dx), over the box of ``place``: m, their slope where they belong together,
    and 1 where they do, known or copied together, else 0.
    """
    height, width, channels = filled.shape
    rows, columns = place.shape
    miss = np.zeros((rows, columns, channels), np.float32)
    slope = np.zeros((rows, columns), np.float32)
    together = np.zeros((rows, columns), np.float32)
    for v in range(rows - dy):
        for u in range(columns - dx):
            here, there = place[v, u], place[v + dy, u + dx]
            if here < 0 or there < 0:
                continue
            y, x = top + v, left + u
            if there - here == dy * width + dx:
                for t in range(channels):
                    slope[v, u] += abs(filled[y + dy, x + dx, t] - filled[y, x, t]) / channels
                together[v, u] = 1
                continue
            hy, hx, ty, tx = here // width, here % width, there // width, there % width
            after = hy + dy < height and hx + dx < width and known[hy, hx] and known[hy + dy, hx + dx]
            before = ty >= dy and tx >= dx and known[ty, tx] and known[ty - dy, tx - dx]
            for t in range(channels):
                wanted = np.float32(0)
                if after:
                    wanted += filled[hy + dy, hx + dx, t] - filled[hy, hx, t]
                if before:
                    wanted += filled[ty, tx, t] - filled[ty - dy, tx - dx, t]
                if after or before:
                    miss[v, u, t] = filled[y + dy, x + dx, t] - filled[y, x, t] - wanted / np.float32(after + before)
    return miss, slope, together
