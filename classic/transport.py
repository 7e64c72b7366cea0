"""Inpainting by transport (Bertalmio, Sapiro, Caselles and Ballester 2000): smoothness flows along the isophotes.

The Laplacian L of the picture I is carried into the hole in the direction of the isophotes that arrive at its rim, in
turns with a diffusion that keeps isophotes from crossing. doi:10.1145/344779.344972

    dI/dt = beta |grad I|,     beta = dL . N/|N|,                                       (A steps, 15)
    L = Ixx + Iyy,     dL = (L(x+1, y) - L(x-1, y), L(x, y+1) - L(x, y-1)),     N/|N| = (-Iy, Ix) / |(Ix, Iy)|,
    |grad I| = sqrt(Ixb_m^2 + Ixf_M^2 + Iyb_m^2 + Iyf_M^2)  where beta > 0,
               sqrt(Ixb_M^2 + Ixf_m^2 + Iyb_M^2 + Iyf_m^2)  where beta < 0,
    dI/dt = g kappa |grad I| = g (Ixx Iy^2 - 2 Ixy Ix Iy + Iyy Ix^2) / (Ix^2 + Iy^2),   (B steps, 2)

b and f being backward and forward differences, m and M the smaller and the larger of a difference and 0, and g = 1
inside the hole. Values are in [0, 1], one pixel is the unit of length, and the published time step is 0.1.

What is wanted is the state in which nothing changes any more. Turns of small steps end where a step of their mean,

    F = (A beta |grad I| + B kappa |grad I|) / (A + B) = 0,

ends, and a step's length may differ from pixel to pixel without changing that end. So each pixel takes the longest
step that is stable for it (``_PACE``), about eight times the published one where the picture is smooth; each hole stops
when it has come to rest; and a thick hole starts from the same flow on the next coarser level of a pyramid. No pixel
leaves the range of the known colours beside its hole and of its start.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from inpaintkit.arrays import Bool1, Bool2, F32x1, F32x3, I64x1, I64x2
from inpaintkit.classic._elliptic import Elliptic
from inpaintkit.classic._hole import base_colour
from inpaintkit.classic.rows import TRANSPORT_REACH
from inpaintkit.distance import rim_distance, unreachable
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask, Problem, Step
from inpaintkit.pyramid import Level, masked_pyramid, upsampled
from inpaintkit.regions import labelled_runs

_PACE = np.float32(0.1)  # the published time step: diffusion is stable up to 0.25, transport for |beta| up to 7
_STIFF = np.float32(5)  # weight of |grad I|^2 in the step: carried third differences oscillate on steep slopes
_FLAT = np.float32(1e-8)  # |grad I|^2 far below any visible slope: no direction there, and no division by zero
_DEEP = 6  # px from the rim: the coarser level's fill is a good start there; nearer it is a blur of what the rim shows
_CALM = 300  # steps after which _STIFF grows with their number, so that what still oscillates comes to rest
_CHUNK = 100  # steps between reports
_SETTLED = 1e-4  # accuracy of the harmonic first guess
_SQRT3 = np.float32(np.sqrt(3))
_INNER = np.s_[TRANSPORT_REACH:-TRANSPORT_REACH, TRANSPORT_REACH:-TRANSPORT_REACH]  # of a padded array


def transport(
    problem: Problem,
    *,
    transport_steps: int = 15,
    diffusion_steps: int = 2,
    presmooth: int = 2,
    colour_space: Literal["channels", "spherical"] = "channels",
    levels: int | None = None,
    tolerance: float = 1e-5,
    max_steps: int = 1000,
) -> Image:
    """Fill a hole by transport of smoothness along isophotes.

    Parameters
    ----------
    problem : the region to fill.
    transport_steps : A, the share of transport in the flow (0 or more).
    diffusion_steps : B, the share of anisotropic diffusion in the flow (0 or more; not both 0).
    presmooth : steps of anisotropic diffusion, 0.1 long, over what the flow sees of the known picture (0 or more); the
        known picture itself stays as it is.
    colour_space : what flows. "channels": each channel by itself. "spherical", as in the paper: (rho, sin phi, sin
        psi), the length and the angles of the vector (red, green, blue) from the darkest known value; it leaves a faint
        fringe where dark meets bright. Grey, alpha and further bands are always filled by channels.
    levels : levels of the pyramid (1 or more); None for as many as the hole needs.
    tolerance : a hole has come to rest when a step changes its pixels by less than this on average, in units of the
        full range (0 or more).
    max_steps : at most so many steps on each level (1 or more).

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled.

    Raises
    ------
    ValueError : an option out of range.
    ContextError : hole pixels with no known pixel near them, not even through the hole.

    References
    ----------
    M. Bertalmio, G. Sapiro, V. Caselles, C. Ballester, Image inpainting, SIGGRAPH 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from inpaintkit.problem import Problem
    >>> hole = np.zeros((9, 9), bool)
    >>> hole[3:6, 2:7] = True
    >>> ramp = np.tile(np.linspace(0, 1, 9, dtype=np.float32)[:, None, None], (1, 9, 1))
    >>> float(transport(Problem.create(ramp, hole))[4, 4, 0].round(2))
    0.5
    """
    _check("transport_steps", transport_steps, 0, "0 or more")
    _check("diffusion_steps", diffusion_steps, 0, "0 or more")
    _check("presmooth", presmooth, 0, "0 or more")
    _check("tolerance", tolerance, 0, "0 or more")
    _check("max_steps", max_steps, 1, "1 or more")
    _check("levels", 1 if levels is None else levels, 1, "1 or more, or None")
    if transport_steps + diffusion_steps == 0:
        raise ValueError("transport's options transport_steps and diffusion_steps are both 0: one must be more")
    if not problem.known.any():
        raise ContextError.of("transport", "nothing is known around the hole")
    base = base_colour(problem.image, problem.known)
    spherical = colour_space == "spherical" and base.size - problem.alpha >= 3
    if spherical:
        black = np.zeros(base.size, np.float32)
        black[:3] = problem.limits()[0, :3].min()
        base -= black
        values = _to_spherical(np.maximum(problem.image - black, 0))
        origin = _to_spherical(base)
        values -= origin
    else:
        origin, values = base, problem.image - base

    pyramid = masked_pyramid(values, problem.known, problem.hole, levels=levels)
    pixels = [int(np.count_nonzero(level.hole)) for level in pyramid]
    flow_weights = _weights(transport_steps, diffusion_steps)
    coarse = None
    for index in reversed(range(len(pyramid))):
        level = pyramid[index]
        canvas, reached = _start(level, coarse)
        if index == 0 and (missing := pixels[0] - np.count_nonzero(reached)):
            lack = f"{missing} hole pixels have no known pixel near them, not even through the hole"
            raise ContextError.of("transport", lack)
        usable = level.known | reached
        if presmooth:
            near = np.ones((2 * (TRANSPORT_REACH + presmooth) + 1,) * 2, np.uint8)
            ring = level.known & cv2.dilate(reached.view(np.uint8), near).view(np.bool_)
            _Flow(canvas, ring, usable).advance(_weights(0, 1), 0, presmooth)
        flow = _Flow(canvas, reached, usable)
        for steps in range(0, max_steps, _CHUNK):
            flow.advance(flow_weights, tolerance, min(_CHUNK, max_steps - steps))
            if not flow.moving.any():
                break
            problem.report(Step(sum(pixels[index + 1 :]) + pixels[index] * steps / max_steps, sum(pixels)))
        coarse = np.where(reached[..., None], canvas[_INNER], np.float32(np.nan))
        np.copyto(coarse, level.image, where=~level.hole[..., None])
    problem.note(
        iterations=int(flow.steps.max(initial=0)),
        residual=float(flow.residual.max(initial=0)),
        converged=not flow.moving.any(),
    )
    found = canvas[_INNER][problem.hole]
    result = problem.image.copy()
    result[problem.hole] = base + (_from_spherical(found + origin) - _from_spherical(origin) if spherical else found)
    if spherical:
        result[problem.hole] += black
    return result


def _check(name: str, value: float, minimum: float, needed: str) -> None:
    if value < minimum:
        raise ValueError(f"transport's option {name} is {value:g}: expected {needed}")


def _weights(transport_steps: int, diffusion_steps: int) -> F32x1:
    """(A, B) / (A + B)."""
    return (np.array([transport_steps, diffusion_steps]) / (transport_steps + diffusion_steps)).astype(np.float32)


def _to_spherical(colours: Image) -> Image:
    """(rho / sqrt(3), sin phi, sin psi, ...) of (red, green, blue, ...); black, which has no angles, takes grey's."""
    red, green, blue = (colours[..., c] for c in range(3))
    across = np.hypot(red, green)
    rho = np.hypot(across, blue)
    sin_phi = np.divide(green, across, out=np.full_like(rho, np.sqrt(0.5)), where=across > 0)
    sin_psi = np.divide(blue, rho, out=np.full_like(rho, np.sqrt(1 / 3)), where=rho > 0)
    return np.concatenate([np.stack([rho / _SQRT3, sin_phi, sin_psi], axis=-1), colours[..., 3:]], axis=-1)


