"""The masked pyramid of coarse-to-fine methods: known pixels are averaged, and nothing else leaks in.

Halving is normalised convolution (Knutsson and Westin 1993): with k = [1 3 3 1] / 8 along rows and columns,

    image' = k * (known image) / k * known,        weight = k * known / k * 1,

so that a coarse pixel's image' is the mean over the known pixels under its kernel, and its weight their share. Sums
are carried from level to level undivided: every level is a weighted mean of the finest level's known pixels. Fine
pixel (y, x) has the parent (y // 2, x // 2), whose centre is that of its four children; doubling bilinearly is the
transpose of halving. doi:10.1109/CVPR.1993.341081
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from inpaintkit import threads
from inpaintkit.arrays import Array, F64x2
from inpaintkit.problem import NEUTRAL, Image, Mask

_HALVING = np.array([1, 3, 3, 1]) / 8  # k
_BAND = 128  # rows of a half that are made at once


@dataclass(frozen=True, eq=False)
class Level:
    """One size of the picture.

    Attributes
    ----------
    image : float32 (h, w, C), 0.5 wherever nothing is known.
    known : bool (h, w), pixels with enough known weight under their kernel.
    hole : bool (h, w), pixels to fill. What is neither hole nor known is void: not to be filled, and never a source.
    """

    image: Image
    known: Mask
    hole: Mask


def masked_pyramid(image: Image, known: Mask, hole: Mask, **limits: Any) -> list[Level]:
    """Levels of halved size, finest first; a side of n pixels has ceil(n / 2) in the next level.

    The finest level is always there.

    Parameters
    ----------
    image : float32 (H, W, C); what it holds outside ``known`` does not matter.
    known, hole : bool (H, W), never both True.
    **limits : as ``halvings`` takes them.
    """
    pyramid = [Level(np.where(known[..., None], image, NEUTRAL), known, hole)]
    planes = [np.where(known, image[..., c], np.float32(0)) for c in range(image.shape[2])]
    for means, coarse_known, coarse_hole in halvings(planes, known, hole, **limits):
        halved = np.full((*coarse_known.shape, len(means)), NEUTRAL)
        for channel, mean in enumerate(means):
            np.copyto(halved[..., channel], mean, where=coarse_known)
        pyramid.append(Level(halved, coarse_known, coarse_hole))
    return pyramid


def halvings(
    planes: list[Array],
    known: Mask,
    hole: Mask,
    *,
    levels: int | None = None,
    min_known: int = 16,
    min_weight: float = 0.5,
    min_side: int = 8,
) -> Iterator[tuple[list[Array], Mask, Mask]]:
    """The levels below the finest, one after the other: means over the known pixels, float64 (h, w), known and hole.

    A coarse pixel is known where its weight is at least ``min_weight``; otherwise it is hole if a hole pixel lies under
    its kernel, and void if none does. So the parent of a hole pixel is hole or known, never void. The levels end before
    one that has no hole left, or fewer known pixels or a shorter side than asked for.

    Parameters
    ----------
    planes : float32 (H, W) each, 0 outside ``known``; the list is emptied.
    known, hole : bool (H, W), never both True.
    levels : at most so many, the finest included; None sets no limit.
    min_known : known pixels that every coarser level has, at least 1.
    min_weight : share of known weight that makes a coarse pixel known, above 0 and up to 1.
    min_side : pixels that both sides of every coarser level have.
    """
    if levels is not None and levels < 1:
        raise ValueError(f"levels is {levels}: give 1 or more, or None for as many as there are")
    if not 0 < min_weight <= 1:
        raise ValueError(f"min_weight is {min_weight:g}: a share of known weight lies above 0 and is at most 1")
    weight: Array = known
    full: Array = np.ones_like(known)  # the kernel's weight inside the picture
    number = 1
    while levels is None or number < levels:
        for place in range(len(planes)):  # one by one: a large picture's planes go as their halves come
            planes[place] = _halved(planes[place])
        weight, full = _halved(weight), _halved(full)
        known = weight >= min_weight * full
        hole = (_halved(hole) > 0) & ~known
        if not hole.any() or np.count_nonzero(known) < max(1, min_known) or min(known.shape) < min_side:
            return
        number += 1
        yield [np.divide(plane, weight, where=known, out=np.zeros_like(plane)) for plane in planes], known, hole


def upsampled(coarse: Image, shape: tuple[int, int]) -> Image:
    """A coarse level's picture, bilinear at the next finer level's pixels: float32 (H, W, C) for ``shape`` (H, W).

    At a fine hole pixel all four colours that count come from coarse pixels known or hole, never void.

    Parameters
    ----------
    coarse : float32 (h, w, C), both sides half of ``shape``, rounded up; its hole filled.
    """
    height, width, channels = coarse.shape
    if (height, width) != (-(-shape[0] // 2), -(-shape[1] // 2)):
        raise ValueError(f"a level of {height} x {width} pixels is not half of {shape[0]} x {shape[1]}, rounded up")
    double = cv2.resize(coarse, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
    double = double.reshape(2 * height, 2 * width, channels)[: shape[0], : shape[1]]  # an odd side lost its last child
    return np.ascontiguousarray(double, np.float32)


def halved(image: Image, usable: Mask) -> Image:
    """A picture at half size, float32 (ceil(H / 2), ceil(W / 2), C): means of usable pixels, or 0.5.

    Parameters
    ----------
    image : float32 (H, W, C).
    usable : bool (H, W), pixels that have a colour.
    """
    weight = _halved(usable)
    planes = [_halved(np.where(usable, image[..., c], 0)) for c in range(image.shape[2])]
    means = [np.divide(plane, weight, out=np.full_like(plane, NEUTRAL), where=weight > 0) for plane in planes]
    return np.stack(means, axis=2).astype(np.float32)


def _halved(plane: Array) -> F64x2:
    """Every second value of k * plane, (H, W) -> (ceil(H / 2), ceil(W / 2)); nothing lies beyond the edge."""
    values = plane.view(np.uint8) if plane.dtype == np.bool_ else plane
    height = -(-values.shape[0] // 2)
    half = np.empty((height, -(-values.shape[1] // 2)))

    def band(first: int) -> None:
        last, above = min(first + _BAND, height), max(0, 2 * first - 1)
        rows = values[above : 2 * last + 1]
        outer = cv2.sepFilter2D(rows, cv2.CV_64F, _HALVING, _HALVING, anchor=(1, 1), borderType=cv2.BORDER_CONSTANT)
        half[first:last] = outer[2 * first - above :: 2, ::2][: last - first]

    threads.run(band, range(0, height, _BAND))
    return half  # in float64 a constant stays exact in float32
