"""``cv2.inpaint`` with more methods: OpenCV's two by their flags, all of ours by name.

>>> from inpaintkit.compat.cv2 import INPAINT_TELEA, inpaint
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import api, registry
from inpaintkit.method import Method

INPAINT_NS: int = cv2.INPAINT_NS
INPAINT_TELEA: int = cv2.INPAINT_TELEA

_MIN_RADIUS, _MAX_RADIUS = 1, 100  # px, to which OpenCV brings any other radius


def inpaint(
    src: NDArray[Any],
    inpaintMask: NDArray[Any],  # noqa: N803 (OpenCV's names)
    inpaintRadius: float,  # noqa: N803
    flags: int | str | Method,
    dst: NDArray[Any] | None = None,
    **options: Any,
) -> NDArray[Any]:
    """Fill the masked part of a picture, called like ``cv2.inpaint``.

    Parameters
    ----------
    src : array (H, W) or (H, W, C), colours in OpenCV's order, blue first. With OpenCV's flags uint8 with one or three
        channels, or uint16 or float32 with one; with a name all that ``inpaintkit.inpaint`` takes.
    inpaintMask : array (H, W), whatever is not 0 is hole; OpenCV's flags need uint8.
    inpaintRadius : reach of the known colours, in pixels, brought to 1 to 100. It goes to the methods that have an
        option ``radius``; other methods choose their own reach.
    flags : ``INPAINT_NS`` or ``INPAINT_TELEA``, which OpenCV fills itself, so that every pixel is OpenCV's; or a name
        of ``inpaintkit.methods()``, or "auto".
    dst : array like ``src`` that takes the result; it may be ``src`` itself.
    **options : with a name, further keywords of ``inpaintkit.inpaint``, the method's own options among them.

    Returns
    -------
    Array like ``src``: ``dst`` where it was given. Pixels outside the mask are identical, bit for bit.

    Raises
    ------
    cv2.error : with OpenCV's flags, what ``cv2.inpaint`` refuses.
    TypeError, ValueError : with a name, what ``inpaintkit.inpaint`` refuses, and a ``dst`` unlike ``src``.

    Examples
    --------
    >>> import numpy as np
    >>> photo = np.full((32, 32, 3), 200, np.uint8)
    >>> scratch = np.zeros((32, 32), np.uint8)
    >>> scratch[10:12, 4:28] = 255
    >>> int(inpaint(photo * (scratch[..., None] == 0), scratch, 3, INPAINT_NS).min())
    200
    >>> int(inpaint(photo * (scratch[..., None] == 0), scratch, 3, flags="coherence").min())
    200
    """
    if not isinstance(flags, (str, Method)):
        if options:
            raise TypeError(f"{', '.join(options)}: options are for methods by name, and flags is {flags!r}")
        return np.asarray(cv2.inpaint(src, inpaintMask, inpaintRadius, flags, dst))
    picture = np.asarray(src)
    if dst is not None and (dst.shape, dst.dtype) != (picture.shape, picture.dtype):
        raise ValueError(f"dst is {dst.dtype} {dst.shape}, src is {picture.dtype} {picture.shape}: make them alike")
    if "radius" in registry.find(flags).parameters():
        options["radius"] = float(np.clip(inpaintRadius, _MIN_RADIUS, _MAX_RADIUS))
    result = _swapped(api.inpaint(_swapped(picture), np.asarray(inpaintMask) != 0, flags, **options))
    if dst is None:
        return np.ascontiguousarray(result)
    np.copyto(dst, result)
    return dst


def _swapped(pixels: NDArray[Any]) -> NDArray[Any]:
    """Blue first to red first, and back; alpha stays last."""
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        return pixels
    return pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
