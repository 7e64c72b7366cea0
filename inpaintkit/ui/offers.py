"""What waits for a person's choice: fills side by side, kept beside the journal so that they outlive the server."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from inpaintkit import atomic
from inpaintkit.ui.changes import Patch

_NOTE = "offer.json"


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fill that may be chosen.

    Attributes
    ----------
    label : what sets it apart from the others.
    settings : how it was asked for, as the history notes it.
    facts : what became of it: seconds, pixels, box and so on.
    """

    label: str
    settings: dict[str, Any]
    facts: dict[str, Any]
    patch: Patch


@dataclass(frozen=True, eq=False)
class Offer:
    """The last fills of a photo to choose from; ``failed`` holds a label and an error each."""

    job: str
    candidates: list[Candidate]
    failed: list[dict[str, str]]

    def candidate(self, job: str, number: int) -> Candidate:
        """One of them; LookupError where there is none."""
        if job != self.job or not 0 <= number < len(self.candidates):
            raise LookupError(f"the job {job} has no candidate {number}")
        return self.candidates[number]

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        listed = [{"k": number, "label": each.label, **each.facts} for number, each in enumerate(self.candidates)]
        return {"candidates": listed, "failed": self.failed}

    def fits(self, pixels: NDArray[Any]) -> bool:
        """Whether a picture still is what they were made from."""
        return all(each.patch.fits(pixels) for each in self.candidates)

    def keep(self, folder: Path) -> None:
        """Write it, in place of the one before."""
        for number, each in enumerate(self.candidates):
            with atomic.whole(self._file(folder, number)) as file:
                each.patch.write(file, old=True)
        listed = [{"label": each.label, "settings": each.settings, "facts": each.facts} for each in self.candidates]
        atomic.write_text(folder / _NOTE, json.dumps({"job": self.job, "candidates": listed, "failed": self.failed}))
        for path in set(folder.glob("offer-*.npz")) - {self._file(folder, k) for k in range(len(listed))}:
            path.unlink(missing_ok=True)

    def _file(self, folder: Path, number: int) -> Path:
        return folder / f"offer-{self.job}-{number}.npz"


def kept(folder: Path, pixels: NDArray[Any]) -> Offer | None:
    """The offer that a photo's folder holds; None where there is none, or a damaged one."""
    with suppress(Exception):  # whatever a damaged file makes of itself: the fills can be made again
        note = json.loads((folder / _NOTE).read_text("utf-8"))
        candidates = []
        for number, each in enumerate(note["candidates"]):
            with (folder / f"offer-{note['job']}-{number}.npz").open("rb") as file:
                patch = Patch.read(file, pixels)
            candidates.append(Candidate(each["label"], each["settings"], each["facts"], patch))
        return Offer(note["job"], candidates, note["failed"])
    return None
