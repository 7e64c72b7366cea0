"""TIFF files as others write them: bands, tags, pages, GDAL's, and damage in every compression."""

from __future__ import annotations

import io
import itertools
import struct
import warnings
import zlib

import imagecodecs
import numpy as np
import pytest
import rasterio
import rasterio.shutil
import tifffile
from PIL import Image

import inpaintkit
from inpaintkit.errors import InpaintWarning
from inpaintkit.files import check, load, write

H, W = 21, 37
PLACE = {
    33550: ("d", (30.0, 30.0, 0.0)),
    33922: ("d", (0.0, 0.0, 0.0, 500000.0, 5200000.0, 0.0)),
    34735: ("H", (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)),
    34736: ("d", (6378137.0, 298.257223563)),
    34737: ("s", "WGS 84 / UTM zone 33N|"),
}
GDAL = {42112: ("s", '<GDALMetadata><Item name="ACQ">2019</Item></GDALMetadata>'), 42113: ("s", "-32768")}


def noise(dtype, shape, seed=0):
    rng, kind = np.random.default_rng(seed), np.dtype(dtype)
    if kind.kind == "f":
        return rng.random(shape).astype(kind)
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max, shape, kind, endpoint=True)


def extra(tags):
    return [(code, kind, len(value), value, True) for code, (kind, value) in tags.items()]


def page_of(path):
    with tifffile.TiffFile(path) as tif:
        (page,) = tif.pages
        return {tag.code: tag.value for tag in page.tags}, page.asarray()


def again(folder, loaded):
    """What a TIFF made from a loaded picture holds, read by us and by tifffile."""
    write(folder / "again.tif", loaded.pixels, like=loaded)
    return load(folder / "again.tif"), *page_of(folder / "again.tif")


# Bands


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int8", "int16", "int64", "float16", "float32"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_bands_come_back_in_number_order_and_meaning(tmp_path, dtype, planar):
    for count, photometric in ((2, "minisblack"), (4, "rgb"), (4, "minisblack"), (5, "rgb"), (12, "minisblack")):
        base = 3 if photometric == "rgb" else 1
        for alpha in {None, 0, count - base - 1}:
            extras = [2 if at == alpha else 0 for at in range(count - base)]
            stored = noise(dtype, (H, W, count))
            options = {"photometric": photometric, "planarconfig": planar, "extrasamples": extras}
            shown = stored if planar == "contig" else np.moveaxis(stored, 2, 0)
            tifffile.imwrite(tmp_path / "a.tif", shown, compression="lzw", metadata=None, **options)
            loaded = load(tmp_path / "a.tif")
            order = [at for at in range(count) if alpha is None or at != base + alpha]
            order += [] if alpha is None else [base + alpha]
            assert np.array_equal(loaded.pixels, stored[..., order])
            assert loaded.pixels.dtype == dtype
            assert loaded.channels == ("bands" if alpha is None else "alpha")
            back, tags, samples = again(tmp_path, loaded)
            assert np.array_equal(back.pixels, loaded.pixels)
            assert np.array_equal(samples, shown)
            assert samples.dtype == dtype
            assert [int(code) for code in tags[338]] == extras
            assert (tags[262], tags[284]) == (base - 1 or 1, 1 if planar == "contig" else 2)


