"""The functions of the language: what each takes, gives and does. The guide shows every one with an example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.rules.expressions import dates, lists, numbers, texts
from engine.rules.expressions.frame import Fault, Frame
from engine.rules.expressions.nodes import Call, Literal
from engine.rules.expressions.operators import kind_of, whole
from engine.rules.expressions.parser import MACROS
from engine.rules.expressions.problems import Problem, closest
from engine.rules.expressions.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    Type,
    enum_of,
    field_of,
    is_only,
    items_of,
    list_of,
    united,
    values_of,
)

_PYTHON: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """What an argument may be, in words (`spoken`) and kinds; None takes anything. `items` bounds a list's items."""

    spoken: str
    kinds: frozenset[str] | None = None
    items: frozenset[str] | None = None
    python_types: frozenset[type] | None = None


def _one_of(*kinds_: str, items: Sequence[str] | None = None, spoken: str = "") -> Parameter:
    python_types = frozenset(type_ for kind in kinds_ for type_ in _PYTHON[kind])
    item_kinds = None if items is None else frozenset(items)
    return Parameter(spoken or " or ".join(kinds_), frozenset(kinds_), item_kinds, python_types)


_ANYTHING: Final = Parameter("a value")
_TEXT: Final = _one_of("string")
_NUMBER: Final = _one_of("number", "integer", spoken="number")
_WHOLE: Final = _one_of("integer")
_LIST: Final = _one_of("list")
_TEXTS: Final = _one_of("list", items=("string",), spoken="list of strings")
_NUMBERS: Final = _one_of("list", items=("number", "integer"), spoken="list of numbers")
_OBJECT: Final = _one_of("object")
_SCALAR: Final = _one_of("string", "number", "integer", "boolean", spoken="string, number or boolean")
_READABLE: Final = _one_of("string", "number", "integer", spoken="string or number")
_SIZED: Final = _one_of("string", "list", "object")

Result = Callable[[Sequence[Type]], Type]


@dataclass(frozen=True, slots=True)
class Function:
    """One function. The last `optional` parameters may be left out; `many` repeats the last one as often as wished."""

    name: str
    run: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    result: Result
    optional: int = 0
    many: bool = False
    method: bool = True

    def accepts(self, count: int) -> bool:
        return count >= len(self.parameters) - self.optional and (self.many or count <= len(self.parameters))

    def parameter(self, at: int) -> Parameter:
        return self.parameters[min(at, len(self.parameters) - 1)]


def _always(type_: Type) -> Result:
    return lambda _: type_


def _as_given(arguments: Sequence[Type]) -> Type:
    """Without the narrower values: the absolute of an enum of numbers is not one of them."""
    return INTEGER if is_only(arguments[0], "integer") else NUMBER


def _same(arguments: Sequence[Type]) -> Type:
    return STRING if is_only(arguments[0], "string") else arguments[0]


def _sum_of(arguments: Sequence[Type]) -> Type:
    return INTEGER if is_only(items_of(arguments[0]), "integer") else NUMBER


def _extreme_of(arguments: Sequence[Type]) -> Type:
    return items_of(arguments[0]) if len(arguments) == 1 and is_only(arguments[0], "list") else united(arguments)


def _rounded(arguments: Sequence[Type]) -> Type:
    digits = values_of(arguments[1]) if len(arguments) > 1 else (0,)
    to_whole = digits is not None and all(type(count) is int and count <= 0 for count in digits)
    return INTEGER if to_whole or is_only(arguments[0], "integer") else NUMBER


def _flat(arguments: Sequence[Type]) -> Type:
    items = items_of(arguments[0])
    return list_of(items_of(items) if is_only(items, "list") else ANY)


def _values(arguments: Sequence[Type]) -> Type:
    names = field_of(arguments[0], "").names
    if names:
        return list_of(united(field_of(arguments[0], name).type or ANY for name in names))
    return list_of(field_of(arguments[0], "").type or ANY)


def _type_name(_: Frame, value: Any) -> str:
    """The kind of a value as schemas name it."""
    kind = kind_of(value)
    return "array" if kind == "list" else kind


_TYPE_NAMES: Final = enum_of(("null", "boolean", "integer", "number", "string", "array", "object"))

