"""The door: check, split into regions, let the method fill each crop, put the fills back.

picture, mask -> regions -> Problem -> method -> composite
"""

from __future__ import annotations

import contextlib
import numbers
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from threading import RLock
from typing import Any, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit import registry
from inpaintkit import threads as pool
from inpaintkit.distance import rim_distance
from inpaintkit.errors import ContextError
from inpaintkit.info import Filled, Info
from inpaintkit.kernels import compiling
from inpaintkit.picture import Picture, PictureOption, check_share, grow, hole_of
from inpaintkit.problem import NEUTRAL, Image, Mask, Problem, Step
from inpaintkit.regions import Box, Region, split, whole

_BAND = 2**18  # pixels put back at a time
_EXTREME = 1e6  # times the robust range: what lies beyond would overflow when methods square it
_STRIPE = 256  # rows that are read at once where the whole picture must be
DEVICES = ("auto", "cpu", "cuda", "mps")

Kind = TypeVar("Kind", NDArray[Any], PILImage.Image)


@overload
def inpaint(
    image: Kind,
    mask: Any,
    method: str = ...,
    *,
    seed: int = ...,
    device: str = ...,
    progress: Callable[[Step], None] | None = ...,
    threads: int | None = ...,
    invert_mask: bool = ...,
    dilate: int = ...,
    feather: float = ...,
    fallback: bool = ...,
    return_info: Literal[False] = ...,
    **options: Any,
) -> Kind: ...


@overload
def inpaint(
    image: Kind,
    mask: Any,
    method: str = ...,
    *,
    seed: int = ...,
    device: str = ...,
    progress: Callable[[Step], None] | None = ...,
    threads: int | None = ...,
    invert_mask: bool = ...,
    dilate: int = ...,
    feather: float = ...,
    fallback: bool = ...,
    return_info: Literal[True],
    **options: Any,
) -> tuple[Kind, Info]: ...


def inpaint(
    image: Any,
    mask: Any,
    method: str = "auto",
    *,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[Step], None] | None = None,
    threads: int | None = None,
    invert_mask: bool = False,
    dilate: int = 0,
    feather: float = 0.0,
    fallback: bool = False,
    return_info: bool = False,
    **options: Any,
) -> Any:
    """Fill the masked part of a picture.

    Parameters
    ----------
    image : array (H, W) or (H, W, C) with C = 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA; uint8, uint16, float16, float32
        or float64; or a PIL image. Floats in [0, 1], or any finite range (HDR). Never written to.
    mask : array (H, W), (H, W, 1) or equal channels, or a PIL image: True, 1, or half range and above is hole.
        ``"alpha"``: every pixel that is not fully opaque is hole, and the result is opaque.
    method : a name of ``methods()``; "auto" chooses.
    seed : 0 or more; the same seed gives the same picture.
    device : "auto", "cpu", "cuda" or "mps"; only the methods that need torch look at it.
    progress : called with a ``Step`` now and then, from one thread at a time.
    threads : threads to use; None takes ``INPAINTKIT_THREADS`` or all cores. The picture does not depend on it.
    invert_mask : the mask marks what to keep.
    dilate : grow the hole by so many pixels, for text with halos.
    feather : blend the fill with what was under the mask over so many pixels from the rim inwards, inside the hole
        only; for damage that fades out.
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
    _check_call(seed, device, dilate, feather)
    picture = Picture.of(image)
    hole = hole_of(mask, picture, invert=invert_mask)
    _check_sizes(row.name, values, picture)
    opaque = isinstance(mask, str)
    result = picture.pixels.copy()
    filled: list[Filled] = []
    confidence = None
    report = _one_at_a_time(progress) if progress else None
    remark = (lambda text: report(Step(0, 1, remark=text))) if report else None
    with pool.limit(threads) as count, compiling(remark) as watch:
        if dilate:
            hole = grow(hole, dilate)
        pixels = check_share(hole, drawn=not opaque)
        if pixels:
            picture.check_known(hole)
            fill = _Fill(picture, hole, row, values, seed, device, fallback, report, feather, opaque)
            filled = fill.into(result)
            confidence = fill.confidence
    shaped = result.reshape(np.shape(image)) if not isinstance(image, PILImage.Image) else _to_pil(result, image)
    if not return_info:
        return shaped
    seconds = time.perf_counter() - began
    info = Info(row.name, seconds, pixels, tuple(filled), seed, count, device, versions(), watch.happened, confidence)
    return shaped, info


def variants(image: Any, mask: Any, method: str = "auto", *, n: int = 4, seed: int = 0, **more: Any) -> list[Any]:
    """``n`` different plausible fills from a stochastic method, with the seeds ``seed`` to ``seed + n - 1``.

    Takes everything ``inpaint`` takes and returns a list of what it returns. Raises ValueError where the method is
    deterministic: its fills would all be the same.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n is {n!r}: give a whole number of 1 or more")
    row = registry.find(method)
    if not row.stochastic:
        others = ", ".join(name for name, other in registry.methods().items() if other.stochastic)
        raise ValueError(
            f"{row.name} gives the same fill for every seed, so it has no variants; "
            + (f"choose one of {others}" if others else "no installed method has any")
        )
    return [inpaint(image, mask, method, seed=seed + i, **more) for i in range(n)]


