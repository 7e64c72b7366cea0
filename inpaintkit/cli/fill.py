"""The command ``inpaintkit fill``: one picture or a folder, with the options of the method that is named."""

from __future__ import annotations

import sys
import typing
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaintkit.cli.options import (
    FILE,
    KINDS,
    NAMED,
    SEARCH,
    examples,
    fill_options,
    mask_option,
    method_named,
    search_options,
    shown,
)
from inpaintkit.cli.outputs import (
    check_config,
    check_format,
    check_inputs,
    check_log,
    check_mask,
    check_output,
    is_same,
)
from inpaintkit.cli.pipes import SOURCE, TARGET, format_option, of_format
from inpaintkit.cli.progress import progress_bar
from inpaintkit.options import kinds_of

if TYPE_CHECKING:
    from inpaintkit.batch import Job, Notes, Outcome, PipedJob, Settings
    from inpaintkit.files import Stream
    from inpaintkit.info import Info
    from inpaintkit.overlay import RemovalInfo

_HEADINGS = {  # of the help text, in its order; what stands under none is put under the last
    "Where to fill": ("mask", "find", "nodata", "invert_mask", "resize_mask", "dilate", "feather"),
    "With --find": SEARCH,
    "How to fill": ("method", "soft", "grain", "fallback", "seed", "device", "threads"),
    "Files": ("output", "format", "png_level", "in_place", "page", "compare"),
    "Folders": ("jobs", "overwrite", "log", "dry_run"),
    "Other options": ("config", "save_config", "quiet", "verbose"),
}
_OF_ONE_RUN = (  # what --save-config leaves out
    *(
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
        "format",
        "compare",
        "accept_large",
    ),
)


class _Fill(click.Command):
    """A command whose options grow by those of the method named on its line or in a file of options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        config = _value_of("--config", args)
        ctx.default_map = _read_options(Path(config)) if config else {}
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

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their headings, a method's own last."""
        options = [option for option in super().get_params(ctx) if isinstance(option, click.Option)]
        records = {option.name: option.get_help_record(ctx) for option in options}
        sections = {heading: [records.pop(name) for name in names] for heading, names in _HEADINGS.items()}
        sections["Other options"] += records.values()
        method = ctx.meta.get("method")
        if method:
            sections[f"Options of {method}"] = [option.get_help_record(ctx) for option in _method_options(method)]
        for heading, section in sections.items():
            with formatter.section(heading):
                formatter.write_dl([record for record in section if record] or [("none", "")])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, but leave the last word to the options of a method that is named."""
        if not ctx.meta.get("method"):
            super().format_epilog(ctx, formatter)


def _value_of(option: str, args: list[str]) -> str | None:
    """What follows an option on the line, before click has read it."""
    for index, argument in enumerate(args):
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
        if argument == option and index + 1 < len(args):
            return args[index + 1]
    return None


def _read_options(path: Path) -> dict[str, Any]:
    """Option name -> value of a TOML file as ``--save-config`` writes it; a name may have dashes."""
    import tomllib

    try:
        return {name.replace("-", "_"): value for name, value in tomllib.loads(path.read_text("utf-8")).items()}
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise click.UsageError(f"{path}: cannot be read as a TOML file of options ({reason})") from error


def _save_options(path: Path, ctx: click.Context) -> None:
    """Write every option's value, but for those that belong to one run."""
    import tomli_w

    from inpaintkit.atomic import sweep, write_text

    values = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in ctx.params.items()
        if name not in _OF_ONE_RUN and value is not None
    }
    sweep(path.parent)
    try:
        write_text(path, tomli_w.dumps(values))
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error


def _method_options(name: str) -> list[click.Option]:
    from inpaintkit import registry

    row = method_named(name)
    try:
        parameters = row.parameters()
    except ImportError as error:
        raise click.ClickException(str(error)) from error
    descriptions = registry.descriptions(row)
    return [
        click.Option(
            [_flag(option, parameter.annotation)],
            type=_type(parameter.annotation),
            default=parameter.default,
            show_default=True,
            help=descriptions.get(option, ""),
        )
        for option, parameter in parameters.items()
    ]


def _flag(option: str, annotation: Any) -> str:
    dashed = option.replace("_", "-")
    return f"--{dashed}/--no-{dashed}" if annotation is bool else f"--{dashed}"


def _type(annotation: Any) -> Any:
    if typing.get_origin(annotation) is typing.Literal:
        return click.Choice([str(choice) for choice in typing.get_args(annotation)])
    from inpaintkit.picture import PictureOption

    kinds = [kind for kind in kinds_of(annotation) if kind is not type(None)]
    if isinstance(kinds[0], type) and issubclass(kinds[0], PictureOption):
        return click.Path(dir_okay=False, path_type=Path)
    return kinds[0] if kinds[0] in (int, float, bool, str) else str


