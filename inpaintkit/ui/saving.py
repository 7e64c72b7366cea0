"""What leaves the page: the picture in its format or another, in place or beside; the mask; the strokes."""

from __future__ import annotations

import hashlib
import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inpaintkit import atomic, files
from inpaintkit.batch import BACKUP, is_alike
from inpaintkit.files import FORMATS, Loaded, Stream
from inpaintkit.ui.events import MASK, Event, pixels
from inpaintkit.ui.layers import Layers
from inpaintkit.ui.photos import ConflictError, Entry, Photo
from inpaintkit.ui.sessions import read_json, write_json
from inpaintkit.ui.shelf import REPAIRED, ForbiddenError, digest, mark
from inpaintkit.ui.tiles import Encoded

ENDINGS = {"png": ".png", "jpeg": ".jpg", "tiff": ".tif", "webp": ".webp", "bmp": ".bmp"}
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "TIFF": "image/tiff", "WebP": "image/webp", "BMP": "image/bmp"}
LOSSY = "JPEG stores every picture anew: known pixels may change by some levels; PNG and TIFF keep them bit for bit"


@dataclass(frozen=True)
class Saved:
    """Where a picture went."""

    path: Path
    backup: Path | None

    @property
    def note(self) -> str:
        """What a person should know of it."""
        return LOSSY if FORMATS[self.path.suffix.lower()] == "JPEG" else ""


def repaired(photo: Photo) -> str:
    """What is added to the photo's name, and the page's number where its file has several."""
    return REPAIRED if photo.loaded.pages == 1 else f"{REPAIRED}_page{photo.page}"


def ending(name: str, loaded: Loaded, format: str | None) -> str:
    """The ending of a format, or that of the file; PNG where its own is only read. ValueError for an unknown one."""
    if format is not None:
        if not isinstance(format, str) or format.lower() not in ENDINGS:
            raise ValueError(f"the format is {format!r}: choose one of {', '.join(ENDINGS)}")
        return ENDINGS[format.lower()]
    suffix = Path(name).suffix
    if loaded.format in TYPES:
        return suffix if FORMATS.get(suffix.lower()) == loaded.format else ENDINGS[loaded.format.lower()]
    return ".png"


def encoded(loaded: Loaded, suffix: str, name: str) -> Encoded:
    """The picture as a file, with what its own file said besides, as far as the format holds it."""
    content = io.BytesIO()
    files.write(Stream(content, name, suffix), loaded.pixels, like=loaded)
    return Encoded(content.getvalue(), TYPES[FORMATS[suffix.lower()]])


def formats(photo: Photo) -> list[str]:
    """The formats that can hold the picture."""
    found = []
    for name, suffix in ENDINGS.items():
        try:
            files.check(Stream(io.BytesIO(), name, suffix), photo.pixels, like=photo.loaded)
        except ValueError:
            continue
        found.append(name)
    return found


def can_replace(photo: Photo) -> bool:
    """Whether the photo can be saved in place: it has a file, of a format that is written, with one page."""
    return (
        photo.path is not None
        and FORMATS.get(photo.path.suffix.lower()) == photo.loaded.format
        and photo.loaded.pages == 1
    )


def save(photo: Photo, where: str, format: str | None, name: str | None) -> Saved:
    """Write the picture beside its file or in its place; the place is noted as saved.

    Raises
    ------
    ForbiddenError : a name that leads elsewhere, or a photo without a folder.
    ConflictError : a file of that name, or one that has changed meanwhile.
    ValueError, OSError : what ``files.write`` raises.
    """
    if photo.path is None:
        raise ForbiddenError(f"{photo.name} was sent without a folder: download it")
    with photo.lock:
        if where == "in_place":
            saved = _replace(photo, photo.path)
        elif where == "beside":
            saved = Saved(_beside(photo, photo.path, format, name), None)
        else:
            raise ValueError(f"where is {where!r}: choose beside or in_place")
        photo.mark_saved()
    return saved


def mask_file(photo: Photo, layer: str) -> Encoded:
    """A layer as a PNG, white where it is marked."""
    content = io.BytesIO()
    files.write(Stream(content, "the mask", ".png"), photo.layers.mask(layer).astype(np.uint8) * np.uint8(255))
    return Encoded(content.getvalue(), "image/png")


