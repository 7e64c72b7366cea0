"""What a style covers beside the mask that was found: full stops, thin strokes and letters that the finder passed over.

Such pixels lie on the way from what is around them to the ink, and in small parts near the letters.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.compositing import Units
from inpaintkit.overlay.model import Overlay, Style
from inpaintkit.overlay.single import around, plain_fill
from inpaintkit.picture import Picture, grow, span_of
from inpaintkit.problem import Image, Mask

_BODY = 0.5  # of full opacity: beyond it a pixel belongs to a letter's body
_FEWEST = 6  # pixels of a body whose height counts
_REACH = 1.0  # letters' heights around the mask that are looked at
_WINDOW, _LEAST = 0.8, 9  # letters' heights, and px: side of the windows whose median is the background
_THIN, _SURE = 0.3, 0.7  # of full opacity: pixels that may be covered, and one of them surely is
_BESIDE = 2  # px from the mask in which half of full opacity is as sure
_OFF = 0.2  # of the way to the ink, by which pixels may be off it
_SHOWN = 5.0  # deviations of the background by which ink has to stand out
_LARGEST = 1.6  # letters' heights that a part may measure

Levels = NDArray[np.uint8]


def passed_over(picture: Picture, hole: Mask, overlay: Overlay) -> Mask:
    """What is drawn near a hole in the styles of the overlay that was estimated there, bool (H, W)."""
    found = np.zeros_like(hole)
    if not overlay.info.styles or picture.colours not in (1, 3):
        return found
    here = around(hole).slices
    white = Units(picture, span_of(picture, hole), False).peak
    pixels = picture.pixels[here][..., : picture.colours].astype(np.float32) / np.float32(white)
    levels, filled = (_levels(part) for part in (pixels, plain_fill(pixels, hole[here])))
    styles = [replace(one, colour=tuple(255 / white * value for value in one.colour)) for one in overlay.info.styles]
    found[here] = _drawn(levels, filled, hole[here], overlay.opacity[here], styles)
    return found & (picture.pixels[..., -1] > 0) if picture.alpha else found


def _levels(pixels: Image) -> Levels:
    levels: Levels = np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)
    return levels


def _drawn(seen: Levels, filled: Levels, hole: Mask, opacity: Image, styles: list[Style]) -> Mask:
    """Pixels beside a hole that are drawn in its styles, bool (h, w).

    Parameters
    ----------
    seen, filled : uint8 (h, w, C), the picture, and with its hole filled.
    opacity : (h, w), what is covered in the hole.
    styles : their colours in levels of 8 bits.
    """
    height = _height(opacity, styles)
    side = int(max(_WINDOW * height, _LEAST)) // 2 * 2 + 1
    around = np.dstack([cv2.medianBlur(np.ascontiguousarray(plane), side) for plane in np.moveaxis(filled, 2, 0)])
    away = seen.astype(np.float64) - around
    off = np.abs(filled.astype(np.float64) - around).mean(axis=2).clip(0, 255).astype(np.uint8)
    usual = 1 + 1.48 * cv2.medianBlur(off, side)
    near = grow(hole, int(_REACH * height)) & ~hole
    sure = np.where(grow(hole, _BESIDE), _BODY, _SURE)
    found = np.zeros_like(hole)
    for style in styles:
        way = np.array(style.colour) - around
        length = np.sqrt(np.square(way).mean(axis=2))
        share = (away * way).mean(axis=2) / np.maximum(length**2, 1)
        beside = np.sqrt(np.square(away - share[..., None] * way).mean(axis=2))
        shown = np.abs(share) * length > _SHOWN * usual
        thin = near & (share > _THIN * style.opacity) & shown & (beside < _OFF * length)
        found |= _small(thin, thin & (share > sure * style.opacity), _LARGEST * height)
    return found


def _height(opacity: Image, styles: list[Style]) -> float:
    """Of most letters, px."""
    full = max(style.opacity for style in styles)
    count, _, stats, _ = cv2.connectedComponentsWithStats((opacity > _BODY * full).astype(np.uint8), connectivity=8)
    heights = stats[1:count][stats[1:count, cv2.CC_STAT_AREA] >= _FEWEST, cv2.CC_STAT_HEIGHT]
    return float(np.median(heights)) if len(heights) else float(_LEAST)


def _small(thin: Mask, sure: Mask, largest: float) -> Mask:
    """The connected parts of some pixels that hold a sure one and are no larger than letters."""
    count, part, stats, _ = cv2.connectedComponentsWithStats(thin.astype(np.uint8), connectivity=8)
    held = np.bincount(part[sure], minlength=count) > 0
    held &= stats[:count, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) <= largest
    held[0] = False
    kept: Mask = held[part]
    return kept
