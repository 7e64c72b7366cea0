"""How numba kernels are compiled here: serial, without the GIL, and cached on disk where a folder is writable.

numba compiles one kernel at a time. ``prepare`` compiles those that a fill will call in several processes at once; what
they leave in the cache is loaded by the one that fills.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import logging
import platform
import re
import subprocess
import sys
import threading
import time
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from threading import Lock
from types import ModuleType, UnionType
from typing import Any, TypeVar, cast

import llvmlite
import numba
import numpy as np
from numba.core import event, types
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher
from numba.core.runtime.nrt import rtsys
from numba.core.serialize import dumps

from inpaintkit import kernel_cache, threads

_log = logging.getLogger("inpaintkit")

# The first and the last release of numba for whose insides compiler.py is written, and with which it was tried.
_TRIED = (0, 62), (0, 68)
_parts: ModuleType | None = None  # compiler.py; without it kernels are compiled in numba's own way, more slowly
try:
    if not _TRIED[0] <= tuple(map(int, re.findall(r"\d+", numba.__version__)[:2])) <= _TRIED[1]:
        raise ImportError("not tried with this one")
    from inpaintkit.kernels import compiler as _parts
except (ImportError, AttributeError) as error:
    _log.info("numba %s compiles in its own way, which takes longer than ours: %s", numba.__version__, error)

Function = TypeVar("Function", bound=Callable[..., Any])

_VERSIONS = (
    f"{platform.python_implementation()} {sys.version} {numba.__version__} {llvmlite.__version__} {np.__version__}"
    f"{'' if _parts else ' plain'}"
)

_SCALARS = {bool: types.boolean, int: types.int64, float: types.float64, np.float32: types.float32}
_PATIENCE = 300  # seconds to wait for a process that compiles
_PAUSE = 0.005  # seconds between looks at what it has done
_HELP = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from inpaintkit import kernels; kernels.help_out()"

_reported: set[str] = set()
_report_lock = Lock()
_prepare_lock = Lock()
_helpers: list[subprocess.Popen[bytes]] = []  # processes that compile beside this one
_local = threading.local()  # .depth: compilations around one another, .began: the first one's time


def kernel(*, fastmath: bool = False, inline: bool = False) -> Callable[[Function], Function]:
    """Compile a function on its first call: ``nogil``, serial, cached.

    A kernel may use kernels and constants of other modules, imported at module level: it is compiled anew when any
    module changes that its own imports from inpaintkit or from its own package.

    Where the cache's folder is not writable the kernel is compiled anew in every process, which is said once.
    """

    options: dict[str, Any] = {"nogil": True, "fastmath": fastmath, "forceinline": inline}

    def decorate(function: Function) -> Function:
        if numba.config.DISABLE_JIT:  # type: ignore[attr-defined,unused-ignore]
            return function
        return cast(Function, _Kernel(function, {"nopython": True, "boundscheck": None, **options}))

    return decorate


class _Kernel(CPUDispatcher):  # type: ignore[misc,unused-ignore]
    """numba's own dispatcher with a cache of ours, and a lock so that no two processes compile the same kernel.

    Other kernels that call this one call its part, or where there are none the kernel itself.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self._part = None
        if _parts:
            super().__init__(function, {}, {**options, "no_cfunc_wrapper": True}, _parts.KernelCompiler)
            self._part = _parts.Part(function, _parts.PartCompiler, options)
        else:
            # A fastmath kernel that is not inlined has several copies, whose sums may be taken in different orders: who
            # compiles calls one of them, who loads what was compiled another one.
            inline = options["forceinline"] or options["fastmath"]
            super().__init__(function, {}, {**options, "no_cfunc_wrapper": True, "forceinline": inline})
        self._cache = _KernelCache(function, self.targetoptions)

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """What a kernel needs to call this one; a constant among the arguments gets no compiled code of its own."""
        args, kws = tuple(map(types.unliteral, args)), {name: types.unliteral(kind) for name, kind in kws.items()}
        called: Any = self._part or super()
        return called.get_call_template(args, kws)

    def get_overload(self, signature: Any) -> Any:
        """What numba knows the called code by."""
        called: Any = self._part or super()
        return called.get_overload(signature)

    def compile(self, signature: Any) -> Any:
        """Load or compile the kernel for a signature; numba calls it when that is needed."""
        with global_compiler_lock:  # of two locks every thread takes this one first
            if self.is_compiled(signature):
                return super().compile(signature)
            with _waiting(), self._cache.files.compiling(self.py_func.__name__), _uncollected():
                return super().compile(signature)

    def is_compiled(self, signature: Any) -> bool:
        """Whether the kernel is loaded, or can be."""
        return signature in self.overloads or self._cache.holds(signature, self.targetctx)

    def compile_if_free(self, signature: Any) -> None:
        """Compile the kernel where no other process has done so or is about it."""
        with global_compiler_lock:
            if not self.is_compiled(signature):
                with self._cache.files.compiling(self.py_func.__name__, wait=False) as mine:
                    if mine:
                        self.compile(signature)

    def can_be_kept(self) -> bool:
        """Whether what is compiled can be kept for other processes."""
        return self._cache.files.can_be_kept()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's collection of garbage, which takes a tenth of a compilation and finds next to nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


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
        """The compiled kernel, or None.

        numba refreshes its context before: it imports all that kernels may be compiled from, scipy's linear algebra
        included, which takes a third of a second. Compiled code calls no more than what is named here, and whoever
        compiles refreshes the context anyway.
        """
        data = self.files.load(self._name, self._key(signature, context.codegen()))
        if data is None:
            return None
        from numba.cpython import hashing  # noqa: F401  # it names its secret to LLVM when it is imported

        rtsys.initialize(context)
        return CompileResult._rebuild(context, *data)

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


