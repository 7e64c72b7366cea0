"""Nearest-neighbour fields by PatchMatch (Barnes, Shechtman, Finkelstein and Goldman 2009; Barnes et al. 2010).

For every target patch the most similar source patch: an anchor offers its neighbours what it found, moved along
(propagation), then looks around that at random in ever smaller windows (random search). doi:10.1145/1531326.1531330,
doi:10.1007/978-3-642-15558-1_3

A patch is named by its *anchor*, its pixel (side // 2, side // 2). Targets are a list of anchors in raster order,
searched in tiles on the pool of threads: inside a tile finds travel at once, across its border with the next
iteration, and chance is a hash of seed, iteration and anchor, so that the field does not depend on the threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

_TILE, _TILES = 1024, 16  # anchors at least and tiles about: work for every thread, few borders at which finds wait
FAR = np.float32(1e30)  # the distance of what has not been found; fast arithmetic knows no infinity

Indices = NDArray[np.int32]
Labels = NDArray[np.uint8]


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

    planes: NDArray[np.float32]
    counts: NDArray[np.uint8]
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
        """Let other pixels (H, W) count from now on."""
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
    label : uint8 (H, W), 0 barred.
    anchors : int32, all of them as flat places, sorted by label.
    first : int32 (257,), where each label begins among them; the whole list for label 0.
    """

    label: Labels
    anchors: Indices
    first: Indices

    @classmethod
    def of(cls, allowed: Mask, label: Labels | None = None) -> Sources:
        """The anchors that ``allowed`` (H, W) marks, with a label of 1 or more each where one is given."""
        labels = allowed.astype(np.uint8) if label is None else np.where(allowed, label, 0).astype(np.uint8)
        anchors = np.flatnonzero(labels).astype(np.int32)
        if label is not None:
            anchors = anchors[np.argsort(labels.reshape(-1)[anchors], kind="stable")]
        first = np.searchsorted(labels.reshape(-1)[anchors], np.arange(257)).astype(np.int32)
        return cls(labels, anchors, first)


