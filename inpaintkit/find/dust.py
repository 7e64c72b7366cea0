"""Dust by what covers: a spot hides its ground under the picture's one dust colour, evenly, within a closed edge.

Openings by discs give the ground under whatever is smaller, and how far a pixel has come from there to the colour of
dust is its cover: regions of some cover are candidates. Rays from the middle of each compare what is inside of its edge
with what lies just beyond, so that a spot may lie on texture or beside an edge. Spots beyond doubt tell the colour of
the picture's dust, and the rest must agree. What passes is marked out to where its edge ends.

    I        brightness, the least channel for bright spots and the negative of the largest for dark ones
    cover    (I - ground) / (white - ground), white the I of dust
    ray      from the middle of a candidate to where it ends in one direction
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.find.evidence import bright_side, crowd, dark_side
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

_DISCS = (7, 17)  # px across, more than the spots that they find
_COVERS = (0.3, 0.45, 0.6, 0.75)  # by which candidates are told from the ground
_LEAST = 0.35  # cover of a candidate
_VISIBLE = 14  # grey levels that a candidate stands out by
_ROOM = 24.0  # grey levels from ground to white, at least: cover of ground as bright as dust would mean nothing
_RAYS = 16
_SEEN = 6  # of them, at least, end well inside of the picture
_STRIDE = 0.5  # px along a ray
_FARTHEST = 13.0  # px that a ray may be long
_TORN = 2.0  # px outside of a candidate after which a ray has left it
_GROUND = (1.5, 2.5, 3.5)  # px beyond a ray
_RIM = 2  # px from half a spot's contrast to where its edge ends, at most
_CERTAIN = 1.2  # evidence of a spot from whose brightness that of all dust is taken
_ENOUGH = 6  # such candidates
_WHITE = 0.92  # brightness of dust where they are fewer
_DOUBT = 3.0  # what speaks against a spot there
_USUAL = 0.8  # cover of dust
_FULL = 0.9  # quantile of their brightness that is white: few spots hide all of their ground
_FEW = 20  # px: their sides in all that mean little, when those of bright and of dark spots are compared

_TURN = np.arange(_RAYS) * (2 * np.pi / _RAYS)
_COSINE, _SINE = np.cos(_TURN), np.sin(_TURN)


@dataclass(frozen=True, eq=False)
class Spots:
    """Candidates, float32 (N,) each, lengths in px, brightness in [0, 1].

    Attributes
    ----------
    y, x : the middle.
    area : pixels.
    oblong : logarithm of the longer side of the box over the other one.
    core, flat : brightness of the brighter half, and its standard deviation.
    ground, spread : brightness just beyond the rays, and its standard deviation.
    beyond : the brightest there.
    sharp : share of the contrast that is lost from 1 px inside of the edge to 1 px outside of it.
    radius, ragged : mean length of the rays, and its standard deviation.
    core_range, ground_range : of the channels.
    steep : share of what has a quarter of the contrast, there and next to it, that has three quarters.
    """

    y: Image
    x: Image
    area: Image
    oblong: Image
    core: Image
    flat: Image
    ground: Image
    spread: Image
    beyond: Image
    sharp: Image
    radius: Image
    ragged: Image
    core_range: Image
    ground_range: Image
    steep: Image

    @property
    def contrast(self) -> Image:
        """How far the core stands out from the ground."""
        return np.asarray(np.maximum(self.core - self.ground, np.float32(1 / 255)))

    def cover(self, white: float) -> Image:
        """How far the core has come from the ground to white."""
        return np.asarray((self.core - self.ground) / np.maximum(white - self.ground, 0.05), np.float32)

    @property
    def tint(self) -> Image:
        """How far the range of the core's channels is from what shines through of the ground's."""
        shines = 1 - np.clip(self.cover(_WHITE), 0, 1)
        return np.asarray(np.abs(self.core_range - shines * self.ground_range))

    def part(self, which: NDArray[Any]) -> Spots:
        """Some of the candidates."""
        return Spots(*(getattr(self, field.name)[which] for field in fields(self)))


@kernel()
def _measure_kernel(
    image: Any, other: Any, labels: Any, which: Any, boxes: Any, cosine: Any, sine: Any, seen: Any
) -> None:
    """Measure candidates.

    image, other : float32 (H, W), both sides of a picture; which : int (N,), labels of the candidates; boxes : int32
    (N, 4), left, top, width, height; seen : float32 (N, 15), what ``Spots`` holds, 0 where too few rays end inside.
    """
    for index in range(len(which)):
        left, top, wide, high = boxes[index]
        mine = labels[top : top + high, left : left + wide] == which[index]
        middle = _core_kernel(image, other, mine, top, left, seen[index])
        _rays_kernel(image, other, labels, which[index], middle, cosine, sine, seen[index])
        seen[index, 3] = abs(np.log(wide / high))
        seen[index, 14] = _steep_kernel(image, boxes[index], seen[index, 4], seen[index, 6])


@kernel()
def _core_kernel(image: Any, other: Any, mine: Any, top: Any, left: Any, seen: Any) -> Any:
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
    number, core, square, core_other = 0, 0.0, 0.0, 0.0
    for i in range(mine.shape[0]):
        for j in range(mine.shape[1]):
            value = image[top + i, left + j]
            if mine[i, j] and value >= mean - 1e-6:
                number += 1
                core += value
                square += value * value
                core_other += other[top + i, left + j]
    core = core / number
    seen[0], seen[1], seen[2] = y, x, area
    seen[4], seen[5] = core, np.sqrt(max(0.0, square / number - core * core))
    seen[12] = 1 - core_other / number - core
    return y, x


@kernel()
def _rays_kernel(
    image: Any, other: Any, labels: Any, label: Any, middle: Any, cosine: Any, sine: Any, seen: Any
) -> None:
    """How long a candidate's rays are, how sharp it ends there, and what the ground beyond is like."""
    y, x = middle
    core: Any = seen[4]
    count, total, square, total_other, beyond, sharp, radius, radii = 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(len(cosine)):
        end = _end_kernel(labels, label, y, x, sine[k], cosine[k])
        if not _within_kernel(image, y + (end + _GROUND[-1]) * sine[k], x + (end + _GROUND[-1]) * cosine[k]):
            continue
        ground = 0.0
        for far in _GROUND:
            i, j = round(y + (end + far) * sine[k]), round(x + (end + far) * cosine[k])
            ground += image[i, j] / len(_GROUND)
            total_other += other[i, j] / len(_GROUND)
            beyond = max(beyond, image[i, j])
        inside, outside = max(0.0, end - 1), end + 1
        drop = image[round(y + inside * sine[k]), round(x + inside * cosine[k])]
        drop -= image[round(y + outside * sine[k]), round(x + outside * cosine[k])]
        sharp += min(max(drop / max(core - ground, 0.03), -0.5), 1.5)
        total += ground
        square += ground * ground
        radius += end + _STRIDE
        radii += (end + _STRIDE) ** 2
        count += 1
    if count >= _SEEN:
        ground, radius = total / count, radius / count
        seen[6], seen[7], seen[8] = ground, np.sqrt(max(0.0, square / count - ground * ground)), beyond
        seen[9] = sharp / count
        seen[10], seen[11] = radius, np.sqrt(max(0.0, radii / count - radius * radius))
        seen[13] = 1 - total_other / count - ground


