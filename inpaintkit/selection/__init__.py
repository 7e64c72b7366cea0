"""An object clicked at: one point of it, or a few, and points and a box that say what is not of it.

windows around the points -> regions that hold them -> the one that looks most like an object -> its outline, exact

Windows show the picture at every scale. Regions come from merged basins (``regions``) and from closed contours
(``contours``); what an object looks like is in ``looks``. A further click adds the best region around it, takes one
away, or gives another region, whichever looks best and changes least.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inpaintkit.box import Box
from inpaintkit.picture import Picture
from inpaintkit.problem import Mask
from inpaintkit.selection import contours, refining, regions, views
from inpaintkit.selection.looks import Judge
from inpaintkit.selection.views import Flat, Point, View, carried, depth

_IN_BOX = 0.9  # of a region's pixels: with fewer in the box it is another object
_BOX_ROOM = 0.15  # of a box's longer side: what is seen around it
_BEST = 2  # regions of a point and of one order of size that are added or taken away
_SIZES = (0.1, 0.25), (0.5, 0.4), (np.inf, np.inf)  # their orders: times the size of what they are added to or taken
# from at most, where the click is no farther from its outline, in times its side
_SAME = 0.85  # overlap of two regions that are one
_FAR, _NEAR = 6.0, 4.0  # score of a region that is as the one before a click, times their overlap: in any case, and
_REACH = 0.2  # where the click is near its outline, which in times its side falls off so far from there
_MANY = 40  # regions that are compared with that


@dataclass(frozen=True, eq=False)
class _Window:
    """A view, and what is worked out on it once for all points."""

    view: View

    @cached_property
    def judge(self) -> Judge:
        return Judge.of(self.view)

    @cached_property
    def basins(self) -> regions.Basins:
        return regions.basins(self.view)

    @cached_property
    def trees(self) -> list[regions.Tree]:
        return regions.trees(self.basins)


@dataclass(frozen=True, eq=False)
class _Region:
    """What may be the object, or a part of it, and how much it looks like one."""

    view: View
    mask: Flat
    score: float

    @property
    def area(self) -> float:
        """Pixels of the picture."""
        return float(np.count_nonzero(self.mask) / np.prod(self.view.scale))

    def holds(self, point: Point) -> bool:
        """Whether a point of the picture lies in it."""
        place = self.view.place(point)
        return place is not None and bool(self.mask[place[1], place[0]])

    def distance(self, point: Point) -> float:
        """How far a point of the picture is from its outline, in times its side, about."""
        place = self.view.place(point)
        if place is None:
            return 1.0
        away = max(depth(self.mask)[place[1], place[0]], depth(1 - self.mask)[place[1], place[0]])
        return float(away / np.count_nonzero(self.mask) ** 0.5)

    def overlap(self, other: _Region) -> float:
        """Intersection over union with another region, about."""
        there = carried(other.mask, other.view, self.view)
        shared = np.count_nonzero(there & self.mask)
        theirs = other.area * np.prod(self.view.scale)
        return float(shared / (np.count_nonzero(self.mask) + theirs - shared))


def object_of(picture: Picture, points: Sequence[Point], outside: Sequence[Point], box: Box | None) -> Mask:
    """The object around some points of a picture, bool (H, W), which holds none of the points ``outside``.

    Parameters
    ----------
    picture : of any kind.
    points, outside : X, Y of pixels in the picture; one point at least.
    box : the object lies in it.
    """
    whole = np.zeros(picture.shape, np.bool_)
    seen = box.grown(int(_BOX_ROOM * max(box.shape)) + 2, picture.shape) if box else Box.of_shape(picture.shape)
    corner = np.array(seen[:2])
    part = Picture(picture.pixels[seen.slices], picture.alpha)
    moved = [[(x - corner[0], y - corner[1]) for x, y in some] for some in (points, outside)]
    whole[seen.slices] = _Search(part, box.shifted(*-corner) if box else None).object_of(*moved)
    if box:
        whole[: box.top] = whole[box.bottom :] = whole[:, : box.left] = whole[:, box.right :] = False
    return whole


class _Search:
    """The regions of a picture, by the points that they hold."""

    def __init__(self, picture: Picture, box: Box | None) -> None:
        self.picture, self.box = picture, box
        self.span = views.span(picture)
        self.windows: dict[Box, _Window] = {}
        self.found: dict[Point, list[_Region]] = {}

    def object_of(self, points: Sequence[Point], outside: Sequence[Point]) -> Mask:
        """What looks most like an object at the first point, changed as little as the others ask for, and refined."""
        found = self._around(points[0])
        if not found and not outside:
            x, y = points[0]
            raise ValueError(f"nothing around {x:g},{y:g} looks like an object: click elsewhere, or draw it")
        region = found[0] if found else self._between(points, outside)
        for number in range(2, len(points) + 1):
            region = self._changed(region, points[:number], [])
        for number in range(1, len(outside) + 1):
            region = self._changed(region, points, outside[:number])
        view, mask = refining.closer(self.picture, self.span, region.view, region.mask)
        mask = refining.improved(view, mask, _places(view, points), _places(view, outside))
        return refining.at_full_size(self.picture, self.span, view, mask)

    def _changed(self, region: _Region, points: Sequence[Point], outside: Sequence[Point]) -> _Region:
        """The best region that holds the points and none outside, the last of either being new."""
        if _suits(region, points, outside):
            return region
        found = [other for point in points for other in self._around(point) if _suits(other, points, outside)]
        if outside:
            found += self._less(region, points, outside)
        else:
            found += self._more(region, points)
        found = sorted(found, key=lambda other: -other.score)[:_MANY]
        if not found:
            return self._between(points, outside)
        like = _FAR + _NEAR * np.exp(-region.distance((outside or points)[-1]) / _REACH)
        return max(found, key=lambda other: other.score + like * region.overlap(other))

    def _around(self, point: Point) -> list[_Region]:
        """Regions that hold a point, the likeliest first."""
        if point not in self.found:
            found = [region for window in self._windows(point) for region in self._within(window, point)]
            self.found[point] = sorted(found, key=lambda region: -region.score)
        return self.found[point]

    def _windows(self, point: Point) -> Iterator[_Window]:
        """Windows of every scale around a point."""
        for box in views.around(point, self.picture.shape):
            if box not in self.windows:
                self.windows[box] = _Window(views.view(self.picture, self.span, box))
            yield self.windows[box]

    def _within(self, window: _Window, point: Point) -> Iterator[_Region]:
        """A window's regions around a point of it."""
        place = window.view.place(point)
        assert place is not None
        nested = (mask for tree in window.trees for mask in regions.nested(window.basins, tree, place))
        alike = regions.alike(window.view, place)
        for mask in itertools.chain(nested, alike, contours.closed(window.view, place)):
            score = window.judge.score(mask) if mask[place[1], place[0]] and self._in_box(window.view, mask) else None
            if score is not None:
                yield _Region(window.view, mask, score)

    def _in_box(self, view: View, mask: Flat) -> bool:
        """Whether a region lies in the box."""
        if self.box is None:
            return True
        across, down = view.scale
        left, top = ((self.box[k] - view.box[k]) * view.scale[k] for k in (0, 1))
        rows = slice(max(0, round(top)), max(0, round(top + self.box.height * down)))
        columns = slice(max(0, round(left)), max(0, round(left + self.box.width * across)))
        return bool(np.count_nonzero(mask[rows, columns]) >= _IN_BOX * np.count_nonzero(mask))

    def _more(self, region: _Region, points: Sequence[Point]) -> Iterator[_Region]:
        """A region together with one of the best around the last point."""
        for part in _of_sizes(self._around(points[-1]), region, region.distance(points[-1])):
            whole = self._combined(region, part, lambda one, other: views.bridged(np.maximum(one, other)))
            if whole is not None and _suits(whole, points, []):
                yield whole

    def _less(self, region: _Region, points: Sequence[Point], outside: Sequence[Point]) -> Iterator[_Region]:
        """A region without one of the best around the last point outside."""
        around = [other for other in self._around(outside[-1]) if not any(map(other.holds, points))]
        for part in _of_sizes(around, region, region.distance(outside[-1])):
            left = self._combined(region, part, lambda whole, away: whole & (1 - away))
            if left is not None and _suits(left, points, outside):
                yield left

    def _between(self, points: Sequence[Point], outside: Sequence[Point]) -> _Region:
        """The part of the picture that strong edges leave to the points, and not to those outside."""
        view = views.view(self.picture, self.span, Box.of_shape(self.picture.shape))
        return _Region(view, regions.divided(view, _places(view, points), _places(view, outside)), 0.0)

    def _combined(self, one: _Region, other: _Region, how: Callable[[Flat, Flat], Flat]) -> _Region | None:
        """Two regions as one, in a view of its own."""
        first, second = one.view.box, other.view.box
        right, bottom = max(first.right, second.right), max(first.bottom, second.bottom)
        box = Box.from_edges(min(first.left, second.left), min(first.top, second.top), right, bottom)
        view = views.view(self.picture, self.span, box, 2 * views.SIDE)
        mask = how(carried(one.mask, one.view, view), carried(other.mask, other.view, view))
        if not mask.any():
            return None
        view, mask = refining.closer(self.picture, self.span, view, views.filled(views.largest(mask)))
        score = Judge.of(view).score(mask)
        return None if score is None else _Region(view, mask, score)


def _places(view: View, points: Sequence[Point]) -> list[tuple[int, int]]:
    """The pixels of a view in which some points lie, of those that it shows."""
    return [place for point in points if (place := view.place(point))]


def _suits(region: _Region, points: Sequence[Point], outside: Sequence[Point]) -> bool:
    """Whether a region holds all points and none outside."""
    return all(map(region.holds, points)) and not any(map(region.holds, outside))


def _of_sizes(found: Iterable[_Region], like: _Region, distance: float) -> list[_Region]:
    """The likeliest regions of each order of size beside another; a click far from its outline means no small one."""
    kept: list[_Region] = []
    rest = list(found)
    for most, near in _SIZES:
        if distance < near:
            kept += _different(region for region in rest if region.area <= most * like.area)
        rest = [region for region in rest if region.area > most * like.area]
    return kept


def _different(found: Iterable[_Region]) -> list[_Region]:
    """The likeliest regions, none nearly like another."""
    kept: list[_Region] = []
    for region in sorted(found, key=lambda region: -region.score):
        if not any(region.overlap(other) > _SAME for other in kept):
            kept.append(region)
        if len(kept) == _BEST:
            break
    return kept
