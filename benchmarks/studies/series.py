"""What does a series say of the mark that lies over it, beside filling each picture by itself?

Two lines of half-transparent letters are drawn over pieces of photographs, and taken off with an overlay estimated from
all of them. Printed is the PSNR over the letters' pixels, over all pictures: of `fsr` in each, of the estimate with the
exact mask and without one, and with opacity and ink known; and the least gain over `fsr` in any of the pictures. A mark
is of one ink and one opacity, or of any colours. Then ten spots that darken, as dust on a sensor does, and a series
without anything, in which every pixel that is found is one too many.

    python -m inpaintkit.benchmarks.studies.series
    python -m inpaintkit.benchmarks.studies.series --images FOLDER --number 24
    python -m inpaintkit.benchmarks.studies.series --docs docs/overlays.jpg

With ``--docs`` it writes the picture of the docs instead.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from inpaintkit import Overlay, estimate_overlay, inpaint, remove_overlay
from inpaintkit.benchmarks.studies import _cases
from inpaintkit.problem import Mask
from inpaintkit.sheet import sheet

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

SIDES = 200, 360  # px, of a piece
WORDS, SIZE = "Morning ferry, 24 March 1967, pier nine", 56
SPOTS = 10
_SHOWN, _CELL = (1, 4), (130, 200)  # pictures in the docs, and rows and columns of what is shown of them


def pieces(photos: Sequence[Pixels], number: int) -> list[Pixels]:
    """As many pieces as are wanted, spread evenly over all that photographs hold."""
    high, wide = SIDES
    found = [
        np.ascontiguousarray(photo[top : top + high, left : left + wide, :3])
        for photo in photos
        if photo.ndim == 3
        for top in range(0, photo.shape[0] - high + 1, high)
        for left in range(0, photo.shape[1] - wide + 1, wide)
    ]
    return [found[index * len(found) // number] for index in range(min(number, len(found)))]


def letters() -> Floats:
    """How much of each pixel is covered, (H, W)."""
    cover = PILImage.new("L", SIDES[::-1], 0)
    draw, font = ImageDraw.Draw(cover), ImageFont.load_default(SIZE)
    for top in range(10, SIDES[0], SIZE * 2):
        draw.text((8, top), WORDS[:11], font=font, fill=255, stroke_width=2)
    return np.asarray(cover) / 255.0


def seen(photos: Sequence[Pixels], opacity: Floats, ink: Floats) -> list[Pixels]:
    """The photographs with the mark."""
    a = opacity[..., None]
    return [(a * ink + (1 - a) * photo).round().clip(0, 255).astype(np.uint8) for photo in photos]


def spots(seed: int = 0) -> Floats:
    """What light soft round spots let through, (H, W)."""
    rng, gain = np.random.default_rng(seed), np.ones(SIDES)
    rows, columns = np.mgrid[: SIDES[0], : SIDES[1]]
    for _ in range(SPOTS):
        distance = np.hypot(rows - rng.uniform(12, SIDES[0] - 12), columns - rng.uniform(12, SIDES[1] - 12))
        depth = rng.uniform(0.1, 0.4)
        gain = np.minimum(gain, 1 - depth / (1 + np.exp((distance - rng.uniform(3, 7)) / 1.2)))
    return np.where(gain > 0.998, 1, gain)


def jpeg(photo: Pixels) -> Pixels:
    """At quality 92."""
    file = io.BytesIO()
    PILImage.fromarray(photo).save(file, "JPEG", quality=92)
    return np.asarray(PILImage.open(file))


def errors(fills: Sequence[Any], photos: Sequence[Pixels], where: Mask) -> Floats:
    """Mean squared error of each picture over some pixels."""
    return np.array(
        [
            np.mean(np.square(fill[where] - photo[where].astype(float)))
            for fill, photo in zip(fills, photos, strict=True)
        ]
    )


def decibels(squared: Floats) -> float:
    """PSNR over all pictures together."""
    return float(10 * np.log10(255**2 / max(squared.mean(), 1e-9)))


def removed(pictures: Sequence[Pixels], overlay: Overlay) -> list[Any]:
    """The pictures without it."""
    return [remove_overlay(picture, overlay=overlay, method="fsr", threads=1) for picture in pictures]


def row(name: str, photos: Sequence[Pixels], pictures: Sequence[Pixels], true: Overlay) -> None:
    """One line of the table."""
    mask = true.touched
    each = errors([inpaint(picture, mask, "fsr", threads=1) for picture in pictures], photos, mask)
    told = errors(removed(pictures, estimate_overlay(list(pictures), mask)), photos, mask)
    found = errors(removed(pictures, estimate_overlay(list(pictures))), photos, mask)
    known = errors(removed(pictures, true), photos, mask)
    least = float((10 * np.log10(each / told)).min())
    values = " | ".join(f"{decibels(squared):.1f}" for squared in (each, told, found, known))
    print(f"| {name} | {values} | {least:+.1f} |", flush=True)


def for_docs(path: Path, photos: Sequence[Pixels]) -> None:
    """The picture of the docs: a half-transparent mark on two of the series, filled, and divided out."""
    cover = letters()
    pictures = seen(photos, 0.5 * cover, np.full(3, 250.0))
    overlay = estimate_overlay(pictures, cover > 0)
    cells = []
    for number in _SHOWN:
        picture = pictures[number]
        shown = picture, inpaint(picture, cover > 0, "fsr"), remove_overlay(picture, overlay=overlay, method="fsr")
        titles = f"one of {len(photos)} pictures", "filled by fsr", "divided out"
        cells += [(title, pixels[: _CELL[0], : _CELL[1]]) for title, pixels in zip(titles, shown, strict=True)]
    PILImage.fromarray(sheet(cells)).save(path, quality=90)


def main() -> None:
    """Print the table."""
    parser = _cases.arguments(__doc__, images=None, docs=True)
    parser.add_argument("--number", type=int, default=12, help="of pictures")
    args = parser.parse_args()
    photos = pieces([photo for _, photo in _cases.photographs(args.images)], args.number)
    if args.docs:
        for_docs(args.docs, photos)
        return
    cover, white = letters(), np.array([250.0, 250.0, 250.0])
    rows, columns = np.mgrid[: SIDES[0], : SIDES[1]]
    colours = np.stack([100 + columns / 2.4, 60.0 + rows, 200 - columns / 3], axis=-1)
    print(f"{len(photos)} pictures, dB over the mark's pixels\n")
    print("| mark | fsr each | mask given | no mask | known | least gain |\n|---|---|---|---|---|---|")
    ways: list[tuple[str, Callable[[Pixels], Pixels]]] = [("", lambda photo: photo), (", JPEG 92", jpeg)]
    for opacity in (0.3, 0.5, 0.7):
        for name, ink in (("one ink", white), ("any colours", colours)):
            for way, stored in ways if opacity == 0.5 else ways[:1]:
                pictures = [stored(picture) for picture in seen(photos, opacity * cover, ink)]
                true = Overlay((opacity * cover).astype(np.float32), ink)
                row(f"{name}, {opacity}{way}", photos, pictures, true)
    gain = spots()
    dusty = [(photo * gain[..., None]).round().astype(np.uint8) for photo in photos]
    overlay, where = estimate_overlay(dusty, gain=True), gain < 1
    values = [decibels(errors(fills, photos, where)) for fills in (dusty, removed(dusty, overlay))]
    outside = int(np.count_nonzero(overlay.touched & ~where))
    print(f"\n{SPOTS} spots: {values[0]:.1f} dB as seen, {values[1]:.1f} without; {outside} px beside them changed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clean = [int(np.count_nonzero(estimate_overlay(photos, gain=dark).touched)) for dark in (False, True)]
    print(f"nothing over the pictures: {clean[0]} px found, {clean[1]} px as dust")


if __name__ == "__main__":
    main()
