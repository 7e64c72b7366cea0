"""A network called through CUDA graphs or torch.compile, where that works and saves time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

Forward: TypeAlias = Callable[..., Tensor]
Acceleration: TypeAlias = Literal["none", "graphs", "compile"]

MIN_STEPS = {"graphs": 100, "compile": 1000}  # with fewer steps the preparation takes longer than it saves

_log = logging.getLogger("inpaintkit")


def accelerated(
    network: nn.Module, inputs: tuple[Tensor, ...], kind: Acceleration, steps: int, *, mixed: bool
) -> tuple[Forward, Acceleration]:
    """The function to call instead of ``network``, and which acceleration it has.

    Where acceleration fails, which the log reports, or does not pay, these are the network itself and "none".

    Parameters
    ----------
    inputs : an example of what the network is called with.
    steps : how often it will be called.
    mixed : it is called under autocast to bfloat16.
    """
    device = inputs[0].device.type
    if kind == "none" or steps < MIN_STEPS[kind] or (kind == "graphs" and device != "cuda"):
        return network, "none"
    recorded: Any
    try:
        with torch.autocast(device, torch.bfloat16, enabled=mixed, cache_enabled=False):
            if kind == "graphs":
                recorded = torch.cuda.make_graphed_callables(network, inputs)
            else:
                recorded = torch.compile(network, dynamic=False)
        with torch.autocast(device, torch.bfloat16, enabled=mixed):
            output = recorded(*inputs)
        output.sum().backward()
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as error:  # compilers and drivers fail in many ways, and the fit does not need them
        _log.warning("dip: without %s, which failed: %s", kind, str(error).partition("\n")[0])
        return network, "none"
    forward: Forward = recorded
    return forward, kind
