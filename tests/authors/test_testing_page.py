"""The page on testing: its workflow is sound, its cases hold, and its Python tests pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.cases.shape import CaseShape, DecisionShape, Expected, FailsShape, MadeUp, OutcomeShape, StepExpected
from engine.kit import testing
from engine.rehearsal import Rehearsal
from tests.support.console import Console

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")
pytestmark = pytest.mark.anyio


@pytest.fixture
def folder(tmp_path):
    """The files of the page, where it says that they stand."""
    (tmp_path / "flows").mkdir()
    found = re.findall(r"`((?:flows/)?[a-z_.]+\.(?:yaml|py))`:\n\n```(?:yaml|python)\n(.*?)^```", PAGE, re.M | re.S)
    for name, text in found:
        (tmp_path / name).write_text(text)
    assert [name for name, _ in found] == ["flows/buy_books.yaml", "flows/buy_books.test.yaml", "test_buy_books.py"]
    return tmp_path


def test_the_cases_of_the_page_hold(folder):
    assert "```sh\npointsman test flows\n```" in PAGE
    console = Console(folder)
    assert console.run("check", "flows", "--json").json["problems"] == []
    tested = console.run("test", "flows", "--json")
    assert tested.code == 0, tested
    assert len(tested.json["cases"]) == 7


async def test_the_python_tests_of_the_page_pass(folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = {}
    exec(compile((folder / "test_buy_books.py").read_text(), "test_buy_books.py", "exec"), names)
    tests = [one for name, one in names.items() if name.startswith("test_")]
    assert len(tests) == 3
    for one in tests:
        await one()


def test_every_key_is_told():
    shapes = (CaseShape, MadeUp, OutcomeShape, FailsShape, DecisionShape, Expected, StepExpected)
    for name in {field for shape in shapes for field in shape.model_fields}:
        assert re.search(rf"[`{{ ]{name}[`:,}} ]", PAGE), name


def test_everything_that_the_kit_offers_is_told():
    nouns = {"Call", "Crashed", "Given", "Outcome", "Rehearsal", "Unsound"}
    offered = set(testing.__all__) - nouns
    offered |= {name for name in dir(Rehearsal) if not name.startswith("_")}
    for name in offered - INNER:
        assert re.search(rf"\b{name}\b", PAGE), name


INNER = {"begun", "hop", "missed", "now", "settle_now", "value", "verified", "wake"}
