"""Repair the masked part of a picture without a trained model.

>>> import inpaintkit
>>> inpaintkit.inpaint(image, mask)  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not (Path(__file__).parent / "classic").is_dir():
    # A checkout: classic, prior and benchmarks stand beside this folder instead of in it.
    __path__.append(str(Path(__file__).parent.parent))

if TYPE_CHECKING:
    from inpaintkit.api import inpaint, variants
    from inpaintkit.errors import ContextError, InpaintWarning, MissingExtraError
    from inpaintkit.files import load, read, read_mask, write
    from inpaintkit.find import FindInfo, find_mask
    from inpaintkit.info import FilledRegion, Info
    from inpaintkit.method import Method
    from inpaintkit.problem import Problem, Step
    from inpaintkit.registry import methods, register, unregister

__version__ = "0.1.0"

_HOME = {  # imported on first use: `import inpaintkit` itself costs nothing
    "ContextError": "errors",
    "FilledRegion": "info",
    "FindInfo": "find",
    "Info": "info",
    "InpaintWarning": "errors",
    "Method": "method",
    "MissingExtraError": "errors",
    "Problem": "problem",
    "Step": "problem",
    "find_mask": "find",
    "inpaint": "api",
    "load": "files",
    "methods": "registry",
    "read": "files",
    "read_mask": "files",
    "register": "registry",
    "unregister": "registry",
    "variants": "api",
    "write": "files",
}

__all__ = [
    "ContextError",
    "FilledRegion",
    "FindInfo",
    "Info",
    "InpaintWarning",
    "Method",
    "MissingExtraError",
    "Problem",
    "Step",
    "find_mask",
    "inpaint",
    "load",
    "methods",
    "read",
    "read_mask",
    "register",
    "unregister",
    "variants",
    "write",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'inpaintkit' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"inpaintkit.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
