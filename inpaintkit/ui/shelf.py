"""The photos that can be reached: what was opened, the folder around it, and what was dropped on the page.

A photo is read when it is first asked for; of those that nobody uses only the last few stay in memory.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inpaintkit import atomic, batch
from inpaintkit.errors import MissingExtraError
from inpaintkit.files import Loaded, load, written_as
from inpaintkit.sheet import Display
from inpaintkit.ui import finds, offers
from inpaintkit.ui.journal import Journal
from inpaintkit.ui.photos import Photo, replay
from inpaintkit.ui.said import collected
from inpaintkit.ui.sessions import Session, read_json, write_json
from inpaintkit.ui.tiles import Pyramid, encoded, smallest

REPAIRED = "_repaired"  # added to a name for what is saved beside it
OUTPUT = "repaired"  # the folder in a folder for what a run over all of it fills
_PAGE = "-page-"  # in the id of a photo that is a further page of its file
_SMALL = 256  # px, the longer side of a thumbnail
_IN_MEMORY = 3  # photos that nobody uses at the moment


class ForbiddenError(Exception):
    """A path leads out of what was opened."""


@dataclass(frozen=True)
class Place:
    """Where a photo comes from: a file on the disk, or one that was dropped on the page."""

    id: str
    name: str
    path: Path | None
    done: bool = False  # repaired already: beside, in place, or by a run over the folder
    page: int = 1  # of a file that has several; each is a photo of its own, with ``-page-N`` in its id

    def turned_to(self, page: int) -> Place:
        """Another page of the same file."""
        file = file_of(self.id)
        return replace(self, id=f"{file}{_PAGE}{page}" if page > 1 else file, page=page)


def file_of(photo: str) -> str:
    """The id of the photo that is the first page of a photo's file."""
    return photo.partition(_PAGE)[0]


class Shelf:
    """All photos of a session.

    Attributes
    ----------
    folder : what was opened, where that is a folder.
    first : the id of what was opened, where that is a picture.
    """

    def __init__(self, session: Session, target: Path | None) -> None:
        self.session = session
        self.folder = target.resolve() if target and target.is_dir() else None
        self._places: dict[str, Place] = {}
        self._open: OrderedDict[str, Photo] = OrderedDict()
        self._users: dict[str, int] = {}
        self._lock = threading.RLock()
        self._reading: dict[str, threading.Lock] = {}
        self._small = threading.Lock()
        self.first: str | None = None
        if target is not None and self.folder is None:
            self.first = self._add(target.resolve(), target.name).id
        self._places |= {photo: Place(photo, name, None) for photo, name in session.sent().items()}

    def listed(self) -> list[Place]:
        """The folder's pictures, sorted; without what was made of them."""
        if self.folder is None:
            return []
        found = batch.pictures(self.folder, except_in=[self.folder / OUTPUT])
        stems = {(path.parent, path.stem) for path in found}
        made = {(path.parent, path.stem.rpartition(REPAIRED)[0]) for path in found if REPAIRED in path.stem}
        return [
            replace(self._add(path, path.relative_to(self.folder).as_posix()), done=self._is_done(path, made))
            for path in found
            if not any((path.parent, path.stem.rpartition(end)[0]) in stems for end in (REPAIRED, "_mask"))
        ]

    def _is_done(self, path: Path, made: set[tuple[Path, str]]) -> bool:
        """Whether a picture of the folder was repaired: beside, in place, or by a run over the folder."""
        assert self.folder is not None
        kept = path.with_name(path.name + batch.BACKUP)
        filled = written_as(self.folder / OUTPUT / path.relative_to(self.folder))
        return (path.parent, path.stem) in made or kept.exists() or filled.exists()

    def uploads(self) -> list[Place]:
        """What is no picture of the folder: what was dropped, or the one picture that was opened."""
        with self._lock:
            places = list(self._places.values())
        return [place for place in places if place.path is None or place.id == self.first]

    def place(self, photo: str) -> Place:
        """Where a photo is; LookupError where there is none of that id."""
        file, _, page = photo.partition(_PAGE)
        with self._lock:
            found = self._places.get(file)
        if found is None:
            self.listed()
            with self._lock:
                found = self._places.get(file)
        turned = found and found.turned_to(int(page) if page.isdecimal() else 1)
        if turned is None or turned.id != photo:
            raise LookupError(f"there is no photo {photo!r}")
        return turned

    def in_folder(self, name: str) -> Place:
        """A picture of the folder by its path in it; ForbiddenError where that leads elsewhere."""
        if self.folder is None:
            raise ForbiddenError("no folder was opened: start 'inpaintkit ui FOLDER', or send the picture itself")
        path = Path(name)
        if path.is_absolute() or ".." in path.parts or "\0" in name:
            raise ForbiddenError(f"{name!r} leads out of the folder that was opened")
        place = self._add(self.folder / path, path.as_posix())
        self.check_inside(place)
        return place

    def check_inside(self, place: Place) -> None:
        """ForbiddenError for a link that leads out of what was opened."""
        if place.path is None or place.turned_to(1).id == self.first:
            return
        if self.folder is None or not place.path.resolve().is_relative_to(self.folder):
            raise ForbiddenError(f"{place.name} is a link that leads out of the folder that was opened")

    def upload(self, name: str, data: bytes) -> Place:
        """Keep a picture that was sent, if it can be read."""
        base = Path(name.replace("\\", "/")).name[:120] or "picture"
        place = Place(secrets.token_hex(8), base, None)
        folder = self.session.photo_folder(place.id)
        atomic.write_bytes(folder / "original", data)
        write_json(folder / "picture.json", {"name": base, "path": ""})
        with self._lock:
            self._places[place.id] = place
        try:
            with self.use(place.id):
                return place
        except (ValueError, OSError, MissingExtraError) as error:
            with self._lock:
                del self._places[place.id]
            shutil.rmtree(folder, ignore_errors=True)
            kind = MissingExtraError if isinstance(error, MissingExtraError) else ValueError
            raise kind(str(error).replace(str(folder / "original"), base)) from None

    @contextmanager
    def use(self, photo: str) -> Iterator[Photo]:
        """A photo, read if need be, that stays in memory inside the block."""
        place = self.place(photo)
        with self._lock:
            self._users[photo] = self._users.get(photo, 0) + 1
            reading = self._reading.setdefault(photo, threading.Lock())
        try:
            with reading:
                opened = self._open.get(photo)
                if opened is None:
                    opened = self._read(place)
                    self._open[photo] = opened
            with self._lock:
                self._open.move_to_end(photo)
            yield opened
        finally:
            with self._lock:
                self._users[photo] -= 1
                self._make_room()

    def thumbnail(self, photo: str) -> bytes:
        """The photo, small, as a PNG: as it is now, or as it was when last in memory; else the file's picture."""
        opened = self.is_open(photo)
        place = self.place(photo)
        self.check_inside(place)
        kept = self.session.photo_folder(photo) / "thumbnail.png"
        if opened is not None:
            with opened.lock:
                shown = smallest(opened.now, _SMALL)
        else:
            source = place.path or self._sent(place)
            if kept.exists() and kept.stat().st_mtime_ns >= source.stat().st_mtime_ns:
                return kept.read_bytes()
            with self._small, collected([]):  # one at a time: a folder's are asked for together
                loaded = load(source, page=place.page)
                shown = smallest(Pyramid(loaded.pixels, Display.of(loaded.pixels, channels=loaded.channels)), _SMALL)
        data = encoded(shown, lossless=True).data
        atomic.write_bytes(kept, data)
        return data

    def is_open(self, photo: str) -> Photo | None:
        """The photo, if it is in memory."""
        with self._lock:
            return self._open.get(photo)

    def is_unsaved(self, place: Place) -> bool:
        """Whether the picture, or any page of its file, has changed since it was saved, as far as it is in memory."""
        with self._lock:
            pages = [photo for name, photo in self._open.items() if file_of(name) == place.id]
        return any(photo.top != photo.saved for photo in pages)

    def close(self) -> None:
        """Let go of the journals."""
        with self._lock:
            for photo in self._open.values():
                photo.journal.close()
            self._open.clear()

    def _sent(self, place: Place) -> Path:
        """The file of a picture that was sent."""
        return self.session.photo_folder(place.turned_to(1).id) / "original"

    def _add(self, path: Path, name: str) -> Place:
        key = hashlib.sha256(os.fsencode(str(path))).hexdigest()[:16]
        with self._lock:
            return self._places.setdefault(key, Place(key, name, path))

    def _make_room(self) -> None:
        idle = [name for name in self._open if not self._users.get(name)]
        for name in idle[: max(0, len(idle) - _IN_MEMORY)]:
            self._open.pop(name).journal.close()

    def _read(self, place: Place) -> Photo:
        self.check_inside(place)
        folder = self.session.photo_folder(place.id)
        notices: list[str] = []
        with collected(notices):
            source = _source(place, folder, self._sent(place), notices)
            loaded = _writable(load(source, page=place.page))
        journal = Journal(folder / "journal.jsonl")
        photo = Photo(place.id, place.name, loaded, folder, journal, source, place.path, notices, page=place.page)
        photo.mark = mark(place.path) if place.path is not None else None
        replay(photo)
        photo.found = finds.kept(folder, photo.shape)
        photo.offer = offers.kept(folder, photo.pixels)
        return photo


