"""Deep Image Prior: a network fitted to the known pixels of one picture alone, whose structure fills the rest.

A randomly initialised encoder-decoder f_theta maps a fixed input z to the picture. Minimising

    E(theta) = mean of (m (f_theta(z) - x))^2,    m = 1 on known pixels, else 0,

explains natural structure long before noise, and what f_theta(z) shows in the hole continues what is known (Ulyanov,
Vedaldi and Lempitsky 2018). doi:10.1109/CVPR.2018.00984

Symbols: f_theta, the network (``_skip.py``); z, its input, and x, the picture (``_target.py``). Network, input and
optimiser are a recipe's (``_recipes.py``); E is minimised in ``_fit.py``.

Large pictures go from coarse to fine (``_region.py``): the coarsest level of a masked pyramid is fitted whole, and each
finer one in overlapping tiles, whose networks add to the enlarged fill of the level before.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from inpaintkit import threads
from inpaintkit.errors import InpaintWarning
from inpaintkit.prior._checkpoint import checkpoint_of
from inpaintkit.prior._interrupt import interruptible
from inpaintkit.prior._recipes import recipe_of
from inpaintkit.prior._region import RegionFit
from inpaintkit.prior._tone import Tone
from inpaintkit.prior._torch import device_of, settled
from inpaintkit.problem import Image, Problem

_SERIAL = 128 * 128  # pixels up to which threads would wait for one another more than they work
_UNSURE = 0.02  # standard deviation of the outputs at which confidence is a half


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
    steps : steps of the optimiser; None: as many as the recipe has.
    time_limit : seconds after which a region is done, its last part with a falling rate; None: no limit.
    total_variation : weight of the mean absolute difference of neighbouring pixels in the loss, 0 to 1; 0.01 smooths.
    tile : side in pixels of the largest square fitted at once, 64 and more; larger pictures go from coarse to fine in
        tiles.
    accelerate : "graphs" records CUDA graphs, "compile" uses torch.compile; where either fails, or the steps are too
        few to be worth the preparation, the network is called plainly.
    checkpoint : file to which the state is written every minute and at the end; a call with the same picture, mask,
        options and seed goes on from it. A picture's further regions get files of their own beside it.

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled. It notes

    - of the last network fitted: ``loss``, float32, one for each step; ``held_out``, float32 (looks, 2), step and PSNR
      in dB of the pixels held out; ``step``, the one from which it settled; ``steps``, ``rate``, ``restarts``,
      ``parameters``, ``mixed`` and ``accelerated``;
    - of the whole crop: ``raw`` and ``averaged``, float32 (H, W, C), the last output and the mean of outputs;
      ``uncertainty``, float32 (H, W), the standard deviation of outputs, and ``confidence``, 1 where that is 0;
    - ``runs``, ``tiles``, ``fitting`` (seconds), ``interrupted``, and torch's settings.

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
    constant = colours[0]  # where a channel is constant, so is its fill: alpha, as a rule
    if not varied.any():
        return np.where(problem.hole[..., None], constant, problem.image)
    tone = Tone.of(colours[:, varied])
    image = np.where(problem.known[..., None], tone.compressed(problem.image[..., varied]), 0.5).astype(np.float32)

    max_threads = 1 if min(problem.hole.size, tile**2) <= _SERIAL else None
    with threads.limit(max_threads), settled() as settings, interruptible() as interrupt:
        fit = RegionFit(
            problem,
            plan,
            device,
            total_variation=total_variation,
            tile=tile,
            acceleration=accelerate,
            time_limit=time_limit,
            interrupt=interrupt,
            checkpoint=checkpoint_of(checkpoint, problem, plan, total_variation, tile),
        )
        planes = fit.planes(image)

    def all_channels(part: Image) -> Image:
        result = np.broadcast_to(constant, problem.image.shape).astype(np.float32)
        result[..., varied] = tone.restored(part)
        return result

    last, mean, square = np.split(planes, 3, axis=2)
    raw, averaged = all_channels(last), all_channels(mean)
    deviation = np.sqrt(np.maximum(square - mean * mean, 0).mean(axis=2))
    problem.note(raw=raw, averaged=averaged, uncertainty=deviation, **fit.facts, **settings)
    problem.note(confidence=np.float32(1) / (1 + deviation / np.float32(_UNSURE)))
    if fit.facts["interrupted"]:
        warnings.warn(
            f"dip was interrupted at step {fit.facts['step']}: the hole has the best picture so far", InpaintWarning, 2
        )
    return np.where(problem.hole[..., None], averaged if plan.average else raw, problem.image)


def _check(steps: int | None, time_limit: float | None, total_variation: float, tile: int) -> None:
    if steps is not None and not 1 <= steps <= 10**7:
        raise ValueError(f"dip's option steps is {steps}: expected 1 to 10000000, or None for the recipe's")
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"dip's option time_limit is {time_limit:g}: expected seconds above 0, or None for no limit")
    if not 0 <= total_variation <= 1:
        raise ValueError(f"dip's option total_variation is {total_variation:g}: expected 0 to 1")
    if tile < 64:
        raise ValueError(f"dip's option tile is {tile}: expected 64 pixels or more")
