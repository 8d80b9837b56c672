"""Runs that wait at a gate, and everything that may happen to one of them: by people, by programs and by the clock.

A move is made ready first (a card is there, a form is open), so that two of them can happen at the very same moment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from bot.client import Client
from bot.requests import Objection, Request
from bot.sandbox.server import Sandbox
from engine.rules.evolution import fold
from store import anchors, history, lookups, receipts
from store.history import Chain
from store.model import Gate, GateState, Run
from tests.support.leaping_clock import LeapingClock
from tests.support.service_with_sandbox import ServedOffice, served

MINUTE_MS = 60_000
DEADLINE = 20.0
CHANNELS = ("#general", "#content", "#content-alerts", "#support", "#intake")  # Slack's pace is by channel
BREATH_MS = 5_000  # as long as Slack wants between two edits, and more

WORKFLOW = """\
workflow: contested
title: What everybody is after
channel: "#content"
steps:
  draft: {uses: transform, with: {text: "A note."}}
  review:
    uses: approval
    needs: [draft]
    with:
      question: Publish it?
      show: ${{ steps.draft.output }}
      card: {body: text}
      approvers: ["@editors"]
      edit: [text]
      changes: {rerun: draft, rounds: 5}
      due: 30m
      escalate_after_due: 0s
      escalate_to: ["@content-leads"]
      expires: 2h
  publish: {uses: transform, needs: [review], with: {text: "${{ steps.review.output.content.text }}"}}
  bell: {uses: wait, with: {event: rung, for: 9d}}
  over: {uses: stop, needs: [bell], with: {outcome: succeeded, reason: It was rung}}
  done: {uses: stop, needs: [publish], with: {outcome: succeeded, reason: It was published}}