def test_three_grey_bands_stay_three_grey_bands(tmp_path):
    stored = noise("int16", (H, W, 3))
    options = {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": [0, 0]}
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    back, tags, samples = again(tmp_path, load(tmp_path / "a.tif"))
    assert np.array_equal(samples, stored)
    assert (tags[262], tags[338], back.channels) == (1, (0, 0), "bands")


def test_a_fourth_sample_that_the_file_says_nothing_of_is_alpha_beside_rgb_alone(tmp_path):
    for photometric, count, channels in (("rgb", 4, "alpha"), ("minisblack", 2, "bands"), ("minisblack", 4, "bands")):
        options = {"photometric": photometric, "planarconfig": "contig"}
        tifffile.imwrite(
            tmp_path / "a.tif",
            noise("uint8", (H, W, count)),
            extrasamples=[0] * (count - 1 - 2 * (photometric == "rgb")),
            **options,
        )
        data = bytearray((tmp_path / "a.tif").read_bytes())
        at = data.index(struct.pack("<HH", 338, 3))
        data[at : at + 2] = struct.pack("<H", 337)  # no longer ExtraSamples
        (tmp_path / "a.tif").write_bytes(data)
        assert load(tmp_path / "a.tif").channels == channels


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_premultiplied_alpha_is_divided_out_and_multiplied_in_exactly(tmp_path, dtype, planar):
    top = np.iinfo(dtype).max
    stored = noise(dtype, (64, 64, 4))
    stored[:8, :, 3], stored[8:10, :, 3] = top, 0
    if dtype == "uint8":
        stored[10:42, :, 3] = np.arange(32 * 64).reshape(32, 64) % 256
    stored[..., :3] = np.minimum(stored[..., :3], stored[..., 3:])
    shown = stored if planar == "contig" else np.moveaxis(stored, 2, 0)
    options = {"photometric": "rgb", "planarconfig": planar, "extrasamples": [1]}
    tifffile.imwrite(tmp_path / "a.tif", shown, **options)
    loaded = load(tmp_path / "a.tif")
    seen = stored[..., 3:] > 0
    straight = np.where(seen, stored[..., :3] / np.maximum(stored[..., 3:], 1).astype(float) * top, 0)
    assert np.abs(loaded.pixels[..., :3] - straight).max() <= 0.5 + top * 1e-9
    assert np.array_equal(loaded.pixels[..., 3], stored[..., 3])
    assert loaded.channels == "alpha"
    _, tags, samples = again(tmp_path, loaded)
    assert np.array_equal(samples, shown)
    assert tags[338] == (1,)
    shown = shown.copy()
    shown[...] = top // 2
    shown[0, 0, 0] = top
    tifffile.imwrite(tmp_path / "a.tif", shown, **options)
    with pytest.raises(ValueError, match="premultiplied colours brighter than their alpha: save it with straight"):
        load(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("shape", "dtype", "bands", "name", "message"),
    [
        ((4, 4, 5), "uint8", True, "b.png", r"PNG cannot hold 5 bands: .*name the output \.tif"),
        ((4, 4, 4), "uint8", True, "b.png", "PNG cannot hold 4 bands"),
        ((4, 4, 2), "uint8", True, "b.webp", "WebP cannot hold 2 bands"),
        ((4, 4, 4), "uint8", True, "b.jpg", "JPEG cannot hold 4 bands"),
        ((4, 4), "int16", True, "b.png", r"PNG cannot hold int16 pixels; name the output \.tif"),
        ((4, 4), "uint32", True, "b.png", "PNG cannot hold uint32"),
        ((4, 4, 3), "float32", True, "b.jpg", "JPEG cannot hold float32"),
        ((4, 4, 4), "uint8", False, "b.bmp", "BMP cannot hold an alpha channel"),
    ],
)
def test_what_other_formats_cannot_hold_is_known_before_the_fill(tmp_path, shape, dtype, bands, name, message):
    count = shape[2] if len(shape) == 3 else 1
    options = {"photometric": "minisblack", "metadata": None}
    if count > 1:
        options |= {"planarconfig": "contig", "extrasamples": [0] * (count - 1) if bands else [0] * (count - 2) + [2]}
    tifffile.imwrite(tmp_path / "a.tif", np.zeros(shape, dtype), **options)
    loaded = load(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=message):
        check(tmp_path / name, loaded.pixels, like=loaded)
    with pytest.raises(ValueError, match=message):
        write(tmp_path / name, loaded.pixels, like=loaded)


def test_arrays_without_a_file_are_written_as_inpaint_takes_them(tmp_path):
    for count, photometric, extras in ((1, 1, None), (2, 1, (2,)), (3, 2, None), (4, 2, (2,)), (5, 1, (0,) * 4)):
        pixels = noise("int16", (H, W, count))
        write(tmp_path / "a.tif", pixels)
        tags, samples = page_of(tmp_path / "a.tif")
        assert np.array_equal(samples.reshape(H, W, count), pixels)
        assert (tags[262], tags.get(338)) == (photometric, extras)


def test_the_command_fills_bands_as_bands(tmp_path, run):
    """Near infrared of 0 is no transparency: colours there are known, and sources, like any other."""
    pixels = np.full((24, 24, 4), (40, 90, 140, 0), np.uint8)
    pixels[:, 12:] = 200, 150, 100, 0
    mask = np.zeros((24, 24), np.uint8)
    mask[10:14, 4:8] = 255
    options = {"photometric": "rgb", "planarconfig": "contig", "extrasamples": [0], "metadata": None}
    tifffile.imwrite(tmp_path / "a.tif", np.where(mask[..., None] > 0, 7, pixels).astype(np.uint8), **options)
    write(tmp_path / "m.png", mask)
    assert (
        run("fill", tmp_path / "a.tif", "--mask", tmp_path / "m.png", "-o", tmp_path / "b.tif", "--method", "harmonic")[
            0
        ]
        == 0
    )
    tags, samples = page_of(tmp_path / "b.tif")
    assert np.array_equal(samples, pixels)
    assert tags[338] == (0,)


# Tags


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_tags_of_place_and_meaning_go_along(tmp_path, byteorder, bigtiff):
    pixels = noise("int16", (H, W))
    tags = extra(PLACE | GDAL | {34264: ("d", tuple(map(float, range(16))))})
    options = {"byteorder": byteorder, "bigtiff": bigtiff, "extratags": tags, "metadata": None}
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", **options)
    before, _ = page_of(tmp_path / "a.tif")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load(tmp_path / "a.tif")
        back, after, samples = again(tmp_path, loaded)
    assert loaded.nodata == back.nodata == -32768.0
    assert np.array_equal(samples, pixels)
    for code in (*PLACE, *GDAL, 34264):
        assert after[code] == before[code], code


def with_exif(path, pixels, byteorder, *, bigtiff, kind):
    """A TIFF with a group of EXIF: when it was taken, for how long, and how sensitive the camera was."""
    tags = [(271, "s", 0, "Maker", True), (34664, 13, 1, 0, True)]  # tifffile does not write 34665
    options = {"byteorder": byteorder, "bigtiff": bigtiff, "extratags": tags, "metadata": None}
    tifffile.imwrite(path, pixels, photometric="minisblack", **options)
    with tifffile.TiffFile(path) as tif:
        place = tif.pages[0].tags[34664].offset
    number, pointer, room = ("Q", "Q", 8) if bigtiff else ("H", "I", 4)
    line = byteorder + "HH" + pointer
    with open(path, "r+b") as file:
        at = file.seek(0, io.SEEK_END)
        values = at + struct.calcsize(byteorder + number) + 3 * (4 + 2 * room) + room
        place_of_rational = struct.pack(byteorder + pointer, values + 20)
        rational = struct.pack(byteorder + "II", 1, 250)
        file.write(struct.pack(byteorder + number, 3))
        file.write(struct.pack(line, 33434, 5, 1) + (rational if bigtiff else place_of_rational))
        file.write(struct.pack(line, 34855, 3, 1) + struct.pack(byteorder + "H", 400).ljust(room, b"\0"))
        file.write(struct.pack(line, 36867, 2, 20) + struct.pack(byteorder + pointer, values))
        file.write(bytes(room) + b"2020:01:02 03:04:05\0" + rational)
        file.seek(place)
        value = struct.pack(byteorder + {4: "I", 13: "I", 16: "Q", 18: "Q"}[kind], at).ljust(room, b"\0")
        file.write(struct.pack(line, 34665, kind, 1) + value)


@pytest.mark.parametrize(
    ("byteorder", "bigtiff", "kind"),
    [(order, big, kind) for order in "<>" for big in (False, True) for kind in ((4, 13, 16, 18) if big else (4, 13))],
)
def test_exif_goes_along_in_every_byte_order_and_size(tmp_path, byteorder, bigtiff, kind):
    with_exif(tmp_path / "a.tif", noise("uint16", (H, W)), byteorder, bigtiff=bigtiff, kind=kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load(tmp_path / "a.tif")
        back = again(tmp_path, loaded)[0]
    for exif in (loaded.metadata.ifd(), back.metadata.ifd()):
        group = exif.get_ifd(34665)
        assert (exif[271], group[36867], group[34855]) == ("Maker", "2020:01:02 03:04:05", 400)
        assert float(group[33434]) == 1 / 250


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_tag_beyond_the_end_of_a_bigtiff_costs_no_other(tmp_path, byteorder):
    tags = [(271, "s", 0, "a maker of cameras", True), (315, "s", 0, "the name of an artist", True)]
    options = {"byteorder": byteorder, "bigtiff": True, "extratags": tags, "metadata": None}
    tifffile.imwrite(tmp_path / "a.tif", noise("uint8", (H, W)), photometric="minisblack", **options)
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        place = tif.pages[0].tags[271].offset
    with open(tmp_path / "a.tif", "r+b") as file:
        file.seek(place + 12)
        file.write(struct.pack(byteorder + "Q", 1 << 40))
    exif = load(tmp_path / "a.tif").metadata.ifd()
    assert (exif.get(271), exif[315]) == (None, "the name of an artist")


def test_values_of_missing_pixels_that_floats_round_are_no_line_of_a_log(tmp_path, caplog):
    tags = extra({42113: ("s", "-3.4028234663852886e+38")})
    tifffile.imwrite(tmp_path / "a.tif", noise("float32", (H, W)), photometric="minisblack", extratags=tags)
    loaded = load(tmp_path / "a.tif")
    write(tmp_path / "b.tif", loaded.pixels, like=loaded)
    assert caplog.records == []


def test_a_description_that_states_the_sides_does_not_go_with_a_turned_picture(tmp_path):
    pixels = noise("uint8", (H, W))
    for orientation in (1, 3, 6):
        path = tmp_path / f"{orientation}.tif"
        tifffile.imwrite(path, pixels, metadata={}, extratags=[(274, "H", 1, orientation, True)])
        assert "shape" in page_of(path)[0][270]
        tags = again(tmp_path, load(path))[1]
        assert (270 in tags) == (orientation != 6)


def test_bands_that_inpaint_would_take_for_opacity_are_pointed_out(tmp_path):
    for bands, extras in ((2, [0]), (4, [0]), (4, [2]), (5, [0, 0])):
        path = tmp_path / f"{bands}{extras[0]}.tif"
        photometric = "rgb" if bands > 2 else "minisblack"
        tifffile.imwrite(path, noise("uint8", (H, W, bands)), photometric=photometric, extrasamples=extras)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert inpaintkit.read(path).shape == (H, W, bands)
        said = [str(warning.message) for warning in caught]
        expected = [f'{path}: none of its {bands} bands is alpha: pass channels="bands" to inpaint']
        assert said == (expected if bands < 5 and extras == [0] else [])


def test_a_picture_stored_turned_loses_its_place_and_says_so(tmp_path):
    tags = [*extra(PLACE | GDAL), (274, "H", 1, 6, True)]
    tifffile.imwrite(tmp_path / "a.tif", noise("int16", (H, W)), photometric="minisblack", extratags=tags)
    with pytest.warns(InpaintWarning, match=r"a\.tif: its place on the map \(GeoTIFF\) is left out: .* stored turned"):
        loaded = load(tmp_path / "a.tif")
    _, after, _ = again(tmp_path, loaded)
    assert not set(PLACE) & set(after)
    assert set(GDAL) <= set(after)


def test_other_formats_say_what_they_drop(tmp_path):
    tags = extra(PLACE | GDAL)
    options = {"resolution": (10, 10), "resolutionunit": "NONE", "metadata": None, "extratags": tags}
    tifffile.imwrite(tmp_path / "a.tif", noise("uint8", (H, W)), photometric="minisblack", **options)
    loaded = load(tmp_path / "a.tif")
    said = (
        r"b\.png|PNG cannot hold what the TIFF says of its place on the map \(GeoTIFF\), GDAL's metadata, the value of "
        r"missing pixels \(nodata\), a resolution without unit, which is left out; name the output \.tif"
    )
    with pytest.warns(InpaintWarning, match=said) as caught:
        write(tmp_path / "b.png", loaded.pixels, like=loaded)
    assert len(caught) == 1
    tifffile.imwrite(tmp_path / "a.tif", noise("uint8", (H, W)), photometric="minisblack")
    loaded = load(tmp_path / "a.tif")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write(tmp_path / "b.png", loaded.pixels, like=loaded)


@pytest.mark.parametrize("unit", [1, 2, 3])
@pytest.mark.parametrize("orientation", [1, 6])
def test_resolution_keeps_its_number_and_unit(tmp_path, unit, orientation):
    turn = (274, "H", 1, orientation, True)
    options = {"resolution": ((7, 3), (1181, 10)), "resolutionunit": unit, "extratags": [turn]}
    tifffile.imwrite(tmp_path / "a.tif", noise("uint8", (H, W)), photometric="minisblack", **options)
    _, after, _ = again(tmp_path, load(tmp_path / "a.tif"))
    across, down = ((7, 3), (1181, 10)) if orientation == 1 else ((1181, 10), (7, 3))
    assert (after[282], after[283], after[296]) == (across, down, unit)


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_imagej_keeps_scale_and_notes(tmp_path, byteorder):
    pixels = noise("uint16", (H, W))
    notes = {"unit": "micron", "Info": "a slide", "Ranges": (0.0, 5000.0), "Overlays": [b"an overlay"]}
    tifffile.imwrite(tmp_path / "a.tif", pixels, imagej=True, resolution=(10, 10), byteorder=byteorder, metadata=notes)
    before, _ = page_of(tmp_path / "a.tif")
    _, after, samples = again(tmp_path, load(tmp_path / "a.tif"))
    assert np.array_equal(samples, pixels)
    assert (after[270], after[282], after[296]) == (before[270], (10, 1), 1)
    assert after[50839] == before[50839]
    with tifffile.TiffFile(tmp_path / "again.tif") as tif:
        assert tif.imagej_metadata["Info"] == "a slide"
        assert tif.imagej_metadata["unit"] == "micron"


def test_imagej_stacks_without_pages_are_not_cut_in_silence(tmp_path):
    pixels = noise("uint16", (3, H, W))
    tifffile.imwrite(tmp_path / "a.tif", pixels, imagej=True, truncate=True, metadata={"axes": "ZYX"})
    with pytest.warns(InpaintWarning) as caught:
        loaded = load(tmp_path / "a.tif")
    said = [str(warning.message) for warning in caught]
    assert any("only the first of ImageJ's 3 images is read" in text for text in said)
    assert any("its description is left out: it is about all 3 pages" in text for text in said)
    _, after, samples = again(tmp_path, loaded)
    assert np.array_equal(samples, pixels[0])
    assert 270 not in after


def test_ome_keeps_its_description_where_it_is_about_one_page(tmp_path):
    pixels = noise("uint16", (2, H, W))
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels[0], ome=True, metadata={"axes": "YX", "PhysicalSizeX": 0.5})
    before, _ = page_of(tmp_path / "a.ome.tif")
    _, after, _ = again(tmp_path, load(tmp_path / "a.ome.tif"))
    assert after[270] == before[270]
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, ome=True, photometric="minisblack", metadata={"axes": "ZYX"})
    with pytest.warns(InpaintWarning, match="its description is left out: it is about all 2 pages"):
        loaded = load(tmp_path / "a.ome.tif", page=1)
    _, after, samples = again(tmp_path, loaded)
    assert 270 not in after
    assert np.array_equal(samples, pixels[0])


