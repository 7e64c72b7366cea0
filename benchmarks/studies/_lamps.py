"""Drawn pictures of coloured lamps and balls, in which there is no date: what the finder of dates must pass over."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from inpaintkit.benchmarks.studies.damage import Pixels


def _night(rng: np.random.Generator) -> tuple[Pixels, list[float]]:
    """A dark picture of soft clouds, and the colour of the lamps in it."""
    cloud = cv2.GaussianBlur(rng.normal(0, 1, (300, 400)), (0, 0), 25)
    tone = (cloud - cloud.min()) / np.ptp(cloud) * rng.uniform(20, 110)
    lamps = ((255, 40, 20), (255, 150, 20), (255, 220, 50), (80, 255, 60))
    return (tone[..., None] * rng.uniform(0.7, 1.3, 3)).clip(0, 255).astype(np.uint8), list(
        map(float, lamps[rng.integers(4)])
    )


def _shining(image: Pixels, cover: Pixels, colour: list[float], rng: np.random.Generator) -> Pixels:
    """What is covered, uint8 (300, 400), adds its light, with a glow."""
    core, glow = (cv2.GaussianBlur(cover / 255, (0, 0), sigma) for sigma in rng.uniform((0.6, 3), (1.5, 8)))
    light = (core + rng.uniform(0.1, 0.5) * glow)[..., None] * colour * rng.uniform(0.5, 1.2)
    return np.asarray(np.minimum(image + light, 255), np.uint8)


def _neon(rng: np.random.Generator) -> Pixels:
    """A word of glowing tubes."""
    (image, colour), cover = _night(rng), np.zeros((300, 400), np.uint8)
    word = "".join(rng.choice(list("ABCDEFGHILNOPRSTUabcdefghilnoprstu"), rng.integers(4, 9)))
    corner, font = (int(rng.integers(10, 80)), int(rng.integers(60, 260))), int(rng.integers(8))
    cv2.putText(cover, word, corner, font, rng.uniform(0.6, 2), (255,), int(rng.integers(1, 4)), cv2.LINE_AA)
    return _shining(image, cover, colour, rng)


def _lanterns(rng: np.random.Generator) -> Pixels:
    """Lamps of one form on sagging strings."""
    (image, colour), cover = _night(rng), np.zeros((300, 400), np.uint8)
    size, sag = rng.uniform(3, 14), rng.uniform(0, 0.001)
    for top in np.arange(rng.uniform(20, 100), 300, size * rng.uniform(4, 12)):
        for x in np.arange(rng.uniform(0, 3 * size), 400, size * rng.uniform(2.2, 5)):
            middle = int(x), int(top + sag * (x - 200) ** 2)
            cv2.ellipse(cover, middle, (int(size), int(size * rng.uniform(0.9, 1.4))), 0, 0, 360, (255,), -1, 16)
    return _shining(image, cover, colour, rng)


def _tail_lights(rng: np.random.Generator) -> Pixels:
    """Pairs of red lamps at one height."""
    (image, _), cover = _night(rng), np.zeros((300, 400), np.uint8)
    y = rng.uniform(60, 240)
    for _ in range(rng.integers(3, 10)):
        x, size = rng.uniform(10, 390), rng.uniform(2, 9)
        axes = int(size), max(1, int(size * rng.uniform(0.4, 1)))
        for right in (0, size * rng.uniform(2, 4)):
            cv2.ellipse(cover, (int(x + right), int(y + rng.normal(0, 3))), axes, 0, 0, 360, (255,), -1, 16)
    return _shining(image, cover, [255.0, 30.0, 20.0], rng)


def _berries(rng: np.random.Generator) -> Pixels:
    """Red balls, each with a light on it."""
    image, size = np.full((300, 400, 3), rng.uniform(0, 255, 3), np.uint8), rng.uniform(2, 12)
    for x, y in rng.uniform(0, (400, 300), (int(rng.integers(15, 150)), 2)):
        shade, each = np.array([225, 35, 35]) * rng.uniform(0.5, 1.1), size * rng.uniform(0.8, 1.2)
        cv2.circle(image, (int(x), int(y)), int(each), shade.tolist(), -1, 16)
        cv2.circle(
            image, (int(x - each / 3), int(y - each / 3)), max(1, int(each / 4)), (0.5 * shade + 127).tolist(), -1
        )
    return image


DRAWN: dict[str, Any] = {"neon": _neon, "lanterns": _lanterns, "tail lights": _tail_lights, "berries": _berries}
