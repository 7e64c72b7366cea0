"""Checks of the picture that callers pass: arrays and PIL images, turned into an array with known meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit.problem import Mask

Pixels = NDArray[Any]

Channels = Literal["alpha", "bands"]

_DTYPES = (
    *(f"uint{bits}" for bits in (8, 16, 32, 64)),
    *(f"int{bits}" for bits in (8, 16, 32, 64)),
    *(f"float{bits}" for bits in (16, 32, 64)),
)


@dataclass(frozen=True)
class Picture:
    """A checked picture: ``pixels`` (H, W, C) as the caller gave them, alpha last where ``alpha``."""

    pixels: Pixels
    alpha: bool

    @classmethod
    def of(cls, image: Any, channels: Channels | None = None) -> Picture:
        """Check an array or a PIL image.

        Parameters
        ----------
        image : (H, W) or (H, W, C), or a PIL image.
        channels : "alpha", the last of two channels or more is opacity; "bands", none is; None: the last of 2 or 4 is.

        Raises
        ------
        TypeError, ValueError : what cannot be used; the message says what came and what is needed.
        """
        if channels is not None and (not isinstance(channels, str) or channels not in ("alpha", "bands")):
            raise ValueError(
                f"channels is {channels!r}: expected 'alpha', 'bands', or None for alpha in 2 or 4 channels"
            )
        pixels = array_of(image, "image")
        if pixels.dtype.name not in _DTYPES:
            raise TypeError(
                f"image has dtype {pixels.dtype}: expected {', '.join(_DTYPES)}; convert with image.astype(...)"
            )
        shaped = pixels[..., None] if pixels.ndim == 2 else pixels
        if shaped.ndim != 3:
            raise ValueError(f"image has shape {pixels.shape}: expected (H, W) or (H, W, C), channels last")
        if shaped.size == 0:
            raise ValueError(f"image has shape {pixels.shape}: it has no pixels")
        number = shaped.shape[2]
        if channels == "alpha" and number == 1:
            raise ValueError("image has one channel, which cannot be alpha: pass channels='bands', or two or more")
        return cls(shaped, alpha=number in (2, 4) if channels is None else channels == "alpha")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.pixels.shape[:2]
        return height, width

    @property
    def colours(self) -> int:
        """The number of channels, alpha not counted."""
        return int(self.pixels.shape[2]) - self.alpha

    @property
    def opaque(self) -> float:
        """The alpha value of a fully opaque pixel: the largest of an integer type, signed or not, and 1 for floats."""
        return 1.0 if self.pixels.dtype.kind == "f" else int(np.iinfo(self.pixels.dtype).max)

    def check_known(self, hole: Mask) -> None:
        """Raise ValueError where a known pixel that is not transparent is not finite, or alpha is out of its range."""
        if self.pixels.dtype.kind == "f":
            self._check_finite(hole)
        if self.alpha and self.pixels.dtype.kind != "u":
            self._check_alpha(hole)

    def _check_finite(self, hole: Mask) -> None:
        with np.errstate(invalid="ignore"):
            if np.isfinite([self.pixels.min(), self.pixels.max()]).all():
                return
        bad = ~np.isfinite(self.pixels).all(axis=2) & ~hole
        if self.alpha:
            bad &= self.pixels[..., -1] != 0  # what is fully transparent has no colour
        if bad.any():
            (row, column), count = np.argwhere(bad)[0], np.count_nonzero(bad)
            kind = "1 known pixel that is" if count == 1 else f"{count} known pixels that are"
            raise ValueError(
                f"image has {kind} NaN or infinite, the first at row {row}, "
                f"column {column}: add them to the mask, e.g. mask | ~np.isfinite(image), or pass mask='nan' "
                "(--mask nan) to fill just these"
            )

    def _check_alpha(self, hole: Mask) -> None:
        alpha = self.pixels[..., -1][~hole]
        low, high = alpha.min(), alpha.max()
        if not (low >= 0 and high <= self.opaque):  # NaN fails too
            kind = "a float alpha belongs in [0, 1]" if alpha.dtype.kind == "f" else "an alpha is 0 or more"
            raise ValueError(
                f"image's alpha lies in [{low:g}, {high:g}]: {kind}; if the last channel is no alpha, pass "
                "channels='bands'"
            )


def array_of(data: Any, what: str) -> Pixels:
    """An array or a PIL image as an array of numbers; raises TypeError or ValueError that names ``what`` it is."""
    if isinstance(data, PILImage.Image):
        return _from_pil(data, what)
    try:
        array = np.asarray(data)
    except ValueError:  # a ragged list
        array = np.asarray(None)
    if array.dtype == object or array.dtype.kind in "SU":
        kind = f"an array of {array.dtype}" if isinstance(data, np.ndarray) else type(data).__name__
        raise TypeError(f"{what} is {kind}: pass a numpy array or a PIL image; read(path) makes one")
    return array


def _from_pil(image: PILImage.Image, what: str) -> Pixels:
    mode = image.mode
    if mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif mode == "1":
        image = image.convert("L")
    elif mode.startswith("I"):
        pixels = np.asarray(image)
        # Some versions and formats keep 16 bits in 32, which makes no difference but to a mask.
        short = mode != "I" or (what == "mask" and pixels.size and 0 <= pixels.min() <= pixels.max() < 2**16)
        return pixels.astype(np.uint16) if short else pixels
    elif mode not in ("L", "LA", "RGB", "RGBA", "F"):
        raise ValueError(f"{what} has PIL mode {mode}: convert it first, e.g. image.convert('RGB')")
    return np.asarray(image)
