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

from collections import deque
from typing import Literal

import cv2
import numpy as np

from inpaintkit import threads
from inpaintkit.arrays import Bool1, F32x1, F32x2, F64x1, F64x2, I32x2, I64x1
from inpaintkit.classic._elliptic import fill, softened
from inpaintkit.classic._hole import base_colour
from inpaintkit.classic._lanes import (
    EIGHT,
    Lanes,
    larger,
    load_eight,
    magnitude,
    reduced,
    smaller,
    splat_eight,
    store,
    where,
)
from inpaintkit.classic._opencv import opencv_navier_stokes
from inpaintkit.classic.rows import NAVIER_STOKES_REACH
from inpaintkit.distance import rim_distance, unreachable
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask, Problem, Step
from inpaintkit.regions import Runs, labelled_runs, runs_of

_LEVELS = 255.0  # what nu, the contrast and the tolerance are measured in
_EDGE = 0.5  # E, grey levels (or the picture's wider steps) a pixel: weaker gradients are shading or noise
_DEEP, _MIN_SHARE = 8.0, 0.1  # pixels from the rim where b reaches 1, and the smallest b
_FLOW, _LEVEL = 0.125, 0.5  # largest stable steps: of (7) as a fraction of the CFL limit, of the diffusion in pixels^2
_ACCURACY = 0.004  # of a cycle's Poisson solution, relative; it starts from that of the cycle before, which is near
_MOST = 1e4  # in levels: of larger values float32 does not hold the products
_ROUND = 10  # cycles between two looks at the residual; even, so that what only flickers does not count
_TURN, _LARGE = 40, 4000  # cycles after which a part or a plane lets others go on; as few as can be from so many eights
_WINDOW = 40  # cycles over whose mean a part is looked at that swings
_SOONER = 2.0  # times the tolerance at most: in thin parts, where what is left to move is a few cycles' motion
_AT_REST = 0.98  # share of the pixels that must have come to rest
_TO_PLANES = np.array([[1 / 3, 1 / 3, 1 / 3], [1 / 2, 0, -1 / 2], [-1 / 4, 1 / 2, -1 / 4]])  # luminance and chroma
_TO_COLOURS = np.array([[1, 1, -2 / 3], [1, 0, 4 / 3], [1, -1, -2 / 3]])
_ZERO, _HALF, _ONE, _FOUR, _TINY = (np.float32(number) for number in (0, 0.5, 1, 4, 1e-30))


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
    diffusion : steps of anisotropic diffusion in each cycle (0 or more): more keeps edges straighter and sharper. Fewer
        and longer ones are taken where b is small.
    safety : time steps as a fraction of the largest stable ones (above 0, at most 1).
    cycles : at most so many cycles (1 or more).
    tolerance : a part of the hole stops when 98 % of its pixels move by at most so much a cycle, in 255ths of the range
        (0 or more), or when they swing about a mean that has come to rest, which is then the fill; where it is less
        than 8 pixels deep, by up to twice as much, for there little is left to move. The state of rest is not the only
        one: of letters, some end one or two grey levels elsewhere where pixels move in another order, as in a picture
        turned on its side.
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
    problem = softened(problem)
    if variant == "opencv":
        return opencv_navier_stokes(problem, int(np.rint(radius)))
    filled = fill(problem, power=2)  # the creeping flow
    hole = problem.hole & ~unreachable(problem.hole, problem.known)
    if not hole.any():
        return filled
    pixels = _Pixels(hole, problem.known)
    base = base_colour(filled, problem.known).astype(np.float64)
    planes = np.array(filled.reshape(-1, len(base)).T, np.float64, order="C")
    planes -= base[:, None]
    planes *= _LEVELS
    planes = _to_planes(planes)
    level = max(1.0, _LEVELS * problem.step)  # a finer one is rounding
    wide = max(1.0, float(np.abs(planes).max()) / _MOST)
    nu, contrast, edge, enough = nu / wide, contrast / wide, _EDGE * level / wide, tolerance * level / wide
    flows = [_Flow(pixels, plane) for plane in planes / wide]

    waiting = deque(flows)

    def settle(_: int) -> None:
        while True:
            try:
                flow = waiting.popleft()
            except IndexError:
                return
            flow.run(cycles, nu, contrast, diffusion, safety, edge, enough)
            done = int(flow.taken.max())
            if flow is flows[0]:
                problem.report(Step(done, cycles))
            if flow.moving.any() and done < cycles:  # luminance takes longest and never waits; the others take turns
                (waiting.appendleft if flow is flows[0] else waiting.append)(flow)

    threads.run(settle, range(len(flows)))
    residual = max(flow.residual() for flow in flows) * wide
    moving = any(flow.moving.any() for flow in flows)
    taken = max(int(flow.taken.max()) for flow in flows)
    problem.note(iterations=taken, residual=residual / level, converged=not moving)
    settled = np.stack([flow.plane[hole] for flow in flows]).astype(np.float64) * wide
    filled[hole] = (_to_colours(settled) / _LEVELS + base).astype(np.float32)
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


