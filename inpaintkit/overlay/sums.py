"""What a series says of each pixel of its overlay: sums over the pictures, and the gains and offsets that fit best.

Beneath an overlay lies I = s J + t: what is seen, J, times a gain s = 1 / (1 - a) and an offset t = -a W / (1 - a), the
same in every picture. Neighbouring pixels of a photograph differ little, and by how much is learnt from the picture
itself; so s and t are those that make the recovered pictures' steps from pixel to pixel as small as they are
elsewhere, up to the known pixels around. In the log-likelihood

    - 1/2 sum_k sum_edges w_k (s_p J_kp + t_p - s_q J_kq - t_q)^2 + C K sum_p log s_p

the second term is the Jacobian: without it s = 0 would be best. For given weights it is concave. Weights are those of
a Gaussian scale mixture, one over the energy that steps have nearby in this picture, so that what is smooth says most
and edges, or a picture unlike the others, say little. Only sums over the pictures are kept.

Dekel, Rubinstein, Liu, Freeman, On the effectiveness of visible watermarks, CVPR 2017, has the model; the Gaussian
scale mixture is that of Portilla et al. 2003, doi:10.1109/TIP.2003.818640.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inpaintkit.arrays import F64x1, F64x2, F64x3, I64x1
from inpaintkit.problem import Mask

_DEGREES = 2.0  # of freedom that the picture's own median step counts for beside the steps nearby
HALF = 0.5  # a pixel has two edges, so that each counts half
_STEPS, _SETTLED = 6, 1e-3  # of Newton's method; relative change of gains below which it ends
_MAX_SOLVE, _SOLVED = 300, 1e-3  # conjugate gradients
_TRUST = 0.7  # of itself by which a gain may shrink in a step


class Graph:
    """The pixels of an overlay, the known ones beside them, and the edges between neighbours.

    Attributes
    ----------
    places : int64 (M,), flat indices of all pixels that are looked at.
    own : int64 (N,), which of them belong to the overlay.
    first, second : int64 (E,), the ends of an edge, as indices of ``places``.
    left, right : int64 (E,), the same as indices of ``own``; N stands for every known pixel.
    """

    def __init__(self, hole: Mask, hidden: Mask | None = None) -> None:
        """From the overlay's pixels; what is ``hidden`` has no edges."""
        index = np.arange(hole.size).reshape(hole.shape)
        seen = np.ones_like(hole) if hidden is None else ~hidden
        hole = hole & seen
        ends = [
            (index[:, :-1], index[:, 1:], (hole[:, :-1] | hole[:, 1:]) & seen[:, :-1] & seen[:, 1:]),
            (index[:-1], index[1:], (hole[:-1] | hole[1:]) & seen[:-1] & seen[1:]),
        ]
        first, second = (np.concatenate([pair[side][pair[2]] for pair in ends]) for side in (0, 1))
        self.at: I64x1 = np.flatnonzero(hole)
        self.places: I64x1 = np.unique(np.concatenate([first, second, self.at]))
        self.first: I64x1 = np.searchsorted(self.places, first)
        self.second: I64x1 = np.searchsorted(self.places, second)
        self.own: I64x1 = np.searchsorted(self.places, self.at)
        number = np.full(len(self.places), len(self.at))
        number[self.own] = np.arange(len(self.at))
        self.left: I64x1 = number[self.first]
        self.right: I64x1 = number[self.second]

    def __len__(self) -> int:
        return len(self.at)

    def gather(self, left: F64x1, right: F64x1) -> F64x1:
        """Sums of edges' values at the overlay's pixels, and at N those of all known ones."""
        size = len(self) + 1
        return np.asarray(np.bincount(self.left, left, size) + np.bincount(self.right, right, size), np.float64)

    def identity(self, channels: int) -> F64x2:
        """Gains 1 and offsets 0, float64 (N + 1, 1 + C); the last row is that of the known pixels."""
        plain = np.zeros((len(self) + 1, 1 + channels))
        plain[:, 0] = 1
        return plain

    def steps(self, colours: F64x2, fit: F64x2) -> F64x2:
        """Steps (E, C) of a recovered picture, from the colours (M, C) that are seen."""
        left, right = fit[self.left], fit[self.right]
        steps: F64x2 = (
            left[:, :1] * colours[self.first] + left[:, 1:] - right[:, :1] * colours[self.second] - right[:, 1:]
        )
        return steps

    def energies(self, steps: F64x2) -> tuple[F64x1, F64x1]:
        """Of each edge the squared steps of all edges that meet it, summed, and how many values these are."""
        energy, channels = np.square(steps).sum(axis=1), steps.shape[1]
        ones = np.ones(len(energy))
        near, count = self.gather(energy, energy), self.gather(ones, ones)
        near[-1] = count[-1] = 0  # known pixels have no edges here but to the overlay
        return near[self.left] + near[self.right], channels * (count[self.left] + count[self.right])

    def weights(self, steps: F64x2, typical: float, noise: float) -> F64x1:
        """The weight of each edge in a picture whose median squared step is ``typical``, of ``noise`` in variance."""
        near, count = self.energies(steps)
        weights: F64x1 = (_DEGREES + count) / (_DEGREES * typical + near + count * noise)
        return weights


