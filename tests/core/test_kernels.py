"""How kernels are compiled: once for a state of the sources, by one process, whatever others do meanwhile."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numba
import numpy as np
import pytest

from inpaintkit import kernels
from inpaintkit.arrays import C64x4, F32x2, I64x1
from inpaintkit.kernels import compiling, kernel

HELPERS = "from inpaintkit.kernels import kernel\n@kernel()\ndef helper_kernel(x):\n    return 2 * x\n"
BRUSH = """
from inpaintkit.kernels import kernel
from plugin.sizes import SIZE
from plugin.helpers import helper_kernel

@kernel()
def paint_kernel(x):
    return helper_kernel(x) + SIZE
"""
PAINT = """
from inpaintkit.kernels import compiling
from plugin.brush import paint_kernel
import plugin.texts
with compiling() as watch:
    print(paint_kernel(10), watch.happened)
"""

MANY = "from inpaintkit.kernels import kernel\n" + "".join(
    f"@kernel()\ndef number_{n}(x):\n    return x / 2 + {n} if x > 0 else x + {n}\n" for n in range(6)
)
CALL_MANY = """
import sys, time
from pathlib import Path
from numba.core import event
import plugin.many as many

class Count(event.Listener):
    total = 0
    def on_start(self, event): Count.total += 1
    def on_end(self, event): pass

ready = Path(sys.argv[1])
ready.with_suffix(f".{sys.argv[2]}").touch()
while len(list(ready.parent.glob("ready.*"))) < int(sys.argv[3]):
    time.sleep(0.001)
given = [-7 if kind == "i" else 7.5 for kind in sys.argv[4]]
with event.install_listener("numba:compile", Count()):
    for n in range(6):
        for x in given:
            assert getattr(many, f"number_{n}")(x) == getattr(many, f"number_{n}").py_func(x), (n, x)
print(Count.total)
"""


@pytest.fixture
def plugin(tmp_path):
    """A package with kernels in other processes' path, whose cache is empty."""
    files = {"__init__": "", "brush": BRUSH, "helpers": HELPERS, "many": MANY, "sizes": "SIZE = 1", "texts": "X = 1"}
    (tmp_path / "plugin").mkdir()
    for name, source in files.items():
        (tmp_path / "plugin" / f"{name}.py").write_text(source)
    return tmp_path / "plugin"


def start(plugin, program, *arguments, threads=1):
    env = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(plugin.parent / "cache"),
        "PYTHONPATH": os.pathsep.join([str(plugin.parent), os.environ.get("PYTHONPATH", "")]),
        "INPAINTKIT_THREADS": str(threads),
        "PYTHONDONTWRITEBYTECODE": "1",  # Python itself overlooks a second edit within a second
    }
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def output(process):
    text, _ = process.communicate()
    assert process.returncode == 0
    return text.strip()


def test_an_edit_in_another_file_compiles_its_callers_anew(plugin):
    def edit(name, old, new):
        path = plugin / f"{name}.py"
        path.write_text(path.read_text().replace(old, new))

    assert output(start(plugin, PAINT)) == "21 True"
    edit("texts", "1", "5")
    assert output(start(plugin, PAINT)) == "21 False"
    edit("helpers", "2 * x", "3 * x")
    assert output(start(plugin, PAINT)) == "31 True"
    edit("sizes", "1", "5")
    assert output(start(plugin, PAINT)) == "35 True"
    edit("sizes", "5", "1")
    assert output(start(plugin, PAINT)) == "31 False"  # as it was before


def test_what_only_kernels_call_is_kept_in_them_and_not_by_itself(plugin):
    assert output(start(plugin, PAINT)) == "21 True"
    kept = [path.name.rpartition("-")[0] for path in (plugin.parent / "cache").rglob("*.nbc")]
    assert kept == ["paint_kernel"]


def test_kernels_call_kernels_and_errors_come_through():
    @kernel(fastmath=True)
    def half(x):
        if x < 0:
            raise ValueError("negative")
        return x / 2

    @kernel()
    def both(x, n):
        return half(x) + half(n) + 8 // n

    assert half(3.0) == 1.5
    assert both(3.0, 4) == 1.5 + 2 + 2
    with pytest.raises(ValueError, match="negative"):
        both(-3.0, 4)
    with pytest.raises(ZeroDivisionError):
        both(3.0, 0)


