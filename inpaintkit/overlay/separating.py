"""Light or dirt told from the picture beneath, by the steps between neighbouring pixels.

What is seen is I = B + a C: one colour C, the amount a of each pixel in the hole, and none outside. Of all a and, where
a channel of I is cut off, all B, those are taken under which the steps of B are likeliest (``pairs``): weighted least
squares, a linear system with a few unknowns for each pixel, solved again and again with weights by the steps' sizes.
Channels that C hardly touches show where the picture is flat; there the others say a. How far a may be off is seen from
solutions for steps drawn by chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.sparse
from scipy.sparse.linalg import splu

from inpaintkit.arrays import Array, F64x1
from inpaintkit.overlay.background import Values
from inpaintkit.overlay.pairs import FREEDOM, Pairs
from inpaintkit.problem import Mask

_ROUNDS = 5  # of weights and of the colour
_RIDGE = 1e-7  # of the mean diagonal: keeps the system definite
_DRAWN, _SMOOTH = 12, 2.0  # solutions drawn by chance, and px over which their spread is averaged
_WIDER = 1.5  # times that spread: steps beneath lie along edges and go together, those drawn do not


@dataclass(frozen=True, eq=False)
class Separation:
    """What lies over a picture.

    Attributes
    ----------
    colour : float64 (C,), of length 1.
    amount, deviation : float64 (h, w), a, and its standard error; 0 outside the hole.
    """

    colour: F64x1
    amount: Values
    deviation: Values


def separate(seen: Values, hole: Mask, lost: Mask, noise: Values, colour: F64x1, *, free: bool) -> Separation:
    """What lies over a picture in a hole.

    Parameters
    ----------
    seen : float64 (h, w, C).
    hole : bool (h, w), all that it lies over, and something besides.
    lost : bool (h, w, C), values that are cut off.
    noise : float64 (h, w, C, C), or what broadcasts to it: covariance of each pixel's noise.
    colour : C, or where its search begins.
    free : it is searched.
    """
    field = _Field(seen, hole, lost, Pairs.of(seen, hole, noise))
    own = colour / np.linalg.norm(colour)
    for _ in range(_ROUNDS):
        field.solve(own)
        field.weigh()
        own = field.colour() if free else own
    field.solve(own)
    amount, deviation = np.zeros(hole.shape), np.zeros(hole.shape)
    amount[hole], deviation[hole] = field.amount, field.spread()
    share = np.maximum(cv2.GaussianBlur(hole.astype(np.float64), (0, 0), _SMOOTH), 1e-6)
    deviation = _WIDER * cv2.GaussianBlur(deviation, (0, 0), _SMOOTH) / share * hole
    return Separation(own, amount, deviation)


class _Field:
    """The unknowns and the equations: first a of each pixel of the hole, then the values that are lost."""

    def __init__(self, seen: Values, hole: Mask, lost: Mask, pairs: Pairs) -> None:
        channels = seen.shape[2]
        self._pairs = pairs
        self._seen, self._lost = seen.reshape(-1, channels), (lost & hole[..., None]).reshape(-1, channels)
        self._count = int(np.count_nonzero(hole))
        self._place = np.full(hole.size, -1)  # of each pixel's a among the unknowns, and of each lost value
        self._place[np.flatnonzero(hole)] = np.arange(self._count)
        self._value = np.full(self._lost.shape, -1)
        self._unknowns = self._count + int(np.count_nonzero(self._lost))
        self._value[self._lost] = np.arange(self._count, self._unknowns)
        known = np.where(self._lost, 0, self._seen)
        self._right = known[pairs.other] - known[pairs.one]
        self._weight = np.ones(len(pairs.one))
        self._solution = np.zeros(self._unknowns)

    @property
    def amount(self) -> F64x1:
        """a of each pixel of the hole, at least 0."""
        found: F64x1 = np.maximum(self._solution[: self._count], 0)
        return found

    def solve(self, colour: F64x1) -> None:
        """All a and lost values, given C."""
        self._steps = self._matrix(colour)
        weighed = self._weights() @ self._steps
        normal = self._steps.T @ weighed
        normal = normal + scipy.sparse.identity(self._unknowns) * (_RIDGE * normal.diagonal().mean())
        self._solver = splu(normal.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        self._solution = self._solver.solve(-(weighed.T @ self._right.reshape(-1)))

    def weigh(self) -> None:
        """Weights by the steps that are left to the picture."""
        step = self._right + (self._steps @ self._solution).reshape(self._right.shape)
        size = np.einsum("nc,ncd,nd->n", step, self._pairs.precision, step)
        self._weight = (FREEDOM + step.shape[1]) / (FREEDOM + size)

    def colour(self) -> F64x1:
        """C, given all a and lost values."""
        amount, value = np.append(self._solution[: self._count], 0.0), np.append(self._solution, 0.0)
        one, other = self._pairs.one, self._pairs.other
        slope = amount[self._place[one]][:, None] * ~self._lost[one]
        slope = slope - amount[self._place[other]][:, None] * ~self._lost[other]
        rest = self._right + value[self._value[other]] * self._lost[other] - value[self._value[one]] * self._lost[one]
        precision = self._pairs.precision * self._weight[:, None, None]
        system = np.einsum("nc,ncd,nd->cd", slope, precision, slope)
        right = -np.einsum("nc,ncd,nd->c", slope, precision, rest)
        found: F64x1 = np.linalg.lstsq(system, right, rcond=None)[0]
        return found / max(float(np.linalg.norm(found)), 1e-12)

    def spread(self) -> F64x1:
        """The standard error of each a: what steps of the expected sizes, drawn by chance, make of it."""
        rng = np.random.default_rng(0)
        root = np.linalg.cholesky(self._pairs.precision * self._weight[:, None, None])
        total = np.zeros(self._count)
        for _ in range(_DRAWN):
            drawn = np.einsum("ncd,nd->nc", root, rng.standard_normal(self._right.shape))
            total += np.square(self._solver.solve(self._steps.T @ drawn.reshape(-1))[: self._count])
        found: F64x1 = np.sqrt(total / _DRAWN)
        return found

    def _weights(self) -> scipy.sparse.csr_matrix:
        """The pairs' inverse covariances, block by block."""
        blocks = self._pairs.precision * self._weight[:, None, None]
        return scipy.sparse.bsr_matrix((blocks, np.arange(len(blocks)), np.arange(len(blocks) + 1))).tocsr()

    def _matrix(self, colour: F64x1) -> scipy.sparse.csr_matrix:
        """What each unknown adds to each step of the picture beneath, (pairs C, unknowns)."""
        rows, columns, values = (np.concatenate(part) for part in zip(*self._entries(colour), strict=True))
        return scipy.sparse.csr_matrix((values, (rows, columns)), shape=(self._right.size, self._unknowns))

    def _entries(self, colour: F64x1) -> Iterator[tuple[Array, Array, Array]]:
        row = np.arange(self._right.size).reshape(self._right.shape)
        for end, sign in ((self._pairs.other, 1.0), (self._pairs.one, -1.0)):
            lost = self._lost[end]
            pair, channel = np.nonzero((self._place[end] >= 0)[:, None] & ~lost)
            yield row[pair, channel], self._place[end][pair], -sign * colour[channel]
            pair, channel = np.nonzero(lost)
            yield row[pair, channel], self._value[end][pair, channel], np.full(len(pair), sign)
