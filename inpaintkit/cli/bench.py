"""The command ``inpaintkit bench``: methods, folders of results and exported networks on one set of masks."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import click

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_PACKAGES = {"yaml": "PyYAML", "jinja2": "Jinja2", "matplotlib": "matplotlib"}


class _Bench(click.Group):
    """Commands that need the extra ``bench``."""

    def invoke(self, ctx: click.Context) -> Any:
        absent = [title for name, title in _PACKAGES.items() if importlib.util.find_spec(name) is None]
        if absent:
            raise click.ClickException(
                f'bench needs {", ".join(absent)}, not installed here: pip install "inpaintkit[bench]"'
            )
        return super().invoke(ctx)


@click.group(cls=_Bench)
def bench() -> None:
    """Compare methods, learned models' results and exported networks on the same masks, and report it.

    Mask protocols: pconv, brush, lama-thin, lama-medium, lama-thick, center, box, text, scratch, drop; with options
    as in pconv:bin=10-20,border=no or drop:share=0.5. pconv alone is all six bins.
    """


@bench.command()
@click.option("--images", required=True, type=_FOLDER, help="Folder of pictures: the truth.")
@click.option(
    "--masks", "sources", required=True, multiple=True, metavar="PROTOCOL|DIR", help="How to mask; may be repeated."
)
@click.option(
    "--methods", default="", metavar="A,B,C", help="Names, as 'auto' or 'telea:radius=3'; 'all' for each with 'auto'."
)
@click.option("--results", multiple=True, metavar="NAME=DIR", help="A model's results, named like picture or case.")
@click.option("--resize-results", is_flag=True, help="Scale results of another size; the report says so.")
@click.option("--no-composite", is_flag=True, help="Leave the results' own known pixels.")
@click.option("--model", "models", multiple=True, metavar="NAME=FILE", help="An exported network, .onnx or .pt.")
@click.option("--conventions", multiple=True, metavar="NAME=YAML", help="How a model is fed; a file or a shipped name.")
@click.option("-o", "--output", required=True, type=_FOLDER, help="The run's folder; a run begun there goes on.")
@click.option(
    "--jobs", default=1, show_default=True, type=click.IntRange(1), help="Processes, of one thread each if several."
)
@click.option("--threads", type=click.IntRange(1), help="Threads of a fill, with one job; all cores when left out.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the masks and of the methods.")
@click.option("--vgg", type=_FILE, help="VGG19's weights, for VGG and Gram distances.")
@click.option("--lpips", is_flag=True, help="LPIPS, by the package lpips, which fetches its weights.")
@click.option("--no-truth", is_flag=True, help="The masks cover what should go: only measures that need no truth.")
@click.option("-q", "--quiet", is_flag=True, help="No progress, no remarks.")
def run(
    images: Path,
    sources: tuple[str, ...],
    methods: str,
    results: tuple[str, ...],
    resize_results: bool,
    no_composite: bool,
    models: tuple[str, ...],
    conventions: tuple[str, ...],
    output: Path,
    jobs: int,
    threads: int | None,
    seed: int,
    vgg: Path | None,
    lpips: bool,
    no_truth: bool,
    quiet: bool,
) -> int:
    """Fill every picture by everyone under every mask, and measure it; 1 where a cell failed.

    A run that was stopped goes on where it was: what is done stays, what failed is tried again. Results are looked for
    by the case's name, and by the picture's where it has one mask.
    """
    from inpaintkit import cli, registry
    from inpaintkit.benchmarks import perceptual
    from inpaintkit.benchmarks import run as runs
    from inpaintkit.benchmarks.contestants import contestants, words

    names = [*registry.methods(), "auto"] if methods == "all" else words(methods)
    everyone = contestants(names, results, models, conventions, composite=not no_composite, resize=resize_results)
    absent = perceptual.missing("lpips") if lpips else ""
    if absent and not quiet:
        click.echo(f"inpaintkit: {absent}, so LPIPS is left out", err=True)
    extras = runs.Extras(vgg.resolve() if vgg else None, lpips and not absent, not no_truth)
    with cli.progress_bar(quiet) as progress:
        cells = runs.run(
            output, images, sources, everyone, seed=seed, jobs=jobs, count=threads, extras=extras, progress=progress
        )
    failed = [cell for cell in cells if cell.status == "failed"]
    for cell in failed:
        click.echo(f"inpaintkit: {cell.contestant}, {cell.case}: {cell.reason}", err=True)
    if not quiet:
        counts = {
            status: sum(cell.status == status for cell in cells) for status in ("done", "not applicable", "failed")
        }
        click.echo(f"{', '.join(f'{count} {status}' for status, count in counts.items())}; "
                   f"tables: inpaintkit bench report {output}", err=True)  # fmt: skip
    return 1 if failed else 0


@bench.command()
@click.argument("folder", type=_FOLDER)
@click.option(
    "--pictures", default=24, show_default=True, type=click.IntRange(0), help="Cases with pictures in the page."
)
@click.option("--fid", is_flag=True, help="FID, by the package clean-fid, which fetches its weights.")
def report(folder: Path, pictures: int, fid: bool) -> None:
    """Write a run's tables: report.md, report.tex, report.html, summary.csv and cells.csv."""
    from inpaintkit.benchmarks.report import write_report

    for path in write_report(folder, most=pictures, fid=fid):
        click.echo(path)


