"""Light on a picture: what one direction of colour has that the two across it do not explain.

Light of one colour changes a picture along that colour and leaves the colours across it as they were. So what the
picture itself has along it can be predicted from those two, whatever it shows: paving, its joints, a white line. What
exceeds the prediction is light. The prediction is a polynomial of second degree, fitted where most of the picture lies.

    excess    along the light's colour, less the prediction
    visible   share of its full effect that light has on a background: on a bright one it hardly shows
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.find.digits import HUES
from inpaintkit.problem import Image

Colour = NDArray[np.float64]  # (3,), R, G, B of an increase, full range 1

USUAL = np.array([[0.97, 0.2, 0.1], [0.83, 0.55, 0.0], [0.35, 0.93, 0.1]])  # beside ``HUES``: red, amber, green light

_FITS = 6  # times that the prediction is fitted, each time with less weight for what it does not explain
_STEP = 2  # pixels: every second one, in both directions, is fitted to
_OUT = 2.0  # standard deviations from the prediction that halve a pixel's standing
_LEAST = 0.05  # of what is visible: nothing is quite invisible
_SHOWS = 1.15  # times what a background lacks of white, light shows


class Plane(Protocol):
    """What shows light."""

    def split(self, pixels: Image) -> tuple[Image, Image]:
        """The excess of pixels (H, W, 3), and how visible light is on each: float32 (H, W) each."""


@dataclass(frozen=True)
class Hue:
    """The plain excess of one of ``HUES`` in ``digits``."""

    number: int

    def split(self, pixels: Image) -> tuple[Image, Image]:
        """The excess of pixels (H, W, 3), and how visible light is on each: float32 (H, W) each."""
        weights = HUES[self.number]
        excess = cv2.transform(pixels, weights[None]).reshape(pixels.shape[:2])
        return np.asarray(excess), visible(pixels[..., weights <= 0].mean(axis=2))


@dataclass(frozen=True, eq=False)
class Light:
    """Light of a colour over a background.

    Attributes
    ----------
    colour : (3,), of length 1.
    across : (3, 2), two directions at right angles to it.
    prediction : (6,), coefficients of what the background has along the colour.
    """

    colour: Colour
    across: NDArray[np.float64]
    prediction: NDArray[np.float64]

    @classmethod
    def over(cls, pixels: Image, colour: Colour) -> Light:
        """Light of a colour over pixels (H, W, 3), full range 1, most of which it leaves alone."""
        colour = colour / np.linalg.norm(colour)
        across = np.linalg.svd(colour[None])[2][1:].T
        some = pixels[::_STEP, ::_STEP].reshape(-1, 3).astype(np.float64)
        along, terms = some @ colour, _terms(*(some @ across).T)
        weight = np.ones(len(along))
        ridge = 1e-6 * len(along) * np.eye(terms.shape[1])
        for _ in range(_FITS):
            weighted = terms * weight[:, None]
            prediction = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ along)
            off = along - terms @ prediction
            spread = 1.4826 * np.median(np.abs(off)) + 1e-3
            weight = 1 / (1 + (off / (_OUT * spread)) ** 2) ** 2
        return cls(colour, across, np.asarray(prediction, np.float64))

    def split(self, pixels: Image) -> tuple[Image, Image]:
        """The excess of pixels (H, W, 3), and how visible light is on each: float32 (H, W) each."""
        turned = cv2.transform(pixels, np.column_stack([self.colour, self.across]).T.astype(np.float32))
        along, first, second = cv2.split(turned)
        k = self.prediction.astype(np.float32)
        background = k[0] + first * (k[1] + k[3] * first + k[5] * second) + second * (k[2] + k[4] * second)
        return np.asarray(along - background), visible(background)


def _terms(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The terms of the prediction, (N, 6)."""
    return np.stack([np.ones_like(first), first, second, first * first, second * second, first * second], axis=1)


def visible(background: Image) -> Image:
    """The share of its effect that light has on a background, float32 (H, W) in ]0, 1]."""
    soft = cv2.GaussianBlur(background, (0, 0), 1)
    return np.asarray(np.clip(_SHOWS * (1 - soft), _LEAST, 1), np.float32)
