"""Options that mark pixels of the whole picture: from any mask or file to the part that a crop shows."""

from __future__ import annotations

import json

import numpy as np
import pytest
import skimage.data
from PIL import Image

from inpaintkit import inpaint, read, write
from inpaintkit.picture import PictureColours, PictureLabels, PictureMask
from inpaintkit.problem import Problem


def marking(problem, *, marks: PictureMask | None = None):
    """Fill white where marked, else black."""
    filled = problem.image.copy()
    filled[problem.hole] = 0
    if marks:
        filled[problem.hole & problem.part(marks.pixels)] = 1
    return filled


@pytest.fixture
def picture():
    rng = np.random.default_rng(0)
    hole = np.zeros((300, 400), bool)
    for y, x in ((0, 0), (20, 350), (260, 10), (290, 390)):  # several crops
        hole[y : y + 9, x : x + 9] = True
    image = np.full(hole.shape, 100, np.uint8)
    image[150], image[151] = 0, 255  # the range that a method's 0 and 1 stand for
    return image, hole, rng.random(hole.shape) < 0.5


@pytest.mark.parametrize(
    "kind",
    [
        lambda marks: marks,
        lambda marks: marks.astype(np.uint8) * 255,
        lambda marks: marks.astype(float)[..., None],
        lambda marks: Image.fromarray(marks),
        PictureMask,
    ],
)
def test_every_crop_sees_its_part_of_any_mask(toy, picture, kind):
    image, hole, marks = picture
    result, info = inpaint(image, hole, toy(marking), marks=kind(marks), return_info=True)
    assert len(info.regions) > 1
    assert np.array_equal(result, np.where(hole, np.where(marks, 255, 0), image))
    assert (inpaint(image, hole, "toy")[hole] == 0).all()


def test_info_holds_it_for_another_run_and_shows_it_in_a_line(toy, picture):
    image, hole, marks = picture
    result, info = inpaint(image, hole, toy(marking), marks=marks, return_info=True)
    options = info.regions[0].options
    assert repr(options) == f"{{'marks': PictureMask(300 x 400, {np.count_nonzero(marks)} marked)}}"
    assert np.array_equal(inpaint(image, hole, "toy", **options), result)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((300, 401), bool), r"toy's option marks is \(300, 401\), image is \(300, 400\): resize one"),
        (np.full((300, 400), 3.5), "toy's option marks is no PictureMask: mask holds floats"),
        ("marks.png", "toy's option marks is no PictureMask: mask is str"),
        (True, "toy's option marks is no PictureMask"),
    ],
)
def test_what_is_no_mask_or_of_another_size_is_refused(toy, picture, wrong, message):
    image, hole, _ = picture
    with pytest.raises(ValueError, match=message):
        inpaint(image, hole, toy(marking), marks=wrong)


def test_a_problem_made_by_hand_is_the_whole_picture():
    image, hole = np.zeros((4, 5, 1), np.float32), np.eye(4, 5, dtype=bool)
    problem = Problem.create(image, hole)
    assert np.array_equal(problem.part(np.arange(20).reshape(4, 5)), np.arange(20).reshape(4, 5))
    cut = Problem.create(image, hole, origin=(2, 3))
    whole = np.arange(200).reshape(10, 10, 2)
    assert np.array_equal(cut.part(whole), whole[2:6, 3:8])
    with pytest.raises(ValueError, match="not as large as the picture"):
        cut.part(np.zeros((5, 9)))


@pytest.fixture
def files(tmp_path):
    photo = skimage.data.chelsea()[:90, :120]
    hole = np.zeros((90, 120), bool)
    hole[30:42, 20:100] = True
    barriers = np.zeros((90, 120), bool)
    barriers[20:50, 60:62] = True
    (tmp_path / "photos").mkdir()
    for name, pixels in (
        ("photo", photo),
        ("photos/a", photo),
        ("mask", hole.astype(np.uint8) * 255),
        ("barriers", barriers.astype(np.uint8) * 255),
        ("half", barriers[::2, ::2].astype(np.uint8) * 255),
    ):
        write(tmp_path / f"{name}.png", pixels)
    return tmp_path, photo, hole, barriers


def test_the_command_takes_a_file(run, files):
    folder, photo, hole, barriers = files
    line = ["fill", folder / "photo.png", "--mask", folder / "mask.png", "-o", folder / "out.png"]
    line += ["--method", "oliveira", "--save-config", folder / "fill.toml"]
    assert run(*line)[0] == 0
    assert np.array_equal(read(folder / "out.png"), inpaint(photo, hole, "oliveira"))
    status, _, err = run(*line, "--barriers", folder / "barriers.png", "-v")
    assert status == 0
    assert "oliveira: " in err
    assert "True" in err  # converged, among the facts
    assert "[" not in err  # and no array
    expected = inpaint(photo, hole, "oliveira", barriers=barriers)
    assert np.array_equal(read(folder / "out.png"), expected)
    assert not np.array_equal(expected, inpaint(photo, hole, "oliveira"))

    again = ["fill", folder / "photo.png", "-o", folder / "again.png", "--mask", folder / "mask.png"]
    assert run(*again, "--config", folder / "fill.toml")[0] == 0
    assert np.array_equal(read(folder / "again.png"), expected)
    assert "--barriers FILE" in run("fill", "--method", "oliveira", "--help")[1]


