"""The command ``inpaintkit overlay``: what lies over every picture of a folder, estimated and taken off."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaintkit.cli.fill import FolderRun
from inpaintkit.cli.options import FILE, examples, method_named, together
from inpaintkit.cli.outputs import check_format, check_inputs, check_log, check_output, write_picture
from inpaintkit.cli.progress import progress_bar

if TYPE_CHECKING:
    from inpaintkit.batch import Settings
    from inpaintkit.overlay import Mode, Overlay
    from inpaintkit.picture import Picture

_MODES = ("cover", "add", "multiply")  # as in ``overlay``, which takes a second to import

_estimate_options = together(
    click.option("--mask", type=FILE, help="White where it lies, or wider; without it, it is found."),
    click.option("--colour", metavar="COLOUR", help="Its ink, where known: #rrggbb, r,g,b or a name."),
    click.option(
        "--mode", type=click.Choice(_MODES), help="Ink covers, light adds, dirt multiplies.  [default: cover]"
    ),
    click.option(
        "--align", default=0, type=click.IntRange(0), metavar="N", help="It shifts by up to N pixels between pictures."
    ),
    click.option("--gain", is_flag=True, help="It darkens: dust on a sensor, dirt on a scanner's glass."),
    click.option("-q", "--quiet", is_flag=True, help="No progress bar, no notes."),
)


@click.group()
def overlay() -> None:
    """Learn a mark or dust from a folder of pictures, and take it off.

    A visible mark of somebody else's is not yours to take off.
    """


@overlay.command(epilog=examples("inpaintkit overlay estimate photos -o mark.png --preview seen.png"))
@click.argument("folder", type=FILE)
@click.option("-o", "--output", required=True, type=FILE, help="PNG to write: its alpha is the opacity.")
@click.option("--preview", type=FILE, help="Also write the first picture before and after.")
@_estimate_options
def estimate(folder: Path, output: Path, preview: Path | None, quiet: bool, **given: Any) -> int:
    """Estimate what lies over every picture of a folder.

    All pictures have one size. The PNG can be looked at and corrected: colour is the ink, alpha how opaque it is.
    """
    _check_folder(folder)
    if output.suffix.lower() != ".png":
        raise click.UsageError(f"{output}: a mark is written as PNG, which keeps it exact; name the output .png")
    check_output(output, given["mask"])
    if preview:
        check_format(preview)
        check_output(preview, given["mask"], output, instead="name another preview")
    from inpaintkit import batch, files
    from inpaintkit.overlay import remove_overlay
    from inpaintkit.sheet import before_and_after

    paths = batch.pictures(folder, given=[path for path in (output, preview, given["mask"]) if path])
    found = _estimated(paths, output, quiet=quiet, **given)
    if preview:
        photo = files.load(paths[0])
        after = remove_overlay(photo.pixels, overlay=found, align=given["align"], channels=photo.channels)
        sheet = before_and_after(photo.pixels, found.touched, after, caption="overlay", channels=photo.channels)
        write_picture(preview, sheet)
    if not quiet:
        click.echo(f"{output}: {_said(found)}", err=True)
    return 0


@overlay.command(
    epilog=examples(
        "inpaintkit overlay remove photos -o clean --jobs 2 --log log.jsonl",
        "inpaintkit overlay remove photo.jpg --overlay mark.png -o clean.png",
    )
)
@click.argument("photo", type=FILE)
@click.option("--overlay", "mark", type=FILE, help="PNG as 'overlay estimate' writes it; without it, it is estimated.")
@click.option("-o", "--output", required=True, type=FILE, help="File to write, or folder.")
@click.option("--method", default="auto", show_default=True, metavar="NAME", help="Fills what is hidden entirely.")
@click.option("--preview", type=FILE, help="Also show before, mask and after; of a folder a folder of sheets.")
@click.option("--jobs", default=1, metavar="N", help="Work in N processes of one thread each.")
@click.option("--overwrite", is_flag=True, help="Do again what has been done already.")
@click.option("--log", type=FILE, help="Append a line of JSON for each picture.")
@click.option("--dry-run", is_flag=True, help="Report what would be done, and do nothing.")
@click.option("--seed", default=0, metavar="N", show_default=True, help="The same seed gives the same picture.")
@click.option("--threads", type=int, metavar="N", help="Threads to use; all cores by default.")
@click.option("-v", "--verbose", is_flag=True, help="Report what was done; show a traceback for an internal error.")
@_estimate_options
def remove(
    photo: Path,
    mark: Path | None,
    output: Path,
    method: str,
    preview: Path | None,
    jobs: int,
    overwrite: bool,
    log: Path | None,
    dry_run: bool,
    seed: int,
    threads: int | None,
    verbose: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Take an overlay off a photo or off every picture of a folder.

    Without --overlay a folder's is estimated from all its pictures first; one picture's from itself, where --mask is
    white or text is found. Of a folder, pictures that are there already are skipped, so that a stopped run goes on.
    """
    is_folder = photo.is_dir()
    if not photo.exists():
        raise click.UsageError(f"{photo}: no such file or folder")
    if jobs < 1:
        raise click.UsageError(f"--jobs is {jobs}: give 1 or more")
    method_named(method)
    for name in ("gain", "align"):
        if given[name] and not is_folder and mark is None:
            raise click.UsageError(
                f"--{name} is for a series, and {photo} is one picture: give the folder, or --overlay"
            )
    if mark and (named := [name for name in ("mask", "colour", "gain") if given[name]]):
        raise click.UsageError(f"--{named[0]} is for an overlay still to be estimated: leave out --overlay or it")
    check_inputs(output, photo, mark, given["mask"])
    if not is_folder:
        check_format(output)
        check_output(output, photo, mark)
    elif output.is_file():
        raise click.UsageError(f"{output} is a file, and {photo} is a folder: name a folder for the results")
    if log:
        check_log(log)
        check_inputs(log, photo, mark, output)
    from inpaintkit import batch

    inputs = [path for path in (mark, given["mask"], log) if path]
    with tempfile.TemporaryDirectory() as folder:
        notes = batch.Notes()
        kind: Mode = given["mode"] or "cover"
        source = mark or Path(folder, "mark.png")
        if not is_folder and mark is None:
            hole, settings = given["mask"] or batch.Search("text", {}), _soft(photo, method, seed, threads, **given)
            run = FolderRun(settings, not given["mask"], 1, True, log, dry_run, quiet, verbose)
            return run.fill([batch.Job(photo, hole, output, preview)], [], notes=batch.Notes())
        if is_folder:
            todo, failed = batch.plan(photo, source, output, preview, given=inputs, notes=notes)
        else:
            todo, failed = [batch.Job(photo, source, output, preview)], []
        left = [job for job in todo if overwrite or not batch.is_done(job)]
        if mark is None and left and not dry_run:
            _estimated([job.photo for job in todo], source, quiet=quiet, **given)
        arguments = {"seed": seed, "threads": threads, "align": given["align"]}
        settings = batch.Settings(method, arguments=arguments, overlay=kind)
        run = FolderRun(settings, False, jobs, overwrite or not is_folder, log, dry_run, quiet, verbose)
        return run.fill(todo, failed, notes)


