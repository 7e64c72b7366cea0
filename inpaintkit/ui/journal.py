"""A file of JSON lines that survives a killed process: each line is on the disk before anybody hears of it."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Journal:
    """Records in the order in which they were written; a damaged line costs only itself.

    Attributes
    ----------
    records : those that were there.
    damaged : how many lines could not be read.
    """

    def __init__(self, path: Path) -> None:
        self.records: list[Record] = []
        self.damaged = 0
        self._file = path.open("ab+", buffering=0)
        self._file.seek(0)
        content = self._file.read()
        for line in content.split(b"\n"):
            if line:
                self._take(line)
        self._torn = bool(content) and not content.endswith(b"\n")

    def add(self, record: Record) -> None:
        """Write a record and wait until the disk has it."""
        body = json.dumps(record, separators=(",", ":")).encode()
        line = (b"\n" if self._torn else b"") + b"%08x %s\n" % (zlib.crc32(body), body)
        self._torn = True  # a disk that is full may take half of it
        while line:
            line = line[self._file.write(line) :]
        os.fsync(self._file.fileno())
        self._torn = False

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _take(self, line: bytes) -> None:
        check, _, body = line.partition(b" ")
        try:
            if int(check, 16) != zlib.crc32(body):
                raise ValueError
            self.records.append(json.loads(body))
        except ValueError:
            self.damaged += 1
