"""What OpenCV calls INPAINT_TELEA and INPAINT_NS, bit for bit: ``variant="opencv"`` of telea and navier_stokes.

Both march like Telea's method, but each pixel's arrival time is set once, when the front first touches it. The first
follows Telea 2004 with its own arithmetic. The second is not the paper's Navier-Stokes: each pixel takes the mean of
the known ones around it, weighted by nearness and by how well they lie along its isophote.

The arithmetic is that of OpenCV 5.0, in float32 and in its order, with its quirks at the picture's border; pictures
have two rows and columns or more (below that OpenCV reads beside the picture). No ``fastmath`` here.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from inpaintkit.arrays import F32x2, F32x3, I32x1, I32x2, U8x2
from inpaintkit.classic._heap import pop, push
from inpaintkit.classic._march import CROSS, FAR, Front
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask, Problem

_WHITE = 255  # of floats: OpenCV's arithmetic counts in grey levels
KNOWN, BAND, HOLE, VOID = 0, 1, 2, 3  # states of a pixel while the front moves


class Setup(NamedTuple):
    """What both methods begin with.

    Attributes
    ----------
    levels : float32 (H, W, C), the crop in the picture's own grey levels (255 for floats).
    rank : int32 (H + 2, W + 2), 0 known, n for the n-th pixel that is filled, the last for void.
    front : as ``opencv_march`` gives it.
    whole : whether the grey levels are whole numbers.
    black, white : the smallest and the largest of them.
    """

    levels: Image
    rank: I32x2
    front: Front
    whole: bool
    black: np.float32
    white: np.float32


def opencv_telea(problem: Problem, radius: int) -> Image:
    """What cv2.inpaint(..., INPAINT_TELEA) gives; floats are filled without rounding."""
    levels, rank, front, whole, black, white = opencv_setup(problem, radius, "telea")
    _telea_kernel(levels, rank, front.arrival, front.order, radius, whole, black, white)
    return _normalised(problem, levels)


def opencv_navier_stokes(problem: Problem, radius: int) -> Image:
    """What cv2.inpaint(..., INPAINT_NS) gives; floats are filled without rounding."""
    levels, rank, front, whole, black, white = opencv_setup(problem, radius, "navier_stokes")
    _navier_stokes_kernel(levels, rank, front.order, radius, whole, black, white)
    return _normalised(problem, levels)


def opencv_setup(problem: Problem, radius: int, method: str) -> Setup:
    """Grey levels, ranks and front for a crop; ContextError, in the method's name, where the front misses pixels."""
    whole = problem.dtype.kind != "f"
    black, white = (np.iinfo(problem.dtype).min, np.iinfo(problem.dtype).max) if whole else (0, _WHITE)
    levels = _own_levels(problem)
    if whole and problem.raw is not None:  # beside the picture's border OpenCV reads what lies under the mask
        levels[problem.hole] = problem.raw[problem.hole]
    void = ~(problem.hole | problem.known)
    front = opencv_march(problem.hole, void, radius)
    if len(front.order) < np.count_nonzero(problem.hole):
        raise ContextError.of(method, "hole pixels with no known pixel beside them, not even through the hole")
    rank: I32x2 = np.zeros(front.arrival.shape, np.int32)
    rank[1:-1, 1:-1][void] = np.iinfo(np.int32).max
    rank.reshape(-1)[front.order] = np.arange(1, len(front.order) + 1)
    return Setup(levels, rank, front, whole, np.float32(black), np.float32(white))


def _own_levels(problem: Problem) -> Image:
    """The crop in the caller's own values, whole numbers rounded, floats times 255; premultiplied as the crop is."""
    whole = problem.dtype.kind != "f"
    levels = problem.image.astype(np.float64) * problem.scale
    if problem.alpha:
        alpha = problem.image[..., -1:]
        levels[..., :-1] += problem.offset * alpha
        levels[..., -1:] = alpha * (np.iinfo(problem.dtype).max if whole else 1)
    else:
        levels += problem.offset
    return np.asarray(np.rint(levels) if whole else levels * _WHITE, np.float32)


def _normalised(problem: Problem, levels: Image) -> Image:
    """The way back from ``_own_levels``."""
    whole = problem.dtype.kind != "f"
    values = levels.astype(np.float64) / (1 if whole else _WHITE)
    if problem.alpha:
        alpha = values[..., -1:] / (np.iinfo(problem.dtype).max if whole else 1)
        colours = (values[..., :-1] - problem.offset * alpha) / problem.scale
        return np.concatenate([colours, alpha], axis=2).astype(np.float32)
    return np.asarray((values - problem.offset) / problem.scale, np.float32)