@bench.command()
@click.argument("words", nargs=-1)
def published(words: tuple[str, ...]) -> None:
    """Print tables that papers printed, all of them or those that hold every one of WORDS."""
    from inpaintkit.benchmarks.published import tables

    shown = [table.markdown() for table in tables()]
    shown = [text for text in shown if all(word.lower() in text.lower() for word in words)]
    if not shown:
        raise click.UsageError(f"no published table holds {' and '.join(words)}")
    click.echo("\n\n".join(shown))


@bench.command()
@click.argument("sources", nargs=-1, metavar="[PROTOCOL]...")
@click.option("--images", type=_FOLDER, help="Folder of pictures to mask.")
@click.option("--replay", type=_FILE, metavar="MANIFEST", help="Make a manifest's masks again, and check each.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("-o", "--output", required=True, type=_FOLDER, help="Folder of masks, white in the hole.")
def masks(sources: tuple[str, ...], images: Path | None, replay: Path | None, seed: int, output: Path) -> None:
    """Only write the masks of PROTOCOLS for a folder of pictures, with their manifest."""
    import numpy as np

    from inpaintkit.api import versions
    from inpaintkit.benchmarks import masks as protocols
    from inpaintkit.benchmarks.run import drawn
    from inpaintkit.files import write

    if (replay is None) == (images is None):
        raise click.UsageError("name either PROTOCOLS with --images DIR, or --replay MANIFEST")
    if replay is not None:
        made = [(entry, protocols.replayed(entry)) for entry in protocols.load_manifest(replay)]
    elif images is not None:
        made = [(entry, mask) for entry, mask, _ in drawn(images, sources, seed)]
    output.mkdir(parents=True, exist_ok=True)
    for entry, mask in made:
        write(output / f"{entry.name}.png", mask.astype(np.uint8) * 255)
    protocols.save_manifest(output / "manifest.json", [entry for entry, _ in made], versions())
    click.echo(f"{len(made)} masks and manifest.json in {output}")


@bench.command()
@click.option("--methods", default="all", show_default=True, metavar="A,B,C", help="Names from 'inpaintkit methods'.")
@click.option("--sides", default="256,512,1024", show_default=True, metavar="N,N", help="Of square photographs, px.")
@click.option("--shares", default="0.05,0.2", show_default=True, metavar="S,S", help="Of the picture under text.")
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(1), help="Fresh processes for each.")
@click.option("--peer-python", metavar="PATH", help="A Python with opencv-contrib-python 4, for xphoto.")
@click.option("-o", "--output", required=True, type=_FOLDER, help="Folder for speed.md and speed.svg.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def speed(
    methods: str, sides: str, shares: str, repeats: int, peer_python: str | None, output: Path, quiet: bool
) -> None:
    """Time and memory of methods, OpenCV and scikit-image over sizes and hole ratios, cold and warm, in turn."""
    from inpaintkit import cli, registry
    from inpaintkit.api import versions
    from inpaintkit.benchmarks.run import machine
    from inpaintkit.benchmarks.speed import grid, grid_plot, grid_table
    from inpaintkit.files.atomic import write_text

    names = list(registry.methods()) if methods == "all" else [registry.find(name).name for name in methods.split(",")]
    try:
        sizes, parts = [int(side) for side in sides.split(",")], [float(share) for share in shares.split(",")]
    except ValueError as error:
        raise click.UsageError(f"--sides {sides} and --shares {shares}: needed are numbers ({error})") from error
    with cli.progress_bar(quiet) as progress:
        found = grid(names, sizes, parts, repeats, peer_python=peer_python, progress=progress)
    output.mkdir(parents=True, exist_ok=True)
    told = ", ".join(f"{name} {version}" for name, version in versions().items())
    write_text(output / "speed.md", f"{machine()}; {told}\n\n{grid_table(found)}\n")
    write_text(output / "speed.svg", grid_plot(found))
    click.echo(f"{output / 'speed.md'}\n{output / 'speed.svg'}")
