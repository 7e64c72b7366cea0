"""Total variation: optima by hand and by linear programming, the gap's promise, bars made whole and bars cut."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from scipy import optimize, sparse

from inpaintkit import ContextError, damage, inpaint
from inpaintkit.benchmarks.protocols import drop
from inpaintkit.classic import tv as module
from inpaintkit.classic.tv import tv
from inpaintkit.problem import Problem

NORMS = ("isotropic", "anisotropic")


def differences(hole: np.ndarray, known: np.ndarray) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(pixel, next) in flat indices, to the right and downwards, where a difference counts."""
    found: tuple[list, list] = ([], [])
    for y, x in np.ndindex(hole.shape):
        for axis, (v, u) in enumerate(((y, x + 1), (y + 1, x))):
            if v < hole.shape[0] and u < hole.shape[1]:
                usable = (hole | known)[[y, v], [x, u]].all()
                if usable and hole[[y, v], [x, u]].any():
                    found[axis].append((y * hole.shape[1] + x, v * hole.shape[1] + u))
    return found


def energy(image: np.ndarray, hole: np.ndarray, known: np.ndarray, norm: str) -> float:
    """(1), over whole arrays."""
    usable = hole | known
    squares = np.zeros((2, *hole.shape))
    for axis, (here, there) in enumerate(((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:]))):
        counts = usable[here] & usable[there] & (hole[here] | hole[there])
        squares[axis][here] = np.where(counts, ((image[there] - image[here]).astype(float) ** 2).sum(axis=2), 0)
    return float(np.sqrt(squares.sum(axis=0)).sum() if norm == "isotropic" else np.sqrt(squares).sum())


def least_anisotropic(image: np.ndarray, hole: np.ndarray, known: np.ndarray) -> float:
    """The optimum for one channel as a linear programme: minimise sum t with -t <= Du <= t."""
    right, down = differences(hole, known)
    pairs = right + down
    unknowns = np.flatnonzero(hole)
    column = {p: n for n, p in enumerate(unknowns)}
    flat = image.reshape(-1).astype(float)
    rows = np.zeros((len(pairs), len(unknowns)))
    fixed = np.zeros(len(pairs))
    for n, (p, q) in enumerate(pairs):
        for pixel, sign in ((p, -1), (q, 1)):
            if pixel in column:
                rows[n, column[pixel]] += sign
            else:
                fixed[n] += sign * flat[pixel]
    slack = np.eye(len(pairs))
    upper = sparse.csr_matrix(np.block([[rows, -slack], [-rows, -slack]]))
    cost = np.concatenate([np.zeros(len(unknowns)), np.ones(len(pairs))])
    bounds = [(None, None)] * len(unknowns) + [(0, None)] * len(pairs)
    return optimize.linprog(cost, upper, np.concatenate([-fixed, fixed]), bounds=bounds).fun


def least_isotropic(image: np.ndarray, hole: np.ndarray, known: np.ndarray) -> float:
    """The optimum for any channels to about 1e-4: |Du| rounded off as sqrt(|Du|^2 + e^2) - e with e falling."""
    shape = image.shape
    pairs = differences(hole, known)
    ends = [np.array(p or np.zeros((0, 2), int)).T for p in pairs]
    flat = image.reshape(-1, shape[2]).astype(float)
    unknown = hole.reshape(-1)

    def smooth(values: np.ndarray, e: float) -> tuple[float, np.ndarray]:
        u = flat.copy()
        u[unknown] = values.reshape(-1, shape[2])
        gradient = np.zeros((2, *u.shape))
        for axis, (p, q) in enumerate(ends):
            gradient[axis, p] = u[q] - u[p]
        size = np.sqrt((gradient**2).sum(axis=(0, 2)) + e * e)
        slope = np.zeros_like(u)
        for axis, (p, q) in enumerate(ends):
            step = gradient[axis, p] / size[p, None]
            np.add.at(slope, q, step)
            np.add.at(slope, p, -step)
        return float((size - e).sum()), slope[unknown].reshape(-1)

    values = np.full(np.count_nonzero(hole) * shape[2], 0.5)
    for e in (0.1, 0.01, 1e-3, 1e-4):
        options = {"maxiter": 1500, "maxfun": 3000, "ftol": 1e-12, "gtol": 1e-8}
        values = optimize.minimize(smooth, values, (e,), jac=True, method="L-BFGS-B", options=options).x
    return smooth(values, 0)[0]


def random_problem(seed: int, channels: int) -> Problem:
    """Noise with a hole that has islands, touches borders and void pixels."""
    rng = np.random.default_rng(seed)
    shape = (9, 11)
    hole = rng.random(shape) < 0.25
    hole[2:7, 3:8] = True
    hole[4, 5] = False
    known = ~hole & (rng.random(shape) < 0.9)
    known[4, 5] = True
    return Problem.create(rng.random((*shape, channels)).astype(np.float32), hole, known)


