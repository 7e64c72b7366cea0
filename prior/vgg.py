"""VGG19's convolutions, and the features of a picture at its layers (Simonyan and Zisserman 2015).

Keys are torchvision's (``features.N.weight``, or ``N.weight``); pictures are RGB in [0, 1], normalised by
ImageNet's mean and deviation; edges are padded with zeros; pooling takes the maximum. A file may end after any layer,
and its layers may have any width. arXiv:1409.1556
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import torch
from torch import Tensor
from torch.nn import functional

_DEPTHS = (2, 2, 4, 4, 4)  # convolutions of each block; a pooling layer stands between two blocks
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SCALE = "rms."  # key of a layer's stored root mean square
_REFERENCE = 256  # px, the side of the photograph that scales are measured on


@dataclass(frozen=True)
class Layer:
    """A convolution and its ReLU.

    Attributes
    ----------
    name : "relu3_1" is the first of the third block.
    index : the convolution's number in torchvision's file.
    cell : side in pixels of the square that one feature stands for.
    reach : how far a feature sees beyond that square, in pixels.
    """

    name: str
    index: int
    cell: int
    reach: int


def _layers() -> dict[str, Layer]:
    table, index, reach = {}, 0, 0
    for block, depth in enumerate(_DEPTHS):
        for number in range(1, depth + 1):
            reach += 1 << block  # a 3 x 3 convolution; pooling squares lie inside the next layer's cell
            layer = Layer(f"relu{block + 1}_{number}", index, 1 << block, reach)
            table[layer.name] = layer
            index += 2
        index += 1
    return table


LAYERS: Mapping[str, Layer] = _layers()


@dataclass(frozen=True, eq=False)
class Vgg19:
    """The layers of one file, ready for pictures.

    Attributes
    ----------
    weights : layer name -> kernel (D, C, 3, 3) and bias (D,).
    rms : layer name -> root mean square of its activations on a photograph, by which files of any scale are compared.
    source : the file's name, for messages.
    """

    weights: Mapping[str, tuple[Tensor, Tensor]]
    rms: Mapping[str, float]
    source: str = "these weights"

    @classmethod
    def of(cls, entries: Mapping[str, Tensor], source: str = "these weights") -> Vgg19:
        """VGG19 from a file's entries; ValueError where they are not its first convolutions."""
        tensors = {re.sub(r"^features\.", "", key): value for key, value in entries.items()}
        weights: dict[str, tuple[Tensor, Tensor]] = {}
        width = 3
        for layer in LAYERS.values():
            kernel, bias = (tensors.get(f"{layer.index}.{part}") for part in ("weight", "bias"))
            if kernel is None or bias is None:
                break
            if kernel.ndim != 4 or tuple(kernel.shape[1:]) != (width, 3, 3) or bias.shape != kernel.shape[:1]:
                raise ValueError(
                    f"{source}: convolution {layer.index} is {tuple(kernel.shape)} with a bias of {tuple(bias.shape)}; "
                    f"expected (D, {width}, 3, 3) and (D,), as in torchvision's VGG19"
                )
            weights[layer.name] = kernel.float(), bias.float()
            width = len(kernel)
        if not weights:
            shown = ", ".join(list(entries)[:3]) or "nothing"
            raise ValueError(
                f"{source} holds {shown}: expected VGG19's convolutions under torchvision's names "
                "(features.0.weight, features.0.bias, features.2.weight ...)"
            )
        net = cls(weights, dict.fromkeys(weights, 1.0), source)
        if all(f"{_SCALE}{name}" in entries for name in weights):
            return replace(net, rms={name: float(entries[f"{_SCALE}{name}"]) for name in weights})
        return replace(net, rms=_measured(net))

    def entries(self, last: str) -> dict[str, Tensor]:
        """The entries of a file of the layers up to ``last``, with their root mean squares."""
        kept = list(self.weights)[: list(LAYERS).index(last) + 1]
        entries = {f"{_SCALE}{name}": torch.tensor(self.rms[name]) for name in kept}
        for name in kept:
            kernel, bias = self.weights[name]
            entries[f"features.{LAYERS[name].index}.weight"] = kernel.contiguous()
            entries[f"features.{LAYERS[name].index}.bias"] = bias
        return entries

    def check(self, layers: Iterable[str]) -> None:
        """Raise ValueError, with the layers there are, for a name that VGG19 or the file does not have."""
        for name in layers:
            if name not in LAYERS:
                raise ValueError(f"VGG19 has no layer {name!r}: its layers are {', '.join(LAYERS)}")
            if name not in self.weights:
                raise ValueError(
                    f"{self.source} ends before {name}: it has {', '.join(self.weights)}; choose among these, or "
                    "fetch more with 'inpaintkit weights fetch'"
                )

    def to(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Vgg19:
        """The same on a device, kernels with their channels last, which is one and a half times as fast on a CPU."""
        weights = {
            name: (kernel.to(device, dtype, memory_format=torch.channels_last), bias.to(device, dtype))
            for name, (kernel, bias) in self.weights.items()
        }
        return replace(self, weights=weights)

    def features(self, picture: Tensor, layers: Iterable[str], scaled: bool = True) -> dict[str, Tensor]:
        """Activations of some layers; nothing deeper is computed.

        Parameters
        ----------
        picture : (1, 3, H, W), RGB in [0, 1]; both sides at least as long as the deepest layer's cell.
        scaled : divide each layer by its root mean square, so that files of any scale give the same.

        Returns
        -------
        name -> (D, H / cell, W / cell), rounded down.
        """
        wanted = set(layers)
        self.check(wanted)
        mean, deviation = (picture.new_tensor(values)[:, None, None] for values in (_MEAN, _DEVIATION))
        x = ((picture - mean) / deviation).contiguous(memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        cell = 1
        for name, (kernel, bias) in self.weights.items():
            if LAYERS[name].cell > cell:
                x, cell = functional.max_pool2d(x, 2), LAYERS[name].cell
            x = functional.relu(functional.conv2d(x, kernel, bias, padding=1), inplace=True)
            if name in wanted:
                found[name] = x[0] / self.rms[name] if scaled else x[0]
                if len(found) == len(wanted):
                    break
        return found


def _measured(net: Vgg19) -> dict[str, float]:
    """Root mean square of every layer on a photograph of scikit-image's."""
    photo = cv2.resize(skimage.data.astronaut(), (_REFERENCE, _REFERENCE), interpolation=cv2.INTER_AREA)
    picture = torch.from_numpy(np.ascontiguousarray(photo.transpose(2, 0, 1), np.float32) / 255)[None]
    with torch.no_grad():
        features = net.features(picture, net.weights, scaled=False)
    rms = {name: float(values.square().mean().sqrt()) for name, values in features.items()}
    invalid = [name for name, value in rms.items() if not 0 < value < float("inf")]
    if invalid:
        raise ValueError(f"{net.source}: {invalid[0]} has no finite activation on a photograph: the file is damaged")
    return rms


def read(path: Path) -> Vgg19:
    """VGG19 from a file of weights; nothing in it is executed.

    Raises
    ------
    FileNotFoundError : no such file.
    ValueError, TypeError : a file that holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of VGG19's weights")
    return _read(path.resolve(), path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(path: Path, changed: int) -> Vgg19:
    try:
        entries = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling fails in many ways
        raise ValueError(
            f"{path} is not a file of weights that torch can load safely ({type(error).__name__})"
        ) from error
    if not isinstance(entries, Mapping):
        raise TypeError(f"{path} holds a {type(entries).__name__}: expected a mapping of names to weights")
    return Vgg19.of({key: value for key, value in entries.items() if isinstance(value, Tensor)}, path.name)
