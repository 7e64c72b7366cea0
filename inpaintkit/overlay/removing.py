"""A known overlay taken off a picture: divided out where something shows through, filled where nothing does.

Pixels whose equations say their colour to within a level or so are divided out at once. The method fills the others,
and each of them becomes the mean of its own equation and the fill, weighed by their errors (``merging``). What is
settled more than half by its own equation then is known, and what is left is filled once more, from nearer by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import Bool2, F64x2, I64x1
from inpaintkit.compositing import Units
from inpaintkit.overlay.equations import Equations, equations_of
from inpaintkit.overlay.merging import Errors, merged
from inpaintkit.overlay.model import Overlay
from inpaintkit.overlay.noise import Noise, Stored, bled, noise_of
from inpaintkit.picture import Picture, span_of
from inpaintkit.problem import Image, Mask

_CLEAR = 1.0  # 255ths of the range, or levels where these are wider: errors that a pixel may have to be divided at once
SETTLED = 0.5  # share of its own equation from which a pixel's colour is known
_AROUND, _APART = 12, 3  # px around an overlay whose texture is looked at, and between the pixels that are compared
_ROUNDS, _LEAST = 3, 1e-3  # of learning how large errors are, and how much smaller they may get in one
_CHUNK = 2**16  # pixels worked on at a time

Pixels = NDArray[np.generic]
Fill = Callable[[Pixels, Mask, Image], Pixels]  # a picture, its hole and weights (H, W) -> the picture filled


@dataclass(frozen=True)
class Removed:
    """``pixels`` as the caller's; ``weight`` (H, W), what of each colour its own pixel gave; ``touched``: changed."""

    pixels: Pixels
    weight: Image
    touched: Mask


def remove(picture: Picture, overlay: Overlay, fill: Fill, stored: Stored | None = None) -> Removed:
    """Take a known overlay off.

    Parameters
    ----------
    picture : (H, W) as large as the overlay.
    fill : fills the hole of a picture; it is called at most twice, and not at all where everything can be divided out.
    stored : how the picture's file stored it together with the overlay, where that lost something.
    """
    if stored is not None and picture.colours == 3:
        overlay = _as_stored(overlay, stored)
    return _Removal(picture, overlay, stored).run(fill)


def _as_stored(overlay: Overlay, stored: Stored) -> Overlay:
    """The overlay with the opacity that colour differences see, where it says none and they were stored coarsely."""
    under = tuple(_as_stored(layer, stored) for layer in overlay.under)
    if overlay.chroma is not None or max(stored.sampling) == 1:
        return replace(overlay, under=under)
    return replace(overlay, under=under, chroma=bled(overlay.opacity, stored.sampling))


