"""Hole PSNR of every method beside OpenCV's and scikit-image's, on scikit-image's colour photographs.

    python -m inpaintkit.benchmarks.studies.quality [--images DIR] [--methods telea,...] [--radius R]

Damage is drawn from seeds: two sizes of text and scratches. Losses stand beside wins.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
import skimage.restoration
from numpy.typing import NDArray

from inpaintkit import inpaint, methods
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.damage import scratches, text
from inpaintkit.files import read
from inpaintkit.problem import Mask

Pixels = NDArray[np.uint8]
Fill = Callable[[Pixels, Mask], Any]


def photographs() -> Iterator[tuple[str, Pixels]]:
    """Scikit-image's colour photographs that need no download."""
    yield "astronaut", skimage.data.astronaut()
    yield "coffee", skimage.data.coffee()
    yield "chelsea", skimage.data.chelsea()
    yield "rocket", skimage.data.rocket()
    retina = cv2.resize(skimage.data.retina(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    yield "retina", np.asarray(retina, np.uint8)
    yield "motorcycle", skimage.data.stereo_motorcycle()[0]


def cases(photos: Iterator[tuple[str, Pixels]]) -> Iterator[tuple[str, Pixels, Mask]]:
    """(name, photograph, hole) for each damage."""
    for name, photo in photos:
        shape = photo.shape[:2]
        yield f"{name}, text 20 px", photo, text(shape, size=20, share=0.19, seed=1)
        yield f"{name}, text 36 px", photo, text(shape, size=36, share=0.19, seed=2)
        yield f"{name}, scratches", photo, scratches(shape, number=14, seed=3)


def unaided() -> list[str]:
    """``auto`` and the methods that need no extra."""
    return ["auto", *(name for name, row in methods().items() if not row.needs)]


def contestants(names: list[str], radius: float) -> dict[str, Fill]:
    """Our methods by name, then the peers."""

    def ours(name: str) -> Fill:
        return lambda photo, hole: inpaint(photo, hole, name)

    def peer(flag: int) -> Fill:
        return lambda photo, hole: cv2.inpaint(photo, hole.astype(np.uint8), radius, flag)

    fills: dict[str, Fill] = {name: ours(name) for name in names}
    fills[f"cv2 telea r={radius:g}"] = peer(cv2.INPAINT_TELEA)
    fills[f"cv2 ns r={radius:g}"] = peer(cv2.INPAINT_NS)
    fills["skimage biharmonic"] = lambda photo, hole: np.rint(
        skimage.restoration.inpaint_biharmonic(photo, hole, channel_axis=-1, split_into_regions=True) * 255
    )
    return fills


def main() -> None:
    """Print a Markdown table: a row per case, means, seconds, and each method's difference to OpenCV's two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="a folder of PNG or JPEG photographs instead of scikit-image's")
    parser.add_argument("--methods", default=",".join(unaided()), help="our methods, by name")
    parser.add_argument("--radius", type=float, default=5.0, help="OpenCV's radius; ours keep their defaults")
    options = parser.parse_args()
    photos = ((path.stem, read(path)) for path in sorted(options.images.iterdir())) if options.images else photographs()
    fills = contestants(options.methods.split(","), options.radius)
    packages = ("opencv-python-headless", "scikit-image", "numba")
    print("versions:", ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages), "\n")
    print("| hole PSNR, dB | hole | " + " | ".join(fills) + " |")
    print("|---|---|" + "---|" * len(fills))
    rows: list[list[float]] = []
    seconds = np.zeros(len(fills))
    compile_for = np.eye(64, dtype=bool)
    for fill in fills.values():
        fill(np.zeros((64, 64, 3), np.uint8), compile_for)
    for name, photo, hole in cases(photos):
        rows.append([])
        for index, fill in enumerate(fills.values()):
            began = time.perf_counter()
            filled = fill(photo.copy(), hole)
            seconds[index] += time.perf_counter() - began
            rows[-1].append(hole_psnr(filled, photo, hole))
        print(f"| {name} | {hole.mean():.1%} | " + " | ".join(f"{value:.2f}" for value in rows[-1]) + " |", flush=True)
    table = np.array(rows)
    print("| **mean** | | " + " | ".join(f"**{value:.2f}**" for value in table.mean(axis=0)) + " |")
    print("| seconds a picture | | " + " | ".join(f"{value:.2f}" for value in seconds / len(rows)) + " |\n")
    peers = [name for name in fills if name.startswith("cv2")]
    print("| dB above | " + " | ".join(f"{peer}: mean | least | most" for peer in peers) + " |")
    print("|---" * (1 + 3 * len(peers)) + "|")
    for index, name in enumerate(options.methods.split(",")):
        gains = [table[:, index] - table[:, list(fills).index(peer)] for peer in peers]
        cells = [f"{value:+.2f}" for gain in gains for value in (gain.mean(), gain.min(), gain.max())]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
