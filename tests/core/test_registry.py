"""The table of methods: rows, options, other distributions, missing extras."""

from __future__ import annotations

from importlib import metadata
from typing import Literal

import pytest

import inpaintkit
from inpaintkit import Method, MissingExtraError, registry


@pytest.mark.parametrize("row", inpaintkit.methods().values(), ids=lambda row: row.name)
def test_every_row_loads_and_says_what_it_is_for(row):
    function = row.load()
    assert function.__name__ == row.name
    assert row.summary
    assert row.source
    assert "References" in function.__doc__
    for name in row.parameters():
        assert f"{name} : " in function.__doc__


def test_a_taken_name_is_refused(toy):
    with pytest.raises(ValueError, match="'telea' exists already"):
        inpaintkit.register(Method("telea", "", ""))
    with pytest.raises(ValueError, match="'auto' exists already"):
        inpaintkit.register(Method("auto", "", ""))
    with pytest.raises(ValueError, match="inpaintkit's own"):
        inpaintkit.unregister("telea")
    name = toy(lambda problem: problem.image)
    assert name in inpaintkit.methods()
    inpaintkit.unregister(name)
    assert name not in inpaintkit.methods()


def test_a_missing_extra_is_named():
    row = Method("deep", "no_such_package.deep:deep", "", needs="prior")
    with pytest.raises(MissingExtraError, match=r'deep needs no_such_package.*pip install "inpaintkit\[prior\]"'):
        row.load()
    with pytest.raises(ModuleNotFoundError):
        Method("broken", "no_such_package:f", "").load()


def options(problem, *, size: int = 3, mode: Literal["a", "b"] = "a", soft: bool = True, name: str | None = None):
    """For tests."""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"size": 3, "mode": "a", "soft": True, "name": None}),
        ({"size": 4, "name": "x"}, {"size": 4, "mode": "a", "soft": True, "name": "x"}),
        ({"soft": False, "mode": "b", "name": None}, {"size": 3, "mode": "b", "soft": False, "name": None}),
    ],
)
def test_options_are_completed(toy, given, expected):
    assert registry.find(toy(options)).options(given) == expected


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({"size": 2.5}, "a whole number"),
        ({"size": True}, "a whole number"),
        ({"soft": 1}, "True or False"),
        ({"mode": "c"}, "'a' or 'b'"),
        ({"name": 3}, "a text or None"),
    ],
)
def test_options_of_the_wrong_kind_are_refused(toy, given, needed):
    with pytest.raises(ValueError, match=f"needed is {needed}"):
        registry.find(toy(options)).options(given)


class Entry:
    def __init__(self, name, loaded):
        self.name, self.value, self.loaded = name, "pkg:row", loaded

    def load(self):
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


def test_other_distributions_add_methods_and_broken_ones_take_none_away(monkeypatch):
    good = Method("sparkle", "sparkle:fill", "for tests")
    entries = [Entry("sparkle", good), Entry("odd", 3), Entry("broken", ImportError("gone"))]
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries if group == "inpaintkit.methods" else [])
    registry._entry_points.cache_clear()
    try:
        with pytest.warns(UserWarning, match="is left out") as told:
            found = inpaintkit.methods()
        assert len(told) == 2
        assert found["sparkle"] is good
        assert {"odd", "broken"}.isdisjoint(found)
        assert registry.find("sparkle") is good
    finally:
        registry._entry_points.cache_clear()
