"""Coherence transport (Bornemann and März 2007): fill inwards from the rim, colours carried along the isophotes.

In the order of their distance to the rim, pixels take the weighted mean of the known pixels y in the ball of radius
epsilon. The structure tensor J of what is known gives the direction n across a pixel's isophote, and the weight

    w(x, y) = exp(-(mu / epsilon)^2 |n . (x - y)|^2 / 2) / |x - y|

leaves little but the isophote itself where J is sure of it. doi:10.1007/s10851-007-0017-6

lambda_1 >= lambda_2 are the eigenvalues of J, n belongs to lambda_1, and

    mu = kappa exp(-delta^4 / (lambda_1 - lambda_2)^2) (lambda_1 - lambda_2) / (lambda_1 + lambda_2)

is 0, a plain mean weighted by distance, where the tensor shows no direction. J is grad I grad I^T averaged over the
known pixels with a Gaussian of width rho, and grad I is taken in a window of width sigma. Only what is known or filled
before counts.

Three things differ from the paper; together they gain 1 to 2 dB on scratches and text. (a) Beside unknown pixels, the
gradient of the picture smoothed over what is known is too short across the rim and so turned along it. Here it is the
slope of the plane that fits the known pixels best under the same Gaussian window, right on a ramp whatever the mask.
(b) The last factor of mu: a corner or a texture of two directions has a wide gap between large eigenvalues and no
isophote to follow. (c) A first-order term: the pixel moves from the mean by what the slopes say, as far as they agree,
a = |sum w grad I| / sqrt(sum w sum w |grad I|^2), and by at most 0.4 standard deviations of the colours under w, so
that errors do not grow. Where isophotes run along the rim these colours are all one; there half a deviation of all
colours in the ball, times a^32, lets a ramp go on. Slopes seen over epsilon hold for as far: 1 - (T - 1) / epsilon.

Pixels of one distance take interleaved turns: in raster order a straight rim would bend every edge the same way.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from inpaintkit.arrays import Bool1, F32x1, F32x2, F32x3, I64x1
from inpaintkit.classic._hole import base_colour, padded_places
from inpaintkit.classic._march import Turns, fill_in_order, filled_from, measure
from inpaintkit.classic.rows import half_width
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Problem

_GREY_LEVELS = np.float32(255)  # of the range: gradients count in 8-bit grey levels per pixel, as delta does
_MIN_GAP = np.float32(1e-6)  # (grey levels / px)^2: eigenvalues closer than that are equal
_LARGEST = np.finfo(np.float32).max
_MIN_VARIANCE = np.float32(1e-4)  # px^2, added to the window's variances: no slope across pixels that lie in one line
_MAX_SPREAD, _RAMP_SPREAD = np.float32(0.4), np.float32(0.5)  # (c)
_RAMP = 32  # (c): 0.97^32 is 0.4


def coherence(
    problem: Problem,
    *,
    radius: float = 5.0,
    kappa: float = 13.0,
    sigma: float = 0.7,
    rho: float = 2.5,
    delta: float = 1.0,
) -> Image:
    """Fill a hole by coherence transport.

    Parameters
    ----------
    problem : the region to fill.
    radius : epsilon, reach of the known colours, in pixels (1 to 100).
    kappa : how sharply colours follow the isophotes (0, not at all, to 1000): all but the pixels within about
        radius / kappa of the isophote lose their weight.
    sigma : width of the window that slopes are taken in, in pixels (0.5 to 10).
    rho : width of the window that directions are averaged over, in pixels (0.5 to 50).
    delta : quantisation, the slope per pixel below which a direction is random, in 255ths of the range (0 to 255), or
        in steps between the picture's levels where those are wider; the standard deviation of the noise where there is
        more of it.

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled.

    Raises
    ------
    ValueError : an option out of range.
    ContextError : hole pixels with no known pixel within the radius, not even through the hole.

    References
    ----------
    F. Bornemann and T. März, Fast image inpainting based on coherence transport, J. Math. Imaging Vision 28, 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from inpaintkit.problem import Problem
    >>> edge = np.tri(15, dtype=np.float32)[..., None]
    >>> hole = np.zeros((15, 15), bool)
    >>> hole[6:9] = True
    >>> np.rint(coherence(Problem.create(edge, hole))[7, 5:10, 0]).astype(int).tolist()
    [1, 1, 1, 0, 0]
    """
    ranges = {"radius": (1, 100), "kappa": (0, 1000), "sigma": (0.5, 10), "rho": (0.5, 50), "delta": (0, 255)}
    given = {"radius": radius, "kappa": kappa, "sigma": sigma, "rho": rho, "delta": delta}
    for name, (low, high) in ranges.items():
        if not low <= given[name] <= high:
            raise ValueError(f"coherence's option {name} is {given[name]:g}: expected {low:g} to {high:g}")
    if not problem.known.any():
        raise ContextError.of("coherence", "nothing is known around the hole")
    front = measure(problem.hole, problem.known, interleave=problem.origin)
    window = _gaussian(sigma)
    dy, dx, inside, rho_weight = _neighbours(radius, rho)
    reach = math.ceil(max(radius, half_width(rho)))
    margin = max(reach, half_width(sigma))
    width, channels = problem.image.shape[1:]
    usable = np.pad(problem.known, margin)
    known, stride = usable.reshape(-1), usable.shape[1]
    order = padded_places(front.order, width, margin)
    turns = None if front.begins is None else Turns(front.begins, stride, margin)
    base = base_colour(problem.image, problem.known)
    data = np.zeros((usable.size, channels, 3), np.float32)  # colour, its y and x slope, side by side in memory
    tensor = np.zeros((usable.size, 3), np.float32)  # grad I grad I^T: yy, yx, xx
    arrival = front.arrival
    del front  # a large hole's arrays are large: none is kept longer than needed
    each = np.float32(
        _GREY_LEVELS**2 / max(channels - problem.alpha, 1)
    )  # alpha counts as much as all colours together
    slopes = window, each, *_room(window)
    largest = _start_kernel(problem.image, base, arrival, reach, known, stride, data, tensor, *slopes)
    bound = np.float32(2 * largest)
    near = (dy * stride + dx, dy.astype(np.float32), dx.astype(np.float32), inside, rho_weight)
    steep = delta * max(1.0, float(_GREY_LEVELS) * problem.step)
    strength = (np.float32(kappa / radius), np.float32(steep**4), bound, each)
    fill_in_order(
        problem,
        order,
        len(dy),
        partial(_fill, (known, stride, arrival, radius, data, tensor, *near, *strength, window)),
        f"coherence: {{}} hole pixels have no known pixel within {radius:g} px, not even through the hole: "
        "raise radius, or pass fallback=True (--fallback) for a plain fill",
        turns,
    )
    del usable, known, arrival, order, tensor
    return filled_from(problem, data, base, margin)


def _fill(everything: tuple[Any, ...], part: I64x1) -> I64x1:
    """``_fill_kernel`` with room of its own."""
    place, factor = _room(everything[-1])
    return _fill_kernel(*(*everything, place, factor, part))


def _room(window: F32x1) -> tuple[I64x1, F32x2]:
    """What ``_slope`` needs for each thread."""
    return np.empty(len(window) ** 2, np.int64), np.empty((len(window) ** 2, 5), np.float32)


def _gaussian(width: float) -> F32x1:
    side = np.arange(-half_width(width), half_width(width) + 1)
    weight: F32x1 = np.exp(-(side**2) / (2 * width**2)).astype(np.float32)
    return weight


def _neighbours(radius: float, rho: float) -> tuple[I64x1, I64x1, int, F32x1]:
    """Offsets by distance, how many of them lie within the radius, and their weights in the tensor's mean."""
    wide = half_width(rho)
    margin = int(max(radius, wide))
    dy, dx = (grid.reshape(-1) for grid in np.mgrid[-margin : margin + 1, -margin : margin + 1])
    square = dy**2 + dx**2
    order = np.argsort(square, kind="stable")[1:]  # not the pixel itself
    order = order[square[order] <= max(radius, wide) ** 2]
    square = square[order]
    weight = np.where(square <= wide**2, np.exp(-square / (2 * rho**2)), 0).astype(np.float32)
    return dy[order], dx[order], int(np.count_nonzero(square <= radius**2)), weight


