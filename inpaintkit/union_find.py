"""Which things belong together, from pairs that do: a union-find for kernels, in which the earliest leads.

Begin with ``parent = np.arange(n)``, unite pairs, then ``lead_kernel(parent)``: equal leaders, same group.
"""

from __future__ import annotations

from inpaintkit.arrays import Array
from inpaintkit.kernels import kernel


@kernel(inline=True)
def root_kernel(parent: Array, i: int) -> int:
    """The leader of i's group, its earliest member; the way there is halved for the next one who asks.

    parent : integers (N,), none larger than its index.
    """
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel(inline=True)
def unite_kernel(parent: Array, one: int, other: int) -> None:
    """Make two groups one. The earlier leader leads, so that groups numbered by their leaders follow the order."""
    one, other = root_kernel(parent, one), root_kernel(parent, other)
    if one < other:
        parent[other] = one
    else:
        parent[one] = other


@kernel(inline=True)
def lead_kernel(parent: Array) -> None:
    """Point everything at its group's leader. One pass is enough, since a parent is never later than its child."""
    for i in range(len(parent)):
        parent[i] = parent[parent[i]]
