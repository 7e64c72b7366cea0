"""Reading between pixels: a plane is exact, a pixel's centre gives the pixel, outside is NaN."""

from __future__ import annotations

import numpy as np
import pytest

from inpaintkit.sampling import bilinear_kernel

ROWS, COLUMNS = np.mgrid[:5, :7].astype(np.float32)


@pytest.mark.parametrize(("row", "column"), [(0.0, 0.0), (1.5, 2.25), (3.875, 5.5), (2.0, 3.75)])
def test_a_plane_is_read_exactly(row, column):
    assert bilinear_kernel(2 * ROWS - 3 * COLUMNS + 1, row, column) == 2 * row - 3 * column + 1


def test_four_pixels_weigh_by_their_nearness():
    corners = np.float32([[0, 4], [8, 32]])
    assert bilinear_kernel(corners, 0.5, 0.25) == 0.5 * (0.75 * 0 + 0.25 * 4) + 0.5 * (0.75 * 8 + 0.25 * 32)


@pytest.mark.parametrize(("row", "column"), [(-0.01, 2.0), (2.0, -0.01), (4.0, 2.0), (2.0, 6.0), (np.nan, 2.0)])
def test_outside_the_picture_there_is_no_value(row, column):
    assert np.isnan(bilinear_kernel(ROWS, row, column))
