"""Letters: what one run has to tell others, written in the commit in which it came true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.rules.commands import Admit, Cancel, Command, ReportChild
from engine.starting import next_in_line
from store import mail, outbox
from store.database import Writer
from store.events import Event, RunResumed, StepCancelled, StepsReset
from store.model import ENGINE, Run, RunId, RunStatus, StepStatus

if TYPE_CHECKING:
    from engine.api import Engine  # which writes them

KIN_MAX = 30  # runs around one that are shown anew with it
_FORSAKES = frozenset({StepCancelled, StepsReset})


def write_letters(engine: Engine, tx: Writer, before: Run | None, after: Run, events: tuple[Event, ...]) -> None:
    """Tell other runs what concerns them, in the commit in which it came true."""
    for event in events:
        if type(event) in _FORSAKES and before is not None:
            for child in _forsaken(before, event):
                send(engine, tx, child, Cancel(ENGINE, f"{after.name} no longer waits for it"))
        elif type(event) is RunResumed and mail.taken_up(tx, after.id):
            engine.mail_waits = True
    if not after.status.finished or (before is not None and before.status.finished):
        return
    if after.parent is not None:
        report = ReportChild(after.parent.place.key, after.id, after.status, after.outputs, after.error, after.name)
        send(engine, tx, after.parent.run_id, report)
    _admit(engine, tx, after)


def show_others(tx: Writer, before: Run, after: Run) -> None:
    """Have those runs shown anew that speak of this one: its kin, and who stands behind it in line."""
    if before.status is after.status:
        came_to_wait = (before.active_since is None) is not (after.active_since is None)
        if after.parent is not None and came_to_wait:  # its parent says whether it waits for people
            outbox.again(tx, after.parent.run_id)
        return
    kin = [step.child for step in after.steps.values() if step.child is not None][:KIN_MAX]
    for one in (*kin, *([after.parent.run_id] if after.parent is not None else [])):
        outbox.again(tx, one)
    if before.status is RunStatus.QUEUED:
        outbox.again_in_line(tx, after.workflow, after.queue)


def _admit(engine: Engine, tx: Writer, ended: Run) -> None:
    """Let those begin that waited for this end; how many is said by the newest version."""
    plan = engine.newest(tx, ended)
    if plan.concurrency is not None:  # else nobody waits
        for following in next_in_line(tx, plan, ended.queue):
            send(engine, tx, following, Admit())


def send(engine: Engine, tx: Writer, run_id: RunId, command: Command) -> None:
    """Have another run act on this, in this commit or a later one."""
    mail.send(tx, run_id, command)
    engine.mail_waits = True


def _forsaken(before: Run, event: Event) -> Iterator[RunId]:
    """The runs that nobody waits for any more after this event."""
    keys = (*event.steps, *event.dropped) if isinstance(event, StepsReset) else (event.place.key,)  # type: ignore[union-attr]
    for key in keys:
        old = before.steps.get(key)
        if old is not None and old.child is not None and old.status is StepStatus.WAITING:
            yield old.child
