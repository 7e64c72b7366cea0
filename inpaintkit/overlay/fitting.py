"""An overlay fitted to a series, round after round: weights from the pictures recovered so far, then gains and offsets.

The known pixels beside the overlay say what is to be expected where nothing lies over a picture: how large steps are
in each picture, and by how much the likelihood overrates what neighbours say of one another (``jacobian``), which
would leave every opacity a little too high.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from inpaintkit.arrays import Bool1, F64x1, F64x2, F64x3, I64x1
from inpaintkit.overlay.frames import Frames, Rows
from inpaintkit.overlay.sums import HALF, Freedom, Graph, Sums, fitted
from inpaintkit.picture import grow
from inpaintkit.problem import Mask

_BESIDE = 2, 10  # px from the mask, between which known pixels stand for what is beneath it
_FLOOR = 0.02  # variance of a step in 255ths, which nothing is smoother than
_JACOBIAN = 0.78  # of photographs, where too little is known beside the mask to see it
_MAX_ROUNDS, _SETTLED = 9, 0.001  # median relative change of gains below which rounds end
_MAX_GAIN = 12.0  # of the first fit
LOOKS = 3  # for pictures without the overlay, the fit made anew in between
_ABSENT = 0.1  # of the logarithm of a likelihood, per pixel and channel, from which a picture surely lacks it
_OPAQUE = 0.04  # of the spread beside the mask: less over the series hides what is beneath


@dataclass(frozen=True)
class Beside:
    """What is known beside the mask.

    Attributes
    ----------
    typical : median squared step of each picture, per channel.
    mean, spread : mean colour over the series, (C,), and its root mean square deviation.
    jacobian : what the logarithm of a gain counts for per picture and channel; ``shared`` where many pixels share it.
    """

    typical: list[float]
    mean: F64x1
    spread: float
    jacobian: float
    shared: float


class Series:
    """A series under one mask, and the fit so far.

    Attributes
    ----------
    graph : of the pixels through which something shows.
    fit : float64 (N + 1, 1 + C), gains and offsets; the last row is that of known pixels.
    present : bool (K,), which pictures the fit is made from, as likelier with the overlay than without.
    absent : bool (K,), which surely do not have it.
    mean, variance : of the colours seen at the graph's own pixels over the series, (N, C) and (N,).
    opaque, ink : flat indices of pixels that hide what is beneath, and their colours (n, C).
    """

    def __init__(self, frames: Frames, hole: Mask) -> None:
        self.frames, self.hole = frames, hole
        self.channels = frames.channels
        self.present, self.absent = np.ones(len(frames), np.bool_), np.zeros(len(frames), np.bool_)
        self.beside = _beside(frames, hole)
        self._look()
        self.fit = self._first()
        self.sums = Sums(self.graph, self.channels)

    def _look(self) -> None:
        """Mean and variance over the series, and what is opaque."""
        graph = Graph(self.hole)
        rows = self.frames.at(graph.places)
        total, squares = np.zeros((len(graph), self.channels)), np.zeros(len(graph))
        for colours in rows:
            own = colours[graph.own]
            total += own
            squares += np.square(own).sum(axis=1)
        number = len(self.frames)
        mean = total / number
        variance = np.maximum(squares / number - np.square(mean).sum(axis=1), 0) / self.channels
        hidden = variance < max(_OPAQUE * self.beside.spread, self.frames.step * 0.5) ** 2
        self.opaque, self.ink = graph.at[hidden], mean[hidden]
        self.read: Rows = rows
        self._keep(graph, graph.at[~hidden], mean, variance)

    def _keep(self, graph: Graph, at: I64x1, mean: F64x2, variance: F64x1) -> None:
        """Go on with some of a graph's pixels."""
        hole, hidden = np.zeros((2, *self.hole.shape), np.bool_)
        hole.reshape(-1)[at], hidden.reshape(-1)[self.opaque] = True, True
        kept = np.searchsorted(graph.at, at)
        self.graph, self.mean, self.variance = Graph(hole, hidden), mean[kept], variance[kept]
        self.rows = self.read.among(self.graph.places)

    def narrow(self, kept: Bool1) -> None:
        """Take all pixels but those ``kept``, bool (N,), for known ones."""
        fit = np.concatenate([self.fit[:-1][kept], self.fit[-1:]])
        self._keep(self.graph, self.graph.at[kept], self.mean, self.variance)
        self.fit = fit

    def leave(self, pixels: Mask) -> None:
        """Take some of the overlay's pixels, bool (H, W), for known ones."""
        left = pixels.reshape(-1)
        stays = ~left[self.opaque]
        self.opaque, self.ink = self.opaque[stays], self.ink[stays]
        self.narrow(~left[self.graph.at])
        self.hole = np.zeros_like(self.hole)
        self.hole.reshape(-1)[self.graph.at] = self.hole.reshape(-1)[self.opaque] = True

    def _first(self) -> F64x2:
        """The gains and offsets that give every pixel the mean and the spread of those beside the mask."""
        fit = self.graph.identity(self.channels)
        fit[:-1, 0] = np.clip(self.beside.spread / np.sqrt(self.variance + 1e-9), 1.0, _MAX_GAIN)
        fit[:-1, 1:] = self.beside.mean - fit[:-1, :1] * self.mean
        return fit

    def gather(self) -> None:
        """Sums over the pictures, weighted by what they look like as the fit recovers them."""
        self.sums = Sums(self.graph, self.channels)
        gain = float(np.square(self.fit[:-1, 0]).mean()) if len(self.graph) else 1.0
        noise = _noise(self.frames) * gain
        for number, colours in enumerate(self.rows):
            if self.present[number]:
                steps = self.graph.steps(colours, self.fit)
                self.sums.add(colours, self.graph.weights(steps, self.beside.typical[number], noise))

    def jacobian(self, shared: Mask | None = None) -> F64x1:
        """What the logarithm of each gain counts for, (N,)."""
        values = self.beside.jacobian if shared is None else np.where(shared, self.beside.shared, self.beside.jacobian)
        return np.broadcast_to(np.count_nonzero(self.present) * self.channels * values, (len(self.graph),))

    def free(self, kind: str, ink: F64x1 | None = None) -> Freedom:
        """Every pixel for itself: gains and offsets ("cover"), offsets ("add"), or gains ("multiply", known ink)."""
        directions = np.eye(1 + self.channels)
        directions = {"cover": directions, "add": directions[1:], "multiply": directions[:1]}[kind]
        if kind == "cover" and ink is not None:
            directions = np.concatenate([[1.0], -ink])[None]
        return Freedom.each(np.broadcast_to(directions, (len(self.graph), *directions.shape)))

    def run(
        self,
        kind: str,
        *,
        ink: F64x1 | None = None,
        sparse: bool = False,
        rounds: int = _MAX_ROUNDS,
        report: Callable[[int], None] | None = None,
    ) -> None:
        """Fit every pixel for itself until that settles.

        Parameters
        ----------
        ink : in 255ths of white, where it is known.
        rounds : at most.
        sparse : most of the mask may be bare: what is not clearly otherwise has gain 1 and offset 0.
        """
        freedom = self.free(kind, ink)
        if kind == "cover" and ink is not None:
            self.fit[:-1, 1:] = -ink * (self.fit[:-1, :1] - 1)
        if kind == "add":
            self.fit[:-1, 0] = 1.0
        if kind == "multiply":
            self.fit[:-1, 1:] = 0.0
        for number in range(rounds):
            self.gather()
            before, prior = self.fit, self._prior(number) if sparse else None
            self.fit = fitted(self.sums, self.fit, freedom, self.jacobian(), prior=prior, max_steps=2)
            if report:
                report(number)
            change = np.abs(self.fit[:-1] - before[:-1]) / np.array([1.0, *[255.0] * self.channels])
            if not len(change) or np.median(change.max(axis=1)) < _SETTLED:
                break

    def distance(self, window: int = 3) -> F64x1:
        """Squared distance of each pixel from gain 1 and offset 0 per unknown, in its own errors, over a window."""
        change = (self.fit - self.graph.identity(self.channels))[:-1]
        plane, there = np.zeros(self.hole.shape), np.zeros(self.hole.shape)
        squared = np.einsum("xc,xcd,xd->x", change, self.sums.blocks(), change)
        plane.reshape(-1)[self.graph.at], there.reshape(-1)[self.graph.at] = squared / (1 + self.channels), 1
        mean = cv2.blur(plane, (window, window)) / np.maximum(cv2.blur(there, (window, window)), 1e-9)
        distance: F64x1 = mean.reshape(-1)[self.graph.at]
        return distance

    def _prior(self, number: int) -> F64x3:
        """Of gains and offsets: as wide as they have been found nearby, so that what is small becomes smaller."""
        blocks = self.sums.blocks()
        if number == 0:
            return 0.01 * blocks
        return blocks / np.maximum(self.distance(), 1e-3)[:, None, None]

    def look_for_absent(self) -> bool:
        """Note which pictures are likelier without the overlay; whether those that count have changed."""
        plain, before = self.graph.identity(self.channels), self.present
        size = max(len(self.graph), 1) * self.channels
        gains = float(self.channels * self.beside.jacobian * np.log(self.fit[:-1, 0]).sum())
        noise, likelier = _noise(self.frames), []
        for colours in self.rows:
            energies = [self._energy(colours, fit, noise) for fit in (self.fit, plain)]
            likelier.append((energies[0] - gains - energies[1]) / size)
        self.present, self.absent = np.array(likelier) <= 0, np.array(likelier) > _ABSENT
        if not self.present.any():
            self.present = before
        return bool((self.present != before).any())

    def likelier_without(self, part: I64x1, number: int) -> F64x2:
        """By how much pictures that count are likelier without each of some parts, (K, number), as logarithms.

        Parameters
        ----------
        part : int64 (N,), the number of each pixel's, from 0.
        """
        graph, noise, results = self.graph, _noise(self.frames), []
        of_left, of_right = (np.append(part, -1)[side] for side in (graph.left, graph.right))
        ends = np.maximum(of_left, of_right)
        gains = self.channels * self.beside.jacobian * np.bincount(part, np.log(self.fit[:-1, 0]), number)
        for picture, colours in enumerate(self.rows):
            if self.present[picture]:
                with_it, without = (
                    np.bincount(ends, self._energies(colours, fit, noise), number)
                    for fit in (self.fit, graph.identity(self.channels))
                )
                results.append(with_it - gains - without)
        return np.array(results)

    def _energy(self, colours: F64x2, fit: F64x2, noise: float) -> float:
        """Minus the logarithm of how likely a picture's steps are, each among those nearby."""
        return float(self._energies(colours, fit, noise).sum())

    def _energies(self, colours: F64x2, fit: F64x2, noise: float) -> F64x1:
        """The same of each edge."""
        near, count = self.graph.energies(self.graph.steps(colours, fit))
        return np.asarray(HALF * self.channels / 2 * np.log(near / count + noise), np.float64)


