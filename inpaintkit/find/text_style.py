"""What letters cover beyond their own colour: the anti-aliased edge, an outline, a shadow.

A writer draws all lines of one hand in one style. So the style is fitted to all their letters at once, as a matched
filter does: what a style lays beside the letters is compared with how far the picture there is off the ground that
lies further out. A letter's edge is judged by the letter itself: beside a pixel that it covers in part there is nothing
of it.

    A    cover of the letters, 0 to 1
    B    ground, as what lies further out foretells it; w, one over its variance
    d    distance from the letters, in pixels
    K    ink of outline and shadow
    U    their cover: the letters dilated by a disc of radius r; that, shifted by v and blurred by sigma
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.box import Box
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

_SQUARE = np.ones((3, 3), np.uint8)
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_BESIDE = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32)

_SAME = 16  # levels: how far the colours of one hand may be apart
_PLAIN = 0.3  # trust in letters without outline or shadow, where a style that explains all has 1

_OUTLINE, _SHADOW = 0.14, 0.2  # times the letters' height: the widest
_BLURS = (0.0, 0.02, 0.035, 0.05, 0.08)  # times the letters' height
_SAMPLES = 20000  # pixels that a style is fitted to
_STEP = 40  # px: for letters higher by every so many, the first search goes in steps a pixel larger
_SHARE = 0.1  # of a square that has to be ground
_NOISE = 8.0  # levels: what the ground is off by at the least
_EDGE = 0.2  # cover of pixels that touch letters, on the mean
_MIXED = 0.2  # weight of these pixels, where the letters' edge mixes with what is beside

_DISTINCT = 60  # levels: the least that an ink differs from the letters
_VISIBLE = 25.0  # levels: what it has to differ from the ground by where the style is to be seen
_AGREEING = 0.7  # share of the stretches of a line that have to show it
_OPAQUE, _DIM = 0.45, 0.25  # the least opacity of an outline, of a shadow
_MOST = 1.45  # an opacity above that is none: the ground is not what was foretold
_EXPLAINED = 0.45  # share of what differs under an outline, a shadow without blur, that it has to explain
_FITS, _THIN = 0.72, 0.5  # the same of a whole style; of one within a pixel, which mixes with the edge
_WORTH = 0.2  # of what an outline explains: a shadow that adds less is none

_LEAST = 0.015  # cover that is worth repairing
_PART = 0.85  # cover of an edge's pixel below which the next one has nothing of the letter
_CLEAR = 40.0  # levels between letter and ground below which the cover is not known
_QUIET = 2.0  # levels: a pixel that differs by no more from what lies beside it is clean


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
class _Style:
    """Outline and shadow, in pixels; there is none where its opacity is 0."""

    ink: NDArray[np.float64]
    radius: int = 0
    outline: float = 0.0  # opacity
    shift: tuple[int, int] = (0, 0)  # v, down and right
    shadow: float = 0.0  # opacity
    blur: float = 0.0


@dataclass(frozen=True)
class _View:
    """A line as the fit sees it, in its crop of the picture."""

    letters: Letters
    crop: Image  # (h, w, C), in levels
    seen: Image  # the same without what the letters' own edge adds to it on the mean
    away: Image  # d
    ground: Image  # B
    weight: Image  # w, 0 on letters

    def toward(self, ink: NDArray[np.float64]) -> Image:
        """What ``_toward`` tells of each pixel, (3, h, w)."""
        return _toward(self.seen, self.ground, self.weight, ink)


@dataclass(frozen=True)
class _Samples:
    """Pixels beside letters: where they lie in the flattened distances, and how far they are off the ground."""

    away: Image  # d of all lines, padded, one after the other
    place: NDArray[np.int64]
    stride: NDArray[np.int64]
    colour: Image  # (N, C)
    ground: Image
    weight: Image
    group: NDArray[np.int64]  # which stretch of a line, as long as a letter is high

    def toward(self, ink: NDArray[np.float64]) -> Image:
        """What ``_toward`` tells of each pixel, (3, N)."""
        return _toward(self.colour, self.ground, self.weight, ink)


def _toward(colour: Image, ground: Image, weight: Image, ink: NDArray[np.float64]) -> Image:
    """Of pixels, times their weight: how far they go the ink's way, the whole way squared, how far they are off."""
    way, off = (ink - ground).astype(np.float32), colour - ground
    return np.stack([(off * way).sum(axis=-1), (way**2).sum(axis=-1), (off**2).sum(axis=-1)]) * weight


