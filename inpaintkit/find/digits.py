"""Rows of digits in coloured light: what a picture holds of them at one height, for all places at once.

The light of a date has one channel or two in excess of the rest. In that excess strokes are ridges; seven of them at
the places of a seven-segment digit speak for a digit or against it; digits side by side, with nothing like them above
and below, are a row. Each step sums what the one before has, so that a row carries digits too faint to be seen alone.

    excess    weighted sum of the channels, of one of ``HUES``
    stroke    how far a short bar rises over both of its sides, in means of the surroundings
    digit     log-odds of the likeliest digit at a place
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import F32x1, F32x2, I64x1
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image

HUES = np.array([[1, -0.5, -0.5], [0.5, 0.5, -1], [-0.5, 1, -0.5]], np.float32)  # red, yellow, green, of R, G, B
SEGMENTS = (  # middle of each, in half widths and half heights from the digit's, and whether it stands upright
    (0, -1, False),
    (1, -0.5, True),
    (1, 0.5, True),
    (0, 1, False),
    (-1, 0.5, True),
    (-1, -0.5, True),
    (0, 0, False),
)
_DIGITS = ("012345", "12", "01346", "01236", "1256", "02356", "023456", "012", "0123456", "012356")  # lit, from 0 to 9
_UPSIDE_DOWN = [3, 4, 5, 0, 1, 2, 6]  # the segment at the place of each
LIT = np.array([[str(number) in digit for number in range(7)] for digit in _DIGITS])
LIT = np.unique(np.concatenate([LIT, LIT[:, _UPSIDE_DOWN]]), axis=0)  # bool (N, 7)

# In heights of a digit.
HALF_HEIGHT, HALF_WIDTH = 0.42, 0.19  # from its middle to those of its outer strokes
_LENGTH, _BESIDE, _SOFT = 0.42, 0.19, 0.064  # of a stroke; to what it is compared with; sigma
_AROUND = 11.0  # the square whose mean strokes are measured by
_ROW = 4.6  # of a row: five digits, or six that are close
_ASIDE = 0.36  # by which a digit may be away from where a row's sum looks for it
_BLANK = 1.2  # from a row's middle to where nothing like it should be

MAX_STROKE = 6.0  # means that a stroke counts at most
_FLOOR = 2 / 255  # added to that mean: less is what rounding leaves
_LIT_NEEDS, _DARK_HAS = 1.8, 0.6  # means: what a stroke that is lit exceeds, and one that is not stays below
UNDECIDED = (_LIT_NEEDS + _DARK_HAS) / 2  # speaks neither for a stroke nor against it
_SIGNS = np.where(LIT, 1, -1).astype(np.float32)
_CONSTANTS = np.where(LIT, -_LIT_NEEDS, _DARK_HAS).sum(axis=1).astype(np.float32)


@kernel()
def _digits_kernel(upright: F32x2, level: F32x2, first: I64x1, signs: F32x2, constants: F32x1, best: F32x2) -> None:
    """The likeliest digit at each place.

    upright, level : float32 (H + 2 P, W + 2 P), strokes; first : int (14,), row and column of the first pixel of each
    segment in them; signs (N, 7), constants (N,) : of the digits; best : float32 (H, W), zeros.
    """
    height, width = best.shape
    for i in range(height):
        top = level[first[0] + i, first[1] : first[1] + width]
        upper_right = upright[first[2] + i, first[3] : first[3] + width]
        lower_right = upright[first[4] + i, first[5] : first[5] + width]
        bottom = level[first[6] + i, first[7] : first[7] + width]
        lower_left = upright[first[8] + i, first[9] : first[9] + width]
        upper_left = upright[first[10] + i, first[11] : first[11] + width]
        middle = level[first[12] + i, first[13] : first[13] + width]
        row = best[i]
        for n in range(len(constants)):
            s0, s1, s2, s3 = signs[n, 0], signs[n, 1], signs[n, 2], signs[n, 3]
            s4, s5, s6, constant = signs[n, 4], signs[n, 5], signs[n, 6], constants[n]
            for j in range(width):
                right = s1 * upper_right[j] + s2 * lower_right[j]
                left = s4 * lower_left[j] + s5 * upper_left[j]
                odds = constant + s0 * top[j] + s3 * bottom[j] + s6 * middle[j] + right + left
                row[j] = max(row[j], odds)


def excesses(image: Image) -> list[Image]:
    """What a picture (H, W, 3) has of each of ``HUES``, float32 (H, W) each."""
    return [np.asarray(plane, np.float32) for plane in cv2.split(cv2.transform(image, HUES))]


def strokes(excess: Image, height: float) -> tuple[Image, Image]:
    """How much each place is the middle of an upright and of a level stroke of digits, float32 (H, W) each, 0 or more.

    excess : float32 (H, W), full range 1; height : of the digits, px.
    """
    soft = cv2.GaussianBlur(excess, (0, 0), _SOFT * height)
    length, beside = _odd(_LENGTH * height), max(1, round(_BESIDE * height))
    upright = np.asarray(cv2.blur(soft, (1, length)), np.float32)
    level = np.asarray(cv2.blur(soft, (length, 1)), np.float32)
    upright = np.maximum(upright - _at_both_sides(upright, beside, 1), 0)
    level = np.maximum(level - _at_both_sides(level, beside, 0), 0)
    around = (_odd(_AROUND * height),) * 2
    mean = cv2.blur(np.maximum(upright, level), around, borderType=cv2.BORDER_REFLECT) + np.float32(_FLOOR)
    return np.minimum(upright / mean, MAX_STROKE), np.minimum(level / mean, MAX_STROKE)


def likeliest(upright: Image, level: Image, height: float, half_width: float = HALF_WIDTH, slant: float = 0.0) -> Image:
    """Log-odds, 0 or more, of the likeliest digit whose middle is at each place: float32 (H, W).

    upright, level : float32 (H, W), strokes; height : of the digits, px; half_width, slant : in heights, how far the
    upright strokes are from the middle, and how far to the right the top leans per height.
    """
    pad = round(height) + 2
    stands, lies = np.pad(upright, pad), np.pad(level, pad)
    first = places(height, half_width, slant) + pad
    best = np.zeros((upright.shape[0], upright.shape[1]), np.float32)
    _digits_kernel(stands, lies, first.ravel(), _SIGNS, _CONSTANTS, best)
    return best


def places(height: float, half_width: float, slant: float) -> NDArray[np.int64]:
    """Row and column of each segment's middle, from the digit's, px: int (7, 2)."""
    down = [HALF_HEIGHT * y for _, y, _ in SEGMENTS]
    right = [half_width * x - slant * y for (x, _, _), y in zip(SEGMENTS, down, strict=True)]
    return np.rint(height * np.stack([down, right], axis=1)).astype(np.int64)


def lit(upright: Image, level: Image, middles: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which segments the likeliest digit at each of some places lights, bool (N, 7).

    middles : row and column of each place, (N, 2); offsets : ``places``.
    """
    pad = int(np.abs(offsets).max()) + 1
    planes = np.pad(np.stack([level, upright]), ((0, 0), (pad, pad), (pad, pad)))
    at = middles[:, None] + offsets[None] + pad  # (N, 7, 2)
    which = np.array([int(stands) for _, _, stands in SEGMENTS])
    seen = planes[which[None], at[..., 0].clip(0, planes.shape[1] - 1), at[..., 1].clip(0, planes.shape[2] - 1)]
    return np.asarray(LIT[(seen @ _SIGNS.T + _CONSTANTS).argmax(axis=1)])


def rows(digits: Image, height: float) -> Image:
    """How much more digits a level row around each place has than the rows above and below it: float32 (H, W)."""
    near = cv2.dilate(digits, np.ones((3, _odd(2 * _ASIDE * height)), np.uint8))
    row = np.asarray(cv2.blur(near, (_odd(_ROW * height), 1), borderType=cv2.BORDER_CONSTANT), np.float32)
    soft = np.asarray(cv2.blur(row, (1, _odd(0.4 * height))), np.float32)
    return np.asarray(row - np.maximum(_at_both_sides(soft, round(_BLANK * height), 0), 0))


def _at_both_sides(plane: Image, beside: int, axis: int) -> Image:
    """The larger of the values ``beside`` px before and behind each, along an axis."""
    ends = np.zeros(2 * beside + 1, np.uint8)
    ends[[0, -1]] = 1
    return np.asarray(cv2.dilate(plane, ends[:, None] if axis == 0 else ends[None]), np.float32)


def _odd(length: float) -> int:
    """The odd number of pixels nearest to a length."""
    return 2 * round((length - 1) / 2) + 1
