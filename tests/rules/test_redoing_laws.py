"""Laws of doing again: whatever is sent back or retried in whatever order, nothing is lost, stuck or done twice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.rules.commands import (
    AwaitChild,
    AwaitEvent,
    Cancel,
    Claim,
    Command,
    Decide,
    Pause,
    Refusal,
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
    Tick,
)
from engine.rules.computing import filled
from engine.rules.expressions import ExpressionError
from engine.rules.scope import at
from engine.rules.waiting import events_of
from engine.rules.winding_up import belongs, undo_key
from store.events import AttemptStarted, Event, GateOpened, StepsReset, StepSucceeded
from store.model import Changes, Content, Edge, Facts, Failure, Json, Person, Plan, Run, RunStatus, Step, StepPlan
from store.model import Retry as Retrying
from tests.support.engines import MINA, RAVI, block, gate, plan, step
from tests.support.story import Story
from tests.support.voting import opened

LIVE = {"ready", "running", "waiting", "unknown"}
UNFINISHED = {"pending", "ready", "running", "waiting"}
LEANS = Retrying(2, 1, 1, 2)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any graph of up to five steps with gates that send back, a list, what is taken back, and last steps."""
    steps: list[StepPlan] = []
    for n in range(draw(st.integers(1, 5))):
        names = [spec.name for spec in steps if "." not in spec.name]
        needs = draw(st.lists(st.sampled_from(names), unique=True, max_size=2)) if names else []
        kind = draw(st.sampled_from(["http", "http", "http", "approval", "block", "list", "workflow", "wait", "stop"]))
        steps += _node(draw, kind, f"s{n}", needs)
    undo = tuple(
        step(f"{spec.name}:undo", "http", retry=LEANS)
        for spec in steps
        if spec.uses == "http" and draw(st.integers(0, 3)) == 0
    )
    last = [step("bye", "message", phase="finally")] if draw(st.booleans()) else []
    return plan(*steps, *last, undo=undo, inputs={"x": {"type": "number"}})


def _node(draw: st.DrawFn, kind: str, name: str, needs: list[str]) -> list[StepPlan]:
    edges = tuple(Edge(need, draw(st.sampled_from(["success", "success", "end"]))) for need in needs)
    seen = {need: f"${{{{ steps.{need}.status }}}}" for need in needs}
    given_ = seen | ({"x": "${{ inputs.x }}"} if draw(st.booleans()) else {})
    again = draw(st.sampled_from(["stop", "stop", "continue"]))
    match kind:
        case "approval":
            changes = Changes(draw(st.sampled_from(needs)), 2) if needs else None
            with_ = {"question": "?", "show": given_}
            policy = {
                "changes": changes,
                "expires_ms": draw(st.sampled_from([50, 10**6])),
                "on_expiry": draw(st.sampled_from(["reject", "fail", "continue", "approve"])),
                "on_reject": draw(st.sampled_from(["end", "continue"])),
            }
            return [replace(gate(name, with_=with_, **policy), needs=edges)]
        case "block" | "list":
            fan = {} if kind == "block" else {"each": "${{ ['a', 'b', 'c'] }}", "as_": "one", "key": "${{ one }}"}
            more = {"concurrency": draw(st.integers(1, 3)), "tolerate": draw(st.integers(0, 1))} if fan else {}
            first = _work(draw, f"{name}.p", (), {"x": "${{ inputs.x }}"})
            second = _node(draw, draw(st.sampled_from(["http", "approval"])), f"{name}.q", [])[0]
            inner = replace(second, needs=(Edge(f"{name}.p"),), with_={"question": "?", "p": "${{ steps.p.output }}"})
            if inner.gate is not None and draw(st.booleans()):
                inner = replace(inner, gate=replace(inner.gate, changes=Changes(f"{name}.p", 2)))
            return [replace(block(name, **fan, **more, on_failure=again), needs=edges), first, inner]
        case "workflow" | "stop":
            return [replace(step(name, kind, with_=given_), needs=edges)]
        case "wait":
            return [replace(step(name, "wait", with_=given_, spec={"event": "paid"}), needs=edges)]
        case _:
            return [_work(draw, name, edges, given_)]


