"""Nothing is lost: a reload, a second tab, a killed server; and photographs of 24 megapixels are exact."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from browsing import current, painted, picture
from PIL import Image

import inpaintkit
from inpaintkit import masks
from inpaintkit.benchmarks.studies._browser import By, Keys, Page, Server, served

SHAPE = (240, 320)
LARGE = (4000, 6000)


@pytest.fixture
def own(chrome: Any, tmp_path: Path) -> Iterator[Server]:
    """A server with a picture, which may be killed; afterwards no tab asks for it any more."""
    Image.fromarray(waves(SHAPE)).save(tmp_path / "picture.png")
    with served(tmp_path / "picture.png", tmp_path / "sessions") as running:
        yield running
        chrome.get("about:blank")
        chrome.get_log("browser")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without a picture, to which tests send theirs."""
    with served(None, tmp_path_factory.mktemp("sessions")) as running:
        yield running


@pytest.fixture
def send(chrome: Any, shelf: Server, tmp_path: Path) -> Iterator[Callable[[np.ndarray, str], Page]]:
    """The page with a picture that was chosen from the disk."""
    page = Page(chrome)

    def choose(pixels: np.ndarray, name: str) -> Page:
        page.open(shelf.address)
        inpaintkit.write(tmp_path / name, pixels)
        page.chrome.find_element(By.ID, "file").send_keys(str(tmp_path / name))
        page.wait(lambda: page.text("#name") == name)
        page.idle()
        return page

    yield choose
    assert page.complaints() == []
    chrome.get("about:blank")


