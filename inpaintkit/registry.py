"""The table of methods: what each is for, what it needs, what it promises. Rows load their code on first use.

A method of another distribution joins through the entry-point group ``inpaintkit.methods``: an entry that names a
``Method``, under the method's own name.
"""

from __future__ import annotations

import importlib
import inspect
import math
import numbers
import typing
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any, Literal

from inpaintkit.errors import MissingExtraError

Options = Mapping[str, Any]
Span = int | Callable[[Options], int]  # pixels, possibly depending on the method's options

GROUP = "inpaintkit.methods"


@dataclass(frozen=True)
class Method:
    """One row.

    Attributes
    ----------
    name : as given to ``inpaint(..., method=name)``.
    target : "module:function"; the function takes a ``Problem`` and keyword options, gives float32 (H, W, C).
    summary : what it is for, in one line.
    source : the paper.
    needs : the extra that installs what it imports, or an empty text.
    reach : hole pixels at most this far apart influence one another, in pixels.
    context : margin of known picture its crop needs, in pixels.
    surround : further margin of a method that copies: so many sides of a square as large as the region's hole; infinite
        for the whole picture.
    cut : hole pixels farther apart than this hardly influence one another along a thin hole; None: never cut one.
    scope : "region", "picture" for a method that must see everything, or "call" for one that divides the hole among
        others: its function takes a ``Work`` and the picture to fill.
    min_known : known pixels in the crop without which it raises ``ContextError``.
    stochastic : another seed gives another plausible picture.
    constant_tol : largest error on a constant picture, in units of the full range.
    own_threads : it uses all threads itself, so regions are filled one after another.
    trial : side in pixels of a test case that it fills within a second.
    quick : options with which it does so; not those for good pictures.
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
    min_known: int = 1
    stochastic: bool = False
    constant_tol: float = 0.0
    own_threads: bool = False
    trial: int = 48
    quick: Options = field(default_factory=dict)

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
        function = self.load()
        hints = typing.get_type_hints(function)
        return {
            name: parameter.replace(annotation=hints.get(name, Any))
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }

    def options(self, given: Options) -> dict[str, Any]:
        """All options with their values; TypeError or ValueError for an unknown name or a value of the wrong kind."""
        parameters = self.parameters()
        for name in given:
            if name not in parameters:
                known = ", ".join(parameters) or "none"
                raise TypeError(f"{self.name} has no option {name!r}: its options are {known}")
        return {
            name: _checked(self.name, name, given[name], parameter.annotation) if name in given else parameter.default
            for name, parameter in parameters.items()
        }


def _limit(options: Options) -> int:
    """Telea's radius as whole pixels; a radius out of range is reported by the method itself."""
    radius: float = options["radius"]
    return max(1, math.ceil(min(radius, 1e6)))


def _ball(options: Options) -> int:
    """What a pixel of coherence transport looks at: the colours' radius or the tensor's window, in whole pixels."""
    return max(_limit(options), _half_width(options["rho"]))


def _side(options: Options) -> int:
    """A patch's side; one out of range is reported by the method itself."""
    side: int = options["patch"] or 8
    return min(max(side, 1), 16)


def _half_width(width: float) -> int:
    """Pixels that a Gaussian window reaches to either side."""
    return max(1, round(2 * min(max(width, 0), 1e6)))


def _block(options: Options) -> int:
    """Side of a block of frequency-selective reconstruction; one out of range is reported by the method itself."""
    return min(max(options["block"] or 8, 1), 16)


