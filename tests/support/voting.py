"""People at a gate: the gate opens as in a running service, from its template, and they answer it."""

from __future__ import annotations

from typing import Any

from engine.opening import After, bound, opening, plainly
from engine.rules.commands import Claim, Decide
from engine.rules.computing import filled
from engine.rules.scope import at
from store.events import ClockTurned, DecisionMade, GateClosed, StepReady, StepSucceeded
from store.model import Actor, Content, Facts, Person, StepPlan
from tests.support.engines import RAVI, gate, plan, step
from tests.support.story import Story

LENA = Actor("person", "U0LENA", "Lena")
OMAR = Actor("person", "U0OMAR", "Omar")
KIRA = Actor("person", "U0KIRA", "Kira")
HOUR = 3_600_000
POST = {"title": "WAL", "body": "It is fast."}
THROUGH = (DecisionMade, GateClosed, StepSucceeded, StepReady, ClockTurned)  # what opens the way


def review(name: str = "editorial", after: tuple[str, ...] = ("draft",), **policy: Any) -> StepPlan:
    """A gate about what the first of the steps before it gave."""
    policy.setdefault("with_", {"question": "Publish it?", "show": f"${{{{ steps.{after[0]}.output }}}}"})
    return gate(name, after, **policy)


def opened(story: Story, key: str, after: After = plainly) -> Story:
    """A gate's step is claimed, and people are asked or its answer is found otherwise."""
    assert story.run is not None
    story.given(Claim(key))
    step = story.run.steps[key]
    spec = story.plan.step(step.name)
    value = filled(spec.with_, story.plan, story.run, Facts(), at(step))
    return story.given(opening(step.place, spec, value, step, story.now, after))


def answered(
    story: Story,
    key: str,
    who: Actor = RAVI,
    verdict: Any = "approve",
    groups: tuple[str, ...] = ("@editors",),
    **more: Any,
) -> Story:
    """Somebody of these groups answers; whether it is taken is for the story to say."""
    known = {name: more.pop(name) for name in ("problems", "override", "after") if name in more}
    person = None if who.kind == "operator" else Person(who.id, who.name, True, groups, 0)
    return story.when(Decide(key, who, verdict, **more), person=person, **known)


def edit(story: Story, key: str, **fields: Any) -> dict[str, Any]:
    """What an edit of these fields adds to a decision."""
    assert story.run is not None
    gate = story.run.steps[key].gate
    policy = story.plan.step(story.run.steps[key].name).gate
    assert gate is not None
    assert policy is not None
    shown = gate.shown.value
    content = shown | fields
    digest = bound(policy, gate.question, content, gate.approvers)
    edits = {name: [shown.get(name), value] for name, value in fields.items()}
    return {"content": Content(content), "content_digest": digest, "edits": edits}


def asking(**policy: Any) -> Story:
    """A run whose gate shows a post, with a step behind it."""
    policy.setdefault("with_", {"question": "Publish it?", "show": POST})
    return opened(Story(plan(gate("review", **policy), step("publish", after=["review"]))), "review")


def the_gate(story: Story, key: str = "review") -> Any:
    assert story.run is not None
    return story.run.steps[key].gate


def output(story: Story, key: str = "review") -> Any:
    """What later steps see of a gate."""
    assert story.run is not None
    content = story.run.steps[key].output
    assert content is not None
    return content.value
