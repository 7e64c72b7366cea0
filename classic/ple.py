"""Piecewise linear estimators (Yu, Sapiro and Mallat 2012): patches are Gaussian, known pixels predict the others.

Patches that look alike are samples of one Gaussian, learnt from the picture itself; a patch's unknown pixels are their
conditional mean given its known ones, which is linear, and overlapping patches are averaged. With U choosing a
patch's known pixels y, the estimate is the Wiener filter

    f = mu + S U' (U S U' + sigma^2 I)^-1 (y - U mu),

solved by Cholesky in the dimension of y. doi:10.1109/TIP.2011.2176743

The paper shares some twenty Gaussians among all patches. Here every reference patch has its own, as in Aguerrebere,
Almansa, Delon, Gousseau and Muse 2017 (doi:10.1109/TCI.2017.2704439): mu and S are those of the N patches most like
it nearby in the present estimate, S drawn towards a plain prior that weighs as much as nu samples,

    S = (sum (x - mu) (x - mu)' + nu v R) / (N + nu),      R_pq = rho^|p - q|,      v = the group's mean variance,

so that nothing needs to be clustered. Those of the N that are most alike, and hold hole pixels, are estimated from this
one S, and each adds to the average. A round looks for similar patches, learns and estimates; the next begins from its
picture, with a smaller sigma. Reference patches lie half a patch apart, wherever they hold hole pixels; of the
chessboard that they make, odd rounds take the white squares and even rounds the black ones.

The system is that of a patch's known or of its unknown pixels, whichever are fewer: with Q = (S + sigma^2 I)^-1, which
is worked out once for the group, the unknown pixels u of a patch are

    f_u = mu_u - Q_uu^-1 Q_uk (y - U mu),

the same estimate. Sixteen patches with systems of like sizes are solved side by side, one in each lane of a vector.

The first estimate is biharmonic where single pixels are missing, and coherence transport where strokes are. Colours are
estimated along grey and two opponent axes. All axes share mu's patches and one S, the sum of theirs, so that one
factorisation serves all; a separate S for each axis changed colour pictures by 0.01 dB. The numbers below were chosen
on scikit-image's photographs.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np

from inpaintkit import threads
from inpaintkit.arrays import Bool2, F32x1, F32x2, F32x3, I32x2, I64x1, I64x2
from inpaintkit.classic import _elliptic
from inpaintkit.classic._hole import base_colour
from inpaintkit.classic._lanes import LANES, load, splat, spread, store
from inpaintkit.classic._systems import combine, factorise, invert, limit_of, solve
from inpaintkit.classic.coherence import coherence
from inpaintkit.classic.rows import PLE_MAX_PATCH, PLE_PATCH, PLE_WINDOW
from inpaintkit.distance import rim_distance, unreachable
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask, Problem, Step

# sigma of each round, the last one for all others, in 255ths of the range or the picture's wider steps: first estimates
# are coarse
_NOISE = (4, 2, 1.5)
_RHO = 0.95  # correlation of neighbours in the prior
_NU = np.float32(3)  # samples' worth of prior
_GUESSED = np.float32(0.1)  # weight of a reference patch's unknown pixels in its distance to others
_RIDGE = np.float32(1e-5)  # of the variance: the condition at which float32 can still factorise
_ESTIMATED = 32  # patches of a group, the most similar ones; the others are samples only
_ACROSS = 2 * PLE_WINDOW + 1  # of the window, in pixels
_FAR = np.float32(np.inf)
_START = 0.1  # how exactly the first estimate is solved: its own error is no smaller
_SCATTERED = 1.5  # px, mean depth of a hole below which it consists of single pixels; strokes are deeper
_BAND = 32  # rows of reference patches in one item of work
_BATCH = 16  # items whose sums are in memory at a time

_LANES = np.uint64(LANES)

Size = tuple[int, int]
Found = tuple[I64x2, I64x2, F32x2, I64x1]  # groups' corners, rows and columns; their distances; how many there are
U32x2: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.uint32]]


def ple(problem: Problem, *, patch: int | None = None, similar: int = 64, rounds: int = 4) -> Image:
    """Fill a hole with patches estimated from their known pixels by Gaussians learnt nearby.

    For pixels lost at random, text and scratches. Beyond half a patch from anything known the fill fades into a smooth
    one: no texture is made.

    Parameters
    ----------
    problem : the region to fill.
    patch : side of the patches, in pixels (2 to 16); the larger, the slower. None: 6 where single pixels are missing,
        8 for strokes.
    similar : N, how many patches a Gaussian is learnt from (8 to 512).
    rounds : how often similar patches are looked for and estimated (1 to 100).

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled. Notes ``iterations`` (the rounds), ``residual`` (the last
    round's root mean square change of a hole pixel, in units of the range) and ``converged`` (whether that is below a
    thousandth).

    Raises
    ------
    ValueError : an option out of range.
    ContextError : hole pixels that no known pixel touches, not even through the hole.

    References
    ----------
    G. Yu, G. Sapiro and S. Mallat, Solving inverse problems with piecewise linear estimators: from Gaussian mixture
    models to structured sparsity, IEEE Trans. Image Processing 21(5), 2012, doi:10.1109/TIP.2011.2176743.
    C. Aguerrebere, A. Almansa, J. Delon, Y. Gousseau and P. Muse, A Bayesian hyperprior approach for joint image
    denoising and interpolation, IEEE Trans. Computational Imaging 3(4), 2017, doi:10.1109/TCI.2017.2704439.

    Examples
    --------
    >>> import numpy as np
    >>> from inpaintkit.problem import Problem
    >>> y, x = np.mgrid[:48, :48]
    >>> waves = (0.5 + 0.4 * np.sin(1.1 * x + 0.6 * y)).astype(np.float32)[..., None]
    >>> hole = np.random.default_rng(0).random((48, 48)) < 0.5
    >>> bool(np.abs(ple(Problem.create(waves, hole)) - waves).mean() < 0.01)
    True
    """
    ranges = (("patch", patch, 2, PLE_MAX_PATCH), ("similar", similar, 8, 512), ("rounds", rounds, 1, 100))
    for name, value, low, high in ranges:
        if value is not None and not low <= value <= high:
            raise ValueError(f"ple's option {name} is {value}: expected {low} to {high}")
    image, doubtful = problem.image, problem.doubtful()
    weight = np.zeros(0, np.float32) if problem.weight is None else problem.weight[doubtful]
    problem = problem.without_weight()
    hole, known = problem.hole, problem.known
    if not hole.any():
        return image.copy()
    if not known.any():
        raise ContextError.of("ple", "nothing is known around the hole")
    if unreachable(hole, known).any():
        raise ContextError.of("ple", "hole pixels that no known pixel touches, not even through the hole")
    scattered = bool(rim_distance(hole, known)[hole].mean() < _SCATTERED)
    if patch is None:
        patch = 6 if scattered else PLE_PATCH
    size = min(patch, hole.shape[0]), min(patch, hole.shape[1])
    unknown = hole | _void_beside(hole, known, size)
    base = base_colour(image, known)
    axes = _axes(image.shape[2])
    start = _start(problem, unknown, scattered) - base
    seen = axes @ (image[doubtful] - base).T
    planes = np.ascontiguousarray((start @ axes.T).transpose(2, 0, 1), np.float32)  # (C, H, W)
    usable = _seen(~(unknown | known), size) == 0
    missing = np.where(usable, _seen(unknown, size), 0)
    barred = _barred(usable)
    references = _grids(missing > 0, max(1, patch // 2))
    prior = _prior(size)
    noise = [sigma * max(1 / 255, problem.step) for sigma in _NOISE]
    change = 0.0
    places, flat = np.flatnonzero(hole), planes.reshape(len(planes), -1)  # faster to index than by masks
    for turn in range(rounds):
        before = flat.take(places, axis=1)
        sigma = noise[min(turn, len(noise) - 1)]
        _round(planes, unknown, barred, missing, references[turn % 2], size, similar, sigma, prior)
        if len(weight):
            planes[:, doubtful] += weight * (seen - planes[:, doubtful])
        change = float(np.sqrt(np.mean(np.square(flat.take(places, axis=1) - before, dtype=np.float64))))
        problem.report(Step(turn + 1, rounds, loss=change))
    problem.note(iterations=rounds, residual=change, converged=change < 1e-3)
    filled = image.copy()
    filled[hole] = flat.take(places, axis=1).T @ axes + base
    return filled


def _void_beside(hole: Mask, known: Mask, size: Size) -> Mask:
    """Void pixels that share a patch with a hole pixel: estimated along with it, so that the patch may be used."""
    void = ~(hole | known)
    if not void.any():
        return void
    square = np.ones((2 * size[0] - 1, 2 * size[1] - 1), np.uint8)
    beside = void & cv2.dilate(hole.view(np.uint8), square).view(np.bool_)
    return beside & ~unreachable(hole | beside, known)


def _start(problem: Problem, unknown: Mask, scattered: bool) -> Image:
    """The first estimate, float32 (H, W, C), of all ``unknown`` pixels."""
    wider = replace(problem, hole=unknown, _report=None, _facts={})
    if scattered:
        return _elliptic.fill(wider, power=2, tolerance=_START)
    return coherence(wider)


def _axes(channels: int) -> F32x2:
    """Orthonormal rows: grey, red against blue, green against both; alpha, and grey pictures, stay as they are."""
    axes = np.eye(channels)
    if channels >= 3:
        axes[:3, :3] = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
    return axes.astype(np.float32)


@cache
def _prior(size: Size) -> F32x1:
    """R: correlations that fall with the distance of two pixels of a patch; n rows of whole vectors, flat."""
    y, x = (grid.reshape(-1) for grid in np.mgrid[: size[0], : size[1]])
    prior = np.power(_RHO, np.hypot(y[:, None] - y, x[:, None] - x)).astype(np.float32)
    return np.pad(prior, ((0, 0), (0, -len(y) % LANES))).reshape(-1)


def _seen(mask: Mask, size: Size) -> I32x2:
    """How many pixels of ``mask`` the patch at each upper left corner holds, (H - high + 1, W - wide + 1)."""
    (high, wide), total = size, np.asarray(cv2.integral(mask.view(np.uint8)), np.int32)
    return total[high:, wide:] - total[:-high, wide:] - total[high:, :-wide] + total[:-high, :-wide]


def _barred(usable: Mask) -> F32x2:
    """0 at the corners of usable patches, else infinity; to the right whole vectors can be read past the end."""
    height, width = usable.shape
    barred = np.full((height, width + 2 * LANES), _FAR, np.float32)
    barred[:, :width][usable] = 0
    return barred


def _grids(seeing: Mask, stride: int) -> tuple[I32x2, I32x2]:
    """Upper left corners (R, 2) of the reference patches, every ``stride`` pixels and along the far edges, in two sets.

    They lie like a chessboard's white and black squares, and the rounds take turns: every pixel is in patches of both.
    """
    rows, columns = (np.unique(np.append(np.arange(0, n, stride), n - 1)) for n in seeing.shape)
    i, j = np.nonzero(seeing[np.ix_(rows, columns)])
    corners = np.stack([rows[i], columns[j]], axis=1).astype(np.int32)
    black = (i + j) % 2 == 1
    return corners[~black], corners[black]


def _round(
    planes: F32x3,
    unknown: Mask,
    barred: F32x2,
    missing: I32x2,
    references: I32x2,
    size: Size,
    similar: int,
    noise: float,
    prior: F32x1,
) -> None:
    """Estimate the unknown pixels of ``planes`` (C, H, W) anew, in place, all from the last round's."""
    channels, height, width = planes.shape
    total = np.zeros((channels + 1, height, width), np.float32)  # sums of estimates, and how many
    flat, shape = np.append(planes, np.zeros(3 * LANES, np.float32)), (channels, height, width)
    ends = np.searchsorted(references[:, 0], np.arange(0, height + _BAND, _BAND))
    bands = [references[i:j] for i, j in pairwise(ends) if j > i]

    def estimated(band: I32x2) -> tuple[int, F32x3]:
        top = max(int(band[0, 0]) - PLE_WINDOW, 0)
        bottom = min(int(band[-1, 0]) + PLE_WINDOW + size[0], height)
        part = np.zeros((channels + 1, bottom - top, width), np.float32)
        found = _nearest_kernel(flat, shape, unknown, barred, band, *size, similar)
        _groups_kernel(flat, shape, unknown, missing, found, *size, np.float32(noise), prior, part.reshape(-1), top)
        return top, part

    for first in range(0, len(bands), _BATCH):
        for top, part in threads.run(estimated, bands[first : first + _BATCH]):  # always summed in the same order
            total[:, top : top + part.shape[1]] += part
    found = np.flatnonzero(unknown & (total[-1] > 0))
    sums = total.reshape(channels + 1, -1).take(found, axis=1)
    planes.reshape(channels, -1)[:, found] = sums[:-1] / sums[-1]


