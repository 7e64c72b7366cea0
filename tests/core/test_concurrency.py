"""Threads that call at the same time: each gets what it would get alone. Libraries' threads are held to the limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import cv2
import numba
import numpy as np
import pytest
import skimage.data
from threadpoolctl import threadpool_info, threadpool_limits

import inpaintkit
from inpaintkit import InpaintWarning, damage, inpaint, load, registry, threads, write

CAT = skimage.data.chelsea()[:60, :80]
HOLE = damage.scratches(CAT.shape[:2], number=3, max_width=3, seed=1)


def together(calls):
    """Results of functions called at the same moment, each in a thread of its own."""
    start = threading.Barrier(len(calls))

    def call(function):
        start.wait(60)
        return function()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


COLD = """
import hashlib, json, sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import skimage.data

folder, callers = Path(sys.argv[1]), int(sys.argv[2])
import inpaintkit
from inpaintkit import damage
cat = skimage.data.chelsea()[20:100, 40:140].copy()
hole = damage.scratches(cat.shape[:2], number=4, max_width=3, seed=3)
words = cat.copy()
words[damage.text(cat.shape[:2], size=24, seed=1)] = 255

def filled(row):
    return lambda: inpaintkit.inpaint(cat, hole, row.name, **row.quick)

def through_a_file(ending):
    def work():
        path = folder / f"{threading.get_ident()}{ending}"
        inpaintkit.write(path, cat)
        return inpaintkit.load(path).pixels
    return work

work = {row.name: filled(row) for row in inpaintkit.methods().values() if not row.needs}
work |= {"auto": lambda: inpaintkit.inpaint(cat, hole, quality="fast")}
work |= {ending: through_a_file(ending) for ending in (".png", ".tif", ".jpg", ".webp", ".bmp")}
work |= {kind: (lambda kind=kind: inpaintkit.find_mask(words, kind)) for kind in ("text", "scratches", "dust")}
names = list(work)
start = threading.Barrier(callers)

def call(number):  # each thread begins elsewhere, so that all kernels and files are first met by several at once
    start.wait(120)
    turn = number * len(names) // callers
    return {name: hashlib.sha256(work[name]().tobytes()).hexdigest() for name in names[turn:] + names[:turn]}

with ThreadPoolExecutor(callers) as pool:
    at_once = list(pool.map(call, range(callers)))
