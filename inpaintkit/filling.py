"""Fill a hole by a method: regions -> Problem -> method -> composite.

``Call`` is what stays the same for a whole call. A ``MethodFill`` fills some of its pixels by one method: all of them,
or those that ``auto`` gives it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inpaintkit import registry
from inpaintkit import threads as pool
from inpaintkit.box import Box
from inpaintkit.compositing import Units, as_items, composite
from inpaintkit.errors import ContextError
from inpaintkit.info import FilledRegion
from inpaintkit.kernels import prepare
from inpaintkit.method import Method
from inpaintkit.picture import Picture, Span, span_of
from inpaintkit.problem import NEUTRAL, Image, Mask, Problem, Step
from inpaintkit.regions import KERNELS, Region, split, whole

_STRIPE = 256  # rows that are read at once where the whole picture must be

Choice = tuple[Method, dict[str, Any]]  # a method with its options


@dataclass
class Call:
    """One call: the picture, what is to be filled, and how.

    Attributes
    ----------
    picture : as checked; never written to.
    mask : bool (H, W), all that the call fills.
    seed, device, progress, fallback, feather : as given to ``inpaint``.
    opaque : alpha is the mask: fill colours only, alpha becomes full.
    lock : held while one of the maps or the progress is written.
    weight : float32 (H, W) in [0, 1], how far the colours of known pixels can be trusted; None: all of them fully.
    maps : name -> float32 (H, W), what is known of single pixels; see ``Info``. None where nobody asks.
    origin, window : the call that this one was made from, and the part of its picture that this one sees; what is read
        of all known pixels is read once, there.
    """

    picture: Picture
    mask: Mask
    seed: int
    device: str
    progress: Callable[[Step], None] | None
    fallback: bool = False
    feather: float = 0.0
    opaque: bool = False
    weight: Image | None = None
    lock: RLock = field(default_factory=RLock)
    maps: dict[str, Image] | None = None
    origin: Call | None = None
    window: Box | None = None

    def fill(self, row: Method, values: dict[str, Any], result: NDArray[Any]) -> list[FilledRegion]:
        """Fill the whole hole of ``result`` by a method; raises the first region's error."""
        if row.scope == "call":
            filled: list[FilledRegion] = row.load()(self, result, **values)
            return filled
        compile_for([(row, values)])
        return MethodFill(self, row, values, self.mask, self.mask).into(result)

    def derived(self, **changes: Any) -> Call:
        """A call like this one but for the changes, with the same known pixels or more."""
        return replace(self, origin=self.origin or self, **changes)

    def seen_through(self, window: Box) -> Call:
        """The same call in a part of the picture that holds all of its hole."""
        part = Picture(self.picture.pixels[window.slices], self.picture.alpha)
        weight = None if self.weight is None else self.weight[window.slices]
        mask = np.ascontiguousarray(self.mask[window.slices])
        return self.derived(picture=part, mask=mask, weight=weight, window=window)

    @property
    def size(self) -> int:
        """Pixels of the picture that the caller passed."""
        return (self.origin or self).mask.size

    def place(self, box: Box) -> Box:
        """Where a box lies in the picture that the caller passed."""
        return box.shifted(self.window.left, self.window.top) if self.window else box

    def map(self, name: str) -> Image | None:
        """This call's part of a map, of nothing claimed as yet where it is new; None where nobody asks for maps."""
        if self.maps is None:
            return None
        with self.lock:
            if name not in self.maps:
                known = ~(self.origin or self).mask
                unclaimed = known if name == "confidence" else np.zeros_like(known)
                self.maps[name] = unclaimed.astype(np.float32)
            return self.maps[name][self.window.slices] if self.window else self.maps[name]

    @cached_property
    def span(self) -> Span:
        """The span of the known colours."""
        return self.origin.span if self.origin else span_of(self.picture, self.mask)

    @cached_property
    def units(self) -> Units:
        """The way from the caller's pixels to a method's floats, and back."""
        return Units(self.picture, self.span, self.opaque)

    @cached_property
    def limits(self) -> Image:
        """Smallest and largest colour of each channel over the known pixels, float32 (2, C)."""
        if self.origin:
            return self.origin.limits
        height, width = self.mask.shape
        found = []
        for top in range(0, height, _STRIPE):
            stripe = Box(0, top, width, min(_STRIPE, height - top))
            colours = self.normalised(stripe)[self.coloured(stripe, self.mask)]
            if len(colours):
                found += [colours.min(axis=0), colours.max(axis=0)]
        return np.stack([np.min(found, axis=0), np.max(found, axis=0)])

    def coloured(self, crop: Box, lacking: Mask) -> Mask:
        """The crop's pixels that have a colour to give: outside ``lacking`` and not fully transparent."""
        known = np.ascontiguousarray(~lacking[crop.slices])
        if self.picture.alpha:
            known &= self.picture.pixels[crop.slices][..., -1] > 0
        return known

    def normalised(self, crop: Box) -> Image:
        """The crop as float32 (h, w, C), colours premultiplied by alpha."""
        return self.units.normalised(self.picture.pixels[crop.slices])


