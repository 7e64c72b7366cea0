"""Candidates for letters: connected pieces of a layer, measured into a table with a row for each.

A thick letter is a small zone of uniform colour with a sharp rim. A stroke thinner than two pixels has no uniform zone:
it is a piece that stands out from the median around it, and its colour is that of its best covered pixels.

Colours and contrasts are in levels, 0 to 255. ``contrast`` is how far a letter stands out from what lies around it, a
sum over the steps (``RIM``) that lead from one of its pixels out of it.
"""

from __future__ import annotations

from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.arrays import Array, F32x2, F64x1, F64x2, I32x2, U8x2, U8x3
from inpaintkit.find.scoring import Labels
from inpaintkit.find.screens import Screen
from inpaintkit.kernels import kernel
from inpaintkit.union_find import lead_kernel, unite_kernel

Pixels = NDArray[np.uint8]
Table = NDArray[np.float64]

# Columns of a table of letters. AREA and RIM are numbers of pixels and of steps out of the letter, BOTTOM and RIGHT are
# the first row and column behind it, SPREAD is the colour's standard deviation, SHARP how many of the steps are sharp,
# THICKNESS the width of its thickest place; the colour takes three columns.
AREA, TOP, LEFT, BOTTOM, RIGHT, COLOUR, SPREAD = 0, 1, 2, 3, 4, 5, 8
RIM, SHARP, CONTRAST, THICKNESS, PEAK = 9, 10, 11, 12, 13
_COLUMNS = 14

_UNIFORM = 14  # levels: neighbours that differ by no more belong to one zone, which bears JPEG's noise
_MIN_AREA = 4  # px of a zone
_STEP = 25  # levels that a sharp rim rises by
_REACH = 3  # px within which it does
_AROUND = 5  # px: half the side of the square whose median is the background under thin strokes
_STRIP = 256  # rows whose median is taken at once
_DISTINCT = 40  # levels, root mean square, that a colour and its background have to differ by for a cover
_MIN_COVER = 0.1  # a smaller cover is ignored
_OFF, _OFF_FIXED = 0.2, 6  # how far a pixel may be off the mixture: a share of the whole way, and levels
_MAX_COVER = 200  # percent: noise and sharpening exceed 100
_BEST = 0.8  # of the peak: pixels that show a thin letter's colour


@kernel()
def _zones_kernel(pixels: U8x3, uniform: int, min_area: int, max_area: int) -> tuple[I32x2, int]:
    """Labels 1..n of the zones of uniform colour (8-connected) whose area lies in [min, max], 0 elsewhere; and n."""
    height, width, channels = pixels.shape
    parent = np.arange(height * width, dtype=np.int32)
    for row in range(height):
        for column in range(width):
            for k in range(4):  # the neighbours that were read before
                above = row - (k < 3)
                beside = column + k - 1 if k < 3 else column - 1
                if above < 0 or beside < 0 or beside >= width:
                    continue
                same = True
                for z in range(channels):
                    if abs(np.int32(pixels[row, column, z]) - np.int32(pixels[above, beside, z])) > uniform:
                        same = False
                        break
                if same:
                    unite_kernel(parent, row * width + column, above * width + beside)
    lead_kernel(parent)
    area = np.zeros(height * width, np.int32)
    for i in range(height * width):
        area[parent[i]] += 1
    labels = np.zeros(height * width, np.int32)
    count = 0
    for i in range(height * width):
        root = parent[i]
        if root != i:
            labels[i] = labels[root]
        elif min_area <= area[i] <= max_area:
            count += 1
            labels[i] = count
    return labels.reshape(height, width), count


@kernel()
def _letters_kernel(pixels: U8x3, labels: I32x2, count: int, step: int, reach: int) -> F64x2:
    """A row for each label, 0 to ``count``; THICKNESS and PEAK stay 0."""
    height, width, channels = pixels.shape
    table = np.zeros((count + 1, _COLUMNS))
    table[:, TOP], table[:, LEFT] = height, width
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label == 0:
                continue
            letter = table[label]
            letter[AREA] += 1
            letter[TOP] = min(letter[TOP], row)
            letter[LEFT] = min(letter[LEFT], column)
            letter[BOTTOM] = max(letter[BOTTOM], row + 1)
            letter[RIGHT] = max(letter[RIGHT], column + 1)
            for z in range(channels):
                value = float(pixels[row, column, z])
                letter[COLOUR + z] += value
                letter[SPREAD] += value * value
    for label in range(1, count + 1):
        letter = table[label]
        if letter[AREA] == 0:
            continue
        square = 0.0
        for z in range(channels):
            letter[COLOUR + z] /= letter[AREA]
            square += letter[COLOUR + z] ** 2
        letter[SPREAD] = np.sqrt(max(0.0, (letter[SPREAD] / letter[AREA] - square) / channels))
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
                contrast = 0.0
                for _ in range(reach):
                    for z in range(channels):
                        contrast = max(contrast, abs(pixels[r, c, z] - letter[COLOUR + z]))
                    r, c = r + down, c + right
                    if r < 0 or c < 0 or r >= height or c >= width:
                        break
                letter[RIM] += 1
                letter[SHARP] += contrast > step
                letter[CONTRAST] += contrast
    return table


@kernel()
def _inner_kernel(labels: I32x2) -> U8x2:
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
def _thickness_kernel(labels: I32x2, depth: F32x2, table: F64x2) -> None:
    """Put twice the largest distance from a label's rim into its row."""
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            label = labels[row, column]
            if label:
                table[label, THICKNESS] = max(table[label, THICKNESS], 2 * depth[row, column] + 1)