@kernel(fastmath=True)
def _start_kernel(
    image: F32x3,
    base: F32x1,
    arrival: F32x2,
    reach: int,
    known: Bool1,
    stride: int,
    data: F32x3,
    tensor: F32x2,
    window: F32x1,
    each: np.float32,
    place: I64x1,
    factor: F32x2,
) -> np.float32:
    """Colours, slopes and tensors of the known pixels that some hole pixel reaches; returns the largest colour."""
    height, width, channels = image.shape
    margin = (stride - width) // 2
    largest = np.float32(0)
    for y in range(height):
        for x in range(width):
            p = (y + margin) * stride + x + margin
            if known[p] and arrival[y, x] >= 1 - reach - len(window):  # other memory is never touched
                for c in range(channels):
                    data[p, c, 0] = image[y, x, c] - base[c]
                    largest = max(largest, abs(data[p, c, 0]))
    for y in range(height):
        for x in range(width):
            p = (y + margin) * stride + x + margin
            if known[p] and arrival[y, x] >= 1 - reach:
                _slope(p, known, stride, data, tensor, window, each, place, factor)
    return largest


@kernel(fastmath=True)
def _fill_kernel(
    known: Bool1,
    stride: int,
    arrival: F32x2,
    radius: float,
    data: F32x3,
    tensor: F32x2,
    offset: I64x1,
    dy: F32x1,
    dx: F32x1,
    inside: int,
    rho_weight: F32x1,
    sharpness: np.float32,
    delta4: np.float32,
    bound: np.float32,
    each: np.float32,
    window: F32x1,
    slope_place: I64x1,
    slope_factor: F32x2,
    order: I64x1,
) -> I64x1:
    """Fill ``data`` and ``tensor`` and mark ``known`` in place in the given order.

    ``known``, in rows of ``stride``, and the flat indices of ``order`` are padded, so no neighbour lies outside.
    Returns those of ``order`` that had no usable neighbour within the radius.
    """
    margin = (stride - arrival.shape[1]) // 2
    count, channels = len(offset), data.shape[1]
    per_length = np.empty(count, np.float32)
    for k in range(count):
        per_length[k] = 1 / np.sqrt(dy[k] * dy[k] + dx[k] * dx[k])
    found, place = np.empty(count, np.int64), np.empty(count, np.int64)
    weight, across, along = np.empty(count, np.float32), np.empty(count, np.float32), np.empty(count, np.float32)
    plain = np.empty(count, np.float32)
    mean, step = np.empty(channels, np.float32), np.empty(channels, np.float32)
    spread, broad = np.empty(channels, np.float32), np.empty(channels, np.float32)  # under w, and under 1 / |x - y|
    left = np.empty(len(order), order.dtype)
    skipped = 0
    for n in range(len(order)):
        p = order[n]
        number = 0
        for k in range(inside):  # all are written down, known ones counted: branch prediction fails here
            found[number] = k
            number += known[p + offset[k]]
        if number == 0:
            left[skipped] = p
            skipped += 1
            continue
        wide = number
        for k in range(inside, count):
            found[wide] = k
            wide += known[p + offset[k]]
        mass, yy, yx, xx = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for j in range(wide):
            k = found[j]
            q = p + offset[k]
            place[j] = q
            mass += rho_weight[k]
            yy += rho_weight[k] * tensor[q, 0]
            yx += rho_weight[k] * tensor[q, 1]
            xx += rho_weight[k] * tensor[q, 2]
        per_mass = 1 / mass if mass > 0 else np.float32(0)
        yy *= per_mass
        yx *= per_mass
        xx *= per_mass
        ny, nx = np.float32(0), np.float32(0)  # mu / epsilon times n
        gap = np.sqrt((yy - xx) * (yy - xx) + 4 * yx * yx)
        if gap > _MIN_GAP:
            mu = sharpness * np.exp(-delta4 / (gap * gap)) * gap / (yy + xx)
            ny, nx = (yy - xx + gap, 2 * yx) if yy >= xx else (2 * yx, xx - yy + gap)
            mu /= np.sqrt(ny * ny + nx * nx)
            ny *= mu
            nx *= mu
        smallest = _LARGEST
        for j in range(number):
            k = found[j]
            off = ny * dy[k] + nx * dx[k]
            weight[j] = np.float32(0.5) * off * off
            smallest = min(smallest, weight[j])
        total, whole, force = np.float32(0), np.float32(0), np.float32(0)
        for j in range(number):
            k, q = found[j], place[j]
            w = np.exp(smallest - weight[j]) * per_length[k]  # shifted: some neighbour always keeps its weight
            weight[j] = w
            plain[j] = per_length[k]
            whole += per_length[k]
            across[j] = -w * dy[k]  # w (x - y)
            along[j] = -w * dx[k]
            total += w
            force += w * (tensor[q, 0] + tensor[q, 2])
        agreed = np.float32(0)
        for c in range(channels):
            zero, first, second = np.float32(0), np.float32(0), np.float32(0)
            sum_y, sum_x, all_first, all_second = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for j in range(number):
                q, w = place[j], weight[j]
                value, slope_y, slope_x = data[q, c, 0], data[q, c, 1], data[q, c, 2]
                zero += w * value
                second += w * value * value
                all_first += plain[j] * value
                all_second += plain[j] * value * value
                first += across[j] * slope_y + along[j] * slope_x
                sum_y += w * slope_y
                sum_x += w * slope_x
            mean[c] = zero / total
            step[c] = first / total
            spread[c] = np.sqrt(max(second / total - mean[c] * mean[c], np.float32(0)))
            all_first /= whole
            broad[c] = np.sqrt(max(all_second / whole - all_first * all_first, np.float32(0)))
            agreed += sum_y * sum_y + sum_x * sum_x
        agreed *= each
        trust = np.sqrt(agreed / (total * force)) if force > _MIN_GAP * total else np.float32(0)
        deep = arrival[p // stride - margin, p % stride - margin] - 1
        ramp = _RAMP_SPREAD * trust**_RAMP
        trust *= max(np.float32(1) - deep / np.float32(radius), np.float32(0))
        for c in range(channels):
            limit = max(_MAX_SPREAD * spread[c], ramp * broad[c])
            value = mean[c] + trust * min(max(step[c], -limit), limit)
            data[p, c, 0] = min(max(value, -bound), bound)  # whatever the options, nothing grows without bound
        known[p] = True
        _slope(p, known, stride, data, tensor, window, each, slope_place, slope_factor)
    return left[:skipped].copy()


@kernel(fastmath=True, inline=True)
def _slope(
    p: int,
    known: Bool1,
    stride: int,
    data: F32x3,
    tensor: F32x2,
    window: F32x1,
    each: np.float32,
    place: I64x1,
    factor: F32x2,
) -> None:
    """The plane that fits the known pixels around ``p`` best: its slopes and their tensor.

    ``place`` and ``factor`` (n, 5) are room for a window's known pixels and the factors with which they make a slope.
    """
    half = len(window) // 2
    number = 0
    mass, mean_y, mean_x = np.float32(0), np.float32(0), np.float32(0)
    for v in range(-half, half + 1):
        for u in range(-half, half + 1):
            q = p + v * stride + u
            w = window[v + half] * window[u + half]
            place[number] = q
            factor[number, 0] = w
            factor[number, 1] = v
            factor[number, 2] = u
            if known[q]:
                number += 1
                mass += w
                mean_y += w * v
                mean_x += w * u
    mean_y /= mass
    mean_x /= mass
    yy, yx, xx = np.float32(0), np.float32(0), np.float32(0)
    for j in range(number):
        w, v, u = factor[j, 0], factor[j, 1] - mean_y, factor[j, 2] - mean_x
        yy += w * v * v
        yx += w * v * u
        xx += w * u * u
    yy = yy / mass + _MIN_VARIANCE
    xx = xx / mass + _MIN_VARIANCE
    yx = yx / mass
    scale = 1 / (mass * (yy * xx - yx * yx))
    for j in range(number):
        w, v, u = factor[j, 0] * scale, factor[j, 1] - mean_y, factor[j, 2] - mean_x
        factor[j, 3] = w * (xx * v - yx * u)
        factor[j, 4] = w * (yy * u - yx * v)
    channels = data.shape[1]
    tensor[p, 0] = tensor[p, 1] = tensor[p, 2] = 0
    for c in range(channels):
        down, right = np.float32(0), np.float32(0)
        for j in range(number):
            value = data[place[j], c, 0]
            down += factor[j, 3] * value
            right += factor[j, 4] * value
        data[p, c, 1] = down
        data[p, c, 2] = right
        tensor[p, 0] += each * down * down
        tensor[p, 1] += each * down * right
        tensor[p, 2] += each * right * right
