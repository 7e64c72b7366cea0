"""What speed is held against: every figure beside its peer's of the same run, ``inpaintkit bench speed --ratios FILE``.

Each part measures in fresh processes, on one thread and on two; of a call's repeats the fastest counts, after one that
loads what is compiled. Memory is the process's largest resident set beyond what it held before the call and beyond the
result (Linux). Kernels are compiled before, but for the row that says "cold".
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.benchmarks.protocols import drop
from inpaintkit.benchmarks.speed import OURS, PEERS, exponent, photograph, run_python
from inpaintkit.damage import text
from inpaintkit.files import read, write
from inpaintkit.problem import Mask, Step

_CALL = """
import sys, time
import numpy as np
photo, hole = np.load(sys.argv[1]), np.load(sys.argv[2])
{imports}
def fill(photo, hole): {fill}
def mib(what): return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith(what))
part = np.ascontiguousarray(photo[:256, :256])
small = np.zeros(part.shape[:2], bool)
small[20:23, 10:90] = small[45:80, 30:65] = True
if "inpaintkit" in sys.modules:  # others have nothing to compile
    fill(part, small)
before, best = mib("VmRSS"), float("inf")
for _ in range({repeats}):
    began = time.perf_counter()
    result = fill(photo, hole)
    best = min(best, time.perf_counter() - began)
    np.save(sys.argv[3], result)
    del result
