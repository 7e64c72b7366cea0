"""One size of the picture: the hole's pixels as variables, and the features of any part of it, tile by tile."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from inpaintkit.arrays import Array
from inpaintkit.prior._content import rgb
from inpaintkit.prior._patches import Window
from inpaintkit.prior._presets import Preset
from inpaintkit.prior.vgg import LAYERS, Vgg19
from inpaintkit.problem import Image
from inpaintkit.pyramid import Level

MIN_TILE = 64  # px
BYTES_PER_PIXEL = 1400  # of a tile, while gradients are taken
_SHOWN = (-1.0, 2.0)  # the range of colours that the network is shown; those far outside [0, 1] are clipped to it
_EDGE = 16  # px by which the picture is continued where it ends, so that the zeros beyond do not show

Optimizer: TypeAlias = Literal["lbfgs", "adam"]


@dataclass(frozen=True, eq=False)
class Settings:
    """What all scales of a region share.

    Attributes
    ----------
    layers : names of the layers whose patches are compared.
    steps : iterations at each scale.
    neighbourhood : how far a source may lie, in pixels of the picture; None: anywhere.
    strict : no source feature may see a pixel of the hole, where enough sources remain.
    memory : bytes for the search and for gradients.
    share : the hole's size over that of the paper's.
    """

    preset: Preset
    layers: tuple[str, ...]
    net: Vgg19
    device: torch.device
    steps: int
    optimizer: Optimizer
    neighbourhood: int | None
    strict: bool
    memory: int
    share: float


class Scale:
    """One size of the picture.

    Attributes
    ----------
    number : 0 is the full size, each further one half as large.
    cell : side in pixels of the deepest layer's cells.
    shape : height and width of the continued picture, whole cells.
    inner : where the picture itself lies in that.
    picture : (3, H, W), the continued picture.
    variable : int (H, W), the row of x that a pixel shows, or -1.
    blocked : bool (H, W), the pixels that are not known.
    start : (n, K), x at the beginning: the colours of the hole's pixels, grey as one channel.
    """

    def __init__(self, settings: Settings, level: Level, start: Image, number: int) -> None:
        self.settings, self.level, self.number = settings, level, number
        extra = settings.preset.content_layer
        layers = [LAYERS[name] for name in (*settings.layers, *([extra] if extra else []))]
        self.cell = max(layer.cell for layer in layers)
        self._reach = max(layer.reach for layer in layers)
        height, width = level.hole.shape
        edge = -(-_EDGE // self.cell) * self.cell
        # The picture is continued by its mirror image, a whole number of cells wide.
        rows, columns = (
            np.pad(np.arange(side), (edge, edge + -side % self.cell), mode="symmetric") for side in (height, width)
        )
        self.inner = Window(edge, edge, edge + height, edge + width)
        self.shape = len(rows), len(columns)
        self.picture = self.tensor(rgb(start)[rows][:, columns].transpose(2, 0, 1))
        variable = np.full(level.hole.shape, -1)
        variable[level.hole] = np.arange(np.count_nonzero(level.hole))
        self.variable = variable[rows][:, columns]
        self.blocked = ~level.known[rows][:, columns]
        self.start = self.tensor(start[level.hole])
        self._holes: dict[Window, tuple[Tensor, Tensor]] = {}  # pixels of a window's hole, and the variables there

    def tensor(self, values: Array) -> Tensor:
        """Values on the device, of the weights' type."""
        dtype = next(iter(self.settings.net.weights.values()))[0].dtype
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.settings.device, dtype)

    def shown(self, x: Tensor, window: Window) -> Tensor:
        """A window of the continued picture with x in the hole, (1, 3, h, w), as the network sees it."""
        base = self.picture[(slice(None), *window.slices)]
        if window not in self._holes:
            flat = self.variable[window.slices].reshape(-1)
            inside = np.flatnonzero(flat >= 0)
            self._holes[window] = torch.from_numpy(inside).to(x.device), torch.from_numpy(flat[inside]).to(x.device)
        pixels, variable = self._holes[window]
        colours = x[variable].T.expand(3, -1)
        shown = base.reshape(3, -1).index_copy(1, pixels, colours)
        return shown.reshape(1, *base.shape).clamp(*_SHOWN)

    def map(self, picture: Callable[[Window], Tensor], name: str, within: Window) -> Iterator[tuple[Window, Tensor]]:
        """A layer's features over a window, tile by tile so that memory stays bounded, without gradients."""
        with torch.no_grad():
            for tile in within.tiles(self.tile_side()):
                yield tile, self.features(picture, tile, [name])[name]

    def features(self, picture: Callable[[Window], Tensor], tile: Window, names: Iterable[str]) -> dict[str, Tensor]:
        """Layers' features of a tile, (D, h, w), exact: from a window that is larger by as far as a feature sees."""
        window = tile.grown(max(LAYERS[name].reach for name in names), self.shape, self.cell)
        found = self.settings.net.features(picture(window), names)
        for name, features in found.items():
            found[name] = features[(slice(None), *tile.cells(LAYERS[name].cell, window))]
        return found

    def tile_side(self) -> int:
        """Side of a tile whose gradients fit the memory, whole cells."""
        side = int(math.sqrt(self.settings.memory / BYTES_PER_PIXEL)) - 2 * self._reach
        return max(MIN_TILE, side // self.cell * self.cell)

    def filled(self, x: Tensor) -> Image:
        """The level's colours (H, W, K) with x in the hole."""
        inner = self.picture[(slice(None), *self.inner.slices)]
        colours = inner.cpu().numpy().transpose(1, 2, 0)[..., : x.shape[1]].astype(np.float32)
        colours[self.level.hole] = x.cpu().numpy()
        return np.ascontiguousarray(colours)


def windows_of(picture: Tensor) -> Callable[[Window], Tensor]:
    """A function that gives windows of a picture (3, H, W), as the network sees them."""
    return lambda window: picture[(slice(None), *window.slices)][None].clamp(*_SHOWN)
