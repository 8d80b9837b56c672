"""Each package's docstring is its map: every file is named there, and every name there exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [
    path.parent.relative_to(ROOT)
    for top in ("bot", "engine", "store")
    for path in sorted((ROOT / top).rglob("__init__.py"))
]


@pytest.mark.parametrize("package", PACKAGES, ids=str)
def test_a_package_names_its_files(package: Path) -> None:
    text = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text())) or ""
    words = set(re.findall(r"[a-z_0-9]+", text))
    here = {p.stem for p in (ROOT / package).glob("*.py")} - {"__init__"}
    here |= {p.parent.name for p in (ROOT / package).glob("*/__init__.py")}
    assert here <= words, f"{package}/__init__.py does not name {sorted(here - words)}"
    named = re.findall(r"^    ([a-z_0-9]+(?:, [a-z_0-9]+)*)/?\s{2,}", text, re.MULTILINE)
    listed = {name for line in named for name in line.split(", ")}
    folders = {p.name for p in (ROOT / package).iterdir() if p.is_dir()}
    assert listed <= here | folders | WORDS_OF_DIAGRAMS, f"{package} names {sorted(listed - here - folders)}"


WORDS_OF_DIAGRAMS = {"step", "block", "run", "running", "definitions", "workflows"}
