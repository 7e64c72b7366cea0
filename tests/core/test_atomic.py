"""Files written whole or not at all, whatever they hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inpaintkit.atomic import sweep, whole, write_bytes, write_text


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


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, gone.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is a zombie until it is waited for
    left, busy, picture = (
        tmp_path / name for name in (f".inpaintkit-{gone.pid}-ab", f".inpaintkit-{os.getpid()}-ab", "a.png")
    )
    for path in (left, busy, picture):
        path.touch()
    sweep(tmp_path)
    assert set(tmp_path.iterdir()) == {busy, picture}
    gone.wait()
    left.touch()
    sweep(tmp_path)
    assert set(tmp_path.iterdir()) == {busy, picture}
    sweep(tmp_path / "none")
