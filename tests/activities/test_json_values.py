import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.json_values import NotPlain, join_path, parse_json, require_plain

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), children),
)


@given(plain)
def test_whatever_is_plain_survives_both_parsers(value):
    require_plain(value)
    assert parse_json(json.dumps(value)) == value
    assert orjson.loads(orjson.dumps(value)) == value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [1, float("inf")]}, "output.a[1]: is inf"),
        ({"a b": {"c": 2**63}}, 'output["a b"].c: is a whole number beyond 64 bits'),
        (-(2**63) - 1, "output: is a whole number"),
        ([{1: 2}], "output[0]: has the key 1, which is an int and not text"),
        (b"x", "output: is a bytes"),
        ({"\udfff": 1}, "has a key with a character"),
        (["\ud800"], "output[0]: holds a character"),
    ],
)
def test_what_json_cannot_carry_is_told_with_its_place(value, said):
    with pytest.raises(NotPlain) as caught:
        require_plain(value)
    assert said in str(caught.value)


def test_the_first_problem_in_reading_order_is_told():
    with pytest.raises(NotPlain, match=r"output\.a\[0\]"):
        require_plain({"a": [{1}, {2}], "b": {3}})


def test_depth_is_bounded():
    deep = []
    for _ in range(100):
        deep = [deep]
    require_plain(deep)
    with pytest.raises(NotPlain, match="nested deeper than 100"):
        require_plain([deep])
    with pytest.raises(NotPlain, match="nested deeper than 100"):
        parse_json("[" * 100_000 + "]" * 100_000)


@pytest.mark.parametrize("text", ["NaN", '{"a": -Infinity}', "", "{", "1 2", "'a'"])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_json(text)


def test_paths_read_as_one_would_write_them():
    assert join_path("output", "price") == "output.price"
    assert join_path("output", "a.b") == 'output["a.b"]'
