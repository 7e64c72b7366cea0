"""The style that letters are drawn in: an outline, a shadow, and their ink.

All lines of one style group are drawn alike. So the style is fitted to all their letters at once, as a matched filter
does: what a style draws beside the letters is compared with how far the picture there differs from the background that
lies further out.

    B    background, as estimated from what lies further out; w, one over its variance
    d    distance from the letters, in pixels
    K    ink of outline and shadow
    U    their cover: the letters dilated by a disc of radius r; that, shifted by v and blurred by sigma
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.arrays import Array, F32x1, F32x2, F64x2, I64x1
from inpaintkit.box import Box
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

# Lengths are times the letters' height where it says so. All of these are set by hand.
_SAME_COLOUR, _SAME_HEIGHT = 16, 1.5  # levels by which, and times the height that, lines of a style group may differ

_MAX_OUTLINE, _MAX_SHADOW = 0.14, 0.2  # times the height
_BLURS = (0.0, 0.02, 0.035, 0.05, 0.08)  # times the height
_SAMPLES = 20000  # pixels that a style is fitted to
_STEP = 40  # px: for letters higher by every so many, the first search goes in steps a pixel larger
_MIN_SHARE = 0.1  # of a square that has to be background
_NOISE = 8.0  # levels: what the background is off by, at least
_EDGE = 0.2  # cover of pixels that touch letters, on the mean
_MIXED = 0.2  # weight of these pixels, where the letters' edge mixes with what is beside

_DISTINCT = 60  # levels by which an ink has to differ from the letters
_VISIBLE = 25.0  # levels by which it has to differ from the background where the style is to be seen
_AGREEING = 0.7  # share of the stretches of a line that have to show it
_MIN_OUTLINE_OPACITY, _MIN_SHADOW_OPACITY = 0.45, 0.25
_MAX_OPACITY = 1.45  # beyond that the background is not what was estimated
_MIN_EXPLAINED = 0.45  # share of what differs under an outline, a shadow without blur, that it has to explain
_FITS, _FITS_THIN = 0.72, 0.5  # the same of a whole style; of one within a pixel, which mixes with the edge
_ADDS = 0.2  # of what an outline explains: a shadow that adds less is ignored


@dataclass(frozen=True, eq=False)
class Letters:
    """A line of letters in a picture.

    Attributes
    ----------
    around : the part of the picture that is looked at.
    box : of the letters alone.
    core : bool (h, w) in ``around``, what has their colour.
    colour : (C,), in levels.
    height : of a letter, in pixels.
    """

    around: Box
    box: Box
    core: Mask
    colour: NDArray[np.float64]
    height: float


@dataclass(frozen=True)
class Style:
    """Outline and shadow, in pixels; an opacity of 0 means it is absent."""

    ink: NDArray[np.float64]
    radius: int = 0
    outline: float = 0.0  # opacity
    shift: tuple[int, int] = (0, 0)  # v, down and right
    shadow: float = 0.0  # opacity
    blur: float = 0.0


@dataclass(frozen=True)
class View:
    """A line as the fit sees it, in its crop of the picture."""

    letters: Letters
    crop: Image  # (h, w, C), in levels
    seen: Image  # the same without what the letters' own edge adds to it on the mean
    away: Image  # d
    background: Image  # B
    weight: Image  # w, 0 on letters

    def toward(self, ink: NDArray[np.float64]) -> Image:
        """What ``_toward`` gives of each pixel, (3, h, w)."""
        return _toward(self.seen, self.background, self.weight, ink)


@dataclass(frozen=True)
class _Samples:
    """Pixels beside letters: where they lie in the flattened distances, and how far they are off the background."""

    away: Image  # d of all lines, padded, one after the other
    place: NDArray[np.int64]
    stride: NDArray[np.int64]
    colour: Image  # (N, C)
    background: Image
    weight: Image
    stretch: NDArray[np.int64]  # of a line, as long as a letter is high

    def toward(self, ink: NDArray[np.float64]) -> Image:
        """What ``_toward`` gives of each pixel, (3, N)."""
        return _toward(self.colour, self.background, self.weight, ink)


def _toward(colour: Image, background: Image, weight: Image, ink: NDArray[np.float64]) -> Image:
    """Of pixels, times their weight: how far they go the ink's way, the whole way squared, how far they are off."""
    way, off = (ink - background).astype(np.float32), colour - background
    return np.stack([(off * way).sum(axis=-1), (way**2).sum(axis=-1), (off**2).sum(axis=-1)]) * weight


