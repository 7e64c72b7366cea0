"""Nearest-neighbour fields by PatchMatch (Barnes, Shechtman, Finkelstein and Goldman 2009; Barnes et al. 2010).

For every target patch the most similar source patch, approximately: each takes over what its neighbours have found,
moved along with it, where that is better (propagation), then looks around its own best at random in ever smaller
windows (random search). doi:10.1145/1531326.1531330,
doi:10.1007/978-3-642-15558-1_3

A patch is named by its *anchor*, its pixel (side // 2, side // 2). Targets are a list of anchors in raster order,
searched in tiles on the pool of threads: inside a tile finds travel at once, across its border with the next
iteration, and random numbers are a hash of seed, iteration and anchor, so that the result does not depend on threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from inpaintkit import threads
from inpaintkit.arrays import Array, Bool1, F32x1, F32x2, F32x3, I32x1, I32x2, I32x3, U8x1, U8x2
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

FAR = np.float32(1e30)  # the distance of what has not been found; fastmath knows no infinity

_MIN_TILE, _TILES = 1024, 16  # anchors, and about so many tiles: work for every thread, few borders at which finds wait

Planes = tuple[F32x2, U8x2]  # planes and counts of ``Patches``
Finds = tuple[I32x2, U8x2, F32x2]  # source, pose and distance of ``Search``
Sizes = tuple[int, int, int]  # side of a patch, planes of the image, fewest pixels compared


@dataclass(frozen=True, eq=False)
class Patches:
    """A picture whose patches are compared.

    Attributes
    ----------
    planes : float32 (H + side, (W + side) * L), the image with ``side // 2`` pixels of padding before it.
    counts : uint8 (H + side, W + side): 1 where a pixel is compared, 0 where not (padding, unknown).
    shape : (H, W, L) of the image.
    side : of a patch, pixels.
    """

    planes: F32x2
    counts: U8x2
    shape: tuple[int, int, int]
    side: int

    @classmethod
    def of(cls, image: Image, counts: Mask, side: int) -> Patches:
        """Pad an image (H, W, L) and the mask of what counts (H, W) so that every patch lies inside."""
        height, width, depth = image.shape
        inside = slice(side // 2, side // 2 + height), slice(side // 2, side // 2 + width)
        planes = np.zeros((height + side, width + side, depth), np.float32)
        planes[inside] = image
        padded = np.zeros(planes.shape[:2], np.uint8)
        padded[inside] = counts
        return cls(planes.reshape(height + side, -1), padded, image.shape, side)

    def mark(self, counts: Mask) -> None:
        """Set which pixels (H, W) count from now on."""
        height, width, _ = self.shape
        at = self.side // 2
        self.counts[at : at + height, at : at + width] = counts

    def image(self) -> Image:
        """The image (H, W, L), a view."""
        height, width, depth = self.shape
        at = self.side // 2
        return self.planes.reshape(height + self.side, width + self.side, depth)[at : at + height, at : at + width]


@dataclass(frozen=True, eq=False)
class Sources:
    """Anchors that may be found.

    Attributes
    ----------
    label : uint8 (H, W), 0 where a patch must not be taken.
    anchors : int32, all of them as flat indices, sorted by label.
    first : int32 (257,), where each label begins among them.
    """

    label: U8x2
    anchors: I32x1
    first: I32x1

    @classmethod
    def of(cls, allowed: Mask, label: U8x2 | None = None) -> Sources:
        """The anchors that ``allowed`` (H, W) marks, each with its label of 1 or more where labels are given."""
        labels = allowed.astype(np.uint8) if label is None else np.where(allowed, label, 0).astype(np.uint8)
        anchors = np.flatnonzero(labels).astype(np.int32)
        if label is not None:
            anchors = anchors[np.argsort(labels.reshape(-1)[anchors], kind="stable")]
        first = np.searchsorted(labels.reshape(-1)[anchors], np.arange(257)).astype(np.int32)
        return cls(labels, anchors, first)


@dataclass(eq=False)
class Search:
    """A nearest-neighbour field being searched: ``k`` finds for every target anchor, best first.

    Attributes
    ----------
    anchors : int32 (n,), targets as flat indices in the target image, ascending.
    number : int32 (H, W), an anchor's number among ``anchors``, -1 where none is.
    source : int32 (n, k), anchors found, as flat indices in the source image; -1 for none yet.
    pose : uint8 (n, k), rows of ``poses``.
    distance : float32 (n, k), mean over the compared pixels of the squared difference, summed over planes.
    """

    anchors: I32x1
    number: I32x2
    k: int = 1
    poses: F32x3 = field(default_factory=lambda: np.eye(2, dtype=np.float32)[None])  # (T, 2, 2)
    seed: int = 0
    iteration: int = 0

    def __post_init__(self) -> None:
        self.source = np.full((len(self.anchors), self.k), -1, np.int32)
        self.pose = np.zeros((len(self.anchors), self.k), np.uint8)
        self.distance = np.full((len(self.anchors), self.k), FAR, np.float32)
        rows = self.anchors // self.number.shape[1]
        starts = np.flatnonzero(np.diff(rows, prepend=-1))  # first anchor of each row
        tile = starts // max(_MIN_TILE, len(self.anchors) // _TILES)
        self.tiles = np.append(starts[np.flatnonzero(np.diff(tile, prepend=-1))], len(self.anchors))

    @classmethod
    def over(cls, targets: Mask, **more: Any) -> Search:
        """A search for the anchors that ``targets`` (H, W) marks."""
        anchors = np.flatnonzero(targets).astype(np.int32)
        number: I32x2 = np.full(targets.shape, -1, np.int32)
        number.reshape(-1)[anchors] = np.arange(len(anchors), dtype=np.int32)
        return cls(anchors, number, **more)

    def run(
        self,
        a: Patches,
        b: Patches,
        sources: Sources,
        iterations: int,
        *,
        label: U8x1 | None = None,
        partial: bool = False,
        min_pixels: int = 1,
        chosen: Bool1 | None = None,
    ) -> None:
        """Measure earlier finds in the pictures as they are now, then propagate and search so many times.

        Parameters
        ----------
        a, b : targets' and sources' pictures.
        sources : where to look.
        label : uint8 (n,), of every target; a source must have the same one, or any where it is 0.
        partial : some sources hold pixels that do not count.
        min_pixels : pixels that must be compared for a source to be taken.
        chosen : bool (n,), targets to search for; the others stay as they are. All where left out.
        """
        label = np.zeros(len(self.anchors), np.uint8) if label is None else label
        chosen = np.ones(len(self.anchors), np.bool_) if chosen is None else chosen
        spans = list(zip(self.tiles[:-1].tolist(), self.tiles[1:].tolist(), strict=True))
        for turn in range(iterations):
            before = self.source.copy(), self.pose.copy()

            def tile(span: tuple[int, int], turn: int = turn, before: tuple[I32x2, U8x2] = before) -> None:
                _search_kernel(
                    (a.planes, a.counts), (b.planes, b.counts), self.poses, (a.side, a.shape[2], min_pixels),
                    self.anchors, self.number, label, chosen, sources.label, sources.anchors, sources.first,
                    (self.source, self.pose, self.distance), before, *span, partial, turn == 0, self.seed,
                    self.iteration,
                )  # fmt: skip

            threads.run(tile, spans)
            self.iteration += 1


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
    search.run(
        Patches.of(first, counts_a, patch), Patches.of(second, counts_b, patch),
        Sources.of(_inside(second.shape[:2], patch)), iterations, partial=not counts_b.all(), min_pixels=min_pixels,
    )  # fmt: skip
    found = search.source >= 0
    row, column = np.divmod(search.source, second.shape[1])

    def spread(values: Array, nothing: float, dtype: type) -> Array:
        whole = np.full((*first.shape[:2], k), nothing, dtype)
        whole.reshape(-1, k)[search.anchors] = np.where(found, values, nothing)
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
    a: Planes, b: Planes, poses: F32x3, sizes: Sizes, anchors: I32x1, number: I32x2, label: U8x1, chosen: Bool1,
    allowed: U8x2, sources: I32x1, first: I32x1, finds: Finds, before: tuple[I32x2, U8x2], start: int, stop: int,
    partial: bool, changed: bool, seed: int, iteration: int,
) -> None:  # fmt: skip
    """One iteration over the targets ``start`` to ``stop``, in raster order or against it.

    Parameters
    ----------
    a, b : of the targets' and the sources' pictures.
    anchors, number, label, chosen, allowed, sources, first : as ``Search`` and ``Sources`` name them.
    finds : changed in place; ``before`` as they were when the iteration began.
    changed : the pictures are not those of the last iteration.
    """
    side = sizes[0]
    source, pose, distance = finds
    height, width = number.shape
    high, wide = allowed.shape
    k = source.shape[1]
    step = 1 if iteration % 2 == 0 else -1
    for turn in range(stop - start):
        n = start + turn if step == 1 else stop - 1 - turn
        if not chosen[n]:
            continue
        low, up = (first[label[n]], first[label[n] + 1]) if label[n] else (0, len(sources))
        if up == low:
            continue
        y, x = anchors[n] // width, anchors[n] % width
        whole = not partial
        for i in range(side):
            for j in range(side):
                whole &= a[1][y + i, x + j] == 1
        state = _mixed(np.uint32(seed) ^ _mixed(np.uint32(anchors[n]) ^ _mixed(np.uint32(iteration))))

        if changed:
            for c in range(k):
                s, t = source[n, c], pose[n, c]
                distance[n, c] = FAR
                source[n, c] = -1
                if s >= 0 and allowed[s // wide, s % wide]:
                    _offer(a, b, poses, sizes, finds, n, y, x, s // wide, s % wide, wide, t, whole)
        for c in range(k):
            if source[n, c] < 0:
                state = _next(state)
                s = sources[low + np.int64(state) % (up - low)]
                state = _next(state)
                t = np.int64(state) % len(poses)
                _offer(a, b, poses, sizes, finds, n, y, x, s // wide, s % wide, wide, t, whole)

        for axis in range(2):  # propagation
            dy, dx = (step, 0) if axis == 0 else (0, step)
            if not (0 <= y - dy < height and 0 <= x - dx < width):
                continue
            m = number[y - dy, x - dx]
            if m < 0:
                continue
            for c in range(k):
                s, t = (source[m, c], pose[m, c]) if start <= m < stop else (before[0][m, c], before[1][m, c])
                if s < 0:
                    continue
                sy = s // wide + np.int64(np.rint(poses[t, 0, 0] * dy + poses[t, 0, 1] * dx))
                sx = s % wide + np.int64(np.rint(poses[t, 1, 0] * dy + poses[t, 1, 1] * dx))
                if 0 <= sy < high and 0 <= sx < wide and _matches(allowed[sy, sx], label[n]):
                    _offer(a, b, poses, sizes, finds, n, y, x, sy, sx, wide, t, whole)

        for c in range(k):  # random search
            state = _next(state)  # the largest window is the whole picture: straight from the list
            s = sources[low + np.int64(state) % (up - low)]
            sy, sx, t = s // wide, s % wide, np.int64(pose[n, c])
            around = source[n, c]
            radius = max(high, wide) // 2
            while True:
                if len(poses) > 1:
                    state = _next(state)
                    t = np.int64(state >> np.uint32(1)) % len(poses) if state & np.uint32(1) else np.int64(pose[n, c])
                if 0 <= sy < high and 0 <= sx < wide and _matches(allowed[sy, sx], label[n]):
                    _offer(a, b, poses, sizes, finds, n, y, x, sy, sx, wide, t, whole)
                if radius < 1 or around < 0:
                    break
                state = _next(state)
                sy = around // wide - radius + np.int64(state & np.uint32(0xFFFF)) * (2 * radius + 1) // 0x10000
                sx = around % wide - radius + np.int64(state >> np.uint32(16)) * (2 * radius + 1) // 0x10000
                radius //= 2


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


@kernel()
def _next(state: np.uint32) -> np.uint32:
    """The next random number, which is the next state, too."""
    return _mixed(state + np.uint32(0x9E3779B9))


@kernel()
def _matches(offered: int, wanted: int) -> bool:
    """Whether a source of the one label may be taken for a target of the other."""
    return offered != 0 and (wanted == 0 or offered == wanted)


@kernel(fastmath=True, inline=True)
def _offer(
    a: Planes, b: Planes, poses: F32x3, sizes: Sizes, finds: Finds, n: int, y: int, x: int, sy: int, sx: int, wide: int,
    t: np.int64, whole: bool,
) -> None:  # fmt: skip
    """Take a source among the finds of target ``n`` if it is better than the worst of them and not yet among them."""
    source, pose, distance = finds
    last = source.shape[1] - 1
    s = sy * wide + sx
    for c in range(last + 1):
        if source[n, c] == s and pose[n, c] == t:
            return
    worst = distance[n, last]
    if t > 0:
        d = _posed_distance(a, b, y, x, sy, sx, poses[t], sizes, worst)
    elif whole:
        d = _distance(a[0], b[0], y, x, sy, sx, sizes, worst)
    else:
        d = _partial_distance(a, b, y, x, sy, sx, sizes, worst)
    if d >= worst:
        return
    c = last
    while c > 0 and distance[n, c - 1] > d:
        distance[n, c], source[n, c], pose[n, c] = distance[n, c - 1], source[n, c - 1], pose[n, c - 1]
        c -= 1
    distance[n, c], source[n, c], pose[n, c] = d, s, t


@kernel(fastmath=True, inline=True)
def _distance(a: F32x2, b: F32x2, y: int, x: int, sy: int, sx: int, sizes: Sizes, best: np.float32) -> np.float32:
    """Of two patches all of whose pixels count; given up at the row where it exceeds the best."""
    side, depth, _ = sizes
    bound = best * np.float32(side * side)
    total = np.float32(0)
    for i in range(side):
        p, q = a[y + i, x * depth : (x + side) * depth], b[sy + i, sx * depth : (sx + side) * depth]
        for t in range(side * depth):
            total += (p[t] - q[t]) * (p[t] - q[t])
        if total >= bound:
            return FAR
    return total / np.float32(side * side)


@kernel(fastmath=True, inline=True)
def _partial_distance(
    a: Planes, b: Planes, y: int, x: int, sy: int, sx: int, sizes: Sizes, best: np.float32
) -> np.float32:
    """Over the pixels that count in both patches."""
    side, depth, min_pixels = sizes
    bound = best * np.float32(side * side)
    total = np.float32(0)
    count = 0
    for i in range(side):
        p, q = a[0][y + i, x * depth : (x + side) * depth], b[0][sy + i, sx * depth : (sx + side) * depth]
        for j in range(side):
            if a[1][y + i, x + j] & b[1][sy + i, sx + j]:
                count += 1
                for t in range(j * depth, j * depth + depth):
                    total += (p[t] - q[t]) * (p[t] - q[t])
        if total >= bound:
            return FAR
    return total / np.float32(count) if count >= min_pixels else FAR


@kernel(fastmath=True, inline=True)
def _posed_distance(
    a: Planes, b: Planes, y: int, x: int, sy: int, sx: int, turn: F32x2, sizes: Sizes, best: np.float32
) -> np.float32:
    """The source turned, scaled or mirrored: bilinear between four pixels, all of which must count."""
    side, depth, min_pixels = sizes
    bound = best * np.float32(side * side)
    total = np.float32(0)
    count = 0
    half = side // 2
    for i in range(side):
        for j in range(side):
            if not a[1][y + i, x + j]:
                continue
            v = turn[0, 0] * (i - half) + turn[0, 1] * (j - half) + np.float32(sy + half)
            u = turn[1, 0] * (i - half) + turn[1, 1] * (j - half) + np.float32(sx + half)
            if v < 0 or u < 0 or v >= b[1].shape[0] - 1 or u >= b[1].shape[1] - 1:
                return FAR
            r, c = int(v), int(u)
            if not (b[1][r, c] & b[1][r, c + 1] & b[1][r + 1, c] & b[1][r + 1, c + 1]):
                continue
            f, g = v - np.float32(r), u - np.float32(c)
            count += 1
            for t in range(depth):
                value = (1 - f) * ((1 - g) * b[0][r, c * depth + t] + g * b[0][r, (c + 1) * depth + t]) + f * (
                    (1 - g) * b[0][r + 1, c * depth + t] + g * b[0][r + 1, (c + 1) * depth + t]
                )
                total += (a[0][y + i, x * depth + j * depth + t] - value) ** 2
        if total >= bound:
            return FAR
    return total / np.float32(count) if count >= min_pixels else FAR
