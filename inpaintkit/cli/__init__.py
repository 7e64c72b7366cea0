"""The command ``inpaintkit``: the same door as ``inpaintkit.inpaint``, from the shell."""

from __future__ import annotations

import logging
import re
import sys
import typing
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaintkit import __version__
from inpaintkit.cli.bench import bench as bench_group
from inpaintkit.cli.masks import mask as mask_group
from inpaintkit.cli.masks import search_options
from inpaintkit.cli.weights import weights as weights_group

if TYPE_CHECKING:
    from inpaintkit.batch import Settings
    from inpaintkit.method import Method
    from inpaintkit.problem import Step

_FAILED = 2
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> None:
    """Run the command; every error is one line on stderr and exit status 2."""
    line = set(sys.argv[1:] if arguments is None else arguments)
    verbose, quiet = bool(line & {"-v", "--verbose"}), bool(line & {"-q", "--quiet"})
    logging.basicConfig(format="inpaintkit: %(message)s", level=logging.ERROR if quiet else logging.WARNING, force=True)
    warnings.showwarning = lambda message, *_, **__: click.echo(f"inpaintkit: warning: {message}", err=True)
    try:
        status = command.main(arguments, prog_name="inpaintkit", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        status = 0
    except click.ClickException as error:
        status = _fail(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        click.echo("inpaintkit: interrupted", err=True)
        status = _INTERRUPTED
    except (ValueError, TypeError, OSError, ImportError) as error:
        status = _fail(str(error) or type(error).__name__)
    except Exception as error:
        if verbose:
            raise
        status = _fail(str(error) or type(error).__name__)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str) -> int:
    click.echo(f"inpaintkit: {' '.join(message.split())}", err=True)
    return _FAILED


class _Fill(click.Command):
    """A command whose options grow by those of the method named, on its line or in a file of options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        config = _value_of("--config", args)
        ctx.default_map = _options_from(Path(config)) if config else {}
        named = _value_of("--method", args) or ctx.default_map.get("method")
        ctx.meta["method"] = named or (None if {"-h", "--help"} & set(args) else "auto")
        known = {parameter.name for parameter in self.get_params(ctx)}
        for name in ctx.default_map:
            if name not in known:
                raise click.UsageError(f"{config}: there is no option {name!r}; see 'inpaintkit fill --help'")
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        name = ctx.meta.get("method")
        return [*super().get_params(ctx), *(_method_options(name) if name else [])]


def _value_of(option: str, args: list[str]) -> str | None:
    """What follows an option on the line, before click has read it."""
    for index, argument in enumerate(args):
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
        if argument == option and index + 1 < len(args):
            return args[index + 1]
    return None


def _options_from(path: Path) -> dict[str, Any]:
    """Option name -> value of a TOML file as ``--save-config`` writes it; a name may have dashes."""
    import tomllib

    try:
        return {name.replace("-", "_"): value for name, value in tomllib.loads(path.read_text("utf-8")).items()}
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{path}: no file of options in TOML ({error})") from error


def _save_options(path: Path, ctx: click.Context) -> None:
    """Every option's value but those that belong to one run."""
    import tomli_w

    from inpaintkit.files.atomic import write_text

    values = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in ctx.params.items()
        if name not in _OF_ONE_RUN and value is not None
    }
    write_text(path, tomli_w.dumps(values))


_SOUGHT = ("sensitivity", "inside", "exclude", "colour", "pick", "connected")
_OF_ONE_RUN = (
    "photo",
    "output",
    "config",
    "save_config",
    "dry_run",
    "quiet",
    "verbose",
    "overwrite",
    "log",
    "in_place",
)


def _method_options(name: str) -> list[click.Option]:
    row = _row(name)
    try:
        parameters = row.parameters()
    except ImportError as error:
        raise click.ClickException(str(error)) from error
    told = _told(row.load().__doc__ or "")
    return [
        click.Option(
            [_flag(option, parameter.annotation)],
            type=_type(parameter.annotation),
            default=parameter.default,
            show_default=True,
            help=f"{row.name}: {told.get(option, '')}",
        )
        for option, parameter in parameters.items()
    ]


