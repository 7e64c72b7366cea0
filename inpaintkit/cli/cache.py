"""The command ``inpaintkit cache``: the compiled code that fills and finds, made ahead of time or removed."""

from __future__ import annotations

import logging
import time
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import click

from inpaintkit.cli.options import examples, method_named
from inpaintkit.options import kinds_of

if TYPE_CHECKING:
    import inspect

    from inpaintkit.method import Method


@click.group()
def cache() -> None:
    """Compile ahead of time, or remove what was compiled.

    The first fill with a method compiles it for this machine, which takes some seconds. The compiled code is kept in
    the user's cache folder, or in the folder that the environment variable NUMBA_CACHE_DIR names. Code that has not
    been used for 30 days is removed.
    """


@cache.command()
def where() -> None:
    """Print the folder of the compiled code."""
    from inpaintkit import kernel_cache

    click.echo(kernel_cache.root())


@cache.command()
def clear() -> None:
    """Remove all compiled code. What is needed again is compiled again."""
    from inpaintkit import kernel_cache

    kernels, size = kernel_cache.clear()
    folder = kernel_cache.root()
    click.echo(f"removed: {folder} (kernels: {kernels}, {size / 2**20:.1f} MiB)" if kernels else f"empty: {folder}")


@cache.command(epilog=examples("inpaintkit cache warm", "inpaintkit cache warm telea patchmatch"))
@click.argument("methods", nargs=-1, metavar="[METHOD]...")
def warm(methods: tuple[str, ...]) -> None:
    """Compile methods now, so that later fills begin at once.

    Without METHOD all methods and the search for damage are compiled, which takes a minute or two. For a container, run
    it while the image is built.
    """
    from inpaintkit.registry import methods as registered

    rows = [method_named(name) for name in methods] or [row for row in registered().values() if not row.needs]
    for row in rows:
        _report(row.name, _compiles(lambda row=row: _fill(row)))  # type: ignore[misc]
    if not methods:
        _report("search for damage", _compiles(_find))


def _report(name: str, seconds: float | None) -> None:
    click.echo(f"{name}: {'nothing to compile' if seconds is None else f'compiled in {seconds:.0f} s'}")


def _compiles(work: Callable[[], None]) -> float | None:
    """Do some work quietly; gives its seconds if anything was compiled for it."""
    from inpaintkit.kernels import compiling

    log = logging.getLogger("inpaintkit")
    before, began = log.level, time.perf_counter()
    log.setLevel(logging.ERROR)  # that it compiles is no news here
    try:
        with compiling() as watch:
            work()
    finally:
        log.setLevel(before)
    return time.perf_counter() - began if watch.happened else None


def _choices(parameters: Mapping[str, inspect.Parameter]) -> Iterator[dict[str, Any]]:
    """Each way that a method can be asked to work, one option at a time."""
    yield {}
    for name, parameter in parameters.items():
        for kind in kinds_of(parameter.annotation):
            values = (
                typing.get_args(kind) if typing.get_origin(kind) is Literal else (False, True) if kind is bool else ()
            )
            yield from ({name: value} for value in values if value != parameter.default)


def _fill(row: Method) -> None:
    """Fill pictures of the usual kinds, whose holes are thin in one and wide in the other, in every way."""
    import numpy as np
    import skimage.data

    from inpaintkit import damage
    from inpaintkit.api import inpaint
    from inpaintkit.registry import AUTO

    photo = skimage.data.chelsea()[60:220, 120:280]
    thin = damage.text(photo.shape[:2], size=20, seed=2)
    wide = np.zeros_like(thin)
    wide[40:110, 45:115] = True
    for options in _choices({} if row.name == AUTO.name else row.parameters()):
        for picture in (photo, photo[..., 0], photo.astype(np.float32) / 255):
            for hole in (thin, wide):
                inpaint(picture, hole, row.name, fallback=True, **options)


def _find() -> None:
    """Look for each kind of damage where there is some."""
    import cv2
    import numpy as np
    import skimage.data

    from inpaintkit import damage
    from inpaintkit.find import FINDERS, find_mask

    picture = skimage.data.chelsea().copy()
    picture[damage.text(picture.shape[:2], size=24, share=0.1, seed=1)] = (255, 232, 60)
    picture[damage.scratches(picture.shape[:2], number=4, max_width=3, seed=2)] = (245, 245, 245)
    for x, y in np.random.default_rng(3).integers(5, 295, (40, 2)).tolist():
        cv2.circle(picture, (x, y), 2, (250, 250, 250), -1, cv2.LINE_AA)
    kinds: Any = FINDERS
    for image in (picture, picture[..., 0]):
        for kind in kinds:
            find_mask(image, kind)
