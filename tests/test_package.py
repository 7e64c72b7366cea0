"""The package itself: import names, documents that run, names that agree."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
import skimage.data

import inpaintkit
from conftest import ROOT
from inpaintkit import damage, write

FOLDERS = {"inpaintkit": "inpaintkit", **{name: f"inpaintkit.{name}" for name in ("classic", "prior", "benchmarks")}}
MODULES = [
    ".".join((package, *path.relative_to(ROOT / folder).with_suffix("").parts)).removesuffix(".__init__")
    for folder, package in FOLDERS.items()
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.stem != "__main__"
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("package", ["classic", "prior"])
def test_a_second_copy_under_another_name_is_refused(package):
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {package}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1
    assert f"import inpaintkit.{package}" in result.stderr


def test_the_checkout_works_from_its_root():
    code = "import inpaintkit.classic.telea, inpaintkit.benchmarks.metrics as m; print(m.__name__)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "inpaintkit.benchmarks.metrics"


def blocks(language: str, page: str = "README.md") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where README's examples find the files they name."""
    photo = skimage.data.chelsea()[:150, :200]
    hole = damage.text(photo.shape[:2], seed=1)
    write(tmp_path / "photo.png", photo)
    write(tmp_path / "mask.png", hole.astype(np.uint8) * 255)
    write(tmp_path / "sticker.png", np.dstack([photo, np.where(hole, 0, 255).astype(np.uint8)]))
    write(tmp_path / "stamp.png", hole[:75, :100].astype(np.uint8) * 255)
    for kind in ("photos", "masks"):
        (tmp_path / kind / "1987").mkdir(parents=True)
        shutil.copy(tmp_path / f"{kind[:-1]}.png", tmp_path / kind / "1987" / "harbour.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_readmes_python_examples_run(folder):
    examples = blocks("python")
    assert len(examples) >= 2
    for example in examples:
        exec(compile(example, "README.md", "exec"), {})


@pytest.mark.parametrize("page", ["README.md", "docs/command.md"])
def test_shell_examples_run(run, page, folder):
    lines = [line for block in blocks("sh", page) for line in block.splitlines() if line.startswith("inpaintkit ")]
    assert len(lines) >= 4
    for line in lines:
        status, _, err = run(*shlex.split(line, comments=True)[1:])
        assert status == 0, (line, err)


def test_readmes_table_names_every_method():
    readme = (ROOT / "README.md").read_text()
    for name in ("auto", *inpaintkit.methods()):
        assert f"| `{name}`" in readme
