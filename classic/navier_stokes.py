"""Navier-Stokes inpainting (Bertalmio, Bertozzi, Sapiro 2001): the picture is the stream function of a flow.

Isophotes are stream lines, so that smoothness is carried along them into the hole while viscosity smooths what is
carried; anisotropic diffusion keeps the lines straight and sharp. doi:10.1109/CVPR.2001.990497

I is the picture in grey levels, 255 to its range, v = (-I_y, I_x) the isophotes' direction, w = L I the smoothness
(vorticity).

    w_t + v . grad w = nu div(g(|grad w|) grad w),     g(s) = 1 / (1 + (s / K)^2),                                  (7)
    L I = w in the hole, I as known around it,                                                                      (8)
    I_t = b a(|grad I|) curv(I) |grad I|,     a(s) = s^2 / (s^2 + E^2), the anisotropic diffusion of I.

A cycle is one step of (7), the solution of (8), and some steps of diffusion; w is then taken anew from I. Each pixel
has its own time step, as large as its speed and viscosity allow: the steady state does not depend on it. Luminance and
two chroma planes are filled separately.

What the paper leaves open, and what is done here:

- The rim. w of a known pixel beside the hole is L I with the hole's present pixels, so that the gradient of I runs on
  across the rim (no slip). With w from the known side alone, closed eddies overshoot by half the range and more.
- The start is the creeping flow, the steady state of (7) without transport and with g = 1: L L I = 0. Ramps are exact
  in it and stay so. A start from coarser pictures, which was tried, cuts thin lines that the creeping flow joins.
- nu is a number of grey levels, as I is. The flow's Reynolds number is the contrast of an edge over nu; from about 3
  upwards a jet leaves its straight line in a hole of 20 pixels, as jets do.
- The diffusion acts wherever there is a gradient (E below). Smearing grows with the way through the hole, so b is
  1 from 8 pixels inside the rim and falls to 0.1 beside it; at full strength there, edges follow the rim of a thin
  hole instead of crossing it. Pixels move one after the other, which ends most of the flickering of single ones. It
  makes edges straight, curved ones too: an arc comes out as its chord.

``variant="opencv"`` is what OpenCV calls INPAINT_NS, which is not this: one pass of fast marching, each pixel the mean
of the known ones around it, weighted by nearness and by how well they lie along its isophote.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from inpaintkit.arrays import F64x1, F64x2, I32x2, I64x1
from inpaintkit.classic._elliptic import fill
from inpaintkit.classic._opencv import opencv_navier_stokes
from inpaintkit.classic.rows import NAVIER_STOKES_REACH
from inpaintkit.distance import rim_distance, unreachable
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask, Problem, Step

_LEVELS = 255.0  # what nu, the contrast and the tolerance are measured in
_EDGE = 0.5  # E, grey levels (or the picture's wider steps) a pixel: weaker gradients are shading or noise
_DEEP, _MIN_SHARE = 8.0, 0.1  # pixels from the rim where b reaches 1, and the smallest b
_FLOW, _LEVEL = 0.125, 0.5  # largest stable steps: of (7) as a fraction of the CFL limit, of the diffusion in pixels^2
_ACCURACY = 0.02  # of a cycle's Poisson solution, relative: the next cycle corrects it
_MIN_SQUARE = 1e-200  # sums of squares below it would underflow
_ROUND = 10  # cycles between two looks at the residual; even, so that what only flickers does not count
_AT_REST = 0.98  # share of the pixels that must have come to rest
_TO_PLANES = np.array([[1 / 3, 1 / 3, 1 / 3], [1 / 2, 0, -1 / 2], [-1 / 4, 1 / 2, -1 / 4]])  # luminance and chroma
_TO_COLOURS = np.array([[1, 1, -2 / 3], [1, 0, 4 / 3], [1, -1, -2 / 3]])
_WEST, _EAST, _NORTH, _SOUTH = 0, 1, 2, 3


def navier_stokes(
    problem: Problem,
    *,
    variant: Literal["pde", "opencv"] = "pde",
    nu: float = 200.0,
    contrast: float = 500.0,
    diffusion: int = 28,
    safety: float = 0.8,
    cycles: int = 400,
    tolerance: float = 0.02,
    radius: float = 5.0,
) -> Image:
    """Fill a hole as a flow whose stream lines are the isophotes.

    Parameters
    ----------
    problem : the region to fill.
    variant : "pde" solves the paper's equations; "opencv" gives what cv2.inpaint gives and uses ``radius`` only.
    nu : viscosity, in 255ths of the range (0 or more): more is smoother, less lets isophotes drift as jets do.
    contrast : K of g, in 255ths of the range a pixel^3 (above 0): where w changes faster than that, viscosity fades.
    diffusion : steps of anisotropic diffusion in each cycle (0 or more): more keeps edges straighter and sharper.
    safety : time steps as a fraction of the largest stable ones (above 0, at most 1).
    cycles : at most so many cycles (1 or more).
    tolerance : stop when 98 % of the pixels move by at most so much a cycle, in 255ths of the range (0 or more).
    radius : reach of the known colours of "opencv", in pixels (1 to 100).

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled. Notes ``iterations`` (cycles), ``residual`` (how far the
    98th percentile of the pixels moved a cycle, over the last ten, in the units of ``tolerance``) and ``converged``.

    Raises
    ------
    ValueError : an option out of range.
    ContextError : hole pixels that no known pixel touches, not even through the hole.

    References
    ----------
    M. Bertalmio, A. L. Bertozzi and G. Sapiro, Navier-Stokes, fluid dynamics, and image and video inpainting, CVPR
    2001. "opencv" follows the arithmetic of OpenCV 5.0's ``INPAINT_NS``, for pictures of two rows and columns or more.

    Examples
    --------
    >>> import numpy as np
    >>> from inpaintkit.problem import Problem
    >>> hole = np.zeros((12, 12), bool)
    >>> hole[4:8, 4:8] = True
    >>> ramp = np.add.outer(np.arange(12.0), np.arange(12.0))[..., None].astype(np.float32) / 22
    >>> float(np.abs(navier_stokes(Problem.create(ramp, hole)) - ramp).max().round(5))
    0.0
    """
    _check(nu, contrast, diffusion, safety, cycles, tolerance, radius)
    if variant == "opencv":
        return opencv_navier_stokes(problem, int(np.rint(radius)))
    filled = fill(problem, power=2)  # the creeping flow
    hole = problem.hole & ~unreachable(problem.hole, problem.known)
    if not hole.any():
        return filled
    near, at = _neighbours(hole, problem.known)
    count = int(np.count_nonzero(hole))
    colours = filled[at].astype(np.float64)
    base = colours[count]  # work relative to one known colour: a constant stays exactly constant
    planes = _to_planes((colours - base) * _LEVELS)
    for plane in planes:
        plane[:count].clip(plane[count:].min(), plane[count:].max(), out=plane[:count])
    residual, done = np.zeros(len(planes)), 0
    moving = list(range(len(planes)))
    share = np.clip((rim_distance(hole, problem.known)[hole] / _DEEP) ** 2, _MIN_SHARE, 1).astype(np.float64)
    flow = [_Flow(near, share) for _ in planes]
    level = max(1.0, _LEVELS * problem.step)  # a finer one is rounding
    while moving and done < cycles:
        number = min(_ROUND, cycles - done)
        for index in moving:
            moved = flow[index].run(planes[index], number, nu, contrast, diffusion, safety, _EDGE * level)
            residual[index] = np.quantile(np.abs(moved), _AT_REST) / (number * safety)
        moving = [index for index in moving if residual[index] > tolerance * level]
        done += number
        problem.report(Step(done, cycles))
    problem.note(iterations=done, residual=float(residual.max()) / level, converged=not moving)
    filled[hole] = (_to_colours(planes)[:count] / _LEVELS + base).astype(np.float32)
    return filled


def _check(
    nu: float, contrast: float, diffusion: int, safety: float, cycles: int, tolerance: float, radius: float
) -> None:
    for name, value, fits, needed in (
        ("nu", nu, nu >= 0, "0 or more grey levels"),
        ("contrast", contrast, contrast > 0, "more than 0 grey levels a pixel^3"),
        ("diffusion", diffusion, diffusion >= 0, "0 or more steps"),
        ("safety", safety, 0 < safety <= 1, "more than 0 and at most 1"),
        ("cycles", cycles, cycles >= 1, "1 or more"),
        ("tolerance", tolerance, tolerance >= 0, "0 or more grey levels"),
        ("radius", radius, 1 <= radius <= 100, "1 to 100 pixels"),
    ):
        if not fits:
            raise ValueError(f"navier_stokes's option {name} is {value:g}: expected {needed}")


_BAND = np.ones((2 * NAVIER_STOKES_REACH + 1,) * 2, np.uint8)  # known pixels that second-order upwinding of w can see


def _neighbours(hole: Mask, known: Mask) -> tuple[I32x2, tuple[I64x1, I64x1]]:
    """The pixels that count by number, hole first: neighbours (m, 4) west, east, north, south; (rows, columns).

    Where there is no neighbour, at the picture's edge or beside void, a pixel is its own: no flow crosses there.
    """
    band = known & np.asarray(cv2.dilate(hole.view(np.uint8), _BAND)).view(np.bool_)
    at = tuple(np.concatenate(both) for both in zip(np.nonzero(hole), np.nonzero(band), strict=True))
    own = np.arange(len(at[0]), dtype=np.int32)
    number = np.full((hole.shape[0] + 2, hole.shape[1] + 2), -1, np.int32)
    rows, columns = at[0] + 1, at[1] + 1
    number[rows, columns] = own
    near = np.stack([number[rows + dy, columns + dx] for dy, dx in ((0, -1), (0, 1), (-1, 0), (1, 0))], axis=1)
    return np.where(near < 0, own[:, None], near), (at[0], at[1])


def _to_planes(colours: F64x2) -> F64x2:
    """(m, C) to contiguous planes (C, m): luminance and chroma of the first three where there are three."""
    planes = colours.T.copy()
    if len(planes) >= 3:
        planes[:3] = _TO_PLANES @ planes[:3]
    return planes


def _to_colours(planes: F64x2) -> F64x2:
    """Planes (C, m) back to colours (m, C)."""
    colours = planes.copy()
    if len(planes) >= 3:
        colours[:3] = _TO_COLOURS @ planes[:3]
    return colours.T


class _Flow:
    """The cycles of one plane; keeps what the kernels work on."""

    def __init__(self, near: I32x2, share: F64x1) -> None:
        self.near, self.share = near, share
        count = len(share)
        east, west = near[:count, _EAST], near[:count, _WEST]
        corners = [near[east, _NORTH], near[east, _SOUTH], near[west, _NORTH], near[west, _SOUTH]]
        self.corners = np.stack(corners, axis=1)
        self.vorticity, self.viscosity = np.empty(len(near)), np.empty(len(near))
        self.gain, self.moved = np.empty(count), np.empty(count)
        self.work = np.empty((3, count))

    def run(
        self, plane: F64x1, cycles: int, nu: float, contrast: float, diffusion: int, safety: float, edge: float
    ) -> F64x1:
        """Move ``plane`` (m,) in place by some cycles; returns how far each hole pixel moved in all."""
        hole = plane[: len(self.share)]
        before = hole.copy()
        for _ in range(cycles):
            _flow_kernel(plane, self.near, nu, contrast, _FLOW * safety, self.vorticity, self.viscosity, self.gain)
            _poisson_kernel(self.near, self.gain, _ACCURACY, self.moved, self.work)
            hole += self.moved
            _diffuse_kernel(plane, self.near, self.corners, self.share * (_LEVEL * safety), diffusion, edge)
        return hole - before


@kernel()
def _flow_kernel(
    plane: F64x1,
    near: I32x2,
    nu: float,
    contrast: float,
    step: float,
    vorticity: F64x1,
    viscosity: F64x1,
    gain: F64x1,
) -> None:
    """One step of (7): ``gain`` (n,) of w at the hole's pixels; sets w and g (m,) on the way."""
    for p in range(len(near)):
        west, east, north, south = near[p, 0], near[p, 1], near[p, 2], near[p, 3]
        vorticity[p] = (plane[west] - plane[p]) + (plane[east] - plane[p])
        vorticity[p] += (plane[north] - plane[p]) + (plane[south] - plane[p])
    w = vorticity
    for p in range(len(near)):
        wx = (w[near[p, 1]] - w[near[p, 0]]) / 2
        wy = (w[near[p, 3]] - w[near[p, 2]]) / 2
        viscosity[p] = 1 / (1 + (wx / contrast) ** 2 + (wy / contrast) ** 2)
    for p in range(len(gain)):
        west, east, north, south = near[p, 0], near[p, 1], near[p, 2], near[p, 3]
        spread = 0.0
        for k in range(4):
            q = near[p, k]
            spread += (viscosity[p] + viscosity[q]) / 2 * (w[q] - w[p])
        vx = (plane[north] - plane[south]) / 2
        vy = (plane[east] - plane[west]) / 2
        wx = _upwind(vx, w[near[west, 0]], w[west], w[p], w[east], w[near[east, 1]])
        wy = _upwind(vy, w[near[north, 2]], w[north], w[p], w[south], w[near[south, 3]])
        pace = abs(vx) + abs(vy) + 4 * nu
        gain[p] = step * (nu / pace * spread - (vx * wx + vy * wy) / pace) if pace > 0 else 0.0