def _work(draw: st.DrawFn, name: str, edges: tuple[Edge, ...], with_: Json) -> StepPlan:
    effect = draw(st.sampled_from(["pure", "idempotent", "once", "once"]))
    again = draw(st.sampled_from(["stop", "stop", "continue"]))
    return replace(step(name, "http", with_=with_, effect=effect, retry=LEANS, on_failure=again), needs=edges)


@dataclass
class Restless:
    """Somebody who does whatever can be done to a run, and keeps an eye on the laws."""

    draw: st.DrawFn
    story: Story
    stand: set[str] = field(default_factory=set)  # the effects that took place, may happen only once, and stand
    given_to: dict[tuple[str, int], Json] = field(default_factory=dict)  # what a step was given in each round

    @property
    def run(self) -> Run:
        assert self.story.run is not None
        return self.story.run

    def move(self) -> None:
        before, seen = self.run, len(self.story.events)
        command, known = self._command()
        if isinstance(command, str):
            opened(self.story, command)
        else:
            self.story.when(command, after=self.draw(st.sampled_from([0, 1, 5, 60])), **known)
        self._check(before, self.story.events[seen:], getattr(command, "confirmed", False))

    def _command(self) -> tuple[Command | str, dict[str, Any]]:
        """Something to do; a name is a gate that is to open."""
        draw, run = self.draw, self.run
        if run.status.finished:
            return self._retry()
        options: list[tuple[Command | str, dict[str, Any]]] = [(Tick(), {})]
        if events_of(self.story.plan):
            options.append((SignalRun(MINA, "paid", Content(1)), {}))
        if run.status is RunStatus.PAUSED:
            options += [(Resume(MINA), {})] * 3
        for key, row in run.steps.items():
            options += [(command, {}) for command in self._for_step(key, row)] * 2
            if row.status == "waiting" and row.gate is not None:
                options += [self._decision(key)] * 4
        if draw(st.integers(0, 24)) == 0:
            options = [(Cancel(MINA), {}), (Pause(MINA, "wait"), {})]
        return draw(st.sampled_from(options))

    def _for_step(self, key: str, row: Step) -> list[Command | str]:
        draw, place = self.draw, row.place
        spec = self.story.plan.step(row.name) if self.story.plan.knows(row.name) else None
        match row.status.value:
            case "ready" if spec is not None and spec.gate is not None:
                ours = self.run.status is RunStatus.RUNNING and (row.due_at or 0) <= self.story.now
                return [key] if ours else []
            case "ready":
                return [Claim(key)]
            case "unknown":
                return [Settle(key, MINA, draw(st.sampled_from(["happened", "again", "fail"])), Content(1))]
            case "waiting" if row.child is not None:
                status = draw(st.sampled_from([RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED]))
                return [ReportChild(key, row.child, status, Content(1))]
            case "running" if row.attempt > 0 and spec is not None:
                return self._reports(spec, replace(place, attempt=place.attempt - draw(st.sampled_from([0, 0, 0, 1]))))
        return []

    def _reports(self, spec: StepPlan, place: Any) -> list[Command | str]:
        draw = self.draw
        error = Failure("x", "y", "", draw(st.booleans()), None, draw(st.booleans()))
        common: list[Command | str] = [ReportInterrupted(place, "crash"), ReportFailure(place, error)]
        match spec.uses:
            case "workflow":
                return [*common[:1], AwaitChild(place, f"child-{place.key}-{place.round}")]
            case "wait":
                return [*common[:1], AwaitEvent(place, "paid", self.story.now + 40)]
            case "stop":
                outcome = draw(st.sampled_from([RunStatus.SUCCEEDED, RunStatus.REJECTED, RunStatus.FAILED]))
                return [ReportStop(place, outcome, "enough")]
            case _:
                done = ReportSuccess(place, Content({"n": draw(st.integers(0, 1))}))
                failed = ReportFailure(place, error, anew=draw(st.booleans()))
                return [done, done, done, *common, failed, ReportPolling(place, {"id": 1}, self.story.now + 1)]

    def _decision(self, key: str) -> tuple[Command, dict[str, Any]]:
        verdict = self.draw(st.sampled_from(["approve", "approve", "reject", "changes", "changes"]))
        decide = Decide(key, RAVI, verdict, confirmed=self.draw(st.booleans()))
        return decide, {"person": Person(RAVI.id, "Ravi", True, ("@editors",), 0)}

    def _retry(self) -> tuple[Command, dict[str, Any]]:
        draw = self.draw
        command = Retry(MINA, confirmed=draw(st.booleans()))
        if draw(st.booleans()):
            command = replace(command, from_step=draw(st.sampled_from(sorted(self.run.steps))))
        if draw(st.integers(0, 3)) == 0:
            command = replace(command, inputs=Content({"x": self.story.now}), changed=("x",))
        if draw(st.integers(0, 3)) == 0:
            return replace(command, newest=True), {"newest": another_version(draw, self.story.plan)}
        return command, {}

    # The laws ----------------------------------------------------------------------------------------------------

    def _check(self, before: Run, fresh: list[Event], confirmed: bool) -> None:
        run = self.run
        for key, row in before.steps.items():
            after = run.steps[key]
            assert after.round >= row.round, f"{key} went back from round {row.round} to {after.round}"
            assert after.attempt >= row.attempt
        for event in fresh:
            self._note(event, confirmed)
        self._nothing_is_stuck()

    def _note(self, event: Event, confirmed: bool) -> None:
        plan_ = self.story.plan
        match event:
            case AttemptStarted(place=place):
                assert place.key not in self.stand, f"the effect of {place.key} happens twice, and nobody agreed to it"
                self._same_input(place.key, place.round)
            case StepSucceeded(place=place) if ":" in place.step:
                self.stand.discard(place.key.replace(":undo", "", 1))
            case StepSucceeded(place=place) if plan_.knows(place.step):
                spec, undo = plan_.step(place.step), self.run.steps.get(undo_key(self.run.steps[place.key]))
                taken_back = undo is not None and undo.status == "succeeded"  # before anybody knew that it happened
                if spec.effect == "once" and spec.uses == "http" and not taken_back:
                    self.stand.add(place.key)
            case StepsReset(steps=steps, resumed=resumed, dropped=dropped):
                again = {*steps, *resumed, *dropped}
                assert confirmed or not again & self.stand, f"{again & self.stand} are to be repeated unseen"
                self.stand -= again

    def _same_input(self, key: str, round_: int) -> None:
        """A round stands for one input: the key of its effect is made of it."""
        row = self.run.steps[key]
        spec = self.story.plan.step(row.name)
        if belongs(self.story.plan, row):
            return
        try:
            given_ = filled(spec.with_, self.story.plan, self.run, Facts(), at(row))
        except ExpressionError:
            return
        assert self.given_to.setdefault((key, round_), given_) == given_, f"{key} has another input in round {round_}"

    def _nothing_is_stuck(self) -> None:
        run, plan_ = self.run, self.story.plan
        known = [row for row in run.steps.values() if plan_.knows(row.name)]
        if run.status.finished:
            assert not {row.status.value for row in known} & UNFINISHED, "a run is over, and a step is not"
        elif run.status is not RunStatus.PAUSED:
            alive = [row for row in known if row.status.value in LIVE and (row.status != "running" or row.attempt)]
            assert alive, f"nothing moves this run: {self.story.statuses()}"
        for row in known:
            if row.fan is not None and row.status == "succeeded":
                assert row.fan.ended == row.fan.begun == row.fan.count
            if row.gate is not None and row.gate.state == "open":
                assert row.status == "waiting", f"{row.key} is {row.status}, and its gate is open"

    def finish(self) -> None:
        """Do what there is to do until the run is over."""
        for _ in range(300):
            if self.run.status.finished:
                return
            self.story.now += 1_000_000
            before, seen = self.run, len(self.story.events)
            self.story.when(Resume(MINA))
            self.story.when(Tick())
            for key in list(self.run.steps):
                self._finish_step(key)
            self._check(before, self.story.events[seen:], False)
        raise AssertionError(f"still {self.run.status}: {self.story.statuses()}")

    def _finish_step(self, key: str) -> None:
        row = self.run.steps[key]
        match row.status.value:
            case "ready":
                self.story.when(Claim(key))
            case "running" if row.attempt:
                self.story.when(ReportSuccess(row.place, Content({"verdict": "approved", "n": 1})))
            case "waiting" if row.child is not None:
                self.story.when(ReportChild(key, row.child, RunStatus.SUCCEEDED))
            case "unknown":
                self.story.when(Settle(key, MINA, "fail"))


