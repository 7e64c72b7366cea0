"""Fill by copying along the picture's own periods: every hole pixel takes the colour at one of a few shifts.

What repeats differs little from itself when it is shifted by its period. So the shifts at which the crop's known pixels
differ least from one another, on the whole, are the candidates, and each hole pixel takes the one at which the known
pixels around it differ least: along the dots of a screen, along a line, along the courses of a wall. Nothing is mixed:
every colour that comes out is one that was there, and what repeats stays in step.

After K. He and J. Sun, "Statistics of Patch Offsets for Image Completion", ECCV 2012, whose choice among the shifts is
a cut through a graph; doi:10.1007/978-3-642-33709-3_2
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.problem import Image, Mask, Problem

Shifts = NDArray[np.int64]

_NUMBER = 80  # of candidates
_MIN_REACH = 48  # px of a shift, in rows and columns, or twice as far as the hole is deep
_SHARE = 0.1  # of the known pixels that have a known one at a shift, at least
_SIDES = 11, 21, 41, 81, 161  # px: squares in which known pixels are compared, the smallest that holds enough of them
_ENOUGH = 0.25  # of a square


def shifts(problem: Problem) -> Image:
    """Fill a hole by copies from a few shifts; what no shift reaches takes the nearest known colour.

    Parameters
    ----------
    problem : the region to fill, any number of channels.
    """
    image, known, hole = problem.image.copy(), problem.known.copy(), problem.hole
    depth = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_C, cv2.DIST_MASK_3)
    reach = max(_MIN_REACH, round(2 * float(depth[hole].max(initial=0))))
    candidates = _candidates(image, known, reach)
    while (hole & ~known).any():
        done = _copied(image, known, hole & ~known, candidates)
        if not done.any():
            return _nearest(image, known)
        known |= done  # what is filled may be copied on
    return image


def _candidates(image: Image, known: Mask, reach: int) -> Shifts:
    """The shifts, down and right (N, 2), at which known pixels differ least from known ones on the mean."""
    size = tuple(cv2.getOptimalDFTSize(side + reach) for side in known.shape)
    seen = known.astype(np.float64)

    def spectrum(values: NDArray[np.float64]) -> NDArray[np.complex128]:
        return np.asarray(np.fft.rfft2(values, size))

    mask = spectrum(seen)
    both = np.abs(mask) ** 2
    off = np.zeros_like(mask)
    for channel in np.moveaxis(image.astype(np.float64) * seen[..., None], 2, 0):
        squares = np.conj(spectrum(channel**2)) * mask
        off += squares + np.conj(squares) - 2 * np.abs(spectrum(channel)) ** 2
    number, differ = (np.fft.irfft2(each, size) for each in (both, off))
    way = np.arange(-reach, reach + 1)
    at = np.ix_(way % size[0], way % size[1])
    number, differ = number[at], differ[at] / np.maximum(number[at], 1)
    down, right = np.meshgrid(way, way, indexing="ij")
    usable = (number >= _SHARE * np.count_nonzero(known)) & (np.maximum(np.abs(down), np.abs(right)) > 1)
    alike = np.where(usable, differ.round(6), np.inf)
    best = np.lexsort((np.hypot(down, right).ravel(), alike.ravel()))[:_NUMBER]  # of those as good, the shortest
    best = best[usable.ravel()[best]]
    return np.stack([down.ravel()[best], right.ravel()[best]], axis=1)


def _copied(image: Image, known: Mask, missing: Mask, candidates: Shifts) -> Mask:
    """Fill what is missing from the shifts that fit best around each pixel; which pixels were filled, bool (H, W)."""
    source = image.copy()
    done: Mask = np.zeros_like(missing)
    seen = known.astype(np.float32)
    for side in _SIDES:
        left = missing & ~done
        if not left.any():
            break
        best = np.full(known.shape, np.inf, np.float32)
        for down, right in candidates:
            here, there = _overlap(known.shape, int(down), int(right))
            both = seen[here] * seen[there]
            off = np.square(source[here] - source[there]).sum(axis=2) * both
            around = cv2.boxFilter(both, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
            differ = cv2.boxFilter(off, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
            score = np.where(around > _ENOUGH * side * side, differ / np.maximum(around, 1), np.inf)
            better = left[here] & known[there] & (score < best[here] - 1e-6)
            best[here][better] = score[better]
            image[here][better] = source[there][better]
        done |= np.isfinite(best)
    return done


def _overlap(shape: tuple[int, ...], down: int, right: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where a picture overlaps with itself shifted, and where what comes there is taken from."""
    here = tuple(slice(max(0, -step), side - max(0, step)) for side, step in zip(shape, (down, right), strict=True))
    there = tuple(slice(max(0, step), side - max(0, -step)) for side, step in zip(shape, (down, right), strict=True))
    return here, there


def _nearest(image: Image, known: Mask) -> Image:
    """A picture whose unknown pixels have the colour of the nearest known one."""
    _, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    place = np.zeros(labels.max() + 1, np.int64)
    place[labels[known]] = np.flatnonzero(known)
    return np.where(known[..., None], image, image.reshape(-1, image.shape[2])[place[labels]])
