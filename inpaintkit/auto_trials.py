"""The trials of ``auto``: known pixels are hidden, candidates fill them, and what they got wrong there is measured.

Thin parts: pieces of the hole are stamped onto known places near where they come from, and judged by their squared
error. Wide parts: the region's shape, made small, is laid on known places like its own surroundings (its likenesses),
and judged by texture, seams and colour.

The error to be expected at x goes with s(x), the mean square step between known neighbours around, and grows with the
share u(x) of pixels lost there:  E[e^2](x) = c s(x) exp(b u(x)).  On photographs e^2 is proportional to s, and c within
a factor of two of a quarter whatever the damage; the stamps say how far this picture and this method are from that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.box import Box
from inpaintkit.filling import Call, Choice, MethodFill
from inpaintkit.problem import Image, Mask, Step
from inpaintkit.regions import Region, labelled_runs, split

DEEP = 8  # px from a rim that only wide holes have
B, C = 1.5, 1 / 4  # over text, scratches and lost pixels on scikit-image's photographs

_MAX_SHARE = 0.02  # of the picture's pixels that are stamped
_MIN_PIXELS = 2000  # px to stamp, where the picture has room: fewer say little
_CELL = 16  # px: side of a piece of the hole that is stamped
_AROUND = 9  # px: side of the square in which lost pixels are counted
_SLOPES = 25  # px: side of the square in which slopes are averaged
_PRIOR_STAMPS = 16  # so many stamps say as much of c as its usual value does
_DENSE = 0.25  # share of pixels lost from which no place is free for a piece: single pixels are held out instead
_HELD_OUT = 0.06  # of a dense place's pixels
_INVISIBLE = (1.5 / 255) ** 2  # variance of detail that nobody sees, of the range; more where levels are wider
_MAX_LIKENESS = 40_000  # px of likenesses, which say as much as larger ones
_COPIED = 0.6  # on photographs; off by 3.9 dB (standard deviation)
_UNLIKE = math.log(3)  # slopes that differ by more make another place
_MARGIN = 8  # px around a likeness that must be known as well
_BESIDE = 24  # px from the hole within which levels are counted,
_SOME, _SEEN, _MIN_SEEN = 64, 200_000, 100  # around so many regions, over so many pixels at most, and at least
_GLANCE = 4000  # px that tell most photographs from drawings
_LEVELS = 16  # that may be few,
_NEARLY = 0.8  # which make up so much of all that is not of the commonest;
_RARE, _APART = 0.01, 0.1  # those with so much of that are so far apart, of the picture's range,
_DISTINCT = 0.02  # and most of them so far from the next one
_GOLDEN = (math.sqrt(5) - 1) / 2
_OFFSETS = [
    (round(distance * math.sin(angle)), round(distance * math.cos(angle)))
    for distance in (_CELL, 2 * _CELL, 3.5 * _CELL)
    for angle in (math.pi * np.arange(8) / 4 + distance)
]


@dataclass(frozen=True)
class Stamp:
    """Known pixels that a trial hides, ``pixels`` of a box."""

    box: Box
    pixels: Mask

    @property
    def centre(self) -> tuple[float, float]:
        """Row and column of the box's middle."""
        return (self.box.top + self.box.bottom) / 2, (self.box.left + self.box.right) / 2


@dataclass(frozen=True)
class Trial:
    """What a candidate got wrong: e^2 of each stamp's pixels."""

    choice: Choice
    errors: list[NDArray[np.float64]]


