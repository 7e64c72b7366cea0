"""How long does a person wait for the first fill on a machine, and for later ones?

Each method fills a small photograph under text in a process of its own, from ``python`` to the end: with no compiled
code, and with what that run left. Then ``inpaintkit demo`` likewise. Wall seconds, and the seconds of processor time of
the process and those beside it, which a busy machine stretches less: on two cores no wall time is below half of it.

    python -m inpaintkit.benchmarks.studies.first_fill [METHOD]... [--side 128] [--threads 2] [--no-demo]
"""

from __future__ import annotations

import argparse

from inpaintkit import threads
from inpaintkit.benchmarks.ratios import first_fills
from inpaintkit.registry import methods


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", metavar="METHOD")
    parser.add_argument("--side", type=int, default=128, help="of the photograph, in pixels")
    parser.add_argument("--threads", type=int, default=threads.default_count(), help="one compiles in one process")
    parser.add_argument("--no-demo", action="store_true")
    given = parser.parse_args()
    print(f"threads {given.threads}   cold, s  (CPU)  (half)   warm, s  (CPU)")
    names = given.methods or ["auto", *(name for name, each in methods().items() if not each.needs)]
    for name, cold, warm in first_fills(
        [*names, *([] if given.no_demo else ["demo"])], side=given.side, threads=given.threads
    ):
        first, more = f"{cold.wall:8.1f} {cold.cpu:8.1f} {cold.cpu / 2:8.1f}", f"{warm.wall:8.2f} {warm.cpu:8.2f}"
        print(f"{name:14} {first} {more}", flush=True)


if __name__ == "__main__":
    main()
