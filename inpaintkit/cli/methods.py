"""The command ``inpaintkit methods``: which methods there are."""

from __future__ import annotations

import shutil
import textwrap

import click

from inpaintkit.cli.options import MAX_COLUMNS


@click.command()
@click.option("--bibtex", is_flag=True, help="Print the methods' papers as BibTeX instead.")
def methods(bibtex: bool) -> None:
    """List the methods: what each is for, and what it needs.

    Below stand the source and, where a method needs more than the toolkit itself, what to install.
    """
    if bibtex:
        _print_bibtex()
        return
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


def _print_bibtex() -> None:
    """Each paper once, below the methods that come from it."""
    from inpaintkit.papers import Paper
    from inpaintkit.registry import methods as registered

    users: dict[Paper, list[str]] = {}
    for row in registered().values():
        for paper in row.papers:
            users.setdefault(paper, []).append(row.name)
    entries = [f"% {', '.join(names)}\n{paper.bibtex()}" for paper, names in users.items()]
    click.echo("\n\n".join(entries))
