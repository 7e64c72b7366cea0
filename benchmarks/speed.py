"""Time and peak memory beside OpenCV's and scikit-image's, each ratio from one run.

    python -m inpaintkit.benchmarks.speed [--radius R] [--repeats N] [--only PART,...]
    inpaintkit bench speed [--methods A,B,C] [--sides 256,512] [--shares 0.05,0.2] [--peer-python PATH] -o FOLDER

Parts: text, scratch, growth, memory (telea beside OpenCV's), plates (harmonic and biharmonic beside scikit-image's
biharmonic in both of its modes), family (every method on one photograph).

``bench speed`` is methods and peers over sizes and hole ratios: each call in a fresh process, in turn, whose first fill
is the cold one (compiled code is cached, imports are not counted) and the second the warm one.

Elsewhere the compiling call is thrown away; the two sides run alternately; times are medians with their range. One core
means one core: the comparison runs in a process bound to it. Peak memory is the largest resident set of a fresh process
that loads picture and mask, imports what it needs, and fills (Linux).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from inpaintkit import inpaint, methods
from inpaintkit.api import versions
from inpaintkit.damage import scratches, text
from inpaintkit.problem import Mask, Step

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


def box(shape: tuple[int, int]) -> Mask:
    """One square of 12 % of a picture."""
    hole = np.zeros(shape, np.bool_)
    side = round((0.12 * shape[0] * shape[1]) ** 0.5)
    top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
    hole[top : top + side, left : left + side] = True
    return hole


def ours(photo: NDArray[np.uint8], hole: Mask, radius: float) -> None:
    """Fill with telea."""
    inpaint(photo, hole, "telea", radius=radius)


def theirs(photo: NDArray[np.uint8], hole: Mask, radius: float) -> None:
    """Fill with OpenCV's Telea."""
    cv2.inpaint(photo, hole.view(np.uint8), radius, cv2.INPAINT_TELEA)


def alternating(calls: list[Callable[[], Any]], repeats: int) -> list[list[float]]:
    """Seconds of each call, run in turn ``repeats`` times after one run that does not count."""
    for call in calls:
        call()
    return timed(calls, repeats)


def timed(calls: list[Callable[[], Any]], repeats: int) -> list[list[float]]:
    """Seconds of each call, run in turn ``repeats`` times."""
    seconds: list[list[float]] = [[] for _ in calls]
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
_OURS = "import inpaintkit"
_SKIMAGE = "from skimage.restoration import inpaint_biharmonic"
_PLATES = {
    "harmonic": (_OURS, "return inpaintkit.inpaint(photo, hole, 'harmonic')"),
    "biharmonic": (_OURS, "return inpaintkit.inpaint(photo, hole, 'biharmonic')"),
    "skimage": (_SKIMAGE, "return inpaint_biharmonic(photo, hole, channel_axis=-1)"),
    "skimage, by regions": (
        _SKIMAGE,
        "return inpaint_biharmonic(photo, hole, channel_axis=-1, split_into_regions=True)",
    ),
}


def peak(photo: NDArray[np.uint8], hole: Mask, imports: str, fill: str) -> tuple[float, float]:
    """MiB at the peak of a fresh process that fills, and above what it held after a small fill."""
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{folder}/photo.npy", f"{folder}/hole.npy"]
        for file, array in zip(files, (photo, hole), strict=True):
            np.save(file, array)
        whole, work = _run(["-c", _PEAK.format(imports=imports, fill=fill), *files]).split()
    return float(whole), float(work)


def plates(repeats: int) -> None:
    """Harmonic and biharmonic fills beside scikit-image's two modes, in turn, then each one's peak memory."""
    print("| case | " + " | ".join(_PLATES) + " | biharmonic, times as fast | memory of its faster mode over ours |")
    print("|---" * (len(_PLATES) + 3) + "|")
    three = (1500, 2000)
    for name, shape, hole in (
        ("12 MP, text", _TWELVE, page(_TWELVE)),
        ("3 MP, box of 12 %", three, box(three)),
        ("12 MP, box of 12 %", _TWELVE, box(_TWELVE)),
    ):
        photo = photograph(shape)
        sides = dict(_PLATES) if name != "12 MP, box of 12 %" else dict(list(_PLATES.items())[:2])  # theirs: minutes
        calls = [_filler(*side) for side in sides.values()]
        for call in calls:
            call(photo[:64, :64].copy(), np.eye(64, dtype=bool))  # compile
        taken = timed([partial(call, photo, hole) for call in calls], repeats)
        peaks = [peak(photo, hole, *side)[0] for side in sides.values()]
        cells = [f"{shown(seconds)}, {mib:.0f} MiB" for seconds, mib in zip(taken, peaks, strict=True)]
        middle = [statistics.median(seconds) for seconds in taken]
        ratios = ["-", "-"]
        if len(sides) == 4:
            faster = 2 + int(np.argmin(middle[2:]))
            ratios = [f"**{middle[faster] / middle[1]:.1f}**", f"**{peaks[faster] / peaks[1]:.1f}**"]
        print(f"| {name} | " + " | ".join(cells + ["-"] * (4 - len(cells)) + ratios) + " |", flush=True)
    print(
        "\nto reach: text 5 times as fast; box of 3 MP 10 times, with a quarter of the memory; "
        "box of 12 MP in 10 s and 1 GB\n"
    )


