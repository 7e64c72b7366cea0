"""The one rectangle: LEFT, TOP, WIDTH, HEIGHT in whole pixels, as users and the command line give it."""

from __future__ import annotations

from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle of pixels; equal to the plain tuple ``(left, top, width, height)``.

    Attributes
    ----------
    left, top : the first column and the first row.
    width, height : columns and rows, in pixels.
    """

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def from_edges(cls, left: int, top: int, right: int, bottom: int) -> Box:
        """The box from column ``left`` to ``right`` and row ``top`` to ``bottom``, ends excluded."""
        return cls(left, top, right - left, bottom - top)

    @classmethod
    def of_shape(cls, shape: tuple[int, int]) -> Box:
        """All of an array of ``shape`` (H, W)."""
        return cls(0, 0, shape[1], shape[0])

    def __str__(self) -> str:
        """As the command line takes it."""
        return f"{self.left},{self.top},{self.width},{self.height}"

    @property
    def right(self) -> int:
        """The column behind the last one."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The row behind the last one."""
        return self.top + self.height

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of an array as large as the box."""
        return self.height, self.width

    @property
    def area(self) -> int:
        """Pixels."""
        return self.width * self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """To index an array of the picture."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, outer: Box) -> tuple[slice, slice]:
        """To index an array of ``outer``."""
        return self.shifted(-outer.left, -outer.top).slices

    def shifted(self, right: int, down: int) -> Box:
        """The box moved by whole pixels."""
        return Box(self.left + right, self.top + down, self.width, self.height)

    def grown(self, margin: int, shape: tuple[int, int]) -> Box:
        """The box with ``margin`` more pixels on every side, inside a picture of ``shape`` (H, W)."""
        return Box.from_edges(
            max(self.left - margin, 0),
            max(self.top - margin, 0),
            min(self.right + margin, shape[1]),
            min(self.bottom + margin, shape[0]),
        )

    def clipped(self, shape: tuple[int, int]) -> Box:
        """The part of the box inside a picture of ``shape`` (H, W); without area where the two do not meet."""
        height, width = shape
        left, right = (min(max(side, 0), width) for side in (self.left, self.right))
        top, bottom = (min(max(side, 0), height) for side in (self.top, self.bottom))
        return Box.from_edges(left, top, right, bottom)

    def overlap(self, other: Box) -> tuple[int, int]:
        """Rows and columns that two boxes share; negative numbers are the gap between them."""
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return down, min(self.right, other.right) - max(self.left, other.left)

    def mostly_in(self, outer: Box) -> bool:
        """Whether seven tenths of the box lie in another."""
        rows, columns = self.overlap(outer)
        return min(rows, columns) > 0 and rows * columns >= 0.7 * self.area
