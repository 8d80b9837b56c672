"""Several gates on one card: item by item in a form, all at once, and one by its own card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from bot.intake import Ourselves, receipt
from bot.sandbox.blocks import view_problems
from engine.rules.commands import Cancel, Decide
from store import anchors
from store.events import DecisionMade, DecisionRefused
from store.model import Actor, Changes, Choice, GateState, RunStatus
from tests.support.engines import OPERATOR, block, gate, person, plan, step
from tests.support.piles import Pile, pile, piled
from tests.support.readable import readable

pytestmark = pytest.mark.anyio
US = Ourselves("A0POINTSMAN", "U0BOT", "B0BOT")

OPEN, APPROVED, REJECTED = GateState.OPEN, GateState.APPROVED, GateState.REJECTED
EDITABLE = {
    "question": "Is it good?",
    "show": {"title": "${{ page.genre }}", "text": "${{ page.text }}"},
    "card": {"fields": ["title"], "body": "text"},
}


async def made(here: Pile) -> list[tuple[str | None, str, str, str]]:
    """Every decision on record: of which item, by whom, what, and by which door."""
    found = await here.events(DecisionMade)
    return [(one.place.item, one.actor.id, one.verdict, one.surface) for one in found]


# One card. ------------------------------------------------------------------------------------------------------------


async def test_the_items_of_a_list_stand_on_one_card_as_soon_as_all_have_their_gates(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        card = here.card()
        for words in ("3 items", "page-1 · Essay", "page-2 · Novel", "page-3 · Essay", "0 of 3 decided"):
            assert words in card
        for one in here.place.ours("#content"):
            assert "gate_approve" not in str(one.get("blocks"))


async def test_a_click_on_a_message_that_is_not_the_card_decides_nothing(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        key = f"digest:{here.digest}"
        anchor = await here.place.engine.database.read(lambda tx: anchors.of(tx, key))
        assert anchor is not None
        await here.place.engine.database.write(lambda tx: anchors.forget(tx, key))
        assert "This is not the card of these items" in await here.click("ravi", "digest_approve_all")
        assert set((await here.states()).values()) == {OPEN}


async def test_an_item_that_is_alone_is_decided_on_its_card_as_any_other(tmp_path: Path) -> None:
    async with piled(tmp_path, pile(1)) as here:
        assert "You approved" in await here.click("ravi", "gate_approve")
        assert await here.states() == {"page-1": APPROVED}


async def test_the_buttons_of_an_item_do_not_count_on_the_card_of_others(tmp_path: Path) -> None:
    async with piled(tmp_path, pile(1)) as here:
        key = f"digest:{here.digest}"
        await here.place.engine.database.write(lambda tx: anchors.forget(tx, key))
        assert "This is not the card of G-1" in await here.click("ravi", "gate_approve")
        assert await here.states() == {"page-1": OPEN}


# Item by item. --------------------------------------------------------------------------------------------------------


async def test_each_item_of_a_page_is_a_decision_of_its_own_on_what_was_shown(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        view = await here.page("ravi")
        assert view_problems({name: view[name] for name in ("type", "title", "submit", "close", "blocks")}) == []
        shown = readable(view["title"]["text"], view["blocks"])
        assert "What stands on page 2." in shown
        assert (await here.send("ravi", view, G1="approve", G2="reject: It is too long.")).closed
        told = await here.place.whispered("ravi")
        assert "You approved 1 item and rejected 1 item" in told
        card = await here.shows("2 of 3 decided")
        assert "*Rejected* by <@U0RAVI>: “It is too long.”" in card
        assert await here.states() == {"page-1": APPROVED, "page-2": REJECTED, "page-3": OPEN}
        assert await made(here) == [
            ("page-1", "U0RAVI", "approve", "form"),
            ("page-2", "U0RAVI", "reject", "form"),
        ]
        gates = await here.gates()
        for one in await here.events(DecisionMade):
            assert one.digest == gates[one.place.item].digest


async def test_a_rejection_without_a_reason_is_asked_for_it_and_nothing_is_lost(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        view = await here.page("ravi")
        outcome = await here.send("ravi", view, G1="approve", G2="reject")
        assert outcome.errors == {"reason:2": "Please say why not: whoever asked reads it."}
        assert await made(here) == []
        assert (await here.send("ravi", view, G2="reject: Too long")).closed
        await here.shows("2 of 3 decided")


async def test_leaving_everything_open_decides_nothing_and_says_so(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        assert (await here.send("ravi", await here.page("ravi"))).closed
        assert "You left everything open" in await here.place.whispered("ravi")
        assert await here.events(DecisionRefused) == []


async def test_a_long_list_is_decided_page_by_page_and_what_was_sent_is_saved(tmp_path: Path) -> None:
    async with piled(tmp_path, pile(25)) as here:
        person = here.place.sandbox.act_as("ravi")
        first = await here.page("ravi")
        assert "page 1 of 2" in readable("", first["blocks"])
        numbers = [one["block_id"] for one in first["blocks"] if one.get("block_id", "").startswith("pick:")]
        outcome = await here.send("ravi", first, G1="approve", G2="reject: no")
        assert not outcome.closed
        await here.shows("2 of 25 decided")  # though the form is still open
        second = person.open_views[-1]
        text = readable("", second["blocks"])
        assert "page 2 of 2 · what you picked before is saved" in text
        later = [one["block_id"] for one in second["blocks"] if one.get("block_id", "").startswith("pick:")]
        assert len(numbers) + len(later) == 25
        assert not set(numbers) & set(later)
        last = later[-1].removeprefix("pick:")
        assert (await here.send("ravi", second, **{f"G{last}": "approve"})).closed
        await here.shows("3 of 25 decided")


async def test_a_page_that_slack_delivers_twice_counts_once(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        view = await here.page("ravi")
        parts, user = here.place.sandbox.parts, here.place.sandbox.parts.workspace.user("ravi")
        view["state"]["values"]["pick:1"]["pick"] = {"type": "radio_buttons", "selected_option": {"value": "0"}}
        body = parts.payloads.interaction("view_submission", user, parts.triggers.mint(user.id)) | {"view": view}
        heard = receipt(body, US, here.place.engine.clock.now())
        assert heard is not None
        assert [await here.place.engine.receive(heard) for _ in range(2)] == [True, False]
        await here.shows("1 of 3 decided")
        await here.place.all_answered()
        assert len(await made(here)) == 1
        assert await here.events(DecisionRefused) == []


async def test_what_changed_or_was_decided_meanwhile_is_refused_for_that_item_alone(tmp_path: Path) -> None:
    policy: dict[str, Any] = {"with_": EDITABLE, "edit": ("title",), "quorum": 2}
    async with piled(tmp_path, pile(**policy)) as here:
        view = await here.page("ada")
        await edited(here, "page-2")
        await here.send("ada", view, G1="approve", G2="approve", G3="approve")
        told = await here.place.whispered("ada")
        assert "You approved 2 items" in told
        assert "1 answer did not count" in told
        assert "*page-2 (G-2)*: What it shows has changed meanwhile" in told
        counted = [(item, who) for item, who, _, _ in await made(here)]
        assert counted == [("page-2", "U0RAVI"), ("page-1", "U0ADA"), ("page-3", "U0ADA")]
        [refused] = await here.events(DecisionRefused)
        assert (refused.place.item, refused.refusal) == ("page-2", "content_changed")


async def edited(here: Pile, item: str) -> None:
    """Somebody edits an item by its own card, so that what is decided on is something else."""
    block_id = next(f"item:{gate.id}:open" for name, gate in (await here.gates()).items() if name == item)
    person = here.place.sandbox.act_as("ravi")
    await here.click("ravi", "digest_open", block_id)
    shown = person.ephemerals[-1]
    assert (await person.click(here.channel, shown["ts"], "gate_edit")).acked
    await here.place.sandbox.until(lambda: person.open_views)
    before = len(here.place.heard("ravi"))
    await person.submit(person.open_views[-1]["id"], {"field:0": {"value": "Something else"}})
    assert "You edited and approved" in await here.place.whispered("ravi", before + 1)


async def test_two_people_decide_different_items_in_the_same_moment(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        ravis, adas = await here.page("ravi"), await here.page("ada")
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: here.send("ravi", ravis, G1="approve", G2="approve"))
            group.start_soon(lambda: here.send("ada", adas, G2="reject: no", G3="approve"))
        await here.shows("3 of 3 decided")
        await here.place.all_answered()
        states = await here.states()
        assert states["page-1"] == states["page-3"] == APPROVED
        second = [one for one in await made(here) if one[0] == "page-2"]
        assert len(second) == 1
        loser = "ada" if second[0][1] == "U0RAVI" else "ravi"
        assert "*page-2 (G-2)*: Already" in await here.place.whispered(loser)


async def test_who_started_the_run_may_not_decide_its_items(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        assert "You started this run" in await here.click("mina", "digest_decide")
        assert here.place.sandbox.act_as("mina").open_views == []
        told = await here.click("mina", "digest_approve_all")
        assert "None of 3 answers" in told
        assert told.count("You started this run") == 2  # once in the text, once in the blocks
        assert len(await here.events(DecisionRefused)) == 3
        assert set((await here.states()).values()) == {OPEN}


async def test_a_cancelled_run_refuses_what_was_still_in_a_form(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        view = await here.page("ravi")
        await here.place.engine.perform(here.run.id, Cancel(OPERATOR))
        await here.place.ended(here.run)
        await here.send("ravi", view, G1="approve", G2="approve")
        assert "None of 2 answers" in await here.place.whispered("ravi")
        assert await made(here) == []
        assert "withdrawn" in await here.shows("withdrawn")


async def test_approvals_count_before_a_rejection_ends_the_run(tmp_path: Path) -> None:
    async with piled(tmp_path, pile(on_reject="end")) as here:
        await here.send("ravi", await here.page("ravi"), G1="reject: no good", G3="approve")
        run = await here.place.ended(here.run)
        assert run.status is RunStatus.REJECTED
        assert [item for item, *_ in await made(here)] == ["page-3", "page-1"]
        assert "You approved 1 item and rejected 1 item" in (told := await here.place.whispered("ravi")) or (
            "You rejected 1 item and approved 1 item" in told
        )


async def test_of_a_quorum_each_item_takes_the_votes_by_itself_and_shows_them(tmp_path: Path) -> None:
    async with piled(tmp_path, pile(quorum=2)) as here:
        assert "digest_approve_all" not in here.card()
        await here.send("ravi", await here.page("ravi"), G1="approve", G2="approve")
        await here.shows("1 of 2 agreed")
        await here.place.whispered("ravi")
        again = await here.page("ravi")
        picked = {one["block_id"]: one["element"]["initial_option"]["text"]["text"]
                  for one in again["blocks"] if one.get("block_id", "").startswith("pick:")}  # fmt: skip
        assert picked == {"pick:1": "Approve", "pick:2": "Approve", "pick:3": "Leave open"}
        await here.send("ada", await here.page("ada"), G2="approve")
        await here.shows("1 of 3 decided")
        assert (await here.states())["page-2"] is APPROVED


async def test_choices_are_picked_item_by_item(tmp_path: Path) -> None:
    async with piled(tmp_path, pile(choices=(Choice("keep", "Keep it"), Choice("drop")))) as here:
        assert "digest_approve_all" not in here.card()
        view = await here.page("ravi")
        assert (await here.send("ravi", view, G1="0", G2="1")).closed
        card = await here.shows("2 of 3 decided")
        assert "“Keep it” by <@U0RAVI>" in card
        assert [(one.place.item, one.choice) for one in await here.events(DecisionMade)] == [
            ("page-1", "keep"), ("page-2", "drop"),
        ]  # fmt: skip


# All that are open. ---------------------------------------------------------------------------------------------------


async def test_all_that_are_open_are_approved_by_one_click_each_on_record(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        assert "You approve 3 items as they stand" in here.card()
        assert "You approved 3 items" in await here.click("ravi", "digest_approve_all")
        await here.place.ended(here.run)
        assert await made(here) == [(f"page-{n}", "U0RAVI", "approve", "card") for n in (1, 2, 3)]
        assert "ACTIONS" not in await here.shows("3 of 3 decided")


async def test_all_at_once_leaves_out_what_was_not_on_the_card_as_it_was_seen(tmp_path: Path) -> None:
    async with piled(tmp_path, pile(with_=EDITABLE, edit=("title",))) as here:
        ada = here.place.sandbox.act_as("ada")
        stale = dict(here.place.sandbox.workspace.said(here.channel).get(here.ts) or {})
        await edited(here, "page-2")  # and with that approved
        card = here.place.sandbox.workspace.said(here.channel).get(here.ts)
        assert card is not None
        await here.shows("1 of 3 decided")
        card["blocks"] = stale["blocks"]
        before = len(here.place.heard("ada"))
        assert (await ada.click(here.channel, here.ts, "digest_approve_all")).acked
        told = await here.place.whispered("ada", before + 1)
        assert "You approved 2 items" in told
        assert "*page-2 (G-2)*: Already approved by <@U0RAVI>" in told


async def test_a_second_click_adds_nothing_to_the_record(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        person = here.place.sandbox.act_as("ravi")
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(person.click, here.channel, here.ts, "digest_approve_all")
        await here.place.ended(here.run)
        await here.place.all_answered()
        assert len(await made(here)) == 3


async def test_what_a_crash_cut_off_is_carried_on_with_and_counted_once(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        engine, parts = here.place.engine, here.place.sandbox.parts
        found = here.place.sandbox.workspace.said(here.channel).get(here.ts)
        assert found is not None
        value = next(
            one["value"] for one in found["blocks"][-1]["elements"] if one["action_id"] == "digest_approve_all"
        )
        body = parts.payloads.interaction("block_actions", parts.workspace.user("ravi"), "t") | {
            "container": {"type": "message", "message_ts": here.ts, "channel_id": here.channel},
            "channel": {"id": here.channel}, "message": {"thread_ts": found["thread_ts"]},
            "actions": [{"action_id": "digest_approve_all", "block_id": "b", "value": value, "action_ts": "1.1"}],
        }  # fmt: skip
        heard = receipt(body, US, engine.clock.now())
        assert heard is not None
        ravi = Actor("person", "U0RAVI", "ravi")
        for item in ("page-1", "page-2"):  # so far the service came before it was killed
            decide = Decide(f"checks.look[{item}]", ravi, "approve", surface="card")
            await engine.perform(here.run.id, decide, person=person(ravi, "@editors", at=engine.clock.now()))
        await engine.receive(heard)
        assert "You approved 3 items" in await here.place.whispered("ravi")
        assert [item for item, *_ in await made(here)] == ["page-1", "page-2", "page-3"]
        assert await here.events(DecisionRefused) == []


# One by its own card. -------------------------------------------------------------------------------------------------


async def test_an_item_opens_as_its_whole_card_to_whoever_asks_and_can_be_decided_there(tmp_path: Path) -> None:
    async with piled(tmp_path, pile(with_=EDITABLE, edit=("title",))) as here:
        block_id = f"item:{(await here.gates())['page-2'].id}:open"
        shown = await here.click("ravi", "digest_open", block_id)
        for words in ("What stands on page 2.", "gate_approve", "gate_edit", "gate_reject", "G-2 v1"):
            assert words in shown
        person_ = here.place.sandbox.act_as("ravi")
        assert (await person_.click(here.channel, person_.ephemerals[-1]["ts"], "gate_approve")).acked
        assert "You approved" in await here.place.whispered("ravi", 2)
        assert "1 of 3 decided" in await here.shows("1 of 3 decided")


async def test_what_asks_for_data_is_filled_in_by_its_own_card(tmp_path: Path) -> None:
    form = {"type": "object", "properties": {"note": {"type": "string"}}, "required": ["note"]}
    async with piled(tmp_path, pile(form=form, on_expiry="fail")) as here:
        assert "digest_decide" not in here.card()
        assert "digest_approve_all" not in here.card()
        block_id = f"item:{(await here.gates())['page-1'].id}:open"
        assert "gate_answer" in await here.click("ravi", "digest_open", block_id)
        filler = here.place.sandbox.act_as("ravi")
        assert (await filler.click(here.channel, filler.ephemerals[-1]["ts"], "gate_answer")).acked
        await here.place.sandbox.until(lambda: filler.open_views)
        await filler.submit(filler.open_views[-1]["id"], {"field:0": {"value": "Read"}})
        assert "*Answered* by <@U0RAVI>" in await here.shows("1 of 3 decided")


async def test_who_may_not_see_the_run_is_shown_no_item_of_it(tmp_path: Path) -> None:
    async with piled(tmp_path, pile(workflow="fire_everybody", approvers=("U0NORA",)), starter="nora") as here:
        block_id = f"item:{(await here.gates())['page-1'].id}:open"
        told = await here.click("omar", "digest_open", block_id)
        assert "Only people who may see this run" in told
        assert "What stands on page 1." not in told


# Elsewhere. -----------------------------------------------------------------------------------------------------------


async def test_lists_treat_the_card_as_one_line_with_a_count_and_a_link(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        waiting = await here.place.dm("ravi", "waiting")
        assert "Waiting for you: 3 gates" in waiting
        assert waiting.count("Open the card") == 2  # in the text and in the blocks
        assert "*Look: 3 items*" in waiting
        assert "0 of 3 decided" in waiting
        status = await here.place.command("mina", f"status {here.run.name}")
        assert "(G-1 to G-3; 0 of 3 decided)" in status
        assert "Open the card" in status
        assert "G-1 to G-3: " in await here.place.command("mina", "who can approve G-1")
        assert "/archives/" in await here.place.command("ravi", "approve G-2")
        assert "You approved" in here.place.heard("ravi")[-1]
        await here.shows("1 of 3 decided")


async def test_home_has_one_entry_that_opens_the_form(tmp_path: Path) -> None:
    async with piled(tmp_path) as here:
        ravi = here.place.sandbox.act_as("ravi")
        await ravi.open_home()
        await here.place.sandbox.until(lambda: ravi.home is not None and "3 items" in read_home(ravi.home))
        home = ravi.home
        assert home is not None
        assert read_home(home).count("digest_decide") == 1
        assert "gate_approve" not in read_home(home)
        assert (await ravi.click_view(home["id"], "digest_decide")).acked
        await here.place.sandbox.until(lambda: ravi.open_views)
        await here.send("ravi", ravi.open_views[-1], G3="approve")
        await here.shows("1 of 3 decided")


def read_home(view: dict[str, Any]) -> str:
    return readable("", view["blocks"])


# Again, and elsewhere. ------------------------------------------------------------------------------------------------


async def test_an_item_that_was_sent_back_comes_again_on_the_same_card_and_old_eyes_do_not_count(
    tmp_path: Path,
) -> None:
    made_ = plan(
        step("pages", with_={"all": [{"id": "page-1"}, {"id": "page-2"}]}),
        block("checks", ["pages"], each="steps.pages.output.all", as_="page", key="page.id", concurrency=5),
        step("checks.draft", with_={"text": "${{ page.id + ': ' + coalesce(review.comment, 'first') }}"}),
        gate("checks.look", ["checks.draft"], with_={"question": "Good?", "show": "${{ steps.draft.output }}"},
             changes=Changes("checks.draft", 3), digest_ms=60_000),
        workflow="pile",
    )  # fmt: skip
    async with piled(tmp_path, made_) as here:
        adas = await here.page("ada")
        gates_ = await here.gates()
        await here.click("ravi", "digest_open", f"item:{gates_['page-2'].id}:open")
        ravi = here.place.sandbox.act_as("ravi")
        assert (await ravi.click(here.channel, ravi.ephemerals[-1]["ts"], "gate_changes")).acked
        await here.place.sandbox.until(lambda: ravi.open_views)
        await ravi.submit(ravi.open_views[-1]["id"], {"comment": {"comment": "shorter"}})
        card = await here.shows("G-2 v2")
        assert "page-2: shorter" in card
        assert "0 of 2 decided" in card
        await here.send("ada", adas, G1="approve", G2="approve")
        told = await here.place.whispered("ada")
        assert "You approved 1 item" in told
        assert "*page-2 (G-2)*: What it shows has changed meanwhile" in told
        assert await here.states() == {"page-1": APPROVED, "page-2": OPEN}
        await here.send("ada", await here.page("ada"), G2="approve")
        await here.shows("2 of 2 decided")
