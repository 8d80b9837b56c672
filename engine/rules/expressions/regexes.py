"""Reads the text of a pattern: RE2's syntax, without what an automaton cannot do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias

_REPEATS_MAX: Final = 200
_NESTED_MAX: Final = 20
_CODE_MAX: Final = 0x10FFFF

Range: TypeAlias = tuple[int, int]

_DIGIT: Final[tuple[Range, ...]] = ((0x30, 0x39),)
_WORD: Final[tuple[Range, ...]] = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE: Final[tuple[Range, ...]] = ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))
_CLASSES: Final = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_NAMED: Final[dict[str, tuple[Range, ...]]] = {
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "digit": _DIGIT,
    "lower": ((0x61, 0x7A),),
    "upper": ((0x41, 0x5A),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "word": _WORD,
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_ANCHORS: Final = {"A": "start", "z": "end", "b": "edge", "B": "inside"}
_COUNTS: Final = re.compile(r"\{(\d{1,4})(,(\d{0,4}))?\}")
_FLAGS: Final = re.compile(r"\(\?([is]+)\)")
_GROUP: Final = re.compile(r"\((?:\?:|\?P?<[A-Za-z_]\w*>)?")
_HEX: Final = re.compile(r"x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})")


class PatternError(ValueError):
    """The pattern cannot be read, or asks for what linear time does not give."""


@dataclass(frozen=True, slots=True)
class Characters:
    """One character out of some ranges, or, when `negated`, any other one."""

    ranges: tuple[Range, ...]
    negated: bool = False
    any_case: bool = False

    def has(self, character: str) -> bool:
        spellings = {character, character.lower(), character.upper()} if self.any_case else {character}
        codes = [ord(spelling) for spelling in spellings if len(spelling) == 1]
        return any(low <= code <= high for code in codes for low, high in self.ranges) != self.negated


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place between characters: start, end, edge (of a word) or inside."""

    kind: str


@dataclass(frozen=True, slots=True)
class Sequence:
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    piece: Piece
    fewest: int
    most: int | None


Piece: TypeAlias = Characters | Anchor | Sequence | Alternatives | Repeat


def is_word(character: str) -> bool:
    code = ord(character)
    return any(low <= code <= high for low, high in _WORD)


def read_pattern(text: str) -> Piece:
    """The pieces of a pattern. Raises PatternError."""
    reader = _Reader(text)
    piece = reader.alternatives()
    if not reader.ended:
        reader.fail("a ')' that closes nothing")
    return piece


