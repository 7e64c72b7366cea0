"""Frequency-selective reconstruction (Seiler and Kaup 2010): a few waves, chosen one by one, explain what is known.

Around each small part of the loss a window of N x N pixels is modelled as a sum of Fourier functions phi_k, fitted to
what is known there, and most closely to what is near; the sum's value in the loss is the fill. Stripes, edges and
texture that a few waves explain run on through it.

    f, g, r = f - g         the picture, the model and their difference, in a window
    w = rho^d               the weight of a known pixel at the distance d from the window's centre; 0 where nothing is
                            known, w delta in the loss, which has a first colour; between the two by ``Problem.weight``
    R = DFT(w r), W = DFT(w)        so that all but the start and the end stays in the frequency domain
    k = argmax p_k sum |R_k|^2      the wave of the next iteration, for all channels together               (1)
    g += c phi_k + conj(c phi_k),   W_0 c + W_2k conj(c) = gamma R_k                                        (2)
    R_l -= c W_(l-k) + conj(c) W_(l+k)                                                                      (3)

p_k = 1 / (1 + (|k| / 0.3)^2), |k| in cycles per pixel, prefers low frequencies, as pictures do. gamma < 1 makes up for
waves that are not orthogonal under w. (2) is the least-squares fit of a real wave; the paper's complex one takes W_2k
for 0. A window is done when its next wave would lower the weighted mean of r^2 by less than the tolerance
squared: smooth surroundings need a few waves, texture a hundred.

As in Genser, Seiler, Schilling and Kaup 2018 the geometry of the loss decides: a window is centred on the loss of its
block, and not on the block, and where single pixels are lost blocks are smaller. Three things differ from both papers:

- All channels share their waves, chosen by the sum of their energies. That sum is the same in any orthonormal colour
  space, so none is needed, and there are no colour fringes.
- The papers fill blocks in order, each from what is filled already. Here no block waits: coherence transport gives the
  loss a first colour, which counts by delta beside the known ones. Deep in a hole the model repeats that first fill.
- A window fills twice its block's side, and the values of several windows for a pixel are averaged with weights 0.7^d.

The constants were chosen on drawn damage over scikit-image's photographs and checked on others.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from inpaintkit import threads
from inpaintkit.arrays import C64x4, F32x2, F32x3, F32x4, I32x2, I64x1, I64x2
from inpaintkit.classic._hole import base_colour
from inpaintkit.classic.coherence import coherence
from inpaintkit.classic.rows import FSR_BLOCK, FSR_MAX_BLOCK, FSR_WINDOW
from inpaintkit.errors import ContextError
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask, Problem, Step

SIDE = FSR_WINDOW  # px, N; a constant of the kernels: loops of known length are vectorised
_HALF = SIDE // 2
_ROWS = _HALF + 1  # half of the frequencies: the signals are real
_DELTA = np.float32(0.02)
_GAMMA = np.float32(0.55)
_CORNER = 0.3  # cycles per pixel
_FADE = 0.7
_MIN_DETERMINANT = np.float32(0.05)  # of (2) over W_0^2: slow waves are all but linearly dependent
_CELL = FSR_BLOCK // 2  # px, side of a block where single pixels are lost
_CHUNK = 32  # windows that fit a core's cache
_BATCH = 2048  # windows between two reports; what they fill is kept in memory until then


def fsr(
    problem: Problem, *, block: int | None = None, iterations: int = 100, rho: float = 0.7, tolerance: float = 0.6
) -> Image:
    """Fill a hole by frequency-selective reconstruction.

    Parameters
    ----------
    problem : the region to fill.
    block : side of the squares whose loss shares a window, in pixels (2 to 16); None has 8, and 4 where single pixels
        are lost. Smaller is better and slower.
    iterations : at most so many waves in each window (1 or more).
    rho : how fast the weight of what is known falls off, per pixel (0.3 to 0.95).
    tolerance : a window is done when the next wave explains less than this root mean square, in 255ths of the range
        (0 or more), or in steps between the picture's levels where those are wider.

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled. Notes ``iterations`` (the mean of all windows), ``residual``
    (the largest root mean square that a last wave explained, in the units of ``tolerance``) and ``converged``.

    Raises
    ------
    ValueError : an option out of range.
    ContextError : hole pixels that no known pixel reaches, not even through the hole.

    References
    ----------
    J. Seiler and A. Kaup, Complex-valued frequency selective extrapolation for fast image and video signal
    extrapolation, IEEE Signal Processing Letters 17(11), 2010, doi:10.1109/LSP.2010.2078504.
    N. Genser, J. Seiler, F. Schilling, A. Kaup, Signal and loss geometry aware frequency selective extrapolation for
    error concealment, Picture Coding Symposium 2018, doi:10.1109/PCS.2018.8456259.

    Examples
    --------
    >>> import numpy as np
    >>> from inpaintkit.problem import Problem
    >>> wave = 0.5 + 0.4 * np.cos(np.arange(64) * np.pi / 4)[None, :, None] * np.ones((64, 1, 1))
    >>> hole = np.zeros((64, 64), bool)
    >>> hole[30:36, 10:50] = True
    >>> float(np.abs(fsr(Problem.create(wave, hole)) - wave).max().round(2))
    0.0
    """
    if block is not None and not 2 <= block <= FSR_MAX_BLOCK:
        raise ValueError(f"fsr's option block is {block}: expected 2 to {FSR_MAX_BLOCK} pixels")
    if iterations < 1:
        raise ValueError(f"fsr's option iterations is {iterations}: expected 1 or more")
    if not 0.3 <= rho <= 0.95:
        raise ValueError(f"fsr's option rho is {rho:g}: expected 0.3 to 0.95")
    if tolerance < 0:
        raise ValueError(f"fsr's option tolerance is {tolerance:g}: expected 0 or more grey levels")
    hole, known = problem.hole, problem.known
    filled = _first(problem)
    trust = np.where(hole, _DELTA, known.astype(np.float32))
    if problem.weight is not None:
        np.copyto(trust, problem.weight + _DELTA * (1 - problem.weight), where=known)
        own = np.divide(problem.weight, trust, out=np.ones_like(trust), where=known)[..., None]
        np.copyto(filled, own * problem.image + (1 - own) * filled, where=problem.doubtful(1)[..., None])
    base = base_colour(filled, known)
    filled -= base
    cell, per_block = (_CELL, 2) if block is None else (block, 1)
    reach = cell * per_block
    centres = _centres(hole, known, cell, per_block, problem.origin[0] % reach, problem.origin[1] % reach)
    across = np.hypot(*np.ogrid[0.5 - _HALF : _HALF, 0.5 - _HALF : _HALF])  # centres lie between pixels
    weight = (rho**across).astype(np.float32)
    fade = (_FADE**across)[_HALF - reach : _HALF + reach, _HALF - reach : _HALF + reach].astype(np.float32)
    level = max(1 / 255, problem.step)
    enough = np.float32((tolerance * level) ** 2)
    model = partial(_model, filled, trust, weight, reach, iterations, enough)
    place: I32x2 = np.full(hole.shape, -1, np.int32)
    place[hole] = np.arange(np.count_nonzero(hole), dtype=np.int32)
    sums = np.zeros((np.count_nonzero(hole), filled.shape[2] + 1), np.float32)
    steps, left = [], np.float32(0)
    for begin in range(0, len(centres), _BATCH):
        batch = centres[begin : begin + _BATCH]
        chunks = [batch[at : at + _CHUNK] for at in range(0, len(batch), _CHUNK)]
        for chunk, (patches, taken, last) in zip(chunks, threads.run(model, chunks), strict=True):
            _add_kernel(sums, place, patches, chunk, fade)
            steps.append(taken)
            left = max(left, last)
        problem.report(Step(min(begin + _BATCH, len(centres)), len(centres)))
    filled[hole] = sums[:, :-1] / sums[:, -1:]
    problem.note(
        iterations=round(float(np.concatenate(steps).mean()), 1),
        residual=float(np.sqrt(left)) / level,
        converged=bool(left <= enough),
    )
    filled += base
    np.copyto(filled, problem.image, where=~hole[..., None])
    return filled


def _first(problem: Problem) -> Image:
    """The crop with a first colour in the hole, and where the known one is worth little."""
    try:
        return coherence(replace(problem.without_weight(), _report=None, _facts={}))
    except ContextError:
        raise ContextError.of("fsr", "no known pixel reaches some of the hole, not even through the hole") from None


def _model(
    image: Image,
    trust: Image,
    weight: F32x2,
    reach: int,
    iterations: int,
    enough: np.float32,
    centres: I64x2,
) -> tuple[F32x4, I64x1, np.float32]:
    """The models' middle parts (n, C, 2 reach, 2 reach), iterations of each (n,), and the largest last gain."""
    from scipy import fft  # not above: its import costs more than a small fill; ten times as fast as NumPy's

    channels = image.shape[2]
    windows = np.empty((len(centres), channels + 1, SIDE, SIDE), np.float32)  # the weight is the last
    _windows_kernel(windows, image, trust, centres, weight)
    spectra = fft.rfft2(windows, axes=(3, 2))  # (n, C + 1, rows, N)
    taken, left = _pursue_kernel(spectra, _prior(), iterations, enough)
    waves = fft.irfft2(spectra[:, :channels], axes=(3, 2), norm="forward")
    middle = slice(_HALF - reach, _HALF + reach)
    return np.ascontiguousarray(waves[:, :, middle, middle], np.float32), taken, left


