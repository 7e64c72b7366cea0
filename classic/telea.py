"""Fast marching inpainting (Telea 2004): fill inwards from the rim, each pixel from the known ones around it.

T is the front's arrival time in pixels and N = grad T points into the hole. A pixel p takes the weighted mean over
the known pixels q within the radius,

    I(p) = sum w(p, q) (I(q) + grad I(q) . (p - q)) / sum w(p, q),        w = dir * dst * lev,                      (2)
    dir = |N . (p - q)| / |p - q|,   dst = 1 / |p - q|^2,   lev = 1 / (1 + |T(p) - T(q)|),

so that colours come along the normal, from near, and from the same level line. doi:10.1080/10867651.2004.10487596

The first-order term of (2) overshoots: each filled pixel extrapolates from extrapolated ones. ``damped`` keeps as much
of it as the picture supports, by three factors. (a) Trust where gradients agree: their coherence
|sum w grad I| / sqrt(sum w * sum w |grad I|^2) is 1 on a ramp and about 0.2 on noise, so the term counts from 0.2
upwards and fully from 0.7. (b) A pixel may move by at most 0.4 standard deviations of the colours it comes from, the
size of a ramp's step to its next pixel. (c) A slope seen over the radius R holds for about as far:
R / (R + T - 1). The numbers were chosen on drawn damage over scikit-image's photographs and checked on others.
On a ridge of T, where fronts meet, |N| falls below 1 and its direction is random; there ``damped`` adds 1 - |N| to
dir, so that all directions count.
"""

from __future__ import annotations

import math
from functools import cache, partial
from typing import Literal

import cv2
import numpy as np

from inpaintkit.arrays import Bool2, F32x1, F32x2, F32x3, I64x1
from inpaintkit.classic._hole import base_colour
from inpaintkit.classic._lanes import EIGHT, load_eight, magnitude, reduced, splat_eight, store
from inpaintkit.classic._march import Front, fill_in_order, march, measure
from inpaintkit.classic._opencv import opencv_telea
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Problem

_TENT = np.array([1, 2, 1], np.float32) / 4  # the paper smooths T before it takes N
_MIN_DIR = np.float32(1e-3)  # a pixel whose neighbours all lie on its own level line still takes their mean
_MAX_SPREAD = np.float32(0.4)  # (b)
_NOISE, _RAMP = np.float32(0.2), np.float32(0.7)  # (a)
_COLOURS = 3  # planes before the colours' (colour, its y and its x derivative): T, 1 where known, |grad I|^2


def telea(problem: Problem, *, radius: float = 5.0, variant: Literal["damped", "paper", "opencv"] = "damped") -> Image:
    """Fill a hole by fast marching.

    Parameters
    ----------
    problem : the region to fill.
    radius : reach of the known colours, in pixels (1 to 100).
    variant : "damped" limits the first-order term; "paper" has it in full; "opencv" gives what cv2.inpaint gives.

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled.

    Raises
    ------
    ValueError : a radius out of range.
    ContextError : hole pixels with no known pixel within the radius, not even through the hole.

    References
    ----------
    A. Telea, An image inpainting technique based on the fast marching method, J. Graphics Tools 9(1), 2004.
    "opencv" follows the arithmetic of OpenCV 5.0's ``INPAINT_TELEA``, for pictures of two rows and columns or more
    (below that OpenCV reads beside the picture).

    Examples
    --------
    >>> import numpy as np
    >>> from inpaintkit.problem import Problem
    >>> hole = np.zeros((9, 9), bool)
    >>> hole[4, 2:7] = True
    >>> ramp = np.tile(np.linspace(0, 1, 9, dtype=np.float32)[:, None, None], (1, 9, 1))
    >>> float(telea(Problem.create(ramp, hole))[4, 4, 0].round(3))
    0.5
    """
    if not 1 <= radius <= 100:
        raise ValueError(f"telea's option radius is {radius:g}: expected 1 to 100 pixels")
    if not problem.known.any():
        raise ContextError.of("telea", "nothing is known around the hole")
    if variant == "opencv":
        return opencv_telea(problem, int(np.rint(radius)))
    if variant == "paper":
        front = march(problem.hole, problem.known, radius)
        smooth = cv2.sepFilter2D(front.arrival, cv2.CV_32F, _TENT, _TENT, borderType=cv2.BORDER_REPLICATE)
        return _fill(problem, Front(np.asarray(smooth, np.float32), front.order), radius, damped=False)
    return _fill(problem, measure(problem.hole, problem.known, outside=int(radius) + 2), radius, damped=True)


