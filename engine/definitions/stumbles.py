"""What a person probably did, from where the YAML parser stumbled."""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml

from engine.definitions.accidents import EXPRESSION_OPENS, Accident, expression_in_flow
from engine.definitions.problem import Spot
from engine.definitions.quoting import KEY, indent_of, line_of, quote, quoted_from, whole_line_quoted, without_comment


def explain(error: yaml.MarkedYAMLError, lines: tuple[str, ...]) -> Accident:
    """What a person probably did, from what the parser stumbled over."""
    mark = error.problem_mark or error.context_mark
    spot = Spot(mark.line + 1, mark.column + 1) if mark else Spot(1, 1)
    context = Spot(error.context_mark.line + 1, error.context_mark.column + 1) if error.context_mark else spot
    fault = _Fault(spot, context, error.problem or "", error.context or "", lines)
    for rule in _RULES:
        accident = rule(fault)
        if accident is not None:
            return accident
    return Accident(
        spot, "bad_yaml", f"this is no YAML: {fault.problem or 'unreadable'}", "compare with the lines around it"
    )


class _Fault(NamedTuple):
    spot: Spot
    context_spot: Spot
    problem: str
    context: str
    lines: tuple[str, ...]

    @property
    def line(self) -> str:
        return line_of(self.lines, self.spot)

    @property
    def context_line(self) -> str:
        return line_of(self.lines, self.context_spot)


def _tab(fault: _Fault) -> Accident | None:
    if "'\\t'" not in fault.problem:
        return None
    indents = not fault.line[: fault.spot.column - 1].strip()
    return Accident(
        fault.spot,
        "tab",
        "a tab stands here; YAML " + ("indents with spaces only" if indents else "wants a space"),
        "replace the tab by spaces (two a level); most editors can do it for the whole file",
    )


def _starts_with_sign(fault: _Fault) -> Accident | None:
    match = re.search(r"found character '([@`%])' that cannot start", fault.problem)
    if match is None:
        return None
    return Accident(
        fault.spot,
        "text_needs_quotes",
        f"text that begins with `{match.group(1)}` must be in quotes",
        quoted_from(fault.line, fault.spot),
    )


def _anchor(fault: _Fault) -> Accident | None:
    if "anchor" not in fault.context and "alias" not in fault.context:
        return None
    sign = fault.context_line[fault.context_spot.column - 1 : fault.context_spot.column] or "&"
    return Accident(
        fault.context_spot,
        "text_needs_quotes",
        f"text that begins with `{sign}` must be in quotes",
        quoted_from(fault.context_line, fault.context_spot),
    )


def _expression_on_line(fault: _Fault) -> Accident | None:
    """Nearly every parser error on a line with an expression comes from a missing pair of quotes."""
    start = fault.line.find(EXPRESSION_OPENS)
    if start < 0 or start >= fault.spot.column:
        return None
    quoted = '"' in fault.line[:start] or "'" in fault.line[:start]
    if "mapping values" in fault.problem and not quoted:
        return Accident(
            fault.spot,
            "expression_needs_quotes",
            "an expression with `: ` in it must be in quotes (YAML takes it for a key)",
            whole_line_quoted(fault.line, Spot(fault.spot.line, start + 1)),
        )
    if "flow" in fault.context and not quoted:
        return expression_in_flow(Spot(fault.spot.line, start + 1), fault.line, "{")
    if "expected <block end>" in fault.problem and quoted:
        return Accident(
            fault.spot,
            "quote_ends_early",
            "the quotes end before the value does",
            "inside double quotes use single ones: \"${{ x == 'y' }}\"",
        )
    return None


def _hash_in_flow(fault: _Fault) -> Accident | None:
    if "flow" not in fault.context:
        return None
    for number in range(min(fault.spot.line, len(fault.lines)), 0, -1):
        line = fault.lines[number - 1]
        match = re.search(r"[\[{,:]\s*(#[^\s,\]}]+)", line)
        if match:
            return Accident(
                Spot(number, match.start(1) + 1),
                "hash_is_comment",
                f"`{match.group(1)}` begins a comment in YAML, and the rest of the line is lost",
                f'put it in quotes: "{match.group(1)}"',
            )
    return None