@pytest.mark.parametrize(
    ("said", "nodata"),
    [("-9999", -9999.0), ("nan", None), ("1e20", 1e20), ("-3.4e38", -3.4e38), ("nothing", None), ("0,5", 0.5)],
)
def test_the_value_of_missing_pixels(tmp_path, said, nodata):
    options = {"photometric": "minisblack", "extratags": extra({42113: ("s", said)})}
    tifffile.imwrite(tmp_path / "a.tif", noise("float32", (H, W)), **options)
    found = load(tmp_path / "a.tif").nodata
    assert np.isnan(found) if said == "nan" else found == nodata, found
    _, after, _ = again(tmp_path, load(tmp_path / "a.tif"))
    assert after[42113] == said


def test_the_value_of_missing_pixels_follows_what_the_pixels_become(tmp_path):
    for photometric, dtype, said, nodata, written in (
        ("miniswhite", "uint8", "0", 255.0, "0"),
        ("miniswhite", "int16", "-1", 0.0, "-1"),
        ("palette", "uint8", "3", None, None),
    ):
        options = {"colormap": np.zeros((3, 256), np.uint16)} if photometric == "palette" else {}
        tags = extra({42113: ("s", said)})
        tifffile.imwrite(tmp_path / "a.tif", noise(dtype, (H, W)), photometric=photometric, extratags=tags, **options)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            loaded = load(tmp_path / "a.tif")
        said = [f"{tmp_path / 'a.tif'}: its value of missing pixels, 3, is left out: its samples become colours"]
        assert [str(warning.message) for warning in caught] == said * (nodata is None)
        assert loaded.nodata == nodata
        _, after, _ = again(tmp_path, loaded)
        assert after.get(42113) == written


