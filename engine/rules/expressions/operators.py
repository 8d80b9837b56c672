"""What the operators do with JSON values: CEL's meaning, with one kind of number.

Only exact types count (`type(x) is dict`), so that no object from elsewhere can bring behaviour of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, Final

from engine.rules.expressions.frame import Fault, Frame

INTEGER_BITS_MAX: Final = 4096  # room for any identifier, and none for numbers that grow without end
_TOO_LARGE: Final = "the number is too large"
NUMBERS: Final = frozenset({int, float})
SCALARS: Final = frozenset({int, float, str, bool, type(None)})
_ORDERED: Final = frozenset({str, bool})
_KINDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    str: "string",
    list: "list",
    dict: "object",
}

BinaryOperator = Callable[[Frame, Any, Any], Any]


def kind_of(value: object) -> str:
    """What a value is called in messages. A number without a fraction is an integer, however it is stored."""
    kind = type(value)
    if kind is float:
        return "integer" if value.is_integer() else "number"  # type: ignore[attr-defined]
    return _KINDS.get(kind) or f"{kind.__name__}, which is not JSON,"


def number(value: int | float) -> int | float:
    """A computed number, if JSON can hold it."""
    if isfinite(value) if isinstance(value, float) else value.bit_length() <= INTEGER_BITS_MAX:
        return value
    raise Fault(_TOO_LARGE)


def number_text(value: int | float) -> str:
    """A number as text: without a fraction that says nothing, otherwise as JSON writes it."""
    if isinstance(value, int):
        return str(number(value))
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(number(value))


def scalar_text(value: object) -> str:
    """Text for what can stand in text: strings, numbers, true and false."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[return-value]
    if kind is bool:
        return "true" if value else "false"
    if kind in NUMBERS:
        return number_text(value)  # type: ignore[arg-type]
    hint = "for a whole list or object use toJson(...)" if kind in {list, dict} else "give a default: coalesce(..., '')"
    raise Fault(f"{kind_of(value)} cannot become text", hint)


# Arithmetic


def add(frame: Frame, left: Any, right: Any) -> Any:
    a, b = type(left), type(right)
    if a in NUMBERS and b in NUMBERS:
        try:
            return number(left + right)
        except OverflowError:
            raise Fault(_TOO_LARGE) from None
    if a is b is str:
        frame.spend_text(len(left) + len(right))
        return left + right
    if a is b is list:
        frame.spend(len(left) + len(right))
        return left + right
    raise Fault(*unfit("+", kind_of(left), kind_of(right)))


def subtract(_: Frame, left: Any, right: Any) -> Any:
    _need_numbers("-", left, right)
    try:
        return number(left - right)
    except OverflowError:
        raise Fault(_TOO_LARGE) from None


def multiply(_: Frame, left: Any, right: Any) -> Any:
    _need_numbers("*", left, right)
    try:
        return number(left * right)
    except OverflowError:
        raise Fault(_TOO_LARGE) from None


def divide(_: Frame, left: Any, right: Any) -> Any:
    """The exact quotient: an integer where two integers have one."""
    _need_numbers("/", left, right)
    _need_divisor(right)
    if type(left) is type(right) is int and left % right == 0:
        return left // right
    try:
        return number(left / right)
    except OverflowError:
        raise Fault(_TOO_LARGE) from None


def remainder(_: Frame, left: Any, right: Any) -> Any:
    """What is left of a division of whole numbers, with the sign of the first."""
    _need_numbers("%", left, right)
    a, b = whole("'%'", left), whole("'%'", right)
    _need_divisor(b)
    rest = abs(a) % abs(b)
    return -rest if a < 0 else rest


def negated(value: Any) -> Any:
    if type(value) not in NUMBERS:
        raise Fault(f"cannot apply '-' to {kind_of(value)}")
    return -value


def whole(who: str, value: int | float) -> int:
    """The integer that a number is, 2.0 included."""
    if type(value) is int:
        return value
    if value.is_integer():  # type: ignore[union-attr]
        return int(value)
    raise Fault(f"{who} needs whole numbers, got a fraction", "use round(), floor() or ceil() first")


