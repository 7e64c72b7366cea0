"""The minimum of E(x) at one scale, by L-BFGS or Adam, with the nearest patches searched anew from time to time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from inpaintkit.prior._energy import Energy
from inpaintkit.prior._scale import Scale
from inpaintkit.prior._texture import textures_of
from inpaintkit.problem import Image

_LEARNING_RATE = 0.01  # of Adam, in units of the range


@dataclass(frozen=True, eq=False)
class Refined:
    """A scale's result.

    Attributes
    ----------
    colours : float32 (H, W, K), with the hole filled.
    energy : before and after.
    evaluations : of the energy.
    sources : patches that could be copied.
    """

    colours: Image
    energy: tuple[float, float]
    evaluations: int
    sources: int


def refined(scale: Scale, report: Callable[[int, float], None]) -> Refined:
    """A scale's fill, from its start; ``report`` gets the number of steps done and the energy."""
    textures = textures_of(scale)
    sources = sum(texture.count for texture in textures)
    x, steps = scale.start.clone(), scale.settings.steps
    if not textures or not steps or not len(x):
        return Refined(scale.filled(x), (0.0, 0.0), 0, sources)
    energy = Energy(scale, textures, x)
    x = x.requires_grad_()
    done = 0
    while done < steps:
        count = min(scale.settings.preset.refresh, steps - done)
        energy.refresh(x.detach())
        (_adam if scale.settings.optimizer == "adam" else _lbfgs)(x, energy, count, done, report)
        done += count
    after = energy.with_gradient(x)  # a line search may have ended at another point than it tried last
    return Refined(scale.filled(x.detach()), (energy.before, after), energy.evaluations, sources)


def _lbfgs(x: Tensor, energy: Energy, steps: int, done: int, report: Callable[[int, float], None]) -> None:
    search = energy.preset.line_search
    optimizer = torch.optim.LBFGS(
        [x],
        lr=1.0,
        max_iter=steps,
        max_eval=2 * steps if search else math.ceil(1.25 * steps),
        tolerance_grad=0.0,
        tolerance_change=0.0,
        history_size=10 if search else 25,
        line_search_fn="strong_wolfe" if search else None,
    )
    before = energy.evaluations

    def closure() -> float:
        loss = energy.with_gradient(x)
        report(done + min(steps, energy.evaluations - before), loss)
        return loss

    optimizer.step(closure)


def _adam(x: Tensor, energy: Energy, steps: int, done: int, report: Callable[[int, float], None]) -> None:
    optimizer = torch.optim.Adam([x], lr=_LEARNING_RATE)
    for step in range(steps):
        loss = energy.with_gradient(x)
        optimizer.step()
        report(done + step + 1, loss)