@kernel()
def _shift_kernel(away: Any, place: Any, stride: Any, parts: Any, radius: float, downs: Any, rights: Any) -> Any:
    """What shadows explain, for every shift: sums of ``parts`` over what each covers beyond the outline."""
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
class _Hand:
    """Lines in one style: how much of what differs under it the style explains, 0 to 1, and how much that is."""

    views: list[_View]
    style: _Style
    explained: float = 0.0
    energy: float = 0.0  # in variances of the ground


def holes(pixels: NDArray[np.uint8], lines: list[Letters]) -> list[Mask]:
    """What each line covers, letters, edges, outline and shadow: a bool (h, w) in its ``around``.

    Parameters
    ----------
    pixels : uint8 (H, W, C).
    lines : of any hands; the outline of one may stand among them as another, and is left out as far as it is covered.
    """
    found = {id(line): line.core for line in lines}
    covered = np.zeros(pixels.shape[:2], np.bool_)
    for hand in _ranked(threads.run(lambda mates: _fitted(pixels, lines, mates), _mates(lines))):
        letters = [view.letters for view in hand.views]
        for line, rim in zip(letters, _rims(hand, [_done(line, covered) for line in letters]), strict=True):
            found[id(line)] = rim | line.core
            covered[line.around.slices] |= found[id(line)]
    return [found[id(line)] for line in lines]


def _rims(hand: _Hand, done: list[Mask]) -> list[Mask]:
    """The holes of a hand's lines without what is done; what is left of another's outline has no style of its own."""
    whole = sum(np.count_nonzero(view.letters.core) for view in hand.views)
    style = hand.style if 2 * sum(map(np.count_nonzero, done)) <= whole else _Style(hand.style.ink)
    return threads.run(lambda pair: _hole(_without(*pair), style), zip(hand.views, done, strict=True))


def _mates(lines: list[Letters]) -> list[list[Letters]]:
    """Lines by the hand that wrote them, which has one colour and one size."""
    hands: list[list[Letters]] = []
    for line in lines:
        for hand in hands:
            high, low = max(line.height, hand[0].height), min(line.height, hand[0].height)
            if high <= 1.5 * low and np.abs(line.colour - hand[0].colour).max() <= _SAME:
                hand.append(line)
                break
        else:
            hands.append([line])
    return hands


def _ranked(hands: list[_Hand]) -> list[_Hand]:
    """Hands in the order in which they are believed: a style that explains much, from letters that are not few."""
    area = [sum(np.count_nonzero(view.letters.core) for view in hand.views) for hand in hands]
    trust = [
        hand.explained * min(1.0, 10 * own / max(area)) if hand.explained else _PLAIN
        for own, hand in zip(area, hands, strict=True)
    ]
    return [hands[k] for k in np.argsort(trust)[::-1]]


def _done(line: Letters, covered: Mask) -> Mask:
    """What of a line's letters is covered already, all but what lies further from that than an edge."""
    seen = covered[line.around.slices]
    near = cv2.dilate(seen.astype(np.uint8), _SQUARE, iterations=2) > 0
    count, labels = cv2.connectedComponents((line.core & ~seen).astype(np.uint8))
    further = np.bincount(labels[~near], minlength=count) > 0
    further[0] = False
    done: Mask = line.core & ~further[labels]
    return done


