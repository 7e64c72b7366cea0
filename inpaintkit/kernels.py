"""How numba kernels are compiled here: serial, without the GIL, and cached on disk where a folder is writable."""

from __future__ import annotations

import logging
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any, TypeVar, cast

import llvmlite
import numba
import numpy as np
from numba.core import event
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher
from numba.core.serialize import dumps
from numba.core.types import unliteral

from inpaintkit import kernel_cache

Function = TypeVar("Function", bound=Callable[..., Any])

_VERSIONS = (
    f"{platform.python_implementation()} {sys.version} {numba.__version__} {llvmlite.__version__} {np.__version__}"
)

_log = logging.getLogger("inpaintkit")
_reported: set[str] = set()
_report_lock = Lock()


def kernel(*, fastmath: bool = False, inline: bool = False) -> Callable[[Function], Function]:
    """Compile a function on its first call: ``nogil``, serial, cached.

    A kernel may use kernels and constants of other modules, imported at module level: it is compiled anew when any
    module changes that its own imports from inpaintkit or from its own package.

    Parts of kernels that have ``fastmath`` need ``inline``. Otherwise a process that has just compiled them calls one
    copy and a process that loads compiled code another one, whose sums may be taken in another order: the first fill
    on a machine would differ from all later ones in its last bits.

    Where the cache's folder is not writable the kernel is compiled anew in every process, which is said once.
    """

    options: dict[str, Any] = {"nogil": True, "fastmath": fastmath, "forceinline": inline}

    def decorate(function: Function) -> Function:
        if numba.config.DISABLE_JIT:  # type: ignore[attr-defined,unused-ignore]
            return function
        return cast(Function, _Kernel(function, targetoptions={"nopython": True, "boundscheck": None, **options}))

    return decorate


class _Kernel(CPUDispatcher):  # type: ignore[misc,unused-ignore]
    """numba's own dispatcher with a cache of ours, and a lock so that no two processes compile the same kernel."""

    def __init__(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        super().__init__(function, *arguments, **options)
        self._cache = _KernelCache(function, self.targetoptions)

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """What a kernel needs to call this one; a constant among the arguments gets no compiled code of its own."""
        args, kws = tuple(map(unliteral, args)), {name: unliteral(kind) for name, kind in kws.items()}
        return super().get_call_template(args, kws)

    def compile(self, signature: Any) -> Any:
        """Load or compile the kernel for a signature; numba calls it when that is needed."""
        with global_compiler_lock:  # of two locks every thread takes this one first
            if self._cache.holds(signature, self.targetctx):
                return super().compile(signature)
            with self._cache.files.compiling():
                return super().compile(signature)


class _KernelCache(_Cache):  # type: ignore[misc,unused-ignore]
    """What numba asks of a cache, for one kernel."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        code = function.__code__
        self.files = kernel_cache.ModuleCache(function.__module__, code.co_filename, _VERSIONS)
        self._name = function.__name__.strip("<>")  # a lambda's name would be no file's
        self._place = (function.__qualname__, code.co_firstlineno, code.co_code, sorted(options.items()))
        self._function = function

    def holds(self, signature: Any, context: Any) -> bool:
        """Whether the compiled kernel is there."""
        return self.files.holds(self._name, self._key(signature, context.codegen()))

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The compiled kernel, or None."""
        context.refresh()  # the compiled code may call what the context knows only then
        data = self.files.load(self._name, self._key(signature, context.codegen()))
        return None if data is None else CompileResult._rebuild(context, *data)

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep the compiled kernel."""
        if compiled.library.has_dynamic_globals:
            _report_once(f"{self._name} uses a large global array or a pointer, so every start compiles it again")
            return
        key = self._key(signature, compiled.codegen)
        try:
            self.files.save(self._name, key, dumps((key, compiled._reduce())))
        except OSError as error:
            _report_once(
                f"compiled code cannot be kept ({error}), so every start compiles again: "
                "set NUMBA_CACHE_DIR to a writable folder"
            )

    def _key(self, signature: Any, codegen: Any) -> Any:
        """What the compiled code hangs on beside the sources: signature, processor, options, captured variables."""
        captured = dumps(tuple(cell.cell_contents for cell in self._function.__closure__ or ()))
        return signature, codegen.magic_tuple(), self._place, captured

    @property
    def cache_path(self) -> str:
        """The folder, for numba's statistics."""
        return str(self.files.folder)

    def enable(self) -> None:
        """It is always on."""

    def disable(self) -> None:
        """It is always on."""

    def flush(self) -> None:
        """Nothing in it is ever out of date."""


class Compiling:
    """Whether something was compiled for the work inside a block, in whichever thread; ``report`` takes the message."""

    def __init__(self, report: Callable[[str], None] | None, outer: Compiling | None) -> None:
        self.happened = False
        self.report = report
        self.outer = outer


_watch: ContextVar[Compiling | None] = ContextVar("inpaintkit.kernels", default=None)


class _Listener(event.Listener):  # type: ignore[misc,unused-ignore]
    """Notices that numba compiles, and says so once per process, since the first fill then takes seconds longer."""

    def on_start(self, event: object) -> None:
        """Called by numba before it compiles (not when it loads compiled code), in the thread that needs the code."""
        watch, report = _watch.get(), None
        if watch is None:
            return
        while watch is not None:
            watch.happened = True
            report = report or watch.report
            watch = watch.outer
        _report_once("compiling for this machine (once, some seconds)", report)

    def on_end(self, event: object) -> None:
        """Called by numba afterwards. It has to be there; what counts is that compilation began."""


event.register("numba:compile", _Listener())


@contextmanager
def compiling(report: Callable[[str], None] | None = None) -> Iterator[Compiling]:
    """Watch for compilation inside the block; ``report`` receives the message instead of the log.

    What other threads compile for themselves does not count; what the pool's threads compile for this block does.
    """
    token = _watch.set(Compiling(report, _watch.get()))
    try:
        yield cast(Compiling, _watch.get())
    finally:
        _watch.reset(token)


def _report_once(message: str, report: Callable[[str], None] | None = None) -> None:
    with _report_lock:
        new = message not in _reported
        _reported.add(message)
    if new:
        (report or _log.warning)(message)
