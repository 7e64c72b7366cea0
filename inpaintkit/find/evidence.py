"""What the finders of scratches and of dust share: the two sides of a picture, and how crowded a place is.

Damage is an exception. What there is much of, at about the same contrast, belongs to the picture.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.problem import Image

AROUND = 96  # px: the side of the square that is looked at
_CELL = 8  # px: things are counted by cells
_LIKE = 0.6  # of a thing's contrast: what stands out as much as that is of its kind
_GRADES = (0.0, 0.04, 0.06, 0.09, 0.13, 0.2, 0.3, 0.45)  # contrasts are told apart no finer than that


def bright_side(image: Image) -> Image:
    """The least channel of a picture (H, W, C) in [0, 1]: white stands out from every colour. (H, W)."""
    return reduce(np.minimum, (image[..., channel] for channel in range(image.shape[2]))) + np.float32(0)


def dark_side(image: Image) -> Image:
    """One less the largest channel: black stands out as bright from every colour. (H, W)."""
    return np.float32(1) - reduce(np.maximum, (image[..., channel] for channel in range(image.shape[2])))


def crowd(
    rows: NDArray[Any], columns: NDArray[Any], contrast: NDArray[Any], counted: NDArray[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    """For each thing, how many that count there are in the square around it of at least about its contrast.

    Parameters
    ----------
    rows, columns : whole numbers (N,), where the things lie in a picture of ``shape`` (H, W).
    contrast : (N,), 0 or more, by how much each stands out, full range 1.
    counted : bool (N,), which count; a thing that does counts itself.

    Examples
    --------
    >>> rows, columns = np.array([5, 9, 90]), np.array([5, 5, 300])
    >>> crowd(rows, columns, np.array([0.5, 0.1, 0.5]), np.ones(3, bool), (100, 400)).tolist()
    [1.0, 2.0, 1.0]
    """
    count = np.zeros(len(rows))
    cell = rows // _CELL, columns // _CELL
    own = np.searchsorted(_GRADES, _LIKE * contrast, side="right") - 1
    for grade, least in enumerate(_GRADES):
        asking = own == grade
        if not asking.any():
            continue
        like = counted & (contrast >= least)
        number = np.zeros((shape[0] // _CELL + 1, shape[1] // _CELL + 1), np.float32)
        np.add.at(number, (cell[0][like], cell[1][like]), 1)
        side = AROUND // _CELL
        around = cv2.boxFilter(number, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
        count[asking] = around[cell][asking]
    return np.rint(count)
