"""What authors type: new, test, graph, run --dry-run, and what a check can tell beyond soundness."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest
from anyio import to_thread

from bot.sandbox.server import Sandbox
from engine.definitions.source import read
from tests.support.console import Console, free_port

FLOW = """\
workflow: order_books
inputs:
  title: {type: string, maxLength: 60}
  copies: {type: integer, minimum: 1, default: 1}
  pin: {type: string, sensitive: true, optional: true}
  list: {type: file, optional: true}
dedupe: ${{ inputs.title }}
settings: {shop: {type: string, default: "https://shop.example"}}
steps:
  price: {uses: transform, with: {total: "${{ inputs.copies * 20 }}"}, output: {total: integer}}
  agree:
    uses: approval
    when: ${{ steps.price.output.total > 100 }}
    with:
      question: Spend ${{ steps.price.output.total }} on ${{ inputs.title }}?
      show: {title: "${{ inputs.title }}", total: "${{ steps.price.output.total }}"}
      approvers: ["@editors"]
      due: 4h
      expires: 2d
  order:
    uses: http
    after: [agree]
    with:
      method: POST
      url: ${{ settings.shop }}/orders
      json: {title: "${{ inputs.title }}", pin: "${{ coalesce(inputs.pin, '') }}"}
    output: {id: string}
    undo:
      uses: http
      with: {method: DELETE, url: "https://shop.example/orders/${{ coalesce(steps.order.output.id, inputs.title) }}"}
  stamp: {uses: transform, with: {text: "Order ${{ steps.order.output.id }} of ${{ inputs.copies }}"}}
  celebrate:
    when: ${{ inputs.copies > 10 }}
    steps:
      cake: {uses: transform, with: {candles: "${{ inputs.copies }}"}}
outputs: {id: "${{ steps.order.output.id }}"}
"""


@pytest.fixture
def console(tmp_path):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "order_books.yaml").write_text(FLOW)
    return Console(tmp_path, POINTSMAN_WORKFLOWS="flows", POINTSMAN_DB="a.db")


# new -----------------------------------------------------------------------------------------------------------------


def test_a_new_workflow_is_sound_and_its_test_passes(tmp_path):
    console = Console(tmp_path, POINTSMAN_WORKFLOWS="flows")
    made = console.run("new", "buy_desk", "--json")
    assert made.json == {"workflow": "buy_desk", "files": ["flows/buy_desk.yaml", "flows/buy_desk.test.yaml"]}
    checked = console.run("check", "--json")
    assert (checked.code, checked.json["problems"]) == (0, [])
    tested = console.run("test", "--json")
    assert tested.code == 0, tested
    assert len(tested.json["cases"]) == 5
    assert all(one["passed"] for one in tested.json["cases"])
    assert console.run("run", "buy_desk", "what=A desk", "price=20", "--wait", "--json").json["status"] == "succeeded"


def test_a_new_workflow_overwrites_nothing(tmp_path):
    console = Console(tmp_path)
    assert console.run("new", "buy_desk", "--dir", "here").code == 0
    (tmp_path / "here" / "buy_desk.yaml").unlink()
    (tmp_path / "here" / "buy_desk.test.yaml").write_text("mine")
    refused = console.run("new", "buy_desk", "--dir", "here")
    assert (refused.code, "buy_desk.test.yaml is there already" in refused.err) == (2, True)
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["buy_desk.test.yaml"]
    assert (tmp_path / "here" / "buy_desk.test.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "said"), [("Buy-Desk", "Write `buy_desk`"), ("status", "is a command in Slack"), ("../x", "no name")]
)
def test_a_name_that_will_not_do_is_refused_with_a_better_one(tmp_path, name, said):
    refused = Console(tmp_path).run("new", name, "--dir", "here")
    assert (refused.code, said in refused.err) == (2, True), refused
    assert not (tmp_path / "here").exists()


# test ----------------------------------------------------------------------------------------------------------------

TEST = """\
workflow: order_books
all: {inputs: {title: Ink}, steps: {order: {output: {id: "7"}}}}
cases:
  a few: {expect: {status: succeeded, steps: {agree: skipped}}}
  many:
    inputs: {copies: 20}
    decide: [{step: agree, approve: true}]
    expect: {status: %s, outputs: {id: "7"}}
