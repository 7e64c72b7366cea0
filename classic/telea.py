"""Fast marching inpainting (Telea 2004): fill inwards from the rim, each pixel from the known ones around it.

T is the front's arrival time in pixels and N = grad T points into the hole. A pixel p takes the weighted mean over
the known pixels q within the radius,

    I(p) = sum w(p, q) (I(q) + grad I(q) . (p - q)) / sum w(p, q),        w = dir * dst * lev,                      (2)
    dir = |N . (p - q)| / |p - q|,   dst = 1 / |p - q|^2,   lev = 1 / (1 + |T(p) - T(q)|),

so that colours come along the normal, from near, and from the same level line. doi:10.1080/10867651.2004.10487596

The first-order term of (2) overshoots: each filled pixel extrapolates from extrapolated ones. ``damped`` keeps it as
far as the picture supports it, by three factors. (a) Trust where gradients agree: their coherence
|sum w grad I| / sqrt(sum w * sum w |grad I|^2) is 1 on a ramp and about 0.2 on noise, so the term counts from 0.2
upwards and fully from 0.7. (b) A pixel may move by at most 0.4 standard deviations of the colours it comes from, the
size of a ramp's step to its next pixel. (c) A slope seen over the radius R is good for about as far:
R / (R + T - 1). The numbers were chosen on drawn damage over scikit-image's photographs and checked on others.
On a ridge of T, where fronts meet, |N| falls below 1 and its direction is chance; there ``damped`` adds 1 - |N| to
dir, so that all directions count.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import cv2
import numpy as np

from inpaintkit.classic._march import Front, begin_like_opencv, fill_in_order, filled_from, march, measure
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Problem

_TENT = np.array([1, 2, 1], np.float32) / 4  # the paper smooths T before it takes N
_LEAST_DIR = np.float32(1e-3)  # a pixel with neighbours on its own level line only still takes their mean
_MOST_SPREAD = np.float32(0.4)  # (b)
_NOISE, _SURE = np.float32(0.2), np.float32(0.7)  # (a)


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
        raise ValueError(f"telea's option radius is {radius:g}: needed is 1 to 100 pixels")
    if not problem.known.any():
        raise ContextError.of("telea", "nothing is known around the hole")
    if variant == "opencv":
        return _opencv(problem, int(np.rint(radius)))
    if variant == "paper":
        front = march(problem.hole, problem.known, radius)
        smooth = cv2.sepFilter2D(front.arrival, cv2.CV_32F, _TENT, _TENT, borderType=cv2.BORDER_REPLICATE)
        return _fill(problem, Front(np.asarray(smooth, np.float32), front.order), radius, damped=False)
    return _fill(problem, measure(problem.hole, problem.known), radius, damped=True)


def _fill(problem: Problem, front: Front, radius: float, *, damped: bool) -> Image:
    margin = int(radius)
    width, channels = problem.image.shape[1:]
    usable = np.pad(problem.known, margin)
    arrival = np.pad(front.arrival, margin, mode="edge")
    order = (front.order // width + margin) * usable.shape[1] + front.order % width + margin
    del front  # a large hole's arrays are large: none is kept longer than it is needed
    dy, dx = (grid.reshape(-1) for grid in np.mgrid[-margin : margin + 1, -margin : margin + 1])
    near = (dy**2 + dx**2 <= radius**2) & ((dy != 0) | (dx != 0))
    dy, dx = dy[near], dx[near]
    # Work relative to one known colour: a constant stays exactly constant.
    base = problem.image.reshape(-1, channels)[np.argmax(problem.known)]
    data = np.zeros((usable.size, channels, 3), np.float32)  # colour, its y and x derivative, side by side in memory
    energy = np.zeros(usable.size, np.float32)  # |grad I|^2 over all channels
    _start_kernel(problem.image, base, usable, arrival, data, energy)
    fill_in_order(
        problem,
        order,
        len(dy),
        partial(_fill_kernel, usable, arrival, data, energy, dy, dx, margin, damped),
        f"telea: {{}} hole pixels have no known pixel within {radius:g} px, not even through the hole: raise radius, "
        "or pass fallback=True (--fallback) for a plain fill",
    )
    del usable, arrival, order, energy
    return filled_from(problem, data, base, margin)


@kernel(fastmath=True)
def _start_kernel(image: Any, base: Any, usable: Any, arrival: Any, data: Any, energy: Any) -> None:
    """Colours and gradients of the known pixels that some hole pixel looks at; the other memory is never touched."""
    height, width, channels = image.shape
    margin, stride = (usable.shape[1] - width) // 2, usable.shape[1]
    known, time = usable.reshape(-1), arrival.reshape(-1)
    for y in range(height):
        for x in range(width):
            p = (y + margin) * stride + x + margin
            if known[p] and time[p] >= -margin - 2:  # a gradient looks one pixel farther
                for c in range(channels):
                    data[p, c, 0] = image[y, x, c] - base[c]
    for y in range(height):
        for x in range(width):
            p = (y + margin) * stride + x + margin
            if known[p] and time[p] >= -margin - 1:
                _gradient(data, known, energy, p, stride)


@kernel(fastmath=True)
def _fill_kernel(
    usable: Any, arrival: Any, data: Any, energy: Any, dy: Any, dx: Any, margin: int, damped: bool, order: Any
) -> Any:
    """Fill ``data`` and ``energy`` and mark ``usable`` in place in the given order.

    All arrays and the flat indices of ``order`` are padded by the margin, so no neighbour lies outside. Gives the
    pixels of ``order`` that had no usable neighbour.
    """
    channels = data.shape[1]
    stride = usable.shape[1]
    known, time = usable.reshape(-1), arrival.reshape(-1)
    count = len(dy)
    offset = dy * stride + dx
    down, right = np.empty(count, np.float32), np.empty(count, np.float32)  # (p - q) / |p - q|
    near = np.empty(count, np.float32)  # dst
    for k in range(count):
        square = np.float32(dy[k] * dy[k] + dx[k] * dx[k])
        down[k] = -dy[k] / np.sqrt(square)
        right[k] = -dx[k] / np.sqrt(square)
        near[k] = 1 / square
    found, place = np.empty(count, np.int64), np.empty(count, np.int64)
    weight, across, along = np.empty(count, np.float32), np.empty(count, np.float32), np.empty(count, np.float32)
    mean, step, spread = np.empty(channels, np.float32), np.empty(channels, np.float32), np.empty(channels, np.float32)
    left = np.empty(len(order), order.dtype)
    skipped = 0
    for n in range(len(order)):
        p = order[n]
        number = 0
        for k in range(count):  # no branch: which neighbours are known is a coin toss to the processor
            found[number] = k
            number += known[p + offset[k]]
        if number == 0:
            left[skipped] = p
            skipped += 1
            continue
        ny = (time[p + stride] - time[p - stride]) * np.float32(0.5)
        nx = (time[p + 1] - time[p - 1]) * np.float32(0.5)
        level = _LEAST_DIR
        if damped:
            level = max(np.float32(1) - np.sqrt(ny * ny + nx * nx), _LEAST_DIR)
        now = time[p]
        total = np.float32(0)
        force = np.float32(0)
        for j in range(number):
            k = found[j]
            q = p + offset[k]
            w = (abs(ny * down[k] + nx * right[k]) + level) * near[k] / (np.float32(1) + abs(now - time[q]))
            place[j] = q
            weight[j] = w
            across[j] = -w * dy[k]  # w (p - q)
            along[j] = -w * dx[k]
            total += w
            force += w * energy[q]
        agreed = np.float32(0)
        for c in range(channels):
            zero, first, second = np.float32(0), np.float32(0), np.float32(0)
            sum_y, sum_x = np.float32(0), np.float32(0)
            for j in range(number):
                q, w = place[j], weight[j]
                value, slope_y, slope_x = data[q, c, 0], data[q, c, 1], data[q, c, 2]
                zero += w * value
                second += w * value * value
                first += across[j] * slope_y + along[j] * slope_x
                sum_y += w * slope_y
                sum_x += w * slope_x
            mean[c] = zero / total
            step[c] = first / total
            spread[c] = np.sqrt(max(second / total - mean[c] * mean[c], np.float32(0)))
            agreed += sum_y * sum_y + sum_x * sum_x
        trust = np.float32(1)
        if damped:
            coherence = np.sqrt(agreed / (total * force)) if force > 0 else np.float32(0)
            trust = min(max((coherence - _NOISE) / (_SURE - _NOISE), np.float32(0)), np.float32(1))
            trust *= margin / (margin + now - np.float32(1))
        for c in range(channels):
            moved = step[c]
            if damped:
                most = _MOST_SPREAD * spread[c]
                moved = trust * min(max(moved, -most), most)
            data[p, c, 0] = mean[c] + moved
        known[p] = True
        _gradient(data, known, energy, p, stride)
    return left[:skipped].copy()


@kernel(fastmath=True)
def _gradient(data: Any, known: Any, energy: Any, p: int, stride: int) -> None:
    """Central differences where both neighbours are known, one-sided where one is, else zero."""
    before, after = known[p - 1], known[p + 1]
    above, below = known[p - stride], known[p + stride]
    per_x = np.float32(0.5) if before and after else np.float32(1)
    per_y = np.float32(0.5) if above and below else np.float32(1)
    force = np.float32(0)
    for c in range(data.shape[1]):
        first = data[p - 1, c, 0] if before else data[p, c, 0]
        last = data[p + 1, c, 0] if after else data[p, c, 0]
        data[p, c, 2] = (last - first) * per_x
        first = data[p - stride, c, 0] if above else data[p, c, 0]
        last = data[p + stride, c, 0] if below else data[p, c, 0]
        data[p, c, 1] = (last - first) * per_y
        force += data[p, c, 1] * data[p, c, 1] + data[p, c, 2] * data[p, c, 2]
    energy[p] = force


def _opencv(problem: Problem, radius: int) -> Image:
    """What cv2.inpaint(..., INPAINT_TELEA) gives, in the picture's own grey levels (255 for floats, unrounded)."""
    levels, rank, front, whole, white = begin_like_opencv(problem, radius, "telea")
    _opencv_kernel(levels, rank, front.arrival, front.order, radius, whole, white)
    return levels / white


@kernel()  # no fastmath: the answer must round as OpenCV's does
def _opencv_kernel(
    levels: Any, rank: Any, arrival: Any, order: Any, radius: int, whole: bool, white: Any
) -> None:  # levels (H, W, C); rank, arrival and order padded by one pixel
    """OpenCV 5.0's arithmetic in float32, in its order, with its quirks at the picture's border.

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
            km = min(k - 1 + (k == 1), height - 1)
            kp = max(k - 1 - (k == height), 0)
            for m in range(max(j - radius, 1), min(j + radius, width) + 1):
                square = (m - j) * (m - j) + (k - i) * (k - i)
                if rank[k, m] > n or square > radius * radius:
                    continue
                lm = min(m - 1 + (m == 1), width - 1)
                lp = max(m - 1 - (m == width), 0)
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
                value = min(max(np.rint(value + 0.5), 0.0), np.float64(white))
            levels[i - 1, j - 1, c] = np.float32(value)
