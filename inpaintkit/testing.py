"""The contract of a method: what every method of inpaintkit promises, asked of any ``Method``, a plug-in's as well.

    from inpaintkit.testing import check_method
    check_method(my_row)  # AssertionError says which promise is broken, what came and what was needed

``CHECKS`` holds the promises one by one, for a parametrized test. ``figures`` measures how good the fills are;
``python -m inpaintkit.testing [METHOD ...]`` prints them.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit import damage, registry
from inpaintkit.api import inpaint
from inpaintkit.distance import nearest_known
from inpaintkit.errors import ContextError, InpaintWarning
from inpaintkit.method import Method
from inpaintkit.problem import Mask, Problem

Pixels = NDArray[Any]

MAX_PSNR = 99.0  # dB: stands for a fill without error

# Each type, each number of channels, and each type that rounds with alpha and without.
_KINDS = (
    *(("uint8", 3), ("uint8", 4), ("uint16", 1), ("uint16", 4), ("int16", 3), ("int64", 1)),
    *(("float16", 2), ("float32", 4), ("float64", 3)),
)
_DTYPES = ("uint8", "uint16", "float16", "float32", "float64")


def check_method(method: str | Method) -> None:
    """Ask a method for everything that a method promises.

    Parameters
    ----------
    method : a name of ``methods()``, or a ``Method`` that need not be registered. Pictures are ``method.trial`` pixels
        wide and filled with the options of ``method.quick``.

    Raises
    ------
    AssertionError : the first promise that is broken, with what came and what was needed.
    MissingExtraError : the method's packages are not installed.
    """
    row = registry.find(method)
    for check in CHECKS:
        check(row)


def figures(method: str | Method) -> dict[str, float]:
    """PSNR in dB over the hole: of a ``scratch`` across a photograph and a ``box`` cut out of a texture.

    What a method gives is kept beside its tests, so that a loss of quality is noticed.
    """
    row = registry.find(method)
    return {kind: round(_psnr(_filled(row, kind), *_case(row, kind)), 2) for kind in ("scratch", "box")}


# The promises


def check_options(row: Method) -> None:
    """Options are named and typed: unknown names and values of the wrong kind are refused, defaults can be passed."""
    image, hole = photograph(row.trial), scratch(row.trial)
    try:
        parameters = row.parameters()
    except ValueError as error:
        raise AssertionError(f"{row.name}: options have names of their own: {error}") from error
    _refused(row, TypeError, "no option", "an unknown option", image, hole, colour=1)
    expected = _fill(image, hole, row)
    for name, parameter in parameters.items():
        for wrong in (object(), float("nan")):
            what = f"{wrong!r} as its option {name}"
            _refused(row, ValueError, f"option {name} is", what, image, hole, **{name: wrong})
        given = _fill(image, hole, row, **{name: row.quick.get(name, parameter.default)})
        _require(np.array_equal(given, expected), row, f"its option {name} can be passed with its default")


def check_kinds(row: Method) -> None:
    """Every pixel type and number of channels comes back in kind, known pixels bit for bit, the hole filled."""
    for dtype, channels in _KINDS:
        image, hole = as_dtype(photograph(row.trial, channels), dtype), scratch(row.trial)
        damaged = np.where(hole[..., None], image.dtype.type(_whole(image.dtype)), image)
        result = _fill(damaged, hole, row)
        what = f"{dtype} with {channels} channels"
        _require(
            (result.dtype, result.shape) == (image.dtype, image.shape),
            row,
            f"{what} comes back as it came",
            f"{result.dtype} {result.shape}",
            f"{image.dtype} {image.shape}",
        )
        _require(np.array_equal(result[~hole], damaged[~hole]), row, f"{what}: known pixels stay bit for bit")
        _require(bool(np.isfinite(result).all()), row, f"{what}: every colour is finite")
        away = np.abs(result[hole].astype(float) - image[hole]).mean()
        before = np.abs(damaged[hole].astype(float) - image[hole]).mean()
        _require(
            away < before / 3, row, f"{what}: the hole is filled", f"mean error {away:g}", f"less than {before / 3:g}"
        )


def check_bands(row: Method) -> None:
    """Channels that are bands are filled in any number, none of them as opacity; a method that cannot is refused."""
    colour, hole = photograph(row.trial), scratch(row.trial)
    plain = _fill(colour, hole, row)
    dark = np.zeros_like(colour[..., :1])  # as opacity it would leave nothing known
    for bands in ([colour, dark], [colour, dark, colour[..., :1]]):
        image = np.concatenate(bands, axis=2)
        number = image.shape[2]
        if row.colours and number not in row.colours:
            what, words = f"a picture of {number} bands", f"{row.name} fills pictures of"
            _refused(row, ValueError, words, what, image, hole, channels="bands")
            continue
        result = _fill(image, hole, row, channels="bands")
        _require(result.shape == image.shape, row, f"{number} bands come back", f"{result.shape}", f"{image.shape}")
        _require(np.array_equal(result[~hole], image[~hole]), row, f"of {number} bands known pixels stay bit for bit")
        off, bound = float(result[hole][:, 3].max()), 255 * row.constant_tol
        _require(off <= bound, row, "a dark band stays so", f"{off:g} levels off", f"at most {bound:g}")
        got, needed = (_psnr(fill[..., :3], colour, hole) - 3 * (fill is plain) for fill in (result, plain))
        what = f"among {number} bands colours are filled as by themselves"
        _require(got > needed, row, what, f"{got:.2f} dB", f"over {needed:.2f} dB")


def check_quality(row: Method) -> None:
    """The fill is no worse than the colour of the nearest known pixel.

    A method that copies (its row has ``surround``) is asked on a texture that repeats, every other one on a scratch
    across a photograph.
    """
    kind = "box" if row.surround else "scratch"
    image, hole = _case(row, kind)
    nearest = image.astype(np.float32)
    nearest[hole] = nearest_known(nearest, ~hole, hole)
    got, needed = (_psnr(fill, image, hole) for fill in (_filled(row, kind), nearest))
    what = f"a {kind} is filled no worse than by the nearest known colour"
    _require(got >= needed, row, what, f"{got:.2f} dB", f"{needed:.2f} dB")


def check_flat_and_pil(row: Method) -> None:
    """(H, W) and PIL pictures come back as they came, with the same colours."""
    image, hole = photograph(row.trial, 1), scratch(row.trial)
    flat = _fill(image[..., 0], hole, row)
    _require(np.array_equal(flat, _fill(image, hole, row)[..., 0]), row, "(H, W) is filled as (H, W, 1)")
    for mode in ("L", "RGBA"):
        pil = PILImage.fromarray(photograph(row.trial)).convert(mode)
        filled = _fill(pil, PILImage.fromarray(hole), row)
        _require((filled.mode, filled.size) == (mode, pil.size), row, f"PIL's {mode} comes back as it came")
        same = np.array_equal(np.asarray(filled), _fill(np.asarray(pil), hole, row))
        _require(same, row, f"PIL's {mode} is filled as an array is")


def check_inputs_are_left_alone(row: Method) -> None:
    """Picture and mask are never written to, and their memory's layout does not matter."""
    image, hole = photograph(row.trial), scratch(row.trial)
    expected = _fill(image, hole, row)
    mask = np.repeat(hole, 2, axis=0)[::2]
    mask.flags.writeable = False
    for view in (np.asfortranarray(np.repeat(image, 2, axis=1))[:, ::2], image[::-1][::-1]):
        before = view.copy()
        _require(np.array_equal(_fill(view, mask, row), expected), row, "the layout of memory does not matter")
        _require(np.array_equal(view, before), row, "the caller's picture is never written to")
    _require(np.array_equal(mask, hole), row, "the caller's mask is never written to")


