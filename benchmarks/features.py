"""What is measured with VGG19's first layers: Gram matrices, which tell textures apart and not places.

Needs torch and weights as ``prior/vgg.py`` reads them, at least up to relu3_4. Gatys, Ecker and Bethge 2015.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LAYERS = ("relu1_2", "relu2_2", "relu3_1", "relu3_4")
_MARGIN = 64  # px around a window, more than a cell of relu3_4 sees


class Features:
    """The layers, ready for pictures."""

    def __init__(self, weights: Path) -> None:
        import torch  # not above: an extra

        from inpaintkit.prior.vgg import read

        self._torch = torch
        self._net = read(weights).to(torch.device("cpu"))
        self._net.check(LAYERS)

    def grams(self, picture: NDArray[Any], box: tuple[int, int, int, int]) -> dict[str, NDArray[np.float32]]:
        """Gram matrix of each layer's cells inside a box (row, column, rows, columns), divided by their number.

        Parameters
        ----------
        picture : uint8 (H, W, 3) or (H, W).
        """
        from inpaintkit.prior.vgg import LAYERS as TABLE

        torch = self._torch
        row, column, rows, columns = box
        top, left = max(0, row - _MARGIN) // 4 * 4, max(0, column - _MARGIN) // 4 * 4
        part = picture[top : row + rows + _MARGIN, left : column + columns + _MARGIN]
        if part.ndim == 2:
            part = np.repeat(part[..., None], 3, axis=2)
        x = torch.from_numpy(np.ascontiguousarray(part.transpose(2, 0, 1), np.float32) / 255)[None]
        grams = {}
        with torch.no_grad():
            for name, features in self._net.features(x, LAYERS, scaled=False).items():
                cell = TABLE[name].cell
                spans = ((row - top, rows), (column - left, columns))
                inside = (slice(first // cell, (first + length) // cell) for first, length in spans)
                cells = features[(slice(None), *inside)].reshape(features.shape[0], -1)
                grams[name] = (cells @ cells.T / cells.shape[1]).numpy()
        return grams


def gram_distance(a: dict[str, NDArray[np.float32]], b: dict[str, NDArray[np.float32]]) -> float:
    """Mean over layers of ||G_a - G_b||_F / ||G_b||_F."""
    return float(np.mean([np.linalg.norm(a[name] - b[name]) / np.linalg.norm(b[name]) for name in b]))
