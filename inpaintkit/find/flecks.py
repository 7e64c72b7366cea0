"""Hairs, fibres and dirt: what stands out of an opening by a disc, has one width or a round shape, and one colour.

Openings by discs give the background under whatever is narrower, however long. Regions that stand out from it by
several levels are candidates; what is measured in them, and in the ring around them, says how likely they are to lie on
the film and not in the picture. Certain ones speak for the others of their polarity: where there is one there are more.

    d        distance of a pixel of a candidate from its edge, px
    width    twice the largest d
    length   area / width
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.arrays import Array, F32x2, F64x2, I32x2, I64x1
from inpaintkit.find.scoring import confidence as probability
from inpaintkit.find.scoring import crowding, polarities, threshold, weighted
from inpaintkit.find.spots import WHITE
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

# Weights of a logistic regression over candidates in photographs with hairs and blots drawn on them, rounded.
LOOKS = {  # of each candidate by itself
    "constant": -21.0,
    "even": 16.0,  # log of the mean d over what a strip of one width has
    "length": -2.5,  # log of the length over the width
    "short": -1.8,  # the same, 1 at most
    "width": 13.0,  # log of px
    "width, square": -2.7,
    "area": 2.2,  # log of px
    "contrast": 0.39,  # log, full range 1
    "cover": 1.4,  # how far it has come from the background to white
    "varied": 0.52,  # standard deviation of the background over the contrast, 2 at most
    "rivals": -3.8,  # share of the ring that is as bright
    "uneven": -15.0,  # standard deviation of its brightness over the contrast, 1 at most
    "uneven, square": 15.0,
    "sharp": -1.9,  # share of the contrast that is lost 2 px beyond its edge
    "tint": -26.0,  # range of its channels that the background does not explain, 0.3 at most
    "brighter": -81.0,  # by how much it is brighter than dust, 0.1 at most
    "ragged": 5.2,  # log of its outline over that of a strip
    "stretched": -2.7,  # log of its box's longer side over the length
}
AMONG = {"constant": 3.3, "looks": 0.79, "crowding": -1.1}  # looks weighted by LOOKS; log of similar things around
# Set by hand, in log-odds.
_SPAN = 8.0  # from sensitivity 0 to 1
_CERTAIN = 1.2  # of a candidate that speaks for the others
_DOUBT = 3.2  # what speaks against all of them where none is certain
_COMPANY = 1.8  # per unit of the log of the certain ones and one
_MOST = 2.0  # what they speak for the others, at most
_HARDLY = -3.0  # looks of what is hardly a fleck
_CUT = 2.5  # what speaks against one that the picture's border cuts: more of it may lie beyond
_RARE, _TEXTURE = 0.04, 7.0  # share of the picture that likely ones may have, and what speaks against all of them
# per unit of the log by which it is more: stripes and ridges are of one width and one colour as well

_PIXELS = 1 << 21  # a larger picture is halved until it has no more: hairs of large scans are wide
_DISCS = (9, 19)  # px across, more than the width of what they find
_STANDS = (12, 20, 34, 57, 96)  # grey levels by which candidates are distinguished from the background
_MIN_AREA, _MIN_SIDE = 16, 5  # px
_MAX_SHARE = 0.01  # of the picture that a candidate may have
_RING = 4  # px from a candidate to where the background is read, and from 3 px on
_CORE = 2.0  # px from the edge: inside of that, or of 0.6 of the deepest, a candidate has its own brightness

# What is measured, in this order.
_AREA, _DEPTH, _DEEPEST, _BRIGHT, _FLAT, _RANGE, _BACKGROUND, _SPREAD, _BACKGROUND_RANGE = range(9)
_RIVALS, _BESIDE, _ROUND, _MEASURES = 9, 10, 11, 12


@dataclass(frozen=True, eq=False)
class Flecks:
    """Candidates in a picture of one polarity.

    Attributes
    ----------
    seen : float64 (N, 12), area in px, mean and largest d, brightness and its standard deviation, range of the
        channels; of the ring brightness, standard deviation, range of the channels, and the share that is as bright as
        the candidate; brightness 2 px beyond the edge, and the number of pixels there.
    boxes : int32 (N, 4), left, top, width, height.
    place : int (N, 2), the labels that a candidate is in, and its own.
    labels : the labels, int32 (H, W) each.
    """

    seen: NDArray[np.float64]
    boxes: NDArray[np.int32]
    place: NDArray[np.int64]
    labels: list[NDArray[np.int32]]

    def pixels(self, index: int) -> tuple[tuple[slice, slice], Mask]:
        """The window of a candidate, and which of its pixels are the candidate's."""
        left, top, wide, high = self.boxes[index]
        window = slice(top, top + high), slice(left, left + wide)
        which, label = self.place[index]
        return window, np.asarray(self.labels[which][window] == label)


