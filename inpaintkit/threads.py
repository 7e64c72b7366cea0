"""One pool of threads for all work: kernels release the GIL, so threads scale without copying pictures.

Work may start further work inside. All of it is shared by the threads of one caller, at most as many as the limit
says: one that has nothing to do takes an item of whichever work was begun first. One that waits for items which others
took from it begins nothing but what those have started in turn, so no two threads can wait for each other.
"""

from __future__ import annotations

import numbers
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from typing import Any, Generic, TypeVar

import cv2
from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

_UNLIMITED = 1 << 16  # threads, far more than calls ask for

_check: ContextVar[Callable[[], None] | None] = ContextVar("check", default=None)  # of ``stopping``
_local = threading.local()  # .block: the innermost limit this thread works in; .call: whose item it works on


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

    None stands for the default. Inside another limit the smaller number holds, and the threads are some of that one's.
    OpenCV keeps to it as well; BLAS works on one thread, so that its sums do not depend on the number, unless the work
    is said to have its ``own_threads``.
    """
    if count is not None and (isinstance(count, bool) or not isinstance(count, numbers.Integral) or count < 1):
        raise ValueError(f"threads is {count!r}: give a whole number of 1 or more, or None for all cores")
    before = _block()
    asked = default_count() if count is None else int(count)
    _local.block = _Block(asked, before)
    try:
        with _libraries.limited(opencv=allowed(), blas=allowed() if own_threads else 1):
            yield _local.block.most
    finally:
        _local.block = before


@contextmanager
def stopping(check: Callable[[], None]) -> Iterator[None]:
    """Call ``check`` before every item of ``run`` inside the block: what it raises stops the work, as an error would.

    A method that reports seldom is so stopped by whoever waits for it.
    """
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def allowed() -> int:
    """Threads that a library may start by itself from here: one inside an item of ``run``, beside which others work."""
    if _call() is not None:
        return 1
    block = _block()
    return block.most if block else default_count()


def run(
    function: Callable[[Item], Result], items: Iterable[Item], *, cost: Callable[[Item], float] | None = None
) -> list[Result]:
    """Results of ``function`` over ``items``, in their order; this thread and others of its limit work on them.

    ``cost`` estimates what an item costs, in any unit: the dearest are begun first. The first error stops what has not
    begun, also of work inside, and is raised when what has begun is done; so is an interruption.
    """
    work = list(items)
    outer = _block()
    block = outer or _Block(default_count(), None)
    if min(block.most, len(work)) <= 1:
        return [_checked(function, item) for item in work]
    order: list[tuple[int, Item]] = list(enumerate(work))
    if cost is not None:
        order.sort(key=lambda numbered: -cost(numbered[1]))
    before, call = _call(), _Call(function, deque(order), block)
    try:
        block.team.work(call)
    finally:  # an interruption gets here, too
        _local.block, _local.call = outer, before
        block.team.close(call)
    try:
        if call.errors:
            raise min(call.errors.items(), key=_rank)[1]
    finally:
        call.errors.clear()  # an error holds this frame, which would hold the error, and all of the work's arrays
    if len(call.results) < len(work):
        raise _Stopped
    return [call.results[index] for index in range(len(work))]


def _checked(function: Callable[[Item], Result], item: Item) -> Result:
    check = _check.get()
    if check is not None:
        check()
    return function(item)


class _Stopped(BaseException):
    """Work around this one has failed, or was interrupted, and raises that."""


def _rank(numbered: tuple[int, BaseException]) -> tuple[bool, bool, int]:
    """Interruptions before errors, both in the order of the items."""
    index, error = numbered
    return isinstance(error, _Stopped), isinstance(error, Exception), index


class _Block:
    """A limit: at most ``most`` threads are ``working`` on what is started inside; they work in ``outer``, too."""

    def __init__(self, most: int, outer: _Block | None) -> None:
        self.most: int = min(most, outer.most) if outer else most
        self.outer = outer
        self.team: _Team = outer.team if outer else _Team(self)
        self.working = {threading.get_ident()}  # sets, not counts: they stay right wherever an interruption arrives

    def around(self) -> list[_Block]:
        """This one and those it lies in."""
        return [self, *(self.outer.around() if self.outer else [])]

    def room(self) -> int:
        """How many more threads may work here."""
        return min(block.most - len(block.working) for block in self.around())


class _Call(Generic[Item, Result]):
    """The work of one ``run``, which several threads take from: ``todo`` holds what has not begun."""

    def __init__(self, function: Callable[[Item], Result], todo: deque[tuple[int, Item]], block: _Block) -> None:
        self.todo = todo
        self.block = block
        self.outer = _call()
        self.stopped = False
        self.working: set[int] = set()  # threads
        self.results: dict[int, Result] = {}
        self.errors: dict[int, BaseException] = {}
        self._function = function
        self._context = copy_context()
        self._caller = threading.get_ident()

    def do(self, index: int, item: Item) -> None:
        """Work on an item."""
        _local.block, _local.call = self.block, self
        try:
            self.results[index] = self._context.copy().run(_checked, self._function, item)
        except BaseException as error:
            self.errors[index] = error

    def is_done(self) -> bool:
        """Whether nothing is left to do and no thread but the caller's works on it."""
        return not self.todo and self.working <= {self._caller}

    def is_inside(self, other: _Call[Any, Any]) -> bool:
        """Whether an item of the other call started this one, or of one inside that; or whether they are the same."""
        return self is other or (self.outer is not None and self.outer.is_inside(other))


