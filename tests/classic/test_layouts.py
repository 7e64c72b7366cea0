"""However a picture lies in memory, a method fills it the same; lines one pixel wide, too."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

import inpaintkit
from inpaintkit import damage, inpaint

LAYOUTS = {
    "by columns": np.asfortranarray,
    "upside down": lambda pixels: np.ascontiguousarray(pixels[::-1])[::-1],
    "by channels": lambda pixels: np.ascontiguousarray(pixels.transpose(2, 0, 1)).transpose(1, 2, 0),
    "with gaps": lambda pixels: np.repeat(pixels, 2, axis=1)[:, ::2],
    "other bytes": lambda pixels: pixels.astype(pixels.dtype.newbyteorder()),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", [row.name for row in inpaintkit.methods().values() if not row.needs])
def test_a_layout_makes_no_difference(name, layout):
    for shape in ((1, 40), (40, 1), (28, 36)):
        photo = skimage.data.chelsea()[100 : 100 + shape[0], 150 : 150 + shape[1]].astype(np.uint16) * 199
        hole = damage.scratches(shape, number=2, max_width=2, seed=1)
        hole[:, ::9] |= shape[0] == 1
        hole[::9] |= shape[1] == 1
        expected = inpaint(photo, hole, name, fallback=True)
        result = inpaint(LAYOUTS[layout](photo), hole, name, fallback=True)
        assert np.array_equal(result, expected), shape
