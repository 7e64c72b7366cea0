"""An overlay estimated from one picture and a mask that is exact or some pixels too wide.

mask -> what is expected beneath -> inks, one for each style -> opacity of each pixel -> the mask made narrower -> again

Where colour was stored at half the resolution, inks and opacities are estimated at that resolution first, in which
all channels see the same opacity; then luma says how each pixel shares in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.api import inpaint
from inpaintkit.box import Box
from inpaintkit.compositing import Units
from inpaintkit.overlay import bleeding
from inpaintkit.overlay.background import Background, Values, background, mixed, unmixed
from inpaintkit.overlay.ink import Ink, differs, ink_of, likelihood, stands_out
from inpaintkit.overlay.model import Overlay, OverlayInfo, Style
from inpaintkit.overlay.noise import Stored, read_again
from inpaintkit.overlay.opacity import Evidence, evidence, opacities
from inpaintkit.overlay.quantised import BLOCK, stored_seen
from inpaintkit.overlay.repeats import shared
from inpaintkit.picture import Picture, grow, growth_seen, span_of
from inpaintkit.problem import Image, Mask

_MARGIN = 48  # px around the mask that are looked at
_NARROWER = 2  # times the mask is made narrower
_SEEN, _SURE = 0.15, 1.5  # of full opacity, and standard errors below it: what is more opaque is surely covered in part
_WORTH = 0.02  # share of the mask that has to go for another round
_DEEP = 0.8  # opacity beyond which pixels are looked at again, from nearer by
_STYLES = 6
_STRANGE = -3.0  # log-likelihood of pixels that an ink does not explain
_UNLIKE = 0.5  # share of such pixels, or of those on which no such ink would show, in a part drawn in something else
_APART = 2  # px: parts of the mask that lie nearer are one
_AGREEING = 0.12  # of full opacity: by how much luma and colours may differ on it, root mean square
_COVERED = 0.98  # opacity from which hardly anything of a pixel is beneath
_COUNT = 30  # covered pixels that show the noise
_QUIET = 0.45 / 255  # noise that rounding explains


@dataclass(eq=False)
class _Estimate:
    """What is known so far, in a crop of the picture.

    Attributes
    ----------
    hole : bool (h, w), where there may be something.
    inks : of the styles.
    style : int (h, w), the number of each pixel's ink; -1 where none explains it.
    mean, variance : float64 (h, w), of the opacity.
    """

    hole: Mask
    inks: list[Ink]
    style: NDArray[np.int64]
    mean: Values
    variance: Values


def estimate_single(
    picture: Picture, hole: Mask, *, colour: Values | None = None, stored: Stored | None = None
) -> Overlay:
    """The overlay that covers a picture under a mask.

    Parameters
    ----------
    hole : bool (H, W), all that is covered, or some pixels more.
    colour : of the ink, float64 (C,) in the picture's units, where it is known.
    stored : how the picture's file stored it; None: judged from the pixels.
    """
    if not hole.any():
        return Overlay(np.zeros(hole.shape, np.float32), np.zeros(picture.colours), OverlayInfo(pictures=1))
    span = span_of(picture, hole)
    crop = around(hole)
    pixels = picture.pixels[crop.slices][..., : picture.colours].astype(np.float64)
    seen = mixed((pixels - span.offset) / span.scale)
    told = None if colour is None else mixed(((colour - span.offset) / span.scale)[None])[0]
    ends = limits(picture, span.offset, span.scale)
    part = hole[crop.slices]
    first = background(seen, part, plain_fill)
    shown = np.zeros_like(part)
    shown[part] = differs(seen[part], first)
    level = span.scale / Units(picture, span, False).peak * 255
    if stored is None:
        bled = bool(growth_seen(Picture(picture.pixels[crop.slices], picture.alpha), shown))
        stored = stored_seen(mixed(pixels / span.scale * level), shown, bled=bled)
    bled = max(stored.sampling) > 1 if stored else bled
    noise = (0.0, 0.0) if stored is None else (stored.luma / level / 12**0.5, stored.chroma / level / 12**0.5)
    single = _Single(seen, ends, told, noise)
    found = single.at_half(part) if bled else single.run(part, first)
    if stored is None and (noise := single.noise(found)) and max(noise) > _QUIET:
        stored = Stored(noise[0] * level * 12**0.5, noise[1] * level * 12**0.5, bleeding.SAMPLING if bled else (1, 1))
    return _overlay(found, crop, hole.shape, span.offset, span.scale, stored, channels=picture.colours, bled=bled)


class _Single:
    """One estimate: the picture, mixed (h, w, C), the limits of its values, and the ink if it is told."""

    def __init__(
        self, seen: Values, limits: tuple[float, float], told: Values | None, noise: tuple[float, float]
    ) -> None:
        self.seen, self.limits, self.told = seen, limits, told
        self.luma, self.least = noise[0], float(np.hypot(*noise) / 2**0.5)  # of luma, of all channels

    def run(self, hole: Mask, first: Background) -> _Estimate:
        """Inks, then opacities, in a mask that becomes narrower."""
        found = self._inks(hole, first)
        for again in range(_NARROWER + 1):
            self._opacities(found, first if not again else background(self.seen, found.hole, plain_fill))
            narrow = _narrower(found)
            if np.count_nonzero(found.hole & ~narrow) < _WORTH * np.count_nonzero(found.hole) or again == _NARROWER:
                break
            found.hole = narrow
        self._deep(found)
        return found

    def at_half(self, hole: Mask) -> _Estimate:
        """Inks and opacities at half the resolution, then each pixel's own."""
        small = _Single(bleeding.halved(self.seen), self.limits, self.told, (self.luma / 2, self.least))
        narrow = bleeding.any_of_four(hole)
        half = small.run(narrow, background(small.seen, narrow, plain_fill))
        hole = hole & bleeding.doubled(half.hole, hole.shape)
        style = bleeding.doubled(half.style, hole.shape)
        found = _Estimate(hole, list(half.inks), style, np.zeros(hole.shape), np.zeros(hole.shape))
        luma = self.seen[..., :1]
        beneath = background(luma, found.hole, plain_fill)
        for number, ink in enumerate(half.inks):
            mine = (found.style == number)[found.hole]
            flat = ink_of(luma[found.hole][mine], beneath.of(mine), self.limits, ink.colour[:1], self.luma)
            if flat is None:  # luma does not tell it from what is beneath
                found.style[found.style == number] = -1
                continue
            found.inks[number] = replace(flat, colour=np.append(flat.colour, ink.colour[1:]))
            said = evidence(luma[found.hole], beneath, flat)
            said = bleeding.sharing(said, found.hole, half.mean, half.variance)
            self._set(found, said, number)
            self._ink_in_full(found, number)
            own = found.style == number
            apart = bleeding.gap(found.mean, half.mean, own)
            if apart > _AGREEING * flat.opacity:
                found.style[own] = -1
        return found

    def _ink_in_full(self, found: _Estimate, number: int) -> None:
        """An ink's colour differences from where nothing else was stored with it, if there are such pixels."""
        own = np.where(found.style == number, found.mean, 0)
        full = read_again(own, bleeding.SAMPLING) > _COVERED
        if np.count_nonzero(full) >= _COUNT:
            ink = found.inks[number]
            shades = np.median(self.seen[full][:, 1:], axis=0)
            found.inks[number] = replace(ink, colour=np.append(ink.colour[:1], shades))

    def noise(self, found: _Estimate) -> tuple[float, float]:
        """Standard deviation of luma and of colour differences."""
        if not found.inks:
            return 0.0, 0.0
        each = []
        for number, ink in enumerate(found.inks):
            covered = (found.style == number) & (found.mean > 0.995) & (found.variance < 0.01)
            if ink.opacity < 0.97 or np.count_nonzero(covered) < _COUNT:
                each.append((ink.noise, ink.noise))
                continue
            off = 1.48 * np.median(np.abs(self.seen[covered] - ink.colour), axis=0)
            each.append((float(off[0]), float(np.sqrt(np.mean(off[1:] ** 2))) if len(off) > 1 else float(off[0])))
        luma, chroma = np.median(each, axis=0)
        return float(luma), float(chroma)

    def _inks(self, hole: Mask, beneath: Background) -> _Estimate:
        """The inks of all styles, each pixel's among them."""
        values = self.seen[hole]
        _, parts = cv2.connectedComponents(grow(hole, _APART).astype(np.uint8), connectivity=8)
        part = parts[hole]
        style = np.full(len(values), -1)
        inks: list[Ink] = []
        left: Mask = np.ones(len(values), np.bool_)
        while left.any() and len(inks) < _STYLES:
            ink = ink_of(values[left], beneath.of(left), self.limits, self.told, self.least)
            if ink is None:
                break
            strange = np.zeros(len(values))
            near = beneath.of(left)
            strange[left] = (likelihood(values[left], near, ink) < _STRANGE) | ~stands_out(ink, near)
            share = np.bincount(part, strange) / np.maximum(np.bincount(part, left.astype(float)), 1)
            mine: Mask = left & (share < _UNLIKE)[part]
            if not mine.any():
                break
            style[mine] = len(inks)
            inks.append(ink)
            left &= ~mine
        whole = np.full(hole.shape, -1)
        whole[hole] = style
        return _Estimate(hole, inks, whole, np.zeros(hole.shape), np.zeros(hole.shape))

    def _opacities(self, found: _Estimate, beneath: Background) -> None:
        found.mean[~found.hole] = found.variance[~found.hole] = 0
        for number, ink in enumerate(found.inks):
            self._set(found, evidence(self.seen[found.hole], beneath, ink), number)

    def _set(self, found: _Estimate, said: Evidence, number: int) -> None:
        """The opacities of one style, with what equal letters say."""
        opacity = found.inks[number].opacity
        own: Mask = found.hole & (found.style == number)
        mine = said.of(own[found.hole])
        mean, variance = opacities(mine, own, opacity)
        mean, variance = opacities(shared(mine, mean, own, opacity), own, opacity)
        found.mean[own], found.variance[own] = mean[own], variance[own]

    def _deep(self, found: _Estimate) -> None:
        """Opacities of what is nearly covered again, now that what lies around can be divided out."""
        deep: Mask = found.hole & ((found.mean > _DEEP) | (found.style < 0))
        if not deep.any() or (deep == found.hole).all():
            return
        cleared = self.seen.copy()
        beneath = background(self.seen, found.hole, plain_fill)
        thin = (found.hole & ~deep)[found.hole]
        for number, ink in enumerate(found.inks):
            own = thin & (found.style[found.hole] == number)
            where: Mask = np.zeros(found.hole.shape, np.bool_)
            where[found.hole] = own
            cleared[where] = merged(self.seen[where], beneath.of(own), ink, found.mean[where], found.variance[where])
        nearer = background(cleared, deep, plain_fill)
        said = [evidence(self.seen[deep], nearer, ink) for ink in found.inks]
        for number, ink in enumerate(found.inks):
            own = deep & (found.style == number)
            mean, variance = opacities(said[number].of(own[deep]), own, ink.opacity)
            better = own & (variance < found.variance)
            found.mean[better], found.variance[better] = mean[better], variance[better]


