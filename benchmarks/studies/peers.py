"""Text, scratches and lost pixels: hole PSNR and seconds of our methods and of OpenCV's and scikit-image's, in turn.

    python -m inpaintkit.benchmarks.studies.peers [--methods fsr,...] [--peers opencv,scikit-image] [--kinds A,B] [...]
    python -m inpaintkit.benchmarks.studies.peers --methods fsr,ple,biharmonic --peer-python PATH [--mode FAST|BEST]

``--peer-python`` adds ``cv2.xphoto.inpaint`` of opencv-contrib-python 4, which cannot share a process with OpenCV 5:
PATH is the Python of an environment that has it. A worker there reads pictures and holes from a folder and answers one
request at a time, so that all sides run alternately; reading and starting are not counted. Times are medians; the
compiling call does not count. The tables at the end compare each method with each peer, losses beside wins.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.benchmarks.studies._cases import (
    DAMAGE,
    Fill,
    Pixels,
    arguments,
    damaged,
    heading,
    in_bytes,
    opencv,
    ours,
    photographs,
    row,
    scikit_image,
    timed,
    versions_line,
)
from inpaintkit.problem import Mask

Side = Callable[[Pixels, Mask], tuple[Pixels, float]]  # the filled picture and the seconds it took

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


class Xphoto:
    """OpenCV's xphoto in a process of another environment."""

    def __init__(self, python: str, mode: str, folder: str) -> None:
        line = [python, "-c", _WORKER, folder, mode]
        self._process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._folder = Path(folder)
        self.name = f"xphoto {self._answer()} FSR_{mode}"

    def fill(self, photo: Pixels, hole: Mask) -> tuple[Pixels, float]:
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


def main() -> None:
    """Print a row per case, the means, and each method beside each peer."""
    parser = arguments(__doc__, images=None, methods="fsr")
    parser.add_argument("--photographs", default="", help="names of scikit-image's; all of them when left out")
    parser.add_argument("--kinds", default="text 20 px,text 36 px,scratches", help=f"of {', '.join(DAMAGE)}")
    parser.add_argument("--peers", default="", help="opencv, scikit-image or both")
    parser.add_argument("--radius", type=float, default=5.0, help="OpenCV's radius; ours keep their defaults")
    parser.add_argument("--peer-python", help="the Python of an environment with opencv-contrib-python 4")
    parser.add_argument("--mode", default="FAST", choices=("FAST", "BEST"), help="of xphoto")
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    peers: dict[str, Fill] = opencv(options.radius) if "opencv" in options.peers else {}
    if "scikit-image" in options.peers:
        peers["skimage biharmonic"] = scikit_image
    methods = options.methods.split(",")
    sides: dict[str, Side] = {name: partial(_here, fill) for name, fill in (ours(methods) | peers).items()}
    with tempfile.TemporaryDirectory() as folder:
        xphoto = Xphoto(options.peer_python, options.mode, folder) if options.peer_python else None
        if xphoto:
            sides[xphoto.name] = xphoto.fill
        try:
            compare(sides, methods, options)
        finally:
            if xphoto:
                xphoto.close()


def _here(fill: Fill, photo: Pixels, hole: Mask) -> tuple[Pixels, float]:
    filled, seconds = timed(fill, photo, hole)
    return in_bytes(filled), seconds


def compare(sides: dict[str, Side], methods: list[str], options: argparse.Namespace) -> None:
    """Run all cases and print the tables."""
    print(versions_line(), "\n")
    print(heading(["hole PSNR, dB; s", "hole", *sides]))
    for side in sides.values():
        side(np.zeros((64, 64, 3), np.uint8), np.eye(64, dtype=bool))
    photos = photographs(options.images, options.photographs.split(",") if options.photographs else ())
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for case, photo, hole in damaged(photos, options.kinds.split(",")):
        turns = [{name: side(photo, hole) for name, side in sides.items()} for _ in range(options.repeats)]
        for name, found in figures.items():
            seconds = statistics.median(turn[name][1] for turn in turns)
            found.append((hole_psnr(turns[-1][name][0], photo, hole), seconds))
        cells = [f"{found[-1][0]:.2f}; {found[-1][1]:.2f}" for found in figures.values()]
        print(row([case, f"{hole.mean():.1%}", *cells]), flush=True)
    means = [np.mean(found, axis=0) for found in figures.values()]
    print(row(["**mean**", "", *(f"{psnr:.2f}; {seconds:.2f}" for psnr, seconds in means)]))
    for peer in [name for name in sides if name not in methods]:
        print(f"\n{heading([f'against {peer}', 'dB above, mean', 'min', 'max', 'times as fast, median', 'min'])}")
        for name in methods:
            gains, ratios = zip(
                *((a - b, other / own) for (a, own), (b, other) in zip(figures[name], figures[peer], strict=True)),
                strict=True,
            )
            print(row([name, np.mean(gains).item(), min(gains), max(gains), statistics.median(ratios), min(ratios)]))


if __name__ == "__main__":
    main()
