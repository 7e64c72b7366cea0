"""Nothing is lost: what was done is on the disk before it is answered, and a damaged line costs only itself."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from served import noise

import inpaintkit
from inpaintkit.ui.sessions import Session, remove_old, root

STROKE = {"type": "stroke", "points": [[20, 30], [60.5, 41.25]], "width": 9}


def work_on(page):
    """Strokes, a fill, a wand, a search's pieces, a guide; undone in part. What must come back."""
    page.post(f"{page.photo}/events", STROKE)
    page.job(page.post(f"{page.photo}/fill", {"method": "telea"}))
    page.post(f"{page.photo}/events", {"type": "wand", "point": [3, 4], "tolerance": 0.3, "connected": False})
    page.post(f"{page.photo}/events", {"type": "grow", "radius": 1})
    page.job(page.post(f"{page.photo}/fill", {"method": "harmonic", "box": [0, 0, 60, 60]}))
    page.post(f"{page.photo}/events", {**STROKE, "layer": "source"})
    for _ in range(2):
        page.post(f"{page.photo}/undo")
    return everything(page)


def everything(page):
    about = page.get(page.photo)
    kept = {name: about[name] for name in ("cursor", "count", "mask", "saved", "events")}
    return kept, page.tile(page.photo, "now"), page.tile(page.photo, "before"), page.mask(page.photo)


