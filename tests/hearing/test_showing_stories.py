"""People look at all that a gate is about, before they decide or after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from store.model import Plan
from tests.support.asked import Asked, asked
from tests.support.engines import gate, plan, step
from tests.support.readable import readable
from tests.support.town import town

pytestmark = pytest.mark.anyio

LINES = [f"{number} copies of the almanac" for number in range(900)]  # too long for the rows: kept by its hash
SHOWN = {"title": "The order", "lines": LINES}
CARD = {"fields": ["title"]}


def ordered(workflow: str = "order", **policy: Any) -> Plan:
    review = gate("review", ["draft"], with_={"question": "Order it?", "show": SHOWN, "card": CARD}, **policy)
    return plan(step("draft"), review, workflow=workflow)


async def shown(here: Asked, who: str) -> str:
    """Press Show All, and read the window."""
    person = here.place.sandbox.act_as(who)
    assert (await person.click(here.channel, here.ts, "gate_show")).acked
    await here.place.sandbox.until(lambda: person.open_views)
    view = person.open_views[-1]
    return readable(view["title"]["text"], view["blocks"])


def card(here: Asked) -> str:
    found = here.place.sandbox.workspace.said(here.channel).get(here.ts)
    assert found is not None
    return readable(found["text"], found["blocks"])


async def test_what_the_card_leaves_out_is_in_the_window_with_the_same_digest(tmp_path: Path) -> None:
    async with asked(tmp_path, ordered()) as here:
        assert "Not shown here: Lines (900)" in card(here)
        assert LINES[0] not in card(here)
        window = await shown(here, "ravi")
        for words in ("*Order it?*", "The order", LINES[0], LINES[-1], f"`{here.gate.digest[:8]}`", here.run.name):
            assert words in window
        assert here.place.heard("ravi") == []


async def test_it_can_be_read_after_the_decision_too(tmp_path: Path) -> None:
    async with asked(tmp_path, ordered()) as here:
        await here.click("ravi")
        await here.place.ended(here.run)
        await here.place.sandbox.until(lambda: "gate_approve" not in card(here))
        assert LINES[-1] in await shown(here, "mina")


async def test_what_was_erased_is_said_to_be_erased(tmp_path: Path) -> None:
    async with asked(tmp_path, ordered()) as here:
        content = here.gate.shown.hash
        assert content is not None
        [kept] = [one for one in tmp_path.rglob(f"*{content[2:]}*") if one.is_file()]
        kept.unlink()
        assert "(erased)" in await shown(here, "ravi")


async def test_who_may_not_see_the_run_sees_nothing_of_it(tmp_path: Path) -> None:
    secret = ordered("fire_everybody", approvers=("U0NORA",))
    async with town(tmp_path, secret) as place:
        await place.command("nora", "run fire_everybody", channel="#content")
        run, at = await place.at_gate()
        assert at.gate is not None
        here = Asked(place, run, at.gate, *await place.card(at.gate.id))
        assert "Only people who may see this run" in await here.click("omar", "gate_show")
        assert "only for members of this organisation" in await here.click("gus", "gate_show")
        for who in ("omar", "gus"):
            assert place.sandbox.act_as(who).open_views == []
        assert LINES[0] in await shown(here, "nora")


async def test_a_window_that_slack_does_not_open_is_answered_with_what_to_do(tmp_path: Path) -> None:
    async with asked(tmp_path, ordered()) as here:
        here.place.sandbox.faults.add(method="views.open", kind="error", error="expired_trigger_id")
        assert "I could not show it in time. Please click again." in await here.click("ravi", "gate_show")
        assert LINES[0] in await shown(here, "ravi")
