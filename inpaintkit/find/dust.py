"""Dust: a spot hides its background under the picture's one dust colour, uniformly, within a closed edge.

Openings by discs give the background under whatever is smaller, and how far a pixel has come from there to the colour
of dust is its cover: regions of some cover are candidates. Rays from the middle of each compare what is inside of its
edge with what lies just beyond, so that a spot may lie on texture or beside an edge. Spots beyond doubt show the colour
of the picture's dust, and the rest must agree. What passes is marked out to where its edge ends.

    I        brightness, in the picture of one polarity
    cover    (I - background) / (white - background), white the I of dust
    ray      from the middle of a candidate to where it ends in one direction
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.arrays import Array, Bool2, F32x1, F32x2, F64x1, I32x2, I64x1
from inpaintkit.find.scoring import confidence as probability
from inpaintkit.find.scoring import crowding, polarities, threshold, weighted
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

# Weights of a logistic regression over candidates in scikit-image's photographs with dust drawn on them, rounded.
LOOKS = {  # of each candidate by itself
    "sharp": 2.6,  # share of the contrast that is lost across its edge
    "steep": 2.3,  # share of what has a quarter of the contrast that has three quarters
    "round": 4.5,  # log of its area over that of a disc with the rays' mean length
    "contrast": 0.6,  # log, full range 1
    "area": -0.5,  # log of its pixels
    "oblong": -1.4,  # log of its box's longer side over the other one
    "ragged": -9.0,  # standard deviation of the rays' length over their mean, 1 at most
    "uneven": -7.5,  # standard deviation of its core over the contrast, 0.5 at most
    "varied": -4.7,  # that of the background over the contrast, 2 at most
    "rivals": -2.3,  # how far the brightest of the background stands out, over the contrast
    "tint": -38.0,  # range of its channels that the background does not explain, 0.3 at most
}
ALONE = {  # whatever the dust of the picture is
    "constant": 7.9,
    "looks": 1.0,  # weighted by LOOKS
    "crowding": -1.0,  # log of the number of similar things around that are hardly dust
    "uncovered": -3.4,  # how much cover it lacks of what dust has
}
ALIKE_CONSTANT = 8.0
ALIKE = {  # beside its looks, once the colour of the picture's dust is known: texture around matters less
    "crowding": -0.5,
    "uncovered": -8.0,
    "brighter": -58.0,  # by how much it is brighter than dust, 0.1 at most
}
# Set by hand, in log-odds.
_SPAN = 8.0  # from sensitivity 0 to 1
_CERTAIN = 1.2  # of a spot from whose brightness that of all dust is taken
_MIN_CERTAIN = 6  # such candidates
_DOUBT = 3.0  # what speaks against a spot where they are fewer
_MINORITY = 4.0  # per unit of the log of how much more certain dust there is of the opposite polarity
_HARDLY = -3.0  # looks, and cover, of what is hardly dust: dust may lie thick

_DISCS = (7, 17)  # px across, more than the spots that they find
_COVERS = (0.3, 0.45, 0.6, 0.75)  # by which candidates are distinguished from the background
_MIN_COVER = 0.35  # of a candidate
_VISIBLE = 14  # grey levels that a candidate stands out by
_ROOM = 24.0  # grey levels from background to white, at least: cover of background as bright as dust would mean nothing
_RAYS = 16
_MIN_RAYS = 6  # of them that end well inside of the picture
_STRIDE = 0.5  # px along a ray
_MAX_RAY = 13.0  # px
_TORN = 2.0  # px outside of a candidate after which a ray has left it
_BEYOND = (1.5, 2.5, 3.5)  # px beyond a ray, where the background is read
_RIM = 2  # px from half a spot's contrast to where its edge ends, at most
_WHITE = 0.92  # brightness of dust where few spots are certain
_USUAL = 0.8  # cover of dust
_FULL = 0.9  # quantile of their brightness that is white: few spots hide all of their background
_FEW = 20  # px: as little, all spots' sides added up, means nothing when bright and dark ones are compared

_TURN = np.arange(_RAYS) * (2 * np.pi / _RAYS)
_COSINE, _SINE = np.cos(_TURN), np.sin(_TURN)


@dataclass(frozen=True, eq=False)
class Spots:
    """Candidates, float32 (N,) each, lengths in px, brightness in [0, 1].

    Attributes
    ----------
    y, x : the middle.
    area : pixels.
    oblong : logarithm of the longer side of the box over the opposite one.
    core, flat : brightness of the brighter half, and its standard deviation.
    background, spread : brightness just beyond the rays, and its standard deviation.
    beyond : the brightest there.
    sharp : share of the contrast that is lost from 1 px inside of the edge to 1 px outside of it.
    radius, ragged : mean length of the rays, and its standard deviation.
    core_range, background_range : of the channels.
    steep : share of what has a quarter of the contrast, there and next to it, that has three quarters.
    """

    y: Image
    x: Image
    area: Image
    oblong: Image
    core: Image
    flat: Image
    background: Image
    spread: Image
    beyond: Image
    sharp: Image
    radius: Image
    ragged: Image
    core_range: Image
    background_range: Image
    steep: Image

    @property
    def contrast(self) -> Image:
        """How far the core stands out from the background."""
        return np.asarray(np.maximum(self.core - self.background, np.float32(1 / 255)))

    def cover(self, white: float) -> Image:
        """How far the core has come from the background to white."""
        return np.asarray((self.core - self.background) / np.maximum(white - self.background, 0.05), np.float32)

    @property
    def tint(self) -> Image:
        """How far the range of the core's channels is from what shines through of the background's."""
        shines = 1 - np.clip(self.cover(_WHITE), 0, 1)
        return np.asarray(np.abs(self.core_range - shines * self.background_range))

    def part(self, which: Array) -> Spots:
        """Some of the candidates."""
        return Spots(*(getattr(self, field.name)[which] for field in fields(self)))


@kernel()
def _measure_kernel(
    image: F32x2,
    opposite: F32x2,
    labels: I32x2,
    which: I64x1,
    boxes: I32x2,
    cosine: F64x1,
    sine: F64x1,
    seen: F32x2,
) -> None:
    """Measure candidates.

    image, opposite : float32 (H, W), both sides of a picture; which : int (N,), labels of the candidates; boxes : int32
    (N, 4), left, top, width, height; seen : float32 (N, 15), what ``Spots`` holds, 0 where too few rays end inside.
    """
    for index in range(len(which)):
        left, top, wide, high = boxes[index]
        mine = labels[top : top + high, left : left + wide] == which[index]
        middle = _core_kernel(image, opposite, mine, top, left, seen[index])
        _rays_kernel(image, opposite, labels, which[index], middle, cosine, sine, seen[index])
        seen[index, 3] = abs(np.log(wide / high))
        seen[index, 14] = _steep_kernel(image, boxes[index], seen[index, 4], seen[index, 6])


@kernel()
def _core_kernel(image: F32x2, opposite: F32x2, mine: Bool2, top: int, left: int, seen: F32x1) -> tuple[float, float]:
    """The middle of a candidate, and how bright its brighter half is."""
    area, y, x, mean = 0, 0.0, 0.0, 0.0
    for i in range(mine.shape[0]):
        for j in range(mine.shape[1]):
            if mine[i, j]:
                area += 1
                y += i
                x += j
                mean += image[top + i, left + j]
    y, x, mean = top + y / area, left + x / area, mean / area
    number, core, square, core_opposite = 0, 0.0, 0.0, 0.0
    for i in range(mine.shape[0]):
        for j in range(mine.shape[1]):
            value = image[top + i, left + j]
            if mine[i, j] and value >= mean - 1e-6:
                number += 1
                core += value
                square += value * value
                core_opposite += opposite[top + i, left + j]
    core = core / number
    seen[0], seen[1], seen[2] = y, x, area
    seen[4], seen[5] = core, np.sqrt(max(0.0, square / number - core * core))
    seen[12] = 1 - core_opposite / number - core
    return y, x


@kernel()
def _rays_kernel(
    image: F32x2,
    opposite: F32x2,
    labels: I32x2,
    label: int,
    middle: tuple[float, float],
    cosine: F64x1,
    sine: F64x1,
    seen: F32x1,
) -> None:
    """How long a candidate's rays are, how sharp it ends there, and what the background beyond is like."""
    y, x = middle
    core = seen[4]
    count, total, square, total_opposite, beyond, sharp, radius, radii = 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(len(cosine)):
        end = _end_kernel(labels, label, y, x, sine[k], cosine[k])
        if not _within_kernel(image, y + (end + _BEYOND[-1]) * sine[k], x + (end + _BEYOND[-1]) * cosine[k]):
            continue
        background = 0.0
        for far in _BEYOND:
            i, j = round(y + (end + far) * sine[k]), round(x + (end + far) * cosine[k])
            background += image[i, j] / len(_BEYOND)
            total_opposite += opposite[i, j] / len(_BEYOND)
            beyond = max(beyond, image[i, j])
        inside, outside = max(0.0, end - 1), end + 1
        drop = image[round(y + inside * sine[k]), round(x + inside * cosine[k])]
        drop -= image[round(y + outside * sine[k]), round(x + outside * cosine[k])]
        sharp += min(max(drop / max(core - background, 0.03), -0.5), 1.5)
        total += background
        square += background * background
        radius += end + _STRIDE
        radii += (end + _STRIDE) ** 2
        count += 1
    if count >= _MIN_RAYS:
        background, radius = total / count, radius / count
        seen[6], seen[7], seen[8] = background, np.sqrt(max(0.0, square / count - background * background)), beyond
        seen[9] = sharp / count
        seen[10], seen[11] = radius, np.sqrt(max(0.0, radii / count - radius * radius))
        seen[13] = 1 - total_opposite / count - background


