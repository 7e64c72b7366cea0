"""What the finders take of sound pictures: the share of photographs and drawn patterns that is proposed and acted on.

    python -m inpaintkit.benchmarks.studies.clean --shared DIR [--kinds KINDS] [--sizes 1,2,4] [--patterns N]
                                          [--part I/N] [--save DIR]

Photographs are those of the shared data's folder and of installed packages, named by the start of their SHA-256. Left
out are those with real lettering (``LETTERED``) and those that are damaged or painted over (``DAMAGED``). Each is
looked at whole, at half and at a quarter of its sides. Patterns are drawn: what is alike at like distances and no text,
those that weights were fitted to (``DRAWN``) and others (``_unseen``). ``--part 2/3`` looks at the second third of all.
``--save`` writes the worst ones with what is proposed shown on them.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import skimage.data

from inpaintkit import find_mask
from inpaintkit.benchmarks.studies import _lamps, _unseen
from inpaintkit.benchmarks.studies._cases import new_folder
from inpaintkit.benchmarks.studies.damage import Pixels
from inpaintkit.files import read, write
from inpaintkit.find import PURPOSES
from inpaintkit.find.kinds import KINDS
from inpaintkit.sheet import proposed

SHARED = (
    *("dip/kate", "dip/library", "dip/vase", "lpips/ex_ref", "object_removal/image1.jpg", "object_removal/image2.jpg"),
    *(
        f"dip_table_grey/{name}"
        for name in "Cameraman256 Lena512 barbara boat couple fingerprint hill house man peppers256".split()
    ),
    *("gsr/Barbara256rgb", "gsr/House256rgb"),
    *(f"kodak/kodim{number:02}" for number in range(2, 26, 2)),
    *(f"mnps/real_{number:04}" for number in range(1, 17) if number not in (1, 6, 10)),
)
OF_SKIMAGE = (
    "astronaut brick camera cell chelsea coffee coins grass gravel hubble_deep_field.jpg ihc microaneurysms moon "
    "motorcycle_left motorcycle_right retina.jpg rocket.jpg clock_motion"
).split()
LETTERED = "dip_table_grey/montage large/Mr_Lee mnps/real_0001, 0006, 0010 object_removal/image5 skimage page, text"
DAMAGED = "mnps/input_* object_removal/forest_pruned opencv_telea_fixture/* text_overlay/new old_photos/* stamps/*"
_LARGEST = 1500  # px: a side; larger photographs are reduced
_WORST = 10
_UNSEEN = 100  # first seed of the patterns that nothing was fitted to
_TEXTURED = 6.0  # levels: standard deviation of a drawn pattern's grain at the most


@dataclass(frozen=True)
class Row:
    """A picture at one size, and what of it each purpose takes of one kind, in [0, 1]."""

    name: str
    size: int
    kind: str
    shares: tuple[float, ...]


def photographs(shared: Path) -> Iterator[tuple[str, Pixels]]:
    """Name and pixels of each clean photograph there is, no larger than 1500 px."""
    folder = Path(skimage.data.__file__).parent
    paths = [shared / (name if "." in name else f"{name}.png") for name in SHARED]
    paths += [folder / (name if "." in name else f"{name}.png") for name in OF_SKIMAGE]
    if found := importlib.util.find_spec("matplotlib"):
        assert found.origin
        paths.append(Path(found.origin).parent / "mpl-data" / "sample_data" / "grace_hopper.jpg")
    for path in filter(Path.is_file, paths):
        pixels = read(path)
        pixels = pixels[..., :3] if pixels.ndim == 3 else pixels
        name = f"{path.stem} {hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"
        yield name, _reduced(pixels, max(1.0, max(pixels.shape[:2]) / _LARGEST))


def _reduced(pixels: Pixels, times: float) -> Pixels:
    if times <= 1:
        return pixels
    size = [max(1, round(side / times)) for side in pixels.shape[1::-1]]
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def patterns(number: int, drawn: dict[str, Any], first: int = 0) -> Iterator[tuple[str, Pixels]]:
    """So many drawn pictures of each pattern, by their seeds from the first on."""
    for name, draw in drawn.items():
        for seed in range(first, first + number):
            rng = np.random.default_rng(seed)
            yield f"{name} {seed}", _photographed(draw(rng), rng)


def _ground(rng: np.random.Generator) -> tuple[Pixels, list[float], list[float]]:
    """An empty picture, its colour and one that is far from it."""
    colour, other = rng.uniform(0, 255, (2, 3))
    while abs(colour.mean() - other.mean()) < 80:
        colour, other = rng.uniform(0, 255, (2, 3))
    return np.full((300, 400, 3), colour, np.uint8), colour.tolist(), other.tolist()


def _bars(rng: np.random.Generator, *, jitter: float, tall: tuple[float, float]) -> Pixels:
    """Bars side by side, rows of them; each off its place and shape by ``jitter`` of the pitch."""
    image, _, ink = _ground(rng)
    pitch, top = rng.uniform(6, 30), 0.0
    while top < 300:
        height = rng.uniform(*tall)
        for left in np.arange(0, 400, pitch):
            off = rng.normal(0, jitter * pitch, (4, 2))
            x, right = left, left + rng.uniform(0.3, 0.6) * pitch
            corners = np.array([[x, top], [right, top], [right, top + height], [x, top + height]]) + off
            cv2.fillPoly(image, [np.rint(corners * 16).astype(np.int32)], ink, cv2.LINE_AA, 4)
        top += height * rng.uniform(1.05, 1.6)
    return image


def _leaves(rng: np.random.Generator) -> Pixels:
    """Narrow leaves in fans from a few stems."""
    image, _, ink = _ground(rng)
    for _ in range(rng.integers(3, 9)):
        stem, length = rng.uniform(0, (400, 300)), rng.uniform(30, 140)
        for turn in np.arange(0, 2 * np.pi, rng.uniform(0.08, 0.3)):
            turn += rng.normal(0, 0.04)
            way = np.array([np.cos(turn), np.sin(turn)])
            middle = stem + way * length * rng.uniform(0.4, 0.6)
            axes = (int(length * rng.uniform(0.3, 0.5)), max(1, int(length * rng.uniform(0.02, 0.07))))
            shade = [float(np.clip(part + rng.normal(0, 12), 0, 255)) for part in ink]
            cv2.ellipse(image, np.rint(middle).astype(int).tolist(), axes, np.degrees(turn), 0, 360, shade, -1, 16)
    return image


def _zebra(rng: np.random.Generator) -> Pixels:
    """Wavy stripes whose width and direction change slowly."""
    _, ground, ink = _ground(rng)
    y, x = np.mgrid[:300, :400].astype(float)
    way, pitch = rng.uniform(0, np.pi), rng.uniform(8, 28)
    wave = cv2.GaussianBlur(rng.normal(0, 1, (300, 400)), (0, 0), rng.uniform(15, 40))
    phase = (x * np.cos(way) + y * np.sin(way)) / pitch + rng.uniform(0.3, 1.2) * wave / wave.std()
    share = np.clip(np.sin(2 * np.pi * phase) * 3 + 0.5, 0, 1)[..., None]
    return np.asarray(share * ink + (1 - share) * ground, np.uint8)


def _windows(rng: np.random.Generator) -> Pixels:
    """Panes in frames, in rows."""
    image, _, ink = _ground(rng)
    wide, high = rng.uniform(14, 50, 2)
    columns, rows = rng.integers(1, 4, 2)
    for top in np.arange(rng.uniform(0, high), 300, high * rng.uniform(1.2, 2)):
        for left in np.arange(rng.uniform(0, wide), 400, wide * rng.uniform(1.2, 2)):
            for part in np.ndindex(int(rows), int(columns)):
                corner = np.array([left + part[1] * wide / columns, top + part[0] * high / rows])
                end = corner + np.array([wide / columns, high / rows]) * rng.uniform(0.75, 0.85)
                shade = [float(np.clip(part + rng.normal(0, 6), 0, 255)) for part in ink]
                cv2.rectangle(image, np.rint(corner).astype(int).tolist(), np.rint(end).astype(int).tolist(), shade, -1)
    return image


def _bricks(rng: np.random.Generator) -> Pixels:
    image, _, ink = _ground(rng)
    high = rng.uniform(6, 24)
    wide = high * rng.uniform(1, 3)
    for row, top in enumerate(np.arange(0, 300, high)):
        for left in np.arange(-wide * (row % 2) / 2, 400, wide):
            shade = [float(np.clip(part + rng.normal(0, 10), 0, 255)) for part in ink]
            corner = np.array([left, top])
            end = corner + [wide - max(2, 0.15 * high), high - max(2, 0.15 * high)]
            cv2.rectangle(image, np.rint(corner).astype(int).tolist(), np.rint(end).astype(int).tolist(), shade, -1)
    return image


DRAWN: dict[str, Any] = {
    "zebra": _zebra,
    "leaves": _leaves,
    "slats": lambda rng: _bars(rng, jitter=0.01, tall=(200, 300)),
    "fence": lambda rng: _bars(rng, jitter=0.05, tall=(30, 120)),
    "books": lambda rng: _bars(rng, jitter=0.1, tall=(40, 90)),
    "keys": lambda rng: _bars(rng, jitter=0.03, tall=(8, 20)),
    "windows": _windows,
    "bricks": _bricks,
}


def _photographed(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A drawing seen at a slant, blurred, and with grain."""
    height, width = pixels.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + rng.uniform(0, 0.12, (4, 2)).astype(np.float32) * [[1, 1], [-1, 1], [-1, -1], [1, -1]] * [
        width,
        height,
    ]
    matrix = cv2.getPerspectiveTransform(moved.astype(np.float32), corners)
    seen = cv2.warpPerspective(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.4, 1.5))
    return np.asarray(np.clip(seen + rng.normal(0, rng.uniform(0, _TEXTURED), seen.shape), 0, 255), np.uint8)


