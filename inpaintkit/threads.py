"""One pool of threads for all work: kernels release the GIL, so threads scale without copying pictures."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

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

    None stands for the default. Inside another limit, or a pool's own thread, the smaller number holds.
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
    """Results of ``function`` over ``items``, in their order; inside a pool's own thread the work is serial.

    The first error stops what has not begun and is raised.
    """
    work = list(items)
    count = min(allowed(), len(work))
    if count <= 1:
        return [function(item) for item in work]
    with ThreadPoolExecutor(count, thread_name_prefix="inpaintkit", initializer=_serial) as pool:
        futures = [pool.submit(function, item) for item in work]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        for future in futures:
            if future in done:
                future.result()  # raises the error, if it has one
        return [future.result() for future in futures]


def _serial() -> None:
    _local.count = 1  # work inside work would wait for threads that wait for it
