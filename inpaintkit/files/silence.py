"""Silence for what libraries say of a damaged file, which we report in one line; other threads notice nothing.

``warnings.catch_warnings`` and ``Logger.disabled`` work on the whole process: they would swallow the warnings of other
threads, and two that overlap may leave a filter behind for good. So one filter stays in the list and asks whether the
thread that warns is a quiet one.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LIBRARIES = ("tifffile", "PIL", "psd_tools", "imagecodecs")


class _Thread(threading.local):
    depth = 0  # how many blocks of ``quiet`` it is in


class _InQuietThread(logging.Filter):
    """Asked by ``warnings`` whether a filter holds, and by ``logging`` whether a record passes."""

    def match(self, module: str) -> bool:
        return _THREAD.depth > 0

    def filter(self, record: logging.LogRecord) -> bool:
        return _THREAD.depth == 0


_THREAD = _Thread()
_filtered: list[int] = []  # how many loggers there were when each of the libraries' last got the filter
_IN_QUIET_THREAD = _InQuietThread()
_WARNING_FILTER = ("ignore", None, Warning, _IN_QUIET_THREAD, 0)  # a pattern is anything that has ``match``


@contextmanager
def quiet() -> Iterator[None]:
    """Drop this thread's warnings and the libraries' log records; others' arrive as ever."""
    _put_first()
    _filter_logs()
    _THREAD.depth += 1
    try:
        yield
    finally:
        _THREAD.depth -= 1


def _put_first() -> None:
    """Have the filter at the head of the list, which others replace and add to at will."""
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    if filters and filters[0] is _WARNING_FILTER:
        return
    filters.insert(0, _WARNING_FILTER)
    for at in range(len(filters) - 1, 0, -1):  # inserted first: a thread that is walking the list skips none
        if filters[at] is _WARNING_FILTER:
            del filters[at]


def _filter_logs() -> None:
    """A filter works for records of its own logger only, so each of a library's gets it."""
    known = logging.Logger.manager.loggerDict
    if _filtered == [len(known)]:  # loggers come, and never go
        return
    for name in (*_LIBRARIES, *known):
        if name.partition(".")[0] in _LIBRARIES:
            logging.getLogger(name).addFilter(_IN_QUIET_THREAD)
    _filtered[:] = [len(known)]
