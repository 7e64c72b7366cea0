"""``auto``: measures which method to trust. Pieces of the hole are stamped onto known places nearby, candidates fill
them, and what they got wrong there decides.

A stroke is judged by its mean square error. An object is not: the mean colour of a meadow has a small error and is no
meadow, so a wide hole is judged by the texture inside and the slopes across its rim as well. Thin parts are filled
first; wide ones then copy from a repaired picture.

    mask -> thin, wide
    thin: stamps -> trials -> a method for each neighbourhood -> fill
    wide: a smaller likeness of each region on known places -> trials -> a method for each region -> fill

The error to be expected at x goes with s(x), the mean square step between known neighbours around, and rises with the
share u(x) of pixels lost there:  E[e^2](x) = c s(x) exp(b u(x)).  On photographs e^2 is proportional to s, and c within
a factor of two of a quarter whatever the damage; the stamps say how far this picture and this method are from that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import registry
from inpaintkit.box import Box
from inpaintkit.filling import Call, Choice, MethodFill
from inpaintkit.info import FilledRegion
from inpaintkit.picture import Picture
from inpaintkit.problem import Image, Mask, Step
from inpaintkit.regions import Region, boxes_of, labelled_runs, painted, split

# Candidates, the most trusted first.
_THIN = {"fast": ("coherence", "biharmonic"), "balanced": ("fsr", "coherence"), "best": ("ple", "fsr", "coherence")}
_WIDE = {"fast": ("coherence", "harmonic"), "balanced": ("patchmatch", "fsr"), "best": ("patchmatch", "ple", "fsr")}
_AFFORDED = 400_000  # px near the hole that a balanced fill gives to the best candidates: some ten seconds on two cores

_DEEP = 8  # px from a rim that only wide holes have
_SHARE = 0.02  # of the picture's pixels, and no more, are stamped
_LEAST = 2000  # px to stamp, where the picture has room: fewer tell little
_CELL = 16  # px: side of a piece of the hole that is stamped
_NEIGHBOURHOOD = 128  # px: what is found counts for this far around
_AROUND = 9  # px: side of the square in which lost pixels are counted
_SLOPES = 25  # px: side of the square in which slopes are averaged
_RISE, _USUAL = 1.5, 1 / 4  # b and c over text, scratches and lost pixels on scikit-image's photographs
_FEW = 16  # so many stamps say as much of c as that
_DENSE = 0.25  # share of pixels lost from which no place is free for a piece: single pixels are held out instead
_HELD_OUT = 0.06  # of a dense place's pixels
_FAINT = (1.5 / 255) ** 2  # variance of detail that nobody sees
_LARGEST = 40_000  # px of likenesses, which tell as much as larger ones
_UNLIKE = math.log(3)  # slopes that differ by more make another place
_CLEARLY = 0.5  # better on every likeness, and by so much on the mean, is a candidate that is trusted less
_MARGIN = 8  # px around a likeness that must be known as well

Quality = Literal["fast", "balanced", "best"]


def auto(call: Call, result: NDArray[Any], *, quality: Quality = "balanced") -> list[FilledRegion]:
    """Fill a call's hole by the methods that did best on stamped copies of its pieces.

    Parameters
    ----------
    quality : "fast" chooses among diffusion methods only, in some three times ``telea``'s time; "balanced" takes
        ``ple`` where that is a matter of seconds, and ``patchmatch`` for what is wide; "best" takes ``ple`` always.

    Notes
    -----
    Trials stamp at most 2 % of the picture's pixels. A picture with no room for them gets the candidate trusted most.

    References
    ----------
    Trials on masked known pixels are cross-validation; Stone, "Cross-validatory choice and assessment of statistical
    predictions", Journal of the Royal Statistical Society B 36(2), 1974.

    Examples
    --------
    >>> import numpy as np, inpaintkit
    >>> photo = np.full((64, 64), 0.5, np.float32)
    >>> hole = np.zeros((64, 64), bool)
    >>> hole[30:32, 4:60] = True
    >>> filled, info = inpaintkit.inpaint(photo, hole, quality="fast", return_info=True)
    >>> info.regions[0].method
    'coherence'
    """
    wide = _wide(call.mask)
    thin = call.mask & ~wide
    filled: list[FilledRegion] = []
    done = 0
    if thin.any():
        filled += _fill_thin(_told(call, 0), thin, quality, result)
        done = int(np.count_nonzero(thin))
    if wide.any():
        # What is thin is repaired by now, and may be copied from.
        repaired = replace(_told(call, done), picture=Picture(result, call.picture.alpha))
        filled += _fill_wide(repaired, wide, quality, result)
    return filled


def _told(call: Call, done: int) -> Call:
    """The same call with its progress counted from ``done`` pixels on, of all."""
    report = call.progress
    if report is None:
        return call
    total = float(np.count_nonzero(call.mask))
    return replace(call, progress=lambda step: report(Step(done + step.done, total, step.loss, step.remark)))


def _wide(mask: Mask) -> Mask:
    """The parts of the hole with pixels more than ``_DEEP`` from every rim, as the picture's border is none."""
    square = np.ones((2 * _DEEP + 1, 2 * _DEEP + 1), np.uint8)
    deep = cv2.erode(mask.view(np.uint8), square, borderValue=1)
    if not deep.any():
        return np.zeros_like(mask)
    around = np.ones((4 * _DEEP + 1, 4 * _DEEP + 1), np.uint8)  # further, so that what is round stays whole
    return np.asarray(cv2.dilate(deep, around).view(np.bool_) & mask)


