"""Telea's method: answers by hand, its quality beside OpenCV's, and what stops it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import ContextError, damage, inpaint
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.classic import _march
from inpaintkit.classic._march import measure
from inpaintkit.classic.telea import _fill, telea
from inpaintkit.problem import Problem

VARIANTS = ("damped", "paper", "opencv")


def opencv(image: np.ndarray, hole: np.ndarray, radius: float) -> np.ndarray:
    return cv2.inpaint(image, hole.astype(np.uint8), radius, cv2.INPAINT_TELEA)


def one_pixel(values: np.ndarray) -> Problem:
    hole = np.zeros(values.shape, bool)
    hole[values.shape[0] // 2, values.shape[1] // 2] = True
    return Problem.create(values[..., None].astype(np.float32), hole)


def test_a_lone_pixel_takes_equation_2():
    """T is 0 on the rim, so N = 0 at a lone pixel: w = 1 / |p - q|^2 / (1 + |1 - T(q)|), gradients from known sides."""
    values = np.arange(25, dtype=float).reshape(5, 5) ** 2 / 576
    problem = one_pixel(values)
    known = problem.known
    total = weighted = 0.0
    for y in range(5):
        for x in range(5):
            square = (y - 2) ** 2 + (x - 2) ** 2
            if not 0 < square <= 4:
                continue
            slopes = []
            for dy, dx in ((1, 0), (0, 1)):
                ends = [
                    (y + s * dy, x + s * dx)
                    if 0 <= y + s * dy < 5 and 0 <= x + s * dx < 5 and known[y + s * dy, x + s * dx]
                    else (y, x)
                    for s in (-1, 1)
                ]
                apart = abs(ends[1][0] - ends[0][0]) + abs(ends[1][1] - ends[0][1])
                slopes.append((values[ends[1]] - values[ends[0]]) / max(apart, 1))
            distance = 1 - np.sqrt(square)  # T outside the rim, as measured
            weight = 1 / square / (1 + abs(1 - distance))
            total += weight
            weighted += weight * (values[y, x] + slopes[0] * (2 - y) + slopes[1] * (2 - x))
    filled = _fill(problem, measure(problem.hole, problem.known), 2, damped=False)
    assert filled[2, 2, 0] == pytest.approx(weighted / total, abs=1e-6)


@pytest.mark.parametrize("variant", ["damped", "paper"])
def test_a_ramp_continues_across_a_line(variant):
    ramp = np.tile(np.linspace(0.1, 0.9, 33)[:, None], (1, 33))
    hole = np.zeros(ramp.shape, bool)
    hole[15:18, 4:29] = True
    filled = telea(Problem.create(ramp[..., None].astype(np.float32), hole), variant=variant)
    assert np.abs(filled[..., 0] - ramp)[hole].max() < 0.012  # half a step of 0.025


def test_damping_keeps_noise_from_growing():
    noise = np.random.default_rng(0).normal(0.5, 0.1, (80, 80, 1)).astype(np.float32)
    hole = np.zeros((80, 80), bool)
    hole[30:50, 30:50] = True
    spread = {v: telea(Problem.create(noise, hole), variant=v)[hole].std() for v in ("damped", "paper")}
    assert spread["damped"] < min(spread["paper"], 0.1)  # the noise around it


@pytest.mark.parametrize("seed", [13])
@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_damped_is_ahead_of_opencv(name, seed):
    photo = getattr(skimage.data, name)()[:300, :400]
    for hole in (damage.text(photo.shape[:2], size=20, seed=seed), damage.scratches(photo.shape[:2], seed=seed)):
        ours = hole_psnr(inpaint(photo, hole, "telea"), photo, hole)
        theirs = hole_psnr(opencv(photo, hole, 5), photo, hole)
        assert ours > theirs - (0.1 if name == "rocket" else 0)  # lamps and JPEG blocks do not continue as ramps


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("radius", [0.5, 101, -3])
def test_a_radius_out_of_range_is_refused(variant, radius):
    with pytest.raises(ValueError, match=r"radius is .* expected 1 to 100"):
        inpaint(np.zeros((8, 8), np.uint8), np.eye(8, dtype=bool), "telea", variant=variant, radius=radius)


@pytest.mark.parametrize("variant", VARIANTS)
def test_unreachable_pixels_are_an_error_in_every_variant(variant):
    image = np.full((40, 40, 4), 255, np.uint8)
    image[10:30, 10:30, 3] = 0
    hole = np.zeros((40, 40), bool)
    hole[18:22, 18:22] = True  # amid transparent pixels, out of the radius of any colour
    hole[2:4, 2:20] = True
    with pytest.raises(ContextError, match="fallback"):
        inpaint(image, hole, "telea", variant=variant, radius=3)


def test_reaching_around_transparent_pixels():
    """A pixel whose nearest colour lies beyond the radius is filled later, through the hole."""
    image = np.full((30, 30, 4), 200, np.uint8)
    image[10:20, 4:29, 3] = 0
    hole = np.zeros((30, 30), bool)
    hole[15, 0:20] = True  # a corridor into the transparent part, open at its left end
    result = inpaint(image, hole, "telea", radius=2)
    assert (result[hole] == 200).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_known_is_an_error_and_no_crash(variant):
    with pytest.raises(ContextError, match="nothing is known"):
        telea(Problem.create(np.zeros((8, 8, 1), np.float32), np.ones((8, 8), bool)), variant=variant)


@pytest.mark.parametrize("method", ["telea", "coherence"])
def test_a_large_region_is_filled_in_slices_that_report_and_can_be_stopped(method, monkeypatch):
    photo = skimage.data.astronaut()[:120, :120]
    hole = np.zeros((120, 120), bool)
    hole[20:100, 20:100] = True
    whole = inpaint(photo, hole, method)
    monkeypatch.setattr(_march, "_SLICE", 80 * 700)  # at radius 5 a pixel has 80 neighbours
    steps = []
    assert np.array_equal(inpaint(photo, hole, method, progress=steps.append), whole)
    assert [step.done for step in steps if step.total == 6400] == [*range(700, 6400, 700), 6400]

    def stop(step):
        steps.append(step)
        if step.done >= 2100:
            raise KeyboardInterrupt

    steps.clear()
    with pytest.raises(KeyboardInterrupt):
        inpaint(photo, hole, method, progress=stop)
    assert steps[-1].done == 2100
