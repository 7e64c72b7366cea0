"""The caller's pixels to a method's floats, and a fill back into the picture: units, alpha, feather, dtype.

Colours are normalised by one scale and one offset and premultiplied by alpha; ``Units`` does both ways, so that the
two cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit.box import Box
from inpaintkit.distance import rim_distance
from inpaintkit.picture import Picture, Span
from inpaintkit.problem import Image, Mask

Pixels = NDArray[Any]  # in the caller's units

_BAND = 2**18  # pixels put back at a time: the steps between a fill and the caller's type take several times its memory
_EXTREME = 1e6  # times the robust range: what lies beyond would overflow when methods square it


@dataclass(frozen=True)
class Units:
    """What a picture's numbers mean.

    Attributes
    ----------
    picture : as checked.
    span : colours = normalised * span.scale + span.offset, in all channels but alpha.
    opaque : alpha is the mask: only colours are filled, and alpha becomes full.
    """

    picture: Picture
    span: Span
    opaque: bool

    @property
    def peak(self) -> float:
        """What an error is a share of: white, if the type has one or floats lie in [0, 1]; else the range."""
        dtype = self.picture.pixels.dtype
        if dtype.kind == "u":
            return self.picture.opaque
        within = dtype.kind == "f" and self.span.offset >= 0 and self.span.offset + self.span.scale <= 1
        return 1.0 if within else self.span.scale

    def normalised(self, pixels: Pixels) -> Image:
        """Pixels (H, W, C) as float32, colours premultiplied by alpha."""
        if not self.picture.alpha:
            return self._scaled(pixels)
        colours = self._scaled(pixels[..., :-1])
        if self.opaque:
            return colours
        alpha = self._opacity(pixels)
        return np.concatenate([colours * alpha, alpha], axis=2)

    def restored(self, fill: Image) -> Pixels:
        """Filled colours (n, C) in the caller's units and type."""
        if not self.picture.alpha:
            return self._colours(fill)
        colours = fill
        alpha = np.ones((len(fill), 1), np.float32)
        if not self.opaque:
            alpha = np.clip(fill[:, -1:], 0, 1)
            colours = (fill[:, :-1] / np.maximum(alpha, 1e-6)).astype(np.float32)
        return np.concatenate([self._colours(colours), self.typed(alpha * self.picture.opaque)], axis=1)

    def feathered(self, new: Pixels, old: Pixels, share: NDArray[Any]) -> Pixels:
        """``share`` (n, 1) of the new colours (n, C) mixed with the rest of what was under the mask."""
        old = old.astype(np.float64)
        keep = np.where(np.isfinite(old).all(axis=1, keepdims=True), 1 - share, 0)
        old = np.where(keep > 0, old, 0)
        if not self.picture.alpha:
            return self.typed(keep * old + (1 - keep) * new)
        # Premultiplied: what was transparent has no colour to mix in, and leaves the fill as it is.
        before, after = old[:, -1:] / self.picture.opaque, new[:, -1:] / self.picture.opaque
        keep = np.where(before > 0, keep, 0)
        alpha = keep * before + (1 - keep) * after
        colours = (keep * before * old[:, :-1] + (1 - keep) * after * new[:, :-1]) / np.maximum(alpha, 1e-9)
        if self.opaque:
            alpha = np.ones_like(alpha)
        return self.typed(np.concatenate([colours, alpha * self.picture.opaque], axis=1))

    def straight(self, pixels: Pixels) -> Image:
        """Pixels (n, C) as float32, colours not premultiplied: what a fill is measured in."""
        if not self.picture.alpha:
            return self._scaled(pixels)
        return np.concatenate([self._scaled(pixels[..., :-1]), self._opacity(pixels)], axis=-1)

    def _opacity(self, pixels: Pixels) -> Image:
        alpha: Image = np.multiply(pixels[..., -1:], np.float32(1 / self.picture.opaque), dtype=np.float32)
        return alpha

    def _scaled(self, colours: Pixels) -> Image:
        """Normalised in the smallest type that holds the differences exactly, some rows at a time."""
        short = colours.dtype.kind in "ui" and colours.dtype.itemsize <= 2
        exact: Any = np.float32 if short else np.float64
        scaled = np.empty(colours.shape, np.float32)
        rows = max(1, _BAND * len(colours) // max(colours.size, 1))
        with np.errstate(invalid="ignore", over="ignore"):  # what lies in the hole may be anything
            for top in range(0, len(colours), rows):
                part = np.subtract(colours[top : top + rows], exact(self.span.offset), dtype=exact)
                if self.span.even:  # floats that were whole numbers once are so again, and equal ones are equal
                    part = np.rint(part / exact(self.span.step)) / exact(self.span.even)
                else:
                    part /= exact(self.span.scale)
                np.clip(part, -_EXTREME, _EXTREME, out=part)
                scaled[top : top + rows] = part
        return scaled

    def _colours(self, colours: Image) -> Pixels:
        return self.typed(colours.astype(np.float64) * self.span.scale + self.span.offset)

    def typed(self, values: Pixels) -> Pixels:
        """Values in the caller's units, rounded and clipped to the caller's type."""
        dtype = self.picture.pixels.dtype
        if dtype.kind == "f":
            with np.errstate(over="ignore"):
                return np.clip(values, np.finfo(dtype).min, np.finfo(dtype).max).astype(dtype)
        ends = np.iinfo(dtype)
        if dtype.itemsize <= 2:
            return np.asarray(np.rint(np.clip(values, ends.min, ends.max)), dtype)
        above = values >= float(ends.max)  # larger types end between two floats
        typed = np.where(above, 0, np.rint(np.clip(values, ends.min, None))).astype(dtype)
        typed[above] = ends.max
        return typed


def as_items(pixels: Pixels) -> NDArray[np.void]:
    """Pixels (H, W, C), channels side by side in memory, as one item each: a mask picks those many times as fast."""
    return pixels.view(np.dtype((np.void, pixels.itemsize * pixels.shape[-1])))[..., 0]


def picked(pixels: Pixels, where: Mask) -> Pixels:
    """The pixels (n, C) of an array (H, W, C) that a mask marks."""
    return as_items(pixels)[where].view(pixels.dtype).reshape(-1, pixels.shape[-1])


def composite(result: Pixels, crop: Box, own: Mask, fill: Image, units: Units, mask: Mask, feather: float) -> None:
    """Put a fill's own pixels into ``result``, a band at a time.

    Parameters
    ----------
    result : (H, W, C), the caller's picture, written to.
    crop, own : the fill's place, and the pixels of it that count, bool (h, w).
    fill : float32 (h, w, C).
    mask : bool (H, W), the whole hole; from its rim ``feather`` pixels inwards what was under it is mixed in.
    """
    target, before = result[crop.slices], units.picture.pixels[crop.slices]
    depth = rim_distance(mask[crop.slices]) if feather else None
    rows = max(1, _BAND // own.shape[1])
    for top in range(0, len(own), rows):
        band = slice(top, top + rows)
        here = own[band]
        colours = units.restored(picked(fill[band], here))
        if depth is not None:
            share = np.clip(depth[band][here] / (feather + 1), 0, 1)[:, None]
            colours = units.feathered(colours, before[band][here], share)
        as_items(target[band])[here] = as_items(np.ascontiguousarray(colours, target.dtype))  # in its order of bytes
