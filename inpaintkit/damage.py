"""Damage with a known truth, drawn from a seed: overlaid text, scratches, lost pixels. Masks are bool, True is damage."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from inpaintkit.problem import Mask

_LETTERS = "aabcdeeefghiijklmnoopqrsttuuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def text(shape: tuple[int, int], *, size: int = 24, share: float = 0.19, seed: int = 0) -> Mask:
    """Lines of random words, ``size`` pixels high, that cover about ``share`` (0 to 0.25) of a picture (H, W)."""
    rng = np.random.default_rng(seed)
    height, width = shape
    canvas = PILImage.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size)
    stroke = max(1, size // 24)
    spacing = round(size * 0.29 / share)  # a line of this font inks about 0.29 of its height
    for top in range(-size // 2, height, spacing):
        line = ""
        while draw.textlength(line, font=font) < width + 4 * size:
            line += "".join(rng.choice(list(_LETTERS), rng.integers(3, 10))) + " "
        draw.text((-int(rng.integers(4 * size)), top), line, fill=255, font=font, stroke_width=stroke)
    mask: Mask = np.asarray(canvas) > 100
    return mask


def scratches(shape: tuple[int, int], *, number: int = 12, widest: int = 6, seed: int = 0) -> Mask:
    """Cubic curves from edge to edge or shorter, 1 to ``widest`` pixels wide."""
    rng = np.random.default_rng(seed)
    height, width = shape
    canvas = np.zeros(shape, np.uint8)
    t = np.linspace(0, 1, 64)[:, None]
    for _ in range(number):
        a, b, c, d = rng.random((4, 2)) * (width, height)
        curve = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
        cv2.polylines(canvas, [np.rint(curve).astype(np.int32)], False, 1, int(rng.integers(1, widest + 1)))
    return canvas.view(np.bool_)


def drop(shape: tuple[int, int], *, share: float = 0.5, seed: int = 0) -> Mask:
    """Every pixel lost with probability ``share``."""
    lost: Mask = np.random.default_rng(seed).random(shape) < share
    return lost
