"""Scratches: long thin ridges that cover their background with one colour.

Lines that collect many votes (``votes``) are straightened along a smooth axis (``strips``), and what a line shows from
node to node distinguishes a scratch from a wire or a joint: it covers the background with one colour, nearly white or
black, and what it lets through is the background; its halves are alike; the background on its sides is the same; and
nothing runs beside it that looks like it. A scratch beyond doubt makes others in the picture the likelier, and is
followed beyond its ends (``following``). Every octave of the picture looks for scratches twice as wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.arrays import Array, Bool2, F32x1, F32x2, F64x1, I32x2, I64x1
from inpaintkit.find import scoring, strips, votes
from inpaintkit.find.following import follow
from inpaintkit.find.scoring import NEIGHBOURHOOD, SIMILAR, Labels
from inpaintkit.find.screens import Dots, in_levels, screen_of
from inpaintkit.find.strips import Axes
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

# A logistic regression over the lines found in scikit-image's photographs with scratches drawn on them, each weighted
# by what it would cost to be wrong about it. Lengths are in px of a picture with a side of ``_USUAL``.
WEIGHTS = {
    "length": 1.45,  # log of the nodes that hold points, times the pixels of one octave
    "variation": 0.7,  # log of how much the background varies along the line, over its contrast
    "imbalance": -3.6,  # square root of the difference of both sides over the contrast
    "width": -0.45,  # px beyond 6
    "octave": 1.0,  # its number
    "parallels": -5.3,  # log of 1 and the other lines that run beside it
    "cover": 3.7,  # how far it has come from the background to white or black, 0.7 at most
    "tint": -35.0,  # range of its channels, 0 to 0.3
    "mismatch": -26.0,  # by which its brightness does not follow the background as far as that shines through
    "asymmetry": -4.4,  # square root of how much its halves differ, as a share of the contrast
    "constant": -1.0,
}
# Set by hand, in log-odds.
_SPAN = 8.0  # from sensitivity 0 to 1
_ALONE = 1.8  # of a line that is kept at sensitivity 0.5 by itself; this much over what is asked is beyond doubt
_BESIDE = 0.4  # of one that is kept where another one is beyond doubt
_ACT = 2.4  # more: of a line that is repaired unseen
_FOLLOWED = 1.5  # of a line that is followed beyond its ends

_FINE = 1500  # px: above that side, every doubling adds an octave
_USUAL = 768  # px: the side of a picture for which the weights are; lines of larger ones count as reduced
_MIN_SIDE = 8  # px: a smaller picture shows no line
_HOLDS = 0.4  # of a line's usual cover: less is a break
_DARKER = 0.1  # a parallel line is no more than that less bright
_OWN = 6  # px: what is nearer to the line's axis continues it
_PARALLEL = 0.34  # sine of the angle below which a line is parallel
_BLUR = 0.2  # px by which reading between pixels widens an edge
_WHITE = 0.9  # of a scratch, where bright ones are looked for; for dark ones white is black
_ROW = 0.7  # share of a line's nodes that are beside dots of a printing screen, where it is a row of them,
_EVEN = (
    0.07  # and the pitches by which these are nearer or farther, on the mean; 0.125 for a line of any other direction
)
_BORDER = 0.3  # share of a line's nodes with a side outside of the picture: an edge may be what it is


@dataclass(frozen=True, eq=False)
class Candidates:
    """Lines of one octave and one polarity that may be scratches.

    Attributes
    ----------
    axis : nodes along the lines (M,).
    foot : float32 (M, 2), where the ridge ends on both sides, px.
    cover : float32 (M,), how far each node has come from the background to ``white``.
    white : float32 (L,), a line's own brightness.
    features : (L,) each, what ``WEIGHTS`` are for.
    log_odds : float64 (L,), that a line is a scratch.
    unit : pixels in one of the octave's.
    """

    axis: Axes
    foot: Image
    cover: Image
    white: Image
    features: dict[str, Array]
    log_odds: NDArray[np.float64]
    unit: int


@dataclass(frozen=True, eq=False)
class _Found:
    """Nodes of lines, where they end on both sides, and the log-odds of the line of each."""

    axis: Axes
    foot: Image
    log_odds: NDArray[np.float64]
    unit: int


@kernel()
def _parallel_kernel(
    y: F64x1,
    x: F64x1,
    down: F64x1,
    right: F64x1,
    line: I64x1,
    contrast: F32x1,
    bright: F32x1,
    reach: float,
    number: F64x1,
) -> None:
    """How many nodes of other lines lie within ``reach`` px of each node that are parallel, as bright and as strong.

    Those that continue the node's own line do not count. contrast, bright : (L,), of each line; number : (M,).
    """
    tall, wide = int(y.max() / reach) + 1, int(x.max() / reach) + 1
    head = np.full((tall + 2, wide + 2), -1, np.int64)
    following = np.full(len(y), -1, np.int64)
    for node in range(len(y)):
        row, column = int(y[node] / reach) + 1, int(x[node] / reach) + 1
        following[node] = head[row, column]
        head[row, column] = node
    for node in range(len(y)):
        mine = line[node]
        row, column = int(y[node] / reach) + 1, int(x[node] / reach) + 1
        for cell in range(9):
            other = head[row - 1 + cell // 3, column - 1 + cell % 3]
            while other >= 0:
                away_y, away_x = y[other] - y[node], x[other] - x[node]
                near = line[other] != mine and max(abs(away_y), abs(away_x)) < reach
                if (
                    near
                    and contrast[line[other]] >= SIMILAR * contrast[mine]
                    and bright[line[other]] >= bright[mine] - _DARKER
                ):
                    sine = abs(down[node] * right[other] - right[node] * down[other])
                    beside = abs(away_y * right[node] - away_x * down[node])
                    number[node] += sine < _PARALLEL and beside > _OWN
                other = following[other]


@kernel()
def _paint_kernel(
    mask: Bool2,
    confidence: F32x2,
    y: F64x1,
    x: F64x1,
    down: F64x1,
    right: F64x1,
    foot: F32x2,
    trust: F64x1,
    number: I64x1,
    unit: int,
    labels: I32x2,
) -> None:
    """Mark discs as wide as the scratch along each of its nodes, with the confidence and the number of the surest."""
    for node in range(len(y)):
        middle = (foot[node, 0] + foot[node, 1]) / 2
        radius = (foot[node, 1] - foot[node, 0]) / 2 - _BLUR
        for step in range(strips.STEP):
            ahead = (step + 0.5 - strips.STEP / 2) * unit
            y0 = y[node] + ahead * down[node] + middle * right[node]
            x0 = x[node] + ahead * right[node] - middle * down[node]
            for i in range(max(0, math.ceil(y0 - radius)), min(mask.shape[0], math.floor(y0 + radius) + 1)):
                for j in range(max(0, math.ceil(x0 - radius)), min(mask.shape[1], math.floor(x0 + radius) + 1)):
                    if (i - y0) ** 2 + (j - x0) ** 2 <= radius**2:
                        mask[i, j] = True
                        if trust[node] > confidence[i, j]:
                            confidence[i, j] = trust[node]
                            labels[i, j] = number[node]


def find_scratches(
    image: Image, *, sensitivity: float = 0.5, act: bool = False, labels: Labels | None = None
) -> tuple[Mask, Image]:
    """Thin bright and dark lines, straight or gently curved, at any angle, on grain and texture.

    Wires, branches and joints that are as thin, long and uniform as a scratch are proposed as well, unless there are
    many of them.

    Parameters
    ----------
    image : float32 (H, W, C) in [0, 1], C = 1 or 3.
    sensitivity : in [0, 1]: 0 finds only clear cases, 1 anything plausible.
    act : whether what is found is repaired unseen: only what is sure.
    labels : int32 (H, W) of zeros: gets the number, from 1, of the scratch that each proposed pixel belongs to.

    Returns
    -------
    mask : bool (H, W), the scratches out to where their edges end.
    confidence : float32 (H, W) in [0, 1], the probability that a line is a scratch; 0 where nothing is proposed.

    Examples
    --------
    >>> picture = np.full((90, 90, 1), 0.4, np.float32)
    >>> picture[:, 40:42] = 0.9
    >>> mask, confidence = find_scratches(picture)
    >>> np.flatnonzero(mask[45]).tolist()
    [40, 41]
    """
    mask: Mask = np.zeros(image.shape[:2], np.bool_)
    confidence: Image = np.zeros(image.shape[:2], np.float32)
    dots = screen_of(in_levels(image)).dots
    found = threads.run(lambda search: _search(*search, dots, sensitivity), searches(image))
    certain = _needed(sensitivity, _ALONE)
    best = max((float(lines.log_odds.max(initial=-np.inf)) for lines in found), default=-np.inf)
    needed = _needed(sensitivity, _BESIDE if best > certain else _ALONE) + _ACT * act
    labels = np.zeros(mask.shape, np.int32) if labels is None else labels
    count = 0
    for lines in found:
        axis, foot, unit = lines.axis, lines.foot, lines.unit
        new = (lines.log_odds > needed) & ~(_covered(mask, axis, foot) & (unit > 1))  # finer octaves see edges better
        part, trust = axis.part(new), scoring.confidence(lines.log_odds[new])
        number = count + 1 + part.line
        _paint_kernel(mask, confidence, part.y, part.x, part.down, part.right, foot[new], trust, number, unit, labels)
        count = max(count, number.max(initial=0))
    return mask, confidence


def searches(image: Image) -> list[tuple[Image, Image, int]]:
    """What is searched in a picture (H, W, C): each polarity, the opposite one, and an octave."""
    shape = image.shape[:2]
    octaves = 2 + max(0, math.floor(math.log2(max(shape) / _FINE)))
    bright, dark = scoring.polarities(image)
    return [
        (*pair, octave)
        for octave in range(octaves)
        for pair in ((bright, dark), (dark, bright))
        if min(shape) >> octave >= _MIN_SIDE
    ]


def _needed(sensitivity: float, middle: float) -> float:
    """Log-odds that a line needs."""
    return scoring.threshold(sensitivity, middle, _SPAN)


def _covered(mask: Mask, axis: Axes, foot: Image) -> Mask:
    """Which nodes lie on what is found already."""
    middle = foot.mean(axis=1)
    y = np.rint(axis.y + middle * axis.right).astype(np.int64).clip(0, mask.shape[0] - 1)
    x = np.rint(axis.x - middle * axis.down).astype(np.int64).clip(0, mask.shape[1] - 1)
    return np.asarray(mask[y, x])


def candidates(picture: Image, opposite: Image, octave: int, sensitivity: float) -> Candidates:
    """Lines that are bright in a picture (H, W), of one polarity, in an octave. ``opposite`` is the other polarity."""
    unit = 1 << octave
    axis = strips.axes(*votes.candidates(picture, octave, sensitivity), unit)
    seen = strips.strip(picture, axis, unit)
    measured = strips.feet(axis, seen, unit)
    width = axis.medians(measured[:, 1] - measured[:, 0])
    foot = measured.mean(axis=1)[:, None] + width[axis.line][:, None] / 2 * np.array([-1, 1], np.float32)
    level = strips.levels(seen, foot, unit)
    white = np.maximum(_WHITE, axis.medians(level[:, 0]) + 0.05)
    cover = _cover(level, white[axis.line])
    tint = _tint(axis, level, strips.levels(strips.strip(opposite, axis, unit), foot, unit), cover)
    scale = max(1.0, max(picture.shape) / _USUAL)
    features = _features(axis, level, cover, tint, strips.asymmetry(axis, seen, foot, unit), width, unit, scale)
    log_odds = np.asarray(scoring.weighted(WEIGHTS, features), np.float64)
    outside = np.asarray(np.isnan(level[:, 1:]).any(axis=1))
    log_odds[axis.means(outside) > _BORDER] = -np.inf
    return Candidates(axis, foot, cover, white, features, log_odds, unit)


def _search(picture: Image, opposite: Image, octave: int, dots: Dots, sensitivity: float) -> _Found:
    """Nodes of the likely lines of an octave, the surest ones followed beyond their ends."""
    lines = candidates(picture, opposite, octave, sensitivity)
    lines.log_odds[_along_rows(lines, dots)] = -np.inf
    axis, foot, unit = lines.axis, lines.foot, lines.unit
    log_odds, usual = lines.log_odds[axis.line], axis.medians(lines.cover)
    # Beyond a scratch's ends, and in its breaks, there is nothing of it.
    keep = (log_odds > _needed(sensitivity, _BESIDE)) & (lines.cover > _HOLDS * usual[axis.line])
    sure = keep & (log_odds > _needed(sensitivity, _FOLLOWED))
    found = _Found(axis.part(keep), foot[keep], log_odds[keep], unit)
    if not sure.any():
        return found
    more, feet = follow(picture, axis.part(sure), foot[sure], usual, lines.white, unit)
    return _Found(
        found.axis.joined(more),
        np.concatenate([found.foot, feet]),
        np.concatenate([found.log_odds, lines.log_odds[more.line]]),
        unit,
    )


def _along_rows(lines: Candidates, dots: Dots) -> Mask:
    """Which lines run along rows of a screen's dots, or between two, bool (L,): never nearer to dots, never farther."""
    axis, middle = lines.axis, lines.foot.mean(axis=1)
    places = np.stack([axis.y + middle * axis.right, axis.x - middle * axis.down], axis=1)
    aside, near = dots.beside(places, np.stack([axis.down, axis.right], axis=1))
    varies = axis.means(np.abs(aside - axis.means(aside)[axis.line]))
    return np.asarray((varies < _EVEN) & (axis.means(near) > _ROW))


