"""Measures of a fill, each with its definition, since papers differ.

Pictures are compared on the scale 0 to 255 whatever their type. "whole" takes every pixel, "hole" those to be filled;
with known pixels exact PSNR of the whole is that of the hole plus 10 log10(1 / share).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2gray
from skimage.metrics import structural_similarity

from inpaintkit.problem import Mask

Floats = NDArray[np.float64]

_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli and Bovik 2003
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def hole_psnr(filled: NDArray[Any], truth: NDArray[Any], hole: Mask, *, peak: float = 255.0) -> float:
    """PSNR in dB over the hole's pixels and all channels: 10 log10(peak^2 / mean squared error); inf where equal."""
    return psnr(float(np.mean((filled[hole].astype(np.float64) - truth[hole].astype(np.float64)) ** 2)) / peak**2)


def psnr(l2: float) -> float:
    """PSNR in dB of a mean squared error on the scale 0 to 1; inf where it is 0."""
    return float("inf") if l2 == 0 else float(-10 * np.log10(l2))


class Compared:
    """A fill beside the truth: float64 (H, W, C) on the scale 0 to 255, and the hole (H, W).

    Raises
    ------
    ValueError : pictures of different shapes, or a mask of another size.
    """

    def __init__(self, filled: NDArray[Any], truth: NDArray[Any], hole: Mask) -> None:
        if filled.shape != truth.shape or hole.shape != truth.shape[:2]:
            raise ValueError(
                f"the fill is {filled.shape}, the truth {truth.shape}, the mask {hole.shape}: resize to one size"
            )
        self.filled, self.truth, self.hole = _scaled(filled), _scaled(truth), hole

    @cached_property
    def error(self) -> Floats:
        """Fill less truth, on the scale 0 to 1."""
        return np.asarray((self.filled - self.truth) / 255)

    def similarity(self, window: int) -> tuple[float, Floats] | None:
        """SSIM and its map (H, W), mean over channels; None where the picture is smaller than the window."""
        if window not in self._maps:
            self._maps[window] = None if min(self.hole.shape) < window else self._similarity(window)
        return self._maps[window]

    @cached_property
    def _maps(self) -> dict[int, tuple[float, Floats] | None]:
        return {}

    def _similarity(self, window: int) -> tuple[float, Floats]:
        options: dict[str, Any] = {"win_size": window, "data_range": 255, "full": True}
        if window == 51:
            a, b = (_grey(picture) for picture in (self.filled, self.truth))
            whole, local = structural_similarity(a, b, **options)
            return float(whole), np.asarray(local)
        if window == 11:
            options |= {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        whole, local = structural_similarity(self.filled, self.truth, channel_axis=-1, **options)
        return float(whole), np.asarray(local).mean(axis=2)


@dataclass(frozen=True)
class Measure:
    """A figure with its definition; ``of`` gives NaN where it means nothing."""

    name: str
    title: str
    better: Literal["more", "less", "neither"]
    definition: str
    of: Callable[[Compared], float]


def _over(part: Literal["whole", "hole"], compared: Compared) -> Any:
    """What to index a picture with."""
    return compared.hole if part == "hole" else slice(None)


def _l1(part: Literal["whole", "hole"]) -> Callable[[Compared], float]:
    return lambda c: float(np.abs(c.error[_over(part, c)]).mean() * 100)


def _relative_l1(part: Literal["whole", "hole"]) -> Callable[[Compared], float]:
    def of(c: Compared) -> float:
        over = _over(part, c)
        total = (c.filled[over] + c.truth[over]).sum() / 255
        return float(np.abs(c.error[over]).sum() / total * 100) if total else float("nan")

    return of


def _l2(part: Literal["whole", "hole"]) -> Callable[[Compared], float]:
    return lambda c: float((c.error[_over(part, c)] ** 2).mean())


def _psnr(part: Literal["whole", "hole"]) -> Callable[[Compared], float]:
    return lambda c: psnr(_l2(part)(c))


def _ssim(part: Literal["whole", "hole"], window: int) -> Callable[[Compared], float]:
    def of(c: Compared) -> float:
        found = c.similarity(window)
        if found is None:
            return float("nan")
        return found[0] if part == "whole" else float(found[1][c.hole].mean())

    return of


def ms_ssim(c: Compared) -> float:
    """MS-SSIM of five scales; NaN where the coarsest would be smaller than the window (a side below 176 px)."""
    a, b = c.filled, c.truth
    if min(c.hole.shape) < 11 * 2**4:
        return float("nan")
    value = np.ones(a.shape[2])
    for scale, weight in enumerate(_SCALES):
        contrast, similarity = _ssim_parts(a, b)
        value *= np.maximum(similarity if scale == len(_SCALES) - 1 else contrast, 0) ** weight
        a, b = (_halved(picture) for picture in (a, b))
    return float(value.mean())


def _ssim_parts(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Means over a picture of contrast and structure in one, and of SSIM, for each channel."""

    def blur(picture: Floats) -> Floats:
        return np.asarray(np.atleast_3d(cv2.GaussianBlur(picture, (11, 11), 1.5))[5:-5, 5:-5], np.float64)

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, cov = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    contrast = (2 * cov + _C2) / (var_a + var_b + _C2)
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    return contrast.mean(axis=(0, 1)), (luminance * contrast).mean(axis=(0, 1))


def _halved(picture: Floats) -> Floats:
    """Means of two by two pixels, an odd last row or column left out."""
    even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
    return np.asarray((even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4)


def _variation(part: Literal["whole", "hole"]) -> Callable[[Compared], float]:
    def of(c: Compared) -> float:
        total, count = 0.0, 0
        for axis in (0, 1):
            steps = np.abs(np.diff(c.filled, axis=axis)) / 255
            ends = [np.delete(c.hole, end, axis=axis) for end in (-1, 0)]
            steps = steps[ends[0] | ends[1]] if part == "hole" else steps
            total, count = total + steps.sum(), count + steps.size
        return float(total / count * 2 * 100) if count else float("nan")

    return of


def _pair(
    name: str,
    title: str,
    better: Literal["more", "less", "neither"],
    definition: str,
    of: Callable[..., Any],
    *more: Any,
) -> list[Measure]:
    """A measure over the whole picture and over the hole."""
    return [
        Measure(f"{name}_{p}", f"{title}, {p}", better, f"{definition}, {p}", of(p, *more)) for p in ("hole", "whole")
    ]


MEASURES: tuple[Measure, ...] = (
    *_pair("psnr", "PSNR, dB", "more", "10 log10(255^2 / mean squared error) over pixels and channels", _psnr),
    *_pair("l1", "L1, %", "less", "100 mean |a - b| / 255", _l1),
    *_pair(
        "l1rel",
        "relative L1, %",
        "less",
        "100 sum |a - b| / sum (a + b), as AOT-GAN; EdgeConnect's is of grey",
        _relative_l1,
    ),
    *_pair("l2", "L2", "less", "mean (a - b)^2 / 255^2", _l2),
    *_pair("ssim7", "SSIM 7", "more", "SSIM, uniform window 7, sample covariance, mean of channels", _ssim, 7),
    *_pair(
        "ssim11",
        "SSIM 11",
        "more",
        "SSIM, Gaussian window 11, sigma 1.5, mean of channels; LaMa pads with zeros",
        _ssim,
        11,
    ),
    *_pair("ssim51", "SSIM 51", "more", "SSIM of the grey picture, uniform window 51, as EdgeConnect", _ssim, 51),
    Measure(
        "msssim_whole",
        "MS-SSIM",
        "more",
        "five scales, weights of Wang 2003, Gaussian window 11, means of 2 x 2 pixels between scales, mean of channels",
        ms_ssim,
    ),
    *_pair(
        "tv",
        "TV, %",
        "neither",
        "100 times the mean |difference| of neighbours / 255, across plus down, of the fill alone; the hole's "
        "have an end in it",
        _variation,
    ),
)


WITHOUT_TRUTH = ("tv_hole", "tv_whole")  # measures that look at the fill alone


def measured(compared: Compared, *, truth: bool = True) -> dict[str, float]:
    """Every measure of a fill, by name; those of ``WITHOUT_TRUTH`` where the picture is not what should come out."""
    return {measure.name: measure.of(compared) for measure in MEASURES if truth or measure.name in WITHOUT_TRUTH}


def pooled_psnr(l2: Mapping[str, float] | list[float]) -> float:
    """PSNR of the mean of pictures' L2, in dB, which one bad picture moves more than it moves the mean of PSNRs."""
    return psnr(float(np.mean(list(l2.values()) if isinstance(l2, Mapping) else l2)))


def interval(values: list[float], *, level: float = 0.95, resamples: int = 2000) -> tuple[float, float]:
    """Bootstrap percentile interval of a mean over pictures; the same for the same values."""
    known = np.asarray(values, np.float64)
    draws = np.random.default_rng(0).integers(0, len(known), (resamples, len(known)))
    low, high = np.percentile(known[draws].mean(axis=1), [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def _scaled(picture: NDArray[Any]) -> Floats:
    """A picture as (H, W, C) on the scale 0 to 255."""
    peak = float(np.iinfo(picture.dtype).max) if picture.dtype.kind == "u" else 1.0
    scaled: Floats = np.atleast_3d(picture).astype(np.float64) * (255 / peak)
    return scaled


def _grey(picture: Floats) -> Floats:
    return np.asarray(rgb2gray(picture)) if picture.shape[2] == 3 else picture.mean(axis=2)