@dataclass
class _Fill:
    """One call's work: the same for every region."""

    picture: Picture
    mask: Mask
    row: registry.Method
    values: dict[str, Any]
    seed: int
    device: str
    fallback: bool
    progress: Callable[[Step], None] | None
    feather: float
    opaque: bool  # alpha is the mask: fill colours only, alpha becomes full
    confidence: Image | None = None
    _range: Image | None = None
    _lock: RLock = field(default_factory=RLock)
    _done: dict[int, float] = field(default_factory=dict)

    def into(self, result: NDArray[Any]) -> list[Filled]:
        """Fill every region of ``result``; raises the first region's error."""
        regions = self._regions()
        self.method = self.row.load()
        self.total = float(sum(region.pixels for region in regions))
        self.scale, self.offset = self.picture.range(self.mask)
        if self.row.own_threads:
            return [self._region(index, region, result) for index, region in enumerate(regions)]
        return pool.run(lambda item: self._region(*item, result), list(enumerate(regions)))

    def _regions(self) -> list[Region]:
        if self.row.scope == "picture":
            return whole(self.mask)
        reach, context = (span(self.values) if callable(span) else span for span in (self.row.reach, self.row.context))
        surround = self.row.surround(self.values) if self.row.surround else 0.0
        cut = self.row.cut(self.values) if self.row.cut else None
        return split(self.mask, reach=reach, context=context, surround=surround, cut=cut)

    def _region(self, index: int, region: Region, result: NDArray[Any]) -> Filled:
        crop, own = region.crop, region.own()
        facts: dict[str, Any] = {}
        problem = self._problem(crop, region.hole(self.mask, own), index, region.pixels, facts)
        began = time.perf_counter()
        reason = ""
        try:
            if np.count_nonzero(problem.known) < self.row.min_known:
                raise ContextError(
                    f"{self.row.name} needs {self.row.min_known} known pixels, and there are "
                    f"{np.count_nonzero(problem.known)} at rows {crop.top} to {crop.bottom}, columns {crop.left} to "
                    f"{crop.right}: mask less, or pass fallback=True (--fallback) for a plain fill"
                )
            fill = self.method(problem, **self.values)
            if fill.shape != problem.image.shape:
                raise ValueError(f"{self.row.name} gave {fill.shape} for a crop of {problem.image.shape}")
        except ContextError as error:
            if not self.fallback:
                raise
            reason = str(error)
            facts.clear()
            fill = self._harmonic(crop)
        if not np.isfinite(fill[own]).all():
            raise ValueError(f"{self.row.name} gave colours that are not finite; does the picture hold extreme values?")
        seconds = time.perf_counter() - began
        self._composite(result, crop, own, fill)
        self._paste_confidence(facts, crop, own)
        self._step(index, region.pixels, Step(1, 1))
        box = (crop.top, crop.left, crop.bottom - crop.top, crop.right - crop.left)
        method, options = ("harmonic", {}) if reason else (self.row.name, self.values)
        return Filled(box, region.pixels, method, options, seconds, facts, reason)

    def _problem(self, crop: Box, hole: Mask, index: int, pixels: int, facts: dict[str, Any]) -> Problem:
        known = self._known(crop)
        image = self._normalised(crop)
        np.copyto(image, NEUTRAL, where=~known[..., None])
        raw = self.picture.pixels[crop.slices]
        raw.flags.writeable = False  # the caller's own
        return Problem(
            image,
            hole,
            known,
            dtype=self.picture.pixels.dtype,
            scale=self.scale,
            offset=self.offset,
            region=index,
            origin=(crop.top, crop.left),
            seed=self.seed,
            device=self.device,
            raw=None if self.picture.alpha else raw,
            _limits=self._limits,
            _report=lambda step: self._step(index, pixels, step),
            _facts=facts,
        )

    def _limits(self) -> Image:
        """Of the whole picture's known pixels; read once, and only for a method that asks."""
        with self._lock:
            if self._range is None:
                height, width = self.mask.shape
                found = []
                for top in range(0, height, _STRIPE):
                    stripe = Box(top, 0, min(top + _STRIPE, height), width)
                    colours = self._normalised(stripe)[self._known(stripe)]
                    if len(colours):
                        found += [colours.min(axis=0), colours.max(axis=0)]
                self._range = np.stack([np.min(found, axis=0), np.max(found, axis=0)])
            return self._range

    def _known(self, crop: Box) -> Mask:
        known = np.ascontiguousarray(~self.mask[crop.slices])
        if self.picture.alpha:
            known &= self.picture.pixels[crop.slices][..., -1] > 0  # a transparent pixel has no colour to give
        return known

    def _normalised(self, crop: Box) -> Image:
        """The crop as float32 (h, w, C), colours premultiplied by alpha."""
        pixels = self.picture.pixels[crop.slices]
        if not self.picture.alpha:
            return self._scaled(pixels)
        colours = self._scaled(pixels[..., :-1])
        if self.opaque:
            return colours
        alpha = np.multiply(pixels[..., -1:], np.float32(1 / self.picture.opaque), dtype=np.float32)
        return np.concatenate([colours * alpha, alpha], axis=2)

    def _scaled(self, colours: NDArray[Any]) -> Image:
        if colours.dtype.kind == "u":
            scaled: Image = np.multiply(colours, np.float32(1 / self.scale), dtype=np.float32)
            return scaled
        with np.errstate(invalid="ignore", over="ignore"):  # what lies in the hole may be anything
            normalised = (colours.astype(np.float64) - self.offset) / self.scale
            return np.clip(normalised, -_EXTREME, _EXTREME).astype(np.float32)

    def _composite(self, result: NDArray[Any], crop: Box, own: Mask, fill: Image) -> None:
        target, before = result[crop.slices], self.picture.pixels[crop.slices]
        depth = rim_distance(self.mask[crop.slices]) if self.feather else None
        rows = max(1, _BAND // own.shape[1])  # a band at a time: the steps between take several times its memory
        for top in range(0, len(own), rows):
            band = slice(top, top + rows)
            here = own[band]
            share = None if depth is None else np.clip(depth[band][here] / (self.feather + 1), 0, 1)[:, None]
            target[band][here] = self._caller_colours(fill[band][here], before[band][here], share)

    def _caller_colours(self, values: Image, old: NDArray[Any], share: NDArray[Any] | None) -> NDArray[Any]:
        """Filled colours (n, C) in the caller's units, ``share`` of them mixed with the ``old`` ones."""
        if not self.picture.alpha:
            return self._feathered(self._restored(values), old, share)
        colours = values
        alpha = np.ones((len(values), 1), np.float32)
        if not self.opaque:
            alpha = np.clip(values[:, -1:], 0, 1)
            colours = (values[:, :-1] / np.maximum(alpha, 1e-6)).astype(np.float32)
        restored = np.concatenate([self._restored(colours), self._as_dtype(alpha * self.picture.opaque)], axis=1)
        return self._feathered(restored, old, share)

    def _feathered(self, new: NDArray[Any], old: NDArray[Any], share: NDArray[Any] | None) -> NDArray[Any]:
        """Mix what was under the mask back in: all of it at the rim, none from ``feather`` pixels inwards."""
        if share is None:
            return new
        old = old.astype(np.float64)
        keep = np.where(np.isfinite(old).all(axis=1, keepdims=True), 1 - share, 0)
        old = np.where(keep > 0, old, 0)
        if not self.picture.alpha:
            return self._as_dtype(keep * old + (1 - keep) * new)
        # Premultiplied: what was transparent has no colour to mix in, and leaves the fill as it is.
        before, after = old[:, -1:] / self.picture.opaque, new[:, -1:] / self.picture.opaque
        keep = np.where(before > 0, keep, 0)
        alpha = keep * before + (1 - keep) * after
        colours = (keep * before * old[:, :-1] + (1 - keep) * after * new[:, :-1]) / np.maximum(alpha, 1e-9)
        if self.opaque:
            alpha = np.ones_like(alpha)
        return self._as_dtype(np.concatenate([colours, alpha * self.picture.opaque], axis=1))

    def _restored(self, colours: Image) -> NDArray[Any]:
        """Normalised colours in the caller's units: clipped to the range unless the picture is HDR."""
        if self.picture.pixels.dtype.kind == "u" or (self.scale, self.offset) == (1.0, 0.0):
            colours = np.clip(colours, 0, 1)
        return self._as_dtype(colours.astype(np.float64) * self.scale + self.offset)

    def _as_dtype(self, values: NDArray[Any]) -> NDArray[Any]:
        dtype = self.picture.pixels.dtype
        return (np.rint(values) if dtype.kind == "u" else values).astype(dtype)

    def _harmonic(self, crop: Box) -> Image:
        """A plain fill of the crop from the nearest surroundings in which anything is known."""
        around, margin = crop, 1
        while not (problem := self._problem(around, self.mask[around.slices], 0, 0, {})).known.any():
            if around == Box(0, 0, *self.mask.shape):
                raise ContextError("every pixel outside the mask is fully transparent: there is no colour to fill from")
            margin *= 2
            around = crop.grown(margin, self.mask.shape)
        fill: Image = registry.find("harmonic").load()(problem)
        return fill[crop.within(around)]

    def _paste_confidence(self, facts: dict[str, Any], crop: Box, own: Mask) -> None:
        sure = facts.pop("confidence", None)
        if sure is None:
            return
        with self._lock:
            if self.confidence is None:
                self.confidence = (~self.mask).astype(np.float32)  # nothing is claimed of a region that notes nothing
        self.confidence[crop.slices][own] = sure[own]

    def _step(self, index: int, pixels: int, step: Step) -> None:
        if self.progress is None:
            return
        with self._lock:
            self._done[index] = pixels * step.done / step.total
            self.progress(Step(sum(self._done.values()), self.total, step.loss, step.remark))


def _one_at_a_time(progress: Callable[[Step], None]) -> Callable[[Step], None]:
    lock = RLock()  # a callback may fill pictures itself

    def report(step: Step) -> None:
        with lock:
            progress(step)

    return report


def _check_call(seed: int, device: str, dilate: int, feather: float) -> None:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed is {seed!r}: give a whole number of 0 or more")
    if device not in DEVICES:
        raise ValueError(f"device is {device!r}: choose one of {', '.join(DEVICES)}")
    if isinstance(dilate, bool) or not isinstance(dilate, (int, np.integer)) or dilate < 0:
        raise ValueError(f"dilate is {dilate!r}: give whole pixels, 0 or more")
    if isinstance(feather, bool) or not isinstance(feather, numbers.Real) or not 0 <= feather < np.inf:
        raise ValueError(f"feather is {feather!r}: give pixels, 0 or more")


def _check_sizes(method: str, values: dict[str, Any], picture: Picture) -> None:
    for name, value in values.items():
        if isinstance(value, PictureOption) and value.pixels.shape[:2] != picture.shape:
            raise ValueError(
                f"{method}'s option {name} is {value.pixels.shape}, image is {picture.shape}: "
                "resize one to match the other"
            )


def _to_pil(result: NDArray[Any], like: PILImage.Image) -> PILImage.Image:
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
