"""Work spread over processes: every item has its result once, and a crash costs only its own item."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inpaintkit.executors import spread


def halved(number: int) -> int:
    """The whole half, but the process dies of two numbers."""
    if number in (3, 17):
        os._exit(7)
    return number // 2


def test_every_item_has_its_result_and_none_where_its_process_died():
    found = dict(spread(halved, range(20), 2))
    assert found == {number: None if number in (3, 17) else number // 2 for number in range(20)}


def test_without_items_nothing_starts():
    assert list(spread(halved, [], 2)) == []


def dies_a_little_later(number: int) -> int:
    """The process dies of three numbers: by then, those before are done and their results are being used."""
    if number in (2, 9, 10):
        time.sleep(0.15)
        os._exit(7)
    return number // 2


def test_no_item_is_lost_or_doubled_while_results_are_in_use():
    found = []
    for item, result in spread(dies_a_little_later, iter(range(14)), 2):
        found.append((item, result))
        time.sleep(0.1)  # the pool breaks here, not while it is waited for
    assert sorted(found) == [(number, None if number in (2, 9, 10) else number // 2) for number in range(14)]


def leaves_a_dying_process(place: tuple[Path, int]) -> int:
    """Of number 1 the process dies at once; after number 2 it dies when the result is on its way."""
    folder, number = place
    if number == 1:
        os._exit(7)
    if number == 2 and not (folder / "died").exists():
        (folder / "died").touch()
        import threading

        threading.Timer(0.05, os._exit, [7]).start()
    return number


def test_an_item_is_not_blamed_for_the_one_before(tmp_path):
    found = []
    for (_, number), result in spread(leaves_a_dying_process, [(tmp_path, number) for number in (1, 2, 3, 4)], 1):
        found.append((number, result))
        time.sleep(0.2)
    assert sorted(found) == [(1, None), (2, 2), (3, 3), (4, 4)]


def refused(number: int) -> int:
    """Raise for some numbers, die of one."""
    if number == 6:
        os._exit(7)
    if number in (0, 4):
        raise ValueError(f"{number} is refused")
    return number


def test_what_the_function_raises_comes_after_all_other_results():
    found = {}

    def consume():
        for item, result in spread(refused, range(8), 2):
            found[item] = result

    with pytest.raises(ValueError, match="is refused") as raised:
        consume()
    assert found == {1: 1, 2: 2, 3: 3, 5: 5, 6: None, 7: 7}
    assert raised.value.__notes__ in (
        ["raised for 0", "for 4: ValueError: 4 is refused"],
        ["raised for 4", "for 0: ValueError: 0 is refused"],
    )


def marked(place: tuple[Path, int]) -> int:
    """Leave a file behind for each item that was begun."""
    folder, number = place
    (folder / str(number)).touch()
    time.sleep(0.05)
    return number


def test_a_consumer_that_stops_early_stops_the_work(tmp_path):
    results = spread(marked, [(tmp_path, number) for number in range(200)], 2)
    next(results)
    results.close()
    begun = len(list(tmp_path.iterdir()))
    assert begun <= 12
    time.sleep(0.3)
    assert len(list(tmp_path.iterdir())) == begun


FORK = """
import sys, threading
from inpaintkit.executors import spread
loaded = []
def is_loaded(number):
    return bool(loaded)
if __name__ == "__main__":
    loaded.append("much")
    if sys.argv[1] == "beside another thread":
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    print(sorted(spread(is_loaded, range(8), 2, fork=sys.argv[1] != "unasked")))
"""


@pytest.mark.parametrize("how", ["alone", "beside another thread", "unasked"])
def test_workers_are_copies_of_a_process_only_where_it_says_so_and_has_no_other_thread(tmp_path, how):
    (tmp_path / "fork.py").write_text(FORK)
    done = subprocess.run([sys.executable, tmp_path / "fork.py", how], capture_output=True, text=True, check=True)
    copied = how == "alone" and sys.platform == "linux"
    assert done.stdout.strip() == str([(number, copied) for number in range(8)])
    assert done.stderr == ""
