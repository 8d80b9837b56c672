"""Lengths of time and rates as people write them: `90s`, `2m`, `1h30m`, `500/min`."""

import re
from dataclasses import dataclass

from store.model import Json

UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_RATE = re.compile(r"(\d+)\s*/\s*(s|sec|second|m|min|minute|h|hour|d|day)")
_PERIOD_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in each period."""

    count: int
    period_ms: int

    @classmethod
    def parse(cls, text: Json) -> "Rate":
        """Read `500/min`; ValueError with a sentence when it is something else."""
        fits = _RATE.fullmatch(text.strip()) if isinstance(text, str) else None
        if fits is None or int(fits[1]) < 1:
            raise ValueError(f"{text!r} is not a rate; write for instance 500/min, 10/s or 2000/h")
        return cls(int(fits[1]), _PERIOD_MS[fits[2][0]])


def duration_ms(text: Json) -> int:
    """Read `90s`, `1h30m` or `0s`; ValueError with a sentence when it is something else."""
    if not isinstance(text, str) or not _DURATION.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not a length of time; write for instance 500ms, 30s, 2m, 4h or 1h30m")
    return round(sum(float(count) * UNIT_MS[unit] for count, unit in _PART.findall(text.strip())))
