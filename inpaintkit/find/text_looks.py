"""What letters have and stripes, leaves, slats and windows lack, though these too lie side by side, alike in size.

Letters differ from each other in shape. They have one sharp edge, sharper than what the photograph shows around them,
one even ink, and nothing else of their kind beside their lines.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.arrays import Array
from inpaintkit.box import Box
from inpaintkit.find.lines import Line
from inpaintkit.find.scoring import weighted
from inpaintkit.problem import Image, Mask

# A logistic regression over lines that the finder took: of captions, sharp and blurred, of photographs without any, and
# of drawn patterns.
WEIGHTS = {
    "score": 0.38,  # of the line by its letters' places, beyond 3, 4 at most
    "alike": -3.5,  # mean correlation of the letters' shapes, each stretched to one square
    "beyond": -2.45,  # steps into and out of the line's colour around it, over those in it, 1 at most
    "steep": 4.9,  # the steepest step at a letter's rim over the contrast, median, 1.1 at most
    "solid": -3.1,  # share of their boxes that letters fill
    "busy": -2.7,  # what one in twenty steps around the letters exceeds, over the contrast, 1 at most
    "spread": -0.18,  # of the colour within letters, levels
    "thin": -0.35,  # 1 where strokes are too thin for a uniform colour
    "constant": 0.05,
}
# Set by hand.
_LEAST = -0.6  # log-odds by looks of a line that its score may carry
_SCALE = 1.0  # how much more than is asked a line may score for each unit beyond that
_SHAPE = 16  # px: side of the square that letters are compared in
_COMPARED = 32  # letters of a line, the largest
_USUAL_ALIKE, _USUAL_SOLID = 0.1, 0.45  # where there are too few letters to tell
_FEW = 3  # letters
_ASIDE = 0.35  # times a line's height: what is nearer belongs to it
_COLOUR = 24  # levels within which a pixel has the line's colour
_LEAST_AREA = 8  # px of a letter that is compared
_SQUARE = np.ones((3, 3), np.uint8)


def limits(pixels: NDArray[np.uint8], lines: list[Line], arounds: list[Box], cores: list[Mask]) -> list[float]:
    """How much more than is asked of it each line may score at the most, by its looks; below 0 it is no text.

    Parameters
    ----------
    pixels : uint8 (H, W, C).
    lines : what is taken of the picture.
    arounds, cores : a box around each line, and in it, bool (h, w), its letters.
    """
    free = np.ones(pixels.shape[:2], np.bool_)
    for line in lines:
        free[line.box.grown(_aside(line), pixels.shape[:2]).slices] = False

    def limit(which: tuple[Line, Box, Mask]) -> float:
        line, around, core = which
        seen = features(pixels[around.slices], line, around, core, free[around.slices])
        return _SCALE * (weighted(WEIGHTS, seen) - _LEAST)

    return threads.run(limit, list(zip(lines, arounds, cores, strict=True)))


def features(crop: NDArray[np.uint8], line: Line, around: Box, core: Mask, free: Mask) -> dict[str, float]:
    """What ``WEIGHTS`` are for. crop : uint8 (h, w, C), the picture ``around`` the line; free : where no line is."""
    alike, solid = _shapes(core, line.height)
    steep, busy = _edges(crop, core)
    return {
        "score": min(line.score - 3, 4.0),
        "alike": alike,
        "beyond": _beyond(crop, line, around, free),
        "steep": min(steep / line.contrast, 1.1),
        "solid": solid,
        "busy": min(busy / line.contrast, 1.0),
        "spread": line.features["spread"],
        "thin": float(line.features["thin"]),
        "constant": 1.0,
    }


def _aside(line: Line) -> int:
    return max(3, int(_ASIDE * line.height))


def _shapes(core: Mask, height: float) -> tuple[float, float]:
    """How alike letters are in shape, and how much of their boxes they fill."""
    labels, stats = cv2.connectedComponentsWithStats(core.astype(np.uint8), connectivity=8)[1:3]
    area, high = stats[:, cv2.CC_STAT_AREA], stats[:, cv2.CC_STAT_HEIGHT]
    which = np.flatnonzero((high >= 0.4 * height) & (area >= _LEAST_AREA))
    which = which[which > 0]
    which = which[np.argsort(-area[which], kind="stable")][:_COMPARED]
    if len(which) < _FEW:
        return _USUAL_ALIKE, _USUAL_SOLID
    shapes = np.array([_shape(labels, int(label), stats[label]) for label in which])
    off = shapes - shapes.mean(axis=1, keepdims=True)
    off /= np.linalg.norm(off, axis=1, keepdims=True) + 1e-6
    pairs = (off @ off.T)[np.triu_indices(len(off), 1)]
    return max(0.0, float(pairs.mean())), float(shapes.mean())


def _shape(labels: Array, label: int, stats: Array) -> Image:
    """A letter in a square, (256,) in [0, 1]."""
    left, top, wide, high = stats[:4]
    own = (labels[top : top + high, left : left + wide] == label).astype(np.float32)
    return np.asarray(cv2.resize(own, (_SHAPE, _SHAPE), interpolation=cv2.INTER_AREA), np.float32).ravel()


def _beyond(crop: NDArray[np.uint8], line: Line, around: Box, free: Mask) -> float:
    """How much goes into and out of the line's colour around it, as a share of what does so in it."""
    colour = np.rint(line.colour)
    near = cv2.inRange(crop, colour - _COLOUR, colour + _COLOUR) > 0
    steps = np.zeros(near.shape, np.bool_)
    steps[1:] |= near[1:] != near[:-1]
    steps[:, 1:] |= near[:, 1:] != near[:, :-1]
    if not free.any():
        return 0.0
    inside = steps[line.box.within(around)].mean()
    return min(float(steps[free].mean() / max(inside, 1e-6)), 1.0)


def _edges(crop: NDArray[np.uint8], core: Mask) -> tuple[float, float]:
    """The steepest steps at letters' rims, their median in levels; and what one in twenty elsewhere exceeds."""
    levels = crop.astype(np.int16)
    steps = np.zeros(core.shape, np.int16)
    for axis in (0, 1):
        step = np.moveaxis(np.abs(np.diff(levels, axis=axis)).max(axis=2), axis, 0)
        seen = np.moveaxis(steps, axis, 0)
        np.maximum(seen[1:], step, out=seen[1:])
        np.maximum(seen[:-1], step, out=seen[:-1])
    body = core.astype(np.uint8)
    rim = (cv2.dilate(body, _SQUARE) > 0) & (cv2.erode(body, _SQUARE) == 0)
    away = cv2.dilate(body, _SQUARE, iterations=3) == 0
    steep = float(np.median(cv2.dilate(steps, _SQUARE)[rim])) if rim.any() else 0.0
    return steep, float(np.percentile(steps[away], 95)) if away.any() else 0.0
