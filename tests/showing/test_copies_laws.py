"""Whatever state a run is in and whatever is closed to it, what people get directly makes sense, also to Slack."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.closed import REASONS, hint, not_shown, problem
from bot.copies import PEOPLE_MAX, Reach, original
from bot.message import Message, metadata
from bot.sandbox.blocks import metadata_problems, problems
from bot.wanted import wanted
from store.anchors import Anchor
from store.model import GateState
from store.unshown import Unshown
from tests.support.strange_runs import odd_scene, seeds

CODES = st.sampled_from([*REASONS, "restricted_action_read_only_channel", "something_new"])
STATES = st.sampled_from(["closed", "trying", "over"])
CHANNELS = ("", "C0CONTENT", "#content", "#content-alerts", "D0MINA")
PEOPLE = {
    "@editors": ("U0ADA", "U0RAVI", "U0MINA"),
    "@content-leads": tuple(f"U0P{n}" for n in range(30)),
    "U0LENA": ("U0LENA",),
    "U0ADA": ("U0ADA",),
}


@st.composite
def reaches(draw: st.DrawFn) -> Reach:
    shut = draw(st.lists(st.sampled_from(CHANNELS), unique=True))
    rows = [
        Unshown("run-1", one, one and "#content", draw(CODES), "flow", 1, draw(st.booleans()), draw(STATES))
        for one in shut
    ]
    missing = draw(st.sampled_from([{}, {"@editors": "there is no group @editors"}]))
    return Reach(rows, draw(st.sampled_from([{}, PEOPLE])), missing)


def posted(message: Message) -> Anchor:
    channel = message.channel if message.channel.startswith(("C", "D")) else "D0ANYONE"
    return Anchor(message.key, message.run_id, channel, ts="1.1", state="posted", shown=message.shown)


@given(seeds, reaches())
def test_what_is_wanted_is_unique_hangs_together_and_is_taken_by_slack(seed: int, reach: Reach) -> None:
    scene = odd_scene(seed)
    messages = wanted(scene, {}, reach)
    keys = [one.key for one in messages]
    assert len(set(keys)) == len(keys)
    assert all(not one.under or one.under in keys for one in messages)
    for message in messages:
        assert problems(list(message.blocks), "message") == []
        assert metadata_problems(metadata(message, 1)) == []
        assert bool(message.person) == (original(message.key) != message.key)
        assert message.channel == message.person or not message.person


@given(seeds, reaches())
def test_nothing_is_wanted_in_a_closed_channel_and_few_people_are_asked_for_each_message(
    seed: int, reach: Reach
) -> None:
    messages = wanted(odd_scene(seed), {}, reach)
    shut = {one.channel for one in reach.closed if one.state == "closed"}
    assert not [one for one in messages if not one.person and one.channel in shut]
    for key in {original(one.key) for one in messages if one.person}:
        # The owner's people come on top of those who are asked, where some cannot be listed.
        assert len([one for one in messages if original(one.key) == key]) <= 2 * PEOPLE_MAX + 1


@given(seeds, reaches(), reaches())
def test_what_people_have_is_kept_true_whatever_opens_or_closes(seed: int, before: Reach, after: Reach) -> None:
    scene = odd_scene(seed)
    first = wanted(scene, {}, before)
    standing = {one.key: posted(one) for one in first}
    kept = {one.key for one in wanted(scene, standing, after)}
    copies = {one.key for one in first if one.person and not one.key.startswith("closed:")}
    assert copies <= kept


@given(seeds, reaches())
def test_only_open_gates_are_asked_of_people_anew(seed: int, reach: Reach) -> None:
    scene = odd_scene(seed)
    gates = {step.gate.id: step.gate for step in scene.run.steps.values() if step.gate}
    for message in wanted(scene, {}, reach):
        if message.person and message.key.startswith("gate:"):
            gate = gates[original(message.key).removeprefix("gate:")]
            assert gate.state is GateState.OPEN
            barred = message.person == scene.run.requester.id and not gate.requester_may_decide
            assert not barred or message.person in reach.listed([scene.workflow.owner])


@given(CODES, STATES, st.sampled_from(["us", "others"]))
def test_every_reason_is_a_sentence_with_a_cure_as_long_as_there_is_one(code: str, state: str, by: str) -> None:
    row = Unshown("run-1", "C0CONTENT", "#content", code, "flow", 1, state=state)  # type: ignore[arg-type]
    said = not_shown(row, said_by=by)  # type: ignore[arg-type]
    assert said.startswith("Not shown in Slack: ")
    assert said.endswith(".")
    assert "{" not in said
    assert bool(hint(row)) == (state != "over")
    assert not problem(row).endswith(".")
