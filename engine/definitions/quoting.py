"""A line of the file as it should have been written: hints that can be copied."""

from __future__ import annotations

import re

from engine.definitions.problem import Spot

KEY = re.compile(r"^(\s*(?:- +)*)([^\s:#'\"\[\]{},][^:#]*):\s+(.*)$")
_DASH = re.compile(r"^(\s*- +)(.*)$")


def line_of(lines: tuple[str, ...], spot: Spot) -> str:
    return lines[spot.line - 1] if 0 < spot.line <= len(lines) else ""


def indent_of(line: str) -> int:
    return len(line) - len(line.lstrip())


def quote(text: str) -> str:
    text = text.strip()
    return "'" + text.replace("'", "''") + "'" if '"' in text or "\\" in text else f'"{text}"'


def without_comment(text: str) -> str:
    return re.split(r"\s#", text)[0].rstrip()


def quoted_from(line: str, spot: Spot) -> str:
    """The key and its value, from a column on, in quotes."""
    before, text = line[: spot.column - 1], without_comment(line[spot.column - 1 :])
    inside = before.rstrip().endswith(("[", "{", ",")) or before.count("[") > before.count("]")
    if inside:
        text = re.split(r"[,\]}]", text)[0]
        return f"write {quote(text)}"
    return f"write {before.strip()} {quote(text)}".replace("write  ", "write ")


def whole_line_quoted(line: str, spot: Spot) -> str:
    """The key and its whole value in quotes: what was meant, comment signs and all."""
    key = KEY.match(line) or _DASH.match(line)
    if key and key.lastindex == 3:
        return f"write {key.group(2)}: {quote(key.group(3))}"
    return f"write {quote(line[spot.column - 1 :])}"
