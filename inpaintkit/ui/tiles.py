"""What is seen of a picture: tiles of 512 x 512 pixels at full size and at halves of it, made when they are asked for.

Levels are kept as 8 bits, each half of the one below by the mean of four pixels; a changed box is brought up to date
in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.box import Box
from inpaintkit.problem import Mask
from inpaintkit.sheet import Display
from inpaintkit.ui.changes import TILE, Patch

Shown = NDArray[np.uint8]  # (h, w, 3), or (h, w, 4) with alpha

_STRIPE = 1 << 21  # px that are brought to 8 bits at once
_QUALITY = 92  # of a JPEG where the picture is shown smaller than it is


def level_count(shape: tuple[int, int]) -> int:
    """Levels until the whole picture is one tile."""
    count = 1
    while max(shape) > TILE << (count - 1):
        count += 1
    return count


def level_shape(shape: tuple[int, int], level: int) -> tuple[int, int]:
    """(H, W) of a level."""
    return -(-shape[0] >> level), -(-shape[1] >> level)


def tile_box(shape: tuple[int, int], level: int, column: int, row: int) -> Box:
    """Where a tile lies in its level; LookupError where there is none."""
    box = Box(column * TILE, row * TILE, TILE, TILE).clipped(level_shape(shape, level))
    if not (0 <= level < level_count(shape) and column >= 0 and row >= 0 and box.area):
        raise LookupError(f"there is no tile {column},{row} at level {level}")
    return box


def at_full_size(box: Box, level: int, shape: tuple[int, int]) -> Box:
    """The pixels of the picture that a box of a level shows."""
    return Box(*(side << level for side in box)).clipped(shape)


class Pyramid:
    """A picture at half its size, a quarter and so on, as far as somebody has looked."""

    def __init__(self, pixels: NDArray[Any], display: Display) -> None:
        self.pixels, self.display = pixels, display
        self._levels: list[Shown] = []  # from half the size on

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) at full size."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def part(self, level: int, box: Box) -> Shown:
        """A box of a level, as a copy or as what nobody writes to."""
        if level == 0:
            return self._shown(box)
        while len(self._levels) < level:
            self._add_level()
        return self._levels[level - 1][box.slices].copy()

    def copy(self) -> Pyramid:
        """The levels as they are now, for when the pixels change."""
        if not self._levels and level_count(self.shape) > 1:
            self._add_level()  # from which all others can be made
        copied = Pyramid(self.pixels, self.display)
        copied._levels = [level.copy() for level in self._levels]
        return copied

    def renew(self, box: Box) -> None:
        """Bring a box of the picture up to date in all levels that there are."""
        for index, level in enumerate(self._levels):
            left, top = box.left >> 1, box.top >> 1
            box = Box.from_edges(left, top, -(-box.right >> 1), -(-box.bottom >> 1))
            level[box.slices] = self._half(index, box)

    def patched(self, level: int, box: Box, patch: Patch, *, undo: bool = False) -> Shown:
        """A box of a level as it would be with a patch put in or taken out."""
        shown = self.part(level, box)
        touched = patch.touching(at_full_size(box, level, self.shape))
        for cell in touched:
            left, top = max(cell.box.left >> level, box.left), max(cell.box.top >> level, box.top)
            right = min(-(-cell.box.right >> level), box.right)
            seen = Box.from_edges(left, top, right, min(-(-cell.box.bottom >> level), box.bottom))
            crop = at_full_size(seen, level, self.shape)
            pixels = self.pixels[crop.slices].copy()
            for other in touched:
                other.put_part(pixels, crop, undo=undo)
            part = _coloured(self.display, pixels)
            for _ in range(level):
                part = _halved(part)
            shown[seen.within(box)] = part
        return shown

    def _add_level(self) -> None:
        level = len(self._levels)
        height, width = level_shape(self.shape, level + 1)
        made = np.empty((height, width, 4 if self.display.alpha else 3), np.uint8)
        rows = max(1, _STRIPE // max(1, width))
        for top in range(0, height, rows):
            box = Box(0, top, width, min(rows, height - top))
            made[box.slices] = self._half(level, box)
        self._levels.append(made)

    def _half(self, level: int, box: Box) -> Shown:
        """A box of the level above ``level``."""
        below = Box(*(2 * side for side in box)).clipped(level_shape(self.shape, level))
        return _halved(self._shown(below) if level == 0 else self._levels[level - 1][below.slices])

    def _shown(self, box: Box) -> Shown:
        return _coloured(self.display, self.pixels[box.slices])


def _coloured(display: Display, pixels: NDArray[Any]) -> Shown:
    """8 bits for the eye; without opacity where the picture has none."""
    if pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3 and not display.alpha:
        return pixels.copy()
    bands = pixels.reshape(*pixels.shape[:2], -1)
    if pixels.dtype == np.uint16 and not display.alpha and bands.shape[2] in (1, 3):
        looked_up = _levels(display)[bands]
        return np.repeat(looked_up, 3, axis=2) if bands.shape[2] == 1 else looked_up
    shown = display.rgba(pixels)
    return shown if display.alpha else np.ascontiguousarray(shown[..., :3])


@lru_cache(maxsize=8)
def _levels(display: Display) -> Shown:
    """What each value of 16 bits is shown as: to look it up is ten times as fast as to work it out."""
    return display.rgba(np.arange(1 << 16, dtype=np.uint16)[None])[0, :, 0]


def _halved(shown: Shown) -> Shown:
    """The mean of each four pixels; colours count by their opacity."""
    height, width = shown.shape[:2]
    if height % 2 or width % 2:
        shown = np.pad(shown, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    size = (shown.shape[1] // 2, shown.shape[0] // 2)
    if shown.shape[2] == 3:
        return np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA), np.uint8)
    parts = shown.reshape(size[1], 2, size[0], 2, 4).astype(np.float32)
    opacity = parts[..., 3:]
    total = opacity.sum(axis=(1, 3))
    colours = (parts[..., :3] * opacity).sum(axis=(1, 3)) / np.maximum(total, 1)
    return np.asarray(np.rint(np.concatenate([colours, total / 4], axis=2)), np.uint8)


@dataclass(frozen=True)
class Encoded:
    """A file's bytes and their type."""

    data: bytes
    kind: str


