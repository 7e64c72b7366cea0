"""The command ``inpaintkit compare``: one picture filled by several methods, on one sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaintkit.cli.options import NAMED, examples, fill_options, mask_option, method_named
from inpaintkit.cli.outputs import check_format, check_mask, check_output, write_picture
from inpaintkit.cli.pipes import SOURCE, TARGET, format_option, of_format
from inpaintkit.cli.progress import progress_bar

if TYPE_CHECKING:
    from inpaintkit.files import Stream


@click.command(
    epilog=examples("inpaintkit compare photo.png --mask mask.png --methods telea,fsr -o both.png"),
)
@mask_option(required=True)
@click.option("--methods", required=True, metavar="A,B,C", help="Names from 'inpaintkit methods'.")
@click.option("-o", "--output", type=TARGET, help="Sheet to write: PNG, JPEG, TIFF, WebP or BMP; - for stdout.")
@format_option
@fill_options
def compare(
    photo: Path | Stream,
    mask: str,
    output: Path | Stream | None,
    format: str | None,
    methods: str,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Fill a photo by several methods, and show them side by side.

    The sheet shows the masked photo and each fill, with the method's name and its time.
    """
    names = [name.strip() for name in methods.split(",") if name.strip()]
    if not names:
        raise click.UsageError("--methods names no method: give names separated by commas")
    for name in names:
        method_named(name)
    if output is None:
        raise click.UsageError("name the sheet to write with -o")
    output = of_format(output, format)
    given = mask if mask in NAMED else SOURCE.convert(mask, None, None)
    check_mask(photo, given)
    if isinstance(output, Path):
        check_format(output)
        check_output(output, photo, given)
    from inpaintkit.api import inpaint
    from inpaintkit.files import load, read_mask
    from inpaintkit.sheet import Display, masked, sheet

    photograph, hole = load(photo), given if mask in NAMED else read_mask(given)
    picture = photograph.pixels
    options |= {"channels": photograph.channels}
    options["dilate"] = photograph.growth(options["dilate"])
    if mask == "nodata" and options["nodata"] is None:
        options["nodata"] = photograph.nodata
    cells: list[tuple[str, Any]] = []
    for name in names:
        with progress_bar(quiet) as progress:
            result, info = inpaint(picture, hole, name, progress=progress, return_info=True, **options)
            if info.compiled:  # its time was the compiler's
                result, info = inpaint(picture, hole, name, progress=progress, return_info=True, **options)
        if not cells:
            display = Display.of(picture, hole=info.mask, channels=photograph.channels)
            cells.append(("masked", masked(picture, info.mask, display)))
        cells.append((f"{name}  {info.seconds:.2f} s", display.rgba(result)))
        if verbose:
            click.echo(info, err=True)
    write_picture(output, sheet(cells))
