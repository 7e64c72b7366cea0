"""One result for every picture, mask and entrant, kept in a folder: a run that was stopped can be continued.

A run's folder holds ``run.json``, ``pictures`` (the truth), ``masks`` with their manifest, and for each result
``results/NAME/CASE.json`` and ``CASE.png``. A result is done when its JSON exists: that is written last, and whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inpaintkit import batch
from inpaintkit.api import versions
from inpaintkit.atomic import sweep, write_text
from inpaintkit.benchmarks import perceptual, protocols
from inpaintkit.benchmarks.entrants import Entrant
from inpaintkit.benchmarks.metrics import Compared, measured
from inpaintkit.errors import ContextError, InpaintWarning, MissingExtraError
from inpaintkit.executors import spread
from inpaintkit.files import read, write
from inpaintkit.problem import Mask, Step

Status = Literal["done", "not applicable", "failed"]
_MAX_NAME = 200  # bytes of a folder's name; file systems take 255


@dataclass(frozen=True)
class Result:
    """What one entrant made of one picture under one mask.

    Attributes
    ----------
    seconds : of the fill alone; where it compiled something, of a second fill, and ``cold`` is the first's.
    cpu : seconds of all its threads together, less affected by other work on the machine.
    peak, work : MiB, the largest resident memory of the process during the fill, and how much of it was new.
    measures : name -> value; see ``metrics`` and ``perceptual``.
    """

    entrant: str
    case: str
    picture: str
    protocol: str
    share: float
    status: Status
    reason: str = ""
    seconds: float | None = None
    cpu: float | None = None
    cold: float | None = None
    peak: float | None = None
    work: float | None = None
    threads: int | None = None
    resized: str = ""
    composite: bool = True
    measures: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Extras:
    """Measures that need weights: VGG19's file, and whether LPIPS is asked for; and whether there is a truth."""

    vgg: Path | None = None
    lpips: bool = False
    truth: bool = True

    @property
    def names(self) -> set[str]:
        """The measures that a result should have beside those that need nothing."""
        names = (set(perceptual.VGG) if self.vgg else set()) | (set(perceptual.LPIPS) if self.lpips else set())
        return names if self.truth else names & set(perceptual.WITHOUT_TRUTH)