def test_two_processes_with_two_signatures_at_once_share_the_work_and_do_not_mix_them_up(plugin):
    together = [start(plugin, CALL_MANY, plugin / "ready", kinds, 2, kinds) for kinds in ("if", "fi")]
    assert sum(int(output(process)) for process in together) == 12
    assert output(start(plugin, CALL_MANY, plugin / "ready", "later", 2, "if")) == "0"


def test_who_loads_compiled_code_loads_nothing_that_compiles(plugin):
    """numba's own way imports scipy's linear algebra and much else first, a third of a second."""
    program = PAINT + "import sys\nprint('scipy.linalg' in sys.modules)"
    assert output(start(plugin, program)) == "21 True\nTrue"
    assert output(start(plugin, program)) == "21 False\nFalse"


def test_threads_that_need_one_kernel_share_it():
    @kernel()
    def doubled(x):
        return 2 * x

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda n: doubled(n if n % 2 else n + 0.5), range(8))) == [1, 2, 5, 6, 9, 10, 13, 14]


def test_captured_variables_and_options_are_reported_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))

    def made(step, **options):
        @kernel(**options)
        def add(x):
            return x + step

        return add

    with compiling() as watch:
        assert [made(step)(1) for step in (1, 2)] == [2, 3]
        assert watch.happened
    for step, options, compiles in ((1, {}, False), (2, {}, False), (3, {}, True), (2, {"fastmath": True}, True)):
        with compiling() as watch:
            assert made(step, **options)(1) == 1 + step
        assert watch.happened == compiles


@pytest.mark.parametrize("place", ["file", "file/folder"])
def test_where_nothing_can_be_written_kernels_compile_all_the_same(tmp_path, monkeypatch, caplog, place):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / place))
    monkeypatch.setattr(kernels, "_reported", set())
    with caplog.at_level(logging.WARNING, "inpaintkit"):
        assert [kernel()(lambda x: x + 1)(x) for x in (1, 2.0)] == [2, 3]
    said = [record.message for record in caplog.records if "NUMBA_CACHE_DIR" in record.message]
    assert len(said) == 1
    assert "every start compiles again: set NUMBA_CACHE_DIR to a writable folder" in said[0]


def test_a_kernel_that_does_not_compile_leaves_no_lock_behind():
    @kernel()
    def wrong(x):
        return x.nothing

    for _ in range(2):
        with pytest.raises(Exception, match="nothing"):
            wrong(1)
    assert np.isnan(kernel()(lambda x: x / 0.0 if x else np.nan)(0))


SIDE_BY_SIDE = """
import sys
from numba.core import event
from inpaintkit import kernels
import plugin.{module} as module

class Count(event.Listener):
    total = 0
    def on_start(self, event): Count.total += 1
    def on_end(self, event): pass

with event.install_listener("numba:compile", Count()), kernels.compiling() as watch:
    kernels.prepare(f"plugin.{module}:{{name}}" for name in {names})
    prepared = Count.total
    print({call}, prepared, Count.total, watch.happened, watch.seconds > 0)
"""
HEAVY = "from inpaintkit.kernels import kernel\n" + "".join(
    f"@kernel()\ndef heavy_{n}(x: float, n: int) -> float:\n"
    + "".join(f"    for i in range(n):\n        x += {k} * x if x < i else {n}\n" for k in range(40))
    + "    return x\n"
    for n in range(4)
)


def side_by_side(plugin, module, names, call, **more):
    (plugin / f"{module}.py").write_text(HEAVY)
    return output(start(plugin, SIDE_BY_SIDE.format(module=module, names=names, call=call), **more)).split()


def test_kernels_that_are_about_to_be_called_are_compiled_by_several_processes(plugin):
    names, call = [f"heavy_{n}" for n in range(4)], "[getattr(module, f'heavy_{n}')(1.0, 0) for n in range(4)]"
    first = side_by_side(plugin, "heavy", names, call, threads=2)
    assert first[:4] == ["[1.0,", "1.0,", "1.0,", "1.0]"]
    assert int(first[4]) < 4  # the other process has compiled the rest
    assert first[5:] == [first[4], "True", "True"]  # and nothing was left for the calls
    assert side_by_side(plugin, "heavy", names, call, threads=2)[4:] == ["0", "0", "False", "False"]


