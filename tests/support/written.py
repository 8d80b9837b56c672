"""A run in which something is written wherever something can be, all of it with one word in it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.definitions.plan import version_of
from engine.rules.commands import Decide, SignalRun
from engine.service import Service
from store.model import Changes, Content, Plan, Run, Workflow
from tests.support.engines import MINA, RAVI, block, ended, gate, person, plan, step, waits

WORD = "Rumpelstiltskin"
DAY = 86_400_000
LONG = f"{WORD} " * 2_000


def telling(name: str = "sample", **more: Any) -> Plan:
    """Inputs, outputs, a list, a question, a card, changes asked for, an event, a failure and a large value."""
    topic = "${{ inputs.topic }}"
    shown = {"question": f"{topic}?", "show": "${{ steps.draft.output }}", "card": {"body": topic}}
    made = plan(
        step("draft", with_={"text": "${{ inputs.text }}", "title": "${{ inputs.topic }}"}),
        gate("review", ["draft"], with_=shown, changes=Changes("draft", 3)),
        block("each", ["review"], each="[inputs.topic, 'b']", key="item == 'b' ? 'b' : 'a'"),
        step("each.one", with_={"is": "${{ item }}"}),
        step("hear", "wait", ["each"], spec={"event": "paid"}, with_={}),
        step("broken", "wait", ["hear"], with_={"until": "${{ inputs.topic }}"}, on_failure="continue"),
        workflow=name,
        inputs={"topic": {"type": "string"}, "text": {"type": "string"}},
        outputs={"title": "${{ steps.review.output.content.title }}", "all": "${{ steps.draft.output }}"},
        **more,
    )
    return replace(made, version=version_of(made))


def keeping(made: Plan, keep_ms: int | None) -> Workflow:
    return Workflow(made.workflow, made.workflow.title(), made.version, keep_content_ms=keep_ms)


async def told(service: Service, name: str = "sample", **more: Any) -> Run:
    """The run, ended."""
    engine = service.engine
    run = await waits(service, (await engine.start(name, {"topic": WORD, "text": LONG}, actor=MINA, **more)).run)
    facts = person(RAVI, "@editors", at=engine.clock.now())
    await engine.perform(run.id, Decide("review", RAVI, "changes", comment=f"more {WORD}"), person=facts)
    await engine.wait_for(run.id, lambda run: run.steps["review"].gate and run.steps["review"].gate.version == 2)
    facts = person(RAVI, "@editors", at=engine.clock.now())
    await engine.perform(run.id, Decide("review", RAVI, "approve", comment=WORD), person=facts)
    await engine.perform(run.id, SignalRun(MINA, "paid", Content({"who": WORD})))
    return await ended(service, run)


def holds(database: Path, word: str = WORD) -> list[str]:
    """The files of this database in which the word stands."""
    found = [*database.parent.glob(f"{database.name}*"), *Path(f"{database}.content").rglob("*")]
    return [file.name for file in found if file.is_file() and word.encode() in file.read_bytes()]


def aged(database: Path, at_ms: int) -> None:
    """Let every value in the content folder be as old as that."""
    for file in Path(f"{database}.content").rglob("*"):
        if file.is_file():
            os.utime(file, (at_ms / 1000, at_ms / 1000))
