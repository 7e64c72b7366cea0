"""Harmonic filling: every hole pixel is the mean of its four neighbours, the smoothest membrane through the rim.

The solution of Laplace's equation L u = 0 in the hole with the known colours around it; it minimises sum |grad u|^2,
stays within the range of the rim's colours, and is flat where the rim is: edges that meet a hole fade into it.
"""

from __future__ import annotations

from inpaintkit.classic._elliptic import fill
from inpaintkit.problem import Image, Problem


def harmonic(problem: Problem) -> Image:
    """Fill a hole by Laplace's equation.

    The picture's edge and void pixels are insulated: no colour flows across. Narrow parts of the hole are solved
    directly, wide ones by multigrid until no pixel moves by more than 1e-5 of the range.

    Parameters
    ----------
    problem : the region to fill.

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled. Notes ``iterations`` (0: direct), ``residual`` (the largest
    change of a pixel in the last one) and ``converged``.

    Raises
    ------
    ContextError : nothing is known in the crop.

    References
    ----------
    T. F. Chan and J. Shen, Mathematical models for local nontexture inpaintings, SIAM J. Appl. Math. 62(3), 2002,
    doi:10.1137/S0036139900368844.

    Examples
    --------
    >>> import numpy as np
    >>> from inpaintkit.problem import Problem
    >>> line = np.array([[0, 9, 9, 9, 1]], np.float32)[..., None]
    >>> hole = np.array([[False, True, True, True, False]])
    >>> harmonic(Problem.create(line, hole))[0, :, 0].tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    return fill(problem, power=1)