print(best, max(0.0, mib("VmHWM") - before - photo.nbytes / 2**20))
"""
_FILL = """
import sys
import numpy as np
import skimage.data
import inpaintkit
from inpaintkit import damage
side = int(sys.argv[2])
photo = np.ascontiguousarray(skimage.data.astronaut()[:side, :side])
hole = damage.text((side, side), size=20, share=0.15, seed=2)
hole[side // 3 : side // 3 + side // 5, side // 3 : side // 3 + side // 5] = True
inpaintkit.inpaint(photo, hole, sys.argv[1], fallback=True)
"""
_TREE = """
import contextlib, os, resource, subprocess, sys, time
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: what outlives its parent is waited for here
began = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
wall = time.perf_counter() - began
with contextlib.suppress(ChildProcessError):
    while True:
        os.waitpid(-1, 0)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(wall, used.ru_utime + used.ru_stime)
sys.exit(status)
"""
_TWELVE, _TWENTY_FOUR = (3000, 4000), (4000, 6000)
_COPIERS = {  # a radius of 3 is 7 x 7, as ours and as its examples; the other's patches are 5 x 5 by default
    "pypatchmatch": (
        "from patchmatch import inpaint",
        "return inpaint(photo, hole.view(np.uint8), patch_size=3)",
    ),
    "patchmatch-cython": (
        "from patchmatch_cython import inpaint_pyramid",
        "return inpaint_pyramid(photo, hole, patch_size=7, seed=0)",
    ),
}
_ON_TEXT = ("telea", "coherence", "fsr", "ple", "auto", "patchmatch", "navier_stokes", "transport")


@dataclass(frozen=True)
class Ratio:
    """A row: what was measured, on how many threads, beside what, and what is to be reached."""

    what: str
    threads: int
    measured: str
    beside: str = ""
    ratio: float | None = None
    target: str = ""

    def markdown(self) -> str:
        """The row of a table."""
        ratio = "" if self.ratio is None else f"**{self.ratio:.2f}**"
        threads = str(self.threads) if self.threads else ""
        return f"| {self.what} | {threads} | {self.measured} | {self.beside} | {ratio} | {self.target} |"


@dataclass(frozen=True)
class Settings:
    """What the parts need to know: pictures that lie elsewhere, a Python with peers, and threads to compare."""

    greys: Path | None = None
    peer_python: str | None = None
    threads: tuple[int, ...] = (1, 2)


def ratios(
    settings: Settings, parts: Sequence[str] = (), progress: Callable[[Step], None] | None = None
) -> Iterator[tuple[str, Ratio]]:
    """Rows of the parts named, all by default, as they come in, each with its part's name."""
    chosen = parts or list(PARTS)
    for done, part in enumerate(chosen):
        if progress:
            progress(Step(done, len(chosen), remark=part))
        for row in PARTS[part](settings):
            yield part, row
    if progress:
        progress(Step(len(chosen), len(chosen)))


def table(rows: Sequence[tuple[str, Ratio]]) -> str:
    """All rows as Markdown, a table for each part."""
    lines = []
    for part in dict.fromkeys(part for part, _ in rows):
        lines += [
            f"\n## {part.capitalize()}\n",
            "| | threads | measured | beside | ratio | to reach |",
            "|---" * 6 + "|",
        ]
        lines += [row.markdown() for own, row in rows if own == part]
    return "\n".join(lines).lstrip()


@dataclass(frozen=True)
class _Taken:
    """What a call took: seconds, MiB beside the result, and what it gave."""

    seconds: float
    mib: float
    result: NDArray[np.uint8]

    def __str__(self) -> str:
        return f"{self.seconds:.3f} s"


def taken(
    photo: NDArray[np.uint8], hole: Mask, call: tuple[str, str], *, repeats: int = 3, python: str = sys.executable
) -> _Taken:
    """Seconds and memory of a call, (imports, body of ``fill``), in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{folder}/{name}.npy" for name in ("photo", "hole", "result")]
        np.save(files[0], photo)
        np.save(files[1], hole)
        script = _CALL.format(imports=call[0], fill=call[1], repeats=repeats)
        seconds, mib = map(float, run_python(["-c", script, *files], python=python).split())
        return _Taken(seconds, mib, np.load(files[2]))


def _our(method: str, threads: int) -> tuple[str, str]:
    return OURS, f"return inpaintkit.inpaint(photo, hole, {method!r}, threads={threads})"


def _text(settings: Settings) -> Iterator[Ratio]:
    """A photograph of 512 x 512 under text that covers 19 % of it, by every method."""
    photo = photograph((512, 512))
    hole = text((512, 512), size=24, share=0.19, seed=1)
    for threads in settings.threads:
        found = {method: taken(photo, hole, _our(method, threads)) for method in _ON_TEXT}
        peer = taken(photo, hole, PEERS["cv2 telea r=5"])
        held = {  # method -> beside which, at most how many times its time
            "auto": ("fsr", "6"),
            "navier_stokes": ("telea", "10"),
            "transport": ("telea", "6"),
            "ple": ("fsr", "1.3 s"),
            "patchmatch": ("fsr", "0.7 s"),
            "fsr": ("telea", ""),
            "coherence": ("telea", ""),
        }
        yield Ratio("telea", threads, str(found["telea"]), f"cv2 {peer}", found["telea"].seconds / peer.seconds)
        for method, (other, target) in held.items():
            beside = found[other].seconds
            ratio = found[method].seconds / beside
            yield Ratio(method, threads, str(found[method]), f"{other} {beside:.3f} s", ratio, target)
        rest = found["auto"].seconds - found["ple"].seconds
        yield Ratio("auto beyond its fill by ple: trials and the choice", threads, f"{rest:.3f} s", target="0.3 s")
    gain = hole_psnr(found["auto"].result, photo, hole) - hole_psnr(found["fsr"].result, photo, hole)
    yield Ratio("auto over fsr", 0, f"{gain:+.2f} dB", target="+0.85 dB")


def _greys(settings: Settings) -> Iterator[Ratio]:
    """Grey pictures with half of their pixels lost, by ``ple``: the slowest of each size."""
    if settings.greys is None:
        return
    pictures = [(path.stem, read(path)) for path in sorted(settings.greys.glob("*.png"))]
    for side, target in ((256, "0.3 s"), (512, "1 s")):
        some = {name: pixels for name, pixels in pictures if pixels.shape == (side, side)}
        for threads in settings.threads if some else ():
            hole, call = drop((side, side), 4), _our("ple", threads)
            found = {name: taken(pixels, hole, call, repeats=1) for name, pixels in some.items()}
            beside = taken(next(iter(some.values())), hole, _our("fsr", threads), repeats=1)
            slowest = max(found, key=lambda name: found[name].seconds)
            mean = float(np.mean([one.seconds for one in found.values()]))
            what = f"ple, {len(found)} greys of {side} x {side} at 50 % loss; mean {mean:.3f} s, slowest ({slowest})"
            ratio = found[slowest].seconds / beside.seconds
            yield Ratio(what, threads, str(found[slowest]), f"fsr {beside}", ratio, target)


def _large(settings: Settings) -> Iterator[Ratio]:
    """A photograph of 12 megapixels under text that covers 19 % of it."""
    photo, hole = photograph(_TWELVE), text(_TWELVE, size=60, share=0.19, seed=1)
    threads = max(settings.threads)
    beside = taken(photo, hole, _our("telea", threads), repeats=1)
    peer = taken(photo, hole, PEERS["cv2 telea r=5"], repeats=1)
    yield Ratio("telea", threads, f"{beside}, {beside.mib:.0f} MiB", f"cv2 {peer}", beside.seconds / peer.seconds)
    targets = {"coherence": "", "fsr": "", "navier_stokes": "30 s", "transport": "30 s", "ple": "65 s", "auto": ""}
    for method, target in targets.items():
        one = taken(photo, hole, _our(method, threads), repeats=1)
        ratio = one.seconds / beside.seconds
        yield Ratio(method, threads, f"{one}, {one.mib:.0f} MiB", f"telea {beside}", ratio, target)


def _small(settings: Settings) -> Iterator[Ratio]:
    """1,200 pixels or so in 24 megapixels."""
    photo = photograph(_TWENTY_FOUR)
    height = _TWENTY_FOUR[0]
    holes = {
        "a stroke": (2000, 3000, 3, 400),
        "at the border": (height - 3, 800, 3, 400),
        "a box": (2000, 3000, 20, 60),
    }
    masks = {name: np.zeros(_TWENTY_FOUR, np.bool_) for name in (*holes, "130 specks")}
    for name, (top, left, rows, columns) in holes.items():
        masks[name][top : top + rows, left : left + columns] = True
    for place in np.random.default_rng(0).integers(5, height - 8, (130, 2)):
        masks["130 specks"][place[0] : place[0] + 3, place[1] : place[1] + 3] = True
    for name, hole in masks.items():
        for threads in settings.threads:
            one, beside = (taken(photo, hole, _our(method, threads)) for method in ("auto", "telea"))
            what = f"auto, {np.count_nonzero(hole)} pixels, {name}"
            measured, against = f"{one}, {one.mib:.0f} MiB", f"telea {beside}, {beside.mib:.0f} MiB"
            yield Ratio(what, threads, measured, against, one.seconds / beside.seconds, "4 times, 20 MiB")


def _copies(settings: Settings) -> Iterator[Ratio]:
    """``patchmatch`` beside its peers, where a Python that has them is named."""
    cases = {
        "512 x 512, a box of 12 %": (photograph((512, 512)), square((512, 512)), "0.5 s", 3),
        "512 x 512, text 19 %": (photograph((512, 512)), text((512, 512), size=24, share=0.19, seed=1), "0.7 s", 3),
        "12 MP, a box of 12 %": (photograph(_TWELVE), square(_TWELVE), "12 s, 1500 MiB", 1),
    }
    for name, (photo, hole, target, repeats) in cases.items():
        for threads in settings.threads if repeats > 1 else (max(settings.threads),):
            one = taken(photo, hole, _our("patchmatch", threads), repeats=repeats)
            what, measured = (
                f"patchmatch, {name}",
                f"{one}, {one.mib:.0f} MiB, {hole_psnr(one.result, photo, hole):.2f} dB",
            )
            yield Ratio(what, threads, measured, target=target)
            for peer, call in _COPIERS.items() if settings.peer_python and repeats > 1 else ():
                try:
                    other = taken(photo, hole, call, repeats=1, python=str(settings.peer_python))
                except RuntimeError as error:  # not installed, or it cannot fill this hole
                    yield Ratio(what, threads, measured, f"{peer}: {error}")
                    continue
                beside = f"{peer} {other}, {hole_psnr(other.result, photo, hole):.2f} dB"
                yield Ratio(what, threads, measured, beside, one.seconds / other.seconds, "below 1")


def square(shape: tuple[int, int]) -> Mask:
    """A square of 12 % of a picture, in its middle."""
    side = round((0.12 * shape[0] * shape[1]) ** 0.5)
    hole = np.zeros(shape, np.bool_)
    top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
    hole[top : top + side, left : left + side] = True
    return hole


def _beside(settings: Settings) -> Iterator[Ratio]:
    """One large region beside a small one: what a second thread gains where regions alone cannot share the work."""
    for method in ("telea", "coherence", "fsr", "ple", "patchmatch", "criminisi", "navier_stokes", "transport"):
        one, two = on_both(method, large_beside_small(method), repeats=2)
        target = "at least 1.7" if method in ("fsr", "ple", "patchmatch") else ""
        ratio = one.seconds / two.seconds
        yield Ratio(f"{method}, one thread over two", 2, str(two), f"one thread {one}", ratio, target)


def large_beside_small(method: str) -> Mask:
    """A hole of 512 x 512 for ``on_both``: half of the pixels lost, or a box for those that copy, and a small box."""
    hole = np.zeros((512, 512), np.bool_)
    if method in ("patchmatch", "criminisi"):
        hole[150:350, 100:300] = True
    else:
        hole[:, :440] = drop((512, 512), 4)[:, :440]
    hole[200:203, 480:500] = True
    return hole


def on_both(method: str, hole: Mask, *, repeats: int) -> tuple[_Taken, _Taken]:
    """What a method takes for a photograph's hole on one thread, and on two."""
    photo = photograph((hole.shape[0], hole.shape[1]))
    one, two = (taken(photo, hole, _our(method, threads), repeats=repeats) for threads in (1, 2))
    return one, two


def _growth(settings: Settings) -> Iterator[Ratio]:
    """How time grows: k of seconds = c n^k, n the pixels of a picture under the same text, or those of its hole."""
    sides, shares = [256, 512, 1024], [0.02, 0.08, 0.3]
    threads = max(settings.threads)
    photos = {side: photograph((side, side)) for side in sides}
    for method in ("telea", "coherence", "fsr", "ple", "auto", "patchmatch", "navier_stokes", "transport"):
        call = _our(method, threads)
        by_side = [
            taken(photos[side], text((side, side), size=24, share=0.1, seed=1), call, repeats=1).seconds
            for side in sides
        ]
        holes = [text((512, 512), size=24, share=share, seed=1) for share in shares]
        by_hole = [taken(photos[512], hole, call, repeats=1).seconds for hole in holes]
        pixels = float(np.polyfit(np.log([hole.sum() for hole in holes]), np.log(by_hole), 1)[0])
        measured = f"k = {exponent(sides, by_side):.2f} in pixels, {pixels:.2f} in the hole"
        yield Ratio(method, threads, measured, f"{', '.join(f'{seconds:.3f}' for seconds in by_side)} s")


def _starts(settings: Settings) -> Iterator[Ratio]:
    """Whole processes: help and import, and the first fills of a fresh cache."""
    bare = min(spent(["-c", ""]).wall for _ in range(5))
    for what, line, target in (
        ("inpaintkit --help", ["-m", "inpaintkit", "--help"], "0.15 s"),
        ("import inpaintkit", ["-c", "import inpaintkit"], ""),
    ):
        best = min(spent(line).wall for _ in range(5))
        yield Ratio(what, 0, f"{best:.3f} s", f"bare Python {bare:.3f} s", target=target)
    targets = dict.fromkeys(("telea", "coherence", "fsr", "ple", "auto"), "4 s cold") | {"patchmatch": "6 s cold"}
    targets |= dict.fromkeys(("navier_stokes", "transport", "criminisi"), "4 s cold")
    targets |= {"demo": "12 s cold, 2.5 s warm"}
    for name, cold, warm in first_fills(list(targets)):
        what = "inpaintkit demo" if name == "demo" else f"{name}'s first fill, a whole process"
        yield Ratio(what, 0, f"{cold} cold", f"{warm} warm", cold.wall / warm.wall, targets[name])


def first_fills(
    names: Sequence[str], *, side: int = 128, threads: int | None = None
) -> Iterator[tuple[str, Spent, Spent]]:
    """Each method's fill of a small photograph, or ``demo``, in a process of its own: cold, and the better of two more.

    Parameters
    ----------
    side : of the photograph, in pixels.
    threads : which the process may use; one compiles alone. None: as many as there are.
    """
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            line = ["-c", _FILL, name, str(side)]
            if name == "demo":
                line = ["-m", "inpaintkit", "demo", "-o", f"{folder}/demo.png"]
            variables = {"NUMBA_CACHE_DIR": folder} | ({"INPAINTKIT_THREADS": str(threads)} if threads else {})
            cold, *later = (spent(line, variables) for _ in range(3))
            yield name, cold, min(later, key=lambda one: one.cpu)


@dataclass(frozen=True)
class Spent:
    """What a whole process took: seconds by the clock, and of processors, of all that it started as well."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.cpu:.2f} s CPU)"


def spent(line: Sequence[str], variables: dict[str, str] | None = None) -> Spent:
    """What a Python process takes, with further variables of the environment; RuntimeError where it fails."""
    return Spent(*map(float, run_python(["-c", _TREE, sys.executable, *line], variables=variables).split()))


def _folders(settings: Settings) -> Iterator[Ratio]:
    """A folder of photographs of 512 x 512 under text, by ``telea``, PNG in and out."""
    number = 120
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        album(folder, number, 512)
        runs = {}
        for jobs in (1, 2):
            line = ["-m", "inpaintkit", "fill", str(folder / "photos"), "--mask", str(folder / "masks"), "-q"]
            line += ["--method", "telea", "-o", str(folder / "out"), "--jobs", str(jobs), "--threads", "1"]
            runs[jobs] = spent(line)
            shutil.rmtree(folder / "out")
        rates = {jobs: number / run.wall for jobs, run in runs.items()}
        shown = {jobs: f"{rates[jobs]:.1f} a second, {1e3 * runs[jobs].cpu / number:.1f} ms CPU each" for jobs in runs}
        yield Ratio(f"{number} photographs, --jobs 1", 1, shown[1])
        target = "40 a second, 50 ms CPU each"
        yield Ratio(f"{number} photographs, --jobs 2", 2, shown[2], f"--jobs 1 {shown[1]}", rates[2] / rates[1], target)


def album(folder: Path, number: int, side: int) -> None:
    """Different square photographs with a text mask each, in subfolders of a hundred."""
    import skimage.data

    sources = [skimage.data.astronaut(), skimage.data.coffee(), skimage.data.rocket(), skimage.data.chelsea()]
    masks = [text((side, side), size=24, seed=seed).astype(np.uint8) * 255 for seed in range(8)]
    for index in range(number):
        source = sources[index % len(sources)]
        photo = cv2.resize(np.roll(source, index, axis=(0, 1)), (side, side), interpolation=cv2.INTER_AREA)
        for kind, pixels in (("photos", photo), ("masks", masks[index % 8])):
            place = folder / kind / f"{index // 100:03d}"
            place.mkdir(parents=True, exist_ok=True)
            write(place / f"{index:05d}.png", pixels)


PARTS: dict[str, Callable[[Settings], Iterator[Ratio]]] = {
    "text": _text,
    "greys": _greys,
    "large": _large,
    "small": _small,
    "copies": _copies,
    "beside": _beside,
    "growth": _growth,
    "starts": _starts,
    "folders": _folders,
}
