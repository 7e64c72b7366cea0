"""How what is found in real pictures is compared with what was traced: small pictures worked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inpaintkit.benchmarks.studies import real
from inpaintkit.benchmarks.studies.truth import Truth
from inpaintkit.problem import Mask


def column(*xs: int) -> Mask:
    """Columns of a picture of 10 x 40."""
    mask = np.zeros((10, 40), np.bool_)
    mask[:, list(xs)] = True
    return mask


def traced(mask: Mask, ignored: Mask | None = None) -> Truth:
    return Truth(Path("print.png"), mask, column() if ignored is None else ignored, {"crack": mask})


def test_recall_and_precision_of_columns() -> None:
    # Column 10 is found: of the traced columns 10, 13, 14 and 30 the first two are within 3 px.
    score = real.scored(traced(column(10, 13, 14, 30)), column(10))
    assert (score.recall, score.precision) == (0.5, 1.0)
    # Of the found columns 7, 8, 20, 21 and 22 two are within 3 px of what was traced.
    score = real.scored(traced(column(10)), column(7, 8, 20, 21, 22))
    assert (score.recall, score.precision) == (1.0, 0.4)
    assert score.share == 5 / 40


def test_what_could_not_be_judged_counts_for_nothing() -> None:
    score = real.scored(traced(column(10), ignored=column(20, 21, 22)), column(10, 20, 21, 22, 30))
    assert (score.recall, score.precision) == (1.0, 0.5)


def test_nothing_found_has_no_precision() -> None:
    score = real.scored(traced(column(10)), column())
    assert score.recall == 0
    assert np.isnan(score.precision)


def test_distances_are_not_rounded() -> None:
    mask = np.zeros((9, 9), np.bool_)
    mask[4, 4] = True
    y, x = np.mgrid[:9, :9]
    np.testing.assert_array_equal(real.near(mask), (y - 4) ** 2 + (x - 4) ** 2 <= 9)


def test_the_mean_leaves_out_the_precision_of_nothing() -> None:
    cases = [("a", column()), ("b", column(10, 20))]
    scores = {name: {"dust": real.scored(traced(column(10)), found)} for name, found in cases}
    assert real.table(scores, ["dust"]).splitlines()[-1].startswith("| prints, mean | 0.50 / 0.50 | 2.50 |")


@pytest.mark.parametrize(
    ("shape", "expected"), [((40, 30), (80, 180)), ((40, 60), (240, 120)), ((900, 300), (900, 900))]
)
def test_a_sheet_shows_small_pictures_enlarged_and_wide_ones_one_above_the_other(
    shape: tuple[int, int], expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Truth, "pixels", np.zeros((*shape, 3), np.uint8))
    nothing = np.zeros(shape, np.bool_)
    shown = real.compared(traced(nothing), {"propose": nothing})
    black = (shown == 0).all(axis=2)
    assert black.sum(axis=1).max() >= expected[1]
    assert black.sum(axis=0).max() >= expected[0]