def _from_spherical(colours: Image) -> Image:
    """The way back, angles and lengths held in their ranges."""
    rho = _SQRT3 * np.maximum(colours[..., 0], 0)
    sin_phi, sin_psi = np.clip(colours[..., 1], 0, 1), np.clip(colours[..., 2], 0, 1)
    across = rho * np.sqrt(1 - sin_psi * sin_psi)
    rgb = np.stack([across * np.sqrt(1 - sin_phi * sin_phi), across * sin_phi, rho * sin_psi], axis=-1)
    return np.concatenate([rgb, colours[..., 3:]], axis=-1)


def _start(level: Level, coarse: Image | None) -> tuple[Image, Mask]:
    """A level's picture, padded, with a first guess in its hole, and the hole pixels that have one.

    Deep in the hole, and where nothing else is in reach, the guess is the coarser level's fill; from there to the rim
    it is harmonic.
    """
    canvas = np.pad(
        np.where(level.known[..., None], level.image, np.float32(0)), ((TRANSPORT_REACH,) * 2,) * 2 + ((0, 0),)
    )
    inner = canvas[_INNER]
    guessed, deep = np.zeros_like(level.hole), np.zeros_like(level.hole)
    if coarse is not None:
        guess = upsampled(coarse, level.hole.shape)
        guessed = level.hole & np.isfinite(guess).all(axis=2)
        deep = guessed & (rim_distance(level.hole, level.known) > _DEEP)
        np.copyto(inner, guess, where=guessed[..., None])
    around = level.known | deep
    rest = level.hole & ~deep
    rest &= ~unreachable(rest, around)
    if rest.any():
        system = Elliptic(rest, around, 1)
        inner[rest] = system.solve(system.right_side(inner, around), tolerance=_SETTLED).values
    return canvas, rest | guessed