class _Removal:
    """One removal: what it starts from, and what it has so far."""

    def __init__(self, picture: Picture, overlay: Overlay, stored: Stored | None) -> None:
        touched = overlay.touched
        if picture.alpha:
            touched &= picture.pixels[..., -1] > 0  # what is fully transparent shows nothing
        self.picture, self.overlay = picture, overlay
        self.touched, self.at = touched, np.flatnonzero(touched)
        self.units = Units(picture, span_of(picture, touched if not touched.all() else np.zeros_like(touched)), False)
        self.white, self.ends = self.units.peak, _ends(picture, self.units)
        bled = any(layer.chroma is not None for layer in overlay.layers)
        self.noise: Noise = noise_of(self.units.span, self._seen(self.at), self.white, stored, bled=bled)
        self.result = picture.pixels.copy()
        self.weight: Image = np.ones(picture.shape, np.float32)

    def run(self, fill: Fill) -> Removed:
        self._divide()
        waiting = self.at[self.weight.reshape(-1)[self.at] < 1]
        if len(waiting) == self.weight.size:
            raise ValueError(
                "the overlay hides the whole picture, and nothing shows through it clearly enough to be divided out: "
                "give one whose opacity is 0 somewhere"
            )
        if len(waiting):
            first = self._filled(fill)
            errors = self._errors(waiting, first)
            self._merge(waiting, first, errors)
            left = waiting[self.weight.reshape(-1)[waiting] < SETTLED]
            if 0 < len(left) < len(waiting):
                self._merge(left, self._filled(fill), errors)
        return Removed(self.result, self.weight, self.touched)

    def _divide(self) -> None:
        """Divide out what is clear; what is not gets weight 0."""
        for part in _chunks(self.at):
            equations = self._equations(part)
            clear = self._clear(equations).all(axis=1)
            self._write(part[clear], self.noise.unmixed(equations.divided()[clear]))
            self.weight.reshape(-1)[part[~clear]] = 0

    def _filled(self, fill: Fill) -> F64x2:
        """The picture with all that is not settled filled, float64 (H W, C), mixed."""
        hole = self.weight < SETTLED
        pixels = fill(self.result, hole, self.weight)
        return self.noise.mixed(pixels.reshape(-1, pixels.shape[2])[:, : self.picture.colours].astype(np.float64))

    def _errors(self, waiting: I64x1, fill: F64x2) -> Errors:
        """The covariance of the fill's errors. What a lost channel lacks follows the others as the picture's own do."""
        texture = self._texture()
        errors, usual = texture, texture.everywhere().diagonal()
        for _ in range(_ROUNDS):  # how large errors are says how far pixels can be trusted that tell it
            errors = Errors(self.picture.shape, texture.everywhere())
            for part in _chunks(waiting):
                equations = self._equations(part)
                some: Mask = np.logical_not(equations.lost.all(axis=1))
                part, equations = part[some], equations.of(some)
                residuals = equations.divided() - fill[part]
                partly: Mask = np.asarray(equations.lost.any(axis=1))
                beside = part[partly]
                likely = merged(equations.of(partly), fill[beside], texture.covariance(beside))
                residuals[partly] = likely.colours - fill[beside]
                errors.learn(part, residuals, equations.uncertainty, usual)
            usual = np.maximum(errors.everywhere().diagonal(), _LEAST * usual)
        return errors

    def _texture(self) -> Errors:
        """The covariance of what sets neighbours apart, around the overlay."""
        texture = Errors(self.picture.shape, np.eye(self.picture.colours) * (self.units.span.scale / 255) ** 2)
        square = np.ones((2 * _AROUND + 1, 2 * _AROUND + 1), np.uint8)
        near = cv2.dilate(self.touched.view(np.uint8), square).view(np.bool_) & (self.weight == 1)
        for down, across in ((0, _APART), (_APART, 0)):
            both = near.copy()
            both[: len(near) - down, : near.shape[1] - across] &= near[down:, across:]
            both[len(near) - down :] = both[:, near.shape[1] - across :] = False
            for part in _chunks(np.flatnonzero(both)):
                other = part + down * near.shape[1] + across
                texture.learn(part, self.noise.mixed(self._now(other) - self._now(part)) * 0.5**0.5)
        return texture

    def _merge(self, at: I64x1, fill: F64x2, errors: Errors) -> None:
        for part in _chunks(at):
            equations = self._equations(part)
            found = merged(equations, fill[part], errors.covariance(part))
            colours = found.colours
            if not self.noise.mixes:  # where one channel is lost, the others stay what they are
                colours = np.where(self._clear(equations), equations.divided(), colours)
            self._write(part, self.noise.unmixed(colours))
            self.weight.reshape(-1)[part] = found.weight

    def _equations(self, at: I64x1) -> Equations:
        return equations_of(self._seen(at), self.overlay, at, self.noise, white=self.white, ends=self.ends)

    def _seen(self, at: I64x1) -> F64x2:
        return self._colours(self.picture.pixels, at)

    def _now(self, at: I64x1) -> F64x2:
        return self._colours(self.result, at)

    def _colours(self, pixels: Pixels, at: I64x1) -> F64x2:
        return pixels.reshape(-1, pixels.shape[2])[at, : self.picture.colours].astype(np.float64)

    def _clear(self, equations: Equations) -> Bool2:
        """Whether an equation says its channel's colour to within a level or so, bool (n, C)."""
        limit = _CLEAR * max(self.units.span.scale / 255, self.units.span.step)
        clear: Bool2 = equations.errors <= limit**2
        return clear

    def _write(self, at: I64x1, colours: F64x2) -> None:
        self.result.reshape(-1, self.result.shape[2])[at, : self.picture.colours] = self.units.typed(colours)


def _chunks(at: I64x1) -> Iterator[I64x1]:
    for begin in range(0, len(at), _CHUNK):
        yield at[begin : begin + _CHUNK]


def _ends(picture: Picture, units: Units) -> tuple[float, float]:
    """Where values end."""
    if picture.pixels.dtype.kind == "f":
        return (0.0, 1.0) if units.peak == 1 else (-np.inf, np.inf)
    ends = np.iinfo(picture.pixels.dtype)
    return float(ends.min), float(ends.max)
