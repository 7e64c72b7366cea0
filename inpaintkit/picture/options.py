"""Method options as large as the picture: a mask, labels, another picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.picture.hole import mask_of, scaled
from inpaintkit.picture.pixels import Picture, array_of


@dataclass(frozen=True, eq=False)
class PictureOption:
    """The type of a method's option that is as large as the picture; ``problem.part`` cuts out a crop's.

    On the command line it is a file. Its repr is one short line, since options are listed for every region.
    """

    pixels: NDArray[Any]

    def resized(self, shape: tuple[int, int]) -> Self:
        """The same scaled to ``shape`` (H, W), so that no mark and no label is lost."""
        return type(self)(scaled(self.pixels, shape))


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
        pixels = array_of(value, "it")
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
        marked = pixels.any(axis=2)
        codes = _codes(pixels)
        values = np.unique(codes[marked])
        if len(values) > cls.max_labels:
            raise ValueError(
                f"it has {len(values)} different labels, more than {cls.max_labels}: draw lines without smoothing"
            )
        return cls(np.where(marked, np.searchsorted(values, codes) + 1, 0).astype(np.uint8))

    def __repr__(self) -> str:
        height, width = self.pixels.shape
        return f"PictureLabels({height} x {width}, {int(self.pixels.max(initial=0))} labels)"


class PictureColours(PictureOption):
    """Another picture of the same size, (H, W, C) as ``inpaint`` takes it; a method brings it to its own units."""

    @classmethod
    def of_option(cls, value: Any) -> PictureColours:
        """What a caller passed, checked; raises TypeError or ValueError."""
        return value if isinstance(value, cls) else cls(Picture.of(value).pixels)

    def resized(self, shape: tuple[int, int]) -> Self:
        """The same scaled to ``shape`` (H, W), smoothly."""
        height, width = shape
        smaller = height <= self.pixels.shape[0] and width <= self.pixels.shape[1]
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        return type(self)(cv2.resize(self.pixels, (width, height), interpolation=how).reshape(height, width, -1))

    def __repr__(self) -> str:
        height, width, channels = self.pixels.shape
        return f"PictureColours({height} x {width}, {channels} channels, {self.pixels.dtype})"


def _codes(colours: NDArray[Any]) -> NDArray[np.int64]:
    """One number for each colour of (H, W, C), in the order of the colours, int64 (H, W)."""
    codes = np.zeros(colours.shape[:2], np.int64)
    for channel in np.moveaxis(colours, 2, 0):
        if colours.dtype.itemsize <= 2:
            codes = codes * 2**16 + channel
            continue
        levels, ranks = np.unique(channel, return_inverse=True)  # ranks, since three wide values fit no number
        codes = codes * len(levels) + ranks.reshape(codes.shape)
        codes = np.unique(codes, return_inverse=True)[1].reshape(codes.shape)
    return codes
