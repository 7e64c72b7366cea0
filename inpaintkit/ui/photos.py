"""A photo that is being repaired: one history of strokes and fills, which undo and redo walk along.

What is seen is the fold of the events before the cursor. Each event keeps what it changed, so that undoing costs what
was changed and never the picture. Every change is in the journal before anybody hears of it.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit import atomic
from inpaintkit.box import Box
from inpaintkit.files import Loaded
from inpaintkit.problem import Mask
from inpaintkit.sheet import Display
from inpaintkit.ui.changes import Delta, Patch, union
from inpaintkit.ui.events import MASK, Event
from inpaintkit.ui.journal import Journal
from inpaintkit.ui.layers import Layers
from inpaintkit.ui.offers import Offer
from inpaintkit.ui.said import one_line
from inpaintkit.ui.tiles import Pyramid

Changed = dict[str, Box | None]  # layer, or "picture" -> what to draw again


class ConflictError(Exception):
    """It cannot be done in the state that the photo is in; the message says what to do."""


@dataclass(eq=False)
class Entry:
    """An event with what it changed, and what it selected in the picture; ``id`` grows from event to event."""

    id: int
    event: Event
    deltas: list[Delta]
    patch: Patch | None = None
    selection: Delta | None = None

    @property
    def changed(self) -> Changed:
        """What to draw again when it is done or undone."""
        found: Changed = {delta.layer: delta.box for delta in self.deltas}
        if self.patch is not None:
            found["picture"] = self.patch.box
            if self.patch.has_expected:
                found["expected"] = self.patch.box
        return found


@dataclass(eq=False)
class Photo:
    """A picture with its history. Whatever reads or changes it holds ``lock``.

    Attributes
    ----------
    loaded : as the file was; its pixels are those of now, fills put in.
    folder : where journal and arrays lie.
    source : the file that was read, which the history begins with.
    path : the photo's own place, None for a picture that was sent.
    notices : what a person should know of it: a damaged journal, warnings of reading.
    revision : grows with every change, over restarts too.
    saved : id of the last event when the picture was saved, 0 for the picture as opened.
    """

    id: str
    name: str
    loaded: Loaded
    folder: Path
    journal: Journal
    source: Path
    path: Path | None = None
    notices: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    cursor: int = 0
    saved: int = 0
    revision: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    lock: threading.RLock = field(default_factory=threading.RLock)
    found: Any = None  # the last search's pieces
    selected: tuple[Any, Mask] | None = None  # what was selected last, and what was asked for
    offer: Offer | None = None  # the last fills to choose from
    page: int = 1  # of the file, where that has several
    mark: tuple[int, int] | None = None  # of the file when it was last read or written here
    _before: Pyramid | None = None

    def __post_init__(self) -> None:
        self.layers = Layers(self.shape)
        self.display = Display.of(self.pixels, channels=self.loaded.channels)
        self.now = Pyramid(self.pixels, self.display)
        self._last = 0

    @property
    def pixels(self) -> NDArray[Any]:
        """(H, W) or (H, W, C), as they are now."""
        return self.loaded.pixels

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def top(self) -> int:
        """The id of the event before the cursor; 0 at the beginning."""
        return self.entries[self.cursor - 1].id if self.cursor else 0

    @property
    def picture(self) -> int:
        """The id of the last fill before the cursor, 0 for none: it says which pixels are there now."""
        return next((entry.id for entry in reversed(self.entries[: self.cursor]) if entry.patch is not None), 0)

    @property
    def fills(self) -> list[Patch]:
        """Those before the cursor, first to last."""
        return [entry.patch for entry in self.entries[: self.cursor] if entry.patch is not None]

    def before(self, level: int, box: Box) -> NDArray[np.uint8]:
        """A box of the picture as it was opened."""
        if level and self._before is not None:
            return self._before.part(level, box)
        if level == 0:
            pixels = self.pixels[box.slices].copy()
            for patch in reversed(self.fills):
                for cell in patch.touching(box):
                    cell.put_part(pixels, box, undo=True)
            return Pyramid(pixels, self.display).part(0, Box.of_shape(box.shape))
        return self.now.part(level, box)

    def add(self, event: Event, chosen: Mask | None = None) -> Changed:
        """Do an event that changes a layer; ``chosen``, bool (H, W), for one that needs the picture or a file."""
        with self.lock:
            kept: dict[str, Any] = {}
            number = self._last + 1
            selection = None
            if chosen is not None:
                selection = Delta.of(event["layer"], Box.of_shape(self.shape), chosen)
                if selection is None:
                    raise ValueError("nothing is selected there")
                kept["pixels"] = {"file": f"pixels-{number}", "box": selection.box}
                atomic.write_bytes(self.folder / f"pixels-{number}", selection.bits)
            entry = Entry(number, event, self.layers.deltas(event, selection), selection=selection)
            return self._append(entry, kept)

    def add_fill(self, event: Event, patch: Patch) -> Changed:
        """Put a fill in, and take what was filled out of the mask."""
        with self.lock:
            number = self._last + 1
            name = f"fill-{number}.npz"
            with atomic.whole(self.folder / name) as file:
                patch.write(file)
            return self._append(Entry(number, event, self._filled(patch), patch), {"patch": name})

    def move(self, steps: int) -> Changed:
        """Undo, or do again: so many events back or on, as far as there are any."""
        with self.lock:
            target = min(max(self.cursor + steps, 0), len(self.entries))
            if target == self.cursor:
                return {}
            self.journal.add({"cursor": self.entries[target - 1].id if target else 0})
            changed = self._walk(target)
            self.revision += 1
            return changed

    def is_moved_by_fill(self, steps: int) -> bool:
        """Whether undo or redo would change the picture."""
        target = min(max(self.cursor + steps, 0), len(self.entries))
        span = self.entries[min(target, self.cursor) : max(target, self.cursor)]
        return any(entry.patch is not None for entry in span)

    def mark_saved(self) -> None:
        """Note that the picture as it is now is in a file."""
        with self.lock:
            self.journal.add({"saved": self.top})
            self.saved = self.top

    def _filled(self, patch: Patch) -> list[Delta]:
        """What a fill takes out of the mask."""
        box, hole = patch.holes()
        delta = Delta.of(MASK, box, hole & self.layers.mask()[box.slices])
        return [delta] if delta else []

    def _append(self, entry: Entry, kept: dict[str, Any]) -> Changed:
        self.journal.add({"id": entry.id, "after": self.top, "event": entry.event, **kept})
        self._last = entry.id
        dropped = self.entries[self.cursor :]
        del self.entries[self.cursor :]
        self.entries.append(entry)
        changed = self._walk(self.cursor + 1)
        self._forget(dropped)
        self.revision += 1
        changed.setdefault(entry.event.get("layer", MASK), None)
        return changed

    def _walk(self, target: int) -> Changed:
        changed: Changed = {}
        while self.cursor != target:
            undo = target < self.cursor
            entry = self.entries[self.cursor - 1 if undo else self.cursor]
            for delta in entry.deltas:
                self.layers.turn(delta)
            if entry.patch is not None:
                self._put(entry.patch, undo=undo)
            for name, box in entry.changed.items():
                changed[name] = union(changed.get(name), box)
            self.cursor += -1 if undo else 1
        return changed

    def _put(self, patch: Patch, *, undo: bool) -> None:
        if self._before is None:
            self._before = self.now.copy()
        patch.put(self.pixels, undo=undo)
        for cell in patch.cells.values():
            self.now.renew(cell.box)

    def _forget(self, dropped: list[Entry]) -> None:
        """Remove the files of what cannot be done again any more."""
        for entry in dropped:
            for name in (f"pixels-{entry.id}", f"fill-{entry.id}.npz"):
                (self.folder / name).unlink(missing_ok=True)


def replay(photo: Photo) -> None:
    """Bring a photo to where its journal ends; what is damaged costs only itself, and is noted."""
    kept: list[dict[str, Any]] = []
    cursor = 0
    for record in photo.journal.records:
        if "event" in record:
            kept = [other for other in kept if other["id"] <= record["after"]] + [record]
            cursor = record["id"]
        elif "cursor" in record:
            cursor = record["cursor"]
        elif "saved" in record:
            photo.saved = record["saved"]
        photo._last = max(photo._last, record.get("id", 0))
    if photo.journal.damaged:
        count = photo.journal.damaged
        photo.notices.append(
            f"{count} line{'s' * (count > 1)} of the journal cannot be read, and what was done there is lost"
        )
    for record in kept:
        try:
            entry = _entry(photo, record)
        except Exception as error:  # whatever a damaged file makes of itself
            photo.notices.append(f"a {record['event'].get('type')} of the journal is lost: {one_line(error)}")
            continue
        photo.entries.append(entry)
        photo._walk(len(photo.entries))
    photo._walk(bisect_right([entry.id for entry in photo.entries], cursor))


def _entry(photo: Photo, record: dict[str, Any]) -> Entry:
    """An event of the journal, worked out again on what came before it."""
    event = record["event"]
    if "patch" in record:
        with (photo.folder / record["patch"]).open("rb") as file:
            patch = Patch.read(file, photo.pixels)
        return Entry(record["id"], event, photo._filled(patch), patch)
    selection = None
    if "pixels" in record:
        bits = (photo.folder / record["pixels"]["file"]).read_bytes()
        selection = Delta(event["layer"], Box(*record["pixels"]["box"]), bits)
    return Entry(record["id"], event, photo.layers.deltas(event, selection), selection=selection)
