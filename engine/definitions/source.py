"""YAML as data with the place of every node: YAML 1.2 core rules, bounded, and nothing that could run code."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from engine.definitions import accidents, stumbles
from engine.definitions.problem import Problem, Severity, Spot
from engine.definitions.tree import Node, PurePython, TreeFault, grow
from store.model import Json

Path: TypeAlias = tuple[str | int, ...]

FILE_BYTES_MAX = 500_000  # a definition is read, checked and hashed as one value
NODES_MAX = 50_000  # after aliases are expanded: a few lines of aliases can stand for billions of values
DIGITS_MAX = 40  # longer numbers are text that lost its quotes
FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PLAIN: Any = PurePython

_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Source:
    """One file as it was read: its text, its data, and where each piece of the data stands."""

    file: str
    text: str = ""
    lines: tuple[str, ...] = ()
    data: Json = None
    nodes: dict[Path, Node] = field(default_factory=dict)
    keys: dict[Path, Node] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def spot(self, path: Path, *, key: bool = False) -> Spot:
        """Where a value (or its key) stands; for something that is not there, the nearest thing around it."""
        if key and path in self.keys:
            return self.keys[path].start
        while path and path not in self.nodes:
            path = path[:-1]
        if path in self.nodes:
            node = self.nodes[path]
            return self.keys[path].start if not node.is_scalar and path in self.keys else node.start
        return Spot(1, 1)

    def inside(self, path: Path, offset: int) -> Spot:
        """Where a character of a text value stands in the file."""
        node = self.nodes.get(path)
        return self.spot(path) if node is None or not node.is_scalar else _place(node, offset, self.lines)

    def is_plain(self, path: Path) -> bool:
        """Whether a text was written without quotes."""
        node = self.nodes.get(path)
        return node is not None and node.is_scalar and node.style == ""

    def problem(self, spot: Spot, code: str, message: str, hint: str = "", severity: Severity = "error") -> Problem:
        excerpt = self.lines[spot.line - 1] if 0 < spot.line <= len(self.lines) else ""
        return Problem(self.file, spot.line, spot.column, severity, code, message, hint, excerpt)


def read(file: str, raw: bytes, loader: Any = FAST) -> Source:
    """Read a file; what is wrong with it as YAML is in `problems`, and then there is no data."""
    text, fault = _decode(raw)
    if fault is not None:
        return Source(file, problems=(Problem(file, 0, 0, "error", *fault),))
    lines = tuple(_LINE_END.split(text))
    bare = Source(file, text, lines)
    for match in _UNPRINTABLE.finditer(text):
        return _failed(bare, [accidents.unprintable(match.group(), _spot_of(text, match.start()))])
    # The C parser lets some tabs pass that YAML forbids: the verdict must not depend on which parser is installed.
    loader = PLAIN if "\t" in text else loader
    try:
        root = _parse(text, loader)
    except yaml.MarkedYAMLError as error:
        return _failed(bare, [stumbles.explain(error, lines)])
    except TreeFault as error:
        return _failed(bare, [accidents.explain_tree(error, lines)])
    if root is None:
        return Source(file, problems=(Problem(file, 0, 0, "error", "file_empty", *_EMPTY),))
    reading = _Reading(lines)
    data = reading.value(root, ())
    nodes, keys = reading.nodes, reading.keys
    if data is None and not reading.faults:  # null, or an anchor with nothing behind it
        return Source(file, problems=(Problem(file, 0, 0, "error", "file_empty", *_EMPTY),))
    if reading.full:
        return _failed(bare, reading.faults)
    found = [*accidents.look((*keys.values(), *nodes.values()), lines), *reading.faults]
    problems = tuple(bare.problem(*accident) for accident in sorted(set(found)))
    return Source(file, text, lines, data, nodes, keys, problems)


_EMPTY = ("the file is empty", "begin with:\nworkflow: my_workflow\nsteps:")


def _decode(raw: bytes) -> tuple[str, tuple[str, str, str] | None]:
    if len(raw) > FILE_BYTES_MAX:
        return "", (
            "file_too_large",
            f"the file has {len(raw):,} bytes; a workflow file may have {FILE_BYTES_MAX:,}",
            "move long texts into files of their own: `prompt: {file: prompts/draft.md}`",
        )
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "", (
            "not_utf8",
            "the file is saved as UTF-16",
            'save it again as UTF-8 (in the editor\'s "Save as", choose the encoding UTF-8)',
        )
    try:
        return raw.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return "", (
            "not_utf8",
            f"line {line} holds a byte (0x{raw[error.start]:02x}) that is not UTF-8",
            "save the file again as UTF-8; it was probably saved as Windows-1252 or Latin-1",
        )


def _parse(text: str, loader: Any) -> Node | None:
    """The tree of the text. The pure parser has the last word: its messages are better, and it is always there."""
    if loader is not PLAIN:
        try:
            return grow(text, loader)
        except (yaml.YAMLError, TreeFault):
            pass
    return grow(text, PLAIN)


def _text_start(node: Node, lines: tuple[str, ...]) -> Spot:
    """Where the text of a value begins: behind the anchor or tag that it may carry."""
    line, column = node.start
    match = _PROPERTIES.match(lines[line - 1], column - 1) if node.marked else None
    return Spot(line, column + len(match.group())) if match else node.start


def _failed(bare: Source, found: list[accidents.Accident]) -> Source:
    return Source(bare.file, bare.text, bare.lines, problems=tuple(bare.problem(*accident) for accident in found))


def _spot_of(text: str, index: int) -> Spot:
    ends = [match.end() for match in _LINE_END.finditer(text, 0, index)]
    return Spot(len(ends) + 1, index - (ends[-1] if ends else 0) + 1)


class _Reading:
    """One walk over the tree: builds the data and notes where everything stands."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = lines
        self.nodes: dict[Path, Node] = {}
        self.keys: dict[Path, Node] = {}
        self.faults: list[accidents.Accident] = []
        self.full = False

    def value(self, node: Node, path: Path) -> Json:
        if self.full:
            return None
        if len(self.nodes) >= NODES_MAX:
            self.full = True
            self._fault(
                node, "too_large", f"more than {NODES_MAX:,} values after expanding aliases", "write the values out"
            )
            return None
        self.nodes[path] = node
        match node.kind:
            case "list":
                return [self.value(item, (*path, index)) for index, item in enumerate(node.items)]
            case "map":
                return self._mapping(node, path)
        return self._scalar(node)

    def _mapping(self, node: Node, path: Path) -> dict[str, Json]:
        data: dict[str, Json] = {}
        for key_node, value_node in node.pairs:
            if not key_node.is_scalar:
                self.faults.append(accidents.key_is_no_text(key_node, self.lines))
                continue
            key = key_node.text
            place = (*path, key)
            if key_node.style == "" and key == "<<":
                self._fault(key_node, "no_merge", "`<<` is not supported", "write the keys out where they are needed")
                self._merge(value_node, path, data)
            elif key_node.style == "" and key == "":
                self._fault(key_node, "key_missing", "there is no key before the colon", "write `name: value`")
            elif place in self.keys:
                first = self.keys[place].start.line
                self._fault(
                    key_node, "duplicate_key", f"`{key}` appears twice; first in line {first}", "keep one of the two"
                )
            else:
                self.keys[place] = key_node
                data[key] = self.value(value_node, place)
        return data

    def _merge(self, node: Node, path: Path, data: dict[str, Json]) -> None:
        """Take in what was meant, so that its keys are not reported as missing besides."""
        merged = self._mapping(node, path) if node.kind == "map" else {}
        for key, value in merged.items():
            data.setdefault(key, value)

    def _scalar(self, node: Node) -> Json:
        text = node.text
        if not text.isascii() and _SURROGATE.search(text):
            self._fault(node, "bad_escape", "an escape in this text stands for half a character", "write the character")
            return None
        if node.style != "" or node.tagged:
            return text
        if _NULL.fullmatch(text):
            return None
        if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
            return text.lower() == "true"
        if _INTEGER.fullmatch(text) or _NUMBER.fullmatch(text):
            return self._number(node)
        if _NO_NUMBER.fullmatch(text):
            self._fault(node, "bad_number", f"{text} is no number that JSON knows", f'write a number, or "{text}"')
            return None
        return text

    def _number(self, node: Node) -> int | float | None:
        text = node.text
        if len(text) <= DIGITS_MAX and _INTEGER.fullmatch(text):
            number = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
            if number in _INT64:
                return number
        elif len(text) <= DIGITS_MAX and abs(value := float(text)) != float("inf"):
            return value
        shown = text if len(text) <= DIGITS_MAX else text[:DIGITS_MAX] + "…"
        self._fault(node, "bad_number", f"{shown} is too large for a number", "put it in quotes to keep it as text")
        return None

    def _fault(self, node: Node, code: str, message: str, hint: str) -> None:
        self.faults.append(accidents.Accident(node.start, code, message, hint))


