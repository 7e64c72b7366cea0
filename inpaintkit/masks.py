"""Masks without an editor: shapes drawn, colours and alpha picked, masks combined, grown, shrunk and inverted.

Every function gives a new bool array (H, W), True in the hole, ready for ``inpaint`` and for the next function here.
Coordinates are X,Y in pixels with the origin at the top left: 0,0 is the first pixel's centre, X grows to the right
and Y downwards. A shape partly outside the picture is clipped; one that covers no pixel of it is an error.
"""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import ImageColor

from inpaintkit.box import Box
from inpaintkit.errors import InpaintWarning, StretchedMaskWarning
from inpaintkit.picture import Channels, Picture, mask_of, scaled
from inpaintkit.picture import grow as grow_by_disc
from inpaintkit.problem import Mask

_FAR = 1 << 24  # px: up to here products of whole coordinates are exact in float64
_TILE = 64 * 64  # px: a stroke is tested tile by tile, so that a long diagonal costs its length and not its box
_HOW: dict[str, Callable[[Mask, Mask], Mask]] = {
    "union": np.logical_or,
    "intersection": np.logical_and,
    "difference": lambda first, other: first & ~other,
    "exclusive": np.logical_xor,
}
HOW = tuple(_HOW)


def rect(shape: tuple[int, int], box: tuple[int, int, int, int]) -> Mask:
    """A filled rectangle.

    Parameters
    ----------
    shape : (H, W) of the picture.
    box : LEFT, TOP, WIDTH, HEIGHT in whole pixels, origin at the top left, as a tuple or a ``Box``. Not two corners,
        since those leave open whether the second one belongs to the box; editors show a width, too.

    Raises
    ------
    ValueError : an invalid box, or one that covers no pixel of the picture.

    Examples
    --------
    >>> rect((3, 5), (1, 1, 3, 9)).astype(int)
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 1, 1, 1, 0]])
    """
    mask = _empty(shape)
    mask[checked_box(box).clipped(mask.shape).slices] = True
    return _not_empty(mask, "rectangle", box)


def ellipse(shape: tuple[int, int], box: tuple[int, int, int, int]) -> Mask:
    """The filled ellipse that touches a box's four sides: the pixels whose centre lies in or on it.

    Parameters
    ----------
    shape : (H, W) of the picture.
    box : LEFT, TOP, WIDTH, HEIGHT in whole pixels, origin at the top left, as ``rect`` takes it.

    Raises
    ------
    ValueError : an invalid box, or an ellipse that covers no pixel of the picture.
    """
    mask = _empty(shape)
    left, top, width, height = whole = checked_box(box)
    seen = whole.clipped(mask.shape)
    # Twice the distance from the middle, so that whole numbers stay whole: exact for boxes up to 67 megapixels.
    down = 2.0 * np.arange(seen.top, seen.bottom)[:, None] - (2 * top + height - 1)
    across = 2.0 * np.arange(seen.left, seen.right) - (2 * left + width - 1)
    mask[seen.slices] = (across * height) ** 2 + (down * width) ** 2 <= float(width * height) ** 2
    return _not_empty(mask, "ellipse", box)


def polygon(shape: tuple[int, int], points: ArrayLike) -> Mask:
    """A filled polygon: the pixels whose centre lies in it or on its outline.

    The last point is joined to the first. Where the outline crosses itself, areas enclosed twice are left out.

    Parameters
    ----------
    shape : (H, W) of the picture.
    points : X, Y of three corners or more, (N, 2), in pixels, fractions allowed, origin at the top left: 0,0 is the
        first pixel's centre.

    Raises
    ------
    ValueError : invalid points, or a polygon that covers no pixel's centre in the picture.

    Examples
    --------
    >>> polygon((4, 5), [(0, 0), (3, 0), (0, 3)]).astype(int)
    array([[1, 1, 1, 1, 0],
           [1, 1, 1, 0, 0],
           [1, 1, 0, 0, 0],
           [1, 0, 0, 0, 0]])
    """
    outline = _empty(shape)
    height, width = outline.shape
    corners = _checked_points(points, "polygon", min_count=3)
    crossed = np.zeros((height, width + 1), np.bool_)  # whether the outline is crossed on entering a pixel's centre
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        top, bottom = min(y0, y1), max(y0, y1)
        rows = np.arange(max(math.ceil(top), 0), min(math.floor(bottom), height - 1) + 1)
        if y0 == y1:
            outline[rows, max(math.ceil(min(x0, x1)), 0) : max(math.floor(max(x0, x1)) + 1, 0)] = True
            continue
        x = x0 + (rows - y0) * (x1 - x0) / (y1 - y0)  # in this order exact where it is whole
        on = (x == np.rint(x)) & (x >= 0) & (x < width)
        outline[rows[on], x[on].astype(np.intp)] = True
        once = rows < bottom  # a corner between two edges is crossed once
        crossed[rows[once], np.clip(np.ceil(x[once]), 0, width).astype(np.intp)] ^= True
    return _not_empty(outline | np.logical_xor.accumulate(crossed[:, :width], axis=1), "polygon", points)


