"""A search for one kind of damage or for all: each finder's mask, joined; and the refusal of what is hardly damage."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inpaintkit.errors import LargeFindError, LargeFindWarning
from inpaintkit.find.kinds import FINDERS
from inpaintkit.find.scoring import Labels
from inpaintkit.problem import Image, Mask

if TYPE_CHECKING:
    from inpaintkit.find.infrared import Infrared

_CAUTION = 0.7  # times the sensitivity of a cautious finder for "auto"
_MAX_SHARE = 0.55  # of the picture: a kind of damage that hides more is hardly damage
_MAX_ACTED = 0.08  # of the picture: so much is not repainted unless somebody has accepted it
_MIN_TRUST = 0.5  # mean confidence of what is found: less, and the picture itself is the likelier


@dataclass(frozen=True, eq=False)
class Wish:
    """How to search.

    Attributes
    ----------
    kind : a finder's, or "auto".
    sensitivity : in [0, 1].
    act : whether what is found is repaired unseen.
    placed : whether a person has said where, or that it may be large: nothing is refused.
    """

    kind: str
    sensitivity: float
    act: bool
    placed: bool
    infrared: NDArray[np.generic] | None = None  # (H, W), by which dust is found


@dataclass(eq=False)
class Searched:
    """What a search found.

    Attributes
    ----------
    mask : bool (H, W).
    confidence : float32 (H, W), 0 outside of it.
    lines : for each kind that is found by lines, the number of each pixel's.
    infrared : what infrared says of dust.
    """

    mask: Mask
    confidence: Image
    lines: dict[str, Labels]
    infrared: Infrared | None = None


def searched(image: Image, wish: Wish, allowed: Mask, trace: tuple[int, int] | None) -> Searched:
    """What is found in a picture (H, W, C) of a kind of damage, or of all kinds, where it is ``allowed``, (H, W).

    trace : X, Y of the only crack that is meant; None: all that is found.

    Raises
    ------
    LargeFindError : when acting, where it is too much, or more likely the picture's own than damage.
    """
    if trace is not None:
        return Searched(*_traced(image, trace, allowed))
    kinds = tuple(FINDERS) if wish.kind == "auto" else (wish.kind,)
    result = Searched(np.zeros(image.shape[:2], np.bool_), np.zeros(image.shape[:2], np.float32), {})
    shares: dict[str, float] = {}
    for name in kinds:
        caution = _CAUTION if len(kinds) > 1 and (wish.act or FINDERS[name].cautious) else 1.0
        if name == "dust" and wish.infrared is not None:
            result.infrared = dust = _by_infrared(image, wish.infrared, wish.sensitivity * caution, act=wish.act)
            found, sure, numbers = dust.mask, dust.confidence, None
        else:
            found, sure, numbers = _found(image, name, wish.sensitivity * caution, act=wish.act)
        found &= allowed
        shares[name] = np.count_nonzero(found) / found.size
        if shares[name] > _MAX_SHARE and not wish.placed and not wish.act:
            _warn(name, shares[name], wish.sensitivity)
            continue
        result.mask |= found
        if numbers is not None:
            result.lines[name] = numbers
        np.maximum(result.confidence, sure, out=result.confidence, where=found)
    if wish.act and not wish.placed:
        _check(result.mask, result.confidence, shares)
    return result


def _by_infrared(image: Image, infrared: NDArray[np.generic], sensitivity: float, *, act: bool) -> Infrared:
    from inpaintkit.find.infrared import find_infrared

    return find_infrared(image, infrared, sensitivity=sensitivity, act=act)


def _traced(image: Image, at: tuple[int, int], allowed: Mask) -> tuple[Mask, Image, dict[str, Labels]]:
    """The one crack at X, Y."""
    from inpaintkit.find.tracing import trace_crack

    labels = np.zeros(image.shape[:2], np.int32)
    mask, confidence = trace_crack(image, at, labels=labels)
    return mask & allowed, np.where(allowed, confidence, np.float32(0)), {"cracks": labels}


def _found(image: Image, name: str, sensitivity: float, *, act: bool) -> tuple[Mask, Image, Labels | None]:
    """What one finder finds, with the numbers of its lines where it has some."""
    find: Callable[..., tuple[Mask, Image]] = getattr(
        importlib.import_module(f"inpaintkit.find.{name}"), f"find_{name}"
    )
    if not FINDERS[name].lined:
        return *find(image, sensitivity=sensitivity, act=act), None
    labels = np.zeros(image.shape[:2], np.int32)
    return *find(image, sensitivity=sensitivity, act=act, labels=labels), labels


def _check(mask: Mask, confidence: Image, shares: dict[str, float]) -> None:
    """Refuse to act on what is too much, or hardly damage by its own odds."""
    pixels = int(np.count_nonzero(mask))
    share, trust = pixels / mask.size, float(confidence.sum(dtype=np.float64)) / (pixels or 1)
    if share > _MAX_ACTED:
        reason = f"more than {_MAX_ACTED:.0%}"
    elif pixels and trust < _MIN_TRUST:
        reason = f"and by its own odds only {trust:.0%} of that is damage"
    else:
        return
    what = ", ".join(f"{name} {part:.1%}" for name, part in shares.items() if part > 0)
    raise LargeFindError(
        f"{share:.1%} of the picture passes for damage ({what}), {reason}: it is probably what the picture shows, so "
        "nothing is done; look at what 'inpaintkit mask find' proposes, and accept it with accept_large=True "
        "(--accept-large), or say with inside or exclude (LEFT,TOP,WIDTH,HEIGHT) where it is to be found"
    )


def _warn(name: str, share: float, sensitivity: float) -> None:
    """Say why nothing of a kind of damage is proposed, and how to have it nevertheless."""
    warnings.warn(
        f"{share:.0%} of the picture passes for {name}, more than {_MAX_SHARE:.0%}: it is probably what the picture "
        f"shows, so none of it is proposed; lower the sensitivity (now {sensitivity:g}), or say with inside "
        "(LEFT,TOP,WIDTH,HEIGHT, the whole picture if need be) where it is to be found",
        LargeFindWarning,
        stacklevel=4,
    )