def solve(problem: Problem, **options) -> tuple[np.ndarray, dict, float]:
    """The fill, what was noted, and its energy."""
    problem = Problem.create(problem.image, problem.hole, problem.known)  # with notes of its own
    filled = tv(problem, **options)
    return filled, problem._facts, energy(filled, problem.hole, problem.known, options.get("norm", "isotropic"))


@pytest.mark.parametrize("seed", range(4))
def test_anisotropic_reaches_the_optimum_of_the_linear_programme(seed):
    problem = random_problem(seed, 1)
    least = least_anisotropic(problem.image, problem.hole, problem.known)
    _, facts, reached = solve(problem, norm="anisotropic", tolerance=0.01, max_iterations=50_000)
    assert facts["converged"]
    assert least - 1e-5 <= reached <= least + 0.011 / 255 * np.count_nonzero(problem.hole)


@pytest.mark.parametrize(("seed", "channels"), [(0, 1), (1, 3), (2, 3)])
def test_isotropic_reaches_the_optimum_of_an_independent_solver(seed, channels):
    problem = random_problem(seed, channels)
    least = least_isotropic(problem.image, problem.hole, problem.known)
    _, facts, reached = solve(problem, tolerance=0.003)
    assert facts["converged"]
    assert reached == pytest.approx(least, rel=1e-4)


