"""Drawn patterns that no finder was fitted to: what is alike at like distances and no text, in other hands' ways.

Those of ``clean`` were drawn before the weights for text were fitted, and used for it. These were drawn afterwards.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from inpaintkit.arrays import Array
from inpaintkit.benchmarks.studies.damage import Pixels

_HEIGHT, _WIDTH = 360, 480
_FINE = 16.0  # parts of a pixel that corners are placed by


def _canvas(rng: np.random.Generator) -> tuple[Pixels, Array, Array]:
    """A ground that grows darker to one side, its colour, and one that is far from it."""
    colour = rng.uniform(30, 250, 3)
    other = np.clip(colour + (-1 if colour.mean() > 128 else 1) * rng.uniform(70, 150) + rng.normal(0, 15, 3), 0, 255)
    y, x = np.mgrid[:_HEIGHT, :_WIDTH] / _HEIGHT
    way = rng.uniform(0, 2 * np.pi)
    light = rng.uniform(0, 0.35) * (np.cos(way) * (x - 0.6) + np.sin(way) * (y - 0.5))
    return np.asarray(np.clip(colour * (1 + light[..., None]), 0, 255), np.uint8), colour, other


def _fill(image: Pixels, corners: Any, colour: Array) -> None:
    points = np.rint(np.asarray(corners) * _FINE).astype(np.int32)
    cv2.fillPoly(image, [points], np.clip(colour, 0, 255).tolist(), cv2.LINE_AA, 4)


def _shaded(colour: Array, rng: np.random.Generator, levels: float) -> Array:
    return np.asarray(np.clip(colour + rng.normal(0, levels), 0, 255))


def _zebras(rng: np.random.Generator) -> Pixels:
    """Bodies with tapering stripes that fork, some over each other, on an even ground."""
    image, _, dark = _canvas(rng)
    y, x = np.mgrid[:_HEIGHT, :_WIDTH].astype(float)
    for _ in range(rng.integers(2, 6)):
        body = np.zeros((_HEIGHT, _WIDTH), np.uint8)
        middle = (int(rng.uniform(40, _WIDTH - 40)), int(rng.uniform(40, _HEIGHT - 40)))
        axes = (int(rng.uniform(50, 150)), int(rng.uniform(30, 90)))
        cv2.ellipse(body, middle, axes, rng.uniform(-30, 30), 0, 360, 1, -1)
        pitch, way = rng.uniform(5, 40), rng.normal(0, 0.5)
        off = cv2.GaussianBlur(rng.normal(0, 1, (_HEIGHT, _WIDTH)), (0, 0), rng.uniform(10, 30))
        phase = (x * np.cos(way) + y * np.sin(way)) / pitch + rng.uniform(0.2, 0.8) * off / off.std()
        stripes = np.sin(2 * np.pi * phase) > rng.uniform(-0.6, 0.6)
        white = rng.uniform(200, 250)
        image[(body > 0) & stripes] = np.clip(dark, 0, 60)
        image[(body > 0) & ~stripes] = white
    return image


def _palms(rng: np.random.Generator) -> Pixels:
    """Fronds before a white sky: ribs that bend down, with leaflets on both sides."""
    image = np.full((_HEIGHT, _WIDTH, 3), rng.uniform(225, 255, 3), np.uint8)
    colour = rng.uniform(10, 110, 3)
    for _ in range(rng.integers(4, 12)):
        start, turn = rng.uniform(0, (_WIDTH, _HEIGHT)), rng.uniform(0, 2 * np.pi)
        length, bend = rng.uniform(80, 260), rng.uniform(-1.5, 1.5)
        steps = np.linspace(0, 1, int(length / rng.uniform(3, 12)))
        angle = turn + bend * steps
        along = start + np.cumsum(np.stack([np.cos(angle), np.sin(angle)], 1), 0) * length / len(steps)
        own, lean, wide = _shaded(colour, rng, 15), rng.uniform(0.5, 1.1), rng.uniform(1.2, 4)
        for at, heading, step in zip(along, angle, steps, strict=True):
            for side in (-1, 1):
                leaf = length * rng.uniform(0.2, 0.3) * np.sin(np.pi * (0.1 + 0.85 * step))
                tip = at + leaf * np.array([np.cos(heading + side * lean), np.sin(heading + side * lean)])
                across = np.array([-np.sin(heading), np.cos(heading)]) * wide / 2
                _fill(image, [at - across, at + across, tip], _shaded(own, rng, 5))
    return image


def _blinds(rng: np.random.Generator) -> Pixels:
    """Slats that are lighter above than below, with cords across."""
    image, _, other = _canvas(rng)
    pitch, open_ = rng.uniform(5, 26), rng.uniform(0.15, 0.5)
    for top in np.arange(0, _HEIGHT, pitch):
        _fill(image, [[0, top], [_WIDTH, top], [_WIDTH, top + open_ * pitch], [0, top + open_ * pitch]], other)
        shade = 0.75 * image[min(int(top + 0.8 * pitch), _HEIGHT - 1), _WIDTH // 2]
        low = top + 0.8 * pitch
        _fill(image, [[0, low], [_WIDTH, low], [_WIDTH, top + pitch], [0, top + pitch]], shade)
    for left in np.arange(rng.uniform(20, 80), _WIDTH, rng.uniform(80, 200)):
        wide = rng.uniform(1, 4)
        _fill(image, [[left, 0], [left + wide, 0], [left + wide, _HEIGHT], [left, _HEIGHT]], _shaded(other, rng, 20))
    return image


def _posts(rng: np.random.Generator) -> Pixels:
    """Pointed posts on two rails, a row or two of them."""
    image, _, other = _canvas(rng)
    for foot in rng.uniform(120, _HEIGHT, rng.integers(1, 3)):
        high, pitch = rng.uniform(50, 180), rng.uniform(8, 40)
        wide = pitch * rng.uniform(0.3, 0.8)
        for rail in (0.25, 0.75):
            y = foot - rail * high
            _fill(image, [[0, y], [_WIDTH, y], [_WIDTH, y + wide / 2], [0, y + wide / 2]], _shaded(other, rng, 10))
        for left in np.arange(0, _WIDTH, pitch) + rng.normal(0, 0.04 * pitch, len(np.arange(0, _WIDTH, pitch))):
            top = foot - high * rng.uniform(0.95, 1.05)
            peak = [left + wide / 2, top - wide / 2]
            right = left + wide
            _fill(image, [[left, foot], [left, top], peak, [right, top], [right, foot]], _shaded(other, rng, 10))
    return image


def _spines(rng: np.random.Generator) -> Pixels:
    """Books of every width, height and colour on shelves, with bands across and no letters."""
    image, _, _ = _canvas(rng)
    for foot in np.arange(rng.uniform(60, 110), _HEIGHT + 60, rng.uniform(90, 140)):
        left = 0.0
        while left < _WIDTH:
            wide, high, colour = rng.uniform(5, 34), rng.uniform(55, 88), rng.uniform(10, 240, 3)
            _fill(image, [[left, foot], [left, foot - high], [left + wide, foot - high], [left + wide, foot]], colour)
            band = _shaded(rng.uniform(0, 255, 3), rng, 10)
            for at in rng.uniform(0.1, 0.9, rng.integers(0, 5)):
                y, thick = foot - at * high, rng.uniform(1, 5)
                inner = (left + 1, left + wide - 1)
                _fill(image, [[inner[0], y], [inner[1], y], [inner[1], y + thick], [inner[0], y + thick]], band)
            left += wide + rng.uniform(0, 1.5)
    return image


def _railings(rng: np.random.Generator) -> Pixels:
    """Turned balusters under a rail, each with its bulge and ring."""
    image, _, other = _canvas(rng)
    for foot in np.arange(rng.uniform(90, 160), _HEIGHT + 50, rng.uniform(110, 200)):
        high, pitch = rng.uniform(40, 90), rng.uniform(10, 32)
        _fill(image, [[0, foot - high - 6], [_WIDTH, foot - high - 6], [_WIDTH, foot - high], [0, foot - high]], other)
        share = np.linspace(0, 1, 24)
        bulge = 0.12 + 0.22 * np.sin(np.pi * share) ** 2 + 0.1 * (np.abs(share - rng.uniform(0.2, 0.8)) < 0.06)
        for left in np.arange(pitch / 2, _WIDTH, pitch):
            right = np.stack([left + bulge * pitch, foot - share * high], 1)
            _fill(image, np.vstack([right, np.stack([left - bulge * pitch, right[:, 1]], 1)[::-1]]), other)
    return image


def _tiles(rng: np.random.Generator) -> Pixels:
    """Round roof tiles in rows that overlap, each with its shadow."""
    image, colour, other = _canvas(rng)
    wide = rng.uniform(8, 34)
    deep = wide * rng.uniform(0.6, 1.2)
    for row, top in enumerate(np.arange(-deep, _HEIGHT, deep)[::-1]):
        for left in np.arange(-wide * (row % 2) / 2, _WIDTH, wide):
            middle = np.rint([left + wide / 2, top]).astype(int).tolist()
            axes = max(1, int(wide / 2)), max(1, int(deep * 1.3))
            cv2.ellipse(image, middle, axes, 0, 0, 180, other.tolist(), -1, cv2.LINE_AA)
            inner = max(1, axes[0] - 1), max(1, axes[1] - max(2, int(0.15 * deep)))
            cv2.ellipse(image, middle, inner, 0, 0, 180, _shaded(colour, rng, 8).tolist(), -1, cv2.LINE_AA)
    return image


def _wires(rng: np.random.Generator) -> Pixels:
    """Bare branches and hanging wires before a sky: dark lines of every width that fork and cross."""
    image = np.full((_HEIGHT, _WIDTH, 3), rng.uniform(150, 245, 3), np.uint8)
    colour = rng.uniform(10, 90, 3)

    def branch(at: Array, way: float, length: float, wide: float) -> None:
        if wide < 0.7 or length < 12:
            return
        end = at + length * np.array([np.cos(way), np.sin(way)])
        across = np.array([-np.sin(way), np.cos(way)])
        tip = end + across * 0.35 * wide, end - across * 0.35 * wide
        _fill(image, [at - across * wide / 2, at + across * wide / 2, *tip], colour)
        for share in rng.uniform(0.3, 1, 3):
            branch(at + share * (end - at), way + rng.normal(0, 0.6), length * rng.uniform(0.5, 0.8), wide * 0.6)

    for _ in range(rng.integers(1, 4)):
        branch(
            rng.uniform((0, 150), (_WIDTH, _HEIGHT)), rng.uniform(-2.4, -0.7), rng.uniform(60, 140), rng.uniform(4, 12)
        )
    for _ in range(rng.integers(1, 6)):
        x = np.linspace(0, _WIDTH, 60)
        y = rng.uniform(0, _HEIGHT) + rng.normal(0, 0.2) * x + rng.uniform(0, 40) * np.sin(np.pi * x / _WIDTH)
        points = [np.rint(np.stack([x, y], 1) * _FINE).astype(np.int32)]
        cv2.polylines(image, points, False, colour.tolist(), int(rng.integers(1, 4)), cv2.LINE_AA, 4)
    return image


def _lamps(rng: np.random.Generator) -> Pixels:
    """Round lamps and their glow in rows and alone, over a dark gradient."""
    image = np.asarray(_canvas(rng)[0] * rng.uniform(0.1, 0.4), np.uint8).astype(np.float32)
    light = np.zeros(image.shape[:2], np.float32)
    size, colour = rng.uniform(1, 5), rng.uniform(180, 255, 3)
    for _ in range(rng.integers(1, 5)):
        start, step = rng.uniform(0, (_WIDTH, _HEIGHT)), rng.normal(0, 25, 2)
        for number in range(rng.integers(1, 12)):
            middle = np.rint(start + number * step).astype(int).tolist()
            cv2.circle(light, middle, round(size), 1, -1, cv2.LINE_AA)
    glow = np.maximum(cv2.GaussianBlur(light, (0, 0), 0.8), cv2.GaussianBlur(light, (0, 0), 3 * size) * 3)
    return np.asarray(np.clip(image + np.clip(glow, 0, 1)[..., None] * colour, 0, 255), np.uint8)


DRAWN: dict[str, Any] = {
    "herd": _zebras,
    "palms": _palms,
    "blinds": _blinds,
    "posts": _posts,
    "spines": _spines,
    "railings": _railings,
    "tiles": _tiles,
    "wires": _wires,
    "lamps": _lamps,
}
