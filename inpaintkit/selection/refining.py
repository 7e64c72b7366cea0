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
from inpaintkit.selection.views import Flat, Frame, View, carried, depth, filled, largest

_ROOM = 0.5  # of a region's longer side: what a closer view shows around it
_FREE = 0.12  # of a region's side: how far from its outline colours decide
_ROUNDS = 2  # of GrabCut
_BAND = 3  # px: how far from its outline a region may change from one size to the next
_EDGE_ROOM = 8  # px: what is seen around a region whose outline is moved
_TILE = 64  # px: the side of a tile of the band
_AGREE = 0.8  # overlap of a refined region with what it was
_GAIN = 0.0  # by which a refined region has to look better


def closer(picture: Picture, span: Span, of: View, mask: Flat) -> tuple[View, Flat]:
    """A region in a view of its own."""
    box = _box_of(of, mask)
    view = views.view(picture, span, box.grown(int(_ROOM * max(box.shape)) + 4, picture.shape))
    return view, carried(mask, of, view)


def _box_of(frame: Frame, mask: Flat) -> Box:
    """The box of the picture that holds a region."""
    left, top, width, height = cv2.boundingRect(mask)
    (across, down), corner = frame.scale, frame.box
    return Box.from_edges(
        int(corner.left + left / across),
        int(corner.top + top / down),
        int(np.ceil(corner.left + (left + width) / across)),
        int(np.ceil(corner.top + (top + height) / down)),
    )


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


def at_full_size(picture: Picture, span: Span, frame: Frame, mask: Flat) -> Mask:
    """The region in the picture, bool (H, W): at every doubling of the size the outline moves to edges near it."""
    while max(frame.scale) < 1:
        box = _box_of(frame, mask).grown(int(_EDGE_ROOM / min(frame.scale)) + 1, picture.shape)
        factor = min(1.0, 2 * max(frame.scale))
        finer = Frame(box, (max(1, round(box.height * factor)), max(1, round(box.width * factor))))
        mask = _snapped(picture, span, finer, carried(mask, frame, finer))
        frame = finer
    whole = np.zeros(picture.shape, np.bool_)
    whole[frame.box.slices] = views.as_mask(mask)
    return whole


def _snapped(picture: Picture, span: Span, frame: Frame, mask: Flat) -> Flat:
    """A region whose outline is moved to the strongest edges in a band around it, tile by tile."""
    pixels = views.reduced(picture, frame.box, frame.shape)
    band = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((2 * _BAND + 1,) * 2, np.uint8))
    near = cv2.dilate(band, np.ones((3, 3), np.uint8))
    found = mask.copy()
    for top in range(0, mask.shape[0], _TILE):
        for left in range(0, mask.shape[1], _TILE):
            tile = Box(left, top, _TILE, _TILE).clipped(mask.shape)
            if not band[tile.slices].any():
                continue
            seen = tile.grown(2 * _BAND, mask.shape)
            markers = np.where(band[seen.slices] > 0, 0, 1 + mask[seen.slices]).astype(np.int32)
            edges = views.edges(views.colours(picture, span, pixels[seen.slices]))
            snapped = watershed(edges, markers, mask=near[seen.slices] > 0) == 2
            inner = tile.within(seen)
            found[tile.slices] = np.where(band[tile.slices] > 0, snapped[inner], mask[tile.slices])
    return np.asarray(cv2.medianBlur(found, 5), np.uint8)