def encoded(shown: Shown, *, lossless: bool) -> Encoded:
    """A tile as a file: PNG, or JPEG where the picture is shown smaller and has no opacity."""
    order = cv2.COLOR_RGB2BGR if shown.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    turned = cv2.cvtColor(shown, order)
    if lossless or shown.shape[2] == 4:
        return Encoded(cv2.imencode(".png", turned, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes(), "image/png")
    how = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return Encoded(cv2.imencode(".jpg", turned, how)[1].tobytes(), "image/jpeg")


def coverage(mask: Mask, level: int, box: Box) -> Shown:
    """A box of a level of a mask as white of the opacity that it covers, so that no thin line is lost."""
    height, width = mask.shape
    part = mask[at_full_size(box, level, (height, width)).slices]
    shown = np.zeros((*box.shape, 4), np.uint8)
    if not part.any():
        return shown
    opacity = part.astype(np.uint8) * np.uint8(255)
    size = 1 << level
    if level:
        down, across = box.height * size - part.shape[0], box.width * size - part.shape[1]
        opacity = np.pad(opacity, ((0, down), (0, across)), mode="edge") if down or across else opacity
        mean = np.asarray(cv2.resize(opacity, (box.width, box.height), interpolation=cv2.INTER_AREA))
        any_ = opacity.reshape(box.height, size, box.width, size).any(axis=(1, 3))
        opacity = np.where(any_, np.maximum(mean, 96), 0).astype(np.uint8)
    shown[..., :3] = 255
    shown[..., 3] = opacity
    return shown


def smallest(pyramid: Pyramid, side: int) -> Shown:
    """The whole picture, no side longer than ``side``."""
    level = level_count(pyramid.shape) - 1
    shown = pyramid.part(level, Box.of_shape(level_shape(pyramid.shape, level)))
    scale = min(1.0, side / max(shown.shape[:2]))
    size = (max(1, round(shown.shape[1] * scale)), max(1, round(shown.shape[0] * scale)))
    return np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA), np.uint8)
