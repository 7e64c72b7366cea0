"""One picture or ten thousand: which mask belongs to which picture, filled file by file, in one process or several.

A file is done when its output exists, and outputs appear whole or not at all, so a run that was stopped at any moment
is finished by starting it again.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.api import inpaint
from inpaintkit.errors import InpaintWarning
from inpaintkit.files import READABLE, Loaded, check, copy, load, read_mask, write
from inpaintkit.files.atomic import sweep, whole
from inpaintkit.files.formats import FORMATS
from inpaintkit.find import find_mask
from inpaintkit.info import Info
from inpaintkit.problem import Step

Item = TypeVar("Item")
Result = TypeVar("Result")

BACKUP = ".orig"  # added to a picture's name by an in-place repair
_MASK_ENDINGS = ("", "_mask", "_mask000")
_AHEAD = 4  # files handed to each worker before it asks: enough to keep it busy, few enough to forget


@dataclass(frozen=True)
class Search:
    """A mask that is to be found: the kind of damage, and further keywords of ``find_mask``."""

    kind: Any
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"of the {self.kind} that is found"


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
    """What holds for every file of a run."""

    method: str = "auto"
    resize_mask: bool = False
    page: int | None = None
    arguments: dict[str, Any] = field(default_factory=dict)  # further keywords of ``inpaint``; a Path is a mask file


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


def pictures(folder: Path, *, without: Sequence[Path] = ()) -> list[Path]:
    """The picture files of a folder and its subfolders, sorted; hidden ones and those below ``without`` left out."""
    barred = [path.resolve() for path in without]
    found = []
    for here, folders, files in os.walk(folder):
        place = Path(here)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (place / name).resolve() not in barred
        )
        found += [place / name for name in files if name.lower().endswith(READABLE) and not name.startswith(".")]
    return sorted(found)


def plan(folder: Path, mask: Path | Literal["alpha"] | Search, output: Path | None) -> tuple[list[Job], list[Outcome]]:
    """Jobs for every picture of a folder, and a failed outcome for each that has no mask of its own.

    Parameters
    ----------
    folder : read with its subfolders.
    mask : one file for all, "alpha", a search, or a folder: masks have a picture's stem, or stem_mask or stem_mask000,
        in the same subfolder or else anywhere in the mask folder where the name is unique.
    output : relative paths and names are kept below it; None: in place.

    Raises
    ------
    ValueError : no picture in the folder.
    """
    apart = [path for path in (mask, output) if isinstance(path, Path) and path.resolve() != folder.resolve()]
    photos = pictures(folder, without=apart)
    masks = _Masks(mask, among=photos) if isinstance(mask, Path) and mask.is_dir() else None
    if masks:
        photos = [photo for photo in photos if photo not in masks.beside]
    if not photos:
        raise ValueError(f"{folder} holds no picture ({', '.join(READABLE)}), nor do its subfolders")
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
        barred = {photo.resolve() for photo in among if photo not in self.beside}
        self.by_path: dict[Path, list[Path]] = {}
        self.by_stem: dict[str, list[Path]] = {}
        for path in pictures(folder):
            if path.resolve() not in barred:
                self.by_path.setdefault(path.relative_to(folder).with_suffix(""), []).append(path)
                self.by_stem.setdefault(path.stem, []).append(path)

    def of(self, photo: Path, relative: Path) -> Path:
        """The one mask of a picture; ValueError where there is none or more than one."""
        names = [relative.stem + ending for ending in _MASK_ENDINGS]
        for found in (
            *(self.by_path.get(relative.with_name(name), []) for name in names),
            *(self.by_stem.get(name, []) for name in names),
        ):
            if len(found) == 1:
                return found[0]
            if found:
                raise ValueError(f"{photo} has {len(found)} masks, {', '.join(map(str, found))}: leave one")
        raise ValueError(
            f"{photo} has no mask in {self.folder}: name it {relative.with_suffix('.png')} or {names[1]}.png"
        )


def repair(job: Job, settings: Settings, progress: Callable[[Step], None] | None = None) -> Info:
    """Fill one file and write the result; in place, the original is kept beside it with ``.orig`` added to its name.

    Where a search finds nothing the picture is copied as it is, which is told as a warning.
    """
    backup = job.backup
    photo = load(backup if backup and backup.exists() else job.photo, page=settings.page)
    check(job.output, photo.pixels)
    shape = photo.pixels.shape[:2] if settings.resize_mask else None
    mask = _job_mask(job, photo, shape)
    arguments: dict[str, Any] = {
        name: _mask(value, shape) if isinstance(value, Path) else value for name, value in settings.arguments.items()
    }
    result, info = inpaint(photo.pixels, mask, settings.method, progress=progress, return_info=True, **arguments)
    if isinstance(job.mask, Search) and not info.pixels:
        warnings.warn(f"{job.photo}: no {_sought(job.mask)} found, so nothing is filled", InpaintWarning, stacklevel=2)
        if backup:
            return info
        if FORMATS[job.output.suffix.lower()] == photo.format and settings.page is None:
            copy(job.photo, job.output)
            return info
    if backup and not backup.exists():
        _keep(job.photo, backup)
    write(job.output, result, like=photo)
    return info


def _job_mask(job: Job, photo: Loaded, shape: tuple[int, ...] | None) -> Any:
    """A job's mask as ``inpaint`` takes it."""
    if isinstance(job.mask, Search):
        return find_mask(photo.pixels, job.mask.kind, **job.mask.options)
    return "alpha" if job.mask == "alpha" else _mask(job.mask, shape)