class _Flow:
    """The flow inside a mask, each hole by itself: pixels at most two apart are one hole."""

    def __init__(self, canvas: Image, inside: Mask, usable: Mask) -> None:
        """Prepare the flow on ``canvas`` (H + 4, W + 4, C), in place; what is not ``usable`` (H, W) is mirrored."""
        self.canvas = canvas
        runs, labels = labelled_runs(np.ascontiguousarray(inside), TRANSPORT_REACH)
        order = np.argsort(labels, kind="stable")
        holes = int(labels.max()) + 1 if len(labels) else 0
        self.first = np.searchsorted(labels[order], np.arange(holes + 1))
        rows = (runs[order].astype(np.int64) + TRANSPORT_REACH) @ np.array([[canvas.shape[1]] * 2, [1, 0], [0, 1]])
        self.runs = np.ascontiguousarray(rows)  # (N, 2): first pixel and end, flat
        self.moving = np.ones(holes, np.bool_)
        self.steps, self.residual = np.zeros(holes, np.int64), np.zeros(holes, np.float32)
        self.ghosts, self.first_ghost, self.bounds = _surroundings_kernel(
            canvas, np.pad(usable, TRANSPORT_REACH), self.runs, self.first
        )

    def advance(self, weights: F32x1, tolerance: float, steps: int) -> None:
        """Take at most so many steps in the holes that still move."""
        _, width, channels = self.canvas.shape
        _flow_kernel(
            self.canvas.reshape(-1),
            width,
            channels,
            self.runs,
            self.first,
            self.ghosts,
            self.first_ghost,
            self.bounds,
            self.moving,
            self.steps,
            self.residual,
            weights,
            float(tolerance),
            steps,
        )


