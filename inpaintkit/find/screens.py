"""Printing screens: dots on a lattice are one texture, and none of them is a letter or dust; nor is a grain.

A lattice looks the same from each of its points in opposite directions: where a dot has a neighbour at v, it has one at
-v. So whatever a screen's angle and pitch, and however its dots' size follows the tones, most of its dots have nearly
all their neighbours in such pairs. The letters of a page have some along their line, few across it.

Stripes and stochastic screens have no lattice. Whatever is joined to a line of text there has as much of its own colour
around it as in it, amid steps from ink to paper everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from inpaintkit import threads
from inpaintkit.arrays import Array
from inpaintkit.box import Box
from inpaintkit.problem import Image, Mask

Points = NDArray[np.float64]

# Set by hand.
_SQUARE = 31  # px: side of the square whose mean parts bright dots from dark ones
_CONTRAST = 25  # levels from there
_LARGEST = 40  # px across, of a dot
_AROUND = 12  # neighbours that are looked at: two rings of a lattice
_ALIKE = 2.5  # times as large: neighbours that differ by no more are compared
_SPECK = 4  # px: added to areas, so that the smallest count as alike
_MIN_ALIKE = 4  # of them
_OFF, _OFF_FIXED = 0.15, 1.0  # of the pitch, and px, by which its opposite may be off
_PAIRED = 0.7  # share of the neighbours in pairs that makes a piece a dot
_FINEST = 2.5  # px: a finer pitch is noise
_FLAT = 0.1  # smaller over larger variance of the neighbours' places: those of a row lie in one line
_DOTS = 0.5  # share of dots among the pieces like it that confirms one
_MANY = 24  # dots near one another that make a screen
_WIDE, _NEAR = 12, 6  # pitches within which these lie, and within which other pieces are made of joined dots
_THICK = 1.5  # pitches: what is thicker than that lies over the screen
_CELL, _USUAL = 32, 0.01  # levels within which colours are one, and the share of the dots that has an ink
_SAME = 48  # levels by which a piece of the screen may differ from what its inks mix
_STEP = 120  # levels between neighbours: from ink to paper
_BUSY = 0.45  # share of the pixels around a line that have such neighbours
_RINGS = 0.6, 2.0  # times a line's height: how far its surroundings reach, for its colour and for what is busy
_AS_MUCH = 0.35  # of the rims that a line's colour has in it, those around it
_CHUNK = 4096  # pieces looked at together


@dataclass(frozen=True, eq=False)
class Dots:
    """Dots of a screen.

    Attributes
    ----------
    places : (N, 2), row and column of the dots' middles, px.
    pitch : (N,), px from each to the nearest.
    """

    places: Points
    pitch: NDArray[np.float64]

    def near(self, places: Points, thickness: Array) -> Mask:
        """Which pieces are dots or made of dots that touch, bool (N,).

        places : (N, 2), the pieces' middles; thickness : (N,), px, the width of the thickest place of each.
        """
        if not len(self.pitch):
            return np.zeros(len(places), np.bool_)
        away, nearest = cKDTree(self.places).query(places)
        return np.asarray((away <= _NEAR * self.pitch[nearest]) & (thickness <= _THICK * self.pitch[nearest]))

    def beside(self, places: Points, ways: Points) -> tuple[NDArray[np.float64], Mask]:
        """How far beside points (N, 2) of lines that go the way (N, 2), of length 1, the nearest dot lies, in pitches.

        And whether there is one, within a pitch; (N,) each.
        """
        if not len(self.pitch):
            return np.zeros(len(places)), np.zeros(len(places), np.bool_)
        away, nearest = cKDTree(self.places).query(places)
        pitch, off = self.pitch[nearest], self.places[nearest] - places
        aside = np.abs(off[:, 0] * ways[:, 1] - off[:, 1] * ways[:, 0])
        return aside / pitch, np.asarray(away <= pitch)


@dataclass(frozen=True, eq=False)
class Screen:
    """What a picture is printed in: dots, none where it is no print, and their colours, (K, C) in levels."""

    dots: Dots
    inks: NDArray[np.float64]

    def __bool__(self) -> bool:
        return len(self.dots.pitch) > 0

    def holds(self, places: Points, thickness: NDArray[np.float64], colours: NDArray[np.float64]) -> Mask:
        """Which pieces are of the screen, bool (N,), by their places, thickness and colours (N, C): see ``Dots``."""
        belongs = self.dots.near(places, thickness)
        shades, which = np.unique(np.rint(colours[belongs]), axis=0, return_inverse=True)
        belongs[belongs] = self._mixes(shades)[which]
        return belongs

    def _mixes(self, colours: NDArray[np.float64]) -> Mask:
        """Which colours (N, C) lie between an ink and the brightest or the darkest one, as edges do, bool (N,)."""
        mixed = np.zeros(len(colours), np.bool_)
        brightness = self.inks.sum(axis=1)
        for end in self.inks[[brightness.argmin(), brightness.argmax()]]:
            for way in self.inks - end:
                share = np.clip((colours - end) @ way / max(way @ way, 1), 0, 1)
                mixed |= np.abs(end + share[:, None] * way - colours).max(axis=1) <= _SAME
        return mixed


def in_levels(image: Image) -> NDArray[np.uint8]:
    """A picture (H, W, C) in [0, 1] in levels, 0 to 255."""
    return np.asarray(cv2.convertScaleAbs(image, alpha=255), np.uint8).reshape(image.shape)


def screen_of(pixels: NDArray[np.uint8]) -> Screen:
    """The screen that a picture (H, W, C), or a part of it, is printed in."""
    planes = [pixels[..., z] for z in range(pixels.shape[2])]
    if all(np.array_equal(planes[0], plane) for plane in planes[1:]):
        planes = planes[:1]
    found = threads.run(_in_layer, [layer for plane in planes for layer in _layers(plane)])
    dots = Dots(np.concatenate([each.places for each in found]), np.concatenate([each.pitch for each in found]))
    y, x = np.rint(dots.places).astype(np.int64).T
    cells, count = np.unique(pixels[y, x] // _CELL, axis=0, return_counts=True)
    return Screen(dots, (cells[count >= _USUAL * len(y)] + 0.5) * _CELL)


def _layers(plane: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """What of a channel (H, W) is bright, what dark among what lies around it, and both with dots that touch parted."""
    around = cv2.blur(plane, (_SQUARE, _SQUARE))
    whole = [(cv2.subtract(*pair) > _CONTRAST).view(np.uint8) for pair in ((plane, around), (around, plane))]
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return [np.asarray(layer, np.uint8) for layer in (*whole, *(cv2.erode(layer, cross) for layer in whole))]


def _in_layer(layer: NDArray[np.uint8]) -> Dots:
    """The dots that are pieces of a layer."""
    _, _, stats, middles = cv2.connectedComponentsWithStats(layer, connectivity=4)
    small = stats[1:, cv2.CC_STAT_WIDTH : cv2.CC_STAT_HEIGHT + 1].max(axis=1) <= _LARGEST
    return dots_among(
        middles[1:][small, ::-1].astype(np.float64), stats[1:, cv2.CC_STAT_AREA][small].astype(np.float64)
    )


def busy(pixels: NDArray[np.uint8]) -> Mask:
    """Where a picture (H, W, C) steps from ink to paper between neighbours, bool (H, W)."""
    square = np.ones((3, 3), np.uint8)
    steps = cv2.subtract(cv2.dilate(pixels, square), cv2.erode(pixels, square))
    return np.asarray(reduce(cv2.max, cv2.split(steps)) >= _STEP)


def amid_steps(steps: Mask, y: Array, x: Array) -> Mask:
    """Which whole places (N,) lie where what ``busy`` gives, bool (H, W), is nearly everywhere."""
    share = cv2.blur(steps.astype(np.float32), (_SQUARE, _SQUARE))
    return np.asarray(share[y, x] >= _BUSY)


def drowned(layer: NDArray[np.uint8], steps: Mask, box: Box, height: float) -> bool:
    """Whether a line of letters in a layer (H, W) of their colour is part of a texture of that colour.

    steps : as ``busy`` gives it; box : of the letters; height : of one, px.
    """
    here, far = (box.grown(max(3, round(times * height)), layer.shape) for times in _RINGS)
    around = steps[far.slices].copy()
    around[box.grown(3, layer.shape).within(far)] = False
    if np.count_nonzero(around) < _BUSY * (around.size - box.area):
        return False
    rims = np.zeros(here.shape, np.uint8)
    seen = layer[here.slices] != 0
    rims[:, 1:] += seen[:, 1:] != seen[:, :-1]
    rims[1:] += seen[1:] != seen[:-1]
    inside = int(rims[box.within(here)].sum())
    outside = int(rims.sum()) - inside
    return outside * box.area > _AS_MUCH * inside * (here.area - box.area)


def dots_among(places: Points, area: NDArray[np.float64]) -> Dots:
    """The dots among pieces of a picture.

    Parameters
    ----------
    places : (N, 2), the pieces' middles, px.
    area : (N,), px.

    Examples
    --------
    >>> rows, columns = np.mgrid[0:80:8, 0:80:8].reshape(2, -1)
    >>> dots = np.stack([rows + columns, rows - columns], axis=1) * 0.7071
    >>> found = dots_among(dots, np.full(100, 12.0))
    >>> len(found.pitch), float(found.pitch[0].round(2))
    (60, 8.0)
    """
    none = Dots(np.zeros((0, 2)), np.zeros(0))
    if len(places) <= max(_MANY, _AROUND):
        return none
    dots, pitch = _dots(places, area)
    places, pitch = places[dots], pitch[dots]
    if len(places) < _MANY:
        return none
    many = cKDTree(places).query(places, _MANY)[0][:, -1] <= _WIDE * pitch
    return Dots(places[many], pitch[many]) if np.count_nonzero(many) >= _MANY else none


def _dots(places: Points, area: NDArray[np.float64]) -> tuple[Mask, NDArray[np.float64]]:
    """Which pieces are dots among dots, (N,), and how far from each its nearest neighbour like it is, px."""
    tree = cKDTree(places)
    paired, pitch = np.zeros(len(places), np.bool_), np.zeros(len(places))
    around, alike = np.zeros((len(places), _AROUND), np.int64), np.zeros((len(places), _AROUND), np.bool_)
    for first in range(0, len(places), _CHUNK):
        part = slice(first, first + _CHUNK)
        near = around[part] = tree.query(places[part], _AROUND + 1)[1][:, 1:]
        ratio = (area[near] + _SPECK) / (area[part, None] + _SPECK)
        alike[part] = (ratio <= _ALIKE) & (ratio >= 1 / _ALIKE)
        paired[part], pitch[part] = _paired(places[near] - places[part, None], alike[part])
    share = (paired[around] & alike).sum(axis=1) / np.maximum(alike.sum(axis=1), 1)
    return paired & (share >= _DOTS) & (pitch >= _FINEST), pitch


def _paired(way: NDArray[np.float64], alike: Mask) -> tuple[Mask, NDArray[np.float64]]:
    """Whether neighbours lie in opposite pairs and not in one line, and the distance of the nearest; (n,) each.

    way : (n, k, 2), from each piece to its neighbours, nearest first; alike : (n, k), which of them count.
    """
    far = np.hypot(way[..., 0], way[..., 1])
    off = np.hypot(*np.moveaxis(way[:, :, None] + way[:, None, :], -1, 0))  # (n, k, k)
    pitch = np.where(alike, far, np.inf).min(axis=1)
    opposite = (off <= np.maximum(_OFF * pitch, _OFF_FIXED)[:, None, None]) & alike[:, None, :]
    count = alike.sum(axis=1)
    pairs = (opposite.any(axis=2) & alike).sum(axis=1)
    seen = way * alike[..., None]
    (yy, yx), (_, xx) = np.moveaxis(np.einsum("nki,nkj->nij", seen, seen), 0, -1)
    middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    flat = middle - spread < _FLAT * (middle + spread)
    found = (count >= _MIN_ALIKE) & (pairs >= _PAIRED * count) & ~flat
    return found, pitch
