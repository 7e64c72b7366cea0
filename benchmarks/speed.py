"""Time and peak memory beside OpenCV's, each ratio from one run.

    python -m inpaintkit.benchmarks.speed [--radius R] [--repeats N] [--only NAME,...]

The compiling call is thrown away; the two sides run alternately; times are medians with their range. One core means one
core: the comparison runs in a process bound to it. Peak memory is the largest resident set of a fresh process that
loads picture and mask, imports what it needs, and fills (Linux).
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from inpaintkit import inpaint
from inpaintkit.api import versions
from inpaintkit.damage import text
from inpaintkit.problem import Mask

_TWELVE = (3000, 4000)


def photograph(shape: tuple[int, int]) -> NDArray[np.uint8]:
    """An astronaut of any size."""
    enlarged = cv2.resize(skimage.data.astronaut(), shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(enlarged, np.uint8)


def page(shape: tuple[int, int]) -> Mask:
    """Text of 60 px letters over 19 % of a picture."""
    return text(shape, size=60, share=0.19, seed=1)


def one_scratch(shape: tuple[int, int]) -> Mask:
    """A slanting line that covers 0.02 % of a 12-megapixel picture."""
    canvas = np.zeros(shape, np.uint8)
    cv2.line(canvas, (900, 700), (1400, 1000), 1, 3)
    return canvas.view(np.bool_)


def ours(photo: NDArray[np.uint8], hole: Mask, radius: float) -> None:
    """Fill with telea."""
    inpaint(photo, hole, "telea", radius=radius)


def theirs(photo: NDArray[np.uint8], hole: Mask, radius: float) -> None:
    """Fill with OpenCV's Telea."""
    cv2.inpaint(photo, hole.view(np.uint8), radius, cv2.INPAINT_TELEA)


def alternating(calls: list[Callable[[], None]], repeats: int) -> list[list[float]]:
    """Seconds of each call, run in turn ``repeats`` times after one run that does not count."""
    seconds: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(repeats):
        for call, taken in zip(calls, seconds, strict=True):
            began = time.perf_counter()
            call()
            taken.append(time.perf_counter() - began)
    return seconds


def shown(taken: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(taken):.3f} s ({min(taken):.3f} to {max(taken):.3f})"


def text_page(radius: float, repeats: int) -> None:
    """12 MP with a 19 % text mask, on the cores this process may use."""
    photo, hole = photograph(_TWELVE), page(_TWELVE)
    mine, peer = alternating([lambda: ours(photo, hole, radius), lambda: theirs(photo, hole, radius)], repeats)
    ratio = statistics.median(peer) / statistics.median(mine)
    print(
        f"| 12 MP, text {hole.mean():.1%}, {_cores()} | {shown(mine)} | {shown(peer)} | **{ratio:.2f}** |", flush=True
    )


def scratch(radius: float, repeats: int) -> None:
    """The same picture with one scratch, against our own time for the text."""
    photo, words, line = photograph(_TWELVE), page(_TWELVE), one_scratch(_TWELVE)
    many, one = alternating([lambda: ours(photo, words, radius), lambda: ours(photo, line, radius)], repeats)
    (peer,) = alternating([lambda: theirs(photo, line, radius)], repeats)
    part = statistics.median(many) / statistics.median(one)
    ratio = statistics.median(peer) / statistics.median(one)
    print(f"| 12 MP, scratch {line.mean():.2%} | {shown(one)} | {shown(peer)} | **{ratio:.1f}** |")
    print(f"\nscratch: 1/{part:.0f} of our text time (to reach: at most 1/20)\n")


