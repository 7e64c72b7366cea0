"""Exemplar-based filling (Criminisi, Pérez and Toyama 2004): whole patches copied in an order that carries lines on.

The patch of highest priority on the fill front takes its missing pixels from the most similar known patch; the front
moves with it, and the next patch is chosen. doi:10.1109/TIP.2004.833105

P(p) = C(p) D(p), the priority of front pixel p with its patch Psi_p
C(p) = sum of C(q) over the filled pixels q of Psi_p / |Psi_p|, the confidence; at first 1 where known, 0 in the hole,
       and C(p) for what patch p filled in
D(p) = |grad I^perp . n| / alpha, the data term: the isophote of the strongest slope in Psi_p along the front's normal
       n; alpha is the range
Distances are sums of squares in CIE Lab over the filled pixels; sources are patches of known pixels alone.
"""

from __future__ import annotations

import heapq
import math
from functools import cache

import cv2
import numpy as np

from inpaintkit import threads
from inpaintkit.arrays import Bool2, F32x1, F32x2, F32x3, F64x1, I32x1, I32x2, I64x1, I64x2
from inpaintkit.classic._lanes import LANES, load, splat, store, within
from inpaintkit.classic._seams import shifts
from inpaintkit.distance import distance_to
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.picture import PictureMask
from inpaintkit.problem import Image, Mask, Problem, Step

_TILE = 65536  # sources that one thread searches at a time; fewer are not worth a thread
_BLOCK = 4 * LANES  # sources side by side whose distances grow together
_STRIDE = 3  # pixels of the patch between two checks of whether a block may still hold the best
_BARRED = np.float32(1e38)  # distance of what is no source, beyond all others
_SLACK = np.float32(1.001)  # sums taken in another order differ by less, even in the largest patch
_REPORT = 50  # patches between two reports

Target = tuple[I64x1, I64x1, F32x2]  # rows and columns from the centre (N,), colours (N, L)


def criminisi(
    problem: Problem, *, patch: int = 9, window: int | None = None, source: PictureMask | None = None
) -> Image:
    """Fill a hole patch by patch, each copied whole, edges first.

    Parameters
    ----------
    problem : the region to fill.
    patch : side of a patch in pixels, odd, 3 to 51; a little more than the largest texel.
    window : copy only from patches whose centre is at most so many pixels away in rows and columns, 1 or more; None:
        from the whole crop, which is as large as a hole of this size needs.
    source : bool mask as large as the picture, where to copy from; None: from anywhere known.

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled, nothing blended. Notes ``patches`` (how many were copied) and
    ``shifts``, int32 (H, W, 2), rows and columns from a filled pixel to the one it was copied from.

    Raises
    ------
    ValueError : an option out of range.
    ContextError : no patch of known pixels, or none within ``window``.

    References
    ----------
    A. Criminisi, P. Pérez and K. Toyama, Region filling and object removal by exemplar-based image inpainting, IEEE
    Trans. Image Process. 13(9), 2004, doi:10.1109/TIP.2004.833105.

    Examples
    --------
    >>> import numpy as np
    >>> from inpaintkit.problem import Problem
    >>> board = np.kron(np.indices((10, 10)).sum(axis=0) % 2, np.ones((6, 6))).astype(np.float32)[..., None]
    >>> hole = np.zeros((60, 60), bool)
    >>> hole[21:40, 24:41] = True
    >>> bool((criminisi(Problem.create(board, hole)) == board).all())
    True
    """
    if not 3 <= patch <= 51 or patch % 2 == 0:
        raise ValueError(f"criminisi's option patch is {patch}: expected an odd number of pixels from 3 to 51")
    if window is not None and window < 1:
        raise ValueError(f"criminisi's option window is {window}: expected 1 or more pixels, or None for the crop")
    front = _Front(problem, patch, window, source)
    todo = total = int(np.count_nonzero(problem.hole))
    copied = 0
    while todo:
        p = front.first()
        if p is None:
            raise ContextError.of("criminisi", f"{todo} hole pixels touch no known one, not even through the hole")
        todo -= front.copy(p, front.search(p))
        copied += 1
        if copied % _REPORT == 0:
            problem.report(Step(total - todo, total))
    problem.note(patches=copied, shifts=shifts(problem.hole, front.origin[problem.hole]))
    filled = problem.image.copy()
    filled[problem.hole] = filled.reshape(-1, filled.shape[2])[front.origin[problem.hole]]
    return filled


