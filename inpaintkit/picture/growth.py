"""By how much the mask of damage that was compressed with the picture must grow: how far its colours have bled.

JPEG and its kin store colour at half the resolution, so that the ink of a letter tints its neighbours. By measurement
(``benchmarks.studies.growth``) that is worth a pixel; so are the ripples of very coarse quantisation. Without loss,
every pixel that is given away costs decibels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit.picture.pixels import Picture
from inpaintkit.problem import Mask

_COARSE = 55  # the quality up to which ripples cost more than a pixel
_ACROSS, _DOWN = 0.4, 0.2  # of the energy at odd places, that at even ones: less shows halved colours
_ENOUGH = 100  # windows across the rim


def growth_stored(sampling: tuple[int, int], quality: float | None) -> int:
    """Pixels by which colours bleed in a file.

    Parameters
    ----------
    sampling : across and down, the pixels that share one value of colour: (1, 1) for 4:4:4, (2, 2) for 4:2:0.
    quality : as the Independent JPEG Group counts, 1 to 100; None where the format has another measure.
    """
    return int(max(sampling) > 1 or (quality is not None and quality <= _COARSE))


def growth_seen(picture: Picture, hole: Mask) -> int:
    """Pixels by which colours have bled across the rim, as far as the pixels show it: 0 or 1.

    Where colour was stored at half the resolution and interpolated, its third differences (second or first ones, as
    the decoder does it) vanish at every other place and not in between. Only windows that cross the rim count: damage
    that was drawn over a decompressed JPEG has not bled.
    """
    if picture.colours != 3:
        return 0
    from inpaintkit.regions import split  # not above: whoever only reads files loads no compiler

    sums = np.zeros((2, 3, 2, 2))  # axis, order - 1, phase: energy and number of windows
    for region in split(hole, context=4, cut=16):
        top, left = (edge // 2 * 2 for edge in (region.crop.top, region.crop.left))  # phases are the picture's
        rows, columns = slice(top, region.crop.bottom), slice(left, region.crop.right)
        crop, covered = picture.pixels[rows, columns, :3], hole[rows, columns]
        sums[0] += _energies(crop, covered)
        sums[1] += _energies(crop.swapaxes(0, 1), covered.T)
    return int(_share(sums[0]) < _ACROSS or _share(sums[1]) < _DOWN)


def _energies(colours: NDArray[Any], hole: Mask) -> NDArray[np.float64]:
    """Squared differences of colour along rows, summed over windows across the rim, for 3 orders and 2 phases."""
    sums = np.zeros((3, 2, 2))
    full = 1.0 if colours.dtype.kind == "f" else np.iinfo(colours.dtype).max
    usable = (np.isfinite(colours) & (colours != 0) & (colours != full)).all(axis=2)  # what was cut off follows no rule
    values = np.where(usable[..., None], colours, 0).astype(np.float32)
    luma = values @ np.array([0.299, 0.587, 0.114], np.float32)
    differences = values[..., ::2] - luma[..., None]  # red and blue
    inside, outside = hole & usable, ~hole & usable
    any_inside, any_outside, whole = inside, outside, usable
    for order in range(3):
        differences = np.diff(differences, axis=1)
        any_inside = any_inside[:, :-1] | inside[:, order + 1 :]
        any_outside = any_outside[:, :-1] | outside[:, order + 1 :]
        whole = whole[:, :-1] & usable[:, order + 1 :]
        energy = np.where(
            any_inside & any_outside & whole, np.square(differences).sum(axis=2, dtype=np.float64), np.nan
        )
        for phase in (0, 1):
            counted = energy[:, phase::2]
            sums[order, phase] = np.nansum(counted), np.count_nonzero(np.isfinite(counted))
    return sums


def _share(sums: NDArray[np.float64]) -> float:
    """The least ratio of the mean energies of two phases; 1 where too few windows tell."""
    shares = [1.0]
    for (energy, number), (other, count) in sums:
        if min(number, count) >= _ENOUGH and max(energy, other) > 0:
            first, second = energy / number, other / count
            shares.append(min(first, second) / max(first, second))
    return min(shares)
