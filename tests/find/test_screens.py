"""Pages printed in dots, lines or grains: none of it is proposed, captions on them are, and the search stays small."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import find_mask, write
from inpaintkit.benchmarks.studies import damage
from inpaintkit.errors import LargeFindWarning
from inpaintkit.find import letters, lines
from inpaintkit.find.screens import screen_of
from inpaintkit.masks import grow

SHAPE = (240, 320)


def tones(shape=SHAPE):
    """Soft tones from 0.1 to 0.9, and a face's."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    soft = 0.5 + 0.4 * np.sin(5 * x / shape[1] + 1) * np.cos(4 * y / shape[0])
    face = cv2.resize(skimage.data.astronaut()[:240, 120:360, 1], shape[::-1]) / 255
    return np.where(x < shape[1] // 2, soft, face)


def dotted(angle, lines_per_300, tone=None):
    """Clustered dots on a square lattice: ``lines_per_300`` rows of them on 300 px."""
    tone = tones() if tone is None else tone
    y, x = np.indices(tone.shape)
    across, down = (
        np.cos(2 * np.pi * lines_per_300 / 300 * (x * np.cos(turn) + y * np.sin(turn)))
        for turn in np.deg2rad((angle, angle + 90))
    )
    spot = across + down
    level = np.searchsorted(np.sort(spot, axis=None), spot) / spot.size
    return np.where(level < tone, 255, 0).astype(np.uint8)


def ruled(angle, lines_per_300):
    y, x = np.indices(SHAPE)
    phase = lines_per_300 / 300 * (x * np.cos(np.deg2rad(angle)) + y * np.sin(np.deg2rad(angle))) % 1
    return np.where(2 * np.abs(phase - 0.5) < tones(), 255, 0).astype(np.uint8)


def stochastic(grain):
    chance = np.random.default_rng(7).random((SHAPE[0] // grain, SHAPE[1] // grain)).repeat(grain, 0).repeat(grain, 1)
    return np.where(chance < tones(), 255, 0).astype(np.uint8)


def diffused():
    """Floyd and Steinberg's error diffusion."""
    tone = np.pad(tones(), 1)
    for i in range(1, SHAPE[0] + 1):
        for j in range(1, SHAPE[1] + 1):
            off = tone[i, j] - (tone[i, j] > 0.5)
            tone[i, j] -= off
            for down, right, share in ((0, 1, 7), (1, -1, 3), (1, 0, 5), (1, 1, 1)):
                tone[i + down, j + right] += off * share / 16
    return np.rint(255 * tone[1:-1, 1:-1]).clip(0, 255).astype(np.uint8)


def scanned(page, blur=1.2, quality=80):
    soft = cv2.GaussianBlur(page, (0, 0), blur)
    return cv2.imdecode(cv2.imencode(".jpg", soft, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_UNCHANGED)


def in_colour(angle, lines_per_300):
    """Cyan, magenta and yellow, each at an angle of its own."""
    return np.stack([dotted(angle + turn, lines_per_300) for turn in (15, 75, 0)], axis=2)


def wall():
    """Bricks in running bond."""
    y, x = np.indices(SHAPE)
    course = y // 12
    joint = (y % 12 < 2) | ((x + 15 * (course % 2)) % 30 < 2)
    return np.where(joint, 215, 120).astype(np.uint8)


def fence():
    x = np.indices(SHAPE)[1]
    return np.where(x % 14 < 8, 235, 40).astype(np.uint8)


def fabric():
    y, x = np.indices(SHAPE)
    return np.rint(128 + 60 * np.sin(2 * np.pi * x / 7) + 60 * np.sin(2 * np.pi * y / 7)).astype(np.uint8)


@pytest.mark.parametrize("lines_per_300", [20, 27, 35, 43, 50, 65])
@pytest.mark.parametrize("angle", [0, 15, 30, 45])
def test_dots_at_any_angle_and_pitch_are_no_damage(angle, lines_per_300):
    page = dotted(angle, lines_per_300)
    for picture in (page, scanned(page)):
        assert find_mask(picture).mean() < 0.02
        assert find_mask(picture, "scratches").mean() < 0.05
        assert find_mask(picture, "dust").mean() < 0.01


@pytest.mark.parametrize(
    "page",
    [
        *(pytest.param(lambda a=a: ruled(a, 40), id=f"lines at {a}") for a in (0, 45, 90)),
        pytest.param(lambda: stochastic(1), id="grain of 1 px"),
        pytest.param(lambda: stochastic(2), id="grain of 2 px"),
        pytest.param(lambda: scanned(stochastic(1), 0.6), id="scanned grain"),
        pytest.param(diffused, id="error diffusion"),
        pytest.param(lambda: in_colour(0, 40), id="colour"),
        pytest.param(lambda: in_colour(0, 30), id="coarse colour"),
        pytest.param(lambda: scanned(in_colour(0, 40)), id="scanned colour"),
        pytest.param(lambda: dotted(45, 40, np.full(SHAPE, 0.2)), id="light tint"),
        pytest.param(lambda: dotted(45, 40, np.full(SHAPE, 0.5)), id="middle tint"),
        pytest.param(lambda: dotted(30, 30, np.full(SHAPE, 0.85)), id="dark tint"),
        pytest.param(wall, id="bricks"),
        pytest.param(fence, id="fence"),
        pytest.param(fabric, id="fabric"),
    ],
)
@pytest.mark.parametrize("kind", ["text", "scratches", "dust"])
def test_other_screens_and_dense_patterns_are_no_damage(page, kind):
    assert find_mask(page(), kind).mean() < 0.065


@pytest.mark.parametrize("page", [lambda: dotted(45, 40), lambda: scanned(dotted(30, 50), 0.7), lambda: ruled(45, 40)])
@pytest.mark.parametrize("colour", [(255, 232, 60), (230, 30, 30)])
def test_a_coloured_caption_on_a_screen_is_found(page, colour):
    print_in_grey = np.repeat(page()[..., None], 3, axis=2)
    damaged, truth = damage.caption(print_in_grey, style=damage.Style(28, "pillow", colour), seed=3)[:2]
    mask = find_mask(damaged)
    assert np.count_nonzero(mask & truth) > 0.9 * truth.sum()
    assert np.count_nonzero(mask & grow(truth, 2)) > 0.7 * mask.sum()


@pytest.mark.parametrize("kind", ["scratches", "dust"])
def test_photographs_are_searched_as_ever(kind):
    photo = skimage.data.chelsea()[:240, :320]
    damaged, truth = (damage.scratched if kind == "scratches" else damage.dusty)(photo, seed=5)
    assert np.count_nonzero(find_mask(damaged, kind) & truth) > 0.5 * truth.sum()


@pytest.mark.parametrize(
    "name", ["astronaut", "coffee", "chelsea", "rocket", "coins", "brick", "grass", "gravel", "page"]
)
def test_photographs_are_no_screens(name):
    photo = getattr(skimage.data, name)()
    assert not screen_of(photo.reshape(*photo.shape[:2], -1))


def test_a_page_of_letters_is_no_screen():
    page, words = np.full((300, 400, 1), 255, np.uint8), "nine hundred men on a moon "
    for row in range(12):
        cv2.putText(page, words[row % 5 :] + words, (5, 20 + 24 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0, 2)
    assert not screen_of(page)


@pytest.mark.parametrize("finish", [lambda page: page, lambda page: scanned(page, 0.7)])
def test_work_and_memory_stay_small_per_pixel(finish, monkeypatch):
    made, of = [], lines._line
    monkeypatch.setattr(lines, "_line", lambda *given: made.append(1) or of(*given))
    find_mask(finish(dotted(45, 40)))  # what is compiled or imported is not counted
    for shape in ((200, 300), (400, 600)):
        page = finish(dotted(45, 40, tones(shape)))
        made.clear()
        tracemalloc.start()
        find_mask(page)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 250 * page.size  # bytes
        assert len(made) < page.size / 500  # lines that are looked at


def test_a_texture_of_ever_more_lines_ends_with_the_likeliest(monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINES", 40)
    made, of = [], lines._line
    monkeypatch.setattr(lines, "_line", lambda *given: made.append(1) or of(*given))
    find_mask(stochastic(1))
    assert 0 < len(made) <= 40 * (4 + 2 * 8) * 2  # four searches for colours, two layers of each, purified once


def test_a_line_of_a_thousand_letters_is_a_texture():
    page = np.full((30, 9200), 255, np.uint8)
    for column in range(4, 9190, 9):
        page[10 : 18 if column % 2 else 19, column : column + 3] = 0
    table = letters.zones(page[..., None])
    assert len(table) > 1000
    assert lines.joined(table, 1, 28, -9.0) == []
    assert lines.joined(letters.zones(page[:, :8000, None]), 1, 28, -9.0) != []


def sign():
    """Nothing but large letters with outlines and shadows."""
    style = damage.Style(40, "pillow", (255, 232, 60), outline=3, shadow=3)
    drawn, truth = damage.caption(np.full((120, 400, 3), 120, np.uint8), lines=2, style=style, seed=1)[:2]
    rows = np.flatnonzero(truth.any(axis=1))
    return drawn[rows[0] : rows[-1] + 1]


def test_what_would_hide_too_much_is_refused_with_a_sentence_and_accepted_where_it_is_placed():
    letters = sign()
    height, width = letters.shape[:2]
    with pytest.warns(LargeFindWarning, match=r"\d+% of the picture passes for text, more than 55%.*inside") as caught:
        assert not find_mask(letters).any()
    assert caught[0].filename == __file__
    whole = find_mask(letters, inside=(0, 0, width, height))
    assert whole.mean() > 0.55
    left = find_mask(letters, exclude=(width // 2, 0, width, height))  # what is left is little enough
    assert np.array_equal(left, whole & (np.arange(width) < width // 2))
    with pytest.warns(LargeFindWarning, match="for text"):
        mask, info = find_mask(letters, "auto", return_info=True)
    assert not any(one.kind == "text" for one in info.found)
    assert mask.mean() < 0.1  # scratches and dust, if any


def test_the_command_leaves_such_a_picture_alone_and_says_why(run, tmp_path):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "sign.png", sign())
    log = tmp_path / "log.jsonl"
    line = ["fill", tmp_path / "in", "--find", "text", "-o", tmp_path / "out", "--method", "telea", "--log", log]
    assert run(*line)[0] == 1
    assert not (tmp_path / "out" / "sign.png").exists()
    assert "of the picture passes for damage" in log.read_text("utf-8")
    one = ["fill", tmp_path / "in" / "sign.png", "--find", "text", "-o", tmp_path / "one.png", "--method", "telea"]
    status, _, said = run(*one)
    assert status != 0
    assert "of the picture passes for damage" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "one.png").exists()
    assert run(*one[:-3], tmp_path / "two.png", "--method", "telea", "--inside", "0,0,9999,9999")[0] == 0
    assert (tmp_path / "two.png").read_bytes() != (tmp_path / "in" / "sign.png").read_bytes()
