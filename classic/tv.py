"""Total-variation inpainting (Chan and Shen 2002): of all fills, one whose level lines have the least total length.

The hole takes the colours u of least total variation that agree with what is known around it. The problem is convex
and is solved to a given gap by the primal-dual method of Chambolle and Pock (2011), with the step sizes of Pock and
Chambolle (2011) per pixel and the over-relaxation of Condat (2013). doi:10.1007/s10851-010-0251-1

With forward differences Du = (u(y, x + 1) - u(y, x), u(y + 1, x) - u(y, x)), both in all channels at once, minimised is

    TV(u) = sum over pixels |Du|,        |Du| = |(D_x u, D_y u)| isotropic, |D_x u| + |D_y u| anisotropic,           (1)

Euclidean norms over the channels (and both directions). A difference counts where at least one of its pixels is hole
and both are hole or known. With a dual field p, |p| <= 1 at each pixel (anisotropic: in each direction),

    TV(u) = max over p of <p, Du> = <D'p, u>.                                                                     (2)

One iteration, with step sizes tau and sigma that allow for how many differences a pixel has, is

    u' = u - tau D'p, clipped to [lo, hi];    p' = p + sigma D(2 u' - u), projected to |p| <= 1;                   (3)
    (u, p) + 1.7 (u' - u, p' - p) is where the next one starts.

Clipping leaves the optimum as it is: pulling each channel into the range [lo, hi] of its rim's colours lengthens no
difference. It bounds (2) from below for every p, since then the least <D'p, u> is found pixel by pixel:

    gap = TV(u) - sum over rim of u D'p - sum over hole of min(lo D'p, hi D'p)  >=  TV(u) - min TV.                (4)

Each connected part of the hole is a problem of its own, in units of its own range of colours, and stops by its own gap.
A deep hole starts from the solution of the picture halved, its dual field included: interpolated linearly along its
own direction and constant across, a field with D'p = 0 keeps that. Starting from u alone gains nothing.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from inpaintkit.arrays import Bool1, Bool2, F32x1, F32x2, F32x3, F32x4, F64x1, I32x1, I32x2, I64x1
from inpaintkit.classic._elliptic import softened
from inpaintkit.classic._hole import components, onion
from inpaintkit.distance import rim_distance
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask, Problem, Step
from inpaintkit.pyramid import Level, masked_pyramid, upsampled

_LANES = 4  # channels that the kernels see at once: a fixed number is one processor register, absent channels are 0
_BALANCE = np.float32(4)  # sigma over tau for colours in [0, 1], where u has less far to go than p; flat from 3 to 6
_RELAX = np.float32(
    1.7
)  # any below 2 converges; saves a third of the iterations, nearer to 2 some parts need many more
_EQUAL = np.ones((3, 3), np.float32)  # weights of the first fill
_EVERY = 10  # iterations between two looks at the gap
_CHUNK = 200  # iterations between reports
_SHALLOW = 8  # px: up to this depth a hole needs no coarser start


def tv(
    problem: Problem,
    *,
    norm: Literal["isotropic", "anisotropic"] = "isotropic",
    tolerance: float = 0.1,
    max_iterations: int = 2000,
) -> Image:
    """Fill a hole with the colours of least total variation.

    Edges stay sharp and continue straight where that is shorter than going round: a bar is made whole across a hole
    narrower than the bar is broad, and cut off at both ends of a wider one. No texture is made. Where several fills are
    equally short, which one is found depends on the start.

    Parameters
    ----------
    problem : the region to fill.
    norm : "isotropic" measures level lines as they are; "anisotropic" by rows plus columns, and prefers both.
    tolerance : gap to the least total variation at which to stop, in 255ths of the range per hole pixel (0 or more;
        from about 0.001 rounding stands in the way).
    max_iterations : at most so many at each size of the picture (1 or more).

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled. Notes ``iterations`` (the largest number of any part at full
    size), ``gap`` (the largest, in the units of ``tolerance``) and ``converged``.

    Raises
    ------
    ValueError : an option out of range.
    ContextError : hole pixels that touch no known pixel, not even through the hole.

    References
    ----------
    T. F. Chan, J. Shen, Mathematical models for local nontexture inpaintings, SIAM J. Appl. Math. 62(3), 2002,
    doi:10.1137/S0036139900368844.
    A. Chambolle, T. Pock, A first-order primal-dual algorithm for convex problems with applications to imaging,
    J. Math. Imaging Vis. 40, 2011. T. Pock, A. Chambolle, Diagonal preconditioning for first order primal-dual
    algorithms in convex optimization, ICCV 2011. L. Condat, A primal-dual splitting method for convex optimization
    involving Lipschitzian, proximable and linear composite terms, J. Optim. Theory Appl. 158, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from inpaintkit.problem import Problem
    >>> bar = np.zeros((9, 9, 1), np.float32)
    >>> bar[2:7] = 1
    >>> hole = np.zeros((9, 9), bool)
    >>> hole[1:8, 4:6] = True
    >>> filled = tv(Problem.create(bar, hole), tolerance=0.01)
    >>> bool(np.abs(filled - bar).max() < 0.01)
    True
    """
    if tolerance < 0:
        raise ValueError(f"tv's option tolerance is {tolerance:g}: expected 0 or more grey levels")
    if max_iterations < 1:
        raise ValueError(f"tv's option max_iterations is {max_iterations}: expected 1 or more")
    problem = softened(problem)
    levels = _levels(problem)
    coarser: _Parts | None = None
    for number, level in enumerate(reversed(levels)):
        parts = _Parts(level)
        if number == len(levels) - 1 and parts.unreached:
            raise ContextError.of(
                "tv", f"{parts.unreached} hole pixels touch no known pixel, not even through the hole"
            )
        if coarser:
            parts.begin(coarser)
        while parts.iterate(norm == "isotropic", tolerance / 255, max_iterations):
            problem.report(Step(number + parts.share(max_iterations), len(levels)))
        coarser = parts
    problem.note(
        iterations=int(parts.steps.max(initial=0)),
        gap=round(float((parts.gap * parts.unit).max(initial=0)) * 255, 4),
        converged=bool(parts.settled.all()),
    )
    return parts.filled()


def _levels(problem: Problem) -> list[Level]:
    """The picture and, where the hole is deep, its halves, finest first."""
    depth = float(rim_distance(problem.hole, problem.known).max())
    if not _SHALLOW < depth < np.inf:
        return [Level(problem.image, problem.known, problem.hole)]
    halvings = int(np.ceil(np.log2(depth / _SHALLOW)))
    return masked_pyramid(problem.image, problem.known, problem.hole, levels=1 + halvings)


class _Graph(NamedTuple):
    """The hole's pixels and the known ones beside them as nodes, part by part; the last node stands for nothing.

    place : (N + 1), flat index of the pixel.
    link : (4, N + 1), nodes right, below, left, above. Without a difference to the right or below, the node itself;
        without one to the left or above, the last node, whose p is 0.
    tau, sigma : (N + 1), 1 / differences of a pixel, and 1 / hole pixels in a difference, the larger of its two.
    first : (K + 1), where each part begins; inner : (K), where its hole pixels end and its rim begins.
    """

    place: I64x1
    link: I32x2
    tau: F32x1
    sigma: F32x1
    first: I64x1
    inner: I64x1


class _Parts:
    """The connected parts of a level's hole: colours u and dual field p by node, and how far each part has come.

    u counts from lo in units of the part's largest range over the channels, so that one balance of steps suits all.
    """

    def __init__(self, level: Level) -> None:
        hole, image = level.hole, level.image
        self.image = image
        self.graph = graph = _graph(hole, level.known)
        start, coloured = onion(image, hole, level.known, _EQUAL)
        self.unreached = int(np.count_nonzero(hole & ~coloured))
        colours = start.reshape(-1, image.shape[2])
        self.u, self.low, self.high, self.unit = _scaled(colours, graph)
        self.p = np.zeros((len(self.u), 2, self.u.shape[1]), np.float32)
        self.ahead, self.shrunk = self.u.copy(), np.ones((len(self.u), 2), np.float32)  # room for the kernels
        self.own = np.flatnonzero(hole.reshape(-1)[graph.place[:-1]])  # nodes that are hole
        self.part = np.repeat(np.arange(len(self.unit)), np.diff(graph.first))[self.own]
        self.gap = np.zeros(len(self.unit))
        self.steps = np.zeros(len(self.unit), np.int64)
        self.settled = self.unit == 0

    def begin(self, coarser: _Parts) -> None:
        """Start from the colours and the dual field of the level of half the size."""
        graph, own, part = self.graph, self.own, self.part
        height, width, channels = self.image.shape
        unit = np.where(self.unit > 0, self.unit, 1)[part, None]
        colours = upsampled(coarser.filled(), (height, width)).reshape(-1, channels)
        start = (colours[graph.place[own]] - self.low[part]) / unit
        self.u[own, :channels] = np.clip(start, 0, self.high[part, :channels])
        y, x = np.divmod(graph.place[:-1], width)
        dual = coarser.dual()
        before = dual[y // 2, np.maximum(x - 1, 0) // 2, 0], dual[np.maximum(y - 1, 0) // 2, x // 2, 1]
        for axis in (0, 1):
            here = graph.link[axis, :-1] != np.arange(len(y))  # elsewhere there is no difference
            mean = (before[axis] + dual[y // 2, x // 2, axis]) / 2
            self.p[:-1, axis] = np.where(here[:, None], mean, 0)

    def iterate(self, isotropic: bool, tolerance: float, max_steps: int) -> bool:
        """Iterate every part that has not settled for a while; returns whether any is left to iterate."""
        goal = tolerance / np.where(self.unit > 0, self.unit, 1).astype(np.float64)
        state = (self.u, self.ahead, self.p, self.shrunk, self.gap, self.steps, self.settled)
        _iterate_kernel(*state, *self.graph[1:], self.high, goal, isotropic, _CHUNK, max_steps)
        return bool((~self.settled & (self.steps < max_steps)).any())

    def share(self, max_steps: int) -> float:
        """The share of the work that is done, as far as it is known."""
        done = np.where(self.settled, 1, self.steps / max_steps)
        return float(done[self.part].mean())

    def filled(self) -> Image:
        """The level's picture with the hole filled."""
        filled = self.image.copy()
        colours = filled.reshape(-1, filled.shape[2])
        values = np.clip(self.u[self.own], 0, self.high[self.part])[:, : colours.shape[1]]
        values = values * self.unit[self.part, None] + self.low[self.part]
        colours[self.graph.place[self.own]] = values
        return filled

    def dual(self) -> F32x4:
        """The dual field by pixel, (H, W, 2, lanes), 0 where there is no difference."""
        dual = np.zeros((*self.image.shape[:2], *self.p.shape[1:]), np.float32)
        y, x = np.divmod(self.graph.place[:-1], dual.shape[1])
        np.add.at(dual, (y, x), self.p[:-1])  # a known pixel may be rim of two parts
        return dual


