"""Filling from the page: what is asked for, checked; the fill itself, as a job; candidates to choose from."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit import registry
from inpaintkit.api import inpaint
from inpaintkit.box import Box
from inpaintkit.files import Loaded
from inpaintkit.info import Info
from inpaintkit.masks import checked_box
from inpaintkit.problem import Mask, Step
from inpaintkit.ui.changes import Delta, Patch
from inpaintkit.ui.events import MASK
from inpaintkit.ui.jobs import Job
from inpaintkit.ui.methods import options_from
from inpaintkit.ui.offers import Candidate, Offer
from inpaintkit.ui.photos import Changed, ConflictError, Photo
from inpaintkit.ui.said import one_line

MAX_CANDIDATES = 8


@dataclass(frozen=True)
class Wish:
    """A fill that is asked for.

    Attributes
    ----------
    method, options, seed, dilate, feather, grain, fallback : as ``inpaint`` takes them; without what is painted.
    count : how many variants.
    """

    method: str = "auto"
    options: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    dilate: Any = 0
    feather: float = 0.0
    grain: bool = False
    fallback: bool = False
    count: int = 1

    @classmethod
    def of(cls, asked: dict[str, Any]) -> Wish:
        """From JSON; ValueError for what cannot be meant."""
        method = asked.get("method", "auto")
        registry.find(method)
        count = asked.get("variants", 1) or 1
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_CANDIDATES:
            raise ValueError(f"variants is {count!r}: give 1 to {MAX_CANDIDATES}")
        if count > 1 and not registry.find(method).stochastic:
            raise ValueError(f"{method} gives the same fill for every seed, so it has no variants")
        return cls(
            method,
            asked.get("options") or {},
            asked.get("seed", 0),
            asked.get("dilate", 0),
            asked.get("feather", 0.0),
            asked.get("grain", False),
            asked.get("fallback", False),
            count,
        )

    def shown(self) -> dict[str, Any]:
        """What an event says of it."""
        return {
            "method": self.method,
            "options": self.options,
            "seed": self.seed,
            "dilate": self.dilate,
            "feather": self.feather,
            "grain": self.grain,
        }


def wishes(asked: dict[str, Any]) -> list[Wish]:
    """The fills that are asked for: one, variants of one, or several methods side by side."""
    names = asked.get("methods")
    if not names:
        wish = Wish.of(asked)
        return [Wish(**{**wish.__dict__, "seed": wish.seed + number, "count": 1}) for number in range(wish.count)]
    if not isinstance(names, list) or len(names) > MAX_CANDIDATES:
        raise ValueError(f"methods are {names!r}: give a list of {MAX_CANDIDATES} names at most")
    options = asked.get("options") or {}
    alone = {**asked, "variants": 1}
    return [
        Wish.of({**alone, "method": name, "options": options if name == asked.get("method") else {}}) for name in names
    ]


def filled(
    loaded: Loaded, hole: Mask, wish: Wish, layers: dict[str, Mask], job: Job, part: tuple[int, int] = (0, 1)
) -> tuple[NDArray[Any], Info]:
    """The picture with its hole filled, as one part of so many of a job."""
    number, count = part

    def report(step: Step) -> None:
        job.progress(Step((number + step.done / max(step.total, 1e-9)) / count, 1, step.loss, step.remark))

    job.progress(Step(number / count, 1))
    options = options_from(wish.method, wish.options, layers)
    return inpaint(
        loaded.pixels,
        hole,
        wish.method,
        channels=loaded.channels,
        seed=wish.seed,
        dilate=loaded.growth(wish.dilate),
        feather=wish.feather,
        grain=wish.grain,
        fallback=wish.fallback,
        progress=report,
        return_info=True,
        **options,
    )


@dataclass(frozen=True, eq=False)
class Painted:
    """What was painted when a fill was asked for, packed, since many may wait: the hole, and what guides a method."""

    hole: Delta
    guides: dict[str, Delta | None]

    @classmethod
    def now(cls, photo: Photo, box: Any) -> Painted:
        """All that is painted, or what of the mask lies in a box; ConflictError where that is nothing."""
        whole = Box.of_shape(photo.shape)
        inside = whole if box is None else checked_box(box).clipped(photo.shape)
        hole = Delta.of(MASK, inside, photo.layers.mask()[inside.slices])
        if hole is None:
            raise ConflictError("nothing is painted: paint over what should go")
        return cls(hole, {name: Delta.of(name, whole, mask) for name, mask in photo.layers.guides().items()})

    def unpacked(self, shape: tuple[int, int]) -> tuple[Mask, dict[str, Mask]]:
        """The hole and the guides, bool (H, W)."""
        return _whole(self.hole, shape), {name: _whole(delta, shape) for name, delta in self.guides.items() if delta}


def _whole(delta: Delta, shape: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, np.bool_)
    mask[delta.box.slices] = delta.flipped()
    return mask


def fill(photo: Photo, asked: list[Wish], painted: Painted, job: Job) -> Offer:
    """Fill what was painted when asked and still is, once for each wish. Of several, some may fail."""
    hole, layers = painted.unpacked(photo.shape)
    with photo.lock:
        hole &= photo.layers.mask()
    if not hole.any():
        raise ConflictError("what was to be filled is no longer painted")
    offer = Offer(job.id, [], [])
    for number, wish in enumerate(asked):
        label = _label(wish, asked)
        try:
            offer.candidates.append(_candidate(photo, wish, label, hole, layers, job, (number, len(asked))))
        except Exception as error:
            if len(asked) == 1:
                raise
            offer.failed.append({"label": label, "error": one_line(error)})
    job.commit()
    return offer


def put(photo: Photo, candidate: Candidate) -> Changed:
    """Put a fill into the picture: an event of its history. ConflictError where the picture has changed since."""
    with photo.lock:
        if not candidate.patch.fits(photo.pixels):
            raise ConflictError("the picture has changed under this fill since: fill again")
        event = {"type": "fill", **candidate.settings, **candidate.facts}
        return photo.add_fill(event, candidate.patch)


def _candidate(
    photo: Photo, wish: Wish, label: str, hole: Mask, layers: dict[str, Mask], job: Job, part: tuple[int, int]
) -> Candidate:
    began = time.perf_counter()
    result, info = filled(photo.loaded, hole, wish, layers, job, part)
    patch = Patch.of(photo.pixels, result, info.mask, info.expected_error)
    facts: dict[str, Any] = {
        "seconds": round(time.perf_counter() - began, 4),
        "fill_seconds": round(info.seconds, 4),
        "pixels": info.pixels,
        "box": patch.box,
        "regions": len(info.regions),
        "used": sorted({region.method for region in info.regions}),
        "fallbacks": len(info.fallbacks),
        "expected_psnr": None if info.expected_psnr is None else round(info.expected_psnr, 2),
        "growth": info.growth,
    }
    return Candidate(label, wish.shown(), facts, patch)


def _label(wish: Wish, asked: list[Wish]) -> str:
    return wish.method if len({other.method for other in asked}) > 1 else f"seed {wish.seed}"


def check_movable(photo: Photo, steps: int, *, busy: bool) -> None:
    """ConflictError where undo or redo would change the picture under a job that looks at it."""
    if busy and photo.is_moved_by_fill(steps):
        raise ConflictError("a job of this photo is running: wait for it, or cancel it")


def candidate_of(photo: Photo, job: str, number: int) -> Candidate:
    """A candidate of the photo's last offer; LookupError where there is none."""
    if photo.offer is None:
        raise LookupError(f"the job {job} has no candidate {number}")
    return photo.offer.candidate(job, number)


def box_of(value: Box | None) -> list[int] | None:
    """As JSON has it."""
    return list(value) if value is not None else None
