"""The encoder-decoder with skip connections of Deep Image Prior, built from a recipe.

At every scale the input is halved, passed through the scales below, doubled again and joined with the output of the
skip connection; batch normalisation always takes the statistics of the picture at hand. The layers stand in the
original's order, and the numbers of parameters are the same. Only the speed differs: tensors are channels-last
throughout, where torch's own reflection would copy every plane twice.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpaintkit.prior._recipes import Recipe


class SkipNetwork(nn.Module):
    """Input (1, depth, H, W) -> picture (1, channels, H, W) in (0, 1), both sides a multiple of ``2**scales``."""

    def __init__(self, recipe: Recipe, channels: int) -> None:
        super().__init__()
        depth = 2 if recipe.input == "meshgrid" else recipe.depth
        self.scales = _Scale(recipe, depth, 0)
        self.last = nn.Conv2d(recipe.up[0], channels, 1)

    def forward(self, z: Tensor, start: Tensor | None = None) -> Tensor:
        """The picture; ``start`` is added before the sigmoid. The last layer is float32 whatever the others are."""
        features = self.scales(z)
        with torch.autocast(z.device.type, enabled=False):
            odds = self.last(features.float())
            return torch.sigmoid(odds if start is None else odds + start)


class _Scale(nn.Module):
    """One scale and all those below it."""

    def __init__(self, recipe: Recipe, depth: int, level: int) -> None:
        super().__init__()
        down, up, skip = recipe.down[level], recipe.up[level], recipe.skip[level]
        deepest = level == len(recipe.down) - 1
        wide = recipe.kernel_down
        self.skipped = skip
        self.skip = _layer(recipe, depth, skip, 1) if skip else None
        self.down = nn.Sequential(
            _layer(recipe, depth, down, wide, halve=True),
            _layer(recipe, down, down, wide),
        )
        self.below = None if deepest else _Scale(recipe, down, level + 1)
        joined = skip + (down if deepest else recipe.up[level + 1])
        self.normalised = _Norm(joined)
        self.up = nn.Sequential(_layer(recipe, joined, up, recipe.kernel_up))
        if recipe.mix:
            self.up.append(_layer(recipe, up, up, 1))
        self.mode = recipe.upsample

    def forward(self, z: Tensor) -> Tensor:
        deep = self.down(z)
        if self.below is not None:
            deep = self.below(deep)
        if self.mode == "nearest":  # normalised before they are doubled: the same numbers from a quarter of the pixels
            deep = self.normalised.part(deep, slice(self.skipped, None))
            deep = functional.interpolate(deep, scale_factor=2, mode="nearest")
            if self.skip is not None:
                deep = torch.cat([self.normalised.part(self.skip(z), slice(self.skipped)), deep], dim=1)
        else:
            deep = functional.interpolate(deep, scale_factor=2, mode="bilinear", align_corners=False)
            deep = self.normalised(deep if self.skip is None else torch.cat([self.skip(z), deep], dim=1))
        up: Tensor = self.up(deep)
        return up


def _layer(recipe: Recipe, depth: int, channels: int, side: int, *, halve: bool = False) -> nn.Sequential:
    """Convolution, normalisation, activation."""
    margin = side // 2
    layer = nn.Sequential()
    if margin and recipe.pad == "reflection":
        layer.append(_Reflected(margin))
        margin = 0
    stride = 2 if halve and recipe.downsample == "stride" else 1
    layer.append(nn.Conv2d(depth, channels, side, stride, margin))
    if halve and recipe.downsample == "average":
        layer.append(nn.AvgPool2d(2))
    return layer.extend([_Norm(channels), nn.LeakyReLU(0.2, inplace=True)])


class _Norm(nn.BatchNorm2d):
    """Batch normalisation without running statistics."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, track_running_stats=False)

    def part(self, x: Tensor, channels: slice) -> Tensor:
        """Normalise some of the channels, given alone."""
        weight, bias = self.weight[channels], self.bias[channels]
        return functional.batch_norm(x, None, None, weight, bias, training=True, eps=self.eps)


class _Reflected(nn.Module):
    """A margin that mirrors the picture without repeating its border."""

    def __init__(self, margin: int) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, x: Tensor) -> Tensor:
        padded: Tensor = Reflection.apply(x, self.margin)  # type: ignore[no-untyped-call]
        return padded


class Reflection(torch.autograd.Function):
    """Reflection by copying rows and columns, which keeps channels last and adds in a fixed order."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, margin: int) -> Tensor:
        ctx.margin = margin
        n, c, height, width = x.shape
        padded = torch.empty(
            (n, c, height + 2 * margin, width + 2 * margin),
            dtype=x.dtype,
            device=x.device,
            memory_format=torch.channels_last,
        )
        padded[:, :, margin:-margin, margin:-margin] = x
        for axis in (2, 3):
            for outer, inner in _mirrored(padded.shape[axis], margin):
                padded.select(axis, outer).copy_(padded.select(axis, inner))
        return padded

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        margin = ctx.margin
        gradient = gradient.clone(memory_format=torch.channels_last)
        for axis in (3, 2):
            for outer, inner in _mirrored(gradient.shape[axis], margin):
                gradient.select(axis, inner).add_(gradient.select(axis, outer))
        return gradient[:, :, margin:-margin, margin:-margin], None


def _mirrored(side: int, margin: int) -> list[tuple[int, int]]:
    """Pairs of a row in the margin and the row that it mirrors."""
    pairs = [(margin - k, margin + k) for k in range(1, margin + 1)]
    return pairs + [(side - 1 - outer, side - 1 - inner) for outer, inner in pairs]
