"""The page about other bots names tests and screenplays that exist, and leaves no complaint out."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "decisions" / "011-what-other-bots-are-complained-about.md"
SCREENPLAYS = ROOT / "tests" / "hearing" / "screenplays"
COMPLAINTS = 32
NAMED = re.compile(r"`(tests/[^`]*::[^`]*)`")
WELL_FORMED = re.compile(r"(tests/(?:\w+/)*test_\w+\.py)::(test_\w+)(?:\[(\w+)\])?")
PLAYED = re.compile(r"^\| [^|`]+ \| `(\w+)` \|$", re.MULTILINE)


@cache
def functions_in(path: Path) -> frozenset[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.parse(path.read_text()).body if isinstance(node, functions))


def exists(name: str) -> bool:
    """Whether there is such a test; what stands in brackets is the screenplay that it is played by."""
    told = WELL_FORMED.fullmatch(name)
    if told is None or not (ROOT / told[1]).is_file() or told[2] not in functions_in(ROOT / told[1]):
        return False
    return told[3] is None or (SCREENPLAYS / f"{told[3]}.txt").is_file()


def test_every_complaint_has_its_answer_and_what_holds_it() -> None:
    lines = [line.strip("|").split(" | ") for line in PAGE.read_text().splitlines() if re.match(r"\| \d+ \|", line)]
    assert [int(cells[0]) for cells in lines] == list(range(1, COMPLAINTS + 1))
    for cells in lines:
        assert len(cells) == 4, cells[0]
        assert NAMED.findall(cells[3]), f"nothing holds {cells[0]}"


def test_every_test_and_screenplay_that_is_named_exists() -> None:
    named = NAMED.findall(PAGE.read_text())
    assert named
    assert [name for name in named if not exists(name)] == []


def test_every_screenplay_stands_on_the_page_once() -> None:
    assert sorted(PLAYED.findall(PAGE.read_text())) == sorted(file.stem for file in SCREENPLAYS.glob("*.txt"))


def test_a_name_that_leads_nowhere_is_found() -> None:
    here = "tests/tidy/test_complaints.py"
    assert exists(f"{here}::test_a_name_that_leads_nowhere_is_found")
    for wrong in ("::test_that_nobody_wrote", "::exists", "::test_a_name_that_leads_nowhere_is_found[of_no_play]", ""):
        assert not exists(here + wrong)
