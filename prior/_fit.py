"""One network fitted to one target: E(theta) lowered step by step by Adam."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inpaintkit.prior._accelerate import Acceleration, Forward, accelerated
from inpaintkit.prior._interrupt import Interrupt
from inpaintkit.prior._recipes import Recipe
from inpaintkit.prior._skip import SkipNetwork
from inpaintkit.prior._target import Target, held_out_pixels, input_of, planes_of
from inpaintkit.prior._torch import has_fast_bfloat16
from inpaintkit.problem import Image

_LOOK_EVERY = 25  # steps between two looks at the loss and the held-out pixels
_SPIKE = 10**0.5  # a loss this many times that of the look before (5 dB) takes the network back there
_PATIENCE = 0.2  # of the steps: the held-out pixels may go so long without improving
_MIN_GAIN = 0.02  # dB: less is no improvement
_AVERAGE = 0.98  # weight that the mean keeps from step to step where the recipe wants none: it is only for Info
_REPORT_EVERY = 0.2  # s


class Fit:
    """A fresh network, its optimiser and its random numbers.

    Parameters
    ----------
    limit : seconds after which the fit is done; None: no limit.
    restarts : how often the same target was given up before, for ``facts``.
    """

    def __init__(
        self,
        target: Target,
        recipe: Recipe,
        device: torch.device,
        *,
        seed: int,
        total_variation: float = 0.0,
        limit: float | None = None,
        restarts: int = 0,
    ) -> None:
        self.recipe, self.device, self.limit, self.restarts = recipe, device, limit, restarts
        self.total_variation = total_variation
        self.mixed = recipe.mixed and has_fast_bfloat16(device)
        self.shape = target.hole.shape
        held = held_out_pixels(target.known, target.hole, recipe.hold_out, np.random.default_rng(seed))

        def on_device(tensor: Tensor) -> Tensor:
            return tensor.to(device, memory_format=torch.channels_last)

        with torch.random.fork_rng(devices=[]):  # the same start on every device; the caller's generator is untouched
            torch.manual_seed(seed)
            self.z = on_device(input_of(recipe, self.shape))
            self.network = SkipNetwork(recipe, target.image.shape[2])
        self.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.target = on_device(planes_of(target.image))
        self.known = torch.from_numpy(target.known)[None, None].to(device)
        self.held = torch.from_numpy(held)[None, None].to(device)
        self.start: Tensor | None = None
        if target.start is not None:  # the network begins with nothing to add
            for parameter in self.network.last.parameters():
                torch.nn.init.zeros_(parameter)
            logits = torch.logit(on_device(planes_of(target.start)), eps=0.01)
            right, below = self.z.shape[3] - self.shape[1], self.z.shape[2] - self.shape[0]
            self.start = torch.nn.functional.pad(logits, (0, right, 0, below))
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=recipe.rate, fused=device.type != "mps")
        self.rng = torch.Generator(device).manual_seed(seed)
        self.mean, self.square = torch.zeros_like(self.target), torch.zeros_like(self.target)
        self.step = 0
        self.skipped = 0.0  # of the progress, where the held-out pixels ended the fit early
        self.elapsed = 0.0
        self.losses: list[Tensor] = []
        self.looks: list[list[float]] = []  # step and PSNR of the held-out pixels
        self.best: tuple[float, int] = (-math.inf, 0)  # the best PSNR and its step
        self.kept: dict[str, Any] = {}  # by name: the state of network and optimiser at a look
        self.interrupted = False
        self.acceleration: Acceleration = "none"

    @property
    def progress(self) -> float:
        """0 to 1, by steps or by time, whichever is farther."""
        spent = self.step / self.recipe.steps
        if self.limit is not None:
            spent = max(spent, self.elapsed / self.limit if self.limit else 1.0)
        return min(1.0, spent + self.skipped)

    @property
    def settling(self) -> bool:
        """Whether the rate falls and the held-out pixels are fitted, too."""
        return self.progress > 1 - self.recipe.settle

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.interrupted or (self.step > 0 and self.progress >= 1)

    def run(
        self,
        acceleration: Acceleration,
        interrupt: Interrupt,
        *,
        looked: Callable[[Fit], None],
        report: Callable[[Fit, float], None],
        announce: Callable[[float], None],
    ) -> None:
        """Fit to the end.

        Parameters
        ----------
        looked : called after every look and at the end, when the state may be saved.
        report : called with the loss several times a second; it may raise KeyboardInterrupt.
        announce : called once, with the seconds that a step takes.

        Raises
        ------
        FloatingPointError : the loss is not finite.
        """
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        forward, self.acceleration = accelerated(
            self.network, self._inputs(self.z), acceleration, self.recipe.steps - self.step, mixed=self.mixed
        )
        began, reported, first = time.monotonic() - self.elapsed, 0.0, self.step
        before = fastest = math.inf
        while not self.finished:
            loss = self.advance(forward)
            now = time.monotonic()
            if self.step > first + 1:  # the first one prepares
                fastest = min(fastest, now - before)
            if self.step == first + (4 if fastest > 1 else 10):
                announce(fastest)
            before = now
            self.elapsed = now - began
            self.interrupted = interrupt.requested
            if self.step % _LOOK_EVERY == 0 or self.finished:
                self._look(loss)
                looked(self)
            if now - reported > _REPORT_EVERY or self.finished:
                reported = now
                try:
                    report(self, float(loss))
                except KeyboardInterrupt:
                    self.interrupted = True
                    looked(self)

    def advance(self, forward: Forward) -> Tensor:
        """One step of the optimiser, its output taken into the means; gives the loss."""
        recipe = self.recipe
        rate = recipe.rate
        if self.settling:
            rate *= (1 - self.progress) / recipe.settle
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        z = self.z
        if recipe.jitter:
            z = z + recipe.jitter * torch.randn(
                z.shape, generator=self.rng, device=self.device, dtype=z.dtype
            ).contiguous(memory_format=torch.channels_last)
        fitted = self.known if self.settling else self.known & ~self.held
        self.optimiser.zero_grad(set_to_none=True)
        output = self._output(forward, z)
        loss = ((output - self.target) * fitted).square().mean()
        if self.total_variation:
            rows, columns = output.diff(dim=2).abs().mean(), output.diff(dim=3).abs().mean()
            (loss + self.total_variation * (rows + columns)).backward()
        else:
            loss.backward()
        self.optimiser.step()
        self.step += 1
        with torch.no_grad():
            share = max(1 - (recipe.average or _AVERAGE), 1 / self.step)
            self.mean.lerp_(output, share)
            self.square.lerp_(output.square(), share)
        self.losses.append(loss.detach())
        return loss.detach()

    def _output(self, forward: Forward, z: Tensor) -> Tensor:
        """The network's picture without its padding, float32."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.mixed):
            output = forward(*self._inputs(z))
        return output[..., : self.shape[0], : self.shape[1]]

    def _inputs(self, z: Tensor) -> tuple[Tensor, ...]:
        return (z,) if self.start is None else (z, self.start)

    def _look(self, loss: Tensor) -> None:
        """Go back where the loss leapt; end early where the held-out pixels no longer improve."""
        value = float(loss)
        if not math.isfinite(value):
            raise FloatingPointError
        if self.kept.get("loss", math.inf) * _SPIKE < value and not self.settling:
            self._restore("last")
        else:
            self._keep("last")
            self.kept["loss"] = value
        if self.settling or not self.held.any():
            return
        error = ((self.mean - self.target) * self.held).square().sum() / (self.held.sum() * self.mean.shape[1])
        decibels = -10 * math.log10(max(float(error), 1e-12))
        self.looks.append([float(self.step), decibels])
        if decibels > self.best[0] + _MIN_GAIN:
            self.best = decibels, self.step
            self._keep("best")
        elif self.step - self.best[1] >= _PATIENCE * self.recipe.steps:
            self._restore("best")
            self.skipped = max(0.0, 1 - self.recipe.settle - self.progress)

    def _keep(self, name: str) -> None:
        self.kept[name] = copy.deepcopy([self.network.state_dict(), self.optimiser.state_dict()])

    def _restore(self, name: str) -> None:
        network, optimiser = copy.deepcopy(self.kept[name])
        self.network.load_state_dict(network)
        self.optimiser.load_state_dict(optimiser)

    def planes(self) -> Image:
        """(h, w, 3 C): the network's picture without noise, the mean of outputs, and of their squares."""
        with torch.no_grad():
            raw = self._output(self.network, self.z)
            planes: Image = torch.cat([raw, self.mean, self.square], dim=1)[0].permute(1, 2, 0).cpu().numpy()
        return planes

    def facts(self) -> dict[str, Any]:
        """For ``Info``."""
        facts: dict[str, Any] = {
            "loss": torch.stack(self.losses).float().cpu().numpy(),
            "held_out": np.array(self.looks, np.float32).reshape(-1, 2),
            "step": self.best[1] if self.skipped else self.step,
            "steps": self.step,
            "rate": self.recipe.rate,
            "restarts": self.restarts,
            "runs": self.recipe.runs,
            "parameters": sum(parameter.numel() for parameter in self.network.parameters()),
            "mixed": self.mixed,
            "accelerated": self.acceleration,
            "interrupted": self.interrupted,
        }
        if self.device.type == "cuda":
            facts["peak_memory"] = torch.cuda.max_memory_allocated(self.device)
        return facts

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, in types that are safe to load."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.get_state(),
            "losses": torch.stack(self.losses),
            **{name: getattr(self, name) for name in _STATE},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a ``state``."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.rng.set_state(state["rng"].cpu())
        self.losses = list(state["losses"].to(self.device))
        for name in _STATE:
            value = state[name]
            setattr(self, name, value.to(self.device) if isinstance(value, Tensor) else value)


_STATE = ("mean", "square", "step", "skipped", "elapsed", "looks", "best", "kept", "restarts")
