"""Neighbouring pixels of which one or both have light or dirt over them, and the one colour that this has.

Beneath, what sets neighbours apart is as around the hole: mostly small, along the directions of colour that are usual
there, and now and then large. So steps d of the picture have the density of Student's t with covariance S. Where a C
lies over it, steps of a go along C, by any amount; across C the picture shows its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from inpaintkit.arrays import Bool2, F64x1, F64x3, I64x1
from inpaintkit.overlay.background import Values, steps
from inpaintkit.overlay.bleeding import any_of_four, averaged
from inpaintkit.problem import Mask

FREEDOM = 1.0  # degrees of freedom: large steps at the edges of things are common
_UNSEEN = 1e4  # times the range, squared: the variance of a channel that is lost
_SCALES = 3  # resolutions, each half of the one before
_MORE = 1.25  # times as much must be explained at a coarser one
_FEW = 30  # pairs that say nothing
_MOST = 2**14  # pairs that are looked at for the colour
_SEARCH = {"xatol": 1e-3, "fatol": 1e-2}
_BESIDE = 0.2  # of the other channels in the colours that searches begin with
_NEGATIVE = 0.5  # share of the colour: light that lessens a channel so much is unlikely


@dataclass(frozen=True, eq=False)
class Pairs:
    """n pairs of neighbours, of which one at least is in the hole.

    Attributes
    ----------
    one, other : flat indices.
    precision : float64 (n, C, C), the inverse of the covariance of steps of the picture beneath, with noise.
    """

    one: I64x1
    other: I64x1
    precision: F64x3

    @classmethod
    def of(cls, seen: Values, hole: Mask, noise: Values) -> Pairs:
        """Those of a hole (h, w) in a picture (h, w, C), whose pixels have ``noise`` of covariance (h, w, C, C)."""
        index = np.arange(hole.size).reshape(hole.shape)
        sides = [(index[:-1], index[1:]), (index[:, :-1], index[:, 1:])]
        touched = [hole.reshape(-1)[a] | hole.reshape(-1)[b] for a, b in sides]
        one = np.concatenate([a[where] for (a, _), where in zip(sides, touched, strict=True)])
        other = np.concatenate([b[where] for (_, b), where in zip(sides, touched, strict=True)])
        channels = seen.shape[2]
        usual = steps(seen.astype(np.float32), ~hole).reshape(-1, channels, channels)
        own = np.broadcast_to(noise, (*hole.shape, channels, channels)).reshape(-1, channels, channels)
        covariance = (usual[one] + usual[other]).astype(np.float64) / 2 + own[one] + own[other]
        return cls(one, other, np.linalg.inv(covariance))


def colour_of(seen: Values, hole: Mask, lost: Mask, noise: Values) -> tuple[F64x1, int]:
    """The colour of what lies over a picture in a hole, of length 1, under which steps are likeliest.

    Noise hides the steps of a blurred light from pixel to pixel; at a coarse resolution small digits are lost. So it is
    looked for at several, and the coarser is taken where it explains clearly more of a step. How often that is halved
    comes second.

    Parameters
    ----------
    seen, hole, lost, noise : as ``separating.separate`` takes them.
    """
    if seen.shape[2] == 1:
        return np.ones(1), 0
    best, most = (np.full(seen.shape[2], seen.shape[2] ** -0.5), 0), 0.0
    for halvings in range(_SCALES):
        found, explained = _likeliest(seen, hole, lost, noise)
        if explained > _MORE * most:
            best, most = (found, halvings), explained
        seen, hole, lost, noise = averaged(seen), any_of_four(hole), any_of_four(lost), noise / 4
    return best


def _likeliest(seen: Values, hole: Mask, lost: Mask, noise: Values) -> tuple[F64x1, float]:
    """That colour at one resolution, and the logarithm by which a pair is likelier with it on the mean."""
    pairs = Pairs.of(seen, hole, noise)
    channels = seen.shape[2]
    colours, cut_off = seen.reshape(-1, channels), (lost & hole[..., None]).reshape(-1, channels)
    there = ~(cut_off[pairs.one] | cut_off[pairs.other])
    some = np.flatnonzero(there.sum(axis=1) >= 2)
    some = some[:: 1 + len(some) // _MOST]
    if len(some) < _FEW:
        return np.zeros(channels), 0.0
    step, there = (colours[pairs.other] - colours[pairs.one])[some], there[some]
    precision = _of_channels(pairs.precision[some], there)
    whole = np.einsum("nc,ncd,nd->n", step, precision, step)
    power = (FREEDOM + there.sum(axis=1) - 1) / 2

    def cost(colour: F64x1) -> float:
        way = precision @ colour
        along = np.einsum("nc,nc->n", way, step) ** 2 / np.maximum(way @ colour, 1e-12)
        across = np.maximum(whole - along, 0)
        less = np.square(np.minimum(colour, 0) / _NEGATIVE).sum() * len(step)
        return float(power @ np.log1p(across / FREEDOM) + less)

    best = min((_searched(cost, start) for start in _starts(channels)), key=cost)
    return best, float(power @ np.log1p(whole / FREEDOM) - cost(best)) / len(step)


def _of_channels(precision: F64x3, there: Bool2) -> F64x3:
    """The inverse covariances of some of the channels, and 0 in the others."""
    covariance = np.linalg.inv(precision)
    own = np.arange(there.shape[1])
    covariance[:, own, own] += np.where(there, 0, _UNSEEN)
    both = there[:, :, None] & there[:, None, :]
    found: F64x3 = np.linalg.inv(covariance) * both
    return found


def _starts(channels: int) -> Iterator[F64x1]:
    """Colours of length 1 from which searches begin: grey, and each channel with a little of the others."""
    for colour in (np.ones(channels), *(np.eye(channels) + _BESIDE)):
        yield colour / np.linalg.norm(colour)


def _searched(cost: Callable[[F64x1], float], start: F64x1) -> F64x1:
    """The colour of length 1 with the least cost, around ``start``."""
    across = np.linalg.svd(start[None])[2][1:]  # directions at right angles to it

    def at(point: F64x1) -> F64x1:
        colour = start + point @ across
        found: F64x1 = colour / np.linalg.norm(colour)
        return found

    end = minimize(lambda point: cost(at(point)), np.zeros(len(across)), method="Nelder-Mead", options=_SEARCH)
    return at(end.x)
