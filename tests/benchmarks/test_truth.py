"""What was traced in real pictures: how it is drawn, and that it is of these very files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inpaintkit.benchmarks.studies import truth


def cells(*rows: str) -> np.ndarray[Any, Any]:
    return np.array([[sign == "#" for sign in row] for row in rows])


@pytest.mark.parametrize(
    ("points", "width", "expected"),
    [
        pytest.param([(1, 1), (3, 1)], 1, cells(".....", ".###.", ".....", "....."), id="one pixel wide"),
        pytest.param([(1, 1), (3, 1)], 2, cells(".###.", "#####", ".###.", "....."), id="a radius of 1"),
        pytest.param([(1, 0.5), (3, 0.5)], 2, cells(".###.", ".###.", ".....", "....."), id="between two rows"),
        pytest.param([(2, 1)], 2, cells("..#..", ".###.", "..#..", "....."), id="a disc"),
        pytest.param([(0, 0), (2, 2), (4, 0)], 1, cells("#...#", ".#.#.", "..#..", "....."), id="with a corner"),
        pytest.param([(-9, 3), (1, 3)], 1, cells(".....", ".....", ".....", "##..."), id="from outside"),
        pytest.param([(-9, -3), (-4, -3)], 2, cells(".....", ".....", ".....", "....."), id="outside"),
    ],
)
def test_a_stroke_covers_the_pixels_near_its_line(
    points: list[tuple[float, float]], width: float, expected: np.ndarray[Any, Any]
) -> None:
    np.testing.assert_array_equal(truth.stroke((4, 5), points, width), expected)


def traced(folder: Path, **changes: Any) -> Path:
    """A picture of 6 x 4 and what was traced on it."""
    Image.fromarray(np.full((4, 6, 4), 90, np.uint8)).save(folder / "print.png")
    content = {
        "picture": "print.png",
        "sha256": hashlib.sha256((folder / "print.png").read_bytes()).hexdigest(),
        "size": [6, 4],
        "strokes": [{"kind": "crack", "width": 1, "points": [[0, 0], [3, 0]]}],
        "areas": [{"kind": "loss", "points": [[3, 0], [5, 0], [5, 1], [3, 1]]}],
        "not_judged": [[[4, 1], [5, 1], [5, 3], [4, 3]]],
        "note": "",
    }
    file = folder / "print.json"
    file.write_text(json.dumps(content | changes))
    return file


def test_strokes_and_areas_together_are_the_truth_and_damage_is_always_judged(tmp_path: Path) -> None:
    found = truth.read(traced(tmp_path), tmp_path)
    np.testing.assert_array_equal(found.mask, cells("######", "...###", "......", "......"))
    np.testing.assert_array_equal(found.ignored, cells("......", "......", "....##", "....##"))
    assert {kind: int(mask.sum()) for kind, mask in found.kinds.items()} == {"crack": 4, "loss": 6}
    assert found.pixels.shape == (4, 6, 3)


def test_another_file_than_was_traced_is_refused(tmp_path: Path) -> None:
    file = traced(tmp_path)
    (tmp_path / "print.png").write_bytes((tmp_path / "print.png").read_bytes() + b" ")
    with pytest.raises(ValueError, match="traced on"):
        truth.read(file, tmp_path)


def test_an_unknown_kind_of_damage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'crak': expected one of crack"):
        truth.read(traced(tmp_path, areas=[{"kind": "crak", "points": [[0, 0], [2, 0], [2, 2]]}]), tmp_path)


def test_an_unknown_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no truth of a picture 'nobody'"):
        truth.load("nobody", tmp_path)
