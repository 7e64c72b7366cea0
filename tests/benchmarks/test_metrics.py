"""Measures against answers worked by hand and against scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import skimage.data
import skimage.metrics

from inpaintkit.benchmarks.metrics import MEASURES, Compared, interval, measured, pooled_psnr, psnr

TWO = np.array([[0, 100], [100, 255]], np.uint8)
TRUE = np.array([[0, 151], [100, 204]], np.uint8)
HOLE = np.array([[0, 1], [0, 1]], bool)


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photograph of 200 x 180, the same with a box greyed, and the box."""
    truth = skimage.data.astronaut()[:200, 100:280]
    hole = np.zeros(truth.shape[:2], bool)
    hole[60:110, 40:120] = True
    filled = truth.copy()
    filled[hole] = 128
    return filled, truth, hole


def test_errors_worked_by_hand():
    # two of four pixels are off by 51 = 255 / 5, both in the hole
    found = measured(Compared(TWO, TRUE, HOLE))
    assert found["l1_hole"] == pytest.approx(20)
    assert found["l1_whole"] == pytest.approx(10)
    assert found["l2_hole"] == pytest.approx(0.04)
    assert found["l2_whole"] == pytest.approx(0.02)
    assert found["psnr_hole"] == pytest.approx(10 * math.log10(25))
    assert found["psnr_whole"] == pytest.approx(10 * math.log10(50))
    assert found["l1rel_hole"] == pytest.approx(100 * 102 / (100 + 255 + 151 + 204))
    assert found["l1rel_whole"] == pytest.approx(100 * 102 / (455 + 455))


def test_total_variation_worked_by_hand():
    # across: 100 and 155, down: 100 and 155; the hole is the right column, which touches all but the left step down
    found = measured(Compared(TWO, TRUE, HOLE))
    assert found["tv_whole"] == pytest.approx(100 * 2 * (100 + 155 + 100 + 155) / 4 / 255)
    assert found["tv_hole"] == pytest.approx(100 * 2 * (100 + 155 + 155) / 3 / 255)


def test_whole_and_hole_psnr_differ_by_the_share(pair):
    found = measured(Compared(*pair))
    assert found["psnr_whole"] - found["psnr_hole"] == pytest.approx(-10 * math.log10(pair[2].mean()))


def test_against_scikit_image(pair):
    filled, truth, _ = pair
    found = measured(Compared(*pair))
    assert found["psnr_whole"] == pytest.approx(skimage.metrics.peak_signal_noise_ratio(truth, filled))
    assert found["ssim7_whole"] == pytest.approx(skimage.metrics.structural_similarity(truth, filled, channel_axis=-1))
    grey = [skimage.color.rgb2gray(picture) for picture in (truth, filled)]
    assert found["ssim51_whole"] == pytest.approx(
        skimage.metrics.structural_similarity(*grey, win_size=51, data_range=1), abs=1e-9
    )