_MARGIN = NAVIER_STOKES_REACH
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_BAND = np.ones((2 * NAVIER_STOKES_REACH + 1,) * 2, np.uint8)  # known pixels that second-order upwinding of w can see
_AROUND = np.argwhere(_BAND) - NAVIER_STOKES_REACH
_AROUND = _AROUND[np.argsort((_AROUND**2).sum(axis=1), kind="stable")]  # the nearest first


class _Pixels:
    """Where the flow is computed, in the flat crop with a margin: eights of pixels, part by part.

    Parts do not see one another. ``eights`` holds the hole's pixels, ``wide`` those and the known ones that touch them,
    whose Laplacians the hole's pixels change. ``inside``, ``even`` and ``odd`` belong to the lanes of ``eights``: 1 for
    the part's pixels, 0 for others; b for every other pixel of the hole, and for the rest of them. ``ghosts`` (G, 2):
    pixels at which nothing is, and which pixel each mirrors, so that no flow crosses there.
    """

    def __init__(self, hole: Mask, known: Mask) -> None:
        self.hole, self.known = hole, known
        self.within = np.flatnonzero(hole)
        self.band = np.flatnonzero(known & np.asarray(cv2.dilate(hole.view(np.uint8), _BAND), np.bool_))
        inside, usable = np.pad(hole, _MARGIN), np.pad(hole | known, _MARGIN)
        self.width = inside.shape[1]
        runs, labels = labelled_runs(inside, NAVIER_STOKES_REACH)
        self.parts = int(labels.max()) + 1
        part = np.zeros(inside.shape, np.float32)  # from 1; OpenCV's own type
        part[inside] = np.repeat(labels, runs[:, 2] - runs[:, 1]) + 1
        self.eights, counts, self.first = _eights(runs, part, self.parts)
        around: Image = np.asarray(cv2.dilate(part, _CROSS), np.float32)
        self.wide, _, self.first_wide = _eights(runs_of(around > 0), around, self.parts)
        self.ghosts, self.first_ghost = _ghosts(part, inside, usable, self.parts)
        lanes = self.eights[:, None] + np.arange(EIGHT)
        mine = np.arange(EIGHT) < counts[:, None]
        share = np.zeros(inside.size + EIGHT, np.float32)
        share[: inside.size].reshape(inside.shape)[inside] = np.clip(
            (rim_distance(hole, known)[hole] / _DEEP) ** 2, _MIN_SHARE, 1
        )
        turn = np.zeros(inside.size + EIGHT, np.bool_)
        turn[np.flatnonzero(inside)] = np.arange(np.count_nonzero(inside)) % 2
        self.inside = mine.astype(np.float32).reshape(-1)
        turns = np.stack([mine & ~turn[lanes], mine & turn[lanes]], axis=1)
        self.shares = np.where(turns, share[lanes][:, None], np.float32(0)).reshape(-1)
        self.lag = _lags(self.eights, counts, self.first, self.width, np.diff(self.first_ghost) > 0)