def _colon_in_text(fault: _Fault) -> Accident | None:
    if "mapping values" not in fault.problem:
        return None
    match = KEY.match(fault.line)
    if match and match.end(2) < fault.spot.column - 1 and not match.group(3).startswith(("'", '"', "[", "{")):
        return Accident(
            fault.spot,
            "text_needs_quotes",
            "text with `: ` in it must be in quotes (YAML takes it for a key)",
            f"write {match.group(2)}: {quote(without_comment(match.group(3)))}",
        )
    return _indentation_after_value(fault)


def _indentation_after_value(fault: _Fault) -> Accident:
    above = next((n for n in range(fault.spot.line - 1, 0, -1) if fault.lines[n - 1].split("#")[0].strip()), 0)
    line = fault.lines[above - 1] if above else ""
    here = Spot(fault.spot.line, len(fault.line) - len(fault.line.lstrip()) + 1)
    if above and re.match(r"^\s*(- )?[\w-]+:\S", line):
        key, _, value = line.strip().partition(":")
        indent = len(line) - len(line.lstrip()) + 1
        return Accident(
            Spot(above, indent), "space_missing", "after a colon YAML wants a space", f"write {key}: {value}"
        )
    if above and ":" not in line:
        indent = len(line) - len(line.lstrip()) + 1
        key, space, value = line.strip().partition(" ")
        meant = f"{key}: {value}" if space and key.isidentifier() else f"{line.strip()}:"
        return Accident(Spot(above, indent), "colon_missing", "a colon is missing here", f"write {meant}")
    if indent_of(fault.line) > indent_of(line):
        return Accident(
            here,
            "bad_indentation",
            f"this line is indented further than line {above}, which has its value already",
            f"begin it in column {indent_of(line) + 1}, like line {above}",
        )
    return Accident(
        here, "bad_indentation", "a key is not allowed here", "compare the indentation with the lines above"
    )


def _block_ends(fault: _Fault) -> Accident | None:
    found = re.search(r"expected <block end>, but found '(.+)'", fault.problem)
    if found is None:
        return None
    before = fault.line[: fault.spot.column - 1].rstrip()
    if fault.line.lstrip().startswith(":"):
        return Accident(fault.spot, "key_missing", "there is no key before the colon", "write `name: value`")
    if before.endswith(("'", '"')):
        opened = _opened_above(fault, before[-1])
        if opened is not None:
            return opened
        return Accident(
            fault.spot,
            "quote_ends_early",
            "there is text after the closing quote",
            "put the whole value in quotes; a quote inside 'single quotes' is written twice",
        )
    if before.endswith(("]", "}")):
        return Accident(fault.spot, "text_after_bracket", "there is text after the closing bracket", "put it in quotes")
    if found.group(1) == "-" or (found.group(1) == "?" and "collection" in fault.context):
        missing = found.group(1) == "?"
        return Accident(
            fault.spot,
            "bad_indentation",
            "this list has a line without `- `" if missing else "a list item stands between keys",
            "begin each item of a list with `- ` in the same column; a value that is a list stands under its key",
        )
    return Accident(
        fault.spot,
        "bad_indentation",
        f"this line begins in column {indent_of(fault.line) + 1}, and no line above it begins there",
        "keys of one level begin in one column; "
        f"the block it seems to belong to begins in column {fault.context_spot.column}",
    )


def _opened_above(fault: _Fault, sign: str) -> Accident | None:
    """A quote that was forgotten is closed by the next one, lines later: the mistake is where it began."""
    if fault.line[: fault.spot.column - 1].count(sign) != 1:
        return None
    for number in range(fault.spot.line - 1, 0, -1):
        line = fault.lines[number - 1]
        begun = re.match(rf"^\s*(?:- )?[\w-]+:\s+(?={sign})", line)
        if begun and line.count(sign) == 1:
            message = f"the closing quote is missing: this text goes on to line {fault.spot.line}"
            return Accident(Spot(number, begun.end() + 1), "quote_not_closed", message, f"write {line.strip()}{sign}")
    return None


def _quote_not_closed(fault: _Fault) -> Accident | None:
    ends = "end of stream" in fault.problem or "document separator" in fault.problem
    if "quoted scalar" not in fault.context or not ends:
        return None
    line = fault.context_line
    sign = line[fault.context_spot.column - 1 : fault.context_spot.column]
    hint = f"write {line.strip()}{sign}"
    return Accident(fault.context_spot, "quote_not_closed", "the closing quote is missing", hint)


def _bad_escape(fault: _Fault) -> Accident | None:
    if "escape" not in fault.problem and "hexdecimal" not in fault.problem:
        return None
    return Accident(
        Spot(fault.spot.line, max(1, fault.spot.column - 1)),
        "bad_escape",
        "in double quotes a backslash begins an escape, and this is none that YAML knows",
        "write \\\\ for one backslash, or use single quotes",
    )


