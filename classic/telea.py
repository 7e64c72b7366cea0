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

from functools import partial
from typing import Literal

import cv2
import numpy as np

from inpaintkit.arrays import Bool1, Bool2, F32x1, F32x2, F32x3, I64x1
from inpaintkit.classic._hole import base_colour, padded_places
from inpaintkit.classic._march import Front, fill_in_order, filled_from, march, measure
from inpaintkit.classic._opencv import opencv_telea
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Problem

_TENT = np.array([1, 2, 1], np.float32) / 4  # the paper smooths T before it takes N
_MIN_DIR = np.float32(1e-3)  # a pixel whose neighbours all lie on its own level line still takes their mean
_MAX_SPREAD = np.float32(0.4)  # (b)
_NOISE, _RAMP = np.float32(0.2), np.float32(0.7)  # (a)


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
    return _fill(problem, measure(problem.hole, problem.known), radius, damped=True)


def _fill(problem: Problem, front: Front, radius: float, *, damped: bool) -> Image:
    margin = int(radius)
    width, channels = problem.image.shape[1:]
    usable = np.pad(problem.known, margin)
    arrival = np.pad(front.arrival, margin, mode="edge")
    order = padded_places(front.order, width, margin)
    del front  # a large hole's arrays are large: none is kept longer than needed
    dy, dx = (grid.reshape(-1) for grid in np.mgrid[-margin : margin + 1, -margin : margin + 1])
    near = (dy**2 + dx**2 <= radius**2) & ((dy != 0) | (dx != 0))
    dy, dx = dy[near], dx[near]
    base = base_colour(problem.image, problem.known)
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
def _start_kernel(image: F32x3, base: F32x1, usable: Bool2, arrival: F32x2, data: F32x3, energy: F32x1) -> None:
    """Colours and gradients of the known pixels that some hole pixel looks at; other memory is never touched."""
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
    usable: Bool2,
    arrival: F32x2,
    data: F32x3,
    energy: F32x1,
    dy: I64x1,
    dx: I64x1,
    margin: int,
    damped: bool,
    order: I64x1,
) -> I64x1:
    """Fill ``data`` and ``energy`` and mark ``usable`` in place in the given order.

    All arrays and the flat indices of ``order`` are padded by the margin, so no neighbour lies outside. Returns the
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
        for k in range(count):  # all are written down, known ones counted: branch prediction fails here
            found[number] = k
            number += known[p + offset[k]]
        if number == 0:
            left[skipped] = p
            skipped += 1
            continue
        ny = (time[p + stride] - time[p - stride]) * np.float32(0.5)
        nx = (time[p + 1] - time[p - 1]) * np.float32(0.5)
        level = _MIN_DIR
        if damped:
            level = max(np.float32(1) - np.sqrt(ny * ny + nx * nx), _MIN_DIR)
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
            trust = min(max((coherence - _NOISE) / (_RAMP - _NOISE), np.float32(0)), np.float32(1))
            trust *= margin / (margin + now - np.float32(1))
        for c in range(channels):
            moved = step[c]
            if damped:
                limit = _MAX_SPREAD * spread[c]
                moved = trust * min(max(moved, -limit), limit)
            data[p, c, 0] = mean[c] + moved
        known[p] = True
        _gradient(data, known, energy, p, stride)
    return left[:skipped].copy()


@kernel(fastmath=True)
def _gradient(data: F32x3, known: Bool1, energy: F32x1, p: int, stride: int) -> None:
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