@kernel()
def _steep_kernel(image: F32x2, box: Array, core: float, background: float) -> float:
    """Share of what has a quarter of a candidate's contrast, in and next to its box, that has three quarters of it."""
    left, top, wide, high = box
    much, some = 0.5, 0.5
    for i in range(max(0, top - _RIM), min(image.shape[0], top + high + _RIM)):
        for j in range(max(0, left - _RIM), min(image.shape[1], left + wide + _RIM)):
            much += image[i, j] >= background + 0.75 * (core - background)
            some += image[i, j] >= background + 0.25 * (core - background)
    return much / some


@kernel()
def _end_kernel(labels: I32x2, label: int, y: float, x: float, down: float, right: float) -> float:
    """Where a ray leaves a candidate for good, in px."""
    end, far = 0.0, 0.0
    while far < _MAX_RAY and far <= end + _TORN:
        i, j = round(y + far * down), round(x + far * right)
        if not (0 <= i < labels.shape[0] and 0 <= j < labels.shape[1]):
            break
        if labels[i, j] == label:
            end = far
        far += _STRIDE
    return end


@kernel()
def _within_kernel(image: F32x2, y: float, x: float) -> bool:
    return 0 <= round(y) < image.shape[0] and 0 <= round(x) < image.shape[1]


@kernel()
def _mark_kernel(
    image: F32x2,
    y: F32x1,
    x: F32x1,
    background: F32x1,
    spread: F32x1,
    contrast: F32x1,
    reach: F32x1,
    trust: F64x1,
    mask: Bool2,
    sure: F32x2,
) -> None:
    """Mark spots, the likelier ones first: what has half of their contrast, and the edges around it.

    reach : (N,), px from the middle to what has half; sure : float32 (H, W), ``trust`` (N,) where it is marked.
    A spot whose middle is marked was marked before, as the candidate of another cover.
    """
    height, width = image.shape
    for index in range(len(y)):
        if mask[round(y[index]), round(x[index])]:
            continue
        half, far = background[index] + 0.5 * contrast[index], reach[index]
        fading = background[index] + min(max(0.12 * contrast[index], spread[index]), 0.5 * contrast[index])
        # Next to the half an edge is sure to run, over background that may be darker than the rest.
        edge = background[index] + 0.02 * contrast[index] - 2 * spread[index]
        for i in range(max(0, math.ceil(y[index] - far)), min(height, math.floor(y[index] + far) + 1)):
            for j in range(max(0, math.ceil(x[index] - far)), min(width, math.floor(x[index] + far) + 1)):
                if (i - y[index]) ** 2 + (j - x[index]) ** 2 > far * far or image[i, j] < half:
                    continue
                for row in range(max(0, i - _RIM), min(height, i + _RIM + 1)):
                    for column in range(max(0, j - _RIM), min(width, j + _RIM + 1)):
                        next_to = max(abs(row - i), abs(column - j)) <= 1
                        if image[row, column] >= (edge if next_to else fading):
                            mask[row, column] = True
                            sure[row, column] = max(sure[row, column], trust[index])


