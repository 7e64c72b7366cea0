"""Dust by top-hats: what an opening by a disc takes away is a spot if it is small, sharp and alone.

Discs and thresholds of several sizes give candidates, as extremal regions do; the ring around each tells what it stands
out from and whether anything there stands out as well. The dust of one picture is of one colour, nearly white or
black: spots beyond doubt tell which, and the rest must agree. What passes is marked out to where its edge ends.

    I        brightness, the least channel for bright spots and the negative of the largest for dark ones
    top-hat  I less its opening
    ring     from 2 to 5 px around a spot's box
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.evidence import bright_side, crowd, dark_side
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

_DISCS = (7, 15)  # px across, more than the spots that they find
_STEPS = (16, 32, 64, 112)  # grey levels that a spot stands out by
_COUNTED = 1.0  # evidence of a spot that is no longer taken for texture, since dust may lie thick
_CERTAIN = 1.8  # evidence of a spot from whose brightness that of all dust is taken
_ENOUGH = 3  # such spots
_WHITE = 0.9  # brightness of dust where they are fewer
_FEW = 10  # px: their sides in all that mean little, when those of bright and of dark spots are compared
_GRAIN = 3.0  # times the usual top-hat around is no more than texture
_COARSE = 4  # px: the grid on which that is measured
_TEXTURE = 31  # of that grid, the square in which it is
_BESIDE, _RING = 2, 5  # px


@dataclass(frozen=True, eq=False)
class Spots:
    """Candidates: boxes int32 (N, 4), area (N,), what ``_ring_kernel`` saw (N, 7), and evidence for each alone (N,)."""

    boxes: NDArray[Any]
    area: NDArray[Any]
    seen: Image
    alone: NDArray[np.float64]


@kernel()
def _ring_kernel(image: Any, labels: Any, which: Any, boxes: Any, seen: Any) -> None:
    """Measure candidates.

    which : int (N,), their labels; boxes : int32 (N, 4), left, top, width, height; seen : float32 (N, 7), the ring's
    mean, standard deviation and brightest pixel, the candidate's own brightest, how sharp it is: pixels above three
    quarters of its contrast as a share of those above one quarter, and row and column of the brightest.
    """
    height, width = image.shape
    for index in range(len(boxes)):
        left, top, wide, high = boxes[index]
        peak: Any = np.float32(0)
        brightest: Any = np.float32(0)
        total, square, count = 0.0, 0.0, 0
        for y in range(max(0, top - _RING), min(height, top + high + _RING)):
            for x in range(max(0, left - _RING), min(width, left + wide + _RING)):
                value = image[y, x]
                outside = y < top - _BESIDE or y >= top + high + _BESIDE
                outside = outside or x < left - _BESIDE or x >= left + wide + _BESIDE
                if labels[y, x] == which[index]:
                    if value > peak:
                        peak = value
                        seen[index, 5], seen[index, 6] = y, x
                elif outside:
                    total += value
                    square += value * value
                    brightest = max(brightest, value)
                    count += 1
        mean = total / max(1, count)
        contrast: Any = max(peak - mean, 1e-3)
        core, whole = 0, 0
        for y in range(max(0, top - _BESIDE), min(height, top + high + _BESIDE)):
            for x in range(max(0, left - _BESIDE), min(width, left + wide + _BESIDE)):
                core += image[y, x] - mean >= 0.75 * contrast
                whole += image[y, x] - mean >= 0.25 * contrast
        seen[index, 0] = mean
        seen[index, 1] = np.sqrt(max(0.0, square / max(1, count) - mean * mean))
        seen[index, 2] = brightest
        seen[index, 3] = peak
        seen[index, 4] = (core + 0.5) / (whole + 0.5)


@kernel()
def _mark_kernel(image: Any, boxes: Any, seen: Any, trust: Any, mask: Any, confidence: Any) -> None:
    """Mark what stands out of the rings in the boxes of candidates that are dust."""
    height, width = image.shape
    for index in range(len(boxes)):
        left, top, wide, high = boxes[index]
        contrast = seen[index, 3] - seen[index, 0]
        least = seen[index, 0] + min(max(0.12 * contrast, seen[index, 1]), 0.5 * contrast)
        for y in range(max(0, top - _BESIDE), min(height, top + high + _BESIDE)):
            for x in range(max(0, left - _BESIDE), min(width, left + wide + _BESIDE)):
                if image[y, x] >= least:
                    mask[y, x] = True
                    confidence[y, x] = max(confidence[y, x], trust[index])


def find_dust(image: Image, *, sensitivity: float = 0.5) -> tuple[Mask, Image]:
    """Small isolated spots, bright or dark, up to a dozen pixels across.

    Parameters
    ----------
    image : float32 (H, W, C) in [0, 1], C = 1 or 3.
    sensitivity : in [0, 1]: 0 proposes only the certain, 1 everything plausible.

    Returns
    -------
    mask : bool (H, W), the spots out to where their edges end.
    confidence : float32 (H, W) in [0, 1], 0 where nothing is proposed.

    Examples
    --------
    >>> picture = np.full((60, 60, 1), 0.4, np.float32)
    >>> picture[30:33, 20:24] = 0.9
    >>> mask, confidence = find_dust(picture)
    >>> int(mask.sum()), bool(mask[30:33, 20:24].all())
    (12, True)
    """
    mask = np.zeros(image.shape[:2], np.bool_)
    confidence = np.zeros(image.shape[:2], np.float32)
    sides = bright_side(image), dark_side(image)
    found = threads.run(lambda pair: _candidates(*pair), (sides, sides[::-1]))
    certain = [float(np.sqrt(spots.area[spots.alone > _CERTAIN]).sum()) for spots in found]
    for picture, spots, own, others in zip(sides, found, certain, certain[::-1], strict=True):
        worth = spots.alone + _alike(spots) + 0.5 * math.log((own + _FEW) / (others + _FEW))
        keep = worth > 4 - 8 * sensitivity
        trust = 1 / (1 + np.exp(-worth[keep]))
        _mark_kernel(picture, spots.boxes[keep], spots.seen[keep], trust, mask, confidence)
    return mask, confidence


def _candidates(picture: Image, other: Image) -> Spots:
    """What may be bright spots of a picture (H, W), of which ``other`` is the other side."""
    levels = np.rint(picture * 255).astype(np.uint8)
    parts = []
    for across in _DISCS:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across))
        hat = cv2.morphologyEx(levels, cv2.MORPH_TOPHAT, disc)
        usual = cv2.medianBlur(np.ascontiguousarray(hat[::_COARSE, ::_COARSE]), _TEXTURE)
        texture = np.minimum(_GRAIN * cv2.resize(usual, hat.shape[::-1], interpolation=cv2.INTER_NEAREST), 255)
        for step in _STEPS:
            stands = hat > np.maximum(texture, step)
            _, labels, stats, _ = cv2.connectedComponentsWithStats(stands.view(np.uint8), connectivity=8)
            small = (stats[:, cv2.CC_STAT_WIDTH] <= across) & (stats[:, cv2.CC_STAT_HEIGHT] <= across)
            small[0] = False  # what does not stand out
            which = np.flatnonzero(small)
            boxes, area = stats[which, : cv2.CC_STAT_AREA], stats[which, cv2.CC_STAT_AREA]
            seen = np.zeros((len(which), 7), np.float32)
            _ring_kernel(picture, labels, which, boxes, seen)
            parts.append((boxes, area, seen, _evidence(boxes, area, seen, other)))
    return Spots(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _evidence(boxes: NDArray[Any], area: NDArray[Any], seen: Image, other: Image) -> NDArray[np.float64]:
    """How much speaks for each candidate being dust, whatever the others are.

    Sharpness and compactness speak for it; a ring that varies or holds something as bright, an oblong box, colour, and
    others like it around speak against it. The weights, and those of what spots have in common, are of a logistic
    regression over candidates in scikit-image's photographs with dust drawn on them, rounded.
    """
    left, top, wide, high = boxes.astype(np.int64).T
    mean, spread, brightest, peak, sharp = seen[:, :5].T.astype(np.float64)
    contrast = np.maximum(peak - mean, 1 / 255)
    row, column = seen[:, 5:].T.astype(np.int64)
    alone: NDArray[np.float64] = (
        3.6 * sharp
        + 0.9 * area / (wide * high)
        + 0.1 * np.log(contrast)
        + 0.1 * np.log(area)
        - 0.9 * np.minimum(spread / contrast, 2)
        - 1.0 * np.clip((brightest - mean) / contrast, -1, 2)
        - 1.2 * np.abs(np.log(wide / high))
        - 6.0 * np.minimum(np.abs(1 - other[row, column] - peak), 0.5)
        - 0.7
    )
    around = crowd(top + high // 2, left + wide // 2, contrast, alone < _COUNTED, other.shape)
    return np.asarray(alone - 0.8 * np.log(np.maximum(around, 1)))


def _alike(spots: Spots) -> NDArray[np.float64]:
    """What speaks against each spot for differing from the certain ones: the dust of one picture is of one colour."""
    peak = spots.seen[:, 3].astype(np.float64)
    certain = peak[spots.alone > _CERTAIN]
    usual = np.median(certain) if len(certain) >= _ENOUGH else _WHITE
    return np.asarray(-6.2 * np.minimum(np.abs(peak - usual), 0.5))
