"""Patch-based filling measured: the field, times, textures, and pictures with a hole beside the peers.

    python -m inpaintkit.benchmarks.studies.patches [--only PART,...] [--vgg FILE] [--images DIR] [--sheets DIR]

Parts: field (distance over brute force's and seconds at 1 megapixel), times (512 x 512 with a box and with text, 12
megapixels with a box), textures (brick, grass, gravel: does a fill lie among the picture's own windows?), boxes (a box
amid photographs: Gram distance and PSNR beside OpenCV's, scikit-image's and, where installed, G'MIC's; DIR may
hold other photographs, of at least 260 x 260). Gram distances need torch and VGG19's weights.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data

from inpaintkit import inpaint, methods, read, write
from inpaintkit.benchmarks.features import Features, gram_distance
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.benchmarks.ratios import square
from inpaintkit.benchmarks.speed import photograph
from inpaintkit.benchmarks.studies._cases import (
    SIDE,
    Fill,
    Pixels,
    arguments,
    box_of,
    enlarged,
    heading,
    in_bytes,
    in_turn,
    opencv,
    ours,
    photographs,
    row,
    scikit_image,
    timed,
    window_at,
)
from inpaintkit.classic.patchmatch import nearest_neighbours
from inpaintkit.damage import text
from inpaintkit.problem import Mask
from inpaintkit.sheet import masked, sheet


def field() -> None:
    """Mean distance over brute force's, and seconds an iteration, for 7 x 7 patches of 1 megapixel."""
    a, b = photograph((1000, 1000)), np.ascontiguousarray(cv2.resize(skimage.data.coffee(), (1000, 1000)))
    rng = np.random.default_rng(0)
    anchors = rng.integers(3, 997, (100, 2))
    best = [cv2.matchTemplate(b, a[y - 3 : y + 4, x - 3 : x + 4], cv2.TM_SQDIFF).min() / 49 for y, x in anchors]
    nearest_neighbours(a[:64, :64], b[:64, :64])  # compile
    print("| iterations | seconds | distance over brute force's |\n|---|---|---|")
    for iterations in (1, 2, 5, 10):
        found, taken = timed(partial(nearest_neighbours, iterations=iterations), a, b)
        ratio = np.mean(found.distance[anchors[:, 0], anchors[:, 1], 0]) / np.mean(best)
        print(f"| {iterations} | {taken:.2f} | {ratio:.3f} |")


def times(names: list[str], repeats: int) -> None:
    """Seconds for a box of 35 % x 35 %, for text, and for 12 megapixels with a box of 12 %."""
    middle = np.zeros((512, 512), np.bool_)
    middle[window_at((166, 166))] = True
    cases = {"box": middle, "text 19 %": text((512, 512), size=20, share=0.19, seed=1)}
    large = photograph((3000, 4000)), square((3000, 4000))
    print(heading(["512 x 512", *names]))
    for case, hole in cases.items():
        calls = [partial(inpaint, skimage.data.astronaut(), hole, name) for name in names]
        print(row([case, *(f"{statistics.median(taken):.2f} s" for taken in in_turn(calls, repeats))]))
    _, taken = timed(inpaint, *large, "patchmatch")
    print(f"\n12 MP, box of 12 %: patchmatch {taken:.1f} s")


def textures(names: list[str], features: Features | None) -> None:
    """Where a fill stands among the picture's own windows: gradient energy, Gram matrices, slopes over the rim.

    Given are percentiles: of the fill's median distance to the real windows among the distances between real windows
    that do not overlap, and of its mean slope over the rim among theirs. Over 95 it would stand out.
    """
    print("| texture | fill | gradient energy | Gram distance | slopes over the rim |\n|---|---|---|---|---|")
    for texture in ("brick", "grass", "gravel"):
        truth = getattr(skimage.data, texture)()
        hole, middle = box_of(truth)
        places = window_places(truth.shape)
        real = [features.grams(truth, (*place, SIDE, SIDE)) for place in places] if features else []
        for name, (filled, _) in _filled(truth, hole, names).items():
            energy = percentile_among(
                places,
                [gradient_energy(truth[window_at(place)]) for place in places],
                gradient_energy(filled[window_at(middle)]),
            )
            rim = _above([_rim(truth, place) for place in places], _rim(filled, middle))
            gram = (
                percentile_among(places, real, features.grams(filled, (*middle, SIDE, SIDE)), gram_distance)
                if features
                else np.nan
            )
            print(f"| {texture} | {name} | {energy:.0f} | {gram:.0f} | {rim:.0f} |", flush=True)