def check_repeatable(row: Method) -> None:
    """The same seed gives the same picture, on one thread and on two."""
    piece, hole = photograph(row.trial), scratch(row.trial)
    image = np.concatenate([piece, np.full((600, *piece.shape[1:]), 128, np.uint8), piece])
    hole = np.concatenate([hole, np.zeros((600, row.trial), np.bool_), hole])
    first = _fill(image, hole, row, seed=3, threads=1)
    _require(np.array_equal(first, _fill(image, hole, row, seed=3, threads=1)), row, "the same seed, the same picture")
    if not row.own_threads:
        second = _fill(image, hole, row, seed=3, threads=2)
        _require(np.array_equal(first, second), row, "the same picture on one thread and on two")


def check_empty_mask(row: Method) -> None:
    """An empty mask gives a copy."""
    image = photograph(row.trial)
    result = _fill(image, np.zeros(image.shape[:2], np.bool_), row)
    _require(np.array_equal(result, image) and not np.shares_memory(result, image), row, "an empty mask gives a copy")


def check_borders(row: Method) -> None:
    """Holes at every border and corner are filled."""
    places = (slice(0, 3), slice(9, 12), slice(-3, None))
    for rows in places:
        for columns in places:
            image = photograph(row.trial).copy()
            hole = np.zeros(image.shape[:2], np.bool_)
            hole[rows, columns] = True
            truth = image[hole].astype(float)
            image[hole] = (255, 0, 255)
            result = _fill(image, hole, row)
            _require(np.array_equal(result[~hole], image[~hole]), row, "known pixels stay beside a hole at the border")
            got = float(np.abs(result[hole] - truth).mean())
            bound = float(np.abs(image[hole] - truth).mean()) / 2
            where = f"a hole at row {rows.start}, column {columns.start} is filled"
            _require(got < bound, row, where, f"mean error {got:.1f}", f"less than {bound:.1f}")


