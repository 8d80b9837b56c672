"""What came of a case."""

from __future__ import annotations

from dataclasses import dataclass

from engine.definitions.problem import Spot
from engine.definitions.source import Path
from store.model import Json

NOWHERE = Spot(0, 0)


@dataclass(frozen=True, slots=True)
class Miss:
    """Something that is not as expected: where it is written, and what was found instead."""

    path: Path  # within the case
    message: str
    hint: str = ""
    spot: Spot = NOWHERE

    @property
    def where(self) -> str:
        """The place as a text: expect.outputs.url"""
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).removeprefix(".")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A case that was played: what is not as expected, and the story."""

    file: str
    case: str
    spot: Spot
    misses: tuple[Miss, ...] = ()
    story: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.misses

    def as_json(self) -> Json:
        return {
            "file": self.file,
            "case": self.case,
            "line": self.spot.line,
            "passed": self.passed,
            "failures": [
                {
                    "path": one.where,
                    "message": one.message,
                    "hint": one.hint,
                    "line": one.spot.line,
                    "column": one.spot.column,
                }
                for one in self.misses
            ],
            "story": list(self.story),
        }
