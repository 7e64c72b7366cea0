"""The command ``inpaintkit methods``: which methods there are."""

from __future__ import annotations

import shutil
import textwrap

import click

from inpaintkit.cli.options import MAX_COLUMNS


@click.command()
def methods() -> None:
    """List the methods: what each is for, and what it needs.

    Below stand the source and, where a method needs more than the toolkit itself, what to install.
    """
    from inpaintkit.registry import AUTO
    from inpaintkit.registry import methods as registered

    rows = (AUTO, *registered().values())
    indent = " " * (max(len(row.name) for row in rows) + 2)
    width = min(shutil.get_terminal_size().columns, MAX_COLUMNS)
    for row in rows:
        needs = f'needs: pip install "inpaintkit[{row.needs}]"' if row.needs else ""
        paragraphs = filter(None, (row.summary, row.source, needs))
        lines = [line for text in paragraphs for line in textwrap.wrap(text, width - len(indent))]
        click.echo(textwrap.indent("\n".join(lines), indent).replace(indent, row.name.ljust(len(indent)), 1))
