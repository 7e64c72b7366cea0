"""Regions that hold a point, from small to large: small basins of even colour merged, the likest first.

A window is cut into the basins of its edge strength (Meyer 1994), and neighbours are merged one pair after another in
three orders: by the edge between them, by their colours, by both. Each order is a tree; the regions on the way from the
point's basin to the root are nested.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from inpaintkit.selection.views import Flat, View, filled

_MIN, _MAX = 24, 0.8  # px, and share of the view: regions worth a look
_GROWTH = 1.03  # times: a region that is less larger than the one before it is the same
_COLOURS = 6, 9, 13, 18, 25, 35, 50  # L*a*b* units, lightness counted half
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_EDGE_SIZE, _COLOUR_SIZE, _BOTH_SIZE = 0.15, 0.25, 0.25  # powers of sizes: how much rather small regions are merged

BY_EDGE, BY_COLOUR, BY_BOTH = ORDERS = range(3)
Tree = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Basins:
    """A view cut into basins.

    Attributes
    ----------
    labels : int32 (h, w), from 0.
    area, colour : (N,) px; (N, C), mean.
    pairs : (P, 2), neighbours.
    length, strength : (P,), of the border between two: px, and edge strengths added up.
    """

    labels: NDArray[np.int32]
    area: NDArray[np.float64]
    colour: NDArray[np.float64]
    pairs: NDArray[np.int64]
    length: NDArray[np.float64]
    strength: NDArray[np.float64]


def basins(view: View) -> Basins:
    """The basins of a view's edges, with what is measured on them and between them."""
    smooth = cv2.GaussianBlur(view.edges, (0, 0), 1.0)
    lowest = (smooth == cv2.erode(smooth, np.ones((3, 3)))).astype(np.uint8)
    labels = watershed(smooth, cv2.connectedComponents(lowest)[1]) - 1
    count = int(labels.max()) + 1
    flat = labels.ravel()
    area = np.bincount(flat, minlength=count).astype(np.float64)
    channels = range(view.lab.shape[2])
    colour = np.stack([np.bincount(flat, view.lab[..., z].ravel(), minlength=count) for z in channels], axis=1)
    pairs, length, strength = _borders(labels, view.edges, count)
    return Basins(labels, area, colour / area[:, None], pairs, length, strength)


