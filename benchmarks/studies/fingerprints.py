"""What every method, finder, mask command and file writer gives, as hashes: proof that an edit changed no bit.

    python -m inpaintkit.benchmarks.studies.fingerprints [-o FILE] [--against FILE] [--only PATTERN]

Writes JSON, case -> SHA-256. With ``--against`` it prints each case that differs, is missing or is new, and ends with
status 1 if any differs or is missing. Another version of the code is measured by running this file itself:

    PYTHONPATH=OTHER_CHECKOUT python benchmarks/studies/fingerprints.py -o before.json

Only public names are used, so that the same file runs before and after the code has been moved about. The hashes hold
for one machine and one set of installed packages. Left out, because no two runs need agree: the times, ``accelerate``
and ``time_limit`` of ``dip``, devices other than the CPU, and ``prior`` methods on several threads. The boxes of
``Info.regions`` and the wording of errors and remarks are no pictures, and are left out too.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

import inpaintkit
from inpaintkit import damage, find_mask, inpaint, load, masks, methods, read, read_mask, variants, write

Pixels = NDArray[Any]
Case = tuple[str, Callable[[], Any]]  # its name, and what gives the value, or a dict of values, to be hashed

ROOT = Path(inpaintkit.__file__).parents[1]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
TORCH = importlib.util.find_spec("torch") is not None
PRIOR = ("dip", "mnps")
CLASSIC = tuple(name for name in methods() if name not in PRIOR)
VGG19_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23)  # as torchvision counts its layers, up to conv4_3
PART = " | "  # between the name of a case and that of a part of what it gives
QUICK: dict[str, dict[str, Any]] = {
    "dip": {
        "recipe": {"base": "small", "runs": 1, "down": (16, 16, 16), "up": (16, 16, 16), "skip": (4, 4, 4)},
        "steps": 50,
        "threads": 1,
    },
    "mnps": {"content": "harmonic", "steps": 2, "scales": 1, "threads": 1},
}
SMALL = {"down": (16, 16), "up": (16, 16), "skip": (4, 4), "runs": 1}

# ---------------------------------------------------------------------------------------------- pictures and holes


def photo(side: int | tuple[int, int] = 64, channels: int = 3, dtype: str = "uint8", seed: int = 0) -> Pixels:
    """Stripes, a disc, a slope and a little noise: (H, W, channels), alpha partly transparent."""
    height, width = (side, side) if isinstance(side, int) else side
    y, x = np.mgrid[:height, :width]
    rng = np.random.default_rng(seed)
    disc = (y - height / 2) ** 2 + (x - width / 3) ** 2 < (min(height, width) / 4) ** 2
    planes = [0.3 + 0.3 * x / width + 0.15 * ((x + (2 - c) * y) // 7 % 2) - 0.2 * disc * (c - 1) for c in range(3)]
    colours = np.stack(planes, axis=2) + rng.normal(0, 0.02, (height, width, 3))
    alpha = np.clip(1.5 - y[..., None] / height, 0, 1)
    image = np.concatenate([colours[..., :1] if channels < 3 else colours, alpha], axis=2)[..., :channels].clip(0, 1)
    if dtype.startswith("uint"):
        image = np.rint(image * np.iinfo(dtype).max)
    return image.astype(dtype)


def hole(kind: str, side: int | tuple[int, int] = 64, seed: int = 0) -> Pixels:
    """Bool (H, W): scratch, text, loss, box, border (touches every side) or all but a few pixels."""
    height, width = (side, side) if isinstance(side, int) else side
    rng, lines = np.random.default_rng(seed), np.zeros((height, width), np.uint8)
    if kind == "scratch":
        cv2.line(lines, (2, 3), (width - 4, height - 9), 1, 2)
        cv2.line(lines, (width // 2, 0), (width // 3, height - 1), 1, 1)
    elif kind == "text":
        for line, words in enumerate(("Harbour", "in 1987")):
            cv2.putText(lines, words, (3, 20 + 22 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1, 1)
    elif kind == "box":
        lines[height // 3 : height * 2 // 3, width // 3 : width * 2 // 3] = 1
    elif kind == "border":
        lines[[0, -1]] = lines[:, [0, -1]] = 1
        lines |= rng.random(lines.shape) < 0.2
        lines[height // 2, width // 2] = 0
    else:
        lines |= rng.random(lines.shape) < {"loss": 0.5, "most": 0.9}[kind]
    return lines.astype(bool)


def damaged() -> Pixels:
    """A picture with a caption, two scratches, dust and a red spot."""
    image = cv2.GaussianBlur(photo((200, 300), seed=3), (0, 0), 2)
    for line, words in enumerate(("The old harbour", "in spring 1987")):
        cv2.putText(image, words, (25, 60 + 40 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (255, 250, 240), 2, cv2.LINE_AA)
    cv2.line(image, (10, 190), (290, 120), (245, 245, 245), 1, cv2.LINE_AA)
    cv2.line(image, (200, 0), (215, 199), (8, 8, 8), 2, cv2.LINE_AA)
    for x, y in np.random.default_rng(1).integers(5, 195, (25, 2)).tolist():
        cv2.circle(image, (x, y), 2, (250, 250, 250), -1, cv2.LINE_AA)
    cv2.rectangle(image, (250, 20), (280, 40), (230, 20, 20), -1)
    return image


# ------------------------------------------------------------------------------------------------------- methods


def filled(image: Any, mask: Any, method: str = "auto", **options: Any) -> dict[str, Any]:
    """The picture, and of the info the numbers that do not depend on the clock."""
    result, info = inpaint(image, mask, method, return_info=True, **options)
    regions = [(r.method, r.pixels, bool(r.fallback), r.facts.get("shifts")) for r in info.regions]
    return {"picture": result, "info": [info.pixels, regions, info.confidence, info.expected_error]}


def options_of(method: str) -> list[dict[str, Any]]:
    """Every choice that a method offers, one by one."""
    lines, labels = hole("scratch", seed=1)[::-1], np.zeros((64, 64), np.int32)
    labels[:, 20:40] = 1
    left = np.arange(64)[None, :].repeat(64, 0) < 40
    none: dict[str, Any] = {}
    choices: dict[str, list[dict[str, Any]]] = {
        "auto": [{"quality": quality} for quality in ("fast", "balanced", "best")],
        "telea": [*({"variant": v} for v in ("damped", "paper", "opencv")), {"radius": 2.5}],
        "coherence": [{"radius": 3.0, "kappa": 25.0}, {"sigma": 1.5, "rho": 5.0, "delta": 4.0}],
        "harmonic": [],
        "biharmonic": [{"clip": True}],
        "tv": [{"norm": "anisotropic"}, {"tolerance": 0.01}, {"max_iterations": 20}],
        "oliveira": [{"kernel": "uniform"}, {"barriers": lines}, {"iterations": 7, "threshold": 0.0}],
        "transport": [
            {"colour_space": "spherical"},
            {"levels": 1, "max_steps": 50},
            {"presmooth": 0, "transport_steps": 6, "diffusion_steps": 1},
        ],
        "navier_stokes": [{"variant": "opencv"}, {"nu": 20.0, "contrast": 50.0}, {"diffusion": 0, "cycles": 30}],
        "fsr": [{"block": 4}, {"block": 16, "iterations": 30}, {"rho": 0.8, "tolerance": 0.1}],
        "ple": [{"patch": 5}, {"similar": 24}, {"rounds": 1}],
        "patchmatch": [
            {"patch": 5},
            {"levels": 1},
            {"levels": 3, "iterations": 3},
            {"completeness": 0.5},
            {"source": left},
            {"guide": labels},
        ],
        "criminisi": [{"patch": 5}, {"window": 12}, {"source": left}],
        "dip": [
            *({"recipe": {"base": b, **SMALL}, "steps": 6} for b in ("vase", "kate", "library", "restoration")),
            *({"recipe": {"base": b, **SMALL}, "steps": 6} for b in ("default", "fast", "small")),
            {"recipe": {"base": "small", **SMALL}, "steps": 4, "total_variation": 0.1},
        ],
        "mnps": [
            {"content": "patchmatch"},
            *({"preset": preset} for preset in ("paper", "code")),
            {"match": "correlation", "optimizer": "adam"},
            {"neighbourhood": 20, "strict": True},
            {"rotations": 1, "sizes": 1, "layers": "relu3_1,relu4_1"},
            {"scales": 2, "refresh": 1, "alpha": 0.1, "beta": 0.01, "network_range": "0..1"},
        ],
    }
    return [none, *choices[method]]


def short(options: dict[str, Any]) -> str:
    """Options as part of a name: of a recipe what it starts from, of a mask no pixels."""
    texts = {k: "mask" if isinstance(v, np.ndarray) else v["base"] if k == "recipe" else v for k, v in options.items()}
    return "".join(f", {name}={text}" for name, text in texts.items())


def method_cases() -> Iterator[Case]:
    """Every method and every choice that it offers."""
    for method in (*CLASSIC, "auto", *PRIOR):
        if method in PRIOR and not TORCH:
            print(f"{method} is skipped: torch is not installed", file=sys.stderr)
            continue
        quick = QUICK.get(method, {})
        kinds = ("scratch", "box") if method in PRIOR else ("scratch", "text", "loss", "box", "border")
        for kind in kinds:
            yield f"{method} {kind}", partial(filled, photo(), hole(kind), method, **quick)
        for options in options_of(method)[1:]:
            yield f"{method} box{short(options)}", partial(filled, photo(), hole("box"), method, **quick | options)
        tiny = {"1x9": (1, 9), "9x1": (9, 1), "2x2": (2, 2), "3x5": (3, 5)}
        for name, shape in tiny.items() if method not in PRIOR else ():
            lost = np.zeros(shape, bool)
            lost.flat[1::3] = True
            yield f"{method} {name}", partial(filled, photo(shape), lost, method)


def picture_cases() -> Iterator[Case]:
    """Types of numbers, channels, ranges, and what every call can be asked for."""
    chosen = ("telea", "biharmonic", "tv", "fsr", "patchmatch", "auto")
    for method in chosen:
        for dtype in ("uint16", "float16", "float32", "float64"):
            yield f"{method} {dtype}", partial(filled, photo(48, dtype=dtype), hole("scratch", 48), method)
        for channels in (1, 2, 4):
            yield f"{method} {channels} channels", partial(filled, photo(48, channels), hole("box", 48), method)
        yield f"{method} (H, W)", partial(filled, photo(48)[..., 0], hole("box", 48), method)
        for name, scale, offset in (("HDR", 40.0, 0.0), ("dark HDR", 0.01, 0.0), ("signed", 300.0, -100.0)):
            image = (photo(48, dtype="float32") * scale + offset).astype(np.float32)
            yield f"{method} {name}", partial(filled, image, hole("scratch", 48), method)
        yield f"{method} mask=alpha", partial(filled, photo(48, 4), "alpha", method)
        for asked in ({"feather": 3}, {"dilate": 2}, {"invert_mask": True}, {"seed": 7}):
            mask = ~hole("text") if "invert_mask" in asked else hole("text")
            yield f"{method} text{short(asked)}", partial(filled, photo(), mask, method, **asked)
        islands = hole("most", 48)
        yield f"{method} most lost, fallback", partial(filled, photo(48), islands, method, fallback=True)
    yield "patchmatch variants", partial(variants, photo(), hole("box"), "patchmatch", n=3, seed=2)


def alike(image: Pixels, mask: Pixels, method: str) -> dict[str, Any]:
    """A fill on two threads, which must be that on one."""
    one, two = (filled(image, mask, method, threads=threads) for threads in (1, 2))
    assert digest(one) == digest(two), f"{method} differs with the number of threads"
    return two


def large_cases() -> Iterator[Case]:
    """A picture large enough that its hole is cut and its crops are shared, on one and on two threads."""
    shape = (400, 600)
    scratch = np.zeros(shape, np.uint8)
    cv2.line(scratch, (10, 20), (590, 380), 1, 3)
    cv2.rectangle(scratch, (480, 60), (510, 90), 1, -1)
    for method in (*CLASSIC, "auto"):
        yield f"{method} 400x600 scratch", partial(alike, photo(shape), scratch.astype(bool), method)
    field = partial(neighbours, photo((40, 52)), photo((60, 50), seed=1))
    for options in ({}, {"k": 3}, {"rotations": 4, "mirror": True, "scales": (0.8, 1.25)}):
        yield f"nearest_neighbours{short(options)}", partial(field, **options)


def neighbours(a: Pixels, b: Pixels, **options: Any) -> dict[str, Any]:
    """The fields of ``nearest_neighbours``, by name."""
    from inpaintkit.classic.patchmatch import nearest_neighbours

    return {key: value for key, value in vars(nearest_neighbours(a, b, **options)).items() if value is not None}


# ------------------------------------------------------------------------------------------------ finders and masks


def found(image: Pixels, kind: str, **options: Any) -> dict[str, Any]:
    """The mask, and how sure each pixel is."""
    mask, info = find_mask(image, kind, return_info=True, **options)  # type: ignore[call-overload]
    return {"mask": mask, "info": [info.pixels, info.pieces, info.confidence]}


def find_cases() -> Iterator[Case]:
    """Every kind of damage, at three sensitivities and within bounds; and the damage that is drawn."""
    image = damaged()
    bounds: dict[str, Any] = {"inside": (20, 10, 250, 160), "exclude": [(30, 30, 60, 40), (190, 0, 30, 80)]}
    for kind in ("text", "scratches", "dust", "auto"):
        for sensitivity in (0.2, 0.5, 0.8):
            yield f"find {kind} at {sensitivity}", partial(found, image, kind, sensitivity=sensitivity)
        yield f"find {kind} within bounds", partial(found, image, kind, **bounds)
        yield f"find {kind} in grey", partial(found, image[..., 1], kind)
    for sensitivity in (0.0, 0.2, 0.5, 0.8):
        asked: dict[str, Any] = {"sensitivity": sensitivity}
        yield f"find colour at {sensitivity}", partial(found, image, "colour", colour="#e61414", **asked)
        pick = {"pick": (260, 30), "connected": True}
        yield f"find picked colour at {sensitivity}", partial(found, image, "colour", **asked, **pick)
    yield "damage.text", partial(damage.text, (120, 160), seed=1)
    yield "damage.scratches", partial(damage.scratches, (120, 160), seed=1)
    yield "masks.stroke", partial(masks.stroke, (48, 64), [(5, 5), (40.5, 30), (60, 2)], 3.5)
    yield "masks.polygon", partial(masks.polygon, (48, 64), [(5, 5), (60, 10), (30, 44.5)])


# --------------------------------------------------------------------------------------------- the command and files

MASK_COMMANDS = (
    "rect 8,6,30,20 --size 64x48",
    "rect 50,30,30,40 --onto a.png",
    "ellipse 8,6,31,20 --size 64x48",
    "polygon 4,4 60,10 30,44 --like photo.png",
    "stroke 4,4 60,10 30,44 --width 5 --size 64x48",
    *(f"combine a.png b.png --how {how}" for how in ("union", "intersection", "difference", "exclusive")),
    "from-alpha sticker.png",
    "from-alpha sticker.png --opacity 0.6",
    "from-colour damaged.png '#e61414' --tolerance 20",
    "from-colour damaged.png 230,20,20 --tolerance 60 --connected 260,30",
    "grow a.png --radius 3",
    "shrink a.png --radius 2",
    "invert a.png",
    "find damaged.png --kind text --preview seen.png",
    "find damaged.png --kind colour --pick 260,30 --connected",
)
FILL_COMMANDS = (
    *(f"{name} --mask a.png --method telea" for name in ("photo.png", "photo.jpg", "photo.webp", "photo.bmp")),
    *(f"{name} --mask a.png --method telea" for name in ("grey16.png", "tagged.png", "palette.png", "tagged.jpg")),
    *(f"{name}.tif --mask a.png --method telea" for name in ("8", "16", "float", "planar", "deflate", "tagged")),
    "sticker.png --mask alpha --method harmonic",
    "damaged.png --find text --sensitivity 0.6 --exclude 0,0,20,20 --method telea --radius 3",
    "photo.png --mask b.png --invert-mask --feather 2 --seed 3 --fallback",
    "photo.png --mask a.png --dilate 1 --feather 1 --threads 2",
)


def make_files(here: Path) -> None:
    """The pictures that the commands read, written without inpaintkit."""
    size, image, deep = (48, 64), photo((48, 64)), photo((48, 64), dtype="uint16")
    for name, kind in (("a", "text"), ("b", "box")):
        Image.fromarray(hole(kind, size).astype(np.uint8) * 255).save(here / f"{name}.png")
    plain = Image.fromarray(image)
    for name in ("photo.png", "photo.bmp", "photo.jpg"):
        plain.save(here / name)
    plain.save(here / "photo.webp", lossless=True)
    plain.quantize(32).save(here / "palette.png")
    Image.fromarray(photo(size, 4)).save(here / "sticker.png")
    Image.fromarray(damaged()).save(here / "damaged.png")
    Image.fromarray(deep[..., 0]).save(here / "grey16.png")
    exif = Image.Exif()
    exif[0x010E], exif[0x0110], exif[0x0112] = "A harbour", "A camera", 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile[:24] + bytes(12) + profile[36:]  # without the time of day
    upright = Image.fromarray(np.ascontiguousarray(np.rot90(image)))  # orientation 6 turns it to a.png's size
    for name in ("tagged.png", "tagged.jpg"):
        upright.save(here / name, exif=exif, icc_profile=profile, dpi=(300, 300))
    plain.save(here / "tagged.tif", icc_profile=profile, dpi=(300, 300), description="A harbour")
    more: dict[str, Any] = {"photometric": "rgb"}
    tifffile.imwrite(here / "8.tif", image, **more)
    tifffile.imwrite(here / "16.tif", deep, **more)
    tifffile.imwrite(here / "float.tif", photo(size, dtype="float32") * np.float32(3), **more)
    tifffile.imwrite(here / "planar.tif", np.moveaxis(image, 2, 0).copy(), planarconfig="separate", **more)
    tifffile.imwrite(here / "deflate.tif", deep, compression="zlib", predictor=True, **more)
    for folder, names in (("photos", ("photo.png", "photo.jpg", "16.tif")), ("photos/more", ("photo.bmp",))):
        (here / folder).mkdir()
        for name in names:
            shutil.copy(here / name, here / folder)


def command(here: Path, words: str, *outputs: str) -> dict[str, bytes]:
    """The files that a command writes, a folder's by their relative paths; and a PNG's pixels."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-m", "inpaintkit", *shlex.split(words)],
        cwd=here, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    given: dict[str, Any] = {}
    for output in outputs:
        place = here / output
        for path in sorted(place.rglob("*.*")) if place.is_dir() else [place]:
            if path.is_file():
                name = "".join(path.suffixes) if path == place else str(path.relative_to(place))
                given |= {f"{name} file": path.read_bytes(), f"{name} pixels": read(path)}
    return given


