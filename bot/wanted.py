"""Which messages a run should have in Slack as it stands. Pure: a run and what is around it in, messages out."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from bot.copies import OPEN, Reach, notices, original, with_copies
from bot.digested import beside, shared_card, to_post
from bot.digests import Digest
from bot.message import Message, Priority
from bot.said import recipients, sayings, spoken
from bot.undecidable import marked, nobody, nobody_key, nobody_line
from bot.views.again import again_key, again_line
from bot.views.alert import (
    failed_key,
    failure_alert,
    paused_key,
    paused_notice,
    recovered_alert,
    unknown_key,
    unknown_notice,
)
from bot.views.gate_card import gate_card
from bot.views.gate_lines import (
    escalated_key,
    escalated_line,
    overdue_key,
    overdue_line,
    override_key,
    override_line,
    policy_key,
    policy_line,
    reminder_key,
    reminder_line,
)
from bot.views.gate_words import digest_key, gate_key
from bot.views.outcome import end_key, outcome, reopened
from bot.views.run_message import root_key, run_message
from bot.views.scene import Rendering, Scene
from bot.whereabouts import (
    Place,
    alert_place,
    asked_at,
    called,
    card_place,
    home_channel,
    is_unplaced,
    keepers_of,
    requester_of,
    shows,
)
from store.anchors import Anchor
from store.model import Gate, GateState, Millis, Plan, Run, RunStatus, StepKey, StepPlan, StepStatus

_UNKNOWN = re.compile(r":unknown:(\d+):(.+)$")
_FAILED = re.compile(r":failed(?::\d+)?$")
_PAUSED = re.compile(r":paused:(\d+)$")


def wanted(
    scene: Scene, anchors: Mapping[str, Anchor], reach: Reach = OPEN, now: Millis = sys.maxsize
) -> list[Message]:
    """Every message that this run should have, in the order in which they are first said.

    `now` tells for which cards gates are still gathered.
    """
    said = {original(key): anchor for key, anchor in anchors.items()}
    found = [
        *_root(scene, said),
        *_gates(scene, said, reach),
        *_digests(scene, said, reach, now),
        *_policies(scene, said),
        *_sayings(scene, said),
        *_alerts(scene, said, reach),
        *_agains(scene, said),
        *_end(scene, said, reach),
    ]
    messages = _root_first([replace(one, order=order) for order, one in enumerate(found)], anchors)
    messages = with_copies(scene, messages, anchors, reach)
    messages += _directly_said(scene)
    messages += notices(scene, anchors, reach, _to_be_noticed(scene, messages, reach))
    return [replace(one, order=order) for order, one in enumerate(messages)]


def needs_past(run: Run, anchors: Iterable[Anchor], plan: Plan | None = None) -> bool:
    """Whether the messages speak of something that only the history knows."""
    if run.status in (RunStatus.PAUSED, RunStatus.CANCELLED) or run.outcome is RunStatus.CANCELLED:
        return True
    if plan is not None and any(_may_be_decided(run, spec) for spec in plan.within("")):
        return True
    current = {gate_key(step.gate.id) for step in run.steps.values() if step.gate is not None}
    told = [original(one.key) for one in anchors]
    return any(
        _PAUSED.search(key)
        or _UNKNOWN.search(key)
        or key.startswith("end:")
        or _FAILED.search(key)
        or (key.startswith("gate:") and key not in current)
        for key in told
    )


def _may_be_decided(run: Run, spec: StepPlan) -> bool:
    """Whether the workflow may have decided here by itself, which no row tells."""
    auto = isinstance(spec.with_, dict) and spec.with_.get("auto")
    step = run.steps.get(spec.name)
    return bool(spec.gate and auto and step is not None and step.attempt)


def references(scene: Scene) -> list[str]:
    """The people, groups and channels that its messages name, as the author wrote them."""
    asked = [gate for step in scene.run.steps.values() if (gate := step.gate)]
    gates = [one for gate in asked for one in (*gate.approvers, *(gate.terms.escalate_to if gate.escalated else ()))]
    called = recipients(spoken(scene))
    written = [scene.workflow.owner, scene.workflow.channel, scene.workflow.alerts_failed, *gates, *called]
    return list(dict.fromkeys(one for one in written if one))


def _to_be_noticed(scene: Scene, messages: Iterable[Message], reach: Reach) -> list[str]:
    """Those who keep the workflow and do not see the run itself."""
    seen = {one.person for one in messages if one.key.startswith("run:")}
    return [person for person in keepers_of(scene, reach) if person not in seen]


# What. ---------------------------------------------------------------------------------------------------------------


def _root(scene: Scene, anchors: Mapping[str, Anchor]) -> Iterator[Message]:
    if shows(scene, anchors):
        place, final = Place(home_channel(scene)), scene.run.status.finished
        root = run_message(scene)
        # The runs that it started link to it.
        leads = any(step.child is not None for step in scene.run.steps.values())
        priority = Priority.CARD if leads and root_key(scene.run) not in anchors else Priority.PROGRESS
        yield _message(scene, root_key(scene.run), place, priority, root, requester_of(scene), final=final)


def _gates(scene: Scene, anchors: Mapping[str, Anchor], reach: Reach) -> Iterator[Message]:
    if not shows(scene, anchors):
        return
    for step_key, gate in _every_gate(scene, anchors):
        place, key, people = card_place(scene, gate), gate_key(gate.id), asked_at(scene, gate, reach)
        card = marked(gate_card(scene, step_key, gate), scene.run, gate, reach.absent)
        is_open = gate.state is GateState.OPEN
        message = _message(scene, key, place, Priority.CARD, card, people, final=not is_open)
        yield replace(message, also=people if is_unplaced(scene) else ())
        yield from _gate_lines(scene, anchors, reach, step_key, gate)


def _gate_lines(
    scene: Scene, anchors: Mapping[str, Anchor], reach: Reach, step_key: StepKey, gate: Gate
) -> Iterator[Message]:
    """What is said beside a card, once: it is overdue, nobody can decide, somebody decided in others' place."""
    card, keepers = card_place(scene, gate), keepers_of(scene, reach)
    place = Place(card.channel, card.under or gate_key(gate.id))
    if gate.state is GateState.OPEN:
        people = asked_at(scene, gate, reach)
        for key, line in _told_of(scene, step_key, gate):
            yield _message(scene, key, place, Priority.CARD, line, people, final=True)
    key = nobody_key(gate.id)
    if nobody(gate, reach.absent) or key in anchors:
        line = nobody_line(scene, gate, reach.absent)
        yield _message(scene, key, place, Priority.CARD, line, keepers, final=True)
    for n, decision in enumerate(gate.decisions):
        if decision.override:
            line = override_line(scene, gate, decision)
            yield _message(scene, override_key(gate.id, n), place, Priority.CARD, line, keepers, final=True)


