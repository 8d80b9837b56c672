"""Schedules as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.cli.screen import clock

Shape = dict[str, Any]

UNUSUAL = {
    "gap": "the clocks go forward over its time: it fires just after",
    "fold": "the clocks go back and its time comes twice: it fires once",
}
OUTCOMES = {
    "started": "started",
    "waiting": "waits for the run before it",
    "skipped": "skipped",
    "missed": "missed",
    "failed": "started no run",
}


def schedules(found: Sequence[Shape]) -> str:
    """Every schedule in a few lines."""
    return "\n\n".join("\n".join(_schedule(one)) for one in found)


def _schedule(one: Shape) -> list[str]:
    held = f"  paused ({one['why']})" if one["state"] == "paused" and one["why"] else ""
    held = held or ("  paused" if one["state"] == "paused" else "")
    made = "" if one["source"] == "file" else f"  made by {one['creator']['name'] or one['creator']['id']}"
    lines = [f"{one['schedule']}{held}{made}", f"  {one['cron']} {one['timezone']}: {one['explained']}"]
    lines.append(f"  overlap: {one['overlap']} · catch up: {one['catch_up']}")
    lines += [f"  next  {slot['local']}{_unusual(slot)}" for slot in one["next"]]
    lines += [f"  last  {clock(slot['at'])}  {_became(slot)}" for slot in one["last"]]
    return lines


def _unusual(slot: Shape) -> str:
    return f"  ({UNUSUAL[slot['unusual']]})" if slot["unusual"] else ""


def _became(slot: Shape) -> str:
    why = f": {slot['why']}" if slot["why"] else ""
    return f"{OUTCOMES[slot['outcome']]} {slot['run'] or ''}".rstrip() + why
