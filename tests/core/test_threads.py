"""One pool: order, limits, errors, and no work that waits for other work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import numpy as np
import pytest

from inpaintkit import threads


def test_results_come_in_the_order_of_the_items():
    with threads.limit(4):
        assert threads.run(lambda n: time.sleep((7 - n) / 500) or n * n, range(8)) == [n * n for n in range(8)]


@pytest.mark.parametrize("items", [[], [3]])
def test_no_work_and_one_piece_of_work_stay_in_the_callers_thread(items):
    with threads.limit(4):
        assert threads.run(lambda n: (n, threading.current_thread()), items) == [
            (n, threading.current_thread()) for n in items
        ]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_exactly_as_many_threads_as_allowed_work_at_once(count):
    with threads.limit(count) as allowed:
        assert allowed == count
        assert at_once(count) == count


def at_once(expected):
    """The most items that were worked on together: never fewer than expected, or this fails."""
    meet = threading.Barrier(expected, timeout=20)  # broken unless so many work at once
    lock, working, most = threading.Lock(), 0, 0

    def work(_):
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        meet.wait()
        with lock:
            working -= 1

    threads.run(work, range(3 * expected))
    return most


def test_work_inside_work_is_shared_with_a_thread_that_has_nothing_to_do():
    """Two items inside an outer one meet when the other outer one is done."""

    def outer(number):
        meet = threading.Barrier(2, timeout=20)
        return threads.run(lambda _: (meet.wait(), threading.get_ident())[1], range(2)) if number == 0 else None

    with threads.limit(2):
        inside, nothing = threads.run(outer, range(2))
    assert nothing is None
    assert len(set(inside)) == 2


def test_a_thread_that_waits_does_what_was_started_inside_the_item_that_another_took():
    caller, both = threading.get_ident(), threading.Barrier(2, timeout=20)

    def outer(_):
        both.wait()  # one item for each thread
        if threading.get_ident() == caller:
            return []
        time.sleep(0.05)  # by now the caller most likely waits
        return threads.run(lambda _: (both.wait(), threading.get_ident())[1], range(4))

    with threads.limit(2):
        mine, others = sorted(threads.run(outer, range(2)), key=len)
    assert mine == []
    assert len(others) == 4
    assert others.count(caller) == 2


class Gauge:
    """Fails where more threads than allowed are inside."""

    def __init__(self, most):
        self.most, self.inside, self.lock = most, [], threading.Lock()

    def __enter__(self):
        with self.lock:
            self.inside.append(threading.get_ident())
            assert len(set(self.inside)) <= self.most

    def __exit__(self, *_):
        with self.lock:
            self.inside.remove(threading.get_ident())


def tree(path, gauges=(), fails=()):
    """Work of a random shape that starts work of random shapes, with limits of their own; nested lists of results."""
    random = np.random.default_rng(path)
    branches = int(random.integers(1, 6)) if len(path) < 5 else 0
    with ExitStack() as around:
        for gauge in gauges:
            around.enter_context(gauge)
        time.sleep(random.random() / 2000)
        if tuple(path) in fails:
            raise ValueError(f"at {path}")
        with threads.limit(int(random.integers(1, 5))) as most:
            inside = [*gauges, Gauge(most)]
            return [path[-1], *threads.run(lambda branch: tree([*path, branch], inside, fails), range(branches))]


def test_trees_of_work_have_one_result_and_keep_to_every_limit():
    expected = [tree([seed]) for seed in range(4)]
    found = {}

    def call(seed):
        with threads.limit(3):
            found[seed] = threads.run(lambda _: tree([seed], [gauges[seed]]), range(3))

    gauges = [Gauge(3) for _ in expected]
    callers = [threading.Thread(target=call, args=(seed,)) for seed in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert found == {seed: [expected[seed]] * 3 for seed in range(4)}
    assert not any(gauge.inside for gauge in gauges)


def test_an_error_inside_work_inside_work_ends_all_of_it():
    with threads.limit(4):
        whole = tree([5])
        assert len(whole) > 2
        gauge = Gauge(4)
        with pytest.raises(ValueError, match=r"at \[5, 1\]"):
            tree([5], [gauge], fails={(5, 1)})
        assert not gauge.inside
        assert tree([5]) == whole


def test_a_limit_ends_with_its_block_and_holds_for_its_thread_only(monkeypatch):
    monkeypatch.setenv("INPAINTKIT_THREADS", "5")
    elsewhere = []
    with threads.limit(3):
        with pytest.raises(KeyError), threads.limit(2):
            raise KeyError
        other = threading.Thread(target=lambda: elsewhere.append(at_once(5)))
        other.start()
        other.join()
        for inner, expected in ((None, 3), (9, 3), (2, 2)):
            with threads.limit(inner) as count:
                assert count == at_once(expected) == expected
        assert at_once(3) == 3
    assert at_once(5) == 5
    assert elsewhere == [5]


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", True])
def test_a_limit_that_is_no_number_of_threads_is_named(count):
    with (
        pytest.raises(ValueError, match=f"threads is {count!r}: give a whole number of 1 or more"),
        threads.limit(count),
    ):
        pass


def test_the_default_is_the_environments_word_or_the_cores(monkeypatch):
    monkeypatch.setenv("INPAINTKIT_THREADS", "3")
    assert threads.default_count() == 3
    monkeypatch.setenv("INPAINTKIT_THREADS", "")
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 4, 9, 11}, raising=False)
    assert threads.default_count() == 4
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert threads.default_count() == 1


@pytest.mark.parametrize("said", ["0", "-2", "two", "1.5"])
def test_an_environment_that_says_no_number_is_quoted(monkeypatch, said):
    monkeypatch.setenv("INPAINTKIT_THREADS", said)
    with pytest.raises(ValueError, match=f"INPAINTKIT_THREADS is '{said}': set it to a whole number"):
        threads.default_count()


@pytest.mark.parametrize("count", [1, 2])
def test_the_first_items_error_is_raised_and_the_rest_is_not_begun(count):
    begun = []
    both = threading.Barrier(count, timeout=20)

    def work(n):
        begun.append(n)
        if n < count:
            both.wait()
            raise ValueError(f"item {n}")

    with threads.limit(count), pytest.raises(ValueError, match="item 0"):
        threads.run(work, range(200))
    assert sorted(begun) == list(range(count))


def test_the_first_error_stops_what_has_not_begun():
    begun = []
    failed = threading.Event()

    def work(number):
        begun.append(number)
        if number == 0:
            failed.wait(10)
        if number == 1:
            failed.set()
            raise ValueError("the second")
        time.sleep(0.01)

    with threads.limit(2), pytest.raises(ValueError, match="the second"):
        threads.run(work, range(500))
    assert len(begun) < 500


@pytest.mark.parametrize("inside", [False, True])
def test_nothing_works_any_more_when_an_interruption_arrives(inside):
    working, begun, lock = 0, 0, threading.Lock()

    def work(number):
        nonlocal working, begun
        with lock:
            working += 1
            begun += 1
        try:
            if number == 50:
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(0.01)
        finally:  # the caller's own item is cut short
            with lock:
                working -= 1

    def works(_):
        threads.run(work, range(500))

    with threads.limit(2), pytest.raises(KeyboardInterrupt):
        threads.run(works, range(3 if inside else 1))
    assert working == 0
    assert begun < 500
    with threads.limit(2):
        assert threads.run(abs, [-1, -2, -3]) == [1, 2, 3]


def test_calls_share_threads():
    seen = set()
    with threads.limit(3):
        for _ in range(40):
            threads.run(lambda _: seen.add(threading.get_ident()), range(30))
    assert len(seen) <= 12  # a call may start before the one before has let go of its threads


def test_no_call_waits_for_another_one():
    """Each item waits for a call that another thread makes, while more calls than cores are open."""

    def inner(results):
        with threads.limit(2):
            results += threads.run(abs, range(-3, 0))

    def item(_):
        results = []
        caller = threading.Thread(target=inner, args=(results,))
        caller.start()
        caller.join(20)
        return results

    with threads.limit(8):
        assert threads.run(item, range(16)) == [[3, 2, 1]] * 16


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    with threads.limit(2):
        threads.run(abs, range(4))
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            os._exit(0 if threads.run(abs, [-1, -2]) == [1, 2] else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_process_ends_quietly_with_idle_threads():
    program = "from inpaintkit import threads\nwith threads.limit(3):\n    print(threads.run(abs, [-1, -2, -3]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[1, 2, 3]\n", "")


@pytest.mark.parametrize("count", [1, 2])
def test_work_is_stopped_between_its_items_and_between_those_inside(count):
    class Cancelled(BaseException):
        pass

    done = []

    def check():
        if len(done) >= 5:
            raise Cancelled

    def outer(number):
        threads.run(lambda inside: done.append((number, inside)), range(3))

    with threads.limit(count), pytest.raises(Cancelled), threads.stopping(check):
        threads.run(outer, range(50))
    assert 5 <= len(done) < 5 + count
    with threads.limit(count):
        assert threads.run(str, [1, 2]) == ["1", "2"]
