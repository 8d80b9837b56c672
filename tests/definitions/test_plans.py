"""What a sound file becomes: the plan, its version, and the workflow around it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.definitions import load
from engine.definitions.plan import version_of
from store.codec import dump
from store.codec import load as read_back
from store.model import Access, Edge, GatePlan, Plan, Retry

GOOD = Path(__file__).parent / "good"


@pytest.fixture(scope="module")
def good():
    loaded = load([GOOD])
    assert [problem.render() for problem in loaded.problems] == []
    return loaded.definitions


@pytest.fixture
def written(tmp_path):
    """Write a workflow and give back its definition; a problem of any kind fails the test."""

    def write(text, name="w", **files):
        (tmp_path / f"{name}.yaml").write_text(f"workflow: {name}\n{text}", encoding="utf-8")
        for path, content in files.items():
            (tmp_path / path.replace("__", ".")).write_text(content, encoding="utf-8")
        loaded = load([tmp_path / f"{name}.yaml"])
        assert [problem.render() for problem in loaded.problems if problem.severity == "error"] == []
        return loaded.definitions[name]

    return write


def plan_step(written, text, name="a"):
    return written(f"steps:\n  {name}: {text}\n").plan.step(name)


def test_a_folder_gives_its_workflows_and_leaves_tests_out():
    loaded = load([GOOD])
    assert sorted(loaded.definitions) == ["every_kind", "publish_post", "smallest"]
    assert not any(file.endswith(".test.yaml") for file in loaded.files)


def test_the_workflow_says_how_it_is_called_shown_and_guarded(good):
    workflow = good["publish_post"].workflow
    assert (workflow.name, workflow.title) == ("publish_post", "Publish a blog post")
    assert (workflow.owner, workflow.channel, workflow.alerts_failed) == (
        "@content-leads",
        "#content",
        "#content-alerts",
    )
    assert workflow.access == Access(("members",), ("members",), ("@content-leads",), True)
    assert workflow.version == good["publish_post"].plan.version
    assert good["every_kind"].workflow.show == "when_needed"
    assert good["smallest"].workflow.title == "Smallest"


def test_steps_and_inputs_keep_the_order_of_the_file(good):
    plan = good["every_kind"].plan
    assert [step.name for step in plan.steps] == ["fetch", "words", "count", "ask", "pause", "hold", "write", "sum_up"]
    assert list(plan.inputs) == ["count", "tags", "note", "when", "token", "address"]
    assert plan.duration_ms == (12 * 60 + 30) * 60_000


def test_a_gate_becomes_a_policy_and_a_template(good):
    step = good["every_kind"].plan.step("ask")
    assert step.gate == GatePlan(
        approvers=("@team", "lead@example.com"),
        quorum=2,
        requester_may_decide=False,
        due_ms=3_600_000,
        expires_ms=2 * 86_400_000,
        on_expiry="continue",
        on_reject="continue",
    )
    assert set(step.with_) == {"question", "show", "card"}
    assert step.with_["card"] == {"fields": ["note"], "body": "claims"}


def test_an_unanswered_gate_waits_seven_days_and_then_counts_as_rejected(written):
    gate = plan_step(written, 'ask: {uses: approval, with: {question: Go?, approvers: ["@e"]}}'[5:]).gate
    assert (gate.expires_ms, gate.due_ms, gate.on_expiry, gate.on_reject) == (7 * 86_400_000, None, "reject", "end")


def test_references_become_edges(good):
    edges = {step.name: step.needs for step in good["every_kind"].plan.steps}
    assert edges["count"] == (Edge("words"), Edge("fetch"))
    assert edges["pause"] == (Edge("ask", "end"),)
    assert set(edges["sum_up"]) == {Edge("write"), Edge("ask", guarded=True), Edge("fetch", "end")}
    assert good["publish_post"].plan.step("publish").needs == (Edge("editorial"), Edge("checks"))


@pytest.mark.parametrize(
    ("text", "edge"),
    [
        ("with: {x: '${{ steps.s.output.v }}'}", Edge("s")),
        ("with: {x: '${{ steps.s.receipt }}'}", Edge("s")),
        ("with: {x: '${{ steps.s.status }}'}", Edge("s", "end")),
        ("with: {x: '${{ has(steps.s.error) }}'}", Edge("s", "end")),
        ("with: {x: '${{ has(steps.s.output) ? steps.s.output.v : 1 }}'}", Edge("s", guarded=True)),
        ("with: {x: '${{ has(steps.s.output) }}', y: '${{ steps.s.output.v }}'}", Edge("s")),
        ("with: {x: '${{ steps.s.status }}', y: '${{ steps.s.output.v }}'}", Edge("s")),
        ("with: {x: '${{ steps.s.status }}', y: '${{ coalesce(steps.s.output.v, 1) }}'}", Edge("s", "end")),
        ("with: {x: 1}, when: '${{ steps.s.output.v > 0 }}'", Edge("s")),
        ("with: {x: 1}, needs: [s]", Edge("s")),
        ("with: {x: 1}, after: [s]", Edge("s", "end")),
        ("with: {x: '${{ has(steps.s.output) }}'}, needs: [s]", Edge("s")),
    ],
)
def test_each_way_of_naming_a_step_makes_its_edge(written, text, edge):
    definition = written(f"steps:\n  s: {{uses: transform, with: {{v: 1}}}}\n  a: {{uses: transform, {text}}}\n")
    assert definition.plan.step("a").needs == (edge,)


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("{uses: transform, with: {x: 1}}", "pure"),
        ("{uses: model, with: {model: m, prompt: p}}", "pure"),
        ('{uses: http, with: {url: "https://e.com"}}', "idempotent"),
        ('{uses: http, with: {method: HEAD, url: "https://e.com"}}', "idempotent"),
        ('{uses: http, with: {method: PUT, url: "https://e.com"}}', "idempotent"),
        ('{uses: http, with: {method: DELETE, url: "https://e.com"}}', "idempotent"),
        ('{uses: http, with: {method: POST, url: "https://e.com"}}', "once"),
        ('{uses: http, with: {method: PATCH, url: "https://e.com"}}', "once"),
        ('{uses: http, effect: idempotent, with: {method: POST, url: "https://e.com"}}', "idempotent"),
        ("{uses: command, with: {argv: [ls]}}", "once"),
        ('{uses: http, with: {method: OPTIONS, url: "https://e.com"}}', "idempotent"),
        ("{uses: command, effect: pure, with: {argv: [ls]}}", "pure"),
        ("{uses: command, effect: idempotent, with: {argv: [ls]}}", "idempotent"),
        ("{uses: message, with: {text: hi}}", "idempotent"),
        ("{uses: stop, with: {outcome: failed}}", "idempotent"),
        ("{uses: wait, with: {for: 1m}}", "idempotent"),
        ('{uses: approval, with: {question: Go?, approvers: ["@e"]}}', "idempotent"),
    ],
)
def test_the_usual_effect_of_each_kind(written, text, effect):
    assert plan_step(written, text).effect == effect


@pytest.mark.parametrize(
    ("mark", "effect"), [("", "idempotent"), ('@effect("once")\n', "once"), ("@kit.effect('pure')\n", "pure")]
)
def test_a_function_says_its_effect_itself(written, mark, effect):
    step = written("steps:\n  a: {uses: python, call: f.py:go}\n", f__py=f"{mark}def go(): ...\n").plan.step("a")
    assert step.effect == effect
    assert step.spec == {"call": "f.py:go"}


@pytest.mark.parametrize(
    ("text", "retry"),
    [
        ('{uses: http, with: {url: "https://e.com"}}', Retry(3)),
        ("{uses: model, with: {model: m, prompt: p}}", Retry(3)),
        ("{uses: command, with: {argv: [ls]}}", Retry(1)),
        ("{uses: transform, with: {x: 1}}", Retry(1)),
        ("{uses: wait, with: {for: 1m}}", Retry(1)),
        ("{uses: command, retry: {attempts: 5, backoff: 100ms..1m}, with: {argv: [ls]}}", Retry(5, 100, 60_000)),
        ("{uses: model, retry: {backoff: 5s}, with: {model: m, prompt: p}}", Retry(3, 5_000, 5_000)),
    ],
)
def test_the_usual_retries_of_each_kind(written, text, retry):
    assert plan_step(written, text).retry == retry


def test_the_text_of_a_prompt_file_is_part_of_the_plan(good):
    prompt = good["publish_post"].plan.step("draft").with_["prompt"]
    assert prompt == (GOOD / "prompts" / "draft.md").read_text()


def test_short_schemas_become_json_schema(good):
    plan = good["every_kind"].plan
    line = {
        "type": "object",
        "properties": {"sku": {"type": "string"}, "qty": {"type": "integer", "minimum": 1}},
        "required": ["sku", "qty"],
    }
    assert plan.step("fetch").output == {
        "type": "object",
        "properties": {"id": {"type": "string"}, "lines": {"type": "array", "items": line}, "note": {"type": "string"}},
        "required": ["id", "lines"],
    }
    assert plan.inputs["note"] == {"type": "string", "optional": True}
    assert plan.inputs["token"] == {"type": "string", "sensitive": True}
    assert good["publish_post"].plan.inputs["tone"]["default"] == "plain"


BASE = """\
title: One
description: First words
owner: "@a"
channel: "#a"
access: {start: members}
alerts: {failed: "#a"}
slack: {show: always}
inputs: {n: integer}
limits: {duration: 1d}
secrets: {key: "env:KEY"}
settings: {url: {type: string, default: "https://e.com"}}
vars: {v: 1}
steps:
  a:
    uses: http
    title: Ask
    with: {method: PUT, url: "${{ settings.url }}", headers: {K: "${{ secrets.key }}"}, json: "${{ inputs.n + vars.v}}"}
    retry: {attempts: 2}
