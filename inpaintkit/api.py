"""The door: check what came, have it filled, give back the same kind of picture."""

from __future__ import annotations

import contextlib
import numbers
import time
from collections.abc import Callable
from functools import cache
from importlib import metadata
from threading import RLock
from typing import Any, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit import registry
from inpaintkit import threads as pool
from inpaintkit.filling import Call
from inpaintkit.grain import add_grain
from inpaintkit.info import FilledRegion, Info
from inpaintkit.kernels import compiling
from inpaintkit.method import Method
from inpaintkit.picture import Channels, Picture, PictureOption, check_share, grow, growth_seen, hole_of, how_to_match
from inpaintkit.problem import Image, Step

DEVICES = ("auto", "cpu", "cuda", "mps")
_BEYOND = 2**31  # whole numbers below it fit whatever a method makes of them

Kind = TypeVar("Kind", NDArray[Any], PILImage.Image)


@overload
def inpaint(
    image: Kind,
    mask: Any,
    method: str | Method = ...,
    *,
    channels: Channels | None = ...,
    seed: int = ...,
    device: str = ...,
    progress: Callable[[Step], None] | None = ...,
    threads: int | None = ...,
    invert_mask: bool = ...,
    nodata: float | None = ...,
    dilate: int | Literal["auto"] = ...,
    feather: float = ...,
    grain: bool = ...,
    fallback: bool = ...,
    return_info: Literal[False] = ...,
    **options: Any,
) -> Kind: ...


@overload
def inpaint(
    image: Kind,
    mask: Any,
    method: str | Method = ...,
    *,
    channels: Channels | None = ...,
    seed: int = ...,
    device: str = ...,
    progress: Callable[[Step], None] | None = ...,
    threads: int | None = ...,
    invert_mask: bool = ...,
    nodata: float | None = ...,
    dilate: int | Literal["auto"] = ...,
    feather: float = ...,
    grain: bool = ...,
    fallback: bool = ...,
    return_info: Literal[True],
    **options: Any,
) -> tuple[Kind, Info]: ...


