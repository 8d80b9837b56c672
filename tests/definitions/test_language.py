"""The language in full: blocks, lists, gates, forms, endings and triggers, and the plans they become."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.definitions import Surroundings, load
from engine.definitions.plan import version_of
from store.codec import dump
from store.codec import load as read_back
from store.model import (
    Budget,
    Changes,
    Choice,
    Concurrency,
    Edge,
    Ensure,
    Fanout,
    MessageTrigger,
    Plan,
    Retry,
    Schedule,
    Seats,
    Shortcut,
    StartRate,
    Webhook,
    Workflow,
)

DESIGN = Path(__file__).parent / "design"
AROUND = Surroundings(models=frozenset({"writer", "backup"}), calendars=frozenset({"office"}))


@pytest.fixture(scope="module")
def shown():
    loaded = load([DESIGN], surroundings=AROUND)
    assert [problem.render() for problem in loaded.problems] == []
    return loaded.definitions


@pytest.fixture
def told(tmp_path):
    """Write a workflow and give back its definition (None when it has errors) and the codes of its problems."""

    def write(text, name="w", **files):
        for other, content in files.items():
            (tmp_path / f"{other}.yaml").write_text(f"workflow: {other}\n{content}", encoding="utf-8")
        (tmp_path / f"{name}.yaml").write_text(f"workflow: {name}\n{text}", encoding="utf-8")
        loaded = load([tmp_path], surroundings=AROUND)
        return loaded.definitions.get(name), [problem.code for problem in loaded.problems]

    return write


@pytest.fixture
def plan(told):
    def write(text, **files):
        definition, codes = told(text, **files)
        assert codes == []
        return definition.plan

    return write


# Blocks and lists -------------------------------------------------------------------------------------------------


def test_the_file_that_the_language_is_explained_with_is_sound(shown):
    steps = [step.name for step in shown["publish_post"].plan.steps]
    assert steps == ["draft", "editorial", "checks", "checks.verify", "checks.dispute", "publish", "unchecked", "tell"]


def test_a_block_stands_before_its_steps_and_carries_its_list_and_what_an_item_amounts_to(shown):
    block = shown["publish_post"].plan.step("checks")
    assert block.uses == "block"
    assert block.fanout == Fanout("${{ steps.editorial.output.content.claims }}", "claim", "${{ claim.id }}", 8)
    assert block.needs == (Edge("editorial"),)
    assert set(block.with_) == {"ok"}


def test_edges_hold_between_steps_side_by_side(shown):
    plan = shown["publish_post"].plan
    assert plan.step("checks.verify").needs == ()
    assert plan.step("checks.dispute").needs == (Edge("checks.verify"),)
    assert plan.step("publish").needs == (Edge("editorial"), Edge("checks"))
    for step in plan.steps:
        assert all(edge.step.rpartition(".")[0] == step.name.rpartition(".")[0] for edge in step.needs)


@pytest.mark.parametrize(
    ("use", "edge"),
    [
        ("${{ steps.s.output.v }}", Edge("s")),
        ("${{ steps.s.status }}", Edge("s", "end")),
        ("${{ has(steps.s.output) }}", Edge("s", guarded=True)),
    ],
)
def test_what_is_used_inside_a_block_the_block_needs(plan, use, edge):
    found = plan(
        "steps:\n  s: {uses: transform, with: {v: 1}}\n  b:\n    steps:\n      c:\n        steps:\n"
        f"          d: {{uses: transform, with: {{x: '{use}'}}}}\n"
    )
    assert found.step("b").needs == (edge,)
    assert found.step("b.c").needs == found.step("b.c.d").needs == ()


def test_a_step_with_a_list_is_a_block_with_one_step(plan):
    found = plan(
        "inputs: {rows: [string]}\nsteps:\n"
        "  a: {foreach: '${{ inputs.rows }}', tolerate: 5%, on_failure: continue, uses: command, "
        "retry: {attempts: 4}, timeout: 1m, with: {argv: ['${{ item }}']}}\n"
    )
    block, each = found.steps
    assert (block.name, block.uses, block.on_failure, block.with_) == (
        "a",
        "block",
        "continue",
        "${{ steps.each.output }}",
    )
    assert block.fanout == Fanout("${{ inputs.rows }}", tolerate=5, tolerate_percent=True)
    assert (each.name, each.uses, each.on_failure, each.fanout) == ("a.each", "command", "stop", None)
    assert (each.retry, each.timeout_ms) == (Retry(4), 60_000)
    assert block.retry.attempts == 1


LISTED = "inputs: {rows: [{id: string}]}\nsteps:\n  a:\n    foreach: ${{ inputs.rows }}\n"


@pytest.mark.parametrize(
    ("block", "use", "codes"),
    [
        ("    uses: transform\n    with: {n: '${{ item.id }}'}\n", "${{ steps.a.output[0].n + '!' }}", []),
        ("    uses: transform\n    with: {n: 1}\n", "${{ steps.a.output[0].n + '!' }}", ["wrong_expression"]),
        ("    tolerate: 1\n    uses: transform\n    with: {n: x}\n", "${{ steps.a.output[0].n }}",
         ["wrong_expression"]),
        ("    tolerate: 0%\n    uses: transform\n    with: {n: x}\n", "${{ steps.a.output[0].n }}", []),
        ("    steps:\n      b: {uses: transform, with: {n: 1}}\n", "${{ steps.a.output[0].b.n }}", []),
        ("    steps:\n      b: {uses: transform, with: {n: 1}}\n", "${{ steps.a.output[0].n }}", ["wrong_expression"]),
        ("    steps:\n      b: {uses: transform, with: {n: 1}}\n    output: '${{ steps.b.output.n }}'\n",
         "${{ steps.a.output[0] + 1 }}", []),
        ("    uses: transform\n    with: {n: 1}\n", "${{ steps.a.items[0].key + steps.a.items[0].status }}", []),
        ("    uses: transform\n    with: {n: 1}\n", "${{ steps.a.items[0].output.n }}", ["wrong_expression"]),
        ("    uses: transform\n    with: {n: '${{ item.name }}'}\n", "${{ 1 }}", ["wrong_expression"]),
    ],
)  # fmt: skip
def test_types_go_into_a_list_and_come_out_of_it(told, block, use, codes):
    definition, found = told(f'{LISTED}{block}  z: {{uses: transform, with: {{x: "{use}"}}}}\n')
    assert found == codes
    assert (definition is None) == bool(codes)


def test_a_plain_block_gives_its_steps_outputs_those_that_may_be_skipped_perhaps(told):
    text = (
        "inputs: {deep: boolean}\nsteps:\n  b:\n    steps:\n      one: {uses: transform, with: {n: 1}}\n"
        "      two: {uses: transform, when: '${{ inputs.deep }}', with: {n: 1}}\n"
        "outputs: {x: '${{ steps.b.output.one.n }}', y: '${{ USE }}'}\n"
    )
    assert told(text.replace("USE", "steps.b.output.two.n"))[1] == ["wrong_expression"]
    assert told(text.replace("USE", "coalesce(steps.b.output.two.n, 0)"))[1] == []


def test_names_of_steps_in_different_blocks_do_not_meet(plan):
    block = (
        "    steps:\n      x: {uses: transform, with: {n: 1}}\n      y: {uses: transform, needs: [x], with: {n: 1}}\n"
    )
    found = plan(f"steps:\n  a:\n{block}  b:\n{block}")
    assert found.step("a.y").needs == (Edge("a.x"),)
    assert found.step("b.y").needs == (Edge("b.x"),)


# Gates and forms --------------------------------------------------------------------------------------------------


def test_what_a_gate_offers_stands_in_its_plan(shown):
    gate = shown["publish_post"].plan.step("editorial").gate
    assert (gate.edit, gate.changes) == (("title", "body"), Changes("draft", 5))
    assert (gate.remind_before_due_ms, gate.escalate_after_due_ms) == ((3_600_000,), 0)
    assert (gate.escalate_to, gate.hours) == (("@content-leads",), "office")
    assert shown["publish_post"].plan.step("checks.dispute").gate.digest_ms == 15 * 60_000


def test_seats_add_up_to_a_quorum(shown):
    gate = shown["language"].plan.step("legal").gate
    assert gate.all_of == (Seats(("@legal",), 2), Seats(("@brand", "brand@example.com"), 1))
    assert (gate.approvers, gate.quorum) == (("@legal", "@brand", "brand@example.com"), 3)


def test_policies_are_asked_in_the_order_that_is_safe(shown):
    auto = shown["language"].plan.step("legal").with_["auto"]
    assert [one["verdict"] for one in auto] == ["reject", "approve"]
    assert auto[1] == {"verdict": "approve", "when": "${{ steps.sort.output.urgent }}", "comment": "Urgent"}


def test_approvers_from_data_are_a_template_among_named_ones(shown):
    step = shown["language"].plan.step("choose")
    assert step.with_["approvers"] == "${{ run.requester }}"
    assert (step.gate.approvers, step.gate.among) == ((), ("@support",))
    assert step.gate.choices == (Choice("refund"), Choice("replace", "Send another one"))


def test_rerun_names_the_step_beside_the_gate(plan):
    found = plan(
        "steps:\n  b:\n    steps:\n      d: {uses: transform, with: {t: '${{ review.comment }}'}}\n"
        "      g: {uses: approval, with: {question: Go?, show: '${{ steps.d.output }}', approvers: ['@e'], "
        "changes: {rerun: d}}}\n"
    )
    assert found.step("b.g").gate.changes == Changes("b.d", 3)


def test_a_form_asks_for_an_object(shown):
    gate = shown["language"].plan.step("details").gate
    assert gate.form["required"] == ["street", "day"]
    assert gate.form["properties"]["floor"] == {"type": "integer"}
    assert (gate.on_expiry, gate.requester_may_decide, gate.quorum) == ("continue", True, 1)


GATE = """
steps:
  g: {uses: approval, with: {question: Go?, approvers: ["@e"], MORE}}
  z: {uses: transform, with: {x: "USE"}}
