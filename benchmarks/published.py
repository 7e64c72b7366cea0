"""Tables that papers printed, as data: who, on what, by which definition, and how each figure was checked.

[V] read in the paper or code; [V2] read in two independent transcriptions or one quotation; [M] from memory; [M+] from
memory and consistent with figures that were read. A published figure is never mixed with a measured one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inpaintkit.benchmarks.protocols import parse

FOLDER = Path(__file__).parent / "published"
CHECKED = ("V", "V2", "M", "M+")


@dataclass(frozen=True)
class Table:
    """A published table.

    Attributes
    ----------
    checked : one of ``CHECKED``; ``how`` says more.
    protocols : for each column our mask protocol most like it, or None.
    labels : what each column is called; the protocols where left out.
    measures : short name -> title with unit.
    rows : method -> measure -> a figure for each column, None where the table has none.
    stems : the columns are pictures, named as their files begin.
    """

    id: str
    paper: str
    checked: str
    pictures: str
    masks: str
    protocols: list[str | None]
    measures: dict[str, str]
    rows: dict[str, dict[str, list[float | None]]]
    labels: list[str] | None = None
    metric: str = "not established"
    how: str = ""
    note: str = ""
    stems: bool = False

    def __post_init__(self) -> None:
        columns = len(self.protocols)
        if self.checked not in CHECKED or (self.labels is not None and len(self.labels) != columns):
            raise ValueError(
                f"published table {self.id}: checked is {self.checked!r}, or labels do not fit the columns"
            )
        for protocol in self.protocols:
            if protocol:
                parse(protocol)
        for method, figures in self.rows.items():
            for measure, values in figures.items():
                if measure not in self.measures or len(values) != columns:
                    raise ValueError(f"published table {self.id}: {method}'s {measure} does not fit the columns")

    @property
    def columns(self) -> list[str]:
        """What each column is called."""
        return [str(label) for label in self.labels or self.protocols]

    def like(self, protocol: str) -> list[int]:
        """The columns whose protocol a run's is like: the same name, and the same value of every option they name."""
        name, _, rest = protocol.partition(":")
        ours = set(rest.split(","))
        return [
            index
            for index, theirs in enumerate(self.protocols)
            if theirs
            and theirs.partition(":")[0] == name
            and set(filter(None, theirs.partition(":")[2].split(","))) <= ours
        ]

    def markdown(self, columns: list[int] | None = None) -> str:
        """The table and what is known about it, in Markdown."""
        shown = range(len(self.columns)) if columns is None else columns
        facts = [f"Pictures: {self.pictures}.", f"Masks: {self.masks}.", f"Metric: {self.metric}."]
        facts += [f"{more[0].upper()}{more[1:]}." for more in (self.how, self.note) if more]
        lines = [f"**{self.paper}** [{self.checked}] (published, not measured here)", "", " ".join(facts), ""]
        lines += ["| method | measure | " + " | ".join(self.columns[index] for index in shown) + " |"]
        lines += ["|---|---|" + "---|" * len(shown)]
        for method, figures in self.rows.items():
            for measure, values in figures.items():
                cells = ("" if values[index] is None else f"{values[index]:g}" for index in shown)
                lines.append(f"| {method} | {self.measures[measure]} | " + " | ".join(cells) + " |")
        return "\n".join(lines)


def tables(folder: Path = FOLDER) -> Iterator[Table]:
    """Every published table; ValueError where one contradicts itself."""
    import yaml

    for file in sorted(folder.glob("*.yaml")):
        entries: list[dict[str, Any]] = yaml.safe_load(file.read_text("utf-8"))
        for entry in entries:
            yield Table(**entry)
