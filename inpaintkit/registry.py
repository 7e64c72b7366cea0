"""The table of methods: rows by name. A row loads its method's code on first use.

The rows stand beside their methods and are loaded by name, so that nothing here knows a method. A method of another
distribution joins through the entry-point group ``inpaintkit.methods``: an entry that names a ``Method``, under the
method's own name.
"""

from __future__ import annotations

import importlib
import re
import warnings
from contextlib import suppress
from functools import cache
from importlib import metadata
from threading import RLock

from inpaintkit.errors import MissingExtraError
from inpaintkit.method import Method

GROUP = "inpaintkit.methods"
_ROWS = ("inpaintkit.classic.rows", "inpaintkit.prior.rows")

AUTO = Method(
    "auto",
    "inpaintkit.auto:auto",
    "measures on the picture which method to trust, for thin parts and for wide ones",
    scope="call",
)

_registered: dict[str, Method] = {}
_lock = RLock()  # an entry point may ask for methods itself


def register(row: Method) -> None:
    """Add a method for this process.

    Raises ValueError where the name is taken, or where an option bears the name of a keyword of ``inpaint`` or of the
    command, which no caller could reach.
    """
    if row.name in {"auto", *methods()}:
        raise ValueError(f"a method named {row.name!r} exists already: choose another name")
    with suppress(MissingExtraError):  # it is checked when it can be loaded
        row.parameters()
    _registered[row.name] = row


def unregister(name: str) -> None:
    """Take back what ``register`` added."""
    if name in _own():
        raise ValueError(f"{name} is one of inpaintkit's own methods and stays")
    _registered.pop(name, None)


def methods() -> dict[str, Method]:
    """All methods by name: the built-in ones first, then those registered, then those of other distributions."""
    found: dict[str, Method] = {}
    for table in (_own(), dict(_registered), _offered()):
        found |= {name: row for name, row in table.items() if name not in found}
    return found


def find(method: str | Method) -> Method:
    """The row of a method or of ``auto``, or the row that was given; ValueError lists the names there are."""
    if isinstance(method, Method):
        return method
    row = AUTO if isinstance(method, str) and method == "auto" else _row(method)
    if row is None:
        raise ValueError(f"there is no method {method!r}: choose one of auto, {', '.join(methods())}")
    return row


def descriptions(row: Method) -> dict[str, str]:
    """Option -> its text in the docstring of the method's function, where None is how Python leaves an option out."""
    section = re.search(r"Parameters\n\s*-+\n(.*?)(?:\n\s*\n|\Z)", row.load().__doc__ or "", re.DOTALL)
    found: dict[str, str] = {}
    for line in (section[1] if section else "").splitlines():
        head = re.match(r"\s*(\w+) : (.*)", line)
        if head:
            name, found[head[1]] = head[1], head[2]
        elif found:
            found[name] += " " + line.strip()
    return {name: re.sub(r"\bNone: ", "if left out: ", text.replace("``", "")) for name, text in found.items()}


def _row(name: str) -> Method | None:
    if not isinstance(name, str):
        return None
    return _own().get(name) or _registered.get(name) or _offered().get(name)  # these are only asked in the end


@cache
def _own() -> dict[str, Method]:
    return {row.name: row for module in _ROWS for row in importlib.import_module(module).ROWS}


def _offered() -> dict[str, Method]:
    with _lock:  # threads that ask at the same time get one table, and one warning
        return _entry_points()


@cache
def _entry_points() -> dict[str, Method]:
    rows = {}
    for entry in metadata.entry_points(group=GROUP):
        try:
            row = entry.load()
        except Exception as error:  # another distribution's fault must not take the other methods away
            row = error
        if isinstance(row, Method) and row.name == entry.name:
            rows[entry.name] = row
        else:
            warnings.warn(
                f"entry point {entry.name} = {entry.value} of {GROUP} gives {row!r}, "
                "not a Method of that name, and is left out",
                stacklevel=3,
            )
    return rows
