"""How well do clicks select an object? Overlap with outlines traced at 200 % after one, two and three clicks.

Every object is clicked at several places of its own: its middle, and places far from that. Each further click is where
a user would click next, in the middle of the largest error: of the object where something is missing, not of it where
something is too much. The photographs come with scikit-image, and where INPAINTKIT_DATA is set from that folder.

    python -m inpaintkit.benchmarks.studies.selecting [STARTS]
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from inpaintkit import files, masks
from inpaintkit.benchmarks.studies._outlines import DATA, PHOTOGRAPHS, Outline
from inpaintkit.problem import Mask

CLICKS = 3
GOOD = 0.85
_INNER = 0.35  # of the depth of an object: no start is nearer to its outline


def main(starts: int = 3) -> None:
    """Print one row for each object: the median over the places and, in brackets, the worst; and the means."""
    print("| photograph | object | 1 click | 2 clicks | 3 clicks | CPU s a click |")
    print("|---|---|---|---|---|---|")
    rows = []
    for name, photo, outlines in pictures():
        for kind, outline in outlines.items():
            found = np.array(
                [clicked(photo, traced(photo, outline), at) for at in places(traced(photo, outline), starts)]
            )
            rows += list(found)
            cells = [f"{np.median(some):.2f} ({some.min():.2f})" for some in found[:, :CLICKS].T]
            print(f"| {name} | {kind} | {' | '.join(cells)} | {found[:, CLICKS].mean():.2f} |", flush=True)
    every = np.array(rows)
    print(f"| all | mean | {shown(every.mean(axis=0))} |")
    print(f"| all | share over {GOOD} | {shown((every[:, :CLICKS] > GOOD).mean(axis=0))} | |")


def pictures() -> Iterator[tuple[str, NDArray[Any], dict[str, Outline]]]:
    """Names, photographs and their objects' outlines."""
    for name, outlines in PHOTOGRAPHS.items():
        found = getattr(skimage.data, name)()
        yield name, np.asarray(found[0] if isinstance(found, tuple) else found), outlines
    folder = os.environ.get("INPAINTKIT_DATA")
    for name, outlines in DATA.items() if folder else ():
        yield name, files.read(Path(str(folder)) / name), outlines


def shown(values: NDArray[Any]) -> str:
    """Numbers as cells."""
    return " | ".join(f"{value:.2f}" for value in values)


def traced(photo: NDArray[Any], outline: Outline) -> Mask:
    """The pixels within an outline."""
    if isinstance(outline, str):
        return masks.polygon(photo.shape[:2], [tuple(map(int, at.split(","))) for at in outline.split()])
    left, top, right, bottom = outline
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
    inside: Mask = ((2 * x - left - right) / (right - left)) ** 2 + ((2 * y - top - bottom) / (bottom - top)) ** 2 <= 1
    return inside


def places(wanted: Mask, count: int) -> list[tuple[int, int]]:
    """The deepest pixel of an object, X, Y, and others far from it and from each other."""
    deep = depth(wanted)
    y, x = np.nonzero(deep >= _INNER * deep.max())
    chosen = [int(deep[y, x].argmax())]
    away = np.full(len(x), np.inf)
    while len(chosen) < count:
        away = np.minimum(away, np.hypot(x - x[chosen[-1]], y - y[chosen[-1]]))
        chosen.append(int(away.argmax()))
    return [(int(x[k]), int(y[k])) for k in chosen]


def clicked(photo: NDArray[Any], wanted: Mask, start: tuple[int, int]) -> list[float]:
    """The overlap after each click, and the CPU seconds of a click."""
    points, found = [start], []
    outside: list[tuple[int, int]] = []
    before = time.thread_time()
    for _ in range(CLICKS):
        mask = masks.object_at(photo, points, outside=outside)
        found.append(np.count_nonzero(mask & wanted) / np.count_nonzero(mask | wanted))
        missing, surplus = depth(wanted & ~mask), depth(mask & ~wanted)
        larger, clicks = (missing, points) if missing.max() >= surplus.max() else (surplus, outside)
        y, x = np.unravel_index(int(larger.argmax()), larger.shape)
        clicks.append((int(x), int(y)))
    return [*found, (time.thread_time() - before) / CLICKS]


def depth(mask: Mask) -> NDArray[Any]:
    """How far each pixel of a mask is from its rim, px."""
    framed = np.pad(mask, 1).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, 5))[1:-1, 1:-1]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
