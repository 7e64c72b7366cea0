"""A run that is killed, or out of disk, at any step is finished by the next one, and no original is ever lost."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from faults import Fault, Run, Runs

from inpaintkit import damage, write

LINES = {
    "with -o": "in --mask in/stamp.png -o out/filled --compare out/sheets --log log.jsonl --save-config o.toml",
    "in place": "in --mask in/stamp.png --in-place --log log.jsonl",
    "one file": "in/a.png --mask in/stamp.png -o out.png",
    "one file in place": "in/sub/b.jpg --mask in/stamp.png --in-place",
}


class Album:
    """A folder with two pictures and a mask among them; each trial begins with it as it was."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        cat, scratches = skimage.data.chelsea(), damage.scratches((60, 80), number=3, max_width=2, seed=1)
        (folder / "in" / "sub").mkdir(parents=True)
        write(folder / "in" / "a.png", cat[:60, :80])
        write(folder / "in" / "sub" / "b.jpg", cat[100:160, :80])
        write(folder / "in" / "stamp.png", scratches.astype(np.uint8) * 255)
        self.before = self.contents()

    def contents(self) -> dict[str, bytes]:
        """All files but the log, whose lines say how long a fill took."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.name != "log.jsonl")
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}

    def reset(self) -> None:
        """Put everything back."""
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name, data in self.before.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(data)

    def check_stopped(self, expected: dict[str, bytes]) -> None:
        """After a stop: each original is there, and what has the name of a result or a backup is whole."""
        there = {name: data for name, data in self.contents().items() if "/.inpaintkit-" not in f"/{name}"}
        for name, data in self.before.items():
            assert data in (there[name], there.get(f"{name}.orig")), f"{name} is lost"
        for name, data in there.items():
            assert data in (self.before.get(name), expected.get(name)), f"{name} is not whole"


def trials(runs: Runs, album: Album, line: list[str], fault: Fault) -> Iterator[Run]:
    """Stop at each step in turn, look at what is left, finish with an ordinary run; ends where no step is left."""
    line = ["fill", *line, "--method", "telea"]
    album.reset()
    undisturbed = Fault(has_links=fault.has_links)
    assert runs(line, undisturbed).status == 0
    expected = album.contents()
    assert len(expected) > len(album.before)
    for at in itertools.count(1):
        album.reset()
        stopped = runs(line, Fault(fault.what, at, fault.lasting, fault.has_links))
        if not stopped.step:
            assert stopped.status == 0
            return
        album.check_stopped(expected)
        if stopped.status == 0:  # it failed where nothing depends on it, as where a folder is flushed
            assert album.contents() == expected, f"at step {at}, {stopped.step}"
        finished = runs(line, undisturbed)
        where = f"at step {at}, {stopped.step}"
        assert finished.status == 0, f"{where}: {finished.err}"
        assert album.contents() == expected, where
        if "--log" in line:
            texts = (album.folder / "log.jsonl").read_text("utf-8").splitlines()
            last = json.loads(texts[-1])
            assert last["status"] in ("done", "skipped"), where
        yield stopped


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    return Album(tmp_path_factory.mktemp("album"))


@pytest.fixture(scope="module")
def runs(album):
    """Runs of the command in the album's folder, by a process that has imported and compiled what a fill needs."""
    with Runs(album.folder) as runs:
        assert runs(["fill", "in/a.png", "--mask", "in/stamp.png", "-o", "x.png", "--method", "telea"]).status == 0
        yield runs


@pytest.mark.parametrize(("line", "has_links"), [("with -o", True), ("in place", True), ("one file in place", False)])
def test_a_run_killed_at_any_step_is_finished_by_the_next(runs, album, line, has_links):
    found = list(trials(runs, album, LINES[line].split(), Fault("kill", has_links=has_links)))
    assert {run.status for run in found} == {-signal.SIGKILL}
    assert len(found) > 5


@pytest.mark.parametrize(
    ("line", "what", "has_links"),
    [
        ("with -o", "ENOSPC", True),
        ("in place", "ENOSPC", False),
        ("one file", "EDQUOT", True),
        ("in place", "EIO", True),
    ],
)
def test_a_disk_that_fails_at_any_step_costs_no_picture(runs, album, line, what, has_links):
    fault = Fault(what, lasting=what != "EIO", has_links=has_links)
    found = list(trials(runs, album, LINES[line].split(), fault))
    assert len(found) >= 5
    for run in found:
        assert run.status in (0, 1, 2)
        assert "Traceback" not in run.err
    assert any(os.strerror(getattr(errno, what)) in run.err for run in found)
