"""The command ``inpaintkit weights``: the network's weights that some methods need, fetched once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import click


@click.group()
def weights() -> None:
    """Keep VGG19's weights, which mnps needs; only the layers up to relu4_2 are kept.

    A file named by --weights or the variable INPAINTKIT_VGG19 is taken instead of the kept one.
    """


@weights.command("list")
def list_() -> None:
    """Tell which weights are kept, and where."""
    there = _weights().stored()
    if not there.layers:
        click.echo(f"vgg19: not kept ({there.path}); 'inpaintkit weights fetch' gets it")
        return
    click.echo(f"vgg19: {there.layers[0]} to {there.layers[-1]}, {there.size / 2**20:.1f} MiB, {there.path}")


@weights.command()
@click.option("--url", metavar="URL", help="A mirror of torchvision's file, under its name.")
@click.option("-q", "--quiet", is_flag=True, help="Show no bar.")
def fetch(url: str | None, quiet: bool) -> None:
    """Download torchvision's VGG19 (548 MiB), check it, keep the first layers."""
    module = _weights()
    with _bar(quiet) as progress:
        click.echo(f"kept: {module.fetch(progress, url=url or module.URL)}")


@weights.command()
def verify() -> None:
    """Check the kept file against the SHA-256 noted when it was written."""
    click.echo(f"as it was written: {_weights().verify().path}")


@weights.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Keep the layers of a FILE that is here already (torchvision's key names; .pth)."""
    click.echo(f"kept: {_weights().keep(file)}")


@weights.command()
def remove() -> None:
    """Remove the kept file, and downloads cut short."""
    removed = _weights().remove()
    click.echo("\n".join(f"removed: {path}" for path in removed) or "nothing was kept")


def _weights() -> ModuleType:
    try:
        from inpaintkit.prior import weights as module
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f'weights need {error.name}, which is not installed: pip install "inpaintkit[prior]"'
        ) from error
    return module


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[float, float], None] | None]:
    """A bar of bytes on a terminal, nothing in a pipe."""
    import sys

    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    with Progress(
        BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
