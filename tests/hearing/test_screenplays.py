"""Whole conversations, held against the screenplay that was agreed. POINTSMAN_GOLDEN=write writes the files anew."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from store.model import Access, Changes, Choice, Plan, Retry, Run, Seats
from tests.support.engines import gate, plan, step
from tests.support.piles import pile
from tests.support.screenplay import HOUR, played

pytestmark = pytest.mark.anyio

SCREENPLAYS = Path(__file__).parent / "screenplays"
POST = {"title": "WAL in production", "words": 840, "body": "Write-ahead logging lets readers go on."}
TOPIC = {"topic": {"type": "string", "maxLength": 200}}
ASKS = {"question": "Publish ${{ inputs.topic }}?", "show": POST}


def posting(**policy: Any) -> Plan:
    """A post is drafted, looked at and published."""
    return plan(
        step("draft", title="Draft"),
        gate("review", ["draft"], **{"with_": ASKS} | policy),
        step("publish", after=["review"], title="Publish"),
        workflow="publish_post",
        inputs=TOPIC,
    )


def playing(folder: Path, heading: str, *plans: Plan, **card: Any) -> Any:
    return played(folder, heading, *plans, **{"title": "Publish a post"} | card)


START = 'run publish_post topic="WAL in production"'


# One run, from its start to its end. ----------------------------------------------------------------------------------


async def a_post_is_published(folder: Path) -> str:
    made = plan(
        step("draft", title="Draft"),
        step("tell", "message", ["draft"], with_={"to": "thread", "text": "Draft v1: 840 words."}, effect="idempotent"),
        gate("review", ["tell"], with_=ASKS),
        step("publish", after=["review"], title="Publish"),
        workflow="publish_post",
        inputs=TOPIC,
    )
    async with playing(folder, "A post is published", made) as play:
        await play.types("mina", START)
        await play.presses("ravi", "Approve")
        return play.script()


async def who_may_not_and_who_is_late(folder: Path) -> str:
    async with playing(folder, "Who may not decide, and who is late", posting()) as play:
        await play.types("mina", START)
        card = play.card("Review needed")
        await play.presses("mina", "Approve")
        await play.presses("omar", "Reject")
        await play.presses("ravi", "Approve")
        await play.presses_late("ada", "Approve", card)
        return play.script()


async def two_must_agree_and_one_no_is_enough(folder: Path) -> str:
    seats = (Seats(("@editors",), 1), Seats(("@legal",), 1))
    made = posting(approvers=("@editors", "@legal"), all_of=seats, quorum=2)
    async with playing(folder, "Two groups must agree, and one no is enough", made) as play:
        await play.types("mina", START)
        await play.presses("ravi", "Approve")
        await play.presses("nora", "Reject")
        await play.sends("nora", why="The number in the second line is not ours to publish.")
        return play.script()


async def changes_are_asked_for(folder: Path) -> str:
    made = posting(changes=Changes("draft", 2))
    async with playing(folder, "Changes are asked for, and the next draft is approved", made) as play:
        await play.types("mina", START)
        old = play.card("Review needed")
        await play.presses("ravi", "Request Changes")
        await play.sends("ravi", what="Cite the benchmark.")
        await play.presses_late("ada", "Approve", old)
        await play.presses("ada", "Approve")
        return play.script()


async def a_rejection_and_another_run(folder: Path) -> str:
    async with playing(folder, "A rejection needs a reason", posting()) as play:
        await play.types("mina", START)
        await play.presses("lena", "Reject")
        await play.closes("lena")
        await play.presses("lena", "Reject")
        await play.sends("lena", why="Duplicate of last week.")
        return play.script()


async def a_draft_is_edited_and_approved(folder: Path) -> str:
    made = posting(edit=("title", "words", "body"))
    async with playing(folder, "A draft is edited and approved", made) as play:
        await play.types("mina", START)
        await play.presses("ravi", "Edit & Approve")
        await play.sends("ravi", words="many")
        await play.sends("ravi", words="842", body="Write-ahead logging lets readers go on. We measured it.")
        return play.script()


async def who_edits_is_overtaken(folder: Path) -> str:
    async with playing(folder, "Who edits is overtaken", posting(edit=("title",))) as play:
        await play.types("mina", START)
        await play.presses("ravi", "Edit & Approve")
        await play.presses("ada", "Approve")
        await play.sends("ravi", title="WAL in the field")
        return play.script()


async def nobody_answers(folder: Path) -> str:
    def spoken(run: Run) -> bool:
        found = run.steps["review"]
        return run.status.finished or found.due_at is None or found.due_at > play.stage.clock.now()

    made = posting(
        due_ms=4 * HOUR, remind_before_due_ms=(HOUR,), escalate_after_due_ms=HOUR, escalate_to=("U0LENA",),
        expires_ms=21 * HOUR,
    )  # fmt: skip
    async with playing(folder, "Nobody answers", made) as play:
        await play.types("mina", START)
        for hours in (3, 1, 1, 16):
            await play.passes(hours, spoken)
        return play.script()


async def publishing_fails_and_is_tried_again(folder: Path) -> str:
    file = folder / "cms-is-up"
    made = plan(
        step("draft", title="Draft"),
        gate("review", ["draft"], with_=ASKS),
        step("publish", "command", ["review"], with_={"argv": ["test", "-f", str(file)]}, effect="idempotent",
             retry=Retry(attempts=1), title="Publish"),
        workflow="publish_post",
        inputs=TOPIC,
    )  # fmt: skip
    async with playing(folder, "Publishing fails and is tried again", made, alerts_failed="#content-alerts") as play:
        await play.types("mina", START)
        await play.presses("ravi", "Approve")
        await play.happens("The CMS is back", file.touch)
        await play.presses("mina", "Retry from Publish", where="#content-alerts")
        return play.script()


async def a_run_is_cancelled(folder: Path) -> str:
    async with playing(folder, "A run is cancelled", posting(), access=Access(control=("@content-leads",))) as play:
        await play.types("mina", START)
        card = play.card("Review needed")
        await play.presses("omar", "Cancel Run")
        await play.presses("mina", "Cancel Run")
        await play.presses_late("ravi", "Approve", card)
        return play.script()


# Words. ---------------------------------------------------------------------------------------------------------------


async def questions_in_words(folder: Path) -> str:
    async with playing(folder, "Questions in words", posting()) as play:
        await play.types("mina", START)
        thread = "Publish a post"
        await play.writes("mina", "@flow why?", thread=thread)
        await play.writes("mina", "@flow who can approve this?", thread=thread)
        await play.writes("omar", "@flow status", thread=thread)
        await play.writes("ravi", "what's waiting for me", "dm")
        await play.writes("mina", "what does publish_post do?", "dm")
        await play.presses("ravi", "Approve")
        await play.writes("omar", "@flow who approved this?", thread=thread)
        return play.script()


async def a_reply_is_no_decision(folder: Path) -> str:
    async with playing(folder, "A reply is no decision", posting()) as play:
        await play.types("mina", START)
        await play.writes("ravi", "@flow looks good to me 👍", thread="Publish a post")
        await play.presses("ravi", "Approve")
        return play.script()


async def what_is_wrong_is_said_at_once(folder: Path) -> str:
    made = plan(
        step("draft", title="Draft"),
        workflow="publish_post",
        inputs=TOPIC | {"words": {"type": "integer", "maximum": 2000}, "tone": {"enum": ["plain", "playful"]}},
    )
    async with playing(folder, "What is wrong is said at once, with a line that works", made) as play:
        await play.types("mina", "run pubish_post topic=WAL")
        await play.types("mina", "run publish_post words=many tone=grim")
        await play.types("mina", "run publish_post topic=“WAL in production” words=800 tone=plain --dry-run")
        await play.types("mina", "retry R-9ZZ9")
        await play.types("mina", "help")
        return play.script()


# Other work. ----------------------------------------------------------------------------------------------------------


async def two_answers_are_compared(folder: Path) -> str:
    answers = {"question": "Which answer is better?", "show": {"a": "It is a log.", "b": "It is a log of changes."}}
    choices = (Choice("a", "Answer A"), Choice("b", "Answer B"), Choice("tie", "Tie"), Choice("bad", "Both bad"))
    made = plan(gate("pick", with_=answers, choices=choices), workflow="evaluate")
    async with playing(folder, "Two answers are compared", made, title="Evaluate prompts") as play:
        await play.types("mina", "run evaluate")
        await play.presses("ada", "Answer B")
        return play.script()


async def a_ticket_is_filled_in(folder: Path) -> str:
    form = {
        "type": "object",
        "properties": {
            "queue": {"type": "string", "enum": ["billing", "delivery"]},
            "refund": {"type": "integer", "minimum": 1, "description": "In euros."},
        },
        "required": ["queue"],
    }
    asks = {"question": "Where does this ticket belong?", "show": {"ticket": "My book came wet.", "guess": "delivery"}}
    made = plan(
        gate("sort", with_=asks, approvers=("@support",), form=form, on_expiry="fail"),
        workflow="triage",
    )
    async with playing(folder, "A ticket is filled in", made, title="Sort tickets") as play:
        await play.types("mina", "run triage")
        await play.presses("omar", "Fill In")
        await play.sends("omar", queue="delivery", refund="0")
        await play.sends("omar", queue="delivery", refund="12")
        return play.script()


async def a_pile_is_decided_on_one_card(folder: Path) -> str:
    async with playing(folder, "A pile is decided on one card", pile(3), title="Read a pile") as play:
        await play.types("mina", "run pile")
        await play.presses("ravi", "Decide Item by Item…")
        await play.sends("ravi", page_1="Approve", page_2="Leave open")
        await play.presses("ada", "Approve All That Are Open (2)")
        return play.script()


PLAYS: dict[str, Callable[[Path], Awaitable[str]]] = {
    one.__name__: one
    for one in (
        a_post_is_published,
        who_may_not_and_who_is_late,
        two_must_agree_and_one_no_is_enough,
        changes_are_asked_for,
        a_rejection_and_another_run,
        a_draft_is_edited_and_approved,
        who_edits_is_overtaken,
        nobody_answers,
        publishing_fails_and_is_tried_again,
        a_run_is_cancelled,
        questions_in_words,
        a_reply_is_no_decision,
        what_is_wrong_is_said_at_once,
        two_answers_are_compared,
        a_ticket_is_filled_in,
        a_pile_is_decided_on_one_card,
    )
}


@pytest.mark.parametrize("name", PLAYS)
async def test_a_conversation_goes_as_agreed(name: str, tmp_path: Path) -> None:
    said = await PLAYS[name](tmp_path)
    file = SCREENPLAYS / f"{name}.txt"
    if os.environ.get("POINTSMAN_GOLDEN") == "write":
        file.write_text(said)
    assert said == file.read_text()


def test_no_screenplay_is_left_over() -> None:
    assert {file.stem for file in SCREENPLAYS.glob("*.txt")} == set(PLAYS)