def in_place(here: Path) -> dict[str, bytes]:
    """A picture replaced, and the one kept."""
    shutil.copy(here / "photo.jpg", here / "mine.jpg")
    given = command(here, "fill mine.jpg --mask a.png --method telea --in-place", "mine.jpg")
    return given | {path.name: path.read_bytes() for path in here.glob("mine*.orig*")}


def command_cases(here: Path) -> Iterator[Case]:
    """Every mask command, and fills of every kind of file."""
    for number, words in enumerate(MASK_COMMANDS):
        out = f"mask{number}.png"
        more = ["seen.png"] if "--preview" in words else []
        yield f"mask {words}", partial(command, here, f"mask {words} -o {out}", out, *more)
    for number, words in enumerate(FILL_COMMANDS):
        out = f"filled{number}{Path(words.split()[0]).suffix}"
        yield f"fill {words}", partial(command, here, f"fill {words} -o {out}", out)
    yield "fill --in-place", partial(in_place, here)
    yield "fill a folder", partial(command, here, "fill photos --mask a.png --method telea -o done", "done")
    yield "fill a folder, 2 jobs", partial(command, here, "fill photos --mask a.png --jobs 2 -o twice", "twice")
    yield "read_mask", lambda: read_mask(here / "a.png")
    for name in ("photo.png", "photo.jpg", "photo.webp", "photo.bmp", "float.tif", "tagged.jpg"):
        yield f"write {name}", partial(rewritten, here / name)


