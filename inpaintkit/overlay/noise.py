"""How exactly a picture's values say what was seen: rounding, and what JPEG adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from inpaintkit.arrays import F64x1, F64x2
from inpaintkit.files import Metadata, Source, load
from inpaintkit.files.metadata import of_pillow
from inpaintkit.picture import Span
from inpaintkit.problem import Image

Real = TypeVar("Real", np.float32, np.float64)

# Luma and colour differences of JPEG, but for the offset of the latter.
LUMA = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_SEEN = 0.01  # of opacity: what bled less is left alone
_ROUNDING = 12**-0.5  # standard deviation of what rounding to whole steps changes
_ON_STEPS, _NEAR, _LOOKED_AT = 0.9, 0.05, 2**12  # share of values near whole steps, how near, and of how many at most
_FLOAT = 2.0**-24  # of the range: what is left of a float's exactness after some arithmetic


@dataclass(frozen=True)
class Stored:
    """How a lossy file stored a picture.

    Attributes
    ----------
    luma, chroma : root mean square step of the quantised coefficients, in levels of 8 bits.
    sampling : across and down, the pixels that share one value of colour: (2, 2) for 4:2:0.
    """

    luma: float
    chroma: float
    sampling: tuple[int, int] = (1, 1)

    @classmethod
    def of_tables(cls, tables: Sequence[Sequence[float]], sampling: tuple[int, int] = (1, 1)) -> Stored:
        """From a JPEG's quantisation tables, that of luma first."""
        steps = [float(np.sqrt(np.mean(np.square(np.asarray(table, np.float64))))) for table in tables]
        return cls(steps[0], steps[1] if len(steps) > 1 else steps[0], sampling)

    @classmethod
    def of_metadata(cls, metadata: Metadata) -> Stored | None:
        """What a JPEG's file says; None for other formats."""
        tables, sampling = metadata.tables, metadata.sampling
        if not tables or sampling is None:
            return None
        return cls.of_tables([tables[key] for key in sorted(tables)], sampling)

    @classmethod
    def of_file(cls, file: Source) -> Stored | None:
        """What a JPEG's file says of how it was stored; None for other formats."""
        return cls.of_metadata(load(file).metadata)

    @classmethod
    def of_picture(cls, picture: object) -> Stored | None:
        """That of a picture that Pillow opened; None where it is anything else, or has been converted since."""
        return cls.of_metadata(of_pillow(picture)[0]) if isinstance(picture, JpegImageFile) else None


@dataclass(frozen=True)
class Noise:
    """Standard deviations of what is seen.

    Attributes
    ----------
    deviations : float64 (C,), by channel after ``mixing``, in the picture's units.
    mixing : float64 (C, C), which mixes the channels so that each has a noise of its own.
    """

    deviations: F64x1
    mixing: F64x2

    @property
    def mixes(self) -> bool:
        """Whether the channels are luma and colour differences."""
        return bool((self.mixing != np.eye(len(self.mixing))).any())

    def mixed(self, colours: F64x2) -> F64x2:
        """Colours (n, C) in these channels."""
        return colours @ self.mixing.T if self.mixes else colours

    def unmixed(self, colours: F64x2) -> F64x2:
        """What ``mixed`` has mixed, as it was."""
        return colours @ np.linalg.inv(self.mixing).T if self.mixes else colours


def noise_of(span: Span, seen: F64x2, peak: float, stored: Stored | None, *, bled: bool) -> Noise:
    """The noise of a picture.

    Parameters
    ----------
    seen : float64 (n, C), colours of the pixels under the overlay: rounded to the levels of the rest, or finer.
    peak : white, in the picture's units.
    bled : colour differences see another opacity than luma.
    """
    channels = seen.shape[1]
    rounding = max(_step(span, seen) * _ROUNDING, span.scale * _FLOAT)
    deviations = np.full(channels, rounding)
    if stored is not None:
        steps = np.array([stored.luma, *[stored.chroma] * 2])[:channels] if channels == 3 else stored.luma
        deviations = np.hypot(deviations, np.broadcast_to(steps, channels) * (_ROUNDING * peak / 255))
    mixes = channels == 3 and (bled or stored is not None)
    return Noise(deviations, LUMA if mixes else np.eye(channels))


def bled(opacity: Image, sampling: tuple[int, int]) -> Image:
    """The opacity (H, W) that colour differences see which were stored for ``sampling`` pixels across and down at once.

    Means of so many pixels are stored, and interpolated when they are read.
    """
    large = read_again(opacity, sampling)
    return np.asarray(np.where(large > _SEEN, large, 0), np.float32)


def read_again(plane: NDArray[Real], sampling: tuple[int, int]) -> NDArray[Real]:
    """A plane (H, W) as it is read from means of so many pixels across and down."""
    across, down = sampling
    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % down), (0, -width % across)), mode="edge")
    small = padded.reshape(len(padded) // down, down, -1, across).mean(axis=(1, 3))
    large: NDArray[Real] = cv2.resize(small, padded.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return large[:height, :width]


def _step(span: Span, seen: F64x2) -> float:
    """The step between the levels of what is seen; 0 where it is not rounded to those of the rest."""
    if not span.step or not seen.size:
        return 0.0
    values = seen.reshape(-1)[:: 1 + seen.size // _LOOKED_AT]
    steps = (values - span.offset) / span.step
    return span.step if np.mean(np.abs(steps - np.rint(steps)) < _NEAR) >= _ON_STEPS else 0.0