# Pages


def test_smaller_copies_and_masks_are_no_pages(tmp_path):
    pixels = noise("uint8", (64, 64))
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(pixels, photometric="minisblack", metadata=None)
        tif.write(pixels[::2, ::2], photometric="minisblack", subfiletype=1, metadata=None)
        tif.write(pixels[::4, ::4], photometric="minisblack", subfiletype=1, metadata=None)
        tif.write(pixels > 9, photometric="minisblack", subfiletype=4, metadata=None)
    said = r"a\.tif: left out: its smaller copies \(overviews\) and its mask of valid pixels"
    with pytest.warns(InpaintWarning, match=said):
        assert np.array_equal(load(tmp_path / "a.tif").pixels, pixels)
    with pytest.raises(ValueError, match="holds 1 page, page is 2"):
        load(tmp_path / "a.tif", page=2)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:  # copies that no chain of pages leads to
        tif.write(pixels, photometric="minisblack", metadata=None, subifds=1)
        tif.write(pixels[::2, ::2], photometric="minisblack", subfiletype=1, metadata=None)
    with pytest.warns(InpaintWarning, match="left out: the smaller copies that belong to its page"):
        assert np.array_equal(load(tmp_path / "a.tif").pixels, pixels)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:  # a preview first, then two pages
        tif.write(pixels[::4, ::4], photometric="minisblack", subfiletype=1, metadata=None)
        tif.write(pixels, photometric="minisblack", metadata=None)
        tif.write(pixels[::-1], photometric="minisblack", subfiletype=2, metadata=None)
    with pytest.raises(ValueError, match="holds 2 pages: choose one"):
        load(tmp_path / "a.tif")
    with pytest.warns(InpaintWarning, match="smaller copies"):
        assert np.array_equal(load(tmp_path / "a.tif", page=2).pixels, pixels[::-1])


