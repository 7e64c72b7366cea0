"""Small pictures inside a file's metadata: they show what was removed from the large one, so none goes along.

EXIF has a thumbnail of its own and makers' notes with another; XMP holds thumbnails and whole originals in base64; a
PNG's text may hold any of these in hexadecimal digits.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

_STARTS = (  # of pictures in binary data: JPEG (also with the first byte taken off), PNG
    re.compile(rb"\xff\xd8\xff|\xd8\xff[\xdb\xe0-\xef]", re.DOTALL),
    re.compile(rb"\x89PNG\r\n\x1a\n"),
)
_BASE64 = rb"(?:/9j/|iVBORw0KGgo|UklGR|SUkqA|TU0AK|AAAA[\w+/]{2}Z0eX)(?:[A-Za-z0-9+/=\s]|&#x?[0-9A-Fa-f]+;){60,}"
_IN_BASE64 = re.compile(_BASE64)  # JPEG, PNG, WebP, TIFF (two byte orders), HEIF and AVIF
_IN_HEX = re.compile(rb"(?:ffd8ff|89504e470d0a1a0a)[0-9a-f\s]{60,}", re.IGNORECASE)
_NAME = rb"[A-Za-z_][\w.-]*"
_XMP = (
    re.compile(
        rb"<((?:" + _NAME + rb":)?Thumbnails)\b[^>]*(?<!/)>.*?</\1\s*>", re.DOTALL
    ),  # xmp:Thumbnails, any prefix
    re.compile(rb"<((?:" + _NAME + rb":)?" + _NAME + rb")\b[^>]*>(?:\s|&#x?[0-9A-Fa-f]+;)*" + _BASE64 + rb"</\1\s*>"),
    re.compile(rb"\s" + _NAME + rb":" + _NAME + rb"\s*=\s*(['\"])(?:\s|&#x?[0-9A-Fa-f]+;)*" + _BASE64 + rb"\1"),
    re.compile(
        rb"<(Container:Directory|hdrgm:\w+)\b[^>]*(?<!/)>.*?</\1\s*>", re.DOTALL
    ),  # of gain maps, which are dropped
    re.compile(rb"\shdrgm:\w+\s*=\s*(['\"])[^'\"]*\1"),
    re.compile(rb"\s" + _NAME + rb":HasExtendedXMP\s*=\s*(['\"])[^'\"]*\1"),  # the extension holds them and is dropped
)
_PROFILE = re.compile(r"Raw profile type (\w+)")  # a PNG's text, as ImageMagick writes it


def holds_picture(data: bytes) -> bool:
    """Whether data hold a picture, as it is, in base64 or in hexadecimal digits."""
    return any(pattern.search(data) for pattern in (*_STARTS, _IN_BASE64, _IN_HEX))


def without_previews(xmp: bytes | None) -> bytes | None:
    """An XMP packet without the pictures in it."""
    if not xmp:
        return xmp
    if b"\0" in xmp[:64]:
        xmp = _as_utf8(xmp)
    for pattern in _XMP:
        xmp = pattern.sub(b"", xmp)
    return None if holds_picture(xmp) else xmp


def drop_previews(tags: MutableMapping[Any, Any]) -> None:
    """Take tags that hold a picture, a maker's note among them, out of a group of EXIF tags."""
    for tag, value in list(tags.items()):
        if holds_picture(_as_bytes(value)):
            del tags[tag]


def split_text(text: dict[str, str]) -> tuple[dict[str, str], bytes | None]:
    """A PNG's text without pictures and without EXIF, which is read elsewhere, and XMP that was held in text."""
    kept, xmp = {}, None
    for key, value in text.items():
        kind, data = unpacked(key, value)
        if kind == "xmp":
            xmp = data
        elif kind not in ("exif", "app1") and not holds_picture(data):
            kept[key] = value
    return kept, xmp


def unpacked(key: str, value: str) -> tuple[str, bytes]:
    """What kind of profile a PNG's text holds, "" for none, and its bytes.

    A profile is a name, a length, and hexadecimal digits.
    """
    profile = _PROFILE.fullmatch(key)
    if not profile:
        return "", _as_bytes(value)
    digits = re.sub(r"\s", "", value.lstrip("\n").partition("\n")[2].partition("\n")[2])
    try:
        return profile[1].lower(), bytes.fromhex(digits)
    except ValueError:
        return profile[1].lower(), _as_bytes(value)


def _as_bytes(value: Any) -> bytes:
    """What a tag or a text holds, as far as it may hold a picture."""
    if isinstance(value, str):
        try:
            return value.encode("latin-1")
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogateescape")
    if isinstance(value, tuple) and all(isinstance(number, int) and -129 < number < 256 for number in value):
        return bytes(number & 255 for number in value)  # of signed bytes
    return value if isinstance(value, bytes) else b""


def _as_utf8(xmp: bytes) -> bytes:
    """A packet of two or four bytes a letter in UTF-8, which all formats take."""
    for coding in ("utf-32", "utf-16"):
        for order in ("", "-le", "-be"):
            try:
                text = xmp.decode(coding + order)
            except UnicodeDecodeError:
                continue
            if "<" in text:
                return text.replace("\ufeff", "").encode()
    return xmp