def stroke(shape: tuple[int, int], points: ArrayLike, width: float) -> Mask:
    """A line drawn with a round brush: the pixels whose centre lies at most ``width`` / 2 from it.

    Along whole coordinates an odd width covers that many pixels across, and an even one a pixel more.

    Parameters
    ----------
    shape : (H, W) of the picture.
    points : X, Y of the line's points, (N, 2), in pixels, fractions allowed, origin at the top left: 0,0 is the first
        pixel's centre. One point is a dot.
    width : of the brush, in pixels (>= 1).

    Raises
    ------
    ValueError : invalid points, an invalid width, or a stroke that covers no pixel of the picture.
    """
    mask = _empty(shape)
    line = _checked_points(points, "stroke", min_count=1)
    if not (_is_number(width) and 1 <= width <= _FAR):  # NaN fails too
        raise ValueError(f"width is {_shown(width)}: a stroke is 1 pixel wide or more, up to {_FAR}")
    width = float(width)
    for start, end in zip(line, [*line[1:], line[-1]], strict=True):
        _brush(mask, start, end, width / 2)
    return _not_empty(mask, "stroke", points)


def from_alpha(image: Any, *, opacity: float = 1.0, channels: Channels | None = None) -> Mask:
    """The pixels of a picture that are less opaque than ``opacity``.

    Parameters
    ----------
    image : array (H, W, 2) or (H, W, 4), or a PIL image, alpha last.
    opacity : in (0, 1]; 1 takes every pixel that is not fully opaque, as ``inpaint`` with the mask "alpha" does, and
        0.5 those that are more transparent than opaque.
    channels : "alpha" or "bands", whether the last channel is opacity; None: as ``inpaint`` takes it.

    Raises
    ------
    ValueError, TypeError : a picture without alpha, or an opacity outside (0, 1].
    """
    picture = Picture.of(image, channels)
    if not picture.alpha:
        count = picture.pixels.shape[2]
        raise ValueError(
            f"image has {count} channel{'s' * (count > 1)} and no alpha: pass grey + alpha or RGBA, or take a "
            "colour with from_colour (inpaintkit mask from-colour)"
        )
    if not (_is_number(opacity) and 0 < opacity <= 1):
        raise ValueError(f"opacity is {_shown(opacity)}: expected more than 0 and at most 1, where 1 is fully opaque")
    mask: Mask = picture.pixels[..., -1] < opacity * picture.opaque
    return mask


def from_colour(
    image: Any,
    colour: str | Sequence[float],
    *,
    tolerance: float = 0,
    connected: tuple[int, int] | None = None,
    channels: Channels | None = None,
) -> Mask:
    """The pixels of a colour: no channel is further than ``tolerance`` from it.

    Colour and tolerance are on the scale 0 to 255 whatever the picture's type: 255 is 65535 in uint16 and 1 in floats.
    Grey counts as equal red, green and blue. A fully transparent pixel has no colour and is left out.

    Parameters
    ----------
    image : array (H, W) or (H, W, 1..4), or a PIL image.
    colour : "#rrggbb", "r,g,b", a common name like "red", or three numbers in [0, 255].
    tolerance : largest difference in any channel (>= 0). 0 for what was painted into a PNG; JPEG needs 30 or so.
    connected : X, Y of a pixel, origin at the top left: take only the connected area around it (pixels that touch by
        sides or corners).
    channels : "alpha" or "bands", whether the last channel is opacity; None: as ``inpaint`` takes it.

    Raises
    ------
    ValueError, TypeError : an invalid picture, colour, tolerance or point, or a point of another colour.

    Warns
    -----
    InpaintWarning : no pixel has that colour; the message says how far off the nearest one is.
    """
    picture = Picture.of(image, channels)
    wanted = rgb(colour)
    if not (_is_number(tolerance) and 0 <= tolerance < math.inf):
        raise ValueError(f"tolerance is {_shown(tolerance)}: expected 0 or more, on the scale 0 to 255")
    off = colour_difference(picture, wanted)
    mask: Mask = off <= tolerance
    if connected is not None:
        return connected_part(mask, off, connected)
    if not mask.any():
        hint = f"the nearest differs by {off.min():.4g}" if np.isfinite(off.min()) else "every pixel is transparent"
        warnings.warn(
            f"no pixel is within {tolerance:g} of the colour {_shown(colour)}, so the mask is empty; {hint}: "
            "raise the tolerance or name another colour",
            InpaintWarning,
            stacklevel=2,
        )
    return mask


