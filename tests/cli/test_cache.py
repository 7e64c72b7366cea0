"""``inpaintkit cache``: compiled ahead of time, so that a later process compiles nothing; where that lies; removal."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import pytest

from inpaintkit.kernel_cache import ModuleCache

WARM = "import sys; from inpaintkit.cli import main; main(sys.argv[1:])"
FILL = """
import numpy as np
import inpaintkit

y, x = np.mgrid[:90, :120]
hole = (abs(y - x) < 3) | ((y > 50) & (x > 90))
for picture in (np.uint8(y + x), np.stack([y, x, y + x], axis=2).astype(np.uint8)):
    print(inpaintkit.inpaint(picture, hole, "oliveira", return_info=True)[1].compiled)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path / "inpaintkit" / "kernels"


def test_after_warm_another_process_compiles_nothing(folder):
    def python(*arguments):
        return subprocess.run([sys.executable, "-c", *arguments], env=os.environ, capture_output=True, text=True)

    warm = python(WARM, "cache", "warm", "oliveira")
    assert (warm.returncode, warm.stderr) == (0, "")
    assert warm.stdout.startswith("oliveira: compiled in ")
    assert any(folder.glob("inpaintkit.classic.oliveira-*/*.nbc"))
    fill = python(FILL)
    assert (fill.stdout, fill.stderr) == ("False\nFalse\n", "")


def test_an_unknown_method_is_named_before_any_work(run):
    status, out, err = run("cache", "warm", "telea", "nope")
    assert (status, out) == (2, "")
    assert "no method 'nope'" in err


def test_where_and_clear(run, folder):
    assert run("cache", "where") == (0, f"{folder}\n", "")
    assert run("cache", "clear") == (0, f"empty: {folder}\n", "")
    ModuleCache(__name__, __file__, "versions").save("kernel", "key", pickle.dumps(("key", 1)))
    assert run("cache", "clear") == (0, f"removed: {folder} (kernels: 1, 0.0 MiB)\n", "")
    assert not folder.exists()


def test_without_a_named_folder_it_is_the_users_own(run, tmp_path, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert run("cache", "where") == (0, f"{tmp_path / 'inpaintkit' / 'kernels'}\n", "")
