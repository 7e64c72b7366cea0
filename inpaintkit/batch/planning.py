"""Which files of a folder are pictures, which mask belongs to which, and where each result goes."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from inpaintkit.atomic import is_temporary
from inpaintkit.batch.jobs import BACKUP, Job, Outcome, Search
from inpaintkit.batch.notes import Notes
from inpaintkit.files import FORMATS, READABLE, unwritable, written_as

_MASK_ENDINGS = ("", "_mask", "_mask000")
_Identity = tuple[int, int]  # of a file, whatever its names: device and number


def pictures(
    folder: Path, *, except_in: Sequence[Path] = (), given: Iterable[Path] = (), notes: Notes | None = None
) -> list[Path]:
    """The picture files of a folder and its subfolders, sorted; without hidden ones and those below ``except_in``.

    Files that are ``given`` for another purpose are left out under whatever name. Noted is what else is passed over:
    hidden and linked folders, hidden files, those with other endings, folders that cannot be read. Linked files count.
    """
    skipped = {path.resolve() for path in except_in}
    named = {_identity(path) for path in given} - {None}
    notes = notes or Notes()
    found = []
    for here, folders, files in os.walk(folder, onerror=lambda error: _note_unreadable(folder, error, notes)):
        parent = Path(here)
        entered = []
        for path in sorted(parent / name for name in folders):
            if path.name.startswith(".") or path.is_symlink():
                notes.add(f"passed over, {'linked' if path.is_symlink() else 'hidden'} folders", path)
            elif path.resolve() not in skipped:
                entered.append(path.name)
        folders[:] = entered
        for path in sorted(parent / name for name in files):
            if named and _identity(path) in named:
                continue
            if is_temporary(path.name):
                continue
            if path.name.startswith("."):
                notes.add("passed over, hidden files", path)
            elif path.name.lower().endswith(READABLE):
                found.append(path)
            elif not path.name.endswith(BACKUP):
                notes.add("passed over, other endings", path)
    return sorted(found)


def plan(
    folder: Path,
    mask: Path | str | Search,
    output: Path | None,
    sheets: Path | None = None,
    *,
    given: Iterable[Path] = (),
    notes: Notes | None = None,
) -> tuple[list[Job], list[Outcome]]:
    """Jobs for every picture of a folder, and a failed outcome for each that has no mask or output of its own.

    Parameters
    ----------
    folder : read with its subfolders.
    mask : one file for all, a name ("alpha"), a search, or a folder of masks. A mask is named like its picture, or with
        _mask or _mask000 added, and lies in the same subfolder or, where the name is unique, anywhere in the mask
        folder.
    output : the folder for the results, with the same relative paths and names, but for the ending .png where a format
        is only read; None: in place.
    sheets : a folder for sheets of before, mask and after, with the same relative paths and .png added; None: none.
    given : files that are named for another purpose. They, ``mask``, and what is named like the mask of another picture
        are no pictures.
    notes : gets what is passed over, and which pictures share a mask because they differ in their ending only.

    Raises
    ------
    ValueError : the folder holds no picture.
    OSError : the folder cannot be read.
    """
    notes = notes or Notes()
    given = [*given, *([mask] if isinstance(mask, Path) and not mask.is_dir() else [])]
    others = [path for path in (mask, output, sheets) if isinstance(path, Path) and path.resolve() != folder.resolve()]
    found = pictures(folder, except_in=others, given=given, notes=notes)
    beside = _masks_beside(found)
    photos = [photo for photo in found if photo not in beside]
    if not photos:
        raise ValueError(f"{folder} and its subfolders hold no picture ({', '.join(READABLE)})")
    masks = _Masks(mask, photos) if isinstance(mask, Path) and mask.is_dir() else None
    outputs = _Outputs(output, [*photos, *given, *(masks.paths if masks else ())])
    jobs, failed = [], []
    for photo in photos:
        relative = photo.relative_to(folder)
        target = photo if output is None else written_as(output / relative)
        sheet = sheets / relative.with_name(f"{photo.name}.png") if sheets else None
        try:
            if target.suffix.lower() not in FORMATS:
                raise ValueError(f"{unwritable(photo)}, in a folder named with -o")
            own = masks.of(photo, relative) if masks else mask
            outputs.take(target, photo)
            jobs.append(Job(photo, own, target, sheet))
        except ValueError as error:
            failed.append(Outcome(str(photo), str(target), "failed", error=str(error)))
    used = Counter(job.mask for job in jobs if masks)
    for path in sorted(beside - used.keys()):
        notes.add("passed over, named like the mask of another picture", path)
    for job in jobs:
        if masks and used[job.mask] > 1:
            notes.add("pictures that share a mask", job.photo)
    return jobs, failed


def _note_unreadable(folder: Path, error: OSError, notes: Notes) -> None:
    reason = error.strerror or type(error).__name__
    if error.filename is None or Path(error.filename) == folder:
        raise type(error)(f"{folder} cannot be read: {reason}")
    notes.add(f"passed over, folders that cannot be read ({reason})", error.filename)


def _masks_beside(photos: Sequence[Path]) -> set[Path]:
    """The pictures among others that are named like a mask of one of them."""
    stems = {(photo.parent, _composed(photo.stem)) for photo in photos}
    return {
        photo
        for photo in photos
        for ending in _MASK_ENDINGS[1:]
        if photo.stem.endswith(ending) and (photo.parent, _composed(photo.stem.removesuffix(ending))) in stems
    }


def _composed(name: str) -> str:
    """A name to compare with others: some systems store an umlaut as one character, others as a letter and two dots."""
    return unicodedata.normalize("NFC", name)


def _identity(path: Path) -> _Identity | None:
    with suppress(OSError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None


class _Outputs:
    """The results' names: each for one picture only, and none that of an input."""

    def __init__(self, folder: Path | None, inputs: Iterable[Path]) -> None:
        self.folder = folder
        self.inputs = {identity: path for path in inputs if folder and (identity := _identity(path))}
        self.owners: dict[Path, Path] = {}
        self.folded: dict[str, Path] = {}

    def take(self, target: Path, photo: Path) -> None:
        """Reserve a name; raises ValueError where another picture has it, or where it is an input."""
        if target in self.owners:
            raise ValueError(f"{photo} and {self.owners[target]} would both be written to {target}: rename one of them")
        folded = unicodedata.normalize("NFC", str(target)).casefold()
        if folded in self.folded and self.folder and _ignores_case(self.folder):
            raise ValueError(
                f"{photo} and {self.folded[folded]} would be one file in {self.folder}, where upper and lower case are "
                "the same: rename one of them"
            )
        self.owners[target] = self.folded[folded] = photo
        identity = _identity(target)
        if identity in self.inputs:
            raise ValueError(
                f"{target}, to be written for {photo}, is also the input {self.inputs[identity]}: name another output"
            )


