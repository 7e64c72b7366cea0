"""The settings of neural patch synthesis: those measured here, the paper's, and those of its released code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Match: TypeAlias = Literal["l2", "correlation"]


@dataclass(frozen=True)
class Preset:
    """Values of the options left at None, and what only the presets set.

    Attributes
    ----------
    layers, alpha, beta, refresh, match, rotations, sizes : the options of those names.
    stride : source patches begin at every so many rows and columns.
    full : the mean source of a cell is made as long as its sources are on the mean (root mean square). Means of unlike
        patches are short, which would cost the texture its contrast.
    inner : a cell counts by the square of the hole's share in what it sees. Otherwise the few pixels at the rim would
        make up, in glaring colours, for what the known part settles.
    rim : further weight of the content at the rim, gone some pixels further in, where the content was copied: without
        it the few pixels there show as dots, for the reason above.
    colour : further weight of changes that the channels do not share; the network hardly sees them in fine detail.
    detail : the content's own detail is put back at every scale; otherwise t is the upsampled result alone.
    content_layer : where it names a layer, the energy has the released code's form: the content is compared at this
        layer, weighted with ``content_weight``; a cell counts once; the units are those of colours up to 256.
    line_search : L-BFGS searches along each direction by the strong Wolfe conditions.
    """

    layers: str
    alpha: float
    beta: float
    refresh: int
    match: Match
    rotations: int = 0
    sizes: int = 0
    stride: int = 1
    full: bool = False
    inner: bool = False
    rim: float = 0.0
    colour: float = 0.0
    detail: bool = False
    content_layer: str = ""
    content_weight: float = 1.0
    line_search: bool = True


PRESETS = {
    "default": Preset(
        layers="relu3_1",
        alpha=2e-4,
        beta=0.02,
        refresh=25,
        match="correlation",
        full=True,
        inner=True,
        rim=10.0,
        colour=20.0,
        detail=True,
    ),
    "paper": Preset(layers="relu3_1,relu4_1", alpha=5e-6, beta=5e-6, refresh=10, match="l2"),
    "code": Preset(
        layers="relu4_1",
        alpha=1e-4,
        beta=1e-4,
        refresh=100,
        match="correlation",
        rotations=1,
        sizes=1,
        stride=2,
        content_layer="relu4_2",
        content_weight=20,
        line_search=False,
    ),
}