@click.command(
    cls=_Fill,
    epilog=examples(
        "inpaintkit fill photo.png --mask mask.png -o repaired.png",
        "inpaintkit fill photo.jpg --find text --dilate 2 -o repaired.png",
        "inpaintkit fill photo.png --find text --soft -o repaired.png",
        "inpaintkit fill photo.png --mask mask.png -o out.png --method fsr",
        "inpaintkit fill photos --mask masks -o repaired --jobs 2 --log log.jsonl",
        "inpaintkit fill photos --mask stamp.png --resize-mask --in-place",
        "curl -s URL | inpaintkit fill - --mask mask.png -o - --format png > out.png",
        "inpaintkit fill --method telea --help",
    ),
)
@mask_option()
@click.option("--find", type=click.Choice(KINDS), help="Find the mask in the picture instead.")
@search_options
@click.option(
    "--method",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="See 'inpaintkit methods'. Add --help for the method's own options.",
)
@click.option(
    "--soft",
    is_flag=True,
    help="Take off what the mask marks: text, marks. What shows through is divided out, only the rest is filled.",
)
@click.option(
    "-o", "--output", type=TARGET, help="File to write (PNG, JPEG, TIFF, WebP or BMP), or folder; - for stdout."
)
@format_option
@click.option(
    "--png-level",
    type=click.IntRange(0, 12),
    metavar="N",
    help="Of a PNG's compression: 0 is fastest, 12 smallest.  [default: 5, or 1 where that is as small]",
)
@click.option("--in-place", is_flag=True, help="Overwrite the photo; the original is kept as NAME.orig.")
@click.option("--resize-mask", is_flag=True, help="Scale a mask of another size to the photo's size.")
@click.option("--page", type=int, metavar="N", help="Page of a file that has several, counted from 1.")
@click.option("--compare", type=FILE, metavar="SHEET", help="Also show before, mask and after on a sheet.")
@click.option("--jobs", default=1, metavar="N", help="Work in N processes of one thread each.")
@click.option("--overwrite", is_flag=True, help="Fill again what has been filled already.")
@click.option("--log", type=FILE, help="Append a line of JSON for each picture.")
@click.option("--dry-run", is_flag=True, help="Report what would be done, and do nothing.")
@click.option("--config", type=FILE, help="Read options from a TOML file.")
@click.option("--save-config", type=FILE, help="Write the options to a TOML file.")
@fill_options
@click.pass_context
def fill(
    ctx: click.Context,
    /,
    photo: Path | Stream,
    mask: str | None,
    find: str | None,
    output: Path | Stream | None,
    format: str | None,
    png_level: int | None,
    method: str,
    soft: bool,
    in_place: bool,
    resize_mask: bool,
    page: int | None,
    compare: Path | None,
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
    """Fill the masked part of a photo or of a folder's pictures.

    PHOTO is a picture or a folder, which is searched with its subfolders. A folder's --mask is one file for all
    pictures, or a folder of masks named like the pictures (NAME, NAME_mask or NAME_mask000). The output folder gets
    the same relative paths; pictures that are there already are skipped. With --find, only what is sure to be damage
    is filled, and a picture in which nothing is found is copied; one in which suspiciously much is found fails, and
    another run with --accept-large fills it. A folder's --compare is a folder of sheets.
    """
    from inpaintkit import batch
    from inpaintkit.atomic import sweep

    search = {name: arguments.pop(name) for name in SEARCH}
    if (output is None) != in_place:
        raise click.UsageError("name either an output with -o, or --in-place to overwrite the photo")
    if in_place and not isinstance(photo, Path):
        raise click.UsageError("--in-place needs a file: name the output of standard input with -o")
    if isinstance(photo, Path) and not photo.exists():
        raise click.UsageError(f"{photo}: no such file or folder")
    output = of_format(output, format)
    if jobs < 1:
        raise click.UsageError(f"--jobs is {jobs}: give 1 or more")
    source = _source(ctx, mask, find, search)
    if isinstance(source, batch.Search) and ctx.get_parameter_source("dilate") is click.core.ParameterSource.DEFAULT:
        arguments["dilate"] = ctx.params["dilate"] = "auto"
    if soft:
        _check_soft(source, arguments)
    check_mask(photo, source)
    _check_output(photo, source, output)
    _check_sheet(compare, photo, source, output)
    named = [value for value in (config, *arguments.values()) if isinstance(value, Path)]
    _check_side_files(ctx, [photo, source, *named])
    if save_config and not dry_run:
        _save_options(save_config, ctx)
    settings = batch.Settings(method, resize_mask, page, arguments, png_level, soft)
    if isinstance(photo, Path) and photo.is_dir():
        assert output is None or isinstance(output, Path)  # checked above
        run = FolderRun(settings, isinstance(source, batch.Search), jobs, overwrite, log, dry_run, quiet, verbose)
        notes = batch.Notes()
        given = [*named, *(path for path in (log, save_config) if path)]
        return run.fill(*batch.plan(photo, source, output, compare, given=given, notes=notes), notes)
    job = _job(photo, source, output or photo, compare)
    if png_level is not None and job.output.suffix.lower() != ".png":
        raise click.UsageError(
            f"--png-level is for PNG: leave it out, or name an output that ends in .png, not {output}"
        )
    if dry_run:
        _show(job)
        return 0
    for path in (job.output, job.sheet):
        if isinstance(path, Path):
            sweep(path.parent)
    with progress_bar(quiet) as progress, batch.log_to(log) as add:
        info = batch.repair(job, settings, progress)
        facts: dict[str, Any] = {"method": info.method, "pixels": info.pixels, "seconds": info.seconds}
        add(batch.Outcome(str(job.photo), str(job.output), "done", mask=str(job.mask), **facts))
    if verbose:
        _report(info)
    elif sys.stderr.isatty() and not quiet:
        click.echo(f"{job.output}: {info}", err=True)
    return 0


def _job(photo: Path | Stream, mask: Any, output: Path | Stream, sheet: Path | None) -> Job | PipedJob:
    from inpaintkit import batch
    from inpaintkit.files import Stream

    if isinstance(photo, Stream) or isinstance(mask, Stream) or isinstance(output, Stream):
        return batch.PipedJob(photo, mask, output, sheet)
    return batch.Job(photo, mask, output, sheet)


def _source(ctx: click.Context, mask: str | None, kind: str | None, search: dict[str, Any]) -> Any:
    """Where the mask comes from: a path, a name, or a search; the line outweighs a file of options."""
    from inpaintkit import batch

    def is_on_the_line(name: str) -> bool:
        return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE

    if mask and kind:
        given = [name for name in ("mask", "find") if is_on_the_line(name)]
        if len(given) != 1:
            raise click.UsageError("--mask and --find exclude each other: give a mask, or have one found")
        mask, kind = (mask, None) if given == ["mask"] else (None, kind)
    if kind:
        for name in ("invert_mask", "resize_mask"):
            if ctx.params[name]:
                raise click.UsageError(f"--{name.replace('_', '-')} needs --mask: with --find there is no mask file")
        return batch.Search(kind, search)
    if mask is None:
        raise click.UsageError("where to fill? give --mask FILE, --mask alpha, nan or nodata, or --find KIND")
    for name in SEARCH:
        if is_on_the_line(name):
            raise click.UsageError(f"--{name.replace('_', '-')} needs --find: a mask file is used as it is")
    return mask if mask in NAMED else SOURCE.convert(mask, None, ctx)


def _check_soft(mask: Any, arguments: dict[str, Any]) -> None:
    """Refuse what has no meaning where an overlay is taken off."""
    if isinstance(mask, str):
        raise click.UsageError(f"--soft takes off what lies over a picture, and --mask {mask} names what is missing")
    if arguments["feather"]:
        raise click.UsageError("--feather and --soft exclude each other: --soft finds how far each pixel is covered")
    if arguments["grain"]:
        raise click.UsageError("--grain and --soft exclude each other: --soft keeps the grain that shows through")


def _check_output(photo: Path | Stream, mask: Any, output: Path | Stream | None) -> None:
    """Refuse an output that would replace an input, or that no format has."""
    is_folder = isinstance(photo, Path) and photo.is_dir()
    if output is None:
        return
    if not isinstance(output, Path):
        if is_folder:
            raise click.UsageError(f"{photo} is a folder: name a folder for the results, not -")
        return
    instead = "name another output, or use --in-place, which keeps the original"
    if is_folder:
        check_inputs(output, photo, mask, instead=instead)
        if output.exists() and not output.is_dir():
            raise click.UsageError(f"{output} is a file, and {photo} is a folder: name a folder for the results")
        return
    check_format(output)
    check_output(output, photo, mask, instead=instead)


def _check_side_files(ctx: click.Context, others: list[Any]) -> None:
    """Refuse to write the log or the options over anything else."""
    log, config, output, sheet = (ctx.params[name] for name in ("log", "save_config", "output", "compare"))
    for path in (log, config):
        if path:
            check_inputs(path, *others)
    for one, other in combinations((path for path in (log, config, output, sheet) if isinstance(path, Path)), 2):
        if is_same(one, other):
            raise click.UsageError(f"{one} is named twice: results, sheet, log and options need files of their own")
    if log:
        check_log(log)
    if config:
        check_config(config, [parameter.name or "" for parameter in ctx.command.get_params(ctx)])


def _show(job: Job | PipedJob, remark: str = "") -> None:
    click.echo(shown(f"{job.photo} -> {job.output} (mask {job.mask}){remark}"))


def _check_sheet(sheet: Path | None, photo: Path | Stream, mask: Any, output: Path | Stream | None) -> None:
    """Refuse a sheet that would replace an input or the result, or that no format has."""
    if sheet is None:
        return
    if not (isinstance(photo, Path) and photo.is_dir()):
        check_format(sheet)
    elif sheet.is_file():
        raise click.UsageError(f"--compare is the file {sheet}: for a folder of pictures name a folder of sheets")
    check_output(sheet, photo, mask, instead="name another sheet, so that nothing is lost")
    if isinstance(output, Path) and sheet.resolve() == output.resolve():
        raise click.UsageError(f"{sheet} is also the output: name another sheet")


def _report(info: Info | RemovalInfo) -> None:
    """What was done, by regions."""
    click.echo(info, err=True)
    for region in info.regions:
        facts = {name: fact for name, fact in region.facts.items() if not hasattr(fact, "shape")}  # no maps
        line = f"  {region.box} {region.method} {region.pixels} px {region.seconds:.3f} s {facts or ''}"
        click.echo(line, err=True)
    for region in info.fallbacks:
        click.echo(f"  filled harmonically: {region.fallback}", err=True)


@dataclass(frozen=True)
class FolderRun:
    """How a folder is filled."""

    settings: Settings
    searched: bool  # the masks are found, not given
    workers: int
    overwrite: bool
    log: Path | None
    dry_run: bool
    quiet: bool
    verbose: bool

    def fill(self, jobs: list[Job], failed: list[Outcome], notes: Notes) -> int:
        """Fill the jobs' pictures; 1 where any failed, before or now."""
        if self.dry_run:
            self._show(jobs)
        outcomes = failed if self.dry_run else self._outcomes(jobs, failed, notes)
        for outcome in outcomes:
            for text in outcome.warnings if self.verbose else ():
                click.echo(shown(f"inpaintkit: warning: {outcome.photo}: {text}"), err=True)
            if outcome.status == "failed":
                text = outcome.error if outcome.photo in outcome.error else f"{outcome.photo}: {outcome.error}"
                click.echo(shown(f"inpaintkit: {text}"), err=True)
        for line in () if self.quiet else notes.lines(full=self.verbose):
            click.echo(shown(f"inpaintkit: {line}"), err=True)
        if not self.quiet and not self.dry_run:
            click.echo(_summary(outcomes, searched=self.searched), err=True)
        return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0

    def _show(self, jobs: list[Job]) -> None:
        from inpaintkit import batch

        for job in jobs:
            done = " (done)" if not self.overwrite and batch.is_done(job) else ""
            _show(job, done)

    def _outcomes(self, jobs: list[Job], failed: list[Outcome], notes: Notes) -> list[Outcome]:
        """Fill, with a bar, a log and a line for each picture where these are wanted; note what is said at the end."""
        from inpaintkit import batch
        from inpaintkit.problem import Step

        outcomes, total = list(failed), len(jobs) + len(failed)
        with progress_bar(self.quiet) as progress, batch.log_to(self.log) as add:
            for outcome in failed:
                add(outcome)
            fork = not method_named(self.settings.method).needs  # torch may start threads when it is imported
            for outcome in batch.run(jobs, self.settings, workers=self.workers, overwrite=self.overwrite, fork=fork):
                add(outcome)
                outcomes.append(outcome)
                if progress:
                    progress(Step(len(outcomes), total, remark=f"{len(outcomes)} of {total} files"))
                if self.verbose:
                    line = f"{outcome.photo}: {outcome.status} {outcome.method} {outcome.seconds:.2f} s"
                    click.echo(shown(line), err=True)
            notes.add_outcomes(outcomes)
            if notes.lines():
                add(batch.Outcome("", "", "summary", warnings=tuple(notes.lines(full=True))))
        return outcomes


def _summary(outcomes: list[Outcome], *, searched: bool) -> str:
    counts = {status: sum(outcome.status == status for outcome in outcomes) for status in ("done", "skipped", "failed")}
    text = ", ".join(f"{number} {status}" for status, number in counts.items())
    empty = sum(outcome.status == "done" and not outcome.pixels for outcome in outcomes)
    return f"{text}; in {empty} nothing was found" if empty and searched else text
