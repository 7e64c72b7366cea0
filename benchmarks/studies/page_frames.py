"""How long does a frame of the page take while strokes are painted?

    python -m inpaintkit.benchmarks.studies.page_frames [--megapixels 12] [--strokes 100] [--width 120] [--fills 5]

Paints strokes with real pointer events over a photograph of that size, fitted into a window of 1600 x 1000, and prints
the milliseconds that the page's own work takes in a frame (its event handlers and its drawing) and those between two
frames: median, 95th percentile, largest. Then it fills a dot of 200 pixels on release, at 100 %, and prints the seconds
from the release of the brush to the shown result, those of the fill taken off. The browser has no window and draws
without a graphics card, which is the slowest that a person can have.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import skimage.data
from skimage.transform import resize

from inpaintkit import write
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
let released = 0;
addEventListener('pointerup', () => { released = performance.now(); }, {once: true, capture: true});
Promise.all([import('/static/photo.js'), import('/static/bus.js')]).then(([{view}, {app}]) => {
    const look = () => {
        const {tiles, frame} = view;
        const isShown = app.photo.cursor >= cursor && !frame && !tiles.running && !tiles.wanted.length;
        if (isShown) window.shown_ = performance.now() - released;
        else setTimeout(look, 2);
    };
    look();
});
"""


def summary(values: list[float]) -> str:
    """Median, 95th percentile and the largest, in milliseconds."""
    middle, high = np.percentile(values, [50, 95])
    return f"median {middle:.2f} ms, 95 % {high:.2f} ms, largest {max(values):.2f} ms, {len(values)} frames"


def photograph(megapixels: float) -> np.ndarray:
    """scikit-image's rocket, enlarged, with the grain that a camera has."""
    small = skimage.data.rocket()
    scale = (megapixels * 1e6 / (small.shape[0] * small.shape[1])) ** 0.5
    large = resize(small, (round(small.shape[0] * scale), round(small.shape[1] * scale)), order=1)
    noise = np.random.default_rng(0).normal(0, 0.02, large.shape)
    return np.asarray(np.clip(large + noise, 0, 1) * 255).astype(np.uint8)


def delays(page: Page, count: int) -> list[float]:
    """Seconds from the release of the brush to the shown result, beyond the fill's own, of so many fills."""
    page.part("panel-fill", "part.render()")
    page.js(
        "const list = document.getElementById('method'); list.value = 'telea';list.dispatchEvent(new Event('change'))"
    )
    page.part("photo", "part.view.zoomTo(1)")
    page.part("tools", "part.setBrush('size', 200)")
    page.part("tools", "part.setBrush('fillOnRelease', true)")
    found = []
    for _ in range(count):
        before = page.part("bus", "part.app.photo.cursor")
        page.idle()
        page.js(_UNTIL_SHOWN, before + 2)
        page.paint([page.part("photo", "part.view.centre")])
        page.wait(lambda: page.js("return window.shown_ !== null"))
        photo = page.part("bus", "part.app.photo.id")
        fill = page.part("api", f"part.get('photos/{photo}')")["events"][before + 1]
        found.append(page.js("return window.shown_") / 1000 - fill["seconds"])
        for _ in range(2):
            page.part("photo", "part.undo()")
        page.idle()
    return found


def main() -> None:
    """Paint, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--strokes", type=int, default=100)
    parser.add_argument("--width", type=int, default=120, help="of the brush, in pixels of the photo")
    parser.add_argument("--fills", type=int, default=5)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as temporary, browser(1600, 1000) as chrome:
        path = Path(temporary) / "photo.jpg"
        write(path, photograph(given.megapixels))
        with served(path, Path(temporary) / "sessions") as server:
            chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
            page = Page(chrome).open(server.address)
            page.part("tools", f"part.setBrush('size', {given.width})")
            page.idle()
            size = np.array(page.part("bus", "[part.app.photo.width, part.app.photo.height]"))
            page.js("window.painting_ = true")
            for _ in range(given.strokes):
                begin, step = rng.uniform(0.1, 0.9, 2) * size, rng.normal(0, 60, (30, 2))
                points = np.clip(begin + np.cumsum(step, axis=0), 0, size - 1)
                page.paint([tuple(point) for point in points.tolist()])
            page.js("window.painting_ = false")
            page.idle()
            frames = page.js("return window.frames_")
            page.part("toolbar", "part.clear()")
            page.idle()
            late = delays(page, given.fills)
    print(f"{given.strokes} strokes of {given.width} px on {size[0]:.0f} x {size[1]:.0f}")
    print(f"work of a frame: {summary(frames['work'])}")
    print(f"between frames:  {summary(frames['apart'])}")
    print(f"release to shown, beyond the fill: least {min(late):.3f} s, median {np.median(late):.3f} s of {len(late)}")


if __name__ == "__main__":
    main()
