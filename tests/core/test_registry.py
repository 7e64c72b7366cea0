"""The table of methods: rows, options, other distributions, missing extras."""

from __future__ import annotations

import inspect
from importlib import metadata
from typing import Literal

import numpy as np
import pytest

import inpaintkit
from inpaintkit import Method, MissingExtraError, inpaint, options, registry
from inpaintkit.cli.fill import fill


@pytest.mark.parametrize("row", inpaintkit.methods().values(), ids=lambda row: row.name)
def test_every_row_loads_and_says_what_it_is_for(row):
    if row.needs:
        pytest.importorskip("torch")
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


def four_options(
    problem, *, size: int = 3, mode: Literal["a", "b"] = "a", smooth: bool = True, name: str | None = None
):
    """For tests."""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"size": 3, "mode": "a", "smooth": True, "name": None}),
        ({"size": 4, "name": "x"}, {"size": 4, "mode": "a", "smooth": True, "name": "x"}),
        ({"smooth": False, "mode": "b", "name": None}, {"size": 3, "mode": "b", "smooth": False, "name": None}),
    ],
)
def test_options_are_completed(toy, given, expected):
    assert registry.find(toy(four_options)).options(given) == expected


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({"size": 2.5}, "a whole number"),
        ({"size": True}, "a whole number"),
        ({"smooth": 1}, "True or False"),
        ({"mode": "c"}, "'a' or 'b'"),
        ({"name": 3}, "a text or None"),
    ],
)
def test_options_of_the_wrong_kind_are_refused(toy, given, needed):
    with pytest.raises(ValueError, match=f"expected {needed}"):
        registry.find(toy(four_options)).options(given)


@pytest.mark.parametrize("name", ["size", "mode", "smooth", "name"])
@pytest.mark.parametrize("value", [np.arange(3), np.array(["a"]), np.array(["a", "b"]), np.zeros((2, 2))])
def test_an_array_is_no_choice_and_no_number(toy, name, value):
    with pytest.raises(ValueError, match=r"toy's option \w+ is an array of shape \(\d, ?\d?\): expected ") as caught:
        registry.find(toy(four_options)).options({name: value})
    assert "\n" not in str(caught.value)


def test_a_choice_of_numbers_takes_no_other_kind(toy):
    def method(problem, *, levels: Literal[2, 4] = 2):
        """For tests."""

    row = registry.find(toy(method))
    assert row.options({"levels": np.int64(4)}) == {"levels": 4}
    for wrong in (np.array([4, 4]), "4", 3):
        with pytest.raises(ValueError, match="expected 2 or 4"):
            row.options({"levels": wrong})


def test_reserved_are_the_keywords_of_inpaint_and_the_options_of_the_command():
    parameters = inspect.signature(inpaint).parameters.values()
    named = {parameter.name for parameter in parameters if parameter.kind is not inspect.Parameter.VAR_KEYWORD}
    of_variants = {name for name in inspect.signature(inpaintkit.variants).parameters if name != "more"}
    assert named | of_variants == options.OF_INPAINT
    assert {parameter.name for parameter in fill.params} | {"help"} == options.OF_COMMAND


def invert(problem, *, feather: float = 1.0):
    """For tests: an option that nobody could set."""
    return 1 - problem.image


def in_place(problem, *, in_place: bool = False):
    """For tests: an option that nobody could set from the command."""
    return problem.image


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (invert, "toy's option 'feather' is also a keyword of inpaint, so nobody could set it: rename"),
        (in_place, "toy's option 'in_place' is also an option of the command 'inpaintkit fill', so nobody could"),
    ],
)
def test_an_option_that_nobody_could_set_is_refused(toy, function, reason):
    with pytest.raises(ValueError, match=reason):
        toy(function)
    assert "toy" not in inpaintkit.methods()


def halves(problem, *, share: float = 0.5):
    """For tests: one colour in the whole hole."""
    filled = problem.image.copy()
    filled[problem.hole] = share
    return filled


@pytest.fixture
def picture():
    image = np.zeros((8, 8), np.uint8)
    image[:4] = 200
    return image, np.eye(8, dtype=bool)


def test_a_row_need_not_be_registered(picture):
    image, hole = picture
    row = Method("halves", f"{__name__}:halves", "for tests")
    filled, info = inpaint(image, hole, row, share=1.0, return_info=True)
    assert np.array_equal(filled, np.where(hole, image[~hole].max(), image))  # 1 is the upper end of its range
    assert info.method == "halves"
    assert "halves" not in inpaintkit.methods()
    with pytest.raises(ValueError, match="there is no method 'halves'"):
        inpaint(image, hole, "halves")
    with pytest.raises(ValueError, match="'feather' is also a keyword of inpaint"):
        inpaint(image, hole, Method("invert", f"{__name__}:invert", "for tests"))


def test_a_row_of_an_extra_that_is_missing_can_be_registered():
    inpaintkit.register(Method("deep", "no_such_package:deep", "for tests", needs="prior"))
    try:
        assert "deep" in inpaintkit.methods()
    finally:
        inpaintkit.unregister("deep")


class Entry:
    def __init__(self, name, loaded):
        self.name, self.value, self.loaded = name, "pkg:row", loaded

    def load(self):
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


@pytest.fixture
def entry_points(monkeypatch):
    """What other distributions offer, for the time of a test: called with the entries."""

    def offer(*entries):
        monkeypatch.setattr(metadata, "entry_points", lambda group: entries if group == "inpaintkit.methods" else ())
        registry._entry_points.cache_clear()

    yield offer
    registry._entry_points.cache_clear()


def test_other_distributions_add_methods_and_broken_ones_take_none_away(entry_points):
    good = Method("sparkle", "sparkle:fill", "for tests")
    entry_points(Entry("sparkle", good), Entry("odd", 3), Entry("broken", ImportError("gone")))
    with pytest.warns(UserWarning, match="is left out") as told:
        found = inpaintkit.methods()
    assert len(told) == 2
    assert found["sparkle"] is good
    assert {"odd", "broken"}.isdisjoint(found)
    assert registry.find("sparkle") is good


def test_a_bad_option_of_another_distribution_is_refused_when_it_is_used(entry_points, picture, run):
    entry_points(Entry("invert", Method("invert", f"{__name__}:invert", "for tests")))
    assert "invert" in inpaintkit.methods()
    with pytest.raises(ValueError, match="invert's option 'feather' is also a keyword of inpaint"):
        inpaint(*picture, "invert")
    for line in (["--help"], ["photo.png", "--mask", "alpha", "-o", "filled.png"]):
        status, _, errors = run("fill", "--method", "invert", *line)
        assert status != 0
        assert "'feather' is also a keyword of inpaint" in errors
