"""A region's levels and tiles fitted one after another, with checkpoints, and again in tiles where memory runs out."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inpaintkit.arrays import F32x2
from inpaintkit.prior._accelerate import Acceleration
from inpaintkit.prior._checkpoint import Checkpoint
from inpaintkit.prior._fit import Fit
from inpaintkit.prior._interrupt import Interrupt
from inpaintkit.prior._recipes import Recipe
from inpaintkit.prior._target import Target
from inpaintkit.prior._tiles import Job, halvings, jobs_of, overlap_of
from inpaintkit.problem import Image, Problem, Step
from inpaintkit.pyramid import Level, masked_pyramid, upsampled

ANNOUNCE_FROM = 10.0  # s: what takes longer is announced
_SAVE_EVERY = 60.0  # s
_RETRY = 0.3  # times the rate after a loss that was not finite
_MIN_TILE = 64  # px

_log = logging.getLogger("inpaintkit")


@dataclass
class _Progress:
    """How far a region is: what a checkpoint holds beside the state of the network that is being fitted.

    "Planes" are those of ``Fit.planes``.
    """

    job: int = 0
    coarse: Image | None = None  # planes of the level before
    sums: Image | None = None  # planes of this level, weighted
    weight: F32x2 | None = None
    elapsed: float = 0.0

    def add(self, job: Job, shape: tuple[int, int], planes: Image, weight: F32x2) -> None:
        """Add a tile's planes to those of its level."""
        if self.sums is None or self.weight is None:
            self.sums = np.zeros((*shape, planes.shape[2]), np.float32)
            self.weight = np.zeros(shape, np.float32)
        here = job.rows, job.columns
        self.sums[here] += weight[..., None] * planes
        self.weight[here] += weight

    def finish_level(self, shape: tuple[int, int]) -> None:
        """The level's tiles, averaged, become the coarse planes; those before show where no tile lies."""
        assert self.sums is not None
        assert self.weight is not None
        base = 0.0 if self.coarse is None else upsampled(self.coarse, shape)
        weight = self.weight[..., None]
        self.coarse = np.where(weight > 0, self.sums / np.maximum(weight, 1e-6), base).astype(np.float32)
        self.sums = self.weight = None


