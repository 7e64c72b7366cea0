"""What a chain of ridge points looks like: the features by which a crack differs from an edge, a hair or a slat.

A crack shows paper or a shadow across whatever tones it runs through: alike outer tones on both sides, or a light line
beside a dark one; a sharp rim; nothing of its kind beside it at equal distances.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import Array, F64x1, I32x2, I64x1, U8x2
from inpaintkit.find.chains import CORE, FROM, LEFT, OUTER_LEFT, OUTER_RIGHT, RIGHT, SIDE_TINT, STEP, TINT, TO, Chains
from inpaintkit.find.prints import Print
from inpaintkit.find.ridges import COSINE, DIRECTIONS, SINE
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image

_NEAR, _FAR = 4, 33  # px of an octave: where neighbours of a chain are looked for
_PARALLEL = 2  # steps of direction
_LEVEL = 1 / 255
_SURELY = 3.0  # responses, in terms of the texture's, that noise hardly reaches
_BEYOND_DOUBT = 5.0  # and that it never reaches
_MONOCHROME = 0.03  # how far off its tone curve a print may be
_RIM = 3  # px of an octave: what is nearer to the picture's border may be the border of the print


@kernel()
def _beside_kernel(
    chain: I32x2, way: U8x2, rows: I64x1, columns: I64x1, sine: F64x1, cosine: F64x1, parallel: F64x1, crowd: F64x1
) -> None:
    """Count for each point the chains that cross the line through it across its own: parallel ones, and all.

    chain, way : (h, w), of each point's pixel, -1 elsewhere.
    """
    height, width = chain.shape
    for point in range(len(rows)):
        own, k = chain[rows[point], columns[point]], way[rows[point], columns[point]]
        for forth in (-1, 1):
            last = 0
            for s in range(_NEAR, _FAR):
                i, j = round(rows[point] + forth * s * cosine[k]), round(columns[point] - forth * s * sine[k])
                if not (0 <= i < height and 0 <= j < width):
                    break
                if chain[i, j] < 0 or chain[i, j] == own:
                    continue
                if s - last >= 2:
                    turn = abs(np.int64(way[i, j]) - k)
                    crowd[point] += 1
                    parallel[point] += min(turn, DIRECTIONS - turn) <= _PARALLEL
                last = s


def looks(chains: Chains, measured: Image, texture: Image, whole: Print, polarity: int) -> dict[str, Array]:
    """The features of each chain, (L,) each.

    measured : float32 (N, MEASURES), of its points; texture : float32 (h, w), of its octave.
    """
    core, left, right = (measured[:, column] for column in (CORE, LEFT, RIGHT))
    span = max(whole.white - whole.black, 0.1)
    full = np.maximum(core - (left + right) / 2, _LEVEL)
    side = np.maximum(left, right)
    outer = np.maximum(measured[:, OUTER_LEFT], measured[:, OUTER_RIGHT])
    height, width = texture.shape
    rows, columns = (
        np.rint((where + 0.5) / chains.unit - 0.5).astype(np.int64) for where in (chains.row, chains.column)
    )
    parallel, crowd = _beside(chains, rows, columns, (height, width))
    mean = chains.means
    contrast = mean(full)
    number = np.bincount(chains.chain, minlength=chains.count)
    extent = np.maximum(measured[:, TO] - measured[:, FROM], 0.5)
    sharp = np.log(mean(np.clip(measured[:, STEP] / full, 0.02, 2)))
    zero = -whole.white if polarity else whole.black
    turn = chains.way * (2 * np.pi / DIRECTIONS)
    rim = np.minimum(np.minimum(rows, height - 1 - rows), np.minimum(columns, width - 1 - columns)) < _RIM
    return {
        "constant": np.ones(chains.count),
        "length": np.log(number),
        "strength": np.log(mean(chains.strength)),
        "evidence": np.log(1 + chains.sums(np.maximum(chains.strength - _SURELY, 0))),
        "beyond_doubt": np.log(1 + chains.sums(np.maximum(chains.strength - _BEYOND_DOUBT, 0))),
        "extent": np.log(_extent(rows, columns, chains) / number),
        "contrast": np.log(contrast / span),
        "weaker": mean(core - side) / contrast,
        "imbalance": mean(np.minimum(np.abs(left - right) / full, 2)),
        "outer": mean(np.minimum(np.abs(measured[:, OUTER_LEFT] - measured[:, OUTER_RIGHT]) / full, 3)),
        "pair": mean(np.clip((outer - side) / full, 0, 2)),
        "sharp": sharp,
        "sharper": sharp - _middle(sharp, number),
        "stands_out": np.log(contrast / span) - _middle(np.log(contrast / span), number),
        "width": mean(extent) / chains.unit,
        "ragged": np.minimum(_spread(mean, extent) / mean(extent), 1),
        "paper": mean(core - zero) / span,
        "tint": np.clip(mean(measured[:, TINT] - measured[:, SIDE_TINT]) / span, -0.1, 0.1),
        "uneven": np.minimum(_spread(mean, core) / contrast, 2),
        "varied": np.minimum(_spread(mean, side) / contrast, 2),
        "follows": np.clip(_covary(mean, core, side) / (_spread(mean, core) * _spread(mean, side) + 1e-4), -1, 1),
        "bend": 1 - np.hypot(mean(np.cos(turn)), mean(np.sin(turn))),
        "parallel": np.log1p(mean(parallel)),
        "crowd": np.log1p(mean(crowd)),
        "texture": np.log(mean(texture[rows, columns]) / span),
        "octave": np.full(chains.count, np.log2(chains.unit)),
        "rim": mean(rim.astype(np.float64)),
        "toned": np.full(chains.count, min(whole.toned, 0.03) / 0.03),
        "coloured": np.full(chains.count, np.log(max(whole.coloured / _MONOCHROME, 1))),
    }


def _beside(
    chains: Chains, rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    number, way = np.full(shape, -1, np.int32), np.zeros(shape, np.uint8)
    number[rows, columns], way[rows, columns] = chains.chain, chains.way
    parallel, crowd = np.zeros(len(rows)), np.zeros(len(rows))
    _beside_kernel(number, way, rows, columns, SINE, COSINE, parallel, crowd)
    return parallel, crowd


def _extent(rows: Array, columns: Array, chains: Chains) -> Array:
    """The diagonal of the box around each chain, px of the octave: a line's is as long as it, a tangle's shorter."""
    sides = []
    for where in (rows, columns):
        low, high = np.full(chains.count, np.inf), np.full(chains.count, -np.inf)
        np.minimum.at(low, chains.chain, where)
        np.maximum.at(high, chains.chain, where)
        sides.append(high - low + 1)
    return np.asarray(np.hypot(*sides))


def _middle(values: Array, number: Array) -> float:
    """The median of all chains' values, each as often as it has points."""
    order = np.argsort(values, kind="stable")
    if not len(values):
        return 0.0
    total = np.cumsum(number[order])
    return float(values[order[np.searchsorted(total, total[-1] / 2)]])


def _covary(mean: Callable[[Array], Array], one: Array, other: Array) -> Array:
    return np.asarray(mean(one * other) - mean(one) * mean(other))


def _spread(mean: Callable[[Array], Array], values: Array) -> Array:
    return np.asarray(np.sqrt(np.maximum(_covary(mean, values, values), 0)))
