"""What methods begin with: one known colour to work relative to, a hole's connected parts, and a first fill."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import F32x1, F32x2, F32x3, I64x1, U8x2
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image, Mask

Index = TypeVar("Index", np.int32, np.int64)

VOID, COLOURED, WAITING, NEXT = 0, 1, 2, 3  # states of a pixel during the first fill


def base_colour(image: Image, known: Mask) -> F32x1:
    """The first known pixel's colour. Methods work relative to it, so that a constant stays exactly constant."""
    colour: F32x1 = image.reshape(-1, image.shape[2])[np.argmax(known)].copy()
    return colour


def padded_places(places: NDArray[Index], width: int, margin: int) -> NDArray[Index]:
    """Flat indices of the same pixels once their array, ``width`` pixels wide, has been padded on every side."""
    padded: NDArray[Index] = (places // width + margin) * (width + 2 * margin) + places % width + margin
    return padded


def components(hole: Mask) -> tuple[I64x1, I64x1]:
    """Flat indices of the hole's pixels, part by part (8-connected), each in raster order, and where each begins.

    ``order[start[k]:start[k + 1]]`` is the k-th part, so that an iteration can stop in each as soon as it has settled.
    """
    number, labels = cv2.connectedComponents(hole.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    pixels = np.flatnonzero(hole)
    of_pixel = np.asarray(labels).reshape(-1)[pixels] - 1
    order = pixels[np.argsort(of_pixel, kind="stable")]
    start = np.concatenate([[0], np.cumsum(np.bincount(of_pixel, minlength=number - 1))])
    return order, start.astype(np.int64)


def onion(image: Image, hole: Mask, known: Mask, weights: Image) -> tuple[Image, Mask]:
    """The hole filled layer by layer from the rim, and the pixels that have a colour then: the known and the reached.

    Each pixel takes the weighted mean of those of its eight neighbours that have a colour by then. Where they are equal
    it takes exactly their colour.

    Parameters
    ----------
    image : float32 (H, W, C).
    weights : float32 (3, 3), above 0 but for the centre.
    """
    filled = image.copy()
    state = np.where(hole, np.uint8(WAITING), known.view(np.uint8))
    _onion_kernel(filled, state, np.flatnonzero(hole), weights)
    return filled, state == COLOURED


@kernel()
def _onion_kernel(filled: F32x3, state: U8x2, pixels: I64x1, weights: F32x2) -> None:
    """Fill ``filled`` in place where ``state`` is WAITING, one layer after another."""
    height, width, channels = filled.shape
    queue = np.empty(len(pixels), np.int64)
    begin, end = 0, 0
    for n in range(len(pixels)):
        y, x = pixels[n] // width, pixels[n] % width
        for v in range(max(y - 1, 0), min(y + 2, height)):
            for u in range(max(x - 1, 0), min(x + 2, width)):
                if state[v, u] == COLOURED and state[y, x] == WAITING:
                    state[y, x] = NEXT
                    queue[end] = pixels[n]
                    end += 1
    while begin < end:
        layer = end
        for n in range(begin, layer):
            y, x = queue[n] // width, queue[n] % width
            total = np.float32(0)
            base_y, base_x = -1, -1
            for v in range(max(y - 1, 0), min(y + 2, height)):
                for u in range(max(x - 1, 0), min(x + 2, width)):
                    if state[v, u] == WAITING:
                        state[v, u] = NEXT
                        queue[end] = v * width + u
                        end += 1
                    if state[v, u] != COLOURED:
                        continue
                    w = weights[v - y + 1, u - x + 1]
                    if base_y < 0:
                        base_y, base_x = v, u
                        filled[y, x] = 0
                    for c in range(channels):
                        filled[y, x, c] += w * (filled[v, u, c] - filled[base_y, base_x, c])
                    total += w
            for c in range(channels):
                filled[y, x, c] = filled[base_y, base_x, c] + filled[y, x, c] / total
        for n in range(begin, layer):
            state[queue[n] // width, queue[n] % width] = COLOURED
        begin = layer