def _row(name: str) -> Method:
    from inpaintkit import registry

    try:
        return registry.find(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _flag(option: str, annotation: Any) -> str:
    dashed = option.replace("_", "-")
    return f"--{dashed}/--no-{dashed}" if annotation is bool else f"--{dashed}"


def _type(annotation: Any) -> Any:
    if typing.get_origin(annotation) is typing.Literal:
        return click.Choice([str(choice) for choice in typing.get_args(annotation)])
    from inpaintkit.picture import PictureOption

    kinds = [kind for kind in typing.get_args(annotation) or (annotation,) if kind is not type(None)]
    if isinstance(kinds[0], type) and issubclass(kinds[0], PictureOption):
        return click.Path(dir_okay=False, path_type=Path)
    return kinds[0] if kinds[0] in (int, float, bool, str) else str


def _told(docstring: str) -> dict[str, str]:
    """Parameter name -> its text in a numpydoc docstring."""
    section = re.search(r"Parameters\n\s*-+\n(.*?)(?:\n\s*\n|\Z)", docstring, re.DOTALL)
    told: dict[str, str] = {}
    for line in (section[1] if section else "").splitlines():
        head = re.match(r"\s*(\w+) : (.*)", line)
        if head:
            name, told[head[1]] = head[1], head[2]
        elif told:
            told[name] += " " + line.strip()
    return told


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="%(prog)s %(version)s")
def command() -> None:
    """Repair the masked part of a picture without a trained model."""


command.add_command(mask_group)
command.add_command(bench_group)
command.add_command(weights_group)


