"""The schema that editors use accepts what the loader accepts, and refuses the commonest slips."""

from pathlib import Path

import jsonschema_rs
import pytest

from engine.definitions import file_schema
from engine.definitions.source import read
from engine.definitions.step_shapes import KINDS

HERE = Path(__file__).parent
VALIDATOR = jsonschema_rs.validator_for(file_schema(), offline=True)


SHIPPED = HERE.parent.parent / "workflows"
GOOD = [path for folder in (HERE / "good", HERE / "design", SHIPPED) for path in sorted(folder.glob("*.y*ml"))]


@pytest.mark.parametrize(
    "path", [path for path in GOOD if not path.name.endswith(".test.yaml")], ids=lambda path: path.stem
)
def test_every_good_file_pleases_the_editor(path):
    data = read(path.name, path.read_bytes()).data
    assert [str(error) for error in VALIDATOR.iter_errors(data)] == []


@pytest.mark.parametrize(
    "name",
    [
        "misspelt_keys",
        "unknown_kind",
        "wrong_types",
        "effect_misspelt",
        "no_name",
        "empty_values",
        "block_with_uses",
        "changes_as_text",
        "ensure_keys",
        "on_as_map",
        "rounds_without_changes",
        "schedule_keys",
        "undo_mistakes",
        "keys_of_other_tools",
    ],
)
def test_the_commonest_slips_are_marked_in_the_editor(name):
    data = read(name, (HERE / "broken" / f"{name}.yaml").read_bytes()).data
    assert not VALIDATOR.is_valid(data)


def test_every_kind_of_step_is_described():
    described = str(file_schema())
    for kind in KINDS:
        assert f"'const': '{kind}'" in described


def test_what_a_fault_names_inside_is_no_part_of_the_schema():
    assert "\\x00" not in str(file_schema())


def test_the_schema_names_its_dialect_and_no_internal_words():
    schema = file_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "with_" not in str(schema)
    assert "json_" not in str(schema)
