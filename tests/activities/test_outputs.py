import pytest

from engine.activities.outputs import require_output, require_schema, validate_output
from engine.faults import ActivityFault

SCHEMA = {
    "type": "object",
    "required": ["url"],
    "properties": {
        "url": {"type": "string", "maxLength": 3},
        "rows": {"type": "array", "items": {"type": "object", "properties": {"price": {"type": "number"}}}},
    },
}


def test_what_fits_has_no_messages():
    assert validate_output(SCHEMA, {"url": "a", "rows": [{"price": 1}]}) == []
    assert validate_output(None, {"anything": 1}) == []
    assert validate_output(True, 1) == []


def test_each_problem_has_its_path_and_no_value():
    messages = validate_output(SCHEMA, {"url": "secret", "rows": [{"price": 1}, {"price": "secret"}]})
    assert sorted(messages) == [
        'output.rows[1].price: the value is not of type "number"',
        "output.url: the value is longer than 3 characters",
    ]
    assert validate_output(SCHEMA, {}, root="inputs") == ['inputs: "url" is a required property']


def test_messages_are_bounded():
    messages = validate_output({"items": {"type": "string"}}, list(range(1000)))
    assert len(messages) == 21
    assert messages[-1] == "… and more"


def test_formats_are_checked():
    assert validate_output({"format": "date"}, "2026-13-01") != []


def test_an_expression_that_explodes_does_not():
    assert validate_output({"pattern": "^(a+)+$"}, "a" * 40 + "!") != []


def test_a_schema_that_is_none_is_refused():
    with pytest.raises(ValueError, match="not a JSON Schema"):
        require_schema({"type": "strin"})


@pytest.mark.parametrize("place", ["http://127.0.0.1:1/schema.json", "file://{folder}/schema.json"])
def test_a_schema_elsewhere_is_refused_without_being_fetched(tmp_path, place):
    (tmp_path / "schema.json").write_text("{}")
    with pytest.raises(ValueError, match="not a JSON Schema"):
        require_schema({"$ref": place.format(folder=tmp_path)})


def test_size_is_bounded():
    require_output("x" * 10, bytes_max=12)
    with pytest.raises(ActivityFault) as caught:
        require_output("x" * 11, bytes_max=12, happened=True)
    assert (caught.value.code, caught.value.maybe_happened) == ("output_too_large", True)
