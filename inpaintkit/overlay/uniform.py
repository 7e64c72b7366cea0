"""A mark of one ink and one opacity, whose edges cover their pixels in part: few unknowns instead of many a pixel.

All covered pixels share gain and offset. A pixel at the edge is covered in part, so that its opacity is its own and its
ink is not: t = -W (s - 1). A pixel that shows nothing of the ink has gain 1. Which pixel is which is read off how far
its own best gain lies from either, in standard errors. Whether the mark is such a one is for the pixels to say: what
their likelihood loses by sharing must be less than the unknowns that are saved would gain by chance (Schwarz's
criterion, 1978, doi:10.1214/aos/1176344136).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inpaintkit.arrays import Bool1, F64x1, F64x2
from inpaintkit.overlay.fitting import Series
from inpaintkit.overlay.sums import Freedom, fitted

_ROUNDS, _PASSES = 4, 3  # over the pictures; over the pixels' parts within one
_NEAR = 3.0  # standard errors
_WIDE = 0.15  # of opacity, within which a pixel is taken for covered at first
_BINS, _FAINT = 100, 0.04  # of the histogram of opacities; opacities below which are not looked at there
_FEW = 16  # covered pixels that make a mark


@dataclass(frozen=True)
class Uniform:
    """A fit of a uniform mark.

    Attributes
    ----------
    fit : gains and offsets as in ``Series``.
    ink : float64 (C,), in 255ths of white.
    opacity : of covered pixels.
    covered, bare : bool (N,), pixels that are covered entirely, and not at all.
    errors : float64 (N,), standard errors of the gains.
    """

    fit: F64x2
    ink: F64x1
    opacity: float
    covered: Bool1
    bare: Bool1
    errors: F64x1


def uniform(series: Series) -> Uniform | None:
    """Fit a uniform mark to a series that has been fitted freely; None where it is another kind of mark."""
    free, gain = series.fit, series.fit[:-1, 0] - 1
    opacity = _commonest(1 - 1 / series.fit[:-1, 0])
    if opacity is None:
        return None
    ink = -(series.fit[:-1, 1:] * gain[:, None]).sum(axis=0) / np.square(gain).sum()
    covered = np.abs(1 - 1 / series.fit[:-1, 0] - opacity) < _WIDE
    bare = np.zeros_like(covered)
    for number in range(_ROUNDS):
        for _ in range(_PASSES):
            found = _shared(series, ink, covered, bare)
            if found is None:
                series.fit = free
                return None
            ink, (covered, bare) = found.ink, _parts(series, found)
        assert found is not None
        if number == 0 and not _is_likelier(series, found, free):
            series.fit = free
            return None
        series.fit = found.fit
        if number + 1 < _ROUNDS:
            series.gather()
    return found


def _commonest(opacities: F64x1) -> float | None:
    """The opacity that most of what is covered has."""
    counts, edges = np.histogram(opacities, _BINS, (0.0, 1.0))
    weights = np.convolve(counts * (edges[:-1] + 0.5 / _BINS), np.ones(5), "same")
    weights[edges[1:] <= _FAINT] = 0
    if not weights.any():
        return None
    middle = edges[int(weights.argmax())] + 0.5 / _BINS
    return float(np.median(opacities[np.abs(opacities - middle) < 3.5 / _BINS]))


def _shared(series: Series, ink: F64x1, covered: Bool1, bare: Bool1) -> Uniform | None:
    """The likeliest fit in which covered pixels share all and the others the ink."""
    if np.count_nonzero(covered) < _FEW:
        return None
    size, channels = len(covered), series.channels
    group = np.zeros(size, np.int64)
    group[~covered] = 1 + np.arange(size - np.count_nonzero(covered))
    fit = series.fit.copy()
    fit[:-1][covered] = fit[:-1][covered].mean(axis=0)
    jacobian = series.jacobian(covered)
    for _ in range(2):
        directions = np.zeros((size, 1 + channels, 1 + channels))
        directions[covered] = np.eye(1 + channels)
        directions[~covered & ~bare, 0] = np.concatenate([[1.0], -ink])
        fit[:-1][~covered, 1:] = -ink * (fit[:-1][~covered, :1] - 1)
        fit[:-1][bare] = series.graph.identity(channels)[-1]
        freedom = Freedom(directions, group, int(group.max()) + 1, shared=0)
        fit = fitted(series.sums, fit, freedom, jacobian, max_steps=2)
        gain, offset = fit[:-1][covered][0, 0], fit[:-1][covered][0, 1:]
        if gain <= 1 + 1e-3:
            return None
        ink = -offset / (gain - 1)
    return Uniform(fit, ink, 1 - 1 / gain, covered, bare, _errors(series, fit, ink))


def _errors(series: Series, fit: F64x2, ink: F64x1) -> F64x1:
    """The standard error of each pixel's gain, its neighbours and the ink given."""
    along = np.concatenate([[1.0], -ink])
    curvature = np.einsum("c,xcd,d->x", along, series.sums.blocks(), along)
    errors: F64x1 = 1 / np.sqrt(curvature + series.jacobian() / np.square(fit[:-1, 0]))
    return errors


def _parts(series: Series, found: Uniform) -> tuple[Bool1, Bool1]:
    """Which pixels are covered and which are bare, by their own best gains."""
    along = np.concatenate([[1.0], -found.ink])
    gain = found.fit[:-1, 0]
    slope = series.sums.gradient(found.fit)[:-1] @ along - series.jacobian() / gain
    own = gain - slope * np.square(found.errors)
    full = 1 / (1 - found.opacity)
    from_full, from_one = (full - own) / found.errors, (own - 1) / found.errors
    covered = (from_full < _NEAR) & (from_full < from_one)
    return covered, ~covered & (from_one < _NEAR)


def _is_likelier(series: Series, found: Uniform, free: F64x2) -> bool:
    """Whether the likelihood loses less than the saved unknowns would gain by chance."""
    jacobian = series.jacobian()
    change = found.fit - free
    slope = series.sums.gradient(free)
    lost = 0.5 * float((change * series.sums.gradient(change)).sum()) + float((change * slope).sum())
    lost -= float((jacobian * np.log(found.fit[:-1, 0] / free[:-1, 0])).sum())
    own = np.count_nonzero(~found.covered & ~found.bare)
    saved = len(jacobian) * (1 + series.channels) - own - (1 + series.channels)
    pictures = np.count_nonzero(series.present) * series.channels
    return bool(lost < 0.5 * math.log(pictures) * saved)
