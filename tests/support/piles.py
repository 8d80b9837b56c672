"""A run over a list whose items each wait at a gate, with the one card that their gates share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from store import anchors, history
from store.model import Gate, GateState, Plan, Run
from tests.support.engines import block, gate, plan, step
from tests.support.readable import readable
from tests.support.town import CARDS, Town, town

MINUTE = 60_000


def pile(count: int = 3, *, digest_ms: int = 5 * MINUTE, workflow: str = "pile", **policy: Any) -> Plan:
    """A list of so many pages, each with a gate."""
    items = [{"id": f"page-{n}", "genre": ("Novel", "Essay")[n % 2], "text": f"What stands on page {n}."}
             for n in range(1, count + 1)]  # fmt: skip
    policy.setdefault("on_reject", "continue")
    asks = {"question": "Is ${{ page.id }} good?", "show": "${{ page }}", "card": {"fields": ["genre"], "body": "text"}}
    return plan(
        step("pages", with_={"all": items}),
        block("checks", ["pages"], each="steps.pages.output.all", as_="page", key="page.id", concurrency=50,
              title="Check the pages"),
        gate("checks.look", with_=policy.pop("with_", asks), digest_ms=digest_ms, **policy),
        workflow=workflow,
    )  # fmt: skip


class Pile:
    """A run whose gates stand on one card, and what people do there."""

    def __init__(self, place: Town, run: Run, channel: str, ts: str, digest: str) -> None:
        self.place, self.run, self.channel, self.ts, self.digest = place, run, channel, ts, digest

    def card(self) -> str:
        """The card as it reads now."""
        found = self.place.sandbox.workspace.said(self.channel).get(self.ts)
        assert found is not None
        return readable(found["text"], found["blocks"])

    async def shows(self, text: str) -> str:
        """The card, once it says this."""
        await self.place.sandbox.until(lambda: text in self.card())
        return self.card()

    async def click(self, who: str, action: str, block_id: str | None = None) -> str:
        """Press a button on the card, and read the private answer."""
        before = len(self.place.heard(who))
        outcome = await self.place.sandbox.act_as(who).click(self.channel, self.ts, action, block_id)
        assert outcome.acked, outcome
        return await self.place.whispered(who, before + 1)

    async def page(self, who: str) -> dict[str, Any]:
        """Open the form for all items, and see its first page."""
        person = self.place.sandbox.act_as(who)
        assert (await person.click(self.channel, self.ts, "digest_decide")).acked
        await self.place.sandbox.until(lambda: person.open_views)
        return person.open_views[-1]

    async def send(self, who: str, view: dict[str, Any], **picks: str) -> Any:
        """Send a page with what was picked for the gates by their numbers: `G1="approve"`, `G2="reject: why"`."""
        sent: dict[str, dict[str, Any]] = {}
        for name, pick in picks.items():
            verdict, _, reason = pick.partition(": ")
            number = name.removeprefix("G")
            kind = "choose" if verdict.isdigit() else "pick"
            place = {"approve": 0, "reject": 1}.get(verdict, verdict)
            block_id = f"{kind}:{number}"
            element = next(one["element"] for one in view["blocks"] if one.get("block_id") == block_id)
            sent[block_id] = {"pick": element["options"][int(place)]["value"]}
            if reason:
                sent[f"reason:{number}"] = {"reason": reason}
        return await self.place.sandbox.act_as(who).submit(view["id"], sent)

    async def look(self) -> Run:
        run = await self.place.engine.look(self.run.id)
        assert run is not None
        return run

    async def gates(self) -> dict[str, Gate]:
        """The gate of each item as it stands, by the item."""
        run = await self.look()
        return {step.item or "": step.gate for step in run.steps.values() if step.gate is not None}

    async def states(self) -> dict[str, GateState]:
        return {item: gate.state for item, gate in (await self.gates()).items()}

    async def events(self, kind: type) -> list[Any]:
        entries = await self.place.engine.database.read(lambda tx: history.of(tx, self.run.id))
        return [entry.event for entry in entries if isinstance(entry.event, kind)]


async def shared_card(place: Town, run: Run) -> tuple[str, str, str]:
    """Channel, ts and id of the card that the gates of a run share, once it stands in Slack."""
    with anyio.fail_after(10):
        while True:
            standing = await place.engine.database.read(lambda tx: anchors.of_run(tx, run.id))
            found = next((one for one in standing if one.key.startswith("digest:") and one.ts), None)
            if found is not None and found.ts is not None:
                return found.channel, found.ts, found.key.removeprefix("digest:")
            await place.engine.told.wait(20)


@asynccontextmanager
async def piled(
    tmp_path: Path, made: Plan | None = None, *, starter: str = "mina", **options: Any
) -> AsyncIterator[Pile]:
    made = made or pile()
    cards = {made.workflow: CARDS.get(made.workflow, {}) | {"title": "Read a pile", "channel": "#content"}}
    async with town(tmp_path, made, cards=cards, **options) as place:
        await place.command(starter, f"run {made.workflow}", channel="#content")
        run = await place.last_run()
        yield Pile(place, run, *await shared_card(place, run))