@kernel()
def _measure_kernel(
    image: F32x2, opposite: F32x2, depth: F32x2, labels: I32x2, which: I64x1, boxes: I32x2, seen: F64x2
) -> None:
    """Measure candidates: which (N,) are their labels, depth (H, W) is d, seen (N, 12)."""
    for index in range(len(which)):
        left, top, wide, high = boxes[index]
        x0, y0 = max(0, left - _RING), max(0, top - _RING)
        x1, y1 = min(image.shape[1], left + wide + _RING), min(image.shape[0], top + high + _RING)
        away = np.full((y1 - y0, x1 - x0), _RING + 1, np.uint8)
        _away_kernel(labels, which[index], y0, x0, away)
        _inside_kernel(image, opposite, depth, away, y0, x0, seen[index])
        _around_kernel(image, opposite, away, y0, x0, seen[index])


@kernel()
def _away_kernel(labels: I32x2, label: int, y0: int, x0: int, away: Array) -> None:
    """How far each pixel of a window is from a candidate, the more of rows and columns; 5 is farther than 4."""
    high, wide = away.shape
    for i in range(high):
        for j in range(wide):
            if labels[y0 + i, x0 + j] != label:
                continue
            away[i, j] = 0
            inner = 0 < i < high - 1 and 0 < j < wide - 1
            if inner and (
                labels[y0 + i - 1, x0 + j] == label
                and labels[y0 + i + 1, x0 + j] == label
                and labels[y0 + i, x0 + j - 1] == label
                and labels[y0 + i, x0 + j + 1] == label
            ):
                continue
            for k in range(max(0, i - _RING), min(high, i + _RING + 1)):
                for m in range(max(0, j - _RING), min(wide, j + _RING + 1)):
                    far = max(abs(k - i), abs(m - j))
                    if far < away[k, m]:
                        away[k, m] = far


@kernel()
def _inside_kernel(image: F32x2, opposite: F32x2, depth: F32x2, away: Array, y0: int, x0: int, seen: Array) -> None:
    """A candidate's area, depth, brightness."""
    area, total, deepest = 0, 0.0, 0.0
    for i in range(away.shape[0]):
        for j in range(away.shape[1]):
            if away[i, j] == 0:
                d = depth[y0 + i, x0 + j]
                area, total, deepest = area + 1, total + d, max(deepest, d)
    number, bright, square, spans = 0, 0.0, 0.0, 0.0
    for i in range(away.shape[0]):
        for j in range(away.shape[1]):
            if away[i, j] == 0 and depth[y0 + i, x0 + j] >= min(0.6 * deepest, _CORE):
                value = image[y0 + i, x0 + j]
                number, bright, square = number + 1, bright + value, square + value * value
                spans += 1 - opposite[y0 + i, x0 + j] - value
    bright /= number
    seen[_AREA], seen[_DEPTH], seen[_DEEPEST], seen[_BRIGHT] = area, total / area, deepest, bright
    seen[_FLAT], seen[_RANGE] = np.sqrt(max(0.0, square / number - bright * bright)), spans / number


