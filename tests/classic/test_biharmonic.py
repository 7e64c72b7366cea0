"""The biharmonic fill beside scikit-image's, and what a thin plate does by hand."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from skimage.restoration import inpaint_biharmonic

from inpaintkit import damage, inpaint
from inpaintkit.benchmarks.protocols import drop
from inpaintkit.classic.biharmonic import biharmonic
from inpaintkit.problem import Problem


def box(shape: tuple[int, int]) -> np.ndarray:
    hole = np.zeros(shape, bool)
    hole[40:130, 60:150] = True
    return hole


def border(shape: tuple[int, int]) -> np.ndarray:
    hole = np.zeros(shape, bool)
    hole[:30, 20:60] = hole[50:90, -25:] = hole[-1, :40] = hole[-12:, -12:] = True
    return hole


HOLES = {
    "text": lambda shape: damage.text(shape, size=24, seed=1),
    "scratches": lambda shape: damage.scratches(shape, number=5, seed=2),
    "half lost": lambda shape: drop(shape, seed=3),
    "box": box,
    "border": border,
}


@pytest.mark.parametrize("name", HOLES)
@pytest.mark.parametrize("kind", ["uint8", "float64"])
def test_with_clip_it_equals_scikit_image(name, kind):
    photo = skimage.data.coffee()[100:250, 200:370]
    photo = photo if kind == "uint8" else photo / 255 * 0.5 + 0.2
    hole = HOLES[name](photo.shape[:2])
    expected = inpaint_biharmonic(photo, hole, channel_axis=-1)  # floats in [0, 1]
    filled = inpaint(photo, hole, "biharmonic", clip=True) / (255 if kind == "uint8" else 1)
    bound = 1e-3 if kind == "float64" else 1e-3 + 0.5 / 255  # rounded to whole grey levels
    assert np.abs(filled - expected).max() < bound


def test_clip_holds_the_known_range_and_high_values_are_kept_without():
    rows = np.arange(40, dtype=np.float64)
    image = np.tile(10 * np.minimum(rows, 39 - rows)[:, None] ** 2, (1, 40))  # a peak whose top is cut out
    hole = np.zeros((40, 40), bool)
    hole[15:25] = True
    kept, clipped = (inpaint(image, hole, "biharmonic", clip=clip) for clip in (False, True))
    highest = image[~hole].max()
    assert kept.max() > 1.1 * highest
    assert clipped.max() == pytest.approx(highest, rel=1e-6)
    expected = inpaint_biharmonic(image, hole)
    assert np.abs(clipped - expected).max() < 1e-3 * np.ptp(image)


def test_clip_looks_beyond_the_crop():
    image = np.full((300, 300), 0.3)
    image[0, 0] = 0.9  # far away, and known
    rows = np.linspace(0, 0.2, 20)
    image[140:160, 140:160] += np.minimum(rows, rows[::-1])[:, None]
    hole = np.zeros((300, 300), bool)
    hole[147:153, 140:160] = True
    expected = inpaint_biharmonic(image, hole)
    assert expected[hole].max() > image[130:170, 130:170][~hole[130:170, 130:170]].max()
    assert np.abs(inpaint(image, hole, "biharmonic", clip=True) - expected).max() < 1e-5


@pytest.mark.parametrize("power", [0, 1, 2, 3])
def test_polynomials_of_x_up_to_the_third_power_run_on(power):
    x = np.linspace(-1, 1, 60, dtype=np.float32)
    image = np.tile((x**power)[None, :, None], (60, 1, 1))
    hole = np.zeros((60, 60), bool)
    hole[15:45, 10:50] = True
    filled = biharmonic(Problem.create(image, hole))
    assert np.abs(filled - image).max() < 1e-4


def test_a_large_hole_is_iterated_to_its_end():
    image = skimage.data.astronaut().astype(np.float32) / 255
    hole = np.zeros((512, 512), bool)
    hole[100:300, 120:340] = True
    filled, info = inpaint(image, hole, "biharmonic", return_info=True)
    facts = info.regions[0].facts
    assert facts["converged"]
    assert facts["iterations"] > 0
    assert facts["residual"] <= 1e-5
    assert np.isfinite(filled).all()


def test_progress_is_reported_while_a_large_hole_is_iterated():
    image = np.random.default_rng(0).random((300, 300))
    hole = np.zeros((300, 300), bool)
    hole[20:220, 20:220] = True
    steps = []
    inpaint(image, hole, "biharmonic", progress=steps.append)
    assert len(steps) > 5
    assert all(0 <= step.done <= step.total for step in steps)
