"""What is said once at the end of a folder's run: kinds of things, each with a count and the names it befell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from warnings import WarningMessage

from inpaintkit.batch.jobs import Outcome
from inpaintkit.errors import InpaintWarning

_SHOWN = 3  # names of a kind, where not all are wanted


class NothingFoundWarning(InpaintWarning):
    """A search found nothing to fill in a picture."""


class Notes:
    """Names under the kinds of what befell them, in the order in which the kinds came up."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, kind: str, name: str | Path) -> None:
        """Note a name under a kind."""
        self._names.setdefault(kind, []).append(str(name))

    def add_outcomes(self, outcomes: Iterable[Outcome]) -> None:
        """Note the kinds of warnings that a run gave."""
        for outcome in outcomes:
            for kind in dict.fromkeys(outcome.kinds):
                self.add(kind, outcome.photo)

    def lines(self, *, full: bool = False) -> list[str]:
        """A line for each kind: its count, and the first names or all of them."""
        return [f"{kind}: {len(names)} ({_listed(names, full)})" for kind, names in self._names.items()]


def kinds_of_warnings(caught: Iterable[WarningMessage], names: Sequence[str]) -> tuple[str, ...]:
    """The kinds of a picture's warnings: what masks have in common, or the text without numbers and the files' names.

    That a search found nothing is no kind: the summary counts it.
    """
    return tuple(_kinds(caught, names))


def _kinds(caught: Iterable[WarningMessage], names: Sequence[str]) -> Iterator[str]:
    for warning in caught:
        message = warning.message
        if isinstance(message, NothingFoundWarning):
            continue
        if isinstance(message, InpaintWarning) and message.kind:
            yield f"the mask {message.kind}"
            continue
        text = " ".join(str(message).split())
        for name in names:
            text = text.replace(f"{name}: ", "").replace(name, "the file")
        yield re.sub(r"\b\d+(\.\d+)?\b", "N", text)


def _listed(names: list[str], full: bool) -> str:
    shown = names if full else names[:_SHOWN]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(shown) < len(names) else "")
