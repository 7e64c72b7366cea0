"""Lines followed beyond their ends, node by node, as long as something looks like them.

A line is expected to go on with half of the curvature that it ends with. Beside where it is expected it is looked for
at the brightness that it covers its background with; after some nodes without it, it has ended.
"""

from __future__ import annotations

import numpy as np

from inpaintkit.arrays import Array, F32x2, F64x1, F64x2, F64x3, I64x1
from inpaintkit.find.strips import STEP, Axes
from inpaintkit.kernels import kernel
from inpaintkit.problem import Image
from inpaintkit.sampling import bilinear_kernel

_MIN_COVER = 0.7  # of a line's cover: what has that continues it
_MAX_GAP = 5  # nodes without it after which a line has ended
_BEND = 0.5  # of a line's curvature that is believed beyond its end
_ENDING = 8  # nodes that this curvature is taken from
_MAX_NODES = 200  # that a line is followed


@kernel()
def _follow_kernel(image: F32x2, start: F64x2, model: F64x2, unit: int, way: F64x3, number: I64x1) -> None:
    """Go on from the ends of lines, node by node, as long as something looks like them.

    start : (E, 4), row, column, direction, and by how much that turns per node; model : (E, 4), feet, cover and
    brightness of the line itself; way : (E, N, 3), row, column and direction of the nodes found; number : (E,), of
    these.
    """
    stride = STEP * unit
    for end in range(len(start)):
        y, x, turn, bend = start[end]
        missing = 0
        for _ in range(way.shape[1]):
            turn += bend
            y += stride * np.sin(turn)
            x += stride * np.cos(turn)
            if not (0 <= y < image.shape[0] and 0 <= x < image.shape[1]):
                break
            cover, aside = _aside_kernel(image, y, x, turn, bend, model[end], unit, missing)
            if cover < _MIN_COVER * model[end, 2]:
                missing += 1
                if missing > _MAX_GAP:
                    break
                continue
            missing = 0
            y += 0.7 * aside * np.cos(turn)
            x -= 0.7 * aside * np.sin(turn)
            turn += 0.2 * aside / stride
            way[end, number[end]] = y, x, turn
            number[end] += 1


@kernel()
def _aside_kernel(
    image: F32x2, y: float, x: float, turn: float, bend: float, model: F64x1, unit: int, missing: int
) -> tuple[float, float]:
    """The best cover near a place where a line is expected, and how far aside: farther, and surer, after a gap."""
    nodes = 2 if missing == 0 else 3
    best, aside = -1.0, 0.0
    for t in range(-2 - missing // 3, 3 + missing // 3):
        off = 0.5 * t * unit
        cover = -0.02 * abs(t)
        for ahead in range(nodes):
            there = turn + bend * ahead
            y1 = y + off * np.cos(turn) + STEP * unit * ahead * np.sin(there)
            x1 = x - off * np.sin(turn) + STEP * unit * ahead * np.cos(there)
            cover += _cover_kernel(image, y1, x1, turn, model, unit) / nodes
        if cover > best:
            best, aside = cover, off
    return best, aside


@kernel()
def _cover_kernel(image: F32x2, y: float, x: float, turn: float, model: F64x1, unit: int) -> float:
    """How far the brightness at a place has come from that of both sides to a line's own; 0 outside."""
    down, right = np.sin(turn), np.cos(turn)
    middle, half = (model[0] + model[1]) / 2, (model[1] - model[0]) / 2
    core, background = np.float64(0), np.float64(0)
    for s in range(-1, 2):
        y1, x1 = y + s * unit * down, x + s * unit * right
        for t in range(-1, 2):
            off = middle + 0.3 * t * half
            core += bilinear_kernel(image, y1 + off * right, x1 - off * down) / 9
            off = middle + (half + 0.5 + 0.75 * unit * abs(t)) * (1 if (s + t) % 2 else -1)
            background += bilinear_kernel(image, y1 + off * right, x1 - off * down) / 9
    cover = (core - background) / max(model[3] - background, 0.05)
    return 0.0 if np.isnan(cover) else cover


def follow(picture: Image, axis: Axes, foot: Image, cover: Array, white: Array, unit: int) -> tuple[Axes, Image]:
    """Nodes beyond both ends of lines, and their feet.

    Parameters
    ----------
    picture : float32 (H, W), the lines bright.
    axis, foot : nodes of the lines, at least one, feet float32 (M, 2).
    cover, white : (L,), how far each line's brightness has come from the background's to its own, and that.
    unit : pixels in one of the octave's.
    """
    changes = np.flatnonzero(np.diff(axis.line))
    first, last = np.append(0, changes + 1), np.append(changes, len(axis.line) - 1)
    inward = np.minimum(last - first, _ENDING)
    end, inner = np.append(first, last), np.append(first + inward, last - inward)
    turn = np.arctan2(axis.down, axis.right)
    bend = _BEND * np.angle(np.exp(1j * (turn[end] - turn[inner]))) / np.maximum(np.abs(end - inner), 1)
    backward = np.arange(len(end)) < len(first)
    line = axis.line[end]
    feet_on = np.where(backward[:, None], -foot[end][:, ::-1], foot[end])
    start = np.stack([axis.y[end], axis.x[end], turn[end] + np.pi * backward, bend], axis=1)
    model = np.stack([feet_on[:, 0], feet_on[:, 1], cover[line], white[line]], axis=1)
    way, number = np.zeros((len(end), _MAX_NODES, 3)), np.zeros(len(end), np.int64)
    _follow_kernel(picture, start, model, unit, way, number)
    of, node = np.nonzero(np.arange(_MAX_NODES) < number[:, None])
    y, x, turn = way[of, node].T
    return Axes(line[of], y, x, np.sin(turn), np.cos(turn), np.ones(len(of), np.bool_)), feet_on[of]
