"""The rows of the classic methods: what each is for, what it needs, what it promises.

Nothing here loads numba or a method, so that a list of methods costs nothing; a method takes from here the constants
that its row speaks of.
"""

from __future__ import annotations

import math

from inpaintkit.method import Method
from inpaintkit.options import Options

TRANSPORT_REACH = 2  # px: a difference of Laplacians reads so far
NAVIER_STOKES_REACH = 3  # px: upwinding sees the Laplacian two pixels away, and so colours three pixels away
FSR_WINDOW = 32  # px, side of a window
FSR_BLOCK, FSR_MAX_BLOCK = 8, 16  # px, side of the squares whose loss shares a window: usual and largest
PLE_WINDOW = 12  # px to each side in which similar patches are looked for
PLE_PATCH, PLE_MAX_PATCH = 8, 16  # px, side of a patch: usual and largest

# An option out of range is reported by the method itself; here it only must not lead to absurd sizes.


def _radius(options: Options) -> int:
    """The radius in whole pixels."""
    radius: float = options["radius"]
    return max(1, math.ceil(min(radius, 1e6)))


def _ball(options: Options) -> int:
    """How far a pixel of coherence transport looks: the colours' radius or the tensor's window, in whole pixels."""
    return max(_radius(options), half_width(options["rho"]))


def _side(options: Options) -> int:
    """Side of a patch of ``ple``."""
    side: int = options["patch"] or PLE_PATCH
    return min(max(side, 1), PLE_MAX_PATCH)


def half_width(width: float) -> int:
    """Pixels that a Gaussian window of this width reaches to either side."""
    return max(1, round(2 * min(max(width, 0), 1e6)))


def _block(options: Options) -> int:
    """Side of a block of ``fsr``."""
    return min(max(options["block"] or FSR_BLOCK, 1), FSR_MAX_BLOCK)


ROWS = (
    Method(
        "telea",
        "inpaintkit.classic.telea:telea",
        "fast marching from the rim inwards: scratches, text, small holes; the fastest",
        source="Telea 2004",
        # A source within the radius has its own distance to the nearest rim, which lies as far again at most.
        reach=lambda o: 2 * _radius(o) + 2,
        context=lambda o: 2 * _radius(o) + 3 if o["variant"] == "opencv" else _radius(o) + 2,
        cut=lambda o: 4 * _radius(o) if o["variant"] == "damped" else None,
    ),
    Method(
        "coherence",
        "inpaintkit.classic.coherence:coherence",
        "coherence transport: scratches, text, small holes; carries lines and edges across",
        source="Bornemann and März 2007",
        # A source within the ball has a slope from its own window.
        reach=lambda o: _ball(o) + half_width(o["sigma"]),
        context=lambda o: _ball(o) + half_width(o["sigma"]),
        cut=lambda o: max(4 * _radius(o), 2 * _ball(o) + half_width(o["sigma"])),
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
        "a thin plate through the rim: ramps and curves continue; thin holes in photographs",
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
        reach=TRANSPORT_REACH,
        context=16,
        cut=lambda o: 32,
    ),
    Method(
        "navier_stokes",
        "inpaintkit.classic.navier_stokes:navier_stokes",
        "isophotes continued as stream lines: thin holes, and straight edges through wider ones",
        source="Bertalmio, Bertozzi and Sapiro 2001",
        reach=lambda o: 2 * _radius(o) + 2 if o["variant"] == "opencv" else NAVIER_STOKES_REACH,
        context=lambda o: 2 * _radius(o) + 3 if o["variant"] == "opencv" else NAVIER_STOKES_REACH,
        cut=lambda o: 48 if o["variant"] == "pde" else None,
    ),
    Method(
        "fsr",
        "inpaintkit.classic.fsr:fsr",
        "frequency-selective reconstruction: scratches, text, lost pixels; edges and texture continue as waves",
        source="Seiler and Kaup 2010; Genser, Seiler, Schilling and Kaup 2018",
        # Half a window, and how far the windows that fill a pixel lie from it.
        reach=lambda o: FSR_WINDOW // 2 + _block(o),
        context=lambda o: FSR_WINDOW // 2 + _block(o),
        cut=lambda o: 24 + _block(o),
    ),
    Method(
        "ple",
        "inpaintkit.classic.ple:ple",
        "patches as Gaussians learnt nearby: lost pixels, text, scratches; the best there, and slower",
        source="Yu, Sapiro and Mallat 2012; Aguerrebere et al. 2017",
        reach=_side,
        context=lambda o: 2 * _side(o) + PLE_WINDOW,  # similar patches lie so far from one that sees the hole
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
)