def _bracket_not_closed(fault: _Fault) -> Accident | None:
    if "flow" not in fault.context:
        return None
    sign = fault.context_line[fault.context_spot.column - 1 : fault.context_spot.column]
    if sign not in ("[", "{"):
        return Accident(
            fault.spot, "bad_brackets", "a value or a closing bracket is missing here", "close what is open"
        )
    closing = {"[": "]", "{": "}"}[sign]
    if fault.spot.line == fault.context_spot.line:
        return Accident(
            fault.spot,
            "bad_brackets",
            f"`,` or `{closing}` is missing here",
            "put texts with , : # { } [ ] in them in quotes",
        )
    return Accident(
        fault.context_spot, "bracket_not_closed", f"`{sign}` is not closed", f"write the missing `{closing}`"
    )


def _stray_bracket(fault: _Fault) -> Accident | None:
    if "expected the node content" not in fault.problem:
        return None
    sign = fault.line[fault.spot.column - 1 : fault.spot.column]
    if sign in ("]", "}", ",") and sign:
        return Accident(
            fault.spot,
            "text_needs_quotes",
            f"text that begins with `{sign}` must be in quotes",
            quoted_from(fault.line, fault.spot),
        )
    return None


def _no_colon(fault: _Fault) -> Accident | None:
    if "could not find expected ':'" not in fault.problem:
        return None
    text = fault.context_line.strip()
    here = fault.context_spot
    if re.match(r"^-\S", text):
        return Accident(here, "space_missing", "after the dash of a list YAML wants a space", f"write - {text[1:]}")
    if re.match(r"^[\w-]+:\S", text):
        key, _, value = text.partition(":")
        return Accident(here, "space_missing", "after a colon YAML wants a space", f"write {key}: {value}")
    above = line_of(fault.lines, Spot(here.line - 1, 1))
    if above.lstrip().startswith("- ") and indent_of(above) == indent_of(fault.context_line):
        message = "this line of a list does not begin with `- `"
        return Accident(here, "dash_missing", message, f"write - {text}")
    hint = "a text of several lines begins with `|` behind its key and is indented below it"
    if re.fullmatch(r"[a-z_]+", text):
        hint = f"write {text}:"
    elif match := re.fullmatch(r"([a-z_]+) (\S.*)", text):
        hint = f"if `{match.group(1)}` is a key, write {match.group(1)}: {match.group(2)}\n{hint}"
    return Accident(here, "colon_missing", "this line is neither `key: value` nor an item of a list", hint)


def _block_scalar(fault: _Fault) -> Accident | None:
    if "block scalar" not in fault.context:
        return None
    sign = fault.context_line[fault.context_spot.column - 1 : fault.context_spot.column]
    return Accident(
        fault.context_spot,
        "text_needs_quotes",
        f"after `{sign}` the text begins on the next line",
        f"begin a new line after `{sign}` and indent it, or put the text in quotes",
    )


def _dash_after_key(fault: _Fault) -> Accident | None:
    if "sequence entries are not allowed" not in fault.problem:
        return None
    return Accident(
        fault.spot,
        "list_on_key_line",
        "a list does not begin on the line of its key",
        "put each `- item` on its own line below, or write [item, item]; text that begins with `- ` needs quotes",
    )


def _question_mark(fault: _Fault) -> Accident | None:
    if "mapping keys are not allowed" not in fault.problem:
        return None
    return Accident(
        fault.spot,
        "text_needs_quotes",
        "text that begins with `? ` must be in quotes",
        quoted_from(fault.line, fault.spot),
    )


def _second_document(fault: _Fault) -> Accident | None:
    if "<document start>" in fault.problem:
        return Accident(
            fault.spot, "bad_yaml", "the workflow ended above, and something follows", "begin every line with `key: `"
        )
    if "directive" in fault.context:
        return Accident(fault.context_spot, "text_needs_quotes", "a line may not begin with `%`", "delete the line")
    return None


_RULES = (
    _tab,
    _starts_with_sign,
    _anchor,
    _expression_on_line,
    _hash_in_flow,
    _colon_in_text,
    _block_ends,
    _quote_not_closed,
    _bad_escape,
    _stray_bracket,
    _bracket_not_closed,
    _no_colon,
    _block_scalar,
    _dash_after_key,
    _question_mark,
    _second_document,
)
