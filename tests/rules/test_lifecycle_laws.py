"""Laws that hold for every plan and every order of commands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.rules.commands import (
    COMMANDS,
    Cancel,
    Claim,
    Command,
    Decide,
    KeepAnswer,
    OpenGate,
    Pause,
    ReportFailure,
    ReportInterrupted,
    ReportSuccess,
    Resume,
    Settle,
    StartWait,
    Tick,
)
from engine.rules.evolution import evolve, fold
from store import codec
from store.events import KINDS, AttemptStarted, DecisionMade, DecisionRefused, ReportIgnored
from store.model import Content, Coordinates, Edge, Failure, GatePlan, Person, Plan, Retry, Run, StepPlan
from tests.support.engines import MINA, RAVI, plan
from tests.support.story import Story

QUIET = {"DecisionRefused", "ReportIgnored"}
UNFINISHED = {"pending", "ready", "running", "waiting"}
PEOPLE = [MINA, RAVI]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any graph of up to six steps; a step needs only earlier ones."""
    steps: list[StepPlan] = []
    for index in range(draw(st.integers(1, 6))):
        uses = draw(st.sampled_from(["transform", "http", "approval", "wait"]))
        needs = draw(st.lists(st.sampled_from([s.name for s in steps]), unique=True, max_size=3)) if steps else []
        edges = tuple(
            Edge(name, draw(st.sampled_from(["success", "success", "end"])), draw(st.booleans())) for name in needs
        )
        steps.append(
            StepPlan(
                f"s{index}",
                uses,
                needs=edges,
                when=draw(st.sampled_from([None, None, "true", "false", "${{ inputs.missing }}"])),
                retry=Retry(draw(st.integers(1, 3)), 10, 20, draw(st.integers(1, 3))),
                timeout_ms=draw(st.sampled_from([None, 15])),
                effect=draw(st.sampled_from(["pure", "idempotent", "once"])) if uses == "http" else "idempotent",
                on_failure=draw(st.sampled_from(["stop", "continue"])),
                gate=_policy(draw) if uses == "approval" else None,
            )
        )
    return plan(*steps, duration_ms=draw(st.sampled_from([50, 10**9])))


def _policy(draw: st.DrawFn) -> GatePlan:
    return GatePlan(
        ("@editors",),
        quorum=draw(st.integers(1, 2)),
        requester_may_decide=draw(st.booleans()),
        due_ms=draw(st.sampled_from([None, 20])),
        expires_ms=draw(st.sampled_from([40, 10**6])),
        on_expiry=draw(st.sampled_from(["reject", "approve", "fail", "continue"])),
        on_reject=draw(st.sampled_from(["end", "continue"])),
    )


def _command(draw: st.DrawFn, story: Story) -> Command:
    run = story.run
    assert run is not None
    step = run.steps[draw(st.sampled_from(sorted(run.steps)))]
    place = Coordinates(step.name, None, 1, max(1, step.attempt - draw(st.sampled_from([0, 0, 0, 1]))))
    failure = Failure("x", "y", "", draw(st.booleans()), None, draw(st.booleans()))
    who = draw(st.sampled_from(PEOPLE))
    choices: list[Command] = [
        Claim(step.key),
        ReportSuccess(place, Content({"ok": True})),
        ReportFailure(place, failure),
        ReportInterrupted(place, "crash", draw(st.booleans())),
        KeepAnswer(place, "answer", Content(1)),
        Decide(step.key, who, draw(st.sampled_from(["approve", "reject"])), draw(st.sampled_from(["", "gate1"]))),
        Tick(),
        Cancel(who),
        Pause(who, "wait"),
        Resume(who),
        Settle(step.key, who, draw(st.sampled_from(["happened", "again", "fail"]))),
    ]
    spec = story.plan.step(step.name)
    if spec.uses == "approval":
        choices.append(story.opening(step.name, "?", "shown", "digest", place=place))
    if spec.uses == "wait":
        choices.append(StartWait(place, story.now + 30))
    likely = [c for c in choices if isinstance(c, Claim | ReportSuccess | OpenGate | StartWait | Decide)]
    return draw(st.sampled_from(choices + likely * 3))


def _drive(draw: st.DrawFn, story: Story, commands: int) -> None:
    for _ in range(commands):
        command = _command(draw, story)
        before, seen = story.run, len(story.events)
        who = getattr(command, "actor", None)
        matches = draw(st.sampled_from([("@editors",), ()]))
        facts = None if who is None else Person(who.id, who.name, draw(st.booleans()), matches, 0)
        story.when(command, after=draw(st.sampled_from([0, 1, 25])), person=facts)
        _check(story, before, seen)


