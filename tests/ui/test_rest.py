"""What docs/rest.md tells programs, with the curl lines as they stand there."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image
from served import noise, registered, takes_files

import inpaintkit
from conftest import ROOT
from inpaintkit import masks

HOLE = masks.rect((90, 120), (40, 30, 20, 16))
SOURCE = ~masks.rect((90, 120), (0, 0, 120, 20))


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "rest.md").read_text(), re.DOTALL)


@pytest.fixture
def files(tmp_path):
    """What the examples name, and the folder that is opened."""
    for name in ("photo.png", "photos/cat.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        inpaintkit.write(tmp_path / name, noise())
    Image.fromarray(noise()).save(tmp_path / "photo.jpg", dpi=(300, 300))
    inpaintkit.write(tmp_path / "mask.png", HOLE.astype(np.uint8) * np.uint8(255))
    inpaintkit.write(
        tmp_path / "source.png", (~masks.rect((90, 120), (0, 0, 120, 20))).astype(np.uint8) * np.uint8(255)
    )
    return tmp_path


def test_the_curl_lines_of_the_guide_run(open_page, files, monkeypatch):
    assert shutil.which("curl"), "install curl: the guide's examples are its lines"
    monkeypatch.setenv("INPAINTKIT_TOKEN", "a-token-of-the-tests")
    page = open_page(files / "photos")
    examples = [block.replace(":8123", f":{page.port}") for block in blocks()]
    assert "inpaintkit ui photos --no-open" in examples[0]  # which has been done here
    lines = [line for example in examples[1:] for line in example.splitlines()]
    assert sum(line.count("curl ") for line in lines) >= 14
    script = "set -euxo pipefail\n" + "\n".join(lines)
    result = subprocess.run(["bash", "-c", script], cwd=files, capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stderr
    repaired = inpaintkit.read(files / "repaired.png")
    np.testing.assert_array_equal(repaired[~HOLE], noise()[~HOLE])
    assert "telea" in [method["name"] for method in json.loads((files / "methods.json").read_text())]
    assert (files / "events.txt").read_text().startswith("retry: 1000\n\nevent: job\n")
    assert page.mask(f"/photos/{page.get('/state')['folder']['photos'][0]['id']}").shape == (90, 120)


def sent(page, path="/fill", **more):
    return page.http.post(f"/api{path}", **more)


def picture_of(answer):
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def test_a_fill_keeps_the_files_format_and_what_it_says(page, files):
    form = {"picture": (files / "photo.jpg").open("rb"), "mask": (files / "mask.png").open("rb")}
    answer = sent(page, files=form, data={"method": "harmonic"})
    filled = picture_of(answer)
    assert (filled.format, filled.info["dpi"]) == ("JPEG", (300, 300))
    assert answer.headers["content-disposition"].startswith('attachment; filename="photo_repaired.jpg"')
    said = json.loads(answer.headers["inpaintkit-said"])
    assert said[0].startswith("harmonic: 320 px in 1 regions")


def test_a_fill_is_inpaints(page, files):
    form = {"picture": (files / "photo.png").open("rb"), "mask": (files / "mask.png").open("rb")}
    data = {"method": "criminisi", "options": '{"patch": 5}', "dilate": "2"}
    answer = sent(page, files={**form, "source": (files / "source.png").open("rb")}, data=data)
    wanted = inpaintkit.inpaint(noise(), HOLE, "criminisi", patch=5, source=SOURCE, dilate=2)
    np.testing.assert_array_equal(np.asarray(picture_of(answer)), wanted)


def test_a_fill_by_strokes(page, files):
    strokes = [{"type": "stroke", "points": [[20, 30], [90, 41.5]], "width": 9}, {"type": "grow", "radius": 1}]
    data = {"method": "telea", "strokes": json.dumps(strokes)}
    answer = sent(page, files={"picture": (files / "photo.png").open("rb")}, data=data)
    hole = masks.grow(masks.stroke((90, 120), [(20, 30), (90, 41.5)], 9), 1)
    np.testing.assert_array_equal(np.asarray(picture_of(answer)), inpaintkit.inpaint(noise(), hole, "telea"))


@pytest.mark.parametrize(
    ("names", "data", "text"),
    [
        ((), {}, "send the picture as the part 'picture'"),
        (("picture",), {}, "send either a mask"),
        (("picture", "mask"), {"strokes": "[]"}, "send either a mask"),
        (("picture",), {"strokes": "[]"}, "strokes are a list of events"),
        (("picture",), {"strokes": "["}, "expected JSON"),
        (("picture",), {"strokes": '[{"type": "wand", "point": [1, 1], "tolerance": 0}]'}, "belongs to the page"),
        (("picture", "mask"), {"method": "none"}, "there is no method 'none'"),
        (("picture", "mask"), {"mehtod": "telea"}, "there is no field 'mehtod'"),
        (("picture", "mask"), {"options": "[1]"}, "expected an object"),
        (("picture", "mask"), {"method": "telea", "options": '{"radius": -1}'}, "radius"),
        (("picture", "mask"), {"method": "telea", "options": '{"size": 1}'}, "has no option 'size'"),
        (("picture", "mask"), {"method": "files", "options": '{"checkpoint": "x"}'}, "names a file"),
        (("picture", "mask"), {"seed": "-1"}, "seed is -1"),
        (("picture", "mask"), {"dilate": "x"}, "expected JSON"),
        (("picture", "mask"), {"format": "gif"}, "the format is 'gif'"),
        (("picture", "mask", "source"), {"method": "telea"}, "telea takes no picture 'source'"),
        (("mask", "text"), {}, "text.png"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_one_line(page, files, names, data, text):
    form = {name: (files / f"{name}.png".replace("picture", "photo")).read_bytes() for name in names if name != "text"}
    form |= {"picture": ("text.png", b"no picture")} if "text" in names else {}
    with registered("files", takes_files):
        answer = sent(page, files=form or {"other": b""}, data=data)
    assert answer.status_code == 422
    assert text in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_a_mask_of_another_size_says_both_sizes(page, files):
    inpaintkit.write(files / "small.png", np.full((9, 9), 255, np.uint8))
    form = {"picture": (files / "photo.png").open("rb"), "mask": (files / "small.png").open("rb")}
    error = sent(page, files=form).json()["error"]
    assert "(9, 9)" in error
    assert "(90, 120)" in error


def test_a_job_without_a_file_says_so(page):
    page.post(f"{page.photo}/events", {"type": "rect", "box": [40, 30, 20, 16]})
    answer = page.post(f"{page.photo}/fill", {"method": "telea"})
    page.job(answer)
    found = page.http.get(f"/api/jobs/{answer['job']}/file")
    assert (found.status_code, found.json()["error"]) == (404, f"the job {answer['job']} has no file (done)")


def test_events_are_sent_as_they_happen(page):
    with page.http.stream("GET", "/api/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == "retry: 1000"
        page.post(f"{page.photo}/events", {"type": "rect", "box": [40, 30, 20, 16]})
        page.post(f"{page.photo}/fill", {"method": "telea"})
        heard, name = [], ""
        for line in lines:
            kind, _, content = line.partition(": ")
            name = content if kind == "event" else name
            if kind == "data":
                heard.append((name, json.loads(content)))
                if name == "job" and heard[-1][1]["state"] == "done":
                    break
    changes = [content["changed"] for name, content in heard if name == "photo"]
    assert changes == [{"mask": [40, 30, 20, 16]}, {"picture": [40, 30, 20, 16], "mask": [40, 30, 20, 16]}]
    states = [content["state"] for name, content in heard if name == "job"]
    assert states[0] in ("waiting", "running")
    assert states[-1] == "done"
