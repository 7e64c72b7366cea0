"""The command ``inpaintkit mask``: masks without an editor, from the shell; the work is done in ``masks``."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from inpaintkit.problem import Mask

_FILE = click.Path(path_type=Path)


@click.group()
def mask() -> None:
    """Draw, pick and combine masks: white where to fill.

    Coordinates are X,Y in pixels with the origin at the top left: 0,0 is the first pixel's centre. Boxes are
    LEFT,TOP,WIDTH,HEIGHT. What lies outside the picture is cut off.
    """


class _Drawing(click.Command):
    """A command that takes -5,10 for a point left of the picture, not for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [f" {word}" if re.match(r"-[\d.]+,", word) else word for word in args])


def _numbers(text: Any, form: str, kind: Callable[[str], Any], separator: str = ",") -> tuple[Any, ...]:
    """``text`` as the numbers that ``form`` names, e.g. "X,Y"; a file of options may hold them as a list."""
    if isinstance(text, (list, tuple)):
        text = separator.join(map(str, text))
    try:
        numbers = tuple(kind(part) for part in text.split(separator))
    except ValueError:
        numbers = ()
    if len(numbers) != len(form.split(separator)):
        what = "whole pixels" if kind is int else "pixels"
        raise click.BadParameter(f"{text.strip()!r} is not {form} in {what}")
    return numbers


def _box(text: Any) -> tuple[Any, ...]:
    return _numbers(text, "LEFT,TOP,WIDTH,HEIGHT", int)


def _point(text: str) -> tuple[Any, ...]:
    return _numbers(text, "X,Y", float)


def _pixel(text: Any) -> tuple[Any, ...]:
    return _numbers(text, "X,Y", int)


def _size(text: str) -> tuple[Any, ...]:
    """Height and width, as shapes have them."""
    width, height = _numbers(text.lower(), "WxH", int, "x")
    if min(width, height) < 1:
        raise click.BadParameter(f"{text!r} holds no pixel: width and height are 1 or more")
    return height, width


_output = click.option("-o", "--output", required=True, type=_FILE, help="PNG to write, white in the hole.")