# GDAL's files


COMPRESSIONS = ("NONE", "LZW", "DEFLATE", "ZSTD", "LZMA", "PACKBITS", "LERC", "LERC_DEFLATE", "LERC_ZSTD")
TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


def by_gdal(path, bands, **options):
    """Write bands (C, H, W) with GDAL, and return what GDAL reads back, (H, W, C)."""
    count, height, width = bands.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        size = {"count": count, "height": height, "width": width, "dtype": bands.dtype}
        with rasterio.open(path, "w", driver="GTiff", **size, **options) as file:
            file.write(bands)
        with rasterio.open(path) as file:
            return np.moveaxis(file.read(), 0, 2)


@pytest.mark.parametrize("compression", [*COMPRESSIONS, "WEBP", "JPEG"])
def test_what_gdal_writes_is_read_as_gdal_reads_it(tmp_path, compression):
    held = {"WEBP": ("uint8",), "JPEG": ("uint8",)}.get(compression, TYPES)
    seen = 0
    for dtype, count, interleave, tiled in itertools.product(held, (1, 3, 4), ("pixel", "band"), (False, True)):
        if compression == "WEBP" and (count == 1 or interleave == "band"):
            continue
        bands = noise(dtype, (count, H, W))
        if bands.dtype.kind == "f":
            bands[0, 3, 5] = np.nan
        options = {"tiled": True, "blockxsize": 16, "blockysize": 16} if tiled else {}
        options |= {"LERC": {"max_z_error": 0}, "WEBP": {"webp_lossless": "YES"}}.get(compression[:4], {})
        if compression in ("LZW", "DEFLATE", "ZSTD") and tiled:
            options |= {"predictor": 3 if bands.dtype.kind == "f" else 2}
        wanted = by_gdal(tmp_path / "a.tif", bands, compress=compression, interleave=interleave, **options)
        found = load(tmp_path / "a.tif").pixels.reshape(wanted.shape)
        assert found.dtype == wanted.dtype
        assert np.array_equal(found, wanted, equal_nan=found.dtype.kind == "f"), (dtype, count, interleave, tiled)
        seen += 1
    assert seen >= 4


