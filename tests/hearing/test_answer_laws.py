"""Whatever people and authors write, every answer is taken by Slack, mentions nobody and links nowhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.grammar import Context, Misunderstanding, Start, parse
from bot.grammar.slack_text import escaped
from bot.sandbox.blocks import problems, view_problems
from bot.views import answers, decisions, reply, standing, starts
from bot.views.content_view import content_view
from bot.views.home import HomeFacts, home
from bot.views.markup import width
from bot.views.reject_form import reject_form
from bot.views.reply import Reply
from bot.views.scene import Scene
from bot.views.standing import ListedRun
from bot.views.waiting import WaitingGate
from bot.views.waiting import waiting as waiting_list
from engine.inputs import read_inputs
from engine.rules.commands import Refusal
from store import codec
from store.lookups import RunRow
from store.model import Content, Gate, Person, Plan, Workflow
from tests.support.strange_runs import odd_scene, seeds, texts

TOKEN = re.compile(r"<([^>]*)>")
OURS = re.compile(
    r"@U0\w+|!subteam\^S0\w+|#[CD]0\w+|https://team\.example/[^<>]*"
    r"|!date\^\d+\^\u200b\{date_short_pretty\} at \{time\}\|[^<>]*"
)
ADDRESS = "https://team.example/archives/C01/p1?thread_ts=1.1&cid=C01"
NOW = 1_790_000_000_000
WHY_NOT = ["", "guest", "bot", "deleted", "outsider", "unknown"]


def gates(scene: Scene) -> list[Gate]:
    return [step.gate for step in scene.run.steps.values() if step.gate is not None]


def of_runs(scene: Scene, seed: int) -> Iterator[Reply]:
    """Every answer that speaks of a run."""
    chance = Random(seed)
    person = Person("U0RAVI", "Ravi", True, (), NOW, chance.choice(WHY_NOT))
    yield standing.status(scene, NOW, ADDRESS)
    yield standing.why(scene, NOW, ADDRESS)
    yield standing.who_decides(scene, ADDRESS)
    yield decisions.cancelling(scene, ADDRESS)
    yield decisions.may_not_cancel(scene, ADDRESS)
    yield decisions.sure_to_cancel(scene, ADDRESS)
    yield decisions.not_cancelled(scene, Refusal.RUN_FINISHED, NOW, ADDRESS)
    for gate in gates(scene)[:3]:
        yield decisions.decided(scene, gate, "approve", ADDRESS)
        yield decisions.did_you_mean(gate, "reject", ADDRESS)
        yield decisions.other_version(gate, 7, ADDRESS)
        yield decisions.not_the_card(gate, ADDRESS)
        yield decisions.form_missed(gate)
        for refusal in Refusal:
            yield decisions.refused(scene, gate, refusal, person, NOW, address=ADDRESS, unsure=gate.approvers)


def lists(scene: Scene) -> tuple[list[WaitingGate], list[ListedRun]]:
    run, title = scene.run, scene.workflow.title
    many = [replace(gate, id=f"{gate.id}:{copy}") for copy in range(12) for gate in gates(scene)]
    waiting = [WaitingGate(gate, run.name, title, ADDRESS) for gate in many]
    row = RunRow(
        run.id, run.name, run.workflow, run.version, 1, run.status, run.requester, run.created_at, run.ended_at,
        run.error, run.reason, run.trace_id, run.seq, Content(), None,
    )  # fmt: skip
    return waiting, [ListedRun(row, title, "running", ADDRESS)] * 40


def marked_up(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
            return
        for part in value.values():
            yield from marked_up(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from marked_up(part)


def assert_good(shown: Reply) -> None:
    assert problems(list(shown.blocks), "message") == []
    assert 0 < width(shown.text) <= 4_000
    for markup in (shown.text, *marked_up(shown.blocks)):
        assert_harmless(markup)
    assert reply.load(json.loads(codec.dump(reply.dump(shown)))) == shown


def assert_harmless(markup: str) -> None:
    for token in TOKEN.findall(markup):
        assert OURS.fullmatch(token), (token, markup)


@given(seeds)
def test_answers_about_any_run_are_good(seed: int) -> None:
    scene = odd_scene(seed)
    for shown in of_runs(scene, seed):
        assert_good(shown)


@given(seeds)
def test_lists_of_anything_are_good(seed: int) -> None:
    waiting, runs = lists(odd_scene(seed))
    assert_good(waiting_list(waiting, "/flow "))
    assert_good(standing.mine(runs, NOW, ""))
    assert_good(standing.overview(runs, waiting, NOW, "@flow "))


@given(seeds, texts, st.sampled_from(WHY_NOT))
def test_home_and_the_form_are_good_for_anybody(seed: int, text: str, why_not: str) -> None:
    scene = odd_scene(seed)
    waiting, runs = lists(scene)
    workflows = [scene.workflow, Workflow("w", text, "", description=text)] * 20
    person = Person("U0RAVI", text, not why_not, (), NOW, why_not)
    notice = decisions.cancelling(scene, ADDRESS).text
    for view in (home(HomeFacts(person, waiting, runs, workflows, notice), NOW), home(HomeFacts(person), NOW)):
        assert view_problems(view) == []
        for markup in marked_up(view["blocks"]):
            assert_harmless(markup)
    for key, gate in [(one.key, one.gate) for one in scene.run.steps.values() if one.gate is not None][:3]:
        form, window = reject_form(scene, key, gate), content_view(scene, gate, scene.value(gate.shown))
        assert form["private_metadata"] == gate.id
        for view in (form, window):
            assert view_problems(view) == []
            for markup in marked_up(view["blocks"]):
                assert_harmless(markup)


@given(texts, texts, texts)
def test_what_was_typed_is_told_back_harmlessly(first: str, second: str, third: str) -> None:
    schema = {"type": "string", "enum": ["a", "b"], "description": third}
    plan = Plan("w", {"topic": {"type": "string", "maxLength": 5}, "pick": schema, "n": {"type": "integer"}}, ())
    workflow = Workflow("w", second, "", description=third)
    ask = Start("w", (("topic", first), ("pick", second), ("odd", (first, third))), (second, third), False, ("topic",))
    given_values = {name: list(value) if isinstance(value, tuple) else value for name, value in ask.given}
    found = read_inputs(plan, given_values, typed=False).problems
    assert_good(starts.not_started(workflow, plan, ask, found, starts.corrected(plan, ask, found), "/flow "))
    assert_good(starts.would_start(workflow, plan, ask, "C01"))
    assert_good(starts.started(workflow, "R-7K2", "D01", [starts.not_here("C01")]))
    assert_good(starts.unknown_workflow(first, [], ""))
    assert_good(starts.unknown_workflow(first, ["a", "b"], ""))
    assert_good(starts.may_not_start(workflow))
    assert_good(answers.help_workflow(workflow, plan, "", starts.example("w", plan)))
    assert_good(answers.help_overview([workflow], "/flow ", in_run_thread=False, example="run w"))
    assert_good(answers.listing([workflow] * 30, first, ""))
    assert_good(answers.listing([], first, ""))
    assert_good(answers.no_such_run(first, ""))
    assert_good(answers.no_such_gate(first, ""))
    assert_good(answers.no_such_topic(first, second, ""))
    assert_good(answers.who_you_are(Person("U0RAVI", first, True, (), NOW), [second], [third]))


@given(texts)
def test_what_was_not_understood_is_told_back_harmlessly(text: str) -> None:
    for line in (text, f"run {text}", f"reject {text}", f"status {text}", f"approve {text}"):
        wrong = parse(escaped(line), Context(inputs={"publish_post": ("topic",)}, surface="dm"))
        if isinstance(wrong, Misunderstanding):
            assert_good(answers.misunderstood(wrong, "/flow "))


def test_a_corrected_line_keeps_what_was_good() -> None:
    key = {"type": "string", "sensitive": True}
    plan = Plan("w", {"topic": {"type": "string"}, "n": {"type": "integer"}, "key": key}, ())
    ask = Start("w", (("topic", "a b"), ("n", "many"), ("key", "hunter2")))
    found = read_inputs(plan, dict(ask.given), typed=False).problems
    assert starts.corrected(plan, ask, found) == Start("w", (("topic", "a b"), ("key", "…"), ("n", "1")))


def test_long_lists_are_parted_between_lines() -> None:
    line = f"• <{ADDRESS}|R-7K2> something"
    shown = reply.said("\n".join([line] * 200))
    for section in shown.blocks:
        assert set(section["text"]["text"].split("\n")) == {line}
    assert set(shown.text.split("\n")) == {line}
