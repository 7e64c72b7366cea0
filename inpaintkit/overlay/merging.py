"""A pixel's own equation and the fill, weighed by how far each can be trusted.

The fill F is right but for an error of covariance P between the channels, which is learnt nearby: from pixels whose
equations say their colours well enough. With y = g (T B) + noise of covariance V, channels mixed by T,

    B = F + K (y - g F),    K = P g (g P g + V)^-1,    P - K g P is left of P.

Where all channels are seen that is the mean weighted by inverse variances. A channel that is lost, as where light that
was added is saturated, follows the others as far as the errors of fills go together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import F64x1, F64x2, F64x3, I64x1
from inpaintkit.overlay.equations import Equations

_CELL = 16  # px, side of the squares that errors are learnt in; with those around them
_PRIOR = 16  # pixels' worth of the whole picture's errors in each
_LOST = 1e9  # variance of a lost channel, in units of the largest of P
_TINY = 1e-300  # instead of a division by 0
_EXACT = 1e-9  # of P: no equation is trusted more, so that float64 can solve


class Errors:
    """The covariance of errors between channels, learnt in squares of a picture.

    Parameters
    ----------
    shape : (H, W) of the picture.
    floor : float64 (C, C), one pixel's worth of covariance everywhere.
    """

    def __init__(self, shape: tuple[int, int], floor: F64x2) -> None:
        self._width = shape[1]
        self._cells = -(-shape[0] // _CELL), -(-shape[1] // _CELL)
        self._sums = np.zeros((2, floor.size, self._cells[0] * self._cells[1]))  # products, and their weights
        self._floor = floor
        self._learnt: F64x3 | None = None

    def learn(self, at: I64x1, residuals: F64x2, scatter: F64x3 | None = None, usual: F64x1 | None = None) -> None:
        """Add pixels, each channel by how far its own uncertainty exceeds what is usual.

        Parameters
        ----------
        residuals : float64 (n, C), what the pixels' equations say less the fill.
        scatter : float64 (n, C, C), covariance of what they say; None: they are certain.
        usual : float64 (C,), the variances to be expected, with ``scatter``.
        """
        products = np.einsum("nc,nd->ncd", residuals, residuals)
        weights = np.ones_like(products)
        if scatter is not None and usual is not None:
            share = usual / np.maximum(usual + np.einsum("ncc->nc", scatter), _TINY)
            weights, products = share[:, :, None] * share[:, None, :], products - scatter
        cell, pairs = self._cell(at), self._floor.size
        for rows, values in zip(self._sums, (weights * products, weights), strict=True):
            for row, of_pair in zip(rows, values.reshape(-1, pairs).T, strict=True):
                row += np.bincount(cell, of_pair, len(row))
        self._learnt = None

    def everywhere(self) -> F64x2:
        """P of the whole picture."""
        products, weights = self._sums.sum(axis=2).reshape(2, *self._floor.shape)
        found: F64x2 = _positive((products + self._floor) / (weights + 1))
        return found

    def covariance(self, at: I64x1) -> F64x3:
        """P of the fill's errors at the flat indices ``at``, (n, C, C)."""
        learnt = self._by_cell() if self._learnt is None else self._learnt
        self._learnt = learnt
        found: F64x3 = learnt[self._cell(at)]
        return found

    def _by_cell(self) -> F64x3:
        """P of each cell, from it and the eight around it, drawn towards that of the whole picture."""
        cells = self._sums.reshape(-1, *self._cells)
        near = np.stack([cv2.blur(row, (3, 3), borderType=cv2.BORDER_CONSTANT) * 9 for row in cells])
        products, weights = near.reshape(2, *self._floor.shape, -1).transpose(0, 3, 1, 2)
        learnt: F64x3 = _positive((products + _PRIOR * self.everywhere()) / (weights + _PRIOR))
        return learnt

    def _cell(self, at: I64x1) -> I64x1:
        rows, columns = np.divmod(at, self._width)
        cell: I64x1 = rows // _CELL * self._cells[1] + columns // _CELL
        return cell


@dataclass(frozen=True)
class Merged:
    """Colours (n, C) float64, and the share of each that its own equation gave, (n,) in [0, 1]."""

    colours: F64x2
    weight: F64x1


def merged(equations: Equations, fill: F64x2, errors: F64x3) -> Merged:
    """The fill, float64 (n, C), corrected by the pixels' equations; all, P (n, C, C) too, in their mixed channels."""
    gain = equations.gain
    size = np.einsum("ncc->n", errors)
    known = np.maximum(size, _TINY)[:, None]
    through = errors * gain[:, None, :]  # P g
    system = through * gain[:, :, None] + equations.scatter
    own = np.arange(gain.shape[1])
    system[:, own, own] += np.where(equations.lost, _LOST, _EXACT) * known
    where = (equations.right - gain * fill) * ~equations.lost
    through = through * ~equations.lost[:, None, :]
    solved = np.linalg.solve(system, np.concatenate([where[:, :, None], through.transpose(0, 2, 1)], axis=2))
    moved = np.einsum("ncd,nd->nc", through, solved[:, :, 0])
    explained = np.einsum("ncd,ndc->n", through, solved[:, :, 1:])
    weight = np.where(size > 0, np.clip(explained / known[:, 0], 0, 1), 1)
    return Merged(fill + moved, weight)


def _positive(matrices: NDArray[np.float64]) -> Any:
    """Symmetric matrices (..., C, C) without what noise has made negative."""
    values, vectors = np.linalg.eigh(matrices)
    return np.einsum("...ck,...k,...dk->...cd", vectors, np.maximum(values, 0), vectors)
