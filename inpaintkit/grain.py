"""Grain for a fill: noise like what surrounds the hole, where the fill has not its own.

Blocks of the known picture tell the grain's spectrum, one for each principal component of its colours. Seeded
white noise of that spectrum is split into octaves, and of each so much is added that the fill varies in it as the known
pixels beside it do: a smooth fill gets nearly all, copied texture, which has grain, hardly any.

    P      power spectrum of a component, (32, 32)
    has    how much an octave of the fill varies: root mean square around a pixel, over the hole
    wanted the same over the known pixels around
    inside noise less what its known pixels tell of the hole, so that the fill goes on where it ends
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import registry, threads
from inpaintkit.compositing import Units, as_items, picked
from inpaintkit.picture import grow
from inpaintkit.problem import Image, Mask, Problem
from inpaintkit.regions import Region, split

_SIDE = 32  # px of a block
_FEW, _MANY = 12, 1024  # blocks: with fewer nothing can be said, more say nothing new
_PART = 0.25  # of a block may be filled, where too few are wholly known
_CUT_OFF = 0.01  # of a block's values may be black or white
_OCTAVES = (0.5, 0.8, 1.6, 3.2, 6.4)  # px: Gaussians whose differences split grain by its size
_WITHIN, _AROUND = 6.0, 12.0  # px over which a fill and its surroundings are measured
_RIM = 2  # px: what lies so close to the hole is not measured, if others are
_OUTLIER = 5.0  # times the mean magnitude: what exceeds it is an edge, and counts so much
_LITTLE = 1e-3  # the weight of a region's mean where nothing known is near

Blocks = NDArray[np.float32]  # (n, side, side, C)
Real = NDArray[np.float64]


@dataclass(frozen=True)
class Grain:
    """The grain of a picture, in normalised colours.

    Attributes
    ----------
    axes : (C, C), rows are the principal components of its colours.
    shapes : (C, side, side), the filter that gives white noise a component's spectrum: the root of P, as an image.
    """

    axes: Real
    shapes: Real

    def noise(self, shape: tuple[int, int], seed: tuple[int, ...]) -> Image:
        """Grain by component, float32 (h, w, C)."""
        rng = np.random.default_rng(seed)
        layers = []
        for kernel in self.shapes:
            white = rng.standard_normal((shape[0] + _SIDE, shape[1] + _SIDE), np.float32)
            grain = cv2.filter2D(white, cv2.CV_32F, kernel[::-1, ::-1], borderType=cv2.BORDER_REFLECT_101)
            layers.append(grain[_SIDE // 2 :, _SIDE // 2 :][: shape[0], : shape[1]])
        return np.stack(layers, axis=2)


def add_grain(result: NDArray[Any], hole: Mask, units: Units, seed: int) -> None:
    """Add grain to the filled pixels of ``result``.

    Parameters
    ----------
    result : (H, W, C), the filled picture in the caller's units, written to.
    hole : bool (H, W), what was filled.
    units : of the picture that was filled.
    seed : the same gives the same grain.
    """
    before = result.copy()  # regions look beyond their own pixels
    grain = measured(before, units, hole)
    regions = split(hole, reach=_SIDE // 2, context=3 * _SIDE // 2)
    threads.run(lambda region: _region(before, result, region, hole, units, grain, seed), regions)


def measured(filled: NDArray[Any], units: Units, hole: Mask) -> Grain:
    """The grain of what is known of a picture; white where too few blocks of it are known."""
    blocks = _blocks(filled, units, hole, 0)
    if len(blocks) < _FEW:
        blocks = _blocks(filled, units, hole, _PART)
    colours = units.picture.colours
    if len(blocks) < _FEW:
        impulse = np.zeros((colours, _SIDE, _SIDE))
        impulse[:, _SIDE // 2, _SIDE // 2] = 1
        return Grain(np.eye(colours), impulse)
    rest = _flattened(blocks)
    fine = (rest - _blurred(rest)).reshape(-1, colours)
    axes = np.linalg.svd(fine.T @ fine)[0].T.astype(np.float64)
    window = np.outer(np.hanning(_SIDE + 1)[:-1], np.hanning(_SIDE + 1)[:-1])
    window /= np.sqrt(np.sum(window**2))
    power = np.abs(np.fft.fft2(np.einsum("nyxc,kc->nkyx", rest, axes) * window)) ** 2
    typical = np.median(power, axis=0) / math.log(
        2
    )  # the mean of an exponential distribution, whatever edges some hold
    return Grain(axes, np.fft.fftshift(np.fft.ifft2(np.sqrt(typical)).real, axes=(1, 2)))


def _blocks(filled: NDArray[Any], units: Units, hole: Mask, part: float) -> Blocks:
    """Blocks of which a part at most was filled, evenly over the picture, (n, side, side, colours)."""
    rows, columns = hole.shape[0] // _SIDE, hole.shape[1] // _SIDE
    step = max(1, math.isqrt(rows * columns // _MANY))
    found = [_row_of_blocks(filled, units, hole, part, row, step) for row in range(0, rows, step)] if columns else []
    return np.concatenate(found) if found else np.zeros((0, _SIDE, _SIDE, units.picture.colours), np.float32)


def _row_of_blocks(filled: NDArray[Any], units: Units, hole: Mask, part: float, row: int, step: int) -> Blocks:
    """Every ``step``-th block of a row that is known and hardly cut off at black or white."""
    picture, colours = units.picture, units.picture.colours
    columns = hole.shape[1] // _SIDE
    strip = slice(row * _SIDE, (row + 1) * _SIDE), slice(0, columns * _SIDE)

    def blocks(values: NDArray[Any]) -> NDArray[Any]:
        return np.swapaxes(values.reshape(_SIDE, columns, _SIDE, -1), 0, 1)[::step]

    pixels = blocks(filled[strip])
    usable = blocks(hole[strip]).mean(axis=(1, 2, 3)) <= part
    if picture.alpha:
        usable &= (pixels[..., -1] > 0).all(axis=(1, 2))
    if pixels.dtype.kind == "u":
        ends = (pixels[..., :colours] == 0) | (pixels[..., :colours] == picture.opaque)
        usable &= ends.mean(axis=(1, 2, 3)) <= _CUT_OFF
    return units.straight(pixels[usable])[..., :colours]


def _flattened(blocks: Blocks) -> Blocks:
    """Blocks less the plane that fits each best."""
    ramp = np.arange(_SIDE, dtype=np.float32) - (_SIDE - 1) / 2
    ramp /= np.sqrt((ramp**2).sum() * _SIDE)
    down = np.einsum("nyxc,y->nc", blocks, ramp)[:, None, None] * ramp[:, None, None]
    right = np.einsum("nyxc,x->nc", blocks, ramp)[:, None, None] * ramp[None, :, None]
    return np.asarray(blocks - blocks.mean(axis=(1, 2), keepdims=True) - down - right, np.float32)


def _blurred(blocks: Blocks) -> Blocks:
    return np.stack([cv2.GaussianBlur(block, (0, 0), 2.0).reshape(block.shape) for block in blocks])


def _region(
    filled: NDArray[Any], result: NDArray[Any], region: Region, hole: Mask, units: Units, grain: Grain, seed: int
) -> None:
    """Add grain to a region's own pixels."""
    crop, own = region.crop, region.own()
    colours = units.straight(filled[crop.slices])[..., : units.picture.colours]
    missing = hole[crop.slices]
    known = ~missing
    if units.picture.alpha:
        known &= filled[crop.slices][..., -1] > 0
    noise = grain.noise(crop.shape, (seed, crop.top, crop.left))
    parts = np.einsum("yxc,kc->yxk", colours, grain.axes).astype(np.float32)
    across: Image = registry.find("harmonic").load()(Problem.create(noise, missing, alpha=False))
    inside = noise - across  # what the noise beside the hole does not tell; the fill goes on where it ends
    layers = [_lacking(parts[..., k], noise[..., k], inside[..., k], missing, known) for k in range(noise.shape[2])]
    more = np.einsum("nk,kc->nc", np.stack([layer[own] for layer in layers], axis=1), grain.axes)
    pixels = picked(filled[crop.slices], own)
    pixels[:, : more.shape[1]] = units.typed(pixels[:, : more.shape[1]] + more * units.span.scale)
    as_items(result[crop.slices])[own] = as_items(pixels)


