"""The page's files: all texts are there, nothing comes from elsewhere, nothing that its policy forbids."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import inpaintkit

STATIC = Path(inpaintkit.__file__).parent / "ui" / "static"
MODULES = sorted(STATIC.glob("*.js"))
PAGE = (STATIC / "index.html").read_text("utf-8")
TEXTS = json.loads((STATIC / "texts.en.json").read_text("utf-8"))


def code() -> str:
    return "\n".join(path.read_text("utf-8") for path in MODULES)


def test_every_text_that_is_asked_for_is_there():
    asked = set(re.findall(r'data-t(?:-tip|-label|-placeholder)?="([^"]+)"', PAGE))
    asked |= set(re.findall(r'\bt\("([^"]+)"', code()))
    assert len(asked) > 100
    assert asked - set(TEXTS) == set()


def test_no_text_is_left_over():
    composed = tuple(re.findall(r"\bt\(`(\w+)\$\{", code()))
    named = set(re.findall(r'"([^"\n]*)"', code())) | set(re.findall(r'data-t(?:-\w+)?="([^"]+)"', PAGE))
    assert composed
    assert [key for key in TEXTS if key not in named and not key.startswith(composed)] == []


def test_texts_name_only_values_that_they_get():
    for key, text in TEXTS.items():
        for form in text.values() if isinstance(text, dict) else [text]:
            assert re.sub(r"\{\w+\}", "", form).count("{") == 0, key
        if isinstance(text, dict):
            assert set(text) == {"one", "other"}, key


def test_the_page_has_no_inline_script_or_style():
    assert re.findall(r"\sstyle\s*=|<style|\son\w+\s*=", PAGE) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", PAGE) == []
    assert re.findall(r"\.innerHTML|setAttribute\(\"style\"|document\.write|\beval\(", code()) == []


@pytest.mark.parametrize("path", [*MODULES, STATIC / "index.html", STATIC / "style.css"], ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(path):
    text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[\w-]+\.\w+", re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)) == []
    wanted = re.findall(r'(?:from|import) "\./([^"]+)"|(?:src|href)="/static/([^"]+)"', text)
    assert all((STATIC / (first or second)).is_file() for first, second in wanted)


def colours(scheme: str) -> dict[str, tuple[float, ...]]:
    """The style sheet's variables that are colours, red, green and blue from 0 to 1, in a scheme."""
    style = (STATIC / "style.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(blocks) == 2
    said = dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", blocks[0]))
    if scheme == "dark":
        said |= dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", blocks[1]))
    return {name: tuple(int(value[at : at + 2], 16) / 255 for at in (0, 2, 4)) for name, value in said.items()}


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """As WCAG 2.1 defines it, 1 to 21."""

    def luminance(colour: tuple[float, ...]) -> float:
        linear = [side / 12.92 if side <= 0.04045 else ((side + 0.055) / 1.055) ** 2.4 for side in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


WALLS = ("wall", "sheet", "hover")
TEXTS_ON = {  # what is written on which background
    "text": (*WALLS, "tint", "stage"),
    "quiet": WALLS,
    "accent": (*WALLS, "tint"),
    "danger": ("wall", "sheet"),
    "good": ("sheet",),
    "on-accent": ("accent", "accent-hover"),
    "wall": ("text",),  # tooltips
}


def test_contrast_is_worked_out_as_wcag_does():
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    assert contrast((0x76 / 255,) * 3, (1, 1, 1)) == pytest.approx(4.54, abs=0.01)  # the well-known grey of 4.5:1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(scheme):
    known = colours(scheme)
    pairs = [(text, ground) for text, grounds in TEXTS_ON.items() for ground in grounds]
    weak = {pair: contrast(known[pair[0]], known[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}
    edges = {ground: contrast(known["edge"], known[ground]) for ground in ("wall", "sheet")}
    assert min(edges.values()) >= 3, edges  # borders of controls
