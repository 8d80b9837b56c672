"""People edit, ask for changes, choose and fill in: on the card, in forms, and with the exact words."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.canon import digest
from store.events import DecisionMade
from store.model import Changes, Choice, GateState, Run, RunStatus, Seats
from tests.support.asked import Asked, asked
from tests.support.engines import gate, plan, step
from tests.support.town import read

pytestmark = pytest.mark.anyio

POST = {"title": "WAL", "words": 840, "public": True, "tags": ["db", "sqlite"], "body": "One.\nTwo."}
EDITABLE = plan(
    step("draft"),
    gate("review", ["draft"], with_={"question": "Publish?", "show": POST}, edit=tuple(POST)),
    step("publish", after=["review"], with_={"sent": "${{ steps.review.output.content }}"}),
    workflow="editable",
    outputs={"sent": "${{ steps.publish.output.sent }}"},
)  # fmt: skip
TWO_EDITORS = plan(
    step("draft"),
    gate("review", ["draft"], with_={"question": "Publish?", "show": POST}, edit=("title",), quorum=2),
    workflow="editable",
)
AGAIN = Changes("draft", 2)
ROUNDS = plan(
    step("draft"),
    gate("review", ["draft"], with_={"question": "Good?", "show": "${{ steps.draft.output }}"}, changes=AGAIN),
    workflow="rounds",
)
ONCE = plan(
    step("draft"),
    step("pay", after=["draft"], effect="once", title="Pay the author"),
    gate("review", ["pay"], changes=Changes("draft", 2)),
    workflow="rounds",
)
CHOICES = plan(
    gate("review", choices=(Choice("a", "Answer A"), Choice("b"), Choice("bad", "Both bad"))), workflow="choices"
)
FORM = {
    "type": "object",
    "properties": {
        "amount": {"type": "integer", "minimum": 1, "description": "In euros."},
        "kind": {"type": "string", "enum": ["bug", "question"]},
        "urgent": {"type": "boolean"},
        "by": {"type": "string", "format": "date"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": "string"},
        "code": {"type": "string", "sensitive": True},
    },
    "required": ["amount", "kind"],
}
ASKED_FOR = plan(
    gate("review", form=FORM, on_expiry="fail", requester_may_decide=True), workflow="ticket",
    outputs={"got": "${{ steps.review.output.content }}"},
)  # fmt: skip
SEATS = (Seats(("@editors",), 1), Seats(("@legal",), 1))
ALL_OF = plan(gate("review", approvers=("@editors", "@legal"), all_of=SEATS, quorum=2), workflow="seats")


async def card(here: Asked, has: str) -> str:
    """The card, once it says this."""
    said = here.place.sandbox.workspace.said

    def text() -> str:
        return read(said(here.channel).get(here.ts))

    await here.place.sandbox.until(lambda: has in text())
    return text()


async def newest(here: Asked, version: int) -> tuple[Run, str]:
    """The run once a version of its gate is open, and that gate's id."""
    run = await here.place.engine.wait_for(
        here.run.id,
        lambda run: bool((found := run.steps["review"].gate) and found.version == version and found.state == "open"),
    )
    found = run.steps["review"].gate
    assert found is not None
    here.gate = found
    here.channel, here.ts = await here.place.card(found.id)
    return run, found.id


# Editing. -------------------------------------------------------------------------------------------------------------


async def test_an_edited_content_is_approved_with_its_types_and_the_card_tells_what_changed(tmp_path: Path) -> None:
    async with asked(tmp_path, EDITABLE) as here:
        view = await here.form("ravi", "gate_edit")
        assert [block["element"].get("initial_value") for block in view["blocks"] if block["type"] == "input"][:2] == [
            "WAL", "840"
        ]  # fmt: skip
        sent = {
            "field:0": {"value": "WAL *in* production"},
            "field:1": {"value": "900"},
            "field:2": {"value": "No"},
            "field:3": {"value": "db\nfiles, locks"},
            "field:4": {"value": "One.\nThree."},
        }
        assert (await here.place.sandbox.act_as("ravi").submit(view["id"], sent)).closed
        assert "You edited and approved" in await here.place.whispered("ravi")
        run = await here.place.ended(here.run)
        edited = {
            "title": "WAL *in* production", "words": 900, "public": False, "tags": ["db", "files, locks"],
            "body": "One.\nThree.",
        }  # fmt: skip
        assert run.outputs is not None
        assert run.outputs.value == {"sent": edited}
        [made] = await here.events(DecisionMade)
        assert made.edits["words"] == [840, 900]
        assert made.edited_digest not in ("", made.digest, digest(edited))
        told = await card(here, "Edited and approved")
        assert "Words: 840 → 900" in told
        assert "Body: +1 −1 lines" in told
        assert "+Three." in told


