"""What is done to a layer, as JSON: checked, and drawn into the smallest box that holds it."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from inpaintkit import files, masks
from inpaintkit.box import Box
from inpaintkit.problem import Mask

Event = dict[str, Any]

MASK = "mask"  # the layer that says what is filled
_FIELDS: dict[str, tuple[str, ...]] = {  # type of event -> what it needs beside layer and mode
    "stroke": ("points", "width"),
    "rect": ("box",),
    "ellipse": ("box",),
    "polygon": ("points",),
    "pixels": ("box", "png"),
    "wand": ("point", "tolerance"),
    "object": ("points",),
    "grow": ("radius",),
    "shrink": ("radius",),
    "invert": (),
    "clear": (),
    "pieces": ("find",),
}
_FURTHER = {"wand": ("connected",), "object": ("box",)}  # what it may have
SHAPES = ("stroke", "rect", "ellipse", "polygon", "pixels")
SEEN = ("wand", "object", "pieces")  # what depends on the picture
_MODES = ("add", "erase")
_EXACT = 1024  # a coordinate of so many parts of a pixel is moved by whole pixels without rounding
_MAX_POINTS = 100_000


def checked(event: Any, layers: Callable[[str], bool]) -> Event:
    """An event of a client with all its fields, in a fixed order; ValueError says what is wrong."""
    if not isinstance(event, dict):
        raise TypeError(f"an event is {type(event).__name__}: expected an object with a type")
    kind = event.get("type")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise ValueError(f"the event's type is {kind!r}: choose one of {', '.join(_FIELDS)}")
    layer = event.get("layer", MASK)
    if not isinstance(layer, str) or not (layer == MASK or layers(layer)):
        raise ValueError(f"the layer is {layer!r}: expected mask, or an option of a method that is painted")
    found: Event = {"type": kind, "layer": layer}
    if kind in (*SHAPES, *SEEN):
        found["mode"] = event.get("mode", "add")
        if found["mode"] not in _MODES:
            raise ValueError(f"the mode is {found['mode']!r}: choose add or erase")
    for name in _FIELDS[kind]:
        if name not in event:
            raise ValueError(f"a {kind} needs {name}")
        found[name] = event[name]
    for name in _FURTHER.get(kind, ()):
        if name in event:
            found[name] = event[name]
    if isinstance(found.get("points"), list) and len(found["points"]) > _MAX_POINTS:
        raise ValueError(f"it has {len(found['points'])} points: send {_MAX_POINTS} at most")
    return found


def drawn(event: Event, shape: tuple[int, int]) -> tuple[Box, Mask]:
    """A shape's pixels: a box of a picture (H, W), and bool (h, w) of it; ValueError where it covers no pixel.

    They are those of the whole picture's mask as ``inpaintkit.masks`` draws it, for the cost of the box.
    """
    kind = event["type"]
    points = event.get("points")
    if kind == "pixels":
        return _unpacked(event, shape)
    if kind in ("rect", "ellipse"):
        return _in_box(event, masks.checked_box(event["box"]), shape)
    corners = np.asarray(points, np.float64) if _are_pairs(points) else None
    width = event.get("width", 0.0)
    if corners is None or not np.isfinite(corners).all() or not _is_number(width) or not abs(width) < 1e6:
        return Box.of_shape(shape), _draw(event, shape, Box(0, 0, 0, 0))  # where the message comes from
    reach = float(width) / 2
    left, top = (math.floor(side) for side in corners.min(axis=0) - reach)
    right, bottom = (math.ceil(side) + 1 for side in corners.max(axis=0) + reach)
    if not np.array_equal(np.rint(corners * _EXACT), corners * _EXACT):
        box = Box.from_edges(left, top, right, bottom).clipped(shape)
        return box, _draw(event, shape, Box(0, 0, 0, 0))[box.slices]
    return _in_box(event, Box.from_edges(left, top, right, bottom), shape)


def pixels(layer: str, box: Box, mask: Mask, mode: str = "add") -> Event:
    """The event that marks, or erases, what a mask (h, w) of a box marks: a shape given pixel by pixel."""
    content = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(mask)).save(content, "png")
    png = base64.b64encode(content.getvalue()).decode()
    return {"type": "pixels", "layer": layer, "mode": mode, "box": list(box), "png": png}


def _unpacked(event: Event, shape: tuple[int, int]) -> tuple[Box, Mask]:
    """What the event's PNG marks, as far as it lies in a picture (H, W)."""
    box = masks.checked_box(event["box"])
    try:
        data = base64.b64decode(event["png"], validate=True)
    except (TypeError, ValueError):
        raise ValueError("png is no base64: send a PNG as large as box, white where it marks") from None
    mask = files.read_mask(files.Stream(io.BytesIO(data), "png"))
    if mask.shape != box.shape:
        raise ValueError(f"png is {mask.shape}, box is {box.shape}: send a PNG as large as box")
    inside = box.clipped(shape)
    part = mask[inside.within(box)] if inside.area else mask[:0]
    if not part.any():
        raise ValueError(f"pixels cover no pixel of the picture, which is {shape}: box is {tuple(box)}")
    return inside, part


def _in_box(event: Event, around: Box, shape: tuple[int, int]) -> tuple[Box, Mask]:
    box = around.clipped(shape)
    if not box.area:
        return box, _draw(event, shape, Box(0, 0, 0, 0))  # where the message comes from
    return box, _draw(event, box.shape, box)


def _draw(event: Event, shape: tuple[int, int], moved: Box) -> Mask:
    """The shape in a picture whose first pixel is the corner of ``moved``."""
    kind = event["type"]
    if kind in ("rect", "ellipse"):
        box = masks.checked_box(event["box"]).shifted(-moved.left, -moved.top)
        return masks.rect(shape, box) if kind == "rect" else masks.ellipse(shape, box)
    points = event["points"]
    if moved.left or moved.top:
        points = np.asarray(points, np.float64) - (moved.left, moved.top)
    return masks.stroke(shape, points, event["width"]) if kind == "stroke" else masks.polygon(shape, points)


def _are_pairs(points: Any) -> bool:
    return (
        isinstance(points, list)
        and bool(points)
        and all(isinstance(point, list) and len(point) == 2 and all(map(_is_number, point)) for point in points)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
