"""A binary heap for kernels that march: the smallest key leaves first, equal keys in the order they came."""

from __future__ import annotations

import numpy as np

from inpaintkit.arrays import F32x1, I64x2
from inpaintkit.kernels import kernel


@kernel()
def push(keys: F32x1, items: I64x2, size: int, key: np.float32, number: int, item: int) -> tuple[F32x1, I64x2]:
    """Add (key, number, item) to a heap of ``size`` entries, ordered by (key, number); returns its arrays, which grow.

    Parameters
    ----------
    keys : float32 (room,).
    items : int64 (room, 2), number and item of each key.
    """
    if size == len(items):
        keys = np.concatenate((keys, np.empty_like(keys)))
        items = np.concatenate((items, np.empty_like(items)))
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if keys[above] < key or (keys[above] == key and items[above, 0] < number):
            break
        keys[at] = keys[above]
        items[at] = items[above]
        at = above
    keys[at] = key
    items[at, 0] = number
    items[at, 1] = item
    return keys, items


@kernel()
def pop(keys: F32x1, items: I64x2, size: int) -> int:
    """Remove the first of ``size`` entries and give its item."""
    first = items[0, 1]
    last = size - 1
    key, number, item = keys[last], items[last, 0], items[last, 1]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= last:
            break
        right = below + 1
        if right < last and (
            keys[right] < keys[below] or (keys[right] == keys[below] and items[right, 0] < items[below, 0])
        ):
            below = right
        if key < keys[below] or (key == keys[below] and number < items[below, 0]):
            break
        keys[at] = keys[below]
        items[at] = items[below]
        at = below
    keys[at] = key
    items[at, 0] = number
    items[at, 1] = item
    return first  # type: ignore[no-any-return]