def same(one, other):
    assert one[0] == other[0]
    for before, after in zip(one[1:], other[1:], strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_restarted_server_is_where_the_last_one_was_with_port_and_token(open_page, photo_file):
    page = open_page(photo_file)
    known = work_on(page)
    port, token = page.port, page.session.token
    page.close()
    page = open_page(photo_file)
    assert (page.session.token, page.session.folder.stat().st_mode & 0o777) == (token, 0o700)
    assert json.loads((page.session.folder / "session.json").read_text())["port"] == page.port != 0
    assert port
    same(everything(page), known)
    states = []
    for _ in range(2):
        page.post(f"{page.photo}/redo")
        states.append(everything(page)[1:])
    assert page.mask(page.photo, "source").any()
    for state in (states[0], known[1:]):
        page.post(f"{page.photo}/undo")
        for found, wanted in zip(everything(page)[1:], state, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_what_was_sent_is_there_again(open_page, photo_file):
    page = open_page(None)
    sent = page.http.post("/api/photos", files={"file": ("cat.png", photo_file.read_bytes())}).json()
    page.post(f"/photos/{sent['id']}/events", STROKE)
    mask = page.mask(f"/photos/{sent['id']}")
    page.close()
    page = open_page(None)
    listed = page.get("/state")["photos"]
    assert [(photo["id"], photo["name"]) for photo in listed] == [(sent["id"], "cat.png")]
    np.testing.assert_array_equal(page.mask(f"/photos/{sent['id']}"), mask)


def journal_of(page):
    return page.session.photo_folder(page.photo.rpartition("/")[2]) / "journal.jsonl"


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "empty"])
def test_a_damaged_line_costs_only_itself_and_is_reported(open_page, photo_file, damage):
    page = open_page(photo_file)
    corner = {"type": "rect", "box": [0, 0, 10, 10]}
    for event in (corner, {"type": "rect", "box": [50, 50, 10, 10]}, {"type": "rect", "box": [80, 0, 10, 10]}):
        page.post(f"{page.photo}/events", event)
    journal = journal_of(page)
    page.close()
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) == 3
    line = lines[1]
    lines[1] = {
        "cut": line[: len(line) // 2] + b"\n",
        "flipped": line.replace(b"50", b"51", 1),
        "foreign": b"\xff\xfe not ours\n",
        "empty": b"{}\n",
    }[damage]
    journal.write_bytes(b"".join(lines))
    page = open_page(photo_file)
    about = page.get(page.photo)
    assert about["notices"] == ["1 line of the journal cannot be read, and what was done there is lost"]
    wanted = np.zeros((90, 120), bool)
    wanted[:10, :10] = wanted[:10, 80:90] = True
    np.testing.assert_array_equal(page.mask(page.photo), wanted)


def test_a_half_written_last_line_does_not_spoil_the_next_one(open_page, photo_file):
    page = open_page(photo_file)
    for left in (0, 20):
        page.post(f"{page.photo}/events", {"type": "rect", "box": [left, 0, 10, 10]})
    journal = journal_of(page)
    page.close()
    journal.write_bytes(journal.read_bytes()[:-30])
    page = open_page(photo_file)
    assert page.get(page.photo)["cursor"] == 1
    page.post(f"{page.photo}/events", {"type": "rect", "box": [40, 0, 10, 10]})
    page.close()
    page = open_page(photo_file)
    assert page.get(page.photo)["cursor"] == 2
    assert page.mask(page.photo)[0, [5, 25, 45]].tolist() == [True, False, True]


def test_a_lost_or_damaged_fill_costs_only_itself(open_page, photo_file):
    page = open_page(photo_file)
    pictures = []
    for left in (0, 50):
        page.post(f"{page.photo}/events", {"type": "rect", "box": [left, 0, 10, 10]})
        page.job(page.post(f"{page.photo}/fill", {"method": "harmonic"}))
        pictures.append(page.tile(page.photo, "now"))
    fills = sorted(journal_of(page).parent.glob("fill-*.npz"))
    page.close()
    fills[0].write_bytes(fills[0].read_bytes()[:100])
    page = open_page(photo_file)
    assert len(page.get(page.photo)["notices"]) == 1
    assert "a fill of the journal is lost" in page.get(page.photo)["notices"][0]
    now, original = page.tile(page.photo, "now"), inpaintkit.read(photo_file)
    np.testing.assert_array_equal(now[:, :30], original[:, :30])
    np.testing.assert_array_equal(now[:, 30:], pictures[1][:, 30:])
    assert page.mask(page.photo)[:10, :10].all()  # what was to be filled there is painted as before


def test_files_of_what_was_cut_off_are_removed(page):
    page.post(f"{page.photo}/events", STROKE)
    page.job(page.post(f"{page.photo}/fill", {"method": "telea"}))
    folder = journal_of(page).parent
    assert len(list(folder.glob("fill-*"))) == 1
    page.post(f"{page.photo}/undo")
    page.post(f"{page.photo}/events", {"type": "invert"})
    assert not list(folder.glob("fill-*"))


def test_a_picture_that_changed_on_the_disk_begins_anew_and_says_so(open_page, photo_file):
    page = open_page(photo_file)
    page.post(f"{page.photo}/events", STROKE)
    inpaintkit.write(photo_file, noise(seed=5))
    notices = page.get(page.photo)["notices"]
    assert notices == ["photo.png has changed on the disk since it was opened: what is shown is what was opened"]
    status, error = page.refused(f"{page.photo}/save", {"where": "in_place"})
    assert status == 409
    assert "has changed on the disk" in error
    page.close()
    page = open_page(photo_file)
    about = page.get(page.photo)
    assert (about["count"], len(about["notices"])) == (0, 1)
    assert "has changed on the disk since it was last open here" in about["notices"][0]
    np.testing.assert_array_equal(page.tile(page.photo, "now"), noise(seed=5))
    assert (journal_of(page).parent / "aside-1" / "journal.jsonl").exists()
    photo_file.unlink()
    assert page.get(page.photo)["notices"][-1] == "photo.png is no longer on the disk: save a copy"
    page.close()
    page = open_page(photo_file.parent)
    answer = page.http.post("/api/photos", json={"path": "photo.png"})
    assert answer.status_code == 404
    assert "no such file" in answer.json()["error"]


def test_the_same_file_under_a_new_date_is_the_same(open_page, photo_file):
    page = open_page(photo_file)
    page.post(f"{page.photo}/events", STROKE)
    page.close()
    os.utime(photo_file, (0, 0))
    page = open_page(photo_file)
    assert page.get(page.photo)["count"] == 1
    assert page.get(page.photo)["notices"] == []


def test_old_sessions_go_and_those_in_use_stay(open_page, photo_file):
    page = open_page(photo_file)
    page.close()
    used = open_page(photo_file.parent)
    old = time.time() - 31 * 24 * 3600
    for folder in root().iterdir():
        for path in (folder, folder / "session.json"):
            os.utime(path, (old, old))
    remove_old()
    assert [folder.name for folder in root().iterdir()] == [used.session.folder.name]


def test_old_photos_go_from_a_session_in_use(open_page, photo_file):
    page = open_page(None)
    sent = [
        page.http.post("/api/photos", files={"file": ("a.png", photo_file.read_bytes())}).json()["id"] for _ in "ab"
    ]
    folder = page.session.folder / "photos" / sent[0]
    page.close()
    old = time.time() - 31 * 24 * 3600
    os.utime(folder, (old, old))
    page = open_page(None)
    assert [photo["id"] for photo in page.get("/state")["photos"]] == sent[1:]
    assert not folder.exists()


def test_a_token_of_ones_own(monkeypatch, tmp_path):
    monkeypatch.setenv("INPAINTKIT_SESSIONS", str(tmp_path))
    monkeypatch.setenv("INPAINTKIT_TOKEN", "mine-and-long-enough")
    session = Session(None)
    session.started(1, "")
    assert session.token == session.token_file.read_text().strip() == "mine-and-long-enough"
    assert session.token_file.stat().st_mode & 0o777 == 0o600
    session.close()
    for wrong in ("short", "with a space and more", "with;semicolon;and;more"):
        monkeypatch.setenv("INPAINTKIT_TOKEN", wrong)
        with pytest.raises(ValueError, match="INPAINTKIT_TOKEN"):
            Session(None)


class Command:
    """The command as a process of its own."""

    def __init__(self, *words, folder: Path) -> None:
        environment = {**os.environ, "INPAINTKIT_SESSIONS": str(folder), "INPAINTKIT_TOKEN": ""}
        command = [sys.executable, "-m", "inpaintkit", "ui", "--no-open", *map(str, words)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)
        self.address = self.process.stdout.readline().strip()

    def http(self):
        match = re.fullmatch(r"(http://127\.0\.0\.1:\d+)/\?token=(\S+)", self.address)
        assert match, self.address + self.process.stderr.read()
        return httpx.Client(base_url=match[1], headers={"Authorization": f"Bearer {match[2]}"}, timeout=60)

    def end(self, number: int) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@pytest.fixture
def start(tmp_path):
    started = []

    def command(*words):
        started.append(Command(*words, folder=tmp_path / "sessions"))
        return started[-1]

    yield command
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.communicate()


def test_a_killed_server_loses_nothing_and_its_tab_finds_the_next_one(start, photo_file, tmp_path):
    first = start(photo_file)
    with first.http() as http:
        photo = f"/api/photos/{http.get('/api/state').json()['current']}"
        for left in range(5):
            assert http.post(f"{photo}/events", json={"type": "rect", "box": [20 * left, 9, 9, 9]}).status_code == 200
        events = http.get(photo).json()["events"]
        assert len(events) == 5
        first.end(signal.SIGKILL)  # with nothing said to it
    second = start(photo_file)
    assert second.address == first.address  # port and token
    with second.http() as http:
        assert http.get(photo).json()["events"] == events
        other = start(photo_file)
        assert other.address == second.address
        assert "served already" in other.process.communicate(timeout=20)[1]
        assert other.process.returncode == 0
        token = next((tmp_path / "sessions").glob("*/token"))
        assert token.stat().st_mode & 0o777 == 0o600
        with http.stream("GET", "/api/events") as listening:  # which must not hold up the end
            assert next(listening.iter_lines()) == "retry: 1000"
            began = time.monotonic()
            status, out, err = second.end(signal.SIGINT)
    assert status == 0, err
    assert time.monotonic() - began < 5
    assert out == ""
    lines = err.splitlines()
    assert str(token) in lines[0]
    assert lines[1] == "inpaintkit: the page is closed; strokes and fills are kept for 30 days"
    assert len(lines) == 2


def test_another_host_is_warned_of_and_a_taken_port_is_one_line(start, tmp_path):
    first = start("--host", "0.0.0.0")
    port = re.search(r":(\d+)/", first.address)[1]
    environment = {**os.environ, "INPAINTKIT_SESSIONS": str(tmp_path / "others")}
    command = [sys.executable, "-m", "inpaintkit", "ui", "--no-open", "--port", port]
    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (second.returncode, second.stdout) == (2, "")
    assert re.fullmatch(rf"inpaintkit: 127\.0\.0\.1:{port} cannot be listened on: .*\n", second.stderr)
    _, _, err = first.end(signal.SIGTERM)
    assert "warning: 0.0.0.0 can be reached by others" in err


def test_without_the_extra_the_command_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['starlette'] = None; from inpaintkit.cli import main; main(['ui', '--no-open'])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("inpaintkit: the page needs ")
    assert result.stderr.endswith('which is not installed: pip install "inpaintkit[ui]"\n')
    assert len(result.stderr.splitlines()) == 1


def test_what_was_found_and_fills_to_choose_from_outlive_the_server(open_page, tmp_path):
    picture = noise()
    picture[10:20, 20:40] = picture[50:60, 70:80] = 255
    inpaintkit.write(tmp_path / "photo.png", picture)
    page = open_page(tmp_path / "photo.png")
    found = page.job(page.post(f"{page.photo}/find", {"kind": "colour", "colour": "#ffffff"}))["result"]
    dropped = page.post(f"{page.photo}/find/{found['find']}", {"toggle": [75, 55]})
    assert dropped["accepted"] == found["accepted"] - 1
    page.post(f"{page.photo}/events", STROKE)
    job = page.post(f"{page.photo}/fill", {"methods": ["telea", "harmonic"]})
    page.job(job)
    which = [f"find-{found['find']}", f"candidate-{job['job']}-0", f"candidate-{job['job']}-1"]
    known = page.get(page.photo)
    assert known["find"]["accepted"] == dropped["accepted"]
    tiles = [page.tile(page.photo, name) for name in which]
    mask = page.mask(page.photo)
    page.close()
    page = open_page(tmp_path / "photo.png")
    again = page.get(page.photo)
    assert (again["find"], again["offer"]) == (known["find"], known["offer"])
    assert [each["label"] for each in again["offer"]["candidates"]] == ["telea", "harmonic"]
    for name, tile in zip(which, tiles, strict=True):
        np.testing.assert_array_equal(page.tile(page.photo, name), tile)
    page.post(f"{page.photo}/choose", {"job": job["job"], "k": 1})
    wanted = inpaintkit.inpaint(picture, mask, "harmonic")
    np.testing.assert_array_equal(page.tile(page.photo, "now"), wanted)
    assert page.get(page.photo)["offer"] is None
    page.post(f"{page.photo}/events", {"type": "pieces", "find": found["find"]})
    assert page.mask(page.photo)[15, 30]
    assert not page.mask(page.photo)[55, 75]


def test_fills_to_choose_from_do_not_fit_another_picture_even_after_a_restart(open_page, photo_file):
    page = open_page(photo_file)
    page.post(f"{page.photo}/events", STROKE)
    job = page.post(f"{page.photo}/fill", {"methods": ["telea", "harmonic"]})["job"]
    page.job({"job": job})
    page.job(page.post(f"{page.photo}/fill", {"method": "biharmonic"}))
    page.close()
    page = open_page(photo_file)
    assert page.get(page.photo)["offer"] is None
    status, error = page.refused(f"{page.photo}/choose", {"job": job, "k": 0})
    assert (status, "has changed" in error) == (409, True)
    page.post(f"{page.photo}/undo")
    assert page.get(page.photo)["offer"]["job"] == job


@pytest.mark.parametrize("name", ["found.npz", "found-accepted.json", "offer.json", "offer-*.npz"])
def test_a_damaged_search_or_offer_costs_only_itself(open_page, tmp_path, name):
    picture = noise()
    picture[10:20, 20:40] = 255
    inpaintkit.write(tmp_path / "photo.png", picture)
    page = open_page(tmp_path / "photo.png")
    page.job(page.post(f"{page.photo}/find", {"kind": "colour", "colour": "#ffffff"}))
    page.post(f"{page.photo}/events", STROKE)
    page.job(page.post(f"{page.photo}/fill", {"methods": ["telea", "harmonic"]}))
    mask, folder = page.mask(page.photo), journal_of(page).parent
    page.close()
    for path in folder.glob(name):
        path.write_bytes(path.read_bytes()[:20])
    page = open_page(tmp_path / "photo.png")
    np.testing.assert_array_equal(page.mask(page.photo), mask)
    about = page.get(page.photo)
    assert (about["find"] is None, about["offer"] is None) == (name.startswith("found"), name.startswith("offer"))
