"""A dry run: what a run would do, told without one. Nothing is started, asked, sent or written."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bot import settings
from bot.folder import broken, errors
from bot.foresight import Foreseen, Foresight
from bot.objections import bad_inputs, unknown_workflow
from bot.opening import opening
from bot.requests import Objection
from engine.handed_in import UNKNOWN_TYPE
from engine.inputs import read_inputs
from engine.rehearsal.story import glimpse, length
from store.model import GatePlan, Json, Plan

HIDDEN = "•••"
LINE_CHARS = 160
DEPTH_MAX = 3  # of values within values that get lines of their own
Shape = dict[str, Any]
_POLICIES = {"approve": "approves", "reject": "rejects", "changes": "asks for changes"}
_EFFECTS = {"pure": "changes nothing", "idempotent": "may be repeated", "once": "must not be repeated unseen"}


def dry_run(name: str, given: Mapping[str, str]) -> Shape:
    """Everything that is known before a start, as JSON. Raises Objection, SettingsFault."""
    ready = opening(settings.load())
    loaded = ready.folder.read()
    definition = loaded.definitions.get(name)
    if definition is None:
        raise broken(loaded) if errors(loaded.problems) else unknown_workflow(name, loaded.definitions)
    plan = definition.plan
    read = read_inputs(plan, {key: _file(plan, key, value) for key, value in given.items()}, typed=False)
    if read.problems:
        raise bad_inputs(name, read.problems)
    hidden = frozenset(key for key, schema in plan.inputs.items() if schema.get("sensitive"))
    foresight = Foresight(plan, read.values, ready.folder.settings(loaded.definitions)[name], hidden)
    return {
        "workflow": name,
        "version": plan.version,
        "inputs": {key: HIDDEN if key in hidden else value for key, value in read.values.items()},
        "dedupe_key": None if plan.dedupe is None else foresight.text(plan.dedupe),
        "steps": [_step(plan, one) for one in foresight.steps()],
    }


def _file(plan: Plan, name: str, value: str) -> str:
    """A file that would be handed in, as the run would know it; its bytes are only looked at."""
    if not value.startswith("@") or not (plan.inputs.get(name) or {}).get("x-file"):
        return value
    import json

    path = Path(value[1:]).expanduser()
    try:
        data = path.read_bytes()
    except OSError as error:
        hint = "Write the path of a file after the @."
        raise Objection("bad_input", f"{name}: {path} cannot be read: {error.strerror}.", hint, status=422) from None
    kind = mimetypes.guess_type(path.name)[0] or UNKNOWN_TYPE
    digest = hashlib.sha256(data).hexdigest()
    return json.dumps({"name": path.name, "media_type": kind, "size": len(data), "hash": digest})


def _step(plan: Plan, one: Foreseen) -> Shape:
    spec = one.spec
    return {
        "step": spec.name,
        "uses": spec.uses,
        "title": spec.title or None,
        "happens": one.happens,
        "why": one.why or None,
        "needs": [edge.step for edge in spec.needs],
        "with": one.with_,
        "known": one.known,
        "effect": None if spec.uses == "block" else spec.effect,
        "undo": plan.knows(f"{spec.name}:undo"),
        "at_the_end": spec.phase == "finally",
        "items": one.items,
        "each": spec.fanout is not None,
        "gate": None if spec.gate is None else _gate(spec.gate),
    }


def _gate(gate: GatePlan) -> Shape:
    seats = [{"approvers": list(one.approvers), "quorum": one.quorum} for one in gate.all_of]
    return {
        "approvers": list(gate.approvers),
        "quorum": gate.quorum,
        "all_of": seats,
        "requester_may_decide": gate.requester_may_decide,
        "due_ms": gate.due_ms,
        "expires_ms": gate.expires_ms,
        "on_expiry": gate.on_expiry,
    }


# In words --------------------------------------------------------------------------------------------------------


def told(foreseen: Shape) -> str:
    """The dry run as a person at a terminal wants to read it."""
    lines = [f"{foreseen['workflow']}, version {foreseen['version'][:12]}: nothing is started.", ""]
    lines += [f"  {name} = {glimpse(value)}" for name, value in foreseen["inputs"].items()]
    if foreseen["dedupe_key"] is not None:
        lines.append(f"  dedupe key: {foreseen['dedupe_key']}")
    lines.append("")
    for step in foreseen["steps"]:
        lines += _lines(step)
    return "\n".join(lines)


def _lines(step: Shape) -> Iterator[str]:
    indent = "  " * (1 + step["step"].count("."))
    mark = {"yes": "•", "no": "–", "perhaps": "?"}[step["happens"]]
    what = f"a block{', for each element' if step['each'] else ''}" if step["uses"] == "block" else step["uses"]
    count = f", {step['items']} of them" if step["items"] is not None else ""
    end = ", at the end" if step["at_the_end"] else ""
    skipped = "  skipped: " if step["happens"] == "no" else "  "
    why = f"{skipped}{step['why']}" if step["why"] and step["why"] != "its condition holds" else ""
    yield f"{indent}{mark} {step['step'].rpartition('.')[2]}  {what}{count}{end}{why}"
    if step["happens"] == "no":
        return
    if step["gate"] is not None:
        yield f"{indent}    {_asked(step['gate'])}"
    elif step["uses"] in ("http", "command", "python", "model", "workflow"):
        yield f"{indent}    {_EFFECTS[step['effect']]}{'; can be undone' if step['undo'] else ''}"
    with_ = step["with"] if isinstance(step["with"], dict) else {}
    for line in _given(with_):
        yield f"{indent}    {line}"


def _asked(gate: Shape) -> str:
    groups = [f"{one['quorum']} of {', '.join(one['approvers'])}" for one in gate["all_of"]]
    people = (
        " and ".join(groups) or f"{gate['quorum']} of {', '.join(gate['approvers']) or 'those whom the data names'}"
    )
    own = "the requester too" if gate["requester_may_decide"] else "not the requester"
    due = f", due in {length(gate['due_ms'])}" if gate["due_ms"] else ""
    return f"decided by {people}, {own}{due}; open for {length(gate['expires_ms'])}, then: {gate['on_expiry']}"


def _given(with_: Mapping[str, Json]) -> Iterator[str]:
    """What a step is given, a line each; policies and cards of gates in words."""
    for key, value in with_.items():
        match key, value:
            case "auto", list():
                yield from (_policy(one) for one in value if one["when"] is not False)
            case "card", dict():
                yield from _card(value)
            case _:
                yield from _value_lines(key, value)


def _policy(one: Json) -> str:
    """`approves by itself if ${{ … }}: The model had no doubts.`"""
    does = _POLICIES.get(one["verdict"], f"chooses {one.get('choice') or one['verdict']}")
    said = f": {_line(one['comment'])}" if one.get("comment") else ""
    holds = "" if one["when"] is True else f" if {_line(one['when'])}"
    return f"{does} by itself{holds}{said}"


def _card(card: Mapping[str, Json]) -> Iterator[str]:
    fields, body = card.get("fields") or [], card.get("body")
    shown = [*fields, *([body] if body and body not in fields else [])]
    if shown:
        yield f"card: {', '.join(shown)}"


def _value_lines(key: str, value: Json, depth: int = 0) -> Iterator[str]:
    indent = "  " * depth
    if not isinstance(value, dict | list) or not value:
        yield f"{indent}{key}: {_line(value)}"
    elif isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        yield f"{indent}{key}: {_cut(', '.join(_line(one) for one in value))}"
    elif depth == DEPTH_MAX:
        yield f"{indent}{key}: {glimpse(value)}"
    elif isinstance(value, dict):
        yield f"{indent}{key}:"
        for name, part in value.items():
            yield from _value_lines(name, part, depth + 1)
    else:
        yield f"{indent}{key}:"
        for number, one in enumerate(value, start=1):
            yield from _value_lines(str(number), one, depth + 1)


def _line(value: Json) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case str():
            return _cut(" ".join(value.split())) or "(empty)"
        case list() | dict() if not value:
            return "(empty)"
        case _:
            return glimpse(value)


def _cut(line: str) -> str:
    return line if len(line) <= LINE_CHARS else f"{line[:LINE_CHARS].rstrip()}…"
