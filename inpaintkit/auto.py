"""``auto``: measures which method to trust. Pieces of the hole are stamped onto known places nearby, candidates fill
them, and what they got wrong there decides.

A stroke is judged by its mean square error. An object is not: the mean colour of a meadow has a small error and is no
meadow, so a wide hole is judged by the texture inside and the slopes across its rim as well. Thin parts are filled
first; wide ones then copy from a repaired picture.

    mask -> thin, wide
    thin: stamps -> trials -> a method for each neighbourhood -> fill
    wide: a smaller likeness of each region on known places -> trials -> a method for each region -> fill
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import registry
from inpaintkit.auto_trials import (
    DEEP,
    Stamp,
    Trial,
    expected_error,
    few_levels,
    is_worth_likenesses,
    is_worth_trials,
    likenesses_of,
    looks_of,
    same_everywhere,
    stamps_of,
    tried,
    usual_copy_error,
    usual_error,
)
from inpaintkit.box import Box
from inpaintkit.filling import Call, Choice, MethodFill, compile_for
from inpaintkit.info import FilledRegion
from inpaintkit.method import Method
from inpaintkit.picture import Picture
from inpaintkit.problem import Mask, Step
from inpaintkit.regions import Region, boxes_of, labelled_runs, painted, split

# Candidates, the most trusted first.
THIN = {"fast": ("coherence", "biharmonic"), "balanced": ("fsr", "coherence"), "best": ("ple", "fsr", "coherence")}
WIDE = {"fast": ("coherence", "harmonic"), "balanced": ("patchmatch", "fsr"), "best": ("patchmatch", "ple", "fsr")}
_COPIES = Method(
    "copies",
    "inpaintkit.classic._shifts:shifts",
    "copies along the picture's own periods; auto's choice for two tones and few levels",
    "He and Sun, ECCV 2012",
    context=96,
    surround=lambda _: 1.0,
)
_AFFORDED = 12_000_000  # px near the hole that a balanced fill gives to the best candidates: within a minute
_SEES = 15  # px: side of the square near a hole pixel
_NEIGHBOURHOOD = 128  # px: what is found counts for this far around
_PRIOR = 4  # stamps' worth of the whole picture's verdict in each neighbourhood's
_SEEN, _SEEN_BY_WIDE = 192, 3  # px around a hole, and sides of a wide part: stamps and likenesses, with all around them
_BAND = 512  # rows looked at together
_GRID = 640  # px: a window begins where regions' shared crops, neighbourhoods and cells do
_FEW = 16  # stamps that say something
_NOTHING = 1e-6  # a sum of squares that nobody sees
_CLEARLY = 0.5  # better on every likeness, and by so much on the mean, is a candidate that is trusted less

Quality = Literal["fast", "balanced", "best"]


def auto(call: Call, result: NDArray[Any], *, quality: Quality = "balanced") -> list[FilledRegion]:
    """Fill a call's hole by the methods that did best on stamped copies of its pieces.

    Parameters
    ----------
    quality : "fast" chooses among diffusion methods only, in some three times ``telea``'s time; "balanced" takes
        ``ple`` where that takes seconds, at most a minute, and ``patchmatch`` for what is wide; "best" takes ``ple``
        always.

    Notes
    -----
    Trials stamp at most 2 % of the picture's pixels, and half of that where it shows who is best. A picture with no
    room for them gets the candidate trusted most, and so does a hole smaller than what they would stamp, with the error
    that is usual on photographs as its estimate.

    Where few levels make up nearly all that lies around the hole (bilevel scans, halftones, line art, pixel art, label
    maps), every pixel is a copy: at one of the shifts at which the picture repeats itself best, after He and Sun,
    "Statistics of Patch Offsets for Image Completion", ECCV 2012. No new level comes out, and dots stay in step.

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
    window = _window(call.mask)
    if window:
        call, result = call.seen_through(window), result[window.slices]
    wide = wide_parts(call.mask)
    thin = call.mask if wide is None else call.mask & ~wide
    filled: list[FilledRegion] = []
    done = 0
    if thin.any():
        later = [] if wide is None else _choices(call, WIDE[quality])
        filled += _fill_thin(_counted_from(call, 0), thin, quality, result, later)
        done = int(np.count_nonzero(thin))
    if wide is not None:
        # What is thin is repaired by now, and may be copied from.
        repaired = _counted_from(call, done).derived(picture=Picture(result, call.picture.alpha))
        filled += _fill_wide(repaired, wide, quality, result)
    return filled