@kernel()
def _around_kernel(image: F32x2, opposite: F32x2, away: Array, y0: int, x0: int, seen: Array) -> None:
    """The ring around a candidate, and what is just beyond its edge."""
    number, background, square, spans, beside, edge = 0, 0.0, 0.0, 0.0, 0.0, 0
    for i in range(away.shape[0]):
        for j in range(away.shape[1]):
            value = image[y0 + i, x0 + j]
            if away[i, j] == 2:
                edge, beside = edge + 1, beside + value
            elif 2 < away[i, j] <= _RING:
                number, background, square = number + 1, background + value, square + value * value
                spans += 1 - opposite[y0 + i, x0 + j] - value
    background /= max(number, 1)
    half, rivals = 0.5 * (seen[_BRIGHT] + background), 0
    for i in range(away.shape[0]):
        for j in range(away.shape[1]):
            rivals += 2 < away[i, j] <= _RING and image[y0 + i, x0 + j] > half
    seen[_BACKGROUND], seen[_SPREAD] = background, np.sqrt(max(0.0, square / max(number, 1) - background * background))
    seen[_BACKGROUND_RANGE], seen[_RIVALS] = spans / max(number, 1), rivals / max(number, 1)
    seen[_BESIDE], seen[_ROUND] = beside / max(edge, 1), edge


def candidates(picture: Image, opposite: Image) -> Flecks:
    """What may lie on a picture (H, W) of one polarity, bright; ``opposite`` is the other polarity."""
    levels = np.rint(picture * 255).astype(np.uint8)
    seen, boxes, place = [np.zeros((0, _MEASURES))], [np.zeros((0, 4), np.int32)], [np.zeros((0, 2), np.int64)]
    kept: list[NDArray[np.int32]] = []
    for across in _DISCS:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across))
        hat = levels - cv2.morphologyEx(levels, cv2.MORPH_OPEN, disc)
        for stands in _STANDS:
            there = (hat > stands).view(np.uint8)
            number, stats = cv2.connectedComponentsWithStats(there, connectivity=8)[1:3]
            labels, stats = np.asarray(number, np.int32), np.asarray(stats, np.int32)
            area, sides = stats[:, cv2.CC_STAT_AREA], stats[:, cv2.CC_STAT_WIDTH : cv2.CC_STAT_AREA]
            fits = (area >= _MIN_AREA) & (sides.max(axis=1) >= _MIN_SIDE) & (area <= _MAX_SHARE * labels.size)
            fits[0] = False  # what does not stand out
            which = np.flatnonzero(fits)
            measured, part = (
                np.zeros((len(which), _MEASURES)),
                np.ascontiguousarray(stats[which, : cv2.CC_STAT_AREA], np.int32),
            )
            depth = np.asarray(cv2.distanceTransform(there, cv2.DIST_L2, 3), np.float32)
            _measure_kernel(picture, opposite, depth, labels, which, part, measured)
            seen.append(measured)
            boxes.append(part)
            place.append(np.stack([np.full(len(which), len(kept)), which], axis=1))
            kept.append(labels)
    return Flecks(np.concatenate(seen), np.concatenate(boxes), np.concatenate(place), kept)


def features(flecks: Flecks) -> dict[str, Array]:
    """What ``LOOKS`` is for, (N,) each."""
    seen = flecks.seen.T
    contrast = np.maximum(seen[_BRIGHT] - seen[_BACKGROUND], 1 / 255)
    cover = np.clip(contrast / np.maximum(WHITE - seen[_BACKGROUND], 0.05), 0, 1)
    width = 2 * np.maximum(seen[_DEEPEST], 1)
    length = seen[_AREA] / width
    uneven = np.minimum(seen[_FLAT] / contrast, 1)
    return {
        "constant": np.ones(len(contrast)),
        "even": np.log(4 * seen[_DEPTH] / width),
        "length": np.log(length / width),
        "short": np.minimum(np.log(length / width), 1),
        "width": np.log(width),
        "width, square": np.log(width) ** 2,
        "area": np.log(seen[_AREA]),
        "contrast": np.log(contrast),
        "cover": cover,
        "varied": np.minimum(seen[_SPREAD] / contrast, 2),
        "rivals": seen[_RIVALS],
        "uneven": uneven,
        "uneven, square": uneven**2,
        "sharp": np.clip((seen[_BRIGHT] - seen[_BESIDE]) / contrast, -0.5, 1.5),
        "tint": np.minimum(np.abs(seen[_RANGE] - (1 - cover) * seen[_BACKGROUND_RANGE]), 0.3),
        "brighter": np.clip(seen[_BRIGHT] - WHITE, 0, 0.1),
        "ragged": np.log(np.maximum(seen[_ROUND], 1) / (2 * length + 4 * width)),
        "stretched": np.log(flecks.boxes[:, 2:].max(axis=1) / length),
    }


