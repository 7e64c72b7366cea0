"""What the studies share: photographs, damage and boxes, peers, times, and how a table is printed."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
import skimage.restoration
from numpy.typing import NDArray

from inpaintkit import inpaint, methods
from inpaintkit.api import versions
from inpaintkit.benchmarks import presets
from inpaintkit.benchmarks.protocols import drop
from inpaintkit.damage import scratches, text
from inpaintkit.files import read
from inpaintkit.problem import Mask

Pixels = NDArray[np.uint8]
Fill = Callable[[Pixels, Mask], Any]

FOUR = ("astronaut", "coffee", "chelsea", "rocket")
SIDE = 180  # px, of the box amid a photograph


def arguments(about: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """A study's parser: its docstring as help; ``--methods`` or ``--images`` for a default given; ``docs=True``."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    if "methods" in defaults:
        parser.add_argument("--methods", default=defaults["methods"], help="our methods, by name")
    if "images" in defaults:
        parser.add_argument(
            "--images", type=Path, default=defaults["images"], help="a folder of photographs instead of scikit-image's"
        )
    if defaults.get("docs"):
        parser.add_argument("--docs", type=Path, metavar="FILE", help="write the picture of the docs, and nothing else")
    return parser


def new_folder(path: str) -> Path:
    """An option's folder, which is there from now on."""
    made = Path(path)
    made.mkdir(parents=True, exist_ok=True)
    return made


def photographs(folder: Path | None = None, names: Sequence[str] = ()) -> Iterator[tuple[str, Pixels]]:
    """The photographs of a folder without alpha, else scikit-image's of those names, else all of them."""
    if folder:
        yield from ((path.stem, read(path)[..., :3]) for path in sorted(folder.iterdir()))
    else:
        yield from ((name, photo) for name, photo in presets.photographs() if name in names or not names)


def damaged(photos: Iterable[tuple[str, Pixels]], kinds: Sequence[str]) -> Iterator[tuple[str, Pixels, Mask]]:
    """(name, photograph, hole) for each photograph and kind of damage, a key of ``DAMAGE``."""
    for name, photo in photos:
        for kind in kinds:
            yield f"{name}, {kind}", photo, DAMAGE[kind](photo.shape[:2])


DAMAGE: dict[str, Callable[[tuple[int, int]], Mask]] = {
    "text 20 px": partial(text, size=20, share=0.19, seed=1),
    "text 36 px": partial(text, size=36, share=0.19, seed=2),
    "scratches": partial(scratches, number=14, seed=3),
    "half lost": partial(drop, share=0.5, seed=4),
    "just under half lost": partial(drop, share=0.499, seed=4),
}


def box_of(photo: NDArray[Any]) -> tuple[Mask, tuple[int, int]]:
    """A box in the middle, of 512 pixels those from 165 to 344, and its first row and column."""
    row, column = ((side - SIDE - 1) // 2 for side in photo.shape[:2])
    hole = np.zeros(photo.shape[:2], np.bool_)
    hole[window_at((row, column))] = True
    return hole, (row, column)


def window_at(place: tuple[int, int]) -> tuple[slice, slice]:
    """To index the window of ``SIDE`` whose first row and column are given."""
    return slice(place[0], place[0] + SIDE), slice(place[1], place[1] + SIDE)


def methods_without_extras() -> str:
    """``auto`` and the methods that need no extra, separated by commas."""
    return ",".join(["auto", *(name for name, row in methods().items() if not row.needs)])


def ours(names: Iterable[str]) -> dict[str, Fill]:
    """Our methods by name."""
    return {name: partial(inpaint, method=name) for name in names}


def opencv(radius: float = 5.0) -> dict[str, Fill]:
    """OpenCV's two by name."""

    def fill(flag: int) -> Fill:
        return lambda photo, hole: cv2.inpaint(photo, hole.astype(np.uint8), radius, flag)

    return {f"cv2 telea r={radius:g}": fill(cv2.INPAINT_TELEA), f"cv2 ns r={radius:g}": fill(cv2.INPAINT_NS)}


def scikit_image(photo: Pixels, hole: Mask) -> NDArray[Any]:
    """scikit-image's biharmonic fill by regions, in grey levels, not rounded."""
    axis = -1 if photo.ndim == 3 else None
    filled = skimage.restoration.inpaint_biharmonic(photo, hole, channel_axis=axis, split_into_regions=True)
    return np.asarray(filled * 255)


def in_bytes(filled: Any) -> Pixels:
    """A fill in grey levels, rounded."""
    return np.asarray(np.clip(np.rint(filled), 0, 255), np.uint8)


def timed(fill: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """What a call gives, and its seconds."""
    began = time.perf_counter()
    filled = fill(*arguments)
    return filled, time.perf_counter() - began


def in_turn(calls: Sequence[Callable[[], Any]], repeats: int) -> list[list[float]]:
    """Seconds of each call, run in turn ``repeats`` times; one run before, which may compile, does not count."""
    for call in calls:
        call()
    turns = [[timed(call)[1] for call in calls] for _ in range(repeats)]
    return [list(taken) for taken in zip(*turns, strict=True)]


def enlarged(pixels: NDArray[Any], times: int = 2) -> Pixels:
    """A picture with every pixel as a square of pixels."""
    return np.asarray(pixels.repeat(times, axis=0).repeat(times, axis=1), np.uint8)


def versions_line() -> str:
    """The libraries in use."""
    return ", ".join(f"{name} {version}" for name, version in versions().items())


def row(cells: Iterable[object]) -> str:
    """A row of a Markdown table; figures with two digits."""
    return "| " + " | ".join(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |"


def heading(cells: Sequence[str]) -> str:
    """A Markdown table's first two rows."""
    return f"{row(cells)}\n{'|---' * len(cells)}|"
