"""Every state of every message, as people read it. POINTSMAN_GOLDEN=write writes the files anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.blocks import problems
from bot.views.alert import failure_alert, paused_notice, unknown_notice
from bot.views.gate_card import gate_card, overdue_line
from bot.views.outcome import outcome
from bot.views.past import Past, Pause
from bot.views.run_message import run_message
from bot.views.scene import Rendering
from bot.views.simple import simplified
from store.events import StepSettled
from store.model import Content, Coordinates, Gate, GateState, RunStatus, Step, StepStatus
from tests.support import scenes
from tests.support.readable import readable
from tests.support.scenes import AT, HOUR, LENA, MINA, RAVI, ROOT, SCHEDULE, closed, decision, gate, scene

GOLDEN = Path(__file__).parent / "golden"
PAUSE = Pause(AT + HOUR, scenes.ENGINE, "draft was interrupted 3 times, the last time by a crash")


def retrying() -> Rendering:
    waiting = Step("draft", status=StepStatus.READY, attempt=1, failures=1, due_at=AT + 30_000, error=scenes.failure())
    return run_message(scene(scenes.with_steps(scenes.run(), draft=waiting)))


def skipped_and_stopped() -> Rendering:
    steps = {
        "draft": scenes.done("draft", 200),
        "fact_check": Step("fact_check", status=StepStatus.SKIPPED, reason="its condition was not met"),
        "editorial": Step("editorial", status=StepStatus.CANCELLED),
        "publish": Step("publish", status=StepStatus.CANCELLED),
    }
    stopped = scenes.with_steps(scenes.run(), **steps)
    return run_message(scene(replace(stopped, status=RunStatus.ENDING, outcome=RunStatus.CANCELLED)))


def with_warnings() -> Rendering:
    broken = Step("fact_check", status=StepStatus.FAILED, attempt=1, failures=1, error=scenes.failure("No sources"))
    return run_message(scene(replace(scenes.with_steps(scenes.succeeded(), fact_check=broken), warnings=True)))


def card(standing: Gate) -> Rendering:
    return gate_card(scene(scenes.reviewed(standing)), "editorial", standing)


def superseded() -> Rendering:
    newer = gate(id="gate-2", version=2)
    old = closed(GateState.SUPERSEDED)
    here = scene(scenes.reviewed(newer), links={"gate:gate-2": "https://meadow.slack.com/archives/C0CONTENT/p2"})
    return gate_card(here, "editorial", old)


def settled() -> Rendering:
    said = StepSettled(AT + HOUR, Coordinates("publish", attempt=1), ROOT, "happened", "it is on the site")
    after = scenes.with_steps(scenes.unknown(), publish=scenes.done("publish"))
    return unknown_notice(scene(after), "publish", said)


def two_of_two() -> Gate:
    return closed(
        GateState.APPROVED, decision(RAVI, comment="Good."), decision(LENA, comment="Fix the typo later"), quorum=2
    )


def from_a_schedule() -> Rendering:
    return outcome(scene(replace(scenes.succeeded(), requester=SCHEDULE)))


cancelled_by_mina = Past(cancelled_by=MINA)
linked = {"run:01hzrun": "https://meadow.slack.com/archives/C0CONTENT/p1"}

STATES: dict[str, Callable[[], Rendering]] = {
    "run-running": lambda: run_message(scene()),
    "run-retrying": retrying,
    "run-waiting": lambda: run_message(scene(scenes.reviewed(gate()))),
    "run-waiting-overdue": lambda: run_message(scene(scenes.reviewed(gate(overdue=True)))),
    "run-queued": lambda: run_message(scene(scenes.run(status=RunStatus.QUEUED))),
    "run-paused": lambda: run_message(scene(scenes.paused())),
    "run-unknown": lambda: run_message(scene(scenes.unknown())),
    "run-ending": skipped_and_stopped,
    "run-succeeded": lambda: run_message(scene(scenes.succeeded())),
    "run-with-warnings": with_warnings,
    "run-failed": lambda: run_message(scene(scenes.failed())),
    "run-rejected": lambda: run_message(scene(scenes.rejected())),
    "run-cancelled": lambda: run_message(scene(scenes.cancelled(), cancelled_by_mina)),
    "card-open": lambda: card(gate()),
    "card-overdue": lambda: card(gate(overdue=True)),
    "card-of-two": lambda: card(gate(quorum=2)),
    "card-one-of-two": lambda: card(gate(quorum=2, decisions=(decision(RAVI),))),
    "card-generic": lambda: card(gate(card=None)),
    "card-text": lambda: card(gate(card=None, shown=Content("Just a sentence. " * 20))),
    "card-list": lambda: card(gate(card=None, shown=Content([{"claim": "WAL is faster", "ok": True}]))),
    "card-nothing": lambda: card(gate(card=None, shown=Content(None))),
    "card-approved": lambda: card(closed(GateState.APPROVED, decision(RAVI))),
    "card-approved-by-two": lambda: card(two_of_two()),
    "card-approved-by-operator": lambda: card(closed(GateState.APPROVED, decision(ROOT, override="Ravi is on leave"))),
    "card-rejected": lambda: card(closed(GateState.REJECTED, decision(LENA, "reject", "duplicate of last week"))),
    "card-expired": lambda: card(closed(GateState.EXPIRED)),
    "card-withdrawn": lambda: card(closed(GateState.WITHDRAWN)),
    "card-superseded": superseded,
    "overdue-line": lambda: overdue_line(scene(scenes.reviewed(gate(overdue=True))), "editorial", gate(overdue=True)),
    "end-succeeded": lambda: outcome(scene(scenes.succeeded())),
    "end-from-a-schedule": from_a_schedule,
    "end-failed": lambda: outcome(scene(scenes.failed())),
    "end-rejected": lambda: outcome(scene(scenes.rejected())),
    "end-cancelled": lambda: outcome(scene(scenes.cancelled(), cancelled_by_mina)),
    "alert-failed": lambda: failure_alert(scene(scenes.failed(), links=linked)),
    "alert-paused": lambda: paused_notice(scene(scenes.paused(), links=linked), PAUSE),
    "alert-resumed": lambda: paused_notice(scene(), replace(PAUSE, resumed_at=AT + 2 * HOUR, resumed_by=ROOT)),
    "alert-unknown": lambda: unknown_notice(scene(scenes.unknown(), links=linked), "publish", None),
    "alert-settled": settled,
}


@pytest.mark.parametrize("name", STATES)
def test_a_message_reads_as_agreed(name: str) -> None:
    shown = STATES[name]()
    plain = readable("", simplified(shown.blocks)).removeprefix("TEXT \n")
    said = f"{readable(shown.text, shown.blocks)}\n--- simple ---\n{plain}"
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("POINTSMAN_GOLDEN") == "write":
        file.write_text(said)
    assert said == file.read_text()


@pytest.mark.parametrize("name", STATES)
def test_slack_would_take_the_message_and_its_simple_form(name: str) -> None:
    shown = STATES[name]()
    assert problems(list(shown.blocks), "message") == []
    assert problems(list(simplified(shown.blocks)), "message") == []
    assert 0 < len(shown.text) <= 4_000


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.glob("*.txt")} == set(STATES)


def test_a_sensitive_input_stands_in_no_message() -> None:
    for render in STATES.values():
        assert "hunter2" not in str(render())