def _background(level: Image) -> Image:
    """The mean of both sides, of the one where the other lies outside: (M,)."""
    left, right = level[:, 1], level[:, 2]
    return np.asarray(np.where(np.isnan(left), right, np.where(np.isnan(right), left, (left + right) / 2)))


def _cover(level: Image, white: Image) -> Image:
    """How far each core has come from the background's brightness to that of its line: (M,), 0 outside."""
    background = _background(level)
    return np.asarray(np.nan_to_num((level[:, 0] - background) / np.maximum(white - background, 0.05)))


def _tint(axis: Axes, level: Image, opposite: Image, cover: Image) -> Array:
    """How colourful each line is, (L,): its channels' range less what the background that shines through explains.

    level, opposite : (M, 3), in one polarity of the picture and in the opposite one.
    """
    core, background = 1 - opposite[:, 0] - level[:, 0], 1 - _background(opposite) - _background(level)
    shines = 1 - np.clip(axis.medians(cover), 0, 1)
    return np.asarray(axis.medians(np.nan_to_num(core)) - shines * axis.medians(np.nan_to_num(background)))


def _features(
    axis: Axes,
    level: Image,
    cover: Image,
    tint: Array,
    asymmetry: Array,
    width: Array,
    unit: int,
    scale: float,
) -> dict[str, Array]:
    """What speaks for and against each line being a scratch, (L,) each: see ``WEIGHTS``."""
    inside = np.nan_to_num(level)
    core, background = inside[:, 0], np.nan_to_num(_background(level))
    contrast = np.maximum(axis.medians(core - background), 2 / 255)
    usual = axis.medians(cover)
    from_mean = background - axis.means(background)[axis.line]
    varies = axis.means(np.square(from_mean))
    slope = np.clip(axis.means(from_mean * core) / (varies + 1e-3), -0.5, 1.5)
    from_usual = axis.medians(np.abs(background - axis.medians(background)[axis.line]))
    return {
        "length": np.log(np.bincount(axis.line[axis.held]) * unit / scale),
        "variation": np.log(from_usual / contrast + 0.05),
        "imbalance": np.sqrt(np.minimum(axis.medians(np.abs(inside[:, 1] - inside[:, 2])) / contrast, 2)),
        "width": np.maximum(width / scale - 6, 0),
        "octave": np.full(len(usual), np.log2(unit / scale)),
        "parallels": np.log1p(axis.means(_parallels(axis, contrast, axis.medians(core), unit))),
        "cover": np.minimum(usual, 0.7),
        "tint": np.clip(tint, 0, 0.3),
        "mismatch": np.abs(slope - (1 - usual)) * np.sqrt(varies),
        "asymmetry": np.sqrt(asymmetry),
        "constant": np.ones(len(usual), np.float32),
    }


def _parallels(axis: Axes, contrast: Array, bright: Array, unit: int) -> NDArray[np.float64]:
    """How much of other lines runs beside each node, parallel, as bright and as strong, in lengths of the square."""
    number = np.zeros(len(axis.y))
    if len(number):
        reach = NEIGHBOURHOOD / 2 * unit
        _parallel_kernel(axis.y, axis.x, axis.down, axis.right, axis.line, contrast, bright, reach, number)
    return number * strips.STEP / NEIGHBOURHOOD