def another_version(draw: st.DrawFn, old: Plan) -> Plan:
    """The same workflow with a step in another way, one more, and perhaps one less that nobody needs."""
    steps = list(old.steps)
    at_ = draw(st.integers(0, len(steps) - 1))
    if steps[at_].uses == "http":
        steps[at_] = replace(steps[at_], with_={"of": draw(st.integers(0, 3))})
    loose = [
        spec for spec in steps if not old.dependents(spec.name) and "." not in spec.name and not old.within(spec.name)
    ]
    sent_to = {spec.gate.changes.rerun for spec in steps if spec.gate and spec.gate.changes}
    loose = [spec for spec in loose if spec.name not in sent_to and len(steps) > 1]
    if loose and draw(st.booleans()):
        steps.remove(draw(st.sampled_from(loose)))
    if draw(st.booleans()):
        steps.append(step(f"more{draw(st.integers(0, 2))}", "http"))
        steps = list({spec.name: spec for spec in steps}.values())
    kept = {spec.name for spec in steps}
    undo = tuple(spec for spec in old.undo if spec.name.removesuffix(":undo") in kept)
    return plan(*steps, undo=undo, inputs=old.inputs)


@given(st.data(), plans())
def test_whatever_is_done_again_in_whatever_order_the_laws_hold(data: st.DataObject, made: Plan) -> None:
    somebody = Restless(data.draw, Story(made, {"x": 0}))
    for _ in range(40):
        somebody.move()


@given(st.data(), plans())
def test_a_run_that_was_sent_back_and_retried_still_comes_to_an_end(data: st.DataObject, made: Plan) -> None:
    somebody = Restless(data.draw, Story(made, {"x": 0}))
    for _ in range(25):
        somebody.move()
    somebody.finish()


@given(st.data(), plans())
def test_a_retry_of_what_has_ended_is_refused_or_moves_the_run(data: st.DataObject, made: Plan) -> None:
    somebody = Restless(data.draw, Story(made, {"x": 0}))
    somebody.finish()
    for _ in range(3):
        somebody.story.when(Retry(MINA, confirmed=True))
        if somebody.story.answer.refusal is not None:
            assert somebody.story.answer.refusal is Refusal.NOTHING_TO_RETRY
            return
        somebody.stand.clear()
        somebody.finish()


@given(st.data(), plans())
def test_each_version_of_a_gate_has_a_number_of_its_own(data: st.DataObject, made: Plan) -> None:
    somebody = Restless(data.draw, Story(made, {"x": 0}))
    for _ in range(40):
        somebody.move()
    versions = [(event.number, event.version) for event in somebody.story.events if isinstance(event, GateOpened)]
    assert len(set(versions)) == len(versions)