def _eights(runs: Runs, part: Image, parts: int) -> tuple[I64x1, I64x1, I64x1]:
    """Eights that hold runs of pixels, part by part: first pixels, how many pixels there are from there to the
    run's end, and each part's first."""
    length = runs[:, 2] - runs[:, 1]
    number = -(-length // EIGHT)
    done = (np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)) * EIGHT
    at = np.repeat(runs[:, 0].astype(np.int64) * part.shape[1] + runs[:, 1], number) + done
    owner = part.reshape(-1)[at].astype(np.int64) - 1
    order = np.argsort(owner, kind="stable")
    counts = np.repeat(length, number) - done
    return at[order], counts[order], np.searchsorted(owner[order], np.arange(parts + 1))


def _lags(eights: I64x1, counts: I64x1, first: I64x1, width: int, in_turn: Mask) -> I64x1:
    """How many eights a pass over each part must be ahead of the next one, so that this one finds its neighbours done.

    A part in which something has to be done between the passes takes them one after the other.
    """
    sizes = np.diff(first)
    own = np.repeat(np.arange(len(sizes)) * (int(eights.max(initial=0)) + 2 * width), sizes)
    last = np.searchsorted(own + eights, own + eights + counts + width, side="right")
    return np.where(in_turn, sizes, np.maximum.reduceat(last - np.arange(len(eights)), first[:-1]))


def _ghosts(part: Image, inside: Mask, usable: Mask, parts: int) -> tuple[I32x2, I64x1]:
    """What is neither hole nor known near each part, each with the usable pixel nearest to it; each part's first."""
    near = np.asarray(cv2.dilate(inside.view(np.uint8), _BAND), np.bool_)
    ghosts = np.flatnonzero(near & ~usable).astype(np.int32)
    offsets = (_AROUND @ [inside.shape[1], 1]).astype(np.int32)
    seen = np.clip(ghosts[:, None] + offsets, 0, inside.size - 1)
    mirrored = seen[np.arange(len(ghosts)), np.argmax(usable.reshape(-1)[seen], axis=1)]
    of = part.reshape(-1)[seen]
    ghost, k = np.nonzero(of)
    number, ghost = np.divmod(np.unique((of[ghost, k].astype(np.int64) - 1) * inside.size + ghost), inside.size)
    return np.stack([ghosts[ghost], mirrored[ghost]], axis=1), np.searchsorted(number, np.arange(parts + 1))


def _to_planes(colours: F64x2) -> F64x2:
    """Planes (C, m) of colours to luminance and chroma, of the first three where there are three; in place."""
    if len(colours) >= 3:
        colours[:3] = _TO_PLANES @ colours[:3]
    return colours


def _to_colours(planes: F64x2) -> F64x2:
    """Planes (C, m) back to colours (m, C)."""
    colours = planes.copy()
    if len(planes) >= 3:
        colours[:3] = _TO_COLOURS @ planes[:3]
    return colours.T


