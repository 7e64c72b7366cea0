"""Text laid over a picture: letters are small uniform zones with sharp rims, of one colour along a line.

Uniform zones and thin strokes nominate the captions' colours; each colour's layer is cut into letters (``letters``),
letters are joined into lines (``lines``), and lines that score well are kept. What they cover beyond their letters,
edge, outline and shadow, is found by ``text_style`` and ``text_cover``.

Colours are in levels, 0 to 255.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.box import Box
from inpaintkit.find import letters, lines, scoring, text_looks
from inpaintkit.find.letters import AREA, PEAK, Pixels, Table
from inpaintkit.find.lines import Line
from inpaintkit.find.scoring import Labels
from inpaintkit.find.screens import Screen, busy, drowned, in_levels, screen_of
from inpaintkit.find.text_cover import holes
from inpaintkit.find.text_style import Letters
from inpaintkit.problem import Image, Mask

# Log-odds, set by hand.
_THRESHOLD, _SPAN = 3.0, 6.0  # of a line that is kept at sensitivity 0.5, and from sensitivity 0 to 1
_ACT = 1.0  # more: a line that is repaired unseen
_CERTAIN = 2.0  # more than that: a line beyond doubt
_WEAK = 2.5  # less than that: a line that is kept where another of its style group is beyond doubt
_HINT = 5.0  # less than that: a line whose colour is worth a look

_SIMILAR = 28  # levels: how far the colours of two letters side by side may be apart
_NEAR = 24  # levels: how far from its line's colour a letter's pixel may be
_MAX_COLOURS = 8
_APART = 16  # levels: nearer colours are one; lines of one style group are no farther apart
_HALF = 40  # percent of cover that makes a pixel part of a thin letter
_PEAKS = 60, 140  # percent of cover that a thin letter has at its best
_THIN = 30  # px: letters higher than this have strokes too thick for their background to be seen beside them
_MAX_AROUND = 6  # times the picture's pixels: what lines may have around them, all together
_SQUARE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class FoundLine:
    """A line, a box with room ``around`` it, and in that box the ``core``: what of its letters has its colour."""

    line: Line
    around: Box
    core: Mask

    @property
    def score(self) -> float:
        """Log-odds."""
        return self.line.score


def find_text(
    image: Image, *, sensitivity: float = 0.5, act: bool = False, labels: Labels | None = None
) -> tuple[Mask, Image]:
    """Find captions, subtitles and date stamps of nearly uniform colour.

    Parameters
    ----------
    image : float32 (H, W, C) in [0, 1], C = 1 or 3.
    sensitivity : in [0, 1]; 0 finds only clear cases, 1 anything plausible.
    act : whether what is found is repaired unseen: only what is sure.
    labels : int32 (H, W) of zeros: gets the number, from 1, of the line that each proposed pixel belongs to.

    Returns
    -------
    mask : bool (H, W), letters with their anti-aliased edge, outline and shadow.
    confidence : float32 (H, W) in [0, 1], 0 outside the mask.
    """
    pixels = in_levels(image)
    screen = screen_of(pixels)
    # Ink on paper has all the contrast there is, whatever is drawn: there a line has to be beyond doubt.
    needed = scoring.threshold(sensitivity, _THRESHOLD, _SPAN) + _CERTAIN * bool(screen)
    mask = np.zeros(pixels.shape[:2], np.bool_)
    confidence = np.zeros(pixels.shape[:2], np.float32)
    kept = believed(pixels, chosen(pixels, candidates(pixels, screen, needed), needed), needed)
    taken = _sure(kept, needed) if act else [True] * len(kept)
    drawn = [Letters(it.around, it.line.box, it.core, it.line.colour, it.line.height) for it in kept]
    # What is not taken is drawn all the same: it tells how its style is.
    for number, (line, hole, is_taken) in enumerate(zip(kept, holes(pixels, drawn), taken, strict=True), 1):
        if is_taken:
            scoring.mark((mask, confidence, labels), line.around, hole, number, line.score)
    return mask, confidence


def candidates(pixels: Pixels, screen: Screen, needed: float) -> list[FoundLine]:
    """Lines of text in a picture (H, W, C) that score ``needed`` or are like one that does; some are found twice."""
    background = letters.background(pixels)
    makers: list[Callable[[], Table]] = [
        partial(letters.zones, pixels),
        partial(letters.strokes, pixels, pixels, background),
        partial(letters.strokes, pixels, background, pixels),
        partial(letters.zones, letters.reduced(pixels)),
    ]
    tables = threads.run(lambda make: make(), makers)
    steps = busy(pixels)
    for table in tables[:3]:
        letters.remove(table, screen, pixels.shape[2])
    colours = _colours(tables, pixels.shape[2], needed - _HINT)
    found = threads.run(lambda colour: _in_colour(pixels, background, screen, steps, colour, needed), colours)
    return [line for some in found for line in some]


def _colours(tables: list[Table], channels: int, min_score: float) -> list[NDArray[np.float64]]:
    """Colours of what may be lines in tables of zones of uniform colour and of thin strokes, the best first."""
    found = threads.run(lambda table: lines.joined(table, channels, _SIMILAR, min_score), tables)
    colours: list[NDArray[np.float64]] = []
    for line in sorted((line for some in found for line in some), key=lambda line: -line.score):
        if line.score < min_score or len(colours) == _MAX_COLOURS:
            break
        if all(np.abs(line.colour - colour).max() > _APART for colour in colours):
            colours.append(line.colour)
    return colours


def _in_colour(
    pixels: Pixels, background: Pixels, screen: Screen, steps: Mask, colour: NDArray[np.float64], needed: float
) -> list[FoundLine]:
    """The lines in a colour: thick strokes are what has it, thin ones what it covers by half."""
    channels = pixels.shape[2]
    layer = np.asarray(cv2.inRange(pixels, np.rint(colour) - _NEAR, np.rint(colour) + _NEAR), np.uint8)
    labels, count = letters.pieces(layer)
    table = letters.measured(pixels, labels, count)
    letters.remove(table, screen, channels)
    thick = _kept(table, lines.joined(table, channels, 2 * _NEAR, needed - _WEAK), needed)
    found = [_cut(line, labels, table, 16) for line in thick if not drowned(layer, steps, line.box, line.height)]
    cover = letters.cover(pixels, background, colour)
    layer = (cover >= _HALF).astype(np.uint8)
    labels, count = letters.pieces(layer)
    table = letters.measured_thin(pixels, labels, count, cover)
    table[(table[:, PEAK] < _PEAKS[0]) | (table[:, PEAK] > _PEAKS[1]), AREA] = 0
    letters.remove(table, screen, channels)
    low = [line for line in lines.joined(table, channels, 60, needed - _WEAK) if line.height <= _THIN]
    thin = [line for line in _kept(table, low, needed) if not drowned(layer, steps, line.box, line.height)]
    return found + [_cut(line, labels, table, 48) for line in thin]


def _cut(line: Line, labels: Labels, table: Table, near: float) -> FoundLine:
    """A line with its letters and what belongs to them cut out of the layer's labels."""
    around = line.box.grown(round(1.2 * line.height) + 8, labels.shape)
    return FoundLine(line, around, lines.core(labels[around.slices], table, line, near))


