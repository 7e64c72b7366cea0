"""Recall and precision of a found mask, when what lies within a few pixels counts as found and as right."""

from __future__ import annotations

import cv2
import numpy as np

from inpaintkit.problem import Mask

REACH = 3  # px: a tracing is not more exact


def near(mask: Mask, reach: int = REACH) -> Mask:
    """The pixels whose centre is at most ``reach`` px from one of the mask.

    Examples
    --------
    >>> near(np.array([[0, 0, 0, 0], [1, 0, 0, 0]], bool), 2).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 1, 0]])
    """
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = (y * y + x * x <= reach * reach).astype(np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc)) > 0


def recall(found: Mask, truth: Mask, reach: int = REACH) -> float:
    """The share of the true pixels that are at most ``reach`` px from a found one; NaN where nothing is true."""
    return _share(near(found, reach), truth)


def precision(found: Mask, truth: Mask, ignored: Mask | None = None, reach: int = REACH) -> float:
    """The share of the found pixels that are at most ``reach`` px from a true one; NaN where nothing is found.

    ignored : bool (H, W), found pixels that count neither way unless they are near a true one.
    """
    right = near(truth, reach)
    return _share(right, found if ignored is None else found & (right | ~ignored))


def _share(part: Mask, whole: Mask) -> float:
    number = np.count_nonzero(whole)
    return np.count_nonzero(part & whole) / number if number else float("nan")