@dataclass
class RegionFit:
    """A region to fit; ``facts`` holds those of the last network, and what they cost together."""

    problem: Problem
    recipe: Recipe
    device: torch.device
    total_variation: float
    tile: int
    acceleration: Acceleration
    time_limit: float | None
    interrupt: Interrupt
    checkpoint: Checkpoint | None
    facts: dict[str, Any] = field(default_factory=dict, init=False)

    def planes(self, image: Image) -> Image:
        """(H, W, 3 C): the last output, the mean of outputs, and the mean of their squares, each over all runs."""
        saved = self.checkpoint.load() if self.checkpoint else None
        if saved is not None:
            self.tile = saved["tile"]
        try:
            return self._fit_levels(image, saved)
        except torch.cuda.OutOfMemoryError:
            pass  # what the failed fit holds is free only once its traceback is
        torch.cuda.empty_cache()
        self.tile = max(_MIN_TILE, min(self.tile, math.isqrt(self.problem.hole.size)) // 2)
        self.problem.report(Step(0, 1, remark=f"out of GPU memory: again in tiles of {self.tile} pixels"))
        try:
            return self._fit_levels(image, None)
        except torch.cuda.OutOfMemoryError as error:
            raise MemoryError(
                f"dip needs more GPU memory than there is, even in tiles of {self.tile} pixels: choose a smaller tile "
                '(--tile), recipe="small" or device="cpu"'
            ) from error

    def _fit_levels(self, image: Image, saved: Mapping[str, Any] | None) -> Image:
        """From coarse to fine: every level begins with the enlarged fill of the one before."""
        problem = self.problem
        levels = masked_pyramid(image, problem.known, problem.hole, levels=1 + halvings(problem.hole.shape, self.tile))
        jobs = jobs_of([level.hole for level in levels], self.tile, self.recipe.runs)
        at, state = _Progress(), None
        if saved is not None:
            at, state, self.facts = _Progress(**_arrays(saved["progress"])), saved["fit"], _arrays(saved["facts"])
        while at.job < len(jobs):
            job = jobs[at.job]
            level = levels[job.level]
            shape = level.hole.shape
            fit = self._fitted(_target(level, job, at.coarse), jobs, at, state)
            state = None
            self.facts = fit.facts() | {"tiles": len(jobs) // self.recipe.runs, "fitting": at.elapsed}
            at.add(job, shape, fit.planes(), job.weights(shape, overlap_of(self.tile)) * _credit(fit))
            at.job = len(jobs) if fit.interrupted else at.job + 1
            if at.job == len(jobs) or jobs[at.job].level != job.level:
                at.finish_level(shape)
            if fit.interrupted:  # the checkpoint keeps the state that can go on
                for finer in levels[job.level - 1 :: -1] if job.level else ():
                    at.coarse = upsampled(at.coarse, finer.hole.shape) if at.coarse is not None else None
            elif self.checkpoint:
                self._save(self.checkpoint, at, None)
        assert at.coarse is not None
        return at.coarse

    def _fitted(self, target: Target, jobs: list[Job], at: _Progress, state: dict[str, Any] | None) -> Fit:
        """One network, fitted; once more at a lower rate where its loss is not finite."""
        job, done = jobs[at.job], sum(job.share for job in jobs[: at.job])
        limit = None
        if self.time_limit is not None:
            limit = max(self.time_limit - at.elapsed, 0.0) * job.share / (1 - done)
        seed = int(self.problem.rng(at.job).integers(2**63 - 1))
        before, saved = at.elapsed, time.monotonic()

        def looked(fit: Fit) -> None:
            nonlocal saved
            now = time.monotonic()
            at.elapsed = before + fit.elapsed
            if self.checkpoint and (now - saved > _SAVE_EVERY or fit.finished):
                self._save(self.checkpoint, at, fit.state())
                saved = now

        def report(fit: Fit, loss: float) -> None:
            held = f"held out {fit.looks[-1][1]:.2f} dB" if fit.looks else ""
            self.problem.report(Step(done + job.share * fit.progress, 1, loss, held))

        def announce(per_step: float) -> None:
            seconds = per_step * self.recipe.steps / job.share
            if self.device.type == "cpu" and seconds > ANNOUNCE_FROM and at.job == 0:  # the first speaks for all
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
                fit.run(self.acceleration, self.interrupt, looked=looked, report=report, announce=announce)
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
        limit = "" if self.time_limit is None else f", at most {_duration(self.time_limit)} as asked"
        height, width = self.problem.hole.shape
        _log.warning(
            "dip: about %s on this processor for %d x %d pixels (%d steps, %.2f s each)%s; Ctrl-C gives the best yet",
            _duration(seconds),
            width,
            height,
            self.recipe.steps * self.recipe.runs,
            per_step,
            limit,
        )

    def _save(self, checkpoint: Checkpoint, at: _Progress, state: dict[str, Any] | None) -> None:
        progress, facts = _tensors(vars(at)), _tensors(self.facts)
        checkpoint.save({"tile": self.tile, "progress": progress, "fit": state, "facts": facts})


def _target(level: Level, job: Job, coarse: Image | None) -> Target:
    """A job's part of its level; it starts from the coarser level's mean of outputs."""
    here = job.rows, job.columns
    channels = level.image.shape[2]
    start = None
    if coarse is not None:
        start = upsampled(coarse, level.hole.shape)[here][..., channels : 2 * channels]
    return Target(level.image[here], level.known[here], level.hole[here], start)


def _credit(fit: Fit) -> np.float32:
    """Weight of a fit's planes: one that was interrupted early counts less than the other runs."""
    return np.float32(max(fit.progress, 1e-3))


def _tensors(values: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays as tensors, which are safe to load."""
    return {name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in values.items()}


def _arrays(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.numpy() if isinstance(value, Tensor) else value for name, value in values.items()}


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