def unfit(operator: str, left: str, right: str) -> tuple[str, str]:
    """Message and hint for operands that do not go together, told the same way before and during a run."""
    message, kinds = f"cannot apply '{operator}' to {left} and {right}", {left, right}
    if operator == "+" and "string" in kinds and kinds & {"integer", "number", "boolean"}:
        return f"{message}; use string(...)", ""
    if "null" in kinds:
        return message, "give a default: coalesce(value, default)"
    if operator == "+" and any(kind.startswith("list") for kind in kinds):
        return message, "to add one item to a list, put it in brackets: list + [item]"
    if operator == "+" and kinds == {"object"}:
        return message, "objects are written field by field: {'a': x.a, 'b': y.b}"
    return message, ""


def _need_numbers(operator: str, left: Any, right: Any) -> None:
    if type(left) not in NUMBERS or type(right) not in NUMBERS:
        raise Fault(*unfit(operator, kind_of(left), kind_of(right)))


def _need_divisor(value: int | float) -> None:
    if value == 0:
        raise Fault("divide by zero")


# Comparison


def equal(frame: Frame, left: Any, right: Any) -> bool:
    """Equality by value: 1 is 1.0, true is not 1, and different kinds are never equal."""
    a, b = type(left), type(right)
    if a is b:
        if a in SCALARS:
            return left == right  # type: ignore[no-any-return]
        return _deeply_equal(frame, left, right)
    return a in NUMBERS and b in NUMBERS and left == right


def unequal(frame: Frame, left: Any, right: Any) -> bool:
    return not equal(frame, left, right)


def _deeply_equal(frame: Frame, left: Any, right: Any) -> bool:
    """Without recursion, since data may be nested deeper than the interpreter's stack."""
    pairs = [(left, right)]
    while pairs:
        one, other = pairs.pop()
        if type(one) is list and type(other) is list:
            if len(one) != len(other):
                return False
            frame.spend(len(one))
            pairs.extend(zip(one, other, strict=True))
        elif type(one) is dict and type(other) is dict:
            if one.keys() != other.keys():
                return False
            frame.spend(len(one))
            pairs.extend((value, other[key]) for key, value in one.items())
        elif not _same_scalar(one, other):
            return False
    return True


def _same_scalar(one: Any, other: Any) -> bool:
    a, b = type(one), type(other)
    if a not in _KINDS and a is not float:
        raise Fault(f"cannot compare {kind_of(one)} with {kind_of(other)}")
    return (a is b or (a in NUMBERS and b in NUMBERS)) and a in SCALARS and one == other


def contained(frame: Frame, item: Any, container: Any) -> bool:
    """`item in list` by value, or `key in object`."""
    kind = type(container)
    if kind is dict:
        if type(item) in {list, dict, type(None)}:
            raise Fault(f"a key is text, not {kind_of(item)}")
        return type(item) is str and item in container
    if kind is not list:
        raise Fault(*no_container(kind_of(container)))
    frame.spend(len(container))
    if type(item) is str:
        return any(type(other) is str and other == item for other in container)
    return any(equal(frame, item, other) for other in container)


def no_container(kind: str) -> tuple[str, str]:
    hint = "to look into text, write text.contains(part)" if kind == "string" else ""
    return f"'in' needs a list or object on its right, got {kind}", hint


def comparable(left: Any, right: Any) -> bool:
    """Whether two values have an order: both numbers, both text, or both boolean."""
    a, b = type(left), type(right)
    return (a is b and a in _ORDERED) or (a in NUMBERS and b in NUMBERS)


def less(_: Frame, left: Any, right: Any) -> bool:
    if comparable(left, right):
        return left < right  # type: ignore[no-any-return]
    raise Fault(*_no_order("<", left, right))


def less_or_equal(_: Frame, left: Any, right: Any) -> bool:
    if comparable(left, right):
        return left <= right  # type: ignore[no-any-return]
    raise Fault(*_no_order("<=", left, right))


def greater(_: Frame, left: Any, right: Any) -> bool:
    if comparable(left, right):
        return left > right  # type: ignore[no-any-return]
    raise Fault(*_no_order(">", left, right))


def greater_or_equal(_: Frame, left: Any, right: Any) -> bool:
    if comparable(left, right):
        return left >= right  # type: ignore[no-any-return]
    raise Fault(*_no_order(">=", left, right))


def _no_order(operator: str, left: Any, right: Any) -> tuple[str, str]:
    return unfit(operator, kind_of(left), kind_of(right))


BINARY: Final[dict[str, BinaryOperator]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": remainder,
    "==": equal,
    "!=": unequal,
    "<": less,
    "<=": less_or_equal,
    ">": greater,
    ">=": greater_or_equal,
    "in": contained,
}
