"""Scratches by votes along lines: a point of a thin ridge votes for the line through it, and long lines collect many.

A point votes as far as it stands out from both of its sides, so neither an edge nor a broad shape votes, and the
contrast that counts as a full vote follows the texture around. Where most points of a line of fixed length vote, they
are a scratch; the profile across, averaged along the line, tells how wide it is. Every octave of the picture looks for
scratches twice as wide.

A line is then straightened along a smooth axis, and what it shows from node to node tells a scratch from a wire or a
joint: it covers the ground with one colour, nearly white or black, and what it lets through is the ground; its halves
are alike; the ground on its sides is the same; and nothing runs beside it that looks like it. A scratch beyond doubt
makes others in the picture the likelier, and is followed beyond its ends.

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
from inpaintkit.find import strips
from inpaintkit.find.evidence import AROUND, bright_side, dark_side
from inpaintkit.find.strips import Axes, Indices, Positions, medians
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

_ANGLES = 48  # so that over L points a line is never more than half a pixel off
_HALF = 16  # L
_SIDE = 3  # w
_LIMIT = -0.5  # a point that does not stand out takes away half of what one that does adds: scratches are broken
_SPARSE = 4  # every so many of a line's points are looked at first
_AHEAD = 48  # how far ahead a line is continued
_TURN = 1  # and by how many of the angles it may turn
_ALONG = 8  # points that a profile is averaged over, on each side
_COARSE = 4  # px: the grid on which texture is measured
_TEXTURE = 31  # of that grid, the square in which it is
_FINE = 1500  # px: above that side, every doubling adds an octave
_USUAL = 768  # px: the side of a picture for which evidence is weighed; lines of larger ones count as reduced
_SURE = 1.8  # evidence of a line that is a scratch beyond doubt
_WEAK = 0.4  # and of one that is a scratch where another one is beyond doubt
_FOLLOWED = 1.5  # evidence of a line that is followed beyond its ends
_HOLDS = 0.4  # of a line's usual cover: less is a break
_SMALLEST = 8  # px: a picture of a lesser side shows no line
_LIKE = 0.6  # of a line's contrast: what stands out as much as that is of its kind
_DARKER = 0.1  # and what is no more than that less bright
_BESIDE = 6  # px: what is nearer to the line's axis continues it
_JUMP = 0.15  # by which brightness may differ from point to point of one line
_PARALLEL = 0.34  # sine of the angle below which it is parallel
_BLUR = 0.2  # px by which reading between pixels widens an edge
_WHITE = 0.9  # of a scratch, on the bright side; the dark side's white is black
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
    """Best line through each point that stands out, if it is good enough: mean vote, and which of the directions.

    image : uint8 (H', W'), padded; tau : float32 (h, w), one value for ``scale`` x ``scale`` points; line, left, right:
    int32 (angles, 2 L + 1), where in the flattened picture a line's points and their sides lie.
    """
    flat = image.ravel()
    pad = (image.shape[1] - score.shape[1]) // 2
    angles, points = line.shape
    quarter = angles // 4
    middle = points // 2
    few = (points + _SPARSE - 1) // _SPARSE
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
            low = np.float32(_LIMIT) * full
            best = np.float32(least * points) * full
            enough = np.float32((least - 0.25) * points / _SPARSE) * full
            rest = np.float32(points - few) * full
            for k in range(angles):
                # Some of the points first: most lines fail there.
                total = np.float32(0)
                for s in range(0, points, _SPARSE):
                    total += _one_vote_kernel(flat, here, line[k, s], left[k, s], right[k, s], low, full)
                if total < enough:
                    continue
                missing = rest
                for s in range(points):
                    if s % _SPARSE:
                        total += _one_vote_kernel(flat, here, line[k, s], left[k, s], right[k, s], low, full)
                        missing -= full
                        if total + missing < best:
                            break
                if total > best:
                    best = total
                    angle[row, column] = k
                    score[row, column] = best / (points * full)


@kernel()
def _one_vote_kernel(flat: Any, here: Any, line: Any, left: Any, right: Any, low: Any, full: Any) -> Any:
    """What one point of a line adds, in grey levels."""
    stands = np.float32(flat[here + line]) - np.float32(max(flat[here + left], flat[here + right]))
    return min(max(stands, low), full)


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
    step = max(0.5, unit / 4)  # px between readings
    side = int(_SIDE * unit / step)  # w in readings
    span = side // 2 + 2 * side
    profile = np.zeros(2 * span + 1, np.float32)
    for index in range(len(rows)):
        y, x, down, right = rows[index], columns[index], sine[angle[index]], cosine[angle[index]]
        for t in range(-(side // 2), side // 2 + 1):
            profile[span + t] = _along_kernel(image, y, x, down, right, t * step, np.float32(0))
        top = span
        for t in range(span - side // 2, span + side // 2 + 1):
            if profile[t] > profile[top]:
                top = t
        level[index, 0] = profile[top]
        for way in (-1, 1):
            low, at = profile[top], 1
            for t in range(1, 2 * side + 1):
                here = top + way * t
                if abs(here - span) > side // 2:
                    profile[here] = _along_kernel(image, y, x, down, right, (here - span) * step, profile[here - way])
                if profile[here] < low:
                    low, at = profile[here], t
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
def _along_kernel(image: Any, y: Any, x: Any, down: Any, right: Any, aside: Any, otherwise: Any) -> Any:
    """Mean brightness along a line that runs ``aside`` px beside a point; ``otherwise`` outside of the picture."""
    height, width = image.shape
    total, count = np.float32(0), 0
    for s in range(-_ALONG, _ALONG + 1, 2):
        row, column = y + s * down + aside * right, x + s * right - aside * down
        if 0 <= row < height - 1 and 0 <= column < width - 1:
            i, j = int(row), int(column)
            v, u = np.float32(row - i), np.float32(column - j)
            upper = image[i, j] + u * (image[i, j + 1] - image[i, j])
            lower = image[i + 1, j] + u * (image[i + 1, j + 1] - image[i + 1, j])
            total += upper + v * (lower - upper)
            count += 1
    return total / np.float32(count) if count else otherwise


@kernel()
def _link_kernel(
    index: Any, rows: Any, columns: Any, angle: Any, bright: Any, cosine: Any, sine: Any, parent: Any
) -> None:
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
                    if min(turn, angles - turn) <= _TURN and abs(bright[index[y, x]] - bright[point]) < _JUMP:
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
def _parallel_kernel(
    y: Any, x: Any, down: Any, right: Any, line: Any, contrast: Any, bright: Any, reach: Any, number: Any
) -> None:
    """How many nodes of other lines lie within ``reach`` px of each node that are parallel, as bright and as strong.

    Those that continue the node's own line do not count. contrast, bright : (L,), of each line; number : (M,).
    """
    tall, wide = int(y.max() / reach) + 1, int(x.max() / reach) + 1
    head = np.full((tall + 2, wide + 2), -1, np.int64)
    following = np.full(len(y), -1, np.int64)
    for node in range(len(y)):
        row, column = int(y[node] / reach) + 1, int(x[node] / reach) + 1
        following[node] = head[row, column]
        head[row, column] = node
    for node in range(len(y)):
        mine = line[node]
        row, column = int(y[node] / reach) + 1, int(x[node] / reach) + 1
        for cell in range(9):
            other = head[row - 1 + cell // 3, column - 1 + cell % 3]
            while other >= 0:
                away_y, away_x = y[other] - y[node], x[other] - x[node]
                near = line[other] != mine and max(abs(away_y), abs(away_x)) < reach
                if (
                    near
                    and contrast[line[other]] >= _LIKE * contrast[mine]
                    and bright[line[other]] >= bright[mine] - _DARKER
                ):
                    sine = abs(down[node] * right[other] - right[node] * down[other])
                    beside = abs(away_y * right[node] - away_x * down[node])
                    number[node] += sine < _PARALLEL and beside > _BESIDE
                other = following[other]


@kernel()
def _paint_kernel(
    mask: Any, confidence: Any, y: Any, x: Any, down: Any, right: Any, foot: Any, trust: Any, unit: Any
) -> None:
    """Discs as wide as the scratch along each of its nodes."""
    for node in range(len(y)):
        middle = (foot[node, 0] + foot[node, 1]) / 2
        radius = (foot[node, 1] - foot[node, 0]) / 2 - _BLUR
        for step in range(strips.STEP):
            ahead = (step + 0.5 - strips.STEP / 2) * unit
            y0 = y[node] + ahead * down[node] + middle * right[node]
            x0 = x[node] + ahead * right[node] - middle * down[node]
            for i in range(max(0, math.ceil(y0 - radius)), min(mask.shape[0], math.floor(y0 + radius) + 1)):
                for j in range(max(0, math.ceil(x0 - radius)), min(mask.shape[1], math.floor(x0 + radius) + 1)):
                    if (i - y0) ** 2 + (j - x0) ** 2 <= radius**2:
                        mask[i, j] = True
                        confidence[i, j] = max(confidence[i, j], trust[node])


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
    searches = [
        (*pair, octave)
        for octave in range(octaves)
        for pair in (sides, sides[::-1])
        if min(mask.shape) >> octave >= _SMALLEST
    ]
    found = threads.run(lambda search: _search(*search, sensitivity), searches)
    surest = max((float(worth.max(initial=-np.inf)) for _, _, worth, _ in found), default=-np.inf)
    least = _least(sensitivity) + (_WEAK if surest > _least(sensitivity) + _SURE else _SURE)
    for axis, foot, worth, unit in found:
        new = (worth > least) & ~(_covered(mask, axis, foot) & (unit > 1))  # finer octaves see edges better
        part, trust = axis.part(new), 1 / (1 + np.exp(-worth[new]))
        _paint_kernel(mask, confidence, part.y, part.x, part.down, part.right, foot[new], trust, unit)
    return mask, confidence


def _least(sensitivity: float) -> float:
    """Evidence that a sensitivity adds to what is needed."""
    return 4 - 8 * sensitivity


def _covered(mask: Mask, axis: Axes, foot: Image) -> Mask:
    """Which nodes lie on what is found already."""
    middle = foot.mean(axis=1)
    y = np.rint(axis.y + middle * axis.right).astype(np.int64).clip(0, mask.shape[0] - 1)
    x = np.rint(axis.x - middle * axis.down).astype(np.int64).clip(0, mask.shape[1] - 1)
    return np.asarray(mask[y, x])


def _search(
    picture: Image, other: Image, octave: int, sensitivity: float
) -> tuple[Axes, Image, NDArray[np.float64], int]:
    """Lines on the bright side of a picture in an octave: nodes, feet, the evidence at each node, and the unit.

    ``other`` is the picture's other side.
    """
    unit = 1 << octave
    axis = strips.axes(*_candidates(picture, octave, sensitivity), unit)
    seen = strips.strip(picture, axis, unit)
    measured = strips.feet(axis, seen, unit)
    width = axis.medians(measured[:, 1] - measured[:, 0])
    foot = measured.mean(axis=1)[:, None] + width[axis.line][:, None] / 2 * np.array([-1, 1], np.float32)
    level = strips.levels(seen, foot, unit)
    white = np.maximum(_WHITE, axis.medians(level[:, 0]) + 0.05)
    cover = _cover(level, white[axis.line])
    tint = _tint(axis, level, strips.levels(strips.strip(other, axis, unit), foot, unit), cover)
    scale = max(1.0, max(picture.shape) / _USUAL)
    worth = _evidence(axis, level, cover, tint, strips.lopsided(axis, seen, foot, unit), width, unit, scale)[axis.line]
    # Beyond a scratch's ends, and in its breaks, there is nothing of it.
    keep = (worth > _least(sensitivity) + _WEAK) & (cover > _HOLDS * axis.medians(cover)[axis.line])
    sure = keep & (worth > _least(sensitivity) + _FOLLOWED)
    if sure.any():
        more, feet = strips.follow(picture, axis.part(sure), foot[sure], axis.medians(cover), white, unit)
        of_line = np.zeros(len(white))
        of_line[axis.line] = worth
        axis, foot = axis.part(keep).joined(more), np.concatenate([foot[keep], feet])
        return axis, foot, np.concatenate([worth[keep], of_line[more.line]]), unit
    return axis.part(keep), foot[keep], worth[keep], unit


def _candidates(picture: Image, octave: int, sensitivity: float) -> tuple[Positions, Positions, Indices]:
    """Points of lines that may be scratches: rows, columns, and the line of each."""
    rows, columns, angle = _points(picture, octave, sensitivity)
    extent, level = np.zeros((len(rows), 2), np.float32), np.zeros((len(rows), 3), np.float32)
    _profile_kernel(picture, rows, columns, angle, _COSINE, _SINE, 1 << octave, extent, level)
    middle, width, contrast = extent.mean(axis=1), extent[:, 1] - extent[:, 0], level[:, 0] - level[:, 1:].max(axis=1)
    rows, columns = rows + middle * _COSINE[angle], columns - middle * _SINE[angle]
    lines = _lines(picture.shape, octave, rows, columns, angle, level[:, 0])
    known = np.flatnonzero(lines >= 0)
    of = lines[known]
    # Beyond a scratch's ends votes were given to what happens to lie there.
    belongs = (contrast[known] > 0.3 * medians(contrast[known], of)[of]) & (
        width[known] < 1.7 * medians(width[known], of)[of] + 1
    )
    known = known[belongs]
    return rows[known], columns[known], np.unique(lines[known], return_inverse=True)[1]


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
    shape: tuple[int, ...], octave: int, rows: Positions, columns: Positions, angle: Indices, bright: Image
) -> Indices:
    """The line that each point belongs to, -1 for none."""
    small = [-(-side // 2**octave) for side in shape]
    y = np.clip((rows + 0.5) // 2**octave, 0, small[0] - 1).astype(np.int64)
    x = np.clip((columns + 0.5) // 2**octave, 0, small[1] - 1).astype(np.int64)
    index = np.full(small, -1, np.int32)
    index[y, x] = np.arange(len(rows))
    parent = np.arange(len(rows), dtype=np.int32)
    _link_kernel(index, y, x, angle, bright, _COSINE, _SINE, parent)
    lines = np.where(np.bincount(parent, minlength=len(parent))[parent] >= _FEWEST, parent, -1).astype(np.int64)
    known = lines >= 0
    lines[known] = np.unique(lines[known], return_inverse=True)[1]
    return lines


def _ground(level: Image) -> Image:
    """The mean of both sides, of the one where the other lies outside: (M,)."""
    left, right = level[:, 1], level[:, 2]
    return np.asarray(np.where(np.isnan(left), right, np.where(np.isnan(right), left, (left + right) / 2)))


def _cover(level: Image, white: NDArray[Any]) -> Image:
    """How far each core has come from the ground's brightness to that of its line: (M,), 0 outside."""
    ground = _ground(level)
    return np.asarray(np.nan_to_num((level[:, 0] - ground) / np.maximum(white - ground, 0.05)))


