"""The page in a real browser: photos opened, painted with real pointer events, filled, looked at and saved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from browsing import current, painted, picture
from PIL import Image

import inpaintkit
from inpaintkit import masks
from inpaintkit.benchmarks.studies._browser import By, Keys, Page, Server, served

QUICK = "telea"  # a method that takes milliseconds
SHAPE = (200, 300)  # of the photos, so that they are shown at 100 %


def photo(name: str) -> np.ndarray:
    """Part of one of scikit-image's photographs."""
    return getattr(skimage.data, name)()[60 : 60 + SHAPE[0], 40 : 40 + SHAPE[1]].copy()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder of three photos, the last of which has words over it."""
    root = tmp_path_factory.mktemp("album")
    inpaintkit.write(root / "astronaut.png", photo("astronaut"))
    inpaintkit.write(root / "coffee.png", photo("coffee"))
    inpaintkit.write(root / "words.png", words())
    return root


def words() -> np.ndarray:
    """A photo under a caption."""
    from inpaintkit.damage import text

    image = photo("chelsea")
    image[text(SHAPE, size=22, share=0.05, seed=3)] = 255
    return image


@pytest.fixture(scope="module")
def server(folder, tmp_path_factory) -> Iterator[Server]:
    with served(folder, tmp_path_factory.mktemp("sessions")) as running:
        yield running


@pytest.fixture(scope="module")
def tab(chrome, server) -> Iterator[Page]:
    """The page, opened with the token."""
    yield Page(chrome).open(server.address)
    chrome.get("about:blank")
    chrome.get_log("browser")


@pytest.fixture
def page(tab, server) -> Iterator[Page]:
    """The page with its first photo as it was opened and nothing painted; afterwards nobody has complained."""
    if tab.text("#name") != "astronaut.png":
        tab.click(".thumb[data-photo]")
        tab.wait(lambda: tab.text("#name") == "astronaut.png")
    tab.keys(Keys.ESCAPE)
    tab.focus()
    tab.part("tools", "part.chooseTool('brush')")
    tab.part("tools", "part.setBrush('size', 11)")
    while current(tab)["cursor"]:
        tab.part("photo", "part.undo()")
        tab.idle()
    tab.part("photo", "part.view.fit()")
    tab.part("photo", "part.view.zoomTo(1)")
    tab.idle()
    yield tab
    assert tab.complaints() == []


def corner(page: Page) -> tuple[int, int]:
    """Where the window shows the picture's upper left pixel at 100 %, worked out from the stage alone."""
    left, top, width, height = page.js(
        "const box = document.getElementById('stage').getBoundingClientRect();"
        "return [box.left, box.top, box.width, box.height]"
    )
    rows, columns = SHAPE
    return int(left + round(width / 2 - columns / 2)), int(top + round(height / 2 - rows / 2))


def drag(page: Page, points, **how) -> list[tuple[float, float]]:
    """Draw through pixels of the picture at 100 %; gives the places of the picture that the pointer was at."""
    x0, y0 = corner(page)
    page.drag([(x0 + x, y0 + y) for x, y in points], **how)
    return [(x - 0.5, y - 0.5) for x, y in points]  # a window's pixel begins half a pixel before its centre


def choose(page: Page, method: str) -> None:
    """Choose a method in the panel."""
    page.click("#tab-fill")
    page.js(
        "const list = document.getElementById('method'); list.value = arguments[0];"
        "list.dispatchEvent(new Event('change'))",
        method,
    )


def fill(page: Page, method: str = QUICK) -> None:
    """Fill what is painted, and wait for the result."""
    page.idle()
    before = current(page)["cursor"]
    choose(page, method)
    page.click("#fill")
    page.wait(lambda: current(page)["cursor"] == before + 1)
    page.no_jobs()


STROKE = [(60, 60), (90, 70), (140, 65)]


