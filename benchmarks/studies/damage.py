"""Photographs damaged as people and age do it, generated from a seed, with every pixel that was changed.

``caption``, ``date_stamp``, ``scratched`` and ``dusty`` have soft edges. Finders are fitted to them and tested on them.
"""

from __future__ import annotations

import colorsys
import importlib.util
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from inpaintkit.damage import WORDS
from inpaintkit.problem import Image, Mask

Pixels = NDArray[np.uint8]
Ink = Callable[[str, int], Image]  # words, size in pixels -> coverage in [0, 1], trimmed to the words

_LUMA = (0.299, 0.587, 0.114)
_REGULAR = 400  # weight of a variable font
SEGMENTS = (  # x, y of both ends, in a digit's width and height
    (0, 0, 1, 0),
    (1, 0, 1, 0.5),
    (1, 0.5, 1, 1),
    (0, 1, 1, 1),
    (0, 0.5, 0, 1),
    (0, 0, 0, 0.5),
    (0, 0.5, 1, 0.5),
    (0.5, 0, 0.5, 0.2),  # the apostrophe
)
LIT = {  # which of them each sign lights
    "0": (0, 1, 2, 3, 4, 5),
    "1": (1, 2),
    "2": (0, 1, 3, 4, 6),
    "3": (0, 1, 2, 3, 6),
    "4": (1, 2, 5, 6),
    "5": (0, 2, 3, 5, 6),
    "6": (0, 2, 3, 4, 5, 6),
    "7": (0, 1, 2),
    "8": (0, 1, 2, 3, 4, 5, 6),
    "9": (0, 1, 2, 3, 5, 6),
    "'": (7,),
    " ": (),
}


def compressed(photo: Pixels, quality: int, *, halved: bool = True) -> Pixels:
    """A photograph after JPEG, its colours at half of the resolution if ``halved``."""
    stream = io.BytesIO()
    PILImage.fromarray(photo).save(stream, "JPEG", quality=quality, subsampling=2 if halved else 0)
    return np.asarray(PILImage.open(stream), np.uint8)


def fonts() -> dict[str, Ink]:
    """How each font of this machine turns words and a size in pixels into coverage: OpenCV's, Pillow's, matplotlib's.

    Matplotlib's are there where it is installed; the others always.
    """

    def stroked(face: int) -> Ink:
        return lambda words, size: _hershey(words, size, face)

    def outlined(face: str) -> Ink:
        return lambda words, size: _opencv(words, size, face)

    def typed(path: Path | None) -> Ink:
        return lambda words, size: _pillow(words, size, path)

    found = {
        "opencv simplex": stroked(cv2.FONT_HERSHEY_SIMPLEX),
        "opencv complex": stroked(cv2.FONT_HERSHEY_COMPLEX),
        "opencv sans": outlined("sans"),
        "opencv italic": outlined("italic"),
        "pillow": typed(None),
    }
    matplotlib = importlib.util.find_spec("matplotlib")
    if matplotlib is not None and matplotlib.origin:
        folder = Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf"
        for name in ("DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral"):
            if (folder / f"{name}.ttf").exists():
                found[name] = typed(folder / f"{name}.ttf")
    return found


@dataclass(frozen=True)
class Style:
    """How overlaid text looks.

    ``size`` is the font's, in pixels; ``colour`` and ``rim`` are RGB in [0, 255], the rim's the outline's and the
    shadow's; ``outline`` is its width in pixels, ``shadow`` how far right and down it falls, ``blur`` its sigma.
    """

    size: int
    font: str
    colour: tuple[int, int, int]
    rim: tuple[int, int, int] = (0, 0, 0)
    outline: int = 0
    shadow: int = 0
    blur: float = 0.0
    opacity: float = 1.0


