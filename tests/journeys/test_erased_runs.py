"""A run whose content was erased, or that was dropped, can still be asked about in Slack, and nothing breaks there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.requests import Say
from engine.keeping import Keeping
from store import erasure, outbox
from tests.support.engines import OPERATOR
from tests.support.service_with_sandbox import served

pytestmark = pytest.mark.anyio
WORD = "Rumpelstiltskin"
ASKING = """\
workflow: asking
title: Ask somebody
channel: "#content"
inputs: {topic: string}
steps:
  ask:
    uses: approval
    with:
      question: Publish ${{ inputs.topic }}?
      show: {text: "About ${{ inputs.topic }}", title: "${{ inputs.topic }}"}
      card: {fields: [title], body: text}
      approvers: [ravi@meadow.example, ada@meadow.example]
  late: {uses: wait, needs: [ask], with: {until: "${{ inputs.topic }}"}}
"""


async def test_an_erased_run_is_shown_as_erased_everywhere(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "asking.yaml").write_text(ASKING)
    async with served(tmp_path, workflows=tmp_path / "workflows") as office:
        service, engine = office.service, office.service.service.engine
        run = await office.start("mina", f'asking topic="{WORD}"')
        card = await office.card(run)
        await card.until(WORD)
        await card.click("ravi", "gate_approve")
        run = await office.ended(run)
        end = await office.end(run)
        await end.until(WORD)
        await office.sandbox.until(lambda: service.sender.backlog == 0)
        now = engine.clock.now()
        await engine.database.write(lambda tx: erasure.erase(tx, engine.chain, [run.id], now, OPERATOR, "asked"))
        await engine.database.write(lambda tx: outbox.again(tx, run.id))
        engine.told.ring()
        await end.until("(erased)")
        await office.sandbox.until(lambda: service.sender.backlog == 0)
        assert WORD not in card.text
        ravi = office.sandbox.workspace.user("ravi").id
        for ask in ("status", "why", "retry"):
            answer = await service.say(Say(text=f"{ask} {run.name}", user=ravi))
            assert run.name in answer["text"]
            assert WORD not in answer["text"]

        await Keeping(engine).prune(0, by=OPERATOR)
        assert await engine.look(run.id) is None
        answer = await service.say(Say(text=f"status {run.name}", user=ravi))
        assert run.name in answer["text"]
        assert await office.runs() == []
