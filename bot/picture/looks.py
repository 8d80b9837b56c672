"""How each state looks: fill, line and mark. The word of the state always stands beside; no colour has to be seen.

The text is dark on every fill, at more than 7:1; the lines keep 3:1 against white.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TEXT, FAINT, ARROW = "#1f2937", "#4b5563", "#6b7280"


@dataclass(frozen=True, slots=True)
class Look:
    """One state."""

    fill: str
    line: str
    mark: str


LOOKS: Mapping[str, Look] = {
    "": Look("#ffffff", "#64748b", ""),
    "pending": Look("#ffffff", "#7c8798", "○"),
    "ready": Look("#eef4ff", "#3b6fd4", "…"),
    "running": Look("#e3edff", "#2456b8", "▶"),
    "waiting": Look("#fff6e0", "#a16207", "‖"),
    "succeeded": Look("#eaf7ee", "#2f7a52", "✓"),
    "failed": Look("#fdecec", "#c53030", "✗"),
    "unknown": Look("#fdecec", "#c53030", "?"),
    "skipped": Look("#f4f4f5", "#7c8798", "–"),
    "cancelled": Look("#f4f4f5", "#7c8798", "■"),
}


def look(state: str) -> Look:
    return LOOKS.get(state, LOOKS[""])
