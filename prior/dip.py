"""Deep Image Prior: a network fitted to the known pixels of one picture alone, whose structure fills the rest.

A randomly initialised encoder-decoder f_theta maps a fixed input z to the picture. Minimising

    E(theta) = mean of (m (f_theta(z) - x))^2,    m = 1 on known pixels, else 0,

explains natural structure long before noise, and what f_theta(z) shows in the hole goes on from what is known (Ulyanov,
Vedaldi and Lempitsky 2018). doi:10.1109/CVPR.2018.00984. Network and settings are a recipe's (``prior/_recipes.py``).

Large pictures go from coarse to fine: the coarsest level of a masked pyramid is fitted whole, and each finer one in
overlapping tiles, whose networks add to the enlarged fill of the level before.
"""

from __future__ import annotations

import copy
import logging
import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inpaintkit import threads
from inpaintkit.errors import InpaintWarning
from inpaintkit.prior._checkpoint import Checkpoint, fingerprint
from inpaintkit.prior._recipes import RECIPES, Recipe, recipe_of
from inpaintkit.prior._skip import SkipNetwork
from inpaintkit.prior._torch import device_of, settled
from inpaintkit.problem import Image, Mask, Problem, Step
from inpaintkit.pyramid import masked_pyramid, upsampled

__all__ = ["RECIPES", "Fit", "Recipe", "Target", "dip", "recipe_of"]

_LOOK = 25  # steps from one look at the loss and the held-out pixels to the next
_SPIKE = 10**0.5  # a loss so many times that of the look before (5 dB) takes the network back there
_PATIENCE = 0.2  # of the steps: as long may the held-out pixels not improve
_GAIN = 0.02  # dB: less is no improvement
_PIECE = 32  # px: held-out pixels lie in squares of this side
_KEEP = 0.98  # of the running mean from step to step, where the recipe wants none but Info shows one
_RETRY = 0.3  # times the rate after a loss that was not finite
_WORTH = {"graphs": 100, "compile": 1000}  # fewer steps do not pay for the preparation
_SERIAL = 128 * 128  # pixels
_LONG = 10.0  # s: what takes longer is announced
_EVERY = 60.0  # s between checkpoints
_UNSURE = 0.02  # standard deviation of the outputs at which confidence is a half

_log = logging.getLogger("inpaintkit")


