"""The rows of the classic methods: what each is for, what it needs, what it promises.

Nothing here loads numba or a method, so that a list of methods costs nothing; a method takes from here the constants
that its row speaks of.
"""

from __future__ import annotations

import math

from inpaintkit.method import Method
from inpaintkit.options import Options
from inpaintkit.papers import Paper

TRANSPORT_REACH = 2  # px: a difference of Laplacians reads so far
NAVIER_STOKES_REACH = 3  # px: upwinding sees the Laplacian two pixels away, and so colours three pixels away
FSR_WINDOW = 32  # px, side of a window
FSR_BLOCK, FSR_MAX_BLOCK = 8, 16  # px, side of the squares whose loss shares a window: usual and largest
PLE_WINDOW = 12  # px to each side in which similar patches are looked for
PLE_PATCH, PLE_MAX_PATCH = 8, 16  # px, side of a patch: usual and largest

_TELEA = Paper(
    "A. Telea",
    "An Image Inpainting Technique Based on the Fast Marching Method",
    "Journal of Graphics Tools",
    2004,
    volume="9(1)",
    doi="10.1080/10867651.2004.10487596",
)
_BORNEMANN = Paper(
    "F. Bornemann; T. März",
    "Fast Image Inpainting Based on Coherence Transport",
    "Journal of Mathematical Imaging and Vision",
    2007,
    volume="28",
    doi="10.1007/s10851-007-0017-6",
)
_CHAN = Paper(
    "T. F. Chan; J. Shen",
    "Mathematical Models for Local Nontexture Inpaintings",
    "SIAM Journal on Applied Mathematics",
    2002,
    volume="62(3)",
    doi="10.1137/S0036139900368844",
)
_DAMELIN = Paper(
    "S. B. Damelin; N. S. Hoang",
    "On Surface Completion and Image Inpainting by Biharmonic Functions: Numerical Aspects",
    "International Journal of Mathematics and Mathematical Sciences",
    2018,
    volume="2018",
    doi="10.1155/2018/3950312",
)
_CHAMBOLLE = Paper(
    "A. Chambolle; T. Pock",
    "A First-Order Primal-Dual Algorithm for Convex Problems with Applications to Imaging",
    "Journal of Mathematical Imaging and Vision",
    2011,
    volume="40",
    doi="10.1007/s10851-010-0251-1",
)
_OLIVEIRA = Paper(
    "M. M. Oliveira; B. Bowen; R. McKenna; Y.-S. Chang", "Fast Digital Image Inpainting", "Proceedings of VIIP", 2001
)
_BERTALMIO_2000 = Paper(
    "M. Bertalmio; G. Sapiro; V. Caselles; C. Ballester",
    "Image Inpainting",
    "Proceedings of SIGGRAPH",
    2000,
    doi="10.1145/344779.344972",
)
_BERTALMIO_2001 = Paper(
    "M. Bertalmio; A. L. Bertozzi; G. Sapiro",
    "Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting",
    "CVPR",
    2001,
    doi="10.1109/CVPR.2001.990497",
)
_SEILER = Paper(
    "J. Seiler; A. Kaup",
    "Complex-Valued Frequency Selective Extrapolation for Fast Image and Video Signal Extrapolation",
    "IEEE Signal Processing Letters",
    2010,
    volume="17(11)",
    doi="10.1109/LSP.2010.2078504",
)
_GENSER = Paper(
    "N. Genser; J. Seiler; F. Schilling; A. Kaup",
    "Signal and Loss Geometry Aware Frequency Selective Extrapolation for Error Concealment",
    "Picture Coding Symposium",
    2018,
    doi="10.1109/PCS.2018.8456259",
)
_YU = Paper(
    "G. Yu; G. Sapiro; S. Mallat",
    "Solving Inverse Problems with Piecewise Linear Estimators: From Gaussian Mixture Models to Structured Sparsity",
    "IEEE Transactions on Image Processing",
    2012,
    volume="21(5)",
    doi="10.1109/TIP.2011.2176743",
)
_AGUERREBERE = Paper(
    "C. Aguerrebere; A. Almansa; J. Delon; Y. Gousseau; P. Muse",
    "A Bayesian Hyperprior Approach for Joint Image Denoising and Interpolation",
    "IEEE Transactions on Computational Imaging",
    2017,
    volume="3(4)",
    doi="10.1109/TCI.2017.2704439",
)
_BARNES = Paper(
    "C. Barnes; E. Shechtman; A. Finkelstein; D. B. Goldman",
    "PatchMatch: A Randomized Correspondence Algorithm for Structural Image Editing",
    "ACM Transactions on Graphics",
    2009,
    volume="28(3)",
    doi="10.1145/1531326.1531330",
)
_WEXLER = Paper(
    "Y. Wexler; E. Shechtman; M. Irani",
    "Space-Time Completion of Video",
    "IEEE Transactions on Pattern Analysis and Machine Intelligence",
    2007,
    volume="29(3)",
    doi="10.1109/TPAMI.2007.60",
)
_NEWSON = Paper(
    "A. Newson; A. Almansa; Y. Gousseau; P. Pérez",
    "Non-Local Patch-Based Image Inpainting",
    "Image Processing On Line",
    2017,
    volume="7",
    doi="10.5201/ipol.2017.189",
)
_CRIMINISI = Paper(
    "A. Criminisi; P. Pérez; K. Toyama",
    "Region Filling and Object Removal by Exemplar-Based Image Inpainting",
    "IEEE Transactions on Image Processing",
    2004,
    volume="13(9)",
    doi="10.1109/TIP.2004.833105",
)


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