def test_gdal_keeps_a_mask_for_opacity_in_lerc(tmp_path):
    bands = noise("uint8", (4, H, W))
    for alpha in (np.where(bands[3] > 99, 255, 0), np.full((H, W), 255), bands[3]):
        bands[3] = alpha
        options = {"compress": "LERC", "max_z_error": 0, "interleave": "pixel", "photometric": "RGB", "alpha": "YES"}
        wanted = by_gdal(tmp_path / "a.tif", bands, **options)
        assert np.array_equal(load(tmp_path / "a.tif").pixels[..., 3], wanted[..., 3])
        assert np.array_equal(load(tmp_path / "a.tif").pixels[wanted[..., 3] > 0], wanted[wanted[..., 3] > 0])


@pytest.mark.parametrize("bits", [1, 2, 4, 7, 10, 12, 14, 20])
def test_gdal_packs_bits(tmp_path, bits):
    bands = noise("uint32", (3, H, W)) >> (32 - bits)
    bands = bands.astype("uint8" if bits < 8 else "uint16" if bits < 16 else "uint32")
    for interleave, compression in itertools.product(("pixel", "band"), ("NONE", "DEFLATE")):
        wanted = by_gdal(tmp_path / "a.tif", bands, nbits=bits, interleave=interleave, compress=compression)
        if bits < 8:
            wanted = np.floor(wanted.astype(int) * 255 / (2**bits - 1) + 0.5).astype(np.uint8)
        assert np.array_equal(load(tmp_path / "a.tif").pixels, wanted)


@pytest.mark.parametrize(("dtype", "nodata"), [("int16", -9), ("uint8", None), ("float32", -3.4028234663852886e38)])
def test_gdal_leaves_out_what_is_empty(tmp_path, dtype, nodata):
    options = {"tiled": True, "blockxsize": 16, "blockysize": 16, "sparse_ok": True, "compress": "deflate"}
    size = {"driver": "GTiff", "width": 48, "height": 32, "count": 2, "dtype": dtype, "nodata": nodata}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(tmp_path / "a.tif", "w", **size, **options) as file:
            file.write(noise(dtype, (2, 16, 16)), window=rasterio.windows.Window(16, 0, 16, 16))
        with rasterio.open(tmp_path / "a.tif") as file:
            wanted = np.moveaxis(file.read(), 0, 2)
    with pytest.warns(InpaintWarning, match=r"5 of its tiles or strips are not stored \(sparse\) and read as"):
        loaded = load(tmp_path / "a.tif")
    assert np.array_equal(loaded.pixels, wanted)
    assert loaded.nodata == nodata


