"""Checks of what callers pass: any picture and any mask, turned into arrays with known meaning."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit.distance import distance_to
from inpaintkit.errors import InpaintWarning
from inpaintkit.problem import Mask
from inpaintkit.regions import split

Pixels = NDArray[Any]

_DTYPES = ("uint8", "uint16", "float16", "float32", "float64")
_ROBUST = (0.1, 99.9)  # percentiles: a few hot pixels must not set the scale of a whole HDR picture
_SAMPLE = 1 << 20  # pixels enough to estimate a percentile


@dataclass(frozen=True)
class Picture:
    """A checked picture: ``pixels`` (H, W, C) as the caller gave them, alpha last where ``alpha``."""

    pixels: Pixels
    alpha: bool

    @classmethod
    def of(cls, image: Any) -> Picture:
        """Check an array or a PIL image; raises TypeError or ValueError that says what came and what is needed."""
        pixels = _array(image, "image")
        if pixels.dtype.name not in _DTYPES:
            raise TypeError(
                f"image has dtype {pixels.dtype}: expected {', '.join(_DTYPES)}; convert with image.astype(...)"
            )
        shaped = pixels[..., None] if pixels.ndim == 2 else pixels
        if shaped.ndim != 3 or not 1 <= shaped.shape[2] <= 4:
            raise ValueError(
                f"image has shape {pixels.shape}: expected (H, W) or (H, W, C) with 1 grey, 2 grey + alpha, "
                "3 RGB or 4 RGBA channels last"
            )
        if shaped.size == 0:
            raise ValueError(f"image has shape {pixels.shape}: it has no pixels")
        return cls(shaped, alpha=shaped.shape[2] in (2, 4))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.pixels.shape[:2]
        return height, width

    @property
    def opaque(self) -> float:
        """The alpha value of a fully opaque pixel."""
        return float(np.iinfo(self.pixels.dtype).max) if self.pixels.dtype.kind == "u" else 1.0

    def check_known(self, hole: Mask) -> None:
        """Raise ValueError where a known pixel is not finite, or alpha leaves [0, 1]."""
        if self.pixels.dtype.kind != "f":
            return
        with np.errstate(invalid="ignore"):
            finite = np.isfinite([self.pixels.min(), self.pixels.max()]).all()
        bad = np.zeros(0) if finite else ~np.isfinite(self.pixels).all(axis=2) & ~hole
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise ValueError(
                f"image has {np.count_nonzero(bad)} known pixels that are NaN or infinite, the first at row {row}, "
                f"column {column}: add them to the mask, e.g. mask | ~np.isfinite(image)"
            )
        if self.alpha:
            alpha = self.pixels[..., -1][~hole]
            if alpha.min() < 0 or alpha.max() > 1:
                raise ValueError(
                    f"image's alpha lies in [{alpha.min():g}, {alpha.max():g}]: a float alpha belongs in [0, 1]"
                )

    def range(self, hole: Mask) -> tuple[float, float]:
        """(scale, offset) with colours = normalised * scale + offset.

        Integers: their full range. Floats within [0, 1] as they are; any other range by robust percentiles.
        """
        if self.pixels.dtype.kind == "u":
            return self.opaque, 0.0
        colours = self.pixels[..., :-1] if self.alpha else self.pixels
        if colours.min() >= 0 and colours.max() <= 1:  # the hole included: no need to look closer
            return 1.0, 0.0
        known = ~hole if not self.alpha else ~hole & (self.pixels[..., -1] > 0)  # transparent pixels have no colour
        if not known.any():
            return 1.0, 0.0
        there = known[..., None]
        low = float(colours.min(where=there, initial=np.inf))
        high = float(colours.max(where=there, initial=-np.inf))
        if low >= 0 and high <= 1:
            return 1.0, 0.0
        every = max(1, math.isqrt(hole.size // _SAMPLE))
        sample = colours[::every, ::every][known[::every, ::every]].astype(np.float64)
        if sample.size:
            near, far = (float(value) for value in np.percentile(sample, _ROBUST))
            low, high = (near, far) if far > near else (low, high)
        return (high - low if high > low else 1.0), low


@dataclass(frozen=True, eq=False)
class PictureOption:
    """The type of a method's option that is as large as the picture; ``problem.part`` cuts out a crop's.

    On the command line it is a file. Its repr is one short line, since options are listed for every region.
    """

    pixels: NDArray[Any]


class PictureMask(PictureOption):
    """Marked pixels, bool (H, W). A caller passes any mask that ``inpaint`` takes."""

    @classmethod
    def of_option(cls, value: Any) -> PictureMask:
        """What a caller passed, checked; raises TypeError or ValueError."""
        return value if isinstance(value, cls) else cls(mask_of(value))

    def __repr__(self) -> str:
        height, width = self.pixels.shape
        return f"PictureMask({height} x {width}, {np.count_nonzero(self.pixels)} marked)"


class PictureLabels(PictureOption):
    """Labels, uint8 (H, W), 0 for none. A caller passes whole numbers, or a picture whose every colour is a label.

    Black and transparent pixels have no label. The labels are numbered from 1 in the order of their values.
    """

    max_labels = 254

    @classmethod
    def of_option(cls, value: Any) -> PictureLabels:
        """What a caller passed, checked; raises TypeError or ValueError."""
        if isinstance(value, cls):
            return value
        pixels = _array(value, "it")
        if (
            pixels.dtype.kind not in "uib"
            or pixels.ndim not in (2, 3)
            or pixels.shape[2:] not in ((), (1,), (3,), (4,))
        ):
            raise ValueError(
                f"it is {pixels.dtype} of shape {pixels.shape}: expected whole numbers (H, W), 0 for no label, or a "
                "picture with one colour for each label and black for none"
            )
        if pixels.ndim == 2:
            pixels = pixels[..., None]
        if pixels.shape[2] == 4:
            pixels = np.where(pixels[..., 3:] > 0, pixels[..., :3], 0)
        if pixels.dtype.kind == "i" and pixels.size and pixels.min() < 0:
            raise ValueError(f"its lowest value is {pixels.min()}: labels are 0 (none) and above")
        codes = np.zeros(pixels.shape[:2], np.int64)
        for channel in range(pixels.shape[2]):
            codes = codes * 2**16 + pixels[..., channel]
        values = np.unique(codes)
        values = values[values > 0]
        if len(values) > cls.max_labels:
            raise ValueError(
                f"it has {len(values)} different labels, more than {cls.max_labels}: draw lines without smoothing"
            )
        return cls(np.where(codes > 0, np.searchsorted(values, codes) + 1, 0).astype(np.uint8))

    def __repr__(self) -> str:
        height, width = self.pixels.shape
        return f"PictureLabels({height} x {width}, {int(self.pixels.max(initial=0))} labels)"


class PictureColours(PictureOption):
    """Another picture of the same size, (H, W, C) as ``inpaint`` takes it; a method brings it to its own units."""

    @classmethod
    def of_option(cls, value: Any) -> PictureColours:
        """What a caller passed, checked; raises TypeError or ValueError."""
        return value if isinstance(value, cls) else cls(Picture.of(value).pixels)

    def __repr__(self) -> str:
        height, width, channels = self.pixels.shape
        return f"PictureColours({height} x {width}, {channels} channels, {self.pixels.dtype})"


def hole_of(mask: Any, picture: Picture, *, invert: bool = False) -> Mask:
    """The pixels to fill as bool (H, W): ``"alpha"`` for every pixel that is not fully opaque, or a mask.

    It may share the mask's memory, and is never written to.

    Raises ValueError or TypeError that names what came, what is needed and how to get there.
    """
    if isinstance(mask, str):
        if mask != "alpha":
            raise ValueError(f"mask is {mask!r}: the only mask by name is 'alpha'; read a file with read_mask(path)")
        if not picture.alpha:
            raise ValueError("mask is 'alpha', but the image has no alpha channel: pass a mask array")
        if invert:
            raise ValueError("mask is 'alpha' and inverted: opaque pixels cannot be filled from transparent ones")
        hole: Mask = np.ascontiguousarray(picture.pixels[..., -1] < picture.opaque)
    else:
        hole = mask_of(mask)
    if hole.shape != picture.shape:
        raise ValueError(f"mask is {hole.shape}, image is {picture.shape}: resize one to match the other")
    return ~hole if invert else hole


def mask_of(mask: Any) -> Mask:
    """A mask array or PIL image as bool (H, W), True in the hole; it may share the mask's memory.

    Raises ValueError or TypeError that names what came, what is needed and how to get there.
    """
    return _binary(_one_channel(_array(mask, "mask")))


def check_share(hole: Mask, *, from_alpha: bool = False) -> int:
    """Number of hole pixels; ValueError where no pixel is known, a warning where more than half are hole.

    A mask taken ``from_alpha`` cannot be the wrong way round, so it earns no warning.
    """
    pixels = int(np.count_nonzero(hole))
    if pixels == hole.size:
        raise ValueError(
            f"the mask hides all {hole.size} pixels, so nothing is known to fill from: "
            "mark only the damage, or pass invert_mask=True if the mask marks what to keep"
        )
    if not from_alpha and pixels > hole.size / 2:
        warnings.warn(
            f"the mask hides {pixels / hole.size:.0%} of the picture; if it marks what to keep, "
            "pass invert_mask=True (--invert-mask)",
            InpaintWarning,
            stacklevel=3,
        )
    return pixels


def grow(hole: Mask, radius: int) -> Mask:
    """The hole grown by ``radius`` pixels in every direction (a disc)."""
    grown = hole.copy()
    for region in split(hole, context=radius):
        grown[region.crop.slices] |= distance_to(region.own()) <= radius
    return grown


def _array(data: Any, what: str) -> Pixels:
    if isinstance(data, PILImage.Image):
        return _from_pil(data, what)
    try:
        array = np.asarray(data)
    except ValueError:  # a ragged list
        array = np.asarray(None)
    if array.dtype == object or array.dtype.kind in "SU":
        raise TypeError(f"{what} is {type(data).__name__}: pass a numpy array or a PIL image; read(path) makes one")
    return array


def _from_pil(image: PILImage.Image, what: str) -> Pixels:
    mode = image.mode
    if mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif mode == "1":
        image = image.convert("L")
    elif mode.startswith("I"):  # 16 bits, in 32 with some versions and formats
        pixels = np.asarray(image)
        if pixels.size and not 0 <= pixels.min() <= pixels.max() <= np.iinfo(np.uint16).max:
            raise ValueError(
                f"{what} has PIL mode {mode} with values in [{pixels.min()}, {pixels.max()}]: scale to 16 bits"
            )
        return pixels.astype(np.uint16)
    elif mode not in ("L", "LA", "RGB", "RGBA", "F"):
        raise ValueError(f"{what} has PIL mode {mode}: convert it first, e.g. image.convert('RGB')")
    return np.asarray(image)


def _one_channel(mask: Pixels) -> Pixels:
    if mask.ndim == 2:
        return mask
    if mask.ndim != 3 or not 1 <= mask.shape[2] <= 4:
        raise ValueError(f"mask has shape {mask.shape}: expected (H, W), (H, W, 1) or equal channels")
    if mask.shape[2] in (2, 4):  # an editor's grey + alpha or RGBA mask: fine as long as alpha says nothing
        if mask.size and not mask[..., -1].min() == mask[..., -1].max() > 0:
            raise ValueError("mask has a transparent alpha channel: pass mask[..., -1] or a mask without alpha")
        mask = mask[..., :-1]
    if mask.dtype.kind == "f" and np.isnan(mask).any():
        return mask[..., 0] * np.nan  # refused for what it holds, not for channels that differ
    if (mask != mask[..., :1]).any():
        raise ValueError(f"mask has {mask.shape[2]} channels that differ: pass one channel, white where to fill")
    return mask[..., 0]


def _binary(mask: Pixels) -> Mask:
    if mask.dtype == np.bool_:
        return np.ascontiguousarray(mask)
    if mask.size == 0:
        return np.zeros(mask.shape, np.bool_)
    if mask.dtype.kind == "f":
        low, high = float(mask.min()), float(mask.max())
        if not (low >= 0 and high <= 1):  # NaN fails too
            raise ValueError(f"mask holds floats in [{low:g}, {high:g}]: expected [0, 1] with hole at 0.5 and above")
        return np.asarray(mask >= 0.5, order="C")
    if mask.dtype.kind not in "ui":
        raise TypeError(f"mask has dtype {mask.dtype}: expected bool, integers or floats in [0, 1]")
    low, high = int(mask.min()), int(mask.max())
    if low >= 0 and high <= 1:
        return np.asarray(mask == 1, order="C")
    if mask.dtype.name not in ("uint8", "uint16"):
        raise ValueError(
            f"mask holds {mask.dtype} values in [{low}, {high}]: expected bool, 0 and 1, or uint8/uint16 with hole "
            "at half range and above; convert with mask > threshold"
        )
    half = np.iinfo(mask.dtype).max // 2
    if 0 < high <= half:
        warnings.warn(
            f"the mask's values reach {high} only, below half of {mask.dtype}'s range, so nothing is hole; "
            "pass mask > 0 if every value above 0 is meant",
            InpaintWarning,
            stacklevel=4,
        )
    return np.asarray(mask > half, order="C")