def _digests(scene: Scene, anchors: Mapping[str, Anchor], reach: Reach, now: Millis) -> Iterator[Message]:
    """The cards that several gates share, and what is said beside them."""
    for digest in to_post(scene, anchors, now) if shows(scene, anchors) else ():
        place, key = card_place(scene, (digest.open or digest.items)[0].gate), digest_key(digest.id)
        people = _asked_on(scene, digest, reach)
        card = shared_card(scene, digest, reach)
        message = _message(scene, key, place, Priority.CARD, card, people, final=not digest.open)
        yield replace(message, also=people if is_unplaced(scene) else ())
        under = Place(place.channel, place.under or key)
        for one in beside(scene, digest, anchors, reach):
            told = keepers_of(scene, reach) if one.to_keepers else people
            yield _message(scene, one.key, under, Priority.CARD, one.rendering, told, final=True)


def _asked_on(scene: Scene, digest: Digest, reach: Reach) -> tuple[str, ...]:
    return tuple(dict.fromkeys(person for one in digest.open for person in asked_at(scene, one.gate, reach)))


def _told_of(scene: Scene, step_key: StepKey, gate: Gate) -> Iterator[tuple[str, Rendering]]:
    """What the clock has to say about an open gate; of reminders that came together, one."""
    if gate.reminded:
        yield reminder_key(gate.id, gate.reminded), reminder_line(scene, step_key, gate)
    if gate.overdue:
        yield overdue_key(gate.id), overdue_line(scene, step_key, gate)
    if gate.escalated:
        yield escalated_key(gate.id), escalated_line(scene, step_key, gate)


def _policies(scene: Scene, anchors: Mapping[str, Anchor]) -> Iterator[Message]:
    """What the workflow decided by itself; of items only the numbers on their block's card tell."""
    place = Place(home_channel(scene), root_key(scene.run))
    for made in scene.past.policies if shows(scene, anchors) else ():
        if made.place.item is None and scene.plan.knows(made.place.step):
            key, line = policy_key(scene.run.id, made), policy_line(scene, made)
            yield _message(scene, key, place, Priority.CARD, line, (), final=True)


def _sayings(scene: Scene, anchors: Mapping[str, Anchor]) -> Iterator[Message]:
    """What the workflow says in the run's thread and in channels."""
    under = root_key(scene.run) if shows(scene, anchors) else ""
    for one in sayings(scene):
        if not one.person:
            place = Place(one.channel) if one.channel else Place(home_channel(scene), under)
            yield _message(scene, one.key, place, Priority.CARD, one.rendering, requester_of(scene), final=True)


def _directly_said(scene: Scene) -> Iterator[Message]:
    """What it says to one person."""
    for one in sayings(scene):
        if one.person:
            place = Place(one.person)
            message = _message(scene, one.key, place, Priority.CARD, one.rendering, (), final=True)
            yield replace(message, person=one.person)


