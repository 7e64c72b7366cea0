"""One overlay estimated from a series of pictures: what stands at the same place in all of them.

mask, told or found (``standing``) -> each pixel's gain and offset (``fitting``) -> a uniform mark, if it is one
(``uniform``) -> ``Overlay``. What does not change from picture to picture is opaque, and a hole in all of them.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from PIL import Image as PILImage

from inpaintkit.arrays import F64x1, F64x2
from inpaintkit.errors import EmptyMaskWarning, InpaintWarning
from inpaintkit.overlay.dates import changing
from inpaintkit.overlay.fitting import LOOKS, Series
from inpaintkit.overlay.frames import Frames, fingerprint
from inpaintkit.overlay.model import Mode, Overlay, OverlayInfo, Style, check_mode, told_ink
from inpaintkit.overlay.shifts import check_align
from inpaintkit.overlay.standing import aligned, found
from inpaintkit.overlay.uniform import Uniform, uniform
from inpaintkit.picture import Channels, Picture, grow, hole_of
from inpaintkit.problem import Mask, Step

_ROUNDS = 14  # passes over the pictures, about, for the progress bar
_CORRELATED = 2.5  # times the error that a pixel has beside neighbours known exactly
_CHANCE, _CHANCE_ALONE = 9.0, 4.0  # squared error per unknown that chance does not reach; of a single pixel's opacity
_WIDENED, _FIRST_ROUNDS, _AROUND = 4, 5, 4  # first fits of what was found, their rounds, and px around what they say
_ON = 3 * _AROUND  # px beyond a rim that cuts it off
_BEYOND = np.ones((3, 3), np.uint8)  # what lies beyond the pixels before goes on if it is as large as this
_LEAST = 0.004  # opacity of what is not bare: a level of 255
_DIFFERS = "parts that differ from picture to picture, and what stands beside them on one line, are left as they are"
_MOST = 0.75  # of the pictures, at least, that have what repeats
_ALIKE = 2.0  # 255ths: a smaller spread over the series beside the mask says nothing


def estimate_series(
    pictures: Iterable[Any],
    mask: Any = None,
    *,
    colour: Any = None,
    mode: Mode | None = None,
    gain: bool = False,
    align: int = 0,
    channels: Channels | None = None,
    progress: Callable[[Step], None] | None = None,
) -> Overlay:
    """Estimate what lies over every picture of a series.

    Memory does not grow with the number of pictures: of files one is open at a time.

    Parameters
    ----------
    pictures : two arrays, PIL images or paths or more, of one size, in any order.
    mask : where the overlay lies, exactly or some pixels wider; None: it is found from what repeats.
    colour : of the ink, in the pictures' own units, where it is known.
    mode : "cover", "add" or "multiply"; None: "cover", or "multiply" with ``gain``.
    gain : it darkens, as dust on a sensor or dirt on a scanner's glass: all channels of a pixel alike.
    align : largest shift in pixels, across and down, of the overlay from picture to picture; 0: it lies still.
    channels : "alpha" or "bands", as ``inpaint`` takes it.
    progress : called with a ``Step`` now and then.

    Returns
    -------
    overlay : empty, of opacity 0 all over, where nothing repeats.

    Raises
    ------
    TypeError, ValueError : pictures of several sizes, fewer than two, all alike, or a mask that does not fit.
    """
    if gain and mode not in (None, "multiply"):
        raise ValueError(f"gain=True is for what darkens, mode is {mode!r}: leave one of them out")
    reach = check_align(align)
    frames = Frames.of(pictures, channels)
    if len(frames) < 2:
        raise ValueError("a series needs two pictures or more: give one picture by itself")
    kind: Mode = mode or ("multiply" if gain else "cover")
    check_mode(kind)
    report = _reporter(progress)
    report("looking for what repeats")
    if reach:
        frames.shifts = aligned(frames, reach)
    hole = _hole(frames, mask) if mask is not None else found(frames, gain=kind == "multiply")
    info = OverlayInfo(pictures=len(frames))
    if not hole.any():
        return _nothing(
            frames, info, kind, "nothing repeats in the series" if mask is None else "the mask marks nothing"
        )
    ink = None if colour is None else told_ink(colour, frames.channels) * (255 / frames.peak)
    steps: dict[str, Any] = {"ink": ink, "report": lambda number: report(f"round {number + 1}")}
    if mask is None:
        hole = _followed(frames, hole, kind, steps)
    series = _series(frames, hole)
    series.run(kind, sparse=True, **steps)
    for window in (3, 1):
        series.narrow(series.distance(window) > _CHANCE)
        series.run(kind, **steps)
    for _ in range(LOOKS):
        if not series.look_for_absent():
            break
        if mask is None and series.present.mean() < _MOST:
            return _nothing(frames, info, kind, "what repeats is missing in many of the series")
        series.run(kind, **steps)
    if mask is None and len(series.graph):
        differs = changing(series)
        series.leave(differs)
        if not series.hole.any():
            return _nothing(frames, info, kind, "what repeats in the series differs from picture to picture")
        if differs.any():
            info = replace(info, notes=(*info.notes, _DIFFERS))
            series.run(kind, **steps)
    mark = uniform(series) if kind == "cover" and ink is None else None
    return _assembled(series, mark, kind, _without_absent(series, info))


def _series(frames: Frames, hole: Mask) -> Series:
    series = Series(frames, hole)
    if series.beside.spread < _ALIKE:
        raise ValueError(
            "the pictures are all alike beside the mask, so that nothing tells the overlay from what is beneath: give "
            "pictures of several scenes"
        )
    return series


def _followed(frames: Frames, hole: Mask, kind: Mode, steps: dict[str, Any]) -> Mask:
    """What was found, narrowed to what a first fit says is covered, and widened where that goes on beyond it."""
    for _ in range(_WIDENED):
        series = _series(frames, hole)
        series.run(kind, sparse=True, rounds=_FIRST_ROUNDS, **steps)
        plane = np.zeros(hole.shape, np.uint8)
        plane.reshape(-1)[series.graph.at[series.distance() > _CHANCE]] = 1
        plane.reshape(-1)[series.opaque] = 1
        covered = cv2.morphologyEx(plane, cv2.MORPH_OPEN, _BEYOND[:2, :2]).astype(np.bool_)
        cut = covered & cv2.dilate((~hole).view(np.uint8), _BEYOND).astype(np.bool_)
        before, hole = hole, grow(covered, _AROUND) | grow(cut, _ON)
        if not cv2.erode((hole & ~before).view(np.uint8), _BEYOND).any():
            break
    return hole if hole.any() else before


def _without_absent(series: Series, info: OverlayInfo) -> OverlayInfo:
    """What is known, with the pictures that do not have the overlay, of which a warning tells."""
    frames, absent = series.frames, np.flatnonzero(series.absent).tolist()
    if not absent:
        return info
    names = [frames.names[number] for number in absent[:3]]
    text = f"{len(absent)} of the series do not seem to have the overlay: {', '.join(names)}"
    warnings.warn(text, InpaintWarning, stacklevel=4)
    return replace(
        info, notes=(*info.notes, text), absent=tuple(fingerprint(frames.picture(number)) for number in absent)
    )


def _nothing(frames: Frames, info: OverlayInfo, kind: Mode, reason: str) -> Overlay:
    warnings.warn(f"{reason}, so there is no overlay", EmptyMaskWarning, stacklevel=4)
    return Overlay(np.zeros(frames.shape, np.float32), np.zeros(frames.channels), info, kind)


def is_series(pictures: Any) -> bool:
    """Whether several pictures or their paths were given: not one array, nor rows of numbers."""
    if isinstance(pictures, (list, tuple)):
        return not pictures or not isinstance(pictures[0], (int, float, list, tuple))
    return isinstance(pictures, Iterable) and not isinstance(pictures, (str, os.PathLike, np.ndarray, PILImage.Image))


def _reporter(progress: Callable[[Step], None] | None) -> Callable[[str], None]:
    count = 0

    def report(remark: str) -> None:
        nonlocal count
        count = min(count + 1, _ROUNDS)
        if progress is not None:
            progress(Step(count, _ROUNDS, remark=f"series: {remark}"))

    return report


def _hole(frames: Frames, mask: Any) -> Mask:
    first: Picture = next(frames.pictures())
    return hole_of(mask, first)


def _assembled(series: Series, mark: Uniform | None, kind: Mode, info: OverlayInfo) -> Overlay:
    frames, fit = series.frames, series.fit[:-1]
    size, channels = series.hole.size, frames.channels
    errors = _errors(series, mark)
    bare = mark.bare if mark else series.distance(1) < _CHANCE_ALONE
    opacity, deviation, colour = np.zeros(size), np.zeros(size), np.zeros((size, channels))
    at = series.graph.at
    opacity[at], colour[at] = _plain(fit, kind)
    opacity[at[bare]] = 0
    deviation[at] = _deviation(series, opacity[at], colour[at], errors, kind)
    deviation[at[bare]] = 0
    opacity[series.opaque], colour[series.opaque] = 1, series.ink
    shape, scale = frames.shape, frames.peak / 255
    shared = kind == "multiply" or (mark is not None and not len(series.opaque))
    ink = colour.reshape(*shape, channels) * scale
    if shared:
        ink = (mark.ink if mark else np.zeros(channels)) * scale
    if mark:
        style = Style(tuple(mark.ink * scale), mark.opacity, int(np.count_nonzero(~mark.bare)))
        info = replace(info, styles=(style,))
    planes = (plane.reshape(shape).astype(np.float32) for plane in (opacity, deviation))
    first, second = (np.clip(plane, 0, 1) for plane in planes)
    return Overlay(first, ink, info, kind, second)


def _plain(fit: F64x2, kind: Mode) -> tuple[F64x1, F64x2]:
    """Opacity (n,) and colour (n, C) of gains and offsets."""
    gain, offset = fit[:, :1], fit[:, 1:]
    if kind == "multiply":
        return np.clip(1 - 1 / gain[:, 0], 0, 1), np.zeros_like(offset)
    if kind == "add":
        return np.ones(len(fit)), -offset
    opacity = np.clip(1 - 1 / gain, _LEAST, 1)
    return opacity[:, 0], -offset * (1 - opacity) / opacity


def _errors(series: Series, mark: Uniform | None) -> tuple[F64x1, F64x1]:
    """Variance of each pixel's gain, and of what it recovers from the series' mean colour there."""
    if mark is not None:
        along = _CORRELATED**2 * np.square(mark.errors)
        along[mark.covered] = float(np.median(along[mark.covered])) / np.count_nonzero(mark.covered)
        return along, along * np.square(series.mean - mark.ink).mean(axis=1)
    blocks = series.sums.blocks()
    blocks[:, 0, 0] += series.jacobian() / np.square(series.fit[:-1, 0])
    weight = blocks[:, 1, 1] + 1e-12
    of_gain = blocks[:, 0, 0] - np.square(blocks[:, 0, 1:]).sum(axis=1) / weight
    return _CORRELATED**2 / np.maximum(of_gain, 1e-12), _CORRELATED**2 / weight


def _deviation(series: Series, opacity: F64x1, colour: F64x2, errors: tuple[F64x1, F64x1], kind: Mode) -> F64x1:
    """The standard error of the opacity that would make the errors that the recovered pictures have on the mean."""
    of_gain, of_mean = errors
    variance = series.variance * of_gain + of_mean
    recovered = series.fit[:-1, :1] * series.mean + series.fit[:-1, 1:]
    spread = series.variance * np.square(series.fit[:-1, 0])
    if kind == "add":
        return np.asarray(np.sqrt(of_mean / np.maximum(np.square(colour).mean(axis=1), 1.0)))
    reach = np.square(colour - recovered).mean(axis=1) + spread
    return np.asarray(np.minimum((1 - opacity) * np.sqrt(variance / np.maximum(reach, 1.0)), 1.0))
