"""Text laid over a picture: letters are small even zones with sharp rims, of one colour along a line.

Even zones nominate the captions' colours; each colour's layer is cut into letters, letters are joined into lines, and a
line is kept for how far its letters stand out, how many they are and how well they stand on one level, in one stroke.
What they cover beyond that, edge, outline and shadow, is told by ``text_style``.

Colours are 0 to 255 inside; ``rise`` is how far a letter stands out from what lies around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.box import Box
from inpaintkit.find import text_style
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int32]
Table = NDArray[np.float64]

# Columns of a table of letters; the mean colour takes three, the first of them is _COLOUR.
_AREA, _TOP, _LEFT, _BOTTOM, _RIGHT, _COLOUR, _SPREAD = 0, 1, 2, 3, 4, 5, 8
_EDGES, _SHARP, _RISE, _THICK, _PEAK = 9, 10, 11, 12, 13

_EVEN = 14  # levels: neighbours that differ by no more belong to one zone, which bears JPEG's noise
_STEP = 25  # levels: what a sharp rim rises by
_REACH = 3  # px: within which it does
_LIKE = 28  # levels: how far the colours of two letters side by side may be apart
_NEAR = 24  # levels: how far from its line's colour a letter's pixel may be
_SQUARE = np.ones((3, 3), np.uint8)
_MOST_COLOURS = 8
_AROUND = 5  # px: half the side of the square whose median is the ground under thin strokes
_HALF = 40  # percent of cover that makes a pixel part of a thin letter
_THIN = 30  # px: letters higher than this have strokes too thick for that ground
_LEAST = 3.0  # evidence of a line that is kept at sensitivity 0.5, where the odds of e : 1 count 1
_CERTAIN = 2.0  # more than that: a line beyond doubt
_WEAK = 2.5  # less than that: a line that is kept where another of the same hand is beyond doubt
_HINT = 5.0  # less than that: a line whose colour is worth a look
_PURE = 4.0  # evidence that is lost where a line lies among other things of its colour
_ON_TOP, _BELOW = 1.2, 1.5  # weight of letters that begin, that end on one level
_SHARPEST = 0.9  # share of a line's sides that have to be sharp
_TALLEST = 260  # px: a letter of 200 px with ascender and descender


@kernel()
def _root_kernel(parent: Any, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel()
def _zones_kernel(pixels: Pixels, even: int, least: int, most: int) -> Any:
    """Labels 1..n of the zones of even colour (8-connected) whose area lies in [least, most]; 0 elsewhere."""
    height, width, channels = pixels.shape
    parent = np.arange(height * width, dtype=np.int32)
    for row in range(height):
        for column in range(width):
            i = row * width + column
            for k in range(4):  # the neighbours that were read before
                above = row - (k < 3)
                beside = column + k - 1 if k < 3 else column - 1
                if above < 0 or beside < 0 or beside >= width:
                    continue
                same = True
                for z in range(channels):
                    if abs(np.int32(pixels[row, column, z]) - np.int32(pixels[above, beside, z])) > even:
                        same = False
                        break
                if same:
                    one, other = _root_kernel(parent, i), _root_kernel(parent, above * width + beside)
                    parent[max(one, other)] = min(one, other)
    area = np.zeros(height * width, np.int32)
    for i in range(height * width):
        parent[i] = parent[parent[i]]
        area[parent[i]] += 1
    labels = np.zeros(height * width, np.int32)
    count = 0
    for i in range(height * width):
        root = parent[i]
        if root != i:
            labels[i] = labels[root]
        elif least <= area[i] <= most:
            count += 1
            labels[i] = count
    return labels.reshape(height, width), count


@kernel()
def _letters_kernel(pixels: Pixels, labels: Labels, count: int, step: int, reach: int) -> Table:
    """A row for each label: area, box, mean colour, spread; sides to walk out of it, how many are sharp, their rise."""
    height, width, channels = pixels.shape
    table = np.zeros((count + 1, 14))
    table[:, 1], table[:, 2] = height, width
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label == 0:
                continue
            letter = table[label]
            letter[0] += 1
            letter[1] = min(letter[1], row)
            letter[2] = min(letter[2], column)
            letter[3] = max(letter[3], row + 1)
            letter[4] = max(letter[4], column + 1)
            for z in range(channels):
                value = float(pixels[row, column, z])
                letter[5 + z] += value
                letter[8] += value * value
    for label in range(1, count + 1):
        letter = table[label]
        if letter[0] == 0:
            continue
        square = 0.0
        for z in range(channels):
            letter[5 + z] /= letter[0]
            square += letter[5 + z] ** 2
        letter[8] = np.sqrt(max(0.0, (letter[8] / letter[0] - square) / channels))
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label == 0:
                continue
            letter = table[label]
            for k in range(4):
                down, right = (k == 0) - (k == 1), (k == 2) - (k == 3)
                r, c = row + down, column + right
                if r < 0 or c < 0 or r >= height or c >= width or labels[r, c] == label:
                    continue
                rise = 0.0
                for _ in range(reach):
                    for z in range(channels):
                        rise = max(rise, abs(pixels[r, c, z] - letter[5 + z]))
                    r, c = r + down, c + right
                    if r < 0 or c < 0 or r >= height or c >= width:
                        break
                letter[9] += 1
                letter[10] += rise > step
                letter[11] += rise
    return table


@kernel()
def _inner_kernel(labels: Labels) -> Pixels:
    """1 where all four neighbours have the same label, not 0."""
    height, width = labels.shape
    inner = np.zeros((height, width), np.uint8)
    for row in range(1, height - 1):
        for column in range(1, width - 1):
            label = labels[row, column]
            if label and label == labels[row, column - 1] and label == labels[row, column + 1]:
                inner[row, column] = label == labels[row - 1, column] and label == labels[row + 1, column]
    return inner


@kernel()
def _thick_kernel(labels: Labels, depth: Image, table: Table) -> None:
    """Put twice the largest distance from a label's rim into its row."""
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            label = labels[row, column]
            if label:
                table[label, 12] = max(table[label, 12], 2 * depth[row, column] + 1)