def find_dust(image: Image, *, sensitivity: float = 0.5) -> tuple[Mask, Image]:
    """Small isolated spots, bright or dark, up to a dozen pixels across.

    Parameters
    ----------
    image : float32 (H, W, C) in [0, 1], C = 1 or 3.
    sensitivity : in [0, 1]: 0 finds only clear cases, 1 anything plausible.

    Returns
    -------
    mask : bool (H, W), the spots out to where their edges end.
    confidence : float32 (H, W) in [0, 1], 0 where nothing is proposed.

    Examples
    --------
    >>> picture = np.full((60, 60, 1), 0.4, np.float32)
    >>> picture[30:33, 20:24] = 0.9
    >>> mask, confidence = find_dust(picture)
    >>> int(mask.sum()), bool(mask[30:33, 20:24].all())
    (12, True)
    """
    mask: Mask = np.zeros(image.shape[:2], np.bool_)
    confidence: Image = np.zeros(image.shape[:2], np.float32)
    pictures = polarities(image)
    found = threads.run(lambda pair: candidates(*pair), (pictures, pictures[::-1]))
    alone = [alone_log_odds(spots, mask.shape) for spots in found]
    amount = [float(np.sqrt(spots.area[sure > _CERTAIN]).sum()) for spots, sure in zip(found, alone, strict=True)]
    for picture, spots, first, own, others in zip(pictures, found, alone, amount, amount[::-1], strict=True):
        # The dust of one picture is bright or dark.
        minority = _MINORITY * min(0.0, math.log((own + _FEW) / (others + _FEW)))
        log_odds = alike_log_odds(spots, first, mask.shape) + minority
        keep = np.flatnonzero(log_odds > threshold(sensitivity, 0.0, _SPAN))
        keep = keep[np.argsort(-log_odds[keep], kind="stable")]
        part, trust = spots.part(keep), probability(log_odds[keep])
        reach = part.radius + part.ragged + 1
        _mark_kernel(
            picture, part.y, part.x, part.background, part.spread, part.contrast, reach, trust, mask, confidence
        )
    return mask, confidence


