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

from inpaintkit.arrays import Bool1, F32x1, F32x3, I32x1, I64x1, I64x2
from inpaintkit.classic._elliptic import Elliptic, softened
from inpaintkit.classic._hole import base_colour
from inpaintkit.classic._lanes import (
    EIGHT,
    larger,
    load_eight,
    magnitude,
    reduced,
    root,
    smaller,
    splat_eight,
    store,
    where,
)
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
_DEEP_SQUARE = np.ones((2 * int(_DEEP / 2**0.5) + 1,) * 2, np.uint8)  # wholly nearer than that to its middle
_CALM = 300  # steps after which _STIFF grows with their number, so that what still oscillates comes to rest
_CHUNK = 100  # steps between reports
_SETTLED = 1e-4  # accuracy of the harmonic first guess
_ZERO, _HALF, _ONE, _FOUR = (np.float32(number) for number in (0, 0.5, 1, 4))
_SQRT3 = np.float32(np.sqrt(3))
_NEAR = np.ones((2 * TRANSPORT_REACH + 1,) * 2, np.uint8)  # what differences read
_AROUND = np.argwhere(_NEAR) - TRANSPORT_REACH
_AROUND = _AROUND[np.argsort((_AROUND**2).sum(axis=1), kind="stable")]  # the nearest first
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
        full range (0 or more). What still creeps then would go on by one or two grey levels in thousands of steps,
        for the worse on photographs.
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
    problem = softened(problem)
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

    pyramid = _levels(values, problem.known, problem.hole, levels)
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
            smoothing = _Flow(canvas, ring, usable)
            smoothing.advance(_weights(0, 1), 0, presmooth)
            canvas = smoothing.canvas
        flow = _Flow(canvas, reached, usable)
        canvas = flow.canvas
        for steps in range(0, max_steps, _CHUNK):
            flow.advance(flow_weights, tolerance, min(_CHUNK, max_steps - steps))
            if not flow.moving.any():
                break
            problem.report(Step(sum(pixels[index + 1 :]) + pixels[index] * steps / max_steps, sum(pixels)))
        if index:
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


def _levels(values: Image, known: Mask, hole: Mask, most: int | None) -> list[Level]:
    """The pyramid down to the first level that needs no guess from a coarser one, since its rim is near everywhere."""
    if not _needs_guess(hole, known):
        return [Level(values, known, hole)]
    pyramid = masked_pyramid(values, known, hole, levels=most)
    for index, level in enumerate(pyramid[1:], 1):
        if not _needs_guess(level.hole, level.known):
            return pyramid[: index + 1]
    return pyramid


def _needs_guess(hole: Mask, known: Mask) -> bool:
    if (
        cv2.erode((~known).view(np.uint8), _DEEP_SQUARE, borderValue=1).any()
        and (rim_distance(hole, known) > _DEEP).any()
    ):  # a pixel so deep lies in the middle of such a square, which is quickly looked for
        return True
    return bool(unreachable(hole, known).any())


