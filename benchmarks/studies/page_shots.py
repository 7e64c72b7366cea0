"""Screenshots of every state of the page, from scikit-image's photographs.

    python -m inpaintkit.benchmarks.studies.page_shots FOLDER [--sizes 1024x700 1600x1000] [--only STATE ...]
    python -m inpaintkit.benchmarks.studies.page_shots --docs docs/page.jpg

Writes FOLDER/STATE-WIDTHxHEIGHT-SCHEME.png for each size, in the light and the dark scheme; or the one picture of the
docs. The page works on copies of the photographs in a folder of its own, with a session of its own.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import skimage.data
import tifffile
from PIL import Image
from selenium import webdriver

from inpaintkit import write
from inpaintkit.benchmarks.studies._browser import Keys, Page, Server, browser, served
from inpaintkit.damage import text

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
_ROCKET = [(318, 250), (320, 420)]  # along the rocket, in its picture


class Shots:
    """The page at work, and a picture of each state."""

    def __init__(self, page: Page, server: Server, folder: Path, mark: str, only: list[str]) -> None:
        self.page, self.server, self.folder, self.mark, self.only = page, server, folder, mark, only

    def take(self, name: str) -> None:
        """Write a picture of the page as it is."""
        if not self.only or name in self.only:
            time.sleep(0.7)  # until tooltips and scroll bars rest
            self.page.chrome.save_screenshot(str(self.folder / f"{name}-{self.mark}.png"))

    def photo(self, name: str) -> None:
        """Open a photo of the folder."""
        self.page.js(
            "[...document.querySelectorAll('.thumb')].find((each) => each.textContent === arguments[0]).click()", name
        )
        self.page.wait(lambda: self.page.text("#name") == name)
        self.page.idle()

    def tool(self, name: str, size: int = 40) -> None:
        """Take a tool."""
        self.page.part("tools", f"part.chooseTool('{name}')")
        self.page.part("tools", f"part.setBrush('size', {size})")

    def method(self, name: str) -> None:
        """Choose a method."""
        self.page.click("#tab-fill")
        self.page.js(
            "const list = document.getElementById('method'); list.value = arguments[0];"
            "list.dispatchEvent(new Event('change'))",
            name,
        )

    def undo_all(self) -> None:
        """Back to the photo as it was opened."""
        while self.page.part("bus", "part.app.photo.cursor"):
            self.page.part("photo", "part.undo()")
            self.page.idle()

    def cursor(self, wanted: int) -> None:
        """Wait for so many steps."""
        self.page.wait(lambda: self.page.part("bus", "part.app.photo.cursor") == wanted)
        self.page.no_jobs()

    # ---- the states

    def opened(self) -> None:
        """A photo, freshly opened."""
        self.photo("astronaut.png")
        self.undo_all()
        self.take("opened")

    def painting(self) -> None:
        """A stroke under way, and one erased."""
        self.photo("coffee.png")
        self.undo_all()
        self.tool("brush", 48)
        page = self.page
        places = [page.client(point) for point in ((470, 320), (500, 300), (540, 300), (570, 330))]
        held = webdriver.common.actions.action_builder.ActionBuilder(page.chrome, duration=20)
        held.pointer_action.move_to_location(*places[0]).pointer_down()
        for place in places[1:]:
            held.pointer_action.move_to_location(*place)
        held.perform()
        self.take("painting")
        held.pointer_action.pointer_up()
        held.perform()
        page.idle()
        self.tool("eraser", 30)
        page.paint([(500, 306), (500, 306)])
        page.idle()
        self.take("eraser")

    def tools(self) -> None:
        """Each tool after its first use."""
        self.photo("coffee.png")
        self.undo_all()
        for name, kind in (("rectangle", "drag"), ("lasso", "drag"), ("polygon", "points"), ("wand", "point")):
            self.tool(name)
            if kind == "drag":
                self.page.paint([(380, 60), (420, 110), (520, 120), (470, 60)])
            elif kind == "points":
                for point in ((40, 60), (120, 50), (160, 120)):
                    self.page.paint([point])
            else:
                self.page.paint([(300, 180)])
            self.page.idle()
            self.take(name)
            self.page.keys(Keys.ESCAPE)
        self.undo_all()
        self.tool("object")
        self.page.hover((300, 140))
        self.page.wait(lambda: self.page.part("preview", "part.isShown()"))
        self.take("preview")
        self.page.paint([(300, 140)])
        self.page.idle()
        self.take("object")
        self.page.focus()
        self.page.keys("b")
        self.page.keys(Keys.ARROW_RIGHT)
        self.page.keys(Keys.ARROW_RIGHT)
        self.take("keyboard")
        self.page.keys(Keys.ESCAPE)

    def finding(self) -> None:
        """Words found, one piece dropped."""
        self.photo("words.png")
        self.undo_all()
        self.page.click("#tab-find")
        self.page.click("#find")
        self.page.find(".piece")
        self.page.no_jobs()
        self.page.js("document.querySelector('.piece input').click()")
        self.page.idle()
        self.take("find")
        self.page.part("panel-find", "part.closeFind()")

    def filling(self) -> None:
        """One fill at work and two in the line."""
        self.photo("astronaut.png")
        self.undo_all()
        self.tool("brush", 140)
        self.page.paint([(140, 80), (240, 420)])
        self.method("dip")  # which takes minutes
        self.page.click("#fill")
        self.page.wait(lambda: self.page.text(".job .quiet").split(" ")[0] not in ("", "0"))
        self.method("patchmatch")
        self.page.click("#variants")
        self.page.click("#fill")
        self.page.wait(lambda: len(self.page.part("jobs", "part.running().map((job) => job.id)")) == 3)
        time.sleep(1.5)
        self.take("jobs")
        self.page.part("jobs", "Promise.all(part.running().map((job) => part.cancel(job.id)))")
        self.page.no_jobs()
        self.page.js("document.querySelectorAll('.message .icon-button').forEach((each) => each.click())")

    def result(self) -> None:
        """A fill, the error to expect, and the divider."""
        self.photo("rocket.png")
        self.undo_all()
        self.tool("brush", 60)
        self.page.paint(_ROCKET)
        self.method("auto")
        self.page.click("#fill")
        self.cursor(2)
        self.page.click("#expected")
        self.page.idle()
        self.take("expected")
        self.page.click("#expected")
        self.page.click("#split")
        self.page.keys(Keys.ARROW_LEFT)
        self.take("before-after")
        self.page.click("#split")

    def removed(self) -> None:
        """A rocket removed, before and after; filled twice, so that the time shown includes no compiling."""
        self.photo("rocket.png")
        self.method("auto")
        for _ in range(2):
            self.undo_all()
            self.tool("brush", 50)
            self.page.paint([(322, 150), (322, 400)])
            self.page.click("#fill")
            self.cursor(2)
        self.page.click("#split")
        webdriver.ActionChains(self.page.chrome).move_to_element(self.page.find("#saved")).perform()
        self.take("removed")
        self.page.click("#split")

    def choosing(self) -> None:
        """Options, variants, and methods side by side."""
        self.photo("rocket.png")
        self.undo_all()
        self.tool("brush", 60)
        self.page.paint(_ROCKET)
        self.method("patchmatch")
        self.page.js("document.querySelectorAll('#panel-fill details').forEach((each) => (each.open = true))")
        self.take("options")
        self.page.click("#variants")
        self.page.find(".candidate")
        self.page.no_jobs()
        self.take("variants")
        self.page.click("[data-name=discard]")
        self.page.part("panel-fill", "part.fill({ methods: ['auto', 'patchmatch', 'criminisi', 'harmonic'] })")
        self.page.find("#labels .tag")
        self.page.no_jobs()
        self.take("side-by-side")
        self.page.click("[data-name=discard]")

    def guidance(self) -> None:
        """Where to copy from, painted as a layer."""
        self.photo("rocket.png")
        self.method("patchmatch")
        self.page.part("bus", "part.emit('layer', 'source')")
        self.tool("rectangle")
        self.page.paint([(60, 120), (240, 300)])
        self.page.idle()
        self.take("guidance")
        self.page.part("bus", "part.emit('layer', 'mask')")

    def menus(self) -> None:
        """The menu of saving, the folder's dialog, the help."""
        self.photo("rocket.png")
        self.page.click("#save-button")
        self.take("save")
        self.page.click("#folder-start")
        self.take("folder")
        self.page.js("document.querySelector('#folder-run .close').click()")
        self.page.click("#help-button")
        self.take("help")
        self.page.js("document.querySelector('#help .close').click()")

    def pages(self) -> None:
        """The second page of a file that has three."""
        self.photo("scan.tif")
        self.page.js(
            "const list = document.getElementById('page'); list.value = 2; list.dispatchEvent(new Event('change'))"
        )
        self.page.wait(lambda: self.page.part("bus", "part.app.photo.page") == 2)
        self.page.idle()
        self.take("page")

    def saved(self) -> None:
        """A photo that has been saved, and its menu again."""
        self.photo("coffee.png")
        self.undo_all()
        self.tool("brush", 60)
        self.page.paint([(480, 300), (520, 300)])
        self.method("telea")
        self.page.click("#fill")
        self.cursor(2)
        self.page.click("#save-button")
        self.page.click("#save-beside")
        self.page.find(".message")
        self.take("saved")

    def trouble(self) -> None:
        """An error, and a server that is gone."""
        self.photo("coffee.png")
        self.page.part(
            "messages",
            "part.message(given[0], 'error')",
            "Fill: patchmatch's option patch is 4: expected an odd number",
        )
        self.take("error")
        self.server.kill()
        self.page.find("#banner")
        self.tool("brush", 40)
        self.page.paint([(100, 100), (160, 130)])
        self.take("gone")


