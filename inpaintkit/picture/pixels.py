"""Checks of the picture that callers pass: arrays and PIL images, turned into an array with known meaning."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit.problem import Mask

Pixels = NDArray[Any]

_DTYPES = ("uint8", "uint16", "float16", "float32", "float64")
_ROBUST = (0.1, 99.9)  # percentiles: a few hot pixels must not set the scale of a whole HDR picture
_SAMPLE = 1 << 20  # pixels enough to estimate a percentile


@dataclass(frozen=True)
class Picture:
    """A checked picture: ``pixels`` (H, W, C) as the caller gave them, alpha last where ``alpha``."""

    pixels: Pixels
    alpha: bool

    @classmethod
    def of(cls, image: Any) -> Picture:
        """Check an array or a PIL image; raises TypeError or ValueError that says what came and what is needed."""
        pixels = array_of(image, "image")
        if pixels.dtype.name not in _DTYPES:
            raise TypeError(
                f"image has dtype {pixels.dtype}: expected {', '.join(_DTYPES)}; convert with image.astype(...)"
            )
        shaped = pixels[..., None] if pixels.ndim == 2 else pixels
        if shaped.ndim != 3 or not 1 <= shaped.shape[2] <= 4:
            raise ValueError(
                f"image has shape {pixels.shape}: expected (H, W) or (H, W, C) with 1 grey, 2 grey + alpha, "
                "3 RGB or 4 RGBA channels last"
            )
        if shaped.size == 0:
            raise ValueError(f"image has shape {pixels.shape}: it has no pixels")
        return cls(shaped, alpha=shaped.shape[2] in (2, 4))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.pixels.shape[:2]
        return height, width

    @property
    def opaque(self) -> float:
        """The alpha value of a fully opaque pixel."""
        return float(np.iinfo(self.pixels.dtype).max) if self.pixels.dtype.kind == "u" else 1.0

    def check_known(self, hole: Mask) -> None:
        """Raise ValueError where a known pixel is not finite, or alpha leaves [0, 1]."""
        if self.pixels.dtype.kind != "f":
            return
        with np.errstate(invalid="ignore"):
            finite = np.isfinite([self.pixels.min(), self.pixels.max()]).all()
        bad = np.zeros(0) if finite else ~np.isfinite(self.pixels).all(axis=2) & ~hole
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise ValueError(
                f"image has {np.count_nonzero(bad)} known pixels that are NaN or infinite, the first at row {row}, "
                f"column {column}: add them to the mask, e.g. mask | ~np.isfinite(image)"
            )
        if self.alpha:
            alpha = self.pixels[..., -1][~hole]
            if alpha.min() < 0 or alpha.max() > 1:
                raise ValueError(
                    f"image's alpha lies in [{alpha.min():g}, {alpha.max():g}]: a float alpha belongs in [0, 1]"
                )

    def range(self, hole: Mask) -> tuple[float, float]:
        """(scale, offset) with colours = normalised * scale + offset.

        Integers: their full range. Floats within [0, 1] as they are; any other range by robust percentiles.
        """
        if self.pixels.dtype.kind == "u":
            return self.opaque, 0.0
        colours = self.pixels[..., :-1] if self.alpha else self.pixels
        if colours.min() >= 0 and colours.max() <= 1:  # the hole included: no need to look closer
            return 1.0, 0.0
        known = ~hole if not self.alpha else ~hole & (self.pixels[..., -1] > 0)  # transparent pixels have no colour
        if not known.any():
            return 1.0, 0.0
        there = known[..., None]
        low = float(colours.min(where=there, initial=np.inf))
        high = float(colours.max(where=there, initial=-np.inf))
        if low >= 0 and high <= 1:
            return 1.0, 0.0
        every = max(1, math.isqrt(hole.size // _SAMPLE))
        sample = colours[::every, ::every][known[::every, ::every]].astype(np.float64)
        if sample.size:
            near, far = (float(value) for value in np.percentile(sample, _ROBUST))
            low, high = (near, far) if far > near else (low, high)
        return (high - low if high > low else 1.0), low


def array_of(data: Any, what: str) -> Pixels:
    """An array or a PIL image as an array of numbers; raises TypeError or ValueError that names ``what`` it is."""
    if isinstance(data, PILImage.Image):
        return _from_pil(data, what)
    try:
        array = np.asarray(data)
    except ValueError:  # a ragged list
        array = np.asarray(None)
    if array.dtype == object or array.dtype.kind in "SU":
        raise TypeError(f"{what} is {type(data).__name__}: pass a numpy array or a PIL image; read(path) makes one")
    return array


def _from_pil(image: PILImage.Image, what: str) -> Pixels:
    mode = image.mode
    if mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif mode == "1":
        image = image.convert("L")
    elif mode.startswith("I"):  # 16 bits, in 32 with some versions and formats
        pixels = np.asarray(image)
        if pixels.size and not 0 <= pixels.min() <= pixels.max() <= np.iinfo(np.uint16).max:
            raise ValueError(
                f"{what} has PIL mode {mode} with values in [{pixels.min()}, {pixels.max()}]: scale to 16 bits"
            )
        return pixels.astype(np.uint16)
    elif mode not in ("L", "LA", "RGB", "RGBA", "F"):
        raise ValueError(f"{what} has PIL mode {mode}: convert it first, e.g. image.convert('RGB')")
    return np.asarray(image)
