"""Open binary files in place of paths: what a pipe brings, and what goes on into the next."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any

from inpaintkit.files.decoding import RefusedError


@dataclass(frozen=True, eq=False)
class Stream:
    """An open binary file with a name for messages; for writing, ``suffix`` says the format, as a path's does."""

    file: IO[bytes]
    name: str = "the open file"
    suffix: str = ""

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        """What a worker process gets: the content, for an open file stays where it is."""
        return Stream, (io.BytesIO(self.content), self.name, self.suffix)

    @cached_property
    def content(self) -> bytes:
        """All that is left in the file, read once."""
        data = self.file.read()
        if not isinstance(data, bytes):
            raise RefusedError("gives text: open it for bytes, with mode 'rb'")
        return data

    def write(self, data: bytes) -> None:
        """Write what is complete, and flush it."""
        try:
            self.file.write(data)
            self.file.flush()
        except OSError:
            self._drop_rest()
            raise

    def _drop_rest(self) -> None:
        """Let what is left in the buffer go nowhere: Python would try to write it again, and complain, at its end."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.file.fileno())
            os.close(nowhere)
