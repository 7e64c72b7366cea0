"""Finding damage from the page: what is proposed falls into pieces, each of which a person accepts or drops."""

from __future__ import annotations

import io
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit import Found, atomic
from inpaintkit.box import Box
from inpaintkit.find import find_mask
from inpaintkit.problem import Mask
from inpaintkit.ui.changes import union
from inpaintkit.ui.photos import Photo
from inpaintkit.ui.tiles import Shown, at_full_size

_ACCEPTED, _DROPPED = (255, 80, 0, 170), (0, 90, 255, 110)  # RGBA over the photo
_FOUND, _CHOICE = "found.npz", "found-accepted.json"  # in the photo's folder
_MAX_PIECES = 5000  # that are listed; all are shown and can be clicked


@dataclass(eq=False)
class Pieces:
    """What a search proposed.

    Attributes
    ----------
    found, labels : what was found, and the number of each proposed pixel's, int32 (H, W), as ``FindInfo`` has them.
    accepted : (n + 1,) bool, by the pieces' numbers, which begin with 1.
    """

    found: tuple[Found, ...]
    labels: NDArray[np.int32]
    accepted: NDArray[np.bool_]
    id: str = field(default_factory=lambda: secrets.token_hex(6))

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        pieces = [
            {
                "id": piece.number,
                "box": list(piece.box),
                "pixels": piece.pixels,
                "odds": round(piece.confidence, 3),
                "kind": piece.kind,
                "accepted": bool(self.accepted[piece.number]),
            }
            for piece in sorted(self.found, key=lambda piece: -piece.confidence)[:_MAX_PIECES]
        ]
        pixels = sum(piece.pixels for piece in self.found)
        return {
            "find": self.id,
            "pieces": pieces,
            "count": len(self.found),
            "accepted": int(self.accepted.sum()),
            "pixels": pixels,
            "share": pixels / self.labels.size,
        }

    def mask(self) -> Mask:
        """The accepted pieces, bool (H, W)."""
        return np.asarray(self.accepted[self.labels])

    def change(self, asked: dict[str, Any]) -> Box | None:
        """Accept and drop; gives the box that looks different now."""
        before = self.accepted.copy()
        for name, value in (("accept", True), ("drop", False)):
            self.accepted[self._numbers(asked.get(name, []))] = value
        if "toggle" in asked:
            number = self._at(asked["toggle"])
            if number:
                self.accepted[number] ^= True
        if "threshold" in asked:
            least = asked["threshold"]
            if isinstance(least, bool) or not isinstance(least, (int, float)):
                raise ValueError(f"threshold is {least!r}: give odds from 0 to 1")
            for piece in self.found:
                self.accepted[piece.number] = piece.confidence >= least
        box: Box | None = None
        for piece in self.found:
            if before[piece.number] != self.accepted[piece.number]:
                box = union(box, piece.box)
        return box

    def keep(self, folder: Path) -> None:
        """Write all of it, in place of the search before."""
        pixels = np.flatnonzero(self.labels)
        listed = [[piece.number, piece.kind, piece.box, piece.pixels, piece.confidence] for piece in self.found]
        content = io.BytesIO()
        said = json.dumps({"find": self.id, "pieces": listed})
        np.savez_compressed(content, said=np.array(said), pixels=pixels, numbers=self.labels.flat[pixels])
        atomic.write_bytes(folder / _FOUND, content.getvalue())
        self.keep_choice(folder)

    def keep_choice(self, folder: Path) -> None:
        """Write which pieces are accepted."""
        dropped = np.flatnonzero(~self.accepted[1:]) + 1
        atomic.write_text(folder / _CHOICE, json.dumps({"find": self.id, "dropped": dropped.tolist()}))

    def tile(self, level: int, box: Box) -> Shown:
        """A box of a level, RGBA: accepted and dropped pieces in different colours."""
        height, width = self.labels.shape
        crop = at_full_size(box, level, (height, width))
        part = self.labels[crop.slices]
        if level:
            size = 1 << level
            padded = np.pad(part, ((0, box.height * size - part.shape[0]), (0, box.width * size - part.shape[1])))
            part = padded.reshape(box.height, size, box.width, size).max(axis=(1, 3))
        colours = np.where(self.accepted[:, None], _ACCEPTED, _DROPPED).astype(np.uint8)
        colours[0] = 0
        return np.asarray(colours[part])

    def _numbers(self, given: Any) -> list[int]:
        if not isinstance(given, list) or not all(isinstance(n, int) and 1 <= n < len(self.accepted) for n in given):
            raise ValueError(f"pieces are numbered 1 to {len(self.found)}: send a list of such numbers")
        return given

    def _at(self, point: Any) -> int:
        """The piece at X, Y or close to it; 0 for none."""
        if not isinstance(point, list) or len(point) != 2 or not all(isinstance(side, (int, float)) for side in point):
            raise ValueError(f"toggle is {point!r}: expected X, Y in pixels")
        x, y = (round(side) for side in point)
        height, width = self.labels.shape
        for reach in (0, 2, 5):
            near = Box(x - reach, y - reach, 2 * reach + 1, 2 * reach + 1).clipped((height, width))
            part = self.labels[near.slices]
            if part.any():
                return int(part[part > 0][0])
        return 0


def kept(folder: Path, shape: tuple[int, int]) -> Pieces | None:
    """The search that a photo's folder holds; None where there is none, or a damaged one."""
    with suppress(Exception):  # whatever a damaged file makes of itself: the search can be made again
        with np.load(folder / _FOUND, allow_pickle=False) as arrays:
            said = json.loads(str(arrays["said"]))
            labels = np.zeros(shape, np.int32)
            labels.flat[arrays["pixels"]] = arrays["numbers"]
        found = tuple(Found(number, kind, Box(*box), *more) for number, kind, box, *more in said["pieces"])
        pieces = Pieces(found, labels, _all_of(found), said["find"])
        choice = json.loads((folder / _CHOICE).read_text("utf-8"))
        if choice["find"] == pieces.id:
            pieces.accepted[choice["dropped"]] = False
        return pieces
    return None


def _all_of(found: tuple[Found, ...]) -> NDArray[np.bool_]:
    """Every piece accepted."""
    accepted = np.ones(len(found) + 1, np.bool_)
    accepted[0] = False
    return accepted


def find(photo: Photo, asked: dict[str, Any]) -> Pieces:
    """Look for damage in a photo; all that is found is accepted to begin with."""
    known = ("kind", "sensitivity", "inside", "exclude", "colour", "pick", "connected")
    for name in asked:
        if name not in known:
            raise ValueError(f"there is no {name!r} to a search: give {', '.join(known)}")
    options = {name: value for name, value in asked.items() if value is not None}
    for name in ("inside", "pick"):
        if name in options:
            options[name] = tuple(options[name])
    _, info = find_mask(photo.pixels, channels=photo.loaded.channels, return_info=True, **options)
    return Pieces(info.found, info.labels, _all_of(info.found))
