"""Papers: in few words, as BibTeX, and the same wherever they are named."""

from __future__ import annotations

import re
import string

import pytest

import inpaintkit
from conftest import ROOT
from inpaintkit import Method
from inpaintkit.papers import Paper

ROWS = inpaintkit.methods()
REQUIRED = {
    "article": {"author", "title", "journal", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
}


def parsed(text: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Key -> kind and fields of BibTeX whose values stand in braces; what stands outside entries is comment."""
    entries, place = {}, 0
    while (place := text.find("@", place)) >= 0:
        head = re.compile(r"@(\w+)\{([^\s,{}]+),").match(text, place)
        assert head, text[place:]
        place, fields = head.end(), {}
        while field := re.compile(r"\s*(\w+)\s*=\s*\{").match(text, place):
            depth, end = 1, field.end()
            while depth:
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            assert field[1] not in fields
            fields[field[1]] = text[field.end() : end - 1]
            comma = re.compile(r"\s*(,|(?=\}))").match(text, end)
            assert comma, text[end:]
            place = comma.end()
        closed = re.compile(r"\s*\}").match(text, place)
        assert closed, text[place:]
        place = closed.end()
        assert head[2] not in entries, f"{head[2]} stands there twice"
        entries[head[2]] = head[1], fields
    return entries


@pytest.fixture
def entries(run):
    status, out, err = run("methods", "--bibtex")
    assert (status, err) == (0, "")
    assert out.isascii()
    return parsed(out)


def test_bibtex_of_all_methods_is_valid(entries):
    assert len(entries) >= 16
    for kind, fields in entries.values():
        assert REQUIRED[kind] <= set(fields)
        assert all(fields.values())
        assert re.fullmatch(r"(19|20)\d\d", fields["year"])
        assert "doi" not in fields or re.fullmatch(r"10\.\d{4,}/\S+", fields["doi"])
        assert fields["title"][0] + fields["title"][-1] == "{}"
        assert ("volume" in fields) == (kind == "article")


def test_every_method_of_ours_has_its_papers_in_it(entries):
    for row in ROWS.values():
        assert row.papers, row.name
        for paper in row.papers:
            assert entries[paper.key][1]["year"] == str(paper.year)
            assert entries[paper.key][1]["title"] == f"{{{paper.title}}}"


def test_one_paper_word_by_word():
    paper = Paper(
        "A. Criminisi; P. Pérez; K. Toyama", "Region Filling", "IEEE TIP", 2004, volume="13(9)", doi="10.1109/x"
    )
    assert str(paper) == "Criminisi, Pérez and Toyama 2004"
    assert paper.bibtex() == (
        "@article{criminisi2004,\n  author = {A. Criminisi and P. P{\\'e}rez and K. Toyama},\n"
        "  title = {{Region Filling}},\n  journal = {IEEE TIP},\n  volume = {13},\n  number = {9},\n"
        "  year = {2004},\n  doi = {10.1109/x},\n}"
    )


@pytest.mark.parametrize(
    ("authors", "words"),
    [("A. One", "One"), ("A. One; B. Two", "One and Two"), ("A. One; B. Two; C. März; D. Four", "One et al.")],
)
def test_few_words(authors, words):
    paper = Paper(authors, "T", "V", 1999)
    assert str(paper) == f"{words} 1999"
    assert paper.key == "one1999"
    assert set(Paper("T. Märé", "T", "V", 1999).key) <= set(string.ascii_lowercase + string.digits)


def test_papers_are_the_source_unless_one_is_given():
    paper = Paper("A. One", "T", "V", 1999)
    assert Method("x", "", "", papers=(paper, Paper("B. Two", "T", "V", 2000))).source == "One 1999; Two 2000"
    assert Method("x", "", "", papers=(paper,), source="Somebody").source == "Somebody"


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)
def test_readme_names_the_same_papers(row):
    """And no other year: the source column of README's table."""
    line = next(line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith(f"| `{row.name}`"))
    source = line.split("|")[-2]
    for paper in row.papers:
        assert str(paper) in source
    assert re.findall(r"\b(?:19|20)\d\d\b", source) == [str(paper.year) for paper in row.papers]


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)
def test_the_methods_own_files_name_the_same_dois(row):
    module = row.target.partition(":")[0].removeprefix("inpaintkit.").replace(".", "/")
    text = (ROOT / f"{module}.py").read_text()
    for paper in row.papers:
        assert all(name in text for name in paper.families[:1])
        assert not paper.doi or paper.doi in text, paper.key
