"""Split a hole into regions, so that a fill costs what the hole costs and not what the picture costs.

Two hole pixels belong together when at most ``reach`` pixels apart (in the larger of rows and columns). The hole is
read once into runs (row, start, stop); runs near one another are united, never pixels, and nothing as large as
the picture is allocated. Small regions that lie close share a crop, since a method that fills one fills many as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import Bool2, I32x1, I32x2, I64x1
from inpaintkit.box import Box
from inpaintkit.kernels import kernel
from inpaintkit.problem import Mask
from inpaintkit.union_find import unite_kernel

Runs: TypeAlias = I32x2  # (N, 3): row, start, stop

SHARED = 160  # px: small regions whose centres share a square of this side share a crop; it fits a core's cache
CUT_AREA = 256 * 256  # px: smaller boxes are cheap enough whole
_SPARSE = 6  # only a hole that covers less than one in so many pixels of its box is cut
CUT_SIDE = 96  # px: pieces of a cut region are not cut further
_PLENTY = 3  # known pixels per hole pixel that a method which copies can choose from
KERNELS = ("inpaintkit.regions:_link_kernel", "inpaintkit.regions:_paint_kernel")  # what every fill needs compiled
_STRIPE = 1 << 17  # px that are looked at together: a core's cache holds them
_THIN = 3  # a hole is cut only where its depth is at most a third of the margin


@dataclass(frozen=True)
class Region:
    """What a method gets at once: a ``crop`` of the picture and the runs of hole pixels it is to fill there."""

    crop: Box
    pixels: int  # hole pixels of its own
    runs: Runs
    piece: Box | None = None  # of a cut region: every hole pixel in here is filled, only the own ones are kept

    def own(self) -> Mask:
        """The pixels this region gives to the result, bool of the crop's shape."""
        own = np.zeros(self.crop.shape, np.bool_)
        _paint_kernel(own, self.runs, self.crop.top, self.crop.left)
        return own

    def hole(self, mask: Mask, own: Mask) -> Mask:
        """The pixels to fill, bool of the crop's shape."""
        if self.piece is None:
            return own.copy()
        hole = np.zeros_like(own)
        hole[self.piece.within(self.crop)] = mask[self.piece.slices]
        return hole


def whole(mask: Mask) -> list[Region]:
    """The hole as one region with the whole picture around it."""
    runs, _ = labelled_runs(mask, 1)
    return [Region(Box.of_shape(mask.shape), int(np.count_nonzero(mask)), runs)] if len(runs) else []