@pytest.mark.parametrize("tolerance", [30.0, 5.0, 1.0, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_the_gap_bounds_how_far_the_optimum_is(seed, tolerance):
    """One part, so that the noted gap is the whole problem's."""
    problem = random_problem(seed, 1)
    hole = problem.hole.copy()
    hole[:2] = hole[7:] = hole[:, :3] = hole[:, 8:] = False
    problem = Problem.create(problem.image, hole)
    least = least_anisotropic(problem.image, problem.hole, problem.known)
    _, facts, reached = solve(problem, norm="anisotropic", tolerance=tolerance, max_iterations=10_000)
    excess = (reached - least) * 255 / np.count_nonzero(hole)
    assert -1e-3 <= excess <= facts["gap"] + 1e-3
    assert facts["gap"] <= tolerance


def bar(broad: int, gap: int) -> tuple[np.ndarray, np.ndarray, slice]:
    """A white bar across black, interrupted by a hole ``gap`` pixels wide that reaches beyond it on both sides."""
    image = np.zeros((41, 61, 1), np.float32)
    rows = slice(20 - broad // 2, 20 - broad // 2 + broad)
    image[rows] = 1
    hole = np.zeros((41, 61), bool)
    hole[4:37, 30 - gap // 2 : 30 - gap // 2 + gap] = True
    return image, hole, rows


@pytest.mark.parametrize("norm", NORMS)
def test_a_broad_bar_is_made_whole_and_a_narrow_one_cut(norm):
    """Whole costs 2 gap, cut costs 2 broad: the shorter one is the only optimum."""
    for broad, gap in ((15, 6), (11, 8)):
        image, hole, _ = bar(broad, gap)
        filled, _, reached = solve(Problem.create(image, hole), norm=norm, tolerance=0.002)
        assert np.abs(filled - image)[hole].max() < 0.05
        assert reached == pytest.approx(2 * gap, rel=0.01)
    for broad, gap in ((6, 15), (4, 6)):
        image, hole, _ = bar(broad, gap)
        filled, _, reached = solve(Problem.create(image, hole), norm=norm, tolerance=0.002)
        assert filled[hole].max() < 0.05
        assert reached == pytest.approx(2 * broad, rel=0.01)


def test_a_lone_pixel_takes_the_median_or_the_point_of_least_distance():
    """Anisotropic: any value between the two middle neighbours. Colours that agree but for one neighbour: theirs."""
    values = np.zeros((3, 3, 1), np.float32)
    values[0, 1], values[1, 0], values[1, 2], values[2, 1] = 0.1, 0.3, 0.4, 0.9
    hole = np.zeros((3, 3), bool)
    hole[1, 1] = True
    filled, _, reached = solve(Problem.create(values, hole), norm="anisotropic", tolerance=0.001)
    assert 0.3 - 1e-4 <= filled[1, 1, 0] <= 0.4 + 1e-4
    assert reached == pytest.approx((0.9 - 0.1) + (0.4 - 0.3), abs=1e-4)
    colours = np.full((3, 3, 3), 0.2, np.float32)
    colours[2, 1] = (0.9, 0.1, 0.5)
    filled, _, _ = solve(Problem.create(colours, hole), norm="anisotropic", tolerance=0.001)
    assert np.allclose(filled[1, 1], 0.2, atol=1e-3)


def test_parts_of_a_hole_are_solved_each_for_itself():
    photo = skimage.data.astronaut()[100:160, 200:280].astype(np.float32) / 255
    first, second = np.zeros((2, 60, 80), bool)
    first[10:14, 10:40] = True
    second[30:35, 20:70] = True
    together = tv(Problem.create(photo, first | second))
    for hole in (first, second):
        alone = tv(Problem.create(photo, hole, ~(first | second)))
        assert np.array_equal(alone[hole], together[hole])


def test_a_part_that_has_settled_stops():
    photo = skimage.data.chelsea()
    hole = damage.text(photo.shape[:2], size=20, seed=1)
    _, info = inpaint(photo, hole, "tv", return_info=True)
    assert all(region.facts["converged"] and region.facts["gap"] <= 0.1 for region in info.regions)
    assert max(region.facts["iterations"] for region in info.regions) < 400
    _, info = inpaint(photo, hole, "tv", return_info=True, max_iterations=20)
    assert {region.facts["iterations"] for region in info.regions} == {20}
    assert not any(region.facts["converged"] for region in info.regions)


def test_looking_at_the_gap_disturbs_nothing():
    """Here, clipped and projected iterates went round in circles."""
    photo = skimage.data.astronaut()[130:160, 390:430]
    hole = drop((512, 512), seed=1)[130:160, 390:430]
    _, info = inpaint(photo, hole, "tv", return_info=True)
    assert all(region.facts["converged"] for region in info.regions)


@pytest.mark.parametrize("norm", NORMS)
def test_a_deep_hole_starts_from_the_picture_halved(norm, monkeypatch):
    photo = skimage.data.astronaut()[60:180, 160:280].astype(np.float32) / 255
    hole = np.zeros((120, 120), bool)
    hole[30:90, 30:90] = True
    _, coarse, reached = solve(Problem.create(photo, hole), norm=norm)
    monkeypatch.setattr(module, "_SHALLOW", 1000)
    _, flat, expected = solve(Problem.create(photo, hole), norm=norm)
    assert coarse["converged"]
    assert flat["converged"]
    assert coarse["iterations"] < flat["iterations"]
    assert abs(reached - expected) <= 0.11 / 255 * np.count_nonzero(hole)


def test_a_halved_dual_field_without_sources_has_none_when_doubled(monkeypatch):
    """Curl of a random potential at the coarse level; inside the fine hole D'p is 0 again."""
    monkeypatch.setattr(module, "_SHALLOW", 1)
    hole = np.zeros((32, 32), bool)
    hole[6:26, 6:26] = True
    fine, coarse = (
        module._Parts(level)
        for level in module.masked_pyramid(np.zeros((32, 32, 1), np.float32), ~hole, hole, levels=2)
    )
    potential = np.random.default_rng(1).random((17, 17, 1)) / 4
    curl = np.zeros((16, 16, 2, 4), np.float32)
    curl[:, :, 0] = np.diff(potential, axis=0)[:, 1:]  # flows to the right
    curl[:, :, 1] = -np.diff(potential, axis=1)[1:]  # and downwards
    monkeypatch.setattr(coarse, "dual", lambda: curl)
    fine.begin(coarse)
    p = fine.dual()
    sources = p[1:, 1:, 0] - p[1:, :-1, 0] + p[1:, 1:, 1] - p[:-1, 1:, 1]
    assert np.abs(p[6:26, 6:26]).max() > 0.05
    assert np.abs(sources[8:22, 8:22]).max() < 1e-6


@pytest.mark.parametrize("norm", NORMS)
def test_the_result_does_not_depend_on_the_range_of_the_colours(norm):
    """A faint picture in a bright one, and HDR: the balance of steps follows each part's own range."""
    image, hole, _ = bar(11, 6)
    for scale, offset in ((0.01, 0.6), (50, -20)):
        filled, facts, _ = solve(Problem.create(image * scale + offset, hole), norm=norm, tolerance=0.002 * scale)
        assert facts["converged"]
        assert facts["iterations"] < 1000
        assert np.abs(filled - (image * scale + offset))[hole].max() < 0.05 * scale


def test_a_hole_that_touches_what_is_known_at_a_corner_only_takes_its_colour():
    image = np.full((5, 5, 1), 0.7, np.float32)
    hole, known = np.zeros((2, 5, 5), bool)
    hole[2, 2] = known[1, 1] = True
    assert tv(Problem.create(image, hole, known))[2, 2, 0] == np.float32(0.7)
    known[1, 1], known[0, 0] = False, True
    with pytest.raises(ContextError, match="1 hole pixels touch no known pixel"):
        tv(Problem.create(image, hole, known))


@pytest.mark.parametrize(
    ("option", "value", "needed"),
    [("tolerance", -0.1, "0 or more grey levels"), ("max_iterations", 0, "1 or more"), ("norm", "l1", "'isotropic'")],
)
def test_options_out_of_range_are_refused(option, value, needed):
    with pytest.raises(ValueError, match=f"tv's option {option} is .* expected {needed}"):
        inpaint(np.zeros((8, 8), np.uint8), np.eye(8, dtype=bool), "tv", **{option: value})


def test_no_tolerance_at_all_ends_by_max_iterations():
    problem = random_problem(0, 3)
    filled, facts, _ = solve(problem, tolerance=0.0, max_iterations=300)
    assert facts["iterations"] <= 300
    assert np.isfinite(filled).all()
