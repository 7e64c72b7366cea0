"""By how many pixels must an exact mask of letters grow, after which compression?

Letters are drawn over photographs, the picture is compressed, and the letters' exact mask, grown by 0 to 4 pixels, is
filled. The error is taken over all that the largest mask covers, against the photograph compressed alike, so that what
a small mask leaves and what a large one throws away count alike. Printed are mean PSNRs, the best growth for all, and
the PSNR with the growth that ``dilate="auto"`` takes from the file and from the pixels alone.

    python -m inpaintkit.benchmarks.studies.growth
    python -m inpaintkit.benchmarks.studies.growth --images FOLDER
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from inpaintkit import inpaint
from inpaintkit.benchmarks.metrics import psnr
from inpaintkit.benchmarks.studies import _cases
from inpaintkit.files import load
from inpaintkit.picture import Picture, grow, growth_seen
from inpaintkit.problem import Mask

Pixels = NDArray[np.uint8]

SIDES = 160, 240  # px, of the pieces that are taken of the photographs
LETTERS = ((16, (250, 230, 40)), (24, (255, 255, 255)), (40, (230, 40, 30)))  # height of the font in px, ink
QUALITIES = (30, 50, 60, 75, 85, 92, 95, 100)
SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")
GROWTHS = range(5)


def lettered(photo: Pixels, size: int, ink: tuple[int, int, int]) -> tuple[Pixels, Mask]:
    """A photograph with lines of text, and every pixel that they touch."""
    cover = PILImage.new("L", photo.shape[1::-1], 0)
    draw, font = ImageDraw.Draw(cover), ImageFont.load_default(size)
    for top in range(8, photo.shape[0] - size, 2 * size):
        draw.text((6, top), "Morning ferry, 24 March 1967, pier nine", font=font, fill=255)
    opacity = np.asarray(cover)[..., None] / 255
    seen = opacity * ink + (1 - opacity) * photo
    return seen.round().astype(np.uint8), np.asarray(cover) > 0


def stored(photo: Pixels, options: dict[str, Any]) -> tuple[Pixels, int | None]:
    """What a file holds, and the growth that it says; without options nothing is lost and nothing said."""
    if not options:
        return photo, None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"photo.{options['format'].lower()}")
        PILImage.fromarray(photo).save(path, **options)
        loaded = load(path)
    return loaded.pixels, loaded.metadata.growth


def ways() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every way of storing, with Pillow's options."""
    yield "lossless", {}
    for subsampling, quality in product(SUBSAMPLINGS, QUALITIES):
        yield f"{subsampling} q{quality}", {"format": "JPEG", "subsampling": subsampling, "quality": quality}
    for quality in (75, 90):
        yield f"WebP q{quality}", {"format": "WebP", "quality": quality}


def errors(photo: Pixels, options: dict[str, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """PSNR for each style of letters and each growth, and the growths taken from the file and from the pixels alone."""
    psnrs, taken = np.zeros((len(LETTERS), len(GROWTHS))), np.zeros((len(LETTERS), 2), int)
    for row, (size, ink) in enumerate(LETTERS):
        seen, letters = lettered(photo, size, ink)
        (seen, of_file), (truth, _) = stored(seen, options), stored(photo, options)
        of_pixels = growth_seen(Picture.of(seen), letters)
        taken[row] = of_pixels if of_file is None else of_file, of_pixels
        where = grow(letters, GROWTHS[-1])
        for growth in GROWTHS:
            filled = inpaint(seen, grow(letters, growth), "fsr", threads=1)
            psnrs[row, growth] = psnr(np.mean((filled[where] / 255 - truth[where] / 255) ** 2).item())
    return psnrs, taken


def main() -> None:
    """Print the table."""
    args = _cases.arguments(__doc__, images=None).parse_args()
    photos = []
    for _, photo in _cases.photographs(args.images, _cases.FOUR):
        top, left = ((side - wanted) // 2 for side, wanted in zip(photo.shape[:2], SIDES, strict=True))
        photos.append(np.ascontiguousarray(photo[top : top + SIDES[0], left : left + SIDES[1]]))
    heads = ["stored as", *(f"+{growth}" for growth in GROWTHS), "best", "by the file", "by the pixels"]
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|", flush=True)
    for name, options in ways():
        measured = [errors(photo, options) for photo in photos]
        psnrs, taken = (np.concatenate(parts) for parts in zip(*measured, strict=True))
        mean = psnrs.mean(axis=0)
        by = [np.take_along_axis(psnrs, growth[:, None], axis=1).mean() for growth in taken.T]
        print(
            f"| {name} | {' | '.join(f'{value:.2f}' for value in mean)} | +{mean.argmax()} | "
            f"{' | '.join(f'{value:.2f}' for value in by)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
