"""What lines of letters cover in a picture: each letter with what its style draws beside it, out to the last soft edge.

A letter's edge is judged by the letter itself: beside a pixel that it covers in part there is nothing of it, beside a
full one there may be.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.find.text_style import Letters, Style, StyleGroup, View, distance, drawn, fitted, style_groups, surround
from inpaintkit.problem import Image, Mask

_SQUARE = np.ones((3, 3), np.uint8)
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_BESIDE = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32)

_PLAIN = 0.3  # trust in letters without outline or shadow, where a style that explains all has 1
_MIN_COVER = 0.015  # of a shadow that is worth repairing
_PART = 0.85  # cover of an edge's pixel below which the next one has nothing of the letter
_CLEAR = 40.0  # levels between letter and background below which the cover is not known
_QUIET = 2.0  # levels: a pixel that differs by no more from what lies beside it is clean


def holes(pixels: NDArray[np.uint8], lines: list[Letters]) -> list[Mask]:
    """What each line covers, letters, edges, outline and shadow: a bool (h, w) in its ``around``.

    Parameters
    ----------
    pixels : uint8 (H, W, C).
    lines : of any styles; the outline of one may stand among them as another, and is left out as far as it is covered.
    """
    found = {id(line): line.core for line in lines}
    covered = np.zeros(pixels.shape[:2], np.bool_)
    for group in _ranked(threads.run(lambda group: fitted(pixels, lines, group), style_groups(lines))):
        letters = [view.letters for view in group.views]
        for line, hole in zip(letters, _holes_of(group, [_done(line, covered) for line in letters]), strict=True):
            found[id(line)] = hole | line.core
            covered[line.around.slices] |= found[id(line)]
    return [found[id(line)] for line in lines]


def _ranked(groups: list[StyleGroup]) -> list[StyleGroup]:
    """Groups in the order in which they are believed: a style that explains much, from letters that are not few."""
    area = [sum(np.count_nonzero(view.letters.core) for view in group.views) for group in groups]
    trust = [
        group.explained * min(1.0, 10 * own / max(area)) if group.explained else _PLAIN
        for own, group in zip(area, groups, strict=True)
    ]
    return [groups[k] for k in np.argsort(trust)[::-1]]


def _holes_of(group: StyleGroup, done: list[Mask]) -> list[Mask]:
    """The holes of a group's lines without what is done; what is left of another's outline has no style of its own."""
    whole = sum(np.count_nonzero(view.letters.core) for view in group.views)
    style = group.style if 2 * sum(map(np.count_nonzero, done)) <= whole else Style(group.style.ink)
    return threads.run(lambda pair: _hole(_without(*pair), style), zip(group.views, done, strict=True))


def _done(line: Letters, covered: Mask) -> Mask:
    """What of a line's letters is covered already, all but what lies further from that than an edge."""
    seen = covered[line.around.slices]
    near = cv2.dilate(seen.astype(np.uint8), _SQUARE, iterations=2) > 0
    count, labels = cv2.connectedComponents((line.core & ~seen).astype(np.uint8))
    further = np.bincount(labels[~near], minlength=count) > 0
    further[0] = False
    done: Mask = line.core & ~further[labels]
    return done


def _without(view: View, done: Mask) -> View:
    """A line without those of its letters that are covered already."""
    if not done.any():
        return view
    core = view.letters.core & ~done
    return replace(view, letters=replace(view.letters, core=core), away=distance(core))


def _hole(view: View, style: Style) -> Mask:
    """Letters and what the style draws beside them, each with its edge."""
    core, crop = view.letters.core, view.crop
    if not core.any():
        return core
    outline, shadow = drawn(view, style)
    hole = core | (outline > 0) | (shadow > _MIN_COVER)
    if style.shadow and style.blur <= 0.3:
        hole |= _edged(crop, hole, style.ink)
    if style.outline:
        return hole | _edged(crop, core | (outline > 0), style.ink)
    return hole | _edged(crop, core, view.letters.colour)


def _edged(crop: Image, body: Mask, colour: NDArray[np.float64]) -> Mask:
    """A body with those pixels beside it that it may cover in part."""
    near = cv2.dilate(body.astype(np.uint8), _SQUARE) > 0
    background, rough = surround(crop, cv2.dilate(near.astype(np.uint8), _SQUARE) == 0, [31, 7])
    way = colour.astype(np.float32) - background
    full = (way**2).sum(axis=2)
    share = ((crop - background) * way).sum(axis=2) / np.maximum(full, 1)
    off = np.sqrt(((crop - background) ** 2).sum(axis=2))
    stained = (share * np.sqrt(full) > _QUIET + rough) | (off > 2 * (_QUIET + rough))
    cover = np.where(body, np.where(full > _CLEAR**2 * crop.shape[2], np.clip(share, 0, 1), 1), 0).astype(np.float32)
    touching = cv2.filter2D(body.astype(np.uint8), -1, _BESIDE, borderType=cv2.BORDER_CONSTANT)
    full_beside = cv2.dilate(cover, _CROSS) >= _PART
    edged: Mask = body | (near & (stained | (touching > 1) | ((touching == 1) & full_beside)))
    return edged
