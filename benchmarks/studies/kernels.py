"""How many multiply-adds a second do the kernels of ``ple`` reach, beside a plain loop's?

    python -m inpaintkit.benchmarks.studies.kernels [--repeats N]

On astronaut under text and with half of its pixels lost: the groups of some reference patches as ``ple`` meets them,
one kernel after another on one thread. A multiply-add is counted where the result needs it: no lanes that are filled
up, no half of a symmetric matrix that is only mirrored. The seconds are the processor's, the least of the repeats.

Plain loops: multiply-adds in registers alone (the processor's peak), a product of two vectors in the first cache, and
y += a x over vectors far larger than all caches.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inpaintkit.arrays import Bool2, F32x1, F32x2, F64x1, I32x2
from inpaintkit.benchmarks.studies._cases import DAMAGE, Pixels, arguments, heading, photographs, row, versions_line
from inpaintkit.classic import ple
from inpaintkit.classic.coherence import coherence
from inpaintkit.classic.ple import _ACROSS as ACROSS
from inpaintkit.classic.ple import (  # type: ignore[attr-defined]
    LANES,
    factorise,
    invert,
    solve,
    splat,
    store,
)
from inpaintkit.classic.ple import _estimate as estimate
from inpaintkit.classic.ple import _learn as learn
from inpaintkit.classic.ple import _nearest as nearest
from inpaintkit.classic.ple import _sorted as ordered
from inpaintkit.classic.rows import PLE_PATCH, PLE_WINDOW
from inpaintkit.kernels import kernel
from inpaintkit.problem import Mask, Problem

_GROUPS = 400  # reference patches
_SIMILAR = 64


@dataclass(frozen=True)
class Timed:
    """Multiply-adds and seconds of a kernel."""

    name: str
    size: str
    adds: float
    seconds: float


@dataclass(frozen=True)
class Case:
    """What a round of ``ple`` works on, flat arrays as its kernels take them."""

    planes: F32x1
    shape: tuple[int, int, int]
    unknown: Mask
    barred: NDArray[np.float32]
    missing: I32x2
    references: I32x2
    side: int

    @classmethod
    def of(cls, photo: Pixels, hole: Mask, side: int) -> Case:
        """A photograph whose hole is filled, as in a last round."""
        problem = Problem.create(photo.astype(np.float32) / np.float32(255), hole)
        filled = coherence(problem)
        planes = np.ascontiguousarray(filled.transpose(2, 0, 1))
        usable = ple._seen(np.zeros_like(hole), (side, side)) == 0
        missing = ple._seen(hole, (side, side))
        references = np.concatenate(ple._grids(missing > 0, side // 2))
        chosen = references[len(references) // 3 :][:_GROUPS]  # neighbours, as in a fill
        flat = np.append(planes, np.zeros(3 * LANES, np.float32))
        return cls(flat, planes.shape, hole, ple._barred(usable), missing, chosen, side)


@kernel(fastmath=True)
def _stages_kernel(
    planes: F32x1,
    shape: tuple[int, int, int],
    unknown: Bool2,
    barred: F32x2,
    missing: I32x2,
    references: I32x2,
    side: int,
    similar: int,
    prior: F32x1,
    total: F32x1,
    stages: int,
    counts: F64x1,
) -> None:
    """The first so many ``stages`` of every group: search, learning, inverse, estimates; and their multiply-adds."""
    channels, height, width = shape
    n = side * side
    span = (n + LANES - 1) // LANES * LANES
    distance, weight = np.empty(ACROSS * ACROSS + 2 * LANES, np.float32), np.empty(n, np.float32)
    rows, columns = np.empty(similar + 1, np.int64), np.empty(similar + 1, np.int64)
    near = np.empty(similar + LANES, np.float32)
    samples = np.zeros(channels * similar * span + LANES, np.float32)
    mean = np.empty(channels * span, np.float32)
    covariance, precision = np.zeros((n + 4) * span, np.float32), np.zeros((n + 4) * span, np.float32)
    column = np.empty(n, np.float32)
    factor, right = np.empty(n * (n + 1) // 2 * LANES, np.float32), np.empty(channels * n * LANES, np.float32)
    order, starts = np.empty(similar, np.int64), np.empty(n + 2, np.int64)
    known, lost = np.zeros((n + 1, LANES), np.uint32), np.zeros((n + 1, LANES), np.uint32)
    sizes = np.zeros((2, LANES), np.int64)
    offsets = np.arange(n) // side * width + np.arange(n) % side
    counts[:] = 0
    for r in range(len(references)):
        y, x = references[r, 0], references[r, 1]
        size = nearest(planes, shape, unknown, barred, y, x, side, side, similar, distance, weight, rows, columns, near)
        down = min(y + PLE_WINDOW, height - side) - max(y - PLE_WINDOW, 0) + 1
        across = min(x + PLE_WINDOW, width - side) - max(x - PLE_WINDOW, 0) + 1
        counts[0] += down * across * n * channels
        if stages < 2:
            continue
        least = learn(
            planes, shape, rows, columns, size, side, side, span, np.float32(0.006), prior, samples, mean, covariance
        )
        counts[1] += channels * size * n * (n + 1) / 2
        if stages < 3:
            continue
        direct, members = ordered(missing, rows, columns, near, size, n, starts, order)
        if direct > 0:
            invert(covariance, n, span, least, precision, column)
            counts[2] += n * (n + 1) * n / 2
        if stages < 4:
            continue
        first = 0
        while first < members:
            filling = first < direct
            last = min(first + LANES, direct if filling else members)
            estimate(
                unknown, rows, columns, order[first:last], filling, side, side, span, size, channels, samples, mean,
                precision if filling else covariance, known, lost, sizes, factor, right, offsets, total, 0,
            )  # fmt: skip
            counts[4] += 1
            for t in range(last - first):
                m = sizes[1, t] if filling else sizes[0, t]
                products = (n - m) * m if filling else m * sizes[1, t]
                counts[3] += m * m * m / 6 + channels * (m * m + products)
                counts[5] += m
                counts[6] += 1
            first = last


@kernel(fastmath=True)
def _peak_kernel(times: int, value: np.float32) -> np.float32:
    """Multiply-adds in registers: twelve vectors, each its own chain."""
    a, b = splat(value), splat(np.float32(1) - value)
    z0, z1, z2, z3, z4, z5 = splat(value), b, a + b, a + a, b + b, a
    z6, z7, z8, z9, z10, z11 = a + z2, b + z2, z3 + z2, z4 + z2, z3 + z4, z3 + z3
    for _ in range(times):
        z0, z1, z2, z3 = z0 * a + b, z1 * a + b, z2 * a + b, z3 * a + b
        z4, z5, z6, z7 = z4 * a + b, z5 * a + b, z6 * a + b, z7 * a + b
        z8, z9, z10, z11 = z8 * a + b, z9 * a + b, z10 * a + b, z11 * a + b
    out = np.empty(LANES, np.float32)
    store(out, 0, z0 + z1 + z2 + z3 + z4 + z5 + z6 + z7 + z8 + z9 + z10 + z11)
    return np.float32(out[0])


@kernel(fastmath=True)
def _product_kernel(times: int, a: F32x1, b: F32x1) -> np.float32:
    """A plain loop over two vectors, as numba compiles it."""
    total = np.float32(0)
    for _ in range(times):
        a[0] += np.float32(1)  # or the loop would be run once
        for i in range(len(a)):
            total += a[i] * b[i]
    return total


@kernel(fastmath=True)
def _stream_kernel(times: int, a: np.float32, x: F32x1, y: F32x1) -> None:
    """y += a x."""
    for _ in range(times):
        for i in range(len(x)):
            y[i] += a * x[i]


@kernel(fastmath=True)
def _factorise_kernel(times: int, matrices: F32x1, work: F32x1, m: int) -> None:
    """Sixteen systems side by side, fresh every time."""
    for _ in range(times):
        for i in range(m * (m + 1) // 2 * LANES):
            work[i] = matrices[i]
        factorise(work, m)


@kernel(fastmath=True)
def _solve_kernel(times: int, factor: F32x1, m: int, right: F32x1) -> None:
    """Sixteen right sides."""
    for _ in range(times):
        solve(factor, m, right, 0)


def least_seconds(call: Callable[[], object], repeats: int) -> float:
    """The processor's seconds of the quickest of some calls, after one that may compile."""
    call()
    taken = []
    for _ in range(repeats):
        began = time.thread_time()
        call()
        taken.append(time.thread_time() - began)
    return min(taken)


