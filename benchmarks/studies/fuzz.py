"""What does ``inpaint`` do with pictures, masks and options of any kind? Calls at random, every promise checked.

    python -m inpaintkit.benchmarks.studies.fuzz --calls 10000

Each call has its own seed, which names it for good: ``--first 1234 --calls 1`` repeats one. Pictures are of all integer
and float types, 1 to 40 pixels a side or one line, in many units, 1 to 6 channels with alpha or as bands, in any layout
in memory, with NaN of odd bits where they may stand; masks are boxes, dots, borders, all or nothing, in many types, or
named. Of every call is asked:

- what is not hole comes back bit for bit, in the same type and shape; the inputs stay as they were;
- what was filled is finite, and a second call gives the same, with the picture laid out in memory row by row;
- a call that cannot work raises a ValueError or a TypeError with a message of inpaintkit's own; a valid call raises
  nothing, except a ``ContextError`` without ``fallback``;
- a warning is an ``InpaintWarning``.
"""

from __future__ import annotations

import re
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit import ContextError, InpaintWarning, inpaint, methods
from inpaintkit.benchmarks.studies._cases import arguments
from inpaintkit.problem import Mask

DTYPES = "uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64".split()
UNITS = ((1, 0), (1 / 255, 0), (1e-4, 0.01), (16, 0), (4, 300), (100, -5000), (1e-6, 0), (1e4, -1e6))  # of grey levels
SLOW = {"ple": 0.3, "navier_stokes": 0.3, "transport": 0.5, "auto": 0.5, "dip": 0.02}  # how often beside the others
FOREIGN = (
    "ambiguous|unhashable|unpack|object is not|has no len|not supported between|inhomogeneous|broadcast|'NoneType'"
)
NODATA = -99.0
_PHOTO = skimage.data.chelsea()


@dataclass
class Case:
    """A call: what is passed, which pixels are to be filled, and whether it has to succeed."""

    image: Any
    mask: Any
    method: str
    hole: Mask
    sound: bool
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        pixels = np.asarray(self.image)
        mask = self.mask if isinstance(self.mask, str) else f"{np.asarray(self.mask).dtype} {np.shape(self.mask)}"
        return f"{self.method}, {pixels.dtype} {pixels.shape}, mask {mask}, {self.options}"


def case(seed: int) -> Case:
    """The call of a seed."""
    rng = np.random.default_rng(seed)
    names = ["auto", *(row.name for row in methods().values() if row.name != "mnps")]  # mnps needs weights
    share = np.array([SLOW.get(name, 1.0) for name in names])
    name = str(rng.choice(names, p=share / share.sum()))
    shape = _shape(rng, limit=24 if name in SLOW else 40)
    options: dict[str, Any] = {"seed": int(rng.integers(2**31)), "fallback": bool(rng.random() < 0.7)}
    if rng.random() < 0.4:
        options["channels"] = ("alpha", "bands")[int(rng.integers(2))]
    row = methods().get(name)
    options |= dict(row.quick) if row else {"quality": "fast"} if rng.random() < 0.7 else {}
    pixels, alpha = _picture(rng, shape, options.get("channels"))
    hole = _hole(rng, shape)
    mask = _named(rng, pixels, alpha, hole, options) if rng.random() < 0.2 else _mask(rng, hole, options)
    if isinstance(mask, str) and mask == "alpha":
        hole = pixels[..., -1] < _opaque(pixels)
    if rng.random() < 0.2:
        options["dilate"] = int(rng.integers(0, 4))
    if rng.random() < 0.2:
        options["feather"] = float(rng.choice([0, 0.5, 3]))
    if rng.random() < 0.1:
        options["threads"] = int(rng.integers(1, 4))
    known = ~hole & (pixels[..., -1] > 0) if alpha else ~hole
    grown = options.get("dilate", 0) > 0 and _near(hole, options["dilate"])
    sound = bool((known & ~grown).any())
    image = pixels[..., 0] if pixels.shape[2] == 1 and rng.random() < 0.5 else pixels
    return Case(_laid_out(rng, image), mask, name, hole, sound, options)


def _shape(rng: np.random.Generator, limit: int) -> tuple[int, int]:
    kind = rng.random()
    if kind < 0.15:  # a line or nearly one
        thin, long = int(rng.integers(1, 4)), int(rng.integers(1, 60))
        return (thin, long) if rng.random() < 0.5 else (long, thin)
    return int(rng.integers(1, limit + 1)), int(rng.integers(1, limit + 1))


