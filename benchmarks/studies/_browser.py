"""The page in a real browser, for studies and for the page's tests: Debian's chromium, and a server of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from selenium import webdriver
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

PROGRAMS = ("chromium", "chromedriver")
PATIENCE = 60.0  # seconds until what is waited for counts as lost
_POLL = 0.03  # seconds

Point = tuple[float, float]


class Server:
    """``inpaintkit ui`` in a process of its own.

    Attributes
    ----------
    address : with the token; the same after ``start`` as before ``kill``.
    """

    def __init__(self, target: Path | None, sessions: Path) -> None:
        self.target, self.sessions = target, sessions
        self.address = ""
        self.start()

    def start(self) -> None:
        """Start it, and wait for its first line."""
        target = [str(self.target)] if self.target else []
        port = [] if self.address else ["--port", "0"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "inpaintkit", "ui", *target, "--no-open", *port],
            env={**os.environ, "INPAINTKIT_SESSIONS": str(self.sessions)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        if not self.address.startswith("http"):
            raise RuntimeError(f"the server did not start: it printed {self.address!r}")

    def kill(self) -> None:
        """End it without a chance to tidy up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.kill()

    def get(self, path: str) -> bytes:
        """What a program gets from /api/PATH."""
        parts = urlsplit(self.address)
        token = parse_qs(parts.query)["token"][0]
        asked = urllib.request.Request(
            f"{parts.scheme}://{parts.netloc}/api/{path}", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(asked) as answer:
            return bytes(answer.read())

    def json(self, path: str) -> Any:
        """The same, as JSON."""
        return json.loads(self.get(path))


@contextmanager
def served(target: Path | None, sessions: Path) -> Iterator[Server]:
    """A server until the end of the block."""
    server = Server(target, sessions)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def browser(width: int = 1200, height: int = 800, *, dark: bool = False) -> Iterator[webdriver.Chrome]:
    """Chromium without a window; its log is kept."""
    options = webdriver.ChromeOptions()
    program, driver = (shutil.which(name) for name in PROGRAMS)
    if not (program and driver):
        raise FileNotFoundError("chromium and chromedriver are not there: apt-get install chromium chromium-driver")
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        dress(chrome, width, height, dark=dark)
        yield chrome
    finally:
        chrome.quit()


def dress(chrome: webdriver.Chrome, width: int, height: int, *, dark: bool = False, ratio: float = 1) -> None:
    """Set the window's size in CSS pixels, the colour scheme and the device's pixels for one of CSS."""
    size = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


class Page:
    """The page in a tab, and what a person does with it."""

    def __init__(self, chrome: webdriver.Chrome) -> None:
        self.chrome = chrome

    def open(self, address: str) -> Page:
        """Go there, and wait until the page is ready."""
        self.chrome.get(address)
        return self.ready()

    def ready(self) -> Page:
        """Wait until the page is ready."""
        self.wait(lambda: self.js("return document.body.dataset.ready === 'true'"))
        return self

    def js(self, script: str, *arguments: Any) -> Any:
        """The value of a script."""
        return self.chrome.execute_script(script, *arguments)

    def part(self, module: str, script: str, *arguments: Any) -> Any:
        """The value of an expression over a module of the page, called ``part`` in it."""
        found = self.chrome.execute_async_script(
            f"const done = arguments[arguments.length - 1]; const given = [...arguments];"
            f"import('/static/{module}.js').then(async (part) => done([await ({script})]))"
            f".catch((error) => done([null, String(error)]))",
            *arguments,
        )
        if len(found) > 1:
            raise RuntimeError(found[1])
        return found[0]

    def wait(self, condition: Any, seconds: float = PATIENCE) -> Any:
        """Wait until a call gives something true."""
        return WebDriverWait(self.chrome, seconds, _POLL).until(lambda _: condition())

    def find(self, selector: str) -> WebElement:
        """The first element that is shown, waited for."""

        def shown() -> WebElement | None:
            found = self.chrome.find_elements(By.CSS_SELECTOR, selector)
            return next((element for element in found if element.is_displayed()), None)

        element: WebElement = self.wait(shown)
        return element

    def click(self, selector: str) -> None:
        """Click an element once it can be."""
        self.wait(lambda: self.find(selector).is_enabled())
        self.find(selector).click()

    def text(self, selector: str) -> str:
        """What an element says, whether shown or not."""
        return str(self.js("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def keys(self, *keys: str) -> None:
        """Press keys, those before the last held meanwhile."""
        chain = webdriver.ActionChains(self.chrome, duration=0)
        for key in keys[:-1]:
            chain.key_down(key)
        chain.send_keys(keys[-1])
        for key in reversed(keys[:-1]):
            chain.key_up(key)
        chain.perform()

    def focus(self) -> None:
        """Put the focus on the photo."""
        self.js("document.getElementById('stage').focus()")

    def client(self, point: Point) -> tuple[int, int]:
        """The window's pixel that a place of the picture is shown at."""
        x, y = self.part("photo", "part.view.toClient(given[0])", list(point))
        return round(x), round(y)

    def drag(self, places: Sequence[tuple[int, int]], *, kind: str = "mouse", held: str = "") -> None:
        """Press at the first place of the window, move over the others, release; with a key held."""
        pointer = PointerInput(kind, f"the {kind}")
        builder = ActionBuilder(self.chrome, mouse=pointer, duration=0)
        if held:
            builder.key_action.key_down(held)
            builder.pointer_action.pause(0)
        builder.pointer_action.move_to_location(*places[0]).pointer_down()
        for place in places[1:]:
            builder.pointer_action.move_to_location(*place)
        builder.pointer_action.pointer_up()
        builder.perform()
        if held:
            webdriver.ActionChains(self.chrome, duration=0).key_up(held).perform()

    def paint(self, points: Sequence[Point], **how: Any) -> None:
        """The same at places of the picture."""
        places = self.part("photo", "given[0].map((point) => part.view.toClient(point))", [list(p) for p in points])
        self.drag([(round(x), round(y)) for x, y in places], **how)

    def hover(self, point: Point) -> None:
        """Rest with the mouse at a place of the picture."""
        builder = ActionBuilder(self.chrome, mouse=PointerInput("mouse", "the mouse"), duration=0)
        builder.pointer_action.move_to_location(*self.client(point))
        builder.perform()

    def idle(self) -> None:
        """Wait until all that was done is with the server, and shown."""
        self.wait(lambda: self.part("photo", _IDLE))

    def no_jobs(self) -> None:
        """Wait until no job runs or waits."""
        self.wait(lambda: self.part("jobs", "part.running().length === 0"))
        self.idle()

    def complaints(self) -> list[str]:
        """What the browser logged as an error since the last time it was asked."""
        return [entry["message"] for entry in self.chrome.get_log("browser") if entry["level"] == "SEVERE"]


_IDLE = """(async () => {
    const { queueOf } = await import('/static/queue.js');
    const { app } = await import('/static/bus.js');
    if (!app.photo || queueOf(app.photo.id).items.length) return false;
    const { tiles, overlays, frame } = part.view;
    if (frame || tiles.running || tiles.wanted.length) return false;
    return [...overlays.values()].every((overlay) => overlay.live.length === 0);
})()"""

__all__ = ["PATIENCE", "PROGRAMS", "By", "Keys", "Page", "Server", "browser", "dress", "served"]