"""


@pytest.mark.parametrize(
    ("more", "use", "sound"),
    [
        ("show: {t: x}", "${{ steps.g.output.verdict == 'rejected' }}", True),
        ("show: {t: x}", "${{ steps.g.output.verdict == 'reject' }}", False),
        ("show: {t: x}", "${{ steps.g.output.content.t + '!' }}", True),
        ("show: {t: x}", "${{ steps.g.output.content.u }}", False),
        ("choices: [a, b]", "${{ steps.g.output.choice == 'a' }}", True),
        ("choices: [a, b]", "${{ steps.g.output.choice == 'c' }}", False),
        ("choices: [a, b]", "${{ steps.g.output.verdict == 'chosen' }}", True),
        ("choices: [a, b], on_expiry: continue", "${{ steps.g.output.choice + '!' }}", False),
        ("on_expiry: continue", "${{ steps.g.output.by + '!' }}", False),
        ("on_expiry: reject", "${{ steps.g.output.by + '!' }}", True),
    ],
)
def test_the_answer_of_a_gate_has_the_type_of_what_it_offers(told, more, use, sound):
    assert told(GATE.replace("MORE", more).replace("USE", use))[1] == ([] if sound else ["wrong_expression"])


# The end, and the way back ----------------------------------------------------------------------------------------


def test_undo_stands_apart_with_policies_of_its_own(shown, plan):
    undo = shown["publish_post"].plan.undo
    assert [(step.name, step.uses, step.effect, step.needs) for step in undo] == [
        ("publish:undo", "http", "idempotent", ())
    ]
    found = plan(
        "steps:\n  a:\n    uses: command\n    with: {argv: [x]}\n"
        "    undo: {uses: command, retry: {attempts: 7}, timeout: 1m, with: {argv: [y]}}\n"
    )
    assert (found.step("a").effect, found.step("a").retry) == ("once", Retry(1))
    assert (found.undo[0].effect, found.undo[0].retry, found.undo[0].timeout_ms) == ("idempotent", Retry(7), 60_000)


def test_last_steps_need_only_each_other(shown):
    plan = shown["language"].plan
    last = [step for step in plan.steps if step.phase == "finally"]
    assert [(step.name, step.needs) for step in last] == [("report", ()), ("then", (Edge("report", "end"),))]


def test_outputs_after_an_early_success_may_be_missing(told):
    text = (
        "inputs: {n: integer}\nsteps:\n"
        "  a: {uses: transform, with: {x: 1}}\n  b: {uses: transform, needs: [a], with: {x: 1}}\n"
        "  s: {uses: stop, needs: [a], when: '${{ inputs.n > 1 }}', with: {outcome: OUTCOME}}\n"
        "outputs: {x: '${{ steps.NAME.output.x }}'}\n"
    )
    assert told(text.replace("OUTCOME", "succeeded").replace("NAME", "b"))[1] == ["wrong_expression"]
    assert told(text.replace("OUTCOME", "succeeded").replace("NAME", "a"))[1] == []
    assert told(text.replace("OUTCOME", "failed").replace("NAME", "b"))[1] == []


# Other kinds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("with_", "spec", "kept"),
    [
        ("{event: paid, timeout: 3d}", {"event": "paid", "on_timeout": "fail"}, {"for": "3d"}),
        ("{event: paid, for: 3d, on_timeout: continue}", {"event": "paid", "on_timeout": "continue"}, {"for": "3d"}),
        (
            "{event: {webhook: paid}, until: '2027-01-01T00:00:00Z'}",
            {"event": "paid", "webhook": "paid", "on_timeout": "fail"},
            {"until": "2027-01-01T00:00:00Z"},
        ),
        (
            "{event: {message: thread, matches: done}, for: 1h}",
            {"event": "message", "message": "thread", "matches": "done", "on_timeout": "fail"},
            {"for": "1h"},
        ),
        ("{for: 1h}", {}, {"for": "1h"}),
    ],
)
def test_a_wait_says_for_what_and_how_long(plan, with_, spec, kept):
    step = plan(f"steps:\n  a: {{uses: wait, with: {with_}}}\n").step("a")
    assert (step.spec, step.with_) == (spec, kept)


def test_polling_is_kept_apart_from_the_request(shown):
    step = shown["language"].plan.step("order")
    assert "poll" not in step.with_
    assert step.spec["poll"] == {
        "every": "5000ms",
        "until": "${{ response.body.state == 'done' }}",
        "timeout": "1800000ms",
        "url": "https://example.com/orders/1",
        "fail_when": "${{ response.status >= 500 }}",
    }


def test_what_must_hold_of_an_output_is_kept_as_written(shown):
    assert shown["publish_post"].plan.step("draft").ensure == (
        Ensure("${{ output.body.size() > 400 }}", "Write at least 400 characters"),
    )


CALLED = """
inputs: {topic: string, tone: {type: string, default: plain}}
steps:
  a: {uses: transform, with: {n: 1}}
