"""``auto`` beside single methods: what it loses to the best of them, and how well it foretells its own error.

    python -m inpaintkit.benchmarks.studies.auto [--images DIR] [--qualities fast,balanced] [--methods ple,fsr,...]

Text, scratches and half of the pixels lost, drawn from seeds. Regret is the best single method's hole PSNR less
``auto``'s; what is foretold stands as its difference to what came.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit import inpaint
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.benchmarks.protocols import drop
from inpaintkit.benchmarks.studies.quality import photographs
from inpaintkit.damage import scratches, text
from inpaintkit.files import read
from inpaintkit.problem import Mask

_FOUR = ("astronaut", "coffee", "chelsea", "rocket")


def cases(photos: Iterator[tuple[str, NDArray[Any]]]) -> Iterator[tuple[str, NDArray[Any], Mask]]:
    """(name, photograph, hole) for each damage."""
    for name, photo in photos:
        shape = photo.shape[:2]
        yield f"{name}, text", photo, text(shape, size=20, share=0.19, seed=1)
        yield f"{name}, scratches", photo, scratches(shape, number=14, seed=3)
        yield f"{name}, half lost", photo, drop(shape, share=0.5, seed=4)


def main() -> None:
    """Print a row per case, then regret, foresight and gain over biharmonic for each quality."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="a folder of photographs instead of scikit-image's")
    parser.add_argument("--qualities", default="fast,balanced")
    parser.add_argument("--methods", default="ple,fsr,coherence,biharmonic", help="single methods, by name")
    given = parser.parse_args()
    if given.images:
        photos = ((path.stem, read(path)[..., :3]) for path in sorted(given.images.iterdir()))
    else:
        photos = ((name, photo) for name, photo in photographs() if name in _FOUR)
    singles, qualities = given.methods.split(","), given.qualities.split(",")
    print("| hole PSNR, dB | " + " | ".join(singles) + " | " + " | ".join(f"auto {dial}" for dial in qualities) + " |")
    print("|---" * (1 + len(singles) + len(qualities)) + "|")
    figures: dict[str, list[tuple[float, float, float]]] = {dial: [] for dial in qualities}
    for name, photo, hole in cases(photos):
        found = {single: hole_psnr(inpaint(photo, hole, single), photo, hole) for single in singles}
        cells = [f"{value:.2f}" for value in found.values()]
        for dial in qualities:
            began = time.perf_counter()
            filled, info = inpaint(photo, hole, quality=dial, return_info=True)
            seconds = time.perf_counter() - began
            psnr, told = hole_psnr(filled, photo, hole), info.expected_psnr
            gain = psnr - found.get("biharmonic", math.nan)
            figures[dial].append((max(found.values()) - psnr, math.nan if told is None else told - psnr, gain))
            pixels: Counter[str] = Counter()
            for region in info.regions:
                pixels[region.method] += region.pixels
            by = ", ".join(f"{method} {number / pixels.total():.0%}" for method, number in pixels.most_common())
            cells.append(f"{psnr:.2f} (foretold {told or math.nan:.1f}; {by}; {seconds:.2f} s)")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    print("\n| | regret, mean | regret, worst | foretold within 2 dB | above biharmonic, mean |\n|---|---|---|---|---|")
    for dial, rows in figures.items():
        regret, miss, gain = np.array(rows).T
        within = np.mean(np.abs(miss) <= 2)
        print(
            f"| auto {dial} | {regret.mean():.3f} dB | {regret.max():.3f} dB | {within:.0%} | {gain.mean():+.2f} dB |"
        )


if __name__ == "__main__":
    main()
