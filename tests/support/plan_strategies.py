"""Plans of every shape and all that one may ask of their runs, for laws."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import strategies as st

from engine.rules.commands import (
    Admit,
    AwaitChild,
    AwaitEvent,
    Cancel,
    Claim,
    Command,
    Decide,
    KeepAnswer,
    OpenGate,
    Pause,
    Policy,
    ReportChild,
    ReportFailure,
    ReportInterrupted,
    ReportPolling,
    ReportStop,
    ReportSuccess,
    Resume,
    Retry,
    Settle,
    SignalRun,
    StartWait,
    Tick,
)
from store.model import (
    Changes,
    Content,
    Edge,
    Failure,
    Fanout,
    GatePlan,
    GateTerms,
    Person,
    Plan,
    Run,
    RunStatus,
    Step,
    StepPlan,
    StepStatus,
)
from store.model import Retry as Tries
from tests.support.engines import MINA, RAVI, plan
from tests.support.story import Story

ENDS = [RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.REJECTED, RunStatus.CANCELLED]
WORK = ["http", "http", "http", "transform", "approval", "approval", "wait", "workflow", "stop"]
KINDS = [*WORK, "block", "block", "list", "list"]
LISTS = [*["${{ inputs.list }}"] * 6, *["${{ [1, 2, 3, 4] }}"] * 4, "${{ [] }}", "${{ inputs.missing }}"]
CONDITIONS = [*[None] * 12, *["true"] * 4, *["false"] * 4, "${{ inputs.missing }}"]


def a_plan(chance: Random) -> Plan:
    """Steps, blocks and lists within one another, gates, undo, last steps."""
    steps = _steps(chance, "", 0)
    undo = [
        StepPlan(f"{one.name}:undo", "http", retry=Tries(2, 10, 20), effect=chance.choice(EFFECTS))
        for one in steps
        if one.uses in ("http", "transform") and chance.choice([True, False])
    ]
    last = [
        StepPlan(
            f"last{n}",
            chance.choice(["http", "wait"]),
            needs=_edges(chance, [one.name for one in steps if "." not in one.name]),
            when=chance.choice([*CONDITIONS, "${{ run.outcome == 'failed' }}"]),
            phase="finally",
        )
        for n in range(chance.choice([0, 0, 1, 2]))
    ]
    return plan(
        *steps,
        *last,
        undo=tuple(undo),
        duration_ms=chance.choice([60, 10**9, 10**9]),
        outputs=chance.choice([None, None, "${{ inputs.list }}", "${{ inputs.missing }}"]),
    )


EFFECTS = ["pure", "idempotent", "once"]
VALUES = [[], ["x"], *[["x", "y", "z"]] * 3, *[list("abcdefg")] * 3, "no list"]


def _steps(chance: Random, block: str, depth: int) -> list[StepPlan]:
    found: list[StepPlan] = []
    beside: list[str] = []
    for n in range(chance.randint(1, 4 if depth == 0 else 3)):
        kind = chance.choice(KINDS if depth < 2 else WORK)
        name = f"{block}.s{n}" if block else f"s{n}"
        found.append(_step(chance, name, kind, beside))
        beside.append(name)
        if kind in ("block", "list"):
            found += _steps(chance, name, depth + 1)
    return found


def _step(chance: Random, name: str, kind: str, beside: list[str]) -> StepPlan:
    event = kind == "wait" and chance.choice([True, False])
    return StepPlan(
        name,
        "block" if kind == "list" else kind,
        needs=_edges(chance, beside),
        when=chance.choice([*CONDITIONS, "${{ item != 'y' }}"]),
        with_=chance.choice([None, None, "${{ item }}", "${{ steps }}"]) if kind in ("block", "list") else None,
        spec={"event": "paid", "on_timeout": chance.choice(["fail", "continue"])} if event else {},
        retry=Tries(chance.randint(1, 3), 10, 20, chance.randint(1, 3)),
        timeout_ms=chance.choice([None, 15]),
        effect=chance.choice(EFFECTS) if kind == "http" else "idempotent",
        on_failure=chance.choice(["stop", "continue", "continue"]),
        gate=_gate(chance, beside) if kind == "approval" else None,
        fanout=_fanout(chance) if kind == "list" else None,
    )


def _edges(chance: Random, beside: list[str]) -> tuple[Edge, ...]:
    names = chance.sample(beside, chance.randint(0, min(2, len(beside))))
    return tuple(
        Edge(name, chance.choice(["success", "success", "end"]), chance.choice([True, False])) for name in names
    )


def _fanout(chance: Random) -> Fanout:
    return Fanout(
        each=chance.choice(LISTS),
        key=chance.choice([None, None, "${{ item }}"]),
        concurrency=chance.randint(1, 3),
        tolerate=chance.choice([0, 0, 1, 50]),
        tolerate_percent=chance.choice([True, False]),
    )


def _gate(chance: Random, beside: list[str]) -> GatePlan:
    rerun = chance.choice([None, *beside])
    return GatePlan(
        ("@editors",),
        due_ms=chance.choice([None, 20]),
        expires_ms=chance.choice([40, 10**6]),
        on_expiry=chance.choice(["reject", "approve", "fail", "continue"]),
        on_reject=chance.choice(["end", "continue"]),
        changes=None if rerun is None else Changes(rerun, 2),
    )


def a_story(chance: Random) -> Story:
    return Story(a_plan(chance), {"list": chance.choice(VALUES)}, queued=chance.random() < 0.2)


chances = st.integers(0, 2**64 - 1).map(Random)
"""What all choices are made with: plans as large as these come out too small when each choice is drawn by itself."""


# Commands ----------------------------------------------------------------------------------------------------------


@dataclass
class Driven:
    """A story that is driven by chance, and what was asked in it when."""

    chance: Random
    story: Story
    asked: list[tuple[Command, int, Person | None]] = field(default_factory=list)

    def ask(self) -> None:
        command = a_command(self.chance, self.story)
        who = getattr(command, "actor", None)
        person = None if who is None else Person(who.id, who.name, True, ("@editors",), 0)
        self.story.when(command, after=self.chance.choice([0, 0, 1, 25]), person=person)
        self.asked.append((command, self.story.now, person))

    def again(self) -> Story:
        """The same story told anew."""
        story = Story(self.story.plan, self.story.inputs, queued=self.story.queued)
        for command, moment, person in self.asked:
            story.when(command, after=moment - story.now, person=person)
        return story


def a_command(chance: Random, story: Story) -> Command:
    """One of all that may be asked; most often something that moves the run on."""
    run = story.run
    assert run is not None
    likely = [step for step in run.steps.values() if step.status in _LIVE and not _is_frame(step)]
    if likely and run.status is not RunStatus.PAUSED and chance.random() < 0.95:
        step = chance.choice(sorted(likely, key=lambda one: one.key))
        return chance.choice(for_step(chance, story, step))
    if chance.random() < 0.6:
        return chance.choice(for_run(run))
    step = run.steps[chance.choice(sorted(run.steps))]
    if story.plan.step(step.name).uses == "block":
        return Tick()
    return chance.choice(_stale(chance, story, step))


_LIVE = frozenset({StepStatus.READY, StepStatus.RUNNING, StepStatus.WAITING, StepStatus.UNKNOWN})


def _is_frame(step: Step) -> bool:
    return step.status is StepStatus.RUNNING and step.attempt == 0


def for_run(run: Run) -> list[Command]:
    """What may be asked of the run as a whole."""
    who = MINA
    more = Content({"list": ["x", "new"]})
    again = [
        Retry(who, inputs=more, changed=("list",), confirmed=True),
        *(Retry(who, from_step=key, confirmed=True) for key in list(run.steps)[:3]),
    ]
    lively: list[Command] = [Tick(), Admit(), Resume(who), SignalRun(who, "paid", Content(7))]
    return [*lively * 3, Pause(who, "wait"), Cancel(who, "enough"), Retry(who, confirmed=True), *again]


def for_step(chance: Random, story: Story, step: Step) -> list[Command]:
    """What may be asked for a step as it stands."""
    match step.status:
        case StepStatus.READY:
            story.now = max(story.now, step.due_at or 0)
            return [Claim(step.key)]
        case StepStatus.RUNNING:
            return _reports(chance, story, step)
        case StepStatus.UNKNOWN:
            return [Settle(step.key, MINA, answer) for answer in ("happened", "again", "fail")]
    if step.child is not None:
        return [ReportChild(step.key, step.child, end) for end in ENDS]
    if step.gate is not None and chance.random() < 0.3:
        return [Tick()]
    if step.gate is not None:
        return [
            Decide(step.key, RAVI, verdict, confirmed=True) for verdict in ("approve", "approve", "reject", "changes")
        ]
    return [Tick(), SignalRun(MINA, "paid", Content(7))]


def _reports(chance: Random, story: Story, step: Step) -> list[Command]:
    spec, place = story.plan.step(step.name), step.place
    failure = Failure("x", "y", "", chance.choice([True, False]), None, chance.choice([True, False]))
    bad: list[Command] = [
        ReportFailure(place, failure),
        ReportInterrupted(place, "crash", chance.choice([True, False])),
    ]
    match spec.uses:
        case "approval":
            return [*[_opening(chance, story, step)] * 4, *bad]
        case "wait" if spec.spec:
            return [*[AwaitEvent(place, "paid", story.now + 30)] * 3, *bad]
        case "wait":
            return [*[StartWait(place, story.now + 30)] * 3, *bad]
        case "workflow":
            return [*[AwaitChild(place, f"child of {step.key}")] * 3, *bad]
        case "stop":
            return [ReportStop(place, chance.choice(ENDS[:3]), "stopped"), *bad]
    more = [KeepAnswer(place, "answer", Content(1)), ReportPolling(place, {"id": 1}, story.now + 5)]
    return [*[ReportSuccess(place, Content({"key": step.key}))] * 5, *more, *bad]


def _opening(chance: Random, story: Story, step: Step) -> OpenGate:
    gate = story.plan.step(step.name).gate
    policy = chance.choice([None, None, None, Policy("approve"), Policy("reject", "no"), Policy("changes")])
    left = max(0, 2 - (step.review.round - 1 if step.review else 0)) if gate and gate.changes else 0
    if policy is not None and policy.verdict == "changes" and not left:
        policy = None
    terms = GateTerms(
        rounds_max=2 if gate and gate.changes else 0,
        rounds_left=left,
        reminders=chance.choice([(), (story.now + 5, story.now + 10)]),
        escalate_at=chance.choice([None, story.now + 15]),
        escalate_to=("@leads",),
    )
    return story.opening(step.name, place=step.place, shown="shown", terms=terms, policy=policy)


def _stale(chance: Random, story: Story, step: Step) -> list[Command]:
    """What nobody should ask of this step."""
    asked: list[Any] = [Claim(step.key), Settle(step.key, MINA, "again"), Decide(step.key, RAVI, "approve")]
    return [*asked, *_reports(chance, story, step), ReportChild(step.key, "nobody", RunStatus.SUCCEEDED)]
