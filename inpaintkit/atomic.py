"""Files written whole or not at all: beside their place, flushed to the disk, then renamed."""

from __future__ import annotations

import filecmp
import hashlib
import os
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

_TEMPORARY = ".inpaintkit-"  # then the place, the process and a random word: the name of a file while it is written
_MAX_AGE = 24 * 60 * 60  # seconds after its last change until a temporary file of another place counts as left behind


@contextmanager
def whole(path: Path, *, flush: bool = True, backup: Path | None = None) -> Iterator[IO[bytes]]:
    """An open binary file that becomes ``path`` when the block ends; after an error, what was there before stays.

    The permissions of a file that is replaced are kept, and a symbolic link still points to its file. A device or a
    pipe cannot be renamed to, so it is written directly.

    Parameters
    ----------
    flush : wait until the disk has it. Not needed where a damaged file is noticed and written again.
    backup : a further name for the file that is replaced, given to it when the new one is on the disk; a file of that
        name that is there already stays. ``is_replaced`` says whether it came to the last step.

    Raises
    ------
    OSError : the folder or the file cannot be written, or the disk is full.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    temporary = path.with_name(f"{_TEMPORARY}{_place()}-{os.getpid()}-{secrets.token_hex(6)}")
    try:
        with temporary.open("xb") as file:
            yield file
            if flush:
                file.flush()
                os.fsync(file.fileno())
        if path.exists():
            os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
        if backup and not backup.exists():
            _keep(path, backup)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    if flush:
        _flush_folder(path.parent)


def _keep(path: Path, backup: Path) -> None:
    """Give a file a second name, so that it stays when the first one is taken."""
    try:
        os.link(path, backup)
    except FileExistsError:  # another process was faster, and by now ``path`` may be what it wrote
        return
    except OSError:  # the file system has no hard links
        with path.open("rb") as original, whole(backup) as copied:
            shutil.copyfileobj(original, copied)
            copied.flush()
            with suppress(OSError):  # of some mounted disks nobody may set the times
                shutil.copystat(path, copied.name)
    _flush_folder(backup.parent)  # before the other name is taken: after a power failure one of them is there


def is_replaced(path: Path, backup: Path) -> bool:
    """Whether a file was written with this backup to the end: the two hold different bytes.

    A process that is stopped between the two steps leaves one file under both names, or two equal ones.
    """
    if not backup.exists() or path.samefile(backup):
        return False
    filecmp.clear_cache()  # it goes by size and time, and may have seen other files under these names
    return not filecmp.cmp(path, backup, shallow=False)


def write_bytes(path: Path, data: bytes, *, backup: Path | None = None) -> None:
    """Write the file whole, or leave what was there before; ``backup`` as in ``whole``."""
    with whole(path, backup=backup) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write the text as UTF-8, line ends as they are; the file is written whole, or stays what it was."""
    write_bytes(path, text.encode())


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that is being written, or that was left behind so."""
    return name.startswith(_TEMPORARY)


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed processes have left in a folder.

    Whether a process is alive is known only of those that this one can see. The files of other hosts and containers,
    and those from before the last start of this one, go when they are a day old.
    """
    with suppress(OSError):  # a folder that is not there or cannot be read
        for temporary in folder.glob(f"{_TEMPORARY}*-*"):
            with suppress(OSError):  # somebody else removed it, or nobody may
                if _is_left(temporary):
                    temporary.unlink()


def _is_left(temporary: Path) -> bool:
    """Whether nobody can be writing a temporary file any more."""
    if time.time() - temporary.stat().st_mtime > _MAX_AGE:
        return True
    place, _, rest = temporary.name.removeprefix(_TEMPORARY).partition("-")
    number = rest.partition("-")[0]
    return place == _place() and number.isdecimal() and os.name == "posix" and not _is_running(int(number))


@cache
def _place() -> str:
    """A word for the processes that this one can see by their numbers: this host since its start, this container."""
    known = [socket.gethostname()]
    with suppress(OSError):  # Linux
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        known.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:12]


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
