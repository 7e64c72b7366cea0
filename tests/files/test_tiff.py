"""TIFF over the whole matrix of compressions, layouts, depths and meanings: right, or refused by name."""

from __future__ import annotations

import io
import itertools
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from inpaintkit.files import load, write

H, W = 21, 37
UNSIGNED, SIGNED = ("uint8", "uint16", "uint32", "uint64"), ("int8", "int16", "int32", "int64")
FLOATS = ("float16", "float32", "float64")
DTYPES = (*UNSIGNED, *SIGNED, *FLOATS)
BYTES = ("none", "lzw", "deflate", "zstd", "lzma", "packbits")
CODES = {  # tifffile's name, and TIFF's number
    "none": (None, 1),
    "lzw": ("lzw", 5),
    "deflate": ("zlib", 8),
    "zstd": ("zstd", 50000),
    "lzma": ("lzma", 34925),
    "packbits": ("packbits", 32773),
    "jpeg2000": ("jpeg2000", 34712),
    "webp": ("webp", 50001),
    "png": ("png", 34933),
    "jpegxl": ("jpegxl", 50002),
    "lerc": ("lerc", 34887),
    "jpeg": ("jpeg", 7),
}
HELD = {  # compression -> types that come back bit for bit; every other is refused by name
    **dict.fromkeys(BYTES, DTYPES),
    "jpeg2000": ("uint8", "int8", "uint16", "int16"),
    "webp": ("uint8",),
    "png": ("uint8", "uint16"),
    "jpegxl": ("uint8", "uint16", "float32"),
    "lerc": ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64"),
}
LOSSLESS = {
    "lerc": {"level": 0},
    "lzma": {"level": 0},
    "webp": {"lossless": True},
    "jpegxl": {"lossless": True},
    "jpeg2000": {"reversible": True},
}
PREDICTORS = {"lzw": (2, 3), "deflate": (2, 3), "zstd": (2, 3), "lzma": (2, 3)}
LAYOUTS = ("strips", "tiles", "bigtiff", "big-endian")
MATRIX = 1476, 339  # cells that are read and refused


def noise(dtype, shape, seed=0):
    """Every value a type can have; floats with NaN, infinity and minus zero."""
    rng, kind = np.random.default_rng(seed), np.dtype(dtype)
    if kind.kind != "f":
        limits = np.iinfo(kind)
        return rng.integers(limits.min, limits.max, shape, kind, endpoint=True)
    made = rng.normal(size=shape).astype(kind)
    made.flat[:4] = np.nan, np.inf, -np.inf, -0.0
    return made


