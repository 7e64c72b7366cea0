"""docs/coming_from.md: every call on our side of its tables runs, and leaves the known pixels alone."""

from __future__ import annotations

import re

import numpy as np
import pytest
import skimage.data

import inpaintkit
from conftest import ROOT
from inpaintkit import damage, masks

PAGE = (ROOT / "docs" / "coming_from.md").read_text()
ROWS = [line.split("|")[1:-1] for line in PAGE.splitlines() if line.startswith("| `")]
CALLS = sorted({call for _, here, differs in ROWS for call in re.findall(r"`(inpaint\(.*?\))`", here + differs)})
COMMANDS = sorted({method for _, here, _ in ROWS for method in re.findall(r"--method (\w+)", here)})


def test_the_tables_are_found():
    assert len(ROWS) >= 15
    assert len(CALLS) >= 8
    assert {"patchmatch", "coherence"} < set(COMMANDS)


@pytest.mark.parametrize("call", CALLS)
def test_our_calls_run(call):
    photo = skimage.data.coffee()[100:148, 200:248]
    hole = damage.scratches(photo.shape[:2], number=2, seed=1)
    marked = hole == ("mask == 0" not in call)  # xphoto's masks
    x, y = [10, 30, 20], [10, 12, 30]
    names = {"mask": marked, "x": x, "y": y, "masks": masks, "inpaint": inpaintkit.inpaint}
    result = eval(call, names | dict.fromkeys(("I", "src", "image"), photo))
    filled = masks.polygon(photo.shape[:2], list(zip(x, y, strict=True))) if "polygon" in call else hole
    assert np.array_equal(result[~filled], photo[~filled])
    assert not np.array_equal(result, photo)


def test_methods_on_our_command_line_are_methods():
    assert set(COMMANDS) <= set(inpaintkit.methods())
