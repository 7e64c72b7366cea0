"""Does a picture's unit matter? fill(s x + t) beside s fill(x) + t, for every method.

A piece of astronaut with text and scratches (methods that copy: a box) is filled as it is, and again in other types and
units. Each cell is the largest difference, as a share of the picture's range, and where that exceeds a thousandth the
share of the hole's pixels that do.

    python -m inpaintkit.benchmarks.studies.units [METHOD ...]
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import skimage.data
from numpy.typing import NDArray

import inpaintkit
from inpaintkit import damage, inpaint, methods

SIDE = 96
UNITS = {  # name -> type, scale, offset
    "0..1": ("float32", 1 / 255, 0.0),
    "0..1, half": ("float16", 1 / 255, 0.0),
    "12 bits in 16": ("uint16", 16.0, 0.0),
    "reflectance 0.01..0.03": ("float32", 0.02 / 255, 0.01),
    "mm, int16": ("int16", 40.0, -5000.0),
    "negative": ("float64", 1 / 255, -300.0),
    "1e-6": ("float32", 1e-6 / 255, 0.0),
    "1e6": ("float32", 1e6 / 255, 0.0),
}


def main(names: list[str]) -> None:
    """Print one row for each method."""
    print(f"| method | uint8 | {' | '.join(UNITS)} |")
    print("|" + "---|" * (len(UNITS) + 2))
    photo = skimage.data.astronaut()[40 : 40 + SIDE, 160 : 160 + SIDE]
    for name in names or ["auto", *methods()]:
        row = methods().get(name)
        hole = _hole(bool(row and row.surround))
        options: dict[str, Any] = dict(row.quick) if row else {}
        expected = inpaint(photo.astype(np.float64), hole, name, **options)
        cells = [_cell(inpaint(photo, hole, name, **options), expected, hole, "uint8", 1.0, 0.0)]
        for dtype, scale, offset in UNITS.values():
            values = photo * scale + offset
            try:
                result = inpaint(values.astype(dtype), hole, name, **options)
            except TypeError:
                cells.append("refused")
                continue
            cells.append(_cell(result, expected, hole, dtype, scale, offset))
        print(f"| `{name}` | {' | '.join(cells)} |", flush=True)


def _hole(copies: bool) -> NDArray[np.bool_]:
    hole = np.zeros((SIDE, SIDE), np.bool_)
    if copies:
        hole[36:56, 36:60] = True
        return hole
    strokes: NDArray[np.bool_] = damage.text((SIDE, SIDE), size=18, seed=1)
    return strokes | damage.scratches((SIDE, SIDE), number=2, max_width=3, seed=1)


def _cell(
    result: NDArray[Any], expected: NDArray[Any], hole: NDArray[np.bool_], dtype: str, scale: float, offset: float
) -> str:
    wanted = expected * scale + offset
    rounding = 0.0
    if np.dtype(dtype).kind in "ui":
        wanted, rounding = wanted.clip(np.iinfo(dtype).min, np.iinfo(dtype).max), 0.5 / scale / 255
    away = np.abs(result.astype(np.float64) - wanted)[hole].max(axis=1) / scale / 255 - rounding
    share = float((away > 1e-3).mean())
    return f"{max(away.max(), 0):.4f}" + (f" ({share:.1%})" if share else "")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(f"inpaintkit of {inpaintkit.__path__[0]}", file=sys.stderr)
    main(sys.argv[1:])