class Run:
    """A run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def found(cls, folder: Path) -> Run:
        """An existing run; raises ValueError if the folder holds none."""
        if not (folder / "run.json").is_file():
            raise ValueError(f"{folder} holds no run: 'inpaintkit bench run ... -o {folder}' starts one")
        return cls(folder)

    @property
    def manifest(self) -> Path:
        """The masks and how they were made."""
        return self.folder / "masks" / "manifest.json"

    def facts(self) -> dict[str, Any]:
        """What the run was made with."""
        return dict(json.loads((self.folder / "run.json").read_text("utf-8")))

    def entries(self) -> list[protocols.Entry]:
        """The masks, in their order."""
        return protocols.load_manifest(self.manifest)

    def truth(self, picture: str) -> NDArray[Any]:
        """A picture as it should be."""
        return read(self.folder / "pictures" / f"{picture}.png")

    def mask(self, case: str) -> Mask:
        """A case's hole (H, W)."""
        return np.asarray(read(self.folder / "masks" / f"{case}.png") > 127)

    def file(self, entrant: str, case: str, suffix: str = ".json") -> Path:
        """The file of a result's figures, or with ".png" of its picture."""
        return self.results_of(entrant) / f"{case}{suffix}"

    def results_of(self, entrant: str) -> Path:
        """The folder of an entrant's results, always in the run's: what would lead elsewhere in a name is spelled."""
        name = re.sub(r'[/\\:*?"<>|%\x00-\x1f]', lambda found: f"%{ord(found[0]):02X}", entrant)
        if len(os.fsencode(name)) > _MAX_NAME:
            name = f"{name[:40]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
        return self.folder / "results" / (name if name.strip(".") else name.replace(".", "%2E"))

    def result(self, entrant: str, case: str) -> Result | None:
        """A finished result, or None."""
        file = self.file(entrant, case)
        return Result(**json.loads(file.read_text("utf-8"))) if file.is_file() else None

    def results(self) -> list[Result]:
        """All results that are done, in the order of their entrants and masks."""
        names, entries = self.facts()["entrants"], self.entries()
        found = (self.result(name, entry.name) for name in names for entry in entries)
        return [result for result in found if result is not None]

    def keep(self, result: Result) -> None:
        """Write a result's figures, whole or not at all."""
        write_text(self.file(result.entrant, result.case), json.dumps(asdict(result), indent=1))

    def prepare(
        self, images: Path, sources: Sequence[str], seed: int, names: Iterable[str], *, truth: bool = True
    ) -> list[protocols.Entry]:
        """Copy the pictures, draw the masks, and write what the run is; keeps what is there already.

        Parameters
        ----------
        images : a folder of pictures without alpha that shows.
        sources : protocols, or folders of masks named like the pictures.
        truth : the pictures are what should come out; False where the masks cover what should go.

        Raises
        ------
        ValueError : the folder holds a run of other pictures or seed.
        """
        for part in (".", "pictures", "masks", "results"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
            sweep(self.folder / part)
        before = self.facts() if (self.folder / "run.json").is_file() else {}
        stated = {"images": str(images.resolve()), "seed": seed, "truth": truth}
        for key, value in stated.items():
            if before and before.get(key, True) != value:
                raise ValueError(f"{self.folder} holds a run with {key} {before[key]}, now it is {value}: name another")
        made = masked_pictures(images, sources, seed)
        kept = {entry.name: entry for entry in self.entries()} if self.manifest.is_file() else {}
        for entry, mask, pixels in made:
            if kept.setdefault(entry.name, entry).sha256 != entry.sha256:
                raise ValueError(f"{self.folder} holds another mask {entry.name}: name another folder")
            for file, shown in (
                (self.folder / "pictures" / f"{entry.picture}.png", pixels),
                (self.folder / "masks" / f"{entry.name}.png", mask.astype(np.uint8) * 255),
            ):
                if not file.is_file():
                    write(file, shown)
        protocols.save_manifest(self.manifest, kept.values(), versions())
        everyone = list(dict.fromkeys([*before.get("entrants", ()), *names]))
        facts = {**stated, "entrants": everyone, "machine": machine(), "versions": versions()}
        write_text(self.folder / "run.json", json.dumps(facts, indent=1))
        return [entry for entry, _, _ in made]


@dataclass(frozen=True)
class Task:
    """One result to make."""

    folder: Path
    entrant: Entrant
    entry: protocols.Entry
    alone: bool  # its picture has no other mask: a result's file may have the picture's name


def run(
    folder: Path,
    images: Path,
    sources: Sequence[str],
    everyone: Sequence[Entrant],
    *,
    seed: int = 0,
    jobs: int = 1,
    count: int | None = None,
    extras: Extras | None = None,
    progress: Callable[[Step], None] | None = None,
) -> list[Result]:
    """Make the results that are missing or failed; gives all that this call asks for.

    Parameters
    ----------
    jobs : processes; one that dies costs only the result it was making.
    count : threads of a fill; with several jobs 1.
    """
    extras = extras or Extras()
    here = Run(folder)
    entries = here.prepare(images, sources, seed, (each.name for each in everyone), truth=extras.truth)
    pictures = [entry.picture for entry in entries]
    tasks = [
        Task(folder, entrant, entry, pictures.count(entry.picture) == 1) for entry in entries for entrant in everyone
    ]
    todo = [task for task in tasks if not _is_done(here, task, extras)]
    for name in dict.fromkeys(task.entrant.name for task in todo):
        results = here.results_of(name)
        results.mkdir(exist_ok=True)
        sweep(results)
    work = partial(attempt, seed=seed, count=1 if jobs > 1 else count, extras=extras)
    began, failed = time.perf_counter(), 0
    for done, (task, result) in enumerate(spread(work, todo, jobs), 1):
        if result is None:
            result = _result(task, status="failed", reason="its process died")
            here.keep(result)
        failed += result.status == "failed"
        if progress:
            left = (time.perf_counter() - began) / done * (len(todo) - done)
            remark = f"{done} of {len(todo)} results, {failed} failed, {left / 60:.0f} min left"
            progress(Step(done, len(todo), remark=remark))
    found = (here.result(task.entrant.name, task.entry.name) for task in tasks)
    return [result for result in found if result is not None]


def attempt(task: Task, *, seed: int, count: int | None, extras: Extras) -> Result:
    """Make, measure and write one result; an error becomes its reason."""
    here = Run(task.folder)
    result = here.result(task.entrant.name, task.entry.name)
    try:
        truth, hole = here.truth(task.entry.picture), here.mask(task.entry.name)
        if result is None or result.status == "failed" or not _has_picture(here, task):
            result, filled = _filled(task, truth, hole, seed, count)
            write(here.file(task.entrant.name, task.entry.name, ".png"), filled)
        else:
            filled = read(here.file(task.entrant.name, task.entry.name, ".png"))
        if not result.measures:
            result.measures.update(measured(Compared(filled, truth, hole), truth=extras.truth))
        for measure in _perceptual(extras):
            found = measure.of(in_bytes(filled), in_bytes(truth), hole)
            result.measures.update({name: value for name, value in found.items() if name in extras.names})
    except (ContextError, MissingExtraError) as error:
        result = _result(task, status="not applicable", reason=_line(error))
    except Exception as error:
        result = _result(task, status="failed", reason=f"{type(error).__name__}: {_line(error)}")
    here.keep(result)
    return result


def machine() -> str:
    """The processor's name, the cores this process may use, the system and Python."""
    name = platform.processor() or platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.is_file():
        names = [line.partition(":")[2].strip() for line in cpus.read_text().splitlines() if "model name" in line]
        name = names[0] if names else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def masked_pictures(
    images: Path, sources: Sequence[str], seed: int
) -> list[tuple[protocols.Entry, Mask, NDArray[Any]]]:
    """Each mask with its line of the manifest and its picture."""
    files = batch.pictures(images)
    if not files:
        raise ValueError(f"{images} holds no picture, nor do its subfolders")
    if not sources:
        raise ValueError("no masks: name protocols or a folder with --masks")
    truths = {_name(file, images): _opaque(file) for file in files}
    made = []
    for source in sources:
        if Path(source).is_dir():
            jobs, lacking = batch.plan(images, Path(source), Path(os.devnull))
            if lacking:
                raise ValueError(lacking[0].error)
            for job in jobs:
                assert isinstance(job.mask, Path)
                name = _name(job.photo, images)
                made.append((*protocols.user_mask(name, truths[name].shape[:2], job.mask), truths[name]))
            continue
        for protocol in protocols.parse(source):
            made += [
                (*protocols.generated(name, truth.shape[:2], protocol, seed), truth) for name, truth in truths.items()
            ]
    names = [entry.name for entry, _, _ in made]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"two masks would be called {twice}: name each protocol and folder once")
    for entry, mask, _ in made:
        if not mask.any() or mask.all():
            raise ValueError(f"the mask {entry.name} covers {entry.share:.0%} of its picture: expected some of it")
    return made


