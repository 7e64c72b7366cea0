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
from inpaintkit.cli_masks import mask as mask_group

if TYPE_CHECKING:
    from inpaintkit.info import Info
    from inpaintkit.problem import Step
    from inpaintkit.registry import Method

_FAILED = 2
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> None:
    """Run the command; every error is one line on stderr and exit status 2."""
    verbose = any(argument in ("-v", "--verbose") for argument in arguments or sys.argv[1:])
    logging.basicConfig(format="inpaintkit: %(message)s", level=logging.WARNING)
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
    except Exception as error:
        if verbose:
            raise
        status = _fail(str(error) or type(error).__name__)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str) -> int:
    click.echo(f"inpaintkit: {' '.join(message.split())}", err=True)
    return _FAILED


class _Fill(click.Command):
    """A command whose options grow by those of the method named on its line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["method"] = _named(args)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        name = ctx.meta.get("method")
        return [*super().get_params(ctx), *(_method_options(name) if name else [])]


def _named(args: list[str]) -> str | None:
    """The method on the line; "auto" where none is named, and none where only help is asked for."""
    for index, argument in enumerate(args):
        if argument.startswith("--method="):
            return argument.partition("=")[2]
        if argument == "--method" and index + 1 < len(args):
            return args[index + 1]
    return None if "--help" in args else "auto"


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
    kinds = [kind for kind in typing.get_args(annotation) or (annotation,) if kind is not type(None)]
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


def _common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that fills."""
    for option in reversed(
        (
            click.argument("photo", type=click.Path(path_type=Path)),
            click.option("--mask", required=True, help="Mask file, white where to fill; or 'alpha'."),
            click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="PNG or JPEG."),
            click.option("--invert-mask", is_flag=True, help="The mask is white where to keep."),
            click.option("--dilate", default=0, metavar="N", help="Grow the mask by N pixels, for text with halos."),
            click.option("--feather", default=0.0, metavar="N", help="Blend over N pixels, inside the hole only."),
            click.option("--seed", default=0, metavar="N", show_default=True, help="Same seed, same picture."),
            click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps."),
            click.option("--threads", type=int, metavar="N", help="Threads to use; all cores when left out."),
            click.option("--fallback", is_flag=True, help="Fill plainly where a method lacks context."),
            click.option("-q", "--quiet", is_flag=True, help="No progress, no remarks."),
            click.option("-v", "--verbose", is_flag=True, help="Tell what was done; errors with a traceback."),
        )
    ):
        function = option(function)
    return function


@command.command(cls=_Fill)
@click.option("--method", default="auto", show_default=True, help="See 'inpaintkit methods'; --method NAME --help.")
@_common
def fill(photo: Path, mask: str, output: Path, method: str, quiet: bool, verbose: bool, **options: Any) -> None:
    """Fill the masked part of PHOTO."""
    picture, hole = _inputs(photo, mask, output)
    info = _filled(picture, hole, method, output, quiet=quiet, **options)
    if verbose:
        click.echo(info, err=True)
        for region in info.regions:
            click.echo(f"  {region.box} {region.pixels} px {region.seconds:.3f} s {region.facts or ''}", err=True)
        for region in info.fallbacks:
            click.echo(f"  filled harmonically: {region.fallback}", err=True)
    elif sys.stderr.isatty() and not quiet:
        click.echo(f"{output}: {info}", err=True)


def _filled(picture: Any, hole: Any, method: str, output: Path, *, quiet: bool, **options: Any) -> Info:
    from inpaintkit.api import inpaint
    from inpaintkit.files import write

    with _progress(quiet) as progress:
        result, info = inpaint(picture, hole, method, progress=progress, return_info=True, **options)
    write(output, result)
    return info


@command.command()
@click.option("--methods", required=True, metavar="A,B,C", help="Names from 'inpaintkit methods'.")
@_common
def compare(photo: Path, mask: str, output: Path, methods: str, quiet: bool, verbose: bool, **options: Any) -> None:
    """Fill PHOTO by several methods and write a labelled sheet with their times."""
    names = [name.strip() for name in methods.split(",") if name.strip()]
    if not names:
        raise click.UsageError("--methods names no method: give names separated by commas")
    for name in names:
        _row(name)
    picture, hole = _inputs(photo, mask, output)
    from inpaintkit.api import inpaint
    from inpaintkit.files import write
    from inpaintkit.picture import Picture, hole_of
    from inpaintkit.sheet import masked, sheet

    checked = Picture.of(picture)
    shown = hole_of(hole, checked, invert=options["invert_mask"])
    cells = [("masked", masked(picture, shown))]
    for name in names:
        with _progress(quiet) as progress:
            result, info = inpaint(picture, hole, name, progress=progress, return_info=True, **options)
            if info.compiled:  # its time was the compiler's
                result, info = inpaint(picture, hole, name, progress=progress, return_info=True, **options)
        cells.append((f"{name}  {info.seconds:.2f} s", result))
        if verbose:
            click.echo(info, err=True)
    write(output, sheet(cells))


def _inputs(photo: Path, mask: str, output: Path) -> tuple[Any, Any]:
    from inpaintkit.files import READABLE, read, read_mask

    if output.suffix.lower() not in READABLE:
        raise click.UsageError(f"{output}: the output's name must end in one of {', '.join(READABLE)}")
    for source in (photo, Path(mask)):
        if output.exists() and source.exists() and output.samefile(source):
            raise click.UsageError(f"{output} is also an input: name another output, so that nothing is lost")
    return read(photo), mask if mask == "alpha" else read_mask(mask)


@command.command()
@click.option("-o", "--output", default="inpaintkit-demo.png", type=click.Path(path_type=Path), show_default=True)
@click.option("--method", default="auto", show_default=True, help="See 'inpaintkit methods'.")
def demo(output: Path, method: str) -> None:
    """Damage a photograph, repair it, and show before, mask and after in one picture."""
    _row(method)
    from inpaintkit.demo import demo as run

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
    table.add_row("auto", f"chooses for you; at present {AUTO}", "", "")
    for row in rows().values():
        table.add_row(row.name, row.summary, row.needs and f"pip install inpaintkit[{row.needs}]", row.source)
    Console(highlight=False).print(table, markup=False)


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[Step], None] | None]:
    """A bar on a terminal, nothing in a pipe."""
    if quiet:
        logging.getLogger("inpaintkit").setLevel(logging.ERROR)
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