async def test_what_does_not_fit_is_said_under_its_field_and_decides_nothing(tmp_path: Path) -> None:
    async with asked(tmp_path, EDITABLE) as here:
        view = await here.form("ravi", "gate_edit")
        here.place.sandbox.act_as("ravi").open_views[-1]["blocks"][3]["element"]["is_decimal_allowed"] = True
        outcome = await here.place.sandbox.act_as("ravi").submit(view["id"], {"field:1": {"value": "8.5"}})
        assert outcome.errors == {"field:1": 'Needs a whole number, got "8.5". Write it in digits, for instance 3.'}
        assert (await here.look()).state is GateState.OPEN
        assert here.place.sandbox.act_as("ravi").open_views != []
        assert [one for one in await here.place.open_receipts() if one.kind == "view"] == []


async def test_editing_nothing_is_an_approval(tmp_path: Path) -> None:
    async with asked(tmp_path, EDITABLE) as here:
        view = await here.form("ravi", "gate_edit")
        assert (await here.place.sandbox.act_as("ravi").submit(view["id"])).closed
        assert "You approved" in await here.place.whispered("ravi")
        [made] = await here.events(DecisionMade)
        assert made.edits is None


async def test_who_was_overtaken_by_an_edit_decides_nothing_and_keeps_what_they_wrote(tmp_path: Path) -> None:
    async with asked(tmp_path, TWO_EDITORS) as here:
        view = await here.form("ada", "gate_edit")
        assert (await here.fill("ravi", "gate_edit", f0="Other")).closed
        assert "That makes 1 of 2 approvals" in await here.place.whispered("ravi")
        outcome = await here.place.sandbox.act_as("ada").submit(view["id"], {"field:0": {"value": "Mine"}})
        assert "changed since you opened" in outcome.errors["field:0"]
        told = await card(here, "1 of 2")
        assert "Title: WAL → Other" in told
        assert "You approved" in await here.click("ada")
        run = await here.place.ended(here.run)
        assert run.status is RunStatus.SUCCEEDED


# Changes. -------------------------------------------------------------------------------------------------------------


async def test_changes_are_asked_for_and_the_next_version_says_what_was_wished(tmp_path: Path) -> None:
    async with asked(tmp_path, ROUNDS) as here:
        old = here.ts
        view = await here.form("ravi", "gate_changes")
        assert "Draft and what depends on it are done again" in str(view["blocks"])
        sent = {"comment": {"comment": "cite the <!here> benchmark"}}
        assert (await here.place.sandbox.act_as("ravi").submit(view["id"], sent)).closed
        assert "You sent back" in await here.place.whispered("ravi")
        await newest(here, 2)
        told = await card(here, "Round 2")
        assert "“cite the &lt;!here&gt; benchmark”" in told
        assert "changes may be asked for 1 more time" in told
        here.ts, new = old, here.ts
        told = await card(here, new.replace(".", ""))
        assert "Sent back for changes" in told
        assert "replaced by" in told
        assert "gate_approve" not in told


async def test_a_click_on_the_card_of_an_older_version_is_told_so(tmp_path: Path) -> None:
    async with asked(tmp_path, ROUNDS) as here:
        old, shown = here.ts, here.gate.id
        assert "You sent back" in await here.place.command("ravi", f"changes {here.gate.name} shorter please")
        await newest(here, 2)
        here.ts = old
        await card(here, "replaced by")
        before, parts = len(here.place.heard("ravi")), here.place.sandbox.parts
        ravi = parts.workspace.user("ravi")
        payload = parts.payloads.interaction("block_actions", ravi, parts.triggers.mint(ravi.id))
        action = {"type": "button", "action_id": "gate_approve", "block_id": "b", "value": shown, "action_ts": "9.9"}
        payload |= {
            "container": {"type": "message", "message_ts": old, "channel_id": here.channel},
            "channel": {"id": here.channel},
            "response_url": parts.response_urls.mint(user_id="U0RAVI", channel_id=here.channel),
            "actions": [action],
        }
        assert (await parts.delivery.interaction(payload)).acked
        said = await here.place.whispered("ravi", before + 1)
        assert "older version" in said
        assert (await here.look()).state is GateState.OPEN


