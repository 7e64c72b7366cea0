"""Iterated convolution: its limit by a dense solve, its steps by hand, barriers and what they keep apart."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import ContextError, inpaint
from inpaintkit.classic.oliveira import oliveira
from inpaintkit.picture import PictureMask
from inpaintkit.problem import Problem

A, B = 0.073235, 0.176765
KERNELS = {
    "weighted": np.array([[A, B, A], [B, 0, B], [A, B, A]]),
    "uniform": np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]) / 8,
}


def limit(image: np.ndarray, hole: np.ndarray, usable: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The solution of u = K u in the hole, K scaled to the sum 1 over the usable neighbours."""
    order = np.argwhere(hole)
    column = {(y, x): n for n, (y, x) in enumerate(order.tolist())}
    matrix = np.eye(len(order))
    target = np.zeros((len(order), image.shape[2]))
    for n, (y, x) in enumerate(order.tolist()):
        near = [
            (weights[v - y + 1, u - x + 1], v, u)
            for v in range(max(y - 1, 0), min(y + 2, hole.shape[0]))
            for u in range(max(x - 1, 0), min(x + 2, hole.shape[1]))
            if (v, u) != (y, x) and usable[v, u]
        ]
        total = sum(w for w, _, _ in near)
        for w, v, u in near:
            if hole[v, u]:
                matrix[n, column[v, u]] -= w / total
            else:
                target[n] += w / total * image[v, u]
    solved = image.astype(float).copy()
    solved[hole] = np.linalg.solve(matrix, target)
    return solved


def noisy(seed: int, channels: int = 3) -> Problem:
    """Noise with a hole that touches borders, encloses an island and void pixels."""
    rng = np.random.default_rng(seed)
    hole = rng.random((14, 17)) < 0.2
    hole[0:8, 4:12] = True
    hole[3, 7] = False
    known = ~hole & (rng.random(hole.shape) < 0.85)
    known[3, 7] = True
    return Problem.create(rng.random((14, 17, channels)).astype(np.float32), hole, known)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("seed", range(3))
def test_the_limit_is_the_solution_of_the_linear_system(kernel, seed):
    problem = noisy(seed, channels=1 + seed)
    expected = limit(problem.image, problem.hole, problem.hole | problem.known, KERNELS[kernel])
    filled = oliveira(problem, kernel=kernel, iterations=5000, threshold=0)
    assert np.abs(filled - expected)[problem.hole].max() < 2e-5
    assert np.array_equal(filled[~problem.hole], problem.image[~problem.hole])


@pytest.mark.parametrize("kernel", KERNELS)
def test_three_iterations_one_by_one(kernel):
    """By cv2.filter2D over the whole picture, from the first colours of a line one pixel wide."""
    image = np.random.default_rng(0).random((9, 12)).astype(np.float32)
    hole = np.zeros(image.shape, bool)
    hole[4, 3:9] = True
    weights = KERNELS[kernel].astype(np.float32)
    known = (~hole).astype(np.float32)
    u = np.where(hole, cv2.filter2D(image * known, -1, weights) / cv2.filter2D(known, -1, weights), image)
    for _ in range(3):
        u = np.where(hole, cv2.filter2D(u, -1, weights), u)
    filled, info = inpaint(image, hole, "oliveira", kernel=kernel, iterations=3, threshold=0.0, return_info=True)
    assert np.abs(filled - u).max() < 1e-6
    assert info.regions[0].facts["iterations"] == 3
    assert info.regions[0].facts["converged"] is False


def test_a_lone_pixel_is_the_weighted_mean_and_a_corner_scales_the_weights():
    image = np.random.default_rng(1).random((3, 3, 1)).astype(np.float32)
    hole = np.zeros((3, 3), bool)
    hole[1, 1] = True
    mean = (KERNELS["weighted"] * image[..., 0]).sum()
    assert oliveira(Problem.create(image, hole))[1, 1, 0] == pytest.approx(mean, abs=1e-6)
    hole = np.zeros((3, 3), bool)
    hole[0, 0] = True
    mean = (B * image[0, 1] + B * image[1, 0] + A * image[1, 1]) / (2 * B + A)
    assert oliveira(Problem.create(image, hole))[0, 0, 0] == pytest.approx(mean[0], abs=1e-6)


def test_it_stops_by_the_threshold_in_grey_levels_in_each_part():
    photo = skimage.data.chelsea()
    hole = np.zeros(photo.shape[:2], bool)
    hole[50:52, 50:60] = True  # rests soon
    hole[100:120, 100:140] = True
    residuals = []
    for threshold in (1.0, 0.1, 0.01):
        _, info = inpaint(photo, hole, "oliveira", iterations=5000, threshold=threshold, return_info=True)
        facts = info.regions[0].facts
        assert facts["converged"]
        assert facts["residual"] <= threshold
        residuals.append(facts["iterations"])
    assert residuals == sorted(set(residuals))
    alone = np.zeros_like(hole)
    alone[50:52, 50:60] = True
    few, info = inpaint(photo, alone, "oliveira", threshold=0.01, return_info=True)
    assert info.regions[0].facts["iterations"] < residuals[2] / 5
    both = inpaint(photo, hole, "oliveira", iterations=5000, threshold=0.01)
    assert np.array_equal(both[alone], few[alone])


