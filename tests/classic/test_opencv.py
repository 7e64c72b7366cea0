"""``variant="opencv"`` of telea and navier_stokes beside OpenCV's own pixels."""

from __future__ import annotations

import warnings

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import riddled_to_the_border
from inpaintkit import damage, inpaint
from inpaintkit.classic._opencv import opencv_march
from inpaintkit.files import read

FLAGS = {"telea": cv2.INPAINT_TELEA, "navier_stokes": cv2.INPAINT_NS}


def opencv(image: np.ndarray, hole: np.ndarray, radius: float, method: str) -> np.ndarray:
    return cv2.inpaint(image, hole.astype(np.uint8), radius, FLAGS[method])


@pytest.fixture(params=FLAGS)
def method(request) -> str:
    return request.param


@settings(max_examples=50, deadline=None)
@given(
    shape=st.tuples(st.integers(2, 90), st.integers(2, 90)),
    channels=st.sampled_from([1, 3]),
    deep=st.booleans(),
    radius=st.sampled_from([1, 2, 3, 5, 9]),
    noisy=st.booleans(),
    seed=st.integers(0, 2**16),
)
@pytest.mark.parametrize("method", FLAGS)
def test_masks_that_touch_every_border_and_corner(method, shape, channels, deep, radius, noisy, seed):
    image, hole = riddled_to_the_border(shape, channels, noisy, seed)
    if deep and channels == 1:  # OpenCV takes 16 bits in grey only
        image = image.astype(np.uint16) * 257
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = inpaint(image, hole, method, variant="opencv", radius=radius)
    squeezed = image[..., 0] if channels == 1 else image
    assert np.array_equal(result.reshape(squeezed.shape), opencv(squeezed, hole, radius, method))


@pytest.mark.parametrize("seed", range(3))
def test_sparse_holes_over_a_larger_picture(method, seed):
    """Their distances outside the rim meet before their colours do."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (300, 400, 3)).astype(np.uint8)
    hole = rng.random(image.shape[:2]) < 0.004
    hole |= damage.scratches(hole.shape, number=3, max_width=3, seed=seed)
    assert np.array_equal(inpaint(image, hole, method, variant="opencv", radius=4), opencv(image, hole, 4, method))


def test_floats_are_filled_without_rounding(method):
    """OpenCV fills float grey pictures too; through [0, 1] its threshold on tiny gradients leaves a trace."""
    image = skimage.data.camera()[:120, :120].astype(np.float32)
    hole = damage.scratches(image.shape, seed=1)
    ours = inpaint(image / np.float32(255), hole, method, variant="opencv", radius=4) * 255
    apart = np.abs(ours - opencv(image, hole, 4, method))[hole]
    assert np.median(apart) < 1e-3
    assert np.abs(ours - np.rint(ours))[hole].mean() > 0.1


@pytest.mark.parametrize("name", ["lena", "peppers", "tulips"])
def test_published_results_of_opencv(data, name):
    folder = "opencv_telea_fixture"
    image = read(data(f"{folder}/{name}_in.png"))[..., :3]
    mask = read(data(f"{folder}/{name}_mask.png"))
    expected = read(data(f"{folder}/{name}_opencv.png"))
    assert np.array_equal(inpaint(image, mask, "telea", variant="opencv", radius=5), expected)


def test_no_front_starts_from_transparent_pixels():
    hole = np.zeros((7, 9), bool)
    hole[2:5, 1:4] = True  # known around it
    hole[2:5, 6:8] = True  # nothing known around it
    void = ~hole & (np.arange(9) >= 4)
    assert len(opencv_march(hole, void, 2).order) == 9
