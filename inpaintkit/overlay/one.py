"""One picture's overlay: what came is checked, the mask found if none did, and estimated by its mode."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from inpaintkit.arrays import F64x1
from inpaintkit.find import FINDERS, Kind, find_mask
from inpaintkit.overlay.light import estimate_light
from inpaintkit.overlay.model import Mode, Overlay, check_mode, told_ink
from inpaintkit.overlay.noise import Stored
from inpaintkit.overlay.reaching import passed_over
from inpaintkit.overlay.single import estimate_single
from inpaintkit.picture import Channels, Picture, grow, hole_of
from inpaintkit.problem import Mask

_LOOKED_FOR: tuple[Kind, ...] = ("stamp", "text")  # where both are found, a date's digits are light
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
    holes = _found(image, mode, channels) if mask is None else {mode or "cover": hole_of(mask, picture)}
    ink = None if colour is None else told_ink(colour, picture.colours)
    found = mask is None
    return layered([_estimated(picture, hole, own, ink, stored, found=found) for own, hole in holes.items()])


def layered(overlays: list[Overlay]) -> Overlay:
    """Overlays of one picture as layers of one, but for those that touch nothing."""
    there = [overlay for overlay in overlays if overlay.touched.any()] or overlays[:1]
    return replace(there[0], under=tuple(there[1:])) if there[1:] else there[0]


def _found(image: Any, mode: Mode | None, channels: Channels | None) -> dict[Mode, Mask]:
    """Where text is found, and light that was added; with a mode, what lies so over the picture."""
    kinds = {kind: FINDERS[kind].mode for kind in _LOOKED_FOR if mode in (None, FINDERS[kind].mode)}
    if not kinds:
        raise ValueError(f"no finder looks for what lies over a picture as mode {mode!r} says: give a mask")
    holes: dict[Mode, Mask] = {}
    for kind, own in kinds.items():
        hole = grow(find_mask(image, kind, channels=channels), _FOUND)
        for other in holes.values():
            hole = hole & ~other
        holes[own] = hole
    return holes


def _estimated(
    picture: Picture, hole: Mask, mode: Mode, ink: F64x1 | None, stored: Stored | None, *, found: bool
) -> Overlay:
    """The overlay in a hole that was ``found`` or given."""
    if picture.alpha:
        hole = hole & (picture.pixels[..., -1] > 0)
    if hole.all():
        raise ValueError("the mask covers the whole picture: what lies over it can only be told from what does not")
    picture.check_known(hole)
    if mode != "cover":
        return estimate_light(picture, hole, mode, colour=ink, stored=stored)
    overlay = estimate_single(picture, hole, colour=ink, stored=stored)
    if found and (more := passed_over(picture, hole, overlay)).any():
        overlay = estimate_single(picture, hole | grow(more, _FOUND), colour=ink, stored=stored)
    return overlay
