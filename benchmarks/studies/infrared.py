"""How well dust on film is found by a scan's infrared, beside what is found without it.

    python -m inpaintkit.benchmarks.studies.infrared [--photos N] [--scale S] [--method NAME]

Outlines of real scans (INPAINTKIT_DATA, ``film_damage``) over photographs in colour, in turn as negatives and slides;
grain of 4 levels. The film's clean infrared follows the colours by their cross-talk:

    infrared = 0.7 * product of colour^CROSS_TALK * (1 - loss * opacity) + 0.7 * noise

A scanner is a loss and the standard deviation of its noise. Truth is each artefact that hides in sum more than 4
standard deviations of infrared; what is fainter counts neither way. Recall and precision within 3 px, means over the
photographs; *repair* is whole-picture PSNR of the repair of the found mask less that of leaving the damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inpaintkit import find_mask, inpaint
from inpaintkit.benchmarks.studies import film_damage, find
from inpaintkit.benchmarks.studies._cases import arguments, heading, row
from inpaintkit.benchmarks.studies._near import precision, recall
from inpaintkit.benchmarks.studies.soft_letters import psnr
from inpaintkit.benchmarks.studies.truth import data_root
from inpaintkit.problem import Image, Mask

CROSS_TALK = (0.04, 0.012, 0.004)  # exponents of red, green and blue
SCANNERS = ((0.62, 0.05), (0.92, 0.005), (0.38, 0.05), (0.08, 0.005))  # loss, standard deviation
_LEVEL = 0.7  # of the film's base
_SURE = 4.0  # standard deviations in sum


@dataclass(frozen=True, eq=False)
class Scan:
    """A frame of film in colour without and with dust, its infrared without and with it, and where that is seen.

    photo, damaged : uint8 (H, W, 3). clean, infrared : float64 (H, W). truth, covered : bool (H, W), what infrared
    must show, and all that any dust covers. opacity : float32 (H, W).
    """

    photo: NDArray[np.uint8]
    damaged: NDArray[np.uint8]
    clean: NDArray[np.float64]
    infrared: NDArray[np.float64]
    truth: Mask
    covered: Mask
    opacity: Image


def scan(photo: NDArray[np.uint8], opacity: Image, film: str, loss: float, noise: float, seed: int = 0) -> Scan:
    """A photograph (H, W, 3) on film ("negative": dust is light; "slide": dark) under dust of an opacity (H, W)."""
    rng = np.random.default_rng(seed)
    grainy = photo + rng.normal(0, film_damage.GRAIN, photo.shape)
    shows = 247.0 if film == "negative" else 8.0
    dusty = grainy * (1 - opacity[..., None]) + shows * opacity[..., None]
    film_base = _LEVEL * np.prod((np.clip(grainy, 0.5, 255) / 255) ** CROSS_TALK, axis=2)
    clean = film_base + _LEVEL * rng.normal(0, noise, opacity.shape)
    infrared = film_base * (1 - loss * opacity) + _LEVEL * rng.normal(0, noise, opacity.shape)
    covered = opacity > 0
    labels, number = ndimage.label(covered, np.ones((3, 3)))
    each = range(1, number + 1)
    total = loss * ndimage.sum(opacity, labels, each) / np.sqrt(ndimage.sum(covered, labels, each)) / noise
    seen = np.isin(labels, np.flatnonzero(total > _SURE) + 1) & (opacity * 255 > 12)
    return Scan(_levels(grainy), _levels(dusty), clean, np.maximum(infrared, 0), seen, covered, opacity)


def _levels(pixels: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def scans(photos: int | None, scale: float, loss: float, noise: float) -> Iterator[Scan]:
    """Photographs in colour, each under one window."""
    layers = [window.opacity for window in film_damage.windows(data_root(), scale)]
    coloured = (find.reduced(photo) for _, photo in find.photographs() if photo.ndim == 3)
    for index, photo in enumerate(islice(coloured, photos)):
        opacity = layers[index % len(layers)]
        high, wide = (min(pair) for pair in zip(photo.shape[:2], opacity.shape, strict=True))
        film = film_damage.FILMS[index % 2]
        yield scan(photo[:high, :wide, :3], opacity[:high, :wide], film, loss, noise, index)


def figures(one: Scan, method: str) -> list[float]:
    """Recall, precision, share of the picture in percent and gain of the repair in dB: with infrared, and without."""
    found: list[float] = []
    for infrared in (one.infrared, None):
        mask = find_mask(one.damaged, "dust", infrared=infrared)
        repaired = inpaint(one.damaged, mask, method, dilate=1, fallback=True, threads=1) if mask.any() else one.damaged
        gain = psnr(repaired, one.photo) - psnr(one.damaged, one.photo)
        found += [recall(mask, one.truth), precision(mask, one.covered), 100 * mask.mean(), gain]
    return [*found, float(find_mask(one.photo, "dust", infrared=one.clean).sum())]


def main() -> None:
    """Print a Markdown table."""
    parser = arguments(__doc__)
    parser.add_argument("--photos", type=int, help="at most so many photographs")
    parser.add_argument("--scale", type=float, default=0.5, help="of the windows")
    parser.add_argument("--method", default="telea", help="what repairs")
    options = parser.parse_args()
    names = ["recall", "precision", "found, %", "repair, dB"]
    without = [f"without: {name}" for name in names]
    print(heading(["loss, noise", *names, *without, "clean frames, px"]))
    for loss, noise in SCANNERS:
        all_ = [figures(one, options.method) for one in scans(options.photos, options.scale, loss, noise)]
        print(row([f"{loss:g}, {noise:g}", *np.nanmean(all_, axis=0).tolist()]), flush=True)


if __name__ == "__main__":
    main()