def check_tiny_pictures(row: Method) -> None:
    """Pictures of a few pixels are filled, with ``fallback`` at need; one without a known pixel is refused."""
    for shape in ((1, 1), (1, 7), (7, 1), (2, 2), (3, 2)):
        image, nothing = np.full((*shape, 3), 90, np.uint8), np.zeros(shape, np.bool_)
        _require(np.array_equal(_fill(image, nothing, row), image), row, f"{shape}: an empty mask gives a copy")
        _refused(row, ValueError, "hides all", f"{shape}: a mask of everything", image, ~nothing)
        if nothing.size > 1:
            hole = nothing.copy()
            hole.flat[0] = True
            result = _fill(np.where(hole[..., None], np.uint8(0), image), hole, row, fallback=True)
            off = float(np.abs(result.astype(float) - 90).max())
            bound = 255 * row.constant_tol
            _require(
                off <= bound, row, f"{shape}: one lost pixel is filled", f"{off:g} levels off", f"at most {bound:g}"
            )


def check_context(row: Method) -> None:
    """Too little known around a hole is a ``ContextError`` that names the way out; ``fallback`` fills it smoothly."""
    image, hole = np.zeros((400, 400, 4), np.uint8), np.zeros((400, 400), np.bool_)
    hole[1:3, 1:3] = True
    known = max(1, min(row.min_known - 1, 4))
    image[-1, -known:] = (10, 200, 30, 255)  # all that is not transparent lies in the far corner
    _refused(row, ContextError, "fallback", "a hole without context", image, hole)
    result, info = _fill(image, hole, row, fallback=True, return_info=True)
    off = float(np.abs(result[hole].astype(int) - (10, 200, 30, 255)).max())
    _require(off <= 1, row, "fallback fills with what is known far away", f"{off:g} levels off", "at most 1")
    _require(len(info.fallbacks) == 1 and bool(info.fallbacks[0].fallback), row, "Info says what fell back, and why")


def check_constants(row: Method) -> None:
    """A constant picture stays as constant as the row's ``constant_tol`` promises."""
    hole = scratch(row.trial)
    for index, dtype in enumerate(_DTYPES):
        kind = np.dtype(dtype)
        for value in (0.0, 1.0, 0.37)[:: 1 if index == 0 else 2]:
            constant = kind.type(value * _full(kind))
            image = np.full((row.trial, row.trial, 3), constant)
            result = _fill(np.where(hole[..., None], kind.type(0), image), hole, row)
            rounding = float(np.finfo(np.float32).eps) if dtype == "float64" else 0.0  # methods work in float32
            off = float(np.abs(result.astype(float) - float(constant)).max()) / _full(kind)
            bound = row.constant_tol + rounding
            what = f"a picture of {constant!r} stays so"
            _require(off <= bound, row, what, f"off by {off:g} of the range", f"at most {bound:g} (constant_tol)")


