"""Gain maps and other pictures behind a JPEG's first: a line says that they are left out, previews go in silence."""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image

from inpaintkit import write
from inpaintkit.errors import InpaintWarning
from inpaintkit.files import load

PIXELS = np.random.default_rng(4).integers(0, 256, (16, 24, 3)).astype(np.uint8)
GAIN_MAP = r"a\.jpg: its gain map \(Ultra HDR\) is left out"
PRIMARY, VGA, FULL_HD, VIEW, UNKNOWN = 0x20030000, 0x00010001, 0x00010002, 0x00020003, 0
DIRECTORY = (
    "<Container:Directory><rdf:Seq><rdf:li rdf:parseType='Resource'><Container:Item Item:Semantic=\"{}\" "
    'Item:Length="999"/></rdf:li></rdf:Seq></Container:Directory>'
)
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" '
    'dc:title="kept" {}>{}<xmp:Rating>4</xmp:Rating></rdf:Description></x:xmpmeta>'
)


def jpeg(*segments):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "JPEG", quality=95)
    data = file.getvalue()
    inserted = b"".join(b"\xff" + bytes((code,)) + struct.pack(">H", len(body) + 2) + body for code, body in segments)
    return data[:20] + inserted + data[20:] + data  # another picture behind


def packet(attribute="", element=""):
    return 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP.format(attribute, element).encode()


def index(*kinds, order="<"):
    """MPF's index of pictures."""
    entries = b"".join(struct.pack(order + "IIIHH", kind, 100, 0, 0, 0) for kind in kinds)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    fields = struct.pack(order + "HHI4s", 0xB000, 7, 4, b"0100") + struct.pack(order + "HHII", 0xB001, 4, 1, len(kinds))
    fields += struct.pack(order + "HHII", 0xB002, 7, len(entries), 8 + 2 + 36 + 4)
    return 0xE2, b"MPF\0" + head + struct.pack(order + "H", 3) + fields + b"\0\0\0\0" + entries


@pytest.mark.parametrize(
    "segments",
    [
        [packet('hdrgm:Version="1.0"')],
        [packet("", "<hdrgm:Version>1.0</hdrgm:Version>")],
        [packet("", DIRECTORY.format("GainMap")), index(PRIMARY, UNKNOWN)],
        [packet('hdrgm:Version="1.0"', DIRECTORY.format("GainMap")), index(PRIMARY, UNKNOWN)],
        [(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0")],
    ],
)
def test_a_gain_map_is_left_out_with_one_line(tmp_path, segments):
    (tmp_path / "a.jpg").write_bytes(jpeg(*segments))
    with pytest.warns(InpaintWarning, match=GAIN_MAP) as caught:
        loaded = load(tmp_path / "a.jpg")
    assert len(caught) == 1
    write(tmp_path / "b.jpg", loaded.pixels, like=loaded)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        back = load(tmp_path / "b.jpg")  # which no longer says that it has one
    if segments[0][0] == 0xE1:
        assert b'dc:title="kept"' in back.metadata.xmp
        assert b"<xmp:Rating>4</xmp:Rating>" in back.metadata.xmp
        assert b"GainMap" not in back.metadata.xmp


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ((PRIMARY, UNKNOWN), "1 further picture behind"),
        ((PRIMARY, VGA, VIEW, UNKNOWN), "2 further pictures behind"),
        ((PRIMARY, VGA, FULL_HD), None),
        ((PRIMARY,), None),
    ],
)
def test_pictures_behind_the_first_are_counted_but_for_previews(tmp_path, order, kinds, said):
    (tmp_path / "a.jpg").write_bytes(jpeg(index(*kinds, order=order)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load(tmp_path / "a.jpg")
    assert [str(warning.message).partition(": left out: ")[2].partition(" behind")[0] for warning in caught] == (
        [said.partition(" behind")[0]] if said else []
    )


@pytest.mark.parametrize("cut", [0, 4, 9, 30, 60])
def test_a_damaged_index_costs_nothing(tmp_path, cut):
    code, body = index(PRIMARY, UNKNOWN)
    (tmp_path / "a.jpg").write_bytes(jpeg((code, body[: 4 + cut])))
    loaded = load(tmp_path / "a.jpg")
    assert loaded.pixels.shape == PIXELS.shape
    assert not loaded.metadata.damaged


def test_plain_xmp_is_not_taken_for_a_gain_map(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(packet()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(tmp_path / "a.jpg").metadata.xmp == packet()[1][29:]
