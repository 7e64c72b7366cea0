"""An overlay drawn once more where a picture is known, and stored as its file was: a trial with a known answer."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit.overlay.background import Values
from inpaintkit.overlay.model import Overlay, shifted
from inpaintkit.overlay.noise import Stored
from inpaintkit.picture import grow
from inpaintkit.problem import Mask

_APART = 2  # px between what was under the overlay and pixels that are taken for known
_QUALITY = 50  # at which the standard's tables are what they are
_HALVINGS = 30  # of the interval in which a table's scale lies
_SUBSAMPLING = {(1, 1): 0, (2, 1): 1}  # as Pillow counts; else 2


@dataclass(frozen=True, eq=False)
class Stamped:
    """A trial.

    Attributes
    ----------
    levels : uint8 (h, w, C), the picture with the overlay drawn at another place, as its file would give it back.
    hole : bool (h, w), the pixels that are covered there.
    unknown : bool (h, w), those among them whose opacity is not known.
    known : bool (h, w), where the picture beneath is known.
    """

    levels: NDArray[np.uint8]
    hole: Mask
    unknown: Mask
    known: Mask


def stamped(clean: Values, overlay: Overlay, hole: Mask, unknown: Mask, stored: Stored | None) -> Stamped:
    """Draw an overlay where most is known of what is beneath.

    Parameters
    ----------
    clean : float64 (h, w, C) in levels of 8 bits, the picture without the overlay as far as that is known.
    overlay : its colours in the same levels.
    hole, unknown : as of ``Stamped``, but where the overlay lies now.
    """
    known = ~grow(overlay.touched | hole, _APART)
    by = _shift(hole, known)
    moved = overlay.moved(*by)
    opacity, colour = moved.opacity[..., None], moved.colour
    seen = {
        "cover": (1 - opacity) * clean + opacity * colour,
        "add": clean + opacity * colour,
        "multiply": clean * (1 - opacity * (1 - colour / 255)),
    }[overlay.mode]
    levels = np.rint(seen).clip(0, 255).astype(np.uint8)
    return Stamped(_as_stored(levels, stored) if stored else levels, shifted(hole, *by), shifted(unknown, *by), known)


def _shift(mark: Mask, known: Mask) -> tuple[int, int]:
    """By how many rows and columns the mark has to move to lie where most is known, and preferably near."""
    shape = tuple(2 * side for side in mark.shape)
    spectra = [scipy.fft.rfft2(plane.astype(np.float64), shape) for plane in (known, mark)]
    count = np.rint(scipy.fft.irfft2(spectra[0] * np.conj(spectra[1]), shape))
    down, across = (np.rint(np.fft.fftfreq(side, 1 / side)) for side in shape)
    near = 1 - np.hypot(down[:, None], across) / sum(shape)
    row, column = np.unravel_index(np.argmax(count * near), count.shape)
    return int(down[row]), int(across[column])


def _as_stored(levels: NDArray[np.uint8], stored: Stored) -> NDArray[np.uint8]:
    """Levels (h, w, C) as a JPEG with such steps gives them back."""
    file = io.BytesIO()
    colours = levels.shape[2] == 3
    tables = [_table(*pair) for pair in zip(_standard(), (stored.luma, stored.chroma), strict=True)]
    more = {"subsampling": _SUBSAMPLING.get(stored.sampling, 2)} if colours else {}
    picture = PILImage.fromarray(levels if colours else levels[..., 0])
    picture.save(file, "JPEG", qtables=tables if colours else tables[:1], **more)
    return np.asarray(PILImage.open(file)).reshape(levels.shape)


def _standard() -> list[Values]:
    """The quantisation of luma and colour in the standard's annex K."""
    file = io.BytesIO()
    PILImage.new("RGB", (8, 8)).save(file, "JPEG", quality=_QUALITY)
    tables = PILImage.open(file).quantization  # type: ignore[attr-defined]
    return [np.asarray(tables[key], np.float64) for key in (0, 1)]


def _table(standard: Values, step: float) -> list[int]:
    """A table scaled to a root mean square step."""
    low, high = 0.0, 255.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        scaled = np.clip(np.rint(standard * middle), 1, 255)
        low, high = (middle, high) if np.sqrt(np.mean(scaled**2)) < step else (low, middle)
    return [int(value) for value in np.clip(np.rint(standard * high), 1, 255)]


def in_levels(overlay: Overlay, slices: tuple[slice, slice], white: float) -> Overlay:
    """A part of an overlay, its colours in levels of 8 bits."""
    deviation, chroma = (None if plane is None else plane[slices] for plane in (overlay.deviation, overlay.chroma))
    colour = overlay.colour if overlay.colour.ndim == 1 else overlay.colour[slices]
    opacity = overlay.opacity[slices]
    return replace(overlay, opacity=opacity, deviation=deviation, chroma=chroma, colour=colour * (255 / white))
