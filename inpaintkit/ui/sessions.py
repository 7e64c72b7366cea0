"""Session folders, one for each picture or folder opened: where strokes and fills outlive the page and the server.

The port and the token are kept there, too, so that a restarted server finds its tab again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from inpaintkit import atomic

_MAX_AGE = 30 * 24 * 60 * 60  # seconds since its last use until a session folder is removed
_MIN_TOKEN = 16  # characters of a token that a person chose


class RunningError(Exception):
    """Another server works on the session; its address is the message."""


def root() -> Path:
    """``INPAINTKIT_SESSIONS``, or the user's folder for state."""
    said = os.environ.get("INPAINTKIT_SESSIONS", "")
    if said:
        return Path(said)
    if os.name == "nt":  # pragma: no cover
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "inpaintkit" / "sessions"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "inpaintkit"


class Session:
    """The session folder of what was opened, held by this process until ``close``.

    Attributes
    ----------
    folder : for this user only.
    token : what the page and programs prove themselves with.
    port : of the last server, or None.

    Raises
    ------
    RunningError : another server holds it.
    ValueError : a token in ``INPAINTKIT_TOKEN`` that is too short.
    OSError : the folder cannot be written.
    """

    def __init__(self, target: Path | None) -> None:
        name = str(target.resolve()) if target else ""
        base = re.sub(r"[^A-Za-z0-9.-]", "_", target.name)[:40] if target else "uploads"
        folder = root() / f"{base}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self._lock = FileLock(folder / "lock", mode=0o600)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise RunningError(read_json(folder / "server.json").get("address", "")) from None
        os.utime(folder)
        atomic.sweep(folder)
        _remove_photos(folder / "photos")
        kept = read_json(folder / "session.json")
        self.port: int | None = kept.get("port") if isinstance(kept.get("port"), int) else None
        self.token = _token() or str(kept.get("token") or secrets.token_urlsafe(24))
        self.target = name

    @property
    def token_file(self) -> Path:
        """Where programs find the token."""
        return self.folder / "token"

    def started(self, port: int, address: str) -> None:
        """Keep what the next server and the next command need to know."""
        self.port = port
        kept = {"target": self.target, "port": port, "token": self.token}
        write_json(self.folder / "session.json", kept)
        _write(self.token_file, self.token + "\n")
        write_json(self.folder / "server.json", {"address": address, "process": os.getpid()})

    def photo_folder(self, photo: str) -> Path:
        """Where a photo's journal lies, noted as used."""
        folder = self.folder / "photos" / photo
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.utime(folder)
        return folder

    def sent(self) -> dict[str, str]:
        """The photos that were sent, oldest first: id -> name."""
        notes = sorted((self.folder / "photos").glob("*/picture.json"), key=lambda path: path.stat().st_mtime_ns)
        kept = {path.parent.name: read_json(path) for path in notes}
        return {photo: str(note.get("name", photo)) for photo, note in kept.items() if note.get("path") == ""}

    def close(self) -> None:
        """Let go of the folder."""
        with suppress(OSError):
            os.utime(self.folder)
            (self.folder / "server.json").unlink()
        self._lock.release()


def remove_old() -> list[Path]:
    """Remove the session folders that nobody has used for 30 days; gives those that went."""
    removed = []
    for kept in root().glob("*/session.json"):
        folder = kept.parent
        with suppress(OSError, Timeout):
            if time.time() - max(folder.stat().st_mtime, kept.stat().st_mtime) < _MAX_AGE:
                continue
            with FileLock(folder / "lock", timeout=0):
                shutil.rmtree(folder)
            removed.append(folder)
    return removed


def _remove_photos(photos: Path) -> None:
    """Remove what was kept of photos that nobody has opened for as long, in a session that is still in use."""
    for folder in photos.glob("*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime >= _MAX_AGE:
                shutil.rmtree(folder)


def _token() -> str:
    said = os.environ.get("INPAINTKIT_TOKEN", "")
    if said and (len(said) < _MIN_TOKEN or not re.fullmatch(r"[A-Za-z0-9._~-]+", said)):
        raise ValueError(
            f"INPAINTKIT_TOKEN has {len(said)} characters: set {_MIN_TOKEN} or more letters, digits or any of '._~-'"
        )
    return said


def write_json(path: Path, content: Any) -> None:
    """Write a small file whole, for this user only."""
    _write(path, json.dumps(content))


def _write(path: Path, text: str) -> None:
    if not path.exists():
        path.touch(mode=0o600)  # its permissions stay when it is replaced
    atomic.write_text(path, text)


def read_json(path: Path) -> dict[str, Any]:
    """An object from a file; an empty one where there is none, or a damaged one."""
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text("utf-8"))
        if isinstance(found, dict):
            return found
    return {}
