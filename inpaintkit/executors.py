"""Work spread over processes: each item with its result as it comes in, and a crash costs only its own item."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Generic, TypeVar

import cv2

Item = TypeVar("Item")
Result = TypeVar("Result")

_NOTED = 9  # further exceptions that a note is made of
_QUEUED = 4  # items handed to each worker ahead of time: enough to keep it busy, few enough to do again after a crash


def spread(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, *, fork: bool = False
) -> Iterator[tuple[Item, Result | None]]:
    """Each item once, with its result, as they come in from other processes; None where its process died.

    ``function`` and ``items`` must pickle. A worker that dies takes only its own item with it: what was handed out
    beside it is done again, one at a time. An exception of ``function`` is raised when all other items have had their
    results; its notes name its item and further exceptions.

    ``fork`` is for a caller that has loaded what the workers need, and no library that starts threads or holds a GPU:
    where no other thread runs, on Linux, workers begin as copies of this process.
    """
    work = _Work(function, items, fork)
    while (yield from work.in_pool(workers)):
        pass  # a new pool goes on with what is left
    yield from work.one_at_a_time()
    work.raise_errors()


class _Work(Generic[Item, Result]):
    """Items that wait, those that were lost with a pool, and what the function raised."""

    def __init__(self, function: Callable[[Item], Result], items: Iterable[Item], fork: bool) -> None:
        self.function, self.waiting, self.fork = function, iter(items), fork
        self.lost: list[Item] = []
        self.errors: list[tuple[Item, BaseException]] = []

    def in_pool(self, workers: int) -> Generator[tuple[Item, Result], None, bool]:
        """Results from one pool until no item waits; True where it broke, which may happen while a result is used."""
        running: dict[Future[Result], Item] = {}
        lost = len(self.lost)
        with _pool(workers, self.fork) as pool:
            while len(self.lost) == lost:
                for item in islice(self.waiting, workers * _QUEUED - len(running)):
                    running[self._submitted(pool, item)] = item
                if not running:
                    return False
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield from self._delivered(running.pop(future), future)
            for future, item in running.items():  # some were done in time
                yield from self._delivered(item, future)
            return True

    def one_at_a_time(self) -> Iterator[tuple[Item, Result | None]]:
        """The lost items, each with its result, or None where a process died that had done nothing else."""
        suspects, self.lost = self.lost[::-1], []
        while suspects:
            with _pool(1, self.fork) as pool:
                is_fresh = True
                while suspects:
                    future = self._submitted(pool, suspects[-1])
                    if not isinstance(future.exception(), BrokenProcessPool):
                        yield from self._delivered(suspects.pop(), future)
                        is_fresh = False
                        continue
                    if is_fresh:
                        yield suspects.pop(), None
                    break  # in a process that is not fresh, the item before may have been its death

    def _submitted(self, pool: ProcessPoolExecutor, item: Item) -> Future[Result]:
        """A pool's future; where the pool broke meanwhile, one that says so."""
        try:
            return pool.submit(self.function, item)
        except BrokenProcessPool as error:
            future: Future[Result] = Future()
            future.set_exception(error)
            return future

    def _delivered(self, item: Item, future: Future[Result]) -> Iterator[tuple[Item, Result]]:
        """An item with its result; where it has none, it is noted why."""
        error = future.exception()
        if error is None:
            yield item, future.result()
        elif isinstance(error, BrokenProcessPool):
            self.lost.append(item)
        else:
            self.errors.append((item, error))

    def raise_errors(self) -> None:
        """Raise the first error, if any, with notes on the others."""
        if not self.errors:
            return
        (item, first), *more = self.errors
        first.add_note(f"raised for {item!r}")
        for other, error in more[:_NOTED]:
            first.add_note(f"for {other!r}: {type(error).__name__}: {error}")
        raise first


@contextmanager
def _pool(workers: int, fork: bool) -> Iterator[ProcessPoolExecutor]:
    """A pool whose workers are gone when the block ends; what waits then is left undone."""
    is_safe = fork and sys.platform == "linux" and threading.active_count() == 1  # a fork copies locks that others hold
    context = multiprocessing.get_context("fork" if is_safe else "spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    gc.freeze()  # what is loaded by now stays: not to be looked through, nor copied for it where memory is shared
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the parent decides
