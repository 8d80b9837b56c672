"""A line, cut into words, quoted values and options. Quotes of every kind count, as phones and editors write them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from bot.grammar.slack_text import MARKUP, readable, value

CLOSERS = {
    '"': '"',
    "“": "”",
    "”": "”",
    "„": "“”",
    "‟": "”",
    "«": "»",
    "»": "«»",
    "'": "'",
    "‘": "’‘",
    "’": "’",
    "‚": "‘’",
    "‹": "›",
    "›": "‹›",
}
SINGLE = frozenset("'‘’‚‹›")  # also apostrophes: without its partner such a character stands for itself
NESTING = frozenset("“«‹")
_NAMED = re.compile(r"(?:--|—|–)?([A-Za-z_][A-Za-z0-9_-]*)(\+?=)")
_OPTION = re.compile(r"(?:--|—|–)([A-Za-z_][A-Za-z0-9_-]*)(?=\s|\Z)")
_ENDS_VALUE = re.compile(r"[.,;:!?]*(?=\s|\Z)")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a line: a bare value, `name=value`, `name+=value`, or an option `--name`."""

    kind: Literal["value", "named", "option"]
    text: str = ""  # the value; empty for an option
    name: str = ""
    append: bool = False
    quoted: bool = False
    at: int = field(default=0, compare=False)  # where it begins in its line


@dataclass(frozen=True, slots=True)
class Unclosed:
    """A quote was opened and never closed: the line up to it, the quote, and the line from it on."""

    quote: str
    rest: str
    before: str = ""


def tokens(line: str) -> list[Token] | Unclosed:
    """The pieces of a line as Slack delivers it."""
    found: list[Token] = []
    at = _skip_space(line, 0)
    while at < len(line):
        named = _NAMED.match(line, at)
        option = None if named else _OPTION.match(line, at)
        if option:
            found.append(Token("option", name=option[1], at=at))
            at = _skip_space(line, option.end())
            continue
        read = read_value(line, named.end() if named else at)
        if isinstance(read, Unclosed):
            return read
        text, quoted, end = read
        if named:
            found.append(Token("named", text, named[1], named[2] == "+=", quoted, at))
        else:
            found.append(Token("value", text, quoted=quoted, at=at))
        at = _skip_space(line, end)
    return found


def read_value(line: str, at: int) -> tuple[str, bool, int] | Unclosed:
    """The value that starts here: its text, whether it was quoted, and where it ends."""
    opener = line[at : at + 1]
    if opener in CLOSERS and opener:
        closed = _closing(line, at)
        if closed is not None:
            inside = re.sub(r"\\([\\" + re.escape(opener + CLOSERS[opener]) + "])", r"\1", line[at + 1 : closed])
            ending = _ENDS_VALUE.match(line, closed + 1)
            return value(inside), True, ending.end() if ending else closed + 1
        if opener not in SINGLE:
            return Unclosed(opener, readable(line[at:]), readable(line[:at]))
    end = _end_of_word(line, at)
    return value(line[at:end]), False, end


def _closing(line: str, opened: int) -> int | None:
    """Where the quote closes: at the first closer that ends a word and belongs to it, else at the first closer."""
    opener = line[opened]
    closers = CLOSERS[opener]
    first = None
    nested = 0
    at = opened + 1
    while at < len(line):
        markup = MARKUP.match(line, at)
        if markup:
            at = markup.end()
            continue
        if line[at] == "\\":
            at += 2
            continue
        if line[at] == opener and opener in NESTING:
            nested += 1
        elif line[at] in closers and nested:
            nested -= 1
        elif line[at] in closers:
            if _ENDS_VALUE.match(line, at + 1):
                return at
            first = at if first is None else first
        at += 1
    return first


def _end_of_word(line: str, at: int) -> int:
    """Labels inside markup may hold spaces: a word never ends within it."""
    while at < len(line) and not line[at].isspace():
        markup = MARKUP.match(line, at)
        at = markup.end() if markup else at + 1
    return at


def _skip_space(line: str, at: int) -> int:
    while at < len(line) and line[at].isspace():
        at += 1
    return at