@kernel()
def _steep_kernel(image: Any, box: Any, core: Any, ground: Any) -> Any:
    """Share of what has a quarter of a candidate's contrast, in and next to its box, that has three quarters of it."""
    left, top, wide, high = box
    most, some = 0.5, 0.5
    for i in range(max(0, top - _RIM), min(image.shape[0], top + high + _RIM)):
        for j in range(max(0, left - _RIM), min(image.shape[1], left + wide + _RIM)):
            most += image[i, j] >= ground + 0.75 * (core - ground)
            some += image[i, j] >= ground + 0.25 * (core - ground)
    return most / some


@kernel()
def _end_kernel(labels: Any, label: Any, y: Any, x: Any, down: Any, right: Any) -> Any:
    """Where a ray leaves a candidate for good, in px."""
    end, far = 0.0, 0.0
    while far < _FARTHEST and far <= end + _TORN:
        i, j = round(y + far * down), round(x + far * right)
        if not (0 <= i < labels.shape[0] and 0 <= j < labels.shape[1]):
            break
        if labels[i, j] == label:
            end = far
        far += _STRIDE
    return end


@kernel()
def _within_kernel(image: Any, y: Any, x: Any) -> Any:
    return 0 <= round(y) < image.shape[0] and 0 <= round(x) < image.shape[1]


@kernel()
def _mark_kernel(
    image: Any, y: Any, x: Any, ground: Any, spread: Any, contrast: Any, reach: Any, trust: Any, mask: Any, sure: Any
) -> None:
    """Mark spots, the likelier ones first: what has half of their contrast, and the edges around it.

    reach : (N,), px from the middle to what has half; sure : float32 (H, W), ``trust`` (N,) where it is marked.
    A spot whose middle is marked is one that was marked before, told from the ground by another cover.
    """
    height, width = image.shape
    for index in range(len(y)):
        if mask[round(y[index]), round(x[index])]:
            continue
        half, far = ground[index] + 0.5 * contrast[index], reach[index]
        fading = ground[index] + min(max(0.12 * contrast[index], spread[index]), 0.5 * contrast[index])
        # Next to the half an edge is sure to run, over ground that may be darker than the rest.
        edge = ground[index] + 0.02 * contrast[index] - 2 * spread[index]
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
    sensitivity : in [0, 1]: 0 proposes only the certain, 1 everything plausible.

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
    mask = np.zeros(image.shape[:2], np.bool_)
    confidence = np.zeros(image.shape[:2], np.float32)
    sides = bright_side(image), dark_side(image)
    found = threads.run(lambda pair: _candidates(*pair), (sides, sides[::-1]))
    alone = [_alone(spots, mask.shape) for spots in found]
    amount = [float(np.sqrt(spots.area[worth > _CERTAIN]).sum()) for spots, worth in zip(found, alone, strict=True)]
    for picture, spots, first, own, others in zip(sides, found, alone, amount, amount[::-1], strict=True):
        # The dust of one picture is bright or dark.
        worth = _alike(spots, first, mask.shape) + 4 * min(0.0, math.log((own + _FEW) / (others + _FEW)))
        keep = np.flatnonzero(worth > 4 - 8 * sensitivity)
        keep = keep[np.argsort(-worth[keep], kind="stable")]
        part, trust = spots.part(keep), 1 / (1 + np.exp(-worth[keep]))
        reach = part.radius + part.ragged + 1
        _mark_kernel(picture, part.y, part.x, part.ground, part.spread, part.contrast, reach, trust, mask, confidence)
    return mask, confidence


