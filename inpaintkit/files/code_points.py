"""Colours that HEIF, AVIF and JPEG XL say by numbers (CICP, ITU-T H.273), put into a profile for every format."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import imagecodecs
import numpy as np

from inpaintkit.files.metadata import Metadata

_D65 = (0.3127, 0.3290)
_PRIMARIES = {  # number -> chromaticities of red, green and blue
    1: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06),  # BT.709 and sRGB
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),  # BT.2020
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # Display P3
}
_LIKE_SRGB = (1, 2, 6, 13, 14, 15)  # transfers of pictures for a screen; 2 is "unspecified"
_LINEAR, _GAMMA_22, _GAMMA_28, _PQ, _HLG = 8, 4, 5, 16, 18
_GAMMAS = {_LINEAR: 1.0, _GAMMA_22: 2.2, _GAMMA_28: 2.8}
_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)


def with_colours(metadata: Metadata, primaries: int, transfer: int, *, grey: bool) -> Metadata:
    """Metadata that says these colours, unless a profile does already; with a note where no profile can.

    A PNG keeps the numbers themselves, too, in the chunk cICP.
    """
    primaries = {2: 1, 11: 12}.get(primaries, primaries)  # unspecified; P3 with the white of a cinema
    if metadata.icc or (primaries == 1 and transfer in _LIKE_SRGB):
        return metadata
    if grey and transfer in _LIKE_SRGB:
        return metadata
    metadata = replace(metadata, png_colour=_cicp(primaries, transfer))
    if grey and transfer in _GAMMAS:
        return replace(metadata, icc=_dated(imagecodecs.cms_profile("gray", gamma=_GAMMAS[transfer])))
    if primaries in _PRIMARIES and (transfer in _LIKE_SRGB or transfer in _GAMMAS):
        return replace(metadata, icc=_profile(_PRIMARIES[primaries], _GAMMAS.get(transfer)))
    what = {_PQ: "HDR by PQ", _HLG: "HDR by HLG"}.get(transfer, f"code points {primaries} and {transfer}")
    note = f"its colours ({what}) fit no profile: write a PNG, which says what they are"
    return replace(metadata, notes=(*metadata.notes, note))


def _cicp(primaries: int, transfer: int) -> bytes:
    body = b"cICP" + bytes((primaries, transfer, 0, 1))  # RGB, of full range
    return struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))


def _profile(primaries: tuple[float, ...], gamma: float | None) -> bytes:
    """An ICC profile of these primaries; without a gamma it has the transfer of sRGB."""
    (red, green, blue) = (primaries[at : at + 2] for at in (0, 2, 4))
    x = np.linspace(0, 1, 1024)
    light = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
    made = imagecodecs.cms_profile(
        "rgb",
        whitepoint=(*_D65, 1.0),
        primaries=(*red, 1.0, *green, 1.0, *blue, 1.0),
        **({"gamma": gamma} if gamma else {"transferfunction": np.round(light * 65535).astype(np.uint16)}),
    )
    return _dated(made)


def _dated(profile: bytes) -> bytes:
    """The profile with a fixed date, so that the same picture gives the same bytes."""
    return bytes(profile[:24]) + _DATE + bytes(profile[36:])
