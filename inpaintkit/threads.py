"""One pool of threads for all work: kernels release the GIL, so threads scale without copying pictures."""

from __future__ import annotations

import numbers
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, Generic, TypeVar

import cv2
from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

_UNLIMITED = 1 << 16  # threads, far more than calls ask for

_local = threading.local()  # .count: threads allowed to the work started from this thread


class _Libraries:
    """The threads that OpenCV and BLAS start by themselves, which belong to the process and not to a caller.

    So the least that any open block allows holds for all, and what was set before comes back with the last block's end.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: dict[object, tuple[int, int]] = {}  # what each open block allows to OpenCV, and to BLAS
        self._changed: dict[Any, tuple[int, int]] = {}  # library -> its threads before, and as set here
        self._blas: tuple[int, list[Any]] = (-1, [])  # modules loaded when the libraries were looked for, and these

    @contextmanager
    def limited(self, *, opencv: int, blas: int) -> Iterator[None]:
        """Hold them to these numbers inside the block."""
        block = object()
        try:
            with self._lock:
                self._blocks[block] = opencv, blas
                self._hold()
            yield
        finally:
            with self._lock:
                self._blocks.pop(block, None)
                self._hold() if self._blocks else self._restore()

    def _hold(self) -> None:
        opencv, blas = (min(allowed) for allowed in zip(*self._blocks.values(), strict=True))
        for library, most in [(_OpenCV, opencv), *((library, blas) for library in self._loaded_blas())]:
            now = library.get_num_threads()
            before, set_here = self._changed.get(library, (now, now))
            if min(before, most) != now == set_here:  # what others set meanwhile is theirs
                _set(library, min(before, most))
                self._changed[library] = before, min(before, most)

    def _restore(self) -> None:
        for library, (before, set_here) in self._changed.items():
            if library.get_num_threads() == set_here:
                _set(library, before)
        self._changed.clear()

    def _loaded_blas(self) -> list[Any]:
        """The libraries of BLAS that are loaded; only an import can have brought another one."""
        if self._blas[0] != len(sys.modules):
            found = ThreadpoolController().select(user_api="blas").lib_controllers
            known = {library.filepath: library for library in self._blas[1]}
            self._blas = len(sys.modules), [known.get(library.filepath, library) for library in found]
        return self._blas[1]


class _OpenCV:
    get_num_threads, set_num_threads = staticmethod(cv2.getNumThreads), staticmethod(cv2.setNumThreads)


def _set(library: Any, count: int) -> None:
    """Set a library's threads, from any thread: threadpoolctl listens only to the first that asks OpenBLAS for it."""
    let_go = getattr(library, "clear_controlling_thread", lambda force: None)
    let_go(force=True)
    library.set_num_threads(count)
    let_go(force=True)


_libraries = _Libraries()
_pools: list[ThreadPoolExecutor] = []  # one, once it is needed
_pool_lock = threading.Lock()


def default_count() -> int:
    """Threads used when nobody says: ``INPAINTKIT_THREADS``, else the cores this process may run on."""
    said = os.environ.get("INPAINTKIT_THREADS", "")
    if not said:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not said.isdigit() or int(said) < 1:
        raise ValueError(f"INPAINTKIT_THREADS is {said!r}: set it to a whole number of 1 or more")
    return int(said)


@contextmanager
def limit(count: int | None, *, own_threads: bool = False) -> Iterator[int]:
    """Let ``run`` use at most ``count`` threads inside the block; gives the number.

    None stands for the default. Inside another limit, or the pool's own threads, the smaller number holds. OpenCV keeps
    to it as well; BLAS works on one thread, so that its sums do not depend on the number, unless the work is said to
    have its ``own_threads``.
    """
    if count is not None and (isinstance(count, bool) or not isinstance(count, numbers.Integral) or count < 1):
        raise ValueError(f"threads is {count!r}: give a whole number of 1 or more, or None for all cores")
    before = getattr(_local, "count", None)
    asked = default_count() if count is None else int(count)
    _local.count = asked if before is None else min(asked, before)
    try:
        with _libraries.limited(opencv=_local.count, blas=_local.count if own_threads else 1):
            yield _local.count
    finally:
        _local.count = before


def allowed() -> int:
    """Threads that work started from here may use."""
    return getattr(_local, "count", None) or default_count()


def run(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Results of ``function`` over ``items``, in their order; inside the pool's own threads the work is serial.

    The first error stops what has not begun, and is raised when what has begun is done; so is an interruption.
    """
    work = list(items)
    count = min(allowed(), len(work))
    if count <= 1:
        return [function(item) for item in work]
    call = _Call(function, deque(enumerate(work)))
    try:
        for _ in range(count):
            _pool().submit(copy_context().run, call.work)
        call.wait()
    finally:  # an interruption gets here, too
        call.todo.clear()
        call.wait()
    try:
        for index in sorted(call.errors):
            raise call.errors[index]
    finally:
        call.errors.clear()  # an error holds this frame, which would hold the error, and all of the work's arrays
    return [call.results[index] for index in range(len(work))]


class _Call(Generic[Item, Result]):
    """The work of one call, which several threads take from: ``todo`` holds what has not begun."""

    def __init__(self, function: Callable[[Item], Result], todo: deque[tuple[int, Item]]) -> None:
        self.todo = todo
        self.results: dict[int, Result] = {}
        self.errors: dict[int, BaseException] = {}
        self._function = function
        self._working = 0  # threads
        self._changed = threading.Condition()

    def work(self) -> None:
        """What one thread does: one item after another until none is left."""
        with self._changed:
            self._working += 1
        try:
            while self.todo:
                self._next()
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify()

    def wait(self) -> None:
        """Return when nothing is left to do and no thread works any more; one that has not begun finds nothing."""
        with self._changed:
            self._changed.wait_for(lambda: not self.todo and not self._working)

    def _next(self) -> None:
        try:
            index, item = self.todo.popleft()
        except IndexError:  # another thread took the last one
            return
        try:
            self.results[index] = self._function(item)
        except BaseException as error:
            self.errors[index] = error
            self.todo.clear()


def _pool() -> ThreadPoolExecutor:
    """The threads of this process. One is started only where all others are busy.

    There may be as many as calls ask for together, so that no call ever waits for another one's work.
    """
    with _pool_lock:
        if not _pools:
            _pools.append(ThreadPoolExecutor(_UNLIMITED, thread_name_prefix="inpaintkit", initializer=_serial))
        return _pools[0]


def _serial() -> None:
    _local.count = 1  # work inside work would take more threads than its caller is allowed


def _forget() -> None:
    """In a forked process: threads do not live on there, nor what they held."""
    global _libraries, _pool_lock
    _pools.clear()
    _libraries, _pool_lock = _Libraries(), threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