class _Team:
    """The threads that work inside an outermost limit. Its lock guards what calls and blocks know of threads."""

    def __init__(self, block: _Block) -> None:
        self._block = block
        self.reset()

    def reset(self) -> None:
        """No work, and no thread but this one."""
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._calls: list[_Call[Any, Any]] = []  # in the order in which they were made
        self._coming = 0  # threads asked for that are not here yet

    def work(self, mine: _Call[Any, Any]) -> None:
        """Do a call of this thread: its items, then what those started that others have taken, until all is done."""
        with self._lock:
            self._calls.append(mine)
            if mine.outer is not None and mine.outer.stopped:
                self._stop(mine)
            self._changed.notify_all()
        while self._step(mine):
            pass

    def close(self, mine: _Call[Any, Any]) -> None:
        """Begin nothing more of a call, and return when what has begun is done."""
        with self._lock:
            self._stop(mine)
            for call in self._inside(mine):  # what an interruption kept this thread from leaving
                call.working.discard(threading.get_ident())
            self._changed.notify_all()
            self._changed.wait_for(mine.is_done)
            self._calls.remove(mine)

    def _inside(self, call: _Call[Any, Any] | None) -> list[_Call[Any, Any]]:
        """All calls; or the given one and those started inside."""
        return [other for other in self._calls if call is None or other.is_inside(call)]

    def _stop(self, call: _Call[Any, Any]) -> None:
        """Begin nothing more of a call, nor of what was and will be started inside."""
        for inside in self._inside(call):
            inside.stopped = True
            inside.todo.clear()

    def _step(self, mine: _Call[Any, Any] | None) -> bool:
        """Do an item, of ``mine`` or of what was started inside it if that is given; returns whether there was one."""
        with self._lock:
            while (begun := self._begin(mine)) is None:
                if mine is None or mine.is_done():
                    return False
                self._changed.wait()
        call, joined, number = begun
        try:
            call.do(*number)
        finally:
            with self._lock:
                if call.errors:
                    self._stop(call)
                for working in joined:
                    working.discard(threading.get_ident())
                self._changed.notify_all()
        return True

    def _begin(self, mine: _Call[Any, Any] | None) -> tuple[_Call[Any, Any], list[set[int]], tuple[int, Any]] | None:
        """Take the next item, if there is one and room for this thread: its call, what this thread joins, the item."""
        me = threading.get_ident()
        for call in self._inside(mine):
            blocks = [block for block in call.block.around() if me not in block.working]
            if call.todo and all(len(block.working) < block.most for block in blocks):
                joined = [call.working, *(block.working for block in blocks)]
                for working in joined:
                    working.add(me)
                item = call.todo.popleft()
                self._ask()
                return call, joined, item
        return None

    def _ask(self) -> None:
        """Ask for as many threads as may begin something now; one that comes too late finds nothing."""
        items = sum(min(len(call.todo), call.block.room()) for call in self._calls)
        with suppress(RuntimeError):  # where no further thread can be had, those that are here do the work
            for _ in range(self._coming, min(items, self._block.room())):
                _pool().submit(self._help)
                self._coming += 1

    def _help(self) -> None:
        """What a thread of the pool does: an item of any call, until none is left or the limit is reached."""
        with self._lock:
            self._coming -= 1
        while self._step(None):
            pass
        _local.block = _local.call = None


def _block() -> _Block | None:
    """The innermost limit that this thread works in."""
    return getattr(_local, "block", None)


def _call() -> _Call[Any, Any] | None:
    """The call whose item this thread works on."""
    return getattr(_local, "call", None)


def _pool() -> ThreadPoolExecutor:
    """The threads of this process. One is started only where all others are busy.

    There may be as many as calls ask for together, so that no call ever waits for another one's work.
    """
    with _pool_lock:
        if not _pools:
            _pools.append(ThreadPoolExecutor(_UNLIMITED, thread_name_prefix="inpaintkit"))
        return _pools[0]


def _forget() -> None:
    """In a forked process: threads do not live on there, nor what they held."""
    global _libraries, _pool_lock
    _pools.clear()
    _libraries, _pool_lock = _Libraries(), threading.Lock()
    if block := _block():
        block.team.reset()
        for around in block.around():
            around.working = {threading.get_ident()}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
