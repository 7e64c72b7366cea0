"""Dust on film by a scan's infrared, which the film's dyes let through and dust does not.

    log infrared - cross-talk of the dyes - clean film around = log of what the dust lets through

Film, lamp and scanner set the level, so nothing is judged by it: the cross-talk is fitted on the picture itself, clean
film is the median of large blocks, and what remains counts in standard deviations of its own noise, block by block.

    y   log infrared
    p   log infrared that the colours of a pixel predict: their logarithms times the dyes' cross-talk
    q   the same from the colours around, which no speck reaches
    z   a mean over near pixels, in standard deviations of such means

Dust hides the colours too, so p is not what the film under it has: there y - p may be small, or even above zero. So a
pixel is dust where p does not explain y, and y lies below q.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.find.scoring import confidence, threshold
from inpaintkit.problem import Image, Mask

_SCALES = (0.0, 1.0, 2.0, 4.0)  # px: of the means in which dust is looked for
_RARE = 12.0  # log-odds against dust at one place
_ACTED = 2.0  # log-odds that acting asks for on top
_GROWN = 2.5  # z to which dust is followed from where it is certain
_BELOW, _FAR_BELOW = 1.0, 3.0  # z by which y is below q: where it is below p as well, and where it is not
_BLACK, _WHITE = 0.02, 0.98  # beyond these a colour says too little of the dyes to fit them
_LEVEL = 0.5 / 255  # what a colour may be off by
_SAMPLE = 200_000  # pixels to fit on
_FEW = 1_000  # with fewer nothing is fitted
_ROUNDS = 8  # of fitting
_MOST = 5.0  # deviations that one pixel counts in a mean
_CLEAN = 0.06  # deviations of a pixel to which clean film is known
_STEP = 1e-4  # least noise: of what is stored without any
_LEAST = 1e-3  # of the clean film's infrared: less is as good as none
_AROUND = 4  # px of the coarse picture's grid
_MEDIAN = 17  # of that grid, the square that is larger than any speck


@dataclass(frozen=True, eq=False)
class Infrared:
    """What infrared says of dust: mask bool (H, W), confidence float32 (H, W) in [0, 1], 0 outside of the mask;
    transmission float32 (H, W) in (0, 1], of infrared, 1 outside; deviation float32 (H, W), its standard error."""

    mask: Mask
    confidence: Image
    transmission: Image
    deviation: Image


def find_infrared(image: Image, infrared: NDArray[np.generic], *, sensitivity: float, act: bool) -> Infrared:
    """Find dust.

    Parameters
    ----------
    image : float32 (H, W, C) in [0, 1], for the dyes.
    infrared : (H, W) of any type and scale, bright where the film is clean.
    sensitivity, act : as of every finder.
    """
    asked = threshold(sensitivity, 1.0, 6.0) + _ACTED * act
    film = _Film(image, infrared, np.zeros(infrared.shape, np.bool_))
    film = _Film(image, infrared, _found(film, asked)[0])  # fitted without the dust
    mask, sure = _found(film, asked)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))  # soft edges
    mask, sure = cv2.dilate(mask.astype(np.uint8), cross).view(np.bool_), np.asarray(cv2.dilate(sure, cross))
    let_through = film.transmission(mask)
    return Infrared(mask, sure, let_through, np.asarray(film.noise * let_through))


def _found(film: _Film, asked: float) -> tuple[Mask, Image]:
    """Where dust is, from the smallest means to the largest, and how sure each pixel is."""
    mask, sure = np.zeros(film.shape, np.bool_), np.zeros(film.shape, np.float32)
    for scale in _SCALES:
        unexplained, below = film.deviations(film.own, scale, mask), film.deviations(film.around, scale, mask)
        dark = (below < -_BELOW) & ((unexplained < 0) | (below < -_FAR_BELOW))
        found, score = _followed(np.where(dark, np.abs(unexplained), np.float32(0)), asked)
        mask |= found
        np.maximum(sure, confidence(np.minimum(score, 30)), out=sure, where=found)
    return mask, sure


def _followed(deviation: Image, asked: float) -> tuple[Mask, Image]:
    """Connected parts where something is certain, with gaps closed and the score of their best pixel."""
    square = np.ones((3, 3), np.uint8)
    low = cv2.morphologyEx((deviation > _GROWN).astype(np.uint8), cv2.MORPH_CLOSE, square)
    number, parts = cv2.connectedComponents(low, connectivity=8)
    best = np.zeros(number, np.float32)
    np.maximum.at(best, np.asarray(parts, np.int64).reshape(-1), deviation.reshape(-1))
    score = best**2 / 2 - _RARE
    return np.asarray((score > asked)[parts] & (parts > 0)), np.asarray(score[parts])


class _Film:
    """Logarithm of a scan's infrared, and what of it the dyes and clean film explain."""

    def __init__(self, image: Image, infrared: NDArray[np.generic], dust: Mask) -> None:
        self.shape = infrared.shape
        levels = infrared.astype(np.float32)
        clean = max(float(np.median(levels)), float(np.finfo(np.float32).tiny))
        self.infrared = np.log(np.maximum(levels / np.float32(clean), np.float32(_LEAST)))
        self.step = max(0.5 / clean, _STEP) if infrared.dtype.kind in "ui" else _STEP
        self.colours = np.maximum(image, np.float32(2 * _LEVEL))
        usable = (image > _BLACK).all(axis=2) & (image < _WHITE).all(axis=2) & (levels < levels.max())
        usable &= cv2.dilate(dust.astype(np.uint8), np.ones((5, 5))) == 0
        logs = np.log(self.colours)
        self.cross = _cross_talk(self.infrared, logs, usable)
        self.predicted = np.asarray(logs @ self.cross, np.float32)
        rest = self.infrared - self.predicted
        self.clean = _continued(_blocks(rest), self.shape)
        self.own = np.expm1(rest - self.clean)
        self.around = np.expm1(self.infrared - _without_specks(self.predicted) - self.clean)

    def deviations(self, rest: Image, scale: float, without: Mask | None = None) -> Image:
        """What remains, as means of a scale, in standard deviations of clean film's; ``without`` what is known."""
        white = 1 / (2 * np.pi**0.5 * scale) if scale >= 1 else 1.0  # of noise that neighbours do not share
        noise = np.sqrt(_noise(_mean(self.own, scale)) ** 2 + (self.step * white) ** 2 + (_CLEAN * self.noise) ** 2)
        if scale:  # a speck's own strength is no evidence beside it
            rest = np.clip(rest, -_MOST * self.noise, _MOST * self.noise)
        if without is not None and without.any():
            rest = np.where(cv2.dilate(without.astype(np.uint8), np.ones((3, 3))) > 0, np.float32(0), rest)
        doubt = np.sqrt(noise**2 + (self._rounded * white) ** 2 + _mean(self._hidden, scale) ** 2)
        return np.asarray(_mean(rest, scale) / doubt, np.float32)

    @cached_property
    def _rounded(self) -> Image:
        """What a level of the colours is in infrared."""
        return np.asarray((_LEVEL / self.colours) @ np.abs(self.cross), np.float32)

    @cached_property
    def _hidden(self) -> Image:
        """What colours that are clipped may hide."""
        black, white = self.colours < 3.5 * _LEVEL, self.colours > 1 - _LEVEL
        return np.asarray((black + np.float32(0.3) * white) @ np.abs(self.cross), np.float32)

    @cached_property
    def noise(self) -> Image:
        """Standard deviation of what remains on clean film, a pixel."""
        return np.asarray(np.sqrt(_noise(self.own) ** 2 + self.step**2), np.float32)

    def transmission(self, hole: Mask) -> Image:
        """What the dust in a hole lets through, where the dyes under it are like those around the hole."""
        around = cv2.dilate(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
        dyes, weight = np.where(around, self.predicted, np.float32(0)), around.astype(np.float32)
        for scale in (3.0, 12.0, 48.0):  # the nearest that there are
            near, share = _mean(dyes, scale), _mean(weight, scale)
            known = share > 0.02
            if known[hole].all():
                break
        rest = self.infrared - self.clean - np.where(known, near / np.maximum(share, 0.02), self.predicted)
        return np.where(hole, np.exp(np.minimum(rest, 0)), np.float32(1)).astype(np.float32)


def _cross_talk(infrared: Image, logs: Image, usable: Mask) -> NDArray[np.float32]:
    """The exponent of each colour in the infrared of clean film, fitted on what differs from the blocks around."""
    shape, channels = infrared.shape, logs.shape[2]
    at = np.flatnonzero(usable)
    at = at[:: max(1, len(at) // _SAMPLE)]
    if len(at) < _FEW:
        return np.zeros(channels, np.float32)
    planes = [infrared, *(logs[..., channel] for channel in range(channels))]
    y, *x = ((plane - _continued(_blocks(plane), shape)).reshape(-1)[at].astype(np.float64) for plane in planes)
    design = np.stack([*x, np.ones(len(at))], axis=1)
    weight = (y > -3 * 1.4826 * np.median(np.abs(y))).astype(np.float64)  # dust is darkest
    fit = np.zeros(channels + 1)
    for _ in range(_ROUNDS):
        normal = design.T @ (design * weight[:, None])
        fit = np.linalg.solve(normal + np.eye(channels + 1) * 1e-6 * len(at), design.T @ (weight * y))
        rest = y - design @ fit
        far = rest / (4.685 * 1.4826 * np.median(np.abs(rest)) + 1e-12)
        weight = np.where(np.abs(far) < 1, (1 - far**2) ** 2, 0)
    return np.asarray(fit[:channels], np.float32)


def _without_specks(plane: Image) -> Image:
    """Medians over squares larger than any speck."""
    height, width = (-(-side // _AROUND) for side in plane.shape)
    small = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
    least, span = float(small.min()), max(float(np.ptp(small)), 1e-6)
    coarse = cv2.medianBlur(np.rint((small - least) / span * 255).astype(np.uint8), _MEDIAN)
    return _spread(np.asarray(coarse, np.float32) * (span / 255) + least, plane.shape)


def _mean(plane: Image, scale: float) -> Image:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), scale), np.float32) if scale else plane


def _noise(rest: Image) -> Image:
    """Standard deviation of what remains, (H, W), by the medians of blocks: dust hides less than half of any."""
    local = np.float32(1.4826) * _blocks(np.abs(rest))
    local = np.asarray(cv2.medianBlur(local, 3), np.float32) if min(local.shape) > 2 else local
    return _spread(np.maximum(local, np.float32(0.5 * np.median(local))), rest.shape)


def _blocks(plane: Image) -> Image:
    """Medians of square blocks."""
    height, width = plane.shape
    side = int(np.clip(min(height, width) // 8, 16, 96))
    rows, columns = max(1, round(height / side)), max(1, round(width / side))
    tops, lefts = (
        np.linspace(0, length, parts + 1).astype(int) for length, parts in ((height, rows), (width, columns))
    )
    skip = 1 if side < 64 else 2
    grid = np.empty((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            block = plane[tops[row] : tops[row + 1] : skip, lefts[column] : lefts[column + 1] : skip]
            grid[row, column] = np.median(block)
    return grid


def _continued(grid: Image, shape: tuple[int, ...]) -> Image:
    """A grid of blocks as large as a picture, linear between their middles and on to its edges."""
    down, across = (_linear(*lengths) for lengths in zip(grid.shape, shape, strict=True))
    return np.asarray(down @ grid @ across.T, np.float32)


def _linear(cells: int, length: int) -> Image:
    """Weights (length, cells) of the two cells whose middles are nearest to each pixel."""
    if cells == 1:
        return np.ones((length, 1), np.float32)
    at = (np.arange(length) + 0.5) * cells / length - 0.5
    first = np.clip(np.floor(at).astype(int), 0, cells - 2)
    weights = np.zeros((length, cells), np.float32)
    weights[np.arange(length), first] = 1 + first - at
    weights[np.arange(length), first + 1] = at - first
    return weights


def _spread(grid: Image, shape: tuple[int, ...]) -> Image:
    """A coarse grid (h, w) as large as a picture."""
    return np.asarray(cv2.resize(grid, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)
