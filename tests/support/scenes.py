"""Runs of a made-up workflow in every state, as the views see them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.views.past import NO_PAST, Past
from bot.views.scene import Scene
from store.model import (
    Actor,
    Content,
    Decision,
    Edge,
    Failure,
    Gate,
    GatePlan,
    GateState,
    Plan,
    Retry,
    Run,
    RunStatus,
    Step,
    StepPlan,
    StepStatus,
    Workflow,
)

AT = 1_763_800_000_000  # 22 Nov 2025, 08:26:40 UTC
MINUTE = 60_000
HOUR = 60 * MINUTE

MINA = Actor("person", "U0MINA", "Mina Park")
RAVI = Actor("person", "U0RAVI", "Ravi Shah")
ADA = Actor("person", "U0ADA", "Ada Byron")
LENA = Actor("person", "U0LENA", "Lena Fox")
ROOT = Actor("operator", "root", "root")
SCHEDULE = Actor("trigger", "weekly", "schedule weekly")
ENGINE = Actor("engine", "engine", "Pointsman")

DIGEST = "9f3c1a2b77d04e5f9f3c1a2b77d04e5f9f3c1a2b77d04e5f9f3c1a2b77d04e5f"

PLAN = Plan(
    workflow="publish_post",
    inputs={
        "topic": {"type": "string"},
        "tone": {"type": "string", "default": "plain"},
        "password": {"type": "string", "sensitive": True},
    },
    steps=(
        StepPlan("draft", "model", "Write the draft", retry=Retry(attempts=4)),
        StepPlan("fact_check", "python", needs=(Edge("draft"),), on_failure="continue"),
        StepPlan(
            "editorial",
            "approval",
            "Editorial review",
            needs=(Edge("draft"),),
            gate=GatePlan(approvers=("@editors",), due_ms=4 * HOUR, expires_ms=24 * HOUR),
        ),
        StepPlan("publish", "http", "Publish", needs=(Edge("editorial"),), effect="once", retry=Retry(attempts=3)),
    ),
    version="f" * 64,
)
WORKFLOW = Workflow(
    "publish_post",
    "Publish a blog post",
    "f" * 64,
    number=3,
    owner="@content-leads",
    channel="#content",
    alerts_failed="#content-alerts",
)
NAMES = {
    "@editors": "S0EDITORS",
    "@content-leads": "S0LEADS",
    "#content": "C0CONTENT",
    "#content-alerts": "C0CALERTS",
}
POST = {
    "title": "SQLite WAL in production",
    "tone": "plain",
    "words": 840,
    "body": "Write-ahead logging lets readers go on while somebody writes.\n\nWe measured it.",
}


def gate(**changes: Any) -> Gate:
    """An open gate about a post."""
    made = Gate(
        id="gate-1",
        number=41,
        version=1,
        state=GateState.OPEN,
        question='Publish "SQLite WAL in production"?',
        shown=Content(POST),
        card={"fields": ["title", "tone", "words"], "body": "body"},
        digest=DIGEST,
        approvers=("@editors",),
        quorum=1,
        requester_may_decide=False,
        opened_at=AT + MINUTE,
        due_at=AT + 4 * HOUR,
        expires_at=AT + 24 * HOUR,
    )
    return replace(made, **changes)


def closed(state: GateState, *decisions: Decision, **changes: Any) -> Gate:
    return gate(state=state, closed_at=AT + 2 * HOUR, decisions=decisions, **changes)


def decision(actor: Actor, verdict: Any = "approve", comment: str = "", override: str = "") -> Decision:
    return Decision(actor, verdict, AT + 2 * HOUR, DIGEST, comment, "slack", override)


def run(**changes: Any) -> Run:
    """A run that has just begun."""
    steps = {name: Step(name) for name in ("draft", "fact_check", "editorial", "publish")}
    steps["draft"] = Step("draft", status=StepStatus.RUNNING, attempt=1, started_at=AT)
    made = Run(
        id="01hzrun",
        name="R-7K2",
        workflow="publish_post",
        version="f" * 64,
        requester=MINA,
        origin={"surface": "slash", "channel": "C0CONTENT", "user": "U0MINA"},
        inputs=Content({"topic": "SQLite WAL in production", "tone": "plain", "password": "hunter2"}),
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        created_at=AT,
        duration_ms=72 * HOUR,
        seq=5,
        steps=steps,
    )
    return replace(made, **changes)


def with_steps(before: Run, **steps: Step) -> Run:
    return replace(before, steps={**before.steps, **steps})


def done(name: str, took: int = 12_000, **more: Any) -> Step:
    return Step(name, status=StepStatus.SUCCEEDED, attempt=1, started_at=AT, ended_at=AT + took, **more)


def failure(message: str = "The CMS answered 503 Service Unavailable", **more: Any) -> Failure:
    more.setdefault("detail", {"status": 503, "body": "<html>upstream connect error</html>"})
    return Failure("http_status", message, **more)


def reviewed(standing: Gate) -> Run:
    """A run at its gate."""
    open_ = standing.state is GateState.OPEN
    step = Step(
        "editorial",
        status=StepStatus.WAITING if open_ else StepStatus.SUCCEEDED,
        attempt=1,
        due_at=standing.due_at if open_ else None,
        started_at=AT,
        ended_at=standing.closed_at,
        gate=standing,
    )
    return with_steps(run(), draft=done("draft"), fact_check=done("fact_check", 400), editorial=step)


def ended(before: Run, status: RunStatus, **changes: Any) -> Run:
    return replace(before, status=status, outcome=status, ended_at=AT + 3 * HOUR + 11 * MINUTE, **changes)


def succeeded() -> Run:
    approved = reviewed(closed(GateState.APPROVED, decision(RAVI)))
    return ended(
        with_steps(approved, publish=done("publish")),
        RunStatus.SUCCEEDED,
        outputs=Content({"url": "https://blog.example/sqlite-wal", "words": 840}),
    )


def failed() -> Run:
    approved = reviewed(closed(GateState.APPROVED, decision(RAVI)))
    broken = Step(
        "publish", status=StepStatus.FAILED, attempt=3, failures=3, started_at=AT, ended_at=AT, error=failure()
    )
    return ended(with_steps(approved, publish=broken), RunStatus.FAILED, error=failure())


def rejected() -> Run:
    no = reviewed(closed(GateState.REJECTED, decision(LENA, "reject", "duplicate of last week")))
    stopped = Step("publish", status=StepStatus.CANCELLED, reason="the run was rejected", ended_at=AT)
    return ended(
        with_steps(no, publish=stopped), RunStatus.REJECTED, reason="Lena Fox rejected G-41: duplicate of last week"
    )


def cancelled() -> Run:
    stopped = {
        name: Step(name, status=StepStatus.CANCELLED, ended_at=AT, reason="the run was cancelled")
        for name in ("fact_check", "editorial", "publish")
    }
    return ended(with_steps(run(), draft=done("draft"), **stopped), RunStatus.CANCELLED, reason="wrong topic")


def unknown() -> Run:
    lost = failure("The connection broke after the request was sent", maybe_happened=True)
    step = Step("publish", status=StepStatus.UNKNOWN, attempt=1, started_at=AT, error=lost)
    return with_steps(reviewed(closed(GateState.APPROVED, decision(RAVI))), publish=step)


def paused() -> Run:
    return replace(run(), status=RunStatus.PAUSED, reason="draft was interrupted 3 times, the last time by a crash")


def scene(of: Run | None = None, past: Past = NO_PAST, **changes: Any) -> Scene:
    made = Scene(run=of or run(), plan=PLAN, workflow=WORKFLOW, names=NAMES, past=past, links={})
    return replace(made, **changes)
