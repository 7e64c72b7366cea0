"""What the command says of itself: light to start, every option shown, nothing wider than a terminal."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

import inpaintkit
from inpaintkit import api, find, masks, options
from inpaintkit.cli import commands
from inpaintkit.cli import masks as cli_masks
from inpaintkit.cli import options as cli_options
from inpaintkit.cli.fill import fill


def leaves(group: click.Group, *above: str) -> list[tuple[str, ...]]:
    """The words of every command, groups included."""
    context, found = click.Context(group), [above]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found += leaves(command, *above, name) if isinstance(command, click.Group) else [(*above, name)]
    return found


@pytest.fixture(autouse=True)
def _terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("words", leaves(commands), ids=" ".join)
def test_every_help_text_fits_a_terminal_and_no_summary_is_cut_short(run, words):
    status, out, err = run(*words, "--help")
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert not [line for line in out.splitlines() if line.endswith("...") and "  " in line.strip()]


def test_without_arguments_the_help_is_shown(run):
    assert run()[:2] == run("--help")[:2]
    assert run("--version")[1] == f"inpaintkit {inpaintkit.__version__}\n"


def test_help_and_an_unknown_command_load_no_method_and_no_heavy_library():
    code = """
import sys
from inpaintkit.cli import main
for arguments in ([], ["--help"], ["fill", "--help"], ["mask", "find", "--help"], ["bench", "run", "--help"], ["fil"]):
    try:
        main(arguments)
    except SystemExit:
        pass
heavy = {"numba", "torch", "numpy", "cv2", "skimage", "scipy", "rich"} & set(sys.modules)
ours = [name for name in sys.modules if name.startswith(("inpaintkit.classic", "inpaintkit.prior"))]
sys.exit(f"{heavy} {ours}" if heavy or ours else 0)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_a_methods_own_options_stand_under_its_name(run):
    status, out, _ = run("fill", "--method", "telea", "--help")
    assert status == 0
    shared, _, own = out.partition("Options of telea:")
    assert "--mask" in shared
    assert "--mask" not in own
    assert "--radius" in own
    assert "[damped|paper|opencv]" in own
    assert "--radius" not in run("fill", "--help")[1]
    assert "Options of harmonic:\n  none" in run("fill", "--method", "harmonic", "--help")[1]


def test_every_option_of_fill_is_shown_once(run):
    lines = run("fill", "--help")[1].partition("Where to fill:")[2].splitlines()
    first_words = [line.replace(", ", ",").split()[0].split(",") for line in lines if line.startswith("  -")]
    shown = [word for words in first_words for word in words if word.startswith("--")]
    assert sorted(shown) == sorted({max(option.opts, key=len) for option in fill.params} - {"photo"} | {"--help"})


def test_methods_are_listed_with_what_they_need(run, toy):
    toy(lambda problem: problem.image, needs="paint", source="Nobody 2001")
    status, out, _ = run("methods")
    assert status == 0
    assert max(map(len, out.splitlines())) <= 80
    for name in ("auto", *inpaintkit.methods()):
        assert sum(line.startswith(f"{name} ") for line in out.splitlines()) == 1
    assert out.endswith(
        'for tests\n               Nobody 2001\n               needs: pip install "inpaintkit[paint]"\n'
    )


def test_choices_that_are_written_down_twice_agree():
    assert cli_options.KINDS == find.KINDS
    assert cli_options.PURPOSES == find.PURPOSES
    assert cli_options.DEVICES == api.DEVICES
    assert cli_masks.HOW == masks.HOW
    assert {parameter.name for parameter in fill.params} <= options.OF_COMMAND