METHODS = (
    Method(
        "telea",
        "inpaintkit.classic.telea:telea",
        "fast marching from the rim inwards: scratches, text, small holes; the fastest",
        source="Telea 2004",
        # A source within the radius has its own distance to the nearest rim, which lies as far again at most.
        reach=lambda o: 2 * _limit(o) + 2,
        context=lambda o: 2 * _limit(o) + 3 if o["variant"] == "opencv" else _limit(o) + 2,
        cut=lambda o: 4 * _limit(o) if o["variant"] == "damped" else None,
    ),
    Method(
        "coherence",
        "inpaintkit.classic.coherence:coherence",
        "coherence transport: scratches, text, small holes; carries lines and edges across",
        source="Bornemann and März 2007",
        # A source within the ball has a slope from its own window.
        reach=lambda o: _ball(o) + _half_width(o["sigma"]),
        context=lambda o: _ball(o) + _half_width(o["sigma"]),
        cut=lambda o: max(4 * _limit(o), 2 * _ball(o) + _half_width(o["sigma"])),
    ),
    Method(
        "harmonic",
        "inpaintkit.classic.harmonic:harmonic",
        "Laplace's equation: a membrane through the rim; smooth surroundings, no overshoot",
        source="the five-point stencil",
        cut=lambda o: 64,
    ),
    Method(
        "biharmonic",
        "inpaintkit.classic.biharmonic:biharmonic",
        "a thin plate through the rim: ramps and bows run on; thin holes in photographs",
        source="Damelin and Hoang 2018",
        reach=2,
        context=2,
        cut=lambda o: 64,
    ),
    Method(
        "tv",
        "inpaintkit.classic.tv:tv",
        "total variation, solved to a stated gap: flat areas and straight edges across thin holes; makes no texture",
        source="Chan and Shen 2002; Chambolle and Pock 2011",
        context=16,  # a deep hole starts from halved pictures, whose rims are means of what lies around
        cut=lambda o: 32,
    ),
    Method(
        "oliveira",
        "inpaintkit.classic.oliveira:oliveira",
        "iterated convolution of the hole: holes a few pixels wide; barriers keep edges sharp that cross them",
        source="Oliveira et al. 2001",
        cut=lambda o: 24,
    ),
    Method(
        "transport",
        "inpaintkit.classic.transport:transport",
        "isophotes carried on into the hole: edges across scratches and text",
        source="Bertalmio, Sapiro, Caselles and Ballester 2000",
        reach=2,  # a difference of Laplacians reads two pixels away
        context=16,
        cut=lambda o: 32,
    ),
    Method(
        "navier_stokes",
        "inpaintkit.classic.navier_stokes:navier_stokes",
        "isophotes continued as stream lines: thin holes, and straight edges through wider ones",
        source="Bertalmio, Bertozzi and Sapiro 2001",
        # Upwinding sees the Laplacian two pixels away, and so colours three pixels away.
        reach=lambda o: 2 * _limit(o) + 2 if o["variant"] == "opencv" else 3,
        context=lambda o: 2 * _limit(o) + 3 if o["variant"] == "opencv" else 3,
        cut=lambda o: 48 if o["variant"] == "pde" else None,
    ),
    Method(
        "fsr",
        "inpaintkit.classic.fsr:fsr",
        "frequency-selective reconstruction: scratches, text, lost pixels; edges and texture run on as waves",
        source="Seiler and Kaup 2010; Genser, Seiler, Schilling and Kaup 2018",
        # Half a window, and how far the windows that fill a pixel lie from it.
        reach=lambda o: 16 + _block(o),
        context=lambda o: 16 + _block(o),
        cut=lambda o: 24 + _block(o),
    ),
    Method(
        "ple",
        "inpaintkit.classic.ple:ple",
        "patches as Gaussians learnt nearby: lost pixels, text, scratches; most decibels there, and slower",
        source="Yu, Sapiro and Mallat 2012; Aguerrebere et al. 2017",
        reach=_side,
        context=lambda o: 2 * _side(o) + 12,  # similar patches lie up to twelve pixels from one that sees the hole
        cut=lambda o: 32,
    ),
    Method(
        "patchmatch",
        "inpaintkit.classic.patchmatch:patchmatch",
        "patches of the known picture, coarse to fine: objects, large holes, texture",
        source="Barnes et al. 2009; Wexler et al. 2007; Newson et al. 2017",
        reach=lambda o: o["patch"],
        context=64,
        surround=lambda o: 1.0 if o["source"] is None and o["guide"] is None else math.inf,  # these may lie anywhere
        cut=lambda o: 6 * o["patch"],
        stochastic=True,
    ),
    Method(
        "criminisi",
        "inpaintkit.classic.criminisi:criminisi",
        "patches copied whole, lines first: objects, texture with structure",
        source="Criminisi, Pérez and Toyama 2004",
        reach=lambda o: o["patch"],
        context=lambda o: 64 if o["window"] is None else min(o["window"], 10**6) + o["patch"],
        surround=lambda o: math.inf if o["source"] is not None else 0.0 if o["window"] is not None else 1.0,
        cut=lambda o: 6 * o["patch"],
    ),
    Method(
        "dip",
        "inpaintkit.prior.dip:dip",
        "a network fitted to this picture alone: lost pixels, text, holes in smooth or regular surroundings; slow",
        source="Ulyanov, Vedaldi and Lempitsky 2018",
        needs="prior",
        reach=64,  # regions this near are better explained together than apart
        context=64,
        stochastic=True,
        constant_tol=0.02,
        own_threads=True,
        trial=48,
        quick={
            "recipe": {"base": "small", "runs": 1, "down": (16, 16, 16), "up": (16, 16, 16), "skip": (4, 4, 4)},
            "steps": 50,
        },
    ),
    Method(
        "mnps",
        "inpaintkit.prior.mnps:mnps",
        "a first fill refined until its VGG19 patches are those of its surroundings: texture",
        source="Yang et al. 2017",
        needs="prior",
        reach=24,
        context=64,
        surround=lambda o: 1.0 if o["neighbourhood"] is None else 0.0,
        cut=lambda o: 64,
        stochastic=True,
        constant_tol=0.02,
        own_threads=True,
        quick={"content": "harmonic", "steps": 2, "scales": 1},
    ),
)