STATES: list[Callable[[Shots], None]] = [
    Shots.opened,
    Shots.painting,
    Shots.tools,
    Shots.finding,
    Shots.filling,
    Shots.result,
    Shots.choosing,
    Shots.guidance,
    Shots.menus,
    Shots.pages,
    Shots.saved,
    Shots.trouble,
]


def album(folder: Path) -> None:
    """scikit-image's photographs, and a portrait under words."""
    for name in PHOTOS:
        write(folder / f"{name}.png", getattr(skimage.data, name)())
    with tifffile.TiffWriter(folder / "scan.tif") as scan:
        for name in PHOTOS[1:]:
            scan.write(getattr(skimage.data, name)(), photometric="rgb")
    words = skimage.data.astronaut()
    words[text(words.shape[:2], size=26, share=0.03, seed=1)] = (255, 240, 60)
    write(folder / "words.png", np.ascontiguousarray(words))


def for_docs(path: Path) -> None:
    """The picture of the docs: a fill, before and after."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        shoot(root / "shots", "1024x700", "light", [Shots.removed], ["removed"])
        Image.open(root / "shots" / "removed-1024x700-light.png").convert("RGB").save(path, quality=90)


def shoot(folder: Path, size: str, scheme: str, states: list[Callable[[Shots], None]], only: list[str]) -> None:
    """Take the pictures of some states in one size and scheme."""
    folder.mkdir(parents=True, exist_ok=True)
    width, height = map(int, size.split("x"))
    with tempfile.TemporaryDirectory() as temporary, browser(width, height, dark=scheme == "dark") as chrome:
        root, page, mark = Path(temporary), Page(chrome), f"{size}-{scheme}"
        with served(None, root / "none") as empty:
            shots = Shots(page.open(empty.address), empty, folder, mark, only)
            page.find("#empty")
            shots.take("empty")
        (root / "photos").mkdir()
        album(root / "photos")
        with served(root / "photos", root / "sessions") as server:
            shots = Shots(page.open(server.address), server, folder, mark, only)
            for state in states:
                state(shots)
        for complaint in page.complaints():
            print(mark, complaint)


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="write the picture of the docs")
    parser.add_argument("--sizes", nargs="*", default=["1024x700", "1600x1000"])
    parser.add_argument("--schemes", nargs="*", default=["light", "dark"])
    parser.add_argument("--states", nargs="*", default=[], help="names of the functions here")
    parser.add_argument("--only", nargs="*", default=[], help="names of pictures")
    given = parser.parse_args()
    if given.docs:
        for_docs(given.docs)
    for size in given.sizes if given.folder else []:
        for scheme in given.schemes:
            states = [state for state in STATES if not given.states or state.__name__ in given.states]
            shoot(given.folder, size, scheme, states, given.only)


if __name__ == "__main__":
    main()
