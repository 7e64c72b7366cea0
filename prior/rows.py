"""The rows of the methods that fit or use a network; nothing here loads torch or a method."""

from __future__ import annotations

from inpaintkit.method import Method
from inpaintkit.papers import Paper

_ULYANOV = Paper(
    "D. Ulyanov; A. Vedaldi; V. Lempitsky", "Deep Image Prior", "CVPR", 2018, doi="10.1109/CVPR.2018.00984"
)
_YANG = Paper(
    "C. Yang; X. Lu; Z. Lin; E. Shechtman; O. Wang; H. Li",
    "High-Resolution Image Inpainting Using Multi-Scale Neural Patch Synthesis",
    "CVPR",
    2017,
    doi="10.1109/CVPR.2017.434",
)

ROWS = (
    Method(
        "dip",
        "inpaintkit.prior.dip:dip",
        "a network fitted to this picture alone: lost pixels, text, holes in smooth or regular surroundings; slow",
        papers=(_ULYANOV,),
        needs="prior",
        reach=64,  # regions this near are better explained together than apart
        context=64,
        stochastic=True,
        constant_tol=0.02,
        own_threads=True,
        trial=48,
        quick={
            "recipe": {"base": "small", "runs": 1, "down": (16, 16), "up": (16, 16), "skip": (4, 4)},
            "steps": 60,
        },
    ),
    Method(
        "mnps",
        "inpaintkit.prior.mnps:mnps",
        "a first fill refined until its VGG19 patches are those of its surroundings: texture",
        papers=(_YANG,),
        needs="prior",
        reach=24,
        colours=(1, 3),
        context=64,
        surround=lambda o: 1.0 if o["neighbourhood"] is None else 0.0,
        cut=lambda o: 64,
        stochastic=True,
        constant_tol=0.02,
        own_threads=True,
        quick={"content": "harmonic", "steps": 2, "scales": 1},
    ),
)