def test_ssim_11_worked_out_from_its_definition(pair):
    filled, truth, hole = (picture.astype(float) for picture in pair)
    row, column, channel = 80, 60, 1  # amid the hole
    window = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    weights = np.outer(window, window) / window.sum() ** 2
    values = []
    for channel in range(3):
        a, b = (p[row - 5 : row + 6, column - 5 : column + 6, channel] for p in (filled, truth))
        mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
        var_a, var_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
        cov = (weights * (a - mean_a) * (b - mean_b)).sum()
        c1, c2 = 2.55**2, 7.65**2
        values.append(
            (2 * mean_a * mean_b + c1) * (2 * cov + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
        )
    found = Compared(*pair).similarity(11)
    assert found is not None
    assert found[1][row, column] == pytest.approx(np.mean(values), rel=1e-6)
    assert measured(Compared(*pair))["ssim11_hole"] == pytest.approx(found[1][hole > 0].mean())


def test_ms_ssim_of_plain_pictures_is_their_luminance_at_the_coarsest_scale():
    # no contrast anywhere, so that every factor but the last luminance is C2 / C2
    a, b = np.full((176, 180), 100, np.uint8), np.full((176, 180), 120, np.uint8)
    luminance = (2 * 100 * 120 + 2.55**2) / (100**2 + 120**2 + 2.55**2)
    found = measured(Compared(a, b, np.ones(a.shape, bool)))
    assert found["msssim_whole"] == pytest.approx(luminance**0.1333, rel=1e-9)


def test_ms_ssim_takes_each_scale_as_the_paper_does(pair):
    from scipy.ndimage import gaussian_filter

    filled, truth, _ = pair
    a, b = filled[..., 0].astype(float), truth[..., 0].astype(float)
    value = 1.0
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        blurred = [gaussian_filter(p, 1.5, radius=5, mode="mirror")[5:-5, 5:-5] for p in (a, b, a * a, b * b, a * b)]
        var_a, var_b = blurred[2] - blurred[0] ** 2, blurred[3] - blurred[1] ** 2
        cs = (2 * (blurred[4] - blurred[0] * blurred[1]) + 7.65**2) / (var_a + var_b + 7.65**2)
        luminance = (2 * blurred[0] * blurred[1] + 2.55**2) / (blurred[0] ** 2 + blurred[1] ** 2 + 2.55**2)
        value *= (cs if scale < 4 else cs * luminance).mean() ** weight
        a, b = (p.reshape(p.shape[0] // 2, 2, p.shape[1] // 2, 2).mean(axis=(1, 3)) if scale < 4 and not any(
            side % 2 for side in p.shape) else p[: p.shape[0] // 2 * 2, : p.shape[1] // 2 * 2].reshape(
            p.shape[0] // 2, 2, p.shape[1] // 2, 2).mean(axis=(1, 3)) for p in (a, b))  # fmt: skip
    assert measured(Compared(filled[..., 0], truth[..., 0], pair[2]))["msssim_whole"] == pytest.approx(value, rel=1e-9)


def test_equal_pictures_are_perfect(pair):
    _, truth, hole = pair
    found = measured(Compared(truth, truth, hole))
    assert found["psnr_hole"] == found["psnr_whole"] == math.inf
    assert found["l1_hole"] == found["l2_whole"] == found["l1rel_whole"] == 0
    for name in ("ssim7_hole", "ssim11_whole", "ssim51_hole", "msssim_whole"):
        assert found[name] == pytest.approx(1)


def test_depth_does_not_change_a_figure(pair):
    filled, truth, hole = pair
    deep = [picture.astype(np.uint16) * 257 for picture in (filled, truth)]
    eight, sixteen = measured(Compared(filled, truth, hole)), measured(Compared(*deep, hole))
    assert sixteen == pytest.approx(eight)


def test_a_window_larger_than_the_picture_means_nothing():
    small = np.zeros((20, 40, 3), np.uint8)
    found = measured(Compared(small, small, np.ones((20, 40), bool)))
    assert math.isnan(found["ssim51_hole"])
    assert math.isnan(found["msssim_whole"])
    assert found["ssim11_hole"] == 1


def test_sizes_that_differ_are_an_error():
    with pytest.raises(ValueError, match=r"the fill is \(2, 2\), the truth \(2, 3\)"):
        Compared(TWO, np.zeros((2, 3), np.uint8), HOLE)


def test_pooled_psnr_is_of_the_mean_error():
    assert pooled_psnr([0.01, 0.03]) == pytest.approx(-10 * math.log10(0.02))
    assert np.mean([psnr(0.01), psnr(0.03)]) > pooled_psnr([0.01, 0.03])


def test_the_interval_is_that_of_a_mean():
    values = list(np.random.default_rng(3).normal(10, 2, 200))
    low, high = interval(values)
    spread = 1.96 * np.std(values) / math.sqrt(200)
    assert (low, high) == pytest.approx((np.mean(values) - spread, np.mean(values) + spread), abs=0.05)
    assert interval([5.0]) == (5, 5)


def test_names_and_definitions_are_one_to_one():
    assert len({measure.name for measure in MEASURES}) == len({measure.title for measure in MEASURES}) == len(MEASURES)
    assert len({measure.definition for measure in MEASURES}) == len(MEASURES)
