"""The command stopped at each of its steps on the disk, one run after another: for a test, and for `.ci/evidence`.

`python faults.py FOLDER` reads requests, each a line of JSON, and answers each with a line; `Runs` is the other end.
One process imports and compiles once and then forks for each run, so that hundreds take seconds.
"""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_STEPS = ("mkdir", "link", "replace", "chmod", "fsync", "unlink", "utime")  # functions of os; and create, write
_NEED_SPACE = ("create", "write", "mkdir", "link", "replace")


@dataclass(frozen=True)
class Fault:
    """What happens at step ``at``: "kill", or an error by its name in errno, once or whenever space is needed later."""

    what: str = ""
    at: int = 0
    lasting: bool = False
    has_links: bool = True  # whether the file system has hard links


@dataclass(frozen=True)
class Run:
    """What became of a run: its exit status or the negative signal, stderr, and the step that failed, if one did."""

    status: int
    err: str
    step: str


class Disk:
    """Counts the steps of this process below a folder, and lets one fail."""

    def __init__(self, folder: Path, fault: Fault) -> None:
        self.folder, self.fault, self.count, self.failed = str(folder), fault, 0, ""

    def step(self, name: str, half: Callable[[], Any] = lambda: None) -> None:
        """Go on, or fail; of what is being written ``half`` arrives."""
        self.count += 1
        is_full = self.fault.lasting and self.count > self.fault.at and name in _NEED_SPACE
        if not self.fault.what or not (self.count == self.fault.at or is_full):
            return
        self.failed = self.failed or name
        half()
        if self.fault.what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, self.fault.what)
        raise OSError(number, os.strerror(number))

    def install(self) -> None:
        """Stand in front of open and of the functions of ``os``."""
        for name in _STEPS:
            setattr(os, name, self._counted(name, getattr(os, name)))
        plain = io.open

        def opened(file: Any, mode: str = "r", *more: Any, **options: Any) -> Any:
            is_here = isinstance(file, (str, os.PathLike)) and os.path.abspath(file).startswith(self.folder)
            if not is_here or not set(mode) & set("wxa+"):
                return plain(file, mode, *more, **options)
            self.step("create")
            return Written(plain(file, mode, *more, **options), self)

        io.open = builtins.open = opened

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            if name == "link" and not self.fault.has_links:
                raise OSError(errno.EPERM, os.strerror(errno.EPERM))
            self.step(name)
            return function(*arguments, **options)

        return counted


class Written:
    """A file whose writes are steps."""

    def __init__(self, file: Any, disk: Disk) -> None:
        self.file, self.disk = file, disk

    def write(self, data: Any) -> Any:
        """Write all, or half of it where the step fails."""

        def half() -> None:
            self.file.write(data[: len(data) // 2])
            self.file.flush()

        self.disk.step("write", half)
        return self.file.write(data)

    def __enter__(self) -> Written:
        return self

    def __exit__(self, *error: Any) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


class Runs:
    """A process that runs the command in forks of its own."""

    def __init__(self, folder: Path) -> None:
        one = {"INPAINTKIT_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(folder)],
            cwd=folder,
            env=os.environ | one,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, arguments: list[Any], fault: Fault | None = None) -> Run:
        """Run the command; without a fault in the process itself, whose imports later runs have."""
        request = {"arguments": [str(word) for word in arguments], "fault": asdict(fault) if fault else None}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return Run(**json.loads(self.process.stdout.readline()))

    def __enter__(self) -> Runs:
        return self

    def __exit__(self, *error: Any) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def _command(arguments: list[str]) -> tuple[int, str]:
    from inpaintkit import cli

    sys.stderr = err = io.StringIO()
    try:
        cli.main(arguments)
    except SystemExit as left:
        return int(left.code or 0), err.getvalue()
    finally:
        sys.stderr = sys.__stderr__
    raise AssertionError("the command always exits")


def _in_fork(arguments: list[str], folder: Path, fault: Fault) -> dict[str, Any]:
    read, write = os.pipe()
    process = os.fork()
    if not process:
        disk = Disk(folder, fault)
        try:
            disk.install()
            status, err = _command(arguments)
            os.write(write, json.dumps({"status": status, "err": err, "step": disk.failed}).encode())
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        found = pipe.read()
    _, how = os.waitpid(process, 0)
    if not found:
        return {"status": os.waitstatus_to_exitcode(how), "err": "", "step": "killed"}
    answer: dict[str, Any] = json.loads(found)
    return answer


def _serve(folder: Path) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        if request["fault"]:
            answer = _in_fork(request["arguments"], folder, Fault(**request["fault"]))
        else:
            status, err = _command(request["arguments"])
            answer = {"status": status, "err": err, "step": ""}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
