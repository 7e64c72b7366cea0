"""Colour that was stored at half the resolution, as JPEG's 4:2:0 does: halved, and interpolated when read.

The mean opacity of four pixels is what colour differences see; read again, they bleed past the letters' edge.
"""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.overlay.background import Values
from inpaintkit.overlay.opacity import Evidence
from inpaintkit.problem import Mask

Kind = TypeVar("Kind", bound=np.generic)

SAMPLING = 2, 2  # pixels that share one value of colour
_SHARPENINGS = 4  # rounds in which interpolation is undone
_KERNEL = np.array([0.125, 0.75, 0.125])  # what interpolating by 3 : 1 and averaging pairs make of a row


def halved(seen: Values) -> Values:
    """A picture (h, w, 3), mixed, at half the resolution: luma averaged, colour differences as they were stored."""
    small = averaged(seen)
    stored = small[..., 1:].copy()
    for _ in range(_SHARPENINGS):
        stored += small[..., 1:] - cv2.sepFilter2D(stored, -1, _KERNEL, _KERNEL, borderType=cv2.BORDER_REPLICATE)
    small[..., 1:] = stored
    return small


def any_of_four(hole: Mask) -> Mask:
    """A mask at half the resolution."""
    found: Mask = averaged(hole.astype(np.float64)) > 0
    return found


def doubled(values: NDArray[Kind], shape: tuple[int, ...]) -> NDArray[Kind]:
    """Each value four times, in an array of the given height and width."""
    return np.repeat(np.repeat(values, 2, 0), 2, 1)[: shape[0], : shape[1]]


def sharing(said: Evidence, hole: Mask, mean: Values, variance: Values) -> Evidence:
    """Evidence of a hole's pixels, with the mean and its variance of each four of them, at half the resolution."""
    share, own = np.zeros(hole.shape), np.zeros(hole.shape)
    share[hole], own[hole] = said.share, said.deviation**2
    gap = mean - averaged(share)
    known = averaged(own) / 4 + variance + 1e-6
    twice = doubled(np.stack([gap, known], -1), hole.shape)[hole]
    gain = said.deviation**2 / 4 / twice[:, 1]
    new = said.share + gain * twice[:, 0]
    left = np.maximum(said.deviation**2 * (1 - gain / 4), 1e-8)
    return Evidence(new, np.sqrt(left), said.core, said.none)


def gap(opacity: Values, half: Values, where: Mask) -> float:
    """Root mean square of the difference of an opacity (h, w) and one at half the resolution, around some pixels."""
    near = any_of_four(where)
    return float(np.sqrt(np.mean(np.square(averaged(opacity) - half)[near]))) if near.any() else 0.0


def averaged(values: Values) -> Values:
    """Means of two by two pixels; an odd row or column counts twice."""
    rows, columns = (side % 2 for side in values.shape[:2])
    even = np.pad(values, ((0, rows), (0, columns), *((0, 0),) * (values.ndim - 2)), mode="edge")
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