FUNCTIONS: Final[dict[str, Function]] = {
    function.name: function
    for function in (
        # conversions
        Function("string", numbers.string, (_SCALAR,), _always(STRING), method=False),
        Function("int", numbers.int_of, (_SCALAR,), _always(INTEGER), method=False),
        Function("double", numbers.double_of, (_READABLE,), _always(NUMBER), method=False),
        Function("number", numbers.number_of, (_READABLE,), _always(NUMBER), method=False),
        Function("bool", numbers.bool_of, (_one_of("string", "boolean"),), _always(BOOLEAN), method=False),
        Function("type", _type_name, (_ANYTHING,), _always(_TYPE_NAMES), method=False),
        Function("toJson", texts.to_json, (_ANYTHING,), _always(STRING)),
        # text
        Function("contains", texts.contains, (_TEXT, _TEXT), _always(BOOLEAN)),
        Function("startsWith", texts.starts_with, (_TEXT, _TEXT), _always(BOOLEAN)),
        Function("endsWith", texts.ends_with, (_TEXT, _TEXT), _always(BOOLEAN)),
        Function("matches", texts.matches, (_TEXT, _TEXT), _always(BOOLEAN)),
        Function("lowerAscii", texts.lower_ascii, (_TEXT,), _always(STRING)),
        Function("upperAscii", texts.upper_ascii, (_TEXT,), _always(STRING)),
        Function("trim", texts.trim, (_TEXT,), _always(STRING)),
        Function("split", texts.split, (_TEXT, _TEXT, _WHOLE), _always(list_of(STRING)), optional=1),
        Function("join", texts.join, (_TEXTS, _TEXT), _always(STRING), optional=1),
        Function("replace", texts.replace, (_TEXT, _TEXT, _TEXT, _WHOLE), _always(STRING), optional=1),
        Function("substring", texts.substring, (_TEXT, _WHOLE, _WHOLE), _always(STRING), optional=1),
        Function("indexOf", texts.index_of, (_TEXT, _TEXT, _WHOLE), _always(INTEGER), optional=1),
        Function("formatDate", dates.format_date, (_READABLE, _TEXT, _TEXT), _always(STRING), optional=1),
        # numbers
        Function("min", numbers.smallest, (_ANYTHING,), _extreme_of, many=True),
        Function("max", numbers.largest, (_ANYTHING,), _extreme_of, many=True),
        Function("sum", numbers.total, (_NUMBERS,), _sum_of),
        Function("avg", numbers.average, (_NUMBERS,), _always(NUMBER)),
        Function("round", numbers.rounded, (_NUMBER, _WHOLE), _rounded, optional=1),
        Function("floor", numbers.floored, (_NUMBER,), _always(INTEGER)),
        Function("ceil", numbers.ceiled, (_NUMBER,), _always(INTEGER)),
        Function("abs", numbers.absolute, (_NUMBER,), _as_given),
        Function("div", numbers.div, (_NUMBER, _NUMBER), _always(INTEGER)),
        # lists and objects
        Function("size", lists.size, (_SIZED,), _always(INTEGER)),
        Function("reverse", lists.reverse, (_one_of("string", "list"),), _same),
        Function("flatten", lists.flatten, (_LIST,), _flat),
        Function("distinct", lists.distinct, (_LIST,), _same),
        Function("keys", lists.keys, (_OBJECT,), _always(list_of(STRING))),
        Function("values", lists.values, (_OBJECT,), _values),
    )
}

_NAMES: Final = (*FUNCTIONS, *MACROS, "has", "coalesce")
# Names from elsewhere, and what does the same here.
_FOREIGN: Final = {
    "len": "size",
    "length": "size",
    "count": "size",
    "lower": "lowerAscii",
    "upper": "upperAscii",
    "toLowerCase": "lowerAscii",
    "toUpperCase": "upperAscii",
    "str": "string",
    "float": "double",
    "strip": "trim",
    "includes": "contains",
    "any": "exists",
    "some": "exists",
    "every": "all",
    "default": "coalesce",
    "orValue": "coalesce",
    "toJSON": "toJson",
    "json": "toJson",
    "find": "indexOf",
    "average": "avg",
    "unique": "distinct",
    "group_by": "groupBy",
    "sort": "sortBy",
}


# Arguments that say what is wrong with them before any run, when they are written in the expression.
_LOOKED_AT: Final[dict[tuple[str, int], Callable[[str], str]]] = {
    ("matches", 1): texts.pattern_problem,
    ("formatDate", 1): dates.pattern_problem,
    ("formatDate", 2): dates.zone_problem,
}


def misuse(call: Call) -> Problem | None:
    """What is wrong with a call whatever its data: an unknown function, or a wrong number of arguments."""
    function = FUNCTIONS.get(call.name)
    place = (call.name_offset, len(call.name))
    if function is None:
        meant = _FOREIGN.get(call.name) or closest(call.name, _NAMES)
        hint = (
            "expressions are pure: a moment comes from the data, such as run.started_at" if call.name == "now" else ""
        )
        return Problem(
            *place, f"unknown function '{call.name}'" + (f"; did you mean '{meant}'?" if meant else ""), hint
        )
    if call.method and not function.method:
        return Problem(*place, f"{call.name}() does not stand after a value", f"write {call.name}(value)")
    if not function.accepts(len(call.arguments)):
        given = len(call.arguments) - call.method
        return Problem(*place, f"{call.name}() takes {_counts(function, call.method)}, got {given}")
    return None


def _counts(function: Function, method: bool) -> str:
    most = len(function.parameters) - method
    fewest = most - function.optional
    if function.many:
        return "at least one argument"
    count = str(most) if fewest == most else f"{fewest} or {most}"
    return f"{count} argument" if count == "1" else f"{count} arguments"


def bad_constant(call: Call) -> Problem | None:
    """A pattern or time zone, written in the expression, that no run could use."""
    for at, argument in enumerate(call.arguments):
        look = _LOOKED_AT.get((call.name, at))
        if look is not None and isinstance(argument, Literal) and isinstance(argument.value, str):
            problem = look(argument.value)
            if problem:
                return Problem(argument.offset, argument.length, problem)
    return None


def fitted(name: str, parameter: Parameter, at: int, value: Any) -> Any:
    """An argument as the function takes it. Raises Fault when it is of another kind."""
    accepted = parameter.python_types
    if accepted is None or type(value) in accepted:
        return whole(f"{name}()", value) if parameter is _WHOLE else value
    raise Fault(*unfit_argument(name, parameter, at, kind_of(value)))


def unfit_argument(name: str, parameter: Parameter, at: int, got: str) -> tuple[str, str]:
    """Message and hint for an argument of the wrong kind, told the same way before and during a run."""
    place = "" if at == 0 else f" as argument {at + 1}"
    hint = ""
    if got == "null":
        hint = "give a default: coalesce(value, default)"
    elif name == "contains" and got.startswith("list"):
        hint = "to look into a list, write: item in list"
    elif parameter is _TEXT and got in {"integer", "number", "boolean"}:
        hint = "use string(...)"
    elif parameter is _NUMBER and got == "string":
        hint = "use number(...)"
    elif name == "string":
        hint = "for a whole list or object use toJson(...)"
    return f"{name}() needs {parameter.spoken}{place}, got {got}", hint
