"""Files written whole or not at all: beside their place, flushed to the disk, then renamed."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_TEMPORARY = ".inpaintkit-"  # then the process and a random word: the name of a file while it is written


@contextmanager
def whole(path: Path, *, flush: bool = True) -> Iterator[IO[bytes]]:
    """An open binary file that becomes ``path`` when the block ends; after an error, what was there before stays.

    The permissions of a file that is replaced are kept, and a symbolic link still points to its file. A device or a
    pipe cannot be renamed to, so it is written directly.

    Parameters
    ----------
    flush : wait until the disk has it. Not needed where a damaged file is noticed and written again.

    Raises
    ------
    OSError : the folder or the file cannot be written, or the disk is full.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(6)}")
    try:
        with temporary.open("xb") as file:
            yield file
            if flush:
                file.flush()
                os.fsync(file.fileno())
        if path.exists():
            os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    if flush:
        _flush_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Write the file whole, or leave what was there before."""
    with whole(path) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write the text as UTF-8, line ends as they are; the file is written whole, or stays what it was."""
    write_bytes(path, text.encode())


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed processes have left in a folder."""
    if os.name != "posix" or not folder.is_dir():
        return
    for temporary in folder.glob(f"{_TEMPORARY}*-*"):
        number = temporary.name.removeprefix(_TEMPORARY).partition("-")[0]
        if number.isdecimal() and not _is_running(int(number)):
            temporary.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Make a new name permanent, too, where the system lets a folder be flushed."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError):  # on Linux: a process that is dead but not yet waited for answers signals, too
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in ("Z", "X")
    return True