@pytest.mark.filterwarnings("ignore:the mask hides")
def test_a_hole_deeper_than_the_iterations_is_not_dark():
    image = np.full((121, 121), 180, np.uint8)
    image[:, 60:] = 200
    hole = np.zeros(image.shape, bool)
    hole[5:116, 5:116] = True
    filled = inpaint(image, hole, "oliveira", iterations=1)
    assert 180 <= filled[hole].min() <= filled[hole].max() <= 200


def crossed() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Black beside white, a hole across the edge, and a barrier on the edge, longer than the hole."""
    image = np.zeros((40, 50), np.uint8)
    image[:, 25:] = 255
    hole = np.zeros(image.shape, bool)
    hole[10:30, 12:40] = True
    barrier = np.zeros(image.shape, bool)
    barrier[8:32, 24:26] = True
    return image, hole, barrier


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_barrier_keeps_two_sides_apart_and_is_filled_from_both(kernel):
    image, hole, barrier = crossed()
    filled = inpaint(image, hole, "oliveira", kernel=kernel, barriers=barrier)
    assert np.array_equal(filled[hole & ~barrier], image[hole & ~barrier])
    assert np.array_equal(filled[11:29], image[11:29])  # in rows 10 and 29 known colours of both sides come in
    blurred = inpaint(image, hole, "oliveira", kernel=kernel)
    assert 100 < blurred[20, 22:28].mean() < 155
    assert np.ptp(blurred[20, 20:30].astype(int)) < 200


@pytest.mark.parametrize("kernel", KERNELS)
def test_beside_barriers_the_limit_is_that_of_the_scaled_kernel(kernel):
    problem = noisy(5)
    barrier = np.zeros(problem.hole.shape, bool)
    barrier[0:9, 7:9] = True
    free = problem.hole & ~barrier
    expected = limit(problem.image, free, (problem.hole | problem.known) & ~barrier, KERNELS[kernel])
    filled = oliveira(problem, kernel=kernel, iterations=5000, threshold=0, barriers=PictureMask(barrier))
    assert np.abs(filled - expected)[free].max() < 2e-5
    assert np.isfinite(filled).all()


def test_what_lies_under_a_barrier_is_no_source():
    """Also where it is known: another colour there changes nothing but the barrier itself."""
    image, hole, barrier = crossed()
    odd = np.where(barrier & ~hole, np.uint8(90), image)
    first, second = (inpaint(pixels, hole, "oliveira", barriers=barrier) for pixels in (image, odd))
    assert np.array_equal(first[hole & ~barrier], second[hole & ~barrier])


def test_what_barriers_close_off_is_filled_last():
    image = np.full((40, 40, 3), 120, np.uint8)
    hole = np.zeros((40, 40), bool)
    hole[10:30, 10:30] = True
    ring = np.zeros((40, 40), bool)
    ring[14:26, 14:26] = True
    ring[16:24, 16:24] = False
    assert (inpaint(np.where(hole[..., None], np.uint8(0), image), hole, "oliveira", barriers=ring) == 120).all()
    assert (inpaint(image, hole, "oliveira", barriers=np.ones((40, 40), bool)) == 120).all()


def test_barriers_lie_where_they_were_drawn_whatever_the_crop():
    image, hole, barrier = crossed()
    larger = np.pad(image, ((200, 90), (300, 10)), mode="edge")
    shifted = [np.pad(mask, ((200, 90), (300, 10))) for mask in (hole, barrier)]
    filled = inpaint(larger, shifted[0], "oliveira", barriers=shifted[1])
    expected = inpaint(image, hole, "oliveira", barriers=barrier)
    assert np.array_equal(filled[200:240, 300:350], expected)


def test_pixels_that_nothing_known_touches_are_an_error():
    image = np.zeros((7, 7, 1), np.float32)
    hole, known = np.zeros((2, 7, 7), bool)
    hole[1:3, 1:3] = known[5, 5] = True
    with pytest.raises(ContextError, match=r"oliveira: 4 hole pixels touch no known pixel.*fallback=True"):
        oliveira(Problem.create(image, hole, known))


@pytest.mark.parametrize(
    ("option", "value", "needed"),
    [
        ("iterations", 0, "1 or more"),
        ("threshold", -1.0, "0 or more grey levels"),
        ("kernel", "gaussian", "'weighted' or 'uniform'"),
    ],
)
def test_options_out_of_range_are_refused(option, value, needed):
    with pytest.raises(ValueError, match=f"oliveira's option {option} is .* expected {needed}"):
        inpaint(np.zeros((8, 8), np.uint8), np.eye(8, dtype=bool), "oliveira", **{option: value})
