"""How much soft edges give: text taken off as an overlay, against `fsr` under the best mask there is.

    python -m inpaintkit.benchmarks.studies.soft_letters [--kinds lossless,jpeg,transparent,wide,found] [--save DIR]
    python -m inpaintkit.benchmarks.studies.soft_letters --docs docs/soft.jpg

Letters are drawn over crops of scikit-image's photographs. The figure is PSNR over the letters' own pixels, opacity
above 0, less that of ``fsr`` under their exact mask; after JPEG, less that of the best of ``fsr`` under their mask
grown by 0, 1 and 2 px, against the photograph stored alike. "told": the ink is given; "known": opacity and ink are;
"own": neither. The file says how it was stored; "judged": that, too, is left to the pixels.
``cases`` is the whole list; the fonts are not those that constants were tuned with (DejaVu Serif, ExtraLight).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from inpaintkit import Overlay, find_mask, inpaint, remove_overlay
from inpaintkit.benchmarks.studies._cases import arguments, new_folder
from inpaintkit.files import write
from inpaintkit.overlay import Stored
from inpaintkit.picture import grow
from inpaintkit.problem import Mask
from inpaintkit.sheet import sheet

Pixels = NDArray[np.uint8]

KINDS = ("lossless", "jpeg", "transparent", "wide", "found")
PHOTOS = {  # row and column of the crop's first pixel
    "astronaut": (0, 128),
    "coffee": (100, 200),
    "chelsea": (20, 60),
    "rocket": (120, 200),
    "retina": (500, 500),
    "camera": (100, 100),
    "grass": (0, 0),
    "gravel": (0, 0),
}
HIGH, WIDE = 192, 256  # px
FONTS = ("DejaVuSans.ttf", "DejaVuSansMono-Bold.ttf", "STIXGeneral.ttf", "cmr10.ttf", "cmss10.ttf")
SIZES = (16, 24, 48)  # px
INKS = {"yellow": (250, 230, 40), "white": (255, 255, 255), "black": (0, 0, 0), "red": (200, 30, 30)}
OPACITIES = (0.3, 0.5, 0.7, 0.9)
JPEGS = tuple(product((95, 85), ("4:4:4", "4:2:0")))
WIDER = 3  # px
_SHOWN = ("transparent", "coffee", "DejaVuSans.ttf", 48, "white", 0.5)  # the case that the docs show
LINES = (
    "Morning ferry, 24 March 1967, pier nine",
    "Quiet harbour with boxes of jam, 08:35",
    "We sang until the lamps went out; Kiel",
    "Big Dog vs. Fuzzy Lynx: 7-2, half time",
    "The old mill at Yverdon-les-Bains (CH)",
)


@dataclass(frozen=True)
class Case:
    """What is drawn over which photograph, and how it is stored."""

    kind: str
    photo: str
    font: str
    size: int
    ink: str
    opacity: float = 1.0
    quality: int = 0  # 0: lossless
    subsampling: str = ""

    @property
    def row(self) -> str:
        """Of the table."""
        stored = f" q{self.quality} {self.subsampling}" if self.quality else ""
        opacity = f" {self.opacity}" if self.opacity < 1 else ""
        return f"{self.kind}{opacity}{stored}, {self.ink} {self.size} px"


def cases(kinds: list[str]) -> Iterator[Case]:
    """The whole list. Every photograph meets every size in every kind; fonts and inks take turns within."""
    for index, (photo, size) in enumerate(product(PHOTOS, SIZES)):
        for turn, ink in enumerate(("yellow", "white", "black", "red")):
            font = FONTS[(index + turn) % len(FONTS)]
            for kind in kinds:
                if kind == "jpeg":
                    if turn < 2:
                        yield from (Case(kind, photo, font, size, ink, 1.0, *stored) for stored in JPEGS)
                elif kind == "transparent":
                    if turn < 2:
                        yield from (Case(kind, photo, font, size, ink, opacity) for opacity in OPACITIES)
                elif kind == "lossless" or turn < 2:
                    yield Case(kind, photo, font, size, ink)


def photograph(name: str) -> Pixels:
    """A crop of a photograph of scikit-image."""
    whole, (top, left) = getattr(skimage.data, name)(), PHOTOS[name]
    return np.ascontiguousarray(whole[top : top + HIGH, left : left + WIDE])


def cover(size: int, font: str) -> NDArray[np.float64]:
    """What lines of text cover, (HIGH, WIDE)."""
    canvas = PILImage.new("L", (WIDE, HIGH), 0)
    path = Path(matplotlib.__file__).parent / "mpl-data/fonts/ttf" / font
    draw, face = ImageDraw.Draw(canvas), ImageFont.truetype(str(path), size)
    for number, top in enumerate(range(6, HIGH - size // 2, 2 * size)):
        draw.text((6, top), LINES[number % len(LINES)], font=face, fill=255)
    return np.asarray(canvas) / 255


def stored(photo: Pixels, case: Case) -> tuple[Pixels, Stored | None]:
    """A photograph as the case's file gives it back, and what the file says."""
    if not case.quality:
        return photo, None
    file = io.BytesIO()
    PILImage.fromarray(photo).save(file, "JPEG", quality=case.quality, subsampling=case.subsampling)
    image = PILImage.open(file)
    return np.asarray(image), Stored.of_picture(image)


