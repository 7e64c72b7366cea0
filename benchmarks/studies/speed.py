"""Time and peak memory beside OpenCV's and scikit-image's, each ratio from one run.

    python -m inpaintkit.benchmarks.studies.speed [--radius R] [--repeats N] [--only PART,...]

Parts: text, scratch, growth, memory (telea beside OpenCV's), plates (harmonic and biharmonic beside scikit-image's
biharmonic in both of its modes), family (every method on one photograph).

The compiling call does not count; the two sides run alternately; times are medians with their range. One core means one
core: the comparison runs in a process bound to it. Peak memory is the largest resident set of a fresh process that
loads picture and mask, imports what it needs, and fills (Linux).
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
from functools import partial
from typing import Any

import cv2
import numpy as np

from inpaintkit import inpaint, methods
from inpaintkit.benchmarks.ratios import square
from inpaintkit.benchmarks.speed import BY_REGIONS, OURS, photograph, run_python, shown
from inpaintkit.benchmarks.studies._cases import Fill, Pixels, arguments, heading, in_turn, row, versions_line
from inpaintkit.damage import scratches, text
from inpaintkit.problem import Mask

_TWELVE = (3000, 4000)
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
_PLATES = {
    "harmonic": (OURS, "return inpaintkit.inpaint(photo, hole, 'harmonic')"),
    "biharmonic": (OURS, "return inpaintkit.inpaint(photo, hole, 'biharmonic')"),
    "skimage": (BY_REGIONS[0], "return inpaint_biharmonic(photo, hole, channel_axis=-1)"),
    "skimage, by regions": BY_REGIONS,
}


def page(shape: tuple[int, int]) -> Mask:
    """Text of 60 px letters over 19 % of a picture."""
    return text(shape, size=60, share=0.19, seed=1)


def one_scratch(shape: tuple[int, int]) -> Mask:
    """A slanting line that covers 0.02 % of a 12-megapixel picture."""
    canvas = np.zeros(shape, np.uint8)
    cv2.line(canvas, (900, 700), (1400, 1000), 1, 3)
    return canvas.view(np.bool_)


def ours(photo: Pixels, hole: Mask, radius: float) -> None:
    """Fill with telea."""
    inpaint(photo, hole, "telea", radius=radius)


def theirs(photo: Pixels, hole: Mask, radius: float) -> None:
    """Fill with OpenCV's Telea."""
    cv2.inpaint(photo, hole.view(np.uint8), radius, cv2.INPAINT_TELEA)


def text_page(radius: float, repeats: int) -> None:
    """12 MP with a 19 % text mask, on the cores this process may use."""
    photo, hole = photograph(_TWELVE), page(_TWELVE)
    mine, peer = in_turn([lambda: ours(photo, hole, radius), lambda: theirs(photo, hole, radius)], repeats)
    ratio = statistics.median(peer) / statistics.median(mine)
    print(
        f"| 12 MP, text {hole.mean():.1%}, {_cores()} | {shown(mine)} | {shown(peer)} | **{ratio:.2f}** |", flush=True
    )


def scratch(radius: float, repeats: int) -> None:
    """The same picture with one scratch, against our own time for the text."""
    photo, words, line = photograph(_TWELVE), page(_TWELVE), one_scratch(_TWELVE)
    many, one = in_turn([lambda: ours(photo, words, radius), lambda: ours(photo, line, radius)], repeats)
    (peer,) = in_turn([lambda: theirs(photo, line, radius)], repeats)
    part = statistics.median(many) / statistics.median(one)
    ratio = statistics.median(peer) / statistics.median(one)
    print(f"| 12 MP, scratch {line.mean():.2%} | {shown(one)} | {shown(peer)} | **{ratio:.1f}** |")
    print(f"\nscratch: 1/{part:.0f} of our text time (to reach: at most 1/20)\n")


def growth(radius: float, repeats: int) -> None:
    """Time per hole pixel from 1 to 24 MP, same letters, on the cores this process may use."""
    costs = []
    for shape in ((866, 1155), (1732, 2309), _TWELVE, (4243, 5657)):
        photo, hole = photograph(shape), page(shape)
        (taken,) = in_turn([lambda photo=photo, hole=hole: ours(photo, hole, radius)], repeats)  # type: ignore[misc]
        costs.append(statistics.median(taken) / np.count_nonzero(hole) * 1e9)
        print(f"{photo.shape[0] * photo.shape[1] / 1e6:.1f} MP: {costs[-1]:.0f} ns a hole pixel", flush=True)
    print(f"largest over smallest: **{max(costs) / min(costs):.2f}** (to reach: at most 1.5)")


def peak(photo: Pixels, hole: Mask, imports: str, fill: str) -> tuple[float, float]:
    """MiB at the peak of a fresh process that fills, and above what it held after a small fill."""
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{folder}/photo.npy", f"{folder}/hole.npy"]
        for file, array in zip(files, (photo, hole), strict=True):
            np.save(file, array)
        whole, work = run_python(["-c", _PEAK.format(imports=imports, fill=fill), *files]).split()
    return float(whole), float(work)


