"""Shared fixtures: photographs, damage, and the folder of real data that some tests compare with."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data

import inpaintkit
from inpaintkit import cli, kernel_cache, registry, testing

ROOT = Path(__file__).parent.parent

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes share the cores: one thread each where nobody says more
    for variable in ("INPAINTKIT_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, "1")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before several processes start (pytest -n), one compiles what all of them load, where nothing is compiled yet."""
    several = getattr(session.config.option, "numprocesses", None) and "PYTEST_XDIST_WORKER" not in os.environ
    if several and not any(kernel_cache.root().glob("*")):
        subprocess.run([sys.executable, "-m", "inpaintkit", "cache", "warm"], stdout=subprocess.DEVNULL, check=True)


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """Path of a file of the data folder; without it the test is skipped, or fails where data is required."""
    folder = Path(os.environ.get("INPAINTKIT_DATA", ROOT.parent / "shared" / "data"))

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            say = pytest.fail if os.environ.get("INPAINTKIT_REQUIRE_DATA") == "1" else pytest.skip
            say(f"{path} is not there: set INPAINTKIT_DATA to the data folder")
        return path

    return find


@pytest.fixture(scope="session", autouse=True)
def tiny_vgg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A narrow VGG19 up to relu4_3 of random weights, for every test that names no other: nothing is downloaded.

    Without torch the file is not written, and no test can need it.
    """
    path = tmp_path_factory.mktemp("weights") / "tiny.pth"
    if importlib.util.find_spec("torch"):
        write_tiny_vgg(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INPAINTKIT_VGG19", str(path))
        yield path


def write_tiny_vgg(path: Path) -> None:
    import torch

    from inpaintkit.prior.vgg import LAYERS

    rng, width, entries = torch.Generator().manual_seed(0), 3, {}
    for layer in list(LAYERS.values())[:11]:
        entries[f"features.{layer.index}.weight"] = torch.randn(8, width, 3, 3, generator=rng) / (3 * width**0.5)
        entries[f"features.{layer.index}.bias"] = torch.randn(8, generator=rng) / 10
        width = 8
    torch.save(entries, path)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch and inpaintkit on one thread: on small pictures several wait for one another more than they work."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INPAINTKIT_THREADS", "1")
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def photo() -> Callable[..., np.ndarray]:
    """A piece of a photograph, uint8 (side, side, channels): alpha full, and read-only."""
    return testing.photograph


@pytest.fixture(scope="session")
def scratch() -> Callable[[int], np.ndarray]:
    """A thin hole in a square of the given side."""
    return testing.scratch


def boxed(shape: tuple[int, int], top: int, left: int, rows: int, columns: int) -> np.ndarray:
    """A mask (H, W) of one rectangle."""
    hole = np.zeros(shape, bool)
    hole[top : top + rows, left : left + columns] = True
    return hole


def riddled_to_the_border(
    shape: tuple[int, int], channels: int, noisy: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """A uint8 picture (H, W, channels) and a hole of points and boxes that touches every border and corner."""
    rng = np.random.default_rng(seed)
    image = skimage.data.astronaut()[100 : 100 + shape[0], 150 : 150 + shape[1], :channels].copy()
    if noisy:
        image = rng.integers(0, 256, image.shape).astype(np.uint8)
    hole = rng.random(shape) < rng.choice([0, 0.05, 0.3])
    for _ in range(5):
        y, x, h, w = rng.integers(0, shape[0]), rng.integers(0, shape[1]), *rng.integers(1, 16, 2)
        hole[y : y + h, x : x + w] = True
    hole[[0, 0, -1, -1], [0, -1, 0, -1]] = True
    hole[shape[0] // 2, shape[1] // 2] = False
    return image, hole


@pytest.fixture
def toy() -> Iterator[Callable[..., Any]]:
    """Register a method made of a function ``toy(problem, *, ...)``; it is gone after the test."""
    names = []

    def add(function: Callable[..., Any], **promises: Any) -> str:
        row = inpaintkit.Method("toy", "", "for tests", **promises)
        object.__setattr__(row, "load", lambda: function)
        inpaintkit.register(row)
        names.append(row.name)
        return row.name

    yield add
    for name in names:
        registry.unregister(name)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process: status, stdout, stderr."""

    def call(*arguments: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return call


@pytest.fixture
def open_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Serves the page on a picture, a folder or nothing, and closes all that was opened."""
    from served import Page  # beside the tests that take this fixture

    monkeypatch.setenv("INPAINTKIT_SESSIONS", str(tmp_path / "sessions"))
    pages = []

    def start(target: Path | None = None) -> Page:
        pages.append(Page(target))
        return pages[-1]

    yield start
    for opened in pages:
        opened.close()


@pytest.fixture
def photo_file(tmp_path: Path) -> Path:
    """A picture's file, small enough to be filled at once."""
    from served import noise

    path = tmp_path / "photo.png"
    inpaintkit.write(path, noise())
    return path


@pytest.fixture
def page(open_page: Callable[..., Any], photo_file: Path) -> Any:
    """The page served on that picture."""
    return open_page(photo_file)


@pytest.fixture(scope="session")
def chrome() -> Iterator[Any]:
    """Debian's chromium for the page; without it the test is skipped, or fails where a browser is required."""
    from inpaintkit.benchmarks.studies._browser import PROGRAMS, browser

    if not all(map(shutil.which, PROGRAMS)):
        say = pytest.fail if os.environ.get("INPAINTKIT_REQUIRE_BROWSER") == "1" else pytest.skip
        say("chromium and chromedriver are not there: apt-get install chromium chromium-driver")
    with browser() as driver:
        yield driver
