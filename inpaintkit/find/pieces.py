"""What was found, one by one, as a person would count: a line of text, a scratch, a speck, a patch of a colour.

The finders of text and of scratches number their lines. What else is proposed is counted by connected parts, and where
these are too many for a list, small ones that lie in one square of the picture count as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inpaintkit.box import Box
from inpaintkit.find.kinds import FINDERS, Mode
from inpaintkit.find.scoring import Labels
from inpaintkit.problem import Image, Mask

MANY = 200  # of one kind: so many can still be looked at one by one
_SQUARE = 8  # px: the side of the smallest square whose small parts count as one
_SUREST = 1e6  # odds that no piece exceeds


@dataclass(frozen=True)
class Found:
    """One thing found.

    Attributes
    ----------
    number : its own in ``FindInfo.labels``, from 1.
    kind : that of the finder, or "colour".
    box : around all of it.
    pixels : how many it has.
    confidence : in [0, 1], the mean of its pixels.
    """

    number: int
    kind: str
    box: Box
    pixels: int
    confidence: float

    @property
    def odds(self) -> float:
        """That it is damage, to 1: a confidence of 0.75 is 3."""
        return min(self.confidence / max(1 - self.confidence, 1 / _SUREST), _SUREST)

    @property
    def mode(self) -> Mode:
        """How it lies over the picture: "cover", "add" (light) or "multiply", as ``remove_overlay`` takes it."""
        return FINDERS[self.kind].mode if self.kind in FINDERS else "cover"


def counted(mask: Mask, lines: Mapping[str, Labels], rest: str) -> tuple[Labels, list[str]]:
    """The number of the piece of each proposed pixel, int32 (H, W), 0 elsewhere; and the kind of each, from 1 on.

    Parameters
    ----------
    mask : bool (H, W), all that is proposed.
    lines : for each kind that has lines, the number of each pixel's; where two kinds claim a pixel, the first has it.
    rest : the kind of what is in no line.
    """
    labels: Labels = np.zeros(mask.shape, np.int32)
    kinds: list[str] = []
    for kind, numbers in lines.items():
        _add(labels, np.where(mask & (labels == 0), numbers, 0), kind, kinds)
    parts = cv2.connectedComponentsWithStats((mask & (labels == 0)).astype(np.uint8), connectivity=8)
    _add(labels, _few(*parts[1:3])[parts[1]], rest, kinds)
    return labels, kinds


def _add(labels: Labels, numbers: Labels, kind: str, kinds: list[str]) -> None:
    """Give the pieces of a kind, numbered anyhow, the numbers that follow."""
    there = numbers > 0
    pixels = np.bincount(numbers[there])
    following = np.cumsum(pixels > 0) + len(kinds)
    labels[there] = following[numbers[there]]
    kinds += [kind] * int(np.count_nonzero(pixels))


def _few(parts: Labels, stats: NDArray[np.int32]) -> Labels:
    """The number of the piece of each connected part: its own, or that of its square of the picture."""
    corner, size = stats[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]], stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    own, side = np.arange(len(stats)), _SQUARE
    numbers = own
    while len(np.unique(numbers)) > MANY + 1 and side < 2 * max(parts.shape):
        across, down = ((corner + size // 2) // side).T
        square = len(stats) + down * (max(parts.shape) // side + 1) + across
        numbers = np.where((size.max(axis=1) > side) | (own == 0), own, square)
        side *= 2
    return np.unique(numbers, return_inverse=True)[1].astype(np.int32)


def listed(labels: Labels, kinds: list[str], confidence: Image) -> tuple[Found, ...]:
    """The pieces in the order of their numbers. confidence : float32 (H, W)."""
    there = labels > 0
    pixels = np.bincount(labels[there], minlength=len(kinds) + 1)
    trust = np.bincount(labels[there], confidence[there], minlength=len(kinds) + 1)
    return tuple(
        Found(
            number,
            kind,
            Box.from_edges(columns.start, rows.start, columns.stop, rows.stop),
            int(pixels[number]),
            float(trust[number] / pixels[number]),
        )
        for number, (kind, (rows, columns)) in enumerate(zip(kinds, ndimage.find_objects(labels), strict=True), 1)
    )