def wand(
    image: Any,
    point: tuple[int, int],
    *,
    tolerance: float = 0.1,
    connected: bool = True,
    channels: Channels | None = None,
) -> Mask:
    """The pixels of nearly the colour that one pixel has, as an editor's magic wand takes them.

    Parameters
    ----------
    image : array (H, W) or (H, W, C) of any type, or a PIL image; every colour channel counts.
    point : X, Y of the pixel, origin at the top left.
    tolerance : largest difference in any channel, in [0, 1]: a share of the type's range, or of the picture's own where
        its type has none: floats beyond [0, 1] and signed integers.
    connected : only the area around the pixel that is connected to it, by sides or corners.
    channels : "alpha" or "bands", whether the last channel is opacity; None: as ``inpaint`` takes it.

    Raises
    ------
    ValueError, TypeError : an invalid picture, point or tolerance, or a pixel without a colour.

    Examples
    --------
    >>> wand([[0.0, 0.1, 0.9, 0.1]], (0, 0), tolerance=0.2).astype(int)
    array([[1, 1, 0, 0]])
    """
    picture = Picture.of(image, channels)
    x, y = checked_pixel(point, picture.shape, "point")
    if not (_is_number(tolerance) and 0 <= tolerance <= 1):
        raise ValueError(f"tolerance is {_shown(tolerance)}: expected 0 to 1, a share of the picture's range")
    colours = picture.pixels[..., : picture.colours]
    wanted = colours[y, x]
    if not np.isfinite(wanted).all() or (picture.alpha and picture.pixels[y, x, -1] == 0):
        raise ValueError(f"the pixel at {x},{y} has no colour: pick another")
    reach = tolerance * _range(picture)
    exact = np.promote_types(colours.dtype, np.float32)
    rounding = 4 * float(np.finfo(exact).eps) * float(np.abs(wanted.astype(exact)).max())
    mask = np.ones(picture.shape, np.bool_)
    for channel, value in enumerate(wanted.astype(exact)):
        mask &= np.abs(colours[..., channel].astype(exact) - value) <= reach + rounding  # NaN is near nothing
    if picture.alpha:
        mask &= picture.pixels[..., -1] > 0
    return _around(mask, (x, y)) if connected else mask


def object_at(
    image: Any,
    points: ArrayLike,
    *,
    outside: ArrayLike = (),
    box: tuple[int, int, int, int] | None = None,
    channels: Channels | None = None,
) -> Mask:
    """The object that one click or a few point at, by its outline and colours; nothing is trained.

    One point in the middle of an object is often enough. Where too much or too little is selected, add a point that
    belongs to the object, or one that does not.

    Parameters
    ----------
    image : array (H, W) or (H, W, C) of any type, or a PIL image; the first three of more bands count, the mean of two.
    points : X, Y of one or more pixels of the object, (N, 2), origin at the top left.
    outside : X, Y of pixels that are not of it.
    box : LEFT, TOP, WIDTH, HEIGHT in whole pixels: the object lies in it.
    channels : "alpha" or "bands", whether the last channel is opacity; None: as ``inpaint`` takes it.

    Returns
    -------
    mask : bool (H, W), without holes. Edges are soft: ``grow`` it by 1 or 2 before the object is filled.

    Raises
    ------
    ValueError, TypeError : an invalid picture, point or box, or nothing there that looks like an object.

    Examples
    --------
    >>> picture = np.full((60, 80), 40, np.uint8)
    >>> picture[20:40, 30:60] = 200
    >>> mask = object_at(picture, [(45, 30)])
    >>> bool(mask[22:38, 32:58].all()), int(mask.sum()) <= 20 * 30
    (True, True)
    """
    picture = Picture.of(image, channels)
    inside, beyond = (_checked_clicks(clicks, picture.shape) for clicks in (points, outside))
    if not inside:
        raise ValueError("points is empty: give X, Y of at least one pixel of the object")
    if set(inside) & set(beyond):
        raise ValueError("a point is in points and in outside: is it of the object or not?")
    where = None
    if box is not None:
        where = checked_box(box).clipped(picture.shape)
        for x, y in inside:
            if not (where.left <= x < where.right and where.top <= y < where.bottom):
                raise ValueError(f"the point {x:g},{y:g} is not in the box {_shown(tuple(box))}: the object lies in it")
    from inpaintkit.selection import object_of  # not above: most who have a mask select nothing

    return object_of(picture, inside, beyond, where)


