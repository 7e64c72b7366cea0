"""Ridges and valleys of a print: lines that stand out from both of their sides, by sums along sixteen directions.

A pixel's response is the least by which the mean of a straight stretch exceeds the means of stretches on both sides of
it, before the pixel and behind it: an edge has none, nor what lies beyond a line's end or beside a speck. Divided by
what the texture around responds with, it counts in the texture's own terms. Every octave looks for lines twice as wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.arrays import F32x2, I32x2, I32x3
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image

DIRECTIONS = 16
SIDE = 3  # px of an octave from a line's middle to where its sides are read
_HALF = 7  # px of an octave: half of a stretch
_LOPSIDED = 3  # the whole's response is at most so many times the weaker half's
_ROWS = 64  # px: of a strip that is worked on at once
_TEXTURE = 65  # px of an octave: the side of the square whose texture counts
_FLAT = 0.25  # of the mean response: what has less has no texture, as beyond a print's border
_STANDS_OUT = 3  # times the mean: what has more counts as so much
_RARE = 0.02  # share of pixels with texture: with fewer it is thinned out
_FLOOR = 0.0015  # what texture responds with at least: levels of 8 bits
_BLUR = 0.6  # px of an octave, before anything else

_angles = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
SINE, COSINE = np.sin(_angles), np.cos(_angles)  # direction 0 runs to the right, 8 down
_steps = np.arange(_HALF)
_LINE = np.stack([np.rint(_steps * SINE[:, None]), np.rint(_steps * COSINE[:, None])], axis=2).astype(np.int32)
_ASIDE = np.stack([np.rint(SIDE * COSINE), np.rint(-SIDE * SINE)], axis=1).astype(np.int32)
_BACK = np.stack([np.rint((_HALF - 1) * SINE), np.rint((_HALF - 1) * COSINE)], axis=1).astype(np.int32)
_PAD = 2 * _HALF + SIDE


@dataclass(frozen=True, eq=False)
class Ridges:
    """How much each pixel of an octave looks like part of a line.

    Attributes
    ----------
    unit : pixels of the picture in one of the octave's.
    response : float32 (h, w) each, of light and of dark lines, in terms of the picture's range.
    way : uint8 (2, h, w), the direction of each response.
    texture : float32 (h, w), what the surroundings respond with.
    """

    unit: int
    response: tuple[Image, Image]
    way: NDArray[np.uint8]
    texture: Image


@kernel(fastmath=True)
def _ridge_kernel(
    image: F32x2,
    line: I32x3,
    back: I32x2,
    aside: I32x2,
    pad: int,
    top: int,
    light: F32x2,
    dark: F32x2,
    light_way: F32x2,
    dark_way: F32x2,
) -> None:
    """The best response of each pixel of a strip of rows, from ``top`` on, of the picture that ``image`` pads."""
    rows, width = light.shape
    half = line.shape[1]
    reach = SIDE + half
    mean = np.empty((rows + 2 * reach, width + 2 * reach), np.float32)
    share, lopsided = np.float32(0.5 / half), np.float32(2 * _LOPSIDED)
    for k in range(line.shape[0]):
        for i in range(rows + 2 * reach):
            row = mean[i]
            row[:] = np.float32(0)
            for s in range(half):
                first = pad - reach + line[k, s, 1]
                source = image[top + pad - reach + i + line[k, s, 0], first : first + width + 2 * reach]
                for j in range(width + 2 * reach):
                    row[j] += source[j]
        down, right, direction = aside[k, 0], aside[k, 1], np.float32(k)
        for i in range(rows):
            fore, hind, ahead, behind = reach + i, reach + i - back[k, 0], reach, reach - back[k, 1]
            a, b = mean[fore, ahead : ahead + width], mean[hind, behind : behind + width]
            a_left, b_left = mean[fore + down, ahead + right :], mean[hind + down, behind + right :]
            a_right, b_right = mean[fore - down, ahead - right :], mean[hind - down, behind - right :]
            best, worst, way, way_down = light[i], dark[i], light_way[i], dark_way[i]
            for j in range(width):
                one, one_left, one_right = a[j], a_left[j], a_right[j]
                two, two_left, two_right = b[j], b_left[j], b_right[j]
                least = min(one - max(one_left, one_right), two - max(two_left, two_right))
                above = min(one + two - max(one_left + two_left, one_right + two_right), lopsided * least) * share
                least = min(min(one_left, one_right) - one, min(two_left, two_right) - two)
                below = min(min(one_left + two_left, one_right + two_right) - one - two, lopsided * least) * share
                more, less = above > best[j], below > worst[j]
                best[j] = above if more else best[j]
                way[j] = direction if more else way[j]
                worst[j] = below if less else worst[j]
                way_down[j] = direction if less else way_down[j]


def ridges(bright: Image, octave: int) -> Ridges:
    """The responses of a picture's octave. bright : float32 (H, W) in [0, 1]."""
    unit = 1 << octave
    small = bright
    if octave:
        size = (math.ceil(bright.shape[1] / unit), math.ceil(bright.shape[0] / unit))
        small = np.asarray(cv2.resize(bright, size, interpolation=cv2.INTER_AREA), np.float32)
    small = np.asarray(cv2.GaussianBlur(small, (0, 0), _BLUR), np.float32)
    padded = np.asarray(cv2.copyMakeBorder(small, _PAD, _PAD, _PAD, _PAD, cv2.BORDER_REFLECT_101), np.float32)
    light, dark = np.zeros(small.shape, np.float32), np.zeros(small.shape, np.float32)
    way = np.zeros((2, *small.shape), np.uint8)

    def strip(top: int) -> None:
        rows = slice(top, top + _ROWS)
        ways = np.zeros((2, *light[rows].shape), np.float32)
        _ridge_kernel(padded, _LINE, _BACK, _ASIDE, _PAD, top, light[rows], dark[rows], ways[0], ways[1])
        way[:, rows] = ways

    threads.run(strip, range(0, small.shape[0], _ROWS))
    return Ridges(unit, (light, dark), way, _texture(light + dark))


def _texture(response: Image) -> Image:
    """The mean response around each pixel, (h, w), of what is neither flat nor stands out."""
    size = (_TEXTURE, _TEXTURE)
    mean = cv2.boxFilter(response, -1, size, borderType=cv2.BORDER_REFLECT)
    there = (response > _FLAT * mean).astype(np.float32)
    usual = cv2.boxFilter(np.minimum(response, _STANDS_OUT * mean) * there, -1, size, borderType=cv2.BORDER_REFLECT)
    share = cv2.boxFilter(there, -1, size, borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.maximum(usual / np.maximum(share, _RARE) / 2, _FLOOR), np.float32)