@dataclass(eq=False)
class Search:
    """A field under way: ``k`` finds for every target anchor, best first.

    Attributes
    ----------
    anchors : int32 (n,), targets as flat places in the target image, ascending.
    place : int32 (H, W), an anchor's number among ``anchors``, -1 where none is.
    source : int32 (n, k), anchors found, as flat places in the source image; -1 for none yet.
    pose : uint8 (n, k), rows of ``poses``.
    distance : float32 (n, k), mean over the compared pixels of the squared difference, summed over planes.
    """

    anchors: Indices
    place: Indices
    k: int = 1
    poses: NDArray[np.float32] = field(default_factory=lambda: np.eye(2, dtype=np.float32)[None])  # (T, 2, 2)
    seed: int = 0
    iteration: int = 0

    def __post_init__(self) -> None:
        self.source = np.full((len(self.anchors), self.k), -1, np.int32)
        self.pose = np.zeros((len(self.anchors), self.k), np.uint8)
        self.distance = np.full((len(self.anchors), self.k), FAR, np.float32)
        rows = self.anchors // self.place.shape[1]
        starts = np.flatnonzero(np.diff(rows, prepend=-1))  # first anchor of each row
        tile = starts // max(_TILE, len(self.anchors) // _TILES)
        self.tiles = np.append(starts[np.flatnonzero(np.diff(tile, prepend=-1))], len(self.anchors))

    @classmethod
    def over(cls, targets: Mask, **more: Any) -> Search:
        """A search for the anchors that ``targets`` (H, W) marks."""
        anchors = np.flatnonzero(targets).astype(np.int32)
        place = np.full(targets.shape, -1, np.int32)
        place.reshape(-1)[anchors] = np.arange(len(anchors), dtype=np.int32)
        return cls(anchors, place, **more)

    def run(
        self,
        a: Patches,
        b: Patches,
        sources: Sources,
        iterations: int,
        *,
        label: Labels | None = None,
        partial: bool = False,
        least: int = 1,
        some: Mask | None = None,
    ) -> None:
        """Measure what was found before anew, then propagate and search so many times.

        Parameters
        ----------
        a, b : targets' and sources' pictures.
        sources : where to look.
        label : of every target (n,), 0 free; a source must bear the same.
        partial : sources hold pixels that do not count.
        least : pixels that must be compared for a source to be taken.
        some : bool (n,), targets to search; the others stay as they are.
        """
        label = np.zeros(len(self.anchors), np.uint8) if label is None else label
        chosen = np.ones(len(self.anchors), np.bool_) if some is None else some
        spans = list(zip(self.tiles[:-1].tolist(), self.tiles[1:].tolist(), strict=True))
        for number in range(iterations):
            before = self.source.copy(), self.pose.copy()

            def tile(span: tuple[int, int], number: int = number, before: Any = before) -> None:
                _search_kernel(
                    (a.planes, a.counts), (b.planes, b.counts), self.poses, (a.side, a.shape[2], least), self.anchors,
                    self.place, label, chosen, sources.label, sources.anchors, sources.first,
                    (self.source, self.pose, self.distance), before, *span, partial, number == 0, self.seed,
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

    row: NDArray[np.int32]
    column: NDArray[np.int32]
    distance: NDArray[np.float32]
    angle: NDArray[np.float32]
    scale: NDArray[np.float32]
    mirrored: Mask


def nearest_neighbours(
    a: NDArray[Any],
    b: NDArray[Any],
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
    iterations : passes of propagation and random search, 1 or more; 5 come close.
    rotations : also sources turned by multiples of 360 / ``rotations`` degrees.
    scales : also sources of these sizes relative to the target, each above 0 (bilinear).
    mirror : also mirrored sources.
    known_a, known_b : bool (H, W), pixels that are compared; at least a quarter of a patch must be known in both.
    seed : 0 or more; the same seed gives the same field on any number of threads.

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
    >>> field = nearest_neighbours(a[5:30, 8:33], a)
    >>> int(field.row[10, 10, 0]), int(field.column[10, 10, 0])
    (15, 18)
    """
    turns = _poses(rotations, scales, mirror)
    for name, value in (("patch", patch), ("k", k), ("iterations", iterations)):
        if value < 1:
            raise ValueError(f"{name} is {value}: needed is 1 or more")
    (first, counts_a), (second, counts_b) = _side(a, known_a, "a", patch), _side(b, known_b, "b", patch)
    if first.shape[2] != second.shape[2]:
        raise ValueError(f"a has {first.shape[2]} channels and b {second.shape[2]}: compare pictures of one kind")
    least = 1 if known_a is None and known_b is None else max(1, patch * patch // 4)
    search = Search.over(_inside(first.shape[:2], patch), k=k, poses=turns.matrices, seed=seed)
    search.run(
        Patches.of(first, counts_a, patch), Patches.of(second, counts_b, patch),
        Sources.of(_inside(second.shape[:2], patch)), iterations, partial=not counts_b.all(), least=least,
    )  # fmt: skip
    found = search.source >= 0
    row, column = np.divmod(search.source, second.shape[1])

    def spread(values: NDArray[Any], nothing: float, dtype: type) -> NDArray[Any]:
        whole = np.full((*first.shape[:2], k), nothing, dtype)
        whole.reshape(-1, k)[search.anchors] = np.where(found, values, nothing)
        return whole

    return Neighbours(
        spread(row, -1, np.int32), spread(column, -1, np.int32), spread(search.distance, np.inf, np.float32),
        spread(turns.angle[search.pose], 0, np.float32), spread(turns.scale[search.pose], 1, np.float32),
        spread(turns.mirrored[search.pose], False, np.bool_),
    )  # fmt: skip


class _Poses(NamedTuple):
    """What may be done to a source patch; the first is nothing."""

    matrices: NDArray[np.float32]  # (T, 2, 2), rows and columns of the target to those of the source
    angle: NDArray[np.float32]
    scale: NDArray[np.float32]
    mirrored: Mask


def _poses(rotations: int, scales: tuple[float, ...], mirror: bool) -> _Poses:
    if rotations < 1:
        raise ValueError(f"rotations is {rotations}: needed is 1 or more")
    if not all(0 < scale < math.inf for scale in scales):
        raise ValueError(f"scales are {scales}: needed are numbers above 0")
    every = [
        (360 * turn / rotations, scale, flip)
        for scale in dict.fromkeys((1.0, *scales))
        for flip in ((False, True) if mirror else (False,))
        for turn in range(rotations)
    ]
    if len(every) > 256:
        raise ValueError(f"rotations, scales and mirror make {len(every)} poses: 256 is the most")
    angle, scale, flip = (np.array(values) for values in zip(*every, strict=True))
    cosine, sine, sign = np.cos(np.radians(angle)), np.sin(np.radians(angle)), np.where(flip, -1, 1)
    matrices = scale[:, None, None] * np.stack([[cosine, -sine * sign], [sine, cosine * sign]]).transpose(2, 0, 1)
    return _Poses(matrices.astype(np.float32), angle.astype(np.float32), scale.astype(np.float32), flip)


def _side(picture: NDArray[Any], known: Mask | None, name: str, patch: int) -> tuple[Image, Mask]:
    """A picture as float32 (H, W, C) with what counts in it."""
    image = np.asarray(picture, np.float32)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3:
        raise ValueError(f"{name} has shape {image.shape}: needed is (H, W) or (H, W, C)")
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
    a: Any, b: Any, poses: Any, sizes: Any, anchors: Any, place: Any, label: Any, chosen: Any, allowed: Any,
    sources: Any, first: Any, finds: Any, before: Any, start: int, stop: int, partial: bool, anew: bool, seed: int,
    iteration: int,
) -> None:  # fmt: skip
    """One iteration over the targets ``start`` to ``stop``, in raster order or against it.

    a, b : (planes, counts) of targets' and sources' pictures.
    sizes : (side of a patch, planes, least pixels compared).
    finds : (source, pose, distance); ``before`` as they were at the iteration's start.
    """
    side = sizes[0]
    source, pose, distance = finds
    height, width = place.shape
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

        if anew:  # the picture has changed since
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
            m = place[y - dy, x - dx]
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
            state = _next(state)  # the widest window is the whole picture: straight from the list
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
def _mixed(x: Any) -> Any:
    """A hash of 32 bits (the finaliser of MurmurHash3)."""
    x = np.uint32(x)
    x ^= x >> np.uint32(16)
    x = np.uint32(x * np.uint32(0x85EBCA6B))
    x ^= x >> np.uint32(13)
    x = np.uint32(x * np.uint32(0xC2B2AE35))
    x ^= x >> np.uint32(16)
    return np.uint32(x)


@kernel()
def _next(state: Any) -> Any:
    return _mixed(state + np.uint32(0x9E3779B9))


@kernel()
def _matches(offered: Any, wanted: Any) -> Any:
    return offered != 0 and (wanted == 0 or offered == wanted)


@kernel(fastmath=True, inline=True)
def _offer(
    a: Any, b: Any, poses: Any, sizes: Any, finds: Any, n: int, y: int, x: int, sy: int, sx: int, wide: int, t: Any,
    whole: bool,
) -> None:  # fmt: skip
    """Take a source among the finds of target ``n`` if it is better than the worst of them and not there yet."""
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
def _distance(a: Any, b: Any, y: int, x: int, sy: int, sx: int, sizes: Any, best: Any) -> Any:
    """Of two patches all of whose pixels count; given up, row by row, as soon as it exceeds the best."""
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
def _partial_distance(a: Any, b: Any, y: int, x: int, sy: int, sx: int, sizes: Any, best: Any) -> Any:
    """Over the pixels that count in both patches."""
    side, depth, least = sizes
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
    return total / np.float32(count) if count >= least else FAR


@kernel(fastmath=True, inline=True)
def _posed_distance(a: Any, b: Any, y: int, x: int, sy: int, sx: int, turn: Any, sizes: Any, best: Any) -> Any:
    """The source turned, scaled or mirrored: bilinear between four pixels, all of which must count."""
    side, depth, least = sizes
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
    return total / np.float32(count) if count >= least else FAR
