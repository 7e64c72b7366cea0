"""Exported networks as methods: ONNX or TorchScript files, run through the same door as ours by a YAML of conventions.

The YAML's keys: ``inputs``, a list of tensors, each a list of the parts that are concatenated along channels
(``image``, ``mask``, ``ones``); ``order``, RGB or BGR; ``range``, the image's two ends, or ``mean`` and ``std`` of a
picture in [0, 1]; ``hole``, the value a hole pixel has in the image that goes in; ``mask``, the value that marks a hole
in the mask, 1 or 0; ``mask_channels``; ``layout``, nchw or nhwc; ``multiple``, what both sides are padded to;
``padding``, how; ``size``, the only height and width it takes; ``output``, which of the outputs is the picture;
``sources``, where each was read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inpaintkit.errors import ContextError
from inpaintkit.method import Method
from inpaintkit.prior._network import SUFFIXES, network_units, open_network
from inpaintkit.problem import Image, Problem

SHIPPED = Path(__file__).parent / "models"

Tensor = NDArray[np.float32]

_opened = cache(open_network)  # once for all pictures of a run


@dataclass(frozen=True)
class Conventions:
    """What a network expects and gives; the module's docstring explains each key."""

    title: str
    inputs: list[list[str]]
    sources: list[str]
    order: Literal["RGB", "BGR"] = "RGB"
    range: tuple[float, float] = (0.0, 1.0)
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    hole: float = 0.0
    mask: int = 1
    mask_channels: int = 1
    layout: Literal["nchw", "nhwc"] = "nchw"
    multiple: int = 1
    padding: Literal["symmetric", "reflect", "edge"] = "symmetric"
    size: tuple[int, int] | None = None
    output: int = 0
    note: str = field(default="", compare=False)


def conventions(file: Path) -> Conventions:
    """A YAML of conventions.

    Raises
    ------
    ValueError : a key that is unknown, missing or has a value outside the module's docstring.
    """
    import yaml

    try:
        stated = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"{file}: no YAML of conventions ({error})") from error
    known = {each.name for each in fields(Conventions)}
    if not isinstance(stated, dict) or not {"title", "inputs", "sources"} <= stated.keys() <= known:
        raise ValueError(
            f"{file}: expected title, inputs and sources, and of the rest only {', '.join(sorted(known))}; "
            f"got {', '.join(map(str, stated)) if isinstance(stated, dict) else type(stated).__name__}"
        )
    values: dict[str, Any] = {
        key: tuple(value) if key in ("range", "mean", "std", "size") and value else value
        for key, value in stated.items()
    }
    found = Conventions(**values)
    parts = {part for tensor in found.inputs for part in tensor}
    for key, value, allowed in (
        ("order", found.order, ("RGB", "BGR")),
        ("mask", found.mask, (0, 1)),
        ("layout", found.layout, ("nchw", "nhwc")),
        ("padding", found.padding, ("symmetric", "reflect", "edge")),
        ("inputs", parts <= {"image", "mask", "ones"}, (True,)),
    ):
        if value not in allowed:
            raise ValueError(f"{file}: {key} is {value!r}: expected one of {', '.join(map(str, allowed))}")
    return found


def conventions_of(name: str, model: Path, given: str | None) -> Conventions:
    """The conventions named, or those in a YAML beside the model, or the built-in ones of its name."""
    places = (
        [Path(given), SHIPPED / f"{given}.yaml"]
        if given
        else [model.with_suffix(".yaml"), SHIPPED / f"{name.lower()}.yaml"]
    )
    for place in places:
        if place.is_file():
            return conventions(place)
    shipped = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.yaml")))
    raise ValueError(
        f"{model} needs conventions: {' and '.join(map(str, places))} do not exist; write a YAML beside it, or name "
        f"one with --conventions {name}=YAML, or a built-in one: {shipped}"
    )