@kernel()
def _shift_kernel(
    away: F32x1, place: I64x1, stride: I64x1, parts: F32x2, radius: float, downs: I64x1, rights: I64x1
) -> F64x2:
    """What shadows explain, for every shift: sums (K, 3) of ``parts`` (3, N) over what each covers beyond the outline.

    place, stride : of each pixel and of a row in the flattened distances ``away``; downs, rights : of each shift.
    """
    sums = np.zeros((len(downs), 3))
    for index in range(len(place)):
        free = 1 - min(max(radius + 1 - away[place[index]], 0.0), 1.0)
        if free <= 0:
            continue
        for k in range(len(downs)):
            there = away[place[index] - downs[k] * stride[index] - rights[k]]
            cover = min(radius + 1 - there, 1.0) * free
            if cover > 0:
                for z in range(3):
                    sums[k, z] += cover * parts[z, index]
    return sums


@dataclass(frozen=True)
class StyleGroup:
    """Lines that are drawn in one style.

    Attributes
    ----------
    views : of the lines.
    style : what is drawn beside their letters.
    explained : how much of what differs from the background under it the style explains, 0 to 1.
    energy : how much that is, in variances of the background.
    """

    views: list[View]
    style: Style
    explained: float = 0.0
    energy: float = 0.0


def style_groups(lines: list[Letters]) -> list[list[Letters]]:
    """Lines grouped by colour and size: those of a group may be drawn in one style."""
    groups: list[list[Letters]] = []
    for line in lines:
        for group in groups:
            high, low = max(line.height, group[0].height), min(line.height, group[0].height)
            if high <= _SAME_HEIGHT * low and np.abs(line.colour - group[0].colour).max() <= _SAME_COLOUR:
                group.append(line)
                break
        else:
            groups.append([line])
    return groups


