"""What the painter of a mask meant: grey levels, paint on transparency, labels, and the way out where it is unclear.

White is hole, or the one value beside 0, or the one colour on black or on transparency. Whatever could be meant in two
ways is refused by a message that names the command, or the function, for each of them.
"""

from __future__ import annotations

import math
import shlex
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit.errors import EmptyMaskWarning, LabelMaskWarning
from inpaintkit.problem import Mask

Pixels = NDArray[Any]

_TINT = 48 / 255  # of the full range: so far the channels of a grey JPEG may differ
_PURE = 128  # of 255: channels of paint differ by so much, those of photographs seldom
_LABELS = 16  # so few values are labels, not soft edges
_MANY = 1 << 17  # pixels enough to see which colour was painted with


@dataclass(frozen=True)
class Paint:
    """A mask's pixels, (H, W) or (H, W, 1..4), and what is known of where they come from."""

    pixels: Pixels
    path: str | PathLike[str] | None = None  # the file, for messages
    lossy: bool = False  # a JPEG, say: no value is exact

    def hole(self) -> Mask:
        """The pixels that are meant, bool (H, W); ValueError or TypeError where that is unclear."""
        pixels = self.pixels
        if pixels.ndim == 2:
            return self._of_grey(pixels)
        if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4:
            raise ValueError(f"mask has shape {pixels.shape}: expected (H, W), (H, W, 1) or equal channels")
        if not pixels.size:
            return np.zeros(pixels.shape[:2], np.bool_)
        if pixels.dtype.kind == "f" and np.isnan(pixels).any():
            return self._of_grey(pixels[..., 0] * np.nan)  # refused for what it holds, not for channels that differ
        if pixels.dtype.kind not in "buif" or pixels.shape[2] in (1, 3):
            return self._of_colours(pixels)
        alpha = pixels[..., -1]
        if alpha.min() < alpha.max():
            return self._of_layer(pixels[..., :-1], alpha)
        if not alpha.any():
            raise ValueError("mask has a transparent alpha channel, and nothing else is opaque: drop it or paint on it")
        return self._of_colours(pixels[..., :-1])

    def _of_grey(self, grey: Pixels) -> Mask:
        """White, or the one value beside 0."""
        if grey.dtype == np.bool_:
            return np.ascontiguousarray(grey)
        if grey.size == 0:
            return np.zeros(grey.shape, np.bool_)
        if grey.dtype.kind not in "uif":
            raise TypeError(f"mask has dtype {grey.dtype}: expected bool, integers or floats in [0, 1]")
        low, high = grey.min().item() + 0, grey.max().item() + 0  # no minus zero
        if high != high:
            raise ValueError(
                "mask holds NaN, which is neither hole nor known: pass np.isnan(mask) if it marks the hole, "
                "np.nan_to_num(mask) if it does not; a file has to hold 1 or 0 there"
            )
        full = 1 if high <= 1 else 255 if high <= 255 else 65535
        if self._is_one_label(grey, low, high):
            self._say_label(high, full)
            return np.asarray(grey == high, order="C")
        if grey.dtype.kind == "f" and not (low >= 0 and (high <= 1 or high in (255, 65535))):
            raise ValueError(
                f"mask holds floats in [{low:g}, {high:g}]: expected [0, 1] with hole at 0.5 and above, or 0 and one "
                "other value, or up to 255 or 65535 with hole at half of it and above"
            )
        if low < 0 or high > 65535:
            raise ValueError(
                f"mask holds {grey.dtype} values in [{low}, {high}]: expected bool, 0 and one other value, or 8 or 16 "
                "bits with hole at half range and above; convert with mask > threshold"
            )
        if grey.dtype.kind != "f":
            self._refuse_labels(grey, full)
        if label := self._lossy_label(grey, high, full):
            self._say_label(label, full)
            return np.asarray(grey >= label / 2, order="C")
        if 0 < high < full / 2:
            warnings.warn(
                f"the mask's values reach {high:g} only, below half of {full}, so nothing is hole; "
                "pass mask > 0 if every value above 0 is meant",
                EmptyMaskWarning,
                stacklevel=5,
            )
        return np.asarray(grey >= full / 2, order="C")

    def _is_one_label(self, grey: Pixels, low: Any, high: Any) -> bool:
        """Whether it holds 0 and one other value; in floats no rounding error of 0, in a lossy file anything may be."""
        least = 1 / 256 if grey.dtype.kind == "f" else 0
        return not self.lossy and low == 0 and least < high < np.inf and bool(((grey == 0) | (grey == high)).all())

    def _lossy_label(self, grey: Pixels, high: float, full: float) -> float:
        """The one value that a lossy file holds beside 0, give or take compression; 0 if it has none below white."""
        if not self.lossy or high < full / 16:
            return 0
        label = float(np.median(grey[grey >= high / 2]))
        marked, between = grey > label * 0.75, (grey >= label / 4) & (grey <= label * 0.75)
        is_sure = grey.min() < label / 4 and 2 * np.count_nonzero(between) <= np.count_nonzero(marked)
        return label if is_sure and label < 0.9 * full else 0

    def _say_label(self, label: float, full: float) -> None:
        if label < full / 2:
            about = "about " * self.lossy
            text = f"the mask holds 0 and {about}{label:g} only, so {about}{label:g} is taken for the hole"
            warnings.warn(text, LabelMaskWarning, stacklevel=6)

    def _refuse_labels(self, grey: Pixels, full: int) -> None:
        """Raise ValueError for several labels, with or without 255 for what has none."""
        values = np.flatnonzero(np.bincount(grey.ravel()))  # up to 16 bits
        labels = values[(values > 0) & (values < full)] if full == 255 else values[values > 0]
        if self.lossy or full == 1 or not 0 < len(labels) <= _LABELS:
            return
        void = full == 255 and values[-1] == full and labels[-1] < 64
        if void or (values[-1] <= full // 2 and len(labels) > 1):
            shown = [*labels[:3], *[full] * int(void)]
            if self.path is None:
                ways = " or ".join(f"mask == {value}" for value in shown)
            else:
                ways = self._ways([value * 255 / np.iinfo(grey.dtype).max] * 3 for value in shown)
            held = f"{', '.join(map(str, values[:6]))}{', ...' * (len(values) > 6)}"
            raise ValueError(f"mask holds the values {held}, which look like labels: choose the hole's by {ways}")

    def _of_layer(self, colours: Pixels, alpha: Pixels) -> Mask:
        """Paint on transparency: white, or of one colour."""
        full = _full(self.pixels)
        seen = alpha >= alpha.max() / 2  # else a pixel's colour is rounding
        if _spread(colours[seen]) <= _TINT * full:
            grey = colours[..., colours.shape[2] // 2]
            if grey[seen].max() >= full / 2:
                return self._of_grey(grey.astype(np.float32) * (alpha.astype(np.float32) / np.float32(full**2)))
            raise ValueError(f"mask is dark paint on transparency: {self._ways_by_alpha(alpha, full)}")
        if _is_even(colours[seen], _TINT * full):
            return self._of_grey(alpha.astype(np.float32) / np.float32(full))
        raise ValueError(
            f"mask is a coloured picture with transparent parts: {self._ways_by_alpha(alpha, full)}, "
            f"and if a colour does by {self._way(_painted(colours, full, lossy=self.lossy))}"
        )

    def _of_colours(self, colours: Pixels) -> Mask:
        """Equal channels, or one colour on black."""
        if colours.dtype.kind not in "buif" or colours.shape[2] == 1:
            return self._of_grey(colours[..., 0])
        full = _full(colours)
        if _spread(colours) <= _TINT * full:
            return self._of_grey(colours[..., 1])
        marked: Mask = reduce(np.logical_or, np.moveaxis(colours, 2, 0))
        if not self.lossy and not marked.all() and _is_even(colours[marked], 0):
            return marked
        found, counts = np.unique(_sample(colours), axis=0, return_counts=True)
        if len(found) <= _LABELS and not self.lossy:
            ways = self._ways(found[np.argsort(-counts)][:4] * (255 / full))
            raise ValueError(f"mask has {colours.shape[2]} channels that differ: choose the hole's colour by {ways}")
        way = self._way(_painted(colours, full, lossy=self.lossy))
        raise ValueError(
            f"mask has {colours.shape[2]} channels that differ: pass one channel, white where to fill, "
            f"or take the colour that was painted with by {way}"
        )

    def _ways(self, colours: Iterable[Any]) -> str:
        """How to take each of some colours, on the scale 0 to 255, for the hole."""
        return " or ".join(self._way(colour) for colour in colours)

    def _way(self, colour: Any) -> str:
        spelled = ",".join(f"{channel:.8g}" for channel in colour)
        tolerance = 40 if self.lossy else 0 if all(float(channel).is_integer() for channel in colour) else 0.001
        if self.path is None:
            return f"masks.from_colour(mask, ({spelled}){f', tolerance={tolerance}' * bool(tolerance)})"
        option = f" --tolerance {tolerance}" * bool(tolerance)
        return f"inpaintkit mask from-colour {self._name} {spelled}{option} -o m.png"

    def _ways_by_alpha(self, alpha: Pixels, full: float) -> str:
        soft = bool(((alpha > 0) & (alpha < full)).any())
        if self.path is None:
            opacity = ", opacity=0.5" if soft else ""
            transparent = f"masks.from_alpha(mask{opacity})"
            return f"if it marks the hole pass masks.invert({transparent}), if it marks what to keep {transparent}"
        opacity = " --opacity 0.5" if soft else ""
        transparent = f"inpaintkit mask from-alpha {self._name}{opacity} -o"
        return (
            f"if it marks the hole make a mask by {transparent} a.png && inpaintkit mask invert a.png -o m.png, "
            f"if it marks what to keep by {transparent} m.png"
        )

    @property
    def _name(self) -> str:
        return shlex.quote(str(self.path))


def _full(pixels: Pixels) -> float:
    """White."""
    high = float(pixels.max())
    if high <= 1:
        return 1.0
    return float(np.iinfo(pixels.dtype).max) if pixels.dtype.name in ("uint8", "uint16") else max(high, 255.0)


def _spread(colours: Pixels) -> float:
    """The largest difference of the channels, (..., C), of a pixel."""
    channels = np.moveaxis(colours, -1, 0)  # one after another: some ten times as fast as along the last axis
    low, high = reduce(np.minimum, channels), reduce(np.maximum, channels)
    wide = high - low if colours.dtype.kind == "u" else high.astype(np.float32) - low.astype(np.float32)
    return float(np.max(wide, initial=0))


def _is_even(colours: Pixels, tolerance: float) -> bool:
    """Whether pixels (n, C) are of one colour."""
    return bool((np.ptp(colours.astype(np.float32), axis=0) <= tolerance).all())


def _sample(colours: Pixels) -> Pixels:
    """Colours (n, C) of a grid of pixels, of all where they are not too many."""
    every = max(1, math.isqrt(colours[..., 0].size // _MANY))
    return colours[::every, ::every].reshape(-1, colours.shape[2])


def _painted(colours: Pixels, full: float, *, lossy: bool) -> Any:
    """The colour that was probably painted with, on the scale 0 to 255: the most frequent, above all if it is pure."""
    sample = _sample(colours) * (255 / full)
    kinds, which, counts = np.unique(sample // 32 if lossy else sample, axis=0, return_inverse=True, return_counts=True)
    background = (kinds == 0).all(axis=1) & (counts > len(sample) / 2)  # black, which no one painted
    if len(kinds) > 1:
        counts = np.where(background, 0, counts)
    pure = np.where(np.ptp(kinds * 32 if lossy else kinds, axis=1) >= _PURE, counts, 0)
    best = pure.argmax() if pure.max() >= max(8, counts.max() / 20) else counts.argmax()
    return np.round(np.median(sample[which.ravel() == best], axis=0)) if lossy else kinds[best]
