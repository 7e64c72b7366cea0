"""Lost pixels: whole-image PSNR of methods over a folder of grey pictures, each pixel lost with the same probability.

    python -m inpaintkit.benchmarks.studies.bernoulli FOLDER [--methods ple,biharmonic] [--loss 0.5] [...]

"composited" is the PSNR of the result as a user gets it, known pixels exact; "raw" of the method's own float answer,
clipped to [0, 1] and neither rounded nor composited, for methods that change known pixels (ours do not, so that theirs
differs by rounding only). Deep Image Prior's figures are those of its paper (Ulyanov et al. 2018, table 1, 50 % lost,
raw), shown for pictures whose file name begins as theirs does.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np

from inpaintkit import InpaintWarning, inpaint, registry, threads
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.files import read
from inpaintkit.problem import Problem

DIP = {
    "barbara": 32.22,
    "boat": 33.06,
    "house": 39.16,
    "lena": 36.16,
    "peppers": 33.05,
    "cameraman": 29.8,
    "couple": 32.52,
    "finger": 32.84,
    "hill": 32.77,
    "man": 32.20,
    "montage": 34.54,
}


def published(name: str) -> float | None:
    """Deep Image Prior's figure for a picture of this name, if there is one."""
    return next((value for key, value in DIP.items() if name.lower().startswith(key)), None)


def main() -> None:
    """Print a Markdown table: raw and composited PSNR and seconds of each method, a row per picture, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="grey pictures")
    parser.add_argument("--methods", default="ple,biharmonic", help="our methods, by name")
    parser.add_argument("--loss", type=float, default=0.5, help="probability of a pixel's loss")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="threads of a fill; all cores when left out")
    options = parser.parse_args()
    names = options.methods.split(",")
    warnings.simplefilter("ignore", InpaintWarning)  # half the picture is lost, and that is meant
    cells = " | ".join(f"{name}: raw | composited | s" for name in names)
    print(f"| whole-image PSNR, dB | DIP, raw | {cells} |\n|---|---|{'---|---|---|' * len(names)}")
    rows: list[list[float]] = []
    for path in sorted(options.folder.iterdir()):
        image = read(path)
        image = image[..., 0] if image.ndim == 3 else image
        hole = np.random.default_rng(options.seed).random(image.shape) < options.loss
        peer = published(path.stem)
        row = [np.nan if peer is None else peer]
        for name in names:
            if not rows:
                inpaint(image[:64, :64], hole[:64, :64], name)  # compiles
            began = time.perf_counter()
            filled = inpaint(image, hole, name, threads=options.threads)
            seconds = time.perf_counter() - began
            with threads.limit(options.threads):
                problem = Problem.create((image[..., None] / 255).astype(np.float32), hole)
                raw = np.clip(registry.find(name).load()(problem)[..., 0], 0, 1) * 255
            whole = np.ones_like(hole)
            row += [hole_psnr(raw, image, whole), hole_psnr(filled, image, whole), seconds]
        rows.append(row)
        print(f"| {path.stem} | " + " | ".join(f"{value:.2f}" for value in row) + " |", flush=True)
    print("| **mean** | " + " | ".join(f"**{value:.2f}**" for value in np.mean(rows, axis=0)) + " |")


if __name__ == "__main__":
    main()