def merged(seen: Values, beneath: Background, ink: Ink, mean: Values, variance: Values) -> Values:
    """The mean of what is expected beneath and of what dividing out gives, by their variances."""
    left = np.maximum(1 - mean, 1e-3)[:, None]
    divided = beneath.along((seen - mean[:, None] * ink.colour) / left)
    way = beneath.along(ink.colour)
    inverse = 1 / (beneath.variances + (ink.noise / left) ** 2)
    wide = variance / left[:, 0] ** 2
    across = wide * (inverse * way * divided).sum(axis=1) / (1 + wide * (inverse * way**2).sum(axis=1))
    return beneath.colours(beneath.variances * inverse * (divided - across[:, None] * way))


def _narrower(found: _Estimate) -> Mask:
    """The part of the mask in which anything was found, with its soft edge; what no ink explains stays."""
    full = np.array([ink.opacity for ink in found.inks] + [1.0])[found.style]
    error = _SURE * np.sqrt(found.variance)
    seen: Mask = found.mean - error > _SEEN * full
    possible: Mask = found.mean + error > _SEEN * full
    narrow: Mask = found.hole & (grow(seen, 1) | possible | (found.style < 0))
    return narrow


def plain_fill(pixels: Image, hole: Mask) -> Image:
    """What is expected in a hole of a picture (h, w, C) of which nothing else is known."""
    filled: Image = inpaint(pixels, hole, "fsr", channels="bands", fallback=True)
    return filled


