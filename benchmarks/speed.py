"""Time and peak memory of methods and peers over sizes and hole ratios: ``inpaintkit bench speed``.

Each call runs in a fresh process, in turn; its first fill is the cold one (compiled code is cached, imports are not
counted), its second the warm one. Peak memory is the process's largest resident set (Linux).
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from inpaintkit.damage import text
from inpaintkit.problem import Step

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
OURS = "import inpaintkit"
BY_REGIONS = (
    "from skimage.restoration import inpaint_biharmonic",
    "return inpaint_biharmonic(photo, hole, channel_axis=-1, split_into_regions=True)",
)
PEERS = {
    "cv2 telea r=5": ("import cv2", "return cv2.inpaint(photo, hole.view(np.uint8), 5, cv2.INPAINT_TELEA)"),
    "cv2 ns r=5": ("import cv2", "return cv2.inpaint(photo, hole.view(np.uint8), 5, cv2.INPAINT_NS)"),
    "skimage biharmonic": BY_REGIONS,
}
_XPHOTO = (  # its mask is 255 where a pixel is known
    "import cv2",
    "given = np.where(hole[..., None], np.uint8(0), photo); out = np.zeros_like(photo); "
    "cv2.xphoto.inpaint(given, (~hole).astype(np.uint8) * 255, out, cv2.xphoto.INPAINT_FSR_FAST); return out",
)


def photograph(shape: tuple[int, int]) -> NDArray[np.uint8]:
    """An astronaut of any size."""
    enlarged = cv2.resize(skimage.data.astronaut(), shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(enlarged, np.uint8)


def shown(taken: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(taken):.3f} s ({min(taken):.3f} to {max(taken):.3f})"


@dataclass(frozen=True)
class Timed:
    """A method or peer at one size and share: seconds of each repeat's cold and warm fill, peak in MiB.

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
    calls = {name: (sys.executable, OURS, f"return inpaintkit.inpaint(photo, hole, {name!r})") for name in names}
    calls |= {name: (sys.executable, *call) for name, call in PEERS.items()}
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
                        run_python(["-c", _FRESH.format(imports=imports, fill=fill), *files], python=python)
            for turn, (name, (python, imports, fill)) in enumerate(turns, 1):
                script = _FRESH.format(imports=imports, fill=fill)
                if name not in failed:
                    try:
                        printed = run_python(["-c", script, *files], python=python)
                        taken[name].append([float(word) for word in printed.split()])
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


def run_python(
    arguments: list[str],
    cores: set[int] | None = None,
    python: str = sys.executable,
    variables: Mapping[str, str] | None = None,
) -> str:
    """What a Python prints, bound to some cores, with further variables; RuntimeError with its last line on failure."""
    bind: dict[str, Any] = {"preexec_fn": lambda: os.sched_setaffinity(0, cores)} if cores else {}
    line = [python, *arguments]
    bind["env"] = {**os.environ, **(variables or {})}
    ran: subprocess.CompletedProcess[str] = subprocess.run(line, capture_output=True, text=True, **bind)
    if ran.returncode:
        raise RuntimeError(next(reversed(ran.stderr.strip().splitlines()), f"ended with {ran.returncode}"))
    return ran.stdout
