"""Further pictures in a JPEG behind the first: gain maps (Ultra HDR) and what its index (CIPA DC-007, MPF) lists."""

from __future__ import annotations

import io
import re
import struct

from PIL import JpegImagePlugin
from PIL.TiffImagePlugin import ImageFileDirectory_v2

_GAIN_MAP = re.compile(  # what segments say of one: XMP, and ISO 21496-1
    rb"http://ns\.adobe\.com/xap/1\.0/\0.*(?:hdrgm:Version|Semantic\s*=\s*['\"]GainMap)|urn:iso:std:iso:ts:21496:-1\0",
    re.DOTALL,
)
_ENTRIES = 0xB002  # the index's tag: 16 bytes a picture
_LARGE_THUMBNAILS = (0x010001, 0x010002)


def left_out(image: JpegImagePlugin.JpegImageFile) -> tuple[str, ...]:
    """In words what lies behind a JPEG's picture and is not read, but for previews."""
    if any(_GAIN_MAP.match(body) for name, body in image.applist if name in ("APP1", "APP2")):
        return ("its gain map (Ultra HDR) is left out, so HDR screens show the picture like any other",)
    count = _others(image.info.get("mp", b""))
    pictures = "1 further picture" if count == 1 else f"{count} further pictures"
    return (f"left out: {pictures} behind the first (MPF: a gain map, or another view)",) if count else ()


def _others(index: bytes) -> int:
    """How many pictures the index lists behind the first that are no previews; 0 where it is damaged."""
    try:
        tags = ImageFileDirectory_v2(index[:8])
        file = io.BytesIO(index)
        file.seek(tags.next)
        tags.load(file)
        entries = tags[_ENTRIES]
    except Exception:
        return 0
    order = "<" if index[:1] == b"I" else ">"
    kinds = [struct.unpack_from(order + "I", entries, at)[0] & 0xFFFFFF for at in range(16, len(entries) - 15, 16)]
    return sum(kind not in _LARGE_THUMBNAILS for kind in kinds)