def inpaint(
    image: Any,
    mask: Any,
    method: str | Method = "auto",
    *,
    channels: Channels | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[Step], None] | None = None,
    threads: int | None = None,
    invert_mask: bool = False,
    nodata: float | None = None,
    dilate: int | Literal["auto"] = 0,
    feather: float = 0.0,
    grain: bool = False,
    fallback: bool = False,
    return_info: bool = False,
    **options: Any,
) -> Any:
    """Fill the masked part of a picture.

    Parameters
    ----------
    image : array (H, W) or (H, W, C), or a PIL image; integers or floats of any size and in any units. Never written
        to.
    mask : array (H, W), (H, W, 1..4), or a PIL image: True, 1, half range and above, or the one value beside 0 is hole;
        white or one colour on transparency or black, too.
        ``"alpha"``: every pixel that is not fully opaque is hole, and the result is opaque. ``"nan"``: every pixel that
        is NaN or infinite in any channel. ``"nodata"``: every pixel that has the value ``nodata`` in any channel; all
        of its channels are filled. The last two leave alone what is fully transparent.
    method : a name of ``methods()``, "auto" to have one chosen, or a ``Method`` that need not be registered.
    channels : "alpha", the last channel is opacity; "bands", none is, as in satellite pictures; None: the last of 2 or
        4 channels is opacity (grey and alpha, RGBA). Opacity goes from 0 to 1 in floats and to the type's largest value
        in integers.
    seed : 0 or more; the same seed gives the same picture.
    device : "auto", "cpu", "cuda" or "mps"; only the methods that need torch look at it.
    progress : called with a ``Step`` now and then, from one thread at a time.
    threads : threads to use; None takes ``INPAINTKIT_THREADS`` or all cores. The picture does not depend on it.
        OpenCV's and BLAS's own threads, which belong to the process, are held to it as long as the call lasts.
    invert_mask : the mask marks what to keep.
    nodata : the value of missing pixels in the picture's own units, for the mask "nodata"; NaN stands for "nan".
    dilate : grow the hole by so many pixels, for text with halos. "auto" looks at the pixels across the hole's rim: 1
        where colours have bled, as in a JPEG with 4:2:0, else 0.
    feather : blend the fill with what was under the mask over so many pixels from the rim inwards, inside the hole
        only; for damage that fades out.
    grain : add noise like that of the known pixels around, where the fill has not its own: smooth fills look like
        plastic in a grainy photograph. The same seed gives the same grain. It looks better and measures worse.
    fallback : fill a region that has too little context harmonically instead of raising ``ContextError``.
    return_info : also return an ``Info``.
    **options : the method's own options, see ``inpaintkit fill --method NAME --help``.

    Returns
    -------
    result : the same kind, shape and dtype as ``image`` (a palette becomes RGB, one bit becomes grey); pixels outside
        the mask are identical, bit for bit.
    info : Info, with ``return_info=True``.

    Raises
    ------
    TypeError, ValueError : a picture, mask or option that cannot be used; the message says what is needed.
    ContextError : a region with less known picture around it than the method needs.
    MissingExtraError : the method's packages are not installed.

    Examples
    --------
    >>> import numpy as np, inpaintkit
    >>> photo = np.full((32, 32, 3), 200, np.uint8)
    >>> scratch = np.zeros((32, 32), bool)
    >>> scratch[10:12, 4:28] = True
    >>> photo[scratch] = 0
    >>> int(inpaintkit.inpaint(photo, scratch).min())
    200
    """
    began = time.perf_counter()
    row = registry.find(method)
    values = row.options(options)
    check_whole(row.name, values)
    check_call(seed, device, dilate, feather)
    check_flags(invert_mask=invert_mask, grain=grain, fallback=fallback, return_info=return_info)
    if progress is not None and not callable(progress):
        raise TypeError(f"progress is {progress!r}: give a function that takes a Step, or None")
    picture = Picture.of(image, channels)
    check_colours(row, picture)
    hole = hole_of(mask, picture, invert=invert_mask, nodata=nodata)
    check_sizes(row.name, values, picture)
    named = isinstance(mask, str)
    opaque = named and mask == "alpha"
    result = picture.pixels.copy()
    filled: list[FilledRegion] = []
    peak = None
    maps: dict[str, Image] | None = {} if return_info else None
    report = one_at_a_time(progress) if progress else None
    remark = (lambda text: report(Step(0, 1, remark=text))) if report else None
    with pool.limit(threads, own_threads=row.own_threads) as count, compiling(remark, row.name) as watch:
        growth = growth_seen(picture, hole) if isinstance(dilate, str) else int(dilate)
        if growth:
            hole = grow(hole, growth)
        pixels = check_share(hole, by_name=named)
        if pixels:
            picture.check_known(hole)
            call = Call(picture, hole, seed, device, report, fallback, feather, opaque, maps=maps)
            filled = call.fill(row, values, result)
            if grain:
                add_grain(result, hole, call.units, int(seed))
            peak = call.units.peak
    shaped = result.reshape(np.shape(image)) if not isinstance(image, PILImage.Image) else to_pil(result, image)
    if not return_info:
        return shaped
    seconds = time.perf_counter() - began
    compiled, regions = watch.happened, tuple(filled)
    info = Info(
        row.name,
        seconds,
        pixels,
        hole.copy(),
        regions,
        seed,
        count,
        device,
        versions(),
        compiled,
        **(maps or {}),
        growth=growth,
        peak=peak,
    )
    return shaped, info