alone = {name: hashlib.sha256(work[name]().tobytes()).hexdigest() for name in names}
print(json.dumps([{name: found[name] == alone[name] for name in names} for found in at_once]))
"""


@pytest.mark.parametrize("callers", [2, 8])
def test_a_new_process_that_calls_everything_from_several_threads_gets_what_one_gets(tmp_path, callers):
    """Kernels are loaded, modules imported and files read by all at once."""
    environment = {**os.environ, "INPAINTKIT_THREADS": "2"}
    command = [sys.executable, "-W", "ignore", "-c", COLD, str(tmp_path), str(callers)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    equal = json.loads(result.stdout)
    assert len(equal) == callers
    assert len(equal[0]) >= 20
    assert not [(number, name) for number, found in enumerate(equal) for name in found if not found[name]]


def test_methods_that_use_torch_called_from_two_threads():
    pytest.importorskip("torch")
    small, hole = CAT[:32, :32], HOLE[:32, :32] | (np.add.outer(np.arange(32), np.arange(32)) == 30)
    rows = [row for row in inpaintkit.methods().values() if row.needs]
    assert rows
    calls = [lambda row=row: inpaint(small, hole, row, threads=1, **row.quick) for row in rows for _ in range(2)]
    expected = [call() for call in calls]
    for result, alone in zip(together(calls), expected, strict=True):
        assert np.array_equal(result, alone)


def test_no_warning_is_lost_or_said_of_another_line(tmp_path):
    """While other threads read and write files, which silences libraries."""
    path = tmp_path / "cat.png"
    write(path, CAT)

    def inverted():
        for _ in range(10):
            inpaint(CAT, ~HOLE, "harmonic")

    def reads():
        for _ in range(30):
            load(path)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load(path)  # what keeps libraries quiet may stay in the list
        before = list(warnings.filters)
        together([inverted, reads] * 4)
        assert list(warnings.filters) == before
    said = [warning for warning in caught if issubclass(warning.category, InpaintWarning)]
    assert len(said) == 4 * 10
    assert len(caught) == len(said)
    assert {warning.filename for warning in said} == {__file__}


def test_each_callback_hears_of_its_own_call(toy):
    def method(problem):
        problem.report(inpaintkit.Step(1, 2))
        return np.full_like(problem.image, 0.5)

    name, steps = toy(method), {}

    def call(number):
        hole = np.zeros((40, 40), bool)
        hole[2 : 3 + number, 2:5] = True
        for _ in range(10):
            inpaint(CAT[:40, :40], hole, name, progress=steps.setdefault(number, []).append)

    together([lambda number=number: call(number) for number in range(8)])
    for number, heard in steps.items():
        pixels = 3 * (1 + number)
        assert {step.total for step in heard} == {pixels}
        assert [step.done for step in heard] == [pixels / 2, pixels] * 10


def test_a_call_reports_what_is_compiled_for_it_and_not_what_another_one_compiles(toy):
    compiled, remarks = threading.Event(), []

    @numba.njit
    def new_kernel(x):
        return x + 1

    def method(problem, *, waits: bool = False):
        if waits:
            assert compiled.wait(60)
        else:
            threads.run(new_kernel, [1.5, 2.5])
            compiled.set()
        return problem.image

    name, hole = toy(method), np.zeros((60, 80), bool)
    hole[3, 3] = True

    def call(waits):
        return inpaint(
            CAT, hole, name, waits=waits, progress=lambda step: remarks.append((waits, step.remark)), return_info=True
        )

    (_, waited), (_, compiling) = together([lambda: call(True), lambda: call(False)])
    assert (waited.compiled, compiling.compiled) == (False, True)
    assert not [remark for waits, remark in remarks if waits and remark]


def test_entry_points_are_asked_once(monkeypatch):
    asked = []

    def entry_points(group):
        asked.append(group)
        threading.Event().wait(0.05)
        return ()

    monkeypatch.setattr(registry.metadata, "entry_points", entry_points)
    registry._entry_points.cache_clear()
    tables = together([inpaintkit.methods] * 8)
    assert asked == [registry.GROUP]
    assert all(table == tables[0] for table in tables)


def blas() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.fixture
def three_threads():
    """OpenCV and BLAS set to three threads for a test."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    with threadpool_limits(3, user_api="blas"):
        yield
    cv2.setNumThreads(before)


