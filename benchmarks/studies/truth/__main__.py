"""Draw what was traced over the pictures, enlarged to 200 %, to check it by eye; green: not judged."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import files
from inpaintkit.benchmarks.studies import truth
from inpaintkit.benchmarks.studies._cases import arguments
from inpaintkit.problem import Mask

_SCALE = 2
_MAGENTA, _GREEN = (255, 0, 255), (0, 200, 0)


def main() -> None:
    """Write a PNG file for each picture."""
    parser = arguments(__doc__)
    parser.add_argument("--draw", type=Path, required=True, metavar="DIR", help="the folder for the drawings")
    parser.add_argument("--pictures", help="names, by commas; all of them when left out")
    options = parser.parse_args()
    options.draw.mkdir(parents=True, exist_ok=True)
    for name in options.pictures.split(",") if options.pictures else truth.names():
        traced = truth.load(name, truth.data_root())
        files.write(options.draw / f"{name}.png", outlined(traced))
        print(f"{name}: {np.count_nonzero(traced.mask)} px, {traced.mask.mean():.2%}, in {', '.join(traced.kinds)}")


def outlined(traced: truth.Truth) -> NDArray[np.uint8]:
    """The picture at 200 % with the outline of what is damaged, and of what is not judged."""
    pixels = traced.pixels
    rgb = pixels[..., None].repeat(3, 2) if pixels.ndim == 2 else pixels
    shown = enlarged(rgb)
    for mask, colour in ((traced.mask, _MAGENTA), (traced.ignored, _GREEN)):
        shown[rim(mask)] = colour
    return shown


def enlarged(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every pixel as a square of pixels."""
    return np.ascontiguousarray(pixels.repeat(_SCALE, 0).repeat(_SCALE, 1))


def rim(mask: Mask) -> Mask:
    """The outline of a mask at 200 %, just outside it."""
    large = enlarged(mask.astype(np.uint8))
    around: Mask = (cv2.dilate(large, np.ones((3, 3), np.uint8)) > 0) & (large == 0)
    return around


if __name__ == "__main__":
    main()
