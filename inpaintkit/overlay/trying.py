"""How far what was divided out can be trusted, ink of a lossy picture, light and dirt of any: the picture itself says.

The overlay is drawn once more, where the picture is known, stored as the file was, and taken off by the same steps. So
it is seen how near the truth that comes, beside fills under the mask and under the mask grown by one and two pixels:
in luma and in colours, and for pixels of each opacity. Of these the picture then takes the mixture that came nearest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import F64x1, F64x2
from inpaintkit.compositing import Units
from inpaintkit.overlay.background import Values, mixed, steps, unmixed
from inpaintkit.overlay.light import estimate_light
from inpaintkit.overlay.model import Mode, Overlay
from inpaintkit.overlay.noise import Stored
from inpaintkit.overlay.removing import Fill, Pixels, Removed, remove
from inpaintkit.overlay.single import around, estimate_single
from inpaintkit.overlay.stamping import Stamped, in_levels, stamped
from inpaintkit.picture import Picture, grow, span_of
from inpaintkit.problem import Mask

_GROWN = (0, 1, 2)  # px
_EDGES = (0.0, 0.15, 0.4, 0.7, 0.93)  # of opacity, between pixels that are judged apart
_FEW = 50  # pixels that say nothing
_FURTHER = 2.0  # times the squared distance in the trial, by which two ways may be apart
_RIDGE = 1e-6  # keeps weights of equal ways defined

_ROUGHER = 1.5  # times as far from the truth as in the trial: more is not expected of a fill
_ASIDE = 3.0  # times the squared mean of what sets light apart from a fill: of a fill errors change sign, of light not
_TINY = 1e-12  # of a level's square: keeps the weights of exact ways defined
_UNKNOWN = len(_EDGES) + 1  # the kind of pixels that no ink explains
_LUMA, _COLOURS = slice(0, 1), slice(1, None)


@dataclass(frozen=True, eq=False)
class _Ways:
    """What each way makes of a picture, float64 (way, h, w, C) in levels, mixed; and the kind of each pixel."""

    made: NDArray[np.float64]
    kind: NDArray[np.int64]


def tried(
    picture: Picture,
    overlay: Overlay,
    hole: Mask,
    removed: Removed,
    fill: Fill,
    stored: Stored | None,
    colour: Values | None = None,
) -> Removed:
    """What was removed, mixed with fills where these came nearer in a trial.

    Parameters
    ----------
    picture, overlay, removed : before, what lay over it, and after.
    hole : bool (H, W), what is covered at all.
    fill : fills the hole of a picture of any size.
    stored : how the file stored the picture.
    colour : the ink, where it was told.
    """
    here = around(removed.touched).slices
    hole, unknown = (hole & (overlay.opacity > 0))[here], _unknown(overlay)[here]
    if overlay.under or picture.alpha or picture.colours not in (1, 3) or grow(hole, max(_GROWN)).all():
        return removed
    units = Units(picture, span_of(picture, removed.touched), False)
    scale = 255 / units.peak
    part = in_levels(overlay, here, units.peak)
    own = _Ways(_made(picture.pixels[here], removed.pixels[here], hole, fill, scale), _kinds(part, unknown))
    clean = removed.pixels[here].astype(np.float64) * scale
    trial = stamped(clean, part, hole, unknown, stored)
    if np.count_nonzero(trial.hole & trial.known) < _FEW:
        return removed
    other = _taken_off(trial, overlay.mode, fill, stored, None if colour is None else colour * scale)
    rough = None
    if overlay.mode != "cover" and stored is not None:  # what a lossy file hides of light is seldom alike at two places
        rough = _steps(picture.pixels[here] * scale, hole), _steps(trial.levels, trial.hole)
    found, share = _mixture(own, other, mixed(clean), trial.known, rough)
    return _written(removed, units, here, own.kind >= 0, unmixed(found) / scale, share)


def _taken_off(trial: Stamped, mode: Mode, fill: Fill, stored: Stored | None, colour: Values | None) -> _Ways:
    """What each way makes of a trial."""
    picture = Picture(trial.levels, False)
    if mode == "cover":
        overlay = estimate_single(picture, trial.hole, colour=colour, stored=stored)
    else:
        overlay = estimate_light(picture, trial.hole, mode, colour=colour, stored=stored)
    removed = remove(picture, overlay, fill, stored)
    return _Ways(_made(trial.levels, removed.pixels, trial.hole, fill, 1.0), _kinds(overlay, trial.unknown))


def _steps(levels: Pixels, hole: Mask) -> Values:
    """Variances of the steps between neighbours around each pixel of levels (h, w, C), mixed, alike."""
    covariance = steps(mixed(levels.astype(np.float64)).astype(np.float32), ~hole)
    found: Values = np.einsum("hwcc->hwc", covariance).astype(np.float64)
    return found


def _unknown(overlay: Overlay) -> Mask:
    """Pixels that no ink explains."""
    unknown = np.zeros(overlay.shape, np.bool_)
    for box in overlay.info.ambiguous:
        unknown[box.slices] = True
    unknown = grow(unknown, 1)  # where colours have bled, one pixel more was filled
    if overlay.deviation is not None:
        unknown &= (overlay.opacity == 1) & (overlay.deviation == 0)
    return unknown


def _made(pixels: Pixels, clean: Pixels, hole: Mask, fill: Fill, scale: float) -> NDArray[np.float64]:
    """What each way makes of pixels (h, w, C): what was removed, and fills."""
    weight = (~hole).astype(np.float32)
    fills = [fill(pixels, grow(hole, by), weight) for by in _GROWN]
    return np.stack([mixed(made.astype(np.float64) * scale) for made in (clean, *fills)])


def _kinds(overlay: Overlay, unknown: Mask) -> NDArray[np.int64]:
    """Of each pixel: by its opacity, then those that only colours bled to, then unknown ones; -1 beside the overlay."""
    kinds = np.digitize(overlay.opacity, _EDGES[1:], right=True)
    kinds[overlay.opacity == 0] = len(_EDGES)
    kinds[unknown] = _UNKNOWN
    kinds[~overlay.touched] = -1
    return kinds.astype(np.int64)


def _mixture(
    own: _Ways, other: _Ways, truth: Values, known: Mask, rough: tuple[Values, Values] | None
) -> tuple[Values, Values]:
    """The ways mixed as it would have been best in the trial, (h, w, C), and the share of what was removed, (h, w).

    ``rough`` is how rough the picture is here and where the trial was, of light that a lossy file stored.
    """
    found, share = own.made[0].copy(), np.ones(own.kind.shape)
    for kind in np.unique(own.kind[own.kind >= 0]):
        mine, there = own.kind == kind, known & (other.kind == kind)
        if np.count_nonzero(there) < _FEW:
            there = known & (other.kind >= 0)
        if np.count_nonzero(there) < _FEW:
            continue
        first = 1 if kind == _UNKNOWN else 0
        for part in (_COLOURS, _LUMA)[-min(truth.shape[2], 2) :]:
            ways, tries = (made[first:, which, part] for made, which in ((own.made, mine), (other.made, there)))
            errors = tries - truth[there, part]
            if rough is None:
                weights = _weights(errors, ways)
            else:
                here, at_trial = (
                    float(np.sum(np.mean(plane[where, part], axis=0)))
                    for plane, where in zip(rough, (mine, there), strict=True)
                )
                weights = _guarded(errors, ways, min((here / max(at_trial, _TINY)) ** 0.5, _ROUGHER))
            found[mine, part] = np.einsum("k,knc->nc", weights, ways)
            share[mine] = 0 if first else weights[0]  # of luma
    return found, share


def _written(
    removed: Removed, units: Units, here: tuple[slice, slice], changed: Mask, colours: Values, share: Values
) -> Removed:
    """With the colours (h, w, C), in the picture's units, of a part of it."""
    pixels, weight = removed.pixels.copy(), removed.weight.copy()
    pixels[here][changed] = units.typed(colours[changed])
    weight[here][changed] *= share[changed]
    return replace(removed, pixels=pixels, weight=weight)


