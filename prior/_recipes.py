"""The settings of a Deep Image Prior: those of the original's notebooks, of its supplement, and our own.

Ulyanov, Vedaldi and Lempitsky chose architecture and optimiser for each figure; a recipe is one such choice.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Network, input and optimiser.

    Attributes
    ----------
    down, up : channels of the encoder and of the decoder, finest scale first; a scale halves the picture.
    skip : channels of the skip connection at each scale, 0 for none.
    kernel_down, kernel_up : sides of the convolutions, odd, in pixels.
    mix : a 1x1 convolution follows each convolution of the decoder.
    upsample : "nearest" or "bilinear".
    downsample : "stride" or "average": a convolution of stride 2, or one of stride 1 and the mean of 2x2 pixels.
    pad : "reflection" or "zero".
    input : "noise", uniform in [0, 0.1], or "meshgrid", the two coordinates in [0, 1].
    depth : channels of the noise.
    jitter : standard deviation of the fresh noise that is added to the input at every step.
    rate : Adam's.
    steps : of the optimiser.
    settle : share of the steps, the last ones, during which the rate falls to zero; 0: it never falls.
    average : weight that the running mean of outputs keeps from step to step, 0 to below 1; 0: the last output.
    hold_out : share of the known pixels that are not fitted until the rate falls; they decide when to stop.
    runs : networks fitted from different starts, whose pictures are averaged.
    mixed : bfloat16 where the processor is faster with it; float32 otherwise, and always for statistics and loss.
    """

    down: tuple[int, ...] = (128,) * 5
    up: tuple[int, ...] = (128,) * 5
    skip: tuple[int, ...] = (4,) * 5
    kernel_down: int = 3
    kernel_up: int = 3
    mix: bool = True
    upsample: str = "bilinear"
    downsample: str = "stride"
    pad: str = "reflection"
    input: str = "noise"
    depth: int = 32
    jitter: float = 1 / 30
    rate: float = 0.01
    steps: int = 2000
    settle: float = 0.0
    average: float = 0.0
    hold_out: float = 0.0
    runs: int = 1
    mixed: bool = False


_NOTEBOOK = Recipe(upsample="nearest", jitter=0.03)

RECIPES = {
    # Ulyanov et al.'s inpainting notebook, by picture: figures 6, 7 and 8.
    "vase": replace(_NOTEBOOK, skip=(0,) * 5, input="meshgrid", steps=5001),
    "kate": replace(_NOTEBOOK, skip=(128,) * 5, steps=6001),
    "library": replace(
        _NOTEBOOK,
        down=(16, 32, 64, 128, 128, 128),
        up=(16, 32, 64, 128, 128, 128),
        skip=(0,) * 6,
        kernel_down=5,
        mix=False,
        depth=1,
        jitter=0.0,
        steps=3001,
    ),
    # Their restoration notebook: half of the pixels lost, table 1.
    "restoration": Recipe(jitter=0.03, rate=0.001, steps=11000),
    # The supplement's default architecture.
    "default": Recipe(),
    # Ours: the default network with a falling rate, and its outputs averaged.
    "fast": Recipe(steps=1500, settle=0.3, average=0.98, mixed=True),
    # Ours for computers without a GPU: few channels where the picture is large.
    "small": Recipe(
        down=(32, 32, 64, 64, 64),
        up=(32, 32, 64, 64, 64),
        upsample="nearest",
        skip=(0, 4, 4, 4, 4),  # noise that skips all layers at full size is learnt pixel by pixel
        pad="zero",
        depth=8,
        jitter=0.0,
        steps=600,
        settle=0.3,
        average=0.96,
        hold_out=0.02,
        runs=3,
        mixed=True,
    ),
}

_CHOICES: dict[str, tuple[str | bool, ...]] = {
    "mix": (True, False),
    "mixed": (True, False),
    "upsample": ("nearest", "bilinear"),
    "downsample": ("stride", "average"),
    "pad": ("reflection", "zero"),
    "input": ("noise", "meshgrid"),
}
_BOUNDS: dict[str, tuple[float, float]] = {
    "kernel_down": (1, 15),
    "kernel_up": (1, 15),
    "depth": (1, 1024),
    "jitter": (0, 10),
    "rate": (1e-8, 1),
    "steps": (1, 10**7),
    "settle": (0, 1),
    "average": (0, 0.9999),
    "hold_out": (0, 0.5),
    "runs": (1, 100),
}


def recipe_of(given: str | Mapping[str, Any]) -> Recipe:
    """The recipe of a name, or of a mapping that changes some settings of its ``base`` ("default" when left out)."""
    changes: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {"base": given}
    base = _named(changes.pop("base", "default"))
    known = {field.name for field in fields(Recipe)}
    for name, value in changes.items():
        if name not in known:
            raise ValueError(f"dip's recipe has no setting {name!r}: its settings are base, {', '.join(sorted(known))}")
        changes[name] = _setting(name, value, getattr(base, name))
    recipe = replace(base, **changes)
    if not len(recipe.down) == len(recipe.up) == len(recipe.skip):
        raise ValueError(
            f"dip's recipe has {len(recipe.down)} scales in down, {len(recipe.up)} in up and {len(recipe.skip)} in "
            "skip: give each scale its three numbers"
        )
    return recipe


def _named(name: object) -> Recipe:
    if not isinstance(name, str) or name not in RECIPES:
        raise ValueError(
            f"dip's option recipe is {name!r}: expected one of {', '.join(RECIPES)}, or a mapping of settings such as "
            '{"base": "small", "steps": 500}'
        )
    return RECIPES[name]


def _setting(name: str, value: Any, before: object) -> object:
    """A setting's value, checked against the kind of the one it replaces."""
    if isinstance(before, tuple):
        min_channels = 0 if name == "skip" else 1
        if (
            isinstance(value, (str, bytes))
            or not hasattr(value, "__len__")
            or not 1 <= len(value) <= 8
            or not all(_whole(channels) and min_channels <= channels <= 1024 for channels in value)
        ):
            raise ValueError(
                f"dip's recipe has {name} = {value!r}: expected 1 to 8 whole numbers, {min_channels} to 1024"
            )
        return tuple(int(channels) for channels in value)
    if name in _CHOICES:
        if value not in _CHOICES[name] or type(value) is not type(before):
            raise ValueError(f"dip's recipe has {name} = {value!r}: expected {' or '.join(map(repr, _CHOICES[name]))}")
        return value
    low, high = _BOUNDS[name]
    whole = isinstance(before, int)
    fits = _whole(value) if whole else isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not fits or not low <= value <= high or (name.startswith("kernel") and value % 2 == 0):
        kind = "an odd number" if name.startswith("kernel") else "a whole number" if whole else "a number"
        raise ValueError(f"dip's recipe has {name} = {value!r}: expected {kind} from {low:g} to {high:g}")
    return int(value) if whole else float(value)


def _whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