def _common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that fills."""
    for option in reversed(
        (
            click.argument("photo", type=click.Path(path_type=Path)),
            click.option("-o", "--output", type=click.Path(path_type=Path), help="PNG, JPEG, TIFF, WebP or BMP."),
            click.option("--invert-mask", is_flag=True, help="The mask is white where to keep."),
            click.option("--dilate", default=0, metavar="N", help="Grow the mask by N pixels, for text with halos."),
            click.option("--feather", default=0.0, metavar="N", help="Blend over N pixels, inside the hole only."),
            click.option("--seed", default=0, metavar="N", show_default=True, help="Same seed, same picture."),
            click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps."),
            click.option("--threads", type=int, metavar="N", help="Threads to use; all cores when left out."),
            click.option("--fallback", is_flag=True, help="Fill plainly where a method lacks context."),
            click.option("-q", "--quiet", is_flag=True, help="No progress, no remarks."),
            click.option(
                "-v", "--verbose", is_flag=True, help="Tell what was done; a fault of the program with its traceback."
            ),
        )
    ):
        function = option(function)
    return function


@command.command(cls=_Fill)
@click.option("--mask", help="Mask file, white where to fill; or 'alpha'.")
@click.option("--find", metavar="KIND", help="Instead of --mask: text, scratches, dust, colour or auto.")
@search_options
@click.option("--method", default="auto", show_default=True, help="See 'inpaintkit methods'; --method NAME --help.")
@click.option("--in-place", is_flag=True, help="Replace the photo and keep it beside as NAME.orig.")
@click.option("--resize-mask", is_flag=True, help="Scale a mask of another size to the photo's.")
@click.option("--page", type=int, metavar="N", help="Which page of a file that holds several, from 1.")
@click.option("--jobs", default=1, metavar="N", help="For a folder: N processes of one thread each.")
@click.option("--overwrite", is_flag=True, help="For a folder: fill again what is done already.")
@click.option("--log", type=click.Path(path_type=Path), help="For a folder: add a line of JSON per file.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@click.option("--config", type=click.Path(path_type=Path), help="Take options from a TOML file.")
@click.option("--save-config", type=click.Path(path_type=Path), help="Write the options to a TOML file.")
@_common
@click.pass_context
def fill(
    ctx: click.Context,
    /,
    photo: Path,
    mask: str | None,
    find: str | None,
    output: Path | None,
    method: str,
    in_place: bool,
    resize_mask: bool,
    page: int | None,
    jobs: int,
    overwrite: bool,
    log: Path | None,
    dry_run: bool,
    config: Path | None,
    save_config: Path | None,
    quiet: bool,
    verbose: bool,
    **arguments: Any,
) -> int:
    """Fill the masked part of PHOTO, or of every picture in a folder and its subfolders.

    For a folder, --mask is a folder of masks named like the pictures (also NAME_mask, NAME_mask000), or one file for
    all; the output folder gets the same relative paths, and files that are there already are skipped. With --find
    the mask is what is found in each picture; one in which nothing is found is copied.
    """
    from inpaintkit import batch

    sought = {name: arguments.pop(name) for name in _SOUGHT}

    if (output is None) != in_place:
        raise click.UsageError("name either an output with -o, or --in-place to replace the photo")
    if jobs < 1:
        raise click.UsageError(f"--jobs is {jobs}: give 1 or more")
    source = _source(ctx, mask, find, sought)
    _check_output(photo, source, output)
    if save_config:
        _save_options(save_config, ctx)
    settings = batch.Settings(method, resize_mask, page, arguments)
    if photo.is_dir():
        return _fill_folder(photo, source, output, settings, jobs, overwrite, log, dry_run, quiet, verbose)
    job = batch.Job(photo, source, output or photo)
    if dry_run:
        click.echo(f"{job.photo} -> {job.output} (mask {job.mask})")
        return 0
    with progress_bar(quiet) as progress:
        info = batch.repair(job, settings, progress)
    if verbose:
        click.echo(info, err=True)
        for region in info.regions:
            told = {name: fact for name, fact in region.facts.items() if not hasattr(fact, "shape")}  # no maps
            line = f"  {region.box} {region.method} {region.pixels} px {region.seconds:.3f} s {told or ''}"
            click.echo(line, err=True)
        for region in info.fallbacks:
            click.echo(f"  filled harmonically: {region.fallback}", err=True)
    elif sys.stderr.isatty() and not quiet:
        click.echo(f"{job.output}: {info}", err=True)
    return 0


def _source(ctx: click.Context, mask: str | None, kind: str | None, sought: dict[str, Any]) -> Any:
    """Where the mask comes from: a path, "alpha", or a search; the line outweighs a file of options."""
    from inpaintkit import batch

    if mask and kind:
        said = [
            name
            for name in ("mask", "find")
            if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        ]
        if len(said) != 1:
            raise click.UsageError("--mask and --find exclude each other: give the mask, or let it be found")
        mask, kind = (mask, None) if said == ["mask"] else (None, kind)
    if kind is None and mask is None:
        raise click.UsageError("where to fill? give --mask FILE, --mask alpha or --find KIND")
    if kind is None:
        for name in _SOUGHT:
            if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
                raise click.UsageError(f"--{name} is for --find: a mask that is given is taken as it is")
        return mask if mask == "alpha" else Path(str(mask))
    from inpaintkit.find import KINDS

    if kind not in KINDS:
        raise click.UsageError(f"--find is {kind!r}: choose one of {', '.join(KINDS)}")
    for name in ("invert_mask", "resize_mask"):
        if ctx.params[name]:
            raise click.UsageError(f"--{name.replace('_', '-')} is for a mask that is given, not for --find")
    return batch.Search(kind, sought)


def _fill_folder(
    folder: Path,
    mask: Any,
    output: Path | None,
    settings: Settings,
    workers: int,
    overwrite: bool,
    log: Path | None,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Fill a folder's pictures; 1 where any failed."""
    from inpaintkit import batch
    from inpaintkit.problem import Step

    jobs, outcomes = batch.plan(folder, mask, output)
    if dry_run:
        for job in jobs:
            done = " (done)" if not overwrite and batch.is_done(job) else ""
            click.echo(f"{job.photo} -> {job.output} (mask {job.mask}){done}")
    total = len(jobs) + len(outcomes)
    with progress_bar(quiet) as progress, batch.log_to(None if dry_run else log) as add:
        for outcome in outcomes:
            add(outcome)
        for outcome in () if dry_run else batch.run(jobs, settings, workers=workers, overwrite=overwrite):
            add(outcome)
            outcomes.append(outcome)
            if progress:
                progress(Step(len(outcomes), total, remark=f"{len(outcomes)} of {total} files"))
            if verbose:
                click.echo(f"{outcome.photo}: {outcome.status} {outcome.method} {outcome.seconds:.2f} s", err=True)
    for outcome in outcomes:
        for text in outcome.warnings if verbose else ():
            click.echo(f"inpaintkit: warning: {outcome.photo}: {text}", err=True)
        if outcome.status == "failed":
            click.echo(f"inpaintkit: {_named_once(outcome.photo, outcome.error)}", err=True)
    counts = {status: sum(outcome.status == status for outcome in outcomes) for status in ("done", "skipped", "failed")}
    if not quiet and not dry_run:
        told = ", ".join(f"{number} {status}" for status, number in counts.items())
        empty = sum(outcome.status == "done" and not outcome.pixels for outcome in outcomes)
        click.echo(
            f"{told}; in {empty} nothing was found" if empty and isinstance(mask, batch.Search) else told, err=True
        )
    return 1 if counts["failed"] else 0