def dip(
    problem: Problem,
    *,
    recipe: str | Mapping[str, Any] = "small",
    steps: int | None = None,
    time_limit: float | None = None,
    total_variation: float = 0.0,
    tile: int = 1024,
    accelerate: Literal["none", "graphs", "compile"] = "none",
    checkpoint: Path | str | None = None,
) -> Image:
    """Fill a hole with what a network, fitted to the known pixels, shows there.

    Ctrl-C ends the fit and gives the best picture so far.

    Parameters
    ----------
    problem : the region to fill.
    recipe : network and optimiser: "vase", "kate", "library" and "restoration" are the settings of the original's
        notebooks, "default" those of its supplement, "fast" the same with a falling rate and averaged outputs, for a
        GPU, "small" few channels, for a computer without one; or a mapping of settings that starts from its "base".
    steps : steps of the optimiser, instead of the recipe's.
    time_limit : seconds after which a region is done, its last part with a falling rate; None: no limit.
    total_variation : weight of the mean absolute difference of neighbouring pixels in the loss, 0 to 1; 0.01 smooths.
    tile : side in pixels of the largest square fitted at once, 64 and more; larger pictures go from coarse to fine in
        tiles.
    accelerate : "graphs" records CUDA graphs, "compile" uses torch.compile; where either fails, or fewer steps are
        asked for than pay for it, the fit goes without.
    checkpoint : file to which the state is written every minute and at the end; a call with the same picture, mask,
        options and seed goes on from it. A picture's further regions get files of their own beside it.

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled. Notes ``loss`` (float32, one for each step) and ``held_out``,
    float32 (looks, 2), step and PSNR in dB of the pixels held out, both of the last network fitted, ``step``, the one
    from which it settled, ``raw`` and ``averaged``, float32 (H, W, C), the last output and the mean of outputs over the
    whole crop, ``uncertainty``, float32 (H, W), the standard deviation of outputs, ``confidence``, ``runs``, ``tiles``,
    ``rate``, ``restarts``, ``parameters``, ``interrupted``, ``fitting``, seconds, and torch's settings.

    Raises
    ------
    ValueError : an option out of range; a device that is not there; a checkpoint of another fill; a loss that is not
        finite even at a lower rate.
    MemoryError : the GPU's memory does not suffice, even for tiles.

    References
    ----------
    D. Ulyanov, A. Vedaldi and V. Lempitsky, Deep Image Prior, CVPR 2018, doi:10.1109/CVPR.2018.00984.

    Examples
    --------
    >>> import numpy as np
    >>> from inpaintkit.problem import Problem
    >>> ramp = np.tile(np.linspace(0, 1, 32, dtype=np.float32), (32, 1))[..., None]
    >>> hole = np.zeros((32, 32), bool)
    >>> hole[14:18] = True
    >>> tiny = {"base": "small", "down": (8, 8), "up": (8, 8), "skip": (4, 4), "steps": 150, "runs": 1}
    >>> filled = dip(Problem.create(ramp, hole), recipe=tiny)
    >>> bool(np.abs(filled - ramp).mean() < 0.02)
    True
    """
    _check(steps, time_limit, total_variation, tile)
    plan = recipe_of(recipe)
    plan = plan if steps is None else replace(plan, steps=steps)
    device = device_of(problem.device)
    colours = problem.image[problem.known]
    varied = np.ptp(colours, axis=0) > 0
    plain = colours[0]  # where a channel is constant, so is its fill: alpha, as a rule
    if not varied.any():
        return np.where(problem.hole[..., None], plain, problem.image)
    tone = _Tone.of(colours[:, varied])
    image = np.where(problem.known[..., None], tone.compressed(problem.image[..., varied]), 0.5).astype(np.float32)

    alone = (
        1 if min(problem.hole.size, tile**2) <= _SERIAL else None
    )  # threads would wait for one another more than they work
    with threads.limit(alone), settled() as settings, _interruptible() as interrupt:
        work = _Work(
            problem,
            plan,
            device,
            total_variation=total_variation,
            tile=tile,
            accelerate=accelerate,
            time_limit=time_limit,
            interrupt=interrupt,
            checkpoint=checkpoint,
        )
        planes = work.filled(image)
    facts = work.facts

    def whole(part: Image) -> Image:
        result = np.broadcast_to(plain, problem.image.shape).astype(np.float32)
        result[..., varied] = tone.restored(part)
        return result

    last, mean, square = np.split(planes, 3, axis=2)
    raw, averaged = whole(last), whole(mean)
    spread = np.sqrt(np.maximum(square - mean * mean, 0).mean(axis=2))
    problem.note(raw=raw, averaged=averaged, uncertainty=spread, **facts, **settings)
    problem.note(confidence=np.float32(1) / (1 + spread / np.float32(_UNSURE)))
    if facts["interrupted"]:
        warnings.warn(
            f"dip was interrupted at step {facts['step']}: the hole has the best picture so far", InpaintWarning, 2
        )
    return np.where(problem.hole[..., None], averaged if plan.average else raw, problem.image)


def _check(steps: int | None, time_limit: float | None, total_variation: float, tile: int) -> None:
    if steps is not None and not 1 <= steps <= 10**7:
        raise ValueError(f"dip's option steps is {steps}: needed is 1 to 10000000, or None for the recipe's")
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"dip's option time_limit is {time_limit:g}: needed are seconds above 0, or None for no limit")
    if not 0 <= total_variation <= 1:
        raise ValueError(f"dip's option total_variation is {total_variation:g}: needed is 0 to 1")
    if tile < 64:
        raise ValueError(f"dip's option tile is {tile}: needed are 64 pixels or more")


