"""The options of a method: read off its function's signature, completed, checked, and spelled in messages.

An option's annotation is its type: a value of another kind is refused before the method runs.
"""

from __future__ import annotations

import inspect
import math
import numbers
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal

Options = Mapping[str, Any]

OF_INPAINT = frozenset(
    """image mask method channels seed device progress threads invert_mask nodata dilate feather grain fallback
    return_info n
    """.split()
)
OF_COMMAND = frozenset(
    """photo mask find sensitivity inside exclude colour pick connected method in_place resize_mask page jobs overwrite
    log dry_run config save_config output compare nodata invert_mask dilate feather grain seed device threads fallback
    quiet verbose help format png_level soft accept_large
    """.split()
)
_UNION = type(int | str)


def parameters_of(function: Callable[..., Any], method: str) -> dict[str, inspect.Parameter]:
    """A method's options: name -> parameter with its default and resolved annotation.

    Raises ValueError for an option that bears the name of a keyword of ``inpaint`` or of the command, which no caller
    could reach.
    """
    found = dict(_keywords(function))
    for name in found:
        if name in OF_INPAINT | OF_COMMAND:
            whose = "a keyword of inpaint" if name in OF_INPAINT else "an option of the command 'inpaintkit fill'"
            raise ValueError(f"{method}'s option {name!r} is also {whose}, so nobody could set it: rename the option")
    return found


@lru_cache(maxsize=128)  # every fill asks, and annotations are texts until they are resolved
def _keywords(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    hints = typing.get_type_hints(function)
    return {
        name: parameter.replace(annotation=hints.get(name, Any))
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }


def completed(given: Options, parameters: Mapping[str, inspect.Parameter], method: str) -> dict[str, Any]:
    """All of a method's options with their values.

    Raises TypeError for a name the method does not have, ValueError for a value of the wrong kind.
    """
    for name in given:
        if name not in parameters:
            known = ", ".join(parameters) or "none"
            raise TypeError(f"{method} has no option {name!r}: its options are {known}")
    return {
        name: _checked(method, name, given[name], parameter.annotation) if name in given else parameter.default
        for name, parameter in parameters.items()
    }


def kinds_of(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the annotation alone."""
    return typing.get_args(annotation) if typing.get_origin(annotation) in (typing.Union, _UNION) else (annotation,)


def _checked(method: str, name: str, value: Any, annotation: Any) -> Any:
    """The value, numbers as the annotated type; errors for what the annotation excludes."""
    kinds = kinds_of(annotation)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()  # NumPy's numbers, switches and texts are Python's; NumPy itself is not loaded here
    for kind in kinds:
        if hasattr(kind, "of_option") and value is not None:
            try:
                return kind.of_option(value)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{method}'s option {name} is no {kind.__name__}: {error}") from None
        if typing.get_origin(kind) is Literal:
            if any(isinstance(value, type(choice)) and value == choice for choice in typing.get_args(kind)):
                return value
        elif kind is Any or (kind is type(None) and value is None):
            return value
        elif kind is bool or isinstance(value, bool):
            if kind is bool and isinstance(value, bool):
                return value
        elif kind is float and isinstance(value, numbers.Real):
            if math.isfinite(value):
                return float(value)
        elif kind is int and isinstance(value, numbers.Integral):
            return int(value)
        elif isinstance(kind, type) and kind not in (int, float) and isinstance(value, kind):
            return value
        elif not isinstance(kind, type):
            return value  # a richer type (array, mapping): the method checks it
    shape = getattr(value, "shape", None)
    came = repr(value) if shape is None else f"an array of shape {tuple(shape)}"
    raise ValueError(f"{method}'s option {name} is {came}: expected {_spelled(kinds)}")


def _spelled(kinds: tuple[Any, ...]) -> str:
    names = {float: "a finite number", int: "a whole number", bool: "True or False", str: "a text", type(None): "None"}
    return " or ".join(
        " or ".join(map(repr, typing.get_args(kind)))
        if typing.get_origin(kind) is Literal
        else names.get(kind, getattr(kind, "__name__", str(kind)))
        for kind in kinds
    )
