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

so that nothing needs to be clustered. All of the N patches that hold hole pixels are estimated from this one S, sixteen
at a time, and each adds to the average. A round looks for similar patches, learns and estimates; the next begins from
its picture, with a smaller sigma. Reference patches lie half a patch apart, wherever they hold hole pixels.

The first estimate is biharmonic where single pixels are missing, and coherence transport where strokes are. Colours are
estimated along grey and two opponent axes. All axes share mu's patches and one S, the sum of theirs, so that one
factorisation serves all; a separate S for each axis changed colour pictures by 0.01 dB. The numbers below were chosen
on scikit-image's photographs.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from inpaintkit import threads
from inpaintkit.arrays import Bool2, F32x1, F32x2, F32x3, I32x2, I64x1, I64x2
from inpaintkit.classic import _elliptic
from inpaintkit.classic._hole import base_colour
from inpaintkit.classic.coherence import coherence
from inpaintkit.classic.rows import PLE_MAX_PATCH, PLE_PATCH, PLE_WINDOW
from inpaintkit.distance import rim_distance, unreachable
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask, Problem, Step

_NOISE = (4 / 255, 2 / 255, 1.5 / 255)  # sigma of each round, the last one for all others: first estimates are coarse
_RHO = 0.95  # correlation of neighbours in the prior
_NU = np.float32(3)  # samples' worth of prior
_GUESSED = np.float32(0.1)  # weight of a reference patch's unknown pixels in its distance to others
_RIDGE = np.float32(1e-5)  # of the variance: the condition at which float32 can still factorise
_SCATTERED = 1.5  # px, mean depth of a hole below which it consists of single pixels; strokes are deeper
_LANES = 16  # patches solved side by side: two of the largest vector registers
_BAND = 32  # rows of reference patches in one item of work
_BATCH = 16  # items whose sums are in memory at a time