class _Reader:
    def __init__(self, text: str) -> None:
        flags = _FLAGS.match(text)
        self._text = text
        self._at = flags.end() if flags else 0
        self._any_case = bool(flags and "i" in flags[1])
        self._dot = Characters(()) if flags and "s" in flags[1] else Characters(((0x0A, 0x0A),))
        self._nested = 0

    @property
    def ended(self) -> bool:
        return self._at >= len(self._text)

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _taken(self, characters: str) -> bool:
        if self._text.startswith(characters, self._at):
            self._at += len(characters)
            return True
        return False

    def fail(self, what: str) -> NoReturn:
        raise PatternError(f"{what}, at character {self._at + 1} of the pattern")

    def alternatives(self) -> Piece:
        self._nested += 1
        if self._nested > _NESTED_MAX:
            self.fail(f"groups nested deeper than {_NESTED_MAX}")
        branches = [self._sequence()]
        while self._taken("|"):
            branches.append(self._sequence())
        self._nested -= 1
        return branches[0] if len(branches) == 1 else Alternatives(tuple(branches))

    def _sequence(self) -> Piece:
        pieces: list[Piece] = []
        while not self.ended and self._next() not in {"|", ")"}:
            pieces.append(self._quantified(self._single()))
        return Sequence(tuple(pieces))

    def _quantified(self, piece: Piece) -> Piece:
        repeat = self._repeat(piece)
        if repeat is None:
            return piece
        if isinstance(piece, Anchor):
            self.fail("a place such as ^ or $ cannot be repeated")
        self._taken("?")  # lazy or greedy is the same for a yes or no
        if self._next() in {"*", "+", "?"} and self._next():
            self.fail("two repetitions in a row")
        return repeat

    def _repeat(self, piece: Piece) -> Repeat | None:
        for mark, fewest, most in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if self._taken(mark):
                return Repeat(piece, fewest, most)
        counts = _COUNTS.match(self._text, self._at)
        if counts is None:
            return None
        fewest = int(counts[1])
        most = fewest if counts[2] is None else int(counts[3]) if counts[3] else None
        if max(fewest, most or 0) > _REPEATS_MAX:
            self.fail(f"more than {_REPEATS_MAX} repetitions")
        if most is not None and most < fewest:
            self.fail("a repetition whose end is below its start")
        self._at = counts.end()
        return Repeat(piece, fewest, most)

    def _single(self) -> Piece:
        character = self._next()
        if character == "(":
            return self._group()
        if character in {"*", "+", "?"} or _COUNTS.match(self._text, self._at):
            self.fail(f"nothing stands before '{character}'")
        self._at += 1
        match character:
            case "[":
                return self._class()
            case "\\":
                return self._escape()
            case ".":
                return Characters(self._dot.ranges, negated=True)
            case "^":
                return Anchor("start")
            case "$":
                return Anchor("end")
        return self._literal(character)

    def _literal(self, character: str) -> Characters:
        code = ord(character)
        return Characters(((code, code),), any_case=self._any_case)

    def _group(self) -> Piece:
        for look in ("(?=", "(?!", "(?<=", "(?<!", "(?>"):
            if self._text.startswith(look, self._at):
                self.fail("looking ahead or behind is not possible in linear time")
        opened = _GROUP.match(self._text, self._at)
        if opened is None or (opened.group() == "(" and self._text.startswith("(?", self._at)):
            self.fail("flags other than (?i) and (?s) at the beginning")
        self._at = opened.end()
        piece = self.alternatives()
        if not self._taken(")"):
            self.fail("a '(' that is not closed")
        return piece

    def _escape(self) -> Piece:
        character = self._next()
        if character in _ANCHORS:
            self._at += 1
            return Anchor(_ANCHORS[character])
        known = self._escaped_class()
        return known if known is not None else self._literal(self._escaped_character())

    def _escaped_class(self) -> Characters | None:
        character = self._next()
        if not character or character.lower() not in _CLASSES:
            return None
        self._at += 1
        return Characters(_CLASSES[character.lower()], negated=character.isupper())

    def _escaped_character(self) -> str:
        character = self._next()
        if character.isdigit() and character != "0":
            self.fail("referring back to a group is not possible in linear time")
        if coded := _HEX.match(self._text, self._at):
            code = int(coded[1] or coded[2], 16)
            if code <= _CODE_MAX:
                self._at = coded.end()
                return chr(code)
        if not character or (character.isalnum() and character not in _CONTROLS):
            self.fail(f"unknown escape '\\{character}'")
        self._at += 1
        return _CONTROLS.get(character, character)

    def _class(self) -> Characters:
        negated = self._taken("^")
        ranges: list[Range] = []
        first = True
        while first or self._next() != "]":
            if self.ended:
                self.fail("a '[' that is not closed")
            ranges.extend(self._class_member())
            first = False
        self._at += 1
        return Characters(tuple(ranges), negated=negated, any_case=self._any_case)

    def _class_member(self) -> tuple[Range, ...]:
        if self._taken("[:"):
            return self._named_class()
        low = self._class_character()
        if isinstance(low, tuple):
            return low
        rest = self._text[self._at : self._at + 2]
        if not rest.startswith("-") or rest in {"-", "-]"}:
            return ((ord(low), ord(low)),)
        self._at += 1
        high = self._class_character()
        if isinstance(high, tuple) or ord(high) < ord(low):
            self.fail("a range whose end is below its start")
        return ((ord(low), ord(high)),)

    def _named_class(self) -> tuple[Range, ...]:
        end = self._text.find(":]", self._at)
        name = self._text[self._at : end] if end >= 0 else ""
        if name not in _NAMED:
            self.fail("an unknown class")
        self._at = end + 2
        return _NAMED[name]

    def _class_character(self) -> str | tuple[Range, ...]:
        if not self._taken("\\"):
            self._at += 1
            return self._text[self._at - 1]
        known = self._escaped_class()
        if known is None:
            return self._escaped_character()
        return _complement(known.ranges) if known.negated else known.ranges


def _complement(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    """All other characters. The ranges are sorted and apart."""
    starts = (0, *(high + 1 for _, high in ranges))
    ends = (*(low - 1 for low, _ in ranges), _CODE_MAX)
    return tuple((low, high) for low, high in zip(starts, ends, strict=True) if low <= high)
