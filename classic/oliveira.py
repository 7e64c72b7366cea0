"""Fast digital image inpainting (Oliveira, Bowen, McKenna, Chang 2001): blur the hole, and only it, till it rests.

Every hole pixel becomes the weighted mean of its eight neighbours, over and over; what is known stays as it is. The
kernels have no weight in the centre:

        a b a          c c c
        b 0 b          c 0 c            a = 0.073235, b = 0.176765, c = 0.125                                     (1)
        a b a          c c c
       weighted       uniform

With K for one convolution the colours tend to the solution of u = K u in the hole, close to a harmonic function. No
edge survives that crosses the hole, unless a diffusion barrier keeps its two sides apart: a line two pixels wide, as
wide as the kernel reaches, over which nothing flows.

What the paper leaves open, and what is done here:

- The paper starts from an empty hole, and what 100 iterations do not reach stays dark. Here the first colours come
  layer by layer from the rim, each pixel the mean of those neighbours that have one, and then the iterations begin. The
  limit is the same.
- Beyond the picture's border, on transparent pixels and on barriers there is nothing to average. The weights of the
  other neighbours are scaled to the sum 1, so that nothing flows over such a border.
- Pixels under a barrier, known ones too, give no colour while the rest is iterated: a barrier lies on an edge, whose
  colours are mixed. Afterwards those in the hole are filled layer by layer, each line of a barrier from its own side.
  So is a part of the hole that barriers close off from all that is known.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from inpaintkit import kernels
from inpaintkit.arrays import Bool1, F32x1, F32x2, I64x1
from inpaintkit.classic._hole import base_colour, components, onion, padded_places
from inpaintkit.errors import ContextError
from inpaintkit.picture import PictureMask
from inpaintkit.problem import Image, Mask, Problem, Step

_A, _B, _C = 0.073235, 0.176765, 0.125
_KERNELS = {
    "weighted": np.array([[_A, _B, _A], [_B, 0, _B], [_A, _B, _A]], np.float32),
    "uniform": np.array([[_C, _C, _C], [_C, 0, _C], [_C, _C, _C]], np.float32),
}
_LANES = 4  # channels that the kernel sees at once: a fixed number is one processor register, absent channels are 0
_CHUNK = 100  # iterations between reports


def oliveira(
    problem: Problem,
    *,
    kernel: Literal["weighted", "uniform"] = "weighted",
    iterations: int = 100,
    threshold: float = 0.1,
    barriers: PictureMask | None = None,
) -> Image:
    """Fill a hole by iterated convolution.

    It is for holes a few pixels wide that cross no strong edge, or whose edges have barriers. Over a wide hole it is a
    blur, and after ``iterations`` the middle of one much deeper than their square root still shows how it began.

    Parameters
    ----------
    problem : the region to fill.
    kernel : "weighted", the paper's first, has weights that fall off with distance; "uniform" has equal ones.
    iterations : at most so many convolutions in each connected part of the hole (1 or more; 100 is usual in the paper).
    threshold : a part is done once no channel of a pixel changes by more, in 255ths of the range (0 or more), or in
        steps between the picture's levels where those are wider.
    barriers : a mask of the picture's size, True on lines two pixels wide over which no colour flows; None for none.

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled. Notes ``iterations`` (the largest number of any
    part), ``residual`` (the largest last change of any part, in the units of ``threshold``) and ``converged``.

    Raises
    ------
    ValueError : an option out of range, or barriers of another size than the picture.
    ContextError : hole pixels that touch no known pixel, not even through the hole.

    References
    ----------
    M. M. Oliveira, B. Bowen, R. McKenna, Y.-S. Chang, Fast digital image inpainting, Proc. VIIP 2001, 261-266.

    Examples
    --------
    >>> import numpy as np
    >>> from inpaintkit.problem import Problem
    >>> line = np.array([[0, 9, 1]], np.float32)[..., None]
    >>> hole = np.array([[False, True, False]])
    >>> oliveira(Problem.create(line, hole))[0, :, 0].round(3).tolist()
    [0.0, 0.5, 1.0]
    """
    if iterations < 1:
        raise ValueError(f"oliveira's option iterations is {iterations}: expected 1 or more")
    if threshold < 0:
        raise ValueError(f"oliveira's option threshold is {threshold:g}: expected 0 or more grey levels")
    hole, known, weights = problem.hole, problem.known, _KERNELS[kernel]
    free = ~problem.part(barriers.pixels) if barriers else np.ones_like(hole)
    filled, coloured = onion(problem.image, hole & free, known & free, weights)
    _diffuse(problem, filled, hole & coloured, coloured, weights, iterations, threshold)
    filled, coloured = onion(filled, hole & ~coloured, coloured | known, weights)
    unreached = np.count_nonzero(hole & ~coloured)
    if unreached:
        raise ContextError.of("oliveira", f"{unreached} hole pixels touch no known pixel, not even through the hole")
    return filled


def _diffuse(
    problem: Problem, filled: Image, hole: Mask, usable: Mask, weights: Image, iterations: int, threshold: float
) -> None:
    """Iterate ``filled`` (H, W, C) in place over the hole, whose pixels are usable and have a first colour."""
    height, width, channels = filled.shape
    order, start = components(hole)
    stride = width + 2
    places = padded_places(order, width, 1)
    base = base_colour(filled, usable)
    lanes = -(-channels // _LANES) * _LANES
    now = np.zeros((height + 2, stride, lanes), np.float32)
    now[1:-1, 1:-1, :channels] = np.where(usable[..., None], filled - base, 0)  # what is not usable adds nothing
    now = now.reshape(-1, lanes)
    after = now.copy()
    scale = _scale_kernel(np.pad(usable, 1).reshape(-1), places, weights, stride)
    parts = len(start) - 1
    change, steps, settled = np.zeros(parts, np.float32), np.zeros(parts, np.int64), np.zeros(parts, np.bool_)
    sizes = np.diff(start)
    level = max(1 / 255, problem.step)
    while (~settled & (steps < iterations)).any():
        state = (change, steps, settled)
        _diffuse_kernel(
            now, after, places, start, scale, weights, stride, *state, _CHUNK, iterations, threshold * level
        )
        done = np.where(settled, 1, steps / iterations) @ sizes
        problem.report(Step(float(done), float(len(order))))
    filled.reshape(-1, channels)[order] = now[places, :channels] + base
    problem.note(
        iterations=int(steps.max(initial=0)),
        residual=round(float(change.max(initial=0)) / level, 4),
        converged=bool(settled.all()),
    )


@kernels.kernel()
def _scale_kernel(usable: Bool1, places: I64x1, weights: F32x2, stride: int) -> F32x1:
    """1 / the sum of the weights of usable neighbours, for each place."""
    scale = np.empty(len(places), np.float32)
    for n in range(len(places)):
        total = np.float32(0)
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                if usable[places[n] + dy * stride + dx]:
                    total += weights[dy + 1, dx + 1]
        scale[n] = np.float32(1) / total if total > 0 else np.float32(0)
    return scale


@kernels.kernel(fastmath=True)  # sums may be taken in any order
def _diffuse_kernel(
    now: F32x2,
    after: F32x2,
    places: I64x1,
    start: I64x1,
    scale: F32x1,
    weights: F32x2,
    stride: int,
    change: F32x1,
    steps: I64x1,
    settled: Bool1,
    sweeps: int,
    max_steps: int,
    threshold: float,
) -> None:
    """Convolve ``now`` (N, lanes) part by part, until ``change`` is at most ``threshold`` or for so many ``sweeps``."""
    near, far = weights[0, 1], weights[0, 0]
    lanes = now.shape[1]
    for k in range(len(steps)):
        one, other = now, after
        for _ in range(sweeps):
            if settled[k] or steps[k] >= max_steps:
                break
            steps[k] += 1
            largest = np.float32(0)
            for n in range(start[k], start[k + 1]):
                p = places[n]
                for g in range(0, lanes, _LANES):
                    for c in range(g, g + _LANES):
                        sides = one[p - stride, c] + one[p - 1, c] + one[p + 1, c] + one[p + stride, c]
                        corners = one[p - stride - 1, c] + one[p - stride + 1, c]
                        corners += one[p + stride - 1, c] + one[p + stride + 1, c]
                        mean = (near * sides + far * corners) * scale[n]
                        largest = max(largest, abs(mean - one[p, c]))
                        other[p, c] = mean
            one, other = other, one
            change[k] = largest
            settled[k] = largest <= threshold
        for n in range(start[k], start[k + 1]):
            for c in range(lanes):
                now[places[n], c] = one[places[n], c]