Size = tuple[int, int]


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
    image, hole, known = problem.image, problem.hole, problem.known
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
    planes = np.ascontiguousarray((start @ axes.T).transpose(2, 0, 1), np.float32)  # (C, H, W)
    usable = _seen(~(unknown | known), size) == 0
    seeing = usable & (_seen(unknown, size) > 0)
    references = _grid(seeing, max(1, patch // 2))
    prior = _prior(size)
    change = 0.0
    for turn in range(rounds):
        before = planes[:, hole]
        _round(planes, unknown, usable, seeing, references, size, similar, _NOISE[min(turn, len(_NOISE) - 1)], prior)
        change = float(np.sqrt(np.mean(np.square(planes[:, hole] - before, dtype=np.float64))))
        problem.report(Step(turn + 1, rounds, loss=change))
    problem.note(iterations=rounds, residual=change, converged=change < 1e-3)
    filled = image.copy()
    filled[hole] = planes[:, hole].T @ axes + base
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
    wider = Problem.create(problem.image, unknown, problem.known, origin=problem.origin)
    if scattered:
        return _elliptic.fill(wider, power=2)
    return coherence(wider)


def _axes(channels: int) -> F32x2:
    """Orthonormal rows: grey, red against blue, green against both; alpha, and grey pictures, stay as they are."""
    axes = np.eye(channels)
    if channels >= 3:
        axes[:3, :3] = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
    return axes.astype(np.float32)


def _prior(size: Size) -> F32x2:
    """R, float32 (n, n): correlations that fall with the distance of two pixels of a patch."""
    y, x = (grid.reshape(-1) for grid in np.mgrid[: size[0], : size[1]])
    prior: F32x2 = np.power(_RHO, np.hypot(y[:, None] - y, x[:, None] - x)).astype(np.float32)
    return prior


def _seen(mask: Mask, size: Size) -> I32x2:
    """How many pixels of ``mask`` the patch at each upper left corner holds, (H - high + 1, W - wide + 1)."""
    (high, wide), total = size, np.asarray(cv2.integral(mask.view(np.uint8)), np.int32)
    return total[high:, wide:] - total[:-high, wide:] - total[high:, :-wide] + total[:-high, :-wide]


def _grid(seeing: Mask, stride: int) -> I32x2:
    """Upper left corners (R, 2) of the reference patches: every ``stride`` pixels, and along the far edges."""
    rows, columns = (np.unique(np.append(np.arange(0, n, stride), n - 1)) for n in seeing.shape)
    y, x = np.nonzero(seeing[np.ix_(rows, columns)])
    return np.stack([rows[y], columns[x]], axis=1).astype(np.int32)


def _round(
    planes: F32x3,
    unknown: Mask,
    usable: Mask,
    seeing: Mask,
    references: I32x2,
    size: Size,
    similar: int,
    noise: float,
    prior: F32x2,
) -> None:
    """Estimate the unknown pixels of ``planes`` (C, H, W) anew, in place, all from the last round's."""
    channels, height, width = planes.shape
    total = np.zeros((channels + 1, height, width), np.float32)  # sums of estimates, and how many
    ends = np.searchsorted(references[:, 0], np.arange(0, height + _BAND, _BAND))
    bands = [references[i:j] for i, j in pairwise(ends) if j > i]

    def estimated(band: I32x2) -> tuple[int, F32x3]:
        top = max(int(band[0, 0]) - PLE_WINDOW, 0)
        bottom = min(int(band[-1, 0]) + PLE_WINDOW + size[0], height)
        part = np.zeros((channels + 1, bottom - top, width), np.float32)
        _groups_kernel(planes, unknown, usable, seeing, band, *size, similar, np.float32(noise), prior, part, top)
        return top, part

    for first in range(0, len(bands), _BATCH):
        for top, part in threads.run(estimated, bands[first : first + _BATCH]):  # always summed in the same order
            total[:, top : top + part.shape[1]] += part
    found = unknown & (total[-1] > 0)
    planes[:, found] = total[:-1, found] / total[-1, found]


@kernel(fastmath=True)
def _groups_kernel(
    planes: F32x3,
    unknown: Bool2,
    usable: Bool2,
    seeing: Bool2,
    references: I32x2,
    high: int,
    wide: int,
    similar: int,
    noise: np.float32,
    prior: F32x2,
    total: F32x3,
    top: int,
) -> None:
    """Add the estimates of every reference patch's group to ``total`` (C + 1, h, W), whose first row is ``top``."""
    channels = len(planes)
    n = high * wide
    room = (2 * PLE_WINDOW + 1) ** 2
    rows, columns = np.empty(room, np.int64), np.empty(room, np.int64)
    distance, weight = np.empty(room, np.float32), np.empty(n, np.float32)
    samples = np.empty((similar + 3, n), np.float32)
    mean = np.empty((channels, n), np.float32)
    covariance = np.empty((n, n), np.float32)
    factor = np.empty(n * (n + 1) // 2 * _LANES, np.float32)
    right = np.empty((channels, n * _LANES), np.float32)
    at, count = np.empty((_LANES, n), np.int64), np.empty(_LANES, np.int64)
    value = np.empty(n, np.float32)
    for r in range(len(references)):
        y, x = references[r, 0], references[r, 1]
        size = _nearest(planes, unknown, usable, y, x, high, wide, similar, distance, weight, rows, columns)
        _learn(planes, rows[:size], columns[:size], wide, noise, prior, samples, mean, covariance)
        members = 0
        for k in range(size):  # patches without unknown pixels were samples only
            if seeing[rows[k], columns[k]]:
                rows[members], columns[members] = rows[k], columns[k]
                members += 1
        for first in range(0, members, _LANES):
            lanes = min(_LANES, members - first)
            corners_y, corners_x = rows[first : first + lanes], columns[first : first + lanes]
            m = _gather(planes, unknown, corners_y, corners_x, wide, mean, covariance, at, count, factor, right)
            _factorise(factor, m)
            for c in range(channels):
                _solve(factor, m, right[c])
                for t in range(lanes):
                    value[:] = mean[c]
                    for i in range(count[t]):
                        share, row = right[c, i * _LANES + t], covariance[at[t, i]]
                        for j in range(n):
                            value[j] += share * row[j]
                    for i in range(high):
                        line = total[c, corners_y[t] + i - top][corners_x[t] : corners_x[t] + wide]
                        for j in range(wide):
                            line[j] += value[i * wide + j]
            for t in range(lanes):
                for i in range(high):
                    line = total[channels, corners_y[t] + i - top][corners_x[t] : corners_x[t] + wide]
                    for j in range(wide):
                        line[j] += np.float32(1)


@kernel(fastmath=True, inline=True)
def _nearest(
    planes: F32x3,
    unknown: Bool2,
    usable: Bool2,
    y: int,
    x: int,
    high: int,
    wide: int,
    similar: int,
    distance: F32x1,
    weight: F32x1,
    rows: I64x1,
    columns: I64x1,
) -> int:
    """Put the corners of the usable patches in the window most like the one at (y, x) into ``rows`` and ``columns``.

    Returns their number. Distances of one row of candidates are summed together, so that the inner loop is long.
    """
    for i in range(high):
        for j in range(wide):
            weight[i * wide + j] = _GUESSED if unknown[y + i, x + j] else np.float32(1)
    first = max(x - PLE_WINDOW, 0)
    across = min(x + PLE_WINDOW + 1, usable.shape[1]) - first
    found = 0
    line = np.empty(across, np.float32)
    for v in range(max(y - PLE_WINDOW, 0), min(y + PLE_WINDOW + 1, usable.shape[0])):
        line[:] = 0
        for c in range(len(planes)):
            for i in range(high):
                for j in range(wide):
                    own, heavy = planes[c, y + i, x + j], weight[i * wide + j]
                    other = planes[c, v + i][first + j : first + j + across]
                    for k in range(across):
                        apart = other[k] - own
                        line[k] += heavy * apart * apart
        for k in range(across):
            if usable[v, first + k]:
                distance[found] = line[k]
                rows[found], columns[found] = v, first + k
                found += 1
    if found <= similar:
        return found
    farthest = np.partition(distance[:found], similar - 1)[similar - 1]
    equal = similar  # of those as far as the farthest, so many are kept
    for k in range(found):
        equal -= distance[k] < farthest
    size = 0
    for k in range(found):
        if distance[k] < farthest or (distance[k] == farthest and equal > 0):
            equal -= distance[k] == farthest
            rows[size], columns[size] = rows[k], columns[k]
            size += 1
    return size


@kernel(fastmath=True, inline=True)
def _learn(
    planes: F32x3,
    rows: I64x1,
    columns: I64x1,
    wide: int,
    noise: np.float32,
    prior: F32x2,
    samples: F32x2,
    mean: F32x2,
    covariance: F32x2,
) -> None:
    """``mean`` (C, n) and ``covariance`` (n, n), sigma^2 I included, of the patches at the given corners."""
    size, n = len(rows), mean.shape[1]
    high = n // wide
    covariance[:] = 0
    for c in range(len(planes)):
        mu = mean[c]
        mu[:] = 0
        for k in range(size):
            sample = samples[k]
            for i in range(high):
                sample[i * wide : (i + 1) * wide] = planes[c, rows[k] + i][columns[k] : columns[k] + wide]
            for i in range(n):
                mu[i] += sample[i]
        for i in range(n):
            mu[i] /= np.float32(size)
        for k in range(size):
            sample = samples[k]
            for i in range(n):
                sample[i] -= mu[i]
        samples[size : size + 3] = 0  # so that four can be added at a time
        for k in range(0, size, 4):
            p, q, r, s = samples[k], samples[k + 1], samples[k + 2], samples[k + 3]
            for i in range(n):
                row, a, b, d, e = covariance[i][: i + 1], p[i], q[i], r[i], s[i]
                for j in range(i + 1):
                    row[j] += (a * p[j] + b * q[j]) + (d * r[j] + e * s[j])
    variance = np.float32(0)
    for i in range(n):
        variance += covariance[i, i]
    variance /= np.float32(n * size)
    for i in range(n):
        for j in range(i + 1):
            covariance[i, j] = (covariance[i, j] + _NU * variance * prior[i, j]) / (np.float32(size) + _NU)
            covariance[j, i] = covariance[i, j]
        covariance[i, i] += noise * noise + _RIDGE * variance


@kernel(fastmath=True, inline=True)
def _gather(
    planes: F32x3,
    unknown: Bool2,
    rows: I64x1,
    columns: I64x1,
    wide: int,
    mean: F32x2,
    covariance: F32x2,
    at: I64x2,
    count: I64x1,
    factor: F32x1,
    right: F32x2,
) -> int:
    """The systems of up to ``_LANES`` patches: U S U' + sigma^2 I into ``factor``, y - U mu into ``right``.

    Returns the largest number of known pixels; systems with fewer end in rows of the unit matrix. ``at`` (lane, i) is
    the i-th known pixel's place in the patch, ``count`` how many there are.
    """
    high = mean.shape[1] // wide
    m = 0
    for t in range(_LANES):
        count[t] = 0
        if t < len(rows):
            for i in range(high):
                for j in range(wide):
                    if not unknown[rows[t] + i, columns[t] + j]:
                        at[t, count[t]] = i * wide + j
                        count[t] += 1
        m = max(m, count[t])
    for t in range(_LANES):
        for i in range(m):
            start = i * (i + 1) // 2 * _LANES + t
            if i < count[t]:
                p = at[t, i]
                row = covariance[p]
                for j in range(i + 1):
                    factor[start + j * _LANES] = row[at[t, j]]
                for c in range(len(planes)):
                    right[c, i * _LANES + t] = planes[c, rows[t] + p // wide, columns[t] + p % wide] - mean[c, p]
            else:
                for j in range(i):
                    factor[start + j * _LANES] = 0
                factor[start + i * _LANES] = 1
                for c in range(len(planes)):
                    right[c, i * _LANES + t] = 0
    return m


@kernel(fastmath=True, inline=True)
def _factorise(a: F32x1, m: int) -> None:
    """Cholesky of ``_LANES`` matrices in place, packed by rows (j, lane); the diagonal becomes its reciprocal."""
    n = _LANES
    for j in range(m):
        other = a[j * (j + 1) // 2 * n : (j + 1) * (j + 2) // 2 * n]
        for i in range(j, m):
            row = a[i * (i + 1) // 2 * n : i * (i + 1) // 2 * n + (j + 1) * n]
            z = row[j * n : (j + 1) * n]
            k = 0
            while k + 8 <= j:  # eight products at a time, so that z is read and written once for them
                p, q = row[k * n : (k + 8) * n], other[k * n : (k + 8) * n]
                for t in range(n):
                    z[t] -= (
                        (p[t] * q[t] + p[t + n] * q[t + n])
                        + (p[t + 2 * n] * q[t + 2 * n] + p[t + 3 * n] * q[t + 3 * n])
                    ) + (
                        (p[t + 4 * n] * q[t + 4 * n] + p[t + 5 * n] * q[t + 5 * n])
                        + (p[t + 6 * n] * q[t + 6 * n] + p[t + 7 * n] * q[t + 7 * n])
                    )
                k += 8
            while k < j:
                p, q = row[k * n : (k + 1) * n], other[k * n : (k + 1) * n]
                for t in range(n):
                    z[t] -= p[t] * q[t]
                k += 1
            if i == j:
                for t in range(n):
                    z[t] = np.float32(1) / np.sqrt(max(z[t], np.float32(1e-20)))
            else:
                d = other[j * n : (j + 1) * n]
                for t in range(n):
                    z[t] *= d[t]


@kernel(fastmath=True, inline=True)
def _solve(a: F32x1, m: int, v: F32x1) -> None:
    """v = A^-1 v for ``_LANES`` systems, from what ``_factorise`` left in ``a``: forwards, then backwards."""
    n = _LANES
    for i in range(m):
        row = a[i * (i + 1) // 2 * n : (i + 1) * (i + 2) // 2 * n]
        z = v[i * n : (i + 1) * n]
        for k in range(i):
            p, q = row[k * n : (k + 1) * n], v[k * n : (k + 1) * n]
            for t in range(n):
                z[t] -= p[t] * q[t]
        d = row[i * n : (i + 1) * n]
        for t in range(n):
            z[t] *= d[t]
    for i in range(m - 1, -1, -1):
        row = a[i * (i + 1) // 2 * n : (i + 1) * (i + 2) // 2 * n]
        z = v[i * n : (i + 1) * n]
        d = row[i * n : (i + 1) * n]
        for t in range(n):
            z[t] *= d[t]
        for k in range(i):
            p, q = row[k * n : (k + 1) * n], v[k * n : (k + 1) * n]
            for t in range(n):
                q[t] -= p[t] * z[t]