def same(found, wanted):
    """Equal in type, shape and every bit; NaN by its meaning."""
    alike = (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    return alike and np.array_equal(found, wanted, equal_nan=wanted.dtype.kind == "f")


def saved(path, pixels, *, layout="strips", planar=False, compression="none", **options):
    """A TIFF of pixels (H, W) or (H, W, C), by tifffile."""
    options = {
        "photometric": "rgb" if pixels.ndim == 3 and pixels.shape[2] == 3 else "minisblack",
        "metadata": None,
    } | options
    if pixels.ndim == 3:
        options["planarconfig"] = "separate" if planar else "contig"
        pixels = np.moveaxis(pixels, 2, 0) if planar else pixels
    more = {"tiles": {"tile": (16, 16)}, "bigtiff": {"bigtiff": True}, "big-endian": {"byteorder": ">"}}.get(layout, {})
    more |= {"rowsperstrip": 8} if layout != "tiles" and compression in BYTES else {}
    arguments = LOSSLESS.get(compression)
    tifffile.imwrite(path, pixels, compression=CODES[compression][0], compressionargs=arguments, **options, **more)


def relabelled(path, pixels, compression, *, planar=False):
    """A file whose pixels are said to be compressed by what cannot hold them."""
    saved(path, pixels, planar=planar)
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages[0].tags[259].overwrite(CODES[compression][1])


def cells(compression):
    """Type, channels, planar, layout and predictor of every cell."""
    layouts = LAYOUTS if compression in BYTES else LAYOUTS[:3]  # tifffile's encoders of pictures want native numbers
    for dtype, channels, planar, layout in itertools.product(DTYPES, (1, 3), (False, True), layouts):
        if planar and channels == 1:
            continue
        for predictor in (1, *PREDICTORS.get(compression, ())):
            if predictor == 1 or (predictor == 3) == (dtype in FLOATS):
                yield dtype, channels, planar, layout, predictor


def is_held(compression, dtype, channels, planar):
    return dtype in HELD[compression] and (compression != "webp" or (channels == 3 and not planar))


@pytest.mark.parametrize("compression", HELD)
def test_lossless_cells_come_back_bit_for_bit(tmp_path, compression):
    path, wrong = tmp_path / "a.tif", []
    for dtype, channels, planar, layout, predictor in cells(compression):
        if not is_held(compression, dtype, channels, planar):
            continue
        pixels = noise(dtype, (H, W) if channels == 1 else (H, W, channels))
        if compression == "lerc" and channels > 1 and not planar:
            pixels = np.nan_to_num(pixels, nan=0.5)  # its encoder loses a pixel's NaN beside numbers
        saved(path, pixels, layout=layout, planar=planar, compression=compression, predictor=predictor)
        loaded = load(path)
        if not same(loaded.pixels, pixels) or loaded.channels != "bands":
            wrong.append((dtype, channels, planar, layout, predictor))
    assert wrong == []


@pytest.mark.parametrize("compression", [name for name in HELD if name not in BYTES])
def test_what_a_compression_cannot_hold_is_refused_by_name(tmp_path, compression):
    name = tifffile.COMPRESSION(CODES[compression][1]).name
    for dtype, channels, planar in itertools.product(DTYPES, (1, 3), (False, True)):
        if is_held(compression, dtype, channels, planar):
            continue
        pixels = noise(dtype, (H, W) if channels == 1 else (H, W, channels))
        relabelled(tmp_path / "a.tif", pixels, compression, planar=planar)
        with pytest.raises(ValueError, match=rf"a.tif holds . x {dtype} compressed by {name}, .*save it with deflate"):
            load(tmp_path / "a.tif")


def test_the_size_of_the_matrix():
    held = [is_held(name, *cell[:3]) for name in HELD for cell in cells(name)]
    assert (sum(held), len(held) - sum(held)) == MATRIX


def test_unknown_compressions_are_refused_by_name(tmp_path):
    for code, name in {
        9: "JBIG_BW",
        34661: "JBIG",
        34676: "SGILOG",
        34934: "JPEGXR",
        65000: "EER_V0",
        6: "OJPEG",
        12345: "12345",
    }.items():
        saved(tmp_path / "a.tif", noise("uint8", (H, W)))
        with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tif:
            tif.pages[0].tags[259].overwrite(code)
        with pytest.raises(ValueError, match=rf"a.tif is compressed by {name}, which .*: save it with deflate or LZW"):
            load(tmp_path / "a.tif")


UPRIGHT = {  # TIFF 6.0, tag Orientation: where the stored rows and columns stand
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: np.flipud(np.rot90(stored)),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.fliplr(np.rot90(stored)),
    8: np.rot90,
}


@pytest.mark.parametrize("compression", HELD)
@pytest.mark.parametrize("planar", [False, True])
def test_every_orientation_is_applied_once(tmp_path, compression, planar):
    for orientation, dtype, channels in itertools.product(UPRIGHT, ("uint8", "uint16", "float32"), (1, 3)):
        if (planar and channels == 1) or not is_held(compression, dtype, channels, planar):
            continue
        pixels = np.nan_to_num(noise(dtype, (H, W) if channels == 1 else (H, W, channels)))
        tag = (274, 3, 1, orientation, True)
        saved(tmp_path / "a.tif", pixels, planar=planar, compression=compression, extratags=[tag])
        loaded = load(tmp_path / "a.tif")
        assert same(loaded.pixels, UPRIGHT[orientation](pixels)), (orientation, dtype, channels)
        write(tmp_path / "b.tif", loaded.pixels, like=loaded)
        assert same(load(tmp_path / "b.tif").pixels, loaded.pixels)
        with tifffile.TiffFile(tmp_path / "b.tif") as tif:
            assert 274 not in tif.pages[0].tags


# What samples mean


def packed(values, bits):
    """Rows of integers below 2**bits as TIFF packs them: the highest bit first, each row to whole bytes."""
    rows = values.reshape(len(values), -1)
    shown = (rows[..., None] >> np.arange(bits - 1, -1, -1, dtype=rows.dtype)) & 1
    return np.packbits(shown.reshape(len(rows), -1).astype(np.uint8), axis=1).tobytes()


def by_hand(path, data, size, bits, samples=1, *, photometric=1, compression=1, big=False, tags=()):
    """A TIFF of one strip, built byte by byte. ``tags``: code, type, values (numbers, or bytes of pairs)."""
    order = ">" if big else "<"
    entries = {
        256: ("I", [size[1]]),
        257: ("I", [size[0]]),
        258: ("H", [bits] * samples),
        259: ("H", [compression]),
        262: ("H", [photometric]),
        273: ("I", [0]),
        277: ("H", [samples]),
        278: ("I", [size[0]]),
        279: ("I", [len(data)]),
        284: ("H", [1]),
        **{code: (kind, list(values)) for code, kind, values in tags},
    }
    kinds = {"H": (3, 1, "u2"), "I": (4, 1, "u4"), "II": (5, 2, "u4")}  # TIFF's number, numbers a value, NumPy's name

    def numbers(values, kind="u4"):
        return np.array(values, order + kind).tobytes()

    at, blocks, lines = 8 + 2 + 12 * len(entries) + 4, b"", {}
    for code, (kind, values) in sorted(entries.items()):
        number, per, name = kinds[kind]
        place = numbers(values, name).ljust(4, b"\0")
        if len(place) > 4:
            blocks, place = blocks + place + b"\0" * (len(place) % 2), numbers(at + len(blocks))
        lines[code] = numbers([code, number], "u2") + numbers(len(values) // per) + place
    lines[273] = lines[273][:8] + numbers(at + len(blocks))
    head = (b"MM\0*" if big else b"II*\0") + numbers(8) + numbers(len(lines), "u2")
    path.write_bytes(head + b"".join(lines.values()) + bytes(4) + blocks + data)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("compression", ["none", "deflate", "lzw"])
def test_depths_between_the_bytes(tmp_path, compression, big):
    """Below 8 bits black to white is 0 to 255; from 9 to 15 and from 17 to 31 the numbers stay."""
    pack = {"none": bytes, "deflate": zlib.compress, "lzw": imagecodecs.lzw_encode}[compression]
    for bits, samples, white in itertools.product((*range(1, 8), *range(9, 16), 17, 20, 24, 31), (1, 3), (False, True)):
        if white and samples > 1:
            continue
        values = np.random.default_rng(bits).integers(0, 2**bits, (H, W, samples)).astype(np.uint32)
        options = {"photometric": 2 if samples == 3 else 1 - white, "compression": CODES[compression][1], "big": big}
        by_hand(tmp_path / "a.tif", pack(packed(values, bits)), (H, W), bits, samples, **options)
        meant = (2**bits - 1 - values) if white else values
        if bits < 8:
            meant = np.floor(meant * 255 / (2**bits - 1) + 0.5).astype(np.uint8)
        meant = meant.astype("uint8" if bits < 8 else "uint16" if bits < 16 else "uint32")
        assert same(load(tmp_path / "a.tif").pixels, meant[..., 0] if samples == 1 else meant), (bits, samples, white)


@pytest.mark.parametrize(
    ("bits", "predictor", "name"), [(12, 2, "HORIZONTAL"), (4, 2, "HORIZONTAL"), (8, 3, "FLOATINGPOINT")]
)
def test_predictors_without_meaning_are_refused(tmp_path, bits, predictor, name):
    data = zlib.compress(packed(np.zeros((H, W), np.uint32), bits))
    by_hand(tmp_path / "a.tif", data, (H, W), bits, compression=8, tags=[(317, "H", [predictor])])
    with pytest.raises(ValueError, match=f"is compressed with predictor {name}, which is not read here"):
        load(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", [*UNSIGNED, *SIGNED])
def test_white_as_zero_is_turned_and_turned_back(tmp_path, dtype):
    pixels, limits = noise(dtype, (H, W)), np.iinfo(dtype)
    saved(tmp_path / "a.tif", pixels, photometric="miniswhite", compression="lzw")
    loaded = load(tmp_path / "a.tif")
    meant = np.array([limits.max - (int(value) - limits.min) for value in pixels.flat], dtype).reshape(pixels.shape)
    assert same(loaded.pixels, meant)
    write(tmp_path / "b.tif", loaded.pixels, like=loaded)
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        assert (tif.pages[0].photometric, same(tif.pages[0].asarray(), pixels)) == (0, True)


def test_floats_with_white_as_zero_are_refused(tmp_path):
    saved(tmp_path / "a.tif", noise("float32", (H, W)), photometric="miniswhite")
    with pytest.raises(ValueError, match="holds 1 x float32, MINISWHITE: convert it to grey"):
        load(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", ["none", "lzw", "deflate", "packbits", "zstd"])
def test_palettes_of_every_depth(tmp_path, compression):
    codes = {"none": bytes, "lzw": imagecodecs.lzw_encode, "deflate": zlib.compress}
    codes |= {"packbits": imagecodecs.packbits_encode, "zstd": imagecodecs.zstd_encode}
    for bits, deep in itertools.product((1, 2, 4, 8), (True, False)):
        rng = np.random.default_rng(bits)
        colours = rng.integers(0, 256, (3, 2**bits))
        colours[0, 0] = 255
        indices = rng.integers(0, 2**bits, (H, W)).astype(np.uint32)
        table = colours * 257 if deep else colours  # some writers use 8 of the 16 bits
        data = codes[compression](packed(indices, bits))
        options = {"photometric": 3, "compression": CODES[compression][1], "tags": [(320, "H", table.ravel())]}
        by_hand(tmp_path / "a.tif", data, (H, W), bits, **options)
        assert same(load(tmp_path / "a.tif").pixels, colours.T[indices].astype(np.uint8)), (bits, deep)


@pytest.mark.parametrize("way", ["group3", "group4", "tiff_ccitt"])
def test_two_tones_as_fax_machines_send_them(tmp_path, way):
    tones = np.random.default_rng(5).random((H, W)) < 0.3
    tones[5] = tones[6] = True
    Image.fromarray(tones).save(tmp_path / "a.tif", compression=way)
    assert same(load(tmp_path / "a.tif").pixels, np.where(tones, 255, 0).astype(np.uint8))
    (strip,) = strips(tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        page = tif.pages[0]
        code, white, fax = int(page.compression), int(page.photometric), page.tags.valueof(292) or 0
    mirrored = imagecodecs.bitorder_decode(strip)
    options = {"photometric": white, "compression": code, "tags": [(266, "H", [2]), (292, "I", [fax])]}
    by_hand(tmp_path / "b.tif", bytes(mirrored), (H, W), 1, **options)  # FillOrder 2
    assert same(load(tmp_path / "b.tif").pixels, np.where(tones, 255, 0).astype(np.uint8))


@pytest.mark.parametrize("sampling", [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (4, 2), (4, 4)])
@pytest.mark.parametrize("compression", ["none", "deflate"])
def test_ycbcr_in_blocks(tmp_path, sampling, compression):
    """Luma and subsampled chroma as TIFF 6.0 lays them out, turned into RGB by BT.601."""
    h, v = sampling
    across, down = -(-W // h), -(-H // v)
    rng = np.random.default_rng(h * 8 + v)
    luma = rng.integers(0, 256, (down, across, v, h)).astype(np.uint8)
    chroma = rng.integers(0, 256, (down, across, 2)).astype(np.uint8)
    data = np.concatenate([luma.reshape(down, across, -1), chroma], axis=2).tobytes()
    data = zlib.compress(data) if compression == "deflate" else data
    tags = [(530, "H", [h, v])]
    by_hand(tmp_path / "a.tif", data, (H, W), 8, 3, photometric=6, compression=CODES[compression][1], tags=tags)
    found = load(tmp_path / "a.tif").pixels
    assert found.shape == (H, W, 3)
    for y, x in itertools.product(range(0, H, 3), range(0, W, 5)):
        light = float(luma[y // v, x // h, y % v, x % h])
        cb, cr = chroma[y // v, x // h].astype(float) - 128
        rgb = light + 1.402 * cr, light - 0.344136 * cb - 0.714136 * cr, light + 1.772 * cb
        assert np.abs(np.clip(rgb, 0, 255) - found[y, x]).max() < 1.01, (y, x)


def test_lab_becomes_srgb(tmp_path):
    """Against LittleCMS, on colours that sRGB holds."""
    from PIL import ImageCms

    rng = np.random.default_rng(0)
    lab = np.dstack([rng.integers(80, 180, (32, 32)), *rng.integers(-25, 25, (2, 32, 32)) % 256]).astype(np.uint8)
    picture = Image.fromarray(lab, "LAB")
    srgb, white = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB", 5000)
    exact = {"outputMode": "RGB", "flags": ImageCms.Flags.NOOPTIMIZE}  # not through a table of 33 steps
    wanted = np.asarray(ImageCms.profileToProfile(picture, white, srgb, **exact)).astype(int)
    for compression in ("none", "lzw", "deflate"):
        saved(tmp_path / "a.tif", lab, photometric="cielab", compression=compression)
        assert np.abs(load(tmp_path / "a.tif").pixels - wanted).max() <= 1
    deep = np.dstack([lab[..., 0].astype(np.uint16) * 257, *(lab[..., at].astype(np.uint16) << 8 for at in (1, 2))])
    saved(tmp_path / "a.tif", deep, photometric="cielab", compression="lzw")
    found = load(tmp_path / "a.tif").pixels
    assert found.dtype == np.uint16
    assert np.abs(found / 257 - wanted).max() <= 1.5


# What is lossy: the library's own decode


def strips(path):
    with tifffile.TiffFile(path) as tif:
        page = tif.pages[0]
        for at, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            tif.filehandle.seek(at)
            yield tif.filehandle.read(count)


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0", "grey"])
@pytest.mark.parametrize("quality", [30, 90])
def test_jpeg_in_tiff_as_libtiff_decodes_it(tmp_path, sampling, quality, photo):
    pixels = photo(48, 3)
    path = tmp_path / "a.tif"
    if sampling == "grey":
        saved(path, pixels[..., 0], compression="jpeg", rowsperstrip=16)
    else:
        size = {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2)}[sampling]
        options = {
            "photometric": "rgb",
            "compression": "jpeg",
            "compressionargs": {"level": quality},
            "subsampling": size,
        }
        tifffile.imwrite(path, pixels, tile=(16, 16), metadata=None, **options)
    with Image.open(path) as image:
        wanted = np.asarray(image.convert("RGB" if image.mode == "RGB" else "L"))
    found = load(path).pixels
    assert same(found, wanted)
    assert np.abs(found.astype(int) - (pixels[..., 0] if sampling == "grey" else pixels)).mean() < 12


@pytest.mark.parametrize(
    ("compression", "arguments", "decode"),
    [
        ("jpeg2000", {"level": 30}, imagecodecs.jpeg2k_decode),
        ("webp", {"level": 50, "lossless": False}, imagecodecs.webp_decode),
        ("jpegxl", {"level": 60}, imagecodecs.jpegxl_decode),
        ("lerc", {"level": 3}, imagecodecs.lerc_decode),
    ],
)
def test_lossy_strips_are_as_the_library_decodes_them(tmp_path, compression, arguments, decode, photo):
    pixels = photo(64, 3)
    options = {"compression": CODES[compression][0], "compressionargs": arguments, "rowsperstrip": 64, "metadata": None}
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", **options)
    wanted = np.concatenate([decode(strip) for strip in strips(tmp_path / "a.tif")])
    assert (wanted != pixels).any()
    assert same(load(tmp_path / "a.tif").pixels, wanted)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_lossless_jpeg_of_every_depth(tmp_path, bits):
    """As scanners and medical devices write it."""
    for shape in ((H, W), (H, W, 3)):
        pixels = np.random.default_rng(bits).integers(0, 2**bits, shape).astype("uint8" if bits == 8 else "uint16")
        colours = {"colorspace": "RGB", "outcolorspace": "RGB"} if len(shape) == 3 else {}
        data = imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=bits, **colours)
        options = {"photometric": 2 if len(shape) == 3 else 1, "compression": 7}
        by_hand(tmp_path / "a.tif", data, (H, W), bits, 3 if len(shape) == 3 else 1, **options)
        assert same(load(tmp_path / "a.tif").pixels, pixels)


def test_jpeg_of_old_is_read_where_its_strip_is_whole(tmp_path, photo):
    file = io.BytesIO()
    Image.fromarray(photo(48, 3)).save(file, "JPEG", quality=80)
    options = {"photometric": 6, "compression": 6, "tags": [(530, "H", [2, 2])]}
    by_hand(tmp_path / "a.tif", file.getvalue(), (48, 48), 8, 3, **options)
    with Image.open(file) as image:
        assert same(load(tmp_path / "a.tif").pixels, np.asarray(image))
