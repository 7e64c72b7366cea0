"""The progress bar of all commands: drawn on a terminal, nothing in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from inpaintkit.problem import Step


class _Show(Protocol):
    def __call__(self, done: float, total: float, remark: str = "") -> None: ...


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[Step], None] | None]:
    """A bar that takes steps, or None when no bar is drawn."""
    with _bar(quiet) as show:
        if show is None:
            yield None
            return

        def report(step: Step) -> None:
            loss = "" if step.loss is None else f"loss {step.loss:.3g} "
            show(step.done, step.total, f"{loss}{step.remark}")

        yield report


@contextmanager
def download_bar(quiet: bool) -> Iterator[Callable[[float, float], None] | None]:
    """A bar that takes the bytes there are and the bytes in all, or None when no bar is drawn."""
    with _bar(quiet, in_bytes=True) as show:
        yield show


@contextmanager
def _bar(quiet: bool, *, in_bytes: bool = False) -> Iterator[_Show | None]:
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    done_so_far = DownloadColumn() if in_bytes else TextColumn("{task.percentage:>3.0f}%")
    columns = (BarColumn(), done_so_far, TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(done: float, total: float, remark: str = "") -> None:
            bar.update(task, completed=done, total=total, description=remark)

        yield show
