"""What lies over a picture: how opaque each pixel is, what colour it has, and how the two are seen together.

    cover     I = (1 - a) B + a C             ink, paint, a half-transparent mark
    add       I = min(B + a C, top)           light: the date of a film camera
    multiply  I = B (1 - a (1 - C / top))     dirt and dust, which darken

I is what is seen, B the picture beneath, a the opacity, C the colour, and top the value of white (``Units.peak``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from inpaintkit.box import Box
from inpaintkit.info import FilledRegion, Info
from inpaintkit.overlay.noise import Stored

Kind = TypeVar("Kind", bound=np.generic)
Mode = Literal["cover", "add", "multiply"]
MODES: tuple[str, ...] = get_args(Mode)


@dataclass(frozen=True)
class Style:
    """What letters or marks of one kind share, as it was estimated.

    Attributes
    ----------
    colour : the ink, in the picture's own units.
    opacity : of its covered core, 0 to 1.
    pixels : how many belong to it.
    """

    colour: tuple[float, ...]
    opacity: float
    pixels: int


@dataclass(frozen=True)
class OverlayInfo:
    """What is known of how an overlay was estimated.

    Attributes
    ----------
    styles : what letters and marks of one kind share.
    ambiguous : where opacity and ink cannot be told apart; the opacity there is 1, as with an ordinary mask.
    pictures : how many the estimate was made from; 0: it was given.
    notes : what else a person should hear.
    stored : what the pixels say of how the picture's file stored it; None: that nothing was lost.
    absent : fingerprints of the pictures of the series that do not have the overlay: they are left as they are.
    """

    styles: tuple[Style, ...] = ()
    ambiguous: tuple[Box, ...] = ()
    pictures: int = 0
    notes: tuple[str, ...] = ()
    stored: Stored | None = None
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Overlay:
    """What lies over a picture.

    Attributes
    ----------
    opacity : float32 (H, W) in [0, 1].
    colour : float64 (C,) or (H, W, C) in the picture's own units, opacity's channel not counted.
    info : how it was estimated.
    mode : "cover", "add" or "multiply".
    deviation : float32 (H, W), standard error of ``opacity``; None: it is exact.
    chroma : float32 (H, W), the opacity that colour differences see, where a file stored them at half the resolution;
        None: as ``opacity``. For pictures of three colours.
    under : layers beneath this one, such as its shadow, the topmost first.
    """

    opacity: NDArray[np.float32]
    colour: NDArray[np.float64]
    info: OverlayInfo = field(default_factory=OverlayInfo)
    mode: Mode = "cover"
    deviation: NDArray[np.float32] | None = None
    chroma: NDArray[np.float32] | None = None
    under: tuple[Overlay, ...] = ()

    def __post_init__(self) -> None:
        check_mode(self.mode)
        object.__setattr__(self, "colour", np.asarray(self.colour, np.float64))
        for name in ("opacity", "deviation", "chroma"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _plane(getattr(self, name), name))
        shapes = [np.shape(part) for part in (self.deviation, self.chroma) if part is not None]
        shapes += [self.colour.shape[:2]] * (self.colour.ndim == 3) + [layer.shape for layer in self.under]
        for shape in shapes:
            if shape != self.shape:
                raise ValueError(f"overlay's opacity is {self.shape}, another of its parts is {shape}: make them alike")
        if self.colour.ndim not in (1, 3) or not np.isfinite(self.colour).all():
            raise ValueError(f"overlay's colour has shape {self.colour.shape}: expected (C,) or (H, W, C), finite")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.opacity.shape
        return height, width

    @property
    def layers(self) -> tuple[Overlay, ...]:
        """This one and all beneath it, the topmost first."""
        return (self, *(layer for below in self.under for layer in below.layers))

    @property
    def touched(self) -> NDArray[np.bool_]:
        """bool (H, W), the pixels that any layer changes; all others stay bit for bit."""
        touched = np.zeros(self.shape, np.bool_)
        for layer in self.layers:
            touched |= layer.opacity > 0
            if layer.chroma is not None:
                touched |= layer.chroma > 0
        return touched

    def moved(self, down: int, right: int) -> Overlay:
        """The same lying some pixels lower and further right; nothing lies where it comes from beyond the edge."""
        planes = {name: getattr(self, name) for name in ("opacity", "colour", "deviation", "chroma")}
        parts: dict[str, Any] = {
            name: shifted(plane, down, right) for name, plane in planes.items() if plane is not None and plane.ndim > 1
        }
        return replace(self, **parts, under=tuple(layer.moved(down, right) for layer in self.under))


@dataclass(frozen=True)
class RemovalInfo:
    """What ``remove_overlay(..., return_info=True)`` gives beside the picture.

    Attributes
    ----------
    overlay : what was taken off.
    divided, filled : pixels whose colour comes mostly from the pixel itself, and mostly from the method.
    fill : of the last fill; None where nothing had to be filled.
    seconds : time of the whole call.
    weight : float32 (H, W) in [0, 1], how much of each colour comes from the pixel itself; 1 where nothing lay over it.
    """

    overlay: Overlay
    divided: int
    filled: int
    fill: Info | None
    seconds: float
    weight: NDArray[np.float32]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """bool (H, W), the pixels that the overlay touches."""
        return self.overlay.touched

    @property
    def regions(self) -> tuple[FilledRegion, ...]:
        """What was filled last, region by region."""
        return self.fill.regions if self.fill else ()

    @property
    def fallbacks(self) -> tuple[FilledRegion, ...]:
        """The regions that were filled harmonically for want of context."""
        return self.fill.fallbacks if self.fill else ()

    @property
    def method(self) -> str:
        """The method that filled."""
        return self.fill.method if self.fill else "none"

    @property
    def pixels(self) -> int:
        """Pixels that were changed."""
        return self.divided + self.filled

    def __str__(self) -> str:
        text = f"overlay ({self.overlay.mode}): {self.divided} px divided out, {self.filled} px filled"
        notes = "".join(f"; {note}" for note in self.overlay.info.notes)
        return f"{text} by {self.method}, {self.seconds:.2f} s{notes}"


def shifted(values: NDArray[Kind], down: int, right: int) -> NDArray[Kind]:
    """An array (H, W) or (H, W, C) moved by rows and columns; 0 where nothing came."""
    padded = np.pad(values, ((abs(down),) * 2, (abs(right),) * 2, (0, 0))[: values.ndim])
    top, left = abs(down) - down, abs(right) - right
    return padded[top : top + values.shape[0], left : left + values.shape[1]]


def check_mode(mode: object) -> None:
    """Refuse what is no mode."""
    if mode not in MODES:
        raise ValueError(f"overlay's mode is {mode!r}: choose one of {', '.join(MODES)}")


def told_ink(colour: Any, channels: int) -> NDArray[np.float64]:
    """A told colour as float64 (channels,), checked."""
    values = np.asarray(colour, np.float64).reshape(-1)
    if len(values) != channels or not np.isfinite(values).all():
        raise ValueError(
            f"colour is {colour!r}: expected {channels} finite numbers in the picture's units, without opacity"
        )
    return values


def _plane(values: Any, name: str) -> NDArray[np.float32]:
    """float32 (H, W), checked."""
    plane: NDArray[np.float32] = np.asarray(values, np.float32)
    if plane.ndim != 2:
        raise ValueError(f"overlay's {name} has shape {plane.shape}: expected (H, W)")
    within = plane.size == 0 or (plane.min() >= 0 and plane.max() <= 1)  # NaN fails too
    if not within:
        raise ValueError(f"overlay's {name} goes from {plane.min():g} to {plane.max():g}: expected 0 to 1")
    return plane