def _weights(errors: NDArray[np.float64], ways: NDArray[np.float64]) -> F64x1:
    """The share of each way, all at least 0, with the least squared error in the trial.

    Where a way is further from the best fill than it was in the trial, it is off in a way that was not tried.

    Parameters
    ----------
    errors : (way, n, C), in the trial.
    ways : (way, m, C), what is to be mixed.
    """
    flat, now = errors.reshape(len(errors), -1), ways.reshape(len(ways), -1)
    products = flat @ flat.T / flat.shape[1]
    best = len(products) - len(_GROWN) + int(np.argmin(products.diagonal()[-len(_GROWN) :]))
    apart = np.square(now - now[best]).mean(axis=1) - _FURTHER * np.square(flat - flat[best]).mean(axis=1)
    products += np.diag(np.maximum(apart, 0))
    products += np.eye(len(products)) * _RIDGE * np.trace(products)
    return min(_vertices(products), key=lambda weights: float(weights @ products @ weights))


def _guarded(errors: NDArray[np.float64], ways: NDArray[np.float64], rougher: float) -> F64x1:
    """The share of light taken off and of the plain fill.

    The fill is taken to err as much more than in the trial as the picture is rougher here. Light is taken to err as in
    the trial and, besides, by what sets it further from the fill than these errors do, or aside from it on the mean.

    Parameters
    ----------
    errors, ways : as of ``_weights``.
    rougher : how many times.
    """
    apart = ways[0] - ways[1]
    filled, both = np.mean(errors[1] ** 2) * rougher**2, np.mean(errors[0] * errors[1]) * rougher
    removed = np.mean(errors[0] ** 2)
    removed += max(np.mean(apart**2) - (filled + removed - 2 * both), 0)
    removed += _ASIDE * np.mean(apart.mean(axis=0) ** 2)
    share = float(np.clip((filled - both) / max(filled + removed - 2 * both, _TINY), 0, 1))
    weights = np.zeros(len(ways))
    weights[:2] = share, 1 - share
    return weights


def _vertices(products: F64x2) -> Iterator[F64x1]:
    """Of each selection of ways the shares that are best, where none is negative."""
    for size in range(1, len(products) + 1):
        for some in map(list, combinations(range(len(products)), size)):
            own = np.linalg.solve(products[np.ix_(some, some)] + _TINY * np.eye(size), np.ones(size))
            if (own >= 0).all():
                weights = np.zeros(len(products))
                weights[some] = own / own.sum()
                yield weights