@kernel()
def _cover_kernel(pixels: Pixels, ground: Pixels, colour: Any) -> Pixels:
    """How much of a colour lies over the ground, in percent; 0 where the pixel is no mixture of the two."""
    height, width, channels = pixels.shape
    cover = np.zeros((height, width), np.uint8)
    for row in range(height):
        for column in range(width):
            along = full = 0.0
            for z in range(channels):
                whole = colour[z] - ground[row, column, z]
                along += (pixels[row, column, z] - np.float64(ground[row, column, z])) * whole
                full += whole * whole
            if full < 1600 * channels / 3 or along < 0.1 * full:
                continue
            share = along / full
            aside = 0.0
            for z in range(channels):
                mixed = ground[row, column, z] + share * (colour[z] - ground[row, column, z])
                aside += (pixels[row, column, z] - mixed) ** 2
            if aside <= (0.2 * np.sqrt(full) + 6) ** 2:
                cover[row, column] = min(100 * share, 200)
    return cover


@kernel()
def _peaks_kernel(pixels: Pixels, labels: Labels, cover: Pixels, table: Table) -> None:
    """Put the colour of each label's best covered pixels into its row; the peak itself too."""
    height, width, channels = pixels.shape
    peak = np.zeros(len(table))
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label:
                peak[label] = max(peak[label], cover[row, column])
    count = np.zeros(len(table))
    table[:, 5:8] = 0
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label and cover[row, column] >= 0.8 * peak[label]:
                count[label] += 1
                for z in range(channels):
                    table[label, 5 + z] += pixels[row, column, z]
    for label in range(1, len(table)):
        table[label, 5:8] /= max(count[label], 1)
        table[label, 13] = peak[label]


