"""How long after the release of the brush is a fill seen, beyond the fill itself? The page's server at 12 MP.

    python -m inpaintkit.benchmarks.studies.page_server [--megapixels 12] [--method patchmatch]

A stroke that makes a hole of 200 x 200 is sent with the fill, as the page does on release; the clock stops when the
event has come and the changed tiles at full size and at the level that fits a window are here. Beside it stand the same
fill by ``inpaint`` alone, a stroke, an undo, and a tile of each level. Every figure is the least of several, as seconds
of wall time and of this process's processors; on a machine that others use, trust the second.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from inpaintkit import files, masks
from inpaintkit.api import inpaint
from inpaintkit.benchmarks.speed import photograph
from inpaintkit.ui.app import application
from inpaintkit.ui.desk import Desk
from inpaintkit.ui.server import listening_on
from inpaintkit.ui.sessions import Session

_REPEATS = 5
_SIDE = 200  # px, of the hole
_WINDOW = 1600  # px, of the photo in the browser

Seconds = tuple[float, float]  # of wall time and of processors


def least(work: Callable[[], Any], before: Callable[[], Any] = lambda: None) -> Seconds:
    """The least time that some work takes; what is done before it is not counted."""
    found = []
    for _ in range(_REPEATS):
        before()
        wall, used = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - wall, time.process_time() - used))
    return min(wall for wall, _ in found), min(used for _, used in found)


class _Client:
    """A page without a browser."""

    def __init__(self, desk: Desk, port: int) -> None:
        bearer = {"Authorization": f"Bearer {desk.session.token}"}
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}/api", headers=bearer, timeout=600)
        self.photo = f"/photos/{self.http.get('/state').json()['current']}"
        about = self.http.get(self.photo).json()
        self.width, self.height, self.levels = about["width"], about["height"], about["levels"]
        self.fitting = next(level for level in range(self.levels) if max(self.width, self.height) >> level <= _WINDOW)
        self.heard = threading.Event()
        self.change: dict[str, Any] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with self.http.stream("GET", "/events", timeout=None) as answer:
            name = ""
            for line in answer.iter_lines():
                kind, _, content = line.partition(": ")
                name = content if kind == "event" else name
                if kind == "data" and name == "photo" and json.loads(content)["changed"].get("picture"):
                    self.change = json.loads(content)
                    self.heard.set()

    def post(self, path: str, content: Any = None) -> Any:
        """Send something to the photo."""
        answer = self.http.post(self.photo + path, json=content)
        answer.raise_for_status()
        return answer.json()

    def tile(self, which: str, level: int, column: int, row: int) -> bytes:
        """Ask for a tile."""
        return self.http.get(f"{self.photo}/tiles/{which}/{level}/{column}/{row}").raise_for_status().content

    def fill(self, method: str, stroke: Any) -> None:
        """What the page does on release, until the fill is seen."""
        self.heard.clear()
        self.post("/fill", {"method": method, "event": stroke})
        assert self.heard.wait(120)
        left, top, width, height = self.change["changed"]["picture"]
        for level in {0, self.fitting}:
            for row in range((top >> level) // 512, ((top + height - 1) >> level) // 512 + 1):
                for column in range((left >> level) // 512, ((left + width - 1) >> level) // 512 + 1):
                    self.tile("now", level, column, row)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--method", default="patchmatch")
    asked = parser.parse_args()
    width = round((asked.megapixels * 1e6 * 4 / 3) ** 0.5)
    picture = photograph((width * 3 // 4, width))
    stroke = {"type": "rect", "box": [width // 2, width // 3, _SIDE, _SIDE]}
    hole = masks.rect((picture.shape[0], width), (width // 2, width // 3, _SIDE, _SIDE))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["INPAINTKIT_SESSIONS"] = f"{folder}/sessions"
        path = Path(folder) / "photo.png"
        files.write(path, picture)
        session = Session(path)
        listening = listening_on("127.0.0.1", 0, None)
        port = listening.getsockname()[1]
        session.started(port, "")
        desk = Desk(session, path)
        app = application(desk, host="127.0.0.1", port=port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
        threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True).start()
        _measure(_Client(desk, port), picture, hole, stroke, asked.method)
        desk.close()
        server.should_exit = True
        session.close()


def _measure(client: _Client, picture: Any, hole: Any, stroke: Any, method: str) -> None:
    inpaint(picture, hole, method)  # compiles
    client.fill(method, stroke)
    print(f"{client.width} x {client.height}, hole {_SIDE} x {_SIDE}, {method}     wall s   CPU s")
    alone = least(lambda: inpaint(picture, hole, method))
    seen = least(lambda: client.fill(method, stroke), lambda: [client.post("/undo"), client.post("/undo")])
    _say("inpaint alone", alone)
    _say("from release to seen", seen)
    _say("beyond the fill", (seen[0] - alone[0], seen[1] - alone[1]))
    short = {"type": "stroke", "points": [[500, 500], [560, 540]], "width": 40}
    long = {"type": "stroke", "points": [[0, 0], [client.width - 1, client.height - 1]], "width": 40}
    for what, event in (("a stroke of 72 px", short), ("a stroke from corner to corner", long)):
        client.post("/events", {"type": "clear"})
        _say(what, least(lambda event=event: client.post("/events", event), lambda: client.post("/undo")))  # type: ignore[misc]
        _say("undo of that", least(lambda: client.post("/undo"), lambda: client.post("/redo")))
    _say("grow by 3", least(lambda: client.post("/events", {"type": "grow", "radius": 3})))
    for level in range(client.levels):
        client.tile("now", level, 0, 0)
        _say(f"a tile of level {level}", least(lambda level=level: client.tile("now", level, 0, 0)))  # type: ignore[misc]
    _say("a tile of the mask", least(lambda: client.tile("mask", client.fitting, 0, 0)))


def _say(what: str, seconds: Seconds) -> None:
    print(f"  {what:40s} {seconds[0]:8.3f} {seconds[1]:8.3f}")


if __name__ == "__main__":
    main()
