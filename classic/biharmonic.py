"""Biharmonic filling: L^2 u = 0 in the hole, a thin plate that meets the rim's colours and their slopes.

The solution minimises sum |L u|^2, so that ramps and gentle bows run on through the hole; in return it may overshoot
the rim's range. Wide holes are ill-conditioned (about 1e11 for a box of 1000 pixels), so unknowns are float64.
"""

from __future__ import annotations

import numpy as np

from inpaintkit.classic._elliptic import fill
from inpaintkit.problem import Image, Problem


def biharmonic(problem: Problem, *, clip: bool = False) -> Image:
    """Fill a hole by the biharmonic equation.

    The stencil is L applied twice, 20, -8, 2, 1; near the picture's edge and void pixels, which are insulated, it is
    what L makes of itself there. It is solved as ``harmonic`` is.

    Parameters
    ----------
    problem : the region to fill.
    clip : keep each channel within the range of the whole picture's known pixels, as scikit-image does.

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled. Notes what ``harmonic`` notes.

    Raises
    ------
    ContextError : nothing is known in the crop.

    References
    ----------
    S. B. Damelin and N. S. Hoang, On surface completion and image inpainting by biharmonic functions: numerical
    aspects, Int. J. Math. Math. Sci. 2018, doi:10.1155/2018/3950312. With ``clip`` the answer is that of scikit-image's
    ``inpaint_biharmonic``.

    Examples
    --------
    >>> import numpy as np
    >>> from inpaintkit.problem import Problem
    >>> bow = (np.arange(7, dtype=np.float32) ** 3 / 216)[None, :, None]
    >>> hole = np.array([[False, False, True, True, True, False, False]])
    >>> float(np.abs(biharmonic(Problem.create(bow, hole)) - bow).max().round(5))
    0.0
    """
    filled = fill(problem, power=2)
    return np.clip(filled, *problem.limits()) if clip else filled