def _lacking(part: Image, noise: Image, inside: Image, hole: Mask, known: Mask) -> Image:
    """The noise that a component of a filled crop lacks (h, w)."""
    away = known & ~grow(hole, _RIM)
    known = away if away.any() else known
    added: Image = np.zeros_like(part)
    for there, full, inner in zip(_octaves(part), _octaves(noise), _octaves(inside), strict=True):
        wanted = _varies(there, known, _AROUND)
        has = _varies(there, hole, _WITHIN)
        most, each = (np.maximum(_varies(octave, hole, _WITHIN), 1e-10) for octave in (full, inner))
        lacks = np.sqrt(np.maximum(wanted**2 - has**2, 0))
        added = added + np.minimum(lacks / each, wanted / most) * inner
    return added


def _octaves(part: Image) -> list[Image]:
    """A component split by size, the finest first."""
    found, finer = [], part
    for sigma in _OCTAVES:
        coarser: Image = np.asarray(cv2.GaussianBlur(part, (0, 0), sigma), np.float32)
        found.append(finer - coarser)
        finer = coarser
    return found


def _varies(octave: Image, where: Mask, sigma: float) -> Image:
    """Root mean square around each pixel of what is marked, edges limited."""
    size = np.abs(octave)
    mean = float(size[where].mean()) if where.any() else 0.0
    weight = where.astype(np.float32)
    total = cv2.GaussianBlur(np.minimum(size, _OUTLIER * mean) ** 2 * weight, (0, 0), sigma)
    share = cv2.GaussianBlur(weight, (0, 0), sigma)
    return np.sqrt((total + _LITTLE * mean**2) / (share + _LITTLE))
