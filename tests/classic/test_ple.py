"""Piecewise linear estimators: a round against numpy's, answers that are known, and quality beside other methods."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from inpaintkit import ContextError, damage, inpaint
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.classic import ple as file
from inpaintkit.classic._lanes import LANES
from inpaintkit.classic._systems import factorise, solve
from inpaintkit.classic.ple import ple
from inpaintkit.problem import Problem

pytestmark = pytest.mark.filterwarnings("ignore:the mask hides:inpaintkit.InpaintWarning")


def one_round(planes, unknown, references, size, similar, noise):
    """The paper's formulas with dense float64 algebra; every patch is usable."""
    high, wide = size
    channels, height, width = planes.shape
    total, count = np.zeros(planes.shape), np.zeros((height, width))
    py, px = (grid.reshape(-1) for grid in np.mgrid[:high, :wide])
    far = np.hypot(py[:, None] - py, px[:, None] - px)
    for y, x in references:
        weight = np.where(unknown[y + py, x + px], 0.1, 1.0)
        corners = [
            (v, u)
            for v in range(max(y - 12, 0), min(y + 12, height - high) + 1)
            for u in range(max(x - 12, 0), min(x + 12, width - wide) + 1)
        ]
        patches = np.array([planes[:, v + py, u + px] for v, u in corners], float)  # (P, C, n)
        distance = (weight * (patches - planes[:, y + py, x + px]) ** 2).sum(axis=(1, 2))
        group = np.argsort(distance, kind="stable")[:similar]
        mean = patches[group].mean(axis=0)
        samples = patches[group] - mean
        scatter = sum(samples[:, c].T @ samples[:, c] for c in range(channels))
        variance = np.trace(scatter) / len(group) / (high * wide)
        cov = (scatter + 3 * variance * 0.95**far) / (len(group) + 3)
        noisy = cov + (noise**2 + 1e-5 * variance) * np.eye(high * wide)
        for k in group[:32]:
            v, u = corners[k]
            lost = unknown[v + py, u + px]
            if not lost.any():
                continue
            gain = cov[:, ~lost] @ np.linalg.inv(noisy[np.ix_(~lost, ~lost)])
            for c in range(channels):
                estimate = mean[c] + gain @ (patches[k, c] - mean[c])[~lost]
                total[c, v + py, u + px] += estimate
            count[v + py, u + px] += 1
    result = planes.astype(float)
    done = unknown & (count > 0)
    result[:, done] = total[:, done] / count[done]
    return result


@pytest.mark.parametrize(("channels", "size", "similar"), [(1, (4, 4), 17), (3, (5, 3), 30), (3, (6, 6), 64)])
def test_a_round_is_what_the_formulas_say(channels, size, similar):
    rng = np.random.default_rng(1)
    photo = skimage.data.stereo_motorcycle()[0][150:180, 250:278, :channels] / 255
    planes = np.ascontiguousarray(photo.transpose(2, 0, 1), np.float32)
    planes += rng.normal(0, 1e-3, planes.shape).astype(np.float32)  # no two distances are equal
    unknown = rng.random(planes.shape[1:]) < 0.5
    unknown[10:24, 4:18] = True  # patches without any known pixel
    usable = np.ones((31 - size[0], 29 - size[1]), bool)
    missing = file._seen(unknown, size)
    references = np.concatenate(file._grids(missing > 0, 3))
    references = references[np.argsort(references[:, 0], kind="stable")]
    expected = one_round(planes, unknown, references, size, similar, 0.02)
    found = planes.copy()
    file._round(found, unknown, file._barred(usable), missing, references, size, similar, 0.02, file._prior(size))
    assert np.abs(expected - planes).max() > 0.05
    assert np.abs(found - expected).max() < 2e-4