@pytest.mark.parametrize("kind", ["mouse", "pen"])
def test_a_stroke_is_the_mask_that_python_draws(page, server, kind):
    places = drag(page, STROKE, kind=kind)
    assert np.array_equal(painted(page, server), masks.stroke(SHAPE, places, 11))
    assert page.text("#painted").startswith(f"{np.count_nonzero(masks.stroke(SHAPE, places, 11)):,} pixels")


def test_erase_undo_and_redo(page, server):
    first = masks.stroke(SHAPE, drag(page, STROKE), 11)
    page.keys("e")
    erased = first & ~masks.stroke(SHAPE, drag(page, [(100, 40), (100, 100)]), 11)
    assert np.array_equal(painted(page, server), erased)
    page.keys(Keys.CONTROL, "z")
    assert np.array_equal(painted(page, server), first)
    page.keys(Keys.CONTROL, "z")
    assert not painted(page, server).any()
    page.keys(Keys.CONTROL, "y")
    page.keys(Keys.CONTROL, Keys.SHIFT, "z")
    assert np.array_equal(painted(page, server), erased)


def test_shift_draws_straight_on_from_the_last_stroke_and_alt_erases(page, server):
    first = drag(page, [(40, 150), (60, 140)])
    second = drag(page, [(160, 150)], held=Keys.SHIFT)
    line = masks.stroke(SHAPE, first, 11) | masks.stroke(SHAPE, [first[-1], second[0]], 11)
    assert np.array_equal(painted(page, server), line)
    dot = drag(page, [(100, 146)], held=Keys.ALT)
    assert np.array_equal(painted(page, server), line & ~masks.stroke(SHAPE, dot, 11))


def test_keys_and_wheel_change_the_size_and_the_zoom(page):
    page.keys("]")
    assert page.part("tools", "part.brush.size") == 13
    page.keys("[")
    assert page.part("tools", "part.brush.size") == 11
    x, y = corner(page)
    wheel = {"type": "mouseWheel", "x": x + 30, "y": y + 20, "deltaX": 0, "deltaY": -400}
    page.chrome.execute_cdp_cmd("Input.dispatchMouseEvent", {**wheel, "modifiers": 8})  # with Shift
    page.wait(lambda: page.part("tools", "part.brush.size") > 11)
    assert page.part("photo", "part.view.scale") == 1
    before = page.part("photo", "part.view.toPicture(given[0], given[1])", x + 30, y + 20)
    page.chrome.execute_cdp_cmd("Input.dispatchMouseEvent", wheel)
    page.wait(lambda: page.part("photo", "part.view.scale") == 2)  # 400 pixels of the wheel double it
    assert page.part("photo", "part.view.toPicture(given[0], given[1])", x + 30, y + 20) == pytest.approx(
        before, abs=0.5
    )


def test_rectangle_lasso_and_polygon(page, server):
    page.keys("m")
    drag(page, [(20, 30), (70, 59)])
    wanted = masks.rect(SHAPE, (20, 30, 51, 30))  # from 19.5, 29.5, rounded to even, to 69.5, 58.5
    found = painted(page, server)
    assert np.array_equal(found, wanted), np.argwhere(found)[[0, -1]]
    page.keys("l")
    wanted |= masks.polygon(SHAPE, drag(page, [(150, 30), (200, 40), (180, 90), (140, 70)]))
    assert np.array_equal(painted(page, server), wanted)
    page.keys("p")
    corners = [drag(page, [place])[0] for place in ((210, 110), (280, 120), (250, 180))]
    drag(page, [(211, 111)])  # near the first corner: closed
    assert np.array_equal(painted(page, server), wanted | masks.polygon(SHAPE, corners))


def test_grow_shrink_invert_and_clear(page, server):
    mask = masks.stroke(SHAPE, drag(page, STROKE), 11)
    page.click("#grow")
    assert np.array_equal(painted(page, server), masks.grow(mask, 2))
    page.click("#shrink")
    assert np.array_equal(painted(page, server), masks.shrink(masks.grow(mask, 2), 2))
    page.click("#invert")
    assert np.array_equal(painted(page, server), ~masks.shrink(masks.grow(mask, 2), 2))
    page.focus()
    page.keys(Keys.DELETE)
    assert not painted(page, server).any()


