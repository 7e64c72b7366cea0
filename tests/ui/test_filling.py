"""Fills from the page: known pixels stay bit for bit, what was painted is taken, everything can be undone."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from served import noise, registered, takes_files

import inpaintkit
from inpaintkit import masks, threads
from inpaintkit.problem import Step

SPOT = {"type": "ellipse", "box": [40, 30, 20, 16]}
HOLE = masks.ellipse((90, 120), (40, 30, 20, 16))


@pytest.fixture
def slow():
    """A method that waits until it is let go on, and reports meanwhile."""
    going, begun = threading.Event(), threading.Event()

    def fill(problem):
        begun.set()
        for turn in range(100_000):
            problem.report(Step(turn, 100_000))
            if going.wait(0.01):
                break
        image = problem.image.copy()
        image[problem.hole] = 0.25
        return image

    with registered("slow", fill):
        yield SimpleNamespace(going=going, begun=begun)
        going.set()


@pytest.mark.parametrize(
    ("name", "dtype", "channels"),
    [
        ("a.png", "uint8", 3),
        ("a.png", "uint16", 4),
        ("a.tif", "float32", 3),
        ("a.tif", "uint16", 1),
        ("a.tif", "int16", 5),
    ],
)
def test_a_fill_is_inpaints_and_known_pixels_are_those_of_the_file(open_page, tmp_path, name, dtype, channels):
    picture = noise(dtype=dtype, channels=channels)
    inpaintkit.write(tmp_path / name, picture)
    page = open_page(tmp_path / name)
    page.post(f"{page.photo}/events", SPOT)
    job = page.job(page.post(f"{page.photo}/fill", {"method": "telea", "options": {"radius": 3.0}}))
    assert job["result"]["change"]["changed"] == {"picture": [40, 30, 20, 16], "mask": [40, 30, 20, 16]}
    assert not page.mask(page.photo).any()
    saved = page.post(f"{page.photo}/save", {"where": "beside"})
    found = inpaintkit.read(tmp_path / saved["path"])
    wanted = inpaintkit.inpaint(inpaintkit.read(tmp_path / name), HOLE, "telea", radius=3.0)
    assert found.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(found[~HOLE], picture[~HOLE])
    np.testing.assert_array_equal(found, wanted)


def test_fills_one_after_another_are_undone_one_after_another(page, photo_file):
    original = inpaintkit.read(photo_file)
    pictures = [page.tile(page.photo, "now")]
    np.testing.assert_array_equal(pictures[0], original)
    for left in (10, 50, 30):
        page.post(f"{page.photo}/events", {"type": "rect", "box": [left, 20, 40, 20]})
        page.job(page.post(f"{page.photo}/fill", {"method": "harmonic"}))
        pictures.append(page.tile(page.photo, "now"))
        np.testing.assert_array_equal(page.tile(page.photo, "before"), original)
    for wanted in pictures[-2::-1]:
        page.post(f"{page.photo}/undo")
        np.testing.assert_array_equal(page.tile(page.photo, "now"), wanted)
        assert page.mask(page.photo).sum() == 800
        page.post(f"{page.photo}/undo")
    for wanted in pictures[1:]:
        page.post(f"{page.photo}/redo")
        page.post(f"{page.photo}/redo")
        np.testing.assert_array_equal(page.tile(page.photo, "now"), wanted)
        assert not page.mask(page.photo).any()


def test_the_last_stroke_comes_with_the_fill_and_only_a_box_may_be_filled(page):
    page.post(f"{page.photo}/events", {"type": "rect", "box": [0, 0, 10, 10]})
    asked = {"method": "telea", "event": SPOT, "box": [30, 20, 50, 50]}
    job = page.job(page.post(f"{page.photo}/fill", asked))
    assert job["result"]["box"] == [40, 30, 20, 16]
    np.testing.assert_array_equal(page.mask(page.photo), masks.rect((90, 120), (0, 0, 10, 10)))


def test_guides_that_are_painted_reach_the_method(page, photo_file):
    page.post(f"{page.photo}/events", SPOT)
    page.post(f"{page.photo}/events", {"type": "rect", "box": [0, 60, 120, 30], "layer": "source"})
    page.job(page.post(f"{page.photo}/fill", {"method": "criminisi", "options": {"patch": 5}}))
    source = masks.rect((90, 120), (0, 60, 120, 30))
    wanted = inpaintkit.inpaint(inpaintkit.read(photo_file), HOLE, "criminisi", patch=5, source=source)
    np.testing.assert_array_equal(page.tile(page.photo, "now"), wanted)
    free = inpaintkit.inpaint(inpaintkit.read(photo_file), HOLE, "criminisi", patch=5)
    assert (wanted != free).any()


def test_labels_that_are_painted_reach_the_method(monkeypatch, page):
    from inpaintkit.ui.methods import options_from

    layers = {name: masks.rect((90, 120), box) for name, box in (("guide:7", (0, 0, 9, 9)), ("guide:2", (5, 5, 9, 9)))}
    labels = options_from("patchmatch", {}, layers)["guide"].pixels
    assert (labels[0, 0], labels[6, 6], labels[12, 12], labels[40, 40]) == (7, 7, 2, 0)


@pytest.fixture
def failing():
    """A method that fails."""

    def fill(problem):
        raise ValueError("it\nfails")

    with registered("failing", fill):
        yield


def test_methods_side_by_side_wait_to_be_chosen(page, photo_file, failing):
    original = inpaintkit.read(photo_file)
    page.post(f"{page.photo}/events", SPOT)
    answer = page.post(f"{page.photo}/fill", {"methods": ["telea", "failing", "harmonic"]})
    result = page.job(answer)["result"]
    assert [candidate["label"] for candidate in result["candidates"]] == ["telea", "harmonic"]
    assert result["failed"] == [{"label": "failing", "error": "it fails"}]
    np.testing.assert_array_equal(page.tile(page.photo, "now"), original)
    wanted = inpaintkit.inpaint(original, HOLE, "harmonic")
    np.testing.assert_array_equal(page.tile(page.photo, f"candidate-{answer['job']}-1"), wanted)
    page.post(f"{page.photo}/choose", {"job": answer["job"], "k": 1})
    np.testing.assert_array_equal(page.tile(page.photo, "now"), wanted)
    status, error = page.refused(f"{page.photo}/choose", {"job": answer["job"], "k": 0})
    assert (status, error) == (409, "the picture has changed under this fill since: fill again")
    page.post(f"{page.photo}/undo")
    page.post(f"{page.photo}/choose", {"job": answer["job"], "k": 0})
    np.testing.assert_array_equal(page.tile(page.photo, "now"), inpaintkit.inpaint(original, HOLE, "telea"))
    assert page.refused(f"{page.photo}/choose", {"job": answer["job"], "k": 2})[0] == 404


def test_variants_wait_to_be_chosen(page, photo_file):
    page.post(f"{page.photo}/events", SPOT)
    assert "no variants" in page.refused(f"{page.photo}/fill", {"method": "telea", "variants": 3})[1]
    asked = {"method": "patchmatch", "variants": 2, "seed": 5, "options": {"iterations": 1}}
    answer = page.post(f"{page.photo}/fill", asked)
    assert [candidate["label"] for candidate in page.job(answer)["result"]["candidates"]] == ["seed 5", "seed 6"]
    wanted = inpaintkit.inpaint(inpaintkit.read(photo_file), HOLE, "patchmatch", seed=6, iterations=1)
    np.testing.assert_array_equal(page.tile(page.photo, f"candidate-{answer['job']}-1"), wanted)


def test_one_fills_the_others_wait_and_each_can_be_cancelled(page, slow):
    page.post(f"{page.photo}/events", SPOT)
    first = page.post(f"{page.photo}/fill", {"method": "slow"})
    assert slow.begun.wait(10)
    second = page.post(f"{page.photo}/fill", {"method": "telea"})
    third = page.post(f"{page.photo}/fill", {"method": "telea"})
    states = [(job["id"], job["state"], job["place"]) for job in page.get("/jobs")]
    assert states == [(first["job"], "running", 0), (second["job"], "waiting", 1), (third["job"], "waiting", 2)]
    assert page.http.delete(f"/api/jobs/{second['job']}").json()["state"] == "cancelled"
    assert page.get(f"/jobs/{third['job']}")["place"] == 1
    page.http.delete(f"/api/jobs/{first['job']}")
    assert page.over(first, 1)["state"] == "cancelled"
    assert page.over(third)["state"] == "done"
    assert page.get(page.photo)["count"] == 2  # the stroke, and the one fill
    assert page.http.delete("/api/jobs/none").status_code == 404


def test_what_is_cancelled_is_over_at_once_and_comes_to_nothing_though_its_method_reports_late(page, monkeypatch):
    going, begun = threading.Event(), threading.Event()

    def fill(problem):
        begun.set()
        going.wait(30)
        return problem.image.copy()

    with registered("silent", fill):
        page.post(f"{page.photo}/events", SPOT)
        answer = page.post(f"{page.photo}/fill", {"method": "silent"})
        assert begun.wait(10)
        assert page.http.delete(f"/api/jobs/{answer['job']}").json()["state"] == "cancelled"
        following = page.post(f"{page.photo}/fill", {"method": "telea"})
        job = page.get(f"/jobs/{following['job']}")
        assert (job["state"], job["remark"]) == ("waiting", "begins when what was cancelled has stopped")
        going.set()
    assert page.job(following)["remark"] == ""
    assert [event["type"] for event in page.get(page.photo)["events"]] == ["ellipse", "fill"]
    assert page.get(f"/jobs/{answer['job']}")["state"] == "cancelled"


def test_a_method_that_never_reports_is_stopped_between_two_pieces_of_its_work(page):
    begun, done = threading.Event(), []

    def piece(number):
        begun.set()
        time.sleep(0.01)
        done.append(number)

    def fill(problem):
        threads.run(piece, range(2_000))
        return problem.image.copy()

    with registered("silent", fill):
        page.post(f"{page.photo}/events", SPOT)
        answer = page.post(f"{page.photo}/fill", {"method": "silent"})
        assert begun.wait(10)
        page.http.delete(f"/api/jobs/{answer['job']}")
        assert page.job(page.post(f"{page.photo}/fill", {"method": "telea"}))["state"] == "done"
    assert len(done) < 2_000


def test_what_is_painted_while_a_fill_runs_stays_painted(page, slow):
    page.post(f"{page.photo}/events", SPOT)
    answer = page.post(f"{page.photo}/fill", {"method": "slow"})
    assert slow.begun.wait(10)
    corner = {"type": "rect", "box": [0, 0, 10, 10]}
    page.post(f"{page.photo}/events", corner)
    slow.going.set()
    page.job(answer)
    np.testing.assert_array_equal(page.mask(page.photo), masks.rect((90, 120), (0, 0, 10, 10)))


def test_the_picture_is_not_changed_under_a_job(page, slow):
    page.post(f"{page.photo}/events", {"type": "rect", "box": [0, 0, 10, 10]})
    page.job(page.post(f"{page.photo}/fill", {"method": "telea"}))
    page.post(f"{page.photo}/events", SPOT)
    answer = page.post(f"{page.photo}/fill", {"method": "slow"})
    assert slow.begun.wait(10)
    page.post(f"{page.photo}/undo")  # of the stroke, which may be
    status, error = page.refused(f"{page.photo}/undo")
    assert (status, error) == (409, "a job of this photo is running: wait for it, or cancel it")
    slow.going.set()
    page.job(answer)


def test_the_line_has_an_end(page, slow):
    page.post(f"{page.photo}/events", SPOT)
    page.post(f"{page.photo}/fill", {"method": "slow"})
    assert slow.begun.wait(10)
    for _ in range(20):
        page.post(f"{page.photo}/fill", {"method": "telea"})
    status, error = page.refused(f"{page.photo}/fill", {"method": "telea"})
    assert status == 409
    assert error.startswith("20 jobs are waiting already")


def test_an_error_of_a_fill_is_the_jobs_one_line(page):
    page.post(f"{page.photo}/events", {"type": "invert"})
    page.post(f"{page.photo}/events", {"type": "rect", "box": [0, 0, 2, 2], "mode": "erase"})
    job = page.over(page.post(f"{page.photo}/fill", {"method": "patchmatch"}))
    assert job["state"] == "failed"
    assert "pass fallback=True" in job["error"]
    assert any("more than half" in text or "looks" in text or "%" in text for text in job["warnings"]), job
    job = page.job(page.post(f"{page.photo}/fill", {"method": "patchmatch", "fallback": True}))
    assert job["result"]["fallbacks"] == 1


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"method": "photoshop"}, "there is no method 'photoshop'"),
        ({"method": ["telea"]}, "there is no method"),
        ({"method": "telea", "options": [1]}, "expected an object"),
        ({"method": "files", "options": {"checkpoint": "here"}}, "names a file"),
        ({"method": "files", "options": {"weights": "/etc/passwd"}}, "may name a file"),
        ({"method": "files", "options": {"weights": "evil.pt"}}, "may name a file"),
        ({"method": "files", "options": {"weights": "tests"}}, "may name a file"),
        ({"method": "patchmatch", "options": {"source": "mask.png"}}, "is painted as a layer"),
        ({"method": "telea", "variants": 100}, "give 1 to 8"),
        ({"method": "telea", "variants": True}, "give 1 to 8"),
        ({"methods": "telea"}, "give a list"),
        ({"methods": ["telea"] * 9}, "give a list of 8"),
        ({"method": "telea", "box": [1, 2]}, "expected LEFT, TOP, WIDTH, HEIGHT"),
    ],
    ids=str,
)
def test_a_fill_that_cannot_be_meant_is_refused_at_once(page, monkeypatch, asked, text):
    from conftest import ROOT

    monkeypatch.chdir(ROOT)  # where a folder is called tests
    page.post(f"{page.photo}/events", SPOT)
    with registered("files", takes_files):
        status, error = page.refused(f"{page.photo}/fill", asked)
    assert status == 422
    assert text in error


def test_with_nothing_painted_nothing_is_filled(page):
    assert page.refused(f"{page.photo}/fill", {})[1] == "nothing is painted: paint over what should go"


def test_the_error_to_expect_is_a_layer(open_page, tmp_path):
    import skimage.data

    inpaintkit.write(tmp_path / "cat.png", skimage.data.chelsea()[:150, :200])
    page = open_page(tmp_path / "cat.png")
    page.post(f"{page.photo}/events", {"type": "stroke", "points": [[20, 70], [180, 90]], "width": 5})
    hole = page.mask(page.photo)
    job = page.job(page.post(f"{page.photo}/fill", {"method": "auto", "options": {"quality": "fast"}}))
    assert job["result"]["expected_psnr"] > 10
    assert "expected" in job["result"]["change"]["changed"]
    shown = page.tile(page.photo, "expected")
    np.testing.assert_array_equal(shown[..., 3] > 0, hole)
    page.post(f"{page.photo}/undo")
    assert not page.tile(page.photo, "expected")[..., 3].any()


def test_the_time_left_is_guessed_from_what_is_done():
    from inpaintkit.ui.jobs import CancelledError, Job

    job = Job("fill", None, lambda job: None, state="running", began=time.monotonic() - 10)
    assert job.shown(0)["left"] is None
    job.progress(Step(1, 4))
    assert job.shown(0)["left"] == pytest.approx(30, rel=0.1)
    job.cancelled = True
    with pytest.raises(CancelledError) as raised:
        job.progress(Step(2, 4))
    assert not isinstance(raised.value, Exception)  # so that no method takes it for an error of its own


@pytest.mark.parametrize(
    ("seconds", "done", "left"), [(0.2, 50, None), (1, 50, 1.0), (1, 0.5, None), (10, 0.5, 1990.0)]
)
def test_the_time_left_is_guessed_as_soon_as_the_guess_can_be_trusted(monkeypatch, seconds, done, left):
    from inpaintkit.ui.jobs import Job

    monkeypatch.setattr("inpaintkit.ui.jobs.time.monotonic", lambda: 100.0 + seconds)
    job = Job("fill", None, lambda job: None, state="running", done=done, total=100, began=100.0)
    shown = job.shown(0)["left"]
    assert shown == (None if left is None else pytest.approx(left))
