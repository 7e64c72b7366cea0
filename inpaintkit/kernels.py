"""How numba kernels are compiled here: serial, without the GIL, and cached on disk where a folder is writable."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numba
from numba.core import event

Function = TypeVar("Function", bound=Callable[..., Any])

_log = logging.getLogger("inpaintkit")
_told: set[str] = set()


def kernel(*, fastmath: bool = False, inline: bool = False) -> Callable[[Function], Function]:
    """Compile a function on its first call: ``nogil``, serial, cached.

    Parts of kernels that have ``fastmath`` need ``inline``. Otherwise a process that has just compiled them calls one
    copy and a process that loads compiled code another one, whose sums may be taken in another order: the first fill
    on a machine would differ from all later ones in its last bits.

    Where numba finds no writable cache folder the kernel is compiled anew in every process, which is said once.
    """

    options: dict[str, Any] = {"nogil": True, "fastmath": fastmath, "forceinline": inline}

    def decorate(function: Function) -> Function:
        try:
            compiled = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # numba found no writable place for its cache
            _tell_once(
                "no folder is writable for compiled code, so every start compiles again: "
                "set NUMBA_CACHE_DIR to a writable folder"
            )
            compiled = numba.njit(**options)(function)
        return cast(Function, compiled)

    return decorate


class Compiling(event.Listener):  # type: ignore[misc,unused-ignore]
    """Notices that numba compiles, and says so once per process, since the first fill then takes seconds longer."""

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self.happened = False
        self._tell = tell

    def on_start(self, event: object) -> None:
        """Called by numba before it compiles (not when it loads compiled code)."""
        self.happened = True
        _tell_once("compiling for this machine (once, some seconds)", self._tell)

    def on_end(self, event: object) -> None:
        """Called by numba afterwards. It has to be there; what counts is that compilation began."""


@contextmanager
def compiling(tell: Callable[[str], None] | None = None) -> Iterator[Compiling]:
    """Watch for compilation inside the block; ``tell`` receives the message instead of the log."""
    listener = Compiling(tell)
    with event.install_listener("numba:compile", listener):
        yield listener


def _tell_once(message: str, tell: Callable[[str], None] | None = None) -> None:
    if message not in _told:
        _told.add(message)
        (tell or _log.warning)(message)
