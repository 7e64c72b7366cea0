"""What several commands share: groups of options, the types of their values, examples in a help text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaintkit.box import Box
from inpaintkit.cli.pipes import SOURCE

if TYPE_CHECKING:
    from inpaintkit.method import Method

FILE = click.Path(path_type=Path)
MAX_COLUMNS = 110  # of a help text on a wide terminal
NAMED = ("alpha", "nan", "nodata")  # masks, as in ``picture``, likewise
# As in ``find``, which takes a second to import.
KINDS = ("text", "stamp", "scratches", "dust", "cracks", "colour", "auto")
PURPOSES = ("propose", "act")  # likewise
DEVICES = ("auto", "cpu", "cuda", "mps")  # as in ``api``, likewise

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def together(*options: Decorator) -> Decorator:
    """Several options as one decorator, in the order of the help text."""
    return lambda function: reduce(lambda decorated, option: option(decorated), reversed(options), function)


def examples(*lines: str) -> str:
    """An epilog that click leaves as it is."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


class TakesCoordinates(click.Command):
    """A command that takes -5,10 for a point left of the picture, not for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put a space before such a point, which hides its dash."""
        return super().parse_args(ctx, [f" {word}" if re.match(r"-[\d.]+,", word) else word for word in args])


def numbers(text: Any, form: str, kind: Callable[[str], Any], separator: str = ",") -> tuple[Any, ...]:
    """``text`` as the numbers that ``form`` names, e.g. "X,Y"; a file of options may hold them as a list."""
    if isinstance(text, (list, tuple)):
        text = separator.join(map(str, text))
    try:
        found = tuple(kind(part) for part in text.split(separator))
    except ValueError:
        found = ()
    if len(found) != len(form.split(separator)):
        what = "whole pixels" if kind is int else "pixels"
        raise click.BadParameter(f"{text.strip()!r} is not {form} in {what}")
    return found


def box(text: Any) -> Box:
    """LEFT,TOP,WIDTH,HEIGHT in whole pixels."""
    return Box(*numbers(text, "LEFT,TOP,WIDTH,HEIGHT", int))


def point(text: Any) -> tuple[Any, ...]:
    """X,Y in pixels, fractions allowed."""
    return numbers(text, "X,Y", float)


def pixel(text: Any) -> tuple[Any, ...]:
    """X,Y in whole pixels."""
    return numbers(text, "X,Y", int)


def size(text: str) -> tuple[Any, ...]:
    """WIDTHxHEIGHT as height and width, in the order of an array's shape."""
    width, height = numbers(text.lower(), "WxH", int, "x")
    if min(width, height) < 1:
        raise click.BadParameter(f"{text!r} has no pixels: width and height must be 1 or more")
    return height, width


def growth(text: Any) -> Any:
    """Whole pixels, or "auto"."""
    if text == "auto":
        return text
    try:
        return int(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither whole pixels nor 'auto'") from None


def mask_option(*, required: bool = False) -> Decorator:
    """The option ``--mask``."""
    return click.option(
        "--mask",
        required=required,
        metavar="FILE|alpha|nan|nodata",
        help="White where to fill; or all that is not opaque, is not a number, or has the file's value for no data.",
    )


fill_options = together(
    click.argument("photo", type=SOURCE),
    click.option("--invert-mask", is_flag=True, help="The mask is white where to keep."),
    click.option("--nodata", type=float, metavar="V", help="With --mask nodata: the value, if not the file's own."),
    click.option(
        "--dilate",
        type=growth,
        default=0,
        metavar="N|auto",
        help="Grow the mask by N pixels; 'auto', as with --find, by as many as colours have bled, e.g. in a JPEG.",
    ),
    click.option("--feather", default=0.0, metavar="N", help="Blend the fill over N pixels, inside the hole only."),
    click.option("--grain", is_flag=True, help="Give the fill the grain of what surrounds it."),
    click.option("--seed", default=0, metavar="N", show_default=True, help="The same seed gives the same picture."),
    click.option(
        "--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="For methods that use torch."
    ),
    click.option("--threads", type=int, metavar="N", help="Threads to use; all cores by default."),
    click.option("--fallback", is_flag=True, help="Use a simple smooth fill where the method has too little context."),
    click.option("-q", "--quiet", is_flag=True, help="No progress bar, no notes."),
    click.option("-v", "--verbose", is_flag=True, help="Report what was done; show a traceback for an internal error."),
)
"""Options of every command that fills."""

search_options = together(
    click.option(
        "--sensitivity",
        default=0.5,
        show_default=True,
        metavar="N",
        help="0 finds only clear cases, 1 anything plausible.",
    ),
    click.option("--accept-large", is_flag=True, help="Take what is found however much of the picture it is."),
    click.option("--inside", type=box, metavar="BOX", help="Look only in this area (LEFT,TOP,WIDTH,HEIGHT)."),
    click.option(
        "--exclude",
        type=box,
        metavar="BOX",
        multiple=True,
        help="Ignore this area (LEFT,TOP,WIDTH,HEIGHT). May be repeated.",
    ),
    click.option("--colour", metavar="COLOUR", help="The colour to find: #rrggbb, r,g,b or a name."),
    click.option("--pick", type=pixel, metavar="X,Y", help="Find the colour of this pixel."),
    click.option("--connected", is_flag=True, help="Only the connected area around --pick."),
)
"""Options of every command that finds damage."""

SEARCH = ("sensitivity", "accept_large", "inside", "exclude", "colour", "pick", "connected")
"""Their names, as keywords of ``find_mask``."""


def shown(text: str) -> str:
    """A line for the terminal whatever is in a file's name: line ends and bytes that are no text appear as escapes."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def method_named(name: str) -> Method:
    """The row of a method; a usage error lists the names there are."""
    from inpaintkit import registry

    try:
        return registry.find(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
