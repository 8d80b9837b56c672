"""The table: what was measured, as text for people."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from statistics import median

from benchmarks.figures import Figure
from benchmarks.place import Place

HEADS = ("figure", "ours", "unit", "limit", "× limit", "goal", "", "quartiles", "n", "peers")


def heading(place: Place, syncs_ms: Sequence[float]) -> str:
    """What the figures were measured on."""
    return "\n".join(
        [
            f"CPython {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} processors, "
            f"{sys.platform}, synchronous={place.synchronous.upper()}",
            f"{place.folder}: a sync of 4 kB takes {median(syncs_ms):.2f} ms (median of {len(syncs_ms)})",
            "Limit: the smallest raw SQLite loop for the same work, in the same run. × limit: ours over the limit.",
        ]
    )


def table(figures: Sequence[Figure]) -> str:
    """One line a figure, and the notes below."""
    rows = [HEADS, *(_row(one) for one in figures)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEADS))]
    lines = ["  ".join(_cell(row[n], widths[n], n) for n in range(len(HEADS))).rstrip() for row in rows]
    lines.insert(1, "─" * max(map(len, lines)))
    notes = [f"{one.name}: {one.meaning.what}{f' ({one.note})' if one.note else ''}" for one in figures]
    return "\n".join([*lines, "", *notes])


def _row(one: Figure) -> tuple[str, ...]:
    goal = one.meaning.goal
    sign = "≥" if one.meaning.better == "more" else "<"
    return (
        one.name,
        spoken(one.ours),
        one.meaning.unit,
        "–" if one.limit is None else spoken(one.limit),
        "–" if one.ratio is None else f"{one.ratio:.2f}",
        "" if goal is None else f"{sign} {spoken(goal)}",
        {None: "", True: "✓", False: "✗"}[one.reached],
        f"{spoken(one.low)} … {spoken(one.high)}",
        str(one.repetitions),
        ", ".join(f"{peer} {spoken(value)}" for peer, value in one.peers.items()),
    )


def _cell(text: str, width: int, column: int) -> str:
    return text.rjust(width) if HEADS[column] in ("ours", "limit", "× limit", "n") else text.ljust(width)


def spoken(value: float) -> str:
    """Three digits that matter, thousands set apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else f"{value:.1g}"
