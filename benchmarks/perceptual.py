"""Measures by trained features: VGG19's, LPIPS and FID. Each needs weights: a file of the user's, or a download.

VGG19's cells are those of ``features``. A window is a square around the hole's deepest pixel, twice as wide as that
pixel is deep (16 to 128 px); its surroundings are the known cells up to 64 px around it. The percentile says how many
of up to 24 windows of the picture without a hole in them lie nearer to their own surroundings.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.benchmarks.features import LAYERS, Features, gram, gram_distance
from inpaintkit.distance import rim_distance
from inpaintkit.problem import Mask

Cells = dict[str, NDArray[np.float32]]
Box = tuple[int, int, int, int]  # row, column, rows, columns

VGG = {
    "vgg_hole": "VGG19 distance to the truth over the hole's cells: mean over relu1_2, 2_2, 3_1, 3_4 of |f - t| / |t|",
    "gram_hole": "Gram distance to the truth over the hole's cells: mean over those layers of |G - T| / |T|",
    "gram_around": "Gram distance of the hole's window to its surroundings in the fill",
    "gram_percentile": "percentile of gram_around among windows without a hole, 0 to 100",
}
WITHOUT_TRUTH = ("gram_around", "gram_percentile")
LPIPS = {"lpips_whole": "LPIPS 0.1, linear layers on VGG, whole picture (package lpips)"}

_NEAR, _WINDOWS, _FEWEST = 64, 24, 8


class Vgg:
    """VGG19's measures of fills of one picture after another; the truth's cells are kept while it stays the same."""

    def __init__(self, weights: Path) -> None:
        self._features = Features(weights)
        self._truth: tuple[bytes, Cells] = (b"", {})

    def of(self, filled: NDArray[np.uint8], truth: NDArray[np.uint8], hole: Mask) -> dict[str, float]:
        """The figures of ``VGG``; NaN where a hole is too thin for a cell or no real window fits."""
        cells, real = self._features.cells(filled), self._cells(truth)
        inside = {name: _cells_of(hole, cell) for name, cell in LAYERS.items()}
        feature = [
            np.linalg.norm(cells[name][:, where] - real[name][:, where]) / np.linalg.norm(real[name][:, where])
            for name, where in inside.items()
        ]
        around, percentile = self._around(cells, hole)
        return {
            "vgg_hole": float(np.mean(feature)),
            "gram_hole": gram_distance(_grams(cells, inside), _grams(real, inside)),
            "gram_around": around,
            "gram_percentile": percentile,
        }

    def _cells(self, truth: NDArray[np.uint8]) -> Cells:
        key = truth.tobytes()
        if key != self._truth[0]:
            self._truth = key, self._features.cells(truth)
        return self._truth[1]

    def _around(self, cells: Cells, hole: Mask) -> tuple[float, float]:
        """Gram distance of the hole's window to its surroundings, and its percentile among real windows."""
        depth = rim_distance(hole)
        row, column = np.unravel_index(int(np.argmax(depth)), hole.shape)
        side = int(np.clip(2 * depth[row, column], 16, 128)) // 4 * 4
        height, width = hole.shape
        if side > min(height, width):
            return float("nan"), float("nan")
        top, left = (
            int(np.clip(at - side // 2, 0, length - side)) // 4 * 4 for at, length in ((row, height), (column, width))
        )
        fill = _to_surroundings(cells, hole, (top, left, side, side))
        reals = [
            distance for box in _real_windows(hole, side) if np.isfinite(distance := _to_surroundings(cells, hole, box))
        ]
        if not np.isfinite(fill) or len(reals) < _FEWEST:
            return fill, float("nan")
        return fill, float(np.mean(np.asarray(reals) < fill) * 100)


def _cells_of(hole: Mask, cell: int) -> Mask:
    """The cells at least half of which lie in a mask; if there are none, every cell that the mask touches."""
    height, width = (length // cell * cell for length in hole.shape)
    share = hole[:height, :width].reshape(height // cell, cell, width // cell, cell).mean(axis=(1, 3))
    mostly: Mask = share >= 0.5
    return mostly if mostly.any() else share > 0


def _grams(cells: Cells, where: dict[str, Mask]) -> Cells:
    """Gram matrix of each layer's cells inside a mask, divided by their number."""
    return {name: gram(cells[name][:, mask]) for name, mask in where.items()}


def _to_surroundings(cells: Cells, hole: Mask, box: Box) -> float:
    """Gram distance of a window to the known cells up to 64 px around it; NaN if there are none."""
    top, left, high, wide = box
    window, around = np.zeros_like(hole), np.zeros_like(hole)
    around[max(0, top - _NEAR) : top + high + _NEAR, max(0, left - _NEAR) : left + wide + _NEAR] = True
    window[top : top + high, left : left + wide] = True
    around &= ~window & ~hole
    if around.mean() * around.size < high * wide / 2:
        return float("nan")
    inside = {name: _cells_of(window, cell) for name, cell in LAYERS.items()}
    outside = {name: _cells_of(around, cell) for name, cell in LAYERS.items()}
    return gram_distance(_grams(cells, inside), _grams(cells, outside))


def _real_windows(hole: Mask, side: int) -> Iterable[Box]:
    """Windows without a hole, sampled from a fixed seed on the cells' grid."""
    counts = cv2.integral(hole.astype(np.uint8))
    rows, columns = (np.arange(0, length - side + 1, 4) for length in hole.shape)
    r, c = np.meshgrid(rows, columns, indexing="ij")
    held = counts[r + side, c + side] - counts[r, c + side] - counts[r + side, c] + counts[r, c]
    free = np.argwhere(held == 0) * 4
    for row, column in np.random.default_rng(0).permutation(free)[:_WINDOWS]:
        yield int(row), int(column), side, side


class Lpips:
    """LPIPS by the package ``lpips``."""

    def __init__(self) -> None:
        import lpips
        import torch

        self._torch, self._network = torch, lpips.LPIPS(net="vgg", verbose=False).eval()

    def of(self, filled: NDArray[np.uint8], truth: NDArray[np.uint8], hole: Mask) -> dict[str, float]:
        """The figure of ``LPIPS``; pictures go in as RGB in [-1, 1]."""
        with self._torch.no_grad():
            value = self._network(*(self._tensor(picture) for picture in (filled, truth)))
        return {"lpips_whole": float(value)}

    def _tensor(self, picture: NDArray[np.uint8]) -> Any:
        colour = np.repeat(np.atleast_3d(picture), 3 if np.atleast_3d(picture).shape[2] == 1 else 1, axis=2)
        return self._torch.from_numpy((colour / 127.5 - 1).astype(np.float32)).permute(2, 0, 1)[None]


def missing(package: str) -> str:
    """Why a package cannot be used, or an empty text; torchvision is what both lpips and clean-fid import first."""
    for name in (package, "torchvision"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed"
    return ""


def fid(filled: Iterable[Path], truth: Iterable[Path]) -> float:
    """FID between two sets of picture files, by clean-fid (its InceptionV3 and its resizing)."""
    from cleanfid.fid import compute_fid

    with tempfile.TemporaryDirectory() as folder:
        places = []
        for name, files in (("filled", filled), ("truth", truth)):
            places.append(Path(folder) / name)
            places[-1].mkdir()
            for index, file in enumerate(files):
                shutil.copy(file, places[-1] / f"{index:06d}{file.suffix}")
        return float(compute_fid(*map(str, places), num_workers=0, verbose=False))
