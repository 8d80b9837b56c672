"""What the functions on text do. Positions and sizes count code points."""

from __future__ import annotations

import json
from typing import Any, Final

from engine.rules.expressions.frame import Fault, Frame
from engine.rules.expressions.patterns import PatternError, pattern

_PATTERN_MAX: Final = 1_000  # characters of a pattern
_STATES_PER_COST: Final = 10
_UPPER: Final = {ord(upper): upper.lower() for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_LOWER: Final = {ord(lower): lower.upper() for lower in "abcdefghijklmnopqrstuvwxyz"}
# What Unicode calls white space; Python's strip() takes some control characters too.
_SPACES: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def contains(frame: Frame, text: str, part: str) -> bool:
    frame.spend_text(len(text))
    return part in text


def starts_with(_: Frame, text: str, part: str) -> bool:
    return text.startswith(part)


def ends_with(_: Frame, text: str, part: str) -> bool:
    return text.endswith(part)


def matches(frame: Frame, text: str, written: str) -> bool:
    if problem := pattern_problem(written):
        raise Fault(problem)
    automaton = pattern(written)
    frame.spend(1 + len(text) * automaton.size // _STATES_PER_COST)
    return automaton.found_in(text)


def pattern_problem(written: str) -> str:
    """Why a pattern cannot be used, or an empty string."""
    if len(written) > _PATTERN_MAX:
        return f"the pattern is longer than {_PATTERN_MAX:,} characters"
    try:
        pattern(written)
    except PatternError as error:
        return f"unusable pattern: {error}"
    return ""


def lower_ascii(frame: Frame, text: str) -> str:
    frame.spend_text(len(text))
    return text.translate(_UPPER)


def upper_ascii(frame: Frame, text: str) -> str:
    frame.spend_text(len(text))
    return text.translate(_LOWER)


def trim(frame: Frame, text: str) -> str:
    frame.spend_text(len(text))
    return text.strip(_SPACES)


def split(frame: Frame, text: str, separator: str, limit: int = -1) -> list[str]:
    """At most `limit` parts, the last one holding the rest; a negative limit is none."""
    frame.spend_text(len(text))
    if limit == 0:
        return []
    parts = text.count(separator) + 1 if separator else len(text)
    frame.spend(min(parts, limit) if limit > 0 else parts)
    if separator:
        return text.split(separator, limit - 1 if limit > 0 else -1)
    if limit < 0 or limit >= len(text):
        return list(text) or [""]
    return [*text[: limit - 1], text[limit - 1 :]]


def join(frame: Frame, texts: list[Any], separator: str = "") -> str:
    frame.spend(len(texts))
    for text in texts:
        if type(text) is not str:
            raise Fault("join() needs a list of strings", "write list.map(x, string(x)).join(', ')")
    frame.spend_text(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def replace(frame: Frame, text: str, old: str, new: str, limit: int = -1) -> str:
    """The first `limit` places replaced; all of them when it is negative."""
    frame.spend_text(len(text))
    found = text.count(old)
    places = found if limit < 0 else min(found, limit)
    frame.spend_text(len(text) + places * (len(new) - len(old)))
    return text.replace(old, new, limit)


def substring(frame: Frame, text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    if not 0 <= start <= stop <= len(text):
        raise Fault("substring() reaches outside the text", "positions go from 0 to size(text)")
    frame.spend_text(stop - start)
    return text[start:stop]


def index_of(frame: Frame, text: str, part: str, start: int = 0) -> int:
    """Where a part first stands, or -1."""
    frame.spend_text(len(text))
    if not 0 <= start <= len(text):
        raise Fault("indexOf() begins outside the text", "positions go from 0 to size(text)")
    return text.find(part, start)


def to_json(frame: Frame, value: Any) -> str:
    """A value as JSON text on one line, keys in their order."""
    _spend_whole(frame, value)
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (RecursionError, ValueError):
        raise Fault("toJson() cannot write this value: too deep, or a number JSON does not have") from None
    frame.spend_text(len(text))
    return text


def _spend_whole(frame: Frame, value: Any) -> None:
    """Pay for everything inside a value, and make sure that it is JSON."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        kind = type(part)
        frame.spend(1)
        if kind is list:
            waiting.extend(part)
        elif kind is dict:
            waiting.extend(part.values())
        elif kind is str:
            frame.spend_text(len(part))
        elif kind not in {int, float, bool, type(None)}:
            raise Fault(f"toJson() met a {kind.__name__}, which is not JSON")