class Sums:
    """Running sums over the pictures, weighted: all that is kept of them."""

    def __init__(self, graph: Graph, channels: int) -> None:
        edges = len(graph.first)
        self.graph, self.channels = graph, channels
        self.weight = np.zeros(edges)
        self.first, self.second = np.zeros((edges, channels)), np.zeros((edges, channels))
        self.squares = np.zeros((edges, 3))  # of the first end, of both, of the second

    def add(self, colours: F64x2, weights: F64x1) -> None:
        """Add a picture's colours (M, C) with a weight for each edge."""
        graph, half = self.graph, HALF * weights
        first, second = colours[graph.first], colours[graph.second]
        self.weight += half
        self.first += half[:, None] * first
        self.second += half[:, None] * second
        for column, (one, other) in enumerate(((first, first), (first, second), (second, second))):
            self.squares[:, column] += half * np.einsum("ec,ec->e", one, other)

    def gradient(self, fit: F64x2) -> F64x2:
        """Of half the weighted sum of squared steps, (N + 1, 1 + C); linear in ``fit``. The known pixels' is 0."""
        graph = self.graph
        left, right = fit[graph.left], fit[graph.right]
        apart = left[:, 1:] - right[:, 1:]
        slopes = self.first * left[:, :1] - self.second * right[:, :1] + self.weight[:, None] * apart
        own = self.squares[:, 0] * left[:, 0] - self.squares[:, 1] * right[:, 0]
        other = self.squares[:, 1] * left[:, 0] - self.squares[:, 2] * right[:, 0]
        own += np.einsum("ec,ec->e", self.first, apart)
        other += np.einsum("ec,ec->e", self.second, apart)
        result = np.empty_like(fit)
        result[:, 0] = graph.gather(own, -other)
        for channel in range(self.channels):
            result[:, 1 + channel] = graph.gather(slopes[:, channel], -slopes[:, channel])
        result[-1] = 0
        return result

    def blocks(self) -> F64x3:
        """Each pixel's own part of the Hessian, (N, 1 + C, 1 + C)."""
        graph, size = self.graph, 1 + self.channels
        blocks = np.zeros((len(graph), size, size))
        blocks[:, 0, 0] = graph.gather(self.squares[:, 0], self.squares[:, 2])[:-1]
        total = graph.gather(self.weight, self.weight)[:-1]
        for channel in range(1, size):
            mixed = graph.gather(self.first[:, channel - 1], self.second[:, channel - 1])[:-1]
            blocks[:, 0, channel] = blocks[:, channel, 0] = mixed
            blocks[:, channel, channel] = total
        return blocks


