"""Arrival times of a front that starts at the rim and moves one pixel per unit of time, and the order it sees pixels.

Three ways to the same thing: ``march`` solves the eikonal equation |grad T| = 1 by fast marching (Sethian 1996),
``measure`` takes T for what it is, the Euclidean distance to the rim, exact and several times faster, and
``march_like_opencv`` touches every pixel once, as OpenCV does. Only arrays leave this file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.distance import distance_to
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask, Problem, Step

FAR = np.float32(1e6)  # arrival time of pixels no front has reached
KNOWN, BAND, HOLE, VOID = 0, 1, 2, 3
_TURNS = 8
_SLICE = 2**24  # neighbours looked at between two reports: some tenths of a second


class Front(NamedTuple):
    """``arrival``: float32 (H, W), T in pixels, positive in the hole and negative outside; ``order``: flat indices."""

    arrival: Image
    order: NDArray[np.int32]


def march(hole: Mask, known: Mask, outside: float) -> Front:
    """Fast marching on both sides of the rim: inwards over the hole, outwards to a distance of ``outside`` pixels.

    Hole pixels that no known pixel touches, directly or through the hole, are missing from the order.
    """
    rim = known & cv2.dilate(hole.view(np.uint8), _CROSS).view(np.bool_)
    inwards, order = _march_kernel(hole, rim, FAR)
    outwards, _ = _march_kernel(known & ~rim, rim, np.float32(outside))
    arrival = np.where(hole, inwards, -np.minimum(outwards, np.float32(outside)))
    return Front(arrival, order)


def measure(hole: Mask, known: Mask, *, interleave: tuple[int, int] | None = None) -> Front:
    """The front by exact distances: the rim's known pixels have T = 0, the hole's first pixels T = 1.

    Equal distances follow the raster. With ``interleave``, the crop's row and column in the picture, they follow in
    eight interleaved turns, so that along a straight rim no pixel takes its colour from one side alone.
    """
    arrival = np.where(known, 1 - distance_to(hole), distance_to(known))
    top, left = interleave or (0, 0)
    return Front(arrival, _sorted_kernel(hole, arrival, 1 if interleave is None else _TURNS, top, left))


def march_like_opencv(hole: Mask, void: Mask, radius: int) -> Front:
    """The front of ``cv2.inpaint``: padded by one pixel on every side, each pixel's time set once when first touched.

    ``void`` pixels are never a source. Outside the rim T reaches as far as a square of ``radius`` around the hole.
    """
    inside = np.pad(hole.astype(np.uint8), 1)
    outer = np.pad(np.ones(hole.shape, np.uint8), 1)  # OpenCV's frame belongs to neither side
    band = np.asarray(cv2.dilate(inside, _CROSS), np.uint8) & ~inside & outer & ~np.pad(void.astype(np.uint8), 1)
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


def begin_like_opencv(
    problem: Problem, radius: int, method: str
) -> tuple[Image, NDArray[np.int32], Front, bool, np.float32]:
    """What both of OpenCV's methods begin with.

    Returns
    -------
    levels : float32 (H, W, C), the crop in the picture's own grey levels (255 for floats).
    rank : int32 (H + 2, W + 2), 0 known, n for the n-th pixel that is filled, the last for void.
    front : as ``march_like_opencv`` gives it.
    whole : whether the grey levels are whole numbers.
    white : the largest of them.
    """
    whole = problem.dtype.kind == "u"
    white = np.float32(np.iinfo(problem.dtype).max if whole else 255)
    levels = problem.image * white
    if whole:
        levels = np.rint(levels)
        if problem.raw is not None:  # beside the picture's border OpenCV reads what lies under the mask
            levels[problem.hole] = problem.raw[problem.hole]
    void = ~(problem.hole | problem.known)
    front = march_like_opencv(problem.hole, void, radius)
    if len(front.order) < np.count_nonzero(problem.hole):
        raise ContextError.of(method, "hole pixels with no known pixel beside them, not even through the hole")
    rank = np.zeros(front.arrival.shape, np.int32)
    rank[1:-1, 1:-1][void] = np.iinfo(np.int32).max
    rank.reshape(-1)[front.order] = np.arange(1, len(front.order) + 1)
    return levels, rank, front, whole, white


def fill_in_order(
    problem: Problem,
    order: NDArray[Any],
    neighbours: int,
    fill: Callable[[NDArray[Any]], NDArray[Any]],
    unreached: str,
) -> None:
    """Fill the pixels of a front one after another, and report between slices of some tenths of a second.

    Parameters
    ----------
    order : flat indices in the method's own layout; hole pixels that no front reached are missing.
    neighbours : pixels looked at for each pixel of the order.
    fill : fills a slice of ``order`` and gives those of its pixels that had no usable neighbour. These are tried again
        after all others: beyond transparent pixels distance is not the order of filling.
    unreached : message of the ContextError, with ``{}`` for the number of pixels that nothing known reaches.
    """
    total = int(np.count_nonzero(problem.hole))
    missing = total - len(order)
    size = max(1, _SLICE // neighbours)
    while len(order):
        left = []
        for start in range(0, len(order), size):
            left.append(fill(order[start : start + size]))
            if start + size < len(order):
                problem.report(Step(total - missing - len(order) + start + size, total))
        rest = np.concatenate(left)
        if len(rest) == len(order):
            break
        order = rest
    if len(order) + missing:
        raise ContextError(unreached.format(len(order) + missing))


def filled_from(problem: Problem, data: NDArray[np.float32], base: NDArray[np.float32], margin: int) -> Image:
    """The crop with its hole taken from ``data`` (padded H * W, C, n), colours relative to ``base`` first."""
    filled = problem.image.copy()
    _place_kernel(filled, problem.hole, data, base, margin)
    return filled


_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


@kernel()
def _sorted_kernel(hole: Any, arrival: Any, turns: int, top: int, left: int) -> Any:
    """Hole pixels by arrival: squared distances are whole numbers, so ``turns`` buckets each sort them exactly."""
    height, width = hole.shape
    last = 0
    for y in range(height):
        for x in range(width):
            if hole[y, x]:
                last = max(last, int(arrival[y, x] * arrival[y, x] + 0.5))
    start = np.zeros((last + 1) * turns + 1, np.int32)
    for y in range(height):
        for x in range(width):
            if hole[y, x]:
                start[_bucket(arrival[y, x], turns, y + top, x + left) + 1] += 1
    for bucket in range(len(start) - 1):
        start[bucket + 1] += start[bucket]
    order = np.empty(start[-1], np.int32)
    for y in range(height):
        for x in range(width):
            if hole[y, x]:
                bucket = _bucket(arrival[y, x], turns, y + top, x + left)
                order[start[bucket]] = y * width + x
                start[bucket] += 1
    return order


@kernel()
def _bucket(time: Any, turns: int, y: int, x: int) -> int:
    turn = (3 * y + x) % turns
    turn = (turn & 1) << 2 | turn & 2 | turn >> 2  # 0 4 2 6 1 5 3 7: each turn lies between those before
    return int(time * time + 0.5) * turns + turn


@kernel()
def _place_kernel(filled: Any, hole: Any, data: Any, base: Any, margin: int) -> None:
    height, width, channels = filled.shape
    for y in range(height):
        for x in range(width):
            if hole[y, x]:
                p = (y + margin) * (width + 2 * margin) + x + margin
                for c in range(channels):
                    filled[y, x, c] = data[p, c, 0] + base[c]


@kernel()
def _push(keys: Any, items: Any, size: int, key: Any, number: int, item: int) -> Any:
    """Add to a binary heap ordered by (key, number): equal times leave in the order they came."""
    if size == len(items):
        keys = np.concatenate((keys, np.empty_like(keys)))
        items = np.concatenate((items, np.empty_like(items)))
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if keys[above] < key or (keys[above] == key and items[above, 0] < number):
            break
        keys[at] = keys[above]
        items[at] = items[above]
        at = above
    keys[at] = key
    items[at, 0] = number
    items[at, 1] = item
    return keys, items


@kernel()
def _pop(keys: Any, items: Any, size: int) -> int:
    """Take the first item of a heap of ``size`` entries."""
    first = items[0, 1]
    last = size - 1
    key, number, item = keys[last], items[last, 0], items[last, 1]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= last:
            break
        right = below + 1
        if right < last and (
            keys[right] < keys[below] or (keys[right] == keys[below] and items[right, 0] < items[below, 0])
        ):
            below = right
        if key < keys[below] or (key == keys[below] and number < items[below, 0]):
            break
        keys[at] = keys[below]
        items[at] = items[below]
        at = below
    keys[at] = key
    items[at, 0] = number
    items[at, 1] = item
    return first  # type: ignore[no-any-return]


@kernel()
def _march_kernel(inside: Any, source: Any, limit: Any) -> Any:
    """T over ``inside`` from ``source`` (T = 0) up to ``limit``, and the order in which the front arrived."""
    height, width = inside.shape
    arrival = np.full((height, width), FAR)
    frozen = source.copy()
    for i in range(height * width):
        if source[i // width, i % width]:
            arrival[i // width, i % width] = 0
    order = np.empty(inside.size, np.int32)
    reached = 0
    keys, items, size, number = np.empty(64, np.float32), np.empty((64, 2), np.int64), 0, 0
    for i in range(height * width):  # the first front: every open pixel beside a source
        if not inside[i // width, i % width]:
            continue
        time = _eikonal(arrival, frozen, i // width, i % width)
        if time < FAR:
            arrival[i // width, i % width] = time
            keys, items = _push(keys, items, size, time, number, i)
            size += 1
            number += 1
    while size:
        i = _pop(keys, items, size)
        size -= 1
        y, x = i // width, i % width
        if frozen[y, x]:
            continue  # a later, earlier-arriving entry came first
        if arrival[y, x] > limit:
            break
        frozen[y, x] = True
        order[reached] = i
        reached += 1
        for side in range(4):
            v = y + (side == 2) - (side == 0)
            u = x + (side == 3) - (side == 1)
            if 0 <= v < height and 0 <= u < width and inside[v, u] and not frozen[v, u]:
                time = _eikonal(arrival, frozen, v, u)
                if time < arrival[v, u]:
                    arrival[v, u] = time
                    keys, items = _push(keys, items, size, time, number, v * width + u)
                    size += 1
                    number += 1
    return arrival, order[:reached].copy()


@kernel()
def _eikonal(arrival: Any, frozen: Any, y: int, x: int) -> Any:
    """First-order upwind solution of |grad T| = 1 from the neighbours the front has passed."""
    height, width = arrival.shape
    vertical = FAR
    if y > 0 and frozen[y - 1, x]:
        vertical = arrival[y - 1, x]
    if y + 1 < height and frozen[y + 1, x]:
        vertical = min(vertical, arrival[y + 1, x])
    horizontal = FAR
    if x > 0 and frozen[y, x - 1]:
        horizontal = arrival[y, x - 1]
    if x + 1 < width and frozen[y, x + 1]:
        horizontal = min(horizontal, arrival[y, x + 1])
    apart = vertical - horizontal
    if abs(apart) >= 1:
        return min(min(vertical, horizontal) + np.float32(1), FAR)
    return np.float32((vertical + horizontal + np.sqrt(2 - apart * apart)) / 2)


@kernel()
def _touch_kernel(flags: Any, arrival: Any, band: Any) -> Any:
    """March over flags == HOLE from ``band``; sets flags and times in place, gives flat indices in order of touch."""
    height, width = flags.shape
    order = np.empty(flags.size, np.int32)
    touched = 0
    keys, items, size, number = np.empty(64, np.float32), np.empty((64, 2), np.int64), 0, 0
    for i in range(height * width):
        if band[i // width, i % width]:
            keys, items = _push(keys, items, size, np.float32(0), number, i)
            size += 1
            number += 1
    while size:
        i = _pop(keys, items, size)
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
            keys, items = _push(keys, items, size, time, number, v * width + u)
            size += 1
            number += 1
            order[touched] = v * width + u
            touched += 1
    return order[:touched].copy()


@kernel()
def _corner(flags: Any, arrival: Any, y1: int, x1: int, y2: int, x2: int) -> Any:
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