"""


def test_cases_that_fail_are_told_with_their_place_and_story(console):
    (console.folder / "flows" / "order_books.test.yaml").write_text(TEST % "failed")
    failed = console.run("test")
    assert failed.code == 1
    assert "✓ flows/order_books.test.yaml: a few" in failed.out
    assert "✗ flows/order_books.test.yaml:5: many" in failed.out
    assert 'order_books.test.yaml:8:22: expect.status: expected "failed", found "succeeded"' in failed.out
    assert "What happened:" in failed.out
    assert "agree: asks @editors: Spend 400 on Ink?" in failed.out
    assert "2 cases: 1 failed." in failed.err
    told = console.run("test", "flows/order_books.yaml", "--json")
    assert (told.code, [one["passed"] for one in told.json["cases"]]) == (1, [True, False])
    assert told.json["cases"][1]["failures"][0]["path"] == "expect.status"
    assert not (console.folder / "a.db").exists()


def test_a_test_is_found_by_the_name_of_its_workflow(console):
    (console.folder / "flows" / "order_books.test.yaml").write_text(TEST % "succeeded")
    assert console.run("test", "order_books").code == 0
    missing = console.run("test", "order_bokes")
    assert (missing.code, "order_bokes.test.yaml" in missing.err) == (2, True)
    empty = console.run("test", ".")
    assert (empty.code, "no test in the folder" in empty.err) == (2, True)


def test_a_slip_in_a_test_fails_it_before_anything_is_played(console):
    (console.folder / "flows" / "order_books.test.yaml").write_text(
        TEST.replace("steps: {agree", "stesp: {agree") % "failed"
    )
    slip = console.run("test", "--json")
    assert (slip.code, slip.json["cases"]) == (1, [])
    (problem,) = slip.json["problems"]
    assert (problem["line"], problem["column"], problem["hint"]) == (4, 39, "did you mean `steps`?")


def test_a_broken_workflow_fails_its_test_with_its_own_problem(console):
    (console.folder / "flows" / "order_books.test.yaml").write_text(TEST % "failed")
    (console.folder / "flows" / "order_books.yaml").write_text(FLOW.replace("uses: http", "uses: htpt", 1))
    broken = console.run("test", "--json")
    assert broken.code == 1
    assert {one["file"] for one in broken.json["problems"]} == {"flows/order_books.yaml"}


# graph ---------------------------------------------------------------------------------------------------------------


def test_a_workflow_is_drawn_as_text_svg_and_png(console):
    told = console.run("graph", "order_books")
    assert told.out.splitlines()[:2] == ["order_books", "├─ • price      transform"]
    for name, begins in (("a.svg", b"<svg "), ("a.png", b"\x89PNG"), ("a.txt", b"order_books")):
        assert console.run("graph", "flows/order_books.yaml", "-o", name).code == 0
        assert (console.folder / name).read_bytes().startswith(begins)
    assert console.run("graph", "order_books", "-o", "a.gif").code == 2
    assert "Did you mean order_books?" in console.run("graph", "order_bokes").err
    assert console.run("graph").code == 2


def test_a_run_is_drawn_as_far_as_it_has_come(console):
    started = console.run("run", "order_books", "title=Ink", "copies=20", "--wait", "--json")
    assert started.code == 3
    told = console.run("graph", "--run", started.json["name"])
    assert told.out.splitlines() == [
        f"{started.json['name']} · order_books · running",
        "├─ ✓ price      transform · succeeded",
        "├─ ‖ agree      asks @editors · waiting        after price",
        "├─ ○ order      http, can be undone · pending  after agree",
        "├─ ○ stamp      transform · pending            after order",
        "└─ ✓ celebrate  succeeded",
        "   └─ ✓ cake    transform · succeeded",
    ]
    assert console.run("graph", "--run", "R-000").code == 2


# run --dry-run -------------------------------------------------------------------------------------------------------


def test_a_dry_run_tells_what_would_be_done_and_does_none_of_it(console):
    (console.folder / "list.txt").write_text("one")
    told = console.run(
        "run", "order_books", "title=Ink", "copies=20", "pin=1234", "list=@list.txt", "--dry-run", "--json"
    )
    assert told.code == 0, told
    found = told.json
    assert found["inputs"] | {"list": None} == {"title": "Ink", "copies": 20, "pin": "•••", "list": None}
    assert found["inputs"]["list"]["size"] == 3
    assert found["dedupe_key"] == "Ink"
    steps = {one["step"]: one for one in found["steps"]}
    assert list(steps) == ["price", "agree", "order", "stamp", "celebrate", "celebrate.cake"]
    assert (steps["price"]["with"], steps["price"]["known"]) == ({"total": 400}, True)
    assert steps["agree"]["with"]["question"] == "Spend 400 on Ink?"
    assert steps["agree"]["gate"]["approvers"] == ["@editors"]
    assert steps["agree"]["happens"] == "yes"
    assert (steps["order"]["effect"], steps["order"]["undo"], steps["order"]["known"]) == ("once", True, False)
    assert steps["order"]["with"]["url"] == "https://shop.example/orders"
    assert steps["order"]["with"]["json"] == {"title": "Ink", "pin": "${{ coalesce(inputs.pin, '') }}"}
    assert steps["stamp"]["with"] == {"text": "Order ${{ steps.order.output.id }} of 20"}
    assert sorted(path.name for path in console.folder.iterdir()) == ["flows", "list.txt"]


def test_a_dry_run_tells_what_is_skipped_and_who_may_decide(console):
    few = console.run("run", "order_books", "title=Ink", "--dry-run").out
    assert "– agree  approval  skipped: its condition does not hold: ${{ steps.price.output.total > 100 }}" in few
    assert "– cake  transform  skipped: celebrate is skipped" in few
    many = console.run("run", "order_books", "title=Ink", "copies=6", "--dry-run").out
    assert "decided by 1 of @editors, not the requester, due in 4h; open for 2d, then: reject" in many
    assert "must not be repeated unseen; can be undone" in many


def test_a_dry_run_tells_policies_cards_and_values_in_words(console):
    (console.folder / "flows" / "look.yaml").write_text(LOOK)
    told = console.run("run", "look", "--dry-run").out
    assert "card: risks, name\n" in told
    assert "approves by itself: Nothing to see.\n" in told
    assert "rejects by itself" not in told
    lines = ["rows:", "  1:", "    of: a, b", "    by: none", "  2:", "    of: (empty)"]
    assert "\n".join(f"      {line}" for line in lines) in told
    assert not set('{}"[]') & set(told.replace("${{", "").replace("}}", ""))


LOOK = """
workflow: look
steps:
  read:
    uses: transform
    with: {name: Ink, risks: [], rows: [{of: [a, b], by: null}, {of: ""}]}
  agree:
    uses: approval
    with:
      question: Take it?
      show: ${{ steps.read.output }}
      card: {fields: [risks, name]}
      approvers: ["@editors"]
      auto:
        approve: {when: "${{ steps.read.output.risks.size() == 0 }}", comment: Nothing to see.}
        reject: {when: "${{ steps.read.output.risks.size() > 3 }}", comment: Too much of it.}
