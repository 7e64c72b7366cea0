"""A known overlay that shifts from picture to picture: where it lies in one, by how smooth that makes what is beneath.

Taken off at the right place it leaves steps from pixel to pixel as small as those nearby, and what it hides has its
colour. The likelihood is that of the series' fit (``fitting``): steps as a Gaussian scale mixture, and the Jacobian.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from inpaintkit.arrays import F64x1, F64x2, I64x1
from inpaintkit.overlay.frames import Shift
from inpaintkit.overlay.model import Overlay
from inpaintkit.overlay.sums import HALF, Graph
from inpaintkit.picture import Picture

_HIDDEN = 0.95  # opacity from which the colour itself is looked at, not what shows through
_JACOBIAN = 0.78  # of photographs, as in ``fitting``
_OF_STEP, _OF_COLOUR = 0.5, 4.0  # variance in 255ths that rounding and a JPEG leave


def check_align(align: Any) -> int:
    """The largest shift in pixels.

    Raises
    ------
    ValueError : it is no whole number from 0.
    """
    if isinstance(align, bool) or not isinstance(align, (int, np.integer)) or align < 0:
        raise ValueError(f"align is {align!r}: expected whole pixels, 0 or more")
    return int(align)


def shift_in(picture: Picture, overlay: Overlay, reach: int) -> Shift:
    """By how many rows and columns, at most ``reach``, an overlay lies lower and further right than it says."""
    if not reach or not overlay.touched.any():
        return 0, 0
    steps = range(-reach, reach + 1)
    nearest_first = sorted(product(steps, steps), key=lambda shift: (shift[0] ** 2 + shift[1] ** 2, shift))
    evidence = _Evidence(picture, overlay)
    return min(nearest_first, key=evidence.against)


class _Evidence:
    """How likely one picture is with an overlay here or there."""

    def __init__(self, picture: Picture, overlay: Overlay) -> None:
        self.shape, self.channels = picture.shape, picture.colours
        scale = 255 / picture.opaque
        self.colours: F64x2 = picture.pixels.reshape(-1, picture.pixels.shape[2])[:, : self.channels] * float(scale)
        hidden = (overlay.opacity > _HIDDEN) & (overlay.mode == "cover")
        self.graph = Graph(overlay.touched, hidden)
        self.gain, self.offset = _equation(overlay, self.graph.at, picture.opaque)
        self.offset *= scale
        self.gains = _JACOBIAN * float(np.log(self.gain).sum())
        self.hidden: I64x1 = np.flatnonzero(hidden)
        self.ink = np.broadcast_to(overlay.colour, (*self.shape, self.channels)).reshape(-1, self.channels) * scale
        self.variance = float(self.colours.var(axis=0).mean()) + _OF_COLOUR

    def against(self, shift: Shift) -> float:
        """Minus the logarithm of the likelihood with the overlay at a shift, over that without it."""
        colours = self.colours[self._moved(self.graph.places, shift)]
        beneath = colours.copy()
        beneath[self.graph.own] = self.gain * colours[self.graph.own] + self.offset
        off = np.square(self.colours[self._moved(self.hidden, shift)] - self.ink[self.hidden]).mean(axis=1)
        hidden = self.channels / 2 * np.log((off + _OF_COLOUR) / self.variance).sum()
        return self._energy(beneath) - self.gains - self._energy(colours) + float(hidden)

    def _energy(self, colours: F64x2) -> float:
        near, count = self.graph.energies(colours[self.graph.first] - colours[self.graph.second])
        each: F64x1 = HALF * self.channels / 2 * np.log(near / np.maximum(count, 1) + _OF_STEP)
        return float(each.sum())

    def _moved(self, at: I64x1, shift: Shift) -> I64x1:
        rows, columns = np.divmod(at, self.shape[1])
        rows, columns = (
            np.clip(rows + shift[0], 0, self.shape[0] - 1),
            np.clip(columns + shift[1], 0, self.shape[1] - 1),
        )
        moved: I64x1 = rows * self.shape[1] + columns
        return moved


def _equation(overlay: Overlay, at: I64x1, white: float) -> tuple[F64x2, F64x2]:
    """Gain and offset (n, C) that take all layers off."""
    channels = overlay.colour.shape[-1]
    gain, offset = np.ones((len(at), channels)), np.zeros((len(at), channels))
    for layer in overlay.layers:
        opacity = layer.opacity.reshape(-1)[at, None].astype(np.float64).clip(0, _HIDDEN)
        ink = np.broadcast_to(layer.colour, (*overlay.shape, channels)).reshape(-1, channels)[at]
        if layer.mode == "add":
            offset = offset - layer.opacity.reshape(-1)[at, None] * ink
            continue
        own = 1 / (1 - opacity * (1 - ink / white)) if layer.mode == "multiply" else 1 / (1 - opacity)
        covering = opacity * ink if layer.mode == "cover" else 0.0
        gain, offset = own * gain, own * (offset - covering)
    return gain, offset
