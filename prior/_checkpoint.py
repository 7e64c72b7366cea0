"""The file from which an interrupted fit goes on: written whole or not at all, read without running any code."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch

from inpaintkit.atomic import sweep, whole
from inpaintkit.problem import Problem

_FORMAT = 2  # of the state: a file in another one belongs to no fill of this version


class Checkpoint:
    """One file that holds a state of tensors, numbers, lists and dictionaries."""

    def __init__(self, path: Path, owner: str) -> None:
        if not path.parent.is_dir():
            raise ValueError(f"dip's option checkpoint is {path}: there is no folder {path.parent}")
        sweep(path.parent)
        self.path, self.owner = path, owner

    def load(self) -> dict[str, Any] | None:
        """The state, or None where there is no file; ValueError where it is of another fill, or not a checkpoint."""
        if not self.path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
            owner = state["owner"]
        except OSError:
            raise
        except Exception as error:  # unpickling fails in many ways
            raise ValueError(f"{self.path} is not a checkpoint of dip: name another file, or remove it") from error
        if owner != self.owner:
            raise ValueError(
                f"{self.path} is the checkpoint of another picture, mask, seed, set of options or version: name "
                "another file, or remove it"
            )
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Replace the file by this state."""
        with whole(self.path) as file:
            torch.save({"owner": self.owner, **state}, file)


def checkpoint_of(path: Path | str | None, problem: Problem, *settings: object) -> Checkpoint | None:
    """The checkpoint of a region filled with these settings; later regions have files of their own beside the first."""
    if path is None:
        return None
    path = Path(path)
    if problem.region:
        path = path.with_stem(f"{path.stem}-{problem.region + 1}")
    return Checkpoint(path, _fingerprint(problem, *settings))


def _fingerprint(problem: Problem, *settings: object) -> str:
    """A digest of what a state belongs to: the crop, its hole, the seed and the settings."""
    digest = hashlib.sha256()
    for array in (problem.image, problem.hole, problem.known):
        digest.update(repr(array.shape).encode())
        digest.update(array.tobytes())
    digest.update(repr((_FORMAT, problem.seed, problem.region, *settings)).encode())
    return digest.hexdigest()