def _fill(problem: Problem, front: Front, radius: float, *, damped: bool) -> Image:
    margin = int(radius)
    (height, width), channels = problem.hole.shape, problem.image.shape[2]
    stride, planes = width + 2 * margin, _COLOURS + 3 * channels
    row = stride * planes
    base = base_colour(problem.image, problem.known)
    data = np.zeros((height + 2 * margin) * row + EIGHT, np.float32)  # each row's planes one after another
    _start_kernel(problem.image, base, problem.known, front.arrival, data, margin)
    order = front.order
    del front  # a large hole's arrays are large: none is kept longer than needed
    dy, dx, down, right, near, back, along = _neighbours(radius)
    fill_in_order(
        problem,
        order,
        int(np.count_nonzero(near)),
        partial(_fill_kernel, data, stride, planes, dy * row + dx, down, right, near, back, along, margin, damped),
        f"telea: {{}} hole pixels have no known pixel within {radius:g} px, not even through the hole: raise radius, "
        "or pass fallback=True (--fallback) for a plain fill",
    )
    del order
    filled = problem.image.copy()
    _place_kernel(filled, problem.hole, data, base, margin)
    return filled


@cache
def _neighbours(radius: float) -> tuple[I64x1, I64x1, F32x1, F32x1, F32x1, F32x1, F32x1]:
    """The neighbours q of a pixel p within a radius, by eights that lie side by side.

    Returns
    -------
    dy, dx : int64 (n,), where each eight begins.
    down, right, near : float32 (8 n,), (p - q) / |p - q| and dst of each q; zero for those that only fill up an eight.
    back, along : p - q in rows, float32 (n,), and in columns, float32 (8 n,).
    """
    margin = int(radius)
    starts = []
    for dy in range(-margin, margin + 1):
        wide = math.isqrt(int(radius**2) - dy**2)
        starts += [(dy, dx) for dx in range(-wide, wide + 1, EIGHT)]
    dy, dx = np.array(starts).T
    rows, columns = np.repeat(-dy, EIGHT), -(dx[:, None] + np.arange(EIGHT)).reshape(-1)
    square = rows**2 + columns**2
    near = np.where((square > 0) & (square <= radius**2), 1 / np.maximum(square, 1), 0)
    down, right = rows * near**0.5, columns * near**0.5
    back, along = -dy.astype(np.float32), columns.astype(np.float32)
    return dy.copy(), dx.copy(), down.astype(np.float32), right.astype(np.float32), near.astype(np.float32), back, along


@kernel(fastmath=True)
def _start_kernel(image: F32x3, base: F32x1, usable: Bool2, arrival: F32x2, data: F32x1, margin: int) -> None:
    """Planes of the known pixels that some hole pixel looks at, T of the hole; other memory is never touched."""
    height, width, channels = image.shape
    stride, row = width + 2 * margin, (width + 2 * margin) * (_COLOURS + 3 * channels)
    for y in range(height):
        for x in range(width):
            time = arrival[y, x]
            if time < -margin - 2:  # a gradient looks one pixel farther
                continue
            p = (y + margin) * row + x + margin
            data[p] = time
            if x == 0:  # T goes on beside the crop
                data[p - 1] = time
            if x == width - 1:
                data[p + 1] = time
            if y == 0:
                data[p - row] = time
            if y == height - 1:
                data[p + row] = time
            if usable[y, x]:
                data[p + stride] = 1
                for c in range(channels):
                    data[p + (_COLOURS + 3 * c) * stride] = image[y, x, c] - base[c]
    for y in range(height):
        for x in range(width):
            if usable[y, x] and arrival[y, x] >= -margin - 1:
                _gradient(data, (y + margin) * row + x + margin, stride, row)


