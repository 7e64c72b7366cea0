"""Frequency-selective reconstruction: waves by hand, a dense matching pursuit, windows by the loss, and its quality."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from inpaintkit import ContextError, damage, inpaint
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.classic.fsr import SIDE, _centres, _prior, _pursue_kernel, fsr
from inpaintkit.problem import Problem

GAMMA = 0.55


def spectra(signal: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """DFT(w f) of each channel and DFT(w), as the kernel takes them: (1, C + 1, N / 2 + 1, N)."""
    windows = np.concatenate([signal * weight, weight[None]])[None]
    return np.fft.rfft2(windows, axes=(3, 2)).astype(np.complex64)


def pursued(signal: np.ndarray, weight: np.ndarray, iterations: int) -> np.ndarray:
    """The kernel's model of a signal (C, N, N) after so many waves."""
    found = spectra(signal, weight)
    taken, _ = _pursue_kernel(found, _prior(), iterations, np.float32(0))
    assert taken[0] == iterations
    return np.fft.irfft2(found[0, :-1], axes=(2, 1), norm="forward")


def dense_pursuit(signal: np.ndarray, weight: np.ndarray, iterations: int) -> np.ndarray:
    """The same by least squares in the picture's domain, one wave at a time."""
    y, x = np.mgrid[:SIDE, :SIDE]
    left = signal.copy()
    prior = _prior()
    root = np.sqrt(weight).reshape(-1)
    for _ in range(iterations):
        transformed = np.fft.fft2(left * weight)[:, : SIDE // 2 + 1]
        p, q = np.unravel_index(np.argmax(prior * (np.abs(transformed) ** 2).sum(axis=0)), prior.shape)
        angle = 2 * np.pi * (p * y + q * x) / SIDE
        waves = np.stack([np.cos(angle), np.sin(angle)]).reshape(2, -1).T  # (N², 2)
        for channel in left:
            best = np.linalg.lstsq(waves * root[:, None], channel.reshape(-1) * root, rcond=1e-9)[0]
            channel -= GAMMA * (waves @ best).reshape(SIDE, SIDE)
    return signal - left


def some_window(channels: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    piece = skimage.data.astronaut()[60 : 60 + SIDE, 200 : 200 + SIDE, :channels] / 255 - 0.4
    away = np.hypot(*np.ogrid[0.5 - SIDE / 2 : SIDE / 2, 0.5 - SIDE / 2 : SIDE / 2])
    return piece.transpose(2, 0, 1), 0.7**away * (rng.random((SIDE, SIDE)) < 0.6)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("iterations", [1, 2, 5, 25])
def test_the_waves_are_those_of_a_dense_matching_pursuit(channels, iterations):
    signal, weight = some_window(channels)
    expected = dense_pursuit(signal, weight, iterations)
    assert np.abs(pursued(signal, weight, iterations) - expected).max() < 2e-4
    assert np.abs(expected).max() > 0.1


def test_a_constant_is_the_zeroth_wave_and_a_share_gamma_of_it_is_taken():
    _, weight = some_window(1)
    model = pursued(np.full((1, SIDE, SIDE), 0.8), weight, 1)
    assert np.abs(model - GAMMA * 0.8).max() < 1e-5


@pytest.mark.parametrize("wave", [(0, 5), (3, 0), (16, 0), (0, 16), (16, 16), (16, 4), (5, 29), (0, 30)])
def test_a_wave_at_every_edge_of_the_half_spectrum_comes_back_whole(wave):
    """Rows 0 and N / 2 hold k and -k, four places hold k = -k: the model must be the wave there, too."""
    y, x = np.mgrid[:SIDE, :SIDE]
    signal = np.cos(2 * np.pi * (wave[0] * y + wave[1] * x) / SIDE + 0.3)[None]
    even = np.ones((SIDE, SIDE))  # orthogonal waves: each step takes gamma of what is left
    assert np.abs(pursued(signal, even, 3) - (1 - (1 - GAMMA) ** 3) * signal).max() < 1e-5


def test_the_energy_that_a_last_wave_could_take_is_below_the_tolerance():
    signal, weight = some_window(3)
    found = spectra(signal, weight)
    taken, left = _pursue_kernel(found, _prior(), 1000, np.float32(1e-4))
    assert 0 < taken[0] < 1000
    assert left <= 1e-4
    model = np.fft.irfft2(found[0, :-1], axes=(2, 1), norm="forward")
    residual = np.fft.fft2((signal - model) * weight)[:, : SIDE // 2 + 1] / weight.sum()
    energy = (np.abs(residual) ** 2).sum(axis=0)
    p, q = np.unravel_index(np.argmax(energy * _prior()), energy.shape)
    alone = p % (SIDE // 2) == 0 and q % (SIDE // 2) == 0  # k = -k: one wave, and not a pair
    assert energy[p, q] * (1 if alone else 2) == pytest.approx(left, rel=0.01)


def test_windows_are_centred_on_the_loss():
    hole = np.zeros((24, 24), bool)
    hole[1, 2:5] = True  # rows 1, columns 2 to 4: its middle pixel is (1, 3), rounded to the corner (2, 4)
    hole[20:24, 8:16] = True
    found = _centres(hole, ~hole, 4, 2, 0, 0)
    assert found.tolist() == [[2, 4, 8], [22, 12, 8]]
    moved = _centres(hole, ~hole, 4, 2, 0, 4)  # a block's edge now lies between columns 3 and 4
    assert moved[:, 2].tolist() == [8, 8, 8, 8]


def test_where_single_pixels_are_lost_the_windows_are_smaller():
    hole = np.zeros((16, 16), bool)
    hole[:8:2, :8:2] = True  # 16 pixels, each beside three or four known ones
    hole[8:, 8:] = True
    found = _centres(hole, ~hole, 4, 2, 0, 0)
    assert found[:, 2].tolist() == [4, 4, 4, 4, 8]
    assert found[:4, :2].tolist() == [[2, 2], [2, 6], [6, 2], [6, 6]]


def test_stripes_run_on_where_a_plate_loses_them():
    x = np.arange(96)
    stripes = np.tile(0.5 + 0.4 * np.sin(2 * np.pi * x / 5.3)[None, :, None], (96, 1, 1)).astype(np.float32)
    hole = np.zeros((96, 96), bool)
    hole[40:52, 30:66] = True
    error = np.abs(fsr(Problem.create(stripes, hole)) - stripes)[hole].mean()
    assert error < 0.5 * np.abs(inpaint(stripes, hole, "biharmonic") - stripes)[hole].mean()


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_it_beats_the_plate_and_coherence_transport(name):
    photo = getattr(skimage.data, name)()[20:240, 90:330]
    holes = {
        "text": damage.text(photo.shape[:2], size=24, share=0.19, seed=3),
        "half": np.random.default_rng(2).random(photo.shape[:2]) < 0.499,
    }
    for kind, hole in holes.items():
        mine, plate, transport = (
            hole_psnr(inpaint(photo, hole, method), photo, hole) for method in ("fsr", "biharmonic", "coherence")
        )
        assert mine > max(plate, transport), kind


def test_an_orthonormal_change_of_colours_changes_nothing():
    signal, weight = some_window(3)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    plain, turned = (pursued(each, weight, 30) for each in (signal, np.tensordot(turn, signal, 1)))
    assert np.abs(np.tensordot(turn, plain, 1) - turned).max() < 1e-4


def test_deep_in_a_hole_it_is_the_first_fill():
    photo = skimage.data.astronaut()[100:300, 150:350].astype(np.float32) / 255
    hole = np.zeros((200, 200), bool)
    hole[30:170, 40:160] = True
    filled, first = fsr(Problem.create(photo, hole)), inpaint(photo, hole, "coherence")
    deep = np.zeros_like(hole)
    deep[60:140, 70:130] = True
    assert np.abs(filled - first)[deep].mean() < 0.01
    assert filled.min() > photo.min() - 0.2
    assert filled.max() < photo.max() + 0.2


@pytest.mark.parametrize(
    "options",
    [
        {"rho": 0.95, "tolerance": 0.0, "iterations": 2000},
        {"rho": 0.3, "tolerance": 0.0, "iterations": 1000},
        {"rho": 0.3, "block": 16},
        {"rho": 0.95, "block": 2},
        {"iterations": 1},
        {"tolerance": 1e9},
    ],
)
def test_no_option_makes_it_explode(options):
    rng = np.random.default_rng(1)
    photo = rng.random((40, 44, 3)).astype(np.float32) ** 4
    hole = rng.random((40, 44)) < 0.3
    hole[10:30, 10:30] = True
    filled = fsr(Problem.create(photo, hole), **options)
    assert np.isfinite(filled).all()
    assert np.abs(filled).max() < 3


def test_what_it_notes_and_reports(monkeypatch):
    photo = skimage.data.astronaut()[40:140, 150:250].astype(np.float32) / 255
    hole = damage.text(photo.shape[:2], size=20, seed=1)
    steps: list = []
    monkeypatch.setattr("inpaintkit.classic.fsr._BATCH", 32)
    _, info = inpaint(photo, hole, "fsr", iterations=1000, return_info=True, progress=steps.append)
    facts = info.regions[0].facts
    assert facts["converged"]
    assert 0 < facts["residual"] <= 0.6
    assert 1 < facts["iterations"] < 1000
    assert len(steps) > 1
    assert steps[-1].done == steps[-1].total
    _, info = inpaint(photo, hole, "fsr", iterations=2, return_info=True)
    facts = info.regions[0].facts
    assert not facts["converged"]
    assert facts["iterations"] <= 2
    assert facts["residual"] > 0.6


@pytest.mark.parametrize(
    ("option", "value"),
    [("block", 1), ("block", 17), ("iterations", 0), ("rho", 0.2), ("rho", 0.96), ("tolerance", -1)],
)
def test_options_out_of_range_are_named(option, value):
    with pytest.raises(ValueError, match=f"fsr's option {option} is {value}.*expected"):
        inpaint(np.zeros((9, 9), np.uint8), np.eye(9, dtype=bool), "fsr", **{option: value})


def test_a_hole_that_nothing_known_reaches_is_named():
    hole, known = np.zeros((60, 60), bool), np.zeros((60, 60), bool)
    hole[5:9, 5:9] = known[50:, 50:] = True
    with pytest.raises(ContextError, match=r"^fsr: .*fallback=True"):
        fsr(Problem.create(np.zeros((60, 60, 1)), hole, known))
