"""Laws for plans with everything in them: blocks, lists, gates with rounds, undo, last steps, retries of whole runs."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given

from engine.rules import graph
from engine.rules.commands import COMMANDS, Admit, Claim, Decide, ReportChild, Resume, Settle, Tick
from engine.rules.computing import value_of
from engine.rules.evolution import fold, folded
from engine.rules.scope import at
from engine.rules.winding_up import belongs
from store import codec
from store.events import KINDS, AttemptStarted, DecisionRefused, EndingBegun, Event, ReportIgnored, RunReopened
from store.model import NO_FACTS, Person, Plan, Run, RunStatus, Step, StepStatus
from store.tally import counted, counts_active
from tests.support.engines import MINA, RAVI
from tests.support.plan_strategies import Driven, a_story, chances, for_step
from tests.support.story import Story

UNFINISHED = {StepStatus.PENDING, StepStatus.READY, StepStatus.RUNNING, StepStatus.WAITING}
LIVE = {StepStatus.READY, StepStatus.WAITING, StepStatus.UNKNOWN}


@given(chances)
def test_whatever_is_asked_in_whatever_order_the_laws_hold(chance: Random) -> None:
    story = a_story(chance)
    driven = Driven(chance, story)
    for _ in range(80):
        before, seen = story.run, len(story.events)
        assert before is not None
        driven.ask()
        fresh, run = story.events[seen:], story.run
        assert run is not None
        the_end_is_the_end(before, run, fresh)
        what_was_not_touched_is_the_same(before, run, fresh)
        nothing_is_stuck(run)
        no_attempt_starts_too_early(story.plan, before, fresh)
        lists_keep_their_bounds(story.plan, run)
        items_see_their_own(story.plan, run)
        steps_are_taken_back_latest_first(story.plan, before, run, fresh)


def the_end_is_the_end(before: Run, run: Run, fresh: list[Event]) -> None:
    if before.status.finished and not any(isinstance(event, RunReopened) for event in fresh):
        assert all(isinstance(event, DecisionRefused | ReportIgnored) for event in fresh)
        assert {**vars(run), "seq": 0} == {**vars(before), "seq": 0}
    if run.status.finished:
        assert not {step.status for step in run.steps.values()} & UNFINISHED, "a finished run has no unfinished step"
        assert (run.active, run.busy, run.held, run.active_since) == (0, {}, {}, None)


def what_was_not_touched_is_the_same(before: Run, run: Run, fresh: list[Event]) -> None:
    after, touched = folded(before, fresh) if fresh else (before, set())
    assert after == run
    for key, step in after.steps.items():
        assert key in touched or step is before.steps[key]
    assert counted(run) == run


def nothing_is_stuck(run: Run) -> None:
    if run.status.finished or run.status in (RunStatus.PAUSED, RunStatus.QUEUED):
        return
    going = [step for step in run.steps.values() if step.status in LIVE or counts_active(step)]
    assert going, "an unfinished run has something ready, running, waiting or unknown"
    assert (run.active_since is not None) == any(counts_active(step) for step in going)


def no_attempt_starts_too_early(plan: Plan, before: Run, fresh: list[Event]) -> None:
    for event in fresh:
        if not isinstance(event, AttemptStarted) or ":" in event.place.step:
            continue
        spec = plan.step(event.place.step)
        for edge in spec.needs:
            needed = before.steps[graph.key_at(plan, edge.step, event.place.item)]
            past = spec.phase == "finally" and needed.status is StepStatus.UNKNOWN
            assert needed.status.finished or past
            assert needed.status is StepStatus.SUCCEEDED or edge.accepts == "end" or edge.guarded


def lists_keep_their_bounds(plan: Plan, run: Run) -> None:
    for block in [step for step in run.steps.values() if step.fan is not None]:
        assert block.fan is not None
        items = [item_of(plan, run, block, key) for key, _ in block.fan.list.value]
        assert block.fan.count == len(items)
        assert all(items[: block.fan.begun]), "what has begun has a row"
        if block.status is not StepStatus.RUNNING:
            continue
        ended = [one for one in items[: block.fan.begun] if one is not None and one.status.finished]
        assert len([one for one in ended if one.status is not StepStatus.CANCELLED]) == block.fan.ended
        fanout = plan.step(block.name).fanout
        assert fanout is not None
        busy = {one.key for one in items if one is not None and any(counts_active(step) for step in inside(run, one))}
        assert len(busy) <= fanout.concurrency, f"{sorted(busy)} are busy at once"


def item_of(plan: Plan, run: Run, block: Step, key: str) -> Step | None:
    return run.steps.get(f"{block.name}[{graph.nested(block.item, key)}]")


def inside(run: Run, item: Step) -> list[Step]:
    """What stands in an item, found the slow way. Taking back is no work on the item."""
    return [
        step
        for step in run.steps.values()
        if step.name.startswith(f"{item.name}.") and ":" not in step.name
        if step.item == item.item or (step.item or "").startswith(f"{item.item}/")
    ]


def items_see_their_own(plan: Plan, run: Run) -> None:
    for step in run.steps.values():
        if step.item is None or graph.stands_for_item(plan, step) or step.status is StepStatus.SKIPPED:
            continue
        for other in plan.within(step.name.rpartition(".")[0]):
            row = run.steps[graph.key_at(plan, other.name, step.item)]
            if other.uses in ("http", "transform") and row.status is StepStatus.SUCCEEDED and row.receipt is None:
                name = other.name.rpartition(".")[2]
                seen = value_of(f"${{{{ steps.{name}.output }}}}", plan, run, NO_FACTS, at(step))
                assert seen in ({"key": f"{other.name}[{step.item}]"}, None)


def steps_are_taken_back_latest_first(plan: Plan, before: Run, run: Run, fresh: list[Event]) -> None:
    taking_back = [step for step in run.steps.values() if ":" in step.name and counts_active(step)]
    assert len(taking_back) <= 1 or run.status is not RunStatus.ENDING
    for event in fresh:
        if isinstance(event, EndingBegun):
            undone = [run.steps[key.replace(":undo", "")] for key in event.steps if ":" in key]
            for later, earlier in pairwise(undone):
                assert (later.ended_at or later.started_at or 0) >= (earlier.ended_at or earlier.started_at or 0)
                needs = {edge.step for edge in plan.step(earlier.name).needs if later.item == earlier.item}
                assert later.name not in needs


def test_chance_reaches_every_kind_of_event() -> None:
    """Else the laws would say nothing about those that it never meets."""
    missing = set(KINDS) - {"VersionChanged"}  # needs a second plan
    for seed in range(1_000):
        story = a_story(Random(seed))
        driven = Driven(Random(seed), story)
        for _ in range(60):
            driven.ask()
        missing -= {type(event).__name__ for event in story.events}
        if not missing:
            return
    raise AssertionError(f"never met: {sorted(missing)}")


# Other laws --------------------------------------------------------------------------------------------------------


@given(chances)
def test_a_story_told_again_goes_the_same_way(chance: Random) -> None:
    story = a_story(chance)
    driven = Driven(chance, story)
    for _ in range(60):
        driven.ask()
    again = driven.again()
    assert again.events == story.events
    assert again.run == story.run


@given(chances)
def test_plans_commands_histories_and_runs_survive_json(chance: Random) -> None:
    story = a_story(chance)
    assert codec.load(Plan, codec.dump(story.plan)) == story.plan
    driven = Driven(chance, story)
    for _ in range(60):
        driven.ask()
    for command, _, _ in driven.asked:
        assert codec.unpack(codec.pack(command), COMMANDS) == command
    events = [codec.unpack(codec.pack(event), KINDS) for event in story.events]
    assert events == story.events
    assert fold(None, events) == story.run
    assert codec.load(Run, codec.dump(story.run)) == story.run


@given(chances)
def test_whoever_does_all_there_is_to_do_comes_to_an_end(chance: Random) -> None:
    story = a_story(chance)
    driven = Driven(chance, story)
    for _ in range(chance.randint(0, 25)):
        driven.ask()
    for _ in range(400):
        assert story.run is not None
        if story.run.status.finished:
            return
        story.now += 1_000_000
        for command in (Admit(), Resume(MINA), Tick()):
            story.when(command)
        for key in list(story.run.steps):
            do_it(chance, story, key)
    raise AssertionError(f"still {story.run.status}: {story.statuses()}")


def do_it(chance: Random, story: Story, key: str) -> None:
    """What moves a step on."""
    assert story.run is not None
    step = story.run.steps[key]
    match step.status:
        case StepStatus.READY:
            story.when(Claim(key))
        case StepStatus.RUNNING if step.attempt > 0:
            story.when(for_step(chance, story, step)[0])
        case StepStatus.UNKNOWN:
            story.when(Settle(key, MINA, "fail"))
        case StepStatus.WAITING if step.child is not None:
            story.when(ReportChild(key, step.child, RunStatus.SUCCEEDED))
        case StepStatus.WAITING if step.gate is not None:
            story.when(Decide(key, RAVI, "approve"), person=Person("U0RAVI", "Ravi", True, ("@editors",), 0))


@given(chances)
def test_what_takes_a_step_back_and_the_last_steps_only_work_when_the_run_ends(chance: Random) -> None:
    story = a_story(chance)
    driven = Driven(chance, story)
    for _ in range(80):
        driven.ask()
        run = story.run
        assert run is not None
        if run.status in (RunStatus.RUNNING, RunStatus.PAUSED):
            ours = [step for step in run.steps.values() if belongs(story.plan, step)]
            assert not [step for step in ours if step.status in (StepStatus.READY, StepStatus.RUNNING)]