def _row(name: str) -> Choice:
    row = registry.find(name)
    return row, row.options({})


# Thin parts


@dataclass(frozen=True)
class _Stamp:
    """Known pixels that a trial hides, ``pixels`` of a box."""

    box: Box
    pixels: Mask

    @property
    def centre(self) -> tuple[float, float]:
        return (self.box.top + self.box.bottom) / 2, (self.box.left + self.box.right) / 2


@dataclass(frozen=True)
class _Trial:
    """What a candidate got wrong: e^2 of each stamp's pixels."""

    choice: Choice
    errors: list[NDArray[np.float64]]


def _fill_thin(call: Call, thin: Mask, quality: Quality, result: NDArray[Any]) -> list[FilledRegion]:
    names = _THIN[quality]
    if quality == "balanced":
        seen = cv2.dilate(thin.view(np.uint8), np.ones((15, 15), np.uint8))
        names = _THIN["best"] if np.count_nonzero(seen) <= _AFFORDED else names
    choices = [_row(name) for name in names]
    number, share = (32, 0.04) if quality == "fast" else (128, 0.15)
    stamps = _stamps(call, thin, number, share)
    trials = [_tried(call, choice, stamps) for choice in choices] if stamps else []
    filled: list[FilledRegion] = []
    for choice, part in _parts(thin, stamps, trials) if trials else [(choices[0], thin)]:
        trial = next((trial for trial in trials if trial.choice is choice), None)
        expected = _expected(call, stamps, trial.errors) if trial else None
        filled += MethodFill(call, *choice, part, call.mask, [_row("coherence")], expected).into(result)
    return filled