def _named_once(photo: str, error: str) -> str:
    return error if photo in error else f"{photo}: {error}"


def _check_output(photo: Path, mask: Any, output: Path | None) -> None:
    """Refuse an output that would replace an input, or that no format has."""
    from inpaintkit.files import READABLE

    if output is None:
        return
    if not photo.is_dir() and output.suffix.lower() not in READABLE:
        raise click.UsageError(f"{output}: the output's name must end in one of {', '.join(READABLE)}")
    for source in (photo, mask):
        if isinstance(source, Path) and output.exists() and source.exists() and output.samefile(source):
            raise click.UsageError(
                f"{output} is also an input: name another output, or use --in-place, which keeps the original"
            )


@command.command()
@click.option("--mask", required=True, help="Mask file, white where to fill; or 'alpha'.")
@click.option("--methods", required=True, metavar="A,B,C", help="Names from 'inpaintkit methods'.")
@_common
def compare(
    photo: Path, mask: str, output: Path | None, methods: str, quiet: bool, verbose: bool, **options: Any
) -> None:
    """Fill PHOTO by several methods and write a labelled sheet with their times."""
    names = [name.strip() for name in methods.split(",") if name.strip()]
    if not names:
        raise click.UsageError("--methods names no method: give names separated by commas")
    for name in names:
        _row(name)
    if output is None:
        raise click.UsageError("name the sheet to write with -o")
    _check_output(photo, mask if mask == "alpha" else Path(mask), output)
    from inpaintkit.api import inpaint
    from inpaintkit.files import read, read_mask, write
    from inpaintkit.picture import Picture, grow, hole_of
    from inpaintkit.sheet import masked, sheet

    picture, hole = read(photo), mask if mask == "alpha" else read_mask(mask)
    checked = Picture.of(picture)
    shown = grow(hole_of(hole, checked, invert=options["invert_mask"]), options["dilate"])
    cells = [("masked", masked(picture, shown))]
    for name in names:
        with progress_bar(quiet) as progress:
            result, info = inpaint(picture, hole, name, progress=progress, return_info=True, **options)
            if info.compiled:  # its time was the compiler's
                result, info = inpaint(picture, hole, name, progress=progress, return_info=True, **options)
        cells.append((f"{name}  {info.seconds:.2f} s", result))
        if verbose:
            click.echo(info, err=True)
    write(output, sheet(cells))


@command.command()
@click.option("-o", "--output", default="inpaintkit-demo.png", type=click.Path(path_type=Path), show_default=True)
@click.option("--method", default="auto", show_default=True, help="See 'inpaintkit methods'.")
def demo(output: Path, method: str) -> None:
    """Damage a photograph, repair it, and show before, mask and after in one picture."""
    _row(method)
    from inpaintkit.cli.demo import demo as run

    click.echo(f"before, mask and after: {run(output, method)}")


@command.command()
def methods() -> None:
    """List the methods: what each is for, and what it needs."""
    from rich.console import Console
    from rich.table import Table

    from inpaintkit.registry import AUTO
    from inpaintkit.registry import methods as rows

    table = Table(box=None, pad_edge=False)
    for heading in ("name", "what it is for", "needs", "source"):
        table.add_column(heading)
    for row in (AUTO, *rows().values()):
        table.add_row(row.name, row.summary, row.needs and f"pip install inpaintkit[{row.needs}]", row.source)
    Console(highlight=False).print(table, markup=False)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[Step], None] | None]:
    """A bar on a terminal, nothing in a pipe."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    percent, remark = TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.description}")
    columns = (BarColumn(), percent, TimeRemainingColumn(), remark)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(step: Step) -> None:
            loss = "" if step.loss is None else f"loss {step.loss:.3g} "
            bar.update(task, completed=step.done, total=step.total, description=f"{loss}{step.remark}")

        yield show
