"""Work spread over processes: each item with its result as it comes in, and a crash costs only its own item."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_NOTED = 9  # further exceptions that a note is made of
_QUEUED = 4  # items handed to each worker ahead of time: enough to keep it busy, few enough to do again after a crash
_FORKS = "forkserver" in multiprocessing.get_all_start_methods()


def begin(modules: Sequence[str]) -> None:
    """Start the process that workers are forked from, where the system has such, and let it import modules.

    For a command that will call ``spread``: while it reads its options, what each worker would import is imported once,
    and from the places from which this process would import it.
    """
    if not _FORKS or sys.flags.ignore_environment:
        return
    from multiprocessing import forkserver

    forkserver.set_forkserver_preload(list(modules))
    places = os.pathsep.join(map(os.path.abspath, sys.path))
    with _environment(PYTHONPATH=places, PYTHONSAFEPATH="1", OPENBLAS_NUM_THREADS="1"):  # no thread is to be forked
        forkserver.ensure_running()


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Variables that processes started in the block find."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]


def spread(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Result | None]]:
    """Each item once, with its result, as they come in from other processes; None where its process died.

    ``function`` and ``items`` must pickle. A worker that dies takes only its own item with it: what was handed out
    beside it is done again, one at a time. An exception of ``function`` is raised when all other items have had their
    results; its notes name its item and further exceptions.
    """
    work = _Work(function, items)
    while (yield from work.in_pool(workers)):
        pass  # a new pool goes on with what is left
    yield from work.one_at_a_time()
    work.raise_errors()


class _Work(Generic[Item, Result]):
    """Items that wait, those that were lost with a pool, and what the function raised."""

    def __init__(self, function: Callable[[Item], Result], items: Iterable[Item]) -> None:
        self.function, self.waiting = function, iter(items)
        self.lost: list[Item] = []
        self.errors: list[tuple[Item, BaseException]] = []

    def in_pool(self, workers: int) -> Generator[tuple[Item, Result], None, bool]:
        """Results from one pool until no item waits; True where it broke, which may happen while a result is used."""
        running: dict[Future[Result], Item] = {}
        lost = len(self.lost)
        with _pool(workers) as pool:
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
            with _pool(1) as pool:
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
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose workers are gone when the block ends; what waits then is left undone."""
    context = multiprocessing.get_context("forkserver" if _FORKS else "spawn")  # a fork would copy held locks
    environment = dict(os.environ)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(environment,))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker(environment: Mapping[str, str]) -> None:
    """What is set when the pool is made holds, not what was when the process that forks was started."""
    import cv2  # not above: the command begins before it has loaded anything large

    os.environ.clear()
    os.environ.update(environment)
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the parent decides