def combine(*masks: Any, how: str = "union") -> Mask:
    """Several masks of the same shape as one.

    Parameters
    ----------
    masks : masks as ``inpaint`` takes them, (H, W), one or more.
    how : "union": hole in any; "intersection": in all; "difference": in the first and in no other; "exclusive": in an
        odd number of them, so of two in exactly one.

    Raises
    ------
    ValueError, TypeError : no mask, masks of different shapes, an unknown ``how``.
    """
    if not isinstance(how, str) or how not in _HOW:
        raise ValueError(f"how is {_shown(repr(how))}: choose one of {', '.join(HOW)}")
    holes = [mask_of(mask) for mask in masks]
    if not holes:
        raise ValueError("combine got no mask: pass one or more")
    for number, hole in enumerate(holes, 1):
        if hole.shape != holes[0].shape:
            raise ValueError(f"mask {number} is {hole.shape}, the first is {holes[0].shape}: resize one to match")
    return reduce(_HOW[how], holes[1:], holes[0].copy())


def grow(mask: Any, radius: int) -> Mask:
    """The hole and every pixel at most ``radius`` from it: grown by a disc.

    Parameters
    ----------
    mask : a mask as ``inpaint`` takes it, (H, W).
    radius : in whole pixels (>= 0).

    Raises
    ------
    ValueError, TypeError : an invalid mask or radius.
    """
    return grow_by_disc(mask_of(mask), _checked_radius(radius))


def shrink(mask: Any, radius: int) -> Mask:
    """The hole without the pixels at most ``radius`` from what is kept: shrunk by a disc.

    The picture's border takes nothing away, since what lies beyond it is unknown.

    Parameters
    ----------
    mask : a mask as ``inpaint`` takes it, (H, W).
    radius : in whole pixels (>= 0).

    Raises
    ------
    ValueError, TypeError : an invalid mask or radius.
    """
    return ~grow_by_disc(~mask_of(mask), _checked_radius(radius))


def resize(mask: Any, shape: tuple[int, int]) -> Mask:
    """A mask scaled to another size, for a scan that has been scaled since: whatever the hole touches is hole.

    A pixel of the result is hole if and only if its area, at the mask's scale, overlaps that of a hole pixel. So no
    thin line is lost, at any ratio, and where sides differ in their ratio, too. Of a mask that marks what to keep
    resize the inverse.

    Parameters
    ----------
    mask : a mask as ``inpaint`` takes it, (H, W).
    shape : (H, W) of the picture.

    Raises
    ------
    ValueError, TypeError : an invalid mask or shape.

    Warns
    -----
    InpaintWarning : the mask's proportions are not the picture's, so it is stretched.

    Examples
    --------
    >>> resize([[0, 0, 0, 1, 0, 0]], (1, 4)).astype(int)
    array([[0, 0, 1, 0]])
    """
    hole = mask_of(mask)
    height, width = _empty(shape).shape
    if not hole.size:
        raise ValueError(f"mask is {hole.shape}: it has no pixels")
    high, wide = hole.shape
    if abs(high * width - wide * height) > max(high + wide, height + width):  # more than a side's rounding
        turned = "; its sides are swapped: turn it by 90 degrees instead" * (hole.shape == (width, height))
        text = f"the mask is {hole.shape} and is stretched to {(height, width)}{turned}"
        warnings.warn(text, StretchedMaskWarning, stacklevel=2)
    return scaled(hole, (height, width))


def invert(mask: Any) -> Mask:
    """What a mask (H, W) keeps becomes the hole, and the hole is kept."""
    return ~mask_of(mask)


