"""Runs: every result once, failures and their reasons, folders of results, presets, the report and the command."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from conftest import boxed
from inpaintkit import inpaint, write
from inpaintkit.benchmarks import presets, protocols, report
from inpaintkit.benchmarks.entrants import Entrant, entrants, words
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.benchmarks.run import Extras, Result, Run, Task, attempt
from inpaintkit.benchmarks.run import run as do
from inpaintkit.files import read


@pytest.fixture
def album(tmp_path, photo) -> Path:
    """A colour and a grey picture, 64 px, the grey one in a subfolder."""
    folder = tmp_path / "album"
    (folder / "old").mkdir(parents=True)
    write(folder / "cat.png", photo(64))
    write(folder / "old" / "dog.png", photo(64, 1))
    return folder


def prepared(folder: Path, album: Path, everyone: list[Entrant], *sources: str, truth: bool = True) -> list[Task]:
    """The tasks of a run, none of them done."""
    names = [each.name for each in everyone]
    entries = Run(folder).prepare(album, sources or ("center:side=0.2",), 0, names, truth=truth)
    for each in everyone:
        Run(folder).file(each.name, "").parent.mkdir(exist_ok=True)
    return [Task(folder, each, entry, True) for entry in entries for each in everyone]


def done(task: Task) -> Result:
    """A task, done in this process."""
    return attempt(task, seed=0, count=1, extras=Extras())


def test_every_picture_mask_and_method_has_a_result(tmp_path, album):
    steps = []
    found = do(
        tmp_path / "run", album, ["center:side=0.2", "drop:share=0.3"], entrants(["telea", "harmonic"]), jobs=2,
        progress=steps.append,
    )  # fmt: skip
    assert len(found) == len(steps) == 2 * 2 * 2
    assert {result.status for result in found} == {"done"}
    assert {(result.entrant, result.picture, result.protocol) for result in found} == {
        (method, picture, protocol)
        for method in ("telea", "harmonic")
        for picture in ("cat", "old__dog")
        for protocol in ("center:side=0.2", "drop:share=0.3")
    }
    assert steps[-1].done == steps[-1].total == 8
    here = Run(tmp_path / "run")
    for result in found:
        truth, hole = here.truth(result.picture), here.mask(result.case)
        filled = read(here.file(result.entrant, result.case, ".png"))
        assert (filled[~hole] == truth[~hole]).all()
        assert result.measures["psnr_hole"] == pytest.approx(hole_psnr(filled, truth, hole))
        assert result.share == hole.mean()
        assert result.seconds > 0
        assert result.threads == 1


def test_what_is_done_stays_and_what_is_half_written_does_not_count(tmp_path, album):
    folder, everyone = tmp_path / "run", entrants(["harmonic"])
    tasks = prepared(folder, album, everyone)
    done(tasks[0])
    files = [Run(folder).file("harmonic", task.entry.name) for task in tasks]
    before = files[0].read_text(), files[0].stat().st_mtime_ns
    files[1].with_name(f".{files[1].name}.part").write_text('{"entrant": "harm')  # killed amid writing
    Run(folder).file("harmonic", tasks[1].entry.name, ".png").write_bytes(b"half")
    steps = []
    found = do(folder, album, ["center:side=0.2"], everyone, progress=steps.append)
    assert (files[0].read_text(), files[0].stat().st_mtime_ns) == before
    assert [step.total for step in steps] == [1]
    assert [result.status for result in found] == ["done", "done"]
    assert read(Run(folder).file("harmonic", tasks[1].entry.name, ".png")).shape == (64, 64)


def test_a_picture_that_vanished_is_made_again(tmp_path, album):
    task, _ = prepared(tmp_path / "run", album, entrants(["harmonic"]))
    first = done(task)
    picture = Run(tmp_path / "run").file("harmonic", task.entry.name, ".png")
    before = read(picture)
    picture.unlink()
    assert done(task).measures == pytest.approx(first.measures, nan_ok=True)
    assert (read(picture) == before).all()


def test_a_method_sees_nothing_of_what_is_masked(tmp_path, album, toy):
    seen = []

    def look(problem):
        seen.append(problem.raw[problem.hole].copy())
        return np.zeros_like(problem.image)

    name = toy(look, context=4)
    done(prepared(tmp_path / "run", album, [Entrant(name)])[0])
    assert (seen[0] == 127).all()


def test_a_failure_and_what_does_not_apply_have_their_reasons(tmp_path, album, toy):
    from inpaintkit.errors import ContextError

    def choose(problem):
        if problem.image.shape[2] == 1:
            raise ContextError.of("toy", "no colour here")
        raise RuntimeError("burnt\nout")

    name = toy(choose)
    failed, missing = (done(task) for task in prepared(tmp_path / "run", album, [Entrant(name)]))
    assert (failed.status, failed.reason) == ("failed", "RuntimeError: burnt out")
    assert missing.status == "not applicable"
    assert missing.reason.startswith("toy: no colour here")
    found = report.lines([failed, missing])
    assert (found[0].number, found[0].not_done) == (0, {"failed": 1, "not applicable": 1})
    text = report.markdown(Run(tmp_path / "run"), found, [failed, missing])
    assert "toy, cat--center-0.2: failed: RuntimeError: burnt out" in text


class Deadly(Entrant):
    """Ends its process on grey pictures."""

    def fill(self, picture, hole, *more):
        if picture.ndim == 2:
            os._exit(1)
        return picture, None, {}


def test_a_process_that_dies_takes_only_its_own_result(tmp_path, album):
    found = do(tmp_path / "run", album, ["center:side=0.2"], [Deadly("deadly")])
    assert {result.picture: result.status for result in found} == {"cat": "done", "old__dog": "failed"}
    assert found[1].reason == "its process died"


def test_failed_results_are_tried_again(tmp_path, album):
    results = tmp_path / "results"
    results.mkdir()
    task = prepared(tmp_path / "run", album, entrants([], [f"theirs={results}"]))[0]
    missing = done(task)
    assert missing.status == "failed"
    assert "holds no results for cat--center-0.2: name one cat--center-0.2.png or cat.png" in missing.reason
    (results / "old").mkdir()
    for name in ("cat.png", "old/dog.png"):
        write(results / name, read(album / name))
    found = do(tmp_path / "run", album, ["center:side=0.2"], [task.entrant])
    assert [result.status for result in found] == ["done", "done"]


def test_results_get_the_pictures_own_known_pixels_unless_asked_not_to(tmp_path, album):
    results = tmp_path / "results"
    results.mkdir()
    truth = read(album / "cat.png")
    grey = np.full_like(truth, 90)
    write(results / "cat.png", grey)
    hole = boxed((64, 64), 10, 10, 5, 5)
    ours, raw = (
        Entrant("theirs", "results", results, composite=composite).fill(truth, hole, ("x", "cat"), 0, 1)[0]
        for composite in (True, False)
    )
    assert (ours[hole] == 90).all()
    assert (ours[~hole] == truth[~hole]).all()
    assert (raw == 90).all()


def test_results_of_another_size_are_never_scaled_in_silence(tmp_path, album):
    results = tmp_path / "results"
    results.mkdir()
    write(results / "cat.png", np.full((32, 32, 3), 90, np.uint8))
    truth, hole = read(album / "cat.png"), boxed((64, 64), 10, 10, 5, 5)
    with pytest.raises(ValueError, match=r"is \(32, 32\), the picture \(64, 64\): give results of the pictures' size"):
        Entrant("theirs", "results", results).fill(truth, hole, ("cat",), 0, 1)
    filled, _, facts = Entrant("theirs", "results", results, resize=True).fill(truth, hole, ("cat",), 0, 1)
    assert facts == {"resized": "32 x 32"}
    assert (filled[hole] == 90).all()
    result = Result("theirs", "cat--x", "cat", "x", 0.1, "done", resized="32 x 32", measures={"l2_hole": 0.1})
    folder = tmp_path / "run"
    prepared(folder, album, [Entrant("theirs")])
    assert "1 results were scaled" in " ".join(report.notes_on(Run(folder), report.lines([result]), [result]))


def test_a_learned_models_published_results_are_measured(tmp_path, data):
    for kind, end in (("photos", "raw"), ("masks", "mask"), ("results", "output")):
        (tmp_path / kind).mkdir()
        pixels = read(data(f"learned_outputs/deepfill_case3_{end}.png"))[..., :3]
        write(tmp_path / kind / "case3.png", pixels[..., 0] if kind == "masks" else pixels)
    everyone = entrants([], [f"DeepFillv2={tmp_path / 'results'}"])
    result = done(prepared(tmp_path / "run", tmp_path / "photos", everyone, str(tmp_path / "masks"))[0])
    hole = read(tmp_path / "masks" / "case3.png") > 127
    truth, filled = (read(tmp_path / kind / "case3.png") for kind in ("photos", "results"))
    assert result.measures["psnr_hole"] == pytest.approx(hole_psnr(filled, truth, hole))
    assert result.share == pytest.approx(hole.mean())


def test_where_masks_cover_what_should_go_nothing_is_compared_with_it(tmp_path, album):
    tasks = prepared(tmp_path / "run", album, entrants(["telea"]), truth=False)
    found = [attempt(task, seed=0, count=1, extras=Extras(truth=False)) for task in tasks]
    assert [set(result.measures) for result in found] == [{"tv_hole", "tv_whole"}] * 2
    text = (report.write_report(tmp_path / "run")[0]).read_text()
    assert "so there is no truth" in text
    assert "PSNR" not in text
    with pytest.raises(ValueError, match="holds a run with truth False, now it is True"):
        prepared(tmp_path / "run", album, entrants(["telea"]))


def test_another_run_in_the_same_folder_is_refused(tmp_path, album):
    prepared(tmp_path / "run", album, entrants(["telea"]))
    with pytest.raises(ValueError, match="holds a run with seed 0, now it is 1"):
        Run(tmp_path / "run").prepare(album, ["brush"], 1, ["telea"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"methods": ["teela"]}, "no method 'teela'"),
        ({"methods": [], "results": ["x=/nowhere"]}, "/nowhere is not a folder"),
        ({"methods": [], "results": ["x"]}, "expected NAME=PATH"),
        ({"methods": ["telea", "telea"]}, "the name telea is taken"),
        ({"methods": ["telea"], "given": ["lama=lama"]}, "which no --model names"),
        ({"methods": ["telea:radius=far"]}, "radius"),
        ({"methods": ["telea:radius"]}, "expected OPTION=VALUE"),
        ({"methods": []}, "no entrant"),
    ],
)
def test_who_cannot_take_part_is_named_before_anything_runs(arguments, message):
    with pytest.raises(ValueError, match=message):
        entrants(**arguments)


def test_methods_take_options_and_stand_under_them(tmp_path, album, photo):
    assert words("auto, telea:radius=3,variant=paper,harmonic") == [
        "auto",
        "telea:radius=3,variant=paper",
        "harmonic",
    ]
    plain, wide = entrants(["telea", "telea:radius=9"])
    assert wide.name == "telea radius=9"
    tasks = prepared(tmp_path / "run", album, [plain, wide])
    assert {done(task).status for task in tasks[:2]} == {"done"}
    truth, hole = read(album / "cat.png"), Run(tmp_path / "run").mask(tasks[0].entry.name)
    for task, radius in zip(tasks[:2], (5.0, 9.0), strict=True):
        filled = read(Run(tmp_path / "run").file(task.entrant.name, task.entry.name, ".png"))
        assert (filled == inpaint(truth, hole, "telea", radius=radius)).all()


def test_an_option_may_hold_a_path_seen_from_where_the_run_is_started(tmp_path, album, monkeypatch):
    barriers = boxed((64, 64), 30, 0, 1, 64)
    (tmp_path / "here").mkdir()
    write(tmp_path / "here" / "b.png", barriers.astype(np.uint8) * 255)
    monkeypatch.chdir(tmp_path / "here")
    (each,) = entrants(["oliveira:barriers=../here/b.png"])
    with pytest.raises(FileNotFoundError, match="none"):
        entrants(["oliveira:barriers=none.png"])
    monkeypatch.chdir(tmp_path)
    tasks = prepared(tmp_path / "run", album, [each], "box:side=0.3")
    here = Run(tmp_path / "run")
    for task in tasks:
        result = done(task)
        assert (result.status, result.reason) == ("done", "")
        hole = here.mask(task.entry.name)
        given = here.truth(task.entry.picture).copy()
        given[hole] = 127
        expected = inpaint(given, hole, "oliveira", barriers=barriers, seed=0)
        assert np.array_equal(read(here.file(each.name, task.entry.name, ".png")), expected)
    assert {path.parent for path in (tmp_path / "run").rglob("*--box*.json")} == {here.results_of(each.name)}
    assert here.results_of(each.name).parent == tmp_path / "run" / "results"
    report.write_report(tmp_path / "run", max_pictures=1)
    assert "barriers=../here/b.png" in (tmp_path / "run" / "report.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["..", ".", "../x", "a/b", "a\\b", "/etc", "x" * 300, "é" * 200, "a\nb"])
def test_results_never_leave_the_folder_of_their_run(tmp_path, name):
    folder = Run(tmp_path).results_of(name)
    assert folder.resolve().parent == (tmp_path / "results").resolve()
    folder.mkdir(parents=True)
    assert folder != Run(tmp_path).results_of(name + "x")


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a\\b"])
def test_a_result_or_a_mask_is_not_named_by_a_path(tmp_path, name, run):
    with pytest.raises(ValueError, match="expected NAME=PATH"):
        entrants([], [f"{name}={tmp_path}"])
    manifest = tmp_path / "manifest.json"
    entry, _ = protocols.generated("cat", (9, 9), protocols.parse("center")[0], 0)
    protocols.save_manifest(manifest, [dataclasses.replace(entry, name=name)], {})
    status, _, err = run("bench", "masks", "--replay", manifest, "-o", tmp_path / "masks")
    assert (status, "expected names of files, not paths" in err) == (2, True)
    assert os.listdir(tmp_path) == ["manifest.json"]


def test_masks_and_runs_are_not_written_into_their_inputs(run, album):
    before = sorted(album.rglob("*"))
    for command in (["masks", "center"], ["run", "--masks", "center", "--methods", "telea"]):
        status, _, err = run("bench", *command, "--images", album, "-o", album)
        assert (status, "is also an input" in err) == (2, True)
    assert sorted(album.rglob("*")) == before


def test_auto_takes_part(tmp_path, album):
    result = done(prepared(tmp_path / "run", album, entrants(["auto:quality=fast"]))[0])
    assert (result.status, result.entrant) == ("done", "auto quality=fast")


def result(method: str, picture: str, **more: object) -> Result:
    """A result with a hole PSNR, and an error that goes with it."""
    value = more.pop("psnr", 20.0)
    measures = {"psnr_hole": value, "l2_hole": 10 ** (-value / 10)}
    return Result(
        method,
        f"{picture}--drop-0.5",
        picture,
        "drop:share=0.5",
        0.5,
        **{"status": "done", "measures": measures} | more,
    )


def test_lines_hold_means_numbers_medians_and_the_largest_memory():
    found = [
        result("a", "x", psnr=20.0, seconds=1.0, peak=100.0, work=5.0),
        result("a", "y", psnr=30.0, seconds=9.0, peak=300.0, work=7.0),
        result("a", "z", psnr=40.0, seconds=2.0, peak=200.0, work=1.0),
        result("b", "x", psnr=35.0),
        result("b", "y", status="failed", reason="no"),
        result("b", "z", status="not applicable", reason="never"),
    ]
    first, second = report.lines(found)
    assert (first.entrant, second.entrant) == ("b", "a")  # best first
    assert second.figures["psnr_hole"][0] == pytest.approx(30)
    assert second.figures["psnr_hole"][1] < 30 < second.figures["psnr_hole"][2]
    assert second.pooled == pytest.approx(-10 * np.log10((1e-2 + 1e-3 + 1e-4) / 3))
    assert (second.number, second.seconds, second.peak, second.work) == (3, 2.0, 300.0, 7.0)
    assert (first.number, first.not_done) == (1, {"failed": 1, "not applicable": 1})
    rows = list(csv.DictReader(io.StringIO(report.summary_csv([first, second]))))
    assert [row["n"] for row in rows if row["method"] == "a" and row["measure"] == "psnr_hole"] == ["3"]
    assert len(list(csv.DictReader(io.StringIO(report.results_csv(found))))) == 6


def test_latex_is_escaped_and_the_best_is_bold():
    text = report.latex(report.lines([result("a_b", "x", psnr=20.0), result("c", "x", psnr=25.0)]))
    assert "a\\_b & 20.00 &" in text
    assert "c & \\textbf{25.00} &" in text
    assert "PSNR, dB, hole" in text
    assert text.count("{") == text.count("}")


def test_published_rows_are_shown_where_pictures_and_masks_fit():
    names = [
        "barbara",
        "boat",
        "house",
        "Lena512",
        "peppers256",
        "Cameraman256",
        "couple",
        "fingerprint",
        "hill",
        "man",
    ]
    some = [result("a", name) for name in names]
    (table, columns), other = report.like(report.lines(some), some)
    assert (table.id, len(columns)) == ("dip-1", 10)  # without montage no mean either
    assert other[0].id == "gpdip"
    every = [*some, result("a", "montage")]
    assert len(next(iter(report.like(report.lines(every), every)))[1]) == 12
    assert table.rows["DIP"]["psnr"][table.columns.index("montage")] == 34.54
    assert [found.id for found, _ in report.like(report.lines([result("a", "kodim02")]), [result("a", "kodim02")])] == [
        "gpdip"
    ]


def test_the_command_runs_and_reports(run, tmp_path, album):
    folder = tmp_path / "run"
    line = ("bench", "run", "--preset", "lost-half", "--images", album, "--methods", "telea", "-o", folder)
    status, _, err = run(*line)
    assert status == 0
    assert "2 done, 0 not applicable, 0 failed" in err
    status, out, err = run("bench", "report", folder)
    assert (status, err) == (0, "")
    assert [Path(name).name for name in out.split()] == [
        "report.md", "report.tex", "summary.csv", "results.csv", "report.html",
    ]  # fmt: skip
    text = (folder / "report.md").read_text()
    for part in (
        "## drop:share=0.5",
        "| telea | ",
        "2 pictures, 2 masks, 1 entrant; seed 0",
        "Left out: LPIPS",
        "Left out: FID",
    ):
        assert part in text
    assert json.loads((folder / "run.json").read_text())["versions"]["numpy"] == np.__version__


def test_a_run_takes_more_masks_and_entrants(tmp_path, album):
    folder = tmp_path / "run"
    for task in prepared(folder, album, entrants(["telea"])) + prepared(folder, album, entrants(["harmonic"]), "brush"):
        done(task)
    assert [(each.entrant, each.protocol) for each in Run(folder).results()] == [
        *[("telea", "center:side=0.2")] * 2,
        *[("harmonic", "brush")] * 2,
    ]


@pytest.mark.parametrize("name", presets.PRESETS)
def test_a_presets_methods_and_masks_exist(name):
    preset = presets.PRESETS[name]
    assert len(entrants(preset.methods)) == len(preset.methods)
    assert all(protocols.parse(spec) for spec in preset.masks)


def test_a_preset_needs_no_folder_of_pictures(tmp_path, run):
    folder = presets.write_photographs(tmp_path)
    assert read(folder / "chelsea.png").shape == (300, 451, 3)
    status, _, err = run("bench", "run", "--preset", "none", "-o", tmp_path / "run")
    assert status == 2
    assert all(name in err for name in presets.PRESETS)
    status, _, err = run("bench", "run", "--masks", "drop", "--methods", "telea", "-o", tmp_path / "run")
    assert status == 2
    assert "name their folder with --images, or a --preset" in err


def test_published_tables_are_consistent_and_printed(run):
    status, out, _ = run("bench", "published", "LBAM", "patchmatch")
    assert status == 0
    assert "| PatchMatch | PSNR, dB | 26.67 | 24.21 | 21.95 | 20.02 |" in out
    assert "[V]" in out
    assert run("bench", "published", "nobody")[0] == 2


def test_a_folder_without_a_run_is_named(run, tmp_path):
    status, _, err = run("bench", "report", tmp_path)
    assert status == 2
    assert "holds no run: 'inpaintkit bench run" in err


def test_the_command_offers_every_preset():
    from inpaintkit.benchmarks.presets import PRESETS
    from inpaintkit.cli.bench import run

    (option,) = (parameter for parameter in run.params if parameter.name == "preset")
    assert list(option.type.choices) == list(PRESETS)
