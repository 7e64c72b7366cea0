"""``inpaintkit fill --soft``: what a mask marks is taken off, from the command's side."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image as PILImage

from inpaintkit import read


@pytest.fixture(scope="module")
def truth():
    return np.ascontiguousarray(skimage.data.chelsea()[40:136, 60:252])


@pytest.fixture(scope="module")
def opacity(truth):
    height, width = truth.shape[:2]
    canvas = np.zeros((height * 4, width * 4), np.uint8)
    for line in (150, 330):
        cv2.putText(canvas, "Ferry 24", (20, line), cv2.FONT_HERSHEY_SIMPLEX, 4.2, 255, 18, cv2.LINE_AA)
    return cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA) / 255


@pytest.fixture
def folder(tmp_path, monkeypatch, truth, opacity):
    monkeypatch.chdir(tmp_path)
    seen = np.rint((1 - opacity[..., None]) * truth + opacity[..., None] * (250, 230, 40)).astype(np.uint8)
    PILImage.fromarray(seen).save("seen.png")
    PILImage.fromarray(seen).save("seen.jpg", quality=95, subsampling="4:2:0")
    PILImage.fromarray(truth).save("truth.jpg", quality=95, subsampling="4:2:0")
    PILImage.fromarray((opacity > 0).astype(np.uint8) * 255).save("mask.png")
    return tmp_path


def psnr(path, truth, where):
    return float(10 * np.log10(255**2 / np.mean(np.square(read(path).astype(float) - truth)[where])))


def filled(run, *words):
    status, _, error = run("fill", *words, "--method", "fsr", "--quiet")
    assert status == 0, error


def test_letters_come_off_better_than_they_are_filled(run, folder, truth, opacity):
    filled(run, "seen.png", "--mask", "mask.png", "-o", "hard.png")
    filled(run, "seen.png", "--mask", "mask.png", "-o", "soft.png", "--soft")
    assert psnr("soft.png", truth, opacity > 0) > psnr("hard.png", truth, opacity > 0) + 2
    assert np.array_equal(read("soft.png")[opacity == 0], read("seen.png")[opacity == 0])


def test_what_a_jpeg_says_of_itself_is_used(run, folder, opacity):
    stored = read("truth.jpg")
    filled(run, "seen.jpg", "--mask", "mask.png", "--dilate", "auto", "-o", "hard.png")
    filled(run, "seen.jpg", "--mask", "mask.png", "-o", "soft.png", "--soft")
    assert psnr("soft.png", stored, opacity > 0) > psnr("hard.png", stored, opacity > 0) + 1


def test_found_text_and_what_is_reported(run, folder, truth, opacity):
    words = "seen.png", "--find", "text", "--accept-large", "--soft", "--method", "fsr", "-o", "out.png"
    status, _, error = run("fill", *words, "--compare", "sheet.png", "--log", "log.jsonl", "-v")
    assert status == 0, error
    assert "px divided out" in error
    line = json.loads((folder / "log.jsonl").read_text())
    assert (line["status"], line["method"]) == ("done", "fsr")
    assert line["pixels"] >= np.count_nonzero(opacity > 0.5)
    assert read("sheet.png").shape[1] > 3 * truth.shape[1]
    assert psnr("out.png", truth, opacity > 0) > psnr("seen.png", truth, opacity > 0) + 10


def test_a_mask_of_nothing_copies(run, folder):
    PILImage.new("L", (192, 96)).save("nothing.png")
    status, _, error = run("fill", "seen.png", "--mask", "nothing.png", "--soft", "-o", "out.png")
    assert status == 0
    assert "marks no pixel" in error
    assert (folder / "out.png").read_bytes() == (folder / "seen.png").read_bytes()


def test_an_inverted_mask_marks_what_to_keep(run, folder, opacity):
    PILImage.fromarray((opacity == 0).astype(np.uint8) * 255).save("keep.png")
    filled(run, "seen.png", "--mask", "mask.png", "-o", "one.png", "--soft")
    filled(run, "seen.png", "--mask", "keep.png", "--invert-mask", "-o", "other.png", "--soft")
    assert np.array_equal(read("one.png"), read("other.png"))


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--mask", "mask.png", "--feather", "2"), "exclude each other"), (("--mask", "alpha"), "names what is missing")],
)
def test_what_has_no_meaning_is_refused(run, folder, words, said):
    status, _, error = run("fill", "seen.png", "--soft", "-o", "out.png", *words)
    assert status == 2
    assert said in error
