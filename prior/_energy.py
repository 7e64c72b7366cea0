"""E(x) and its gradient at one scale, summed over tiles."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import torch
from torch import Tensor

from inpaintkit.prior._patches import MEMORY_ADVICE, Window
from inpaintkit.prior._scale import MIN_TILE, Scale
from inpaintkit.prior._texture import Texture
from inpaintkit.prior.vgg import LAYERS
from inpaintkit.pyramid import Level

_CAFFE = 376.0  # root mean square of relu3_1 with Caffe's weights, whose units the paper's alpha is in
_CODE_RANGE = 256.0  # white, in the released code
_RIM = 2.0  # px over which the further weight at the rim falls off

Term: TypeAlias = tuple[Tensor, Tensor]  # what a layer's features should be, (D, h, w), and the cells' weights (h, w)


class Energy:
    """The energy of x at one scale.

    Attributes
    ----------
    target : t, (n, K).
    before : the first value asked for.
    evaluations : how often it was asked for.
    tiles : parts of the picture, with their terms by layer.
    """

    def __init__(self, scale: Scale, textures: list[Texture], target: Tensor) -> None:
        self.scale, self.textures, self.target = scale, textures, target.clone()
        self.preset = preset = scale.settings.preset
        self.before = 0.0
        self.evaluations = 0
        self._side = scale.tile_side()
        self._alpha = preset.alpha * _CAFFE**2 * (0.5 if preset.content_layer else scale.settings.share)
        self._beta = preset.beta * (_CODE_RANGE**2 / 2 if preset.content_layer else 1)
        depth = cv2.distanceTransform((~scale.level.known).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) - 1
        self._hold = scale.tensor(1 + preset.rim * np.exp(-depth[scale.level.hole] / _RIM))
        self._pairs = _neighbours(scale.level, scale.settings.device)
        inner = scale.picture[(slice(None), *scale.inner.slices)]
        hole = scale.level.hole
        self._colours = inner.permute(1, 2, 0).reshape(hole.size, 3)[:, : target.shape[1]]
        self._hole = torch.from_numpy(np.flatnonzero(hole)).to(scale.settings.device)

    def refresh(self, x: Tensor) -> None:
        """Search every layer's nearest patches with x in the hole."""
        for texture in self.textures:
            texture.refresh(x)
        self.tiles = self._tiles()

    def with_gradient(self, x: Tensor) -> float:
        """E(x); its gradient goes into ``x.grad``. Where the GPU's memory is too small, tiles are halved."""
        while True:
            x.grad = None
            try:
                value = self._summed(x)
                break
            except torch.cuda.OutOfMemoryError:
                if self._side <= MIN_TILE:
                    raise MemoryError(
                        f"the GPU's memory does not hold the network for a tile: {MEMORY_ADVICE}"
                    ) from None
                self._side = max(MIN_TILE, self._side // 2 // self.scale.cell * self.scale.cell)
                torch.cuda.empty_cache()
                self.tiles = self._tiles()
        if not self.evaluations:
            self.before = value
        self.evaluations += 1
        return value

    def _summed(self, x: Tensor) -> float:
        preset = self.preset
        loss = self._beta * self._variation(x)
        if not preset.content_layer:
            change = x - self.target
            own = change - change.mean(dim=1, keepdim=True)
            distance = change.square().sum(dim=1) + preset.colour * own.square().sum(dim=1)
            loss = loss + (self._hold * distance).sum()
        loss.backward()
        value = float(loss.detach())
        if not (preset.content_layer or preset.inner or preset.full):
            value += sum(self._alpha / len(texture.targets) * texture.spread for texture in self.textures)
        for tile, terms in self.tiles:
            found = self.scale.features(lambda window: self.scale.shown(x, window), tile, list(terms))
            part = torch.stack(
                [(weight * (found[name] - mean).square().sum(dim=0)).sum() for name, (mean, weight) in terms.items()]
            ).sum()
            part.backward()
            value += float(part.detach())
        return value

    def _variation(self, x: Tensor) -> Tensor:
        """TV(x)."""
        colours = self._colours.index_copy(0, self._hole, x)
        one, other = self._pairs
        return (colours[one] - colours[other]).square().sum()

    def _tiles(self) -> list[tuple[Window, dict[str, Term]]]:
        """Tiles that hold cells of R's patches."""
        tiles = []
        boxes = [texture.box for texture in self.textures]
        top, left = min(box.top for box in boxes), min(box.left for box in boxes)
        box = Window(top, left, max(box.bottom for box in boxes), max(box.right for box in boxes))
        for tile in box.tiles(self._side):
            terms = {}
            for texture in self.textures:
                term = self._texture_term(texture, tile)
                if term is not None:
                    terms[texture.name] = term
            if terms and self.preset.content_layer:
                terms[self.preset.content_layer] = self._content_term(tile, box)
            if terms:
                tiles.append((tile, terms))
        return tiles

    def _texture_term(self, texture: Texture, tile: Window) -> Term | None:
        """A texture's m and weights over a tile, zero outside its box."""
        count = texture.weights.new_zeros(tile.size(texture.layer.cell))
        mean = texture.mean.new_zeros((*count.shape, texture.mean.shape[2]))
        both = tile.common(texture.box)
        if both is None:
            return None
        mine, here = both.cells(texture.layer.cell, texture.box), both.cells(texture.layer.cell, tile)
        count[here], mean[here] = texture.weights[mine], texture.mean[mine]
        if not count.any():
            return None
        if self.preset.content_layer:
            weight = (count > 0).to(count.dtype) * self._alpha
        else:
            weight = count * (self._alpha / len(texture.targets))
        return mean.permute(2, 0, 1).contiguous(), weight

    def _content_term(self, tile: Window, box: Window) -> Term:
        """The content's features over a tile, and their weight in the mean over the box."""
        name = self.preset.content_layer
        with torch.no_grad():
            found = self.scale.features(lambda window: self.scale.shown(self.target, window), tile, [name])[name]
        height, width = box.size(LAYERS[name].cell)
        weight = self.preset.content_weight * _CAFFE**2 / (len(found) * height * width)
        return found, found.new_full(found.shape[1:], weight)


def _neighbours(level: Level, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pairs of neighbours, flat, of which one at least lies in the hole and both have a colour."""
    coloured = level.known | level.hole
    pairs = []
    flat = np.arange(level.hole.size).reshape(level.hole.shape)
    for a, b in (
        ((slice(1, None),), (slice(None, -1),)),
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
    ):
        counts = (level.hole[a] | level.hole[b]) & coloured[a] & coloured[b]
        pairs.append((flat[a][counts], flat[b][counts]))
    one, other = (torch.from_numpy(np.concatenate(sides)).to(device) for sides in zip(*pairs, strict=True))
    return one, other
