"""Windows of a picture as small as they can be judged: colours as the eye weighs them, and the strength of edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.box import Box
from inpaintkit.picture import Picture, Span, span_of
from inpaintkit.problem import Image, Mask

Point = tuple[float, float]  # X, Y
Flat = NDArray[np.uint8]  # a mask as OpenCV takes it, 0 and 1

SIDE = 200  # px: of a window as it is looked at, enough to tell what is an object and quick
_SMALLEST = 96  # px of the picture: the side of the closest window
_BLURS = (0.7, 1.0), (1.5, 1.5)  # px by which edges are looked for, fine and coarse, and what each counts
_BRIDGES = 1, 5, 11, 21, 31  # px: gaps between parts of an object
_GREY = 100.0  # L of white


@dataclass(frozen=True, eq=False)
class Frame:
    """A part of a picture, reduced.

    Attributes
    ----------
    box : of the picture.
    shape : (h, w) it is reduced to.
    """

    box: Box
    shape: tuple[int, int]

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the frame in one of the picture, across and down; 1 or less."""
        return self.shape[1] / self.box.width, self.shape[0] / self.box.height

    def place(self, point: Point) -> tuple[int, int] | None:
        """X, Y of the frame's pixel in which a point of the picture lies; None outside."""
        x, y = (np.asarray(point) + 0.5 - self.box[:2]) * self.scale
        inside = 0 <= x < self.shape[1] and 0 <= y < self.shape[0]
        return (int(x), int(y)) if inside else None


@dataclass(frozen=True, eq=False)
class View(Frame):
    """A frame as it is looked at.

    Attributes
    ----------
    outer : the picture's (H, W).
    lab : float32 (h, w, 1 or 3), L or L*a*b*.
    """

    outer: tuple[int, int]
    lab: Image

    @cached_property
    def edges(self) -> Image:
        """How strong the edge through each pixel is, float32 (h, w)."""
        return edges(self.lab)

    @cached_property
    def slopes(self) -> tuple[Image, Image]:
        """How each channel changes across and down, float32 (h, w, C) each."""
        return slopes(self.lab, 1.2)


def span(picture: Picture) -> Span:
    """The range of a picture's colours, of those that are numbers."""
    pixels = picture.pixels
    unknown = np.zeros(picture.shape, np.bool_)
    if pixels.dtype.kind == "f":
        unknown |= ~np.isfinite(pixels).all(axis=2)
    return span_of(picture, unknown)


def slopes(lab: Image, blur: float) -> tuple[Image, Image]:
    """Derivatives of each channel by x and by y, after a blur in px."""
    smooth = cv2.GaussianBlur(lab, (0, 0), blur).reshape(lab.shape)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *way, ksize=3, scale=1 / 8) for way in ((1, 0), (0, 1)))
    return np.asarray(across, np.float32).reshape(lab.shape), np.asarray(down, np.float32).reshape(lab.shape)


def edges(lab: Image) -> Image:
    """The largest change of colour per pixel in any direction (Di Zenzo 1986), fine and coarse added up."""
    total = np.zeros(lab.shape[:2], np.float32)
    for blur, weight in _BLURS:
        across, down = slopes(lab, blur)
        xx, yy, xy = (across**2).sum(2), (down**2).sum(2), (across * down).sum(2)
        total += weight * np.sqrt((xx + yy) / 2 + np.sqrt(((xx - yy) / 2) ** 2 + xy**2))
    return total


def view(picture: Picture, units: Span, box: Box, side: int = SIDE) -> View:
    """The window of a box, at most ``side`` pixels wide and high."""
    factor = min(1.0, side / max(box.width, box.height))
    shape = max(1, round(box.height * factor)), max(1, round(box.width * factor))
    return View(box, shape, picture.shape, colours(picture, units, reduced(picture, box, shape)))


