"""``Paper``: what a method comes from, in a few words and as BibTeX."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_MAX_NAMED = 3  # authors named in few words; of more, the first
_ACCENTS = {"\N{COMBINING ACUTE ACCENT}": "'", "\N{COMBINING DIAERESIS}": '"'}


@dataclass(frozen=True)
class Paper:
    """A publication.

    Attributes
    ----------
    authors : "A. Telea; B. C. Other": initials and family name, in the paper's order.
    title, year : as printed.
    venue : the journal, or the conference where there is no ``volume``.
    volume : "9", or "9(1)" with the issue.
    doi : without "doi:"; empty where none was checked.
    """

    authors: str
    title: str
    venue: str
    year: int
    volume: str = ""
    doi: str = ""

    @property
    def families(self) -> list[str]:
        """The authors' family names."""
        return [author.split()[-1] for author in self.authors.split(";")]

    @property
    def key(self) -> str:
        """The first author's family name and the year, in ASCII."""
        letters = unicodedata.normalize("NFKD", self.families[0]).encode("ascii", "ignore").decode()
        return f"{letters.lower()}{self.year}"

    def __str__(self) -> str:
        names = self.families
        if len(names) > _MAX_NAMED:
            return f"{names[0]} et al. {self.year}"
        return f"{' and '.join(filter(None, (', '.join(names[:-1]), names[-1])))} {self.year}"

    def bibtex(self) -> str:
        """The entry, in ASCII."""
        volume, _, issue = self.volume.rstrip(")").partition("(")
        fields = {
            "author": " and ".join(author.strip() for author in self.authors.split(";")),
            "title": f"{{{self.title}}}",  # capitals stay as they are
            "journal" if volume else "booktitle": self.venue,
            "volume": volume,
            "number": issue,
            "year": str(self.year),
            "doi": self.doi,
        }
        lines = [f"  {name} = {{{_latex(text)}}}," for name, text in fields.items() if text]
        return "\n".join([f"@{'article' if volume else 'inproceedings'}{{{self.key},", *lines, "}"])


def _latex(text: str) -> str:
    """Accented letters as LaTeX writes them."""
    written = ""
    for letter in text:
        base, *marks = list(unicodedata.normalize("NFD", letter))
        written += f"{{\\{_ACCENTS[marks[0]]}{base}}}" if marks else base
    return written
