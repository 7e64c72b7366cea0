"""The plain fill for regions without context: a harmonic function, solved over everything unknown."""

from __future__ import annotations

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import cg, spsolve

from inpaintkit.problem import Image, Mask

_DIRECT = 20_000  # unknowns up to which a direct solve is the quicker one


def harmonic_fill(image: Image, known: Mask, hole: Mask | None = None) -> Image:
    """Every hole pixel the mean of its four neighbours; the picture's edge is insulated.

    Parameters
    ----------
    image : float32 (H, W, C).
    known : bool (H, W) with at least one True.
    hole : bool (H, W), the pixels to fill; all that are not known when left out. What is neither takes the colour of
        the nearest known pixel, so that a small hole amid much that is transparent costs little.
    """
    unknown = ~known if hole is None else hole
    if not (known | unknown).all():
        nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
        image = np.where((known | unknown)[..., None], image, image[tuple(nearest)])
    number = np.full(known.shape, -1)
    number[unknown] = np.arange(np.count_nonzero(unknown))
    count = int(number.max()) + 1
    result = image.copy()
    if not count:
        return result
    diagonal = np.zeros(count)
    target = np.zeros((count, image.shape[2]))
    rows, columns = [], []
    for axis in (0, 1):
        for first, second in (((0, -1), (1, None)), ((1, None), (0, -1))):
            here = tuple(slice(*first) if a == axis else slice(None) for a in (0, 1))
            there = tuple(slice(*second) if a == axis else slice(None) for a in (0, 1))
            inner, outer = number[here], number[there]
            diagonal += np.bincount(inner[inner >= 0], minlength=count)
            both = (inner >= 0) & (outer >= 0)
            rows.append(inner[both])
            columns.append(outer[both])
            rim = (inner >= 0) & (outer < 0)
            np.add.at(target, inner[rim], image[there][rim])
    row, column = np.concatenate(rows), np.concatenate(columns)
    laplacian = sparse.csr_matrix((-np.ones(len(row)), (row, column)), (count, count)) + sparse.diags(diagonal)
    if count <= _DIRECT:
        result[unknown] = spsolve(laplacian.tocsc(), target).reshape(target.shape)
        return result
    nearest = ndimage.distance_transform_edt(unknown, return_distances=False, return_indices=True)
    start = image[tuple(nearest)][unknown]  # close already: a few iterations from there
    scaling = sparse.diags(1 / diagonal)
    for channel in range(image.shape[2]):
        solved, _ = cg(laplacian, target[:, channel], x0=start[:, channel], rtol=1e-5, M=scaling)
        result[unknown, channel] = solved
    return result
