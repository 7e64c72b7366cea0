"""Exported networks: an ONNX file run by onnxruntime, or a TorchScript file run by torch, always on the processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inpaintkit import threads
from inpaintkit.arrays import Array, F32x4
from inpaintkit.errors import MissingExtraError
from inpaintkit.problem import Problem

SUFFIXES = (".onnx", ".pt", ".ts")


@dataclass(frozen=True, eq=False)
class Network:
    """A network to be called with its inputs, in the file's own order; it gives its outputs.

    Attributes
    ----------
    path : the file.
    inputs : names of the inputs without a default.
    """

    path: Path
    inputs: tuple[str, ...]
    _run: Callable[[Sequence[F32x4]], list[Array]]

    def __call__(self, tensors: Sequence[F32x4]) -> list[Array]:
        """Raises ValueError where the number of inputs is another."""
        if len(tensors) != len(self.inputs):
            raise ValueError(
                f"{self.path} takes {len(self.inputs)} inputs ({', '.join(self.inputs)}), {len(tensors)} were given"
            )
        return self._run(tensors)


def open_network(path: Path) -> Network:
    """The network in a file.

    Raises
    ------
    FileNotFoundError : no such file.
    ValueError : a suffix other than .onnx, .pt and .ts, or a damaged file.
    MissingExtraError : the package that runs such files is not installed.
    """
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise ValueError(f"{path} is not an exported network: expected an ONNX (.onnx) or TorchScript (.pt, .ts) file")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of an exported network")
    return _onnx(path) if kind == ".onnx" else _torchscript(path)


def network_units(problem: Problem) -> tuple[np.float32, np.float32]:
    """(gain, black): colours * gain + black go from the type's black, 0, to its white, 1, as networks learn them.

    Floats beyond [0, 1] and signed integers have no white: their own range takes its place.
    """
    white = np.iinfo(problem.dtype).max if problem.dtype.kind == "u" else 1
    within = problem.offset >= 0 and problem.offset + problem.scale <= white
    if problem.dtype.kind == "i" or not within:
        return np.float32(1), np.float32(0)
    return np.float32(problem.scale / white), np.float32(problem.offset / white)


def _onnx(path: Path) -> Network:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(
            f'{path} needs onnxruntime, which is not installed: pip install "inpaintkit[onnx]", or export the network '
            "as TorchScript"
        ) from error
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads.allowed()
    try:
        session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no base but this
        raise ValueError(f"{path} is not an ONNX file that onnxruntime can read: {str(error).strip()}") from error
    names = tuple(each.name for each in session.get_inputs())

    def run(tensors: Sequence[F32x4]) -> list[Array]:
        return list(session.run(None, dict(zip(names, tensors, strict=True))))

    return Network(path, names, run)


def _torchscript(path: Path) -> Network:
    try:
        import torch

        from inpaintkit.prior._torch import settled
    except ImportError as error:
        raise MissingExtraError(
            f'{path} needs torch, which is not installed: pip install "inpaintkit[prior]", or export the network as '
            "ONNX"
        ) from error
    try:
        module = torch.jit.load(str(path), map_location="cpu").eval()
    except RuntimeError as error:
        raise ValueError(f"{path} is not a TorchScript file: write one with torch.jit.save") from error
    _self, *arguments = module.forward.schema.arguments

    def run(tensors: Sequence[F32x4]) -> list[Array]:
        with settled(), torch.no_grad():
            found = module(*(torch.from_numpy(np.ascontiguousarray(tensor)) for tensor in tensors))
        return [each.float().numpy() for each in (found if isinstance(found, (tuple, list)) else [found])]

    return Network(path, tuple(each.name for each in arguments if not each.has_default_value()), run)