def check_units(row: Method) -> None:
    """A picture in other units is filled the same, in any type; what lies in the hole may be NaN."""
    alpha = np.linspace(0.3, 1, row.trial)[:, None, None].repeat(row.trial, axis=1)
    for dtype, scale, offset in (("float32", 0.02 / 255, 0.01), ("int16", 100, -12000), ("float64", 1e6, -1e9)):
        image, hole = photograph(row.trial).astype(np.float64), scratch(row.trial)
        other = image * scale + offset
        what, rounding = f"{dtype} from {other.min():g} to {other.max():g}", 0.0
        if dtype == "float32":  # with opacity, which has no unit
            image, other = (np.concatenate([colours, alpha], axis=2) for colours in (image, other))
            what += " with alpha"
        other = other.astype(dtype)
        if other.dtype.kind == "f":
            other[hole] = np.nan
        else:
            rounding = 0.5 / scale / np.ptp(image)
        expected, result = _fill(image, hole, row)[..., :3], _fill(other, hole, row)[..., :3].astype(np.float64)
        away = np.abs((result - offset) / scale - expected)[hole].max(axis=1) / np.ptp(image[..., :3])
        share = float((away > 1e-3 + rounding).mean())
        came = f"{away.max():.4f} of the range off, {share:.2%} of the hole by more than a thousandth"
        _require(share <= 1e-3, row, f"{what} is filled as in other units", came, "at most 0.10%")