@dataclass(frozen=True)
class Network(Method):
    """A row for the registry that runs an exported network."""

    file: Path = Path()
    rules: Conventions | None = None

    @classmethod
    def of(cls, name: str, file: Path, rules: Conventions) -> Network:
        """A row of a name; ValueError where the file is of another kind."""
        if file.suffix.lower() not in SUFFIXES:
            raise ValueError(f"{file} is not an exported network: expected .onnx (ONNX), .pt or .ts (TorchScript)")
        return cls(name, "", rules.title, scope="picture", own_threads=True, file=file, rules=rules)

    def load(self) -> Callable[..., Any]:
        """The function that fills a problem by the network."""
        assert self.rules is not None
        network, rules = _opened(self.file), self.rules
        if len(network.inputs) != len(rules.inputs):
            raise ValueError(
                f"{self.file} takes {len(network.inputs)} inputs ({', '.join(network.inputs)}), its conventions name "
                f"{len(rules.inputs)}: correct inputs in the YAML"
            )
        return lambda problem: fill(problem, rules, network)


def fill(problem: Problem, rules: Conventions, run: Callable[[list[Tensor]], list[NDArray[Any]]]) -> Image:
    """The picture (H, W, C) that a network gives, fed by conventions.

    Parameters
    ----------
    run : the network: tensors of one picture (1, C, H, W), or (1, H, W, C) with ``layout`` nhwc, to its outputs.

    Raises
    ------
    ContextError : the network takes another size only.
    ValueError : the picture is neither grey nor RGB, or the outputs are not what the conventions say.
    """
    height, width = problem.hole.shape
    if rules.size is not None and (height, width) != rules.size:
        raise ContextError(
            f"{rules.title} takes {rules.size[0]} x {rules.size[1]} only, the picture is {height} x {width}: crop or "
            "scale the pictures first"
        )
    if problem.image.shape[2] not in (1, 3):
        raise ValueError(f"{rules.title} takes grey or RGB, the picture has {problem.image.shape[2]} channels")
    low, high = _scale(rules)
    gain, black = network_units(problem)
    colours = np.repeat(problem.image * gain + black, 3 // problem.image.shape[2], axis=2)
    image = (colours * (high - low) + low).astype(np.float32)
    image[~problem.known] = rules.hole
    if rules.order == "BGR":
        image = image[..., ::-1]
    hole = ~problem.known if rules.mask == 1 else problem.known
    parts = {
        "image": image,
        "mask": np.repeat(hole[..., None].astype(np.float32), rules.mask_channels, axis=2),
        "ones": np.ones((height, width, 1), np.float32),
    }
    padded = {name: _padded(part, rules) for name, part in parts.items()}
    outputs = run(
        [_laid_out(np.concatenate([padded[part] for part in names], axis=2), rules) for names in rules.inputs]
    )
    if not -len(outputs) <= rules.output < len(outputs):
        raise ValueError(f"{rules.title} gave {len(outputs)} outputs: output {rules.output} is not among them")
    filled = np.asarray(outputs[rules.output][0], np.float32)
    filled = (np.moveaxis(filled, 0, -1) if rules.layout == "nchw" else filled)[:height, :width]
    if filled.shape != (height, width, 3):
        raise ValueError(f"{rules.title} gave {filled.shape}, expected {(height, width, 3)}: check its conventions")
    if rules.order == "BGR":
        filled = filled[..., ::-1]
    filled = ((filled - low) / (high - low) - black) / gain
    grey: Image = filled.mean(axis=2, keepdims=True) if problem.image.shape[2] == 1 else filled
    return grey.astype(np.float32)


def _scale(rules: Conventions) -> tuple[Tensor, Tensor]:
    """The network's values for black and white, in RGB's order; the YAML's mean and std are in RGB's order, too."""
    if rules.mean is not None and rules.std is not None:
        mean, std = np.asarray(rules.mean, np.float32), np.asarray(rules.std, np.float32)
        return -mean / std, (1 - mean) / std
    low, high = (np.full(3, end, np.float32) for end in rules.range)
    return low, high


def _padded(part: Tensor, rules: Conventions) -> Tensor:
    more = [(0, -side % rules.multiple) for side in part.shape[:2]]
    padded: Tensor = np.pad(part, [*more, (0, 0)], mode=rules.padding)
    return padded


def _laid_out(part: Tensor, rules: Conventions) -> Tensor:
    whole = part[None] if rules.layout == "nhwc" else np.moveaxis(part, -1, 0)[None]
    return np.ascontiguousarray(whole)
