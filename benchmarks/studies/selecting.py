"""How well do clicks select an object? Overlap with outlines traced at 200 % after one, two and three clicks.

Every object is clicked at several places of its own: its middle, and places far from that. Each further click is where
a user would click next, in the middle of the largest error: of the object where something is missing, not of it where
something is too much. The photographs come with scikit-image.

    python -m inpaintkit.benchmarks.studies.selecting [STARTS]
"""

from __future__ import annotations

import sys
import time
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from inpaintkit import masks
from inpaintkit.problem import Mask

CLICKS = 3
GOOD = 0.85
_INNER = 0.35  # of the depth of an object: no start is nearer to its outline

Oval = tuple[int, int, int, int]  # left, top, right, bottom
TRACED: dict[str, dict[str, str | Oval]] = {  # X,Y after X,Y
    "coffee": {
        "cup": (
            "173,105 178,80 190,58 205,43 225,30 250,21 280,18 310,19 340,27 365,40 385,57 398,75 406,98 407,115 "
            "402,140 398,160 390,180 384,205 375,225 362,240 345,252 328,268 315,278 300,283 280,284 262,282 "
            "255,268 240,285 225,303 212,306 200,299 197,285 203,262 212,240 200,215 185,195 177,170 174,140"
        ),
        "saucer": (
            "77,230 80,190 95,150 120,110 150,85 182,70 190,58 205,43 225,30 250,21 280,18 310,19 340,27 365,40 "
            "385,57 398,75 410,67 422,72 420,100 450,140 470,180 479,230 472,260 455,295 425,330 390,355 345,375 "
            "300,387 255,386 205,372 160,345 120,310 90,270"
        ),
        "spoon": (326, 243, 406, 325),
        "coffee": (
            "203,150 212,125 225,106 245,98 280,95 310,98 335,107 355,122 366,140 370,162 355,175 330,187 300,192 "
            "265,189 240,180 220,165"
        ),
    },
    "chelsea": {
        "eyeL": (
            "137,112 139,102 144,94 151,88 160,86 170,86 180,88 190,91 197,97 202,105 205,113 205,122 203,131 "
            "196,141 184,144 174,145 164,143 155,139 147,131 140,122"
        ),
        "eyeR": (
            "295,145 296,136 300,128 307,120 315,115 323,111 331,110 337,113 341,120 342,130 340,142 335,150 "
            "328,157 320,160 312,161 304,158 298,153"
        ),
    },
    "rocket": {
        "rocket": (
            "311,175 310,150 313,138 319,128 323,126 328,128 332,138 334,150 333,175 331,180 331,240 331,300 "
            "331,360 331,406 314,406 314,300 314,240 313,180"
        ),
    },
    "astronaut": {
        "patch": (133, 349, 207, 423),
        "helmet": (
            "277,512 278,480 283,450 295,420 315,390 340,365 370,350 400,344 430,348 455,362 475,385 490,415 "
            "497,450 505,470 508,500 508,512"
        ),
        "tag": "280,341 328,346 326,371 315,378 283,373",
    },
    "camera": {
        "tower": "412,132 431,130 432,192 412,192",
    },
    "coins": {
        "c0": (22, 34, 67, 74),
        "c2": (132, 28, 179, 74),
        "c4": (255, 33, 297, 72),
    },
}


def main(starts: int = 3) -> None:
    """Print one row for each object, and the means."""
    print("| photograph | object | 1 click | 2 clicks | 3 clicks | CPU s a click |")
    print("|---|---|---|---|---|---|")
    rows = []
    for name, outlines in TRACED.items():
        photo = np.asarray(getattr(skimage.data, name)())
        for kind, outline in outlines.items():
            found = np.array(
                [clicked(photo, traced(photo, outline), at) for at in places(traced(photo, outline), starts)]
            )
            rows += list(found)
            print(f"| {name} | {kind} | {shown(found.mean(axis=0))} |", flush=True)
    every = np.array(rows)
    print(f"| all | mean | {shown(every.mean(axis=0))} |")
    print(f"| all | share over {GOOD} | {shown((every[:, :CLICKS] > GOOD).mean(axis=0))} | |")


def shown(values: NDArray[Any]) -> str:
    """Numbers as cells."""
    return " | ".join(f"{value:.2f}" for value in values)


def traced(photo: NDArray[Any], outline: str | Oval) -> Mask:
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
