"""How a picture was stored, by its pixels: the steps to which JPEG rounded the frequencies of blocks of 8 x 8.

Of a frequency that was rounded to steps q, the values lie near multiples of q in all blocks.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dctn

from inpaintkit.overlay import bleeding
from inpaintkit.overlay.background import Values
from inpaintkit.overlay.noise import Stored
from inpaintkit.problem import Mask

BLOCK = 8
_STEPS = range(2, 81)  # that are looked for
_FEWEST = 10  # values beyond half a step, from which a step can be told
_NEAR = 0.5  # mean cosine of the values' phases at the right step; at random it is 0
_SURE = 5.0  # standard errors of that mean by which it is beyond chance
_AGREEING = 8  # frequencies of which the steps are known, at least
_MOST = 2000  # blocks that are looked at


def stored_seen(levels: Values, shown: Mask, *, bled: bool) -> Stored | None:
    """How a picture was stored together with what lies over it, or None where no steps are seen.

    Parameters
    ----------
    levels : float64 (h, w, C), mixed, in levels of 8 bits; blocks begin at row and column 0.
    shown : bool (h, w), pixels that surely show what lies over: only their blocks count.
    bled : colour differences were stored at half the resolution.
    """
    luma = _step(levels[..., 0] - 128, shown)
    if luma is None:
        return None
    if levels.shape[2] < 3:
        return Stored(luma, luma)
    colours, where = (bleeding.halved(levels), bleeding.any_of_four(shown)) if bled else (levels, shown)
    steps = [step for step in (_step(colours[..., k], where) for k in (1, 2)) if step is not None]
    return Stored(luma, float(np.mean(steps)) if steps else luma, bleeding.SAMPLING if bled else (1, 1))


def _step(plane: Values, shown: Mask) -> float | None:
    """Root mean square of the steps, of the frequencies that tell theirs."""
    rows, columns = (side // BLOCK for side in plane.shape)
    blocks = plane[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2)
    own = shown[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).any(axis=(1, 3))
    values = dctn(blocks[own][:_MOST], axes=(1, 2), norm="ortho").reshape(-1, BLOCK * BLOCK)
    steps = [step for step in map(_step_of, values.T) if step]
    if len(steps) < _AGREEING:
        return None
    return float(np.sqrt(np.mean(np.square(steps))))


def _step_of(values: Values) -> int | None:
    """The largest step that the values of a frequency keep to."""
    for step in reversed(_STEPS):
        beyond = values[np.abs(values) > 0.5 * step]
        if len(beyond) < _FEWEST:
            continue
        mean = float(np.cos(2 * np.pi / step * beyond).mean())
        if mean > max(_NEAR, _SURE / (2 * len(beyond)) ** 0.5):
            return step
    return None