def reduced(picture: Picture, box: Box, shape: tuple[int, int]) -> NDArray[Any]:
    """A part of a picture, (h, w) large, in units of the picture (h, w, C)."""
    pixels = picture.pixels[box.slices]
    if pixels.dtype not in (np.uint8, np.uint16, np.float32):
        pixels = pixels.astype(np.float32)
    if pixels.shape[:2] != shape:
        pixels = cv2.resize(np.ascontiguousarray(pixels), shape[::-1], interpolation=cv2.INTER_AREA)
    return pixels.reshape(*shape, -1)


def colours(picture: Picture, units: Span, pixels: NDArray[Any]) -> Image:
    """L or L*a*b* of a part of a picture, float32 (h, w, 1 or 3), in front of grey where it is transparent."""
    own = pixels[..., : picture.colours].astype(np.float32)
    own = np.asarray(own.mean(axis=2, keepdims=True) if own.shape[2] == 2 else own[..., :3], np.float32)
    own = ((own - np.float32(units.offset)) / np.float32(units.scale)).clip(0, 1)
    own[np.isnan(own)] = 0
    if picture.alpha:
        opacity = (pixels[..., -1:].astype(np.float32) / np.float32(picture.opaque)).clip(0, 1)
        own = np.asarray(opacity * own + (1 - opacity) / 2, np.float32)
    return np.asarray(cv2.cvtColor(own, cv2.COLOR_RGB2LAB) if own.shape[2] == 3 else own * _GREY, np.float32)


def around(point: Point, shape: tuple[int, int]) -> Iterator[Box]:
    """Windows around a point, from the whole picture on, each half as wide as the one before."""
    side = float(max(shape))
    while True:
        left, top = (int(at - side / 2) for at in point)
        right, bottom = (int(at + side / 2) + 1 for at in point)
        yield Box.from_edges(left, top, right, bottom).clipped(shape)
        if side <= _SMALLEST:
            return
        side /= 2


def carried(mask: Flat, of: Frame, to: Frame) -> Flat:
    """A mask of one frame as the mask of another, 0 where the first shows nothing."""
    (wide, high), (across, down) = of.scale, to.scale
    left, top = to.box.left - of.box.left, to.box.top - of.box.top
    way = np.array(
        [[wide / across, 0, (0.5 / across + left) * wide - 0.5], [0, high / down, (0.5 / down + top) * high - 0.5]],
        np.float32,
    )
    soft = cv2.GaussianBlur(mask * np.uint8(255), (0, 0), 0.7)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return (cv2.warpAffine(soft, way, to.shape[::-1], flags=flags) > 127).astype(np.uint8)


def bridged(mask: Flat) -> Flat:
    """A mask whose parts are joined by what lies between them, where that is not much."""
    for width in _BRIDGES:
        joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
        if cv2.connectedComponents(joined)[0] == 2:
            return np.asarray(joined, np.uint8)
    return mask


def hull(mask: Flat) -> Flat:
    """The convex hull of a mask."""
    whole = np.zeros_like(mask)
    cv2.fillConvexPoly(whole, cv2.convexHull(np.argwhere(mask)[:, ::-1].astype(np.int32)), 1)
    return whole


def largest(mask: Flat) -> Flat:
    """The largest connected part of a mask, what lies a pixel or two apart being connected."""
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    labels = cv2.connectedComponents(joined)[1]
    return np.asarray(labels == np.bincount(labels[joined > 0]).argmax(), np.uint8)


def filled(mask: Flat) -> Flat:
    """A mask without holes."""
    outlines = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    whole = np.zeros_like(mask)
    cv2.drawContours(whole, outlines, -1, 1, -1)
    return whole


def depth(mask: Flat) -> Image:
    """How far each pixel of a mask is from its rim, px; beyond the border nothing is."""
    framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, 3), np.float32)[1:-1, 1:-1]


def as_mask(flat: Flat) -> Mask:
    """0 and 1 as False and True."""
    mask: Mask = flat > 0
    return mask
