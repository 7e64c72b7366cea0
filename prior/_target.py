"""What a network is fitted to, the input that it starts from, and the known pixels that it is judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inpaintkit.arrays import Array
from inpaintkit.prior._recipes import Recipe
from inpaintkit.problem import Image, Mask

_PIECE = 32  # px, side of the squares in which held-out pixels lie


@dataclass(frozen=True, eq=False)
class Target:
    """What a network is fitted to.

    Attributes
    ----------
    image : float32 (h, w, C), colours in [0, 1].
    known, hole : bool (h, w).
    start : float32 (h, w, C), the fill of the coarser level, to which the network adds; None: there is none.
    """

    image: Image
    known: Mask
    hole: Mask
    start: Image | None


def planes_of(pixels: Array) -> Tensor:
    """(h, w, C) -> (1, C, h, w), float32."""
    return torch.from_numpy(np.ascontiguousarray(pixels, np.float32)).permute(2, 0, 1)[None]


def input_of(recipe: Recipe, shape: tuple[int, ...]) -> Tensor:
    """z for a picture of ``shape``, padded to multiples of the deepest scale and to more than a margin there."""
    scales = len(recipe.down)
    min_side = max(recipe.kernel_down, recipe.kernel_up) // 2 + 1
    height, width = (max(min_side, -(-side >> scales)) << scales for side in shape)
    if recipe.input == "meshgrid":
        rows, columns = (
            torch.linspace(0, (n - 1) / max(1, m - 1), n) for n, m in zip((height, width), shape, strict=True)
        )
        return torch.stack(torch.meshgrid(columns, rows, indexing="xy"))[None]
    return torch.rand(1, recipe.depth, height, width) / 10


def held_out_pixels(known: Mask, hole: Mask, share: float, rng: np.random.Generator) -> Mask:
    """About ``share`` of the known pixels, in pieces of the hole's own shape placed elsewhere; bool (h, w)."""
    held = np.zeros_like(known)
    wanted = share * np.count_nonzero(known)
    rows, columns = np.nonzero(hole)
    if not wanted or not len(rows):
        return held
    height, width = hole.shape
    for _ in range(1000):
        if np.count_nonzero(held) >= wanted:
            break
        centre = int(rng.integers(len(rows)))
        piece = hole[_around(rows[centre], height), _around(columns[centre], width)]
        top, left = (int(rng.integers(side - part + 1)) for side, part in zip(hole.shape, piece.shape, strict=True))
        place = slice(top, top + piece.shape[0]), slice(left, left + piece.shape[1])
        held[place] |= piece & known[place]
    if np.count_nonzero(held) > 0.5 * np.count_nonzero(known):
        return np.zeros_like(known)  # a picture too small to spare any
    return held


def _around(at: int, side: int) -> slice:
    first = max(0, int(at) - _PIECE // 2)
    return slice(first, min(first + _PIECE, side))
