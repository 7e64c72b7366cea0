"""What a TIFF's samples mean, grey or colour, opacity or plain bands, and back to samples of the same meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from inpaintkit.files.decoding import Pixels, RefusedError
from inpaintkit.files.tiff_images import word

if TYPE_CHECKING:
    from tifffile import TiffPage

# TIFF's PhotometricInterpretation
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3, _LAB: 3}  # samples of each
_PLAIN, _PREMULTIPLIED, _STRAIGHT, _COREL = 0, 1, 2, 999  # TIFF's ExtraSamples; 999 is Corel Draw's straight alpha
_D50 = (0.9642, 1.0, 0.8249)  # the white of TIFF's CIELab
_FROM_D50 = (  # XYZ under D50 to linear sRGB: Bradford's adaptation to D65 included
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)


@dataclass(frozen=True)
class Layout:
    """How a TIFF held its samples, so that a TIFF made from it holds them alike."""

    photometric: int
    extras: tuple[int, ...]  # ExtraSamples, in the file's order
    alpha: int | None  # which sample is opacity, in the file's order
    planar: bool  # one plane per channel
    channels: int
    dtype: str
    converted: bool = False  # the colours were inks or CIELab, and are sRGB now

    def fits(self, pixels: Pixels, alpha: bool) -> bool:
        """Whether pixels (H, W, C) are of the same number, type and meaning."""
        same = pixels.shape[2] == self.channels and pixels.dtype.name == self.dtype
        return same and alpha == (self.alpha is not None)

    def samples(self, pixels: Pixels) -> Pixels:
        """Pixels (H, W, C), alpha last, as this layout holds them."""
        if self.photometric == _WHITE_IS_ZERO:
            pixels = pixels.copy()
            pixels[..., 0] = ~pixels[..., 0]
        if self.alpha is None:
            return pixels
        if _PREMULTIPLIED in self.extras and _STRAIGHT not in self.extras:
            pixels = _multiplied(pixels)
        order = list(range(self.channels - 1))
        return pixels[..., [*order[: self.alpha], self.channels - 1, *order[self.alpha :]]]

    @classmethod
    def of(cls, pixels: Pixels, alpha: bool) -> Layout:
        """The layout of pixels (H, W, C) that come from no TIFF: RGB where there are three colours, else grey."""
        count = pixels.shape[2]
        photometric = _RGB if count - alpha == 3 else _BLACK_IS_ZERO
        extras = [_PLAIN] * (count - _COLOURS[photometric])
        if alpha:
            extras[-1] = _STRAIGHT
        return cls(photometric, tuple(extras), count - 1 if alpha else None, False, count, pixels.dtype.name)


def check(sheet: TiffPage) -> None:
    """Raise RefusedError where what the samples mean is not known here."""
    photometric, count = sheet.photometric, sheet.samplesperpixel
    name = sheet.dtype.name if sheet.dtype else "unknown"
    needed = _COLOURS.get(photometric)
    odd = needed is None or count < needed
    odd |= photometric in (_PALETTE, _YCBCR, _CMYK) and (name not in ("bool", "uint8", "uint16") or bool(_deep(sheet)))
    odd |= photometric == _LAB and name not in ("uint8", "uint16")
    odd |= photometric == _WHITE_IS_ZERO and name.startswith("float")
    odd |= photometric == _CMYK and (sheet.tags.valueof(332) or 1) != 1  # InkSet: other inks
    if odd:
        raise RefusedError(f"holds {count} x {name}, {word(photometric)}: convert it to grey or RGB, or to 8 bits")
    if photometric == _PALETTE and sheet.colormap is None:
        raise ValueError("its palette is missing")
    extras = _extras(sheet)
    bits = int(sheet.bitspersample)
    if _PREMULTIPLIED in extras and _STRAIGHT not in extras and name not in ("uint8", "uint16", "uint32"):
        raise RefusedError(f"holds {name} with premultiplied alpha: save it with straight alpha")
    if {_PREMULTIPLIED, _STRAIGHT} & set(extras) and bits > 8 and bits % 8:
        raise RefusedError(f"holds alpha of {bits} bits: save it with 16 bits")


def _deep(sheet: TiffPage) -> bool:
    """Whether colours that are converted have more than 8 bits; palettes may."""
    return sheet.photometric != _PALETTE and sheet.bitspersample != 8


def meant(samples: Pixels, sheet: TiffPage, icc: bytes | None) -> tuple[Pixels, Layout]:
    """Pixels (H, W, C), grey or RGB first and alpha last, of samples (H, W, S), and how to write them back."""
    count = _COLOURS[sheet.photometric]
    extras = _extras(sheet)
    colours = _colours(samples[..., :count], sheet, icc)
    alpha = next((at for code in (_STRAIGHT, _PREMULTIPLIED) for at, found in enumerate(extras) if found == code), None)
    pixels = colours
    if extras:
        others = _widened(samples[..., count:], sheet)
        order = [*(at for at in range(len(extras)) if at != alpha), *([] if alpha is None else [alpha])]
        if others.dtype != colours.dtype:
            raise RefusedError(f"holds {word(sheet.photometric)} with further bands: save it without them")
        pixels = np.dstack([colours, others[..., order]])
    if alpha is not None and extras[alpha] == _PREMULTIPLIED:
        pixels = _divided(pixels)
    made = sheet.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO)
    photometric = _RGB if made else _WHITE_IS_ZERO if _can_be_turned(sheet) else _BLACK_IS_ZERO
    at = None if alpha is None else _COLOURS[photometric] + alpha
    planar = sheet.planarconfig == 2 and pixels.shape[2] > 1
    converted = sheet.photometric in (_CMYK, _LAB)
    return pixels, Layout(photometric, extras, at, planar, pixels.shape[2], pixels.dtype.name, converted)


def keeps_values(sheet: TiffPage) -> bool:
    """Whether a TIFF made from the page holds the same numbers as the page."""
    whole = sheet.photometric in (_BLACK_IS_ZERO, _RGB) and int(sheet.bitspersample) >= 8
    return whole or _can_be_turned(sheet)


def nodata_of(value: float, sheet: TiffPage) -> float | None:
    """The value of missing pixels, given as stored, as the pixels hold it; None where colours were converted."""
    if sheet.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        return None
    bits, dtype = int(sheet.bitspersample), sheet.dtype
    assert dtype is not None
    if sheet.photometric == _WHITE_IS_ZERO and not np.isnan(value):
        value = (2**bits - 1 if dtype.kind in "bu" else -1) - value
    return value * 255 / (2**bits - 1) if bits < 8 else value


def _can_be_turned(sheet: TiffPage) -> bool:
    """Whether the picture is white as 0 and of a whole number of bytes, so that ~v turns it back."""
    return bool(sheet.photometric == _WHITE_IS_ZERO and sheet.bitspersample in (8, 16, 32, 64))


def _extras(sheet: TiffPage) -> tuple[int, ...]:
    """What each sample beyond the colours is; where the file does not say, a fourth beside RGB is alpha."""
    count = sheet.samplesperpixel - _COLOURS[sheet.photometric]
    said = [_STRAIGHT if code == _COREL else int(code) for code in sheet.extrasamples]
    if not said and sheet.photometric == _RGB and count == 1:
        return (_STRAIGHT,)
    return tuple((said + [_PLAIN] * count)[:count])


def _colours(samples: Pixels, sheet: TiffPage, icc: bytes | None) -> Pixels:
    if sheet.photometric == _PALETTE:
        return _looked_up(samples[..., 0], np.asarray(sheet.colormap))
    if sheet.photometric == _WHITE_IS_ZERO:
        bits = int(sheet.bitspersample)
        samples = ~samples if _can_be_turned(sheet) else (samples.dtype.type(2**bits - 1) - samples)
    if sheet.photometric == _YCBCR and not _is_rgb_already(sheet):
        return _rgb_of_ycbcr(samples, sheet)
    if sheet.photometric == _CMYK:
        return _rgb_of_cmyk(samples, icc)
    if sheet.photometric == _LAB:
        return _rgb_of_lab(samples)
    return _widened(samples, sheet)


def _is_rgb_already(sheet: TiffPage) -> bool:
    """JPEG's decoder turns YCbCr into RGB where the three lie together; WebP always gives RGB."""
    jpeg = sheet.compression in (6, 7, 33007) and sheet.planarconfig == 1 and sheet.samplesperpixel == 3
    return bool(jpeg or sheet.compression in (50001, 34927))