def _stamps(call: Call, thin: Mask, number: int, share: float) -> list[_Stamp]:
    """Pieces of the hole on known places near where they come from: at most ``number``, and ``share`` of the hole."""
    height, width = thin.shape
    limit = min(_SHARE * thin.size, max(share * int(np.count_nonzero(thin)), _LEAST))
    taken = call.mask.copy()
    stamps: list[_Stamp] = []
    total = 0
    rng = np.random.default_rng(0)
    cells = _cells(thin, number)
    for index in np.argsort(np.arange(len(cells)) * _GOLDEN % 1):  # any first few lie all over the picture
        cell = cells[index]
        piece = thin[cell.slices]
        if total + np.count_nonzero(piece) > limit and stamps:
            continue
        best: _Stamp | None = None
        for down, right in _OFFSETS:
            box = cell.shifted(right, down)
            if min(box.top, box.left) < 0 or box.bottom > height or box.right > width:
                continue
            pixels = piece & call.coloured(box, taken)
            if best is None or np.count_nonzero(pixels) > 1.1 * np.count_nonzero(best.pixels):
                best = _Stamp(box, pixels)
            if np.count_nonzero(best.pixels) > 0.9 * np.count_nonzero(piece):
                break
        if best is None:
            continue
        if np.count_nonzero(call.mask[best.box.slices]) > _DENSE * best.pixels.size:
            keep = _HELD_OUT * best.pixels.size / max(1, int(np.count_nonzero(best.pixels)))
            best = _Stamp(best.box, best.pixels & (rng.random(best.pixels.shape) < keep))
        here = int(np.count_nonzero(best.pixels))
        if here == 0 or total + here > limit:
            continue
        taken[best.box.slices] |= best.pixels
        stamps.append(best)
        total += here
    return stamps


_GOLDEN = (math.sqrt(5) - 1) / 2
_OFFSETS = [
    (round(distance * math.sin(angle)), round(distance * math.cos(angle)))
    for distance in (_CELL, 2 * _CELL, 3.5 * _CELL)
    for angle in (math.pi * np.arange(8) / 4 + distance)
]


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


def _stamped(call: Call, choice: Choice, stamps: Sequence[_Stamp], lacking: Mask) -> NDArray[Any]:
    """A picture as large as the call's in which a candidate has filled the stamps; anything stands elsewhere."""
    hidden, hole = np.zeros_like(lacking), lacking
    lacking = lacking.copy()
    for stamp in stamps:
        lacking[stamp.box.slices] |= stamp.pixels
        # Hole pixels beside a stamp are filled with it, as they will be in earnest.
        around = stamp.box.grown(3, lacking.shape)
        near = np.zeros(around.shape, np.uint8)
        near[stamp.box.within(around)] = stamp.pixels
        hidden[around.slices] |= cv2.dilate(near, np.ones((7, 7), np.uint8)).view(np.bool_) & hole[around.slices]
        hidden[stamp.box.slices] |= stamp.pixels
    filled = np.empty_like(call.picture.pixels)
    quiet = replace(call, progress=None, feather=0, fallback=True, maps={})
    MethodFill(quiet, *choice, hidden, lacking).into(filled)
    return filled


def _tried(call: Call, choice: Choice, stamps: Sequence[_Stamp]) -> _Trial:
    """A candidate's fill of the stamps beside what was there."""
    filled = _stamped(call, choice, stamps, call.mask)
    scale, _ = call.range
    errors = []
    for stamp in stamps:
        truth = call.picture.pixels[stamp.box.slices][stamp.pixels].astype(np.float64)
        wrong = (filled[stamp.box.slices][stamp.pixels] - truth) / scale
        errors.append(np.square(wrong).mean(axis=1))
    return _Trial(choice, errors)


