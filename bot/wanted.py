"""Which messages a run should have in Slack as it stands. Pure: a run and what is around it in, messages out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from bot.message import Message, Priority
from bot.views import blocks
from bot.views.alert import failed_key, failure_alert, paused_key, paused_notice, unknown_key, unknown_notice
from bot.views.gate_card import gate_card, gate_key, overdue_key, overdue_line, override_key, override_line
from bot.views.markup import channel as channel_mention
from bot.views.markup import escape
from bot.views.outcome import end_key, outcome
from bot.views.run_message import root_key, run_message
from bot.views.scene import Rendering, Scene
from store.anchors import Anchor
from store.model import Gate, GateState, Run, RunStatus, StepKey, StepStatus

_UNKNOWN = re.compile(r":unknown:(\d+):(.+)$")
_PAUSED = re.compile(r":paused:(\d+)$")
_USER_ID = re.compile(r"[UW][A-Z0-9]{2,}")
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{2,}")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a message goes: a channel, and the message in whose thread."""

    channel: str
    under: str = ""


def wanted(scene: Scene, anchors: Mapping[str, Anchor]) -> list[Message]:
    """Every message that this run should have, in the order in which they are first said."""
    found = [*_root(scene, anchors), *_gates(scene, anchors), *_alerts(scene, anchors), *_end(scene, anchors)]
    messages = [_moved(replace(one, order=order), anchors) for order, one in enumerate(found)]
    return _root_first(messages, anchors)


def needs_past(run: Run, anchors: Iterable[Anchor]) -> bool:
    """Whether the messages speak of something that only the history knows."""
    if run.status in (RunStatus.PAUSED, RunStatus.CANCELLED) or run.outcome is RunStatus.CANCELLED:
        return True
    current = {gate_key(step.gate.id) for step in run.steps.values() if step.gate is not None}
    return any(
        _PAUSED.search(one.key) or _UNKNOWN.search(one.key) or (one.key.startswith("gate:") and one.key not in current)
        for one in anchors
    )


def references(scene: Scene) -> list[str]:
    """The people, groups and channels that its messages name, as the author wrote them."""
    gates = [reference for step in scene.run.steps.values() if step.gate for reference in step.gate.approvers]
    written = [scene.workflow.owner, scene.workflow.channel, scene.workflow.alerts_failed, *gates]
    return list(dict.fromkeys(one for one in written if one))


# Where. --------------------------------------------------------------------------------------------------------------


def shows(scene: Scene, anchors: Mapping[str, Anchor]) -> bool:
    """Whether this run is shown at all, as its author wished."""
    run = scene.run
    match scene.workflow.show:
        case "never":
            return False
        case "always":
            return True
    if root_key(run) in anchors:
        return True
    troubled = run.status is RunStatus.PAUSED or RunStatus.FAILED in (run.status, run.outcome)
    return troubled or any(step.gate is not None or step.status is StepStatus.UNKNOWN for step in run.steps.values())


def home_channel(scene: Scene) -> str:
    """Where the run shows itself: where it was started, or else where its workflow says."""
    origin = scene.run.origin.get("channel")
    return origin if isinstance(origin, str) and origin else _channel(scene, scene.workflow.channel)


def _channel(scene: Scene, reference: str) -> str:
    return scene.names.get(reference, reference)


def _card_place(scene: Scene, gate: Gate) -> _Place:
    """In the run's thread; unless that is a direct message, where nobody but the requester would see the card."""
    home, public = home_channel(scene), _channel(scene, scene.workflow.channel)
    if home.startswith("D") and public and set(gate.approvers) != {scene.run.requester.id}:
        return _Place(public)
    return _Place(home, root_key(scene.run))


def _alert_place(scene: Scene, anchors: Mapping[str, Anchor]) -> _Place | None:
    """The workflow's channel for alerts, or else the run's own thread."""
    if scene.workflow.alerts_failed:
        return _Place(_channel(scene, scene.workflow.alerts_failed))
    return _Place(home_channel(scene), root_key(scene.run)) if shows(scene, anchors) else None


# What. ---------------------------------------------------------------------------------------------------------------


def _root(scene: Scene, anchors: Mapping[str, Anchor]) -> Iterator[Message]:
    if shows(scene, anchors):
        place = _Place(home_channel(scene))
        yield _message(
            scene, root_key(scene.run), place, Priority.PROGRESS, run_message(scene), final=scene.run.status.finished
        )


def _gates(scene: Scene, anchors: Mapping[str, Anchor]) -> Iterator[Message]:
    if not shows(scene, anchors):
        return
    for step_key, gate in _every_gate(scene, anchors):
        place, key = _card_place(scene, gate), gate_key(gate.id)
        card = gate_card(scene, step_key, gate)
        yield _message(scene, key, place, Priority.CARD, card, final=gate.state is not GateState.OPEN)
        if gate.overdue and gate.state is GateState.OPEN:
            thread = _Place(place.channel, place.under or key)
            line = overdue_line(scene, step_key, gate)
            yield _message(scene, overdue_key(gate.id), thread, Priority.CARD, line, final=True)
        for n, decision in enumerate(gate.decisions):
            if decision.override:
                thread, line = _Place(place.channel, place.under or key), override_line(scene, gate, decision)
                yield _message(scene, override_key(gate.id, n), thread, Priority.CARD, line, final=True)


