"""The command ``inpaintkit mask``: masks without an editor, from the shell; ``masks`` does the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaintkit.cli import options
from inpaintkit.cli.options import FILE, KINDS, PURPOSES, TakesCoordinates, examples, search_options, together
from inpaintkit.cli.outputs import check_format, check_output, write_picture
from inpaintkit.cli.pipes import SOURCE, TARGET

if TYPE_CHECKING:
    from inpaintkit.files import Stream
    from inpaintkit.problem import Mask

HOW = ("union", "intersection", "difference", "exclusive")  # as in ``masks``, which takes a second to import


@click.group()
def mask() -> None:
    """Find, draw, pick and combine masks, white where to fill.

    Coordinates are X,Y in pixels from the top left: 0,0 is the centre of the first pixel. Boxes are
    LEFT,TOP,WIDTH,HEIGHT. Whatever lies outside the picture is cut off.
    """


_output = click.option(
    "-o", "--output", required=True, type=TARGET, help="PNG to write, white where to fill; - for stdout."
)


_canvas = together(
    click.option("--like", type=SOURCE, metavar="PHOTO", help="Make the mask as large as this picture."),
    click.option("--size", type=options.size, metavar="WxH", help="Make the mask of this size, e.g. 640x480."),
    click.option("--onto", type=SOURCE, metavar="MASK", help="Add to this mask; -o may name the same file."),
    _output,
)
"""Options of every command that draws a shape."""


@mask.command(
    cls=TakesCoordinates, epilog=examples("inpaintkit mask find photo.png --kind text -o mask.png --preview seen.png")
)
@click.argument("photo", type=SOURCE)
@click.option("--kind", type=click.Choice(KINDS), default="text", show_default=True, help="What to find.")
@click.option(
    "--purpose",
    type=click.Choice(PURPOSES),
    default="propose",
    show_default=True,
    help="'act' finds only what 'fill --find' takes.",
)
@search_options
@click.option("--trace", type=options.pixel, metavar="X,Y", help="Only the crack at this pixel, for --kind cracks.")
@click.option("--preview", type=FILE, help="Also write the photo with the mask shown in magenta.")
@_output
def find(photo: Path | Stream, kind: Any, preview: Path | None, output: Path | Stream, **search: Any) -> None:
    """Propose a mask of text, dates, damage or a colour.

    Damage: scratches, dust, cracks. 'auto' looks for all but a colour. Check the mask, e.g. with --preview, before you
    trust it.
    """
    _check_output(output, photo)
    if preview:
        check_format(preview)
        check_output(preview, photo, output, instead="name another preview")
    from inpaintkit import files
    from inpaintkit.find import find_mask
    from inpaintkit.sheet import proposed

    loaded = files.load(photo)
    hole, info = find_mask(loaded.pixels, kind, channels=loaded.channels, return_info=True, **search)
    if preview:
        write_picture(preview, proposed(loaded.pixels, hole, channels=loaded.channels))
    _write(output, hole)
    click.echo(f"{output}: {info}" if info.pixels else f"{output}: nothing found, the mask is empty", err=True)


@mask.command(cls=TakesCoordinates, epilog=examples("inpaintkit mask rect 20,10,100,50 --like photo.png -o mask.png"))
@click.argument("box", type=options.box, metavar="LEFT,TOP,WIDTH,HEIGHT")
@_canvas
def rect(box: Any, **canvas: Any) -> None:
    """Draw a filled rectangle."""
    from inpaintkit import masks

    _draw(lambda shape: masks.rect(shape, box), **canvas)


@mask.command(cls=TakesCoordinates, epilog=examples("inpaintkit mask ellipse 20,10,100,50 --size 640x480 -o mask.png"))
@click.argument("box", type=options.box, metavar="LEFT,TOP,WIDTH,HEIGHT")
@_canvas
def ellipse(box: Any, **canvas: Any) -> None:
    """Draw the filled ellipse that fits a box."""
    from inpaintkit import masks

    _draw(lambda shape: masks.ellipse(shape, box), **canvas)


@mask.command(
    cls=TakesCoordinates, epilog=examples("inpaintkit mask polygon 20,10 120,40 60,90 --like photo.png -o mask.png")
)
@click.argument("points", type=options.point, nargs=-1, required=True, metavar="X,Y X,Y X,Y...")
@_canvas
def polygon(points: Any, **canvas: Any) -> None:
    """Draw a filled polygon."""
    from inpaintkit import masks

    _draw(lambda shape: masks.polygon(shape, points), **canvas)


@mask.command(
    cls=TakesCoordinates, epilog=examples("inpaintkit mask stroke 20,10 120,40 --width 9 --like photo.png -o mask.png")
)
@click.argument("points", type=options.point, nargs=-1, required=True, metavar="X,Y...")
@click.option("--width", type=float, required=True, metavar="N", help="Width of the brush in pixels, at least 1.")
@_canvas
def stroke(points: Any, width: float, **canvas: Any) -> None:
    """Draw a line with a round brush."""
    from inpaintkit import masks

    _draw(lambda shape: masks.stroke(shape, points, width), **canvas)


@mask.command("from-alpha", epilog=examples("inpaintkit mask from-alpha sticker.png -o mask.png"))
@click.argument("photo", type=SOURCE)
@click.option(
    "--opacity", default=1.0, show_default=True, metavar="N", help="Take pixels less opaque than this (0 to 1)."
)
@_output
def from_alpha(photo: Path | Stream, opacity: float, output: Path | Stream) -> None:
    """Take the pixels that are not fully opaque."""
    _check_output(output, photo)
    from inpaintkit import files, masks

    loaded = files.load(photo)
    _write(output, masks.from_alpha(loaded.pixels, opacity=opacity, channels=loaded.channels))


@mask.command("from-colour", epilog=examples("inpaintkit mask from-colour photo.png red -o mask.png"))
@click.argument("photo", type=SOURCE)
@click.argument("colour")
@click.option(
    "--tolerance",
    default=0.0,
    show_default=True,
    metavar="N",
    help="Largest difference in any channel, 0 to 255. For JPEG try 30.",
)
@click.option("--connected", type=options.pixel, metavar="X,Y", help="Only the connected area around this pixel.")
@_output
def from_colour(photo: Path | Stream, colour: str, tolerance: float, connected: Any, output: Path | Stream) -> None:
    """Take the pixels of a colour: #rrggbb, r,g,b or a name."""
    _check_output(output, photo)
    from inpaintkit import files, masks

    loaded = files.load(photo)
    options: dict[str, Any] = {"tolerance": tolerance, "connected": connected, "channels": loaded.channels}
    _write(output, masks.from_colour(loaded.pixels, colour, **options))