def strokes(photo: Photo) -> dict[str, Any]:
    """What was painted since the last fill, as events that make the same layers when they are done again.

    What was selected in this photo (wand, object, pieces, a mask from a file) goes along pixel by pixel, and so does
    what a fill left painted.
    """
    events: list[Event] = []
    layers = Layers(photo.shape)
    for entry in photo.entries[: photo.cursor]:
        for delta in entry.deltas:
            layers.turn(delta)
        if entry.patch is not None:
            left = layers.marked(MASK)[1]
            events = [event for event in events if event["layer"] != MASK]
            events += [pixels(MASK, left, layers.mask()[left.slices])] if left else []
        else:
            events += _portable(entry)
    height, width = photo.shape
    return {"inpaintkit": "strokes", "width": width, "height": height, "events": events}


def _portable(entry: Entry) -> list[Event]:
    """An event, or what does the same without looking at the picture."""
    if entry.selection is None:
        return [entry.event]
    layer, selected = entry.event["layer"], entry.selection
    first: list[Event] = [{"type": "clear", "layer": layer}] if entry.event.get("how") == "replace" else []
    return [*first, pixels(layer, selected.box, selected.flipped(), entry.event.get("mode", "add"))]


def _replace(photo: Photo, path: Path) -> Saved:
    if not can_replace(photo):
        raise ConflictError(f"{photo.name} cannot be written in its own format: save it beside, or download it")
    if photo.mark != mark(path):
        raise ConflictError(f"{photo.name} has changed on the disk since it was opened: save beside, or open it again")
    backup = path.with_name(path.name + BACKUP)
    _check_backup(photo, path, backup)
    files.check(path, photo.pixels, like=photo.loaded)
    data = encoded(photo.loaded, path.suffix, path.name).data
    original, note = photo.folder / "original", photo.folder / "picture.json"
    if not original.exists():  # what the history begins with, whatever becomes of the backup
        with photo.source.open("rb") as source, atomic.whole(original) as copy:
            shutil.copyfileobj(source, copy)
    kept = read_json(note)
    write_json(note, {**kept, "saved": [*kept.get("saved", []), _digest(data)][-2:]})
    atomic.write_bytes(path, data, backup=backup)
    photo.mark = mark(path)
    return Saved(path, backup)


def _check_backup(photo: Photo, path: Path, backup: Path) -> None:
    """ConflictError where the backup's name is taken by something that this photo was not made from."""
    if not backup.exists():
        return
    if not files.is_picture(backup) or not is_alike(photo.pixels, files.load(backup).pixels):
        raise ConflictError(f"{backup.name} was kept from another picture than {path.name}: move one of them elsewhere")


def _beside(photo: Photo, path: Path, format: str | None, name: str | None) -> Path:
    if name is None:
        suffix = ending(photo.name, photo.loaded, format)
        target = _free(photo, path.with_name(f"{path.stem}{repaired(photo)}{suffix}"))
    else:
        if not name or name != Path(name).name or "\\" in name or name.startswith(".") or "\0" in name:
            raise ForbiddenError(f"{name[:80]!r} is no plain file name: it is saved in the photo's own folder")
        target = path.with_name(name)
        if target.exists() and not _is_ours(photo, target):
            raise ConflictError(f"{name} exists already: give another name")
    files.check(target, photo.pixels, like=photo.loaded)
    data = encoded(photo.loaded, target.suffix, target.name).data
    note = photo.folder / "picture.json"
    kept = read_json(note)
    write_json(note, {**kept, "beside": {**kept.get("beside", {}), target.name: _digest(data)}})
    atomic.write_bytes(target, data)
    return target


def _free(photo: Photo, target: Path) -> Path:
    """The name, or with a number where another's file has it; what was saved here before is replaced."""
    number, found = 2, target
    while found.exists() and not _is_ours(photo, found):
        found = target.with_name(f"{target.stem}_{number}{target.suffix}")
        number += 1
    return found


def _is_ours(photo: Photo, target: Path) -> bool:
    """Whether a file is what was saved here before, unchanged."""
    known = read_json(photo.folder / "picture.json").get("beside", {}).get(target.name)
    return known is not None and known == digest(target)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data).hexdigest()