def test_a_fill_is_what_python_fills_and_can_be_undone(page, server):
    mask = masks.stroke(SHAPE, drag(page, STROKE), 11)
    fill(page)
    before = photo("astronaut")
    after = inpaintkit.inpaint(before, mask, QUICK)
    assert np.array_equal(picture(page, server), after)
    assert not painted(page, server).any()
    assert screen(page) == after.tobytes()
    page.keys(Keys.CONTROL, "z")
    assert np.array_equal(picture(page, server), before)
    assert np.array_equal(painted(page, server), mask)


def screen(page: Page) -> bytes:
    """The pixels that the photo's canvas shows, at 100 %."""
    page.idle()
    x0, y0 = corner(page)
    values = page.js(
        """const canvas = document.querySelector('canvas.picture');
        const box = canvas.getBoundingClientRect();
        const [x, y, width, height] = arguments;
        return [...canvas.getContext('2d').getImageData(x - box.left, y - box.top, width, height).data]""",
        x0,
        y0,
        SHAPE[1],
        SHAPE[0],
    )
    return np.array(values, np.uint8).reshape(*SHAPE, 4)[..., :3].tobytes()


def test_before_and_after_pixel_by_pixel(page):
    mask = masks.stroke(SHAPE, drag(page, [(30, 100), (270, 100)]), 11)
    fill(page)
    before = photo("astronaut")
    after = inpaintkit.inpaint(before, mask, QUICK)
    page.click("#split")
    half = before.copy()
    half[:, SHAPE[1] // 2 :] = after[:, SHAPE[1] // 2 :]
    assert screen(page) == half.tobytes()
    page.keys(Keys.HOME)  # all of it after
    assert screen(page) == after.tobytes()
    page.find("#divider")
    page.click("#split")
    page.focus()
    page.js("dispatchEvent(new KeyboardEvent('keydown', {key: 'h'}))")
    assert screen(page) == before.tobytes()
    page.js("dispatchEvent(new KeyboardEvent('keyup', {key: 'h'}))")
    assert screen(page) == after.tobytes()


def test_fill_on_release(page, server):
    choose(page, QUICK)
    page.click("#tool-options input[type=checkbox]")
    places = drag(page, STROKE)
    page.wait(lambda: page.js("return document.querySelector('#jobs').children.length === 0"))
    page.wait(lambda: current(page)["cursor"] == 2)
    page.no_jobs()
    page.click("#tool-options input[type=checkbox]")
    wanted = inpaintkit.inpaint(photo("astronaut"), masks.stroke(SHAPE, places, 11), QUICK)
    assert np.array_equal(picture(page, server), wanted)


def test_variants_are_chosen_from_a_row(page, server):
    mask = masks.stroke(SHAPE, drag(page, [(200, 40), (230, 60)]), 11)
    choose(page, "patchmatch")
    page.click("#variants")
    page.find(".candidate")
    page.no_jobs()
    assert [label.text for label in page.chrome.find_elements(By.CSS_SELECTOR, ".candidate span:first-of-type")] == [
        f"seed {seed}" for seed in range(4)
    ]
    page.chrome.find_elements(By.CSS_SELECTOR, ".candidate")[2].click()
    wanted = inpaintkit.inpaint(photo("astronaut"), mask, "patchmatch", seed=2)
    assert screen(page) == wanted.tobytes()
    assert np.array_equal(painted(page, server), mask)  # as long as none is chosen
    page.click("#choose")
    page.wait(lambda: current(page)["cursor"] == 2)
    assert np.array_equal(picture(page, server), wanted)


def test_methods_side_by_side(page, server):
    mask = masks.stroke(SHAPE, drag(page, STROKE), 11)
    page.part("bus", "part.keep('compared', ['telea', 'coherence'])")
    choose(page, QUICK)
    page.click("details[data-name=compare] summary")
    for label in page.chrome.find_elements(By.CSS_SELECTOR, "details[data-name=compare] label"):
        if label.text in ("telea", "coherence"):
            label.click()
    page.click("#compare")
    page.find("#labels .tag")
    page.no_jobs()
    assert [tag.text for tag in page.chrome.find_elements(By.CSS_SELECTOR, "#labels .tag")] == ["telea", "coherence"]
    page.chrome.find_elements(By.CSS_SELECTOR, "#labels .tag")[1].click()
    page.click("#choose")
    page.wait(lambda: current(page)["cursor"] == 2)
    assert np.array_equal(picture(page, server), inpaintkit.inpaint(photo("astronaut"), mask, "coherence"))


def test_guidance_is_painted_as_a_layer_of_its_own(page, server):
    hole = masks.stroke(SHAPE, drag(page, [(200, 40), (230, 60)]), 11)
    choose(page, "criminisi")
    page.click("#panel-fill fieldset .button")
    page.keys("m")
    drag(page, [(120, 100), (199, 179)])
    source = painted(page, server, "source")
    assert np.array_equal(source, masks.rect(SHAPE, (120, 100, 80, 80)))
    assert np.array_equal(painted(page, server), hole)
    fill(page, "criminisi")
    wanted = inpaintkit.inpaint(photo("astronaut"), hole, "criminisi", source=source)
    assert np.array_equal(picture(page, server), wanted)


def test_found_pieces_are_accepted_and_dropped(page, server):
    page.keys(Keys.PAGE_DOWN)
    page.keys(Keys.PAGE_DOWN)
    page.wait(lambda: page.text("#name") == "words.png")
    page.part("photo", "part.view.zoomTo(1)")
    page.idle()
    page.click("#tab-find")
    page.click("#find")
    page.find(".piece")
    page.no_jobs()
    proposal = inpaintkit.find_mask(words(), "text")
    pieces = page.part("bus", "part.app.find.pieces")
    assert sum(piece["pixels"] for piece in pieces) == np.count_nonzero(proposal)
    largest = max(pieces, key=lambda piece: piece["pixels"])
    left, top, width, height = largest["box"]
    inside = np.argwhere(proposal[top : top + height, left : left + width])[0]
    drag(page, [(int(left + inside[1]), int(top + inside[0]))])
    page.wait(lambda: page.part("bus", "part.app.find.accepted") == len(pieces) - 1)
    page.click("#add-pieces")
    page.wait(lambda: current(page)["cursor"] == 1)
    assert np.count_nonzero(painted(page, server)) == np.count_nonzero(proposal) - largest["pixels"]
    assert not (painted(page, server) & ~proposal).any()


def test_saving_beside_and_in_place_keeps_known_pixels(page, server, folder):
    mask = masks.stroke(SHAPE, drag(page, STROKE), 11)
    fill(page)
    wanted = inpaintkit.inpaint(photo("astronaut"), mask, QUICK)
    page.click("#save-button")
    page.click("#save-beside")
    page.wait(lambda: "astronaut_repaired.png" in page.text("#messages"))
    saved = np.asarray(Image.open(folder / "astronaut_repaired.png"))
    assert np.array_equal(saved, wanted)
    assert np.array_equal(saved[~mask], photo("astronaut")[~mask])
    assert page.text("#saved") == "Saved"
    page.keys(Keys.CONTROL, "s")
    page.click("#save-in-place")
    page.wait(lambda: (folder / "astronaut.png.orig").exists())
    page.wait(lambda: "astronaut.png.orig" in page.text("#messages"))
    assert np.array_equal(np.asarray(Image.open(folder / "astronaut.png")), wanted)
    assert np.array_equal(np.asarray(Image.open(folder / "astronaut.png.orig")), photo("astronaut"))


def test_the_keyboard_alone_is_enough(page, server):
    page.focus()
    page.keys("b")
    page.keys(Keys.ARROW_RIGHT)  # the cursor comes, in the middle
    page.keys(Keys.ENTER)
    for _ in range(3):
        page.keys(Keys.ARROW_RIGHT)
    page.keys(Keys.SHIFT, Keys.ARROW_DOWN)
    page.keys(Keys.ENTER)
    line = [(150, 100), (166, 100), (182, 100), (198, 100), (198, 101)]
    mask = masks.stroke(SHAPE, line, 11)
    assert np.array_equal(painted(page, server), mask)
    page.keys("p")
    page.keys(Keys.ENTER)  # a corner where the cursor is: 198,101
    for key in (Keys.ARROW_UP, Keys.ARROW_LEFT):
        page.keys(key)
        page.keys(Keys.ENTER)
    page.keys("f")
    mask |= masks.polygon(SHAPE, [(198, 101), (198, 85), (182, 85)])
    assert np.array_equal(painted(page, server), mask)
    choose(page, QUICK)
    page.focus()
    page.keys(Keys.CONTROL, Keys.ENTER)
    page.wait(lambda: current(page)["cursor"] == 3)
    page.no_jobs()
    assert np.array_equal(picture(page, server), inpaintkit.inpaint(photo("astronaut"), mask, QUICK))


def test_every_control_has_a_name(page):
    nameless = page.js(
        """return [...document.querySelectorAll('button, input, select, [tabindex="0"]')]
        .filter((each) => !each.hidden && each.type !== 'file' && each.offsetParent !== null)
        .filter((each) => !(each.getAttribute('aria-label') || each.textContent.trim() || each.labels?.length))
        .map((each) => each.outerHTML)"""
    )
    assert nameless == []


def test_two_fingers_zoom_and_move_and_one_paints(page, server):
    x0, y0 = corner(page)

    def touch(kind: str, *places: tuple[int, int]) -> None:
        points = [{"x": x0 + x, "y": y0 + y, "id": number} for number, (x, y) in enumerate(places)]
        page.chrome.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (100, 100))
    touch("touchStart", (100, 100), (200, 100))
    touch("touchMove", (50, 100), (250, 100))
    touch("touchEnd")
    assert page.part("photo", "part.view.scale") == pytest.approx(2, rel=0.01)
    assert not painted(page, server).any()  # the first finger's stroke was given up
    page.part("photo", "part.view.fit()")
    page.part("photo", "part.view.zoomTo(1)")
    touch("touchStart", (100, 100))
    touch("touchMove", (140, 120))
    touch("touchEnd")
    assert np.array_equal(painted(page, server), masks.stroke(SHAPE, [(99.5, 99.5), (139.5, 119.5)], 11))


