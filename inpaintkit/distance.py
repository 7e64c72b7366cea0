"""Distances to the rim inside a crop, exact and Euclidean, in pixels; hole pixels that nothing known reaches."""

from __future__ import annotations

import cv2
import numpy as np

from inpaintkit.problem import Image, Mask

_EXACT = 1000  # px up to which a squared float32 distance rounds to the right whole number


def distance_to(target: Mask) -> Image:
    """Distance of every pixel to the nearest pixel of ``target``, float32 (H, W); infinite if ``target`` is empty.

    The crop's edge is no target: what lies beyond it is unknown, not near.
    """
    if not target.any():
        return np.full(target.shape, np.inf, np.float32)
    away = (~target).view(np.uint8)
    distance = np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    if distance.max() > _EXACT:
        from scipy import ndimage  # not above: its import costs more than most fills

        exact: Image = ndimage.distance_transform_edt(~target).astype(np.float32)
        return exact
    # OpenCV's last bit depends on its number of threads; squared distances are whole numbers.
    rounded: Image = np.sqrt(np.rint(distance * distance))
    return rounded


def rim_distance(hole: Mask, known: Mask | None = None) -> Image:
    """How deep a hole pixel lies: distance to the nearest known pixel, 0 outside the hole, float32 (H, W).

    A hole pixel beside a known one has depth 1. Infinite where the crop knows nothing.
    """
    depth = distance_to(~hole if known is None else known)
    return np.where(hole, depth, np.float32(0))


def unreachable(hole: Mask, known: Mask) -> Mask:
    """Hole pixels that touch no known pixel along rows or columns, not even through the hole: amid void pixels."""
    open_ = hole | known
    if open_.all() and known.any():
        return np.zeros_like(hole)
    count, labels = cv2.connectedComponents(open_.view(np.uint8), connectivity=4)
    touched = np.zeros(count, np.bool_)
    touched[labels[known]] = True
    cut_off: Mask = hole & ~touched[labels]
    return cut_off


def nearest_known(image: Image, known: Mask, where: Mask) -> Image:
    """Colours of the known pixels nearest to the pixels ``where``, float32 (n, C) in raster order.

    At least one pixel must be known.
    """
    from scipy import ndimage

    rows, columns = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    colours: Image = image[rows[where], columns[where]]
    return colours
