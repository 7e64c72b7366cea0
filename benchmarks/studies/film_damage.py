"""How well dust, hairs and scratches of scanned film are found: outlines of real scans over photographs.

    python -m inpaintkit.benchmarks.studies.film_damage [--photos N] [--scales 1,0.5] [--seed N] [--save DIR]

The windows of the data folder's ``film_damage`` (INPAINTKIT_DATA) have places, sizes and outlines of artefacts of six
scans, about 138 pixels a millimetre of film, and opacities that were invented. Scale 1 lays a window over as many
pixels of a photograph, as if 768 pixels showed 5.6 mm of film; at 0.5 they show 11 mm. Photographs are those of
scikit-image and of ``kodak``, every other one a negative (dust, dirt and hairs come out light) or a slide (dark). Each
scratch is light or dark and reaches all channels or some. Damage comes after the grain and before the JPEG.

    p, q       the photograph with its grain, and what was laid over it, in levels
    a          opacity, [0, 1]
    w          what shows where a is 1: q = (1 - a) p + a w, in each channel that the artefact reaches
    truth      255 a > 12 and some channel differs by more than 8 levels and more than 3 sigma of the grain

Where 255 a > 12 and the difference is less, nothing is judged. Recall counts, of each kind, true pixels that are at
most 3 px from a found one; precision counts found pixels at most 3 px from a true one; both are taken over the pixels
of all pictures together. *Lost* is whole-picture PSNR of a repair with the true mask less that with the found one,
both grown by ``GROWN`` as masks of JPEGs are; *unrepaired* is what leaving the damage loses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inpaintkit import find_mask, inpaint, masks
from inpaintkit.benchmarks.studies import find
from inpaintkit.benchmarks.studies._cases import arguments, heading, new_folder, row
from inpaintkit.benchmarks.studies._near import precision, recall
from inpaintkit.benchmarks.studies.damage import compressed
from inpaintkit.benchmarks.studies.truth import data_root
from inpaintkit.files import read, write
from inpaintkit.find import PURPOSES, Kind, Purpose
from inpaintkit.problem import Image, Mask

Pixels = NDArray[np.uint8]
KINDS = {"dust": 50, "dirt": 100, "short hair": 150, "long hair": 200, "scratch": 250}  # grey values of the labels
FINDERS: tuple[Kind, ...] = ("dust", "scratches", "auto")
FILMS = ("negative", "slide")
GRAIN = 4.0  # levels, standard deviation
QUALITY = 90  # of the JPEG
GROWN = 2  # px
_OPAQUE = 12  # of 255: below that an overlay shows nothing
_CHANGE = 8.0  # levels
_LIGHT, _DARK = 247.0, 8.0  # levels: the film's clearest and densest


@dataclass(frozen=True, eq=False)
class Layer:
    """A window of film. opacity : float32 (H, W) in [0, 1]; kinds : uint8 (H, W), the nearest artefact's grey value."""

    opacity: Image
    kinds: Pixels

    def part(self, height: int, width: int) -> Layer:
        """Its first rows and columns."""
        return Layer(self.opacity[:height, :width], self.kinds[:height, :width])


@dataclass(frozen=True, eq=False)
class Case:
    """A photograph of film, without and with damage; kinds : bool (H, W) of each kind, the parts of the truth."""

    name: str
    photo: Pixels
    damaged: Pixels
    ignored: Mask
    kinds: dict[str, Mask]

    @property
    def truth(self) -> Mask:
        """All that is damaged."""
        return np.asarray(np.logical_or.reduce(list(self.kinds.values())))


@dataclass(frozen=True)
class Score:
    """Figures of a case. recall : of each kind and of "all", with the true pixels; precision with the found ones."""

    recall: dict[str, tuple[float, int]]
    precision: tuple[float, int]
    proposed: float  # share of the picture
    lost: float  # dB
    unrepaired: float  # dB


def layer(labels: Pixels, overlay: Pixels, scale: float) -> Layer:
    """A window of film at a scale; the labels tell the kind of all that lies nearest to them."""
    _, nearest = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    size = round(labels.shape[1] * scale), round(labels.shape[0] * scale)
    kinds = cv2.resize(labels[tuple(nearest)], size, interpolation=cv2.INTER_NEAREST)
    opacity = cv2.resize(overlay.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA)
    return Layer(np.asarray(opacity), np.asarray(kinds, np.uint8))


def shown(kinds: Pixels, film: str, channels: int, seed: int) -> Image:
    """What shows where an artefact is opaque, in levels, float32 (H, W, C); NaN in channels that it does not reach."""
    shows = np.full((*kinds.shape, channels), _LIGHT if film == "negative" else _DARK, np.float32)
    rng = np.random.default_rng(seed)
    number, scratches = cv2.connectedComponents((kinds == KINDS["scratch"]).astype(np.uint8))
    for scratch in range(1, number):
        reached = np.ones(channels, np.bool_) if rng.random() < 0.5 else rng.permutation(channels) < (channels + 1) // 2
        shows[scratches == scratch] = np.where(reached, rng.choice((_LIGHT, _DARK)), np.nan)
    return shows


def laid_over(photo: NDArray[Any], opacity: Image, shows: Image) -> Image:
    """A photograph (H, W, C), in levels, under artefacts: float32, not rounded."""
    cover = np.where(np.isnan(shows), np.float32(0), opacity[..., None])
    return np.asarray((1 - cover) * photo + cover * np.nan_to_num(shows), np.float32)


