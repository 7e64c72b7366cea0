"""Folders of pictures: which mask belongs to which picture, filled file by file, in one process or several.

A file is done when its output exists, and outputs appear whole or not at all, so a run that was stopped at any moment
is finished by starting it again.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, TextIO

from inpaintkit import registry
from inpaintkit.api import inpaint
from inpaintkit.atomic import is_replaced, sweep
from inpaintkit.errors import EmptyMaskWarning, InpaintWarning
from inpaintkit.executors import spread
from inpaintkit.files import READABLE, Loaded, check, copy, is_picture, load, read, read_mask, write
from inpaintkit.files.formats import FORMATS
from inpaintkit.find import find_mask
from inpaintkit.info import Info
from inpaintkit.masks import resize
from inpaintkit.options import kinds_of
from inpaintkit.picture import PictureMask, PictureOption
from inpaintkit.problem import Step

BACKUP = ".orig"  # added to a picture's name by an in-place repair
_MASK_ENDINGS = ("", "_mask", "_mask000")


@dataclass(frozen=True)
class Search:
    """A mask still to be found: the kind of damage, and further keywords of ``find_mask``."""

    kind: Any
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"found: {self.kind}"


@dataclass(frozen=True)
class Job:
    """A picture, its mask (a file, "alpha", or a search), and where the result goes (the picture itself: in place)."""

    photo: Path
    mask: Path | Literal["alpha"] | Search
    output: Path

    @property
    def backup(self) -> Path | None:
        """Where the original is kept when the result takes its place; None where it does not."""
        return self.photo.with_name(self.photo.name + BACKUP) if self.output == self.photo else None


@dataclass(frozen=True)
class Settings:
    """The same for every file of a run."""

    method: str = "auto"
    resize_mask: bool = False
    page: int | None = None  # counted from 1
    arguments: dict[str, Any] = field(default_factory=dict)  # further keywords of ``inpaint``; a Path is read as a mask


@dataclass(frozen=True)
class Outcome:
    """What became of one file; a line of the log."""

    photo: str
    output: str
    status: Literal["done", "skipped", "failed"]
    mask: str = ""
    method: str = ""
    pixels: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    error: str = ""


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


def plan(folder: Path, mask: Path | Literal["alpha"] | Search, output: Path | None) -> tuple[list[Job], list[Outcome]]:
    """Jobs for every picture of a folder, and a failed outcome for each that has no mask of its own.

    Parameters
    ----------
    folder : read with its subfolders.
    mask : one file for all, "alpha", a search, or a folder of masks. A mask is named like its picture, or with _mask or
        _mask000 added, and lies in the same subfolder or, where the name is unique, anywhere in the mask folder.
    output : the folder for the results, with the same relative paths and names; None: in place.

    Raises
    ------
    ValueError : the folder holds no picture.
    """
    others = [path for path in (mask, output) if isinstance(path, Path) and path.resolve() != folder.resolve()]
    photos = pictures(folder, except_in=others)
    masks = _Masks(mask, among=photos) if isinstance(mask, Path) and mask.is_dir() else None
    if masks:
        photos = [photo for photo in photos if photo not in masks.beside]
    if not photos:
        raise ValueError(f"{folder} and its subfolders hold no picture ({', '.join(READABLE)})")
    jobs, failed = [], []
    for photo in photos:
        target = photo if output is None else output / photo.relative_to(folder)
        try:
            jobs.append(Job(photo, masks.of(photo, photo.relative_to(folder)) if masks else mask, target))
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


def repair(job: Job, settings: Settings, progress: Callable[[Step], None] | None = None) -> Info:
    """Fill one file and write the result; in place, the original is kept beside it with ``.orig`` added to its name.

    Where a search finds nothing, the picture is copied as it is, with a warning.
    """
    backup = job.backup
    photo = load(backup if backup and backup.exists() else job.photo, page=settings.page)
    check(job.output, photo.pixels)
    height, width = photo.pixels.shape[:2]
    shape = (height, width) if settings.resize_mask else None
    mask = _job_mask(job, photo, shape)
    arguments: dict[str, Any] = {
        name: _option(settings.method, name, value, shape) if isinstance(value, Path) else value
        for name, value in settings.arguments.items()
    }
    with warnings.catch_warnings():
        if isinstance(job.mask, Search):  # what is not found is said below
            warnings.simplefilter("ignore", EmptyMaskWarning)
        result, info = inpaint(photo.pixels, mask, settings.method, progress=progress, return_info=True, **arguments)
    if isinstance(job.mask, Search) and not info.pixels:
        warnings.warn(f"{job.photo}: no {_sought(job.mask)} found, so nothing was filled", InpaintWarning, stacklevel=2)
        if backup:
            return info
        if FORMATS[job.output.suffix.lower()] == photo.format and settings.page is None:
            copy(job.photo, job.output)
            return info
    write(job.output, result, like=photo, backup=backup)
    return info


def _job_mask(job: Job, photo: Loaded, shape: tuple[int, int] | None) -> Any:
    """A job's mask as ``inpaint`` takes it."""
    if isinstance(job.mask, Search):
        return find_mask(photo.pixels, job.mask.kind, **job.mask.options)
    return "alpha" if job.mask == "alpha" else _mask(job.mask, shape)