def _canvas(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that draws a shape."""
    for option in reversed(
        (
            click.option("--like", type=_FILE, metavar="PHOTO", help="A mask as large as this picture."),
            click.option("--size", type=_size, metavar="WxH", help="A mask of this size, e.g. 640x480."),
            click.option("--onto", type=_FILE, metavar="MASK", help="Add to this mask; -o may name the same file."),
            _output,
        )
    ):
        function = option(function)
    return function


def search_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that finds damage."""
    for option in reversed(
        (
            click.option(
                "--sensitivity", default=0.5, show_default=True, metavar="N", help="0: the certain, 1: the plausible."
            ),
            click.option("--inside", type=_box, metavar="BOX", help="Look only in LEFT,TOP,WIDTH,HEIGHT."),
            click.option(
                "--exclude", type=_box, metavar="BOX", multiple=True, help="Propose nothing in it; repeatable."
            ),
            click.option("--colour", help="For colour: #rrggbb, r,g,b or a name."),
            click.option("--pick", type=_pixel, metavar="X,Y", help="For colour: that of this pixel."),
            click.option("--connected", is_flag=True, help="For colour: only what hangs together with --pick."),
        )
    ):
        function = option(function)
    return function


@mask.command(cls=_Drawing)
@click.argument("photo", type=_FILE)
@click.option("--kind", default="text", show_default=True, help="text, scratches, dust, colour or auto.")
@search_options
@click.option("--preview", type=_FILE, help="Also write the photo with the proposed mask in magenta.")
@_output
def find(photo: Path, kind: Any, preview: Path | None, output: Path, **options: Any) -> None:
    """Propose a mask: text, scratches, dust, a colour, or all damage (auto).

    inpaintkit mask find photo.png --kind text -o mask.png --preview seen.png
    """
    _check_output(output, photo)
    if preview and preview.exists() and any(path.exists() and preview.samefile(path) for path in (photo, output)):
        raise click.UsageError(f"{preview} is the photo or the mask: name another preview")
    from inpaintkit import files
    from inpaintkit.find import find_mask
    from inpaintkit.sheet import proposed

    picture = files.read(photo)
    hole, info = find_mask(picture, kind, return_info=True, **options)
    if preview:
        files.write(preview, proposed(picture, hole))
    _write(output, hole)
    click.echo(f"{output}: {info}" if info.pixels else f"{output}: nothing found, the mask is empty", err=True)


@mask.command(cls=_Drawing)
@click.argument("box", type=_box, metavar="LEFT,TOP,WIDTH,HEIGHT")
@_canvas
def rect(box: Any, **canvas: Any) -> None:
    """Draw a filled rectangle.

    inpaintkit mask rect 20,10,100,50 --like photo.png -o mask.png
    """
    from inpaintkit import masks

    _draw(lambda shape: masks.rect(shape, box), **canvas)


@mask.command(cls=_Drawing)
@click.argument("box", type=_box, metavar="LEFT,TOP,WIDTH,HEIGHT")
@_canvas
def ellipse(box: Any, **canvas: Any) -> None:
    """Draw the filled ellipse that fits a box.

    inpaintkit mask ellipse 20,10,100,50 --size 640x480 -o mask.png
    """
    from inpaintkit import masks

    _draw(lambda shape: masks.ellipse(shape, box), **canvas)


@mask.command(cls=_Drawing)
@click.argument("points", type=_point, nargs=-1, required=True, metavar="X,Y X,Y X,Y...")
@_canvas
def polygon(points: Any, **canvas: Any) -> None:
    """Draw a filled polygon.

    inpaintkit mask polygon 20,10 120,40 60,90 --like photo.png -o mask.png
    """
    from inpaintkit import masks

    _draw(lambda shape: masks.polygon(shape, points), **canvas)


@mask.command(cls=_Drawing)
@click.argument("points", type=_point, nargs=-1, required=True, metavar="X,Y...")
@click.option("--width", type=float, required=True, metavar="N", help="Width of the brush in pixels, 1 or more.")
@_canvas
def stroke(points: Any, width: float, **canvas: Any) -> None:
    """Draw with a brush.

    inpaintkit mask stroke 20,10 120,40 --width 9 --like photo.png -o mask.png
    """
    from inpaintkit import masks

    _draw(lambda shape: masks.stroke(shape, points, width), **canvas)


@mask.command("from-alpha")
@click.argument("photo", type=_FILE)
@click.option("--opacity", default=1.0, show_default=True, metavar="N", help="Take what is less opaque (0 to 1).")
@_output
def from_alpha(photo: Path, opacity: float, output: Path) -> None:
    """Take what is not fully opaque.

    inpaintkit mask from-alpha sticker.png -o mask.png
    """
    _check_output(output, photo)
    from inpaintkit import files, masks

    _write(output, masks.from_alpha(files.read(photo), opacity=opacity))


@mask.command("from-colour")
@click.argument("photo", type=_FILE)
@click.argument("colour")
@click.option("--tolerance", default=0.0, show_default=True, metavar="N", help="In any channel, 0 to 255; JPEG: 30.")
@click.option("--connected", type=_pixel, metavar="X,Y", help="Only what hangs together with this pixel.")
@_output
def from_colour(photo: Path, colour: str, tolerance: float, connected: Any, output: Path) -> None:
    """Take a colour (#rrggbb, r,g,b or a name).

    inpaintkit mask from-colour photo.png red -o mask.png
    """
    _check_output(output, photo)
    from inpaintkit import files, masks

    _write(output, masks.from_colour(files.read(photo), colour, tolerance=tolerance, connected=connected))


@mask.command()
@click.argument("sources", type=_FILE, nargs=-1, required=True, metavar="MASK...")
@click.option("--how", default="union", show_default=True, help="union, intersection, difference or exclusive.")
@_output
def combine(sources: tuple[Path, ...], how: str, output: Path) -> None:
    """Make one mask of several.

    inpaintkit mask combine a.png b.png --how difference -o mask.png
    """
    _check_output(output, *sources)
    from inpaintkit import files, masks

    _write(output, masks.combine(*(files.read_mask(source) for source in sources), how=how))


@mask.command()
@click.argument("source", type=_FILE, metavar="MASK")
@click.option("--radius", type=int, required=True, metavar="N", help="In whole pixels.")
@_output
def grow(source: Path, radius: int, output: Path) -> None:
    """Grow the hole by a disc.

    inpaintkit mask grow mask.png --radius 3 -o grown.png
    """
    _check_output(output, source)
    from inpaintkit import files, masks

    _write(output, masks.grow(files.read_mask(source), radius))


@mask.command()
@click.argument("source", type=_FILE, metavar="MASK")
@click.option("--radius", type=int, required=True, metavar="N", help="In whole pixels.")
@_output
def shrink(source: Path, radius: int, output: Path) -> None:
    """Shrink the hole by a disc.

    inpaintkit mask shrink mask.png --radius 3 -o shrunk.png
    """
    _check_output(output, source)
    from inpaintkit import files, masks

    _write(output, masks.shrink(files.read_mask(source), radius))


@mask.command()
@click.argument("source", type=_FILE, metavar="MASK")
@_output
def invert(source: Path, output: Path) -> None:
    """Fill what was kept and keep what was filled.

    inpaintkit mask invert mask.png -o inverted.png
    """
    _check_output(output, source)
    from inpaintkit import files, masks

    _write(output, masks.invert(files.read_mask(source)))


def _draw(
    drawn: Callable[[tuple[int, int]], Mask], *, like: Path | None, size: Any, onto: Path | None, output: Path
) -> None:
    """Draw on an empty picture of the size asked for, or add to a mask."""
    if sum(given is not None for given in (like, size, onto)) != 1:
        raise click.UsageError("how large is the mask? give one of --like PHOTO, --size WxH and --onto MASK")
    _check_output(output, *([like] if like else []))
    from inpaintkit import files, masks

    if onto is not None:
        below = masks.combine(files.read_mask(onto))
        _write(output, masks.combine(below, drawn(below.shape)))
    else:
        _write(output, drawn(files.read(like).shape[:2] if like else size))


def _check_output(output: Path, *sources: Path) -> None:
    if output.suffix.lower() != ".png":
        raise click.UsageError(f"{output}: a mask is written as PNG, which keeps it exact; name the output .png")
    for source in sources:
        if output.exists() and source.exists() and output.samefile(source):
            raise click.UsageError(f"{output} is also an input: name another output, so that nothing is lost")


def _write(output: Path, hole: Mask) -> None:
    import numpy as np

    from inpaintkit import files

    files.write(output, hole.astype(np.uint8) * 255)