def _widened(samples: Pixels, sheet: TiffPage) -> Pixels:
    """Fewer than 8 bits spread over 0 to 255; 9 to 15 stay the numbers that they are."""
    bits = int(sheet.bitspersample)
    if bits >= 8:
        return samples
    top = 2**bits - 1
    steps = np.array([(value * 255 + top // 2) // top for value in range(top + 1)], np.uint8)
    return steps[samples]


def _looked_up(indices: Pixels, colormap: Pixels) -> Pixels:
    """(H, W, 3) uint8; a palette of 16 bits keeps its upper 8, one that never exceeds 255 was written in 8."""
    colours = (colormap >> 8 if colormap.max() > 255 else colormap).astype(np.uint8)
    if indices.max() >= colours.shape[1]:
        raise ValueError("its palette is too short")
    return np.ascontiguousarray(colours.T[indices])


def _rgb_of_ycbcr(samples: Pixels, sheet: TiffPage) -> Pixels:
    """RGB by the page's luma weights and ranges (TIFF 6.0, section 21), or BT.601 over the full range."""
    red, green, blue = _ratios(sheet.tags.valueof(529), (0.299, 0.587, 0.114))
    black_white = _ratios(sheet.tags.valueof(532), (0, 255, 128, 255, 128, 255))
    lows, highs = np.array(black_white[::2]), np.array(black_white[1::2])
    spans = np.where(highs == lows, 1, highs - lows)
    y, cb, cr = np.moveaxis((samples.astype(np.float64) - lows) * np.array([255, 127, 127]) / spans, 2, 0)
    r, b = y + cr * (2 - 2 * red), y + cb * (2 - 2 * blue)
    g = (y - red * r - blue * b) / green
    return np.asarray(np.clip(np.dstack([r, g, b]).round(), 0, 255), np.uint8)


def _ratios(value: Any, default: tuple[float, ...]) -> tuple[float, ...]:
    """A tag's fractions as numbers."""
    if value is None or len(value) != 2 * len(default) or 0 in value[1::2]:
        return default
    return tuple(over / under for over, under in zip(value[::2], value[1::2], strict=True))


def _rgb_of_cmyk(inks: Pixels, icc: bytes | None) -> Pixels:
    from PIL import Image as PILImage

    from inpaintkit.files.decoding import rgb_of_cmyk

    return np.asarray(rgb_of_cmyk(PILImage.fromarray(np.ascontiguousarray(inks), "CMYK"), icc))


def _rgb_of_lab(samples: Pixels) -> Pixels:
    """sRGB of CIELab as TIFF stores it: L* from 0 to 100, a* and b* signed (TIFF 6.0, section 23), white D50."""
    one = 1 if samples.dtype == np.uint8 else 256
    light = samples[..., 0] / np.iinfo(samples.dtype).max * 100
    a, b = np.moveaxis(samples[..., 1:].view(samples.dtype.str.replace("u", "i")) / one, 2, 0)
    fy = (light + 16) / 116
    f = np.dstack([fy + a / 500, fy, fy - b / 200])
    xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * 3 * (6 / 29) ** 2) * _D50
    linear = np.clip(xyz @ np.array(_FROM_D50).T, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray((encoded * np.iinfo(samples.dtype).max).round(), samples.dtype)


def _divided(pixels: Pixels) -> Pixels:
    """Straight colours of premultiplied ones, refused where to multiply again would not give them back."""
    colours, alpha = pixels[..., :-1], pixels[..., -1:]
    if (colours > alpha).any():
        raise RefusedError("holds premultiplied colours brighter than their alpha: save it with straight alpha")
    top, wide = int(np.iinfo(pixels.dtype).max), colours.astype(np.uint64)
    under = np.maximum(alpha, 1).astype(np.uint64)
    straight = np.minimum((wide * top + under // 2) // under, top)
    return np.dstack([straight.astype(pixels.dtype), alpha])


def _multiplied(pixels: Pixels) -> Pixels:
    """The inverse of ``_divided``."""
    top, alpha = int(np.iinfo(pixels.dtype).max), pixels[..., -1:]
    product = pixels[..., :-1].astype(np.uint64) * alpha.astype(np.uint64)
    return np.dstack([((product + top // 2) // top).astype(pixels.dtype), alpha])