def test_space_moves_the_photo(page, server):
    x0, y0 = corner(page)
    page.focus()
    page.drag([(x0 + 100, y0 + 100), (x0 + 130, y0 + 80)], held=Keys.SPACE)
    moved = page.part("photo", "part.view.toPicture(given[0], given[1])", x0 + 130, y0 + 80)
    assert moved == [99.5, 99.5]
    assert not painted(page, server).any()


def test_a_running_fill_is_cancelled(page, server):
    mask = masks.stroke(SHAPE, drag(page, [(20, 100), (280, 100)]), 11)
    choose(page, "dip")
    page.click("#fill")
    page.click(".job .icon-button")
    page.wait(lambda: "cancelled" in page.text("#messages"))
    page.no_jobs()
    assert np.array_equal(painted(page, server), mask)
    assert np.array_equal(picture(page, server), photo("astronaut"))


def test_mask_and_strokes_are_loaded_again(page, server, tmp_path):
    mask = masks.stroke(SHAPE, drag(page, STROKE), 11)
    drawn = masks.ellipse(SHAPE, (200, 100, 60, 40))
    inpaintkit.write(tmp_path / "mask.png", drawn.astype(np.uint8) * 255)
    page.chrome.find_element(By.ID, "mask-file").send_keys(str(tmp_path / "mask.png"))
    page.wait(lambda: current(page)["cursor"] == 2)
    assert np.array_equal(painted(page, server), mask | drawn)
    strokes = server.get(f"photos/{current(page)['id']}/download?what=strokes")
    (tmp_path / "strokes.json").write_bytes(strokes)
    page.keys(Keys.CONTROL, "z")
    page.keys(Keys.CONTROL, "z")
    assert not painted(page, server).any()
    page.chrome.find_element(By.ID, "strokes-file").send_keys(str(tmp_path / "strokes.json"))
    page.wait(lambda: current(page)["cursor"] == 2)
    assert np.array_equal(painted(page, server), mask | drawn)


