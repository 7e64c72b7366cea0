"""The same for all of a folder: the mask or the search, and the settings, handed to ``batch``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inpaintkit import batch
from inpaintkit.problem import Step
from inpaintkit.ui.fills import Wish
from inpaintkit.ui.jobs import Job
from inpaintkit.ui.shelf import OUTPUT, Shelf


def plan(
    shelf: Shelf, mask: Path | batch.Search, wish: Wish, options: dict[str, Any], *, in_place: bool, resize: bool
) -> tuple[list[batch.Job], list[batch.Outcome], batch.Settings]:
    """The jobs of a folder's run; links that lead out of the folder are failures.

    Raises
    ------
    ValueError, OSError : no folder, no picture in it, or one that cannot be read.
    """
    if shelf.folder is None:
        raise ValueError("no folder was opened: start 'inpaintkit ui FOLDER'")
    output = None if in_place else shelf.folder / OUTPUT
    jobs, failed = batch.plan(shelf.folder, mask, output)
    places = {place.path for place in shelf.listed()}
    kept = []
    for job in jobs:
        if not job.photo.resolve().is_relative_to(shelf.folder):
            text = f"{job.photo} is a link that leads out of the folder that was opened"
            failed.append(batch.Outcome(str(job.photo), str(job.output), "failed", error=text))
        elif job.photo in places:
            kept.append(job)
    search = isinstance(mask, batch.Search)
    dilate = "auto" if search and wish.dilate == 0 else wish.dilate
    arguments = {
        "seed": wish.seed,
        "dilate": dilate,
        "feather": wish.feather,
        "grain": wish.grain,
        "fallback": wish.fallback,
        **options,
    }
    return kept, failed, batch.Settings(wish.method, resize, None, arguments)


def run(jobs: list[batch.Job], failed: list[batch.Outcome], settings: batch.Settings, job: Job) -> dict[str, Any]:
    """Fill file after file; the result counts them and lists what failed."""
    outcomes = list(failed)
    for number, each in enumerate(jobs):

        def report(step: Step, number: int = number, name: str = each.photo.name) -> None:
            share = step.done / step.total if step.total else 0
            job.progress(Step(number + share, len(jobs), remark=name))

        report(Step(0, 1))
        outcomes += batch.run([each], settings, progress=report)
    states = [outcome.status for outcome in outcomes]
    return {
        "done": states.count("done"),
        "skipped": states.count("skipped"),
        "failed": [
            {"photo": Path(outcome.photo).name, "error": outcome.error}
            for outcome in outcomes
            if outcome.status == "failed"
        ],
        "warnings": [
            {"photo": Path(outcome.photo).name, "warning": text} for outcome in outcomes for text in outcome.warnings
        ],
    }
