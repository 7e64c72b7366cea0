"""Light that was added to one picture, and dirt that darkens it: against drawn ones whose truth is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import Overlay, estimate_overlay, inpaint, remove_overlay
from inpaintkit.overlay.one import layered
from inpaintkit.overlay.trying import _guarded

LIGHT = (40.0, 150.0, 60.0)  # green, as some clocks have it


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(skimage.data.chelsea()[60:140, 60:204])


def bars(shape, blur=1.5):
    """Bars as of a clock's digits, soft, opacity float64 (H, W), with a wider glow."""
    drawn = np.zeros(shape)
    for left in range(20, shape[1] - 30, 34):
        drawn[22:58, left : left + 5] = 1
        drawn[22:27, left : left + 18] = drawn[38:42, left : left + 18] = 1
    glowing = cv2.GaussianBlur(drawn, (0, 0), blur) + 0.2 * cv2.GaussianBlur(drawn, (0, 0), 4)
    glowing /= glowing.max()
    return np.where(glowing < 0.005, 0, glowing)


def lit(photo, opacity, light):
    share = opacity[..., None] if photo.ndim == 3 else opacity
    return np.clip(np.rint(photo + share * np.array(light, float)), 0, 255).astype(np.uint8)


def dimmed(photo, opacity):
    share = opacity[..., None] if photo.ndim == 3 else opacity
    return np.rint(photo * (1 - share)).astype(np.uint8)


def psnr(one, other, where):
    return float(10 * np.log10(255**2 / max(np.mean(np.square(one.astype(float) - other)[where]), 1 / 12)))


def gain(seen, photo, mask, **arguments):
    """Over filling under the same mask, in decibels."""
    removed = remove_overlay(seen, mask, method="fsr", **arguments)
    np.testing.assert_array_equal(removed[~mask], seen[~mask])
    return psnr(removed, photo, mask) - psnr(inpaint(seen, mask, "fsr"), photo, mask)


def test_colour_and_amount_of_light(photo):
    opacity = bars(photo.shape[:2])
    seen = lit(photo, opacity, LIGHT)
    overlay = estimate_overlay(seen, opacity > 0, mode="add")
    assert overlay.mode == "add"
    light = overlay.opacity[..., None] * overlay.colour - opacity[..., None] * LIGHT
    assert np.sqrt(np.mean(np.square(light)[opacity > 0])) < 6
    way = overlay.colour / np.linalg.norm(overlay.colour)
    np.testing.assert_allclose(way, np.array(LIGHT) / np.linalg.norm(LIGHT), atol=0.03)


@pytest.mark.parametrize("wider", [0, 3])
def test_light_is_taken_off_better_than_filled(photo, wider):
    opacity = bars(photo.shape[:2])
    mask = cv2.dilate((opacity > 0).astype(np.uint8), np.ones((2 * wider + 1,) * 2)) > 0
    assert gain(lit(photo, opacity, LIGHT), photo, mask, mode="add") > 8


def test_a_saturated_channel_follows_the_others(photo):
    opacity = bars(photo.shape[:2])
    seen = lit(photo, opacity, (60, 250, 90))
    lost = seen[..., 1] == 255
    assert lost.sum() > 300
    removed = remove_overlay(seen, opacity > 0, mode="add", method="fsr")
    filled = inpaint(seen, opacity > 0, "fsr")
    assert psnr(removed[..., 1], photo[..., 1], lost) > psnr(filled[..., 1], photo[..., 1], lost) + 4


def test_dirt_is_taken_off_better_than_filled(photo):
    opacity = 0.6 * bars(photo.shape[:2])
    assert gain(dimmed(photo, opacity), photo, opacity > 0, mode="multiply") > 2


def test_told_light(photo):
    opacity = bars(photo.shape[:2])
    seen = lit(photo, opacity, LIGHT)
    overlay = estimate_overlay(seen, opacity > 0, mode="add", colour=LIGHT)
    np.testing.assert_array_equal(overlay.colour, LIGHT)
    assert np.sqrt(np.mean(np.square(overlay.opacity - opacity)[opacity > 0])) < 0.06


@pytest.mark.parametrize("mode", ["add", "multiply"])
def test_where_nothing_tells_light_from_picture_it_is_filled(mode):
    """In a grey picture of noise, any amount explains any pixel."""
    photo = np.random.default_rng(0).integers(60, 190, (80, 144)).astype(np.uint8)
    opacity = bars(photo.shape)
    seen = lit(photo, opacity, 60) if mode == "add" else dimmed(photo, opacity * 0.5)
    assert gain(seen, photo, opacity > 0, mode=mode) > -0.2


def test_light_in_other_units(photo):
    opacity = bars(photo.shape[:2])
    seen = lit(photo, opacity, LIGHT)
    expected = remove_overlay(seen, opacity > 0, mode="add", method="fsr").astype(float)
    deep = remove_overlay(seen.astype(np.uint16) * 257, opacity > 0, mode="add", method="fsr")
    assert np.sqrt(np.mean(np.square(deep / 257 - expected))) < 0.5


def test_a_mask_over_nothing_gives_no_light(photo):
    overlay = estimate_overlay(photo, np.zeros(photo.shape[:2], bool), mode="add")
    assert isinstance(overlay, Overlay)
    assert not overlay.touched.any()


def test_overlays_of_two_modes_are_layers(photo):
    """Light on the left, ink on the right: each is taken off in its own way."""
    opacity = bars(photo.shape[:2])
    left, right = opacity.copy(), (opacity > 0.5).astype(np.float32)
    left[:, 72:], right[:, :72] = 0, 0
    seen = lit(photo, left, LIGHT)
    seen[right > 0] = (250, 230, 40)
    both = layered(
        [Overlay(np.zeros(left.shape), [0, 0, 0]), Overlay(left, LIGHT, mode="add"), Overlay(right, (250, 230, 40))]
    )
    assert [layer.mode for layer in both.layers] == ["add", "cover"]
    removed = remove_overlay(seen, overlay=both, method="fsr")
    assert psnr(removed, photo, left > 0) > 45
    np.testing.assert_array_equal(removed[both.opacity + right == 0], photo[both.opacity + right == 0])


def test_without_a_mask_there_is_no_finder_for_dirt(photo):
    with pytest.raises(ValueError, match="give a mask"):
        remove_overlay(photo, mode="multiply")


def test_light_further_from_the_fill_than_tried_is_not_trusted():
    rng = np.random.default_rng(0)
    errors = rng.standard_normal((4, 500, 1)) * np.array([1, 3, 3, 3])[:, None, None]
    ways = errors + 100
    likely = _guarded(errors, ways, 1.0)
    assert likely[0] > 0.8
    aside = ways + np.array([20, 0, 0, 0])[:, None, None]
    assert _guarded(errors, aside, 1.0)[0] < 0.05
    np.testing.assert_allclose(likely.sum(), 1)