@kernel(fastmath=True)
def _fill_kernel(
    data: F32x1,
    stride: int,
    planes: int,
    offset: I64x1,
    down: F32x1,
    right: F32x1,
    near: F32x1,
    back: F32x1,
    along: F32x1,
    margin: int,
    damped: bool,
    order: I64x1,
) -> I64x1:
    """Fill ``data`` in place in the given order; returns the pixels of ``order`` that had no known neighbour.

    ``order`` counts the crop's pixels. ``data`` is padded by the margin, so no neighbour lies outside; ``offset`` and
    the tables are those of ``_neighbours``.
    """
    channels, row, width = (planes - _COLOURS) // 3, planes * stride, stride - 2 * margin
    weight = np.empty(len(near), np.float32)
    mean, step, spread = np.empty(channels, np.float32), np.empty(channels, np.float32), np.empty(channels, np.float32)
    left = np.empty(len(order), order.dtype)
    skipped = 0
    for n in range(len(order)):
        p = (order[n] // width + margin) * row + order[n] % width + margin
        ny = (data[p + row] - data[p - row]) * np.float32(0.5)
        nx = (data[p + 1] - data[p - 1]) * np.float32(0.5)
        level = _MIN_DIR
        if damped:
            level = max(np.float32(1) - np.sqrt(ny * ny + nx * nx), _MIN_DIR)
        now = data[p]
        total, force = _weigh(data, stride, p, offset, down, right, near, ny, nx, level, weight)
        if total == 0:
            left[skipped] = order[n]
            skipped += 1
            continue
        agreed = np.float32(0)
        for c in range(channels):
            at = p + (_COLOURS + 3 * c) * stride
            zero, first, second, sum_y, sum_x = _sums(data, stride, at, offset, weight, back, along)
            mean[c] = zero / total
            step[c] = first / total
            spread[c] = np.sqrt(max(second / total - mean[c] * mean[c], np.float32(0)))
            agreed += sum_y * sum_y + sum_x * sum_x
        trust = np.float32(1)
        if damped:
            coherence = np.sqrt(agreed / (total * force)) if force > 0 else np.float32(0)
            trust = min(max((coherence - _NOISE) / (_RAMP - _NOISE), np.float32(0)), np.float32(1))
            trust *= margin / (margin + now - np.float32(1))
        for c in range(channels):
            moved = step[c]
            if damped:
                limit = _MAX_SPREAD * spread[c]
                moved = trust * min(max(moved, -limit), limit)
            data[p + (_COLOURS + 3 * c) * stride] = mean[c] + moved
        data[p + stride] = 1
        _gradient(data, p, stride, row)
    return left[:skipped].copy()


@kernel(fastmath=True, inline=True)
def _weigh(
    data: F32x1,
    stride: int,
    p: int,
    offset: I64x1,
    down: F32x1,
    right: F32x1,
    near: F32x1,
    ny: np.float32,
    nx: np.float32,
    level: np.float32,
    weight: F32x1,
) -> tuple[np.float32, np.float32]:
    """The weights of all neighbours, zero where one is not known, their sum, and that of their shares of |grad I|^2."""
    one, now = splat_eight(np.float32(1)), splat_eight(data[p])
    normal_y, normal_x, least = splat_eight(ny), splat_eight(nx), splat_eight(level)
    total, force = splat_eight(np.float32(0)), splat_eight(np.float32(0))
    for k in range(len(offset)):
        q, t = p + offset[k], k * EIGHT
        direction = magnitude(normal_y * load_eight(down, t) + normal_x * load_eight(right, t)) + least
        w = direction * load_eight(near, t) / (one + magnitude(now - load_eight(data, q)))
        w = w * load_eight(data, q + stride)
        store(weight, t, w)
        total += w
        force += w * load_eight(data, q + 2 * stride)
    return reduced(total), reduced(force)


@kernel(fastmath=True, inline=True)
def _sums(
    data: F32x1, stride: int, at: int, offset: I64x1, weight: F32x1, back: F32x1, along: F32x1
) -> tuple[np.float32, np.float32, np.float32, np.float32, np.float32]:
    """Weighted sums over the neighbours of a channel's colours, first-order terms, squares and derivatives."""
    zero, first, second = splat_eight(np.float32(0)), splat_eight(np.float32(0)), splat_eight(np.float32(0))
    sum_y, sum_x = splat_eight(np.float32(0)), splat_eight(np.float32(0))
    for k in range(len(offset)):
        q, t = at + offset[k], k * EIGHT
        w, value = load_eight(weight, t), load_eight(data, q)
        slope_y, slope_x = w * load_eight(data, q + stride), w * load_eight(data, q + 2 * stride)
        share = w * value
        zero += share
        second += share * value
        first += slope_y * splat_eight(back[k]) + slope_x * load_eight(along, t)
        sum_y += slope_y
        sum_x += slope_x
    return reduced(zero), reduced(first), reduced(second), reduced(sum_y), reduced(sum_x)


@kernel(fastmath=True, inline=True)
def _gradient(data: F32x1, p: int, stride: int, row: int) -> None:
    """Central differences where both neighbours are known, one-sided where one is, else zero; and their squares."""
    known = p + stride
    before, after = data[known - 1] > 0, data[known + 1] > 0
    above, below = data[known - row] > 0, data[known + row] > 0
    per_x = np.float32(0.5) if before and after else np.float32(1)
    per_y = np.float32(0.5) if above and below else np.float32(1)
    force = np.float32(0)
    for plane in range(_COLOURS, row // stride, 3):
        at = p + plane * stride
        first = data[at - 1] if before else data[at]
        last = data[at + 1] if after else data[at]
        slope_x = (last - first) * per_x
        first = data[at - row] if above else data[at]
        last = data[at + row] if below else data[at]
        slope_y = (last - first) * per_y
        data[at + stride], data[at + 2 * stride] = slope_y, slope_x
        force += slope_y * slope_y + slope_x * slope_x
    data[p + 2 * stride] = force


@kernel()
def _place_kernel(filled: F32x3, hole: Bool2, data: F32x1, base: F32x1, margin: int) -> None:
    """Put the colours of ``data`` into the hole of ``filled``."""
    height, width, channels = filled.shape
    stride = width + 2 * margin
    for y in range(height):
        for x in range(width):
            if hole[y, x]:
                p = (y + margin) * stride * (_COLOURS + 3 * channels) + x + margin
                for c in range(channels):
                    filled[y, x, c] = data[p + (_COLOURS + 3 * c) * stride] + base[c]
