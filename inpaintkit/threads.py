"""One pool of threads for all work: kernels release the GIL, so threads scale without copying pictures."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

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
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise ValueError(f"threads is {count!r}: give a whole number of 1 or more, or None for all cores")
    before = getattr(_local, "count", None)
    asked = default_count() if count is None else count
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
    todo = deque(enumerate(work))
    results: dict[int, Result] = {}
    errors: dict[int, BaseException] = {}
    begun: list[Future[None]] = []
    try:
        for _ in range(count):
            begun.append(_pool().submit(_work, function, todo, results, errors))
        wait(begun)
    finally:
        todo.clear()
        wait(begun)
    try:
        for index in sorted(errors):
            raise errors[index]
    finally:
        errors.clear()  # an error holds this frame, which would hold the error, and all of the work's arrays
    return [results[index] for index in range(len(work))]


def _work(
    function: Callable[[Item], Result],
    todo: deque[tuple[int, Item]],
    results: dict[int, Result],
    errors: dict[int, BaseException],
) -> None:
    """What one thread does for a call: one item after another until none is left."""
    while todo:
        try:
            index, item = todo.popleft()
        except IndexError:  # another thread took the last one
            return
        try:
            results[index] = function(item)
        except BaseException as error:
            errors[index] = error
            todo.clear()


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
