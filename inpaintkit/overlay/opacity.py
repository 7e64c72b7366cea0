"""The opacity of each pixel of letters: from its own colour, its neighbours, and equal letters elsewhere.

From its own colour a pixel has a likeliest opacity and a standard error. Beside that it may be covered in full or not
at all; how likely that is depends on how opaque its neighbours are on the mean, and is learnt from all pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.overlay.background import Background, Values
from inpaintkit.overlay.ink import Ink, log_normal, log_of_line, spread
from inpaintkit.problem import Mask

_FREEDOM = 4.0  # degrees of freedom of a fill's errors: heavy tails
_LESS, _MORE = 0.5, 50.0  # times the variance that is expected, at the least and at the most
_CLASSES = 6  # of neighbours' mean opacity
_ROUNDS = 4
_BESIDE = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.float32) / 8
_NEVER = 1e-6


@dataclass(frozen=True, eq=False)
class Evidence:
    """What colours say of the opacity of n pixels.

    Attributes
    ----------
    share, deviation : the likeliest opacity, in no limits, and its standard error.
    core, none : log-likelihoods that the pixel is covered in full, and not at all, less that of the likeliest.
    """

    share: Values
    deviation: Values
    core: Values
    none: Values

    def of(self, which: Mask) -> Evidence:
        """That of some of the pixels."""
        return Evidence(self.share[which], self.deviation[which], self.core[which], self.none[which])


def evidence(seen: Values, background: Background, ink: Ink) -> Evidence:
    """What the colours (n, C) of pixels say, mixed."""
    away, way = background.along(seen), background.along(ink.colour)
    channels = seen.shape[1]
    wider = np.ones(len(seen))
    share = np.full(len(seen), 0.6 * ink.opacity)
    for _ in range(4):
        inverse = 1 / spread(share, background.variances * wider[:, None], ink.noise)
        known = (inverse * way**2).sum(axis=1)
        share = (inverse * way * away).sum(axis=1) / known
        off = away - share[:, None] * way
        if channels > 1:
            surprise = wider * (inverse * off**2).sum(axis=1)
            wider = np.clip((_FREEDOM + surprise) / (_FREEDOM + channels - 1), _LESS, _MORE)
        limited = np.clip(share, 0, min(ink.opacity, 0.995))
        share, last = limited, share
    variances = background.variances * wider[:, None]
    here = spread(limited, variances, ink.noise)
    deviation = (way**2 / here).sum(axis=1) ** -0.5
    best = log_normal(away - last[:, None] * way, here)
    core = log_normal(away - ink.opacity * way, spread(ink.opacity, variances, ink.noise))
    none = log_normal(away, spread(0.0, variances, ink.noise))
    return Evidence(last, deviation, core - best, none - best)


def opacities(found: Evidence, hole: Mask, opacity: float) -> tuple[Values, Values]:
    """Mean and variance of the opacity, float64 (H, W), 0 outside the hole, in the order of whose pixels evidence is.

    opacity : o, of covered pixels.
    """
    within = np.clip(found.share, 0, opacity)
    own = np.minimum(found.deviation**2, opacity**2 / 12)
    logs = np.stack([found.none, log_of_line(found.share, found.deviation, opacity), found.core])
    mean = np.zeros(hole.shape)
    mean[hole] = within
    variance = np.zeros(hole.shape)
    for _ in range(_ROUNDS):
        chances = _chances(logs, _class(mean, hole, opacity))
        mean[hole] = chances[2] * opacity + chances[1] * within
        square = chances[2] * opacity**2 + chances[1] * (own + within**2)
        variance[hole] = np.maximum(square - mean[hole] ** 2, 0)
    return mean, variance


def _class(mean: Values, hole: Mask, opacity: float) -> NDArray[np.int64]:
    """Of each pixel of the hole, by its neighbours' mean opacity."""
    beside = cv2.filter2D(mean / opacity, -1, _BESIDE, borderType=cv2.BORDER_REPLICATE)[hole]
    return np.minimum((beside * _CLASSES).astype(np.int64), _CLASSES - 1)


def _chances(logs: Values, kind: NDArray[np.int64]) -> Values:
    """How likely pixels are bare, between, and covered, (3, n), with shares learnt in each of the classes."""
    shares = np.full((3, _CLASSES), 1 / 3)
    count = np.bincount(kind, minlength=_CLASSES)
    for _ in range(_ROUNDS):
        weighed = logs + np.log(np.maximum(shares, _NEVER))[:, kind]
        chances = np.exp(weighed - weighed.max(axis=0))
        chances /= chances.sum(axis=0)
        shares = np.stack([np.bincount(kind, row, _CLASSES) + 1 for row in chances]) / (count + 3)
    found: Values = chances
    return found