def _name(file: Path, images: Path) -> str:
    """A picture's name in a run: its relative path without suffix, folders joined by two underscores."""
    return "__".join(file.relative_to(images).with_suffix("").parts)


def _opaque(file: Path) -> NDArray[Any]:
    """A picture (H, W) or (H, W, 3), in 8 or 16 bits."""
    pixels = read(file)
    if pixels.dtype.kind != "u":
        raise ValueError(f"{file} is {pixels.dtype}: a run compares pictures of 8 or 16 bits")
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        if (pixels[..., -1] < np.iinfo(pixels.dtype).max).any():
            raise ValueError(f"{file} is transparent in places: a run compares opaque pictures")
        pixels = pixels[..., :-1]
    return np.ascontiguousarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)


def _is_done(here: Run, task: Task, extras: Extras) -> bool:
    result = here.result(task.entrant.name, task.entry.name)
    if result is None or result.status == "failed":
        return False
    return result.status == "not applicable" or (_has_picture(here, task) and extras.names <= result.measures.keys())


def _has_picture(here: Run, task: Task) -> bool:
    return here.file(task.entrant.name, task.entry.name, ".png").is_file()


def _result(task: Task, **more: Any) -> Result:
    entry, entrant = task.entry, task.entrant
    return Result(entrant.name, entry.name, entry.picture, entry.protocol, entry.share, versions=versions(), **more)


def _filled(task: Task, truth: NDArray[Any], hole: Mask, seed: int, count: int | None) -> tuple[Result, NDArray[Any]]:
    """A result and its picture; a fill that compiled something is repeated."""
    given = truth.copy()
    given[hole] = np.iinfo(truth.dtype).max // 2  # nothing of the truth under the mask
    names = (task.entry.name, *((task.entry.picture,) if task.alone else ()))
    entrant, cold = task.entrant, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InpaintWarning)  # half the picture may be lost, and that is meant
        while True:
            before, began = _forget_peak(), time.process_time()
            filled, info, facts = entrant.fill(given, hole, names, seed, count)
            cpu = time.process_time() - began
            peak = _resident("VmHWM")
            if info is None or not info.compiled or cold is not None:
                break
            cold = info.seconds
    if info is not None:
        facts |= {"seconds": info.seconds, "cpu": cpu, "cold": cold, "threads": info.threads}
        if peak is not None and before is not None:
            facts |= {"peak": peak, "work": max(0.0, peak - before)}
    return _result(task, status="done", composite=entrant.composite, **facts), filled


def _forget_peak() -> float | None:
    """Reset this process's peak of resident memory (Linux); gives its present MiB, or None elsewhere."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _resident("VmRSS")


def _resident(what: str) -> float | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{what}:")), None)


@cache
def _perceptual(extras: Extras) -> list[perceptual.Vgg | perceptual.Lpips]:
    """The measures that need weights, loaded once in a process."""
    found: list[perceptual.Vgg | perceptual.Lpips] = [perceptual.Vgg(extras.vgg)] if extras.vgg else []
    return [*found, perceptual.Lpips()] if extras.lpips else found


def in_bytes(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """A picture of 8 or 16 bits in 8."""
    return picture if picture.dtype == np.uint8 else (picture // 257).astype(np.uint8)


def _line(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())
