"""Server-sent events: what changes is sent to every page that is open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

_PAUSE = 15.0  # seconds of silence until a comment shows that the connection lives
_MAX_WAITING = 1000  # messages that a page may be behind


class Hub:
    """The pages that listen. Any thread may publish."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queues: set[asyncio.Queue[bytes | None]] = set()
        self._closed = False

    def publish(self, name: str, content: Any) -> None:
        """Send an event to all who listen."""
        if not self._closed:
            self._soon(_message(name, content))

    def close(self) -> None:
        """End all connections, from any thread or signal handler."""
        self._closed = True
        self._soon(None)

    async def listen(self, first: Callable[[], list[tuple[str, Any]]]) -> AsyncIterator[bytes]:
        """The bytes of a connection: what ``first`` gives, then what is published."""
        self._loop = asyncio.get_running_loop()
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield b"retry: 1000\n\n"
            for name, content in first():
                yield _message(name, content)
            while not self._closed:
                try:
                    message = await asyncio.wait_for(queue.get(), _PAUSE)
                except TimeoutError:
                    message = b":\n\n"
                if message is None:
                    return
                yield message
        finally:
            self._queues.discard(queue)

    def _soon(self, message: bytes | None) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the server has ended
                self._loop.call_soon_threadsafe(self._send, message)

    def _send(self, message: bytes | None) -> None:
        for queue in self._queues.copy():
            if queue.qsize() > _MAX_WAITING:
                self._queues.discard(queue)
                message = None  # it reconnects, and asks for everything
            queue.put_nowait(message)


def _message(name: str, content: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(content)}\n\n".encode()
