"""Holes for demonstrations and tests, generated from a seed: overlaid text and scratches."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from inpaintkit.problem import Mask

WORDS = (
    "the a of and to in light over river stone winter garden hand song paper window quiet blue morning fox journey "
    "zebra quick jumps lazy dog brown Who When Kyoto Quebec Jazz 1950 1987 2024 Vienna harbour market letter box"
).split()


def text(shape: tuple[int, int], *, size: int = 24, share: float = 0.19, seed: int = 0) -> Mask:
    """Lines of random words, ``size`` pixels high, that cover about ``share`` (0 to 0.4) of a picture (H, W).

    Above 0.4 lines overlap, and less is covered than asked for. ValueError for a size below 1, a share outside 0 to 1.
    """
    if size < 1 or not 0 <= share <= 1:
        raise ValueError(f"size is {size:g} and share {share:g}: expected a size of 1 or more and a share of 0 to 1")
    if share == 0:
        return np.zeros(shape, np.bool_)
    rng = np.random.default_rng(seed)
    font = ImageFont.load_default(size)
    mask = np.zeros(shape, np.bool_)
    top = -size // 2
    while top < shape[0]:
        line = PILImage.new("L", (shape[1], 2 * size))
        words = " ".join(rng.choice(WORDS, 2 + 2 * shape[1] // size))
        start = -int(rng.integers(2 * size))
        ImageDraw.Draw(line).text((start, 0), words, fill=255, font=font, stroke_width=max(1, size // 24))
        ink = np.asarray(line) > 100
        rows = slice(max(top, 0), min(top + 2 * size, shape[0]))
        mask[rows] |= ink[rows.start - top : rows.stop - top]
        top += max(1, round(np.count_nonzero(ink) / shape[1] / share))  # the next line where this one's share ends
    return mask


def scratches(shape: tuple[int, int], *, number: int = 12, max_width: int = 6, seed: int = 0) -> Mask:
    """Gently bent lines of any direction, 1 to ``max_width`` pixels wide, up to as long as the picture.

    ValueError for a negative number or a width below 1.
    """
    if number < 0 or max_width < 1:
        raise ValueError(f"number is {number} and max_width {max_width}: expected 0 or more lines of 1 pixel or more")
    rng = np.random.default_rng(seed)
    height, width = shape
    canvas = np.zeros(shape, np.uint8)
    along = np.linspace(-0.5, 0.5, 64)
    for _ in range(number):
        length = max(shape) * rng.uniform(0.2, 1)
        angle = rng.uniform(0, np.pi) + rng.normal(0, 0.5) * along  # bends along its way
        x = rng.uniform(0, width) + length * along * np.cos(angle)
        y = rng.uniform(0, height) + length * along * np.sin(angle)
        curve = np.rint(np.stack([x, y], axis=1)).astype(np.int32)
        cv2.polylines(canvas, [curve], False, 1, int(rng.integers(1, max_width + 1)))
    return canvas.view(np.bool_)
