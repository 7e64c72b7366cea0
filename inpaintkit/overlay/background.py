"""What is to be expected under an overlay before anything is known of its opacity: a fill, and how far it may be off.

The errors of a fill grow with what sets neighbouring pixels apart around it, channel by channel and in the same
directions of colour: mostly in luma, hardly in colour differences. So a little colour in an ink says its opacity well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.overlay.noise import LUMA
from inpaintkit.problem import Image, Mask

# Share of the squared steps between known neighbours that fsr's squared error is, at so many pixels from the rim (0, 1,
# 2 ...): measured on Kodak's photographs, the same within a quarter on all of them.
_SHARES = (0.0, 0.57, 0.94, 1.02, 1.1, 1.2, 1.3, 1.4)
_AROUND = 6.0  # px, standard deviation of the window in which steps are averaged
_PRIOR = 1e-3  # weight in it of the whole picture's steps
_LEAST = 0.3 / 255  # of the range: fills are never better

Values = NDArray[np.float64]
Fill = Callable[[Image, Mask], Image]


def mixed(colours: Values) -> Values:
    """Colours (..., C) as luma and colour differences, where there are three of them."""
    return colours @ LUMA.T if colours.shape[-1] == 3 else colours


def unmixed(colours: Values) -> Values:
    """What ``mixed`` was given."""
    return colours @ np.linalg.inv(LUMA).T if colours.shape[-1] == 3 else colours


@dataclass(frozen=True, eq=False)
class Background:
    """What n pixels are expected to be without the overlay, mixed.

    Attributes
    ----------
    mean : float64 (n, C).
    axes : float64 (n, C, C), along which errors of the mean are independent, one in each column.
    variances : float64 (n, C), along them.
    depth : float64 (n,), px from the nearest known pixel.
    """

    mean: Values
    axes: Values
    variances: Values
    depth: Values

    def along(self, colours: Values) -> Values:
        """Colours (n, C) or (C,) less the mean, along the axes."""
        found: Values = np.einsum("ncd,nc->nd", self.axes, colours - self.mean)
        return found

    def colours(self, along: Values) -> Values:
        """The colours that lie so far from the mean along the axes."""
        found: Values = self.mean + np.einsum("ncd,nd->nc", self.axes, along)
        return found

    def of(self, which: Mask) -> Background:
        """That of some of the pixels."""
        return Background(self.mean[which], self.axes[which], self.variances[which], self.depth[which])


def background(seen: Values, hole: Mask, fill: Fill) -> Background:
    """What is expected in a hole (H, W) of a picture, mixed, some 0 to 1 (H, W, C), in the order of its pixels."""
    filled = fill(unmixed(seen).astype(np.float32), hole)[hole].astype(np.float64)
    between = steps(seen.astype(np.float32), ~hole)[hole].astype(np.float64)
    depth = cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)[hole].astype(np.float64)
    variances, axes = np.linalg.eigh(between)
    shares = np.interp(depth, np.arange(len(_SHARES)), _SHARES)
    return Background(mixed(filled), axes, np.maximum(variances, _LEAST**2) * shares[:, None], depth)


def steps(seen: Image, known: Mask) -> Image:
    """Covariance of the steps between known neighbours, averaged around each pixel, float32 (H, W, C, C)."""
    channels = seen.shape[2]
    upper = np.triu_indices(channels)
    sums = np.zeros((*known.shape, len(upper[0])), np.float32)
    count = np.zeros(known.shape, np.float32)
    for axis in (0, 1):
        step = np.diff(seen, axis=axis)
        first = [slice(None)] * 2
        first[axis] = slice(1, None)
        second = [slice(None)] * 2
        second[axis] = slice(None, -1)
        both = known[tuple(first)] & known[tuple(second)]
        sums[tuple(first)] += step[..., upper[0]] * step[..., upper[1]] * both[..., None]
        count[tuple(first)] += both
    whole = sums.sum((0, 1)) / max(float(count.sum()), 1.0)
    near = np.dstack([cv2.GaussianBlur(part, (0, 0), _AROUND) for part in np.moveaxis(sums, 2, 0)])
    weight = cv2.GaussianBlur(count, (0, 0), _AROUND)
    mean = (near + _PRIOR * whole) / (weight + _PRIOR)[..., None]
    found = np.zeros((*known.shape, channels, channels), np.float32)
    found[..., upper[0], upper[1]] = found[..., upper[1], upper[0]] = mean
    return found
