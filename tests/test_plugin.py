"""The package of docs/plugins.md, as it stands there: installed, used from Python and the command, and its own test."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
from packaging.version import Version  # pytest itself needs it

from conftest import ROOT
from inpaintkit import read, write

PAGE = (ROOT / "docs" / "plugins.md").read_text()
FILES = dict(re.findall(r"^\*\*`([\w./-]+)`\*\*\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package's folder, and the folder into which pip has installed it."""
    if not importlib.util.find_spec("pip") or Version(metadata.version("setuptools")) < Version("70.1"):
        pytest.skip("needs pip, and setuptools 70.1 or later, which builds a wheel by itself")
    folder, site = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("installed")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    package = folder / "inpaint-shepard"
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir", "--disable-pip-version-check")
    python(site, "-m", "pip", "install", "-q", *offline, "--target", site, package)
    return package, site


def python(site, *arguments, **more):
    """What a process of its own prints, for which the package is installed."""
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, *map(str, arguments)]
    result = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, **more)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def folder(tmp_path, photo, scratch):
    """A folder with the page's photo.png and mask.png."""
    write(tmp_path / "photo.png", photo(64))
    write(tmp_path / "mask.png", scratch(64).astype(np.uint8) * 255)
    return tmp_path


def test_the_page_shows_a_short_package():
    assert sorted(FILES) == [
        f"inpaint-shepard/{name}" for name in ("inpaint_shepard.py", "pyproject.toml", "test_shepard.py")
    ]
    assert len(re.findall(r"\S.*\n", FILES["inpaint-shepard/inpaint_shepard.py"])) <= 40


def test_python_and_the_command_fill_alike(package, folder):
    _, site = package
    code = """if True:
        import inpaintkit
        photo, mask = inpaintkit.read("photo.png"), inpaintkit.read_mask("mask.png")
        filled, info = inpaintkit.inpaint(photo, mask, method="shepard", neighbours=20, return_info=True)
        assert info.method == "shepard"
        inpaintkit.write("python.png", filled)
    """
    python(site, "-c", code, cwd=folder)
    line = next(line for line in PAGE.splitlines() if line.startswith("inpaintkit fill photo.png"))
    python(site, "-m", *line.split(), cwd=folder)
    filled, hole = read(folder / "repaired.png"), read(folder / "mask.png") > 0
    assert np.array_equal(filled, read(folder / "python.png"))
    assert (filled[hole] != read(folder / "photo.png")[hole]).any()


def test_the_command_lists_the_method_and_its_options(package, folder):
    _, site = package
    assert "shepard" in python(site, "-m", "inpaintkit", "methods", cwd=folder)
    text = python(site, "-m", "inpaintkit", "fill", "--method", "shepard", "--help", cwd=folder)
    assert re.search(r"Options of shepard:\s+--neighbours INTEGER\s+number of pixels in each mean", text)


def test_its_own_test_passes(package):
    folder, site = package
    python(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder, cwd=folder)