"""


def test_a_dry_run_refuses_what_a_run_would_refuse(console):
    assert console.run("run", "order_books", "copies=0", "--dry-run").code == 2
    assert "Did you mean order_books?" in console.run("run", "order_bokes", "--dry-run").err
    (console.folder / "flows" / "order_books.yaml").write_text("workflow: order_books\n")
    assert "pointsman check" in console.run("run", "order_books", "--dry-run").err


# check ---------------------------------------------------------------------------------------------------------------


def test_a_check_tells_which_open_runs_a_change_leaves_behind(console):
    fresh = console.run("check", "--impact", "--json").json["impact"]
    assert [(one["workflow"], one["change"], one["runs"]) for one in fresh] == [("order_books", "new", [])]
    run = console.run("run", "order_books", "title=Ink", "copies=20", "--wait", "--json").json
    assert console.run("check", "--impact").out == "Nothing changes, and no run is left behind.\n"
    path = console.folder / "flows" / "order_books.yaml"
    path.write_text(FLOW.replace("url: ${{ settings.shop }}/orders", "url: ${{ settings.shop }}/new-orders"))
    (told,) = console.run("check", "--impact", "--json").json["impact"]
    assert (told["change"], told["version_number"], told["steps"]["changed"]) == ("changed", 1, ["order"])
    (left,) = told["runs"]
    assert (left["name"], left["waits_at"], left["misses"]) == (run["name"], ["agree"], ["order"])
    words = console.run("check", "--impact").out
    assert "order_books is changed since v1: changes order." in words
    assert f"{run['name']} stays with v1 (running, waits at agree); it will not see the change of order." in words
    path.rename(console.folder / "kept.yaml")
    (console.folder / "flows" / "other.yaml").write_text(FLOW.replace("order_books", "other"))
    gone = {one["workflow"]: one for one in console.run("check", "--impact", "--json").json["impact"]}
    assert (gone["order_books"]["change"], len(gone["order_books"]["runs"])) == ("removed", 1)
    assert gone["other"]["change"] == "new"


def test_a_title_changes_no_behaviour_and_leaves_nobody_behind(console):
    console.run("run", "order_books", "title=Ink", "copies=20", "--wait")
    path = console.folder / "flows" / "order_books.yaml"
    path.write_text(FLOW.replace("inputs:", "title: Order some books\ninputs:", 1))
    (told,) = console.run("check", "--impact", "--json").json["impact"]
    assert (told["change"], told["runs"]) == ("unchanged", [])


def test_a_check_gives_editors_the_schemas_of_both_kinds_of_file(console):
    (console.folder / "flows" / "order_books.test.yaml").write_text(TEST % "succeeded")
    for kind, name in (("workflow", "order_books.yaml"), ("test", "order_books.test.yaml")):
        made = console.run("check", "--schema", kind)
        assert (made.code, made.err) == (0, "")
        validator = jsonschema_rs.validator_for(json.loads(made.out), offline=True)
        data = read(name, (console.folder / "flows" / name).read_bytes()).data
        assert [str(error) for error in validator.iter_errors(data)] == []
        assert not validator.is_valid(data | {"stesp": {}})


def test_online_asks_for_a_token_first(console):
    refused = console.run("check", "--online")
    assert (refused.code, "SLACK_BOT_TOKEN is not set" in refused.err) == (4, True)


@pytest.mark.anyio
async def test_online_asks_slack_for_everybody_who_is_named(console):
    path = console.folder / "flows" / "order_books.yaml"
    odd = 'owner: "@edtiors"\nchannel: "#nowhere"\ninputs:'
    path.write_text(FLOW.replace("inputs:", odd, 1))
    async with Sandbox().running() as sandbox:
        given = {"SLACK_BOT_TOKEN": sandbox.bot_token, "SLACK_API_URL": sandbox.api_url}
        checked = await to_thread.run_sync(lambda: console.run("check", "--online", "--json", **given))
        path.write_text(FLOW)
        good = await to_thread.run_sync(lambda: console.run("check", "--online", "--json", **given))
    problems = [(one["line"], one["column"], one["severity"], one["code"]) for one in checked.json["problems"]]
    assert problems == [(2, 9, "error", "unknown_reference"), (3, 11, "error", "unknown_reference")]
    assert "names @edtiors, but there is no such group" in checked.json["problems"][0]["message"]
    assert checked.code == 1
    assert (good.code, good.json["problems"]) == (0, [])


def test_online_tells_when_slack_cannot_be_asked(console):
    given = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_API_URL": f"http://127.0.0.1:{free_port()}/api/"}
    refused = console.run("check", "--online", **given)
    assert (refused.code, "Slack could not be asked" in refused.err) == (4, True)
