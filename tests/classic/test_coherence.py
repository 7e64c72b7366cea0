"""Coherence transport: the formulas computed anew, edges that continue, and its quality beside OpenCV's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import ContextError, damage, inpaint, threads
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.classic import _march
from inpaintkit.classic.coherence import coherence
from inpaintkit.classic.telea import telea
from inpaintkit.problem import Problem

DEFAULTS = {"radius": 5.0, "kappa": 13.0, "sigma": 0.7, "rho": 2.5, "delta": 1.0}


def slopes(values: np.ndarray, usable: np.ndarray, y: int, x: int, sigma: float) -> np.ndarray:
    """(2, C): the weighted plane through the usable pixels around (y, x), from their covariances."""
    half = max(1, round(2 * sigma))
    rows, columns = np.mgrid[max(y - half, 0) : y + half + 1, max(x - half, 0) : x + half + 1]
    inside = (rows < usable.shape[0]) & (columns < usable.shape[1])
    rows, columns = rows[inside], columns[inside]
    known = usable[rows, columns]
    rows, columns = rows[known], columns[known]
    weight = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))
    place = np.stack([rows, columns]).astype(float)
    place -= np.average(place, axis=1, weights=weight)[:, None]
    variance = (weight * place) @ place.T / weight.sum() + 1e-4 * np.eye(2)
    return np.linalg.solve(variance, (weight * place) @ values[rows, columns] / weight.sum())


def depth(problem: Problem, y: int, x: int) -> float:
    return float(np.sqrt(np.square(np.argwhere(problem.known) - (y, x)).sum(axis=1).min()))


def transported(problem: Problem, order: list[tuple[int, int]], **given: float) -> np.ndarray:
    """The whole method in float64, from its description, without a thought for speed."""
    radius, kappa, sigma, rho, delta = {**DEFAULTS, **given}.values()
    values, usable = problem.image.astype(float), problem.known.copy()
    colours = 1 if values.shape[2] <= 2 else 3
    gradient = np.zeros((*usable.shape, 2, values.shape[2]))
    for y, x in np.argwhere(usable):
        gradient[y, x] = slopes(values, usable, y, x, sigma)
    for y, x in order:
        ys, xs = np.nonzero(usable)
        square = (ys - y) ** 2 + (xs - x) ** 2
        near = square <= round(2 * rho) ** 2
        grey = gradient[ys[near], xs[near]] * 255
        tensor = np.einsum("n,nic,njc->ij", np.exp(-square[near] / (2 * rho**2)), grey, grey) / colours
        tensor /= np.exp(-square[near] / (2 * rho**2)).sum()
        (small, large), vectors = np.linalg.eigh(tensor)
        mu = 0.0
        if large - small > 1e-6:
            mu = kappa * np.exp(-(delta**4) / (large - small) ** 2) * (large - small) / (large + small)
        near = square <= radius**2
        ys, xs, square = ys[near], xs[near], square[near]
        apart = np.stack([y - ys, x - xs], axis=1)
        exponent = (mu / radius * apart @ vectors[:, 1]) ** 2 / 2
        weight = np.exp(exponent.min() - exponent) / np.sqrt(square)
        weight /= weight.sum()
        slope = gradient[ys, xs]
        mean = weight @ values[ys, xs]
        spread = np.sqrt(np.maximum(weight @ values[ys, xs] ** 2 - mean**2, 0))
        step = np.einsum("n,ni,nic->c", weight, apart, slope)
        force = weight @ np.square(slope).sum(axis=(1, 2))
        trust = np.linalg.norm(np.einsum("n,nic->ic", weight, slope)) / np.sqrt(force) if force > 1e-9 else 0
        plain = 1 / np.sqrt(square)
        middle = np.average(values[ys, xs], axis=0, weights=plain)
        broad = np.sqrt(np.average((values[ys, xs] - middle) ** 2, axis=0, weights=plain))
        most = np.maximum(0.4 * spread, 0.5 * trust**32 * broad)
        trust *= max(1 - (depth(problem, y, x) - 1) / radius, 0)
        values[y, x] = mean + trust * np.clip(step, -most, most)
        usable[y, x] = True
        gradient[y, x] = slopes(values, usable, y, x, sigma)
    return values


def by_distance(problem: Problem) -> list[tuple[int, int]]:
    """Hole pixels by their squared distance to what is known; equal ones in eight interleaved turns."""
    known = np.argwhere(problem.known)
    turn = [0, 4, 2, 6, 1, 5, 3, 7]
    found = [
        (int(np.square(known - p).sum(axis=1).min()), turn.index((3 * p[0] + p[1]) % 8), tuple(p))
        for p in np.argwhere(problem.hole)
    ]
    return [p for _, _, p in sorted(found)]


def rounded(values: np.ndarray) -> np.ndarray:
    return (values * 64).round() / 64  # so that float32 holds the numbers as float64 does


@pytest.mark.parametrize(
    "options",
    [{}, {"kappa": 0.0}, {"radius": 3.0, "rho": 4.0}, {"radius": 7.5, "rho": 1.0}, {"sigma": 1.4, "delta": 6.0}],
)
def test_a_lone_pixel_takes_the_formula(options):
    y, x = np.mgrid[:25, :25]
    waves = rounded(np.stack([np.sin(x / 2 + y / 5), np.cos(x / 3 - y), x * y / 300], axis=2) / 3 + 0.4)
    hole = np.zeros((25, 25), bool)
    hole[12, 12] = True
    problem = Problem.create(waves.astype(np.float32), hole)
    expected = transported(problem, [(12, 12)], **options)
    assert np.abs(coherence(problem, **options) - expected).max() < 2e-6
    assert np.abs(expected[12, 12] - coherence(problem, kappa=40.0, delta=0.0)[12, 12]).max() > 1e-3  # options matter


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_hole_is_filled_by_distance_each_pixel_from_those_before(channels):
    photo = skimage.data.astronaut()[170:200, 90:120].astype(np.float32) / 255
    image = np.concatenate([photo, np.linspace(0.2, 1, 900, dtype=np.float32).reshape(30, 30, 1)], axis=2)
    image = image[..., -channels:] if channels != 3 else photo
    hole = np.zeros((30, 30), bool)
    hole[10:17, 8:20] = hole[24:, 3:6] = True
    problem = Problem.create(image, hole, ~hole & (np.arange(30) < 27))  # the rest is transparent
    expected = transported(problem, by_distance(problem))
    error = np.abs(coherence(problem) - expected)[hole]
    assert error.max() < 1e-3  # float32, handed on from pixel to pixel
    backwards = transported(problem, by_distance(problem)[::-1])
    assert np.abs(backwards - expected)[hole].max() > 0.01


def test_a_sharp_pixel_takes_its_isophote_alone():
    """A step between columns, softened by one: the pixel takes those above and below, and a little from slopes."""
    step = np.zeros((11, 11, 1), np.float32)
    step[:, 5], step[:, 6:] = 0.25, 1
    hole = np.zeros((11, 11), bool)
    hole[5, 5] = True
    for kappa in (50.0, 1000.0):
        assert coherence(Problem.create(step, hole), kappa=kappa)[5, 5, 0] == pytest.approx(0.25, abs=0.03)
    assert coherence(Problem.create(step, hole), kappa=0.0)[5, 5, 0] > 0.35


def test_a_weight_that_underflows_everywhere_leaves_the_nearest_to_the_isophote():
    """At 45 degrees, with no neighbour but those across: exp(-(kappa / epsilon * 0.7)^2 / 2) is zero in float32."""
    y, x = np.mgrid[:21, :21]
    image = np.where(x + y < 20, 0.2, 0.8)[..., None].astype(np.float32)
    hole = (x + y) % 2 == 0  # a chequerboard: no known pixel lies on the pixel's own diagonal
    filled = coherence(Problem.create(image, hole), radius=1.0, kappa=1000.0)
    assert np.isfinite(filled).all()
    assert filled.min() >= 0.2 - 1e-3
    assert filled.max() <= 0.8 + 1e-3
    far = np.abs(x + y - 20) > 6
    assert np.abs(filled - image)[far].max() < 1e-3


def crossing(row: np.ndarray, level: float) -> float:
    """Column at which a falling row passes a level."""
    i = int(np.argmax(row < level))
    return float(i - 1 + (row[i - 1] - level) / (row[i - 1] - row[i]))


@pytest.mark.parametrize("angle", [-60, -45, -30, -15, 0, 10, 22.5, 40, 50, 60])
def test_an_edge_crosses_a_band_where_it_should_and_as_sharp(angle):
    slope = np.tan(np.deg2rad(angle))
    y, x = np.mgrid[-35:36, -35:36]
    across = (x - 0.3 - slope * y) * np.cos(np.deg2rad(angle))
    edge = 1 / (1 + np.exp(across * 1.7))
    hole = np.abs(y) <= 2
    problem = Problem.create(edge[..., None].astype(np.float32), hole)
    filled, plain = coherence(problem)[..., 0], telea(problem)[..., 0]
    widths, moved, blurred = [], [], []
    for row in range(33, 38):
        truth = crossing(edge[row], 0.5)
        moved.append(abs(crossing(filled[row], 0.5) - truth) * np.cos(np.deg2rad(angle)))
        blurred.append(abs(crossing(plain[row], 0.5) - truth) * np.cos(np.deg2rad(angle)))
        wide = [crossing(values[row], 0.1) - crossing(values[row], 0.9) for values in (filled, edge)]
        widths.append(wide[0] / wide[1])
    assert max(moved) < 0.3
    assert max(widths) < 1.35
    if abs(angle) > 20:
        assert max(moved) < 0.5 * max(blurred)


@pytest.mark.parametrize("angle", [-50, -25, 0, 35, 60])
def test_a_thin_line_is_joined(angle):
    y, x = np.mgrid[-35:36, -35:36]
    across = (x - np.tan(np.deg2rad(angle)) * y) * np.cos(np.deg2rad(angle))
    line = np.exp(-(across**2) / 2)
    hole = np.abs(y) <= 2
    filled = coherence(Problem.create(line[..., None].astype(np.float32), hole))[..., 0]
    for row in range(33, 38):
        assert filled[row].max() > 0.8 * line[row].max()
        at = (filled[row] ** 4 * x[0]).sum() / (filled[row] ** 4).sum()
        assert abs(at - np.tan(np.deg2rad(angle)) * (row - 35)) * np.cos(np.deg2rad(angle)) < 0.35


def test_a_ramp_continues_in_any_direction():
    y, x = np.mgrid[:40, :40]
    for down, right in ((1, 0), (0, 1), (0.6, -0.8)):
        ramp = ((down * y + right * x) / 60 + 0.3)[..., None].astype(np.float32)
        hole = np.zeros((40, 40), bool)
        hole[18:22, 4:36] = hole[4:36, 18:20] = True
        assert np.abs(coherence(Problem.create(ramp, hole)) - ramp).max() < 1 / 120  # half a step


def test_grey_is_filled_as_three_equal_channels_are():
    grey = skimage.data.camera()[200:300, 200:300, None].astype(np.float32) / 255
    hole = damage.text((100, 100), size=16, seed=2)
    alone = coherence(Problem.create(grey, hole))
    colours = coherence(Problem.create(np.repeat(grey, 3, axis=2), hole))
    assert np.abs(colours - alone).max() < 2e-3
    opaque = coherence(Problem.create(np.concatenate([grey, np.ones_like(grey)], axis=2), hole))
    assert np.abs(opaque[..., :1] - alone).max() < 2e-3
    assert (opaque[..., 1] == 1).all()


@pytest.mark.parametrize("seed", [13])
def test_it_is_ahead_of_both_of_opencvs_methods_and_of_telea(seed):
    gains = []
    for name in ("astronaut", "coffee", "chelsea", "rocket"):
        photo = getattr(skimage.data, name)()[:240, :320]
        for hole in (damage.text(photo.shape[:2], size=20, seed=seed), damage.scratches(photo.shape[:2], seed=seed)):
            ours = hole_psnr(inpaint(photo, hole, "coherence"), photo, hole)
            peers = [
                hole_psnr(cv2.inpaint(photo, hole.astype(np.uint8), radius, flag), photo, hole)
                for radius in (3, 5)
                for flag in (cv2.INPAINT_TELEA, cv2.INPAINT_NS)
            ]
            gains.append(ours - max(*peers, hole_psnr(inpaint(photo, hole, "telea"), photo, hole)))
    assert np.mean(gains) > 0


def test_slopes_do_not_grow_into_a_large_hole():
    """Extrapolating from what was extrapolated, without a limit of depth, this reaches 1e10."""
    noise = np.random.default_rng(0).random((160, 160, 3)).astype(np.float32)
    hole = np.zeros((160, 160), bool)
    hole[10:150, 10:150] = True
    for options in ({}, {"radius": 1.0}, {"radius": 2.0, "kappa": 100.0}, {"radius": 8.0, "kappa": 100.0}):
        filled = coherence(Problem.create(noise, hole), **options)
        assert filled.min() > -0.5
        assert filled.max() < 1.5


def test_delta_says_what_is_noise():
    rng = np.random.default_rng(0)
    noise = rng.normal(0.5, 0.04, (60, 60, 3)).astype(np.float32)
    hole = np.zeros((60, 60), bool)
    hole[20:32, 10:50] = True
    errors = [np.abs(coherence(Problem.create(noise, hole), delta=delta) - 0.5)[hole].mean() for delta in (1.0, 12.0)]
    assert errors[1] < 0.9 * errors[0]


@pytest.mark.parametrize(
    "options",
    [
        {"kappa": 1000.0, "radius": 1.0, "sigma": 10.0, "rho": 0.5},
        {"kappa": 1000.0, "radius": 12.0, "rho": 20.0, "delta": 0.0},
        {"kappa": 0.0, "delta": 255.0, "sigma": 0.5},
    ],
)
@pytest.mark.parametrize("size", [1e-30, 1e-3, 1e6])
def test_every_option_gives_finite_colours(options, size):
    rng = np.random.default_rng(1)
    noise = (rng.normal(0, size, (30, 30, 3)) * (rng.random((30, 30, 1)) < 0.5)).astype(np.float32)
    hole = rng.random((30, 30)) < 0.4
    hole[8:15, 8:20] = True
    filled = coherence(Problem.create(noise, hole), **options)
    assert np.isfinite(filled).all()
    assert np.abs(filled).max() <= 2 * np.abs(noise).max()


@pytest.mark.parametrize("name", DEFAULTS)
@pytest.mark.parametrize("value", [-1.0, 1e9])
def test_an_option_out_of_range_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"coherence's option {name} is .* expected .* to "):
        inpaint(np.zeros((8, 8), np.uint8), np.eye(8, dtype=bool), "coherence", **{name: value})


def test_unreachable_pixels_are_an_error():
    image = np.full((40, 40, 4), 255, np.uint8)
    image[10:30, 10:30, 3] = 0
    hole = np.zeros((40, 40), bool)
    hole[18:22, 18:22] = True  # amid transparent pixels, out of the radius of any colour
    hole[2:4, 2:20] = True
    with pytest.raises(ContextError, match=r"16 hole pixels .* fallback"):
        inpaint(image, hole, "coherence", radius=3)
    with pytest.raises(ContextError, match="nothing is known"):
        coherence(Problem.create(np.zeros((8, 8, 1), np.float32), np.ones((8, 8), bool)))


def test_reaching_around_transparent_pixels():
    """A pixel whose nearest colour lies beyond the radius is filled later, through the hole."""
    image = np.full((30, 30, 4), 200, np.uint8)
    image[10:20, 4:29, 3] = 0
    hole = np.zeros((30, 30), bool)
    hole[15, 0:20] = True  # a corridor into the transparent part, open at its left end
    result = inpaint(image, hole, "coherence", radius=2)
    assert (result[hole] == 200).all()


def test_a_large_lossy_region_is_the_same_on_any_number_of_threads(monkeypatch):
    image = skimage.data.astronaut()[100:340, 100:340] / np.float32(255)
    hole = np.random.default_rng(1).random((240, 240)) < 0.55
    known = ~hole
    known[60:140, 90:150] = False  # nothing: hole pixels amid it have to wait
    fills, shared, steps = [], [], _march._steps
    monkeypatch.setattr(_march, "_WORTH", 0)
    monkeypatch.setattr(_march, "_steps", lambda *given: shared.append(steps(*given)) or shared[-1])
    for count in (1, 2):
        with threads.limit(count):
            fills.append(coherence(Problem.create(image, hole, known)))
    assert not shared[0]
    assert len(shared[1]) > 50
    assert np.array_equal(*fills)
