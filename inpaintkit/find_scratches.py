"""Scratches by votes along lines: a point of a thin ridge votes for the line through it, and long lines collect many.

A point votes as far as it stands out from both of its sides, so neither an edge nor a broad shape votes, and the
contrast that counts as a full vote follows the texture around. Where most points of a line of fixed length vote, they
are a scratch; the profile across, averaged along the line, tells how wide it is. Every octave of the picture looks for
scratches twice as wide.

    I      brightness, the least channel for bright scratches and the negative of the largest for dark ones
    tau    contrast of a full vote, in grey levels
    w      distance at which a point's sides are read
    L      points of a line on each side of its middle
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.evidence import AROUND, bright_side, crowd, dark_side
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

Positions = NDArray[np.float64]
Indices = NDArray[np.int64]

_ANGLES = 48  # so that over L points a line is never more than half a pixel off
_HALF = 16  # L
_SIDE = 3  # w
_LIMIT = -0.5  # a point that does not stand out takes away half of what one that does adds: scratches are broken
_AHEAD = 48  # how far ahead a line is continued
_TURN = 1  # and by how many of the angles it may turn
_ALONG = 8  # points that a profile is averaged over, on each side
_COARSE = 4  # px: the grid on which texture is measured
_TEXTURE = 31  # of that grid, the square in which it is
_FINE = 1500  # px: above that side, every doubling adds an octave
_CERTAIN = 5.0  # evidence of a line that is no longer taken for texture
_CROWDED = 3.7  # evidence taken away by others around, times their logarithm
_SMALLEST = 8  # px: a picture of a lesser side shows no line
_FEWEST = 16  # points of a line that is judged

_COSINE, _SINE = np.cos(np.arange(_ANGLES) * np.pi / _ANGLES), np.sin(np.arange(_ANGLES) * np.pi / _ANGLES)


@kernel()
def _vote_kernel(
    image: Any,
    tau: Any,
    scale: Any,
    line: Any,
    left: Any,
    right: Any,
    least: Any,
    score: Any,
    angle: Any,
) -> None:
    """Best line through each point that stands out: mean vote, and which of the directions.

    image : uint8 (H', W'), padded; tau : float32 (h, w), one value for ``scale`` x ``scale`` points; line, left, right:
    int32 (angles, 2 L + 1), where in the flattened picture a line's points and their sides lie.
    """
    flat = image.ravel()
    pad = (image.shape[1] - score.shape[1]) // 2
    angles, points = line.shape
    quarter = angles // 4
    middle = points // 2
    for row in range(score.shape[0]):
        for column in range(score.shape[1]):
            here = (row + pad) * image.shape[1] + column + pad
            full = tau[row // scale, column // scale]
            value = np.float32(flat[here])
            stands = False
            for axis in range(4):
                k = axis * quarter
                sides = max(flat[here + left[k, middle]], flat[here + right[k, middle]])
                stands = stands or value - sides >= full
            if not stands:
                continue
            best = np.float32(0)
            for k in range(angles):
                coarse = np.float32(0)  # every fourth point first: most lines fail there
                for s in range(0, points, 4):
                    vote = np.float32(flat[here + line[k, s]]) - max(flat[here + left[k, s]], flat[here + right[k, s]])
                    coarse += min(max(vote / full, _LIMIT), 1)
                if coarse * 4 < (least - 0.25) * points:
                    continue
                total = np.float32(0)
                for s in range(points):
                    vote = np.float32(flat[here + line[k, s]]) - max(flat[here + left[k, s]], flat[here + right[k, s]])
                    total += min(max(vote / full, _LIMIT), 1)
                if total > best:
                    best = total
                    angle[row, column] = k
            score[row, column] = best / points


@kernel()
def _support_kernel(
    image: Any,
    tau: Any,
    scale: Any,
    line: Any,
    left: Any,
    right: Any,
    least: Any,
    score: Any,
    angle: Any,
    given: Any,
) -> None:
    """Give the points of each accepted line its direction, so that a scratch is followed to its ends.

    given : int16 (h, w), the direction of the best line that a point votes for, -1 where there is none.
    """
    flat = image.ravel()
    pad = (image.shape[1] - score.shape[1]) // 2
    height, width = score.shape
    points = line.shape[1]
    held = np.zeros(score.shape, np.float32)  # that line's score
    for row in range(height):
        for column in range(width):
            if score[row, column] < least:
                continue
            here = (row + pad) * image.shape[1] + column + pad
            full = tau[row // scale, column // scale]
            k = angle[row, column]
            for s in range(points):
                there = here + line[k, s]
                y, x = there // image.shape[1] - pad, there % image.shape[1] - pad
                if not (0 <= y < height and 0 <= x < width) or score[row, column] <= held[y, x]:
                    continue
                vote = np.float32(flat[there]) - max(flat[here + left[k, s]], flat[here + right[k, s]])
                if vote >= 0.5 * full:
                    held[y, x] = score[row, column]
                    given[y, x] = k


@kernel()
def _profile_kernel(
    image: Any, rows: Any, columns: Any, angle: Any, cosine: Any, sine: Any, unit: Any, extent: Any, level: Any
) -> None:
    """Measure points on scratches by the profile across, averaged along.

    image : float32 (H, W), the scratch bright; rows, columns : of the points in it; unit : its pixels in one of the
    octave's; extent : (N, 2), where the scratch begins and ends in pixels along the normal; level : (N, 3), the
    brightness of its middle and of both sides.
    """
    height, width = image.shape
    step = max(0.5, unit / 4)  # px between readings
    side = int(_SIDE * unit / step)  # w in readings
    span = 3 * side
    profile = np.zeros(2 * span + 2, np.float32)
    for index in range(len(rows)):
        down, right = sine[angle[index]], cosine[angle[index]]
        for t in range(-span, span + 1):
            total, count = np.float32(0), 0
            for s in range(-_ALONG, _ALONG + 1, 2):
                y = rows[index] + s * down + t * step * right
                x = columns[index] + s * right - t * step * down
                if 0 <= y < height - 1 and 0 <= x < width - 1:
                    i, j = int(y), int(x)
                    v, u = np.float32(y - i), np.float32(x - j)
                    upper = image[i, j] + u * (image[i, j + 1] - image[i, j])
                    lower = image[i + 1, j] + u * (image[i + 1, j + 1] - image[i + 1, j])
                    total += upper + v * (lower - upper)
                    count += 1
            profile[t + span] = total / count if count else profile[max(0, t + span - 1)]
        top = span
        for t in range(span - side // 2, span + side // 2 + 1):
            if profile[t] > profile[top]:
                top = t
        level[index, 0] = profile[top]
        for way in (-1, 1):
            low, at = profile[top], 1
            for t in range(1, 2 * side + 1):
                if profile[top + way * t] < low:
                    low, at = profile[top + way * t], t
                elif t > at + 3:
                    break  # it rises again: something else
            contrast = profile[top] - low
            t = 0
            while t < at and profile[top + way * (t + 1)] > low + 0.5 * contrast:
                t += 1
            drop = profile[top + way * t] - profile[top + way * (t + 1)]
            middle = t + (profile[top + way * t] - low - 0.5 * contrast) / drop if drop > 0 else t
            while t < at and profile[top + way * (t + 1)] > low + 0.2 * contrast:
                t += 1
            drop = profile[top + way * t] - profile[top + way * (t + 1)]
            nearly = t + (profile[top + way * t] - low - 0.2 * contrast) / drop if drop > 0 else t
            foot = min(middle + (nearly - middle) * 5 / 3, at)  # where a straight edge ends
            extent[index, (way + 1) // 2] = (top - span + way * foot) * step
            level[index, 1 + (way + 1) // 2] = low


@kernel()
def _link_kernel(index: Any, rows: Any, columns: Any, angle: Any, cosine: Any, sine: Any, parent: Any) -> None:
    """Unite points that share a pixel, and those that are next in their own direction, nearly parallel.

    index : int32 (h, w), one of the points on each pixel, -1 for none; parent : int32 (N,), of each point, afterwards
    the first point of its line.
    """
    angles = len(cosine)
    for point in range(len(rows)):
        first = index[rows[point], columns[point]]
        if first != point:
            _unite_kernel(parent, point, first)
            continue
        k = angle[point]
        for way in (-1, 1):
            met = False
            for s in range(1, _AHEAD + 1):
                lateral = 1 + s // 16
                for t in range(-lateral, lateral + 1):
                    y = round(rows[point] + way * s * sine[k] + t * cosine[k])
                    x = round(columns[point] + way * s * cosine[k] - t * sine[k])
                    if not (0 <= y < index.shape[0] and 0 <= x < index.shape[1]) or index[y, x] < 0:
                        continue
                    turn = abs(angle[index[y, x]] - k)
                    if min(turn, angles - turn) <= _TURN:
                        _unite_kernel(parent, point, index[y, x])
                        met = True
                if met and s >= 12:
                    break
    for point in range(len(rows)):
        parent[point] = _root_kernel(parent, point)


@kernel()
def _unite_kernel(parent: Any, first: Any, second: Any) -> None:
    first, second = _root_kernel(parent, first), _root_kernel(parent, second)
    parent[max(first, second)] = min(first, second)


@kernel()
def _root_kernel(parent: Any, point: Any) -> Any:
    while parent[point] != point:
        parent[point] = parent[parent[point]]
        point = parent[point]
    return point


@kernel()
def _paint_kernel(
    mask: Any,
    confidence: Any,
    rows: Any,
    columns: Any,
    angle: Any,
    extent: Any,
    trust: Any,
    cosine: Any,
    sine: Any,
) -> None:
    """A disc as wide as the scratch over each of its points."""
    for index in range(len(rows)):
        k = angle[index]
        middle = (extent[index, 0] + extent[index, 1]) / 2
        radius = (extent[index, 1] - extent[index, 0]) / 2 - 0.25  # pixels on the very end have nothing of it
        y0, x0 = rows[index] + middle * cosine[k], columns[index] - middle * sine[k]
        for y in range(max(0, math.ceil(y0 - radius)), min(mask.shape[0], math.floor(y0 + radius) + 1)):
            for x in range(max(0, math.ceil(x0 - radius)), min(mask.shape[1], math.floor(x0 + radius) + 1)):
                if (y - y0) ** 2 + (x - x0) ** 2 <= radius**2:
                    mask[y, x] = True
                    confidence[y, x] = max(confidence[y, x], trust[index])


def find_scratches(image: Image, *, sensitivity: float = 0.5) -> tuple[Mask, Image]:
    """Thin bright and dark lines, straight or gently curved, at any angle, on grain and texture.

    Wires, branches and joints that are as thin, long and even as a scratch are proposed as well, unless there are
    many of them.

    Parameters
    ----------
    image : float32 (H, W, C) in [0, 1], C = 1 or 3.
    sensitivity : in [0, 1]: 0 proposes only the certain, 1 everything plausible.

    Returns
    -------
    mask : bool (H, W), the scratches out to where their edges end.
    confidence : float32 (H, W) in [0, 1], what the evidence for a line amounts to; 0 where nothing is proposed.

    Examples
    --------
    >>> picture = np.full((90, 90, 1), 0.4, np.float32)
    >>> picture[:, 40:42] = 0.9
    >>> mask, confidence = find_scratches(picture)
    >>> np.flatnonzero(mask[45]).tolist()
    [40, 41]
    """
    mask = np.zeros(image.shape[:2], np.bool_)
    confidence = np.zeros(image.shape[:2], np.float32)
    octaves = 2 + max(0, math.floor(math.log2(max(mask.shape) / _FINE)))
    sides = bright_side(image), dark_side(image)
    searches = [(side, octave) for octave in range(octaves) for side in sides if min(mask.shape) >> octave >= _SMALLEST]
    for rows, columns, angle, extent, trust in threads.run(lambda search: _search(*search, sensitivity), searches):
        _paint_kernel(mask, confidence, rows, columns, angle, extent, trust, _COSINE, _SINE)
    return mask, confidence


def _search(picture: Image, octave: int, sensitivity: float) -> tuple[Any, ...]:
    """The points of bright scratches in one octave of a picture: rows, columns, direction, extent, confidence."""
    rows, columns, angle = _points(picture, octave, sensitivity)
    extent, level = np.zeros((len(rows), 2), np.float32), np.zeros((len(rows), 3), np.float32)
    _profile_kernel(picture, rows, columns, angle, _COSINE, _SINE, 1 << octave, extent, level)
    rows_on, columns_on, lines = _lines(picture.shape, octave, rows, columns, angle, extent)
    known = lines >= 0
    rows, columns, angle = rows[known], columns[known], angle[known]
    extent, level, lines = extent[known], level[known], lines[known]
    alone = _evidence(lines, octave, extent / 2**octave, level)
    others = _others(rows_on[known], columns_on[known], lines, level, alone < _CERTAIN, octave, picture.shape)
    worth = (alone - _CROWDED * np.log1p(others))[lines]
    width, contrast = extent[:, 1] - extent[:, 0], _contrast(level)
    typical = _medians(width, lines)[lines]
    # Beyond a scratch's ends votes were given to what happens to lie there.
    belongs = (contrast > 0.3 * _medians(contrast, lines)[lines]) & (width < 1.7 * typical + 1)
    keep = belongs & (worth > 4.6 - 8 * sensitivity)
    extent += np.maximum(0, width - 1.25 * typical)[:, None] / 2 * np.array([1, -1], np.float32)
    return rows[keep], columns[keep], angle[keep], extent[keep], 1 / (1 + np.exp(-worth[keep]))


def _points(picture: Image, octave: int, sensitivity: float) -> tuple[Positions, Positions, Indices]:
    """Where accepted lines of the bright side of a picture (H, W) run: rows, columns in its pixels, and direction."""
    small = picture
    if octave:
        scale = 0.5**octave
        small = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    smooth = np.rint(np.clip(cv2.GaussianBlur(small, (0, 0), 0.7), 0, 1) * 255).astype(np.uint8)
    tau = _tau(smooth, sensitivity)
    pad = _HALF + _SIDE + 1
    image = np.asarray(cv2.copyMakeBorder(smooth, pad, pad, pad, pad, cv2.BORDER_REFLECT_101), np.uint8)
    s = np.arange(-_HALF, _HALF + 1)

    def offsets(aside: float) -> NDArray[np.int32]:
        down = np.rint(s * _SINE[:, None] + aside * _COSINE[:, None])
        right = np.rint(s * _COSINE[:, None] - aside * _SINE[:, None])
        return np.asarray(down * image.shape[1] + right, np.int32)

    lines = offsets(0), offsets(-_SIDE), offsets(_SIDE)
    score, angle = np.zeros(smooth.shape, np.float32), np.zeros(smooth.shape, np.uint8)
    least = 0.75 - 0.35 * sensitivity
    _vote_kernel(image, tau, _COARSE, *lines, least, score, angle)
    given = np.full(score.shape, -1, np.int16)
    _support_kernel(image, tau, _COARSE, *lines, least, score, angle, given)
    rows, columns = np.nonzero(given >= 0)
    middle = [(where + 0.5) * 2**octave - 0.5 for where in (rows, columns)]
    return middle[0], middle[1], given[rows, columns].astype(np.int64)


def _tau(smooth: NDArray[np.uint8], sensitivity: float) -> Image:
    """Contrast of a full vote: some times what the texture around varies by, a value per coarse pixel."""
    detail = cv2.absdiff(smooth, cv2.GaussianBlur(smooth, (0, 0), 3))[::_COARSE, ::_COARSE]
    around = cv2.medianBlur(np.ascontiguousarray(detail), _TEXTURE)
    tau: Image = np.maximum(16 - 12 * sensitivity, (4 - 2 * sensitivity) * np.asarray(around, np.float32))
    return tau


def _lines(
    shape: tuple[int, ...], octave: int, rows: Positions, columns: Positions, angle: Indices, extent: Image
) -> tuple[Indices, Indices, Indices]:
    """Row and column of each point's place on its line's axis, in the octave's pixels, and the line, -1 for none."""
    middle = extent.mean(axis=1)
    small = [-(-side // 2**octave) for side in shape]
    y = np.clip((rows + middle * _COSINE[angle] + 0.5) // 2**octave, 0, small[0] - 1).astype(np.int64)
    x = np.clip((columns - middle * _SINE[angle] + 0.5) // 2**octave, 0, small[1] - 1).astype(np.int64)
    index = np.full(small, -1, np.int32)
    index[y, x] = np.arange(len(rows))
    parent = np.arange(len(rows), dtype=np.int32)
    _link_kernel(index, y, x, angle, _COSINE, _SINE, parent)
    lines = np.where(np.bincount(parent, minlength=len(parent))[parent] >= _FEWEST, parent, -1).astype(np.int64)
    known = lines >= 0
    lines[known] = np.unique(lines[known], return_inverse=True)[1]
    return y, x, lines


def _others(
    y: Indices, x: Indices, lines: Indices, level: Image, counted: Mask, octave: int, shape: tuple[int, ...]
) -> NDArray[Any]:
    """How much there is of other lines of like contrast around each line, in lengths of the square of ``crowd``.

    Only lines that are ``counted`` (L,) are: scratches may be many.
    """
    _, one = np.unique(y * shape[1] + x, return_index=True)  # a point per pixel of the axes
    y, x, lines = y[one] << octave, x[one] << octave, lines[one]
    usual = _medians(_contrast(level[one]), lines) if len(one) else np.zeros(0)
    around = crowd(y, x, usual[lines], counted[lines], shape) * 2**octave / AROUND
    length = np.bincount(lines, minlength=len(counted))
    others = np.bincount(lines, around, minlength=len(counted)) / np.maximum(length, 1)
    own = np.minimum(length * 2**octave / AROUND, 1)
    others = np.maximum(0, others - counted * own * (1 + own) / 2)  # without the line itself
    return np.asarray(others)


def _contrast(level: Image) -> Image:
    """By how much the middle of points exceeds the brighter side, (N,)."""
    contrast: Image = level[:, 0] - level[:, 1:].max(axis=1)
    return contrast


def _evidence(lines: Indices, octave: int, extent: Image, level: Image) -> NDArray[Any]:
    """How much speaks for each line being a scratch.

    For it: points, a bright middle, surroundings that change while the line goes on. Against it: sides that differ,
    width, a width that varies, other lines around. The weights are those of a logistic regression over the lines found
    in scikit-image's photographs with scratches drawn on them, each weighted by what it would cost to be wrong.
    """
    contrast = np.maximum(_medians(_contrast(level), lines), 1 / 255)

    def spread(values: NDArray[Any]) -> NDArray[Any]:
        return _medians(np.abs(values - _medians(values, lines)[lines]), lines)

    across = extent[:, 1] - extent[:, 0]
    width = _medians(across, lines)
    worth: NDArray[Any] = (
        1.2 * np.log(np.bincount(lines))
        + 4.8 * _medians(level[:, 0], lines)
        + 1.7 * np.log(spread(level[:, 1:].mean(axis=1)) / contrast + 0.05)
        - 7.8 * np.minimum(_medians(np.abs(level[:, 1] - level[:, 2]), lines) / contrast, 2)
        - 0.8 * width
        - 9.8 * spread(across) / np.maximum(width, 0.5)
        - 2.5 * octave
        + 1.8
    )
    return worth


def _medians(values: NDArray[Any], lines: Indices) -> NDArray[Any]:
    """The median of each line's values (the upper one of two)."""
    order = np.lexsort((values, lines))
    count = np.bincount(lines)
    first = np.cumsum(count) - count
    medians: NDArray[Any] = values[order[first + count // 2]]
    return medians
