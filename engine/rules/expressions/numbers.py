"""What the functions on numbers do, and the conversions to and from them."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from math import ceil, floor
from typing import Any, Final

from engine.rules.expressions.frame import Fault, Frame
from engine.rules.expressions.operators import NUMBERS, comparable, divide, kind_of, number, scalar_text

_INTEGER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_DIGITS_MAX: Final = 1_000
_BOOLEANS: Final = dict.fromkeys(("true", "TRUE", "True", "t", "1"), True) | dict.fromkeys(
    ("false", "FALSE", "False", "f", "0"), False
)
# Rounds as people do on the digits they see: 2.675 to 2.68. Wide enough for every double.
_ROUNDING: Final = Context(prec=2_000, rounding=ROUND_HALF_UP)

Number = int | float


def string(frame: Frame, value: Any) -> str:
    text = scalar_text(value)
    frame.spend_text(len(text))
    return text


def int_of(_: Frame, value: Any) -> int:
    """A whole number out of text, a number without its fraction, 1 for true and 0 for false."""
    if type(value) is str:
        if len(value) > _DIGITS_MAX or not _INTEGER.fullmatch(value):
            raise Fault("int() cannot read this text as a whole number")
        return int(value)
    return int(value) if type(value) is bool else int(number(value))


def double_of(_: Frame, value: Any) -> float:
    read = _read_number(value) if type(value) is str else number(value)
    try:
        return float(number(float(read)))
    except OverflowError:
        raise Fault("the number is too large") from None


def number_of(_: Frame, value: Any) -> Number:
    """The number that a text spells; an integer when it has no fraction or exponent."""
    if type(value) is not str:
        return number(value)
    if len(value) <= _DIGITS_MAX and _INTEGER.fullmatch(value):
        return int(value)
    return _read_number(value)


def _read_number(text: str) -> float:
    if len(text) > _DIGITS_MAX or not _NUMBER.fullmatch(text):
        raise Fault("this text is not a number", "numbers are written like 12 or 12.5, without spaces and units")
    return float(number(float(text)))


def bool_of(_: Frame, value: Any) -> bool:
    if type(value) is bool:
        return value
    if value in _BOOLEANS:
        return _BOOLEANS[value]
    raise Fault("bool() cannot read this text", "it reads 'true' and 'false'")


def div(_: Frame, dividend: Number, divisor: Number) -> int:
    """The quotient rounded down."""
    if divisor == 0:
        raise Fault("divide by zero")
    try:
        return int(number(dividend // divisor))
    except OverflowError:
        raise Fault("the number is too large") from None


def absolute(_: Frame, value: Number) -> Number:
    return number(abs(value))


def floored(_: Frame, value: Number) -> int:
    return floor(number(value))


def ceiled(_: Frame, value: Number) -> int:
    return ceil(number(value))


def rounded(_: Frame, value: Number, digits: int = 0) -> Number:
    """Rounded to a number of decimal digits, halves away from zero; an integer when that leaves no fraction to keep."""
    if abs(digits) > 300:
        raise Fault("round() takes up to 300 digits")
    if type(value) is int and digits >= 0:
        return value
    written = Decimal(repr(number(value)))
    near = written.quantize(Decimal(1).scaleb(-digits), context=_ROUNDING)
    return int(near) if digits <= 0 else float(near)


def total(frame: Frame, values: list[Any]) -> Number:
    _spend_numbers(frame, "sum", values)
    try:
        return number(sum(values))
    except OverflowError:
        raise Fault("the number is too large") from None


def average(frame: Frame, values: list[Any]) -> Number:
    if not values:
        raise Fault("avg() of an empty list", "guard it: size(list) > 0 ? avg(list) : 0")
    result: Number = divide(frame, total(frame, values), len(values))
    return result


def smallest(frame: Frame, *values: Any) -> Any:
    return _extreme(frame, "min", min, values)


def largest(frame: Frame, *values: Any) -> Any:
    return _extreme(frame, "max", max, values)


def _extreme(frame: Frame, name: str, choose: Callable[[Any], Any], values: tuple[Any, ...]) -> Any:
    """Of one list, or of several arguments."""
    items = values[0] if len(values) == 1 and type(values[0]) is list else values
    frame.spend(len(items))
    if not items:
        raise Fault(f"{name}() of an empty list", f"guard it: size(list) > 0 ? {name}(list) : 0")
    need_order(f"{name}()", items)
    return choose(items)


def need_order(who: str, items: Any) -> None:
    first = items[0]
    for item in items:
        if not comparable(first, item):
            raise Fault(f"{who} cannot compare {kind_of(first)} with {kind_of(item)}")


def _spend_numbers(frame: Frame, name: str, values: list[Any]) -> None:
    frame.spend(len(values))
    for value in values:
        if type(value) not in NUMBERS:
            raise Fault(f"{name}() needs a list of numbers, got {kind_of(value)} in it")
