"""Comparisons with a name, for ``inpaintkit bench run --preset NAME``, and the photographs they are made on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from inpaintkit.files import write


@dataclass(frozen=True)
class Preset:
    """Methods and masks, written as ``bench run`` takes them, and what they measure together."""

    measures: str
    methods: tuple[str, ...]
    masks: tuple[str, ...]


PRESETS = {
    "quality": Preset(
        "text of two sizes and scratches: the classic methods beside OpenCV's two",
        (
            "telea",
            "coherence",
            "harmonic",
            "biharmonic",
            "tv",
            "oliveira",
            "transport",
            "navier_stokes",
            "fsr",
            "ple",
            "telea:variant=opencv",
            "navier_stokes:variant=opencv",
        ),
        ("text:share=0.19,size=20", "text:share=0.19,size=36", "scratch:number=14"),
    ),
    "lost-half": Preset(
        "half of the pixels lost: the two methods for it beside a smooth fill",
        ("ple", "fsr", "biharmonic"),
        ("drop:share=0.5",),
    ),
    "boxes": Preset(
        "one large box: the methods that copy texture beside two that do not; --vgg adds Gram distances",
        ("patchmatch", "criminisi", "biharmonic", "telea:variant=opencv"),
        ("center:side=0.35",),
    ),
}


def photographs() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Name and pixels (H, W, 3) of scikit-image's colour photographs that need no download."""
    yield "astronaut", skimage.data.astronaut()
    yield "coffee", skimage.data.coffee()
    yield "chelsea", skimage.data.chelsea()
    yield "rocket", skimage.data.rocket()
    retina = cv2.resize(skimage.data.retina(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    yield "retina", np.asarray(retina, np.uint8)
    yield "motorcycle", skimage.data.stereo_motorcycle()[0]


def write_photographs(folder: Path) -> Path:
    """Write the photographs that are not yet in a folder; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels in photographs():
        if not (folder / f"{name}.png").is_file():
            write(folder / f"{name}.png", pixels)
    return folder