@pytest.mark.parametrize("compression", ["DEFLATE", "LZW", "ZSTD", "LERC", "WEBP"])
def test_a_cloud_optimised_file_is_one_picture_and_keeps_its_place(tmp_path, compression):
    bands = noise("uint8", (3, 300, 280))
    place = {"crs": "EPSG:32633", "transform": rasterio.transform.from_origin(500000, 5200000, 30, 30)}
    by_gdal(tmp_path / "a.tif", bands, **place)
    lossless = {"quality": 100} if compression == "WEBP" else {}
    options = {"driver": "COG", "compress": compression, "blocksize": 128, **lossless}
    rasterio.shutil.copy(tmp_path / "a.tif", tmp_path / "c.tif", **options)
    with pytest.warns(InpaintWarning, match="overviews"):
        loaded = load(tmp_path / "c.tif")
    assert np.array_equal(loaded.pixels, np.moveaxis(bands, 0, 2))
    write(tmp_path / "b.tif", loaded.pixels, like=loaded)
    with rasterio.open(tmp_path / "b.tif") as file:
        assert file.crs == place["crs"]
        assert file.transform == place["transform"]


# Damage


def strip_of(compression, size=(H, W)):
    """A TIFF of one compressed strip of noise and where that lies."""
    name = {"none": None, "deflate": "zlib"}.get(compression, compression)
    arguments = {"lzma": {"level": 0}, "webp": {"lossless": True}}.get(compression)
    options = {"compression": name, "compressionargs": arguments, "rowsperstrip": size[0], "metadata": None}
    file = io.BytesIO()
    tifffile.imwrite(file, noise("uint8", (*size, 3)), photometric="rgb", **options)
    file.seek(0)
    with tifffile.TiffFile(file) as tif:
        page = tif.pages[0]
        places = page.dataoffsets[0], page.databytecounts[0], page.tags[279].valueoffset, page.tags[279].dtype
    return bytearray(file.getvalue()), *places


EVERY = ("none", "lzw", "deflate", "zstd", "lzma", "packbits", "jpeg", "jpeg2000", "webp", "png", "jpegxl", "lerc")