def candidates(picture: Image, opposite: Image) -> Spots:
    """What may be spots that are bright in a picture (H, W) of one polarity; ``opposite`` is the other polarity."""
    levels = np.rint(picture * 255).astype(np.uint8)
    parts = []
    for across in _DISCS:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across))
        background = cv2.morphologyEx(levels, cv2.MORPH_OPEN, disc)
        hat = levels - background
        room = np.maximum(np.float32(255 * _WHITE) - background, _ROOM)
        for cover in _COVERS:
            stands = hat > np.maximum(np.float32(cover) * room, _VISIBLE)
            _, labels, stats, _ = cv2.connectedComponentsWithStats(stands.view(np.uint8), connectivity=8)
            small = (stats[:, cv2.CC_STAT_WIDTH] <= across) & (stats[:, cv2.CC_STAT_HEIGHT] <= across)
            small[0] = False  # what does not stand out
            which = np.flatnonzero(small)
            seen = np.zeros((len(which), len(fields(Spots))), np.float32)
            _measure_kernel(picture, opposite, labels, which, stats[which, : cv2.CC_STAT_AREA], _COSINE, _SINE, seen)
            parts.append(seen)
    spots = Spots(*np.concatenate(parts).T)
    return spots.part((spots.radius > 0) & (spots.cover(_WHITE) > _MIN_COVER))


