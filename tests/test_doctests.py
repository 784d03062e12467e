"""The examples in docstrings and in docs/ run, and the lines of code that docs/ quotes exist."""

import dataclasses
import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import catclf
from catclf import modelfile
from catclf.model import Record

ROOT = Path(__file__).resolve().parents[1]
MODULES = [m.name for m in pkgutil.walk_packages(catclf.__path__, "catclf.")]
PAGES = sorted(ROOT.glob("docs/**/*.md"))


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def name(page: Path) -> str:
    return page.relative_to(ROOT / "docs").as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_pages(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 0


def quoted(page: Path) -> list[tuple[str, Path]]:
    """Lines of code and their files: `code`, `code` and `code` in [`module`](../path)."""
    pattern = r"((?:`[^`]+`(?:,| and)?\s+)+)in\s+\[`[^`]+`\]\(([^)]+\.py)\)"
    quotes = re.findall(pattern, page.read_text())
    return [
        (" ".join(line.split()), page.parent / path)
        for codes, path in quotes
        for line in re.findall(r"`([^`]+)`", codes)
    ]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_lines_of_code_that_a_page_quotes_stand_where_it_says(page: Path) -> None:
    for line, path in quoted(page):
        assert line in path.read_text(), f"{path} has no {line}"


def test_the_notes_page_and_the_tutorial_quote_the_code() -> None:
    assert len(quoted(ROOT / "docs/notes-to-code.md")) >= 15
    assert sum(len(quoted(page)) for page in PAGES if page.parent.name == "tutorial") >= 15


def test_the_page_on_the_model_file_names_every_key_and_every_field_of_the_record() -> None:
    page = (ROOT / "docs/model-format.md").read_text()
    keys, record = page.split("## What is refused")[0], page.split("## record")[1]

    def first_cells(text: str) -> set[str]:
        cells = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
        return {name for cell in cells for name in re.findall(r"`([\w/]+)`", cell)}

    assert first_cells(keys) == modelfile.KEYS
    assert first_cells(record) == {field.name for field in dataclasses.fields(Record)}


def test_the_learning_curve_prints_what_the_notes_page_shows() -> None:
    text = (ROOT / "docs/notes-to-code.md").read_text()
    shown = re.search(r"```console\n\$ catclf (learning-curve .*)\n(.*)\n((?: .*\n)+)```", text)
    assert shown is not None
    command = [sys.executable, "-m", "catclf", *shown[1].split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == f"{shown[2]}\n"
    sizes = [line.split()[0] for line in done.stdout.splitlines()]
    assert sizes == [line.split()[0] for line in shown[3].splitlines()]
    accuracies = [float(p) for p in re.findall(r"(\d+\.\d)%", done.stdout)]
    for ours, documented in zip(accuracies, re.findall(r"(\d+\.\d)%", shown[3]), strict=True):
        assert abs(ours - float(documented)) <= 2.0  # three drawings: another processor's rounding
