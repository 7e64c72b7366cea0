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
from dataclasses import dataclass, replace

import cv2
import numpy as np

from inpaintkit import threads
from inpaintkit.arrays import Array, Bool1, F32x1, F32x2, F64x1, F64x2, I32x1, I32x2, U8x2
from inpaintkit.classic._elliptic import fill
from inpaintkit.classic._hole import base_colour
from inpaintkit.classic._nnf import FAR, Neighbours, Patches, Search, Sources, nearest_neighbours
from inpaintkit.classic._seams import blended, shifts, summed
from inpaintkit.distance import distance_to, rim_distance
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.picture import PictureLabels, PictureMask
from inpaintkit.problem import Image, Mask, Problem, Step
from inpaintkit.pyramid import Level, masked_pyramid, upsampled

__all__ = ["Neighbours", "nearest_neighbours", "patchmatch"]

_BETA = 50.0  # weight of the texture features beside three colours
_GAMMA = 1.3  # a patch is trusted so many times less for every pixel deeper in the hole
_SHARP = np.float32(0.25)  # sigma^2 over the 75th percentile of distances
_SETTLED = 0.1  # mean change of the hole's colours at which a level is done, in 255ths or the picture's steps
_TILE = 2048  # hole pixels that vote at once
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
    sizes = _sizes(problem, patch, levels, source, guide)
    seed = int(problem.rng().integers(2**31))
    ends = np.cumsum([size.pixels.size << number for number, size in enumerate(sizes)][::-1])  # of the work
    canvas: _Canvas | None = None
    taken = []
    for number, size in reversed(list(enumerate(sizes))):  # the smallest picture first
        coarse, canvas = canvas, _Canvas(size, seed + number)
        canvas.begin(coarse)
        rounds, end = min(iterations, 2 << number), float(ends[-1 - number])
        for turn in range(1, rounds + 1):
            canvas.search(min(6, 1 << number))
            change = canvas.vote(completeness)
            problem.report(Step(end - (size.pixels.size << number) * (rounds - turn) / rounds, float(ends[-1])))
            if change < _SETTLED * max(1 / 255, problem.step):
                break
        taken.append(turn)
    assert canvas is not None
    colours, origin = canvas.copied()
    filled = problem.image.copy()
    filled[problem.hole] = colours[:, : filled.shape[2]] + base_colour(problem.image, problem.known)
    filled = blended(problem, filled, origin)
    problem.note(levels=len(sizes), iterations=tuple(taken), shifts=shifts(problem.hole, origin))
    problem.note(confidence=_confidence(problem, filled, patch))
    return filled


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
    """One level: its planes (colours, then texture), where to copy from, and which pixels to fill."""

    level: Level
    side: int
    allowed: Mask  # pixels that may be copied
    sources: Sources
    partial: bool  # source patches hold pixels that may not be copied
    labels: U8x2  # (H, W), 0 free
    targets: Mask  # anchors of the patches that touch the hole
    pixels: I32x1  # the hole's, as flat indices


def _sizes(
    problem: Problem, side: int, levels: int | None, source: PictureMask | None, guide: PictureLabels | None
) -> list[_Size]:
    """The levels to work on, finest first."""
    if min(problem.hole.shape) < side:
        shape = f"{problem.hole.shape[0]} x {problem.hole.shape[1]}"
        raise ContextError.of("patchmatch", f"a patch of {side} x {side} pixels is larger than the crop of {shape}")
    allowed = problem.known if source is None else problem.known & problem.part(source.pixels)
    labels = np.zeros(problem.hole.shape, np.uint8) if guide is None else problem.part(guide.pixels)
    wanted = levels or _levels(problem.hole, side)
    colours = np.where(problem.known[..., None], problem.image - base_colour(problem.image, problem.known), 0)
    planes = np.concatenate([colours, _texture(colours, problem.known, 2**wanted)], axis=2)
    pyramid = masked_pyramid(
        planes, problem.known, problem.hole, levels=wanted, min_known=side * side, min_side=2 * side
    )
    sizes: list[_Size] = []
    for level in pyramid:
        if sizes:
            allowed = level.known & (_children(allowed).sum(axis=(1, 3)) >= 2)
            labels = _children(labels).max(axis=(1, 3))
        size = _size(level, side, allowed, labels)
        if sizes and (size is None or size.partial > sizes[0].partial):
            break
        if size is None:
            raise ContextError.of("patchmatch", _lack(allowed, side))
        sizes.append(size)
    if guide is not None:
        _check_labels(sizes[0])
    return sizes


def _levels(hole: Mask, side: int) -> int:
    """As many as leave a hole of about two patches across, as Newson et al. count them."""
    depth = int(cv2.distanceTransform(np.pad(hole, 1, mode="edge").view(np.uint8), cv2.DIST_C, 3).max())
    return max(1, int(math.log2(2 * depth / side))) if depth else 1