def around(hole: Mask) -> Box:
    """The part of the picture that is looked at; it begins where blocks of JPEG do."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    tight = Box.from_edges(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    wide = tight.grown(_MARGIN, hole.shape[:2])
    unit = 2 * BLOCK
    return Box.from_edges(wide.left // unit * unit, wide.top // unit * unit, wide.right, wide.bottom)


def limits(picture: Picture, offset: float, scale: float) -> tuple[float, float]:
    """The limits of the picture's type, normalised; floats have some where they lie in [0, 1]."""
    if picture.pixels.dtype.kind == "u":
        return -offset / scale, (picture.opaque - offset) / scale
    if picture.pixels.dtype.kind == "f" and offset >= 0 and offset + scale <= 1:
        return -offset / scale, (1 - offset) / scale
    return -1.0, 2.0


def _overlay(
    found: _Estimate,
    crop: Box,
    shape: tuple[int, int],
    offset: float,
    scale: float,
    stored: Stored | None,
    *,
    channels: int,
    bled: bool,
) -> Overlay:
    unknown = found.hole & (found.style < 0)
    found.mean[unknown] = found.variance[unknown] = 0
    # What is filled whole must not tint what is beside it.
    tinted = read_again(found.mean, bleeding.SAMPLING) if bled else None
    filled = grow(unknown, 1) if bled and unknown.any() else unknown
    found.mean[filled], found.variance[filled] = 1, 0
    opacity, deviation = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    opacity[crop.slices], deviation[crop.slices] = found.mean, np.sqrt(found.variance)
    inks = [unmixed(ink.colour[None])[0] * scale + offset for ink in found.inks] or [np.full(channels, offset)]
    colour = inks[0]
    if len(inks) > 1:
        colour = np.zeros((*shape, len(inks[0])))
        colour[crop.slices] = np.array(inks)[found.style]
    styles = tuple(
        Style(tuple(map(float, shade)), ink.opacity, int(np.count_nonzero(found.style == number)))
        for number, (shade, ink) in enumerate(zip(inks, found.inks, strict=False))
    )
    chroma = None
    if tinted is not None:
        chroma = np.zeros(shape, np.float32)
        chroma[crop.slices] = np.where(filled, 1, tinted)
    info = OverlayInfo(styles, _boxes(unknown, crop), 1, stored=stored)
    return Overlay(opacity, colour, info, deviation=deviation, chroma=chroma)


def _boxes(where: Mask, crop: Box) -> tuple[Box, ...]:
    count, _, stats, _ = cv2.connectedComponentsWithStats(where.astype(np.uint8), connectivity=8)
    return tuple(Box(left + crop.left, top + crop.top, w, h) for left, top, w, h, _ in stats[1:count].tolist())
