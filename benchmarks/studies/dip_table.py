"""Deep Image Prior beside its paper: table 1's pictures with half of their pixels lost, and seconds for each step.

    python -m inpaintkit.benchmarks.studies.dip_table [--device cuda] [--budget-s 540] [--results FILE] [...]

Every picture's result is a line of JSON in FILE as soon as it is there; a further call goes on where the last one
stopped, also within a picture. ``raw`` is the PSNR of the network's last output over the whole picture, as the paper
has it, ``averaged`` that of the mean of outputs, ``composited`` the same with the known pixels put back. The speed of
a step is compared with a separate eager float32 implementation of the original (``dip_reference.py``), in turn.
"""

from __future__ import annotations

import json
import math
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from inpaintkit import InpaintWarning, inpaint
from inpaintkit.benchmarks.metrics import psnr
from inpaintkit.benchmarks.protocols import drop
from inpaintkit.benchmarks.published import tables
from inpaintkit.benchmarks.studies._cases import arguments, heading, row, versions_line
from inpaintkit.benchmarks.studies.dip_reference import Loop
from inpaintkit.files import read
from inpaintkit.prior._fit import Fit
from inpaintkit.prior._recipes import recipe_of
from inpaintkit.prior._target import Target
from inpaintkit.prior._torch import device_of, settled
from inpaintkit.problem import Step

_FOLDER = Path("..") / "shared" / "data" / "dip_table_grey"


def paper(picture: str) -> float:
    """The paper's figure for a picture, in dB."""
    table = next(table for table in tables() if table.id == "dip-1")
    column = next(index for index, label in enumerate(table.columns) if picture.lower().startswith(label))
    return float(table.rows["DIP"]["psnr"][column] or math.nan)


def decibels(picture: NDArray[Any], truth: NDArray[Any]) -> float:
    """PSNR over all pixels, values in [0, 1], to two digits."""
    return round(psnr(float(np.mean(np.square(picture.astype(np.float64) - truth)))), 2)


def measured(path: Path, recipe: str, device: str, limit: float, checkpoint: Path) -> dict[str, Any] | None:
    """One picture's figures, or None where the time did not suffice; the next call then goes on from ``checkpoint``."""
    truth = np.squeeze(read(path)) / np.float32(255)
    hole = drop(truth.shape, share=0.5, seed=0)
    end = time.perf_counter() + limit

    def watch(step: Step) -> None:
        nonlocal end
        if time.perf_counter() > end and step.loss is not None:
            end = math.inf
            raise KeyboardInterrupt

    filled, info = inpaint(
        truth, hole, "dip", recipe=recipe, device=device, checkpoint=checkpoint, progress=watch, return_info=True
    )
    facts = info.regions[0].facts
    if facts["interrupted"]:
        return None
    checkpoint.unlink()
    raw, averaged = facts["raw"][..., 0], facts["averaged"][..., 0]
    return {
        "picture": path.stem,
        "recipe": recipe,
        "device": device,
        "steps": facts["steps"],
        "runs": facts["runs"],
        "mixed": facts["mixed"],
        "seconds": round(facts["fitting"], 1),
        "raw": decibels(raw, truth),
        "raw composited": decibels(np.where(hole, raw, truth), truth),
        "averaged": decibels(averaged, truth),
        "composited": decibels(filled, truth),
        "paper": paper(path.stem),
        "peak MiB": round(facts.get("peak_memory", 0) / 2**20),
    }


