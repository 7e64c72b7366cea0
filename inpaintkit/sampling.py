"""A picture read between its pixels, for kernels."""

from __future__ import annotations

import numpy as np

from inpaintkit.arrays import F32x2
from inpaintkit.kernels import kernel


@kernel(inline=True)
def bilinear_kernel(image: F32x2, row: float, column: float) -> np.float32:
    """The value at a place between the centres of four pixels; NaN outside [0, H - 1) x [0, W - 1).

    image : float32 (H, W); row, column : in pixels, whole numbers at their centres.
    """
    if not (0 <= row < image.shape[0] - 1 and 0 <= column < image.shape[1] - 1):
        return np.float32(np.nan)
    i, j = int(row), int(column)
    v, u = np.float32(row - i), np.float32(column - j)
    upper = image[i, j] + u * (image[i, j + 1] - image[i, j])
    lower = image[i + 1, j] + u * (image[i + 1, j + 1] - image[i + 1, j])
    value: np.float32 = upper + v * (lower - upper)
    return value
