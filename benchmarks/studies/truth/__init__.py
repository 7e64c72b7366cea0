"""What is damaged in real pictures: strokes and areas traced by eye at 200 %, one JSON file of coordinates a picture.

    {"picture": "old_photos/c.png", "sha256": "...", "size": [width, height],
     "strokes": [{"kind": "crack", "width": 3, "points": [[x, y], ...]}, ...],
     "areas": [{"kind": "loss", "points": [[x, y], ...]}, ...],
     "not_judged": [[[x, y], ...], ...], "note": "..."}

``picture`` is a file of the data folder (INPAINTKIT_DATA). 0,0 is the centre of the first pixel, fractions are allowed.
A stroke covers the pixels whose centre is within half its width of its line, so that its ends are round; one of a
single point is a disc. An area covers the pixels whose centre is in the polygon or on its outline. ``not_judged`` are
polygons in which a person could not decide, and the borders of prints: nothing there is counted.

    python -m inpaintkit.benchmarks.studies.truth --draw DIR [--pictures a,b]
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inpaintkit import files, masks
from inpaintkit.problem import Mask

KINDS = ("crack", "crease", "scratch", "hair", "loss", "speck", "stain", "digit", "letter", "logo")
_FOLDER = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class Truth:
    """A picture's damage, as a person sees it.

    Attributes
    ----------
    path : the picture's file.
    mask : bool (H, W), all that is damaged.
    ignored : bool (H, W), where nothing is counted; apart from ``mask``.
    kinds : of each kind of damage that there is, where it lies; kinds may overlap.
    """

    path: Path
    mask: Mask
    ignored: Mask
    kinds: dict[str, Mask]

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The picture, without its opacity."""
        pixels: NDArray[np.uint8] = files.read(self.path)
        return pixels[..., :3] if pixels.ndim == 3 else pixels


def names() -> list[str]:
    """The pictures that have a truth, each named as its file begins."""
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


def data_root() -> Path:
    """The data folder, INPAINTKIT_DATA."""
    folder = os.environ.get("INPAINTKIT_DATA")
    if not folder:
        raise ValueError("INPAINTKIT_DATA is not set: set it to the data folder, which has old_photos and stamps")
    return Path(folder)


def load(name: str, data_root: Path) -> Truth:
    """The truth of a picture of the data folder.

    Raises
    ------
    ValueError : there is none of that name, or the picture's file is another than was traced.
    """
    if name not in names():
        raise ValueError(f"no truth of a picture {name!r}: choose one of {', '.join(names())}")
    return read(_FOLDER / f"{name}.json", data_root)


def read(file: Path, data_root: Path) -> Truth:
    """The truth that a JSON file holds."""
    traced = json.loads(file.read_text())
    path = data_root / traced["picture"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != traced["sha256"]:
        raise ValueError(
            f"{path} has sha256 {digest}, and {file.name} was traced on {traced['sha256']}: "
            "restore that file, or trace this one"
        )
    width, height = traced["size"]
    kinds = drawn((height, width), traced)
    mask = np.zeros((height, width), np.bool_)
    for part in kinds.values():
        mask |= part
    ignored = np.zeros_like(mask)
    for outline in traced["not_judged"]:
        ignored |= masks.polygon(mask.shape, outline)
    return Truth(path, mask, ignored & ~mask, kinds)


def drawn(shape: tuple[int, int], traced: dict[str, Any]) -> dict[str, Mask]:
    """The pixels of each kind of damage."""
    kinds: dict[str, Mask] = {}
    for part in [*traced["strokes"], *traced["areas"]]:
        if part["kind"] not in KINDS:
            raise ValueError(f"kind of damage {part['kind']!r}: expected one of {', '.join(KINDS)}")
        mask = kinds.setdefault(part["kind"], np.zeros(shape, np.bool_))
        mask |= (
            stroke(shape, part["points"], part["width"]) if "width" in part else masks.polygon(shape, part["points"])
        )
    return kinds


def stroke(shape: tuple[int, int], points: ArrayLike, width: float) -> Mask:
    """The pixels whose centre is within half the width of a line through points X, Y.

    Examples
    --------
    >>> stroke((3, 5), [(1, 1), (3, 1)], 2).astype(int)
    array([[0, 1, 1, 1, 0],
           [1, 1, 1, 1, 1],
           [0, 1, 1, 1, 0]])
    """
    mask = np.zeros(shape, np.bool_)
    line = np.asarray(points, np.float64)
    for start, end in pairwise(line if len(line) > 1 else [line[0], line[0]]):
        _segment(mask, start, end, width / 2)
    return mask


def _segment(mask: Mask, start: NDArray[np.float64], end: NDArray[np.float64], radius: float) -> None:
    """Mark what is within the radius of a segment."""
    (left, top), (right, bottom) = np.minimum(start, end) - radius, np.maximum(start, end) + radius
    rows = slice(max(math.ceil(top), 0), max(math.floor(bottom) + 1, 0))
    columns = slice(max(math.ceil(left), 0), max(math.floor(right) + 1, 0))
    box = mask[rows, columns]
    y, x = np.ogrid[rows.start : rows.start + box.shape[0], columns.start : columns.start + box.shape[1]]
    (x0, y0), (dx, dy) = start, end - start
    along = np.clip(((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
    box |= (x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2 <= radius**2 + 1e-9