def opencv_march(hole: Mask, void: Mask, radius: int) -> Front:
    """The front of ``cv2.inpaint``: padded by one pixel on every side, each pixel's time set once when first touched.

    ``void`` pixels are never a source. Outside the rim T reaches as far as a square of ``radius`` around the hole.
    """
    inside = np.pad(hole.astype(np.uint8), 1)
    outer = np.pad(np.ones(hole.shape, np.uint8), 1)  # OpenCV's frame belongs to neither side
    band = np.asarray(cv2.dilate(inside, CROSS), np.uint8) & ~inside & outer & ~np.pad(void.astype(np.uint8), 1)
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    ring = np.asarray(cv2.dilate(inside, square), np.uint8) & ~inside & ~band & outer
    arrival = np.where(band == 1, np.float32(0), FAR)
    _touch_kernel((ring * HOLE).astype(np.uint8), arrival, band)
    touched = (ring == 1) & (arrival < FAR)
    arrival[touched] = -arrival[touched]
    flags = (inside * HOLE).astype(np.uint8)
    flags[1:-1, 1:-1][void] = VOID
    order = _touch_kernel(flags, arrival, band)
    return Front(arrival, order)


@kernel()
def _touch_kernel(flags: U8x2, arrival: F32x2, band: U8x2) -> I32x1:
    """March over flags == HOLE from ``band``; sets flags and times in place, returns flat indices in order of touch."""
    height, width = flags.shape
    order = np.empty(flags.size, np.int32)
    touched = 0
    keys, items, size, number = np.empty(64, np.float32), np.empty((64, 2), np.int64), 0, 0
    for i in range(height * width):
        if band[i // width, i % width]:
            keys, items = push(keys, items, size, np.float32(0), number, i)
            size += 1
            number += 1
    while size:
        i = pop(keys, items, size)
        size -= 1
        y, x = i // width, i % width
        flags[y, x] = KNOWN
        for side in range(4):
            v = y + (side == 2) - (side == 0)
            u = x + (side == 3) - (side == 1)
            if v <= 0 or u <= 0 or v >= height - 1 or u >= width - 1 or flags[v, u] != HOLE:
                continue
            time = min(
                min(_corner(flags, arrival, v - 1, u, v, u - 1), _corner(flags, arrival, v + 1, u, v, u - 1)),
                min(_corner(flags, arrival, v - 1, u, v, u + 1), _corner(flags, arrival, v + 1, u, v, u + 1)),
            )
            arrival[v, u] = time
            flags[v, u] = BAND
            keys, items = push(keys, items, size, time, number, v * width + u)
            size += 1
            number += 1
            order[touched] = v * width + u
            touched += 1
    return order[:touched].copy()


@kernel()
def _corner(flags: U8x2, arrival: F32x2, y1: int, x1: int, y2: int, x2: int) -> np.float32:
    """OpenCV's eikonal solution from two neighbours at a right angle."""
    first = np.float64(arrival[y1, x1])
    second = np.float64(arrival[y2, x2])
    if flags[y1, x1] < HOLE and flags[y2, x2] < HOLE:
        if abs(first - second) >= 1:
            return np.float32(1 + min(first, second))
        return np.float32((first + second + np.sqrt(2 - (first - second) * (first - second))) * 0.5)
    if flags[y1, x1] < HOLE:
        return np.float32(1 + first)
    if flags[y2, x2] < HOLE:
        return np.float32(1 + second)
    return np.float32(1 + min(first, second))


@kernel()
def _telea_kernel(
    levels: F32x3,
    rank: I32x2,
    arrival: F32x2,
    order: I32x1,
    radius: int,
    whole: bool,
    black: np.float32,
    white: np.float32,
) -> None:
    """Fill ``levels`` in place; ``rank``, ``arrival`` and ``order`` are padded by one pixel.

    A pixel is unknown to the n-th fill as long as its rank is above n. Gradients are taken one pixel further in along
    the picture's first and last row and column, and the sum of the first-order terms enters with unit length.
    """
    height, width, channels = levels.shape
    two, half = np.float32(2), np.float32(0.5)
    total, mean = np.empty(channels, np.float32), np.empty(channels, np.float32)
    jx, jy = np.empty(channels, np.float32), np.empty(channels, np.float32)
    for n in range(len(order)):
        i, j = order[n] // (width + 2), order[n] % (width + 2)
        left, right = rank[i, j - 1] <= n, rank[i, j + 1] <= n
        above, below = rank[i - 1, j] <= n, rank[i + 1, j] <= n
        tx, ty = np.float32(0), np.float32(0)
        if left and right:
            tx = (arrival[i, j + 1] - arrival[i, j - 1]) * half
        elif right:
            tx = arrival[i, j + 1] - arrival[i, j]
        elif left:
            tx = arrival[i, j] - arrival[i, j - 1]
        if above and below:
            ty = (arrival[i + 1, j] - arrival[i - 1, j]) * half
        elif below:
            ty = arrival[i + 1, j] - arrival[i, j]
        elif above:
            ty = arrival[i, j] - arrival[i - 1, j]
        total[:] = np.float32(1e-20)
        mean[:] = 0
        jx[:] = 0
        jy[:] = 0
        for k in range(max(i - radius, 1), min(i + radius, height) + 1):
            km, kp = _inset(k, height)
            for m in range(max(j - radius, 1), min(j + radius, width) + 1):
                square = (m - j) * (m - j) + (k - i) * (k - i)
                if rank[k, m] > n or square > radius * radius:
                    continue
                lm, lp = _inset(m, width)
                ry, rx = np.float32(i - k), np.float32(j - m)
                length = np.float32(square)
                if channels == 1:
                    dst = np.float32(1.0 / np.float64(length * np.sqrt(length)))
                else:
                    dst = np.float32(1.0 / (np.float64(length) * np.sqrt(np.float64(length))))
                lev = np.float32(1.0 / (1.0 + abs(np.float64(arrival[k, m] - arrival[i, j]))))
                direction = rx * tx + ry * ty
                if abs(np.float64(direction)) <= 0.01:
                    direction = np.float32(0.000001)
                w = abs(dst * lev * direction)
                east, west = rank[k, m + 1] <= n, rank[k, m - 1] <= n
                south, north = rank[k + 1, m] <= n, rank[k - 1, m] <= n
                for c in range(channels):
                    gx, gy = np.float32(0), np.float32(0)
                    if east and west:
                        gx = (levels[km, lp + 1, c] - levels[km, lm - 1, c]) * two
                    elif east:
                        gx = levels[km, lp + 1, c] - levels[km, lm, c]
                    elif west:
                        gx = levels[km, lp, c] - levels[km, lm - 1, c]
                    if south and north:
                        gy = (levels[kp + 1, lm, c] - levels[km - 1, lm, c]) * two
                    elif south:
                        gy = levels[kp + 1, lm, c] - levels[km, lm, c]
                    elif north:
                        gy = levels[kp, lm, c] - levels[km - 1, lm, c]
                    mean[c] += w * levels[k - 1, m - 1, c]
                    jx[c] -= w * (gx * rx)
                    jy[c] -= w * (gy * ry)
                    total[c] += w
        for c in range(channels):
            unit = (jx[c] + jy[c]) / (np.sqrt(jx[c] * jx[c] + jy[c] * jy[c]) + np.float32(1e-20))
            value = np.float64(np.float32(mean[c] / total[c] + unit))
            if whole:
                value = min(max(np.rint(value + 0.5), np.float64(black)), np.float64(white))
            levels[i - 1, j - 1, c] = np.float32(value)


@kernel()
def _navier_stokes_kernel(
    levels: F32x3, rank: I32x2, order: I32x1, radius: int, whole: bool, black: np.float32, white: np.float32
) -> None:
    """Fill ``levels`` in place; ``rank`` and ``order`` are padded by one pixel.

    A pixel is unknown to the n-th fill as long as its rank is above n. Differences are taken one pixel further in along
    the picture's first and last row and column.
    """
    height, width, channels = levels.shape
    two = np.float32(2)
    for n in range(len(order)):
        i, j = order[n] // (width + 2), order[n] % (width + 2)
        for c in range(channels):
            total, mean = np.float32(1e-20), np.float32(0)
            for k in range(max(i - radius, 1), min(i + radius, height) + 1):
                km, kp = _inset(k, height)
                for m in range(max(j - radius, 1), min(j + radius, width) + 1):
                    square = (m - j) * (m - j) + (k - i) * (k - i)
                    if rank[k, m] > n or square > radius * radius:
                        continue
                    lm, lp = _inset(m, width)
                    down, up = np.float32(0), np.float32(0)
                    if rank[k + 1, m] <= n:
                        down = abs(levels[kp + 1, lm, c] - levels[kp, lm, c])
                    if rank[k - 1, m] <= n:
                        up = abs(levels[kp, lm, c] - levels[km - 1, lm, c])
                    right, left = np.float32(0), np.float32(0)
                    if rank[k, m + 1] <= n:
                        right = abs(levels[km, lp + 1, c] - levels[km, lm, c])
                    if rank[k, m - 1] <= n:
                        left = abs(levels[km, lm, c] - levels[km, lm - 1, c])
                    rows = down + up if rank[k + 1, m] <= n and rank[k - 1, m] <= n else (down + up) * two
                    columns = right + left if rank[k, m + 1] <= n and rank[k, m - 1] <= n else (right + left) * two
                    ry, rx = np.float32(k - i), np.float32(m - j)
                    length = np.float32(square)
                    direction = ry * columns - rx * rows
                    if abs(np.float64(direction)) <= 0.01:
                        direction = np.float32(0.000001)
                    else:
                        direction = abs(direction / np.sqrt(length * (rows * rows + columns * columns)))
                    w = np.float32(1) / (length * length + np.float32(1)) * direction
                    mean += w * levels[k - 1, m - 1, c]
                    total += w
            value = np.float64(mean) / np.float64(total)
            if whole:
                value = min(max(np.rint(value), np.float64(black)), np.float64(white))
            levels[i - 1, j - 1, c] = np.float32(value)


@kernel(inline=True)
def _inset(k: int, size: int) -> tuple[int, int]:
    """Row k, counted with the padding, as OpenCV reads it from the picture: moved in by one along the first row, or
    along the last; the same for columns.
    """
    return min(k - 1 + (k == 1), size - 1), max(k - 1 - (k == size), 0)
