"""The command ``inpaintkit ui``: the page in the browser."""

from __future__ import annotations

from pathlib import Path

import click

from inpaintkit.cli.options import examples


@click.command(
    epilog=examples(
        "inpaintkit ui photo.jpg",
        "inpaintkit ui photos",
        "inpaintkit ui --no-open --port 8123",
    )
)
@click.argument("photo", required=False, type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Port to listen on; 0 takes any free one.")
@click.option("--no-open", is_flag=True, help="Do not open the browser.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="H", help="Address to listen on.")
def ui(photo: Path | None, port: int | None, no_open: bool, host: str) -> None:
    """Open a page to paint over what should go, fill it and save.

    PHOTO is a picture or a folder of pictures; without it pictures are dropped on the page. The first line printed is
    the page's address. Strokes and fills are kept in a session folder (INPAINTKIT_SESSIONS, or the user's folder for
    state), so that a page that was closed and a server that was stopped go on where they were.
    """
    from inpaintkit.errors import MissingExtraError

    if photo is not None and not photo.exists():
        raise click.UsageError(f"{photo}: no such file or folder")
    try:
        from inpaintkit.ui.server import Serving, serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "inpaintkit":
            raise
        raise MissingExtraError(
            f'the page needs {error.name}, which is not installed: pip install "inpaintkit[ui]"'
        ) from error

    def note(text: str) -> None:
        click.echo(f"inpaintkit: {text}", err=True)

    serve(photo, Serving(click.echo, note, host, port, browser=not no_open))
