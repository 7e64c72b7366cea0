"""Overlays taken off: text, marks and dust are divided out where something shows through, filled where nothing does.

overlay, given or estimated from one picture or a series -> equations of its pixels -> divided out, filled, merged
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from PIL import Image as PILImage

from inpaintkit import registry
from inpaintkit import threads as pool
from inpaintkit.api import (
    check_call,
    check_colours,
    check_flags,
    check_sizes,
    check_whole,
    one_at_a_time,
    to_pil,
    versions,
)
from inpaintkit.files import load
from inpaintkit.filling import Call
from inpaintkit.info import FilledRegion, Info
from inpaintkit.kernels import compiling
from inpaintkit.method import Method
from inpaintkit.overlay.frames import fingerprint
from inpaintkit.overlay.model import MODES, Mode, Overlay, OverlayInfo, RemovalInfo, Style, told_ink
from inpaintkit.overlay.noise import Stored
from inpaintkit.overlay.one import estimate_one
from inpaintkit.overlay.removing import SETTLED, Pixels, remove
from inpaintkit.overlay.series import estimate_series, is_series
from inpaintkit.overlay.shifts import check_align, shift_in
from inpaintkit.overlay.trying import tried
from inpaintkit.picture import Channels, Picture, hole_of, how_to_match
from inpaintkit.problem import Image, Mask, Step

__all__ = ["MODES", "Mode", "Overlay", "OverlayInfo", "RemovalInfo", "Stored", "Style"]
__all__ += ["estimate_overlay", "remove_overlay"]


def estimate_overlay(
    pictures: Any,
    mask: Any = None,
    *,
    colour: Any = None,
    mode: Mode | None = None,
    gain: bool = False,
    align: int = 0,
    channels: Channels | None = None,
    stored: Stored | None = None,
    progress: Callable[[Step], None] | None = None,
) -> Overlay:
    """Estimate what lies over a picture, or over every picture of a series.

    Parameters
    ----------
    pictures : a picture as ``inpaint`` takes it; or a list, or any iterable, of pictures of one size with one overlay,
        or of paths, which are read one at a time, so that memory does not grow with their number. Their order makes no
        difference.
    mask : where the overlay lies, exactly or up to 3 pixels wider, in a series as wide as you like; None: it is looked
        for, text in one picture, what repeats in a series.
    colour : of the ink, in the picture's own units, where it is known.
    mode : what the overlay does: "cover"; "add", as the light of a film camera's date; or "multiply", as dirt. None: it
        covers.
    gain : of a series: it darkens, as dust on a sensor or dirt on a scanner's glass, all channels of a pixel alike.
    align : of a series: largest shift of the overlay from picture to picture in pixels; 0: it lies still.
    channels : "alpha" or "bands", as ``inpaint`` takes it.
    stored : how the file of one picture stored it, as ``Stored.of_file`` says; None: as the file says, of a path or of
        a JPEG that Pillow opened, else judged from the pixels, which is less sure. See ``OverlayInfo.stored``.
    progress : of a series: called with a ``Step`` now and then.

    Returns
    -------
    overlay : what was found. In a series where nothing repeats its opacity is 0 everywhere, and a warning says so.

    Raises
    ------
    TypeError, ValueError : a picture, mask or colour that cannot be used, pictures of several sizes, or all alike
        beside the mask; the message says what is needed.
    """
    picture = pictures
    if is_series(pictures):
        pictures = list(pictures)
        if len(pictures) != 1:
            more: dict[str, Any] = {"colour": colour, "mode": mode, "gain": gain, "align": align}
            return estimate_series(pictures, mask, **more, channels=channels, progress=progress)
        picture = pictures[0]
        if isinstance(picture, (str, os.PathLike)):
            loaded = load(picture)
            picture, stored = loaded.pixels, stored or Stored.of_metadata(loaded.metadata)
    if gain or align:
        raise ValueError("gain and align are for a series: give a list of two pictures or more")
    stored = stored or Stored.of_picture(picture)
    return estimate_one(picture, mask, colour=colour, mode=mode, channels=channels, stored=stored)


def remove_overlay(
    picture: Any,
    mask: Any = None,
    *,
    overlay: Overlay | None = None,
    colour: Any = None,
    mode: Mode | None = None,
    align: int = 0,
    method: str | Method = "auto",
    channels: Channels | None = None,
    stored: Stored | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[Step], None] | None = None,
    threads: int | None = None,
    fallback: bool = False,
    return_info: bool = False,
    **options: Any,
) -> Any:
    """Take an overlay off a picture: divide it out where something shows through, fill where nothing does.

    Parameters
    ----------
    picture : as ``inpaint`` takes it; or a list of pictures with one overlay, which gives a list.
    mask, colour, mode : as ``estimate_overlay`` takes them, where no ``overlay`` is given.
    overlay : what lies over the picture; None: it is estimated.
    align : largest shift in pixels, across and down, of the overlay against where the estimate says that it lies, as
        told to ``estimate_overlay``; it is found again in each picture. 0: it lies still.
    method : what fills, as ``inpaint`` takes it.
    channels, seed, device, progress, threads, fallback : as ``inpaint`` takes them.
    stored : how the picture's file stored it together with the overlay, where that lost something, as a JPEG does;
        None: as of ``estimate_overlay``. Where it stored colours coarsely, they have bled past the overlay's
        edge by a pixel or two, and there colours change as well.
    return_info : also return a ``RemovalInfo``.
    **options : the method's own options.

    Returns
    -------
    result : the same kind, shape and dtype as ``picture``; pixels of opacity 0 are identical, bit for bit, and so is
        the picture's own opacity. A picture that the estimate found not to have the overlay is identical throughout.
    info : RemovalInfo, with ``return_info=True``.

    Raises
    ------
    TypeError, ValueError : a picture, overlay or option that cannot be used; the message says what is needed.
    ContextError, MissingExtraError : as ``inpaint``.

    Examples
    --------
    >>> import numpy as np, inpaintkit
    >>> photo = np.full((32, 32), 80.0)
    >>> opacity = np.zeros((32, 32))
    >>> opacity[8:24, 8:24] = 0.5
    >>> seen = (1 - opacity) * photo + opacity * 240
    >>> mark = inpaintkit.Overlay(opacity, [240.0])
    >>> float(np.abs(inpaintkit.remove_overlay(seen, overlay=mark) - photo).max().round(6))
    0.0
    """
    stored, reach = stored or Stored.of_picture(picture), check_align(align)
    arguments: dict[str, Any] = {"align": reach, "method": method, "channels": channels, "stored": stored, "seed": seed}
    arguments |= {"device": device, "threads": threads, "fallback": fallback, "return_info": return_info, **options}
    alone = overlay is None and not isinstance(picture, list)
    if overlay is None:
        more: dict[str, Any] = {"mode": mode, "align": reach, "channels": channels, "stored": stored}
        overlay = estimate_overlay(picture, mask, colour=colour, **more)
    elif not (mask is None and colour is None and mode is None):
        raise ValueError("mask, colour and mode are for an overlay that is still to be estimated: leave them out")
    if isinstance(picture, list):
        return [remove_overlay(one, overlay=overlay, progress=progress, **arguments) for one in picture]
    began = time.perf_counter()
    check_flags(fallback=fallback, return_info=return_info)
    checked = Picture.of(picture, channels)
    filler = _Filler.of(checked, method, options, seed, device, progress, fallback)
    _check(overlay, checked)
    if overlay.info.absent and fingerprint(checked) in overlay.info.absent:
        note = ("this picture does not have the overlay, and stays as it is",)
        bare = np.zeros(overlay.shape, np.float32)
        overlay = Overlay(bare, overlay.colour, replace(overlay.info, notes=note), overlay.mode)
    overlay = overlay.moved(*shift_in(checked, overlay, reach))
    stored = stored or overlay.info.stored
    with pool.limit(threads, own_threads=filler.row.own_threads) as count, filler.watched() as watch:
        removed = remove(checked, overlay, filler, stored)
        if alone and (stored is not None or overlay.mode != "cover"):  # how much light there is is less sure than ink
            hole = overlay.touched if mask is None else hole_of(mask, checked)
            ink = None if colour is None else told_ink(colour, checked.colours)
            removed = tried(checked, overlay, hole, removed, filler.of_trials(), stored, ink)
    is_pil = isinstance(picture, PILImage.Image)
    shaped = to_pil(removed.pixels, picture) if is_pil else removed.pixels.reshape(np.shape(picture))
    if not return_info:
        return shaped
    seconds = time.perf_counter() - began
    own = removed.weight[removed.touched]
    divided = int(np.count_nonzero(own >= SETTLED))
    filled = filler.info(seconds, count, watch.happened)
    return shaped, RemovalInfo(overlay, divided, len(own) - divided, filled, seconds, removed.weight)


@dataclass
class _Filler:
    """A method, ready to fill holes of one picture's size, and what it did last."""

    row: Method
    values: dict[str, Any]
    alpha: bool
    seed: int
    device: str
    progress: Callable[[Step], None] | None
    fallback: bool
    hole: Mask | None = None
    regions: list[FilledRegion] = field(default_factory=list)
    maps: dict[str, Image] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        picture: Picture,
        method: str | Method,
        options: dict[str, Any],
        seed: int,
        device: str,
        progress: Callable[[Step], None] | None,
        fallback: bool,
    ) -> _Filler:
        """Checked as ``inpaint`` checks its arguments."""
        row = registry.find(method)
        values = row.options(options)
        check_whole(row.name, values)
        check_call(seed, device)
        check_colours(row, picture)
        check_sizes(row.name, values, picture)
        report = one_at_a_time(progress) if progress else None
        return cls(row, values, picture.alpha, seed, device, report, fallback)

    def watched(self) -> AbstractContextManager[Any]:
        """A context that reports what is compiled."""
        report = self.progress
        return compiling((lambda text: report(Step(0, 1, remark=text))) if report else None, self.row.name)

    def __call__(self, pixels: Pixels, hole: Mask, weight: Image) -> Pixels:
        """``pixels`` with the ``hole`` filled."""
        self.hole, self.maps, result = hole, {}, pixels.copy()
        picture = Picture(pixels, self.alpha)
        told = self.seed, self.device, self.progress, self.fallback
        call = Call(picture, hole, *told, weight=weight, maps=self.maps)
        self.regions = call.fill(self.row, self.values, result)
        return result

    def of_trials(self) -> _Filler:
        """What fills trials: the method itself or, where it does not heed weights, fsr."""
        row = self.row if self.row.weights and self.row.name != "auto" else registry.find("fsr")
        values = self.values if row is self.row else row.options({})
        return replace(self, row=row, values=values, progress=None, fallback=True)

    def info(self, seconds: float, threads: int, compiled: bool) -> Info | None:
        """Of the last fill; None where there was none."""
        if self.hole is None:
            return None
        pixels, regions = int(np.count_nonzero(self.hole)), tuple(self.regions)
        ran = self.seed, threads, self.device, versions(), compiled
        maps = self.maps.get("confidence"), self.maps.get("expected_error")
        return Info(self.row.name, seconds, pixels, self.hole, regions, *ran, *maps)


def _check(overlay: Overlay, picture: Picture) -> None:
    """Refuse an overlay that is not the picture's."""
    if not isinstance(overlay, Overlay):
        raise TypeError(f"overlay is {type(overlay).__name__}: expected an Overlay, e.g. Overlay(opacity, colour)")
    if overlay.shape != picture.shape:
        shapes = f"overlay is {overlay.shape}, image is {picture.shape}"
        raise ValueError(f"{shapes}: {how_to_match(overlay.shape, picture.shape)}")
    for layer in overlay.layers:
        if layer.colour.shape[-1] != picture.colours:
            raise ValueError(
                f"overlay's colour has {layer.colour.shape[-1]} channels, the picture {picture.colours}: give one "
                "number for each, opacity not counted"
            )
        if layer.chroma is not None and picture.colours != 3:
            raise ValueError(f"overlay's chroma is for pictures of 3 colours, this one has {picture.colours}")
    picture.check_known(np.zeros(picture.shape, np.bool_))