def plates(repeats: int) -> None:
    """Harmonic and biharmonic fills beside scikit-image's two modes, in turn, then each one's peak memory."""
    print(heading(["case", *_PLATES, "biharmonic, times as fast", "memory of its faster mode over ours"]))
    three = (1500, 2000)
    for name, shape, hole in (
        ("12 MP, text", _TWELVE, page(_TWELVE)),
        ("3 MP, box of 12 %", three, square(three)),
        ("12 MP, box of 12 %", _TWELVE, square(_TWELVE)),
    ):
        photo = photograph(shape)
        sides = dict(_PLATES) if name != "12 MP, box of 12 %" else dict(list(_PLATES.items())[:2])  # theirs: minutes
        calls = [_filler(*side) for side in sides.values()]
        taken = in_turn([partial(call, photo, hole) for call in calls], repeats)
        peaks = [peak(photo, hole, *side)[0] for side in sides.values()]
        cells = [f"{shown(seconds)}, {mib:.0f} MiB" for seconds, mib in zip(taken, peaks, strict=True)]
        middle = [statistics.median(seconds) for seconds in taken]
        ratios = ["-", "-"]
        if len(sides) == 4:
            faster = 2 + int(np.argmin(middle[2:]))
            ratios = [f"**{middle[faster] / middle[1]:.1f}**", f"**{peaks[faster] / peaks[1]:.1f}**"]
        print(row([name, *cells, *["-"] * (4 - len(cells)), *ratios]), flush=True)
    print(
        "\nto reach: text 5 times as fast; box of 3 MP 10 times, with a quarter of the memory; "
        "box of 12 MP in 10 s and 1 GB\n"
    )


def _filler(imports: str, fill: str) -> Fill:
    names: dict[str, Any] = {}
    exec(f"{imports}\ndef fill(photo, hole): {fill}", names)
    filler: Fill = names["fill"]
    return filler


def family(repeats: int) -> None:
    """Every method of the registry on a 512 x 512 photograph, and its time over telea's."""
    photo = photograph((512, 512))
    words, lines = text((512, 512), size=24, share=0.19, seed=1), scratches((512, 512), number=12, seed=1)
    print(heading(["method", "text 19 %", "scratches", "over telea's, text"]))
    names = list(methods())
    taken = [
        in_turn([lambda n=n, hole=hole: inpaint(photo, hole, n) for n in names], repeats)  # type: ignore[misc]
        for hole in (words, lines)
    ]
    base = statistics.median(taken[0][names.index("telea")])
    for name, first, second in zip(names, *taken, strict=True):
        print(row([name, shown(first), shown(second), statistics.median(first) / base]), flush=True)


def memory(radius: float) -> None:
    """Peak memory of a text fill, each side in a process that does nothing else, whole and above a small fill's."""
    sides = (
        (OURS, f"inpaintkit.inpaint(photo, hole, 'telea', radius={radius})"),
        ("import cv2", f"cv2.inpaint(photo, hole.view(np.uint8), {radius}, cv2.INPAINT_TELEA)"),
    )
    for shape in (_TWELVE, (4243, 5657)):
        (mine, work), (other, other_work) = (peak(photograph(shape), page(shape), *side) for side in sides)
        print(
            f"\n{shape[0] * shape[1] / 1e6:.0f} MP, peak memory of the process: {mine:.0f} MiB, cv2 {other:.0f} MiB, "
            f"ratio **{mine / other:.2f}**; of the fill alone: {work:.0f} MiB, cv2 {other_work:.0f} MiB, "
            f"ratio **{work / other_work:.2f}** (to reach: at most 1)"
        )


def _cores() -> str:
    count = len(os.sched_getaffinity(0))
    return f"{count} core{'s' if count > 1 else ''}"


def main() -> None:
    """Print the tables as Markdown."""
    parser = arguments(__doc__)
    parser.add_argument("--radius", type=float, default=5.0, help="radius of both sides, in pixels")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="text,scratch,growth,memory,plates,family", help="parts, separated by commas")
    parser.add_argument("--bound", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bound:
        text_page(options.radius, options.repeats)
        return
    parts = options.only.split(",")
    print(
        f"{platform.machine()}, {_cores()}, Python {platform.python_version()}, radius {options.radius:g} px;", end=" "
    )
    print(versions_line(), "\n")
    if "text" in parts or "scratch" in parts:
        print(heading(["case", "inpaintkit telea", "cv2 telea", "times as fast"]))
    if "text" in parts:
        text_page(options.radius, options.repeats)
        one = {min(os.sched_getaffinity(0))}
        line = ["-m", "inpaintkit.benchmarks.studies.speed", "--bound", "--radius", str(options.radius)]
        print(run_python([*line, "--repeats", str(options.repeats)], one), end="", flush=True)
    if "scratch" in parts:
        scratch(options.radius, options.repeats)
    if "growth" in parts:
        growth(options.radius, options.repeats)
    if "memory" in parts:
        memory(options.radius)
    if "plates" in parts:
        plates(max(1, options.repeats // 2))
    if "family" in parts:
        family(options.repeats)


if __name__ == "__main__":
    main()