@dataclass(frozen=True)
class _Tone:
    """Colours as the network's sigmoid can give them: [0, 1] as they are, what lies beyond through a logarithm."""

    low: float
    span: float

    @classmethod
    def of(cls, colours: Image) -> _Tone:
        low, high = float(colours.min()), float(colours.max())
        if low >= 0 and high <= 1:
            return cls(0.0, 1.0)
        low, high = float(_logarithmic(np.array(low))), float(_logarithmic(np.array(high)))
        return cls(low, high - low)

    def compressed(self, colours: Image) -> NDArray[Any]:
        return (_logarithmic(colours) - self.low) / self.span

    def restored(self, colours: Image) -> NDArray[Any]:
        x = colours * np.float64(self.span) + self.low
        return np.where(x > 1, np.exp(np.maximum(x, 1) - 1), np.where(x < 0, 1 - np.exp(-np.minimum(x, 0)), x))


def _logarithmic(x: NDArray[Any]) -> NDArray[Any]:
    """The identity in [0, 1], continued on both sides by logarithms of the same slope."""
    x = np.asarray(x, np.float64)
    return np.where(x > 1, 1 + np.log(np.maximum(x, 1)), np.where(x < 0, -np.log1p(-np.minimum(x, 0)), x))


class _Interrupt:
    """Whether the user pressed Ctrl-C: a step is always finished first, so that the state stays whole."""

    asked = False


@contextmanager
def _interruptible() -> Iterator[_Interrupt]:
    """Take the first Ctrl-C as a request; the second one raises as usual. Outside the main thread nothing changes."""
    interrupt = _Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(*_: Any) -> None:
        interrupt.asked = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


# The picture: levels and tiles


@dataclass(frozen=True)
class _Job:
    """What one network is fitted to: rows and columns of a level, once for each run."""

    level: int
    rows: slice
    columns: slice
    share: float  # of all the work

    def window(self, shape: tuple[int, int], overlap: int) -> NDArray[np.float32]:
        """Weights that fall towards the sides at which another tile follows, (rows, columns), above 0."""

        def ramp(span: slice, side: int) -> NDArray[Any]:
            at = np.arange(span.start, span.stop) + 0.5
            near = np.minimum(at - span.start if span.start else np.inf, span.stop - at if span.stop < side else np.inf)
            return np.asarray(np.clip(near / overlap, 0, 1) * np.ones(len(at)))

        return np.outer(ramp(self.rows, shape[0]), ramp(self.columns, shape[1])).astype(np.float32)


@dataclass
class _Progress:
    """How far a region is: what a checkpoint holds beside the state of the network that is being fitted."""

    job: int = 0
    coarse: Image | None = None  # planes of the level before
    sums: Image | None = None  # planes of this level, weighted
    weight: NDArray[np.float32] | None = None
    elapsed: float = 0.0


