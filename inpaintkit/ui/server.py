"""The server's life: its port, its first line, its end."""

from __future__ import annotations

import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from inpaintkit.ui.app import application
from inpaintkit.ui.desk import Desk
from inpaintkit.ui.sessions import RunningError, Session, remove_old

_LOCAL = ("127.0.0.1", "localhost", "::1")


class _Server(uvicorn.Server):
    """A server that closes its open event streams before it waits for connections to end."""

    def __init__(self, config: uvicorn.Config, close: Callable[[], None]) -> None:
        super().__init__(config)
        self._close = close

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take Ctrl-C."""
        self._close()
        super().handle_exit(sig, frame)


@dataclass(frozen=True)
class Serving:
    """How the page is served.

    Attributes
    ----------
    say, note : print a line, and one beside the results.
    host : the address to listen on.
    port : None: that of the last time if it is free, else any.
    browser : open the page.
    """

    say: Callable[[str], Any]
    note: Callable[[str], Any]
    host: str = "127.0.0.1"
    port: int | None = None
    browser: bool = True


def serve(target: Path | None, how: Serving) -> None:
    """Serve the page until it is stopped.

    Parameters
    ----------
    target : a picture, a folder, or None for what is dropped on the page.

    Raises
    ------
    OSError : the port is taken, or the session folder cannot be written.
    """
    remove_old()
    try:
        session = Session(target)
    except RunningError as error:
        address = str(error)
        if not address:
            raise OSError("another server is starting on this session: wait a moment, then open its address") from None
        how.say(address)
        how.note("it is being served already; this is the address of the server that runs")
        if how.browser:
            webbrowser.open(address)
        return
    try:
        _run(session, target, how)
    finally:
        session.close()


def _run(session: Session, target: Path | None, how: Serving) -> None:
    listening = listening_on(how.host, how.port, session.port)
    number = listening.getsockname()[1]
    name = "127.0.0.1" if how.host in ("0.0.0.0", "::") else how.host
    address = f"http://{f'[{name}]' if ':' in name else name}:{number}/?token={session.token}"
    session.started(number, address)
    desk = Desk(session, target)
    config = uvicorn.Config(
        application(desk, host=how.host, port=number),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
        server_header=False,
        lifespan="off",
        ws="none",
    )
    server = _Server(config, desk.hub.close)
    how.say(address)
    how.note(f"the token for programs is in {session.token_file}")
    if how.host not in _LOCAL:
        how.note(f"warning: {how.host} can be reached by others; whoever has the token can read and write what is open")
    if how.browser:  # beside the server, for some do not return before they are closed
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, server.handle_exit)
    try:
        server.run(sockets=[listening])
    finally:
        desk.close()
        listening.close()
    how.note("the page is closed; strokes and fills are kept for 30 days")


def listening_on(host: str, port: int | None, last: int | None) -> socket.socket:
    """A socket that listens: on the port that was asked for, on that of the last time, or on any."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ports = [port] if port is not None else [*([last] if last else []), 0]
    for number in ports:
        # Without the protocol's number asyncio leaves Nagle's algorithm on, which holds answers back for 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if sys.platform != "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, number))
            listening.listen(128)
        except OSError as error:
            listening.close()
            if number == ports[-1]:
                raise OSError(
                    f"{host}:{number} cannot be listened on: {error.strerror}; name another with --port"
                ) from error
            continue
        return listening
    raise AssertionError("no port was tried")
