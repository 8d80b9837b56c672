"""Lengths of time, rates and sizes as people write them: `90s`, `2m`, `1h30m`, `500/min`, `512MiB`."""

import re
from dataclasses import dataclass

from store.model import Json

UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_RATE = re.compile(r"(\d+)\s*/\s*(s|sec|second|m|min|minute|h|hour|d|day)")
_SIZE = re.compile(r"(\d+)\s*(B|kB|MB|GB|KiB|MiB|GiB)")
_UNIT_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
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


def size_bytes(text: Json) -> int:
    """Read `512MiB`, `2GB` or a number of bytes; ValueError with a sentence when it is something else."""
    if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
        return text
    fits = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    if fits is None:
        raise ValueError(f"{text!r} is not a size; write for instance 512MiB, 1GiB or 2GB")
    return int(fits[1]) * _UNIT_BYTES[fits[2]]
