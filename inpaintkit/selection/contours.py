"""Closed contours: the shortest way around a point over strong edges, in polar coordinates (Mishra 2009).

As seen from the point a small object's outline is as long as a large one's, so neither is preferred.
doi:10.1109/ICCV.2009.5459254
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.selection.views import Flat, View, depth

_ANGLES = 72
_BANDS = (
    (0.06, 0.16),
    (0.1, 0.25),
    (0.16, 0.38),
    (0.25, 0.55),
)  # of the view's side: from where to where the radius may go
_RADII = 40  # in such a band
_STEPS = np.arange(-3, 4)  # radii that a contour may go in or out from one angle to the next
_STIFF = 0.05  # what each of them costs, where a contour without any edge costs 1 an angle
_OUTSIDE = 0.58  # cost where the contour leaves the picture
_STRONG = 80  # percentile of the edges: those cost half
_QUIET = 0.3  # L*a*b* units per px that are no edge
_LOW, _HIGH = 0.72, 1.38  # times its radius: how far a contour may be off the one it is fitted to
_AROUND = (0.93, 1.4), (0.93, 2.2), (0.82, 1.3)  # the same of contours around parts that are joined
_STAR = 0.8  # overlap of a region with the star around its middle, below which no contour is fitted to it

Floats = NDArray[np.float64]


def closed(view: View, place: tuple[int, int]) -> list[Flat]:
    """The best contour around a place (X, Y) of a view in each of some ranges of its radius."""
    turn = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
    way = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    side = max(view.shape)
    found = []
    for low, high in _BANDS:
        radii = np.broadcast_to(side * np.geomspace(low, high, _RADII), (_ANGLES, _RADII))
        found.append(_drawn(view, place, way, _best(view, place, way, radii, way)))
    return found


def fitted(view: View, mask: Flat) -> Flat | None:
    """The contour over strong edges nearest to a region's own; None where that is no star around its middle."""
    middle = _middle(mask)
    turn = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
    way = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    radius = _reach(mask, middle, way)
    star = _drawn(view, middle, way, radius)
    if not star.any() or np.count_nonzero(star & mask) < _STAR * np.count_nonzero(star | mask):
        return None
    radius = np.convolve(np.pad(radius, 2, mode="wrap"), np.ones(5) / 5, "valid")
    return _drawn(view, middle, way, _beside(view, middle, way, radius, (_LOW, _HIGH)))


def holding(view: View, mask: Flat) -> Iterator[Flat]:
    """The best contours around a convex region, at most so far out of it; the last may cut it."""
    middle = _middle(mask)
    turn = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
    way = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    radius = _reach(mask, middle, way)
    for between in _AROUND:
        yield _drawn(view, middle, way, _beside(view, middle, way, radius, between))


def _beside(
    view: View, middle: tuple[float, float], way: Floats, radius: Floats, between: tuple[float, float]
) -> Floats:
    """The radius (A,) of the best contour beside another, in a range in times its radius."""
    rim = radius[:, None] * way
    along = np.roll(rim, -1, axis=0) - np.roll(rim, 1, axis=0)
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1) / np.maximum(np.hypot(*along.T), 1e-6)[:, None]
    return _best(view, middle, way, radius[:, None] * np.geomspace(*between, _RADII), normal)


def _middle(mask: Flat) -> tuple[float, float]:
    """X, Y of a region's centre, or of its deepest place where that is not in it."""
    moments = cv2.moments(mask, True)
    x, y = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
    if not mask[round(y), round(x)]:
        deepest = np.unravel_index(int(depth(mask).argmax()), mask.shape)
        return float(deepest[1]), float(deepest[0])
    return x, y


def _reach(mask: Flat, middle: tuple[float, float], way: Floats) -> Floats:
    """How far out a region goes in each direction, px."""
    far = np.arange(1, np.hypot(*mask.shape), 0.7)
    x, y = (middle[k] + far * way[:, k, None] for k in (0, 1))
    inside = cv2.remap(mask, x.astype(np.float32), y.astype(np.float32), cv2.INTER_NEAREST) > 0
    return np.asarray(far[len(far) - 1 - inside[:, ::-1].argmax(axis=1)])


def _best(view: View, middle: tuple[float, float], way: Floats, radii: Floats, normal: Floats) -> Floats:
    """The radius (A,) at each angle of the cheapest closed contour. radii : (A, R); normal : (A, 2), out of it."""
    x, y = (middle[k] + radii * way[:, k, None] for k in (0, 1))
    rise = np.zeros(x.shape)
    for channel in zip(*(np.moveaxis(slope, 2, 0) for slope in view.slopes), strict=True):
        across, down = (_read(one, x, y) for one in channel)
        rise += (across * normal[:, :1] + down * normal[:, 1:]) ** 2
    rise = np.sqrt(rise)
    inside = (x >= -0.5) & (x <= view.shape[1] - 0.5) & (y >= -0.5) & (y <= view.shape[0] - 0.5)
    strong = np.percentile(rise[inside], _STRONG) + _QUIET if inside.any() else 1.0
    way_back = _shortest(np.where(inside, 1 / (1 + rise / strong), _OUTSIDE))
    return np.asarray(radii[np.arange(len(radii)), way_back])


def _read(image: NDArray[np.float32], x: Floats, y: Floats) -> NDArray[np.float32]:
    where = x.astype(np.float32), y.astype(np.float32)
    found = cv2.remap(np.ascontiguousarray(image), *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


def _shortest(cost: Floats) -> NDArray[np.int64]:
    """The cheapest way through (A, R) from angle to angle, gone around twice so that its middle is closed: (A,)."""
    angles, count = cost.shape
    steep = (_STIFF * np.abs(_STEPS))[:, None]
    total, steps = np.zeros(count), []
    margin = int(_STEPS.max())
    padded = np.full(count + 2 * margin, np.inf)
    beside = np.lib.stride_tricks.sliding_window_view(padded, count)  # (steps, R)
    columns = np.arange(count)
    for turn in range(2 * angles):
        padded[margin:-margin] = total
        reached = beside + steep
        steps.append(reached.argmin(axis=0))
        total = reached[steps[-1], columns] + cost[turn % angles]
    at, way = int(total.argmin()), []
    for step in reversed(steps):
        way.append(at)
        at += int(_STEPS[step[at]])
    half = angles // 2
    twice = np.array(way[::-1])
    return np.concatenate([twice[angles : angles + half], twice[half:angles]])


def _drawn(view: View, middle: tuple[float, float], way: Floats, radius: Floats) -> Flat:
    """The region within a contour."""
    corners = np.rint((np.asarray(middle) + radius[:, None] * way) * 16).astype(np.int32)
    mask = np.zeros(view.shape, np.uint8)
    cv2.fillPoly(mask, [corners], 1, shift=4)
    return mask
