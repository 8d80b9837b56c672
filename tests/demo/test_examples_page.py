"""The examples as a set: sound, tested, and shown on their page as they are."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from bot.picture import picture
from tests.support.console import Console
from tests.support.meadow import WORKFLOWS, read

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "examples.md").read_text("utf-8")
SHOWN = re.findall(r"^```(?:yaml|text)\n# (workflows/\S+)\n(.*?)^```$", PAGE, re.M | re.S)
FIVE = ("intake_document", "evaluate_prompts", "publish_post", "route_ticket", "summarise_batch")


def test_nothing_is_wrong_with_any_of_them():
    assert [problem.render() for problem in read().problems] == []
    assert set(read().definitions) == {*FIVE, "escalate_ticket", "hello", "send_to_printer"}


def test_each_has_a_test_beside_it_and_all_go_as_expected():
    tested = {path.name.removesuffix(".test.yaml") for path in WORKFLOWS.glob("*.test.yaml")}
    assert tested == set(read().definitions)
    ended = Console(ROOT).run("test", str(WORKFLOWS), "--json")
    assert ended.code == 0, ended


@pytest.mark.parametrize(("file", "lines"), SHOWN, ids=[f"{file} {text.split()[0]}" for file, text in SHOWN])
def test_lines_on_the_page_stand_in_the_file(file, lines):
    assert lines.rstrip("\n") in (ROOT / file).read_text("utf-8")


@pytest.mark.parametrize("name", FIVE)
def test_the_page_shows_each_of_the_five(name):
    assert any(file == f"workflows/{name}.yaml" for file, _ in SHOWN)
    assert f"`{name}.yaml`" in PAGE


@pytest.mark.parametrize("name", FIVE)
def test_the_picture_of_each_is_the_one_that_is_drawn_of_it(name):
    shown = ROOT / "docs" / "images" / f"{name}.svg"
    drawn = f"{picture(read().definitions[name].plan)}\n"
    if os.environ.get("POINTSMAN_PIN"):
        shown.write_text(drawn, "utf-8")
    assert f"](images/{name}.svg)" in PAGE
    assert shown.read_text("utf-8") == drawn, "draw it again with POINTSMAN_PIN=1"


def test_every_block_of_yaml_on_the_page_says_which_file_it_is_of():
    assert len(re.findall(r"^```yaml$", PAGE, re.M)) == len(re.findall(r"^```yaml\n# workflows/\S+$", PAGE, re.M))


@pytest.mark.parametrize("line", re.findall(r"^(?:/flow|pointsman) run (.+)$", PAGE, re.M))
def test_lines_to_type_name_workflows_and_inputs_that_there_are(line):
    inputs = read().definitions[line.split()[0]].plan.inputs
    assert set(re.findall(r"(\w+)=", line)) <= set(inputs)


def test_the_chart_on_the_page_is_the_one_that_is_drawn():
    chart = re.search(r"^```text\n( +candidate.*?)^```$", PAGE, re.M | re.S)[1]
    drawn = (Path(__file__).parent / "test_examples_evaluation.py").read_text("utf-8")
    assert all(f'"{line}"' in drawn for line in chart.rstrip("\n").splitlines())