def _picture(rng: np.random.Generator, shape: tuple[int, int], channels: str | None) -> tuple[NDArray[Any], bool]:
    """Pixels (H, W, C), and whether the last channel is alpha; colours of transparent pixels may be NaN."""
    number = int(rng.integers(1, 7)) if channels != "alpha" else int(rng.integers(2, 7))
    alpha = channels == "alpha" or (channels is None and number in (2, 4))
    top, left = rng.integers(0, 200, 2)
    levels = _PHOTO[top : top + shape[0], left : left + shape[1], np.arange(number) % 3].astype(np.float64)
    kind = int(rng.integers(5))
    if kind == 0:
        levels[:] = rng.integers(0, 256, number)
    elif kind == 1:
        levels = rng.integers(0, 256, levels.shape).astype(np.float64)
    elif kind == 2:
        levels = np.where(levels > levels.mean(), 255.0, 0.0)  # two tones
    dtype = np.dtype(str(rng.choice(DTYPES)))
    scale, offset = UNITS[int(rng.integers(len(UNITS)))] if rng.random() < 0.7 else (_opaque_of(dtype) / 255, 0)
    values = levels * scale + offset
    if dtype.kind in "ui":
        limits = np.iinfo(dtype)
        pixels = np.clip(np.rint(values), float(limits.min), _below(limits.max)).astype(dtype)
    else:
        pixels = np.clip(values, -6e4, 6e4).astype(dtype) if dtype == np.float16 else values.astype(dtype)
    if alpha:
        soft, opaque = rng.choice([0, 1, 2, 2], shape), _opaque(pixels)
        pixels[..., -1] = np.array([0, opaque // 2 if dtype.kind in "ui" else 0.5, opaque], dtype)[soft]
        if dtype.kind == "f" and rng.random() < 0.3:
            pixels[..., :-1][soft == 0] = _odd_nan(dtype)
    return pixels, alpha


def _opaque_of(dtype: np.dtype[Any]) -> float:
    return float(np.iinfo(dtype).max) if dtype.kind in "ui" else 1.0


def _opaque(pixels: NDArray[Any]) -> Any:
    return np.iinfo(pixels.dtype).max if pixels.dtype.kind in "ui" else 1


def _below(limit: float) -> float:
    """The largest float that is no more than an integer type's largest value."""
    return float(limit) if int(float(limit)) <= limit else float(np.nextafter(float(limit), 0))


def _odd_nan(dtype: np.dtype[Any]) -> Any:
    """A NaN whose bits are not those of ``np.nan``."""
    whole: np.dtype[Any] = np.dtype(f"u{dtype.itemsize}")
    return (np.array(np.nan, dtype).view(whole) | whole.type(5)).view(dtype)


def _hole(rng: np.random.Generator, shape: tuple[int, int]) -> Mask:
    hole = np.zeros(shape, np.bool_)
    kind = int(rng.integers(8))
    if kind == 0:
        return hole if rng.random() < 0.5 else ~hole
    if kind == 1:
        return np.asarray(rng.random(shape) < rng.choice([0.02, 0.3, 0.5, 0.9]))
    if kind == 2:
        hole[[0, -1]] = hole[:, [0, -1]] = True
    elif kind == 3:
        hole[rng.integers(shape[0]), rng.integers(shape[1])] = True
        return ~hole if rng.random() < 0.3 else hole
    elif kind == 4:
        hole[int(rng.integers(shape[0])) :: 3] = True
    else:
        top, left = int(rng.integers(shape[0])), int(rng.integers(shape[1]))
        hole[top : top + int(rng.integers(1, 12)), left : left + int(rng.integers(1, 12))] = True
    return hole


def _mask(rng: np.random.Generator, hole: Mask, options: dict[str, Any]) -> Any:
    """The hole as somebody may pass it."""
    if rng.random() < 0.15:
        options["invert_mask"] = True
        hole = ~hole
    kind, white = str(rng.choice(["bool", *DTYPES])), 1
    if kind in ("uint8", "uint16") and rng.random() < 0.7:
        white = int(np.iinfo(kind).max)
    mask = np.where(hole, white, 0).astype(kind)
    form = int(rng.integers(5))
    if form == 0 and kind == "uint8" and white == 255:
        return PILImage.fromarray(mask)
    return mask[..., None] if form == 1 else np.repeat(mask[..., None], 3, axis=2) if form == 2 else mask


def _named(rng: np.random.Generator, pixels: NDArray[Any], alpha: bool, hole: Mask, options: dict[str, Any]) -> Any:
    """A mask by name, with what it names put where the hole is."""
    if alpha:
        if rng.random() < 0.5:
            return "alpha"
        hole &= pixels[..., -1] > 0  # what is transparent already is left alone
    colours = pixels[..., :-1] if alpha else pixels
    if pixels.dtype.kind == "f" and rng.random() < 0.5:
        for wrong in (_odd_nan(pixels.dtype), np.inf, -np.inf):
            colours[hole & (rng.random(hole.shape) < 0.5)] = wrong
        colours[hole & np.isfinite(colours).all(axis=2)] = np.nan
        return "nan"
    value = NODATA if pixels.dtype.kind != "u" else 0.0
    colours[~hole[..., None] & (colours == value)] = value + 1
    colours[hole, int(rng.integers(colours.shape[2]))] = value
    options["nodata"] = value
    return "nodata"


def _near(hole: Mask, radius: int) -> Mask:
    """Every pixel that a hole grown by ``radius`` may take."""
    near = hole.copy()
    for down in range(-radius, radius + 1):
        for right in range(-radius, radius + 1):
            rows, columns = np.nonzero(hole)
            inside = (
                (rows + down >= 0)
                & (rows + down < len(hole))
                & (columns + right >= 0)
                & (columns + right < hole.shape[1])
            )
            near[rows[inside] + down, columns[inside] + right] = True
    return near


def _laid_out(rng: np.random.Generator, image: NDArray[Any]) -> NDArray[Any]:
    """The same picture laid out in memory in one of several ways."""
    kind = int(rng.integers(7))
    if kind == 0:
        return np.asfortranarray(image)
    if kind == 1:
        return np.ascontiguousarray(image[::-1])[::-1]
    if kind == 2:
        return np.repeat(image, 2, axis=1)[:, ::2]
    if kind == 3:
        return image.astype(image.dtype.newbyteorder(">"))
    if kind == 4:
        image.flags.writeable = False
    return image


def _plain(image: NDArray[Any]) -> NDArray[Any]:
    """The same picture, row by row and in the machine's own order of bytes."""
    return np.array(image, image.dtype.newbyteorder("="), order="C")


def check(case: Case) -> str:
    """Call it and require every promise: what became of it, or AssertionError with what is wrong."""
    inputs = [value for value in (case.image, case.mask) if isinstance(value, np.ndarray)]
    before = [value.tobytes() for value in inputs]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result, info = inpaint(case.image, case.mask, case.method, return_info=True, **case.options)
        except ContextError as error:
            return _required(not (case.sound and case.options["fallback"]), "lacks context", f"refused: {error}")
        except (TypeError, ValueError) as error:
            _require(not re.search(FOREIGN, str(error)), f"an error in foreign words: {error}")
            return _required(not case.sound, "refused", f"refused: {error}")
        finally:
            _require([value.tobytes() for value in inputs] == before, "an input was changed")
    _require(all(issubclass(each.category, InpaintWarning) for each in caught), f"warned: {[str(w) for w in caught]}")
    _check_known(case, result, info.mask)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InpaintWarning)
        again = inpaint(_plain(case.image), case.mask, case.method, **case.options)
    _require(np.array_equal(again[info.mask], result[info.mask]), "a second call gave another picture")
    return "filled" if info.pixels else "nothing to fill"


def _check_known(case: Case, result: NDArray[Any], filled: Mask) -> None:
    image = case.image
    _require((result.shape, result.dtype) == (image.shape, image.dtype), f"got {result.dtype} {result.shape}")
    _require(not (case.hole & ~filled).any(), "a hole pixel was left out")
    _require(case.options.get("dilate") or np.array_equal(filled, case.hole), "the hole is another one")
    _require(result[~filled].tobytes() == image[~filled].tobytes(), "a known pixel was changed")
    _require(image.dtype.kind != "f" or np.isfinite(result[filled]).all(), "what was filled is not finite")


def _require(kept: Any, fault: str) -> None:
    if not kept:
        raise AssertionError(fault)


def _required(kept: bool, outcome: str, fault: str) -> str:
    _require(kept, fault)
    return outcome


def run(calls: int, first: int = 0) -> tuple[Counter[str], list[str]]:
    """How often each outcome came, and the faults with their seeds."""
    outcomes, faults = Counter[str](), []
    for seed in range(first, first + calls):
        made = case(seed)
        try:
            outcomes[check(made)] += 1
        except Exception as error:  # a crash is a fault, too
            faults.append(f"{seed}: {type(error).__name__}: {error} ({made})")
    return outcomes, faults


def main() -> None:
    """Make the calls, and print what became of them."""
    parser = arguments(__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first call's seed")
    options, began = parser.parse_args(), time.perf_counter()
    outcomes, faults = run(options.calls, options.first)
    print(*faults, sep="\n")
    print(f"{dict(outcomes)}, {len(faults)} faults in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
