"""The solver of the harmonic and biharmonic systems, direct and by multigrid, beside scipy's sparse direct one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.linalg import spsolve

from inpaintkit.classic import _cholesky
from inpaintkit.classic._elliptic import Elliptic
from inpaintkit.distance import unreachable


def laplacian(open_: np.ndarray) -> sparse.csr_matrix:
    """D - W of the graph of open pixels, (H W, H W), edge by edge."""
    number = np.arange(open_.size).reshape(open_.shape)
    pairs = []
    for first, second in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        both = open_[first] & open_[second]
        pairs.append((number[first][both], number[second][both]))
    a, b = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    joined = sparse.coo_matrix((np.ones(len(a)), (a, b)), (open_.size, open_.size))
    joined = (joined + joined.T).tocsr()
    return sparse.diags(np.asarray(joined.sum(axis=1)).ravel()) - joined


def solved(image: np.ndarray, hole: np.ndarray, known: np.ndarray, power: int, load: float = 0.0) -> np.ndarray:
    matrix = laplacian(hole | known)
    if power == 2:
        matrix = matrix @ matrix
    matrix = matrix.tocsr()
    inside, outside = np.flatnonzero(hole), np.flatnonzero(known)
    right = load - matrix[inside][:, outside] @ image.reshape(hole.size, -1)[outside]
    return spsolve(matrix[inside][:, inside].tocsc(), right).reshape(right.shape)


def blobs(side: int, size: float, seed: int = 0) -> np.ndarray:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((side, side)), None, size)
    return noise > 0


def disc(side: int) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - side / 2
    return np.hypot(y, x) < 0.4 * side


def band(side: int) -> np.ndarray:
    hole = np.zeros((side, side), bool)
    hole[: side // 2, side // 4 : -(side // 3)] = True  # touches the picture's edge
    return hole


HOLES = {
    "disc": disc(120),
    "band": band(110),
    "blobs": blobs(101, 6),
    "fine blobs": blobs(90, 2),
    "half lost": np.random.default_rng(1).random((80, 93)) < 0.5,
    "nine of ten lost": np.random.default_rng(2).random((77, 80)) < 0.9,
}


@pytest.fixture(params=[90, -1], ids=["direct where narrow", "multigrid"])
def max_width(request, monkeypatch):
    monkeypatch.setattr(_cholesky, "_MAX_WIDTH", request.param)
    return request.param


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("name", HOLES)
def test_the_solution_is_that_of_a_sparse_direct_solve(name, power, max_width):
    hole = HOLES[name]
    image = np.random.default_rng(3).random((*hole.shape, 2))
    system = Elliptic(hole, ~hole, power)
    solution = system.solve(system.right_side(image, ~hole), tolerance=1e-6)
    assert solution.converged
    assert solution.iterations <= 20
    assert np.abs(solution.values - solved(image, hole, ~hole, power)).max() < 5e-6


@pytest.mark.parametrize("power", [1, 2])
def test_a_source_term_and_a_start(power, max_width):
    hole = HOLES["disc"]
    image = np.random.default_rng(3).random((*hole.shape, 1))
    system = Elliptic(hole, ~hole, power)
    right = system.right_side(image, ~hole) + 1e-3
    expected = solved(image, hole, ~hole, power, load=1e-3)
    cold = system.solve(right, tolerance=1e-7)
    assert np.abs(cold.values - expected).max() < 1e-6
    warm = system.solve(right, start=expected, tolerance=1e-7)
    assert np.abs(warm.values - expected).max() < 1e-6
    assert warm.iterations <= 1


@pytest.mark.parametrize("power", [1, 2])
def test_iterations_do_not_grow_with_the_hole(power, monkeypatch):
    monkeypatch.setattr(_cholesky, "_MAX_WIDTH", -1)
    counts = []
    for side in (60, 400):
        hole = np.zeros((side, side), bool)
        hole[2:-2, 2:-2] = True
        y, x = np.mgrid[:side, :side] / side
        image = np.cos(5 * y + 3 * x)[..., None]
        system = Elliptic(hole, ~hole, power)
        counts.append(system.solve(system.right_side(image, ~hole), tolerance=1e-5).iterations)
    assert counts[1] <= counts[0] + 4


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 14),
    width=st.integers(1, 14),
    void=st.floats(0, 0.5),
    share=st.floats(0.05, 0.95),
    power=st.sampled_from([1, 2]),
    seed=st.integers(0, 2**16),
)
@pytest.mark.parametrize("max_width", [90, -1])
def test_any_hole_with_void_pixels_and_at_the_edge(max_width, height, width, void, share, power, seed):
    rng = np.random.default_rng(seed)
    open_ = rng.random((height, width)) >= void
    hole = open_ & (rng.random((height, width)) < share)
    known = open_ & ~hole
    hole &= ~unreachable(hole, known)
    if not hole.any():
        return
    image = rng.random((height, width, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cholesky, "_MAX_WIDTH", max_width)
        system = Elliptic(hole, known, power)
        solution = system.solve(system.right_side(image, known), tolerance=1e-7, max_iterations=300)
    expected = solved(image, hole, known, power)
    assert np.abs(solution.values - expected).max() < 1e-5 * max(1, np.abs(expected).max())