def _empty(shape: tuple[int, int]) -> Mask:
    if not _are_whole(shape, 2) or not 1 <= min(shape) <= max(shape) <= _FAR:
        raise ValueError(f"shape is {_shown(shape)}: expected (height, width), 1 to {_FAR} each, e.g. image.shape[:2]")
    return np.zeros((int(shape[0]), int(shape[1])), np.bool_)


def _not_empty(mask: Mask, what: str, where: Any) -> Mask:
    """The mask; ValueError where no part of the shape lies in the picture."""
    if not mask.any():
        height, width = mask.shape
        raise ValueError(
            f"the {what} at {_shown(where)} covers no pixel of a picture {width} wide and {height} high: "
            "coordinates are X,Y in pixels from the top left"
        )
    return mask


def _shown(value: Any) -> str:
    """A value as a message shows it, cut short."""
    text = " ".join(str(value.tolist() if isinstance(value, np.ndarray) else value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _are_whole(values: Any, count: int) -> bool:
    """Whether it is a sequence of so many whole numbers."""
    one_after_another = isinstance(values, Sequence) or (isinstance(values, np.ndarray) and values.ndim == 1)
    return one_after_another and len(values) == count and all(map(_is_whole, values))


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def checked_box(box: tuple[int, int, int, int]) -> Box:
    """LEFT, TOP, WIDTH, HEIGHT as a ``Box``; ValueError where they are not whole pixels."""
    if not _are_whole(box, 4) or max(map(abs, box)) > _FAR or min(box[2:]) < 1:
        raise ValueError(
            f"box is {_shown(box)}: expected LEFT, TOP, WIDTH, HEIGHT in whole pixels, width and height 1 or more"
        )
    return Box(*(int(side) for side in box))


def _checked_points(points: ArrayLike, what: str, *, min_count: int) -> NDArray[np.float64]:
    """(N, 2), X and Y of each point."""
    try:
        checked = np.asarray(points, np.float64)
    except (TypeError, ValueError, OverflowError):  # OverflowError: a whole number beyond all floats
        checked = np.zeros(0)
    if checked.ndim != 2 or checked.shape[1] != 2 or len(checked) < min_count:
        raise ValueError(f"points are {_shown(points)}: a {what} needs {min_count} or more X, Y pairs, (N, 2)")
    if not (np.abs(checked) <= _FAR).all():  # NaN fails too
        raise ValueError(f"points are {_shown(points)}: expected finite X, Y in pixels, at most {_FAR}")
    return checked


def _checked_radius(radius: int) -> int:
    if not _is_whole(radius) or not 0 <= radius <= _FAR:
        raise ValueError(f"radius is {_shown(radius)}: give whole pixels, 0 or more, up to {_FAR}")
    return int(radius)


def _brush(mask: Mask, start: NDArray[np.float64], end: NDArray[np.float64], reach: float) -> None:
    """Paint what lies within ``reach`` of the piece of line from ``start`` to ``end`` (X, Y)."""
    left, top = (math.ceil(side) for side in np.minimum(start, end) - reach)
    right, bottom = (math.floor(side) + 1 for side in np.maximum(start, end) + reach)
    todo = [Box.from_edges(left, top, right, bottom).clipped(mask.shape)]
    while todo:
        box = todo.pop()
        if box.area <= _TILE:
            x, y = np.arange(box.left, box.right), np.arange(box.top, box.bottom)[:, None]
            mask[box.slices] |= _is_near(x, y, start, end, reach)
            continue
        left, top, width, height = box
        middle = left + width / 2, top + height / 2
        if not _is_near(*middle, start, end, reach + math.hypot(height, width) / 2):
            continue
        if height > width:
            half = height // 2
            todo += [Box(left, top, width, half), Box(left, top + half, width, height - half)]
        else:
            half = width // 2
            todo += [Box(left, top, half, height), Box(left + half, top, width - half, height)]


def _is_near(x: Any, y: Any, start: NDArray[np.float64], end: NDArray[np.float64], reach: float) -> Any:
    """Whether points lie at most ``reach`` from a piece of line: beside it, or in the disc around one of its ends.

    Nothing is divided, so that whole coordinates decide without rounding.
    """
    along_x, along_y = end - start
    from_x, from_y = x - start[0], y - start[1]
    length2 = along_x**2 + along_y**2
    forward = from_x * along_x + from_y * along_y  # how far along, times the length
    aside = from_x * along_y - from_y * along_x  # how far from the line, times the length
    beside = (forward > 0) & (forward < length2) & (aside**2 <= reach**2 * length2)
    first = from_x**2 + from_y**2 <= reach**2
    last = (x - end[0]) ** 2 + (y - end[1]) ** 2 <= reach**2
    return beside | first | last


def rgb(colour: str | Sequence[float]) -> tuple[float, ...]:
    """Red, green and blue in [0, 255] of a name, "#rrggbb", "r,g,b" or three numbers; else ValueError."""
    try:
        if not isinstance(colour, str):
            channels = tuple(float(channel) for channel in colour)
        elif "," in colour and "(" not in colour:
            channels = tuple(float(channel) for channel in colour.split(","))
        else:
            channels = ImageColor.getrgb(colour.strip())
    except (TypeError, ValueError, OverflowError):
        channels = ()
    if len(channels) != 3 or not all(0 <= channel <= 255 for channel in channels):
        raise ValueError(f"colour is {_shown(repr(colour))}: expected #rrggbb, r,g,b in 0 to 255, or a name like red")
    return channels


def colour_difference(picture: Picture, colour: tuple[float, ...]) -> NDArray[Any]:
    """How far each pixel is from a colour: the largest difference of a channel, 0 to 255; infinite without a colour."""
    pixels = picture.pixels[..., :-1] if picture.alpha else picture.pixels
    unit = picture.opaque / 255
    rounding = float(np.finfo(pixels.dtype).eps) if pixels.dtype.kind == "f" else 0.0  # 51 / 255 is not quite 0.2
    off = np.zeros(picture.shape, np.result_type(pixels.dtype, np.float32))
    for index, wanted in enumerate(colour):
        step = np.abs(pixels[..., index % pixels.shape[2]].astype(off.dtype) - off.dtype.type(wanted * unit))
        step[step <= rounding] = 0
        np.maximum(off, step, out=off)
    off /= unit
    off[np.isnan(off)] = np.inf
    if picture.alpha:
        off[picture.pixels[..., -1] == 0] = np.inf
    return off


def _range(picture: Picture) -> float:
    """The width of the range of a picture's values: that of its type, or its own where the type has none."""
    pixels = picture.pixels
    if pixels.dtype.kind in "ub":
        return float(picture.opaque)
    from inpaintkit.selection.views import span as span_of_numbers  # not above: it brings all of the selection

    span = span_of_numbers(picture)
    if pixels.dtype.kind == "f" and span.offset >= 0 and span.offset + span.scale <= 1:
        return 1.0
    return span.scale


def checked_pixel(point: Any, shape: tuple[int, int], name: str) -> tuple[int, int]:
    """X, Y of a pixel of a picture of ``shape`` (H, W); ValueError for anything else."""
    height, width = shape
    if not _are_whole(point, 2):
        raise ValueError(f"{name} is {_shown(point)}: expected X, Y in whole pixels from the top left")
    x, y = (int(side) for side in point)
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(f"{name} is {x},{y}, outside a picture {width} wide and {height} high: pick a pixel of it")
    return x, y


def _checked_clicks(points: ArrayLike, shape: tuple[int, int]) -> list[tuple[float, float]]:
    """X, Y of points in a picture of ``shape`` (H, W)."""
    if np.size(points) == 0:
        return []
    height, width = shape
    clicks = [(float(x), float(y)) for x, y in _checked_points(points, "click", min_count=1)]
    for x, y in clicks:
        if not (-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5):
            raise ValueError(f"the point {x:g},{y:g} is outside a picture {width} wide and {height} high")
    return clicks


def _around(mask: Mask, point: tuple[int, int]) -> Mask:
    """The connected part of a mask around a point (X, Y) of it; pixels connect by sides or corners."""
    painted = mask.astype(np.uint8)
    cv2.floodFill(painted, None, point, 2, flags=8)
    part: Mask = painted == 2
    return part


def connected_part(mask: Mask, off: NDArray[Any], point: tuple[int, int]) -> Mask:
    """The connected part of a mask around a point (X, Y) of it; pixels connect by sides or corners."""
    x, y = checked_pixel(point, mask.shape, "connected")
    if not mask[y, x]:
        far = f"{off[y, x]:.4g} from the colour" if np.isfinite(off[y, x]) else "without a colour"
        raise ValueError(f"the pixel at {x},{y} is {far}, beyond the tolerance: raise it or pick another pixel")
    return _around(mask, (x, y))
