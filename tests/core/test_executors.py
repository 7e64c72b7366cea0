"""Work spread over processes: every item has its result, and a crash costs only its own item."""

from __future__ import annotations

import os

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