def _sought(search: Search) -> str:
    return "damage" if search.kind == "auto" else f"{search.kind} to fill" if search.kind == "colour" else search.kind


def _mask(path: Path, shape: tuple[int, ...] | None) -> NDArray[Any]:
    """A mask file's pixels, scaled to a shape where one is given."""
    mask = read_mask(path)
    if shape is None or mask.shape[:2] == shape:
        return mask
    scaled = cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(scaled, mask.dtype)


def _keep(photo: Path, backup: Path) -> None:
    """The original under a second name, before its own name is given to the result."""
    try:
        os.link(photo, backup)
    except OSError:  # a file system without hard links
        with photo.open("rb") as original, whole(backup) as copied:
            shutil.copyfileobj(original, copied)
            copied.flush()
            shutil.copystat(photo, copied.name)


def is_done(job: Job) -> bool:
    """Whether an earlier run has made the output (in place: left the original beside it)."""
    return (job.backup or job.output).exists()


def attempt(job: Job, settings: Settings) -> Outcome:
    """``repair``, with whatever goes wrong as an outcome."""
    began = time.perf_counter()
    paths: dict[str, Any] = {"photo": str(job.photo), "output": str(job.output), "mask": str(job.mask)}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            job.output.parent.mkdir(parents=True, exist_ok=True)
            info = repair(job, settings)
        except Exception as error:
            text = " ".join((str(error) or type(error).__name__).split())
            return Outcome(**paths, status="failed", seconds=time.perf_counter() - began, error=text)
    told = tuple(str(warning.message) for warning in said)
    seconds = time.perf_counter() - began
    return Outcome(**paths, status="done", method=info.method, pixels=info.pixels, seconds=seconds, warnings=told)


def run(jobs: Sequence[Job], settings: Settings, *, workers: int = 1, overwrite: bool = False) -> Iterator[Outcome]:
    """Outcomes of all jobs as they come in; with several workers in spawned processes of one thread each.

    A worker that dies takes only its own file with it.
    """
    for folder in {job.output.parent for job in jobs}:
        sweep(folder)
    todo = []
    for job in jobs:
        if not overwrite and is_done(job):
            yield Outcome(str(job.photo), str(job.output), "skipped", mask=str(job.mask))
        else:
            todo.append(job)
    if workers == 1:
        yield from (attempt(job, settings) for job in todo)
        return
    alone = Settings(settings.method, settings.resize_mask, settings.page, {**settings.arguments, "threads": 1})
    for job, outcome in spread(partial(attempt, settings=alone), todo, workers):
        yield outcome or Outcome(
            str(job.photo), str(job.output), "failed", mask=str(job.mask), error="its process died"
        )


def spread(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Result | None]]:
    """Each item with its result, as they come in, from spawned processes; None where its process died.

    ``function`` and ``items`` must pickle. A worker that dies takes only its own item with it.
    """
    lost: list[Item] = []
    waiting = iter(items)
    while (yield from _in_pool(function, waiting, workers, ahead=_AHEAD, lost=lost)):
        pass  # a new pool goes on with what is left
    suspects, killers = iter(lost), list[Item]()
    while (yield from _in_pool(function, suspects, 1, ahead=1, lost=killers)):  # one at a time: which one is it?
        yield killers[-1], None


def _in_pool(
    function: Callable[[Item], Result], waiting: Iterator[Item], workers: int, *, ahead: int, lost: list[Item]
) -> Generator[tuple[Item, Result | None], None, bool]:
    """Results from one pool until the items end; returns True, and adds to ``lost``, when a worker died."""
    spawn = multiprocessing.get_context("spawn")  # a fork would copy threads that hold locks
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_start_worker)
    running: dict[Future[Result], Item] = {}
    try:
        while True:
            for item in islice(waiting, workers * ahead - len(running)):
                running[pool.submit(function, item)] = item
            if not running:
                return False
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                result = future.result()
                yield running.pop(future), result
    except BrokenProcessPool:
        lost += running.values()
        return True
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the parent decides


@contextlib.contextmanager
def log_to(path: Path | None) -> Iterator[Callable[[Outcome], None]]:
    """A function that adds an outcome to a JSON-lines file at once, or does nothing without one."""
    with contextlib.ExitStack() as stack:
        file: TextIO | None = stack.enter_context(path.open("a", encoding="utf-8")) if path else None

        def add(outcome: Outcome) -> None:
            if file:
                file.write(json.dumps(asdict(outcome), ensure_ascii=False) + "\n")
                file.flush()

        yield add