def _prior() -> F32x2:
    """p, float32 (rows, N)."""
    square = np.fft.rfftfreq(SIDE)[:, None] ** 2 + np.fft.fftfreq(SIDE)[None] ** 2
    prior: F32x2 = (1 / (1 + square / _CORNER**2)).astype(np.float32)
    return prior


def _centres(hole: Mask, known: Mask, cell: int, per_block: int, top: int, left: int) -> I64x2:
    """Rows, columns and reaches (n, 3) of the windows: the corners nearest to the middle of each block's loss.

    A block is ``per_block`` x ``per_block`` cells; where more than half as many pairs of a lost and a known neighbour
    lie in it as it has pixels, each cell gets a window of its own. Blocks lie as in the whole picture: the crop begins
    ``top`` and ``left`` pixels inside one.
    """
    y, x = np.nonzero(hole)
    beside = np.pad(known, 1).astype(np.int64)
    pairs = beside[y, x + 1] + beside[y + 2, x + 1] + beside[y + 1, x] + beside[y + 1, x + 2]
    block = cell * per_block
    down, across = (-(-(side + first) // block) for side, first in zip(hole.shape, (top, left), strict=True))
    of_cell = (y + top) // cell * (across * per_block) + (x + left) // cell
    sums = np.stack(
        [np.bincount(of_cell, part, down * across * per_block**2) for part in (np.ones_like(y), y, x, pairs)]
    )
    cells = sums.astype(np.int64).reshape(4, down, per_block, across, per_block).transpose(1, 3, 2, 4, 0)
    cells = cells.reshape(down, across, per_block**2, 4).copy()  # pixels, their rows and columns, pairs
    reach = np.full(cells.shape[:3], cell)
    whole = 2 * cells[..., 3].sum(axis=2) <= block * block
    if per_block > 1:
        cells[whole, 0] = cells[whole].sum(axis=1)
        cells[whole, 1:] = 0
        reach[whole] = block
    number = cells[..., 0]
    middle = (cells[..., 1:3] + number[..., None]) // np.maximum(number, 1)[..., None]  # the rounded mean + 1/2
    return np.concatenate([middle, reach[..., None]], axis=-1)[number > 0]


@kernel()
def _windows_kernel(out: F32x4, image: F32x3, trust: F32x2, centres: I64x2, weight: F32x2) -> None:
    """Fill ``out`` (n, C + 1, N, N) with w f for each channel, and w; ``trust`` (H, W) is what a pixel's w is times."""
    height, width, channels = image.shape
    out[:] = 0
    for n in range(len(centres)):
        top, left = centres[n, 0] - _HALF, centres[n, 1] - _HALF
        for y in range(max(-top, 0), min(SIDE, height - top)):
            for x in range(max(-left, 0), min(SIDE, width - left)):
                v, u = top + y, left + x
                if trust[v, u] == 0:
                    continue
                w = weight[y, x] * trust[v, u]
                for c in range(channels):
                    out[n, c, y, x] = w * image[v, u, c]
                out[n, channels, y, x] = w


@kernel(fastmath=True)  # sums and maxima may be taken in any order; nothing is infinite
def _pursue_kernel(spectra: C64x4, prior: F32x2, iterations: int, enough: np.float32) -> tuple[I64x1, np.float32]:
    """Turn DFT(w f) of each channel into coefficients of the model, in place; the last spectrum is W.

    Rows 0 and N / 2 hold both k and -k: there the coefficient of k counts twice, since the transform back takes the
    real part. Returns the iterations of each window and the largest decrease that was left to gain.

    spectra : complex64 (n, C + 1, rows, N).
    """
    channels = spectra.shape[1] - 1
    re, im = np.empty((channels, _ROWS, SIDE), np.float32), np.empty((channels, _ROWS, SIDE), np.float32)
    # W_l for rows l = -N/2 to N and columns twice, so that l - k and l + k never wrap.
    w_re, w_im = np.empty((SIDE + _ROWS, 2 * SIDE), np.float32), np.empty((SIDE + _ROWS, 2 * SIDE), np.float32)
    energy = np.empty((_ROWS, SIDE), np.float32)  # p sum |R|^2
    top = np.empty(_ROWS, np.float32)  # the largest energy of each row
    step = np.empty((channels, 2), np.float32)  # c
    parts = np.empty((5, SIDE), np.float32)
    taken = np.zeros(len(spectra), np.int64)
    left = np.float32(0)
    for n in range(len(spectra)):
        for y in range(SIDE + _ROWS):
            row = (y - _HALF) % SIDE
            for x in range(2 * SIDE):
                if row <= _HALF:
                    value = spectra[n, channels, row, x % SIDE]
                    w_re[y, x], w_im[y, x] = value.real, value.imag
                else:
                    value = spectra[n, channels, SIDE - row, (2 * SIDE - x) % SIDE]
                    w_re[y, x], w_im[y, x] = value.real, -value.imag
        for c in range(channels):
            for y in range(_ROWS):
                for x in range(SIDE):
                    re[c, y, x] = spectra[n, c, y, x].real
                    im[c, y, x] = spectra[n, c, y, x].imag
                    spectra[n, c, y, x] = 0
        whole = w_re[_HALF, 0]
        p, q = 0, 0
        step[:] = 0  # the first turn only takes the energies
        while True:
            for y in range(_ROWS):
                # Not a function of its own: that would not be vectorised, and take twice the time.
                less, more = y - p + _HALF, y + p + _HALF
                a1, b1 = w_re[less, SIDE - q : 2 * SIDE - q], w_im[less, SIDE - q : 2 * SIDE - q]  # W_(l-k)
                a2, b2 = w_re[more, q : q + SIDE], w_im[more, q : q + SIDE]  # W_(l+k)
                for x in range(SIDE):  # what the channels share
                    parts[0, x] = a1[x] + a2[x]
                    parts[1, x] = b1[x] - b2[x]
                    parts[2, x] = b1[x] + b2[x]
                    parts[3, x] = a1[x] - a2[x]
                    parts[4, x] = 0
                for c in range(channels):
                    c_re, c_im = step[c, 0], step[c, 1]
                    for x in range(SIDE):
                        u = re[c, y, x] - (c_re * parts[0, x] - c_im * parts[1, x])
                        v = im[c, y, x] - (c_re * parts[2, x] + c_im * parts[3, x])
                        re[c, y, x] = u
                        im[c, y, x] = v
                        parts[4, x] += u * u + v * v
                largest = np.float32(0)
                for x in range(SIDE):
                    e = parts[4, x] * prior[y, x]
                    energy[y, x] = e
                    largest = max(largest, e)
                top[y] = largest
            p, q = 0, 0
            for y in range(1, _ROWS):
                if top[y] > top[p]:
                    p = y
            while q < SIDE - 1 and energy[p, q] < top[p]:
                q += 1
            alone = (p == 0 or p == _HALF) and (q == 0 or q == _HALF)  # k = -k: a real wave by itself
            gain = np.float32(0)
            for c in range(channels):
                gain += re[c, p, q] * re[c, p, q] + im[c, p, q] * im[c, p, q]
            gain *= (np.float32(1) if alone else np.float32(2)) / (whole * whole)
            if gain <= enough or taken[n] >= iterations:
                left = max(left, gain)
                break
            taken[n] += 1
            twice = 2 * p + _HALF, 2 * q % SIDE
            a, b = w_re[twice], w_im[twice]
            per = _GAMMA / max(whole * whole - a * a - b * b, _MIN_DETERMINANT * whole * whole)
            for c in range(channels):
                u, v = re[c, p, q], im[c, p, q]
                if alone:  # as two waves of half the size
                    step[c, 0], step[c, 1] = np.float32(0.5) * _GAMMA * u / whole, 0
                else:
                    step[c, 0], step[c, 1] = per * (whole * u - a * u - b * v), per * (whole * v - b * u + a * v)
                spectra[n, c, p, q] += complex(step[c, 0], step[c, 1]) * (2 if p % _HALF == 0 else 1)
    return taken, left


@kernel()
def _add_kernel(sums: F32x2, place: I32x2, patches: F32x4, centres: I64x2, fade: F32x2) -> None:
    """Add weighted colours and weights of the hole's pixels within each window's reach to ``sums`` (pixels, C + 1)."""
    height, width = place.shape
    channels, middle = patches.shape[1], patches.shape[2] // 2
    for n in range(len(centres)):
        top, left = centres[n, 0] - middle, centres[n, 1] - middle
        first, last = middle - centres[n, 2], middle + centres[n, 2]
        for y in range(max(-top, first), min(last, height - top)):
            for x in range(max(-left, first), min(last, width - left)):
                at = place[top + y, left + x]
                if at >= 0:
                    for c in range(channels):
                        sums[at, c] += fade[y, x] * patches[n, c, y, x]
                    sums[at, channels] += fade[y, x]
