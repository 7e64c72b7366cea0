"""The command ``inpaintkit weights``: the network weights that some methods need, downloaded once and kept."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import click

from inpaintkit.cli.progress import download_bar


@click.group()
def weights() -> None:
    """Download and keep the VGG19 weights that mnps needs.

    Only the layers up to relu4_2 are kept. A file named by mnps's option --weights or by the environment variable
    INPAINTKIT_VGG19 is used instead of the kept one.
    """


@weights.command("list")
def list_() -> None:
    """Show which weights are kept, and where."""
    kept = _weights().stored()
    if not kept.layers:
        click.echo(f"vgg19: not kept ({kept.path}); 'inpaintkit weights fetch' downloads it")
        return
    click.echo(f"vgg19: {kept.layers[0]} to {kept.layers[-1]}, {kept.size / 2**20:.1f} MiB, {kept.path}")


@weights.command()
@click.option("--url", metavar="URL", help="A mirror of torchvision's file, with the same file name.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
def fetch(url: str | None, quiet: bool) -> None:
    """Download torchvision's VGG19, check it, keep the first layers.

    The download is 548 MiB, of which 23 MiB are kept. One that was cut short is continued; while another process
    downloads, this one waits for it.
    """
    module = _weights()
    with download_bar(quiet) as progress:
        click.echo(f"kept: {module.fetch(progress, url=url or module.URL)}")


@weights.command()
def verify() -> None:
    """Check the kept file against its recorded SHA-256."""
    click.echo(f"unchanged: {_weights().verify().path}")


@weights.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Keep the layers of a file that you have already.

    FILE is a .pth file with torchvision's key names.
    """
    click.echo(f"kept: {_weights().keep(file)}")


@weights.command()
def remove() -> None:
    """Remove the kept file and partial downloads."""
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