def _graph(hole: Mask, known: Mask) -> _Graph:
    """The nodes and links of a hole's parts."""
    order, start = components(hole)
    room, parts = len(order), len(start) - 1
    for this, other in ((hole, known), (known, hole)):
        room += int(np.count_nonzero(this[1:] & other[:-1]) + np.count_nonzero(this[:, 1:] & other[:, :-1]))
    place, link = np.zeros(room + 1, np.int64), np.full((4, room + 1), room, np.int32)
    tau, sigma = np.zeros(room + 1, np.float32), np.zeros(room + 1, np.float32)
    first, inner = np.zeros(parts + 1, np.int64), np.zeros(parts, np.int64)
    node = np.full(hole.size, -1, np.int32)
    last = _graph_kernel(order, start, hole, known, place, link, tau, sigma, first, inner, node)
    nodes = last + 1
    link = np.minimum(link[:, :nodes], np.int32(last))
    return _Graph(place[:nodes], link, tau[:nodes], sigma[:nodes], first, inner)


@kernel()
def _graph_kernel(
    order: I64x1,
    start: I64x1,
    hole: Bool2,
    known: Bool2,
    place: I64x1,
    link: I32x2,
    tau: F32x1,
    sigma: F32x1,
    first: I64x1,
    inner: I64x1,
    node: I32x1,
) -> int:
    """Fill the arrays of ``_Graph``: hole pixels order[start[k]:start[k + 1]] of each part first, then its rim.

    ``node`` (H * W) is -1 everywhere. Returns the index of the last node, which stands for nothing.
    """
    height, width = hole.shape
    inside, outside = hole.reshape(-1), known.reshape(-1)
    parts = len(start) - 1
    count = 0
    for k in range(parts):
        first[k] = count
        for n in range(start[k], start[k + 1]):
            node[order[n]] = count
            place[count] = order[n]
            count += 1
        inner[k] = count
        for i in range(first[k], inner[k]):
            for side in range(4):
                q = _beside(place[i], side, height, width)
                if q >= 0 and outside[q] and node[q] < first[k]:  # another part's rim is another node
                    node[q] = count
                    place[count] = q
                    count += 1
        for i in range(first[k], count):
            link[0, i] = i
            link[1, i] = i
        for i in range(first[k], inner[k]):
            degree = 0
            for side in range(4):
                q = _beside(place[i], side, height, width)
                if q < 0 or not (inside[q] or outside[q]):
                    continue
                degree += 1
                link[side, i] = node[q]
                base = i if side < 2 else node[q]
                if inside[q]:
                    sigma[base] = 2
                else:
                    link[(side + 2) % 4, node[q]] = i
                    sigma[base] = max(sigma[base], np.float32(1))
            tau[i] = np.float32(1) / max(degree, 1)
        for i in range(first[k], count):
            sigma[i] = np.float32(1) / max(sigma[i], np.float32(1))
    first[parts] = count
    return count


