"""Draw what was traced over the pictures, enlarged to 200 %, to check it by eye; green: not judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inpaintkit import files
from inpaintkit.benchmarks.studies import truth
from inpaintkit.benchmarks.studies._cases import arguments
from inpaintkit.benchmarks.studies.truth.drawing import GREEN, MAGENTA, outlined


def main() -> None:
    """Write a PNG file for each picture."""
    parser = arguments(__doc__)
    parser.add_argument("--draw", type=Path, required=True, metavar="DIR", help="the folder for the drawings")
    parser.add_argument("--pictures", help="names, by commas; all of them when left out")
    options = parser.parse_args()
    options.draw.mkdir(parents=True, exist_ok=True)
    for name in options.pictures.split(",") if options.pictures else truth.names():
        traced = truth.load(name, truth.data_root())
        drawn = outlined(traced.pixels, (traced.mask, MAGENTA), (traced.ignored, GREEN), scale=2)
        files.write(options.draw / f"{name}.png", drawn)
        print(f"{name}: {np.count_nonzero(traced.mask)} px, {traced.mask.mean():.2%}, in {', '.join(traced.kinds)}")


if __name__ == "__main__":
    main()
