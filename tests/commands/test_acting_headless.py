"""Acting on runs without a service: sent back, answered, done again, held, told what happened, switched off."""

import json

import pytest

from tests.support.console import Console

REVIEWED = """\
workflow: reviewed
title: Look at a text
inputs:
  topic: {type: string, default: ink}
steps:
  draft: {uses: transform, with: {text: "About ${{ inputs.topic }}, round ${{ review.round }}"}}
  look:
    uses: approval
    with:
      question: "Good?"
      show: "${{ steps.draft.output }}"
      approvers: ["@editors"]
      changes: {rerun: draft, rounds: 2}
outputs: {text: "${{ steps.draft.output.text }}"}
"""
CHOICE = """\
workflow: choice
title: Choose
steps:
  pick:
    uses: approval
    with: {question: "Which?", approvers: ["@editors"], choices: [red, green]}
outputs: {picked: "${{ steps.pick.output.choice }}"}
"""
FORM = """\
workflow: survey
title: Ask
steps:
  ask:
    uses: form
    with:
      question: "How much?"
      approvers: ["@editors"]
      fields: {amount: {type: integer, minimum: 1}, note: {type: string, optional: true}}
outputs: {amount: "${{ steps.ask.output.content.amount }}"}
"""
BROKEN = """\
workflow: broken
title: Fail until the flag is there
inputs:
  flag: {type: string, default: missing}
steps:
  fine: {uses: transform, with: {done: true}}
  fails:
    uses: command
    needs: [fine]
    with: {argv: [test, -e, "${{ inputs.flag }}"]}
    effect: idempotent
    retry: {attempts: 1}
"""
SENDING = """\
workflow: sending
title: Send once
steps:
  send: {uses: command, with: {argv: [sh, -c, "echo sent >> sent.txt"]}, effect: once}
  fails: {uses: command, needs: [send], with: {argv: ["false"]}, effect: idempotent, retry: {attempts: 1}}
"""
HEARING = """\
workflow: hearing
title: Wait for the money
steps:
  paid: {uses: wait, with: {event: paid, timeout: 30d}}
outputs: {sum: "${{ steps.paid.output.data }}"}
"""


@pytest.fixture
def console(tmp_path):
    folder = tmp_path / "workflows"
    folder.mkdir()
    for text in (REVIEWED, CHOICE, FORM, BROKEN, SENDING, HEARING):
        (folder / f"{text.split()[1]}.yaml").write_text(text)
    return Console(tmp_path)


def begun(console, workflow, *words):
    ended = console.run("run", workflow, *words, "--json")
    assert ended.code == 0, ended
    return ended.json["name"]


def test_changes_send_a_run_back_for_another_round_and_are_on_record(console):
    name = begun(console, "reviewed")
    refused = console.run("changes", name, "look", "Say more")
    assert (refused.code, "--override" in refused.err) == (1, True), refused
    sent = console.run("changes", name, "look", "Say more", "--override", "Editors are away", "--json")
    assert sent.code == 0, sent
    assert sent.json["steps"]["draft"]["output"] == {"text": "About ink, round 2"}
    assert (sent.json["status"], sent.json["waiting_for"]) == ("running", ["look"])
    (back,) = [one["data"] for one in console.run("history", name, "--json").json if one["event"] == "StepsReset"]
    assert back["review"]["comment"] == "Say more"
    console.run("changes", name, "look", "More", "--override", "x")
    ended = console.run("changes", name, "look", "Even more", "--override", "x")
    assert (ended.code, "as often as the workflow allows" in ended.err) == (1, True), ended


def test_a_choice_is_made_and_another_word_is_told_what_there_is(console):
    name = begun(console, "choice")
    wrong = console.run("answer", name, "pick", "blue", "--override", "x")
    assert wrong.code == 1, wrong
    assert "red|green" in wrong.err
    assert console.run("approve", name, "pick", "--override", "x").code == 1
    done = console.run("answer", name, "pick", "green", "--override", "Nobody is there", "--json")
    assert (done.code, done.json["outputs"]) == (0, {"picked": "green"}), done


def test_a_form_is_answered_with_types_and_every_wrong_field_is_named(console):
    name = begun(console, "survey")
    wrong = console.run("answer", name, "ask", "amuont=3", "--override", "x", "--json")
    assert wrong.code == 2, wrong
    assert {one["name"] for one in wrong.json["error"]["problems"]} == {"amuont", "amount"}
    assert "Did you mean `amount`?" in wrong.json["error"]["hint"]
    assert console.run("answer", name, "ask", "amount=0", "--override", "x").code == 2
    assert "amount=…" in console.run("answer", name, "ask", "red", "--override", "x").err
    done = console.run("answer", name, "ask", "amount=3", "--override", "Nobody is there", "--json")
    assert (done.code, done.json["outputs"]) == (0, {"amount": 3}), done


def test_a_step_that_is_not_there_is_wrong_use_for_every_answer(console):
    name = begun(console, "choice")
    for words in (["changes", name, "pikc", "x"], ["answer", name, "pikc", "red"], ["answer", name, "pikc", "a=b"]):
        ended = console.run(*words, "--override", "x")
        assert (ended.code, "Did you mean pick?" in ended.err) == (2, True), ended