def _every_gate(scene: Scene, anchors: Mapping[str, Anchor]) -> Iterator[tuple[StepKey, Gate]]:
    """The gates that stand, and those before them whose cards are still in Slack."""
    current = {step.gate.id: (key, step.gate) for key, step in scene.run.steps.items() if step.gate is not None}
    for gate_id, (key, gate) in scene.past.gates.items():
        if gate_id not in current and gate_key(gate_id) in anchors and key in scene.run.steps:
            yield key, gate
    yield from current.values()


def _alerts(scene: Scene, anchors: Mapping[str, Anchor]) -> Iterator[Message]:
    run, place = scene.run, _alert_place(scene, anchors)
    if place is None:
        return
    if run.outcome is RunStatus.FAILED and not place.under:
        yield _message(scene, failed_key(run.id), place, Priority.ALERT, failure_alert(scene), final=True)
    for n, pause in enumerate(scene.past.pauses, start=1):
        key, stands = paused_key(run.id, n), pause.resumed_at is None and run.status is RunStatus.PAUSED
        if stands or key in anchors:
            yield _message(scene, key, place, Priority.ALERT, paused_notice(scene, pause), final=not stands)
    for step_key, attempt in _unknowns(run, anchors):
        key, settled = unknown_key(run.id, step_key, attempt), scene.past.settlements.get((step_key, attempt))
        notice = unknown_notice(scene, step_key, settled)
        yield _message(scene, key, place, Priority.ALERT, notice, final=settled is not None)


def _unknowns(run: Run, anchors: Mapping[str, Anchor]) -> list[tuple[StepKey, int]]:
    """Effects that nobody knows of, and those that were settled and are still spoken of in Slack."""
    now = [(key, step.attempt) for key, step in run.steps.items() if step.status is StepStatus.UNKNOWN]
    told = [(found[2], int(found[1])) for found in map(_UNKNOWN.search, anchors) if found is not None]
    return list(dict.fromkeys([*now, *told]))


def _end(scene: Scene, anchors: Mapping[str, Anchor]) -> Iterator[Message]:
    run = scene.run
    if run.status.finished and shows(scene, anchors):
        place = _Place(home_channel(scene), root_key(run))
        yield _message(scene, end_key(run), place, Priority.CARD, outcome(scene), final=True)


def _message(
    scene: Scene, key: str, place: _Place, priority: Priority, rendering: Rendering, *, final: bool
) -> Message:
    run = scene.run
    return Message(
        key=key,
        run_id=run.id,
        run=run.name,
        trace_id=run.trace_id,
        seq=run.seq,
        channel=place.channel,
        under=place.under,
        priority=priority,
        order=0,
        final=final,
        recipients=_recipients(scene, priority),
        rendering=rendering,
    )


def _recipients(scene: Scene, priority: Priority) -> tuple[str, ...]:
    """Who is written to when the channel cannot be used: who keeps the workflow for alerts, else who started it."""
    requester = scene.run.requester
    owner = _channel(scene, scene.workflow.owner)
    people = [requester.id if requester.kind == "person" else "", owner]
    ordered = reversed(people) if priority is Priority.ALERT else people
    return tuple(person for person in ordered if _USER_ID.fullmatch(person))


# What follows from where they stand. ---------------------------------------------------------------------------------


def _moved(message: Message, anchors: Mapping[str, Anchor]) -> Message:
    """With the way to mend it, when the message had to go to a direct message instead of its channel."""
    anchor = anchors.get(message.key)
    home = message.channel
    if anchor is None or not anchor.channel.startswith("D") or anchor.channel == home or home.startswith("D"):
        return message
    notice = blocks.context(_how_to_mend(home))
    shown = (*message.blocks, notice)[: blocks.BLOCKS_MAX]
    return replace(message, rendering=replace(message.rendering, blocks=shown))


def _how_to_mend(home: str) -> str:
    if not home:
        return "The workflow names no channel to show its runs in, so this one is shown here."
    name = channel_mention(home) if _CHANNEL_ID.fullmatch(home) else escape(home)
    return (
        f"I cannot write in {name}, so this is shown here, where only you can see it. Invite me there with /invite, or "
        "have the workflow's channel changed; runs that start after that are shown there."
    )


def _root_first(messages: list[Message], anchors: Mapping[str, Anchor]) -> list[Message]:
    """A root that is not posted yet is as urgent as what hangs under it or stands beside it in its channel."""
    root = next((one for one in messages if one.key.startswith("run:")), None)
    if root is None or root.key in anchors:
        return messages
    beside = (one.priority for one in messages if one.under == root.key or one.channel == root.channel)
    urgent = min(beside, default=root.priority)
    return [replace(one, priority=min(one.priority, urgent)) if one is root else one for one in messages]