def plain(repeats: int) -> list[Timed]:
    """The plain loops."""
    times, small, large = 2**18, 2**11, 2**24
    a, b = np.ones(small, np.float32), np.ones(small, np.float32)
    x, y = np.ones(large, np.float32), np.ones(large, np.float32)
    calls: list[tuple[str, str, float, Callable[[], object]]] = [
        ("in registers", f"12 x {LANES}", 12.0 * LANES * times, lambda: _peak_kernel(times, np.float32(0.4))),
        ("product of two vectors", f"{small} values", 4096.0 * small, lambda: _product_kernel(4096, a, b)),
        ("y += a x", f"{large} values", 4.0 * large, lambda: _stream_kernel(4, np.float32(0.5), x, y)),
    ]
    return [Timed(name, size, adds, least_seconds(call, repeats)) for name, size, adds, call in calls]


def stages(case: Case, repeats: int) -> tuple[list[Timed], int, int]:
    """The stages of ``ple``; and the mean size of a system and the number of groups of systems."""
    height, width = case.shape[1:]
    total = np.zeros((case.shape[0] + 1) * height * width, np.float32)
    prior, counts = ple._prior((case.side, case.side)), np.zeros(7)
    taken = [
        least_seconds(
            lambda last=last: _stages_kernel(  # type: ignore[misc]
                case.planes, case.shape, case.unknown, case.barred, case.missing, case.references, case.side, _SIMILAR,
                prior, total, last, counts,
            ),
            repeats,
        )
        for last in range(1, 5)
    ]  # fmt: skip
    names = ("search for similar patches", "mean and covariance", "inverse", "estimates, all of it")
    size = f"{len(case.references)} groups, {case.side} x {case.side}"
    rows = [
        Timed(name, size, adds, seconds)
        for name, adds, seconds in zip(names, counts, np.diff([0.0, *taken]), strict=False)
    ]
    return rows, round(counts[5] / counts[6]), int(counts[4])


