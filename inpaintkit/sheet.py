"""Pictures side by side with captions, as one picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from inpaintkit.problem import Mask

_GAP, _CAPTION = 12, 34  # px


def sheet(cells: list[tuple[str, NDArray[Any]]], *, columns: int = 3) -> NDArray[np.uint8]:
    """Captioned pictures (uint8 or uint16; grey, RGB or with alpha; one size) in rows of ``columns``, as RGB."""
    height, width = cells[0][1].shape[:2]
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    size = (columns * (width + _GAP) + _GAP, rows * (height + _CAPTION + _GAP) + _GAP)
    page = PILImage.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(max(11, min(18, width // 16)))
    for index, (caption, pixels) in enumerate(cells):
        left = _GAP + index % columns * (width + _GAP)
        top = _GAP + index // columns * (height + _CAPTION + _GAP)
        draw.text((left, top + _CAPTION / 2), caption, fill="black", font=font, anchor="lm")
        picture = _rgba(pixels)
        page.paste(picture, (left, top + _CAPTION), picture)
    return np.asarray(page)


def masked(pixels: NDArray[Any], hole: Mask) -> NDArray[np.uint8]:
    """The picture with its hole in magenta, as RGB or RGBA uint8."""
    shown = np.asarray(_rgba(pixels)).copy()
    shown[hole] = (255, 0, 255, 255)
    return shown


def proposed(pixels: NDArray[Any], hole: Mask) -> NDArray[np.uint8]:
    """The picture with what a mask proposes tinted magenta, and dimmed elsewhere, as RGB."""
    if pixels.dtype.kind == "f":
        pixels = np.rint(np.nan_to_num(pixels.clip(0, 1)) * 255).astype(np.uint8)
    shown = np.asarray(_rgba(pixels).convert("RGB"), np.float32)
    tint = np.array([255, 0, 255], np.float32)
    mixed = np.where(hole[..., None], 0.25 * shown + 0.75 * tint, 0.7 * shown)
    return np.rint(mixed).astype(np.uint8)


def _rgba(pixels: NDArray[Any]) -> PILImage.Image:
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    return PILImage.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels).convert("RGBA")