def _candidates(picture: Image, other: Image) -> Spots:
    """What may be bright spots of a picture (H, W), of which ``other`` is the other side."""
    levels = np.rint(picture * 255).astype(np.uint8)
    parts = []
    for across in _DISCS:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across))
        ground = cv2.morphologyEx(levels, cv2.MORPH_OPEN, disc)
        hat = levels - ground
        room = np.maximum(np.float32(255 * _WHITE) - ground, _ROOM)
        for cover in _COVERS:
            stands = hat > np.maximum(np.float32(cover) * room, _VISIBLE)
            _, labels, stats, _ = cv2.connectedComponentsWithStats(stands.view(np.uint8), connectivity=8)
            small = (stats[:, cv2.CC_STAT_WIDTH] <= across) & (stats[:, cv2.CC_STAT_HEIGHT] <= across)
            small[0] = False  # what does not stand out
            which = np.flatnonzero(small)
            seen = np.zeros((len(which), len(fields(Spots))), np.float32)
            _measure_kernel(picture, other, labels, which, stats[which, : cv2.CC_STAT_AREA], _COSINE, _SINE, seen)
            parts.append(seen)
    spots = Spots(*np.concatenate(parts).T)
    return spots.part((spots.radius > 0) & (spots.cover(_WHITE) > _LEAST))


def _alone(spots: Spots, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """How much speaks for each candidate being dust, whatever the dust of the picture is: (N,)."""
    return np.asarray(7.9 + _looks(spots) - _texture(spots, shape) - 3.4 * _lacks(spots, _WHITE), np.float64)


def _alike(spots: Spots, alone: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """How much speaks for each candidate once the certain ones show the colour of the picture's dust: (N,).

    All cover most of their ground with it and none is brighter, so that texture around matters less.
    """
    certain = alone > _CERTAIN
    if np.count_nonzero(certain) < _ENOUGH:
        return alone - _DOUBT
    white = float(np.quantile(spots.core[certain], _FULL))
    against = 0.5 * _texture(spots, shape) + 8 * _lacks(spots, white) + 58 * np.clip(spots.core - white, 0, 0.1)
    return np.asarray(8.0 + _looks(spots) - against, np.float64)


def _looks(spots: Spots) -> NDArray[np.float64]:
    """What speaks for each candidate by itself: (N,).

    A sharp edge and a round, even core speak for it; an oblong or ragged shape, ground that varies or holds something
    as bright, and colour against it. The weights, and those of what spots have in common, are of a logistic regression
    over candidates in scikit-image's photographs with dust drawn on them, rounded.
    """
    contrast = spots.contrast
    return np.asarray(
        2.6 * spots.sharp
        + 2.3 * spots.steep
        + 4.5 * np.log(spots.area / (np.pi * spots.radius**2))
        + 0.6 * np.log(contrast)
        - 0.5 * np.log(spots.area)
        - 1.4 * spots.oblong
        - 9.0 * np.minimum(spots.ragged / spots.radius, 1)
        - 7.5 * np.minimum(spots.flat / contrast, 0.5)
        - 4.7 * np.minimum(spots.spread / contrast, 2)
        - 2.3 * np.clip((spots.beyond - spots.ground) / contrast, -1, 2)
        - 38 * np.minimum(spots.tint, 0.3),
        np.float64,
    )


def _lacks(spots: Spots, white: float) -> Image:
    """How much cover each candidate lacks of what dust has."""
    return np.asarray(np.clip(_USUAL - spots.cover(white), 0, _USUAL))


def _texture(spots: Spots, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """How many like it, and not likely to be dust, there are around each candidate: logarithm, (N,)."""
    rows, columns = np.rint(spots.y).astype(np.int64), np.rint(spots.x).astype(np.int64)
    counted = _looks(spots) - 3 * _lacks(spots, _WHITE) < -3  # dust may lie thick
    return np.asarray(np.log(np.maximum(crowd(rows, columns, spots.contrast, counted, shape), 1)))
