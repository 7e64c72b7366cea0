"""The union-find beside scipy's connected components, and who leads."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from inpaintkit.kernels import kernel
from inpaintkit.union_find import lead_kernel, root_kernel, unite_kernel


@kernel()
def _united_kernel(parent, pairs):
    for i in range(len(pairs)):
        unite_kernel(parent, pairs[i, 0], pairs[i, 1])


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_groups_are_those_of_scipy_and_led_by_their_earliest_member(dtype):
    rng = np.random.default_rng(3)
    for pairs in (rng.integers(0, 300, (n, 2)) for n in (0, 40, 150, 2000)):
        parent = np.arange(300, dtype=dtype)
        _united_kernel(parent, pairs)
        roots = [root_kernel(parent.copy(), i) for i in range(300)]
        lead_kernel(parent)
        graph = sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (300, 300))
        _, labels = sparse.csgraph.connected_components(graph, directed=False)
        earliest = np.array([np.flatnonzero(labels == label)[0] for label in labels])
        assert np.array_equal(parent, earliest)
        assert np.array_equal(roots, earliest)