def caption(
    photo: Pixels, *, size: int = 24, lines: int = 3, style: Style | None = None, seed: int = 0
) -> tuple[Pixels, Mask, Style]:
    """A photograph with lines of words written over it, anti-aliased, and where that changed it.

    Parameters
    ----------
    photo : uint8 (H, W) or (H, W, 3); grey pictures get the colour's grey.
    size : the font's in pixels (>= 6), where no ``style`` says it.
    lines : at most so many, each at a place of its own.
    style : how the words look; None draws font, colour, outline, shadow and opacity (0.85 to 1) from the seed. A random
        colour differs by 64 or more in some channel from three quarters of what lies under the words, where one of
        fifty does: a writer chooses what can be read.
    seed : of words, places and style.

    Returns
    -------
    damaged : uint8, as ``photo``.
    truth : bool (H, W), every pixel that differs from the photograph, by however little.
    style : the one used.

    Raises
    ------
    ValueError : a photograph of another type or shape, or a font that is not in ``fonts()``.

    Examples
    --------
    >>> damaged, truth, style = caption(np.full((60, 200, 3), 90, np.uint8), size=20, seed=1)
    >>> bool(truth.any()), bool((damaged[~truth] == 90).all()), style.size
    (True, True, 20)
    """
    _check_photo(photo)
    rng = np.random.default_rng(seed)
    known = fonts()
    if style is not None and style.font not in known:
        raise ValueError(f"font is {style.font!r}: choose one of {', '.join(known)}")
    font = style.font if style else str(rng.choice(list(known)))
    size = style.size if style else size
    cover = np.zeros(photo.shape[:2], np.float32)
    rows = rng.permutation(max(1, photo.shape[0] // max(1, round(1.4 * size))))[:lines]
    for row in rows:
        ink = _line(known[font], size, photo.shape[1], rng)
        left = int(rng.integers(max(1, photo.shape[1] - ink.shape[1])))
        _paste(cover, ink, round(1.4 * size * row + 0.15 * size), left)
    if style is None:
        style = _random_style(rng, photo, cover, size, font)
    damaged = _blend(photo, cover, style)
    return damaged, changed(photo, damaged), style


def date_stamp(photo: Pixels, *, size: int = 24, seed: int = 0) -> tuple[Pixels, Mask]:
    """A photograph with the date a camera burnt in, seven-segment digits that glow, and where that changed it.

    Parameters
    ----------
    photo : uint8 (H, W) or (H, W, 3).
    size : the digits' height in pixels (>= 8).
    seed : of date, colour and place near a corner.
    """
    _check_photo(photo)
    rng = np.random.default_rng(seed)
    date = f"{rng.integers(1, 13):2d} {rng.integers(1, 29):2d} '{rng.integers(80, 100)}"
    ink = _segments(date, size)
    cover = np.zeros(photo.shape[:2], np.float32)
    margin = max(2, size // 2)
    down, right = (max(0, cover.shape[axis] - ink.shape[axis] - 2 * margin) for axis in (0, 1))
    low, far = rng.random(2) < 0.8
    _paste(cover, ink, margin + down * low, margin + right * far)
    colour = ((255, 120, 30), (255, 170, 60), (250, 70, 40), (255, 230, 120))[rng.integers(4)]
    glow = np.asarray(cv2.GaussianBlur(cover, (0, 0), float(np.clip(size / 24, 0.7, 2))), np.float32)
    damaged = _mixed(photo, np.maximum(cover, 0.6 * glow), colour)
    return damaged, changed(photo, damaged)


def scratched(photo: Pixels, *, number: int = 8, max_width: float = 5.0, seed: int = 0) -> tuple[Pixels, Mask]:
    """A photograph with scratches over it, and where they changed it.

    Each scratch is bright or dark, straight or curved, 0.8 to ``max_width`` pixels wide, its edge sharp or soft; it
    covers 0.6 to 1 of what it crosses, more or less along its way, and one in three is broken.

    Parameters
    ----------
    photo : uint8 (H, W) or (H, W, 3).
    number : of scratches.
    max_width : between the points of half coverage, in pixels (>= 0.8).
    seed : of everything.

    Returns
    -------
    damaged : uint8, as ``photo``.
    truth : bool (H, W), every pixel that differs from the photograph, by however little.

    Examples
    --------
    >>> damaged, truth = scratched(np.full((80, 90), 120, np.uint8), number=2, seed=1)
    >>> bool(truth.any()), bool((damaged[~truth] == 120).all())
    (True, True)
    """
    _check_photo(photo)
    rng = np.random.default_rng(seed)
    damaged = photo
    for _ in range(number):
        length = max(photo.shape) * rng.uniform(0.15, 1)
        along = np.arange(0, length, 0.25) / length - 0.5
        bend = rng.normal(0, 0.4) if rng.random() < 0.6 else 0.0
        angle = rng.uniform(0, np.pi) + bend * along + rng.normal(0, 0.02) * np.sin(12 * along)
        middle = rng.uniform(0, 1, 2) * photo.shape[1::-1]
        steps = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 0.25
        way = np.cumsum(steps, axis=0)
        way += middle - way[len(way) // 2]  # X, Y, (N, 2)
        strength = rng.uniform(0.6, 1) + 0.15 * np.sin(2 * np.pi * (rng.uniform(0.5, 3) * along + rng.random()))
        if rng.random() < 1 / 3:
            strength = strength * (np.sin(2 * np.pi * (rng.uniform(3, 9) * along + rng.random())) > -0.7)
        strength *= np.clip((0.5 - np.abs(along)) * length / 6, 0, 1)  # runs out at both ends
        width, edge = rng.uniform(0.8, max_width), rng.uniform(1, 2.5)
        cover = ridge(photo.shape[:2], way, np.clip(strength, 0, 1), width, edge)
        damaged = _mixed(damaged, cover, _wear(rng))
    return damaged, changed(photo, damaged)


def dusty(photo: Pixels, *, number: int = 60, max_size: float = 12.0, seed: int = 0) -> tuple[Pixels, Mask]:
    """A photograph with dust on it, and where that changed it.

    Spots are bright or dark, all of one picture alike, 1.5 to ``max_size`` pixels across and small ones the more
    numerous, round or ragged, with soft edges; each covers 0.7 to 1 of what it lies on.

    Parameters
    ----------
    photo : uint8 (H, W) or (H, W, 3).
    number : of spots.
    max_size : of a spot, in pixels (>= 1.5).
    seed : of everything.
    """
    _check_photo(photo)
    rng = np.random.default_rng(seed)
    height, width = photo.shape[:2]
    cover = np.zeros((height, width), np.float32)
    reach = math.ceil(max_size) + 2
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    for _ in range(number):
        across = 1.5 * (max_size / 1.5) ** (rng.random() ** 2)
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        top, left = int(y), int(x)
        away_x, away_y = right - (x - left), down - (y - top)
        turn = np.arctan2(away_y, away_x)
        ragged = 1 + sum(rng.normal(0, 0.12) * np.cos(k * turn + rng.uniform(0, 7)) for k in (2, 3, 5))
        spot = np.clip((across / 2 * ragged - np.hypot(away_x, away_y)) / rng.uniform(1, 2) + 0.5, 0, 1)
        padded = np.zeros((height + 2 * reach, width + 2 * reach), np.float32)
        padded[top : top + 2 * reach + 1, left : left + 2 * reach + 1] = rng.uniform(0.7, 1) * spot
        np.maximum(cover, padded[reach:-reach, reach:-reach], out=cover)
    damaged = _mixed(photo, cover, _wear(rng))
    return damaged, changed(photo, damaged)


def changed(photo: Pixels, damaged: Pixels) -> Mask:
    """Where two pictures of one shape, (H, W) or (H, W, C), differ in any channel: bool (H, W)."""
    differs: Mask = (photo != damaged).reshape(*photo.shape[:2], -1).any(axis=2)
    return differs


def _check_photo(photo: Pixels) -> None:
    if photo.dtype != np.uint8 or not (photo.ndim == 2 or (photo.ndim == 3 and photo.shape[2] == 3)):
        raise ValueError(f"photo is {photo.dtype} {photo.shape}: expected uint8, (H, W) or (H, W, 3)")


def _random_style(rng: np.random.Generator, photo: Pixels, cover: Image, size: int, font: str) -> Style:
    """A random style, in a readable colour."""
    under = np.atleast_3d(photo)[cover > 0.5].astype(int)  # (N, C)
    opacity = float(rng.uniform(0.85, 1)) if rng.random() < 0.5 else 1.0
    for _ in range(50):
        if rng.random() < 0.4:
            colour = ((255, 255, 255), (0, 0, 0), (255, 232, 60))[rng.integers(3)]
        else:
            red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.2, 1), rng.uniform(0.2, 1))
            colour = round(255 * red), round(255 * green), round(255 * blue)
        off = np.abs(under - _tone(colour, photo)).max(axis=1) if len(under) else np.array([255])
        if np.percentile(off, 25) >= 64:
            break
    dark = np.dot(colour, _LUMA) > 110
    rim = (0, 0, 0) if dark else (255, 255, 255)
    look = rng.choice(["plain", "outline", "shadow", "both"], p=[0.4, 0.25, 0.25, 0.1])
    outline = max(1, round(size / 16)) if look in ("outline", "both") else 0
    shadow = max(1, round(size / 14)) if look in ("shadow", "both") else 0
    blur = float(rng.choice([0, size / 40])) if shadow else 0.0
    return Style(size, font, colour, rim, outline, shadow, blur, opacity)


def _line(ink: Ink, size: int, width: int, rng: np.random.Generator) -> Image:
    """Random words in one line that fits into a width; one word, cut where nothing else fits."""
    words = rng.choice(WORDS, 12)
    line = ink(str(words[0]), size)
    for number in range(2, int(rng.integers(2, 12))):
        longer = ink(" ".join(words[:number]), size)
        if longer.shape[1] > width:
            break
        line = longer
    return line[:, :width]


def _paste(cover: Image, ink: Image, top: int, left: int) -> None:
    """Lay coverage down at a place, cut at the picture's border."""
    seen = ink[: max(0, cover.shape[0] - top), : max(0, cover.shape[1] - left)]
    part = cover[top : top + seen.shape[0], left : left + seen.shape[1]]
    np.maximum(part, seen, out=part)


def _wear(rng: np.random.Generator) -> tuple[int, int, int]:
    """The colour of a scratch or of dust: nearly white or nearly black."""
    level = int(rng.choice([25, 235])) + int(rng.integers(-10, 11))
    red, green, blue = (int(channel) for channel in np.clip(level + rng.integers(-6, 7, 3), 0, 255))
    return red, green, blue


def ridge(shape: tuple[int, int], way: NDArray[Any], strength: NDArray[Any], width: float, edge: float) -> Image:
    """Coverage of a line: ``way`` its points X, Y (N, 2), ``strength`` in [0, 1] at each, both widths in pixels."""
    from scipy.spatial import cKDTree

    near = np.zeros(shape, np.uint8)
    reach = math.ceil(width / 2 + edge) + 1
    cv2.polylines(near, [np.rint(way[::4]).astype(np.int32)], False, (1,), 2 * reach + 1)
    rows, columns = np.nonzero(near)
    away, index = cKDTree(way).query(np.stack([columns, rows], axis=1))
    profile = np.clip((width / 2 - away) / edge + 0.5, 0, 1)
    cover = np.zeros(shape, np.float32)
    cover[rows, columns] = profile * strength[index]
    return cover


def _blend(photo: Pixels, cover: Image, style: Style) -> Pixels:
    """Shadow, outline and words laid over a photograph."""
    body = cover
    if style.outline:
        side = 2 * style.outline + 1
        body = np.asarray(cv2.dilate(cover, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))), np.float32)
    under = body
    if style.shadow:
        fallen = np.zeros_like(body)
        fallen[style.shadow :, style.shadow :] = body[: -style.shadow, : -style.shadow]
        if style.blur:
            fallen = np.asarray(cv2.GaussianBlur(fallen, (0, 0), style.blur), np.float32)
        under = np.maximum(body, fallen)
    damaged = photo
    if style.outline or style.shadow:
        damaged = _mixed(damaged, under * style.opacity, style.rim)
    return _mixed(damaged, cover * style.opacity, style.colour)


