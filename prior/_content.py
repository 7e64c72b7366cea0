"""The content of neural patch synthesis: a first fill by a method, from a picture, or from a content network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inpaintkit import registry
from inpaintkit.errors import MissingExtraError
from inpaintkit.files import read
from inpaintkit.picture import PictureColours
from inpaintkit.problem import Image, Problem


class Content:
    """What the option ``content`` takes: a method's name, a file's, or a picture."""

    @classmethod
    def of_option(cls, value: Any) -> str | PictureColours:
        """A text as it is, anything else as a picture; raises TypeError or ValueError."""
        return value if isinstance(value, str) else PictureColours.of_option(value)


def first_fill(problem: Problem, content: Any, size: int, span: str) -> Image:
    """The first fill of the crop, float32 (H, W, C); what is not to be filled stays as it is."""
    if isinstance(content, PictureColours):
        fill = _own_units(problem, problem.part(content.pixels))
    elif content in registry.methods():
        row = registry.find(content)
        if row.name == "mnps":
            raise ValueError("mnps' option content is 'mnps': needed is another method for the first fill")
        fill = row.load()(replace(problem, _facts={}, _report=None), **row.options({}))
    elif Path(content).suffix.lower() in (".pt", ".ts", ".onnx"):
        fill = _predicted(problem, _network(content), size, span)
    elif Path(content).is_file():
        fill = _own_units(problem, problem.part(PictureColours.of_option(read(content)).pixels))
    else:
        raise ValueError(
            f"mnps' option content is {content!r}: needed is a method ({', '.join(registry.methods())}), or a file, "
            "of a picture or of a network (.pt, .ts, .onnx)"
        )
    return np.where(problem.hole[..., None], fill, problem.image).astype(np.float32)


def copies(content: Any) -> bool:
    """Whether a content is a method that copies from afar, as its row says."""
    return isinstance(content, str) and content in registry.methods() and registry.find(content).surround is not None


def _own_units(problem: Problem, pixels: NDArray[Any]) -> Image:
    """A user's picture in the units of the problem, premultiplied where that has alpha."""
    channels, wanted = pixels.shape[2], problem.image.shape[2]
    colours = pixels[..., : channels - (channels in (2, 4))]
    whole = wanted - (wanted in (2, 4))
    if colours.shape[2] not in (1, whole):
        raise ValueError(f"mnps' option content has {channels} channels, and the picture {wanted}: give as many")
    if pixels.dtype.kind == "u":
        colours = colours / np.float32(np.iinfo(pixels.dtype).max)
    elif problem.dtype.kind == "f":
        colours = (colours - problem.offset) / problem.scale
    if not np.isfinite(colours[problem.hole]).all():
        raise ValueError("mnps' option content is not finite everywhere in the hole: fill it first")
    filled = np.broadcast_to(colours, (*colours.shape[:2], whole))
    opaque = np.ones((*filled.shape[:2], wanted - whole))
    return np.concatenate([filled, opaque], axis=2).astype(np.float32)


def _network(path: str) -> Callable[[Tensor], Tensor]:
    """A network from a file, float32 (1, 3, s, s) -> (1, 3, s, s) or (1, 3, s / 2, s / 2)."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}, which the option content names, is no file")
    if path.lower().endswith(".onnx"):
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError(
                f"{path} needs onnxruntime, which is not installed: "
                'pip install "inpaintkit[onnx]", or export as TorchScript'
            ) from error
        try:
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has kinds of its own
            raise ValueError(f"{path} is no ONNX file that onnxruntime reads: {str(error).strip()}") from error
        name = session.get_inputs()[0].name
        return lambda x: torch.from_numpy(session.run(None, {name: x.numpy()})[0])
    try:
        return torch.jit.load(path, map_location="cpu").eval()  # type: ignore[no-any-return]
    except RuntimeError as error:
        raise ValueError(f"{path} is no TorchScript file: write one with torch.jit.save") from error


def _predicted(problem: Problem, network: Callable[[Tensor], Tensor], size: int, span: str) -> Image:
    """What a content network says of the hole's bounding box, which is the middle half of what it is shown.

    The box is filled with the mean known colour, as in the paper.
    """
    rows, columns = (np.flatnonzero(problem.hole.any(axis=axis)) for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
    side = max(height, width)
    at = top + height // 2 - side, left + width // 2 - side
    seen = rgb(problem.image).copy()
    seen[top : top + height, left : left + width] = seen[problem.known].mean(axis=0)
    grown = cv2.copyMakeBorder(seen, 2 * side, 2 * side, 2 * side, 2 * side, cv2.BORDER_REPLICATE)
    window = grown[at[0] + 2 * side : at[0] + 4 * side, at[1] + 2 * side : at[1] + 4 * side]
    shown = cv2.resize(window, (size, size), interpolation=cv2.INTER_AREA if 2 * side > size else cv2.INTER_LINEAR)
    low, high = (-1.0, 1.0) if span == "-1..1" else (0.0, 1.0)
    with torch.no_grad():
        given = torch.from_numpy(np.ascontiguousarray(shown.transpose(2, 0, 1)))[None].clamp(0, 1) * (high - low) + low
        said = (network(given).float().cpu().numpy() - low) / (high - low)
    if said.shape not in ((1, 3, size, size), (1, 3, size // 2, size // 2)):
        raise ValueError(
            f"the content network gives {said.shape} for (1, 3, {size}, {size}): needed is that shape, or its middle "
            f"half, (1, 3, {size // 2}, {size // 2})"
        )
    reach = side if said.shape[2] == size else side // 2  # half of what it says, in pixels of the picture
    scaled = cv2.resize(np.ascontiguousarray(said[0].transpose(1, 2, 0)), (2 * reach, 2 * reach))
    fill = grown.copy()
    y, x = (start + 2 * side + side - reach for start in at)
    fill[y : y + 2 * reach, x : x + 2 * reach] = scaled
    fill = fill[2 * side : 2 * side + len(seen), 2 * side : 2 * side + seen.shape[1]]
    channels = problem.image.shape[2]
    colours = fill.mean(axis=2, keepdims=True) if channels < 3 else fill
    opaque = np.ones((*colours.shape[:2], channels - colours.shape[2]))
    return np.concatenate([colours, opaque], axis=2).astype(np.float32)


def rgb(image: NDArray[Any]) -> NDArray[Any]:
    """The colours of (H, W, C) as three channels."""
    return image[..., :3] if image.shape[2] >= 3 else np.repeat(image[..., :1], 3, axis=2)
