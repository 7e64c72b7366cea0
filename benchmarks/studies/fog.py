"""Did an edit cost quality? PSNR over the hole of every method, on photographs at full range and in fog.

    python -m inpaintkit.benchmarks.studies.fog [-o FILE] [--against FILE] [--methods NAME,NAME]

Fog leaves 20, 40 or 60 levels of 8 bits; the error counts from as many. Thin damage is text, scratches and lost pixels
on pieces of scikit-image's photographs, methods that copy fill boxes. Writes JSON, case -> dB; ``--against`` prints the
mean change of each method with its standard error. Another version of the code is measured by running this file:

    PYTHONPATH=OTHER_CHECKOUT python benchmarks/studies/fog.py -o before.json
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit import inpaint, methods
from inpaintkit.benchmarks import presets
from inpaintkit.benchmarks.protocols import drop
from inpaintkit.damage import scratches, text

Pixels = NDArray[Any]

LEVELS = (255, 60, 40, 20)  # of white above black
SIDE = {"transport": 110, "navier_stokes": 110}  # px; 160 for all others
BOX, BOXES = 34, ((20, 25), (90, 30), (60, 95))  # px: side, upper left corners
PRIOR = ("dip", "mnps")


def cases(method: str) -> Iterator[tuple[str, Pixels, NDArray[np.bool_]]]:
    """(name, piece of a photograph, hole)."""
    side = SIDE.get(method, 160)
    row = methods().get(method)
    for name, photo in presets.photographs():
        if photo.ndim < 3 or min(photo.shape[:2]) < 220:
            continue
        top, left = ((length - side) // 2 for length in photo.shape[:2])
        piece = np.ascontiguousarray(photo[top : top + side, left : left + side])
        if row and row.surround:
            for number, (y, x) in enumerate(BOXES):
                hole = np.zeros((side, side), np.bool_)
                hole[y : y + BOX, x : x + BOX] = True
                yield f"{name}, box {number}", piece, hole
            continue
        shape = (side, side)
        yield f"{name}, text", piece, text(shape, size=18, share=0.15, seed=1)
        yield f"{name}, scratches", piece, scratches(shape, number=5, seed=3)
        yield f"{name}, half lost", piece, drop(shape, share=0.5, seed=4)


def measured(names: list[str]) -> dict[str, float]:
    """Case -> dB."""
    found = {}
    for method in names:
        for name, piece, hole in cases(method):
            for levels in LEVELS:
                truth = piece if levels == 255 else np.rint(80 + piece.astype(float) * levels / 255).astype(np.uint8)
                error = (inpaint(truth, hole, method)[hole].astype(float) - truth[hole]) / levels
                found[f"{method} | {levels} | {name}"] = float(-10 * np.log10(max(np.mean(error**2), 1e-10)))
    return found


def compare(before: dict[str, float], after: dict[str, float]) -> None:
    """Print a row for each method: mean change and its standard error for each number of levels."""
    print(f"| method | {' | '.join(f'{levels} levels' for levels in LEVELS)} |\n|{'---|' * (len(LEVELS) + 1)}")
    for method in dict.fromkeys(case.split(" | ")[0] for case in after):
        cells = []
        for levels in LEVELS:
            start = f"{method} | {levels} | "
            gain = np.array([after[case] - before[case] for case in after if case.startswith(start) and case in before])
            cells.append(f"{gain.mean():+.3f} ± {gain.std() / max(1, len(gain)) ** 0.5:.3f}" if len(gain) else "")
        print(f"| `{method}` | {' | '.join(cells)} |")


def main() -> None:
    """Measure, write, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--against", type=Path, help="what another version wrote")
    parser.add_argument("--methods", default=",".join(("auto", *(name for name in methods() if name not in PRIOR))))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # half lost is meant
    found = measured(arguments.methods.split(","))
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=1))
    if arguments.against:
        compare(json.loads(arguments.against.read_text()), found)


if __name__ == "__main__":
    main()
