"""route_ticket and the run that it starts, and every turn that they may take: on a real engine."""

from __future__ import annotations

import pytest

from engine.rules.commands import Refusal
from store.model import Content, RunStatus, Shortcut, Webhook
from tests.support.meadow import HOUR, LENA, OMAR, RAVI, meadow, read

pytestmark = pytest.mark.anyio

TWICE = {"subject": "Refund", "message": "You charged me twice"}
OWN = "Dear Inger, the second payment is on its way back. Omar"


def shelf(house):
    return [(one["state"], one["subject"], one["text"]) for one in reversed(house.site.tickets.all())]


async def test_what_the_help_pages_answer_is_answered_at_once(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        started = await house.start("route_ticket", subject="My parcel", message="Where is my parcel?")
        run = await house.ended(started)
        url = f"{house.site.url}/tickets/1"
        assert house.outputs(run) == {"queue": "orders", "url": url, "answered_by": "nobody", "state": "closed"}
        ((state, _, text),) = shelf(house)
        assert (state, "begins with MP" in text) == ("answered", True)
        (prompt,) = house.asked("Answer this message")
        assert "# parcels\nEvery parcel has a number" in prompt
        assert {run.steps[key].status for key in ("take_over", "own_words", "escalation", "reply", "reopen")} == {
            "skipped"
        }


async def hard(house):
    """A ticket about money that waits for support."""
    run = await house.asks(await house.start("route_ticket", **TWICE), "take_over")
    assert shelf(house) == []
    return run


async def test_support_sends_the_draft_and_the_reader_is_content(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await hard(house)
        shown = house.value(run.steps["take_over"].gate.shown)
        assert (shown["queue"], "five working days" in shown["draft"]) == ("billing", True)
        assert await house.decide(run, "take_over", LENA, "choose", choice="send") is Refusal.ACTOR_NOT_APPROVER
        assert await house.decide(run, "take_over", OMAR, "choose", choice="shred") is Refusal.CHOICE_UNKNOWN
        assert await house.decide(run, "take_over", OMAR, "choose", choice="send") is None
        run = await house.waits(run, "reply")
        assert shelf(house) == [("answered", "Refund", shown["draft"])]
        await house.happens(run, "reader_replied", {"content": True, "text": "Thank you!"})
        outputs = house.outputs(await house.ended(run))
        assert (outputs["answered_by"], outputs["state"]) == ("send", "closed")


async def test_a_reader_who_is_not_content_opens_it_again(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await hard(house)
        assert await house.decide(run, "take_over", OMAR, "choose", choice="send") is None
        await house.waits(run, "reply")
        await house.happens(run, "reader_replied", {"content": False, "text": "That is what you said last week."})
        assert house.outputs(await house.ended(run))["state"] == "open"
        assert shelf(house)[1] == ("open", "Again: Refund", "That is what you said last week.")


async def test_a_reader_who_says_nothing_for_three_days_is_taken_to_be_content(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await hard(house)
        assert await house.decide(run, "take_over", OMAR, "choose", choice="send") is None
        await house.waits(run, "reply")
        house.clock.leap(72 * HOUR + 1_000)
        run = await house.ended(run)
        assert house.output(run, "reply")["timed_out"] is True
        assert house.outputs(run)["state"] == "closed"
        assert len(shelf(house)) == 1


async def test_support_writes_the_answer_itself(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await hard(house)
        assert await house.decide(run, "take_over", RAVI, "choose", choice="rewrite") is None
        run = await house.asks(run, "own_words")
        short = Content({"text": "No."})
        assert await house.decide(run, "own_words", OMAR, "answer", content=short) is Refusal.CONTENT_INVALID
        assert await house.decide(run, "own_words", OMAR, "answer", content=Content({"text": OWN})) is None
        run = await house.waits(run, "reply")
        assert shelf(house) == [("answered", "Refund", OWN)]


@pytest.mark.parametrize("asked", ["by support", "by nobody in a day"])
async def test_the_leads_are_asked_in_a_run_of_their_own(tmp_path, monkeypatch, asked):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await hard(house)
        if asked == "by support":
            assert await house.decide(run, "take_over", OMAR, "choose", choice="escalate") is None
        else:
            house.clock.leap(24 * HOUR + 1_000)
        child = await house.child(run, "escalation")
        child = await house.asks(child, "advice")
        assert (child.workflow, child.requester) == ("escalate_ticket", run.requester)
        assert shelf(house) == [("open", "Refund", TWICE["message"])]
        assert "five working days" in house.value(child.steps["advice"].gate.shown)["draft"]
        assert await house.decide(child, "advice", OMAR, "answer", content=Content({})) is Refusal.ACTOR_NOT_APPROVER
        advice = Content({"text": "Give it back today, with our apologies.", "refund": True})
        assert await house.decide(child, "advice", LENA, "answer", content=advice) is None
        run = await house.waits(run, "reply")
        assert house.output(run, "escalation")["refund"] is True
        assert shelf(house)[1] == ("answered", "Refund", "Give it back today, with our apologies.")
        await house.happens(run, "reader_replied", {"content": True})
        assert house.outputs(await house.ended(run))["answered_by"] == "escalate"


async def test_leads_who_never_answer_fail_the_ticket(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await hard(house)
        assert await house.decide(run, "take_over", OMAR, "choose", choice="escalate") is None
        await house.asks(await house.child(run, "escalation"), "advice")
        house.clock.leap(48 * HOUR + 1_000)
        run = await house.ended(run)
        assert run.status is RunStatus.FAILED
        assert run.steps["send"].status == "cancelled"


async def test_a_model_that_names_a_page_that_is_not_there_is_asked_again(tmp_path, monkeypatch):
    text = "Your parcel is on its way. The Meadow Press desk"
    answers = [
        {"json": {"text": text, "pages": ["refunds-for-friends"]}},
        {"json": {"text": text, "pages": ["parcels"]}},
    ]
    recording = {"contains": "Answer this message", "answers": answers}
    async with meadow(tmp_path, monkeypatch, recordings=[recording]) as house:
        run = await house.start("route_ticket", subject="My parcel", message="Where is my parcel?")
        await house.failed_once(run, "answer")
        run = await house.ended(run)
        assert house.output(run, "answer")["pages"] == ["parcels"]
        assert "Name only help pages that stand above." in house.asked("Answer this message")[-1]


def test_mail_starts_it_once_when_it_is_signed():
    (trigger, shortcut) = read().definitions["route_ticket"].workflow.triggers
    assert isinstance(trigger, Webhook)
    assert isinstance(shortcut, Shortcut)
    assert (trigger.name, trigger.verify, trigger.secret) == ("mail", "hmac_sha256", "desk")
    assert trigger.dedupe == "${{ event.body.id }}"
