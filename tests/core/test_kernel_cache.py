"""The folders of compiled code: what they are named by, what is loaded, and what is removed when."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inpaintkit import kernel_cache
from inpaintkit.kernel_cache import ModuleCache, Sources

PLUGIN = {
    "__init__.py": "",
    "brush.py": """
        from __future__ import annotations
        import json
        from typing import TYPE_CHECKING
        import numpy as np
        import plugin.deep.shades
        from inpaintkit import union_find
        from inpaintkit.errors import ContextError
        from . import sizes
        from .deep.helper import half
        try:
            from .fast import quick
        except ImportError:
            from .slow import quick
        if TYPE_CHECKING:
            from .types import Brush
        def help():
            from .texts import TEXT
            return TEXT
    """,
    "sizes.py": "from .units import PIXEL\nSIZE = 3 * PIXEL",
    "units.py": "from . import sizes\nPIXEL = 1",
    "slow.py": "quick = 1",
    "types.py": "",
    "texts.py": "TEXT = 'a brush'",
    "deep/__init__.py": "",
    "deep/helper.py": "from ..thirds import third\nhalf = 2",
    "deep/shades.py": "",
    "thirds.py": "third = 3",
}


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    for name, source in PLUGIN.items():
        path = tmp_path / "plugin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source.replace("\n        ", "\n"))
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "plugin"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    return kernel_cache.root()


def closure(plugin):
    return Sources().closure("plugin.brush", (plugin / "brush.py").read_bytes())


def test_a_module_is_made_of_what_it_imports_at_module_level(plugin):
    """Through packages, cycles, dots and a try; not what a type checker or a function imports, nor other packages."""
    names = set(closure(plugin))
    assert {name for name in names if name.startswith("plugin")} == {
        "plugin",  # import plugin.deep.shades gives that name
        "plugin.brush",
        "plugin.deep",
        "plugin.deep.helper",
        "plugin.deep.shades",
        "plugin.sizes",
        "plugin.slow",
        "plugin.thirds",
        "plugin.units",
    }
    assert {"inpaintkit.union_find", "inpaintkit.kernels", "inpaintkit.errors"} <= names
    assert not {"numpy", "json", "inpaintkit.api"} & names
    assert "plugin" not in sys.modules


@pytest.mark.parametrize("name", ["sizes.py", "units.py", "deep/helper.py", "thirds.py", "slow.py"])
def test_an_edit_anywhere_in_it_is_another_digest(plugin, name):
    before = closure(plugin)
    (plugin / name).write_text((plugin / name).read_text() + "\n# edited\n")
    assert closure(plugin) != before


def test_an_edit_elsewhere_is_not(plugin):
    before = closure(plugin)
    for name in ("texts.py", "types.py"):
        (plugin / name).write_text("# edited\n")
    assert closure(plugin) == before


def test_parts_of_the_package_that_stand_beside_it_in_a_checkout_are_found():
    from inpaintkit.classic import telea

    names = Sources().closure("inpaintkit.classic.telea", Path(telea.__file__).read_bytes())
    assert {"inpaintkit.classic._march", "inpaintkit.problem"} <= set(names)


def test_what_is_saved_is_loaded_under_its_key_only(folder):
    store = ModuleCache(__name__, __file__, "versions")
    assert not store.holds("kernel", "key")
    store.save("kernel", "key", pickle.dumps(("key", [1, 2])))
    assert store.holds("kernel", "key")
    assert store.load("kernel", "key") == [1, 2]
    assert store.load("kernel", "other") is store.load("other", "key") is None
    assert ModuleCache(__name__, __file__, "other versions").load("kernel", "key") is None
    assert store.folder.parent == folder


@pytest.mark.parametrize("damage", [lambda content: content[:-3], lambda content: b"", lambda content: b"\0" * 60])
def test_a_damaged_file_is_no_kernel(folder, damage):
    store = ModuleCache(__name__, __file__, "versions")
    store.save("kernel", "key", pickle.dumps(("key", 1)))
    (path,) = folder.glob("*/*.nbc")
    path.write_bytes(damage(path.read_bytes()))
    assert store.load("kernel", "key") is None


def test_code_that_may_be_older_than_its_source_is_not_kept(folder, tmp_path):
    (tmp_path / "fresh.py").write_text("x = 1")
    os.utime(tmp_path / "fresh.py", (time.time() + 60,) * 2)
    store = ModuleCache("fresh", str(tmp_path / "fresh.py"), "versions")
    store.save("kernel", "key", pickle.dumps(("key", 1)))
    assert store.folder is None
    assert not folder.exists() or not list(folder.glob("*/*.nbc"))


def test_who_has_no_home_keeps_nothing(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(kernel_cache.Path, "home", homeless)
    store = ModuleCache(__name__, __file__, "versions")
    store.save("kernel", "key", pickle.dumps(("key", 1)))
    with store.compiling("kernel"):
        assert store.load("kernel", "key") is None


def test_folders_go_after_thirty_days_without_use(folder):
    now, day = time.time(), 24 * 60 * 60
    ages = {"now": 0, "recent": 29, "loaded": 31, "old": 31, "locked": 31}
    stores = {age: ModuleCache(__name__, __file__, age) for age in ages}
    for age, store in stores.items():
        store.save("kernel", "key", pickle.dumps(("key", age)))
    for age, store in stores.items():
        os.utime(store.folder / "used", (now - ages[age] * day,) * 2)
    assert stores["loaded"].load("kernel", "key") == "loaded"
    with elsewhere_locked(stores["locked"].folder):
        ModuleCache(__name__, __file__, "new").save("kernel", "key", pickle.dumps(("key", 1)))
    assert [age for age, store in stores.items() if not store.folder.exists()] == ["old"]


def test_who_holds_a_lock_does_not_wait_for_another():
    """Two processes that compile one another's helpers would otherwise wait for each other."""
    mine, other = (ModuleCache(__name__, __file__, versions) for versions in ("mine", "other"))
    with elsewhere_locked(other.folder), mine.compiling("kernel"), other.compiling("kernel"), mine.compiling("kernel"):
        mine.save("kernel", "key", pickle.dumps(("key", 1)))
    assert mine.load("kernel", "key") == 1


def test_clearing_counts_what_it_removes(folder):
    assert kernel_cache.clear() == (0, 0)
    for name in ("one", "two"):
        ModuleCache(__name__, __file__, name).save("kernel", "key", pickle.dumps(("key", 1)))
    kernels, size = kernel_cache.clear()
    assert kernels == 2
    assert size > 2 * 32
    assert not folder.exists()


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "x/inpaintkit"),
        ("linux", "", ".cache/inpaintkit"),
        ("darwin", "", "Library/Caches/inpaintkit"),
        ("win32", "LOCALAPPDATA", "x/inpaintkit"),
        ("win32", "", "AppData/Local/inpaintkit"),
    ],
)
def test_the_users_cache_folder_is_the_platforms(platform, variable, expected, tmp_path, monkeypatch):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(kernel_cache.Path, "home", lambda: tmp_path)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "x"))
    assert kernel_cache.user_folder() == tmp_path / expected


LOCK = """
import sys
from pathlib import Path
from filelock import FileLock
Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
with FileLock(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.read()
"""


class elsewhere_locked:  # noqa: N801
    """Another process holds a kernel's lock meanwhile, and is killed at the end."""

    def __init__(self, folder):
        self.command = [sys.executable, "-c", LOCK, folder / "kernel.lock"]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "locked\n"

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
