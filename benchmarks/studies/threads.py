"""What does a second thread gain, where there is one region, where a large one lies beside a small one, and on text?

    python -m inpaintkit.benchmarks.studies.threads [--methods NAMES] [--repeats N]

Astronaut, 512 x 512; one box of 12 %, a large region beside a small one as in ``bench speed --ratios``, and text over
19 %. Wall times in fresh processes, the least of the repeats: the machine must have two cores with nothing else to do.
"""

from __future__ import annotations

import os

from inpaintkit.benchmarks.ratios import large_beside_small, on_both, square
from inpaintkit.benchmarks.studies._cases import DAMAGE, arguments, heading, row
from inpaintkit.benchmarks.studies._cases import versions_line as versions

_METHODS = "ple,fsr,patchmatch,telea,coherence,criminisi,navier_stokes,transport,tv,harmonic,biharmonic,auto"
_SHAPE = (512, 512)


def main() -> None:
    """Print the table as Markdown."""
    parser = arguments(__doc__, methods=_METHODS)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    names = ("one region", "large beside small", "text")
    print(f"{os.cpu_count()} cores; {versions()}\n")
    print(heading(["method", *(f"{name}: one thread, two, gain" for name in names)]))
    for method in options.methods.split(","):
        cells = []
        for hole in (square(_SHAPE), large_beside_small(method), DAMAGE["text 20 px"](_SHAPE)):
            one, two = on_both(method, hole, repeats=options.repeats)
            cells.append(f"{one}, {two}, **{one.seconds / two.seconds:.2f}**")
        print(row([method, *cells]), flush=True)


if __name__ == "__main__":
    main()
