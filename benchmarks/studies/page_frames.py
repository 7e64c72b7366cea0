"""How long does a frame of the page take while strokes are painted, and how soon is a fill seen?

    python -m inpaintkit.benchmarks.studies.page_frames [--megapixels 12] [--strokes 100] [--width 120] [--fills 10]

Paints strokes with real pointer events over a photograph of that size, fitted into a window of 1600 x 1000, and prints
the milliseconds that the page's own work takes in a frame (its event handlers and its drawing) and those between two
frames: median, 95th percentile, largest. Then it fills a dot of 200 pixels on release, at 100 % and fitted into the
window, and prints the seconds from the release of the brush to the shown result, those of the fill taken off: the least
and the median of them, and of their parts: until the change is here, and from there until it is drawn. The browser has
no window and draws without a graphics card, which is the slowest that a person can have.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from inpaintkit import write
from inpaintkit.benchmarks.speed import photograph
from inpaintkit.benchmarks.studies._browser import Page, browser, served

_WATCH = """
window.frames_ = {work: [], apart: []};
let spent = 0, last = 0;
const ask = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (call) => ask((time) => {
    const began = performance.now();
    call(time);
    spent += performance.now() - began;
});
const listen = EventTarget.prototype.addEventListener;
EventTarget.prototype.addEventListener = function (kind, call, how) {
    if (!kind.startsWith('pointer') || typeof call !== 'function') return listen.call(this, kind, call, how);
    return listen.call(this, kind, function (event) {
        const began = performance.now();
        call.call(this, event);
        spent += performance.now() - began;
    }, how);
};
const frame = (time) => {
    if (window.painting_ && last) {
        if (spent > 0) window.frames_.work.push(spent);
        window.frames_.apart.push(time - last);
    }
    spent = 0;
    last = time;
    ask(frame);
};
ask(frame);
"""

_UNTIL_SHOWN = """
const [cursor] = arguments;
window.shown_ = null;
let released = 0, here = 0;
addEventListener('pointerup', () => { released = performance.now(); }, {once: true, capture: true});
Promise.all([import('/static/photo.js'), import('/static/bus.js')]).then(([{view}, {app}]) => {
    const isPatched = (tile) => view.tiles.over(tile).some(({revision}) => revision === tile.version);
    const isSeen = (tile) => tile.has >= tile.version || isPatched(tile);
    const look = () => {
        const isHere = app.photo.cursor >= cursor;
        if (isHere && !here) here = performance.now();
        const seen = ['now', 'mask'].flatMap((which) => view.visibleTiles(which, view.panelRects()[0]));
        if (!isHere || view.frame || !seen.every(isSeen)) setTimeout(look, 2);
        else window.shown_ = [here - released, performance.now() - released];
    };
    look();
});
"""

_POINTS = 20  # of a stroke


def summary(values: list[float]) -> str:
    """Median, 95th percentile and the largest, in milliseconds."""
    middle, high = np.percentile(values, [50, 95])
    return f"median {middle:.2f} ms, 95 % {high:.2f} ms, largest {max(values):.2f} ms, {len(values)} frames"


def delays(page: Page, count: int) -> np.ndarray:
    """(count, 2): seconds from the release of the brush until a fill's change is here, and until it is shown.

    The fill's own seconds are taken off.
    """
    found = []
    for _ in range(count):
        before = page.part("bus", "part.app.photo.cursor")
        page.idle()
        page.js(_UNTIL_SHOWN, before + 2)
        page.paint([page.part("photo", "part.view.centre")])
        page.wait(lambda: page.js("return window.shown_ !== null"))
        photo = page.part("bus", "part.app.photo.id")
        fill = page.part("api", f"part.get('photos/{photo}')")["events"][before + 1]
        found.append(np.array(page.js("return window.shown_")) / 1000 - fill["seconds"])
        for _ in range(2):
            page.part("photo", "part.undo()")
        page.idle()
    return np.array(found)


def print_delays(page: Page, count: int) -> None:
    """Fill dots on release at 100 % and in the fitted photo, and print."""
    page.part("panel-fill", "part.render()")
    page.js(
        "const list = document.getElementById('method'); list.value = 'telea'; list.dispatchEvent(new Event('change'))"
    )
    page.part("tools", "part.setBrush('size', 200)")
    page.part("tools", "part.setBrush('fillOnRelease', true)")
    for name, show in (("100 %", "part.view.zoomTo(1)"), ("fitted", "part.view.fit()")):
        page.part("photo", show)
        delays(page, 1)  # compiles
        here, shown = delays(page, count).T
        drawn = shown - here
        print(
            f"release to shown beyond the fill, {name}: least {shown.min():.3f} s, median {np.median(shown):.3f} s of "
            f"{count} (until the change is here {np.median(here):.3f} s, drawn {np.median(drawn):.3f} s after that)"
        )


def main() -> None:
    """Paint, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--strokes", type=int, default=100)
    parser.add_argument("--width", type=int, default=120, help="of the brush, in pixels of the photo")
    parser.add_argument("--fills", type=int, default=10)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as temporary, browser(1600, 1000) as chrome:
        path = Path(temporary) / "photo.jpg"
        width = round((given.megapixels * 1e6 * 3 / 2) ** 0.5)
        write(path, photograph((width * 2 // 3, width)))
        with served(path, Path(temporary) / "sessions") as server:
            chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
            page = Page(chrome).open(server.address)
            page.part("tools", f"part.setBrush('size', {given.width})")
            page.idle()
            size = np.array(page.part("bus", "[part.app.photo.width, part.app.photo.height]"))
            page.js("window.painting_ = true")
            for _ in range(given.strokes):
                begin, step = rng.uniform(0.1, 0.9, 2) * size, rng.normal(0, 75, (_POINTS, 2))
                points = np.clip(begin + np.cumsum(step, axis=0), 0, size - 1)
                page.paint([tuple(point) for point in points.tolist()])
            page.js("window.painting_ = false")
            page.idle()
            frames = page.js("return window.frames_")
            print(f"{given.strokes} strokes of {given.width} px on {size[0]:.0f} x {size[1]:.0f}")
            print(f"work of a frame: {summary(frames['work'])}")
            print(f"between frames:  {summary(frames['apart'])}", flush=True)
            page.part("toolbar", "part.clear()")
            page.idle()
            print_delays(page, given.fills)


if __name__ == "__main__":
    main()