def split(
    mask: Mask,
    *,
    reach: int = 1,
    context: int = 1,
    surround: float = 0.0,
    cut: int | None = None,
    share: bool = True,
) -> list[Region]:
    """Regions of a hole, top to bottom.

    Parameters
    ----------
    mask : bool (H, W), C-contiguous; True is hole.
    reach : hole pixels at most this far apart (rows and columns, in pixels) influence one another.
    context : margin around a region's hole that its crop holds, in pixels.
    surround : further margin, for methods that copy: so many sides of a square as large as the region's hole, and more
        where the crop would hold less than three known pixels for each of the hole's; infinite for the whole picture.
    cut : a long thin hole may be cut where pixels more than this far apart no longer matter to one another; each
        piece is then filled with that margin of its neighbours. None: never cut.
    share : let small regions that lie close share a crop.
    """
    runs, labels = labelled_runs(mask, max(1, reach))
    if not len(runs):
        return []
    boxes, counts = boxes_of(runs, labels)
    side = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    group = np.arange(len(boxes))
    if share:
        group = _groups((boxes[:, :2] + boxes[:, 2:]) // 2 // SHARED, side <= SHARED)
        boxes, counts = _united(boxes, counts, group)
    of_run = group[labels]
    by_group = np.argsort(of_run, kind="stable")
    first = np.searchsorted(of_run[by_group], np.arange(len(boxes) + 1))
    regions: list[Region] = []
    for index, (box, pixels) in enumerate(zip(boxes.tolist(), counts.tolist(), strict=True)):
        top, left, bottom, right = box
        bounds = Box.from_edges(left, top, right, bottom)
        own = runs[by_group[first[index] : first[index + 1]]]
        if cut is not None and bounds.area > max(CUT_AREA, _SPARSE * pixels):
            pieces = _cut(mask, own, bounds, cut, context)
            if pieces:
                regions += pieces
                continue
        regions.append(Region(_crop(mask, bounds, pixels, context, surround), pixels, own))
    return regions


def _crop(mask: Mask, bounds: Box, pixels: int, context: int, surround: float) -> Box:
    """The box with its margin."""
    everything = Box.of_shape(mask.shape)
    if not surround:
        return bounds.grown(context, mask.shape)
    if math.isinf(surround):
        return everything
    margin = context + math.ceil(surround * math.sqrt(pixels))
    while (crop := bounds.grown(margin, mask.shape)) != everything:
        if crop.area - np.count_nonzero(mask[crop.slices]) >= _PLENTY * pixels:
            break
        margin *= 2
    return crop


def labelled_runs(mask: Mask, reach: int) -> tuple[Runs, NDArray[np.int32]]:
    """Runs of hole pixels in raster order, and for each the number of the region that it belongs to."""
    runs = runs_of(mask)
    if not len(runs):
        return runs, np.empty(0, np.int32)
    # Runs of a row that are near one another form a chain; a chain's gaps are too small to lie out of reach of both
    # ends, so rows are linked by chains as exactly as by runs, and there are few.
    begins = np.ones(len(runs), np.bool_)
    begins[1:] = (runs[1:, 0] != runs[:-1, 0]) | (runs[1:, 1] - runs[:-1, 2] >= reach)
    begin = np.flatnonzero(begins)
    spans = np.stack([runs[begin, 1], runs[np.append(begin[1:], len(runs)) - 1, 2]], axis=1)  # (N, 2): start, stop
    region = np.arange(len(spans), dtype=np.int32)
    _link_kernel(region, spans, np.searchsorted(runs[begin, 0], np.arange(mask.shape[0] + 1)), reach)
    return runs, np.repeat(region, np.diff(begin, append=len(runs)))


def runs_of(mask: Mask) -> Runs:
    """Runs of hole pixels in raster order. Of most pictures few rows have any, and no more is looked at."""
    rows = np.flatnonzero(mask.any(axis=1)).astype(np.int32)
    step = max(1, _STRIPE // max(1, mask.shape[1]))
    found = [np.empty((0, 3), np.int32)]
    edged = np.zeros((min(len(rows), step), mask.shape[1] + 2), np.bool_)
    for stripe in np.split(rows, range(step, len(rows), step)):
        some = edged[: len(stripe)]
        some[:, 1:-1] = mask[stripe]
        change = np.flatnonzero(some[:, 1:] != some[:, :-1])  # starts and stops in turn
        row, column = np.divmod(change.astype(np.int32), np.int32(mask.shape[1] + 1))
        found.append(np.stack([stripe[row[::2]], column[::2], column[1::2]], axis=1))
    return np.concatenate(found)


def boxes_of(runs: Runs, labels: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Box (top, left, bottom, right) and number of pixels of each region."""
    number = int(labels.max()) + 1
    row, start, stop = (np.ascontiguousarray(part) for part in runs.T)
    top, left = np.empty(number, row.dtype), np.full(number, stop.max())
    bottom, right = np.empty(number, row.dtype), np.zeros(number, stop.dtype)
    top[labels[::-1]] = row[::-1]  # runs follow the raster, so that the first one's row stays
    bottom[labels] = row + 1
    np.minimum.at(left, labels, start)
    np.maximum.at(right, labels, stop)
    boxes = np.stack([top, left, bottom, right], axis=1).astype(np.int64)
    return boxes, np.bincount(labels, stop - start, number).astype(np.int64)


def painted(shape: tuple[int, int], runs: Runs) -> Mask:
    """A mask of the runs' pixels."""
    mask = np.zeros(shape, np.bool_)
    _paint_kernel(mask, runs, 0, 0)
    return mask


def _groups(cells: NDArray[Any], small: NDArray[np.bool_]) -> NDArray[np.int64]:
    """A group number per region: one per cell of small regions, one for each large region, in order of appearance."""
    key = cells[:, 0] * (int(cells[:, 1].max()) + 1) + cells[:, 1]
    key = np.where(small, key, -1 - np.arange(len(key)))
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[group.reshape(-1)]


def _united(boxes: NDArray[Any], counts: NDArray[Any], group: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    number = int(group.max()) + 1
    united = np.empty((number, 4), boxes.dtype)
    united[:, :2], united[:, 2:] = np.iinfo(boxes.dtype).max, 0
    np.minimum.at(united[:, :2], group, boxes[:, :2])
    np.maximum.at(united[:, 2:], group, boxes[:, 2:])
    return united, np.bincount(group, counts, number).astype(np.int64)


def _cut(mask: Mask, runs: Runs, box: Box, margin: int, context: int) -> list[Region]:
    """Pieces of a long thin region, or nothing where it is too thick for the margin."""
    pieces: list[Region] = []
    todo = [(runs, box)]
    while todo:
        runs, box = todo.pop()
        if max(box.shape) > CUT_SIDE:
            axis, middle = (0, box.top + box.height // 2) if box.height >= box.width else (1, box.left + box.width // 2)
            todo += [(half, _box(half)) for half in _halves(runs, axis, middle)[::-1] if len(half)]
            continue
        filled = box.grown(margin, mask.shape)
        if _is_thick(mask[filled.slices], margin // _THIN):
            return []
        pixels = int((runs[:, 2] - runs[:, 1]).sum())
        pieces.append(Region(filled.grown(context, mask.shape), pixels, runs, filled))
    return pieces


def _halves(runs: Runs, axis: int, middle: int) -> tuple[Runs, Runs]:
    if axis == 0:
        at = int(np.searchsorted(runs[:, 0], middle))
        return runs[:at], runs[at:]
    first, second = runs[runs[:, 1] < middle].copy(), runs[runs[:, 2] > middle].copy()
    np.minimum(first[:, 2], middle, out=first[:, 2])
    np.maximum(second[:, 1], middle, out=second[:, 1])
    return first, second


def _box(runs: Runs) -> Box:
    return Box.from_edges(int(runs[:, 1].min()), int(runs[0, 0]), int(runs[:, 2].max()), int(runs[-1, 0]) + 1)


def _is_thick(mask: Mask, depth: int) -> bool:
    """Whether some hole pixel lies more than ``depth`` from the rim."""
    element = np.ones((2 * depth + 1, 2 * depth + 1), np.uint8)
    return bool(cv2.erode(mask.view(np.uint8), element, borderValue=1).any())


@kernel()
def _link_kernel(region: I32x1, spans: I32x2, first: I64x1, reach: int) -> None:
    """Put the number of each span's region into ``region``, numbered by first appearance.

    Parameters
    ----------
    region : int32 (N,), 0 to N - 1 at first.
    spans : int32 (N, 2), start and stop of the hole's runs, row by row.
    first : int64 (H + 1,), index of each row's first span.
    """
    for row in range(len(first) - 1):
        for above in range(row - reach if row > reach else 0, row):
            j = first[above]
            stop = first[above + 1]
            for i in range(first[row], first[row + 1]):
                while j < stop and spans[j, 1] - 1 < spans[i, 0] - reach:
                    j += 1
                k = j
                while k < stop and spans[k, 0] <= spans[i, 1] - 1 + reach:
                    unite_kernel(region, i, k)
                    k += 1
    number = 0
    for i in range(len(region)):
        if region[i] == i:
            region[i] = number
            number += 1
        else:
            region[i] = region[region[i]]  # a leader is earlier, so numbers follow the raster


@kernel()
def _paint_kernel(hole: Bool2, runs: I32x2, top: int, left: int) -> None:
    for i in range(len(runs)):
        hole[runs[i, 0] - top, runs[i, 1] - left : runs[i, 2] - left] = True
