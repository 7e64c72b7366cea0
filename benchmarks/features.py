"""VGG19's first layers and what is measured with them: Gram matrices, which tell textures apart and not places.

Needs torch and weights with torchvision's key names (``features.N.weight``), at least up to relu3_4, for RGB in [0, 1]
normalised by ImageNet's mean and deviation. Simonyan and Zisserman 2015; Gatys, Ecker and Bethge 2015.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LAYERS = {"relu1_2": (2, 1), "relu2_2": (7, 2), "relu3_1": (10, 4), "relu3_4": (16, 4)}  # index, pixels to a cell
_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16)
_POOLED = (5, 10)  # convolutions after a pooling layer
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_MARGIN = 64  # px around a window, more than a cell of relu3_4 sees


class Features:
    """The layers, ready for pictures."""

    def __init__(self, weights: Path) -> None:
        import torch  # not above: an extra

        self._torch = torch
        self._weights = torch.load(weights, weights_only=True)

    def cells(self, picture: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Each layer's cells for a picture, (C, h, w).

        Parameters
        ----------
        picture : uint8 (H, W, 3) or (H, W).
        """
        torch = self._torch
        part = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
        x = torch.from_numpy(((part / 255 - _MEAN) / _DEVIATION).astype(np.float32)).permute(2, 0, 1)[None]
        found = {}
        names = {index: name for name, (index, _) in LAYERS.items()}
        with torch.no_grad():
            for index in _CONVOLUTIONS:
                if index in _POOLED:
                    x = torch.nn.functional.max_pool2d(x, 2)
                kernel, bias = self._weights[f"features.{index}.weight"], self._weights[f"features.{index}.bias"]
                x = torch.relu(torch.nn.functional.conv2d(x, kernel, bias, padding=1))
                if index in names:
                    found[names[index]] = x[0].numpy()
        return found

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
            cell = LAYERS[name][1]
            spans = ((row - top, rows), (column - left, columns))
            inside = (slice(first // cell, (first + length) // cell) for first, length in spans)
            cells = x[(slice(None), *inside)].reshape(len(x), -1)
            grams[name] = cells @ cells.T / cells.shape[1]
        return grams


def gram_distance(a: dict[str, NDArray[np.float32]], b: dict[str, NDArray[np.float32]]) -> float:
    """Mean over layers of ||G_a - G_b||_F / ||G_b||_F."""
    return float(np.mean([np.linalg.norm(a[name] - b[name]) / np.linalg.norm(b[name]) for name in b]))