def _tint(axis: Axes, level: Image, other: Image, cover: Image) -> NDArray[Any]:
    """How colourful each line is, (L,): the range of its channels less what the ground that shines through explains.

    level, other : (M, 3), on one side of the picture, the least channel or one less the largest, and on the other.
    """
    core, ground = 1 - other[:, 0] - level[:, 0], 1 - _ground(other) - _ground(level)
    shines = 1 - np.clip(axis.medians(cover), 0, 1)
    return np.asarray(axis.medians(np.nan_to_num(core)) - shines * axis.medians(np.nan_to_num(ground)))


def _evidence(
    axis: Axes,
    level: Image,
    cover: Image,
    tint: NDArray[Any],
    lopsided: NDArray[Any],
    width: NDArray[Any],
    unit: int,
    scale: float,
) -> NDArray[np.float64]:
    """How much speaks for each line being a scratch.

    For it: length, cover, surroundings that change while the line goes on. Against it: sides that differ, more width
    than scratches have, colour, halves that differ, other lines beside it, brightness that does not follow the ground
    as far as it shines through. The weights are those of a logistic regression over the lines found in scikit-image's
    photographs with scratches drawn on them, each weighted by what it would cost to be wrong.
    """
    inside = np.nan_to_num(level)
    core, ground = inside[:, 0], np.nan_to_num(_ground(level))
    contrast = np.maximum(axis.medians(core - ground), 2 / 255)
    usual = axis.medians(cover)
    varies = axis.means(np.square(ground - axis.means(ground)[axis.line]))
    slope = np.clip(axis.means((ground - axis.means(ground)[axis.line]) * core) / (varies + 1e-3), -0.5, 1.5)
    worth = (
        1.45 * np.log(np.bincount(axis.line[axis.held]) * unit / scale)
        + 0.7 * np.log(axis.medians(np.abs(ground - axis.medians(ground)[axis.line])) / contrast + 0.05)
        - 3.6 * np.sqrt(np.minimum(axis.medians(np.abs(inside[:, 1] - inside[:, 2])) / contrast, 2))
        - 0.45 * np.maximum(width / scale - 6, 0)
        + 1.0 * np.log2(unit / scale)
        - 5.3 * np.log1p(axis.means(_beside(axis, contrast, axis.medians(core), unit)))
        + 3.7 * np.minimum(usual, 0.7)
        - 35 * np.clip(tint, 0, 0.3)
        - 26 * np.abs(slope - (1 - usual)) * np.sqrt(varies)
        - 4.4 * np.sqrt(lopsided)
        - 1.0
    )
    # Of a line along the border nobody knows whether it is one: an edge may be what it is.
    outside = np.asarray(np.isnan(level[:, 1:]).any(axis=1))
    worth[axis.means(outside) > 0.3] = -np.inf
    return np.asarray(worth)


def _beside(axis: Axes, contrast: NDArray[Any], bright: NDArray[Any], unit: int) -> NDArray[np.float64]:
    """How much of other lines runs beside each node, parallel, as bright and as strong, in lengths of the square."""
    number = np.zeros(len(axis.y))
    if len(number):
        reach = AROUND / 2 * unit
        _parallel_kernel(axis.y, axis.x, axis.down, axis.right, axis.line, contrast, bright, reach, number)
    return number * strips.STEP / AROUND
