"""``compat.skimage.inpaint_biharmonic`` beside scikit-image's own function."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import skimage
import skimage.data
from skimage.restoration import inpaint_biharmonic as original

from inpaintkit import compat, damage
from inpaintkit.compat.skimage import inpaint_biharmonic

CLOSE = 1e-4  # of the known range


def test_the_module_is_not_scikit_image_and_has_its_signature():
    assert compat.skimage is not skimage
    ours, theirs = (inspect.signature(function).parameters for function in (inpaint_biharmonic, original))
    assert [(name, p.kind, p.default) for name, p in ours.items()] == [
        (name, p.kind, p.default) for name, p in theirs.items()
    ]


def compared(image, mask, **options):
    """The largest difference over the known range; what must be equal is asserted."""
    before = np.array(image), np.array(mask)
    ours, theirs = inpaint_biharmonic(image, mask, **options), original(np.asarray(image), np.asarray(mask), **options)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    axis = options.get("channel_axis")
    last = [array if axis is None else np.moveaxis(array, axis, -1) for array in (ours, theirs)]
    known = ~np.asarray(mask).astype(bool)
    assert np.array_equal(last[0][known], last[1][known])
    assert np.array_equal(image, before[0])
    assert np.array_equal(mask, before[1])
    assert last[0].min() >= last[1][known].min()
    assert last[0].max() <= last[1][known].max()
    return float(np.abs(ours - theirs).max() / (np.ptp(last[1][known]) or 1))


def test_scikit_images_docstring():
    """The docstring's example: squares of 0 to 1, with a corner of steps masked by floats of 1."""
    img = np.tile(np.square(np.linspace(0, 1, 5)), (5, 1))
    mask = np.zeros_like(img)
    for row, column in ((2, 2), (1, 3), (0, 4)):
        mask[row, column:] = 1
    assert compared(img, mask) < CLOSE


def test_scikit_images_gallery():
    """The gallery's example: a photograph with boxes, strokes and lines of lost pixels, filled by either call."""
    image = skimage.data.astronaut()[:200, :200].copy()
    mask = np.zeros(image.shape[:-1], bool)
    mask[20:60, :20] = mask[160:180, 70:155] = mask[30:60, 170:195] = mask[-60:-30, 170:195] = mask[-25:, -25:] = True
    mask[70:76, :] = mask[150:152, :] = mask[:, 100:101] = True
    mask[10, 50:150:2] = mask[20:120:3, 40] = True
    defect = image * ~mask[..., np.newaxis]
    for split in (False, True):
        assert compared(defect, mask, channel_axis=-1, split_into_regions=split) < CLOSE


@pytest.mark.parametrize(
    "dtype", ["uint8", "uint16", "uint32", "int8", "int16", "int32", "int64", "bool", "float16", "float32", "float64"]
)
@pytest.mark.parametrize("kind", ["scratches", "border", "lost"])
def test_every_type_of_pixel(dtype, kind):
    photo = skimage.data.coffee()[100:150, 200:260, 0]
    image = {"u": photo, "i": photo.astype(int) - 100, "b": photo > 100, "f": photo / 100 - 1}[np.dtype(dtype).kind]
    image = image.astype(dtype) if dtype != "int8" else (photo // 2 - 40).astype(np.int8)
    mask = np.zeros(photo.shape, bool)
    if kind == "scratches":
        mask = damage.scratches(photo.shape, number=3, seed=1)
    elif kind == "border":
        mask[:6, 10:30] = mask[20:31, -7:] = mask[-1] = mask[-8:, :5] = True
    else:
        mask = np.random.default_rng(0).random(photo.shape) < 0.4
    assert compared(image, mask) < (CLOSE if dtype != "float16" else 1e-3)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("axis", [-1, 0, 1, 2, -3])
def test_channels_on_any_axis_are_filled_one_by_one(channels, axis):
    """The last of two or four is no alpha here; each has its own range."""
    rng = np.random.default_rng(channels)
    image = rng.random((30, 40, channels)).cumsum(axis=1) * np.arange(1, channels + 1)
    mask = damage.scratches((30, 40), number=2, seed=1)
    assert compared(np.moveaxis(image, -1, axis), mask, channel_axis=axis) < CLOSE


@pytest.mark.parametrize("mask", [np.eye(12), np.eye(12, dtype=int) * 7, np.eye(12, dtype=bool), -np.eye(12)])
def test_whatever_is_not_zero_is_hole(mask):
    assert compared(np.random.default_rng(0).random((12, 12)), mask) < CLOSE


@pytest.mark.parametrize("channel_axis", [None, 0, -1])
def test_one_dimension(channel_axis):
    shape = {None: (50,), 0: (3, 50), -1: (50, 3)}[channel_axis]
    mask = np.zeros(50, bool)
    mask[[1, 2, 20, 21, 22, 49]] = True
    image = np.random.default_rng(0).random(shape)
    assert compared(image, mask, channel_axis=channel_axis) < CLOSE


@pytest.mark.parametrize("scale", [1e-6, 1, 3e5])
@pytest.mark.parametrize("offset", [-2, 0, 100])
def test_units(scale, offset):
    image = (skimage.data.moon()[100:140, 100:150] / 255 + offset) * scale
    assert compared(image, damage.scratches(image.shape, number=2, seed=5)) < CLOSE


def test_a_mask_without_hole_gives_floats():
    image = skimage.data.camera()[:9, :9]
    assert compared(image, np.zeros((9, 9), bool)) == 0
    assert inpaint_biharmonic(image, np.zeros((9, 9))).dtype == np.float64


@pytest.mark.parametrize(
    ("image", "mask", "options", "error", "words"),
    [
        (np.zeros((9, 9)), np.zeros((9, 8)), {}, ValueError, r"mask is \(9, 8\), a channel of the image is \(9, 9\)"),
        (np.zeros((9, 9, 3)), np.zeros((9, 9)), {}, ValueError, "make them alike"),
        (np.zeros((9, 9)), np.ones((9, 9)), {}, ValueError, "nothing is known"),
        (np.ma.zeros((9, 9)), np.eye(9), {}, TypeError, "masked array"),
        (np.zeros((4, 5, 6)), np.zeros((4, 5, 6)), {}, ValueError, "plane by plane"),
        (np.zeros((9, 9)), np.zeros((9, 9)), {"channel_axis": 5}, ValueError, "axis 5 is out of bounds"),
        (np.full((9, 9), np.nan), np.eye(9), {}, ValueError, "NaN"),
    ],
)
def test_errors_name_the_way_out(image, mask, options, error, words):
    with pytest.raises(error, match=words):
        inpaint_biharmonic(image, mask, **options)