def rewritten(path: Path) -> dict[str, Any]:
    """A file read, and written with and without what it carries beside its pixels."""
    loaded, bare, like = load(path), path.with_name(f"bare-{path.name}"), path.with_name(f"like-{path.name}")
    write(bare, loaded.pixels)
    write(like, loaded.pixels, like=loaded)
    return {"pixels": loaded.pixels, "bare": bare.read_bytes(), "like": like.read_bytes()}


# ------------------------------------------------------------------------------------------------------------ hashes


def digest(value: Any) -> str:
    """SHA-256 of arrays with type and shape, bytes, numbers, texts, and lists and dicts of these."""
    total, pending = hashlib.sha256(), [value]
    while pending:
        part = pending.pop()
        if isinstance(part, np.ndarray):
            total.update(f"{part.dtype.str}{part.shape}".encode() + part.tobytes())
        elif isinstance(part, dict):
            pending += [list(part), list(part.values())]
        elif isinstance(part, (list, tuple)):
            total.update(f"{len(part)} parts".encode())
            pending += part
        else:
            total.update(part if isinstance(part, bytes) else repr(part).encode())
    return total.hexdigest()


def measured(case: Callable[[], Any]) -> dict[str, str]:
    """Part -> hash; the kind of error where a case raises one."""
    try:
        value = case()
    except Exception as error:  # as a picture of one row may give; the wording may change, the kind may not
        print(f"    {type(error).__name__}: {getattr(error, 'stderr', error)}", file=sys.stderr)
        return {"": f"raises {type(error).__name__}"}
    if isinstance(value, dict):
        return {f"{PART}{part}": digest(given) for part, given in value.items()}
    return {"": digest(value)}


