"""Cracks, creases and scratches of old prints: ridges and valleys that run across tones, of any width.

print -> ridges of every octave -> chains -> their looks -> log-odds -> painted as wide as each point shows
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from inpaintkit.arrays import Array, Bool2, F32x2, F64x1, I32x2, I64x1
from inpaintkit.find import scoring
from inpaintkit.find.chains import CORE, FROM, LEFT, RIGHT, TO, Chains
from inpaintkit.find.crack_candidates import Candidates, candidates, company
from inpaintkit.find.losses import find_losses
from inpaintkit.find.prints import Print
from inpaintkit.find.ridges import COSINE, SINE
from inpaintkit.find.scoring import Labels
from inpaintkit.find.strips import medians
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

# Set by hand, in log-odds.
_NEEDED = -0.5  # of a chain that is kept at sensitivity 0.5
_ACT = 1.5  # more, where nobody looks
_SPAN = 5.0  # from sensitivity 0 to 1

_JUMP = 2.0  # times its chain's median width: a point is painted no wider
_EDGE = 1.0  # px: a soft edge on each side
_SHARE = 0.35  # of a crack's contrast that a pixel has to show
_HOLDS = 0.35  # of its chain's usual contrast: a point that shows less is a gap


def find_cracks(
    image: Image, *, sensitivity: float = 0.5, act: bool = False, labels: Labels | None = None
) -> tuple[Mask, Image]:
    """Cracks, creases and scratches of a print, light and dark, with their branches.

    Parameters
    ----------
    image : float32 (H, W, C) in [0, 1], C = 1 or 3.
    sensitivity : in [0, 1]: 0 finds only clear cases, 1 anything plausible.
    act : nobody will look at what is found: only what is surely a crack.
    labels : int32 (H, W) of zeros: gets the number, from 1, of the crack that each proposed pixel belongs to.

    Returns
    -------
    mask : bool (H, W).
    confidence : float32 (H, W) in [0, 1], the probability that a line is a crack; 0 where nothing is proposed.
    """
    mask: Mask = np.zeros(image.shape[:2], np.bool_)
    confidence: Image = np.zeros(image.shape[:2], np.float32)
    labels = np.zeros(mask.shape, np.int32) if labels is None else labels
    whole = Print.of(image)
    found = candidates(whole)
    needed, together = scoring.threshold(sensitivity, _NEEDED, _SPAN) + _ACT * act, company(found, mask.size)
    for each in found:
        log_odds = each.log_odds + together
        paint(each, log_odds > needed, log_odds, whole.bright, (mask, confidence, labels))
    find_losses(whole, needed, (mask, confidence, labels))
    if labels.any():
        labels[:] = _joined(labels)
    return mask, confidence


@kernel()
def _paint_kernel(
    bright: F32x2,
    mask: Bool2,
    confidence: F32x2,
    labels: I32x2,
    rows: F64x1,
    columns: F64x1,
    way: I64x1,
    shown: F32x2,
    trust: F64x1,
    number: I64x1,
    sine: F64x1,
    cosine: F64x1,
    sign: float,
) -> None:
    """Mark the middle of the crack around each point, and what is nearer to it than to its sides as far as it is wide.

    shown : (N, 4), where it begins and ends, its own brightness and that of the side nearest to it; mask, confidence,
    labels : (H, W), get the confidence and the number of the surest.
    """
    for point in range(len(rows)):
        begin, end, core, side = shown[point]
        middle, radius = (begin + end) / 2, (end - begin) / 2 + _EDGE
        inner = max(radius - 2 * _EDGE, _EDGE)
        level = side + _SHARE * (core - side)
        y0 = rows[point] + middle * cosine[way[point]]
        x0 = columns[point] - middle * sine[way[point]]
        for i in range(max(0, math.ceil(y0 - radius)), min(mask.shape[0], math.floor(y0 + radius) + 1)):
            for j in range(max(0, math.ceil(x0 - radius)), min(mask.shape[1], math.floor(x0 + radius) + 1)):
                away = (i - y0) ** 2 + (j - x0) ** 2
                if away <= inner**2 or (away <= radius**2 and sign * bright[i, j] >= level):
                    mask[i, j] = True
                    if trust[point] > confidence[i, j]:
                        confidence[i, j] = trust[point]
                        labels[i, j] = number[point]


def paint(found: Candidates, keep: Mask, log_odds: Array, bright: Image, onto: tuple[Mask, Image, Labels]) -> None:
    """Mark the chains that are kept, bool (L,), with their log-odds (L,), where they hold.

    onto : mask, confidence and labels, (H, W) each.
    """
    which = keep[found.chains.chain]
    if not which.any():
        return
    part, shown = found.chains.part(which), found.shown[which]
    core, side = shown[:, CORE], np.maximum(shown[:, LEFT], shown[:, RIGHT])
    width = shown[:, TO] - shown[:, FROM]
    holds = core - side > _HOLDS * medians(core - side, part.chain)[part.chain]
    widest = _JUMP * medians(width, part.chain)[part.chain]
    middle, half = (shown[:, TO] + shown[:, FROM]) / 2, np.minimum(width, widest) / 2
    columns = np.stack([middle - half, middle + half, core, side], axis=1)
    trust = scoring.confidence(log_odds[keep])[part.chain]
    number = onto[2].max() + 1 + part.chain
    sign = -1.0 if found.polarity else 1.0
    row, column, way, columns, trust, number = (
        np.ascontiguousarray(each[holds]) for each in (part.row, part.column, part.way, columns, trust, number)
    )
    _paint_kernel(bright, *onto, row, column, way, columns, trust, number, SINE, COSINE, sign)


def touches(linked: Chains, near: Mask) -> Mask:
    """Which chains have a point where others are near, bool (L,)."""
    rows, columns = (np.rint(where).astype(np.int64) for where in (linked.row, linked.column))
    rows, columns = rows.clip(0, near.shape[0] - 1), columns.clip(0, near.shape[1] - 1)
    return np.asarray(linked.sums(near[rows, columns].astype(np.float64)) > 0)


def _joined(labels: Labels) -> Labels:
    """One number for all chains of a crack: for each connected part of what is marked."""
    return np.asarray(cv2.connectedComponents((labels > 0).astype(np.uint8), connectivity=8)[1], np.int32)