def distance(core: Mask) -> Image:
    """The distance of each pixel from letters, px."""
    away = cv2.distanceTransform((~core).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(away, np.float32)


def fitted(pixels: NDArray[np.uint8], lines: list[Letters], group: list[Letters]) -> StyleGroup:
    """The style that the lines of a group are drawn in.

    lines : all lines of the picture (H, W, C), those of the group among them.
    """
    height = float(np.median([line.height for line in group]))
    # What lies in or at one of the group's lines may be its outline.
    at = [member.box.grown(round(0.3 * member.height), pixels.shape[:2]) for member in group]
    others = [line for line in lines if line in group or not any(line.box.mostly_in(box) for box in at)]
    views = threads.run(lambda line: _view(pixels, line, _letters_in(line.around, others), height), group)
    samples = _samples(views, height)
    fits = [StyleGroup(views, Style(group[0].colour))]
    for ink in _inks(samples, group[0].colour):
        style = _style_in(samples, ink, height)
        if style.shadow:
            fits.append(_checked(views, _blurred(views, style, height)))
        if style.outline:
            fits.append(_checked(views, replace(style, shadow=0.0, shift=(0, 0))))
    return max(fits, key=lambda fit: fit.energy)


def _letters_in(box: Box, lines: list[Letters]) -> Mask:
    """The letters of lines as far as they lie in a box of the picture, bool (h, w)."""
    letters = np.zeros(box.shape, np.bool_)
    for line in lines:
        rows, columns = line.around.overlap(box)
        if min(rows, columns) > 0:
            shared = Box(max(line.around.left, box.left), max(line.around.top, box.top), columns, rows)
            letters[shared.within(box)] |= line.core[shared.within(line.around)]
    return letters


def _checked(views: list[View], style: Style) -> StyleGroup:
    """A group, without its style where that explains too little."""
    done, full, there = np.zeros(3)
    for view in views:
        outline, shadow = drawn(view, style)
        cover = np.maximum(outline, shadow)
        along, whole, off = view.toward(style.ink)
        done += float((along * cover).sum())
        full += float((whole * cover**2).sum())
        there += float(off[cover > 0.1].sum())
    opacity = done / max(full, 1e-9)
    explained = opacity * done / max(there, 1e-9)
    needed = _FITS if max(style.radius, *map(abs, style.shift)) > 1 else _FITS_THIN
    fits = opacity <= _MAX_OPACITY and explained >= needed
    return StyleGroup(views, style, explained, opacity * done) if fits else StyleGroup(views, Style(style.ink))


def _view(pixels: NDArray[np.uint8], line: Letters, letters: Mask, height: float) -> View:
    """A line among all letters around it."""
    crop = pixels[line.around.slices].astype(np.float32)
    beyond = distance(letters) > _reach(height)
    background, rough = surround(crop, beyond, [round(times * height) | 1 for times in (12, 4, 2)] + [5])
    away = distance(line.core)
    touching = away < 1.5
    seen = crop - _EDGE * touching[..., None] * (line.colour.astype(np.float32) - background)
    weight = np.where(touching, _MIXED, 1) * ~letters / (rough**2 + _NOISE**2)
    return View(line, crop, seen, away, background, weight.astype(np.float32))


def _reach(height: float) -> float:
    """How far from letters a style may lie, in pixels."""
    return float((_MAX_OUTLINE + np.sqrt(2) * _MAX_SHADOW) * height + 3)


def _style_in(samples: _Samples, ink: NDArray[np.float64], height: float) -> Style:
    """The outline and the shadow in an ink that explain most of what lies beside the letters."""
    step = 1 + int(height // _STEP)
    max_radius, max_shift = round(_MAX_OUTLINE * height) + 1, round(_MAX_SHADOW * height) + 1
    best = _best(samples, ink, range(0, max_radius + 1, step), _around((0, 0), max_shift, step))
    if step > 1 and (best.outline or best.shadow):
        near = [radius for radius in range(best.radius - step + 1, best.radius + step) if radius > 0 or not best.radius]
        best = _best(samples, ink, near, _around(best.shift, step - 1, 1))
    return best


def _samples(views: list[View], height: float) -> _Samples:
    """Pixels beside the letters of lines, a random choice where they are many."""
    pad = round(_MAX_SHADOW * height) + 2 + int(height // _STEP)  # what the second search may go beyond the first
    rng = np.random.default_rng(0)  # a regular choice would see some columns only
    share = _SAMPLES / max(sum(np.count_nonzero(view.weight) for view in views), _SAMPLES)
    start = 0
    rows: list[tuple[Array, ...]] = []
    for view in views:
        padded = np.pad(view.away, pad, constant_values=np.float32(1e6))
        near = (view.weight > 0) & (view.away < _reach(height))
        y, x = np.nonzero(near & (rng.random(near.shape) < share))
        place = start + (y + pad) * padded.shape[1] + x + pad
        parts = view.seen[y, x], view.background[y, x], view.weight[y, x]
        stretch = len(rows) * 10000 + x // round(height + 1)
        rows.append((padded.ravel(), place, np.full(len(y), padded.shape[1]), *parts, stretch))
        start += padded.size
    return _Samples(*(np.concatenate(part) for part in zip(*rows, strict=True)))


def _inks(samples: _Samples, colour: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """What outlines and shadows may be drawn in: black, white, and the median of what is far off the background."""
    channels = samples.colour.shape[1]
    inks = [np.zeros(channels), np.full(channels, 255.0)]
    off = ((samples.colour - samples.background) ** 2).sum(axis=1) * samples.weight
    strong = (off > 9 * channels) & (samples.away[samples.place] >= 2)
    if np.count_nonzero(strong) > 50:
        inks.append(np.median(samples.colour[strong], axis=0).astype(np.float64))
    return (ink for ink in inks if np.abs(ink - colour).max() > _DISTINCT)


def _around(middle: tuple[int, int], reach: int, step: int) -> NDArray[np.int64]:
    """Shifts, down and right, in a square, (2, N)."""
    way = np.arange(-(reach // step) * step, reach + 1, step)
    return np.stack(np.meshgrid(middle[0] + way, middle[1] + way, indexing="ij")).reshape(2, -1)


def _best(samples: _Samples, ink: NDArray[np.float64], radii: Iterable[int], shifts: NDArray[np.int64]) -> Style:
    """Of radii and of shifts (2, K), those that explain most."""
    parts = samples.toward(ink)
    best, best_energy = Style(ink), 0.0
    for radius in radii:
        style, energy = Style(ink, radius), 0.0
        outline = np.clip(radius + 1 - samples.away[samples.place], 0, 1) if radius else np.zeros(len(samples.place))
        if radius:
            opacity, energy = _opacity((parts * outline).sum(axis=1), _MIN_OUTLINE_OPACITY)
            if not energy or not _everywhere(samples, parts, outline, opacity):
                continue
            style = replace(style, outline=opacity)
        sums = _shift_kernel(samples.away, samples.place, samples.stride, parts, float(radius), *shifts)
        gains = np.array([_opacity(row, _MIN_SHADOW_OPACITY) for row in sums])
        k = int(np.argmax(gains[:, 1]))
        shift, (opacity, more) = (int(shifts[0, k]), int(shifts[1, k])), gains[k]
        there = samples.place - shift[0] * samples.stride - shift[1]
        shadow = np.clip(radius + 1 - samples.away[there], 0, 1) * (1 - outline)
        if more > _ADDS * energy and _everywhere(samples, parts, shadow, opacity):
            style = replace(style, shift=shift, shadow=float(opacity))
            energy += more
        if energy > best_energy:
            best, best_energy = style, energy
    return best


def _everywhere(samples: _Samples, parts: Image, cover: Array, opacity: float) -> bool:
    """Whether most stretches of the lines show by themselves what is to cover them."""
    done, full, share = (np.bincount(samples.stretch, part * cover) for part in (*parts[:2], samples.weight))
    channels = samples.colour.shape[1]
    known = (full > _VISIBLE**2 * channels * share) & (share > 0.1 * share.max())
    return bool(known.any() and (done[known] > 0.5 * opacity * full[known]).mean() >= _AGREEING)


def _opacity(sums: Array, minimum: float) -> tuple[float, float]:
    """The opacity that fits best, and what it explains; nothing where it is too little."""
    opacity = sums[0] / max(sums[1], 1e-9)
    energy = sums[0] * opacity
    fits = minimum <= opacity <= _MAX_OPACITY and energy >= _MIN_EXPLAINED * sums[2]
    return (float(opacity), float(energy)) if fits else (0.0, 0.0)


def _blurred(views: list[View], style: Style, height: float) -> Style:
    """A style with the blur that explains most."""
    best, best_energy = style, 0.0
    seen = [view.toward(style.ink) for view in views]
    for blur in (times * height for times in _BLURS):
        done = full = 0.0
        for view, (along, whole, _) in zip(views, seen, strict=True):
            outline, shadow = drawn(view, replace(style, blur=blur, shadow=1.0))
            free = shadow * (1 - (outline > 0))
            done += float((along * free).sum())
            full += float((whole * free * shadow).sum())
        opacity = done / max(full, 1e-9)
        if done * opacity > best_energy:
            best, best_energy = replace(style, blur=blur, shadow=min(opacity, 1.0)), done * opacity
    return best


def drawn(view: View, style: Style) -> tuple[Image, Image]:
    """U: cover of the outline and of the shadow."""
    body = (view.away <= style.radius).astype(np.float32)
    shadow = np.zeros_like(body)
    if style.shadow:
        height, width = body.shape
        move = np.array([[1, 0, style.shift[1]], [0, 1, style.shift[0]]], np.float32)
        shadow = np.asarray(cv2.warpAffine(body, move, (width, height)), np.float32)
        if style.blur > 0.3:
            shadow = np.asarray(cv2.GaussianBlur(shadow, (0, 0), style.blur), np.float32)
    return body * style.outline, shadow * style.shadow


def surround(crop: Image, known: Mask, sides: list[int]) -> tuple[Image, Image]:
    """Mean and spread of what is known around each pixel, in the smallest of squares that has enough of it."""
    weight = known.astype(np.float32)
    mean = np.zeros_like(crop) + (crop[known].mean(axis=0) if known.any() else 0)
    rough = np.full(known.shape, 255.0, np.float32)
    for side in sides:
        share = cv2.blur(weight, (side, side), borderType=cv2.BORDER_CONSTANT)
        there = share > _MIN_SHARE
        sums = (
            cv2.blur(part * weight[..., None], (side, side), borderType=cv2.BORDER_CONSTANT) for part in (crop, crop**2)
        )
        near, square = (part.reshape(crop.shape)[there] / share[there, None] for part in sums)
        mean[there] = near
        rough[there] = np.sqrt(np.maximum(square - near**2, 0).max(axis=1))
    return mean, rough