def _sought(search: Search) -> str:
    return "damage" if search.kind == "auto" else f"{search.kind} to fill" if search.kind == "colour" else search.kind


def _mask(path: Path, shape: tuple[int, int] | None) -> Any:
    """A mask file's pixels, scaled to a shape where one is given."""
    mask = read_mask(path)
    return mask if shape is None or mask.shape[:2] == shape else resize(mask, shape)


def _option(method: str, name: str, path: Path, shape: tuple[int, int] | None) -> Any:
    """What a file says that a method's option names, scaled to a shape where one is given."""
    kinds = kinds_of(registry.find(method).parameters()[name].annotation)
    kind: Any = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, PictureOption))
    value = kind.of_option(read_mask(path) if issubclass(kind, PictureMask) else read(path))
    return value if shape is None or value.pixels.shape[:2] == shape else value.resized(shape)


def is_done(job: Job) -> bool:
    """Whether an earlier run wrote the output, whole (in place: and kept another original beside it)."""
    try:
        if job.backup:
            return is_replaced(job.output, job.backup) and is_picture(job.backup)
        return job.output.is_file() and job.output.stat().st_size > 0
    except OSError:  # not there, or what an attempt will report
        return False


def attempt(job: Job, settings: Settings) -> Outcome:
    """``repair``, but whatever goes wrong becomes an outcome."""
    began = time.perf_counter()
    paths: dict[str, Any] = {"photo": str(job.photo), "output": str(job.output), "mask": str(job.mask)}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            job.output.parent.mkdir(parents=True, exist_ok=True)
            info = repair(job, settings)
        except (Exception, SystemExit) as error:  # a method's author may exit, but not from a folder's run
            text = " ".join((str(error) or type(error).__name__).split())
            return Outcome(**paths, status="failed", seconds=time.perf_counter() - began, error=text)
    texts = tuple(str(warning.message) for warning in caught)
    seconds = time.perf_counter() - began
    return Outcome(**paths, status="done", method=info.method, pixels=info.pixels, seconds=seconds, warnings=texts)


def run(jobs: Sequence[Job], settings: Settings, *, workers: int = 1, overwrite: bool = False) -> Iterator[Outcome]:
    """Outcomes of all jobs as they come in; with several workers in spawned processes of one thread each.

    A worker that dies takes only its own file with it.
    """
    folders = {job.output.parent for job in jobs}
    for folder in folders:
        sweep(folder)
    try:
        yield from _attempts(jobs, settings, workers=workers, overwrite=overwrite)
    finally:
        for folder in folders:  # a worker that died may have been writing
            sweep(folder)


def _attempts(jobs: Sequence[Job], settings: Settings, *, workers: int, overwrite: bool) -> Iterator[Outcome]:
    todo = []
    for job in jobs:
        if not overwrite and is_done(job):
            yield Outcome(str(job.photo), str(job.output), "skipped", mask=str(job.mask))
        else:
            todo.append(job)
    if workers == 1:
        yield from (attempt(job, settings) for job in todo)
        return
    one_thread = Settings(settings.method, settings.resize_mask, settings.page, {**settings.arguments, "threads": 1})
    for job, outcome in spread(partial(attempt, settings=one_thread), todo, workers):
        yield outcome or Outcome(
            str(job.photo), str(job.output), "failed", mask=str(job.mask), error="its process died"
        )


@contextlib.contextmanager
def log_to(path: Path | None) -> Iterator[Callable[[Outcome], None]]:
    """A function that appends an outcome to a JSON-lines file at once; without a file it does nothing."""
    with contextlib.ExitStack() as stack:
        file: TextIO | None = stack.enter_context(path.open("a", encoding="utf-8")) if path else None

        def add(outcome: Outcome) -> None:
            if file:
                file.write(json.dumps(asdict(outcome), ensure_ascii=False) + "\n")
                file.flush()

        yield add
