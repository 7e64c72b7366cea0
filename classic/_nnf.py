"""Nearest-neighbour fields by PatchMatch (Barnes, Shechtman, Finkelstein and Goldman 2009; Barnes et al. 2010).

For every target patch the most similar source patch, approximately: each takes over what its neighbours have found,
moved along with it, where that is better (propagation), then looks around its own best at random in ever smaller
windows (random search). doi:10.1145/1531326.1531330,
doi:10.1007/978-3-642-15558-1_3

A patch is named by its *anchor*, its pixel (side // 2, side // 2), or by its *place*: pictures are padded by a patch
and laid out flat, and the place is the flat index of the patch's first pixel there, so that row y and column x of
the anchor give y * stride + x. A step to a neighbour is then one addition, and padding is never allowed as a source.

Targets are searched in strips of rows on the pool of threads: inside a strip finds travel at once, across its border
with the next iteration, and random numbers are a hash of seed, iteration and anchor, so that the result does not
depend on threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple, cast

import cv2
import numpy as np

from inpaintkit import threads
from inpaintkit.arrays import (
    Array,
    Bool1,
    F32x1,
    F32x2,
    F32x3,
    I16x1,
    I16x2,
    I32x1,
    I32x3,
    I64x1,
    I64x2,
    U8x1,
    U8x2,
    U8x3,
)
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

FAR = np.float32(1e30)  # the distance of what has not been found; fastmath knows no infinity

_MIN_STRIP, _STRIPS = 1024, 16  # targets, and about so many strips: work for every thread, few borders where finds wait
_LANES = 8  # values of a patch's row are compared so many at a time
_BAND = 256  # rows of a picture that are laid out at once
_WHOLE = 2  # a target all of whose pixels count
_SLACK = np.float32(1.0)  # by which rounded means may differ from the true ones

Flat = I16x1 | F32x1
Planes = tuple[Flat, U8x1, I16x2 | F32x2]  # planes, counts and marks of ``Patches``
Finds = tuple[I32x3, U8x3, F32x3]  # place, pose and distance of ``Search``
Row = tuple[I16x2 | F32x2, I64x1, I32x1 | F32x1]  # ``Patches.lanes`` and ``groups``, and an array of the sums' type
Sizes = tuple[int, int, int, int, int]  # side of a patch, channels, strides of both pictures, fewest pixels compared


@dataclass(frozen=True, eq=False)
class Patches:
    """A picture whose patches are compared, padded to (H + side, W + side) and laid out flat.

    Attributes
    ----------
    planes : int16 or float32 ((H + side) * (W + side) * C + a few), with ``side // 2`` pixels of padding before the
        picture's first row and column. Squares of int16 differences over a row of a patch must fit into int32.
    counts : uint8 ((H + side) * (W + side)): 1 where a pixel is compared, 0 where not (padding, unknown).
    marks : as ``planes``, ((H + side) * (W + side), 1 + G): at a patch's place its label, 0 where it must not be taken
        as a source, and the mean of each group of its channels, which rules out most unlike patches quickly.
    groups : channels in each of the G groups; none, or of int16 planes.
    shape : (H, W, C) of the image.
    side : of a patch, pixels.
    """

    planes: Array
    counts: U8x1
    marks: Array
    groups: tuple[int, ...]
    shape: tuple[int, int, int]
    side: int

    @classmethod
    def of(
        cls, channels: Sequence[Array], counts: Mask, label: Array, side: int, groups: tuple[int, ...] = (),
        kept: Callable[[Array], Array] = np.asarray,
    ) -> Patches:  # fmt: skip
        """Of an image's channels (H, W), all of one type, and of what counts and labels as sources (H, W).

        ``kept`` makes of a channel's rows what the planes hold of them.
        """
        shape = *channels[0].shape, len(channels)
        places = (shape[0] + side) * (shape[1] + side)
        dtype = kept(channels[0][:0]).dtype
        planes = np.zeros(places * len(channels) + _LANES * len(channels), dtype)
        marks = np.zeros((places, 1 + len(groups)), dtype)
        patches = cls(planes, np.zeros(places, np.uint8), marks, groups, shape, side)
        patches.mark(counts)
        image = patches.image()
        grid = marks.reshape(-1, patches.stride, marks.shape[1])[: shape[0], : shape[1]]

        def fill(rows: slice) -> None:
            for number, channel in enumerate(channels):
                image[rows, :, number] = kept(channel[rows])
            grid[rows, :, 0] = label[rows]

        def average(rows: slice) -> None:
            top = max(0, rows.start - side)
            begin = 0
            for number, size in enumerate(groups, 1):
                there = image[top : rows.stop + side, :, begin : begin + size]
                mean: Array = there[..., 0].astype(np.float32)
                for channel in range(1, size):
                    mean += there[..., channel]
                mean /= np.float32(size)
                mean = cv2.blur(mean, (side, side), borderType=cv2.BORDER_CONSTANT)
                grid[rows, :, number] = np.rint(mean[rows.start - top :][: rows.stop - rows.start])
                begin += size

        bands = [slice(top, min(top + _BAND, shape[0])) for top in range(0, shape[0], _BAND)]
        threads.run(fill, bands)
        if groups:
            threads.run(average, bands)
        return patches

    @property
    def stride(self) -> int:
        """Places from one row to the next."""
        return self.shape[1] + self.side

    def mark(self, counts: Mask) -> None:
        """Set which pixels (H, W) count from now on."""
        self._inside(self.counts)[:] = counts

    def image(self) -> Array:
        """The image (H, W, C), a view."""
        grid = (self.shape[0] + self.side) * self.stride
        return self._inside(self.planes[: grid * self.shape[2]].reshape(grid, self.shape[2]))

    def lanes(self) -> I16x2 | F32x2:
        """Weights for the values of a patch's row, up to whole lanes: 1 for each value, then 1 for each of a group."""
        length = self.side * self.shape[2]
        lanes: I16x2 | F32x2 = np.zeros((1 + len(self.groups), -(-length // _LANES) * _LANES), self.planes.dtype)
        lanes[0, :length] = 1
        of_channel = np.repeat(np.arange(len(self.groups)), self.groups)
        for number in range(len(self.groups)):
            lanes[1 + number, :length] = np.tile(of_channel == number, self.side)
        return lanes

    def whole(self, rows: slice, columns: slice) -> Mask:
        """Whether all pixels count in the patches whose anchors lie in some rows and columns."""
        grid = self.counts.reshape(-1, self.stride)
        grid = grid[rows.start : rows.stop + self.side - 1, columns.start : columns.stop + self.side - 1]
        # cv2 puts a square of even side to the right of the middle, erosion to the left: anchors count from the first.
        least = cv2.erode(grid, np.ones((self.side, self.side), np.uint8), anchor=(0, 0), borderValue=0)
        return least[: rows.stop - rows.start, : columns.stop - columns.start] > 0

    def _inside(self, flat: Array) -> Array:
        """Without the padding: (places, ...) -> (H, W, ...)."""
        at = self.side // 2
        grid = flat.reshape(-1, self.stride, *flat.shape[1:])
        return grid[at : at + self.shape[0], at : at + self.shape[1]]


class Sources(NamedTuple):
    """Patches that may be found.

    Attributes
    ----------
    places : int32, all of them, sorted by label.
    first : int32 (257,), where each label begins among them.
    """

    places: I32x1
    first: I32x1

    @classmethod
    def of(cls, patches: Patches) -> Sources:
        """The patches that have a label."""
        label = patches.marks[:, 0]
        places = np.flatnonzero(label != 0).astype(np.int32)
        labels = label[places]
        if labels.size and labels.max() > 1:
            order = np.argsort(labels, kind="stable")
            places, labels = places[order], labels[order]
        first = np.searchsorted(labels, np.arange(257)).astype(np.int32)
        return cls(places, first)


@dataclass(eq=False)
class Search:
    """A nearest-neighbour field being searched, over the rectangle of all targets: ``k`` finds for each, best first.

    Attributes
    ----------
    targets : bool (h, w), anchors to search for.
    corner : row and column of the rectangle's first anchor in the target picture.
    place : int32 (h, w, k), of the source patches found; -1 for none yet.
    pose : uint8 (h, w, k), rows of ``poses``.
    distance : float32 (h, w, k), mean over the compared pixels of the squared difference, summed over channels.
    """

    targets: Mask
    corner: tuple[int, int]
    k: int = 1
    poses: F32x3 = field(default_factory=lambda: np.eye(2, dtype=np.float32)[None])  # (T, 2, 2)
    neighbours: I64x2 = field(
        default_factory=lambda: np.array([(1, 0), (0, 1), (1, 1)])
    )  # (m, 2), whose finds are taken over
    seed: int = 0
    iteration: int = 0

    def __post_init__(self) -> None:
        self.place: I32x3 = np.full((*self.targets.shape, self.k), -1, np.int32)
        self.pose: U8x3 = np.zeros(self.place.shape, np.uint8)
        self.distance: F32x3 = np.full(self.place.shape, FAR, np.float32)
        self.strips = strips(self.targets, _MIN_STRIP)

    @classmethod
    def over(cls, targets: Mask, **more: Any) -> Search:
        """A search for the anchors that ``targets`` (H, W) marks."""
        window = bounds(targets)
        return cls(np.ascontiguousarray(targets[window]), (window[0].start, window[1].start), **more)

    @property
    def window(self) -> tuple[slice, slice]:
        """The rectangle in the target picture."""
        (top, left), (height, width) = self.corner, self.targets.shape
        return slice(top, top + height), slice(left, left + width)

    def run(
        self,
        a: Patches,
        b: Patches,
        sources: Sources,
        iterations: int,
        *,
        label: U8x2 | None = None,
        partial: bool = False,
        min_pixels: int = 1,
        chosen: Mask | None = None,
    ) -> None:
        """Measure earlier finds in the pictures as they are now, then propagate and search so many times.

        Parameters
        ----------
        a, b : targets' and sources' pictures.
        sources : where to look.
        label : uint8 (h, w), of every target; a source must have the same one, or any where it is 0.
        partial : some sources hold pixels that do not count.
        min_pixels : pixels that must be compared for a source to be taken.
        chosen : bool (h, w), targets to search for; the others stay as they are. All where left out.
        """
        label = np.zeros(self.targets.shape, np.uint8) if label is None else label
        todo = (self.targets if chosen is None else self.targets & chosen).astype(np.uint8)
        if not partial:
            todo[a.whole(*self.window)] *= _WHOLE
        sizes = a.side, a.shape[2], a.stride, b.stride, min_pixels
        lanes, groups = a.lanes(), cast(I64x1, np.array(a.groups, np.int64))
        sums = cast(I32x1 | F32x1, np.zeros(1, np.int32 if a.planes.dtype == np.int16 else np.float32))
        for turn in range(iterations):
            before = self.place.copy(), self.pose.copy()

            def strip(rows: tuple[int, int], turn: int = turn, before: tuple[I32x3, U8x3] = before) -> None:
                _search_kernel(
                    (a.planes, a.counts, a.marks), (b.planes, b.counts, b.marks), sizes, (lanes, groups, sums),
                    self.poses, self.neighbours, self.corner, todo, label, sources,
                    (self.place, self.pose, self.distance), before, rows, turn == 0, (self.seed, self.iteration),
                )  # fmt: skip

            threads.run(strip, self.strips)
            self.iteration += 1


def bounds(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of the least rectangle that holds what ``mask`` marks; empty where it marks nothing."""
    spans = []
    for axis in (1, 0):
        marked = np.flatnonzero(mask.any(axis=axis))
        spans.append(slice(int(marked[0]), int(marked[-1]) + 1) if marked.size else slice(0, 0))
    return spans[0], spans[1]


def strips(mask: Mask, least: int) -> list[tuple[int, int]]:
    """Rows cut into strips of about equally many marked pixels, about so many or more: first row, and the one after it.

    There are an even number of them, or one, so that two threads end together.
    """
    count = np.cumsum(np.count_nonzero(mask, axis=1))
    if not count.size:
        return []
    number = int(min(_STRIPS, max(1, count[-1] // least)))
    number += number > 1 and number % 2
    cuts = np.searchsorted(count, count[-1] * np.arange(1, number) // number) + 1
    edges = np.unique([0, *cuts.tolist(), len(count)]).tolist()
    return list(pairwise(edges))


@dataclass(frozen=True, eq=False)
class Neighbours:
    """A nearest-neighbour field. Patches are named by their pixel (patch // 2, patch // 2); best first along k.

    Attributes
    ----------
    row, column : int32 (H, W, k), the source patch in ``b``; -1 where ``a`` has no patch or nothing was found.
    distance : float32 (H, W, k), mean over the compared pixels of the squared difference, summed over channels, in the
        pictures' own units; infinite where nothing was found.
    angle : float32 (H, W, k), degrees that the source patch is turned by, from the rows' axis to the columns'.
    scale : float32 (H, W, k), pixels of ``b`` to one of ``a``.
    mirrored : bool (H, W, k), columns reversed before turning.
    """

    row: I32x3
    column: I32x3
    distance: F32x3
    angle: F32x3
    scale: F32x3
    mirrored: Mask


def nearest_neighbours(
    a: Array,
    b: Array,
    *,
    patch: int = 7,
    k: int = 1,
    iterations: int = 5,
    rotations: int = 1,
    scales: tuple[float, ...] = (),
    mirror: bool = False,
    known_a: Mask | None = None,
    known_b: Mask | None = None,
    seed: int = 0,
) -> Neighbours:
    """For every patch of ``a`` the ``k`` patches of ``b`` most like it, approximately.

    Parameters
    ----------
    a, b : arrays (H, W) or (H, W, C) of any sizes with the same channels, in any units.
    patch : side of a patch in pixels, 1 or more.
    k : neighbours to find, all different, 1 or more.
    iterations : passes of propagation and random search, 1 or more; 5 come close to the exact answer.
    rotations : also sources turned by multiples of 360 / ``rotations`` degrees.
    scales : also sources of these sizes relative to the target, each above 0 (bilinear).
    mirror : also mirrored sources.
    known_a, known_b : bool (H, W), pixels that are compared; at least a quarter of a patch must be known in both.
    seed : 0 or more; the same seed gives the same answer on any number of threads.

    Returns
    -------
    Neighbours, every array as large as ``a``; patches lie wholly inside their pictures.

    Raises
    ------
    ValueError : an argument out of range, channels that differ, a patch larger than a picture.

    References
    ----------
    C. Barnes, E. Shechtman, D. B. Goldman and A. Finkelstein, The generalized PatchMatch correspondence algorithm,
    ECCV 2010, doi:10.1007/978-3-642-15558-1_3.

    Examples
    --------
    >>> import numpy as np
    >>> a = np.random.default_rng(0).random((40, 40))
    >>> nnf = nearest_neighbours(a[5:30, 8:33], a)
    >>> int(nnf.row[10, 10, 0]), int(nnf.column[10, 10, 0])
    (15, 18)
    """
    turns = _poses(rotations, scales, mirror)
    for name, value in (("patch", patch), ("k", k), ("iterations", iterations)):
        if value < 1:
            raise ValueError(f"{name} is {value}: expected 1 or more")
    (first, counts_a), (second, counts_b) = _checked(a, known_a, "a", patch), _checked(b, known_b, "b", patch)
    if first.shape[2] != second.shape[2]:
        raise ValueError(f"a has {first.shape[2]} channels and b {second.shape[2]}: compare pictures of one kind")
    min_pixels = 1 if known_a is None and known_b is None else max(1, patch * patch // 4)
    search = Search.over(_inside(first.shape[:2], patch), k=k, poses=turns.matrices, seed=seed)
    targets = Patches.of(list(np.moveaxis(first, 2, 0)), counts_a, np.zeros_like(counts_a), patch)
    sources = Patches.of(list(np.moveaxis(second, 2, 0)), counts_b, _inside(second.shape[:2], patch), patch)
    search.run(targets, sources, Sources.of(sources), iterations, partial=not counts_b.all(), min_pixels=min_pixels)
    found = search.place >= 0
    row, column = np.divmod(search.place, second.shape[1] + patch)

    def spread(values: Array, nothing: float, dtype: type) -> Array:
        whole = np.full((*first.shape[:2], k), nothing, dtype)
        whole[search.window] = np.where(found, values, nothing)
        return whole

    return Neighbours(
        spread(row, -1, np.int32), spread(column, -1, np.int32), spread(search.distance, np.inf, np.float32),
        spread(turns.angle[search.pose], 0, np.float32), spread(turns.scale[search.pose], 1, np.float32),
        spread(turns.mirrored[search.pose], False, np.bool_),
    )  # fmt: skip


class _Poses(NamedTuple):
    """What may be done to a source patch; the first leaves it as it is."""

    matrices: F32x3  # (T, 2, 2), rows and columns of the target to those of the source
    angle: F32x1
    scale: F32x1
    mirrored: Bool1


def _poses(rotations: int, scales: tuple[float, ...], mirror: bool) -> _Poses:
    if rotations < 1:
        raise ValueError(f"rotations is {rotations}: expected 1 or more")
    if not all(0 < scale < math.inf for scale in scales):
        raise ValueError(f"scales are {scales}: expected numbers above 0")
    every = [
        (360 * turn / rotations, scale, flip)
        for scale in dict.fromkeys((1.0, *scales))
        for flip in ((False, True) if mirror else (False,))
        for turn in range(rotations)
    ]
    if len(every) > 256:
        raise ValueError(f"rotations, scales and mirror make {len(every)} poses: at most 256 are possible")
    angle, scale, flip = (np.array(values) for values in zip(*every, strict=True))
    cosine, sine, sign = np.cos(np.radians(angle)), np.sin(np.radians(angle)), np.where(flip, -1, 1)
    matrices = scale[:, None, None] * np.stack([[cosine, -sine * sign], [sine, cosine * sign]]).transpose(2, 0, 1)
    return _Poses(matrices.astype(np.float32), angle.astype(np.float32), scale.astype(np.float32), flip)


def _checked(picture: Array, known: Mask | None, name: str, patch: int) -> tuple[Image, Mask]:
    """A picture as float32 (H, W, C), and which of its pixels count; ValueError where they do not fit."""
    image = np.asarray(picture, np.float32)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3:
        raise ValueError(f"{name} has shape {image.shape}: expected (H, W) or (H, W, C)")
    if min(image.shape[:2]) < patch:
        raise ValueError(f"{name} is {image.shape[0]} x {image.shape[1]}: smaller than a patch of {patch} x {patch}")
    counts = np.ones(image.shape[:2], np.bool_) if known is None else np.asarray(known, np.bool_)
    if counts.shape != image.shape[:2]:
        raise ValueError(f"known_{name} is {counts.shape}, {name} is {image.shape[:2]}: one mask pixel for each pixel")
    return np.where(counts[..., None], image, 0), counts


def _inside(shape: tuple[int, ...], patch: int) -> Mask:
    """Anchors of the patches that lie wholly inside a picture."""
    anchors = np.zeros(shape[:2], np.bool_)
    before = patch // 2
    anchors[before : shape[0] - patch + before + 1, before : shape[1] - patch + before + 1] = True
    return anchors


@kernel(fastmath=True)
def _search_kernel(
    a: Planes, b: Planes, sizes: Sizes, row: Row, poses: F32x3, neighbours: I64x2, corner: tuple[int, int], todo: U8x2,
    label: U8x2, sources: Sources, finds: Finds, before: tuple[I32x3, U8x3], rows: tuple[int, int], changed: bool,
    chance: tuple[int, int],
) -> None:  # fmt: skip
    """One iteration over the targets of some rows, in raster order or against it.

    A target's candidates are looked up together, so that the memory's delays overlap: first what it and its neighbours
    have found, then random ones around the best of these. Then those are compared that the marks do not rule out.

    Parameters
    ----------
    a, b : of the targets' and the sources' pictures.
    corner, label : of the rectangle, as ``Search`` names them; ``todo`` is 1 for a target, ``_WHOLE`` for a whole one.
    finds : changed in place; ``before`` as they were when the iteration began.
    changed : the pictures are not those of the last iteration.
    chance : seed and iteration.
    """
    stride, wide = sizes[2], sizes[3]
    place, pose, distance = finds
    height, width, k = place.shape
    step = 1 if chance[1] % 2 == 0 else -1
    last = k - 1
    widest = max(wide, len(b[2]) // wide) // 2
    scales = 0
    while widest >> scales:
        scales += 1
    most = k * max(1 + len(neighbours), 1 + scales)
    found, posed = np.empty(most, np.int32), np.empty(most, np.uint8)
    least = np.empty(most, np.float32)  # lower bounds of their distances
    for turn in range((rows[1] - rows[0]) * width):
        if step < 0:
            turn = (rows[1] - rows[0]) * width - 1 - turn
        y, x = rows[0] + turn // width, turn % width
        if not todo[y, x]:
            continue
        wanted = label[y, x]
        low, up = (sources.first[wanted], sources.first[wanted + 1]) if wanted else (0, len(sources.places))
        if up == low:
            continue
        f = (y + corner[0]) * stride + x + corner[1]
        whole = todo[y, x] == _WHOLE
        if changed and whole:
            _average(a, sizes, row, f)
        state = _mixed(np.uint32(chance[0]) ^ _mixed(np.uint32(f) ^ _mixed(np.uint32(chance[1]))))

        for at_random in range(2):
            count = k * (1 + scales if at_random else 1 + len(neighbours))
            for n in range(count):
                kind, c = n // k, n % k
                state = np.uint32(state + np.uint32(0x9E3779B9))
                number = _mixed(state)
                s, t = np.int64(place[y, x, c]), np.int64(pose[y, x, c])
                if at_random and kind:
                    radius = widest >> (kind - 1)
                    s += ((np.int64(number & np.uint32(0xFFFF)) * (2 * radius + 1) >> 16) - radius) * wide
                    s += (np.int64(number >> np.uint32(16)) * (2 * radius + 1) >> 16) - radius
                elif at_random or (kind == 0 and s < 0):  # anywhere
                    s = np.int64(sources.places[low + (np.int64(number) * (up - low) >> 32)])
                elif kind:  # propagation
                    dy, dx = step * neighbours[kind - 1, 0], step * neighbours[kind - 1, 1]
                    v, u = y - dy, x - dx
                    s = np.int64(-1)
                    if 0 <= v < height and 0 <= u < width:
                        here = rows[0] <= v < rows[1]
                        s = np.int64(place[v, u, c] if here else before[0][v, u, c])
                        t = np.int64(pose[v, u, c] if here else before[1][v, u, c])
                    if s >= 0 and t > 0:
                        s += np.int64(np.rint(poses[t, 0, 0] * dy + poses[t, 0, 1] * dx)) * wide
                        s += np.int64(np.rint(poses[t, 1, 0] * dy + poses[t, 1, 1] * dx))
                    elif s >= 0:
                        s += dy * wide + dx
                if len(poses) > 1 and (at_random or (kind == 0 and place[y, x, c] < 0)):
                    number = _mixed(~number)
                    if number & np.uint32(1):
                        t = np.int64(number >> np.uint32(1)) % len(poses)
                if s < 0 or s >= len(b[2]):
                    s = np.int64(0)
                    least[n] = FAR
                else:
                    least[n] = 0
                found[n], posed[n] = s, t
                offered = b[2][s, 0]
                if offered == 0 or (wanted and offered != wanted):
                    least[n] = FAR
                if whole and t == 0:  # means so far apart make a distance of at least so much
                    for g in range(len(row[1])):
                        gap = max(abs(np.float32(a[2][f, g + 1]) - np.float32(b[2][s, g + 1])) - _SLACK, np.float32(0))
                        least[n] += np.float32(row[1][g]) * gap * gap
            if changed and not at_random:
                place[y, x], distance[y, x] = -1, FAR

            for n in range(count):
                if least[n] >= distance[y, x, last]:
                    continue
                s, t, new = found[n], posed[n], True
                for c in range(k):
                    new &= place[y, x, c] != s or pose[y, x, c] != t
                if not new:
                    continue
                best = distance[y, x, last]
                if t > 0:
                    d = _posed_distance(a, b, sizes, f, s, poses[t], best)
                elif whole:
                    d = _distance(a[0], b[0], sizes, row, f, s, best)
                else:
                    d = _partial_distance(a, b, sizes, f, s, best)
                if d < best:
                    c = last
                    while c > 0 and distance[y, x, c - 1] > d:
                        distance[y, x, c] = distance[y, x, c - 1]
                        place[y, x, c], pose[y, x, c] = place[y, x, c - 1], pose[y, x, c - 1]
                        c -= 1
                    distance[y, x, c], place[y, x, c], pose[y, x, c] = d, s, t


@kernel()
def _mixed(x: np.uint32) -> np.uint32:
    """A hash of 32 bits (the finaliser of MurmurHash3)."""
    x = np.uint32(x)
    x ^= x >> np.uint32(16)
    x = np.uint32(x * np.uint32(0x85EBCA6B))
    x ^= x >> np.uint32(13)
    x = np.uint32(x * np.uint32(0xC2B2AE35))
    x ^= x >> np.uint32(16)
    return np.uint32(x)


@kernel(fastmath=True, inline=True)
def _average(a: Planes, sizes: Sizes, row: Row, f: int) -> None:
    """Note the means of a target patch's groups."""
    side, depth, stride, _, _ = sizes
    lanes, groups, sums = row
    for g in range(len(groups)):
        total: Any = 0  # of a wider type than its parts
        for i in range(side):
            p = np.uintp((f + i * stride) * depth)
            part = sums.dtype.type(0)
            for t in range(np.uintp(lanes.shape[1])):
                part = sums.dtype.type(part + sums.dtype.type(a[0][p + t] * lanes[g + 1, t]))
            total += part
        a[2][f, g + 1] = np.rint(total / (side * side * groups[g]))


@kernel(fastmath=True, inline=True)
def _distance(a: Flat, b: Flat, sizes: Sizes, row: Row, f: int, s: int, best: np.float32) -> np.float32:
    """Of two patches all of whose pixels count; given up at the row where it exceeds the best."""
    side, depth, stride, wide, _ = sizes
    lanes, _, sums = row
    bound = best * np.float32(side * side)
    total = np.float32(0)
    n = np.uintp(lanes.shape[1])  # unsigned, and no slices: their references would be counted
    for i in range(side):
        p, q = np.uintp((f + i * stride) * depth), np.uintp((s + i * wide) * depth)
        part = sums.dtype.type(0)
        for t in range(n):
            gap = sums.dtype.type(a.dtype.type(a.dtype.type(a[p + t] - b[q + t]) * lanes[0, t]))
            part = sums.dtype.type(part + sums.dtype.type(gap * gap))
        total += np.float32(part)
        if total >= bound:
            return FAR
    return total / np.float32(side * side)


@kernel(fastmath=True, inline=True)
def _partial_distance(a: Planes, b: Planes, sizes: Sizes, f: int, s: int, best: np.float32) -> np.float32:
    """Over the pixels that count in both patches."""
    side, depth, stride, wide, min_pixels = sizes
    bound = best * np.float32(side * side)
    total = np.float32(0)
    count = 0
    for i in range(side):
        p, q = f + i * stride, s + i * wide
        for j in range(side):
            if a[1][p + j] & b[1][q + j]:
                count += 1
                for t in range(depth):
                    gap = np.float32(a[0][(p + j) * depth + t]) - np.float32(b[0][(q + j) * depth + t])
                    total += gap * gap
        if total >= bound:
            return FAR
    return total / np.float32(count) if count >= min_pixels else FAR


@kernel(fastmath=True, inline=True)
def _posed_distance(a: Planes, b: Planes, sizes: Sizes, f: int, s: int, turn: F32x2, best: np.float32) -> np.float32:
    """The source turned, scaled or mirrored: bilinear between four pixels, all of which must count."""
    side, depth, stride, wide, min_pixels = sizes
    bound = best * np.float32(side * side)
    total = np.float32(0)
    count = 0
    half = side // 2
    tall = len(b[1]) // wide
    top, left = s // wide + half, s % wide + half
    for i in range(side):
        for j in range(side):
            here = f + i * stride + j
            if not a[1][here]:
                continue
            v = turn[0, 0] * (i - half) + turn[0, 1] * (j - half) + np.float32(top)
            u = turn[1, 0] * (i - half) + turn[1, 1] * (j - half) + np.float32(left)
            if v < 0 or u < 0 or v >= tall - 1 or u >= wide - 1:
                return FAR
            q = int(v) * wide + int(u)
            if not (b[1][q] & b[1][q + 1] & b[1][q + wide] & b[1][q + wide + 1]):
                continue
            g, h = v - np.float32(int(v)), u - np.float32(int(u))
            count += 1
            for t in range(depth):
                upper = (1 - h) * b[0][q * depth + t] + h * b[0][(q + 1) * depth + t]
                lower = (1 - h) * b[0][(q + wide) * depth + t] + h * b[0][(q + wide + 1) * depth + t]
                gap = np.float32(a[0][here * depth + t]) - ((1 - g) * upper + g * lower)
                total += gap * gap
        if total >= bound:
            return FAR
    return total / np.float32(count) if count >= min_pixels else FAR