def alone_log_odds(spots: Spots, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The log-odds of each candidate being dust, whatever the dust of the picture (H, W) is: (N,)."""
    return np.asarray(weighted(ALONE, alone_features(spots, shape)), np.float64)


def alone_features(spots: Spots, shape: tuple[int, ...]) -> dict[str, Array]:
    """What ``ALONE`` is for, (N,) each."""
    return {
        "constant": np.ones(len(spots.y)),
        "looks": looks(spots),
        "crowding": _crowding(spots, shape),
        "uncovered": _uncovered(spots, _WHITE),
    }


def alike_log_odds(spots: Spots, alone: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The log-odds of each candidate once the certain ones show the colour of the picture's dust: (N,)."""
    white = dust_brightness(spots, alone)
    if white is None:
        return alone - _DOUBT
    against = weighted(ALIKE, alike_features(spots, white, shape))
    return np.asarray(ALIKE_CONSTANT + looks(spots) + against, np.float64)


def dust_brightness(spots: Spots, alone: NDArray[np.float64]) -> float | None:
    """The brightness of the picture's dust, as certain spots show it; None where these are too few."""
    certain = alone > _CERTAIN
    return float(np.quantile(spots.core[certain], _FULL)) if np.count_nonzero(certain) >= _MIN_CERTAIN else None


def alike_features(spots: Spots, white: float, shape: tuple[int, ...]) -> dict[str, Array]:
    """What ``ALIKE`` is for, (N,) each: dust of a brightness ``white`` covers most of its background with it."""
    return {
        "crowding": _crowding(spots, shape),
        "uncovered": _uncovered(spots, white),
        "brighter": np.clip(spots.core - white, 0, 0.1),
    }


def look_features(spots: Spots) -> dict[str, Array]:
    """What ``LOOKS`` is for, (N,) each: a sharp edge and a round, uniform core, nothing oblong or ragged, no colour."""
    contrast = spots.contrast
    return {
        "sharp": spots.sharp,
        "steep": spots.steep,
        "round": np.log(spots.area / (np.pi * spots.radius**2)),
        "contrast": np.log(contrast),
        "area": np.log(spots.area),
        "oblong": spots.oblong,
        "ragged": np.minimum(spots.ragged / spots.radius, 1),
        "uneven": np.minimum(spots.flat / contrast, 0.5),
        "varied": np.minimum(spots.spread / contrast, 2),
        "rivals": np.clip((spots.beyond - spots.background) / contrast, -1, 2),
        "tint": np.minimum(spots.tint, 0.3),
    }


def looks(spots: Spots) -> NDArray[np.float64]:
    """What speaks for each candidate by itself: (N,)."""
    return np.asarray(weighted(LOOKS, look_features(spots)), np.float64)


def _uncovered(spots: Spots, white: float) -> Image:
    """How much cover each candidate lacks of what dust of a brightness ``white`` has."""
    return np.asarray(np.clip(_USUAL - spots.cover(white), 0, _USUAL))


def _crowding(spots: Spots, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """How many similar things, hardly dust themselves, there are around each candidate: logarithm, (N,)."""
    rows, columns = np.rint(spots.y).astype(np.int64), np.rint(spots.x).astype(np.int64)
    counted = looks(spots) - 3 * _uncovered(spots, _WHITE) < _HARDLY
    return np.asarray(np.log(np.maximum(crowding(rows, columns, spots.contrast, counted, shape), 1)))
