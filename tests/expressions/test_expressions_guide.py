"""The guide is true: its examples are run, and nothing of the language is left out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.rules.expressions import ExpressionError, evaluate, parse, parse_template
from engine.rules.expressions.functions import FUNCTIONS
from engine.rules.expressions.parser import DEPTH_MAX, MACROS, TEXT_MAX

GUIDE = Path(__file__).parents[2] / "docs" / "expressions.md"
TEXT = GUIDE.read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


SCOPE: dict[str, Any] = json.loads(blocks("json")[0])
EXAMPLES = [line for block in blocks("expressions") for line in block.splitlines() if line]


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_gives_what_the_guide_says(line: str) -> None:
    text, promised = line.rsplit("  // ", 1)
    if promised.startswith("error: "):
        with pytest.raises(ExpressionError) as caught:
            evaluate(parse(line), SCOPE)
        assert caught.value.problem.message == promised.removeprefix("error: ")
        return
    result, expected = evaluate(parse(line), SCOPE), json.loads(promised)
    assert result == expected
    assert isinstance(result, bool) == isinstance(expected, bool)
    assert evaluate(parse(text), SCOPE) == expected


@pytest.mark.parametrize("name", [*FUNCTIONS, *MACROS, "has", "coalesce"])
def test_every_function_has_an_example(name: str) -> None:
    assert any(re.search(rf"\b{name}\(", line.rsplit("  // ", 1)[0]) for line in EXAMPLES)


def test_every_yaml_example_can_be_read() -> None:
    lines = [line for block in blocks("yaml") for line in block.splitlines()]
    assert lines
    for line in lines:
        assert parse_template(line.split(": ", 1)[1]).expressions


def test_the_limits_are_the_real_ones() -> None:
    assert f"| {TEXT_MAX:,} characters |" in TEXT
    assert f"| {DEPTH_MAX} levels |" in TEXT
    assert "| 100,000 |" in TEXT