def growth(radius: float, repeats: int) -> None:
    """Time per hole pixel from 1 to 24 MP, same letters, on the cores this process may use."""
    costs = []
    for shape in ((866, 1155), (1732, 2309), _TWELVE, (4243, 5657)):
        photo, hole = photograph(shape), page(shape)
        (taken,) = alternating([lambda photo=photo, hole=hole: ours(photo, hole, radius)], repeats)  # type: ignore[misc]
        costs.append(statistics.median(taken) / np.count_nonzero(hole) * 1e9)
        print(f"{photo.shape[0] * photo.shape[1] / 1e6:.1f} MP: {costs[-1]:.0f} ns a hole pixel", flush=True)
    print(f"largest over smallest: **{max(costs) / min(costs):.2f}** (to reach: at most 1.5)")


_PEAK = """
import re, sys
import numpy as np
def resident(what): return int(re.search(what + ":\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
photo, hole = np.load(sys.argv[1]), np.load(sys.argv[2])
{imports}
def fill(photo, hole): {fill}
fill(photo[:64, :64].copy(), hole[:64, :64].copy())
before = resident("VmRSS")
fill(photo, hole)
print(resident("VmHWM"), resident("VmHWM") - before)
"""
_SIDES = {
    "inpaintkit": ("import inpaintkit", "inpaintkit.inpaint(photo, hole, 'telea', radius={radius})"),
    "cv2": ("import cv2", "cv2.inpaint(photo, hole.view(np.uint8), {radius}, cv2.INPAINT_TELEA)"),
}


def memory(radius: float) -> None:
    """Peak memory of a text fill, each side in a process that does nothing else, whole and above a small fill's."""
    for shape in (_TWELVE, (4243, 5657)):
        with tempfile.TemporaryDirectory() as folder:
            files = [f"{folder}/photo.npy", f"{folder}/hole.npy"]
            for file, array in zip(files, (photograph(shape), page(shape)), strict=True):
                np.save(file, array)
            scripts = [
                _PEAK.format(imports=imports, fill=fill.format(radius=radius)) for imports, fill in _SIDES.values()
            ]
            peaks = [[float(mib) for mib in _run(["-c", script, *files]).split()] for script in scripts]
        (mine, work), (peer, peer_work) = peaks
        print(
            f"\n{shape[0] * shape[1] / 1e6:.0f} MP, peak memory of the process: {mine:.0f} MiB, cv2 {peer:.0f} MiB, "
            f"ratio **{mine / peer:.2f}**; of the fill alone: {work:.0f} MiB, cv2 {peer_work:.0f} MiB, "
            f"ratio **{work / peer_work:.2f}** (to reach: at most 1)"
        )


def _run(arguments: list[str], cores: set[int] | None = None) -> str:
    bind: dict[str, Any] = {"preexec_fn": lambda: os.sched_setaffinity(0, cores)} if cores else {}
    line = [sys.executable, *arguments]
    printed: str = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True, **bind).stdout
    return printed


def _cores() -> str:
    count = len(os.sched_getaffinity(0))
    return f"{count} core{'s' if count > 1 else ''}"


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--radius", type=float, default=5.0, help="radius of both sides, in pixels")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="text,scratch,growth,memory", help="parts, separated by commas")
    parser.add_argument("--bound", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bound:
        return text_page(options.radius, options.repeats)
    parts = options.only.split(",")
    print(
        f"{platform.machine()}, {_cores()}, Python {platform.python_version()}, radius {options.radius:g} px;", end=" "
    )
    print(", ".join(f"{name} {version}" for name, version in versions().items()), "\n")
    if "text" in parts or "scratch" in parts:
        print("| case | inpaintkit telea | cv2 telea | times as fast |\n|---|---|---|---|")
    if "text" in parts:
        text_page(options.radius, options.repeats)
        one = {min(os.sched_getaffinity(0))}
        line = ["-m", "inpaintkit.benchmarks.speed", "--bound", "--radius", str(options.radius)]
        print(_run([*line, "--repeats", str(options.repeats)], one), end="", flush=True)
    if "scratch" in parts:
        scratch(options.radius, options.repeats)
    if "growth" in parts:
        growth(options.radius, options.repeats)
    if "memory" in parts:
        memory(options.radius)
    return None


if __name__ == "__main__":
    main()
