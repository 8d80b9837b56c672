"""The disk takes nothing for a while: what is to be shown waits for it, and the service goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.full_disk import full_at_first
from tests.support.town import town

pytestmark = pytest.mark.anyio


async def test_a_card_waits_for_a_disk_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with town(tmp_path) as place:
        refused = full_at_first(monkeypatch, "bot.projection", "bot.delivery")
        await place.command("mina", "run publish_post x", channel="#content")
        _, step = await place.at_gate()
        await place.card(step.gate.id)
        await place.sandbox.until(lambda: sorted(refused) == ["bot.delivery", "bot.projection"])
        channel, ts = await place.card(step.gate.id)
        assert (await place.sandbox.act_as("ravi").click(channel, ts, "gate_approve")).acked
        assert "You approved" in await place.whispered("ravi")