outputs: {x: "${{ steps.a.output }}"}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: One", "title: Two"),
        ("description: First words", "description: Other words"),
        ('owner: "@a"', 'owner: "@b"'),
        ('channel: "#a"', 'channel: "#b"'),
        ("{start: members}", '{start: "@b", override: false}'),
        ('{failed: "#a"}', '{failed: "#b"}'),
        ("{show: always}", "{show: never}"),
        ("    title: Ask\n", "    title: Beg\n"),
        ("vars: {v: 1}", "vars: {v: 1.0}"),
        ("{method: PUT, url:", "{  method: 'PUT', url:"),
        ("steps:\n", "# a comment\nsteps:\n"),
    ],
)
def test_the_version_does_not_follow_how_a_workflow_is_called_shown_and_guarded(written, old, new):
    assert old in BASE
    assert written(BASE.replace(old, new)).plan.version == written(BASE).plan.version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{n: integer}", "{n: number}"),
        ("{n: integer}", "{n: {type: integer, default: 2}}"),
        ("duration: 1d", "duration: 2d"),
        ("env:KEY", "env:OTHER"),
        ("https://e.com", "https://f.com"),
        ("{v: 1}", "{v: 2}"),
        ("method: PUT", "method: POST"),
        ("attempts: 2", "attempts: 3"),
        ("headers: {K:", "headers: {L:"),
        ("outputs: {x:", "outputs: {y:"),
        ("  a:\n", "  b: {uses: transform, with: {x: 1}}\n  a:\n"),
        ("    retry", "    when: ${{ inputs.n > 1 }}\n    retry"),
        ("    retry", "    on_failure: continue\n    effect: once\n    retry"),
        ("    retry", "    output: {id: string}\n    retry"),
    ],
)
def test_the_version_follows_the_behaviour(written, old, new):
    assert old in BASE
    text = BASE.replace(old, new)
    if "on_failure" in new:
        text = text.replace('outputs: {x: "${{ steps.a.output }}"}\n', "")
        base = BASE.replace('outputs: {x: "${{ steps.a.output }}"}\n', "")
    elif "when" in new:
        text, base = (one.replace("${{ steps.a.output }}", "${{ has(steps.a.output) }}") for one in (text, BASE))
    else:
        base = BASE
    assert written(text).plan.version != written(base).plan.version


def test_the_version_follows_prompts_and_schemas_in_files_of_their_own(written):
    text = (
        "schemas: {S: {file: s.json}}\nsteps:\n  a: {uses: model, output: S, with: {model: m, prompt: {file: p.md}}}\n"
    )
    files = {"p__md": "Write.", "s__json": '{"type": "string"}'}
    version = written(text, **files).plan.version
    assert written(text, **files).plan.version == version
    assert written(text, **files | {"p__md": "Write!"}).plan.version != version
    assert written(text, **files | {"s__json": '{"type": "object"}'}).plan.version != version


def test_the_version_can_be_computed_again_from_the_plan(good):
    for definition in good.values():
        assert version_of(replace(definition.plan, version="")) == definition.plan.version


def test_every_plan_survives_the_codec(good):
    for definition in good.values():
        assert read_back(Plan, dump(definition.plan)) == definition.plan
        json.loads(dump(definition.plan))