@mask.command(epilog=examples("inpaintkit mask wand photo.png 210,35 --tolerance 0.1 -o mask.png"))
@click.argument("photo", type=SOURCE)
@click.argument("point", type=options.pixel, metavar="X,Y")
@click.option(
    "--tolerance",
    default=0.1,
    show_default=True,
    metavar="N",
    help="Largest difference in any channel, 0 to 1, a share of the picture's range.",
)
@click.option("--everywhere", is_flag=True, help="Also what is not connected to the pixel.")
@_output
def wand(photo: Path | Stream, point: Any, tolerance: float, everywhere: bool, output: Path | Stream) -> None:
    """Take the pixels that are coloured nearly as one of them."""
    _check_output(output, photo)
    from inpaintkit import files, masks

    loaded = files.load(photo)
    given: dict[str, Any] = {"tolerance": tolerance, "connected": not everywhere, "channels": loaded.channels}
    _write(output, masks.wand(loaded.pixels, point, **given))


@mask.command("object", epilog=examples("inpaintkit mask object photo.png --at 290,120 --at 300,230 -o mask.png"))
@click.argument("photo", type=SOURCE)
@click.option(
    "--at", type=options.point, multiple=True, required=True, metavar="X,Y", help="A point of it. May be repeated."
)
@click.option(
    "--not-at", type=options.point, multiple=True, metavar="X,Y", help="A point that is not of it. May be repeated."
)
@click.option("--box", type=options.box, metavar="BOX", help="It lies in this area (LEFT,TOP,WIDTH,HEIGHT).")
@_output
def object_(photo: Path | Stream, at: Any, not_at: Any, box: Any, output: Path | Stream) -> None:
    """Take the object at a point, by its outline and colours.

    Look at the mask. Where it has too little or too much, name another point with --at or --not-at.
    """
    _check_output(output, photo)
    from inpaintkit import files, masks

    loaded = files.load(photo)
    given: dict[str, Any] = {"outside": not_at, "box": box, "channels": loaded.channels}
    _write(output, masks.object_at(loaded.pixels, at, **given))