@kernel()
def _upwind(speed: float, a: float, b: float, c: float, d: float, e: float) -> float:
    """Slope at c from the side the flow comes from, to second order, with the smaller of two bends there (minmod)."""
    here = d - 2 * c + b
    if speed > 0:
        return c - b + _minmod(here, c - 2 * b + a) / 2
    return d - c - _minmod(here, e - 2 * d + c) / 2


@kernel()
def _minmod(a: float, b: float) -> float:
    """The smaller of two numbers of one sign; 0 where the signs differ."""
    if a * b <= 0:
        return 0.0
    return a if abs(a) < abs(b) else b


@kernel()
def _poisson_kernel(near: I32x2, right: F64x1, accuracy: float, u: F64x1, work: F64x2) -> None:
    """L u = ``right``, u = 0 around the hole: conjugate gradients to a relative residual of ``accuracy``."""
    count = len(right)
    residual, direction, moved = work[0], work[1], work[2]
    now = 0.0
    for p in range(count):
        u[p] = 0
        residual[p] = -right[p]
        direction[p] = residual[p]
        now += residual[p] * residual[p]
    enough = max(accuracy * accuracy * now, _MIN_SQUARE)
    for _ in range(count):
        if now <= enough:
            break
        energy = 0.0
        for p in range(count):
            total = 0.0
            for k in range(4):
                q = near[p, k]
                total += direction[p] - (direction[q] if q < count else 0.0)
            moved[p] = total
            energy += total * direction[p]
        length = now / energy
        before, now = now, 0.0
        for p in range(count):
            u[p] += length * direction[p]
            residual[p] -= length * moved[p]
            now += residual[p] * residual[p]
        for p in range(count):
            direction[p] = residual[p] + now / before * direction[p]