@kernel(fastmath=True)
def _groups_kernel(
    planes: F32x1,
    shape: tuple[int, int, int],
    unknown: Bool2,
    missing: I32x2,
    found: Found,
    high: int,
    wide: int,
    noise: np.float32,
    prior: F32x1,
    total: F32x1,
    top: int,
) -> None:
    """Add the estimates of every reference patch's group to ``total`` (C + 1, h, W), flat, whose first row is ``top``.

    ``planes`` is flat, too, with three times ``LANES`` values to spare at its end; ``shape`` is its (C, H, W).
    """
    channels, _, width = shape
    n = high * wide
    span = (n + LANES - 1) // LANES * LANES  # a patch's values in whole vectors
    all_rows, all_columns, all_near, number = found
    similar = all_rows.shape[1] - 1
    samples = np.zeros(channels * similar * span + LANES, np.float32)
    mean = np.empty(channels * span, np.float32)
    covariance, precision = np.zeros((n + 4) * span, np.float32), np.zeros((n + 4) * span, np.float32)
    column = np.empty(n, np.float32)
    factor = np.empty(n * (n + 1) // 2 * LANES, np.float32)
    right = np.empty(channels * n * LANES, np.float32)
    order, starts = np.empty(similar, np.int64), np.empty(n + 2, np.int64)
    known, lost = np.zeros((n + 1, LANES), np.uint32), np.zeros((n + 1, LANES), np.uint32)  # numbers of pixels
    sizes = np.zeros((2, LANES), np.int64)  # how many are known, and lost
    offsets = np.empty(n, np.int64)
    for p in range(n):
        offsets[p] = p // wide * width + p % wide
    for r in range(len(number)):
        rows, columns, near, size = all_rows[r], all_columns[r], all_near[r], number[r]
        least = _learn(planes, shape, rows, columns, size, high, wide, span, noise, prior, samples, mean, covariance)
        direct, members = _sorted(missing, rows, columns, near, size, n, starts, order)
        if direct > 0:
            invert(covariance, n, span, least, precision, column)
        first = 0
        while first < members:
            filling = first < direct  # the unknown side is the smaller one
            last = min(first + LANES, direct if filling else members)
            _estimate(
                unknown,
                rows,
                columns,
                order[first:last],
                filling,
                high,
                wide,
                span,
                size,
                channels,
                samples,
                mean,
                precision if filling else covariance,
                known,
                lost,
                sizes,
                factor,
                right,
                offsets,
                total,
                top,
            )
            first = last


@kernel(fastmath=True)
def _nearest_kernel(
    planes: F32x1,
    shape: tuple[int, int, int],
    unknown: Bool2,
    barred: F32x2,
    references: I32x2,
    high: int,
    wide: int,
    similar: int,
) -> Found:
    """Every reference patch's group. It is a kernel of its own so that two processes compile side by side."""
    count = len(references)
    distance, weight = np.empty(_ACROSS * _ACROSS + 2 * LANES, np.float32), np.empty(high * wide, np.float32)
    rows, columns = np.empty((count, similar + 1), np.int64), np.empty((count, similar + 1), np.int64)
    near, number = np.empty((count, similar + LANES), np.float32), np.empty(count, np.int64)
    for r in range(count):
        y, x = references[r, 0], references[r, 1]
        number[r] = _nearest(
            planes, shape, unknown, barred, y, x, high, wide, similar, distance, weight, rows[r], columns[r], near[r]
        )
    return rows, columns, near, number


@kernel(fastmath=True, inline=True)
def _nearest(
    planes: F32x1,
    shape: tuple[int, int, int],
    unknown: Bool2,
    barred: F32x2,
    y: int,
    x: int,
    high: int,
    wide: int,
    similar: int,
    distance: F32x1,
    weight: F32x1,
    rows: I64x1,
    columns: I64x1,
    near: F32x1,
) -> int:
    """Put the corners of the usable patches in the window most like the one at (y, x) into ``rows`` and ``columns``.

    Their distances go into ``near``. Returns how many there are.
    """
    channels, height, width = shape
    for i in range(high):
        for j in range(wide):
            weight[i * wide + j] = _GUESSED if unknown[y + i, x + j] else np.float32(1)
    above, first = max(y - PLE_WINDOW, 0), max(x - PLE_WINDOW, 0)
    down = min(y + PLE_WINDOW, len(barred) - 1) - above + 1
    for v in range(down):
        left = load(barred[above + v], first)
        right = load(barred[above + v], first + LANES)
        for c in range(channels):
            for i in range(high):
                own = (c * height + y + i) * width + x
                other = (c * height + above + v + i) * width + first
                for j in range(wide):
                    value, heavy = spread(planes, own + j), spread(weight, i * wide + j)
                    apart, beyond = load(planes, other + j) - value, load(planes, other + j + LANES) - value
                    left += heavy * apart * apart
                    right += heavy * beyond * beyond
        store(distance, v * _ACROSS, left)
        store(distance, v * _ACROSS + LANES, right)  # the next row overwrites what is not of this one
        for u in range(x + PLE_WINDOW + 1 - first, _ACROSS):
            distance[v * _ACROSS + u] = _FAR
    count = down * _ACROSS
    distance[count : count + LANES] = _FAR
    limit = limit_of(distance, count, similar)
    size = 0
    for k in range(count):  # no branches: they could not be foreseen
        rows[size], near[size] = k, distance[k]
        size = min(size + (distance[k] <= limit), similar)
    near[size:] = _FAR
    for k in range(size):
        rows[k], columns[k] = above + rows[k] // _ACROSS, first + rows[k] % _ACROSS
    return size


@kernel(fastmath=True, inline=True)
def _learn(
    planes: F32x1,
    shape: tuple[int, int, int],
    rows: I64x1,
    columns: I64x1,
    size: int,
    high: int,
    wide: int,
    span: int,
    noise: np.float32,
    prior: F32x1,
    samples: F32x1,
    mean: F32x1,
    covariance: F32x1,
) -> np.float32:
    """``mean`` (C, span) and ``covariance`` (n + 3, span), sigma^2 I included, of the patches at the given corners.

    ``samples`` (C, size, span) keeps their deviations from the mean. Returns what no eigenvalue is below.
    """
    channels, height, width = shape
    n = high * wide
    for c in range(channels):
        for k in range(size):
            for i in range(high):
                place = (c * height + rows[k] + i) * width + columns[k]
                store(samples, (c * size + k) * span + i * wide, load(planes, place))  # the next overwrites the rest
        for j in range(0, span, LANES):
            mu = splat(np.float32(0))
            for k in range(size):
                mu += load(samples, (c * size + k) * span + j)
            mu = mu * splat(np.float32(1) / np.float32(size))
            store(mean, c * span + j, mu)
            for k in range(size):
                store(samples, (c * size + k) * span + j, load(samples, (c * size + k) * span + j) - mu)
    end = channels * size * span
    for i in range(0, n, 4):  # up to three rows past the last, which nobody reads
        for j in range(0, i + 4, LANES):
            p, q, s, t = splat(np.float32(0)), splat(np.float32(0)), splat(np.float32(0)), splat(np.float32(0))
            for k in range(0, end, span):
                row = load(samples, k + j)
                p += spread(samples, k + i) * row
                q += spread(samples, k + i + 1) * row
                s += spread(samples, k + i + 2) * row
                t += spread(samples, k + i + 3) * row
            store(covariance, i * span + j, p)
            store(covariance, (i + 1) * span + j, q)
            store(covariance, (i + 2) * span + j, s)
            store(covariance, (i + 3) * span + j, t)
    variance = np.float32(0)
    for i in range(n):
        variance += covariance[i * span + i]
    variance /= np.float32(n * size)
    scale = splat(np.float32(1) / (np.float32(size) + _NU))
    plain = splat(_NU * variance / (np.float32(size) + _NU))
    for i in range(n):
        for j in range(0, i + 1, LANES):
            store(covariance, i * span + j, scale * load(covariance, i * span + j) + plain * load(prior, i * span + j))
        covariance[i * span + i] += noise * noise + _RIDGE * variance
    for i in range(n):
        for j in range(i + 1, n):
            covariance[i * span + j] = covariance[j * span + i]
        for j in range(n, span):
            covariance[i * span + j] = 0
    return noise * noise + _RIDGE * variance


@kernel(fastmath=True, inline=True)
def _sorted(
    missing: I32x2, rows: I64x1, columns: I64x1, near: F32x1, size: int, n: int, starts: I64x1, order: I64x1
) -> tuple[int, int]:
    """The nearest patches that lack pixels, by how many, so that those solved side by side have like systems.

    Returns how many are solved by the unknown side, the smaller one, and how many there are; the others were samples.
    """
    limit = limit_of(near, size, _ESTIMATED)
    starts[:] = 0
    for k in range(size):
        if near[k] <= limit:
            starts[missing[rows[k], columns[k]] + 1] += 1
    starts[1] = 0
    for i in range(1, n + 1):
        starts[i + 1] += starts[i]
    direct, members = starts[n // 2 + 1], starts[n + 1]
    if starts[n * 3 // 8 + 2] < members // 2:  # the inverse costs more than the smaller systems save
        direct = 0
    for k in range(size):
        gaps = missing[rows[k], columns[k]]
        if gaps > 0 and near[k] <= limit:
            order[starts[gaps]] = k
            starts[gaps] += 1
    return direct, members


@kernel(fastmath=True, inline=True)
def _estimate(
    unknown: Bool2,
    rows: I64x1,
    columns: I64x1,
    members: I64x1,
    filling: bool,
    high: int,
    wide: int,
    span: int,
    size: int,
    channels: int,
    samples: F32x1,
    mean: F32x1,
    matrix: F32x1,
    known: U32x2,
    lost: U32x2,
    sizes: I64x2,
    factor: F32x1,
    right: F32x1,
    offsets: I64x1,
    total: F32x1,
    top: int,
) -> None:
    """Add the unknown pixels of up to ``LANES`` members, solved side by side, to ``total``.

    With the precision as ``matrix`` the systems are those of the unknown pixels (``filling``), with the covariance
    those of the known ones.
    """
    n = high * wide
    width = unknown.shape[1]
    plane = len(total) // (channels + 1)
    inside, counts = (lost, sizes[1]) if filling else (known, sizes[0])
    base, present = np.empty(LANES, np.uint32), np.empty(n + 3, np.int64)
    weights, sums = np.empty(n + 3, np.float32), np.empty(span, np.float32)
    m = 0
    for t in range(len(members)):
        y, x = rows[members[t]], columns[members[t]]
        here = away = p = 0
        for i in range(high):
            for j in range(wide):
                gap = unknown[y + i, x + j]
                known[here, t], lost[away, t] = p, p
                here += not gap
                away += gap
                p += 1
        sizes[0, t], sizes[1, t] = here, away
        m = max(m, counts[t])
    for t in range(len(members), LANES):
        counts[t] = 0
    zeros = (n + 3) * span  # past what is ever written
    place = np.uint64(0)  # unsigned, as the pixels' numbers are: no index is checked for its sign
    for i in range(m):
        for t in range(LANES):
            base[t] = inside[i, t] * span if i < counts[t] else zeros
        for j in range(i + 1):
            for t in range(_LANES):
                factor[place + t] = matrix[base[t] + inside[j, t]]
            place += _LANES
    for t in range(LANES):
        for i in range(counts[t], m):  # a smaller system ends in rows of the unit matrix
            factor[(i * (i + 3)) // 2 * LANES + t] = 1
            for c in range(channels):
                right[(c * n + i) * LANES + t] = 0
    if not filling:
        for t in range(len(members)):
            for c in range(channels):
                sample = (c * size + members[t]) * span
                for i in range(counts[t]):
                    right[(c * n + i) * LANES + t] = samples[sample + known[i, t]]
    for turn in range(2):
        if turn == 1:
            factorise(factor, m)
            for c in range(channels):
                solve(factor, m, right, c * n * LANES)
        if filling == (turn == 1):
            continue
        for t in range(len(members)):  # what the known pixels, or the solutions at them, say of the unknown ones
            here = sizes[0, t]
            for i in range(here, here + 3):  # rows are taken by fours
                present[i], weights[i] = 0, 0
            for c in range(channels):
                sample, own = (c * size + members[t]) * span, c * n * LANES + t
                for i in range(here):
                    present[i] = known[i, t]
                    weights[i] = -samples[sample + known[i, t]] if filling else right[own + i * LANES]
                combine(matrix, span, present[: (here + 3) // 4 * 4], weights, sums)
                for i in range(sizes[1, t]):
                    right[own + i * LANES] = sums[lost[i, t]]
    for t in range(len(members)):
        corner = (rows[members[t]] - top) * width + columns[members[t]]
        for i in range(sizes[1, t]):
            p = lost[i, t]
            at = corner + offsets[p]
            for c in range(channels):
                total[c * plane + at] += mean[c * span + p] + right[(c * n + i) * LANES + t]
            total[channels * plane + at] += np.float32(1)
