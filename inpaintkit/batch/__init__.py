"""Folders of pictures: which mask belongs to which picture, filled file by file, in one process or several.

A file is done when its output exists, and outputs appear whole or not at all, so a run that was stopped at any moment
is finished by starting it again.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit import registry
from inpaintkit.atomic import is_replaced, sweep
from inpaintkit.batch.jobs import BACKUP, Job, Outcome, PipedJob, Search, Settings
from inpaintkit.batch.notes import Notes, NothingFoundWarning, kinds_of_warnings
from inpaintkit.batch.planning import pictures, plan
from inpaintkit.errors import EmptyMaskWarning, MissingPixelsWarning
from inpaintkit.executors import spread
from inpaintkit.files import FORMATS, Loaded, Stream, check, copy, is_picture, load, read, read_mask, write
from inpaintkit.info import Info
from inpaintkit.masks import resize
from inpaintkit.options import kinds_of
from inpaintkit.picture import PictureMask, PictureOption, left_missing
from inpaintkit.problem import Step
from inpaintkit.sheet import before_and_after
from inpaintkit.threads import limit

__all__ = ["BACKUP", "Job", "Notes", "Outcome", "PipedJob", "Search", "Settings", "pictures", "plan"]
__all__ += ["attempt", "is_alike", "is_done", "log_to", "read_option", "repair", "run"]

if TYPE_CHECKING:
    from inpaintkit.overlay import RemovalInfo

_SAMPLE = 1 << 20  # pixels enough to tell two pictures apart


def repair(
    job: Job | PipedJob, settings: Settings, progress: Callable[[Step], None] | None = None
) -> Info | RemovalInfo:
    """Fill one file and write the result; in place, the original is kept beside it with ``.orig`` added to its name.

    Where a mask marks nothing, the picture is copied as it is, or left in place, with a warning.
    """
    backup = job.backup
    photo = _original(job, settings.page)
    if backup and photo.pages > 1:
        raise ValueError(
            f"{job.photo} holds {photo.pages} pages, of which only page {settings.page} would be left: name an output "
            "with -o instead of --in-place"
        )
    check(job.output, photo.pixels, like=photo)
    target = FORMATS[job.output.suffix.lower()]
    height, width = photo.pixels.shape[:2]
    shape = (height, width) if settings.resize_mask else None
    with limit(settings.arguments.get("threads")):
        inverted = settings.arguments.get("invert_mask", False)
        mask: Any
        if settings.soft and isinstance(job.mask, Search) and "mode" not in settings.arguments:
            from inpaintkit.batch.soft import found

            mask = found(photo, job.mask)
        else:
            mask = job.mask if settings.overlay else _job_mask(job, photo, shape, inverted=inverted)
    arguments: dict[str, Any] = {
        name: read_option(settings.method, name, value, shape) if isinstance(value, Path) else value
        for name, value in settings.arguments.items()
    }
    arguments |= {"channels": photo.channels}
    arguments["dilate"] = photo.growth(arguments.get("dilate", 0))
    if job.mask == "nodata" and arguments.get("nodata") is None:
        arguments["nodata"] = photo.nodata
    with warnings.catch_warnings():
        if isinstance(job.mask, Search):  # what is not found is said below
            warnings.simplefilter("ignore", EmptyMaskWarning)
        result, info = _repaired(photo, mask, settings, arguments, progress)
    missing = 0 if photo.nodata is None else left_missing(photo.pixels, photo.channels, photo.nodata, info.mask)
    if missing:
        warnings.warn(
            f"{missing} known {'pixels have' if missing > 1 else 'pixel has'} the value that stands for missing ones, "
            f"{photo.nodata:g}, which was taken as it is: fill what is missing first, with --mask nodata",
            MissingPixelsWarning,
            stacklevel=2,
        )
    if job.sheet:  # before the result, whose presence says that all is done
        shown = before_and_after(photo.pixels, info.mask, result, caption=info.method, channels=photo.channels)
        write(job.sheet, shown)
    if isinstance(job.mask, Search) and not info.pixels:
        warnings.warn(
            f"{job.photo}: no {_sought(job.mask)} found, so nothing was filled", NothingFoundWarning, stacklevel=2
        )
    if not info.pixels:
        if backup:
            return info
        if target == photo.format and settings.page is None:
            copy(job.photo, job.output)
            return info
    level = settings.png_level if target == "PNG" else None
    write(job.output, result, like=photo, backup=backup, png_level=level)
    return info


def _repaired(
    photo: Loaded, mask: Any, settings: Settings, arguments: dict[str, Any], progress: Callable[[Step], None] | None
) -> tuple[NDArray[Any], Info | RemovalInfo]:
    """The picture filled or, softly, with what lies over it taken off; and what was done."""
    # Not above: a process that only hands out files would wait for the compiler.
    from inpaintkit.api import inpaint

    if settings.overlay:
        from inpaintkit.batch.soft import take_known_off

        return take_known_off(photo, mask, settings.overlay, settings.method, arguments, progress)
    if isinstance(mask, dict):
        from inpaintkit.batch.soft import take_found_off

        return take_found_off(photo, mask, settings.method, arguments, progress)
    if settings.soft and not isinstance(mask, str) and np.any(mask):
        from inpaintkit.batch.soft import take_off

        return take_off(photo, mask, settings.method, arguments, progress)
    if settings.soft:  # nothing lies over it, so that there is nothing whose ink could be told
        arguments = {name: value for name, value in arguments.items() if name not in ("colour", "mode")}
    filled: tuple[NDArray[Any], Info] = inpaint(
        photo.pixels, mask, settings.method, progress=progress, return_info=True, **arguments
    )
    return filled


def _original(job: Job | PipedJob, page: int | None) -> Loaded:
    """The picture to fill: in place, the one that an earlier run kept, if the photo can have been made from it.

    Raises
    ------
    ValueError : by now the photo is another picture, which would be lost.
    """
    if not job.backup or not job.backup.exists():
        return load(job.photo, page=page)
    if not is_picture(job.backup):
        raise ValueError(f"{job.backup} is not a picture, so no original can be kept under its name: move it elsewhere")
    kept = load(job.backup, page=page)
    if page is None and not is_alike(load(job.photo).pixels, kept.pixels):
        raise ValueError(f"{job.backup} was kept from another picture than {job.photo}: move one of them elsewhere")
    return kept


def is_alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether pictures agree in a quarter of their values or more, as what is repaired does, to what a JPEG changes."""
    if one.shape != other.shape:
        return False
    step = -(-one.shape[0] * one.shape[1] // _SAMPLE)  # rows between those that are looked at
    rows = [np.nan_to_num(pixels[::step].astype(np.float64)) for pixels in (one, other)]
    return bool(np.mean(np.abs(rows[0] - rows[1]) <= 0.02 * np.ptp(rows[1])) >= 0.25)


def _job_mask(job: Job | PipedJob, photo: Loaded, shape: tuple[int, int] | None, *, inverted: bool) -> Any:
    """A job's mask as ``inpaint`` takes it."""
    if isinstance(job.mask, Search):
        from inpaintkit.find import find_mask  # not above: every process of a folder's run would wait for it

        return find_mask(photo.pixels, job.mask.kind, purpose="act", channels=photo.channels, **job.mask.options)
    return job.mask if isinstance(job.mask, str) else _mask(job.mask, shape, inverted=inverted)


def _sought(search: Search) -> str:
    return "damage" if search.kind == "auto" else f"{search.kind} to fill" if search.kind == "colour" else search.kind


def _mask(path: Path | Stream, shape: tuple[int, int] | None, *, inverted: bool) -> Any:
    """A mask file, scaled to a shape where one is given; in an ``inverted`` one the hole is what is not marked."""
    mask = read_mask(path)
    if shape is None or mask.shape == shape:
        return mask
    return ~resize(~mask, shape) if inverted else resize(mask, shape)


def read_option(method: str, name: str, path: Path, shape: tuple[int, int] | None = None) -> Any:
    """What a method's option as large as the picture says, from a file, scaled to a shape where one is given."""
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


def attempt(job: Job, settings: Settings, progress: Callable[[Step], None] | None = None) -> Outcome:
    """``repair``, but whatever goes wrong becomes an outcome."""
    began = time.perf_counter()
    paths: dict[str, Any] = {"photo": str(job.photo), "output": str(job.output), "mask": str(job.mask)}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            for path in filter(None, (job.output, job.sheet)):
                path.parent.mkdir(parents=True, exist_ok=True)
            info = repair(job, settings, progress)
        except (Exception, SystemExit) as error:  # a method's author may exit, but not from a folder's run
            seconds = time.perf_counter() - began
            return Outcome(**paths, **_warned(caught, job), status="failed", seconds=seconds, error=_reason(error))
    seconds = time.perf_counter() - began
    facts: dict[str, Any] = {"method": info.method, "pixels": info.pixels, "seconds": seconds}
    return Outcome(**paths, **_warned(caught, job), **facts, status="done")


def _warned(caught: Sequence[warnings.WarningMessage], job: Job) -> dict[str, Any]:
    """An outcome's fields about warnings."""
    texts = tuple(str(warning.message) for warning in caught)
    names = [str(path) for path in (job.photo, job.output, job.mask) if isinstance(path, Path)]
    return {"warnings": texts, "kinds": kinds_of_warnings(caught, names)}


def _reason(error: BaseException) -> str:
    """One line about what went wrong."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return " ".join((str(error) or type(error).__name__).split())


def run(
    jobs: Sequence[Job],
    settings: Settings,
    *,
    workers: int = 1,
    overwrite: bool = False,
    fork: bool = False,
    progress: Callable[[Step], None] | None = None,
) -> Iterator[Outcome]:
    """Outcomes of all jobs as they come in; with several workers in other processes of one thread each.

    A worker that dies takes only its own file with it. With one worker ``progress`` is called as ``inpaint`` does.
    ``fork`` as in ``executors.spread``: what fills is then loaded once, here.
    """
    folders = {path.parent for job in jobs for path in (job.output, job.sheet) if path}
    for folder in folders:
        sweep(folder)
    try:
        yield from _attempts(jobs, settings, workers=workers, overwrite=overwrite, fork=fork, progress=progress)
    finally:
        for folder in folders:  # a worker that died may have been writing
            sweep(folder)


def _attempts(
    jobs: Sequence[Job],
    settings: Settings,
    *,
    workers: int,
    overwrite: bool,
    fork: bool,
    progress: Callable[[Step], None] | None,
) -> Iterator[Outcome]:
    todo = []
    for job in jobs:
        if not overwrite and is_done(job):
            yield Outcome(str(job.photo), str(job.output), "skipped", mask=str(job.mask))
        else:
            todo.append(job)
    if workers == 1:
        yield from (attempt(job, settings, progress) for job in todo)
        return
    one_thread = replace(settings, arguments={**settings.arguments, "threads": 1})
    if fork and todo:
        importlib.import_module("inpaintkit.api")
        registry.find(settings.method).load()
    for job, outcome in spread(partial(attempt, settings=one_thread), todo, workers, fork=fork):
        yield outcome or Outcome(
            str(job.photo), str(job.output), "failed", mask=str(job.mask), error="its process died"
        )


@contextlib.contextmanager
def log_to(path: Path | None) -> Iterator[Callable[[Outcome], None]]:
    """A function that appends an outcome to a JSON-lines file at once; without a file it does nothing.

    A line that was cut off, as by a full disk, is ended first. A name's bytes that are no UTF-8 become JSON's escapes.

    Raises
    ------
    OSError : the file cannot be written.
    """
    if path is None:
        yield lambda outcome: None
        return
    with contextlib.ExitStack() as stack:
        with _named(path):
            file = stack.enter_context(path.open("ab+", buffering=0))  # what fails is not tried again at the end
            if file.seekable() and file.tell():
                file.seek(-1, os.SEEK_END)
                file.write(b"" if file.read(1) == b"\n" else b"\n")

        def add(outcome: Outcome) -> None:
            line = json.dumps(asdict(outcome), ensure_ascii=False) + "\n"
            data = line.encode("utf-8", "backslashreplace")
            with _named(path):
                while data:
                    data = data[file.write(data) :]

        yield add


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let an error of writing a file say which one."""
    try:
        yield
    except OSError as error:
        if error.strerror is None:
            raise
        raise OSError(f"{path} cannot be written: {error.strerror}") from error
