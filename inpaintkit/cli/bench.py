"""The command ``inpaintkit bench``: methods, folders of results and exported networks on one set of masks."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import click

from inpaintkit.cli.options import examples
from inpaintkit.cli.outputs import check_inputs, check_output
from inpaintkit.cli.progress import progress_bar

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_PRESETS = ("quality", "lost-half", "boxes")  # benchmarks/presets.py describes them; loading it here would be slow
_PACKAGES = {"yaml": "PyYAML", "jinja2": "Jinja2", "matplotlib": "matplotlib"}


class _Command(click.Command):
    """A command that needs the extra ``bench``, though not for its help text."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, or say what to install."""
        absent = [title for name, title in _PACKAGES.items() if importlib.util.find_spec(name) is None]
        if absent:
            raise click.ClickException(
                f'bench needs {", ".join(absent)}, not installed: pip install "inpaintkit[bench]"'
            )
        return super().invoke(ctx)


class _Bench(click.Group):
    """The commands below."""

    command_class = _Command


@click.group(cls=_Bench)
def bench() -> None:
    """Compare methods, models and folders of results on the same masks.

    Masks come from protocols of the literature: pconv, brush, lama-thin, lama-medium, lama-thick, center, box, text,
    scratch and drop, with options as in pconv:bin=10-20,border=no or drop:share=0.5. pconv alone means all six bins.
    """


