"""Neural patch synthesis measured: a box of 180 x 180 amid photographs, from several first fills.

    python -m inpaintkit.benchmarks.studies.mnps --vgg FILE --images DIR [--contents A,B] [--sheets DIR]

For every first fill, before and after: Gram distance to the truth and to all of the picture but the hole, PSNR in the
hole, where the gradient energy stands among the windows of the picture (a percentile; over 95 it would stand out), and
how far the hole's mean colour has moved, in grey levels. DIR holds photographs of at least 260 x 260.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit import inpaint, write
from inpaintkit.benchmarks.features import Features, gram_distance
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.benchmarks.studies._cases import (
    SIDE,
    arguments,
    box_of,
    enlarged,
    heading,
    photographs,
    row,
    timed,
    window_at,
)
from inpaintkit.benchmarks.studies.patches import gradient_energy, percentile_among, window_places
from inpaintkit.sheet import masked, sheet

Grams = dict[str, NDArray[np.float32]]


def surroundings(features: Features, truth: NDArray[Any], box: tuple[int, int, int, int]) -> Grams:
    """Gram matrices of all cells outside a box."""
    whole, inner = features.grams(truth, (0, 0, *truth.shape[:2])), features.grams(truth, box)
    share = box[2] * box[3] / (truth.shape[0] * truth.shape[1])
    return {name: (whole[name] - share * inner[name]) / (1 - share) for name in whole}


def measured(features: Features, truth: NDArray[Any], fills: dict[str, NDArray[Any]]) -> dict[str, tuple[float, ...]]:
    """Gram distance to the truth and to the surroundings, PSNR, percentile of the gradient energy, by name."""
    hole, middle = box_of(truth)
    box = (*middle, SIDE, SIDE)
    real, around = features.grams(truth, box), surroundings(features, truth, box)
    places = window_places(truth.shape)
    energies = [gradient_energy(truth[window_at(place)]) for place in places]
    figures: dict[str, tuple[float, ...]] = {}
    for name, filled in fills.items():
        grams = features.grams(filled, box)
        place = percentile_among(places, energies, gradient_energy(filled[window_at(middle)]))
        psnr = hole_psnr(filled, truth, hole)
        figures[name] = (gram_distance(grams, real), gram_distance(grams, around), psnr, place)
    return figures


def main() -> None:
    """Print a row for every picture and first fill, and the means."""
    parser = arguments(__doc__, images=None)
    parser.add_argument("--vgg", type=Path, required=True, help="VGG19's weights, a .pth file up to relu3_4 at least")
    parser.add_argument("--contents", default="patchmatch,harmonic", help="first fills, by name")
    parser.add_argument("--options", default="{}", type=json.loads, help="mnps' own options, as JSON")
    parser.add_argument("--sheets", type=Path, help="a folder for pictures at 200 %%")
    options = parser.parse_args()
    features = Features(options.vgg)
    rows: dict[str, list[tuple[float, ...]]] = {}
    figures_of = ("Gram, truth", "Gram, surroundings", "PSNR", "gradient energy", "mean moved", "seconds")
    print(heading(["picture", "fill", *figures_of]))
    for picture, truth in photographs(options.images):
        hole, middle = box_of(truth)
        fills, seconds, moved = {}, {}, {}
        for content in options.contents.split(","):
            fills[content] = inpaint(truth, hole, content)
            seconds[content] = moved[content] = 0.0
            name = f"mnps from {content}"
            mnps = partial(inpaint, content=content, weights=str(options.vgg), **options.options)
            fills[name], seconds[name] = timed(mnps, truth, hole, "mnps")
            moved[name] = float(np.abs(fills[name][hole].mean(axis=0) - fills[content][hole].mean(axis=0)).max())
        figures = measured(features, truth, fills)
        for name, values in figures.items():
            rows.setdefault(name, []).append((*values, moved[name], seconds[name]))
            _print(picture, name, rows[name][-1])
        if options.sheets:
            options.sheets.mkdir(parents=True, exist_ok=True)
            around = tuple(slice(max(0, at - 24), at + SIDE + 24) for at in middle)
            panels = {"hole": masked(truth, hole)[..., :3], **fills, "truth": truth}
            large = [(name, enlarged(pixels[around])) for name, pixels in panels.items()]
            write(options.sheets / f"{picture}.png", sheet(large))
    for name, table in rows.items():
        _print("**mean**", name, tuple(np.mean(table, axis=0)))


def _print(picture: str, name: str, figures: tuple[float, ...]) -> None:
    truth, around, psnr, energy, moved, seconds = figures
    cells = [f"{truth:.3f}", f"{around:.3f}", f"{psnr:.2f} dB", f"{energy:.0f}", f"{moved:.1f}", f"{seconds:.1f}"]
    print(row([picture, name, *cells]), flush=True)


if __name__ == "__main__":
    main()