def speed(device: str, names: list[str], side: int, repeats: int) -> dict[str, Any]:
    """Seconds for a step: the original's network of the supplement, and the recipes, in turn; medians."""
    place = device_of(device)
    rng = np.random.default_rng(0)
    image = rng.random((side, side, 3)).astype(np.float32)
    known = rng.random((side, side)) < 0.5
    plane = torch.from_numpy(image).permute(2, 0, 1)[None]
    shape: dict[str, Any] = {"channels": 128, "skip": 4, "scales": 5, "upsample": "bilinear"}
    with settled():
        original = Loop(plane, torch.from_numpy(known)[None, None].float(), place, rate=0.01, noise=1 / 30, **shape)
        sides: dict[str, Any] = {"original, float32": original.step}
        for name in names:
            fit = Fit(Target(image, known, ~known, None), recipe_of(name), place, seed=0)
            sides[name] = lambda fit=fit: fit.advance(fit.network)
        taken: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(repeats + 1):
            for name, step in sides.items():
                torch.backends.cudnn.benchmark = step == original.step  # as the notebooks have it
                began = time.perf_counter()
                step()
                if place.type == "cuda":
                    torch.cuda.synchronize()
                if turn:  # the first prepares
                    taken[name].append(time.perf_counter() - began)
    middle = {name: statistics.median(seconds) for name, seconds in taken.items()}
    first = middle["original, float32"]
    return {
        "speed": side,
        "device": device,
        **{name: {"seconds": round(s, 4), "times as fast": round(first / s, 2)} for name, s in middle.items()},
    }


def main() -> None:
    """Run what is missing within the budget, then print everything there is."""
    parser = arguments(__doc__)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--budget-s", type=float, default=540.0, help="stop after so many seconds")
    parser.add_argument("--results", type=Path, default=Path("dip_table.jsonl"))
    parser.add_argument("--images", type=Path, default=_FOLDER, help="the folder of the paper's eleven pictures")
    parser.add_argument("--pictures", help="names without suffix; all of the folder when left out")
    parser.add_argument("--recipes", default="fast,restoration")
    parser.add_argument("--side", type=int, default=512, help="of the picture whose steps are timed; 0: none are")
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    warnings.simplefilter("ignore", InpaintWarning)  # half of the pixels are meant to be lost
    end = time.perf_counter() + options.budget_s
    done = [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []

    def note(result: dict[str, Any]) -> None:
        done.append(result)
        with options.results.open("a") as file:
            file.write(json.dumps(result) + "\n")
        print(json.dumps(result), flush=True)

    names = options.recipes.split(",")
    every = sorted(path.stem for path in options.images.glob("*.png"))
    pictures = options.pictures.split(",") if options.pictures else every
    if options.side and not any(r.get("speed") == options.side and r["device"] == options.device for r in done):
        note(speed(options.device, names, options.side, options.repeats))
    for recipe in names:
        for picture in pictures:
            key = {"picture": picture, "recipe": recipe, "device": options.device}
            left = end - time.perf_counter()
            if left < 1 or any(all(r.get(k) == v for k, v in key.items()) for r in done):
                continue
            state = options.results.with_name(f"{options.results.stem}-{recipe}-{picture}.pt")
            result = measured(options.images / f"{picture}.png", recipe, options.device, left, state)
            if result is not None:
                note(result)
    report(done)


def report(done: list[dict[str, Any]]) -> None:
    """Print Markdown: a table for each recipe, and the speeds."""
    print("\n" + versions_line())
    for result in done:
        if "speed" in result:
            print(f"\nsteps at {result['speed']} x {result['speed']}, three channels, on {result['device']}:")
            for name, figure in result.items():
                if isinstance(figure, dict):
                    print(f"- {name}: {figure['seconds']} s, {figure['times as fast']} times as fast")
    columns = ("raw", "raw composited", "averaged", "composited", "paper", "seconds", "peak MiB")
    for recipe in dict.fromkeys(result["recipe"] for result in done if "recipe" in result):
        rows = [result for result in done if result.get("recipe") == recipe]
        print(f"\n{recipe}, {rows[0]['steps']} steps, {rows[0]['runs']} networks, on {rows[0]['device']}\n")
        print(heading(["picture", *columns]))
        for figures in rows:
            print(row([figures["picture"], *(f"{figures[column]:g}" for column in columns)]))
        means = [statistics.mean(figures[column] for figures in rows) for column in columns]
        print(row([f"mean of {len(rows)}", *means]))
        worst = min(figures["raw"] - figures["paper"] for figures in rows)
        print(f"\nraw against the paper: {means[0] - means[4]:+.2f} dB on the mean, {worst:+.2f} at worst")


if __name__ == "__main__":
    main()
