"""A mask grows as far as colours have bled: by what the file says, or by what the pixels across the rim show."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw, ImageFont

from inpaintkit import inpaint, load, write
from inpaintkit.picture import Picture, growth_seen, growth_stored

PHOTOS = [getattr(skimage.data, name)()[40:180, 101:301] for name in ("astronaut", "coffee", "rocket")]
SAMPLINGS = {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2)}


def lettered(photo, ink=(250, 230, 40)):
    """Soft letters over a photograph, and every pixel they touch."""
    cover = Image.new("L", photo.shape[1::-1], 0)
    for top in (10, 60, 110):
        ImageDraw.Draw(cover).text((5, top), "Morning ferry, pier 9", font=ImageFont.load_default(20), fill=255)
    opacity = np.asarray(cover)[..., None] / 255
    return (opacity * ink + (1 - opacity) * photo).round().astype(np.uint8), np.asarray(cover) > 0


def jpeg(photo, **options):
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", **options)
    return np.asarray(Image.open(file))


def seen(image, hole, **channels):
    return growth_seen(Picture.of(image, **channels), hole)


@pytest.mark.parametrize(
    ("sampling", "quality", "expected"),
    [
        *(((1, 1), quality, 0) for quality in (None, 60, 75, 85, 95, 100)),
        *(((1, 1), quality, 1) for quality in (30, 50)),
        *((sampling, None, 1) for sampling in ((2, 1), (1, 2), (2, 2), (4, 1))),
        *((sampling, quality, 1) for sampling in ((2, 1), (2, 2)) for quality in (30, 50, 75, 92, 100)),
    ],
)
def test_growth_is_what_was_measured_to_be_best(sampling, quality, expected):
    assert growth_stored(sampling, quality) == expected


@pytest.mark.parametrize("subsampling", SAMPLINGS)
@pytest.mark.parametrize("quality", [30, 50, 60, 75, 90, 95, 100])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_says_how_it_was_stored(tmp_path, subsampling, quality, progressive):
    Image.fromarray(PHOTOS[0]).save(
        tmp_path / "a.jpg", subsampling=subsampling, quality=quality, progressive=progressive
    )
    loaded = load(tmp_path / "a.jpg")
    assert loaded.metadata.growth == growth_stored(SAMPLINGS[subsampling], quality)
    assert loaded.growth("auto") == loaded.metadata.growth
    assert [loaded.growth(asked) for asked in (0, 3)] == [0, 3]


def test_other_files_say_it_too_or_leave_it_to_the_pixels(tmp_path):
    photo = Image.fromarray(PHOTOS[0])
    for factor, sampling in (
        (cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440, (1, 2)),
        (cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411, (4, 1)),
    ):
        options = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
        cv2.imwrite(str(tmp_path / "a.jpg"), PHOTOS[0][..., ::-1], options)
        assert load(tmp_path / "a.jpg").metadata.sampling == sampling
        assert load(tmp_path / "a.jpg").metadata.growth == 1
    photo.convert("L").save(tmp_path / "grey.jpg", quality=90)
    assert load(tmp_path / "grey.jpg").metadata.growth == 0
    profile = {"icc_profile": b"x" * 128}
    for options, expected in (
        ({}, 1),
        ({"quality": 95} | profile, 1),
        ({"lossless": True}, None),
        (profile | {"lossless": True}, None),
    ):
        photo.save(tmp_path / "a.webp", **options)
        assert load(tmp_path / "a.webp").metadata.growth == expected
    for name in ("a.png", "a.tif", "a.bmp"):
        photo.save(tmp_path / name)
        assert load(tmp_path / name).growth("auto") == "auto"


@pytest.mark.parametrize("photo", PHOTOS, ids=["astronaut", "coffee", "rocket"])
@pytest.mark.parametrize("quality", [50, 75, 90, 95])
def test_the_pixels_show_colours_that_were_halved(photo, quality):
    image, hole = lettered(photo)
    for subsampling in ("4:2:0", "4:2:2"):
        stored = jpeg(image, quality=quality, subsampling=subsampling)
        assert seen(stored, hole) == 1
        assert seen(stored * np.uint16(257), hole) == 1
        assert seen(stored / np.float32(255), hole) == 1
        assert seen(stored[3:, 5:], hole[3:, 5:]) == 1  # a crop at odd places
        assert seen(np.dstack([stored, np.full(hole.shape, 255, np.uint8)]), hole) == 1
    assert (
        seen(
            cv2.resize(cv2.resize(image, None, fx=0.5, fy=0.5), image.shape[1::-1], interpolation=cv2.INTER_NEAREST),
            hole,
        )
        == 1
    )


@pytest.mark.parametrize("photo", PHOTOS, ids=["astronaut", "coffee", "rocket"])
def test_the_pixels_show_where_nothing_bled(photo):
    image, hole = lettered(photo)
    assert seen(image, hole) == 0
    assert seen(jpeg(image, quality=95, subsampling="4:4:4"), hole) == 0
    drawn_later, hole = lettered(jpeg(photo, quality=90, subsampling="4:2:0"))
    assert seen(drawn_later, hole) == 0
    blank = np.where(hole[..., None], 0, jpeg(image, quality=90))
    assert seen(blank, hole) == 0
    assert seen(np.where(hole[..., None], np.nan, image / 255), hole) == 0


def test_without_colours_or_without_a_hole_nothing_grows():
    image, hole = lettered(PHOTOS[0])
    stored = jpeg(image, quality=75)
    assert seen(stored[..., 0], hole) == 0
    assert seen(stored[..., [0, 1, 2, 0]], hole, channels="bands") == 0
    assert seen(stored, hole & False) == 0
    assert seen(stored, hole | True) == 0


def test_auto_is_that_growth():
    image, hole = lettered(PHOTOS[0])
    stored = jpeg(image, quality=90)
    assert np.array_equal(inpaint(stored, hole, "telea", dilate="auto"), inpaint(stored, hole, "telea", dilate=1))
    assert np.array_equal(inpaint(image, hole, "telea", dilate="auto"), inpaint(image, hole, "telea"))
    _, info = inpaint(stored, hole, "telea", dilate="auto", return_info=True)
    assert info.growth == 1
    assert ", mask grown by 1 px" in str(info)
    with pytest.raises(ValueError, match="dilate is 'more': give whole pixels, 0 or more, or 'auto'"):
        inpaint(image, hole, dilate="more")


@pytest.mark.parametrize("photo", PHOTOS, ids=["astronaut", "coffee", "rocket"])
def test_growth_repairs_a_jpeg_better_and_spares_what_was_not_compressed(photo):
    def error(image, truth, **how):
        filled = inpaint(image, hole, "telea", **how)
        return np.mean((filled.astype(float) - truth)[near] ** 2)

    image, hole = lettered(photo)
    near = cv2.dilate(hole.view(np.uint8), np.ones((7, 7))) > 0
    compressed, truth = (jpeg(picture, quality=90) for picture in (image, photo))
    assert error(compressed, truth, dilate="auto") < 0.8 * error(compressed, truth)
    assert error(image, photo, dilate="auto") < 0.8 * error(image, photo, dilate=1)


@pytest.fixture
def folder(tmp_path):
    image, hole = lettered(PHOTOS[1])
    (tmp_path / "in").mkdir()
    Image.fromarray(image).save(tmp_path / "in" / "coarse.jpg", quality=40, subsampling="4:4:4")  # +1
    Image.fromarray(image).save(tmp_path / "in" / "fine.jpg", quality=90)  # +1
    Image.fromarray(image).save(tmp_path / "in" / "whole.jpg", quality=95, subsampling="4:4:4")  # 0
    Image.open(tmp_path / "in" / "fine.jpg").save(tmp_path / "in" / "copied.png")  # +1
    Image.fromarray(image).save(tmp_path / "in" / "never.png")  # 0
    write(tmp_path / "mask.png", hole.astype(np.uint8) * 255)
    return tmp_path, hole


GROWN = {"coarse.jpg": 1, "fine.jpg": 1, "whole.jpg": 0, "copied.png": 1, "never.png": 0}


def test_the_command_grows_each_files_mask_by_its_own_measure(run, folder):
    path, hole = folder
    line = ["--mask", path / "mask.png", "--method", "telea", "--dilate", "auto"]
    for name, growth in GROWN.items():
        assert run("fill", path / "in" / name, *line, "-o", path / "out.png")[0] == 0
        image = load(path / "in" / name).pixels
        assert np.array_equal(load(path / "out.png").pixels, inpaint(image, hole, "telea", dilate=growth))
    assert run("fill", path / "in", *line, "-o", path / "out", "--save-config", path / "auto.toml")[0] == 0
    assert 'dilate = "auto"' in (path / "auto.toml").read_text()
    result = load(path / "out" / "copied.png").pixels
    assert np.array_equal(result, inpaint(load(path / "in" / "copied.png").pixels, hole, "telea", dilate=1))
    sheet = ["compare", path / "in" / "fine.jpg", "--mask", path / "mask.png", "--methods", "telea", "--dilate", "auto"]
    assert run(*sheet, "-o", path / "sheet.png")[0] == 0
    status, _, err = run(
        "fill", path / "in" / "fine.jpg", "--mask", path / "mask.png", "-o", path / "x.png", "--dilate", "x"
    )
    assert (status, err.count("\n")) == (2, 1)
    assert "'x' is neither whole pixels nor 'auto'" in err


def test_found_masks_grow_unless_told_otherwise(run, folder):
    path, _ = folder
    image = load(path / "in" / "fine.jpg").pixels
    hole = np.abs(image.astype(int) - (250, 230, 40)).max(axis=2) <= 32  # as --find colour takes it
    found = ["--find", "colour", "--colour", "250,230,40", "--method", "telea", "-o", path / "out.png"]
    options = path / "found.toml"
    lines = {(): 1, ("--dilate", 0): 0, ("--dilate", 3): 3, ("--save-config", options): 1, ("--config", options): 1}
    for more, growth in lines.items():
        assert run("fill", path / "in" / "fine.jpg", *found, *more)[0] == 0
        expected = inpaint(image, hole, "telea", dilate=growth)
        assert np.array_equal(load(path / "out.png").pixels, expected), more
