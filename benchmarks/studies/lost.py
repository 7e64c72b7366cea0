"""Text, scratches and lost pixels: our methods beside OpenCV's frequency-selective reconstruction, in turn.

    python -m inpaintkit.benchmarks.studies.lost [--methods fsr,...] [--peer-python PATH] [--mode FAST|BEST] [...]

The peer is ``cv2.xphoto.inpaint`` of opencv-contrib-python 4, which cannot share a process with OpenCV 5: PATH is the
Python of an environment that has it. A worker there reads pictures and holes from a folder and answers one request at
a time, so that the two sides run alternately; reading and starting are not counted. Without PATH our side runs alone.
Times are medians; the compiling call is thrown away. Chelsea is smooth: there the biharmonic fill is the measure, too.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit import inpaint
from inpaintkit.api import versions
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.benchmarks.protocols import drop
from inpaintkit.benchmarks.studies.quality import cases, photographs
from inpaintkit.files import read
from inpaintkit.problem import Mask

_PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")

# OpenCV's order of colours is blue, green, red; its mask is 255 where a pixel is known.
_WORKER = """
import sys, time, cv2, numpy as np
mode = getattr(cv2.xphoto, "INPAINT_FSR_" + sys.argv[2])
print(cv2.__version__, flush=True)
for line in sys.stdin:
    name = line.strip()
    photo, hole = np.load(f"{sys.argv[1]}/{name}-photo.npy"), np.load(f"{sys.argv[1]}/{name}-hole.npy")
    damaged = np.ascontiguousarray(np.where(hole[..., None], 0, photo)[..., ::-1].astype(np.uint8))
    known, filled = (~hole).astype(np.uint8) * 255, np.zeros_like(damaged)
    began = time.perf_counter()
    cv2.xphoto.inpaint(damaged, known, filled, mode)
    seconds = time.perf_counter() - began
    np.save(f"{sys.argv[1]}/{name}-filled.npy", filled[..., ::-1])
    print(seconds, flush=True)
"""


class Peer:
    """OpenCV's xphoto in a process of another environment."""

    def __init__(self, python: str, mode: str, folder: str) -> None:
        line = [python, "-c", _WORKER, folder, mode]
        self._process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._folder = Path(folder)
        self.name = f"xphoto {self._answer()} FSR_{mode}"

    def fill(self, photo: NDArray[np.uint8], hole: Mask) -> tuple[NDArray[np.uint8], float]:
        """The filled picture, and the seconds it took."""
        np.save(self._folder / "case-photo.npy", photo)
        np.save(self._folder / "case-hole.npy", hole)
        assert self._process.stdin is not None
        self._process.stdin.write("case\n")
        self._process.stdin.flush()
        seconds = float(self._answer())
        return np.load(self._folder / "case-filled.npy"), seconds

    def close(self) -> None:
        """End the worker."""
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().strip()
        if not answer:
            raise SystemExit("the peer's Python ended: does it have opencv-contrib-python 4?")
        return answer


def ours(method: str, photo: NDArray[np.uint8], hole: Mask) -> tuple[NDArray[np.uint8], float]:
    """The filled picture, and the seconds it took."""
    began = time.perf_counter()
    filled: NDArray[np.uint8] = inpaint(photo, hole, method)
    return filled, time.perf_counter() - began


def damaged(images: Path | None) -> Iterator[tuple[str, NDArray[np.uint8], Mask]]:
    """(name, photograph, hole): text of two sizes, scratches, and half of the pixels lost."""
    photos = (
        [(path.stem, read(path)) for path in sorted(images.iterdir())]
        if images
        else [(name, photo) for name, photo in photographs() if name in _PHOTOS]
    )
    for name, photo in photos:
        yield from cases(iter([(name, photo)]))
        yield f"{name}, half lost", photo, drop(photo.shape[:2], share=0.499, seed=4)


def main() -> None:
    """Print a Markdown table: a row per case, with each side's PSNR and seconds, then the worst of each comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="a folder of PNG or JPEG photographs instead of scikit-image's")
    parser.add_argument("--methods", default="fsr", help="our methods, by name; the first is compared")
    parser.add_argument("--peer-python", help="the Python of an environment with opencv-contrib-python 4")
    parser.add_argument("--mode", default="FAST", choices=("FAST", "BEST"), help="of the peer")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    names = [*options.methods.split(","), "biharmonic"]
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(options.peer_python, options.mode, folder) if options.peer_python else None
        sides: dict[str, Any] = {name: lambda *case, name=name: ours(name, *case) for name in names}
        if peer:
            sides[peer.name] = peer.fill
        try:
            compare(sides, options)
        finally:
            if peer:
                peer.close()


def compare(sides: dict[str, Any], options: argparse.Namespace) -> None:
    """Run all cases and print them."""
    first, other = next(iter(sides)), list(sides)[-1]
    print(", ".join(f"{name} {version}" for name, version in versions().items()), "\n")
    print("| case | hole | " + " | ".join(sides) + f" | dB above {other} | times as fast |")
    print("|---" * (len(sides) + 4) + "|")
    for fill in sides.values():
        fill(np.zeros((64, 64, 3), np.uint8), np.eye(64, dtype=bool))
    gains, ratios = [], []
    for name, photo, hole in damaged(options.images):
        taken: dict[str, list[float]] = {side: [] for side in sides}
        decibels = {}
        for _ in range(options.repeats):
            for side, fill in sides.items():
                filled, seconds = fill(photo, hole)
                taken[side].append(seconds)
                decibels[side] = hole_psnr(filled, photo, hole)
        middle = {side: statistics.median(seconds) for side, seconds in taken.items()}
        gains.append(decibels[first] - decibels[other])
        ratios.append(middle[other] / middle[first])
        cells = [f"{decibels[side]:.2f} dB {middle[side]:.2f} s" for side in sides]
        print(f"| {name} | {hole.mean():.1%} | " + " | ".join(cells) + f" | {gains[-1]:+.2f} | {ratios[-1]:.1f} |")
    print(f"\n{first} against {other}: {np.mean(gains):+.2f} dB on the mean, {min(gains):+.2f} at worst; ", end="")
    print(f"{statistics.median(ratios):.1f} times as fast on the median, {min(ratios):.1f} at worst")


if __name__ == "__main__":
    main()