@kernel()
def _cover_kernel(pixels: U8x3, background: U8x3, colour: F64x1) -> U8x2:
    """How much of a colour lies over the background, in percent; 0 where the pixel is no mixture of the two."""
    height, width, channels = pixels.shape
    cover = np.zeros((height, width), np.uint8)
    for row in range(height):
        for column in range(width):
            along = full = 0.0
            for z in range(channels):
                whole = colour[z] - background[row, column, z]
                along += (pixels[row, column, z] - np.float64(background[row, column, z])) * whole
                full += whole * whole
            if full < _DISTINCT**2 * channels / 3 or along < _MIN_COVER * full:
                continue
            share = along / full
            aside = 0.0
            for z in range(channels):
                mixed = background[row, column, z] + share * (colour[z] - background[row, column, z])
                aside += (pixels[row, column, z] - mixed) ** 2
            if aside <= (_OFF * np.sqrt(full) + _OFF_FIXED) ** 2:
                cover[row, column] = min(100 * share, _MAX_COVER)
    return cover


@kernel()
def _peaks_kernel(pixels: U8x3, labels: I32x2, weight: U8x2, table: F64x2) -> None:
    """Put the colour of each label's pixels of the largest weight into its row, and that weight as its peak."""
    height, width, channels = pixels.shape
    peak = np.zeros(len(table))
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label:
                peak[label] = max(peak[label], weight[row, column])
    count = np.zeros(len(table))
    table[:, COLOUR : COLOUR + 3] = 0
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if label and weight[row, column] >= _BEST * peak[label]:
                count[label] += 1
                for z in range(channels):
                    table[label, COLOUR + z] += pixels[row, column, z]
    for label in range(1, len(table)):
        table[label, COLOUR : COLOUR + 3] /= max(count[label], 1)
        table[label, PEAK] = peak[label]


def measured(pixels: Pixels, labels: Labels, count: int) -> Table:
    """A table of the letters with the labels 1 to ``count``, all columns but the peak; row 0 is no letter."""
    table = _letters_kernel(pixels, labels, count, _STEP, _REACH)
    depth = cv2.distanceTransform(_inner_kernel(labels), cv2.DIST_L2, cv2.DIST_MASK_3)
    _thickness_kernel(labels, np.asarray(depth, np.float32), table)
    return table


def measured_thin(pixels: Pixels, labels: Labels, count: int, weight: Pixels) -> Table:
    """The same of letters too thin for a uniform colour: theirs is that of the pixels where the weight (H, W) peaks."""
    table = measured(pixels, labels, count)
    _peaks_kernel(pixels, labels, weight, table)
    table[:, SPREAD] = 0
    return table


def zones(pixels: Pixels) -> Table:
    """Letters as zones of uniform colour, none larger than an eighth of the picture (H, W, C)."""
    labels, count = _zones_kernel(pixels, _UNIFORM, _MIN_AREA, pixels.shape[0] * pixels.shape[1] // 8)
    return measured(pixels, labels, count)


def strokes(pixels: Pixels, brighter: Pixels, darker: Pixels) -> Table:
    """Letters of ``pixels`` as pieces where one picture (H, W, C) is brighter than another in any channel."""
    relief = np.asarray(reduce(cv2.max, cv2.split(cv2.subtract(brighter, darker))), np.uint8)
    peaks = cv2.dilate(relief, np.ones((5, 5), np.uint8))
    labels, count = pieces(((relief > _STEP) & (relief >= peaks // 2)).astype(np.uint8))
    return measured_thin(pixels, labels, count, relief)


def pieces(layer: Array) -> tuple[Labels, int]:
    """Labels 1..n of a layer's connected pieces (8-connected), and n. layer : uint8 (H, W)."""
    count, labels = cv2.connectedComponents(layer, connectivity=8)
    return np.asarray(labels, np.int32), count - 1


def cover(pixels: Pixels, background: Pixels, colour: NDArray[np.float64]) -> Pixels:
    """How much of a colour (C,) lies over the background, in percent, (H, W); 0 where a pixel is no mixture of both."""
    return _cover_kernel(pixels, background, colour)


def background(pixels: Pixels) -> Pixels:
    """What lies under thin strokes (H, W, C): the median of what lies around, which text does not fill by half."""
    height = pixels.shape[0]
    strips = [slice(top, min(top + _STRIP, height)) for top in range(0, height, _STRIP)]

    def median(strip: slice) -> Pixels:
        top = max(strip.start - _AROUND, 0)
        wide = cv2.medianBlur(np.ascontiguousarray(pixels[top : strip.stop + _AROUND]), 2 * _AROUND + 1)
        return np.asarray(wide[strip.start - top : strip.stop - top], np.uint8)

    return np.concatenate(threads.run(median, strips)).reshape(pixels.shape)


def reduced(pixels: Pixels) -> Pixels:
    """A picture (H, W, C) at a quarter of its size, 1 x 1 at least: makes letters uniform that it shows through."""
    size = tuple(max(1, side // 4) for side in pixels.shape[1::-1])
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8).reshape(size[1], size[0], pixels.shape[2])


def remove(table: Table, screen: Screen, channels: int) -> None:
    """Take the pieces of a printing screen out of a table: they have no pixels and no height any more."""
    if not screen:
        return
    middles = np.stack([(table[:, TOP] + table[:, BOTTOM]) / 2, (table[:, LEFT] + table[:, RIGHT]) / 2], axis=1)
    belongs = screen.holds(middles, table[:, THICKNESS], table[:, COLOUR : COLOUR + channels])
    table[belongs, AREA] = 0
    table[belongs, BOTTOM] = table[belongs, TOP]