class _Flow:
    """The cycles of one plane (H * W,); each part of the hole stops by itself."""

    def __init__(self, pixels: _Pixels, values: F64x1) -> None:
        self.pixels = pixels
        height, width = pixels.hole.shape
        size = (height + 2 * _MARGIN) * pixels.width
        self._canvas = np.zeros(
            (5, size + EIGHT), np.float32
        )  # I, w, g, the solution of (8), and its search's direction
        padded: Image = self._canvas[0, :size].reshape(-1, pixels.width)
        self.plane = padded[_MARGIN : _MARGIN + height, _MARGIN : _MARGIN + width]
        band, within = values[pixels.band], values[pixels.within]
        low, high = band.min(), band.max()
        np.copyto(self.plane, values.reshape(height, width), where=pixels.known)
        self.plane[pixels.hole] = within.clip(low, high)
        self._limits = float(2 * low - high), float(2 * high - low)  # a flow without viscosity may run away
        self._lanes = np.zeros((8, len(pixels.eights) * EIGHT), np.float32)
        self.moving = np.ones(pixels.parts, np.bool_)
        self.taken = np.zeros(pixels.parts, np.int64)
        _prepare_kernel(self._canvas[0], self._canvas[1], pixels.width, size, pixels.ghosts)

    def run(
        self, cycles: int, nu: float, contrast: float, diffusion: int, safety: float, edge: float, enough: float
    ) -> None:
        """Take some cycles more in the parts that still move, at most so many in all."""
        pixels = self.pixels
        _cycles_kernel(
            self._canvas,
            self._lanes,
            pixels.eights,
            pixels.first,
            pixels.wide,
            pixels.first_wide,
            pixels.ghosts,
            pixels.first_ghost,
            pixels.inside,
            pixels.shares,
            pixels.lag,
            pixels.width,
            self.moving,
            self.taken,
            _ROUND if len(pixels.eights) > _LARGE else _TURN,
            cycles,
            min(nu, 1e15),
            max(contrast, 1e-8),
            float(diffusion),
            safety,
            edge,
            enough,
            *self._limits,
        )

    def residual(self) -> float:
        """How far the 98th percentile of the pixels moved a cycle, when their part was last looked at."""
        moved = self._lanes[6][self.pixels.inside > 0]
        rank = int((len(moved) - 1) * _AT_REST)
        return float(np.partition(moved, rank)[rank])


@kernel()
def _prepare_kernel(plane: F32x1, vorticity: F32x1, width: int, size: int, ghosts: I32x2) -> None:
    """w everywhere, to begin with; the hole's cycles renew it only where they change it."""
    _mirror(plane, ghosts)
    for p in range(width + 1, size - width - 1):
        w = (plane[p - 1] - plane[p]) + (plane[p + 1] - plane[p])
        vorticity[p] = w + ((plane[p - width] - plane[p]) + (plane[p + width] - plane[p]))
    _mirror(vorticity, ghosts)


@kernel()
def _mirror(values: F32x1, ghosts: I32x2) -> None:
    """Give pixels at which nothing is the values of those that they mirror."""
    for k in range(len(ghosts)):
        values[ghosts[k, 0]] = values[ghosts[k, 1]]


