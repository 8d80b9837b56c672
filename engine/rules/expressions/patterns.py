"""Patterns for `matches()`, in time linear in the text whatever the pattern.

The syntax is RE2's without what would need more than a finite automaton, so there are no back references and no
look-around. A pattern becomes an automaton whose states are walked side by side (Thompson); sets of states seen before
are remembered, so that the next text costs one look-up a character.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Final, Literal, TypeAlias

from engine.rules.expressions.regexes import (
    Alternatives,
    Anchor,
    Characters,
    PatternError,
    Piece,
    Repeat,
    Sequence,
    is_word,
    read_pattern,
)

STATES_MAX: Final = 500
_PIECES_MAX: Final = 5_000
_REMEMBERED_MAX: Final = 10_000  # transitions kept for one pattern before it forgets them all

Before: TypeAlias = Literal["start", "word", "other"]
_MATCHED: Final = -1

__all__ = ["Pattern", "PatternError", "pattern"]


@dataclass(slots=True)
class _State:
    """Goes to each of `targets`: at once, only where `anchor` holds, or by eating one of `characters`."""

    targets: list[int] = field(default_factory=list)
    characters: Characters | None = None
    anchor: str = ""


@lru_cache(maxsize=256)
def pattern(text: str) -> Pattern:
    """The automaton of a pattern. Raises PatternError."""
    return Pattern(read_pattern(text))


class _Memory:
    """The places of a search seen so far, numbered, and where each character led from them."""

    def __init__(self) -> None:
        self.places: list[tuple[frozenset[int], Before]] = []
        self.known: list[dict[str, int]] = []
        self.transitions = 0
        self._numbers: dict[tuple[frozenset[int], Before], int] = {}

    def numbered(self, states: frozenset[int], before: Before) -> int:
        place = (states, before)
        if place not in self._numbers:
            self._numbers[place] = len(self.places)
            self.places.append(place)
            self.known.append({})
        return self._numbers[place]


class Pattern:
    """A compiled pattern. Its `size`, a number of states, times the length of the text bounds what a search costs."""

    def __init__(self, piece: Piece) -> None:
        self._states: list[_State] = []
        self._pieces_built = 0
        self._accept = self._add(_State())
        self._begin = self._built(piece, self._accept)
        self.size = len(self._states)
        self._memory = _Memory()
        self._learning = Lock()

    def found_in(self, text: str) -> bool:
        """Whether the pattern matches anywhere in the text."""
        memory = self._memory
        with self._learning:
            at = memory.numbered(frozenset(), "start")
        for character in text:
            following = memory.known[at].get(character)
            if following is None:
                if memory.transitions >= _REMEMBERED_MAX:
                    memory, at = self._forgotten(memory, at)
                following = self._learnt(memory, at, character)
            if following == _MATCHED:
                return True
            at = following
        return self._closed(*memory.places[at], after="")[1]

    # Building: each piece is given where it leads, so the automaton grows from its end to its beginning.

    def _add(self, state: _State) -> int:
        if len(self._states) >= STATES_MAX:
            raise PatternError(f"the pattern is too large (more than {STATES_MAX} states)")
        self._states.append(state)
        return len(self._states) - 1

    def _built(self, piece: Piece, then: int) -> int:
        self._pieces_built += 1  # counted apart from states, since a repeated nothing adds none
        if self._pieces_built > _PIECES_MAX:
            raise PatternError("the pattern is too large")
        match piece:
            case Characters():
                return self._add(_State([then], characters=piece))
            case Anchor(kind=kind):
                return self._add(_State([then], anchor=kind))
            case Sequence(pieces=pieces):
                for part in reversed(pieces):
                    then = self._built(part, then)
                return then
            case Alternatives(pieces=pieces):
                return self._add(_State([self._built(part, then) for part in pieces]))
            case Repeat():
                return self._repeated(piece, then)

    def _repeated(self, repeat: Repeat, then: int) -> int:
        if repeat.most is None:
            loop = self._add(_State([then]))
            self._states[loop].targets.append(self._built(repeat.piece, loop))
            at = loop
        else:
            at = then
            for _ in range(repeat.most - repeat.fewest):
                at = self._add(_State([then, self._built(repeat.piece, at)]))
        for _ in range(repeat.fewest):
            at = self._built(repeat.piece, at)
        return at

    # Searching: a set of states, and what stood before them, is one numbered place.

    def _forgotten(self, memory: _Memory, at: int) -> tuple[_Memory, int]:
        """An empty memory that stands at the same place. A search elsewhere goes on with the old one."""
        fresh = self._memory = _Memory()
        return fresh, fresh.numbered(*memory.places[at])

    def _learnt(self, memory: _Memory, at: int, character: str) -> int:
        """Where a character leads from a place."""
        closed, matched = self._closed(*memory.places[at], character)
        following = _MATCHED
        with self._learning:
            if not matched:
                eaten = frozenset(self._eaten(closed, character))
                following = memory.numbered(eaten, "word" if is_word(character) else "other")
            memory.known[at][character] = following
            memory.transitions += 1
        return following

    def _eaten(self, closed: set[int], character: str) -> Iterator[int]:
        for number in closed:
            state = self._states[number]
            if state.characters is not None and state.characters.has(character):
                yield state.targets[0]

    def _closed(self, states: frozenset[int], before: Before, after: str) -> tuple[set[int], bool]:
        """All states reachable without eating a character, and whether one of them accepts."""
        waiting = [self._begin, *states]
        seen = set(waiting)
        while waiting:
            number = waiting.pop()
            state = self._states[number]
            if number == self._accept:
                return seen, True
            if state.characters is not None or (state.anchor and not _holds(state.anchor, before, after)):
                continue
            fresh = [target for target in state.targets if target not in seen]
            seen.update(fresh)
            waiting.extend(fresh)
        return seen, False


def _holds(anchor: str, before: Before, after: str) -> bool:
    if anchor == "start":
        return before == "start"
    if anchor == "end":
        return not after
    at_edge = (before == "word") != (bool(after) and is_word(after))
    return at_edge if anchor == "edge" else not at_edge