def psnr(result: NDArray[Any], truth: NDArray[Any]) -> float:
    """In decibels, for levels of 8 bits; no error counts as less than rounding's."""
    return float(10 * np.log10(255**2 / max(np.mean(np.square(result.astype(float) - truth)), 1 / 12)))


def measured(case: Case) -> tuple[dict[str, float], list[Pixels]]:
    """PSNR of the reference, what each way gains on it, and pictures to look at."""
    photo, opacity = photograph(case.photo), cover(case.size, case.font) * case.opacity
    ink = np.array(INKS[case.ink], float) if photo.ndim == 3 else np.array([np.mean(INKS[case.ink])])
    share = opacity[..., None] if photo.ndim == 3 else opacity
    drawn = np.rint((1 - share) * photo + share * (ink if photo.ndim == 3 else ink[0])).astype(np.uint8)
    letters: Mask = opacity > 0
    (seen, file), (clean, _) = stored(drawn, case), stored(photo, case)
    fills = [inpaint(seen, grow(letters, by), "fsr") for by in ((0, 1, 2) if case.quality else (0,))]
    figures = [psnr(fill[letters], clean[letters]) for fill in fills]
    best = int(np.argmax(figures))
    mask = {"wide": grow(letters, WIDER), "found": None}.get(case.kind, letters)
    own = {"mask": mask, "stored": file}
    ways: dict[str, dict[str, Any]] = {"told": {**own, "colour": ink}, "own": own}
    if case.quality:
        ways["judged"] = {"mask": mask}
    else:
        ways["known"] = {"overlay": Overlay(opacity.astype(np.float32), ink)}
    results = {"fsr": figures[best]}
    pictures = [seen, fills[best]]
    for way, more in ways.items():
        removed = remove_overlay(seen, method="fsr", **more)
        results[way] = psnr(removed[letters], clean[letters]) - figures[best]
        pictures.append(removed)
    if case.kind == "found":
        found = inpaint(seen, find_mask(seen), "fsr")
        results["found"] = psnr(found[letters], clean[letters]) - figures[best]
    return results, [*pictures, clean]


def table(rows: dict[str, list[dict[str, float]]]) -> str:
    """Means, and the worst of each way, for each row."""
    lines = [
        "| case | n | fsr, dB | known | told | worst | own | worst | judged | worst | found mask, fsr |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row, results in rows.items():
        columns = [f"| {row} | {len(results)} | {np.mean([one['fsr'] for one in results]):.2f} "]
        for way, worst in (("known", False), ("told", True), ("own", True), ("judged", True), ("found", False)):
            values = [one[way] for one in results if way in one]
            columns.append(f"{np.mean(values):+.2f} " if values else "")
            columns += [f"{np.min(values):+.2f} " if values else ""] if worst else []
        lines.append("| ".join(columns) + "|")
    return "\n".join(lines)


def for_docs(path: Path) -> None:
    """The picture of the docs: half-transparent letters, filled over, and taken off as an overlay."""
    figures, (seen, fill, _, own, *_) = measured(Case(*_SHOWN))
    titles = "seen", f"fsr, {figures['fsr']:.1f} dB", f"as an overlay, {figures['fsr'] + figures['own']:.1f} dB"
    PILImage.fromarray(sheet(list(zip(titles, (seen, fill, own), strict=True)))).save(path, quality=90)


def main() -> None:
    """Print each case as it is done, then the tables."""
    parser = arguments(__doc__, docs=True)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--photos", default=",".join(PHOTOS))
    parser.add_argument(
        "--save", type=new_folder, help="a folder for pictures: seen, fsr, told, own, known or judged, truth"
    )
    options = parser.parse_args()
    if options.docs:
        for_docs(options.docs)
        return
    rows: dict[str, list[dict[str, float]]] = {}
    for case in cases(options.kinds.split(",")):
        if case.photo not in options.photos.split(","):
            continue
        results, pictures = measured(case)
        print(
            f"{case.row}, {case.photo}, {case.font}:",
            *(f"{way} {value:.2f}" for way, value in results.items()),
            flush=True,
        )
        for key in (case.row, f"{case.kind}, all"):
            rows.setdefault(key, []).append(results)
        if options.save:
            write(options.save / f"{case.row} {case.photo}.png".replace(" ", "_").replace(":", ""), np.hstack(pictures))
    print(table(dict(sorted(rows.items()))))


if __name__ == "__main__":
    main()
