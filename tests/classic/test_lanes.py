"""Sixteen floats or eight at a time: what each function does, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from inpaintkit.classic._lanes import (
    EIGHT,
    LANES,
    larger,
    load,
    load_eight,
    magnitude,
    of_bits,
    reduced,
    root,
    smaller,
    splat,
    splat_eight,
    store,
    where,
    within,
)
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


@kernel(fastmath=True)
def _eight_kernel(a, b, result):
    x, y, two = load_eight(a, 3), load_eight(b, 1), splat_eight(np.float32(2))
    store(result, 0, x * two - y)
    store(result, EIGHT, smaller(x, y))
    store(result, 2 * EIGHT, magnitude(x))
    store(result, 3 * EIGHT, where(x, y, two, x / y))
    return reduced(root(magnitude(y)))


def test_what_each_does_with_eight():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, (2, 2 * EIGHT)).astype(np.float32)
    x, y = a[3 : 3 + EIGHT], b[1 : 1 + EIGHT]
    result = np.full(4 * EIGHT + 1, -1, np.float32)
    total = _eight_kernel(a, b, result)
    expected = np.concatenate([x * 2 - y, np.minimum(x, y), np.abs(x), np.where(x > y, 2, x / y), [-1]])
    assert result == pytest.approx(expected, rel=1e-6)
    assert total == pytest.approx(np.sqrt(np.abs(y)).sum(), rel=1e-5)


@kernel()
def _of_bits_kernel(bits):
    return of_bits(bits)


@pytest.mark.parametrize("number", [0.0, 1.5, -2.0e-38, 3.0e38])
def test_a_number_from_its_bits(number):
    assert _of_bits_kernel(int(np.float32(number).view(np.int32))) == np.float32(number)
