"""What is painted: the mask and what guides a method, each a layer as large as the picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from inpaintkit import masks
from inpaintkit.box import Box
from inpaintkit.problem import Mask
from inpaintkit.ui.changes import Delta, bounds, union
from inpaintkit.ui.events import MASK, SHAPES, Event, drawn


@dataclass(eq=False)
class Layer:
    """A mask that is painted: bool (H, W), how much is marked, and a box around it, if that is known."""

    mask: Mask
    pixels: int = 0
    box: Box | None = None
    loose: bool = False  # whether the box may be larger than need be

    def turn(self, delta: Delta) -> None:
        """Turn over what an event turned over."""
        flipped = delta.flipped()
        part = self.mask[delta.box.slices]
        part ^= flipped
        now = int(np.count_nonzero(part & flipped))
        self.pixels += 2 * now - int(np.count_nonzero(flipped))
        self.box = union(self.box, delta.box) if now else self.box
        self.loose = True

    def bounds(self) -> Box | None:
        """The box around what is marked."""
        if self.loose:
            self.box = bounds(self.mask, self.box) if self.pixels and self.box else None
            self.loose = False
        return self.box


class Layers:
    """All layers of a picture of ``shape`` (H, W), by name; one that nobody has painted is empty."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self._layers: dict[str, Layer] = {}

    def __iter__(self) -> Iterator[str]:
        """The names of those that somebody has painted."""
        return iter(list(self._layers))

    def mask(self, name: str = MASK) -> Mask:
        """What is marked, bool (H, W); not to be written to."""
        found = self._layers.get(name)
        return found.mask if found else np.broadcast_to(np.False_, self.shape)

    def marked(self, name: str) -> tuple[int, Box | None]:
        """How many pixels are marked, and the box around them."""
        found = self._layers.get(name)
        return (found.pixels, found.bounds()) if found else (0, None)

    def guides(self) -> dict[str, Mask]:
        """What is painted beside the mask; not to be written to."""
        return {name: layer.mask for name, layer in self._layers.items() if name != MASK and layer.pixels}

    def turn(self, delta: Delta) -> None:
        """Turn over what an event turned over."""
        if delta.layer not in self._layers:
            self._layers[delta.layer] = Layer(np.zeros(self.shape, np.bool_))
        self._layers[delta.layer].turn(delta)

    def do(self, event: Event) -> None:
        """Do an event that needs nothing but the layer."""
        for delta in self.deltas(event, None):
            self.turn(delta)

    def deltas(self, event: Event, selection: Delta | None) -> list[Delta]:
        """What an event turns over in the layer as it is now."""
        layer, kind = event["layer"], event["type"]
        mask = self.mask(layer)
        if selection is not None and event.get("how") == "replace":
            box, part = Box.of_shape(self.shape), np.zeros(self.shape, np.bool_)
            part[selection.box.slices] = selection.flipped()
            flipped = part ^ mask
        elif selection is not None or kind in SHAPES:
            box, part = (selection.box, selection.flipped()) if selection else drawn(event, self.shape)
            now = mask[box.slices]
            flipped = part & now if event.get("mode") == "erase" else part & ~now
        elif kind == "clear":
            box = self.marked(layer)[1] or Box(0, 0, 0, 0)
            flipped = mask[box.slices]
        elif kind == "invert":
            box, flipped = Box.of_shape(self.shape), np.ones(self.shape, np.bool_)
        else:
            box, flipped = self._grown(event)
        delta = Delta.of(layer, box, flipped)
        return [delta] if delta else []

    def _grown(self, event: Event) -> tuple[Box, Mask]:
        """What growing or shrinking turns over, worked out in the box around what is marked."""
        layer, radius = event["layer"], event["radius"]
        change = masks.grow if event["type"] == "grow" else masks.shrink
        around = self.marked(layer)[1]
        if around is None or not isinstance(radius, int) or isinstance(radius, bool) or radius < 0:
            change(np.zeros((1, 1), np.bool_), radius)  # where the message comes from
            return Box(0, 0, 0, 0), np.zeros((0, 0), np.bool_)
        box = around.grown(min(radius + 1, max(self.shape)), self.shape)
        part = self.mask(layer)[box.slices]
        return box, change(part, radius) ^ part
