"""A run that waits at its gate in a whole town, and what people do at its card."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from store import history
from store.model import Gate, Run
from tests.support.town import REVIEWED, Town, town


class Asked:
    """A run at its gate, with the card in Slack."""

    def __init__(self, place: Town, run: Run, asked: Gate, channel: str, ts: str) -> None:
        self.place, self.run, self.gate, self.channel, self.ts = place, run, asked, channel, ts

    async def click(self, who: str, action: str = "gate_approve") -> str:
        """Press a button on the card and read the private answer."""
        before = len(self.place.heard(who))
        outcome = await self.place.sandbox.act_as(who).click(self.channel, self.ts, action)
        assert outcome.acked, outcome
        return await self.place.whispered(who, before + 1)

    async def form(self, who: str, action: str = "gate_reject") -> dict[str, Any]:
        """Press a button that opens a form, and see the form."""
        person = self.place.sandbox.act_as(who)
        assert (await person.click(self.channel, self.ts, action)).acked
        await self.place.sandbox.until(lambda: person.open_views)
        return person.open_views[-1]

    async def fill(self, who: str, action: str, **fields: Any) -> Any:
        """Press a button, fill in the form's fields by their places, and send it."""
        view = await self.form(who, action)
        given = {f"field:{name.removeprefix('f')}": {"value": value} for name, value in fields.items()}
        return await self.place.sandbox.act_as(who).submit(view["id"], given)

    async def look(self) -> Gate:
        run = await self.place.engine.look(self.run.id)
        assert run is not None
        found = run.steps["review"].gate
        assert found is not None
        return found

    async def events(self, kind: type) -> list[Any]:
        entries = await self.place.engine.database.read(lambda tx: history.of(tx, self.run.id))
        return [entry.event for entry in entries if isinstance(entry.event, kind)]


@asynccontextmanager
async def asked(tmp_path: Path, made: Any = REVIEWED, **options: Any) -> AsyncIterator[Asked]:
    async with town(tmp_path, made, **options) as place:
        typed = "topic=x" if made.inputs else ""
        await place.command("mina", f"run {made.workflow} {typed}", channel="#content")
        run, at = await place.at_gate()
        assert at.gate is not None
        channel, ts = await place.card(at.gate.id)
        yield Asked(place, run, at.gate, channel, ts)
