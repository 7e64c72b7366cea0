"""Exported networks: an ONNX file run by onnxruntime, or a TorchScript file run by torch, always on the processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from inpaintkit import threads
from inpaintkit.arrays import Array, F32x4
from inpaintkit.errors import MissingExtraError

SUFFIXES = (".onnx", ".pt", ".ts")

Network: TypeAlias = Callable[[Sequence[F32x4]], list[Array]]


def open_network(path: Path) -> Network:
    """A function from a network's inputs, in the file's own order, to its outputs.

    Raises
    ------
    FileNotFoundError : no such file.
    ValueError : a suffix other than .onnx, .pt and .ts, or a damaged file; from the function, another number of inputs
        than the network takes.
    MissingExtraError : the package that runs such files is not installed.
    """
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise ValueError(f"{path} is not an exported network: needed is an ONNX (.onnx) or TorchScript (.pt, .ts) file")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of an exported network")
    return _onnx(path) if kind == ".onnx" else _torchscript(path)


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
    names = [each.name for each in session.get_inputs()]

    def run(tensors: Sequence[F32x4]) -> list[Array]:
        if len(tensors) != len(names):
            raise ValueError(f"{path} takes {len(names)} inputs ({', '.join(names)}), {len(tensors)} were given")
        return list(session.run(None, dict(zip(names, tensors, strict=True))))

    return run


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
    wanted = [each.name for each in module.forward.schema.arguments[1:] if not each.has_default_value()]

    def run(tensors: Sequence[F32x4]) -> list[Array]:
        if len(tensors) < len(wanted):
            raise ValueError(f"{path} takes {len(wanted)} inputs ({', '.join(wanted)}), {len(tensors)} were given")
        with settled(), torch.no_grad():
            found = module(*(torch.from_numpy(np.ascontiguousarray(tensor)) for tensor in tensors))
        return [each.float().numpy() for each in (found if isinstance(found, (tuple, list)) else [found])]

    return run