def measured(pictures: Iterator[tuple[str, Pixels]], kinds: list[Any], sizes: list[int]) -> Iterator[Row]:
    """What is taken of each picture, of each kind, at each size."""
    for name, pixels in pictures:
        for size in sizes:
            small = _reduced(pixels, size)
            for kind in kinds:
                taken: list[Any] = [find_mask(small, kind, purpose=each, accept_large=True) for each in PURPOSES]
                yield Row(name, size, kind, tuple(float(mask.mean()) for mask in taken))


def table(rows: list[Row], title: str) -> str:
    """Mean and largest share by kind, and the worst pictures."""
    lines = [f"| {title} | proposed: mean | largest | above 3 % | acted on: mean | largest | above 1 % |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for kind in dict.fromkeys(row.kind for row in rows):
        propose, act = np.array([row.shares for row in rows if row.kind == kind]).T
        lines.append(
            f"| {kind} | {propose.mean():.2%} | {propose.max():.1%} | {np.count_nonzero(propose > 0.03)} "
            f"| {act.mean():.3%} | {act.max():.1%} | {np.count_nonzero(act > 0.01)} |"
        )
    lines.append("")
    for kind in dict.fromkeys(row.kind for row in rows):
        worst = [row for row in _worst(rows, kind) if any(row.shares)]
        named = ", ".join(f"{row.name} 1/{row.size} {row.shares[0]:.2%} {row.shares[1]:.2%}" for row in worst)
        lines.append(f"- {kind}: {named or 'nothing'}")
    return "\n".join(lines)


def _worst(rows: list[Row], kind: str) -> list[Row]:
    """The pictures of which most is taken, and how much of it."""
    return sorted((row for row in rows if row.kind == kind), key=lambda row: -max(row.shares))[:_WORST]


def _show(pictures: Iterator[tuple[str, Pixels]], rows: list[Row], folder: Path) -> None:
    """Write each kind's worst pictures with what is proposed on them."""
    worst = [row for kind in dict.fromkeys(row.kind for row in rows) for row in _worst(rows, kind)]
    for name, pixels in pictures:
        for row in worst:
            if row.name == name and any(row.shares):
                small, kind = _reduced(pixels, row.size), cast(Any, row.kind)
                mask = find_mask(small, kind, accept_large=True)
                write(folder / f"{kind}_{name.replace(' ', '_')}_{row.size}.png", proposed(small, mask))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True, help="the shared data's folder")
    parser.add_argument("--kinds", default=",".join(kind for kind in KINDS if kind != "colour"))
    parser.add_argument("--sizes", default="1,2,4", help="times the photographs are reduced")
    parser.add_argument("--patterns", type=int, default=5, metavar="N", help="drawn pictures of each pattern")
    parser.add_argument("--part", default="1/1", metavar="I/N", help="only so much of all, for several processes")
    parser.add_argument("--save", type=new_folder, help="folder for the worst pictures")
    given = parser.parse_args()
    kinds, sizes = given.kinds.split(","), [int(size) for size in given.sizes.split(",")]
    which, parts = (int(each) for each in given.part.split("/"))

    def part(pictures: Iterator[tuple[str, Pixels]]) -> Iterator[tuple[str, Pixels]]:
        return islice(pictures, which - 1, None, parts)

    rows = list(measured(part(photographs(given.shared)), kinds, sizes))
    print(f"{len({row.name for row in rows})} photographs\n\n{table(rows, 'photographs')}\n")
    sets = {
        "drawn patterns, fitted to": (DRAWN, 0),
        "drawn patterns, unseen": (_unseen.DRAWN, _UNSEEN),
        "drawn lamps": (_lamps.DRAWN, 0),
    }
    for title, (draw, first) in sets.items() if given.patterns else ():
        drawn = list(measured(part(patterns(given.patterns, draw, first)), kinds, [1]))
        print(f"{table(drawn, title)}\n")
        if given.save:
            _show(patterns(given.patterns, draw, first), drawn, given.save)
    if given.save:
        _show(photographs(given.shared), rows, given.save)


if __name__ == "__main__":
    main()
