"""Work spread over processes: each item with its result as it comes in, and a crash costs only its own item."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

import cv2

Item = TypeVar("Item")
Result = TypeVar("Result")

_QUEUED = 4  # items handed to each worker ahead of time: enough to keep it busy, few enough to do again after a crash


def spread(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Result | None]]:
    """Each item with its result, as they come in, from spawned processes; None where its process died.

    ``function`` and ``items`` must pickle. A worker that dies takes only its own item with it.
    """
    lost: list[Item] = []
    waiting = iter(items)
    while (yield from _in_pool(function, waiting, workers, queued=_QUEUED, lost=lost)):
        pass  # a new pool goes on with what is left
    suspects, fatal = iter(lost), list[Item]()
    while (yield from _in_pool(function, suspects, 1, queued=1, lost=fatal)):  # one at a time: which one is it?
        yield fatal[-1], None


def _in_pool(
    function: Callable[[Item], Result], waiting: Iterator[Item], workers: int, *, queued: int, lost: list[Item]
) -> Generator[tuple[Item, Result | None], None, bool]:
    """Results from one pool until the items end; returns True, and adds to ``lost``, when a worker died."""
    spawn = multiprocessing.get_context("spawn")  # a fork would copy threads that hold locks
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_start_worker)
    running: dict[Future[Result], Item] = {}
    try:
        while True:
            for item in islice(waiting, workers * queued - len(running)):
                running[pool.submit(function, item)] = item
            if not running:
                return False
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                result = future.result()
                yield running.pop(future), result
    except BrokenProcessPool:
        lost += running.values()
        return True
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the parent decides
