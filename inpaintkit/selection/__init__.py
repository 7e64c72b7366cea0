"""An object clicked at: one point of it, or a few, and points and a box that say what is not of it.

windows around the points -> regions that hold them -> the one that looks most like an object -> its outline, exact

Windows show the picture at every scale. Regions come from merged basins (``regions``) and from closed contours
(``contours``); what an object looks like is in ``looks``. A further click asks for what holds it as well: a region that
was found, or one joined from that before and what is around the click, with its hull and contours around it. Chosen is
what looks best and would make a user click there: in the middle of the largest difference from what was shown. A click
that is not of the object takes a region away, or gives another, chosen in the same way.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from inpaintkit.box import Box
from inpaintkit.picture import Picture
from inpaintkit.problem import Mask
from inpaintkit.selection import contours, refining, regions, views
from inpaintkit.selection.looks import Judge, gap
from inpaintkit.selection.views import Flat, Point, View, carried, depth

_IN_BOX = 0.9  # of a region's pixels: with fewer in the box it is another object
_BOX_ROOM = 0.15  # of a box's longer side: what is seen around it
_BEST = 2  # regions of a point that are added, or of one order of size that are taken away
_SIZES = (0.1, 0.25), (0.5, 0.4), (np.inf, np.inf)  # their orders: times the size of what they are added to or taken
# from at most, where the click is no farther from its outline, in times its side
_SAME = 0.85  # overlap of two regions that are one
_GAP = 1.25  # score times ``gap`` at the first click, chosen by the study ``selecting`` over one and two clicks
_MIDDLE = 8.0  # score of a region of which a further click is the middle of what it adds
_OF_IT, _NOT_OF_IT = 2.0, 2.0  # score times ``expected``, where a further click is of the object and where it is not
_ABOUT = 0.7  # px of a picture: how exactly a click is placed
_DISCS = 0.0, 0.5, 1.0  # times how far that click is from the region before it: a disc around it that is of the object
_POINT = 0.06  # of a region's side: the smallest such disc
_SMALL = 0.5  # times a region: where a point in it is of an object so much smaller, both are asked for
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

    def centred(self, other: _Region, point: Point) -> float:
        """How much a point is the middle of what the region adds to another, from 0 to 1.

        Two thirds of that is for lying deep in it, as a share of its deepest place; one third for lying as far from
        its outline as from the other region.
        """
        place = self.view.place(point)
        if place is None:
            return 0.0
        added = depth(self.mask & (1 - carried(other.mask, other.view, self.view)))
        deep = float(added[place[1], place[0]] / self.view.scale[0])
        far = other.distance(point) * other.area**0.5
        deepest = float(added.max() / self.view.scale[0])
        return float((2 * deep / max(1.0, deepest) + min(1.0, deep / max(1.0, far))) / 3)

    def expected(self, before: _Region, point: Point) -> float:
        """How well a click fits, if this is the object and another region was shown: the log of a share, 0 at most.

        A click is expected in the middle of the largest error, which is what one region has and the other has not.
        """
        place = self.view.place(point)
        if place is None:
            return float(np.log(_ABOUT / (self.area**0.5 + _ABOUT)))
        shown = carried(before.mask, before.view, self.view)
        missing, surplus = depth(self.mask & (1 - shown)), depth(shown & (1 - self.mask))
        error = missing if self.mask[place[1], place[0]] else surplus
        deep, deepest = (
            value / self.view.scale[0] for value in (error[place[1], place[0]], max(missing.max(), surplus.max()))
        )
        return float(np.log((deep + _ABOUT) / (deepest + _ABOUT)))

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
        region = max(found, key=_closed) if found else self._between(points, outside)
        for number in range(2, len(points) + 1):
            region = self._changed(region, points[:number], [])
        for number in range(1, len(outside) + 1):
            region = self._changed(region, points, outside[:number])
        view, mask = refining.closer(self.picture, self.span, region.view, region.mask)
        mask = refining.improved(view, mask, _places(view, points), _places(view, outside))
        return refining.at_full_size(self.picture, self.span, view, mask)

    def _changed(self, region: _Region, points: Sequence[Point], outside: Sequence[Point]) -> _Region:
        """The best region that holds the points and none outside, the last of either being new."""
        before = [region] if _suits(region, points, outside) else []
        if before:
            part = None if outside else self._part(region, points)
            if part is None:
                return region
            region, points = part, [points[-1], *points[:-1]]
        found = [other for point in points for other in self._around(point) if _suits(other, points, outside)] + before
        if outside:
            found = sorted([*found, *self._less(region, points, outside)], key=lambda other: -other.score)[:_MANY]
        else:
            found += self._more(region, points)
        if not found:
            return self._between(points, outside)
        if outside:
            return max(found, key=lambda other: other.score + _NOT_OF_IT * other.expected(region, outside[-1]))
        new = points[-1]
        fits = {other: _MIDDLE * other.centred(region, new) + _OF_IT * other.expected(region, new) for other in found}
        return max(found, key=lambda other: other.score + fits[other])

    def _part(self, region: _Region, points: Sequence[Point]) -> _Region | None:
        """What looks most like an object around the last point alone, if that is a small part of a region."""
        found = self._around(points[-1])
        small = found and found[0].area < _SMALL * region.area and not any(map(found[0].holds, points[:-1]))
        return found[0] if small else None

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
        """What may be the object of which a region is a part, and the last point marks another."""
        others = (other for other in self._around(points[0]) if other.overlap(region) < _SAME)
        for one in (region, *itertools.islice(others, 1)):
            for view, core in self._cores(one, points):
                judge, around = Judge.of(view), views.hull(core)
                joined = views.filled(views.largest(views.bridged(core)))
                for mask in (joined, around, *contours.holding(view, around)):
                    score = judge.score(mask)
                    if score is not None and _suits(whole := _Region(view, mask, score), points, []):
                        yield whole

    def _cores(self, one: _Region, points: Sequence[Point]) -> Iterator[tuple[View, Flat]]:
        """A region together with what may be the part around the last point: regions that hold it, or discs."""
        for part in _different(self._around(points[-1])):
            yield self._core([one, part], points, 0.0)
        far = one.distance(points[-1]) * one.area**0.5
        for share in _DISCS:
            yield self._core([one], points, share * far)

    def _core(self, parts: Sequence[_Region], points: Sequence[Point], radius: float) -> tuple[View, Flat]:
        """Regions and discs around points, that around the last as large as is said, as one in a view of its own."""
        radii = np.maximum([0.0] * (len(points) - 1) + [radius], _POINT * parts[0].area ** 0.5)
        discs = [
            Box(int(x), int(y), 1, 1).grown(int(far) + 1, self.picture.shape)
            for (x, y), far in zip(points, radii, strict=True)
        ]
        box = _around_all([*(part.view.box for part in parts), *discs])
        view = views.view(self.picture, self.span, box, 2 * views.SIDE)
        mask = np.zeros(view.shape, np.uint8)
        for part in parts:
            mask |= carried(part.mask, part.view, view)
        for place, far in zip(_places(view, points), radii, strict=True):
            cv2.circle(mask, place, max(2, round(far * view.scale[0])), 1, -1)
        return refining.closer(self.picture, self.span, view, mask)

    def _less(self, region: _Region, points: Sequence[Point], outside: Sequence[Point]) -> Iterator[_Region]:
        """A region without one of the best around the last point outside."""
        around = [other for other in self._around(outside[-1]) if not any(map(other.holds, points))]
        for part in _of_sizes(around, region, region.distance(outside[-1])):
            left = self._without(region, part)
            if left is not None and _suits(left, points, outside):
                yield left

    def _between(self, points: Sequence[Point], outside: Sequence[Point]) -> _Region:
        """The part of the picture that strong edges leave to the points, and not to those outside."""
        view = views.view(self.picture, self.span, Box.of_shape(self.picture.shape))
        return _Region(view, regions.divided(view, _places(view, points), _places(view, outside)), 0.0)

    def _without(self, one: _Region, other: _Region) -> _Region | None:
        """A region without another, in a view of its own."""
        view = views.view(self.picture, self.span, one.view.box, 2 * views.SIDE)
        mask = carried(one.mask, one.view, view) & (1 - carried(other.mask, other.view, view))
        if not mask.any():
            return None
        view, mask = refining.closer(self.picture, self.span, view, views.filled(views.largest(mask)))
        score = Judge.of(view).score(mask)
        return None if score is None else _Region(view, mask, score)


def _closed(region: _Region) -> float:
    """How much a region looks like an object if nothing else is known: its outline has no gap where it would go on."""
    return region.score + _GAP * gap(region.view, region.mask)


def _around_all(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds some."""
    left, top = (min(box[k] for box in boxes) for k in (0, 1))
    return Box.from_edges(left, top, max(box.right for box in boxes), max(box.bottom for box in boxes))


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
