"""Messages that runs wait for: what is written in a run's thread, or in a channel, goes to the step that waits for it.

Whoever wrote it must be the requester, or one who may start or control the workflow; what others write is passed over,
and a line goes into the log. A message goes to a run at most once, to the first of its steps that waits for such a one,
however often Slack brings it. What was written before the step waited is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from bot.desk import rights
from bot.desk.bench import Bench, NotYet
from bot.desk.retelling import told
from bot.intake import Message, Posted
from bot.slack import SlackFault
from engine.rules.commands import Refusal, SignalRun
from engine.rules.expressions.patterns import pattern
from store import anchors, lookups, receipts
from store.database import Reader, Writer
from store.model import Actor, Content, Run, StepKey
from store.receipts import Receipt

log = structlog.get_logger("messages")

EVENT = "message"  # by this name runs wait for all messages; which one is meant stands in the plan
LOOKED_AT_MAX = 4_000  # characters of a message that a pattern sees
_TOLD = ("text", "user", "channel", "ts", "thread", "permalink")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step of a run that waits for such a message."""

    run: Run
    step: StepKey
    where: str  # thread, or a channel


class Awaiting:
    """Brings messages to the runs that wait for them."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def concerns(self, posted: Posted) -> bool:
        """Whether a run may wait for it."""
        return bool(await self._waiting(posted.message))

    async def carry_out(self, posted: Posted) -> None:
        """Bring it to each run that waits for it. Raises NotYet when Slack cannot say who wrote it, or where."""
        for one in await self._waiting(posted.message):
            if await self._is_there(one, posted) and await self._may_answer(one, posted):
                await self._bring(one, posted)

    async def _waiting(self, message: Message) -> list[Waiting]:
        """Of each run the first step that this message fits, as far as is known of channels."""
        text = str(told(message, "")["text"])[:LOOKED_AT_MAX]

        def look(tx: Reader) -> list[Waiting]:
            found: dict[str, Waiting] = {}
            for run_id, key in self._fitting(tx, message, text):
                run = None if run_id in found else lookups.run(tx, run_id)
                if run is not None:
                    found[run_id] = Waiting(run, key, self._where(tx, run, key))
            return list(found.values())

        return await self._bench.engine.database.read(look)

    def _fitting(self, tx: Reader, message: Message, text: str) -> Iterator[tuple[str, StepKey]]:
        in_thread = anchors.of_thread(tx, message.channel, message.thread_ts) if message.thread_ts else None
        for one in lookups.awaiting(tx, EVENT):
            plan = self._bench.engine.plan_in(tx, one.version)
            spec = plan.step(one.name).spec if plan.knows(one.name) else {}
            if spec.get("message") == "thread":
                here = one.run_id == in_thread
            else:
                pinned = self._bench.people.pinned(str(spec.get("message")))
                here = "message" in spec and not message.thread_ts and pinned in (None, message.channel)
            if here and (not spec.get("matches") or pattern(str(spec["matches"])).found_in(text)):
                yield one.run_id, one.key

    def _where(self, tx: Reader, run: Run, key: StepKey) -> str:
        return str(self._bench.engine.plan_in(tx, run.version).step(run.steps[key].name).spec["message"])

    async def _is_there(self, one: Waiting, posted: Posted) -> bool:
        """Whether it stands where the run looks. Raises NotYet when nobody can say whose channel it is."""
        here = posted.message.channel
        facts = await self._bench.people.channel(here if one.where == "thread" else one.where)
        if not facts.known and (one.where == "thread" or self._bench.people.pinned(one.where) == here):
            met = await self._bench.glance(posted.user)
            raise NotYet(SlackFault("channel_not_told", retryable=True), met.person)
        if facts.id != here:
            return False
        if posted.external or facts.external:
            self._passed_over(one, posted, "the channel is shared with another organisation")
            return False
        return True

    async def _may_answer(self, one: Waiting, posted: Posted) -> bool:
        workflow = self._bench.workflow(one.run)
        met = await self._bench.meet(posted.user, (*workflow.access.start, *workflow.access.control))
        if rights.may_start(met.person, workflow) or rights.may_control(met.person, workflow, one.run):
            return True
        if met.trouble is not None:
            raise NotYet(met.trouble, met.person)
        self._passed_over(one, posted, "who wrote it may neither start nor control the workflow")
        return False

    async def _bring(self, one: Waiting, posted: Posted) -> None:
        message, engine = posted.message, self._bench.engine
        met = await self._bench.glance(posted.user)
        event = told(message, self._bench.permalink(message.channel, message.ts, message.thread_ts or None))
        data: Content = engine.content.kept({name: event[name] for name in _TOLD})
        signal = SignalRun(Actor("person", posted.user, met.person.name), EVENT, data, one.step)
        key = f"message:{message.channel}:{message.ts}:{one.run.id}"

        def bring(tx: Writer) -> Refusal | None:
            if receipts.of(tx, key) is not None:
                return None
            performed = engine.change(tx, one.run.id, signal)
            if performed.refusal is None:
                answer = {"run": one.run.id, "name": one.run.name}
                receipts.put(tx, Receipt(key, "message", {"step": one.step}, self._bench.now(), "answered", answer))
            return performed.refusal

        refusal = await engine.database.write(bring)
        if refusal is not None:
            self._passed_over(one, posted, f"{one.step} waits no longer")
            return
        log.info("message.brought", run=one.run.name, step=one.step)

    def _passed_over(self, one: Waiting, posted: Posted, why: str) -> None:
        where = {"channel": posted.message.channel, "ts": posted.message.ts, "user": posted.user}
        log.info("message.passed_over", run=one.run.name, why=why, **where)
