"""One line of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do when it is not well."""

    part: str
    state: Literal["ok", "warn", "fail"]
    message: str
    cure: str = ""


def ok(part: str, message: str) -> Finding:
    return Finding(part, "ok", message)


def warn(part: str, message: str, cure: str) -> Finding:
    return Finding(part, "warn", message, cure)


def fail(part: str, message: str, cure: str) -> Finding:
    return Finding(part, "fail", message, cure)
