"""What the painters and labellers of masks mean: every mode, depth and file format, or the command that works."""

from __future__ import annotations

import re
import shlex
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import tifffile
from PIL import Image

from inpaintkit import InpaintWarning, inpaint, masks, read, read_mask
from inpaintkit.picture import mask_of

HOLE = np.zeros((48, 64), bool)
HOLE[5:12, 10:40] = HOLE[30:41, 8:11] = True
PHOTO = np.minimum(skimage.data.astronaut()[100:148, 200:264], 254)  # no white of its own
VOC, DAVIS = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0], [0, 0, 0, 236, 95, 103, 249, 145, 87]


def grey(full, dtype=np.uint8):
    return np.where(HOLE, full, 0).astype(dtype)


def layer(colour, opacity=255):
    """Paint of one colour on a transparent layer."""
    return np.dstack([*(grey(channel) for channel in colour), grey(opacity)])


def palette(colours, labels=None, **info):
    image = Image.fromarray(HOLE.astype(np.uint8) if labels is None else labels).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette(colours)
    image.info.update(info)
    return image


def soft(hole, top=255):
    """Anti-aliased: a value is at least half of the top where a pixel is hole."""
    near = np.roll(hole, 1, 1) | np.roll(hole, -1, 1) | np.roll(hole, 1, 0) | np.roll(hole, -1, 0)
    return np.where(hole, np.where(np.roll(hole, 1, 1), top, top * 3 // 5), np.where(near, top * 2 // 5, 0))


def read_without_warnings(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_mask(path)


# ---- files: {mode} x {paint} x {depth} x {format}

PAINTS = {
    "L white": (Image.fromarray(grey(255)), "png tif bmp jpg webp"),
    "L soft": (Image.fromarray(soft(HOLE).astype(np.uint8)), "png tif bmp jpg webp"),
    "1": (Image.fromarray(HOLE), "png tif bmp"),
    "RGB white": (Image.fromarray(np.dstack([grey(255)] * 3)), "png tif bmp jpg webp"),
    "RGB tinted": (Image.fromarray(np.dstack([grey(250), grey(240), grey(225)])), "png tif bmp jpg webp"),
    "RGB red on black": (Image.fromarray(np.dstack([grey(128), grey(0), grey(0)])), "png tif bmp webp"),
    "LA white": (Image.fromarray(np.dstack([grey(255)] * 2)), "png tif webp"),
    "LA white on white": (Image.fromarray(np.dstack([grey(255) | 255, grey(255)])), "png tif webp"),
    "LA opaque": (Image.fromarray(np.dstack([grey(255), grey(0) | 255])), "png tif webp"),
    "RGBA white": (Image.fromarray(layer((255, 255, 255))), "png tif webp"),
    "RGBA light grey": (Image.fromarray(layer((200, 200, 200))), "png tif webp"),
    "RGBA red": (Image.fromarray(layer((255, 0, 0))), "png tif webp"),
    "RGBA opaque": (Image.fromarray(np.dstack([grey(255)] * 3 + [grey(0) | 255])), "png tif webp"),
    "RGBA half opaque": (Image.fromarray(np.dstack([grey(255)] * 3 + [grey(0) | 100])), "png webp"),
    "RGBA soft": (Image.fromarray(np.dstack([grey(0) | 255] * 3 + [soft(HOLE).astype(np.uint8)])), "png tif webp"),
    "RGBA white on black": (
        Image.fromarray(np.dstack([grey(255)] * 3 + [grey(255) | (soft(HOLE) > 0) * np.uint8(255)])),
        "png",
    ),
    "P VOC": (palette(VOC), "png tif bmp"),
    "P DAVIS": (palette(DAVIS), "png tif bmp"),
    "P grey": (palette([0, 0, 0, 255, 255, 255]), "png tif bmp"),
    "P grey upside down": (palette([255, 255, 255, 0, 0, 0], (~HOLE).astype(np.uint8)), "png tif bmp"),
    "P of a ramp": (palette([level // 3 for level in range(768)]), "png tif bmp"),
    "P all black": (palette([0, 0, 0, 0, 0, 0]), "png tif bmp"),
    "P on transparency": (palette(VOC, transparency=0), "png"),
    "P label 3": (palette(VOC, HOLE * np.uint8(3)), "png tif bmp"),
}


@pytest.mark.parametrize(
    ("paint", "suffix"), [(name, suffix) for name, (_, suffixes) in PAINTS.items() for suffix in suffixes.split()]
)
def test_a_painted_file_is_what_its_painter_meant(tmp_path, paint, suffix):
    image, _ = PAINTS[paint]
    options = {"webp": {"lossless": True}, "jpg": {"quality": 95}}.get(suffix, {})
    image.save(tmp_path / f"m.{suffix}", **options)
    hole = read_without_warnings(tmp_path / f"m.{suffix}")
    assert hole.dtype == bool
    if suffix == "jpg" and "soft" in paint:  # levels near half may fall on either side
        assert np.count_nonzero(hole != HOLE) < 20
    else:
        np.testing.assert_array_equal(hole, HOLE)


@pytest.mark.parametrize("paint", PAINTS)
def test_pil_images_and_their_arrays_are_read_alike(paint):
    image, _ = PAINTS[paint]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(mask_of(image), HOLE)
        if image.mode not in ("1", "P"):
            np.testing.assert_array_equal(mask_of(np.asarray(image)), HOLE)
            np.testing.assert_array_equal(mask_of(np.asarray(image) * np.uint16(257)), HOLE)
            np.testing.assert_array_equal(mask_of(np.asarray(image) / np.float32(255)), HOLE)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(
    ("value", "depth"),
    [
        *((value, 8) for value in (1, 2, 100, 127, 128, 255)),
        *((value, 16) for value in (1, 2, 127, 128, 255, 256, 4095, 32767, 32768, 65535)),
    ],
)
def test_a_file_of_0_and_one_other_value_marks_it(tmp_path, value, suffix, depth):
    pixels = grey(value, f"uint{depth}")
    if suffix == "png":
        Image.fromarray(pixels).save(tmp_path / "m.png")
    else:
        tifffile.imwrite(tmp_path / "m.tif", pixels)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        np.testing.assert_array_equal(read_mask(tmp_path / f"m.{suffix}"), HOLE)
    full = 1 if value == 1 else 255 if value < 256 else 65535
    assert [warning.category.kind for warning in caught] == ["was taken for a label"] * (value < full / 2)


@pytest.mark.parametrize("compression", [None, "group4", "group3", "packbits"])
@pytest.mark.parametrize("photometric", ["miniswhite", "minisblack"])
def test_one_bit_tiff_is_hole_where_it_shows_white(tmp_path, photometric, compression):
    image, options = Image.fromarray(HOLE), {"compression": compression} if compression else {}
    image.save(tmp_path / "m.tif", tiffinfo={262: 0 if photometric == "miniswhite" else 1}, **options)
    with Image.open(tmp_path / "m.tif") as shown:
        expected = np.asarray(shown.convert("L")) > 127
    assert np.array_equal(expected, HOLE) or np.array_equal(expected, ~HOLE)
    np.testing.assert_array_equal(read_without_warnings(tmp_path / "m.tif"), expected)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "int32", "float16", "float32", "float64"])
@pytest.mark.parametrize("full", [1, 200, 255])
def test_tiff_masks_of_any_type(tmp_path, dtype, full):
    tifffile.imwrite(tmp_path / "m.tif", grey(full, dtype))
    np.testing.assert_array_equal(read_without_warnings(tmp_path / "m.tif"), HOLE)
    np.testing.assert_array_equal(mask_of(grey(full, dtype)), HOLE)
    tifffile.imwrite(
        tmp_path / "white.tif", np.full(HOLE.shape, full, dtype) - grey(full, dtype), photometric="minisblack"
    )
    np.testing.assert_array_equal(read_without_warnings(tmp_path / "white.tif"), ~HOLE)


def test_wide_types_hold_grey_of_8_or_16_bits():
    for dtype in (np.float16, np.float32, np.float64):
        np.testing.assert_array_equal(mask_of(soft(HOLE).astype(dtype)), HOLE)
    np.testing.assert_array_equal(mask_of(soft(HOLE, 65535).astype(np.float32)), HOLE)
    for dtype in (np.int32, np.uint32, np.int64, np.uint64, np.int16):
        np.testing.assert_array_equal(mask_of(soft(HOLE).astype(dtype)), HOLE)
    np.testing.assert_array_equal(mask_of(soft(HOLE, 65535).astype(np.int32)), HOLE)
    np.testing.assert_array_equal(mask_of(soft(HOLE).astype(np.uint16)), HOLE)


# ---- what could be meant otherwise: the message's command makes the mask

RED = (255, 0, 0)


def painted(colour):
    seen = PHOTO.copy()
    seen[HOLE] = colour
    return seen


UNCLEAR = {
    "black paint on transparency": layer((0, 0, 0)),
    "black paint, grey": np.dstack([grey(0), grey(255)]),
    "dark soft paint on transparency": np.dstack([grey(40)] * 3 + [soft(HOLE).astype(np.uint8)]),
    **{
        f"photograph painted {colour}": painted(colour)
        for colour in (RED, (0, 255, 0), (0, 0, 255), (255, 0, 255), (255, 255, 0), (250, 10, 20))
    },
    "photograph painted white": painted((255, 255, 255)),
    "red on white": np.where(HOLE[..., None], np.uint8(RED), np.uint8(255)),
    "red and green on black": np.where(
        HOLE[..., None], np.uint8(RED), np.uint8([0, 1, 0]) * (np.arange(64)[:, None] > 50)
    ),
    "labels 1 and 2": grey(1) + 2 * (np.arange(64) > 50).astype(np.uint8),
    "label 1 and void": grey(1) + 255 * (np.arange(64) > 50).astype(np.uint8),
    "16-bit labels": (grey(1) + 2 * (np.arange(64) > 50)).astype(np.uint16),
    "labels of a palette": palette(VOC, grey(1) + 2 * (np.arange(64) > 50).astype(np.uint8)),
    "label and void of a palette": palette(
        VOC + [0] * 753 + [224, 224, 192], grey(1) + 255 * (np.arange(64) > 50).astype(np.uint8)
    ),
    "palette without black": palette([70, 70, 70, 200, 30, 30]),
}


def commands(text):
    """The commands of a message, each way a list of commands as the shell would split them."""
    found = re.findall(r"(?:inpaintkit mask \S+ [^:;]*? -o \S+?\.png(?: && )?)+", text)
    return [[shlex.split(command)[1:] for command in way.split("&&")] for way in found]


@pytest.mark.parametrize("name", UNCLEAR)
def test_an_unclear_file_is_refused_with_commands_of_which_one_makes_the_mask(tmp_path, monkeypatch, run, name):
    monkeypatch.chdir(tmp_path)
    Path("my masks").mkdir()
    picture = UNCLEAR[name]
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save("my masks/it is.png")
    with pytest.raises(ValueError, match=r"^my masks/it is\.png: ") as refused:
        read_mask("my masks/it is.png")
    assert "\n" not in str(refused.value)
    made = []
    for way in commands(str(refused.value)):
        for command in way:
            assert run(*command)[0] == 0
        made.append(read("m.png") > 0)
    assert made
    assert any(np.array_equal(hole, HOLE) for hole in made)
    Image.fromarray(PHOTO).save("photo.png")
    status, _, err = run("fill", "photo.png", "--mask", "my masks/it is.png", "-o", "out.png")
    assert (status, err.count("\n"), Path("out.png").exists()) == (2, 1, False)


@pytest.mark.parametrize("name", UNCLEAR)
def test_an_unclear_array_is_refused_with_a_call_that_makes_the_mask(name):
    mask = np.asarray(UNCLEAR[name])
    if isinstance(UNCLEAR[name], Image.Image):
        mask = np.asarray(UNCLEAR[name].convert("RGB"))
    with pytest.raises(ValueError, match="mask ") as refused:
        mask_of(mask)
    calls = re.findall(
        r"masks\.invert\(masks\.from_alpha\([^()]*\)\)|masks\.from_colour\(mask, \([^)]*\)[^)]*\)|mask == \d+",
        str(refused.value),
    )
    made = [eval(call, {"masks": masks, "mask": mask}) for call in calls]  # what the message says
    assert any(np.array_equal(hole, HOLE) for hole in made)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("name", [name for name in PAINTS if name.startswith(("LA", "RGBA"))])
def test_paint_of_16_bits_on_transparency(tmp_path, name, suffix):
    pixels = np.asarray(PAINTS[name][0]) * np.uint16(257)
    if suffix == "png":
        pixels = pixels if pixels.shape[2] == 4 else pixels[..., [0, 0, 0, 1]]
        cv2.imwrite(str(tmp_path / "m.png"), pixels[..., [2, 1, 0, 3]])
    else:
        for extra in ("unassalpha", "unspecified"):  # what editors call the last channel
            photometric = "rgb" if pixels.shape[2] == 4 else "minisblack"
            tifffile.imwrite(tmp_path / "m.tif", pixels, photometric=photometric, extrasamples=[extra])
            np.testing.assert_array_equal(read_without_warnings(tmp_path / "m.tif"), HOLE)
    np.testing.assert_array_equal(read_without_warnings(tmp_path / f"m.{suffix}"), HOLE)


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_paint_in_a_lossy_photograph_is_named_with_a_tolerance(tmp_path, monkeypatch, run, suffix):
    monkeypatch.chdir(tmp_path)
    side = 8
    large, hole = (
        np.kron(pixels, np.ones((side, side, 1)[: pixels.ndim])).astype(np.uint8) for pixels in (painted(RED), HOLE)
    )
    Image.fromarray(large).save(f"m.{suffix}", quality=90)
    with pytest.raises(ValueError, match="--tolerance 40") as refused:
        read_mask(f"m.{suffix}")
    ((command,),) = commands(str(refused.value))
    assert run(*command)[0] == 0
    assert np.count_nonzero((read("m.png") > 0) != (hole > 0)) < 0.05 * np.count_nonzero(hole)


@pytest.mark.parametrize("quality", [30, 75])
@pytest.mark.parametrize("colour", [RED, (0, 255, 0), (0, 0, 255), (200, 0, 90)])
def test_lossy_paint_on_black_is_named_and_not_the_black(tmp_path, monkeypatch, run, colour, quality):
    monkeypatch.chdir(tmp_path)
    hole = np.kron(HOLE, np.ones((8, 8), bool))
    Image.fromarray(np.where(hole[..., None], np.uint8(colour), np.uint8(0))).save("m.jpg", quality=quality)
    with pytest.raises(ValueError, match="--tolerance 40") as refused:
        read_mask("m.jpg")
    ((command,),) = commands(str(refused.value))
    assert run(*command)[0] == 0
    assert np.count_nonzero((read("m.png") > 0) != hole) < 0.1 * np.count_nonzero(hole)


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
@pytest.mark.parametrize("quality", [30, 75, 95])
@pytest.mark.parametrize("value", [40, 90, 127, 128, 131, 200, 255])
def test_one_grey_on_black_is_hole_in_lossy_files_too(tmp_path, value, quality, suffix):
    hole = np.kron(HOLE, np.ones((4, 4), bool))
    Image.fromarray(hole * np.uint8(value)).save(tmp_path / f"m.{suffix}", quality=quality)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read = read_mask(tmp_path / f"m.{suffix}")
    assert np.count_nonzero(read != hole) <= 0.02 * np.count_nonzero(hole)
    if value not in (127, 128):  # what the file holds may lie on either side of half
        assert [warning.category.kind for warning in caught] == ["was taken for a label"] * (value < 127)


def test_a_lossy_ramp_is_no_label(tmp_path):
    Image.fromarray(np.tile(np.arange(100, dtype=np.uint8), (40, 1))).save(tmp_path / "m.jpg")
    with pytest.warns(InpaintWarning, match="only, below half of 255, so nothing is hole"):
        assert not read_mask(tmp_path / "m.jpg").any()


def test_a_mask_whose_levels_all_are_low_is_empty_and_said_to_be():
    faint = np.arange(100, dtype=np.uint8).reshape(10, 10)
    with pytest.warns(InpaintWarning, match="reach 99 only, below half of 255, so nothing is hole") as caught:
        assert not mask_of(faint).any()
    assert caught[0].category.kind == "marks nothing"
    with pytest.warns(InpaintWarning, match="reach 0.4 only"):
        assert not mask_of(np.linspace(0, 0.4, 50).reshape(5, 10)).any()
    assert not mask_of(np.where(HOLE, 1e-9, 0)).any()


def test_masks_made_of_nothing_but_transparency():
    with pytest.raises(ValueError, match="transparent alpha channel, and nothing else"):
        mask_of(np.zeros((4, 5, 4), np.uint8))
    assert mask_of(np.zeros((0, 5, 4), np.uint8)).shape == (0, 5)


def test_the_files_of_painters_fill_as_the_plain_mask_does(data, tmp_path):
    folder = data("bugs") / "masks"
    photo, plain = read(folder / "photo.png"), read_mask(folder / "mask.png")
    expected = inpaint(photo, plain, "telea")
    for name in ("whitepaint_alpha", "la", "voc_palette", "davis_palette"):
        assert np.array_equal(inpaint(photo, read_mask(folder / f"mask_{name}.png"), "telea"), expected)
    for name, colour in (("red_on_photo", "255,0,0"), ("blackpaint_alpha", "")):
        with pytest.raises(
            ValueError, match=f"mask from-colour .* {colour} -o m.png" if colour else "mask invert a.png"
        ):
            read_mask(folder / f"mask_{name}.png")
