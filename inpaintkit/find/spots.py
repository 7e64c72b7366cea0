"""Candidates for dust: small regions that cover their background, and what rays from their middles see.

Openings by discs give the background under whatever is smaller, and how far a pixel has come from there to the colour
of dust is its cover: regions of some cover are candidates. Rays from the middle of each compare what is inside of its
edge with what lies just beyond, so that a spot may lie on texture or beside an edge.

    I        brightness, in the picture of one polarity, [0, 1]
    cover    (I - background) / (white - background), white the I of dust
    ray      from the middle of a candidate to where it ends in one direction
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np

from inpaintkit.arrays import Array, Bool2, F32x1, F32x2, F64x1, I32x2, I64x1
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image

WHITE = 0.92  # I of dust, as long as the picture's own is not known
RIM = 2  # px from half a spot's contrast to where its edge ends, at most

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
_FAR = (1.5, 2.5, 3.5)  # px beyond a ray, where the background is read

_TURN = np.arange(_RAYS) * (2 * np.pi / _RAYS)
_COSINE, _SINE = np.cos(_TURN), np.sin(_TURN)

# What is measured on a candidate, in the order of the attributes of ``Spots``.
_Y, _X, _AREA, _OBLONG, _CORE, _FLAT, _BACKGROUND, _SPREAD, _BEYOND, _SHARP, _RADIUS, _RAGGED = range(12)
_CORE_RANGE, _BACKGROUND_RANGE, _STEEP = 12, 13, 14


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
        shines = 1 - np.clip(self.cover(WHITE), 0, 1)
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
        seen[index, _OBLONG] = abs(np.log(wide / high))
        seen[index, _STEEP] = _steep_kernel(image, boxes[index], seen[index, _CORE], seen[index, _BACKGROUND])


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
    seen[_Y], seen[_X], seen[_AREA] = y, x, area
    seen[_CORE], seen[_FLAT] = core, np.sqrt(max(0.0, square / number - core * core))
    seen[_CORE_RANGE] = 1 - core_opposite / number - core
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
    core = seen[_CORE]
    count, total, square, total_opposite, beyond, sharp, radius, radii = 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(len(cosine)):
        end = _end_kernel(labels, label, y, x, sine[k], cosine[k])
        if not _within_kernel(image, y + (end + _FAR[-1]) * sine[k], x + (end + _FAR[-1]) * cosine[k]):
            continue
        background = 0.0
        for far in _FAR:
            i, j = round(y + (end + far) * sine[k]), round(x + (end + far) * cosine[k])
            background += image[i, j] / len(_FAR)
            total_opposite += opposite[i, j] / len(_FAR)
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
        seen[_BACKGROUND], seen[_BEYOND] = background, beyond
        seen[_SPREAD] = np.sqrt(max(0.0, square / count - background * background))
        seen[_SHARP] = sharp / count
        seen[_RADIUS], seen[_RAGGED] = radius, np.sqrt(max(0.0, radii / count - radius * radius))
        seen[_BACKGROUND_RANGE] = 1 - total_opposite / count - background


@kernel()
def _steep_kernel(image: F32x2, box: Array, core: float, background: float) -> float:
    """Share of what has a quarter of a candidate's contrast, in and next to its box, that has three quarters of it."""
    left, top, wide, high = box
    much, some = 0.5, 0.5
    for i in range(max(0, top - RIM), min(image.shape[0], top + high + RIM)):
        for j in range(max(0, left - RIM), min(image.shape[1], left + wide + RIM)):
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


def candidates(picture: Image, opposite: Image) -> Spots:
    """What may be spots that are bright in a picture (H, W) of one polarity; ``opposite`` is the other polarity."""
    levels = np.rint(picture * 255).astype(np.uint8)
    parts = []
    for across in _DISCS:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across))
        background = cv2.morphologyEx(levels, cv2.MORPH_OPEN, disc)
        hat = levels - background
        room = np.maximum(np.float32(255 * WHITE) - background, _ROOM)
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
    return spots.part((spots.radius > 0) & (spots.cover(WHITE) > _MIN_COVER))