def _start(level: Level, coarse: Image | None) -> tuple[Image, Mask]:
    """A level's picture, padded, with a first guess in its hole, and the hole pixels that have one.

    Deep in the hole, and where nothing else is in reach, the guess is the coarser level's fill; from there to the rim
    it is harmonic.
    """
    (height, width), margin = level.hole.shape, 2 * TRANSPORT_REACH
    canvas = np.zeros((height + margin, width + margin, level.image.shape[2]), np.float32)
    inner = canvas[_INNER]
    inner[:] = level.image
    inner[~level.known] = 0
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
        """Prepare the flow on a copy of ``canvas`` (H + 4, W + 4, C); what is not ``usable`` (H, W) is mirrored."""
        self._values = np.concatenate([canvas.reshape(-1), np.zeros(EIGHT, np.float32)])  # the last eight may end there
        self.canvas: Image = self._values[: canvas.size].reshape(canvas.shape)
        inside = np.pad(inside, TRANSPORT_REACH)
        runs, labels = labelled_runs(inside, TRANSPORT_REACH)
        order = np.argsort(labels, kind="stable")
        flat = runs[order].astype(np.int64) @ np.array([[canvas.shape[1]] * 2, [1, 0], [0, 1]])  # first pixel and end
        pixels = _all_of(flat)
        hole_of = np.repeat(labels[order], flat[:, 1] - flat[:, 0])
        holes = int(labels.max()) + 1 if len(labels) else 0
        first = np.searchsorted(hole_of, np.arange(holes))
        usable = np.pad(usable, TRANSPORT_REACH)
        self.bounds = _bounds(self.canvas, usable, pixels, first)
        self.ghosts, self.first_ghost = _ghosts(inside, usable, pixels, hole_of, holes)
        self.eights, self.first = _eights(flat * canvas.shape[2], labels[order], holes, canvas.shape[2])
        self.moving = np.ones(holes, np.bool_)
        self.steps, self.residual = np.zeros(holes, np.int64), np.zeros(holes, np.float32)

    def advance(self, weights: F32x1, tolerance: float, steps: int) -> None:
        """Take at most so many steps in the holes that still move."""
        _, width, channels = self.canvas.shape
        _flow_kernel(
            self._values,
            width,
            channels,
            self.eights,
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


def _all_of(runs: I64x2) -> I64x1:
    """All that lies in runs (N, 2), first and end."""
    length = runs[:, 1] - runs[:, 0]
    done = np.cumsum(length) - length
    all_of: I64x1 = np.arange(length.sum()) + np.repeat(runs[:, 0] - done, length)
    return all_of


def _eights(runs: I64x2, hole_of: I32x1, holes: int, channels: int) -> tuple[I64x2, I64x1]:
    """Runs of values cut into eights (N, 3): first value, how many count, channel of the first; each hole's first."""
    length = runs[:, 1] - runs[:, 0]
    number = -(-length // EIGHT)
    begun = np.cumsum(number) - number
    done = (np.arange(number.sum()) - np.repeat(begun, number)) * EIGHT
    count = np.minimum(np.repeat(length, number) - done, EIGHT)
    eights = np.stack([np.repeat(runs[:, 0], number) + done, count, done % channels], axis=1)
    return eights, np.searchsorted(np.repeat(hole_of, number), np.arange(holes + 1))


def _bounds(canvas: Image, usable: Mask, pixels: I64x1, first: I64x1) -> F32x3:
    """(holes, 2, C): the smallest and the largest of the numbers that a hole's differences read at the start."""
    ends = []
    unusable, seen = np.flatnonzero(~usable), canvas.copy()
    for end, over, never in (np.minimum, cv2.erode, np.inf), (np.maximum, cv2.dilate, -np.inf):
        seen.reshape(-1, canvas.shape[2])[unusable] = never
        read = over(seen, _NEAR)
        ends.append(end.reduceat(read.reshape(-1, canvas.shape[2]).take(pixels, axis=0), first))
    return np.stack(ends, axis=1)


def _ghosts(inside: Mask, usable: Mask, pixels: I64x1, hole_of: I32x1, holes: int) -> tuple[I64x2, I64x1]:
    """What holes see of unusable pixels (G, 2): such a pixel, and the hole's pixel nearest to it; each hole's first."""
    near = np.asarray(cv2.dilate(inside.view(np.uint8), _NEAR), np.bool_)
    ghosts = np.flatnonzero(near & ~usable)
    owner = np.full(inside.size, -1, np.int32)
    owner[pixels] = hole_of
    seen = np.clip(ghosts[:, None] - _AROUND @ [inside.shape[1], 1], 0, inside.size - 1)
    ghost, k = np.nonzero(owner[seen] >= 0)
    by_hole = owner[seen[ghost, k]].astype(np.int64) * max(len(ghosts), 1) + ghost
    pairs, nearest = np.unique(by_hole, return_index=True)
    first = np.searchsorted(pairs, np.arange(holes + 1) * max(len(ghosts), 1))
    return np.stack([ghosts[ghost[nearest]], seen[ghost, k][nearest]], axis=1), first


@kernel(fastmath=True)  # sums and square roots may be rearranged: their last bits do not matter to the flow
def _flow_kernel(
    values: F32x1,
    width: int,
    channels: int,
    eights: I64x2,
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

    The values of a pixel's channels lie side by side and flow alike, so a run of pixels is a run of ``channels`` times
    as many values, eight of which are worked on at a time.
    """
    low, high = np.empty(channels + EIGHT, np.float32), np.empty(channels + EIGHT, np.float32)
    for hole in range(len(moving)):
        if not moving[hole]:
            continue
        own = eights[first[hole] : first[hole + 1]]
        change = np.empty(len(own) * EIGHT, np.float32)
        size = 0
        for e in range(len(own)):
            size += own[e, 1]
        for i in range(channels + EIGHT):
            low[i] = bounds[hole, 0, i % channels]
            high[i] = bounds[hole, 1, i % channels]
        for _ in range(steps):
            for g in range(first_ghost[hole], first_ghost[hole + 1]):
                for c in range(channels):
                    values[ghosts[g, 0] * channels + c] = values[ghosts[g, 1] * channels + c]
            _rates(values, own, channels, channels * width, weights, max(1.0, taken[hole] / _CALM), change)
            taken[hole] += 1
            residual[hole] = _moved(values, own, change, low, high) / np.float32(size)
            if residual[hole] <= tolerance:
                moving[hole] = False
                break


@kernel(fastmath=True, inline=True)
def _rates(values: F32x1, eights: I64x2, x: int, y: int, weights: F32x1, calm: float, change: F32x1) -> None:
    """Set ``change`` to pace F; neighbours in a row are ``x`` values away, in a column ``y``."""
    zero, one, four = splat_eight(_ZERO), splat_eight(_ONE), splat_eight(_FOUR)
    half, flat, pace = splat_eight(_HALF), splat_eight(_FLAT), splat_eight(_PACE)
    a, b = splat_eight(weights[0]), splat_eight(weights[1])
    stiff = splat_eight(_STIFF * weights[0] * weights[0] * np.float32(calm))
    for e in range(len(eights)):
        at = eights[e, 0]
        here = load_eight(values, at)
        above_left, above_right = load_eight(values, at - y - x), load_eight(values, at - y + x)
        below_left, below_right = load_eight(values, at + y - x), load_eight(values, at + y + x)
        xb, xf = here - load_eight(values, at - x), load_eight(values, at + x) - here
        yb, yf = here - load_eight(values, at - y), load_eight(values, at + y) - here
        rising, falling = above_right - below_left, below_right - above_left
        dlx = load_eight(values, at + 2 * x) - load_eight(values, at - 2 * x) + rising + falling - four * (xb + xf)
        dly = load_eight(values, at + 2 * y) - load_eight(values, at - 2 * y) + falling - rising - four * (yb + yf)
        ix, iy = half * (xb + xf), half * (yb + yf)
        reciprocal = one / (ix * ix + iy * iy + flat)
        beta = (dly * ix - dlx * iy) * root(reciprocal)
        turn = where(beta, zero, one, zero - one)
        xb_m, xf_m = smaller(turn * xb, zero), larger(turn * xf, zero)
        yb_m, yf_m = smaller(turn * yb, zero), larger(turn * yf, zero)
        slope = root(xb_m * xb_m + xf_m * xf_m + yb_m * yb_m + yf_m * yf_m)
        ixy4 = above_left + below_right - above_right - below_left
        curve = ((xf - xb) * iy * iy - half * ixy4 * ix * iy + (yf - yb) * ix * ix) * reciprocal
        steep = xb * xb + xf * xf + yb * yb + yf * yf
        length = pace / (b + a * magnitude(beta) + stiff * steep + flat)
        store(change, e * EIGHT, length * (a * beta * slope + b * curve))


@kernel(fastmath=True, inline=True)
def _moved(values: F32x1, eights: I64x2, change: F32x1, low: F32x1, high: F32x1) -> np.float32:
    """Add ``change`` within the bounds, which repeat channel by channel; gives the sum of how far values moved."""
    counts = np.zeros(2 * EIGHT, np.float32)
    for k in range(EIGHT):
        counts[k] = 1
    half, total = splat_eight(_HALF), splat_eight(_ZERO)
    for e in range(len(eights)):
        at, number, channel = eights[e, 0], eights[e, 1], eights[e, 2]
        here = load_eight(values, at)
        now = smaller(larger(here + load_eight(change, e * EIGHT), load_eight(low, channel)), load_eight(high, channel))
        now = where(load_eight(counts, EIGHT - number), half, now, here)
        total += magnitude(now - here)
        store(values, at, now)
    return reduced(total)
