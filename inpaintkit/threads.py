"""One pool of threads for all work: kernels release the GIL, so threads scale without copying pictures."""

from __future__ import annotations

import numbers
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_UNLIMITED = 1 << 16  # threads, far more than calls ask for

_local = threading.local()  # .count: threads allowed to the work started from this thread


def default_count() -> int:
    """Threads used when nobody says: ``INPAINTKIT_THREADS``, else the cores this process may run on."""
    said = os.environ.get("INPAINTKIT_THREADS", "")
    if not said:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not said.isdigit() or int(said) < 1:
        raise ValueError(f"INPAINTKIT_THREADS is {said!r}: set it to a whole number of 1 or more")
    return int(said)


@contextmanager
def limit(count: int | None) -> Iterator[int]:
    """Let ``run`` use at most ``count`` threads inside the block; gives the number.

    None stands for the default. Inside another limit, or the pool's own threads, the smaller number holds.
    """
    if count is not None and (isinstance(count, bool) or not isinstance(count, numbers.Integral) or count < 1):
        raise ValueError(f"threads is {count!r}: give a whole number of 1 or more, or None for all cores")
    before = getattr(_local, "count", None)
    asked = default_count() if count is None else int(count)
    _local.count = asked if before is None else min(asked, before)
    try:
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
            _pool().submit(call.work)
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


@cache
def _pool() -> ThreadPoolExecutor:
    """The threads of this process. One is started only where all others are busy.

    There may be as many as calls ask for together, so that no call ever waits for another one's work.
    """
    return ThreadPoolExecutor(_UNLIMITED, thread_name_prefix="inpaintkit", initializer=_serial)


def _serial() -> None:
    _local.count = 1  # work inside work would take more threads than its caller is allowed


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not live on in a forked process