@pytest.mark.usefixtures("three_threads")
class TestLibraries:
    """OpenCV's and BLAS's threads, which belong to the process."""

    def test_are_held_while_a_call_lasts(self, toy):
        seen = []

        def method(problem):
            seen.append((cv2.getNumThreads(), *blas()))
            return problem.image

        name = toy(method)
        for count, opencv in ((1, 1), (2, 2), (8, 3), (None, min(3, threads.default_count()))):
            inpaint(CAT, HOLE, name, threads=count)
            assert {found[0] for found in seen} == {opencv}
            assert {number for found in seen for number in found[1:]} == {1}
            seen.clear()
        assert (cv2.getNumThreads(), set(blas())) == (3, {3})

    def test_are_a_methods_own_where_it_says_so(self, toy):
        seen = []

        def method(problem):
            seen.append((cv2.getNumThreads(), set(blas())))
            return problem.image

        name = toy(method, own_threads=True)
        inpaint(CAT, HOLE, name, threads=2)
        assert seen[-1] == (2, {2})
        with threads.limit(1):
            inpaint(CAT, HOLE, name, threads=2)
        assert seen[-1] == (1, {1})

    def test_come_back_after_an_error(self, toy):
        def method(problem):
            raise KeyError("no fill")

        with pytest.raises(KeyError, match="no fill"):
            inpaint(CAT, HOLE, toy(method), threads=1)
        assert (cv2.getNumThreads(), set(blas())) == (3, {3})

    def test_the_least_holds_where_calls_overlap_in_any_order(self):
        for first, second in ((1, 2), (2, 1)):
            earlier, later = (threads.limit(count, own_threads=True) for count in (first, second))
            with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
                one.submit(earlier.__enter__).result()
                assert (cv2.getNumThreads(), set(blas())) == (first, {first})
                other.submit(later.__enter__).result()
                assert (cv2.getNumThreads(), set(blas())) == (1, {1})
                one.submit(earlier.__exit__, None, None, None).result()
                assert (cv2.getNumThreads(), set(blas())) == (second, {second})
                other.submit(later.__exit__, None, None, None).result()
            assert (cv2.getNumThreads(), set(blas())) == (3, {3})

    def test_what_somebody_else_sets_meanwhile_stays(self):
        with threads.limit(1):
            cv2.setNumThreads(5)
            with threads.limit(1):
                pass
            assert cv2.getNumThreads() == 5
        assert (cv2.getNumThreads(), set(blas())) == (5, {3})

    def test_after_a_thousand_overlapping_calls_all_is_as_before(self):
        def work():
            for count in (1, 2, 1, 3) * 30:
                with threads.limit(count):
                    cv2.GaussianBlur(CAT, (5, 5), 2)

        together([work] * 8)
        assert (cv2.getNumThreads(), set(blas())) == (3, {3})


BUSY = """
import json, sys, threading, time
from pathlib import Path
import cv2, numpy as np, skimage.data
import inpaintkit
from inpaintkit import damage

assert cv2.getNumThreads() == 2, cv2.getNumThreads()
cat = skimage.data.chelsea()[:120, :160].copy()
hole = damage.scratches(cat.shape[:2], number=6, max_width=4, seed=3)

def busy(work):
    def spent():
        tasks = Path("/proc/self/task").iterdir()
        return {task.name: int((task / "schedstat").read_text().split()[0]) for task in tasks}
    before = spent()
    work()
    mine = str(threading.get_native_id())
    used = {task: now - before.get(task, 0) for task, now in spent().items()}
    return used.pop(mine) / 1e9, sum(used.values()) / 1e9

large, square = np.zeros((3000, 3000, 3), np.uint8), np.ones((1200, 1200))
def libraries(problem):
    for _ in range(3):
        cv2.GaussianBlur(large, (31, 31), 9)
        square @ square
    return problem.image
row = inpaintkit.Method("toy", "", "", own_threads=True)
object.__setattr__(row, "load", lambda: libraries)
dot = np.zeros(cat.shape[:2], bool)
dot[5, 5] = True

found = {"unlimited": busy(lambda: inpaintkit.inpaint(cat, dot, row))}
time.sleep(0.3)  # until BLAS's threads, which wait in a loop for more work, have gone to sleep
found["libraries"] = busy(lambda: inpaintkit.inpaint(cat, dot, row, threads=1))
for name in ("telea", "coherence", "biharmonic", "fsr", "patchmatch", "ple"):
    inpaintkit.inpaint(cat, hole, name)
    found[name] = busy(lambda: inpaintkit.inpaint(cat, hole, name, threads=1))
print(json.dumps(found))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="needs the processor time of single threads")
def test_one_thread_is_one_thread():
    """By the processor time of the process's threads: all but the caller's stay idle. Unlimited, they do not."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_THREADS")}
    environment |= {"OPENBLAS_NUM_THREADS": "2", "OPENCV_FOR_THREADS_NUM": "2", "INPAINTKIT_THREADS": "2"}
    result = subprocess.run([sys.executable, "-c", BUSY], env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    mine, others = found.pop("unlimited")
    assert others > 0.2 * mine
    for name, (mine, others) in found.items():
        assert others < 0.02 * mine + 0.005, name
