"""``auto`` beside single methods: what it loses to the best of them, and how well it estimates its own error.

    python -m inpaintkit.benchmarks.studies.auto [--images DIR] [--qualities fast,balanced] [--methods ple,fsr,...]

Text, scratches and half of the pixels lost. Regret is the best single method's hole PSNR less ``auto``'s; the PSNR that
``auto`` expects stands beside the one it reaches.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import partial

import numpy as np

from inpaintkit import Info, inpaint
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.benchmarks.studies._cases import FOUR, arguments, damaged, heading, photographs, row, timed


def main() -> None:
    """Print a row per case, then for each quality its regret, its estimates and its gain over biharmonic."""
    parser = arguments(__doc__, images=None, methods="ple,fsr,coherence,biharmonic")
    parser.add_argument("--qualities", default="fast,balanced")
    options = parser.parse_args()
    singles, qualities = options.methods.split(","), options.qualities.split(",")
    print(heading(["hole PSNR, dB", *singles, *(f"auto {quality}" for quality in qualities)]))
    figures: dict[str, list[tuple[float, float, float]]] = {quality: [] for quality in qualities}
    kinds = ("text 20 px", "scratches", "half lost")
    for name, photo, hole in damaged(photographs(options.images, FOUR), kinds):
        found = {single: hole_psnr(inpaint(photo, hole, single), photo, hole) for single in singles}
        cells = [f"{value:.2f}" for value in found.values()]
        for quality in qualities:
            (filled, info), seconds = timed(partial(inpaint, quality=quality, return_info=True), photo, hole)
            psnr, expected = hole_psnr(filled, photo, hole), info.expected_psnr
            expected = math.nan if expected is None else expected
            gain = psnr - found.get("biharmonic", math.nan)
            figures[quality].append((max(found.values()) - psnr, expected - psnr, gain))
            cells.append(f"{psnr:.2f} (expected {expected:.1f}; {_shares(info)}; {seconds:.2f} s)")
        print(row([name, *cells]), flush=True)
    print("\n" + heading(["", "regret, mean", "regret, worst", "expected within 2 dB", "above biharmonic, mean"]))
    for quality, rows in figures.items():
        regret, miss, gains = np.array(rows).T
        within = np.mean(np.abs(miss) <= 2)
        cells = [f"{regret.mean():.3f} dB", f"{regret.max():.3f} dB", f"{within:.0%}", f"{gains.mean():+.2f} dB"]
        print(row([f"auto {quality}", *cells]))


def _shares(info: Info) -> str:
    """The share of the hole that each method filled."""
    pixels: Counter[str] = Counter()
    for region in info.regions:
        pixels[region.method] += region.pixels
    return ", ".join(f"{method} {number / pixels.total():.0%}" for method, number in pixels.most_common())


if __name__ == "__main__":
    main()
