"""The parts of a line: references to workflows, runs and gates, reasons and plain words."""

from __future__ import annotations

import re

from bot.grammar.asks import Context
from bot.grammar.slack_text import readable
from bot.grammar.tokens import Unclosed, read_value

_RUN_NAME = re.compile(r"[rR]-[0-9A-Za-z]{2,12}")
_GATE_NAME = re.compile(r"[gG]-[0-9]{1,9}")
_OPAQUE = re.compile(r"(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{10,64}")
_VERSION = re.compile(r"[vV]([0-9]{1,6})(?=\s|\Z)")
_LEADS_TO_REASON = re.compile(r"(?:because\b|:|—|–|-)\s*", re.IGNORECASE)


def workflow_named(word: str, context: Context) -> str | None:
    wanted = word.lower().replace("-", "_")
    return next((name for name in context.inputs if name.lower() == wanted), None)


def input_named(name: str, declared: tuple[str, ...] | None) -> str:
    wanted = name.lower().replace("-", "_")
    return next((one for one in declared or () if one.lower() == wanted), name)


def split(rest: str) -> tuple[str, str, str]:
    """The first word, the space after it, and the remainder."""
    word = rest.split(None, 1)[0] if rest.strip() else ""
    return word, " ", rest.strip()[len(word) :].strip()


def run_reference(text: str) -> str | None:
    """A reference to a run in its canonical form; None when the text is no such thing."""
    word = readable(text).strip().rstrip("?!.,")
    if word.lower() in ("last", "this"):
        return word.lower()
    if _RUN_NAME.fullmatch(word):
        return word.upper()
    return word if _OPAQUE.fullmatch(word) else None


def gate_reference(rest: str) -> tuple[str, int | None, str] | None:
    word, _, said = split(rest)
    named = word.rstrip(":,.!")
    if _GATE_NAME.fullmatch(named):
        gate = named.upper()
    elif _OPAQUE.fullmatch(named):
        gate = named
    else:
        return None
    version = _VERSION.match(said)
    if version is None:
        return gate, None, said
    return gate, int(version[1]), said[version.end() :].strip()


def spoken_reason(said: str) -> str:
    """What stands after "because": as it is, or without the quotes when all of it is quoted."""
    lead = _LEADS_TO_REASON.match(said)
    text = said[lead.end() :] if lead else said
    if text:
        read = read_value(text, 0)
        if not isinstance(read, Unclosed) and read[1] and read[2] == len(text):
            return read[0]
    return readable(text).strip()


def words(rest: str) -> str:
    return spoken_reason(rest) if rest[:1] in "\"'“‘" else readable(rest).strip()
