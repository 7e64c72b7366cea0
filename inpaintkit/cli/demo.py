"""A photograph damaged and repaired, from nothing but the install."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import skimage.data

from inpaintkit.api import inpaint
from inpaintkit.damage import scratches, text
from inpaintkit.files import write
from inpaintkit.sheet import sheet


def demo(path: str | os.PathLike[str] = "inpaintkit-demo.png", method: str = "auto") -> Path:
    """Draw text and scratches over a photograph, repair it, write before, mask and after as one picture."""
    photo = skimage.data.chelsea()
    words = text(photo.shape[:2], size=24, share=0.16, seed=1)
    lines = scratches(photo.shape[:2], number=9, widest=4, seed=2)
    damaged = photo.copy()
    damaged[words] = (255, 232, 60)
    damaged[lines] = (245, 245, 245)
    hole = words | lines
    inpaint(damaged, hole, method)  # the first fill may compile; the second one is timed
    began = time.perf_counter()
    repaired = inpaint(damaged, hole, method)
    seconds = time.perf_counter() - began
    mask = np.where(hole, np.uint8(255), np.uint8(0))
    cells = [("damaged", damaged), ("mask", mask), (f"repaired in {seconds:.2f} s", repaired)]
    write(path, sheet(cells))
    return Path(path).resolve()