@kernel()
def _diffuse_kernel(plane: F64x1, near: I32x2, corners: I32x2, step: F64x1, steps: int, edge: float) -> None:
    """Anisotropic diffusion of ``plane`` in place: its second derivative along isophotes, where it has edges.

    The share of the corners, |I_x I_y| / 2, is the one with which a diagonal edge has no diffusion across at all.
    """
    count = len(corners)
    faint = (edge / 5) ** 2  # nothing below it is an edge; subtracted below, so that there is no jump
    for half in range(2 * steps):
        # Every other pixel, then the rest: a pixel and the next in its row are never moved at once.
        for p in range(half % 2, count, 2):
            west, east, north, south = plane[near[p, 0]], plane[near[p, 1]], plane[near[p, 2]], plane[near[p, 3]]
            gx, gy = (east - west) / 2, (south - north) / 2
            square = gx * gx + gy * gy
            if square <= faint:
                continue
            here = plane[p]
            northeast, southeast = plane[corners[p, 0]], plane[corners[p, 1]]
            northwest, southwest = plane[corners[p, 2]], plane[corners[p, 3]]
            falling, rising = northwest + southeast, northeast + southwest
            bend = (east + west - 2 * here) * gy * gy + (south + north - 2 * here) * gx * gx
            bend -= (falling - rising) * gx * gy / 2
            bend += (falling + rising + 4 * here - 2 * (east + west + north + south)) * abs(gx * gy) / 2
            plane[p] = here + step[p] * bend * (square - faint) / (square * (square + edge * edge))
