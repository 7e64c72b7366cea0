"""Sixteen floats at a time: what each function does, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from inpaintkit.classic._lanes import LANES, larger, load, reduced, root, splat, store, within
from inpaintkit.kernels import kernel


@kernel(fastmath=True)
def _all_kernel(a, b, result):
    x, y, two = load(a, 3), load(b, 1), splat(np.float32(2))
    store(result, 0, x + y)
    store(result, LANES, x - y)
    store(result, 2 * LANES, x * y / two)
    store(result, 3 * LANES, larger(x, y))
    store(result, 4 * LANES, root(x))
    total = splat(np.float32(0))
    for k in range(0, 2 * LANES, LANES):
        total += load(a, k)
        total -= load(b, k)
    return reduced(total), within(x, np.float32(0.5))


def test_what_each_function_does():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 3 * LANES)).astype(np.float32)
    x, y = a[3 : 3 + LANES], b[1 : 1 + LANES]
    x[5] = 0.5
    result = np.full(5 * LANES + 1, -1, np.float32)
    total, few = _all_kernel(a, b, result)
    expected = np.concatenate([x + y, x - y, x * y / 2, np.maximum(x, y), np.sqrt(x), [-1]])
    assert result == pytest.approx(expected, rel=1e-6)
    assert total == pytest.approx((a - b)[: 2 * LANES].sum(), rel=1e-5)
    assert few == np.count_nonzero(x <= 0.5)
