"""Every state of every message, as people read it. POINTSMAN_GOLDEN=write writes the files anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.blocks import problems, view_problems
from bot.views.again import again_line
from bot.views.alert import failure_alert, paused_notice, recovered_alert, unknown_notice
from bot.views.blocks import Block
from bot.views.content_view import content_view
from bot.views.fields import fields_of, fields_to_edit, unfit
from bot.views.gate_card import gate_card
from bot.views.gate_forms import answer_form, changes_form, edit_form, no_form
from bot.views.gate_lines import escalated_line, overdue_line, reminder_line
from bot.views.home import HomeFacts, home
from bot.views.outage import Outage, answered_again, closed_notice, down_notice
from bot.views.outcome import outcome
from bot.views.past import Again, Ending, Past, Pause
from bot.views.reject_form import reject_form
from bot.views.retry_form import retry_fields, retry_form
from bot.views.run_message import run_message
from bot.views.scene import Held, Kin, Rendering
from bot.views.simple import simplified
from bot.views.standing import ListedRun
from bot.views.waiting import WaitingGate
from store.events import StepSettled
from store.lookups import RunRow
from store.model import (
    Choice,
    Content,
    Coordinates,
    Edge,
    Fan,
    Fanout,
    Gate,
    GatePlan,
    GateState,
    GateTerms,
    Parent,
    Person,
    Review,
    RunStatus,
    Seats,
    Step,
    StepPlan,
    StepStatus,
)
from tests.support import scenes
from tests.support.readable import readable
from tests.support.scenes import AT, HOUR, LENA, MINA, RAVI, ROOT, SCHEDULE, WORKFLOW, closed, decision, gate, scene

GOLDEN = Path(__file__).parent / "golden"
ADDRESS = "https://meadow.slack.com/archives/C0CONTENT/p1"
PAUSE = Pause(AT + HOUR, scenes.ENGINE, "draft was interrupted 3 times, the last time by a crash")


CLAIMS = [
    {"id": "c1", "quote": "Readers go on while somebody writes.", "source": "https://sqlite.example/wal"},
    {"id": "c2", "quote": "We measured it.", "source": "our own bench"},
]
CHECKED = {"title": "SQLite WAL in production", "claims": CLAIMS}
LONG = {**scenes.POST, "body": "Write-ahead logging lets readers go on. " * 300, "claims": CLAIMS, "notes": {"a": 1}}


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


def full_content() -> Block:
    about = gate(shown=Content(LONG))
    return content_view(scene(scenes.reviewed(about)), about, CHECKED)


def home_of_ravi() -> Block:
    waits = WaitingGate(gate(), "R-7K2", "Publish a blog post", ADDRESS)
    late = WaitingGate(
        gate(id="gate-2", number=42, question="Keep the claim?", overdue=True), "R-7M9", "Publish a blog post"
    )
    facts = {"trace_id": "", "seq": 1, "inputs": Content(), "outputs": None}
    failed_run = scenes.failed()
    row = RunRow(
        failed_run.id, "R-7K2", "publish_post", "f" * 64, 3, RunStatus.FAILED, RAVI, AT, AT + HOUR,
        scenes.failure(), "", **facts,
    )  # fmt: skip
    person = Person("U0RAVI", "Ravi Shah", True, ("@editors",), AT)
    mine = ListedRun(row, "Publish a blog post", "failed", ADDRESS)
    return home(HomeFacts(person, [waits, late], [mine], [WORKFLOW], "You approved G-40 v1."), AT + 5 * HOUR)


HOLDERS = (Kin("R-7A1", ADDRESS, "Publish a blog post", "running"), Kin("R-7A2", "", "", "paused"))
NEWER = replace(WORKFLOW, version="2" * 64, number=4)
NEWEST = replace(scenes.PLAN, version="2" * 64)
OUTAGE = Outage("host cms.example.com", AT, 14, AT + 60_000, "503 Service Unavailable")
APPROVED = closed(GateState.APPROVED, decision(RAVI))
AGAIN = Again(
    AT + HOUR, MINA, "the CMS is back", newer=True, changed=("topic",), redone=("draft", "publish"), kept=("gate-1",)
)


def held_back(by: Held | None = None) -> Rendering:
    due = Step("draft", status=StepStatus.READY, due_at=AT)
    down = Held("cms.example.com", 2, AT, AT + 60_000, "503 Service Unavailable")
    return run_message(scene(scenes.with_steps(scenes.run(), draft=due), held={"draft": by or down}))


def of_kin() -> Rendering:
    child, parent = Kin("R-7A1", ADDRESS, "Check claims", "paused"), Kin("R-7A2", ADDRESS, "Run the desk", "running")
    waits = Step("fact_check", status=StepStatus.WAITING, attempt=1, started_at=AT, child="run-2")
    of = replace(scenes.with_steps(scenes.run(), fact_check=waits), parent=Parent("run-3", Coordinates("desk"), 1))
    return run_message(scene(of, kin={"run-2": child, "run-3": parent}))


cancelled_by_mina = Past(cancelled_by=MINA)
linked = {"run:01hzrun": ADDRESS}

SEATS = (Seats(("@editors",)), Seats(("@legal",)))
WITH_ALL = GateTerms(edit=("title", "body"), rounds_max=5, rounds_left=4)
FORM = {
    "type": "object",
    "properties": {
        "amount": {"type": "integer", "minimum": 1, "description": "In euros."},
        "kind": {"type": "string", "enum": ["bug", "question"]},
        "urgent": {"type": "boolean"},
        "by": {"type": "string", "format": "date"},
        "tags": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
        "lines": {"type": "array", "items": {"type": "number"}},
        "extra": {"type": "object"},
    },
    "required": ["amount"],
}
EDITED = replace(
    decision(RAVI), edits={"title": ["WAL", "SQLite WAL in production"], "body": ["One.\nTwo.", "One.\nThree.\nFour."]}
)
BACK = decision(LENA, "changes", "cite the benchmark")


def second_round() -> Rendering:
    standing = gate(id="gate-2", version=2, terms=WITH_ALL)
    asked = replace(
        scenes.reviewed(standing).steps["editorial"],
        round=2,
        review=Review(2, "cite the benchmark", Content(scenes.POST), "U0LENA"),
    )
    return gate_card(scene(scenes.with_steps(scenes.reviewed(standing), editorial=asked)), "editorial", standing)


def sent_back() -> Rendering:
    newer = gate(id="gate-2", version=2)
    here = scene(scenes.reviewed(newer), links={"gate:gate-2": "https://meadow.slack.com/archives/C0CONTENT/p2"})
    return gate_card(here, "editorial", closed(GateState.RETURNED, BACK, terms=WITH_ALL))


def answered_form() -> Rendering:
    answer = decision(RAVI, "answer")
    standing = closed(GateState.ANSWERED, answer, terms=GateTerms(form=FORM), shown=Content(None), card=None)
    output = Content({"verdict": "answered", "content": {"amount": 3, "kind": "bug", "lines": [1.5, 2]}})
    step = replace(scenes.reviewed(standing).steps["editorial"], output=output)
    return gate_card(scene(scenes.with_steps(scenes.reviewed(standing), editorial=step)), "editorial", standing)


def with_terms(**changes: Any) -> Rendering:
    return card(gate(card=None, shown=Content("Which one?"), **changes))


def in_blocks() -> Rendering:
    plan = replace(
        scenes.PLAN,
        steps=(
            *scenes.PLAN.steps[:1],
            StepPlan("checks", "block", fanout=Fanout("${{ steps.draft.output.claims }}")),
            StepPlan("checks.verify", "python"),
            StepPlan("checks.dispute", "approval", needs=(Edge("checks.verify"),), gate=GatePlan(("@editors",))),
        ),
    )
    rows = [
        scenes.done("draft", round=2),
        Step("checks", status=StepStatus.RUNNING, started_at=AT, fan=Fan(Content([]), 40, 16, 13, 1)),
        Step("checks", "c1", status=StepStatus.SUCCEEDED, memo=0),
        Step("checks", "c7", status=StepStatus.RUNNING, memo=6),
        Step("checks.verify", "c7", status=StepStatus.SUCCEEDED),
        Step("checks.dispute", "c7", status=StepStatus.WAITING, gate=gate(number=42)),
        Step("checks", "c9", status=StepStatus.FAILED, memo=8),
        Step("checks.verify", "c9", status=StepStatus.FAILED, error=scenes.failure("No source")),
    ]
    return run_message(scene(replace(scenes.run(), steps={row.key: row for row in rows}), plan=plan))


def retried_alert() -> Rendering:
    before = Ending(AT + HOUR, RunStatus.FAILED, scenes.failure(), "", AT + 2 * HOUR, MINA)
    return recovered_alert(scene(scenes.succeeded(), links=linked), before)


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
    "card-records": lambda: card(gate(card={"fields": ["title", "claims"]}, shown=Content(CHECKED))),
    "card-in-part": lambda: card(gate(shown=Content(LONG))),
    "card-approved": lambda: card(closed(GateState.APPROVED, decision(RAVI))),
    "card-approved-by-two": lambda: card(two_of_two()),
    "card-approved-by-operator": lambda: card(closed(GateState.APPROVED, decision(ROOT, override="Ravi is on leave"))),
    "card-rejected": lambda: card(closed(GateState.REJECTED, decision(LENA, "reject", "duplicate of last week"))),
    "card-expired": lambda: card(closed(GateState.EXPIRED)),
    "card-withdrawn": lambda: card(closed(GateState.WITHDRAWN)),
    "card-superseded": superseded,
    "card-with-all-buttons": lambda: card(gate(terms=WITH_ALL)),
    "card-second-round": second_round,
    "card-sent-back": sent_back,
    "card-edited": lambda: card(closed(GateState.APPROVED, EDITED, terms=WITH_ALL)),
    "card-choices": lambda: with_terms(terms=GateTerms(choices=(Choice("a", "Answer A"), Choice("both_bad")))),
    "card-form": lambda: with_terms(terms=GateTerms(form=FORM)),
    "card-answered": answered_form,
    "card-seats": lambda: with_terms(
        terms=GateTerms(seats=SEATS), quorum=2, decisions=(replace(decision(RAVI), matches=("@editors",)),)
    ),
    "run-blocks": in_blocks,
    "run-queued-behind": lambda: run_message(
        scene(scenes.run(status=RunStatus.QUEUED, queue="acme"), ahead=3, holders=HOLDERS)
    ),
    "run-held": held_back,
    "run-in-turn": lambda: held_back(Held("the model writer", 4)),
    "run-of-kin": of_kin,
    "run-again": lambda: again_line(scene(scenes.failed(), Past(gates={"gate-1": ("editorial", APPROVED)})), AGAIN),
    "outage-down": lambda: down_notice(OUTAGE),
    "outage-closed": lambda: closed_notice(OUTAGE, AT + 13 * 60_000),
    "outage-over": lambda: answered_again(OUTAGE, AT + 13 * 60_000),
    "alert-failed-newer": lambda: failure_alert(scene(scenes.failed(), workflow=NEWER, links=linked)),
    "alert-recovered": retried_alert,
    "reminder-line": lambda: reminder_line(
        scene(scenes.reviewed(gate())), "editorial", gate(reminded=1, terms=GateTerms(reminders=(AT + HOUR,)))
    ),
    "escalated-line": lambda: escalated_line(
        scene(scenes.reviewed(gate())),
        "editorial",
        gate(overdue=True, terms=GateTerms(escalate_to=("@content-leads",))),
    ),
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


VIEWS: dict[str, Callable[[], Block]] = {
    "view-retry-form": lambda: retry_form(
        scene(scenes.failed()), scenes.PLAN, retry_fields(scenes.PLAN, scenes.failed().inputs.value)
    ),
    "view-retry-form-repeats": lambda: retry_form(
        scene(scenes.failed()), NEWEST, retry_fields(NEWEST, scenes.failed().inputs.value), repeats=["Pay the author"]
    ),
    "view-reject-form": lambda: reject_form(scene(scenes.reviewed(gate())), "editorial", gate()),
    "view-full-content": full_content,
    "view-changes-form": lambda: changes_form(
        scene(scenes.reviewed(gate(terms=WITH_ALL))), "editorial", gate(terms=WITH_ALL), ["Pay the author"]
    ),
    "view-edit-form": lambda: edit_form(
        scene(scenes.reviewed(gate(terms=WITH_ALL))),
        gate(terms=WITH_ALL),
        fields_to_edit(scenes.POST, ("title", "words", "body")),
    ),
    "view-answer-form": lambda: answer_form(
        scene(scenes.reviewed(gate(terms=GateTerms(form=FORM)))), gate(terms=GateTerms(form=FORM)), fields_of(FORM)
    ),
    "view-too-much": lambda: no_form(
        scene(scenes.reviewed(gate())), gate(), unfit(fields_to_edit({"body": "x" * 4_000}, ("body",))), "gate_edit"
    ),
    "view-home": home_of_ravi,
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_reads_as_agreed(name: str) -> None:
    view = VIEWS[name]()
    assert view_problems(view) == []
    words = " · ".join(view[part]["text"] for part in ("title", "submit", "close") if part in view)
    _agrees(name, readable(words, view["blocks"]))


@pytest.mark.parametrize("name", STATES)
def test_a_message_reads_as_agreed(name: str) -> None:
    shown = STATES[name]()
    plain = readable("", simplified(shown.blocks)).removeprefix("TEXT \n")
    said = f"{readable(shown.text, shown.blocks)}\n--- simple ---\n{plain}"
    _agrees(name, said)


def _agrees(name: str, said: str) -> None:
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
    assert {file.stem for file in GOLDEN.glob("*.txt")} == {*STATES, *VIEWS}


def test_a_sensitive_input_stands_in_no_message() -> None:
    for render in STATES.values():
        assert "hunter2" not in str(render())