def visible(before: NDArray[Any], after: Image, grain: float) -> Mask:
    """Where the most changed channel of (H, W, C) differs by more than 8 levels and more than 3 sigma of the grain."""
    return np.asarray(np.abs(after - before).max(axis=2) > max(_CHANGE, 3 * grain))


def case(name: str, photo: Pixels, window: Layer, film: str, seed: int) -> Case:
    """A photograph (H, W) or (H, W, C), cut from its middle to the window's size, on film that was damaged."""
    high, wide = (min(pair) for pair in zip(photo.shape[:2], window.opacity.shape, strict=True))
    top, left = (photo.shape[0] - high) // 2, (photo.shape[1] - wide) // 2
    window = window.part(high, wide)
    grainy = find.grainy(photo[top : top + high, left : left + wide], seed, GRAIN)
    before = grainy[..., None] if grainy.ndim == 2 else grainy
    after = laid_over(before, window.opacity, shown(window.kinds, film, before.shape[2], seed))
    opaque, changed = window.opacity * 255 > _OPAQUE, visible(before, after, GRAIN)
    kinds = {kind: opaque & changed & (window.kinds == value) for kind, value in KINDS.items()}
    damaged = np.clip(np.rint(after), 0, 255).astype(np.uint8).reshape(grainy.shape)
    return Case(name, compressed(grainy, QUALITY), compressed(damaged, QUALITY), opaque & ~changed, kinds)


def windows(folder: Path, scale: float) -> list[Layer]:
    """The windows of film in a data folder, at a scale."""
    paths = sorted((folder / "film_damage").glob("*_labels.png"))
    pairs = ((read(path), read(path.with_name(path.name.replace("labels", "overlay")))) for path in paths)
    return [layer(*pair, scale) for pair in pairs]


def cases(folder: Path, scale: float, photos: int | None, seed: int) -> Iterator[Case]:
    """Every photograph under one window, the windows in turn."""
    layers = windows(folder, scale)
    kodak = ((path.stem, read(path)) for path in sorted((folder / "kodak").iterdir()))
    for index, (name, photo) in enumerate(islice((*find.photographs(), *kodak), photos)):
        window, film = layers[index % len(layers)], FILMS[index // len(layers) % len(FILMS)]
        yield case(f"{name}, {film}", find.reduced(photo), window, film, 1000 * seed + index)


def scored(case: Case, found: Mask, ours: float, right: float, none: float) -> Score:
    """Compare what was found with the truth, and the errors of the repair, of one with the true mask and of none."""
    parts = {**case.kinds, "all": case.truth}
    return Score(
        {kind: (recall(found, part), int(np.count_nonzero(part))) for kind, part in parts.items()},
        (precision(found, case.truth, case.ignored), int(np.count_nonzero(found & ~case.ignored))),
        np.count_nonzero(found) / found.size,
        10 * np.log10(ours / right),
        10 * np.log10(none / right),
    )


def _error(case: Case, mask: Mask, method: str) -> float:
    """Mean squared error of the whole repaired picture; rounding's at least."""
    hole = masks.grow(mask, GROWN)
    filled = inpaint(case.damaged, hole, method, fallback=True, threads=2) if hole.any() else case.damaged
    return max(float(np.mean((filled.astype(np.float64) - case.photo) ** 2)), 1 / 12)


def table(scores: Mapping[tuple[Kind, Purpose], list[Score]]) -> str:
    """A row for each finder and purpose."""
    lines = [heading(["found by", "to", *KINDS, "all", "precision", "proposed, %", "lost, dB", "unrepaired, dB"])]
    for (name, purpose), mine in scores.items():
        figures: list[float] = [_pooled([score.recall[kind] for score in mine]) for kind in (*KINDS, "all")]
        figures.append(_pooled([score.precision for score in mine]))
        means = np.mean([(100 * score.proposed, score.lost, score.unrepaired) for score in mine], axis=0)
        lines.append(row([name, purpose, *figures, *means.tolist()]))
    return "\n".join(lines)


def _pooled(shares: list[tuple[float, int]]) -> float:
    """The share over all pictures, each of which has a share and a number of pixels; NaN where none has pixels."""
    total = sum(number for _, number in shares)
    return sum(share * number for share, number in shares if number) / total if total else float("nan")


def main() -> None:
    """Print a Markdown table for each scale."""
    parser = arguments(__doc__)
    parser.add_argument("--photos", type=int, help="at most so many photographs")
    parser.add_argument("--scales", default="1,0.5", help="of the windows")
    parser.add_argument("--method", default="fsr", help="what repairs")
    parser.add_argument("--seed", type=int, default=0, help="of grain and scratches")
    parser.add_argument("--save", type=new_folder, help="a folder for pictures of what was found, missed and wrong")
    options = parser.parse_args()
    for scale in map(float, options.scales.split(",")):
        scores: dict[tuple[Kind, Purpose], list[Score]] = {(name, to): [] for to in PURPOSES for name in FINDERS}
        for one in cases(data_root(), scale, options.photos, options.seed):
            bounds = _error(one, one.truth, options.method), _error(one, np.zeros_like(one.truth), options.method)
            for (name, purpose), mine in scores.items():
                found = find_mask(one.damaged, name, purpose=purpose, accept_large=True)
                mine.append(scored(one, found, _error(one, found, options.method), *bounds))
                if options.save:
                    seen = find.overlay(find.Case(one.name, "", one.photo, one.damaged, one.truth), found)
                    write(options.save / f"{one.name} {scale:g} {name} {purpose}.png".replace(" ", "_"), seen)
        print(f"\n## Scale {scale:g}: {len(next(iter(scores.values())))} photographs\n\n{table(scores)}", flush=True)


if __name__ == "__main__":
    main()