@kernel(fastmath=True)
def _cycles_kernel(
    canvas: F32x2,
    lanes: F32x2,
    eights: I64x1,
    first: I64x1,
    wide: I64x1,
    first_wide: I64x1,
    ghosts: I32x2,
    first_ghost: I64x1,
    inside: F32x1,
    shares: F32x1,
    lag: I64x1,
    width: int,
    moving: Bool1,
    taken: I64x1,
    turn: int,
    cycles: int,
    nu: float,
    contrast: float,
    diffusion: float,
    safety: float,
    edge: float,
    enough: float,
    least: float,
    most: float,
) -> None:
    """Some cycles in each part that moves, which is looked at every now and then; at most ``cycles`` in all."""
    plane, w, g, u, direction = canvas[0], canvas[1], canvas[2], canvas[3], canvas[4]
    for part in range(len(moving)):
        if not moving[part]:
            continue
        begin, end = first[part] * EIGHT, first[part + 1] * EIGHT
        at, around = eights[first[part] : first[part + 1]], wide[first_wide[part] : first_wide[part + 1]]
        near = ghosts[first_ghost[part] : first_ghost[part + 1]]
        mine, share = inside[begin:end], shares[2 * begin : 2 * end]
        gain, residual, product = lanes[0, begin:end], lanes[1, begin:end], lanes[2, begin:end]
        before, total, mean, motion = lanes[3, begin:end], lanes[4, begin:end], lanes[5, begin:end], lanes[6, begin:end]
        now = lanes[7, begin:end]
        size, deep = np.float32(0), np.float32(0)
        for i in range(end - begin):
            size += mine[i]
            deep = max(deep, share[2 * i], share[2 * i + 1])
        sweeps = int(np.ceil(diffusion * deep))  # as few as steps of the largest stable length allow
        length = np.float32(_LEVEL * safety * diffusion / max(sweeps, 1))
        low, high = splat_eight(np.float32(least)), splat_eight(np.float32(most))
        few = (1 - _AT_REST) * size
        slow = enough * min(max(1 / np.sqrt(deep), 1), _SOONER)
        stop = min(cycles, taken[part] + turn)
        while moving[part] and taken[part] < stop:
            number = min(_ROUND, stop - taken[part])
            for e in range(len(at)):
                store(before, e * EIGHT, load_eight(plane, at[e]))
            for _ in range(number):
                _mirror(plane, near)
                _smoothness(plane, width, around, w)
                _mirror(w, near)
                _fading(w, width, around, np.float32(0.25 / (contrast * contrast)), g)
                _gain(plane, w, g, width, at, mine, np.float32(nu), np.float32(_FLOW * safety), gain)
                _poisson(gain, width, at, mine, near, u, direction, residual, product)
                for e in range(len(at)):
                    moved = load_eight(plane, at[e]) + load_eight(mine, e * EIGHT) * load_eight(u, at[e])
                    store(plane, at[e], smaller(larger(moved, low), high))
                _diffuse(plane, width, at, share, near, lag[part], 2 * sweeps, length, np.float32(edge))
                for e in range(len(at)):
                    store(now, e * EIGHT, load_eight(plane, at[e]))
                    store(total, e * EIGHT, load_eight(total, e * EIGHT) + load_eight(now, e * EIGHT))
            taken[part] += number
            if _motions(now, before, mine, 1 / (number * safety), slow, motion) <= few:
                moving[part] = False
            elif taken[part] % _WINDOW == 0:
                for i in range(end - begin):
                    before[i] = mean[i]
                    mean[i] = total[i] / np.float32(_WINDOW)
                    total[i] = 0
                if taken[part] > _WINDOW and _motions(mean, before, mine, 4 / (_WINDOW * safety), slow, now) <= few:
                    moving[part] = False  # it swings; its mean has come to rest
                    for e in range(len(at)):
                        keep = where(
                            load_eight(mine, e * EIGHT), splat_eight(_HALF), splat_eight(_ONE), splat_eight(_ZERO)
                        )
                        here = load_eight(plane, at[e])
                        store(plane, at[e], here + keep * (load_eight(mean, e * EIGHT) - here))
                        store(motion, e * EIGHT, load_eight(now, e * EIGHT))


@kernel()
def _motions(now: F32x1, before: F32x1, mine: F32x1, pace: float, enough: float, motion: F32x1) -> int:
    """Set ``motion`` to how far pixels moved, times ``pace``; gives how many of the part's went too far."""
    count = 0
    for i in range(len(now)):
        motion[i] = min(abs(now[i] - before[i]) * pace, 1e30)
        if mine[i] > 0 and motion[i] > enough:
            count += 1
    return count


@kernel(fastmath=True, inline=True)
def _smoothness(plane: F32x1, width: int, at: I64x1, w: F32x1) -> None:
    """w = L I."""
    for e in range(len(at)):
        p = at[e]
        here = load_eight(plane, p)
        beside = (load_eight(plane, p - 1) - here) + (load_eight(plane, p + 1) - here)
        store(w, p, beside + ((load_eight(plane, p - width) - here) + (load_eight(plane, p + width) - here)))


