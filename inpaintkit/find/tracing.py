"""One crack followed from a click to its ends: chain by chain, branches included.

The chain that the click points at shows what the crack looks like: light or dark, and by how much. Whatever touches it,
or what was added before, and looks like that belongs to it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.find.chains import CORE, LEFT, RIGHT
from inpaintkit.find.crack_candidates import Candidates, candidates
from inpaintkit.find.cracks import paint, touches
from inpaintkit.find.prints import Print
from inpaintkit.find.scoring import Labels
from inpaintkit.problem import Image, Mask

_REACH = 6  # px, or
_SHARE = 0.008  # of the picture's longer side: as near to the click a line is meant
_FAINTER = 0.4  # of the first chain's contrast: what has less is another thing
_DOUBT = 2.5  # log-odds that a part of the crack may have less than the first chain
_SURELY = 3.0  # responses, in terms of the texture's, that noise hardly reaches,
_LINE = 20.0  # and by how much all points of a line exceed it
_STRIDE = 2  # px of the finest octave: as near, chains go on from one another


def trace_crack(image: Image, at: tuple[int, int], *, labels: Labels | None = None) -> tuple[Mask, Image]:
    """The crack at a pixel X, Y.

    Parameters
    ----------
    image : float32 (H, W, C) in [0, 1], C = 1 or 3.
    at : X, Y of a pixel on the crack or next to it.
    labels : int32 (H, W) of zeros: gets 1 where the crack is.

    Raises
    ------
    ValueError : there is no line.
    """
    whole = Print.of(image)
    found = candidates(whole)
    first, chain = _meant(found, at, image.shape[:2])
    mask: Mask = np.zeros(image.shape[:2], np.bool_)
    confidence: Image = np.zeros(image.shape[:2], np.float32)
    labels = np.zeros(mask.shape, np.int32) if labels is None else labels
    contrast, log_odds = _contrast(first)[chain], first.log_odds[chain]
    alike = [
        (each, (_contrast(each) > _FAINTER * contrast) & (each.log_odds > log_odds - _DOUBT))
        for each in found
        if each.polarity == first.polarity
    ]
    added = [np.zeros(each.chains.count, np.bool_) for each, _ in alike]
    paint(first, np.arange(first.chains.count) == chain, first.log_odds, whole.bright, (mask, confidence, labels))
    more = True
    while more:
        near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=_STRIDE) > 0
        more = False
        for (each, like), there in zip(alike, added, strict=True):
            new = like & ~there & touches(each.chains, near)
            paint(each, new, each.log_odds, whole.bright, (mask, confidence, labels))
            there |= new
            more |= bool(new.any())
    labels[mask] = 1
    return mask, confidence


def _contrast(found: Candidates) -> NDArray[np.float64]:
    """How much each chain stands out from its sides, (L,)."""
    shown = found.shown
    return found.chains.means(shown[:, CORE] - np.maximum(shown[:, LEFT], shown[:, RIGHT]))


def _meant(found: list[Candidates], at: tuple[int, int], shape: tuple[int, ...]) -> tuple[Candidates, int]:
    """The chain that a click points at: the strongest near it, the nearer the better."""
    reach = max(_REACH, _SHARE * max(shape))
    best, meant = 0.0, None
    for each in found:
        away = np.hypot(each.chains.column - at[0], each.chains.row - at[1])
        shown = each.chains.sums(np.maximum(each.chains.strength - _SURELY, 0)) > _LINE
        worth = each.chains.strength * (1 - away / (reach + each.chains.unit)) * shown[each.chains.chain]
        if len(worth) and worth.max() > best:
            best, meant = float(worth.max()), (each, int(each.chains.chain[worth.argmax()]))
    if meant is None:
        raise ValueError(
            f"there is no line within {reach:.0f} px of {at[0]},{at[1]}: point at a crack, or draw what is missing"
        )
    return meant
