"""What commands may write over: never an input, and nothing of another kind than what they write."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

INSTEAD = "name another output, so that nothing is lost"


def check_output(output: Path, *sources: Any, instead: str = INSTEAD) -> None:
    """Refuse an output that would replace an input, or a file that is no picture; sources that are no paths pass."""
    check_inputs(output, *sources, instead=instead)
    from inpaintkit.files import is_picture

    if output.is_file() and output.stat().st_size and not is_picture(output):
        raise click.UsageError(f"{output} is there and is not a picture: {INSTEAD}")


def write_picture(output: Any, pixels: Any) -> None:
    """Write a picture to a path or into a pipe; what a killed command has left half written beside it goes."""
    from inpaintkit.atomic import sweep
    from inpaintkit.files import write

    if isinstance(output, Path):
        sweep(output.parent)
    write(output, pixels)


def check_inputs(output: Path, *sources: Any, instead: str = INSTEAD) -> None:
    """Refuse an output that would replace an input; sources that are no paths are passed over."""
    for source in sources:
        if isinstance(source, Path) and is_same(output, source):
            raise click.UsageError(f"{output} is also an input: {instead}")


def check_mask(photo: Any, mask: Any) -> None:
    """Refuse a picture as its own mask."""
    if isinstance(photo, Path) and isinstance(mask, Path) and photo.is_file() and is_same(photo, mask):
        raise click.UsageError(f"{mask} is named as photo and as mask: give the mask's own file, or --mask alpha")


def check_format(output: Path) -> None:
    """Refuse a name that no picture format has."""
    from inpaintkit.files import FORMATS, unwritable

    if output.suffix.lower() not in FORMATS:
        raise click.UsageError(unwritable(output))


def check_log(log: Path) -> None:
    """Refuse a log whose name is a picture's, or that is there and does not hold lines of JSON."""
    _check_name(log, "--log", ".jsonl")
    if not log.exists() or not log.stat().st_size:
        return
    with log.open("rb") as file:
        line = file.readline(2**20)
    try:
        is_ours = isinstance(json.loads(line), dict)
    except ValueError:  # perhaps its first line was cut off
        is_ours = line.startswith(b'{"photo": ') and not line.endswith(b"\n")
    if not is_ours:
        raise click.UsageError(f"{log} is there and holds no lines of JSON: name another file for --log")


def check_config(config: Path, known: Iterable[str]) -> None:
    """Refuse a file of options whose name is a picture's, or that is there and holds anything else."""
    import tomllib

    _check_name(config, "--save-config", ".toml")
    if not config.exists():
        return
    try:
        names = {name.replace("-", "_") for name in tomllib.loads(config.read_text("utf-8"))}
    except ValueError:
        raise click.UsageError(f"{config} is there and is not a TOML file: name another for --save-config") from None
    if names - set(known):
        raise click.UsageError(
            f"{config} is there and holds {sorted(names - set(known))[0]!r}, which is no option of fill: "
            "name another file for --save-config"
        )


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths are one file, or would be."""
    if one.exists() and other.exists():
        return one.samefile(other)
    return one.resolve() == other.resolve()


def _check_name(path: Path, option: str, instead: str) -> None:
    from inpaintkit.batch import BACKUP
    from inpaintkit.files import READABLE

    if path.name.lower().endswith((*READABLE, BACKUP)):
        raise click.UsageError(f"{option} {path}: this is a picture's name, take one that ends in {instead}")
    if path.is_dir():
        raise click.UsageError(f"{option} {path} is a folder: name a file")
    if path.exists() and not path.is_file():
        return  # a device or a pipe takes anything
    if not path.parent.is_dir():
        raise click.UsageError(f"{option} {path}: there is no folder {path.parent}, make it first")