@kernel(fastmath=True, inline=True)
def _fading(w: F32x1, width: int, at: I64x1, contrast: np.float32, g: F32x1) -> None:
    """g of the gradient of w; ``contrast`` is 1 / (2 K)^2."""
    one, scale = splat_eight(_ONE), splat_eight(contrast)
    for e in range(len(at)):
        p = at[e]
        wx = load_eight(w, p + 1) - load_eight(w, p - 1)
        wy = load_eight(w, p + width) - load_eight(w, p - width)
        store(g, p, one / (one + (wx * wx + wy * wy) * scale))


@kernel(fastmath=True, inline=True)
def _gain(
    plane: F32x1, w: F32x1, g: F32x1, y: int, at: I64x1, mine: F32x1, nu: np.float32, step: np.float32, gain: F32x1
) -> None:
    """One step of (7): what w gains at the part's pixels; 0 at others."""
    zero, half, tiny = splat_eight(_ZERO), splat_eight(_HALF), splat_eight(_TINY)
    viscosity, least = splat_eight(nu), splat_eight(np.float32(4) * nu) + tiny
    for e in range(len(at)):
        p = at[e]
        here, fading = load_eight(w, p), load_eight(g, p)
        west, east = load_eight(w, p - 1), load_eight(w, p + 1)
        north, south = load_eight(w, p - y), load_eight(w, p + y)
        spread = (fading + load_eight(g, p - 1)) * (west - here) + (fading + load_eight(g, p + 1)) * (east - here)
        spread += (fading + load_eight(g, p - y)) * (north - here) + (fading + load_eight(g, p + y)) * (south - here)
        vx = half * (load_eight(plane, p - y) - load_eight(plane, p + y))
        vy = half * (load_eight(plane, p + 1) - load_eight(plane, p - 1))
        bend_x, bend_y = east - here + west - here, south - here + north - here
        ahead = east - here - half * _minmod(bend_x, load_eight(w, p + 2) - east - east + here, zero)
        behind = here - west + half * _minmod(bend_x, here - west - west + load_eight(w, p - 2), zero)
        carried = vx * where(vx, zero, behind, ahead)
        ahead = south - here - half * _minmod(bend_y, load_eight(w, p + 2 * y) - south - south + here, zero)
        behind = here - north + half * _minmod(bend_y, here - north - north + load_eight(w, p - 2 * y), zero)
        carried += vy * where(vy, zero, behind, ahead)
        rate = (viscosity * half * spread - carried) / (magnitude(vx) + magnitude(vy) + least)
        store(gain, e * EIGHT, splat_eight(step) * load_eight(mine, e * EIGHT) * rate)


@kernel(fastmath=True, inline=True)
def _minmod(a: Lanes, b: Lanes, zero: Lanes) -> Lanes:
    """The smaller of two numbers of one sign; 0 where the signs differ. Upwinding takes the smaller of two bends."""
    return where(a * b, zero, where(magnitude(b), magnitude(a), a, b), zero)


