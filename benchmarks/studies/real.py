"""How much of the damage of real pictures do the finders find? Against what a person traced, at both operating points.

*Recall* is the share of the traced pixels that are within 3 px of what is found, *precision* the share of the found
pixels within 3 px of what was traced; what a person could not judge counts for neither. The pictures are those of
``studies/truth``, in the data folder (INPAINTKIT_DATA).

    python -m inpaintkit.benchmarks.studies.real [--sheets DIR]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from inpaintkit import files, find_mask, inpaint
from inpaintkit.benchmarks.studies import truth
from inpaintkit.benchmarks.studies._cases import arguments, new_folder
from inpaintkit.benchmarks.studies._near import near, precision, recall
from inpaintkit.benchmarks.studies.truth.drawing import MAGENTA, enlarged, outlined
from inpaintkit.errors import LargeFindError
from inpaintkit.find import PURPOSES
from inpaintkit.find.kinds import KINDS
from inpaintkit.problem import Mask
from inpaintkit.sheet import sheet

PRINTS = ("a", "b", "c", "d", "e", "g", "h")  # toned and faded paper
STAMPS = ("date1", "date2", "date3", "logo1", "subtitle1", "text1")
_SMALL = 700  # px: smaller pictures are shown at 200 %
_LARGE = 1600  # px: larger ones reduced


@dataclass(frozen=True)
class Score:
    """How well what is found agrees with what was traced.

    Attributes
    ----------
    recall : share of the traced pixels.
    precision : share of the found pixels; NaN where nothing is found.
    share : of the picture that is found, not judged pixels included.
    seconds : CPU time.
    """

    recall: float
    precision: float
    share: float
    seconds: float = 0.0


def scored(traced: truth.Truth, found: Mask, seconds: float = 0.0) -> Score:
    """The score of what was found."""
    right = precision(found & ~traced.ignored, traced.mask)
    return Score(recall(found, traced.mask), right, float(found.mean()), seconds)


def looked_for(traced: truth.Truth, kind: str, purpose: str, sensitivity: float) -> tuple[Mask, float]:
    """What a finder finds, nothing where it refuses to act, and the CPU seconds that took."""
    start = time.process_time()
    try:
        found = find_mask(traced.pixels, kind, purpose=purpose, sensitivity=sensitivity)  # type: ignore[call-overload]
    except LargeFindError as refused:
        print(f"{traced.path.name}: {refused}", file=sys.stderr)
        found = np.zeros_like(traced.mask)
    return found, time.process_time() - start


def table(scores: dict[str, dict[str, Score]], kinds: Sequence[str]) -> str:
    """A row for each picture: of each kind recall / precision; of the last also the share and the seconds."""
    head = ["picture", *kinds, f"{kinds[-1]} finds, %", "CPU s"]
    rows = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    rows += [_row(name, row, kinds) for name, row in scores.items()]
    for title, names in (("prints, mean", PRINTS), ("stamps, mean", STAMPS)):
        chosen = [scores[name] for name in names if name in scores]
        if chosen:
            rows.append(_row(title, {kind: _mean([row[kind] for row in chosen]) for kind in kinds}, kinds))
    return "\n".join(rows)


def _row(name: str, scores: dict[str, Score], kinds: Sequence[str]) -> str:
    cells = [f"{scores[kind].recall:.2f} / {_shown(scores[kind].precision)}" for kind in kinds]
    last = scores[kinds[-1]]
    return f"| {' | '.join([name, *cells, f'{last.share:.2%}'.rstrip('%'), f'{last.seconds:.1f}'])} |"


def _shown(precision: float) -> str:
    return "–" if np.isnan(precision) else f"{precision:.2f}"


def _mean(scores: Sequence[Score]) -> Score:
    """Of precisions only where something is found."""
    known = [score.precision for score in scores if not np.isnan(score.precision)]
    return Score(
        float(np.mean([score.recall for score in scores])),
        float(np.mean(known)) if known else float("nan"),
        float(np.mean([score.share for score in scores])),
        float(np.mean([score.seconds for score in scores])),
    )


def by_damage(pictures: dict[str, tuple[truth.Truth, Mask]]) -> str:
    """Recall of each kind of damage over all prints: pixels count, not pictures."""
    totals: dict[str, tuple[int, int]] = {}
    for name in [name for name in PRINTS if name in pictures]:
        traced, found = pictures[name]
        reached = near(found)
        for kind, mask in traced.kinds.items():
            right, every = totals.get(kind, (0, 0))
            totals[kind] = right + int((mask & reached).sum()), every + int(mask.sum())
    return ", ".join(f"{kind} {right / every:.2f} of {every} px" for kind, (right, every) in sorted(totals.items()))


def compared(traced: truth.Truth, found: dict[str, Mask]) -> NDArray[np.uint8]:
    """The picture, and what is found in it and the repair for each purpose; wide pictures one above the other."""
    pixels = traced.pixels
    height, width = traced.mask.shape
    scale = 2 if max(height, width) <= _SMALL else 1
    step = -(-max(height, width) // _LARGE)
    cells = [("as it is", enlarged(pixels, scale))]
    for purpose, mask in found.items():
        repaired = inpaint(pixels, mask) if mask.any() else pixels
        cells.append((f"{purpose}: {mask.mean():.2%}", outlined(pixels, (mask, MAGENTA), scale=scale)))
        cells.append(("repaired", enlarged(repaired, scale)))
    columns = 1 if width > height else len(cells)
    return sheet([(caption, shown[::step, ::step]) for caption, shown in cells], columns=columns)


def pictures(names: str | None) -> Iterator[tuple[str, truth.Truth]]:
    """The pictures asked for, by name, or all that were traced."""
    for name in names.split(",") if names else sorted(truth.names(), key=lambda name: name in STAMPS):
        yield name, truth.load(name, truth.data_root())


def main() -> None:
    """Print the tables; write the sheets."""
    kinds = [kind for kind in KINDS if kind != "colour"]
    parser = arguments(__doc__)
    parser.add_argument("--kinds", default=",".join(kinds), help="of finders; the last one's masks are drawn")
    parser.add_argument("--pictures", help="names, by commas; all that were traced when left out")
    parser.add_argument("--purposes", default=",".join(PURPOSES))
    parser.add_argument("--sensitivity", type=float, default=0.5)
    parser.add_argument("--sheets", type=new_folder, metavar="DIR", help="a folder for a sheet of each picture")
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    last: dict[str, dict[str, Mask]] = {}  # picture, purpose
    traced = dict(pictures(options.pictures))
    for purpose in options.purposes.split(","):
        scores: dict[str, dict[str, Score]] = {}
        for name, kind in product(traced, kinds):
            found, seconds = looked_for(traced[name], kind, purpose, options.sensitivity)
            scores.setdefault(name, {})[kind] = scored(traced[name], found, seconds)
            last.setdefault(name, {})[purpose] = found
        print(f"\n{purpose}:\n\n{table(scores, kinds)}")
        reached = {name: (traced[name], found[purpose]) for name, found in last.items()}
        print(f"\nRecall of {kinds[-1]} on prints by kind of damage: {by_damage(reached)}.")
    if options.sheets:
        for name, masks in last.items():
            files.write(options.sheets / f"{name}.png", compared(traced[name], masks))


if __name__ == "__main__":
    main()