def _ignores_case(folder: Path) -> bool:
    """Whether upper and lower case are the same in a folder, or in the next one above it that is there."""
    while not folder.exists():
        folder = folder.parent
    with suppress(OSError):
        for path in (*folder.iterdir(), folder.absolute()):
            other = path.with_name(path.name.swapcase()) if path.name else path
            if other.name != path.name:
                return other.exists() and other.samefile(path)
    return False


class _Masks:
    """The mask files of a folder, by relative path without suffix and by stem."""

    def __init__(self, folder: Path, photos: Iterable[Path]) -> None:
        self.folder = folder
        own = {photo.resolve() for photo in photos}
        self.paths = [path for path in pictures(folder) if path.resolve() not in own]
        self.by_path: dict[str, list[Path]] = {}
        self.by_stem: dict[str, list[Path]] = {}
        for path in self.paths:
            self.by_path.setdefault(_composed(str(path.relative_to(folder).with_suffix(""))), []).append(path)
            self.by_stem.setdefault(_composed(path.stem), []).append(path)

    def of(self, photo: Path, relative: Path) -> Path:
        """The one mask of a picture; raises ValueError if there is no mask or more than one."""
        names = [relative.stem + ending for ending in _MASK_ENDINGS]
        for found in (
            *(self.by_path.get(_composed(str(relative.with_name(name))), []) for name in names),
            *(self.by_stem.get(_composed(name), []) for name in names),
        ):
            if len(found) == 1:
                return found[0]
            if found:
                raise ValueError(f"{photo} has {len(found)} masks, {', '.join(map(str, found))}: keep only one")
        raise ValueError(
            f"{photo} has no mask in {self.folder}: name it {relative.with_suffix('.png')} or {names[1]}.png"
        )