@kernel()
def _surroundings_kernel(canvas: F32x3, usable: Bool2, runs: I64x2, first: I64x1) -> tuple[I64x2, I64x1, F32x3]:
    """For each hole: its ghosts, and the smallest and largest value (holes, 2, C) of all that it reads at the start.

    A ghost (G, 2) is an unusable pixel that the hole's differences read, and the hole pixel that it mirrors.
    """
    width, channels = canvas.shape[1:]
    values, open_ = canvas.reshape(-1, channels), usable.reshape(-1)
    holes = len(first) - 1
    offset = np.empty(25, np.int64)  # by distance
    number = 0
    for square in range(9):
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                if dy * dy + dx * dx == square:
                    offset[number] = dy * width + dx
                    number += 1
    owner = np.full(len(open_), -1, np.int32)
    ghosts = np.empty((64, 2), np.int64)
    count = 0
    first_ghost = np.zeros(holes + 1, np.int64)
    bounds = np.empty((holes, 2, channels), np.float32)
    for hole in range(holes):
        p = runs[first[hole], 0]
        bounds[hole, 0] = values[p]
        bounds[hole, 1] = values[p]
        for k in range(25):
            for r in range(first[hole], first[hole + 1]):
                for p in range(runs[r, 0], runs[r, 1]):
                    q = p + offset[k]
                    if open_[q]:
                        for c in range(channels):
                            bounds[hole, 0, c] = min(bounds[hole, 0, c], values[q, c])
                            bounds[hole, 1, c] = max(bounds[hole, 1, c], values[q, c])
                    elif owner[q] != hole:
                        owner[q] = hole
                        if count == len(ghosts):
                            longer = np.empty((2 * count, 2), np.int64)
                            longer[:count] = ghosts
                            ghosts = longer
                        ghosts[count, 0] = q
                        ghosts[count, 1] = p
                        count += 1
        first_ghost[hole + 1] = count
    return ghosts[:count].copy(), first_ghost, bounds