def test_systems_of_different_sizes_are_solved_side_by_side():
    rng = np.random.default_rng(0)
    lanes, m = LANES, 19
    factor, right = np.zeros((m * (m + 1) // 2, lanes), np.float32), np.zeros((m, lanes), np.float32)
    expected = np.zeros((m, lanes))
    for lane in range(lanes):
        n = m - lane  # the rest is the unit matrix
        samples = rng.normal(size=(n, 2 * n))
        matrix = np.eye(m)
        matrix[:n, :n] = samples @ samples.T / n
        vector = np.where(np.arange(m) < n, rng.normal(size=m), 0)
        factor[:, lane], right[:, lane] = matrix[np.tril_indices(m)], vector
        expected[:, lane] = np.linalg.solve(matrix, vector)
    right = right.reshape(-1)
    flat = factor.reshape(-1)
    factorise(flat, m)
    solve(flat, m, right, 0)
    assert right.reshape(m, lanes) == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_the_unknown_side_gives_the_known_sides_estimate():
    """Patches that lack few pixels are solved by the inverse of the whole covariance."""
    rng = np.random.default_rng(2)
    planes = np.ascontiguousarray(
        skimage.data.stereo_motorcycle()[0][150:190, 250:294].transpose(2, 0, 1) / 255, np.float32
    )
    planes += rng.normal(0, 1e-3, planes.shape).astype(np.float32)
    unknown = np.zeros(planes.shape[1:], bool)
    unknown[18:21, 5:40] = unknown[5:35, 20:23] = True
    size = (8, 8)
    missing = file._seen(unknown, size)
    references = file._grids(missing > 0, 4)[0]
    expected = one_round(planes, unknown, references, size, 64, 4 / 255)
    found = planes.copy()
    barred = file._barred(np.ones(missing.shape, bool))
    file._round(found, unknown, barred, missing, references, size, 64, 4 / 255, file._prior(size))
    assert np.abs(expected - planes).max() > 0.05
    assert np.abs(found - expected).max() < 2e-4


def test_every_hole_pixel_is_seen_by_a_reference_patch():
    for shape in ((8, 8), (9, 14), (21, 8)):
        for stride in (1, 3, 4):
            grids = file._grids(np.ones((shape[0] - 7, shape[1] - 7), bool), stride)
            covered = np.zeros((2, *shape), bool)
            for seen, corners in zip(covered, grids, strict=True):
                for y, x in corners:
                    seen[y : y + 8, x : x + 8] = True
            assert covered.any(axis=0).all()
            if stride == 4 and min(shape) > 12:  # both cover all but corners
                assert covered[:, 4:-4, 4:-4].all()


def test_lost_pixels_of_a_periodic_picture_come_back():
    """Waves four pixels long: half their samples tell a plate little, and the other patches all there is."""
    y, x = np.mgrid[:64, :64]
    waves = (0.5 + 0.4 * np.sin(1.4 * x + 0.7 * y)).astype(np.float32)[..., None]
    hole = np.random.default_rng(0).random((64, 64)) < 0.5
    problem = Problem.create(waves, hole)
    error = np.abs(ple(problem) - waves)[hole].mean()
    plate = np.abs(inpaint(waves, hole, "biharmonic") - waves)[hole].mean()
    assert error < 0.01
    assert error < 0.1 * plate


@pytest.mark.parametrize("name", ["camera", "astronaut", "chelsea"])
def test_lost_pixels_are_filled_better_than_by_plates(name):
    photo = getattr(skimage.data, name)()[60:150, 120:220]
    hole = np.random.default_rng(2).random(photo.shape[:2]) < 0.5
    ours = hole_psnr(inpaint(photo, hole, "ple"), photo, hole)
    assert ours > hole_psnr(inpaint(photo, hole, "biharmonic"), photo, hole)


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_text_is_filled_better_than_by_coherence_transport(name):
    photo = getattr(skimage.data, name)()[60:220, 120:300]
    hole = damage.text(photo.shape[:2], size=20, share=0.19, seed=1)
    ours = hole_psnr(inpaint(photo, hole, "ple"), photo, hole)
    assert ours > hole_psnr(inpaint(photo, hole, "coherence"), photo, hole)
    assert ours > hole_psnr(inpaint(photo, hole, "biharmonic"), photo, hole)


def test_one_large_region_is_the_same_on_any_number_of_threads():
    photo = skimage.data.astronaut()[:150, :90]
    hole = np.random.default_rng(3).random(photo.shape[:2]) < 0.4
    one, info = inpaint(photo, hole, "ple", threads=1, return_info=True)
    assert len(info.regions) == 1
    assert info.regions[0].facts["iterations"] == 4
    assert np.array_equal(one, inpaint(photo, hole, "ple", threads=2))


def test_a_hole_wider_than_patches_stays_sane():
    photo = skimage.data.astronaut()[:120, :120]
    hole = np.zeros((120, 120), bool)
    hole[40:80, 40:80] = True
    filled = inpaint(photo.astype(np.float32) / 255, hole, "ple") * 255
    around = photo[30:90, 30:90][~hole[30:90, 30:90]].astype(float)
    assert filled[hole].min() >= around.min() - 10
    assert filled[hole].max() <= around.max() + 10


def test_a_hole_beside_transparent_pixels_uses_the_patches_that_see_both():
    photo = np.dstack([skimage.data.astronaut()[:80, :80], np.full((80, 80), 255, np.uint8)])
    hole = np.zeros((80, 80), bool)
    hole[::3, 37:40] = True
    clear = photo.copy()
    clear[:, 40:] = 0
    error = np.abs(inpaint(clear, hole, "ple").astype(int) - photo)[hole].mean()
    assert error < 1.5 * np.abs(inpaint(clear, hole, "biharmonic").astype(int) - photo)[hole].mean()


def test_more_similar_patches_than_there_are_will_do():
    photo = skimage.data.camera()[:12, :12]
    hole = np.random.default_rng(0).random((12, 12)) < 0.3
    assert np.array_equal(
        inpaint(photo, hole, "ple", similar=200, rounds=1), inpaint(photo, hole, "ple", similar=512, rounds=1)
    )


@pytest.mark.parametrize(
    ("option", "value"), [("patch", 1), ("patch", 17), ("similar", 7), ("similar", 513), ("rounds", 0), ("rounds", 101)]
)
def test_options_out_of_range_are_refused(option, value):
    with pytest.raises(ValueError, match=f"{option} is {value}: expected"):
        inpaint(np.zeros((20, 20), np.uint8), np.eye(20, dtype=bool), "ple", **{option: value})


def test_nothing_known_is_an_error():
    with pytest.raises(ContextError, match="nothing is known"):
        ple(Problem.create(np.zeros((8, 8, 1), np.float32), np.ones((8, 8), bool)))
