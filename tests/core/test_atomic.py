"""Files written whole or not at all, whatever they hold."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inpaintkit import atomic
from inpaintkit.atomic import is_replaced, sweep, whole, write_bytes, write_text


def test_a_file_appears_when_the_block_ends_and_not_before(tmp_path):
    path = tmp_path / "a"
    with whole(path) as file:
        file.write(b"some ")
        assert not path.exists()
        file.write(b"bytes")
    assert path.read_bytes() == b"some bytes"
    write_text(path, "Grüße\r\n")
    assert path.read_bytes() == "Grüße\r\n".encode()
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_what_was_there_stays(tmp_path, error):
    path = tmp_path / "a"
    path.write_bytes(b"before")

    def stop_halfway():
        with whole(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        stop_halfway()
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a"]


def test_permissions_and_links_are_kept(tmp_path):
    path, link = tmp_path / "a", tmp_path / "link"
    path.touch()
    path.chmod(0o640)
    link.symlink_to(path)
    write_bytes(link, b"through the link")
    assert link.is_symlink()
    assert path.read_bytes() == b"through the link"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_directly():
    write_bytes(Path("/dev/null"), b"nothing to rename")
    assert os.stat("/dev/null").st_rdev == os.makedev(1, 3)


def temporary(folder: Path, process: int) -> Path:
    """A file as a process of that number leaves it: this one's own name for a file while it is written."""
    with whole(folder / "a") as file:
        name = Path(file.name).name
    (folder / "a").unlink()
    path = folder / name.replace(f"-{os.getpid()}-", f"-{process}-")
    path.touch()
    return path


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, gone.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is a zombie until it is waited for
    left, busy = temporary(tmp_path, gone.pid), temporary(tmp_path, os.getpid())
    picture = tmp_path / "a.png"
    picture.touch()
    sweep(tmp_path)
    assert set(tmp_path.iterdir()) == {busy, picture}
    gone.wait()
    left.touch()
    sweep(tmp_path)
    assert set(tmp_path.iterdir()) == {busy, picture}
    sweep(tmp_path / "none")


@pytest.mark.parametrize("elsewhere", ["another host", "another container", "an earlier start"])
def test_files_of_processes_that_cannot_be_seen_stay_for_a_day(tmp_path, monkeypatch, elsewhere):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    read, link = Path.read_text, os.readlink
    with monkeypatch.context() as patch:
        if elsewhere == "another host":
            patch.setattr(atomic.socket, "gethostname", lambda: "another")
        elif elsewhere == "another container":
            patch.setattr(os, "readlink", lambda path: "pid:[1]" if path == "/proc/self/ns/pid" else link(path))
        else:
            patch.setattr(Path, "read_text", lambda self: "0-0" if self.name == "boot_id" else read(self))
        atomic._place.cache_clear()
        theirs = temporary(tmp_path, gone.pid)
    atomic._place.cache_clear()
    earlier = tmp_path / f".inpaintkit-{gone.pid}-0123456789ab"  # as versions before named them
    earlier.touch()
    sweep(tmp_path)
    assert set(tmp_path.iterdir()) == {theirs, earlier}
    long_ago = time.time() - 25 * 60 * 60
    os.utime(theirs, (long_ago, long_ago))
    sweep(tmp_path)
    assert set(tmp_path.iterdir()) == {earlier}


@pytest.mark.parametrize("links", [True, False])
def test_what_is_replaced_keeps_a_second_name(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    path, backup = tmp_path / "a", tmp_path / "a.orig"
    path.write_bytes(b"the original")
    os.utime(path, (10**9, 10**9))
    monkeypatch.setattr(os, "replace", replace := Refusing(os.replace, backup))
    with pytest.raises(OSError, match="full"):
        write_bytes(path, b"a result", backup=backup)
    assert (path.read_bytes(), backup.read_bytes()) == (b"the original", b"the original")
    assert backup.stat().st_mtime == 10**9
    assert not is_replaced(path, backup)  # stopped between the two steps
    replace.refuses = False
    write_bytes(path, b"a result", backup=backup)
    assert is_replaced(path, backup)
    write_bytes(path, b"two result", backup=backup)  # as many bytes as the original
    assert is_replaced(path, backup)
    assert backup.read_bytes() == b"the original"
    assert sorted(os.listdir(tmp_path)) == ["a", "a.orig"]


class Refusing:
    """``os.replace`` on a disk that is full, except for one target."""

    def __init__(self, function, allowed):
        self.function, self.allowed, self.refuses = function, allowed, True

    def __call__(self, source, target):
        if self.refuses and target != self.allowed:
            raise OSError("the disk is full")
        self.function(source, target)