class _Front:
    """What is filled so far, and the priorities along its border. Pixels are flat places of the crop."""

    def __init__(self, problem: Problem, side: int, window: int | None, source: PictureMask | None) -> None:
        self.side, self.window = side, window
        self.shape = height, width = problem.hole.shape
        allowed = problem.known if source is None else problem.known & problem.part(source.pixels)
        self.allowed = _whole(allowed, side)  # by centre
        if not self.allowed.any():
            raise ContextError.of("criminisi", _lack(allowed, side))
        lab = _lab(problem.image, alpha=problem.alpha)
        spare = np.zeros(_BLOCK, np.float32)  # whole vectors are read beyond the last source
        self.flat = np.concatenate((lab.reshape(-1), spare))
        self.lab: Image = self.flat[: lab.size].reshape(lab.shape)  # (L, H, W)
        self.barred = np.concatenate((np.where(self.allowed, np.float32(0), _BARRED).reshape(-1), spare + _BARRED))
        self.order = _spread(side)
        self.grey = np.ascontiguousarray(problem.image.mean(axis=2))
        self.filled = problem.known.copy()
        self.hole = problem.hole
        self.confidence = problem.known.astype(np.float32)
        self.origin = np.where(problem.known, np.arange(height * width).reshape(height, width), -1).astype(np.int32)
        self.latest = np.zeros(height * width, np.int32)  # a pixel's latest entry in the heap, by number
        self.heap: list[tuple[float, float, int, int]] = []
        self._rate(0, 0, height, width)

    def first(self) -> int | None:
        """The front pixel of highest priority; among equals the surest, then the first in raster order."""
        while self.heap:
            _, _, p, number = heapq.heappop(self.heap)
            if self.latest[p] == number:
                return p
        return None

    def search(self, p: int) -> int:
        """The centre of the known patch most like the filled part of the patch of ``p``; the first among equals."""
        (height, width), half = self.shape, self.side // 2
        y, x = divmod(p, width)
        reach = max(height, width) if self.window is None else self.window
        top, bottom = max(half, y - reach), min(height - half, y + reach + 1)  # centres of patches wholly inside
        left, right = max(half, x - reach), min(width - half, x + reach + 1)
        if self.window is not None and not self.allowed[top:bottom, left:right].any():
            away = math.ceil(distance_to(self.allowed)[y, x])
            lack = f"no patch of known pixels within window={reach}, the nearest is {away} pixels away"
            raise ContextError.of("criminisi", lack)
        target = _target_kernel(self.lab, self.filled, self.order, y, x)
        guess = _guess_kernel(self.lab, self.origin, self.allowed, target, y, x, half, top, bottom, left, right)
        step = max(1, _TILE // (right - left))
        found = [guess]

        def tile(first: int) -> None:
            bound, last = float(min(found)[0]), min(first + step, bottom)  # whichever it is, the best of all is found
            found.append(
                _search_kernel(self.lab, self.flat, self.allowed, self.barred, target, bound, first, last, left, right)
            )

        threads.run(tile, range(top, bottom, step))
        return int(min(found)[1])

    def copy(self, p: int, source: int) -> int:
        """Copy what the patch of ``p`` lacks, and rate the front around it again; returns the number of pixels."""
        (y, x), width = divmod(p, self.shape[1]), self.shape[1]
        count = _copy_kernel(
            self.lab, self.grey, self.filled, self.hole, self.confidence, self.origin, y, x, source // width,
            source % width, self.side,
        )  # fmt: skip
        self._rate(y - self.side, x - self.side, y + self.side + 1, x + self.side + 1)
        return count

    def _rate(self, top: int, left: int, bottom: int, right: int) -> None:
        """Push the priorities of a box's front pixels; earlier ones count no more."""
        height, width = self.shape
        top, left, bottom, right = max(0, top), max(0, left), min(height, bottom), min(width, right)
        self.latest.reshape(self.shape)[top:bottom, left:right] += 1
        places, priority, sure = _priority_kernel(
            self.grey, self.filled, self.hole, self.confidence, self.side, top, left, bottom, right
        )
        for p, value, confidence in zip(places.tolist(), priority.tolist(), sure.tolist(), strict=True):
            heapq.heappush(self.heap, (-value, -confidence, p, int(self.latest[p])))


def _whole(allowed: Mask, side: int) -> Mask:
    """Centres of the patches that hold allowed pixels alone, bool (H, W)."""
    element = np.ones((side, side), np.uint8)
    whole: Mask = cv2.erode(allowed.view(np.uint8), element, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    return whole


def _lack(allowed: Mask, side: int) -> str:
    """Why there is no source patch."""
    height, width = allowed.shape
    if min(height, width) < side:
        return f"a patch of {side} x {side} pixels is larger than the crop of {height} x {width}"
    free = cv2.distanceTransform(np.pad(allowed, 1).view(np.uint8), cv2.DIST_C, 3)
    return (
        f"no patch of {side} x {side} known pixels to copy from; the largest known square is "
        f"{2 * int(free.max()) - 1} pixels wide: mask less, or choose a smaller patch"
    )


def _lab(image: Image, *, alpha: bool) -> Image:
    """CIE Lab, float32 (L, H, W), of three colours; any other number as L each; alpha, and what exceeds Lab's range, as
    much as L, beside them.

    The colours take the middle half of Lab's range, where it is hardly bent: distances near black count as all others.
    """
    colours = image[..., : image.shape[2] - alpha]
    planes: list[Image] = [colours * 100, image[..., colours.shape[2] :] * 100]
    if colours.shape[2] == 3:
        middle = colours / 2 + np.float32(0.25)
        clipped = np.clip(middle, 0, 1)
        planes[0] = np.asarray(cv2.cvtColor(clipped, cv2.COLOR_RGB2LAB), np.float32) * 2
        beyond = (middle - clipped).mean(axis=2, keepdims=True)
        planes += [beyond * 200] if beyond.any() else []
    return np.ascontiguousarray(np.concatenate(planes, axis=2).transpose(2, 0, 1), np.float32)


@cache
def _spread(side: int) -> I64x2:
    """Rows and columns from a patch's centre, (side^2, 2), each as far as can be from those before it.

    The first few then distinguish patches about as well as all of them.
    """
    place = np.stack(np.divmod(np.arange(side * side), side), axis=1) - side // 2
    order = [0]
    apart = np.full(side * side, np.inf)
    while len(order) < side * side:
        apart = np.minimum(apart, ((place - place[order[-1]]) ** 2).sum(axis=1))
        order.append(int(np.argmax(apart)))
    return place[order]


@kernel()
def _priority_kernel(
    grey: F32x2, filled: Bool2, hole: Bool2, confidence: F32x2, side: int, top: int, left: int, bottom: int, right: int
) -> tuple[I32x1, F64x1, F64x1]:
    """(places, P, C) of the front's pixels in a box: hole pixels beside a filled one."""
    height, width = filled.shape
    half = side // 2
    places = np.empty((bottom - top) * (right - left), np.int32)
    priority = np.empty(len(places), np.float64)
    sure = np.empty(len(places), np.float64)
    count = 0
    for y in range(top, bottom):
        for x in range(left, right):
            if not hole[y, x] or filled[y, x]:
                continue
            beside = False
            for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    beside |= filled[y + dy, x + dx]
            if not beside:
                continue
            total, area = 0.0, 0
            steepest, gy, gx = -1.0, 0.0, 0.0
            for r in range(max(0, y - half), min(height, y + half + 1)):
                for c in range(max(0, x - half), min(width, x + half + 1)):
                    area += 1
                    if not filled[r, c]:
                        continue
                    total += confidence[r, c]
                    v = _slope(grey, filled, r, c, 1, 0)
                    u = _slope(grey, filled, r, c, 0, 1)
                    if v * v + u * u > steepest:
                        steepest, gy, gx = v * v + u * u, v, u
            ny, nx = _normal(filled, y, x)
            places[count] = y * width + x
            sure[count] = total / area
            priority[count] = total / area * abs(gy * nx - gx * ny)  # isophote (-gx, gy) along (ny, nx), rows first
            count += 1
    return places[:count], priority[:count], sure[:count]


@kernel()
def _slope(grey: F32x2, filled: Bool2, r: int, c: int, dy: int, dx: int) -> float:
    """Central difference where both neighbours are filled, one-sided where one is, else 0."""
    before = r >= dy and c >= dx and filled[r - dy, c - dx]
    after = r + dy < filled.shape[0] and c + dx < filled.shape[1] and filled[r + dy, c + dx]
    if before and after:
        return float(0.5 * (grey[r + dy, c + dx] - grey[r - dy, c - dx]))
    if after:
        return float(grey[r + dy, c + dx] - grey[r, c])
    if before:
        return float(grey[r, c] - grey[r - dy, c - dx])
    return 0.0


@kernel()
def _normal(filled: Bool2, y: int, x: int) -> tuple[float, float]:
    """Unit normal of the front: the slope of the filled mask under a small Gaussian (Sobel's weights 1 2 1)."""
    height, width = filled.shape
    ny, nx = 0.0, 0.0
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            r, c = min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)
            if filled[r, c]:
                ny += dy * (2 - abs(dx))
                nx += dx * (2 - abs(dy))
    length = np.sqrt(ny * ny + nx * nx)
    return (ny / length, nx / length) if length > 0 else (0.0, 0.0)


@kernel()
def _target_kernel(lab: F32x3, filled: Bool2, order: I64x2, y: int, x: int) -> Target:
    """The filled pixels in the patch of (y, x)."""
    height, width = filled.shape
    dy, dx = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
    colours = np.empty((len(order), len(lab)), np.float32)
    count = 0
    for k in range(len(order)):
        r, c = y + order[k, 0], x + order[k, 1]
        if 0 <= r < height and 0 <= c < width and filled[r, c]:
            dy[count], dx[count] = order[k, 0], order[k, 1]
            for plane in range(len(lab)):  # a slice would take seconds to compile
                colours[count, plane] = lab[plane, r, c]
            count += 1
    return dy[:count], dx[:count], colours[:count]


@kernel()
def _guess_kernel(
    lab: F32x3, origin: I32x2, allowed: Bool2, target: Target, y: int, x: int, half: int, top: int, bottom: int,
    left: int, right: int,
) -> tuple[np.float32, int]:  # fmt: skip
    """(distance, centre) of the best source that continues a shift within the patch: often near the best of all."""
    height, width = origin.shape
    dy, dx, colours = target
    best, at = np.float32(np.inf), height * width
    for r in range(max(0, y - half), min(height, y + half + 1)):
        for c in range(max(0, x - half), min(width, x + half + 1)):
            o = origin[r, c]
            if o < 0 or o == r * width + c:
                continue
            sy, sx = o // width + y - r, o % width + x - c
            if top <= sy < bottom and left <= sx < right and allowed[sy, sx]:
                d = _distance(lab, sy, sx, dy, dx, colours, best)
                if d < best or (d == best and sy * width + sx < at):
                    best, at = d, sy * width + sx
    return best, at


@kernel()
def _search_kernel(
    lab: F32x3, flat: F32x1, allowed: Bool2, barred: F32x1, target: Target, bound: float, top: int, bottom: int,
    left: int, right: int,
) -> tuple[np.float32, int]:  # fmt: skip
    """(distance, centre) of the best source in a box that is no worse than the bound; the first among equals.

    Blocks of sources only find out which may be the best: those are summed again in one order, so that equal patches
    have equal distances.
    """
    height, width = allowed.shape
    dy, dx, colours = target
    sums = np.empty(_BLOCK, np.float32)
    best, at = np.float32(bound), allowed.size
    for y in range(top, bottom):
        for begin in range(y * width + left, y * width + right, _BLOCK):
            limit = best * _SLACK
            p, q = load(barred, begin), load(barred, begin + LANES)
            s, t = load(barred, begin + 2 * LANES), load(barred, begin + 3 * LANES)
            k, count = 0, within(p, limit) + within(q, limit) + within(s, limit) + within(t, limit)
            while k < len(dy) and count > 0:
                for i in range(k, min(k + _STRIDE, len(dy))):
                    for plane in range(len(lab)):
                        colour = splat(colours[i, plane])
                        place = begin + (plane * height + dy[i]) * width + dx[i]
                        a, b = load(flat, place) - colour, load(flat, place + LANES) - colour
                        c, d = load(flat, place + 2 * LANES) - colour, load(flat, place + 3 * LANES) - colour
                        p, q, s, t = p + a * a, q + b * b, s + c * c, t + d * d
                k = min(k + _STRIDE, len(dy))
                count = within(p, limit) + within(q, limit) + within(s, limit) + within(t, limit)
            if count == 0:
                continue
            store(sums, 0, p)
            store(sums, LANES, q)
            store(sums, 2 * LANES, s)
            store(sums, 3 * LANES, t)
            for n in range(min(_BLOCK, y * width + right - begin)):
                x = begin + n - y * width
                if sums[n] <= limit and allowed[y, x]:
                    distance = _distance(lab, y, x, dy, dx, colours, best)
                    if distance < best or (distance == best and at == allowed.size):
                        best, at = distance, begin + n
    return best, at


@kernel()
def _distance(lab: F32x3, y: int, x: int, dy: I64x1, dx: I64x1, colours: F32x2, best: np.float32) -> np.float32:
    """The sum of squares; given up once it exceeds the best."""
    total = np.float32(0)
    for i in range(len(dy)):
        if total > best:
            break
        for t in range(len(lab)):
            miss = lab[t, y + dy[i], x + dx[i]] - colours[i, t]
            total += miss * miss
    return total


@kernel()
def _copy_kernel(
    lab: F32x3,
    grey: F32x2,
    filled: Bool2,
    hole: Bool2,
    confidence: F32x2,
    origin: I32x2,
    y: int,
    x: int,
    sy: int,
    sx: int,
    side: int,
) -> int:
    """Fill what the patch of (y, x) lacks from that of (sy, sx), with the confidence of (y, x); returns how many."""
    height, width = filled.shape
    half = side // 2
    total, area = 0.0, 0
    for r in range(max(0, y - half), min(height, y + half + 1)):
        for c in range(max(0, x - half), min(width, x + half + 1)):
            area += 1
            if filled[r, c]:
                total += confidence[r, c]
    count = 0
    for r in range(max(0, y - half), min(height, y + half + 1)):
        for c in range(max(0, x - half), min(width, x + half + 1)):
            if filled[r, c] or not hole[r, c]:
                continue
            fr, fc = sy + r - y, sx + c - x
            for plane in range(len(lab)):
                lab[plane, r, c] = lab[plane, fr, fc]
            grey[r, c] = grey[fr, fc]
            confidence[r, c] = total / area
            origin[r, c] = fr * width + fc
            filled[r, c] = True
            count += 1
    return count
