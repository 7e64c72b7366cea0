"""Dust: a spot hides its background under the picture's one dust colour, uniformly, within a closed edge.

Candidates (``spots``) are scored by their looks. Spots beyond doubt show the colour of the picture's dust, and the rest
must agree. What passes is marked out to where its edge ends.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.arrays import Array, Bool2, F32x1, F32x2, F64x1
from inpaintkit.find.flecks import flecks_in
from inpaintkit.find.scoring import confidence as probability
from inpaintkit.find.scoring import crowding, polarities, threshold, weighted
from inpaintkit.find.screens import Screen, amid_steps, busy, in_levels, screen_of
from inpaintkit.find.spots import RIM, WHITE, Spots, candidates
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

# Weights of a logistic regression over candidates in scikit-image's photographs with dust drawn on them, rounded.
LOOKS = {  # of each candidate by itself
    "sharp": 2.6,  # share of the contrast that is lost across its edge
    "steep": 2.3,  # share of what has a quarter of the contrast that has three quarters
    "round": 4.5,  # log of its area over that of a disc with the rays' mean length
    "contrast": 0.6,  # log, full range 1
    "area": -0.5,  # log of its pixels
    "oblong": -1.4,  # log of its box's longer side over the other one
    "ragged": -9.0,  # standard deviation of the rays' length over their mean, 1 at most
    "uneven": -7.5,  # standard deviation of its core over the contrast, 0.5 at most
    "varied": -4.7,  # that of the background over the contrast, 2 at most
    "rivals": -2.3,  # how far the brightest of the background stands out, over the contrast
    "tint": -38.0,  # range of its channels that the background does not explain, 0.3 at most
}
ALONE = {  # whatever the dust of the picture is
    "constant": 7.9,
    "looks": 1.0,  # weighted by LOOKS
    "crowding": -1.0,  # log of the number of similar things around that are hardly dust
    "uncovered": -3.4,  # how much cover it lacks of what dust has
}
ALIKE_CONSTANT = 8.0
ALIKE = {  # beside its looks, once the colour of the picture's dust is known: texture around matters less
    "crowding": -0.5,
    "uncovered": -8.0,
    "brighter": -58.0,  # by how much it is brighter than dust, 0.1 at most
}
# Set by hand, in log-odds.
_SPAN = 8.0  # from sensitivity 0 to 1
_ACT = 2.8  # of a spot that is repaired unseen
_CERTAIN = 1.2  # of a spot from whose brightness that of all dust is taken
_MIN_CERTAIN = 6  # such candidates
_DOUBT = 3.0  # what speaks against a spot where they are fewer
_MINORITY = 4.0  # per unit of the log of how much more certain dust there is of the opposite polarity
_HARDLY = -3.0  # looks, and cover, of what is hardly dust: dust may lie thick

_USUAL = 0.8  # cover of dust
_FULL = 0.9  # quantile of their brightness that is white: few spots hide all of their background
_KNOWN = 1 / 3  # of a fleck: so much is marked as a spot if it is one
_FEW = 20  # px: as little, all spots' sides added up, means nothing when bright and dark ones are compared


@kernel()
def _mark_kernel(
    image: F32x2,
    y: F32x1,
    x: F32x1,
    background: F32x1,
    spread: F32x1,
    contrast: F32x1,
    reach: F32x1,
    trust: F64x1,
    mask: Bool2,
    sure: F32x2,
) -> None:
    """Mark spots, the likelier ones first: what has half of their contrast, and the edges around it.

    reach : (N,), px from the middle to what has half; sure : float32 (H, W), ``trust`` (N,) where it is marked.
    A spot whose middle is marked was marked before, as the candidate of another cover.
    """
    height, width = image.shape
    for index in range(len(y)):
        if mask[round(y[index]), round(x[index])]:
            continue
        half, far = background[index] + 0.5 * contrast[index], reach[index]
        fading = background[index] + min(max(0.12 * contrast[index], spread[index]), 0.5 * contrast[index])
        # Next to the half an edge is sure to run, over background that may be darker than the rest.
        edge = background[index] + 0.02 * contrast[index] - 2 * spread[index]
        for i in range(max(0, math.ceil(y[index] - far)), min(height, math.floor(y[index] + far) + 1)):
            for j in range(max(0, math.ceil(x[index] - far)), min(width, math.floor(x[index] + far) + 1)):
                if (i - y[index]) ** 2 + (j - x[index]) ** 2 > far * far or image[i, j] < half:
                    continue
                for row in range(max(0, i - RIM), min(height, i + RIM + 1)):
                    for column in range(max(0, j - RIM), min(width, j + RIM + 1)):
                        next_to = max(abs(row - i), abs(column - j)) <= 1
                        if image[row, column] >= (edge if next_to else fading):
                            mask[row, column] = True
                            sure[row, column] = max(sure[row, column], trust[index])


def find_dust(image: Image, *, sensitivity: float = 0.5, act: bool = False) -> tuple[Mask, Image]:
    """Small isolated spots, hairs, fibres and dirt, bright or dark.

    Parameters
    ----------
    image : float32 (H, W, C) in [0, 1], C = 1 or 3.
    sensitivity : in [0, 1]: 0 finds only clear cases, 1 anything plausible.
    act : whether what is found is repaired unseen: only what is sure.

    Returns
    -------
    mask : bool (H, W), all out to where their edges end.
    confidence : float32 (H, W) in [0, 1], 0 where nothing is proposed.

    Examples
    --------
    >>> picture = np.full((60, 60, 1), 0.4, np.float32)
    >>> picture[30:33, 20:24] = 0.9
    >>> mask, confidence = find_dust(picture)
    >>> int(mask.sum()), bool(mask[30:33, 20:24].all())
    (12, True)
    """
    mask: Mask = np.zeros(image.shape[:2], np.bool_)
    confidence: Image = np.zeros(image.shape[:2], np.float32)
    pictures = polarities(image)
    found = threads.run(lambda pair: candidates(*pair), (pictures, pictures[::-1]))
    levels = in_levels(image)
    screen = screen_of(levels)
    found = _without_print(levels, screen, found)
    alone = [alone_log_odds(spots, mask.shape) for spots in found]
    amount = [float(np.sqrt(spots.area[sure > _CERTAIN]).sum()) for spots, sure in zip(found, alone, strict=True)]
    for picture, spots, first, own, others in zip(pictures, found, alone, amount, amount[::-1], strict=True):
        # The dust of one picture is bright or dark.
        minority = _MINORITY * min(0.0, math.log((own + _FEW) / (others + _FEW)))
        log_odds = alike_log_odds(spots, first, mask.shape) + minority
        keep = np.flatnonzero(log_odds > threshold(sensitivity, 0.0, _SPAN))
        keep = keep[np.argsort(-log_odds[keep], kind="stable")]
        part, trust = spots.part(keep), probability(log_odds[keep])
        reach = part.radius + part.ragged + 1
        _mark_kernel(
            picture, part.y, part.x, part.background, part.spread, part.contrast, reach, trust, mask, confidence
        )
    if not screen:
        np.maximum(confidence, _beside(flecks_in(image, sensitivity), mask), out=confidence)
        mask |= confidence > 0
    if act:
        mask &= confidence > probability(threshold(sensitivity, 0.0, _SPAN) + _ACT)
        confidence[~mask] = 0
    return mask, confidence


def _beside(sure: Image, mask: Mask) -> Image:
    """How sure flecks are, without those that are spots which are marked already, more narrowly."""
    number, parts = cv2.connectedComponents((sure > 0).astype(np.uint8), connectivity=8)
    marked = np.bincount(parts[mask], minlength=number)
    known = marked > _KNOWN * np.bincount(parts.ravel(), minlength=number)
    return np.where(known[parts], np.float32(0), sure)


def _without_print(levels: NDArray[np.uint8], screen: Screen, found: list[Spots]) -> list[Spots]:
    """Spots that are neither dots of a printing screen nor grains of a stochastic one."""
    dots, steps = screen.dots, busy(levels)

    def belongs(spots: Spots) -> Mask:
        y, x = (np.rint(each).astype(np.int64) for each in (spots.y, spots.x))
        return dots.near(np.stack([spots.y, spots.x], axis=1), 2 * spots.radius) | amid_steps(steps, y, x)

    return [spots.part(~belongs(spots)) for spots in found]


def alone_log_odds(spots: Spots, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The log-odds of each candidate being dust, whatever the dust of the picture (H, W) is: (N,)."""
    return np.asarray(weighted(ALONE, alone_features(spots, shape)), np.float64)


