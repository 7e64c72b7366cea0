"""One layer at one scale: the hole's patches, the patches that they may copy, and those that they do copy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import torch
from torch import Tensor

from inpaintkit.arrays import Array, I64x1
from inpaintkit.prior._patches import Sources, Window, nearest_patches, offsets
from inpaintkit.prior._scale import Scale, windows_of
from inpaintkit.prior.vgg import LAYERS
from inpaintkit.problem import Mask

_TURN, _ZOOM = math.pi / 24, 1.05  # steps of turned and scaled copies, as in the released code
_MAX_STRETCH = 4.0  # times that a mean is made longer; sources that cancel out say nothing


class Texture:
    """One layer at one scale. A patch is named by its middle cell, in the map's flat order.

    Attributes
    ----------
    targets : int64 (N,), R's patches.
    sources : the picture's own feature map, with the patches that may be copied, then those of turned copies.
    box : the cells of R's patches; those below are (h, w) over it.
    counts : c, how many of R's patches hold a cell.
    weights : of the cells in the energy.
    mean : m, (h, w, D).
    spread : sum of the squared distances of all sources from their cells' means.
    """

    def __init__(self, scale: Scale, name: str) -> None:
        self.scale, self.name, self.layer = scale, name, LAYERS[name]
        cell, preset = self.layer.cell, scale.settings.preset
        self.height, self.width = (side // cell for side in scale.shape)
        shown = np.zeros(scale.shape, np.bool_)
        shown[scale.inner.slices] = True
        places = _flat(_pooled((scale.variable >= 0) & shown, cell))  # none at the border: the picture is continued
        seen = cv2.blur((scale.variable >= 0).astype(np.float32), (cell + 2 * self.layer.reach,) * 2)
        self._inner = scale.tensor(_cells(seen, cell).mean(axis=(1, 3)) ** 2) if preset.inner else None
        centres = _flat(self._offered(self._usable(shown, len(places))))
        self.targets, self.sources = torch.from_numpy(places).to(scale.settings.device), list[Sources]()
        if not len(centres) or not len(places):
            return
        parts = scale.map(windows_of(scale.picture), name, Window(0, 0, *scale.shape))
        self.sources = [self._sources(parts, centres), *self._turned()]
        y, x = np.divmod(places, self.width)
        box = Window(*(int(v) * cell for v in (y.min() - 1, x.min() - 1, y.max() + 2, x.max() + 2)))
        self.box = box.grown(0, scale.shape, scale.cell)
        self._changing = box.grown(self.layer.reach, scale.shape, scale.cell)  # features that see the hole

    @property
    def count(self) -> int:
        """How many patches of the picture itself may be copied."""
        return len(self.sources[0].centres) if self.sources else 0

    def _usable(self, shown: Mask, enough: int) -> Mask:
        """Middle cells of the patches that may be copied, with those strictly apart alone where they are enough.

        Mirrored pixels are no sources of their own; what they add to a feature of the picture is.
        """
        blocked, reach = self.scale.blocked, self.layer.reach
        usable: Mask = self._free(blocked) & _pooled(shown, self.layer.cell)
        if self.scale.settings.strict:
            square = np.ones(2 * (2 * reach + 1,), np.uint8)
            apart: Mask = self._free(cv2.dilate(blocked.view(np.uint8), square) > 0) & usable
            return apart if np.count_nonzero(apart) >= enough else usable
        return usable

    def _free(self, blocked: Mask) -> Mask:
        """Middle cells of patches none of whose cells holds a blocked pixel."""
        cells = _pooled(blocked, self.layer.cell)
        free: Mask = cv2.dilate(cells.view(np.uint8), np.ones((3, 3), np.uint8)) == 0
        return free

    def _offered(self, usable: Mask) -> Mask:
        """Those of the middle cells that lie inside the map, and on the stride."""
        offered = np.zeros_like(usable)
        step = self.scale.settings.preset.stride
        inside = slice(step if step > 1 else 1, -1, step)
        offered[inside, inside] = usable[inside, inside]
        return offered

    def _sources(self, parts: Iterator[tuple[Window, Tensor]], centres: I64x1) -> Sources:
        rows: Tensor | None = None
        for tile, features in parts:
            if rows is None:
                rows = features.new_zeros((self.height, self.width, len(features)))
            rows[tile.cells(self.layer.cell)] = features.permute(1, 2, 0)
        assert rows is not None
        device = self.scale.settings.device
        return Sources(rows.reshape(-1, rows.shape[2]), self.width, torch.from_numpy(centres).to(device))

    def _turned(self) -> Iterator[Sources]:
        """Turned and scaled copies of the picture, each about its middle."""
        scale, preset = self.scale, self.scale.settings.preset
        height, width = scale.shape
        pixels = np.ascontiguousarray(scale.picture.cpu().numpy().transpose(1, 2, 0), np.float32)
        middle = ((width - 1) / 2, (height - 1) / 2)
        blocked = scale.blocked.astype(np.float32)
        for turn in range(-preset.rotations, preset.rotations + 1):
            for zoom in range(-preset.sizes, preset.sizes + 1):
                if (turn, zoom) == (0, 0):
                    continue
                matrix = cv2.getRotationMatrix2D(middle, math.degrees(turn * _TURN), _ZOOM**zoom)
                turned = cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
                bad = cv2.warpAffine(blocked, matrix, (width, height), borderMode=cv2.BORDER_CONSTANT, borderValue=1.0)
                centres = _flat(self._offered(self._free(bad > 0)))
                if len(centres):
                    picture = scale.tensor(turned.transpose(2, 0, 1))
                    yield self._sources(scale.map(windows_of(picture), self.name, Window(0, 0, *scale.shape)), centres)

    def refresh(self, x: Tensor) -> None:
        """Search the nearest patches with x in the hole: ``counts``, ``weights``, ``mean`` and ``spread`` anew."""
        preset = self.scale.settings.preset
        grid = self.sources[0].rows.reshape(self.height, self.width, -1)
        for tile, features in self.scale.map(lambda window: self.scale.shown(x, window), self.name, self._changing):
            grid[tile.cells(self.layer.cell)] = features.permute(1, 2, 0)
        rows, columns = self.box.cells(self.layer.cell)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        total = grid.new_zeros((height * width, grid.shape[2]))
        counts = grid.new_zeros(height * width)
        squares = grid.new_zeros(height * width)
        for places in torch.split(self.targets, self._chunk()):
            which, centre = self.nearest(places)
            here = (places // self.width - rows.start) * width + places % self.width - columns.start
            for number, source in enumerate(self.sources):
                mine = which == number
                for to, step in zip(offsets(width), offsets(source.width), strict=True):
                    copied = source.rows[centre[mine] + step]
                    total[here[mine] + to] += copied  # no cell twice, so that nothing is lost
                    counts[here[mine] + to] += 1
                    squares[here[mine] + to] += copied.square().sum(dim=1)
        self.counts = counts.reshape(height, width)
        self.weights = self.counts if self._inner is None else self.counts * self._inner[rows, columns]
        self.mean = (total / counts.clamp_min(1)[:, None]).reshape(height, width, -1)
        of_means = counts * self.mean.square().sum(dim=2).reshape(-1)
        self.spread = float((squares - of_means).sum(dtype=torch.float64))
        if preset.full:
            stretch = (squares / of_means.clamp_min(1e-12)).sqrt().clamp_max(_MAX_STRETCH)
            self.mean *= stretch.reshape(height, width, 1)

    def _chunk(self) -> int:
        """Target patches that take a quarter of the memory."""
        rows = self.sources[0].rows
        return max(1, self.scale.settings.memory // (4 * rows.element_size() * 9 * rows.shape[1]))

    def nearest(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of the sources and middle cells of the patches that are most like those at ``places``."""
        match, memory = self.scale.settings.preset.match, self.scale.settings.memory // 4
        patches = Sources(self.sources[0].rows, self.width, places).patches(places)
        which, centre = nearest_patches(patches, self.sources, match, memory, self._near(places))
        alone = which < 0  # nothing so near: from anywhere
        if alone.any():
            which[alone], centre[alone] = nearest_patches(patches[alone], self.sources, match, memory)
        return which, centre

    def _near(self, places: Tensor) -> Callable[[int, Tensor], Tensor] | None:
        if self.scale.settings.neighbourhood is None:
            return None
        radius = max(2, self.scale.settings.neighbourhood >> self.scale.number) / self.layer.cell
        y, x = places // self.width, places % self.width

        def near(number: int, centres: Tensor) -> Tensor:
            width = self.sources[number].width
            dy = (y[:, None] - centres[None] // width).abs()
            dx = (x[:, None] - centres[None] % width).abs()
            return torch.maximum(dy, dx) <= radius

        return near


def textures_of(scale: Scale) -> list[Texture]:
    """The textures of those layers at which the hole has patches and there are patches to copy."""
    textures = [Texture(scale, name) for name in scale.settings.layers]
    return [texture for texture in textures if texture.sources]


def _flat(mask: Mask) -> I64x1:
    """Flat places of the marked cells."""
    return np.flatnonzero(mask).astype(np.int64)


def _pooled(mask: Mask, cell: int) -> Mask:
    """Cells that hold a marked pixel."""
    return np.asarray(_cells(mask, cell).any(axis=(1, 3)))


def _cells(plane: Array, cell: int) -> Array:
    """Every cell's pixels, (H / cell, cell, W / cell, cell)."""
    height, width = (side // cell for side in plane.shape)
    return plane.reshape(height, cell, width, cell)