@dataclass(frozen=True)
class Freedom:
    """In what directions gains and offsets may move: each pixel's own ways, or ways that a group of pixels shares.

    Attributes
    ----------
    directions : float64 (N, n, 1 + C), what each unknown of a pixel changes; rows of zeros stand for no unknown.
    group : int64 (N,), the number of each pixel's unknowns; pixels with one number share them.
    groups : how many there are.
    shared : the one group of several pixels, or -1.
    """

    directions: F64x3
    group: I64x1
    groups: int
    shared: int = -1

    @classmethod
    def each(cls, directions: F64x3) -> Freedom:
        """Every pixel has unknowns of its own."""
        return cls(directions, np.arange(len(directions)), len(directions))

    def expand(self, unknowns: F64x2) -> F64x2:
        """What changes of the unknowns (groups, n) make of gains and offsets, (N + 1, 1 + C)."""
        change: F64x2 = np.einsum("xn,xnc->xc", unknowns[self.group], self.directions)
        return np.concatenate([change, np.zeros((1, change.shape[1]))])

    def reduce(self, gradient: F64x2) -> F64x2:
        """A gradient by gains and offsets as one by the unknowns."""
        own = np.einsum("xc,xnc->xn", gradient[:-1], self.directions)
        summed: F64x2 = np.stack([np.bincount(self.group, column, self.groups) for column in own.T], axis=1)
        return summed


def fitted(
    sums: Sums, fit: F64x2, freedom: Freedom, jacobian: F64x1, *, prior: F64x3 | None = None, max_steps: int = _STEPS
) -> F64x2:
    """The most likely gains and offsets by Newton's method, from a first ``fit``.

    Parameters
    ----------
    jacobian : float64 (N,), what the logarithm of each gain counts for.
    prior : float64 (N, 1 + C, 1 + C), inverse covariances of gains around 1 and offsets around 0; None: anything goes.
    """
    plain, blocks = sums.graph.identity(sums.channels)[:-1], sums.blocks()
    own = np.zeros_like(blocks) if prior is None else prior
    for _ in range(max_steps):
        gradient = sums.gradient(fit)
        gradient[:-1] += np.einsum("xcd,xd->xc", own, fit[:-1] - plain)
        gradient[:-1, 0] -= jacobian / fit[:-1, 0]
        added = own.copy()
        added[:, 0, 0] += jacobian / np.square(fit[:-1, 0])
        change = freedom.expand(_solved(sums, freedom, -freedom.reduce(gradient), added, blocks))
        relative = change[:-1, 0] / fit[:-1, 0]
        fit = fit + min(1.0, _TRUST / max(_TRUST, -float(relative.min(initial=0)))) * change
        if np.abs(relative).max(initial=0) < _SETTLED:
            break
    return fit


def _solved(sums: Sums, freedom: Freedom, right: F64x2, added: F64x3, blocks: F64x3) -> F64x2:
    """Newton's equations for the unknowns by conjugate gradients; the Hessian is that of the sums and what is added."""

    def hessian(unknowns: F64x2) -> F64x2:
        change = freedom.expand(unknowns)
        gradient = sums.gradient(change)
        gradient[:-1] += np.einsum("xcd,xd->xc", added, change[:-1])
        return freedom.reduce(gradient)

    inverse = _inverse_blocks(freedom, blocks + added, hessian)

    def preconditioned(residual: F64x2) -> F64x2:
        return np.asarray(np.einsum("xnm,xm->xn", inverse, residual), np.float64)

    found, residual = np.zeros_like(right), right
    towards = direction = preconditioned(residual)
    size = first = float((residual * towards).sum())
    for _ in range(_MAX_SOLVE):
        if size <= _SOLVED**2 * first:
            break
        image = hessian(direction)
        along = size / float((direction * image).sum())
        found = found + along * direction
        residual = residual - along * image
        towards = preconditioned(residual)
        size, before = float((residual * towards).sum()), size
        direction = towards + size / before * direction
    return found


def _inverse_blocks(freedom: Freedom, blocks: F64x3, hessian: Callable[[F64x2], F64x2]) -> F64x3:
    """The inverse of each group's own part of the Hessian."""
    own = np.einsum("xnc,xcd,xmd->xnm", freedom.directions, blocks, freedom.directions)
    number = own.shape[1]
    grouped = own
    if freedom.shared >= 0:  # its pixels' parts do not add up: edges between them see no difference
        grouped = np.zeros((freedom.groups, number, number))
        grouped[freedom.group] = own
        for unknown in range(number):
            probe = np.zeros((freedom.groups, number))
            probe[freedom.shared, unknown] = 1
            grouped[freedom.shared, unknown] = hessian(probe)[freedom.shared]
    diagonal = np.einsum("xnn->xn", grouped)
    unused = diagonal <= 0
    floor = np.where(unused, 1.0, 1e-9 * diagonal)
    return np.linalg.inv(grouped + np.eye(number) * floor[:, None, :])
