"""Find the damage: propose a mask of text, dates, scratches, dust, cracks or a colour, for a person to look at.

picture -> a finder for each kind of damage -> inside, exclude -> mask

Each finder gives its mask and how sure it is of every pixel; how it scores what it finds is in ``scoring``. There are
two operating points: what is proposed to a person, and what is sure enough to be repaired unseen.
"""

from __future__ import annotations

import numbers
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, cast, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import masks, threads
from inpaintkit.find.kinds import FINDERS as FINDERS
from inpaintkit.find.kinds import KINDS as KINDS
from inpaintkit.find.pieces import Found, counted, listed
from inpaintkit.find.scoring import Labels
from inpaintkit.find.searching import Searched, Wish, searched
from inpaintkit.picture import Channels, Picture, span_of
from inpaintkit.problem import Image, Mask

Kind = Literal["text", "stamp", "scratches", "dust", "cracks", "colour", "auto"]
Purpose = Literal["propose", "act"]
Colour = str | Sequence[float]
Bounds = tuple[int, int, int, int]  # LEFT, TOP, WIDTH, HEIGHT, as in ``Box``

PURPOSES: tuple[Purpose, ...] = ("propose", "act")
_MAX_TOLERANCE = 128  # levels: how far from a colour sensitivity 1 reaches


@dataclass(frozen=True, eq=False)
class FindInfo:
    """What ``find_mask(..., return_info=True)`` gives beside the mask.

    Attributes
    ----------
    kind : what was looked for.
    purpose : "propose" or "act", for what.
    pixels : how many are proposed.
    share : of the picture, in [0, 1].
    pieces : number of connected parts of the mask.
    seconds : how long the call took.
    confidence : float32 (H, W) in [0, 1], how sure each proposed pixel is; 0 where nothing is proposed.
    transmission : float32 (H, W) in (0, 1], how much infrared the dust lets through, 1 where nothing is proposed; None
        without ``infrared``.
    deviation : float32 (H, W), standard error of ``transmission``; None without ``infrared``.
    """

    kind: str
    purpose: str
    pixels: int
    share: float
    pieces: int
    seconds: float
    confidence: Image
    transmission: Image | None
    deviation: Image | None
    _lines: dict[str, Labels] = field(repr=False)

    @property
    def labels(self) -> Labels:
        """The ``number`` in ``found`` of what each proposed pixel belongs to, int32 (H, W); 0 elsewhere."""
        return self._counted[0]

    @cached_property
    def found(self) -> tuple[Found, ...]:
        """What was found, one by one: number, kind, box, pixels, confidence, odds and mode of each.

        A line of text, a scratch, a speck or a patch of a colour is one thing, in however many parts. Where there are
        more than 200 specks or patches, small ones that lie close together are one. Counted when first asked for.
        """
        return listed(*self._counted, self.confidence)

    @cached_property
    def _counted(self) -> tuple[Labels, list[str]]:
        return counted(self.confidence > 0, self._lines, "colour" if self.kind == "colour" else "dust")

    def __str__(self) -> str:
        return f"{self.kind}: {self.pixels} px ({self.share:.2%}) in {self.pieces} pieces, {self.seconds:.2f} s"


@overload
def find_mask(
    image: Any,
    kind: Kind = ...,
    *,
    sensitivity: float = ...,
    purpose: Purpose = ...,
    accept_large: bool = ...,
    inside: Bounds | None = ...,
    exclude: Bounds | Sequence[Bounds] = ...,
    colour: Colour | None = ...,
    pick: tuple[int, int] | None = ...,
    connected: bool = ...,
    trace: tuple[int, int] | None = ...,
    infrared: Any = ...,
    channels: Channels | None = ...,
    return_info: Literal[False] = ...,
) -> Mask: ...