@bench.command(
    epilog=examples(
        "inpaintkit bench run --images photos --masks text --methods telea,fsr -o run",
        "inpaintkit bench run --images photos --masks text --results lama=DIR -o run",
        "inpaintkit bench run --preset lost-half -o run",
        "inpaintkit bench report run",
    )
)
@click.option("--images", type=_FOLDER, help="Folder of the true pictures.")
@click.option(
    "--masks",
    "sources",
    multiple=True,
    metavar="PROTOCOL|DIR",
    help="How to mask the pictures. May be repeated.",
)
@click.option(
    "--methods", default="", metavar="A,B,C", help="Methods to compare, e.g. auto,telea:radius=3; 'all' for all."
)
@click.option(
    "--preset",
    type=click.Choice(_PRESETS),
    help="Masks and methods of a comparison with a name, and scikit-image's photographs unless --images is given.",
)
@click.option("--results", multiple=True, metavar="NAME=DIR", help="A folder of a model's results. May be repeated.")
@click.option("--resize-results", is_flag=True, help="Scale results of another size; noted in the report.")
@click.option("--no-composite", is_flag=True, help="Keep the results' own pixels outside the mask.")
@click.option(
    "--model", "models", multiple=True, metavar="NAME=FILE", help="An exported network, .onnx or .pt. May be repeated."
)
@click.option(
    "--conventions", multiple=True, metavar="NAME=YAML", help="A model's inputs and outputs: a file or a built-in name."
)
@click.option("-o", "--output", required=True, type=_FOLDER, help="Folder of the run; a run begun there is continued.")
@click.option(
    "--jobs",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Processes; if several, of one thread each.",
)
@click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="Threads to use with one job; all cores by default."
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Seed of the masks and of the methods.",
)
@click.option("--vgg", type=_FILE, help="VGG19 weights: also measure VGG and Gram distances.")
@click.option("--lpips", is_flag=True, help="Also measure LPIPS. The package lpips downloads its weights.")
@click.option("--no-truth", is_flag=True, help="The masks cover what should go, so the pictures are not the truth.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar, no notes.")
def run(
    images: Path | None,
    sources: tuple[str, ...],
    methods: str,
    preset: str | None,
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
    """Fill every picture under every mask, and measure the results.

    A run that was stopped is continued: what is done stays, what failed is tried again. A model's results are files
    named like the cases (the masks), or like the pictures where each has one mask. The exit status is 1 if any fill
    failed.
    """
    from inpaintkit import registry
    from inpaintkit.benchmarks import perceptual, presets
    from inpaintkit.benchmarks import run as runs
    from inpaintkit.benchmarks.entrants import entrants, words

    names = [*registry.methods(), "auto"] if methods == "all" else words(methods)
    if preset:
        names = names or list(presets.PRESETS[preset].methods)
        sources = sources or presets.PRESETS[preset].masks
        images = images or presets.write_photographs(output / "photographs")
    if images is None:
        raise click.UsageError("no pictures: name their folder with --images, or a --preset")
    check_inputs(output, images, *map(Path, sources), *(Path(text.partition("=")[2]) for text in results))
    everyone = entrants(names, results, models, conventions, composite=not no_composite, resize=resize_results)
    absent = perceptual.missing("lpips") if lpips else ""
    if absent and not quiet:
        click.echo(f"inpaintkit: {absent}, so LPIPS is left out", err=True)
    extras = runs.Extras(vgg.resolve() if vgg else None, lpips and not absent, not no_truth)
    with progress_bar(quiet) as progress:
        found = runs.run(
            output, images, sources, everyone, seed=seed, jobs=jobs, count=threads, extras=extras, progress=progress
        )
    failed = [result for result in found if result.status == "failed"]
    for result in failed:
        click.echo(f"inpaintkit: {result.entrant}, {result.case}: {result.reason}", err=True)
    if not quiet:
        counts = {
            status: sum(result.status == status for result in found) for status in ("done", "not applicable", "failed")
        }
        click.echo(f"{', '.join(f'{count} {status}' for status, count in counts.items())}; "
                   f"tables: inpaintkit bench report {output}", err=True)  # fmt: skip
    return 1 if failed else 0


@bench.command()
@click.argument("folder", type=_FOLDER)
@click.option(
    "--pictures",
    default=24,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Number of cases shown with pictures.",
)
@click.option("--fid", is_flag=True, help="Also measure FID. The package clean-fid downloads its weights.")
def report(folder: Path, pictures: int, fid: bool) -> None:
    """Write the tables of a run.

    FOLDER, the folder of a run, gets report.md, report.tex, report.html, summary.csv and results.csv.
    """
    from inpaintkit.benchmarks.report import write_report

    for path in write_report(folder, max_pictures=pictures, fid=fid):
        click.echo(path)


@bench.command()
@click.argument("words", nargs=-1)
def published(words: tuple[str, ...]) -> None:
    """Print tables published in papers.

    All of them, or those that contain every one of WORDS.
    """
    from inpaintkit.benchmarks.published import tables

    shown = [table.markdown() for table in tables()]
    shown = [text for text in shown if all(word.lower() in text.lower() for word in words)]
    if not shown:
        raise click.UsageError(f"no published table contains {' and '.join(words)}")
    click.echo("\n\n".join(shown))


@bench.command()
@click.argument("sources", nargs=-1, metavar="[PROTOCOL]...")
@click.option("--images", type=_FOLDER, help="Folder of pictures to mask.")
@click.option("--replay", type=_FILE, metavar="MANIFEST", help="Make the masks of a manifest again, and check each.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), metavar="N", help="Seed of the masks.")
@click.option("-o", "--output", required=True, type=_FOLDER, help="Folder for the masks, white where to fill.")
def masks(sources: tuple[str, ...], images: Path | None, replay: Path | None, seed: int, output: Path) -> None:
    """Write masks for a folder of pictures, with their manifest."""
    import numpy as np

    from inpaintkit.api import versions
    from inpaintkit.benchmarks import protocols
    from inpaintkit.benchmarks.run import masked_pictures
    from inpaintkit.files import write

    if (replay is None) == (images is None):
        raise click.UsageError("name either protocols with --images DIR, or --replay MANIFEST")
    if replay is not None:
        made = [(entry, protocols.replayed(entry)) for entry in protocols.load_manifest(replay)]
    elif images is not None:
        made = [(entry, mask) for entry, mask, _ in masked_pictures(images, sources, seed)]
    check_inputs(output, images, *map(Path, sources))
    check_inputs(output / "manifest.json", replay)
    for entry, _ in made:
        check_output(output / f"{entry.name}.png", *([Path(entry.source)] if entry.source else []))
    output.mkdir(parents=True, exist_ok=True)
    for entry, mask in made:
        write(output / f"{entry.name}.png", mask.astype(np.uint8) * 255)
    protocols.save_manifest(output / "manifest.json", [entry for entry, _ in made], versions())
    click.echo(f"{len(made)} masks and manifest.json in {output}")


@bench.command()
@click.option("--methods", default="all", show_default=True, metavar="A,B,C", help="Names from 'inpaintkit methods'.")
@click.option(
    "--sides", default="256,512,1024", show_default=True, metavar="N,N", help="Sides of square photographs, in pixels."
)
@click.option(
    "--shares", default="0.05,0.2", show_default=True, metavar="S,S", help="Shares of the picture covered by text."
)
@click.option(
    "--repeats",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Fresh processes for each figure.",
)
@click.option(
    "--peer-python",
    metavar="PATH",
    help="A Python that has opencv-contrib-python 4, for xphoto; with --ratios pypatchmatch and patchmatch-cython.",
)
@click.option("--ratios", is_flag=True, help="Every figure that speed is held to instead, beside its peer's.")
@click.option("--parts", default="", metavar="A,B,C", help="With --ratios: only these of its tables.")
@click.option("--greys", type=_FOLDER, help="With --ratios: a folder of grey pictures of 256 and 512 pixels a side.")
@click.option("-o", "--output", required=True, type=_FOLDER, help="Folder for speed.md and speed.svg, or ratios.md.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
def speed(
    methods: str,
    sides: str,
    shares: str,
    repeats: int,
    peer_python: str | None,
    ratios: bool,
    parts: str,
    greys: Path | None,
    output: Path,
    quiet: bool,
) -> None:
    """Measure time and memory of methods, OpenCV and scikit-image.

    Over sizes of the picture and shares of the hole, with and without compiling, each library in turn.
    """
    if ratios:
        _write_ratios(parts, greys, peer_python, output, quiet=quiet)
        return
    from inpaintkit import registry
    from inpaintkit.api import versions
    from inpaintkit.atomic import write_text
    from inpaintkit.benchmarks.run import machine
    from inpaintkit.benchmarks.speed import grid, grid_plot, grid_table

    names = list(registry.methods()) if methods == "all" else [registry.find(name).name for name in methods.split(",")]
    try:
        sizes, covered = [int(side) for side in sides.split(",")], [float(share) for share in shares.split(",")]
    except ValueError as error:
        raise click.UsageError(f"--sides {sides} and --shares {shares} must be numbers ({error})") from error
    with progress_bar(quiet) as progress:
        found = grid(names, sizes, covered, repeats, peer_python=peer_python, progress=progress)
    output.mkdir(parents=True, exist_ok=True)
    used = ", ".join(f"{name} {version}" for name, version in versions().items())
    write_text(output / "speed.md", f"{machine()}; {used}\n\n{grid_table(found)}\n")
    write_text(output / "speed.svg", grid_plot(found))
    click.echo(f"{output / 'speed.md'}\n{output / 'speed.svg'}")


def _write_ratios(parts: str, greys: Path | None, peer_python: str | None, output: Path, *, quiet: bool) -> None:
    from inpaintkit.api import versions
    from inpaintkit.atomic import write_text
    from inpaintkit.benchmarks.ratios import PARTS, Settings, ratios, table
    from inpaintkit.benchmarks.run import machine

    chosen = [part for part in parts.split(",") if part]
    unknown = [part for part in chosen if part not in PARTS]
    if unknown:
        raise click.UsageError(f"--parts {','.join(unknown)}: choose from {', '.join(PARTS)}")
    with progress_bar(quiet) as progress:
        found = list(ratios(Settings(greys, peer_python), chosen, progress))
    output.mkdir(parents=True, exist_ok=True)
    used = ", ".join(f"{name} {version}" for name, version in versions().items())
    text = f"{machine()}; {used}\n\n{table(found)}\n"
    write_text(output / "ratios.md", text)
    click.echo(text)