def _texture(colours: Image, known: Mask, width: int) -> Image:
    """sqrt(beta) (|Ix|, |Iy|), each the mean over the known pixels of a square of ``width``, (H, W, 2)."""
    grey = colours.mean(axis=2)
    planes = []
    for across in (True, False):
        g, k = (grey.T, known.T) if across else (grey, known)
        slope, both = np.zeros_like(g), np.zeros_like(k)
        both[1:] = k[1:] & k[:-1]
        slope[1:] = np.abs(np.diff(g, axis=0)) * both[1:]
        mean = np.asarray(summed(slope, width) / np.maximum(summed(both, width), 1), np.float32)
        planes.append(mean.T if across else mean)
    weight = math.sqrt(_BETA * colours.shape[2] / 3)
    stacked: Image = np.stack(planes, axis=2) * np.float32(weight)
    return stacked


def _children(plane: Array) -> Array:
    """Every coarse pixel's four children: (H, W) -> (H / 2, 2, W / 2, 2), sides rounded up."""
    height, width = plane.shape
    even = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    return even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2)


def _size(level: Level, side: int, allowed: Mask, labels: U8x2) -> _Size | None:
    """The level made ready, or None where it offers no patch to copy from.

    Where damage is scattered all over the picture hardly a patch is whole; then patches are taken of which half may be
    copied, or a quarter.
    """
    targets = _grown(level.hole, side)
    needed = max(1, int(np.count_nonzero(targets)) // _ENOUGH)
    count = summed(allowed, side)
    for share in (1, 2, 4):
        usable = count >= side * side / share
        if np.count_nonzero(usable) >= (needed if share < 4 else 1):
            pixels = np.flatnonzero(level.hole).astype(np.int32)
            sources = Sources.of(usable, labels + np.uint8(1) if labels.any() else None)
            return _Size(level, side, allowed, sources, share > 1, labels, targets, pixels)
    return None


def _lack(allowed: Mask, side: int) -> str:
    """What no patch fulfils."""
    best = int(summed(allowed, side).max())
    return (
        f"no patch of {side} x {side} pixels has a quarter that may be copied (the best has {best} pixels of "
        f"{side * side}): mask less, or choose a smaller patch"
    )


def _check_labels(size: _Size) -> None:
    """ValueError for a label in the hole that no source has."""
    offered = np.unique(size.labels.reshape(-1)[size.sources.anchors])
    missing = np.setdiff1d(np.unique(size.labels[size.level.hole]), np.append(offered, 0))
    if missing.size:
        raise ValueError(
            f"guide's label {missing[0]} marks pixels of the hole, but no pixel that could be copied: "
            "draw the label on into the known part, or leave the hole's pixels free (0)"
        )


# Search and vote


class _Canvas:
    """A level being filled: the picture so far, and the nearest-neighbour field of its patches."""

    def __init__(self, size: _Size, seed: int) -> None:
        level = size.level
        self.size, self.seed = size, seed
        # The same planes with different pixels counted: what is compared in a target, and what may be copied.
        self.filled = Patches.of(level.image, level.known | level.hole, size.side)
        self.copyable = replace(self.filled, counts=Patches.of(level.image[..., :1], size.allowed, size.side).counts)
        self.nnf = Search.over(size.targets, seed=seed)
        depth = rim_distance(level.hole, level.known).reshape(-1)[self.nnf.anchors]
        self.doubt = depth * np.float32(math.log(_GAMMA))
        self.label = size.labels.reshape(-1)[self.nnf.anchors]
        self.label += self.label > 0  # as the sources count them
        self.reverse: Search | None = None  # from known patches to the hole

    @property
    def image(self) -> Image:
        """The planes so far, (H, W, L), a view."""
        return self.filled.image()

    def begin(self, coarse: _Canvas | None) -> None:
        """The first guess: the shifts of the level before, or from the rim."""
        level = self.size.level
        if coarse is not None:
            self.image[level.hole] = upsampled(coarse.image, level.hole.shape)[level.hole]
            self._inherit(coarse.nnf)
            self.vote()
        elif rim_distance(level.hole, level.known).max() <= self.size.side:  # hardly a patch without known pixels
            self.image[level.hole] = fill(Problem(level.image, level.hole, level.known), power=1)[level.hole]
            self.search(3)
        else:
            self._peel()

    def search(self, iterations: int, chosen: Bool1 | None = None) -> None:
        """Measure all distances in the picture as it is now, and look for smaller ones (of the ``chosen`` anchors)."""
        self.nnf.run(
            self.filled, self.copyable, self.size.sources, iterations, label=self.label, partial=self.size.partial,
            chosen=chosen,
        )  # fmt: skip

    def vote(self, completeness: float = 0.0) -> float:
        """Give every hole pixel the colour that its patches vote for; returns the mean change of the colours."""
        colours, origin = self._votes(self.size.pixels)
        voted = origin >= 0
        if completeness:
            self._complete(colours, voted, completeness)
        hole = self.image[self.size.level.hole]
        change = float(np.abs(colours[voted] - hole[voted])[:, :-2].mean()) if voted.any() else 0.0
        hole[voted] = colours[voted]
        self.image[self.size.level.hole] = hole
        return change

    def copied(self) -> tuple[F32x2, I32x1]:
        """Each hole pixel's planes from the best of its patches (n, L), and the pixel they were copied from, or -1."""
        self.search(1)
        colours, origin = self._votes(self.size.pixels, best_only=True)
        without = origin < 0  # no patch over it could be copied: it stays as it is
        colours[without] = self.image[self.size.level.hole][without]
        return colours, origin

    def _votes(self, pixels: I32x1, best_only: bool = False) -> tuple[F32x2, I32x1]:
        """Planes (n, L) and the best patch's origin (n,) for hole pixels; origin -1 where no patch has a vote."""
        colours = np.empty((len(pixels), self.filled.shape[2]), np.float32)
        origin = np.empty(len(pixels), np.int32)
        nnf, side = self.nnf, self.size.side

        def tile(start: int) -> None:
            part = slice(start, start + _TILE)
            _vote_kernel(
                self.filled.planes, self.copyable.counts, nnf.number, nnf.source[:, 0], nnf.distance[:, 0], self.doubt,
                pixels[part], side, best_only, colours[part], origin[part],
            )  # fmt: skip

        threads.run(tile, range(0, len(pixels), _TILE))
        return colours, origin

    def _complete(self, colours: F32x2, voted: Bool1, share: float) -> None:
        """Mix in the votes of the known patches nearest to the hole, each where the hole is most like it."""
        nnf, level = self.nnf, self.size.level
        if self.reverse is None:
            anchors = self.size.sources.anchors
            away = distance_to(level.hole).reshape(-1)[anchors]
            near = np.zeros(level.hole.shape, np.bool_)
            near.reshape(-1)[anchors[np.argsort(away, kind="stable")[: len(nnf.anchors)]]] = True
            self.reverse = Search.over(near, seed=~self.seed & 0x7FFFFFFF)
        self.reverse.run(self.copyable, self.filled, Sources.of(self.size.targets), 2, partial=True)
        number = np.full(level.hole.size, -1, np.int32)
        number[self.size.pixels] = np.arange(len(colours), dtype=np.int32)
        total, count = np.zeros(colours.shape), np.zeros(len(colours))
        _reverse_vote_kernel(
            self.filled.planes, self.copyable.counts, self.reverse.anchors, self.reverse.source[:, 0],
            level.hole.shape[1], self.size.side, number, total, count,
        )  # fmt: skip
        both = voted & (count > 0)
        reverse = share * count[both] * (len(nnf.anchors) / len(self.reverse.anchors))
        forward = (1 - share) * self.size.side**2
        mean = total[both] / count[both][:, None]
        colours[both] += (reverse / (reverse + forward))[:, None] * (mean - colours[both])

    def _inherit(self, coarse: Search) -> None:
        """Every patch starts from its parent's shift."""
        height, width = self.size.level.hole.shape
        y, x = np.divmod(self.nnf.anchors, width)
        parent = coarse.number[y // 2, x // 2]
        found = np.where(parent >= 0, coarse.source[parent, 0], -1)
        row, column = np.divmod(found, coarse.number.shape[1])
        row, column = np.minimum(2 * row + y % 2, height - 1), np.minimum(2 * column + x % 2, width - 1)
        self.nnf.source[:, 0] = np.where(found >= 0, row * width + column, -1)
        self.nnf.distance[:, 0] = np.where(found >= 0, coarse.distance[parent, 0], FAR)

    def _peel(self) -> None:
        """Layer by layer from the rim inwards, patches compared over the pixels filled so far (onion peel)."""
        level, side = self.size.level, self.size.side
        ready, todo = level.known.copy(), level.hole.copy()
        while todo.any():
            layer = todo & _grown(ready, 3)
            self.filled.mark(ready)
            self.search(6, chosen=_grown(layer, side).reshape(-1)[self.nnf.anchors])
            pixels = np.flatnonzero(layer).astype(np.int32)
            colours, origin = self._votes(pixels)
            done = np.zeros(layer.shape, np.bool_)
            done.reshape(-1)[pixels[origin >= 0]] = True
            if not done.any():  # nothing that may be copied fits: fill smoothly
                self.image[todo] = fill(Problem(self.image, todo, ready), power=1)[todo]
                ready |= todo
                break
            self.image[done] = colours[origin >= 0]
            ready |= done
            todo &= ~done
        self.filled.mark(ready)


def _grown(mask: Mask, side: int) -> Mask:
    """Pixels whose square of ``side`` holds a marked one."""
    grown: Mask = cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8)) > 0
    return grown


