"""Where VGG19's weights come from: a file the caller names, the cache folder, or torchvision's published file.

Of torchvision's 548 MiB only the layers up to relu4_2 are kept, 23 MiB, with each layer's scale beside them. A
download is checked against the whole SHA-256 of torchvision's file. Of processes that need it at once one downloads.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from inpaintkit.atomic import sweep, whole, write_text
from inpaintkit.kernel_cache import user_folder
from inpaintkit.prior.vgg import LAYERS, Vgg19, read

URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
SHA256 = "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"  # of that file; its name has the beginning
LAST = "relu4_2"  # the deepest layer that any preset reads
VARIABLE = "INPAINTKIT_VGG19"
NAME = "vgg19.pth"
_CHUNK = 2**20
_PATIENCE = 30  # s without a byte after which a download is given up
_LOCK = "vgg19.lock"  # held while the files in the cache folder change
_log = logging.getLogger(__name__)

Progress = Callable[[float, float], None]  # bytes received, bytes in total


@dataclass(frozen=True)
class Stored:
    """The weights in the cache folder.

    Attributes
    ----------
    path : the file, which need not exist.
    layers : names of the layers in it; empty where there is no file.
    size : bytes.
    """

    path: Path
    layers: tuple[str, ...] = ()
    size: int = 0


def located(given: str | None = None, progress: Progress | None = None) -> Path:
    """The file of weights: ``given``, or the one that ``INPAINTKIT_VGG19`` names, or the cached one, or a download."""
    named = given or os.environ.get(VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            where = "option weights" if given else f"variable {VARIABLE}"
            raise FileNotFoundError(f"{path}, which the {where} names, is not a file")
        return path
    kept = user_folder() / NAME
    return kept if kept.is_file() else fetch(progress)


def stored() -> Stored:
    """The weights in the cache folder, if there are any."""
    path = user_folder() / NAME
    return Stored(path, tuple(read(path).weights), path.stat().st_size) if path.is_file() else Stored(path)


def fetch(progress: Progress | None = None, *, url: str = URL) -> Path:
    """Download torchvision's file, check it, keep the layers up to relu4_2; gives the kept file's path.

    A download that was cut short is resumed. While another process downloads, this one waits, and takes what that one
    has kept. ``url`` may name a mirror of the same file; for a file of another name, the digits after the last dash of
    its name are what its SHA-256 must begin with.

    Raises
    ------
    OSError : no connection, a server that does not have the file, a folder that cannot be written, or a full disk.
    ValueError : the download is another file than its name says; it is removed.
    """
    name = urllib.parse.urlsplit(url).path.rpartition("/")[2]
    expected = _expected(name)
    if not expected:
        raise ValueError(
            f"{url}: the file's name must end in the first digits of its SHA-256, as in {URL.rpartition('/')[2]}"
        )
    kept, partial = user_folder() / NAME, user_folder() / f"{name}.part"
    with _locked() as waited:
        if waited and kept.is_file():
            return kept
        try:
            _download(url, partial, progress)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            raise OSError(
                f"{url} cannot be downloaded ({error}): try again, which resumes it; or get the file elsewhere "
                f"and give it to 'inpaintkit weights import', weights=PATH (--weights) or the variable {VARIABLE}"
            ) from error
        except OSError as error:
            raise OSError(
                error.errno, f"{partial} cannot be written ({error.strerror}): once it can, the download goes on there"
            ) from error
        found = digest(partial)
        if not found.startswith(expected):
            partial.unlink()
            raise ValueError(
                f"{url} has SHA-256 {found}, which does not begin with {expected}: it was removed, fetch it again"
            )
        _keep(partial)
        partial.unlink()
        return kept


def _expected(name: str) -> str:
    """What the SHA-256 of a file of this name begins with, all of it for torchvision's file; empty if it is unknown."""
    digits = Path(name).stem.rpartition("-")[2]
    if len(digits) < 8 or set(digits) - set("0123456789abcdef"):
        return ""
    return SHA256 if SHA256.startswith(digits) else digits


@contextmanager
def _locked() -> Iterator[bool]:
    """Hold the lock of the kept files; gives whether another process had it first."""
    user_folder().mkdir(parents=True, exist_ok=True)
    lock = FileLock(user_folder() / _LOCK)
    try:
        lock.acquire(timeout=0)
        waited = False
    except Timeout:
        _log.warning("another process is changing the weights in %s: waiting for it", user_folder())
        lock.acquire()
        waited = True
    try:
        yield waited
    finally:
        with suppress(OSError):  # Windows removes no open file
            os.unlink(lock.lock_file)  # while it is held: who waits looks for the file again
        lock.release()


def _download(url: str, partial: Path, progress: Progress | None) -> None:
    """Append the rest of a file to what an earlier attempt left."""
    received = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={received}-"} if received else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_PATIENCE)
    except urllib.error.HTTPError as error:
        if received and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # it is complete, or its digest will be wrong
        raise
    with answer:
        if answer.status != http.client.PARTIAL_CONTENT:
            received = 0  # the server starts over
        total = received + int(answer.headers.get("Content-Length") or 0)
        with partial.open("ab" if received else "wb") as file:
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                received += len(chunk)
                if progress:
                    progress(received, max(total, received))
    if received < total:
        raise ConnectionError(f"the connection ended after {received} of {total} bytes")


def keep(path: Path) -> Path:
    """Copy the layers of a file on this computer into the cache folder; the file itself stays as it is."""
    if path.name == URL.rpartition("/")[2] and path.is_file() and (found := digest(path)) != SHA256:
        raise ValueError(f"{path} has SHA-256 {found}, and not {SHA256}: it is not torchvision's file")
    with _locked():
        return _keep(path)


def _keep(path: Path) -> Path:
    net: Vgg19 = read(path)
    last = list(net.weights)[-1]
    kept = user_folder() / NAME
    sweep(user_folder())
    _record(kept).unlink(missing_ok=True)  # stopped from here on, there is no digest, and never a wrong one
    with whole(kept) as file:
        torch.save(net.entries(min(LAST, last, key=list(LAYERS).index)), file)
    write_text(_record(kept), f"{digest(kept)}  {NAME}\n")
    return kept


def verify() -> Stored:
    """Check the cached file against the digest that was written beside it; ValueError where they differ."""
    path = user_folder() / NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: 'inpaintkit weights fetch' gets it")
    record = _record(path)
    if not record.is_file():
        raise FileNotFoundError(f"{record} is not there, so {NAME} cannot be checked: fetch or import it again")
    recorded, found = record.read_text("ascii").split()[0], digest(path)
    if recorded != found:
        raise ValueError(
            f"{path} has SHA-256 {found}, and {recorded} was recorded: 'inpaintkit weights fetch' renews it"
        )
    return stored()


def remove() -> list[Path]:
    """Remove the cached file, its digest and unfinished downloads; gives the removed files."""
    if not user_folder().is_dir():
        return []
    with _locked():
        found = [path for path in (user_folder() / NAME, _record(user_folder() / NAME)) if path.is_file()]
        found += sorted(user_folder().glob("*.part"))
        sweep(user_folder())
        for path in found:
            path.unlink()
        return found


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