LATER = """
import time
from inpaintkit import kernels
kernels.prepare(["plugin.later:heavy_0", "plugin.later:heavy_1"], ["plugin.later:heavy_2"])
kernel, signature = kernels._kernel_named("plugin.later:heavy_2")
until = time.monotonic() + 60
while not kernel.is_compiled(signature) and time.monotonic() < until:
    time.sleep(0.01)
print(kernel.is_compiled(signature), len(kernel.overloads))
"""


def test_the_other_process_goes_on_with_what_is_called_later(plugin):
    (plugin / "later.py").write_text(HEAVY)
    assert output(start(plugin, LATER, threads=2)) == "True 0"


def test_one_thread_starts_no_process_and_compiles_what_is_called(plugin):
    assert side_by_side(plugin, "heavy", ["heavy_0", "heavy_1"], "module.heavy_0(1.0, 0)", threads=1) == [
        "1.0", "0", "1", "True", "True"
    ]  # fmt: skip


def test_a_process_beside_that_crashes_costs_only_time(plugin):
    (plugin / "crash.py").write_text(HEAVY)
    names, call = ["heavy_0", "heavy_1"], "[module.heavy_0(1.0, 0), module.heavy_1(1.0, 0)]"
    program = SIDE_BY_SIDE.format(module="crash", names=names, call=call)
    crashing = program.replace("class Count", "kernels._HELP = 'import os; os._exit(3)'\nclass Count", 1)
    assert output(start(plugin, crashing, threads=2)).split() == ["[1.0,", "1.0]", "2", "2", "True", "True"]


def test_where_nothing_can_be_written_no_process_is_started(plugin):
    (plugin.parent / "cache").touch()
    names, call = ["heavy_0", "heavy_1"], "module.heavy_0(1.0, 0)"
    assert side_by_side(plugin, "unkept", names, call, threads=2) == ["1.0", "0", "1", "True", "True"]


class Named(NamedTuple):
    one: I64x1
    other: float


def test_types_are_read_off_annotations():
    @kernel()
    def some(a: F32x2, b: C64x4 | F32x2, c: tuple[int, float], d: np.float32, e: bool, f: Named) -> I64x1:
        return a

    float32, array = numba.float32, numba.types.Array
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "some", some, raising=False)
        _, found = kernels._kernel_named("inpaintkit.kernels:some")
    assert found == (
        array(float32, 2, "C"),
        array(numba.complex64, 4, "C"),
        numba.types.Tuple([numba.int64, numba.float64]),
        float32,
        numba.boolean,
        numba.types.NamedTuple([array(numba.int64, 1, "C"), numba.float64], Named),
    )


FILL_WITH = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
import numba, numpy as np
numba.__version__ = sys.argv[2] or numba.__version__
import inpaintkit
from inpaintkit import kernels
given = np.load(sys.argv[1])
with kernels.compiling() as watch:
    filled = inpaintkit.inpaint(given["image"], given["mask"], "telea")
print("compiled" if watch.happened else "loaded")
np.save(sys.argv[3], filled)
"""


def test_a_numba_not_tried_compiles_in_its_own_way_the_same_picture(plugin, photo):
    given, mask = plugin / "given.npz", np.zeros((64, 64), bool)
    mask[20:30, 12:50] = True
    np.savez(given, image=photo(64), mask=mask)

    def fill(version):
        said = output(start(plugin, FILL_WITH, given, version, plugin / "filled.npy"))
        return np.load(plugin / "filled.npy"), said.splitlines()[-1], said.count("numba 0.99.0rc1 compiles in its own")

    tried, first, _ = fill("")
    plain, own, lines = fill("0.99.0rc1")
    again, then, _ = fill("0.99.0rc1")
    assert (first, own, then, lines) == ("compiled", "compiled", "loaded", 1)  # neither loads what the other compiled
    np.testing.assert_array_equal(again, plain)
    np.testing.assert_allclose(plain.astype(float), tried, atol=1)
    assert (plain != photo(64))[mask].any()