class _Work:
    """A region's levels and tiles, fitted one after another."""

    def __init__(
        self,
        problem: Problem,
        recipe: Recipe,
        device: torch.device,
        *,
        total_variation: float,
        tile: int,
        accelerate: str,
        time_limit: float | None,
        interrupt: _Interrupt,
        checkpoint: Path | str | None,
    ) -> None:
        self.problem, self.recipe, self.device = problem, recipe, device
        self.total_variation, self.tile, self.accelerate = total_variation, tile, accelerate
        self.time_limit, self.interrupt = time_limit, interrupt
        self.checkpoint = None
        if checkpoint is not None:
            path = Path(checkpoint)
            if problem.region:
                path = path.with_stem(f"{path.stem}-{problem.region + 1}")
            self.checkpoint = Checkpoint(path, fingerprint(problem, recipe, total_variation, tile))
        self.facts: dict[str, Any] = {}

    def filled(self, image: Image) -> Image:
        """(H, W, 3 C): the last output, the mean of outputs, and the mean of their squares, each over all runs."""
        saved = self.checkpoint.load() if self.checkpoint else None
        if saved is not None:
            self.tile = saved["tile"]
        try:
            return self._levels(image, saved)
        except torch.cuda.OutOfMemoryError:
            pass  # what the failed fit holds is free only once its traceback is
        torch.cuda.empty_cache()
        self.tile = max(64, min(self.tile, math.isqrt(self.problem.hole.size)) // 2)
        self.problem.report(Step(0, 1, remark=f"out of GPU memory: again in tiles of {self.tile} pixels"))
        try:
            return self._levels(image, None)
        except torch.cuda.OutOfMemoryError as error:
            raise MemoryError(
                f"dip needs more GPU memory than there is, even in tiles of {self.tile} pixels: choose a smaller tile "
                '(--tile), recipe="small" or device="cpu"'
            ) from error

    def _levels(self, image: Image, saved: dict[str, Any] | None) -> Image:
        hole, known, channels = self.problem.hole, self.problem.known, image.shape[2]
        levels = masked_pyramid(image, known, hole, levels=1 + self._halvings(hole.shape))
        jobs = self._jobs([level.hole for level in levels])
        at, state = _Progress(), None
        if saved is not None:
            at, state, self.facts = _Progress(**_arrays(saved["progress"])), saved["fit"], _arrays(saved["facts"])
        while at.job < len(jobs):
            job = jobs[at.job]
            level = levels[job.level]
            here = job.rows, job.columns
            if at.sums is None or at.weight is None:
                at.sums = np.zeros((*level.hole.shape, 3 * channels), np.float32)
                at.weight = np.zeros(level.hole.shape, np.float32)
            sums, weight = at.sums, at.weight
            start = None
            if at.coarse is not None:
                start = upsampled(at.coarse, level.hole.shape)[here][..., channels : 2 * channels]
            target = Target(level.image[here], level.known[here], level.hole[here], start)
            fit = self._fitted(target, jobs, at, state)
            state = None
            self.facts = fit.facts() | {"tiles": len(jobs) // self.recipe.runs, "fitting": at.elapsed}
            if fit.interrupted:
                at = replace(at)  # the checkpoint keeps the one that can go on
            window = job.window(level.hole.shape, self._overlap()) * np.float32(max(fit.progress, 1e-3))
            sums[here] += window[..., None] * fit.planes()
            weight[here] += window
            at.job = len(jobs) if fit.interrupted else at.job + 1
            if at.job == len(jobs) or jobs[at.job].level != job.level:
                base = 0.0 if at.coarse is None else upsampled(at.coarse, level.hole.shape)
                there = weight[..., None]
                at.coarse = np.where(there > 0, sums / np.maximum(there, 1e-6), base).astype(np.float32)
                at.sums = at.weight = None
            if self.checkpoint and not fit.interrupted:
                self._save(at, None)
            if fit.interrupted:
                for finer in levels[job.level - 1 :: -1] if job.level else ():
                    at.coarse = upsampled(at.coarse, finer.hole.shape) if at.coarse is not None else None
        assert at.coarse is not None
        return at.coarse

    def _halvings(self, shape: tuple[int, ...]) -> int:
        """How often the picture is halved until it fits into one tile."""
        return max(0, math.ceil(math.log2(math.sqrt(shape[0] * shape[1]) / self.tile)))

    def _overlap(self) -> int:
        return self.tile // 8

    def _jobs(self, holes: list[Mask]) -> list[_Job]:
        """Coarse to fine; a tile without a hole is left out."""
        jobs = []
        for level in reversed(range(len(holes))):
            height, width = holes[level].shape
            whole = level == len(holes) - 1 and height * width <= self.tile**2
            for rows in [slice(0, height)] if whole else self._spans(height):
                for columns in [slice(0, width)] if whole else self._spans(width):
                    if holes[level][rows, columns].any():
                        pixels = (rows.stop - rows.start) * (columns.stop - columns.start)
                        jobs += [_Job(level, rows, columns, float(pixels))] * self.recipe.runs
        total = sum(job.share for job in jobs)
        return [replace(job, share=job.share / total) for job in jobs]

    def _spans(self, side: int) -> list[slice]:
        """Equal spans of at most a tile that overlap and cover a side."""
        overlap = self._overlap()
        number = max(1, math.ceil((side - overlap) / (self.tile - overlap)))
        length = min(side, math.ceil((side + (number - 1) * overlap) / number))
        starts = [round(i * (side - length) / max(1, number - 1)) for i in range(number)]
        return [slice(start, start + length) for start in starts]

    def _fitted(self, target: Target, jobs: list[_Job], at: _Progress, state: dict[str, Any] | None) -> Fit:
        """One network, fitted; once more at a lower rate where its loss leaves the numbers."""
        job, done = jobs[at.job], sum(job.share for job in jobs[: at.job])
        limit = None
        if self.time_limit is not None:
            limit = max(self.time_limit - at.elapsed, 0.0) * job.share / (1 - done)
        seed = int(self.problem.rng(at.job).integers(2**63 - 1))
        before, saved = at.elapsed, time.monotonic()

        def look(fit: Fit) -> None:
            nonlocal saved
            now = time.monotonic()
            at.elapsed = before + fit.elapsed
            if self.checkpoint and (now - saved > _EVERY or fit.finished):
                self._save(at, fit.state())
                saved = now

        def tell(fit: Fit, loss: float) -> None:
            held = f"held out {fit.looks[-1][1]:.2f} dB" if fit.looks else ""
            self.problem.report(Step(done + job.share * fit.progress, 1, loss, held))

        def announce(per_step: float) -> None:
            seconds = per_step * self.recipe.steps / job.share
            if self.device.type == "cpu" and seconds > _LONG and at.job == 0:  # later ones were announced with it
                self._announce(seconds, per_step)

        restarts = 0 if state is None else state["restarts"]
        while True:
            recipe = replace(self.recipe, rate=self.recipe.rate * _RETRY**restarts)
            fit = Fit(
                target,
                recipe,
                self.device,
                seed=seed,
                total_variation=self.total_variation,
                limit=limit,
                restarts=restarts,
            )
            if state is not None:
                fit.load(state)
            try:
                fit.run(self.accelerate, self.interrupt, look, tell, announce)
                return fit
            except FloatingPointError:
                if restarts:
                    raise ValueError(
                        f"dip's loss is not a finite number at step {fit.step}, at a rate of {recipe.rate:g} as at "
                        f"{self.recipe.rate:g}: pass a recipe with a lower rate, such as "
                        f'{{"base": "small", "rate": {recipe.rate * _RETRY:.1g}}}'
                    ) from None
                restarts, state = restarts + 1, None

    def _announce(self, seconds: float, per_step: float) -> None:
        limit = "" if self.time_limit is None else f", at most {_spoken(self.time_limit)} as asked"
        height, width = self.problem.hole.shape
        _log.warning(
            "dip: about %s on this processor for %d x %d pixels (%d steps, %.2f s each)%s; Ctrl-C gives the best yet",
            _spoken(seconds),
            width,
            height,
            self.recipe.steps * self.recipe.runs,
            per_step,
            limit,
        )

    def _save(self, at: _Progress, state: dict[str, Any] | None) -> None:
        assert self.checkpoint is not None
        progress, facts = _tensors(vars(at)), _tensors(self.facts)
        self.checkpoint.save({"tile": self.tile, "progress": progress, "fit": state, "facts": facts})


def _tensors(values: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays as tensors, which are safe to load."""
    return {name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in values.items()}


def _arrays(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.numpy() if isinstance(value, Tensor) else value for name, value in values.items()}


def _spoken(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )


# One network


@dataclass(frozen=True, eq=False)
class Target:
    """What a network is fitted to: colours (h, w, C) in [0, 1], bool (h, w) masks, and the coarser level's fill."""

    image: Image
    known: Mask
    hole: Mask
    start: Image | None


class Fit:
    """A fresh network, its optimiser and its chance, fitted step by step."""

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
        self.shape = target.hole.shape
        rng = np.random.default_rng(seed)
        held = _held_out(target.known, target.hole, recipe.hold_out, rng)

        def laid(tensor: Tensor) -> Tensor:
            return tensor.to(device, memory_format=torch.channels_last)

        with torch.random.fork_rng(devices=[]):  # the same start on every device, and the caller's chance untouched
            torch.manual_seed(seed)
            self.z = laid(_input(recipe, self.shape))
            self.network = SkipNetwork(recipe, target.image.shape[2])
        self.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.target = laid(_planes(target.image))
        self.known = torch.from_numpy(target.known)[None, None].to(device)
        self.held = torch.from_numpy(held)[None, None].to(device)
        self.start: Tensor | None = None
        if target.start is not None:  # the network begins with nothing to add
            for parameter in self.network.last.parameters():
                torch.nn.init.zeros_(parameter)
            odds = torch.logit(laid(_planes(target.start)), eps=0.01)
            below = (self.z.shape[3] - self.shape[1], self.z.shape[2] - self.shape[0])
            self.start = torch.nn.functional.pad(odds, (0, below[0], 0, below[1]))
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=recipe.rate, fused=device.type != "mps")
        self.chance = torch.Generator(device).manual_seed(seed)
        self.mean, self.square = torch.zeros_like(self.target), torch.zeros_like(self.target)
        self.step = 0
        self.skipped = 0.0  # of the progress, where the held-out pixels ended the fit early
        self.elapsed = 0.0
        self.losses: list[Tensor] = []
        self.looks: list[list[float]] = []
        self.best: tuple[float, int] = (-math.inf, 0)
        self.kept: dict[str, Any] = {}  # by name: the state of network and optimiser at a look
        self.interrupted = False
        self.accelerated = "none"

    @property
    def progress(self) -> float:
        """0 to 1, by steps or by time, whichever is farther."""
        spent = self.step / self.recipe.steps
        if self.limit is not None:
            spent = max(spent, self.elapsed / self.limit if self.limit else 1.0)
        return min(1.0, spent + self.skipped)

    @property
    def settling(self) -> bool:
        """Whether the rate falls, with all known pixels given back."""
        return self.progress > 1 - self.recipe.settle

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.interrupted or (self.step > 0 and self.progress >= 1)

    def run(
        self,
        accelerate: str,
        interrupt: _Interrupt,
        look: Callable[[Fit], None],
        tell: Callable[[Fit, float], None],
        announce: Callable[[float], None],
    ) -> None:
        """Fit; FloatingPointError where the loss is not finite."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        forward = self._accelerated(accelerate)
        began, spoke, first = time.monotonic() - self.elapsed, 0.0, self.step
        before = quickest = math.inf
        while not self.finished:
            loss = self.advance(forward)
            now = time.monotonic()
            if self.step > first + 1:  # the first one prepares
                quickest = min(quickest, now - before)
            if self.step == first + (4 if quickest > 1 else 10):
                announce(quickest)
            before = now
            self.elapsed = now - began
            self.interrupted = interrupt.asked
            if self.step % _LOOK == 0 or self.finished:
                self._look(loss)
                look(self)
            if now - spoke > 0.2 or self.finished:
                spoke = now
                try:
                    tell(self, float(loss))
                except KeyboardInterrupt:
                    self.interrupted = True
                    look(self)

    def advance(self, forward: Callable[..., Tensor]) -> Tensor:
        """One step of the optimiser, and its output taken into the means."""
        recipe = self.recipe
        rate = recipe.rate
        if self.settling:
            rate *= (1 - self.progress) / recipe.settle
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        z = self.z
        if recipe.jitter:
            z = z + recipe.jitter * torch.randn(
                z.shape, generator=self.chance, device=self.device, dtype=z.dtype
            ).contiguous(memory_format=torch.channels_last)
        seen = self.known if self.settling else self.known & ~self.held
        self.optimiser.zero_grad(set_to_none=True)
        output = self._output(forward, z)
        loss = ((output - self.target) * seen).square().mean()
        if self.total_variation:
            rows, columns = output.diff(dim=2).abs().mean(), output.diff(dim=3).abs().mean()
            (loss + self.total_variation * (rows + columns)).backward()
        else:
            loss.backward()
        self.optimiser.step()
        self.step += 1
        with torch.no_grad():
            share = max(1 - (recipe.average or _KEEP), 1 / self.step)
            self.mean.lerp_(output, share)
            self.square.lerp_(output.square(), share)
        self.losses.append(loss.detach())
        return loss.detach()

    def _output(self, forward: Callable[..., Tensor], z: Tensor) -> Tensor:
        """The network's picture without its padding, float32."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._mixed()):
            output = forward(*self._inputs(z))
        return output[..., : self.shape[0], : self.shape[1]]

    def _inputs(self, z: Tensor) -> tuple[Tensor, ...]:
        return (z,) if self.start is None else (z, self.start)

    def _mixed(self) -> bool:
        return self.recipe.mixed and _has_bfloat16(self.device)

    def _look(self, loss: Tensor) -> None:
        """Go back where the loss leapt; end early where the held-out pixels are no longer met better."""
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
        if decibels > self.best[0] + _GAIN:
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

    def _accelerated(self, kind: str) -> Callable[..., Tensor]:
        """The network as it is called: compiled or recorded where that is asked for, works and pays."""
        left = self.recipe.steps - self.step
        if kind == "none" or left < _WORTH[kind] or (kind == "graphs" and self.device.type != "cuda"):
            return self.network
        recorded: Any
        try:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self._mixed(), cache_enabled=False):
                if kind == "graphs":
                    recorded = torch.cuda.make_graphed_callables(self.network, self._inputs(self.z))
                else:
                    recorded = torch.compile(self.network, dynamic=False)
            self._output(recorded, self.z).sum().backward()
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception as error:  # compilers and drivers fail in many ways, and the fit does not need them
            _log.warning("dip: without %s, which failed: %s", kind, str(error).partition("\n")[0])
            return self.network
        self.accelerated = kind
        called: Callable[..., Tensor] = recorded
        return called

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
            "mixed": self._mixed(),
            "accelerated": self.accelerated,
            "interrupted": self.interrupted,
        }
        if self.device.type == "cuda":
            facts["peak_memory"] = torch.cuda.max_memory_allocated(self.device)
        return facts

    def state(self) -> dict[str, Any]:
        """All that a fit which goes on needs, in types that are safe to load."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "chance": self.chance.get_state(),
            "losses": torch.stack(self.losses),
            **{name: getattr(self, name) for name in _STATE},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a ``state``."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.chance.set_state(state["chance"].cpu())
        self.losses = list(state["losses"].to(self.device))
        for name in _STATE:
            value = state[name]
            setattr(self, name, value.to(self.device) if isinstance(value, Tensor) else value)


_STATE = ("mean", "square", "step", "skipped", "elapsed", "looks", "best", "kept", "restarts")


def _has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster there than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    able: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # since torch 2.9
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def _planes(pixels: NDArray[Any]) -> Tensor:
    """(h, w, C) -> (1, C, h, w), float32."""
    return torch.from_numpy(np.ascontiguousarray(pixels, np.float32)).permute(2, 0, 1)[None]


def _input(recipe: Recipe, shape: tuple[int, ...]) -> Tensor:
    """z for a picture of ``shape``, padded to multiples of the deepest scale and to more than a margin there."""
    scales = len(recipe.down)
    least = max(recipe.kernel_down, recipe.kernel_up) // 2 + 1
    height, width = (max(least, -(-side >> scales)) << scales for side in shape)
    if recipe.input == "meshgrid":
        rows, columns = (
            torch.linspace(0, (n - 1) / max(1, m - 1), n) for n, m in zip((height, width), shape, strict=True)
        )
        return torch.stack(torch.meshgrid(columns, rows, indexing="xy"))[None]
    return torch.rand(1, recipe.depth, height, width) / 10


def _held_out(known: Mask, hole: Mask, share: float, rng: np.random.Generator) -> Mask:
    """About ``share`` of the known pixels, in pieces of the hole's own shape laid down elsewhere."""
    held = np.zeros_like(known)
    wanted = share * np.count_nonzero(known)
    rows, columns = np.nonzero(hole)
    if not wanted or not len(rows):
        return held
    height, width = hole.shape
    for _ in range(1000):
        if np.count_nonzero(held) >= wanted:
            break
        centre = int(rng.integers(len(rows)))
        piece = hole[_around(rows[centre], height), _around(columns[centre], width)]
        top, left = (int(rng.integers(side - part + 1)) for side, part in zip(hole.shape, piece.shape, strict=True))
        place = slice(top, top + piece.shape[0]), slice(left, left + piece.shape[1])
        held[place] |= piece & known[place]
    if np.count_nonzero(held) > 0.5 * np.count_nonzero(known):
        return np.zeros_like(known)  # a picture too small to spare any
    return held


def _around(at: int, side: int) -> slice:
    first = max(0, int(at) - _PIECE // 2)
    return slice(first, min(first + _PIECE, side))
