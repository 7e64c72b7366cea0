"""Standard input and output in place of files: what - stands for on the command line."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from inpaintkit.files import Stream

FORMATS = ("png", "jpeg", "jpg", "tiff", "tif", "webp", "bmp")
_TAKEN = f"{__name__}.taken"  # set in a context where - stood for standard input


class _Place(click.Path):
    """A path, or a stream for -."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "-":
            return self.stream(param, ctx)
        return value if not isinstance(value, (str, Path)) else super().convert(value, param, ctx)

    def stream(self, param: click.Parameter | None, ctx: click.Context | None) -> Stream:
        raise NotImplementedError


class _Source(_Place):
    def stream(self, param: click.Parameter | None = None, ctx: click.Context | None = None) -> Stream:
        """Standard input, for one picture of the command."""
        from inpaintkit.files import Stream

        ctx = ctx or click.get_current_context()
        if ctx.meta.get(_TAKEN):
            raise click.UsageError("standard input holds one picture: give - once, and files for the others")
        ctx.meta[_TAKEN] = True
        if sys.stdin is None:  # as Python has it when it is closed
            raise click.UsageError("- is standard input, which is closed: pipe a picture into the command")
        if sys.stdin.isatty():
            raise click.UsageError("- is standard input, which is a terminal: pipe a picture into the command")
        return Stream(sys.stdin.buffer, "standard input")


class _Target(_Place):
    def stream(self, param: click.Parameter | None, ctx: click.Context | None) -> Stream:
        from inpaintkit.files import Stream

        if sys.stdout is None:
            raise click.UsageError("-o - is standard output, which is closed: pipe it on, or name a file")
        if sys.stdout.isatty():
            raise click.UsageError("-o - is standard output, which is a terminal: pipe it on, or name a file")
        return Stream(sys.stdout.buffer, "standard output")


SOURCE, TARGET = _Source(), _Target()

format_option = click.option(
    "--format",
    type=click.Choice(FORMATS, case_sensitive=False),
    metavar="FORMAT",
    help="With -o -: png, jpeg, tiff, webp or bmp.",
)


def of_format(output: Any, format: str | None) -> Any:
    """The output, which says its format: a path by its ending, standard output by --format."""
    if isinstance(output, Path) or output is None:
        if format:
            raise click.UsageError("--format goes with -o -: the name of a file says its format")
        return output
    if not format:
        raise click.UsageError("-o - has no name that says the format: add --format png, jpeg, tiff, webp or bmp")
    return replace(output, suffix=f".{format}")
