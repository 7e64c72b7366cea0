"""Completion by PatchMatch: a hole filled with patches of the picture's own known part, coarse to fine.

Two steps alternate on every level of a masked pyramid (Wexler, Shechtman and Irani 2007): each patch that touches the
hole looks for the known patch most like it (``_nnf.py``), and each hole pixel takes the mean of what the sources of
the patches over it hold there. The start, the texture features and the handing down of shifts instead of colours are
those of Newson, Almansa, Gousseau and Pérez 2014 and 2017. doi:10.1109/TPAMI.2007.60, doi:10.1137/140954933,
doi:10.5201/ipol.2017.189

Symbols: patch c with its source c + s(c), at distance d(c), the mean over the patch of |colour|^2 + beta |texture|^2;
texture T = (|Ix|, |Iy|), averaged over as many pixels as one of the coarsest level covers; depth t(c), pixels to the
rim. The vote of patch c for pixel p is the colour of p + s(c), weighted with

    w = gamma^-t(c) exp(-d(c) / 2 sigma^2),    sigma^2 a quarter of d's 75th percentile over the patches on p

(the papers take the whole percentile, which costs gravel and grass their contrast).

After the last round each pixel takes one patch's colour, that of least d, and a Poisson equation hides the seams.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import cv2
import numpy as np

from inpaintkit import threads
from inpaintkit.arrays import (
    Array,
    Bool2,
    F32x1,
    F32x2,
    F32x3,
    F64x1,
    F64x2,
    I16x1,
    I32x1,
    I32x2,
    I32x3,
    I64x2,
    U8x1,
    U8x2,
)
from inpaintkit.classic._elliptic import fill
from inpaintkit.classic._hole import base_colour
from inpaintkit.classic._nnf import FAR, Neighbours, Patches, Search, Sources, nearest_neighbours, strips
from inpaintkit.classic._seams import around, blended, shifts, summed
from inpaintkit.distance import distance_to, rim_distance
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.picture import PictureLabels, PictureMask
from inpaintkit.problem import Image, Mask, Problem, Step
from inpaintkit.pyramid import halvings, upsampled

__all__ = ["Neighbours", "nearest_neighbours", "patchmatch"]

_BETA = 50.0  # weight of the texture features beside three colours
_GAMMA = 1.3  # a patch is trusted so many times less for every pixel deeper in the hole
_SHARP = np.float32(0.25)  # sigma^2 over the 75th percentile of distances
_BESIDE, _BLACK = np.array([(1, 0), (0, 1)]), np.array([(1, 1), (0, 2), (1, -1)])  # neighbours: all; black fields
_SETTLED = 0.1  # mean change of the hole's colours at which a level is done, in 255ths or the picture's steps
_TILE = 1024  # hole pixels that vote at once, at least
_UNIT = 512  # levels are whole numbers of so many to 1, half a step of 8 bits; _LARGEST cuts off what lies far outside
_LARGEST = 3
_TINY = np.float32(1e-3)  # added to sigma^2, in squares of these units, so that it is above 0
_ENOUGH = 20  # whole source patches are enough where there is one for so many patches to be filled


def patchmatch(
    problem: Problem,
    *,
    patch: int = 7,
    levels: int | None = None,
    iterations: int = 10,
    completeness: float = 0.0,
    source: PictureMask | None = None,
    guide: PictureLabels | None = None,
) -> Image:
    """Fill a hole with patches copied from the known part.

    Parameters
    ----------
    problem : the region to fill.
    patch : side of a patch in pixels, odd, 3 to 51.
    levels : sizes of the picture, each half the one before, 1 to 12; None: until the hole is about two patches wide.
    iterations : at most so many rounds of search and vote on a level, 1 to 100; the finest takes 2, each coarser one
        twice as many.
    completeness : 0 to 1, how much of the vote belongs to the known patches, each of which votes where the hole is most
        like it: 0 asks only that the fill looks like the surroundings (coherence), more also that the surroundings'
        variety shows in the fill (Simakov et al. 2008).
    source : bool mask as large as the picture, where to copy from; None: from anywhere known.
    guide : whole numbers as large as the picture, 0 for free: a pixel of the hole with a label is filled from pixels of
        the same label, for lines and borders that are to continue (Barnes et al. 2009).

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled. Notes ``levels``, ``iterations`` (at each level, coarsest first),
    ``shifts``, int32 (H, W, 2), rows and columns from a filled pixel to the one it was copied from, and ``confidence``.

    Raises
    ------
    ValueError : an option out of range; a label in the hole that no known pixel has.
    ContextError : no patch to copy from.

    References
    ----------
    A. Newson, A. Almansa, Y. Gousseau and P. Pérez, Non-local patch-based image inpainting, Image Processing On Line 7,
    2017, doi:10.5201/ipol.2017.189.
    C. Barnes, E. Shechtman, A. Finkelstein and D. B. Goldman, PatchMatch, ACM Trans. Graph. 28(3), 2009,
    doi:10.1145/1531326.1531330.
    D. Simakov, Y. Caspi, E. Shechtman and M. Irani, Summarizing visual data using bidirectional similarity, CVPR 2008,
    doi:10.1109/CVPR.2008.4587842.

    Examples
    --------
    >>> import numpy as np
    >>> from inpaintkit.problem import Problem
    >>> stripes = np.tile(np.arange(64) // 4 % 2, (64, 1)).astype(np.float32)[..., None]
    >>> hole = np.zeros((64, 64), bool)
    >>> hole[20:40, 25:41] = True
    >>> filled = patchmatch(Problem.create(stripes, hole))
    >>> bool(np.abs(filled - stripes).max() < 0.01)
    True
    """
    _check(patch, levels, iterations, completeness)
    origin, colours, depth = _matched(problem, (patch, levels, iterations, completeness), source, guide)
    filled = problem.image.copy()
    filled[problem.hole] = np.where(
        (origin < 0)[:, None], colours, problem.image.reshape(-1, filled.shape[2])[origin]
    )  # fmt: skip
    filled = blended(problem, filled, origin)
    problem.note(shifts=shifts(problem.hole, origin), confidence=_confidence(problem, filled, depth, patch))
    return filled


def _matched(
    problem: Problem,
    chosen: tuple[int, int | None, int, float],
    source: PictureMask | None,
    guide: PictureLabels | None,
) -> tuple[I32x1, F32x2, F32x2]:
    """Where the hole's pixels are copied from (``_Canvas.copied``); their votes' colours, (n, C); the depth in
    the rectangle around the hole. Apart from hiding the seams, so that the levels are gone before that takes memory.
    """
    patch, levels, iterations, completeness = chosen
    sizes = _sizes(problem, patch, levels, source, guide)
    seed = int(problem.rng().integers(2**31))
    ends = np.cumsum([size.pixels << number for number, size in enumerate(sizes)][::-1])  # of the work
    canvas: _Canvas | None = None
    taken = []
    for number, size in reversed(list(enumerate(sizes))):  # the smallest picture first
        coarse, canvas = canvas, _Canvas(size, seed + number)
        canvas.begin(coarse)
        rounds, end = min(iterations, 2 << number), float(ends[-1 - number])
        for turn in range(1, rounds + 1):
            canvas.search(min(6, 1 << number))
            change = canvas.vote(completeness)
            problem.report(Step(end - (size.pixels << number) * (rounds - turn) / rounds, float(ends[-1])))
            if change < _SETTLED * max(1 / 255, problem.step):
                break
        taken.append(turn)
    assert canvas is not None
    problem.note(levels=len(sizes), iterations=tuple(taken))
    return canvas.copied(), canvas.colours() + base_colour(problem.image, problem.known), canvas.depth


def _check(patch: int, levels: int | None, iterations: int, completeness: float) -> None:
    if not 3 <= patch <= 51 or patch % 2 == 0:
        raise ValueError(f"patchmatch's option patch is {patch}: expected an odd number of pixels from 3 to 51")
    if levels is not None and not 1 <= levels <= 12:
        raise ValueError(f"patchmatch's option levels is {levels}: expected 1 to 12, or None to let the hole decide")
    if not 1 <= iterations <= 100:
        raise ValueError(f"patchmatch's option iterations is {iterations}: expected 1 to 100")
    if not 0 <= completeness <= 1:
        raise ValueError(f"patchmatch's option completeness is {completeness:g}: expected 0 to 1")


# The sizes of the picture, and what does not change while one is worked on


@dataclass(frozen=True, eq=False)
class _Size:
    """One level: its planes, where to copy from, and which pixels to fill."""

    patches: Patches  # colours, then texture, as whole numbers of 1 / unit
    known: Mask
    hole: Mask
    allowed: Mask  # pixels that may be copied
    sources: Sources
    partial: bool  # source patches hold pixels that may not be copied
    labels: U8x2  # (H, W), 0 free
    targets: Mask  # anchors of patches that touch the hole: every second one at full size
    neighbours: I64x2  # whose finds a target takes over
    pixels: int  # of the hole
    unit: float  # steps of the planes to 1


def _sizes(
    problem: Problem, side: int, levels: int | None, source: PictureMask | None, guide: PictureLabels | None
) -> list[_Size]:
    """The levels to work on, finest first."""
    if min(problem.hole.shape) < side:
        shape = f"{problem.hole.shape[0]} x {problem.hole.shape[1]}"
        raise ContextError.of("patchmatch", f"a patch of {side} x {side} pixels is larger than the crop of {shape}")
    known, hole = problem.known, problem.hole
    allowed = known if source is None else known & problem.part(source.pixels)
    labels = np.zeros(hole.shape, np.uint8) if guide is None else problem.part(guide.pixels)
    wanted = levels or _levels(hole, side)
    base = base_colour(problem.image, known)
    planes = threads.run(lambda c: np.where(known, problem.image[..., c] - base[c], np.float32(0)), range(len(base)))
    planes += _texture(planes, known, 2**wanted)
    finest = _size(planes, known, hole, side, allowed, labels, finest=True)
    if finest is None:
        raise ContextError.of("patchmatch", _lack(allowed, side))
    sizes = [finest]
    for plane in planes[-2:]:
        plane *= known
    for means, coarse_known, coarse_hole in halvings(
        planes, known, hole, levels=wanted, min_known=side * side, min_side=2 * side
    ):
        allowed = coarse_known & (sum(_children(allowed.view(np.uint8))) >= 2)
        labels = reduce(np.maximum, _children(labels))
        size = _size(means, coarse_known, coarse_hole, side, allowed, labels)
        if size is None or size.partial > sizes[0].partial:
            break
        sizes.append(size)
    if guide is not None:
        _check_labels(sizes[0])
    return sizes


def _levels(hole: Mask, side: int) -> int:
    """As many as leave a hole of about two patches across, as Newson et al. count them."""
    depth = int(cv2.distanceTransform(np.pad(hole, 1, mode="edge").view(np.uint8), cv2.DIST_C, 3).max())
    return max(1, int(math.log2(2 * depth / side))) if depth else 1


def _texture(colours: list[Array], known: Mask, width: int) -> list[Array]:
    """sqrt(beta) (|Ix|, |Iy|), each the mean over the known pixels of a square of ``width``, (H, W)."""
    grey = _mean(colours)
    weight = np.float32(math.sqrt(_BETA * len(colours) / 3))

    def mean_slope(across: bool) -> Array:
        here, before = (np.s_[:, 1:], np.s_[:, :-1]) if across else (np.s_[1:], np.s_[:-1])
        slope, both = np.zeros_like(grey), np.zeros_like(known)
        both[here] = known[here] & known[before]
        np.subtract(grey[here], grey[before], out=slope[here])
        np.abs(slope, out=slope)
        slope *= both
        slope, count = summed(slope, width), summed(both, width)
        slope /= np.maximum(count, 1, out=count)
        slope *= weight
        return slope

    return threads.run(mean_slope, (True, False))


def _mean(planes: Sequence[Array]) -> Array:
    """Of several planes, float32 (H, W); numpy's own mean over a short last axis is slow."""
    total = planes[0].astype(np.float32)
    for plane in planes[1:]:
        total += plane
    return total / np.float32(len(planes))


def _children(plane: Array) -> list[Array]:
    """Every coarse pixel's four children, each (H / 2, W / 2), sides rounded up, for a plane (H, W)."""
    height, width = plane.shape
    even = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    return [even[down::2, across::2] for down in (0, 1) for across in (0, 1)]


def _size(
    planes: list[Array], known: Mask, hole: Mask, side: int, allowed: Mask, labels: U8x2, finest: bool = False
) -> _Size | None:
    """The level made ready, or None where it offers no patch to copy from.

    Where damage is scattered all over the picture hardly a patch is whole; then patches are taken of which half may be
    copied, or a quarter.
    """
    targets, unit = _grown(hole, side), _unit(side, len(planes))
    needed = max(1, int(np.count_nonzero(targets)) // _ENOUGH)
    if finest:
        targets &= _every_second(hole.shape)
    count = summed(allowed, side)
    for share in (1, 2, 4):
        usable = count >= side * side / share
        if np.count_nonzero(usable) >= (needed if share < 4 else 1):
            offered = usable * (labels + np.uint8(1)) if labels.any() else usable
            patches = Patches.of(
                planes, known | hole, offered, side, (len(planes) - 2, 2), lambda plane: _rounded(plane, unit)
            )
            sources, pixels = Sources.of(patches), int(np.count_nonzero(hole))
            neighbours = _BLACK if finest else _BESIDE
            return _Size(patches, known, hole, allowed, sources, share > 1, labels, targets, neighbours, pixels, unit)
    return None


def _every_second(shape: tuple[int, ...]) -> Mask:
    """The black fields of a chessboard."""
    fields = np.zeros(shape, np.bool_)
    fields[::2, ::2] = fields[1::2, 1::2] = True
    return fields


def _unit(side: int, planes: int) -> float:
    """Steps to 1 of the levels: as many as let squares summed over a patch's row fit into 32 bits."""
    return min(_UNIT, math.sqrt(2**31 / (side * planes)) / (2 * _LARGEST))


def _rounded(plane: Array, unit: float) -> Array:
    """In whole numbers of 1 / unit, int16."""
    steps = np.clip(plane, -_LARGEST, _LARGEST)
    steps *= np.float32(unit)
    whole: Array = np.rint(steps, out=steps).astype(np.int16)
    return whole


def _lack(allowed: Mask, side: int) -> str:
    """What no patch fulfils."""
    best = int(summed(allowed, side).max())
    return (
        f"no patch of {side} x {side} pixels has a quarter that may be copied (the best has {best} pixels of "
        f"{side * side}): mask less, or choose a smaller patch"
    )


def _check_labels(size: _Size) -> None:
    """ValueError for a label in the hole that no source has."""
    offered = np.unique(size.patches.marks[size.sources.places, 0]) - 1
    missing = np.setdiff1d(np.unique(size.labels[size.hole]), np.append(offered, 0))
    if missing.size:
        raise ValueError(
            f"guide's label {missing[0]} marks pixels of the hole, but no pixel that could be copied: "
            "draw the label on into the known part, or leave the hole's pixels free (0)"
        )


# Search and vote


class _Canvas:
    """A level being filled: the picture so far, and the nearest-neighbour field of its patches."""

    def __init__(self, size: _Size, seed: int) -> None:
        self.size, self.seed = size, seed
        # The same planes with different pixels counted: what is compared in a target, and what may be copied.
        self.filled = size.patches
        self.side = self.filled.side
        self.copyable = replace(self.filled, counts=np.zeros_like(self.filled.counts))
        self.copyable.mark(size.allowed)
        self.near = around(size.hole, size.known, self.side)
        self.depth: F32x2 = rim_distance(size.hole[self.near], size.known[self.near])
        self.nnf = Search.over(size.targets, neighbours=size.neighbours, seed=seed)
        window = self.nnf.window
        self.hole = np.ascontiguousarray(size.hole[window])
        inner = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(window, self.near, strict=True))
        self.doubt = self.depth[inner] * np.float32(math.log(_GAMMA))
        self.label = size.labels[window] + (size.labels[window] > 0)  # as the sources count them
        self.origin: I32x2 = np.full(self.hole.shape, -1, np.int32)
        self.strips = strips(self.hole, _TILE)
        self.reverse: Search | None = None  # from known patches to the hole

    def begin(self, coarse: _Canvas | None) -> None:
        """The first guess: the shifts of the level before, or from the rim."""
        if coarse is not None:
            self._inherit(coarse.nnf)
            self.vote()
            left = self.origin[self.hole] < 0
            if left.any():
                there = self.size.hole.copy()
                there[self.size.hole] = left
                rough = upsampled(coarse.filled.image().astype(np.float32), there.shape)
                self.filled.image()[there] = np.rint(rough[there])
        elif self.depth.max() <= self.side:  # hardly a patch without known pixels
            self._smooth(self.size.hole, self.size.known)
            self.search(5)
        else:
            self._peel()

    def search(self, iterations: int, chosen: Mask | None = None) -> None:
        """Measure all distances in the picture as it is now, and look for smaller ones (of the ``chosen`` anchors)."""
        self.nnf.run(
            self.filled, self.copyable, self.size.sources, iterations, label=self.label, partial=self.size.partial,
            chosen=chosen,
        )  # fmt: skip

    def vote(self, completeness: float = 0.0) -> float:
        """Give every hole pixel the colour that its patches vote for; returns the mean change of the colours."""
        change = self._vote(self.hole)
        if completeness:
            self._complete(completeness)
        return change / (self.size.pixels * (self.filled.shape[2] - 2) * self.size.unit)

    def copied(self) -> I32x1:
        """The pixel that each of the hole's is copied from, the best of its patches' votes, or -1."""
        self.search(1)
        self._vote(self.hole, best_only=True)
        return self.origin[self.hole]

    def colours(self) -> F32x2:
        """The hole's colours (n, C)."""
        colours: F32x2 = self.filled.image()[self.size.hole][:, :-2].astype(np.float32) / np.float32(self.size.unit)
        return colours

    def _vote(self, todo: Mask, best_only: bool = False) -> float:
        """Vote for the pixels ``todo`` of the rectangle; returns the sum of the changes.

        ``origin`` is then the best patch's, -1 where no patch has a vote.
        """
        nnf, a, b = self.nnf, self.filled, self.copyable
        shape = self.side, a.shape[2], a.stride, a.shape[1]

        def strip(rows: tuple[int, int]) -> float:
            return _vote_kernel(
                a.planes, b.counts, shape, nnf.corner, nnf.place, nnf.distance, self.doubt,
                todo, rows, self.size.partial, best_only, self.origin,
            )  # fmt: skip

        return sum(threads.run(strip, self.strips))

    def _complete(self, share: float) -> None:
        """Mix in the votes of the known patches nearest to the hole, each where the hole is most like it."""
        nnf, size = self.nnf, self.size
        if self.reverse is None:
            anchors = size.sources.places
            width = self.filled.stride
            anchors = anchors // width * size.hole.shape[1] + anchors % width
            away = distance_to(size.hole).reshape(-1)[anchors]
            near = np.zeros(size.hole.shape, np.bool_)
            near.reshape(-1)[anchors[np.argsort(away, kind="stable")[: np.count_nonzero(nnf.targets)]]] = True
            self.reverse = Search.over(near, seed=~self.seed & 0x7FFFFFFF)
        marks = self.filled.marks.copy()
        hole = replace(self.filled, marks=marks)
        marks.reshape(-1, hole.stride, marks.shape[1])[: size.hole.shape[0], : size.hole.shape[1], 0] = size.targets
        self.reverse.run(self.copyable, hole, Sources.of(hole), 2, partial=True)
        colours = self.filled.image()[size.hole].astype(np.float32)
        number: I32x2 = np.full(size.hole.shape, -1, np.int32)
        number[size.hole] = np.arange(len(colours), dtype=np.int32)
        total: F64x2 = np.zeros(colours.shape)
        count = np.zeros(len(colours))
        _reverse_vote_kernel(
            self.filled.planes, self.copyable.counts, self.filled.stride, self.reverse.corner,
            self.reverse.place[..., 0], self.side, number, total, count,
        )  # fmt: skip
        both = (self.origin[self.hole] >= 0) & (count > 0)
        reverse = share * count[both] * (np.count_nonzero(nnf.targets) / np.count_nonzero(self.reverse.targets))
        forward = (1 - share) * self.side**2
        mean = total[both] / count[both][:, None]
        colours[both] += (reverse / (reverse + forward))[:, None] * (mean - colours[both])
        self.filled.image()[size.hole] = np.rint(colours)

    def _inherit(self, coarse: Search) -> None:
        """Every patch starts from its parent's shift."""
        height, width = self.size.hole.shape
        stride, rough = self.filled.stride, (width + 1) // 2 + self.side
        (top, left), (up, over) = self.nnf.corner, coarse.corner
        y, x = np.nonzero(self.nnf.targets)
        row, column = (y + top) // 2, (x + left) // 2
        parent = (
            np.clip(row - up, 0, coarse.targets.shape[0] - 1),
            np.clip(column - over, 0, coarse.targets.shape[1] - 1),
        )
        found = coarse.place[..., 0][parent]
        found, distance = np.where(coarse.targets[parent], found, -1), coarse.distance[..., 0][parent]
        row = 2 * (found // rough + row - parent[0] - up) + (y + top) % 2
        column = 2 * (found % rough + column - parent[1] - over) + (x + left) % 2
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        found = np.where((found >= 0) & inside, row * stride + column, -1)
        self.nnf.place[y, x, 0] = found
        self.nnf.distance[y, x, 0] = np.where(found >= 0, distance, FAR)

    def _smooth(self, hole: Mask, known: Mask) -> None:
        """Fill ``hole`` smoothly from ``known``."""
        image = self.filled.image()[self.near]
        part = fill(Problem(image.astype(np.float32), hole[self.near], known[self.near]), power=1)
        image[hole[self.near]] = np.rint(part[hole[self.near]])

    def _peel(self) -> None:
        """Layer by layer from the rim inwards, patches compared over the pixels filled so far (onion peel)."""
        size, window = self.size, self.nnf.window
        ready, todo = size.known.copy(), size.hole.copy()
        while todo.any():
            layer = todo & _grown(ready, 3)
            self.filled.mark(ready)
            self.search(6, chosen=_grown(layer, self.side)[window])
            self.origin[:] = -1
            self._vote(layer[window])
            done = np.zeros(layer.shape, np.bool_)
            done[window] = self.origin >= 0
            if not done.any():  # nothing that may be copied fits: fill smoothly
                self._smooth(todo, ready)
                ready |= todo
                break
            ready |= done
            todo &= ~done
        self.filled.mark(size.known | size.hole)


def _grown(mask: Mask, side: int) -> Mask:
    """Pixels whose square of ``side`` holds a marked one."""
    grown: Mask = cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8)) > 0
    return grown