def _place(node: Node, offset: int, lines: tuple[str, ...]) -> Spot:
    """Follow the value and its written form side by side: quotes, escapes and indentation only add characters."""
    line, column = _text_start(node, lines)
    if node.style in ("|", ">"):
        line, column = line + 1, 1
    elif node.style:
        column += 1
    for char in node.text[:offset]:
        line, column = _skip(char, line, column, lines, node.style)
        line, column = _after(char, line, column, lines, node.style)
    if offset < len(node.text):
        line, column = _skip(node.text[offset], line, column, lines, node.style)
    return Spot(line, column)


_SHORT_ESCAPES = {"x": 4, "u": 6, "U": 10}


def _skip(char: str, line: int, column: int, lines: tuple[str, ...], style: str) -> tuple[int, int]:
    """Pass over what stands only in the file: indentation, line ends, blank lines, escaped line ends."""
    while line <= len(lines):
        rest = lines[line - 1][column - 1 :]
        if style == '"' and rest == "\\":
            line, column = line + 1, 1
        elif char == "\n" and style in ("|", ">"):
            return (line, column) if not rest.strip() else (line, column + 1)
        elif not rest:
            if char in " \n":
                return line, column
            line, column = line + 1, 1
        elif rest[0] in " \t" and rest[0] != char:
            column += 1
        else:
            return line, column
    return line, column


def _after(char: str, line: int, column: int, lines: tuple[str, ...], style: str) -> tuple[int, int]:
    """The place behind one character of the value."""
    rest = lines[line - 1][column - 1 :] if line <= len(lines) else ""
    if char == "\n" and (not rest or style in ("|", ">")):
        return line + 1, 1
    if char == " " and not rest:
        return line + 1, 1
    if style == "'" and rest[:2] == "''":
        return line, column + 2
    if style == '"' and rest[:1] == "\\":
        return line, column + _SHORT_ESCAPES.get(rest[1:2], 2)
    return line, column + 1