def _window(mask: Mask) -> Box | None:
    """A part of the picture that holds all that a fill or a trial looks at; None where that is most of the picture."""
    runs, labels = labelled_runs(mask, 1)
    boxes, _ = boxes_of(runs, labels)
    height, width = (boxes[:, 2:] - boxes[:, :2]).T
    deep = np.minimum(height, width) > 2 * DEEP
    margin = _SEEN + _SEEN_BY_WIDE * int(np.maximum(height, width).max(where=deep, initial=0))
    (top, left), (bottom, right) = boxes[:, :2].min(axis=0).tolist(), boxes[:, 2:].max(axis=0).tolist()
    around = Box.from_edges(left, top, right, bottom).grown(margin, mask.shape)
    left, top = (side // _GRID * _GRID for side in (around.left, around.top))
    window = Box.from_edges(left, top, around.right, around.bottom)
    return window if window.area < mask.size / 2 else None


def _counted_from(call: Call, done: int) -> Call:
    """The same call with its progress counted from ``done`` pixels on, of all."""
    report = call.progress
    if report is None:
        return call
    total = float(np.count_nonzero(call.mask))
    return call.derived(progress=lambda step: report(Step(done + step.done, total, step.loss, step.remark)))


def wide_parts(mask: Mask) -> Mask | None:
    """The parts of the hole with pixels more than ``DEEP`` from every rim; the picture's border is not a rim.

    None if there are none. Most holes are thin, and for those no array as large as the picture is made.
    """
    square = np.ones((2 * DEEP + 1, 2 * DEEP + 1), np.uint8)
    around = np.ones((4 * DEEP + 1, 4 * DEEP + 1), np.uint8)  # further, so that what is round stays whole
    wide: Mask | None = None
    if not _may_be_wide(mask):
        return None
    halo = 3 * DEEP  # rows that the two look at
    for top in range(0, len(mask), _BAND):
        rows = slice(max(top - halo, 0), top + _BAND + halo)
        own = slice(top - rows.start, top - rows.start + _BAND)
        here = mask[rows]
        deep = cv2.erode(here.view(np.uint8), square, borderValue=1) if here.any() else here.view(np.uint8)
        if deep.any():
            wide = np.zeros_like(mask) if wide is None else wide
            wide[top : top + _BAND] = (cv2.dilate(deep, around).view(np.bool_) & here)[own]
    return wide


def _may_be_wide(mask: Mask) -> bool:
    """Whether some row of the hole is long enough for a wide part; specks and upright strokes are not."""
    runs, _ = labelled_runs(mask, 1)
    begin = np.where(runs[:, 1] == 0, -DEEP, runs[:, 1])
    end = np.where(runs[:, 2] == mask.shape[1], mask.shape[1] + DEEP, runs[:, 2])
    return bool((end - begin > 2 * DEEP).any())


def _choices(call: Call, names: Sequence[str]) -> list[Choice]:
    """Candidates by name; copies alone where mixing would make levels that the picture does not have."""
    return [(_COPIES, {})] if few_levels(call) else [_row(name) for name in names]


def _row(name: str) -> Choice:
    row = registry.find(name)
    return row, row.options({})


def _fill_thin(
    call: Call, thin: Mask, quality: Quality, result: NDArray[Any], later: Sequence[Choice]
) -> list[FilledRegion]:
    """The thin parts, filled; ``later`` are candidates for wide ones, compiled meanwhile."""
    names = THIN[quality]
    if quality == "balanced":
        names = THIN["best"] if _is_affordable(thin) else names
    choices = _choices(call, names)
    number, share = (32, 0.04) if quality == "fast" else (128, 0.15)
    if not is_worth_trials(call, thin, share):
        compile_for(choices[:1], later)
        expected = None if choices[0][0] is _COPIES else usual_error(call)
        return MethodFill(call, *choices[0], thin, call.mask, [_row("coherence")], expected).into(result)
    compile_for([*choices, _row("biharmonic")] if "ple" in names else choices, later)  # which ple may begin with
    stamps, trials = _tried_in_turn(call, choices, thin, stamps_of(call, thin, number, share))
    filled: list[FilledRegion] = []
    for choice, part in _parts(thin, stamps, trials) if trials else [(choices[0], thin)]:
        trial = next((trial for trial in trials if trial.choice is choice), None)
        expected = expected_error(call, stamps, trial.errors) if trial else None
        filled += MethodFill(call, *choice, part, call.mask, [_row("coherence")], expected).into(result)
    return filled


def _is_affordable(thin: Mask) -> bool:
    """Whether a balanced fill has time for the best candidates."""
    square = np.ones((_SEES, _SEES), np.uint8)
    if np.count_nonzero(thin) * square.size <= _AFFORDED:  # wherever they lie
        return True
    return bool(np.count_nonzero(cv2.dilate(thin.view(np.uint8), square)) <= _AFFORDED)


def _tried_in_turn(
    call: Call, choices: Sequence[Choice], thin: Mask, stamps: Sequence[Stamp]
) -> tuple[Sequence[Stamp], Sequence[Trial]]:
    """Trials on half of the stamps, and on the others only where those leave open which candidate is best."""
    half = -(-len(stamps) // 2)
    if half < _FEW:
        return stamps, tried(call, choices, stamps) if stamps else []
    trials = tried(call, choices, stamps[:half])
    if _is_clear(thin, stamps[:half], trials):
        return stamps[:half], trials
    more = tried(call, choices, stamps[half:])
    return stamps, [Trial(one.choice, one.errors + other.errors) for one, other in zip(trials, more, strict=True)]


def _is_clear(thin: Mask, stamps: Sequence[Stamp], trials: Sequence[Trial]) -> bool:
    """Whether the candidate trusted most is best everywhere, and ahead of each other one by more than chance.

    How far ahead is told by the errors' logarithms: a few stamps decide a sum of squares, and would leave it open.
    """
    errors = np.log(_errors(trials) + _NOTHING)
    ahead = errors[1:] - errors[0]
    sure = ahead.mean(axis=1) > ahead.std(axis=1) / np.sqrt(len(stamps))
    return bool(sure.all()) and not _best(thin, stamps, trials).any()


def _errors(trials: Sequence[Trial]) -> NDArray[np.float64]:
    """The sum of squares that each candidate (row) got wrong on each stamp (column)."""
    return np.array([[own.sum() for own in trial.errors] for trial in trials])


def _best(thin: Mask, stamps: Sequence[Stamp], trials: Sequence[Trial]) -> NDArray[np.intp]:
    """Index of the best candidate of each neighbourhood, (rows, columns)."""
    near = np.ones(1)
    for axis in (0, 1):
        middles = np.arange(_NEIGHBOURHOOD // 2, thin.shape[axis] + _NEIGHBOURHOOD // 2, _NEIGHBOURHOOD)
        away = (middles[:, None] - [stamp.centre[axis] for stamp in stamps]) / _NEIGHBOURHOOD
        near = near[..., None, :] * np.exp(-np.square(away) / 2)  # (rows, columns, stamps)
    weights = near + _PRIOR / len(stamps)
    errors = _errors(trials)
    gains = errors[0] - errors
    # Stamps differ so much that a few of them decide a sum: a gain counts only beyond its own standard error.
    sure = [weights @ gain - np.sqrt(np.square(weights) @ np.square(gain)) for gain in gains]
    return np.asarray(np.argmax(sure, axis=0))


def _parts(thin: Mask, stamps: Sequence[Stamp], trials: Sequence[Trial]) -> list[tuple[Choice, Mask]]:
    """The candidates chosen, each with its share of the hole: connected parts whole, by where their middle lies."""
    best = _best(thin, stamps, trials)
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


def _fill_wide(call: Call, wide: Mask, quality: Quality, result: NDArray[Any]) -> list[FilledRegion]:
    choices = _choices(call, WIDE[quality])
    regions = split(wide, context=0, share=False)
    if not is_worth_likenesses(call, sum(region.pixels for region in regions)):
        compile_for(choices[:1])
        expected = None if choices[0][0] is _COPIES else usual_copy_error(call, wide, regions)
        return MethodFill(call, *choices[0], wide, wide, [_row("coherence")], expected).into(result)
    compile_for(choices)
    taken = wide.copy()
    stamps = [likenesses_of(call, taken, region, sum(region.pixels for region in regions)) for region in regions]
    everything = [stamp for some in stamps for stamp in some]
    looks = looks_of(call, wide, choices, everything) if everything else []
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
        expected = same_everywhere(float(np.mean(wrong[best]))) if best in wrong else None
        filled += MethodFill(call, *choices[best], part, wide, [_row("coherence")], expected).into(result)
    return filled