@overload
def find_mask(
    image: Any,
    kind: Kind = ...,
    *,
    sensitivity: float = ...,
    purpose: Purpose = ...,
    accept_large: bool = ...,
    inside: Bounds | None = ...,
    exclude: Bounds | Sequence[Bounds] = ...,
    colour: Colour | None = ...,
    pick: tuple[int, int] | None = ...,
    connected: bool = ...,
    trace: tuple[int, int] | None = ...,
    infrared: Any = ...,
    channels: Channels | None = ...,
    return_info: Literal[True],
) -> tuple[Mask, FindInfo]: ...


def find_mask(
    image: Any,
    kind: Kind = "text",
    *,
    sensitivity: float = 0.5,
    purpose: Purpose = "propose",
    accept_large: bool = False,
    inside: Bounds | None = None,
    exclude: Bounds | Sequence[Bounds] = (),
    colour: Colour | None = None,
    pick: tuple[int, int] | None = None,
    connected: bool = False,
    trace: tuple[int, int] | None = None,
    infrared: Any = None,
    channels: Channels | None = None,
    return_info: bool = False,
) -> Mask | tuple[Mask, FindInfo]:
    """Propose the mask of a picture's damage.

    Parameters
    ----------
    image : array or PIL image as ``inpaint`` takes it; the first three of more bands are looked at, the mean of two.
        What is fully transparent is never proposed.
    kind : "text": captions, subtitles and date stamps of nearly uniform colour; "stamp": dates that a camera lit onto
        the film, in digits of coloured light; "scratches": thin bright or dark lines; "dust": small isolated spots;
        "cracks": cracks and creases of old prints; "colour": what is near ``colour`` or near the colour of the pixel at
        ``pick``; "auto": all but a colour, each with 0.7 of the sensitivity, but
        for cracks that are only proposed.
    sensitivity : in [0, 1]; 0 finds only clear cases, 1 anything plausible. For a colour 0 is that colour alone, 0.5
        takes in what differs by 32 of 255 in any channel, 1 by 128.
    purpose : "propose": to a person, who accepts or drops pieces; "act": only what is sure enough to be repaired
        unseen. A colour is the same for both.
    accept_large : take what is found however much it is: see below.
    inside : LEFT, TOP, WIDTH, HEIGHT in pixels, origin at the top left: propose nothing elsewhere.
    exclude : one such box or several: propose nothing in them.
    colour : "#rrggbb", "r,g,b", a name like "red", or three numbers in [0, 255]; for kind "colour".
    pick : X, Y of a pixel whose colour is meant; for kind "colour".
    connected : only the area around ``pick`` that is connected to it, by sides or corners.
    trace : X, Y of a pixel on a crack or next to it: only that crack, followed to its ends, branches included; for kind
        "cracks".
    infrared : array or PIL image (H, W) as large as the picture, of any type and scale: a film scan's infrared, by
        which dust is found instead; for kinds "dust" and "auto". Silver and Kodachrome hide infrared as dust does.
    channels : "alpha" or "bands", whether the last channel is opacity; None: as ``inpaint`` takes it.
    return_info : also return a ``FindInfo``.

    Returns
    -------
    mask : bool (H, W), True where damage is proposed, the soft edge of text and scratches included.
    info : FindInfo, with ``return_info=True``.

    Raises
    ------
    TypeError, ValueError : a picture or option that cannot be used; the message says what is needed.
    LargeFindError : purpose is "act", and more than 8 % of the picture passes for damage, or what is found is more
        likely none. With ``accept_large`` or ``inside``, and for a colour, it is taken.

    Warns
    -----
    LargeFindWarning : more than 55 % of the picture passes for one kind of damage, as a texture may: none of that
        kind is proposed. With ``accept_large`` or ``inside`` it is.

    Examples
    --------
    >>> import numpy as np, inpaintkit
    >>> photo = np.full((40, 60, 3), 120, np.uint8)
    >>> photo[10:14, 20:50] = (255, 160, 40)
    >>> mask = inpaintkit.find_mask(photo, "colour", pick=(25, 12))
    >>> int(mask.sum()), inpaintkit.inpaint(photo, mask).max()
    (120, np.uint8(120))
    """
    start = time.perf_counter()
    flags = {"connected": connected, "accept_large": accept_large, "return_info": return_info}
    _check(kind, sensitivity, purpose, colour, pick, **flags)
    if trace is not None and kind != "cracks":
        raise ValueError(f"trace is for kind 'cracks', not {kind!r}")
    picture = Picture.of(image, channels)
    picture.check_known(np.zeros(picture.shape, np.bool_))
    allowed = _allowed(picture, inside, exclude)
    plane = None if infrared is None else _infrared(infrared, kind, picture)
    if kind == "colour":
        result = Searched(*_near(picture, colour, pick, connected, sensitivity), {})
    else:
        with threads.limit(None):
            wish = Wish(kind, sensitivity, purpose == "act", accept_large or inside is not None, plane)
            at = None if trace is None else _pixel(picture, trace, "trace")
            result = searched(_normalised(picture), wish, allowed, at)
    mask = result.mask
    mask &= allowed
    if not return_info:
        return mask
    pixels = int(np.count_nonzero(mask))
    pieces = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1
    confidence = np.where(mask, result.confidence, np.float32(0))
    transmission = deviation = None
    if result.infrared is not None:
        transmission = np.where(mask, result.infrared.transmission, np.float32(1))
        deviation = result.infrared.deviation
    seconds = time.perf_counter() - start
    facts = kind, purpose, pixels, pixels / mask.size, pieces, seconds, confidence, transmission, deviation
    return mask, FindInfo(*facts, result.lines)