def prepare(names: Iterable[str], later: Iterable[str] = ()) -> None:
    """Compile kernels that are about to be called, where they are not yet, side by side in several processes.

    Processes are started only where the calling thread may use several cores (``threads.limit``), two kernels or more
    are missing, and other processes can load what one compiles. Otherwise each kernel is compiled when it is called.

    Parameters
    ----------
    names : "module:kernel", the slowest to compile first; they are compiled for the types of their annotations.
    later : what is called after those: the processes go on with it, and nobody waits.
    """
    if threads.allowed() < 2:
        return
    with _prepare_lock:
        missing = _missing(names)
        beside = min(threads.allowed(), len(missing)) - 1
        if beside < 1 or not all(kernel.can_be_kept() for kernel, _ in missing):
            return
        with _waiting(), _stopped_by_errors():
            own, others = ([_name_of(kernel) for kernel, _ in each] for each in (missing, _missing(later)))
            for n in range(1 + len(_helping()), 1 + beside):
                with suppress(OSError):
                    _helpers.append(_started([*own[n:], *own[:n], *others]))
            for kernel, signature in missing:
                kernel.compile_if_free(signature)
            until = time.monotonic() + _PATIENCE
            while _helping() and not all(each.is_compiled(of) for each, of in missing) and time.monotonic() < until:
                time.sleep(_PAUSE)


def _missing(names: Iterable[str]) -> list[tuple[_Kernel, tuple[types.Type, ...]]]:
    wanted = [_kernel_named(name) for name in dict.fromkeys(names)]
    return [(kernel, signature) for kernel, signature in wanted if not kernel.is_compiled(signature)]


def help_out() -> None:
    """What a process beside another one does: compile the kernels named in ``sys.argv``, from the second on."""
    for name in sys.argv[2:]:
        kernel, signature = _kernel_named(name)
        kernel.compile_if_free(signature)


def _helping() -> list[subprocess.Popen[bytes]]:
    """The processes beside this one that still compile."""
    _helpers[:] = [each for each in _helpers if each.poll() is None]
    return _helpers


@atexit.register
def _stop() -> None:
    """End what still compiles, for later or for nobody."""
    for process in _helping():
        process.kill()
        process.wait()


@contextmanager
def _stopped_by_errors() -> Iterator[None]:
    """An error in the block, or Ctrl-C, ends the processes beside this one."""
    try:
        yield
    except BaseException:
        _stop()
        raise


