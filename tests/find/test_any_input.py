"""``find_mask`` gives a mask, or raises what it promises in words of its own, whatever it is called with."""

from __future__ import annotations

import re

import numpy as np
import pytest

from inpaintkit import find_mask
from inpaintkit.find import KINDS

DTYPES = "uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64".split()
OTHER_DTYPES = ["bool", "complex64", "datetime64[s]", "object", "U3"]
SIDES = (1, 2, 3, 5, 17, 40)
JUNK = [
    *(None, "x", b"x", -1, 0, 0.3, 2**70, np.nan, np.inf, True, object(), {}, [], (), (1,), (1, 2), (None, None)),
    *((1, 2, 3, 4), (1.5, 2, 3, 4), (0, 0, 0, 0), (10**9, 0, 5, 5), [(0, 0, 5, 5), (9, 9, 99, 99)], ("a", "b")),
    *("red", "#ff8800", "1,2,3", (300, 0, 0), np.float32(0.5), np.array([1, 2]), np.array([0, 0, 4, 4]), ((1, 2), 3)),
]
OPTIONS = (
    "sensitivity",
    "purpose",
    "accept_large",
    "inside",
    "exclude",
    "colour",
    "pick",
    "connected",
    "infrared",
    "channels",
    "return_info",
)
FOREIGN = "ambiguous|unhashable|unpack|object is not|has no len|not supported|inhomogeneous|broadcast|NoneType object"


def picture(rng):
    """Any type, size, number of channels and units, and sometimes something in it that is no number."""
    height, width, channels = rng.choice(SIDES), rng.choice(SIDES), rng.integers(0, 7)
    dtype = rng.choice(DTYPES) if rng.random() < 0.9 else rng.choice(OTHER_DTYPES)
    pixels = rng.random((height, width, channels) if channels else (height, width)) * rng.choice([0, 1, 100, 1e4])
    if rng.random() < 0.1:
        pixels.flat[0] = rng.choice([np.nan, np.inf, -np.inf])
    with np.errstate(invalid="ignore"):
        return pixels.astype(dtype) if dtype not in ("U3", "datetime64[s]") else np.full(pixels.shape, 7).astype(dtype)


def arguments(rng):
    kind = str(rng.choice(KINDS))
    found = {}
    if kind == "colour" and rng.random() < 0.5:
        found = {"colour": "red"}
    elif kind == "colour":
        found = {"pick": (int(rng.integers(0, 5)), 0), "connected": bool(rng.integers(2))}
    if rng.random() < 0.3:
        found["channels"] = [None, "alpha", "bands"][rng.integers(3)]
    for option in OPTIONS:
        if rng.random() < 0.04:
            found[option] = JUNK[rng.integers(len(JUNK))]
    return (kind if rng.random() < 0.97 else JUNK[rng.integers(len(JUNK))]), found


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(8))
def test_a_mask_or_an_error_in_our_words(seed):
    rng, masks, errors = np.random.default_rng(seed), 0, 0
    for _ in range(60):
        pixels, (kind, options) = picture(rng), arguments(rng)
        before = pixels.tobytes() if pixels.dtype != object else b""
        said = ""
        try:
            found = find_mask(pixels, kind, **options)
        except (TypeError, ValueError) as error:
            said = str(error)
        assert not re.search(FOREIGN, said), (said, kind, options, pixels.dtype, pixels.shape)
        errors += bool(said)
        if not said:
            masks += 1
            mask = found[0] if isinstance(found, tuple) else found
            assert (mask.dtype, mask.shape) == (np.bool_, pixels.shape[:2])
        assert not before or pixels.tobytes() == before
    assert masks > 15
    assert errors > 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": np.array([1, 2])}, "kind is array"),
        ({"channels": np.array([1, 2])}, "channels is array"),
        ({"kind": "colour", "pick": 5}, "pick is 5: expected X, Y"),
        ({"kind": "colour", "pick": ((1, 2), 3)}, "expected X, Y"),
        ({"kind": "colour", "pick": (2**70, 1)}, "outside a picture 60 wide and 40 high"),
        ({"kind": "colour", "pick": (1, 1), "connected": "yes"}, "connected is 'yes': expected True or False"),
        ({"return_info": np.array([1, 2])}, "return_info is array"),
        ({"exclude": None}, "exclude is None: expected LEFT, TOP, WIDTH, HEIGHT"),
        ({"exclude": 5}, "exclude is 5: expected LEFT, TOP, WIDTH, HEIGHT"),
        ({"exclude": [(0, 0, 5, 5), 7]}, "box is 7"),
        ({"inside": "red"}, "box is red"),
        ({"sensitivity": np.array([0.5])}, "sensitivity is array"),
    ],
)
def test_what_came_is_named(options, words):
    with pytest.raises(ValueError, match=words):
        find_mask(np.zeros((40, 60, 3), np.uint8), **options)


@pytest.mark.parametrize("count", [2, 4, 5, 7])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_dust_is_found_in_bands(count, dtype):
    """As in the three bands that are looked at, or in the mean of two."""
    rng = np.random.default_rng(0)
    photo = np.linspace(60, 120, 200)[None, :, None] + rng.normal(0, 2, (150, 200, 3))
    for y, x in rng.integers(10, 140, (9, 2)):
        photo[y : y + 3, x : x + 3] = 230
    scale = {"uint8": 1, "uint16": 257, "float32": 1 / 255}[dtype]
    bands = (photo[..., np.arange(count) % 3] * scale).astype(dtype)
    seen = bands[..., :3] if count > 2 else bands.mean(axis=2, dtype=np.float64).astype(dtype)
    found, expected = find_mask(bands, "dust", channels="bands"), find_mask(seen, "dust")
    assert expected.any()
    assert (found == expected).mean() > (0.999 if count > 2 else 0.99)
