"""How well dates in light are found: on real pictures, drawn on photographs, and none where there is none.

    python -m inpaintkit.benchmarks.studies.stamps [--images DIR] [--number N] [--seed N] [--purpose act] [--save DIR]

Recall is the share of the digits' pixels within 3 px of what is found; precision the share of what is found within 3 px
of a digit. Glow, and digits that light leaves invisible, count for neither. A drawn date is found with half of both.
Real pictures are those of ``truth`` that lie in the data folder's ``stamps`` and are named date, where INPAINTKIT_DATA
is set. With ``--save`` each picture is written at 200 %, what is found outlined in magenta, the truth in green.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpaintkit.benchmarks.presets import photographs
from inpaintkit.benchmarks.studies import _cases, film_dates, truth
from inpaintkit.benchmarks.studies._near import precision, recall
from inpaintkit.benchmarks.studies.damage import Pixels
from inpaintkit.benchmarks.studies.truth.drawing import GREEN, MAGENTA, outlined
from inpaintkit.files import write
from inpaintkit.find.stamp import find_stamp
from inpaintkit.problem import Mask

HEIGHTS = 12, 80  # px, of drawn dates
FOUND = 0.5  # recall and precision of a date that is found


@dataclass(frozen=True, eq=False)
class Case:
    """A picture with a date: what is of the date, and what counts neither way, bool (H, W)."""

    name: str
    row: str  # of the table
    pixels: Pixels
    digits: Mask
    ignored: Mask


def score(found: Mask, digits: Mask, ignored: Mask) -> tuple[float, float]:
    """Recall and precision; the latter is 1 where nothing is found."""
    proposed = found & ~ignored
    return recall(found, digits & ~ignored), precision(proposed, digits) if proposed.any() else 1.0


def real() -> Iterator[Case]:
    """The real dates whose truth is known, where the data folder is."""
    if os.environ.get("INPAINTKIT_DATA"):
        for name in (name for name in truth.names() if name.startswith("date")):
            known = truth.load(name, truth.data_root())
            yield Case(name, name, known.pixels, known.mask, known.ignored)


def drawn(photos: list[tuple[str, Pixels]], number: int, seed: int) -> Iterator[Case]:
    """Dates drawn on photographs in turn, of heights from ``HEIGHTS``."""
    low, high = np.log(HEIGHTS)
    for index in range(seed, seed + number):
        name, photo = photos[index % len(photos)]
        size = round(float(np.exp(np.random.default_rng(index + 5).uniform(low, high))))
        case = film_dates.dated(photo, size=size, seed=index)
        row = f"{'light' if ', light' in case.look else 'paint'}, {case.look.split(', ')[1]}"
        yield Case(f"{index} {name}, {case.look}", row, case.pixels, case.digits, case.around)


def main() -> None:
    """Print a table, the dates that are not found, and what clean photographs lose."""
    parser = _cases.arguments(__doc__, images=None)
    parser.add_argument("--number", type=int, default=60, help="of drawn dates")
    parser.add_argument("--seed", type=int, default=1000, help="of the first of them")
    parser.add_argument("--purpose", choices=("propose", "act"), default="propose")
    parser.add_argument("--save", type=_cases.new_folder, help="a folder for pictures of what was found")
    options = parser.parse_args()
    photos = list(_cases.photographs(options.images)) if options.images else list(photographs())

    def find(pixels: Pixels) -> Mask:
        return find_stamp(pixels.astype(np.float32) / np.float32(255), act=options.purpose == "act")[0]

    rows: dict[str, list[tuple[float, float]]] = {}
    missed = []
    for case in (*real(), *drawn(photos, options.number, options.seed)):
        found = find(case.pixels)
        rows.setdefault(case.row, []).append(pair := score(found, case.digits, case.ignored))
        if min(pair) < FOUND or not found.any():
            missed.append(f"- {case.name}: recall {pair[0]:.2f}, precision {pair[1]:.2f}")
        if options.save:
            write(
                options.save / f"{case.name.split(',')[0].replace(' ', '_')}.png",
                outlined(case.pixels, (case.digits, GREEN), (found, MAGENTA), scale=2),
            )
    print(table(rows))
    print("\nNot found:\n\n" + "\n".join(missed))
    shares = {name: float(find(photo).mean()) for name, photo in photos}
    print(f"\nClean photographs: mean {np.mean(list(shares.values())):.3%}, most {max(shares.values()):.3%}")
    print(", ".join(f"{name} {share:.2%}" for name, share in shares.items() if share))


def table(rows: dict[str, list[tuple[float, float]]]) -> str:
    """Markdown: for each kind of date how many there are and are found, mean recall and precision."""
    lines = ["| date | number | found | recall | precision |", "|---|---|---|---|---|"]
    drawn_ones = [pair for row, pairs in rows.items() for pair in pairs if "," in row]
    for row, pairs in (*sorted(rows.items()), ("all drawn", drawn_ones)):
        if pairs:
            values: NDArray[np.float64] = np.array(pairs)
            share = (values >= FOUND).all(axis=1).mean()
            means = " | ".join(f"{mean:.3f}" for mean in values.mean(axis=0))
            lines.append(f"| {row} | {len(pairs)} | {share:.2f} | {means} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