AUTO = Method(
    "auto",
    "inpaintkit.auto:auto",
    "measures on the picture which method to trust, for thin parts and for wide ones",
    scope="call",
)

_registered: dict[str, Method] = {row.name: row for row in METHODS}


def register(row: Method) -> None:
    """Add a method for this process; ValueError where the name is taken."""
    if row.name in {"auto", *methods()}:
        raise ValueError(f"a method named {row.name!r} exists already: choose another name")
    _registered[row.name] = row


def unregister(name: str) -> None:
    """Take back what ``register`` added."""
    if name in {row.name for row in METHODS}:
        raise ValueError(f"{name} is one of inpaintkit's own methods and stays")
    _registered.pop(name, None)


def methods() -> dict[str, Method]:
    """All methods by name: the built-in ones first, then those of other distributions."""
    return {**_registered, **{name: row for name, row in _entry_points().items() if name not in _registered}}


def find(name: str) -> Method:
    """The row of a method or of ``auto``; ValueError lists the names there are."""
    if name == "auto":
        return AUTO
    row = _registered.get(name) if isinstance(name, str) else None
    if row is None:
        known = methods()
        if name not in known:
            raise ValueError(f"there is no method {name!r}: choose one of auto, {', '.join(known)}")
        row = known[name]
    return row


@cache
def _entry_points() -> dict[str, Method]:
    rows = {}
    for entry in metadata.entry_points(group=GROUP):
        try:
            row = entry.load()
        except Exception as error:  # another distribution's fault must not take the other methods away
            row = error
        if isinstance(row, Method) and row.name == entry.name:
            rows[entry.name] = row
        else:
            warnings.warn(
                f"entry point {entry.name} = {entry.value} of {GROUP} gives {row!r}, "
                "not a Method of that name, and is left out",
                stacklevel=3,
            )
    return rows


def _checked(method: str, name: str, value: Any, annotation: Any) -> Any:
    """The value, numbers as the annotated type; errors for what the annotation excludes."""
    kinds = typing.get_args(annotation) if typing.get_origin(annotation) in (typing.Union, _UNION) else (annotation,)
    for kind in kinds:
        if hasattr(kind, "of_option") and value is not None:
            try:
                return kind.of_option(value)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{method}'s option {name} is no {kind.__name__}: {error}") from None
        if typing.get_origin(kind) is Literal:
            if value in typing.get_args(kind):
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
    raise ValueError(f"{method}'s option {name} is {value!r}: needed is {_spelled(kinds)}")


_UNION = type(int | str)


def _spelled(kinds: tuple[Any, ...]) -> str:
    names = {float: "a finite number", int: "a whole number", bool: "True or False", str: "a text", type(None): "None"}
    return " or ".join(
        " or ".join(map(repr, typing.get_args(kind)))
        if typing.get_origin(kind) is Literal
        else names.get(kind, getattr(kind, "__name__", str(kind)))
        for kind in kinds
    )