async def test_when_all_rounds_are_used_the_card_offers_no_more(tmp_path: Path) -> None:
    async with asked(tmp_path, ROUNDS) as here:
        for version in (2, 3):
            assert "You sent back" in await here.place.command("ravi", f"changes {here.gate.name} again {version}")
            await newest(here, version)
        told = await card(here, "Round 3")
        assert "gate_changes" not in told
        assert "as often as the workflow allows" in await here.place.command("ravi", f"changes {here.gate.name} more")


async def test_what_would_happen_twice_has_to_be_meant(tmp_path: Path) -> None:
    async with asked(tmp_path, ONCE) as here:
        view = await here.form("ravi", "gate_changes")
        assert "Pay the author" in str(view["blocks"])
        outcome = await here.place.sandbox.act_as("ravi").submit(view["id"], {"comment": {"comment": "again"}})
        assert outcome.errors == {"sure": "Please complete this required field."}
        assert "Press *Request Changes* on" in await here.place.command("ravi", f"changes {here.gate.name} again")
        assert (await here.look()).version == 1
        sent = {"comment": {"comment": "again"}, "sure": {"sure": ["0"]}}
        assert (await here.place.sandbox.act_as("ravi").submit(view["id"], sent)).closed
        await newest(here, 2)


# Choices, forms, seats. -----------------------------------------------------------------------------------------------


async def test_a_choice_is_one_click(tmp_path: Path) -> None:
    async with asked(tmp_path, CHOICES) as here:
        told = await card(here, "Answer needed")
        assert "[Answer A → gate_choice:0" in told
        assert "gate_approve" not in told
        assert "You answered with “Both bad”" in await here.click("ravi", "gate_choice:2")
        run = await here.place.ended(here.run)
        assert run.steps["review"].output is not None
        assert run.steps["review"].output.value["choice"] == "bad"
        assert "*Answered* “Both bad” by <@U0RAVI>" in await card(here, "*Answered*")


async def test_a_form_is_filled_in_and_its_values_keep_their_types(tmp_path: Path) -> None:
    async with asked(tmp_path, ASKED_FOR) as here:
        outcome = await here.fill(
            "ravi", "gate_answer", f0="3", f1="question", f2="Yes", f3="2026-12-24", f4="a\nb", f6="s3cret"
        )
        assert outcome.closed
        assert "You answered" in await here.place.whispered("ravi")
        run = await here.place.ended(here.run)
        assert run.outputs is not None
        got = {"amount": 3, "kind": "question", "urgent": True, "by": "2026-12-24", "tags": ["a", "b"]}
        assert run.outputs.value == {"got": got | {"code": "s3cret"}}
        told = await card(here, "*Answered*")
        assert "Amount: 3" in told
        assert "s3cret" not in told
        assert "Code: (not shown)" in told


async def test_a_form_says_what_is_wrong_under_each_field(tmp_path: Path) -> None:
    async with asked(tmp_path, ASKED_FOR) as here:
        outcome = await here.fill("ravi", "gate_answer", f0="0", f1="bug")
        assert outcome.errors == {"field:0": "Must be at least 1, got 0."}
        assert (await here.look()).state is GateState.OPEN


async def test_two_groups_must_agree_and_the_card_says_who_is_missing(tmp_path: Path) -> None:
    own = {"legal": ["omar@meadow.example"]}
    async with asked(tmp_path, ALL_OF, own_groups=own) as here:
        assert "needed: one of" in await card(here, "needed")
        assert "1 of 2 approvals" in await here.click("ravi")
        assert "still needed: one of @legal" in await card(here, "1 of 2")
        assert "You approved" in await here.click("omar")
        assert (await here.place.ended(here.run)).status is RunStatus.SUCCEEDED
