"""What would have gone to the terminal: warnings and errors, as lines for whoever asked for the work."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from inpaintkit.errors import InpaintWarning

_local = threading.local()  # .into: where this thread's warnings go
_of_pool: list[list[str]] = []  # where those of threads go that work for a job
_before: list[Callable[..., None]] = []  # whom the process's warnings went to, and what nobody collects still does
_lock = threading.Lock()


def listen() -> None:
    """Take the process's warnings from now on; the filters of a moment, as ``batch`` sets them, still hold."""
    warnings.simplefilter("always", InpaintWarning)
    if warnings.showwarning is not _take:
        _before.append(warnings.showwarning)
        warnings.showwarning = _take


@contextmanager
def collected(into: list[str], *, of_pool: bool = False) -> Iterator[None]:
    """Append what this thread warns of inside the block, each text once; if asked, what the pool's threads do, too."""
    before = getattr(_local, "into", None)
    _local.into = into
    if of_pool:
        _of_pool.append(into)
    try:
        yield
    finally:
        _local.into = before
        if of_pool:
            _of_pool.remove(into)


def one_line(error: BaseException) -> str:
    """What went wrong, in one line."""
    return " ".join((str(error) or type(error).__name__).split())


def _take(message: Warning | str, *more: Any, **named: Any) -> None:
    text = " ".join(str(message).split())
    with _lock:
        into = getattr(_local, "into", None)
        taken = [into] if into is not None else list(_of_pool)
        for found in taken:
            if text not in found:
                found.append(text)
    if not taken and _before:
        _before[-1](message, *more, **named)