def _started(names: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start another Python, which does not run the caller's main module. Raises OSError if there is none."""
    if getattr(sys, "frozen", False) or "python" not in Path(sys.executable or "").name.lower():
        raise OSError(f"{sys.executable} is no Python")
    command, nothing = [sys.executable, "-c", _HELP, json.dumps(sys.path), *names], subprocess.DEVNULL
    no_window = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    return subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, creationflags=no_window)


def _name_of(kernel: _Kernel) -> str:
    return f"{kernel.py_func.__module__}:{kernel.py_func.__name__}"


def _kernel_named(name: str) -> tuple[_Kernel, tuple[types.Type, ...]]:
    """A kernel, and the types that its parameters' annotations name."""
    module, _, function = name.partition(":")
    kernel: _Kernel = getattr(importlib.import_module(module), function)
    return kernel, _parameters(kernel.py_func)


@cache
def _parameters(function: Callable[..., Any]) -> tuple[types.Type, ...]:
    """The types that a function's annotations name: read once, since every fill asks."""
    hints = typing.get_type_hints(function)
    hints.pop("return", None)
    return tuple(map(_type_of, hints.values()))


def _type_of(hint: Any) -> types.Type:
    """The type of values for which a kernel is compiled: a number, an array of ``arrays``, or a tuple of those.

    Of several, which are written ``A | B``, it is the first.
    """
    if hint in _SCALARS:
        return cast(types.Type, _SCALARS[hint])
    given = typing.get_args(hint)
    if isinstance(hint, UnionType):
        return _type_of(given[0])
    if hasattr(hint, "_fields"):  # a named tuple
        return cast(types.Type, types.BaseTuple.from_types(map(_type_of, typing.get_type_hints(hint).values()), hint))
    if typing.get_origin(hint) is tuple:
        return cast(types.Type, types.BaseTuple.from_types([_type_of(part) for part in given]))
    sides, (element,) = typing.get_args(given[0]), typing.get_args(given[1])
    return cast(types.Type, types.Array(numba.from_dtype(np.dtype(element)), len(sides), "C"))


class Compiling:
    """Whether something was compiled for the work in a block, in whichever thread, and for how many seconds.

    ``report`` takes the message; ``what`` is named in it.
    """

    def __init__(self, report: Callable[[str], None] | None, what: str, outer: Compiling | None) -> None:
        self.happened = False
        self.seconds = 0.0
        self.report = report
        self.what = what
        self.outer = outer

    def around(self) -> Iterator[Compiling]:
        """This one and those it lies in."""
        watch: Compiling | None = self
        while watch is not None:
            yield watch
            watch = watch.outer


_watch: ContextVar[Compiling | None] = ContextVar("inpaintkit.kernels", default=None)


@contextmanager
def _waiting() -> Iterator[None]:
    """The block compiles, or waits for a process that does: noted, and said once, since the call takes longer."""
    _begin_waiting()
    try:
        yield
    finally:
        _end_waiting()


def _begin_waiting() -> None:
    _local.depth = getattr(_local, "depth", 0) + 1
    watch = _watch.get()
    if _local.depth > 1 or watch is None:
        return
    _local.began = time.perf_counter()
    report, what = None, ""
    for block in watch.around():
        block.happened = True
        report, what = report or block.report, what or block.what
    _report_once(f"compiling {what and what + ' '}for this machine (once, some seconds)", report)


def _end_waiting() -> None:
    _local.depth -= 1
    watch = _watch.get()
    if _local.depth == 0 and watch is not None:
        for block in watch.around():
            block.seconds += time.perf_counter() - _local.began


class _Listener(event.Listener):  # type: ignore[misc,unused-ignore]
    """Notices that numba compiles, kernels of other distributions included."""

    def on_start(self, event: object) -> None:
        """Called by numba before it compiles (not when it loads compiled code), in the thread that needs the code."""
        _begin_waiting()

    def on_end(self, event: object) -> None:
        """Called by numba afterwards."""
        _end_waiting()


event.register("numba:compile", _Listener())


@contextmanager
def compiling(report: Callable[[str], None] | None = None, what: str = "") -> Iterator[Compiling]:
    """Watch for compilation inside the block; ``report`` gets the message, which names ``what``, instead of the log.

    What other threads compile for themselves does not count; what the pool's threads compile for this block does.
    """
    token = _watch.set(Compiling(report, what, _watch.get()))
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
