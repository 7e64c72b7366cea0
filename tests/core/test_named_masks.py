"""Masks by name: "alpha", "nan" and "nodata", of every type, from Python and from the command line."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from inpaintkit import InpaintWarning, inpaint, read, write
from inpaintkit.picture import Picture, hole_of

HOLE = np.zeros((24, 32), bool)
HOLE[4:6, 3:28] = HOLE[15:20, 10:13] = True
Y, X = np.mgrid[:24, :32]
INTEGERS = ("uint8", "uint16", "int16", "uint32", "int32", "int64")
FLOATS = ("float16", "float32", "float64")


def terrain(dtype, channels=0):
    """Slopes of 20 to 75, the same in every channel."""
    plain = (20 + Y + X).astype(dtype)
    return np.stack([plain] * channels, axis=2) if channels else plain


def without(image, value, channel=None):
    image = image.copy()
    image[(HOLE, ...) if channel is None else (HOLE, channel)] = value
    return image


def quietly(image, mask, **arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return inpaint(image, mask, "biharmonic", **arguments)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [0, 1, 3])
def test_what_is_not_finite_is_filled(dtype, value, channels):
    image = terrain(dtype, channels)
    filled = quietly(without(image, value), "nan")
    assert filled.dtype == image.dtype
    assert np.array_equal(filled[~HOLE], image[~HOLE])
    assert np.allclose(filled[HOLE].astype(float), image[HOLE], atol=0.5)  # a slope is a slope
    assert np.array_equal(quietly(without(image, value), "nodata", nodata=np.nan), filled)


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
@pytest.mark.parametrize("nodata", [0, 255, 5.0, np.int16(7), np.float32(0)])
@pytest.mark.parametrize("channels", [0, 1, 3])
def test_the_value_of_missing_pixels_is_filled(dtype, nodata, channels):
    image = terrain(dtype, channels)
    filled = quietly(without(image, nodata), "nodata", nodata=nodata)
    assert np.array_equal(filled[~HOLE], image[~HOLE])
    assert np.allclose(filled[HOLE].astype(float), image[HOLE], atol=0.6)


@pytest.mark.parametrize("nodata", [-9999, -32768, 3.4028234663852886e38, -3.4028234663852886e38, 0.1, 1e-30])
def test_values_of_floats_are_rounded_as_the_picture_rounds_them(nodata):
    image = terrain(np.float32)
    filled = quietly(without(image, nodata), "nodata", nodata=nodata)
    assert np.allclose(filled, image, atol=0.5)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_one_channel_is_enough_and_all_are_filled(channel):
    image = terrain(np.float32, 3)
    missing = without(image, 9000, channel)
    missing[HOLE, (channel + 1) % 3] += 500  # what a pixel with a missing value holds besides is not believed
    assert np.allclose(quietly(missing, "nodata", nodata=9000), image, atol=0.5)
    missing[HOLE, channel] = np.nan
    assert np.allclose(quietly(missing, "nan"), image, atol=0.5)


def test_what_is_transparent_is_not_missing():
    image = np.dstack([terrain(np.float32, 3) / 100, np.ones((24, 32), np.float32)])
    image[HOLE] = (5, 5, 5, 1)
    image[:2] = (5, 5, 5, 0)
    assert np.array_equal(hole_of("nodata", Picture.of(image), nodata=5), HOLE)
    image[HOLE, :3] = image[:2, :, :3] = np.nan
    assert np.array_equal(hole_of("nan", Picture.of(image)), HOLE)
    image[HOLE, :3], image[HOLE, 3] = 0.5, np.nan
    assert np.array_equal(hole_of("nan", Picture.of(image)), HOLE)
    assert not hole_of("nodata", Picture.of(without(image, 0.5)), nodata=1).any()  # alpha is no value


@pytest.mark.parametrize(
    ("image", "mask", "nodata", "message"),
    [
        (terrain("uint8"), "nan", None, "no pixel of uint8 is NaN or infinite, so nothing is filled"),
        (terrain("float32"), "nan", None, "no pixel of float32 is NaN"),
        (terrain("uint8"), "nodata", -9999, "nodata is -9999, which uint8 cannot hold, so nothing is filled"),
        (terrain("uint8"), "nodata", 254.5, "254.5, which uint8 cannot hold"),
        (terrain("uint16"), "nodata", np.inf, "inf, which uint16 cannot hold"),
        (terrain("float16"), "nodata", -1e30, "-1e[+]30, which float16 cannot hold"),
        (terrain("uint8"), "nodata", np.nan, "no pixel of uint8 is NaN"),
        (terrain("uint8"), "nodata", 200, "no pixel has nodata's value, 200"),
        (terrain("uint8", 4) | np.uint8([0, 0, 0, 255]), "alpha", None, "every pixel is fully opaque"),
    ],
)
def test_where_nothing_is_missing_the_picture_is_copied_with_one_warning(image, mask, nodata, message):
    with pytest.warns(InpaintWarning, match=message) as caught:
        copied = inpaint(image, mask, nodata=nodata)
    assert [warning.category.kind for warning in caught] == ["marks nothing"]
    assert np.array_equal(copied, image)
    assert copied is not image


@pytest.mark.parametrize(
    ("mask", "arguments", "error", "message"),
    [
        ("nodata", {}, ValueError, r"pass nodata, the value of missing pixels \(--nodata V\)"),
        ("nodata", {"nodata": "x"}, TypeError, "nodata is 'x': give a number"),
        ("nodata", {"nodata": True}, TypeError, "nodata is True: give a number"),
        ("nan", {"nodata": 3}, ValueError, "nodata is 3, which needs mask='nodata'"),
        (HOLE, {"nodata": 3}, ValueError, "nodata is 3, which needs mask='nodata'"),
        ("NaN", {}, ValueError, "the masks by name are 'alpha', 'nan', 'nodata'; read a file"),
        ("nodata", {"nodata": 30, "invert_mask": True}, ValueError, "mask is 'nodata' and inverted"),
    ],
)
def test_what_cannot_be_meant_is_refused(mask, arguments, error, message):
    with pytest.raises(error, match=message):
        inpaint(terrain("uint8"), mask, **arguments)


def test_a_name_may_hide_most_of_a_picture_without_a_warning():
    image = np.full((24, 32), np.nan, np.float32)
    image[::4] = terrain(np.float32)[::4]
    assert np.isfinite(quietly(image, "nan")).all()
    with pytest.raises(ValueError, match=r"hides all 768 pixels.*: the picture needs some that are neither"):
        inpaint(np.full((24, 32), -1.0), "nodata", nodata=-1)


@given(st.integers(-(2**15), 2**15 - 1), st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_a_mask_by_name_is_the_mask_of_its_pixels(nodata, dilate):
    """What missing pixels hold never shows: no source, no range, whatever their value, and grown like any mask."""
    image = terrain(np.float32)
    image[np.isin(image, nodata)] += 1
    expected = inpaint(image, HOLE, "fsr", dilate=dilate)
    assert np.array_equal(inpaint(without(image, nodata), "nodata", "fsr", nodata=nodata, dilate=dilate), expected)


# ---- the command


def run_fill(run, *arguments):
    return run("fill", *arguments, "--method", "biharmonic")


def test_the_command_takes_the_value_from_the_files_tag(run, tmp_path):
    image = terrain(np.float32)
    tags = [(42113, 2, 6, "-9999", True)]
    tifffile.imwrite(tmp_path / "dem.tif", without(image, -9999), extratags=tags)
    expected = inpaint(image, HOLE, "biharmonic")  # first, for it may compile
    assert run_fill(run, tmp_path / "dem.tif", "--mask", "nodata", "-o", tmp_path / "out.tif") == (0, "", "")
    assert np.array_equal(read(tmp_path / "out.tif"), expected)
    line = [tmp_path / "dem.tif", "--mask", "nodata", "-o", tmp_path / "other.tif"]
    status, _, err = run_fill(run, *line, "--nodata", 7)
    assert (status, err.count("\n")) == (0, 2)
    assert "no pixel has nodata's value, 7" in err
    assert f"{HOLE.sum()} known pixels have the value that stands for missing ones, -9999" in err
    write(tmp_path / "nan.tif", without(image, np.nan))
    assert run_fill(run, tmp_path / "nan.tif", "--mask", "nan", "-o", tmp_path / "out.tif")[0] == 0
    assert np.array_equal(read(tmp_path / "out.tif"), expected)
    status, _, err = run_fill(run, tmp_path / "nan.tif", "--mask", "nodata", "-o", tmp_path / "none.tif")
    assert (status, err.count("\n"), (tmp_path / "none.tif").exists()) == (2, 1, False)
    assert "--nodata V" in err
    line = ["--mask", "nodata", "--methods", "biharmonic", "-o", tmp_path / "sheet.png"]
    assert run("compare", tmp_path / "dem.tif", *line)[0] == 0


def test_a_folder_takes_each_files_own_value(run, tmp_path):
    image = terrain(np.float32)
    for name, nodata in (("a", -9999), ("b", 7)):
        tags = [(42113, 2, len(str(nodata)) + 1, str(nodata), True)]
        (tmp_path / "in").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / "in" / f"{name}.tif", without(image, nodata), extratags=tags)
    write(tmp_path / "in" / "c.png", without(terrain("uint8"), 7))
    line = ["fill", tmp_path / "in", "--mask", "nodata", "--method", "biharmonic", "--log", tmp_path / "log"]
    assert run(*line, "-o", tmp_path / "out")[0] == 1
    done = {json.loads(text)["photo"][-5]: json.loads(text) for text in (tmp_path / "log").read_text().splitlines()[:3]}
    assert [done[name]["status"] for name in "abc"] == ["done", "done", "failed"]
    expected = inpaint(image, HOLE, "biharmonic")
    for name in "ab":
        assert np.array_equal(read(tmp_path / "out" / f"{name}.tif"), expected)
        assert done[name]["pixels"] == HOLE.sum()
    assert run(*line, "-o", tmp_path / "own", "--nodata", 7)[0] == 0
    assert np.array_equal(read(tmp_path / "own" / "b.tif"), expected)


def test_the_command_needs_the_mask_for_the_value(run, tmp_path):
    write(tmp_path / "a.png", terrain("uint8"))
    write(tmp_path / "mask.png", HOLE.astype(np.uint8) * 255)
    for mask in (("--mask", tmp_path / "mask.png"), ("--mask", "nan")):
        status, _, err = run_fill(run, tmp_path / "a.png", *mask, "-o", tmp_path / "out.png", "--nodata", 3)
        assert (status, err.count("\n")) == (2, 1)
        assert "--mask nodata" in err


@pytest.mark.parametrize("channels", [0, 3])
def test_the_command_says_that_missing_pixels_were_taken_for_picture(run, tmp_path, channels):
    """Where another mask leaves them; a value that only one of several bands has is a value like others."""
    image = terrain(np.uint8, channels)
    image[20:22, :9] = 0
    if channels:
        image[:2, :, 1] = 0
    expected = inpaint(image, HOLE, "biharmonic")  # first, for it may compile
    tifffile.imwrite(tmp_path / "dem.tif", image, extratags=[(42113, 2, 2, "0", True)])
    write(tmp_path / "mask.png", HOLE.astype(np.uint8) * 255)
    status, _, err = run_fill(run, tmp_path / "dem.tif", "--mask", tmp_path / "mask.png", "-o", tmp_path / "out.tif")
    assert (status, err.count("\n")) == (0, 1)
    assert np.array_equal(read(tmp_path / "out.tif"), expected)
    assert "18 known pixels have the value that stands for missing ones, 0," in err
    assert "--mask nodata" in err
