"""One picture's overlay: what came is checked, the mask found if none did, and estimated by its mode."""

from __future__ import annotations

from typing import Any

from inpaintkit.find import find_mask
from inpaintkit.overlay.light import estimate_light
from inpaintkit.overlay.model import Mode, Overlay, check_mode, told_ink
from inpaintkit.overlay.noise import Stored
from inpaintkit.overlay.reaching import passed_over
from inpaintkit.overlay.single import estimate_single
from inpaintkit.picture import Channels, Picture, grow, hole_of

_FOUND = 2  # px by which a mask that was found grows before what is too much of it is given back


def estimate_one(
    image: Any,
    mask: Any,
    *,
    colour: Any = None,
    mode: Mode | None = None,
    channels: Channels | None = None,
    stored: Stored | None = None,
) -> Overlay:
    """What ``estimate_overlay`` does with one picture."""
    if mode is not None:
        check_mode(mode)
    picture = Picture.of(image, channels)
    hole = grow(find_mask(image, "text", channels=channels), _FOUND) if mask is None else hole_of(mask, picture)
    if picture.alpha:
        hole &= picture.pixels[..., -1] > 0
    if hole.all():
        raise ValueError("the mask covers the whole picture: what lies over it can only be told from what does not")
    picture.check_known(hole)
    ink = None if colour is None else told_ink(colour, picture.colours)
    if mode in ("add", "multiply"):
        return estimate_light(picture, hole, mode, colour=ink, stored=stored)
    overlay = estimate_single(picture, hole, colour=ink, stored=stored)
    if mask is None and (more := passed_over(picture, hole, overlay)).any():
        overlay = estimate_single(picture, hole | grow(more, _FOUND), colour=ink, stored=stored)
    return overlay
