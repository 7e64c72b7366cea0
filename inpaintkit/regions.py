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

from inpaintkit.arrays import Bool2, I32x1, I32x2, I64x1, I64x2, U8x1
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
    flat = mask.reshape(-1).view(np.uint8)
    flat.flags.writeable = False  # one type for the kernel, whatever the caller's mask allows
    found: tuple[Runs, NDArray[np.int32]] = _runs_kernel(flat, mask.shape[0], mask.shape[1], reach)
    return found


def boxes_of(runs: Runs, labels: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Box (top, left, bottom, right) and number of pixels of each region."""
    found: tuple[NDArray[np.int64], NDArray[np.int64]] = _boxes_kernel(runs, labels, int(labels.max()) + 1)
    return found


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
def _runs_kernel(mask: U8x1, height: int, width: int, reach: int) -> tuple[I32x2, I32x1]:
    """Runs of hole pixels in raster order, and for each the number of its region (numbered by first appearance)."""
    runs = np.empty((1024, 3), np.int32)
    count = 0
    words = mask[: mask.size // 8 * 8].view(np.uint64)
    row_first = np.zeros(height + 1, np.int64)  # index of each row's first run
    at = 0
    row = 0
    while at < mask.size:
        if not mask[at]:
            at += 1
            if at % 8 == 0:
                while at // 8 < words.size and words[at // 8] == 0:
                    at += 8
            continue
        while at >= (row + 1) * width:
            row += 1
            row_first[row] = count
        start = at - row * width
        while at < (row + 1) * width and mask[at]:
            at += 1
        if count == len(runs):
            longer = np.empty((2 * count, 3), np.int32)
            longer[:count] = runs
            runs = longer
        runs[count, 0] = row
        runs[count, 1] = start
        runs[count, 2] = at - row * width
        count += 1
    row_first[row + 1 :] = count

    # Runs of a row that are near one another form a chain; a chain's gaps are too small to lie out of reach of both
    # ends, so rows are linked by chains as exactly as by runs, and there are few.
    chain = np.empty(count, np.int32)
    spans = np.empty((count, 2), np.int32)  # start, stop
    first = np.zeros(height + 1, np.int64)  # index of each row's first chain
    chains = 0
    for row in range(height):
        first[row] = chains
        for i in range(row_first[row], row_first[row + 1]):
            if i > row_first[row] and runs[i, 1] - runs[i - 1, 2] < reach:
                spans[chains - 1, 1] = runs[i, 2]
            else:
                spans[chains, 0] = runs[i, 1]
                spans[chains, 1] = runs[i, 2]
                chains += 1
            chain[i] = chains - 1
    first[height] = chains

    parent = np.arange(chains).astype(np.int32)
    for row in range(height):
        for above in range(max(0, row - reach), row):
            j = first[above]
            stop = first[above + 1]
            for i in range(first[row], first[row + 1]):
                while j < stop and spans[j, 1] - 1 < spans[i, 0] - reach:
                    j += 1
                k = j
                while k < stop and spans[k, 0] <= spans[i, 1] - 1 + reach:
                    unite_kernel(parent, i, k)
                    k += 1
    number_of = np.empty(chains, np.int32)
    number = 0
    for i in range(chains):
        if parent[i] == i:
            number_of[i] = number
            number += 1
        else:
            number_of[i] = number_of[parent[i]]  # a parent is earlier, so numbers follow the raster
    labels = np.empty(count, np.int32)
    for i in range(count):
        labels[i] = number_of[chain[i]]
    return runs[:count].copy(), labels


@kernel()
def _boxes_kernel(runs: I32x2, labels: I32x1, number: int) -> tuple[I64x2, I64x1]:
    """Box (top, left, bottom, right) and pixel count of each region."""
    boxes = np.empty((number, 4), np.int64)
    counts = np.zeros(number, np.int64)
    for i in range(len(runs)):
        row, start, stop = runs[i, 0], runs[i, 1], runs[i, 2]
        region = labels[i]
        if counts[region] == 0:
            boxes[region, 0] = row
            boxes[region, 1] = start
            boxes[region, 3] = stop
        boxes[region, 1] = min(boxes[region, 1], start)
        boxes[region, 2] = row + 1
        boxes[region, 3] = max(boxes[region, 3], stop)
        counts[region] += stop - start
    return boxes, counts


@kernel()
def _paint_kernel(hole: Bool2, runs: I32x2, top: int, left: int) -> None:
    for i in range(len(runs)):
        hole[runs[i, 0] - top, runs[i, 1] - left : runs[i, 2] - left] = True
