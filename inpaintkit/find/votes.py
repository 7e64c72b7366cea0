"""Points on thin ridges vote for the lines through them; long lines collect many votes.

A point votes as far as it stands out from both of its sides, so neither an edge nor a broad shape votes, and the
contrast that counts as a full vote follows the texture around. Where most points of a line of fixed length vote, they
are part of something long and thin; the profile across, averaged along the line, gives its middle and its width.

    tau    contrast of a full vote, in grey levels
    w      distance at which a point's sides are read
    L      points of a line on each side of its middle
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import Array, F32x1, F32x2, F64x1, I32x1, I32x2, I64x1, U8x1, U8x2
from inpaintkit.find.strips import Indices, Positions, edge_kernel, medians
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image
from inpaintkit.sampling import bilinear_kernel
from inpaintkit.union_find import lead_kernel, unite_kernel

_ANGLES = 48  # so that over L points a line is never more than half a pixel off
_HALF = 16  # L
_SIDE = 3  # w
_MIN_VOTE = -0.5  # a point that does not stand out takes away half of what one that does adds: scratches are broken
_SPARSE = 4  # every so many of a line's points are looked at first
_AHEAD = 48  # how far ahead a line is continued
_TURN = 1  # and by how many of the angles it may turn
_JUMP = 0.15  # by which brightness may differ from point to point of one line
_ALONG = 8  # points that a profile is averaged over, on each side
_COARSE = 4  # px: the grid on which texture is measured
_TEXTURE = 31  # of that grid, the square in which it is
_MIN_POINTS = 16  # of a line

_COSINE, _SINE = np.cos(np.arange(_ANGLES) * np.pi / _ANGLES), np.sin(np.arange(_ANGLES) * np.pi / _ANGLES)


@kernel()
def _vote_kernel(
    image: U8x2,
    tau: F32x2,
    scale: int,
    line: I32x2,
    left: I32x2,
    right: I32x2,
    min_score: float,
    score: F32x2,
    angle: U8x2,
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
            low = np.float32(_MIN_VOTE) * full
            best = np.float32(min_score * points) * full
            enough = np.float32((min_score - 0.25) * points / _SPARSE) * full
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
def _one_vote_kernel(
    flat: U8x1, here: int, line: int, left: int, right: int, low: np.float32, full: np.float32
) -> np.float32:
    """What one point of a line adds, in grey levels."""
    stands = np.float32(flat[here + line]) - np.float32(max(flat[here + left], flat[here + right]))
    return min(max(stands, low), full)


@kernel()
def _support_kernel(
    image: U8x2,
    tau: F32x2,
    scale: int,
    line: I32x2,
    left: I32x2,
    right: I32x2,
    min_score: float,
    score: F32x2,
    angle: U8x2,
    given: Array,
) -> None:
    """Give the points of each accepted line its direction, so that a scratch is followed to its ends.

    given : int16 (h, w), the direction of the best line that a point votes for, or -1.
    """
    flat = image.ravel()
    pad = (image.shape[1] - score.shape[1]) // 2
    height, width = score.shape
    points = line.shape[1]
    held = np.zeros(score.shape, np.float32)  # that line's score
    for row in range(height):
        for column in range(width):
            if score[row, column] < min_score:
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
    image: F32x2,
    rows: F64x1,
    columns: F64x1,
    angle: I64x1,
    cosine: F64x1,
    sine: F64x1,
    unit: int,
    extent: F32x2,
    level: F32x2,
) -> None:
    """Measure points on scratches by the profile across, averaged along.

    image : float32 (H, W), the scratch bright; rows, columns : of the points in it; unit : its pixels in one of the
    octave's; extent : (N, 2), where the scratch begins and ends in pixels along the normal; level : (N, 3), the
    brightness of its middle and of both sides. The profile is read only as far as it falls.
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
            foot = edge_kernel(profile, top, way, at, low)
            extent[index, (way + 1) // 2] = (top - span + way * foot) * step
            level[index, 1 + (way + 1) // 2] = low


@kernel()
def _along_kernel(
    image: F32x2, y: float, x: float, down: float, right: float, aside: float, otherwise: np.float32
) -> np.float32:
    """Mean brightness along a line that runs ``aside`` px beside a point; ``otherwise`` outside of the picture."""
    total, count = np.float32(0), 0
    for s in range(-_ALONG, _ALONG + 1, 2):
        value = bilinear_kernel(image, y + s * down + aside * right, x + s * right - aside * down)
        if not np.isnan(value):
            total += value
            count += 1
    return total / np.float32(count) if count else otherwise


@kernel()
def _link_kernel(
    index: I32x2, rows: I64x1, columns: I64x1, angle: I64x1, bright: F32x1, cosine: F64x1, sine: F64x1, parent: I32x1
) -> None:
    """Unite points that share a pixel, and those that are next in their own direction, nearly parallel.

    index : int32 (h, w), one of the points on each pixel, -1 for none; parent : int32 (N,), of each point, afterwards
    the first point of its line.
    """
    angles = len(cosine)
    for point in range(len(rows)):
        first = index[rows[point], columns[point]]
        if first != point:
            unite_kernel(parent, point, first)
            continue
        k = angle[point]
        for way in (-1, 1):
            found = False
            for s in range(1, _AHEAD + 1):
                lateral = 1 + s // 16
                for t in range(-lateral, lateral + 1):
                    y = round(rows[point] + way * s * sine[k] + t * cosine[k])
                    x = round(columns[point] + way * s * cosine[k] - t * sine[k])
                    if not (0 <= y < index.shape[0] and 0 <= x < index.shape[1]) or index[y, x] < 0:
                        continue
                    turn = abs(angle[index[y, x]] - k)
                    if min(turn, angles - turn) <= _TURN and abs(bright[index[y, x]] - bright[point]) < _JUMP:
                        unite_kernel(parent, point, index[y, x])
                        found = True
                if found and s >= 12:
                    break
    lead_kernel(parent)


def candidates(picture: Image, octave: int, sensitivity: float) -> tuple[Positions, Positions, Indices]:
    """Points of lines that may be scratches, bright in a picture (H, W): rows, columns, and the line of each.

    The octave's lines are up to ``2**octave`` times as wide as the finest.
    """
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
    score: Image = np.zeros(smooth.shape, np.float32)
    angle: NDArray[np.uint8] = np.zeros(smooth.shape, np.uint8)
    min_score = 0.75 - 0.35 * sensitivity
    _vote_kernel(image, tau, _COARSE, *lines, min_score, score, angle)
    given = np.full(score.shape, -1, np.int16)
    _support_kernel(image, tau, _COARSE, *lines, min_score, score, angle, given)
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
    lines = np.where(np.bincount(parent, minlength=len(parent))[parent] >= _MIN_POINTS, parent, -1).astype(np.int64)
    known = lines >= 0
    lines[known] = np.unique(lines[known], return_inverse=True)[1]
    return lines
