"""An overlay as a picture file, to look at and to correct: RGBA of 16 bits, whose alpha is the opacity.

White is the largest value of the picture's type, or 1 in floats. Dirt and dust are black ink, which does the same.
Pictures of the series that do not have the overlay are named by their fingerprints in the file's text.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inpaintkit import files
from inpaintkit.files.metadata import Metadata
from inpaintkit.overlay.model import Mode, Overlay, OverlayInfo
from inpaintkit.picture import Picture

_FULL = 65535
_ABSENT = "inpaintkit:absent"  # the key of the PNG's text


def write_mark(path: Path, overlay: Overlay, white: float) -> None:
    """Write an overlay; ``white`` is the value of white in its colours' units.

    Raises
    ------
    ValueError : it has layers, or colours other than grey and RGB.
    """
    channels = overlay.colour.shape[-1]
    if channels not in (1, 3) or overlay.under:
        raise ValueError(f"{path}: a mark's file holds one layer of grey or RGB, not {channels} channels")
    colour = np.broadcast_to(overlay.colour / white, (*overlay.shape, channels)).clip(0, 1)
    pixels = np.zeros((*overlay.shape, 4), np.uint16)
    pixels[..., :3] = np.rint(colour * _FULL)
    pixels[..., 3] = np.rint(overlay.opacity * _FULL)
    pixels[pixels[..., 3] == 0] = 0
    text = {_ABSENT: " ".join(overlay.info.absent)} if overlay.info.absent else {}
    files.write(path, pixels, like=files.Loaded(pixels, "PNG", Metadata(text=text), "alpha"))


def read_mark(path: Path, picture: Picture, mode: Mode = "cover") -> Overlay:
    """An overlay's file, in the units of a picture that it lies over.

    Raises
    ------
    ValueError : the file has no opacity, or is of another size than the picture.
    """
    loaded = files.load(path)
    if loaded.channels != "alpha":
        raise ValueError(f"{path} has no opacity: give a mark as 'inpaintkit overlay estimate' writes it, RGBA")
    if loaded.pixels.shape[:2] != picture.shape:
        (height, width), (rows, columns) = loaded.pixels.shape[:2], picture.shape
        raise ValueError(
            f"{path} is {width} x {height}, the picture {columns} x {rows}: a mark fits one size of picture"
        )
    full = float(np.iinfo(loaded.pixels.dtype).max) if loaded.pixels.dtype.kind == "u" else 1.0
    pixels = loaded.pixels.astype(np.float64) / full
    opacity, colour = pixels[..., -1], pixels[..., :-1] * picture.opaque
    if colour.shape[2] != picture.colours:
        colour = np.repeat(colour.mean(axis=2, keepdims=True), picture.colours, axis=2)
    inks = colour[opacity > 0]
    shared = inks[0] if len(inks) and (inks == inks[0]).all() else None
    info = OverlayInfo(absent=tuple(loaded.metadata.text.get(_ABSENT, "").split()))
    return Overlay(opacity.astype(np.float32), colour if shared is None else shared, info, mode)
