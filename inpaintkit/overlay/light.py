"""Light that was added to a picture, as by the clock of a film camera, and dirt that darkens it: how much of it where.

Light is I = B + a C. Dirt is I = g B, and in logarithms the same: -log I = -log B - log g, alike in all channels.

a crop around the mask -> half the resolution, where colour was stored so or the mask is large -> separated -> opacity
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from inpaintkit.arrays import F64x1
from inpaintkit.compositing import Units
from inpaintkit.overlay import bleeding
from inpaintkit.overlay.background import Values, mixed, unmixed
from inpaintkit.overlay.model import Mode, Overlay, OverlayInfo, Style
from inpaintkit.overlay.noise import LUMA, Stored
from inpaintkit.overlay.pairs import colour_of
from inpaintkit.overlay.separating import Separation, separate
from inpaintkit.overlay.single import around, limits
from inpaintkit.picture import Picture, span_of
from inpaintkit.problem import Mask

_NOISE = 0.7  # levels: standard deviation of a pixel's noise beside what the file says
_BLACK = 0.5  # levels: what is darker has no logarithm to speak of
_LARGE = 30_000  # pixels of the hole, from which half the resolution does
_BETWEEN = 0.5  # of what interpolation changes: how far it may be off
_CLIPPED = 2.0  # standard deviations of what a file changes below white, from which values may have been cut off
_CLEAR = 0.25  # standard error, as a share of it, of an amount that is known
_TRACE = 1e-6  # opacity of what can hardly be told from none


def estimate_light(
    picture: Picture, hole: Mask, mode: Mode, *, colour: F64x1 | None = None, stored: Stored | None = None
) -> Overlay:
    """The light added to a picture under a mask, or the dirt on it.

    Parameters
    ----------
    hole : bool (H, W), around all of it.
    mode : "add" or "multiply".
    colour : float64 (C,), of the light where it is brightest, or of the dirt, in the picture's units; None: the light's
        is estimated, and dirt is black.
    stored : how the picture's file stored it.
    """
    opacity, deviation = np.zeros(picture.shape, np.float32), np.zeros(picture.shape, np.float32)
    if not hole.any():
        return Overlay(opacity, np.zeros(picture.colours), OverlayInfo(pictures=1), mode)
    crop = around(hole)
    part = _Part.of(picture, hole, crop.slices, mode, stored)
    way = None if colour is None else part.way(colour)
    found = part.separated(way if way is not None or mode == "add" else np.ones(picture.colours), stored)
    ink, opaque, error = part.as_opacity(found, colour)
    opacity[crop.slices], deviation[crop.slices] = opaque, error
    lit = opacity > 0
    style = Style(tuple(map(float, ink)), float(opacity.max()), int(np.count_nonzero(lit)))
    return Overlay(opacity, ink, OverlayInfo((style,), pictures=1, stored=stored), mode, deviation=deviation)


@dataclass(frozen=True, eq=False)
class _Part:
    """A crop of a picture, float64 (h, w, C) in its units, its hole, and what its numbers mean."""

    pixels: Values
    hole: Mask
    mode: Mode
    level: float  # one of 255 of the range, or of the picture's own where these are wider
    scale: float  # of the range
    white: float
    top: float  # where values end

    @classmethod
    def of(cls, picture: Picture, hole: Mask, where: tuple[slice, slice], mode: Mode, stored: Stored | None) -> _Part:
        span = span_of(picture, hole)
        white = Units(picture, span, False).peak
        top = limits(picture, 0.0, 1.0)[1]
        if stored is not None:
            top -= _CLIPPED * stored.luma * 12**-0.5 * white / 255
        pixels = picture.pixels[where][..., : picture.colours].astype(np.float64)
        return cls(pixels, hole[where], mode, max(span.scale / 255, span.step), span.scale, white, top)

    def way(self, colour: F64x1) -> F64x1:
        """The direction in which a told colour changes what is measured."""
        return colour / self.scale if self.mode == "add" else 1 - colour / self.white

    def separated(self, way: F64x1 | None, stored: Stored | None) -> Separation:
        """At half the resolution where that is as good."""
        bled = stored is not None and max(stored.sampling) > 1 and self.pixels.shape[2] == 3
        if bled:
            return _doubled(self._halved(bled=True).separated(way, _calmer(stored, colours=False)), self.hole)
        start, halvings = way, 0
        if start is None:
            start, halvings = colour_of(self._measured(), self.hole, self._lost(), self._noise(stored))
        parts = [self]
        while len(parts) < halvings or np.count_nonzero(parts[-1].hole) > _LARGE:
            parts.append(parts[-1]._halved(bled=False))
            stored = _calmer(stored, colours=True)
        last = parts.pop()
        found = separate(
            last._measured(), last.hole, last._lost(), last._noise(stored), start, free=way is None and not halvings
        )
        for part in reversed(parts):
            found = _doubled(found, part.hole)
        return found

    def as_opacity(self, found: Separation, colour: F64x1 | None) -> tuple[F64x1, Values, Values]:
        """The ink in the picture's units, and opacity and its standard error (h, w)."""
        amount, deviation = found.amount, found.deviation
        if self.mode == "add":
            clear = amount[deviation < _CLEAR * amount]  # where all channels are cut off any amount will do
            full = clear.max(initial=1e-9) if colour is None else np.linalg.norm(self.way(colour))
            ink = found.colour * full * self.scale if colour is None else colour
            opacity, error = amount / full, np.where(amount > full, 1, deviation / full)
            unclear = deviation * self.scale > self.level
        else:
            ink = np.zeros(len(found.colour)) if colour is None else colour
            main = int(np.argmax(found.colour))
            gain = np.exp(-amount * found.colour[main])
            shade = 1 - ink[main] / self.white
            opacity, error = (1 - gain) / shade, gain * deviation * found.colour[main] / shade
            unclear = error * self.white > self.level
        opacity = np.where(self.hole & unclear, np.maximum(opacity, _TRACE), opacity)
        return ink, np.clip(opacity, 0, 1), np.clip(error, 0, 1)

    def _measured(self) -> Values:
        """What light adds to, and dirt too."""
        if self.mode == "add":
            return self.pixels / self.scale
        return -np.log(np.maximum(self.pixels, _BLACK * self.level) / self.white)

    def _lost(self) -> Mask:
        lost: Mask = self.pixels >= self.top
        return lost if self.mode == "add" else np.zeros_like(lost)

    def _noise(self, stored: Stored | None) -> Values:
        """Covariance of what is measured, (h, w, C, C) or what broadcasts to it."""
        channels = self.pixels.shape[2]
        noise = np.eye(channels) * (_NOISE * self.level) ** 2
        if stored is not None:
            each = np.full(channels, stored.luma)
            each[1:] = stored.chroma
            back = np.linalg.inv(LUMA) if channels == 3 else np.eye(channels)
            noise = noise + (back * np.square(each * self.white / 255) / 12) @ back.T
        if self.mode == "add":
            return noise / self.scale**2
        inverse = 1 / np.maximum(self.pixels, _BLACK * self.level)
        return noise * inverse[..., :, None] * inverse[..., None, :]

    def _halved(self, *, bled: bool) -> _Part:
        """At half the resolution; where any of four pixels is cut off, so is their mean."""
        small = unmixed(bleeding.halved(mixed(self.pixels))) if bled else bleeding.averaged(self.pixels)
        small[bleeding.any_of_four(self.pixels >= self.top)] = self.top
        return _Part(small, bleeding.any_of_four(self.hole), self.mode, self.level, self.scale, self.white, self.top)


def _calmer(stored: Stored | None, *, colours: bool) -> Stored | None:
    """What is left of a file's noise at half the resolution; of colours that were stored so nothing is averaged."""
    return stored and Stored(stored.luma / 2, stored.chroma / 2 if colours else stored.chroma)


def _doubled(half: Separation, hole: Mask) -> Separation:
    """A separation at twice the resolution, in a hole (h, w)."""
    high, wide = half.amount.shape
    large, height, width = (2 * wide, 2 * high), *hole.shape
    amount, plain = (
        cv2.resize(half.amount, large, interpolation=way)[:height, :width]
        for way in (cv2.INTER_CUBIC, cv2.INTER_NEAREST)
    )
    deviation = cv2.resize(half.deviation, large, interpolation=cv2.INTER_LINEAR)[:height, :width]
    deviation = np.hypot(deviation, _BETWEEN * np.abs(amount - plain))
    return Separation(half.colour, np.maximum(amount, 0) * hole, deviation * hole)
