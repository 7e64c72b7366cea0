"""Dates as film cameras light them onto the film, and as letters drawn over a photograph, generated from a seed.

Digits of segments, of dots or of a font, in the layouts of cameras, upright or turned, anywhere in the photograph.
Light adds to what is there, in linear light, and glows; drawn digits cover it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.benchmarks.studies import damage
from inpaintkit.benchmarks.studies.damage import LIT, SEGMENTS, Pixels, compressed
from inpaintkit.problem import Image, Mask

LAYOUTS = ("'YY MM DD", "DD MM 'YY", "M  D 'YY", "YYYY MM DD", "YY.MM.DD", "DD HH:NN", "DD.MM.YYYY", "'YY M D")
COLOURS = ((255, 35, 25), (255, 90, 20), (255, 140, 30), (255, 205, 40), (110, 255, 60))
VISIBLE = 10  # levels that a pixel must change by, in a channel, to be seen
_FINE = 4  # times as large as digits are drawn
_GAMMA = 2.2
_TRIES = 40  # for a place where the date can be read
_READABLE, _PLAIN = 0.5, 20  # share of the digits that changes by so many levels there
_ROWS = {  # of five dots, from the top, the leftmost is the highest bit
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 2, 4, 8, 31),
    "3": (31, 2, 4, 2, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
}
_MARKS = {"'": (0.0, 0.22), ":": (0.28, 0.36, 0.64, 0.72), ".": (0.92, 1.0)}  # from and to, in heights


@dataclass(frozen=True, eq=False)
class Dated:
    """A photograph with a date.

    Attributes
    ----------
    pixels : uint8 (H, W, 3).
    digits : bool (H, W), where the digits can be seen.
    around : bool (H, W), their glow and what of them cannot be seen: judged neither way.
    look : in words.
    """

    pixels: Pixels
    digits: Mask
    around: Mask
    look: str


def dated(photo: Pixels, *, size: int, seed: int) -> Dated:
    """Put a date on a photograph and compress it.

    Parameters
    ----------
    photo : uint8 (H, W, 3).
    size : height of the digits in pixels (>= 8); less where the date would not fit.
    seed : of date, layout, form, colour, light or paint, turn, place and compression.
    """
    rng = np.random.default_rng(seed)
    form = str(rng.choice(["segments", "segments", "segments", "dots", "font"]))
    turn = int(rng.choice([0, 0, 0, 1, 2, 3]))
    layout = str(rng.choice(LAYOUTS))
    words = _date(layout, rng)
    while True:
        ink = np.ascontiguousarray(np.rot90(_drawn(words, form, size, np.random.default_rng(seed + 1)), turn))
        if all(ink.shape[axis] + 4 < photo.shape[axis] for axis in (0, 1)):
            break
        size = round(0.8 * size)
    colour = np.clip(np.array(COLOURS[rng.integers(len(COLOURS))]) + rng.integers(-20, 21, 3), 0, 255)
    glows = bool(rng.random() < 0.7)
    lit = _lit(ink, size, rng) if glows else ink
    strength = float(rng.uniform(0.6, 1.4)) if glows else float(rng.uniform(0.85, 1.0))
    for _ in range(_TRIES):
        damaged, digits, around = _placed(photo, ink, lit, colour, strength, glows, rng)
        change = np.abs(damaged.astype(np.int16) - photo).max(axis=2)
        if np.count_nonzero((change > _PLAIN) & digits) >= _READABLE * np.count_nonzero(digits):
            break
    visible = change > VISIBLE
    quality, halved = int(rng.integers(75, 96)), bool(rng.random() < 0.7)
    look = f"{size} px, {form}, {'light' if glows else 'paint'} {tuple(int(c) for c in colour)}, turned {90 * turn}"
    look += f", '{words}', JPEG {quality}{' 4:2:0' if halved else ''}"
    return Dated(compressed(damaged, quality, halved=halved), digits & visible, around | (digits & ~visible), look)


def _date(layout: str, rng: np.random.Generator) -> str:
    """A date in a layout; months and days below ten without their zero in some."""
    year, zero = int(rng.integers(1985, 2012)), bool(rng.random() < 0.5)
    two = {"MM": rng.integers(1, 13), "DD": rng.integers(1, 32), "HH": rng.integers(24), "NN": rng.integers(60)}
    words = layout.replace("YYYY", str(year)).replace("YY", f"{year % 100:02d}")
    for name, value in two.items():
        words = words.replace(name, f"{value:02d}" if zero or name == "NN" else f"{value:2d}")
    return words.replace("M", str(rng.integers(1, 10))).replace("D", str(rng.integers(1, 10))).strip()


def _drawn(words: str, form: str, size: int, rng: np.random.Generator) -> Image:
    """Coverage of a date ``size`` px high, in [0, 1], with no border."""
    if form == "font":
        font = damage.fonts()[str(rng.choice(list(damage.fonts())))]
        ink = font(words, round(1.4 * size))
        return np.asarray(
            cv2.resize(ink, None, fx=size / ink.shape[0], fy=size / ink.shape[0], interpolation=cv2.INTER_AREA)
        )
    wide, slant = float(rng.uniform(0.45, 0.6)), float(rng.choice([0, 0, rng.uniform(0, 0.12)]))
    thick, gap, step = float(rng.uniform(0.1, 0.18)), float(rng.uniform(0.0, 0.06)), float(rng.uniform(1.35, 1.8))
    blank = float(rng.uniform(0.5, 1.0))
    high = _FINE * size
    canvas = np.zeros((high, round(high * (2 + len(words) * wide * step))), np.uint8)
    x = 0.2
    for letter in words:
        if letter.isdigit():
            _digit(canvas, letter, form, (x, wide, thick, gap), high)
        for top, bottom in zip(_MARKS.get(letter, ())[::2], _MARKS.get(letter, ())[1::2], strict=True):
            start, end = (
                (round(high * (x + 0.1)), round(high * top)),
                (round(high * (x + 0.1 + 0.8 * thick)), round(high * bottom)),
            )
            cv2.rectangle(canvas, start, end, (255,), -1)
        x += wide * (step if letter.isdigit() else blank if letter == " " else 0.6)
    shear = np.array([[1, -slant, slant * high], [0, 1, 0]], np.float32)
    canvas = np.asarray(cv2.warpAffine(canvas, shear, canvas.shape[::-1]), np.uint8)
    ink = np.asarray(
        cv2.resize(canvas, None, fx=1 / _FINE, fy=1 / _FINE, interpolation=cv2.INTER_AREA) / 255, np.float32
    )
    seen = np.flatnonzero(ink.any(axis=0))
    return ink[:, seen[0] : seen[-1] + 1]


def _digit(canvas: Pixels, letter: str, form: str, place: tuple[float, float, float, float], high: int) -> None:
    """Draw a digit of segments or of dots into a canvas ``high`` px high."""
    x, wide, thick, gap = place
    if form == "dots":
        for row, bits in enumerate(_ROWS[letter]):
            for column in range(5):
                if bits >> (4 - column) & 1:
                    middle = round(high * (x + wide * (column + 0.5) / 5)), round(high * (row + 0.5) / 7)
                    cv2.circle(canvas, middle, round(high * min(0.075, 0.55 * wide / 5)), (255,), -1)
        return
    half = thick / 2
    for number in LIT[letter]:
        ends = np.array(SEGMENTS[number], np.float64).reshape(2, 2)
        ends = np.array([x + half, half]) + ends * np.array([wide - thick, 1 - thick])
        along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
        across = np.array([-along[1], along[0]]) * half
        first, last = ends[0] + along * gap, ends[1] - along * gap
        tip = along * half
        bar = [first, first + tip + across, last - tip + across, last, last - tip - across, first + tip - across]
        cv2.fillPoly(canvas, [np.rint(np.array(bar) * high).astype(np.int32)], (255,))


def _lit(ink: Image, size: int, rng: np.random.Generator) -> Image:
    """What light leaves of digits: blurred, with a wide glow; padded by a digit's height on all sides."""
    padded = np.pad(ink, size)
    core = cv2.GaussianBlur(padded, (0, 0), max(0.5, size * rng.uniform(0.01, 0.05)))
    glow = cv2.GaussianBlur(padded, (0, 0), size * rng.uniform(0.08, 0.2))
    return np.asarray(core + rng.uniform(0.1, 0.4) * glow, np.float32)