@kernel()
def _beside(p: int, side: int, height: int, width: int) -> int:
    """Flat index of the pixel right of, below, left of or above p; -1 outside the picture."""
    y, x = p // width, p % width
    if side == 0:
        return p + 1 if x + 1 < width else -1
    if side == 1:
        return p + width if y + 1 < height else -1
    if side == 2:
        return p - 1 if x > 0 else -1
    return p - width if y > 0 else -1


def _scaled(colours: F32x2, graph: _Graph) -> tuple[F32x2, F32x2, F32x2, F32x1]:
    """u by node, and lo (K, C), hi (K, lanes) and unit (K) of each part; hi counts from lo in units."""
    channels, parts = colours.shape[1], len(graph.inner)
    lanes = -(-channels // _LANES) * _LANES
    u = np.zeros((len(graph.place), lanes), np.float32)
    low, high = np.zeros((parts, channels), np.float32), np.zeros((parts, lanes), np.float32)
    unit = np.zeros(parts, np.float32)
    _scaled_kernel(colours, graph.place, graph.first, u, low, high, unit)
    return u, low, high, unit


@kernel()
def _scaled_kernel(colours: F32x2, place: I64x1, first: I64x1, u: F32x2, low: F32x2, high: F32x2, unit: F32x1) -> None:
    """Fill what ``_scaled`` gives, all 0 before."""
    parts, channels = low.shape
    for k in range(parts):
        for c in range(channels):
            smallest = largest = colours[place[first[k]], c]
            for i in range(first[k], first[k + 1]):
                smallest, largest = min(smallest, colours[place[i], c]), max(largest, colours[place[i], c])
            low[k, c] = smallest
            high[k, c] = largest - smallest
            unit[k] = max(unit[k], largest - smallest)
        if unit[k] > 0:
            for c in range(channels):
                high[k, c] /= unit[k]
            for i in range(first[k], first[k + 1]):
                for c in range(channels):
                    u[i, c] = (colours[place[i], c] - low[k, c]) / unit[k]


@kernel(fastmath=True)  # a third of the time: sums over lanes become one instruction
def _iterate_kernel(
    u: F32x2,
    ahead: F32x2,
    p: F32x3,
    shrunk: F32x2,
    gap: F64x1,
    steps: I64x1,
    settled: Bool1,
    link: I32x2,
    tau: F32x1,
    sigma: F32x1,
    first: I64x1,
    inner: I64x1,
    high: F32x2,
    goal: F64x1,
    isotropic: bool,
    sweeps: int,
    max_steps: int,
) -> None:
    """Iterate (3) in place, part by part, until ``gap`` per hole pixel is ``goal``, or for so many ``sweeps``."""
    zero, one, two = np.float32(0), np.float32(1), np.float32(2)
    lanes = u.shape[1]
    right, below, left, above = link[0], link[1], link[2], link[3]
    for k in range(len(inner)):
        start, rim, stop = first[k], inner[k], first[k + 1]
        for _ in range(sweeps):
            if settled[k] or steps[k] >= max_steps:
                break
            steps[k] += 1
            for i in range(start, rim):
                a, b = left[i], above[i]
                step = tau[i] / _BALANCE
                for g in range(0, lanes, _LANES):
                    for c in range(g, g + _LANES):
                        old = u[i, c]
                        new = old - step * (p[a, 0, c] + p[b, 1, c] - p[i, 0, c] - p[i, 1, c])
                        new = min(max(new, zero), high[k, c])
                        ahead[i, c] = two * new - old
                        u[i, c] = old + _RELAX * (new - old)
            for i in range(start, stop):
                a, b = right[i], below[i]
                step = sigma[i] * _BALANCE
                along, down = zero, zero  # squared lengths in x and y
                for g in range(0, lanes, _LANES):
                    for c in range(g, g + _LANES):
                        x = p[i, 0, c] + step * (ahead[a, c] - ahead[i, c])
                        y = p[i, 1, c] + step * (ahead[b, c] - ahead[i, c])
                        along += x * x
                        down += y * y
                if isotropic:
                    along = down = one / max(one, np.sqrt(along + down))
                else:
                    along, down = one / max(one, np.sqrt(along)), one / max(one, np.sqrt(down))
                for g in range(0, lanes, _LANES):
                    for c in range(g, g + _LANES):
                        x = p[i, 0, c] + step * (ahead[a, c] - ahead[i, c])
                        y = p[i, 1, c] + step * (ahead[b, c] - ahead[i, c])
                        p[i, 0, c] += _RELAX * (x * along - p[i, 0, c])
                        p[i, 1, c] += _RELAX * (y * down - p[i, 1, c])
            if steps[k] % _EVERY == 0 or steps[k] == max_steps:
                gap[k] = _gap(u, ahead, p, shrunk, link, start, rim, stop, high[k], isotropic) / (rim - start)
                settled[k] = gap[k] <= goal[k]


@kernel(fastmath=True, inline=True)
def _gap(
    u: F32x2,
    ahead: F32x2,
    p: F32x3,
    shrunk: F32x2,
    link: I32x2,
    start: int,
    rim: int,
    stop: int,
    high: F32x1,
    isotropic: bool,
) -> float:
    """(4) in a part's units, for u clipped and p projected: over-relaxation lets both leave their bounds a little.

    u and p themselves stay as they are. Clipped and projected they would start the next iteration farther from the
    optimum, in the norm in which iterations approach it, and could go round in circles.
    """
    zero, one = np.float32(0), np.float32(1)
    lanes = u.shape[1]
    right, below, left, above = link[0], link[1], link[2], link[3]
    for i in range(start, rim):
        for g in range(0, lanes, _LANES):
            for c in range(g, g + _LANES):
                ahead[i, c] = min(max(u[i, c], zero), high[c])
    primal = 0.0
    for i in range(start, stop):
        a, b = right[i], below[i]
        along, down, long_x, long_y = zero, zero, zero, zero
        for g in range(0, lanes, _LANES):
            for c in range(g, g + _LANES):
                x, y = ahead[a, c] - ahead[i, c], ahead[b, c] - ahead[i, c]
                along += x * x
                down += y * y
                long_x += p[i, 0, c] * p[i, 0, c]
                long_y += p[i, 1, c] * p[i, 1, c]
        if isotropic:
            primal += np.sqrt(along + down)
            shrunk[i, 0] = shrunk[i, 1] = one / max(one, np.sqrt(long_x + long_y))
        else:
            primal += np.sqrt(along) + np.sqrt(down)
            shrunk[i, 0], shrunk[i, 1] = one / max(one, np.sqrt(long_x)), one / max(one, np.sqrt(long_y))
    dual = 0.0
    for i in range(start, stop):
        a, b = left[i], above[i]
        for g in range(0, lanes, _LANES):
            for c in range(g, g + _LANES):
                slope = p[a, 0, c] * shrunk[a, 0] + p[b, 1, c] * shrunk[b, 1]
                slope -= p[i, 0, c] * shrunk[i, 0] + p[i, 1, c] * shrunk[i, 1]
                dual += slope * ahead[i, c] if i >= rim else min(slope * high[c], zero)
    return primal - dual