def _soft(
    photo: Path, method: str, seed: int, threads: int | None, *, colour: str | None, mode: Mode | None, **_: Any
) -> Settings:
    """How one picture's own overlay is taken off."""
    from inpaintkit import batch, files
    from inpaintkit.picture import Picture

    arguments: dict[str, Any] = {"seed": seed, "threads": threads}
    if mode is not None:
        arguments["mode"] = mode
    if colour is not None:
        loaded = files.load(photo)
        arguments["colour"] = _ink(colour, Picture.of(loaded.pixels, loaded.channels))
    return batch.Settings(method, arguments=arguments, soft=True)


def _ink(colour: str, picture: Picture) -> list[float]:
    """A colour in a picture's units and channels."""
    from inpaintkit.masks import rgb

    values = [value / 255 * picture.opaque for value in rgb(colour)]
    return values if picture.colours == 3 else [sum(values) / 3] * picture.colours


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        what = "is one picture: give the folder of a series" if folder.exists() else "no such folder"
        raise click.UsageError(f"{folder}: {what}")


def _estimated(
    paths: list[Path], output: Path, *, quiet: bool, mask: Path | None, colour: str | None, **given: Any
) -> Overlay:
    """Estimate the overlay of a series of files, and write it."""
    from inpaintkit import files
    from inpaintkit.overlay import estimate_overlay
    from inpaintkit.overlay.marks import write_mark
    from inpaintkit.picture import Picture

    if len(paths) < 2:
        raise click.UsageError(
            f"a series needs two pictures or more, and there {'is' if paths else 'are'} {len(paths)}"
        )
    loaded = files.load(paths[0])
    first = Picture.of(loaded.pixels, loaded.channels)
    ink = None if colour is None else _ink(colour, first)
    hole = None if mask is None else files.read_mask(mask)
    with progress_bar(quiet) as progress:
        found = estimate_overlay(paths, hole, colour=ink, progress=progress, **given)
    write_mark(output, found, first.opaque)
    return found


def _said(found: Overlay) -> str:
    """What was found, in a line."""
    import numpy as np

    pixels = int(np.count_nonzero(found.touched))
    if not pixels:
        return "nothing repeats, the overlay is empty"
    styles = ""
    for style in found.info.styles:
        ink = ",".join(str(round(value)) for value in style.colour)
        styles += f", ink {ink}, opacity {style.opacity:.2f}"
    return f"{pixels} px{styles}, learnt from {found.info.pictures} pictures"
