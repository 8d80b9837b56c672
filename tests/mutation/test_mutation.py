"""The mutation command notices what no test notices, and is content with what was accepted."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.__main__ import _modules, table
from tests.mutation.accepted import ACCEPTED, OPEN, Accepted, differences, read
from tests.mutation.mutants import mutants

ROOT = Path(__file__).parents[2]
MODULE = '''
"""A fare."""


def fare(zones: int, child: bool = False) -> int:
    """What a ticket costs."""
    price = 200 + 50 * zones
    if child and zones < 9:
        price -= 100
    return max(price, 100)


def forgotten(names: list[str]) -> list[str]:
    return [name for name in names if name != "nobody"]
'''
TESTS = """
from sample import fare


def test_a_ticket_costs_more_the_farther_it_goes():
    assert [fare(n) for n in (0, 1, 2)] == [200, 250, 300]


def test_children_pay_less_on_short_ways():
    assert [fare(n, child=True) for n in (0, 1, 8)] == [100, 150, 500]
"""


def names(text: str) -> set[str]:
    return {one.name for one in mutants("sample", ast.parse(text))}


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("return a < 1", {"a < 1 → a <= 1", "a < 1 → a < 2"}),
        ("return a and b", {"return a and b → return b", "return a and b → return a"}),
        ("return not a", {"return not a → return a"}),
        ("if a:\n        f()", {"if a → if True", "if a → if False", "without f()"}),
        ("while a: break", {"while a → while False", "without break"}),
        ("return f(a, of=b)", {"f(… of=b …) → without of"}),
        ("return [x for x in a if x]", {"return [x for x in a if x] → return [x for x in a if True]"}),
        ("return (a, b)", {"(a, b) → (b,)", "(a, b) → (a,)"}),
        ("return {'k': a}", {"{'k': a} → {}", "{'k': a} → {'k_': a}"}),
        ("raise ValueError('words for people')", {"without raise ValueError('words for people')"}),
        ("assert a < 1", set()),
        ("return 'Words for people.'", set()),
        ("b: int = a", set()),
    ],
)
def test_each_kind_of_mistake_is_made_and_what_is_told_to_people_is_left_alone(line: str, changes: set[str]) -> None:
    found = {name.partition(": ")[2] for name in names(f"def g(a, b=1 + 1):\n    {line}")}
    assert found >= changes
    assert bool(found) is bool(changes)


def test_a_mutant_keeps_its_name_when_lines_move_and_twins_are_numbered() -> None:
    text = "def g(a):\n    f(1)\n    f(1)\n"
    assert names(text) == names("\n\n" + text)
    assert "g: without f(1) #2" in names(text)


def test_survivors_are_found_and_what_hangs_is_killed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests/mutation", tmp_path / "tests/mutation", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "sample.py").write_text(MODULE)
    (tmp_path / "test_sample.py").write_text(TESTS)
    out = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "tests.mutation.trial", str(out), "sample", "--", "test_sample.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True, timeout=100
    )
    found = {one["name"]: one for one in map(json.loads, out.read_text().splitlines())}
    assert found, done.stdout + done.stderr
    assert found["fare: without price -= 100"]["by"].endswith("test_children_pay_less_on_short_ways")
    assert {name for name, one in found.items() if one["verdict"] == "survived"} == {
        "fare: if child and zones < 9: price -= 100 → if child: price -= 100",
        "fare: child and zones < 9 → child and zones <= 9",
        "fare: child and zones < 9 → child and zones < 10",
    }
    assert {one["verdict"] for name, one in found.items() if name.startswith("forgotten")} == {"unreached"}


def survivor(name: str, verdict: str = "survived") -> dict[str, str]:
    return {"module": "engine.rules.retry", "name": name, "line": "7", "verdict": verdict}


def test_the_command_fails_for_a_survivor_that_nobody_accepted_and_for_one_that_is_accepted_for_nothing() -> None:
    accepted = [Accepted("engine.rules.retry", "f: a → b", "the same"), Accepted("engine.rules.gates", "g: c → d", "-")]
    modules = ["engine.rules.retry"]
    assert differences([survivor("f: a → b")], accepted, modules) == []
    both = differences([survivor("f: x → y", "unreached"), survivor("h: z → z", "killed")], accepted, modules)
    assert both == [
        "engine/rules/retry.py:7: unreached: f: x → y",
        "engine.rules.retry: accepted, but killed or gone: f: a → b",
    ]
    assert differences([survivor("f: a → b"), survivor("h: q", "broken")], accepted, modules) != []


def test_the_table_counts_by_module_and_in_all() -> None:
    found = [survivor("f: a → b"), survivor("f: x → y"), survivor("f: k", "killed"), survivor("f: u", "unchanged")]
    rows = table(found, [Accepted("engine.rules.retry", "f: a → b", "the same")]).splitlines()
    assert rows[2:] == ["| retry | 3 | 1 | 1 | 0 | 1 |", "| all | 3 | 1 | 1 | 0 | 1 |"]


def test_every_accepted_survivor_has_a_reason_and_stands_in_a_module_that_is_tried() -> None:
    accepted = read(ACCEPTED)
    assert accepted
    assert {one.module for one in accepted} <= set(_modules())
    assert all(len(one.reason) > 20 or one.reason == OPEN for one in accepted)
    assert len({(one.module, one.name) for one in accepted}) == len(accepted)