@kernel()
def _lines_kernel(letters: Table, order: Any, tolerance: float, channels: int) -> Any:
    """For each letter the number of its line: neighbours side by side, of like height, stroke, colour and position."""
    count = len(letters)
    parent = np.arange(count)
    for a in range(count):
        i = order[a]
        high = letters[i, 3] - letters[i, 1]
        for b in range(a + 1, count):
            j = order[b]
            gap = letters[j, 2] - letters[i, 4]
            if gap > 5.1 * high:  # letters further right only lie further away
                break
            other = letters[j, 3] - letters[j, 1]
            tall = max(high, other)
            shared = min(letters[i, 3], letters[j, 3]) - max(letters[i, 1], letters[j, 1])
            if tall > 2.3 * min(high, other) or shared < 0.5 * min(high, other):
                continue
            off = 0.0
            for z in range(channels):
                off = max(off, abs(letters[i, 5 + z] - letters[j, 5 + z]))
            # Digits of a date stand far apart, but are of one height, on one line and in one colour.
            far = 2.2 if shared > 0.9 * tall and off < 0.4 * tolerance else 1.6 if tall < 40 else 1.3
            if off > tolerance or gap > far * tall:
                continue
            stroke = max(2 * letters[i, 0] / letters[i, 9], 1.0)
            beside = max(2 * letters[j, 0] / letters[j, 9], 1.0)
            if max(stroke, beside) > 2.2 * min(stroke, beside):
                continue
            one, two = i, j
            while parent[one] != one:
                one = parent[one]
            while parent[two] != two:
                two = parent[two]
            parent[max(one, two)] = min(one, two)
    for i in range(count):
        parent[i] = parent[parent[i]]
        while parent[parent[i]] != parent[i]:
            parent[i] = parent[parent[i]]
    return parent


@dataclass(frozen=True)
class _Line:
    """Letters side by side: the rows of their table, and what they have in common."""

    members: NDArray[np.intp]
    box: Box
    height: float  # of a letter, in pixels
    colour: NDArray[np.float64]  # (C,)
    rise: float
    score: float


@dataclass(frozen=True, eq=False)
class _Found:
    """A line, a box with room ``around`` it, and in that box the ``core``: what of its letters has its colour."""

    line: _Line
    around: Box
    core: Mask

    @property
    def score(self) -> float:
        return self.line.score


def find_text(image: Image, *, sensitivity: float = 0.5) -> tuple[Mask, Image]:
    """Find captions, subtitles and date stamps of nearly uniform colour.

    Parameters
    ----------
    image : float32 (H, W, C) in [0, 1], C = 1 or 3.
    sensitivity : in [0, 1]; 0 proposes only the certain, 1 everything plausible.

    Returns
    -------
    mask : bool (H, W), letters with their anti-aliased edge, outline and shadow.
    confidence : float32 (H, W) in [0, 1], 0 outside the mask.
    """
    pixels: Pixels = np.asarray(cv2.convertScaleAbs(image, alpha=255), np.uint8).reshape(image.shape)
    least = _LEAST + 6 * (0.5 - sensitivity)
    mask = np.zeros(pixels.shape[:2], np.bool_)
    confidence = np.zeros(pixels.shape[:2], np.float32)
    ground = _ground(pixels)
    colours = _colours(pixels, ground, least - _HINT)
    found = threads.run(lambda colour: _in_colour(pixels, ground, colour, least), colours)
    kept = _chosen(pixels, [line for lines in found for line in lines], least)
    letters = [text_style.Letters(it.around, it.line.box, it.core, it.line.colour, it.line.height) for it in kept]
    for line, hole in zip(kept, text_style.holes(pixels, letters), strict=True):
        mask[line.around.slices] |= hole
        seen = confidence[line.around.slices]
        np.maximum(seen, np.where(hole, 1 / (1 + np.exp(-line.score)), 0).astype(np.float32), out=seen)
    return mask, confidence


def _ground(pixels: Pixels) -> Pixels:
    """What lies under thin strokes: the median of what lies around, which text does not fill by half."""
    height = pixels.shape[0]
    strips = [slice(top, min(top + 256, height)) for top in range(0, height, 256)]

    def median(strip: slice) -> Pixels:
        top = max(strip.start - _AROUND, 0)
        wide = cv2.medianBlur(np.ascontiguousarray(pixels[top : strip.stop + _AROUND]), 2 * _AROUND + 1)
        return np.asarray(wide[strip.start - top : strip.stop - top], np.uint8)

    return np.concatenate(threads.run(median, strips)).reshape(pixels.shape)


