"""Outlines drawn over pictures, to look at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.problem import Mask

Colour = tuple[int, int, int]

MAGENTA, GREEN = (255, 0, 255), (0, 200, 0)


def outlined(pixels: NDArray[np.uint8], *masks: tuple[Mask, Colour], scale: int = 1) -> NDArray[np.uint8]:
    """A grey or RGB picture, enlarged, with the outline of each mask, one pixel wide and just outside it."""
    rgb = pixels[..., None].repeat(3, 2) if pixels.ndim == 2 else pixels
    shown = enlarged(rgb, scale)
    for mask, colour in masks:
        large = enlarged(mask.astype(np.uint8), scale)
        shown[(cv2.dilate(large, np.ones((3, 3), np.uint8)) > 0) & (large == 0)] = colour
    return shown


def enlarged(pixels: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """Every pixel as a square of pixels."""
    return np.ascontiguousarray(pixels.repeat(scale, 0).repeat(scale, 1))
