"""`patchmatch` beside the other PatchMatch packages for Python, in one run: seconds, Gram distance and PSNR.

    python -m inpaintkit.benchmarks.studies.patchmatch_peers [--vgg FILE] [--images DIR] [--repeats N] [--large]

Peers are ``pypatchmatch`` and ``patchmatch-cython`` (PyPI), each where it is installed, with patches of its own
default size and of 7 x 7. Cases are 512 x 512 with a box of 12 % and with text on 19 %, and 3 megapixels with a box of
12 % with ``--large``; quality is the mean over photographs with a box of 180 x 180 in the middle. Gram distances need
VGG19's weights.
"""

from __future__ import annotations

import importlib.util
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data

from inpaintkit import inpaint, threads
from inpaintkit.benchmarks.features import Features, gram_distance
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.benchmarks.ratios import square
from inpaintkit.benchmarks.speed import photograph
from inpaintkit.benchmarks.studies._cases import (
    SIDE,
    Fill,
    arguments,
    box_of,
    heading,
    in_bytes,
    in_turn,
    photographs,
    row,
    versions_line,
)
from inpaintkit.damage import text


def fills() -> dict[str, Fill]:
    """Ours on one thread and on all, and the peers that are installed."""
    found: dict[str, Fill] = {
        "ours": partial(inpaint, method="patchmatch"),
        "ours, 1 thread": partial(inpaint, method="patchmatch", threads=1),
    }
    if importlib.util.find_spec("patchmatch"):
        patch_match = importlib.import_module("patchmatch.patch_match")

        def native(side: int, photo: Any, hole: Any) -> Any:
            return patch_match.inpaint(photo, hole.astype(np.uint8) * 255, patch_size=side)

        found |= {f"pypatchmatch {side}": partial(native, side) for side in (15, 3)}  # a radius: 31 x 31 and 7 x 7
    if importlib.util.find_spec("patchmatch_cython"):
        inpaint_pyramid = importlib.import_module("patchmatch_cython").inpaint_pyramid
        found |= {f"patchmatch-cython {side}": partial(inpaint_pyramid, patch_size=side, seed=0) for side in (5, 7)}
    return found


def times(repeats: int, large: bool) -> None:
    """Median seconds of each fill, all in turn."""
    cases = {
        "512, box 12 %": (skimage.data.astronaut(), square((512, 512))),
        "512, text 19 %": (skimage.data.astronaut(), text((512, 512), size=24, share=0.19, seed=1)),
    }
    if large:
        cases["3 MP, box 12 %"] = photograph((1500, 2000)), square((1500, 2000))
    print(heading(["seconds", *fills()]))
    for name, (photo, hole) in cases.items():
        taken = in_turn([partial(fill, photo, hole) for fill in fills().values()], repeats)
        print(row([name, *(statistics.median(each) for each in taken)]), flush=True)


def quality(vgg: Path | None, images: Path | None) -> None:
    """Mean Gram distance to the truth and PSNR in the box."""
    features = Features(vgg) if vgg else None
    results: dict[str, list[tuple[float, float]]] = {}
    for _, truth in photographs(images):
        hole, middle = box_of(truth)
        box = (*middle, SIDE, SIDE)
        real = features.grams(truth, box) if features else {}
        damaged = np.where(hole[..., None], np.uint8(0), truth)
        for name, fill in fills().items():
            filled = in_bytes(fill(damaged.copy(), hole))
            gram = gram_distance(features.grams(filled, box), real) if features else np.nan
            results.setdefault(name, []).append((gram, float(hole_psnr(filled, truth, hole))))
    print(heading(["fill", "Gram distance", "PSNR in dB"]))
    for name, values in results.items():
        gram, psnr = np.mean(values, axis=0)
        print(row([name, f"{gram:.3f}", f"{psnr:.2f}"]))


def main() -> None:
    """Print both tables."""
    parser = arguments(__doc__, images=None)
    parser.add_argument("--vgg", type=Path, help="VGG19's weights, a .pth file; Gram distances are left out without")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--large", action="store_true", help="3 megapixels as well, on which peers take long")
    options = parser.parse_args()
    print(f"{versions_line()}, {threads.default_count()} threads\n")
    times(options.repeats, options.large)
    print()
    quality(options.vgg, options.images)


if __name__ == "__main__":
    main()
