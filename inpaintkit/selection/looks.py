"""How much a region looks like an object: a strong, unbroken, plain outline, and other colours on its two sides."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.problem import Image, Mask
from inpaintkit.selection.views import Flat, View, depth

# A ranking by softmax, fitted to regions around clicks on traced objects of photographs, rounded.
WEIGHTS = {
    "rank": 7.0,  # of the edges along the outline among all of the view: mean
    "weakest": 3.5,  # the same: lower fifth
    "strength": 2.2,  # log of the edges along the outline
    "round": 1.8,  # log of how much of a disc with as long an outline it fills
    "solid": 14.0,  # share of its convex hull
    "touching": -17.0,  # share of its rim at the picture's border
    "same": -4.0,  # colours that both sides of the outline share
    "common": -9.0,  # colours that it shares with what lies around it
    "small": -0.28,  # square of the log of its side as a share of the picture's
}
MIN_AREA = 24  # px of a view
_MIN_RIM = 8  # px of outline that do not lie at the picture's border
_FAINT = 0.5  # L*a*b* units per px: a weaker outline is none
_BESIDE = 0.1  # of a region's side: how far on either side of its outline colours are looked at
_BINS = 8  # of each channel's range in which colours count as the same, 24 of grey alone
_RANGES = (0, 100), (-80, 80), (-80, 80)  # of L*, a* and b*
_SQUARE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class Judge:
    """What regions of a view are judged by: the highest rank and strength of edges beside each pixel, colours' bins."""

    view: View
    rank: Image
    strength: Image
    bins: NDArray[np.int64]

    @classmethod
    def of(cls, view: View) -> Judge:
        """Measure a view."""
        edges = view.edges
        rank = (np.searchsorted(np.sort(edges, axis=None), edges) / edges.size).astype(np.float32)
        smooth = cv2.GaussianBlur(view.lab, (0, 0), 1.0).reshape(view.lab.shape)
        channels = view.lab.shape[2]
        count = _BINS if channels == 3 else 3 * _BINS
        bins = np.zeros(view.shape, np.int64)
        for channel, (low, high) in enumerate(_RANGES[:channels]):
            part = (smooth[..., channel] - low) * (count / (high - low))
            bins = bins * count + part.clip(0, count - 1).astype(np.int64)
        return cls(view, _highest(rank), _highest(edges), bins)

    def score(self, mask: Flat) -> float | None:
        """How much a region looks like an object; None where it cannot be said."""
        found = self.features(mask)
        return None if found is None else weighted(found)

    def features(self, mask: Flat) -> dict[str, float] | None:
        """What ``WEIGHTS`` are for; None of a region that is cut by the view, too small, or without an outline."""
        area = int(np.count_nonzero(mask))
        rim = _rim(mask)
        length = np.count_nonzero(rim)
        seen = rim.copy()
        seen[[0, -1]] = seen[:, [0, -1]] = False
        if area < MIN_AREA or np.count_nonzero(seen) < _MIN_RIM or self._is_cut(mask):
            return None
        away = depth(mask)
        side = area**0.5
        near = max(2, int(_BESIDE * side))
        beyond = (cv2.dilate(mask, _disc(near)) > 0) & (mask == 0)
        strength = float(self.strength[seen].mean())
        if not beyond.any() or strength < _FAINT:
            return None
        outer = self._colours(beyond)
        outline = max(cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
        around = cv2.arcLength(cv2.approxPolyDP(outline, 1.0, True), True)
        return {
            "rank": float(self.rank[seen].mean()),
            "weakest": float(np.quantile(self.rank[seen], 0.2)),
            "strength": float(np.log1p(strength)),
            "round": float(np.log(4 * np.pi * area / around**2 + 0.05)),
            "solid": area / (cv2.contourArea(cv2.convexHull(outline)) + around / 2),
            "touching": 1 - np.count_nonzero(seen) / length,
            "same": float(np.minimum(self._colours((mask > 0) & (away <= near + 0.5)), outer).sum()),
            "common": float(np.minimum(self._colours(mask > 0), outer).sum()),
            "small": float(np.log(side / self.view.scale[0] / (self.view.outer[0] * self.view.outer[1]) ** 0.5) ** 2),
        }

    def _colours(self, which: Mask) -> NDArray[np.float64]:
        """The share of each bin."""
        count = _BINS ** self.view.lab.shape[2] if self.view.lab.shape[2] == 3 else 3 * _BINS
        return np.bincount(self.bins[which], minlength=count) / np.count_nonzero(which)

    def _is_cut(self, mask: Flat) -> bool:
        """Whether a region reaches a side of the view that is none of the picture."""
        box, (height, width) = self.view.box, self.view.outer
        sides = (box.left > 0, mask[:, 0]), (box.top > 0, mask[0]), (box.right < width, mask[:, -1])
        return any(open_ and line.any() for open_, line in (*sides, (box.bottom < height, mask[-1])))


def weighted(features: dict[str, float]) -> float:
    """What features add up to."""
    return sum(weight * features[name] for name, weight in WEIGHTS.items())


def _rim(mask: Flat) -> Mask:
    """The pixels of a region beside others, or at the border."""
    framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    rim: Mask = (mask > 0) & (cv2.erode(framed, _SQUARE)[1:-1, 1:-1] == 0)
    return rim


def _highest(image: Image) -> Image:
    """The largest value beside each pixel."""
    return np.asarray(cv2.dilate(image, _SQUARE), np.float32)


def _disc(radius: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)
