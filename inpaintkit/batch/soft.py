"""What lies over a file's picture, taken off instead of filled over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit.batch.jobs import Search
from inpaintkit.files import Loaded
from inpaintkit.find import find_mask
from inpaintkit.overlay import MODES, Mode, Overlay, RemovalInfo, Stored, estimate_overlay, remove_overlay
from inpaintkit.overlay.marks import read_mark
from inpaintkit.overlay.one import layered
from inpaintkit.picture import Picture, grow, hole_of
from inpaintkit.problem import Mask, Step

_OF_MASKS = ("invert_mask", "dilate", "feather", "grain", "nodata")


def take_off(
    photo: Loaded, mask: Any, method: str, arguments: dict[str, Any], progress: Callable[[Step], None] | None
) -> tuple[NDArray[Any], RemovalInfo]:
    """The picture without what the mask marks, and what was done: opacity and ink are estimated from the picture.

    Parameters
    ----------
    arguments : keywords of ``inpaint``. ``dilate`` makes the mask wider where it is a number; "auto" does not, since
        the estimate itself sees how far colours have bled.
    """
    inverted, dilate = arguments.get("invert_mask", False), arguments.get("dilate", 0)
    hole = hole_of(mask, Picture.of(photo.pixels, photo.channels), invert=inverted)
    if isinstance(dilate, int) and dilate:
        hole = grow(hole, dilate)
    return _removed(photo, method, arguments, progress, mask=hole)


def found(photo: Loaded, search: Search) -> Mask | dict[Mode, Mask]:
    """What is found and sure enough, by how it lies over the picture; a mask of nothing where nothing is."""
    more = {"channels": photo.channels, **search.options}
    mask, info = find_mask(photo.pixels, search.kind, purpose="act", return_info=True, **more)
    modes: list[Mode] = [piece.mode for piece in info.found]
    each = np.array(["", *modes])[info.labels]
    return {mode: each == mode for mode in MODES if mode in modes} or mask


def take_found_off(
    photo: Loaded,
    masks: dict[Mode, Mask],
    method: str,
    arguments: dict[str, Any],
    progress: Callable[[Step], None] | None,
) -> tuple[NDArray[Any], RemovalInfo]:
    """The picture without what was found, each mode in its own way, and what was done."""
    if len(masks) == 1:
        ((mode, mask),) = masks.items()
        return take_off(photo, mask, method, {**arguments, "mode": mode}, progress)
    ink, stored = arguments.pop("colour", None), Stored.of_metadata(photo.metadata)
    more: dict[str, Any] = {"channels": photo.channels, "stored": stored}
    overlays = [
        estimate_overlay(photo.pixels, mask, mode=mode, colour=ink if mode == "cover" else None, **more)
        for mode, mask in masks.items()
    ]
    return _removed(photo, method, arguments, progress, overlay=layered(overlays))


def take_known_off(
    photo: Loaded,
    mark: Path,
    mode: Mode,
    method: str,
    arguments: dict[str, Any],
    progress: Callable[[Step], None] | None,
) -> tuple[NDArray[Any], RemovalInfo]:
    """The picture without the overlay of a file, and what was done; of ``arguments`` those that a fill takes."""
    overlay = read_mark(mark, Picture.of(photo.pixels, photo.channels), mode)
    return _removed(photo, method, arguments, progress, overlay=overlay)


def _removed(
    photo: Loaded,
    method: str,
    arguments: dict[str, Any],
    progress: Callable[[Step], None] | None,
    *,
    mask: Mask | None = None,
    overlay: Overlay | None = None,
) -> tuple[NDArray[Any], RemovalInfo]:
    given: dict[str, Any] = {name: value for name, value in arguments.items() if name not in _OF_MASKS}
    given |= {
        "mask": mask,
        "overlay": overlay,
        "method": method,
        "stored": Stored.of_metadata(photo.metadata),
        "progress": progress,
    }
    result, info = remove_overlay(photo.pixels, return_info=True, **given)
    return np.asarray(result), info