def _kept(table: Table, found: list[Line], needed: float) -> list[Line]:
    """The lines that stand for themselves, and weaker ones that are like one beyond doubt."""
    pure = [line for line in lines.purified(table, found) if line.score >= needed - _WEAK]
    certain = [line for line in pure if line.score >= needed + _CERTAIN]
    return [line for line in pure if line.score >= needed or any(_alike(line, other) for other in certain)]


def _alike(line: Line, other: Line) -> bool:
    """Whether two lines may be of one style group: height, colour, contrast; one or two letters only beside it."""
    high, low = max(line.height, other.height), min(line.height, other.height)
    near = np.abs(line.colour - other.colour).max() <= _APART
    down, across = line.box.overlap(other.box)
    many = len(line.members) > 2 or low > _THIN or (down > 0.5 * low and -across < 4 * high)
    return bool(high <= 1.5 * low and near and line.contrast >= 0.5 * other.contrast and many)


def chosen(pixels: Pixels, found: list[FoundLine], needed: float) -> list[FoundLine]:
    """The best lines first, without those found already and without the background that shows through a better line.

    A picture bears captions of one style: where there are lines beyond doubt, a doubtful one that is neither like any
    of them nor near it is left out. Texture that passes for ever more lines ends with what ``_MAX_AROUND`` allows.
    """
    room = _MAX_AROUND * pixels.shape[0] * pixels.shape[1]
    covered = np.zeros(pixels.shape[:2], np.bool_)
    kept: list[FoundLine] = []
    for line in sorted(found, key=lambda one: -one.score)[: lines.MAX_LINES]:
        seen = covered[line.around.slices]
        if np.count_nonzero(seen & line.core) > 0.9 * np.count_nonzero(line.core):
            continue
        around = [better for better in kept if line.line.box.mostly_in(better.line.box)]
        if around and _enclosed(line, seen) and any(_is_background(pixels, line, better) for better in around):
            continue
        certain = [better for better in kept if better.score >= needed + _CERTAIN]
        if line.score < needed + _CERTAIN and certain and not any(_related(line.line, it.line) for it in certain):
            continue
        room -= line.around.area
        if room < 0:
            break
        seen |= line.core
        kept.append(line)
    return kept