def _filler(imports: str, fill: str) -> Callable[[NDArray[np.uint8], Mask], Any]:
    names: dict[str, Any] = {}
    exec(f"{imports}\ndef fill(photo, hole): {fill}", names)
    filler: Callable[[NDArray[np.uint8], Mask], Any] = names["fill"]
    return filler


def family(repeats: int) -> None:
    """Every method of the registry on a 512 x 512 photograph, and its time over telea's."""
    photo = photograph((512, 512))
    words, lines = text((512, 512), size=24, share=0.19, seed=1), scratches((512, 512), number=12, seed=1)
    print("| method | text 19 % | scratches | over telea's, text |\n|---|---|---|---|")
    names = list(methods())
    taken = [
        alternating([lambda n=n, hole=hole: inpaint(photo, hole, n) for n in names], repeats)  # type: ignore[misc]
        for hole in (words, lines)
    ]
    base = statistics.median(taken[0][names.index("telea")])
    for name, first, second in zip(names, *taken, strict=True):
        print(f"| {name} | {shown(first)} | {shown(second)} | {statistics.median(first) / base:.2f} |", flush=True)


_FRESH = """
import sys, time
import numpy as np
photo, hole = np.load(sys.argv[1]), np.load(sys.argv[2])
{imports}
def fill(photo, hole): {fill}
for _ in range(2):
    began = time.perf_counter()
    fill(photo, hole)
    print(time.perf_counter() - began)
print(next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
_PEERS = {
    "cv2 telea r=5": ("import cv2", "return cv2.inpaint(photo, hole.view(np.uint8), 5, cv2.INPAINT_TELEA)"),
    "cv2 ns r=5": ("import cv2", "return cv2.inpaint(photo, hole.view(np.uint8), 5, cv2.INPAINT_NS)"),
    "skimage biharmonic": _PLATES["skimage, by regions"],
}
_XPHOTO = (  # its mask is 255 where a pixel is known
    "import cv2",
    "given = np.where(hole[..., None], np.uint8(0), photo); out = np.zeros_like(photo); "
    "cv2.xphoto.inpaint(given, (~hole).astype(np.uint8) * 255, out, cv2.xphoto.INPAINT_FSR_FAST); return out",
)


@dataclass(frozen=True)
class Timed:
    """Someone on one size and share: seconds of each repeat's cold and warm fill, and MiB at the processes' peak.

    ``share`` is what was asked for, ``hole`` what the text covers; ``reason`` is why there are no figures.
    """

    name: str
    side: int
    share: float
    hole: float
    cold: list[float]
    warm: list[float]
    peak: float
    reason: str = ""


def grid(
    names: list[str],
    sides: list[int],
    shares: list[float],
    repeats: int,
    *,
    peer_python: str | None = None,
    progress: Callable[[Step], None] | None = None,
) -> list[Timed]:
    """Methods and peers on square photographs with text over them.

    Parameters
    ----------
    sides : of the photographs, in pixels.
    shares : of the picture that text of 24 px covers, 0 to 0.4.
    peer_python : the Python of an environment with opencv-contrib-python, for xphoto's FSR.
    """
    calls = {name: (sys.executable, _OURS, f"return inpaintkit.inpaint(photo, hole, {name!r})") for name in names}
    calls |= {name: (sys.executable, *call) for name, call in _PEERS.items()}
    if peer_python:
        calls["xphoto FSR_FAST"] = (peer_python, *_XPHOTO)
    found: list[Timed] = []
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{folder}/photo.npy", f"{folder}/hole.npy"]
        for side, share in itertools.product(sides, shares):
            photo, hole = photograph((side, side)), text((side, side), size=24, share=share, seed=1)
            for file, array in zip(files, (photo, hole), strict=True):
                np.save(file, array)
            taken: dict[str, list[list[float]]] = {name: [] for name in calls}
            failed: dict[str, str] = {}
            turns = [call for _ in range(repeats) for call in calls.items()]
            if not found:  # compiled now, so that no cold fill below compiles; what fails here fails there, too
                for python, imports, fill in calls.values():
                    with contextlib.suppress(RuntimeError):
                        _run(["-c", _FRESH.format(imports=imports, fill=fill), *files], python=python)
            for turn, (name, (python, imports, fill)) in enumerate(turns, 1):
                script = _FRESH.format(imports=imports, fill=fill)
                if name not in failed:
                    try:
                        told = _run(["-c", script, *files], python=python)
                        taken[name].append([float(word) for word in told.split()])
                    except RuntimeError as error:
                        failed[name] = str(error)
                if progress:
                    total = len(sides) * len(shares) * len(turns)
                    progress(Step(len(found) * repeats + turn, total, remark=f"{name}, {side} px, {share:.0%}"))
            for name, runs in taken.items():
                cold, warm, peaks = zip(*runs, strict=True) if name not in failed else ((), (), (0.0,))
                found.append(
                    Timed(
                        name, side, share, float(hole.mean()), list(cold), list(warm), max(peaks), failed.get(name, "")
                    )
                )
    return found


def exponent(sides: list[int], seconds: list[float]) -> float:
    """k of seconds = c side^(2 k), by least squares of the logarithms: 1 where time goes with the pixels."""
    return float(np.polyfit(2 * np.log(sides), np.log(seconds), 1)[0]) if len(sides) > 1 else float("nan")


def grid_table(found: list[Timed]) -> str:
    """A table of all, and one of how time grows with the picture at each share, as Markdown."""
    rows = ["| | side | hole | warm, s | cold, s | peak, MiB |", "|---|---|---|---|---|---|"]
    rows += [
        f"| {one.name} | {one.side} | {one.hole:.1%} | "
        + (f"{one.reason} | | |" if one.reason else f"{shown(one.warm)} | {shown(one.cold)} | {one.peak:.0f} |")
        for one in found
    ]
    curves = _curves(found)
    shares = sorted({share for _, share in curves})
    rows += ["", "Growth exponent k of the warm time, seconds = c pixels^k:", ""]
    rows += ["| | " + " | ".join(f"hole {share:.0%}" for share in shares) + " |", "|---" * (len(shares) + 1) + "|"]
    for name in dict.fromkeys(one.name for one in found):
        grown = (exponent(*curves.get((name, share), ([], []))) for share in shares)
        rows.append(f"| {name} | " + " | ".join(f"{k:.2f}" for k in grown) + " |")
    return "\n".join(rows)


def grid_plot(found: list[Timed]) -> str:
    """Warm seconds against the picture's pixels, a panel for each share, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    curves = _curves(found)
    shares = sorted({share for _, share in curves})
    figure, panels = pyplot.subplots(
        1, len(shares), figsize=(4.2 * len(shares) + 2, 4.2), sharey=True, squeeze=False, layout="constrained"
    )
    for share, axes in zip(shares, panels[0], strict=True):
        for index, name in enumerate(dict.fromkeys(one.name for one in found)):
            sides, seconds = curves.get((name, share), ([], []))
            axes.loglog(np.square(sides) / 1e6, seconds, f"{'osv^D*'[index // 10 % 6]}-C{index % 10}", label=name)
        axes.set(title=f"text over {share:.0%}", xlabel="megapixels")
        axes.grid(alpha=0.3)
    panels[0][0].set_ylabel("seconds, warm")
    panels[0][-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return out.getvalue()


def _curves(found: list[Timed]) -> dict[tuple[str, float], tuple[list[int], list[float]]]:
    """Sides and median warm seconds of each name at each share."""
    curves: dict[tuple[str, float], tuple[list[int], list[float]]] = {}
    for one in sorted((one for one in found if not one.reason), key=lambda one: one.side):
        sides, seconds = curves.setdefault((one.name, one.share), ([], []))
        sides.append(one.side)
        seconds.append(statistics.median(one.warm))
    return curves


def memory(radius: float) -> None:
    """Peak memory of a text fill, each side in a process that does nothing else, whole and above a small fill's."""
    sides = (
        (_OURS, f"inpaintkit.inpaint(photo, hole, 'telea', radius={radius})"),
        ("import cv2", f"cv2.inpaint(photo, hole.view(np.uint8), {radius}, cv2.INPAINT_TELEA)"),
    )
    for shape in (_TWELVE, (4243, 5657)):
        (mine, work), (other, other_work) = (peak(photograph(shape), page(shape), *side) for side in sides)
        print(
            f"\n{shape[0] * shape[1] / 1e6:.0f} MP, peak memory of the process: {mine:.0f} MiB, cv2 {other:.0f} MiB, "
            f"ratio **{mine / other:.2f}**; of the fill alone: {work:.0f} MiB, cv2 {other_work:.0f} MiB, "
            f"ratio **{work / other_work:.2f}** (to reach: at most 1)"
        )


def _run(arguments: list[str], cores: set[int] | None = None, python: str = sys.executable) -> str:
    bind: dict[str, Any] = {"preexec_fn": lambda: os.sched_setaffinity(0, cores)} if cores else {}
    line = [python, *arguments]
    ran: subprocess.CompletedProcess[str] = subprocess.run(line, capture_output=True, text=True, **bind)
    if ran.returncode:
        raise RuntimeError(next(reversed(ran.stderr.strip().splitlines()), f"ended with {ran.returncode}"))
    return ran.stdout


def _cores() -> str:
    count = len(os.sched_getaffinity(0))
    return f"{count} core{'s' if count > 1 else ''}"


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--radius", type=float, default=5.0, help="radius of both sides, in pixels")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="text,scratch,growth,memory,plates,family", help="parts, separated by commas")
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
    if "plates" in parts:
        plates(max(1, options.repeats // 2))
    if "family" in parts:
        family(options.repeats)
    return None


if __name__ == "__main__":
    main()
