"""The arrows between rooms, as the contracts of setup.cfg draw them, on a copy of the package as it is installed."""

from __future__ import annotations

import configparser
import graphlib
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT

MAX_FILES = 32  # beside the rooms in inpaintkit/
LAYERS, CORE, ROOMS, INSIDES, PRIVATE, CIRCLES = CONTRACTS = [
    "Imports run one way, from the command down to Problem",
    "What fills a picture knows no file and no method",
    "Finders, files and classic methods know the core, not each other",
    "Only studies look inside inpaintkit.find",
    "Helpers of the classic methods are reached through the methods",
    "No package's parts import one another in a circle",
]


@pytest.fixture
def installed(tmp_path):
    """A folder that holds the package with its rooms inside, as an installation lays it out."""
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "inpaintkit", tmp_path / "inpaintkit", ignore=skipped)
    for room in ("classic", "prior", "benchmarks"):
        shutil.copytree(ROOT / room, tmp_path / "inpaintkit" / room, ignore=skipped)
    return tmp_path


def python(folder, code, *arguments):
    """What a process of its own reports, in which the package of that folder comes first."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def verdicts(folder):
    """Contract -> whether it is kept, and all that import-linter prints."""
    code = "from importlinter.cli import lint_imports_command as lint; lint()"
    result = python(folder, code, "--no-cache", "--no-logo", ROOT / "setup.cfg")
    found = dict(re.findall(r"^(.+) (KEPT|BROKEN)$", result.stdout, re.MULTILINE))
    assert list(found) == CONTRACTS, result.stdout + result.stderr
    assert result.returncode == ("BROKEN" in found.values())
    return {name: verdict == "KEPT" for name, verdict in found.items()}, result.stdout


def test_all_contracts_are_kept(installed):
    kept, output = verdicts(installed)
    assert all(kept.values()), output


def test_no_import_is_excused():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    contracts = [section for section in config if section.startswith("importlinter:contract:")]
    assert [config[contract]["name"] for contract in contracts] == CONTRACTS
    assert not any("ignore_imports" in config[contract] for contract in contracts)


def test_the_graph_holds_every_room_and_no_circle(installed):
    code = """if True:
        import grimp, json
        graph = grimp.build_graph("inpaintkit", exclude_type_checking_imports=True, cache_dir=None)
        print(json.dumps({name: sorted(graph.find_modules_directly_imported_by(name)) for name in graph.modules}))
    """
    result = python(installed, code)
    assert result.returncode == 0, result.stderr
    graph = json.loads(result.stdout)
    files = {path.relative_to(installed).with_suffix("") for path in installed.rglob("*.py")}
    assert set(graph) == {".".join(path.parts).removesuffix(".__init__") for path in files}
    for arrow in (
        ("cli.fill", "batch"),
        ("batch", "api"),
        ("api", "filling"),
        ("classic.telea", "classic._march"),
        ("prior.dip", "problem"),
        ("benchmarks.run", "benchmarks.metrics"),
    ):
        start, end = (f"inpaintkit.{name}" for name in arrow)
        assert end in graph[start]
    graphlib.TopologicalSorter(graph).prepare()  # CycleError names a circle of modules


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("regions", "from inpaintkit.api import inpaint", LAYERS),
        ("problem", "def late():\n    import inpaintkit.cli", LAYERS),
        ("classic/harmonic", "import inpaintkit.registry, inpaintkit.batch", LAYERS),
        ("newcomer", "", LAYERS),
        ("filling", "from inpaintkit.classic.telea import telea", CORE),
        ("auto", "from inpaintkit import files", CORE),
        ("find/dust", "from inpaintkit import files", ROOMS),
        ("batch", "from inpaintkit.find import dust", INSIDES),
        ("benchmarks/speed", "from inpaintkit.classic import _march", PRIVATE),
        ("classic/_heap", "from inpaintkit.classic import telea", CIRCLES),
    ],
)
def test_a_wrong_arrow_is_noticed(installed, file, line, contract):
    with (installed / "inpaintkit" / f"{file}.py").open("a") as module:
        module.write(f"\n\n{line}\n")
    kept, output = verdicts(installed)
    assert not kept[contract], output
    assert re.search(rf"\b{file.rpartition('/')[2]}\b", output), output


def test_imports_for_type_checkers_are_no_arrows(installed):
    with (installed / "inpaintkit" / "problem.py").open("a") as module:
        module.write("\n\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import inpaintkit.api\n")
    kept, output = verdicts(installed)
    assert all(kept.values()), output


def test_every_file_beside_the_rooms_has_a_line_in_the_design():
    files = {path.name for path in (ROOT / "inpaintkit").glob("*.py")}
    assert len(files) <= MAX_FILES
    rows = re.findall(r"^\| *(`[^|]*)\|", (ROOT / "docs" / "design.md").read_text(), re.MULTILINE)
    named = set(re.findall(r"`(\w+\.py)`", " ".join(rows)))
    missing = files - named - {"__init__.py", "__main__.py"}
    assert not missing, f"docs/design.md has no line for {', '.join(sorted(missing))}"
