"""How long does a person wait for the first fill on a machine, and for later ones?

Each method fills a small photograph under text in a process of its own, from ``python`` to the end: with no compiled
code, and with what that run left. Then ``inpaintkit demo`` likewise. Wall seconds, and the seconds of processor time of
the process and those beside it, which a busy machine stretches less.

    python -m inpaintkit.benchmarks.studies.first_fill [METHOD]... [--side 128] [--threads 2] [--no-demo]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from inpaintkit import threads
from inpaintkit.registry import methods

FILL = """
import sys
import numpy as np
import skimage.data
import inpaintkit
from inpaintkit import damage
side = int(sys.argv[2])
photo = np.ascontiguousarray(skimage.data.astronaut()[:side, :side])
hole = damage.text((side, side), size=20, share=0.15, seed=2)
hole[side // 3 : side // 3 + side // 5, side // 3 : side // 3 + side // 5] = True
inpaintkit.inpaint(photo, hole, sys.argv[1], fallback=True)
"""


def timed(command: Sequence[str], cache: str, count: int) -> tuple[float, float]:
    """Wall and processor seconds of a command that compiles into a folder; raises CalledProcessError where it fails."""
    env = {**os.environ, "NUMBA_CACHE_DIR": cache, "INPAINTKIT_THREADS": str(count)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def row(name: str, command: Sequence[str], count: int) -> str:
    """A line of the table: a first run and the better of two later ones."""
    with tempfile.TemporaryDirectory() as cache:
        cold = timed(command, cache, count)
        warm = min(timed(command, cache, count) for _ in range(2))
    return f"{name:14} {cold[0]:8.1f} {cold[1]:8.1f} {warm[0]:8.2f} {warm[1]:8.2f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", metavar="METHOD")
    parser.add_argument("--side", type=int, default=128, help="of the photograph, in pixels")
    parser.add_argument("--threads", type=int, default=threads.default_count(), help="one compiles in one process")
    parser.add_argument("--no-demo", action="store_true")
    given = parser.parse_args()
    print(f"threads {given.threads}   cold, s  (CPU)   warm, s  (CPU)")
    for name in given.methods or ["auto", *(name for name, each in methods().items() if not each.needs)]:
        print(row(name, [sys.executable, "-c", FILL, name, str(given.side)], given.threads), flush=True)
    if not given.no_demo:
        with tempfile.TemporaryDirectory() as folder:
            output = str(Path(folder) / "demo.png")
            print(row("demo", [sys.executable, "-m", "inpaintkit", "demo", "-o", output], given.threads))


if __name__ == "__main__":
    main()