@pytest.mark.parametrize("compression", EVERY)
def test_a_strip_that_is_cut_short_never_becomes_zeros(tmp_path, compression):
    data, at, count, tag, kind = strip_of(compression)
    size = "<H" if kind == 3 else "<I"
    for kept in (count // 2, count * 9 // 10, 3):
        cut = data.copy()
        cut[tag : tag + struct.calcsize(size)] = struct.pack(size, kept)
        (tmp_path / "a.tif").write_bytes(cut)
        with pytest.raises(ValueError, match=r"a\.tif: damaged picture file"):
            load(tmp_path / "a.tif")
    (tmp_path / "a.tif").write_bytes(data[: at + count // 2])
    with pytest.raises(ValueError, match="damaged"):
        load(tmp_path / "a.tif")
    cut = data.copy()
    cut[tag : tag + struct.calcsize(size)] = bytes(struct.calcsize(size))  # no length, but a place: not sparse
    (tmp_path / "a.tif").write_bytes(cut)
    with pytest.raises(ValueError, match="damaged picture file"):
        load(tmp_path / "a.tif")


@pytest.mark.parametrize("way", ["group3", "group4", "tiff_ccitt"])
def test_a_fax_that_is_cut_short_never_becomes_white(tmp_path, way):
    tones = np.random.default_rng(5).random((60, 200)) < 0.3
    Image.fromarray(tones).save(tmp_path / "a.tif", compression=way)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tif:
        tag = tif.pages[0].tags[279]
        tag.overwrite([tag.value[0] // 2, *tag.value[1:]])
    with pytest.raises(ValueError, match="cut short"):
        load(tmp_path / "a.tif")
    tones[30:] = False  # an empty foot is none
    Image.fromarray(tones).save(tmp_path / "a.tif", compression=way)
    assert np.array_equal(load(tmp_path / "a.tif").pixels > 0, tones)


@pytest.mark.parametrize(
    "compression", ["deflate", "zstd", "lzma", "lzw", "png", "jpeg", "jpeg2000", "webp", "jpegxl", "lerc"]
)
def test_a_strip_of_more_than_the_page_promises_is_bounded(tmp_path, compression):
    """A megabyte of nothing in a page of a few pixels: refused, or cut where a stream may be longer."""
    import tracemalloc

    large = np.zeros((3000, 3000, 3), np.uint8)
    encoders = {
        "deflate": zlib.compress,
        "zstd": imagecodecs.zstd_encode,
        "lzw": imagecodecs.lzw_encode,
        "lzma": lambda bomb: imagecodecs.lzma_encode(bomb, level=0),
        "png": imagecodecs.png_encode,
        "jpeg": imagecodecs.jpeg8_encode,
        "jpeg2000": imagecodecs.jpeg2k_encode,
        "webp": imagecodecs.webp_encode,
        "jpegxl": lambda bomb: imagecodecs.jpegxl_encode(bomb, effort=1),
        "lerc": imagecodecs.lerc_encode,
    }
    bomb = encoders[compression](large.tobytes() if compression in EVERY[:6] else large)
    codes = {"deflate": 8, "zstd": 50000, "lzma": 34925, "lzw": 5, "png": 34933, "jpeg": 7, "jpeg2000": 34712}
    codes |= {"webp": 50001, "jpegxl": 50002, "lerc": 34887}
    file = io.BytesIO()
    tifffile.imwrite(
        file, iter([bytes(bomb)]), shape=(4, 4, 3), dtype="uint8", photometric="rgb", compression=codes[compression]
    )
    (tmp_path / "a.tif").write_bytes(file.getvalue())
    tracemalloc.start()
    try:
        if compression in ("lzma", "lzw"):  # a stream's end is not marked: what is there is whole
            assert load(tmp_path / "a.tif").pixels.shape == (4, 4, 3)
        else:
            with pytest.raises(ValueError, match=r"inflates to more than it may hold|another size or type of picture"):
                load(tmp_path / "a.tif")
        assert tracemalloc.get_traced_memory()[1] < len(bomb) * 3 + (4 << 20)
    finally:
        tracemalloc.stop()


def test_more_bands_than_one_would_expect_are_refused_by_the_header(tmp_path, monkeypatch):
    monkeypatch.setenv("INPAINTKIT_MAX_PIXELS", "1000")
    options = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 20, 12), np.uint8), **options)
    with pytest.raises(ValueError, match=r"20 x 20 pixels of 12 bands, more than 4000 values: .* to 1200"):
        load(tmp_path / "a.tif")
    monkeypatch.setenv("INPAINTKIT_MAX_PIXELS", "1200")
    assert load(tmp_path / "a.tif").pixels.shape == (20, 20, 12)


def test_missing_strips_are_missing_pixels(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", noise("uint8", (H, W)), photometric="minisblack", rowsperstrip=4, compression="lzw"
    )
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tif:
        page = tif.pages[0]
        for code in (273, 279):
            page.tags[code].overwrite(page.tags[code].value[:-1])
    with pytest.raises(ValueError, match="strips are missing"):
        load(tmp_path / "a.tif")


# The files of the reports


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "channels"),
    [
        *(
            (f"planar/{name}.tif", (160, 140, 3), "uint16", "bands")
            for name in ("scan_lzw_planar", "gdal_band_lzw_tiled")
        ),
        *((f"orientation/scan_lzw_o{turn}.tif", (160, 140, 3), "uint16", "bands") for turn in (2, 3, 4, 5)),
        ("bands/rgbn_u8.tif", (160, 160, 4), "uint8", "bands"),
        ("bands/sar_u8.tif", (128, 128, 2), "uint8", "bands"),
        ("bands/rgb_5ch.tif", (128, 160, 5), "uint8", "bands"),
        ("bands/rgbn_u16.tif", (160, 160, 4), "uint16", "bands"),
        ("geotiff/dem_int16.tif", (192, 192), "int16", "bands"),
        *(
            (f"formats/{name}.tif", (128, 160, 3), "uint8", "bands")
            for name in ("jpeg2000_rgb8", "png_rgb8", "webp_rgb8")
        ),
        *((f"formats/{name}_g16.tif", (128, 160), "uint16", "bands") for name in ("lerc", "jpegxl")),
    ],
)
def test_files_that_failed_once(data, name, shape, dtype, channels):
    loaded = load(data(f"bugs/{name}"))
    assert (loaded.pixels.shape, loaded.pixels.dtype, loaded.channels) == (shape, np.dtype(dtype), channels)
    folder, _, file = name.partition("/")
    if file == "gdal_band_lzw_tiled.tif":
        with rasterio.open(data(f"bugs/{name}")) as seen:
            assert np.array_equal(loaded.pixels, np.moveaxis(seen.read(), 0, 2))
    elif folder in ("planar", "orientation"):
        assert np.array_equal(loaded.pixels, load(data("bugs/orientation/scan_deflate_o3.tif")).pixels)
    if file in ("jpeg2000_rgb8.tif", "png_rgb8.tif", "webp_rgb8.tif"):
        assert np.array_equal(loaded.pixels, load(data("bugs/formats/zstd_rgb8.tif")).pixels)
    if file == "dem_int16.tif":
        assert loaded.nodata == -32768.0
        gaps = loaded.pixels == loaded.nodata
        assert gaps.any()
        filled = inpaintkit.inpaint(loaded.pixels, gaps, "harmonic", channels=loaded.channels)
        assert np.array_equal(filled[~gaps], loaded.pixels[~gaps])
        assert filled.dtype == np.int16
