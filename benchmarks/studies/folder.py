"""Throughput and memory of folders: one process against several, and peak memory over many files.

python -m inpaintkit.benchmarks.studies.folder [--photos N] [--jobs N] [--repeats N] [--many N]
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from inpaintkit.benchmarks.ratios import album
from inpaintkit.benchmarks.studies._cases import arguments


def seconds(folder: Path, output: str, *more: str) -> float:
    """Wall time of one whole command, its start included."""
    began = time.perf_counter()
    subprocess.run(_line(output, *more), cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began


def memory(folder: Path) -> list[float]:
    """Resident memory of a one-process run in MiB, read ten times a second."""
    seen = []
    with subprocess.Popen(_line("memory", "--threads", "1"), cwd=folder, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
            seen += [int(found[1]) / 1024] if found else []
            time.sleep(0.1)
    return seen


def _line(output: str, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "inpaintkit",
        "fill",
        "photos",
        "--mask",
        "masks",
        "--method",
        "telea",
        "-o",
        output,
        *more,
    ]


def main() -> None:
    """Print throughputs, their ratio, and memory early and late in a long run."""
    parser = arguments(__doc__)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--many", type=int, default=2000, help="files of 128 x 128 for the memory; 0 leaves it out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        album(folder, options.photos, 512)
        runs = {
            "one process, one thread": ("--threads", "1"),
            f"one process, {len(os.sched_getaffinity(0))} threads": (),
            f"--jobs {options.jobs}": ("--jobs", str(options.jobs)),
        }
        times: dict[str, list[float]] = {label: [] for label in runs}
        for repeat in range(options.repeats):
            for index, (label, more) in enumerate(runs.items()):
                times[label].append(seconds(folder, f"out{repeat}-{index}", *more))
        rates = {label: options.photos / statistics.median(taken) for label, taken in times.items()}
        for label, rate in rates.items():
            print(f"{label}: {rate:.1f} photographs a second")
        one, _, several = rates.values()
        print(f"--jobs {options.jobs} over one process of one thread: **{several / one:.2f}** (to reach with 2: 1.8)")
    if options.many:
        with tempfile.TemporaryDirectory() as name:
            album(Path(name), options.many, 128)
            seen = memory(Path(name))
            fifth = max(1, len(seen) // 5)
            early, late = max(seen[fifth : 2 * fifth]), max(seen[-fifth:])
            print(f"{options.many} files: {early:.0f} MiB after a fifth, {late:.0f} MiB at the end")


if __name__ == "__main__":
    main()
