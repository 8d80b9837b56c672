"""Every state, refusal and fault has its sentence, and the sentences read well."""

from __future__ import annotations

import re
import string
from dataclasses import replace

import pytest

import engine.faults
from bot.wording import (
    EXPIRY_EFFECTS,
    EXPIRY_OUTCOMES,
    GATE_STATES,
    HINTS,
    REFUSALS,
    RUN_STATES,
    STEP_STATES,
    WHY_NOT_MEMBER,
    Circumstances,
    ago,
    counted,
    fault_text,
    length,
    listed,
    moment,
    refusal_text,
    size_text,
    titled,
    without_answer,
)
from engine.rules.commands import Refusal
from store.model import Failure, GateState, RunStatus, StepStatus

MINUTE = 60_000


def test_every_state_has_words() -> None:
    assert set(RUN_STATES) == set(RunStatus)
    assert set(STEP_STATES) == set(StepStatus)
    assert set(GATE_STATES) == set(GateState)
    assert set(EXPIRY_EFFECTS) == set(EXPIRY_OUTCOMES) == {"reject", "approve", "fail", "continue"}


@pytest.mark.parametrize("table", [RUN_STATES, STEP_STATES, GATE_STATES])
def test_the_words_of_two_states_differ(table: dict[object, str]) -> None:
    assert len(set(table.values())) == len(table)


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_has_one_whole_sentence(refusal: Refusal) -> None:
    said = refusal_text(refusal)
    assert said[0].isupper() or said.startswith("this")
    assert "{" not in said
    assert re.search(r"[.\w\"]$", said)
    assert "  " not in said


def test_no_sentence_has_a_placeholder_that_nobody_fills() -> None:
    known = {"run", "gate", "step", "steps", "verdict", "by", "since", "approvers", "link", "because"}
    for refusal, sentence in REFUSALS.items():
        used = {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
        assert used <= known, refusal


def test_a_late_click_is_told_who_was_first_and_when() -> None:
    about = Circumstances(verdict="approved", by="<@U0RAVI>", ago_ms=12_000)
    said = refusal_text(Refusal.ALREADY_DECIDED, about)
    assert said == "Already approved by <@U0RAVI> 12 s ago. Nothing more to do."


def test_a_stranger_is_told_who_may_decide() -> None:
    about = Circumstances(gate="G-41", approvers="@editors")
    assert refusal_text(Refusal.ACTOR_NOT_APPROVER, about) == "Only @editors may decide G-41. Nothing was changed."


def test_a_guest_is_told_the_reason() -> None:
    said = refusal_text(Refusal.ACTOR_NOT_MEMBER, Circumstances(why_not="guest"))
    assert said == "Only members of this organisation may do that: you are a guest here. Nothing was changed."
    assert set(WHY_NOT_MEMBER) == {"guest", "bot", "deleted", "outsider", "unknown", "unverifiable"}


def test_an_old_version_points_to_the_newest() -> None:
    said = refusal_text(Refusal.GATE_SUPERSEDED, Circumstances(gate="G-41", link="<https://x.example|v2>"))
    assert "newest one: <https://x.example|v2>." in said


def test_braces_in_what_people_wrote_are_not_read_as_placeholders() -> None:
    assert "{run}" in refusal_text(Refusal.ACTOR_NOT_APPROVER, Circumstances(approvers="{run}"))


def test_every_fault_that_activities_name_has_a_hint() -> None:
    listing = (engine.faults.__doc__ or "").partition("Codes of ActivityFault")[2]
    codes = set(re.findall(r"\b[a-z]+_[a-z_]+\b|\btimeout\b", listing)) - {"python_exit"} | {"python_exit"}
    assert codes
    assert codes <= set(HINTS), sorted(codes - set(HINTS))


def test_a_fault_keeps_its_own_hint() -> None:
    text = fault_text(Failure("timeout", "It took\nmore than 2 min", hint="Ask for less"))
    assert text.sentence == "It took more than 2 min."
    assert text.hint == "Ask for less"
    assert fault_text(Failure("timeout", "Late")).hint == HINTS["timeout"]
    assert fault_text(Failure("strange_code", " ")).sentence == "It failed (strange_code)."


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "under 1 s"),
        (12_000, "12 s"),
        (MINUTE, "1 min"),
        (MINUTE + 5_000, "1 min 5 s"),
        (191 * MINUTE, "3 h 11 min"),
        (24 * 60 * MINUTE, "1 day"),
        (52 * 60 * MINUTE, "2 days 4 h"),
    ],
)
def test_lengths_are_said_as_people_say_them(ms: int, said: str) -> None:
    assert length(ms) == said


def test_small_words() -> None:
    assert ago(1_000) == "just now"
    assert ago(12_000) == "12 s ago"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b"], "or") == "a or b"
    assert counted(1, "step") == "1 step"
    assert counted(1_200, "step") == "1,200 steps"
    assert titled("fact_check") == "Fact check"
    assert titled("url") == "URL"
    assert titled("x", "Own title") == "Own title"
    assert size_text(8_192) == "8 kB"
    assert size_text(2_400_000) == "2.4 MB"
    assert moment(1_763_800_000_000) == "22 Nov 2025, 08:26 UTC"


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("http_status", 503, "The other end is down; run it again when it answers."),
        ("http_status", 500, "The other end is down; run it again when it answers."),
        ("http_status", 429, "The other end has too much to do; run it again later."),
        ("http_status", 422, "Correct what it complains about"),
        ("http_status", 501, "Correct what it complains about"),
        ("http_connection", None, "is down or cannot be reached from here; run it again when it answers."),
    ],
)
def test_who_has_to_do_something_about_a_failed_request_is_told(code: str, status: int | None, told: str) -> None:
    hint = fault_text(Failure(code, "No", detail={"status": status, "body": "{}"})).hint
    assert told in hint
    assert "history" not in hint


def test_an_answer_that_is_shown_beside_a_failure_is_not_repeated_in_its_sentence() -> None:
    failed = Failure("http_status", 'POST x answered 503: {"a": 1}', detail={"status": 503, "body": '{"a": 1}'})
    assert fault_text(without_answer(failed)).sentence == "POST x answered 503."
    assert without_answer(replace(failed, detail=None)).message == 'POST x answered 503: {"a": 1}'
    assert without_answer(replace(failed, detail={"body": ""})).message == 'POST x answered 503: {"a": 1}'
    command = Failure("command_failed", "sort ended with 2: no such file", detail={"stderr": "help\nno such file"})
    assert fault_text(without_answer(command)).sentence == "sort ended with 2."
