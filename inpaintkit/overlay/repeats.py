"""Letters drawn alike, as type is: what one of them says of its opacity holds for all.

Connected parts of the overlay that cover the same pixels within their errors are one letter. Their opacities are
averaged by inverse variances, so that different backgrounds cancel out.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from inpaintkit.box import Box
from inpaintkit.overlay.background import Values
from inpaintkit.overlay.opacity import Evidence
from inpaintkit.problem import Mask

_PART = 0.5  # of the opacity of covered pixels: beyond it a pixel belongs to a letter's body
_MARGIN = 1  # px around the body, its soft edge
_FEWEST = 4  # pixels of a body
_ALIKE = 1.6  # mean squared difference, in variances, of letters that are one
_FAR, _FEW = 16.0, 0.02  # squared difference of a pixel that is not the same, and the share of such
_OWN = 0.02  # by which equal letters may differ, of full opacity


@dataclass(eq=False)
class _Letter:
    """Sums over equal letters: of opacity by inverse variance, and of these, (h, w)."""

    weighted: Values
    weight: Values
    boxes: list[Box]

    def fits(self, share: Values, variance: Values) -> bool:
        mean = self.weighted / self.weight
        off = np.square(share - mean) / (variance + 1 / self.weight + _OWN**2)
        return float(off.mean()) < _ALIKE and float((off > _FAR).mean()) <= _FEW


def shared(found: Evidence, mean: Values, hole: Mask, opacity: float) -> Evidence:
    """The evidence of a hole's pixels with that of equal letters.

    Parameters
    ----------
    mean : float64 (H, W), the opacities so far.
    opacity : of covered pixels.
    """
    share, variance = np.zeros(hole.shape), np.full(hole.shape, 1e-6)
    share[hole], variance[hole] = found.share, found.deviation**2
    letters: dict[tuple[int, int], list[_Letter]] = {}
    for box in _boxes(mean > _PART * opacity):
        part = share[box.slices], variance[box.slices]
        same = letters.setdefault(box.shape, [])
        letter = next((letter for letter in same if letter.fits(*part)), None)
        if letter is None:
            letter = _Letter(np.zeros(box.shape), np.zeros(box.shape), [])
            same.append(letter)
        letter.weighted += part[0] / part[1]
        letter.weight += 1 / part[1]
        letter.boxes.append(box)
    return _merged(found, share, variance, hole, opacity, [one for same in letters.values() for one in same])


def _merged(
    found: Evidence, share: Values, variance: Values, hole: Mask, opacity: float, letters: list[_Letter]
) -> Evidence:
    changed = np.zeros(hole.shape, np.bool_)
    for letter in letters:
        if len(letter.boxes) == 1:
            continue
        for box in letter.boxes:
            share[box.slices] = letter.weighted / letter.weight
            variance[box.slices] = 1 / letter.weight + _OWN**2 / len(letter.boxes) * 0.01
            changed[box.slices] = True
    new, deviation = share[hole], np.sqrt(variance[hole])
    core, none = -0.5 * ((opacity - new) / deviation) ** 2, -0.5 * (new / deviation) ** 2
    own = ~changed[hole]
    return Evidence(new, deviation, np.where(own, found.core, core), np.where(own, found.none, none))


def _boxes(body: Mask) -> list[Box]:
    """Around each connected part, with its edge, where that lies in the picture."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(body.astype(np.uint8), connectivity=8)
    boxes = []
    for left, top, width, height, pixels in stats[1:count].tolist():
        box = Box(left - _MARGIN, top - _MARGIN, width + 2 * _MARGIN, height + 2 * _MARGIN)
        inside = box.left >= 0 and box.top >= 0 and box.right <= body.shape[1] and box.bottom <= body.shape[0]
        if pixels >= _FEWEST and inside:
            boxes.append(box)
    return boxes
