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
