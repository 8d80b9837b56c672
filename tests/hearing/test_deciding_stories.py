"""People decide: on the card, in the form, on Home, and with the exact words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from store import anchors
from store.events import DecisionMade, DecisionRefused
from store.model import GateState, RunStatus
from tests.support.asked import Asked, asked
from tests.support.engines import gate, plan, step

pytestmark = pytest.mark.anyio

TWO = plan(step("draft"), gate("review", ["draft"], quorum=2), workflow="publish_post")
OWN = plan(step("draft"), gate("review", ["draft"], requester_may_decide=True, approvers=("U0MINA",)), workflow="own")


@pytest.mark.parametrize("by", ["socket", "http"])
async def test_an_approver_approves_on_the_card(tmp_path: Path, by: str) -> None:
    async with asked(tmp_path, by=by) as here:
        said = await here.click("ravi")
        assert "You approved" in said
        run = await here.place.ended(here.run)
        assert run.status is RunStatus.SUCCEEDED
        [made] = await here.events(DecisionMade)
        assert (made.actor.id, made.actor.name, made.verdict, made.surface) == ("U0RAVI", "ravi", "approve", "card")


async def test_the_second_approver_learns_who_was_first(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        await here.click("ravi")
        said = await _late(here, "ada")
        assert "Already approved by <@U0RAVI>" in said
        assert len(await here.events(DecisionMade)) == 1


async def _late(here: Asked, who: str) -> str:
    """Click on a card whose buttons have not gone yet on this person's screen."""
    before = len(here.place.heard(who))
    await _raw_click(here, who)
    return await here.place.whispered(who, before + 1)


async def _raw_click(here: Asked, who: str, *, ts: str = "", value: str = "", action: str = "gate_approve") -> None:
    """A click as Slack delivers it, whatever the message looks like by now."""
    parts = here.place.sandbox.parts
    user = parts.workspace.user(who)
    payload = parts.payloads.interaction("block_actions", user, parts.triggers.mint(user.id))
    url = parts.response_urls.mint(user_id=user.id, channel_id=here.channel)
    payload |= {
        "container": {"type": "message", "message_ts": ts or here.ts, "channel_id": here.channel},
        "channel": {"id": here.channel, "name": "content"},
        "message": {"ts": ts or here.ts, "text": "card"},
        "response_url": url,
        "actions": [
            {"type": "button", "action_id": action, "block_id": "b", "value": value or here.gate.id,
             "action_ts": parts.workspace.mint_ts()}
        ],
    }  # fmt: skip
    outcome = await parts.delivery.interaction(payload)
    assert outcome.acked


