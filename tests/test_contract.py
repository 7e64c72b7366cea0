"""Promises that hold for every method of the registry, each held to its own row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import inpaintkit
from inpaintkit import ContextError, Method, MissingExtraError, inpaint, registry, testing

METHODS = {"auto": registry.find("auto"), **inpaintkit.methods()}

# PSNR in dB over the holes of two test pictures, as `python -m inpaintkit.testing` prints it: a change that costs
# quality fails here, and one that gains some is written down. `mnps` has the random weights of the tests.
FIGURES = {
    "auto": {"scratch": 40.91, "box": 22.46},
    "telea": {"scratch": 33.21, "box": 16.25},
    "coherence": {"scratch": 39.22, "box": 16.56},
    "harmonic": {"scratch": 32.96, "box": 16.63},
    "biharmonic": {"scratch": 35.87, "box": 16.14},
    "tv": {"scratch": 30.82, "box": 16.74},
    "oliveira": {"scratch": 32.53, "box": 16.6},
    "transport": {"scratch": 37.06, "box": 16.82},
    "navier_stokes": {"scratch": 28.62, "box": 16.47},
    "fsr": {"scratch": 35.99, "box": 31.45},
    "ple": {"scratch": 40.91, "box": 22.46},
    "patchmatch": {"scratch": 33.27, "box": 99.0},
    "criminisi": {"scratch": 24.05, "box": 99.0},
    "dip": {"scratch": 28.74, "box": 27.72},
    "mnps": {"scratch": 32.96, "box": 16.63},
}
TOLERANCE = {"dip": 2.0, "mnps": 0.5}  # dB: sums of torch differ from processor to processor
PRECISION = 0.1  # dB, all others


@pytest.fixture(params=METHODS)
def row(request) -> Method:
    row = METHODS[request.param]
    try:
        row.load()
    except MissingExtraError as error:
        pytest.skip(str(error))
    return row


@pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_every_method_keeps_the_contract(row, check):
    check(row)


def test_no_method_has_lost_quality(row):
    assert row.name in FIGURES, f"put in what `python -m inpaintkit.testing {row.name}` prints"
    assert testing.figures(row) == pytest.approx(FIGURES[row.name], abs=TOLERANCE.get(row.name, PRECISION))


@pytest.mark.filterwarnings("ignore:the mask hides:inpaintkit.InpaintWarning")
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    height=st.integers(1, 24),
    width=st.integers(1, 24),
    channels=st.integers(1, 6),
    dtype=st.sampled_from(
        (*(f"{sign}int{bits}" for sign in ("u", "") for bits in (8, 16, 32, 64)), "float16", "float32", "float64")
    ),
    share=st.floats(0, 0.9),
    seed=st.integers(0, 2**16),
)
def test_any_shape_type_and_mask(row, height, width, channels, dtype, share, seed):
    rng = np.random.default_rng(seed)
    if row.colours and channels - (channels in (2, 4)) not in row.colours:
        channels = row.colours[0]
    image = testing.as_dtype(rng.integers(0, 256, (height, width, channels)), dtype)
    hole = rng.random((height, width)) < share
    known = rng.integers(height), rng.integers(width)
    hole[known] = False
    image[known] = 1 if image.dtype.kind == "f" else np.iinfo(dtype).max  # opaque, so that there is a colour
    try:
        result = inpaint(image, hole, row, **row.quick)
    except ContextError:
        result = inpaint(image, hole, row, fallback=True, **row.quick)
    assert result.dtype == image.dtype
    assert np.array_equal(result[~hole], image[~hole])
    assert np.isfinite(result).all()
    if not row.own_threads:
        assert np.array_equal(result, inpaint(image, hole, row, fallback=True, threads=1, **row.quick))


# The contract can fail: toys that break one promise each


def toy(fill, **promises) -> Method:
    """A method made of a function, not registered."""
    row = Method("toy", "", "for tests", **promises)
    object.__setattr__(row, "load", lambda: fill)
    return row


def good(problem, *, smooth: bool = True):
    """A sound method."""
    return registry.find("telea").load()(problem)


def broken(kind):
    """A function that breaks one promise."""

    def fill(problem, *, smooth: bool = True):
        if kind == "writes":
            problem.image[problem.hole] = 0.25
        filled = good(problem)
        if kind == "shape":
            return filled[1:]
        if kind == "float64":
            return filled.astype(np.float64)
        if kind == "mean":
            filled[problem.hole] = problem.image[problem.known].mean(axis=0)
        elif kind == "nothing":
            filled[problem.hole] = 1.0
        elif kind == "random":
            filled[problem.hole] += np.float32(np.random.default_rng().normal(0, 0.02))
        elif kind == "drifts":
            filled[problem.hole] += np.float32(0.01)
        elif kind == "nan":
            filled[problem.hole] = np.nan
        return filled

    return fill


def own_seed(problem, *, seed: int = 0):
    return good(problem)


def any_size(problem, *, size=1):
    return good(problem)


def test_a_sound_toy_keeps_the_contract():
    testing.check_method(toy(good, reach=12, context=8))


@pytest.mark.parametrize(
    ("fill", "check", "words"),
    [
        (own_seed, "options", "option 'seed' is also a keyword of inpaint"),
        (any_size, "options", "its option size is refused"),
        (broken("float64"), "problem", "got float64"),
        (broken("writes"), "problem", "the problem is left as it is"),
        (broken("mean"), "quality", "no worse than by the nearest known colour: got"),
        (broken("nothing"), "borders", "a hole at row"),
        (broken("nothing"), "kinds", "the hole is filled"),
        (broken("random"), "repeatable", "the same seed, the same picture"),
        (broken("drifts"), "constants", "stays so: got off by"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_promise_is_named(fill, check, words):
    with pytest.raises(AssertionError, match=words) as raised:
        getattr(testing, f"check_{check}")(toy(fill, reach=12, context=8))
    assert str(raised.value).startswith("toy: ")


@pytest.mark.parametrize(("kind", "words"), [("shape", "gave"), ("nan", "not finite")])
def test_what_the_api_itself_refuses_is_an_error(kind, words):
    with pytest.raises(ValueError, match=words):
        testing.check_method(toy(broken(kind), reach=12, context=8))
