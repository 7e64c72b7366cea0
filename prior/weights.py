"""Where VGG19's weights come from: a file the caller names, the cache folder, or torchvision's published file.

Of torchvision's 548 MiB only the layers up to relu4_2 are kept, 23 MiB, with each layer's scale beside them. The only
digest that is published is in the file's name, the first eight hex digits of its SHA-256; those are checked.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from inpaintkit.atomic import sweep, whole, write_text
from inpaintkit.kernel_cache import user_folder
from inpaintkit.prior.vgg import LAYERS, Vgg19, read

URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
LAST = "relu4_2"  # the deepest layer that any preset reads
VARIABLE = "INPAINTKIT_VGG19"
NAME = "vgg19.pth"
_CHUNK = 2**20
_PATIENCE = 30  # s without a byte after which a download is given up

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

    A download that was cut short is resumed. ``url`` may name a mirror: the digits after the last dash of its file's
    name are checked all the same.

    Raises
    ------
    OSError : no connection, or a server that does not have the file.
    ValueError : the download does not match the digits in its name; it is removed.
    """
    name = urllib.parse.urlsplit(url).path.rpartition("/")[2]
    digits = Path(name).stem.rpartition("-")[2]
    if len(digits) < 8 or set(digits) - set("0123456789abcdef"):
        raise ValueError(
            f"{url}: the file's name must end in the first digits of its SHA-256, as in {URL.rpartition('/')[2]}"
        )
    user_folder().mkdir(parents=True, exist_ok=True)
    partial = user_folder() / f"{name}.part"
    try:
        _download(url, partial, progress)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise OSError(
            f"{url} cannot be downloaded ({error}): try again, which resumes it; or get the file elsewhere "
            f"and give it to 'inpaintkit weights import', weights=PATH (--weights) or the variable {VARIABLE}"
        ) from error
    found = digest(partial)
    if not found.startswith(digits):
        partial.unlink()
        raise ValueError(
            f"{url} has SHA-256 {found}, which does not begin with {digits}: it was removed, fetch it again"
        )
    kept = _keep(partial)
    partial.unlink()
    return kept


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
    digits = path.stem.rpartition("-")[2]
    if path.name == URL.rpartition("/")[2] and path.is_file() and not (found := digest(path)).startswith(digits):
        raise ValueError(
            f"{path} has SHA-256 {found}, which does not begin with {digits}: it is not torchvision's file"
        )
    user_folder().mkdir(parents=True, exist_ok=True)
    return _keep(path)


def _keep(path: Path) -> Path:
    net: Vgg19 = read(path)
    last = list(net.weights)[-1]
    kept = user_folder() / NAME
    sweep(user_folder())
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
