"""Grain in a fill: as strong as around the hole, of the same spectrum, and none where there is none or enough."""

import cv2
import numpy as np
import pytest

from inpaintkit import inpaint
from inpaintkit.compositing import Units
from inpaintkit.grain import add_grain
from inpaintkit.picture import Picture, span_of

SIDE, BOX = 256, (slice(96, 160), slice(96, 160))
BESIDE = [(slice(top, top + 64), slice(left, left + 64)) for top in (0, 192) for left in (0, 64, 128, 192)]


def noise(level, blur, channels=3, seed=1, shape=(SIDE, SIDE)):
    white = np.random.default_rng(seed).standard_normal((*shape, channels))
    blurred = cv2.GaussianBlur(white, (0, 0), blur).reshape(white.shape)
    return blurred * level / blurred.std()


def ramp(channels=3):
    return np.linspace(80, 160, SIDE)[:, None, None] * np.ones((1, SIDE, channels))


def boxed():
    hole = np.zeros((SIDE, SIDE), bool)
    hole[BOX] = True
    return hole


def grained(filled, picture, hole, seed=0):
    checked = Picture.of(picture, None)
    result = filled.reshape(*filled.shape[:2], -1).copy()
    add_grain(result, hole, Units(checked, span_of(checked, hole), False), seed)
    return result.reshape(filled.shape)


def octaves(patch):
    """Power from half a cycle a pixel down to a sixteenth."""
    window = np.outer(np.hanning(len(patch)), np.hanning(len(patch)))
    power = np.abs(np.fft.fft2((patch - patch.mean()) * window)) ** 2
    radius = np.hypot(np.fft.fftfreq(len(patch))[:, None], np.fft.fftfreq(len(patch)))
    return np.array([power[(radius >= top / 2) & (radius < top)].mean() for top in (0.5, 0.25, 0.125)])


@pytest.mark.parametrize(("level", "blur"), [(3, 0.5), (6, 1.0), (10, 1.5)])
def test_a_smooth_fill_gets_the_grain_around_it(level, blur):
    truth = np.clip(np.rint(ramp() + noise(level, blur)), 0, 255).astype(np.uint8)
    filled = inpaint(truth, boxed(), "harmonic", grain=True)
    for channel in range(3):
        true, new = (each[BOX][..., channel].astype(np.float64) for each in (truth, filled))
        assert 0.8 < cv2.Laplacian(new, cv2.CV_64F).std() / cv2.Laplacian(true, cv2.CV_64F).std() < 1.2
        around = np.mean([octaves(truth[rows, columns, channel]) for rows, columns in BESIDE], axis=0)
        assert np.abs(10 * np.log10(octaves(new) / around)).max() < 3
    plain = inpaint(truth, boxed(), "harmonic")
    assert cv2.Laplacian(plain[BOX].astype(np.float64), cv2.CV_64F).std() < 0.5 * level


def test_a_speck_gets_grain_although_its_rim_has_some():
    truth = np.clip(np.rint(ramp() + noise(8, 0.7)), 0, 255).astype(np.uint8)
    hole = np.zeros((SIDE, SIDE), bool)
    hole[8::16, 8::16] = True
    hole = cv2.dilate(hole.astype(np.uint8), np.ones((4, 4))) > 0
    filled = inpaint(truth, hole, "telea", grain=True)
    ratio = [cv2.Laplacian(each.astype(np.float64), cv2.CV_64F)[hole].std() for each in (filled, truth)]
    assert 0.8 < ratio[0] / ratio[1] < 1.2


def test_what_has_grain_gets_hardly_any():
    truth = np.rint(ramp() + noise(6, 1)).astype(np.uint8)
    copied = truth.copy()
    copied[BOX] = np.rint(ramp() + noise(6, 1, seed=2)).astype(np.uint8)[BOX]
    more = grained(copied, truth, boxed()).astype(np.float64) - copied
    assert more[BOX].std() < 2  # of 6


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_without_grain_around_nothing_is_added(dtype):
    flat = np.full((SIDE, SIDE, 3), 0.5 if dtype is np.float32 else 100, dtype)
    assert np.array_equal(inpaint(flat, boxed(), "harmonic", grain=True), flat)


def test_grain_of_a_black_and_white_picture_has_no_colour():
    truth = np.rint(ramp(1) + noise(6, 1, 1)).astype(np.uint8).repeat(3, axis=2)
    filled = inpaint(truth, boxed(), "harmonic", grain=True).astype(int)
    assert filled[BOX].std() > 5
    assert np.ptp(filled, axis=2).max() <= 1


def test_known_pixels_stay_and_the_seed_decides():
    truth = np.rint(256 * (ramp() + noise(6, 1))).astype(np.uint16)
    first, same, other = (inpaint(truth, boxed(), "harmonic", grain=True, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first, same)
    assert (first[BOX] != other[BOX]).mean() > 0.9
    assert np.array_equal(first[~boxed()], truth[~boxed()])


def test_threads_do_not_matter_and_opacity_stays():
    truth = np.rint(ramp(4) + noise(6, 1, 4)).astype(np.uint8)
    truth[..., 3] = 255
    hole = boxed() | np.roll(boxed(), 90, axis=0)
    one, two = (inpaint(truth, hole, "harmonic", grain=True, threads=count) for count in (1, 2))
    assert np.array_equal(one, two)
    assert (one[..., 3] == 255).all()


def test_half_of_the_pixels_lost_is_filled_as_before_but_for_white_noise():
    truth = np.rint(ramp() + noise(6, 0.3)).astype(np.uint8)
    hole = np.random.default_rng(5).random((SIDE, SIDE)) < 0.5
    filled = inpaint(truth, hole, "harmonic", grain=True)
    ratio = [each.astype(np.float64)[hole].std() for each in (filled - ramp(), truth - ramp())]
    assert 0.6 < ratio[0] / ratio[1] < 1.4


def test_grain_is_a_switch():
    with pytest.raises(TypeError, match="grain is 'much': expected True or False"):
        inpaint(np.zeros((9, 9), np.uint8), np.eye(9), grain="much")
