"""Finding damage from the page: what is proposed falls into pieces, each of which a person accepts or drops."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit.box import Box
from inpaintkit.find import FindInfo, find_mask
from inpaintkit.problem import Mask
from inpaintkit.ui.changes import union
from inpaintkit.ui.photos import Photo
from inpaintkit.ui.tiles import Shown, at_full_size

_ACCEPTED, _DROPPED = (255, 80, 0, 170), (0, 90, 255, 110)  # RGBA over the photo
_MAX_PIECES = 5000  # that are listed; all are shown and can be clicked


@dataclass(eq=False)
class Pieces:
    """What a search proposed.

    Attributes
    ----------
    info : what was found.
    accepted : (n + 1,) bool, by the pieces' numbers, which begin with 1.
    """

    info: FindInfo
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
            for piece in sorted(self.info.found, key=lambda piece: -piece.confidence)[:_MAX_PIECES]
        ]
        pixels = sum(piece.pixels for piece in self.info.found)
        return {
            "find": self.id,
            "pieces": pieces,
            "count": len(self.info.found),
            "accepted": int(self.accepted.sum()),
            "pixels": pixels,
            "share": pixels / self.info.labels.size,
        }

    def mask(self) -> Mask:
        """The accepted pieces, bool (H, W)."""
        return np.asarray(self.accepted[self.info.labels])

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
            for piece in self.info.found:
                self.accepted[piece.number] = piece.confidence >= least
        box: Box | None = None
        for piece in self.info.found:
            if before[piece.number] != self.accepted[piece.number]:
                box = union(box, piece.box)
        return box

    def tile(self, level: int, box: Box) -> Shown:
        """A box of a level, RGBA: accepted and dropped pieces in different colours."""
        height, width = self.info.labels.shape
        crop = at_full_size(box, level, (height, width))
        part = self.info.labels[crop.slices]
        if level:
            size = 1 << level
            padded = np.pad(part, ((0, box.height * size - part.shape[0]), (0, box.width * size - part.shape[1])))
            part = padded.reshape(box.height, size, box.width, size).max(axis=(1, 3))
        colours = np.where(self.accepted[:, None], _ACCEPTED, _DROPPED).astype(np.uint8)
        colours[0] = 0
        return np.asarray(colours[part])

    def _numbers(self, given: Any) -> list[int]:
        if not isinstance(given, list) or not all(isinstance(n, int) and 1 <= n < len(self.accepted) for n in given):
            raise ValueError(f"pieces are numbered 1 to {len(self.info.found)}: send a list of such numbers")
        return given

    def _at(self, point: Any) -> int:
        """The piece at X, Y or close to it; 0 for none."""
        if not isinstance(point, list) or len(point) != 2 or not all(isinstance(side, (int, float)) for side in point):
            raise ValueError(f"toggle is {point!r}: expected X, Y in pixels")
        x, y = (round(side) for side in point)
        height, width = self.info.labels.shape
        for reach in (0, 2, 5):
            near = Box(x - reach, y - reach, 2 * reach + 1, 2 * reach + 1).clipped((height, width))
            part = self.info.labels[near.slices]
            if part.any():
                return int(part[part > 0][0])
        return 0


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
    accepted = np.ones(len(info.found) + 1, np.bool_)
    accepted[0] = False
    return Pieces(info, accepted)
