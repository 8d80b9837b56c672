"""Runs, histories and workflows as text: made from the same JSON that programs get."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

Shape = dict[str, Any]

MARKS = {
    "succeeded": "✓",
    "failed": "✗",
    "rejected": "✗",
    "cancelled": "–",
    "skipped": "–",
    "running": "▸",
    "ready": "▸",
    "waiting": "◷",
    "unknown": "?",
    "pending": "·",
    "paused": "‖",
}
WORDS = {"pending": "not started", "ready": "about to start", "unknown": "needs a person", "succeeded": "done"}
VALUE_MAX = 400


def status(state: Shape) -> str:
    """A run as a person at a terminal wants to see it."""
    lines = [f"{state['name']}  {state['workflow']}{_version(state)}  {state['status']}{_open_ends(state)}"]
    lines.append(
        f"started by {_who(state['requester'])}{_origin(state)} at {clock(state['started_at'])}{_lasted(state)}"
    )
    if state["reason"]:
        lines.append(f"reason: {state['reason']}")
    if state["held"]:
        lines.append(f"no step begins: {state['workflow']} is switched off ({state['held']})")
    if state["shown"] is not None:
        lines.append(f"Not shown in Slack: {state['shown']['problem']}. {state['shown']['hint']}".rstrip())
    lines.append("")
    width = max((len(key) for key in state["steps"]), default=0)
    for key, step in state["steps"].items():
        lines += _step(key.ljust(width), step)
    lines += _end(state)
    lines += _next_commands(state)
    return "\n".join(lines)


def _open_ends(state: Shape) -> str:
    if state["waiting_for"]:
        return f", waiting for people at {', '.join(state['waiting_for'])}"
    if state["unsettled"] and state["standing"] == "finished":
        return f", nobody can say whether {', '.join(state['unsettled'])} happened"
    return ""


def _next_commands(state: Shape) -> list[str]:
    """What to type where only people can bring the run on."""
    lines = [f"  pointsman resume {state['name']}"] if state["status"] == "paused" else []
    lines += [f"  pointsman enable {state['workflow']}"] if state["held"] else []
    if state["standing"] != "finished":
        lines += [f"  pointsman settle {state['name']} {key} --happened|--again|--fail" for key in state["unsettled"]]
    return ["", "To go on:", *lines] if lines else []


def _step(name: str, step: Shape) -> list[str]:
    word = WORDS.get(step["status"], step["status"])
    tries = f", attempt {step['attempts']}" if step["attempts"] > 1 else ""
    lines = [f"  {MARKS.get(step['status'], ' ')} {name}  {word}{_lasted(step)}{tries}"]
    indent = " " * (len(name) + 6)
    gate = step["gate"]
    if gate is not None and step["status"] == "waiting":
        lines.append(f"{indent}{gate['name']} v{gate['version']}: {gate['question']}")
        due = gate["due_at"] or gate["expires_at"]
        lines.append(f"{indent}{_who_may(gate)}; until {clock(due)}")
    for made in gate["decisions"] if gate is not None else ():
        said = f": {made['comment']}" if made["comment"] else ""
        instead = f" (in the approvers' place: {made['override']})" if made["override"] else ""
        lines.append(f"{indent}{made['verdict']} by {_who(made['actor'])} at {clock(made['at'])}{said}{instead}")
    if step["error"] is not None:
        lines.append(f"{indent}{step['error']['message']}")
        lines += [f"{indent}{step['error']['hint']}"] if step["error"]["hint"] else []
    elif step["reason"]:
        lines.append(f"{indent}{step['reason']}")
    return lines


def _who_may(gate: Shape) -> str:
    return (
        f"nobody can decide: {gate['nobody']}"
        if gate["nobody"]
        else f"may be decided by {', '.join(gate['approvers'])}"
    )


def _end(state: Shape) -> list[str]:
    if state["error"] is not None and not any(step["error"] for step in state["steps"].values()):
        return ["", f"error: {state['error']['message']}"]
    outputs = state["outputs"]
    if not isinstance(outputs, dict) or not outputs:
        return []
    return ["", *(f"{name}: {_value(value)}" for name, value in outputs.items())]


def changes(state: Shape, seen: dict[str, str]) -> Iterable[str]:
    """A line for every step whose status changed since `seen`, which is brought up to date."""
    for key, step in state["steps"].items():
        now = f"{step['status']}/{step['attempts']}/{step['round']}"
        before = seen.get(key, "pending/0/1")
        seen[key] = now
        if now != before and step["status"] != "pending":
            word = WORDS.get(step["status"], step["status"])
            yield f"  {MARKS.get(step['status'], ' ')} {key}  {word}{_lasted(step)}"


def runs(found: Sequence[Shape]) -> str:
    """A table of runs."""
    rows = [(one["name"], one["workflow"], one["status"], _starter(one), clock(one["started_at"])) for one in found]
    return _table(("RUN", "WORKFLOW", "STATUS", "STARTED BY", "STARTED"), rows)


def _starter(one: Shape) -> str:
    schedule = one["origin"].get("schedule")
    return f"{_who(one['requester'])} ({schedule}, {one['origin']['slot']})" if schedule else _who(one["requester"])


def workflows(found: Sequence[Shape]) -> str:
    """Every workflow with a line that can be typed."""
    blocks = []
    for one in found:
        words = " ".join(f"{name}=…" for name, schema in one["inputs"].items() if _asked(schema))
        lines = [f"{one['name']}  {one['title']}"]
        lines += [f"  switched off: {one['disabled']}"] if one["disabled"] else []
        lines += [f"  {one['description']}"] if one["description"] else []
        lines.append(f"  pointsman run {one['name']} {words}".rstrip())
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def history(entries: Sequence[Shape]) -> str:
    """Everything that happened, a line each."""
    rows = [
        (str(one["seq"]), clock(one["at"], seconds=True), one["event"], one["step"] or "", _who(one["actor"]))
        for one in entries
    ]
    return _table(("SEQ", "AT", "EVENT", "STEP", "BY"), rows)


def trail(found: Shape) -> str:
    """What people did, a line each."""
    rows = [
        (clock(one["at"], seconds=True), one["run"], one["step"] or "", _who(one["actor"]), one["told"])
        for one in found["acts"]
    ]
    table = _table(("AT", "RUN", "STEP", "WHO", "WHAT"), rows) if rows else ""
    return "\n".join(part for part in (table, found["note"]) if part)


def _asked(schema: Any) -> bool:
    return not (isinstance(schema, dict) and ("default" in schema or schema.get("optional")))


def _version(state: Shape) -> str:
    return f" v{state['version_number']}" if state.get("version_number") else ""


def _who(actor: Shape) -> str:
    name = actor["name"] or actor["id"]
    return f"operator {name}" if actor["kind"] == "operator" else str(name)


def clock(text: str | None, *, seconds: bool = False) -> str:
    """A moment in the time zone of the terminal."""
    if text is None:
        return "never"
    at = datetime.fromisoformat(text).astimezone()
    return at.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def _origin(state: Shape) -> str:
    """The schedule and the slot that started a run."""
    origin = state["origin"]
    return f" for {origin['schedule']} of {origin.get('local') or origin['slot']}" if "schedule" in origin else ""


def _lasted(state: Shape) -> str:
    if not state["started_at"] or not state["ended_at"]:
        return ""
    seconds = (datetime.fromisoformat(state["ended_at"]) - datetime.fromisoformat(state["started_at"])).total_seconds()
    if seconds < 60:
        return f", {seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f", {minutes // 60} h {minutes % 60} min" if minutes >= 60 else f", {minutes} min {rest} s"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_MAX else text[:VALUE_MAX] + "…"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows))
    return "\n".join(line.rstrip() for line in lines)
