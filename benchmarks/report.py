"""A run as tables: Markdown, CSV, LaTeX, and one HTML page with its pictures.

Every figure is a mean over the results that are done, with its bootstrap 95 % interval over pictures and their number;
results that failed or do not apply are listed. Seconds are medians of warm fills, memory the largest of a process.
"""

from __future__ import annotations

import base64
import csv
import io
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from inpaintkit.atomic import write_text
from inpaintkit.benchmarks import perceptual, published
from inpaintkit.benchmarks.metrics import MEASURES, interval, pooled_psnr
from inpaintkit.benchmarks.run import Result, Run, in_bytes
from inpaintkit.sheet import masked

SHOWN = ("psnr_hole", "psnr_whole", "l1_hole", "ssim11_hole", "msssim_whole")  # beside these, all are in the CSV
ORDER = ("psnr_hole", "gram_around", "tv_hole")  # tables are sorted by the first of these that a run has
TITLES = {measure.name: measure.title for measure in MEASURES} | {
    "vgg_hole": "VGG distance",
    "gram_hole": "Gram distance",
    "gram_around": "Gram to surroundings",
    "gram_percentile": "its percentile",
    "lpips_whole": "LPIPS",
}
DEFINITIONS = {measure.name: measure.definition for measure in MEASURES} | perceptual.VGG | perceptual.LPIPS
BETTER = {measure.name: measure.better for measure in MEASURES}
_TEMPLATE = Path(__file__).parent / "page.html.j2"


@dataclass(frozen=True)
class Line:
    """An entrant under a protocol.

    Attributes
    ----------
    number : results that are done; ``not_done`` the others, by status.
    figures : measure -> mean and the ends of its interval; a measure that means nothing in any result is left out.
    counted : measure -> how many results gave it a meaning.
    pooled : PSNR of the mean of squared errors over the hole, dB; NaN without a truth.
    """

    entrant: str
    protocol: str
    number: int
    not_done: dict[str, int]
    figures: dict[str, tuple[float, float, float]]
    counted: dict[str, int]
    pooled: float
    seconds: float | None
    cpu: float | None
    peak: float | None
    work: float | None
    fid: float | None = None


def lines(results: Sequence[Result]) -> list[Line]:
    """The run's table, protocol by protocol, the best first."""
    found = []
    for protocol in dict.fromkeys(result.protocol for result in results):
        here = [result for result in results if result.protocol == protocol]
        some = [
            _line([result for result in here if result.entrant == name])
            for name in dict.fromkeys(result.entrant for result in here)
        ]
        by = next((name for name in ORDER if any(name in line.figures for line in some)), ORDER[0])
        sign = -1 if BETTER.get(by) == "more" else 1
        found += sorted(some, key=lambda line: sign * line.figures.get(by, (sign * np.inf,))[0])
    return found


def _line(results: list[Result]) -> Line:
    done = [result for result in results if result.status == "done"]
    not_done = {
        status: count
        for status in ("failed", "not applicable")
        if (count := sum(result.status == status for result in results))
    }
    figures, counted = {}, {}
    for name in TITLES:
        values = [
            result.measures[name] for result in done if name in result.measures and not np.isnan(result.measures[name])
        ]
        if values:
            figures[name] = (float(np.mean(values)), *interval(values))
            counted[name] = len(values)
    errors = [result.measures["l2_hole"] for result in done if "l2_hole" in result.measures]
    pooled = pooled_psnr(errors) if errors else float("nan")
    return Line(
        results[0].entrant,
        results[0].protocol,
        len(done),
        not_done,
        figures,
        counted,
        pooled,
        _over(statistics.median, (result.seconds for result in done)),
        _over(statistics.median, (result.cpu for result in done)),
        _over(max, (result.peak for result in done)),
        _over(max, (result.work for result in done)),
    )


def by_protocol(found: Sequence[Line]) -> Iterable[tuple[str, list[Line]]]:
    """Each protocol with its lines."""
    for protocol in dict.fromkeys(line.protocol for line in found):
        yield protocol, [line for line in found if line.protocol == protocol]


