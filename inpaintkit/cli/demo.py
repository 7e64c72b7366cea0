"""The command ``inpaintkit demo``: a photograph damaged and repaired, from nothing but the install."""

from __future__ import annotations

import time
from pathlib import Path

import click

from inpaintkit.cli.options import FILE, method_named
from inpaintkit.cli.outputs import check_format, check_output, write_picture


@click.command()
@click.option("-o", "--output", default="inpaintkit-demo.png", type=FILE, show_default=True, help="Picture to write.")
@click.option("--method", default="auto", show_default=True, metavar="NAME", help="See 'inpaintkit methods'.")
def demo(output: Path, method: str) -> None:
    """Damage a photograph, repair it, and show both with the mask.

    Text and scratches are drawn over one of scikit-image's photographs; the result is one picture with the damaged
    photograph, the mask and the repaired photograph side by side, with the seconds that the repair took.
    """
    method_named(method)
    check_format(output)
    check_output(output)
    click.echo(f"before, mask and after: {_draw(output, method)}")


def _draw(path: Path, method: str) -> Path:
    import numpy as np
    import skimage.data

    from inpaintkit.api import inpaint
    from inpaintkit.damage import scratches, text
    from inpaintkit.kernels import compiling
    from inpaintkit.sheet import sheet

    photo = skimage.data.chelsea()
    words = text(photo.shape[:2], size=24, share=0.16, seed=1)
    lines = scratches(photo.shape[:2], number=9, max_width=4, seed=2)
    damaged = photo.copy()
    damaged[words] = (255, 232, 60)
    damaged[lines] = (245, 245, 245)
    hole = words | lines
    began = time.perf_counter()
    with compiling() as watch:
        repaired = inpaint(damaged, hole, method)
    took = f"repaired in {time.perf_counter() - began:.1f} s"
    if watch.happened:
        took += f", {watch.seconds:.1f} s of them compiling"
    mask = np.where(hole, np.uint8(255), np.uint8(0))
    write_picture(path, sheet([("damaged", damaged), ("mask", mask), (took, repaired)]))
    return path.resolve()
