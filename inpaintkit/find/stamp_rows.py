"""Rows of lit digits: looked for at all heights, fitted each by itself, and measured.

A coarse search (``digits``) names places. Around each the picture is set upright and reduced to digits 20 px high, and
height, width and slant are fitted, in the excess of the hue that it was found in, in that of the light that is usual in
that hue, and in that of the light that the first fit shows. What sums up to the most over the row is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.arrays import F32x1, F64x1, I64x1
from inpaintkit.box import Box
from inpaintkit.find import digits
from inpaintkit.find.stamp_light import USUAL, Colour, Hue, Light, Plane
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image

# The coarse search.
_LARGEST = 1600  # px: the longer side of what is searched; larger pictures are reduced
_COARSE, _SMALLEST = 11.0, 8.0  # px: height of the digits looked for, and on a reduced picture of the smallest
_HIGHEST = 115.0  # px of the picture
_STEP = 2**0.5  # from one height to the next
_EACH = 8  # places of each height, hue and direction, at most
_WORTH = 3.0  # of what ``rows`` gives, at least
_MOST = 14  # places that are fitted

# The fit, in heights of a digit.
_FINE = 20.0  # px, of a digit
_ALONG, _ABOVE = 8.5, 2.6  # from the middle of a place to where its surroundings end
_HEIGHTS, _CLOSER = (0.82, 0.9, 1.0, 1.1, 1.2), (0.92, 1.0, 1.08)  # times the height of a place
_WIDTHS, _SLANTS = (0.15, 0.19, 0.23, 0.27), (-0.1, 0.1)
_NEXT, _FARTHEST, _USUAL_NEXT = 0.68, 3.4, 1.1  # from a digit to the next one
_COST, _GAP_COST = 4.0, 0.6  # log-odds that a digit has to bring, and per height of a gap
_RIVALS = (-1.5, -1.2, 1.2, 1.5)  # where rows would lie that a picture's own pattern has beside
_STROKE, _SOFT = 0.15, 0.06  # width of a segment, and sigma of its edge
_MAX_GREY = 0.7  # smallest channel over the largest of what a light adds


@dataclass(frozen=True)
class Place:
    """Where a row of digits may be: px of the picture.

    Attributes
    ----------
    score : of ``digits.rows``.
    hue : in ``digits.HUES``.
    turned : whether the row goes down the picture.
    height : of its digits.
    y, x : its middle.
    """

    score: float
    hue: int
    turned: bool
    height: float
    y: float
    x: float

    def near(self, other: Place) -> bool:
        """Whether both may be one row."""
        high, low = max(self.height, other.height), min(self.height, other.height)
        along, above = abs(self.x - other.x), abs(self.y - other.y)
        if self.turned:
            along, above = above, along
        return self.turned == other.turned and above < 0.5 * high and along < 2.5 * high and high < 1.6 * low

    def around(self, shape: tuple[int, int]) -> Box:
        """The place with its surroundings, inside a picture (H, W)."""
        across, down = _ALONG * self.height, _ABOVE * self.height
        if self.turned:
            across, down = down, across
        edges = self.x - across, self.y - down, self.x + across, self.y + down
        left, top, right, bottom = (round(edge) for edge in edges)
        return Box.from_edges(left, top, right, bottom).clipped(shape)


@dataclass(frozen=True, eq=False)
class Row:
    """A row of digits, in the upright crop around it, reduced so that they are about ``_FINE`` px high.

    Attributes
    ----------
    place : where it was looked for.
    scale : px of the crop per px of the picture.
    pixels : float32 (H, W, 3), the crop.
    plane, excess, visible : in what it was fitted, and what that gives, float32 (H, W).
    height, half_width, slant : of the digits, the latter two in heights.
    y, middles : row and columns (N,) of the digits' middles.
    lit : bool (N, 7), their segments.
    level : of ``digits.rows``.
    total, rival : log-odds of the row, and of the best one beside it.
    """

    place: Place
    scale: float
    pixels: Image
    plane: Plane
    excess: Image
    visible: Image
    height: float
    half_width: float
    slant: float
    y: int
    middles: NDArray[np.int64]
    lit: NDArray[np.bool_]
    level: float
    total: float
    rival: float

    @property
    def net(self) -> float:
        """Log-odds of the row over those of what lies beside it."""
        return self.total - self.rival

    def box(self, shape: tuple[int, int]) -> Box:
        """Around its digits, in a picture (H, W)."""
        crop, reach = self.place.around(shape), 0.6 * self.height
        edges = self.middles[0] - reach, self.y - reach, self.middles[-1] + reach, self.y + reach
        left, top, right, bottom = (round(edge / self.scale) for edge in edges)
        if self.place.turned:
            left, top, right, bottom = crop.width - bottom, left, crop.width - top, right
        return Box.from_edges(left, top, right, bottom).shifted(crop.left, crop.top)

    def drawn(self) -> Image:
        """Its segments drawn, float32 (H, W) in [0, 1]."""
        canvas = np.zeros(self.excess.shape, np.float32)
        thick, tall = max(1, round(_STROKE * self.height)), 0.17 * self.height
        wide = (self.half_width - 0.03) * self.height
        offsets = digits.places(self.height, self.half_width, self.slant)
        for middle, segments in zip(self.middles, self.lit, strict=True):
            for (down, right), (_, _, stands) in zip(
                offsets[segments], np.array(digits.SEGMENTS)[segments], strict=True
            ):
                y, x = self.y + int(down), int(middle + right)
                away_x, away_y = (self.slant * tall, -tall) if stands else (wide, 0)
                start, end = (round(x - away_x), round(y - away_y)), (round(x + away_x), round(y + away_y))
                cv2.line(canvas, start, end, (1,), thick, cv2.LINE_AA)
        return np.asarray(cv2.GaussianBlur(canvas, (0, 0), _SOFT * self.height), np.float32)


@kernel()
def _chain_kernel(
    odds: F32x1, near: int, far: int, usual: float, slope: float, cost: float, best: F64x1, back: I64x1
) -> int:
    """The chain of digits along a row with the most log-odds; gives the place of its last one.

    odds : (N,) at each place; near, far : from a digit to the next; slope : lost per px that this exceeds ``usual``;
    best : (N,), log-odds of the best chain that ends at each place; back : (N,), the digit before, -1 where none is.
    """
    last = 0
    for x in range(len(odds)):
        gained, before = 0.0, -1
        for previous in range(max(0, x - far), x - near + 1):
            chain = best[previous] - slope * max(0.0, x - previous - usual)
            if chain > gained:
                gained, before = chain, previous
        best[x], back[x] = odds[x] - cost + gained, before
        if best[x] > best[last]:
            last = x
    return last


def search(image: Image) -> list[Place]:
    """Where in a picture (H, W, 3) rows of lit digits may be, the likeliest first."""
    found = [place for some in threads.run(lambda level: _at_height(*level), _levels(image)) for place in some]
    kept: list[Place] = []
    for place in sorted(found, key=lambda each: -each.score):
        if len(kept) < _MOST and not any(place.near(other) for other in kept):
            kept.append(place)
    return kept


def _levels(image: Image) -> list[tuple[Image, float, float]]:
    """What is searched for each height: pixels, px of them per px of the picture, height of the digits in them."""
    first = min(1.0, _LARGEST / max(image.shape[:2]))
    base = reduced(image, first)
    levels, scale, height = [], first, _COARSE if first == 1 else _SMALLEST
    while height / scale <= _HIGHEST and min(base.shape[:2]) * scale > height * first:
        levels.append((reduced(base, scale / first), scale, height))
        scale, height = _COARSE * scale / (height * _STEP), _COARSE
    return levels


def _at_height(pixels: Image, scale: float, height: float) -> list[Place]:
    """Places of rows with digits of one height, px of ``pixels``."""
    places = []
    for hue, excess in enumerate(digits.excesses(pixels)):
        upright, level = (_tolerant(each) for each in digits.strokes(excess, height))
        for turned in (False, True):
            if turned:
                upright, level = np.ascontiguousarray(level.T), np.ascontiguousarray(upright.T)
            rows = digits.rows(digits.likeliest(upright, level, height), height)
            for score, y, x in _peaks(rows, height):
                row, column = (x, y) if turned else (y, x)
                places.append(Place(score, hue, turned, height / scale, (row + 0.5) / scale, (column + 0.5) / scale))
    return places


def _tolerant(strokes: Image) -> Image:
    """Strokes that may lie a pixel aside."""
    return np.asarray(cv2.dilate(strokes, np.ones((3, 3), np.uint8)), np.float32)


def _peaks(rows: Image, height: float) -> list[tuple[float, int, int]]:
    """The best rows, none too near to a better one: score, row and column of each. ``rows`` is used up."""
    above, aside, peaks = round(0.75 * height), round(2.25 * height), []
    for _ in range(_EACH):
        _, score, _, (x, y) = cv2.minMaxLoc(rows)
        if score < _WORTH:
            break
        peaks.append((score, y, x))
        rows[max(0, y - above) : y + above + 1, max(0, x - aside) : x + aside + 1] = 0
    return peaks


def reduced(pixels: Image, scale: float) -> Image:
    """Pixels at another scale."""
    if scale == 1:
        return pixels
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=way), np.float32)


def upright(image: Image, place: Place) -> Image:
    """The surroundings of a place, turned so that its row runs from left to right or from right to left."""
    pixels = image[place.around(image.shape[:2]).slices]
    return np.ascontiguousarray(np.rot90(pixels)) if place.turned else pixels


def fitted(image: Image, place: Place) -> Row:
    """The row of digits at a place, as well as it can be fitted."""
    box, scale = place.around(image.shape[:2]), _FINE / place.height
    y, x = place.y - box.top, place.x - box.left
    if place.turned:
        y, x = box.width - x, y
    pixels = reduced(upright(image, place), scale)
    start = _Start(place, scale, pixels, y * scale, x * scale)
    first = start.fit(Hue(place.hue), _FINE, _HEIGHTS)
    usual = start.fit(Light.over(pixels, USUAL[place.hue]), _FINE, _HEIGHTS)
    best = max(first, usual, key=lambda row: row.net)
    colour = light_of(best)
    if colour is None:
        return best
    again = _Start(place, scale, pixels, best.y, float(best.middles.mean()))
    seen = again.fit(Light.over(pixels, colour), best.height, _CLOSER)
    return max(best, seen, key=lambda row: row.net)


@dataclass(frozen=True, eq=False)
class _Start:
    """Where a fit begins: what ``Row`` has of it, and the middle of the row in the crop."""

    place: Place
    scale: float
    pixels: Image
    y: float
    x: float

    def fit(self, plane: Plane, height: float, heights: tuple[float, ...]) -> Row:
        """The row with the most digits near the start, of some times a height."""
        excess, shows = plane.split(self.pixels)
        planes = {times: _strokes(excess, shows, height * times) for times in heights}
        tried = [self._tried(planes[times], height * times, digits.HALF_WIDTH, 0.0) for times in heights]
        best = max(range(len(heights)), key=lambda index: tried[index][0])
        high, strokes = height * heights[best], planes[heights[best]]
        wide = max((self._tried(strokes, high, width, 0.0) for width in _WIDTHS), key=lambda trial: trial[0])
        leaning = (self._tried(strokes, high, wide[2], slant) for slant in _SLANTS)
        level, y, width, slant, odds = max(wide, *leaning, key=lambda trial: trial[0])
        middles, total = _chain(odds, y, high)
        rival = max(0.0, *(_chain(odds, round(y + rows * high), high)[1] for rows in _RIVALS))
        offsets = digits.places(high, width, slant)
        lit = digits.lit(*strokes, np.stack([np.full(len(middles), y), middles], axis=1), offsets)
        return Row(
            self.place,
            self.scale,
            self.pixels,
            plane,
            excess,
            shows,
            high,
            width,
            slant,
            y,
            middles,
            lit,
            level,
            total,
            rival,
        )

    def _tried(
        self, strokes: tuple[Image, Image], height: float, half_width: float, slant: float
    ) -> tuple[float, int, float, float, Image]:
        """What a form of digits comes to: ``rows`` at its best near the start, its row, the form, the digits."""
        odds = digits.likeliest(*strokes, height, half_width, slant)
        top, left = max(0, int(self.y - 0.5 * _FINE)), max(0, int(self.x - 3 * _FINE))
        near = digits.rows(odds, height)[top : int(self.y + 0.5 * _FINE) + 1, left : int(self.x + 3 * _FINE) + 1]
        _, level, _, (_, y) = cv2.minMaxLoc(near)
        return level, top + y, half_width, slant, odds


def _strokes(excess: Image, shows: Image, height: float) -> tuple[Image, Image]:
    """Strokes of an excess; where light hardly shows, neither lit nor unlit."""
    lacking = np.float32(digits.UNDECIDED) * (1 - shows)
    upright, level = (cv2.GaussianBlur(each, (0, 0), 0.5) + lacking for each in digits.strokes(excess, height))
    return upright, level


def _chain(odds: Image, y: int, height: float) -> tuple[NDArray[np.int64], float]:
    """The digits of the best chain in a row, as columns, and its log-odds; none where the row is outside."""
    if not 0 <= y < len(odds):
        return np.zeros(0, np.int64), 0.0
    row = np.ascontiguousarray(odds[max(0, y - 1) : y + 2].max(axis=0))
    best, back = np.zeros(len(row)), np.zeros(len(row), np.int64)
    near, far = max(1, round(_NEXT * height)), round(_FARTHEST * height)
    x = _chain_kernel(row, near, far, _USUAL_NEXT * height, _GAP_COST / height, _COST, best, back)
    total, middles = float(best[x]), [x]
    while back[middles[-1]] >= 0:
        middles.append(int(back[middles[-1]]))
    return np.array(middles[::-1], np.int64), total


def rises(row: Row, plane: Image) -> NDArray[np.float64]:
    """By how much a plane (H, W) or (H, W, C) is higher on each digit's segments than between them: (N, C), N at most.

    Digits that hardly show do not count.
    """
    drawn, reach = row.drawn(), 0.6 * row.height
    top, bottom = max(0, int(row.y - reach)), int(row.y + reach) + 1
    found = []
    for middle in row.middles:
        window = slice(top, bottom), slice(max(0, int(middle - reach)), int(middle + reach) + 1)
        on, off = drawn[window] * (drawn[window] > 0.5) * row.visible[window], drawn[window] < 0.1
        if on.sum() > 2 and np.count_nonzero(off) > 3:
            values = np.atleast_3d(plane[window])
            found.append((values * on[..., None]).sum(axis=(0, 1)) / on.sum() - np.median(values[off], axis=0))
    channels = plane.shape[2] if plane.ndim == 3 else 1
    return np.array(found, np.float64).reshape(len(found), channels)


def light_of(row: Row) -> Colour | None:
    """The colour of a row's light; None where it has none."""
    found = rises(row, row.pixels)
    if not len(found):
        return None
    colour = np.maximum(np.median(found, axis=0), 0)
    if colour.max() < 0.01 or colour.min() > _MAX_GREY * colour.max():
        return None
    return np.asarray(colour - 0.5 * colour.min())
