"""Deep Image Prior as its authors ran it, written for comparison alone: eager, float32, channels first.

Layers, order and optimiser as the original's notebooks have them; nothing of ``inpaintkit.prior`` is used, so that
times and numbers of parameters are compared with something independent.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def convolution(depth: int, channels: int, side: int, stride: int = 1) -> nn.Sequential:
    """A reflected margin and a convolution."""
    return nn.Sequential(nn.ReflectionPad2d(side // 2), nn.Conv2d(depth, channels, side, stride, bias=True))


def activated(depth: int, channels: int, side: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, leaky rectifier."""
    return nn.Sequential(
        convolution(depth, channels, side, stride), nn.BatchNorm2d(channels), nn.LeakyReLU(0.2, inplace=True)
    )


class Hourglass(nn.Module):
    """Scales of equal width: ``channels`` down and up, ``skip`` beside, from ``depth`` to ``colours`` channels."""

    def __init__(self, depth: int, colours: int, *, channels: int, skip: int, scales: int, upsample: str) -> None:
        super().__init__()
        self.upsample = nn.Upsample(scale_factor=2, mode=upsample)
        self.down, self.beside, self.up = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for scale in range(scales):
            before = depth if scale == 0 else channels
            self.down.append(nn.Sequential(activated(before, channels, 3, stride=2), activated(channels, channels, 3)))
            self.beside.append(activated(before, skip, 1) if skip else nn.Identity())
            joined = channels + skip
            self.up.append(
                nn.Sequential(nn.BatchNorm2d(joined), activated(joined, channels, 3), activated(channels, channels, 1))
            )
        self.skip = skip
        self.last = nn.Sequential(nn.Conv2d(channels, colours, 1), nn.Sigmoid())

    def forward(self, z: Tensor) -> Tensor:
        """(1, depth, H, W) -> (1, colours, H, W)."""
        passed: list[Tensor | None] = []
        x = z
        for down, beside in zip(self.down, self.beside, strict=True):
            passed.append(beside(x) if self.skip else None)
            x = down(x)
        for up, skipped in zip(list(self.up)[::-1], passed[::-1], strict=True):
            x = self.upsample(x)
            x = up(x if skipped is None else torch.cat([skipped, x], dim=1))
        picture: Tensor = self.last(x)
        return picture


class Loop:
    """The notebooks' loop: Adam, noise on the input, squared error over the known pixels as a mean over all."""

    def __init__(
        self, picture: Tensor, known: Tensor, device: torch.device, *, rate: float, noise: float, **shape: Any
    ) -> None:
        self.picture, self.known = picture.to(device), known.to(device)
        self.z = (torch.rand(1, 32, *picture.shape[2:]) * 0.1).to(device)
        self.network = Hourglass(32, picture.shape[1], **shape).to(device)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=rate)
        self.noise = noise

    def step(self) -> Tensor:
        """One step; the network's output."""
        self.optimiser.zero_grad()
        output: Tensor = self.network(self.z + torch.randn_like(self.z) * self.noise)
        nn.functional.mse_loss(output * self.known, self.picture * self.known).backward()
        self.optimiser.step()
        return output.detach()
