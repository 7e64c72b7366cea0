"""How the finders score what they find: log-odds, what sensitivity asks of them, polarity, and how crowded a place is.

A candidate's score x is a weighted sum of what was measured on it, read as the logarithm of the odds that it is damage:
the odds are e^x : 1, and its confidence is 1 / (1 + e^-x). The weights stand in a table in each finder's file;
``benchmarks/studies/fit_finders.py`` fits them to generated damage again.

Damage is rare. If there are many similar things of about the same contrast, they belong to the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import Array
from inpaintkit.box import Box
from inpaintkit.problem import Image, Mask

NEIGHBOURHOOD = 96  # px: the side of the square in which similar things are counted
SIMILAR = 0.6  # of a thing's contrast: what stands out as much as that is similar to it
_CELL = 8  # px: things are counted by cells
_GRADES = (0.0, 0.04, 0.06, 0.09, 0.13, 0.2, 0.3, 0.45)  # contrasts are distinguished no finer than that

Weights = Mapping[str, float]
Labels = NDArray[np.int32]
Value = TypeVar("Value", float, NDArray[Any])


def weighted(weights: Weights, features: Mapping[str, Value]) -> Value:
    """What features add to the log-odds: their weighted sum, in the order of the weights.

    Examples
    --------
    >>> weighted({"contrast": 2.0, "slope": -1.0}, {"contrast": 3.0, "slope": 0.5})
    5.5
    """
    terms = [weight * features[name] for name, weight in weights.items()]
    return reduce(lambda total, term: total + term, terms)


def confidence(log_odds: Any) -> Any:
    """The probability that a candidate is damage, in [0, 1]."""
    return 1 / (1 + np.exp(-log_odds))


def threshold(sensitivity: float, middle: float, span: float) -> float:
    """The log-odds that a candidate needs: ``middle`` at sensitivity 0.5, ``span`` less at 1 than at 0.

    Examples
    --------
    >>> threshold(0.5, 3.0, 6.0), threshold(0, 3.0, 6.0), threshold(1, 3.0, 6.0)
    (3.0, 6.0, 0.0)
    """
    return middle + span * (0.5 - sensitivity)


def mark(onto: tuple[Mask, Image, Labels | None], around: Box, hole: Mask, number: int, log_odds: float) -> None:
    """Mark one thing in a mask, a confidence and labels (H, W): a pixel keeps its first number and its best odds.

    hole : bool (h, w), where it lies in the box ``around`` it.
    """
    mask, sure, labels = onto[0][around.slices], onto[1][around.slices], onto[2]
    mask |= hole
    if labels is not None:
        part = labels[around.slices]
        part[hole & (part == 0)] = number
    np.maximum(sure, np.where(hole, confidence(log_odds), 0).astype(np.float32), out=sure)


def polarities(image: Image) -> tuple[Image, Image]:
    """A picture (H, W, C) in [0, 1] for bright and for dark damage, (H, W) each: damage is bright in both.

    The first is the smallest channel, in which white stands out from every colour; the second is one less the largest,
    in which black does.
    """
    channels = [image[..., channel] for channel in range(image.shape[2])]
    return reduce(np.minimum, channels) + np.float32(0), np.float32(1) - reduce(np.maximum, channels)


def crowding(rows: Array, columns: Array, contrast: Array, counted: Array, shape: tuple[int, ...]) -> Array:
    """For each thing, how many of those that count stand out at least about as much in the square around it.

    Parameters
    ----------
    rows, columns : whole numbers (N,), where the things lie in a picture of ``shape`` (H, W).
    contrast : (N,), 0 or more, how far each stands out, full range 1.
    counted : bool (N,), which count; a thing that does counts itself.

    Examples
    --------
    >>> rows, columns = np.array([5, 9, 90]), np.array([5, 5, 300])
    >>> crowding(rows, columns, np.array([0.5, 0.1, 0.5]), np.ones(3, bool), (100, 400)).tolist()
    [1.0, 2.0, 1.0]
    """
    count = np.zeros(len(rows))
    cell = rows // _CELL, columns // _CELL
    own = np.searchsorted(_GRADES, SIMILAR * contrast, side="right") - 1
    for grade, minimum in enumerate(_GRADES):
        asking = own == grade
        if not asking.any():
            continue
        similar = counted & (contrast >= minimum)
        number = np.zeros((shape[0] // _CELL + 1, shape[1] // _CELL + 1), np.float32)
        np.add.at(number, (cell[0][similar], cell[1][similar]), 1)
        side = NEIGHBOURHOOD // _CELL
        around = cv2.boxFilter(number, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
        count[asking] = around[cell][asking]
    return np.rint(count)
