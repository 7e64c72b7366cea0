"""A region's outline made exact: by its colours and a contour in a closer view, then pixel by pixel at full size."""

from __future__ import annotations

import cv2
import numpy as np
from skimage.segmentation import watershed

from inpaintkit.box import Box
from inpaintkit.picture import Picture, Span
from inpaintkit.problem import Mask
from inpaintkit.selection import views
from inpaintkit.selection.contours import fitted
from inpaintkit.selection.looks import Judge
from inpaintkit.selection.views import Flat, View, carried, depth, filled, largest

_ROOM = 0.5  # of a region's longer side: what a closer view shows around it
_FREE = 0.12  # of a region's side: how far from its outline colours decide
_ROUNDS = 2  # of GrabCut
_BAND = 3  # px: how far from its outline a region may change from one size to the next
_TILE = 192  # px of the picture: the side of a tile of the band
_AGREE = 0.8  # overlap of a refined region with what it was
_GAIN = 0.0  # by which a refined region has to look better


def closer(picture: Picture, span: Span, of: View, mask: Flat) -> tuple[View, Flat]:
    """A region in a view of its own."""
    left, top, width, height = cv2.boundingRect(mask)
    across, down = of.scale
    box = Box.from_edges(
        int(of.box.left + left / across),
        int(of.box.top + top / down),
        int(np.ceil(of.box.left + (left + width) / across)),
        int(np.ceil(of.box.top + (top + height) / down)),
    )
    view = views.view(picture, span, box.grown(int(_ROOM * max(box.shape)) + 4, picture.shape))
    return view, carried(mask, of, view)


def improved(view: View, mask: Flat, keep: list[tuple[int, int]], leave: list[tuple[int, int]]) -> Flat:
    """The best looking of a region, what GrabCut makes of it, and the contours fitted to both."""
    judge = Judge.of(view)
    cut = coloured(view, mask)
    others = [cut, fitted(view, mask), fitted(view, cut) if cut is not None else None]
    best, most = mask, judge.score(mask)
    for other in others:
        if other is None or not _overlaps(other, mask):
            continue
        if not all(other[y, x] for x, y in keep) or any(other[y, x] for x, y in leave):
            continue
        score = judge.score(other)
        if score is not None and (most is None or score > most + _GAIN):
            best, most = other, score
    return best


def _overlaps(one: Flat, other: Flat) -> bool:
    return bool(np.count_nonzero(one & other) > _AGREE * np.count_nonzero(one | other))


def coloured(view: View, mask: Flat) -> Flat | None:
    """GrabCut (Rother 2004) near the outline, doi:10.1145/1015706.1015720; None where nothing is left."""
    near = max(2.0, _FREE * np.count_nonzero(mask) ** 0.5)
    within, beyond = depth(mask), cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3)
    sure = within > min(near, within.max() - 1)
    state = np.where(sure, cv2.GC_FGD, np.where(mask > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD)).astype(np.uint8)
    state[beyond > near] = cv2.GC_BGD
    if not (state == cv2.GC_BGD).any() or not sure.any():
        return None
    shown = view.lab if view.lab.shape[2] == 3 else np.repeat(view.lab, 3, axis=2)
    levels = (shown * 2.55 if view.lab.shape[2] == 1 else shown * (2.55, 1, 1) + (0, 128, 128)).clip(0, 255)
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(levels.astype(np.uint8), state, (0, 0, 1, 1), *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    cut = ((state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)).astype(np.uint8)
    return filled(largest(cut)) if cut.any() else None


def at_full_size(picture: Picture, span: Span, view: View, mask: Flat) -> Mask:
    """The region in the picture, bool (H, W): at every doubling of the size the outline moves to edges near it."""
    while max(view.scale) < 1:
        finer = views.view(picture, span, view.box, min(2 * max(view.shape), max(view.box.shape)))
        mask = carried(mask, view, finer)
        view, mask = finer, _snapped(finer, mask)
    whole = np.zeros(picture.shape, np.bool_)
    whole[view.box.slices] = views.as_mask(mask)
    return whole


def _snapped(view: View, mask: Flat) -> Flat:
    """A region whose outline is moved to the strongest edges in a band around it, tile by tile."""
    band = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((2 * _BAND + 1,) * 2, np.uint8))
    found = mask.copy()
    for top in range(0, mask.shape[0], _TILE):
        for left in range(0, mask.shape[1], _TILE):
            tile = Box(left, top, _TILE, _TILE).clipped(mask.shape)
            if not band[tile.slices].any():
                continue
            seen = tile.grown(2 * _BAND, mask.shape)
            markers = np.where(band[seen.slices] > 0, 0, 1 + mask[seen.slices]).astype(np.int32)
            snapped = watershed(views.edges(view.lab[seen.slices]), markers) == 2
            found[tile.slices] = snapped[tile.within(seen)]
    return np.asarray(cv2.medianBlur(found, 5), np.uint8)