def _colours(pixels: Pixels, ground: Pixels, least: float) -> list[NDArray[np.float64]]:
    """Colours of what may be lines among the zones of even colour and among thin strokes, the best first."""

    def zones(seen: Pixels) -> list[_Line]:
        labels, count = _zones_kernel(seen, _EVEN, 4, seen.shape[0] * seen.shape[1] // 8)
        return _lines(_table(seen, labels, count), seen.shape[2], _LIKE, least)

    def strokes(one: Pixels, other: Pixels) -> list[_Line]:
        relief = np.asarray(reduce(cv2.max, cv2.split(cv2.subtract(one, other))), np.uint8)
        peaks = cv2.dilate(relief, np.ones((5, 5), np.uint8))
        labels, count = _pieces(((relief > _STEP) & (relief >= peaks // 2)).astype(np.uint8))
        return _lines(_thin_table(pixels, labels, count, relief), pixels.shape[2], _LIKE, least)

    searches: list[Callable[[], list[_Line]]] = [
        partial(zones, pixels),
        partial(zones, _smaller(pixels)),  # where ground shows through large letters, that evens them
        partial(strokes, pixels, ground),
        partial(strokes, ground, pixels),
    ]
    lines = [line for some in threads.run(lambda search: search(), searches) for line in some]
    colours: list[NDArray[np.float64]] = []
    for line in sorted(lines, key=lambda line: -line.score):
        if line.score < least or len(colours) == _MOST_COLOURS:
            break
        if all(np.abs(line.colour - colour).max() > 16 for colour in colours):
            colours.append(line.colour)
    return colours


def _smaller(pixels: Pixels) -> Pixels:
    """A picture at a quarter of its size, 1 x 1 at least."""
    size = tuple(max(1, side // 4) for side in pixels.shape[1::-1])
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8).reshape(size[1], size[0], pixels.shape[2])


def _in_colour(pixels: Pixels, ground: Pixels, colour: NDArray[np.float64], least: float) -> list[_Found]:
    """The lines in a colour: thick strokes are what has it, thin ones what it covers by half."""
    labels, count = _pieces(cv2.inRange(pixels, np.rint(colour) - _NEAR, np.rint(colour) + _NEAR))
    table = _table(pixels, labels, count)
    thick = _kept(table, _lines(table, pixels.shape[2], 2 * _NEAR, least - _WEAK), least)
    found = [_cut(line, labels, table) for line in thick]
    cover = _cover_kernel(pixels, ground, colour)
    labels, count = _pieces((cover >= _HALF).astype(np.uint8))
    table = _thin_table(pixels, labels, count, cover)
    table[(table[:, _PEAK] < 60) | (table[:, _PEAK] > 140), _AREA] = 0
    thin = _kept(
        table, [line for line in _lines(table, pixels.shape[2], 60, least - _WEAK) if line.height <= _THIN], least
    )
    return found + [_cut(line, labels, table, 48) for line in thin]


def _cut(line: _Line, labels: Labels, table: Table, near: float = 16) -> _Found:
    """A line with its letters and what belongs to them cut out of the layer's labels."""
    around = line.box.grown(round(1.2 * line.height) + 8, labels.shape)
    return _Found(line, around, _core(labels[around.slices], table, line, near))


def _chosen(pixels: Pixels, found: list[_Found], least: float) -> list[_Found]:
    """The best lines first, without those found already and without the ground that shows through a better line.

    A picture bears captions of one hand: where there are lines beyond doubt, one that is not is none if it is neither
    like any of them nor near it.
    """
    covered = np.zeros(pixels.shape[:2], np.bool_)
    chosen: list[_Found] = []
    for line in sorted(found, key=lambda one: -one.score):
        seen = covered[line.around.slices]
        if np.count_nonzero(seen & line.core) > 0.9 * np.count_nonzero(line.core):
            continue
        around = [better for better in chosen if line.line.box.mostly_in(better.line.box)]
        if around and _enclosed(line, seen) and any(_is_ground(pixels, line, better) for better in around):
            continue
        certain = [better for better in chosen if better.score >= least + _CERTAIN]
        if line.score < least + _CERTAIN and certain and not any(_related(line.line, it.line) for it in certain):
            continue
        seen |= line.core
        chosen.append(line)
    return chosen


def _enclosed(line: _Found, covered: Mask) -> bool:
    """Whether most of a line's rim touches what better lines cover, bool of the box around it."""
    rim = (cv2.dilate(line.core.astype(np.uint8), _SQUARE) > 0) & ~line.core
    touched = cv2.dilate(covered.astype(np.uint8), _SQUARE, iterations=3) > 0
    return bool(touched[rim].mean() > 0.7)


def _is_ground(pixels: Pixels, line: _Found, better: _Found) -> bool:
    """Whether a line has the colour of what lies around a better one."""
    crop, free = pixels[better.around.slices], cv2.dilate(better.core.astype(np.uint8), _SQUARE, iterations=3) == 0
    return bool((np.abs(crop[free] - line.line.colour).max(axis=1) <= _NEAR).mean() > 0.4)


def _pieces(layer: Any) -> tuple[Labels, int]:
    """Labels 1..n of a layer's connected pieces (8-connected), and n."""
    count, labels = cv2.connectedComponents(layer, connectivity=8)
    return np.asarray(labels, np.int32), count - 1


def _table(pixels: Pixels, labels: Labels, count: int) -> Table:
    """A row for each label, 0 to n: what ``_letters_kernel`` measures, and the width of its thickest place."""
    table = _letters_kernel(pixels, labels, count, _STEP, _REACH)
    depth = cv2.distanceTransform(_inner_kernel(labels), cv2.DIST_L2, cv2.DIST_MASK_3)
    _thick_kernel(labels, np.asarray(depth, np.float32), table)
    return table


def _thin_table(pixels: Pixels, labels: Labels, count: int, weight: Pixels) -> Table:
    """A table of letters too thin for an even colour: theirs is that of their best pixels, where the weight peaks."""
    table = _table(pixels, labels, count)
    _peaks_kernel(pixels, labels, weight, table)
    table[:, _SPREAD] = 0
    return table


def _kept(table: Table, lines: list[_Line], least: float) -> list[_Line]:
    """The lines that stand for themselves, and weaker ones that are like one beyond doubt."""
    lines = [pure for line in lines for pure in [_purified(table, line)] if pure.score >= least - _WEAK]
    certain = [line for line in lines if line.score >= least + _CERTAIN]
    return [line for line in lines if line.score >= least or any(_alike(line, other) for other in certain)]


def _alike(line: _Line, other: _Line) -> bool:
    """Whether a line could be of the same hand: height, colour, how far it stands out; one or two letters beside it."""
    high, low = max(line.height, other.height), min(line.height, other.height)
    near = np.abs(line.colour - other.colour).max() <= 16
    down, across = line.box.overlap(other.box)
    many = len(line.members) > 2 or low > _THIN or (down > 0.5 * low and -across < 4 * high)
    return bool(high <= 1.5 * low and near and line.rise >= 0.5 * other.rise and many)


def _related(line: _Line, other: _Line) -> bool:
    """Whether a line is like another, as seen over another ground, or touches it, as high: its outline, its shadow."""
    high, low = max(line.height, other.height), min(line.height, other.height)
    like = high <= 1.6 * low and np.abs(line.colour - other.colour).max() <= 2 * _NEAR
    touches = min(line.box.overlap(other.box)) > -other.height / 2 and line.height > 0.6 * other.height
    return bool(like or touches)


def _purified(table: Table, line: _Line) -> _Line:
    """A line without letters among other things of their colour, which count against the rest as well."""
    near = 2 + line.height / 10
    box, letters = line.box, table[line.members]
    there = (
        (table[:, _TOP] >= box.top - near)
        & (table[:, _BOTTOM] <= box.bottom + near)
        & (table[:, _LEFT] >= box.left - near)
        & (table[:, _RIGHT] <= box.right + near)
        & (table[:, _BOTTOM] - table[:, _TOP] >= 0.15 * line.height)
    )
    there[line.members] = True
    others = table[there]
    beside = np.ones((len(letters), len(others)), np.bool_)
    for first, last in ((_TOP, _BOTTOM), (_LEFT, _RIGHT)):
        middle = (others[:, first] + others[:, last]) / 2
        beside &= (middle >= letters[:, None, first] - near) & (middle <= letters[:, None, last] + near)
    own = np.isin(np.flatnonzero(there), line.members)
    share = (beside * own) @ others[:, _EDGES] / (beside @ others[:, _EDGES])
    clean = share >= 0.5
    if not clean.any():
        return replace(line, score=-np.inf)
    if not clean.all():
        line = _line(letters[clean], line.members[clean], len(line.colour))
    pure = np.average(share[clean], weights=letters[clean, _EDGES])
    return replace(line, score=line.score + _PURE * np.log(min((pure - 0.4) / 0.4, 1)))


def _lines(table: Table, channels: int, tolerance: float, least: float) -> list[_Line]:
    """Lines among the rows of a table that look like letters, without those that cannot score ``least``."""
    high, wide = table[:, _BOTTOM] - table[:, _TOP], table[:, _RIGHT] - table[:, _LEFT]
    edges = np.maximum(table[:, _EDGES], 1)
    stroke = 2 * table[:, _AREA] / edges
    fits = (table[:, _AREA] > 0) & (high >= 4) & (high <= _TALLEST) & (wide <= 6 * high)
    fits &= (stroke >= 0.035 * high) & (stroke <= 0.5 * high)
    clear = (table[:, _SHARP] > 0.75 * edges) & (table[:, _RISE] > 28 * edges) & (table[:, _SPREAD] < 16)
    even = table[:, _THICK] <= np.maximum(2.25 * stroke, 5)  # a blob is twice as thick as it is wide on the mean
    rows = np.flatnonzero(fits & clear & even)
    letters = table[rows]
    line = _lines_kernel(letters, np.argsort(letters[:, _LEFT], kind="stable"), tolerance, channels)
    order = np.argsort(line, kind="stable")
    if not len(order):
        return []
    first = np.flatnonzero(np.diff(line[order], prepend=-1))
    count = np.diff(first, append=len(order))
    sides, sharp, rise = (np.add.reduceat(letters[order, column], first) for column in (_EDGES, _SHARP, _RISE))
    tallest = np.maximum.reduceat((letters[:, _BOTTOM] - letters[:, _TOP])[order], first)
    possible = np.where(
        sharp > _SHARPEST * sides,
        _evidence(rise / sides, count, count * np.maximum(1, tallest / 20), _ON_TOP + _BELOW),
        -np.inf,
    )
    return [
        _line(letters[order[start : start + size]], rows[order[start : start + size]], channels)
        for start, size, score in zip(first, count, possible, strict=True)
        if score >= least
    ]


def _line(letters: Table, members: NDArray[np.intp], channels: int) -> _Line:
    colours, weights = letters[:, _COLOUR : _COLOUR + channels], letters[:, _AREA]
    colour = np.array([_median(colours[:, z], weights) for z in range(channels)])
    rise = float(letters[:, _RISE].sum() / letters[:, _EDGES].sum())
    top, left = (int(letters[:, k].min()) for k in (_TOP, _LEFT))
    bottom, right = (int(letters[:, k].max()) for k in (_BOTTOM, _RIGHT))
    height = _median(letters[:, _BOTTOM] - letters[:, _TOP], letters[:, _EDGES])
    slope, bend = _course(letters)
    score = -np.inf
    if abs(slope) < 0.5 and bend < 0.6 * height:
        level = sum(
            weight * _level(letters[:, end], letters[:, _LEFT], slope, height)
            for end, weight in ((_TOP, _ON_TOP), (_BOTTOM, _BELOW))
        )
        many = len(letters) * max(1.0, height / 20)  # a tall letter counts for several
        uneven = float(np.std(np.log(letters[:, _AREA] / letters[:, _EDGES])))
        spread = float(np.average(letters[:, _SPREAD], weights=weights))
        score = _evidence(rise, len(letters), many, level, abs(slope), uneven, spread, bool(letters[:, _PEAK].any()))
        if len(letters) == 1:
            score += np.log(height / 50) - 4.5
    return _Line(members, Box.from_edges(left, top, right, bottom), height, colour, rise, float(score))


def _evidence(
    rise: Any,
    count: Any,
    many: Any,
    level: Any,
    slope: float = 0,
    uneven: float = 0,
    spread: float = 2,
    thin: bool = False,
) -> Any:
    """How much speaks for a line being one, as the logarithm of the odds.

    For it: letters that stand out, are many and tall and stand and end on one level. Against it: strokes that differ in
    width, colours that vary within letters, strokes too thin to have one, a slope. The weights are those of a logistic
    regression over lines found in scikit-image's photographs with captions drawn on them and without, rounded.

    level : of letters that begin and that end on one level, a weighted sum of both shares.
    """
    return (
        6 * np.log(rise / 100)
        + 0.8 * np.log(many)
        + level * np.log(count)
        - 2 * slope
        - 5.5 * min(uneven, 0.5)
        - 0.2 * max(spread, 2)
        - 3.4 * thin
        + 0.4
    )


def _course(letters: Table) -> tuple[float, float]:
    """Slope of a line, and by how much its letters' middles are off it on the mean; a speck hung on bends none."""
    size = letters[:, _EDGES] / letters[:, _EDGES].sum()
    middle = (letters[:, _TOP] + letters[:, _BOTTOM]) / 2
    along = letters[:, _LEFT] - (size * letters[:, _LEFT]).sum()
    slope = float((size * along * middle).sum() / max((size * along**2).sum(), 1))
    off = middle - slope * along - (size * middle).sum()
    return slope, float(np.sqrt((size * off**2).sum()))


def _level(ends: NDArray[np.float64], left: NDArray[np.float64], slope: float, height: float) -> float:
    """The share of letters that begin or end on the level where most do, which is straight or goes with the line."""
    near = max(1.0, 0.06 * height)
    levels = ends, ends - slope * left
    return max(float((np.abs(level[:, None] - level) <= near).mean(axis=1).max()) for level in levels)


def _median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The weighted median."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _core(labels: Labels, table: Table, line: _Line, near: float) -> Mask:
    """The letters of a line and the pieces of its colour in it: dots, commas, what stands apart from a letter."""
    box, reach = line.box, 0.3 * line.height
    letters = table[line.members]
    stroke = 2 * letters[:, _AREA].sum() / letters[:, _EDGES].sum()
    sides = np.maximum(table[:, _EDGES], 1)
    channels = len(line.colour)
    largest = np.maximum(table[:, _BOTTOM] - table[:, _TOP], table[:, _RIGHT] - table[:, _LEFT])
    dot = (largest <= 2.5 * stroke + 2) & (table[:, _TOP] >= box.top - 2.5 * reach)  # of an i where none is as high
    inside = (
        ((table[:, _TOP] >= box.top - reach) | dot)
        & (table[:, _BOTTOM] <= box.bottom + 1.5 * reach)
        & (table[:, _LEFT] >= box.left - reach)
        & (table[:, _RIGHT] <= box.right + reach)
        & (table[:, _SHARP] >= 0.9 * sides)
        & (table[:, _RISE] >= max(35, 0.6 * line.rise) * sides)
        & (2 * table[:, _AREA] >= 0.4 * stroke * sides)
        & (np.abs(table[:, _COLOUR : _COLOUR + channels] - line.colour).max(axis=1) <= near)
    )
    inside[line.members] = True
    inside[0] = False
    core: Mask = inside[labels]
    return core