"""

MOVING = ("ready", "running")

Act = Callable[[], Awaitable[str]]
"""Does it, and gives what whoever did it was told; the clock is told nothing."""


@dataclass(frozen=True, slots=True)
class Contest:
    """One run that waits at its gate, with its card in Slack."""

    arena: Arena
    run: Run
    gate: Gate
    channel: str
    ts: str

    # Moves made ready ----------------------------------------------------------------------------------------------

    async def approve(self, who: str) -> Act:
        return lambda: self._click(who, "gate_approve", f"{self.gate.id}.{self.gate.digest[:16]}")

    async def reject(self, who: str) -> Act:
        view = await self._form(who, "gate_reject")
        return lambda: self._submit(who, view, {"reason": {"reason": "No."}})

    async def edit(self, who: str) -> Act:
        view = await self._form(who, "gate_edit")
        return lambda: self._submit(who, view, {"field:0": {"value": f"A note by {who}."}})

    async def changes(self, who: str) -> Act:
        view = await self._form(who, "gate_changes")
        return lambda: self._submit(who, view, {"comment": {"comment": "Shorter."}})

    async def cancel(self, who: str) -> Act:
        return lambda: self.arena.office.ask(who, f"cancel {self.run.name}", self.channel)

    async def retry(self, who: str) -> Act:
        return lambda: self.arena.office.ask(who, f"retry {self.run.name}", self.channel)

    async def by_program(self, request: Request) -> Act:
        return lambda: self.arena.asked(request)

    async def leap(self, ms: int) -> Act:
        async def turned() -> str:
            self.arena.clock.leap(ms)
            return ""

        return turned

    # How -----------------------------------------------------------------------------------------------------------

    async def _click(self, who: str, action: str, value: str) -> str:
        """A click as Slack delivers it, whatever has become of the card meanwhile."""
        office, parts = self.arena.office, self.arena.office.sandbox.parts
        before, user = len(office.whispers(who)), parts.workspace.user(who)
        place = parts.workspace.channel(self.channel)
        payload = parts.payloads.interaction("block_actions", user, parts.triggers.mint(user.id))
        payload |= {
            "container": {"type": "message", "message_ts": self.ts, "channel_id": place.id},
            "channel": {"id": place.id, "name": place.name},
            "message": {"ts": self.ts, "text": "card"},
            "response_url": parts.response_urls.mint(user_id=user.id, channel_id=place.id),
            "actions": [
                {
                    "type": "button",
                    "action_id": action,
                    "block_id": "b",
                    "value": value,
                    "action_ts": parts.workspace.mint_ts(),
                }
            ],
        }
        outcome = await parts.delivery.interaction(payload)
        assert outcome.acked, outcome
        return await office.whispered(who, before + 1)

    async def _form(self, who: str, action: str) -> str:
        person = self.arena.office.sandbox.act_as(who)
        before = len(person.open_views)
        assert (await person.click(self.channel, self.ts, action)).acked
        await self.arena.office.sandbox.until(lambda: len(person.open_views) > before)
        return str(person.open_views[-1]["id"])

    async def _submit(self, who: str, view: str, values: dict[str, Any]) -> str:
        """Send a form. What is said under its fields counts as told, too."""
        office = self.arena.office
        before = len(office.whispers(who))
        outcome = await office.sandbox.act_as(who).submit(view, values)
        assert outcome.error is None, outcome
        if outcome.errors:
            return " ".join(outcome.errors.values())
        if not outcome.closed:
            (shown,) = [one for one in office.sandbox.act_as(who).open_views if one["id"] == view]
            return str(shown)
        return await office.whispered(who, before + 1)


@dataclass(frozen=True, slots=True)
class Arena:
    """One service for any number of contests."""

    office: ServedOffice
    clock: LeapingClock

    async def contest(self, number: int) -> Contest:
        """A fresh run at its gate. The clock moves on a little, as Slack wants its pauses."""
        self.clock.leap(BREATH_MS)
        channel = CHANNELS[number % len(CHANNELS)]
        run = await self.office.start("mina", "contested", channel)
        engine = self.office.service.service.engine
        with anyio.fail_after(DEADLINE):
            run = await engine.wait_for(run.id, lambda one: one.steps["review"].gate is not None)
            gate = run.steps["review"].gate
            assert gate is not None
            while True:
                bell = engine.told.event()
                found = await engine.database.read(lambda tx: anchors.of(tx, f"gate:{gate.id}"))
                if found is not None and found.ts is not None:
                    return Contest(self, run, gate, channel, found.ts)
                with anyio.move_on_after(0.05):
                    await bell.wait()
                self.clock.leap(BREATH_MS)

    async def asked(self, request: Any) -> str:
        """Ask by the socket beside the database, as the command line does."""
        client = Client(Path(self.office.environment["POINTSMAN_DB"]))
        try:
            answer = await anyio.to_thread.run_sync(client.ask, request)
        except Objection as no:
            return f"{no.message} {no.hint}".strip()
        return f"Done: {answer['name']} is {answer['status']}"

    async def rests(self, contest: Contest) -> Run:
        """The run, once nothing moves any more, the clock has had its say, and everybody was answered."""
        await self.office.all_answered()
        with anyio.fail_after(DEADLINE):
            return await self.office.service.service.engine.wait_for(contest.run.id, self._still)

    def _still(self, run: Run) -> bool:
        gate = run.steps["review"].gate
        if run.status.finished:
            return True
        if gate is None or any(step.status.value in MOVING for step in run.steps.values()):
            return False
        return gate.state is not GateState.OPEN or gate.next_timer_at > self.clock.now()

    async def recorded(self, run: Run) -> list[Any]:
        """The history of a run, which must fold to the rows that stand there."""
        database = self.office.service.service.engine.database
        entries, row = await database.read(lambda tx: (history.of(tx, run.id), lookups.run(tx, run.id)))
        events = [one.event for one in entries if one.event]
        assert fold(None, events) == row
        return events

    async def verified(self) -> None:
        """The chain of the whole file holds, and nobody is left without an answer."""
        database = self.office.service.service.engine.database
        assert await database.read(lambda tx: list(history.verify(tx, Chain()))) == []
        assert await database.read(lambda tx: receipts.open(tx, 10)) == []


@asynccontextmanager
async def arena(folder: Path) -> AsyncIterator[Arena]:
    clock = LeapingClock()
    workflows = folder / "workflows"
    workflows.mkdir()
    (workflows / "contested.yaml").write_text(WORKFLOW)
    async with served(folder, sandbox=Sandbox(clock=clock), workflows=workflows, clock=clock) as office:
        yield Arena(office, clock)
