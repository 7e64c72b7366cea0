"""The methods and their options as a page shows them, and as it may set them."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np

from inpaintkit import registry
from inpaintkit.errors import MissingExtraError
from inpaintkit.method import Method
from inpaintkit.options import kinds_of
from inpaintkit.picture import PictureColours, PictureLabels, PictureMask, PictureOption
from inpaintkit.problem import Mask

_PLAIN = {bool: "bool", int: "int", float: "float", str: "text"}
_NAME = re.compile(r"[A-Za-z0-9_,+\- ]*")  # of a text that can be no path


def rows() -> dict[str, Method]:
    """All methods by name, ``auto`` first."""
    return {"auto": registry.AUTO, **registry.methods()}


def catalogue() -> list[dict[str, Any]]:
    """Every method with its options, as JSON."""
    return [_shown(row) for row in rows().values()]


def is_layer(name: str) -> bool:
    """Whether a layer is an option that some method takes: "source", or "guide:1" for the first label of one."""
    option, colon, label = name.partition(":")
    kind = _painted().get(option)
    if kind == "labels":
        return colon == ":" and label.isdecimal() and 1 <= int(label) <= PictureLabels.max_labels
    return kind == "layer" and not colon


def layers_of(option: str, names: list[str]) -> list[str]:
    """The layers that belong to an option."""
    return [name for name in names if name.partition(":")[0] == option]


def options_from(method: str, given: Any, layers: dict[str, Mask]) -> dict[str, Any]:
    """A method's options from JSON, with those that are painted; ValueError where one cannot be set from a page.

    Parameters
    ----------
    given : an object of numbers, switches and texts. No text may name a file.
    layers : what is painted, by the layer's name; empty layers are left out.
    """
    if not isinstance(given, dict):
        raise TypeError(f"options are {json.dumps(given)[:60]}: expected an object of names and values")
    kinds = {name: _kind(parameter.annotation) for name, parameter in registry.find(method).parameters().items()}
    for name, value in given.items():
        if isinstance(value, PictureOption):  # a file's, checked already
            continue
        if kinds.get(name) in ("layer", "labels"):
            raise ValueError(f"{method}'s option {name} is painted as a layer, not sent with the options")
        if kinds.get(name, "") is None:
            raise ValueError(f"{method}'s option {name} names a file, which is not reached from here")
        if isinstance(value, str) and (not _NAME.fullmatch(value) or (value and Path(value).exists())):
            raise ValueError(
                f"{method}'s option {name} is {value[:60]!r}, which may name a file: that is not reached from here"
            )
    found = dict(given)
    for name, kind in kinds.items():
        own = {layer: layers[layer] for layer in layers_of(name, list(layers)) if layers[layer].any()}
        if own and kind == "layer":
            found[name] = PictureMask(own[name].copy())
        elif own and kind == "labels":
            found[name] = _labels(own)
    return found


def _labels(layers: dict[str, Mask]) -> PictureLabels:
    """One picture of labels from a layer each; where two were painted the later label holds."""
    first = next(iter(layers.values()))
    labels = np.zeros(first.shape, np.uint8)
    for name in sorted(layers, key=lambda name: int(name.partition(":")[2])):
        labels[layers[name]] = int(name.partition(":")[2])
    return PictureLabels(labels)


def _shown(row: Method) -> dict[str, Any]:
    missing, options = "", []
    try:
        texts = registry.descriptions(row)
        for name, parameter in row.parameters().items():
            kind = _kind(parameter.annotation)
            if kind is not None:
                options.append(
                    {
                        "name": name,
                        "kind": kind,
                        "choices": _choices(parameter.annotation),
                        "default": parameter.default,
                        "help": texts.get(name, ""),
                    }
                )
    except ImportError as error:
        missing = str(error) if isinstance(error, MissingExtraError) else f"{row.name} cannot be loaded: {error}"
    return {
        "name": row.name,
        "summary": row.summary,
        "source": row.source,
        "stochastic": row.stochastic,
        "copies": row.surround is not None,
        "colours": list(row.colours),
        "available": not missing,
        "missing": missing,
        "options": options,
    }


@cache
def _kind(annotation: Any) -> str | None:
    """How an option is set on a page; None where it is a file or something that JSON cannot say."""
    kinds = [kind for kind in kinds_of(annotation) if kind is not type(None)]
    if any(get_origin(kind) is Literal for kind in kinds):
        return "choice"
    if Path in kinds:
        return None
    for option, name in ((PictureMask, "layer"), (PictureLabels, "labels")):
        if option in kinds:
            return name
    return next((_PLAIN[kind] for kind in kinds if kind in _PLAIN), None) if PictureColours not in kinds else "text"


def _choices(annotation: Any) -> list[Any]:
    return [choice for kind in kinds_of(annotation) if get_origin(kind) is Literal for choice in get_args(kind)]


@cache
def _painted() -> dict[str, str]:
    """The options of all methods that are painted."""
    found: dict[str, str] = {}
    for row in rows().values():
        try:
            options = row.parameters()
        except ImportError:
            continue
        found |= {
            name: kind for name, option in options.items() if (kind := _kind(option.annotation)) in ("layer", "labels")
        }
    return found