def boxes(names: list[str], features: Features | None, images: Path | None, sheets: Path | None) -> None:
    """Gram distance to the truth, hole PSNR and seconds for a box of 180 x 180 in the middle of photographs."""
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for title, truth in photographs(images):
        hole, middle = box_of(truth)
        box = (*middle, SIDE, SIDE)
        real = features.grams(truth, box) if features else {}
        panels = [("hole", masked(truth, hole)[..., :3]), ("truth", truth)]
        for name, (filled, seconds) in _filled(truth, hole, names).items():
            gram = gram_distance(features.grams(filled, box), real) if features else np.nan
            psnr = hole_psnr(filled, truth, hole)
            rows.setdefault(name, []).append((gram, psnr, seconds))
            panels.append((f"{name}  {gram:.2f}  {psnr:.1f} dB", filled))
        if sheets:
            around = tuple(slice(max(0, at - 40), at + SIDE + 40) for at in middle)
            sheets.mkdir(parents=True, exist_ok=True)
            write(sheets / f"{title}.png", sheet([(caption, enlarged(pixels[around])) for caption, pixels in panels]))
    print("| fill | Gram distance | hole PSNR | seconds |\n|---|---|---|---|")
    for name, values in rows.items():
        gram, psnr, seconds = np.mean(values, axis=0)
        print(f"| {name} | {gram:.3f} | {psnr:.2f} dB | {seconds:.2f} |")


def _filled(truth: Pixels, hole: Mask, names: list[str]) -> dict[str, tuple[Pixels, float]]:
    """Each fill and its seconds, compiling excluded."""
    fills: dict[str, Fill] = ours(names) | dict(list(opencv().items())[:1]) | {"skimage biharmonic": scikit_image}
    if shutil.which("gmic"):
        fills["G'MIC matchpatch"] = _gmic
    damaged = truth.copy()
    damaged[hole] = 0
    filled = {}
    for name, fill in fills.items():
        fill(damaged[:96, :96].copy(), np.pad(np.ones((32, 32), np.bool_), 32))  # may compile
        result, seconds = timed(fill, damaged.copy(), hole)
        filled[name] = in_bytes(result), seconds
    return filled


def _gmic(photo: Pixels, hole: Mask) -> Any:
    """G'MIC's patch-based filling on several scales, from the shell, start included."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{name}.png" for name in ("photo", "hole", "filled")]
        write(paths[0], photo)
        write(paths[1], hole.astype(np.uint8) * 255)
        order = f"-inpaint_matchpatch[0] [1] -rm[1] -o {paths[2]}".split()
        subprocess.run(["gmic", "-v", "-1", *paths[:2], *order], check=True)
        return read(paths[2]).reshape(photo.shape)


def window_places(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """First rows and columns, multiples of 4, of windows all over a picture, half of each in its neighbour."""
    steps = [range(0, side - SIDE + 1, 80) for side in shape[:2]]
    return [(row, column) for row in steps[0] for column in steps[1]]


def gradient_energy(window: Pixels) -> float:
    """Mean square difference of neighbouring pixels, down and across."""
    values = window.astype(float)
    return float(np.mean(np.diff(values, axis=0) ** 2) + np.mean(np.diff(values, axis=1) ** 2))


def _rim(picture: Pixels, place: tuple[int, int]) -> float:
    """Mean difference between the pixels on both sides of a window's border."""
    values = picture.astype(float)
    (top, left), (bottom, right) = place, (place[0] + SIDE, place[1] + SIDE)
    rows = [np.abs(values[at - 1, left:right] - values[at, left:right]) for at in (top, bottom) if 0 < at < len(values)]
    columns = [
        np.abs(values[top:bottom, at - 1] - values[top:bottom, at]) for at in (left, right) if 0 < at < values.shape[1]
    ]
    return float(np.mean(np.concatenate([part.reshape(-1) for part in rows + columns])))


def _above(real: list[float], value: float) -> float:
    """Percentile of a value among real ones."""
    return float(np.mean(np.asarray(real) < value) * 100)


def percentile_among(
    places: list[tuple[int, int]],
    real: list[Any],
    fill: Any,
    distance: Callable[[Any, Any], float] = lambda a, b: abs(a - b),
) -> float:
    """Percentile of the fill's median distance to windows among the distances between those that do not overlap."""
    pairs = [
        distance(real[j], real[i])
        for i, a in enumerate(places)
        for j, b in enumerate(places)
        if max(abs(a[0] - b[0]), abs(a[1] - b[1])) >= SIDE
    ]
    return _above(pairs, float(np.median([distance(fill, b) for b in real])))


def main() -> None:
    """Print each part's table."""
    parser = arguments(__doc__, images=None, methods="patchmatch,criminisi")
    parser.add_argument("--only", default="field,times,textures,boxes", help="parts to run")
    parser.add_argument("--vgg", type=Path, help="VGG19's weights, a .pth file; Gram distances are left out without")
    parser.add_argument("--sheets", type=Path, help="a folder for the part boxes' pictures, at 200 %%")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    names = [name for name in options.methods.split(",") if name in methods()]
    features = Features(options.vgg) if options.vgg else None
    parts: dict[str, Callable[[], None]] = {
        "field": field,
        "times": lambda: times(names, options.repeats),
        "textures": lambda: textures(names, features),
        "boxes": lambda: boxes(names, features, options.images, options.sheets),
    }
    for part in options.only.split(","):
        print(f"\n### {part}\n")
        parts[part]()


if __name__ == "__main__":
    main()