def _parts(thin: Mask, stamps: Sequence[_Stamp], trials: Sequence[_Trial]) -> list[tuple[Choice, Mask]]:
    """The candidates chosen, each with its share of the hole: connected parts whole, by where their middle lies."""
    near = np.ones(1)
    for axis in (0, 1):
        middles = np.arange(_NEIGHBOURHOOD // 2, thin.shape[axis] + _NEIGHBOURHOOD // 2, _NEIGHBOURHOOD)
        away = (middles[:, None] - [stamp.centre[axis] for stamp in stamps]) / _NEIGHBOURHOOD
        near = near[..., None, :] * np.exp(-np.square(away) / 2)  # (rows, columns, stamps)
    weights = near + _PRIOR / len(stamps)
    errors = np.array([[own.sum() for own in trial.errors] for trial in trials])
    gains = errors[0] - errors
    # Stamps differ so much that a few of them decide a sum: a gain counts only beyond its own standard error.
    sure = [weights @ gain - np.sqrt(np.square(weights) @ np.square(gain)) for gain in gains]
    best = np.argmax(sure, axis=0)
    if (best == best.flat[0]).all():
        return [(trials[int(best.flat[0])].choice, thin)]
    runs, labels = labelled_runs(thin, 1)
    boxes, _ = boxes_of(runs, labels)
    middle = (boxes[:, :2] + boxes[:, 2:]) // 2 // _NEIGHBOURHOOD
    chosen = best[middle[:, 0], middle[:, 1]][labels]
    return [
        (trial.choice, painted(thin.shape, runs[chosen == index]))
        for index, trial in enumerate(trials)
        if (chosen == index).any()
    ]


_PRIOR = 4  # stamps' worth of the whole picture's verdict in each neighbourhood's


def _expected(call: Call, stamps: Sequence[_Stamp], errors: Sequence[NDArray[np.float64]]) -> Callable[[Box], Image]:
    """Mean square error to be expected of a candidate that erred so on the stamps, as a function of a box."""
    lacking = call.mask.copy()
    for stamp in stamps:
        lacking[stamp.box.slices] |= stamp.pixels
    around = [_around(call, lacking, stamp.box) for stamp in stamps]
    slopes, lost = (
        np.concatenate([each[of][stamp.pixels] for each, stamp in zip(around, stamps, strict=True)]) for of in (0, 1)
    )
    found = np.concatenate(errors).sum() / (slopes * np.exp(_RISE * lost)).sum()
    trust = len(stamps) / (len(stamps) + _FEW)
    share = float(np.exp(trust * math.log(found + 1e-12) + (1 - trust) * math.log(_USUAL)))

    def expected(box: Box) -> Image:
        slopes, lost = _around(call, call.mask, box)
        return np.asarray(share * slopes * np.exp(np.float32(_RISE) * lost), np.float32)

    return expected


def _around(call: Call, lacking: Mask, box: Box) -> tuple[Image, Image]:
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
    slopes = (found[within] + _FAINT / 1000) / (number[within] + 1e-3)
    lost = cv2.blur((~known).astype(np.float32), (_AROUND, _AROUND), borderType=cv2.BORDER_REFLECT)
    return np.asarray(slopes, np.float32), np.asarray(lost[within], np.float32)


# Wide parts


def _fill_wide(call: Call, wide: Mask, quality: Quality, result: NDArray[Any]) -> list[FilledRegion]:
    choices = [_row(name) for name in _WIDE[quality]]
    regions = split(wide, context=0, share=False)
    taken = wide.copy()
    stamps = [_likenesses(call, taken, region, sum(region.pixels for region in regions)) for region in regions]
    everything = [stamp for some in stamps for stamp in some]
    looks = [_looks(call, wide, choice, everything) for choice in choices] if everything else []
    parts: dict[int, list[Region]] = {}
    wrong: dict[int, list[float]] = {}
    at = 0
    for region, some in zip(regions, stamps, strict=True):
        best = 0
        if some:
            unlike = np.array([[look for look, _ in of_choice[at : at + len(some)]] for of_choice in looks])
            better = unlike[0] - unlike
            sure = np.where((better > 0).all(axis=1), better.mean(axis=1), 0)
            best = int(sure.argmax()) if sure.max() > _CLEARLY else 0
            wrong.setdefault(best, []).extend(error for _, error in looks[best][at : at + len(some)])
        at += len(some)
        parts.setdefault(best, []).append(region)
    filled: list[FilledRegion] = []
    for best, own in sorted(parts.items()):
        part = painted(wide.shape, np.concatenate([region.runs for region in own]))
        expected = _everywhere(float(np.mean(wrong[best]))) if best in wrong else None
        filled += MethodFill(call, *choices[best], part, wide, [_row("coherence")], expected).into(result)
    return filled


def _everywhere(error: float) -> Callable[[Box], Image]:
    return lambda box: np.full(box.shape, error, np.float32)


def _likenesses(call: Call, taken: Mask, region: Region, pixels: int) -> list[_Stamp]:
    """The region's shape, made small, on up to two known places nearby with slopes like its own, then ``taken``."""
    own = region.own()
    allowed = min(_SHARE * taken.size, _LARGEST) * region.pixels / pixels / 2
    scale = min(1.0, math.sqrt(allowed / region.pixels))
    height, width = (max(1, round(side * scale)) for side in own.shape)
    shape = cv2.resize(own.view(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA) > 127
    search = region.crop.grown(2 * max(own.shape) + 4 * _MARGIN, taken.shape)
    rows, columns = height + 2 * _MARGIN, width + 2 * _MARGIN
    if min(height, width) < 2 * _DEEP or rows > search.height or columns > search.width:
        return []  # too small to tell anything, or no room
    slopes, _ = _around(call, taken, search)
    rim = region.crop.grown(_MARGIN, taken.shape)
    around = float(slopes[rim.within(search)][call.coloured(rim, taken)].mean())
    unlike = np.abs(np.log(cv2.blur(slopes, (columns, rows)) / around))
    middle = (np.array([region.crop.top + region.crop.bottom, region.crop.left + region.crop.right]) / 2).round()
    stamps: list[_Stamp] = []
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
        stamps.append(_Stamp(Box(left, top, width, height), shape))
        taken[top : top + height, left : left + width] = True  # the next one lies elsewhere
    return stamps


def _looks(call: Call, lacking: Mask, choice: Choice, stamps: Sequence[_Stamp]) -> list[tuple[float, float]]:
    """How unlike the truth a candidate's fill of each stamp looks, and its mean square error."""
    filled = _stamped(call, choice, stamps, lacking)
    scale, _ = call.range
    verdicts = []
    for stamp in stamps:
        box = stamp.box.grown(_MARGIN, lacking.shape)
        hole = np.zeros(box.shape, np.bool_)
        hole[stamp.box.within(box)] = stamp.pixels
        truth = call.picture.pixels[box.slices].astype(np.float32)
        fill = np.where(hole[..., None], filled[box.slices].astype(np.float32), truth)
        error = float(np.square((fill - truth)[hole] / scale).mean())
        verdicts.append((_unlikeness(truth.mean(axis=2) / scale, fill.mean(axis=2) / scale, hole), error))
    return verdicts


def _unlikeness(truth: Image, fill: Image, hole: Mask) -> float:
    """Texture: detail at three scales. Seams: slopes across the rim. Colour: the error. Each as a ratio's logarithm."""
    total = 0.0
    for spread in (1.0, 2.0, 4.0):
        there, here = (np.square(_detail(image, spread))[hole].mean() for image in (truth, fill))
        total += abs(math.log((here + _FAINT) / (there + _FAINT))) / 2 / 3
    there, here = (_across(image, hole) for image in (truth, fill))
    total += abs(math.log((here + _FAINT) / (there + _FAINT))) / 2
    return total + math.log(np.square(fill - truth)[hole].mean() + _FAINT) / 2


def _detail(image: Image, spread: float) -> Image:
    """What a blur of the given width takes away and one of half of it leaves."""
    fine = cv2.GaussianBlur(image, (0, 0), spread / 2)
    return np.asarray(fine - cv2.GaussianBlur(image, (0, 0), spread))


def _across(image: Image, hole: Mask) -> float:
    """Mean square step between neighbours of which one lies in the hole."""
    steps = [np.square(np.diff(image, axis=axis))[np.diff(hole.view(np.int8), axis=axis) != 0] for axis in (0, 1)]
    return float(np.concatenate(steps).mean())
