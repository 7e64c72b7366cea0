"""Does a fill look like what surrounds it? Grain drawn over photographs, fills with and without ``grain=True``.

    python -m inpaintkit.benchmarks.studies.grain [--methods NAME,NAME] [--images FOLDER]

Grain of 4, 7 and 10 levels, blurred by 0.5, 1 and 1.5 px, the same in all colours and independent, over the middle of
each photograph; 60 specks, two scratches and two boxes are filled. Printed: the standard deviation of the Laplacian
over specks and scratches, fill over truth, before and after; and the power of each octave in the boxes over the median
of the four boxes beside them, with the share that lies within 3 dB. What a box's neighbours show differs from what it
hides, so that not all of that difference is grain.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import inpaint
from inpaintkit.benchmarks.studies import _cases
from inpaintkit.problem import Mask

GRAINS = ((4, 0.5), (7, 1.0), (10, 1.5))  # levels, px
SIDE, BOX = 384, 48  # px
BOXES = ((120, 130), (260, 200))
TOPS = (0.5, 0.25, 0.125)  # cycles a pixel

Pixels = NDArray[np.uint8]
Real = NDArray[np.float64]


def main() -> None:
    """Print the table."""
    parser = _cases.arguments(__doc__, methods="telea,fsr,ple,patchmatch", images=None)
    asked = parser.parse_args()
    photos = [
        (name, photo)
        for name, photo in _cases.photographs(asked.images)
        if photo.ndim == 3 and min(photo.shape[:2]) >= SIDE
    ]
    print("| method | grain | Laplacian before | after: mean | least | most | octaves, dB | within 3 dB |")
    print("|---|---|---|---|---|---|---|---|")
    for method, (level, blur) in itertools.product(asked.methods.split(","), GRAINS):
        found = np.array([one for _, photo in photos for one in measured(photo, level, blur, method)])
        before, after, octaves = found[:, 0], found[:, 1], found[:, 2:]
        power = " ".join(f"{value:+.1f}" for value in octaves.mean(axis=0))
        within = " ".join(f"{value:.2f}" for value in (np.abs(octaves) <= 3).mean(axis=0))
        print(
            f"| {method} | {level}, {blur} px | {before.mean():.2f} | {after.mean():.2f} | {after.min():.2f} | "
            f"{after.max():.2f} | {power} | {within} |",
            flush=True,
        )


def measured(photo: Pixels, level: float, blur: float, method: str) -> Iterator[tuple[float, ...]]:
    """Ratios of the Laplacian before and after, and dB of each octave: for grain of all colours alike, and not."""
    top, left = ((length - SIDE) // 2 for length in photo.shape[:2])
    clean = photo[top : top + SIDE, left : left + SIDE].astype(np.float64)
    for channels in (1, 3):
        truth = grainy(clean, level, blur, channels)
        specks, boxes = damage()
        plain, grained = (inpaint(truth, specks | boxes, method, grain=grain) for grain in (False, True))
        sizes = [_laplacian(each)[specks & ~boxes].std() for each in (plain, grained, truth)]
        octaves = np.mean([_over_neighbours(grained, truth, *box) for box in BOXES], axis=0)
        yield (sizes[0] / sizes[2], sizes[1] / sizes[2], *octaves)


def grainy(clean: Real, level: float, blur: float, channels: int) -> Pixels:
    """A photograph (H, W, 3) with grain."""
    white = np.random.default_rng(5).standard_normal((*clean.shape[:2], channels))
    blurred = cv2.GaussianBlur(white, (0, 0), blur).reshape(white.shape)
    return np.asarray(np.clip(np.rint(clean + blurred * (level / blurred.std())), 0, 255), np.uint8)


def damage() -> tuple[Mask, Mask]:
    """Specks and scratches, and the boxes."""
    rng = np.random.default_rng(6)
    specks, boxes = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.bool_)
    for _ in range(60):
        x, y, radius = (int(value) for value in (*rng.integers(20, SIDE - 20, 2), rng.integers(2, 6)))
        cv2.circle(specks, (x, y), radius, 1, -1)
    cv2.line(specks, (30, 10), (60, 370), 1, 3)
    cv2.line(specks, (300, 10), (280, 370), 1, 2)
    for top, left in BOXES:
        boxes[top : top + BOX, left : left + BOX] = True
    return specks > 0, boxes


def _laplacian(picture: Pixels) -> Real:
    return np.asarray(cv2.Laplacian(picture.mean(axis=2), cv2.CV_64F))


def _over_neighbours(filled: Pixels, truth: Pixels, top: int, left: int) -> Real:
    """Power of a box over the median of those beside it, an octave each, dB."""
    step = BOX + 4
    beside = [
        _power(truth, top + down * step, left + right * step) for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1))
    ]
    return np.asarray(10 * np.log10(_power(filled, top, left) / np.median(beside, axis=0)))


def _power(picture: Pixels, top: int, left: int) -> Real:
    """Power of each octave of a box's brightness, less its plane."""
    patch = picture[top : top + BOX, left : left + BOX].mean(axis=2)
    rows, columns = np.mgrid[: patch.shape[0], : patch.shape[1]]
    plane = np.stack([rows.ravel(), columns.ravel(), np.ones(patch.size)], axis=1)
    patch = patch - (plane @ np.linalg.lstsq(plane, patch.ravel(), rcond=None)[0]).reshape(patch.shape)
    window = np.outer(*(np.hanning(length) for length in patch.shape))
    power = np.abs(np.fft.fft2(patch * window)) ** 2
    radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(length) for length in patch.shape), indexing="ij"))
    return np.array([power[(radius >= top / 2) & (radius < top)].mean() for top in TOPS])


if __name__ == "__main__":
    main()
