"""The page about traps names tests that exist, and leaves no trap out."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "decisions" / "005-traps-and-their-tests.md"
TRAPS = 49
NAMED = re.compile(r"`(tests/[^`]*)`")
WELL_FORMED = re.compile(r"(tests/(?:\w+/)*test_\w+\.py)::(test_\w+)")


def rows(text: str) -> dict[int, list[str]]:
    """The cells of each trap, by its number."""
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:2] == "| "]
    return {int(found[0]): found for found in cells if found[0].isdecimal()}


@cache
def functions_in(path: Path) -> frozenset[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.parse(path.read_text()).body if isinstance(node, functions))


def missing(text: str) -> list[str]:
    """What is named there and does not exist, or is not written as file::test."""
    found = []
    for name in NAMED.findall(text):
        told = WELL_FORMED.fullmatch(name)
        if told is None:
            if "::" in name or not (ROOT / name).is_file():
                found.append(name)
        elif not (ROOT / told[1]).is_file() or told[2] not in functions_in(ROOT / told[1]):
            found.append(name)
    return found


def test_every_trap_has_its_line_and_every_line_its_tests() -> None:
    found = rows(PAGE.read_text())
    assert list(found) == list(range(1, TRAPS + 1)), "each number once, and in order"
    for number, cells in found.items():
        assert len(cells) == 4, f"{number}: a trap, an answer and the tests"
        assert all(cells), f"{number} has an empty cell"
        assert NAMED.findall(cells[3]) or "not yet:" in cells[2], f"nothing holds {number}, and it does not say so"


def test_every_test_that_is_named_exists() -> None:
    assert missing(PAGE.read_text()) == []


def test_a_name_that_leads_nowhere_is_found() -> None:
    here = "tests/tidy/test_traps.py"
    wrong = (
        f"{here}::test_that_nobody_wrote",
        "tests/tidy/test_nothing.py::test_x",
        f"{here}::rows",
        "tests/tidy/no.py",
    )
    assert missing(
        " ".join(f"`{name}`" for name in (*wrong, here, f"{here}::test_every_test_that_is_named_exists"))
    ) == [*wrong]


def test_what_is_expected_to_fail_is_said_on_the_page() -> None:
    """A strict expectation of failure is a promise that is not kept: the page must not sound as if it were."""
    text = PAGE.read_text()
    found = {
        (path.relative_to(ROOT).as_posix(), node.name)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if path != Path(__file__) and f"`{path.relative_to(ROOT).as_posix()}::" in text and "xfail" in path.read_text()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any("xfail" in ast.unparse(decorator) for decorator in node.decorator_list)
    }
    for file, name in found:
        lines = [line for line in text.splitlines() if f"`{file}::{name}`" in line]
        assert any("not yet:" in line and "expected to fail" in line for line in lines), f"{file}::{name}"
