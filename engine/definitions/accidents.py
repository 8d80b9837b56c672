"""The accidents that YAML makes easy although they are correct YAML, each with what to write instead."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.definitions.problem import Spot
from engine.definitions.quoting import line_of, quote, quoted_from, whole_line_quoted
from engine.definitions.tree import Node, TreeFault

EXPRESSION_OPENS = "${{"
_OPENINGS = re.compile(r"(?<!\$)\$\{\{")
_SMART_QUOTES = "“”„‟«»‘’‚‛"
_INVISIBLE = re.compile("[\u00a0\u200b\u200c\u200d\u2060\u2007\u202f\ufeff]")


class Accident(NamedTuple):
    """A fault in the YAML of a file, before its meaning is looked at."""

    spot: Spot
    code: str
    message: str
    hint: str


def explain_tree(fault: TreeFault, lines: tuple[str, ...]) -> Accident:
    """Words for a construct that YAML allows and a workflow file does not."""
    code, spot, detail = fault.code, fault.spot, fault.detail
    line = line_of(lines, spot)
    match code:
        case "several_documents":
            return Accident(spot, code, "a second document begins here", "one workflow a file: move it to its own file")
        case "alias_unknown":
            return Accident(
                spot,
                "text_needs_quotes",
                f"text that begins with `*` must be in quotes (YAML takes `*{detail}` for an alias)",
                quoted_from(line, spot),
            )
        case "alias_of_itself":
            return Accident(spot, code, f"`*{detail}` stands inside of what it repeats", "write the value out")
        case "tag_not_allowed":
            shown = detail.replace("tag:yaml.org,2002:", "!!")
            if EXPRESSION_OPENS not in line and detail.startswith("!") and not detail.startswith("!!"):
                hint = f"if it is meant as text: {quoted_from(line, spot)}"
            else:
                hint = "write the plain value"
            return Accident(spot, code, f"the tag `{shown}` is not allowed", hint)
        case "bad_escape":
            return Accident(
                spot, code, "an escape after this place stands for no character", "write \\\\ for one backslash"
            )
        case "too_deep":
            return Accident(spot, code, f"nested deeper than {detail} levels", "flatten it, or use a schema file")
    return Accident(spot, "bad_yaml", f"this is no YAML: {detail}", "compare with the lines around it")


def unprintable(char: str, spot: Spot) -> Accident:
    """A character that no editor shows and no parser takes."""
    if char == "\ufeff":
        return Accident(
            spot,
            "stray_bom",
            "a byte order mark stands in the middle of the file",
            "it is left over from joining files: delete this character, or type the line again",
        )
    name = unicodedata.name(char, f"U+{ord(char):04X}")
    return Accident(spot, "bad_character", f"the character {name} is not allowed", "delete it, or type the line again")


def key_is_no_text(node: Node, lines: tuple[str, ...]) -> Accident:
    """A map or list where the name of a key should be: nearly always an unquoted `{{ … }}`."""
    line = line_of(lines, node.start)
    if node.kind == "map" and node.flow:
        return Accident(
            node.start,
            "expression_needs_quotes",
            "an expression begins with `${{`, and beginning with `{` YAML takes it for a map",
            'write "${{ … }}", in quotes',
        )
    return Accident(node.start, "bad_key", "a key must be text", f"write `name: value` instead of `{line.strip()}`")


def look(nodes: Iterable[Node], lines: tuple[str, ...]) -> Iterator[Accident]:
    """Accidents that are correct YAML and mean something else than they seem to."""
    for node in nodes:
        if not node.is_scalar or node.style != "":
            continue
        line = line_of(lines, node.end)
        rest = line[node.end.column - 1 :]
        if node.text == "" and (match := re.match(r"\s*(#[^\s#][^\s,\]}]*)", rest)):
            yield _hash_is_comment(node, line, match)
        elif len(_OPENINGS.findall(node.text)) > node.text.count("}}"):
            yield _cut_expression(node, rest, lines)
        elif node.text[:1] in _SMART_QUOTES and node.text[-1:] in _SMART_QUOTES and len(node.text) > 1:
            yield Accident(
                node.start,
                "smart_quotes",
                "curly quotes are no quotes to YAML: they become part of the text",
                f'write straight quotes: "{node.text[1:-1]}"',
            )
        elif _INVISIBLE.match(node.text):
            yield Accident(
                node.start,
                "invisible_character",
                f"an invisible character ({unicodedata.name(node.text[0])}) stands before the text",
                "delete it and type an ordinary space",
            )


def _hash_is_comment(node: Node, line: str, match: re.Match[str]) -> Accident:
    word = match.group(1)
    before = line[: node.end.column - 1 + match.start(1)].rstrip()
    return Accident(
        Spot(node.end.line, node.end.column + match.start(1)),
        "hash_is_comment",
        f"`{word}` is a comment, so there is no value here: `#` begins a comment in YAML",
        f'put it in quotes: {before.strip()} "{word}"',
    )


def _cut_expression(node: Node, rest: str, lines: tuple[str, ...]) -> Accident:
    if rest.lstrip().startswith("#"):
        column = node.end.column + len(rest) - len(rest.lstrip())
        return Accident(
            Spot(node.end.line, column),
            "hash_in_expression",
            "the expression is cut off here: ` #` begins a comment in YAML",
            whole_line_quoted(line_of(lines, node.start), node.start),
        )
    if "\n" not in node.text and (match := re.search(r"[,\]}]", rest)) and "}}" in rest:
        return expression_in_flow(node.start, line_of(lines, node.start), match.group())
    return Accident(
        node.start,
        "expression_not_closed",
        "`${{` is not closed: `}}` is missing",
        "write ${{ … }}; if the expression holds `, ` or `: ` or ` #`, put the whole value in quotes",
    )


def expression_in_flow(spot: Spot, line: str, sign: str) -> Accident:
    end = line.find("}}", spot.column - 1)
    text = line[spot.column - 1 : end + 2] if end > 0 else "${{ … }}"
    return Accident(
        spot,
        "expression_needs_quotes",
        f"inside [ ] or {{ }} an expression must be in quotes (YAML takes `{sign}` in it for its own)",
        f"write {quote(text)}",
    )
