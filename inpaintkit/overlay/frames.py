"""The pictures of a series: one at a time, in one order whatever order they came in, in one unit.

A file is read anew for every pass. What lies under the mask is kept in a temporary file on the disk, not in memory.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import F64x2, F64x3, I64x1
from inpaintkit.files import load
from inpaintkit.picture import Channels, Picture
from inpaintkit.problem import Mask

_LARGEST = 2**31  # bytes of the temporary file: beyond, files are read again
Shift = tuple[int, int]  # rows and columns by which what repeats lies lower and further right than in the first picture


@dataclass(eq=False)
class Frames:
    """A series.

    Attributes
    ----------
    sources : arrays, PIL images or paths, in order.
    names : what a message calls each of them.
    shape : height and width of every picture.
    channels : colours of a pixel.
    dtype : of the pictures' values.
    peak : white, in the pictures' units; colours that are handed out count from 0 to 255.
    step : between the levels of whole numbers, in 255ths of white; 0 where values are floats.
    shifts : where what repeats lies in each picture.
    """

    sources: list[Any]
    names: list[str]
    meaning: Channels | None
    shape: tuple[int, int] = (0, 0)
    channels: int = 0
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.uint8))
    peak: float = 255.0
    shifts: list[Shift] = field(default_factory=list)

    @classmethod
    def of(cls, pictures: Iterable[Any], channels: Channels | None = None) -> Frames:
        """Check a series.

        Raises
        ------
        TypeError, ValueError : no picture, pictures of several sizes, or what ``inpaint`` would refuse.
        """
        sources = list(pictures)
        if not sources:
            raise ValueError("the series holds no picture: give two or more of one size")
        named = [isinstance(source, (str, os.PathLike)) for source in sources]
        if all(named):
            sources = sorted((Path(source) for source in sources), key=lambda path: (path.name, str(path)))
            names = [str(path) for path in sources]
        elif any(named):
            raise TypeError("the series holds arrays and paths: give either")
        else:
            sources = sorted(sources, key=_digest)  # sums are then made in one order, whichever they came in
            names = [f"picture {number}" for number in range(1, len(sources) + 1)]
        frames = cls(sources, names, channels)
        frames._look()
        frames.shifts = [(0, 0)] * len(sources)
        return frames

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def step(self) -> float:
        """Of whole numbers, in 255ths of white."""
        return 0.0 if self.dtype.kind == "f" else 255 / self.peak

    def pictures(self) -> Iterator[Picture]:
        """Each picture as it is."""
        return map(self.picture, range(len(self)))

    def colours(self) -> Iterator[F64x3]:
        """The colours of each picture, float64 (H, W, C), 0 to 255, moved so that what repeats lies still."""
        for picture, shift in zip(self.pictures(), self.shifts, strict=True):
            pixels = picture.pixels[..., : self.channels]
            moved = pixels if shift == (0, 0) else _moved(pixels, shift)
            yield moved.astype(np.float64) * (255 / self.peak)

    def at(self, places: I64x1) -> Rows:
        """The colours at flat indices, float64 (n, C), of one picture after the other, as often as they are wanted."""
        return Rows(self, places)

    def picture(self, number: int) -> Picture:
        """One picture as it is."""
        source = self.sources[number]
        if not isinstance(source, Path):
            return Picture.of(source, self.meaning)
        loaded = load(source)
        return Picture.of(loaded.pixels, self.meaning or loaded.channels)

    def _look(self) -> None:
        """Check that all are of one size and kind, and take the range of their values."""
        low, high = np.inf, -np.inf
        for name, picture in zip(self.names, self.pictures(), strict=True):
            kind = picture.shape, picture.colours, picture.pixels.dtype
            if self.channels == 0:
                self.shape, self.channels, self.dtype = kind
            if kind != (self.shape, self.channels, self.dtype):
                raise ValueError(
                    f"{name} is {_said(*kind)}, {self.names[0]} is {_said(self.shape, self.channels, self.dtype)}: "
                    "a series is of one size and kind"
                )
            picture.check_known(np.zeros(self.shape, np.bool_))
            if self.dtype.kind == "f":
                colours = picture.pixels[..., : self.channels]
                low, high = min(low, float(colours.min())), max(high, float(colours.max()))
        if self.dtype.kind != "f":
            self.peak = float(np.iinfo(self.dtype).max)
        else:
            self.peak = 1.0 if low >= 0 and high <= 1 else max(abs(low), abs(high))


class Rows:
    """Some pixels of every picture, read from the files once where they find room on the disk."""

    def __init__(self, frames: Frames, places: I64x1) -> None:
        self.frames, self.places = frames, places
        self.kept: IO[bytes] | None = None
        size = len(places) * frames.channels * frames.dtype.itemsize
        self.keeps = isinstance(frames.sources[0], Path) and 0 < size * len(frames) <= _LARGEST

    def __iter__(self) -> Iterator[F64x2]:
        if self.kept is not None:
            yield from self._again()
            return
        file: IO[bytes] | None = None
        if self.keeps:
            file = tempfile.TemporaryFile()  # noqa: SIM115 - closed, and gone, with this object
        for picture, shift in zip(self.frames.pictures(), self.frames.shifts, strict=True):
            pixels = picture.pixels[..., : self.frames.channels]
            if shift != (0, 0):
                pixels = _moved(pixels, shift)
            some = np.ascontiguousarray(pixels.reshape(-1, self.frames.channels)[self.places])
            if file is not None:
                file.write(some.tobytes())
            yield self._scaled(some)
        self.kept = file

    def among(self, places: I64x1) -> Iterable[F64x2]:
        """Some of these pixels, without reading a file again."""
        return _Some(self, np.searchsorted(self.places, places))

    def _again(self) -> Iterator[F64x2]:
        assert self.kept is not None
        self.kept.seek(0)
        shape = len(self.places), self.frames.channels
        size = shape[0] * shape[1] * self.frames.dtype.itemsize
        for _ in self.frames.names:
            yield self._scaled(np.frombuffer(self.kept.read(size), self.frames.dtype).reshape(shape))

    def _scaled(self, pixels: NDArray[Any]) -> F64x2:
        return pixels.astype(np.float64) * (255 / self.frames.peak)


@dataclass(frozen=True)
class _Some:
    rows: Rows
    index: I64x1

    def __iter__(self) -> Iterator[F64x2]:
        return (colours[self.index] for colours in self.rows)


def fingerprint(picture: Picture) -> str:
    """What tells a picture from others, whether it came from a file or an array."""
    return _digest(picture.pixels).hex()


def _digest(source: Any) -> bytes:
    pixels = np.ascontiguousarray(np.asarray(source))
    return hashlib.blake2b(pixels.tobytes() if pixels.dtype != object else b"", digest_size=16).digest()


def _moved(pixels: NDArray[Any], shift: Shift) -> NDArray[Any]:
    """``pixels`` with what lay at (row, column) + shift at (row, column); the picture's edge repeats."""
    rows = np.clip(np.arange(pixels.shape[0]) + shift[0], 0, pixels.shape[0] - 1)
    columns = np.clip(np.arange(pixels.shape[1]) + shift[1], 0, pixels.shape[1] - 1)
    return pixels[rows][:, columns]


def moved_mask(mask: Mask, shift: Shift) -> Mask:
    """A mask of the first picture as it lies in one with this shift."""
    moved: Mask = _moved(mask, (-shift[0], -shift[1]))
    return moved


def _said(shape: tuple[int, int], channels: int, dtype: np.dtype[Any]) -> str:
    return f"{shape[1]} x {shape[0]} with {channels} channel{'s' * (channels > 1)} of {dtype}"