@kernel(fastmath=True)
def _vote_kernel(
    planes: F32x2, counts: U8x2, number: I32x2, source: I32x1, distance: F32x1, doubt: F32x1, pixels: I32x1, side: int,
    best_only: bool, colours: F32x2, origin: I32x1,
) -> None:  # fmt: skip
    """The weighted mean of the votes of the patches over each pixel, or the vote of the most similar one alone."""
    height, width = number.shape
    half, depth = side // 2, colours.shape[1]
    d = np.empty(side * side, np.float32)
    weight = np.empty(side * side, np.float32)
    row = np.empty(side * side, np.int32)
    column = np.empty(side * side, np.int32)
    total = np.empty(depth, np.float64)
    for e in range(len(pixels)):
        y, x = pixels[e] // width, pixels[e] % width
        count, best = 0, 0
        for i in range(max(0, y + half - height + 1), min(side, y + half + 1)):
            for j in range(max(0, x + half - width + 1), min(side, x + half + 1)):
                n = number[y + half - i, x + half - j]
                if n < 0 or source[n] < 0:
                    continue
                row[count], column[count] = source[n] // width + i, source[n] % width + j
                if counts[row[count], column[count]]:
                    d[count], weight[count] = distance[n], doubt[n]
                    if d[count] < d[best]:
                        best = count
                    count += 1
        if count == 0:
            origin[e] = -1
            continue
        origin[e] = (row[best] - half) * width + column[best] - half
        if best_only:
            for t in range(depth):
                colours[e, t] = planes[row[best], column[best] * depth + t]
            continue
        sigma2 = _SHARP * _quantile(d, count, (3 * count) // 4) + np.float32(1e-8)
        smallest = np.float32(1e30)  # exponent: without it every weight deep in a large hole would vanish
        for c in range(count):
            weight[c] += d[c] / (2 * sigma2)
            smallest = min(smallest, weight[c])
        all_weight = 0.0
        total[:] = 0
        for c in range(count):
            w = np.exp(smallest - weight[c])
            all_weight += w
            for t in range(depth):
                total[t] += w * planes[row[c], column[c] * depth + t]
        for t in range(depth):
            colours[e, t] = total[t] / all_weight


@kernel(fastmath=True)
def _quantile(values: F32x1, count: int, rank: int) -> np.float32:
    """The value of that rank among the first ``count`` (Hoare's selection); they stay as they are."""
    order = values[:count].copy()
    low, high = 0, count - 1
    while low < high:
        pivot = order[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while order[i] < pivot:
                i += 1
            while order[j] > pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    value: np.float32 = order[rank]
    return value


@kernel()
def _reverse_vote_kernel(
    planes: F32x2,
    counts: U8x2,
    anchors: I32x1,
    source: I32x1,
    width: int,
    side: int,
    number: I32x1,
    total: F64x2,
    count: F64x1,
) -> None:
    """Add each known patch's colours to the hole pixels that it found most like itself."""
    half, depth = side // 2, total.shape[1]
    height = len(number) // width
    for n in range(len(anchors)):
        if source[n] < 0:
            continue
        for i in range(side):
            for j in range(side):
                y, x = source[n] // width + i - half, source[n] % width + j - half
                row, column = anchors[n] // width + i, anchors[n] % width + j
                if not (0 <= y < height and 0 <= x < width) or not counts[row, column]:
                    continue
                e = number[y * width + x]
                if e >= 0:
                    count[e] += 1
                    for t in range(depth):
                        total[e, t] += planes[row, column * depth + t]


def _confidence(problem: Problem, filled: Image, side: int) -> Image:
    """1 / (1 + 10 contrast sqrt(t)), 1 outside the hole: flat places near the rim can hardly be wrong.

    The contrast is the fill's standard deviation in a patch, in units of the range. Distances d say little: a patch may
    fit well and be wrong.
    """
    grey = filled.mean(axis=2, dtype=np.float32)
    there = problem.known | problem.hole
    grey[~there] = 0
    count = np.maximum(summed(there, side), 1)
    first, second = summed(grey, side), summed(grey * grey, side)
    contrast = np.sqrt(np.maximum(second / count - (first / count) ** 2, 0))
    depth = np.minimum(rim_distance(problem.hole, problem.known), np.float32(max(problem.hole.shape)))
    sure: Image = (1 / (1 + 10 * contrast * np.sqrt(depth))).astype(np.float32)
    return sure
