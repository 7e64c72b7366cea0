"""The curves of a fit as one picture: loss on a logarithmic scale, and PSNR of held-out pixels, against steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Curve = tuple[str, NDArray[np.float64]]  # its name, and (n, 2): step and value

_SIZE = (720, 300)  # px, each panel
_MARGIN = (70, 30)  # px, left and right, above and below
_INK = ("#1f5fa8", "#c0392b", "#2e8b57", "#8e44ad", "#b7791f")


def draw(path: Path, panels: Sequence[tuple[str, Sequence[Curve]]]) -> None:
    """Write one panel below another, each a title and its curves.

    Raises ValueError where no panel has a curve with points.
    """
    filled = [(title, [curve for curve in curves if len(curve[1])]) for title, curves in panels]
    filled = [(title, curves) for title, curves in filled if curves]
    if not filled:
        raise ValueError("nothing to plot: no region was filled by a method that notes curves, such as dip")
    sheet = Image.new("RGB", (_SIZE[0], _SIZE[1] * len(filled)), "white")
    for number, (title, curves) in enumerate(filled):
        panel = Image.new("RGB", _SIZE, "white")
        _panel(ImageDraw.Draw(panel), title, curves)
        sheet.paste(panel, (0, number * _SIZE[1]))
    sheet.save(path)


def _panel(pen: ImageDraw.ImageDraw, title: str, curves: Sequence[Curve]) -> None:
    points = np.concatenate([curve for _, curve in curves])
    (left, low), (right, high) = points.min(axis=0), points.max(axis=0)
    right, high = max(right, left + 1), high if high > low else low + 1
    width, height = _SIZE[0] - 2 * _MARGIN[0], _SIZE[1] - 2 * _MARGIN[1]

    def at(step: float, value: float) -> tuple[float, float]:
        across, up = (step - left) / (right - left), (value - low) / (high - low)
        return _MARGIN[0] + across * width, _SIZE[1] - _MARGIN[1] - up * height

    pen.text((_MARGIN[0], 8), title, fill="black")
    for value in _ticks(low, high):
        pen.line([at(left, value), at(right, value)], fill="#dddddd")
        pen.text((8, at(left, value)[1] - 6), f"{value:g}", fill="black")
    for step in _ticks(left, right):
        pen.line([at(step, low), at(step, high)], fill="#dddddd")
        pen.text((at(step, low)[0] - 10, _SIZE[1] - _MARGIN[1] + 6), f"{step:g}", fill="black")
    for number, (name, curve) in enumerate(curves):
        ink = _INK[number % len(_INK)]
        pen.line([at(*point) for point in curve.tolist()], fill=ink, width=2)
        if len(curves) > 1:
            pen.text((_SIZE[0] - _MARGIN[0] + 4, _MARGIN[1] + 14 * number), name, fill=ink)


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers from ``low`` to ``high``."""
    rough = (high - low) / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * unit for unit in (1, 2, 5, 10) if power * unit >= rough)
    return [round(number * step, 12) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
