"""The ink of letters of one style and its opacity, by what they make of the background.

All pixels of a style lie between their background and the ink: I = (1 - a) B + a C, a from 0 to o. Where B is expected
with an error of covariance S, and N is the noise of what is seen, I has the mean (1 - a) B + a C and the covariance
(1 - a)² S + N. A share w of the pixels is covered in full, a = o; of the others any a is as likely. C, o, w and N are
those under which the pixels seen are likeliest. Letters without a covered core are enough: lines from many backgrounds
meet in the ink.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, ndtr

from inpaintkit.overlay.background import Background, Values, mixed, unmixed
from inpaintkit.problem import Mask

_STRONG = 25.0  # squared distance from the background, in its standard deviations, of pixels that show the ink
_PIXELS, _FEW = 700, 20  # pixels looked at, at most and at least
_WIDTH = 6 / 255  # of the range: half the side of a cell of colours that are alike
_OUTLIERS = 0.02  # likelihood of a pixel that shows something else
_NOISE = 0.25 / 255, 12 / 255  # of the range, least and most
_MIN_OPACITY = 0.05
_OPAQUE = 0.02, 3.0  # from 1, and in noises: opacities that are nearer are 1, since nothing that shows through is seen
_OPACITIES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.96)  # where searches begin
_BEYOND = (1.15, 1.4, 1.8)  # times the way to the commonest colour, where letters may have no core
_SEARCHES, _STEPS = 3, 350
_CLEAR = 0.15  # share of covered pixels that leaves no doubt
_TOLD = 0.25  # noises by which an ink may differ from what is told
_OUTSIDE = 20.0  # price of a colour outside the picture's range, for the whole range


@dataclass(frozen=True)
class Ink:
    """What letters of one style are drawn with.

    Attributes
    ----------
    colour : float64 (C,), mixed.
    opacity : o, of covered pixels.
    covered : w, their share.
    noise : standard deviation of what is seen, beyond what is modelled, in each mixed channel.
    likelihood : mean log-likelihood of a pixel.
    """

    colour: Values
    opacity: float
    covered: float
    noise: float
    likelihood: float = -np.inf


def ink_of(
    seen: Values, background: Background, limits: tuple[float, float], told: Values | None = None, noise: float = 0.0
) -> Ink | None:
    """The ink that pixels show, or None where hardly any differ from their background.

    Parameters
    ----------
    seen : float64 (n, C), mixed.
    limits : of the picture's values.
    told : the ink's colour, mixed, where it is known.
    noise : of what is seen, at least.
    """
    strong = np.flatnonzero(differs(seen, background))
    if len(strong) < _FEW:
        return None
    some = np.random.default_rng(0).permutation(strong)[:_PIXELS]
    chosen = np.zeros(len(seen), np.bool_)
    chosen[some] = True
    near, shown = background.of(chosen), seen[chosen]

    fixed = told if noise == 0 else None  # what is noisy was cut off where values end: white is no longer quite white

    def cost(point: Values) -> float:
        ink = _ink_at(point, fixed, noise)
        if not _MIN_OPACITY <= ink.opacity <= 1:
            return 1e9
        plain = unmixed(ink.colour[None])[0]
        outside = np.maximum(plain - limits[1], 0).sum() + np.maximum(limits[0] - plain, 0).sum()
        off = (
            0.0 if told is None or fixed is not None else float(np.square((ink.colour - told) / (_TOLD * noise)).sum())
        )
        return float(_OUTSIDE * outside + off / 2 / len(shown) - likelihood(shown, near, ink).mean())

    return _likeliest(cost, list(_starts(seen[strong], shown, near, limits, told, free=fixed is None)), fixed, noise)


def differs(seen: Values, background: Background) -> Mask:
    """Whether pixels are surely not their background, bool (n,)."""
    found: Mask = (background.along(seen) ** 2 / background.variances).sum(axis=1) > _STRONG
    return found


def stands_out(ink: Ink, background: Background) -> Mask:
    """Whether pixels covered by the ink would surely not be their background, bool (n,)."""
    way = background.along(ink.colour)
    found: Mask = (way**2 / (background.variances + ink.noise**2)).sum(axis=1) > _STRONG
    return found


def _likeliest(cost: Callable[[Values], float], starts: list[Values], told: Values | None, noise: float) -> Ink:
    """The end of the best of the searches that begin where cost is least."""
    costs = [cost(point) for point in starts]
    options = {"maxiter": _STEPS, "xatol": 1e-2, "fatol": 1e-4, "adaptive": True}
    best = None
    for k in np.argsort(costs, kind="stable")[:_SEARCHES]:
        end = minimize(cost, starts[k], method="Nelder-Mead", options=options)
        best = end if best is None or end.fun < best.fun else best
        if _ink_at(best.x, told, noise).covered > _CLEAR:
            break
    assert best is not None
    ink = _ink_at(best.x, told, noise)
    opacity = ink.opacity if 1 - ink.opacity > max(_OPAQUE[0], _OPAQUE[1] * ink.noise) else 1.0
    return Ink(ink.colour, opacity, ink.covered, ink.noise, -float(best.fun))


def likelihood(seen: Values, background: Background, ink: Ink) -> Values:
    """The log-likelihood of each pixel."""
    away, way = background.along(seen), background.along(ink.colour)
    share, deviation, off = toward(away, way, background.variances, ink)
    between = log_normal(off, spread(share, background.variances, ink.noise))
    between += log_of_line(share, deviation, ink.opacity)
    core = log_normal(away - ink.opacity * way, spread(ink.opacity, background.variances, ink.noise))
    parts = [np.log(ink.covered) + core, np.log1p(-ink.covered) + between, np.full(len(seen), np.log(_OUTLIERS))]
    found: Values = np.logaddexp.reduce(parts)
    return found


def toward(away: Values, way: Values, variances: Values, ink: Ink) -> tuple[Values, Values, Values]:
    """How opaque pixels are if nothing is known of them beforehand, its standard error, and what is off the line.

    away, way : from the background to what is seen, and to the ink.
    """
    share = np.full(len(away), 0.6 * ink.opacity)
    for _ in range(3):
        weight = way / spread(share, variances, ink.noise)
        known = (weight * way).sum(axis=1)
        share = (weight * away).sum(axis=1) / known
    deviation = (way**2 / spread(np.clip(share, 0, ink.opacity), variances, ink.noise)).sum(axis=1) ** -0.5
    return share, deviation, away - share[:, None] * way


def spread(share: Values | float, variances: Values, noise: float) -> Values:
    """Variances of pixels of the given opacities along the background's axes."""
    left: Values = np.square(1 - np.clip(np.atleast_1d(share), 0, 1))[:, None] * variances + noise**2
    return left


