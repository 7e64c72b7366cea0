"""``Method``, a row of the table of methods: what one is for, what it needs, what it promises."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from inpaintkit.errors import MissingExtraError
from inpaintkit.options import Options, completed, parameters_of
from inpaintkit.papers import Paper

Span = int | Callable[[Options], int]  # pixels, possibly depending on the method's options


@dataclass(frozen=True)
class Method:
    """One row.

    Attributes
    ----------
    name : as given to ``inpaint(..., method=name)``.
    target : "module:function"; the function takes a ``Problem`` and keyword options, gives float32 (H, W, C).
    summary : what it is for, in one line.
    source : the paper in few words; from ``papers`` where these are given instead.
    papers : what ``inpaintkit methods --bibtex`` prints.
    needs : the extra that installs what it imports, or an empty text.
    reach : hole pixels at most this far apart influence one another, in pixels.
    context : margin of known picture its crop needs, in pixels.
    surround : further margin of a method that copies: so many sides of a square as large as the region's hole; infinite
        for the whole picture.
    cut : hole pixels farther apart than this hardly influence one another along a thin hole; None: never cut one.
    scope : "region", "picture" for a method that must see everything, or "call" for one that divides the hole among
        others: its function takes a ``Call`` and the picture to fill.
    colours : the numbers of colours it can fill, alpha not counted; empty: any number.
    min_known : known pixels in the crop without which it raises ``ContextError``.
    stochastic : another seed gives another plausible picture.
    constant_tol : largest error on a constant picture, in units of the full range.
    weights : it heeds ``Problem.weight``. For others a pixel of weight below a half is one more to fill, and any other
        is known.
    own_threads : it uses all threads itself, so regions are filled one after another.
    trial : side in pixels of a test case that it fills within a second.
    quick : options with which it does so; not those for good pictures.
    kernels : "module:kernel", what numba compiles for a fill, as a function of the options, the slowest first: they are
        compiled side by side, each for the types of its annotations. None: when they are called.
    """

    name: str
    target: str
    summary: str
    source: str = ""
    needs: str = ""
    reach: Span = 1
    context: Span = 1
    surround: Callable[[Options], float] | None = None
    cut: Callable[[Options], int | None] | None = None
    scope: Literal["region", "picture", "call"] = "region"
    colours: tuple[int, ...] = ()
    min_known: int = 1
    stochastic: bool = False
    constant_tol: float = 0.0
    weights: bool = False
    own_threads: bool = False
    trial: int = 48
    quick: Options = field(default_factory=dict)
    papers: tuple[Paper, ...] = ()
    kernels: Callable[[Options], tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        if not self.source:
            object.__setattr__(self, "source", "; ".join(map(str, self.papers)))

    def load(self) -> Callable[..., Any]:
        """The method's function; MissingExtraError says what to install where an import fails."""
        module, _, function = self.target.partition(":")
        try:
            return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]
        except ModuleNotFoundError as error:
            if not self.needs:
                raise
            raise MissingExtraError(
                f'{self.name} needs {error.name}, which is not installed: pip install "inpaintkit[{self.needs}]"'
            ) from error

    def parameters(self) -> dict[str, inspect.Parameter]:
        """The method's options: name -> parameter with its default and resolved annotation."""
        return parameters_of(self.load(), self.name)

    def options(self, given: Options) -> dict[str, Any]:
        """All options with their values; TypeError or ValueError for an unknown name or a value of the wrong kind."""
        return completed(given, self.parameters(), self.name)
