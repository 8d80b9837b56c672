"""Python functions as their source tells of them, without a line of it being run."""

import ast

import pytest

from engine.definitions.annotations import Annotations
from engine.definitions.calls import ANYTHING, NotCallable, signature_of

MODULE = """
from __future__ import annotations
import dataclasses
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict, Union
from pydantic import BaseModel

raise RuntimeError("this module must never be imported")

Tone = Literal["plain", "playful"]
Self = list["Self"]

class Line(TypedDict):
    sku: str
    note: NotRequired[str]

class Partial(TypedDict, total=False):
    a: int

@dataclass(frozen=True)
class Point:
    x: float
    y: float = 0.0

class Order(BaseModel):
    id: str
    lines: list[Line]

class Tree(TypedDict):
    children: list["Tree"]

class Strange(Order):
    more: int
"""

TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
LINE = {"type": "object", "properties": {"sku": TEXT, "note": TEXT}, "required": ["sku"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        ("str", TEXT),
        ("int", WHOLE),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("None", {"type": "null"}),
        ("date", {"type": "string", "format": "date"}),
        ("list[str]", {"type": "array", "items": TEXT}),
        ("'list[int]'", {"type": "array", "items": WHOLE}),
        ("dict[str, int]", {"type": "object", "additionalProperties": WHOLE}),
        ("str | None", {"anyOf": [TEXT, {"type": "null"}]}),
        ("Optional[int]", {"anyOf": [WHOLE, {"type": "null"}]}),
        ("Union[str, int]", {"anyOf": [TEXT, WHOLE]}),
        ("Annotated[str, 'x']", TEXT),
        ("Literal['a', 1]", {"enum": ["a", 1]}),
        ("Tone", {"enum": ["plain", "playful"]}),
        ("Line", LINE),
        ("list[Line]", {"type": "array", "items": LINE}),
        (
            "Partial",
            {"type": "object", "properties": {"a": WHOLE}, "required": [], "additionalProperties": False},
        ),
        (
            "Order",
            {
                "type": "object",
                "properties": {"id": TEXT, "lines": {"type": "array", "items": LINE}},
                "required": ["id", "lines"],
                "additionalProperties": False,
            },
        ),
        ("Any", {}),
        ("Strange", None),
        ("Unknown", None),
        ("tuple[int, str]", None),
        ("Literal[1.5]", None),
        ("str | Unknown", None),
        ("f()", None),
        ("'('", None),
    ],
)
def test_an_annotation_is_a_schema_or_promises_nothing(annotation, schema):
    written = ast.parse(annotation, mode="eval").body
    assert Annotations(ast.parse(MODULE)).schema(written) == schema


def test_a_dataclass_has_all_its_fields_when_it_is_returned():
    schema = Annotations(ast.parse(MODULE)).schema(ast.parse("Point", mode="eval").body)
    assert schema["required"] == ["x", "y"]


def test_classes_that_contain_themselves_end_in_anything():
    schema = Annotations(ast.parse(MODULE)).schema(ast.parse("Tree", mode="eval").body)
    assert schema["properties"] == {"children": {"type": "array", "items": {}}}
    assert Annotations(ast.parse(MODULE)).schema(ast.parse("Self", mode="eval").body) == {"type": "array", "items": {}}


@pytest.fixture
def function(tmp_path):
    def write(text, call="f.py:go"):
        (tmp_path / "f.py").write_text(text, encoding="utf-8")
        return signature_of(tmp_path, call)

    return write


def test_a_signature_names_parameters_and_which_of_them_are_needed(function):
    signature = function("async def go(a: str, b, /, c: int = 1, *, d, e=2) -> list[str]: ...\n")
    assert signature.parameters == {"c": WHOLE, "d": {}, "e": {}}
    assert signature.required == ("a", "b", "d")
    assert not signature.open
    assert signature.returns == {"type": "array", "items": TEXT}


def test_keyword_arguments_leave_a_signature_open(function):
    assert function("def go(a, **others): ...\n").open


def test_a_strange_decorator_may_change_everything(function):
    signature = function("@cached\ndef go(a: str) -> str: ...\n")
    assert (signature.open, signature.required, signature.returns) == (True, (), None)


@pytest.mark.parametrize(
    "text",
    ["from other import go", "import go", "go = lambda: 1", "go: object = 3", "from x import *", "class go: ..."],
)
def test_a_name_that_is_bound_otherwise_may_be_any_function(function, text):
    assert function(text) == ANYTHING


@pytest.mark.parametrize("text", ["if True:\n    def go(a): ...", "try:\n    pass\nexcept E:\n    def go(a): ..."])
def test_functions_behind_conditions_count(function, text):
    assert function(text).required == ("a",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def goo(): ...", "there is no function `go` in f.py"),
        ("def outer():\n    def go(): ...", "there is no function `go` in f.py"),
        ("def go(:", "f.py, line 1: invalid syntax"),
        ("x = '\0'", "f.py is no Python"),
    ],
)
def test_what_cannot_be_called_is_told(function, text, said):
    with pytest.raises(NotCallable) as caught:
        function(text)
    assert str(caught.value).startswith(said)
    assert caught.value.certain


def test_a_link_that_leads_outside_is_not_followed(tmp_path):
    folder = tmp_path / "workflows"
    folder.mkdir()
    (tmp_path / "outside.py").write_text("def go(): ...\n")
    (folder / "f.py").symlink_to(tmp_path / "outside.py")
    with pytest.raises(NotCallable, match="outside of the workflow's folder"):
        signature_of(folder, "f.py:go")


def test_an_installed_module_is_found_without_importing_it(tmp_path):
    import sys

    sys.modules.pop("antigravity", None)  # importing it opens a browser
    assert signature_of(tmp_path, "antigravity:geohash").required == ("latitude", "longitude", "datedow")
    assert "antigravity" not in sys.modules
    assert signature_of(tmp_path, "json.decoder:scanstring").open


def test_a_module_that_is_not_found_here_may_still_be_there_later(tmp_path):
    with pytest.raises(NotCallable) as caught:
        signature_of(tmp_path, "no.such.module:go")
    assert not caught.value.certain


@pytest.mark.parametrize("call", ["os.path:join", "math:sqrt"])
def test_a_module_of_python_itself_that_has_no_file_may_hold_any_function(tmp_path, call):
    assert signature_of(tmp_path, call) is ANYTHING


def test_a_module_that_is_nowhere_is_no_certain_mistake(tmp_path):
    with pytest.raises(NotCallable, match=r"no module `shop.orders`") as told:
        signature_of(tmp_path, "shop.orders:count")
    assert not told.value.certain
