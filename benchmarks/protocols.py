"""Mask protocols of the literature, generated from a seed and recorded so that each mask can be made again.

A protocol is written NAME or NAME:OPTION=VALUE,...: ``pconv:bin=10-20,border=no``, ``drop:share=0.5``. Lengths that a
code gives in pixels are scaled with the picture's shorter side, from the side that the code is written for.

References: Liu et al. 2018 (pconv); Yu et al. 2019, ``inpaint_ops.py`` (brush); Suvorov et al. 2022,
``configs/data_gen/random_*_512.yaml`` (lama); Pathak et al. 2016 (center); Yu et al. 2018 (box); Ulyanov et al. 2018
(drop).
"""

from __future__ import annotations

import hashlib
import inspect
import json
import typing
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from inpaintkit import damage
from inpaintkit.atomic import write_text
from inpaintkit.files import READABLE, read_mask
from inpaintkit.masks import rect, stroke
from inpaintkit.picture import mask_of
from inpaintkit.problem import Mask

Shape = tuple[int, int]
Bin = Literal["1-10", "10-20", "20-30", "30-40", "40-50", "50-60"]

BINS: tuple[Bin, ...] = typing.get_args(Bin)
FOLDER = "folder"  # the protocol of the user's own masks
_MARGIN = 50 / 512  # of the side: PConv's masks without border leave so much free
_TRIES = 10_000


def pconv(shape: Shape, seed: int, *, bin: Bin = "10-20", border: bool = True, folder: str = "") -> Mask:
    """Irregular masks by their share of the picture.

    Without ``folder`` they are bent strokes, added until the share lies in the bin: the published masks come from
    occlusions in video and look different. What is counted is the mask as it is used, after scaling.

    Parameters
    ----------
    bin : share in per cent, the lower end excluded.
    border : holes may touch the picture's border; else they keep 50/512 of the side away from it.
    folder : the user's copy of the published set, white in the hole; one of the bin is picked at random and scaled by
        nearest neighbour.
    """
    low, high = (float(end) / 100 for end in bin.split("-"))
    rng = np.random.default_rng(seed)
    if folder:
        return _published(shape, rng, Path(folder), low, high, border)
    free = _inner(shape) if not border else np.ones(shape, np.bool_)
    target = rng.uniform(low + 0.1 * (high - low), high)
    mask = np.zeros(shape, np.bool_)
    for _ in range(_TRIES):
        if mask.mean() >= target:
            return mask
        more = mask | (_bent_stroke(shape, rng) & free)
        if more.mean() <= high:
            mask = more
    raise ValueError(f"no irregular mask of {bin} % found for a picture of {shape}: take a larger picture")


