"""What does a second thread gain, where there is one region, where a large one lies beside a small one, and on text?

    python -m inpaintkit.benchmarks.studies.threads [--methods NAMES] [--repeats N]

Astronaut, 512 x 512; one box of 12 %, the same beside one of 20 x 20 pixels, and text over 19 %. Wall times, the least
of the repeats, one thread and two in turn: the machine must have two cores with nothing else to do.
"""

from __future__ import annotations

import os
from functools import partial

from inpaintkit import inpaint
from inpaintkit.benchmarks.studies._cases import DAMAGE, arguments, heading, in_turn, photographs, row, square
from inpaintkit.benchmarks.studies._cases import versions_line as versions

_METHODS = "ple,fsr,patchmatch,telea,coherence,criminisi,navier_stokes,transport,tv,harmonic,biharmonic,auto"


def main() -> None:
    """Print the table as Markdown."""
    parser = arguments(__doc__, methods=_METHODS)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    photo = next(photo for _, photo in photographs(names=["astronaut"]))
    box = square(photo.shape[:2])
    beside = box.copy()
    beside[8:28, 8:28] = True
    cases = {"one region": box, "large beside small": beside, "text": DAMAGE["text 20 px"](photo.shape[:2])}
    print(f"{os.cpu_count()} cores; {versions()}\n")
    print(heading(["method", *(f"{name}: one thread, two, gain" for name in cases)]))
    for method in options.methods.split(","):
        cells = []
        for hole in cases.values():
            calls = [partial(inpaint, photo, hole, method, threads=count) for count in (1, 2)]
            one, two = map(min, in_turn(calls, options.repeats))
            cells.append(f"{one:.3f} s, {two:.3f} s, **{one / two:.2f}**")
        print(row([method, *cells]), flush=True)


if __name__ == "__main__":
    main()
