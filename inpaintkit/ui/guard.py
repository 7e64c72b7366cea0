"""Who may ask: the token, the host, the origin, how much; and what every answer says to the browser."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES = 1 << 30  # of one request
_LOCAL = ("127.0.0.1", "localhost", "::1")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]


class TooLargeError(Exception):
    """A request's body is larger than is taken."""


class RefusalError(Exception):
    """A request that is not let through, and the status that says so."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Guard:
    """Middleware that lets through only what this user's page and programs ask.

    Attributes
    ----------
    token : what programs send as Authorization: Bearer, and a browser once, in the address.
    host, port : where the server listens.
    """

    app: ASGIApp
    token: str
    host: str
    port: int
    max_bytes: int = MAX_BYTES

    @property
    def cookie(self) -> str:
        """The name of the cookie; servers on other ports of this machine have another."""
        return f"inpaintkit-{self.port}"

    @property
    def secret(self) -> str:
        """The cookie's value, which does not say the token."""
        return hmac.new(self.token.encode(), b"cookie", hashlib.sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, count its bytes, and add headers to the answer."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self._check_host(headers)
            arriving = self._token_in(scope)
            if arriving is not None:
                await self._welcome(arriving, send)
                return
            self._check(scope, headers)
            length = headers.get("content-length", "0")
            if length.isdecimal() and int(length) > self.max_bytes:
                raise RefusalError(413, f"the request has {length} bytes: send {self.max_bytes} at most")
        except RefusalError as error:
            body = json.dumps({"error": str(error)}).encode()
            await _answer(send, error.status, body, [(b"content-type", b"application/json")])
            return
        await self.app(scope, self._counted(receive), _with_headers(send))

    def _check_host(self, headers: dict[str, str]) -> None:
        """Names of this machine only: another name may be a stranger's who lets it point here."""
        host = headers.get("host", "")
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port or 80
        except ValueError:
            name, port = "", 0
        if port != self.port or not (name in _LOCAL or name == self.host.lower() or self._is_everywhere(name)):
            raise RefusalError(403, f"the host {host[:80]!r} is not this server: use the address that it printed")

    def _is_everywhere(self, name: str) -> bool:
        """Whether a server on all of the machine's addresses is meant: by a number, or by the machine's own name."""
        if self.host not in ("0.0.0.0", "::"):
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name == socket.gethostname().lower()
        return True

    def _token_in(self, scope: Scope) -> str | None:
        """The token in the address of the page."""
        if scope["path"] != "/" or scope["method"] != "GET":
            return None
        found = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        return found[0] if found else None

    async def _welcome(self, token: str, send: Send) -> None:
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            raise RefusalError(401, "the token in the address is not this server's: use the address that it printed")
        cookie = f"{self.cookie}={self.secret}; Path=/; HttpOnly; SameSite=Strict"
        await _answer(send, 303, b"", [(b"location", b"/"), (b"set-cookie", cookie.encode())])

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        said = headers.get("authorization")
        if said is not None:
            kind, _, token = said.partition(" ")
            if kind.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self.token.encode()):
                raise RefusalError(401, "the token in Authorization is not this server's: send Bearer TOKEN")
            return
        if not hmac.compare_digest(_cookie(headers, self.cookie).encode(), self.secret.encode()):
            raise RefusalError(
                401, "open the address with the token that the command printed, or send Authorization: Bearer TOKEN"
            )
        self._check_origin(scope, headers)

    def _check_origin(self, scope: Scope, headers: dict[str, str]) -> None:
        """A cookie says which browser asks; these say which page in it."""
        own = f"http://{headers.get('host', '')}"
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        reads = scope["method"] in ("GET", "HEAD")
        opens = reads and scope["path"] == "/" and headers.get("sec-fetch-mode") == "navigate"
        unnamed = origin == "null" and site == "same-origin"  # as some browsers have it under our Referrer-Policy
        if origin is not None and origin != own and not unnamed:
            raise RefusalError(403, f"the page of {origin[:80]!r} may not ask: only this server's own page may")
        if site is not None and site not in ("same-origin", "none") and not opens:
            raise RefusalError(403, "a page of another server may not ask: only this server's own page may")
        if not reads and origin is None and site is None:
            raise RefusalError(403, "neither Origin nor Sec-Fetch-Site says who asks: programs send a Bearer token")

    def _counted(self, receive: Receive) -> Receive:
        """The body, until it is larger than is taken."""
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.max_bytes:
                raise TooLargeError(f"the request has more than {self.max_bytes} bytes")
            return message

        return counted


def _cookie(headers: dict[str, str], name: str) -> str:
    pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    return next((value for key, _, value in pairs if key == name), "")


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(name.lower(), value) for name, value in message.get("headers", [])]
            named = {name for name, _ in own}
            further = [(name, value) for name, value in _HEADERS if name not in named]
            if b"cache-control" not in named:
                further.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*own, *further]}
        await send(message)

    return sending


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    sending = _with_headers(send)
    own: list[tuple[Any, Any]] = [*headers, (b"content-length", str(len(body)).encode())]
    await sending({"type": "http.response.start", "status": status, "headers": own})
    await sending({"type": "http.response.body", "body": body})