def tiny_vgg(path: Path) -> None:
    """A narrow VGG19 of random weights, so that nothing is downloaded."""
    import torch

    rng, width, entries = torch.Generator().manual_seed(0), 3, {}
    for index in VGG19_CONVOLUTIONS:
        entries[f"features.{index}.weight"] = torch.randn(8, width, 3, 3, generator=rng) / (3 * width**0.5)
        entries[f"features.{index}.bias"] = torch.randn(8, generator=rng) / 10
        width = 8
    torch.save(entries, path)


def fingerprints(only: str) -> dict[str, str]:
    """Case -> hash, of the cases whose name has ``only``, a regular expression, in it."""
    prints: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", inpaintkit.InpaintWarning)
        here = Path(folder)
        make_files(here)
        if TORCH:
            tiny_vgg(here / "tiny.pth")
            os.environ["INPAINTKIT_VGG19"] = str(here / "tiny.pth")
        for cases in (method_cases(), picture_cases(), large_cases(), find_cases(), command_cases(here)):
            for name, case in cases:
                if re.search(only, name):
                    began = time.perf_counter()
                    prints |= {name + part: value for part, value in measured(case).items()}
                    print(f"{time.perf_counter() - began:6.2f} s  {name}", file=sys.stderr, flush=True)
    return prints