@kernel(fastmath=True)
def _vote_kernel(
    planes: I16x1, counts: U8x1, shape: tuple[int, int, int, int], corner: tuple[int, int], place: I32x3,
    distance: F32x3, doubt: F32x2, todo: Bool2, rows: tuple[int, int], partial: bool, best_only: bool, origin: I32x2,
) -> float:  # fmt: skip
    """The weighted mean of the votes of the patches over each pixel, or the vote of the most similar one alone."""
    side, depth, stride, across = shape
    height, width = todo.shape
    half = side // 2
    middle = half * (stride + 1)
    d = np.empty(side * side, np.float32)
    weight = np.empty(side * side, np.float32)
    shift = np.empty(side * side, np.int32)
    total = np.empty(depth, np.float32)
    change = 0.0
    for y in range(rows[0], rows[1]):
        for x in range(width):
            if not todo[y, x]:
                continue
            f = (y + corner[0]) * stride + x + corner[1]
            count, best = 0, 0
            for v in range(max(0, y + half - side + 1), min(height, y + half + 1)):
                for u in range(max(0, x + half - side + 1), min(width, x + half + 1)):
                    s = place[v, u, 0]
                    if s < 0:
                        continue
                    move = s - (v + corner[0]) * stride - u - corner[1]
                    if not partial or counts[f + move + middle]:
                        shift[count], d[count], weight[count] = move, distance[v, u, 0], doubt[v, u]
                        if d[count] < d[best]:
                            best = count
                        count += 1
            if count == 0:
                origin[y, x] = -1
                continue
            s = f + shift[best]
            origin[y, x] = s // stride * across + s % stride
            if best_only:
                continue
            doubled = 2 * (_SHARP * _quantile(d, count, (3 * count) // 4) + _TINY)
            smallest = FAR  # exponent: without it every weight deep in a large hole would vanish
            for c in range(count):
                weight[c] += d[c] / doubled
                smallest = min(smallest, weight[c])
            all_weight = np.float32(0)
            for c in range(count):
                weight[c] = _exponential(smallest - weight[c])
                all_weight += weight[c]
            total[:] = 0
            w = np.float32(0)
            for c in range(count):
                w += weight[c]
                if c + 1 < count and shift[c + 1] == shift[c]:  # neighbours that move together vote for one pixel
                    continue
                p = (f + shift[c] + middle) * depth
                for t in range(depth):
                    total[t] += w * planes[p + t]
                w = np.float32(0)
            for t in range(depth):
                value = np.rint(total[t] / all_weight)
                if t < depth - 2:
                    change += abs(value - planes[(f + middle) * depth + t])
                planes[(f + middle) * depth + t] = np.int16(value)
    return change


@kernel(fastmath=True, inline=True)
def _exponential(x: np.float32) -> np.float32:
    """exp(x) for x <= 0 as (1 + x / 256)^256, which vectors do fast: within a twentieth where it is above 0.006."""
    power = max(np.float32(1) + x * np.float32(1 / 256), np.float32(0))
    for _ in range(8):
        power *= power
    return power


@kernel(fastmath=True, inline=True)
def _quantile(values: F32x1, count: int, rank: int) -> np.float32:
    """The value of that rank among the first ``count``, to 1/256 of their spread: bisection, which vectors do fast."""
    low, high = FAR, np.float32(0)
    for c in range(count):
        low, high = min(low, values[c]), max(high, values[c])
    for _ in range(8):
        middle = np.float32(0.5) * (low + high)
        below = np.int32(0)
        for c in range(count):
            below += np.int32(values[c] <= middle)
        if below > rank:
            high = middle
        else:
            low = middle
    return high


@kernel()
def _reverse_vote_kernel(
    planes: I16x1, counts: U8x1, stride: int, corner: tuple[int, int], place: I32x2, side: int,
    number: I32x2, total: F64x2, count: F64x1,
) -> None:  # fmt: skip
    """Add each known patch's colours to the hole pixels that it found most like itself."""
    half, depth = side // 2, total.shape[1]
    middle = half * (stride + 1)
    height, width = number.shape
    for v in range(place.shape[0]):
        for u in range(place.shape[1]):
            if place[v, u] < 0:
                continue
            top, left = place[v, u] // stride - half, place[v, u] % stride - half
            s = (v + corner[0] - half) * stride + u + corner[1] - half
            for i in range(side):
                for j in range(side):
                    y, x, q = top + i, left + j, s + i * stride + j
                    if not (0 <= y < height and 0 <= x < width) or not counts[q + middle]:
                        continue
                    e = number[y, x]
                    if e >= 0:
                        count[e] += 1
                        for t in range(depth):
                            total[e, t] += planes[(q + middle) * depth + t]


def _confidence(problem: Problem, filled: Image, depth: Image, side: int) -> Image:
    """1 / (1 + 10 contrast sqrt(t)), 1 outside the hole: flat places near the rim can hardly be wrong.

    The contrast is the fill's standard deviation in a patch, in units of the range. Distances d say little: a patch may
    fit well and be wrong.
    """
    near = around(problem.hole, problem.known, side)
    there = (problem.known | problem.hole)[near]
    grey = _mean(list(np.moveaxis(filled[near], 2, 0))) * there
    count = np.maximum(summed(there, side), 1)
    first, second = summed(grey, side), summed(grey * grey, side)
    contrast = np.sqrt(np.maximum(second / count - (first / count) ** 2, 0))
    reach = np.sqrt(np.minimum(depth, np.float32(max(problem.hole.shape))))
    sure = np.ones(problem.hole.shape, np.float32)
    sure[near] = 1 / (1 + 10 * contrast * reach)
    return sure
