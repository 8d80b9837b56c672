"""Cuts the text of an expression into tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.rules.expressions.problems import ExpressionError, Problem

_TOKEN = re.compile(
    r"""
      (?P<space>   (?: \s | //[^\n]* )+ )
    | (?P<number>  0[xX][0-9a-fA-F]+ | (?: [0-9]+ (?: \.[0-9]+ )? | \.[0-9]+ ) (?: [eE][+-]?[0-9]+ )? )
    | (?P<string>  [rR]?  (?: \"{3} (?: [^\\] | \\. )*? \"{3} | '{3} (?: [^\\] | \\. )*? '{3} )
                 | [rR] (?: " [^"\n]* " | ' [^'\n]* ' )
                 | " (?: [^"\\\n] | \\. )* "
                 | ' (?: [^'\\\n] | \\. )* ' )
    | (?P<name>    [A-Za-z_][A-Za-z0-9_]* )
    | (?P<mark>    && | \|\| | [=!<>]= | [-+*/%<>!?:.,()\[\]{}] )
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPE = re.compile(
    r"\\(?:x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<o>[0-3][0-7]{2})|(?P<c>.))",
    re.DOTALL,
)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"} | {c: c for c in "\\'\"`?"}

# What people write who know another language, and what to write here.
_FOREIGN = (
    ("===", "to compare, write '=='"),
    ("!==", "to compare, write '!='"),
    ("<>", "to compare, write '!='"),
    ("=~", "to match a pattern, write text.matches('pattern')"),
    ("=", "to compare, write '=='"),
    ("??", "for a default, write coalesce(value, default)"),
    ("?.", "fields that may be missing are guarded by has(a.b) or coalesce(a.b, default)"),
    (".?", "fields that may be missing are guarded by has(a.b) or coalesce(a.b, default)"),
    ("**", "there are no powers; write x * x"),
    ("&", "for 'and', write '&&'"),
    ("|", "for 'or', write '||'"),
    ("${{", "this is already inside an expression: leave out '${{' and '}}'"),
    ("$", "names stand by themselves, without '$'"),
    ("#", "a comment begins with '//'"),
    ("`", "text stands in single or double quotes"),
    ("“", "use straight quotes"),
    ("”", "use straight quotes"),
    ("‘", "use straight quotes"),
    ("’", "use straight quotes"),
    ("@", "people and groups are text: put them in quotes"),
    (";", "an expression is one value; there are no statements"),
)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is number, string, name, mark or end; `value` is what a number or string stands for."""

    kind: str
    text: str
    offset: int
    value: int | float | str = ""

    @property
    def end(self) -> int:
        return self.offset + len(self.text)


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """The tokens of an expression, then one of kind `end`. Raises ExpressionError at the first that is none."""
    offset = start
    while offset < len(text):
        _refuse_foreign(text, offset)
        match = _TOKEN.match(text, offset)
        if match is None:
            raise ExpressionError(_unreadable(text, offset), text)
        if match.lastgroup != "space":
            yield _token(match, text)
        offset = match.end()
    yield Token("end", "", offset)


def _token(match: re.Match[str], text: str) -> Token:
    kind, lexeme, offset = match.lastgroup or "", match.group(), match.start()
    if kind == "number":
        return Token(kind, lexeme, offset, _number(lexeme, offset, text))
    if kind == "string":
        return Token(kind, lexeme, offset, _string(lexeme, offset, text))
    if kind == "name" and text[match.end() : match.end() + 1] in {"'", '"'}:
        hint = "text has no other prefix than r (for raw text)"
        raise ExpressionError(Problem(offset, len(lexeme), f"'{lexeme}' before a quote", hint), text)
    return Token(kind, lexeme, offset)


def _number(lexeme: str, offset: int, text: str) -> int | float:
    after = text[offset + len(lexeme) : offset + len(lexeme) + 1]
    if after.isalnum() or after == "_":
        hint = "all numbers are of one kind: leave out the 'u'" if after in "uU" else "a name cannot begin with a digit"
        raise ExpressionError(Problem(offset, len(lexeme) + 1, f"'{lexeme}{after}' is not a number", hint), text)
    if lexeme[:2] in {"0x", "0X"}:
        return int(lexeme, 16)
    if lexeme.isdigit():
        if len(lexeme) > 1000:
            raise ExpressionError(Problem(offset, len(lexeme), "a number of more than 1,000 digits"), text)
        return int(lexeme)
    value = float(lexeme)
    if value == float("inf"):
        raise ExpressionError(Problem(offset, len(lexeme), "the number is too large"), text)
    return value


def _string(lexeme: str, offset: int, text: str) -> str:
    raw = lexeme[0] in "rR"
    quoted = lexeme[1:] if raw else lexeme
    quote = 3 if len(quoted) >= 6 and quoted[:3] in {'"""', "'''"} else 1
    body = quoted[quote:-quote]
    if raw:
        return body
    body_offset = offset + quote

    def unescape(match: re.Match[str]) -> str:
        digits = match["x"] or match["u"] or match["U"]
        if digits or match["o"]:
            code = int(digits, 16) if digits else int(match["o"], 8)
            if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
                return chr(code)
        elif match["c"] in _ESCAPED:
            return _ESCAPED[match["c"]]
        hint = r"write \\ for a backslash, or begin the text with r for raw text: r'\d+'"
        problem = Problem(body_offset + match.start(), len(match.group()), f"unknown escape '{match.group()}'", hint)
        raise ExpressionError(problem, text)

    return _ESCAPE.sub(unescape, body)


def _refuse_foreign(text: str, offset: int) -> None:
    """Spellings that would be cut into legal marks but mean something else elsewhere."""
    two = text[offset : offset + 2]
    if two in {"<>", "??", "**", ".?", "=="} or (two == "?." and not text[offset + 2 : offset + 3].isdigit()):
        if two == "==" and text[offset + 2 : offset + 3] != "=":
            return
        raise ExpressionError(_unreadable(text, offset), text)
    if text.startswith("!==", offset):
        raise ExpressionError(_unreadable(text, offset), text)


def _unreadable(text: str, offset: int) -> Problem:
    character = text[offset]
    if character in "\"'" or (character in "rR" and text[offset + 1 : offset + 2] in {'"', "'"}):
        quote = text[offset + 1] if character in "rR" else character
        hint = f"close it with {quote} on the same line"
        return Problem(offset, 1, "this text is not closed", hint)
    for spelling, hint in _FOREIGN:
        if text.startswith(spelling, offset):
            return Problem(offset, len(spelling), f"'{spelling}' means nothing here", hint)
    if character.isalpha():
        hint = "names have letters a to z, digits and '_'; for another key write object[\"key\"]"
        return Problem(offset, 1, f"'{character}' cannot stand in a name", hint)
    return Problem(offset, 1, f"unexpected {character!r}")
