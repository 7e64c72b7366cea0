"""Where a series repeats itself: the same step from pixel to pixel in picture after picture, which chance never makes.

In independent pictures a step is as likely up as down. Each picture's steps are divided by the size of those nearby,
and summed over the series; where the sum is far from 0 something stands still. Where an overlay's colour is as bright
as most pictures are there, its steps go up in some and down in others: up where the picture is darker than the series
is at that place. So their sum is also taken with how bright the picture is there. How far chance brings either is read
off the same pictures with the signs of half of them turned over, which leaves everything as it was but what repeats: so
a clean series gives nothing, whatever its pictures are like. Dekel et al. (CVPR 2017) begin with the median gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import cv2
import numpy as np
from scipy import ndimage

from inpaintkit.arrays import F32x2, F32x3, F64x1, F64x2, F64x3, I32x2
from inpaintkit.overlay.frames import Frames, Shift
from inpaintkit.problem import Mask

_PIXELS = 2**20  # that are looked at; larger pictures are looked at smaller
_NEARBY, _NOISE = 15, 0.5  # px; 255ths
_LIMIT = 1.5  # of a step, in sizes of those nearby: one picture alone must not decide
_LEVEL, _FAR = 5, 2.0  # px, over which brightness is averaged; in its spread over the series: more counts as that much
_WINDOW = 5  # px, over which sums are averaged
_TURNS, _SURE = 12, 4.0  # turned series; standard deviations of their largest find above its mean
_MARGIN, _DARK_MARGIN = 6.5, 2.5  # of the threshold, for what series have in common by nature: the sky is above
_WEAK = 0.998  # quantile of turned series, above which neighbours are one find
_CLOSE, _GROW = 10, 5  # px of what lies between finds, and around them
_ROUNDS = 3  # of alignment


def found(frames: Frames, *, gain: bool = False) -> Mask:
    """Where something repeats, some pixels wider, bool (H, W)."""
    every = max(1, math.ceil(math.sqrt(frames.shape[0] * frames.shape[1] / _PIXELS)))
    signs = _balanced(len(frames))
    usual = None if gain else _usual(frames, every)
    sums, squares = np.zeros((0, 0, 0, 0), np.float32), np.zeros((0, 0, 0), np.float32)
    for number, colours in enumerate(frames.colours()):
        fields = _fields(_smaller(colours, every), gain=gain)
        steps = _steps(fields)
        if usual:
            steps = np.concatenate([steps, _with_level(steps, fields, *usual)])
        if number == 0:
            sums, squares = np.zeros((1 + _TURNS, *steps.shape), np.float32), np.zeros_like(steps)
        for one, sign in zip(sums, signs[:, number], strict=True):
            one += sign * steps
        squares += np.square(steps)
    repeated, *turned = (_power(one, squares) for one in sums)
    weak = float(np.quantile(np.stack(turned), _WEAK))
    largest = [float(_masses(one, weak)[1].max(initial=0)) for one in turned]
    sure = (np.mean(largest) + _SURE * np.std(largest)) * (_DARK_MARGIN if gain else _MARGIN)
    labels, masses = _masses(repeated, weak)
    there = np.concatenate([[False], masses > sure])[labels]
    return _region(there, every, frames.shape) if there.any() else np.zeros(frames.shape, np.bool_)


def _masses(power: F32x2, weak: float) -> tuple[I32x2, F64x1]:
    """Connected areas above a threshold, by number from 1, and by how much all their pixels together exceed it."""
    labels, number = ndimage.label(power > weak, np.ones((3, 3)))
    masses = ndimage.sum_labels(power - weak, labels, np.arange(1, number + 1))
    return labels, np.asarray(masses, np.float64)


def _balanced(number: int) -> F32x2:
    """Signs (1 + turns, K): first of the series as it is, then with half of the pictures turned over."""
    rng = np.random.default_rng(0)
    half = np.where(np.arange(number) % 2, 1.0, -1.0)
    return np.stack([np.ones(number), *(rng.permutation(half) for _ in range(_TURNS))]).astype(np.float32)


def _smaller(colours: F64x3, every: int) -> F32x3:
    small = colours.astype(np.float32)
    if every > 1:
        size = max(1, small.shape[1] // every), max(1, small.shape[0] // every)
        small = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.float32)
    return small.reshape(small.shape[0], small.shape[1], -1)


def _fields(colours: F32x3, *, gain: bool) -> F32x3:
    """What is looked at, (n, H, W): brightness, and differences of colours; where it darkens, its logarithm."""
    mean = colours.mean(axis=2)
    if gain:
        return np.asarray(np.log(mean + 4)[None] * np.float32(64))
    if colours.shape[2] < 3:
        return np.asarray(mean[None])
    red, green, blue = np.moveaxis(colours[..., :3], 2, 0)
    return np.stack([mean, red - blue, green - (red + blue) / 2])


def _steps(fields: F32x3) -> F32x3:
    """Steps to the right and down, (2 n, H, W), in sizes of those nearby."""
    steps = []
    for field in fields:
        for axis in (0, 1):
            step = np.diff(field, axis=axis, append=field[-1:] if axis == 0 else field[:, -1:])
            size = np.sqrt(cv2.blur(np.square(step), (_NEARBY, _NEARBY)) + np.float32(_NOISE**2))
            steps.append(np.clip(step / size, -_LIMIT, _LIMIT))
    return np.stack(steps)


def _usual(frames: Frames, every: int) -> tuple[F32x3, F32x3]:
    """Mean level (n, H, W) of what is looked at over the series, and its spread (n, 1, 1)."""
    total = squares = np.zeros((1, 1, 1), np.float32)
    for colours in frames.colours():
        level = _levels(_fields(_smaller(colours, every), gain=False))
        total, squares = total + level, squares + np.square(level).mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    mean = total / np.float32(len(frames))
    variance = squares / len(frames) - np.square(mean).mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    return mean, np.sqrt(np.maximum(variance, _NOISE**2)).astype(np.float32)


def _levels(fields: F32x3) -> F32x3:
    return np.stack([cv2.blur(field, (_LEVEL, _LEVEL)) for field in fields])


def _with_level(steps: F32x3, fields: F32x3, mean: F32x3, spread: F32x3) -> F32x3:
    """Steps to the right and down, summed with how far above the usual their middle lies, (2, H, W)."""
    level = np.clip((_levels(fields) - mean) / spread, -_FAR, _FAR)
    results = []
    for axis in (0, 1):
        ends = level.copy()
        before, after = (level[:, :-1], level[:, 1:]) if axis == 0 else (level[..., :-1], level[..., 1:])
        (ends[:, :-1] if axis == 0 else ends[..., :-1])[...] = (before + after) / 2
        results.append((steps[axis::2] * ends).sum(axis=0))
    return np.stack(results)


def _power(sums: F32x3, squares: F32x3) -> F32x2:
    """How far sums are from 0, in variances, averaged over a window."""
    power: F32x2 = cv2.blur((np.square(sums) / (squares + np.float32(1e-3))).sum(axis=0), (_WINDOW, _WINDOW))
    return power


def _region(there: Mask, every: int, shape: tuple[int, int]) -> Mask:
    """Finds closed to an area, filled, grown, and at full size."""
    pad = _CLOSE + 1
    mask = np.pad(there.astype(np.uint8), pad)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _CLOSE + 1,) * 2)
    closed = ndimage.binary_fill_holes(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disc)[pad:-pad, pad:-pad])
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _GROW + 1,) * 2)
    region = cv2.dilate(closed.astype(np.uint8), around)
    if every > 1:
        region = cv2.resize(region, shape[::-1], interpolation=cv2.INTER_NEAREST)
    return region.astype(np.bool_)


def aligned(frames: Frames, reach: int) -> list[Shift]:
    """Where what repeats lies in each picture, against the first one."""
    shifts: list[Shift] = [(0, 0)] * len(frames)
    for _ in range(_ROUNDS):
        template = np.zeros((1, 1, 1), np.float32)
        for steps, shift in zip(_all_steps(frames), shifts, strict=True):
            template = template + np.roll(steps, (-shift[0], -shift[1]), axis=(1, 2))
        before, found_now = shifts, []
        for steps, shift in zip(_all_steps(frames), before, strict=True):
            others = template - np.roll(steps, (-shift[0], -shift[1]), axis=(1, 2))
            found_now.append(_best(steps, others, reach))
        first = found_now[0]
        shifts = [(row - first[0], column - first[1]) for row, column in found_now]
        if shifts == before:
            break
    return shifts


def _all_steps(frames: Frames) -> Iterator[F32x3]:
    for colours in frames.colours():
        yield _steps(_fields(_smaller(colours, 1), gain=False)[:1])


def _best(steps: F32x3, template: F32x3, reach: int) -> Shift:
    """The shift within ``reach`` at which steps are most like a template's."""
    power: F64x2 = np.zeros(steps.shape[1:])
    for one, other in zip(steps, template, strict=True):
        power += np.fft.irfft2(np.fft.rfft2(one) * np.conj(np.fft.rfft2(other)), s=one.shape)
    rows = columns = range(-reach, reach + 1)
    places = list(product(rows, columns))
    return places[int(np.argmax([power[place] for place in places]))]
