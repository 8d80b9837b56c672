"""The page on models: its examples load, and its tables have every key and every code and no other."""

import re
from pathlib import Path

import pytest
import yaml

from engine import faults
from engine.endpoints import FAILURES_TO_HOLD, HOLD_MAX_MS, HOLD_MIN_MS
from engine.models import Models, _Entry
from store.model import NO_USAGE

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text("utf-8")
KEYS = {"OPENAI_API_KEY": "first-key", "ANTHROPIC_API_KEY": "second-key"}
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.M | re.S)


def test_the_example_of_the_page_loads_with_a_model_of_each_kind():
    loaded = Models.parse(yaml.safe_load(EXAMPLES[0]), "models.yaml", KEYS)
    writer, backup = loaded.get("writer"), loaded.get("backup")
    assert [one.kind for one in loaded.endpoints.values()] == ["openai", "anthropic"]
    assert (writer.price.output, writer.price.cached, writer.concurrent) == (2_000_000, 25_000, 8)
    assert (backup.timeout_ms, backup.cache_ms) == (90_000, 7 * 86_400_000)


def test_the_recording_of_the_page_is_read_from_beside_its_file(tmp_path):
    loaded = Models.parse(yaml.safe_load(EXAMPLES[1]), str(tmp_path / "models.yaml"), {})
    assert loaded.get("writer").kind == "replay"
    assert loaded.files == (tmp_path / "answers.jsonl",)
    assert loaded.hosts == ()
    assert len(EXAMPLES) == 2


def test_every_key_is_on_the_page_and_no_other():
    table = PAGE.split("## What a call costs")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", table, flags=re.M)) == set(_Entry.model_fields)


def test_every_code_is_on_the_page_and_no_other():
    table = PAGE.split("## What went wrong")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = {code for row in rows for code in re.findall(r"`([a-z_]+)`", row)}
    assert told == set(re.findall(r"\bmodel_[a-z_]+\b|budget_used_up", faults.__doc__))


def test_the_page_has_the_names_of_what_is_counted():
    assert all(f"`{name}`" in PAGE for name in NO_USAGE)


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("After five failures", FAILURES_TO_HOLD == 5),
        ("for ten seconds", HOLD_MIN_MS == 10_000),
        ("ten minutes", HOLD_MAX_MS == 600_000),
    ],
)
def test_the_numbers_of_the_page_are_those_of_the_code(words, number):
    assert number
    assert words in PAGE


def test_the_names_that_the_examples_use_are_on_the_page():
    workflows = Path(__file__).parents[2] / "workflows"
    named = {word for file in workflows.glob("*.yaml") for word in re.findall(r"model: \[(.*?)\]", file.read_text())}
    assert named
    assert all(name.strip() in PAGE for listed in named for name in listed.split(","))