def few_levels(call: Call) -> bool:
    """Whether a few levels make up nearly all that is known beside the hole: two tones, line art, labels, pixel art.

    The shades of a sky are few as well, but close together; those of a photograph in fog lie one step of its type
    apart; and beside an object cut out on white all else is many.
    """
    regions = split(call.mask, context=_BESIDE, share=False)
    some = regions[:: -(-len(regions) // _SOME)]
    seen = []
    for region in some:
        colours = call.picture.pixels[region.crop.slices][call.coloured(region.crop, call.mask)]
        seen.append(colours[:: -(-max(len(colours), 1) * len(some) // _SEEN)])
    every = np.concatenate(seen)[None]
    glance = call.units.normalised(every[:, :: -(-max(every.shape[1], 1) // _GLANCE)])
    if not _mostly(glance[0], _NEARLY / 2)[0]:  # as photographs show at once
        return False
    few, levels, count, rest = _mostly(call.units.normalised(every)[0], _NEARLY)
    usual = levels[count >= _RARE * max(rest, 1)]
    if not few or count.sum() < _MIN_SEEN:
        return False
    extent = np.ptp(call.limits, axis=0)
    shades = np.sort((usual / np.maximum(extent, 1e-9)).mean(axis=1))
    span = call.units.span
    distinct = (np.diff(shades) >= max(_DISTINCT, 1.5 * span.step / span.scale)).mean() if len(shades) > 1 else 0
    return bool((np.ptp(usual, axis=0) >= _APART * extent).any() and distinct >= 0.5)


def _mostly(colours: Image, share: float) -> tuple[bool, Image, NDArray[np.int64], int]:
    """Whether the commonest colours of (n, C), and few, make up a share of all that are not of the very commonest.

    Also those colours, how many are of each, and how many are not of the very commonest.
    """
    levels, count = np.unique(colours, axis=0, return_counts=True)
    rest = int(count.sum() - count.max(initial=0))
    order = np.argsort(-count, kind="stable")[:_LEVELS]
    levels, count = levels[order], count[order]
    return rest > 0 and bool(count[1:].sum() >= share * rest), levels, count, rest


def is_worth_trials(call: Call, thin: Mask, share: float) -> bool:
    """Whether a hole is at least as large as what trials would stamp: else they cost more than the best fill of it."""
    return int(np.count_nonzero(thin)) >= _stampable(call, thin, share)


def _stampable(call: Call, thin: Mask, share: float) -> float:
    """How many pixels may be stamped."""
    return min(_MAX_SHARE * call.size, max(share * int(np.count_nonzero(thin)), _MIN_PIXELS))


def stamps_of(call: Call, thin: Mask, number: int, share: float) -> list[Stamp]:
    """Pieces of the hole on known places near where they come from: at most ``number``, and ``share`` of the hole."""
    height, width = thin.shape
    limit = _stampable(call, thin, share)
    taken = call.mask.copy()
    stamps: list[Stamp] = []
    total = 0
    rng = np.random.default_rng(0)
    cells = _cells(thin, number)
    for index in np.argsort(np.arange(len(cells)) * _GOLDEN % 1):  # any first few lie all over the picture
        cell = cells[index]
        piece = thin[cell.slices]
        if total + np.count_nonzero(piece) > limit and stamps:
            continue
        best: Stamp | None = None
        for down, right in _OFFSETS:
            box = cell.shifted(right, down)
            if min(box.top, box.left) < 0 or box.bottom > height or box.right > width:
                continue
            pixels = piece & call.coloured(box, taken)
            if best is None or np.count_nonzero(pixels) > 1.1 * np.count_nonzero(best.pixels):
                best = Stamp(box, pixels)
            if np.count_nonzero(best.pixels) > 0.9 * np.count_nonzero(piece):
                break
        if best is None:
            continue
        if np.count_nonzero(call.mask[best.box.slices]) > _DENSE * best.pixels.size:
            keep = _HELD_OUT * best.pixels.size / max(1, int(np.count_nonzero(best.pixels)))
            best = Stamp(best.box, best.pixels & (rng.random(best.pixels.shape) < keep))
        here = int(np.count_nonzero(best.pixels))
        if here == 0 or total + here > limit:
            continue
        taken[best.box.slices] |= best.pixels
        stamps.append(best)
        total += here
    return stamps


def _cells(thin: Mask, number: int) -> list[Box]:
    """Cells with as many hole pixels as others between them: a sample of the hole's pixels, not of the picture's."""
    runs, _ = labelled_runs(thin, 1)
    across = -(-thin.shape[1] // _CELL)
    cell = runs[:, 0] // _CELL * across + (runs[:, 1] + runs[:, 2]) // 2 // _CELL
    counts = np.cumsum(np.bincount(cell, runs[:, 2] - runs[:, 1]))
    cells = []
    for index in np.unique(np.searchsorted(counts, (np.arange(number) + 0.5) / number * counts[-1])):
        top, left = int(index) // across * _CELL, int(index) % across * _CELL
        cells.append(Box(left, top, _CELL, _CELL).clipped(thin.shape))
    return cells


def _hidden(stamps: Sequence[Stamp], hole: Mask) -> tuple[Mask, Mask]:
    """What a trial fills, and all that it may not see: the stamps, and the hole."""
    hidden, lacking = np.zeros_like(hole), hole.copy()
    for stamp in stamps:
        lacking[stamp.box.slices] |= stamp.pixels
        # Hole pixels beside a stamp are filled with it, as they will be in earnest.
        around = stamp.box.grown(3, lacking.shape)
        near = np.zeros(around.shape, np.uint8)
        near[stamp.box.within(around)] = stamp.pixels
        hidden[around.slices] |= cv2.dilate(near, np.ones((7, 7), np.uint8)).view(np.bool_) & hole[around.slices]
        hidden[stamp.box.slices] |= stamp.pixels
    return hidden, lacking


def _stamped(call: Call, choice: Choice, stamps: Sequence[Stamp], hidden: Mask, lacking: Mask) -> list[NDArray[Any]]:
    """Each stamp's box with its pixels as a candidate fills them, in the caller's units; anything stands elsewhere."""
    pixels = call.picture.pixels
    found = [np.empty((*stamp.box.shape, pixels.shape[2]), pixels.dtype) for stamp in stamps]
    edges = np.array([[stamp.box.top, stamp.box.left, stamp.box.bottom, stamp.box.right] for stamp in stamps])

    def take(crop: Box, own: Mask, fill: Image) -> None:
        begin, end = edges[:, :2] < [crop.bottom, crop.right], edges[:, 2:] > [crop.top, crop.left]
        for index in np.flatnonzero((begin & end).all(axis=1)).tolist():
            box = stamps[index].box
            inside = box.shifted(-crop.left, -crop.top).clipped(own.shape)
            mine = own[inside.slices]
            target = found[index][inside.shifted(crop.left, crop.top).within(box)]
            target[mine] = call.units.restored(fill[inside.slices][mine])

    trial = call.derived(progress=_trying(call, choice), feather=0, fallback=True, maps=None)
    MethodFill(trial, *choice, hidden, lacking).handed_to(take)
    return found


def _trying(call: Call, choice: Choice) -> Callable[[Step], None] | None:
    """A trial's progress: none of the call's, but a caller sees what is tried, and may stop it."""
    report = call.progress
    return None if report is None else lambda step: report(Step(0, 1, remark=f"trying {choice[0].name}"))


def tried(call: Call, choices: Sequence[Choice], stamps: Sequence[Stamp]) -> list[Trial]:
    """Each candidate's fill of the stamps beside what was there."""
    hidden, lacking = _hidden(stamps, call.mask)
    truth = [call.units.straight(call.picture.pixels[stamp.box.slices][stamp.pixels]) for stamp in stamps]
    trials = []
    for choice in choices:
        filled = _stamped(call, choice, stamps, hidden, lacking)
        pairs = [
            (call.units.straight(here[stamp.pixels]), there)
            for stamp, here, there in zip(stamps, filled, truth, strict=True)
        ]
        errors = [np.square(here - there, dtype=np.float64).mean(axis=1) for here, there in pairs]
        trials.append(Trial(choice, errors))
    return trials


def expected_error(
    call: Call, stamps: Sequence[Stamp], errors: Sequence[NDArray[np.float64]]
) -> Callable[[Box], Image]:
    """Mean square error to be expected of a candidate that erred so on the stamps, as a function of a box."""
    lacking = call.mask.copy()
    for stamp in stamps:
        lacking[stamp.box.slices] |= stamp.pixels
    around = [slopes_and_loss(call, lacking, stamp.box) for stamp in stamps]
    slopes, lost = (
        np.concatenate([each[of][stamp.pixels] for each, stamp in zip(around, stamps, strict=True)]) for of in (0, 1)
    )
    found = np.concatenate(errors).sum() / (slopes * np.exp(B * lost)).sum()
    trust = len(stamps) / (len(stamps) + _PRIOR_STAMPS)
    return usual_error(call, float(np.exp(trust * math.log(found + 1e-12) + (1 - trust) * math.log(C))))


def usual_error(call: Call, share: float = C) -> Callable[[Box], Image]:
    """Mean square error to be expected of a fill that gets ``share`` of the slopes wrong, as a function of a box."""

    def expected(box: Box) -> Image:
        slopes, lost = slopes_and_loss(call, call.mask, box)
        return np.asarray(share * slopes * np.exp(np.float32(B) * lost), np.float32)

    return expected


def slopes_and_loss(call: Call, lacking: Mask, box: Box) -> tuple[Image, Image]:
    """s and u at each pixel of a box: mean square step between known neighbours nearby, and share of pixels lost."""
    reach = _SLOPES // 2
    around = box.grown(reach + 1, lacking.shape)
    known = call.coloured(around, lacking)
    image = call.normalised(around)
    steps, pairs = np.zeros(known.shape, np.float32), np.zeros(known.shape, np.float32)
    for axis in (0, 1):
        first, second = (slice(None),) * axis + (slice(1, None),), (slice(None),) * axis + (slice(None, -1),)
        both = known[first] & known[second]
        pairs[second] += both
        steps[second] += np.where(both, np.square(image[first] - image[second]).mean(axis=2), 0)
    square = (_SLOPES, _SLOPES)
    found, number = (cv2.blur(each, square, borderType=cv2.BORDER_CONSTANT) for each in (steps, pairs))
    within = box.within(around)
    slopes = (found[within] + _INVISIBLE / 1000) / (number[within] + 1e-3)
    lost = cv2.blur((~known).astype(np.float32), (_AROUND, _AROUND), borderType=cv2.BORDER_REFLECT)
    return np.asarray(slopes, np.float32), np.asarray(lost[within], np.float32)


def same_everywhere(error: float) -> Callable[[Box], Image]:
    """One mean square error for every pixel, as a function of a box."""
    return lambda box: np.full(box.shape, error, np.float32)


def likenesses_of(call: Call, taken: Mask, region: Region, pixels: int) -> list[Stamp]:
    """The region's shape, made small, on up to two known places nearby with slopes like its own, then ``taken``."""
    own = region.own()
    allowed = min(_MAX_SHARE * call.size, _MAX_LIKENESS) * region.pixels / pixels / 2
    scale = min(1.0, math.sqrt(allowed / region.pixels))
    height, width = (max(1, round(side * scale)) for side in own.shape)
    shape = cv2.resize(own.view(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA) > 127
    search = region.crop.grown(2 * max(own.shape) + 4 * _MARGIN, taken.shape)
    rows, columns = height + 2 * _MARGIN, width + 2 * _MARGIN
    if min(height, width) < 2 * DEEP or rows > search.height or columns > search.width:
        return []  # too small to say anything, or no room
    slopes, _ = slopes_and_loss(call, taken, search)
    rim = region.crop.grown(_MARGIN, taken.shape)
    around = float(slopes[rim.within(search)][call.coloured(rim, taken)].mean())
    unlike = np.abs(np.log(cv2.blur(slopes, (columns, rows)) / around))
    middle = (np.array([region.crop.top + region.crop.bottom, region.crop.left + region.crop.right]) / 2).round()
    stamps: list[Stamp] = []
    while len(stamps) < 2:
        lacking = cv2.integral((~call.coloured(search, taken)).view(np.uint8))
        inside = lacking[rows:, columns:] - lacking[:-rows, columns:] - lacking[rows:, :-columns]
        free = np.argwhere(inside + lacking[:-rows, :-columns] == 0)
        centre = free + [rows // 2, columns // 2]
        differs = unlike[centre[:, 0], centre[:, 1]]
        free, centre, differs = (each[differs < _UNLIKE] for each in (free, centre, differs))
        if not len(free):
            break
        away = np.hypot(*(centre + [search.top, search.left] - middle).T) / max(own.shape)
        top, left = free[(away + differs).argmin()]
        top, left = int(search.top + top + _MARGIN), int(search.left + left + _MARGIN)
        stamps.append(Stamp(Box(left, top, width, height), shape))
        taken[top : top + height, left : left + width] = True  # the next one lies elsewhere
    return stamps


def is_worth_likenesses(call: Call, pixels: int) -> bool:
    """Whether wide parts of so many pixels have more than their likenesses would: else trials cost most of the time."""
    return pixels >= min(_MAX_SHARE * call.size, _MAX_LIKENESS)


def usual_copy_error(call: Call, lacking: Mask, regions: Sequence[Region]) -> Callable[[Box], Image]:
    """Mean square error to be expected of copies where none was tried: a share of the colours' variance at the rim."""
    seen = []
    for region in regions:
        rim = region.crop.grown(_MARGIN, lacking.shape)
        colours = call.normalised(rim)[call.coloured(rim, lacking)]
        seen.append(float(colours.var(axis=0).mean()) * region.pixels if len(colours) else 0.0)
    return same_everywhere(_COPIED * sum(seen) / sum(region.pixels for region in regions))


def looks_of(
    call: Call, hole: Mask, choices: Sequence[Choice], stamps: Sequence[Stamp]
) -> list[list[tuple[float, float]]]:
    """For each candidate how unlike the truth its fill of each stamp looks, and its mean square error."""
    hidden, lacking = _hidden(stamps, hole)
    return [_verdicts(call, stamps, _stamped(call, choice, stamps, hidden, lacking)) for choice in choices]


def _verdicts(call: Call, stamps: Sequence[Stamp], filled: Sequence[NDArray[Any]]) -> list[tuple[float, float]]:
    unseen = invisible(call)
    verdicts = []
    for stamp, found in zip(stamps, filled, strict=True):
        box = stamp.box.grown(_MARGIN, call.mask.shape)
        hole = np.zeros(box.shape, np.bool_)
        hole[stamp.box.within(box)] = stamp.pixels
        truth = call.units.straight(call.picture.pixels[box.slices])
        fill = truth.copy()
        fill[hole] = call.units.straight(found[stamp.pixels])
        error = float(np.square((fill - truth)[hole]).mean())
        verdicts.append((unlikeness(truth.mean(axis=2), fill.mean(axis=2), hole, unseen), error))
    return verdicts


def invisible(call: Call) -> float:
    """Variance of detail that nobody sees, or that rounding to the picture's levels makes."""
    span = call.units.span
    return _INVISIBLE * max(1.0, 255 * span.step / span.scale) ** 2


def unlikeness(truth: Image, fill: Image, hole: Mask, unseen: float = _INVISIBLE) -> float:
    """Texture: detail at three scales. Seams: slopes across the rim. Colour: the error. Each as a ratio's logarithm."""
    total = 0.0
    for spread in (1.0, 2.0, 4.0):
        there, here = (np.square(_detail(image, spread))[hole].mean() for image in (truth, fill))
        total += abs(math.log((here + unseen) / (there + unseen))) / 2 / 3
    there, here = (_across(image, hole) for image in (truth, fill))
    total += abs(math.log((here + unseen) / (there + unseen))) / 2
    return total + math.log(np.square(fill - truth)[hole].mean() + unseen) / 2


def _detail(image: Image, spread: float) -> Image:
    """What a blur of the given width takes away and one of half of it leaves."""
    fine = cv2.GaussianBlur(image, (0, 0), spread / 2)
    return np.asarray(fine - cv2.GaussianBlur(image, (0, 0), spread))


def _across(image: Image, hole: Mask) -> float:
    """Mean square step between neighbours of which one lies in the hole."""
    steps = [np.square(np.diff(image, axis=axis))[np.diff(hole.view(np.int8), axis=axis) != 0] for axis in (0, 1)]
    return float(np.concatenate(steps).mean())