def _every_gate(scene: Scene, anchors: Mapping[str, Anchor]) -> Iterator[tuple[StepKey, Gate]]:
    """The gates that stand, and those before them whose cards are still in Slack."""
    shared = {one.gate.id for digest in scene.digests for one in digest.items}
    steps = [(key, step.gate) for key, step in scene.run.steps.items() if step.gate is not None]
    current = {gate.id: (key, gate) for key, gate in steps if gate.id not in shared}
    for gate_id, (key, gate) in scene.past.gates.items():
        if gate_id not in current and gate_key(gate_id) in anchors and key in scene.run.steps:
            yield key, gate
    yield from current.values()


def _agains(scene: Scene, anchors: Mapping[str, Anchor]) -> Iterator[Message]:
    """That it was let go on after an end that was told in its thread, and which approvals still hold."""
    place = Place(home_channel(scene), root_key(scene.run))
    for n, again in enumerate(scene.past.agains if shows(scene, anchors) else (), start=1):
        if end_key(scene.run, n) in anchors or again_key(scene.run.id, n) in anchors:
            line = again_line(scene, again)
            yield _message(scene, again_key(scene.run.id, n), place, Priority.CARD, line, (), final=True)


def _alerts(scene: Scene, anchors: Mapping[str, Anchor], reach: Reach) -> Iterator[Message]:
    run, place = scene.run, alert_place(scene, anchors)
    if place is None:
        return
    people = keepers_of(scene, reach) or requester_of(scene)
    if not place.under:
        yield from _failures(scene, anchors, place, people)
    for n, pause in enumerate(scene.past.pauses, start=1):
        key, stands = paused_key(run.id, n), pause.resumed_at is None and run.status is RunStatus.PAUSED
        if stands or key in anchors:
            notice = paused_notice(scene, pause)
            yield _message(scene, key, place, Priority.ALERT, notice, people, final=not stands)
    for step_key, attempt in _unknowns(run, anchors):
        key, settled = unknown_key(run.id, step_key, attempt), scene.past.settlements.get((step_key, attempt))
        notice = unknown_notice(scene, step_key, settled)
        yield _message(scene, key, place, Priority.ALERT, notice, people, final=settled is not None)


def _failures(scene: Scene, anchors: Mapping[str, Anchor], place: Place, people: tuple[str, ...]) -> Iterator[Message]:
    """That it failed; and of earlier failures of the same run that stand in Slack, what became of it since."""
    run, earlier = scene.run, scene.past.reopened
    for n, ending in enumerate(earlier, start=1):
        if failed_key(run.id, n) in anchors:
            alert = recovered_alert(scene, ending)
            key, final = failed_key(run.id, n), run.status.finished
            yield _message(scene, key, place, Priority.PROGRESS, alert, (), final=final)
    if run.outcome is RunStatus.FAILED:
        alert, key = failure_alert(scene), failed_key(run.id, len(earlier) + 1)
        yield _message(scene, key, place, Priority.ALERT, alert, people, final=True)


def _unknowns(run: Run, anchors: Mapping[str, Anchor]) -> list[tuple[StepKey, int]]:
    """Effects that nobody knows of, and those that were settled and are still spoken of in Slack."""
    now = [(key, step.attempt) for key, step in run.steps.items() if step.status is StepStatus.UNKNOWN]
    told = [(found[2], int(found[1])) for found in map(_UNKNOWN.search, anchors) if found is not None]
    return list(dict.fromkeys([*now, *told]))


def _end(scene: Scene, anchors: Mapping[str, Anchor], reach: Reach) -> Iterator[Message]:
    run, place = scene.run, Place(home_channel(scene), root_key(scene.run))
    if not shows(scene, anchors):
        return
    for n, ending in enumerate(scene.past.reopened, start=1):
        if end_key(run, n) in anchors:
            yield _message(scene, end_key(run, n), place, Priority.PROGRESS, reopened(scene, ending), (), final=True)
    if run.status.finished:
        troubled = run.status is RunStatus.FAILED and not scene.workflow.alerts_failed
        people = (*requester_of(scene), *(keepers_of(scene, reach) if troubled else ()))
        key = end_key(run, len(scene.past.reopened) + 1)
        yield _message(scene, key, place, Priority.CARD, outcome(scene), people, final=True)


def _message(
    scene: Scene,
    key: str,
    place: Place,
    priority: Priority,
    rendering: Rendering,
    people: tuple[str, ...],
    *,
    final: bool,
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
        recipients=people,
        rendering=rendering,
        place=called(scene, place.channel),
    )


# What follows from where they stand. ---------------------------------------------------------------------------------


def _root_first(messages: list[Message], anchors: Mapping[str, Anchor]) -> list[Message]:
    """A root that is not posted yet is as urgent as what hangs under it or stands beside it in its channel."""
    root = next((one for one in messages if one.key.startswith("run:")), None)
    if root is None or root.key in anchors:
        return messages
    beside = (one.priority for one in messages if one.under == root.key or one.channel == root.channel)
    urgent = min(beside, default=root.priority)
    return [replace(one, priority=min(one.priority, urgent)) if one is root else one for one in messages]