def test_the_wand_takes_a_colour_and_a_second_click_refines_an_object(page, server):
    image = photo("astronaut")
    page.keys("w")
    drag(page, [(20, 20)])
    first = masks.wand(image, (20, 20), tolerance=0.12)
    assert np.array_equal(painted(page, server), first)
    page.js(
        "const range = document.querySelector('#tool-options input[type=range]'); range.value = 0.3;"
        "range.dispatchEvent(new Event('input'))"
    )
    wider = masks.wand(image, (20, 20), tolerance=0.3)
    assert wider.sum() > first.sum()
    page.wait(lambda: np.array_equal(painted(page, server), wider))
    assert current(page)["cursor"] == 1  # in place of the first
    page.keys(Keys.CONTROL, "z")
    page.keys("o")
    drag(page, [(150, 60)])
    page.idle()
    alone = masks.object_at(image, [(150, 60)])
    assert np.array_equal(painted(page, server), alone)
    drag(page, [(150, 150)], held=Keys.SHIFT)
    page.idle()
    assert np.array_equal(painted(page, server), masks.object_at(image, [(150, 60), (150, 150)]))
    assert current(page)["cursor"] == 1


def test_only_what_is_in_view_is_filled(page, server):
    mask = masks.stroke(SHAPE, drag(page, [(20, 100), (280, 100)]), 11)
    page.part("photo", "part.view.showBox([0, 60, 80, 80])")
    left, top, width, height = page.part("photo", "part.view.visibleBox()")
    assert left + width < 280
    choose(page, QUICK)
    page.click("details[data-name=more] summary")
    page.click("details[data-name=more] input[type=checkbox]")
    fill(page)
    page.click("#tab-fill")
    page.click("details[data-name=more] input[type=checkbox]")
    seen = mask & masks.rect(SHAPE, (left, top, width, height))
    assert np.array_equal(picture(page, server), inpaintkit.inpaint(photo("astronaut"), seen, QUICK))
    assert np.array_equal(painted(page, server), mask & ~seen)


def test_a_download_has_the_photos_name_and_counts_as_saved(page, server, tmp_path):
    page.chrome.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    mask = masks.stroke(SHAPE, drag(page, STROKE), 11)
    fill(page)
    page.click("#save-button")
    page.click("#download-picture")
    page.wait(lambda: page.text("#saved") == "Saved")
    page.wait(lambda: (tmp_path / "astronaut_repaired.png").exists())
    wanted = inpaintkit.inpaint(photo("astronaut"), mask, QUICK)
    page.wait(lambda: np.array_equal(np.asarray(Image.open(tmp_path / "astronaut_repaired.png")), wanted))


def test_the_same_is_done_with_the_folder(page, server, folder):
    mask = masks.stroke(SHAPE, drag(page, STROKE), 11)
    choose(page, QUICK)
    page.click("#save-button")
    page.click("#folder-start")
    page.click("#folder-go")
    page.wait(lambda: "3 filled, 0 skipped, 0 failed" in page.text("#folder-progress"))
    page.js("document.querySelector('#folder-run .close').click()")
    wanted = inpaintkit.inpaint(photo("coffee"), mask, QUICK)
    assert np.array_equal(np.asarray(Image.open(folder / "repaired" / "coffee.png")), wanted)
