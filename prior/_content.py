"""The content of neural patch synthesis: a first fill by a method, from a picture, or from a content network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inpaintkit import registry
from inpaintkit.arrays import Array, F32x4
from inpaintkit.files import read
from inpaintkit.picture import PictureColours
from inpaintkit.prior._network import SUFFIXES, Network, network_units, open_network
from inpaintkit.problem import Image, Problem


class Content:
    """What the option ``content`` takes: the name of a method or of a file, or a picture."""

    @classmethod
    def of_option(cls, value: Any) -> str | PictureColours:
        """A name as it is, anything else as a picture; raises TypeError or ValueError."""
        return value if isinstance(value, str) else PictureColours.of_option(value)


def first_fill(problem: Problem, content: Content | PictureColours | str, size: int, span: str) -> Image:
    """The first fill of the crop, float32 (H, W, C); what is not to be filled stays as it is.

    Parameters
    ----------
    content : a method's name, a file's, or a picture.
    size : side in pixels of what a content network takes.
    span : "-1..1" or "0..1", the range of colours that it takes and gives.
    """
    if not isinstance(content, str):
        fill = _own_units(problem, problem.part(PictureColours.of_option(content).pixels))
    elif content in registry.methods():
        row = registry.find(content)
        if row.name == "mnps":
            raise ValueError("mnps' option content is 'mnps': expected another method for the first fill")
        fill = row.load()(replace(problem, _facts={}, _report=None), **row.options({}))
    elif Path(content).suffix.lower() in SUFFIXES:
        fill = _predicted(problem, open_network(Path(content)), size, span)
    elif Path(content).is_file():
        fill = _own_units(problem, problem.part(PictureColours.of_option(read(content)).pixels))
    else:
        raise ValueError(
            f"mnps' option content is {content!r}: expected a method ({', '.join(registry.methods())}), or a file, "
            "of a picture or of a network (.pt, .ts, .onnx)"
        )
    return np.where(problem.hole[..., None], fill, problem.image).astype(np.float32)


def copies(content: Content | PictureColours | str) -> bool:
    """Whether a content is a method that copies from afar, as its row says."""
    return isinstance(content, str) and content in registry.methods() and registry.find(content).surround is not None


def _own_units(problem: Problem, pixels: Array) -> Image:
    """A user's picture in the units of the problem, premultiplied where that has alpha."""
    channels, wanted = pixels.shape[2], problem.image.shape[2]
    colours = pixels[..., : channels - (channels in (2, 4))]
    whole = wanted - problem.alpha
    if colours.shape[2] not in (1, whole):
        raise ValueError(f"mnps' option content has {channels} channels, and the picture {wanted}: give as many")
    full, own = (1 if dtype.kind == "f" else float(np.iinfo(dtype).max) for dtype in (pixels.dtype, problem.dtype))
    colours = (
        colours * (own / full) - problem.offset
    ) / problem.scale  # brought to the picture's type, then normalised
    if not np.isfinite(colours[problem.hole]).all():
        raise ValueError("mnps' option content is not finite everywhere in the hole: fill it first")
    filled = np.broadcast_to(colours, (*colours.shape[:2], whole))
    opaque = np.ones((*filled.shape[:2], wanted - whole))
    return np.concatenate([filled, opaque], axis=2).astype(np.float32)


def _predicted(problem: Problem, network: Network, size: int, span: str) -> Image:
    """What a content network predicts for the hole's bounding box, which is the middle half of what it is shown.

    The box is filled with the mean known colour, as in the paper. The network takes (1, 3, size, size) and gives as
    much, or the middle half alone.
    """
    rows, columns = (np.flatnonzero(problem.hole.any(axis=axis)) for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
    side = max(height, width)
    at = top + height // 2 - side, left + width // 2 - side
    gain, black = network_units(problem)
    seen = rgb(problem.image) * gain + black
    seen[top : top + height, left : left + width] = seen[problem.known].mean(axis=0)
    grown = cv2.copyMakeBorder(seen, 2 * side, 2 * side, 2 * side, 2 * side, cv2.BORDER_REPLICATE)
    window = grown[at[0] + 2 * side : at[0] + 4 * side, at[1] + 2 * side : at[1] + 4 * side]
    shown = cv2.resize(window, (size, size), interpolation=cv2.INTER_AREA if 2 * side > size else cv2.INTER_LINEAR)
    low, high = (-1.0, 1.0) if span == "-1..1" else (0.0, 1.0)
    planes = np.ascontiguousarray(shown.transpose(2, 0, 1), np.float32)[None]
    given: F32x4 = (planes.clip(0, 1) * (high - low) + low).astype(np.float32, copy=False)
    output = (np.asarray(network([given])[0], np.float32) - low) / (high - low)
    if output.shape not in ((1, 3, size, size), (1, 3, size // 2, size // 2)):
        raise ValueError(
            f"the content network gives {output.shape} for (1, 3, {size}, {size}): expected that shape, or its middle "
            f"half, (1, 3, {size // 2}, {size // 2})"
        )
    reach = side if output.shape[2] == size else side // 2  # half of what it covers, in pixels of the picture
    scaled = cv2.resize(np.ascontiguousarray(output[0].transpose(1, 2, 0)), (2 * reach, 2 * reach))
    fill = grown.copy()
    y, x = (start + 2 * side + side - reach for start in at)
    fill[y : y + 2 * reach, x : x + 2 * reach] = scaled
    fill = fill[2 * side : 2 * side + len(seen), 2 * side : 2 * side + seen.shape[1]]
    fill = (fill - black) / gain
    channels = problem.image.shape[2]
    colours = fill.mean(axis=2, keepdims=True) if channels < 3 else fill
    opaque = np.ones((*colours.shape[:2], channels - colours.shape[2]))
    return np.concatenate([colours, opaque], axis=2).astype(np.float32)


def rgb(image: Array) -> Array:
    """The colours of (H, W, C) as three channels."""
    return image[..., :3] if image.shape[2] >= 3 else np.repeat(image[..., :1], 3, axis=2)
