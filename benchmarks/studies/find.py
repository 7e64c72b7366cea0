"""How well damage is found: recall, precision and what a repair with the found mask loses.

    python -m inpaintkit.benchmarks.studies.find [--kinds text,stamp,...] [--sizes 8,12,...] [--photos N] [--images DIR]
                                         [--save DIR]
    python -m inpaintkit.benchmarks.studies.find --docs docs/finding.jpg

Recall counts every pixel that the damage changed, by however little; a proposed pixel is right where it lies at most
2 px from one of them.
The gap is whole-picture PSNR of the repair with the true mask less that with the found one.
Beside it stands what the unrepaired picture loses. With ``--docs`` it writes the picture of the docs instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit import find_mask, inpaint
from inpaintkit.benchmarks.studies import damage
from inpaintkit.benchmarks.studies._cases import arguments, new_folder
from inpaintkit.benchmarks.studies.damage import Pixels, Style
from inpaintkit.files import read, write
from inpaintkit.problem import Mask
from inpaintkit.sheet import proposed, sheet

TOLERANCE = 2  # px
KINDS = ("text", "stamp", "scratches", "dust", "clean")
FINDERS = ("text", "stamp", "scratches", "dust", "auto")
SIZES = (8, 12, 16, 24, 36, 60, 100, 200)
RIGHT, MISSED, WRONG = (0, 200, 0), (255, 0, 0), (255, 0, 255)
_GRAIN = 8.0  # grey levels
_CELL = (360, 240)  # px, of a picture of the docs
_CAPTIONS = (  # photograph, style and seed of its caption
    ("rocket", Style(40, "pillow", (250, 220, 50), outline=2, shadow=3, blur=1.0), 1),
    ("chelsea", Style(26, "pillow", (200, 40, 40), opacity=0.9), 3),
    ("camera", Style(36, "pillow", (115, 115, 115)), 5),
)
_SIDE = 768  # px: larger photographs are reduced, so that sizes mean the same in all of them


@dataclass(frozen=True)
class Case:
    """A photograph, the damaged one, and every pixel that differs."""

    name: str
    row: str  # of the table
    photo: Pixels
    damaged: Pixels
    truth: Mask


@dataclass(frozen=True)
class Score:
    """Figures of a case; NaN where one means nothing."""

    name: str
    row: str
    recall: float
    precision: float
    gap: float  # dB
    undone: float  # dB lost if the damage is left
    proposed: float  # share of the picture
    seconds: float


def photographs() -> Iterator[tuple[str, Pixels]]:
    """Scikit-image's photographs that need no download, colour and grey; ``page`` and ``text`` are themselves text."""
    yield "astronaut", skimage.data.astronaut()
    yield "coffee", skimage.data.coffee()
    yield "chelsea", skimage.data.chelsea()
    yield "rocket", skimage.data.rocket()
    yield "retina", skimage.data.retina()
    yield "motorcycle", skimage.data.stereo_motorcycle()[0]
    yield "ihc", skimage.data.immunohistochemistry()
    yield "hubble", skimage.data.hubble_deep_field()
    yield "camera", skimage.data.camera()
    yield "coins", skimage.data.coins()
    yield "moon", skimage.data.moon()
    yield "brick", skimage.data.brick()
    yield "grass", skimage.data.grass()
    yield "gravel", skimage.data.gravel()