def _source(place: Place, folder: Path, sent: Path, notices: list[str]) -> Path:
    """The file that the history begins with. Where that has changed since, the history is put aside."""
    original = folder / "original"
    if place.path is None:
        return sent
    if not place.path.exists():
        raise FileNotFoundError(f"{place.path}: no such file any more")
    kept, now = read_json(folder / "picture.json"), digest(place.path)
    if now in kept.get("saved", ()) and original.exists():
        return original
    backup = place.path.with_name(place.path.name + batch.BACKUP)
    if kept and now != kept.get("digest") and backup.is_file() and digest(backup) == kept.get("digest"):
        notices.append(f"{place.name} was repaired elsewhere since: what is shown here begins with {backup.name}")
        return backup
    if kept and now != kept.get("digest"):
        _put_aside(folder)
        notices.append(
            f"{place.name} has changed on the disk since it was last open here: it begins anew, and its strokes and "
            "fills were put aside"
        )
        kept = {}
    if not kept:
        write_json(folder / "picture.json", {"name": place.name, "path": str(place.path), "digest": now})
    return place.path


def mark(path: Path) -> tuple[int, int]:
    """What shows at a glance whether a file has changed: its size and time."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def digest(path: Path) -> str:
    """What shows for certain whether a file has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def _put_aside(folder: Path) -> None:
    number = 1
    while (folder / f"aside-{number}").exists():
        number += 1
    aside = folder / f"aside-{number}"
    aside.mkdir()
    for path in list(folder.iterdir()):
        if path.is_file():
            path.rename(aside / path.name)


def _writable(loaded: Loaded) -> Loaded:
    """The same with pixels that fills can be put into."""
    pixels: Any = np.ascontiguousarray(loaded.pixels)
    return replace(loaded, pixels=pixels if pixels.flags.writeable else pixels.copy())
