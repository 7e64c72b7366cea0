"""Dates that a camera lit onto the film: rows of digits in light of one colour, with what glows around them.

Light adds to what is there and shows it in the other channels, so that neither uniform colour nor sharp rims, which
letters have (``text``), can be asked for. Rows of digits are fitted (``stamp_rows``) in what the light's colour has in
excess of what the others predict (``stamp_light``), scored by all of a row at once, and marked where the excess stands
out at a digit. Digits drawn over a photograph in a bright colour are found the same way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.box import Box
from inpaintkit.find import scoring
from inpaintkit.find.scoring import Labels
from inpaintkit.find.stamp_rows import Row, fitted, light_of, rises, search, upright
from inpaintkit.problem import Image, Mask

# Weights of a logistic regression, rounded, over rows in photographs with dates (``studies/film_dates.py``) and without
# any, and in drawn rows of slats, windows, bricks, books, lamps and leaves, which counted for three tenths; but "poor"
# was set by hand, after signs, captions, neon tubes and lanterns.
WEIGHTS = {
    "constant": -10.2,
    "net": 0.65,  # root of the row's log-odds over those of what lies beside it
    "level": 0.21,  # how much more digits it has than the rows above and below
    "fit": 5.9,  # correlation of the excess with the segments drawn
    "poor": -20.0,  # what that lacks of 0.62: letters and lamps are no segments, however many there are
    "outside": -0.23,  # log of what stands out above and below, over what does in the row
    "uneven": -0.66,  # log of how much the digits' excess varies
    "alike": -1.4,  # log of the number of digits over that of different ones: slats and windows are alike
    "rhythm": 1.85,  # log of the widest gap between digits over the narrowest, 0.7 at most
    "darkens": -1.9,  # what it takes from a channel over what it adds to another, 1 at most: light takes nothing
}
_GOOD_FIT = 0.62
# Log-odds, set by hand.
_THRESHOLD, _SPAN, _ACT = 0.7, 5.0, 2.0  # of a row that is kept at sensitivity 0.5; from 0 to 1; more when acting
_DIGITS = 12  # of a date with the time; a row of more is a line of something else
_WITHIN = 0.3  # of a row: so much of it lies in such a line, and it is a part of that
_SAME_HEIGHT, _SAME_COLOUR = 1.25, 0.97  # times, and cosine: rows of one date, or of two by one camera

# The mask, in heights of a digit.
_SMOOTH = 0.025  # sigma of the excess that is marked
_FLAT = 1.6  # side of the square whose median is the background's excess
_REACH, _ENDS = 0.62, 0.75  # of what is marked, from the middles of the row and of its first and last digit
_BESIDE = 0.16  # from a segment to what may belong to it
_SMALL = 0.4  # of an apostrophe, a point or a colon
_GLOW = 1.0  # px beyond what stands out
_FAINT, _NOISES = 0.4, 3.0  # of the light's excess, and deviations of the background, that stand out
_HALF = 0.7  # of the excess that something apart from the digits has
_MIN_SHOWS = 0.5  # of what shows: light is expected to be no weaker


@dataclass(frozen=True, eq=False)
class FoundStamp:
    """A date: its log-odds, and where it lies, bool (H, W) of the box ``around`` it."""

    score: float
    around: Box
    mask: Mask


def find_stamp(
    image: Image, *, sensitivity: float = 0.5, act: bool = False, labels: Labels | None = None
) -> tuple[Mask, Image]:
    """Find dates and the like in coloured light, upright or turned by a multiple of 90 degrees.

    Parameters
    ----------
    image : float32 (H, W, C) in [0, 1], C = 1 or 3; light has a colour, so that none is found in grey pictures.
    sensitivity : in [0, 1]; 0 finds only clear cases, 1 anything plausible.
    act : whether what is found will be filled unseen: only what is beyond doubt.
    labels : int32 (H, W) of zeros: gets the number, from 1, of the date that each proposed pixel belongs to.

    Returns
    -------
    mask : bool (H, W), the digits with their glow.
    confidence : float32 (H, W) in [0, 1], 0 outside the mask.
    """
    mask = np.zeros(image.shape[:2], np.bool_)
    confidence = np.zeros(image.shape[:2], np.float32)
    needed = scoring.threshold(sensitivity, _THRESHOLD, _SPAN) + _ACT * act
    for number, stamp in enumerate(chosen(image, needed), 1):
        scoring.mark((mask, confidence, labels), stamp.around, stamp.mask, number, stamp.score)
    return mask, confidence


def chosen(image: Image, needed: float) -> list[FoundStamp]:
    """The dates that score ``needed``, the best first: what is like it, and lies elsewhere."""
    if image.shape[2] != 3:
        return []
    rows = _dates(image.shape[:2], [(score, row) for row in candidates(image) if (score := log_odds(row)) >= needed])
    kept: list[FoundStamp] = []
    for score, row in rows:
        around = row.place.around(image.shape[:2])
        if not kept or _alike(row, rows[0][1]):
            hole = marked(image, row)
            if hole.any() and not any(_shared(around, hole, other) for other in kept):
                kept.append(FoundStamp(score, around, hole))
    return kept


def _dates(shape: tuple[int, int], rows: list[tuple[float, Row]]) -> list[tuple[float, Row]]:
    """Rows with their scores, the best first, without lines that are too long for a date, and what lies in these."""
    kept: list[tuple[float, Row]] = []
    long: list[Box] = []
    for score, row in sorted(rows, key=lambda pair: -pair[0]):
        box = row.box(shape)
        if len(row.middles) > _DIGITS:
            long.append(box)
        elif not any(_lies_in(box, line) for line in long):
            kept.append((score, row))
    return kept


def _lies_in(box: Box, line: Box) -> bool:
    rows, columns = box.overlap(line)
    return min(rows, columns) > 0 and rows * columns > _WITHIN * box.area


def _alike(row: Row, best: Row) -> bool:
    """Whether two rows are lit by one camera: height, direction and colour."""
    heights = row.height / row.scale, best.height / best.scale
    first, second = light_of(row), light_of(best)
    if row.place.turned != best.place.turned or max(heights) > _SAME_HEIGHT * min(heights):
        return False
    if first is None or second is None:
        return False
    return bool(first @ second > _SAME_COLOUR * np.linalg.norm(first) * np.linalg.norm(second))


def candidates(image: Image) -> list[Row]:
    """Rows of digits that may be lit, fitted, in a picture (H, W, 3)."""
    return threads.run(lambda place: fitted(image, place), search(image))


def _shared(around: Box, mask: Mask, other: FoundStamp) -> bool:
    """Whether a tenth of a mask lies where a better date's rectangle is."""
    rows, columns = np.nonzero(other.mask)
    top, left = other.around.top + rows.min() - around.top, other.around.left + columns.min() - around.left
    bottom, right = top + np.ptp(rows) + 1, left + np.ptp(columns) + 1
    inside = mask[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    return bool(np.count_nonzero(inside) > 0.1 * np.count_nonzero(mask))


def log_odds(row: Row) -> float:
    """The log-odds of a row being a date."""
    return float(scoring.weighted(WEIGHTS, features(row)))


def features(row: Row) -> dict[str, float]:
    """What ``WEIGHTS`` is for."""
    drawn = row.drawn()
    excess = _smooth(row.excess - _background(row.excess, row.height), 0.05 * row.height)
    rise = rises(row, excess)[:, 0]
    light = max(float(np.median(rise)), 1e-3) if len(rise) else 1e-3
    box = _box(row, 0.6, 0.75)
    expected = (drawn * row.visible)[box]
    stands = excess > 0.4 * light
    fit = _correlation(expected, np.clip(excess[box], -0.5 * light, 1.3 * light))
    return {
        "constant": 1.0,
        "net": math.sqrt(max(row.net, 0.0)),
        "level": row.level,
        "fit": fit,
        "poor": max(0.0, _GOOD_FIT - fit),
        "outside": math.log(0.05 + min(2.0, _outside(row, stands) / (float(stands[box].mean()) + 0.02))),
        "alike": math.log(len(row.middles) / len(np.unique(row.lit, axis=0))),
        "rhythm": _rhythm(row.middles),
        "darkens": _darkens(row),
        "uneven": math.log(0.1 + min(3.0, float(np.std(rise)) / light if len(rise) else 0.0)),
    }


def _rhythm(middles: NDArray[np.int64]) -> float:
    """Log of how much wider the widest gap between digits is than the narrowest, 0.7 at most."""
    gaps = np.diff(middles)
    return min(0.7, math.log(gaps.max() / gaps.min())) if len(gaps) else 0.0


def _darkens(row: Row) -> float:
    """How much a row takes from a channel, over what it adds to another, 1 at most: light takes nothing."""
    found = rises(row, row.pixels)
    change = np.median(found, axis=0) if len(found) else np.zeros(3)
    return float(np.clip(-change.min() / max(change.max(), 0.02), 0, 1))


def _box(row: Row, ends: float, reach: float) -> tuple[slice, slice]:
    """To index a row in its crop, with some room around it in heights."""
    first, last = int(row.middles[0] - ends * row.height), int(row.middles[-1] + ends * row.height)
    top, bottom = int(row.y - reach * row.height), int(row.y + reach * row.height)
    return slice(max(0, top), bottom + 1), slice(max(0, first), last + 1)


def _outside(row: Row, stands: Mask) -> float:
    """The share of what lies above and below a row that stands out as it does."""
    rows, columns = _box(row, 0.6, 1.6)
    beside = np.abs(np.arange(rows.start, min(rows.stop, len(stands))) - row.y) > 0.72 * row.height
    part = stands[rows, columns][beside]
    return float(part.mean()) if part.size else 0.0


def _correlation(first: Image, second: Image) -> float:
    first, second = first - first.mean(), second - second.mean()
    return float((first * second).sum() / math.sqrt(float((first * first).sum() * (second * second).sum()) + 1e-9))


def _smooth(plane: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)


def _background(excess: Image, height: float) -> Image:
    """The excess around each place without digits: a median."""
    middle = float(np.median(excess))
    scale = 100 / max(1e-3, float(np.percentile(np.abs(excess - middle), 99)))
    levels = np.clip((excess - middle) * scale + 128, 0, 255).astype(np.uint8)
    side = 2 * int(_FLAT / 2 * height) + 1
    return np.asarray((cv2.medianBlur(levels, side).astype(np.float32) - 128) / scale + middle)


def marked(image: Image, row: Row) -> Mask:
    """Where a row lies with its glow, bool, in the surroundings of its place."""
    pixels = upright(image, row.place)
    height = row.height / row.scale
    excess, shows = row.plane.split(pixels)
    flat = cv2.resize(_background(row.excess, row.height), pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    excess = _smooth(excess - flat, max(0.5, _SMOOTH * height))
    drawn = cv2.resize(row.drawn(), pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    on = (drawn > 0.5) & (shows > _MIN_SHOWS)
    strength = float(np.median((excess / shows)[on])) if on.any() else float(np.median(excess[drawn > 0.5]))
    expected = strength * np.maximum(shows, _MIN_SHOWS)
    beside = _grown(drawn > 0.2, _BESIDE * height)
    rest = excess[~_grown(drawn > 0.05, 0.2 * height)]
    noise = 1.4826 * float(np.median(np.abs(rest - np.median(rest)))) if rest.size else 0.0
    stands = excess > np.maximum(_FAINT * expected, _NOISES * noise)
    hole = stands & (beside | _marks(stands & (excess > _HALF * expected), row, height))
    hole = _grown(hole, _GLOW)
    return np.ascontiguousarray(np.rot90(hole, -1)) if row.place.turned else hole


def _marks(stands: Mask, row: Row, height: float) -> Mask:
    """What small things beside a row's digits stand out: apostrophes, points, colons."""
    zone, y = np.zeros(stands.shape, np.bool_), row.y / row.scale
    rows = slice(max(0, round(y - _REACH * height)), max(0, round(y + _REACH * height)))
    for x in row.middles / row.scale:
        zone[rows, max(0, round(x - _ENDS * height)) : round(x + _ENDS * height)] = True
    _, parts, stats, _ = cv2.connectedComponentsWithStats((stands & zone).astype(np.uint8), connectivity=8)
    size = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    small = (size < _SMALL * height) & (stats[:, cv2.CC_STAT_AREA] > 0.004 * height * height)
    small[0] = False
    return np.asarray(small[parts])


def _grown(mask: Mask, reach: float) -> Mask:
    """A mask with what is near to it."""
    side = 2 * max(1, round(reach)) + 1
    return cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0