def systems(m: int, number: int, repeats: int) -> list[Timed]:
    """Factorisation and solution alone, at the mean size, as often as the stages met them."""
    random = np.random.default_rng(0)
    matrices = np.zeros((m * (m + 1) // 2, LANES), np.float32)
    for lane in range(LANES):
        rows = random.normal(size=(m, 2 * m))
        matrices[:, lane] = (rows @ rows.T + np.eye(m))[np.tril_indices(m)]
    flat, work = matrices.reshape(-1), np.empty(matrices.size, np.float32)
    right = random.normal(size=m * LANES).astype(np.float32)
    calls: list[tuple[str, float, Callable[[], object]]] = [
        ("of these, factorisation", LANES * m**3 / 6 * number, lambda: _factorise_kernel(number, flat, work, m)),
        ("and solution, 3 colours", LANES * m**2 * 3 * number, lambda: _solve_kernel(3 * number, work, m, right)),
    ]
    return [Timed(name, f"{number} x {LANES} of {m}", adds, least_seconds(call, repeats)) for name, adds, call in calls]


def processor() -> str:
    """The processor's name, as far as the system says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> None:
    """Print the tables as Markdown."""
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    print(f"{processor()}, one thread, Python {platform.python_version()}; {versions_line()}\n")
    loops = plain(options.repeats)
    peak = loops[0].adds / loops[0].seconds
    photo = next(photo for name, photo in photographs(names=["astronaut"]))
    tables = {"plain loops": loops}
    for name, kind, side in (("text", "text 20 px", PLE_PATCH), ("half lost", "half lost", 6)):
        found, m, number = stages(Case.of(photo, DAMAGE[kind](photo.shape[:2]), side), options.repeats)
        tables[name] = found + systems(m, number, options.repeats)
    for name, rows in tables.items():
        print(heading([name, "size", "million multiply-adds", "ms", "GMAC/s", "of the peak"]))
        for timed in rows:
            rate = timed.adds / timed.seconds
            cells = f"{timed.adds / 1e6:.2f}", f"{timed.seconds * 1e3:.2f}", f"{rate / 1e9:.1f}", f"{rate / peak:.0%}"
            print(row([timed.name, timed.size, *cells]))
        print(flush=True)


if __name__ == "__main__":
    main()
