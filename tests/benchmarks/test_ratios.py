"""The table of what speed is held against: what its rows hold, not how fast anything is."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import skimage.data

from conftest import boxed
from inpaintkit import inpaint
from inpaintkit.benchmarks import ratios
from inpaintkit.benchmarks.ratios import Ratio, Settings, table, taken
from inpaintkit.regions import split


def test_a_call_in_a_fresh_process_gives_its_seconds_its_memory_and_its_picture():
    photo, hole = skimage.data.chelsea()[:100, :120].copy(), boxed((100, 120), 40, 20, 4, 60)
    call = (
        "import time, inpaintkit",
        "time.sleep(0.05); big = np.ones(2**25, np.uint8); return inpaintkit.inpaint(photo, hole, 'telea')",
    )
    found = taken(photo, hole, call, repeats=2)
    assert 0.05 < found.seconds < 20
    assert found.mib < 64
    assert np.array_equal(found.result, inpaint(photo, hole, "telea"))
    with pytest.raises(RuntimeError, match="ValueError: no"):
        taken(photo, hole, ("", "raise ValueError('no')"))


def test_the_table_has_a_heading_for_each_part_and_a_row_for_each_figure(monkeypatch):
    rows = [Ratio("fast", 2, "1.0 s", "peer 2.0 s", 0.5, "below 1"), Ratio("size", 0, "3 MiB")]
    monkeypatch.setattr(ratios, "PARTS", {"one": lambda _: iter(rows[:1]), "two": lambda _: iter(rows[1:])})
    steps = []
    text = table(list(ratios.ratios(Settings(), progress=steps.append)))
    assert (
        text.index("## One")
        < text.index("| fast | 2 | 1.0 s | peer 2.0 s | **0.50** | below 1 |")
        < text.index("## Two")
    )
    assert "| size |  | 3 MiB |  |  |  |" in text
    assert "## One" not in table(list(ratios.ratios(Settings(), ["two"])))
    assert steps[-1].done == steps[-1].total == 2


def test_the_command_writes_the_table_and_names_the_parts_there_are(run, tmp_path, monkeypatch):
    monkeypatch.setitem(ratios.PARTS, "text", lambda _: iter([Ratio("auto", 1, "1 s")]))
    status, out, _ = run("bench", "speed", "--ratios", "--parts", "text", "-o", tmp_path, "-q")
    assert status == 0
    assert "| auto | 1 | 1 s |" in out
    assert (tmp_path / "ratios.md").read_text() == out.removesuffix("\n")
    status, _, said = run("bench", "speed", "--ratios", "--parts", "words", "-o", tmp_path, "-q")
    assert status == 2
    assert "--parts words: choose from text, greys" in said


def test_what_a_process_leaves_running_counts_as_its_processor_time():
    burn = "import time\nwhile time.process_time() < 0.4: pass"
    line = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {burn!r}]); print('not a figure')"
    found = ratios.spent(["-c", line])
    if sys.platform == "linux":
        assert found.cpu >= 0.4
    assert found.wall > 0
    assert str(ratios.Spent(1.234, 0.5)) == "1.23 s (0.50 s CPU)"
    with pytest.raises(RuntimeError, match="ValueError: no"):
        ratios.spent(["-c", "raise ValueError('no')"])


def test_a_large_region_lies_beside_a_small_one():
    for method in ("ple", "patchmatch"):
        sizes = sorted(region.pixels for region in split(ratios.large_beside_small(method), reach=8, share=False))
        assert sizes[-1] > 30000
        assert sizes[0] == 60