def test_the_command_takes_one_file_for_a_folder(run, files):
    folder, photo, hole, barriers = files
    write(folder / "photos" / "b.png", photo[:60])
    line = ["fill", folder / "photos", "--mask", folder / "mask.png", "--method", "oliveira"]
    line += ["--barriers", folder / "barriers.png"]
    log = folder / "log.jsonl"
    status, _, err = run(*line, "-o", folder / "out", "--log", log)
    assert status == 1
    assert "mask is (90, 120), image is (60, 120)" in err
    assert np.array_equal(read(folder / "out" / "a.png"), inpaint(photo, hole, "oliveira", barriers=barriers))
    assert {json.loads(text)["status"] for text in log.read_text().splitlines()} == {"done", "failed"}
    assert run(*line, "-o", folder / "scaled", "--resize-mask", "--jobs", 2)[0] == 0


def test_the_command_names_the_size_and_the_cure(run, files):
    folder, photo, hole, barriers = files
    line = ["fill", folder / "photo.png", "--mask", folder / "mask.png", "-o", folder / "out.png"]
    line += ["--method", "oliveira", "--barriers"]
    status, _, err = run(*line, folder / "half.png")
    assert (status, err.count("\n")) == (2, 1)
    assert "oliveira's option barriers is (45, 60), image is (90, 120): resize one to match the other" in err
    assert run(*line, folder / "half.png", "--resize-mask")[0] == 0
    assert np.array_equal(read(folder / "out.png"), inpaint(photo, hole, "oliveira", barriers=barriers))
    assert "no such file" in run(*line, folder / "none.png")[2]
    assert "is a directory" in run(*line, folder)[2]


def test_compare_goes_by_defaults(run, files):
    folder, *_ = files
    line = ["compare", folder / "photo.png", "--mask", folder / "mask.png", "-o", folder / "sheet.png"]
    assert run(*line, "--methods", "telea,oliveira,tv")[0] == 0


def test_the_command_takes_a_drawn_guide(run, files):
    """Red in the hole may only be filled from red."""
    folder, photo, hole, _ = files
    guide = np.zeros(photo.shape, np.uint8)
    guide[34:38, 40:80] = guide[:20, :60] = (255, 0, 0)
    write(folder / "guide.png", guide)
    line = ["fill", folder / "photo.png", "--mask", folder / "mask.png", "-o", folder / "out.png", "-v"]
    code, _, told = run(*line, "--method", "patchmatch", "--guide", folder / "guide.png")
    assert code == 0
    assert "iterations" in told
    assert "array" not in told
    filled = inpaint(photo, hole, "patchmatch", guide=(guide[..., 0] > 0).astype(int))
    assert np.array_equal(read(folder / "out.png"), filled)
    assert not np.array_equal(filled, inpaint(photo, hole, "patchmatch"))


def test_options_are_resized_as_what_they_are():
    """No mark and no label is lost; colours are blended."""
    marks, labels = np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8)
    marks[11], labels[11], labels[:, 31] = 255, 5, 9
    small = PictureMask.of_option(marks).resized((10, 15)).pixels
    assert np.array_equal(small, np.repeat(np.arange(10)[:, None] == 2, 15, axis=1))
    small = PictureLabels.of_option(labels).resized((10, 15)).pixels
    assert small[2].tolist() == [1] * 7 + [2] + [1] * 7
    assert small[:, 7].tolist() == [2] * 10
    assert np.count_nonzero(small) == 24
    ramp = np.linspace(0, 1, 40, dtype=np.float32)[:, None, None].repeat(60, 1).repeat(3, 2)
    for shape in ((10, 15), (80, 120)):
        resized = PictureColours.of_option(ramp).resized(shape).pixels
        assert resized.shape == (*shape, 3)
        assert np.allclose(
            resized[..., 0], ((np.arange(shape[0]) + 0.5) * 40 / shape[0] - 0.5).clip(0, 39)[:, None] / 39
        )
    assert PictureColours.of_option(ramp[..., 0]).resized((10, 15)).pixels.shape == (10, 15, 1)


def test_the_command_reads_a_guide_as_labels_and_keeps_them_in_another_size(run, files):
    """Two labels of a red that a mask would take for one grey."""
    folder, photo, hole, _ = files
    guide = np.zeros((45, 60, 3), np.uint8)
    guide[17:19, 20:40] = guide[:10, :30] = (9, 0, 0)
    guide[20:22, 20:40] = guide[30:, :30] = (18, 0, 0)
    write(folder / "guide.png", guide)
    line = ["fill", folder / "photo.png", "--mask", folder / "mask.png", "-o", folder / "out.png", "--resize-mask"]
    assert run(*line, "--method", "patchmatch", "--guide", folder / "guide.png")[0] == 0
    labels = (guide[..., 0] // 9).repeat(2, axis=0).repeat(2, axis=1)
    assert np.array_equal(read(folder / "out.png"), inpaint(photo, hole, "patchmatch", guide=labels))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("channels", [0, 1, 3, 4])
def test_labels_of_any_whole_type_are_told_apart(dtype, channels):
    """Colours as far apart and as near together as the type allows; what carries from one channel into the next."""
    top = int(np.iinfo(dtype).max)
    levels = sorted({0, 1, 2, top // 2, top - 1, top, *(min(2**bits, top) for bits in (7, 8, 15, 16, 17, 32))})
    shown = [(0, 0, level) for level in levels] + [(0, 1, 0), (1, 0, 0), (top, top, 0), (top, 0, 0)]
    colours = np.array(sorted(shown), dtype)  # black first
    expected = np.arange(len(colours))
    if channels < 3:
        colours, expected = np.array(levels, dtype)[:, None], np.arange(len(levels))
    if channels == 4:
        seen = np.ones((len(colours), 1), dtype)
        seen[2] = 0
        colours = np.hstack([colours, seen])
        expected = np.array([0, 1, 0, *range(2, len(colours) - 1)])
    picture = colours[::-1].reshape(1, len(colours), -1)  # their place does not count
    labels = PictureLabels.of_option(picture if channels else picture[..., 0]).pixels
    assert labels[0, ::-1].tolist() == expected.tolist()