def alone_features(spots: Spots, shape: tuple[int, ...]) -> dict[str, Array]:
    """What ``ALONE`` is for, (N,) each."""
    return {
        "constant": np.ones(len(spots.y)),
        "looks": looks(spots),
        "crowding": _crowding(spots, shape),
        "uncovered": _uncovered(spots, WHITE),
    }


def alike_log_odds(spots: Spots, alone: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The log-odds of each candidate once the certain ones show the colour of the picture's dust: (N,)."""
    white = dust_brightness(spots, alone)
    if white is None:
        return alone - _DOUBT
    against = weighted(ALIKE, alike_features(spots, white, shape))
    return np.asarray(ALIKE_CONSTANT + looks(spots) + against, np.float64)


def dust_brightness(spots: Spots, alone: NDArray[np.float64]) -> float | None:
    """The brightness of the picture's dust, as certain spots show it; None where these are too few."""
    certain = alone > _CERTAIN
    return float(np.quantile(spots.core[certain], _FULL)) if np.count_nonzero(certain) >= _MIN_CERTAIN else None


def alike_features(spots: Spots, white: float, shape: tuple[int, ...]) -> dict[str, Array]:
    """What ``ALIKE`` is for, (N,) each: dust of a brightness ``white`` covers most of its background with it."""
    return {
        "crowding": _crowding(spots, shape),
        "uncovered": _uncovered(spots, white),
        "brighter": np.clip(spots.core - white, 0, 0.1),
    }


def look_features(spots: Spots) -> dict[str, Array]:
    """What ``LOOKS`` is for, (N,) each: a sharp edge and a round, uniform core, nothing oblong or ragged, no colour."""
    contrast = spots.contrast
    return {
        "sharp": spots.sharp,
        "steep": spots.steep,
        "round": np.log(spots.area / (np.pi * spots.radius**2)),
        "contrast": np.log(contrast),
        "area": np.log(spots.area),
        "oblong": spots.oblong,
        "ragged": np.minimum(spots.ragged / spots.radius, 1),
        "uneven": np.minimum(spots.flat / contrast, 0.5),
        "varied": np.minimum(spots.spread / contrast, 2),
        "rivals": np.clip((spots.beyond - spots.background) / contrast, -1, 2),
        "tint": np.minimum(spots.tint, 0.3),
    }


def looks(spots: Spots) -> NDArray[np.float64]:
    """What speaks for each candidate by itself: (N,)."""
    return np.asarray(weighted(LOOKS, look_features(spots)), np.float64)


def _uncovered(spots: Spots, white: float) -> Image:
    """How much cover each candidate lacks of what dust of a brightness ``white`` has."""
    return np.asarray(np.clip(_USUAL - spots.cover(white), 0, _USUAL))


def _crowding(spots: Spots, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """How many similar things, hardly dust themselves, there are around each candidate: logarithm, (N,)."""
    rows, columns = np.rint(spots.y).astype(np.int64), np.rint(spots.x).astype(np.int64)
    counted = looks(spots) - 3 * _uncovered(spots, WHITE) < _HARDLY
    return np.asarray(np.log(np.maximum(crowding(rows, columns, spots.contrast, counted, shape), 1)))