def waves(shape: tuple[int, int]) -> np.ndarray:
    """A smooth picture, each pixel of which says where it is."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    red = (x * 255 // shape[1]).astype(np.uint8) + np.zeros_like(y, np.uint8)
    green = (y * 255 // shape[0]).astype(np.uint8) + np.zeros_like(x, np.uint8)
    return np.dstack([red, green, ((x + y) % 256).astype(np.uint8)])


def at_full_size(page: Page, size: int = 21) -> None:
    """Show the middle of the photo at 100 %, and take the brush."""
    page.part("photo", "part.view.zoomTo(1)")
    page.part("tools", "part.chooseTool('brush')")
    page.part("tools", f"part.setBrush('size', {size})")
    page.idle()


def stroke(page: Page, points, width: int = 21) -> np.ndarray:
    """Paint through pixels of the photo; gives the mask that this must be."""
    places = [page.client(point) for point in points]
    at = [page.part("photo", "part.view.toPicture(...given)", *place) for place in places]
    page.drag(places)
    assert np.abs(np.array(at) - np.array(points)).max() <= 0.5
    rows, columns = current(page)["height"], current(page)["width"]
    return masks.stroke((rows, columns), at, width)


def fill(page: Page) -> None:
    page.idle()
    cursor = current(page)["cursor"]
    page.click("#tab-fill")
    page.js(
        "const list = document.getElementById('method'); list.value = 'telea'; list.dispatchEvent(new Event('change'))"
    )
    page.click("#fill")
    page.wait(lambda: current(page)["cursor"] == cursor + 1)
    page.no_jobs()


def test_a_file_is_opened_where_none_was_named_and_a_broken_one_is_refused(chrome, shelf, tmp_path):
    page = Page(chrome).open(shelf.address)
    assert page.find("#empty").is_displayed()
    path = tmp_path / "chosen.png"
    Image.fromarray(waves(SHAPE)).save(path)
    page.chrome.find_element(By.ID, "file").send_keys(str(path))
    page.wait(lambda: page.text("#name") == "chosen.png")
    assert np.array_equal(picture(page, shelf), waves(SHAPE))
    path = tmp_path / "broken.png"
    path.write_bytes(b"no picture")
    page.chrome.find_element(By.ID, "file").send_keys(str(path))
    page.wait(lambda: "broken.png" in page.text("#messages .error"))
    assert page.text("#name") == "chosen.png"
    assert all("422" in text for text in page.complaints())  # that the server refused it
    chrome.get("about:blank")


def test_a_reload_keeps_strokes_fills_and_what_was_undone(send, shelf):
    page, server = send(waves(SHAPE), "reload.png"), shelf
    at_full_size(page)
    stroke(page, [(50, 50), (90, 60)])
    fill(page)
    filled = picture(page, server)
    mask = stroke(page, [(150, 100), (200, 160)])
    stroke(page, [(250, 100), (260, 160)])
    page.keys(Keys.CONTROL, "z")
    page.idle()
    page.chrome.refresh()
    page.ready().idle()
    assert (current(page)["cursor"], current(page)["count"]) == (3, 4)
    assert np.array_equal(painted(page, server), mask)
    assert np.array_equal(picture(page, server), filled)
    for _ in range(3):
        page.keys(Keys.CONTROL, "z")
    assert np.array_equal(picture(page, server), waves(SHAPE))


def test_a_killed_server_loses_nothing(chrome, own):
    server = own
    page = Page(chrome).open(server.address)
    at_full_size(page)
    first = stroke(page, [(50, 50), (90, 60)])
    page.click("#tab-find")
    page.click("#find")
    page.wait(lambda: page.part("bus", "part.app.find !== null"))
    page.idle()
    searched = page.part("bus", "part.app.find.find")
    server.kill()
    page.find("#banner")
    page.part("tools", "part.chooseTool('brush')")
    second = stroke(page, [(150, 100), (200, 160)])  # while it is away
    third = stroke(page, [(250, 50), (250, 90)])
    server.start()
    page.wait(lambda: not page.js("return !document.getElementById('banner').hidden"))
    assert page.part("bus", "part.app.find.find") == searched
    page.idle()
    assert current(page)["cursor"] == 3
    assert np.array_equal(painted(page, server), first | second | third)
    fill(page)
    wanted = inpaintkit.inpaint(waves(SHAPE), first | second | third, "telea")
    assert np.array_equal(picture(page, server), wanted)
    server.kill()
    fourth = stroke(page, [(100, 200), (200, 210)])  # sent by the next tab
    page.wait(lambda: page.js("return Object.keys(localStorage).some((key) => key.includes('queue'))"))
    page.chrome.get("about:blank")
    server.start()
    page.open(server.address)
    assert np.array_equal(painted(page, server), fourth)
    assert all("ERR_CONNECTION_REFUSED" in text or "ERR_INCOMPLETE" in text for text in page.complaints())


def test_two_tabs_stay_in_step(chrome, send):
    page = send(waves(SHAPE), "tabs.png")
    at_full_size(page)
    first, address = chrome.current_window_handle, chrome.current_url
    chrome.switch_to.new_window("tab")
    other = Page(chrome).open(address)
    at_full_size(other)
    mask = stroke(other, [(50, 50), (90, 60)])
    other.idle()
    second = chrome.current_window_handle
    chrome.switch_to.window(first)
    page.wait(lambda: current(page)["cursor"] == 1)
    assert page.text("#painted").startswith(f"{np.count_nonzero(mask):,} pixels")
    fill(page)
    chrome.switch_to.window(second)
    other.wait(lambda: current(other)["cursor"] == 2)
    assert other.text("#painted") == "Paint over what should go."
    assert other.complaints() == []
    chrome.close()
    chrome.switch_to.window(first)


def test_a_photograph_of_24_megapixels_is_exact(send, shelf):
    pixels = waves(LARGE)
    page, server = send(pixels, "large.png"), shelf
    at_full_size(page, 41)
    mask = stroke(page, [(2900, 1900), (3000, 2050), (3100, 1980)], 41)
    page.idle()
    page.part("photo", "part.view.fit()")  # at a tenth of its size, across half of the photo
    page.idle()
    there = [page.client(point) for point in ((1000, 3000), (4000, 3200))]
    at = [page.part("photo", "part.view.toPicture(...given)", *place) for place in there]
    page.drag(there)
    mask |= masks.stroke(LARGE, np.round(np.multiply(at, 16)) / 16, 41)
    page.keys(Keys.CONTROL, "z")
    page.keys(Keys.CONTROL, "y")
    assert np.array_equal(painted(page, server), mask)
    fill(page)
    wanted = inpaintkit.inpaint(pixels, mask, "telea")
    found = picture(page, server)
    assert np.array_equal(found[~mask], pixels[~mask])
    assert np.array_equal(found, wanted)
    page.keys(Keys.CONTROL, "z")
    assert np.array_equal(painted(page, server), mask)


_GIVE = """
const [kind, name, data] = arguments;
const carried = new DataTransfer();
carried.items.add(new File([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], name, {type: 'image/png'}));
const how = {bubbles: true, cancelable: true, dataTransfer: carried, clipboardData: carried};
const event = kind === 'paste' ? new ClipboardEvent('paste', how) : new DragEvent(kind, how);
document.getElementById('stage').dispatchEvent(event);
return [event.defaultPrevented, document.getElementById('drop').hidden];
"""


def test_photos_are_dropped_and_pasted(send, shelf):
    page = send(waves(SHAPE), "first.png")
    for number, kind in enumerate(("drop", "paste")):
        content, pixels = io.BytesIO(), waves((90 + number, 120))
        Image.fromarray(pixels).save(content, "png")
        given = f"{kind}.png", base64.b64encode(content.getvalue()).decode()
        if kind == "drop":
            assert page.js(_GIVE, "dragenter", *given)[1] is False  # it says where to drop
            assert page.js(_GIVE, "dragover", *given)[0] is True
        assert page.js(_GIVE, kind, *given) == [True, True]
        page.wait(lambda kind=kind: page.text("#name") == f"{kind}.png")
        assert np.array_equal(picture(page, shelf), pixels)


def test_leaving_asks_while_something_is_unsaved(send):
    page = send(waves(SHAPE), "leaving.png")
    ask = (
        "const event = new Event('beforeunload', {cancelable: true});"
        "dispatchEvent(event); return event.defaultPrevented"
    )
    page.part("bus", "part.app.state.photos.forEach((photo) => { photo.unsaved = false; })")  # those of other tests
    assert page.js(ask) is False
    at_full_size(page)
    stroke(page, [(50, 50), (90, 60)])
    page.idle()
    assert page.js(ask) is True
    page.keys(Keys.CONTROL, "z")
    page.idle()
    assert page.js(ask) is False


@pytest.mark.parametrize("kind", ["16 bits", "opacity"])
def test_known_pixels_of_other_types_are_kept_bit_for_bit(send, shelf, kind):
    rng = np.random.default_rng(1)
    if kind == "16 bits":
        pixels = rng.integers(0, 65535, (*SHAPE, 3), np.uint16, endpoint=True)
    else:
        pixels = rng.integers(0, 255, (*SHAPE, 4), np.uint8, endpoint=True)
    page = send(pixels, f"{kind.replace(' ', '-')}.png")
    at_full_size(page)
    mask = stroke(page, [(100, 100), (150, 120)])
    fill(page)
    found = inpaintkit.read(io.BytesIO(shelf.get(f"photos/{current(page)['id']}/download?what=picture")))
    assert found.dtype == pixels.dtype
    assert np.array_equal(found[~mask], pixels[~mask])
    assert np.array_equal(found, inpaintkit.inpaint(pixels, mask, "telea"))


def test_fifty_megapixels_are_opened_painted_and_filled(send, shelf):
    pixels = np.full((5800, 8700), 90, np.uint8)
    pixels[:, 4000:] = 91
    page = send(pixels, "huge.png")
    at_full_size(page)
    mask = stroke(page, [(4300, 2850), (4400, 2950)])
    assert np.array_equal(painted(page, shelf), mask)
    fill(page)
    assert current(page)["mask"]["pixels"] == 0
    assert page.text("#facts").startswith("8700 × 5800")


def test_a_page_of_a_file_is_chosen_and_a_selection_is_shown_first(chrome, shelf, tmp_path):
    page = Page(chrome).open(shelf.address)
    signs = waves(SHAPE)
    signs[60:120, 100:180] = 200
    with tifffile.TiffWriter(tmp_path / "scan.tif") as file:
        for pixels in (waves(SHAPE), signs):
            file.write(pixels, photometric="rgb")
    page.chrome.find_element(By.ID, "file").send_keys(str(tmp_path / "scan.tif"))
    page.wait(lambda: page.text("#name") == "scan.tif")
    page.js("const list = document.getElementById('page'); list.value = 2; list.dispatchEvent(new Event('change'))")
    page.wait(lambda: current(page)["page"] == 2)
    page.idle()
    assert np.array_equal(picture(page, shelf), signs)
    page.part("tools", "part.chooseTool('wand')")
    page.hover((140, 90))
    page.wait(lambda: page.part("preview", "part.isShown()"))
    assert current(page)["count"] == 0
    page.hover((20, 20))
    assert not page.part("preview", "part.isShown()")
    page.paint([(140, 90)])
    page.idle()
    assert np.array_equal(painted(page, shelf), masks.wand(signs, (140, 90), tolerance=0.12))
    assert page.complaints() == []
    page.chrome.get("about:blank")