async def test_two_approvers_at_once_settle_it_once(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        async with anyio.create_task_group() as both:
            both.start_soon(_raw_click, here, "ravi")
            both.start_soon(_raw_click, here, "ada")
        said = [await here.place.whispered(who) for who in ("ravi", "ada")]
        assert sorted("You approved" in one for one in said) == [False, True]
        assert sorted("Already approved by" in one for one in said) == [False, True]
        assert len(await here.events(DecisionMade)) == 1


async def test_the_requester_may_not_approve_and_is_told_who_may(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        said = await here.click("mina")
        assert "You started this run, so you may not decide" in said
        assert "@editors" in said
        assert (await here.look()).state is GateState.OPEN
        [refused] = await here.events(DecisionRefused)
        assert refused.refusal == "actor_is_requester"


async def test_a_requester_who_is_named_may_decide_where_the_workflow_lets_them(tmp_path: Path) -> None:
    async with asked(tmp_path, OWN) as here:
        assert "You approved" in await here.click("mina")


async def test_somebody_else_is_told_who_may_and_the_attempt_is_kept(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        said = await here.click("omar")
        assert "Only @editors may decide" in said
        assert (await here.look()).state is GateState.OPEN
        [refused] = await here.events(DecisionRefused)
        assert (refused.actor.id, refused.refusal) == ("U0OMAR", "actor_not_approver")


async def test_a_guest_decides_nothing_even_in_the_group(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        here.place.sandbox.change_group("editors", ["ada", "gus"])
        said = await here.click("gus")
        assert "you are a guest here" in said
        assert (await here.look()).state is GateState.OPEN
        assert (await here.events(DecisionRefused))[0].refusal == "actor_not_member"


async def test_who_has_left_the_group_decides_nothing(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        here.place.sandbox.change_group("editors", ["ada"])
        assert "Only @editors may decide" in await here.click("ravi")
        assert "You approved" in await here.click("ada")


async def test_who_has_left_the_organisation_decides_nothing(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        here.place.sandbox.change_person("ravi", deleted=True)
        await _raw_click(here, "ravi")
        await here.place.all_answered()
        assert (await here.look()).state is GateState.OPEN


async def test_without_user_groups_nobody_is_in_any_and_it_says_so(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        here.place.sandbox.disable_methods({"usergroups.list", "usergroups.users.list"})
        said = await here.click("ravi")
        assert "Only @editors may decide" in said
        assert "Slack did not tell me who is in @editors" in said
        assert (await here.look()).state is GateState.OPEN
        lacks = {lack.name: lack.code for lack in here.place.slack.capabilities.all()}
        assert lacks["usergroups"] == "unknown_method"


async def test_the_operators_own_groups_work_without_user_groups(tmp_path: Path) -> None:
    async with asked(tmp_path, own_groups={"editors": ["omar@meadow.example"]}) as here:
        here.place.sandbox.disable_methods({"usergroups.list", "usergroups.users.list"})
        assert "Only @editors may decide" in await here.click("ravi")
        assert "You approved" in await here.click("omar")


async def test_where_slack_can_never_say_who_anybody_is_everybody_is_refused_and_told_so(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        here.place.sandbox.disable_methods({"users.info"})
        assert "does not let me check who anybody is" in await here.click("ravi")
        assert (await here.look()).state is GateState.OPEN


async def test_a_rejection_asks_for_a_reason_and_tells_it(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        view = await here.form("ravi")
        assert view["private_metadata"] == here.gate.id
        assert (await here.look()).state is GateState.OPEN
        outcome = await here.place.sandbox.act_as("ravi").submit(
            view["id"], {"reason": {"reason": "No *source* <!channel>"}}
        )
        assert outcome.closed
        assert "You rejected" in await here.place.whispered("ravi")
        run = await here.place.ended(here.run)
        assert run.status is RunStatus.REJECTED
        [made] = await here.events(DecisionMade)
        assert (made.verdict, made.comment) == ("reject", "No *source* <!channel>")


async def test_closing_the_form_decides_nothing(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        view = await here.form("ravi")
        await here.place.sandbox.act_as("ravi").close(view["id"])
        await here.place.all_answered()
        assert (await here.look()).state is GateState.OPEN
        assert await here.events(DecisionMade) == []


async def test_who_may_not_decide_need_not_write_a_reason_first(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        assert "Only @editors may decide" in await here.click("omar", "gate_reject")
        assert here.place.sandbox.act_as("omar").open_views == []


async def test_a_form_that_was_overtaken_says_so(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        view = await here.form("ravi")
        await here.click("ada")
        await here.place.sandbox.act_as("ravi").submit(view["id"], {"reason": {"reason": "too late"}})
        assert "Already approved by <@U0ADA>" in await here.place.whispered("ravi")
        assert len(await here.events(DecisionMade)) == 1


async def test_a_form_that_cannot_be_opened_is_answered(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        here.place.sandbox.faults.add(method="views.open", kind="error", error="expired_trigger_id")
        said = await here.click("ravi", "gate_reject")
        assert "could not open the form" in said
        assert f"reject {here.gate.name} because" in said
        assert (await here.look()).state is GateState.OPEN


async def test_a_click_on_another_message_decides_nothing(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        await _raw_click(here, "ravi", ts="1700000000.000100")
        said = await here.place.whispered("ravi")
        assert f"This is not the card of {here.gate.name}" in said
        assert (await here.look()).state is GateState.OPEN
        await _raw_click(here, "ravi", value="0123456789abcdef01234567")
        assert "no card that I know" in await here.place.whispered("ravi", 2)


async def test_a_click_while_the_cards_place_is_being_written_down_counts(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        key = f"gate:{here.gate.id}"
        card = await here.place.engine.database.read(lambda tx: anchors.of(tx, key))
        assert card is not None
        unsure = replace(card, ts=None, state="sending")
        await here.place.engine.database.write(lambda tx: anchors.keep(tx, unsure))
        await _raw_click(here, "ravi")
        assert "You approved" in await here.place.whispered("ravi")


async def test_a_quorum_counts_people_and_not_clicks(tmp_path: Path) -> None:
    async with asked(tmp_path, TWO) as here:
        assert "1 of 2 approvals" in await here.click("ravi")
        assert "It counts once" in await _late(here, "ravi")
        assert (await here.look()).state is GateState.OPEN
        assert "You approved" in await _late(here, "ada")
        assert (await here.look()).state is GateState.APPROVED


async def test_the_exact_words_decide_in_a_direct_message(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        said = await here.place.dm("ravi", f"approve {here.gate.name} well done")
        assert "You approved" in said
        [made] = await here.events(DecisionMade)
        assert (made.comment, made.surface) == ("well done", "dm")


async def test_the_exact_words_reject_with_a_reason_after_a_mention(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        root_ts = here.place.ours("#content")[0]["ts"]
        line = f"<@U0BOT> reject {here.gate.name.lower()} because it is a duplicate"
        await here.place.sandbox.act_as("ravi").say("#content", line, thread_ts=root_ts)
        assert "You rejected" in await here.place.whispered("ravi")
        assert (await here.events(DecisionMade))[0].comment == "it is a duplicate"


async def test_a_version_that_is_not_the_newest_is_not_decided_on(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        said = await here.place.command("ravi", f"approve {here.gate.name} v7")
        assert "You wrote v7" in said
        assert (await here.look()).state is GateState.OPEN
        assert "You approved" in await here.place.command("ravi", f"approve {here.gate.name} v1")


async def test_praise_in_the_thread_gets_the_real_buttons_and_decides_nothing(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        root_ts = here.place.ours("#content")[0]["ts"]
        person = here.place.sandbox.act_as("ravi")
        await person.say("#content", "<@U0BOT> looks good to me 👍", thread_ts=root_ts)
        said = await here.place.whispered("ravi")
        assert "A reply alone does not count" in said
        assert (await here.look()).state is GateState.OPEN
        whisper = person.ephemerals[-1]
        assert (await person.click("#content", whisper["ts"], "gate_approve")).acked
        assert "You approved" in await here.place.whispered("ravi", 2)


async def test_an_unknown_gate_is_no_gate(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        assert "I know no gate `G-999`" in await here.place.command("ravi", "approve G-999")


async def test_home_shows_what_waits_and_takes_the_decision(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        person = here.place.sandbox.act_as("ravi")
        await person.open_home()
        await here.place.sandbox.until(lambda: person.home)
        assert here.gate.name in str(person.home)
        assert (await person.click_view(person.home["id"], "gate_approve")).acked
        await here.place.sandbox.until(lambda: "You approved" in str(person.home))
        assert "gate_approve" not in str(person.home)
        assert (await here.look()).state is GateState.APPROVED


async def test_home_of_the_requester_does_not_offer_what_they_may_not_decide(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        person = here.place.sandbox.act_as("mina")
        await person.open_home()
        await here.place.sandbox.until(lambda: person.home)
        assert "gate_approve" not in str(person.home)
        assert here.run.name in str(person.home)


async def test_a_click_that_is_delivered_twice_counts_once(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        here.place.sandbox.faults.add(method="interactive", kind="duplicate")
        assert "You approved" in await here.click("ravi")
        await here.place.all_answered()
        assert len(here.place.heard("ravi")) == 1
        assert await here.events(DecisionRefused) == []


async def test_a_submission_that_is_delivered_twice_counts_once(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        view = await here.form("ravi")
        here.place.sandbox.faults.add(method="interactive", kind="duplicate")
        await here.place.sandbox.act_as("ravi").submit(view["id"], {"reason": {"reason": "no"}})
        await here.place.whispered("ravi")
        await here.place.all_answered()
        assert len(here.place.heard("ravi")) == 1
        assert len(await here.events(DecisionMade)) == 1


async def test_a_click_after_the_time_is_over_is_told_so(tmp_path: Path) -> None:
    short = plan(step("draft"), gate("review", ["draft"], expires_ms=300), workflow="publish_post")
    async with asked(tmp_path, short) as here:
        await here.place.ended(here.run)
        await _raw_click(here, "ravi")
        assert f"{here.gate.name} v1> expired" in await here.place.whispered("ravi")
        assert await here.events(DecisionMade) == []


async def test_a_button_of_another_time_is_answered(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        await _raw_click(here, "ravi", action="gate_delegate")
        assert "I don't know this button any more; nothing was changed." in await here.place.whispered("ravi")


async def test_details_are_told_to_whoever_may_see_the_run(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        await _raw_click(here, "omar", action="run_details", value=here.run.id)
        assert "2. Review: waiting" in await here.place.whispered("omar")
