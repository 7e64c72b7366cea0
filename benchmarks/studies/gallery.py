"""Sheets that show what each method does: damaged photographs, synthetic scenes and objects, beside OpenCV's two.

    python -m inpaintkit.benchmarks.studies.gallery [--folder DIR] [--methods telea,...]

Writes words.png, thick.png, scenes.png and objects.png. Each picture is captioned with PSNR over the whole hole and
seconds for the whole photograph, compiling excluded; a crop of it is shown, at 200 % but for objects.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from numpy.typing import NDArray

from inpaintkit import write
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.benchmarks.studies._cases import (
    Fill,
    Pixels,
    arguments,
    enlarged,
    in_bytes,
    methods_without_extras,
    opencv,
    ours,
    timed,
)
from inpaintkit.damage import scratches, text
from inpaintkit.masks import combine, ellipse, stroke
from inpaintkit.problem import Mask
from inpaintkit.sheet import masked, sheet

_SIDE = 64  # px, of a synthetic scene
_COLUMNS = 4
_COPYING = ("auto", "patchmatch", "criminisi", "biharmonic", "cv2 telea r=5")  # for objects; two for comparison


def words() -> tuple[Pixels, Mask, tuple[slice, slice]]:
    """A portrait under words and scratches, its hole, and what to show of it."""
    photo = skimage.data.astronaut()[:300, 80:380]
    hole = text(photo.shape[:2], size=24, share=0.17, seed=1) | scratches(
        photo.shape[:2], number=7, max_width=5, seed=6
    )
    return photo, hole, np.s_[35:165, 60:190]


def thick() -> tuple[Pixels, Mask, tuple[slice, slice]]:
    """A cat with thick holes across whiskers, eye and fur, its hole, and what to show of it."""
    photo = skimage.data.chelsea()
    shape = photo.shape[:2]
    blobs = [ellipse(shape, box) for box in ((120, 125, 34, 26), (196, 96, 24, 30))]
    line = stroke(shape, [(90, 178), (150, 92), (232, 160)], width=11)
    return photo, combine(*blobs, line), np.s_[75:205, 80:250]


def scenes() -> list[tuple[Pixels, Mask]]:
    """Grey scenes of ``_SIDE`` pixels with a known continuation: straight edges, a T-junction, a circle's arc."""
    y, x = np.mgrid[:_SIDE, :_SIDE] - (_SIDE - 1) / 2
    middle = (_SIDE - 20) // 2
    disc = ellipse((_SIDE, _SIDE), (middle, middle, 20, 20))
    band = np.abs(x) < 5

    def shaded(distance: NDArray[Any]) -> NDArray[Any]:
        """1 on one side of an edge, 0 on the other, half a pixel of shade on both."""
        return np.clip(distance + 0.5, 0, 1)

    def straight(degrees: float) -> NDArray[Any]:
        slope = np.radians(degrees)
        return shaded(np.cos(slope) * y - np.sin(slope) * x)

    junction = shaded(y) * 0.5 + shaded(-y) * shaded(x)
    arc = shaded(24 - np.hypot(x, y - 18))
    made = [(straight(angle), hole) for hole in (band, disc) for angle in (0, 20, 45, 65)]
    made += [(values, hole) for hole in (band, disc) for values in (junction, arc)]
    return [(np.rint(40 + 170 * values).astype(np.uint8), hole) for values, hole in made]


def objects() -> list[tuple[Pixels, Mask, tuple[slice, slice]]]:
    """Photographs, what is to be removed from each, and what to show: a spoon, a mast, and a square of gravel."""
    coffee, rocket, gravel = skimage.data.coffee(), skimage.data.rocket(), skimage.data.gravel()
    spoon = stroke(coffee.shape[:2], [(412, 78), (404, 120), (378, 240)], width=26) | ellipse(
        coffee.shape[:2], (320, 232, 94, 100)
    )
    mast = stroke(rocket.shape[:2], [(448, 110), (448, 190), (457, 400)], width=44)
    square = np.zeros(gravel.shape, np.bool_)
    square[200:300, 200:300] = True
    return [
        (coffee, spoon, np.s_[120:360, 260:500]),
        (rocket, mast, np.s_[170:410, 340:580]),
        (np.repeat(gravel[..., None], 3, axis=2), square, np.s_[130:370, 130:370]),
    ]


def object_sheet(cases: list[tuple[Pixels, Mask, tuple[slice, slice]]], fills: dict[str, Fill]) -> Pixels:
    """A row for each photograph: damaged, then each fill."""
    panels = []
    for photo, hole, shown in cases:
        panels.append(("to be removed", masked(photo, hole)[shown][..., :3]))
        for name, fill in fills.items():
            filled, seconds = _second(fill, photo, hole)
            panels.append((f"{name}  {seconds:.2f} s", filled[shown]))
    return sheet(panels, columns=1 + len(fills))


def photograph_sheet(photo: Pixels, hole: Mask, shown: tuple[slice, slice], fills: dict[str, Fill]) -> Pixels:
    """Damaged, truth, and each fill with its caption."""
    panels = [("damaged", enlarged(masked(photo, hole)[shown])), ("truth", enlarged(photo[shown]))]
    for name, fill in fills.items():
        filled, seconds = _second(fill, photo, hole)
        caption = f"{name}  {hole_psnr(filled, photo, hole):.1f} dB  {seconds:.2f} s"
        panels.append((caption, enlarged(filled[shown])))
    return sheet(panels, columns=_COLUMNS)


def scene_sheet(scenes: list[tuple[Pixels, Mask]], fills: dict[str, Fill]) -> Pixels:
    """Each fill's scenes in a block of rows of four."""
    truth, hole = _tiled([scene for scene, _ in scenes]), _tiled([hole for _, hole in scenes])
    panels = [("damaged", enlarged(masked(truth, hole))), ("truth", enlarged(masked(truth, hole & False)))]
    for name, fill in fills.items():
        filled = _tiled([in_bytes(fill(scene.copy(), hole)) for scene, hole in scenes])
        panels.append((f"{name}  {hole_psnr(filled, truth, hole):.1f} dB", enlarged(masked(filled, hole & False))))
    return sheet(panels, columns=_COLUMNS)


def _second(fill: Fill, photo: Pixels, hole: Mask) -> tuple[Pixels, float]:
    """A fill and its seconds; the first may compile, so it does not count."""
    fill(photo.copy(), hole)
    filled, seconds = timed(fill, photo.copy(), hole)
    return in_bytes(filled), seconds


def _tiled(tiles: list[NDArray[Any]], per_row: int = 4) -> NDArray[Any]:
    rows = [np.concatenate(tiles[i : i + per_row], axis=1) for i in range(0, len(tiles), per_row)]
    return np.concatenate(rows)


def main() -> None:
    """Write the sheets."""
    parser = arguments(__doc__, methods=methods_without_extras())
    parser.add_argument("--folder", type=Path, default=Path("gallery"), help="where to write; made if missing")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    fills = ours(options.methods.split(",")) | opencv()
    sheets = {
        "words": photograph_sheet(*words(), fills),
        "thick": photograph_sheet(*thick(), fills),
        "scenes": scene_sheet(scenes(), fills),
        "objects": object_sheet(objects(), {name: fills[name] for name in _COPYING if name in fills}),
    }
    for name, pixels in sheets.items():
        path = options.folder / f"{name}.png"
        write(path, pixels)
        print(f"{path}: {pixels.shape[1]} x {pixels.shape[0]}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
