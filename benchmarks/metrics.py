"""Measures of a fill, each with its definition, since papers differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit.problem import Mask


def hole_psnr(filled: NDArray[Any], truth: NDArray[Any], hole: Mask, *, peak: float = 255.0) -> float:
    """PSNR in dB over the hole's pixels and all channels: 10 log10(peak^2 / mean squared error); inf where equal."""
    error = np.mean((filled[hole].astype(np.float64) - truth[hole].astype(np.float64)) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(peak**2 / error))
