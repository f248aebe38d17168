"""The page of figures says what the result files say, and the README the same."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def accuracy() -> ModuleType:
    spec = importlib.util.spec_from_file_location("accuracy", ROOT / "docs/accuracy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_result_files_make(accuracy: ModuleType) -> None:
    written = (ROOT / "docs/accuracy.md").read_text(encoding="utf-8")
    assert written == accuracy.page(), "python docs/accuracy.py > docs/accuracy.md"


def test_the_readme_quotes_the_result_files(accuracy: ModuleType) -> None:
    own = accuracy.load("accuracy")[0]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|]+) \| (\*\*[\d.]+\*\* \|[^\n]*) \|$", readme, re.MULTILINE))
    quoted = {name: [cell.strip(" *") for cell in cells.split("|")] for name, cells in rows.items()}
    sets = ("icdar2015", "icdar2003", "born_digital", "ui", "sroie", "funsd", "pages", "lines")
    measured = {each["name"]: accuracy.percent(each["headline"]["value"]) for each in own["results"]}
    assert [cells[0] for cells in quoted.values()] == [measured[name] for name in sets]
