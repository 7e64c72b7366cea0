"""What happened in a fill: which method filled which region how, in how long."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit.box import Box


@dataclass(frozen=True)
class FilledRegion:
    """One region as it was filled.

    Attributes
    ----------
    box : (LEFT, TOP, WIDTH, HEIGHT) of the crop the method saw, in pixels of the picture.
    pixels : how many hole pixels the region gave to the result.
    method, options : what filled it, with every option's value.
    seconds : time in the method.
    facts : what the method noted, e.g. ``iterations``, ``residual``, ``converged``; of ``auto`` ``expected_psnr``, the
        PSNR over the region's pixels to be expected, in dB; of a method that copies ``shifts``, int32 (rows, columns,
        2), from a filled pixel of the crop to the one it was copied from.
    fallback : why the region was filled harmonically instead, or an empty text.
    """

    box: Box
    pixels: int
    method: str
    options: dict[str, Any]
    seconds: float
    facts: dict[str, Any] = field(default_factory=dict)
    fallback: str = ""


Filled = FilledRegion  # its name before 0.2; goes with that version


@dataclass(frozen=True)
class Info:
    """What ``inpaint(..., return_info=True)`` gives beside the picture.

    Attributes
    ----------
    method : the method that was asked for; what filled which region stands in ``regions``.
    seconds : time of the whole call.
    pixels : hole pixels, after ``dilate``.
    mask : bool (H, W), these pixels.
    regions : one entry per region, in the order they lie in the picture.
    seed, threads, device : what the call ran with.
    versions : package name -> version of what the numbers depend on.
    compiled : code was compiled during the call, so its time is not that of the next one.
    confidence : float32 (H, W) in [0, 1], where the method has an estimate; None where it has none.
    expected_error : float32 (H, W), root mean square error to be expected at each hole pixel, as a share of ``peak``;
        from ``auto``, where there was room for trials.
    peak : what ``expected_psnr`` counts from, and ``expected_error`` is a share of, in the picture's own units: the
        largest value of unsigned integers (255), 1 for floats that lie in [0, 1]; for all others the range of the
        known colours, from the 0.1st percentile to the 99.9th.
    growth : pixels by which the mask was grown, as ``dilate`` says or the picture where that is "auto".
    """

    method: str
    seconds: float
    pixels: int
    mask: NDArray[np.bool_]
    regions: tuple[FilledRegion, ...]
    seed: int
    threads: int
    device: str
    versions: dict[str, str]
    compiled: bool = False
    confidence: NDArray[np.float32] | None = None
    expected_error: NDArray[np.float32] | None = None
    growth: int = 0
    peak: float | None = None

    @property
    def fallbacks(self) -> tuple[FilledRegion, ...]:
        """The regions that were filled harmonically for want of context."""
        return tuple(region for region in self.regions if region.fallback)

    def plot(self, path: Path | str) -> None:
        """Write the curves of the fits as a picture: loss and PSNR of held-out pixels against steps, by region.

        Raises ValueError where no region was filled by a method that notes them.
        """
        from inpaintkit.curves import draw

        losses, held = [], []
        for number, region in enumerate(self.regions, 1):
            name, facts = f"region {number}", region.facts
            if "loss" in facts:
                loss = np.asarray(facts["loss"], np.float64)
                floor = np.log10(np.maximum(loss, 1e-12))
                losses.append((name, np.stack([np.arange(1, len(loss) + 1), floor], axis=1)))
            if "held_out" in facts:
                held.append((name, np.asarray(facts["held_out"], np.float64)))
        draw(Path(path), [("loss, power of ten", losses), ("held-out pixels, dB", held)])

    @property
    def expected_psnr(self) -> float | None:
        """PSNR over the hole to be expected, in dB of ``peak``; None where some part of it has no estimate."""
        estimates = [(region.pixels, region.facts.get("expected_psnr")) for region in self.regions]
        if not estimates or any(psnr is None for _, psnr in estimates):
            return None
        wrong = sum(pixels * 10 ** (-psnr / 10) for pixels, psnr in estimates if psnr is not None)
        return -10 * math.log10(wrong / sum(pixels for pixels, _ in estimates))

    def __str__(self) -> str:
        text = f"{self.method}: {self.pixels} px in {len(self.regions)} regions, {self.seconds:.2f} s"
        text += f", mask grown by {self.growth} px" if self.growth else ""
        by = Counter[str]()
        for region in self.regions:
            by[region.method] += region.pixels
        if self.method == "auto" and by:
            text += "; " + ", ".join(f"{method} {pixels} px" for method, pixels in by.most_common())
        if self.expected_psnr is not None:
            text += f"; {self.expected_psnr:.1f} dB expected"
        return f"{text}, {len(self.fallbacks)} filled harmonically for want of context" if self.fallbacks else text
