"""Feature patches: windows of a picture in whole cells, maps to copy patches from, and the search for the nearest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from inpaintkit.prior._presets import Match

MEMORY_ADVICE = "choose smaller holes, a smaller memory, or device='cpu' (--device cpu)"


@dataclass(frozen=True)
class Window:
    """Rows and columns of a part of the continued picture, whole cells of the deepest layer."""

    top: int
    left: int
    bottom: int
    right: int

    def grown(self, margin: int, shape: tuple[int, int], cell: int) -> Window:
        """The window with ``margin`` pixels more on every side, out to whole cells, inside ``shape``."""
        return Window(
            max(0, (self.top - margin) // cell * cell),
            max(0, (self.left - margin) // cell * cell),
            min(shape[0], -(-(self.bottom + margin) // cell) * cell),
            min(shape[1], -(-(self.right + margin) // cell) * cell),
        )

    def tiles(self, side: int) -> Iterator[Window]:
        """Parts with sides of at most ``side``."""
        for top in range(self.top, self.bottom, side):
            for left in range(self.left, self.right, side):
                yield Window(top, left, min(top + side, self.bottom), min(left + side, self.right))

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array of the continued picture."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def cells(self, cell: int, outer: Window | None = None) -> tuple[slice, slice]:
        """Rows and columns, to index a layer's feature map of the continued picture, or of ``outer``."""
        top, left = (outer.top, outer.left) if outer else (0, 0)
        return (
            slice((self.top - top) // cell, (self.bottom - top) // cell),
            slice((self.left - left) // cell, (self.right - left) // cell),
        )

    def size(self, cell: int) -> tuple[int, int]:
        """Rows and columns of cells."""
        return (self.bottom - self.top) // cell, (self.right - self.left) // cell

    def common(self, other: Window) -> Window | None:
        """The overlap, or None."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return Window(top, left, bottom, right) if top < bottom and left < right else None


@dataclass(eq=False)
class Sources:
    """A feature map whose patches may be copied.

    Attributes
    ----------
    rows : (cells, D), the features, cell by cell.
    width : cells in a row of the map.
    centres : (K,), flat places of the patches' middle cells.
    """

    rows: Tensor
    width: int
    centres: Tensor

    def patches(self, centres: Tensor) -> Tensor:
        """The features of the patches around k middle cells, (k, 9 D)."""
        return torch.cat([self.rows[centres + step] for step in offsets(self.width)], dim=1)


def offsets(width: int) -> list[int]:
    """The steps from a patch's middle cell to its nine cells, in flat order."""
    return [dy * width + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)]


def nearest_patches(
    targets: Tensor,
    sources: list[Sources],
    match: Match,
    memory: int,
    near: Callable[[int, Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """The source patch nearest to every target patch: all products in chunks, then the largest.

    Parameters
    ----------
    targets : (N, 9 D).
    sources : maps to search, each with as many features D.
    match : "l2", or "correlation": the product of the patches over the source's length, as a convolution gives it.
    memory : bytes that a chunk may take.
    near : a function of a map's number and of k middle cells of it: which targets may copy them, bool (N, k).

    Returns
    -------
    map : int64 (N,), the number of the map; -1 where ``near`` allows none.
    centre : int64 (N,), the middle cell in it.
    """
    count, depth = targets.shape
    best = targets.new_full((count,), -math.inf)
    which = torch.full((count,), -1, dtype=torch.int64, device=targets.device)
    centre = torch.zeros_like(which)
    for number, source in enumerate(sources):
        chunk = max(1, memory // (targets.element_size() * (2 * depth + 3 * count)))
        begin = 0
        while begin < len(source.centres):
            some = source.centres[begin : begin + chunk]
            try:
                patches = source.patches(some)
                scores = targets @ patches.T
            except torch.cuda.OutOfMemoryError:
                if chunk == 1:
                    raise MemoryError(f"the GPU's memory does not hold the source features: {MEMORY_ADVICE}") from None
                chunk //= 2
                torch.cuda.empty_cache()
                continue
            square = patches.square().sum(dim=1)
            scores = scores - square / 2 if match == "l2" else scores / square.sqrt().clamp_min(1e-12)
            if near is not None:
                scores = scores.masked_fill(~near(number, some), -math.inf)
            value, index = scores.max(dim=1)
            better = value > best
            best = torch.where(better, value, best)
            which = torch.where(better, number, which)
            centre = torch.where(better, some[index], centre)
            begin += chunk
    return which, centre