def _check(story: Story, before: Run | None, seen: int) -> None:
    run, fresh = story.run, story.events[seen:]
    assert run is not None
    assert before is not None
    if before.status.finished:
        assert all(isinstance(event, DecisionRefused | ReportIgnored) for event in fresh), "the end is the end"
        assert {**vars(run), "seq": 0} == {**vars(before), "seq": 0}
    for event in fresh:
        if isinstance(event, AttemptStarted):
            spec = story.plan.step(event.place.step)
            for edge in spec.needs:
                status = before.steps[edge.step].status
                assert status.finished, "no attempt starts before what it needs has ended"
                assert status == "succeeded" or edge.accepts == "end" or edge.guarded
    for spec in story.plan.steps:
        step = run.steps[spec.name]
        assert step.failures <= spec.retry.attempts, "attempts that fail are bounded"
        assert (step.due_at is not None) == (step.status in ("ready", "waiting")), "a time is kept where one is needed"
        if step.gate is not None:
            assert (step.gate.closed_at is None) == (step.gate.state == "open")
    if run.status.finished:
        assert not {s.status.value for s in run.steps.values()} & UNFINISHED, "a finished run has no unfinished step"
        assert run.ended_at is not None
    else:
        live = {"ready", "running", "waiting", "unknown"}
        assert {s.status.value for s in run.steps.values()} & live, "nothing is stuck"
    active = any(s.status in ("ready", "running") for s in run.steps.values()) and not run.status.finished
    assert (run.active_since is not None) == active, "the clock runs exactly while something is going on"


@given(st.data(), plans())
def test_whatever_is_asked_in_whatever_order_the_laws_hold(data: st.DataObject, made: Plan) -> None:
    story = Story(made)
    _drive(data.draw, story, 25)


@given(st.data(), plans())
def test_history_folded_again_through_json_gives_the_same_run(data: st.DataObject, made: Plan) -> None:
    story = Story(made)
    _drive(data.draw, story, 15)
    again = [codec.unpack(codec.pack(event), KINDS) for event in story.events]
    assert again == story.events
    assert fold(None, again) == story.run
    assert codec.load(Run, codec.dump(story.run)) == story.run


@given(st.data(), plans())
def test_commands_and_plans_survive_json(data: st.DataObject, made: Plan) -> None:
    assert codec.load(Plan, codec.dump(made)) == made
    command = _command(data.draw, Story(made))
    assert codec.unpack(codec.pack(command), COMMANDS) == command


@given(st.data(), plans())
def test_only_approvers_of_the_home_organisation_appear_in_decisions(data: st.DataObject, made: Plan) -> None:
    story = Story(made)
    for _ in range(20):
        command = _command(data.draw, story)
        who = getattr(command, "actor", None)
        allowed = data.draw(st.booleans())
        facts = None if who is None else Person(who.id, who.name, allowed, ("@editors",) if allowed else (), 0)
        seen = len(story.events)
        story.when(command, person=facts)
        if not allowed:
            assert not [event for event in story.events[seen:] if isinstance(event, DecisionMade)]


@given(plans())
def test_every_run_ends_within_a_bounded_number_of_reports_and_decisions(made: Plan) -> None:
    """Somebody who does all there is to do, and approves everything, always comes to an end."""
    story = Story(made)
    for _ in range(200):
        run = story.run
        assert run is not None
        if run.status.finished:
            return
        story.now += 1_000_000
        for key, step in list(run.steps.items()):
            place = Coordinates(step.name, None, 1, step.attempt)
            match step.status.value:
                case "ready":
                    story.when(Claim(key))
                case "running":
                    story.when(ReportSuccess(place, Content({})))
                case "unknown":
                    story.when(Settle(key, MINA, "fail"))
                case "waiting":
                    story.when(Tick())
        if story.run is not None and story.run.status == "paused":
            story.when(Resume(MINA))
    raise AssertionError(f"still {story.run}")


def test_an_event_that_nobody_knows_is_a_bug() -> None:
    story = Story(plan(StepPlan("a", "transform")))
    try:
        evolve(story.run, object())  # type: ignore[arg-type]
    except KeyError:
        return
    raise AssertionError("an unknown event was accepted")