def _borders(
    labels: NDArray[np.int32], edges: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]]:
    """Pairs of neighbours, the length of their border, and the edge strengths along it."""
    steps = ((labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:]))
    one, other = (np.concatenate([step[k].ravel() for step in steps]).astype(np.int64) for k in (0, 1))
    across = np.maximum(edges[:, :-1], edges[:, 1:]).ravel(), np.maximum(edges[:-1], edges[1:]).ravel()
    strong = np.concatenate(across)
    apart = one != other
    key = np.minimum(one, other)[apart] * count + np.maximum(one, other)[apart]
    found, index = np.unique(key, return_inverse=True)
    pairs: NDArray[np.int64] = np.stack([found // count, found % count], axis=1)
    return pairs, np.bincount(index).astype(float), np.bincount(index, strong[apart])


def trees(cut: Basins) -> list[Tree]:
    """The parent of each node, -1 of the root, in each order: the basins first, then what they are merged to."""
    return [_Merging(cut, order).tree() for order in ORDERS]


class _Merging:
    """Regions that are merged one pair of neighbours after another, the cheapest first.

    In Python: a heap of a thousand pairs takes 10 ms, and a compiled loop would take longer to load.
    """

    def __init__(self, cut: Basins, order: int) -> None:
        self.order = order
        self.parent: list[int] = [-1] * (2 * len(cut.area) - 1)
        self.area: list[float] = cut.area.tolist()
        self.colour: list[list[float]] = cut.colour.tolist()
        self.borders: list[dict[int, tuple[float, float]]] = [{} for _ in self.area]  # of neighbours: length, strength
        for (one, other), *border in zip(cut.pairs.tolist(), cut.length.tolist(), cut.strength.tolist(), strict=True):
            self.borders[one][other] = self.borders[other][one] = (border[0], border[1])

    def tree(self) -> Tree:
        """The parent of each node."""
        pairs = [(one, other) for one, near in enumerate(self.borders) for other in near if one < other]
        heap = [(self._cost(one, other), one, other) for one, other in pairs]
        heapq.heapify(heap)
        while heap:
            _, one, other = heapq.heappop(heap)
            if self.parent[one] < 0 and self.parent[other] < 0:
                new = self._merged(one, other)
                for near in self.borders[new]:
                    heapq.heappush(heap, (self._cost(near, new), near, new))
        return np.array(self.parent)

    def _merged(self, one: int, other: int) -> int:
        """The node that two are merged to."""
        new, whole = len(self.area), self.area[one] + self.area[other]
        self.parent[one] = self.parent[other] = new
        both = zip(self.colour[one], self.colour[other], strict=True)
        self.colour.append([(a * self.area[one] + b * self.area[other]) / whole for a, b in both])
        self.area.append(whole)
        border = self.borders[one]
        for near, (length, strength) in self.borders[other].items():
            before = border.get(near, (0.0, 0.0))
            border[near] = (before[0] + length, before[1] + strength)
        del border[one], border[other]
        for near, sides in border.items():
            self.borders[near].pop(one, None)
            self.borders[near].pop(other, None)
            self.borders[near][new] = sides
        self.borders.append(border)
        return new

    def _cost(self, one: int, other: int) -> float:
        """When two neighbours are merged: the lower the sooner."""
        length, strength = self.borders[one][other]
        edge, first, second = strength / length, self.area[one], self.area[other]
        if self.order == BY_EDGE:
            return float(edge * min(first, second) ** _EDGE_SIZE)
        off = math.dist(self.colour[one], self.colour[other])
        if self.order == BY_COLOUR:
            return float(off * (first * second / (first + second)) ** _COLOUR_SIZE)
        return float((off + 1) * (edge + 1) * min(first, second) ** _BOTH_SIZE)


def nested(cut: Basins, parents: Tree, place: tuple[int, int]) -> Iterator[Flat]:
    """Regions that hold a place (X, Y), from small to large, without holes."""
    way = [int(cut.labels[place[1], place[0]])]
    while parents[way[-1]] >= 0:
        way.append(int(parents[way[-1]]))
    step = np.full(len(parents), len(way))
    step[way] = np.arange(len(way))
    for node in range(len(parents) - 1, -1, -1):
        if step[node] == len(way) and parents[node] >= 0:
            step[node] = step[parents[node]]
    sizes = np.bincount(step[: len(cut.area)], cut.area, minlength=len(way) + 1).cumsum()
    last = 0.0
    for number in range(len(way)):
        size = sizes[number]
        larger = sizes[number + 1] if number + 1 < len(way) else np.inf
        if _MIN <= size <= _MAX * cut.labels.size and size >= _GROWTH * last and larger >= size * 1.02:
            last = size
            yield filled((step[cut.labels] <= number).astype(np.uint8))


def divided(view: View, within: list[tuple[int, int]], beyond: list[tuple[int, int]]) -> Flat:
    """What strong edges leave to places within (X, Y), where the rest is left to those beyond."""
    markers = np.zeros(view.shape, np.int32)
    for number, places in ((1, beyond), (2, within)):
        for x, y in places:
            markers[y, x] = number
    return np.asarray(watershed(view.edges, markers) == 2, np.uint8)


def alike(view: View, place: tuple[int, int]) -> Iterator[Flat]:
    """What is connected to a place (X, Y) by colours at most so far from its own, in several steps, without holes."""
    x, y = place
    smooth = cv2.GaussianBlur(view.lab, (0, 0), 0.8).reshape(view.lab.shape)
    own = smooth[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].mean(axis=(0, 1))
    weight = np.array([0.5, 1, 1], np.float32)[: len(own)] if len(own) > 1 else np.ones(1, np.float32)
    off = np.sqrt((weight * (smooth - own) ** 2).sum(axis=2))
    for far in _COLOURS:
        near = (off <= far).astype(np.uint8)
        for layer in (near, cv2.morphologyEx(near, cv2.MORPH_OPEN, _CROSS)):
            if layer[y, x]:
                labels = cv2.connectedComponents(np.asarray(layer, np.uint8))[1]
                yield filled((labels == labels[y, x]).astype(np.uint8))
