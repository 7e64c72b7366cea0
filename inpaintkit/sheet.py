"""Pictures side by side with captions, as one picture; any picture that ``inpaint`` takes can be shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from inpaintkit.problem import Mask

_GAP, _CAPTION = 12, 34  # px
_MAX_SIDE = 1600  # px, of a picture before and after: three of them still fit a page
_ROBUST = (0.1, 99.9)  # percentiles: a few hot pixels must not darken the rest
_SAMPLE = 1 << 20  # pixels enough to estimate a percentile
_DARK = 8  # a picture that uses less than an eighth of its type's range is shown by its own range
_MAGENTA = (255, 0, 255, 255)


@dataclass(frozen=True)
class Display:
    """How a picture's values become the 8 bits of a page: the same for pictures that stand side by side.

    Attributes
    ----------
    low, high : values shown black and white.
    alpha : the last channel is opacity.
    """

    low: float
    high: float
    alpha: bool

    @classmethod
    def of(
        cls, pixels: NDArray[Any], *, hole: Mask | None = None, channels: Literal["alpha", "bands"] | None = None
    ) -> Display:
        """The display of a picture, by what is known of it.

        Parameters
        ----------
        pixels : (H, W) or (H, W, C) of any type that ``inpaint`` takes, or bool.
        hole : bool (H, W); what lies there, a missing value say, is not looked at.
        channels : what the last channel is, as in ``inpaint``.
        """
        count = 1 if pixels.ndim == 2 else pixels.shape[2]
        alpha = count > 1 and (channels == "alpha" or (channels is None and count in (2, 4)))
        low, high = _full_range(pixels.dtype)
        if pixels.dtype == np.uint8 or pixels.dtype == np.bool_:
            return cls(low, high, alpha)
        near, far = _robust_range(pixels.reshape(*pixels.shape[:2], count)[..., : count - alpha], hole)
        fits = pixels.dtype.kind in "uf" and low <= near and far <= high and _DARK * (far - near) >= high - low
        return cls(low, high, alpha) if fits else cls(near, far, alpha)

    def rgba(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """The picture as uint8 (H, W, 4): grey for one band or two, else the first three bands."""
        bands = pixels.reshape(*pixels.shape[:2], -1)
        colours = bands[..., :-1] if self.alpha else bands
        shown = np.full((*bands.shape[:2], 4), 255, np.uint8)
        for channel in range(3):
            shown[..., channel] = self._grey(colours[..., channel if colours.shape[2] >= 3 else 0])
        if self.alpha:
            shown[..., 3] = Display(0, _full_range(pixels.dtype)[1], False)._grey(bands[..., -1])
        return shown

    def _grey(self, band: NDArray[Any]) -> NDArray[np.uint8]:
        if band.dtype == np.uint8 and (self.low, self.high) == (0, 255):
            return band
        with np.errstate(over="ignore", invalid="ignore"):  # infinities and NaN, which are shown black
            share = (band.astype(np.float64) - self.low) / (self.high - self.low)
        levels = np.nan_to_num(share, posinf=1, neginf=0).clip(0, 1) * 255
        return np.asarray(np.rint(levels), np.uint8)


def sheet(cells: list[tuple[str, NDArray[Any]]], *, columns: int = 3) -> NDArray[np.uint8]:
    """Captioned pictures of one size in rows of ``columns``, as RGB; each that is not 8-bit by its own display."""
    height, width = cells[0][1].shape[:2]
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    font = ImageFont.load_default(max(11, min(18, width // 16)))
    cell = max(width, *(math.ceil(font.getlength(caption)) for caption, _ in cells))
    size = (columns * (cell + _GAP) + _GAP, rows * (height + _CAPTION + _GAP) + _GAP)
    page = PILImage.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    for index, (caption, pixels) in enumerate(cells):
        left = _GAP + index % columns * (cell + _GAP)
        top = _GAP + index // columns * (height + _CAPTION + _GAP)
        draw.text((left, top + _CAPTION / 2), caption, fill="black", font=font, anchor="lm")
        picture = PILImage.fromarray(Display.of(pixels).rgba(pixels))
        page.paste(picture, (left, top + _CAPTION), picture)
    return np.asarray(page)


def before_and_after(
    before: NDArray[Any],
    mask: Mask,
    after: NDArray[Any],
    *,
    caption: str = "after",
    channels: Literal["alpha", "bands"] | None = None,
) -> NDArray[np.uint8]:
    """A picture, its mask and its fill side by side, as RGB; large ones are shown smaller.

    Both pictures share one display, which what lies in the hole has no part in.
    """
    display = Display.of(before, hole=mask, channels=channels)
    shrink = math.ceil(max(mask.shape) / _MAX_SIDE)
    title = "before" if shrink == 1 else f"before, 1:{shrink}"
    cells = [(title, display.rgba(before)), ("mask", Display.of(mask).rgba(mask)), (caption, display.rgba(after))]
    return sheet([(text, np.asarray(PILImage.fromarray(shown).reduce(shrink))) for text, shown in cells])


def masked(pixels: NDArray[Any], hole: Mask, display: Display | None = None) -> NDArray[np.uint8]:
    """The picture with its hole in magenta, as RGBA uint8."""
    shown = (display or Display.of(pixels, hole=hole)).rgba(pixels)
    shown[hole] = _MAGENTA
    return shown


def proposed(
    pixels: NDArray[Any], hole: Mask, *, channels: Literal["alpha", "bands"] | None = None
) -> NDArray[np.uint8]:
    """The picture with what a mask proposes tinted magenta, and dimmed elsewhere, as RGB."""
    shown = Display.of(pixels, channels=channels).rgba(pixels)[..., :3].astype(np.float32)
    tint = np.array(_MAGENTA[:3], np.float32)
    mixed = np.where(hole[..., None], 0.25 * shown + 0.75 * tint, 0.7 * shown)
    return np.rint(mixed).astype(np.uint8)


def _full_range(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Black and white of a type as pictures are usually stored in it."""
    return (0.0, float(np.iinfo(dtype).max)) if dtype.kind in "ui" else (0.0, 1.0)


def _robust_range(colours: NDArray[Any], hole: Mask | None) -> tuple[float, float]:
    """Percentiles of what is known and finite of (H, W, C)."""
    step = math.isqrt(max(1, colours[..., 0].size // _SAMPLE))
    sample = colours[::step, ::step]
    if hole is not None:
        sample = sample[~hole[::step, ::step]]
    sample = sample[np.isfinite(sample)].astype(np.float64)
    if not sample.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(sample, _ROBUST))
    if low == high:  # nothing but a few pixels differs, or nothing at all
        low, high = float(sample.min()), float(sample.max())
    return low, high if high > low else low + 1
