"""The same journeys without a browser, over real sockets: by Socket Mode, then by signed HTTP."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import anyio
import pytest

from store.events import DecisionMade, DecisionRefused
from store.model import RunStatus
from tests.support.service_with_sandbox import Card, ServedOffice

pytestmark = pytest.mark.anyio

ANSWERS = ["gate_approve", "gate_edit", "gate_changes", "gate_reject"]
BODY = "It is the quietest promise in publishing"
LOUD = "<!channel> & *bold* <@U0ADA>"
TYPED = "&lt;!channel&gt; &amp; *bold* &lt;@U0ADA&gt;"


async def test_a_post_goes_from_a_command_to_the_site(place: ServedOffice) -> None:
    run = await place.start("mina", 'publish_post topic="Why paper books last"')
    root = await place.root(run)
    await root.until("[x] Write a draft", "[~] Editorial review · Waiting for", "[ ] Check the claims")
    card = await place.card(run)
    assert card.actions == ANSWERS
    assert BODY in card.text
    await card.click("ada", "gate_approve")
    await card.until("*Approved* by <@U0ADA>", BODY)
    assert card.actions == []
    end = await place.end(run)
    assert "<@U0MINA> *Publish a blog post*: done" in end.text
    await root.until("[x] Write a draft", "[x] Editorial review", "[x] Check the claims", "[x] Put it online")
    assert root.actions == []
    ended = await place.ended(run)
    [post] = [one for one in place.site.posts.all() if ended.outputs.value["url"].endswith(f"/posts/{one['id']}")]
    assert post["title"] == "Why a book on good paper outlives its reader"
    assert place.sandbox.act_as("ada").warnings == []


async def test_a_rejection_needs_a_reason_and_its_author_reads_it(place: ServedOffice) -> None:
    run = await place.start("mina", "publish_post topic=Lighthouses", "#general")
    card, ada = await place.card(run, "#general"), place.sandbox.act_as("ada")
    form = await opened_form(place, card)
    refused = await ada.submit(form, {})
    assert refused.errors == {"reason": "Please complete this required field."}
    await ada.close(form)
    await place.all_answered()
    assert card.actions == ANSWERS
    assert await place.events(run, DecisionMade) == []
    outcome = await ada.submit(await opened_form(place, card), {"reason": {"reason": "We had two last week."}})
    assert outcome.closed
    await card.until("*Rejected* by <@U0ADA>: “We had two last week.”", "Lighthouses: what is worth knowing")
    assert card.actions == []
    end = await place.end(run, "#general")
    assert "<@U0MINA>" in end.text
    assert "We had two last week." in end.text
    assert (await place.ended(run)).status is RunStatus.REJECTED
    assert not [one for one in place.subjects() if one.startswith(f"alert:{run.id}")]


async def opened_form(place: ServedOffice, card: Card) -> str:
    """Ada presses Reject, and has the form before her."""
    ada = place.sandbox.act_as("ada")
    await card.click("ada", "gate_reject")
    await place.sandbox.until(lambda: ada.open_views)
    return str(ada.open_views[-1]["id"])


async def test_who_may_not_decide_is_told_so_in_private(place: ServedOffice) -> None:
    run = await place.start("mina", "publish_post topic=Bridges")
    card = await place.card(run)
    content = place.sandbox.workspace.channel("#content")
    place.sandbox.workspace.change_channel(content.id, members=content.members | {"U0OTTO"})
    said = {}
    for who in ("mina", "gus", "otto", "omar"):
        before = len(place.whispers(who))
        await card.click(who, "gate_approve")
        said[who] = await place.whispered(who, before + 1)
    assert "You started this run, so you may not decide" in said["mina"]
    assert "you are a guest here" in said["gus"]
    assert "you belong to another organisation" in said["otto"]
    assert "Only @editors may decide" in said["omar"]
    assert card.actions == ANSWERS
    assert [one.actor.id for one in await place.events(run, DecisionRefused)] == [
        "U0MINA", "U0GUS", "U0OTTO", "U0OMAR",
    ]  # fmt: skip
    assert await place.events(run, DecisionMade) == []


async def test_of_two_approvers_at_once_one_decides_and_the_other_learns_who(place: ServedOffice) -> None:
    run = await place.start("mina", "publish_post topic=Ferries", "#intake")
    card = await place.card(run, "#intake")
    before = {who: len(place.whispers(who)) for who in ("ada", "ravi")}
    async with anyio.create_task_group() as both:
        both.start_soon(card.click, "ada", "gate_approve")
        both.start_soon(card.click, "ravi", "gate_approve")
    said = {who: await place.whispered(who, before[who] + 1) for who in before}
    [made] = await place.events(run, DecisionMade)
    first, second = ("ada", "ravi") if made.actor.id == "U0ADA" else ("ravi", "ada")
    assert "You approved" in said[first]
    assert f"Already approved by <@{made.actor.id}>" in said[second]
    assert (await place.ended(run)).status is RunStatus.SUCCEEDED
    await (await place.end(run, "#intake")).until("*: done")


async def test_deliveries_that_come_twice_change_nothing(place: ServedOffice) -> None:
    before = len(await place.runs())
    place.sandbox.faults.add(method="slash_commands", kind="duplicate")
    run = await place.start("mina", "publish_post topic=Twins", "#support")
    place.sandbox.faults.add(method="interactive", kind="duplicate")
    card = await place.card(run, "#support")
    await card.click("lena", "gate_approve")
    assert (await place.ended(run)).status is RunStatus.SUCCEEDED
    await place.end(run, "#support")
    await place.all_answered()
    assert len(await place.runs()) == before + 1
    assert [one.actor.id for one in await place.events(run, DecisionMade)] == ["U0LENA"]
    assert await place.events(run, DecisionRefused) == []
    assert place.sandbox.faults.as_json() == []
    subjects = place.subjects()
    assert len(subjects) == len(set(subjects))


async def test_a_failure_is_told_where_failures_are_told(place: ServedOffice) -> None:
    run = await place.start("mina", "send_to_printer issue=2026-11 copies=300")
    alert = await place.found("#content-alerts", lambda one: run.name in one["text"])
    assert "*Send an issue to the printer* failed at *Order the print run*" in alert.text
    assert "503" in alert.text
    assert "after 3 attempts" in alert.text
    assert "<!subteam^S0LEADS>" in alert.text
    assert "<@U0MINA>" in (await place.end(run)).text
    await (await place.root(run)).until("[x] Make up the order", "[!] Order the print run")
    assert (await place.ended(run)).status is RunStatus.FAILED


async def test_status_is_told_in_the_thread_and_in_a_direct_message(place: ServedOffice) -> None:
    run = await place.start("mina", "publish_post topic=Canals")
    await place.card(run)
    root = await place.root(run)
    mina = place.sandbox.act_as("mina")
    await mina.say("#content", "<@U0BOT> why is it waiting?", thread_ts=root.ts)
    why = await place.found("#content", lambda one: "Nothing is broken." in one["text"] and "Canals" not in one["text"])
    assert why.message["thread_ts"] == root.ts
    assert "@editors may decide" in why.text
    said = await place.write("mina", f"status {run.name}")
    assert "Editorial review: waiting" in said.replace("*", "")
    assert run.name in await place.write("ada", "what is waiting for me?")


async def test_wrong_input_is_answered_with_a_line_that_works(place: ServedOffice) -> None:
    before = len(await place.runs())
    assert "Did you mean `publish_post`?" in await place.ask("mina", "run pubish_post topic=x")
    said = await place.ask("mina", "run send_to_printer issue=winter copies=many colour=red")
    for words in ("`issue`", "`copies`", "`colour` is no input of send_to_printer", "nothing was changed"):
        assert words in said
    said = await place.ask("mina", "run publish_post tone=silly")
    assert "`topic` is missing" in said
    assert "`tone` is one of plain, playful" in said
    assert len(await place.runs()) == before
    line = said.rsplit("```", 2)[1].strip().removeprefix("/flow run ").replace("…", "Owls")
    assert (await place.start("mina", line)).inputs.value == {"topic": "Owls", "tone": "plain"}


async def test_what_people_type_stays_data(place: ServedOffice) -> None:
    run = await place.start("mina", f"publish_post topic=“{TYPED}” tone=playful", "#general")
    assert run.inputs.value == {"topic": LOUD, "tone": "playful"}
    root = await place.root(run, "#general")
    card = await place.card(run, "#general")
    for message in (root.message, card.message):
        assert "<!channel>" not in message["text"]
        assert "<@U0ADA>" not in message["text"]
    said = await place.write("mina", f"run publish_post topic={'lighthouse ' * 950}")
    assert "I did not start *Publish a blog post*" in said


async def test_a_document_is_read_looked_at_and_put_into_the_index(place: ServedOffice) -> None:
    run = await place.start("mina", "intake_document file=samples/invoice-2304.txt", channel="#intake")
    card = await place.card(run, "#intake")
    assert "Lund Print ApS, Odense" in card.text
    assert "the price list says 100.00, the document 95.00" in card.text
    await card.click("omar", "gate_approve")
    assert (await place.ended(run)).outputs.value["number"] == "LP-2304"
    with closing(sqlite3.connect(place.folder / "documents.db")) as index:
        rows = index.execute("SELECT kind, number, party, total FROM documents").fetchall()
    assert rows == [("invoice", "LP-2304", "Lund Print ApS, Odense", "263.00")]


async def test_tickets_find_their_way(place: ServedOffice) -> None:
    easy = await place.start("mina", 'route_ticket subject=Parcel message="Where is my parcel?"', channel="#support")
    assert (await place.ended(easy)).outputs.value["queue"] == "orders"
    hard = await place.start("mina", 'route_ticket subject=Refund message="Charged twice"', channel="#support")
    card = await place.card(hard, "#support")
    assert 'What do we answer to "Refund"?' in card.text
    assert "five working days" in card.text
    await card.click("omar", "gate_choice:0")
    await (await place.root(hard, "#support")).until("[~] What does the reader say?")
    states = {one["subject"]: one["state"] for one in place.site.tickets.all()}
    assert states == {"Parcel": "answered", "Refund": "answered"}


async def test_where_the_bot_is_not_it_says_so_and_shows_itself_elsewhere(place: ServedOffice) -> None:
    said = await place.ask("mina", "run publish_post topic=Moss", channel="#random")
    assert "I'm not in <#C0RANDOM>; `/invite @flow` there brings me in." in said
    assert "Progress in <#C0CONTENT>" in said
    name = said.split("(R-")[1].split(")")[0]
    await place.found("#content", lambda one: f"R-{name}" in one["text"])
    assert not [one for one in place.sandbox.workspace.said("C0RANDOM") if one.get("bot_id")]
