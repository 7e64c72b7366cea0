"""Small symmetric systems in float32: inverse, Cholesky side by side, and the limit of the smallest values."""

from __future__ import annotations

import numpy as np

from inpaintkit.arrays import F32x1, I64x1
from inpaintkit.classic._lanes import LANES, larger, load, of_bits, root, splat, spread, store, within
from inpaintkit.kernels import kernel

_LARGEST = 0x7F7FFFFF  # the bits of the largest finite float32


@kernel(fastmath=True, inline=True)
def invert(matrix: F32x1, n: int, span: int, least: np.float32, inverse: F32x1, column: F32x1) -> None:
    """The inverse of a symmetric matrix without eigenvalues below ``least``, both (n, span), by Gauss and Jordan."""
    for i in range(0, n * span, LANES):
        store(inverse, i, load(matrix, i))
    for k in range(n):
        pivot = np.float32(1) / max(inverse[k * span + k], least)  # no pivot is below the least eigenvalue
        for i in range(n):
            column[i] = inverse[i * span + k]
            inverse[i * span + k] = 0
        column[k] = 0
        inverse[k * span + k] = 1
        scale = splat(pivot)
        for j in range(0, span, LANES):
            row = scale * load(inverse, k * span + j)
            for i in range(n):
                store(inverse, i * span + j, load(inverse, i * span + j) - spread(column, i) * row)
            store(inverse, k * span + j, row)


@kernel(fastmath=True, inline=True)
def factorise(a: F32x1, m: int) -> None:
    """Cholesky of ``LANES`` matrices in place, packed by rows (j, lane); the diagonal becomes its reciprocal."""
    one, least = splat(np.float32(1)), splat(np.float32(1e-20))
    for j in range(m):
        own = j * (j + 1) // 2 * LANES
        z = load(a, own + j * LANES)
        for k in range(0, j * LANES, LANES):
            q = load(a, own + k)
            z -= q * q
        d = one / root(larger(z, least))
        store(a, own + j * LANES, d)
        i = j + 1
        while i + 4 <= m:  # four rows at a time, so that their sums stay in registers
            p0 = i * (i + 1) // 2 * LANES
            p1 = p0 + (i + 1) * LANES
            p2 = p1 + (i + 2) * LANES
            p3 = p2 + (i + 3) * LANES
            z0, z1 = load(a, p0 + j * LANES), load(a, p1 + j * LANES)
            z2, z3 = load(a, p2 + j * LANES), load(a, p3 + j * LANES)
            for k in range(0, j * LANES, LANES):
                q = load(a, own + k)
                z0 -= load(a, p0 + k) * q
                z1 -= load(a, p1 + k) * q
                z2 -= load(a, p2 + k) * q
                z3 -= load(a, p3 + k) * q
            store(a, p0 + j * LANES, z0 * d)
            store(a, p1 + j * LANES, z1 * d)
            store(a, p2 + j * LANES, z2 * d)
            store(a, p3 + j * LANES, z3 * d)
            i += 4
        while i < m:
            p = i * (i + 1) // 2 * LANES
            z = load(a, p + j * LANES)
            for k in range(0, j * LANES, LANES):
                z -= load(a, p + k) * load(a, own + k)
            store(a, p + j * LANES, z * d)
            i += 1


@kernel(fastmath=True, inline=True)
def solve(a: F32x1, m: int, v: F32x1, start: int) -> None:
    """v = A^-1 v for ``LANES`` systems, from what ``factorise`` left in ``a``: forwards, then backwards."""
    for k in range(m):
        z = load(v, start + k * LANES) * load(a, (k * (k + 1) // 2 + k) * LANES)
        store(v, start + k * LANES, z)
        for i in range(k + 1, m):
            place = start + i * LANES
            store(v, place, load(v, place) - load(a, (i * (i + 1) // 2 + k) * LANES) * z)
    for i in range(m - 1, -1, -1):
        own = i * (i + 1) // 2 * LANES
        z = load(v, start + i * LANES) * load(a, own + i * LANES)
        store(v, start + i * LANES, z)
        for k in range(i):
            place = start + k * LANES
            store(v, place, load(v, place) - load(a, own + k * LANES) * z)


@kernel(fastmath=True, inline=True)
def combine(matrix: F32x1, span: int, rows: I64x1, weights: F32x1, sums: F32x1) -> None:
    """The sum (span,) of a matrix's ``rows``, each with its weight; by fours."""
    for j in range(0, span, LANES):
        p, q, s, t = splat(np.float32(0)), splat(np.float32(0)), splat(np.float32(0)), splat(np.float32(0))
        for i in range(0, len(rows), 4):
            p += spread(weights, i) * load(matrix, rows[i] * span + j)
            q += spread(weights, i + 1) * load(matrix, rows[i + 1] * span + j)
            s += spread(weights, i + 2) * load(matrix, rows[i + 2] * span + j)
            t += spread(weights, i + 3) * load(matrix, rows[i + 3] * span + j)
        store(sums, j, p + q + s + t)


@kernel(fastmath=True, inline=True)
def limit_of(values: F32x1, count: int, wanted: int) -> np.float32:
    """The smallest limit that ``wanted`` of the first values stay within; where fewer are finite, the largest float.

    No value is negative, so they are in the order of their bits. What follows the first ``count`` is infinite.
    """
    low, high = -1, _LARGEST
    while high - low > 1:
        middle = (low + high) // 2
        limit = of_bits(middle)
        found = 0
        for k in range(0, count, LANES):
            found += within(load(values, k), limit)
        if found >= wanted:
            high = middle
        else:
            low = middle
        if found == wanted:
            break
    return of_bits(high)