def believed(pixels: Pixels, found: list[FoundLine], needed: float) -> list[FoundLine]:
    """Lines that also look like text, none surer than by its looks; nor any that is like more of what does not."""
    limits = text_looks.limits(
        pixels, [it.line for it in found], [it.around for it in found], [it.core for it in found]
    )
    pairs = list(zip(found, limits, strict=True))
    doubted = [it.line for it, limit in pairs if limit < 0]
    kept = [
        replace(it, line=replace(it.line, score=min(it.score, needed + limit))) for it, limit in pairs if limit >= 0
    ]
    return [it for it in kept if _outweighs(it.line, [other.line for other in kept], doubted)]


def _sure(found: list[FoundLine], needed: float) -> list[bool]:
    """Which lines are repaired unseen: sure ones, and what is like one that is beyond doubt."""
    certain = [it.line for it in found if it.score >= needed + _ACT + _CERTAIN]
    return [it.score >= needed + _ACT or any(_same_style(it.line, other) for other in certain) for it in found]


def _outweighs(line: Line, kept: list[Line], doubted: list[Line]) -> bool:
    """Whether more of the lines that are like one are kept than doubted, by their boxes."""
    area = [
        sum(other.box.area for other in some if other is line or _same_style(line, other)) for some in (kept, doubted)
    ]
    return area[0] >= area[1]


def _same_style(line: Line, other: Line) -> bool:
    """Whether two lines are about alike in colour and height."""
    high, low = max(line.height, other.height), min(line.height, other.height)
    return bool(high <= 1.6 * low and np.abs(line.colour - other.colour).max() <= 2 * _NEAR)


def _enclosed(line: FoundLine, covered: Mask) -> bool:
    """Whether most of a line's rim touches what better lines cover, bool of the box around it."""
    rim = (cv2.dilate(line.core.astype(np.uint8), _SQUARE) > 0) & ~line.core
    touched = cv2.dilate(covered.astype(np.uint8), _SQUARE, iterations=3) > 0
    return bool(touched[rim].mean() > 0.7)


def _is_background(pixels: Pixels, line: FoundLine, better: FoundLine) -> bool:
    """Whether a line has the colour of what lies around a better one."""
    crop, free = pixels[better.around.slices], cv2.dilate(better.core.astype(np.uint8), _SQUARE, iterations=3) == 0
    return bool((np.abs(crop[free] - line.line.colour).max(axis=1) <= _NEAR).mean() > 0.4)


def _related(line: Line, other: Line) -> bool:
    """Whether a line is like another over another background, or touches it and is as high: its outline or shadow."""
    touches = min(line.box.overlap(other.box)) > -other.height / 2 and line.height > 0.6 * other.height
    return bool(_same_style(line, other) or touches)