def odds(flecks: Flecks, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The log-odds of each candidate in a picture (H, W), whatever else there is: (N,)."""
    looks = np.asarray(weighted(LOOKS, features(flecks)), np.float64)
    rows, columns = (flecks.boxes[:, [1, 0]] + flecks.boxes[:, [3, 2]] // 2).T
    contrast = np.maximum(flecks.seen[:, _BRIGHT] - flecks.seen[:, _BACKGROUND], 1 / 255)
    around = np.log1p(crowding(rows, columns, contrast, looks < _HARDLY, shape))
    ends = flecks.boxes[:, :2] + flecks.boxes[:, 2:]
    cut = (flecks.boxes[:, :2] == 0).any(axis=1) | (ends == shape[::-1]).any(axis=1)
    among = {"constant": np.ones(len(looks)), "looks": looks, "crowding": around}
    return np.asarray(weighted(AMONG, among) - _CUT * cut)


def flecks_in(image: Image, sensitivity: float) -> Image:
    """How sure each pixel is to belong to a hair, a fibre or dirt: float32 (H, W) in [0, 1], 0 where none is proposed.

    image : float32 (H, W, C) in [0, 1], C = 1 or 3; sensitivity : as ``find_dust`` takes it.
    """
    halvings = 0
    while image.shape[0] * image.shape[1] > _PIXELS * 4**halvings:
        halvings += 1
    small = image if not halvings else _reduced(image, 2**halvings)
    pictures = polarities(small)
    needed = threshold(sensitivity, 0.0, _SPAN)
    found = threads.run(lambda pair: _scored(*pair), (pictures, pictures[::-1]))
    share = sum(likely for _, _, likely in found)
    needed += _TEXTURE * math.log(max(share, _RARE) / _RARE)
    sure = np.maximum(*threads.run(lambda each: _sure(*each[:2], needed, small.shape[:2]), found))
    return np.asarray(cv2.resize(sure, image.shape[1::-1], interpolation=cv2.INTER_NEAREST) if halvings else sure)


def _reduced(image: Image, times: int) -> Image:
    """A picture at a fraction of its size, (H, W, C)."""
    size = max(1, image.shape[1] // times), max(1, image.shape[0] // times)
    reduced = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(reduced.reshape(size[1], size[0], image.shape[2]))


def _scored(picture: Image, opposite: Image) -> tuple[Flecks, NDArray[np.float64], float]:
    """The candidates of one polarity, their log-odds among each other, and the share of the picture of likely ones."""
    sure = np.zeros(picture.shape, np.float32)
    flecks = candidates(picture, opposite)
    log_odds = odds(flecks, sure.shape)
    order = np.argsort(-log_odds, kind="stable")
    certain = 0
    for index in order[log_odds[order] > _CERTAIN]:
        certain += _marked(sure, flecks, index, 1.0)
    log_odds += min(_COMPANY * math.log(certain + 1) - _DOUBT, _MOST)
    sure[:] = 0
    for index in order[log_odds[order] > 0]:
        _marked(sure, flecks, index, 1.0)
    return flecks, log_odds, np.count_nonzero(sure) / sure.size


def _sure(flecks: Flecks, log_odds: NDArray[np.float64], needed: float, shape: tuple[int, ...]) -> Image:
    """How sure each pixel is, of one polarity; needed : log-odds of what is proposed."""
    sure = np.zeros(shape, np.float32)
    order = np.argsort(-log_odds, kind="stable")
    for index in order[log_odds[order] > needed]:
        _marked(sure, flecks, index, float(probability(log_odds[index])))
    return np.asarray(cv2.dilate(sure, np.ones((3, 3), np.uint8)))


def _marked(sure: Image, flecks: Flecks, index: int, trust: float) -> bool:
    """Mark a candidate unless half of it was marked before, as one that stands out by more or less; tell whether."""
    window, mine = flecks.pixels(index)
    there = sure[window]
    if np.count_nonzero(mine & (there > 0)) * 2 > np.count_nonzero(mine):
        return False
    there[mine] = np.maximum(there[mine], trust)
    return True
