"""Colours of any range as a network's sigmoid can give them, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inpaintkit.arrays import Array
from inpaintkit.problem import Image


@dataclass(frozen=True)
class Tone:
    """Colours in [0, 1] stay as they are; a wider range is compressed by a logarithm outside [0, 1]."""

    low: float
    span: float

    @classmethod
    def of(cls, colours: Image) -> Tone:
        """The tone of a picture's known colours (N, C)."""
        low, high = float(colours.min()), float(colours.max())
        if low >= 0 and high <= 1:
            return cls(0.0, 1.0)
        low, high = float(_logarithmic(np.array(low))), float(_logarithmic(np.array(high)))
        return cls(low, high - low)

    def compressed(self, colours: Image) -> Array:
        """Colours in [0, 1], of the same shape."""
        return (_logarithmic(colours) - self.low) / self.span

    def restored(self, colours: Image) -> Array:
        """The inverse of ``compressed``."""
        x = colours * np.float64(self.span) + self.low
        return np.where(x > 1, np.exp(np.maximum(x, 1) - 1), np.where(x < 0, 1 - np.exp(-np.minimum(x, 0)), x))


def _logarithmic(x: Array) -> Array:
    """The identity in [0, 1], continued on both sides by logarithms of the same slope."""
    x = np.asarray(x, np.float64)
    return np.where(x > 1, 1 + np.log(np.maximum(x, 1)), np.where(x < 0, -np.log1p(-np.minimum(x, 0)), x))