outputs: {n: "${{ steps.a.output.n }}"}
"""


@pytest.mark.parametrize(
    ("with_", "use", "codes"),
    [
        ("{topic: x}", "${{ steps.c.output.n + 1 }}", []),
        ("{topic: x, tone: y}", "${{ steps.c.output.n + 1 }}", []),
        ("{}", "${{ 1 }}", ["missing_input"]),
        ("{topic: 3}", "${{ 1 }}", ["type_mismatch"]),
        ("{topic: x, color: y}", "${{ 1 }}", ["unknown_input"]),
        ("{topic: x}", "${{ steps.c.output.m }}", ["wrong_expression"]),
        ("{topic: x}", "${{ steps.c.output.n + 'x' }}", ["wrong_expression"]),
    ],
)
@pytest.mark.parametrize("name", ["a_before", "z_after"])  # whichever of the two files comes first
def test_a_called_workflow_is_held_to_its_inputs_and_outputs(told, name, with_, use, codes):
    step = f"  c: {{uses: workflow, call: other, with: {with_}}}\n"
    text = f'steps:\n{step}  z: {{uses: transform, with: {{x: "{use}"}}}}\n'
    definition, found = told(text, name=name, other=CALLED)
    assert found == codes
    assert definition is None or definition.plan.step("c").spec == {"call": "other"}


def test_workflows_that_call_each_other_are_read_all_the_same(told):
    call = "inputs: {n: integer}\nsteps:\n  c: {uses: workflow, call: OTHER, with: {n: '${{ inputs.n - 1 }}'}}\n"
    definition, codes = told(call.replace("OTHER", "other"), other=call.replace("OTHER", "w"))
    assert codes == []
    assert definition.plan.step("c").spec == {"call": "other"}


def test_a_file_that_is_checked_alone_knows_the_workflows_beside_it(tmp_path):
    (tmp_path / "other.yaml").write_text(f"workflow: other\n{CALLED}")
    (tmp_path / "w.yaml").write_text("workflow: w\nsteps:\n  c: {uses: workflow, call: other, with: {topci: x}}\n")
    loaded = load([tmp_path / "w.yaml"])
    assert [problem.code for problem in loaded.problems] == ["unknown_input"]
    assert len(loaded.files) == 1


# The file as a whole ----------------------------------------------------------------------------------------------


def test_limits_of_runs_are_part_of_the_plan(shown):
    plan = shown["language"].plan
    assert plan.concurrency == Concurrency(2, "${{ inputs.team }}", "cancel_oldest")
    assert plan.budget == Budget(1.5, 200_000)
    assert (plan.items_max, plan.rate, plan.dedupe) == (500, StartRate(30, 3_600_000), "${{ inputs.ticket }}")


def test_defaults_of_a_kind_hold_where_a_step_says_nothing(shown):
    plan = shown["language"].plan
    sort, order, legal, choose = (plan.step(name) for name in ("sort", "order", "legal", "choose"))
    assert sort.retry == Retry(2, 1_000, 10_000)
    assert sort.attempt_timeout_ms == 90_000
    assert (order.timeout_ms, order.on_failure) == (600_000, "continue")
    assert (legal.gate.due_ms, choose.gate.due_ms) == (3_600_000, 7_200_000)
    assert legal.gate.hours == choose.gate.hours == "office"
    assert choose.gate.remind_after_due_ms == (3_600_000,)
    assert plan.step("details").gate.hours == ""


def test_triggers_follow_the_newest_file_and_are_no_behaviour(shown, told):
    triggers = shown["publish_post"].workflow.triggers
    assert triggers == (
        Schedule("weekly", "0 9 * * 1", "Europe/Berlin", "skip", "latest", {"topic": "This week"}),
        Webhook("cms_idea", "hmac_sha256", "cms", "${{ event.body.id }}", {"topic": "${{ event.body.title }}"}),
        Shortcut("Write a post about this", {"topic": "${{ event.message.text }}"}),
    )
    assert isinstance(shown["language"].workflow.triggers[0], MessageTrigger)
    assert shown["publish_post"].workflow.keep_content_ms == 90 * 86_400_000
    steps = "steps:\n  a: {uses: transform, with: {x: 1}}\n"
    plain, scheduled = told(steps)[0], told(f"on: [{{schedule: d, cron: '@daily'}}]\nkeep: {{content: 1d}}\n{steps}")[0]
    assert scheduled.plan.version == plain.plan.version
    assert scheduled.workflow.triggers == (Schedule("d", "0 0 * * *"),)


def test_a_file_is_an_object_whose_fields_can_be_read_and_which_goes_on_whole(told):
    text = (
        "inputs: {f: file}\nsteps:\n  a: {uses: transform, with: {x: '${{ inputs.f.name + inputs.f.media_type }}'}}\n"
        "  b: {uses: http, with: {method: PUT, url: 'https://e.com', body: '${{ inputs.f }}'}}\n"
        "  c: {uses: command, with: {argv: [wc], stdin: '${{ inputs.f }}'}}\n"
    )
    definition, codes = told(text)
    assert codes == []
    assert definition.plan.inputs["f"]["x-file"] is True


# Versions ---------------------------------------------------------------------------------------------------------


def test_every_noun_survives_the_codec(shown):
    for definition in shown.values():
        assert read_back(Plan, dump(definition.plan)) == definition.plan
        assert read_back(Workflow, dump(definition.workflow)) == definition.workflow


def test_the_version_leaves_out_what_equals_its_default(shown):
    plan = shown["publish_post"].plan
    assert version_of(replace(plan, version="")) == plan.version
    assert version_of(replace(plan, budget=None)) != plan.version
    step = replace(plan.steps[0], title="Another title")
    assert version_of(replace(plan, steps=(step, *plan.steps[1:]))) == plan.version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tolerate: 10%", "tolerate: 10"),
        ("concurrency: 2\n", "concurrency: 3\n"),
        ("key: ${{ row.id }}\n    ", ""),
        ("rate: 30/h", "rate: 31/h"),
        ("when_full: cancel_oldest", "when_full: queue"),
        ("usd: 1.5", "usd: 1.6"),
        ("dedupe: ${{ inputs.ticket }}", "dedupe: ${{ inputs.team }}"),
        ("label: Send another one", "label: Send one"),
        ("remind_before_due: 10m", "remind_before_due: 11m"),
        ("[echo, no,", "[echo, not,"),
        ('text: "Reported."', 'text: "Done."'),
        ("every: 5s", "every: 6s"),
        ("floor: integer?", "floor: integer"),
        ("changes: {rerun: sort}", "changes: {rerun: sort, rounds: 4}"),
        ("attempt_timeout: 90s", "attempt_timeout: 91s"),
        ('matches: "^done"', 'matches: "^over"'),
    ],
)
def test_the_version_follows_every_word_of_the_language(tmp_path, shown, old, new):
    text = (DESIGN / "language.yaml").read_text()
    assert old in text
    for file in ("claims.py", "publish_post.yaml"):
        (tmp_path / file).write_text((DESIGN / file).read_text())
    (tmp_path / "language.yaml").write_text(text.replace(old, new))
    loaded = load([tmp_path / "language.yaml"], surroundings=AROUND)
    assert [problem.render() for problem in loaded.problems if problem.severity == "error"] == []
    assert loaded.definitions["language"].plan.version != shown["language"].plan.version