def check_transparency(row: Method) -> None:
    """Fully transparent pixels give no colour; with alpha as the mask the result is opaque."""
    image, hole = photograph(row.trial, 4).copy(), scratch(row.trial)
    image[: row.trial // 3] = (255, 0, 255, 0)  # what an eraser leaves behind
    hole[: row.trial // 3] = False  # a hole amid it may lie out of a method's reach;
    hole[2:, row.trial // 2] = True  # this one leads out of it
    opaque = image[..., 3] > 0
    expected = _fill(np.where(opaque[..., None], image, np.uint8(0)), hole, row)
    _require(
        np.array_equal(_fill(image, hole, row)[opaque], expected[opaque]), row, "transparent pixels give no colour"
    )

    image, hole = photograph(row.trial, 4).copy(), scratch(row.trial)
    image[hole] = (255, 0, 255, 100)
    result = _fill(image, "alpha", row)
    _require(bool((result[..., 3] == 255).all()), row, "alpha as the mask leaves an opaque picture")
    off = float(np.abs(result[..., :3].astype(int) - _fill(image[..., :3], hole, row)).max())
    bound = 255 * row.constant_tol
    _require(
        off <= bound, row, "alpha as the mask fills as that mask does", f"{off:g} levels off", f"at most {bound:g}"
    )


def check_problem(row: Method) -> None:
    """The function gives float32 of the crop's shape for a ``Problem``, and leaves it as it is."""
    if row.scope == "call":
        return
    image = photograph(row.trial).astype(np.float32) / np.float32(255)
    problem = Problem.create(image, scratch(row.trial))
    before = [array.copy() for array in (problem.image, problem.hole, problem.known)]
    filled = row.load()(problem, **row.quick)
    came = f"{filled.dtype} {filled.shape}"
    _require(came == f"float32 {image.shape}", row, "a crop comes back", came, f"float32 {image.shape}")
    for array, copy in zip((problem.image, problem.hole, problem.known), before, strict=True):
        _require(np.array_equal(array, copy), row, "the problem is left as it is")


def check_weights(row: Method) -> None:
    """A weight of 1 on every known pixel changes nothing; known pixels of weight near 0 are as good as hole.

    Where the row lacks ``weights`` the method never sees any, and this is asked of the problem that it gets instead.
    """
    if row.scope == "call":
        return
    image, hole = photograph(row.trial).astype(np.float32) / np.float32(255), scratch(row.trial)
    beside = cv2.dilate(hole.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_) & ~hole
    worthless = beside & (np.random.default_rng(0).random(hole.shape) < 0.2)
    wrong = np.where(worthless[..., None], 1 - image.round(), image)
    weight = np.where(worthless, np.float32(1e-6), np.float32(1))

    def fill(problem: Problem) -> Pixels:
        filled: Pixels = row.load()(problem if row.weights else problem.without_weight(), **row.quick)[hole]
        return filled

    plain = fill(Problem.create(image, hole))
    same = np.array_equal(plain, fill(Problem.create(image, hole, weight=np.ones(hole.shape, np.float32))))
    _require(same, row, "weights of 1 change nothing")
    as_hole = fill(Problem.create(wrong, hole | worthless))
    believed, weighed = (fill(Problem.create(wrong, hole, weight=some)) for some in (None, weight))
    off, bound = (float(np.sqrt(np.square(one - as_hole).mean())) for one in (weighed, believed))
    what = "wrong pixels of weight near 0 are as good as hole"
    _require(off < bound / 4, row, what, f"{off:.4f} of the range off", f"less than a quarter of {bound:.4f}")


CHECKS: tuple[Callable[[Method], None], ...] = (
    check_options,
    check_kinds,
    check_bands,
    check_quality,
    check_flat_and_pil,
    check_inputs_are_left_alone,
    check_repeatable,
    check_empty_mask,
    check_borders,
    check_tiny_pictures,
    check_context,
    check_constants,
    check_units,
    check_transparency,
    check_problem,
    check_weights,
)


# Test pictures, and how a promise is asked for


def photograph(side: int, channels: int = 3) -> Pixels:
    """A piece of a photograph, uint8 (side, side, channels), alpha full, read-only."""
    colour = cv2.resize(skimage.data.astronaut()[:256, 96:352], (side, side), interpolation=cv2.INTER_AREA)
    opaque = np.full((side, side, 1), 255, np.uint8)
    grey = colour[..., 1:2]
    pixels = np.concatenate({1: [grey], 2: [grey, opaque], 3: [colour], 4: [colour, opaque]}[channels], axis=2)
    pixels.flags.writeable = False
    return pixels


def scratch(side: int) -> Mask:
    """A thin hole in a square of the given side."""
    return damage.scratches((side, side), number=3, max_width=2, seed=5)


def _case(row: Method, kind: str) -> tuple[Pixels, Mask]:
    """A picture and its hole: a scratch across a photograph, or a box in a texture of 8 pixels that repeats."""
    if kind == "scratch":
        return photograph(row.trial), scratch(row.trial)
    side = max(row.trial // 8, 6) * 8
    noise = cv2.GaussianBlur(np.random.default_rng(0).random((8, 8, 3)), (0, 0), 0.8)
    tile = 20 + 200 * (noise - noise.min()) / np.ptp(noise)
    hole = np.zeros((side, side), np.bool_)
    hole[side // 2 - 6 : side // 2 + 5, side // 2 - 7 : side // 2 + 6] = True
    return np.tile(tile.astype(np.uint8), (side // 8, side // 8, 1)), hole


def _filled(row: Method, kind: str) -> Pixels:
    image, hole = _case(row, kind)
    filled: Pixels = _fill(np.where(hole[..., None], np.uint8(255), image), hole, row)
    return filled


def _fill(image: Any, mask: Any, row: Method, **more: Any) -> Any:
    """``inpaint`` with the row's options for test cases."""
    with _quiet():
        return inpaint(image, mask, row, **{**row.quick, **more})


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InpaintWarning)  # of masks that hide more than half
        yield


def _psnr(fill: Pixels, truth: Pixels, hole: Mask) -> float:
    error = np.square(fill[hole].astype(float) - truth[hole]).mean()
    return min(MAX_PSNR, float(10 * np.log10(255**2 / error))) if error else MAX_PSNR


def as_dtype(pixels: Pixels, dtype: str) -> Pixels:
    """The same picture in the full range of another type."""
    if np.dtype(dtype).kind == "f":
        return (pixels / np.float64(255)).astype(dtype)
    return (pixels.astype(object) * np.iinfo(dtype).max // 255).astype(dtype)  # Python's whole numbers have no end


def _full(dtype: np.dtype[Any]) -> float:
    return float(_whole(dtype))


def _whole(dtype: np.dtype[Any]) -> int:
    """White in a type, exactly."""
    return 1 if dtype.kind == "f" else int(np.iinfo(dtype).max)


def _require(kept: bool, row: Method, promise: str, came: str = "", needed: str = "") -> None:
    if not kept:
        raise AssertionError(f"{row.name}: {promise}" + (f": got {came}, expected {needed}" if came else ""))


def _refused(
    row: Method, kind: type[Exception], words: str, what: str, image: Pixels, hole: Mask, **options: Any
) -> None:
    """Require that a fill raises, with ``words`` in its message."""
    try:
        _fill(image, hole, row, **options)
    except kind as error:
        _require(words in str(error), row, f"{what} is refused by name", repr(str(error)), f"{words!r} in the message")
    else:
        _require(False, row, f"{what} is refused", "a picture", f"a {kind.__name__}")


if __name__ == "__main__":
    for name in sys.argv[1:] or ["auto", *registry.methods()]:
        print(f'    "{name}": {figures(name)},')
