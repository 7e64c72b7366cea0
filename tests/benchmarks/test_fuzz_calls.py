"""Calls of ``inpaint`` at random keep every promise, and the checks notice where one is broken."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from inpaintkit import inpaint
from inpaintkit.benchmarks.studies import fuzz


@pytest.mark.parametrize("first", [0, 100_000, 200_000])
def test_every_promise_is_kept(first):
    outcomes, faults = fuzz.run(60, first)
    assert not faults
    assert outcomes["filled"] > 30
    assert sum(outcomes.values()) == 60


def test_the_calls_are_of_every_kind():
    cases = [fuzz.case(seed) for seed in range(1500)]
    arrays = [np.asarray(case.image) for case in cases]
    assert {array.dtype.newbyteorder("=").name for array in arrays} == set(fuzz.DTYPES)
    assert {1, 2, 3, 4, 5, 6} <= {array.shape[2] for array in arrays if array.ndim == 3}
    assert {"alpha", "nan", "nodata"} == {case.mask for case in cases if isinstance(case.mask, str)}
    assert sum(not case.sound for case in cases) < 500
    assert {"fsr", "patchmatch", "auto", "telea"} <= {case.method for case in cases}
    assert any(
        np.isnan(array[~case.hole]).any() for case, array in zip(cases, arrays, strict=True) if array.dtype.kind == "f"
    )


def broken(change):
    """``inpaint`` with its result changed."""

    def call(image, mask, method, **options):
        result = inpaint(image, mask, method, **options)
        if not options.get("return_info"):
            return change(result, None)
        return change(result[0], result[1].mask), result[1]

    return call


def known_changed(result, mask):
    changed = result.copy()
    if mask is not None and not mask.all():
        changed[tuple(np.argwhere(~mask)[-1])] += 1
    return changed


def not_finite(result, mask):
    return np.where(mask[..., None], np.nan, result).astype(result.dtype) if mask is not None else result


def warned(result, mask):
    warnings.warn("of something else", RuntimeWarning, stacklevel=2)
    return result


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (known_changed, "a known pixel was changed"),
        (not_finite, "not finite"),
        (warned, "of something else"),
        (lambda result, mask: result.astype(np.float64), "got float64"),
        (lambda result, mask: result if mask is not None else result + 1, "a second call gave another picture"),
    ],
    ids=["known", "finite", "warnings", "type", "again"],
)
def test_a_broken_promise_is_noticed(monkeypatch, change, fault):
    rng = np.random.default_rng(0)
    hole = np.zeros((12, 15), bool)
    hole[4:7, 3:9] = True
    sound = fuzz.Case(rng.random((12, 15, 3)).astype(np.float32), hole, "harmonic", hole, True, {"fallback": True})
    assert fuzz.check(sound) == "filled"
    monkeypatch.setattr(fuzz, "inpaint", broken(change))
    with pytest.raises(AssertionError, match=fault):
        fuzz.check(sound)


def test_a_sound_call_must_not_be_refused():
    hole = np.zeros((12, 15), bool)
    hole[2, 2] = True
    case = fuzz.Case(np.zeros((12, 15)), hole, "telea", hole, True, {"fallback": True, "radius": -1})
    with pytest.raises(AssertionError, match=r"refused: .*radius"):
        fuzz.check(case)
    assert fuzz.check(replace(case, sound=False)) == "refused"