def _over(how: Any, values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(how(known)) if known else None


def shown_measures(found: Sequence[Line]) -> list[str]:
    """The measures of the printed tables: those of ``SHOWN`` and whatever weights gave."""
    there = {name for line in found for name in line.figures}
    more = (*perceptual.VGG, *perceptual.LPIPS)
    return [name for name in (*SHOWN, *more) if name in there] or [name for name in TITLES if name in there]


def left_out(found: Sequence[Line]) -> list[str]:
    """Which columns are missing, and why."""
    there = {name for line in found for name in line.figures}
    notes = []
    if "gram_around" not in there:
        notes.append("VGG and Gram distances: no weights were given (bench run --vgg FILE)")
    if "lpips_whole" not in there:
        notes.append(f"LPIPS: {perceptual.missing('lpips') or 'not asked for'} (bench run --lpips)")
    if all(line.fid is None for line in found):
        notes.append(f"FID: {perceptual.missing('cleanfid') or 'not asked for'} (bench report --fid)")
    return notes


def rows(found: Sequence[Line], measures: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """A table's head and cells as text, without any markup."""
    fid = any(line.fid is not None for line in found)
    pooled, incomplete = any(np.isfinite(line.pooled) for line in found), any(line.not_done for line in found)
    head = ["method", *(TITLES[name] for name in measures), *(["pooled PSNR, dB"] if pooled else [])]
    head += [
        *(["FID"] if fid else []),
        "N",
        "s",
        "CPU s",
        "peak MiB",
        "new MiB",
        *(["not done"] if incomplete else []),
    ]
    body = []
    for line in found:
        cells = [line.entrant, *(_figure(line, name) for name in measures)]
        cells += [f"{line.pooled:.2f}"] if pooled else []
        cells += [_plain(line.fid, ".2f")] if fid else []
        cells += [str(line.number), _plain(line.seconds, ".3g"), _plain(line.cpu, ".3g")]
        cells += [_plain(line.peak, ".0f"), _plain(line.work, ".0f")]
        cells += [", ".join(f"{count} {status}" for status, count in line.not_done.items())] if incomplete else []
        body.append(cells)
    return head, body


def _figure(line: Line, name: str) -> str:
    if name not in line.figures:
        return ""
    digits = 2 if name.startswith(("psnr", "l1", "tv", "gram_percentile")) else 4
    mean, low, high = (f"{value:.{digits}f}" for value in line.figures[name])
    if line.counted[name] == 1:
        return mean  # nothing to draw an interval from
    fewer = f" (N {line.counted[name]})" if line.counted[name] < line.number else ""
    return f"{mean} [{low}, {high}]{fewer}"


def _plain(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"


def markdown(run: Run, found: Sequence[Line], results: Sequence[Result]) -> str:
    """The run in Markdown: how it was made, a table for each protocol, what is missing, published rows like it."""
    measures = shown_measures(found)
    text = ["# Comparison", "", *(f"- {note}" for note in notes_on(run, found, results)), ""]
    for protocol, here in by_protocol(found):
        head, body = rows(here, measures)
        text += [f"## {protocol}", "", _markdown_row(head), "|---" * len(head) + "|"]
        text += [*map(_markdown_row, body), ""]
    text += ["## Definitions", "", *(f"- **{TITLES[name]}**: {DEFINITIONS[name]}" for name in measures), ""]
    text += not_done(results)
    near = list(like(found, results))
    if near:
        text += ["## Published figures for masks like these", "", *PUBLISHED, ""]
        text += [f"{table.markdown(columns)}\n" for table, columns in near]
    return "\n".join(text)


PUBLISHED = (
    "From papers, not measured here: other pictures (unless a table's columns are pictures' names), other samples of",
    "the masks, often other definitions. Read the order of methods within a table, not levels across tables.",
)


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def notes_on(run: Run, found: Sequence[Line], results: Sequence[Result]) -> list[str]:
    """What a reader must know about a run, in sentences."""
    facts, entries = run.facts(), run.entries()
    pictures = {entry.picture for entry in entries}
    counts = (len(pictures), "picture"), (len(entries), "mask"), (len(facts["entrants"]), "entrant")
    seen = sorted({f"{name} {version}" for result in results for name, version in result.versions.items()})
    notes = [
        ", ".join(f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in counts)
        + f"; seed {facts['seed']}",
        f"Machine: {facts['machine']}",
        f"Versions: {', '.join(seen)}",
        "Means with bootstrap 95 % intervals over N results; seconds are medians of warm fills, CPU seconds of all "
        "threads; memory is the largest resident size of the process, and what a fill added to it",
    ]
    if not facts.get("truth", True):
        notes.append("The masks cover what should go, so there is no truth: only measures of the fill itself are given")
    if len({line.number for line in found}) > 1:
        notes.append("N differs between entrants: their means cover different results")
    resized = [result for result in results if result.resized]
    if resized:
        notes.append(f"{len(resized)} results were scaled to their picture's size, e.g. {resized[0].entrant}'s from "
                    f"{resized[0].resized}")  # fmt: skip
    raw = sorted({result.entrant for result in results if not result.composite})
    if raw:
        notes.append(f"Known pixels are the model's own, not the picture's: {', '.join(raw)}")
    return notes + [f"Left out: {each}" for each in left_out(found)]


def not_done(results: Sequence[Result]) -> list[str]:
    """The results that are not done, with their reasons, as Markdown."""
    missing = [result for result in results if result.status != "done"]
    if not missing:
        return []
    return [
        "## Not done",
        "",
        *(f"- {result.entrant}, {result.case}: {result.status}: {result.reason}" for result in missing),
        "",
    ]


def like(found: Sequence[Line], results: Sequence[Result]) -> Iterable[tuple[published.Table, list[int]]]:
    """Published tables with the columns whose protocol, and where columns are pictures whose picture, is in the run."""
    ours = dict.fromkeys(line.protocol for line in found)
    stems = {result.picture.lower() for result in results}
    for table in published.tables():
        columns = sorted({index for protocol in ours for index in table.like(protocol)})
        if table.stems:
            columns = [i for i in columns if any(stem.startswith(table.columns[i].lower()) for stem in stems)]
            columns += [len(table.columns) - 1] if len(columns) == len(table.columns) - 1 else []
        if columns:
            yield table, columns


def latex(found: Sequence[Line]) -> str:
    """A table for each protocol, for the package booktabs; the best of each measure is bold."""
    measures = shown_measures(found)
    text = ["% needs \\usepackage{booktabs}"]
    for protocol, here in by_protocol(found):
        head, body = rows(here, measures)
        for column, name in enumerate(measures, 1):
            values = [line.figures[name][0] if name in line.figures else np.nan for line in here]
            if BETTER.get(name, "less") != "neither" and not np.isnan(values).all():
                best = np.nanargmax(values) if BETTER.get(name, "less") == "more" else np.nanargmin(values)
                body[best][column] = f"\\textbf{{{_tex(body[best][column])}}}"
        text += [f"\\begin{{table}}\n\\caption{{{_tex(protocol)}}}\n\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}"]
        text += ["\\toprule", " & ".join(map(_tex, head)) + r" \\", "\\midrule"]
        text += [
            " & ".join(cell if cell.startswith("\\textbf") else _tex(cell) for cell in row) + r" \\" for row in body
        ]
        text += ["\\bottomrule\n\\end{tabular}\n\\end{table}", ""]
    return "\n".join(text)


def _tex(text: str) -> str:
    escaped = text.replace("\\", "\\textbackslash ")
    for sign in "&%$#_{}":
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped


def summary_csv(found: Sequence[Line]) -> str:
    """A line per entrant, protocol and measure, all measures."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["method", "protocol", "measure", "mean", "low95", "high95", "n", "failed", "not_applicable",
                     "seconds_median", "cpu_seconds_median", "peak_mib", "new_mib"])  # fmt: skip
    for line in found:
        lack = [line.not_done.get(status, 0) for status in ("failed", "not applicable")]
        cost = [line.seconds, line.cpu, line.peak, line.work]
        for name, (mean, low, high) in line.figures.items():
            writer.writerow([line.entrant, line.protocol, name, mean, low, high, line.counted[name], *lack, *cost])
        writer.writerow(
            [line.entrant, line.protocol, "psnr_hole_pooled", line.pooled, "", "", line.number, *lack, *cost]
        )
    return out.getvalue()


def results_csv(results: Sequence[Result]) -> str:
    """A line per result, all measures."""
    names = [name for name in TITLES if any(name in result.measures for result in results)]
    out = io.StringIO()
    writer = csv.writer(out)
    facts = ("entrant", "case", "picture", "protocol", "share", "status", "reason", "seconds", "cpu", "cold", "peak",
             "work", "threads", "resized")  # fmt: skip
    writer.writerow([*facts, *names])
    for result in results:
        writer.writerow(
            [*(getattr(result, fact) for fact in facts), *(result.measures.get(name, "") for name in names)]
        )
    return out.getvalue()


def with_fid(run: Run, found: Sequence[Line], results: Sequence[Result]) -> list[Line]:
    """The lines with FID between each entrant's fills and their pictures."""
    notes = []
    for line in found:
        mine = [c for c in results if (c.entrant, c.protocol, c.status) == (line.entrant, line.protocol, "done")]
        value = perceptual.fid(
            (run.file(result.entrant, result.case, ".png") for result in mine),
            (run.folder / "pictures" / f"{result.picture}.png" for result in mine),
        )
        notes.append(replace(line, fid=value))
    return notes


def plots(results: Sequence[Result]) -> list[str]:
    """Hole PSNR against the hole's share, and against seconds, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    done = [result for result in results if result.status == "done"]
    found = []
    for what in ("share", "seconds"):
        figure, axes = pyplot.subplots(figsize=(7.5, 4.2), layout="constrained")
        for index, name in enumerate(dict.fromkeys(result.entrant for result in done)):
            mine = [c for c in done if c.entrant == name and np.isfinite(c.measures.get("psnr_hole", np.nan))]
            points = [
                (value, result.measures["psnr_hole"]) for result in mine if (value := getattr(result, what)) is not None
            ]
            if not points:
                continue
            x, y = np.array(sorted(points)).T
            colour, marker = f"C{index % 10}", "osv^D*"[index // 10 % 6]
            if what == "share":
                axes.scatter(100 * x, y, s=9, alpha=0.35, color=colour, linewidths=0)
                steps = np.round(20 * x)  # results of one share, to within 5 %, make one point
                groups = [steps == step for step in np.unique(steps)]
                axes.plot(
                    [100 * x[g].mean() for g in groups], [y[g].mean() for g in groups], f"{marker}-", color=colour,
                    label=name, markersize=4,
                )  # fmt: skip
            else:
                axes.scatter(x, y, s=9, alpha=0.25, color=colour, linewidths=0)
                axes.plot(np.median(x), y.mean(), marker, color=colour, label=name, markersize=8)
                axes.set_xscale("log")
        if what == "share":
            axes.set_xlim(0, 105 * max((result.share for result in done), default=1))
        axes.set_xlabel("hole, % of the picture" if what == "share" else "seconds, warm")
        axes.set_ylabel("hole PSNR, dB")
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=7, ncols=2, loc="center left", bbox_to_anchor=(1, 0.5))
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
        pyplot.close(figure)
        if axes.has_data():
            found.append(out.getvalue()[out.getvalue().index("<svg") :])
    return found


def page(run: Run, found: Sequence[Line], results: Sequence[Result], *, max_pictures: int) -> str:
    """One HTML page that needs nothing else: tables, plots, and the pictures side by side.

    Parameters
    ----------
    max_pictures : cases whose pictures are embedded, those first in which methods differ most.
    """
    from jinja2 import Environment, FileSystemLoader

    measures = [name for name in TITLES if any(name in line.figures for line in found)]
    cases = _cases(results, measures)
    pictures = {case["name"]: _pictures(run, case) for case in cases[:max_pictures]}
    printed = []
    for protocol, here in by_protocol(found):
        head, body = rows(here, shown_measures(found))
        printed.append({"protocol": protocol, "head": head, "body": body})
    environment = Environment(loader=FileSystemLoader(_TEMPLATE.parent), autoescape=True)
    environment.policies["json.dumps_kwargs"] = {}  # jinja would sort the methods by name
    data = {
        "cases": cases,
        "pictures": pictures,
        "measures": [{"name": name, "title": TITLES[name], "better": BETTER.get(name, "less")} for name in measures],
        "order": ORDER,
        "entrants": list(dict.fromkeys(result.entrant for result in results)),
    }
    return environment.get_template(_TEMPLATE.name).render(
        notes=notes_on(run, found, results),
        printed=printed,
        plots=plots(results),
        definitions=[(TITLES[name], DEFINITIONS[name]) for name in measures],
        not_done=[result for result in results if result.status != "done"],
        published=list(like(found, results)),
        about_published=" ".join(PUBLISHED),
        data=data,
        unseen=max(0, len(cases) - max_pictures),
    )


def _cases(results: Sequence[Result], measures: Sequence[str]) -> list[dict[str, Any]]:
    """Each case with every entrant's figures, those first in which methods differ most."""
    cases: dict[str, dict[str, Any]] = {}
    for result in results:
        case = cases.setdefault(
            result.case,
            {
                "name": result.case,
                "picture": result.picture,
                "protocol": result.protocol,
                "share": result.share,
                "of": {},
            },
        )
        figures = {name: _finite(result.measures.get(name)) for name in measures}
        case["of"][result.entrant] = {
            "status": result.status,
            "reason": result.reason,
            "seconds": result.seconds,
            **figures,
        }
    return sorted(cases.values(), key=lambda case: -_spread(case))


def _finite(value: float | None) -> float | None:
    """A figure that JSON can hold; an infinite PSNR is left out there."""
    return value if value is not None and np.isfinite(value) else None


def _spread(case: dict[str, Any]) -> float:
    by = next((name for name in ORDER if any(of.get(name) is not None for of in case["of"].values())), ORDER[0])
    values = [of[by] for of in case["of"].values() if of.get(by) is not None]
    return max(values) - min(values) if values else 0.0


def _pictures(run: Run, case: dict[str, Any]) -> dict[str, str]:
    """The truth, what is masked, and each fill, as data that an <img> shows."""
    truth, hole = run.truth(case["picture"]), run.mask(case["name"])
    known = "truth" if run.facts().get("truth", True) else "picture"
    found = {known: _embedded(truth), "masked": _embedded(masked(truth, hole)[..., :3])}
    for name, of in case["of"].items():
        if of["status"] == "done":
            with PILImage.open(run.file(name, case["name"], ".png")) as picture:
                found[name] = _embedded(np.asarray(picture))
    return found


def _embedded(picture: NDArray[Any]) -> str:
    """A picture as WebP, small losses allowed: figures are of the files, the page is for the eye."""
    out = io.BytesIO()
    PILImage.fromarray(in_bytes(picture)).convert("RGB").save(out, "WEBP", quality=90)
    return f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"


def write_report(folder: Path, *, max_pictures: int = 24, fid: bool = False) -> list[Path]:
    """Write ``report.md``, ``report.tex``, ``report.html``, ``summary.csv`` and ``results.csv`` into a run's folder.

    Raises
    ------
    ValueError : the folder is no run, or nothing in it is done.
    """
    run = Run.found(folder)
    results = run.results()
    if not results:
        raise ValueError(f"{folder} holds no finished result: continue it with 'inpaintkit bench run'")
    found = lines(results)
    if fid and not perceptual.missing("cleanfid"):
        found = with_fid(run, found, results)
    texts = {
        "report.md": markdown(run, found, results),
        "report.tex": latex(found),
        "summary.csv": summary_csv(found),
        "results.csv": results_csv(results),
        "report.html": page(run, found, results, max_pictures=max_pictures),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return [folder / name for name in texts]