def brush(shape: Shape, seed: int) -> Mask:
    """DeepFillv2's free-form strokes; widths are for a side of 256 px, lengths go with the diagonal."""
    rng = np.random.default_rng(seed)
    height, width = shape
    mean, spread = 2 * np.pi / 5, 2 * np.pi / 15
    radius = np.hypot(height, width) / 8
    mask = np.zeros(shape, np.bool_)
    for _ in range(rng.integers(1, 4)):
        low, high = mean - rng.uniform(0, spread), mean + rng.uniform(0, spread)
        points = [rng.uniform(0, (width, height))]
        for index in range(rng.integers(4, 12)):
            angle = rng.uniform(low, high)
            angle = 2 * np.pi - angle if index % 2 == 0 else angle
            step = np.clip(rng.normal(radius, radius // 2), 0, 2 * radius)
            points.append(np.clip(points[-1] + step * np.array([np.cos(angle), np.sin(angle)]), 0, (width, height)))
        mask |= stroke(shape, _inside(points, shape), max(1, rng.uniform(12, 40) * min(shape) / 256))
    for axis in (0, 1):
        if rng.random() < 0.5:
            mask = np.flip(mask, axis)
    return np.ascontiguousarray(mask)


def lama_thin(shape: Shape, seed: int) -> Mask:
    """LaMa's thin masks: 4 to 71 strokes up to 24 px wide at a side of 512 px."""
    return _lama(shape, seed, strokes=(4, 71), width=20, length=100)


def lama_medium(shape: Shape, seed: int) -> Mask:
    """LaMa's medium masks: 4 to 11 strokes up to 104 px wide at 512 px, or 1 to 5 boxes of 30 to 150 px."""
    return _lama(shape, seed, strokes=(4, 11), width=100, length=200, boxes=(1, 5), sides=(30, 150))


def lama_thick(shape: Shape, seed: int) -> Mask:
    """LaMa's thick masks: 1 to 6 strokes up to 254 px wide at 512 px, or 1 to 4 boxes of 30 to 300 px."""
    return _lama(shape, seed, strokes=(1, 6), width=250, length=450, boxes=(1, 4), sides=(30, 300), margin=10)


def center(shape: Shape, seed: int, *, side: float = 0.5) -> Mask:
    """A box in the middle, ``side`` (0 to 1) of the picture's sides: 0.5 is 128 of 256 px. Seeds do not change it."""
    return _box(shape, side, 0.5, 0.5)


def box(shape: Shape, seed: int, *, side: float = 0.5) -> Mask:
    """A box anywhere in the picture, ``side`` (0 to 1) of the picture's own sides."""
    return _box(shape, side, *np.random.default_rng(seed).random(2))


def text(shape: Shape, seed: int, *, share: float = 0.2, size: int = 24) -> Mask:
    """Lines of words ``size`` px high that cover ``share`` (0 to 0.4) of the picture, to within what a line covers."""
    _check("share", share, 0.4)
    asked, tried = share, []
    for _ in range(4):
        tried.append(damage.text(shape, size=size, share=asked, seed=seed))
        covered = float(tried[-1].mean())
        if not covered:
            raise ValueError(f"{shape[1]} x {shape[0]} pixels hold no letter of {size}: give text a smaller size")
        asked = min(1, asked * share / covered)  # lines are whole, so the share is met by trial
    return min(tried, key=lambda mask: abs(float(mask.mean()) - share))


def scratch(shape: Shape, seed: int, *, number: int = 14, widest: int = 6) -> Mask:
    """Bent scratches 1 to ``widest`` px wide."""
    return damage.scratches(shape, number=number, max_width=widest, seed=seed)


def drop(shape: Shape, seed: int, *, share: float = 0.5) -> Mask:
    """Every pixel lost with probability ``share``, in (0, 1)."""
    _check("share", share, 1)
    lost: Mask = np.random.default_rng(seed).random(shape) < share
    return lost


DRAW: dict[str, Callable[..., Mask]] = {
    "pconv": pconv,
    "brush": brush,
    "lama-thin": lama_thin,
    "lama-medium": lama_medium,
    "lama-thick": lama_thick,
    "center": center,
    "box": box,
    "text": text,
    "scratch": scratch,
    "drop": drop,
}


@dataclass(frozen=True)
class Protocol:
    """How masks are made: a name of ``DRAW`` and its options, all of them with their values."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        stated = [f"{name}={_spelled(value)}" for name, value in self.options.items() if value != ""]
        return f"{self.name}:{','.join(stated)}" if stated else self.name

    @property
    def slug(self) -> str:
        """The protocol as part of a file's name."""
        return "-".join([self.name, *(part for option in self.options.items() if (part := _part(*option)))])

    def draw(self, shape: Shape, seed: int) -> Mask:
        """The mask (H, W) of a seed; the same on every machine with the same library versions."""
        return DRAW[self.name](shape, seed, **self.options)


def parse(text: str) -> list[Protocol]:
    """The protocols that a text names; ``pconv`` without a bin is all six of them.

    Raises
    ------
    ValueError : no such protocol or option, or a value of the wrong kind.
    """
    name, _, rest = text.partition(":")
    if name not in DRAW:
        raise ValueError(f"there is no mask protocol {name!r}: choose one of {', '.join(DRAW)}, or name a folder")
    given = dict(part.partition("=")[::2] for part in rest.split(",")) if rest else {}
    hints = typing.get_type_hints(DRAW[name])
    defaults = {
        option: parameter.default
        for option, parameter in inspect.signature(DRAW[name]).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    for option in given:
        if option not in defaults:
            raise ValueError(f"{name} has no option {option!r}: its options are {', '.join(defaults) or 'none'}")
    values = {
        option: _value(name, option, given[option], hints[option]) if option in given else default
        for option, default in defaults.items()
    }
    if name == "pconv" and "bin" not in given:
        return [Protocol(name, {**values, "bin": each}) for each in BINS]
    return [Protocol(name, values)]


@dataclass(frozen=True)
class Entry:
    """A line of a manifest: which mask, how it was made, and the SHA-256 of its shape and bits."""

    picture: str
    name: str
    protocol: str
    seed: int
    shape: Shape
    share: float
    sha256: str
    source: str = ""  # the file of a user's mask, or the folder of published ones


def digest(mask: Mask) -> str:
    """SHA-256 of a mask's shape and bits, which no file format changes."""
    return hashlib.sha256(repr(mask.shape).encode() + np.packbits(mask).tobytes()).hexdigest()


def seed_of(picture: str, protocol: Protocol, seed: int) -> int:
    """A seed for one picture, which does not depend on what other pictures there are."""
    return int.from_bytes(hashlib.sha256(f"{seed} {picture} {protocol}".encode()).digest()[:4])


def generated(picture: str, shape: Shape, protocol: Protocol, seed: int) -> tuple[Entry, Mask]:
    """A picture's mask of a protocol and its line for the manifest."""
    own = seed_of(picture, protocol, seed)
    mask = protocol.draw(shape, own)
    name = f"{picture}--{protocol.slug}"
    folder = protocol.options.get("folder")
    source = str(Path(folder).resolve()) if folder else ""
    return Entry(picture, name, str(protocol), own, shape, float(mask.mean()), digest(mask), source), mask


def user_mask(picture: str, shape: Shape, file: Path) -> tuple[Entry, Mask]:
    """A mask of the user's own, as ``generated`` gives it."""
    mask = _read(file)
    if mask.shape != shape:
        raise ValueError(f"{file} is {mask.shape}, {picture} is {shape}: give masks of the pictures' size")
    source = str(file.resolve())
    return Entry(picture, f"{picture}--{FOLDER}", FOLDER, 0, shape, float(mask.mean()), digest(mask), source), mask


def replayed(entry: Entry) -> Mask:
    """The mask of a manifest's line, made again.

    Raises
    ------
    ValueError : what comes out has another SHA-256: another version of a library, or another file.
    """
    if entry.protocol == FOLDER:
        mask = _read(Path(entry.source))
    else:
        protocol = parse(entry.protocol)[0]
        placed = {"folder": entry.source} if entry.source else {}  # a relative one was meant from elsewhere
        mask = replace(protocol, options=protocol.options | placed).draw(entry.shape, entry.seed)
    if digest(mask) != entry.sha256:
        raise ValueError(
            f"the mask {entry.name} came out as {digest(mask)[:12]}, the manifest says {entry.sha256[:12]}: install "
            "the versions that the manifest names, or take the masks' files"
        )
    return mask


def save_manifest(path: Path, entries: Iterable[Entry], versions: dict[str, str]) -> None:
    """Write a manifest, whole or not at all."""
    write_text(path, json.dumps({"versions": versions, "masks": [asdict(entry) for entry in entries]}, indent=1))


def load_manifest(path: Path) -> list[Entry]:
    """The lines of a manifest."""
    found = [Entry(**{**line, "shape": tuple(line["shape"])}) for line in json.loads(path.read_text("utf-8"))["masks"]]
    for name in (name for entry in found for name in (entry.name, entry.picture)):
        if "/" in name or "\\" in name or not name.strip("."):
            raise ValueError(f"{path} holds the name {name!r}: expected names of files, not paths")
    return found


def _value(protocol: str, option: str, text: str, kind: Any) -> Any:
    choices = typing.get_args(kind)
    if choices:
        if text in choices:
            return text
        needed = " or ".join(choices)
    elif kind is bool:
        if text in ("yes", "no"):
            return text == "yes"
        needed = "yes or no"
    else:
        try:
            return kind(text)
        except ValueError:
            needed = "a whole number" if kind is int else "a number"
    raise ValueError(f"{protocol}'s option {option} is {text!r}: expected {needed}")


def _spelled(value: Any) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _part(option: str, value: Any) -> str:
    if isinstance(value, bool):
        return option if value else f"no-{option}"
    return Path(value).name if option == "folder" else _spelled(value)


def _check(name: str, value: float, max_value: float) -> None:
    if not 0 < value < max_value + (max_value < 1) * 1e-9:
        raise ValueError(f"{name} is {value:g}: expected more than 0 and at most {max_value:g}")


def _inner(shape: Shape) -> Mask:
    """The picture without PConv's margin."""
    down, across = (round(_MARGIN * side) for side in shape)
    inner = np.zeros(shape, np.bool_)
    inner[down : shape[0] - down, across : shape[1] - across] = True
    return inner


def _bent_stroke(shape: Shape, rng: np.random.Generator) -> Mask:
    """A stroke of random width, length and bends."""
    side = min(shape)
    points = [rng.uniform(0, (shape[1], shape[0]))]
    angle = rng.uniform(0, 2 * np.pi)
    for _ in range(rng.integers(2, 9)):
        angle += rng.normal(0, 0.7)
        points.append(points[-1] + rng.uniform(0.03, 0.15) * side * np.array([np.cos(angle), np.sin(angle)]))
    return stroke(shape, _inside(points, shape), max(1.0, rng.uniform(0.01, 0.07) * side))


def _inside(points: list[Any], shape: Shape) -> list[Any]:
    """Points moved into the picture."""
    return [np.clip(point, 0, (shape[1] - 1, shape[0] - 1)) for point in points]


def _published(shape: Shape, rng: np.random.Generator, folder: Path, low: float, high: float, border: bool) -> Mask:
    """A mask of the user's copy of the published set that lies in a bin and touches the border as asked."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in READABLE)
    for index in rng.permutation(len(files)):
        mask = _read(files[index])
        touches = bool((mask & ~_inner(mask.shape)).any())
        scaled = cv2.resize(mask.view(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST).astype(np.bool_)
        if low < scaled.mean() <= high and touches == border:
            return scaled
    raise ValueError(
        f"{folder} holds {len(files)} masks, none that covers {low:.0%} to {high:.0%} "
        f"{'and comes near' if border else 'and keeps away from'} the border: add some, or leave folder out"
    )


def _read(file: Path) -> Mask:
    return mask_of(read_mask(file))


def _lama(
    shape: Shape,
    seed: int,
    *,
    strokes: tuple[int, int],
    width: int,
    length: int,
    boxes: tuple[int, int] | None = None,
    sides: tuple[int, int] = (0, 0),
    margin: int = 0,
) -> Mask:
    """A mask of LaMa's generator: strokes, or with probability 0.3 / 1.3 boxes; repeated above half the picture."""
    rng = np.random.default_rng(seed)
    scale = min(shape) / 512
    for _ in range(_TRIES):
        if boxes and rng.random() < 0.3 / 1.3:
            mask = _boxes(shape, rng, boxes, sides, margin, scale)
        else:
            mask = _chains(shape, rng, strokes, width, length, scale)
        if 0 < mask.mean() <= 0.5:
            return mask
    raise ValueError(f"no mask of at most half the picture found for {shape}: take a larger picture")


def _chains(
    shape: Shape, rng: np.random.Generator, strokes: tuple[int, int], width: int, length: int, scale: float
) -> Mask:
    """Chains of one to five straight strokes; each turns by a whole number of radians, every other one mirrored."""
    mask = np.zeros(shape, np.bool_)
    size = np.array(shape[::-1])
    for chain in range(rng.integers(strokes[0], strokes[1] + 1)):
        at = rng.integers(0, size).astype(float)
        for _ in range(rng.integers(1, 6)):
            angle = (0.01 + rng.integers(4)) * (-1 if chain % 2 == 0 else 1)
            step = (10 + rng.integers(length)) * scale
            end = np.clip(at + step * np.array([np.sin(angle), np.cos(angle)]), 0, size - 1)
            mask |= stroke(shape, [at, end], max(1.0, (5 + rng.integers(width)) * scale))
            at = end
    return mask


def _boxes(
    shape: Shape, rng: np.random.Generator, number: tuple[int, int], sides: tuple[int, int], margin: int, scale: float
) -> Mask:
    """Some boxes, which may overlap."""
    mask = np.zeros(shape, np.bool_)
    edge = round(margin * scale)
    for _ in range(rng.integers(number[0], number[1] + 1)):
        high, wide = (min(round(scale * rng.integers(sides[0], sides[1] + 1)), side - 2 * edge) for side in shape)
        top, left = (rng.integers(edge, side - edge - long + 1) for side, long in zip(shape, (high, wide), strict=True))
        mask[top : top + high, left : left + wide] = True
    return mask


def _box(shape: Shape, side: float, down: float, across: float) -> Mask:
    """A box of a share of the picture's sides; ``down`` and ``across`` (0 to 1) say where in the room that is left."""
    _check("side", side, 1)
    high, wide = (max(1, round(side * length)) for length in shape)
    return rect(shape, (round(across * (shape[1] - wide)), round(down * (shape[0] - high)), wide, high))