def compare(prints: dict[str, str], before: dict[str, str]) -> bool:
    """Print what is not as before; whether all that was there is the same."""
    for name in sorted({*prints, *before}):
        if prints.get(name) != before.get(name):
            print("missing" if name not in prints else "new    " if name not in before else "differs", name)
    changed = [name for name in before if prints.get(name) != before[name]]
    print(f"{len(before) - len(changed)} of {len(before)} are as before")
    return not changed


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, help="file to write the hashes to; standard output without")
    parser.add_argument("--against", type=Path, help="hashes to compare with")
    parser.add_argument("--only", default="", help="a regular expression: only cases whose name it is found in")
    asked = parser.parse_args()
    if not ONE_THREAD.items() <= os.environ.items():  # libraries read it when they are loaded, so begin again
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | ONE_THREAD)
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    print(f"inpaintkit in {ROOT}, commit {commit.stdout.strip() or 'unknown'}", file=sys.stderr)
    prints = fingerprints(asked.only)
    text = json.dumps(prints, indent=1)
    if asked.output:
        asked.output.write_text(text + "\n")
    elif not asked.against:
        print(text)
    if asked.against:
        before = json.loads(asked.against.read_text())
        before = {name: value for name, value in before.items() if re.search(asked.only, name.split(PART)[0])}
        sys.exit(not compare(prints, before))


if __name__ == "__main__":
    main()
