"""One pool: order, limits, errors, and no work that waits for itself."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

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
    meet = threading.Barrier(count, timeout=20)  # broken unless so many work at once
    lock, working, most = threading.Lock(), 0, 0

    def work(_):
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        meet.wait()
        with lock:
            working -= 1

    with threads.limit(count) as allowed:
        assert allowed == count
        threads.run(work, range(3 * count))
    assert most == count


def test_work_inside_work_is_serial():
    def inner(_):
        return threading.current_thread()

    def outer(_):
        return threading.current_thread(), threads.run(inner, range(3))

    with threads.limit(2):
        for mine, inside in threads.run(outer, range(4)):
            assert set(inside) == {mine}
            assert mine is not threading.current_thread()


def test_a_limit_ends_with_its_block_and_holds_for_its_thread_only(monkeypatch):
    monkeypatch.setenv("INPAINTKIT_THREADS", "5")
    elsewhere = []
    with threads.limit(3):
        with pytest.raises(KeyError), threads.limit(2):
            raise KeyError
        other = threading.Thread(target=lambda: elsewhere.append(used()))
        other.start()
        other.join()
        for inner, expected in ((None, 3), (9, 3), (2, 2)):
            with threads.limit(inner) as count:
                assert count == used() == expected
        assert used() == 3
    assert used() == 5
    assert elsewhere == [5]


def used():
    """How many threads a pool is given for more work than there may be threads."""
    with patch.object(threads, "ThreadPoolExecutor", wraps=ThreadPoolExecutor) as pool:
        threads.run(str, range(20))
    return pool.call_args.args[0]


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

    def work(n):
        begun.append(n)
        time.sleep(0.01)
        if n in (1, 2):
            raise ValueError(f"item {n}")

    with threads.limit(count), pytest.raises(ValueError, match="item 1"):
        threads.run(work, range(200))
    assert len(begun) < 20


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
    assert len(begun) < 250
