"""How much a date that a film camera lit onto a photograph, and dirt, leave to be seen: taken off, against `fsr`.

    python -m inpaintkit.benchmarks.studies.soft_light [--kodak DIR] [--dirt DIR] [--every N] [--save DIR]
    python -m inpaintkit.benchmarks.studies.soft_light --docs docs/light.jpg

A date of seven segments is added to crops of scikit-image's photographs, and of those in ``--kodak``: blurred, with a
glow, one channel often saturated. The figure is PSNR over the mask's pixels less that of ``fsr`` under the same mask:
all that the light changes, and 3 px more. After JPEG against the photograph stored alike, whose steps are told.
``--dirt`` is a folder of opacities of film damage, NAME_overlay.png, which darken the photographs, in full and by half.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit import inpaint, remove_overlay
from inpaintkit.benchmarks.studies import soft_letters
from inpaintkit.benchmarks.studies._cases import arguments, enlarged, new_folder
from inpaintkit.benchmarks.studies.damage import LIT
from inpaintkit.benchmarks.studies.soft_letters import PHOTOS, photograph, psnr
from inpaintkit.files import read, write
from inpaintkit.overlay import Mode
from inpaintkit.picture import grow
from inpaintkit.problem import Mask
from inpaintkit.sheet import sheet

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float64]

LIGHTS = {"red": (230, 40, 10), "orange": (240, 110, 20), "yellow": (230, 200, 40), "green": (40, 210, 60)}
SIZES = (16, 28, 44, 60)  # px, height of the digits
JPEGS = ((95, "4:4:4"), (95, "4:2:0"), (85, "4:2:0"))
WIDER = 3  # px
DATE = "'98 7 24"
LINES = (  # of a digit 1 wide and 1 high, with gaps between them, in the order of ``damage.SEGMENTS``
    ((0.1, 0), (0.9, 0)),
    ((1, 0.06), (1, 0.46)),
    ((1, 0.54), (1, 0.94)),
    ((0.1, 1), (0.9, 1)),
    ((0, 0.54), (0, 0.94)),
    ((0, 0.06), (0, 0.46)),
    ((0.1, 0.5), (0.9, 0.5)),
)
_APOSTROPHE = (5,)
_FINER = 4  # times the resolution at which segments are drawn
_SHOWN = "coffee", 28, "red"


@dataclass(frozen=True)
class Case:
    """What lies over which photograph, in what mode, and how that is stored."""

    row: str
    photo: Pixels
    seen: Pixels
    mask: Mask
    mode: Mode
    quality: int = 0
    subsampling: str = ""


def date(shape: tuple[int, int], size: int) -> Plane:
    """How much light each pixel gets, 0 to 1."""
    lit = np.zeros(shape)
    left, top = 0.05 * shape[1], (shape[0] - size) / 2
    for number, sign in enumerate(DATE):
        canvas = np.zeros((shape[0] * _FINER, shape[1] * _FINER), np.uint8)
        for segment in _APOSTROPHE if sign == "'" else LIT[sign]:
            ends = [(left + (0.55 * x + 0.12 * (1 - y)) * size, top + y * size) for x, y in LINES[segment]]
            start, end = (tuple(round(value * _FINER) for value in point) for point in ends)
            cv2.line(canvas, start, end, 255, max(1, round(0.13 * size * _FINER)))
        one = cv2.resize(canvas, shape[::-1], interpolation=cv2.INTER_AREA) / 255
        lit = np.maximum(lit, one * (1 - 0.02 * number))  # segments are not equally bright
        left += size * (0.83 if sign.isdigit() else 0.4)
    sharp, glow = (cv2.GaussianBlur(lit, (0, 0), blur) for blur in (max(0.06 * size, 0.6), max(0.25 * size, 2)))
    lit = sharp + 0.12 * glow
    return np.asarray(lit / lit.max())


def photographs(kodak: Path | None) -> Iterator[tuple[str, Pixels]]:
    """Crops of photographs in colour."""
    for name in PHOTOS:
        photo = photograph(name)[:128]
        if photo.ndim == 3:
            yield name, photo
    for path in sorted(kodak.glob("*.png"))[::2] if kodak else ():
        yield path.stem, np.ascontiguousarray(read(path)[-168:-40, -296:-40, :3])


def dated(photo: Pixels, size: int, light: str) -> tuple[Pixels, Mask]:
    """A photograph with a date, and the pixels that it changes."""
    more = date(photo.shape[:2], size)[..., None] * np.array(LIGHTS[light], float)
    return np.clip(np.rint(photo + more), 0, 255).astype(np.uint8), (np.rint(more) > 0).any(axis=2)


def cases(kodak: Path | None, dirt: Path | None) -> Iterator[Case]:
    """The whole list; lights take turns."""
    names = list(LIGHTS)
    for number, (_, photo) in enumerate(photographs(kodak)):
        for turn, size in enumerate(SIZES):
            light = names[(number + turn) % len(names)]
            seen, mask = dated(photo, size, light)
            yield Case("light, lossless", photo, seen, mask, "add")
            yield Case(f"light, mask {WIDER} px wider", photo, seen, grow(mask, WIDER), "add")
            for stored in JPEGS:
                yield Case(f"light, JPEG {stored[0]} {stored[1]}", photo, seen, mask, "add", *stored)
    photos = [photo for _, photo in photographs(kodak)]
    for number, path in enumerate(sorted(dirt.glob("*_overlay.png")) if dirt else ()):
        opacity, photo = read(path) / 255, photos[number % len(photos)]
        high, wide = photo.shape[:2]
        most = cv2.boxFilter(opacity, -1, (wide, high), borderType=cv2.BORDER_CONSTANT)
        top, left = np.unravel_index(
            np.argmax(most[high // 2 : -high // 2, wide // 2 : -wide // 2]), (len(most) - high, most.shape[1] - wide)
        )
        for share in (1.0, 0.5):
            part = share * opacity[top : top + high, left : left + wide]
            seen = np.rint(photo * (1 - part[..., None])).astype(np.uint8)
            yield Case(f"dirt, times {share}", photo, seen, np.rint(255 * part) > 0, "multiply")


def measured(case: Case) -> tuple[float, float, list[Pixels]]:
    """PSNR of ``fsr``, what taking off gains on it, and pictures: seen, filled, taken off, truth."""
    seen, clean, told = case.seen, case.photo, None
    if case.quality:
        like = soft_letters.Case("", "", "", 0, "", 1.0, case.quality, case.subsampling)
        (seen, told), (clean, _) = (soft_letters.stored(pixels, like) for pixels in (seen, clean))
    filled = inpaint(seen, case.mask, "fsr")
    removed = remove_overlay(seen, case.mask, mode=case.mode, method="fsr", stored=told)
    figures = [psnr(pixels[case.mask], clean[case.mask]) for pixels in (filled, removed)]
    return figures[0], figures[1] - figures[0], [seen, filled, removed, clean]


def for_docs(path: Path) -> None:
    """The picture of the docs: a date filled over, and taken off as light."""
    name, size, light = _SHOWN
    photo = photograph(name)[:128]
    seen, mask = dated(photo, size, light)
    psnr_filled, gain, pictures = measured(Case("", photo, seen, mask, "add"))
    titles = "seen", f"fsr, {psnr_filled:.1f} dB", f"as light, {psnr_filled + gain:.1f} dB"
    shown: Any = [(title, enlarged(pixels)) for title, pixels in zip(titles, pictures[:3], strict=True)]
    PILImage.fromarray(sheet(shown)).save(path, quality=90)


def main() -> None:
    """Print each case as it is done, then means and the worst of each kind."""
    parser = arguments(__doc__, docs=True)
    parser.add_argument("--kodak", type=Path, help="a folder of Kodak's photographs")
    parser.add_argument("--dirt", type=Path, help="a folder of film damage")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth case of a kind")
    parser.add_argument("--save", type=new_folder, help="a folder for pictures: seen, fsr, taken off, truth")
    options = parser.parse_args()
    if options.docs:
        for_docs(options.docs)
        return
    rows: dict[str, list[tuple[float, float]]] = {}
    counts: dict[str, int] = {}
    for case in cases(options.kodak, options.dirt):
        counts[case.row] = counts.get(case.row, -1) + 1
        if counts[case.row] % options.every:
            continue
        filled, gain, pictures = measured(case)
        rows.setdefault(case.row, []).append((filled, gain))
        print(f"{case.row}, {counts[case.row]}: fsr {filled:.2f}, taken off {gain:+.2f}", flush=True)
        if options.save:
            write(options.save / f"{case.row} {counts[case.row]}.png".replace(" ", "_"), np.vstack(pictures))
    print("| case | n | fsr, dB | taken off | worst |\n|---|---|---|---|---|")
    for row, figures in rows.items():
        mean = np.mean(figures, axis=0)
        print(f"| {row} | {len(figures)} | {mean[0]:.2f} | {mean[1]:+.2f} | {min(gain for _, gain in figures):+.2f} |")


if __name__ == "__main__":
    main()