def _of(module: str, *names: str) -> tuple[str, ...]:
    """Full names of a module's kernels."""
    return tuple(f"inpaintkit.classic.{module}:{name}_kernel" for name in names)


_DAMPED = (*_of("telea", "_fill", "_start", "_place"), *_of("_march", "_near"))
_COHERENCE = (*_of("coherence", "_fill", "_start"), *_of("_march", "_place"))
_DIRECT = (
    *_of("_cholesky", "_order", "_factor"),
    *_of("_elliptic", "_table", "_gather"),
    *_of("_cholesky", "_substitute"),
)

ROWS = (
    Method(
        "telea",
        "inpaintkit.classic.telea:telea",
        "fast marching from the rim inwards: scratches, text, small holes; the fastest",
        papers=(_TELEA,),
        # A source within the radius has its own distance to the nearest rim, which lies as far again at most.
        reach=lambda o: 2 * _radius(o) + 2,
        context=lambda o: 2 * _radius(o) + 3 if o["variant"] == "opencv" else _radius(o) + 2,
        cut=lambda o: 4 * _radius(o) if o["variant"] == "damped" else None,
        kernels=lambda o: _DAMPED if o["variant"] == "damped" else (),
    ),
    Method(
        "coherence",
        "inpaintkit.classic.coherence:coherence",
        "coherence transport: scratches, text, small holes; carries lines and edges across",
        papers=(_BORNEMANN,),
        # A source within the ball has a slope from its own window.
        reach=lambda o: _ball(o) + half_width(o["sigma"]),
        context=lambda o: _ball(o) + half_width(o["sigma"]),
        cut=lambda o: max(4 * _radius(o), 2 * _ball(o) + half_width(o["sigma"])),
        kernels=lambda o: _COHERENCE,
    ),
    Method(
        "harmonic",
        "inpaintkit.classic.harmonic:harmonic",
        "Laplace's equation: a membrane through the rim; smooth surroundings, no overshoot",
        papers=(_CHAN,),
        weights=True,
        cut=lambda o: 64,
        kernels=lambda o: _DIRECT,
    ),
    Method(
        "biharmonic",
        "inpaintkit.classic.biharmonic:biharmonic",
        "a thin plate through the rim: ramps and curves continue; thin holes in photographs",
        papers=(_DAMELIN,),
        weights=True,
        reach=2,
        context=2,
        cut=lambda o: 64,
        kernels=lambda o: _DIRECT,
    ),
    Method(
        "tv",
        "inpaintkit.classic.tv:tv",
        "total variation, solved to a stated gap: flat areas and straight edges across thin holes; makes no texture",
        papers=(_CHAN, _CHAMBOLLE),
        weights=True,
        context=16,  # a deep hole starts from halved pictures, whose rims are means of what lies around
        cut=lambda o: 32,
        kernels=lambda o: (*_of("tv", "_iterate", "_graph"), *_of("_hole", "_onion"), *_of("tv", "_scaled")),
    ),
    Method(
        "oliveira",
        "inpaintkit.classic.oliveira:oliveira",
        "iterated convolution of the hole: holes a few pixels wide; barriers keep edges sharp that cross them",
        papers=(_OLIVEIRA,),
        cut=lambda o: 24,
        kernels=lambda o: (*_of("_hole", "_onion"), *_of("oliveira", "_diffuse", "_scale")),
    ),
    Method(
        "transport",
        "inpaintkit.classic.transport:transport",
        "isophotes carried on into the hole: edges across scratches and text",
        papers=(_BERTALMIO_2000,),
        weights=True,
        reach=TRANSPORT_REACH,
        context=16,
        cut=lambda o: 32,
        kernels=lambda o: (*_of("transport", "_flow"), *_DIRECT),
    ),
    Method(
        "navier_stokes",
        "inpaintkit.classic.navier_stokes:navier_stokes",
        "isophotes continued as stream lines: thin holes, and straight edges through wider ones",
        papers=(_BERTALMIO_2001,),
        weights=True,
        reach=lambda o: 2 * _radius(o) + 2 if o["variant"] == "opencv" else NAVIER_STOKES_REACH,
        context=lambda o: 2 * _radius(o) + 3 if o["variant"] == "opencv" else NAVIER_STOKES_REACH,
        cut=lambda o: 48 if o["variant"] == "pde" else None,
        kernels=lambda o: (
            (*_of("navier_stokes", "_cycles"), *_DIRECT, *_of("navier_stokes", "_prepare"))
            if o["variant"] == "pde"
            else ()
        ),
    ),
    Method(
        "fsr",
        "inpaintkit.classic.fsr:fsr",
        "frequency-selective reconstruction: scratches, text, lost pixels; edges and texture continue as waves",
        papers=(_SEILER, _GENSER),
        weights=True,
        # Half a window, and how far the windows that fill a pixel lie from it.
        reach=lambda o: FSR_WINDOW // 2 + _block(o),
        context=lambda o: FSR_WINDOW // 2 + _block(o),
        cut=lambda o: 24 + _block(o),
        kernels=lambda o: (*_of("fsr", "_pursue"), *_COHERENCE, *_of("fsr", "_windows", "_add")),
    ),
    Method(
        "ple",
        "inpaintkit.classic.ple:ple",
        "patches as Gaussians learnt nearby: lost pixels, text, scratches; the best there, and slower",
        papers=(_YU, _AGUERREBERE),
        weights=True,
        reach=_side,
        context=lambda o: 2 * _side(o) + PLE_WINDOW,  # similar patches lie so far from one that sees the hole
        cut=lambda o: 32,
        kernels=lambda o: (*_of("ple", "_groups"), _COHERENCE[0], *_of("ple", "_nearest"), *_COHERENCE[1:]),
    ),
    Method(
        "patchmatch",
        "inpaintkit.classic.patchmatch:patchmatch",
        "patches of the known picture, coarse to fine: objects, large holes, texture",
        papers=(_BARNES, _WEXLER, _NEWSON),
        reach=lambda o: o["patch"],
        context=64,
        surround=lambda o: 1.0 if o["source"] is None and o["guide"] is None else math.inf,  # these may lie anywhere
        cut=lambda o: 6 * o["patch"],
        stochastic=True,
        kernels=lambda o: (*_of("_nnf", "_search"), *_of("patchmatch", "_vote"), *_of("_seams", "_seams"), *_DIRECT),
    ),
    Method(
        "criminisi",
        "inpaintkit.classic.criminisi:criminisi",
        "patches copied whole, lines first: objects, texture with structure",
        papers=(_CRIMINISI,),
        reach=lambda o: o["patch"],
        context=lambda o: 64 if o["window"] is None else min(o["window"], 10**6) + o["patch"],
        surround=lambda o: math.inf if o["source"] is not None else 0.0 if o["window"] is not None else 1.0,
        cut=lambda o: 6 * o["patch"],
        kernels=lambda o: _of("criminisi", "_priority", "_search", "_copy", "_guess", "_target"),
    ),
)
