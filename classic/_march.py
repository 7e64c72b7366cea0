"""Arrival times of a front that starts at the rim and moves one pixel per unit of time, and the order of its pixels.

Two ways to the same thing: ``march`` solves the eikonal equation |grad T| = 1 by fast marching (Sethian 1996);
``measure`` takes T for what it is, the Euclidean distance to the rim, exact and several times faster. Then what methods
share that fill pixel after pixel in this order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.arrays import Bool2, F32x1, F32x2, F32x3, I32x1, I64x1
from inpaintkit.classic._heap import pop, push
from inpaintkit.distance import distance_to
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask, Problem, Step

FAR = np.float32(1e6)  # arrival time of pixels no front has reached
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))

_TURNS = np.array([0, 4, 2, 6, 1, 5, 3, 7])  # each turn lies between those before
_MANY = 30_000  # pixels; fewer are not worth being shared by threads
_WORTH = 80_000  # neighbours looked at in a step that threads share: some tenths of a millisecond
_ANY = 1 << 16
_BANDS = 16  # of rows, at most, that threads share
_SLICE = 2**24  # neighbours looked at between two reports: some tenths of a second
_NEAR = 16  # px: distances up to here are found faster than by a transform, which knows no bound


class Front(NamedTuple):
    """``arrival``: float32 (H, W), T in pixels, positive in the hole and negative outside; ``order``: flat indices.

    ``begins``: where in the order each interleaved turn begins, if they are and pixels are many.
    """

    arrival: Image
    order: I32x1
    begins: I64x1 | None = None


def march(hole: Mask, known: Mask, outside: float) -> Front:
    """Fast marching on both sides of the rim: inwards over the hole, outwards to a distance of ``outside`` pixels.

    Hole pixels that no known pixel touches, directly or through the hole, are missing from the order.
    """
    rim = known & cv2.dilate(hole.view(np.uint8), CROSS).view(np.bool_)
    inwards, order = _march_kernel(hole, rim, FAR)
    outwards, _ = _march_kernel(known & ~rim, rim, np.float32(outside))
    arrival = np.where(hole, inwards, -np.minimum(outwards, np.float32(outside)))
    return Front(arrival, order)


@kernel()
def _march_kernel(inside: Bool2, source: Bool2, limit: np.float32) -> tuple[F32x2, I32x1]:
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
            keys, items = push(keys, items, size, time, number, i)
            size += 1
            number += 1
    while size:
        i = pop(keys, items, size)
        size -= 1
        y, x = i // width, i % width
        if frozen[y, x]:
            continue  # an entry pushed later, with an earlier time, has left before
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
                    keys, items = push(keys, items, size, time, number, v * width + u)
                    size += 1
                    number += 1
    return arrival, order[:reached].copy()


@kernel()
def _eikonal(arrival: F32x2, frozen: Bool2, y: int, x: int) -> np.float32:
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


def measure(hole: Mask, known: Mask, *, outside: float = math.inf, interleave: tuple[int, int] | None = None) -> Front:
    """The front by exact distances: the rim's known pixels have T = 0, the hole's first pixels T = 1.

    Equal distances follow the raster. With ``interleave``, the crop's row and column in the picture, they follow in
    eight interleaved turns, so that along a straight rim no pixel takes its colour from one side alone. What lies
    farther than ``outside`` pixels from the rim need not have its own T, only one below that of what lies nearer.
    """
    arrival = np.where(known, 1 - _distance(hole, outside + 1), _distance(known, outside + 1, ~known))
    places = np.flatnonzero(hole).astype(np.int32)
    key = np.rint(np.square(arrival.reshape(-1)[places], dtype=np.float64)).astype(np.int64)
    if interleave is not None:
        y, x = np.divmod(places, hole.shape[1])
        key = key * len(_TURNS) + _TURNS[(3 * (y + interleave[0]) + x + interleave[1]) % len(_TURNS)]
    key = key.astype(np.min_scalar_type(key.max(initial=0)))  # numbers of two bytes are sorted many times as fast
    by_turn = np.argsort(key, kind="stable")
    if interleave is None or len(places) < _MANY:
        return Front(arrival, places[by_turn])
    return Front(arrival, places[by_turn], _begins(key[by_turn]))


def _distance(target: Mask, near: float, asked: Mask | None = None) -> Image:
    """Distances to a mask, float32 (H, W): exact up to ``near`` pixels, and wherever they are ``asked`` for."""
    if near <= _NEAR:
        height, width = target.shape
        reach = math.ceil(near)
        columns, squares = np.empty((height, width + 2 * reach), np.float32), np.empty((height, width), np.float32)
        _near_kernel(target, columns, squares)
        if asked is None or not ((squares > reach**2) & asked).any():
            return np.sqrt(squares)
    return distance_to(target)


@kernel()
def _near_kernel(target: Bool2, columns: F32x2, squares: F32x2) -> None:
    """Squared distances to the target, exact up to ``near`` pixels; what lies farther gets no less than that.

    The nearest pixel is sought along columns first, from the row above and from the row below, then along rows: the
    least dx^2 + (distance along the column)^2. Rows are worked on as wholes, so that processors take eight pixels at a
    time.

    Parameters
    ----------
    columns : float32 (H, W + 2 near), room for the squares along columns.
    squares : float32 (H, W), the result.
    """
    height, width = target.shape
    near = (columns.shape[1] - width) // 2
    beyond = np.float32(2 * near)
    for y in range(height):
        row, here = columns[y], target[y]
        for x in range(len(row)):
            row[x] = beyond
        inner = row[near : near + width]
        for x in range(width):
            if here[x]:
                inner[x] = 0
        if y > 0:
            _lower(row, columns[y - 1], np.float32(1))
    for y in range(height - 2, -1, -1):
        _lower(columns[y], columns[y + 1], np.float32(1))
    for y in range(height):
        row, least = columns[y], squares[y]
        for x in range(len(row)):
            row[x] *= row[x]
        for x in range(width):
            least[x] = beyond * beyond
        for dx in range(-near, near + 1):
            _lower(least, row[near + dx : near + dx + width], np.float32(dx * dx))


@kernel(inline=True)
def _lower(values: F32x1, others: F32x1, step: np.float32) -> None:
    """Where the other value and the step are less than a value, they take its place."""
    for x in range(len(values)):
        other = others[x] + step
        values[x] = other if other < values[x] else values[x]


class Turns(NamedTuple):
    """What threads that share a front must know.

    ``begins``: where in the order each turn begins; ``stride``: places from one row to the next; ``reach``: how many
    rows away what a pixel looks at may be.
    """

    begins: I64x1
    stride: int
    reach: int


def fill_in_order(
    problem: Problem,
    order: I32x1,
    neighbours: int,
    fill: Callable[[I64x1], I64x1],
    unreached: str,
    turns: Turns | None = None,
) -> None:
    """Fill the pixels of a front one after another, and report between slices of some tenths of a second.

    Parameters
    ----------
    order : flat indices in the method's own layout; hole pixels that no front reached are missing.
    neighbours : how many pixels are looked at to fill one.
    fill : fills a slice of ``order`` and returns those of its pixels that had no usable neighbour. They are tried again
        after all others: beyond transparent pixels, distance is not the order of filling.
    unreached : message of the ContextError, with ``{}`` for the number of pixels that nothing known reaches.
    turns : where threads may share the work.
    """
    total = int(np.count_nonzero(problem.hole))
    missing = total - len(order)
    if steps := _steps(order, turns, neighbours) if turns else []:
        left, done = [], 0
        for parts in steps:
            left += threads.run(fill, parts)
            done += sum(map(len, parts))
            problem.report(Step(done, total))
        skipped = np.concatenate(left)
        order = order[np.isin(order, skipped)] if len(skipped) else order[:0]
    size = max(1, _SLICE // neighbours)
    while len(order):
        left = []
        for start in range(0, len(order), size):
            left.append(fill(order[start : start + size].astype(np.int64)))  # as kernels count: none needs a twin
            if start + size < len(order):
                problem.report(Step(total - missing - len(order) + start + size, total))
        rest = np.concatenate(left).astype(order.dtype)
        if len(rest) == len(order):
            break
        order = rest
    if len(order) + missing:
        raise ContextError(unreached.format(len(order) + missing))


def _steps(order: I32x1, turns: Turns, neighbours: int) -> list[list[I64x1]]:
    """The front in steps of several parts, which may be filled at once; nothing where that is not worth while.

    Rows are cut into bands, so high that a pixel looks at no more than its own and the next on both sides. Band b has
    its turn k in step b + 2 k: after turn k of the band above and turn k - 1 of the one below, and before the band
    above has turn k + 1. So each pixel finds what it would find one after another, and the fill is the same.
    """
    if len(order) * neighbours < _WORTH * 2 * len(turns.begins):
        return []
    with threads.limit(_ANY) as most:  # as many as the caller's limit leaves
        if most == 1:
            return []
    rows = order // turns.stride
    rows -= rows.min()
    height = int(rows.max()) + 1
    bands = min(_BANDS, height // turns.reach)
    if bands < 4:
        return []
    band = rows * bands // height
    turn = np.repeat(np.arange(len(turns.begins)), np.diff(turns.begins, append=len(order)))
    key = (band + 2 * turn) * bands + band
    key = key.astype(np.min_scalar_type(key.max()))
    by_step = np.argsort(key, kind="stable")
    places, key = order[by_step].astype(np.int64), key[by_step]
    begins = _begins(key)
    step, ends = key[begins] // bands, np.append(begins[1:], len(order))
    cuts = [*_begins(step).tolist(), len(step)]
    return [_parts(places[begins[a] : ends[b - 1]], ends[a:b] - begins[a]) for a, b in pairwise(cuts)]


def _parts(order: I64x1, ends: I64x1) -> list[I64x1]:
    """A step's pixels in at most four parts of about the same size, cut only between bands, which end at ``ends``."""
    quarter = np.minimum(ends * 4 // len(order), 3)
    return np.split(order, ends[:-1][quarter[:-1] != quarter[1:]])


def _begins(key: NDArray[Any]) -> I64x1:
    """Where each run of equal numbers begins."""
    begins: I64x1 = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    return begins


def filled_from(problem: Problem, data: F32x3, base: F32x1, margin: int) -> Image:
    """The crop with its hole taken from ``data`` (padded H * W, C, n), colours relative to ``base`` first."""
    filled = problem.image.copy()
    _place_kernel(filled, problem.hole, data, base, margin)
    return filled


@kernel()
def _place_kernel(filled: F32x3, hole: Bool2, data: F32x3, base: F32x1, margin: int) -> None:
    """Put the colours of ``data``, padded by the margin and relative to ``base``, into the hole of ``filled``."""
    height, width, channels = filled.shape
    for y in range(height):
        for x in range(width):
            if hole[y, x]:
                p = (y + margin) * (width + 2 * margin) + x + margin
                for c in range(channels):
                    filled[y, x, c] = data[p, c, 0] + base[c]
