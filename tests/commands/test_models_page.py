"""The page on models: its example loads, and its table has every key and no other."""

import re
from pathlib import Path

import yaml

from engine.models import Models, _Entry

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text("utf-8")


def test_the_example_of_the_page_loads_with_a_model_of_each_kind():
    content = yaml.safe_load(re.search(r"^```yaml\n(.*?)^```", PAGE, flags=re.M | re.S).group(1))
    keys = {"OPENAI_API_KEY": "first-key", "ANTHROPIC_API_KEY": "second-key"}
    loaded = Models.parse(content, "models.yaml", keys)
    assert [one.kind for one in loaded.endpoints.values()] == ["openai", "anthropic"]
    assert loaded.get("writer").price.output == 2_000_000
    assert loaded.get("backup").timeout_ms == 90_000


def test_every_key_is_on_the_page_and_no_other():
    assert set(re.findall(r"^\| `([a-z_]+)` \|", PAGE, flags=re.M)) == set(_Entry.model_fields)


def test_the_names_that_the_examples_use_are_on_the_page():
    workflows = Path(__file__).parents[2] / "workflows"
    named = {word for file in workflows.glob("*.yaml") for word in re.findall(r"model: \[(.*?)\]", file.read_text())}
    assert named
    assert all(name.strip() in PAGE for listed in named for name in listed.split(","))