def _without(view: _View, done: Mask) -> _View:
    """A line without those of its letters that are covered already."""
    if not done.any():
        return view
    core = view.letters.core & ~done
    return replace(view, letters=replace(view.letters, core=core), away=_away(core))


def _away(core: Mask) -> Image:
    away = cv2.distanceTransform((~core).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(away, np.float32)


def _fitted(pixels: NDArray[np.uint8], lines: list[Letters], mates: list[Letters]) -> _Hand:
    """The style that lines of one hand are written in."""
    height = float(np.median([line.height for line in mates]))
    letters = np.zeros(pixels.shape[:2], np.bool_)
    for line in lines:
        # What lies in or at one of the hand's lines may be its outline.
        at = (mate.box.grown(round(0.3 * mate.height), pixels.shape[:2]) for mate in mates)
        if line in mates or not any(line.box.mostly_in(box) for box in at):
            letters[line.around.slices] |= line.core
    views = threads.run(lambda line: _view(pixels, line, letters[line.around.slices], height), mates)
    samples = _samples(views, height)
    hands = [_Hand(views, _Style(mates[0].colour))]
    for ink in _inks(samples, mates[0].colour):
        style = _style(samples, ink, height)
        if style.shadow:
            hands.append(_checked(views, _blurred(views, style, height)))
        if style.outline:
            hands.append(_checked(views, replace(style, shadow=0.0, shift=(0, 0))))
    return max(hands, key=lambda hand: hand.energy)


def _checked(views: list[_View], style: _Style) -> _Hand:
    """A hand, without its style where that explains too little."""
    done, full, there = np.zeros(3)
    for view in views:
        outline, shadow = _laid(view, style)
        cover = np.maximum(outline, shadow)
        along, whole, off = view.toward(style.ink)
        done += float((along * cover).sum())
        full += float((whole * cover**2).sum())
        there += float(off[cover > 0.1].sum())
    opacity = done / max(full, 1e-9)
    explained = opacity * done / max(there, 1e-9)
    least = _FITS if max(style.radius, *map(abs, style.shift)) > 1 else _THIN
    fits = opacity <= _MOST and explained >= least
    return _Hand(views, style, explained, opacity * done) if fits else _Hand(views, _Style(style.ink))


def _view(pixels: NDArray[np.uint8], line: Letters, letters: Mask, height: float) -> _View:
    """A line among all letters around it."""
    crop = pixels[line.around.slices].astype(np.float32)
    beyond = _away(letters) > _reach(height)
    ground, rough = _beside(crop, beyond, [round(times * height) | 1 for times in (12, 4, 2)] + [5])
    away = _away(line.core)
    touching = away < 1.5
    seen = crop - _EDGE * touching[..., None] * (line.colour.astype(np.float32) - ground)
    weight = np.where(touching, _MIXED, 1) * ~letters / (rough**2 + _NOISE**2)
    return _View(line, crop, seen, away, ground, weight.astype(np.float32))


def _reach(height: float) -> float:
    """How far from letters a style may lie, in pixels."""
    return float((_OUTLINE + np.sqrt(2) * _SHADOW) * height + 3)


def _style(samples: _Samples, ink: NDArray[np.float64], height: float) -> _Style:
    """The outline and the shadow in an ink that explain most of what lies beside the letters."""
    step = 1 + int(height // _STEP)
    widest, furthest = round(_OUTLINE * height) + 1, round(_SHADOW * height) + 1
    best = _best(samples, ink, range(0, widest + 1, step), _around((0, 0), furthest, step))
    if step > 1 and (best.outline or best.shadow):
        near = [radius for radius in range(best.radius - step + 1, best.radius + step) if radius > 0 or not best.radius]
        best = _best(samples, ink, near, _around(best.shift, step - 1, 1))
    return best


def _samples(views: list[_View], height: float) -> _Samples:
    """Pixels beside the letters of lines, chosen by chance where they are many."""
    pad = round(_SHADOW * height) + 2 + int(height // _STEP)  # what the second search may go beyond the first
    chance = np.random.default_rng(0)  # a regular choice would see some columns only
    share = _SAMPLES / max(sum(np.count_nonzero(view.weight) for view in views), _SAMPLES)
    start = 0
    rows: list[tuple[NDArray[Any], ...]] = []
    for view in views:
        padded = np.pad(view.away, pad, constant_values=np.float32(1e6))
        near = (view.weight > 0) & (view.away < _reach(height))
        y, x = np.nonzero(near & (chance.random(near.shape) < share))
        place = start + (y + pad) * padded.shape[1] + x + pad
        parts = view.seen[y, x], view.ground[y, x], view.weight[y, x]
        group = len(rows) * 10000 + x // round(height + 1)
        rows.append((padded.ravel(), place, np.full(len(y), padded.shape[1]), *parts, group))
        start += padded.size
    return _Samples(*(np.concatenate(part) for part in zip(*rows, strict=True)))


def _inks(samples: _Samples, colour: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """What outlines and shadows may be drawn in: black, white, and what most is off the ground by."""
    channels = samples.colour.shape[1]
    inks = [np.zeros(channels), np.full(channels, 255.0)]
    off = ((samples.colour - samples.ground) ** 2).sum(axis=1) * samples.weight
    strong = (off > 9 * channels) & (samples.away[samples.place] >= 2)
    if np.count_nonzero(strong) > 50:
        inks.append(np.median(samples.colour[strong], axis=0).astype(np.float64))
    return (ink for ink in inks if np.abs(ink - colour).max() > _DISTINCT)


def _around(middle: tuple[int, int], reach: int, step: int) -> NDArray[np.int64]:
    """Shifts, down and right, in a square, (2, N)."""
    way = np.arange(-(reach // step) * step, reach + 1, step)
    return np.stack(np.meshgrid(middle[0] + way, middle[1] + way, indexing="ij")).reshape(2, -1)


def _best(samples: _Samples, ink: Any, radii: Any, shifts: Any) -> _Style:
    """Of radii and shifts, those that explain most."""
    parts = samples.toward(ink)
    best, most = _Style(ink), 0.0
    for radius in radii:
        style, energy = _Style(ink, radius), 0.0
        outline = np.clip(radius + 1 - samples.away[samples.place], 0, 1) if radius else np.zeros(len(samples.place))
        if radius:
            opacity, energy = _opacity((parts * outline).sum(axis=1), _OPAQUE)
            if not energy or not _everywhere(samples, parts, outline, opacity):
                continue
            style = replace(style, outline=opacity)
        sums = _shift_kernel(samples.away, samples.place, samples.stride, parts, float(radius), *shifts)
        gains = np.array([_opacity(row, _DIM) for row in sums])
        k = int(np.argmax(gains[:, 1]))
        shift, (opacity, more) = (int(shifts[0, k]), int(shifts[1, k])), gains[k]
        there = samples.place - shift[0] * samples.stride - shift[1]
        shadow = np.clip(radius + 1 - samples.away[there], 0, 1) * (1 - outline)
        if more > _WORTH * energy and _everywhere(samples, parts, shadow, opacity):
            style = replace(style, shift=shift, shadow=float(opacity))
            energy += more
        if energy > most:
            best, most = style, energy
    return best


def _everywhere(samples: _Samples, parts: Image, cover: Any, opacity: float) -> bool:
    """Whether most stretches of the lines show by themselves what is to cover them."""
    done, full, share = (np.bincount(samples.group, part * cover) for part in (*parts[:2], samples.weight))
    channels = samples.colour.shape[1]
    known = (full > _VISIBLE**2 * channels * share) & (share > 0.1 * share.max())
    return bool(known.any() and (done[known] > 0.5 * opacity * full[known]).mean() >= _AGREEING)


def _opacity(sums: Any, least: float) -> tuple[float, float]:
    """The opacity that fits best, and what it explains; nothing where it is too little."""
    opacity = sums[0] / max(sums[1], 1e-9)
    energy = sums[0] * opacity
    fits = least <= opacity <= _MOST and energy >= _EXPLAINED * sums[2]
    return (float(opacity), float(energy)) if fits else (0.0, 0.0)


def _blurred(views: list[_View], style: _Style, height: float) -> _Style:
    """A style with the blur that explains most."""
    best, most = style, 0.0
    seen = [view.toward(style.ink) for view in views]
    for blur in (times * height for times in _BLURS):
        done = full = 0.0
        for view, (along, whole, _) in zip(views, seen, strict=True):
            outline, shadow = _laid(view, replace(style, blur=blur, shadow=1.0))
            free = shadow * (1 - (outline > 0))
            done += float((along * free).sum())
            full += float((whole * free * shadow).sum())
        opacity = done / max(full, 1e-9)
        if done * opacity > most:
            best, most = replace(style, blur=blur, shadow=min(opacity, 1.0)), done * opacity
    return best


def _laid(view: _View, style: _Style) -> tuple[Image, Image]:
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


def _hole(view: _View, style: _Style) -> Mask:
    """Letters and what the style lays beside them, each with its edge."""
    core, crop = view.letters.core, view.crop
    if not core.any():
        return core
    outline, shadow = _laid(view, style)
    hole = core | (outline > 0) | (shadow > _LEAST)
    if style.shadow and style.blur <= 0.3:
        hole |= _edged(crop, hole, style.ink)
    if style.outline:
        return hole | _edged(crop, core | (outline > 0), style.ink)
    return hole | _edged(crop, core, view.letters.colour)


def _edged(crop: Image, body: Mask, colour: NDArray[np.float64]) -> Mask:
    """A body with those pixels beside it that it may cover in part."""
    near = cv2.dilate(body.astype(np.uint8), _SQUARE) > 0
    ground, rough = _beside(crop, cv2.dilate(near.astype(np.uint8), _SQUARE) == 0, [31, 7])
    way = colour.astype(np.float32) - ground
    full = (way**2).sum(axis=2)
    share = ((crop - ground) * way).sum(axis=2) / np.maximum(full, 1)
    off = np.sqrt(((crop - ground) ** 2).sum(axis=2))
    stained = (share * np.sqrt(full) > _QUIET + rough) | (off > 2 * (_QUIET + rough))
    cover = np.where(body, np.where(full > _CLEAR**2 * crop.shape[2], np.clip(share, 0, 1), 1), 0).astype(np.float32)
    touching = cv2.filter2D(body.astype(np.uint8), -1, _BESIDE, borderType=cv2.BORDER_CONSTANT)
    full_beside = cv2.dilate(cover, _CROSS) >= _PART
    edged: Mask = body | (near & (stained | (touching > 1) | ((touching == 1) & full_beside)))
    return edged


def _beside(crop: Image, known: Mask, sides: list[int]) -> tuple[Image, Image]:
    """Mean and spread of what is known around each pixel, in the smallest of squares that has enough of it."""
    weight = known.astype(np.float32)
    mean = np.zeros_like(crop) + (crop[known].mean(axis=0) if known.any() else 0)
    rough = np.full(known.shape, 255.0, np.float32)
    for side in sides:
        share = cv2.blur(weight, (side, side), borderType=cv2.BORDER_CONSTANT)
        there = share > _SHARE
        sums = (
            cv2.blur(part * weight[..., None], (side, side), borderType=cv2.BORDER_CONSTANT) for part in (crop, crop**2)
        )
        near, square = (part.reshape(crop.shape)[there] / share[there, None] for part in sums)
        mean[there] = near
        rough[there] = np.sqrt(np.maximum(square - near**2, 0).max(axis=1))
    return mean, rough
