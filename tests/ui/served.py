"""A page's server in a thread of the tests, asked over HTTP as a browser or a program asks."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn
from PIL import Image

from inpaintkit import registry
from inpaintkit.method import Method
from inpaintkit.problem import Problem
from inpaintkit.ui.app import application
from inpaintkit.ui.desk import Desk
from inpaintkit.ui.server import listening_on
from inpaintkit.ui.sessions import Session


class Page:
    """A server on a session, and a program that asks it."""

    def __init__(self, target: Path | None) -> None:
        self.session = Session(target)
        listening = listening_on("127.0.0.1", 0, None)
        self.port = listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.session.started(self.port, f"{self.address}/?token={self.session.token}")
        self.desk = Desk(self.session, target)
        app = application(self.desk, host="127.0.0.1", port=self.port)
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]}, daemon=True)
        self._thread.start()
        bearer = {"Authorization": f"Bearer {self.session.token}"}
        self.http = httpx.Client(base_url=self.address, headers=bearer, timeout=60)

    def close(self) -> None:
        """Stop; a second time does nothing."""
        if not self._thread.is_alive():
            return
        self.http.close()
        self.desk.close()
        self._server.should_exit = True
        self._thread.join(10)
        self.session.close()
        assert not self._thread.is_alive()

    def get(self, path: str, **more: Any) -> Any:
        return good(self.http.get(f"/api{path}", **more)).json()

    def post(self, path: str, content: Any = None, **more: Any) -> Any:
        return good(self.http.post(f"/api{path}", json=content, **more)).json()

    def refused(self, path: str, content: Any = None, **more: Any) -> tuple[int, str]:
        answer = self.http.post(f"/api{path}", json=content, **more)
        assert answer.status_code >= 400, answer.text
        error: str = answer.json()["error"]
        assert "\n" not in error
        return answer.status_code, error

    @property
    def photo(self) -> str:
        """The path of the photo that was opened."""
        return f"/photos/{self.get('/state')['current']}"

    def job(self, answer: dict[str, Any]) -> dict[str, Any]:
        """A job, when it is over."""
        job: dict[str, Any] = self.over(answer)
        assert job["state"] == "done", job
        return job

    def over(self, answer: dict[str, Any], seconds: float = 60) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            job = self.get(f"/jobs/{answer['job']}")
            if job["state"] not in ("waiting", "running"):
                return job
            time.sleep(0.01)
        raise AssertionError(f"the job did not end in {seconds} s")

    def picture(self, path: str) -> Any:
        """A picture of an answer as an array."""
        return np.asarray(Image.open(io.BytesIO(good(self.http.get(f"/api{path}")).content)))

    def tile(self, photo: str, which: str, level: int = 0, column: int = 0, row: int = 0) -> Any:
        return self.picture(f"{photo}/tiles/{which}/{level}/{column}/{row}")

    def mask(self, photo: str, layer: str = "mask") -> Any:
        """A layer as it is downloaded, bool (H, W)."""
        return self.picture(f"{photo}/download?what=mask&layer={layer}") > 127


def good(answer: httpx.Response) -> httpx.Response:
    assert answer.status_code < 400, answer.text
    return answer


@contextmanager
def registered(name: str, fill: Callable[..., Any]) -> Iterator[None]:
    """A method of the test's own."""
    row = Method(name, f"{name}:fill", "of a test")
    object.__setattr__(row, "load", lambda: fill)
    registry.register(row)
    try:
        yield
    finally:
        registry.unregister(name)


def takes_files(problem: Problem, *, checkpoint: Path | None = None, weights: str | None = None) -> Any:
    """A method whose options name files."""
    return problem.image.copy()


def noise(height: int = 90, width: int = 120, dtype: str = "uint8", channels: int = 3, seed: int = 0) -> Any:
    """A picture without two equal neighbours, so that no exchange goes unnoticed."""
    rng = np.random.default_rng(seed)
    shape = (height, width, channels) if channels > 1 else (height, width)
    if dtype.startswith("float"):
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