@mask.command(epilog=examples("inpaintkit mask combine a.png b.png --how difference -o mask.png"))
@click.argument("sources", type=SOURCE, nargs=-1, required=True, metavar="MASK...")
@click.option("--how", type=click.Choice(HOW), default="union", show_default=True, help="How to combine them.")
@_output
def combine(sources: tuple[Path | Stream, ...], how: str, output: Path | Stream) -> None:
    """Combine several masks into one."""
    _check_output(output, *sources)
    from inpaintkit import files, masks

    _write(output, masks.combine(*(files.read_mask(source) for source in sources), how=how))


@mask.command(epilog=examples("inpaintkit mask grow mask.png --radius 3 -o grown.png"))
@click.argument("source", type=SOURCE, metavar="MASK")
@click.option("--radius", type=int, required=True, metavar="N", help="Radius in whole pixels.")
@_output
def grow(source: Path | Stream, radius: int, output: Path | Stream) -> None:
    """Grow the hole by a disc."""
    _check_output(output, source)
    from inpaintkit import files, masks

    _write(output, masks.grow(files.read_mask(source), radius))


@mask.command(epilog=examples("inpaintkit mask shrink mask.png --radius 3 -o shrunk.png"))
@click.argument("source", type=SOURCE, metavar="MASK")
@click.option("--radius", type=int, required=True, metavar="N", help="Radius in whole pixels.")
@_output
def shrink(source: Path | Stream, radius: int, output: Path | Stream) -> None:
    """Shrink the hole by a disc."""
    _check_output(output, source)
    from inpaintkit import files, masks

    _write(output, masks.shrink(files.read_mask(source), radius))


@mask.command(epilog=examples("inpaintkit mask invert mask.png -o inverted.png"))
@click.argument("source", type=SOURCE, metavar="MASK")
@_output
def invert(source: Path | Stream, output: Path | Stream) -> None:
    """Swap what is filled and what is kept."""
    _check_output(output, source)
    from inpaintkit import files, masks

    _write(output, masks.invert(files.read_mask(source)))


def _draw(
    draw: Callable[[tuple[int, int]], Mask],
    *,
    like: Path | Stream | None,
    size: Any,
    onto: Path | Stream | None,
    output: Path,
) -> None:
    """Draw a shape on an empty mask of the size asked for, or add it to a mask."""
    if sum(given is not None for given in (like, size, onto)) != 1:
        raise click.UsageError("how large is the mask? give one of --like PHOTO, --size WxH and --onto MASK")
    _check_output(output, *([like] if like else []))
    from inpaintkit import files, masks

    if onto is not None:
        below = masks.combine(files.read_mask(onto))
        _write(output, masks.combine(below, draw(below.shape)))
    else:
        _write(output, draw(files.read(like).shape[:2] if like else size))


def _check_output(output: Path | Stream, *sources: Path | Stream) -> None:
    if not isinstance(output, Path):
        return
    if output.suffix.lower() != ".png":
        raise click.UsageError(f"{output}: a mask is written as PNG, which keeps it exact; name the output .png")
    check_output(output, *sources)


def _write(output: Path | Stream, hole: Mask) -> None:
    import numpy as np

    if not isinstance(output, Path):
        output = replace(output, suffix=".png")
    write_picture(output, hole.astype(np.uint8) * 255)