def reduced(photo: Pixels) -> Pixels:
    """A photograph with no side longer than ``_SIDE``."""
    scale = _SIDE / max(photo.shape[:2])
    if scale >= 1:
        return photo
    return np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def grainy(photo: Pixels, seed: int, grain: float = _GRAIN) -> Pixels:
    """A photograph on film: grain a little soft, of that standard deviation in levels, the same in all channels."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, photo.shape[:2]), (0, 0), 0.6)
    noise = np.asarray(noise * grain / noise.std())
    noisy = np.rint(photo + (noise if photo.ndim == 2 else noise[..., None]))
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def cases(kind: str, photos: list[tuple[str, Pixels]], sizes: list[int], seed: int) -> Iterator[Case]:
    """Every case of a kind of damage."""
    for index, (name, photo) in enumerate(photos):
        case_seed = 1000 * seed + index
        if kind == "clean":
            yield Case(name, "clean", photo, photo, np.zeros(photo.shape[:2], np.bool_))
        elif kind in ("scratches", "dust"):
            draw = damage.scratched if kind == "scratches" else damage.dusty
            for row, original in ((kind, photo), (f"{kind} on grain", grainy(photo, case_seed))):
                damaged, truth = draw(original, seed=case_seed)
                yield Case(name, row, original, damaged, truth)
        else:
            for size in sizes:
                seed_of_size = case_seed + 100 * size
                if kind == "text":
                    damaged, truth, style = damage.caption(photo, size=size, seed=seed_of_size)
                    look = f", {style.font}, {style.colour}, outline {style.outline}, shadow {style.shadow}"
                else:
                    damaged, truth = damage.date_stamp(photo, size=size, seed=seed_of_size)
                    look = ""
                yield Case(f"{name}, {size} px{look}", f"{kind} {size} px", photo, damaged, truth)


def scored(case: Case, find: Callable[[Pixels], Mask], method: str) -> tuple[Score, Mask]:
    """Find the damage of a case, repair it with the found and with the true mask, and compare."""
    began = time.perf_counter()
    found = find(case.damaged)
    seconds = time.perf_counter() - began
    hits, damaged = np.count_nonzero(found & case.truth), np.count_nonzero(case.truth)
    near = cv2.dilate(case.truth.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))) > 0
    proposed = np.count_nonzero(found)
    gap = undone = np.nan
    if damaged:
        # No error counts as less than rounding's, so that a nearly perfect repair does not dominate the mean.
        masks = case.truth, found, np.zeros_like(found)
        right, ours, none = (10 * np.log10(max(_error(case, mask, method), 1 / 12)) for mask in masks)
        gap, undone = ours - right, none - right
    score = Score(
        case.name,
        case.row,
        hits / damaged if damaged else np.nan,
        np.count_nonzero(found & near) / proposed if proposed and damaged else np.nan,
        gap,
        undone,
        proposed / found.size,
        seconds,
    )
    return score, found


def _error(case: Case, mask: Mask, method: str) -> float:
    """Mean squared error of the whole repaired picture."""
    filled = inpaint(case.damaged, mask, method, fallback=True, threads=2) if mask.any() else case.damaged
    return float(np.mean((filled.astype(np.float64) - case.photo) ** 2))


def overlay(case: Case, found: Mask) -> Pixels:
    """The damaged picture, what was found rightly in green, what was missed in red, what is wrong in magenta."""
    grey = case.damaged if case.damaged.ndim == 2 else case.damaged.mean(axis=2).astype(np.uint8)
    seen = np.repeat((grey // 2 + 64)[..., None], 3, axis=2)
    for where, colour in ((found & case.truth, RIGHT), (case.truth & ~found, MISSED), (found & ~case.truth, WRONG)):
        seen[where] = colour
    return np.hstack([case.damaged if case.damaged.ndim == 3 else np.repeat(grey[..., None], 3, axis=2), seen])


def table(scores: list[Score]) -> str:
    """A row per kind and size: the means, and the worst gap."""
    lines = [
        "| damage | cases | recall | min | precision | mean gap, dB | median | worst | unrepaired | proposed | s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in dict.fromkeys(score.row for score in scores):
        mine = [score for score in scores if score.row == row]
        part = np.array([(s.recall, s.precision, s.gap, s.undone, s.proposed, s.seconds) for s in mine])
        recall, precision, gap, undone, proposed, seconds = part.T
        lines.append(
            f"| {row} | {len(mine)} | {_mean(recall):.3f} | {_worst(-recall, -1):.3f} | {_mean(precision):.3f} "
            f"| {_mean(gap):.2f} | {_median(gap):.2f} | {_worst(gap):.2f} | {_mean(undone):.2f} "
            f"| {_mean(proposed):.2%} | {_mean(seconds):.2f} |"
        )
    return "\n".join(lines)


def for_docs(path: Path) -> None:
    """The picture of the docs: three captions, what is proposed, and the repair."""
    cells = []
    for name, style, seed in _CAPTIONS:
        photo = getattr(skimage.data, name)()
        height = photo.shape[1] * 2 // 3
        photo = np.ascontiguousarray(photo[:height]) if height <= photo.shape[0] else photo
        damaged, _, _ = damage.caption(photo, style=style, seed=seed)
        found = find_mask(damaged, "text")
        shown = [damaged, proposed(damaged, found), inpaint(damaged, found, "auto")]
        titles = f"{name} with a caption", "proposed", "filled"
        cells += [
            (title, cv2.resize(pixels, _CELL, interpolation=cv2.INTER_AREA))
            for title, pixels in zip(titles, shown, strict=True)
        ]
    PILImage.fromarray(sheet(cells)).save(path, quality=90)


def _known(values: NDArray[Any]) -> NDArray[Any]:
    known: NDArray[Any] = values[~np.isnan(values)]
    return known


def _mean(values: NDArray[Any]) -> float:
    known = _known(values)
    return float(known.mean()) if len(known) else float("nan")


def _median(values: NDArray[Any]) -> float:
    known = _known(values)
    return float(np.median(known)) if len(known) else float("nan")


def _worst(values: NDArray[Any], sign: int = 1) -> float:
    known = _known(values)
    return sign * float(known.max()) if len(known) else float("nan")


def main() -> None:
    """Print Markdown tables, the worst cases after them."""
    parser = arguments(__doc__, images=None, docs=True)
    parser.add_argument(
        "--kinds", default=",".join(KINDS), help="kinds of damage; clean leaves the photograph undamaged"
    )
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="of text and stamps, in pixels")
    parser.add_argument("--photos", type=int, help="at most so many photographs")
    parser.add_argument("--method", default="auto", help="what repairs")
    parser.add_argument("--sensitivity", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0, help="of the damage")
    parser.add_argument("--failures", type=int, default=8, help="how many of the worst cases of a kind are listed")
    parser.add_argument("--save", type=new_folder, help="a folder for pictures of what was found, missed and wrong")
    options = parser.parse_args()
    if options.docs:
        for_docs(options.docs)
        return
    source = ((path.stem, read(path)) for path in sorted(options.images.iterdir())) if options.images else photographs()
    photos = [(name, reduced(photo)) for name, photo in islice(source, options.photos)]
    sizes = [int(size) for size in options.sizes.split(",")]
    print("photographs:", ", ".join(name for name, _ in photos))
    print("fonts:", ", ".join(damage.fonts()))
    for kind in options.kinds.split(","):
        for looked_for in FINDERS if kind == "clean" else ("text", "stamp") if kind == "stamp" else (kind,):
            find = partial(find_mask, kind=looked_for, sensitivity=options.sensitivity)
            scores = []
            for case in cases(kind, photos, sizes, options.seed):
                score, found = scored(case, find, options.method)
                scores.append(score)
                if options.save:
                    name = f"{case.row} {looked_for} {case.name.split(',')[0]}.png".replace(" ", "_")
                    write(options.save / name, overlay(case, found))
            print(f"\n## {kind}, looked for {looked_for}\n\n{table(scores)}\n\nThe worst:\n")
            scores.sort(key=lambda score: score.proposed if np.isnan(score.gap) else score.gap, reverse=True)
            for score in scores[: options.failures]:
                print(
                    f"- {score.name}: recall {score.recall:.3f}, precision {score.precision:.3f}, "
                    f"gap {score.gap:.2f} dB, proposed {score.proposed:.2%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
