"""What the methods that use torch share: where they run, and torch's settings while they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import torch

from inpaintkit import threads

_lock = RLock()  # the settings belong to the process, so fills take turns


def device_of(name: str) -> torch.device:
    """The device that "auto", "cpu", "cuda" or "mps" stands for; ValueError where the computer has no such device."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, found in available.items() if found)
    if not available[name]:
        raise ValueError(
            f'device is "{name}", and torch {torch.__version__} finds none: take device="cpu" (--device cpu), or '
            "install a build of torch for it"
        )
    return torch.device(name)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster there than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    features: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # since torch 2.9
    return bool(features.get("avx512_bf16") or features.get("amx_bf16"))


@contextmanager
def settled() -> Iterator[dict[str, object]]:
    """Set torch's threads and rounding for one fill, and restore them; gives the settings, for ``Info``.

    Products of matrices and convolutions are float32 without TF32, so that a GPU rounds as a CPU does, and cuDNN takes
    algorithms that repeat. One fill at a time: others wait.
    """
    with _lock:
        before = torch.get_num_threads()
        cudnn = (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic)
        tf32 = (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)
        count = threads.allowed()
        try:
            torch.set_num_threads(count)
            torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
            yield {"torch": torch.__version__, "threads": count, "tf32": False}
        finally:
            torch.set_num_threads(before)
            torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = cudnn
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = tf32
