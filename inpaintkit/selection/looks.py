"""How much a region looks like an object: a strong, unbroken, plain outline, and other colours on its two sides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.box import Box
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
_STRETCH = 0.5  # of a region's depth: how long a gap in its outline is
_MIN_STRETCH = 3  # px
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
        if area < MIN_AREA or self._is_cut(mask):
            return None
        side = area**0.5
        near = max(2, int(_BESIDE * side))
        left, top, width, height = cv2.boundingRect(mask)
        part = Box(left, top, width, height).grown(near + 2, mask.shape)
        small, bins = mask[part.slices], self.bins[part.slices]
        strong, ranks = self.strength[part.slices], self.rank[part.slices]
        rim = _rim(small)
        seen = rim & self._within[part.slices]
        beyond = (cv2.dilate(small, _disc(near)) > 0) & (small == 0)
        if np.count_nonzero(seen) < _MIN_RIM or not beyond.any():
            return None
        strength = float(strong[seen].mean())
        if strength < _FAINT:
            return None
        away = depth(small)
        rank = ranks[seen]
        inside = small > 0
        outer, whole = _shares(bins[beyond], self.count), _shares(bins[inside], self.count)
        rimmed = _shares(bins[inside & (away <= near + 0.5)], self.count)
        outline = max(cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
        around = cv2.arcLength(cv2.approxPolyDP(outline, 1.0, True), True)
        share = float(np.log(side / self.view.scale[0] / (self.view.outer[0] * self.view.outer[1]) ** 0.5))
        return {
            "rank": float(rank.mean()),
            "weakest": float(np.quantile(rank, 0.2)),
            "strength": float(np.log1p(strength)),
            "round": float(np.log(4 * np.pi * area / around**2 + 0.05)),
            "solid": area / (cv2.contourArea(cv2.convexHull(outline)) + around / 2),
            "touching": 1 - np.count_nonzero(seen) / np.count_nonzero(rim),
            "same": float(np.minimum(rimmed, outer).sum()),
            "common": float(np.minimum(whole, outer).sum()),
            "small": share**2,
        }

    @cached_property
    def _within(self) -> Mask:
        """What is not at the border of the view."""
        inner = np.zeros(self.view.shape, np.bool_)
        inner[1:-1, 1:-1] = True
        return inner

    @property
    def count(self) -> int:
        """Bins there are."""
        return int(_BINS ** self.view.lab.shape[2] if self.view.lab.shape[2] == 3 else 3 * _BINS)

    def _is_cut(self, mask: Flat) -> bool:
        """Whether a region reaches a side of the view that is none of the picture."""
        box, (height, width) = self.view.box, self.view.outer
        sides = (box.left > 0, mask[:, 0]), (box.top > 0, mask[0]), (box.right < width, mask[:, -1])
        return any(open_ and line.any() for open_, line in (*sides, (box.bottom < height, mask[-1])))


def weighted(features: dict[str, float]) -> float:
    """What features add up to."""
    return sum(weight * features[name] for name, weight in WEIGHTS.items())


def _shares(bins: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """The share of each bin."""
    return np.bincount(bins, minlength=count) / len(bins)


def gap(view: View, mask: Flat) -> float:
    """The log of the edges along the weakest stretch of a region's outline, as a share of those along all of it."""
    outline = max(cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)[:, 0]
    x, y = outline.T
    inner = (x > 0) & (y > 0) & (x < mask.shape[1] - 1) & (y < mask.shape[0] - 1)
    if not inner.any():
        return 0.0
    strengths = _highest(view.edges)[y, x]
    strengths[~inner] = mean = float(strengths[inner].mean())
    count = min(len(strengths), max(_MIN_STRETCH, int(_STRETCH * depth(mask).max())))
    sums = np.cumsum(np.concatenate([[0.0], strengths, strengths[: count - 1]]))
    weakest = float((sums[count:] - sums[:-count]).min() / count)
    return float(np.log((weakest + _FAINT) / (mean + _FAINT)))


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