def variants(
    image: Any, mask: Any, method: str | Method = "auto", *, n: int = 4, seed: int = 0, **more: Any
) -> list[Any]:
    """``n`` different plausible fills from a stochastic method, with the seeds ``seed`` to ``seed + n - 1``.

    Takes everything ``inpaint`` takes and returns a list of what it returns. Raises ValueError where the method is
    deterministic: its fills would all be the same.
    """
    if isinstance(n, bool) or not isinstance(n, numbers.Integral) or n < 1:
        raise ValueError(f"n is {n!r}: give a whole number of 1 or more")
    row = registry.find(method)
    if not row.stochastic:
        others = ", ".join(name for name, other in registry.methods().items() if other.stochastic)
        raise ValueError(
            f"{row.name} gives the same fill for every seed, so it has no variants; "
            + (f"choose one of {others}" if others else "no installed method has any")
        )
    return [inpaint(image, mask, method, seed=seed + i, **more) for i in range(int(n))]


def one_at_a_time(progress: Callable[[Step], None]) -> Callable[[Step], None]:
    """A caller's function for progress, called from one thread at a time."""
    lock = RLock()  # a callback may fill pictures itself

    def report(step: Step) -> None:
        with lock:
            progress(step)

    return report


def check_call(seed: int, device: str, dilate: int | str = 0, feather: float = 0.0) -> None:
    """Refuse what no fill can use; the message says what is needed."""
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or seed < 0:
        raise ValueError(f"seed is {seed!r}: give a whole number of 0 or more")
    if not isinstance(device, str) or device not in DEVICES:
        raise ValueError(f"device is {device!r}: choose one of {', '.join(DEVICES)}")
    is_auto = isinstance(dilate, str) and dilate == "auto"
    if not is_auto and (isinstance(dilate, bool) or not isinstance(dilate, numbers.Integral) or dilate < 0):
        raise ValueError(f"dilate is {dilate!r}: give whole pixels, 0 or more, or 'auto'")
    if isinstance(feather, bool) or not isinstance(feather, numbers.Real) or not 0 <= feather < np.inf:
        raise ValueError(f"feather is {feather!r}: give pixels, 0 or more")


def check_flags(**flags: bool) -> None:
    """Refuse switches that are neither on nor off."""
    for name, flag in flags.items():
        if not isinstance(flag, (bool, np.bool_)):
            raise TypeError(f"{name} is {flag!r}: expected True or False")


def check_whole(method: str, values: dict[str, Any]) -> None:
    """Refuse whole numbers that no kernel can take; a method's own limits are its own."""
    for name, value in values.items():
        if isinstance(value, int) and abs(value) >= _BEYOND:
            raise ValueError(f"{method}'s option {name} is {value}: expected a whole number below {_BEYOND}")


def check_colours(row: Method, picture: Picture) -> None:
    """Refuse a picture with a number of colours that the method cannot fill."""
    if row.colours and picture.colours not in row.colours:
        taken = " or ".join(map(str, row.colours))
        raise ValueError(
            f"{row.name} fills pictures of {taken} colours, with alpha or without, and the image has {picture.colours}"
            f"{' and alpha' if picture.alpha else ''}: choose a method for any number of them, such as fsr"
        )


def check_sizes(method: str, values: dict[str, Any], picture: Picture) -> None:
    """Refuse options as large as another picture."""
    for name, value in values.items():
        if isinstance(value, PictureOption) and value.pixels.shape[:2] != picture.shape:
            raise ValueError(
                f"{method}'s option {name} is {value.pixels.shape}, image is {picture.shape}: "
                f"{how_to_match(value.pixels.shape, picture.shape)}"
            )


def to_pil(result: NDArray[Any], like: PILImage.Image) -> PILImage.Image:
    """Pixels (H, W, C) as a PIL image with what is known of another one."""
    squeezed = result[..., 0] if result.shape[2] == 1 else result
    picture = PILImage.fromarray(squeezed)
    picture.info.update({key: value for key, value in like.info.items() if key != "transparency"})
    return picture


@cache
def versions() -> dict[str, str]:
    """The versions that a fill's numbers depend on."""
    names = ("inpaintkit", "numpy", "numba", "opencv-python-headless", "scipy", "torch")
    found = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
