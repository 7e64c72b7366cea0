"""The frozen, validated form in which every method receives its work: a float crop, its hole, and what is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

Pixel = TypeVar("Pixel", bound=np.generic)

DOUBTFUL = 0.5  # the weight below which a known pixel is one more to fill, to methods that take all known ones alike
NEUTRAL = np.float32(0.5)  # stands where no colour is known, so that nothing there looks like data


@dataclass(frozen=True)
class Step:
    """Progress: ``done`` of ``total`` (any unit), with the loss where there is one and a remark where it helps."""

    done: float
    total: float
    loss: float | None = None
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Problem:
    """A region to fill.

    Attributes
    ----------
    image : float32 (H, W, C), any number of channels; colours are some 0 to 1 where the picture is ordinary and may lie
        beyond; 0.5 where nothing is known.
    hole : bool (H, W), the pixels to fill.
    known : bool (H, W), the pixels whose colour may be used. What is neither hole nor known (another region's hole, a
        fully transparent pixel) is left alone and never a source.
    alpha : the last channel is opacity, 0 to 1, and the colours are premultiplied by it.
    step : colours are known no more finely than this: the distance between neighbouring levels of the caller's picture,
        in units of ``image``; 0 where it has no levels. What stands for noise is no smaller.
    dtype : the caller's pixel type.
    scale, offset : value = image * scale + offset gives the caller's colours back.
    region : number of the region in the picture.
    origin : the picture's row and column at which the crop begins.
    seed : the caller's seed.
    device : "auto", "cpu", "cuda" or "mps".
    raw : the caller's own pixels of the crop, what lies under the mask included; None with alpha or from floats alone.
    weight : float32 (H, W), how far each pixel's colour can be trusted: 1 where it is known exactly, 0 where it is as
        good as a hole's; of known pixels alone. None: 1 on all of them. Only rows with ``weights`` are given any.
    """

    image: Image
    hole: Mask
    known: Mask
    alpha: bool = False
    step: float = 0.0
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float32))
    scale: float = 1.0
    offset: float = 0.0
    region: int = 0
    origin: tuple[int, int] = (0, 0)
    seed: int = 0
    device: str = "auto"
    raw: NDArray[Any] | None = None
    weight: Image | None = None
    _limits: Callable[[], Image] | None = None
    _report: Callable[[Step], None] | None = None
    _facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def create(cls, image: Image, hole: Mask, known: Mask | None = None, **more: Any) -> Problem:
        """A problem from float pixels: checks the shapes, makes the arrays contiguous, neutralises unknown pixels.

        Parameters
        ----------
        image : float (H, W, C).
        hole : bool (H, W).
        known : bool (H, W); everything outside the hole when left out.
        **more : further attributes; without ``alpha`` the last of 2 or 4 channels is opacity.
        """
        if image.ndim != 3 or image.shape[2] < 1:
            raise ValueError(f"a problem's image is (H, W, C) with one channel or more, got {image.shape}")
        known = ~hole if known is None else known
        if hole.shape != image.shape[:2] or known.shape != hole.shape:
            raise ValueError(f"hole {hole.shape} and known {known.shape} must match the image's {image.shape[:2]}")
        if (hole & known).any():
            raise ValueError("a pixel cannot be both hole and known: pass known & ~hole")
        weight = more.get("weight")
        if weight is not None and (weight.shape != hole.shape or not (weight.min() >= 0 and weight.max() <= 1)):
            raise ValueError(f"a problem's weight is {weight.shape}: expected {hole.shape}, from 0 to 1")
        more.setdefault("alpha", image.shape[2] in (2, 4))
        pixels = np.array(image, np.float32, order="C")  # a copy: the caller's array stays as it is
        np.copyto(pixels, NEUTRAL, where=~known[..., None])
        return cls(pixels, np.ascontiguousarray(hole), np.ascontiguousarray(known), **more)

    def rng(self, *key: int) -> np.random.Generator:
        """An independent generator for this region and ``key`` (a row, a patch): the same on any number of threads."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(self.region, len(key), *key)))

    def limits(self) -> Image:
        """Smallest and largest colour of each channel over the whole picture's known pixels, float32 (2, C)."""
        if self._limits is not None:
            return self._limits()
        colours = self.image[self.known]
        return np.stack([colours.min(axis=0), colours.max(axis=0)])

    def part(self, whole: NDArray[Pixel]) -> NDArray[Pixel]:
        """What lies under the crop of an array (H, W, ...) as large as the picture; it shares the array's memory."""
        (top, left), (height, width) = self.origin, self.hole.shape
        part = whole[top : top + height, left : left + width]
        if part.shape[:2] != self.hole.shape:
            raise ValueError(f"an array of {whole.shape} is not as large as the picture around {self.hole.shape}")
        return part

    def doubtful(self, below: float = DOUBTFUL) -> Mask:
        """The known pixels whose weight is below a limit, bool (H, W)."""
        return np.zeros_like(self.known) if self.weight is None else self.known & (self.weight < below)

    def without_weight(self, image: Image | None = None) -> Problem:
        """The same for what heeds no weights: doubtful pixels are hole, others known, with the colours of ``image``."""
        if self.weight is None:
            return self
        hole, known = self.hole | self.doubtful(), self.known & ~self.doubtful()
        pixels = np.where(known[..., None], self.image if image is None else image, NEUTRAL)
        return replace(self, image=pixels, hole=hole, known=known, weight=None)

    def report(self, step: Step) -> None:
        """Tell the caller how far the method is in this region."""
        if self._report is not None:
            self._report(step)

    def note(self, **facts: Any) -> None:
        """Record facts for ``Info``: iterations, residual, converged, maps of the crop."""
        self._facts.update(facts)