def compile_for(choices: Sequence[Choice], later: Sequence[Choice] = ()) -> None:
    """Compile what fills by these methods call, where it is not yet; go on with what others will call ``later``."""
    own, others = ([row.kernels(values) for row, values in each if row.kernels] for each in (choices, later))
    prepare([*chain.from_iterable(own), *KERNELS], chain.from_iterable(others))


@dataclass
class MethodFill:
    """Some of a call's pixels, filled by one method.

    Attributes
    ----------
    hole : bool (H, W), the pixels to fill now.
    lacking : bool (H, W), the pixels whose colour nobody may use: the hole, and what others fill later.
    instead : what to try, in turn, in a region where the method lacks context.
    expected : mean square error to be expected at each pixel of a box, where there is a judge that knows.
    """

    call: Call
    row: Method
    values: dict[str, Any]
    hole: Mask
    lacking: Mask
    instead: Sequence[Choice] = ()
    expected: Callable[[Box], Image] | None = None
    _done: dict[int, float] = field(default_factory=dict)

    def into(self, result: NDArray[Any]) -> list[FilledRegion]:
        """Fill every region of ``result``; raises the first region's error."""
        units, mask, feather = self.call.units, self.call.mask, self.call.feather
        return self.handed_to(lambda crop, own, fill: composite(result, crop, own, fill, units, mask, feather))

    def handed_to(self, take: Callable[[Box, Mask, Image], None]) -> list[FilledRegion]:
        """Hand each region's crop, its own pixels there and its fill to a function; raises the first region's error."""
        regions = self._regions()
        self.total = float(sum(region.pixels for region in regions))
        if self.row.own_threads:
            return [self._region(index, region, take) for index, region in enumerate(regions)]
        return pool.run(
            lambda item: self._region(*item, take), list(enumerate(regions)), cost=lambda item: item[1].pixels
        )

    def _regions(self) -> list[Region]:
        if self.row.scope == "picture":
            return whole(self.hole)
        reach, context = (span(self.values) if callable(span) else span for span in (self.row.reach, self.row.context))
        surround = self.row.surround(self.values) if self.row.surround else 0.0
        cut = self.row.cut(self.values) if self.row.cut else None
        return split(self.hole, reach=reach, context=context, surround=surround, cut=cut)

    def _region(self, index: int, region: Region, take: Callable[[Box, Mask, Image], None]) -> FilledRegion:
        crop, own = region.crop, region.own()
        facts: dict[str, Any] = {}
        problem = self._problem(crop, region.hole(self.hole, own), index, region.pixels, facts)
        began = time.perf_counter()
        fill, row, values, reason = self._attempt(problem, crop, facts)
        with np.errstate(all="ignore"):
            total = fill.sum()  # finite where all are, and several times as fast as a look at each of them
        if not np.isfinite(total) and not np.isfinite(fill[own]).all():
            raise ValueError(f"{self.row.name} gave colours that are not finite; does the picture hold extreme values?")
        seconds = time.perf_counter() - began
        take(crop, own, fill)
        self._paste_maps(facts, crop, own)
        self._step(index, region.pixels, Step(1, 1))
        return FilledRegion(self.call.place(crop), region.pixels, row.name, values, seconds, facts, reason)

    def _attempt(self, problem: Problem, crop: Box, facts: dict[str, Any]) -> tuple[Image, Method, Any, str]:
        """The first fill that has context, its method and options, and why it is the plain fallback, if it is."""
        lacks = []
        for row, values in ((self.row, self.values), *self.instead):
            try:
                return _filled(row, values, problem), row, values, ""
            except ContextError as error:
                lacks.append(error)
                facts.clear()
        if not self.call.fallback:
            raise lacks[0]
        return self._harmonic(crop), registry.find("harmonic"), {}, str(lacks[0])

    def _limits(self) -> Image:
        with self.call.lock:  # read once
            return self.call.limits

    def _problem(self, crop: Box, hole: Mask, index: int, pixels: int, facts: dict[str, Any]) -> Problem:
        known = self.call.coloured(crop, self.lacking)
        weight = None
        if self.call.weight is not None:
            weight = np.ascontiguousarray(self.call.weight[crop.slices])
            hole, known = hole | known & (weight <= 0), known & (weight > 0)
        image = np.ascontiguousarray(self.call.normalised(crop))  # however the caller's lies in memory
        as_items(image)[~known] = as_items(np.full((1, image.shape[2]), NEUTRAL, np.float32))[0]
        picture, span = self.call.picture, self.call.units.span
        raw = picture.pixels[crop.slices]
        raw.flags.writeable = False  # the caller's own
        place = self.call.place(crop)
        return Problem(
            image,
            hole,
            known,
            alpha=picture.alpha and not self.call.opaque,
            dtype=picture.pixels.dtype,
            step=span.step / span.scale,
            scale=span.scale,
            offset=span.offset,
            region=index,
            origin=(place.top, place.left),
            seed=self.call.seed,
            device=self.call.device,
            raw=None if picture.alpha else raw,
            weight=weight,
            _limits=self._limits,
            _report=lambda step: self._step(index, pixels, step),
            _facts=facts,
        )

    def _harmonic(self, crop: Box) -> Image:
        """A plain fill of the crop from the nearest surroundings in which anything is known."""
        around, margin = crop, 1
        while not (problem := self._problem(around, self.hole[around.slices], 0, 0, {})).known.any():
            if around == Box.of_shape(self.hole.shape):
                if self.call.window and self.call.origin:  # what is known lies farther away
                    everything = self.call.origin
                    beyond = replace(self, call=everything, hole=everything.mask, lacking=everything.mask)
                    return beyond._harmonic(self.call.place(crop))
                raise ContextError("every pixel outside the mask is fully transparent: there is no colour to fill from")
            margin *= 2
            around = crop.grown(margin, self.hole.shape)
        fill: Image = registry.find("harmonic").load()(problem)
        return fill[crop.within(around)]

    def _paste_maps(self, facts: dict[str, Any], crop: Box, own: Mask) -> None:
        """What a method notes of single pixels goes into maps of the picture."""
        sure = facts.pop("confidence", None)
        if sure is not None and (confidence := self.call.map("confidence")) is not None:
            confidence[crop.slices][own] = sure[own]
        if self.expected is not None and (errors := self.call.map("expected_error")) is not None:
            units = self.call.units
            expected = self.expected(crop)[own] * np.float32((units.span.scale / units.peak) ** 2)
            facts["expected_psnr"] = -10 * math.log10(max(float(expected.mean()), 1e-12))
            errors[crop.slices][own] = expected**0.5

    def _step(self, index: int, pixels: int, step: Step) -> None:
        if self.call.progress is None:
            return
        with self.call.lock:
            self._done[index] = pixels * step.done / step.total
            self.call.progress(Step(sum(self._done.values()), self.total, step.loss, step.remark))


def _filled(row: Method, values: dict[str, Any], problem: Problem) -> Image:
    """The method's fill, checked."""
    known = np.count_nonzero(problem.known)
    if known < row.min_known:
        (top, left), (height, width) = problem.origin, problem.hole.shape
        raise ContextError(
            f"{row.name} needs {row.min_known} known pixels, and there are {known} at rows {top} to {top + height}, "
            f"columns {left} to {left + width}: mask less, or pass fallback=True (--fallback) for a plain fill"
        )
    seen = problem if row.weights else problem.without_weight()
    fill: Image = np.ascontiguousarray(row.load()(seen, **values))
    if fill.shape != problem.image.shape:
        raise ValueError(f"{row.name} gave {fill.shape} for a crop of {problem.image.shape}")
    return fill
