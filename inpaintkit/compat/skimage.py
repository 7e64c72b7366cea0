"""``skimage.restoration.inpaint_biharmonic``: the same equations, solved by ``biharmonic``.

>>> from inpaintkit.compat.skimage import inpaint_biharmonic
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.util import img_as_float

from inpaintkit import api


def inpaint_biharmonic(
    image: ArrayLike, mask: ArrayLike, *, split_into_regions: bool = False, channel_axis: int | None = None
) -> NDArray[Any]:
    """Fill the masked part of a picture by the biharmonic equation, called like scikit-image's function.

    Parameters
    ----------
    image : array (M, N) or (M,), or with one axis more for the channels, of which there may be any number.
    mask : array like one channel of ``image``; whatever is not 0 is hole.
    split_into_regions : makes no difference here: regions that do not influence one another are always solved apart.
    channel_axis : the axis of the channels; None if the picture has no such axis.

    Returns
    -------
    Array of ``image``'s shape in the floats that ``skimage.util.img_as_float`` gives: integers within [0, 1] or
    [-1, 1], floats as they are; float32 for float16 and float32, else float64. Filled values are scikit-image's to a
    ten-thousandth of the known range, in which each channel stays; all others are identical.

    Raises
    ------
    TypeError : a masked array.
    ValueError : image and mask that do not match, no known pixel, a known value that is not finite, or a volume:
        scikit-image solves it in three dimensions, and here there are two.

    References
    ----------
    S. B. Damelin and N. S. Hoang, On surface completion and image inpainting by biharmonic functions: numerical
    aspects, Int. J. Math. Math. Sci. 2018, doi:10.1155/2018/3950312.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.tile(np.linspace(0, 1, 9), (9, 1))
    >>> hole = np.zeros((9, 9), bool)
    >>> hole[3:6, 3:6] = True
    >>> float(np.abs(inpaint_biharmonic(np.where(hole, 0, ramp), hole) - ramp).max().round(5))
    0.0
    """
    if np.ma.isMaskedArray(image):
        raise TypeError("image is a masked array: pass image.filled(0) and its mask by themselves")
    pixels = np.asarray(image)
    channels_last = pixels[..., None] if channel_axis is None else np.moveaxis(pixels, channel_axis, -1)
    hole = np.asarray(mask).astype(np.bool_)
    if hole.shape != channels_last.shape[:-1]:
        raise ValueError(f"mask is {hole.shape}, a channel of the image is {channels_last.shape[:-1]}: make them alike")
    if not 1 <= hole.ndim <= 2:
        raise ValueError(f"mask is {hole.shape}: expected one or two dimensions; fill a volume plane by plane")
    floats = img_as_float(channels_last)
    floats = np.array(floats, np.float64 if floats.dtype.itemsize > 4 else np.float32, order="C")
    if hole.any():
        floats[hole] = _filled(floats, hole)
    return floats[..., 0] if channel_axis is None else np.moveaxis(floats, -1, channel_axis)


def _filled(image: NDArray[Any], hole: NDArray[np.bool_]) -> NDArray[Any]:
    """The hole's colours (n, C) of floats (M, C) or (M, N, C), clipped to each channel's known range."""
    pixels = image if hole.ndim == 2 else image[None]
    colours = api.inpaint(pixels, np.atleast_2d(hole), "biharmonic", channels="bands")[np.atleast_2d(hole)]
    known = image[~hole]
    clipped: NDArray[Any] = np.clip(colours, known.min(axis=0), known.max(axis=0))
    return clipped