@kernel(fastmath=True)  # sums and square roots may be rearranged: their last bits do not matter to the flow
def _flow_kernel(
    values: F32x1,
    width: int,
    channels: int,
    runs: I64x2,
    first: I64x1,
    ghosts: I64x2,
    first_ghost: I64x1,
    bounds: F32x3,
    moving: Bool1,
    taken: I64x1,
    residual: F32x1,
    weights: F32x1,
    tolerance: float,
    steps: int,
) -> None:
    """At most ``steps`` steps of I += pace F, hole by hole.

    The values of a pixel's channels lie side by side and flow alike, so a run of pixels is one loop over
    ``channels`` times as many values, whose neighbours are ``channels`` and ``channels * width`` values away.
    """
    a, b = weights
    zero, quarter, half, two, four = np.float32(0), np.float32(0.25), np.float32(0.5), np.float32(2), np.float32(4)
    row = channels * width
    for hole in range(len(moving)):
        if not moving[hole]:
            continue
        size, longest = 0, 0
        for r in range(first[hole], first[hole + 1]):
            size += runs[r, 1] - runs[r, 0]
            longest = max(longest, runs[r, 1] - runs[r, 0])
        low, high = np.empty(longest * channels, np.float32), np.empty(longest * channels, np.float32)
        for i in range(longest * channels):
            low[i] = bounds[hole, 0, i % channels]
            high[i] = bounds[hole, 1, i % channels]
        change = np.empty(size * channels, np.float32)
        for _ in range(steps):
            for g in range(first_ghost[hole], first_ghost[hole + 1]):
                for c in range(channels):
                    values[ghosts[g, 0] * channels + c] = values[ghosts[g, 1] * channels + c]
            stiff = _STIFF * a * a * np.float32(max(1.0, taken[hole] / _CALM))
            at = 0
            for r in range(first[hole], first[hole + 1]):
                start, stop = runs[r, 0] * channels, runs[r, 1] * channels
                centre = values[start:stop]
                left, right = values[start - channels : stop - channels], values[start + channels : stop + channels]
                above, below = values[start - row : stop - row], values[start + row : stop + row]
                above_left = values[start - row - channels : stop - row - channels]
                above_right = values[start - row + channels : stop - row + channels]
                below_left = values[start + row - channels : stop + row - channels]
                below_right = values[start + row + channels : stop + row + channels]
                far_left = values[start - 2 * channels : stop - 2 * channels]
                far_right = values[start + 2 * channels : stop + 2 * channels]
                far_above = values[start - 2 * row : stop - 2 * row]
                far_below = values[start + 2 * row : stop + 2 * row]
                changed = change[at : at + stop - start]
                at += stop - start
                for i in range(stop - start):
                    xb, xf = centre[i] - left[i], right[i] - centre[i]
                    yb, yf = centre[i] - above[i], below[i] - centre[i]
                    ix, iy = half * (xb + xf), half * (yb + yf)
                    ixx, iyy = xf - xb, yf - yb
                    rising, falling = above_right[i] - below_left[i], below_right[i] - above_left[i]
                    ixy = quarter * (above_left[i] + below_right[i] - above_right[i] - below_left[i])
                    square = ix * ix + iy * iy + _FLAT
                    dlx = far_right[i] - far_left[i] + rising + falling - four * (xb + xf)
                    dly = far_below[i] - far_above[i] + falling - rising - four * (yb + yf)
                    beta = (dly * ix - dlx * iy) / np.sqrt(square)
                    turn = np.float32(1) if beta > zero else np.float32(-1)
                    xb_m, xf_m = min(turn * xb, zero), max(turn * xf, zero)
                    yb_m, yf_m = min(turn * yb, zero), max(turn * yf, zero)
                    slope = np.sqrt(xb_m * xb_m + xf_m * xf_m + yb_m * yb_m + yf_m * yf_m)
                    curve = (ixx * iy * iy - two * ixy * ix * iy + iyy * ix * ix) / square
                    steep = xb * xb + xf * xf + yb * yb + yf * yf
                    pace = _PACE / (b + a * abs(beta) + stiff * steep + _FLAT)
                    changed[i] = pace * (a * beta * slope + b * curve)
            total = zero
            at = 0
            for r in range(first[hole], first[hole + 1]):
                centre = values[runs[r, 0] * channels : runs[r, 1] * channels]
                changed = change[at : at + len(centre)]
                at += len(centre)
                for i in range(len(centre)):
                    now = min(max(centre[i] + changed[i], low[i]), high[i])
                    total += abs(now - centre[i])
                    centre[i] = now
            taken[hole] += 1
            residual[hole] = total / np.float32(size * channels)
            if residual[hole] <= tolerance:
                moving[hole] = False
                break