def _placed(
    photo: Pixels,
    ink: Image,
    lit: Image,
    colour: NDArray[np.int64],
    strength: float,
    glows: bool,
    rng: np.random.Generator,
) -> tuple[Pixels, Mask, Mask]:
    """A photograph with digits at a random place, where they are, and where else they add light."""
    height, width = ink.shape
    free = photo.shape[0] - height, photo.shape[1] - width
    cornered = rng.random() < 0.7
    top, left = (
        int(rng.integers(2, max(3, extent // 6))) if cornered else int(rng.integers(0, extent)) for extent in free
    )
    if cornered:
        top, left = (free[0] - top if rng.random() < 0.7 else top), (free[1] - left if rng.random() < 0.6 else left)
    cover, light = (np.zeros(photo.shape[:2], np.float32) for _ in range(2))
    cover[top : top + height, left : left + width] = ink
    reach = (lit.shape[0] - height) // 2
    y, x = max(0, top - reach), max(0, left - reach)
    part = lit[y - top + reach :, x - left + reach :][: photo.shape[0] - y, : photo.shape[1] - x]
    light[y : y + part.shape[0], x : x + part.shape[1]] = part
    tone = (colour / 255) ** _GAMMA
    if glows:
        linear = (photo / 255) ** _GAMMA + strength * light[..., None] * tone
        damaged = np.asarray(255 * np.minimum(linear, 1) ** (1 / _GAMMA))
    else:
        damaged = np.asarray(photo + strength * cover[..., None] * (colour - photo), np.float64)
    result = np.clip(np.rint(damaged), 0, 255).astype(np.uint8)
    return result, cover > 0.5, (light > 0.05) & (cover <= 0.5)