def _check(
    kind: str,
    sensitivity: float,
    purpose: str,
    colour: Colour | None,
    pick: tuple[int, int] | None,
    **flags: bool | np.bool_,
) -> None:
    for name, flag in flags.items():
        if flag is not True and flag is not False and not isinstance(flag, np.bool_):
            raise ValueError(f"{name} is {flag!r}: expected True or False")
    connected = flags["connected"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind is {kind!r}: choose one of {', '.join(KINDS)}")
    if not isinstance(purpose, str) or purpose not in PURPOSES:
        raise ValueError(f"purpose is {purpose!r}: choose propose (a person looks at it) or act (nobody does)")
    if isinstance(sensitivity, bool) or not isinstance(sensitivity, numbers.Real) or not 0 <= sensitivity <= 1:
        raise ValueError(f"sensitivity is {sensitivity!r}: expected 0 (only clear cases) to 1 (anything plausible)")
    if kind != "colour" and not (colour is None and pick is None and not connected):
        raise ValueError(f"colour, pick and connected are for kind 'colour', not {kind!r}")
    if kind == "colour" and (colour is None) == (pick is None):
        raise ValueError("kind 'colour' needs either a colour, e.g. 'red' or '#ff8800', or pick, X,Y of a pixel of it")
    if connected and pick is None:
        raise ValueError("connected needs pick, the pixel X,Y that the area is connected to")


def _infrared(infrared: Any, kind: str, picture: Picture) -> NDArray[np.generic]:
    """A film scan's infrared, checked."""
    if kind not in ("dust", "auto"):
        raise ValueError(f"infrared shows dust and is for kinds 'dust' and 'auto', not {kind!r}")
    try:
        plane: NDArray[np.generic] = np.asarray(infrared)
    except ValueError:
        raise ValueError("infrared is no array: its rows differ in length") from None
    if plane.ndim == 3 and plane.shape[2] == 1:
        plane = plane[..., 0]
    if plane.shape != picture.shape or plane.dtype.kind not in "uif" or not np.isfinite(plane).all():
        raise ValueError(
            f"infrared is an array of shape {plane.shape} and type {plane.dtype}: expected finite numbers, one for "
            f"each pixel of the picture, {picture.shape}"
        )
    return plane


def _allowed(picture: Picture, inside: Bounds | None, exclude: Bounds | Sequence[Bounds]) -> Mask:
    """Where a proposal may lie."""
    allowed = np.ones(picture.shape, np.bool_) if inside is None else masks.rect(picture.shape, inside)
    for box in _boxes(exclude):
        allowed[masks.checked_box(box).clipped(picture.shape).slices] = False
    if picture.alpha:
        allowed &= picture.pixels[..., -1] > 0
    return allowed


def _boxes(exclude: Bounds | Sequence[Bounds]) -> Sequence[Bounds]:
    """One box or several, as several."""
    try:
        single = len(exclude) > 0 and np.ndim(exclude[0]) == 0
    except (TypeError, LookupError, ValueError):
        raise ValueError(
            f"exclude is {exclude!r}: expected LEFT, TOP, WIDTH, HEIGHT in whole pixels, or several such boxes"
        ) from None
    return cast(Sequence[Bounds], [exclude] if single else exclude)


def _normalised(picture: Picture) -> Image:
    """Grey or RGB as float32 in [0, 1], transparent pixels in the middle; the first three of more bands, two's mean."""
    colours = picture.pixels[..., : picture.colours]
    scale, offset = float(picture.opaque), 0.0
    if picture.pixels.dtype.kind == "i" or (scale == 1 and not (colours.min() >= 0 and colours.max() <= 1)):
        span = span_of(picture, np.zeros(picture.shape, np.bool_))  # no range of its own
        scale, offset = span.scale, span.offset
    exact = np.promote_types(colours.dtype, np.float32)  # large integers differ by less than float32 can tell
    colours = (
        colours[..., :3].astype(exact) if colours.shape[2] != 2 else colours.mean(axis=2, dtype=exact, keepdims=True)
    )
    image: Image = ((colours - exact.type(offset)) / exact.type(scale)).astype(np.float32, copy=False).clip(0, 1)
    if picture.alpha:
        image[picture.pixels[..., -1] == 0] = 0.5
    return image


def _near(
    picture: Picture, colour: Colour | None, pick: tuple[int, int] | None, connected: bool, sensitivity: float
) -> tuple[Mask, Image]:
    """What is near a colour, with more confidence the nearer it is."""
    tolerance = round(_MAX_TOLERANCE * sensitivity**2)
    wanted = _picked(picture, pick) if pick is not None else masks.rgb(cast(Colour, colour))
    off = masks.colour_difference(picture, wanted)
    mask: Mask = off <= tolerance
    if connected and pick is not None:
        mask = masks.connected_part(mask, off, pick)
    return mask, (1 - np.minimum(off, tolerance) / (tolerance + 1)).astype(np.float32)


def _picked(picture: Picture, pick: tuple[int, int]) -> tuple[float, ...]:
    """The colour at X, Y on the scale 0 to 255."""
    x, y = _pixel(picture, pick, "pick")
    channels = picture.pixels.shape[2] - picture.alpha
    if picture.alpha and picture.pixels[y, x, -1] == 0:
        raise ValueError(f"the pixel at {x},{y} is fully transparent and has no colour: pick another")
    return tuple(float(picture.pixels[y, x, z % channels]) * 255 / picture.opaque for z in range(3))


def _pixel(picture: Picture, place: tuple[int, int], name: str) -> tuple[int, int]:
    """A pixel X, Y of the picture, checked."""
    height, width = picture.shape
    is_pair = hasattr(place, "__len__") and len(place) == 2
    if not is_pair or not all(isinstance(side, (int, np.integer)) for side in place):
        raise ValueError(f"{name} is {place!r}: expected X, Y in whole pixels from the top left")
    x, y = place
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(f"{name} is {x},{y}, outside a picture {width} wide and {height} high: pick a pixel of it")
    return int(x), int(y)
