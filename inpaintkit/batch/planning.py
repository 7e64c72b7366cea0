"""Which files of a folder are pictures, which mask belongs to which, and where each result goes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from inpaintkit.batch.jobs import Job, Outcome, Search
from inpaintkit.files import READABLE

_MASK_ENDINGS = ("", "_mask", "_mask000")


def pictures(folder: Path, *, except_in: Sequence[Path] = ()) -> list[Path]:
    """The picture files of a folder and its subfolders, sorted; without hidden ones and those below ``except_in``."""
    skipped = [path.resolve() for path in except_in]
    found = []
    for here, folders, files in os.walk(folder):
        parent = Path(here)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (parent / name).resolve() not in skipped
        )
        found += [parent / name for name in files if name.lower().endswith(READABLE) and not name.startswith(".")]
    return sorted(found)


def plan(
    folder: Path, mask: Path | Literal["alpha"] | Search, output: Path | None, sheets: Path | None = None
) -> tuple[list[Job], list[Outcome]]:
    """Jobs for every picture of a folder, and a failed outcome for each that has no mask of its own.

    Parameters
    ----------
    folder : read with its subfolders.
    mask : one file for all, "alpha", a search, or a folder of masks. A mask is named like its picture, or with _mask or
        _mask000 added, and lies in the same subfolder or, where the name is unique, anywhere in the mask folder.
    output : the folder for the results, with the same relative paths and names; None: in place.
    sheets : a folder for sheets of before, mask and after, with the same relative paths and .png added; None: none.

    Raises
    ------
    ValueError : the folder holds no picture.
    """
    others = [path for path in (mask, output, sheets) if isinstance(path, Path) and path.resolve() != folder.resolve()]
    photos = pictures(folder, except_in=others)
    masks = _Masks(mask, among=photos) if isinstance(mask, Path) and mask.is_dir() else None
    if masks:
        photos = [photo for photo in photos if photo not in masks.beside]
    if not photos:
        raise ValueError(f"{folder} and its subfolders hold no picture ({', '.join(READABLE)})")
    jobs, failed = [], []
    for photo in photos:
        relative = photo.relative_to(folder)
        target = photo if output is None else output / relative
        sheet = sheets / relative.with_name(f"{photo.name}.png") if sheets else None
        try:
            jobs.append(Job(photo, masks.of(photo, relative) if masks else mask, target, sheet))
        except ValueError as error:
            failed.append(Outcome(str(photo), str(target), "failed", error=str(error)))
    return jobs, failed


class _Masks:
    """The mask files of a folder, by relative path without suffix and by stem."""

    def __init__(self, folder: Path, among: list[Path]) -> None:
        self.folder = folder
        stems = {(photo.parent, photo.stem) for photo in among}
        self.beside = {  # masks that lie among the pictures: named after one of them
            photo
            for photo in among
            for ending in _MASK_ENDINGS[1:]
            if photo.stem.endswith(ending) and (photo.parent, photo.stem.removesuffix(ending)) in stems
        }
        photos = {photo.resolve() for photo in among if photo not in self.beside}
        self.by_path: dict[Path, list[Path]] = {}
        self.by_stem: dict[str, list[Path]] = {}
        for path in pictures(folder):
            if path.resolve() not in photos:
                self.by_path.setdefault(path.relative_to(folder).with_suffix(""), []).append(path)
                self.by_stem.setdefault(path.stem, []).append(path)

    def of(self, photo: Path, relative: Path) -> Path:
        """The one mask of a picture; raises ValueError if there is no mask or more than one."""
        names = [relative.stem + ending for ending in _MASK_ENDINGS]
        for found in (
            *(self.by_path.get(relative.with_name(name), []) for name in names),
            *(self.by_stem.get(name, []) for name in names),
        ):
            if len(found) == 1:
                return found[0]
            if found:
                raise ValueError(f"{photo} has {len(found)} masks, {', '.join(map(str, found))}: keep only one")
        raise ValueError(
            f"{photo} has no mask in {self.folder}: name it {relative.with_suffix('.png')} or {names[1]}.png"
        )