@kernel(fastmath=True, inline=True)
def _poisson(
    right: F32x1,
    y: int,
    at: I64x1,
    mine: F32x1,
    ghosts: I32x2,
    u: F32x1,
    direction: F32x1,
    residual: F32x1,
    product: F32x1,
) -> None:
    """L u = ``right``, u = 0 around the part: conjugate gradients from the ``u`` of the cycle before."""
    four, now, size = splat_eight(_FOUR), splat_eight(_ZERO), splat_eight(_ZERO)
    _mirror(u, ghosts)
    for e in range(len(at)):
        p, own = at[e], load_eight(mine, e * EIGHT)
        beside = load_eight(u, p - 1) + load_eight(u, p + 1) + load_eight(u, p - y) + load_eight(u, p + y)
        wanted = load_eight(right, e * EIGHT)
        left = own * (beside - four * load_eight(u, p)) - wanted
        store(residual, e * EIGHT, left)
        size += wanted * wanted
    for e in range(len(at)):
        left = load_eight(residual, e * EIGHT)
        store(direction, at[e], left)
        now += left * left
    rest = reduced(now)
    enough = max(np.float32(_ACCURACY * _ACCURACY) * reduced(size), np.float32(_TINY))
    for _ in range(len(right)):
        if rest <= enough:
            break
        energy = splat_eight(_ZERO)
        _mirror(direction, ghosts)
        for e in range(len(at)):
            p = at[e]
            here = load_eight(mine, e * EIGHT) * load_eight(direction, p)
            beside = load_eight(direction, p - 1) + load_eight(direction, p + 1)
            beside += load_eight(direction, p - y) + load_eight(direction, p + y)
            moved = load_eight(mine, e * EIGHT) * (four * here - beside)
            store(product, e * EIGHT, moved)
            energy += moved * here
        power = reduced(energy)
        if power <= 0:
            break
        length, now = splat_eight(rest / power), splat_eight(_ZERO)
        for e in range(len(at)):
            p = at[e]
            here = load_eight(mine, e * EIGHT) * load_eight(direction, p)
            store(u, p, load_eight(u, p) + length * here)
            left = load_eight(residual, e * EIGHT) - length * load_eight(product, e * EIGHT)
            store(residual, e * EIGHT, left)
            now += left * left
        again = reduced(now)
        ratio, rest = splat_eight(again / rest), again
        for e in range(len(at)):
            here = load_eight(mine, e * EIGHT) * load_eight(direction, at[e])
            store(direction, at[e], load_eight(residual, e * EIGHT) + ratio * here)


@kernel(fastmath=True, inline=True)
def _diffuse(
    plane: F32x1, y: int, at: I64x1, shares: F32x1, ghosts: I32x2, lag: int, passes: int, length: np.float32,
    edge: np.float32,
) -> None:  # fmt: skip
    """Steps of anisotropic diffusion in place: the second derivative along isophotes, where there are edges.

    It is the second differences along rows, columns and the diagonal that lies nearer the isophote, weighted so that a
    diagonal edge has no diffusion across at all. A step is two passes, one for every other pixel. An eight needs what
    the one before it has stored, for which a pass by itself would wait; so each pass follows ``lag`` eights behind the
    one before, and all are on their way together.
    """
    zero, half, tiny, step = splat_eight(_ZERO), splat_eight(_HALF), splat_eight(_TINY), splat_eight(length)
    sharp = splat_eight(edge * edge)
    faint = splat_eight(edge * edge / np.float32(25))  # nothing below it is an edge; subtracted, so that nothing jumps
    begun, done = 0, 0  # passes
    for turn in range(len(at) + lag * (passes - 1)):
        if turn == lag * begun and begun < passes:
            if begun % 2 == 0:
                _mirror(plane, ghosts)
            begun += 1
        if turn == lag * done + len(at):
            done += 1
        for k in range(done, begun):
            e = turn - lag * k
            p = at[e]
            here = load_eight(plane, p)
            west, east = load_eight(plane, p - 1), load_eight(plane, p + 1)
            north, south = load_eight(plane, p - y), load_eight(plane, p + y)
            gx, gy = half * (east - west), half * (south - north)
            xx, yy, xy = gx * gx, gy * gy, gx * gy
            rising = load_eight(plane, p - y + 1) + load_eight(plane, p + y - 1)
            falling = load_eight(plane, p - y - 1) + load_eight(plane, p + y + 1)
            diagonal = where(xy, zero, rising, falling) - here - here
            bend = (east - here + west - here) * (yy - magnitude(xy))
            bend += (south - here + north - here) * (xx - magnitude(xy)) + magnitude(xy) * diagonal
            square = xx + yy
            share = load_eight(shares, (2 * e + k % 2) * EIGHT)
            pace = step * share * larger(square - faint, zero) / (square * (square + sharp) + tiny)
            store(plane, p, here + pace * bend)
