"""A large picture as jobs for one network each: the coarsest level whole, every finer level in overlapping tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from inpaintkit.arrays import F32x2, F64x1
from inpaintkit.problem import Mask


@dataclass(frozen=True)
class Job:
    """What one network is fitted to: rows and columns of a level of the pyramid.

    Attributes
    ----------
    level : 0 is the full picture, each further one half as large.
    rows, columns : the tile.
    share : the job's part of all the work, 0 to 1.
    """

    level: int
    rows: slice
    columns: slice
    share: float

    def weights(self, shape: tuple[int, int], overlap: int) -> F32x2:
        """Weights above 0, (rows, columns), that fall off towards the sides where another tile follows.

        Parameters
        ----------
        shape : height and width of the level.
        overlap : of neighbouring tiles, in pixels.
        """
        return np.outer(_ramp(self.rows, shape[0], overlap), _ramp(self.columns, shape[1], overlap)).astype(np.float32)


def _ramp(span: slice, side: int, overlap: int) -> F64x1:
    at = np.arange(span.start, span.stop) + 0.5
    before, after = at - span.start if span.start else np.inf, span.stop - at if span.stop < side else np.inf
    return np.asarray(np.clip(np.minimum(before, after) / overlap, 0, 1) * np.ones(len(at)))


def jobs_of(holes: list[Mask], tile: int, runs: int) -> list[Job]:
    """The jobs of a pyramid's levels, coarse to fine, ``runs`` of each; a tile without a hole is left out."""
    jobs = []
    for level in reversed(range(len(holes))):
        height, width = holes[level].shape
        whole = level == len(holes) - 1 and height * width <= tile**2
        for rows in [slice(0, height)] if whole else spans(height, tile):
            for columns in [slice(0, width)] if whole else spans(width, tile):
                if holes[level][rows, columns].any():
                    pixels = (rows.stop - rows.start) * (columns.stop - columns.start)
                    jobs += [Job(level, rows, columns, float(pixels))] * runs
    total = sum(job.share for job in jobs)
    return [replace(job, share=job.share / total) for job in jobs]


def halvings(shape: tuple[int, ...], tile: int) -> int:
    """How often a picture of ``shape`` is halved until it is no larger than a tile."""
    return max(0, math.ceil(math.log2(math.sqrt(shape[0] * shape[1]) / tile)))


def overlap_of(tile: int) -> int:
    """Pixels by which tiles of this side overlap."""
    return tile // 8


def spans(side: int, tile: int) -> list[slice]:
    """Equal spans of at most ``tile`` pixels that overlap and cover a side."""
    overlap = overlap_of(tile)
    number = max(1, math.ceil((side - overlap) / (tile - overlap)))
    length = min(side, math.ceil((side + (number - 1) * overlap) / number))
    starts = [round(i * (side - length) / max(1, number - 1)) for i in range(number)]
    return [slice(start, start + length) for start in starts]
