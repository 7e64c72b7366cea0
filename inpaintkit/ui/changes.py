"""What an event changed, so that it can be undone and done again: bits of a layer, pixels of the picture."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit.box import Box
from inpaintkit.problem import Image, Mask

TILE = 512  # px: side of what is shown, and of what a fill is cut into


def bounds(mask: Mask, within: Box | None = None) -> Box | None:
    """The smallest box around what a mask marks, looked for in a box of it; None where it marks nothing."""
    box = within or Box.of_shape((mask.shape[0], mask.shape[1]))
    part = mask[box.slices]
    rows = np.flatnonzero(part.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(part[rows[0] : rows[-1] + 1].any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return Box.from_edges(left, top, int(columns[-1]) + 1, int(rows[-1]) + 1).shifted(box.left, box.top)


def union(one: Box | None, other: Box | None) -> Box | None:
    """The smallest box around two."""
    if one is None or other is None:
        return one or other
    left, top = min(one.left, other.left), min(one.top, other.top)
    return Box.from_edges(left, top, max(one.right, other.right), max(one.bottom, other.bottom))


@dataclass(frozen=True)
class Delta:
    """The pixels of a layer that an event turned over; turned over again, they are what they were."""

    layer: str
    box: Box
    bits: bytes  # eight pixels a byte, compressed

    @classmethod
    def of(cls, layer: str, box: Box, flipped: Mask) -> Delta | None:
        """From bool (h, w) of a box; None where nothing is turned over."""
        tight = bounds(flipped)
        if tight is None:
            return None
        bits = zlib.compress(np.packbits(flipped[tight.slices]).tobytes(), 1)
        return cls(layer, tight.shifted(box.left, box.top), bits)

    def flipped(self) -> Mask:
        """Bool (h, w) of the box."""
        bits = np.unpackbits(np.frombuffer(zlib.decompress(self.bits), np.uint8), count=self.box.area)
        return bits.reshape(self.box.shape).view(np.bool_)


@dataclass(frozen=True, eq=False)
class Cell:
    """A fill's pixels in one tile of the picture.

    Attributes
    ----------
    box : around them.
    hole : bool (h, w), which pixels of the box were filled.
    old, new : (n, ...) their values before and after.
    expected : float16 (n,), the error to be expected of each as a share of the peak; None where nothing is known.
    """

    box: Box
    hole: Mask
    old: NDArray[Any]
    new: NDArray[Any]
    expected: NDArray[np.float16] | None = None

    def put_part(self, pixels: NDArray[Any], crop: Box, *, undo: bool = False) -> None:
        """Put what lies in a crop of the picture into it."""
        values = self.old if undo else self.new
        _put_part(pixels, crop, self.box, self.hole, values)

    def expected_in(self, crop: Box) -> NDArray[np.float32]:
        """The errors to expect in a crop (h, w); NaN where nothing was filled."""
        found = np.full(crop.shape, np.nan, np.float32)
        if self.expected is not None:
            _put_part(found, crop, self.box, self.hole, self.expected)
        return found


@dataclass(frozen=True, eq=False)
class Patch:
    """What a fill changed, tile by tile, so that two far specks cost two specks."""

    cells: dict[tuple[int, int], Cell]  # (column, row) of the tile

    @classmethod
    def of(cls, before: NDArray[Any], after: NDArray[Any], hole: Mask, expected: Image | None = None) -> Patch:
        """What differs between two pictures (H, W, ...) in a hole, bool (H, W)."""
        cells = {}
        for place, box in _tiles(hole):
            part = hole[box.slices].copy()
            sure = None if expected is None else expected[box.slices][part].astype(np.float16)
            cells[place] = Cell(box, part, before[box.slices][part], after[box.slices][part], sure)
        return cls(cells)

    @property
    def box(self) -> Box | None:
        """Around all that was filled."""
        found: Box | None = None
        for cell in self.cells.values():
            found = union(found, cell.box)
        return found

    @property
    def has_expected(self) -> bool:
        """Whether the error to expect is known."""
        return any(cell.expected is not None for cell in self.cells.values())

    def fits(self, pixels: NDArray[Any]) -> bool:
        """Whether a picture still is what the fill began with, where it filled."""
        return all(np.array_equal(pixels[cell.box.slices][cell.hole], cell.old) for cell in self.cells.values())

    def put(self, pixels: NDArray[Any], *, undo: bool = False) -> None:
        """Put the new values into a picture, or the old ones back."""
        for cell in self.cells.values():
            pixels[cell.box.slices][cell.hole] = cell.old if undo else cell.new

    def touching(self, crop: Box) -> list[Cell]:
        """The cells that share pixels with a crop of the picture."""
        return [cell for cell in self.cells.values() if min(cell.box.overlap(crop)) > 0]

    def holes(self) -> tuple[Box, Mask]:
        """The box around all that was filled, and bool (h, w) of it."""
        box = self.box or Box(0, 0, 0, 0)
        mask = np.zeros(box.shape, np.bool_)
        for cell in self.cells.values():
            mask[cell.box.within(box)] = cell.hole
        return box, mask

    def write(self, file: IO[bytes], *, old: bool = False) -> None:
        """All but the old values, which the picture has; those, too, if asked."""
        arrays: dict[str, NDArray[Any]] = {}
        for (column, row), cell in self.cells.items():
            name = f"{column},{row}"
            arrays[f"{name},box"] = np.array(cell.box)
            arrays[f"{name},hole"] = np.packbits(cell.hole)
            arrays[f"{name},new"] = cell.new
            if old:
                arrays[f"{name},old"] = cell.old
            if cell.expected is not None:
                arrays[f"{name},expected"] = cell.expected
        content = io.BytesIO()  # a zip file is written with seeks, which ``atomic`` need not allow
        np.savez(content, allow_pickle=False, **arrays)
        file.write(content.getbuffer())

    @classmethod
    def read(cls, file: IO[bytes], pixels: NDArray[Any]) -> Patch:
        """The patch of a file; old values that it does not hold come from the picture that it is put into."""
        cells = {}
        with np.load(file, allow_pickle=False) as arrays:
            for name in (name for name in arrays.files if name.endswith(",box")):
                column, row, _ = name.split(",")
                box = Box(*(int(side) for side in arrays[name]))
                bits = np.unpackbits(arrays[f"{column},{row},hole"], count=box.area)
                hole = bits.reshape(box.shape).astype(np.bool_)
                sure = arrays[f"{column},{row},expected"] if f"{column},{row},expected" in arrays.files else None
                new = arrays[f"{column},{row},new"]
                if new.dtype != pixels.dtype or box.clipped(pixels.shape[:2]) != box:
                    raise ValueError("it was made from another picture")
                kept = f"{column},{row},old"
                old = arrays[kept] if kept in arrays.files else pixels[box.slices][hole]
                cells[int(column), int(row)] = Cell(box, hole, old, new, sure)
        return cls(cells)


def _put_part(pixels: NDArray[Any], crop: Box, box: Box, hole: Mask, values: NDArray[Any]) -> None:
    """Put the values of a box's hole into a crop of the picture, as far as they lie in it."""
    rows, columns = box.overlap(crop)
    if min(rows, columns) <= 0:
        return
    shared = Box(max(box.left, crop.left), max(box.top, crop.top), columns, rows)
    full = np.zeros((*box.shape, *values.shape[1:]), values.dtype)
    full[hole] = values
    marked = hole[shared.within(box)]
    pixels[shared.within(crop)][marked] = full[shared.within(box)][marked]


def _tiles(hole: Mask) -> Iterator[tuple[tuple[int, int], Box]]:
    """The tiles of a picture that hold some of a hole, and the box around that."""
    whole = bounds(hole)
    if whole is None:
        return
    for row in range(whole.top // TILE, (whole.bottom - 1) // TILE + 1):
        for column in range(whole.left // TILE, (whole.right - 1) // TILE + 1):
            tile = Box(column * TILE, row * TILE, TILE, TILE).clipped((hole.shape[0], hole.shape[1]))
            box = bounds(hole, tile)
            if box is not None:
                yield (column, row), box