def log_of_line(share: Values, deviation: Values, opacity: float) -> Values:
    """The logarithm of a normal density integrated over all opacities that are as likely."""
    inside = ndtr((opacity - share) / deviation) - ndtr(-share / deviation)
    found: Values = np.log(np.sqrt(2 * np.pi) * deviation / opacity) + np.log(np.maximum(inside, 1e-12))
    return found


def log_normal(off: Values, variances: Values) -> Values:
    """The logarithm of a normal density, of the errors (n, C) of n pixels."""
    found: Values = -0.5 * (off**2 / variances + np.log(2 * np.pi * variances)).sum(axis=1)
    return found


def _starts(
    strong: Values, shown: Values, near: Background, limits: tuple[float, float], told: Values | None, *, free: bool
) -> Iterator[Values]:
    """Where searches may begin: the commonest colour, what lies beyond it, and half-transparent inks."""
    if told is not None:
        for opacity in (1.0, *_OPACITIES):
            yield _point(told, opacity, 0.3, 1 / 255, limits, None if free else told)
        return
    common, deviation, share = commonest(strong)
    middle = np.median(near.mean, axis=0)
    yield _point(common, 1.0, np.clip(share, 0.05, 0.9), np.clip(deviation, 0.29 / 255, 6 / 255), limits)
    deep = near.depth >= min(2.0, float(np.quantile(near.depth, 0.6)))
    for opacity in _OPACITIES:
        through = np.median(shown[deep] - (1 - opacity) * near.mean[deep], axis=0) / opacity
        yield _point(through, opacity, 0.4, 1 / 255, limits)
        yield _point(common + (common - middle) * (1 / opacity - 1), opacity, 0.3, 1 / 255, limits)
    for times in _BEYOND:
        yield _point(middle + (common - middle) * times, 1.0, 0.05, 0.5 / 255, limits)


def commonest(colours: Values) -> tuple[Values, float, float]:
    """The colour around which most lie, how far they do, and the share that lie near."""
    cells = np.floor(colours / _WIDTH).astype(np.int64)
    _, cell, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    middle = colours[cell.reshape(-1) == np.argmax(counts)].mean(axis=0)
    near: Mask = np.ones(len(colours), np.bool_)
    for _ in range(8):
        near = (np.abs(colours - middle) < _WIDTH).all(axis=1)
        moved = np.median(colours[near], axis=0)
        if np.array_equal(moved, middle):
            break
        middle = moved
    deviation = 1.48 * np.median(np.abs(colours[near] - middle), axis=0)
    return middle, float(np.sqrt(np.mean(deviation**2))), float(near.mean())


# What is searched: the colour, if it is not told; the opacity's distance from 1; log-odds of w; the noise's logarithm.
_COLOUR_STEP, _OPACITY_STEP = 0.03, 0.05


def _point(
    colour: Values,
    opacity: float,
    covered: float,
    noise: float,
    limits: tuple[float, float],
    told: Values | None = None,
) -> Values:
    tail = [(1 - opacity) / _OPACITY_STEP, np.log(covered / (1 - covered)), np.log(noise)]
    if told is not None:
        return np.array(tail)
    return np.append(mixed(np.clip(unmixed(colour[None]), *limits))[0] / _COLOUR_STEP, tail)


def _ink_at(point: Values, told: Values | None, least: float) -> Ink:
    colour = point[:-3] * _COLOUR_STEP if told is None else told
    apart, odds, log_noise = point[-3:]
    covered = float(np.clip(expit(odds), 0.001, 0.999))
    noise = np.exp(np.clip(log_noise, *np.log(_NOISE)))
    return Ink(colour, 1 - abs(float(apart)) * _OPACITY_STEP, covered, max(float(noise), least))
