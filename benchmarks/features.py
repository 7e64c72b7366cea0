"""What is measured with VGG19's first layers: Gram matrices, which depend on textures and not on places.

Needs torch and weights as ``prior/vgg.py`` reads them, at least up to relu3_4. Gatys, Ecker and Bethge 2015.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LAYERS = {"relu1_2": 1, "relu2_2": 2, "relu3_1": 4, "relu3_4": 4}  # name -> px on the side of a cell
_MARGIN = 64  # px around a window, more than a cell of relu3_4 sees


class Features:
    """The layers, ready for pictures."""

    def __init__(self, weights: Path) -> None:
        import torch  # not above: an extra

        from inpaintkit.prior.vgg import read

        self._torch = torch
        self._net = read(weights).to(torch.device("cpu"))
        self._net.check(list(LAYERS))

    def cells(self, picture: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Each layer's cells for a picture, (C, h, w).

        Parameters
        ----------
        picture : uint8 (H, W, 3) or (H, W).
        """
        torch = self._torch
        part = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
        x = torch.from_numpy(np.ascontiguousarray(part.transpose(2, 0, 1), np.float32) / 255)[None]
        with torch.no_grad():
            return {name: x.numpy() for name, x in self._net.features(x, list(LAYERS), scaled=False).items()}

    def grams(self, picture: NDArray[Any], box: tuple[int, int, int, int]) -> dict[str, NDArray[np.float32]]:
        """Gram matrix of each layer's cells inside a box (row, column, rows, columns), divided by their number.

        Parameters
        ----------
        picture : uint8 (H, W, 3) or (H, W).
        """
        row, column, rows, columns = box
        top, left = max(0, row - _MARGIN) // 4 * 4, max(0, column - _MARGIN) // 4 * 4
        grams = {}
        for name, x in self.cells(picture[top : row + rows + _MARGIN, left : column + columns + _MARGIN]).items():
            cell = LAYERS[name]
            spans = ((row - top, rows), (column - left, columns))
            inside = (slice(first // cell, (first + length) // cell) for first, length in spans)
            grams[name] = gram(x[(slice(None), *inside)].reshape(len(x), -1))
        return grams


def gram(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gram matrix of cells (C, n), divided by their number."""
    return np.asarray(cells @ cells.T / cells.shape[1], np.float32)


def gram_distance(a: dict[str, NDArray[np.float32]], b: dict[str, NDArray[np.float32]]) -> float:
    """Mean over layers of ||G_a - G_b||_F / ||G_b||_F."""
    return float(np.mean([np.linalg.norm(a[name] - b[name]) / np.linalg.norm(b[name]) for name in b]))