def _mixed(photo: Pixels, cover: Image, colour: tuple[int, int, int]) -> Pixels:
    """A photograph mixed with a colour where it is covered, coverage in [0, 1], (H, W)."""
    share = cover if photo.ndim == 2 else cover[..., None]
    mixed = photo + share * (_tone(colour, photo).astype(np.float32) - photo)
    return np.rint(mixed).astype(np.uint8)


def _tone(colour: tuple[int, int, int], photo: Pixels) -> NDArray[np.float64]:
    """A colour as the photograph's channels hold it."""
    return np.array(colour, np.float64) if photo.ndim == 3 else np.array([np.dot(colour, _LUMA)])


def _pillow(words: str, size: int, path: Path | None) -> Image:
    font = ImageFont.truetype(path, size) if path else ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(words)
    canvas = PILImage.new("L", (max(1, math.ceil(right - left)), max(1, math.ceil(bottom - top))))
    ImageDraw.Draw(canvas).text((-left, -top), words, fill=255, font=font)
    return _trimmed(np.asarray(canvas))


def _opencv(words: str, size: int, face: str) -> Image:
    canvas = np.zeros((2 * size, size * (len(words) + 1)), np.uint8)
    # Without a weight the font takes that of whatever was drawn before, letter by letter.
    cv2.putText(canvas, words, (size // 2, round(1.4 * size)), (255,), cv2.FontFace(face), size, _REGULAR)
    return _trimmed(canvas)


def _hershey(words: str, size: int, face: int) -> Image:
    scale = size / 30  # capitals are 21 units high: 0.7 of the size, as in other fonts
    canvas = np.zeros((2 * size, size * (len(words) + 1)), np.uint8)
    thickness = max(1, round(size / 14))
    cv2.putText(canvas, words, (size // 2, round(1.4 * size)), face, scale, (255,), thickness, cv2.LINE_AA)
    return _trimmed(canvas)


def _trimmed(canvas: Pixels) -> Image:
    """Coverage without its empty border."""
    rows, columns = np.flatnonzero(canvas.any(axis=1)), np.flatnonzero(canvas.any(axis=0))
    return _share(canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _share(canvas: NDArray[Any]) -> Image:
    """Coverage in [0, 1] of one in 8 bits."""
    return np.asarray(canvas / 255, np.float32)


def _segments(date: str, size: int) -> Image:
    """Seven-segment digits, ``size`` pixels high, drawn four times as large."""
    fine = 4
    high, wide, thick = fine * size, fine * size // 2, max(fine, round(0.13 * fine * size))
    pitch = wide + 2 * thick
    canvas = np.zeros((high + 2 * thick, pitch * len(date) + 2 * thick), np.uint8)
    for index, letter in enumerate(date):
        for number, (x0, y0, x1, y1) in enumerate(SEGMENTS):
            if number in LIT[letter]:
                start = thick + index * pitch + round(x0 * wide), thick + round(y0 * high)
                end = thick + index * pitch + round(x1 * wide), thick + round(y1 * high)
                cv2.line(canvas, start, end, (255,), thick)
    return _share(cv2.resize(canvas, None, fx=1 / fine, fy=1 / fine, interpolation=cv2.INTER_AREA))