def test_what_failed_is_done_again_and_what_was_finished_is_kept(console):
    name = begun(console, "broken")
    again = console.run("retry", name, "--json")
    assert (again.code, again.json["redone"], again.json["status"]) == (0, ["fails"], "failed"), again
    (console.folder / "flag").touch()
    done = console.run("retry", name, f"flag={console.folder / 'flag'}", "--reason", "It is there", "--json")
    assert (done.code, done.json["redone"], done.json["status"]) == (0, ["fails"], "succeeded"), done
    assert done.json["inputs"] == {"flag": str(console.folder / "flag")}
    assert (done.json["steps"]["fine"]["attempts"], done.json["steps"]["fails"]["attempts"]) == (1, 3)
    well = console.run("retry", name)
    assert (well.code, "--from STEP" in well.err) == (1, True), well
    more = console.run("retry", name, "--from", "fine")
    assert "Done again: fine, fails." in more.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--from", "fals"], 2, "Did you mean fails?"),
        (["flga=x"], 2, "Did you mean `flag`?"),
        (["flag"], 2, "key=value"),
        (["--version", "3"], 2, "--version latest"),
    ],
)
def test_a_retry_that_is_not_understood_changes_nothing_and_says_what_to_write(console, words, code, says):
    name = begun(console, "broken")
    before = len(console.run("history", name, "--json").json)
    ended = console.run("retry", name, *words)
    assert (ended.code, says in ended.err) == (code, True), ended
    assert len(console.run("history", name, "--json").json) == before


def test_what_must_not_happen_twice_is_named_and_asked_about(console):
    name = begun(console, "sending")
    assert console.run("retry", name).code == 0  # what was sent is kept
    refused = console.run("retry", name, "--from", "send", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (1, "once_would_repeat"), refused
    assert "send" in refused.json["error"]["message"]
    assert "--confirm" in refused.json["error"]["hint"]
    assert (console.folder / "workflows" / "sent.txt").read_text().split() == ["sent"]
    again = console.run("retry", name, "--from", "send", "--confirm", "--json")
    assert again.json["redone"] == ["send", "fails"], again
    assert (console.folder / "workflows" / "sent.txt").read_text().split() == ["sent", "sent"]


def test_a_run_goes_on_by_the_newest_version(console):
    name = begun(console, "broken")
    path = console.folder / "workflows" / "broken.yaml"
    path.write_text(BROKEN.replace("[test, -e,", "[test, -n,"))
    assert console.run("retry", name, "--json").json["status"] == "failed"
    done = console.run("retry", name, "--version", "latest", "--json")
    assert (done.json["status"], done.json["version_number"]) == ("succeeded", 2), done


def test_a_run_that_has_not_ended_is_not_retried(console):
    name = begun(console, "choice")
    ended = console.run("retry", name, "--json")
    assert (ended.code, ended.json["error"]["code"]) == (1, "run_not_finished")


def test_a_paused_run_says_why_and_goes_on_when_it_is_resumed(console):
    name = begun(console, "choice")
    held = console.run("pause", name, "The colours are wrong", "--json")
    assert (held.code, held.json["status"], held.json["reason"]) == (0, "paused", "The colours are wrong"), held
    assert console.run("pause", name).code == 1
    assert console.run("resume", name, "--json").json["status"] == "running"
    assert console.run("answer", name, "pick", "red", "--override", "x", "--json").json["status"] == "succeeded"
    assert console.run("pause", name).code == 1


@pytest.mark.parametrize(
    ("words", "came"),
    [(["sum=7", "by=Ada"], {"sum": "7", "by": "Ada"}), (["--data", '{"sum": 7}'], {"sum": 7}), ([], None)],
)
def test_what_happened_reaches_the_step_that_waits_for_it(console, words, came):
    name = begun(console, "hearing")
    ended = console.run("signal", name, "paid", *words, "--json")
    assert (ended.code, ended.json["outputs"]) == (0, {"sum": came}), ended
    assert console.run("signal", name, "paid").code == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [(["piad"], "Did you mean paid?"), (["paid", "--data", "{"], "JSON"), (["paid", "a=b", "--data", "1"], "one of")],
)
def test_a_signal_that_is_not_understood_says_what_to_write(console, words, says):
    name = begun(console, "hearing")
    ended = console.run("signal", name, *words)
    assert (ended.code, says in ended.err) == (2, True), ended


def test_a_workflow_that_is_switched_off_starts_nothing_and_says_who_did_it(console):
    off = console.run("disable", "choice", "The CMS is down", "--json")
    assert off.code == 0, off
    assert off.json["disabled"].endswith(": The CMS is down")
    ended = console.run("run", "choice")
    assert ended.code == 1, ended
    assert "choice is switched off" in ended.err
    assert "The CMS is down" in ended.err
    assert "pointsman enable choice" in ended.err
    assert "switched off" in console.run("list").out
    assert {one["name"]: bool(one["disabled"]) for one in console.run("list", "--json").json}["choice"] is True
    assert console.run("run", "survey").code == 0
    assert console.run("enable", "choice", "--json").json["was_disabled"] is True
    assert console.run("enable", "choice", "--json").json["was_disabled"] is False
    assert console.run("run", "choice").code == 0


def test_a_workflow_that_is_not_there_cannot_be_switched(console):
    for verb in ("disable", "enable"):
        ended = console.run(verb, "chioce")
        assert (ended.code, "Did you mean choice?" in ended.err) == (2, True), ended


def test_no_step_begins_while_its_workflow_is_switched_off(console):
    name = begun(console, "reviewed")
    console.run("disable", "reviewed")
    sent = console.run("changes", name, "look", "Say more", "--override", "x", "--json")
    assert json.dumps(sent.json["steps"]["draft"]["status"]) == '"ready"', sent
