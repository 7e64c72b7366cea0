"""What changes from picture to picture, as dates do, though it shares some strokes; and what stands on its line."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from inpaintkit.box import Box
from inpaintkit.overlay.fitting import Series
from inpaintkit.picture import grow
from inpaintkit.problem import Mask

_TOUCH = 1  # px from a part of which another is still the same one
_AGAINST = 0.07  # of the evidence, what may speak against what stands still
_CELL, _FEWEST_PIXELS = 6, 12  # px of the squares in which that is looked at, and pixels in each
_OF_CELL, _SURE, _FEWEST = 0.12, 20.0, 2  # the same of a square; a likelihood's logarithm, and so many pictures with it
_OF_PART = 0.18  # of a part's squares
_GAP, _OVERLAP = 2.0, 0.5  # heights between parts of a line; of the smaller height, what they share


def changing(series: Series) -> Mask:
    """Pixels, bool (H, W), that are something else in each picture, and those beside them on their line.

    A part that stands still makes every picture likelier, a digit only those that have it.
    """
    shape = series.hole.shape
    there = np.zeros(shape, np.bool_)
    there.reshape(-1)[series.graph.at] = there.reshape(-1)[series.opaque] = True
    labels, number = ndimage.label(grow(there, _TOUCH), np.ones((3, 3)))
    if not number or not len(series.graph):
        return np.zeros_like(there)
    rows, columns = np.divmod(series.graph.at, shape[1])
    _, first, cell = np.unique(rows // _CELL * shape[1] + columns // _CELL, return_index=True, return_inverse=True)
    likelier = series.likelier_without(cell, len(first))
    against, total = np.maximum(likelier, 0).sum(axis=0), np.abs(likelier).sum(axis=0)
    if against.sum() > _AGAINST * total.sum():
        return there
    part = labels.reshape(-1)[series.graph.at[first]] - 1
    looked = np.bincount(cell) >= _FEWEST_PIXELS
    differ = looked & (against > _OF_CELL * total) & (np.count_nonzero(likelier > _SURE, axis=0) >= _FEWEST)
    differing, all_cells = (np.bincount(part, which, number) for which in (differ, looked))
    change = (differing >= _FEWEST) & (differing > _OF_PART * all_cells)
    boxes = [Box.from_edges(c.start, r.start, c.stop, r.stop) for r, c in ndimage.find_objects(labels)]
    waiting = np.flatnonzero(change).tolist()
    while waiting:
        one = boxes[waiting.pop()]
        for other in np.flatnonzero(~change).tolist():
            if _on_one_line(one, boxes[other]):
                change[other] = True
                waiting.append(other)
    found: Mask = np.concatenate([[False], change])[labels] & there
    return found


def _on_one_line(one: Box, other: Box) -> bool:
    low, high = min(one.height, other.height), max(one.height, other.height)
    down, across = one.overlap(other)
    return down >= _OVERLAP * low and -across <= _GAP * high