def _noise(frames: Frames) -> float:
    """Variance of a step, from rounding."""
    return max(frames.step**2 / 6, _FLOOR)


def _beside(frames: Frames, hole: Mask) -> Beside:
    """What known pixels beside the mask say."""
    near, far = _BESIDE
    known = grow(hole, far) & ~grow(hole, near)
    if not known.any():
        known = ~hole
    if not known.any():
        raise ValueError("the mask covers the whole picture: leave out pixels that nothing lies over")
    graph = Graph(known)
    channels, identity = frames.channels, graph.identity(frames.channels)
    sums, typical = Sums(graph, channels), []
    total, squares, shared = np.zeros((len(graph), channels)), 0.0, 0.0
    for colours in frames.at(graph.places):
        steps = graph.steps(colours, identity)
        energy = np.square(steps).sum(axis=1) / channels
        typical.append(float(np.median(energy)) + _noise(frames))
        weights = graph.weights(steps, typical[-1], _noise(frames))
        sums.add(colours, weights)
        shared += float(np.mean(weights * energy))
        own = colours[graph.own]
        total += own
        squares += float(np.square(own).mean())
    number = len(frames)
    mean = total / number
    spread = float(np.sqrt(max(squares / number - float(np.square(mean).mean()), 0)))
    return Beside(typical, mean.mean(axis=0), spread, _overrated(sums, identity, number), shared / number)


def _overrated(sums: Sums, identity: F64x2, pictures: int) -> float:
    """The jacobian with which known pixels would be found to have the gain 1 on the mean."""
    gradient, blocks = sums.gradient(identity)[:-1], sums.blocks()
    total = blocks[:, 1, 1]
    of_gain = gradient[:, 0] - np.einsum("xc,xc->x", blocks[:, 0, 1:], gradient[:, 1:]) / np.maximum(total, 1e-12)
    found = float(of_gain.mean()) / (pictures * sums.channels)
    return found if 0.3 < found < 1.2 else _JACOBIAN
