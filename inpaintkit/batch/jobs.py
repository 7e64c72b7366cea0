"""What a folder's run is made of: a job for each picture, the settings they share, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from inpaintkit.files import Stream

BACKUP = ".orig"  # added to a picture's name by an in-place repair


@dataclass(frozen=True)
class Search:
    """A mask still to be found, and used unseen: the kind of damage, and further keywords of ``find_mask``."""

    kind: Any
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"found: {self.kind}"


@dataclass(frozen=True)
class Job:
    """A picture, its mask (a file, a name, or a search), and where the result goes (the picture itself: in place)."""

    photo: Path
    mask: Path | str | Search
    output: Path
    sheet: Path | None = None  # where before, mask and after are shown side by side

    @property
    def backup(self) -> Path | None:
        """Where the original is kept when the result takes its place; None where it does not."""
        return self.photo.with_name(self.photo.name + BACKUP) if self.output == self.photo else None


@dataclass(frozen=True)
class PipedJob:
    """A job whose picture, mask or result goes through a pipe."""

    photo: Path | Stream
    mask: Path | Stream | str | Search
    output: Path | Stream
    sheet: Path | None = None
    backup: None = None


@dataclass(frozen=True)
class Settings:
    """The same for every file of a run."""

    method: str = "auto"
    resize_mask: bool = False
    page: int | None = None  # counted from 1
    arguments: dict[str, Any] = field(default_factory=dict)  # further keywords of ``inpaint``; a Path is read as a mask
    png_level: int | None = None  # of results that are PNG
    soft: bool = False  # divide out what shows through instead of filling all of the mask
    overlay: Literal["cover", "add", "multiply"] | None = None  # each job's mask is an overlay's file, of this mode


@dataclass(frozen=True)
class Outcome:
    """What became of one file; a line of the log, whose last may be a summary of the folder's run, with its notes."""

    photo: str
    output: str
    status: Literal["done", "skipped", "failed", "summary"]
    mask: str = ""
    method: str = ""
    pixels: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    error: str = ""
    kinds: tuple[str, ...] = ()  # of the warnings, without what differs from file to file
